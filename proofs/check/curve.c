/* Functions of one variable over rationals: directed rounding of enclosures that are made narrower until only one multiple of 2^-bits is left. */
#include "curve.h"
#include "rows.h"

#define P_MOST 2048
#define EXP_ARGUMENT 64
#define LINE_BITS 64
#define DEPTH_MOST 40
#define PIECES_MOST 4096

static bool is_gate(enum curve f) { return f == C_GELU || f == C_GELU_NEW || f == C_SILU; }
static bool is_rational(enum curve f) { return f == C_SQUARE || f == C_RECIPROCAL || f == C_RECIPROCAL_ROOT || f == C_SQRT; }

enum curve curve_of(enum op op) {
    switch (op) {
    case OP_EXP: return C_EXP;
    case OP_SQRT: return C_SQRT;
    case OP_ERF: return C_ERF;
    case OP_TANH: return C_TANH;
    case OP_SIGMOID: return C_SIGMOID;
    case OP_GELU: return C_GELU;
    case OP_GELU_NEW: return C_GELU_NEW;
    case OP_SILU: return C_SILU;
    default: return C_RELU;
    }
}

/* q 2^bits to an integer */
static void to_grid(mpz_t n, const mpq_t q, unsigned bits, bool up) {
    mpz_mul_2exp(n, mpq_numref(q), bits);
    (up ? mpz_cdiv_q : mpz_fdiv_q)(n, n, mpq_denref(q));
}

/* z^2, 1/z, or the root of z or 1/z: the root of an integer n is between two integers, and the root of any number in (n - 1, n] is at most the least r with r^2 >= n */
static void rational_value(mpz_t n, enum curve f, const mpq_t z, unsigned bits, bool up) {
    mpq_t q;
    mpq_init(q);
    mpq_set(q, z);
    if (f == C_SQUARE) mpq_mul(q, z, z);
    if (f == C_RECIPROCAL || f == C_RECIPROCAL_ROOT) mpq_inv(q, z);
    bool root = f == C_SQRT || f == C_RECIPROCAL_ROOT;
    to_grid(n, q, root ? 2 * bits : bits, up);
    if (root) {
        mpz_t r;
        mpz_init(r);
        mpz_sqrtrem(n, r, n);
        if (up && mpz_sgn(r) != 0) mpz_add_ui(n, n, 1);
        mpz_clear(r);
    }
    mpq_clear(q);
}

static bool enclose(struct num *y, enum curve f, const struct num *z, unsigned p) {
    switch (f) {
    case C_EXP: return num_exp(y, z, p);
    case C_ERF: return num_erf(y, z, p);
    case C_TANH: return num_tanh(y, z, p);
    case C_SIGMOID: return num_sigmoid(y, z, p);
    case C_GELU: return activation_value(y, z, OP_GELU, p);
    case C_GELU_NEW: return activation_value(y, z, OP_GELU_NEW, p);
    default: return activation_value(y, z, OP_SILU, p);
    }
}

/* What lies strictly above f(z) and strictly below it, z not 0, where there is such a number: lo < f < hi. */
static void limits(mpz_t lo, mpz_t hi, bool *has_lo, bool *has_hi, enum curve f, const mpq_t z, unsigned bits) {
    *has_lo = !is_gate(f);
    *has_hi = f != C_EXP;
    mpz_set_ui(lo, 0);
    mpz_set_ui(hi, 0);
    if (f == C_TANH || f == C_ERF || f == C_SIGMOID) mpz_setbit(hi, bits);
    if (f == C_TANH || f == C_ERF) mpz_neg(lo, hi);
    if (is_gate(f) && mpq_sgn(z) > 0) to_grid(hi, z, bits, true);
}

static void clamp(mpz_t n, enum curve f, const mpq_t z, unsigned bits, bool up) {
    mpz_t lo, hi;
    bool has_lo, has_hi;
    mpz_inits(lo, hi, NULL);
    limits(lo, hi, &has_lo, &has_hi, f, z, bits);
    if (up) mpz_add_ui(lo, lo, 1);
    else mpz_sub_ui(hi, hi, 1);
    if (has_hi && mpz_cmp(n, hi) > 0) mpz_set(n, hi);
    if (has_lo && mpz_cmp(n, lo) < 0) mpz_set(n, lo);
    mpz_clears(lo, hi, NULL);
}

