/* Claims about real variables: the shape of the statement, the region of the variables, numbers and vectors as polynomials in them (FORMAT.md §3, rule polynomial). */
#include "linear.h"
#include "polynomial.h"
#include <string.h>

bool world_refuse(struct world *w, const char *what) { return fail_at(w->f, w->line, "rule polynomial: %s", what); }

bool world_says(struct world *w) { return w->f->set ? false : fail_at(w->f, w->line, "%s", w->e->fail.set ? w->e->fail.text : "a value was expected"); }

bool world_fresh(struct world *w) {
    w->e->p = precision[0];
    w->e->fail.set = false;
    eval_reset(w->e);
    return true;
}

bool world_plain(const struct world *w, const struct ex *x) {
    bool reads = x->network;
    for (int i = 0; i < w->n_reals; i++) reads = reads || mentions(x, w->bound[i].slot);
    return !reads;
}

static bool real_set(const struct ex *set) {
    return set->kind == EX_CALL && (set->number == FN_REALS || set->number == FN_ORTHANT || set->number == FN_CONE || set->number == FN_INTERVAL || set->number == FN_BOX);
}

bool world_begin(struct world *w, const struct certificate *c, struct eval *e, struct fail *f) {
    const struct stmt *s = e->s;
    *w = (struct world){.c = c, .e = e, .f = f, .line = c->rule_line};
    if (s->float32) return world_refuse(w, "real semantics only");
    if (s->body != BODY_PROVE || s->closed) return world_refuse(w, "not a forall");
    int finite = 0;
    while (finite < s->binds.n && !real_set(s->binds.b[finite].set)) finite++;
    for (int i = finite; i < s->binds.n; i++)
        if (!real_set(s->binds.b[i].set)) return world_refuse(w, "a variable of a finite set stands behind one of a set of reals");
    w->outer = (struct binds){s->binds.b, finite};
    w->bound = s->binds.b + finite;
    w->n_reals = s->binds.n - finite;
    w->outputs = mem_get((size_t)s->n_models + 1, sizeof *w->outputs);
    w->known = mem_get((size_t)s->n_models + 1, sizeof *w->known);
    return w->n_reals > 0 ? true : world_refuse(w, "no variable is in a set of reals");
}

static void region_clear(struct world *w) {
    for (size_t i = 0; i < w->n_atoms; i++) sparse_clear(&w->atoms[i].p);
    w->n_atoms = 0;
    for (int i = 0; w->reals != NULL && i < w->n_reals; i++) rowval_clear(&w->reals[i].value);
    mem_free(w->reals);
    w->reals = NULL;
    for (size_t i = 0; i < w->n_variables; i++) mpq_clears(w->reach[i].lo, w->reach[i].hi, NULL);
    w->n_variables = 0;
}

void world_end(struct world *w) {
    region_clear(w);
    mem_free(w->reach);
    mem_free(w->atoms);
    for (int i = 0; w->known != NULL && i < w->e->s->n_models; i++)
        if (w->known[i]) rowpoly_clear(&w->outputs[i]);
    mem_free(w->outputs);
    mem_free(w->known);
}

/* ---- the region ---- */

/* An exact number or vector; *v is owned, n entries. */
static bool exact(struct world *w, const struct ex *x, mpq_t **v, size_t *n, bool *vector) {
    struct val a;
    if (!world_plain(w, x)) return world_refuse(w, "an exact value was expected");
    if (!(world_fresh(w) && eval(w->e, x, &a) && val_force(w->e, &a))) return world_says(w);
    *vector = a.type == V_ARRAY;
    if (a.type != V_NUM && !(*vector && a.rank == 1)) return world_refuse(w, "a number or a vector was expected");
    *n = *vector ? a.d[0] : 1;
    for (size_t i = 0; i < *n; i++)
        if (!num_exact(&a.x[i])) return world_refuse(w, "a value is not exact");
    *v = vector_new(*n);
    for (size_t i = 0; i < *n; i++) {
        mpq_set((*v)[i], a.x[i].q);
        mpq_canonicalize((*v)[i]);
    }
    return world_fresh(w);
}

static struct reach *new_variable(struct world *w) {
    if (w->n_variables == w->room) {
        w->reach = mem_grow(w->reach, w->room, 2 * w->room + 16, sizeof *w->reach);
        w->room = 2 * w->room + 16;
    }
    struct reach *r = &w->reach[w->n_variables++];
    *r = (struct reach){0};
    mpq_inits(r->lo, r->hi, NULL);
    return r;
}

static struct sparse *rows_new(struct rowval *v, bool vector, size_t n) {
    *v = (struct rowval){.vector = vector, .n = n, .p = mem_get(n + 1, sizeof *v->p)};
    return v->p;
}

