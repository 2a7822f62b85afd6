/* Eigenvalues of a symmetric matrix, enclosed. Jacobi's method in integers gives an approximate V, which need not be right in any way: what counts are
 * B = V'AV and S = V'V, computed exactly. With f >= |S - 1| < 1 and E >= |B - its diagonal| (largest sums of absolute values in a row), the k-th eigenvalue
 * of A is one of B in the same place over a number in [1 - f, 1 + f] (Ostrowski), and that of B is within E of the k-th smallest diagonal entry (Weyl). */
#include "quadratic.h"
#include <stdlib.h>

#define SWEEPS 60
#define ROOM 24            /* bits beyond those asked for */

struct work { size_t n; unsigned w; mpz_t *a, *v, x, y, h, c, s, t; }; /* a, v: n x n, w fractional bits */

static void divide(mpz_t out, unsigned w) { mpz_fdiv_q_2exp(out, out, w); }

/* (p, q) := (c p - s q, s p + c q) */
static void turn(struct work *k, mpz_t p, mpz_t q) {
    mpz_mul(k->x, k->c, p);
    mpz_submul(k->x, k->s, q);
    mpz_mul(k->y, k->s, p);
    mpz_addmul(k->y, k->c, q);
    divide(k->x, k->w);
    divide(k->y, k->w);
    mpz_swap(p, k->x);
    mpz_swap(q, k->y);
}

/* cosine and sine of the angle that makes entry (i, j) vanish: tan 2 angle = 2 a_ij / (a_jj - a_ii) */
static void angle(struct work *k, size_t i, size_t j) {
    size_t n = k->n;
    mpz_sub(k->x, k->a[j * n + j], k->a[i * n + i]);
    mpz_mul_2exp(k->y, k->a[i * n + j], 1);
    mpz_mul(k->h, k->x, k->x);
    mpz_addmul(k->h, k->y, k->y);
    mpz_mul_2exp(k->h, k->h, 2 * k->w);
    mpz_sqrt(k->h, k->h); /* times 2^w */
    mpz_abs(k->t, k->x);
    mpz_mul_2exp(k->t, k->t, k->w);
    mpz_add(k->t, k->t, k->h); /* (|x| + h) 2^w; cos^2 = (|x| + h) / 2h */
    mpz_mul_2exp(k->c, k->t, 2 * k->w - 1);
    mpz_fdiv_q(k->c, k->c, k->h);
    mpz_sqrt(k->c, k->c); /* 2^w cos */
    mpz_mul_2exp(k->s, k->y, 3 * k->w - 1);
    mpz_mul(k->t, k->h, k->c);
    mpz_tdiv_q(k->s, k->s, k->t); /* sin = y / (2 h cos) */
    if (mpz_sgn(k->x) < 0) mpz_neg(k->s, k->s);
}

static void rotate(struct work *k, size_t i, size_t j) {
    size_t n = k->n;
    angle(k, i, j);
    for (size_t l = 0; l < n; l++) turn(k, k->a[i * n + l], k->a[j * n + l]);
    for (size_t l = 0; l < n; l++) turn(k, k->a[l * n + i], k->a[l * n + j]);
    for (size_t l = 0; l < n; l++) turn(k, k->v[l * n + i], k->v[l * n + j]);
}

static void jacobi(struct work *k) {
    size_t n = k->n;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        bool turned = false;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++) {
                if (mpz_sizeinbase(k->a[i * n + j], 2) <= 6) continue; /* nothing but rounding */
                rotate(k, i, j);
                turned = true;
            }
        if (!turned) break;
    }
}

/* out = a' b, or a b */
static void product(mpz_t *out, const mpz_t *a, const mpz_t *b, size_t n, bool turned) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            mpz_set_ui(out[i * n + j], 0);
            for (size_t l = 0; l < n; l++) mpz_addmul(out[i * n + j], a[turned ? l * n + i : i * n + l], b[l * n + j]);
        }
}

