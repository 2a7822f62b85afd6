/* Sequences of the first look: variables, slices of one, and what `seq`, `sort` and lists make of integers and sequences. */
#include "fast.h"
#include <stdlib.h>
#include <string.h>

#define LENGTH_MOST 4096

static bool is_slice(const struct ex *x) { return x->kind == EX_INDEX && x->n == 2 && x->k[1]->kind == EX_SLICE; }

/* The ends of a slice of a sequence of m entries. */
static bool ends(struct fast *f, const struct ex *slice, int64_t m, int64_t *lo, int64_t *hi) {
    *lo = 0;
    *hi = m - 1;
    if (slice->k[0] != NULL && !fast_int(f, slice->k[0], m - 1, lo)) return false;
    if (slice->k[1] != NULL && !fast_int(f, slice->k[1], m - 1, hi)) return false;
    return *lo >= 0 && *hi < m && *hi >= *lo;
}

bool fast_sequence(struct fast *f, const struct ex *x, const int64_t **s, int64_t *n) {
    if (is_slice(x)) {
        int64_t lo, hi, m;
        if (!fast_sequence(f, x->k[0], s, &m) || !ends(f, x->k[1], m, &lo, &hi)) return false;
        *s += lo;
        *n = hi - lo + 1;
        return true;
    }
    if (x->kind != EX_VAR) return false;
    const struct var *v = &f->e->env[x->number];
    *s = v->s;
    *n = v->n;
    return v->set && v->seq;
}

static bool put(struct fast *f, const int64_t *s, int64_t n) {
    if (n < 0 || n > LENGTH_MOST - (int64_t)f->n_made) return false;
    if (f->made == NULL) f->made = mem_get(LENGTH_MOST, sizeof *f->made);
    memcpy(f->made + f->n_made, s, (size_t)n * sizeof *s);
    f->n_made += (uint32_t)n;
    return true;
}

static bool make(struct fast *f, const struct ex *x);

static bool make_slice(struct fast *f, const struct ex *x) {
    uint32_t from = f->n_made;
    int64_t lo, hi;
    if (!make(f, x->k[0]) || !ends(f, x->k[1], (int64_t)f->n_made - from, &lo, &hi)) return false;
    memmove(f->made + from, f->made + from + lo, (size_t)(hi - lo + 1) * sizeof *f->made);
    f->n_made = from + (uint32_t)(hi - lo + 1);
    return true;
}

/* Puts its entries behind those that stand in f->made. Depth is bounded by the parser's. */
static bool make(struct fast *f, const struct ex *x) {
    const int64_t *s;
    int64_t n;
    uint32_t from = f->n_made;
    if (fast_sequence(f, x, &s, &n)) return put(f, s, n);
    if (is_slice(x)) return make_slice(f, x);
    bool sorts = x->kind == EX_CALL && x->number == FN_SORT && x->n == 1;
    if (!sorts && x->kind != EX_LIST && !(x->kind == EX_CALL && x->number == FN_SEQ)) return false;
    for (int i = 0; i < x->n; i++) {
        if (x->kind != EX_LIST && make(f, x->k[i])) continue; /* a list holds numbers only */
        if (sorts || !fast_int(f, x->k[i], -1, &n) || !put(f, &n, 1)) return false;
    }
    if (sorts) qsort(f->made + from, f->n_made - from, sizeof *f->made, rising);
    return true;
}

bool fast_compose(struct fast *f, const struct ex *x, const int64_t **s, int64_t *n) {
    f->n_made = 0;
    if (x->network || !make(f, x)) return false; /* what reads a network may come here again */
    *s = f->made;
    *n = f->n_made;
    return f->n_made > 0;
}

/* Its entries stand behind those of a sequence that may be in use, until the element is read. */
bool fast_element(struct fast *f, const struct ex *x, const struct ex *index, int64_t *out) {
    uint32_t from = f->n_made;
    int64_t i;
    bool good = !x->network && !index->network && make(f, x) && fast_int(f, index, (int64_t)f->n_made - from - 1, &i) && i >= 0 && i < (int64_t)f->n_made - from;
    if (good) *out = f->made[from + (uint32_t)i];
    f->n_made = from;
    return good;
}
