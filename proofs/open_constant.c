/* open_constant.c: a constant left open. Values are tried, each a claim of its own, until one for which the claim is proved and one for which it is refuted are near
 * enough. That the claim is monotone in the constant is not assumed: what is said is what was shown at these two. */
#include "proofs/open.h"
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "proofs/write.h"
#include "verify/verdict.h"

#define TRIALS_MOST 300
#define UNDECIDED_MOST 7
#define FARTHEST 6          /* the powers of ten that are tried */

/* in order of the values */
struct trials { struct result *r; const struct judge *j; struct instance_result *x; size_t n, room; const char *why; mpq_t within; };

enum kind { HOLDS, FAILS, UNSETTLED, NOTHING /* vacuous, or no claim */ };

static enum kind kind_of(const struct instance_result *x) {
    switch (x->result.verdict) {
    case VERDICT_PROVED: return HOLDS;
    case VERDICT_REFUTED: return FAILS;
    case VERDICT_UNDECIDED: return UNSETTLED;
    default: return NOTHING;
    }
}

/* The claim at this value; *at its place. false: an end was put to it. A value that was tried is not tried again. */
static bool try(size_t *at, struct trials *t, const mpq_t value) {
    size_t i = 0;
    struct instance_result x = {0};
    while (i < t->n && mpq_cmp(t->x[i].value, value) < 0) i++;
    *at = i;
    if (i < t->n && mpq_equal(t->x[i].value, value)) return true;
    if (t->n == TRIALS_MOST) {
        result_reason(t->r, "too many values were tried");
        return false;
    }
    struct instance_result *grown = mem_grow(t->x, &t->room, t->n + 1, sizeof *grown);
    if (!grown) {
        t->r->status = STATUS_MEMORY;
        return false;
    }
    t->x = grown;
    if (!open_try(&x, t->r, t->j, value, NULL)) {
        open_clear(&x);
        return false;
    }
    memmove(t->x + i + 1, t->x + i, (t->n - i) * sizeof *t->x);
    t->x[i] = x;
    t->n++;
    return true;
}

/* 10^power, or one over it */
static void ten(mpq_t out, long power) {
    mpz_t z;
    mpz_init(z);
    mpz_ui_pow_ui(z, 10, (unsigned long)labs(power));
    mpq_set_z(out, z);
    if (power < 0) mpq_inv(out, out);
    mpz_clear(z);
}

/* The largest power of ten that is at most x > 0. */
static void grid(mpq_t out, const mpq_t number) {
    mpq_t x;
    mpq_init(x);
    mpq_set(x, number);
    long power = (long)mpz_sizeinbase(mpq_numref(x), 10) - (long)mpz_sizeinbase(mpq_denref(x), 10) + 1;
    do ten(out, power--);
    while (mpq_cmp(out, x) > 0);
    mpq_clear(x);
}

/* x to a multiple of the unit: way -1 below it, 1 above (strictly, unless `at` is allowed), 0 the nearest */
static void to_grid(mpq_t x, const mpq_t unit, int way, bool at) {
    mpz_t n;
    mpq_t half;
    mpz_init(n);
    mpq_init(half);
    mpq_set_ui(half, 1, 2);
    mpq_div(x, x, unit);
    if (way == 0) mpq_add(x, x, half);
    bool down = way == 0 || (way < 0 ? at : !at);
    if (down) mpz_fdiv_q(n, mpq_numref(x), mpq_denref(x));
    else mpz_cdiv_q(n, mpq_numref(x), mpq_denref(x));
    if (!at && way < 0) mpz_sub_ui(n, n, 1);
    if (!at && way > 0) mpz_add_ui(n, n, 1);
    mpq_set_z(x, n);
    mpq_mul(x, x, unit);
    mpz_clear(n);
    mpq_clear(half);
}

/* ---- where to look ---- */

/* The interval in which the outcome of a trial says that the constant lies; false when it says nothing. Nothing rests on it. */
static bool hint(mpq_t lo, mpq_t hi, const struct trials *t, const struct instance_result *x) {
    const struct opening *open = t->r->statement->open;
    const struct outcome *o = &x->result.outcome;
    struct interval v;
    bool known = false;
    if (open->side == 0 || !x->result.statement) return false;
    if (open->beside && strcmp(open->beside, "number") == 0) {
        mpq_set_z(lo, o->number_lo);
        mpq_set_z(hi, o->number_hi);
        return o->proposal == PROPOSAL_INTERVAL;
    }
    interval_init(&v);
    result_interval(&v, &x->result);
    known = v.has_lo && v.has_hi;
    mpq_set(lo, v.lo);
    mpq_set(hi, v.hi);
    if (!open->beside && open->side < 0) {   /* a slack: the constant less something below it */
        mpq_sub(lo, x->value, v.hi);
        mpq_sub(hi, x->value, v.lo);
    } else if (!open->beside) {
        mpq_add(lo, x->value, v.lo);
        mpq_add(hi, x->value, v.hi);
    }
    interval_clear(&v);
    return known;
}

