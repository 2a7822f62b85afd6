/* text: a growing string. Invalid after a failed append until text_clear: `failed` is sticky, so that a writer may
 * append many times and ask once. Always NUL-terminated once something was appended. */
#ifndef WEIGHTPROOF_CORE_TEXT_H
#define WEIGHTPROOF_CORE_TEXT_H
#include <stddef.h>
#include <stdbool.h>
#include "core/status.h"
#include "core/diag.h"

struct text { char *data; size_t size, room; bool failed; };
void text_init(struct text *t);
void text_clear(struct text *t);
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Shortest decimal that reads back as x. */
void text_add_double(struct text *t, double x);

/* Whole file into memory (malloc, caller frees), one NUL added beyond size. limit: refuse larger files. */
enum status file_read(char **data, size_t *size, const char *path, size_t limit, struct diag *d) MUST_USE;
/* Writes beside the target and renames: the file is there whole or not at all. */
enum status file_write(const char *path, const void *data, size_t size, struct diag *d) MUST_USE;
/* Directory of path with the trailing slash, or "" ; joined path of a file named relative to another file. malloc, NULL without memory. */
char *path_beside(const char *base_file, const char *name);
/* Is the word of n bytes one of the list's, which the separator divides? list may be NULL: no. */
bool text_list_has(const char *list, char separator, const char *word, size_t n);
/* Edit distance for suggestions (Levenshtein); best of names within a third of the length, or NULL. */
const char *text_suggest(const char *wrong, const char *const *names, size_t n);

#endif
