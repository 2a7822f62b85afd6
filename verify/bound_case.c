/* bound_case.c: one case of units: bounds by exact interval arithmetic, and multipliers, rounded and tested exactly (FORMAT.md §3, rule farkas). */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/bound_search.h"

enum phase case_phase(const struct region *r, size_t k) { return mpq_sgn(r->lo + k) >= 0 ? PHASE_ON : mpq_sgn(r->hi + k) <= 0 ? PHASE_OFF : PHASE_FREE; }

size_t case_free_units(const struct search *s, const struct region *r)
{
    size_t n = 0;
    for (size_t k = 0; k < s->p->units; k++) n += case_phase(r, k) == PHASE_FREE;
    return n;
}

static void case_extreme(mpq_t out, const struct search *s, const struct region *r, mpq_srcptr form, size_t units, bool largest)
{
    const struct pieces *p = s->p;
    mpq_t t;
    mpq_init(t);
    mpq_set(out, form + p->size - 1);
    for (size_t i = 0; i < p->n + units; i++) {
        int sign = mpq_sgn(form + i);
        bool upper = (sign > 0) == largest;
        if (sign == 0) continue;
        mpq_srcptr end = NULL;
        if (i < p->n) end = upper ? s->b->hi + i : s->b->lo + i;
        else {
            enum phase ph = case_phase(r, i - p->n);
            if (ph != PHASE_OFF) end = upper ? r->hi + (i - p->n) : ph == PHASE_ON ? r->lo + (i - p->n) : NULL;
        }
        if (!end) continue;
        mpq_mul(t, form + i, end);
        mpq_add(out, out, t);
    }
    mpq_clear(t);
}

void case_propagate(const struct search *s, struct region *r, size_t from, bool begin)
{
    mpq_t t;
    mpq_init(t);
    for (size_t k = from; k < s->p->units; k++) {
        mpq_srcptr z = s->p->z + k * s->p->size;
        case_extreme(t, s, r, z, k, false);
        if (begin || mpq_cmp(t, r->lo + k) > 0) mpq_set(r->lo + k, t);
        case_extreme(t, s, r, z, k, true);
        if (begin || mpq_cmp(t, r->hi + k) < 0) mpq_set(r->hi + k, t);
    }
    mpq_clear(t);
}

bool case_copy(struct region *r, const struct search *s, const struct region *from)
{
    size_t n = s->p->units;
    *r = (struct region){forms_new(n), forms_new(n)};
    for (size_t k = 0; from && r->lo && r->hi && k < n; k++) mpq_set(r->lo + k, from->lo + k), mpq_set(r->hi + k, from->hi + k);
    return r->lo && r->hi;
}

void case_clear(struct region *r, const struct search *s)
{
    forms_free(r->lo, s->p->units);
    forms_free(r->hi, s->p->units);
}

/* sum += lambda times what the letter names */
static void add_term(struct search *s, const struct region *r, char letter, size_t k, const mpq_t lambda)
{
    mpq_srcptr z = letter == 'g' ? NULL : s->p->z + k * s->p->size;
    size_t size = s->p->size, u = s->p->n + k;
    mpq_t f, t;
    if (letter == 'g') {
        pieces_add(s->sum, s->b->atoms[s->d->atom[k]].v, lambda, size);
        return;
    }
    mpq_init(f), mpq_init(t);
    if (letter == 'q') {
        mpq_add(s->sum + u, s->sum + u, lambda);
        mpq_neg(f, lambda);
    } else {
        mpq_sub(s->sum + u, s->sum + u, lambda);
        mpq_sub(f, r->hi + k, r->lo + k);
        mpq_div(f, r->hi + k, f);
        mpq_mul(f, f, lambda);
        mpq_mul(t, f, r->lo + k);
        mpq_sub(s->sum + size - 1, s->sum + size - 1, t);
    }
    pieces_add(s->sum, z, f, size);
    mpq_clear(f), mpq_clear(t);
}

/* One term, its weight rounded to 2^-bits. */
static void round_term(struct search *s, const struct region *r, char letter, size_t k, double x, int bits, struct text *terms)
{
    mpq_t q;
    x = ldexp(nearbyint(ldexp(x, bits)), -bits);
    bool either = letter == 'q' && case_phase(r, k) == PHASE_ON;
    if (x == 0 || !isfinite(x) || (x < 0 && !either)) return;
    mpq_init(q);
    mpq_set_d(q, x);
    add_term(s, r, letter, k, q);
    text_addf(terms, " %c%zu:", letter, k);
    number_add_text(terms, q);
    mpq_clear(q);
}

/* The weights over `unit` as terms, added to the text and the sum; *strict: an atom that is strict has one. */
void case_terms(struct search *s, const struct region *r, double unit, int bits, struct text *terms, bool *strict)
{
    size_t atoms = s->d->n, units = s->p->units;
    for (size_t i = 0; i < atoms; i++) {
        size_t before = terms->size;
        round_term(s, r, 'g', i, s->weight[i] / unit, bits, terms);
        *strict = *strict || (terms->size > before && s->b->atoms[s->d->atom[i]].strict);
    }
    for (size_t k = 0; k < units; k++) {
        round_term(s, r, 'q', k, s->weight[atoms + k] / unit, bits, terms);
        if (case_phase(r, k) == PHASE_FREE) round_term(s, r, 't', k, s->weight[atoms + units + k] / unit, bits, terms);
    }
}

void case_sum_zero(struct search *s)
{
    for (size_t i = 0; i < s->p->size; i++) mpq_set_ui(s->sum + i, 0, 1);
}

bool case_contradicts(const struct search *s, const struct region *r, bool strict)
{
    mpq_t most;
    mpq_init(most);
    case_extreme(most, s, r, s->sum, s->p->units, true);
    bool good = mpq_sgn(most) < 0 || (mpq_sgn(most) == 0 && strict);
    mpq_clear(most);
    return good;
}

bool case_close(struct search *s, const struct region *r)
{
    static const int bits[] = {10, 20, 32, 46};
    double largest = 0;
    for (size_t i = 0; i < s->d->n + 2 * s->p->units; i++) largest = fmax(largest, fabs(s->weight[i]));
    if (!(largest > 0)) return false;
    largest = exp2(floor(log2(largest)));
    for (size_t k = 0; k < sizeof bits / sizeof *bits; k++) {
        struct text terms;
        bool strict = false;
        text_init(&terms);
        case_sum_zero(s);
        case_terms(s, r, largest, bits[k], &terms, &strict);
        bool good = case_contradicts(s, r, strict);
        if (good) text_addf(s->out, "step leaf%s\n", terms.data ? terms.data : "");
        text_clear(&terms);
        if (good) return true;
    }
    return false;
}

/* Bounds that exclude each other: one row of that unit says so. */
bool case_close_empty(struct search *s, const struct region *r)
{
    mpq_t one;
    mpq_init(one);
    for (size_t k = 0; k < s->p->units; k++) {
        if (mpq_cmp(r->lo + k, r->hi + k) <= 0) continue;
        for (int sign = 1; sign >= -1; sign -= 2) {
            mpq_set_si(one, sign, 1);
            case_sum_zero(s);
            add_term(s, r, 'q', k, one);
            if ((sign > 0 || case_phase(r, k) == PHASE_ON) && case_contradicts(s, r, false)) {
                text_addf(s->out, "step leaf q%zu:%d\n", k, sign);
                mpq_clear(one);
                return true;
            }
        }
    }
    mpq_clear(one);
    return false;
}