static void plain_variables(struct world *w, struct real_variable *x, bool vector, size_t n, const mpq_t *lo, const mpq_t *hi, bool from_zero) {
    mpq_t one;
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    struct sparse *p = rows_new(&x->value, vector, n);
    for (size_t i = 0; i < n; i++) {
        struct reach *r = new_variable(w);
        r->has_lo = lo != NULL || from_zero;
        r->has_hi = hi != NULL;
        if (lo != NULL) mpq_set(r->lo, lo[i]);
        if (hi != NULL) mpq_set(r->hi, hi[i]);
        sparse_term(&p[i], (power_product)w->n_variables << 48, one);
        sparse_tidy(&p[i]);
    }
    mpq_clear(one);
}

static bool too_many(struct world *w, size_t n) { return n > VARIABLES_MOST - w->n_variables ? !world_refuse(w, "too many real variables") : false; }

static bool space(struct world *w, struct real_variable *x, const struct ex *set) {
    int64_t n;
    if (!world_plain(w, set->k[0])) return world_refuse(w, "a length rests on real variables");
    if (!(world_fresh(w) && eval_int(w->e, set->k[0], &n))) return world_says(w);
    world_fresh(w);
    if (n < 1 || n > VARIABLES_MOST) return world_refuse(w, "a space of no such dimension");
    if (too_many(w, (size_t)n)) return false;
    plain_variables(w, x, true, (size_t)n, NULL, NULL, set->number == FN_ORTHANT);
    return true;
}

static bool between(struct world *w, struct real_variable *x, const struct ex *set) {
    mpq_t *lo = NULL, *hi = NULL;
    size_t n = 0, m = 0;
    bool a = false, b = false, vector = set->number == FN_BOX;
    bool good = exact(w, set->k[0], &lo, &n, &a) && exact(w, set->k[1], &hi, &m, &b);
    if (good && (n != m || n == 0 || a != vector || b != vector)) good = world_refuse(w, "the ends of an interval, or the corners of a box, do not fit");
    for (size_t i = 0; good && i < n; i++)
        if (mpq_cmp(lo[i], hi[i]) > 0) good = world_refuse(w, "a set of reals is empty");
    if (good && too_many(w, n)) good = false;
    if (good) plain_variables(w, x, vector, n, (const mpq_t *)lo, (const mpq_t *)hi, false);
    if (lo != NULL) vector_free(lo, n);
    if (hi != NULL) vector_free(hi, m);
    return good;
}

static bool generated(struct world *w, struct real_variable *x, const struct ex *set) {
    bool good = true;
    x->cone = true;
    x->count = (size_t)set->n;
    for (int k = 0; good && k < set->n; k++) {
        mpq_t *v = NULL;
        size_t n = 0;
        bool vector = false;
        if (too_many(w, 1)) return false;
        new_variable(w)->has_lo = true;
        good = exact(w, set->k[k], &v, &n, &vector);
        if (good && (!vector || n == 0 || (k > 0 && n != x->value.n))) good = world_refuse(w, "the generators of a cone are vectors of one length");
        if (good && k == 0) rows_new(&x->value, true, n);
        for (size_t i = 0; good && i < n; i++) sparse_term(&x->value.p[i], (power_product)w->n_variables << 48, (const __mpq_struct *)v[i]);
        if (v != NULL) vector_free(v, n);
    }
    return good && finish(w, &x->value);
}

bool world_region(struct world *w) {
    bool good = true;
    region_clear(w);
    w->reals = mem_get((size_t)w->n_reals, sizeof *w->reals);
    for (int i = 0; good && i < w->n_reals; i++) {
        const struct ex *set = w->bound[i].set;
        struct real_variable *x = &w->reals[i];
        x->bind = &w->bound[i];
        x->first = w->n_variables;
        good = set->number == FN_CONE ? generated(w, x, set) : set->number == FN_REALS || set->number == FN_ORTHANT ? space(w, x, set) : between(w, x, set);
    }
    return good;
}

/* ---- values ---- */

bool finish(struct world *w, struct rowval *v) {
    for (size_t i = 0; i < v->n; i++) {
        sparse_tidy(&v->p[i]);
        if (v->p[i].failed != NULL) return world_refuse(w, v->p[i].failed);
    }
    return true;
}

static void copy(struct rowval *out, const struct sparse *p, bool vector, size_t n) {
    mpq_t one;
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    rows_new(out, vector, n);
    for (size_t i = 0; i < n; i++) {
        sparse_add(&out->p[i], &p[i], one);
        sparse_tidy(&out->p[i]);
    }
    mpq_clear(one);
}

