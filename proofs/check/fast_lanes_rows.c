/* The kernels of the look of several lanes (fast_lanes.h). */
#include "fast_lanes.h"
#include <string.h>

#define WEIGHT_SCALE_MOST 80
#define WEIGHT_BITS 54
#define PARTS 16                      /* bits behind the point of off, off_column */

/* No less than the root of v < 2^62, and less than 1/200 above it or 2: by a table of 2^6 sqrt(t), rounded up. */
static int64_t root_above(uint64_t v) {
    static unsigned short root[1026];
    if (root[1] == 0)
        for (uint32_t t = 0; t < 1026; t++) root[t] = (unsigned short)(root_down((unsigned __int128)t << 12) + 1);
    int shift = bits_of(v) > 10 ? (bits_of(v) - 9) / 2 : 0;
    return (int64_t)(((uint64_t)root[(v >> 2 * shift) + 1] << shift) >> 6) + 1;
}

/* An upper bound of the length of acc in units 2^cut: with v = acc >> cut, |acc| <= (|v| + 1) 2^cut, entry by entry. Entries of at most 25 bits, squares of 50, 4000 of them. */
static int64_t length_of(const int64_t *acc, uint32_t n, int64_t largest, int *cut) {
    *cut = bits_of((uint64_t)largest) > 25 ? bits_of((uint64_t)largest) - 25 : 0;
    uint64_t squares = loop_squares(acc, n, *cut);
    if (*cut > 0 && squares >> 30 == 0) { /* all are far smaller */
        largest = loop_largest_sum(acc, n);
        *cut = bits_of((uint64_t)largest) > 25 ? bits_of((uint64_t)largest) - 25 : 0;
        squares = loop_squares(acc, n, *cut);
    }
    return root_above(squares) + (*cut > 0 ? wide_root(n) : 0);
}

/* A shift by s rounds to the nearest: half a unit of each entry, and one for the shift of err. */
bool lanes_store(struct frow *r, const int64_t *acc, uint32_t n, int F, int64_t largest, __int128 err, __int128 err2) {
    int cut;
    int64_t root = wide_root(n), length = length_of(acc, n, largest, &cut);
    int s = bits_of((uint64_t)length) + cut - 31;
    if (s < F - LANE_SCALE_MOST) s = F - LANE_SCALE_MOST;
    if (s < 0) s = 0;
    __int128 most = ((((__int128)length << cut) >> s) + 1) + (s > 0 ? root : 0);
    if (most > LENGTH_MOST) { /* at most twice that */
        s++;
        most = most / 2 + 1 + root;
    }
    if (err2 < err) err = err2;
    if (s > 62 || n > TERMS_MOST || F - s < -20 || err < 0 || err2 > (__int128)1 << 100) return false;
    __int128 rad = s > 0 ? ((err + ((__int128)1 << (s - 1))) >> s) + 1 : err, rad2 = s > 0 ? ((err2 + (root * ((__int128)1 << (s - 1)))) >> s) + 1 : err2;
    if (rad2 > LANE_RADIUS_MOST) return false;
    loop_round(r->m, acc, n, s);
    r->F = F - s;
    r->rad = (int64_t)(rad < rad2 ? rad : rad2);
    r->rad2 = (int64_t)rad2;
    r->most = (int64_t)most;
    return true;
}

/* ---- weights ---- */

static int64_t above(__int128 v, int from, int to) { /* v 2^-from in units 2^-to, up; -1: does not fit */
    if (v < 0 || v >> 100 != 0 || to - from > 20 || from - to > 100) return -1;
    v = to >= from ? v << (to - from) : (v >> (from - to)) + 1;
    return v >> 61 != 0 ? -1 : (int64_t)v;
}

/* Squares of the lengths of the columns, each entry one unit further from 0 than its floor. */
static unsigned __int128 longest_column(const int64_t *entry, uint32_t rows, uint32_t cols) {
    unsigned __int128 most = 0;
    for (uint32_t j = 0; j < cols; j++) {
        unsigned __int128 sum = 0; /* 2^110, 4000 of them */
        for (uint32_t k = 0; k < rows; k++) sum += (unsigned __int128)((__int128)(size_of(entry[(size_t)k * cols + j]) + 1) * (size_of(entry[(size_t)k * cols + j]) + 1));
        most = sum > most ? sum : most;
    }
    return most;
}

