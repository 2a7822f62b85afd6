/* What a statement says of a ball or a box, and the forms of one binding. */
#include <string.h>
#include "core/mem.h"
#include "verify/quadratic.h"

struct model_search { int slot; const struct expr *model; };

static bool find_model(const struct expr *e, void *context)
{
    struct model_search *m = context;
    if (e->form != FORM_CALL || e->function != FUNCTION_OUTPUT || !expr_uses_slot(e->args[1], m->slot)) return true;
    m->model = e->args[0];
    return false;
}

static bool is_all(const struct expr *e) { return e->form == FORM_QUANT && e->quant == QUANT_ALL; }

bool ball_claim_of(struct ball_claim *out, const struct statement *s, struct text *why)
{
    bool universal = s->body == BODY_PROVE && s->forall.n > 0, count = s->body == BODY_COUNT;
    const struct expr *all = s->subject;
    const char *no = NULL;
    *out = (struct ball_claim){.predicate = universal ? all : NULL, .where = universal ? s->forall_where : s->where};
    if (!universal && !((s->body == BODY_PROVE || count) && is_all(all))) no = "the claim is no forall, all{} or count of all{} over a ball";
    if (!no && count && all->binds.n != 1) no = "a count is of an all{} over one ball";
    if (no) {
        text_add(why, no);
        return false;
    }
    const struct binds *b = universal ? &s->forall : &all->binds;
    const struct bind *last = &b->items[b->n - 1];
    if (!universal) out->predicate = all->args[0];
    if (!universal && !count) out->where = all->where;
    out->cut = count ? all->where : out->where;
    out->whole = count && all->where;
    out->ball = last->set;
    out->slot = last->slot;
    out->vector = last->name;
    out->outer = count ? s->binds : (struct binds){b->items, b->n - 1};
    struct model_search m = {.slot = out->slot};
    if (!set_is_region(out->ball)) no = "the last variable is not in a box or a ball of norm l2 or linf";
    else if (s->semantics != SEMANTICS_REAL) no = "only in real semantics: an execution in float32 is no polynomial of its input";
    else if (expr_walk(out->predicate, find_model, &m)) no = "no output of a network reads the vector of the ball";
    else if (m.model->form != FORM_NAME) no = "the network is not a model of the file";
    out->model = m.model;
    if (no) text_add(why, no);
    return !no;
}

enum status ball_case_init(struct ball_case *c, size_t n, size_t width)
{
    *c = (struct ball_case){.n = n, .width = width, .shift = _fmpq_vec_init((slong)n), .centre = _fmpq_vec_init((slong)n), .lo = _fmpq_vec_init((slong)n), .hi = _fmpq_vec_init((slong)n),
        .from = _fmpq_vec_init((slong)n), .to = _fmpq_vec_init((slong)n)};
    fmpq_init(c->radius);
    fmpq_init(c->radius2);
    return STATUS_OK;
}

static void drop_forms(struct ball_case *c)
{
    for (size_t i = 0; i < c->n_forms; i++) _fmpq_vec_clear(c->forms[i].v, (slong)c->width + 1);
    c->n_forms = 0;
}

void ball_case_clear(struct ball_case *c)
{
    drop_forms(c);
    region_drop(c);
    free(c->forms);
    free(c->limits);
    _fmpq_vec_clear(c->shift, (slong)c->n);
    _fmpq_vec_clear(c->centre, (slong)c->n);
    _fmpq_vec_clear(c->lo, (slong)c->n);
    _fmpq_vec_clear(c->from, (slong)c->n), _fmpq_vec_clear(c->to, (slong)c->n);
    _fmpq_vec_clear(c->hi, (slong)c->n);
    fmpq_clear(c->radius);
    fmpq_clear(c->radius2);
}

/* output(M, d), output(M, E + d), output(M, d + E) */
static enum status output_call(struct reader *r, const struct expr *e)
{
    struct ball_case *c = r->c;
    if (e->form != FORM_CALL || e->function != FUNCTION_OUTPUT) return read_refuse(r, "an output of the network was expected");
    if (e->args[0]->form != FORM_NAME || strcmp(e->args[0]->name, r->b->model->name) != 0) return read_refuse(r, "the claim reads more than one network");
    const struct expr *x = e->args[1], *add = NULL;
    if (x->form == FORM_BINARY && x->oper == OPER_ADD) {
        bool second = read_is_vector(r, x->args[1]);
        add = x->args[second ? 0 : 1];
        x = x->args[second ? 1 : 0];
    }
    if (!read_is_vector(r, x)) return read_refuse(r, "the network reads something else than the vector of the ball plus an exact one");
    fmpq *v = _fmpq_vec_init((slong)c->n);
    enum status s = add ? read_exact(v, c->n, false, r, add) : STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && i < c->n; i++) {
        if (c->shifted && !fmpq_equal(v + i, c->shift + i)) s = read_refuse(r, "the network reads two inputs");
        fmpq_set(c->shift + i, v + i);
    }
    c->shifted = s == STATUS_OK;
    _fmpq_vec_clear(v, (slong)c->n);
    return s;
}