/* largest sum of absolute values in a row; the diagonal counts less `one`, or not at all when it is NULL */
static void row_sum(mpz_t out, const mpz_t *m, size_t n, const mpz_t one) {
    mpz_t sum, t;
    mpz_inits(sum, t, NULL);
    mpz_set_ui(out, 0);
    for (size_t i = 0; i < n; i++) {
        mpz_set_ui(sum, 0);
        for (size_t j = 0; j < n; j++) {
            if (i == j && one == NULL) continue;
            mpz_set(t, m[i * n + j]);
            if (i == j) mpz_sub(t, t, one);
            mpz_abs(t, t);
            mpz_add(sum, sum, t);
        }
        if (mpz_cmp(sum, out) > 0) mpz_set(out, sum);
    }
    mpz_clears(sum, t, NULL);
}

static int rising(const void *a, const void *b) { return mpz_cmp(*(const mpz_t *)a, *(const mpz_t *)b); }

/* floor or ceiling of x 2^p / (den (one + or - f)), the sign that makes it a lower or an upper end */
static void end_of(mpz_t out, const mpz_t x, const mpz_t den, const mpz_t one, const mpz_t f, unsigned p, bool up) {
    mpz_t below;
    mpz_init(below);
    if ((mpz_sgn(x) >= 0) == up) mpz_sub(below, one, f);
    else mpz_add(below, one, f);
    mpz_mul(below, below, den);
    mpz_mul_2exp(out, x, p);
    if (up) mpz_cdiv_q(out, out, below);
    else mpz_fdiv_q(out, out, below);
    mpz_clear(below);
}

static bool enclose(mpz_t *ends, const mpz_t *m, const mpz_t den, const mpz_t *v, size_t n, unsigned w, unsigned p) {
    mpz_t *t = integers_new(n * n), *b = integers_new(n * n), one, E, f;
    mpz_inits(one, E, f, NULL);
    mpz_setbit(one, 2 * w);
    product(t, m, v, n, false);
    product(b, v, (const mpz_t *)t, n, true);
    product(t, v, v, n, true);
    row_sum(E, (const mpz_t *)b, n, NULL);
    row_sum(f, (const mpz_t *)t, n, one);
    bool good = mpz_cmp(f, one) < 0;
    for (size_t i = 0; i < n; i++) mpz_set(t[i], b[i * n + i]);
    qsort(t, n, sizeof *t, rising);
    for (size_t k = 0; good && k < n; k++) {
        mpz_sub(b[0], t[k], E);
        end_of(ends[2 * k], b[0], den, one, f, p, false);
        mpz_add(b[0], t[k], E);
        end_of(ends[2 * k + 1], b[0], den, one, f, p, true);
    }
    integers_free(t, n * n);
    integers_free(b, n * n);
    mpz_clears(one, E, f, NULL);
    return good;
}

bool symmetric_spectrum(mpz_t *ends, const mpz_t *m, const mpz_t den, size_t n, unsigned p) {
    size_t size = 0, below = mpz_sizeinbase(den, 2);
    for (size_t i = 0; i < n * n; i++) size = mpz_sizeinbase(m[i], 2) > size ? mpz_sizeinbase(m[i], 2) : size;
    unsigned w = p + ROOM + (unsigned)(size > below ? size - below : 0);
    struct work k = {.n = n, .w = w, .a = integers_new(n * n), .v = integers_new(n * n)};
    mpz_inits(k.x, k.y, k.h, k.c, k.s, k.t, NULL);
    for (size_t i = 0; i < n * n; i++) { /* scaled so that the largest entry is about 1 */
        mpz_mul_2exp(k.a[i], m[i], w);
        mpz_tdiv_q_2exp(k.a[i], k.a[i], size);
        if (i % (n + 1) == 0) mpz_setbit(k.v[i], w);
    }
    jacobi(&k);
    bool good = enclose(ends, m, den, (const mpz_t *)k.v, n, w, p);
    integers_free(k.a, n * n);
    integers_free(k.v, n * n);
    mpz_clears(k.x, k.y, k.h, k.c, k.s, k.t, NULL);
    return good;
}