/* Entries, each the floor of the true one, to the nearest of 2^s units: the true entry is then within 0..1 of entry - m 2^s. */
static bool put_panel(struct lweight *x, const int64_t *entry, int s) {
    unsigned __int128 all = 0, column = 0;
    x->panel = mem_get((size_t)x->rows * ((x->cols + 7) / 8 * 8), sizeof *x->panel);
    for (uint32_t j = 0; j < x->cols; j++) {
        unsigned __int128 sum = 0;
        for (uint32_t k = 0; k < x->rows; k++) {
            int64_t e = entry[(size_t)k * x->cols + j], m = s > 0 ? (e + ((int64_t)1 << (s - 1))) >> s : e, off = size_of(e - m * ((int64_t)1 << s)) + 1;
            x->panel[((size_t)(j / 8) * x->rows + k) * 8 + j % 8] = (int32_t)m;
            sum += (unsigned __int128)((__int128)off * off);
        }
        all += sum;
        column = sum > column ? sum : column;
    }
    if (all >> 92 != 0) return false;
    x->off = above((__int128)root_down(all << 2 * PARTS) + 1, s, 0);
    x->off_column = above((__int128)root_down(column << 2 * PARTS) + 1, s, 0);
    return x->off >= 0 && x->off_column >= 0;
}

/* The scale is the finest at which the longest column, with half a unit of each entry, is shorter than LENGTH_MOST. */
static bool linear_weights(const struct wweight *wide, const struct node *y, struct lweight *x) {
    int64_t *entry;
    int F, s = 0;
    if (y->w.rows > TERMS_MOST || !weight_fixed(&y->w, &entry, &F, WEIGHT_BITS, WEIGHT_SCALE_MOST)) return false;
    x->rows = y->w.rows;
    x->cols = y->w.cols;
    unsigned __int128 squares = longest_column(entry, x->rows, x->cols);
    int64_t column = (int64_t)root_down(squares) + 1;
    while ((column >> s) + 1 + wide_root(x->rows) > LENGTH_MOST) s++;
    bool good = put_panel(x, entry, s);
    x->F = F - s;
    x->column = above(column, F, x->F);
    int64_t norm = above((__int128)column * wide_root(x->cols), F, x->F), known = wide->norm < 0 ? -1 : above(wide->norm, wide->F, x->F); /* the first: of a matrix of such columns */
    x->norm = norm < 0 || (known >= 0 && known < norm) ? known : norm;
    mem_free(entry);
    return good && x->column >= 0 && x->norm >= 0 && x->norm < (int64_t)1 << 45;
}

static bool norm_weights(const struct wweight *wide, uint32_t n, struct lweight *x) {
    int64_t most = 0;
    if (wide->entry == NULL) return true;
    for (uint32_t j = 0; j < n; j++) most = size_of(wide->entry[j]) > most ? size_of(wide->entry[j]) : most;
    int s = bits_of((uint64_t)most) > 30 ? bits_of((uint64_t)most) - 30 : 0;
    x->F = wide->F - s;
    x->gain = mem_get(n, sizeof *x->gain);
    for (uint32_t j = 0; j < n; j++) x->gain[j] = (int32_t)(wide->entry[j] >> s);
    x->most = (most >> s) + 1; /* of the floors: the true ones are at most one more */
    return true;
}

bool lanes_takes(const struct node *x) {
    switch (x->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_HEADS:
    case OP_CONCAT:
        return x->n_args > 0 && x->n_args <= 1000;
    case OP_LAYERNORM:
    case OP_RMSNORM:
        return x->n_args == 1;
    case OP_LINEAR:
    case OP_RELU:
    case OP_GELU:
    case OP_GELU_NEW:
    case OP_SILU:
    case OP_TANH:
    case OP_SIGMOID:
    case OP_MUL:
    case OP_SCORE:
    case OP_SOFTMAX:
    case OP_MIX:
    case OP_ROW:
        return true;
    default:
        return false;
    }
}

bool lanes_weights(struct fnet *w, int node) {
    const struct node *y = &w->net->nodes[node];
    const struct wweight *wide = &w->wide->weight[node];
    struct lweight *x = &w->lanes->weight[node];
    if (y->width > TERMS_MOST) return false;
    if (wide->b != NULL) x->bias_most = loop_largest_sum(wide->b, y->width);
    if (y->op == OP_LINEAR) return y->w.t != NULL && wide->high != NULL && linear_weights(wide, y, x);
    return y->op != OP_LAYERNORM && y->op != OP_RMSNORM ? true : norm_weights(wide, y->width, x);
}

