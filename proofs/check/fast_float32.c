/* The first look under float32: a row's radius encloses every execution of its node in binary32 (NETWORK.md §5). A sum of N products and B additions errs by at most
 * (N + B + 1) u times the sizes that it adds, u = 2^-24, for N + B <= 4000, and by (N + B) 2^-149, less than a unit in all: sums are made at 2^-100 and above. Nothing here comes
 * near an overflow: rows are below 2^49 (28 bits at 2^20 and less), sums of them below 2^82. Every entry has a radius of its own: behind a relu most units are exactly 0, and what the others
 * are off differs. */
#include "fast.h"
#include <string.h>

bool f32_adds(const struct fnet *w, __int128 size, uint32_t terms, int64_t *err) {
    if (!w->float32) return true;
    if (terms > TERMS_MOST || size < 0 || size > (__int128)1 << 100) return false;
    __int128 more = (size * (terms + 1) >> 24) + 2 + *err;
    *err = (int64_t)more;
    return more <= (__int128)1 << 60;
}

int64_t f32_score(const struct frow *q, const struct frow *k, uint32_t K) {
    unsigned __int128 sum = 0;
    for (uint32_t i = 0; i < K; i++) sum += (unsigned __int128)(uint64_t)(size_of(q->m[i]) + q->rad) * (uint64_t)(size_of(k->m[i]) + k->rad);
    return sum <= (unsigned __int128)1 << 62 ? (int64_t)sum : -1;
}

void f32_same(struct frow *r, uint32_t width) {
    for (uint32_t j = 0; j < width; j++) r->r[j] = (int32_t)r->rad; /* at most RADIUS_MOST + 2 */
}

/* w->acc, each within w->err, at 2^-F: the row, with the radii of its entries */
static bool store(struct fnet *w, struct frow *out, uint32_t n, int F) {
    int64_t most = 0;
    for (uint32_t j = 0; j < n; j++) most = w->err[j] > most ? w->err[j] : most;
    if (!frow_store(out, w->acc, n, F, most, w->bits)) return false;
    int drop = F - out->F;
    for (uint32_t j = 0; j < n; j++) out->r[j] = (int32_t)((w->err[j] >> drop) + (drop > 0 ? 2 : 0));
    return true;
}

/* sizes of a bias join those of the sum: false when it does not fit */
static bool add_bias_sizes(struct fnet *w, const struct fweight *x, uint32_t n, int F) {
    if (x->b == NULL) return true;
    int up = F - x->bF;
    if (up > 32) return false;
    for (uint32_t j = 0; j < n; j++) {
        int64_t b = size_of(x->b[j]) + 1;
        w->size[j] += up >= 0 ? b << up : (b >> (-up > 62 ? 62 : -up)) + 1;
    }
    return true;
}

/* sum (x +- r)(w +- 1): each entry errs by at most sum r (|w| + 1) + sum |x|, its products are by size at most sum (|x| + r)(|w| + 1). The sums stay below 2^62 as x w does: r <= 2^bits. */
bool f32_linear(struct fnet *w, const struct fweight *x, struct frow *out, const struct frow *in) {
    int64_t rounded = loop_sum_size(in->m, x->rows);
    int F = in->F + x->F;
    if (in->rad >= (int64_t)1 << w->bits) return false;
    loop_multiply(w->acc, in->m, x->w, x->rows, x->cols);
    for (uint32_t k = 0; k < x->rows; k++) w->entry[k] = (int32_t)frow_rad(in, k);
    loop_multiply(w->err, w->entry, x->size, x->rows, x->cols);
    for (uint32_t k = 0; k < x->rows; k++) w->entry[k] = (int32_t)size_of(in->m[k]);
    loop_multiply(w->size, w->entry, x->size, x->rows, x->cols);
    if (!frow_add_bias(w, x, x->cols, F, &rounded)) return false;
    for (uint32_t j = 0; j < x->cols; j++) {
        if (w->err[j] > (int64_t)1 << 59 || w->size[j] > (int64_t)1 << 61) return false;
        w->size[j] += w->err[j];
        w->err[j] += rounded;
        out->exact[j] = w->err[j];
    }
    if (!add_bias_sizes(w, x, x->cols, F)) return false;
    for (uint32_t j = 0; j < x->cols; j++)
        if (!f32_adds(w, w->size[j], x->rows + (x->b != NULL), &w->err[j])) return false;
    if (!store(w, out, x->cols, F)) return false;
    int drop = F - out->F;
    for (uint32_t j = 0; j < x->cols; j++) {
        out->exact[j] = (out->exact[j] >> drop) + 2;
        out->size[j] = (w->size[j] >> drop) + 1;
        if (out->size[j] > (int64_t)1 << 48) return false; /* 4000 of them add up */
    }
    return true;
}

