/* Exact tests of polynomials of degree two, and the doubles made of them: p(z) = (1, z)' M (1, z). */
#include <arb_mat.h>
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial.h"

/* Variables of p, renumbered from 1: map[number of the region] (0: not in p). */
static size_t used(uint16_t *map, const struct poly *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        for (int k = 0; k < DEGREE_MOST && key_variable(p->t[i].key, k); k++)
            if (!map[key_variable(p->t[i].key, k)]) map[key_variable(p->t[i].key, k)] = (uint16_t)++n;
    return n;
}

/* 2 L M for a common denominator L of the coefficients; side is the number of variables plus one. */
static void fill(fmpz *m, size_t side, const struct poly *p, const uint16_t *map)
{
    fmpz_t L, x;
    fmpz_init_set_ui(L, 1);
    fmpz_init(x);
    for (size_t i = 0; i < p->n; i++) fmpz_lcm(L, L, fmpq_denref(&p->t[i].c));
    for (size_t i = 0; i < p->n; i++) {
        size_t a = map[key_variable(p->t[i].key, 0)], b = map[key_variable(p->t[i].key, 1)];
        fmpz_divexact(x, L, fmpq_denref(&p->t[i].c));
        fmpz_mul(x, x, fmpq_numref(&p->t[i].c));
        fmpz_add(m + a * side + b, m + a * side + b, x);
        fmpz_add(m + b * side + a, m + b * side + a, x);
    }
    fmpz_clear(L);
    fmpz_clear(x);
}

/* Rows that are not zero move to the front; false: a diagonal entry is negative, or 0 in a row that is not. */
static bool drop_zero_rows(fmpz *m, size_t *side)
{
    size_t n = *side, kept = 0, *which = mem_array(n, sizeof *which);
    bool possible = which != NULL;
    for (size_t i = 0; possible && i < n; i++) {
        bool zero = true;
        for (size_t j = 0; j < n; j++) zero = zero && fmpz_is_zero(m + i * n + j);
        possible = zero || fmpz_sgn(m + i * n + i) > 0;
        if (!zero) which[kept++] = i;
    }
    for (size_t i = 0; possible && i < kept; i++)
        for (size_t j = 0; j < kept; j++) fmpz_set(m + i * kept + j, m + which[i] * n + which[j]);
    *side = kept;
    free(which);
    return possible;
}

/* In doubles, scaled to a diagonal of ones with a little added: what fails here has a negative eigenvalue that is not small. */
static bool hopeless(const fmpz *m, size_t n)
{
    double *a = mem_array(n * n, sizeof *a), *scale = mem_array(n, sizeof *scale);
    bool fails = false;
    for (size_t i = 0; a && scale && i < n; i++) scale[i] = sqrt(fabs(fmpz_get_d(m + i * n + i)));
    for (size_t i = 0; a && scale && !fails && i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = fmpz_get_d(m + i * n + j) / scale[i] / scale[j] + (i == j ? 1e-7 : 0);
            for (size_t k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
            if (i == j && sum <= 0) fails = true;
        }
    free(a);
    free(scale);
    return fails;
}

static bool definite_in_balls(const fmpz *m, size_t n)
{
    arb_mat_t A, L;
    bool holds = false;
    arb_mat_init(A, (slong)n, (slong)n);
    arb_mat_init(L, (slong)n, (slong)n);
    for (slong prec = 128; !holds && prec <= 512; prec *= 4) {
        for (size_t i = 0; i < n * n; i++) arb_set_fmpz(arb_mat_entry(A, i / n, i % n), m + i);
        holds = arb_mat_cho(L, A, prec);
    }
    arb_mat_clear(A);
    arb_mat_clear(L);
    return holds;
}

/* By elimination without fractions: every pivot is positive, and nothing is left where there is none. */
static bool semidefinite_exactly(fmpz *m, size_t n)
{
    fmpz_t before, t;
    bool good = true;
    fmpz_init_set_ui(before, 1);
    fmpz_init(t);
    for (size_t k = 0; good && k < n; k++) {
        size_t at = k;
        for (size_t i = k; i < n; i++) good = good && fmpz_sgn(m + i * n + i) >= 0;
        while (at < n && fmpz_is_zero(m + at * n + at)) at++;
        if (!good || at == n) {
            for (size_t i = k; i < n; i++)
                for (size_t j = k; j < n; j++) good = good && fmpz_is_zero(m + i * n + j);
            break;
        }
        for (size_t j = 0; j < n; j++) fmpz_swap(m + k * n + j, m + at * n + j);
        for (size_t i = 0; i < n; i++) fmpz_swap(m + i * n + k, m + i * n + at);
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = k + 1; j <= i; j++) {
                fmpz_mul(t, m + i * n + j, m + k * n + k);
                fmpz_submul(t, m + i * n + k, m + k * n + j);
                fmpz_divexact(m + i * n + j, t, before);
                fmpz_set(m + j * n + i, m + i * n + j);
            }
        fmpz_set(before, m + k * n + k);
    }
    fmpz_clear(before);
    fmpz_clear(t);
    return good;
}

