/* What walks and optima of one problem say of the statement: counterexamples, witnesses, numbers, items, averages and smallest values. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/separable_run.h"

/* ---- bindings ---- */

static enum status read_binding(struct binding *out, struct separable_run *r, const struct problem *p, const int *tokens)
{
    sequence_bind(&p->t, r->in, tokens);
    return binding_read(out, r->shape.binds, r->in);
}

/* Keeps the lexicographically smaller of what is there and the binding of tokens. */
static enum status keep_first(struct binding *keep, struct separable_run *r, const struct problem *p, const int *tokens)
{
    struct binding b = { 0 };
    enum status s = read_binding(&b, r, p, tokens);
    if (s != STATUS_OK)
        return s;
    if (keep->n_parts == 0 || binding_compare(&b, keep) < 0) {
        binding_clear(keep);
        *keep = b;
    } else
        binding_clear(&b);
    return STATUS_OK;
}

static void first_tokens(int *tokens, const struct problem *p, const struct class *c)
{
    size_t s = 0;
    for (size_t i = 0; i < c->a.n; i++)
        for (size_t k = 0; k < c->a.n_tokens[i]; k++) {
            int to = c->a.next[i][s * c->a.n_tokens[i] + k];
            if (to >= 0) {
                tokens[i] = p->t.sets[i][k];
                s = (size_t)to;
                break;
            }
        }
}

/* ---- prove ---- */

static bool any_class(const struct problem *p, enum holds what)
{
    bool any = false;
    for (size_t c = 0; c < p->n_classes; c++)
        any |= p->classes[c].d.holds == what;
    return any;
}

/* Are the bound and the enclosure of the value beside it numbers? */
static bool bounded(const struct optimum *best) { return isfinite(best->lo) && arb_is_finite(best->value); }

/* Slack of a proved `forall`, and its tightest input as the witness. */
static enum status tightest(struct separable_run *r, struct problem *p)
{
    struct optimum best;
    optimum_init(&best);
    enum status s = problem_minimum(&best, p, 0x1p-22, r->limits);
    if (s == STATUS_OK && best.any && best.certified && bounded(&best)) {
        if (!r->has_slack || best.lo < r->slack_lo) {
            mpq_t lo, hi;
            mpq_init(lo);
            mpq_init(hi);
            ball_ends(lo, hi, best.value, 60);
            number_set_double(r->out->lo, best.lo);
            mpq_set(r->out->hi, hi);
            mpq_clear(lo);
            mpq_clear(hi);
            r->slack_lo = best.lo;
            r->has_slack = true;
            binding_clear(&r->out->witness);
            s = read_binding(&r->out->witness, r, p, best.tokens);
        }
    } else
        r->no_slack = true;
    optimum_clear(&best);
    return s;
}

static enum status witness_of(struct separable_run *r, struct problem *p)
{
    enum status s = STATUS_OK;
    int *tokens = mem_array(p->t.n, sizeof *tokens);
    if (!tokens)
        return STATUS_MEMORY;
    for (size_t c = 0; c < p->n_classes && s == STATUS_OK; c++)
        if (p->classes[c].d.antecedent && p->classes[c].a.n_states[0] > 0 && r->out->witness.n_parts == 0) {
            first_tokens(tokens, p, &p->classes[c]);
            s = read_binding(&r->out->witness, r, p, tokens);
        }
    free(tokens);
    return s;
}

static enum status prove_problem(struct separable_run *r, struct problem *p)
{
    struct walk_result w;
    walk_result_init(&w);
    bool wanted = r->shape.exists;
    struct walk_options o = { WANT_FIRST, wanted, 1 };
    enum status s = problem_walk(&w, p, o, r->limits);
    mpz_add(r->open, r->open, w.open);
    mpz_add(r->total, r->total, p->total);
    r->expired |= w.expired;
    if (s == STATUS_OK && w.found.n > 0)
        s = keep_first(wanted ? &r->out->witness : &r->out->counterexample, r, p, w.found.tokens);
    else if (s == STATUS_OK && !wanted && mpz_sgn(w.open) == 0 && !w.expired) {
        s = witness_of(r, p);
        r->no_slack |= any_class(p, HOLDS_NOT_ALL) || any_class(p, HOLDS_NEVER) || p->net.norm; /* sums there are slack times sigma */
        if (s == STATUS_OK && any_class(p, HOLDS_ALL) && !r->no_slack && r->out->counterexample.n_parts == 0)
            s = tightest(r, p);
    }
    walk_result_clear(&w);
    return s;
}

