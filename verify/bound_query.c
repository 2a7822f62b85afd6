/* bound_query.c: what a statement says of a box, as disjuncts of atoms. */
#include <string.h>
#include "core/mem.h"
#include "verify/bound.h"

#define ATOMS_MOST ((size_t)1 << 20)   /* as in the checker */

static bool reads(const struct expr *e) { return expr_calls(e, FUNCTION_OUTPUT) || expr_calls(e, FUNCTION_NODE); }

struct model_search { int slot; const struct expr *model; };

static bool find_model(const struct expr *e, void *context)
{
    struct model_search *m = context;
    if (!reads(e) || !expr_uses_slot(e->args[e->n_args - 1], m->slot)) return true;
    m->model = e->args[0];
    return false;
}

/* What the claim binds, and what it says of it; why it is of another kind, or NULL. */
static const char *take_parts(struct box_claim *out, const struct binds **binds, const struct statement *s)
{
    static const enum box_kind kinds[] = {[BODY_PROVE] = BOX_FORALL, [BODY_MINIMIZE] = BOX_MINIMUM, [BODY_MAXIMIZE] = BOX_MAXIMUM};
    bool optimum = s->body == BODY_MINIMIZE || s->body == BODY_MAXIMIZE;
    const struct expr *e = s->subject;
    if (!optimum && s->body != BODY_PROVE) return "it decides forall, exists, minimize and maximize";
    *out = (struct box_claim){.kind = kinds[s->body], .subject = e, .where = optimum ? s->where : s->forall_where};
    *binds = optimum ? &s->binds : &s->forall;
    if (!optimum && s->forall.n == 0) {
        if (e->form != FORM_QUANT || e->quant != QUANT_EXISTS) return "the claim has no variable";
        out->kind = BOX_EXISTS;
        out->subject = e->args[0];
        out->where = e->where;
        *binds = &e->binds;
    }
    if (optimum && (*binds)->n != 1) return "a minimum or maximum has more than one variable";
    out->outer = (struct binds){(*binds)->items, (*binds)->n - 1};
    for (size_t i = 0; i < out->outer.n; i++)
        if ((*binds)->items[i].set->form == FORM_SET_CALL && (*binds)->items[i].set->function != FUNCTION_ROWS) return "only the last variable may be in a box";
    return NULL;
}

bool box_claim_of(struct box_claim *out, const struct statement *s, struct text *why)
{
    const struct binds *binds = NULL;
    struct model_search m = {.slot = -1};
    *out = (struct box_claim){0};
    const char *no = take_parts(out, &binds, s);
    if (!no) {
        const struct bind *last = &binds->items[binds->n - 1];
        out->box = last->set;
        m.slot = out->slot = last->slot;
        out->vector = last->name;
        if (out->box->form != FORM_SET_CALL || out->box->function != FUNCTION_BOX) no = "the variable is not in a box of real vectors";
        else if (s->semantics != SEMANTICS_REAL) no = "only in real semantics: an execution in float32 rounds";
        else if (expr_walk(out->subject, find_model, &m) && (!out->where || expr_walk(out->where, find_model, &m))) no = "no activation of a network reads the vector of the box";
        else if (m.model->form != FORM_NAME) no = "the network is not a model of the file";
    }
    out->model = m.model;
    if (no) text_add(why, no);
    return !no;
}

enum status box_refuse(struct box_claim *b, const char *what) { return diag_fail(b->d, STATUS_UNSUPPORTED, "%s", what); }

bool box_plain(const struct box_claim *b, const struct expr *e) { return !expr_depends_on_network(e) && !expr_uses_slot(e, b->slot); }

enum status box_claim_read(struct box_claim *b, const struct statement *s, struct interp *in, struct diag *d)
{
    const struct model *model = statement_model(s, b->model->name);
    b->in = in;
    b->d = d;
    if (!model) return STATUS_INTERNAL;
    enum status status = pieces_make(&b->p, &model->net);
    b->lo = forms_new(b->p.n);
    b->hi = forms_new(b->p.n);
    return status == STATUS_OK && (!b->lo || !b->hi) ? STATUS_MEMORY : status;
}