bool matrix_semidefinite(const struct poly *p, size_t n_variables)
{
    uint16_t *map = mem_array(n_variables + 1, sizeof *map);
    if (!map || poly_degree(p) > 2) {
        free(map);
        return false;
    }
    size_t side = used(map, p) + 1, room = side * side;
    fmpz *m = _fmpz_vec_init((slong)room);
    fill(m, side, p, map);
    bool holds = drop_zero_rows(m, &side) && (side == 0 || (!hopeless(m, side) && (definite_in_balls(m, side) || semidefinite_exactly(m, side))));
    _fmpz_vec_clear(m, (slong)room);
    free(map);
    return holds;
}

/* ---- weights ---- */

void weights_clear(struct weights *w)
{
    for (size_t i = 0; i < w->n; i++) fmpq_clear(&w->t[i].w);
    free(w->t);
    fmpq_clear(&w->epsilon);
    *w = (struct weights){0};
    fmpq_init(&w->epsilon);
}

void bound_poly(struct poly *out, const struct poly_claim *c, long bound)
{
    const struct range *r = &c->ranges[bound / 2];
    bool upper = bound % 2;
    fmpq_t one, end;
    fmpq_init(one);
    fmpq_init(end);
    fmpq_set_si(one, upper ? -1 : 1, 1);
    if (upper) fmpq_set(end, r->hi);
    else fmpq_neg(end, r->lo);
    poly_term(out, (monomial_key)(bound / 2 + 1) << 48, one);
    poly_term(out, 0, end);
    poly_tidy(out);
    fmpq_clear(one);
    fmpq_clear(end);
}

static void add_weighted(struct poly *sum, const struct poly_claim *c, const struct weight_term *t, const fmpq_t factor)
{
    struct poly a = {0}, b = {0}, ab = {0};
    if (t->atom >= 0) {
        poly_add(sum, &c->atoms[t->atom].p, factor);
        return;
    }
    bound_poly(&a, c, t->first);
    if (t->second >= 0) {
        bound_poly(&b, c, t->second);
        poly_times(&ab, &a, &b);
    }
    poly_add(sum, t->second >= 0 ? &ab : &a, factor);
    poly_clear(&a);
    poly_clear(&b);
    poly_clear(&ab);
}

enum status weights_hold(bool *holds, struct poly_claim *c, const struct weights *w)
{
    struct poly rest = {0};
    bool strict = fmpq_sgn(&w->epsilon) > 0;
    fmpq_t f;
    fmpq_init(f);
    fmpq_neg(f, &w->epsilon);
    poly_term(&rest, 0, f);
    for (size_t i = 0; i < w->n; i++) {
        strict = strict || (w->t[i].atom >= 0 && c->atoms[w->t[i].atom].strict && fmpq_sgn(&w->t[i].w) > 0);
        fmpq_neg(f, &w->t[i].w);
        add_weighted(&rest, c, &w->t[i], f);
    }
    poly_tidy(&rest);
    enum status s = poly_status(c, &rest);
    *holds = s == STATUS_OK && strict && matrix_semidefinite(&rest, c->n_variables);
    poly_clear(&rest);
    fmpq_clear(f);
    return s;
}
