#include "verify/ast.h"
#include <string.h>
#include "verify/arena.h"

/* Parts of a quantifier or image: body, sets, condition; `exists` has its body last. */
static const struct expr *quant_child(const struct expr *e, size_t i)
{
    bool body_last = e->form == FORM_QUANT && e->quant == QUANT_EXISTS;
    if (!body_last && i-- == 0)
        return e->args[0];
    if (i < e->binds.n)
        return e->binds.items[i].set;
    i -= e->binds.n;
    if (e->where && i-- == 0)
        return e->where;
    return body_last && i == 0 ? e->args[0] : NULL;
}

const struct expr *expr_child(const struct expr *e, size_t i)
{
    if (e->form == FORM_QUANT || e->form == FORM_IMAGE)
        return quant_child(e, i);
    for (size_t k = 0; k < e->n_args; k++)
        if (e->args[k] && i-- == 0)
            return e->args[k];
    return NULL;
}

bool expr_walk(const struct expr *e, expr_visit *visit, void *context)
{
    if (!visit(e, context))
        return false;
    const struct expr *child;
    for (size_t i = 0; (child = expr_child(e, i)) != NULL; i++)
        if (!expr_walk(child, visit, context))
            return false;
    return true;
}

bool function_reads_network(enum function f)
{
    switch (f) {
    case FUNCTION_LOGITS: case FUNCTION_OUTPUT: case FUNCTION_ATTN: case FUNCTION_SCORE: case FUNCTION_RESID_PRE: case FUNCTION_RESID_MID:
    case FUNCTION_RESID_POST: case FUNCTION_MLP_PRE: case FUNCTION_MLP_POST: case FUNCTION_HEAD_OUT: case FUNCTION_NODE: case FUNCTION_RADIUS:
        return true;
    default:
        return false;
    }
}

static bool reads_no_network(const struct expr *e, void *context)
{
    (void)context;
    return !((e->form == FORM_CALL || e->form == FORM_SET_CALL) && function_reads_network(e->function));
}

bool expr_depends_on_network(const struct expr *e)
{
    return !expr_walk(e, reads_no_network, NULL);
}

static bool other_slot(const struct expr *e, void *context)
{
    return !(e->form == FORM_NAME && e->slot == *(const int *)context);
}

bool expr_uses_slot(const struct expr *e, int slot)
{
    return slot >= 0 && !expr_walk(e, other_slot, &slot);
}

struct slot_set { bool *used; size_t n; };

static bool mark_slot(const struct expr *e, void *context)
{
    struct slot_set *set = context;
    if (e->form == FORM_NAME && e->slot >= 0 && (size_t)e->slot < set->n)
        set->used[e->slot] = true;
    return true;
}

static bool unmark_bound(const struct expr *e, void *context)
{
    struct slot_set *set = context;
    for (size_t i = 0; i < e->binds.n; i++)
        if (e->binds.items[i].slot >= 0 && (size_t)e->binds.items[i].slot < set->n)
            set->used[e->binds.items[i].slot] = false;
    return true;
}

void expr_free_slots(bool *used, size_t n, const struct expr *e)
{
    /* Slots are unique in a statement: one that is bound inside e occurs nowhere else, so that unmarking it is safe. */
    struct slot_set set = {used, n};
    expr_walk(e, mark_slot, &set);
    expr_walk(e, unmark_bound, &set);
}

static bool constant_binary(mpq_t out, const mpq_t x, const mpq_t y, enum oper oper)
{
    bool too_large = false;
    switch (oper) {
    case OPER_ADD: mpq_add(out, x, y); break;
    case OPER_SUB: mpq_sub(out, x, y); break;
    case OPER_MUL: mpq_mul(out, x, y); break;
    case OPER_DIV:
        if (mpq_sgn(y) == 0)
            return false;
        mpq_div(out, x, y);
        break;
    case OPER_MOD:
        if (mpz_cmp_ui(mpq_denref(x), 1) != 0 || mpz_cmp_ui(mpq_denref(y), 1) != 0 || mpq_sgn(y) <= 0)
            return false;
        mpq_set_ui(out, 0, 1);
        mpz_fdiv_r(mpq_numref(out), mpq_numref(x), mpq_numref(y));
        break;
    case OPER_POW: return number_power(out, x, y, &too_large);
    default: return false;
    }
    return number_fits(out);
}

