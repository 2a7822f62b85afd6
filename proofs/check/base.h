/* base: failure record, memory, text buffer, files, SHA-256. The checker's own; nothing is shared with the prover.
 * Memory: everything that is parsed lives in an arena and is given back at once. An allocation that fails ends the
 * process in main.c with a status that is not success, so no function below returns NULL. */
#ifndef CHECK_BASE_H
#define CHECK_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Why something was refused: the first reason is kept. line is 0 when no line of the certificate is to blame. */
struct fail { bool set; int line; char text[400]; };
bool fail_at(struct fail *f, int line, const char *format, ...) __attribute__((format(printf, 3, 4))); /* always false */

struct block;
struct arena { struct block *blocks; void *lits; }; /* lits: the literals of parse.c */
void *arena_get(struct arena *a, size_t n, size_t size); /* n * size zero bytes; overflow of the product ends the process */
char *arena_text(struct arena *a, const char *s, size_t n);
void arena_free(struct arena *a);

void *mem_get(size_t n, size_t size);                    /* zeroed */
void *mem_grow(void *p, size_t old_n, size_t new_n, size_t size);
void mem_free(void *p);
void out_of_memory(void) __attribute__((noreturn));      /* defined in main.c */

struct buffer { char *s; size_t n, room; };              /* s is 0-terminated when room > 0 */
void buffer_add(struct buffer *b, const char *s, size_t n);
void buffer_puts(struct buffer *b, const char *s);
void buffer_clear(struct buffer *b);

bool file_read(char **out, size_t *n, const char *path, size_t most); /* false: unreadable or larger than most */
void sha256_hex(char hex[65], const void *data, size_t n);
bool is_sha256(const char *s, size_t n);
#endif
