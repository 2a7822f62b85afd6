/* Sums of products of linear polynomials: A' diag(w) B, in machine words where all sums fit. */
#include <stdint.h>
#include "core/mem.h"
#include "verify/quadratic.h"

#define LOW 48             /* bits of the lower part of w a */

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

static __int128 dot(const int64_t *a, const int64_t *b, size_t n)
{
    __int128 sum = 0;
    for (size_t k = 0; k < n; k++) sum += (__int128)a[k] * b[k];
    return sum;
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

static void in_words(fmpz *out, const int64_t *low, const int64_t *high, const int64_t *second, size_t K, size_t n, int sign)
{
    fmpz_t t;
    fmpz_init(t);
    for (size_t u = 0; u <= n; u++)
        for (size_t v = u; v <= n; v++) {
            fmpz *to = out + monomial(n, u, v);
            __int128 h = dot(high + u * K, second + v * K, K), l = dot(low + u * K, second + v * K, K);
            if (u != v) h += sign * dot(high + v * K, second + u * K, K), l += sign * dot(low + v * K, second + u * K, K);
            add_wide(to, h, LOW, t);
            add_wide(to, l, 0, t);
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
    bool fits = B <= 62 && A <= LOW + 61 && LOW + B + sum <= 125 && (A > LOW ? A - LOW : 1) + 1 + B + sum <= 125;
    int64_t *low = fits ? mem_array(K * side, 3 * sizeof *low) : NULL;
    if (!low) {
        in_integers(out, a, b, w, K, n, sign);
        return;
    }
    spread(low, low + K * side, low + 2 * K * side, a, b, w, K, side);
    in_words(out, low, low + K * side, low + 2 * K * side, K, n, sign);
    free(low);
}
