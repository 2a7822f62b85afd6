/* Positive definite, by a triangular factor that need not be right: when A - G G' is strictly diagonally dominant with positive diagonal, it is
 * positive definite, and so is A. G is the rounded Cholesky factor of A less a small multiple of 1; only the test of the residual counts.
 * The matrix is first scaled row by row and column by column by powers of two (a congruence), so that its diagonal lies in [1, 4). */
#include "quadratic.h"

#define P 54               /* fractional bits of G in the first attempt */
#define SMALL 4000         /* rows for which the sums below fit: 2^(2 P + 3) SMALL < 2^126 */
static const unsigned wider[] = {128, 384, 1024};

struct scaled { const mpz_t *m; size_t n; long *e; };

/* floor of entry (i, j) of the scaled matrix times 2^bits */
static void entry(mpz_t out, const struct scaled *s, size_t i, size_t j, unsigned bits) {
    long shift = (long)bits - s->e[i] - s->e[j];
    if (shift >= 0) mpz_mul_2exp(out, s->m[i * s->n + j], (mp_bitcnt_t)shift);
    else mpz_fdiv_q_2exp(out, s->m[i * s->n + j], (mp_bitcnt_t)-shift);
}

/* The 128-bit integer, whose size is known to be below 2^126. */
static __int128 wide(const mpz_t x, mpz_t t) {
    mpz_tdiv_q_2exp(t, x, 64);
    unsigned __int128 size = (unsigned __int128)mpz_get_ui(t) << 64;
    mpz_tdiv_r_2exp(t, x, 64);
    size += mpz_get_ui(t);
    return mpz_sgn(x) < 0 ? -(__int128)size : (__int128)size;
}

static int64_t root(__int128 v) { /* floor of the square root, 0 < v < 2^126 */
    __int128 r = 0;
    for (__int128 bit = (__int128)1 << 62; bit > 0; bit >>= 1)
        if ((r + bit) * (r + bit) <= v) r += bit;
    return (int64_t)r;
}

static __int128 dot(const int64_t *a, const int64_t *b, size_t n) {
    __int128 sum = 0;
    for (size_t k = 0; k < n; k++) sum += (__int128)a[k] * b[k];
    return sum;
}

/* G row by row from A (both n x n, below the diagonal); false when a pivot is not positive or an entry is too large to be one of a factor */
static bool factor(int64_t *g, const __int128 *a, size_t n) {
    __int128 less = (__int128)(n + 2) << (P + 3);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            __int128 rest = a[i * n + j] - dot(g + i * n, g + j * n, j);
            if (i == j && rest - less <= 0) return false;
            __int128 x = i == j ? root(rest - less) : rest / g[j * n + j];
            if (x > (__int128)5 << (P - 1) || x < -((__int128)5 << (P - 1)) || (i == j && x == 0)) return false;
            g[i * n + j] = (int64_t)x;
        }
    return true;
}

/* Every entry of the scaled matrix lies in [a, a + 1) 2^-2P, so an entry of the residual is at most |r| + 1 in size, one of its diagonal at least r. */
static bool dominant(const int64_t *g, const __int128 *a, size_t n) {
    __int128 *off = mem_get(n, sizeof *off);
    bool good = true;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            __int128 r = a[i * n + j] - dot(g + i * n, g + j * n, j + 1);
            r = (r < 0 ? -r : r) + 1;
            good = good && r < (__int128)1 << 100;
            off[i] += good ? r : 0;
            off[j] += good ? r : 0;
        }
    for (size_t i = 0; good && i < n; i++) good = a[i * n + i] - dot(g + i * n, g + i * n, i + 1) > off[i];
    mem_free(off);
    return good;
}

