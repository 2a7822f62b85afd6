/* The region of a case: a ball or a box, cut by the parts of the condition that read the vector, which are linear. */
#include <string.h>
#include "core/mem.h"
#include "verify/quadratic.h"

static bool ball_of(const struct expr *set, const char *norm)
{
    return set->form == FORM_SET_CALL && set->function == FUNCTION_BALL && strcmp(set->args[2]->name, norm) == 0;
}

bool set_is_region(const struct expr *set)
{
    return (set->form == FORM_SET_CALL && set->function == FUNCTION_BOX) || ball_of(set, "l2") || ball_of(set, "linf");
}

void region_drop(struct ball_case *c)
{
    for (size_t i = 0; i < c->n_limits; i++) _fmpq_vec_clear(c->limits[i].v, (slong)c->n + 1);
    c->n_limits = c->joint = 0;
}

/* ---- conditions ---- */

/* d[i], (E + d)[i], (d + E)[i] */
static enum status vector_entry(fmpq *out, struct reader *r, const struct expr *e, const fmpq_t factor)
{
    const struct expr *x = e->args[0], *add = NULL;
    size_t n = r->c->n;
    long i;
    if (x->form == FORM_BINARY && x->oper == OPER_ADD) {
        bool second = read_is_vector(r, x->args[1]);
        add = x->args[second ? 0 : 1];
        x = x->args[second ? 1 : 0];
    }
    if (!read_is_vector(r, x)) return read_refuse(r, "a condition is not linear in entries of the vector");
    enum status s = read_index(&i, r, e->args[1], n);
    if (s == STATUS_OK && add) {
        fmpq *v = _fmpq_vec_init((slong)n);
        s = read_exact(v, n, false, r, add);
        if (s == STATUS_OK) fmpq_addmul(out + n, v + i, factor);
        _fmpq_vec_clear(v, (slong)n);
    }
    if (s == STATUS_OK) fmpq_add(out + i, out + i, factor);
    return s;
}

/* a - b positive, or not negative */
static enum status limit_add(struct reader *r, const struct expr *a, const struct expr *b, bool strict)
{
    struct ball_case *c = r->c;
    struct limit *grown = mem_grow(c->limits, &c->room_limits, c->n_limits + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    c->limits = grown;
    struct limit *x = &grown[c->n_limits++];
    *x = (struct limit){.v = _fmpq_vec_init((slong)c->n + 1), .strict = strict};
    fmpq_t one, minus;
    fmpq_init(one);
    fmpq_init(minus);
    fmpq_set_si(one, 1, 1);
    fmpq_set_si(minus, -1, 1);
    enum status s = read_linear(x->v, r, a, one, c->n, vector_entry);
    if (s == STATUS_OK) s = read_linear(x->v, r, b, minus, c->n, vector_entry);
    fmpq_clear(one);
    fmpq_clear(minus);
    return s;
}

static enum status comparison(struct reader *r, const struct expr *e)
{
    enum status s = STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && i + 1 < e->n_args; i++) {
        enum oper o = e->opers[i];
        bool strict = o == OPER_LT || o == OPER_GT, up = o == OPER_GT || o == OPER_GE || o == OPER_EQ, down = o == OPER_LT || o == OPER_LE || o == OPER_EQ;
        if (o == OPER_NE) return read_refuse(r, "a condition on the vector that is not convex");
        if (up) s = limit_add(r, e->args[i], e->args[i + 1], strict);
        if (s == STATUS_OK && down) s = limit_add(r, e->args[i + 1], e->args[i], strict);
    }
    return s;
}

static enum status condition(struct reader *r, const struct expr *e);

static enum status every(struct reader *r, const struct expr *e)
{
    struct walk *w = NULL;
    bool more = true;
    if (e->where && expr_uses_slot(e->where, r->b->slot)) return read_refuse(r, "the condition of an all{} reads the vector");
    enum status s = walk_new(&w, &e->binds, r->in, r->d);
    while (s == STATUS_OK && more) {
        bool open;
        s = walk_next_where(&more, &open, w, e->where, r->d);
        if (s == STATUS_OK && open) s = read_refuse(r, "the condition of an all{} is unsettled");
        if (s == STATUS_OK && more) s = condition(r, e->args[0]);
    }
    walk_free(w);
    return s;
}

/* A part of the condition that reads the vector, whole. */
static enum status condition(struct reader *r, const struct expr *e)
{
    if (e->form == FORM_BINARY && e->oper == OPER_AND) {
        enum status s = condition(r, e->args[0]);
        return s == STATUS_OK ? condition(r, e->args[1]) : s;
    }
    if (e->form == FORM_COMPARE) return comparison(r, e);
    if (e->form == FORM_QUANT && e->quant == QUANT_ALL) return every(r, e);
    return read_refuse(r, "a condition on the vector is not made of comparisons, `and` and all{}");
}

