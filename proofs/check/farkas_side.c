/* Sides of comparisons over a box: sums of forms and of largest and smallest of sides, and when such a sum is positive (FORMAT.md §3, rule farkas). */
#include "farkas_query.h"
#include <string.h>

static mpq_t *vector_kept(struct query *q) {
    if (q->n_vectors == q->vectors_room) {
        q->vectors = mem_grow(q->vectors, q->vectors_room, 2 * q->vectors_room + 16, sizeof *q->vectors);
        q->vectors_room = 2 * q->vectors_room + 16;
    }
    return q->vectors[q->n_vectors++] = vector_new(q->p.size);
}

static void side_take(struct query *q, struct side *s, const struct choice *c) {
    struct choice *more = arena_get(&q->arena, s->n + 1, sizeof *more);
    if (s->n > 0) memcpy(more, s->choice, s->n * sizeof *more);
    more[s->n] = *c;
    s->choice = more;
    s->n++;
}

/* ---- reading ---- */

static struct side *new_side(struct query *q, struct choice *c) {
    struct side *more = arena_get(&q->arena, c->n + 1, sizeof *more);
    if (c->n > 0) memcpy(more, c->of, c->n * sizeof *more);
    more[c->n] = (struct side){.v = vector_kept(q)};
    c->of = more;
    return &c->of[c->n++];
}

/* factor times the expression is one more side to choose from */
static bool alternative(struct query *q, struct choice *c, const struct ex *x, const mpq_t factor) {
    struct side *outer = q->side, *s = new_side(q, c);
    q->side = s;
    bool good = linear_add(&q->l, x, factor, s->v);
    q->side = outer;
    return good;
}

static bool alternatives(struct query *q, struct choice *c, const struct ex *x, const mpq_t factor) {
    bool vector = x->n == 1 && (is_call(x->k[0], FN_OUTPUT) || is_call(x->k[0], FN_NODE));
    const struct ex *list = x->n == 1 && x->k[0]->kind == EX_LIST ? x->k[0] : x;
    mpq_t **row;
    size_t width;
    if (!vector && list == x && x->n < 2) return query_refuse(q, "the largest or smallest of something that is no list and no row of the network");
    if (!vector) {
        for (int i = 0; i < list->n; i++)
            if (!alternative(q, c, list->k[i], factor)) return false;
        return true;
    }
    if (!query_rows(q, x->k[0], &row, &width)) return false;
    for (size_t i = 0; i < width; i++) vector_add(new_side(q, c)->v, (const mpq_t *)row[i], factor, q->p.size);
    return true;
}

struct folding { struct query *q; const struct ex *x; mpq_srcptr factor; mpq_t *sum; struct choice *c; };

static bool fold_step(struct eval *e, void *arg) {
    struct folding *a = arg;
    enum tri t = eval_decide(e, a->x->where);
    mpq_t factor;
    if (e->fail.set) return linear_says(&a->q->l);
    if (t == OPEN) return query_refuse(a->q, "the condition of a quantifier is unsettled");
    if (t == NO) return true;
    mpq_init(factor);
    mpq_set(factor, a->factor);
    bool good = a->sum != NULL ? linear_add(&a->q->l, a->x->k[0], factor, a->sum) : alternative(a->q, a->c, a->x->k[0], factor);
    mpq_clear(factor);
    return good;
}

static bool fold(struct query *q, const struct ex *x, const mpq_t factor, mpq_t *sum, struct choice *c) {
    struct folding a = {q, x, factor, sum, c};
    if (x->where != NULL && !linear_plain(&q->l, x->where)) return query_refuse(q, "the condition of a quantifier reads the vector");
    bool good = eval_each(q->l.e, &x->binds, fold_step, &a);
    return good || q->l.f->set ? good : linear_says(&q->l);
}

static bool absolute(struct query *q, struct choice *c, const struct ex *x, const mpq_t factor) {
    mpq_t minus;
    mpq_init(minus);
    mpq_neg(minus, factor);
    bool good = alternative(q, c, x->k[0], factor) && alternative(q, c, x->k[0], minus);
    mpq_clear(minus);
    return good;
}

bool side_choice(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out) {
    struct query *q = (struct query *)l; /* which begins with it */
    bool quant = x->kind == EX_QUANT, largest = quant ? x->number == Q_MAX : is_call(x, FN_MAX), smallest = quant ? x->number == Q_MIN : is_call(x, FN_MIN);
    struct choice c = {.largest = (largest || is_call(x, FN_ABS)) == (mpq_sgn(factor) >= 0)};
    if (quant && x->number == Q_SUM) return fold(q, x, factor, out, NULL);
    if (q->side == NULL || (!largest && !smallest && !is_call(x, FN_ABS))) return query_refuse(q, "not linear in activations of the network");
    if (!(quant ? fold(q, x, factor, NULL, &c) : is_call(x, FN_ABS) ? absolute(q, &c, x, factor) : alternatives(q, &c, x, factor))) return false;
    if (c.n == 0) return query_refuse(q, "the largest or smallest of nothing");
    side_take(q, q->side, &c);
    return true;
}

/* ---- where it is positive ---- */

/* The first choice is made in every way: one of the ways does, or all of them have to. */
static bool positive(struct query *q, const struct side *s, bool strict, struct dnf *out) {
    struct dnf one;
    mpq_t unit;
    mpq_init(unit);
    mpq_set_ui(unit, 1, 1);
    bool good = true;
    if (s->n == 0) {
        mpq_t *v = dnf_atom(q, strict, out);
        if (v != NULL) vector_add(v, (const mpq_t *)s->v, unit, q->p.size);
        mpq_clear(unit);
        return v != NULL;
    }
    const struct choice *c = s->choice;
    *out = dnf_truth(q, !c->largest);
    for (size_t i = 0; good && i < c->n; i++) {
        struct side way = {.v = vector_kept(q)};
        vector_add(way.v, (const mpq_t *)s->v, unit, q->p.size);
        vector_add(way.v, (const mpq_t *)c->of[i].v, unit, q->p.size);
        for (size_t k = 0; k < c->of[i].n; k++) side_take(q, &way, &c->of[i].choice[k]);
        for (size_t k = 1; k < s->n; k++) side_take(q, &way, &s->choice[k]);
        good = positive(q, &way, strict, &one) && dnf_join(q, !c->largest, &one, out);
    }
    mpq_clear(unit);
    return good;
}

bool side_difference(struct query *q, const struct ex *a, const struct ex *b, bool swap, bool strict, struct dnf *out) {
    struct side s = {.v = vector_kept(q)}, *outer = q->side;
    mpq_t one, minus;
    mpq_inits(one, minus, NULL);
    mpq_set_si(one, swap ? -1 : 1, 1);
    mpq_neg(minus, one);
    q->side = &s;
    bool good = linear_add(&q->l, a, one, s.v) && linear_add(&q->l, b, minus, s.v) && positive(q, &s, strict, out);
    q->side = outer;
    mpq_clears(one, minus, NULL);
    return good;
}