static bool constants(struct world *w, const struct ex *x, struct rowval *out) {
    mpq_t *v = NULL;
    size_t n = 0;
    bool vector = false, good = exact(w, x, &v, &n, &vector);
    if (good) rows_new(out, vector, n);
    for (size_t i = 0; good && i < n; i++) sparse_term(&out->p[i], 0, (const __mpq_struct *)v[i]);
    if (v != NULL) vector_free(v, n);
    return good && finish(w, out);
}

/* sum of the coefficients times products of two entries of y, where entry 0 is 1 */
static bool substitute(struct world *w, const struct rowpoly *o, size_t n, const struct rowval *y, struct rowval *out) {
    struct sparse one = {0};
    mpq_t f;
    bool good = true;
    mpq_init(f);
    mpq_set_ui(f, 1, 1);
    sparse_term(&one, 0, f);
    rows_new(out, true, o->width);
    for (size_t u = 0; good && u <= n; u++)
        for (size_t v = u; good && v <= n; v++) {
            struct sparse product = {0};
            bool some = false;
            for (size_t k = 0; k < o->width; k++) some = some || mpz_sgn(o->c[k * o->each + monomial(n, u, v)]) != 0;
            if (!some) continue;
            sparse_times(&product, u > 0 ? &y->p[u - 1] : &one, v > 0 ? &y->p[v - 1] : &one);
            sparse_tidy(&product);
            if (product.failed != NULL) good = world_refuse(w, product.failed);
            for (size_t k = 0; good && k < o->width; k++) {
                mpq_set_z(f, o->c[k * o->each + monomial(n, u, v)]);
                mpq_div_2exp(f, f, o->scale);
                sparse_add(&out->p[k], &product, f);
            }
            sparse_clear(&product);
        }
    sparse_clear(&one);
    mpq_clear(f);
    return good && finish(w, out);
}

static bool output(struct world *w, const struct ex *x, struct rowval *out) {
    struct rowval y = {0};
    int m = x->k[0]->kind == EX_MODEL ? x->k[0]->number : -1;
    if (m < 0) return world_refuse(w, "a patched network");
    const struct net *net = w->e->s->models[m].net;
    if (net == NULL) return world_refuse(w, "a network is missing");
    if (!w->known[m] && !net_rowpoly(&w->outputs[m], net, -1, w->f)) return false;
    w->known[m] = true;
    bool good = read_rowval(w, x->k[1], &y);
    if (good && (!y.vector || y.n != net->in_width)) good = world_refuse(w, "a vector has not the length of the network's input");
    good = good && substitute(w, &w->outputs[m], net->in_width, &y, out);
    rowval_clear(&y);
    return good;
}

static bool combined(struct world *w, enum ex_kind kind, const struct rowval *a, const struct rowval *b, struct rowval *out) {
    bool product = kind == EX_MUL;
    if (product ? a->vector && b->vector : a->vector != b->vector || a->n != b->n) return world_refuse(w, "vectors that do not fit");
    mpq_t f;
    mpq_init(f);
    rows_new(out, a->vector || b->vector, a->vector ? a->n : b->n);
    for (size_t i = 0; i < out->n; i++) {
        const struct sparse *x = &a->p[a->vector ? i : 0], *y = &b->p[b->vector ? i : 0];
        mpq_set_si(f, 1, 1);
        if (product) sparse_times(&out->p[i], x, y);
        else sparse_add(&out->p[i], x, f);
        mpq_set_si(f, kind == EX_SUB ? -1 : 1, 1);
        if (!product) sparse_add(&out->p[i], y, f);
    }
    mpq_clear(f);
    return finish(w, out);
}

static bool binary(struct world *w, const struct ex *x, struct rowval *out) {
    struct rowval a = {0}, b = {0};
    bool good = read_rowval(w, x->k[0], &a) && read_rowval(w, x->k[1], &b) && combined(w, x->kind, &a, &b, out);
    rowval_clear(&a);
    rowval_clear(&b);
    return good;
}

/* - x, or x divided by an exact number */
static bool scaled(struct world *w, const struct ex *x, const struct ex *by, struct rowval *out) {
    struct rowval a = {0};
    mpq_t *v = NULL, f;
    size_t n = 0;
    bool vector = false, good = by == NULL || exact(w, by, &v, &n, &vector);
    mpq_init(f);
    mpq_set_si(f, -1, 1);
    if (good && by != NULL && (vector || mpq_sgn(v[0]) == 0)) good = world_refuse(w, "division by 0, or by a vector");
    if (good && by != NULL) mpq_inv(f, v[0]);
    good = good && read_rowval(w, x, &a);
    if (good) rows_new(out, a.vector, a.n);
    for (size_t i = 0; good && i < a.n; i++) sparse_add(&out->p[i], &a.p[i], f);
    if (v != NULL) vector_free(v, n);
    rowval_clear(&a);
    mpq_clear(f);
    return good && finish(w, out);
}