/* The one integer that both ends of a narrow enclosure of 2^bits f(z) are rounded to. */
static bool narrow_value(mpz_t n, enum curve f, const mpq_t z, unsigned bits, bool up) {
    struct num x, y;
    mpz_t m;
    num_init(&x);
    num_init(&y);
    mpz_init(m);
    bool one = false;
    for (unsigned p = bits + 32; !one && p <= P_MOST; p *= 2) {
        num_set_mpq(&x, z);
        if (!enclose(&y, f, &x, p)) break;
        num_to_real(&y, &y, p);
        (up ? mpz_cdiv_q_2exp : mpz_fdiv_q_2exp)(n, LO(&y), p - bits);
        (up ? mpz_cdiv_q_2exp : mpz_fdiv_q_2exp)(m, HI(&y), p - bits);
        clamp(n, f, z, bits, up);
        clamp(m, f, z, bits, up);
        one = mpz_cmp(n, m) == 0;
    }
    mpz_clear(m);
    num_clear(&x);
    num_clear(&y);
    return one;
}

/* f(z) to a multiple of 2^-bits, down or up; at 0 the values are 1, 1/2 and 0. */
static bool value(mpq_t out, enum curve f, const mpq_t z, unsigned bits, bool up) {
    mpz_t n;
    mpz_init(n);
    bool good = true;
    if (is_rational(f)) rational_value(n, f, z, bits, up);
    else if (mpq_sgn(z) != 0) good = narrow_value(n, f, z, bits, up);
    else if (f == C_EXP || f == C_SIGMOID) mpz_setbit(n, f == C_EXP ? bits : bits - 1);
    mpq_set_z(out, n);
    mpq_div_2exp(out, out, bits);
    mpz_clear(n);
    return good;
}

static bool defined(enum curve f, const mpq_t lo, const mpq_t hi) {
    if (f == C_RECIPROCAL) return mpq_sgn(lo) > 0 || mpq_sgn(hi) < 0;
    if (f == C_RECIPROCAL_ROOT) return mpq_sgn(lo) > 0;
    if (f == C_SQRT) return mpq_sgn(lo) >= 0;
    return f != C_EXP || mpq_cmp_si(hi, EXP_ARGUMENT, 1) <= 0;
}

/* gelu, gelu_new, silu fall, then rise: in hundredths where the falling and the rising part are sure, in thousandths what no value is below. */
static bool gate_least(mpq_t a, enum curve f, const mpq_t lo, const mpq_t hi, unsigned bits) {
    long falls = f == C_SILU ? -130 : -76, rises = f == C_SILU ? -125 : -75, least = f == C_SILU ? -279 : f == C_GELU ? -170 : -171;
    if (mpq_cmp_si(lo, rises, 100) >= 0) return value(a, f, lo, bits, false);
    if (mpq_cmp_si(hi, falls, 100) <= 0) return value(a, f, hi, bits, false);
    mpq_set_si(a, least, 1000);
    mpq_canonicalize(a);
    return true;
}

bool curve_range(mpq_t a, mpq_t b, enum curve f, const mpq_t lo, const mpq_t hi, unsigned bits) {
    if (!defined(f, lo, hi)) return false;
    if (f == C_RECIPROCAL || f == C_RECIPROCAL_ROOT) return value(a, f, hi, bits, false) && value(b, f, lo, bits, true);
    if (f != C_SQUARE && !is_gate(f)) return value(a, f, lo, bits, false) && value(b, f, hi, bits, true);
    mpq_t other;
    mpq_init(other);
    bool good = value(b, f, lo, bits, true) && value(other, f, hi, bits, true);
    if (mpq_cmp(other, b) > 0) mpq_set(b, other);
    mpq_clear(other);
    if (!good || is_gate(f)) return good && gate_least(a, f, lo, hi, bits);
    if (mpq_sgn(lo) > 0) return value(a, f, lo, bits, false);
    if (mpq_sgn(hi) < 0) return value(a, f, hi, bits, false);
    mpq_set_ui(a, 0, 1);
    return true;
}

static void power(mpq_t out, const mpq_t x, int n) {
    mpq_set_ui(out, 1, 1);
    for (int i = 0; i < n; i++) mpq_mul(out, out, x);
}