enum status box_corners(struct box_claim *b)
{
    enum status status = box_exact(b->lo, b->p.n, b, b->box->args[0]);
    if (status == STATUS_OK) status = box_exact(b->hi, b->p.n, b, b->box->args[1]);
    for (size_t i = 0; status == STATUS_OK && i < b->p.n; i++)
        if (mpq_cmp(b->lo + i, b->hi + i) > 0) status = diag_fail(b->d, STATUS_INPUT, "the box is empty: its corner %zu is above the other", i);
    return status;
}

void box_forget(struct box_claim *b)
{
    for (size_t i = 0; i < b->n_atoms; i++) forms_free(b->atoms[i].v, b->p.size);
    free(b->atoms);
    for (size_t i = 0; i < b->n_lists; i++) free(b->lists[i]);
    free(b->lists);
    for (size_t i = 0; i < b->n_vectors; i++) forms_free(b->vectors[i], b->p.size);
    free(b->vectors);
    b->atoms = NULL, b->lists = NULL, b->vectors = NULL;
    b->n_atoms = b->n_lists = b->n_vectors = b->room = b->room_lists = b->room_vectors = 0;
}

void box_claim_clear(struct box_claim *b)
{
    box_forget(b);
    if (b->has_level) mpq_clear(b->level);
    forms_free(b->lo, b->p.n);
    forms_free(b->hi, b->p.n);
    pieces_clear(&b->p);
}

/* ---- disjuncts ---- */

void *box_keep(struct box_claim *b, size_t n, size_t size)
{
    void **grown = mem_grow(b->lists, &b->room_lists, b->n_lists + 1, sizeof *grown);
    if (!grown) return NULL;
    b->lists = grown;
    return b->lists[b->n_lists++] = mem_array(n, size);
}

enum status dnf_both(struct dnf *out, struct box_claim *b, const struct dnf *x, const struct dnf *y)
{
    if (y->n && x->n > ATOMS_MOST / y->n) return box_refuse(b, "the claim has too many cases");
    struct dnf made = {box_keep(b, x->n * y->n, sizeof *made.d), x->n * y->n};
    for (size_t i = 0; made.d && i < made.n; i++) {
        const struct disjunct *u = &x->d[i / y->n], *v = &y->d[i % y->n];
        made.d[i] = (struct disjunct){box_keep(b, u->n + v->n, sizeof *u->atom), u->n + v->n};
        if (!made.d[i].atom) return STATUS_MEMORY;
        if (u->n) memcpy(made.d[i].atom, u->atom, u->n * sizeof *u->atom);
        if (v->n) memcpy(made.d[i].atom + u->n, v->atom, v->n * sizeof *v->atom);
    }
    *out = made;
    return made.d ? STATUS_OK : STATUS_MEMORY;
}

enum status dnf_join(struct dnf *out, struct box_claim *b, const struct dnf *y, bool both)
{
    const struct dnf x = *out;
    if (both) return dnf_both(out, b, &x, y);
    if (x.n + y->n > ATOMS_MOST) return box_refuse(b, "the claim has too many cases");
    struct dnf made = {box_keep(b, x.n + y->n, sizeof *made.d), x.n + y->n};
    if (!made.d) return STATUS_MEMORY;
    if (x.n) memcpy(made.d, x.d, x.n * sizeof *x.d);
    if (y->n) memcpy(made.d + x.n, y->d, y->n * sizeof *y->d);
    *out = made;
    return STATUS_OK;
}

enum status dnf_truth(struct dnf *out, struct box_claim *b, bool truth)
{
    *out = (struct dnf){box_keep(b, 1, sizeof *out->d), truth ? 1 : 0};
    return out->d ? STATUS_OK : STATUS_MEMORY;
}

