/* circle.c: log, cos, sin, logsoftmax and the power spectrum, of values that are encoded; of exact values the interpreter has them (closed.c). */
#include <arb.h>
#include <math.h>
#include "core/number.h"
#include "verify/smt/smt.h"

#define PREC 192

/* v_i - log(sum of exp(v_j)), all less one number that is near the largest */
static const struct sym *logsoftmax(struct smt *m, const struct sym *v)
{
    struct sym *out = sym_new(m, v->rank, v->shape);
    struct entry *e = smt_array(m, v->n, sizeof *e);
    double most = -INFINITY, low, high;
    mpq_t shift;
    for (size_t i = 0; i < v->n; i++) entry_ends(&low, &high, &v->e[i]), most = fmax(most, high);
    mpq_init(shift);
    mpq_set_d(shift, isfinite(most) ? ceil(most) : 0);
    for (size_t i = 0; out && e && i < v->n && m->status == STATUS_OK; i++) e[i] = smooth_value(m, OP_EXP, NULL, v->e[i], shift);
    if (out && e && m->status == STATUS_OK) {
        struct entry sum = smooth_value(m, SMOOTH_LOG, NULL, term_linear(m, e, NULL, 0, v->n, 0), NULL);
        sum = term_add(m, sum, entry_number(m, shift), false);
        for (size_t i = 0; i < v->n && m->status == STATUS_OK; i++) out->e[i] = term_add(m, v->e[i], sum, true);
    }
    mpq_clear(shift);
    return out;
}

/* cos or sin of 2 pi k / n, enclosed */
static struct entry wave(struct smt *m, size_t k, size_t n, bool sine)
{
    struct entry e = {.table = true, .lo = smt_numbers(m, 1), .hi = smt_numbers(m, 1)};
    fmpq_t turn;
    arb_t x;
    if (!e.lo || !e.hi) return entry_int(m, 0);
    fmpq_init(turn), arb_init(x);
    fmpq_set_si(turn, 2 * (long)(k % n), n);
    (sine ? arb_sin_pi_fmpq : arb_cos_pi_fmpq)(x, turn, PREC);
    ball_ends(e.lo, e.hi, x, 128);
    round_outward(e.lo, e.hi);
    fmpq_clear(turn), arb_clear(x);
    return e;
}

/* |sum v_ab exp(-2 pi i (k a / n + l b / m))|^2 / (n m); a vector is a matrix of one row */
static const struct sym *fourier(struct smt *m, const struct sym *v)
{
    size_t rows = v->rank == 2 ? v->shape[0] : 1, columns = v->rank == 2 ? v->shape[1] : v->n, all = rows * columns;
    struct sym *out = sym_new(m, v->rank, v->shape);
    struct entry *terms = smt_array(m, all, sizeof *terms);
    for (size_t f = 0; out && terms && f < all && m->status == STATUS_OK; f++) {
        struct entry power = entry_int(m, 0);
        for (int sine = 0; sine < 2; sine++) {
            for (size_t i = 0; i < all && m->status == STATUS_OK; i++)
                terms[i] = term_mul(m, wave(m, f / columns * (i / columns) * columns + f % columns * (i % columns) * rows, all, sine), v->e[i]);
            struct entry part = term_linear(m, terms, NULL, 0, all, 0);
            power = term_add(m, power, term_mul(m, part, part), false);
        }
        out->e[f] = term_div(m, power, entry_int(m, (long)all));
        if (!out->e[f].table) out->e[f].low = fmax(out->e[f].low, 0);
    }
    return out;
}

const struct sym *smt_circle(struct smt *m, const struct expr *e, const struct sym *v)
{
    static const int functions[] = {[FUNCTION_LOG] = SMOOTH_LOG, [FUNCTION_COS] = SMOOTH_COS, [FUNCTION_SIN] = SMOOTH_SIN};
    if (e->function == FUNCTION_LOGSOFTMAX) return logsoftmax(m, v);
    if (e->function == FUNCTION_FOURIER) return fourier(m, v);
    struct sym *out = sym_new(m, v->rank, v->shape);
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) out->e[i] = smooth_value(m, functions[e->function], NULL, v->e[i], NULL);
    return out;
}