/* ---- count, list ---- */

/* Are there few enough sequences for the sums of a walk? */
static bool sums_fit(struct separable_run *r, const struct problem *p)
{
    bool fits = mpz_sizeinbase(p->total, 2) <= 125;
    if (!fits)
        text_add(&r->why, "2^125 sequences or more");
    return fits;
}

static enum status count_problem(struct separable_run *r, struct problem *p)
{
    struct walk_result w;
    struct text notes;
    if (!sums_fit(r, p))
        return STATUS_UNSUPPORTED;
    walk_result_init(&w);
    text_init(&notes);
    struct walk_options o = { WANT_NUMBER, true, 0 };
    enum status s = r->rule ? problem_count(&w, p, r->rule, r->shape.domain.n == 0 && !p->image_set ? &notes : NULL, r->limits) : problem_walk(&w, p, o, r->limits);
    if (s == STATUS_UNSUPPORTED)
        text_add(&r->why, "the tables of sums are too large");
    mpz_add(r->yes, r->yes, w.yes);
    mpz_add(r->no, r->no, w.no);
    mpz_add(r->open, r->open, w.open);
    mpz_add(r->total, r->total, p->total);
    r->expired |= w.expired;
    if (notes.size > 0 && !notes.failed) {      /* there is one problem only */
        r->out->evidence = notes.data;
        text_init(&notes);
    }
    text_clear(&notes);
    walk_result_clear(&w);
    return s;
}

#define LIST_MAX 1000000

static enum status add_items(struct separable_run *r, struct problem *p, const struct found *f)
{
    struct outcome *out = r->out;
    struct binding *items = mem_array(out->n_items + f->n, sizeof *items);
    if (!items)
        return STATUS_MEMORY;
    if (out->n_items)
        memcpy(items, out->items, out->n_items * sizeof *items);
    free(out->items);
    out->items = items;
    for (size_t k = 0; k < f->n; k++) {
        enum status s = read_binding(&items[out->n_items], r, p, f->tokens + k * p->t.n);
        if (s != STATUS_OK)
            return s;
        out->n_items++;
    }
    return STATUS_OK;
}

static enum status list_problem(struct separable_run *r, struct problem *p)
{
    struct walk_result w;
    walk_result_init(&w);
    size_t cap = r->s->has_at_most && r->s->at_most < LIST_MAX ? r->s->at_most + 1 : LIST_MAX + 1;
    struct walk_options o = { WANT_ALL, true, cap };
    enum status s = problem_walk(&w, p, o, r->limits);
    mpz_add(r->open, r->open, w.open);
    mpz_add(r->total, r->total, p->total);
    r->expired |= w.expired;
    r->capped |= w.capped;
    if (s == STATUS_OK)
        s = add_items(r, p, &w.found);
    walk_result_clear(&w);
    return s;
}

/* ---- average ---- */

static enum status average_problem(struct separable_run *r, struct problem *p)
{
    struct average a;
    if (!sums_fit(r, p))
        return STATUS_UNSUPPORTED;
    average_init(&a);
    enum status s = problem_average(&a, p, r->rule, r->limits);
    if (s == STATUS_UNSUPPORTED)
        text_add(&r->why, "the attention weights of a sequence are all below 2^-149 of its query's largest, or a value is too large");
    mpz_add(r->total, r->total, p->total);
    mpq_add(r->sum.lo, r->sum.lo, a.lo);
    mpq_add(r->sum.hi, r->sum.hi, a.hi);
    r->expired |= a.expired;
    average_clear(&a);
    return s;
}

/* ---- optimum ---- */

#define BEYOND "the value at a sequence is beyond doubles"

double separable_within(const struct statement *s)
{
    double within = s->has_within ? mpq_get_d(s->within) : 1e-6;
    return within > 0 ? within : 0;
}