mpq_ptr dnf_atom(struct dnf *out, struct box_claim *b, bool strict)
{
    struct atom *grown = b->n_atoms < ATOMS_MOST ? mem_grow(b->atoms, &b->room, b->n_atoms + 1, sizeof *grown) : NULL;
    size_t *list = box_keep(b, 1, sizeof *list);
    struct disjunct *d = box_keep(b, 1, sizeof *d);
    if (grown) b->atoms = grown;
    mpq_ptr v = grown && list && d ? forms_new(b->p.size) : NULL;
    if (!v) return NULL;
    *list = b->n_atoms;
    *d = (struct disjunct){list, 1};
    *out = (struct dnf){d, 1};
    b->atoms[b->n_atoms++] = (struct atom){v, strict, false};
    return v;
}

/* x - y > 0 or >= 0; swapped: y - x */
static enum status difference(struct dnf *out, struct box_claim *b, const struct expr *x, const struct expr *y, bool swapped, bool strict)
{
    struct side side;
    mpq_t one, minus;
    mpq_init(one), mpq_init(minus);
    mpq_set_si(one, swapped ? -1 : 1, 1);
    mpq_neg(minus, one);
    enum status s = side_new(&side, b);
    if (s == STATUS_OK) s = side_add(&side, b, x, one);
    if (s == STATUS_OK) s = side_add(&side, b, y, minus);
    if (s == STATUS_OK) s = side_positive(out, b, &side, strict);
    mpq_clear(one), mpq_clear(minus);
    return s;
}

static enum status one_comparison(struct dnf *out, struct box_claim *b, enum oper o, const struct expr *x, const struct expr *y, bool positive)
{
    static const enum oper opposite[] = {[OPER_LT] = OPER_GE, [OPER_LE] = OPER_GT, [OPER_GT] = OPER_LE, [OPER_GE] = OPER_LT, [OPER_EQ] = OPER_NE, [OPER_NE] = OPER_EQ};
    struct dnf other;
    if (!positive) o = opposite[o];
    if (o != OPER_EQ && o != OPER_NE) return difference(out, b, x, y, o == OPER_LT || o == OPER_LE, o == OPER_LT || o == OPER_GT);
    enum status s = difference(out, b, x, y, false, o == OPER_NE);
    if (s == STATUS_OK) s = difference(&other, b, x, y, true, o == OPER_NE);
    return s == STATUS_OK ? dnf_join(out, b, &other, o == OPER_EQ) : s;
}

static enum status comparison(struct dnf *out, struct box_claim *b, const struct expr *e, bool positive)
{
    struct dnf one;
    enum status s = dnf_truth(out, b, positive);
    for (size_t i = 0; s == STATUS_OK && i + 1 < e->n_args; i++) {
        s = one_comparison(&one, b, e->opers[i], e->args[i], e->args[i + 1], positive);
        if (s == STATUS_OK) s = dnf_join(out, b, &one, positive);
    }
    return s;
}

static enum status largest(struct dnf *out, struct box_claim *b, const struct expr *of, const struct expr *which, bool strict, bool positive)
{
    mpq_srcptr rows;
    size_t width;
    long i;
    enum status s = box_rows(&rows, &width, b, of);
    if (s == STATUS_OK) s = box_index(&i, b, which, width);
    if (s == STATUS_OK) s = dnf_truth(out, b, positive);
    for (long j = 0; s == STATUS_OK && j < (long)width; j++) {
        struct dnf one;
        mpq_t sign;
        mpq_ptr v = i == j ? NULL : dnf_atom(&one, b, strict == positive);
        if (i == j) continue;
        if (!v) return STATUS_MEMORY;
        mpq_init(sign);
        mpq_set_si(sign, positive ? 1 : -1, 1);
        pieces_add(v, rows + (size_t)i * b->p.size, sign, b->p.size);
        mpq_neg(sign, sign);
        pieces_add(v, rows + (size_t)j * b->p.size, sign, b->p.size);
        mpq_clear(sign);
        s = dnf_join(out, b, &one, positive);
    }
    return s;
}

