/* bound_side.c: sides of comparisons, exactly: linear expressions, and the largest, the smallest, the absolute value and the sum of such. */
#include <string.h>
#include "core/mem.h"
#include "verify/bound.h"

static bool is_vector(const struct box_claim *b, const struct expr *e) { return e->form == FORM_NAME && e->slot == b->slot; }

enum status box_exact(mpq_ptr out, size_t want, struct box_claim *b, const struct expr *e)
{
    fmpq *v = NULL;
    size_t n = 0;
    bool scalar = false;
    if (!box_plain(b, e)) return box_refuse(b, "an exact value was expected beside the vector of the box and the network's activations");
    enum status s = interp_exact(&v, &n, &scalar, b->in, e, b->d);
    if (s == STATUS_UNSUPPORTED) return box_refuse(b, "a value is not exact");
    if (s != STATUS_OK) return s;
    bool fits = scalar ? want == 0 : want == n && want > 0;
    for (size_t i = 0; fits && i < n; i++) fmpq_get_mpq(out + i, v + i);
    _fmpq_vec_clear(v, (slong)n);
    return fits ? STATUS_OK : box_refuse(b, want ? "a corner of the box has not the length of the network's input" : "a number was expected");
}

enum status box_rows(mpq_srcptr *rows, size_t *width, struct box_claim *b, const struct expr *e)
{
    const struct net *net = b->p.net;
    if (!expr_calls(e, FUNCTION_OUTPUT) && !expr_calls(e, FUNCTION_NODE)) return box_refuse(b, "a comparison is not linear in the network's activations");
    if (e->args[0]->form != FORM_NAME || strcmp(e->args[0]->name, b->model->name) != 0) return box_refuse(b, "the claim reads more than one network");
    if (!is_vector(b, e->args[e->n_args - 1])) return box_refuse(b, "the network reads something else than the vector of the box");
    long node = e->function == FUNCTION_OUTPUT ? (long)net->output : e->args[1]->form == FORM_STRING ? net_node(net, e->args[1]->name) : -1;
    if (node < 0) return box_refuse(b, "a node that is not given by its name");
    *rows = b->p.rows[node];
    *width = net->nodes[node].width;
    return STATUS_OK;
}

enum status box_index(long *out, struct box_claim *b, const struct expr *e, size_t width)
{
    *out = (long)width - 1;
    if (e->form == FORM_LAST) return STATUS_OK;
    if (!box_plain(b, e)) return box_refuse(b, "an index rests on the vector of the box");
    enum status s = interp_int(out, b->in, e, b->d);
    if (s == STATUS_OK && (*out < 0 || *out >= (long)width)) return diag_fail(b->d, STATUS_INPUT, "index out of range: there are %zu entries", width);
    return s;
}

static enum status indexed(mpq_ptr out, struct box_claim *b, const struct expr *e, mpq_srcptr factor)
{
    mpq_srcptr rows = NULL;
    size_t width = b->p.n;
    long i;
    bool input = is_vector(b, e->args[0]);
    enum status s = input ? STATUS_OK : box_rows(&rows, &width, b, e->args[0]);
    if (s == STATUS_OK) s = box_index(&i, b, e->args[1], width);
    if (s == STATUS_OK && input) mpq_add(out + i, out + i, factor);
    else if (s == STATUS_OK) pieces_add(out, rows + (size_t)i * b->p.size, factor, b->p.size);
    return s;
}

