/* polynomial: the engine for claims about all real vectors, cones, intervals and boxes beside them, of networks that are polynomials of degree two. A claim fails
 * at a point where one of several lists of inequalities holds; each list is excluded by weights, or a point satisfies it (docs/methods.md, "Polynomials"). */
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial.h"

static bool reads_network(const struct expr *e, void *context)
{
    const struct poly_claim *c = context;
    bool reads = false;
    if (e->form != FORM_CALL || e->function != FUNCTION_OUTPUT) return true;
    for (size_t i = 0; i < c->n_reals; i++) reads = reads || expr_uses_slot(e->args[1], c->bound[i].slot);
    return !reads;
}

struct network_search { const struct poly_claim *c; struct text *why; };

static bool network_possible(const struct expr *e, void *context)
{
    struct network_search *n = context;
    if (reads_network(e, (void *)(uintptr_t)n->c)) return true;
    const struct model *m = e->args[0]->form == FORM_NAME ? statement_model(n->c->s, e->args[0]->name) : NULL;
    if (!m) {
        text_add(n->why, e->args[0]->form == FORM_NAME ? "a model is not loaded" : "a network is not a model of the file");
        return false;
    }
    return outputs_possible(&m->net, -1, n->why);
}

static bool polynomial_takes(const struct statement *s, struct text *why)
{
    struct poly_claim c;
    if (s->undecidable || !s->text) {
        text_add(why, s->undecidable ? s->undecidable : "the statement is not complete");
        return false;
    }
    if (!poly_claim_of(&c, s, why)) return false;
    struct network_search n = {&c, why};
    return expr_walk(c.predicate, network_possible, &n) && (!c.where || expr_walk(c.where, network_possible, &n));
}

static double polynomial_cost(const struct statement *s)
{
    (void)s;
    return 1;   /* no other engine takes these sets, but for one box */
}

struct work {
    struct poly_claim c; const struct limits *l;
    struct text sums, cones;          /* lines of the certificate */
    fmpq *z; size_t room;
    bool refuted, open, witnessed, vacuous;
    struct weights w;
};

/* The binding of all variables at the point w->z, and a line for each cone. */
static enum status bind(struct binding *out, struct work *w)
{
    enum status s = binding_read(out, &w->c.outer, w->c.in);
    fmpq_t x;
    fmpq_init(x);
    text_clear(&w->cones);
    for (size_t i = 0; s == STATUS_OK && i < w->c.n_reals; i++) {
        const struct real_variable *r = &w->c.reals[i];
        fmpq *v = _fmpq_vec_init((slong)r->value.n);
        struct text t;
        text_init(&t);
        for (size_t k = 0; k < r->value.n; k++) poly_value(v + k, &r->value.p[k], w->z);
        if (r->value.vector) fractions_add_text(&t, v, r->value.n);
        else fraction_add_text(&t, v);
        s = t.failed ? STATUS_MEMORY : binding_add_vector(out, r->bind->name, t.data);
        if (r->cone) {
            text_addf(&w->cones, "cone %s ", r->bind->name);
            fractions_add_text(&w->cones, w->z + r->first, r->count);
            text_add(&w->cones, "\n");
        }
        text_clear(&t);
        _fmpq_vec_clear(v, (slong)r->value.n);
    }
    fmpq_clear(x);
    return s == STATUS_OK && w->cones.failed ? STATUS_MEMORY : s;
}

static void add_line(struct work *w, const struct lists *x, size_t i)
{
    size_t from = i ? x->ends[i - 1] : 0;
    text_add(&w->sums, "sum ");
    fraction_add_text(&w->sums, &w->w.epsilon);
    for (size_t k = 0; k < w->w.n; k++) {
        const struct weight_term *t = &w->w.t[k];
        if (fmpq_is_zero(&t->w)) continue;
        if (t->atom >= 0) {
            size_t at = from;
            while (x->ids[at] != (size_t)t->atom) at++;
            text_addf(&w->sums, " a%zu:", at - from);
        } else if (t->second < 0) text_addf(&w->sums, " g%ld:", t->first);
        else text_addf(&w->sums, " g%ld*%ld:", t->first, t->second);
        fraction_add_text(&w->sums, &t->w);
    }
    text_add(&w->sums, "\n");
}