static enum status quantifier(struct dnf *out, struct box_claim *b, const struct expr *e, bool positive)
{
    struct walk *w = NULL;
    struct dnf one;
    bool more = true, both = (e->quant == QUANT_ALL) == positive;
    if (e->where && !box_plain(b, e->where)) return box_refuse(b, "the condition of a quantifier reads the vector of the box");
    enum status s = dnf_truth(out, b, both);
    if (s == STATUS_OK) s = walk_new(&w, &e->binds, b->in, b->d);
    while (s == STATUS_OK && more) {
        bool open;
        s = walk_next_where(&more, &open, w, e->where, b->d);
        if (s == STATUS_OK && open) s = box_refuse(b, "the condition of a quantifier is unsettled");
        if (s != STATUS_OK || !more) continue;
        s = box_dnf(&one, b, e->args[0], positive);
        if (s == STATUS_OK) s = dnf_join(out, b, &one, both);
    }
    walk_free(w);
    return s;
}

static enum status two(struct dnf *out, struct box_claim *b, const struct expr *e, bool first, bool second, bool both)
{
    struct dnf y;
    enum status s = box_dnf(out, b, e->args[0], first);
    if (s == STATUS_OK) s = box_dnf(&y, b, e->args[1], second);
    return s == STATUS_OK ? dnf_join(out, b, &y, both) : s;
}

static enum status settled(struct dnf *out, struct box_claim *b, const struct expr *e, bool positive)
{
    enum truth t;
    enum status s = interp_truth(&t, b->in, e, b->d);
    if (s == STATUS_OK && t == TRUTH_UNSETTLED) return box_refuse(b, "a condition is unsettled");
    return s == STATUS_OK ? dnf_truth(out, b, (t == TRUTH_TRUE) == positive) : s;
}

enum status box_dnf(struct dnf *out, struct box_claim *b, const struct expr *e, bool positive)
{
    if (!e) return dnf_truth(out, b, positive);
    if (box_plain(b, e)) return settled(out, b, e, positive);
    if (e->form == FORM_UNARY && e->oper == OPER_NOT) return box_dnf(out, b, e->args[0], !positive);
    if (e->form == FORM_BINARY && (e->oper == OPER_AND || e->oper == OPER_OR)) return two(out, b, e, positive, positive, (e->oper == OPER_AND) == positive);
    if (e->form == FORM_BINARY && e->oper == OPER_IMPLIES) return two(out, b, e, !positive, positive, !positive);
    bool equation = e->form == FORM_COMPARE && e->n_args == 2 && (e->opers[0] == OPER_EQ || e->opers[0] == OPER_NE);
    for (size_t k = 0; equation && k < 2; k++)
        if (expr_calls(e->args[k], FUNCTION_ARGMAX)) return largest(out, b, e->args[k]->args[0], e->args[1 - k], true, positive == (e->opers[0] == OPER_EQ));
    if (e->form == FORM_COMPARE) return comparison(out, b, e, positive);
    if (e->form == FORM_IN && expr_calls(e->args[1], FUNCTION_ARGMAXES)) return largest(out, b, e->args[1]->args[0], e->args[0], false, positive);
    if (e->form == FORM_QUANT && (e->quant == QUANT_ALL || e->quant == QUANT_ANY || e->quant == QUANT_EXISTS)) return quantifier(out, b, e, positive);
    return box_refuse(b, "the predicate is not made of comparisons, argmax, `and`, `or`, `not`, `=>`, all{} and any{}");
}

bool disjunct_holds(const struct box_claim *b, const struct disjunct *d, mpq_srcptr v)
{
    mpq_t t;
    bool holds = true;
    mpq_init(t);
    for (size_t i = 0; holds && i < d->n; i++) {
        const struct atom *a = &b->atoms[d->atom[i]];
        pieces_low(t, a->v, v, b->p.size);
        holds = a->strict ? mpq_sgn(t) > 0 : mpq_sgn(t) >= 0;
    }
    mpq_clear(t);
    return holds;
}

bool dnf_holds(const struct box_claim *b, const struct dnf *d, mpq_srcptr v)
{
    for (size_t i = 0; i < d->n; i++)
        if (disjunct_holds(b, &d->d[i], v)) return true;
    return false;
}