/* Two neighbours of the kinds, what is unsettled left out, the nearest ones; either may come first. */
static bool neighbours(size_t *a, size_t *b, const struct trials *t, enum kind one, enum kind other) {
    mpq_t gap, best;
    bool found = false;
    mpq_inits(gap, best, NULL);
    for (size_t i = 0, last = t->n; i < t->n; i++) {
        enum kind k = kind_of(&t->x[i]);
        if (k == UNSETTLED) continue;
        enum kind before = last < t->n ? kind_of(&t->x[last]) : UNSETTLED;
        if ((before == one && k == other) || (before == other && k == one)) {
            mpq_sub(gap, t->x[i].value, t->x[last].value);
            if (!found || mpq_cmp(gap, best) < 0) *a = last, *b = i, mpq_set(best, gap);
            found = true;
        }
        last = i;
    }
    mpq_clears(gap, best, NULL);
    return found;
}

/* The two sides of what the first trial says, when it says it narrowly: first as near as can be, then strictly outside. */
static bool try_hint(struct trials *t) {
    int side = t->r->statement->open->side;
    mpq_t lo, hi, x, unit;
    size_t at, b;
    bool go = true;
    mpq_inits(lo, hi, x, unit, NULL);
    mpq_div_2exp(unit, t->within, 3);
    grid(unit, unit);
    bool narrow = hint(lo, hi, t, &t->x[0]);
    mpq_sub(x, hi, lo);
    mpq_mul_2exp(x, x, 1);
    narrow = narrow && mpq_cmp(x, t->within) <= 0;
    for (int strict = 0; go && narrow && strict < 2 && !neighbours(&at, &b, t, HOLDS, FAILS); strict++) {
        mpq_set(x, lo);
        to_grid(x, unit, -1, side > 0 && !strict);
        go = try(&at, t, x);
        mpq_set(x, hi);
        to_grid(x, unit, 1, side < 0 && !strict);
        go = go && try(&at, t, x);
    }
    mpq_clears(lo, hi, x, unit, NULL);
    return go;
}

static bool tried(const struct trials *t, const mpq_t value) {
    for (size_t i = 0; i < t->n; i++)
        if (mpq_equal(t->x[i].value, value)) return true;
    return false;
}

/* A short number between the two that was not tried. false: enough of them were unsettled. */
static bool between(mpq_t out, const struct trials *t, size_t a, size_t b) {
    static const unsigned eighths[UNDECIDED_MOST] = {4, 2, 6, 1, 7, 3, 5};
    mpq_t width, unit;
    bool found = false;
    if (b - a - 1 >= UNDECIDED_MOST) return false;
    mpq_inits(width, unit, NULL);
    mpq_sub(width, t->x[b].value, t->x[a].value);
    mpq_div_2exp(unit, width, 4);
    grid(unit, unit);
    for (size_t k = 0; !found && k < UNDECIDED_MOST; k++) {
        mpq_set_ui(out, eighths[k], 8);
        mpq_canonicalize(out);
        mpq_mul(out, out, width);
        mpq_add(out, out, t->x[a].value);
        to_grid(out, unit, 0, true);
        found = !tried(t, out);
    }
    mpq_clears(width, unit, NULL);
    return found;
}

/* Powers of ten, on both sides until one makes no claim. */
static bool probe(struct trials *t) {
    size_t at, a, b;
    mpq_t v;
    bool go = true, done[2] = {false, false};
    mpq_init(v);
    for (long k = 0; go && k <= FARTHEST && !neighbours(&a, &b, t, HOLDS, FAILS); k++)
        for (int side = 0; go && side < 2 && !neighbours(&a, &b, t, HOLDS, FAILS); side++) {
            if (done[side]) continue;
            ten(v, k);
            if (side) mpq_neg(v, v);
            go = try(&at, t, v);
            done[side] = go && kind_of(&t->x[at]) == NOTHING;
        }
    mpq_clear(v);
    return go;
}

