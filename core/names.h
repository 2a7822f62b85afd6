/* names: a set of strings with their positions, to find duplicates in files of any size in linear time.
 * Keeps pointers only: the strings must outlive it. */
#ifndef WEIGHTPROOF_CORE_NAMES_H
#define WEIGHTPROOF_CORE_NAMES_H
#include <stdbool.h>
#include <stddef.h>
struct names { struct names_slot { const char *name; size_t size, index; } *slots; size_t room, n; };
/* Adds name[0..size) with the given index. *old: NULL, or receives whether it was there before (then nothing changes).
 * False without memory. */
bool names_add(struct names *s, const char *name, size_t size, size_t index, bool *old);
/* Index given when it was added, or -1. */
long names_find(const struct names *s, const char *name, size_t size);
void names_clear(struct names *s);
#endif
