/* exp, and functions made from it or from a table, in fixed point with bounds on what they are off (fast_wide.h). Arguments and values are at 2^-48. */
#include "fast_wide.h"

typedef unsigned __int128 wide_t;
#define ONE60 ((uint64_t)1 << 60)

/* exp(-g) at 2^-60 for g < 0.71 at 2^-60, by n terms: Horner for 1 - g (1 - g/2 (1 - ... g/n)). A step makes of an error e at most (0.71 e + 1) / i + 1: less than 4 units behind the last. */
static inline __attribute__((always_inline)) uint64_t series(uint64_t g, const uint64_t n) { /* n is a constant, so that nothing is divided */
    uint64_t r = ONE60;
#pragma GCC unroll 24
    for (uint64_t i = n; i > 0; i--) r = ONE60 - (uint64_t)(((wide_t)g * r) >> 60) / i;
    return r;
}

/* exp(-i / 128) at 2^-60: what 24 terms leave is below 2^-95, so within 5 */
#define STEPS 90
static const uint64_t *exp_table(void) {
    static uint64_t table[STEPS];
    if (table[0] == 0)
        for (uint64_t i = 0; i < STEPS; i++) table[i] = series(i << 53, 24);
    return table;
}

/* x = k ln 2 + f. ln 2 at 2^-63 is within 1/8 of the constant, so f at 2^-60 is within 2 units; the divisor of k is ln 2 at 2^-48 rounded up (195103586505167.475...), so f is not negative, and it is below
 * ln 2 + 2^-40. f = i / 128 + g:
 * seven terms of exp(-g) leave less than g^8 / 8! < 2^-71 and are within 4 units, the table within 5, their product and the last shift one each: 2 + 4 + 5 + 2 < 24. From 44 on exp(-x) is below 2^-63. */
uint64_t fixed_exp_minus(uint64_t x) {
    if (x >> 48 >= 44) return 0;
    uint64_t k = x / 195103586505168u;
    uint64_t f = (uint64_t)(((wide_t)x << 12) - (((wide_t)k * 6393154322601327830u) >> 3));
    uint64_t r = (uint64_t)(((wide_t)series(f & (((uint64_t)1 << 53) - 1), 7) * exp_table()[f >> 53]) >> 60);
    return r >> k;
}

/* ---- the normal distribution ---- */

/* Phi(i / 64) and the coefficients c[k] = Phi^(k)(i / 64) / k! of its expansion there, at 2^-60, each within 2 units. */
#define TERMS 8
#define CELLS 512
struct cell { int64_t c[TERMS + 1]; };

static int64_t at60(const struct num *x) { /* an enclosure of 128 bits that is narrower than 2^-60 */
    mpz_t t;
    mpz_init(t);
    mpz_fdiv_q_2exp(t, LO(x), 68);
    int64_t v = mpz_get_si(t);
    bool narrow = (mpz_sub(t, HI(x), LO(x)), mpz_sizeinbase(t, 2) <= 68);
    mpz_clear(t);
    return narrow ? v : INT64_MIN;
}

/* phi(x) = exp(-x^2 / 2) / sqrt(2 pi), the derivatives phi^(k) = -x phi^(k-1) - (k - 1) phi^(k-2), Phi = (1 + erf(x / sqrt 2)) / 2 */
static bool fill_cell(struct cell *cell, long i) {
    struct num x, t, u, d[TERMS];
    const unsigned p = 128;
    bool good = true;
    for (int k = 0; k < TERMS; k++) num_init(&d[k]);
    num_init(&x);
    num_init(&t);
    num_init(&u);
    mpq_t q;
    mpq_init(q);
    mpq_set_si(q, i, 64);
    mpq_canonicalize(q);
    num_set_mpq(&x, q);
    num_set_int(&t, 2);
    good = num_sqrt(&t, &t, p) && num_div(&u, &x, &t, p) && num_erf(&u, &u, p);
    num_set_int(&t, 1);
    num_add(&u, &u, &t, p);
    num_set_int(&t, 2);
    good = good && num_div(&u, &u, &t, p);
    num_to_real(&u, &u, p);
    cell->c[0] = at60(&u);
    num_pi(&u, p);
    num_mul(&u, &u, &t, p);
    good = good && num_sqrt(&u, &u, p);
    mpq_mul(q, q, q);
    mpq_div_2exp(q, q, 1);
    mpq_neg(q, q);
    num_set_mpq(&t, q);
    good = good && num_exp(&t, &t, p) && num_div(&d[0], &t, &u, p);
    uint32_t factorial = 1;
    for (int k = 1; good && k <= TERMS; k++) {
        num_set_int(&t, (int64_t)(factorial *= (uint32_t)k));
        good = num_div(&u, &d[k - 1], &t, p);
        num_to_real(&u, &u, p);
        cell->c[k] = at60(&u);
        good = good && cell->c[k] != INT64_MIN;
        if (k == TERMS) break;
        num_mul(&d[k], &d[k - 1], &x, p);
        num_neg(&d[k], &d[k]);
        if (k < 2) continue;
        num_set_int(&t, k - 1);
        num_mul(&u, &d[k - 2], &t, p);
        num_sub(&d[k], &d[k], &u, p);
    }
    for (int k = 0; k < TERMS; k++) num_clear(&d[k]);
    num_clear(&x);
    num_clear(&t);
    num_clear(&u);
    mpq_clear(q);
    return good && cell->c[0] != INT64_MIN;
}

