/* quadratic_empty.c: that a region is empty, by weights of its conditions: their weighted sum is not positive anywhere on the set (FORMAT.md §3, rule quadratic 8). */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/bound.h"
#include "verify/quadratic_solver.h"

#define ROUNDS 1000        /* for a ball */
#define PAIRS_MOST 300     /* conditions of which pairs are tried */

/* The largest value of sum M_j limit_j on the set is negative, or 0 and a strict limit has a weight. Exactly. */
static bool excludes(const struct ball_case *c, const fmpq *M)
{
    bool strict = false;
    fmpq *v = _fmpq_vec_init((slong)c->n + 1);
    fmpq_t top, size, t;
    fmpq_init(top), fmpq_init(size), fmpq_init(t);
    for (size_t k = 0; k < c->n_limits; k++) {
        if (fmpq_is_zero(M + k)) continue;
        strict = strict || c->limits[k].strict;
        for (size_t i = 0; i <= c->n; i++) fmpq_addmul(v + i, M + k, c->limits[k].v + i);
    }
    fmpq_set(top, v + c->n);
    for (size_t i = 0; i < c->n; i++) {
        if (c->l2) fmpq_addmul(top, v + i, c->centre + i), fmpq_addmul(size, v + i, v + i);
        else fmpq_addmul(top, v + i, (fmpq_sgn(v + i) > 0 ? c->to : c->from) + i);
    }
    int sign = fmpq_sgn(top);
    if (c->l2) {                              /* top + r |v|, by squares */
        fmpq_mul(size, size, c->radius2);
        fmpq_mul(t, top, top);
        int order = fmpq_cmp(size, t);
        sign = fmpq_sgn(top) > 0 || order > 0 ? 1 : order < 0 ? -1 : 0;
    }
    fmpq_clear(top), fmpq_clear(size), fmpq_clear(t);
    _fmpq_vec_clear(v, (slong)c->n + 1);
    return sign < 0 || (sign == 0 && strict);
}

static bool try_pair(const struct ball_case *c, fmpq *M, size_t j, size_t k)
{
    size_t at = 0;
    for (size_t i = 0; i < c->n_limits; i++) fmpq_zero(M + i);
    fmpq_one(M + j);
    if (j == k) return excludes(c, M);
    while (at < c->n && fmpq_is_zero(c->limits[k].v + at)) at++;
    if (at == c->n || fmpq_sgn(c->limits[j].v + at) * fmpq_sgn(c->limits[k].v + at) >= 0) return false;
    fmpq_div(M + k, c->limits[j].v + at, c->limits[k].v + at);
    fmpq_neg(M + k, M + k);
    return excludes(c, M);
}

/* Doubles w as weights of 2^-bits, tested. */
static bool rounded(const struct ball_case *c, fmpq *M, const double *w)
{
    static const int bits[] = {2, 4, 8, 16, 30, 48};
    double most = 0;
    for (size_t k = 0; k < c->n_limits; k++) most = fmax(most, w[k]);
    for (size_t b = 0; most > 0 && isfinite(most) && b < sizeof bits / sizeof *bits; b++) {
        for (size_t k = 0; k < c->n_limits; k++) {
            double x = round(ldexp(w[k] / most, bits[b]));
            fmpq_set_si(M + k, isfinite(x) ? (slong)x : 0, 1);
        }
        if (excludes(c, M)) return true;
    }
    return false;
}

static double number(const fmpq_t x) { return ratio(fmpq_numref(x), fmpq_denref(x)); }

