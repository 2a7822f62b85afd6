/* Sums of products of linear polynomials, over a hidden layer: in 64-bit words with 128-bit sums where these cannot overflow, else in integers of any size. */
#include "quadratic.h"

#define CUT 50             /* bits of the lower part of a weighted coefficient */

static size_t largest(const mpz_t *x, size_t n) {
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        size_t bits = mpz_sgn(x[i]) == 0 ? 0 : mpz_sizeinbase(x[i], 2);
        most = bits > most ? bits : most;
    }
    return most;
}

static void by_integers(mpz_t *out, const mpz_t *a, const mpz_t *b, const mpz_t *w, size_t count, size_t n, bool turned) {
    mpz_t t;
    mpz_init(t);
    for (size_t k = 0; k < count; k++)
        for (size_t u = 0; u <= n; u++) {
            mpz_mul(t, a[k * (n + 1) + u], w[k]);
            for (size_t v = 0; mpz_sgn(t) != 0 && v <= n; v++) {
                mpz_ptr to = out[u < v ? monomial(n, u, v) : monomial(n, v, u)];
                if (turned && u > v) mpz_submul(to, t, b[k * (n + 1) + v]);
                else mpz_addmul(to, t, b[k * (n + 1) + v]);
            }
        }
    mpz_clear(t);
}

/* out += x 2^shift */
static void add_sum(mpz_t out, __int128 x, unsigned shift, mpz_t t) {
    unsigned __int128 size = x < 0 ? -(unsigned __int128)x : (unsigned __int128)x;
    mpz_set_ui(t, (unsigned long)(size >> 64));
    mpz_mul_2exp(t, t, 64);
    mpz_add_ui(t, t, (unsigned long)size);
    mpz_mul_2exp(t, t, shift);
    if (x < 0) mpz_sub(out, out, t);
    else mpz_add(out, out, t);
}

struct words { size_t count; int64_t *low, *high, *b; }; /* by variable, then k: w a = high 2^CUT + low, 0 <= low < 2^CUT; and b */

static __int128 dot(const int64_t *x, const int64_t *y, size_t n) {
    __int128 sum = 0;
    for (size_t k = 0; k < n; k++) sum += (__int128)x[k] * y[k];
    return sum;
}

static void by_words(mpz_t *out, const struct words *s, size_t n, bool turned) {
    mpz_t t;
    mpz_init(t);
    size_t at = 0, c = s->count;
    for (size_t u = 0; u <= n; u++)
        for (size_t v = u; v <= n; v++, at++) {
            __int128 low = dot(s->low + u * c, s->b + v * c, c), high = dot(s->high + u * c, s->b + v * c, c);
            if (u != v) {
                __int128 l = dot(s->low + v * c, s->b + u * c, c), h = dot(s->high + v * c, s->b + u * c, c);
                low = turned ? low - l : low + l;
                high = turned ? high - h : high + h;
            }
            add_sum(out[at], low, 0, t);
            add_sum(out[at], high, CUT, t);
        }
    mpz_clear(t);
}

void sum_products(mpz_t *out, const mpz_t *a, const mpz_t *b, const mpz_t *w, size_t count, size_t n, bool turned) {
    size_t size = count * (n + 1), wa = largest(a, size) + largest(w, count), second = largest(b, size), terms = 2;
    while (((size_t)1 << (terms - 2)) < count) terms++; /* 2 count <= 2^(terms - 1) */
    bool fit = second <= 62 && wa <= CUT + 61 && CUT + second + terms <= 126 && (wa > CUT ? wa - CUT : 0) + 1 + second + terms <= 126;
    if (!fit) {
        by_integers(out, a, b, w, count, n, turned);
        return;
    }
    struct words s = {count, mem_get(size, sizeof *s.low), mem_get(size, sizeof *s.high), mem_get(size, sizeof *s.b)};
    mpz_t t, r;
    mpz_inits(t, r, NULL);
    for (size_t k = 0; k < count; k++)
        for (size_t u = 0; u <= n; u++) {
            mpz_mul(t, a[k * (n + 1) + u], w[k]);
            mpz_fdiv_r_2exp(r, t, CUT);
            mpz_fdiv_q_2exp(t, t, CUT);
            s.low[u * count + k] = mpz_get_si(r);
            s.high[u * count + k] = mpz_get_si(t);
            s.b[u * count + k] = mpz_get_si(b[k * (n + 1) + u]);
        }
    by_words(out, &s, n, turned);
    mpz_clears(t, r, NULL);
    mem_free(s.low);
    mem_free(s.high);
    mem_free(s.b);
}
