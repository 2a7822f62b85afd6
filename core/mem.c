#include "core/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static _Atomic long fail_countdown = -1;

void mem_fail_after(long n) { atomic_store(&fail_countdown, n == 0 ? 1 : n); }

static bool fails_now(void)
{
    if (atomic_load(&fail_countdown) < 0)
        return false;
    /* 0 is reached once; the next call makes it negative, which is "never" again */
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *mem_array(size_t n, size_t size)
{
    if (fails_now())
        return NULL;
    if (n == 0 || size == 0)
        n = size = 1;
    return n > PTRDIFF_MAX / size ? NULL : calloc(n, size);
}

void *mem_grow(void *old, size_t *room, size_t want, size_t size)
{
    size_t n = *room;
    char *p;

    if (old && want <= n)
        return old;
    if (fails_now() || size == 0)
        return NULL;
    if (!old)
        n = 0;
    n = n < 8 ? 8 : n <= SIZE_MAX / 2 ? n * 2 : want;
    if (n < want)
        n = want;
    if (n > PTRDIFF_MAX / size)
        return NULL;
    p = realloc(old, n * size);
    if (!p)
        return NULL;
    memset(p + (old ? *room : 0) * size, 0, (n - (old ? *room : 0)) * size);
    *room = n;
    return p;
}

char *mem_string(const char *s) { return mem_string_n(s, strlen(s)); }

char *mem_string_n(const char *s, size_t n)
{
    char *p = n < PTRDIFF_MAX ? mem_array(n + 1, 1) : NULL;

    if (p && n)
        memcpy(p, s, n);
    return p;
}
