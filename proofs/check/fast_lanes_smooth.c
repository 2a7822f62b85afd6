/* gelu, gelu_new, silu, tanh and the logistic function of rows of lanes (fast_lanes.h), by polynomials of degree four in cells of width 1/64. */
#include "fast_lanes.h"

#define COEFFICIENT 34                /* bits behind the point of coefficients and of arguments within a cell */
#define VALUE 31                      /* of what they give */

/* f(i / 64 + g) = c[0] + c[1] g + ... + c[4] g^4 for 0 <= g < 1/64, each coefficient within one unit of 2^-34; the last cell: 1 from there on. */
struct quartic { int64_t c[5]; };
#define NORMAL_CELLS 512              /* 1 - Phi(8) is less than 8^-1 phi(8) < 2^-50 */
#define LOGISTIC_CELLS 2048           /* 1 - s(32) < 2^-46 */

/* s = 1 / (1 + exp(-x)) at 2^-60: within EXP_UNITS + 1. Its derivatives are polynomials of it: s1 = s - s^2, s2 = s1 (1 - 2s), s3 = s2 (1 - 2s) - 2 s1^2, s4 = s3 (1 - 2s) - 6 s1 s2, each at 2^-60 off by less than 2^10 units:
 * s moves them by no more than their own derivatives do, which are below 1 in size, a product rounds by one unit. */
static void logistic_cell(struct quartic *q, uint64_t i) {
    const __int128 one = (__int128)1 << 60;
    __int128 s = (one << 60) / (one + fixed_exp_minus(i << 42)), r = one - 2 * s, s1 = s - (s * s >> 60), s2 = s1 * r >> 60, s3 = (s2 * r >> 60) - (2 * s1 * s1 >> 60), s4 = (s3 * r >> 60) - (6 * s1 * s2 >> 60);
    const __int128 c[5] = {s, s1, s2 / 2, s3 / 6, s4 / 24};
    for (int k = 0; k < 5; k++) q->c[k] = (int64_t)(c[k] >> (60 - COEFFICIENT));
}

static const struct quartic *logistic_table(void) {
    static struct quartic cells[LOGISTIC_CELLS + 1];
    if (cells[0].c[0] == 0) {
        for (uint64_t i = 0; i < LOGISTIC_CELLS; i++) logistic_cell(&cells[i], i);
        cells[LOGISTIC_CELLS].c[0] = (int64_t)1 << COEFFICIENT;
    }
    return cells;
}

static const struct quartic *normal_quartics(void) {
    static struct quartic cells[NORMAL_CELLS + 1];
    if (cells[0].c[0] == 0) {
        for (uint32_t i = 0; i < NORMAL_CELLS; i++) {
            const int64_t *c = normal_coefficients(i);
            if (c == NULL) return NULL;
            for (int k = 4; k >= 0; k--) cells[i].c[k] = c[k] >> (60 - COEFFICIENT);
        }
        cells[NORMAL_CELLS].c[0] = (int64_t)1 << COEFFICIENT;
    }
    return cells;
}

/* f(a) at 2^-31 of a >= 0 at 2^-F, 6 <= F <= 62, within VALUE_UNITS. What the terms leave is below 2^-30 / 120 times the fifth derivative, which is below 2 for both: a quarter of a unit of 2^-34. An argument that loses bits moves the value by less than
 * half a unit, a coefficient and a shift by one each, those of the later terms by less than a 32nd of that: less than 4 units of 2^-34, half of one of 2^-31, and one for the last shift. From the last cell on
 * less than 2^-46. */
#define VALUE_UNITS 2
static void values_at(int64_t *a, const struct quartic *cells, uint32_t n_cells, int F, uint32_t n) {
    loop_quartic(a, &cells[0].c[0], n_cells, F - 6, F > COEFFICIENT ? F - COEFFICIENT : 0, F > COEFFICIENT ? 0 : COEFFICIENT - F, COEFFICIENT, n);
    loop_move(a, a, VALUE - COEFFICIENT, n);
}