/* no |f''| on [lo, hi] is above k */
static bool bend(mpq_t k, enum curve f, const mpq_t lo, const mpq_t hi) {
    static const unsigned long fixed[][2] = {[C_SQUARE] = {2, 1}, [C_ERF] = {1, 1}, [C_TANH] = {4, 5}, [C_SIGMOID] = {1, 10}, [C_GELU] = {4, 5}, [C_GELU_NEW] = {1, 1}, [C_SILU] = {1, 2}};
    if (fixed[f][1] != 0) {
        mpq_set_ui(k, fixed[f][0], fixed[f][1]);
        return true;
    }
    mpq_t a, b, factor;
    mpq_inits(a, b, factor, NULL);
    bool good = curve_range(a, b, f, lo, hi, CURVE_BITS);
    mpq_set_ui(factor, 1, 1);
    if (f == C_RECIPROCAL) {          /* 2 |f|^3 */
        mpq_abs(a, a);
        mpq_abs(b, b);
        if (mpq_cmp(a, b) > 0) mpq_set(b, a);
        mpq_set_ui(factor, 2, 1);
        power(k, b, 3);
    } else if (f == C_RECIPROCAL_ROOT) { /* 3/4 f^5 */
        mpq_set_ui(factor, 3, 4);
        power(k, b, 5);
    } else if (f == C_SQRT) {         /* 1/4 f^-3 */
        mpq_set_ui(factor, 1, 4);
        good = good && mpq_sgn(a) > 0;
        if (good) {
            mpq_inv(a, a);
            power(k, a, 3);
        }
    } else mpq_set(k, b);             /* exp */
    mpq_mul(k, k, factor);
    mpq_clears(a, b, factor, NULL);
    return good;
}

struct line_test { enum curve f; bool above; mpq_srcptr slope, constant; mpq_t bend; unsigned pieces; };

/* f(z) - (slope z + constant), or its opposite, rounded down */
static bool room_at(mpq_t out, const struct line_test *t, const mpq_t z) {
    mpq_t y;
    mpq_init(y);
    bool good = value(out, t->f, z, LINE_BITS, t->above);
    mpq_mul(y, t->slope, z);
    mpq_sub(out, out, y);
    mpq_sub(out, out, t->constant);
    if (t->above) mpq_neg(out, out);
    mpq_clear(y);
    return good;
}

/* A function with |f''| <= k differs from its secant on [a, b] by at most k (b - a)^2 / 8. */
static bool piece(struct line_test *t, const mpq_t a, const mpq_t b, const mpq_t at_a, const mpq_t at_b, int depth) {
    if (mpq_sgn(at_a) < 0 || mpq_sgn(at_b) < 0 || depth > DEPTH_MOST || ++t->pieces > PIECES_MOST) return false;
    mpq_t need, mid, at_mid;
    mpq_inits(need, mid, at_mid, NULL);
    mpq_sub(need, b, a);
    mpq_mul(need, need, need);
    mpq_mul(need, need, t->bend);
    mpq_div_2exp(need, need, 3);
    bool good = mpq_cmp(at_a, need) >= 0 && mpq_cmp(at_b, need) >= 0;
    if (!good) {
        mpq_add(mid, a, b);
        mpq_div_2exp(mid, mid, 1);
        good = room_at(at_mid, t, mid) && piece(t, a, mid, at_a, at_mid, depth + 1) && piece(t, mid, b, at_mid, at_b, depth + 1);
    }
    mpq_clears(need, mid, at_mid, NULL);
    return good;
}

bool curve_line(enum curve f, const mpq_t lo, const mpq_t hi, const mpq_t slope, const mpq_t constant, bool above) {
    struct line_test t = {.f = f, .above = above, .slope = slope, .constant = constant};
    if (mpq_cmp(lo, hi) > 0) return true;
    mpq_t at_lo, at_hi;
    mpq_inits(at_lo, at_hi, t.bend, NULL);
    bool good = bend(t.bend, f, lo, hi) && room_at(at_lo, &t, lo) && room_at(at_hi, &t, hi) && piece(&t, lo, hi, at_lo, at_hi, 1);
    mpq_clears(at_lo, at_hi, t.bend, NULL);
    return good;
}
