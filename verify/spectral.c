#include <arb_mat.h>
#include <math.h>
#include "core/mem.h"
#include "verify/quadratic.h"
#include "verify/spectral.h"

#define BITS SPECTRAL_BITS
#define STEPS 2            /* of refinement: from doubles to about 1e-48 */
#define REFINED_MOST 256   /* rows for which that is worth its products */

/* ---- the bounds ---- */

/* out := its upper bound, as an exact number */
static void upper(arb_t out)
{
    arf_t u;
    arf_init(u);
    arb_get_ubound_arf(u, out, BITS);
    arb_set_arf(out, u);
    arf_clear(u);
}

/* out = the largest sum of |m_ij| in a row, less: taken off the diagonal (NULL: nothing) */
static void row_norm(arb_t out, const arb_mat_t m, arb_srcptr less, bool one)
{
    arb_t row, t;
    arb_init(row), arb_init(t);
    arb_zero(out);
    for (slong i = 0; i < arb_mat_nrows(m); i++) {
        arb_zero(row);
        for (slong j = 0; j < arb_mat_ncols(m); j++) {
            arb_set(t, arb_mat_entry(m, i, j));
            if (i == j && less) arb_sub(t, t, less + i, BITS);
            if (i == j && one) arb_sub_ui(t, t, 1, BITS);
            arb_abs(t, t);
            arb_add(row, row, t, BITS);
        }
        arb_max(out, out, row, BITS);
    }
    upper(out);
    arb_clear(row), arb_clear(t);
}

/* One step of Ogita and Aishima: with R = 1 - V'V, S = V'AV the error of V about squares, within clusters that of its angles only. Nothing rests on it. */
static void refine(arb_mat_t v, const arb_mat_t a)
{
    slong n = arb_mat_nrows(v);
    arb_mat_t t, r, s;
    arb_mat_init(t, n, n), arb_mat_init(r, n, n), arb_mat_init(s, n, n);
    arb_mat_transpose(t, v);
    arb_mat_mul(r, t, v, BITS);
    arb_mat_mul(s, a, v, BITS);
    arb_mat_mul(s, t, s, BITS);
    arb_ptr d = _arb_vec_init(n);
    arb_t x, near;
    arb_init(x), arb_init(near);
    for (slong i = 0; i < n; i++) arb_div(d + i, arb_mat_entry(s, i, i), arb_mat_entry(r, i, i), BITS);
    row_norm(near, s, d, false);
    row_norm(x, r, NULL, true);
    arb_addmul(near, x, d + (arf_cmpabs(arb_midref(d), arb_midref(d + n - 1)) > 0 ? 0 : n - 1), BITS);
    arb_abs(near, near);
    arb_mul_2exp_si(near, near, 1);
    for (slong i = 0; i < n; i++)
        for (slong j = 0; j < n; j++) {
            arb_ptr to = arb_mat_entry(r, i, j);
            if (i == j) arb_sub_ui(to, to, 1, BITS);
            arb_neg(to, to);
            arb_sub(x, d + j, d + i, BITS);
            if (arf_cmpabs(arb_midref(x), arb_midref(near)) <= 0 || i == j) arb_mul_2exp_si(to, to, -1);
            else {
                arb_mul(to, to, d + j, BITS);
                arb_add(to, to, arb_mat_entry(s, i, j), BITS);
                arb_div(to, to, x, BITS);
            }
        }
    arb_mat_mul(t, v, r, BITS);
    arb_mat_add(v, v, t, BITS);
    arb_mat_get_mid(v, v);
    _arb_vec_clear(d, n);
    arb_clear(x), arb_clear(near);
    arb_mat_clear(t), arb_mat_clear(r), arb_mat_clear(s);
}

