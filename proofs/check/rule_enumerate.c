/* Rule enumerate: every binding, at growing precision where a comparison is not clear. */
#include "certificate.h"
#include "fast_queue.h"
#include "shares.h"
#include "symmetric.h"
#include <string.h>

#define BINDINGS_MOST ((uint64_t)1 << 40)

/* How a look does: where a later one had to settle a quarter or more of what it was asked, it is left out for a while, longer each time. */
struct trial { uint64_t asked, missed, rest, left; bool out; };
#define ASKED_LEAST 64
#define REST_MOST ((uint64_t)1 << 16)

static bool has_rest(struct trial *t) {
    if (t->left == 0) return false;
    t->left--;
    return true;
}

static void tell(struct trial *t, bool missed) {
    t->asked++;
    t->missed += missed;
    if (t->asked < ASKED_LEAST) return;
    bool again = t->rest > 0 && t->asked == ASKED_LEAST;
    t->out = t->missed * 4 >= t->asked;
    if (!t->out) return;
    *t = (struct trial){.rest = !again ? 1000 : t->rest < REST_MOST ? 2 * t->rest : REST_MOST, .out = true};
    t->left = t->rest;
}

/* Looks at one expression: first in 64-bit integers, then with rows of several sequences, then with wider rows, then by enclosures of growing precision. */
struct looks { const struct ex *x; struct trial first, lanes; };

struct scan { const struct symmetry *symmetry; struct looks where, predicate; struct fast fast, wide; struct queue queue; bool batch, need_all, all, holds; uint64_t bindings, cond, cond_open, yes, open; };

static enum tri decide(struct eval *e, struct scan *s, struct looks *l) {
    bool asks = !has_rest(&l->first);
    enum tri t = asks ? fast_decide(&s->fast, l->x) : OPEN;
    bool opens = t == OPEN, lanes = opens && s->batch;
    if (lanes) {
        s->wide.lanes = true;
        t = fast_decide(&s->wide, l->x);
        s->wide.lanes = false;
    }
    bool left = t == OPEN;
    if (left) t = fast_decide(&s->wide, l->x);
    if (asks) tell(&l->first, opens && t != OPEN);
    if (lanes) tell(&l->lanes, left && t != OPEN);
    return t != OPEN ? t : eval_decide(e, l->x);
}

/* n: how many bindings this one stands for */
static bool scan_binding(struct eval *e, struct scan *s, uint64_t n) {
    if (++s->bindings > BINDINGS_MOST) return eval_fail(e, "more than 2^40 bindings");
    enum tri where = s->holds ? YES : decide(e, s, &s->where), t = NO;
    if (e->fail.set) return false;
    if (where != NO) t = decide(e, s, &s->predicate);
    if (e->fail.set) return false;
    s->cond += where == YES ? n : 0;
    s->cond_open += where == OPEN ? n : 0;
    enum tri both = tri_and(where, t);
    s->yes += both == YES ? n : 0;
    s->open += both == OPEN ? n : 0;
    if (where != NO && t != YES) s->all = false;
    return s->all || !s->need_all;
}

/* How many bindings that of now stands for; 0: another one stands for it. */
static uint64_t weight(const struct eval *e, const struct scan *s) { return s->symmetry != NULL ? symmetry_weight(s->symmetry, e) : 1; }

/* All bindings that wait. The walk's own binding, if there is one, stands again afterwards. */
static bool scan_waiting(struct eval *e, struct scan *s) {
    const struct binds *b = s->queue.b;
    struct var *own = mem_get((size_t)b->n, sizeof *own);
    bool good = true, holds = s->holds;
    for (int i = 0; i < b->n; i++) own[i] = e->env[b->b[i].slot];
    queue_batch(&s->queue, &s->wide);
    s->batch = true;
    for (uint32_t k = 0; good && k < s->queue.n; k++) {
        s->holds = queue_take(&s->queue, k);
        good = scan_binding(e, s, weight(e, s));
    }
    s->batch = false;
    queue_forget(&s->queue);
    s->holds = holds;
    for (int i = 0; i < b->n; i++) e->env[b->b[i].slot] = own[i];
    mem_free(own);
    return good;
}

