/* see fast_loops.h */
#include "fast_loops.h"
#include <stdbool.h>
#include <stddef.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define HAS_VECTORS 1
#define LOOP __attribute__((optimize("O3"), target_clones("arch=x86-64-v4", "avx2", "default")))
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f")))
static bool vectors(void) { return loop_widest > 0 && __builtin_cpu_supports("avx2"); }
static bool wide_vectors(void) { return loop_widest > 1 && __builtin_cpu_supports("avx512f"); }
#else
#define LOOP
#endif

int loop_widest = 2;

/* Columns first, first + 1, ...: of the plain loops everything, of the others what is left. */
static void multiply_rest(int64_t *acc, const int32_t *x, const int32_t *W, uint32_t rows, uint32_t cols, uint32_t first) {
    for (uint32_t j = first; j < cols; j++) acc[j] = 0;
    for (uint32_t k = 0; k < rows; k++)
        for (uint32_t j = first; j < cols; j++) acc[j] += (int64_t)x[k] * W[(size_t)k * cols + j];
}

static void add_scaled_rest(int64_t *acc, int32_t x, const int32_t *w, uint32_t n, uint32_t first) {
    for (uint32_t j = first; j < n; j++) acc[j] += (int64_t)x * w[j];
}

static int64_t product_rest(const int32_t *a, const int32_t *b, uint32_t n, uint32_t first) {
    int64_t s = 0;
    for (uint32_t j = first; j < n; j++) s += (int64_t)a[j] * b[j];
    return s;
}

static void add_mix_rest(int64_t *acc, const int32_t *p, const int32_t *const *v, const int *drop, uint32_t many, uint32_t n, uint32_t first) {
    for (uint32_t i = 0; i < many; i++)
        for (uint32_t j = first; j < n; j++) acc[j] += (int64_t)p[i] * (v[i][j] >> drop[i]);
}

#ifdef HAS_VECTORS
/* Eight entries of a row: the products of those at even places, and of those at odd places, which a shift brings to the even ones. */
AVX2 static inline __m256i load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
AVX2 static inline __m256i odd(__m256i v) { return _mm256_srli_epi64(v, 32); }

AVX2 static inline void add_pair(int64_t *acc, __m256i even_sums, __m256i odd_sums) { /* 0 2 4 6 and 1 3 5 7 */
    __m256i low = _mm256_unpacklo_epi64(even_sums, odd_sums), high = _mm256_unpackhi_epi64(even_sums, odd_sums); /* 0 1 4 5 and 2 3 6 7 */
    __m256i *to = (__m256i *)(void *)acc;
    _mm256_storeu_si256(to, _mm256_add_epi64(_mm256_loadu_si256(to), _mm256_permute2x128_si256(low, high, 0x20)));
    to = (__m256i *)(void *)(acc + 4);
    _mm256_storeu_si256(to, _mm256_add_epi64(_mm256_loadu_si256(to), _mm256_permute2x128_si256(low, high, 0x31)));
}

AVX2 static void multiply_wide(int64_t *acc, const int32_t *x, const int32_t *W, uint32_t rows, uint32_t cols) {
    uint32_t j = 0;
    for (; j + 16 <= cols; j += 16) {
        __m256i e0 = _mm256_setzero_si256(), e1 = e0, o0 = e0, o1 = e0;
        for (uint32_t k = 0; k < rows; k++) {
            __m256i by = _mm256_set1_epi32(x[k]), v0 = load(W + (size_t)k * cols + j), v1 = load(W + (size_t)k * cols + j + 8);
            e0 = _mm256_add_epi64(e0, _mm256_mul_epi32(by, v0));
            o0 = _mm256_add_epi64(o0, _mm256_mul_epi32(by, odd(v0)));
            e1 = _mm256_add_epi64(e1, _mm256_mul_epi32(by, v1));
            o1 = _mm256_add_epi64(o1, _mm256_mul_epi32(by, odd(v1)));
        }
        for (uint32_t t = 0; t < 16; t++) acc[j + t] = 0;
        add_pair(acc + j, e0, o0);
        add_pair(acc + j + 8, e1, o1);
    }
    multiply_rest(acc, x, W, rows, cols, j);
}

AVX2 static void add_scaled_wide(int64_t *acc, int32_t x, const int32_t *w, uint32_t n) {
    uint32_t j = 0;
    __m256i by = _mm256_set1_epi32(x);
    for (; j + 8 <= n; j += 8) add_pair(acc + j, _mm256_mul_epi32(by, load(w + j)), _mm256_mul_epi32(by, odd(load(w + j))));
    add_scaled_rest(acc, x, w, n, j);
}