/* 2u = 2 sqrt(2/pi) (a + 0.044715 a^3) of a < 16 at 2^-32, as gate_tanh of fast_smooth.c: below 2^9. A unit of 2^-48 that a loses moves it by less than 60 of them, the square by less than 16 and one, the cube by less than
 * 2^9; with the last shift it is within two units of 2^-32, which move s by less than half of one. */
#define CUBIC_UNITS 1                 /* of 2^-31 */
static uint64_t cubic(uint64_t a, int F) {
    unsigned __int128 x = F > 48 ? a >> (F - 48) : (unsigned __int128)a << (48 - F), square = (x * x) >> 48, cube = (square * x) >> 48;
    return (uint64_t)(((x * 1839796536686825613u >> 60) + (cube * 82266502137951407u >> 60)) >> 16);
}


/* acc: the shares that x = m 2^-F get: f(|x|), of negative x one less it, at 2^-31. */
static void all_shares(int64_t *acc, enum op op, const struct quartic *cells, const int32_t *m, int F, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) acc[j] = size_of(m[j]);
    for (uint32_t j = 0; j < n && op == OP_TANH; j++) acc[j] *= 2;
    for (uint32_t j = 0; j < n && op == OP_GELU_NEW; j++) acc[j] = acc[j] >> F >= 16 ? (int64_t)LOGISTIC_CELLS << 26 : (int64_t)cubic((uint64_t)acc[j], F);
    values_at(acc, cells, op == OP_GELU ? NORMAL_CELLS : LOGISTIC_CELLS, op == OP_GELU_NEW ? 32 : F, n);
    loop_mirror(acc, m, (int64_t)1 << VALUE, n);
}

/* A gate's value is m times a share that is off by `units` of 2^-31: in length at most that times the length of m; where the table ends x (1 - f(x)) is below 2^-40. What x is off moves it by 5/4 of that (fast_smooth.c). */
bool lanes_smooth(struct fnet *w, const struct node *x, struct frow *out, const struct frow *in) {
    bool gates = x->op != OP_TANH && x->op != OP_SIGMOID;
    int F = in->F;
    int64_t *acc = w->lanes->acc, units = VALUE_UNITS + (x->op == OP_GELU_NEW ? CUBIC_UNITS : 0), n = x->width;
    const struct quartic *cells = x->op == OP_GELU ? normal_quartics() : logistic_table();
    if (cells == NULL || F < 6 || F > LANE_SCALE_MOST) return false;
    all_shares(acc, x->op, cells, in->m, F, x->width);
    if (gates) {
        loop_times(acc, in->m, x->width); /* 2^31 2^31 */
        __int128 rest = F + VALUE > 40 ? (__int128)1 << (F + VALUE - 40) : 1, moved = ((__int128)in->rad + in->rad / 4 + 1) << VALUE, moved2 = ((__int128)in->rad2 + in->rad2 / 4 + 1) << VALUE;
        __int128 own = (__int128)in->most * units;
        return lanes_store(out, acc, x->width, F + VALUE, in->most * (((int64_t)1 << VALUE) + units), moved + own + rest, moved2 + own + rest * wide_root(x->width));
    }
    int up = VALUE - F; /* errors of x at 2^-31 */
    __int128 moved = up >= 0 ? (__int128)in->rad << up : (in->rad >> -up) + 1, moved2 = up >= 0 ? (__int128)in->rad2 << up : (in->rad2 >> -up) + 1;
    int64_t by = (int64_t)1 << 29, steep = x->op == OP_TANH ? 2 : 1;
    for (int64_t j = 0; j < n; j++) acc[j] = (steep * acc[j] - (steep - 1) * ((int64_t)1 << VALUE)) * by;
    return lanes_store(out, acc, x->width, VALUE + 29, (int64_t)1 << (VALUE + 30), (moved + steep * units) * by, (moved2 + steep * units * wide_root(x->width)) * by);
}
