/* Rule polynomial: that no point of a region satisfies one of the lists, by weights; and points (FORMAT.md §3). */
#include "polynomial.h"
#include <string.h>

#define BINDINGS_MOST ((uint64_t)1 << 40)

struct judged { struct world w; size_t next; uint64_t bindings; };

/* The bounds of the region in order, as polynomials that are not negative there. */
static struct sparse *bounds(const struct world *w, size_t *n) {
    struct sparse *g = mem_get(2 * w->n_variables + 1, sizeof *g);
    mpq_t one, end;
    mpq_inits(one, end, NULL);
    *n = 0;
    for (size_t v = 0; v < w->n_variables; v++)
        for (int upper = 0; upper < 2; upper++) {
            const struct reach *r = &w->reach[v];
            if (!(upper ? r->has_hi : r->has_lo)) continue;
            mpq_set_si(one, upper ? -1 : 1, 1);
            if (upper) mpq_set(end, r->hi);
            else mpq_neg(end, r->lo);
            sparse_term(&g[*n], (power_product)(v + 1) << 48, one);
            sparse_term(&g[*n], 0, end);
            sparse_tidy(&g[(*n)++]);
        }
    mpq_clears(one, end, NULL);
    return g;
}

static void bounds_free(struct sparse *g, size_t n) {
    for (size_t i = 0; i < n; i++) sparse_clear(&g[i]);
    mem_free(g);
}

/* digits below `most`, and *s moved behind them */
static bool read_number(const char **s, const char *end, size_t most, size_t *out) {
    const char *p = *s;
    *out = 0;
    if (p == end || *p < '0' || *p > '9' || (*p == '0' && p + 1 < end && p[1] >= '0' && p[1] <= '9')) return false;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if ((*out = 10 * *out + (size_t)(*p - '0')) >= most) return false;
    *s = p;
    return true;
}

struct term_reader { struct world *w; const struct lists *x; size_t begin, n; struct sparse *g; size_t n_g; struct sparse rest; bool strict; };

/* rest -= weight times what the term at s names: aK, gI, gI*J */
static bool one_term(struct term_reader *t, const char *s, const char *end) {
    struct world *w = t->w;
    struct sparse product = {0};
    const char *at = s + 1;
    size_t i = 0, j = 0;
    mpq_t weight;
    bool atom = *s == 'a', two = false, good = (atom || *s == 'g') && read_number(&at, end, atom ? t->n : t->n_g, &i);
    if (good && !atom && at < end && *at == '*') {
        at++;
        two = good = read_number(&at, end, t->n_g, &j);
    }
    mpq_init(weight);
    good = (good && at < end && *at == ':' && rational_read(weight, at + 1, (size_t)(end - at) - 1)) || world_refuse(w, "a term was expected: aK:W, gI:W or gI*J:W");
    if (good && mpq_sgn(weight) <= 0) good = world_refuse(w, "a weight is not positive");
    if (good) {
        const struct sparse_atom *a = atom ? &w->atoms[t->x->ids[t->begin + i]] : NULL;
        t->strict = t->strict || (atom && a->strict);
        mpq_neg(weight, weight);
        if (two) sparse_times(&product, &t->g[i], &t->g[j]);
        sparse_tidy(&product);
        sparse_add(&t->rest, atom ? &a->p : two ? &product : &t->g[i], weight);
    }
    sparse_clear(&product);
    mpq_clear(weight);
    return good;
}

