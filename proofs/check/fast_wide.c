/* The kernels of the second look (fast_wide.h). */
#include "fast_wide.h"
#include <string.h>

#define SCALE_MOST 90                 /* of rows */
#define WEIGHT_SCALE_MOST 80

int64_t wide_root(uint32_t n) { /* asked for with every row */
    static unsigned char known[TERMS_MOST + 1];
    if (n > TERMS_MOST) return (int64_t)root_down(n) + 1;
    if (known[n] == 0) known[n] = (unsigned char)(root_down(n) + 1);
    return known[n];
}

int64_t wide_length(struct frow *r, uint32_t n) {
    if (r->most >= 0) return r->most;
    unsigned __int128 sum = 0; /* below 2^120 */
    for (uint32_t j = 0; j < n; j++) sum += (unsigned __int128)((__int128)r->wide[j] * r->wide[j]);
    return r->most = (int64_t)root_down(sum) + 1;
}

/* Each of the two bounds may give a better one for the other. */
static void set_radii(struct frow *r, uint32_t n, int64_t rad, __int128 rad2) {
    __int128 all = (__int128)rad * wide_root(n);
    r->rad2 = (int64_t)(rad2 >= 0 && rad2 < all ? rad2 : all);
    r->rad = r->rad2 < rad ? r->rad2 : rad;
}

/* The shift rounds down: one unit of each entry, and one for the shift of err. */
bool wide_store(struct fnet *w, struct frow *r, uint32_t n, int F, __int128 err, __int128 err2) {
    const __int128 *acc = w->wide->acc;
    unsigned __int128 all = 0; /* has the bits of the largest */
    for (uint32_t j = 0; j < n; j++) all |= (unsigned __int128)(acc[j] < 0 ? -acc[j] : acc[j]);
    int shift = bits_of_wide(all) - w->wide->bits;
    if (shift < F - SCALE_MOST) shift = F - SCALE_MOST;
    if (shift < 0) shift = 0;
    if (err2 >= 0 && err2 < err) err = err2;
    if (shift > 120 || err < 0 || (err >> shift) > WRADIUS_MOST || F - shift < -20) return false;
    for (uint32_t j = 0; j < n; j++) r->wide[j] = (int64_t)(acc[j] >> shift);
    r->F = F - shift;
    set_radii(r, n, (int64_t)(err >> shift) + (shift > 0 ? 2 : 0), err2 < 0 ? err2 : (err2 >> shift) + (shift > 0 ? 1 + wide_root(n) : 0));
    return true;
}

bool wide_from_nums(const struct fnet *w, struct frow *r, const struct num *x, uint32_t n, unsigned p) {
    size_t bits = 0, most = (size_t)w->wide->bits;
    for (uint32_t j = 0; j < n; j++) {
        size_t a = mpz_sizeinbase(LO(&x[j]), 2), b = mpz_sizeinbase(HI(&x[j]), 2);
        bits = a > bits ? a : bits;
        bits = b > bits ? b : bits;
    }
    if (bits > 400) return false;
    mp_bitcnt_t drop = bits > most ? bits - most : 0;
    if (p > SCALE_MOST && drop < p - SCALE_MOST) drop = p - SCALE_MOST;
    if ((int)p - (int)drop < -20) return false;
    mpz_t t;
    mpz_init(t);
    bool good = true;
    r->F = (int)p - (int)drop;
    r->rad = 1;
    for (uint32_t j = 0; good && j < n; j++) {
        mpz_fdiv_q_2exp(t, LO(&x[j]), drop);
        r->wide[j] = mpz_get_si(t);
        mpz_sub(t, HI(&x[j]), LO(&x[j]));
        mpz_cdiv_q_2exp(t, t, drop);
        good = mpz_sizeinbase(t, 2) <= 40;
        if (good && mpz_get_si(t) + 1 > r->rad) r->rad = mpz_get_si(t) + 1;
    }
    mpz_clear(t);
    set_radii(r, n, r->rad, -1);
    return good;
}

static void split(const struct wide *d, const int64_t *x, size_t n, int32_t *high, int32_t *low) {
    for (size_t i = 0; i < n; i++) {
        high[i] = (int32_t)(x[i] >> d->half);
        low[i] = (int32_t)(x[i] & (((int64_t)1 << d->half) - 1));
    }
}

