#include "array.h"
#include <string.h>

/* word: the next token of the line under way, which ends at stop; NULL beyond its end */
struct lines { const char *at, *end, *word, *stop; int line; struct fail *f; };

static bool bad(struct lines *l, const char *what) { return fail_at(l->f, 0, ".arr line %d: %s", l->line, what); }

static bool next_line(struct lines *l) {
    const char *nl = l->at < l->end ? memchr(l->at, '\n', (size_t)(l->end - l->at)) : NULL;
    l->line++;
    if (nl == NULL) return bad(l, "the file ends too early");
    for (const char *p = l->at; p < nl; p++)
        if (*p < 32 || *p > 126) return bad(l, "a byte that is not printable ASCII");
    l->word = l->at;
    l->stop = nl;
    l->at = nl + 1;
    return true;
}

/* A token, up to the next space or the end of the line; it is empty where a space is too many. */
static bool word(struct lines *l, const char **s, size_t *n) {
    if (l->word == NULL) return bad(l, "the line ends too early");
    const char *space = memchr(l->word, ' ', (size_t)(l->stop - l->word)), *end = space != NULL ? space : l->stop;
    *s = l->word;
    *n = (size_t)(end - l->word);
    l->word = space != NULL ? space + 1 : NULL;
    return *n > 0 ? true : bad(l, "a space too many");
}

static bool exactly(struct lines *l, const char *text) {
    if (!next_line(l)) return false;
    size_t n = (size_t)(l->stop - l->word);
    return n == strlen(text) && memcmp(l->word, text, n) == 0 ? true : fail_at(l->f, 0, ".arr line %d: '%s' expected", l->line, text);
}

static bool dimension(struct lines *l, uint32_t *out) {
    const char *s;
    size_t n;
    uint64_t v = 0;
    if (!word(l, &s, &n)) return false;
    if (n > 10 || s[0] == '0') return bad(l, "not a dimension");
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return bad(l, "not a dimension");
        v = 10 * v + (uint64_t)(s[i] - '0');
    }
    *out = (uint32_t)v;
    return v <= INT32_MAX ? true : bad(l, "a dimension is too large");
}

/* "shape D1 ... Dk"; every entry takes two bytes of the file at least */
static bool read_shape(struct lines *l, struct array *a) {
    const char *s;
    size_t n;
    if (!next_line(l) || !word(l, &s, &n)) return false;
    if (n != 5 || memcmp(s, "shape", 5) != 0) return bad(l, "'shape' expected");
    for (a->n = 1; l->word != NULL; a->n *= a->d[a->rank++]) {
        if (a->rank == 3) return bad(l, "more than three dimensions");
        if (!dimension(l, &a->d[a->rank])) return false;
        if (a->d[a->rank] > (size_t)(l->end - l->at) / 2 / a->n) return bad(l, "the array is larger than the file");
    }
    return a->rank > 0 ? true : bad(l, "no dimensions");
}

static bool read_all(struct lines *l, struct array *a) {
    if (!exactly(l, "weightproof-array 1") || !read_shape(l, a)) return false;
    uint32_t cols = a->d[a->rank - 1];
    bool whole = true;
    struct dyadic v;
    a->x = mem_get(a->n, sizeof *a->x);
    for (size_t i = 0; i < a->n; i++) num_init(&a->x[i]);
    for (size_t i = 0; i < a->n; i++) {
        const char *s, *why;
        size_t n;
        if ((i % cols == 0 && !next_line(l)) || !word(l, &s, &n)) return false;
        if ((why = dyadic_parse(s, n, &v)) != NULL) return bad(l, why);
        num_set_dyadic(&a->x[i], v);
        whole = whole && mpz_cmp_ui(mpq_denref(a->x[i].q), 1) == 0;
        if (i % cols == cols - 1 && l->word != NULL) return bad(l, "the line is too long");
    }
    for (size_t i = 0; whole && i < a->n; i++) a->x[i].kind = K_INT;
    if (!exactly(l, "end")) return false;
    return l->at == l->end ? true : bad(l, "bytes after the end");
}

bool array_read(struct array *out, const char *text, size_t n, struct fail *f) {
    struct lines l = {.at = text, .end = text + n, .f = f};
    *out = (struct array){0};
    if (read_all(&l, out)) return true;
    array_clear(out);
    return false;
}

void array_clear(struct array *a) {
    for (size_t i = 0; a->x != NULL && i < a->n; i++) num_clear(&a->x[i]);
    mem_free(a->x);
    *a = (struct array){0};
}