static const struct cell *normal_table(void) { /* NULL: never, unless the functions of num.h fail */
    static struct cell cells[CELLS];
    static int state;
    if (state == 0) {
        state = 1;
        for (long i = 0; i < CELLS; i++)
            if (!fill_cell(&cells[i], i)) state = 2;
    }
    return state == 1 ? cells : NULL;
}

const int64_t *normal_coefficients(uint32_t i) {
    const struct cell *cells = normal_table();
    return cells != NULL && i < CELLS ? cells[i].c : NULL;
}

/* ---- functions ---- */

/* a >= 0. a Phi(a): with a = i / 64 + g, g < 2^-6, what 8 terms leave is below max |phi^(8)| g^9 / 9! and by Cramer's bound |phi^(k)| <= 0.44 sqrt(k!): less than 2^-65. Each step of the sum is off by less than
 * 4 units of 2^-60, Phi by less than 8, a Phi(a) by 64 / 2^12 and one for the floor. From 8 on a - a Phi(a) <= phi(8) < 1.5 2^-48. */
static bool gate_normal(int64_t a, int64_t *out) {
    *out = a;
    if (a >> 48 >= 8) return true;
    const struct cell *cells = normal_table();
    if (cells == NULL) return false;
    const int64_t *c = cells[a >> 42].c;
    int64_t g = (a & (((int64_t)1 << 42) - 1)) << 12, r = c[TERMS];
    for (int k = TERMS - 1; k >= 0; k--) r = c[k] + (int64_t)(((__int128)r * g) >> 60);
    *out = (int64_t)(((__int128)a * r) >> 60);
    return true;
}

/* a / (1 + exp(-v)): the exponential is off by EXP_UNITS, less than one unit of the quotient for a < 64, and 0 from there on; one for the floor. */
static int64_t gate(int64_t a, uint64_t v) { return (int64_t)(((wide_t)(uint64_t)a << 60) / (ONE60 + fixed_exp_minus(v))); }

static bool gate_logistic(int64_t a, int64_t *out) {
    *out = gate(a, (uint64_t)a);
    return true;
}

/* (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)): 2u = 2 sqrt(2/pi) (a + 0.044715 a^3), constants at 2^-60. For a < 16 the square is off by one unit, the cube by 17, 2u by 4, which moves a / (1 + exp(-2u)) by less than a sixth
 * of it: a <= 2u / 1.59, v exp(-v) / (1 + exp(-v))^2 < 0.23. From 16 on exp(-2u) < exp(-300). */
static bool gate_tanh(int64_t a, int64_t *out) {
    *out = a;
    if (a >> 48 >= 16) return true;
    __int128 square = ((__int128)a * a) >> 48, cube = (square * a) >> 48;
    *out = gate(a, (uint64_t)(((__int128)a * 1839796536686825613 >> 60) + (cube * 82266502137951407 >> 60)));
    return true;
}

/* x S(x) with S(-x) = 1 - S(x): of -a it is a S(a) - a */
typedef bool half_line(int64_t a, int64_t *out);
static bool gated(half_line *f, int64_t x, int64_t *out) {
    if (!f(x < 0 ? -x : x, out)) return false;
    if (x < 0) *out += x;
    return true;
}

static int64_t logistic(int64_t x) { /* at 2^-48, one unit for the floor and less than one for the exponential */
    int64_t s = (int64_t)(((wide_t)1 << 108) / (ONE60 + fixed_exp_minus((uint64_t)size_of(x))));
    return x < 0 ? ((int64_t)1 << 48) - s : s;
}

static int64_t tangent(int64_t x) { /* (1 - e) / (1 + e), e = exp(-2x) */
    uint64_t e = fixed_exp_minus(2 * (uint64_t)size_of(x));
    int64_t s = (int64_t)(((wide_t)(ONE60 - e) << 48) / (ONE60 + e));
    return x < 0 ? -s : s;
}

/* All are off by less than 4 units, and none is steeper than 5/4: gelu by sqrt 2 at 1.129, gelu_new the same to three digits, silu at 1.100, tanh at 0 by 1, the logistic function by 1/4. */
#define UNITS 4
static bool value(enum op op, int64_t x, int64_t *out) {
    switch (op) {
    case OP_GELU: return gated(gate_normal, x, out);
    case OP_GELU_NEW: return gated(gate_tanh, x, out);
    case OP_SILU: return gated(gate_logistic, x, out);
    case OP_TANH: *out = tangent(x); return true;
    case OP_SIGMOID: *out = logistic(x); return true;
    default: return false;
    }
}

bool wide_smooth(struct fnet *w, const struct node *x, struct frow *out, const struct frow *in) {
    int up = 48 - in->F;
    if (up > 16 || up < -62) return false;
    __int128 rad = up >= 0 ? (__int128)in->rad << up : (in->rad >> -up) + 2; /* the shift down of an entry is one unit */
    for (uint32_t j = 0; j < x->width; j++) {
        __int128 at = up >= 0 ? (__int128)in->wide[j] * ((int64_t)1 << up) : in->wide[j] >> -up;
        int64_t v;
        if (at >= (__int128)1 << 60 || at <= -((__int128)1 << 60) || !value(x->op, (int64_t)at, &v)) return false;
        w->wide->acc[j] = v;
    }
    __int128 rad2 = (up >= 0 ? (__int128)in->rad2 << up : (in->rad2 >> -up) + 1 + wide_root(x->width));
    return wide_store(w, out, x->width, 48, rad + rad / 4 + 1 + UNITS, rad2 + rad2 / 4 + 1 + UNITS * wide_root(x->width));
}