static enum status optimum_problem(struct separable_run *r, struct problem *p)
{
    double within = separable_within(r->s), slack = fmin(within / 4, 0x1p-22);
    struct optimum best;
    optimum_init(&best);
    enum status s = problem_minimum(&best, p, slack, r->limits);
    r->again = s == STATUS_OK && p->relaxed && !best.certified && !best.expired;
    if (r->again)
        return optimum_clear(&best), STATUS_OK;
    mpz_add(r->total, r->total, p->total);
    r->expired |= best.expired;
    if (s == STATUS_OK && best.any && !bounded(&best)) {
        text_add(&r->why, BEYOND);
        s = STATUS_UNSUPPORTED;
    }
    if (s == STATUS_OK && best.any) {
        mpq_t lo, hi, up;
        mpq_init(lo);
        mpq_init(hi);
        mpq_init(up);
        ball_ends(up, hi, best.value, 80);
        number_set_double(up, slack / 2);
        mpq_add(hi, hi, up);
        number_set_double(lo, best.lo);
        r->capped |= !best.certified;
        struct outcome *out = r->out;
        if (!r->has_best || mpq_cmp(lo, out->lo) < 0)
            mpq_set(out->lo, lo);
        if (!r->has_best || mpq_cmp(hi, out->hi) < 0) {
            mpq_set(out->hi, hi);
            binding_clear(&out->attains);
            s = read_binding(&out->attains, r, p, best.tokens);
        }
        r->has_best = true;
        mpq_clear(lo);
        mpq_clear(hi);
        mpq_clear(up);
    }
    optimum_clear(&best);
    return s;
}

/* ---- engine cells ---- */

/* A sequence at which the predicate is false, if it is. */
static enum status cells_refute(struct separable_run *r, struct problem *p, const int *tokens)
{
    enum truth truth = TRUTH_UNSETTLED;
    sequence_bind(&p->t, r->in, tokens);
    enum status s = interp_truth(&truth, r->in, r->shape.subject, r->diag);
    if (s != STATUS_OK)
        return s;
    if (truth != TRUTH_FALSE) {
        mpz_add_ui(r->open, r->open, 1);
        return STATUS_OK;
    }
    r->done = true;
    return keep_first(&r->out->counterexample, r, p, tokens);
}

/* The value there from above, times the sign of the search. */
static enum status cells_attain(struct separable_run *r, struct problem *p, const int *tokens)
{
    double mid, rad;
    sequence_bind(&p->t, r->in, tokens);
    enum status s = interp_double(&mid, &rad, r->in, r->shape.subject, r->diag);
    if (s != STATUS_OK)
        return s;
    double above = nextafter((r->s->body == BODY_MAXIMIZE ? -mid : mid) + rad, INFINITY);
    if (!isfinite(above)) {
        text_add(&r->why, BEYOND);
        return STATUS_UNSUPPORTED;
    }
    number_set_double(r->out->hi, above);
    r->has_best = true;
    binding_clear(&r->out->attains);
    return read_binding(&r->out->attains, r, p, tokens);
}

static enum status cells_constant(struct separable_run *r, struct problem *p)
{
    enum status s = r->s->body == BODY_PROVE ? witness_of(r, p) : STATUS_OK;
    int *tokens = mem_array(p->t.n, sizeof *tokens);
    if (!tokens)
        return STATUS_MEMORY;
    for (size_t k = 0; k < p->n_classes && s == STATUS_OK; k++) {
        const struct class *c = &p->classes[k];
        if (c->d.holds == HOLDS_ALWAYS)
            mpz_add(r->yes, r->yes, c->size);
        if (c->d.holds != HOLDS_NEVER || r->s->body != BODY_PROVE || c->a.n_states[0] == 0)
            continue;
        first_tokens(tokens, p, c);
        s = cells_refute(r, p, tokens);
    }
    free(tokens);
    return s;
}

static enum status cells_problem(struct separable_run *r, struct problem *p)
{
    struct cells_search *c = r->cells;
    mpz_add(r->total, r->total, p->total);
    enum status s = cells_constant(r, p);
    if (s == STATUS_OK && !r->done)
        s = problem_cells(c, p, r->limits);
    if (s == STATUS_UNSUPPORTED)
        text_add(&r->why, "values too large for the arithmetic of rule cells");
    r->expired |= c->expired;
    if (s != STATUS_OK || !c->below)
        return s;
    return c->value ? cells_attain(r, p, c->tokens) : cells_refute(r, p, c->tokens);
}

enum status separable_take(struct separable_run *r, struct problem *p)
{
    if (r->cells)
        return cells_problem(r, p);
    switch (r->s->body) {
    case BODY_PROVE: return prove_problem(r, p);
    case BODY_COUNT: return count_problem(r, p);
    case BODY_LIST: return list_problem(r, p);
    case BODY_AVERAGE: return average_counts(r->s) ? count_problem(r, p) : average_problem(r, p);
    default: return optimum_problem(r, p);
    }
}
