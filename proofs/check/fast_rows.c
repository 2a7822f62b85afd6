/* The kernels of the first look: rows in 64-bit integers with one radius each (fast.h). */
#include "fast.h"
#include <string.h>

/* acc (scale F) += b: false when it does not fit; *err grows */
bool frow_add_bias(struct fnet *w, const struct fweight *x, uint32_t n, int F, int64_t *err) {
    if (x->b == NULL) return true;
    int up = F - x->bF;
    if (up > 32 || up < -62) return false; /* |b| <= 2^28 units: below 2^60 */
    for (uint32_t j = 0; j < n; j++) w->acc[j] += up >= 0 ? (int64_t)x->b[j] * ((int64_t)1 << up) : (int64_t)x->b[j] >> -up;
    *err += up >= 0 ? (int64_t)1 << up : 2;
    return true;
}

/* sum (x +- r)(w +- 1): the error is at most r column + sum |x| + K r */
static bool make_linear(struct fnet *w, const struct fweight *x, struct frow *out, const struct frow *in) {
    if (x->rows > TERMS_MOST || x->w == NULL) return false;
    if (w->float32) return f32_linear(w, x, out, in);
    loop_multiply(w->acc, in->m, x->w, x->rows, x->cols);
    __int128 err = (__int128)in->rad * (x->column + x->rows) + loop_sum_size(in->m, x->rows);
    if (err > (__int128)1 << 60) return false;
    int64_t e = (int64_t)err;
    return frow_add_bias(w, x, x->cols, in->F + x->F, &e) && frow_store(out, w->acc, x->cols, in->F + x->F, e, w->bits);
}

/* Is this argument of a `heads` node a product that it sums itself? Its row then has `exact` and `size`, unless it is one of token_row. */
bool frow_is_product(const struct fnet *w, const struct node *x, int arg) {
    const struct node *y = &w->net->nodes[x->args[arg]];
    return x->op == OP_HEADS && y->op == OP_LINEAR && y->b.t == NULL;
}

/* Row a of a sum: a mix that nothing else reads is added without being a row of its own. */
static bool is_inner(const struct fnet *w, const struct node *x, int a) { return w->inner[x->args[a]]; }

/* The scale of a sum: the coarsest of its rows', of mixes that are added here the scale of their products. Rows may be multiplied by 2^ROOM: a mix is below 2^58, as are they, and there are few terms. */
#define ROOM 28
static bool sum_scale(struct fnet *w, const struct node *x, uint32_t row, int *F, bool *mixed) {
    *F = INT32_MAX;
    *mixed = false;
    for (int a = 0; a < x->n_args; a++) *mixed = *mixed || is_inner(w, x, a);
    for (int a = 0; a < x->n_args; a++) {
        int at = 0;
        if (is_inner(w, x, a)) {
            if (!fmix_scale(w, &w->net->nodes[x->args[a]], row, &at)) return false;
        } else {
            const struct frow *r = fnet_row(w, x->args[a], row);
            if (r == NULL) return false;
            at = r->F + (*mixed ? ROOM : 0);
        }
        *F = at < *F ? at : *F;
    }
    return true;
}

/* sums of rows, or a difference, at one scale: each shift down rounds, one unit, and one for its radius */
static bool make_sum(struct fnet *w, const struct node *x, const struct fweight *b, uint32_t row, struct frow *out) {
    int F;
    bool mixed;
    int64_t err = 0;
    if (x->n_args > TERMS_MOST || !sum_scale(w, x, row, &F, &mixed)) return false;
    if (w->float32) return f32_sum_rows(w, x, b, row, F, out);
    memset(w->acc, 0, x->width * sizeof *w->acc);
    for (int a = 0; a < x->n_args; a++) {
        if (is_inner(w, x, a)) {
            if (!fmix_add(w, &w->net->nodes[x->args[a]], row, F, w->acc, &err)) return false;
            continue;
        }
        const struct frow *r = fnet_row(w, x->args[a], row);
        int drop = r->F - F;
        if (drop < 0) { /* at most ROOM */
            loop_add_up(w->acc, r->m, -drop, x->width);
            err += r->rad << -drop;
            continue;
        }
        if (drop > 30) drop = 30; /* m is below 2^29: the rest is -1 or 0 */
        if (x->op == OP_SUB && a == 1)
            for (uint32_t j = 0; j < x->width; j++) w->acc[j] -= r->m[j] >> drop;
        else loop_add_shifted(w->acc, r->m, drop, x->width);
        err += (r->rad >> drop) + (drop > 0 ? 2 : 0);
    }
    return frow_add_bias(w, b, x->width, F, &err) && frow_store(out, w->acc, x->width, F, err, w->bits);
}

