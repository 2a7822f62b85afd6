/* The set of the vector, and the linear conditions that cut it. */
#include "region.h"
#include <string.h>

#define LIMITS_MOST ((size_t)1 << 16)

void region_init(struct region *g, size_t n) {
    *g = (struct region){.n = n, .centre = vector_new(n), .lo = vector_new(n), .hi = vector_new(n), .from = vector_new(n), .to = vector_new(n)};
    mpq_inits(g->radius, g->radius2, NULL);
}

static void drop_limits(struct region *g) {
    for (size_t i = 0; i < g->n_limits; i++) vector_free(g->limits[i].v, g->n + 1);
    g->n_limits = g->joint = 0;
}

void region_clear(struct region *g) {
    if (g->lo == NULL) return;
    drop_limits(g);
    mem_free(g->limits);
    vector_free(g->centre, g->n);
    vector_free(g->lo, g->n);
    vector_free(g->hi, g->n);
    vector_free(g->from, g->n);
    vector_free(g->to, g->n);
    mpq_clears(g->radius, g->radius2, NULL);
}

static bool ball_of(const struct ex *set, const char *norm) {
    return is_call(set, FN_BALL) && set->k[2]->kind == EX_WORD && strcmp(set->k[2]->name, norm) == 0;
}

bool is_region(const struct ex *set) { return is_call(set, FN_BOX) || ball_of(set, "l2") || ball_of(set, "linf"); }

enum tri region_where(struct linear *l, const struct ex *where) {
    if (where == NULL) return YES;
    if (!mentions(where, l->slot)) return eval_decide(l->e, where);
    if (where->kind != EX_AND) return YES;
    enum tri a = region_where(l, where->k[0]);
    return l->e->fail.set || a == NO ? a : tri_and(a, region_where(l, where->k[1]));
}

/* ---- conditions ---- */

static bool is_vector(const struct linear *l, const struct ex *x) { return x->kind == EX_VAR && x->number == l->slot; }

/* d[i], (E + d)[i], (d + E)[i]: out += factor times it; l->constant is the number of inputs */
static bool entry_of_vector(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out) {
    const struct ex *d = x->k[0], *add = NULL;
    size_t n = l->constant;
    int64_t i = (int64_t)n - 1;
    if (d->kind == EX_ADD && d->n == 2) {
        bool second = is_vector(l, d->k[1]);
        add = d->k[second ? 0 : 1];
        d = d->k[second ? 1 : 0];
    }
    if (!is_vector(l, d)) return linear_refuse(l, "a condition is not linear in entries of the vector");
    if (x->k[1]->kind != EX_LAST) {
        if (!linear_plain(l, x->k[1])) return linear_refuse(l, "an index rests on the vector");
        if (!(linear_fresh(l) && eval_int(l->e, x->k[1], &i))) return linear_says(l);
        linear_fresh(l);
    }
    if (i < 0 || i >= (int64_t)n) return linear_refuse(l, "index out of range");
    if (add != NULL) {
        mpq_t *v = vector_new(n);
        bool good = linear_vector(l, add, v, n, false);
        if (good) mpq_mul(v[i], v[i], factor), mpq_add(out[n], out[n], v[i]);
        vector_free(v, n);
        if (!good) return false;
    }
    mpq_add(out[i], out[i], factor);
    return true;
}

/* a - b positive, or not negative */
static bool limit_add(struct region *g, struct linear *l, const struct ex *a, const struct ex *b, bool strict) {
    if (g->n_limits == LIMITS_MOST) return linear_refuse(l, "too many conditions on the vector");
    if (g->n_limits == g->room) {
        g->limits = mem_grow(g->limits, g->room, 2 * g->room + 16, sizeof *g->limits);
        g->room = 2 * g->room + 16;
    }
    struct limit *x = &g->limits[g->n_limits++];
    *x = (struct limit){.v = vector_new(g->n + 1), .strict = strict};
    mpq_t one, minus;
    mpq_inits(one, minus, NULL);
    mpq_set_si(one, 1, 1);
    mpq_set_si(minus, -1, 1);
    bool good = linear_add(l, a, one, x->v) && linear_add(l, b, minus, x->v);
    mpq_clears(one, minus, NULL);
    return good;
}

