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
    for (size_t i = 0; i < in->n_biased; i++) biased_free(in->biased[i].net);
    free(in->edits);
    free(in->replaced);
    free(in->biased);
}

static bool is_no_bias(const struct expr *e, void *context)
{
    (void)context;
    return e->form != FORM_CALL || e->function != FUNCTION_BIAS;
}

bool statement_names_bias(const struct statement *s)
{
    const struct expr *parts[] = {s->subject, s->where, s->forall_where};
    bool found = false;
    for (size_t i = 0; i < 3; i++) found = found || (parts[i] && !expr_walk(parts[i], is_no_bias, NULL));
    for (size_t i = 0; i < s->binds.n; i++) found = found || !expr_walk(s->binds.items[i].set, is_no_bias, NULL);
    return found;
}

static bool says_frozen(const struct expr *e)
{
    for (size_t i = 1; i < e->n_args; i++)
        if (e->args[i]->form == FORM_ASSIGN && expr_is_frozen(e->args[i])) return true;
    return false;
}

const struct expr *change_plain(const struct expr *e)
{
    while (expr_changes_model(e)) e = e->args[0];
    return e;
}

bool change_frozen(const struct expr *e)
{
    for (; expr_changes_model(e); e = e->args[0])
        if (says_frozen(e)) return true;
    return false;
}

/* The network with nodes for its biases, where the statement names some. */
static enum status with_biases(const struct net **net, struct interp *in)
{
    if (!in->names_bias) return STATUS_OK;
    for (size_t i = 0; i < in->n_biased; i++)
        if (in->biased[i].base == *net) {
            *net = in->biased[i].net;
            return STATUS_OK;
        }
    struct biased *grown = mem_grow(in->biased, &in->room_biased, in->n_biased + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    in->biased = grown;
    struct biased b = {.base = *net};
    enum status s = biased_new(&b.net, *net);
    if (s != STATUS_OK) return s;
    in->biased[in->n_biased++] = b;
    *net = b.net;
    return STATUS_OK;
}

/* Entry i of an exact value. */
static void entry_rational(mpq_t q, const struct value *v, size_t i)
{
    if (v->kind == KIND_INT) mpq_set_si(q, v->ints[i], 1);
    else {
        fmpz_get_mpz(mpq_numref(q), v->num + i);
        fmpz_get_mpz(mpq_denref(q), v->den);
        mpq_canonicalize(q);
    }
}

/* The same as a double; false when it is no binary64 number. */
static bool entry_double(double *out, const struct value *v, size_t i)
{
    mpq_t q;
    mpq_init(q);
    entry_rational(q, v, i);
    bool exact = exact_double(out, q);
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
        if (!entry_double(&out[k][i], v, i)) return interp_fail(in, arg, "entry %zu is no binary64 number, as those of a tensor are; rows of a component may be any numbers: patch(M, pos_embed = ...)", i);
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
    for (size_t i = 1; i < e->n_args && s == STATUS_OK; i++)
        if (!expr_is_frozen(e->args[i])) s = new_numbers(numbers, in, base, e->args[i]);
    for (size_t k = 0; k < base->n_tensors && s == STATUS_OK; k++)
        if (numbers[k] && indexes(base, k)) s = interp_fail(in, e, "a tensor of indices is not replaced");
    if (s == STATUS_OK) return retensored_new(out, base, numbers);
    for (size_t k = 0; numbers && k < base->n_tensors; k++) free(numbers[k]);
    free(numbers);
    return s;
}

/* ---- blend ---- */

static bool same_weights(const struct node *a, const struct node *b)
{
    bool same = a->n_w == b->n_w;
    for (size_t k = 0; same && k < a->n_w; k++) same = a->w[k].tensor == b->w[k].tensor && a->w[k].slice == b->w[k].slice;
    return same;
}

/* The same network but for the numbers of its tensors. */
static bool same_graph(const struct net *a, const struct net *b)
{
    bool same = a->n_nodes == b->n_nodes && a->n_tensors == b->n_tensors && a->d_vocab == b->d_vocab && a->width_in == b->width_in && a->n_ctx == b->n_ctx;
    same = same && a->causal == b->causal && a->pad == b->pad && a->eps == b->eps && a->output == b->output;
    for (size_t k = 0; same && k < a->n_tensors; k++) {
        const struct tensor *x = &a->tensors[k], *y = &b->tensors[k];
        same = strcmp(x->name, y->name) == 0 && x->rank == y->rank && memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) == 0;
    }
    for (size_t v = 0; same && v < a->n_nodes; v++) {
        const struct node *x = &a->nodes[v], *y = &b->nodes[v];
        same = strcmp(x->name, y->name) == 0 && x->op == y->op && x->n_inputs == y->n_inputs && x->n_args == y->n_args && same_weights(x, y);
        same = same && (x->n_inputs == 0 || memcmp(x->inputs, y->inputs, x->n_inputs * sizeof *x->inputs) == 0); /* leaves have no list */
        same = same && (x->n_args == 0 || memcmp(x->arg, y->arg, x->n_args * sizeof *x->arg) == 0);
    }
    return same;
}

