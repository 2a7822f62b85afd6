/* The first look under float32: a row's radius encloses every execution of its node in binary32 (NETWORK.md §5). A sum of N products and B additions errs by at most
 * (N + B + 1) u times the sizes that it adds, u = 2^-24, for N + B <= 4000, and by (N + B) 2^-149, less than a unit in all: sums are made at 2^-100 and above. Nothing here comes
 * near an overflow: rows are below 2^49 (28 bits at 2^20 and less), sums of them below 2^82. */
#include "fast.h"

bool f32_adds(const struct fnet *w, __int128 size, uint32_t terms, int64_t *err) {
    if (!w->float32) return true;
    if (terms > TERMS_MOST || size < 0 || size > (__int128)1 << 100) return false;
    __int128 more = (size * (terms + 1) >> 24) + 2 + *err;
    *err = (int64_t)more;
    return more <= (__int128)1 << 60;
}

int64_t f32_linear_size(const struct fweight *x, const struct frow *in) {
    unsigned __int128 most = 0;
    if (in->rad > (int64_t)1 << 28) return -1;
    for (uint32_t j = 0; j < x->cols; j++) {
        uint64_t low = 0, high = 0; /* each product is below 2^29 2^29: 2^58, of 4000 of them 2^70 */
        for (uint32_t k = 0; k < x->rows; k++) {
            uint64_t p = (uint64_t)(size_of(in->m[k]) + in->rad) * (uint64_t)(size_of(x->w[(size_t)k * x->cols + j]) + 1);
            low += p & UINT32_MAX;
            high += p >> 32;
        }
        unsigned __int128 sum = ((unsigned __int128)high << 32) + low;
        if (x->b != NULL) {
            int up = in->F + x->F - x->bF;
            uint64_t b = (uint64_t)size_of(x->b[j]) + 1;
            if (up > 60) return -1;
            sum += up >= 0 ? (unsigned __int128)b << up : (b >> (-up > 62 ? 62 : -up)) + 1;
        }
        most = sum > most ? sum : most;
    }
    return most <= (unsigned __int128)1 << 62 ? (int64_t)most : -1;
}

int64_t f32_score(const struct frow *q, const struct frow *k, uint32_t K) {
    unsigned __int128 sum = 0;
    for (uint32_t i = 0; i < K; i++) sum += (unsigned __int128)(uint64_t)(size_of(q->m[i]) + q->rad) * (uint64_t)(size_of(k->m[i]) + k->rad);
    return sum <= (unsigned __int128)1 << 62 ? (int64_t)sum : -1;
}