static bool comparison(struct region *g, struct linear *l, const struct ex *x) {
    for (int i = 0; i + 1 < x->n; i++) {
        enum cmp o = (enum cmp)x->ops[i];
        bool strict = o == CMP_LT || o == CMP_GT, up = o == CMP_GT || o == CMP_GE || o == CMP_EQ, down = o == CMP_LT || o == CMP_LE || o == CMP_EQ;
        if (o == CMP_NE) return linear_refuse(l, "a condition that is not convex");
        if (up && !limit_add(g, l, x->k[i], x->k[i + 1], strict)) return false;
        if (down && !limit_add(g, l, x->k[i + 1], x->k[i], strict)) return false;
    }
    return true;
}

static bool condition(struct region *g, struct linear *l, const struct ex *x);
struct every { struct region *g; struct linear *l; const struct ex *x; };

static bool every_step(struct eval *e, void *arg) {
    struct every *a = arg;
    enum tri t = eval_decide(e, a->x->where);
    if (e->fail.set) return linear_says(a->l);
    if (t == OPEN) return linear_refuse(a->l, "the condition of an all{} is unsettled");
    return t == NO || condition(a->g, a->l, a->x->k[0]);
}

/* A part of the condition that reads the vector, whole. */
static bool condition(struct region *g, struct linear *l, const struct ex *x) {
    if (x->kind == EX_AND) return condition(g, l, x->k[0]) && condition(g, l, x->k[1]);
    if (x->kind == EX_CMP) return comparison(g, l, x);
    if (x->kind != EX_QUANT || x->number != Q_ALL) return linear_refuse(l, "a condition on the vector is no comparison, `and` or all{}");
    if (mentions(x->where, l->slot)) return linear_refuse(l, "the condition of an all{} reads the vector");
    struct every a = {g, l, x};
    bool good = eval_each(l->e, &x->binds, every_step, &a);
    return good || l->f->set ? good : linear_says(l);
}

static bool conditions(struct region *g, struct linear *l, const struct ex *x) {
    if (x == NULL || !mentions(x, l->slot)) return true;
    return x->kind == EX_AND ? conditions(g, l, x->k[0]) && conditions(g, l, x->k[1]) : condition(g, l, x);
}

/* A limit on one coordinate narrows lo or hi. */
static void narrow(struct region *g, struct limit *x) {
    size_t n = g->n, at = n, count = 0;
    for (size_t i = 0; i < n; i++)
        if (mpq_sgn(x->v[i]) != 0) at = i, count++;
    x->alone = count == 1;
    g->joint += !x->alone;
    if (!x->alone) return;
    mpq_t t;
    mpq_init(t);
    mpq_div(t, x->v[n], x->v[at]);
    mpq_neg(t, t);
    if (mpq_sgn(x->v[at]) > 0 && mpq_cmp(t, g->lo[at]) > 0) mpq_set(g->lo[at], t);
    if (mpq_sgn(x->v[at]) < 0 && mpq_cmp(t, g->hi[at]) < 0) mpq_set(g->hi[at], t);
    mpq_clear(t);
}

/* ---- the set ---- */

static bool set_read(struct region *g, struct linear *l, const struct ex *set) {
    size_t n = g->n;
    for (size_t i = 0; i < n; i++) {
        mpq_set_ui(g->lo[i], 0, 1);
        mpq_set_ui(g->hi[i], 0, 1);
        mpq_set_ui(g->centre[i], 0, 1);
    }
    g->l2 = ball_of(set, "l2");
    if (is_call(set, FN_BOX)) {
        if (!linear_vector(l, set->k[0], g->lo, n, true) || !linear_vector(l, set->k[1], g->hi, n, true)) return false;
        for (size_t i = 0; i < n; i++)
            if (mpq_cmp(g->lo[i], g->hi[i]) > 0) return linear_refuse(l, "the box is empty");
        return true;
    }
    if (!linear_vector(l, set->k[0], g->centre, n, true) || !linear_number(l, set->k[1], g->radius)) return false;
    if (mpq_sgn(g->radius) < 0) return linear_refuse(l, "the radius is negative");
    mpq_mul(g->radius2, g->radius, g->radius);
    for (size_t i = 0; i < n; i++) {
        mpq_sub(g->lo[i], g->centre[i], g->radius);
        mpq_add(g->hi[i], g->centre[i], g->radius);
    }
    return true;
}

