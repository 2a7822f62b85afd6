/* bound_narrow.c: atoms of one input alone are bounds of its range: equations among them make the box one of fewer dimensions. */
#include "core/number.h"
#include "verify/bound_search.h"

/* The one input that the form of atom i reads; false: it reads more, or units, or nothing. */
static bool one_input(size_t *out, const struct search *s, size_t i)
{
    mpq_srcptr f = s->b->atoms[s->d->atom[i]].v;
    size_t n = 0;
    for (size_t k = 0; k + 1 < s->p->size; k++) {
        if (mpq_sgn(f + k) == 0) continue;
        if (++n > 1 || k >= s->p->n) return false;
        *out = k;
    }
    return n == 1;
}

/* x_k >= v where the coefficient is positive, else <=; false: atom i says no such thing */
static bool bound_of(mpq_t v, size_t *k, bool *low, const struct search *s, size_t i)
{
    mpq_srcptr f = s->b->atoms[s->d->atom[i]].v;
    if (!one_input(k, s, i)) return false;
    *low = mpq_sgn(f + *k) > 0;
    mpq_div(v, f + s->p->size - 1, f + *k);
    mpq_neg(v, v);
    return true;
}

void case_narrow(struct search *s, struct region *r)
{
    mpq_t v, factor;
    mpq_init(v), mpq_init(factor);
    for (size_t i = 0; i < s->d->n; i++) {
        size_t k;
        bool low;
        if (!bound_of(v, &k, &low, s, i) || mpq_cmp(v, r->a + k) < 0 || mpq_cmp(v, r->b + k) > 0 || mpq_equal(v, low ? r->a + k : r->b + k)) continue;
        mpq_inv(factor, s->b->atoms[s->d->atom[i]].v + k);
        mpq_abs(factor, factor);
        text_addf(s->out, "step %s %zu ", low ? "least" : "most", k);
        number_add_text(s->out, v);
        text_addf(s->out, " g%zu:", i);
        number_add_text(s->out, factor);
        text_add(s->out, "\n");
        case_set_input(s, r, k, v, low);
    }
    mpq_clear(v), mpq_clear(factor);
}

bool case_implies(const struct search *s, const struct region *r, size_t i)
{
    mpq_t v;
    size_t k;
    bool low, implied = false;
    mpq_init(v);
    if (bound_of(v, &k, &low, s, i)) {
        int side = low ? mpq_cmp(r->a + k, v) : mpq_cmp(v, r->b + k);
        implied = s->b->atoms[s->d->atom[i]].strict ? side > 0 : side >= 0;
    }
    mpq_clear(v);
    return implied;
}