static bool by_words(const struct scaled *s) {
    size_t n = s->n;
    mpz_t x, t;
    mpz_inits(x, t, NULL);
    __int128 *a = mem_get(n * n, sizeof *a);
    int64_t *g = mem_get(n * n, sizeof *g);
    bool good = true;
    for (size_t i = 0; good && i < n; i++)
        for (size_t j = 0; good && j <= i; j++) {
            entry(x, s, i, j, 2 * P);
            good = mpz_sizeinbase(x, 2) <= 2 * P + 2;
            if (good) a[i * n + j] = wide(x, t);
        }
    good = good && factor(g, a, n) && dominant(g, a, n);
    mem_free(a);
    mem_free(g);
    mpz_clears(x, t, NULL);
    return good;
}

/* The same with p fractional bits, in integers of any size. */
static void dot_z(mpz_t out, const mpz_t *a, const mpz_t *b, size_t n) {
    mpz_set_ui(out, 0);
    for (size_t k = 0; k < n; k++) mpz_addmul(out, a[k], b[k]);
}

static bool factor_z(mpz_t *g, const mpz_t *a, size_t n, unsigned p) {
    mpz_t rest, less;
    mpz_inits(rest, less, NULL);
    mpz_set_ui(less, n + 2);
    mpz_mul_2exp(less, less, p + 3);
    bool good = true;
    for (size_t i = 0; good && i < n; i++)
        for (size_t j = 0; good && j <= i; j++) {
            dot_z(rest, (const mpz_t *)g + i * n, (const mpz_t *)g + j * n, j);
            mpz_sub(rest, a[i * n + j], rest);
            if (i == j) {
                mpz_sub(rest, rest, less);
                good = mpz_sgn(rest) > 0;
                if (good) mpz_sqrt(g[i * n + j], rest);
            } else mpz_tdiv_q(g[i * n + j], rest, g[j * n + j]);
            good = good && mpz_sizeinbase(g[i * n + j], 2) <= p + 3;
        }
    mpz_clears(rest, less, NULL);
    return good;
}

static bool dominant_z(const mpz_t *g, const mpz_t *a, size_t n) {
    mpz_t r, off;
    mpz_inits(r, off, NULL);
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        mpz_set_ui(off, 0);
        for (size_t j = 0; j < n; j++) {
            size_t hi = i > j ? i : j, lo = i > j ? j : i;
            if (i == j) continue;
            dot_z(r, g + hi * n, g + lo * n, lo + 1);
            mpz_sub(r, a[hi * n + lo], r);
            mpz_abs(r, r);
            mpz_add(off, off, r);
            mpz_add_ui(off, off, 1);
        }
        dot_z(r, g + i * n, g + i * n, i + 1);
        mpz_sub(r, a[i * n + i], r);
        good = mpz_cmp(r, off) > 0;
    }
    mpz_clears(r, off, NULL);
    return good;
}

static bool by_integers(const struct scaled *s, unsigned p) {
    size_t n = s->n;
    mpz_t *a = mem_get(n * n, sizeof *a), *g = mem_get(n * n, sizeof *g);
    for (size_t i = 0; i < n * n; i++) mpz_inits(a[i], g[i], NULL);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) entry(a[i * n + j], s, i, j, 2 * p);
    bool good = factor_z(g, (const mpz_t *)a, n, p) && dominant_z((const mpz_t *)g, (const mpz_t *)a, n);
    for (size_t i = 0; i < n * n; i++) mpz_clears(a[i], g[i], NULL);
    mem_free(a);
    mem_free(g);
    return good;
}

bool positive_definite(const mpz_t *m, size_t n) {
    struct scaled s = {.m = m, .n = n, .e = mem_get(n, sizeof *s.e)};
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        good = mpz_sgn(m[i * n + i]) > 0;
        if (good) s.e[i] = (long)((mpz_sizeinbase(m[i * n + i], 2) - 1) / 2);
    }
    bool shown = good && n <= SMALL && by_words(&s);
    for (size_t k = 0; good && !shown && k < sizeof wider / sizeof *wider; k++) shown = by_integers(&s, wider[k]);
    mem_free(s.e);
    return shown;
}
