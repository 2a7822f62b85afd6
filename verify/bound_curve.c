/* bound_curve.c: functions of one variable, exactly enclosed: what a unit of a network that is not piecewise linear applies. */
#include <math.h>
#include "core/number.h"
#include "models/rows.h"
#include "verify/bound_curve.h"

#define PREC_MOST 2048        /* as in the checker */
#define EXP_MOST 64         /* arguments of exp above this are refused */
#define LINE_BITS 64        /* of the values that a line is held against */
#define LINE_DEPTH 40
#define LINE_PIECES 4096

/* bend: |f''| <= bend[0] / bend[1] everywhere (0: it depends on the range). A valley: f falls up to left/100, rises from right/100 on and is above least/1000. */
struct shape { enum op op; long bend[2]; bool valley; long left, right, least; };
static const struct shape shapes[] = {
    [CURVE_RELU] = {.op = OP_RELU}, [CURVE_SQUARE] = {.op = OP_COUNT, .bend = {2, 1}}, [CURVE_RECIPROCAL] = {.op = OP_COUNT}, [CURVE_RSQRT] = {.op = OP_COUNT},
    [CURVE_EXP] = {.op = OP_EXP}, [CURVE_SQRT] = {.op = OP_SQRT}, [CURVE_ERF] = {.op = OP_ERF, .bend = {1, 1}}, [CURVE_TANH] = {.op = OP_TANH, .bend = {4, 5}},
    [CURVE_SIGMOID] = {.op = OP_SIGMOID, .bend = {1, 10}}, [CURVE_GELU] = {OP_GELU, {4, 5}, true, -76, -75, -170}, [CURVE_GELU_NEW] = {OP_GELU_NEW, {1, 1}, true, -76, -75, -171},
    [CURVE_SILU] = {OP_SILU, {1, 2}, true, -130, -125, -279},
};

enum curve curve_of(enum op op)
{
    for (size_t k = CURVE_EXP; k <= CURVE_SILU; k++)
        if (shapes[k].op == op) return (enum curve)k;
    return CURVE_RELU;
}

double curve_double(enum curve f, double z)
{
    switch (f) {
    case CURVE_RELU: return fmax(0, z);
    case CURVE_SQUARE: return z * z;
    case CURVE_RECIPROCAL: return 1 / z;
    case CURVE_RSQRT: return 1 / sqrt(z);
    case CURVE_EXP: return exp(z);
    case CURVE_SQRT: return sqrt(z);
    case CURVE_ERF: return erf(z);
    case CURVE_TANH: return tanh(z);
    case CURVE_SIGMOID: return 1 / (1 + exp(-z));
    case CURVE_GELU: return z / 2 * erfc(-z / sqrt(2));
    case CURVE_GELU_NEW: return z / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (z + 0.044715 * z * z * z)));
    case CURVE_SILU: return z / (1 + exp(-z));
    }
    return 0;
}

double curve_bend_double(enum curve f) { return shapes[f].bend[1] ? (double)shapes[f].bend[0] / (double)shapes[f].bend[1] : 0; }

/* n = q 2^bits, rounded */
static void scaled(mpz_t n, const mpq_t q, unsigned bits, bool up)
{
    mpz_mul_2exp(n, mpq_numref(q), bits);
    if (up) mpz_cdiv_q(n, n, mpq_denref(q));
    else mpz_fdiv_q(n, n, mpq_denref(q));
}

/* n = 2^bits sqrt(q), q >= 0, rounded */
static void root(mpz_t n, const mpq_t q, unsigned bits, bool up)
{
    scaled(n, q, 2 * bits, up);
    if (!up || mpz_sgn(n) == 0) {
        mpz_sqrt(n, n);
        return;
    }
    mpz_sub_ui(n, n, 1);
    mpz_sqrt(n, n);
    mpz_add_ui(n, n, 1);
}

/* Values that rational arithmetic gives. */
static void algebraic(mpz_t n, enum curve f, const mpq_t z, unsigned bits, bool up)
{
    mpq_t q;
    mpq_init(q);
    if (f == CURVE_SQUARE) mpq_mul(q, z, z);
    else if (f == CURVE_SQRT) mpq_set(q, z);
    else mpq_inv(q, z);
    if (f == CURVE_SQRT || f == CURVE_RSQRT) root(n, q, bits, up);
    else scaled(n, q, bits, up);
    mpq_clear(q);
}