/* ---- sums ---- */

/* acc (scale F) = b, or 0: false when it does not fit below 2^61; *most: the largest size of an entry; *err grows by what one is off */
static bool start_bias(int64_t *acc, const struct wweight *x, const struct lweight *g, uint32_t n, int F, int64_t *most, int64_t *err) {
    *most = 0;
    if (x->b == NULL) memset(acc, 0, n * sizeof *acc);
    if (x->b == NULL) return true;
    int up = F - x->bF;
    if (up < -62 || (up > 0 && (up > 60 || g->bias_most >> (61 - up) != 0))) return false;
    loop_move(acc, x->b, up, n);
    *most = up >= 0 ? g->bias_most << up : (g->bias_most >> -up) + 1;
    *err += up >= 0 ? (int64_t)1 << up : 2;
    return true;
}

/* y = (x + e)(W + E): beside x W e (W + E), in length at most rad2 norm, and x E, at most the length of x times that of E; of one entry with the column's. */
void lanes_linear(struct fnet *w, int node, uint32_t i, const struct lclass *c, struct lblock *b) {
    struct lanes *d = w->lanes;
    const struct node *x = &w->net->nodes[node];
    const struct lweight *g = &d->weight[node];
    const struct wweight *wide = &w->wide->weight[node];
    const struct frow *in[LANES];
    const int32_t *from[LANES] = {0};
    int64_t *acc[LANES] = {0}, own[LANES], largest[LANES], column = g->column + 1 + wide_root(g->rows); /* of the rounded matrix */
    uint32_t many = 0, slot[LANES];
    for (uint32_t s = 0; s < c->slots; s++) {
        int64_t *to = d->acc + (size_t)many * d->acc_n;
        in[many] = lanes_row(w, x->args[0], i, c->lane[s]);
        if (in[many] == NULL) continue;
        own[many] = 0;
        if (!start_bias(to, wide, g, g->cols, in[many]->F + g->F, &largest[many], &own[many])) continue;
        largest[many] += in[many]->most * column; /* Cauchy and Schwarz */
        from[many] = in[many]->m;
        acc[many] = to;
        slot[many++] = s;
    }
    loop_panels(acc, from, g->panel, g->rows, g->cols, many);
    for (uint32_t t = 0; t < many; t++) {
        __int128 moved = (((__int128)in[t]->most * g->off) >> PARTS) + 1, moved_entry = (((__int128)in[t]->most * g->off_column) >> PARTS) + 1;
        __int128 err = (__int128)in[t]->rad2 * (g->column + 1) + moved_entry + own[t], err2 = (__int128)in[t]->rad2 * (g->norm + 1) + moved + (__int128)own[t] * wide_root(g->cols);
        struct frow *out = &b->own[slot[t]];
        if (lanes_store(out, acc[t], g->cols, in[t]->F + g->F, largest[t], err, err2)) b->row[slot[t]] = out;
    }
}

/* acc[j] += +- r at scale F; r is below 2^31, up to 2^room times that. The largest size of what is added. */
static int64_t add_row(int64_t *acc, const struct frow *r, bool minus, uint32_t n, int F, int64_t root, __int128 *err, __int128 *err2) {
    int drop = r->F - F;
    if (drop <= 0) {
        if (minus)
            for (uint32_t j = 0; j < n; j++) acc[j] -= r->m[j] * ((int64_t)1 << -drop);
        else loop_add_up(acc, r->m, -drop, n);
        *err = (__int128)r->rad << -drop;
        *err2 = (__int128)r->rad2 << -drop;
        return r->most << -drop;
    }
    int by = drop > 31 ? 31 : drop; /* the rest is -1 or 0 */
    if (minus)
        for (uint32_t j = 0; j < n; j++) acc[j] -= r->m[j] >> by;
    else loop_add_shifted(acc, r->m, by, n);
    *err = (drop > 62 ? 0 : r->rad >> drop) + 2;
    *err2 = (drop > 62 ? 0 : r->rad2 >> drop) + 1 + root;
    return (r->most >> by) + 1;
}