enum status side_new(struct side *out, struct box_claim *b)
{
    mpq_ptr *grown = mem_grow(b->vectors, &b->room_vectors, b->n_vectors + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    b->vectors = grown;
    *out = (struct side){.v = grown[b->n_vectors] = forms_new(b->p.size)};
    if (!out->v) return STATUS_MEMORY;
    b->n_vectors++;
    return STATUS_OK;
}

static enum status take_choices(struct side *out, struct box_claim *b, const struct choice *c, size_t n)
{
    struct choice *all = box_keep(b, out->n + n + 1, sizeof *all);
    if (!all) return STATUS_MEMORY;
    if (out->n) memcpy(all, out->choice, out->n * sizeof *all);
    if (n) memcpy(all + out->n, c, n * sizeof *all);
    out->choice = all;
    out->n += n;
    return STATUS_OK;
}

/* A side more to choose from. */
static enum status take_side(struct choice *c, struct box_claim *b, const struct side *s)
{
    struct side *all = box_keep(b, c->n + 1, sizeof *all);
    if (!all) return STATUS_MEMORY;
    if (c->n) memcpy(all, c->of, c->n * sizeof *all);
    all[c->n++] = *s;
    c->of = all;
    return STATUS_OK;
}

static enum status alternative(struct choice *c, struct box_claim *b, const struct expr *e, const mpq_t factor)
{
    struct side side;
    enum status s = side_new(&side, b);
    if (s == STATUS_OK) s = side_add(&side, b, e, factor);
    return s == STATUS_OK ? take_side(c, b, &side) : s;
}

/* max{E : binders}, min{...}: sides of the choice; sum{...}: added to out. */
static enum status quantified(struct side *out, struct choice *c, struct box_claim *b, const struct expr *e, const mpq_t factor)
{
    struct walk *w = NULL;
    bool more = true;
    if (e->where && !box_plain(b, e->where)) return box_refuse(b, "the condition of a quantifier reads the vector of the box");
    enum status s = walk_new(&w, &e->binds, b->in, b->d);
    while (s == STATUS_OK && more) {
        bool open;
        s = walk_next_where(&more, &open, w, e->where, b->d);
        if (s == STATUS_OK && open) s = box_refuse(b, "the condition of a quantifier is unsettled");
        if (s != STATUS_OK || !more) continue;
        s = e->quant == QUANT_SUM ? side_add(out, b, e->args[0], factor) : alternative(c, b, e->args[0], factor);
    }
    walk_free(w);
    return s;
}

/* max(a, b, ...), max({a, b, ...}), max(output(N, x)), and min */
static enum status listed(struct choice *c, struct box_claim *b, const struct expr *e, const mpq_t factor)
{
    const struct expr *list = e->n_args == 1 && e->args[0]->form == FORM_LIST ? e->args[0] : e;
    mpq_srcptr rows;
    size_t width;
    enum status s = STATUS_OK;
    if (list != e || e->n_args > 1) {
        for (size_t i = 0; s == STATUS_OK && i < list->n_args; i++) s = alternative(c, b, list->args[i], factor);
        return s;
    }
    s = box_rows(&rows, &width, b, e->args[0]);
    for (size_t i = 0; s == STATUS_OK && i < width; i++) {
        struct side side;
        s = side_new(&side, b);
        if (s != STATUS_OK) return s;
        pieces_add(side.v, rows + i * b->p.size, factor, b->p.size);
        s = take_side(c, b, &side);
    }
    return s;
}

static enum status absolute(struct choice *c, struct box_claim *b, const struct expr *e, const mpq_t factor)
{
    mpq_t minus;
    mpq_init(minus);
    mpq_neg(minus, factor);
    enum status s = alternative(c, b, e->args[0], factor);
    if (s == STATUS_OK) s = alternative(c, b, e->args[0], minus);
    mpq_clear(minus);
    return s;
}

static enum status folded(struct side *out, struct box_claim *b, const struct expr *e, const mpq_t factor)
{
    bool quant = e->form == FORM_QUANT, absolute_value = expr_calls(e, FUNCTION_ABS);
    bool largest = absolute_value || (quant ? e->quant == QUANT_MAX : expr_calls(e, FUNCTION_MAX)), smallest = quant ? e->quant == QUANT_MIN : expr_calls(e, FUNCTION_MIN);
    struct choice c = {.largest = largest == (mpq_sgn(factor) >= 0)};
    enum status s;
    if (!largest && !smallest && !(quant && e->quant == QUANT_SUM)) return box_refuse(b, "a comparison is not linear in the network's activations");
    if (quant) s = quantified(out, &c, b, e, factor);
    else s = absolute_value ? absolute(&c, b, e, factor) : listed(&c, b, e, factor);
    if (s != STATUS_OK || (quant && e->quant == QUANT_SUM)) return s;
    return c.n ? take_choices(out, b, &c, 1) : box_refuse(b, "the largest or smallest of nothing");
}

/* out += factor e */
enum status side_add(struct side *out, struct box_claim *b, const struct expr *e, const mpq_t factor)
{
    mpq_t t;
    enum status s;
    mpq_init(t);
    if (box_plain(b, e)) {
        s = box_exact(t, 0, b, e);
        mpq_mul(t, t, factor);
        mpq_add(out->v + b->p.size - 1, out->v + b->p.size - 1, t);
    } else if (e->form == FORM_UNARY && e->oper == OPER_NEG) {
        mpq_neg(t, factor);
        s = side_add(out, b, e->args[0], t);
    } else if (e->form == FORM_BINARY && (e->oper == OPER_ADD || e->oper == OPER_SUB)) {
        s = side_add(out, b, e->args[0], factor);
        if (e->oper == OPER_SUB) mpq_neg(t, factor);
        else mpq_set(t, factor);
        if (s == STATUS_OK) s = side_add(out, b, e->args[1], t);
    } else if (e->form == FORM_BINARY && (e->oper == OPER_MUL || e->oper == OPER_DIV)) {
        size_t number = e->oper == OPER_DIV || box_plain(b, e->args[1]) ? 1 : 0;
        s = box_exact(t, 0, b, e->args[number]);
        if (s == STATUS_OK && e->oper == OPER_DIV && mpq_sgn(t) == 0) s = diag_fail(b->d, STATUS_INPUT, "division by 0");
        if (s == STATUS_OK && e->oper == OPER_DIV) mpq_inv(t, t);
        mpq_mul(t, t, factor);
        if (s == STATUS_OK) s = side_add(out, b, e->args[1 - number], t);
    } else if (e->form == FORM_INDEX && e->n_args == 2)
        s = indexed(out->v, b, e, factor);
    else
        s = folded(out, b, e, factor);
    mpq_clear(t);
    return s;
}

/* The first choice is made in every way: one of the ways does, or all of them have to. */
enum status side_positive(struct dnf *out, struct box_claim *b, const struct side *side, bool strict)
{
    struct dnf one;
    mpq_t unit;
    enum status s = STATUS_OK;
    const struct choice *c = side->choice;
    mpq_init(unit);
    mpq_set_ui(unit, 1, 1);
    if (side->n == 0) {
        mpq_ptr v = dnf_atom(out, b, strict);
        if (v) pieces_add(v, side->v, unit, b->p.size);
        else s = STATUS_MEMORY;
    } else
        s = dnf_truth(out, b, !c->largest);
    for (size_t i = 0; s == STATUS_OK && side->n && i < c->n; i++) {
        struct side way;
        s = side_new(&way, b);
        if (s != STATUS_OK) break;
        pieces_add(way.v, side->v, unit, b->p.size);
        pieces_add(way.v, c->of[i].v, unit, b->p.size);
        s = take_choices(&way, b, c->of[i].choice, c->of[i].n);
        if (s == STATUS_OK) s = take_choices(&way, b, side->choice + 1, side->n - 1);
        if (s == STATUS_OK) s = side_positive(&one, b, &way, strict);
        if (s == STATUS_OK) s = dnf_join(out, b, &one, !c->largest);
    }
    mpq_clear(unit);
    return s;
}

void side_value(mpq_t out, const struct side *side, mpq_srcptr v, size_t size)
{
    mpq_t best, x;
    mpq_init(best), mpq_init(x);
    pieces_low(out, side->v, v, size);
    for (size_t k = 0; k < side->n; k++) {
        const struct choice *c = &side->choice[k];
        for (size_t i = 0; i < c->n; i++) {
            side_value(x, &c->of[i], v, size);
            if (i == 0 || (mpq_cmp(x, best) > 0) == c->largest) mpq_set(best, x);
        }
        mpq_add(out, out, best);
    }
    mpq_clear(best), mpq_clear(x);
}
