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

/* A vector of the box. */
static bool read_point(struct query *q, const struct binding *b, mpq_t *v) {
    size_t n = b->n;
    q->l.line = b->line;
    if (q->p.n == 1 && (n == 0 || b->s[n - 1] != ',')) return query_refuse(q, "not a vector of the network's inputs");
    if (q->p.n == 1) n--;
    if (!rationals_read(b->s, n, ',', v, q->p.n)) return query_refuse(q, "not a vector of the network's inputs");
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

static bool holds_there(struct query *q, const struct task *t, const struct binding *vector) {
    mpq_t *v = vector_new(2 * q->p.size);
    bool good = read_point(q, vector, v);
    good = good && holds_at(q, t->where, true, v, "the condition does not hold there");
    good = good && (t->at == NULL || holds_at(q, t->at, t->at_is, v, t->at_is ? "it does not hold there" : "the predicate does not fail there"));
    for (const struct ex *p = t->subject; good && t->antecedents && p->kind == EX_IMPLIES; p = p->k[1]) good = holds_at(q, p->k[0], true, v, "the antecedent does not hold at the witness");
    vector_free(v, 2 * q->p.size);
    return good;
}

struct judging { const struct certificate *c; const struct task *t; struct fail *f; struct binds outer; size_t next; };

static bool judge_point(struct judging *j, struct eval *e) {
    struct query q;
    struct arena arena = {0};
    struct binding vector;
    struct linear l = {.rule = "farkas", .e = e, .f = j->f};
    bool good = linear_binding(&l, &arena, j->t->point, &j->outer, j->t->binds->b[j->outer.n].name, &vector);
    if (good) {
        good = query_begin(&q, j->c, e, j->t->binds, j->t->where, j->t->subject, j->f) && holds_there(&q, j->t, &vector);
        query_end(&q);
    }
    binding_unset(e, &j->outer);
    arena_free(&arena);
    return good;
}

/* The other variables have their values: nowhere in the box. */
static bool excludes(struct eval *e, void *arg) {
    struct judging *j = arg;
    const struct task *t = j->t;
    struct query q;
    struct dnf where, never, both;
    bool good = query_begin(&q, j->c, e, t->binds, t->where, t->subject, j->f) && query_dnf(&q, t->where, true, &where)
        && query_dnf(&q, t->excluded, t->excluded == NULL || t->excluded_is, &never) && dnf_both(&q, &where, &never, &both) && query_nowhere(&q, &both, &j->next);
    query_end(&q);
    return good;
}

static bool judge_task(const struct certificate *c, struct eval *e, const struct task *t, struct fail *f) {
    struct judging j = {.c = c, .t = t, .f = f};
    if (t->binds->n < 1) return fail_at(f, c->rule_line, "rule farkas: no variable");
    j.outer = (struct binds){t->binds->b, t->binds->n - 1};
    bool good = true;
    e->fail.set = false;
    if (t->excludes) good = eval_each(e, &j.outer, excludes, &j);
    if (!good && !f->set) return fail_at(f, c->rule_line, "%s", e->fail.set ? e->fail.text : "a set was expected");
    if (good && j.next != c->n_steps) good = fail_at(f, c->steps[j.next].line, "a line 'step' too many, or one that does not belong here");
    return good && (t->point == NULL || judge_point(&j, e));
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
    if (s->binds.n != 1) return fail_at(f, c->rule_line, "rule farkas: a minimum or maximum with more than one variable");
    struct task t = {.binds = &s->binds, .where = s->where, .subject = s->subject, .excludes = true, .excluded = bound, .at = attained, .at_is = true};
    if (bound != NULL) t.point = &c->attains;
    return judge_task(c, e, &t, f);
}