/* Bindings wait where the first look does not help and the one of several sequences may. */
static bool may_wait(struct scan *s) {
    struct looks *l = s->predicate.first.out ? &s->predicate : &s->where;
    return l->first.out && !has_rest(&l->lanes);
}

static bool scan_step(struct eval *e, void *arg) {
    struct scan *s = arg;
    uint64_t n = weight(e, s);
    if (n == 0) return true;
    bool waits = may_wait(s);
    if (s->queue.n > 0 && (!waits || !queue_fits(&s->queue)) && !scan_waiting(e, s)) return false;
    if (!waits) return scan_binding(e, s, n);
    queue_add(&s->queue, s->holds);
    return true;
}

/* What one share of the bindings gives. */
struct found { bool ran, all; uint64_t bindings, cond, cond_open, yes, open; char why[400]; };
struct whole { struct eval *e; const struct binds *b; const struct ex *where, *predicate; const struct symmetry *symmetry; bool need_all; };

/* what leaves bindings out: of symmetric ones, that their tokens do not fall, and the condition */
static const struct ex *left_out_by(const struct ex *where, const struct symmetry *symmetry) { return symmetry != NULL ? symmetry->where : where; }

static bool scan_part(uint32_t number, uint32_t parts, void *arg, void *result) {
    struct whole *w = arg;
    struct found *r = result;
    struct scan s = {.symmetry = w->symmetry, .where.x = w->where, .predicate.x = w->predicate, .need_all = w->need_all, .all = true};
    struct split split = {number, parts, 0};
    uint64_t skipped = 0;
    w->e->fail.set = false;
    w->e->p = precision[0];
    fast_init(&s.fast, w->e, false);
    fast_init(&s.wide, w->e, true);
    queue_init(&s.queue, w->e, w->b);
    bool whole = eval_each_where(w->e, w->b, left_out_by(w->where, w->symmetry), parts > 1 ? &split : NULL, &skipped, &s.holds, scan_step, &s) && scan_waiting(w->e, &s);
    queue_clear(&s.queue);
    fast_clear(&s.fast);
    fast_clear(&s.wide);
    if (w->symmetry != NULL) skipped = 0;
    *r = (struct found){whole || !w->e->fail.set, s.all, s.bindings + skipped, s.cond, s.cond_open, s.yes, s.open, ""};
    if (!r->ran) memcpy(r->why, w->e->fail.text, sizeof r->why);
    return whole;
}

static void add(mpz_t to, uint64_t v) { mpz_add_ui(to, to, v); }

static bool gather(struct tally *t, const struct found *r, const bool *have, uint32_t parts, struct fail *f) {
    t->all = true;
    for (uint32_t i = 0; i < parts; i++) {
        if (!have[i]) continue;
        if (!r[i].ran) return fail_at(f, 0, "%s", r[i].why);
        add(t->bindings, r[i].bindings);
        add(t->where, r[i].cond);
        add(t->where_open, r[i].cond_open);
        add(t->yes, r[i].yes);
        add(t->open, r[i].open);
        t->all = t->all && r[i].all;
    }
    return mpz_cmp_ui(t->bindings, BINDINGS_MOST) <= 0 ? true : fail_at(f, 0, "more than 2^40 bindings");
}

/* Few bindings are met by this process alone. Of many, every processor has a share. */
#define ALONE 5000

static bool count_step(struct eval *e, void *arg) {
    (void)e;
    return ++*(uint64_t *)arg <= ALONE;
}

static bool are_many(const struct whole *w) {
    uint64_t met = 0, skipped = 0;
    bool holds;
    w->e->fail.set = false;
    w->e->p = precision[0];
    (void)eval_each_where(w->e, w->b, left_out_by(w->where, w->symmetry), NULL, &skipped, &holds, count_step, &met);
    return met > ALONE;
}