/* The line "E TERMS": minus the sum of the terms minus E is not negative anywhere, while the sum is not negative (is positive) where the list holds. */
static bool excluded(struct world *w, const struct lists *x, size_t list, struct sparse *g, size_t n_g, const struct binding *line) {
    struct term_reader t = {.w = w, .x = x, .begin = list > 0 ? x->ends[list - 1] : 0, .g = g, .n_g = n_g};
    t.n = x->ends[list] - t.begin;
    const char *end = line->s + line->n, *space = memchr(line->s, ' ', line->n), *stop = space != NULL ? space : end;
    mpq_t epsilon;
    mpq_init(epsilon);
    w->line = line->line;
    bool good = rational_read(epsilon, line->s, (size_t)(stop - line->s)) || world_refuse(w, "a number was expected");
    if (good && mpq_sgn(epsilon) < 0) good = world_refuse(w, "the number is negative");
    t.strict = good && mpq_sgn(epsilon) > 0;
    mpq_neg(epsilon, epsilon);
    if (good) sparse_term(&t.rest, 0, epsilon);
    while (good && stop < end) {
        const char *s = stop + 1;
        space = memchr(s, ' ', (size_t)(end - s));
        stop = space != NULL ? space : end;
        good = s < stop ? one_term(&t, s, stop) : world_refuse(w, "a term is missing");
    }
    sparse_tidy(&t.rest);
    if (good && t.rest.failed != NULL) good = world_refuse(w, t.rest.failed);
    if (good && !t.strict) good = world_refuse(w, "the sum may be 0: no strict atom, and the number is 0");
    if (good && !sparse_semidefinite(&t.rest, w->n_variables)) good = world_refuse(w, "what is left is not shown to be a sum of squares");
    sparse_clear(&t.rest);
    mpq_clear(epsilon);
    return good;
}

/* Where the condition holds and the predicate fails; where the condition holds, for a claim said to be vacuous. */
static bool against(struct world *w, struct lists *out) {
    struct lists where = {0}, fails = {0};
    bool good = world_lists(w, w->e->s->where, true, &where);
    if (good && (w->c->verdict == VACUOUS || where.n == 0)) { /* the condition alone; where it is false nothing is looked at */
        *out = where;
        return true;
    }
    good = good && world_lists(w, w->e->s->subject, false, &fails) && lists_both(w, &where, &fails, out);
    lists_clear(&where);
    lists_clear(&fails);
    return good;
}

static bool one_binding(struct eval *e, void *arg) {
    struct judged *j = arg;
    struct world *w = &j->w;
    struct lists x = {0};
    size_t n_g = 0;
    (void)e;
    w->line = w->c->rule_line;
    if (++j->bindings > BINDINGS_MOST) return world_refuse(w, "more than 2^40 bindings");
    bool good = world_region(w) && against(w, &x);
    struct sparse *g = bounds(w, &n_g);
    for (size_t i = 0; good && i < x.n; i++) {
        if (j->next == w->c->n_sums) good = world_refuse(w, "a line 'sum' is missing");
        else good = excluded(w, &x, i, g, n_g, &w->c->sums[j->next++]);
    }
    bounds_free(g, n_g);
    lists_clear(&x);
    return good;
}

/* ---- points ---- */

/* "NAME T": multiples of the generators, not negative */
static bool read_cone(struct world *w, const struct real_variable *x, const struct binding *line, mpq_t *z) {
    size_t name = strlen(x->bind->name);
    const char *s = line->s + name + 1, *end = line->s + line->n;
    w->line = line->line;
    if (line->n < name + 2 || memcmp(line->s, x->bind->name, name) != 0 || line->s[name] != ' ') return world_refuse(w, "the multiples of another variable's generators were expected");
    if (x->count == 1 && end[-1] != ',') return world_refuse(w, "not a number for each generator");
    if (x->count == 1) end--;
    if (!rationals_read(s, (size_t)(end - s), ',', z + x->first, x->count)) return world_refuse(w, "not a number for each generator");
    for (size_t k = 0; k < x->count; k++)
        if (mpq_sgn(z[x->first + k]) < 0) return world_refuse(w, "a multiple of a generator is negative");
    return true;
}

/* The value of a variable, at s; into z, or the same as the multiples in z give. */
static bool read_real(struct world *w, const struct real_variable *x, const char *s, const char *end, mpq_t *z) {
    size_t n = x->value.n;
    if (x->value.vector && n == 1 && (end == s || end[-1] != ',')) return world_refuse(w, "not a value of a real variable");
    if (x->value.vector && n == 1) end--;
    mpq_t *v = vector_new(n), t;
    mpq_init(t);
    bool good = rationals_read(s, (size_t)(end - s), ',', v, n) || world_refuse(w, "not a value of a real variable");
    for (size_t i = 0; good && i < n; i++) {
        const struct reach *r = &w->reach[x->first + (x->cone ? 0 : i)];
        if (x->cone) {
            sparse_value(t, &x->value.p[i], (const mpq_t *)z);
            good = mpq_equal(t, v[i]) || world_refuse(w, "a vector is not what the line 'cone' says");
        } else if ((r->has_lo && mpq_cmp(v[i], r->lo) < 0) || (r->has_hi && mpq_cmp(v[i], r->hi) > 0)) good = world_refuse(w, "a value is not in its set");
        else mpq_set(z[x->first + i], v[i]);
    }
    vector_free(v, n);
    mpq_clear(t);
    return good;
}