/* Between limits that f never reaches: -1 or 0 below, 1, 0 or z above. However little is missing, the number next to the limit is right. */
static void within_limits(mpz_t n, enum curve f, const mpq_t z, unsigned bits, bool up)
{
    mpz_t limit;
    mpz_init(limit);
    bool gate = shapes[f].valley, unit = f == CURVE_TANH || f == CURVE_ERF || f == CURVE_SIGMOID;
    if (gate && mpq_sgn(z) > 0) scaled(limit, z, bits, true);
    else if (unit) mpz_setbit(limit, bits);
    if (!up) mpz_sub_ui(limit, limit, 1);
    if ((gate || unit) && mpz_cmp(n, limit) > 0) mpz_set(n, limit);
    mpz_set_ui(limit, 0);
    if (f == CURVE_TANH || f == CURVE_ERF) mpz_setbit(limit, bits), mpz_neg(limit, limit);
    if (up) mpz_add_ui(limit, limit, 1);
    if (!gate && mpz_cmp(n, limit) < 0) mpz_set(n, limit);
    mpz_clear(limit);
}

/* The integer next to 2^bits f(z), z not 0, from balls of growing precision. */
static bool transcendental(mpz_t n, enum curve f, const mpq_t z, unsigned bits, bool up)
{
    arb_t x;
    arf_t end[2];
    fmpz_t a;
    mpz_t m;
    bool good = false;
    arb_init(x), arf_init(end[0]), arf_init(end[1]), fmpz_init(a), mpz_init(m);
    for (slong prec = (slong)bits + 64; !good && prec <= PREC_MOST; prec *= 2) {
        ball_set_number(x, z, prec);
        ball_value(x, shapes[f].op, x, prec);
        if (!arb_is_finite(x)) continue;
        arb_mul_2exp_si(x, x, (slong)bits);
        arb_get_interval_arf(end[0], end[1], x, prec);
        for (int k = 0; k < 2; k++) {
            arf_get_fmpz(a, end[k], up ? ARF_RND_CEIL : ARF_RND_FLOOR);
            fmpz_get_mpz(k ? m : n, a);
            within_limits(k ? m : n, f, z, bits, up);
        }
        good = mpz_cmp(n, m) == 0;
    }
    arb_clear(x), arf_clear(end[0]), arf_clear(end[1]), fmpz_clear(a), mpz_clear(m);
    return good;
}

/* f(z) down, or up, to a multiple of 2^-bits: exactly that. */
static bool rounded(mpq_t out, enum curve f, const mpq_t z, unsigned bits, bool up)
{
    mpz_t n;
    bool good = true;
    mpz_init(n);
    if (f == CURVE_SQUARE || f == CURVE_SQRT || f == CURVE_RSQRT || f == CURVE_RECIPROCAL) algebraic(n, f, z, bits, up);
    else if (mpq_sgn(z) != 0) good = transcendental(n, f, z, bits, up);
    else if (f == CURVE_EXP || f == CURVE_SIGMOID) mpz_setbit(n, f == CURVE_EXP ? bits : bits - 1);
    mpq_set_z(out, n);
    mpq_div_2exp(out, out, bits);
    mpz_clear(n);
    return good;
}

static bool defined(enum curve f, const mpq_t lo, const mpq_t hi)
{
    switch (f) {
    case CURVE_RECIPROCAL: return mpq_sgn(lo) > 0 || mpq_sgn(hi) < 0;
    case CURVE_RSQRT: return mpq_sgn(lo) > 0;
    case CURVE_SQRT: return mpq_sgn(lo) >= 0;
    case CURVE_EXP: return mpq_cmp_si(hi, EXP_MOST, 1) <= 0;
    default: return true;
    }
}

static bool valley_least(mpq_t a, enum curve f, const mpq_t lo, const mpq_t hi, unsigned bits)
{
    const struct shape *s = &shapes[f];
    if (mpq_cmp_si(lo, s->right, 100) >= 0) return rounded(a, f, lo, bits, false);
    if (mpq_cmp_si(hi, s->left, 100) <= 0) return rounded(a, f, hi, bits, false);
    mpq_set_si(a, s->least, 1000);
    mpq_canonicalize(a);
    return true;
}