AVX2 static int64_t product_wide(const int32_t *a, const int32_t *b, uint32_t n) {
    uint32_t j = 0;
    __m256i s = _mm256_setzero_si256();
    for (; j + 8 <= n; j += 8) {
        __m256i u = load(a + j), v = load(b + j);
        s = _mm256_add_epi64(s, _mm256_add_epi64(_mm256_mul_epi32(u, v), _mm256_mul_epi32(odd(u), odd(v))));
    }
    int64_t part[4];
    _mm256_storeu_si256((__m256i *)(void *)part, s);
    return part[0] + part[1] + part[2] + part[3] + product_rest(a, b, n, j);
}

AVX2 static void add_mix_wide(int64_t *acc, const int32_t *p, const int32_t *const *v, const int *drop, uint32_t many, uint32_t n) {
    uint32_t j = 0;
    for (; j + 8 <= n; j += 8) {
        __m256i even = _mm256_setzero_si256(), odds = even;
        for (uint32_t i = 0; i < many; i++) {
            __m256i by = _mm256_set1_epi32(p[i]), x = _mm256_sra_epi32(load(v[i] + j), _mm_cvtsi32_si128(drop[i]));
            even = _mm256_add_epi64(even, _mm256_mul_epi32(by, x));
            odds = _mm256_add_epi64(odds, _mm256_mul_epi32(by, odd(x)));
        }
        add_pair(acc + j, even, odds);
    }
    add_mix_rest(acc, p, v, drop, many, n, j);
}

/* A panel of 8 columns times `lanes` rows, whose sums stay in registers. */
AVX2 static inline __attribute__((always_inline)) void panel_wide(int64_t *const *acc, const int32_t *const *x, const int32_t *W, uint32_t rows, uint32_t j, const int lanes) {
    __m256i even[4], odds[4];
#pragma GCC unroll 4
    for (int l = 0; l < lanes; l++) even[l] = odds[l] = _mm256_setzero_si256();
    for (uint32_t k = 0; k < rows; k++) {
        __m256i v = load(W + (size_t)8 * k), u = odd(v);
#pragma GCC unroll 4
        for (int l = 0; l < lanes; l++) {
            __m256i by = _mm256_set1_epi32(x[l][k]);
            even[l] = _mm256_add_epi64(even[l], _mm256_mul_epi32(by, v));
            odds[l] = _mm256_add_epi64(odds[l], _mm256_mul_epi32(by, u));
        }
    }
#pragma GCC unroll 4
    for (int l = 0; l < lanes; l++) add_pair(acc[l] + j, even[l], odds[l]);
}

AVX2 static void panels_wide(int64_t *const *acc, const int32_t *const *x, const int32_t *panel, uint32_t rows, uint32_t cols, uint32_t many) {
    for (uint32_t j = 0; j < cols; j += 8, panel += (size_t)8 * rows) {
        uint32_t l = 0;
        for (; l + 4 <= many; l += 4) panel_wide(acc + l, x + l, panel, rows, j, 4);
        for (; l + 2 <= many; l += 2) panel_wide(acc + l, x + l, panel, rows, j, 2);
        for (; l < many; l++) panel_wide(acc + l, x + l, panel, rows, j, 1);
    }
}

/* Eight entries of a row as 64-bit integers, of which products take the lower halves with their signs. */
AVX512 static inline __m512i load_wide(const int32_t *p) { return _mm512_cvtepi32_epi64(load(p)); }

AVX512 static int64_t product_512(const int32_t *a, const int32_t *b, uint32_t n) {
    uint32_t j = 0;
    __m512i s = _mm512_setzero_si512(), t = s;
    for (; j + 16 <= n; j += 16) {
        s = _mm512_add_epi64(s, _mm512_mul_epi32(load_wide(a + j), load_wide(b + j)));
        t = _mm512_add_epi64(t, _mm512_mul_epi32(load_wide(a + j + 8), load_wide(b + j + 8)));
    }
    return _mm512_reduce_add_epi64(_mm512_add_epi64(s, t)) + product_rest(a, b, n, j);
}

AVX512 static void add_mix_512(int64_t *acc, const int32_t *p, const int32_t *const *v, const int *drop, uint32_t many, uint32_t n) {
    uint32_t j = 0;
    for (; j + 8 <= n; j += 8) {
        __m512i sum = _mm512_loadu_si512(acc + j);
        for (uint32_t i = 0; i < many; i++)
            sum = _mm512_add_epi64(sum, _mm512_mul_epi32(_mm512_set1_epi32(p[i]), _mm512_cvtepi32_epi64(_mm256_sra_epi32(load(v[i] + j), _mm_cvtsi32_si128(drop[i])))));
        _mm512_storeu_si512(acc + j, sum);
    }
    add_mix_rest(acc, p, v, drop, many, n, j);
}