bool rule_enumerate(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, const struct symmetry *symmetry, bool need_all, struct tally *t, struct fail *f) {
    struct found r[SHARES_MOST];
    bool have[SHARES_MOST], stopped;
    struct whole w = {e, symmetry != NULL ? symmetry->binds : b, where, predicate, symmetry, need_all};
    uint32_t parts = are_many(&w) ? shares_of_machine() : 1;
    memset(r, 0, sizeof r);
    if (!shares_run(parts, scan_part, &w, r, have, sizeof *r, &stopped)) return fail_at(f, 0, "a process with a share of the bindings ended early");
    bool good = gather(t, r, have, parts, f);
    if (good && symmetry != NULL) mpz_set_ui(t->bindings, symmetry->domain);
    return good;
}

/* quick: values are those of the faster looks, where these have them. */
struct average { struct scan scan; bool quick; const struct ex *where, *value; unsigned p; struct num v, sum; uint64_t n; };

static bool quick_value(struct average *a) {
    return a->quick && (fast_value(&a->scan.wide, a->value, a->p, &a->v) || fast_value(&a->scan.fast, a->value, a->p, &a->v));
}

static bool average_step(struct eval *e, void *arg) {
    struct average *a = arg;
    uint64_t n = weight(e, &a->scan);
    if (n == 0) return true;
    if (++a->scan.bindings > BINDINGS_MOST) return eval_fail(e, "more than 2^40 bindings");
    enum tri where = a->quick ? decide(e, &a->scan, &a->scan.where) : eval_decide(e, a->where);
    if (e->fail.set) return false;
    if (where == OPEN) return eval_fail(e, "the condition of an average is unsettled");
    if (where == NO) return true;
    if (!quick_value(a) && !eval_value(e, a->value, a->p, &a->v)) return false;
    if (n > 1) {
        struct num times;
        num_init(&times);
        num_set_int(&times, (int64_t)n);
        num_mul(&a->v, &a->v, &times, a->p);
        num_clear(&times);
    }
    num_add(&a->sum, &a->sum, &a->v, a->p);
    a->n += n;
    return true;
}

/* Is sum / n in [lo, hi]? All ends are exact; n >= 1. */
static bool mean_inside(const struct num *sum, uint64_t n, unsigned p, const mpq_t lo, const mpq_t hi) {
    mpq_t a, b;
    mpq_inits(a, b, NULL);
    if (sum->kind == K_REAL) {
        mpq_set_z(a, LO(sum));
        mpq_set_z(b, HI(sum));
        mpq_div_2exp(a, a, p);
        mpq_div_2exp(b, b, p);
    } else {
        mpq_set(a, sum->q);
        mpq_set(b, sum->q);
    }
    mpq_t count;
    mpq_init(count);
    mpz_set_ui(mpq_numref(count), n);
    mpq_div(a, a, count);
    mpq_div(b, b, count);
    bool good = mpq_cmp(lo, a) <= 0 && mpq_cmp(b, hi) <= 0;
    mpq_clears(a, b, count, NULL);
    return good;
}

bool rule_average(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *value, const struct symmetry *symmetry, const mpq_t lo, const mpq_t hi, mpz_t bindings, struct fail *f) {
    bool good = false;
    for (int i = -1; i < PRECISIONS && !good; i++) {
        struct average a = {.scan = {.symmetry = symmetry, .where.x = where}, .quick = i < 0, .where = where, .value = value, .p = precision[i < 0 ? 0 : i]};
        num_init(&a.v);
        num_init(&a.sum);
        fast_init(&a.scan.fast, e, false);
        fast_init(&a.scan.wide, e, true);
        e->fail.set = false;
        e->p = a.p;
        uint64_t skipped = 0;
        bool holds, ran = symmetry != NULL ? eval_each_where(e, symmetry->binds, symmetry->where, NULL, &skipped, &holds, average_step, &a) : eval_each(e, b, average_step, &a);
        good = ran && a.n > 0 && mean_inside(&a.sum, a.n, a.p, lo, hi);
        mpz_set_ui(bindings, symmetry != NULL ? symmetry->domain : a.scan.bindings);
        fast_clear(&a.scan.fast);
        fast_clear(&a.scan.wide);
        num_clear(&a.v);
        num_clear(&a.sum);
        if (ran && a.n == 0) return fail_at(f, 0, "no binding satisfies the condition");
    }
    return good ? true : fail_at(f, 0, "%s", e->fail.set ? e->fail.text : "the mean is not in this interval");
}
