/* split.c: choices of which exactly one holds, and products of them. A product is known by its factors, so that the cases of two products that share a factor meet only where it is the same. */
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

const struct split *split_new(struct smt *m, size_t n)
{
    struct split *s = smt_array(m, 1, sizeof *s);
    const char **when = smt_array(m, n, sizeof *when);
    if (!s || !when) return NULL;
    *s = (struct split){.n = n, .when = when, .id = m->n_atoms++, .n_factors = 1};
    if (!(s->factors = smt_array(m, 1, sizeof *s->factors))) return NULL;
    s->factors[0] = s;
    return s;
}

/* The case of factor f (by place) in case i: the last factor moves fastest. */
static size_t digit(const struct split *s, size_t f, size_t i)
{
    for (size_t k = s->n_factors; --k > f;) i /= s->factors[k]->n;
    return i % s->factors[f]->n;
}

size_t split_case(const struct split *part, const struct split *whole, size_t i)
{
    size_t at = 0;
    for (size_t f = 0, w = 0; part && f < part->n_factors; f++) {
        while (whole->factors[w] != part->factors[f]) w++;
        at = at * part->factors[f]->n + digit(whole, w, i);
    }
    return at;
}

const char *split_when(struct smt *m, const struct split *s, size_t i)
{
    struct text t;
    if (s->when[i] || m->status != STATUS_OK) return s->when[i] ? s->when[i] : "false";
    text_init(&t);
    text_add(&t, "(and");
    for (size_t f = 0; f < s->n_factors; f++) text_addf(&t, " %s", s->factors[f]->when[digit(s, f, i)]);
    text_add(&t, ")");
    return s->when[i] = smt_define(m, smt_fresh(m, "c"), "Bool", smt_keep(m, &t));
}

static bool same_factors(const struct split *a, const struct split *const *f, size_t n)
{
    bool same = a->n_factors == n;
    for (size_t k = 0; same && k < n; k++) same = a->factors[k] == f[k];
    return same;
}

bool split_both(const struct split **out, struct smt *m, const struct split *a, const struct split *b)
{
    *out = a ? a : b;
    if (!a || !b || a == b) return true;
    size_t n = 0, cases = 1, i = 0, k = 0;
    const struct split **f = smt_array(m, a->n_factors + b->n_factors, sizeof *f);
    if (!f) return false;
    while (i < a->n_factors || k < b->n_factors) {
        const struct split *x = i < a->n_factors ? a->factors[i] : NULL, *y = k < b->n_factors ? b->factors[k] : NULL;
        const struct split *next = !y || (x && x->id <= y->id) ? x : y;
        i += next == x;
        k += next == y;
        f[n++] = next;
        if (cases > SMT_CASES / next->n) return false;
        cases *= next->n;
    }
    if (same_factors(a, f, n)) return true;
    *out = b;
    if (same_factors(b, f, n)) return true;
    for (size_t j = 0; j < m->n_splits; j++)
        if (same_factors(*out = m->splits[j], f, n)) return true;
    struct split *s = smt_array(m, 1, sizeof *s);
    void *grown = mem_grow(m->splits, &m->room_splits, m->n_splits + 1, sizeof *m->splits);
    if (grown) m->splits = grown;
    if (!s || !grown || !(s->when = smt_array(m, cases, sizeof *s->when))) return smt_fail(m, STATUS_MEMORY, "out of memory");
    s->n = cases;
    s->factors = f;
    s->n_factors = n;
    *out = m->splits[m->n_splits++] = s;
    return true;
}
