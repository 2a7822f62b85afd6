/* Rule quadratic: a predicate on a ball or a box of real vectors, by multipliers and points (FORMAT.md §3). */
#include "certificate.h"
#include "linear.h"
#include "quadratic.h"
#include "deep.h"
#include <string.h>

#define BINDINGS_MOST ((uint64_t)1 << 40)
#define FORMS_MOST ((size_t)1 << 20)

/* value = sum v[j] output_j + v[width] must be positive, or not negative */
struct form { mpq_t *v; bool strict; };

struct quad {
    struct linear l;
    const struct certificate *c;
    struct binds outer; const struct ex *where, *cut, *predicate, *ball; /* cut: the condition whose parts may read the vector */
    int model; struct rowpoly out, inner; size_t n, width; /* inner.c not NULL: two layers */
    mpq_t *shift; bool shifted; struct region g;    /* of this case: the input is shift + vector, the vector in g */
    struct form *forms; size_t n_forms, room;
    struct formroom w;
    size_t next; uint64_t bindings, cond, cond_open, yes, open; bool all, failed, universal;
};

static bool refuse(struct quad *q, const char *what) { return linear_refuse(&q->l, what); }

static void vector_zero(mpq_t *v, size_t n) {
    for (size_t i = 0; i < n; i++) mpq_set_ui(v[i], 0, 1);
}

/* ---- forms ---- */

/* output(M, d), output(M, E + d) or output(M, d + E), M and the value of E the same in all of the predicate */
static bool output_call(struct quad *q, const struct ex *x) {
    if (x->kind != EX_CALL || x->number != FN_OUTPUT) return refuse(q, "an output of the network was expected");
    if (x->k[0]->kind != EX_MODEL || x->k[0]->number != q->model) return refuse(q, "more than one network");
    const struct ex *in = x->k[1], *add = NULL, *d = in;
    if (in->kind == EX_ADD && in->n == 2) {
        bool second = in->k[1]->kind == EX_VAR && in->k[1]->number == q->l.slot;
        add = in->k[second ? 0 : 1];
        d = in->k[second ? 1 : 0];
    }
    if (d->kind != EX_VAR || d->number != q->l.slot) return refuse(q, "the network reads something else than the vector plus an exact one");
    mpq_t *v = vector_new(q->n);
    bool good = add == NULL || linear_vector(&q->l, add, v, q->n, false);
    for (size_t i = 0; good && i < q->n; i++) {
        if (q->shifted && !mpq_equal(v[i], q->shift[i])) good = refuse(q, "the network reads two inputs");
        mpq_set(q->shift[i], v[i]);
    }
    q->shifted = good;
    vector_free(v, q->n);
    return good;
}

static bool output_entry(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out) {
    struct quad *q = (struct quad *)l; /* which begins with it */
    int64_t i = (int64_t)q->width - 1;
    bool good = output_call(q, x->k[0]);
    l->e->fail.set = false;
    if (good && x->k[1]->kind != EX_LAST && !eval_int(l->e, x->k[1], &i)) good = linear_says(l);
    eval_reset(l->e);
    if (good && (i < 0 || i >= (int64_t)q->width)) good = refuse(q, "index out of range");
    if (good) mpq_add(out[i], out[i], factor);
    return good;
}

static mpq_t *form_new(struct quad *q, bool strict) {
    if (q->n_forms == q->room) {
        q->forms = mem_grow(q->forms, q->room, 2 * q->room + 16, sizeof *q->forms);
        q->room = 2 * q->room + 16;
    }
    struct form *x = &q->forms[q->n_forms++];
    x->strict = strict;
    return x->v = vector_new(q->width + 1);
}

static void drop_forms(struct quad *q) {
    for (size_t i = 0; i < q->n_forms; i++) vector_free(q->forms[i].v, q->width + 1);
    q->n_forms = 0;
}

