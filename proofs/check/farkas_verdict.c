/* What a verdict over a box rests on: steps that exclude something everywhere, and a point (FORMAT.md §2, §3). */
#include "farkas_query.h"
#include <string.h>

/* excluded: steps show that it has the truth excluded_is nowhere that the condition holds (NULL: that the condition holds nowhere). at: at the point, of the line `point`, it has
 * the truth at_is and the condition holds; antecedents: of the subject hold there too. */
struct task {
    const struct binds *binds; const struct ex *where, *subject;
    bool excludes, excluded_is, at_is, antecedents;
    const struct ex *excluded, *at; const struct binding *point;
};

/* NAME=V: a point of the box */
static bool read_point(struct query *q, const char *name, const struct binding *b, mpq_t *v) {
    const char *at = b->s, *end = b->s + b->n;
    size_t n = strlen(name);
    q->l.line = b->line;
    if (b->n < n + 2 || memcmp(at, name, n) != 0 || at[n] != '=') return query_refuse(q, "a value of the variable was expected");
    at += n + 1;
    if (q->p.n == 1 && end[-1] != ',') return query_refuse(q, "not a vector of the network's inputs");
    if (q->p.n == 1) end--;
    if (!rationals_read(at, (size_t)(end - at), ',', v, q->p.n)) return query_refuse(q, "not a vector of the network's inputs");
    for (size_t i = 0; i < q->p.n; i++)
        if (mpq_cmp(v[i], q->lo[i]) < 0 || mpq_cmp(v[i], q->hi[i]) > 0) return query_refuse(q, "the vector is not in the box");
    return true;
}

/* The units at the point are exact, or enclosed more and more narrowly. */
static bool holds_at(struct query *q, const struct ex *x, bool truth, mpq_t *v, const char *what) {
    struct dnf d;
    if (!query_dnf(q, x, truth, &d)) return false;
    for (unsigned bits = 64; bits <= (q->p.smooth ? 512 : 64); bits *= 2) {
        if (!pieces_run(&q->p, v, bits)) return query_refuse(q, "a unit has no value at the point");
        if (dnf_holds(q, &d, (const mpq_t *)v)) return true;
    }
    return query_refuse(q, what);
}

static bool judge_point(struct query *q, const struct task *t) {
    mpq_t *v = vector_new(2 * q->p.size);
    bool good = read_point(q, t->binds->b[0].name, t->point, v);
    good = good && holds_at(q, t->where, true, v, "the condition does not hold there");
    good = good && (t->at == NULL || holds_at(q, t->at, t->at_is, v, t->at_is ? "it does not hold there" : "the predicate does not fail there"));
    for (const struct ex *p = t->subject; good && t->antecedents && p->kind == EX_IMPLIES; p = p->k[1]) good = holds_at(q, p->k[0], true, v, "the antecedent does not hold at the witness");
    vector_free(v, 2 * q->p.size);
    return good;
}

static bool judge_task(const struct certificate *c, struct eval *e, const struct task *t, struct fail *f) {
    struct query q;
    struct dnf where, never, both;
    bool good = query_begin(&q, c, e, t->binds, t->where, t->subject, f);
    if (good && t->excludes)
        good = query_dnf(&q, t->where, true, &where) && query_dnf(&q, t->excluded, t->excluded == NULL || t->excluded_is, &never) && dnf_both(&q, &where, &never, &both) && query_nowhere(&q, &both);
    if (good && !t->excludes && c->n_steps > 0) good = fail_at(f, c->steps[0].line, "line 'step' does not belong here");
    good = good && (t->point == NULL || judge_point(&q, t));
    query_end(&q);
    return good;
}

bool farkas_prove(const struct certificate *c, struct eval *e, struct fail *f) {
    const struct stmt *s = e->s;
    const struct ex *x = s->subject;
    bool some = s->closed && x->kind == EX_EXISTS;
    if (s->closed && !some) return fail_at(f, c->rule_line, "rule farkas: a closed claim that is not 'exists'");
    struct task t = {.binds = some ? &x->binds : &s->binds, .where = some ? x->where : s->where, .subject = some ? x->k[0] : x};
    switch (c->verdict) {
    case PROVED:
        t.point = &c->witness;
        t.excludes = t.antecedents = !some;
        t.excluded = t.subject;
        t.at = some ? t.subject : NULL;
        t.at_is = true;
        break;
    case REFUTED:
        t.point = some ? NULL : &c->counterexample;
        t.excludes = t.excluded_is = some;
        t.at = t.excluded = t.subject;
        break;
    case VACUOUS:
        if (some) return fail_at(f, c->verdict_line, "vacuous needs a binder");
        t.excludes = true;
        break;
    case BOUNDED: return fail_at(f, c->verdict_line, "this verdict does not fit the claim");
    }
    return judge_task(c, e, &t, f);
}

bool farkas_optimum(const struct certificate *c, struct eval *e, const struct ex *bound, const struct ex *attained, struct fail *f) {
    const struct stmt *s = e->s;
    struct task t = {.binds = &s->binds, .where = s->where, .subject = s->subject, .excludes = true, .excluded = bound, .at = attained, .at_is = true};
    if (bound != NULL) t.point = &c->attains;
    return judge_task(c, e, &t, f);
}