static enum status conditions(struct reader *r, const struct expr *e)
{
    if (!e || !expr_uses_slot(e, r->b->slot)) return STATUS_OK;
    if (e->form != FORM_BINARY || e->oper != OPER_AND) return condition(r, e);
    enum status s = conditions(r, e->args[0]);
    return s == STATUS_OK ? conditions(r, e->args[1]) : s;
}

/* A limit on one coordinate narrows lo or hi. */
static void narrow(struct ball_case *c, struct limit *x)
{
    size_t at = c->n, count = 0;
    for (size_t i = 0; i < c->n; i++)
        if (!fmpq_is_zero(x->v + i)) at = i, count++;
    x->alone = count == 1;
    c->joint += !x->alone;
    if (!x->alone) return;
    fmpq_t t;
    fmpq_init(t);
    fmpq_div(t, x->v + c->n, x->v + at);
    fmpq_neg(t, t);
    if (fmpq_sgn(x->v + at) > 0 && fmpq_cmp(t, c->lo + at) > 0) fmpq_set(c->lo + at, t);
    if (fmpq_sgn(x->v + at) < 0 && fmpq_cmp(t, c->hi + at) < 0) fmpq_set(c->hi + at, t);
    fmpq_clear(t);
}

/* ---- the set ---- */

static enum status box_read(struct reader *r, const struct expr *set)
{
    struct ball_case *c = r->c;
    enum status s = read_exact(c->lo, c->n, true, r, set->args[0]);
    if (s == STATUS_OK) s = read_exact(c->hi, c->n, true, r, set->args[1]);
    for (size_t i = 0; i < c->n; i++) fmpq_zero(c->centre + i);
    for (size_t i = 0; s == STATUS_OK && i < c->n; i++)
        if (fmpq_cmp(c->lo + i, c->hi + i) > 0) s = diag_fail(r->d, STATUS_INPUT, "the box is empty: its corner %zu is above the other", i);
    return s;
}

static enum status ball_read(struct reader *r, const struct expr *set)
{
    struct ball_case *c = r->c;
    enum status s = read_exact(c->centre, c->n, true, r, set->args[0]);
    if (s == STATUS_OK) s = read_exact(c->radius, 0, false, r, set->args[1]);
    if (s == STATUS_OK && fmpq_sgn(c->radius) < 0) s = diag_fail(r->d, STATUS_INPUT, "the radius of a ball is negative");
    fmpq_mul(c->radius2, c->radius, c->radius);
    for (size_t i = 0; i < c->n; i++) {
        fmpq_sub(c->lo + i, c->centre + i, c->radius);
        fmpq_add(c->hi + i, c->centre + i, c->radius);
    }
    return s;
}

enum status region_read(struct reader *r)
{
    struct ball_case *c = r->c;
    const struct expr *set = r->b->ball;
    region_drop(c);
    c->l2 = ball_of(set, "l2");
    enum status s = set->function == FUNCTION_BOX ? box_read(r, set) : ball_read(r, set);
    for (size_t i = 0; i < c->n; i++) fmpq_set(c->from + i, c->lo + i), fmpq_set(c->to + i, c->hi + i);
    if (s == STATUS_OK) s = r->b->whole ? condition(r, r->b->cut) : conditions(r, r->b->cut);
    for (size_t i = 0; s == STATUS_OK && i < c->n_limits; i++) narrow(c, &c->limits[i]);
    return s;
}

bool region_is_ball(const struct ball_case *c) { return c->l2 && c->n_limits == 0; }

bool region_is_empty(const struct ball_case *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (fmpq_cmp(c->lo + i, c->hi + i) > 0) return true;
    return false;
}

bool region_is_point(const struct ball_case *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (!fmpq_equal(c->lo + i, c->hi + i)) return false;
    return true;
}

bool region_has(const struct ball_case *c, const fmpq *d)
{
    fmpq_t t, sum;
    bool in = true;
    fmpq_init(t);
    fmpq_init(sum);
    for (size_t i = 0; i < c->n; i++) {
        in = in && fmpq_cmp(d + i, c->lo + i) >= 0 && fmpq_cmp(d + i, c->hi + i) <= 0;
        fmpq_sub(t, d + i, c->centre + i);
        fmpq_addmul(sum, t, t);
    }
    in = in && (!c->l2 || fmpq_cmp(sum, c->radius2) <= 0);
    for (size_t k = 0; in && k < c->n_limits; k++) {
        const struct limit *x = &c->limits[k];
        fmpq_set(sum, x->v + c->n);
        for (size_t i = 0; i < c->n; i++) fmpq_addmul(sum, x->v + i, d + i);
        in = x->strict ? fmpq_sgn(sum) > 0 : fmpq_sgn(sum) >= 0;
    }
    fmpq_clear(t);
    fmpq_clear(sum);
    return in;
}
