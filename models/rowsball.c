/* Rows in balls. Real semantics: Arb's operations enclose. float32: after each step the rounding of every execution is added
 * to the radius. */
#include <math.h>
#include <arb_hypgeom.h>
#include "models/rows.h"

/* x may have gone through `steps` binary32 roundings: (1+u)^steps - 1 relative, half a subnormal each. */
static void rounded(arb_t x, unsigned steps)
{
    mag_t m;
    mag_init(m);
    arb_get_mag(m, x);
    if (mag_cmp_2exp_si(m, 126) > 0) arb_zero_pm_inf(x);
    mag_mul_ui(m, m, steps == 1 ? 1 : steps + 1);
    mag_mul_2exp_si(m, m, -24);
    arb_add_error_mag(x, m);
    mag_set_ui_2exp_si(m, steps, -149);
    arb_add_error_mag(x, m);
    mag_clear(m);
}

/* x is a sum of n terms whose sizes add up to m, `products` of them products: any order, fused or not. */
static void rounded_sum(arb_t x, const mag_t size, size_t n, size_t products)
{
    mag_t e;
    mag_init(e);
    if (mag_cmp_2exp_si(size, 126) > 0) arb_zero_pm_inf(x);
    mag_set_d(e, products ? rounding_factor(n, FLOAT32_U) : n > 1 ? (double)(n - 1) * FLOAT32_U : 0);
    mag_mul(e, e, size);
    arb_add_error_mag(x, e);
    mag_set_ui_2exp_si(e, 2 * products, -149);
    arb_add_error_mag(x, e);
    mag_clear(e);
}

static void add_size(mag_t size, arb_srcptr x)
{
    mag_t m;
    mag_init(m);
    arb_get_mag(m, x);
    mag_add(size, size, m);
    mag_clear(m);
}

static void add_product_sizes(mag_t size, arb_srcptr x, slong xstep, arb_srcptr y, slong ystep, size_t n)
{
    mag_t a, b;
    mag_init(a);
    mag_init(b);
    for (slong i = 0; i < (slong)n; i++) {
        arb_get_mag(a, x + i * xstep);
        arb_get_mag(b, y + i * ystep);
        mag_addmul(size, a, b);
    }
    mag_clear(a);
    mag_clear(b);
}

static void ball_weight_row(const struct ball_job *j, size_t row)
{
    for (size_t i = 0; i < j->width; i++) arb_set(j->out + i, j->weights[0] + row * j->width + i);
}

/* The caller passes the token as the row to take. */
static void ball_embed(const struct ball_job *j) { ball_weight_row(j, j->row); }
static void ball_position(const struct ball_job *j) { ball_weight_row(j, j->row); }

static void ball_add(const struct ball_job *j)
{
    size_t n = j->node->n_inputs;
    mag_t size;
    mag_init(size);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        mag_zero(size);
        arb_zero(y);
        for (size_t a = 0; a < n; a++) {
            arb_add(y, y, j->in[a] + i, j->prec);
            add_size(size, j->in[a] + i);
        }
        if (!j->float32) continue;
        if (n == 2) rounded(y, 1);
        else rounded_sum(y, size, n, 0);
    }
    mag_clear(size);
}

/* Products of every linear part, plain rows, bias: one sum. Serves linear (one part) and heads. */
static void sum_parts(const struct ball_job *j, size_t n_parts, const arb_srcptr *W, const size_t *k, arb_srcptr bias)
{
    size_t terms = bias != NULL, products = 0;
    for (size_t p = 0; p < n_parts; p++) {
        terms += W[p] ? k[p] : 1;
        products += W[p] ? k[p] : 0;
    }
    mag_t size;
    mag_init(size);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        mag_zero(size);
        if (bias) arb_set(y, bias + i);
        else arb_zero(y);
        if (bias) add_size(size, bias + i);
        for (size_t p = 0; p < n_parts; p++) {
            if (W[p]) {
                arb_dot(y, y, 0, j->in[p], 1, W[p] + i, (slong)j->width, (slong)k[p], j->prec);
                if (j->float32) add_product_sizes(size, j->in[p], 1, W[p] + i, (slong)j->width, k[p]);
            } else {
                arb_add(y, y, j->in[p] + i, j->prec);
                add_size(size, j->in[p] + i);
            }
        }
        if (j->float32) rounded_sum(y, size, terms, products);
    }
    mag_clear(size);
}

static void ball_linear(const struct ball_job *j)
{
    sum_parts(j, 1, j->weights, &j->k_in, j->node->n_w > 1 ? j->weights[1] : NULL);
}

static void ball_heads(const struct ball_job *j)
{
    sum_parts(j, j->node->n_inputs, j->W, j->k, j->node->n_w ? j->weights[0] : NULL);
}