/* Bounds are numbered as the checkers do: those that a variable has, in order. */
static void renumber(struct work *w)
{
    long n = 0, *number = mem_array(2 * w->c.n_variables + 1, sizeof *number);
    if (!number) {
        w->sums.failed = true;
        return;
    }
    for (size_t v = 0; v < w->c.n_variables; v++) {
        if (w->c.ranges[v].has_lo) number[2 * v] = n++;
        if (w->c.ranges[v].has_hi) number[2 * v + 1] = n++;
    }
    for (size_t k = 0; k < w->w.n; k++) {
        struct weight_term *t = &w->w.t[k];
        if (t->atom >= 0) continue;
        t->first = number[t->first];
        if (t->second >= 0) t->second = number[t->second];
    }
    free(number);
}

static enum status one_list(struct outcome *out, struct work *w, const struct lists *x, size_t i)
{
    struct starts starts = {0};
    bool found = false;
    enum status s = weights_find(&found, &w->w, &starts, &w->c, x, i, w->l);
    if (s == STATUS_OK && found) {
        renumber(w);
        add_line(w, x, i);
    } else if (s == STATUS_OK) {
        s = point_find(&w->refuted, w->z, &w->c, x, i, &starts, w->l);
        if (s == STATUS_OK && w->refuted) s = bind(&out->counterexample, w);
        w->open = w->open || !w->refuted;
    }
    free(starts.z);
    return s == STATUS_OK && limits_expired(w->l) && !w->refuted ? STATUS_TIMEOUT : s;
}

/* A point at which the condition and the antecedents of the predicate hold, of the first binding that has one. */
static enum status witness(struct outcome *out, struct work *w)
{
    struct lists all = {0}, one, both = {0};
    struct starts none = {0};
    enum status s = poly_lists(&all, &w->c, w->c.where, true);
    for (const struct expr *e = w->c.predicate; s == STATUS_OK && all.n > 0 && e->form == FORM_BINARY && e->oper == OPER_IMPLIES; e = e->args[1]) {
        s = poly_lists(&one, &w->c, e->args[0], true);
        if (s == STATUS_OK) s = lists_both(&both, &w->c, &all, &one);
        lists_clear(&all);
        lists_clear(&one);
        all = both;
        both = (struct lists){0};
    }
    for (size_t i = 0; s == STATUS_OK && !w->witnessed && i < all.n; i++) s = point_find(&w->witnessed, w->z, &w->c, &all, i, &none, w->l);
    if (s == STATUS_OK && w->witnessed) s = bind(&out->witness, w);
    lists_clear(&all);
    return s;
}

static enum status one_binding(struct outcome *out, struct work *w)
{
    struct lists where = {0}, fails = {0}, query = {0};
    enum status s = poly_region(&w->c);
    if (s == STATUS_OK && w->c.n_variables > w->room) {
        if (w->z) _fmpq_vec_clear(w->z, (slong)w->room);
        w->room = w->c.n_variables;
        w->z = _fmpq_vec_init((slong)w->room);
    }
    if (s == STATUS_OK) s = poly_lists(&where, &w->c, w->c.where, true);
    if (s == STATUS_OK && where.n > 0) s = poly_lists(&fails, &w->c, w->c.predicate, false);
    if (s == STATUS_OK) s = lists_both(&query, &w->c, &where, &fails);
    for (size_t i = 0; s == STATUS_OK && !w->refuted && i < query.n; i++) s = one_list(out, w, &query, i);
    if (s == STATUS_OK && !w->refuted && !w->open && !w->witnessed) s = witness(out, w);
    lists_clear(&where);
    lists_clear(&fails);
    lists_clear(&query);
    return s;
}