/* The largest sum of sizes in a row of the symmetric matrix a (m by m, entries below 2^62), which is no less than its norm. */
static __int128 row_sums(const int64_t *a, uint32_t m) {
    __int128 most = 0;
    for (uint32_t i = 0; i < m; i++) {
        __int128 sum = 0;
        for (uint32_t j = 0; j < m; j++) sum += size_of(a[(size_t)i * m + j]);
        most = sum > most ? sum : most;
    }
    return most;
}

/* out = the products of the rows of a, m of k entries each `step` apart; rows themselves are `stride` apart. Entries are below 2^half: sums stay below 2^62. */
static void gram(int64_t *out, const int32_t *a, uint32_t m, uint32_t k, size_t stride, size_t step) {
    for (uint32_t i = 0; i < m; i++)
        for (uint32_t j = 0; j <= i; j++) {
            int64_t sum = 0;
            for (uint32_t t = 0; t < k; t++) sum += (int64_t)a[i * stride + t * step] * a[j * stride + t * step];
            out[(size_t)i * m + j] = out[(size_t)j * m + i] = sum;
        }
}

/* The norm of H, the upper halves: |H|^2 = |G|, G = H H^T or H^T H. With g = G >> drop below 2^half G is within 2^drop (|g| + m), and |g|^2 = |g g| is at most the largest sum of sizes in a row of g g. The true matrix is
 * within 0..1 of 2^half H in each entry's upper half, which adds at most sqrt(rows cols). */
#define NORM_PRODUCTS ((uint64_t)1 << 28)
static __int128 norm_of(const struct wide *d, const struct wweight *x) {
    bool wide = x->cols > x->rows;
    uint32_t m = wide ? x->rows : x->cols, k = wide ? x->cols : x->rows;
    if ((uint64_t)m * m * (k + (uint64_t)m) > NORM_PRODUCTS) return -1;
    int64_t *g = mem_get((size_t)m * m, sizeof *g), *square = mem_get((size_t)m * m, sizeof *square), most = 0;
    int32_t *small = mem_get((size_t)m * m, sizeof *small);
    gram(g, x->high, m, k, wide ? x->cols : 1, wide ? 1 : x->cols);
    for (size_t i = 0; i < (size_t)m * m; i++) most = size_of(g[i]) > most ? size_of(g[i]) : most;
    int drop = bits_of((uint64_t)most) > d->half ? bits_of((uint64_t)most) - d->half : 0;
    for (size_t i = 0; i < (size_t)m * m; i++) small[i] = (int32_t)(g[i] >> drop);
    gram(square, small, m, m, m, 1);
    __int128 of_small = (__int128)root_down((unsigned __int128)row_sums(square, m)) + 1;
    __int128 of_G = (of_small + m) << drop;
    mem_free(g);
    mem_free(square);
    mem_free(small);
    return ((__int128)root_down((unsigned __int128)of_G) + 1 + (__int128)root_down((unsigned __int128)x->rows * x->cols) + 1) << d->half;
}

bool wide_weights(struct fnet *w, int node) {
    struct wide *d = w->wide;
    const struct node *y = &w->net->nodes[node];
    struct wweight *x = &d->weight[node];
    if (y->op == OP_SCORE) x->inverse = (int64_t)root_down(((unsigned __int128)1 << 100) / y->d[0]);
    if (y->b.t != NULL && !weight_fixed(&y->b, &x->b, &x->bF, d->bits, WEIGHT_SCALE_MOST)) return false;
    if (y->w.t == NULL || (y->op != OP_LINEAR && y->op != OP_LAYERNORM && y->op != OP_RMSNORM)) return true;
    if (!weight_fixed(&y->w, &x->entry, &x->F, d->bits, WEIGHT_SCALE_MOST)) return false;
    if (y->op != OP_LINEAR) return true;
    x->rows = y->w.rows;
    x->cols = y->w.cols;
    for (uint32_t j = 0; j < x->cols; j++) {
        __int128 sum = 0;
        for (uint32_t k = 0; k < x->rows; k++) sum += size_of(x->entry[(size_t)k * x->cols + j]);
        x->column = sum > x->column ? sum : x->column;
    }
    size_t n = (size_t)x->rows * x->cols;
    x->high = mem_get(n, sizeof *x->high);
    x->low = mem_get(n, sizeof *x->low);
    split(d, x->entry, n, x->high, x->low);
    x->norm = norm_of(d, x);
    mem_free(x->entry);
    x->entry = NULL;
    return true;
}

