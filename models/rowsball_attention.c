/* Attention in balls: score, softmax, mix, bilinear; rowsoftmax. */
#include "models/rowsball_kernel.h"

void ball_score(const struct ball_job *j)
{
    arb_t root;
    mag_t size;
    arb_init(root);
    mag_init(size);
    arb_sqrt_ui(root, j->node->arg[0], j->prec);
    for (size_t s = 0; s < j->sources; s++) {
        arb_ptr y = j->out + s;
        arb_dot(y, NULL, 0, j->in[0], 1, j->in[s + 1], 1, (slong)j->k_in, j->prec);
        if (j->float32) {
            mag_zero(size);
            ball_add_product_sizes(size, j->in[0], 1, j->in[s + 1], 1, j->k_in);
            ball_rounded_sum(y, size, j->k_in, j->k_in);
        }
        arb_div(y, y, root, j->prec);
        if (j->float32) ball_rounded(y, 3);
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

void ball_softmax(const struct ball_job *j)
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
        if (n <= 4000) ball_rounded(j->out + i, (unsigned)n + 3);
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

void ball_mix(const struct ball_job *j)
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
        if (j->float32) ball_rounded_sum(y, size, j->sources, j->sources);
    }
    mag_clear(size);
    mag_clear(a);
    mag_clear(b);
}

void ball_bilinear(const struct ball_job *j)
{
    for (size_t i = 0; i < j->sources; i++) {
        arb_mul(j->out + i, j->in[0] + i, j->in[1] + i, j->prec);
        if (j->float32) ball_rounded(j->out + i, 1);
    }
}

void ball_rowsoftmax(const struct ball_job *j)
{
    struct ball_job group = *j;
    size_t g = j->node->arg[0];
    group.sources = g;
    for (size_t from = 0; from < j->width; from += g) {
        arb_srcptr in = j->in[0] + from;
        group.in = &in;
        group.out = j->out + from;
        ball_softmax(&group);
    }
}