static void ball_score(const struct ball_job *j)
{
    arb_t root;
    mag_t size;
    arb_init(root);
    mag_init(size);
    arb_sqrt_ui(root, j->node->d, j->prec);
    for (size_t s = 0; s < j->sources; s++) {
        arb_ptr y = j->out + s;
        arb_dot(y, NULL, 0, j->in[0], 1, j->in[s + 1], 1, (slong)j->k_in, j->prec);
        if (j->float32) {
            mag_zero(size);
            add_product_sizes(size, j->in[0], 1, j->in[s + 1], 1, j->k_in);
            rounded_sum(y, size, j->k_in, j->k_in);
        }
        arb_div(y, y, root, j->prec);
        if (j->float32) rounded(y, 3);
    }
    arb_clear(root);
    mag_clear(size);
}

/* exp(s - m) for the float32 case: the subtraction of the computed maximum rounds, the library exp is 4 ulp off. radius: the
 * largest radius of the row's scores, which bounds how far the computed maximum is from m. */
static void exponential32(arb_t x, const mag_t radius, slong prec)
{
    mag_t e, scale;
    mag_init(e);
    mag_init(scale);
    arb_get_mag(e, x);
    mag_add(e, e, radius);
    mag_mul_2exp_si(e, e, -24);
    arb_add_error_mag(x, e);
    arb_exp(x, x, prec);
    arb_get_mag(e, x);
    mag_mul_2exp_si(e, e, -21);
    arb_add_error_mag(x, e);
    mag_exp(scale, radius);
    mag_mul_2exp_si(scale, scale, -125);
    arb_add_error_mag(x, scale);
    mag_clear(e);
    mag_clear(scale);
}

/* The share e / (e + others), in the form that meets each of the two only once. */
static void share(arb_t out, const arb_t e, const arb_t others, slong prec)
{
    arb_t q;
    arb_init(q);
    if (arf_cmpabs(arb_midref(e), arb_midref(others)) > 0) {
        arb_div(out, others, e, prec);
        arb_add_ui(out, out, 1, prec);
        arb_inv(out, out, prec);
    } else {
        arb_div(out, e, others, prec);
        arb_add_ui(q, out, 1, prec);
        arb_inv(q, q, prec);
        arb_mul(out, out, q, prec);
        arb_sub_ui(q, q, 1, prec);
        arb_neg(q, q);
        if (mag_cmp(arb_radref(q), arb_radref(out)) < 0) arb_set(out, q);
    }
    arb_clear(q);
}

/* out: exponentials on entry, their shares on return. */
static void shares(arb_ptr out, size_t n, slong prec)
{
    arb_ptr after = _arb_vec_init((slong)n + 1);
    arb_t before, others, e;
    arb_init(before);
    arb_init(others);
    arb_init(e);
    for (size_t i = n; i-- > 0;) arb_add(after + i, after + i + 1, out + i, prec);
    for (size_t i = 0; i < n; i++) {
        arb_set(e, out + i);
        arb_add(others, before, after + i + 1, prec);
        share(out + i, e, others, prec);
        arb_add(before, before, e, prec);
    }
    _arb_vec_clear(after, (slong)n + 1);
    arb_clear(before);
    arb_clear(others);
    arb_clear(e);
}

static void ball_softmax(const struct ball_job *j)
{
    arb_t top;
    mag_t radius;
    size_t n = j->sources;
    arb_init(top);
    mag_init(radius);
    arb_srcptr s = j->in[0];
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || arf_cmp(arb_midref(s + i), arb_midref(top)) > 0) arb_get_mid_arb(top, s + i);
        mag_max(radius, radius, arb_radref(s + i));
    }
    for (size_t i = 0; i < n; i++) {
        arb_sub(j->out + i, s + i, top, j->prec);
        if (j->float32) exponential32(j->out + i, radius, j->prec);
        else arb_exp(j->out + i, j->out + i, j->prec);
    }
    shares(j->out, n, j->prec);
    /* the sum's n - 1 roundings in the denominator, the division's, the reciprocal's */
    for (size_t i = 0; j->float32 && i < n; i++) {
        if (n <= 4000) rounded(j->out + i, (unsigned)n + 3);
        else arb_zero_pm_inf(j->out + i);
    }
    arb_clear(top);
    mag_clear(radius);
}