/* For a ball: multiplicative steps on max over the ball of sum w_j limit_j, convex in w; their mean over the second half. A: limits with unit normals. */
static void ball_weights(double *w, const double *A, const double *centre, double r, size_t k, size_t n)
{
    double *c = mem_array(n + 1, sizeof *c), *mean = mem_array(k, sizeof *mean);
    for (size_t j = 0; j < k; j++) w[j] = 1 / (double)k;
    for (int round = 0; c && mean && round < ROUNDS; round++) {
        double size = 0, sum = 0, step = 4 / sqrt(1.0 + round) / (r + 1e-300);
        memset(c, 0, (n + 1) * sizeof *c);
        for (size_t j = 0; j < k; j++)
            for (size_t i = 0; i <= n; i++) c[i] += w[j] * A[j * (n + 1) + i];
        for (size_t i = 0; i < n; i++) size += c[i] * c[i];
        size = sqrt(size);
        for (size_t j = 0; j < k; j++) {      /* the value of limit j at the ball's best point */
            double g = A[j * (n + 1) + n];
            for (size_t i = 0; i < n; i++) g += A[j * (n + 1) + i] * (centre[i] + (size > 0 ? r * c[i] / size : 0));
            w[j] *= exp(fmin(50, fmax(-50, -step * g)));
            sum += w[j];
        }
        for (size_t j = 0; j < k; j++) w[j] /= sum, mean[j] += round < ROUNDS / 2 ? 0 : w[j];
    }
    for (size_t j = 0; mean && j < k; j++) w[j] = mean[j];
    free(c), free(mean);
}

static bool unnormed(const struct ball_case *c, fmpq *M, double *w, const double *norms)
{
    for (size_t j = 0; j < c->n_limits; j++) w[j] /= norms[j];
    return rounded(c, M, w);
}

/* Weights in doubles: of the linear program over the bounds of the set, and of a ball. */
static bool weights(const struct ball_case *c, fmpq *M)
{
    size_t k = c->n_limits, n = c->n;
    double *A = mem_array(k * (n + 1), sizeof *A), *w = mem_array(k, sizeof *w), *lo = mem_array(n + 1, sizeof *lo), *hi = mem_array(n + 1, sizeof *hi), *point = mem_array(n + 1, sizeof *point), *norms = mem_array(k, sizeof *norms), t;
    bool found = false;
    if (A && w && lo && hi && point && norms) {
        for (size_t j = 0; j < k; j++) {
            double size = 0;
            for (size_t i = 0; i <= n; i++) A[j * (n + 1) + i] = number(c->limits[j].v + i);
            for (size_t i = 0; i < n; i++) size += A[j * (n + 1) + i] * A[j * (n + 1) + i];
            norms[j] = c->l2 && size > 0 ? sqrt(size) : 1;
            for (size_t i = 0; i <= n; i++) A[j * (n + 1) + i] /= norms[j];
        }
        for (size_t i = 0; i < n; i++) lo[i] = number(c->from + i), hi[i] = number(c->to + i);
        found = lp_game(&t, w, point, A, lo, hi, k, n) && unnormed(c, M, w, norms);
        for (size_t i = 0; i < n; i++) lo[i] = number(c->centre + i);
        if (!found && c->l2) {
            ball_weights(w, A, lo, number(c->radius), k, n);
            found = unnormed(c, M, w, norms);
        }
    }
    free(A), free(w), free(lo), free(hi), free(point), free(norms);
    return found;
}

bool region_empty(struct text *line, const struct ball_case *c)
{
    if (c->n_limits == 0) return false;
    fmpq *M = _fmpq_vec_init((slong)c->n_limits);
    size_t most = c->n_limits < PAIRS_MOST ? c->n_limits : PAIRS_MOST;
    bool found = false;
    for (size_t j = 0; !found && j < c->n_limits; j++) found = try_pair(c, M, j, j);
    for (size_t j = 0; !found && j < most; j++)
        for (size_t k = 0; !found && k < most; k++) found = k != j && try_pair(c, M, j, k);
    found = found || weights(c, M);
    if (found) text_add(line, "case empty");
    for (size_t k = 0; found && k < c->n_limits; k++) text_add(line, " "), fraction_add_text(line, M + k);
    _fmpq_vec_clear(M, (slong)c->n_limits);
    return found;
}
