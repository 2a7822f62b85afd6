/* Rule enumerate: every binding, at growing precision where a comparison is not clear. */
#include "certificate.h"
#include "fast.h"

#define BINDINGS_MOST ((uint64_t)1 << 40)

struct scan { const struct ex *where, *predicate; struct fast fast; bool need_all, all; uint64_t bindings, cond, cond_open, yes, open; };

/* first in 64-bit integers, then by enclosures of growing precision */
static enum tri decide(struct eval *e, struct fast *f, const struct ex *x) {
    enum tri t = fast_decide(f, x);
    return t != OPEN ? t : eval_decide(e, x);
}

static bool scan_step(struct eval *e, void *arg) {
    struct scan *s = arg;
    if (++s->bindings > BINDINGS_MOST) return eval_fail(e, "more than 2^40 bindings");
    enum tri where = decide(e, &s->fast, s->where), t = NO;
    if (e->fail.set) return false;
    if (where != NO) t = decide(e, &s->fast, s->predicate);
    if (e->fail.set) return false;
    s->cond += where == YES;
    s->cond_open += where == OPEN;
    enum tri both = tri_and(where, t);
    s->yes += both == YES;
    s->open += both == OPEN;
    if (where != NO && t != YES) s->all = false;
    return s->all || !s->need_all;
}

bool rule_enumerate(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, struct tally *t, struct fail *f) {
    struct scan s = {.where = where, .predicate = predicate, .need_all = need_all, .all = true};
    e->fail.set = false;
    e->p = precision[0];
    fast_init(&s.fast, e);
    bool ran = eval_each(e, b, scan_step, &s);
    fast_clear(&s.fast);
    if (!ran && e->fail.set) return fail_at(f, 0, "%s", e->fail.text);
    mpz_set_ui(t->bindings, s.bindings);
    mpz_set_ui(t->where, s.cond);
    mpz_set_ui(t->where_open, s.cond_open);
    mpz_set_ui(t->yes, s.yes);
    mpz_set_ui(t->open, s.open);
    t->all = s.all;
    return true;
}

struct average { const struct ex *where, *value; unsigned p; struct num v, sum; uint64_t bindings, n; };

static bool average_step(struct eval *e, void *arg) {
    struct average *a = arg;
    if (++a->bindings > BINDINGS_MOST) return eval_fail(e, "more than 2^40 bindings");
    enum tri where = eval_decide(e, a->where);
    if (e->fail.set) return false;
    if (where == OPEN) return eval_fail(e, "the condition of an average is unsettled");
    if (where == NO) return true;
    if (!eval_value(e, a->value, a->p, &a->v)) return false;
    num_add(&a->sum, &a->sum, &a->v, a->p);
    a->n++;
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

bool rule_average(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *value, const mpq_t lo, const mpq_t hi, mpz_t bindings, struct fail *f) {
    bool good = false;
    for (int i = 0; i < PRECISIONS && !good; i++) {
        struct average a = {.where = where, .value = value, .p = precision[i]};
        num_init(&a.v);
        num_init(&a.sum);
        e->fail.set = false;
        bool ran = eval_each(e, b, average_step, &a);
        good = ran && a.n > 0 && mean_inside(&a.sum, a.n, a.p, lo, hi);
        mpz_set_ui(bindings, a.bindings);
        num_clear(&a.v);
        num_clear(&a.sum);
        if (ran && a.n == 0) return fail_at(f, 0, "no binding satisfies the condition");
    }
    return good ? true : fail_at(f, 0, "%s", e->fail.set ? e->fail.text : "the mean is not in this interval");
}