static bool make_relu(const struct node *x, struct frow *out, const struct frow *in) {
    for (uint32_t j = 0; j < x->width; j++) out->m[j] = in->m[j] > 0 ? in->m[j] : 0;
    out->F = in->F;
    out->rad = in->rad;
    if (out->r == NULL) return true;
    for (uint32_t j = 0; j < x->width; j++) out->r[j] = (int32_t)frow_rad(in, j);
    f32_relu(out, in->m, x->width);
    return true;
}

/* layernorm: c = K x - sum x exactly, in units 2^-F / K; R = sqrt(mean c^2 + eps K^2 2^2F). The radius r of x moves c by at most d = 2 K r. The root mean square of c is a
 * norm of x - mean, which a projection that lengthens nothing makes of x, so it moves by at most K r; floors of the two terms under the root and of the
 * root move R by at most 3 (R >= 6 is asked for). So c / R moves by at most (d + |c / R| h) / (R - h) with h = K r + 3; Y is a bound on |c / R|.
 * With a second argument R is that of its row y, in units of y, and the quotient is c / R times 2^(F of y - F of x).
 * rmsnorm: c = K x, so that c / R is x / sqrt(mean x^2 + eps) again; c moves by at most d = K r, its root mean square by at most K r. */
static unsigned __int128 centre(int64_t *acc, const struct node *x, const struct frow *in) {
    int64_t K = x->width, sum = 0;
    for (uint32_t j = 0; j < x->width && x->op == OP_LAYERNORM; j++) sum += in->m[j];
    unsigned __int128 squares = 0;
    for (uint32_t j = 0; j < x->width; j++) {
        acc[j] = K * in->m[j] - sum; /* below 2^41 */
        squares += (unsigned __int128)((__int128)acc[j] * acc[j]);
    }
    return squares;
}

static bool make_norm(struct fnet *w, const struct node *x, const struct fweight *g, uint32_t row, struct frow *out, const struct frow *in) {
    int64_t K = x->width;
    const struct frow *by = x->n_args == 2 ? fnet_row(w, x->args[1], row) : in;
    if (by == NULL || K > TERMS_MOST || in->F < 0 || by->F < 0) return false;
    unsigned __int128 squares = centre(w->acc, x, by);
    if (by != in) (void)centre(w->acc, x, in);
    squares /= (unsigned __int128)K;
    mpz_t eps;
    mpz_init_set_si(eps, w->net->eps.m);
    mpz_mul_ui(eps, eps, (unsigned long)(K * K));
    int up = 2 * by->F + w->net->eps.e;
    if (up >= 0) mpz_mul_2exp(eps, eps, (mp_bitcnt_t)up);
    else mpz_fdiv_q_2exp(eps, eps, (mp_bitcnt_t)-up);
    bool good = mpz_sizeinbase(eps, 2) <= 120;
    mpz_t high;
    mpz_init(high);
    mpz_fdiv_q_2exp(high, eps, 64);
    if (good) squares += (unsigned __int128)mpz_get_ui(high) << 64;
    mpz_fdiv_r_2exp(eps, eps, 64);
    if (good) squares += mpz_get_ui(eps);
    mpz_clears(eps, high, NULL);
    int64_t R = (int64_t)root_down(squares), d = (x->op == OP_LAYERNORM ? 2 : 1) * K * in->rad, h = K * by->rad + 3, Y = 0;
    if (!good || h > R / 2) return false;
    int B = 61 - (w->bits + 1 + bits_of((uint64_t)K)); /* |c| < 2^(61 - B) */
    if (B > 28) B = 28;
    for (uint32_t j = 0; j < x->width; j++) Y = size_of(w->acc[j]) > Y ? size_of(w->acc[j]) : Y;
    Y = Y / R + 1;
    if (by != in && B > 33 - bits_of((uint64_t)Y)) B = 33 - bits_of((uint64_t)Y); /* in one row Y is at most sqrt(K) + 1 */
    if (d > (int64_t)1 << 60 || B < 0) return false;
    for (uint32_t j = 0; j < x->width; j++) w->acc[j] = w->acc[j] * ((int64_t)1 << B) / R;
    __int128 wide = (((__int128)d + (__int128)Y * h) << B) / (R - h) + 2;
    if (wide > (__int128)1 << 60) return false;
    int64_t err = (int64_t)wide;
    int F = B + in->F - by->F;
    if (g->w == NULL) return frow_store(out, w->acc, x->width, F, err, w->bits);
    int64_t most = 0, gain = 0;
    for (uint32_t j = 0; j < x->width; j++) {
        most = size_of(w->acc[j]) > most ? size_of(w->acc[j]) : most;
        gain = size_of(g->w[j]) > gain ? size_of(g->w[j]) : gain;
        w->acc[j] *= g->w[j];
    }
    if (err > RADIUS_MOST) return false;
    err = err * (gain + 1) + most;
    return frow_add_bias(w, g, x->width, F + g->F, &err) && frow_store(out, w->acc, x->width, F + g->F, err, w->bits);
}