bool expr_constant(mpq_t out, const struct expr *e, long last)
{
    if (e->form == FORM_NUMBER) {
        mpq_set(out, e->number);
        return true;
    }
    if (e->form == FORM_LAST && last >= 0) {
        mpq_set_si(out, last, 1);
        return true;
    }
    if (e->form == FORM_UNARY && e->oper == OPER_NEG && expr_constant(out, e->args[0], last)) {
        mpq_neg(out, out);
        return true;
    }
    if (e->form != FORM_BINARY)
        return false;
    mpq_t x, y;
    mpq_inits(x, y, NULL);
    bool ok = expr_constant(x, e->args[0], last) && expr_constant(y, e->args[1], last) && constant_binary(out, x, y, e->oper);
    mpq_clears(x, y, NULL);
    return ok;
}

/* Slots bound on the way down, a's beside b's. */
struct pairing { int a, b; const struct pairing *up; };

static bool same_slot(int a, int b, const struct pairing *p)
{
    for (; p; p = p->up)
        if (p->a == a || p->b == b)
            return p->a == a && p->b == b;
    return a == b;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool equal(const struct expr *a, const struct expr *b, const struct pairing *p);

static bool equal_or_absent(const struct expr *a, const struct expr *b, const struct pairing *p)
{
    return a && b ? equal(a, b, p) : a == b;
}

static bool equal_args(const struct expr *a, const struct expr *b, const struct pairing *p)
{
    if (a->n_args != b->n_args)
        return false;
    for (size_t i = 0; i < a->n_args; i++)
        if (!equal_or_absent(a->args[i], b->args[i], p))
            return false;
    return true;
}

/* Binder i and everything that sees it. */
static bool equal_binders(const struct expr *a, const struct expr *b, size_t i, const struct pairing *p)
{
    if (i == a->binds.n)
        return equal_or_absent(a->where, b->where, p) && equal_args(a, b, p);
    const struct bind *x = &a->binds.items[i], *y = &b->binds.items[i];
    struct pairing next = {x->slot, y->slot, p};
    return equal(x->set, y->set, p) && equal_binders(a, b, i + 1, &next);
}

static bool equal(const struct expr *a, const struct expr *b, const struct pairing *p)
{
    if (a->form != b->form || a->oper != b->oper || a->quant != b->quant || a->function != b->function || a->binds.n != b->binds.n)
        return false;
    if (a->has_number != b->has_number || (a->has_number && !mpq_equal(a->number, b->number)))
        return false;
    if (a->form == FORM_NAME && (a->slot >= 0 || b->slot >= 0))
        return a->slot >= 0 && b->slot >= 0 && same_slot(a->slot, b->slot, p);
    if (!same_text(a->name, b->name))
        return false;
    if (a->form == FORM_COMPARE && a->n_args == b->n_args)
        for (size_t i = 0; i + 1 < a->n_args; i++)
            if (a->opers[i] != b->opers[i])
                return false;
    return equal_binders(a, b, 0, p);
}

bool expr_equal(const struct expr *a, const struct expr *b)
{
    return equal(a, b, NULL);
}

bool expr_patches(const struct expr *e) { return expr_calls(e, FUNCTION_PATCH) || expr_calls(e, FUNCTION_ABLATE) || expr_calls(e, FUNCTION_STEER); }

bool expr_changes_model(const struct expr *e) { return expr_patches(e) || expr_calls(e, FUNCTION_REPLACE); }

bool expr_is_intervention(const struct expr *e) { return expr_changes_model(e) || expr_calls(e, FUNCTION_BLEND); }

bool expr_is_frozen(const struct expr *e)
{
    bool word = e->form == FORM_ASSIGN && e->args[0]->form == FORM_NAME && e->args[0]->slot < 0 && e->args[1]->form == FORM_KEYWORD;
    return word && strcmp(e->args[0]->name, "ln") == 0 && strcmp(e->args[1]->name, "frozen") == 0;
}