/* The real part of a binding: NAME=V, separated by spaces. */
static bool read_reals(struct world *w, int line, const char *s, const char *end, mpq_t *z) {
    size_t cone = 0;
    bool good = true;
    for (int i = 0; good && i < w->n_reals; i++) {
        const struct real_variable *x = &w->reals[i];
        if (!x->cone) continue;
        if (cone == w->c->n_cones) good = world_refuse(w, "a line 'cone' is missing");
        else good = read_cone(w, x, &w->c->cones[cone++], z);
    }
    w->line = line;
    if (good && cone != w->c->n_cones) good = world_refuse(w, "a line 'cone' too many");
    for (int i = 0; good && i < w->n_reals; i++) {
        const char *name = w->bound[i].name, *space = memchr(s, ' ', (size_t)(end - s)), *stop = space != NULL ? space : end;
        size_t n = strlen(name);
        if ((space != NULL) != (i + 1 < w->n_reals) || (size_t)(stop - s) < n + 2 || memcmp(s, name, n) != 0 || s[n] != '=') good = world_refuse(w, "a value of each variable was expected");
        good = good && read_real(w, &w->reals[i], s + n + 1, stop, z);
        s = stop + 1;
    }
    return good;
}

static bool holds_there(struct world *w, const struct ex *x, bool positive, const mpq_t *z, const char *why) {
    struct lists l = {0};
    bool good = world_lists(w, x, positive, &l) && (lists_hold(w, &l, z) || world_refuse(w, why));
    lists_clear(&l);
    return good;
}

static bool at_point(struct world *w, const mpq_t *z) {
    const struct ex *p = w->e->s->subject;
    bool good = holds_there(w, w->e->s->where, true, z, "the condition does not hold there");
    if (w->c->verdict == REFUTED) return good && holds_there(w, p, false, z, "the predicate does not fail there");
    for (; good && p->kind == EX_IMPLIES; p = p->k[1]) good = holds_there(w, p->k[0], true, z, "the antecedent does not hold at the witness");
    return good;
}

static bool judge_point(struct world *w, const struct binding *b) {
    struct arena arena = {0};
    const char *at = b->s, *end = b->s + b->n;
    w->line = b->line;
    for (int i = 0; at != NULL && i < w->outer.n; i++) {
        at = memchr(at, ' ', (size_t)(end - at));
        if (at != NULL) at++;
    }
    if (at == NULL) return world_refuse(w, "a value of each variable was expected");
    struct binding before = {b->line, b->s, at > b->s ? (size_t)(at - b->s) - 1 : 0};
    bool good = (w->outer.n == 0 || binding_set(w->e, &arena, &before, &w->outer, w->f)) && world_region(w);
    mpq_t *z = vector_new(w->n_variables);
    good = good && read_reals(w, b->line, at, end, z) && at_point(w, (const mpq_t *)z);
    vector_free(z, w->n_variables);
    binding_unset(w->e, &w->outer);
    arena_free(&arena);
    return good;
}

bool rule_polynomial(const struct certificate *c, struct eval *e, struct fail *f) {
    struct judged j = {0};
    bool good = world_begin(&j.w, c, e, f);
    if (good && c->verdict != PROVED && c->verdict != REFUTED && c->verdict != VACUOUS) good = world_refuse(&j.w, "only proved, refuted and vacuous");
    if (good && c->verdict == REFUTED && c->n_sums > 0) good = fail_at(f, c->sums[0].line, "line 'sum' does not belong here");
    e->fail.set = false;
    if (good && c->verdict != REFUTED) good = eval_each(e, &j.w.outer, one_binding, &j) || world_says(&j.w);
    if (good && j.next != c->n_sums) good = fail_at(f, c->sums[j.next].line, "a line 'sum' too many");
    if (good && c->verdict == PROVED && j.bindings == 0) good = world_refuse(&j.w, "the domain is empty");
    good = good && (c->verdict == VACUOUS || judge_point(&j.w, c->verdict == REFUTED ? &c->counterexample : &c->witness));
    world_end(&j.w);
    return good;
}
