#include "core/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"

void text_init(struct text *t) { *t = (struct text){ 0 }; }

void text_clear(struct text *t)
{
    free(t->data);
    text_init(t);
}

/* Room for n more bytes and the terminator. */
static bool text_reserve(struct text *t, size_t n)
{
    char *p;

    if (t->failed)
        return false;
    p = n < PTRDIFF_MAX - t->size ? mem_grow(t->data, &t->room, t->size + n + 1, 1) : NULL;
    if (!p) {
        t->failed = true;
        return false;
    }
    t->data = p;
    return true;
}

void text_add_n(struct text *t, const char *s, size_t n)
{
    if (!text_reserve(t, n))
        return;
    if (n)
        memcpy(t->data + t->size, s, n);
    t->size += n;
    t->data[t->size] = '\0';
}

void text_add(struct text *t, const char *s) { text_add_n(t, s, strlen(s)); }

void text_addf(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        t->failed = true;
        return;
    }
    if (!text_reserve(t, (size_t)n))
        return;
    va_start(args, format);
    (void)vsnprintf(t->data + t->size, (size_t)n + 1, format, args);
    va_end(args);
    t->size += (size_t)n;
}

void text_add_double(struct text *t, double x)
{
    char shown[40];

    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(shown, sizeof shown, "%.*g", digits, x);
        if (strtod(shown, NULL) == x)
            break;
    }
    text_add(t, shown);
}

/* Levenshtein distance, SIZE_MAX when a word is too long to be a typing error. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 200 };
    size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];

    if (n > LONGEST || m > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

const char *text_suggest(const char *wrong, const char *const *names, size_t n)
{
    size_t limit = (strlen(wrong) + 2) / 3, best = limit + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(wrong, names[i]);
        if (distance < best) {
            best = distance;
            found = names[i];
        }
    }
    return found;
}

bool text_list_has(const char *list, char separator, const char *word, size_t n)
{
    const char separators[] = { separator, 0 };

    while (list && *list) {
        size_t m = strcspn(list, separators);
        if (m == n && memcmp(list, word, n) == 0)
            return true;
        list += m + (list[m] == separator);
    }
    return false;
}
