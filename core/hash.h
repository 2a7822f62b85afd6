/* SHA-256 (nettle). */
#ifndef WEIGHTPROOF_CORE_HASH_H
#define WEIGHTPROOF_CORE_HASH_H
#include <nettle/sha2.h>
#include <stddef.h>
#define SHA256_HEX 65
void sha256_hex(char out[SHA256_HEX], const void *data, size_t size);
/* In pieces: begin, add any number of times, end. */
struct sha256 { struct sha256_ctx state; };
void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t size);
void sha256_end(char out[SHA256_HEX], struct sha256 *h);
#endif
