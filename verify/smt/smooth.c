/* smooth.c: functions that are no polynomials. In a table each case has its enclosure; of a term the function lies, on each of a few pieces, between the lines
 * that its slope allows from both ends of the piece (mean value theorem, slopes and values from balls). More points are lemmas: smooth_lemma. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "models/rows.h"
#include "verify/smt/smt.h"

#define PREC 160
#define PIECES 8
#define LEMMAS_MOST 48    /* of one function */

static void value_of(arb_t out, int f, const arb_t x)
{
    switch (f) {
    case SMOOTH_LOG: arb_log(out, x, PREC); break;
    case SMOOTH_COS: arb_cos(out, x, PREC); break;
    case SMOOTH_SIN: arb_sin(out, x, PREC); break;
    default: ball_value(out, (enum op)f, x, PREC); break;
    }
}

static void slope_of(arb_t out, int f, const arb_t x)
{
    switch (f) {
    case SMOOTH_LOG: arb_inv(out, x, PREC); break;
    case SMOOTH_COS: arb_sin(out, x, PREC), arb_neg(out, out); break;
    case SMOOTH_SIN: arb_cos(out, x, PREC); break;
    default: ball_slope(out, (enum op)f, x, PREC); break;
    }
}

static void ball_between(arb_t out, const mpq_t lo, const mpq_t hi)
{
    arb_t b;
    arb_init(b);
    ball_set_number(out, lo, PREC);
    ball_set_number(b, hi, PREC);
    arb_union(out, out, b, PREC);
    arb_clear(b);
}

static bool enclosed(mpq_t lo, mpq_t hi, const arb_t x)
{
    if (!arb_is_finite(x)) return false;
    ball_ends(lo, hi, x, 128);
    round_outward(lo, hi);
    return true;
}

static struct entry table_value(struct smt *m, int f, const struct entry *x, const mpq_t shift)
{
    struct entry e = {.table = true, .split = x->split, .lo = smt_numbers(m, entry_cases(x)), .hi = smt_numbers(m, entry_cases(x))};
    arb_t b, s;
    if (!e.lo || !e.hi) return (struct entry){.term = "0.0"};
    arb_init(b), arb_init(s);
    if (shift) ball_set_number(s, shift, PREC);
    for (size_t i = 0; i < entry_cases(x) && m->status == STATUS_OK; i++) {
        ball_between(b, x->lo + i, x->hi + i);
        arb_sub(b, b, s, PREC);
        value_of(b, f, b);
        if (!enclosed(e.lo + i, e.hi + i, b)) smt_fail(m, STATUS_UNSUPPORTED, "a function has no finite value for some tokens");
    }
    arb_clear(b), arb_clear(s);
    return e;
}

/* slope, from: "y >= value + slope (x - at)" and its like; a line of the assertion */
static void add_line(struct text *t, const char *y, const char *x, bool below, const mpq_t value, const mpq_t slope, const mpq_t at)
{
    text_addf(t, " (%s %s (+ ", below ? ">=" : "<=", y);
    smt_number(t, value);
    text_add(t, " (* ");
    smt_number(t, slope);
    text_addf(t, " (- %s ", x);
    smt_number(t, at);
    text_add(t, "))))");
}

/* On [a, b] the function lies between the lines of least and greatest slope through both ends. */
static void add_piece(struct smt *m, int f, const char *y, const char *x, const mpq_t a, const mpq_t b)
{
    mpq_t vlo[2], vhi[2], slo, shi;
    arb_t t;
    struct text line;
    bool good = true;
    mpq_inits(vlo[0], vlo[1], vhi[0], vhi[1], slo, shi, NULL);
    arb_init(t);
    text_init(&line);
    for (int k = 0; k < 2; k++) {
        ball_set_number(t, k ? b : a, PREC);
        value_of(t, f, t);
        good = good && enclosed(vlo[k], vhi[k], t);
    }
    ball_between(t, a, b);
    slope_of(t, f, t);
    good = good && enclosed(slo, shi, t);
    if (good) {
        text_add(&line, "(=> (and (<= ");
        smt_number(&line, a);
        text_addf(&line, " %s) (<= %s ", x, x);
        smt_number(&line, b);
        text_add(&line, ")) (and");
        add_line(&line, y, x, true, vlo[0], slo, a);
        add_line(&line, y, x, false, vhi[0], shi, a);
        add_line(&line, y, x, true, vlo[1], shi, b);
        add_line(&line, y, x, false, vhi[1], slo, b);
        text_add(&line, "))");
        smt_assert(m, smt_keep(m, &line));
    }
    text_clear(&line);
    arb_clear(t);
    mpq_clears(vlo[0], vlo[1], vhi[0], vhi[1], slo, shi, NULL);
}