/* output[i] above, or not below, every other one */
static bool largest(struct quad *q, const struct ex *outputs, const struct ex *which, bool strict) {
    int64_t i;
    if (!output_call(q, outputs)) return false;
    q->l.e->fail.set = false;
    if (!linear_plain(&q->l, which)) return refuse(q, "the index of an argmax rests on the network");
    if (!eval_int(q->l.e, which, &i)) return linear_says(&q->l);
    eval_reset(q->l.e);
    if (i < 0 || i >= (int64_t)q->width) return refuse(q, "index out of range");
    for (int64_t j = 0; j < (int64_t)q->width; j++) {
        if (j == i) continue;
        mpq_t *v = form_new(q, strict);
        mpq_set_si(v[i], 1, 1);
        mpq_set_si(v[j], -1, 1);
    }
    return true;
}

static bool comparison(struct quad *q, const struct ex *x) {
    mpq_t one, minus;
    mpq_inits(one, minus, NULL);
    mpq_set_si(one, 1, 1);
    mpq_set_si(minus, -1, 1);
    bool good = true;
    for (int i = 0; good && i + 1 < x->n; i++) {
        enum cmp o = (enum cmp)x->ops[i];
        if (o == CMP_EQ || o == CMP_NE) {
            good = refuse(q, "an equation of reals");
            break;
        }
        mpq_t *v = form_new(q, o == CMP_LT || o == CMP_GT);
        bool up = o == CMP_GT || o == CMP_GE;
        good = linear_add(&q->l, x->k[i], up ? one : minus, v) && linear_add(&q->l, x->k[i + 1], up ? minus : one, v);
    }
    mpq_clears(one, minus, NULL);
    return good;
}

static bool predicate(struct quad *q, const struct ex *x);
struct every { struct quad *q; const struct ex *x; };

static bool every_step(struct eval *e, void *arg) {
    struct every *a = arg;
    enum tri t = eval_decide(e, a->x->where);
    if (e->fail.set) return linear_says(&a->q->l);
    if (t == OPEN) return refuse(a->q, "the condition of an all{} is unsettled");
    return t == NO || predicate(a->q, a->x->k[0]);
}

/* The predicate is true where all forms hold, false where one does not. */
static bool predicate(struct quad *q, const struct ex *x) {
    if (q->n_forms > FORMS_MOST) return refuse(q, "too many forms");
    if (x->kind == EX_AND) return predicate(q, x->k[0]) && predicate(q, x->k[1]);
    if (x->kind == EX_CMP && x->n == 2 && x->ops[0] == CMP_EQ && is_call(x->k[0], FN_ARGMAX)) return largest(q, x->k[0]->k[0], x->k[1], true);
    if (x->kind == EX_CMP && x->n == 2 && x->ops[0] == CMP_EQ && is_call(x->k[1], FN_ARGMAX)) return largest(q, x->k[1]->k[0], x->k[0], true);
    if (x->kind == EX_CMP) return comparison(q, x);
    if (x->kind == EX_IN && is_call(x->k[1], FN_ARGMAXES)) return largest(q, x->k[1]->k[0], x->k[0], false);
    if (x->kind == EX_QUANT && x->number == Q_ALL) {
        struct every a = {q, x};
        bool good = eval_each(q->l.e, &x->binds, every_step, &a);
        return good || q->l.f->set ? good : linear_says(&q->l);
    }
    return refuse(q, "a predicate of another kind");
}

/* The region and the forms at the variables that are bound. */
static bool set_up(struct quad *q) {
    drop_forms(q);
    q->shifted = false;
    vector_zero(q->shift, q->n);
    return region_read(&q->g, &q->l, q->ball, q->cut, q->cut != q->where) && predicate(q, q->predicate);
}

/* ---- decisions ---- */

/* m = unit times the form as a polynomial in the input, in integers; unit > 0 */
static void polynomial(struct quad *q, const struct form *x, mpz_t unit) {
    mpz_t factor, lcm;
    mpz_init(factor);
    mpz_init_set_ui(lcm, 1);
    for (size_t j = 0; j <= q->width; j++) mpz_lcm(lcm, lcm, mpq_denref(x->v[j]));
    for (size_t t = 0; t < q->out.each; t++) mpz_set_ui(q->w.m[t], 0);
    for (size_t j = 0; j <= q->width; j++) {
        if (mpq_sgn(x->v[j]) == 0) continue;
        mpz_divexact(factor, lcm, mpq_denref(x->v[j]));
        mpz_mul(factor, factor, mpq_numref(x->v[j]));
        if (j == q->width) {
            mpz_mul_2exp(factor, factor, q->out.scale);
            mpz_add(q->w.m[0], q->w.m[0], factor);
        } else
            for (size_t t = 0; t < q->out.each; t++) mpz_addmul(q->w.m[t], factor, q->out.c[j * q->out.each + t]);
    }
    mpz_mul_2exp(unit, lcm, q->out.scale);
    mpz_clears(factor, lcm, NULL);
}