bool approximate_basis(arb_mat_t v, arb_mat_t a, const fmpz *num, const fmpz_t den, size_t n)
{
    double *A = mem_array(n * n, sizeof *A), *V = mem_array(n * n, sizeof *V), *q = mem_array(n, sizeof *q);
    bool good = A && V && q;
    for (size_t i = 0; good && i < n * n; i++) A[i] = ratio(num + i, den);
    if (good) good = symmetric_eigen(q, V, A, n);
    for (size_t i = 0; good && i < n; i++)
        for (size_t j = 0; j < n; j++) {
            arb_set_d(arb_mat_entry(v, (slong)i, (slong)j), V[i * n + j]);
            arb_fmpz_div_fmpz(arb_mat_entry(a, (slong)i, (slong)j), num + i * n + j, den, BITS);
        }
    for (int step = 0; good && step < STEPS && n <= REFINED_MOST; step++) refine(v, a);
    free(A), free(V), free(q);
    return good;
}

static void measure(struct eigenbasis *s, arb_mat_t a, const arb_mat_t v)
{
    slong n = (slong)s->n;
    arb_mat_t t, b;
    arb_mat_init(t, n, n), arb_mat_init(b, n, n);
    arb_mat_mul(t, a, v, BITS);
    arb_mat_transpose(a, v);
    arb_mat_mul(b, a, t, BITS);
    arb_mat_mul(t, a, v, BITS);
    for (slong i = 0; i < n; i++) arb_set_arf(s->d + i, arb_midref(arb_mat_entry(b, i, i)));
    row_norm(s->f, t, NULL, true);
    row_norm(s->top, b, NULL, false);
    row_norm(s->eta, b, s->d, false);
    arb_t x;
    arb_init(x);
    for (slong i = 0; i < n; i++) {
        arb_abs(x, s->d + i);
        arb_max(s->top, s->top, x, BITS);
    }
    upper(s->top);
    arb_mul(x, s->f, s->top, BITS);
    arb_mul_ui(x, x, 3, BITS);
    arb_add(s->eta, s->eta, x, BITS);
    upper(s->eta);
    arb_set_d(x, 0.5);
    s->good = arb_le(s->f, x) && arb_is_finite(s->eta) && arb_is_finite(s->top);
    arb_clear(x);
    arb_mat_clear(t), arb_mat_clear(b);
}

/* Rows of v in the order of d. */
static void order(struct eigenbasis *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = i; k > 0 && arf_cmp(arb_midref(s->d + k), arb_midref(s->d + k - 1)) < 0; k--) {
            arb_swap(s->d + k, s->d + k - 1);
            for (size_t j = 0; j < s->n; j++) arb_swap(s->v + k * s->n + j, s->v + (k - 1) * s->n + j);
        }
}

bool spectral_make(struct eigenbasis *s, const fmpz *num, const fmpz_t den, size_t n)
{
    arb_mat_t a, v;
    *s = (struct eigenbasis){.n = n, .v = _arb_vec_init((slong)(n * n)), .d = _arb_vec_init((slong)n)};
    arb_init(s->eta), arb_init(s->f), arb_init(s->top);
    arb_mat_init(a, (slong)n, (slong)n), arb_mat_init(v, (slong)n, (slong)n);
    bool good = approximate_basis(v, a, num, den, n);
    for (size_t i = 0; good && i < n * n; i++) arb_set(s->v + i % n * n + i / n, arb_mat_entry(v, (slong)(i / n), (slong)(i % n)));
    if (good) {
        measure(s, a, v);
        order(s);
    }
    arb_mat_clear(a), arb_mat_clear(v);
    if (!good) spectral_clear(s);
    return good;
}

void spectral_clear(struct eigenbasis *s)
{
    if (!s->v) return;
    _arb_vec_clear(s->v, (slong)(s->n * s->n));
    _arb_vec_clear(s->d, (slong)s->n);
    arb_clear(s->eta), arb_clear(s->f), arb_clear(s->top);
    *s = (struct eigenbasis){0};
}

/* Sine of the largest angle between the space of some unit vectors and that of the eigenvectors of M in their places, whose diagonal entries are g away
 * from the others: at most eta / (g - eta). false: g is not more than 2 eta. */
static bool sine(arb_t out, const struct eigenbasis *s, const arb_t g)
{
    arb_t rest;
    arb_init(rest);
    arb_sub(rest, g, s->eta, BITS);
    bool good = arb_gt(rest, s->eta);
    if (good) arb_div(out, s->eta, rest, BITS);
    if (good) upper(out);
    arb_clear(rest);
    return good;
}

