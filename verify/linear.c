#include "verify/linear.h"

#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/lines.h"
#include "verify/network_read.h"

static enum status refuse(struct linear *l, const char *reason) { return features_refuse(l->f->why, reason); }

static enum status limit(struct linear *l, enum status s)
{
    return s == STATUS_LIMIT ? refuse(l, "the claim has too many linear forms") : s;
}

/* Replaces *a by a + b; b is emptied. */
static enum status add_into(struct linear *l, struct form_set *a, struct form_set *b)
{
    struct form_set sum;
    bool linear;
    enum status s = limit(l, lines_add(&sum, &linear, a, b));
    if (s == STATUS_OK && !linear)
        s = refuse(l, "a minimum and a maximum of network values are added");
    form_set_clear(b);
    if (s != STATUS_OK)
        return s;
    form_set_clear(a);
    *a = sum;
    return STATUS_OK;
}

static enum status join_into(struct linear *l, struct form_set *a, struct form_set *b, enum forms kind)
{
    bool linear;
    enum status s = limit(l, lines_join(a, &linear, b, kind));
    if (s == STATUS_OK && !linear)
        s = refuse(l, "a minimum of a maximum of network values is taken");
    form_set_clear(b);
    return s;
}

static void negate(struct form_set *s)
{
    mpq_t minus;
    mpq_init(minus);
    mpq_set_si(minus, -1, 1);
    lines_scale(s, minus);
    mpq_clear(minus);
}

static enum status integer(struct form_set *out, long v)
{
    mpq_t q;
    mpq_init(q);
    mpq_set_si(q, v, 1);
    enum status s = lines_constant(out, q);
    mpq_clear(q);
    return s;
}

/* ---- values ---- */

enum status linear_entry(struct form_set *out, struct linear *l, bool attn, size_t j)
{
    if (!attn)
        return lines_terms(out, l->twin ? l->twin[j] : j, 1);
    return j < l->n_src ? lines_terms(out, l->n_out + l->f->first[j], l->f->t->n_set[j]) : integer(out, 0);
}

static enum status read_value(struct form_set *out, struct linear *l, const struct network_read *r)
{
    const struct features *f = l->f;
    bool attn = r->call->function == FUNCTION_ATTN;
    if (!r->column)
        return refuse(l, "a whole row of the network stands where a number is asked for");
    long j;
    size_t width = attn ? f->t->n : l->n_out;
    enum status s = features_index(&j, l->f, r->column, width);
    if (s != STATUS_OK)
        return s;
    if (j < 0 || (size_t)j >= width)
        return refuse(l, "an index is out of range");
    if (!attn && l->own)
        return refuse(l, "a sum over positions that depends on their tokens reads the logits");
    if (!l->own || (size_t)j >= l->n_src)
        return linear_entry(out, l, attn, (size_t)j);
    return (size_t)j == l->own_position ? lines_terms(out, l->n_out + l->own_cell, 1)
                                        : refuse(l, "a sum over positions reads the attention to another position");
}

static enum status value_product(struct form_set *out, struct linear *l, const struct expr *e)
{
    struct form_set b;
    enum status s = linear_value(out, l, e->args[0]);
    if (s != STATUS_OK)
        return s;
    s = linear_value(&b, l, e->args[1]);
    if (s != STATUS_OK) {
        form_set_clear(out);
        return s;
    }
    if (e->oper == OPER_DIV) {
        s = !lines_is_constant(&b) || mpq_sgn(b.lines->c) == 0 ? refuse(l, "a division by something that is no constant, or 0") : STATUS_OK;
        if (s == STATUS_OK)
            mpq_inv(b.lines->c, b.lines->c);
    } else if (!lines_is_constant(&b)) {
        struct form_set swap = *out;
        *out = b;
        b = swap;
        s = lines_is_constant(&b) ? STATUS_OK : refuse(l, "two network values are multiplied");
    }
    if (s == STATUS_OK)
        lines_scale(out, b.lines->c);
    else
        form_set_clear(out);
    form_set_clear(&b);
    return s;
}

static enum status value_binary(struct form_set *out, struct linear *l, const struct expr *e)
{
    if (e->oper == OPER_MUL || e->oper == OPER_DIV)
        return value_product(out, l, e);
    if (e->oper != OPER_ADD && e->oper != OPER_SUB)
        return refuse(l, "an operator of the claim is not linear");
    struct form_set b;
    enum status s = linear_value(out, l, e->args[0]);
    if (s != STATUS_OK)
        return s;
    s = linear_value(&b, l, e->args[1]);
    if (s == STATUS_OK) {
        if (e->oper == OPER_SUB)
            negate(&b);
        s = add_into(l, out, &b);
    }
    if (s != STATUS_OK)
        form_set_clear(out);
    return s;
}