/* Sums, and rows one after the other, at 2^room times the coarsest of their scales: n_args 2^31 2^room < 2^61. */
static bool make_sum(struct fnet *w, const struct node *x, const struct wweight *b, const struct lweight *g, uint32_t i, uint32_t lane, struct frow *out) {
    int F = INT32_MAX, room = 30 - bits_of((uint64_t)x->n_args);
    int64_t *acc = w->lanes->acc, of_bias = 0, largest;
    __int128 all = 0, all2 = 0, err, err2;
    for (int a = 0; a < x->n_args; a++) {
        const struct frow *r = lanes_row(w, x->args[a], i, lane);
        if (r == NULL) return false;
        F = r->F < F ? r->F : F;
    }
    F += room;
    if (!start_bias(acc, b, g, x->width, F, &largest, &of_bias)) return false;
    for (int a = 0, at = 0; a < x->n_args; a++) {
        uint32_t width = w->net->nodes[x->args[a]].width;
        largest += add_row(acc + at, lanes_row(w, x->args[a], i, lane), x->op == OP_SUB && a == 1, width, F, wide_root(width), &err, &err2);
        if (x->op == OP_CONCAT) at += (int)width;
        all = x->op != OP_CONCAT ? all + err : err > all ? err : all;
        all2 += err2;
    }
    return lanes_store(out, acc, x->width, F, largest, all + of_bias, all2 + of_bias * wide_root(x->width));
}

/* ---- layernorm, rmsnorm ---- */

/* eps K^2 2^up, down; false: above 2^120 */
static bool add_eps(const struct net *net, uint64_t K, int up, unsigned __int128 *to) {
    if (net->eps.m < 0 || (uint64_t)net->eps.m >> 62 != 0) return false;
    unsigned __int128 eps = (unsigned __int128)(uint64_t)net->eps.m * (K * K); /* 2^62 2^24 */
    up += net->eps.e;
    if (eps != 0 && up > 120 - bits_of_wide(eps)) return false;
    *to += eps == 0 || up < -127 ? 0 : up >= 0 ? eps << up : eps >> -up;
    return true;
}

static uint64_t root64(uint64_t v) { /* floor, v < 2^62: Newton from above */
    uint64_t x = (uint64_t)root_above(v);
    for (uint64_t y; (y = (x + v / x) / 2) < x;) x = y;
    return x;
}

/* c = K x - sum x (rmsnorm: K x) in whole numbers, c / R with R^2 = mean c^2 + eps K^2 2^2F, where mean c^2 = K sum x^2 - (sum x)^2 (rmsnorm: K sum x^2). R 2^-t is `root` or up to two units more: one for its floor, less
 * than one for those of what stands under it, which is 2^58 at least. c is cut to u, |u| <= 2^30 and roundings; c / R = u 2^(cut - t) / (R 2^-t), at 2^-Fy u times inverse = 2^61 / root, down.
 * That is off by half a unit of each u times the inverse, by |u| for the inverse's floor, by 2 / root of |u| inverse for root.
 * Of x: the derivative of c / R by c is (1 - c c' / (K R^2)) / R, no longer than 1 / R, and taking away the mean lengthens nothing: K rad2 / R, where R is no smaller than it is here less sqrt(K) rad2. */