bool region_read(struct region *g, struct linear *l, const struct ex *set, const struct ex *where, bool whole) {
    struct linear w = *l;
    w.linear_in = "entries of the vector";
    w.entry = entry_of_vector;
    w.constant = g->n;
    drop_limits(g);
    if (!set_read(g, l, set)) return false;
    for (size_t i = 0; i < g->n; i++) {
        mpq_set(g->from[i], g->lo[i]);
        mpq_set(g->to[i], g->hi[i]);
    }
    if (!(whole && where != NULL ? condition(g, &w, where) : conditions(g, &w, where))) return false;
    for (size_t i = 0; i < g->n_limits; i++) narrow(g, &g->limits[i]);
    return true;
}

bool region_is_ball(const struct region *g) { return g->l2 && g->n_limits == 0; }

bool region_is_empty(const struct region *g) {
    for (size_t i = 0; i < g->n; i++)
        if (mpq_cmp(g->lo[i], g->hi[i]) > 0) return true;
    return false;
}

bool region_is_point(const struct region *g) {
    for (size_t i = 0; i < g->n; i++)
        if (!mpq_equal(g->lo[i], g->hi[i])) return false;
    return true;
}

/* sign of top + radius |v|, of a sum on a ball */
static int sign_on_ball(const struct region *g, const mpq_t top, const mpq_t *v) {
    mpq_t far, t;
    mpq_inits(far, t, NULL);
    for (size_t i = 0; i < g->n; i++) {
        mpq_mul(t, v[i], v[i]);
        mpq_add(far, far, t);
    }
    mpq_mul(far, far, g->radius2);
    mpq_mul(t, top, top);
    int order = mpq_cmp(far, t), sign = mpq_sgn(top) > 0 || order > 0 ? 1 : order < 0 ? -1 : 0;
    mpq_clears(far, t, NULL);
    return sign;
}

bool region_excluded(const struct region *g, const mpq_t *weights) {
    mpq_t *v = vector_new(g->n + 1), t;
    bool strict = false;
    mpq_init(t);
    for (size_t k = 0; k < g->n_limits; k++) {
        if (mpq_sgn(weights[k]) < 0) break; /* not read so */
        strict = strict || (g->limits[k].strict && mpq_sgn(weights[k]) > 0);
        vector_add(v, (const mpq_t *)g->limits[k].v, weights[k], g->n + 1);
    }
    mpq_ptr top = v[g->n];
    for (size_t i = 0; i < g->n; i++) {
        mpq_mul(t, v[i], g->l2 ? g->centre[i] : mpq_sgn(v[i]) > 0 ? g->to[i] : g->from[i]);
        mpq_add(top, top, t);
    }
    int sign = g->l2 ? sign_on_ball(g, top, (const mpq_t *)v) : mpq_sgn(top);
    mpq_clear(t);
    vector_free(v, g->n + 1);
    return sign < 0 || (sign == 0 && strict);
}

bool region_has(const struct region *g, const mpq_t *d) {
    mpq_t t, sum;
    mpq_inits(t, sum, NULL);
    bool in = true;
    for (size_t i = 0; i < g->n; i++) {
        mpq_sub(t, d[i], g->centre[i]);
        mpq_mul(t, t, t);
        mpq_add(sum, sum, t);
        in = in && mpq_cmp(d[i], g->lo[i]) >= 0 && mpq_cmp(d[i], g->hi[i]) <= 0;
    }
    if (g->l2 && mpq_cmp(sum, g->radius2) > 0) in = false;
    for (size_t k = 0; in && k < g->n_limits; k++) {
        const struct limit *x = &g->limits[k];
        mpq_set(sum, x->v[g->n]);
        for (size_t i = 0; i < g->n; i++) {
            mpq_mul(t, x->v[i], d[i]);
            mpq_add(sum, sum, t);
        }
        in = x->strict ? mpq_sgn(sum) > 0 : mpq_sgn(sum) >= 0;
    }
    mpq_clears(t, sum, NULL);
    return in;
}