static bool multiplier_holds(struct quad *q, const struct form *x, const mpq_t lambda) {
    mpz_t unit;
    mpz_init(unit);
    polynomial(q, x, unit);
    form_point(q->w.X, q->shift, q->g.centre, q->n);
    bool good = form_positive(&q->w, unit, q->g.radius2, lambda);
    mpz_clear(unit);
    return good;
}

static bool case_holds(struct quad *q, const char *s, size_t size) {
    mpq_t *lambda = vector_new(q->n_forms);
    bool good = q->n_forms == 0 ? size == 0 : size > 1 && rationals_read(s + 1, size - 1, ' ', lambda, q->n_forms);
    if (!good) refuse(q, "not one multiplier for each form");
    for (size_t i = 0; good && i < q->n_forms; i++) {
        if (mpq_sgn(lambda[i]) < 0) good = refuse(q, "a multiplier is negative");
        else if (!multiplier_holds(q, &q->forms[i], lambda[i])) good = fail_at(q->l.f, q->l.line, "rule quadratic: multiplier %zu does not show its form positive", i + 1);
    }
    vector_free(lambda, q->n_forms);
    return good;
}

static bool next_line(struct cells *s, const char **text, size_t *size) {
    struct quad *q = s->from;
    if (q->next == q->c->n_cases) return cells_refuse(s, "a line 'case split' or 'case leaf' is missing");
    const struct binding *x = &q->c->cases[q->next++];
    s->line = q->l.line = x->line;
    *text = x->s;
    *size = x->n;
    return true;
}

/* A region that is no whole ball: the tree of cells of each form. */
static bool cells_hold(struct quad *q, size_t size) {
    struct cells s = {next_line, q, "rule quadratic", q->l.line, q->l.f, &q->g, &q->w, (const mpq_t *)q->shift, q->inner.c != NULL ? &q->inner : NULL};
    bool good = size == 0 || refuse(q, "multipliers of a region other than a ball stand in its leaves");
    mpz_t unit;
    mpz_init(unit);
    for (size_t i = 0; good && i < q->n_forms && !region_is_empty(&q->g); i++) {
        polynomial(q, &q->forms[i], unit);
        good = cells_show(&s, unit);
    }
    mpz_clear(unit);
    return good;
}

/* the vector of a BINDING, in the region */
static bool read_vector(struct quad *q, const char *s, size_t size, mpq_t *d) {
    if (q->n == 1 && size > 0 && s[size - 1] == ',') size--;
    else if (q->n == 1) return refuse(q, "not a vector of the network's inputs");
    if (!rationals_read(s, size, ',', d, q->n)) return refuse(q, "not a vector of the network's inputs");
    return region_has(&q->g, (const mpq_t *)d) || refuse(q, "the vector is not in the region");
}

static bool some_form_fails(struct quad *q, const mpq_t *d) {
    mpz_t unit, value;
    mpz_inits(unit, value, NULL);
    if (q->inner.c != NULL) {
        mpq_t *h = vector_new(q->inner.width), *zero = vector_new(q->inner.width);
        deep_row(h, &q->inner, (const mpq_t *)q->shift, d, q->n);
        form_point(q->w.X, (const mpq_t *)h, (const mpq_t *)zero, q->inner.width);
        vector_free(h, q->inner.width);
        vector_free(zero, q->inner.width);
    } else form_point(q->w.X, (const mpq_t *)q->shift, d, q->n);
    bool fails = false;
    for (size_t i = 0; !fails && i < q->n_forms; i++) {
        polynomial(q, &q->forms[i], unit);
        form_gradient(&q->w, value);
        fails = q->forms[i].strict ? mpz_sgn(value) <= 0 : mpz_sgn(value) < 0;
    }
    mpz_clears(unit, value, NULL);
    return fails;
}