/* two rows at the coarser of their scales, F; their entries are m >> drop, within rad */
struct level { int F, drop[2]; int64_t rad[2]; };

static struct level level(const struct frow *a, const struct frow *b) {
    const struct frow *r[2] = {a, b};
    struct level l = {.F = a->F < b->F ? a->F : b->F};
    for (int i = 0; i < 2; i++) {
        l.drop[i] = r[i]->F - l.F > 30 ? 30 : r[i]->F - l.F;
        l.rad[i] = (r[i]->rad >> l.drop[i]) + (l.drop[i] > 0 ? 2 : 0);
    }
    return l;
}

/* |max(x, y) - max(x', y')| is at most the larger of |x - x'| and |y - y'| */
static bool make_extreme(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    const struct frow *a = fnet_row(w, x->args[0], row), *b = fnet_row(w, x->args[1], row);
    if (a == NULL || b == NULL) return false;
    struct level l = level(a, b);
    for (uint32_t j = 0; j < x->width; j++) {
        int32_t u = a->m[j] >> l.drop[0], v = b->m[j] >> l.drop[1];
        out->m[j] = (x->op == OP_MAX) == (u > v) ? u : v;
    }
    out->F = l.F;
    out->rad = l.rad[0] > l.rad[1] ? l.rad[0] : l.rad[1];
    return out->rad <= RADIUS_MOST;
}

/* sums of K products (x +- a)(y +- b), |x| <= X, |y| <= Y: K (a Y + b X + a b) */
static bool product_error(int64_t K, const struct frow *a, int64_t X, const struct frow *b, int64_t Y, int64_t *err) {
    __int128 e = (__int128)K * (a->rad * Y + b->rad * X + a->rad * b->rad); /* each product is below 2^58 */
    *err = (int64_t)e;
    return e <= (__int128)1 << 60;
}

static bool make_product(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    const struct frow *a = fnet_row(w, x->args[0], row), *b = fnet_row(w, x->args[1], row);
    int64_t err;
    if (a == NULL || b == NULL || !product_error(1, a, loop_largest(a->m, x->width), b, loop_largest(b->m, x->width), &err)) return false;
    for (uint32_t j = 0; j < x->width; j++) w->acc[j] = (int64_t)a->m[j] * b->m[j];
    return frow_store(out, w->acc, x->width, a->F + b->F, err, w->bits);
}

static bool make_matmul(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    const struct frow *a = fnet_row(w, x->args[0], row), *b = fnet_row(w, x->args[1], row);
    uint32_t A = x->d[1], K = x->d[2], C = x->d[3];
    int64_t err;
    if (a == NULL || b == NULL) return false;
    int64_t X = loop_largest(a->m, w->net->nodes[x->args[0]].width), Y = loop_largest(b->m, w->net->nodes[x->args[1]].width);
    if (K > TERMS_MOST || !product_error(K, a, X, b, Y, &err)) return false;
    memset(w->acc, 0, x->width * sizeof *w->acc);
    for (size_t i = 0; i < x->width / C; i++) /* i = (matrix, row of it) */
        for (size_t k = 0; k < K; k++) loop_add_scaled(w->acc + i * C, a->m[i * K + k], b->m + (i / A * K + k) * C, C);
    return frow_store(out, w->acc, x->width, a->F + b->F, err, w->bits);
}

