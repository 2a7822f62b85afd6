/* Sums of products of linear polynomials: A' diag(w) B, in machine words where all sums fit. */
#include <stdint.h>
#include "core/mem.h"
#include "verify/quadratic.h"

#define LOW 48             /* bits of the lower part of w a */
#define BLOCK 8            /* rows that stay in the cache */

static size_t bits_of(const fmpz *x, size_t n)
{
    slong most = _fmpz_vec_max_bits(x, (slong)n);
    return (size_t)(most < 0 ? -most : most);
}

static void add_wide(fmpz_t out, __int128 x, ulong shift, fmpz_t t)
{
    bool minus = x < 0;
    unsigned __int128 size = minus ? (unsigned __int128)0 - (unsigned __int128)x : (unsigned __int128)x;
    fmpz_set_ui(t, (ulong)(size >> 64));
    fmpz_mul_2exp(t, t, 64);
    fmpz_add_ui(t, t, (ulong)size);
    fmpz_mul_2exp(t, t, shift);
    if (minus) fmpz_sub(out, out, t);
    else fmpz_add(out, out, t);
}

/* Rows of K numbers, one a variable: b, and w a = high 2^LOW + low, 0 <= low < 2^LOW. */
static void spread(int64_t *low, int64_t *high, int64_t *second, const fmpz *a, const fmpz *b, const fmpz *w, size_t K, size_t side)
{
    fmpz_t t, r;
    fmpz_init(t);
    fmpz_init(r);
    for (size_t k = 0; k < K; k++)
        for (size_t u = 0; u < side; u++) {
            fmpz_mul(t, a + k * side + u, w + k);
            fmpz_fdiv_r_2exp(r, t, LOW);
            fmpz_fdiv_q_2exp(t, t, LOW);
            low[u * K + k] = fmpz_get_si(r);
            high[u * K + k] = fmpz_get_si(t);
            second[u * K + k] = fmpz_get_si(b + k * side + u);
        }
    fmpz_clear(t);
    fmpz_clear(r);
}

struct words { const int64_t *low, *high, *second; size_t K; };
struct sum { __int128 low, high; };

/* Of (row u) times (row v of second) */
static struct sum product(const struct words *w, size_t u, size_t v)
{
    const int64_t *low = w->low + u * w->K, *high = w->high + u * w->K, *second = w->second + v * w->K;
    struct sum s = {0, 0};
    for (size_t k = 0; k < w->K; k++) s.low += (__int128)low[k] * second[k], s.high += (__int128)high[k] * second[k];
    return s;
}

/* Of (rows u + v) times (rows u + v of second): one multiplication for the two of a_u b_v + a_v b_u. */
static struct sum product_of_sums(const struct words *w, size_t u, size_t v)
{
    const int64_t *low = w->low + u * w->K, *high = w->high + u * w->K, *second = w->second + u * w->K;
    const int64_t *low1 = w->low + v * w->K, *high1 = w->high + v * w->K, *second1 = w->second + v * w->K;
    struct sum s = {0, 0};
    for (size_t k = 0; k < w->K; k++) {
        __int128 b = second[k] + second1[k];
        s.low += (low[k] + low1[k]) * b;
        s.high += (high[k] + high1[k]) * b;
    }
    return s;
}

static void in_words(fmpz *out, const struct words *w, struct sum *squares, size_t n, int sign)
{
    fmpz_t t;
    fmpz_init(t);
    for (size_t u = 0; u <= n; u++) squares[u] = product(w, u, u);
    for (size_t block = 0; block <= n; block += BLOCK)
        for (size_t v = block; v <= n; v++)
            for (size_t u = block; u <= v && u < block + BLOCK; u++) {
                fmpz *to = out + monomial(n, u, v);
                struct sum s = u == v ? squares[u] : sign > 0 ? product_of_sums(w, u, v) : product(w, u, v), less = {0, 0};
                if (u != v && sign < 0) less = product(w, v, u);
                else if (u != v) less = (struct sum){squares[u].low + squares[v].low, squares[u].high + squares[v].high};
                add_wide(to, s.high - less.high, LOW, t);
                add_wide(to, s.low - less.low, 0, t);
            }
    fmpz_clear(t);
}

static void in_integers(fmpz *out, const fmpz *a, const fmpz *b, const fmpz *w, size_t K, size_t n, int sign)
{
    fmpz_t t;
    fmpz_init(t);
    for (size_t k = 0; k < K; k++)
        for (size_t u = 0; u <= n && !fmpz_is_zero(w + k); u++) {
            fmpz_mul(t, a + k * (n + 1) + u, w + k);
            if (fmpz_is_zero(t)) continue;
            for (size_t v = u; v <= n; v++) fmpz_addmul(out + monomial(n, u, v), t, b + k * (n + 1) + v);
            if (sign < 0) fmpz_neg(t, t);
            for (size_t v = 0; v < u; v++) fmpz_addmul(out + monomial(n, v, u), t, b + k * (n + 1) + v);
        }
    fmpz_clear(t);
}

void products_weighted(fmpz *out, const fmpz *a, const fmpz *b, const fmpz *w, size_t K, size_t n, int sign)
{
    size_t side = n + 1, A = bits_of(a, K * side) + bits_of(w, K), B = bits_of(b, K * side), sum = FLINT_BIT_COUNT(K) + 1;
    bool fits = B <= 61 && A <= LOW + 60 && LOW + B + sum <= 122 && (A > LOW ? A - LOW : 1) + B + sum <= 122;     /* sums of two rows are a bit longer, of differences of sums two */
    int64_t *low = fits ? mem_array(K * side, 3 * sizeof *low) : NULL;
    struct sum *squares = low ? mem_array(side, sizeof *squares) : NULL;
    if (squares) {
        spread(low, low + K * side, low + 2 * K * side, a, b, w, K, side);
        in_words(out, &(struct words){low, low + K * side, low + 2 * K * side, K}, squares, n, sign);
    } else
        in_integers(out, a, b, w, K, n, sign);
    free(low);
    free(squares);
}