static bool case_fails(struct quad *q, const char *s, size_t size) {
    mpq_t *d = vector_new(q->n);
    bool good = read_vector(q, s, size, d) && (some_form_fails(q, (const mpq_t *)d) || refuse(q, "the predicate does not fail at the vector"));
    vector_free(d, q->n);
    return good;
}

/* Weights, one a condition on the vector, that show the region empty. */
static bool case_empty(struct quad *q, const char *s, size_t size) {
    size_t n = q->g.n_limits;
    mpq_t *weights = vector_new(n);
    bool good = n > 0 && rationals_read(s, size, ' ', weights, n);
    if (!good) refuse(q, "not one weight for each condition");
    for (size_t i = 0; good && i < n; i++)
        if (mpq_sgn(weights[i]) < 0) good = refuse(q, "a weight is negative");
    if (good && !region_excluded(&q->g, (const mpq_t *)weights)) good = refuse(q, "the weights do not show the region empty");
    vector_free(weights, n);
    return good;
}

/* A region of one point, or none. */
static bool point_holds(struct quad *q, size_t left) {
    if (left > 0) return refuse(q, "a region of one point has no multipliers");
    return !region_has(&q->g, (const mpq_t *)q->g.lo) || !some_form_fails(q, (const mpq_t *)q->g.lo) || refuse(q, "a form fails at the point");
}

static bool starts(const struct binding *x, const char *word) {
    size_t n = strlen(word);
    return x->n >= n && memcmp(x->s, word, n) == 0;
}

static bool one_case(struct quad *q, enum tri *t, bool *empty) {
    if (q->next == q->c->n_cases) return refuse(q, "a line 'case' is missing");
    const struct binding *x = &q->c->cases[q->next++];
    q->l.line = x->line;
    if (x->n == 4 && starts(x, "open")) {
        *t = OPEN;
        return true;
    }
    bool hold = starts(x, "hold") && (x->n == 4 || x->s[4] == ' ');
    *empty = starts(x, "empty ");
    if (!hold && !*empty && !starts(x, "fail ")) return refuse(q, "'hold', 'fail', 'empty' or 'open' expected");
    *t = hold || *empty ? YES : NO;
    if (!set_up(q)) return false;
    if (*empty) return case_empty(q, x->s + 6, x->n - 6);
    if (!hold) return case_fails(q, x->s + 5, x->n - 5);
    if (region_is_point(&q->g)) return point_holds(q, x->n - 4);
    return region_is_ball(&q->g) && q->inner.c == NULL ? case_holds(q, x->s + 4, x->n - 4) : cells_hold(q, x->n - 4);
}

static bool step(struct eval *e, void *arg) {
    struct quad *q = arg;
    q->l.line = q->c->rule_line;
    if (++q->bindings > BINDINGS_MOST) return refuse(q, "more than 2^40 bindings");
    enum tri where = region_where(&q->l, q->where), t = NO;
    if (e->fail.set) return linear_says(&q->l);
    bool empty = false;
    if (where != NO && !one_case(q, &t, &empty)) return false;
    if (empty && q->universal) where = NO; /* no vector satisfies the condition */
    enum tri both = tri_and(where, t);
    q->cond += where == YES;
    q->cond_open += where == OPEN;
    q->yes += both == YES;
    q->open += both == OPEN;
    q->all = q->all && (where == NO || t == YES);
    q->failed = q->failed || (where == YES && t == NO);
    return true;
}

/* ---- the statement ---- */

/* forall B, d in ball(...) where C prove P | prove all{P : B, d in ball(...) where C} | count B where C : all{P : d in ball(...) where D} */
static bool shape(struct quad *q, const struct stmt *s) {
    const struct ex *all = s->subject;
    const struct binds *b = &s->binds;
    bool is_all = all->kind == EX_QUANT && all->number == Q_ALL, universal = s->body == BODY_PROVE && !s->closed;
    if (s->float32) return refuse(q, "real semantics only");
    if (s->body != BODY_PROVE && s->body != BODY_COUNT) return refuse(q, "only prove and count");
    if (!universal && !is_all) return refuse(q, "not an all{} over a ball");
    if (s->body == BODY_COUNT && all->binds.n != 1) return refuse(q, "a count is of an all{} over one ball");
    q->universal = universal;
    q->predicate = universal ? s->subject : all->k[0];
    q->where = universal || s->body == BODY_COUNT ? s->where : all->where;
    q->cut = s->body == BODY_COUNT ? all->where : q->where;
    if (!universal) b = &all->binds;
    const struct bind *last = &b->b[b->n - 1];
    q->ball = last->set;
    q->l.slot = last->slot;
    q->outer = s->body == BODY_COUNT ? s->binds : (struct binds){b->b, b->n - 1};
    return is_region(q->ball) || refuse(q, "the last variable is not in a ball or a box");
}