/* Smallest, largest or sum of a list of expressions. */
static enum status value_fold(struct form_set *out, struct linear *l, struct expr *const *items, size_t n, enum forms kind)
{
    enum status s = n ? STATUS_OK : refuse(l, "the largest of nothing");
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n && s == STATUS_OK; i++) {
        struct form_set one;
        s = linear_value(&one, l, items[i]);
        if (s == STATUS_OK && i == 0)
            *out = one;
        else if (s == STATUS_OK)
            s = kind == FORMS_ONE ? add_into(l, out, &one) : join_into(l, out, &one, kind);
    }
    if (s != STATUS_OK)
        form_set_clear(out);
    return s;
}

/* The row of logits as one set: all columns but `without`. */
static enum status value_logits(struct form_set *out, struct linear *l, enum forms kind)
{
    enum status s = STATUS_OK;
    memset(out, 0, sizeof *out);
    for (size_t j = 0; j < l->n_out && s == STATUS_OK; j++) {
        struct form_set one;
        s = lines_terms(&one, l->twin ? l->twin[j] : j, 1);
        if (s == STATUS_OK && j == 0)
            *out = one;
        else if (s == STATUS_OK)
            s = kind == FORMS_ONE ? add_into(l, out, &one) : join_into(l, out, &one, kind);
    }
    if (s != STATUS_OK)
        form_set_clear(out);
    return s;
}

static bool logits_row(const struct expr *e)
{
    struct network_read r;
    return network_read(&r, e) && !r.column && r.call->function == FUNCTION_LOGITS;
}

static enum status value_call(struct form_set *out, struct linear *l, const struct expr *e)
{
    if (e->function == FUNCTION_ABS) {
        struct form_set minus;
        enum status s = linear_value(out, l, e->args[0]);
        if (s != STATUS_OK)
            return s;
        s = linear_value(&minus, l, e->args[0]);
        if (s == STATUS_OK) {
            negate(&minus);
            s = join_into(l, out, &minus, FORMS_LARGEST);
        }
        if (s != STATUS_OK)
            form_set_clear(out);
        return s;
    }
    if (e->function != FUNCTION_MAX && e->function != FUNCTION_MIN && e->function != FUNCTION_SUM)
        return refuse(l, "a function of a network value is not linear");
    enum forms kind = e->function == FUNCTION_MAX ? FORMS_LARGEST : e->function == FUNCTION_MIN ? FORMS_SMALLEST : FORMS_ONE;
    if (e->n_args > 1)
        return value_fold(out, l, e->args, e->n_args, kind);
    if (e->args[0]->form == FORM_LIST)
        return value_fold(out, l, e->args[0]->args, e->args[0]->n_args, kind);
    return logits_row(e->args[0]) && !l->own ? value_logits(out, l, kind) : refuse(l, "a function of a network value is not linear");
}

/* ---- comprehensions ---- */

enum status linear_condition(bool *in, struct linear *l, const struct expr *where)
{
    *in = true;
    if (!where)
        return STATUS_OK;
    return expr_depends_on_network(where) ? refuse(l, "a condition of a comprehension reads the network") : features_truth(in, l->f, where);
}

struct fold { struct linear *l; const struct expr *e; struct form_set *out; enum forms kind; size_t n; };

static enum status fold_instance(void *context)
{
    struct fold *c = context;
    bool in;
    enum status s = linear_condition(&in, c->l, c->e->where);
    if (s != STATUS_OK || !in)
        return s;
    struct form_set one;
    s = linear_value(&one, c->l, c->e->args[0]);
    if (s != STATUS_OK)
        return s;
    if (c->n++ == 0)
        *c->out = one;
    else
        s = c->kind == FORMS_ONE ? add_into(c->l, c->out, &one) : join_into(c->l, c->out, &one, c->kind);
    return s;
}

/* One position of a sum over own tokens: the coefficient of the attention to it, token by token, each read off a sequence that has
 * the token there and the same features. */