/* ---- one eigenvector ---- */

/* Does the sign convention, settled by the first entry of modulus above 1 / (2 sqrt n), keep the sign (1), turn it (-1), or not say (0)? */
static int sign_of(arb_srcptr x, size_t n)
{
    arb_t t, one;
    arb_init(t), arb_init(one);
    arb_one(one);
    int sign = 0;
    for (size_t j = 0; j < n; j++) {
        arb_mul(t, x + j, x + j, BITS);
        arb_mul_ui(t, t, 4 * n, BITS);
        if (arb_le(t, one)) continue;
        if (arb_gt(t, one)) sign = arb_is_positive(x + j) ? 1 : arb_is_negative(x + j) ? -1 : 0;
        break;
    }
    arb_clear(t), arb_clear(one);
    return sign;
}

/* |the unit eigenvector - row i of v| is at most 3/2 sine + f: a chord is at most sqrt 2 times the sine of its angle, when that is not above a right one. */
bool spectral_vector(arb_ptr out, const struct eigenbasis *s, size_t i)
{
    arb_t gap, error, t;
    arb_init(gap), arb_init(error), arb_init(t);
    arb_pos_inf(gap);
    if (i > 0) arb_sub(gap, s->d + i, s->d + i - 1, BITS);
    if (i + 1 < s->n) {
        arb_sub(t, s->d + i + 1, s->d + i, BITS);
        if (arb_lt(t, gap)) arb_set(gap, t);
    }
    bool isolated = s->good && (s->n == 1 || sine(error, s, gap));
    arb_mul_ui(error, error, 3, BITS);
    arb_mul_2exp_si(error, error, -1);
    arb_add(error, error, s->f, BITS);
    upper(error);
    for (size_t j = 0; j < s->n; j++) {
        if (isolated) arb_set(out + j, s->v + i * s->n + j);
        else arb_zero(out + j);
        if (isolated) arb_add_error(out + j, error);
        else mag_one(arb_radref(out + j));
    }
    int sign = isolated ? sign_of(out, s->n) : 1;
    for (size_t j = 0; j < s->n; j++) {
        arb_neg(t, out + j);
        if (sign < 0) arb_set(out + j, t);
        else if (sign == 0) arb_union(out + j, out + j, t, BITS);
    }
    arb_clear(gap), arb_clear(error), arb_clear(t);
    return isolated;
}

/* ---- a form cut to its largest eigenvectors ---- */

/* The places by falling |d|; the caller's. */
static size_t *falling(const struct eigenbasis *s)
{
    size_t *at = mem_array(s->n, sizeof *at), lo = 0, hi = s->n;
    for (size_t i = 0; at && i < s->n; i++) at[i] = arf_cmpabs(arb_midref(s->d + lo), arb_midref(s->d + hi - 1)) > 0 ? lo++ : --hi;
    return at;
}

/* The sine at the cut before place k; false where the moduli on its two sides are too near each other. */
static bool cut_sine(arb_t out, const struct eigenbasis *s, const size_t *at, size_t k)
{
    arb_zero(out);
    if (k == 0 || k == s->n) return true;
    arb_t gap, t, u;
    arb_init(gap), arb_init(t), arb_init(u);
    arb_abs(gap, s->d + at[k - 1]);
    arb_abs(t, s->d + at[k]);
    arb_sub(gap, gap, t, BITS);
    arb_mul_2exp_si(t, s->eta, 2);
    bool good = arb_gt(gap, t);
    arb_mul(t, t, s->top, BITS);
    arb_mul(u, gap, gap, BITS);
    good = good && arb_gt(u, t) && sine(out, s, gap);
    arb_clear(gap), arb_clear(t), arb_clear(u);
    return good;
}

static void square(arb_t out, const struct eigenbasis *s, size_t i, arb_srcptr x)
{
    arb_dot(out, NULL, 0, s->v + i * s->n, 1, x, 1, (slong)s->n, BITS);
    arb_mul(out, out, out, BITS);
    arb_nonnegative_part(out, out);
}

