/* extreme.c: largest and smallest values, kept as the list of what they are taken of as long as they are only shifted, scaled and compared: `max{..} <= c` is a condition on each. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

#define ALTERNATIVES 256

struct entry extreme_new(struct smt *m, bool min, const struct entry *of, const char *const *when, size_t n)
{
    struct smt_extreme *x = smt_array(m, 1, sizeof *x);
    struct entry out = {.low = min ? INFINITY : -INFINITY, .high = min ? INFINITY : -INFINITY};
    if (!x || !(x->of = smt_array(m, n, sizeof *of)) || !(x->when = smt_array(m, n, sizeof *when))) return entry_int(m, 0);
    x->min = min;
    x->n = n;
    double low, high, lowest = INFINITY, highest = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        x->of[i] = entry_solid(m, of[i]);
        x->when[i] = when ? when[i] : "true";
        entry_ends(&low, &high, &x->of[i]);
        lowest = fmin(lowest, low), highest = fmax(highest, high);
        if (!is_true(x->when[i])) continue;     /* it is there in any case */
        out.low = min ? out.low : fmax(out.low, low);
        out.high = min ? fmin(out.high, high) : out.high;
    }
    out.low = min ? lowest : fmax(out.low, lowest);
    out.high = min ? fmin(out.high, highest) : highest;
    out.x = x;
    return out;
}

/* As a variable of its own. */
struct entry entry_solid(struct smt *m, struct entry e)
{
    struct smt_extreme *x = e.x;
    if (!x) return e;
    if (x->solid.n_parts) return x->solid;
    const char *z = smt_declare(m, smt_fresh(m, x->min ? "min" : "max"), "Real"), **is = smt_array(m, x->n, sizeof *is);
    for (size_t i = 0; is && i < x->n && m->status == STATUS_OK; i++) {
        const char *t = entry_term_of(m, &x->of[i]);
        smt_assert(m, truth_or(m, truth_not(m, x->when[i]), smt_format(m, "(%s %s %s)", x->min ? "<=" : ">=", z, t)));
        is[i] = truth_and(m, x->when[i], smt_format(m, "(= %s %s)", z, t));
    }
    /* over nothing it has no value, which is required elsewhere */
    const char *none = is ? truth_not(m, truth_any(m, x->when, x->n)) : "false";
    if (is) smt_assert(m, truth_or(m, none, truth_any(m, is, x->n)));
    return x->solid = entry_variable(m, z, is_false(none) ? e.low : -INFINITY, is_false(none) ? e.high : INFINITY);
}

bool extreme_add(struct entry *out, struct smt *m, const struct entry *a, const struct entry *b, bool minus)
{
    bool first = a->x != NULL;
    if (!a->x == !b->x) return false;
    const struct smt_extreme *x = first ? a->x : b->x;
    struct entry *of = smt_array(m, x->n, sizeof *of);
    for (size_t i = 0; of && i < x->n; i++) of[i] = first ? term_add(m, x->of[i], *b, minus) : term_add(m, *a, x->of[i], minus);
    *out = of ? extreme_new(m, !first && minus ? !x->min : x->min, of, x->when, x->n) : *a;
    return true;
}

struct entry extreme_scale(struct smt *m, const struct entry *a, const mpq_t by)
{
    const struct smt_extreme *x = a->x;
    struct entry *of = smt_array(m, x->n, sizeof *of);
    for (size_t i = 0; of && i < x->n; i++) of[i] = term_scale(m, x->of[i], by);
    return of ? extreme_new(m, mpq_sgn(by) < 0 ? !x->min : x->min, of, x->when, x->n) : *a;
}

/* The larger (smaller) of two, each perhaps a list of its own. */
struct entry extreme_both(struct smt *m, struct entry a, struct entry b, bool min)
{
    if (a.x && a.x->min != min) a = entry_solid(m, a);
    if (b.x && b.x->min != min) b = entry_solid(m, b);
    size_t n = (a.x ? a.x->n : 1) + (b.x ? b.x->n : 1), at = 0;
    if (n > ALTERNATIVES) return extreme_both(m, entry_solid(m, a), entry_solid(m, b), min);
    struct entry *of = smt_array(m, n, sizeof *of);
    const char **when = smt_array(m, n, sizeof *when);
    for (int k = 0; of && when && k < 2; k++) {
        struct entry *e = k ? &b : &a;
        for (size_t i = 0; i < (e->x ? e->x->n : 1); i++, at++) {
            of[at] = e->x ? e->x->of[i] : *e;
            when[at] = e->x ? e->x->when[i] : "true";
        }
    }
    return of && when ? extreme_new(m, min, of, when, n) : a;
}

/* x oper b */
const char *extreme_compare(struct smt *m, enum oper oper, const struct entry *a, struct entry b)
{
    const struct smt_extreme *x = a->x;
    if (oper == OPER_EQ) return truth_and(m, extreme_compare(m, OPER_LE, a, b), extreme_compare(m, OPER_GE, a, b));
    if (oper == OPER_NE) return truth_not(m, extreme_compare(m, OPER_EQ, a, b));
    bool some = (oper == OPER_GT || oper == OPER_GE) != x->min;
    const char **parts = smt_array(m, x->n, sizeof *parts);
    b = entry_solid(m, b);
    for (size_t i = 0; parts && i < x->n; i++) {
        const char *t = term_compare(m, oper, x->of[i], b);
        parts[i] = some ? truth_and(m, x->when[i], t) : truth_or(m, truth_not(m, x->when[i]), t);
    }
    return !parts ? "false" : some ? truth_any(m, parts, x->n) : truth_all(m, parts, x->n);
}