static bool raised(struct world *w, const struct ex *x, struct rowval *out) {
    struct rowval base = {0}, next;
    int64_t n = 0;
    bool good = world_plain(w, x->k[1]) && world_fresh(w) && eval_int(w->e, x->k[1], &n);
    world_fresh(w);
    if (!good || n < 1 || n > DEGREE_MOST) return world_refuse(w, "an exponent that is not 1, 2, 3 or 4");
    good = read_rowval(w, x->k[0], &base);
    if (good) copy(out, base.p, base.vector, base.n);
    for (int64_t i = 1; good && i < n; i++) {
        next = (struct rowval){0};
        good = combined(w, EX_MUL, out, &base, &next);
        rowval_clear(out);
        *out = next;
    }
    rowval_clear(&base);
    return good;
}

static bool indexed(struct world *w, const struct ex *x, struct rowval *out) {
    struct rowval a = {0};
    if (x->n != 2) return world_refuse(w, "more than one index");
    if (!read_rowval(w, x->k[0], &a)) {
        rowval_clear(&a);
        return false;
    }
    int64_t i = (int64_t)a.n - 1;
    bool good = a.vector || world_refuse(w, "an index of a number");
    if (good && x->k[1]->kind != EX_LAST) {
        good = world_plain(w, x->k[1]) || world_refuse(w, "an index rests on real variables");
        good = good && ((world_fresh(w) && eval_int(w->e, x->k[1], &i)) || world_says(w));
        if (good) world_fresh(w);
    }
    if (good && (i < 0 || i >= (int64_t)a.n)) good = world_refuse(w, "index out of range");
    if (good) copy(out, a.p + i, false, 1);
    rowval_clear(&a);
    return good;
}

static bool listed(struct world *w, const struct ex *x, struct rowval *out) {
    mpq_t one;
    bool good = true;
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    rows_new(out, true, (size_t)x->n);
    for (int i = 0; good && i < x->n; i++) {
        struct rowval a = {0};
        good = read_rowval(w, x->k[i], &a) && (!a.vector || world_refuse(w, "a list of vectors"));
        if (good) sparse_add(&out->p[i], &a.p[0], one);
        rowval_clear(&a);
    }
    mpq_clear(one);
    return good && finish(w, out);
}

/* dot(a, b), sum(a) */
static bool summed(struct world *w, const struct ex *x, struct rowval *out) {
    struct rowval a = {0}, b = {0};
    mpq_t one;
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    bool two = x->number == FN_DOT, good = read_rowval(w, x->k[0], &a) && (!two || read_rowval(w, x->k[1], &b));
    if (good && (!a.vector || (two && (!b.vector || b.n != a.n)))) good = world_refuse(w, "vectors that do not fit");
    if (good) rows_new(out, false, 1);
    for (size_t i = 0; good && i < a.n; i++) {
        if (two) sparse_times(&out->p[0], &a.p[i], &b.p[i]);
        else sparse_add(&out->p[0], &a.p[i], one);
    }
    rowval_clear(&a);
    rowval_clear(&b);
    mpq_clear(one);
    return good && finish(w, out);
}

bool read_rowval(struct world *w, const struct ex *x, struct rowval *out) {
    *out = (struct rowval){0};
    if (world_plain(w, x)) return constants(w, x, out);
    switch (x->kind) {
    case EX_VAR:
        for (int i = 0; i < w->n_reals; i++)
            if (w->bound[i].slot == x->number) {
                copy(out, w->reals[i].value.p, w->reals[i].value.vector, w->reals[i].value.n);
                return true;
            }
        return world_refuse(w, "a variable that has no value yet");
    case EX_NEG: return scaled(w, x->k[0], NULL, out);
    case EX_DIV: return scaled(w, x->k[0], x->k[1], out);
    case EX_ADD: case EX_SUB: case EX_MUL: return binary(w, x, out);
    case EX_POW: return raised(w, x, out);
    case EX_INDEX: return indexed(w, x, out);
    case EX_LIST: return listed(w, x, out);
    case EX_CALL:
        if (x->number == FN_OUTPUT) return output(w, x, out);
        if (x->number == FN_DOT || x->number == FN_SUM) return summed(w, x, out);
        return world_refuse(w, "a function of real variables that is none of output, dot and sum");
    default: return world_refuse(w, "real variables in an operation that is no polynomial");
    }
}