AVX512 static inline __attribute__((always_inline)) void panel_512(int64_t *const *acc, const int32_t *const *x, const int32_t *W, uint32_t rows, uint32_t j, const int lanes) {
    __m512i sum[8];
#pragma GCC unroll 8
    for (int l = 0; l < lanes; l++) sum[l] = _mm512_loadu_si512(acc[l] + j);
    for (uint32_t k = 0; k < rows; k++) {
        __m512i v = load_wide(W + (size_t)8 * k);
#pragma GCC unroll 8
        for (int l = 0; l < lanes; l++) sum[l] = _mm512_add_epi64(sum[l], _mm512_mul_epi32(_mm512_set1_epi32(x[l][k]), v));
    }
#pragma GCC unroll 8
    for (int l = 0; l < lanes; l++) _mm512_storeu_si512(acc[l] + j, sum[l]);
}

AVX512 static void panels_512(int64_t *const *acc, const int32_t *const *x, const int32_t *panel, uint32_t rows, uint32_t cols, uint32_t many) {
    for (uint32_t j = 0; j < cols; j += 8, panel += (size_t)8 * rows) {
        uint32_t l = 0;
        for (; l + 8 <= many; l += 8) panel_512(acc + l, x + l, panel, rows, j, 8);
        for (; l + 4 <= many; l += 4) panel_512(acc + l, x + l, panel, rows, j, 4);
        for (; l < many; l++) panel_512(acc + l, x + l, panel, rows, j, 1);
    }
}
#endif

static void panels_plain(int64_t *const *acc, const int32_t *const *x, const int32_t *panel, uint32_t rows, uint32_t cols, uint32_t many) {
    for (uint32_t j = 0; j < cols; j += 8, panel += (size_t)8 * rows)
        for (uint32_t l = 0; l < many; l++)
            for (uint32_t k = 0; k < rows; k++)
                for (uint32_t c = 0; c < 8; c++) acc[l][j + c] += (int64_t)x[l][k] * panel[(size_t)8 * k + c];
}

void loop_panels(int64_t *const *acc, const int32_t *const *x, const int32_t *panel, uint32_t rows, uint32_t cols, uint32_t many) {
#ifdef HAS_VECTORS
    if (vectors()) {
        (wide_vectors() ? panels_512 : panels_wide)(acc, x, panel, rows, cols, many);
        return;
    }
#endif
    panels_plain(acc, x, panel, rows, cols, many);
}

void loop_multiply(int64_t *acc, const int32_t *x, const int32_t *W, uint32_t rows, uint32_t cols) {
#ifdef HAS_VECTORS
    if (vectors()) {
        multiply_wide(acc, x, W, rows, cols);
        return;
    }
#endif
    multiply_rest(acc, x, W, rows, cols, 0);
}

void loop_add_scaled(int64_t *acc, int32_t x, const int32_t *w, uint32_t n) {
#ifdef HAS_VECTORS
    if (vectors()) {
        add_scaled_wide(acc, x, w, n);
        return;
    }
#endif
    add_scaled_rest(acc, x, w, n, 0);
}

int64_t loop_product(const int32_t *a, const int32_t *b, uint32_t n) {
#ifdef HAS_VECTORS
    if (vectors()) return (wide_vectors() ? product_512 : product_wide)(a, b, n);
#endif
    return product_rest(a, b, n, 0);
}

void loop_add_mix(int64_t *acc, const int32_t *p, const int32_t *const *v, const int *drop, uint32_t many, uint32_t n) {
#ifdef HAS_VECTORS
    if (vectors()) {
        (wide_vectors() ? add_mix_512 : add_mix_wide)(acc, p, v, drop, many, n);
        return;
    }
#endif
    add_mix_rest(acc, p, v, drop, many, n, 0);
}

LOOP void loop_add_up(int64_t *restrict acc, const int32_t *restrict m, int up, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) acc[j] += (int64_t)m[j] * ((int64_t)1 << up);
}

LOOP void loop_add_shifted(int64_t *restrict acc, const int32_t *restrict m, int drop, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) acc[j] += m[j] >> drop;
}

LOOP int64_t loop_sum_size(const int32_t *m, uint32_t n) {
    int64_t s = 0;
    for (uint32_t j = 0; j < n; j++) s += size_of(m[j]);
    return s;
}

LOOP int64_t loop_largest(const int32_t *m, uint32_t n) {
    int32_t most = 0;
    for (uint32_t j = 0; j < n; j++) {
        int32_t size = m[j] < 0 ? -m[j] : m[j];
        most = size > most ? size : most;
    }
    return most;
}

