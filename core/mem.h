/* mem: the one allocator. Arrays with overflow-checked sizes; NULL on failure; zeroed. free() releases.
 * Tests make the N-th allocation fail through mem_fail_after. */
#ifndef WEIGHTPROOF_CORE_MEM_H
#define WEIGHTPROOF_CORE_MEM_H
#include <stddef.h>
#include <stdlib.h>
void *mem_array(size_t n, size_t size);                        /* zeroed; n or size 0 gives a valid pointer to free */
void *mem_grow(void *old, size_t *room, size_t want, size_t size); /* at least want elements, doubling; old kept on failure; new part zeroed */
char *mem_string(const char *s);                                /* copy */
char *mem_string_n(const char *s, size_t n);
void mem_fail_after(long n);                                    /* tests: the n-th allocation from now fails once; -1 never */
#endif