/* the network of the first output that reads the vector */
static int model_of(const struct quad *q, const struct ex *x) {
    int found = -1;
    if (x == NULL) return -1;
    if (is_call(x, FN_OUTPUT) && x->k[0]->kind == EX_MODEL && mentions(x->k[1], q->l.slot)) return x->k[0]->number;
    for (int i = 0; found < 0 && i < x->n; i++) found = model_of(q, x->k[i]);
    return found;
}

static bool begin(struct quad *q, const struct certificate *c, struct eval *e, struct fail *f) {
    *q = (struct quad){.l = {.rule = "quadratic", .linear_in = "outputs of the network", .e = e, .f = f, .line = c->rule_line, .entry = output_entry}, .c = c, .all = true};
    if (!shape(q, e->s)) return false;
    if ((q->model = model_of(q, q->predicate)) < 0) return refuse(q, "no output of a network that reads the vector");
    if (e->s->models[q->model].net == NULL) return refuse(q, "a network is missing");
    struct fail none = {0};
    if (!net_rowpoly(&q->out, e->s->models[q->model].net, -1, &none)) {
        rowpoly_clear(&q->out);
        if (!deep_find(&q->out, &q->inner, e->s->models[q->model].net)) return net_rowpoly(&q->out, e->s->models[q->model].net, -1, f);
    }
    q->n = e->s->models[q->model].net->in_width;
    q->width = q->l.constant = q->out.width;
    q->shift = vector_new(q->n);
    region_init(&q->g, q->n);
    formroom_init(&q->w, q->inner.c != NULL ? q->inner.width : q->n);
    return true;
}

static void end(struct quad *q) {
    drop_forms(q);
    mem_free(q->forms);
    vector_free(q->shift, q->n);
    region_clear(&q->g);
    formroom_clear(&q->w);
    rowpoly_clear(&q->out);
    rowpoly_clear(&q->inner);
}

bool rule_quadratic(const struct certificate *c, struct eval *e, struct tally *t, bool *failed, struct fail *f) {
    struct quad q;
    bool good = begin(&q, c, e, f);
    e->fail.set = false;
    if (good && !eval_each(e, &q.outer, step, &q)) good = f->set ? false : linear_says(&q.l);
    if (good && q.next != c->n_cases) good = fail_at(f, c->cases[q.next].line, "a line 'case' too many");
    mpz_set_ui(t->bindings, q.bindings);
    mpz_set_ui(t->where, q.cond);
    mpz_set_ui(t->where_open, q.cond_open);
    mpz_set_ui(t->yes, q.yes);
    mpz_set_ui(t->open, q.open);
    t->all = q.all;
    *failed = q.failed;
    end(&q);
    return good;
}

bool quadratic_point(const struct certificate *c, struct eval *e, const struct binding *b, bool counterexample, struct fail *f) {
    struct quad q;
    struct arena arena = {0};
    bool good = begin(&q, c, e, f);
    struct binding vector;
    good = good && linear_binding(&q.l, &arena, b, &q.outer, e->s->binds.b[e->s->binds.n - 1].name, &vector);
    if (good) {
        enum tri where = region_where(&q.l, q.where);
        if (e->fail.set) good = linear_says(&q.l);
        else if (where != YES) good = refuse(&q, "the condition does not hold there");
    }
    mpq_t *d = vector_new(q.n);
    good = good && set_up(&q) && read_vector(&q, vector.s, vector.n, d);
    if (good && counterexample && !some_form_fails(&q, (const mpq_t *)d)) good = refuse(&q, "the predicate does not fail there");
    vector_free(d, q.n);
    binding_unset(e, &q.outer);
    arena_free(&arena);
    end(&q);
    return good;
}