LOOP int64_t loop_largest_sum(const int64_t *acc, uint32_t n) {
    int64_t most = 0;
    for (uint32_t j = 0; j < n; j++) most = size_of(acc[j]) > most ? size_of(acc[j]) : most;
    return most;
}

LOOP void loop_shift(int32_t *restrict m, const int64_t *restrict acc, uint32_t n, int shift) {
    for (uint32_t j = 0; j < n; j++) m[j] = (int32_t)(acc[j] >> shift);
}

/* The lower half of a word shifted by at most 32 is the same whether its sign is drawn in or not, which vectors do not do. */
LOOP uint64_t loop_squares(const int64_t *acc, uint32_t n, int shift) {
    uint64_t sum = 0;
    if (shift <= 32)
        for (uint32_t j = 0; j < n; j++) {
            int32_t v = (int32_t)(uint32_t)((uint64_t)acc[j] >> shift);
            sum += (uint64_t)((int64_t)v * v);
        }
    else
        for (uint32_t j = 0; j < n; j++) {
            int64_t v = acc[j] >> shift;
            sum += (uint64_t)(v * v);
        }
    return sum;
}

LOOP void loop_round(int32_t *restrict m, const int64_t *restrict acc, uint32_t n, int shift) {
    int64_t half = shift > 0 ? (int64_t)1 << (shift - 1) : 0;
    if (shift <= 32)
        for (uint32_t j = 0; j < n; j++) m[j] = (int32_t)(uint32_t)((uint64_t)(acc[j] + half) >> shift);
    else
        for (uint32_t j = 0; j < n; j++) m[j] = (int32_t)((acc[j] + half) >> shift);
}

LOOP void loop_move(int64_t *acc, const int64_t *b, int up, uint32_t n) {
    if (up >= 0)
        for (uint32_t j = 0; j < n; j++) acc[j] = (int64_t)((uint64_t)b[j] << up);
    else
        for (uint32_t j = 0; j < n; j++) acc[j] = b[j] >> -up;
}

LOOP void loop_centred(int64_t *restrict acc, const int32_t *restrict m, int64_t K, int64_t plus, int cut, int64_t by, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) acc[j] = ((K * m[j] + plus) >> cut) * by;
}

LOOP void loop_products(int64_t *restrict acc, const int32_t *restrict a, const int32_t *restrict b, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) acc[j] = (int64_t)a[j] * b[j];
}

LOOP void loop_positive(int32_t *restrict y, const int32_t *restrict x, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) y[j] = x[j] > 0 ? x[j] : 0;
}

LOOP void loop_times(int64_t *restrict acc, const int32_t *restrict m, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) acc[j] *= m[j];
}

LOOP void loop_mirror(int64_t *restrict acc, const int32_t *restrict m, int64_t one, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) acc[j] = m[j] < 0 ? one - acc[j] : acc[j];
}

LOOP void loop_quartic(int64_t *restrict a, const int64_t *restrict c, int64_t last, int shift, int down, int up, int bits, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) {
        int64_t whole = a[j] >> shift, at = whole < last ? whole : last, g = whole < last ? a[j] - (whole << shift) : 0;
        g = g >> down << up;
        int64_t r = c[5 * at + 4];
        r = c[5 * at + 3] + (r * g >> bits);
        r = c[5 * at + 2] + (r * g >> bits);
        r = c[5 * at + 1] + (r * g >> bits);
        a[j] = c[5 * at] + (r * g >> bits);
    }
}

LOOP int64_t loop_sum(const int32_t *m, uint32_t n) {
    int64_t s = 0;
    for (uint32_t j = 0; j < n; j++) s += m[j];
    return s;
}

LOOP void loop_scaled(int32_t *m, int32_t by, const int32_t *x, int shift, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) m[j] = (int32_t)((int64_t)by * x[j] >> shift);
}

LOOP static void lower_by(int32_t *restrict least, const int32_t *restrict after, int32_t base, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) {
        int32_t v = base + after[j];
        least[j] = v < least[j] ? v : least[j];
    }
}

LOOP static void lower_plus(int32_t *restrict least, const int32_t *restrict after, const int32_t *restrict p, int32_t base, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) {
        int32_t v = base + p[j] + after[j];
        least[j] = v < least[j] ? v : least[j];
    }
}

LOOP static void lower_minus(int32_t *restrict least, const int32_t *restrict after, const int32_t *restrict p, int32_t base, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) {
        int32_t v = base - p[j] + after[j];
        least[j] = v < least[j] ? v : least[j];
    }
}

void loop_lower(int32_t *least, int32_t base, const int32_t *p, int sign, const int32_t *after, uint32_t n) {
    if (p == NULL) lower_by(least, after, base, n);
    else if (sign > 0) lower_plus(least, after, p, base, n);
    else lower_minus(least, after, p, base, n);
}
