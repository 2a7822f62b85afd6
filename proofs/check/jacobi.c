/* Jacobi's method in integers: approximate eigenvectors. Nothing rests on how good they are: spectral.c and spectrum.c measure that exactly. */
#include "spectral.h"

#define SWEEPS 60
#define ROOM 24            /* bits beyond those asked for */
#define WORDS 60           /* fractional bits in 64-bit words, which serve where 64 bits are asked for */
#define WORD_SWEEPS 14
#define WORD_NOISE 256     /* nothing but rounding */

struct work { size_t n; unsigned w; mpz_t *a, *v, x, y, h, c, s, t; }; /* a, v: n x n, w fractional bits; rows of v become the eigenvectors */

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

/* cosine and sine of the angle that makes entry (i, j) vanish: tan 2 angle = y / x, x = a_jj - a_ii, y = 2 a_ij */
static void angle(struct work *k) {
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
    mpz_sub(k->x, k->a[j * n + j], k->a[i * n + i]);
    mpz_mul_2exp(k->y, k->a[i * n + j], 1);
    angle(k);
    for (size_t l = 0; l < n; l++) turn(k, k->a[i * n + l], k->a[j * n + l]);
    for (size_t l = 0; l < n; l++) turn(k, k->a[l * n + i], k->a[l * n + j]);
    for (size_t l = 0; l < n; l++) turn(k, k->v[i * n + l], k->v[j * n + l]);
}

static void jacobi(struct work *k) {
    size_t n = k->n;
    bool turned = true;
    for (int sweep = 0; turned && sweep < SWEEPS; sweep++) {
        turned = false;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++) {
                if (mpz_sizeinbase(k->a[i * n + j], 2) <= 6) continue; /* nothing but rounding */
                rotate(k, i, j);
                turned = true;
            }
    }
}

static void turn_words(int64_t *p, int64_t *q, size_t step, size_t n, int64_t c, int64_t s) {
    for (size_t l = 0; l < n * step; l += step) {
        __int128 x = (__int128)c * p[l] - (__int128)s * q[l], y = (__int128)s * p[l] + (__int128)c * q[l];
        p[l] = (int64_t)(x >> WORDS);
        q[l] = (int64_t)(y >> WORDS);
    }
}

/* Entries of a below 2^60 / n in modulus: so is what any turns make of them, up to rounding. */
static void jacobi_words(struct work *k, int64_t *a, int64_t *v) {
    size_t n = k->n;
    bool turned = true;
    for (int sweep = 0; turned && sweep < WORD_SWEEPS; sweep++) {
        turned = false;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++) {
                if (a[i * n + j] <= WORD_NOISE && a[i * n + j] >= -WORD_NOISE) continue;
                mpz_set_si(k->x, a[j * n + j] - a[i * n + i]);
                mpz_set_si(k->y, 2 * a[i * n + j]);
                angle(k);
                int64_t c = mpz_get_si(k->c), s = mpz_get_si(k->s);
                turn_words(a + i * n, a + j * n, 1, n, c, s);
                turn_words(a + i, a + j, n, n, c, s);
                turn_words(v + i * n, v + j * n, 1, n, c, s);
                turned = true;
            }
    }
}

static void by_words(struct work *k, const mpz_t *m, size_t size) {
    size_t n = k->n, bits = 1;
    while (((size_t)1 << bits) < n) bits++;
    size_t top = WORDS - bits; /* sums of rows stay below 2^60 */
    int64_t *a = mem_get(n * n, sizeof *a), *v = mem_get(n * n, sizeof *v);
    for (size_t i = 0; i < n * n; i++) {
        if (size > top) mpz_tdiv_q_2exp(k->x, m[i], size - top);
        else mpz_mul_2exp(k->x, m[i], top - size);
        a[i] = mpz_get_si(k->x);
        v[i] = i % (n + 1) == 0 ? (int64_t)1 << WORDS : 0;
    }
    jacobi_words(k, a, v);
    for (size_t i = 0; i < n * n; i++) mpz_set_si(k->v[i], v[i]);
    mem_free(a);
    mem_free(v);
}

unsigned approximate_basis(mpz_t *v, const mpz_t *m, const mpz_t den, size_t n, unsigned p) {
    size_t size = 0, below = mpz_sizeinbase(den, 2);
    for (size_t i = 0; i < n * n; i++) size = mpz_sizeinbase(m[i], 2) > size ? mpz_sizeinbase(m[i], 2) : size;
    struct work k = {.n = n, .w = p <= 64 ? WORDS : p + ROOM + (unsigned)(size > below ? size - below : 0), .v = v};
    mpz_inits(k.x, k.y, k.h, k.c, k.s, k.t, NULL);
    if (p <= 64) by_words(&k, m, size);
    else {
        k.a = integers_new(n * n);
        for (size_t i = 0; i < n * n; i++) { /* scaled so that the largest entry is about 1 */
            mpz_mul_2exp(k.a[i], m[i], k.w);
            mpz_tdiv_q_2exp(k.a[i], k.a[i], size);
            if (i % (n + 1) == 0) mpz_setbit(v[i], k.w);
        }
        jacobi(&k);
        integers_free(k.a, n * n);
    }
    mpz_clears(k.x, k.y, k.h, k.c, k.s, k.t, NULL);
    return k.w;
}