bool frow_coarsest(struct fnet *w, const struct node *x, uint32_t row, int *F) {
    *F = INT32_MAX;
    for (int a = 0; a < x->n_args; a++) {
        const struct frow *r = fnet_row(w, x->args[a], row);
        if (r == NULL) return false;
        *F = r->F < *F ? r->F : *F;
    }
    return x->n_args <= TERMS_MOST;
}

/* parts one after the other, at the coarsest of their scales */
static bool make_concat(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    int F;
    if (!frow_coarsest(w, x, row, &F)) return false;
    int32_t *m = out->m;
    out->F = F;
    out->rad = 0;
    for (int a = 0; a < x->n_args; a++) {
        const struct frow *r = fnet_row(w, x->args[a], row);
        int drop = r->F - F > 30 ? 30 : r->F - F;
        int64_t rad = (r->rad >> drop) + (drop > 0 ? 2 : 0);
        for (uint32_t j = 0; j < w->net->nodes[x->args[a]].width; j++) *m++ = r->m[j] >> drop;
        out->rad = rad > out->rad ? rad : out->rad;
    }
    return out->rad <= RADIUS_MOST;
}

void frow_choose(const struct node *x, struct frow *out, const struct frow *in) {
    uint32_t n = x->op == OP_SELECT ? 1 : x->d[0];
    for (uint32_t j = 0; j < x->width; j++) {
        const uint32_t *at = x->index + (size_t)j * n;
        int64_t most = frow_at(in, at[0]);
        for (uint32_t k = 1; k < n; k++) most = frow_at(in, at[k]) > most ? frow_at(in, at[k]) : most;
        if (out->wide != NULL) out->wide[j] = most;
        else out->m[j] = (int32_t)most;
    }
    out->F = in->F;
    out->rad = in->rad;
}

static bool make_choice(const struct node *x, struct frow *out, const struct frow *in) {
    frow_choose(x, out, in);
    return true;
}

static bool make_row(struct fnet *w, int node, uint32_t row, struct frow *out) {
    const struct node *x = &w->net->nodes[node];
    const struct fweight *g = &w->weight[node];
    const struct frow *in = NULL;
    if (x->op == OP_LINEAR || x->op == OP_LAYERNORM || x->op == OP_RMSNORM || x->op == OP_RELU || x->op == OP_SELECT || x->op == OP_MAXPOOL) {
        in = fnet_row(w, x->args[0], row);
        if (in == NULL) return false;
    }
    bool plain = x->op == OP_ADD || x->op == OP_SUB || x->op == OP_HEADS || x->op == OP_LINEAR || x->op == OP_RELU || x->op == OP_SELECT || x->op == OP_CONCAT || x->op == OP_MAX || x->op == OP_MIN ||
                 x->op == OP_MAXPOOL || x->op == OP_SOFTMAX || x->op == OP_MIX;
    if (w->float32 && !plain) return false;
    switch (x->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_HEADS: return make_sum(w, x, g, row, out);
    case OP_LINEAR: return make_linear(w, g, out, in);
    case OP_LAYERNORM:
    case OP_RMSNORM: return make_norm(w, x, g, row, out, in);
    case OP_RELU: return make_relu(x, out, in);
    case OP_SELECT:
    case OP_MAXPOOL: return make_choice(x, out, in);
    case OP_CONCAT: return make_concat(w, x, row, out);
    case OP_MUL: return make_product(w, x, row, out);
    case OP_MATMUL: return make_matmul(w, x, row, out);
    case OP_MAX:
    case OP_MIN: return make_extreme(w, x, row, out);
    case OP_SOFTMAX: return frow_pattern(w, x, row, out);
    case OP_MIX: return frow_mix(w, x, row, out);
    default: return false;
    }
}

bool frow_make(struct fnet *w, int node, uint32_t row, struct frow *out) {
    enum op op = w->net->nodes[node].op;
    if (!make_row(w, node, row, out)) return false;
    if (out->r != NULL && op != OP_LINEAR && op != OP_ADD && op != OP_SUB && op != OP_HEADS && op != OP_RELU && op != OP_SOFTMAX && op != OP_MIX) f32_same(out, w->net->nodes[node].width);
    return true;
}