/* The nearest number with `digits` bits whose last place is 2^least or more, ties to even; false when it is 2^most or more. */
static bool nearest(double *out, const mpq_t q, long digits, long least, long most)
{
    mpz_t n, d, rest;
    long up = (long)mpz_sizeinbase(mpq_numref(q), 2) - (long)mpz_sizeinbase(mpq_denref(q), 2) - digits;
    if (up < least) up = least;   /* |q| < 2^(up + digits + 1): at most one bit too many */
    mpz_inits(n, d, rest, NULL);
    for (;; up++) {
        mpz_mul_2exp(n, mpq_numref(q), up < 0 ? (mp_bitcnt_t)-up : 0);
        mpz_mul_2exp(d, mpq_denref(q), up > 0 ? (mp_bitcnt_t)up : 0);
        mpz_fdiv_qr(n, rest, n, d);
        mpz_mul_2exp(rest, rest, 1);
        int side = mpz_cmp(rest, d);
        if (side > 0 || (side == 0 && mpz_odd_p(n))) mpz_add_ui(n, n, 1);
        if ((long)mpz_sizeinbase(n, 2) <= digits || mpz_sgn(n) == 0) break;
        if (mpz_scan1(n, 0) + 1 >= mpz_sizeinbase(n, 2)) break;   /* a power of two */
    }
    bool fits = mpz_sgn(n) == 0 || (long)mpz_sizeinbase(n, 2) + up <= most;
    if (fits) *out = ldexp(mpz_get_d(n), (int)up);
    mpz_clears(n, d, rest, NULL);
    return fits;
}

/* (1 - alpha) a + alpha b, rounded once to a number of the kind that tensors have. */
static enum status blend_numbers(double *out, struct interp *in, const struct expr *e, const mpq_t alpha, const struct tensor *a, const struct tensor *b)
{
    bool single = in->s->semantics == SEMANTICS_FLOAT32;
    enum status s = STATUS_OK;
    mpq_t x, y;
    mpq_inits(x, y, NULL);
    for (size_t i = 0; i < tensor_count(a) && s == STATUS_OK; i++) {
        mpq_set_d(x, a->data[i]);
        mpq_set_d(y, b->data[i]);
        mpq_sub(y, y, x);
        mpq_mul(y, y, alpha);
        mpq_add(x, x, y);
        if (!nearest(&out[i], x, single ? 24 : 53, single ? -149 : -1074, single ? 128 : 1024)) s = interp_fail(in, e, "entry %zu of '%s' is too large", i, a->name);
    }
    mpq_clears(x, y, NULL);
    return s;
}

static enum status make_blend(struct retensored **out, struct interp *in, const struct expr *e, const struct net *a, const struct net *b)
{
    struct value *v;
    mpq_t alpha;
    enum status s = eval(&v, in, e->args[2]);
    if (s != STATUS_OK) return s;
    if (!value_is_exact(v) || v->rank != 0) return interp_fail(in, e, "the share of the second model is an exact number");
    if (!same_graph(a, b)) return interp_fail(in, e, "the two models differ in more than the numbers of their tensors");
    double **numbers = mem_array(a->n_tensors + 1, sizeof *numbers);
    if (!numbers) return STATUS_MEMORY;
    mpq_init(alpha);
    entry_rational(alpha, v, 0);
    for (size_t k = 0; k < a->n_tensors && s == STATUS_OK; k++) {
        size_t n = tensor_count(&a->tensors[k]);
        if (memcmp(a->tensors[k].data, b->tensors[k].data, n * sizeof(double)) == 0) continue;
        if (indexes(a, k)) s = interp_fail(in, e, "the two models have different indices '%s'", a->tensors[k].name);
        else if (!(numbers[k] = mem_array(n, sizeof(double)))) s = STATUS_MEMORY;
        else s = blend_numbers(numbers[k], in, e, alpha, &a->tensors[k], &b->tensors[k]);
    }
    mpq_clear(alpha);
    if (s == STATUS_OK) return retensored_new(out, a, numbers);
    for (size_t k = 0; k < a->n_tensors; k++) free(numbers[k]);
    free(numbers);
    return s;
}

enum status model_network(const struct net **out, const struct model **model, struct interp *in, const struct expr *e, const struct expr *at)
{
    if (e->form == FORM_NAME && e->name) {
        *model = statement_model(in->s, e->name);
        *out = *model ? &(*model)->net : NULL;
        return *out && (*out)->n_nodes ? with_biases(out, in) : interp_fail(in, at, "no network for this model");
    }
    bool blend = e->form == FORM_CALL && e->function == FUNCTION_BLEND;
    if (!blend && (e->form != FORM_CALL || e->function != FUNCTION_REPLACE)) return interp_fail(in, at, "replace and blend are of models as they stand");
    const struct net *base, *other = NULL;
    const struct model *second;
    struct retensored *r;
    enum status s = model_network(&base, model, in, e->args[0], at);
    if (s == STATUS_OK && blend) s = model_network(&other, &second, in, e->args[1], at);
    for (size_t i = 0; i < in->n_replaced && s == STATUS_OK; i++)
        if (expr_equal(in->replaced[i].e, e)) {
            *out = &in->replaced[i].r->net;
            return STATUS_OK;
        }
    if (s == STATUS_OK) s = blend ? make_blend(&r, in, e, base, other) : make_replaced(&r, in, e, base);
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

static bool same_parts(const struct edited *e, const struct net *base, const struct net *clean, const struct part_list *list)
{
    bool same = e->base == base && e->clean == clean && e->n_asked == list->n;
    for (size_t i = 0; same && i < list->n; i++) same = part_compare(&e->asked[i], &list->items[i]) == 0;
    return same;
}

static enum status find_edit(struct site *site, struct interp *in, const struct part_list *list)
{
    bool needed = list->n || site->clean;
    site->edit = NULL;
    for (size_t i = 0; i < in->n_edits && needed; i++)
        if (same_parts(in->edits[i], site->base, site->clean, list)) site->edit = in->edits[i];
    if (!site->edit && needed) {
        struct edited **grown = mem_grow(in->edits, &in->room_edits, in->n_edits + 1, sizeof *grown);
        if (!grown) return STATUS_MEMORY;
        in->edits = grown;
        enum status s = edited_new(&grown[in->n_edits], site->base, site->clean, list->items, list->n);
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