static enum status own_instance(void *context)
{
    struct fold *c = context;
    struct linear *l = c->l;
    struct features *f = l->f;
    const struct sequence *t = f->t;
    long i = f->last_bound;
    if (i < 0 || (size_t)i >= t->n)
        return refuse(l, "a comprehension leaves the sequence");
    if (c->e->where && expr_depends_on_network(c->e->where))
        return refuse(l, "a condition of a comprehension reads the network");
    enum status s = STATUS_OK;
    for (size_t k = 0; k < t->n_set[i] && s == STATUS_OK; k++) {
        const int *tokens = l->through(l->context, (size_t)i, k);
        if (!tokens)
            continue;
        sequence_bind(t, f->in, tokens);
        l->own = true;
        l->own_position = (size_t)i;
        l->own_cell = f->first[i] + k;
        bool in = true;
        struct form_set one = { 0 };
        if (c->e->where)
            s = features_truth(&in, f, c->e->where);
        if (s == STATUS_OK && in)
            s = linear_value(&one, l, c->e->args[0]);
        l->own = false;
        if (s == STATUS_OK && in && (one.n != 1 || mpq_sgn(one.lines->c) != 0))
            s = refuse(l, "a sum over positions adds something besides the attention");
        if (s == STATUS_OK && in)
            s = add_into(l, c->out, &one);
        else
            form_set_clear(&one);
    }
    sequence_bind(t, f->in, l->tokens);
    return s;
}

static enum status value_quant(struct form_set *out, struct linear *l, const struct expr *e)
{
    memset(out, 0, sizeof *out);
    struct fold c = { l, e, out, e->quant == QUANT_MAX ? FORMS_LARGEST : e->quant == QUANT_MIN ? FORMS_SMALLEST : FORMS_ONE, 0 };
    if (e->quant != QUANT_MAX && e->quant != QUANT_MIN && e->quant != QUANT_SUM && e->quant != QUANT_MEAN)
        return refuse(l, "a comprehension over network values is not linear");
    bool own = !l->own && sum_over_own_tokens(l->f, e);
    enum status s = own ? integer(out, 0) : STATUS_OK;
    if (s == STATUS_OK)
        s = features_each(l->f, &e->binds, 0, own ? own_instance : fold_instance, &c);
    if (s == STATUS_OK && !own && c.n == 0)
        s = e->quant == QUANT_SUM ? integer(out, 0) : refuse(l, "a comprehension is empty");
    if (s == STATUS_OK && e->quant == QUANT_MEAN) {
        mpq_t share;
        mpq_init(share);
        mpq_set_ui(share, 1, c.n);
        lines_scale(out, share);
        mpq_clear(share);
    }
    if (s != STATUS_OK)
        form_set_clear(out);
    return s;
}

enum status linear_value(struct form_set *out, struct linear *l, const struct expr *e)
{
    memset(out, 0, sizeof *out);
    if (e->form == FORM_NUMBER)
        return lines_constant(out, e->number);
    if (!expr_depends_on_network(e) && e->type.base == BASE_INT && e->type.rank == 0) {
        long v;
        enum status s = features_int(&v, l->f, e);
        return s == STATUS_OK ? integer(out, v) : s;
    }
    struct network_read r;
    if (network_read(&r, e))
        return read_value(out, l, &r);
    bool truth;
    enum status s;
    switch (e->form) {
    case FORM_UNARY:
        s = e->oper == OPER_NEG ? linear_value(out, l, e->args[0]) : refuse(l, "a truth value stands where a number is asked for");
        if (s == STATUS_OK)
            negate(out);
        return s;
    case FORM_BINARY: return value_binary(out, l, e);
    case FORM_IF:
        s = expr_depends_on_network(e->args[0]) ? refuse(l, "a choice depends on a network value") : features_truth(&truth, l->f, e->args[0]);
        return s == STATUS_OK ? linear_value(out, l, e->args[truth ? 1 : 2]) : s;
    case FORM_INDEX:
        if (e->args[0]->form == FORM_LIST && e->n_args == 2 && e->args[1]->form != FORM_SLICE) {
            long i;
            s = features_index(&i, l->f, e->args[1], e->args[0]->n_args);
            if (s != STATUS_OK)
                return s;
            return i < 0 || (size_t)i >= e->args[0]->n_args ? refuse(l, "an index is out of range") : linear_value(out, l, e->args[0]->args[i]);
        }
        return refuse(l, "an index is not linear");
    case FORM_CALL: return value_call(out, l, e);
    case FORM_QUANT: return value_quant(out, l, e);
    default: return refuse(l, "an expression is not linear in the attention");
    }
}
