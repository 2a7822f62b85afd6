/* interp_edit.c: the network behind a model expression: of a model, with the tensors of replace, with the parts that patches and ablates name. */
#include "verify/interp_parts.h"
#include "core/mem.h"
#include "core/number.h"
#include "models/rewrite.h"
#include <string.h>

void edits_free(struct interp *in)
{
    for (size_t i = 0; i < in->n_edits; i++) edited_free(in->edits[i]);
    for (size_t i = 0; i < in->n_replaced; i++) retensored_free(in->replaced[i].r);
    free(in->edits);
    free(in->replaced);
}

/* Entry i of an exact value; false when it is no binary64 number. */
static bool entry_double(double *out, const struct value *v, size_t i)
{
    mpq_t q;
    bool exact = true;
    mpq_init(q);
    if (v->kind == KIND_INT) mpq_set_si(q, v->ints[i], 1);
    else {
        fmpz_get_mpz(mpq_numref(q), v->num + i);
        fmpz_get_mpz(mpq_denref(q), v->den);
        mpq_canonicalize(q);
    }
    exact = exact_double(out, q);
    mpq_clear(q);
    return exact;
}

static enum status new_numbers(double **out, struct interp *in, const struct net *base, const struct expr *arg)
{
    struct value *v;
    long k = net_tensor(base, arg->args[0]->name);
    if (k < 0) return interp_fail(in, arg, "the model has no tensor '%s'", arg->args[0]->name);
    if (out[k]) return interp_fail(in, arg, "'%s' is replaced twice", arg->args[0]->name);
    const struct tensor *t = &base->tensors[k];
    enum status s = eval(&v, in, arg->args[1]);
    if (s != STATUS_OK) return s;
    bool fits = value_is_exact(v) && v->rank == t->rank;
    for (size_t i = 0; fits && i < t->rank; i++) fits = v->shape[i] == t->shape[i];
    if (!fits) return interp_fail(in, arg, "'%s' is replaced by an exact array of its shape", t->name);
    if (!(out[k] = mem_array(v->n, sizeof **out))) return STATUS_MEMORY;
    for (size_t i = 0; i < v->n; i++)
        if (!entry_double(&out[k][i], v, i)) return interp_fail(in, arg, "entry %zu is no binary64 number, as those of a tensor are", i);
    for (size_t i = 0; in->s->semantics == SEMANTICS_FLOAT32 && i < v->n; i++)
        if ((double)(float)out[k][i] != out[k][i]) return interp_fail(in, arg, "entry %zu is no binary32 number, which float32 asks for", i);
    return STATUS_OK;
}

static bool indexes(const struct net *net, size_t tensor)
{
    for (size_t v = 0; v < net->n_nodes; v++)
        for (size_t k = 0; k < net->nodes[v].n_w; k++)
            if (net->nodes[v].w[k].tensor == tensor && (net->nodes[v].op == OP_SELECT || net->nodes[v].op == OP_MAXPOOL)) return true;
    return false;
}

static enum status make_replaced(struct retensored **out, struct interp *in, const struct expr *e, const struct net *base)
{
    double **numbers = mem_array(base->n_tensors + 1, sizeof *numbers);
    enum status s = numbers ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 1; i < e->n_args && s == STATUS_OK; i++) s = new_numbers(numbers, in, base, e->args[i]);
    for (size_t k = 0; k < base->n_tensors && s == STATUS_OK; k++)
        if (numbers[k] && indexes(base, k)) s = interp_fail(in, e, "a tensor of indices is not replaced");
    if (s == STATUS_OK) return retensored_new(out, base, numbers);
    for (size_t k = 0; numbers && k < base->n_tensors; k++) free(numbers[k]);
    free(numbers);
    return s;
}

enum status model_network(const struct net **out, const struct model **model, struct interp *in, const struct expr *e, const struct expr *at)
{
    if (e->form == FORM_NAME && e->name) {
        *model = statement_model(in->s, e->name);
        *out = *model ? &(*model)->net : NULL;
        return *out && (*out)->n_nodes ? STATUS_OK : interp_fail(in, at, "no network for this model");
    }
    if (e->form != FORM_CALL || e->function != FUNCTION_REPLACE) return interp_fail(in, at, "replace is of a model as it stands");
    const struct net *base;
    struct retensored *r;
    enum status s = model_network(&base, model, in, e->args[0], at);
    for (size_t i = 0; i < in->n_replaced && s == STATUS_OK; i++)
        if (expr_equal(in->replaced[i].e, e)) {
            *out = &in->replaced[i].r->net;
            return STATUS_OK;
        }
    if (s == STATUS_OK) s = make_replaced(&r, in, e, base);
    if (s != STATUS_OK) return s;
    struct replaced *grown = mem_grow(in->replaced, &in->room_replaced, in->n_replaced + 1, sizeof *grown);
    if (!grown) {
        retensored_free(r);
        return STATUS_MEMORY;
    }
    in->replaced = grown;
    in->replaced[in->n_replaced++] = (struct replaced){e, r};
    *out = &r->net;
    return STATUS_OK;
}

static bool same_parts(const struct edited *e, const struct net *base, const struct part_list *list)
{
    bool same = e->base == base && e->n_asked == list->n;
    for (size_t i = 0; same && i < list->n; i++) same = part_compare(&e->asked[i], &list->items[i]) == 0;
    return same;
}

static enum status find_edit(struct site *site, struct interp *in, const struct part_list *list)
{
    site->edit = NULL;
    for (size_t i = 0; i < in->n_edits && list->n; i++)
        if (same_parts(in->edits[i], site->base, list)) site->edit = in->edits[i];
    if (!site->edit && list->n) {
        struct edited **grown = mem_grow(in->edits, &in->room_edits, in->n_edits + 1, sizeof *grown);
        if (!grown) return STATUS_MEMORY;
        in->edits = grown;
        enum status s = edited_new(&grown[in->n_edits], site->base, list->items, list->n);
        if (s != STATUS_OK) return s;
        site->edit = grown[in->n_edits++];
    }
    site->net = site->edit ? &site->edit->net : site->base;
    return STATUS_OK;
}

/* What one change names; *closed false when that rests on a variable. */
static enum status parts_of_change(struct part_list *list, bool *closed, struct site *site, struct interp *in, const struct change *c)
{
    const struct expr *which = c->left;
    bool memory;
    if (which && which->form == FORM_INDEX) which = which->args[0];
    if (!which) which = change_argument(c, "drop");
    if (!which) which = change_argument(c, "keep");
    *closed = !rests_on_variables(in, which, &memory) && *closed;
    enum status s = memory ? collect_parts(list, site, in, which) : STATUS_MEMORY;
    if (s != STATUS_OK || !c->steer) return s;
    struct part part;
    if ((s = component_part(&part, in, site->base, which)) != STATUS_OK) return s;
    if (part_width(site->base, &part) == 0) return interp_fail(in, which, "attention scores and patterns are not steered");
    part.steer = c->steer;
    return list_part(list, part);
}

enum status site_edit(struct site *site, struct interp *in)
{
    struct part_list list = {0};
    enum status s = STATUS_OK;
    bool closed = true;
    if (!site->has_parts || site->parts_known) return STATUS_OK;
    for (size_t i = 0; i < site->n_changes && s == STATUS_OK; i++) s = parts_of_change(&list, &closed, site, in, &site->changes[i]);
    if (s == STATUS_OK && !site->unknown) s = find_edit(site, in, &list);
    site->parts_known = s == STATUS_OK && closed;
    free(list.items);
    return s;
}
