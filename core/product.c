/* see product.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "core/product.h"
#include "core/vector.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define FUSED
#endif
#define ROWS 4
#define ROWS_MOST 8
#define COLUMNS 8

/* Several rows times one block of a panel, no longer than PRODUCT_BLOCK: y[l][0..7] += x[l] panel. The accumulators stay in registers, the panel in the nearest cache. */
typedef void product_tile(double *const *y, const double *const *x, const double *panel, size_t k);
struct tile { product_tile *run; size_t rows; };

#ifdef FUSED
__attribute__((target("avx2,fma"))) static void tile_fused(double *const *y, const double *const *x, const double *panel, size_t k)
{
    __m256d a[ROWS], b[ROWS];
#pragma GCC unroll 4
    for (int l = 0; l < ROWS; l++) a[l] = b[l] = _mm256_setzero_pd();
    for (size_t i = 0; i < k; i++) {
        __m256d v = _mm256_loadu_pd(panel + COLUMNS * i), w = _mm256_loadu_pd(panel + COLUMNS * i + 4);
#pragma GCC unroll 4
        for (int l = 0; l < ROWS; l++) {
            __m256d c = _mm256_broadcast_sd(x[l] + i);
            a[l] = _mm256_fmadd_pd(c, v, a[l]);
            b[l] = _mm256_fmadd_pd(c, w, b[l]);
        }
    }
#pragma GCC unroll 4
    for (int l = 0; l < ROWS; l++) {
        _mm256_storeu_pd(y[l], _mm256_add_pd(_mm256_loadu_pd(y[l]), a[l]));
        _mm256_storeu_pd(y[l] + 4, _mm256_add_pd(_mm256_loadu_pd(y[l] + 4), b[l]));
    }
}

/* Eight rows; the sums are those of tile_fused. */
__attribute__((target("avx512f"))) static void tile_wide(double *const *y, const double *const *x, const double *panel, size_t k)
{
    __m512d a[ROWS_MOST];
#pragma GCC unroll 8
    for (int l = 0; l < ROWS_MOST; l++) a[l] = _mm512_setzero_pd();
    for (size_t i = 0; i < k; i++) {
        __m512d v = _mm512_loadu_pd(panel + COLUMNS * i);
#pragma GCC unroll 8
        for (int l = 0; l < ROWS_MOST; l++) a[l] = _mm512_fmadd_pd(_mm512_set1_pd(x[l][i]), v, a[l]);
    }
#pragma GCC unroll 8
    for (int l = 0; l < ROWS_MOST; l++) _mm512_storeu_pd(y[l], _mm512_add_pd(_mm512_loadu_pd(y[l]), a[l]));
}
#endif

static void tile_plain(double *const *y, const double *const *x, const double *panel, size_t k)
{
    for (int l = 0; l < ROWS; l++) {
        vec a = { 0 }, b = { 0 };
        for (size_t i = 0; i < k; i++) {
            a += x[l][i] * LOAD(panel + COLUMNS * i);
            b += x[l][i] * LOAD(panel + COLUMNS * i + 4);
        }
        STORE(y[l], LOAD(y[l]) + a);
        STORE(y[l] + 4, LOAD(y[l] + 4) + b);
    }
}

/* Rows that fill no tile repeat the first of them, columns that fill no panel are copied: into `spare` and back. */
static void run_tile(const struct tile *t, double *y, size_t stride, const double *const *x, size_t n, size_t columns, const double *panel, size_t k)
{
    double spare[ROWS_MOST][COLUMNS] = { { 0 } }, *to[ROWS_MOST];
    const double *from[ROWS_MOST];
    for (size_t l = 0; l < t->rows; l++) {
        from[l] = x[l < n ? l : 0];
        to[l] = l < n && columns == COLUMNS ? y + l * stride : spare[l];
        if (l < n && columns < COLUMNS) memcpy(spare[l], y + l * stride, columns * sizeof *y);
    }
    for (size_t i = 0; i < k; i += PRODUCT_BLOCK) {
        t->run(to, from, panel + COLUMNS * i, k - i < PRODUCT_BLOCK ? k - i : PRODUCT_BLOCK);
        for (size_t l = 0; l < t->rows; l++) from[l] += PRODUCT_BLOCK;
    }
    for (size_t l = 0; l < n && columns < COLUMNS; l++) memcpy(y + l * stride, spare[l], columns * sizeof *y);
}

/* The last rows by the smaller of two tiles where they fit into it. */
static void add_by(const struct tile *large, const struct tile *small, double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p)
{
    for (size_t j = 0; j < p->m; j += COLUMNS)
        for (size_t l = 0, rows; l < n; l += rows) {
            const struct tile *t = n - l > small->rows ? large : small;
            rows = n - l < t->rows ? n - l : t->rows;
            run_tile(t, y + l * stride + j, stride, x + l, rows, p->m - j < COLUMNS ? p->m - j : COLUMNS, p->panels + j * p->k, p->k);
        }
}

static const struct tile plain = { tile_plain, ROWS };

void product_add_plain(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p)
{
    add_by(&plain, &plain, y, stride, x, n, p);
}

#ifdef FUSED
void product_add_fused(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p)
{
    static const struct tile fused = { tile_fused, ROWS };
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) add_by(&fused, &fused, y, stride, x, n, p);
    else product_add_plain(y, stride, x, n, p);
}

void product_add(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p)
{
    static const struct tile fused = { tile_fused, ROWS }, wide = { tile_wide, ROWS_MOST };
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma")) add_by(&wide, &fused, y, stride, x, n, p);
    else product_add_fused(y, stride, x, n, p);
}
#else
void product_add_fused(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p) { product_add_plain(y, stride, x, n, p); }
void product_add(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p) { product_add_plain(y, stride, x, n, p); }
#endif

bool product_matrix_set(struct product_matrix *p, const double *W, size_t k, size_t m)
{
    size_t n = (m + COLUMNS - 1) / COLUMNS;
    *p = (struct product_matrix){ .k = k, .m = m };
    if (k == 0 || m == 0 || n > (size_t)-1 / COLUMNS / sizeof(double) / k || !(p->panels = mem_array(n * k * COLUMNS, sizeof(double)))) return false;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < m; j++) p->panels[(j / COLUMNS * k + i) * COLUMNS + j % COLUMNS] = W[i * m + j];
    p->norm = product_norm(W, k, m);
    p->size = row_norm(W, k * m);
    return true;
}

void product_matrix_clear(struct product_matrix *p)
{
    free(p->panels);
    p->panels = NULL;
}
