/* The engine: which statements it takes, and the problems of a statement, one after the other. */
#include <string.h>

#include "verify/separable_run.h"

static bool shape_of(struct shape *out, const struct statement *s, struct text *why)
{
    *out = (struct shape){ .binds = &s->binds, .where = s->where, .subject = s->subject };
    if (s->n_data) {
        text_add(why, "data arrays are enumerated");
        return false;
    }
    if (s->undecidable || !s->text) {
        text_add(why, s->undecidable ? s->undecidable : "the statement is not complete");
        return false;
    }
    if (average_counts(s))
        out->subject = s->subject->args[0];
    if (s->body != BODY_PROVE)
        return true;
    *out = (struct shape){ .binds = &s->forall, .where = s->forall_where, .subject = s->subject };
    if (s->forall.n > 0)
        return true;
    if (s->subject->form != FORM_QUANT || s->subject->quant != QUANT_EXISTS) {
        text_add(why, "no sequence of tokens is quantified");
        return false;
    }
    *out = (struct shape){ .binds = &s->subject->binds, .where = s->subject->where, .subject = s->subject->args[0], .exists = true };
    return true;
}

/* ---- one problem for every value of the integer binders ---- */

static enum status each_problem(struct separable_run *r, size_t binder, bool *more);

static enum status at_problem(struct separable_run *r, bool *more)
{
    struct problem p;
    bool mean = r->s->body == BODY_AVERAGE && !average_counts(r->s), value = mean || r->s->body == BODY_MINIMIZE || r->s->body == BODY_MAXIMIZE;
    struct problem_options o = { value, mean ? 0 : r->s->body == BODY_MAXIMIZE ? -1 : 1, r->tables, r->limits ? r->limits->threads : 1, r->cells != NULL, r->several, r->again };
    r->again = false;
    enum status s = problem_init(&p, r->s, &r->shape.domain, r->shape.where, r->shape.subject, r->in, o, &r->why);
    if (s != STATUS_OK)
        return s;
    if (r->cells && !p.net.mlp && p.net.n_more == 0 && !p.net.norm) {
        text_add(&r->why, "the network has one head and no MLP behind it: engine separable decides such claims exactly");
        s = STATUS_UNSUPPORTED;
    }
    if (s == STATUS_OK && r->tables)
        s = separable_take(r, &p);
    problem_clear(&p);
    if (s == STATUS_OK && r->again)
        return at_problem(r, more);
    *more = !r->first_only && !r->expired && !r->done;
    return s;
}

static enum status each_value(struct separable_run *r, size_t binder, long v, bool *more)
{
    interp_bind_int(r->in, r->shape.domain.items[binder]->slot, v);
    return each_problem(r, binder + 1, more);
}

static enum status each_problem(struct separable_run *r, size_t binder, bool *more)
{
    if (binder == r->shape.domain.n)
        return at_problem(r, more);
    const struct expr *set = r->shape.domain.items[binder]->set;
    long from, to, v;
    enum status s = STATUS_OK;
    if (set->form == FORM_RANGE) {
        s = interp_int(&from, r->in, set->args[0], r->diag);
        if (s == STATUS_OK)
            s = interp_int(&to, r->in, set->args[1], r->diag);
        for (v = from; s == STATUS_OK && v <= to && *more; v++)
            s = each_value(r, binder, v, more);
        return s;
    }
    for (size_t i = 0; i < set->n_args && s == STATUS_OK && *more; i++) {
        s = interp_int(&v, r->in, set->args[i], r->diag);
        if (s == STATUS_OK)
            s = each_value(r, binder, v, more);
    }
    return s;
}

static enum status run_init(struct separable_run *r, const struct statement *s)
{
    memset(r, 0, sizeof *r);
    r->s = s;
    mpz_inits(r->yes, r->no, r->open, r->total, NULL);
    average_init(&r->sum);
    text_init(&r->why);
    return interp_new(&r->in, s, 0);
}

static void run_clear(struct separable_run *r)
{
    mpz_clears(r->yes, r->no, r->open, r->total, NULL);
    average_clear(&r->sum);
    text_clear(&r->why);
    domain_binds_clear(&r->shape.domain);
    interp_free(r->in);
}