bool curve_range(mpq_t a, mpq_t b, enum curve f, const mpq_t lo, const mpq_t hi, unsigned bits)
{
    mpq_t t;
    if (!defined(f, lo, hi)) return false;
    bool falling = f == CURVE_RECIPROCAL || f == CURVE_RSQRT, two = f == CURVE_SQUARE || shapes[f].valley;
    if (!two) return rounded(a, f, falling ? hi : lo, bits, false) && rounded(b, f, falling ? lo : hi, bits, true);
    mpq_init(t);
    bool good = rounded(b, f, lo, bits, true) && rounded(t, f, hi, bits, true);
    if (good && mpq_cmp(t, b) > 0) mpq_set(b, t);
    if (shapes[f].valley) good = good && valley_least(a, f, lo, hi, bits);
    else if (mpq_sgn(lo) <= 0 && mpq_sgn(hi) >= 0) mpq_set_ui(a, 0, 1);
    else good = good && rounded(a, f, mpq_sgn(lo) > 0 ? lo : hi, bits, false);
    mpq_clear(t);
    return good;
}

/* k >= |f''| on [lo, hi]; false: none is known */
static bool bend(mpq_t k, enum curve f, const mpq_t lo, const mpq_t hi)
{
    mpq_t a, b;
    if (shapes[f].bend[1]) {
        mpq_set_si(k, shapes[f].bend[0], (unsigned long)shapes[f].bend[1]);
        return true;
    }
    mpq_init(a), mpq_init(b);
    bool good = curve_range(a, b, f, lo, hi, CURVE_BITS);
    if (good && f == CURVE_RECIPROCAL) {      /* 2 / |z|^3, f = 1/z */
        mpq_abs(a, a), mpq_abs(b, b);
        if (mpq_cmp(a, b) > 0) mpq_set(b, a);
        mpq_mul(k, b, b), mpq_mul(k, k, b), mpq_mul_2exp(k, k, 1);
    } else if (good && f == CURVE_RSQRT) {    /* 3/4 f^5 */
        mpq_mul(k, b, b), mpq_mul(k, k, k), mpq_mul(k, k, b);
        mpq_set_ui(a, 3, 4);
        mpq_mul(k, k, a);
    } else if (good && f == CURVE_SQRT) {     /* 1 / (4 f^3) */
        good = mpq_sgn(a) > 0;
        if (good) mpq_mul(k, a, a), mpq_mul(k, k, a), mpq_inv(k, k), mpq_div_2exp(k, k, 2);
    } else if (good) mpq_set(k, b);           /* exp */
    mpq_clear(a), mpq_clear(b);
    return good;
}

struct held { enum curve f; bool above; mpq_srcptr slope, constant; mpq_t bend; size_t pieces; };

/* How far f is on the right side of the line at z, at least. */
static bool gap_at(mpq_t g, const struct held *h, const mpq_t z)
{
    mpq_t line;
    if (!rounded(g, h->f, z, LINE_BITS, h->above)) return false;
    mpq_init(line);
    mpq_mul(line, h->slope, z);
    mpq_add(line, line, h->constant);
    mpq_sub(g, g, line);
    if (h->above) mpq_neg(g, g);
    mpq_clear(line);
    return true;
}

/* Between a and b a function is above its secant less bend (b - a)^2 / 8. */
static bool piece_holds(struct held *h, const mpq_t a, const mpq_t b, const mpq_t ga, const mpq_t gb, int depth)
{
    mpq_t need, mid, gm;
    if (mpq_sgn(ga) < 0 || mpq_sgn(gb) < 0 || depth == 0 || ++h->pieces > LINE_PIECES) return false;
    mpq_inits(need, mid, gm, NULL);
    mpq_sub(need, b, a);
    mpq_mul(need, need, need);
    mpq_mul(need, need, h->bend);
    mpq_div_2exp(need, need, 3);
    bool good = mpq_cmp(ga, need) >= 0 && mpq_cmp(gb, need) >= 0;
    if (!good) {
        mpq_add(mid, a, b);
        mpq_div_2exp(mid, mid, 1);
        good = gap_at(gm, h, mid) && piece_holds(h, a, mid, ga, gm, depth - 1) && piece_holds(h, mid, b, gm, gb, depth - 1);
    }
    mpq_clears(need, mid, gm, NULL);
    return good;
}

bool curve_line(enum curve f, const mpq_t lo, const mpq_t hi, const mpq_t slope, const mpq_t constant, bool above)
{
    struct held h = {.f = f, .above = above, .slope = slope, .constant = constant};
    mpq_t ga, gb;
    mpq_init(h.bend), mpq_init(ga), mpq_init(gb);
    bool good = mpq_cmp(lo, hi) > 0;
    if (!good) good = bend(h.bend, f, lo, hi) && gap_at(ga, &h, lo) && gap_at(gb, &h, hi) && piece_holds(&h, lo, hi, ga, gb, LINE_DEPTH);
    mpq_clear(h.bend), mpq_clear(ga), mpq_clear(gb);
    return good;
}