static bool make_norm(struct fnet *w, const struct node *x, const struct lweight *g, const struct wweight *wide, struct frow *out, const struct frow *in) {
    int64_t K = x->width, *acc = w->lanes->acc, root_K = wide_root(x->width), sum = x->op == OP_LAYERNORM ? loop_sum(in->m, x->width) : 0;
    unsigned __int128 mean = (unsigned __int128)(uint64_t)K * (uint64_t)loop_product(in->m, in->m, x->width) - (unsigned __int128)((__int128)sum * sum), R2 = mean;
    if (in->F < 0 || !add_eps(w->net, (uint64_t)K, 2 * in->F, &R2) || R2 >> 58 == 0) return false;
    int cut = (bits_of_wide((unsigned __int128)(uint64_t)K * mean) + 1) / 2 - 30, t = (bits_of_wide(R2) - 61) / 2;
    if (cut < 0) cut = 0;
    if (t < 0) t = 0;
    uint64_t root = root64((uint64_t)(R2 >> 2 * t)); /* below 2^31 */
    int64_t inverse = (int64_t)(((uint64_t)1 << 61) / root), half = cut > 0 ? (int64_t)1 << (cut - 1) : 0; /* root >= 2^29: at most 2^32 */
    int Fy = 61 + t - cut;
    if (t > 40 || Fy > 70 || Fy < 0) return false;
    __int128 R = (__int128)root << t, h = (__int128)root_K * in->rad2;
    if (h > R / 2) return false;
    loop_centred(acc, in->m, K, half - sum, cut, inverse, x->width); /* 2^31 2^32 */
    int64_t length = ((int64_t)1 << 30) + root_K;
    __int128 own = (__int128)length + ((__int128)length * 2 * (inverse + 1)) / (int64_t)root + 1, of_x = (((__int128)K * in->rad2) << Fy) / (R - h) + 1;
    if (!lanes_store(out, acc, x->width, Fy, length * inverse, of_x + own + inverse, of_x + own + (__int128)root_K * (inverse + 2) / 2 + 1)) return false;
    int64_t of_bias = 0, largest;
    if (g->gain != NULL) { /* (y + e)(g + 0..1) */
        loop_products(acc, out->m, g->gain, x->width);
        __int128 err = (__int128)out->rad * (g->most + 1) + out->most, err2 = (__int128)out->rad2 * (g->most + 1) + out->most;
        if (!lanes_store(out, acc, x->width, out->F + g->F, out->most * g->most, err, err2)) return false;
    }
    if (wide->b == NULL) return true;
    const int room = 29;
    if (!start_bias(acc, wide, g, x->width, out->F + room, &largest, &of_bias)) return false;
    loop_add_up(acc, out->m, room, x->width);
    return lanes_store(out, acc, x->width, out->F + room, largest + (out->most << room), ((__int128)out->rad << room) + of_bias, ((__int128)out->rad2 << room) + of_bias * root_K);
}

/* ---- the others ---- */

/* (x +- a)(y +- b): a |y| + b |x| + a b */
static bool make_product(struct fnet *w, const struct node *x, uint32_t i, uint32_t lane, struct frow *out) {
    const struct frow *a = lanes_row(w, x->args[0], i, lane), *b = lanes_row(w, x->args[1], i, lane);
    if (a == NULL || b == NULL) return false;
    int64_t X = loop_largest(a->m, x->width), Y = loop_largest(b->m, x->width), *acc = w->lanes->acc;
    loop_products(acc, a->m, b->m, x->width);
    return lanes_store(out, acc, x->width, a->F + b->F, X * Y, (__int128)a->rad * Y + (__int128)b->rad * X + (__int128)a->rad * b->rad, (__int128)a->rad2 * Y + (__int128)b->rad2 * X + (__int128)a->rad2 * b->rad2);
}

static bool make_relu(const struct node *x, struct frow *out, const struct frow *in) {
    loop_positive(out->m, in->m, x->width);
    out->F = in->F;
    out->rad = in->rad;
    out->rad2 = in->rad2;
    out->most = in->most;
    return true;
}

bool lanes_make(struct fnet *w, int node, uint32_t i, uint32_t lane, struct frow *out) {
    const struct node *x = &w->net->nodes[node];
    const struct wweight *wide = &w->wide->weight[node];
    bool of_one = x->op == OP_LAYERNORM || x->op == OP_RMSNORM || x->op == OP_RELU || x->op == OP_GELU || x->op == OP_GELU_NEW || x->op == OP_SILU || x->op == OP_TANH || x->op == OP_SIGMOID;
    const struct frow *in = of_one ? lanes_row(w, x->args[0], i, lane) : NULL;
    if (of_one && in == NULL) return false;
    switch (x->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_HEADS:
    case OP_CONCAT: return make_sum(w, x, wide, &w->lanes->weight[node], i, lane, out);
    case OP_LAYERNORM:
    case OP_RMSNORM: return make_norm(w, x, &w->lanes->weight[node], wide, out, in);
    case OP_RELU: return make_relu(x, out, in);
    case OP_GELU:
    case OP_GELU_NEW:
    case OP_SILU:
    case OP_TANH:
    case OP_SIGMOID: return lanes_smooth(w, x, out, in);
    case OP_MUL: return make_product(w, x, i, lane, out);
    case OP_SOFTMAX: return lanes_pattern(w, x, i, lane, out);
    case OP_MIX: return lanes_mix(w, x, i, lane, out);
    default: return false;
    }
}