static enum status decide_by(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, const struct count_rule *rule,
                             struct cells_search *cells)
{
    struct separable_run r;
    enum status status = run_init(&r, s);
    bool more = true;
    r.out = out;
    r.rule = rule;
    r.several = rule != NULL;
    r.cells = cells;
    r.limits = l;
    r.diag = d;
    r.tables = true;
    if (status == STATUS_OK && !shape_of(&r.shape, s, &r.why))
        status = STATUS_UNSUPPORTED;
    if (status == STATUS_OK)
        status = domain_binds_init(&r.shape.domain, r.shape.binds, &r.why);
    if (status == STATUS_OK)
        status = each_problem(&r, 0, &more);
    if (status == STATUS_OK)
        separable_settle(&r);
    else if (status == STATUS_UNSUPPORTED) {
        separable_reason(out, r.why.data ? r.why.data : "not separable");
        status = STATUS_OK;
    }
    if (status == STATUS_OK && r.expired)
        status = STATUS_TIMEOUT;
    run_clear(&r);
    return status;
}

static enum status separable_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    return decide_by(out, s, l, d, NULL, NULL);
}

enum status separable_count(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, const struct count_rule *rule)
{
    return decide_by(out, s, l, d, rule, NULL);
}

enum status separable_cells(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct cells_search c;
    cells_search_init(&c);
    c.count = s->body == BODY_COUNT;
    c.value = s->body == BODY_MINIMIZE || s->body == BODY_MAXIMIZE;
    c.slack = separable_within(s) * 0.75;
    c.within = s->has_within ? separable_within(s) : 0;
    enum status status = decide_by(out, s, l, d, NULL, &c);
    cells_search_clear(&c);
    return status;
}

static bool takes(const struct statement *s, struct text *why, struct cells_search *cells, bool several)
{
    struct separable_run r;
    struct diag d;
    diag_init(&d);
    bool good = run_init(&r, s) == STATUS_OK && shape_of(&r.shape, s, why), more = true;
    good = good && domain_binds_init(&r.shape.domain, r.shape.binds, why) == STATUS_OK;
    if (good && s->body == BODY_LIST && r.shape.domain.t->set->form == FORM_IMAGE) {
        text_add(why, "lists over image sets are enumerated");
        good = false;
    }
    if (good && cells && r.shape.exists) {
        text_add(why, "it proves no claim that something exists");
        good = false;
    }
    r.first_only = true;
    r.several = several;
    r.cells = cells;
    r.diag = &d;
    if (good && each_problem(&r, 0, &more) != STATUS_OK) {
        good = false;
        text_add(why, r.why.data ? r.why.data : "a set cannot be evaluated");
    }
    run_clear(&r);
    diag_clear(&d);
    return good;
}

static bool separable_takes(const struct statement *s, struct text *why) { return takes(s, why, NULL, false); }

bool separable_parts_takes(const struct statement *s, struct text *why) { return takes(s, why, NULL, true); }

bool separable_cells_takes(const struct statement *s, struct text *why)
{
    struct cells_search none;
    if (s->semantics == SEMANTICS_FLOAT32)
        return text_add(why, "it decides claims over the real numbers only"), false;
    if (s->body == BODY_LIST)
        return text_add(why, "it makes no lists"), false;
    if (s->body == BODY_AVERAGE)
        return text_add(why, "it makes no averages"), false;
    cells_search_init(&none);
    bool good = takes(s, why, &none, false);
    cells_search_clear(&none);
    return good;
}

static double separable_cost(const struct statement *s)
{
    double V = 1, n = 1;
    if (s->n_models == 1 && s->file->models[s->models[0]].loaded == STATUS_OK) {
        V = (double)s->file->models[s->models[0]].model.net.d_vocab;
        n = (double)s->file->models[s->models[0]].model.net.n_ctx;
    }
    return V * V * V * V * n;
}

const struct engine engine_separable = {
    .name = "separable",
    .summary = "one attention layer with one head: signs of sums over positions, counted, proved and minimised exactly",
    .takes = separable_takes, .cost = separable_cost, .decide = separable_decide,
};