/* A term of a sum. product: the linear row's products are terms of this sum, which does their rounding. */
static void add_row(struct fnet *w, const struct frow *r, int drop, bool minus, bool product, uint32_t n) {
    int64_t cut = drop > 0 ? 2 : 0;
    for (uint32_t j = 0; j < n; j++) {
        int64_t m = r->m[j] >> drop, rad = ((product ? r->exact[j] : frow_rad(r, j)) >> drop) + cut;
        w->acc[j] += minus ? -m : m;
        w->err[j] += rad;
        w->size[j] += product ? (r->size[j] >> drop) + 1 : size_of(m) + 1 + rad;
    }
}

bool f32_sum_rows(struct fnet *w, const struct node *x, const struct fweight *b, uint32_t row, int F, struct frow *out) {
    uint32_t terms = b->b != NULL;
    int64_t biased = 0;
    memset(w->acc, 0, x->width * sizeof *w->acc);
    memset(w->err, 0, x->width * sizeof *w->err);
    memset(w->size, 0, x->width * sizeof *w->size);
    for (int a = 0; a < x->n_args; a++) {
        const struct frow *r = fnet_row(w, x->args[a], row);
        bool product = frow_is_product(w, x, a);
        if (product && r->exact == NULL) return false; /* a row of a single token */
        int drop = r->F - F > 30 ? 30 : r->F - F; /* m is below 2^29: the rest is -1 or 0 */
        add_row(w, r, drop, x->op == OP_SUB && a == 1, product, x->width);
        terms += product ? w->weight[x->args[a]].rows : 1;
    }
    if (!frow_add_bias(w, b, x->width, F, &biased) || !add_bias_sizes(w, b, x->width, F)) return false;
    for (uint32_t j = 0; j < x->width; j++) {
        w->err[j] += biased;
        if (w->size[j] < 0 || !f32_adds(w, w->size[j], terms, &w->err[j])) return false;
    }
    return store(w, out, x->width, F);
}

void f32_relu(struct frow *out, const int32_t *in, uint32_t width) {
    out->rad = 0;
    for (uint32_t j = 0; j < width; j++) {
        if ((int64_t)in[j] + out->r[j] <= 0) out->r[j] = 0;
        out->rad = out->r[j] > out->rad ? out->r[j] : out->rad;
    }
}

/* Executions have sum p' v' = sum p v + sum p' (v' - v) + sum (p' - p)(v - c) + c (sum p' - sum p) for every c; here p, v are the row's integers and c is about sum p v. The shares of an execution
 * add up to 1 within (n + 4) u: its sum of exponentials is off by at most (n - 1) u and a share by two roundings; what flushing takes is less than a unit of each. */
static bool mix_entry(struct fnet *w, const struct frow *p, const struct frow *const *v, const uint32_t *at, uint32_t n, uint32_t k, int64_t lack) {
    __int128 e = 0;
    int64_t c = w->acc[k] >> w->bits;
    for (uint32_t i = 0; i < n; i++) {
        int64_t rad = (frow_rad(v[i], k) >> w->drop[i]) + (w->drop[i] > 0 ? 2 : 0), m = v[i]->m[k] >> w->drop[i];
        e += (__int128)(w->share[i] + frow_rad(p, at[i])) * rad + (__int128)frow_rad(p, at[i]) * size_of(m - c);
    }
    e += (__int128)size_of(c) * lack;
    w->err[k] = (int64_t)e;
    return e <= (__int128)1 << 59;
}

bool f32_mix(struct fnet *w, const struct node *x, uint32_t row, int F, struct frow *out) {
    const struct frow *p = fnet_row(w, x->args[0], row);
    uint32_t n = 0, sources = fnet_sources(w, row), *at = mem_get(sources, sizeof *at);
    const struct frow **v = mem_get(sources, sizeof *v);
    int64_t sum = 0, largest = 0;
    bool good = true;
    for (uint32_t j = 0; j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        v[n] = fnet_row(w, x->args[1], j);
        w->drop[n] = v[n]->F + p->F - F;
        good = good && w->drop[n] >= 0 && w->drop[n] <= 30;
        w->values[n] = v[n]->m;
        w->share[n] = p->m[j];
        sum += p->m[j];
        int64_t most = good ? (loop_largest(v[n]->m, x->width) >> w->drop[n]) + 3 + (v[n]->rad >> w->drop[n]) : 0;
        largest = most > largest ? most : largest;
        at[n++] = j;
    }
    memset(w->acc, 0, x->width * sizeof *w->acc);
    if (good) loop_add_mix(w->acc, w->share, w->values, w->drop, n, x->width);
    int64_t one = (int64_t)1 << w->bits, lack = n > 0 ? size_of(one - sum) + ((((int64_t)n + 4) << w->bits) >> 24) + 1 + n : 0;
    __int128 size = ((__int128)one + p->total + n) * largest;
    for (uint32_t k = 0; good && k < x->width; k++) good = mix_entry(w, p, v, at, n, k, lack) && f32_adds(w, size, n, &w->err[k]);
    mem_free(at);
    mem_free(v);
    return good && store(w, out, x->width, F);
}