/* The weights add up to 1, exactly or (float32) but for their roundings: sum p v = c sum p + sum p (v - c) for any c. */
static void mean_entry(const struct ball_job *j, size_t i)
{
    arb_ptr y = j->out + i;
    arb_t c, d;
    mag_t off;
    arb_init(c);
    arb_init(d);
    mag_init(off);
    for (size_t s = 0; s < j->sources; s++) arb_addmul(c, j->in[0] + s, j->in[s + 1] + i, 53);
    arb_get_mid_arb(c, c);
    arb_set(y, c);
    if (j->float32) {
        arb_get_mag(off, c);
        mag_mul_ui(off, off, (ulong)j->sources + 5);
        mag_mul_2exp_si(off, off, -24);
        arb_add_error_mag(y, off);
    }
    for (size_t s = 0; s < j->sources; s++) {
        arb_sub(d, j->in[s + 1] + i, c, j->prec);
        arb_addmul(y, j->in[0] + s, d, j->prec);
    }
    arb_clear(c);
    arb_clear(d);
    mag_clear(off);
}

static void ball_mix(const struct ball_job *j)
{
    mag_t size, a, b;
    mag_init(size);
    mag_init(a);
    mag_init(b);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        bool mean = j->is_pattern && (!j->float32 || j->sources <= 4000);
        mag_zero(size);
        arb_zero(y);
        if (mean) mean_entry(j, i);
        for (size_t s = 0; s < j->sources; s++) {
            if (!mean) arb_addmul(y, j->in[0] + s, j->in[s + 1] + i, j->prec);
            arb_get_mag(a, j->in[0] + s);
            arb_get_mag(b, j->in[s + 1] + i);
            mag_addmul(size, a, b);
        }
        if (j->float32) rounded_sum(y, size, j->sources, j->sources);
    }
    mag_clear(size);
    mag_clear(a);
    mag_clear(b);
}

/* Sum of squares of the centred row in out, whose entries are all off by one and the same delta: sum (c - delta)^2. */
static void squares(arb_t q, const arb_t delta, const struct ball_job *j)
{
    arb_t sum, t;
    mag_t size;
    arb_init(sum);
    arb_init(t);
    mag_init(size);
    arb_zero(q);
    for (size_t i = 0; i < j->width; i++) {
        arb_addmul(q, j->out + i, j->out + i, j->prec);
        arb_add(sum, sum, j->out + i, j->prec);
    }
    arb_mul(sum, sum, delta, j->prec);
    arb_mul_2exp_si(sum, sum, 1);
    arb_sub(q, q, sum, j->prec);
    arb_sqr(t, delta, j->prec);
    arb_addmul_ui(q, t, j->width, j->prec);
    arb_nonnegative_part(q, q);
    arb_get_mag(size, q);
    if (j->float32) rounded_sum(q, size, j->width, j->width);
    arb_clear(sum);
    arb_clear(t);
    mag_clear(size);
}

/* sigma = sqrt(sum (c - delta)^2 / k + eps). */
static void deviation(arb_t sigma, const arb_t delta, const struct ball_job *j)
{
    arb_t t;
    mag_t off;
    arb_init(t);
    mag_init(off);
    squares(sigma, delta, j);
    arb_div_ui(sigma, sigma, j->width, j->prec);
    if (j->float32) rounded(sigma, 1);
    arb_nonnegative_part(sigma, sigma);
    arb_set_d(t, j->net->eps);
    if (j->float32) {
        mag_set_d(off, fabs((double)(float)j->net->eps - j->net->eps));
        arb_add_error_mag(t, off);
    }
    arb_add(sigma, sigma, t, j->prec);
    if (j->float32) rounded(sigma, 1);
    arb_sqrt(sigma, sigma, j->prec);
    if (j->float32) rounded(sigma, 1);
    arb_get_mag_lower(off, sigma);
    if (j->float32 && mag_cmp_2exp_si(off, -60) < 0) arb_zero_pm_inf(sigma);
    arb_clear(t);
    mag_clear(off);
}

/* Centred row into out, less an error delta of the mean that all entries share: out_i - delta is what is meant. */
static void centre(arb_t delta, const struct ball_job *j)
{
    arb_t mean, c;
    mag_t size;
    arb_init(mean);
    arb_init(c);
    mag_init(size);
    for (size_t i = 0; i < j->width; i++) {
        arb_add(mean, mean, j->in[0] + i, j->prec);
        add_size(size, j->in[0] + i);
    }
    if (j->float32) rounded_sum(mean, size, j->width, 0);
    arb_div_ui(mean, mean, j->width, j->prec);
    if (j->float32) rounded(mean, 1);
    arb_zero(delta);
    arb_add_error_mag(delta, arb_radref(mean));
    arb_get_mid_arb(mean, mean);
    for (size_t i = 0; i < j->width; i++) {
        arb_sub(j->out + i, j->in[0] + i, mean, j->prec);
        if (!j->float32) continue;
        arb_sub(c, j->out + i, delta, j->prec);
        arb_get_mag(size, c);
        if (mag_cmp_2exp_si(size, 126) > 0) arb_zero_pm_inf(j->out + i);
        mag_mul_2exp_si(size, size, -24);
        arb_add_error_mag(j->out + i, size);
    }
    arb_clear(mean);
    arb_clear(c);
    mag_clear(size);
}