/* Between a value that makes no claim and one that makes a claim may lie others. */
static bool probe_edges(struct trials *t) {
    size_t at, a, b;
    mpq_t v;
    bool go = true;
    mpq_init(v);
    for (int i = 0; go && i < 40 && !neighbours(&a, &b, t, HOLDS, FAILS); i++) {
        if (!neighbours(&a, &b, t, FAILS, NOTHING) && !neighbours(&a, &b, t, HOLDS, NOTHING)) break;
        if (!between(v, t, a, b)) break;
        go = try(&at, t, v);
    }
    mpq_clear(v);
    return go;
}

/* ---- the answer ---- */

static bool near_enough(const struct trials *t, size_t a, size_t b) {
    mpq_t gap;
    mpq_init(gap);
    mpq_sub(gap, t->x[b].value, t->x[a].value);
    bool good = mpq_cmp(gap, t->within) <= 0;
    mpq_clear(gap);
    return good;
}

static bool search(struct trials *t) {
    size_t at, a, b;
    mpq_t v;
    mpq_init(v);
    bool go = try(&at, t, v) && try_hint(t) && probe(t) && probe_edges(t);
    while (go && neighbours(&a, &b, t, HOLDS, FAILS) && !near_enough(t, a, b)) {
        go = between(v, t, a, b);
        if (!go) result_reason(t->r, t->x[a + 1].result.reason);
        go = go && try(&at, t, v);
    }
    mpq_clear(v);
    return go;
}

/* Why no two values were found. */
static void explain(struct trials *t) {
    size_t n[4] = {0};
    const char *unsettled = NULL;
    const struct result *error = NULL;
    struct text s;
    for (size_t i = 0; i < t->n; i++) {
        n[kind_of(&t->x[i])]++;
        if (kind_of(&t->x[i]) == UNSETTLED && !unsettled) unsettled = t->x[i].result.reason;
        if (t->x[i].result.verdict == VERDICT_ERROR) error = &t->x[i].result;
    }
    text_init(&s);
    text_addf(&s, "of %zu values of %s from ", t->n, t->r->statement->open->constant);
    number_add_text(&s, t->x[0].value);
    text_add(&s, " to ");
    number_add_text(&s, t->x[t->n - 1].value);
    text_addf(&s, " the claim holds for %zu, fails for %zu, is undecided for %zu, and is empty or no claim for %zu", n[HOLDS], n[FAILS], n[UNSETTLED], n[NOTHING]);
    if (unsettled) text_addf(&s, "; undecided: %s", unsettled);
    else if (error && n[HOLDS] + n[FAILS] == 0) text_addf(&s, "; %s", error->reason);
    if (!s.failed) result_reason(t->r, s.data);
    text_clear(&s);
}

static void finish(struct trials *t) {
    struct result *r = t->r;
    struct answer *answer = r->answer;
    size_t a, b;
    if (!neighbours(&a, &b, t, HOLDS, FAILS)) {
        if (!r->reason && t->n) explain(t);
        return;
    }
    size_t holds = kind_of(&t->x[a]) == HOLDS ? a : b, fails = holds == a ? b : a;
    mpq_set(answer->holds, t->x[holds].value);
    mpq_set(answer->fails, t->x[fails].value);
    answer->has_holds = answer->has_fails = true;
    enum verdict v = verdict_between(t->x[holds].result.verdict, t->x[fails].result.verdict, answer->holds, answer->fails, t->within);
    if (v == VERDICT_UNDECIDED) {
        if (!r->reason) result_reason(r, "the two values are not near enough");
        return;
    }
    if (open_add(r, &t->x[fails], "fails", t->j) != STATUS_OK) {
        r->status = STATUS_MEMORY;
        return;
    }
    open_take(r, &t->x[holds], t->j);
    r->verdict = v;
    free(r->reason);
    r->reason = NULL;
}

void judge_constant(struct result *r, const struct judge *j, struct diag *d) {
    struct trials t = {.r = r, .j = j};
    (void)d;
    r->answer = mem_array(1, sizeof *r->answer);
    if (!r->answer) {
        r->status = STATUS_MEMORY;
        return;
    }
    r->answer->opening = r->statement->open;
    mpq_inits(r->answer->holds, r->answer->fails, t.within, NULL);
    mpq_set(t.within, r->statement->open->within);
    search(&t);
    if (r->status == STATUS_OK) finish(&t);
    for (size_t i = 0; i < t.n; i++) open_clear(&t.x[i]);
    free(t.x);
    mpq_clear(t.within);
}
