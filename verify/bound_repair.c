/* bound_repair.c: points that satisfy equations. The atoms f >= 0 and -f >= 0 of a disjunct leave the program of a case no room; with the equations loosened a little its solution has
 * room in all other rows, and is then moved onto the equations exactly, where units keep the signs that they have at the point. */
#include "core/mem.h"
#include "verify/bound_search.h"

bool search_is_equation(const struct search *s, size_t i)
{
    const struct atom *x = &s->b->atoms[s->d->atom[i]];
    for (size_t j = 0; !x->strict && j < s->d->n; j++) {
        const struct atom *y = &s->b->atoms[s->d->atom[j]];
        bool opposite = j != i && !y->strict;
        for (size_t k = 0; opposite && k < s->p->size; k++) opposite = mpz_cmpabs(mpq_numref(x->v + k), mpq_numref(y->v + k)) == 0 && mpz_cmp(mpq_denref(x->v + k), mpq_denref(y->v + k)) == 0 && mpq_sgn(x->v + k) == -mpq_sgn(y->v + k);
        if (opposite) return true;
    }
    return false;
}

/* The form in inputs alone, units as they are at v; false: it reads a smooth one. */
static bool in_inputs(mpq_ptr f, const struct search *s)
{
    mpq_t c;
    bool good = true;
    mpq_init(c);
    for (size_t k = s->p->units; good && k-- > 0;) {
        mpq_ptr u = f + s->p->n + k;
        if (mpq_sgn(u) == 0) continue;
        good = s->p->curve[k] == CURVE_RELU;
        mpq_set(c, u);
        mpq_set_ui(u, 0, 1);
        if (mpq_sgn(s->v + s->p->n + k) > 0) pieces_add(f, s->p->z + k * s->p->size, c, s->p->size);
    }
    mpq_clear(c);
    return good;
}

/* The input to solve for: the one that can move furthest for its coefficient. */
static bool choose_pivot(size_t *out, const struct search *s, mpq_srcptr f)
{
    double best = 0;
    for (size_t i = 0; i < s->p->n; i++) {
        double x = mpq_get_d(s->v + i), below = x - mpq_get_d(s->b->lo + i), above = mpq_get_d(s->b->hi + i) - x, room = below < above ? below : above, width = below + above;
        double a = mpq_get_d(f + i), score = (a < 0 ? -a : a) * (room + 1e-6 * width);
        if (score > best) best = score, *out = i;
    }
    return best > 0;
}

/* g less the multiple of f that has its coefficient of input i */
static void eliminate(mpq_ptr g, mpq_srcptr f, size_t i, size_t size)
{
    mpq_t c;
    mpq_init(c);
    mpq_div(c, g + i, f + i);
    mpq_neg(c, c);
    pieces_add(g, f, c, size);
    mpq_clear(c);
}

/* x_i so that f is 0, the other inputs as they are */
static void solve(struct search *s, mpq_srcptr f, size_t i)
{
    mpq_t t, rest;
    mpq_init(t), mpq_init(rest);
    mpq_set(rest, f + s->p->size - 1);
    for (size_t j = 0; j < s->p->n; j++) {
        if (j == i || mpq_sgn(f + j) == 0) continue;
        mpq_mul(t, f + j, s->v + j);
        mpq_add(rest, rest, t);
    }
    mpq_div(rest, rest, f + i);
    mpq_neg(s->v + i, rest);
    mpq_clear(t), mpq_clear(rest);
}

/* Every equation of the disjunct, by elimination: each has an input of its own, which the others no longer read. */
static bool solve_equations(struct search *s, mpq_ptr rows, size_t *pivot)
{
    size_t size = s->p->size, n = 0;
    mpq_t one;
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    bool good = true;
    for (size_t i = 0; good && i < s->d->n; i++) {
        mpq_ptr f = rows + n * size;
        if (!search_is_equation(s, i)) continue;
        for (size_t k = 0; k < size; k++) mpq_set_ui(f + k, 0, 1);
        pieces_add(f, s->b->atoms[s->d->atom[i]].v, one, size);
        good = in_inputs(f, s);
        for (size_t j = 0; good && j < n; j++) eliminate(f, rows + j * size, pivot[j], size);
        if (!good || !choose_pivot(&pivot[n], s, f)) continue;     /* it says nothing new, or contradicts the others: the test of the point tells */
        for (size_t j = 0; j < n; j++) eliminate(rows + j * size, f, pivot[n], size);
        n++;
    }
    for (size_t j = 0; good && j < n; j++) solve(s, rows + j * size, pivot[j]);
    mpq_clear(one);
    return good && n > 0;
}

bool search_repair(struct search *s)
{
    size_t most = s->d->n;
    mpq_ptr rows = forms_new(most * s->p->size);
    size_t *pivot = mem_array(most, sizeof *pivot);
    bool good = rows && pivot && solve_equations(s, rows, pivot);
    for (size_t i = 0; good && i < s->p->n; i++) good = mpq_cmp(s->v + i, s->b->lo + i) >= 0 && mpq_cmp(s->v + i, s->b->hi + i) <= 0;
    forms_free(rows, most * s->p->size);
    free(pivot);
    return good && pieces_run(s->p, s->v) && disjunct_holds(s->b, s->d, s->v);
}
