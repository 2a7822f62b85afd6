/* bodies.c: what the solver finds for claims that ask for a number. Inputs are taken one after the other, evaluated exactly and excluded, until the solver finds no more; optima by bisection.
 * That there is no more is its word alone: the outcome is for the checker to evaluate on the whole domain (rule enumerate), or the claim stays undecided. */
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/smt/hunt.h"

#define FOUND_MOST 1000      /* inputs that are listed one by one */
#define QUERIES_MOST 400
#define DIRECT_MOST 16       /* queries below the best value found, before bisection */
#define PREC 256

enum finish { FINISH_ALL, FINISH_LIMIT, FINISH_UNKNOWN };
struct taken { struct hunt h; size_t n, open; struct binding *items; size_t room; arb_t sum; bool values, known; enum finish finish; };

static enum truth joined(enum truth a, enum truth b) { return a == TRUTH_FALSE || b == TRUTH_FALSE ? TRUTH_FALSE : a == TRUTH_TRUE && b == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_UNSETTLED; }

static enum status keep_item(struct taken *t)
{
    struct binding *grown = mem_grow(t->items, &t->room, t->n + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    t->items = grown;
    memset(&grown[t->n], 0, sizeof *grown);
    return binding_read(&grown[t->n], t->h.binds, tiers_fast(t->h.tiers));
}

static enum status add_value(struct taken *t)
{
    arb_t v;
    arb_init(v);
    enum status s = tiers_real(v, t->h.tiers, t->h.s->subject, 80, t->h.d);
    t->known = t->known && s == STATUS_OK && arb_is_finite(v);
    arb_add(t->sum, t->sum, v, PREC);
    arb_clear(v);
    return s;
}

/* Is the input at hand one that counts? */
static enum status is_one(enum truth *out, const struct taken *t, bool subject)
{
    const struct statement *s = t->h.s;
    enum truth where = TRUTH_TRUE, here = TRUTH_TRUE;
    enum status status = s->where ? tiers_truth(&where, t->h.tiers, s->where, t->h.d) : STATUS_OK;
    if (status == STATUS_OK && subject && where != TRUTH_FALSE) status = tiers_truth(&here, t->h.tiers, s->subject, t->h.d);
    *out = joined(where, here);
    return status;
}

static void taken_clear(struct taken *t)
{
    for (size_t i = 0; i < t->n && t->items; i++) binding_clear(&t->items[i]);
    free(t->items);
    arb_clear(t->sum);
    hunt_close(&t->h);
}

/* All inputs at which the condition holds, and the subject when it is asked for; `most` at most. */
static enum status take_all(struct taken *t, const struct statement *s, bool subject, bool items, bool values, size_t most, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    enum solver_word word = SOLVER_SAT;
    enum truth here;
    memset(t, 0, sizeof *t);
    arb_init(t->sum);
    t->values = values;
    t->known = true;
    enum status status = hunt_open(&t->h, s, subject ? SMT_WHOLE : SMT_CONDITION, tiers, l, d);
    while (status == STATUS_OK && t->n + t->open < most && t->h.asked < 2 * FOUND_MOST) {
        status = hunt_ask(&word, &t->h, NULL);
        if (status != STATUS_OK || word != SOLVER_SAT) break;
        status = is_one(&here, t, subject);
        if (status == STATUS_OK && here == TRUTH_FALSE) hunt_refine(&t->h);
        if (status == STATUS_OK && here == TRUTH_UNSETTLED) t->open++;
        if (status != STATUS_OK || here != TRUTH_TRUE) continue;
        if (items) status = keep_item(t);
        if (status == STATUS_OK && values) status = add_value(t);
        if (status == STATUS_OK) t->n++;
    }
    t->finish = word == SOLVER_UNSAT ? FINISH_ALL : word == SOLVER_SAT ? FINISH_LIMIT : FINISH_UNKNOWN;
    return status;
}

static enum status stopped(struct outcome *out, const struct taken *t)
{
    if (t->finish == FINISH_UNKNOWN) return hunt_no_verdict(out, "the solver does not know", t->h.reason);
    struct text x;
    text_init(&x);
    text_addf(&x, "%zu inputs were found one by one, there are more", t->n);
    enum status s = x.failed ? STATUS_MEMORY : hunt_no_verdict(out, x.data, NULL);
    text_clear(&x);
    return s;
}

static int by_binding(const void *a, const void *b) { return binding_compare(a, b); }

static enum status give_items(struct outcome *out, struct taken *t, bool all)
{
    if (t->n) qsort(t->items, t->n, sizeof *t->items, by_binding);
    out->items = t->items;
    out->n_items = t->n;
    t->items = NULL;
    out->items_complete = all;
    out->rule = all ? "enumerate" : "point";
    out->proposal = PROPOSAL_INTERVAL;
    return STATUS_OK;
}

/* How many satisfy the condition; of all when there is none. none: the condition holds nowhere. */
static enum status total_of(mpz_t total, bool *done, struct outcome *out, const struct statement *s, const mpz_t size, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    struct taken t;
    *done = true;
    mpz_set(total, size);
    if (!s->where) return STATUS_OK;
    enum status status = take_all(&t, s, false, false, false, FOUND_MOST, tiers, l, d);
    if (status == STATUS_OK && (t.finish != FINISH_ALL || t.open)) {
        *done = false;
        status = t.open ? hunt_no_verdict(out, "the condition is not settled at some inputs", NULL) : stopped(out, &t);
    }
    mpz_set_ui(total, t.n);
    taken_clear(&t);
    return status;
}

static enum status vacuous(struct outcome *out)
{
    out->rule = "enumerate";
    out->proposal = PROPOSAL_VACUOUS;
    return STATUS_OK;
}

enum status hunt_count(struct outcome *out, const struct statement *s, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    struct taken t;
    mpz_t size, total;
    bool done = true, list = s->body == BODY_LIST;
    size_t most = list && s->has_at_most && s->at_most < FOUND_MOST ? s->at_most : FOUND_MOST;
    mpz_inits(size, total, NULL);
    enum status status = take_all(&t, s, true, list, false, most, tiers, l, d);
    if (status != STATUS_OK) goto done;
    if (list && t.n == most && s->has_at_most && t.n > 0) status = give_items(out, &t, false);
    else if (t.finish != FINISH_ALL) status = stopped(out, &t);
    else if (t.open) status = hunt_no_verdict(out, "some inputs are not settled", NULL);
    else if (!hunt_few(size, &t.h)) status = hunt_no_verdict(out, "the solver says that there are no more than those it found, which is no proof, and there are too many inputs to evaluate", NULL);
    else {
        status = total_of(total, &done, out, s, size, tiers, l, d);
        if (status != STATUS_OK || !done) goto done;
        out->rule = "enumerate";
        if (mpz_sgn(total) == 0) status = vacuous(out);
        else if (list) status = give_items(out, &t, true);
        else {
            mpz_set_ui(out->number_lo, t.n), mpz_set_ui(out->number_hi, t.n);
            mpz_set(out->total_lo, total), mpz_set(out->total_hi, total);
            out->proposal = PROPOSAL_INTERVAL;
        }
    }
done:
    taken_clear(&t);
    mpz_clears(size, total, NULL);
    return status;
}

static void within_of(mpq_t out, const struct statement *s)
{
    if (s->has_within && mpq_sgn(s->within) > 0) mpq_set(out, s->within);
    else mpq_set_ui(out, 1, 1000000);
    mpq_div_2exp(out, out, 3);
}

/* Ends on a grid of 2^-48, or finer when within asks for it. */
static void set_ends(struct outcome *out, const mpq_t lo, const mpq_t hi, const mpq_t room)
{
    double w = mpq_get_d(room);
    unsigned bits = w > 0x1p-40 ? 48 : w > 0x1p-400 ? 480 : 1100;
    mpq_sub(out->lo, lo, room), mpq_add(out->hi, hi, room);
    for (int k = 0; k < 2; k++) {
        mpq_ptr x = k ? out->hi : out->lo;
        mpz_mul_2exp(mpq_numref(x), mpq_numref(x), bits);
        (k ? mpz_cdiv_q : mpz_fdiv_q)(mpq_numref(x), mpq_numref(x), mpq_denref(x));
        mpz_ui_pow_ui(mpq_denref(x), 2, bits);
        mpq_canonicalize(x);
    }
    out->has_value = true;
    out->rule = "enumerate";
    out->proposal = PROPOSAL_INTERVAL;
}

enum status hunt_average(struct outcome *out, const struct statement *s, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    struct taken t;
    mpz_t size;
    mpq_t lo, hi, room;
    mpz_init(size);
    mpq_inits(lo, hi, room, NULL);
    enum status status = take_all(&t, s, false, false, true, FOUND_MOST, tiers, l, d);
    if (status == STATUS_OK && t.finish != FINISH_ALL) status = stopped(out, &t);
    else if (status == STATUS_OK && (t.open || !t.known)) status = hunt_no_verdict(out, "a condition or a value is not settled", NULL);
    else if (status == STATUS_OK && !hunt_few(size, &t.h)) status = hunt_no_verdict(out, "there are too many inputs to evaluate", NULL);
    else if (status == STATUS_OK && t.n == 0) status = vacuous(out);
    else if (status == STATUS_OK) {
        arb_div_ui(t.sum, t.sum, t.n, PREC);
        ball_ends(lo, hi, t.sum, 200);
        within_of(room, s);
        set_ends(out, lo, hi, room);
    }
    taken_clear(&t);
    mpz_clear(size);
    mpq_clears(lo, hi, room, NULL);
    return status;
}

/* ---- optima ---- */

/* In the order of minimize: of maximize everything is turned around. best: the least end above a value that was found; low: no value is below, by the solver's word.
 * bottom: the least lower end that was met: below best where executions in float32 differ. */
struct descent { struct hunt h; bool found, low_known, maximize; mpq_t best, low, bottom, room; enum solver_word last; };

/* The value at the input at hand: best, and where. */
static enum status meet(struct descent *x, struct outcome *out)
{
    const struct statement *s = x->h.s;
    enum truth where = TRUTH_TRUE;
    arb_t v;
    mpq_t lo, hi;
    arb_init(v);
    mpq_inits(lo, hi, NULL);
    enum status status = s->where ? tiers_truth(&where, x->h.tiers, s->where, x->h.d) : STATUS_OK;
    if (status == STATUS_OK && where == TRUTH_TRUE) status = tiers_real(v, x->h.tiers, s->subject, 100, x->h.d);
    if (status == STATUS_OK && where == TRUTH_TRUE && arb_is_finite(v)) {
        if (x->maximize) arb_neg(v, v);
        ball_ends(lo, hi, v, 256);
        if (!x->found || mpq_cmp(lo, x->bottom) < 0) mpq_set(x->bottom, lo);
        if (!x->found || mpq_cmp(hi, x->best) < 0) {
            mpq_set(x->best, hi);
            x->found = true;
            binding_clear(&out->attains);
            status = binding_read(&out->attains, x->h.binds, tiers_fast(x->h.tiers));
        }
    } else if (status == STATUS_OK)
        hunt_refine(&x->h);
    arb_clear(v);
    mpq_clears(lo, hi, NULL);
    return status;
}

/* Is there a value of at most c? */
static enum status ask_below(struct descent *x, struct outcome *out, const mpq_t c)
{
    struct smt *m = &x->h.m;
    mpq_t q;
    mpq_init(q);
    if (x->maximize) mpq_neg(q, c);
    else mpq_set(q, c);
    const char *truth = term_compare(m, x->maximize ? OPER_GE : OPER_LE, m->value, entry_number(m, q));
    mpq_clear(q);
    enum status s = m->status == STATUS_OK ? hunt_ask(&x->last, &x->h, truth) : m->status;
    return s == STATUS_OK && x->last == SOLVER_SAT ? meet(x, out) : s;
}

/* Between low and best until they are close: the values of all inputs met are at least best, and those of all others above low. */
static enum status descend(struct descent *x, struct outcome *out)
{
    double low, high;
    mpq_t c, step;
    enum status s = hunt_ask(&x->last, &x->h, NULL);
    if (s == STATUS_OK && x->last == SOLVER_SAT) s = meet(x, out);
    entry_ends(&low, &high, &x->h.m.value);
    if (x->maximize) low = -high;
    mpq_inits(c, step, NULL);
    x->low_known = low >= -1e300 && low <= 1e300;
    if (x->low_known) mpq_set_d(x->low, low);
    mpq_set_ui(step, 1, 1);
    while (s == STATUS_OK && x->last != SOLVER_UNKNOWN && x->h.asked < QUERIES_MOST) {
        mpq_sub(c, x->best, x->low);
        if (x->found && x->low_known && mpq_cmp(c, x->room) <= 0) break;
        if (!x->found && x->last == SOLVER_UNSAT) break;
        if (!x->found) {
            s = hunt_ask(&x->last, &x->h, NULL);
            if (s == STATUS_OK && x->last == SOLVER_SAT) s = meet(x, out);
            continue;
        }
        if (x->h.asked < DIRECT_MOST) mpq_sub(c, x->best, x->room);     /* the last answer of these settles it */
        else if (x->low_known) mpq_add(c, x->best, x->low), mpq_div_2exp(c, c, 1);
        else mpq_sub(c, x->best, step), mpq_mul_2exp(step, step, 1);
        s = ask_below(x, out, c);
        if (s == STATUS_OK && x->last == SOLVER_UNSAT) mpq_set(x->low, c), x->low_known = true;
    }
    mpq_clears(c, step, NULL);
    return s;
}

/* Down to where some execution may be, at the inputs met and at those that are not better by as much as is asked for; true: that is further than asked. */
static bool executions_differ(struct descent *x)
{
    mpq_t width;
    mpq_init(width);
    mpq_sub(x->bottom, x->bottom, x->room);
    if (!x->low_known || mpq_cmp(x->bottom, x->low) < 0) mpq_set(x->low, x->bottom);
    x->low_known = true;
    mpq_sub(width, x->best, x->low);
    mpq_mul_2exp(x->bottom, x->room, 3);
    bool wide = mpq_cmp(width, x->bottom) > 0;
    mpq_clear(width);
    return wide;
}

enum status hunt_optimum(struct outcome *out, const struct statement *s, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    struct descent x = {.maximize = s->body == BODY_MAXIMIZE};
    mpz_t size;
    mpz_init(size);
    mpq_inits(x.best, x.low, x.bottom, x.room, NULL);
    within_of(x.room, s);
    enum status status = hunt_open(&x.h, s, SMT_VALUE, tiers, l, d);
    if (status == STATUS_OK) status = descend(&x, out);
    if (status != STATUS_OK) goto done;
    bool few = hunt_few(size, &x.h), wide = s->semantics == SEMANTICS_FLOAT32 && x.found && executions_differ(&x);
    if (x.found && x.last == SOLVER_UNKNOWN) status = hunt_no_verdict(out, "the solver does not know", x.h.reason);
    else if (!x.found) status = x.last == SOLVER_UNSAT && few ? vacuous(out) : hunt_no_verdict(out, "the solver does not know", x.h.reason);
    else if (wide) status = hunt_no_verdict(out, "the certified interval is wider than asked: the executions of float32 differ by more; ask for a wider `within`", NULL);
    else if (!few) status = hunt_no_verdict(out, "the solver says that no value lies beyond the one found, which is no proof, and there are too many inputs to evaluate", NULL);
    else if (x.maximize) {
        mpq_neg(x.best, x.best), mpq_neg(x.low, x.low);
        set_ends(out, x.best, x.low, x.room);
    } else
        set_ends(out, x.low, x.best, x.room);
done:
    hunt_close(&x.h);
    mpz_clear(size);
    mpq_clears(x.best, x.low, x.bottom, x.room, NULL);
    return status;
}