static void keep_function(struct smt *m, struct smt_function f)
{
    struct smt_function *grown = mem_grow(m->functions, &m->room_functions, m->n_functions + 1, sizeof *grown);
    if (grown) m->functions = grown, m->functions[m->n_functions++] = f;
    else smt_fail(m, STATUS_MEMORY, "out of memory");
}

void smooth_lemma(struct smt *m, size_t function, const mpq_t at)
{
    struct smt_function *f = &m->functions[function];
    size_t i = 0;
    while (i < f->n && mpq_cmp(f->points + i, at) < 0) i++;
    if (i == 0 || i == f->n || mpq_equal(f->points + i, at) || f->n == PIECES + 1 + LEMMAS_MOST) return;
    for (size_t k = f->n++; k > i; k--) mpq_set(f->points + k, f->points + k - 1);
    mpq_set(f->points + i, at);
    add_piece(m, f->f, f->y, f->x, f->points + i - 1, f->points + i);
    add_piece(m, f->f, f->y, f->x, f->points + i, f->points + i + 1);
}

/* What is known everywhere. */
static void add_range(struct smt *m, int f, const char *y)
{
    if (f == OP_EXP || f == OP_SIGMOID) smt_assert(m, smt_format(m, "(> %s 0.0)", y));
    if (f == OP_SIGMOID || f == OP_TANH || f == OP_ERF) smt_assert(m, smt_format(m, "(< (- 1.0) %s 1.0)", y));
    if (f == SMOOTH_COS || f == SMOOTH_SIN) smt_assert(m, smt_format(m, "(<= (- 1.0) %s 1.0)", y));
    if (f == OP_GELU || f == OP_GELU_NEW || f == OP_SILU) smt_assert(m, smt_format(m, "(>= %s (- 0.279))", y));
}

static struct entry root_of(struct smt *m, const char *name, struct entry x)
{
    double low, high;
    entry_ends(&low, &high, &x);
    if (!(low >= 0)) {
        smt_fail(m, STATUS_UNSUPPORTED, "a root of what may be negative has no encoding: compare the squares");
        return x;
    }
    const char *r = smt_declare(m, name, "Real");
    m->products = true;
    smt_assert(m, smt_format(m, "(and (>= %s 0.0) (= (* %s %s) %s))", r, r, r, entry_term_of(m, &x)));
    return entry_variable(m, r, nextafter(sqrt(low), -INFINITY), nextafter(sqrt(high), INFINITY));
}

struct entry smooth_value(struct smt *m, int f, const char *name, struct entry x, const mpq_t shift)
{
    double low, high;
    if (x.table) return table_value(m, f, &x, shift);
    if (!name) name = smt_fresh(m, "f");
    if (f == OP_SQRT) return root_of(m, name, x);
    if (shift) x = term_add(m, x, entry_number(m, shift), true);
    entry_ends(&low, &high, &x);
    if (f == SMOOTH_LOG && !(low > 0)) {
        smt_fail(m, STATUS_UNSUPPORTED, "log of what is not known to be positive has no encoding: compare with exp of the other side");
        return x;
    }
    const char *term = entry_bounded(m, &x);
    m->relaxed = true;
    smt_declare(m, name, "Real");
    add_range(m, f, name);
    mpq_ptr at = smt_numbers(m, PIECES + 1 + LEMMAS_MOST);
    size_t n = 0;
    if (!at || !isfinite(low) || !isfinite(high)) return entry_variable(m, name, -INFINITY, INFINITY);
    for (int i = 0; i <= PIECES; i++) mpq_set_d(at + n++, i == PIECES ? high : low + (high - low) * i / PIECES);
    for (size_t i = 0; i + 1 < n; i++)
        if (mpq_cmp(at + i, at + i + 1) < 0) add_piece(m, f, name, term, at + i, at + i + 1);
    keep_function(m, (struct smt_function){.f = f, .y = name, .x = term, .points = at, .n = n});
    arb_t b;
    mpq_t lo, hi;
    arb_init(b), mpq_init(lo), mpq_init(hi);
    ball_between(b, at, at + n - 1);
    value_of(b, f, b);
    struct entry y = entry_variable(m, name, -INFINITY, INFINITY);
    if (enclosed(lo, hi, b)) y = entry_variable(m, name, nextafter(mpq_get_d(lo), -INFINITY), nextafter(mpq_get_d(hi), INFINITY));
    arb_clear(b), mpq_clear(lo), mpq_clear(hi);
    return y;
}