static enum status output_entry(fmpq *out, struct reader *r, const struct expr *e, const fmpq_t factor)
{
    long i;
    enum status s = output_call(r, e->args[0]);
    if (s == STATUS_OK) s = read_index(&i, r, e->args[1], r->c->width);
    if (s == STATUS_OK) fmpq_add(out + i, out + i, factor);
    return s;
}

static fmpq *new_form(struct ball_case *c, bool strict)
{
    struct margin *grown = mem_grow(c->forms, &c->room, c->n_forms + 1, sizeof *grown);
    if (!grown) return NULL;
    c->forms = grown;
    c->forms[c->n_forms] = (struct margin){_fmpq_vec_init((slong)c->width + 1), strict};
    return c->forms[c->n_forms++].v;
}

static enum status largest(struct reader *r, const struct expr *outputs, const struct expr *which, bool strict)
{
    long i = 0;
    enum status s = output_call(r, outputs);
    if (s == STATUS_OK) s = read_index(&i, r, which, r->c->width);
    for (long j = 0; s == STATUS_OK && j < (long)r->c->width; j++) {
        fmpq *v = i == j ? NULL : new_form(r->c, strict);
        if (i == j) continue;
        if (!v) return STATUS_MEMORY;
        fmpq_set_si(v + i, 1, 1);
        fmpq_set_si(v + j, -1, 1);
    }
    return s;
}

static enum status comparison(struct reader *r, const struct expr *e)
{
    fmpq_t one, minus;
    enum status s = STATUS_OK;
    fmpq_init(one);
    fmpq_init(minus);
    fmpq_set_si(one, 1, 1);
    fmpq_set_si(minus, -1, 1);
    for (size_t i = 0; s == STATUS_OK && i + 1 < e->n_args; i++) {
        enum oper o = e->opers[i];
        bool up = o == OPER_GT || o == OPER_GE;
        fmpq *v = NULL;
        if (o == OPER_EQ || o == OPER_NE) s = read_refuse(r, "an equation of real numbers");
        else if (!(v = new_form(r->c, o == OPER_LT || o == OPER_GT))) s = STATUS_MEMORY;
        if (s == STATUS_OK) s = read_linear(v, r, e->args[i], up ? one : minus, r->c->width, output_entry);
        if (s == STATUS_OK) s = read_linear(v, r, e->args[i + 1], up ? minus : one, r->c->width, output_entry);
    }
    fmpq_clear(one);
    fmpq_clear(minus);
    return s;
}

static enum status predicate(struct reader *r, const struct expr *e);

static enum status every(struct reader *r, const struct expr *e)
{
    struct walk *w = NULL;
    bool more = true;
    enum status s = walk_new(&w, &e->binds, r->in, r->d);
    while (s == STATUS_OK && more) {
        bool open;
        s = walk_next_where(&more, &open, w, e->where, r->d);
        if (s == STATUS_OK && open) s = read_refuse(r, "the condition of an all{} is unsettled");
        if (s == STATUS_OK && more) s = predicate(r, e->args[0]);
    }
    walk_free(w);
    return s;
}

static enum status predicate(struct reader *r, const struct expr *e)
{
    if (e->form == FORM_BINARY && e->oper == OPER_AND) {
        enum status s = predicate(r, e->args[0]);
        return s == STATUS_OK ? predicate(r, e->args[1]) : s;
    }
    bool equation = e->form == FORM_COMPARE && e->n_args == 2 && e->opers[0] == OPER_EQ;
    if (equation && expr_calls(e->args[0], FUNCTION_ARGMAX)) return largest(r, e->args[0]->args[0], e->args[1], true);
    if (equation && expr_calls(e->args[1], FUNCTION_ARGMAX)) return largest(r, e->args[1]->args[0], e->args[0], true);
    if (e->form == FORM_COMPARE) return comparison(r, e);
    if (e->form == FORM_IN && expr_calls(e->args[1], FUNCTION_ARGMAXES)) return largest(r, e->args[1]->args[0], e->args[0], false);
    if (is_all(e)) return every(r, e);
    return read_refuse(r, "the predicate is not made of argmax(...) ==, argmaxes, comparisons, `and` and all{}");
}

enum status ball_case_read(struct ball_case *c, const struct ball_claim *b, struct interp *in, struct diag *d)
{
    struct reader r = {c, b, in, d};
    drop_forms(c);
    c->shifted = false;
    for (size_t i = 0; i < c->n; i++) fmpq_zero(c->shift + i);
    enum status s = region_read(&r);
    return s == STATUS_OK ? predicate(&r, b->predicate) : s;
}
