#ifndef WEIGHTPROOF_CORE_UTF8_H
#define WEIGHTPROOF_CORE_UTF8_H
#include <stdbool.h>
#include <stddef.h>
/* Bytes of the UTF-8 sequence that begins at p (p < end), or 0 if none does: overlong forms, surrogates and values beyond U+10FFFF are not UTF-8. */
size_t utf8_length(const char *p, const char *end);
/* All of it UTF-8, without control bytes. */
bool utf8_is_text(const char *s, size_t n);
#endif