static void ball_layernorm(const struct ball_job *j)
{
    arb_t delta, sigma;
    arb_init(delta);
    arb_init(sigma);
    centre(delta, j);
    deviation(sigma, delta, j);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        arb_sub(y, y, delta, j->prec);
        arb_div(y, y, sigma, j->prec);
        if (j->float32) rounded(y, 2);
        if (!j->node->n_w) continue;
        arb_mul(y, y, j->weights[0] + i, j->prec);
        if (j->float32) rounded(y, 1);
        arb_add(y, y, j->weights[1] + i, j->prec);
        if (j->float32) rounded(y, 1);
    }
    arb_clear(delta);
    arb_clear(sigma);
}

static void ball_relu(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) arb_nonnegative_part(j->out + i, j->in[0] + i);
}

/* The argument t of x / (1 + exp(-t)): x for silu, 2 sqrt(2/pi) (x + 0.044715 x^3) for gelu_new. */
static void logistic_argument(arb_t t, enum op op, const arb_t x, slong prec)
{
    arb_set(t, x);
    if (op == OP_SILU) return;
    arb_t c;
    arb_init(c);
    arb_pow_ui(t, x, 3, prec);
    arb_mul_ui(t, t, 44715, prec);
    arb_div_ui(t, t, 1000000, prec);
    arb_add(t, t, x, prec);
    arb_const_pi(c, prec);
    arb_ui_div(c, 8, c, prec);
    arb_sqrt(c, c, prec);
    arb_mul(t, t, c, prec);
    arb_clear(c);
}

void ball_activation(arb_t out, enum op op, const arb_t x, slong prec)
{
    arb_t mid, t;
    mag_t spread;
    arb_init(mid);
    arb_init(t);
    mag_init(spread);
    arb_get_mid_arb(mid, x);
    mag_mul_ui(spread, arb_radref(x), 77);
    mag_mul_2exp_si(spread, spread, -6);
    if (op == OP_GELU) {
        arb_sqrt_ui(t, 2, prec);
        arb_div(t, mid, t, prec);
        arb_neg(t, t);
        arb_hypgeom_erfc(t, t, prec);
        arb_mul(out, t, mid, prec);
        arb_mul_2exp_si(out, out, -1);
    } else {
        logistic_argument(t, op, mid, prec);
        arb_neg(t, t);
        arb_exp(t, t, prec);
        arb_add_ui(t, t, 1, prec);
        arb_div(out, mid, t, prec);
    }
    arb_add_error_mag(out, spread);
    arb_clear(mid);
    arb_clear(t);
    mag_clear(spread);
}

/* Rounding of the formula step by step: by_x u |x| + by_y u |y| + 2^-124 (1 + |x|). */
static const struct { unsigned by_x, by_y; } activation_error[OP_COUNT] = {
    [OP_GELU] = {8, 3}, [OP_GELU_NEW] = {10, 3}, [OP_SILU] = {0, 12},
};

static void activation32(arb_t y, enum op op, const arb_t x)
{
    mag_t e, m;
    arf_t low;
    mag_init(e);
    mag_init(m);
    arf_init(low);
    arb_get_mag(m, x);
    arb_get_lbound_arf(low, x, 53);
    bool overflow = mag_cmp_2exp_si(m, 40) > 0 || (op == OP_SILU && arf_cmp_si(low, -87) < 0);
    mag_mul_ui(e, m, activation_error[op].by_x);
    mag_mul_2exp_si(e, e, -24);
    mag_add_ui(m, m, 1);
    mag_mul_2exp_si(m, m, -124);
    mag_add(e, e, m);
    arb_get_mag(m, y);
    mag_mul_ui(m, m, activation_error[op].by_y);
    mag_mul_2exp_si(m, m, -24);
    mag_add(e, e, m);
    arb_add_error_mag(y, e);
    if (overflow) arb_zero_pm_inf(y);
    mag_clear(e);
    mag_clear(m);
    arf_clear(low);
}

static void ball_smooth(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        ball_activation(j->out + i, j->node->op, j->in[0] + i, j->prec);
        if (j->float32) activation32(j->out + i, j->node->op, j->in[0] + i);
    }
}

static void ball_gelu(const struct ball_job *j) { ball_smooth(j); }
static void ball_gelu_new(const struct ball_job *j) { ball_smooth(j); }
static void ball_silu(const struct ball_job *j) { ball_smooth(j); }

ball_kernel *const ball_kernels[OP_COUNT] = {
#define OP(code, name, evaluate, enclose, meaning) [OP_##code] = ball_##enclose,
#include "models/op.def"
#undef OP
};
