/* json: strict grammar check of a JSON text (RFC 8259) before a lenient parser sees it. Refuses duplicate keys, also when one is written with
 * escapes, invalid UTF-8, lone surrogates, NUL in strings, depth above 64, bytes after the value. */
#ifndef WEIGHTPROOF_CORE_JSON_H
#define WEIGHTPROOF_CORE_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include "core/status.h"
enum json_numbers { JSON_ANY_NUMBER, JSON_COUNTS /* every number is an integer in 0..2^53, without sign, point or exponent */ };
struct json_fault { size_t offset; char what[300]; };
/* STATUS_OK, STATUS_INPUT with *fault filled, STATUS_MEMORY. */
enum status json_check(const char *text, size_t size, enum json_numbers numbers, struct json_fault *fault) MUST_USE;
#endif