/* The lists of the condition alone, each excluded by a line. */
static enum status condition_empty(bool *empty, struct work *w)
{
    struct lists where = {0};
    enum status s = poly_region(&w->c);
    if (s == STATUS_OK) s = poly_lists(&where, &w->c, w->c.where, true);
    for (size_t i = 0; s == STATUS_OK && *empty && i < where.n; i++) {
        struct starts starts = {0};
        s = weights_find(empty, &w->w, &starts, &w->c, &where, i, w->l);
        free(starts.z);
        if (s == STATUS_OK && *empty) renumber(w), add_line(w, &where, i);
    }
    lists_clear(&where);
    return s;
}

/* No point satisfied the condition: does none, for any binding? */
static enum status vacuous(struct work *w, struct diag *d)
{
    struct walk *walk = NULL;
    bool more = true, empty = w->c.where != NULL;
    text_clear(&w->sums);
    enum status s = empty ? walk_new(&walk, &w->c.outer, w->c.in, d) : STATUS_OK;
    while (s == STATUS_OK && more && empty) {
        s = walk_next(&more, walk, d);
        if (s == STATUS_OK && more) s = condition_empty(&empty, w);
    }
    walk_free(walk);
    w->vacuous = s == STATUS_OK && empty;
    return s;
}

static enum status propose(struct outcome *out, struct work *w)
{
    const char *reason = NULL;
    out->rule = "polynomial";
    if (w->refuted) out->proposal = PROPOSAL_FALSE;
    else if (w->vacuous) out->proposal = PROPOSAL_VACUOUS;
    else if (w->open) reason = "no weights were found that exclude a counterexample, and no counterexample: it may lie at a tie, or need more than weights that are the same everywhere";
    else if (mpz_sgn(out->cases) == 0) reason = "the finite variables have no values";
    else if (!w->witnessed) reason = "no point that satisfies the condition was found";
    else out->proposal = PROPOSAL_TRUE;
    if (reason) out->reason = mem_string(reason);
    if (out->proposal == PROPOSAL_NONE) return out->reason ? STATUS_OK : STATUS_MEMORY;
    struct text lines;
    text_init(&lines);
    if (!w->refuted) text_add_n(&lines, w->sums.data ? w->sums.data : "", w->sums.size);
    text_add_n(&lines, w->cones.data ? w->cones.data : "", w->cones.size);
    out->evidence = mem_string(lines.data ? lines.data : "");
    bool failed = w->sums.failed || w->cones.failed || lines.failed || !out->evidence;
    text_clear(&lines);
    return failed ? STATUS_MEMORY : STATUS_OK;
}

static enum status polynomial_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct work w = {.l = l};
    struct walk *walk = NULL;
    struct interp *in = NULL;
    bool more = true;
    text_init(&w.sums);
    text_init(&w.cones);
    enum status status = poly_claim_of(&w.c, s, &w.cones) ? interp_new(&in, s, 0) : STATUS_INTERNAL;
    w.c.in = in;
    w.c.d = d;
    if (status == STATUS_OK) status = walk_new(&walk, &w.c.outer, in, d);
    while (status == STATUS_OK && more && !w.refuted) {
        status = walk_next(&more, walk, d);
        if (status == STATUS_OK && more) mpz_add_ui(out->cases, out->cases, 1);
        if (status == STATUS_OK && more) status = one_binding(out, &w);
    }
    if (status == STATUS_OK && !w.refuted && !w.witnessed) status = vacuous(&w, d);
    if (status == STATUS_OK) status = propose(out, &w);
    walk_free(walk);
    weights_clear(&w.w);
    fmpq_clear(&w.w.epsilon);
    if (w.z) _fmpq_vec_clear(w.z, (slong)w.room);
    poly_claim_clear(&w.c);
    interp_free(in);
    text_clear(&w.sums);
    text_clear(&w.cones);
    return status;
}

const struct engine engine_polynomial = {"polynomial", "bilinear networks over all real vectors, cones and intervals: weights that exclude a counterexample", polynomial_takes, polynomial_cost, polynomial_decide, false};
