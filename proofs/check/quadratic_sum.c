/* Sums of products of linear polynomials, over a hidden layer: in 64-bit words with 128-bit sums where these cannot overflow, else in integers of any size. */
#include "quadratic.h"

#define CUT 50             /* bits of the lower part of a weighted coefficient */
#define ROWS 8

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

/* sum over k of (x_k + y_k) b_k, x and y rows of one part */
static __int128 dot(const int64_t *x, const int64_t *y, const int64_t *b, size_t n) {
    __int128 sum = 0;
    for (size_t k = 0; k < n; k++) sum += (__int128)(x[k] + y[k]) * b[k];
    return sum;
}

/* x_u b_v - x_v b_u, summed over k, of both parts */
static void turned_pair(__int128 pair[2], const struct words *s, size_t u, size_t v, const int64_t *none) {
    const int64_t *part[2] = {s->low, s->high};
    size_t c = s->count;
    for (int i = 0; i < 2; i++) pair[i] = dot(part[i] + u * c, none, s->b + v * c, c) - dot(part[i] + v * c, none, s->b + u * c, c);
}

/* x_u b_v + x_v b_u = (x_u + x_v)(b_u + b_v) - x_u b_u - x_v b_v, summed over k, of both parts; both: room for b_u + b_v */
static void pair_sums(__int128 pair[2], const struct words *s, size_t u, size_t v, const __int128 *own, int64_t *both) {
    const int64_t *part[2] = {s->low, s->high};
    size_t c = s->count;
    for (size_t k = 0; k < c; k++) both[k] = s->b[u * c + k] + s->b[v * c + k];
    for (int i = 0; i < 2; i++) pair[i] = dot(part[i] + u * c, part[i] + v * c, both, c) - own[2 * u + (size_t)i] - own[2 * v + (size_t)i];
}

static void by_words(mpz_t *out, const struct words *s, size_t n, bool turned) {
    mpz_t t;
    mpz_init(t);
    size_t c = s->count;
    int64_t *none = mem_get(c, sizeof *none), *both = mem_get(c, sizeof *both);
    __int128 *own = mem_get(2 * (n + 1), sizeof *own), pair[2];
    for (size_t u = 0; u <= n; u++) {
        own[2 * u] = dot(s->low + u * c, none, s->b + u * c, c);
        own[2 * u + 1] = dot(s->high + u * c, none, s->b + u * c, c);
    }
    for (size_t first = 0; first <= n; first += ROWS) /* so that few rows are read again and again */
        for (size_t v = first; v <= n; v++)
            for (size_t u = first; u <= v && u < first + ROWS; u++) {
                if (u == v) pair[0] = own[2 * u], pair[1] = own[2 * u + 1];
                else if (turned) turned_pair(pair, s, u, v, none);
                else pair_sums(pair, s, u, v, own, both);
                add_sum(out[monomial(n, u, v)], pair[0], 0, t);
                add_sum(out[monomial(n, u, v)], pair[1], CUT, t);
            }
    mem_free(none);
    mem_free(both);
    mem_free(own);
    mpz_clear(t);
}

void sum_products(mpz_t *out, const mpz_t *a, const mpz_t *b, const mpz_t *w, size_t count, size_t n, bool turned) {
    size_t size = count * (n + 1), wa = largest(a, size) + largest(w, count), second = largest(b, size), terms = 0;
    while (((size_t)1 << terms) < count) terms++;
    /* a sum of products of sums of two: below 2^(bits of both + 2 + terms), and three of these are added */
    bool fit = second <= 61 && wa <= CUT + 60 && CUT + second + terms <= 122 && (wa > CUT ? wa - CUT : 1) + second + terms <= 122;
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
