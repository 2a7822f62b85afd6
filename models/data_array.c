/* data_array.c: the canonical text of data arrays (NETWORK.md §6), both ways. */
#include "models/data_array.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "core/number.h"

static const char first_line[] = "weightproof-array 1";
static const char magic[] = "weightproof-array ";

struct lines { const char *file, *at, *next, *end, *line_end; size_t line; struct diag *d; };

size_t data_array_count(const struct data_array *a)
{
    size_t n = 1;

    for (size_t i = 0; i < a->rank; i++)
        n *= a->shape[i];
    return n;
}

void data_array_clear(struct data_array *a)
{
    free(a->data);
    *a = (struct data_array){ 0 };
}

bool data_array_is_text(const char *data, size_t size)
{
    return size >= sizeof magic - 1 && memcmp(data, magic, sizeof magic - 1) == 0;
}

enum status data_array_write(struct text *out, const struct data_array *a)
{
    size_t width = a->shape[a->rank - 1], n = data_array_count(a);

    text_addf(out, "%s\nshape", first_line);
    for (size_t i = 0; i < a->rank; i++)
        text_addf(out, " %zu", a->shape[i]);
    text_add(out, "\n");
    for (size_t i = 0; i < n; i++) {
        number_add_hex(out, a->data[i]);
        text_add_n(out, (i + 1) % width ? " " : "\n", 1);
    }
    text_add(out, "end\n");
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}

static enum status __attribute__((format(printf, 2, 3))) wrong(struct lines *l, const char *format, ...)
{
    char message[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return diag_fail(l->d, STATUS_INPUT, "%s: line %zu: %s", l->file, l->line, message);
}

/* Tokens are separated by single spaces: an empty token is what a space too many leaves. */
static enum status next_line(struct lines *l)
{
    const char *end = l->next < l->end ? memchr(l->next, '\n', (size_t)(l->end - l->next)) : NULL;

    l->line++;
    if (!end)
        return wrong(l, l->next < l->end ? "the last line has no line end" : "the file ends before 'end'");
    for (const char *p = l->next; p < end; p++)
        if (*p < ' ' || *p > '~')
            return wrong(l, "byte 0x%02x, only printable ASCII is allowed", (unsigned)(unsigned char)*p);
    l->at = l->next;
    l->line_end = end;
    l->next = end + 1;
    return STATUS_OK;
}

/* The next token of the line, up to a space or the end; false at the end of the line. */
static bool next_token(struct lines *l, const char **s, size_t *n)
{
    const char *space;

    if (l->at > l->line_end)
        return false;
    space = memchr(l->at, ' ', (size_t)(l->line_end - l->at));
    *s = l->at;
    *n = (size_t)((space ? space : l->line_end) - l->at);
    l->at += *n + 1;
    return true;
}

static int shown(size_t n) { return n > 60 ? 60 : (int)n; }

static bool positive(size_t *out, const char *s, size_t n)
{
    size_t v = 0;

    if (n == 0 || n > 10 || s[0] == '0')
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = 10 * v + (size_t)(s[i] - '0');
    }
    *out = v;
    return v <= INT32_MAX;
}

static enum status read_shape(struct lines *l, struct data_array *a, size_t *count)
{
    enum status status = next_line(l);
    const char *s = "";
    size_t n = 0;

    if (status != STATUS_OK)
        return status;
    if (!next_token(l, &s, &n) || n != 5 || memcmp(s, "shape", 5) != 0)
        return wrong(l, "'shape' and one to three dimensions expected, found '%.*s'", shown(n), s);
    for (*count = 1; next_token(l, &s, &n);) {
        if (a->rank == ARRAY_MAX_RANK)
            return wrong(l, "a data array has at most three dimensions");
        if (!positive(&a->shape[a->rank], s, n))
            return wrong(l, "a dimension is an integer from 1 to 2147483647, found '%.*s'", shown(n), s);
        /* a number takes two bytes of text at least, so memory is bounded by the file */
        if (*count > (size_t)(l->end - l->next) / a->shape[a->rank])
            return wrong(l, "the shape is larger than the rest of the file");
        *count *= a->shape[a->rank++];
    }
    return a->rank ? STATUS_OK : wrong(l, "a data array has one to three dimensions");
}

static enum status read_entries(struct lines *l, struct data_array *a, size_t count)
{
    size_t width = a->shape[a->rank - 1], n = 0;
    const char *s = "";

    for (size_t i = 0; i < count; i++) {
        enum status status = i % width ? STATUS_OK : next_line(l);
        if (status != STATUS_OK)
            return status;
        if (!next_token(l, &s, &n))
            return wrong(l, "the line ends after %zu of %zu numbers", i % width, width);
        if (!number_from_hex(&a->data[i], s, n))
            return wrong(l, "'%.*s' is not a number in canonical form", shown(n), s);
        if ((i + 1) % width == 0 && l->at <= l->line_end)
            return wrong(l, "the line has more than %zu numbers", width);
    }
    return STATUS_OK;
}

static bool line_is(const struct lines *l, const char *text)
{
    size_t n = strlen(text);

    return (size_t)(l->line_end - l->at) == n && memcmp(l->at, text, n) == 0;
}

static enum status read_all(struct lines *l, struct data_array *a)
{
    size_t count = 0;
    enum status s = next_line(l);

    if (s != STATUS_OK)
        return s;
    if (!line_is(l, first_line))
        return wrong(l, "'%s' expected: not a data array of this version", first_line);
    if ((s = read_shape(l, a, &count)) != STATUS_OK)
        return s;
    if (!(a->data = mem_array(count, sizeof *a->data)))
        return STATUS_MEMORY;
    if ((s = read_entries(l, a, count)) != STATUS_OK || (s = next_line(l)) != STATUS_OK)
        return s;
    if (!line_is(l, "end"))
        return wrong(l, "'end' expected after the last row, found '%.*s'", shown((size_t)(l->line_end - l->at)), l->at);
    l->line++;
    return l->next == l->end ? STATUS_OK : wrong(l, "bytes after 'end'");
}

bool data_array_whole(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(x[i] == trunc(x[i])))
            return false;
    return true;
}

enum status data_array_parse(struct data_array *out, const char *name, const char *text, size_t size, struct diag *d)
{
    struct lines l = { .file = name, .next = text, .end = text + size, .d = d };
    struct data_array a = { 0 };
    enum status s = read_all(&l, &a);

    if (s != STATUS_OK) {
        data_array_clear(&a);
        return s;
    }
    a.whole = data_array_whole(a.data, data_array_count(&a));
    sha256_hex(a.sha256, text, size);
    *out = a;
    return STATUS_OK;
}