/* Squares of the products of x with the vectors, by place, in the order `at`, as far as they are known: at[0] .. at[known - 1]; size: x'x. */
struct seen { arb_srcptr x; arb_ptr squares; arb_t size; size_t *at, known; };

static bool seen_init(struct seen *v, const struct eigenbasis *s, arb_srcptr x)
{
    *v = (struct seen){.x = x, .at = falling(s), .squares = _arb_vec_init((slong)s->n)};
    arb_init(v->size);
    arb_dot(v->size, NULL, 0, x, 1, x, 1, (slong)s->n, BITS);
    return v->at && s->good;
}

static void seen_clear(struct seen *v, size_t n)
{
    _arb_vec_clear(v->squares, (slong)n);
    arb_clear(v->size);
    free(v->at);
}

static void see(struct seen *v, const struct eigenbasis *s, size_t to)
{
    for (; v->known < to; v->known++) square(v->squares + v->known, s, v->at[v->known], v->x);
}

/* Places from .. to are not told apart: whichever are kept add between min(0, least) and max(0, most) times the square of x in their space. */
static void add_cluster(arb_t out, const struct eigenbasis *s, const struct seen *v, size_t from, size_t to, const arb_t error)
{
    arb_t part, least, most, t;
    arb_init(part), arb_init(least), arb_init(most), arb_init(t);
    arb_set(part, error);
    for (size_t i = from; i < to; i++) {
        arb_add(part, part, v->squares + i, BITS);
        arb_sub(t, s->d + v->at[i], s->eta, BITS);
        arb_min(least, least, t, BITS);
        arb_add(t, s->d + v->at[i], s->eta, BITS);
        arb_max(most, most, t, BITS);
    }
    upper(part);
    arb_mul(least, least, part, BITS);
    arb_mul(most, most, part, BITS);
    arb_union(t, least, most, BITS);
    arb_add(out, out, t, BITS);
    arb_clear(part), arb_clear(least), arb_clear(most), arb_clear(t);
}

static bool cut(arb_t out, const struct eigenbasis *s, size_t k, struct seen *v)
{
    size_t from = k < s->n ? k : s->n, to = from;
    arb_t first, second, error, t;
    arb_init(first), arb_init(second), arb_init(error), arb_init(t);
    while (!cut_sine(first, s, v->at, from)) from--;
    while (!cut_sine(second, s, v->at, to)) to++;
    see(v, s, to);
    arb_zero(out);
    for (size_t i = 0; i < from; i++) arb_addmul(out, s->d + v->at[i], v->squares + i, BITS);
    arb_mul_ui(t, s->f, 3, BITS);
    arb_add(t, t, first, BITS);
    if (from > 0) {                       /* (eta + top (sine + 3 f)) |x|^2 */
        arb_mul(error, s->top, t, BITS);
        arb_add(error, error, s->eta, BITS);
        arb_mul(error, error, v->size, BITS);
        arb_add_error(out, error);
    }
    if (from < to) {
        arb_add(t, t, second, BITS);
        arb_mul(error, t, v->size, BITS);
        upper(error);
        add_cluster(out, s, v, from, to, error);
    }
    arb_clear(first), arb_clear(second), arb_clear(error), arb_clear(t);
    return from == to;
}

bool spectral_cut(arb_t out, const struct eigenbasis *s, size_t k, arb_srcptr x)
{
    struct seen v;
    arb_indeterminate(out);
    bool told = seen_init(&v, s, x) && cut(out, s, k, &v);
    seen_clear(&v, s->n);
    return told;
}

bool spectral_cuts(arb_ptr out, const struct eigenbasis *s, arb_srcptr x)
{
    struct seen v;
    bool good = seen_init(&v, s, x);
    for (size_t k = 0; k <= s->n; k++) {
        arb_indeterminate(out + k);
        if (good) (void)cut(out + k, s, k, &v);
    }
    seen_clear(&v, s->n);
    return good;
}