/* Products of halves, and sums of them, stay below 2^62. */
bool wide_init(struct fnet *w) {
    uint32_t terms = w->n;
    for (int k = 0; k < w->net->n_nodes; k++) terms = w->net->nodes[k].width > terms ? w->net->nodes[k].width : terms;
    if (terms > TERMS_MOST || w->float32) return false;
    struct wide *d = w->wide = mem_get(1, sizeof *d);
    d->half = (62 - bits_of(terms)) / 2 > 27 ? 27 : (62 - bits_of(terms)) / 2;
    d->bits = 2 * d->half;
    d->nodes = (uint32_t)w->net->n_nodes;
    d->weight = mem_get(d->nodes, sizeof *d->weight);
    d->acc = mem_get(terms, sizeof *d->acc);
    d->part = mem_get(terms, sizeof *d->part);
    d->high = mem_get(terms, sizeof *d->high);
    d->low = mem_get(terms, sizeof *d->low);
    return true;
}

void wide_free(struct wide *d) {
    if (d == NULL) return;
    for (uint32_t k = 0; k < d->nodes; k++) {
        mem_free(d->weight[k].high);
        mem_free(d->weight[k].low);
        mem_free(d->weight[k].entry);
        mem_free(d->weight[k].b);
    }
    void *all[] = {d->weight, d->acc, d->part, d->high, d->low, d};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

/* ---- rows ---- */

/* acc (scale F) += b: false when it does not fit; *err grows */
static bool add_bias(struct wide *d, const struct wweight *x, uint32_t n, int F, __int128 *err) {
    if (x->b == NULL) return true;
    int up = F - x->bF;
    if (up > 60 || up < -62) return false; /* |b| <= 2^54 */
    for (uint32_t j = 0; j < n; j++) d->acc[j] += up >= 0 ? (__int128)x->b[j] * ((__int128)1 << up) : x->b[j] >> -up;
    *err += up >= 0 ? (__int128)1 << up : 2;
    return true;
}

static void add_part(struct wide *d, const int32_t *x, const int32_t *W, const struct wweight *by, int up) { /* acc += x W 2^up */
    loop_multiply(d->part, x, W, by->rows, by->cols);
    for (uint32_t j = 0; j < by->cols; j++) d->acc[j] += d->part[j] * ((__int128)1 << up);
}

/* x = xh 2^half + xl, W likewise: x W = (xh Wh 2^half + xh Wl + xl Wh) 2^half + xl Wl, where the last is left out: between 0 and K 2^(2 half). As in make_linear, sum (x +- r)(w + 0..1) errs by at most
 * r column + sum |x| + K r; together by the norm times the length of x's errors, and in each entry by what does not come from them. */
static bool make_linear(struct fnet *w, const struct wweight *x, struct frow *out, const struct frow *in) {
    struct wide *d = w->wide;
    if (x->high == NULL) return false;
    split(d, in->wide, x->rows, d->high, d->low);
    memset(d->acc, 0, x->cols * sizeof *d->acc);
    add_part(d, d->high, x->high, x, d->half);
    add_part(d, d->high, x->low, x, 0);
    add_part(d, d->low, x->high, x, 0);
    __int128 size = 0;
    for (uint32_t k = 0; k < x->rows; k++) size += size_of(in->wide[k]);
    __int128 own = (size >> d->half) + 1 + ((__int128)x->rows << d->half), moved = (in->rad * (x->column + x->rows)) >> d->half; /* 2^44 2^66 */
    int F = in->F + x->F - d->half;
    if (!add_bias(d, x, x->cols, F, &own)) return false;
    __int128 err2 = x->norm < 0 ? -1 : ((in->rad2 * x->norm) >> d->half) + 1 + own * wide_root(x->cols); /* 2^50 2^67 */
    return wide_store(w, out, x->cols, F, moved + 1 + own, err2);
}

int wide_lowered(const struct frow *r, int F, uint32_t n, int64_t *rad, int64_t *rad2) {
    int drop = r->F - F > 62 ? 62 : r->F - F; /* m is below 2^55: the rest is -1 or 0 */
    *rad = (r->rad >> drop) + (drop > 0 ? 2 : 0);
    *rad2 = (r->rad2 >> drop) + (drop > 0 ? 1 + wide_root(n) : 0);
    return drop;
}

static bool make_sum(struct fnet *w, const struct node *x, const struct wweight *b, uint32_t row, struct frow *out) {
    int F;
    __int128 *acc = w->wide->acc, err = 0, err2 = 0, of_bias = 0;
    if (!frow_coarsest(w, x, row, &F)) return false;
    memset(acc, 0, x->width * sizeof *acc);
    for (int a = 0; a < x->n_args; a++) {
        const struct frow *r = fnet_row(w, x->args[a], row);
        int64_t rad, rad2;
        int drop = wide_lowered(r, F, x->width, &rad, &rad2);
        bool minus = x->op == OP_SUB && a == 1;
        for (uint32_t j = 0; j < x->width; j++) acc[j] += minus ? -(r->wide[j] >> drop) : r->wide[j] >> drop;
        err += rad;
        err2 += rad2;
    }
    return add_bias(w->wide, b, x->width, F, &of_bias) && wide_store(w, out, x->width, F, err + of_bias, err2 + of_bias * wide_root(x->width));
}

static bool make_concat(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    int F;
    if (!frow_coarsest(w, x, row, &F)) return false;
    int64_t *m = out->wide, rad, rad2, most = 0;
    __int128 sum = 0;
    out->F = F;
    for (int a = 0; a < x->n_args; a++) {
        const struct frow *r = fnet_row(w, x->args[a], row);
        uint32_t n = w->net->nodes[x->args[a]].width;
        int drop = wide_lowered(r, F, n, &rad, &rad2);
        for (uint32_t j = 0; j < n; j++) *m++ = r->wide[j] >> drop;
        most = rad > most ? rad : most;
        sum += rad2;
    }
    set_radii(out, x->width, most, sum);
    return most <= WRADIUS_MOST;
}

/* |max(x, y) - max(x', y')| is at most the larger of |x - x'| and |y - y'| */
static bool make_extreme(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    int F;
    if (!frow_coarsest(w, x, row, &F)) return false;
    const struct frow *a = fnet_row(w, x->args[0], row), *b = fnet_row(w, x->args[1], row);
    int64_t rad_a, rad_b, all_a, all_b;
    int drop_a = wide_lowered(a, F, x->width, &rad_a, &all_a), drop_b = wide_lowered(b, F, x->width, &rad_b, &all_b);
    for (uint32_t j = 0; j < x->width; j++) {
        int64_t u = a->wide[j] >> drop_a, v = b->wide[j] >> drop_b;
        out->wide[j] = (x->op == OP_MAX) == (u > v) ? u : v;
    }
    out->F = F;
    set_radii(out, x->width, rad_a > rad_b ? rad_a : rad_b, (__int128)all_a + all_b);
    return true;
}

/* (x +- a)(y +- b): a |y| + b |x| + a b */
static bool make_product(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    const struct frow *a = fnet_row(w, x->args[0], row), *b = fnet_row(w, x->args[1], row);
    if (a == NULL || b == NULL) return false;
    int64_t X = 0, Y = 0;
    for (uint32_t j = 0; j < x->width; j++) {
        X = size_of(a->wide[j]) > X ? size_of(a->wide[j]) : X;
        Y = size_of(b->wide[j]) > Y ? size_of(b->wide[j]) : Y;
        w->wide->acc[j] = (__int128)a->wide[j] * b->wide[j];
    }
    __int128 err = (__int128)a->rad * Y + (__int128)b->rad * X + (__int128)a->rad * b->rad;
    return wide_store(w, out, x->width, a->F + b->F, err, (__int128)a->rad2 * Y + (__int128)b->rad2 * X + (__int128)a->rad * b->rad2);
}

static bool make_choice(const struct node *x, struct frow *out, const struct frow *in) {
    frow_choose(x, out, in);
    set_radii(out, x->width, in->rad, -1); /* an entry may be chosen several times */
    return true;
}

static bool make_relu(const struct node *x, struct frow *out, const struct frow *in) {
    for (uint32_t j = 0; j < x->width; j++) out->wide[j] = in->wide[j] > 0 ? in->wide[j] : 0;
    out->F = in->F;
    out->rad = in->rad;
    out->rad2 = in->rad2;
    return true;
}

/* ---- layernorm, rmsnorm: as make_norm of fast_rows.c, with the centred entries cut to 52 bits ---- */

#define CENTRED 52
/* part = (K x - sum x) >> cut, for rmsnorm K x >> cut; the sum of its squares. cut depends on K alone. */
static unsigned __int128 centre(struct wide *d, const struct node *x, const struct frow *in, int cut) {
    __int128 K = x->width, sum = 0;
    unsigned __int128 squares = 0;
    for (uint32_t j = 0; j < x->width && x->op == OP_LAYERNORM; j++) sum += in->wide[j];
    for (uint32_t j = 0; j < x->width; j++) {
        d->part[j] = (int64_t)((K * in->wide[j] - sum) >> cut);
        squares += (unsigned __int128)((__int128)d->part[j] * d->part[j]); /* 2^104, 4000 of them */
    }
    return squares;
}

/* eps K^2 2^up, down; false: above 2^120 */
static bool add_eps(const struct net *net, uint64_t K, int up, unsigned __int128 *to) {
    mpz_t eps, high;
    mpz_init_set_si(eps, net->eps.m);
    mpz_init(high);
    mpz_mul_ui(eps, eps, (unsigned long)(K * K));
    up += net->eps.e;
    if (up >= 0) mpz_mul_2exp(eps, eps, (mp_bitcnt_t)up);
    else mpz_fdiv_q_2exp(eps, eps, (mp_bitcnt_t)-up);
    bool good = mpz_sgn(eps) >= 0 && mpz_sizeinbase(eps, 2) <= 120;
    mpz_fdiv_q_2exp(high, eps, 64);
    mpz_fdiv_r_2exp(eps, eps, 64);
    if (good) *to += ((unsigned __int128)mpz_get_ui(high) << 64) + mpz_get_ui(eps);
    mpz_clears(eps, high, NULL);
    return good;
}

/* acc = c / R at 2^-52 by a reciprocal of R with 61 bits: within Y / 2^8 + 2, as |c| <= Y R <= Y 2^(bits of R) */
static void divide(struct wide *d, uint32_t n, int64_t R) {
    int bits = bits_of((uint64_t)R);
    int64_t inverse = (int64_t)(((__int128)1 << (bits + 60)) / R); /* at most 2^61 */
    for (uint32_t j = 0; j < n; j++) d->acc[j] = (__int128)d->part[j] * inverse >> (bits + 60 - CENTRED);
}

/* acc (each entry within *err, all within *err2) times the weights, which are within 0..1 above theirs */
static bool apply_gain(struct wide *d, const struct wweight *g, uint32_t n, __int128 *err, __int128 *err2) {
    __int128 most = 0, gain = 0;
    for (uint32_t j = 0; j < n; j++) {
        __int128 size = d->acc[j] < 0 ? -d->acc[j] : d->acc[j];
        most = size > most ? size : most;
        gain = size_of(g->entry[j]) > gain ? size_of(g->entry[j]) : gain;
    }
    if (most > (__int128)1 << 70 || *err > (__int128)1 << 68 || *err2 > (__int128)1 << 68) return false;
    for (uint32_t j = 0; j < n; j++) d->acc[j] *= g->entry[j];
    *err = *err * (gain + 1) + most;
    *err2 = *err2 * (gain + 1) + most * wide_root(n);
    return true;
}

/* With r the radius of x and r2 the length of its errors the true c is within off of the entry: 2 K r or K r2 for x and 1 for the cut; together within off2: K r2, as taking away the mean lengthens nothing, and sqrt(K) for the
 * cuts. R is within h of the true root: the root mean square of what c is off, K r or sqrt(K) r2, and 1 for the cuts, 3 for floors (see make_norm). c / R moves by at most (off + |c / R| h) / (R - h), with Y and Y2 bounds on
 * |c / R| of an entry and of all. */
static bool make_norm(struct fnet *w, const struct node *x, const struct wweight *g, uint32_t row, struct frow *out, const struct frow *in) {
    struct wide *d = w->wide;
    int64_t K = x->width, root = wide_root(x->width), most = 0;
    const struct frow *by = x->n_args == 2 ? fnet_row(w, x->args[1], row) : in;
    int cut = d->bits + 1 + bits_of((uint64_t)K) - CENTRED;
    if (cut < 0) cut = 0;
    if (by == NULL || K > TERMS_MOST || in->F < 0 || by->F < 0) return false;
    unsigned __int128 all = centre(d, x, by, cut), squares = all / x->width;
    if (by != in) all = centre(d, x, in, cut);
    if (!add_eps(w->net, (uint64_t)K, 2 * (by->F - cut), &squares)) return false;
    int64_t R = (int64_t)root_down(squares); /* below 2^61 */
    __int128 by_entry = (x->op == OP_LAYERNORM ? 2 : 1) * (__int128)K * in->rad, by_all = (__int128)K * in->rad2, rms = (__int128)K * by->rad;
    if ((__int128)root * by->rad2 < rms) rms = (__int128)root * by->rad2;
    __int128 off = ((by_entry < by_all ? by_entry : by_all) >> cut) + 2, off2 = (by_all >> cut) + 1 + root, h = (rms >> cut) + 5;
    if (h > R / 2) return false;
    for (uint32_t j = 0; j < x->width; j++) most = size_of(d->part[j]) > most ? size_of(d->part[j]) : most;
    int64_t Y = most / R + 1, Y2 = ((int64_t)root_down(all) + 1) / R + 1;
    off += Y * h;
    off2 += Y2 * h;
    if (Y > (int64_t)1 << 20 || off > (__int128)1 << 72 || off2 > (__int128)1 << 72) return false;
    divide(d, x->width, R);
    int64_t own = (Y >> 8) + 2;
    __int128 err = (off << CENTRED) / (R - h) + 2 + own, err2 = (off2 << CENTRED) / (R - h) + 2 + own * root, of_bias = 0;
    int F = CENTRED + in->F - by->F;
    if (g->entry == NULL) return wide_store(w, out, x->width, F, err, err2);
    F += g->F;
    return apply_gain(d, g, x->width, &err, &err2) && add_bias(d, g, x->width, F, &of_bias) && wide_store(w, out, x->width, F, err + of_bias, err2 + of_bias * root);
}

bool wide_row(struct fnet *w, int node, uint32_t row, struct frow *out) {
    const struct node *x = &w->net->nodes[node];
    const struct wweight *g = &w->wide->weight[node];
    const struct frow *in = NULL;
    bool of_one = x->n_args > 0 && x->op != OP_ADD && x->op != OP_SUB && x->op != OP_HEADS && x->op != OP_CONCAT && x->op != OP_SOFTMAX && x->op != OP_MIX;
    if (of_one && (in = fnet_row(w, x->args[0], row)) == NULL) return false;
    switch (x->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_HEADS: return make_sum(w, x, g, row, out);
    case OP_LINEAR: return make_linear(w, g, out, in);
    case OP_LAYERNORM:
    case OP_RMSNORM: return make_norm(w, x, g, row, out, in);
    case OP_RELU: return make_relu(x, out, in);
    case OP_GELU:
    case OP_GELU_NEW:
    case OP_SILU:
    case OP_TANH:
    case OP_SIGMOID: return wide_smooth(w, x, out, in);
    case OP_SELECT:
    case OP_MAXPOOL: return make_choice(x, out, in);
    case OP_CONCAT: return make_concat(w, x, row, out);
    case OP_MUL: return make_product(w, x, row, out);
    case OP_MAX:
    case OP_MIN: return make_extreme(w, x, row, out);
    case OP_SOFTMAX: return wide_pattern(w, x, row, out);
    case OP_MIX: return wide_mix(w, x, row, out);
    default: return false;
    }
}
