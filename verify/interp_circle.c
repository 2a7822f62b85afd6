/* interp_circle.c: log, cos, sin, pi, logsoftmax and power spectra, in balls at every tier. */
#include "verify/interp_parts.h"

#define BITS 128           /* where the tier has doubles */
#define TABLE_MOST 4096    /* entries of fourier, as in the checkers */

/* Entry i of a as a ball. */
static void ball_of(arb_t out, const struct value *a, size_t i, slong prec)
{
    if (prec) {
        arb_set(out, a->balls + i);
        return;
    }
    mag_t r;
    mag_init(r);
    arb_set_d(out, a->mid[i]);
    mag_set_d(r, a->rad[i] >= 0 ? a->rad[i] : __builtin_inf());
    mag_add(arb_radref(out), arb_radref(out), r);
    mag_clear(r);
}

static void log_softmax(arb_ptr x, size_t n, slong bits)
{
    arb_t top, sum, t;
    arb_init(top), arb_init(sum), arb_init(t);
    arb_set(top, x);
    for (size_t i = 1; i < n; i++) arb_max(top, top, x + i, bits);
    arb_get_mid_arb(top, top);
    for (size_t i = 0; i < n; i++) {
        arb_sub(t, x + i, top, bits);
        arb_exp(t, t, bits);
        arb_add(sum, sum, t, bits);
    }
    arb_log(sum, sum, bits);
    arb_add(sum, sum, top, bits);
    for (size_t i = 0; i < n; i++) arb_sub(x + i, x + i, sum, bits);
    arb_clear(top), arb_clear(sum), arb_clear(t);
}

/* x [n, m] becomes |sum x[a, b] exp(-2 pi i (k a / n + l b / m))|^2 / (n m). */
static void spectrum(arb_ptr x, size_t n, size_t m, slong bits)
{
    size_t N = n * m;
    arb_ptr c = _arb_vec_init((slong)N), s = _arb_vec_init((slong)N), out = _arb_vec_init((slong)N);
    arb_t re, im;
    fmpq_t q;
    arb_init(re), arb_init(im), fmpq_init(q);
    for (size_t t = 0; t < N; t++) {
        fmpq_set_si(q, 2 * (slong)t, N);
        arb_sin_cos_pi_fmpq(s + t, c + t, q, bits);
    }
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < m; l++) {
            arb_zero(re), arb_zero(im);
            for (size_t a = 0; a < n; a++)
                for (size_t b = 0; b < m; b++) {
                    size_t at = (k * a * m + l * b * n) % N;
                    arb_addmul(re, c + at, x + a * m + b, bits);
                    arb_addmul(im, s + at, x + a * m + b, bits);
                }
            arb_mul(re, re, re, bits);
            arb_addmul(re, im, im, bits);
            arb_nonnegative_part(re, re);
            arb_div_ui(out + k * m + l, re, N, bits);
        }
    for (size_t t = 0; t < N; t++) arb_swap(x + t, out + t);
    _arb_vec_clear(c, (slong)N), _arb_vec_clear(s, (slong)N), _arb_vec_clear(out, (slong)N);
    arb_clear(re), arb_clear(im), fmpq_clear(q);
}

static enum status set_result(struct value *out, struct interp *in, arb_srcptr x, const struct value *like)
{
    double *mid, *rad;
    arb_ptr balls;
    if (!value_shape(out, like ? like->rank : 0, like ? like->shape : NULL) || !value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    for (size_t i = 0; i < out->n; i++) {
        if (in->prec) arb_set(balls + i, x + i);
        else ball_to_double(&mid[i], &rad[i], x + i);
    }
    return STATUS_OK;
}

/* Does the argument have the shape that the function takes? */
static enum status check(struct interp *in, const struct expr *e, const struct value *a)
{
    bool table = e->function == FUNCTION_FOURIER, vector = e->function == FUNCTION_LOGSOFTMAX;
    if (a->kind == KIND_TRUTH || (!table && a->rank != (vector ? 1 : 0)) || (table && (a->rank < 1 || a->rank > 2)))
        return interp_fail(in, e, "%s takes %s", function_table[e->function].name, table ? "a vector or a matrix" : vector ? "a vector" : "a number");
    if (a->n == 0 || (table && a->n > TABLE_MOST)) return interp_fail(in, e, "%s takes 1 to %d entries", function_table[e->function].name, TABLE_MOST);
    return STATUS_OK;
}

enum status circle_value(struct value *out, struct interp *in, const struct expr *e)
{
    slong bits = in->prec ? in->prec : BITS;
    struct value *a;
    arb_t pi;
    if (e->function == FUNCTION_PI) {
        arb_init(pi);
        arb_const_pi(pi, bits);
        enum status s = set_result(out, in, pi, NULL);
        arb_clear(pi);
        return s;
    }
    enum status s = eval(&a, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (a->kind == KIND_UNKNOWN) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if ((s = check(in, e, a)) != STATUS_OK) return s;
    if (!value_as_real(a, in->prec)) return STATUS_MEMORY;
    size_t n = a->n;
    arb_ptr x = _arb_vec_init((slong)n);
    for (size_t i = 0; i < n; i++) ball_of(x + i, a, i, in->prec);
    if (e->function == FUNCTION_COS) arb_cos(x, x, bits);
    else if (e->function == FUNCTION_SIN) arb_sin(x, x, bits);
    else if (e->function == FUNCTION_LOGSOFTMAX) log_softmax(x, n, bits);
    else if (e->function == FUNCTION_FOURIER) spectrum(x, a->shape[0], a->rank == 2 ? a->shape[1] : 1, bits);
    else if (arb_is_nonpositive(x)) s = interp_fail(in, e, "logarithm of a number that is not positive");
    else arb_log(x, x, bits);
    if (s == STATUS_OK) s = set_result(out, in, x, a);
    _arb_vec_clear(x, (slong)n);
    return s;
}
