/* interp_ablate.c: which rows an ablate replaces, and by what. Its components are a set of pairs (node, position), kept as one byte a pair;
 * what they become is 0, given numbers, the rows of another run, or (interp_mean.c) the mean over the runs on a finite set (STATEMENT.md §3). */
#include "verify/interp_parts.h"
#include "core/mem.h"
#include <stdio.h>
#include <string.h>

void change_clear(struct change *c)
{
    for (size_t i = 0; i < c->n_means; i++) value_clear(&c->means[i]);
    free(c->means);
    free(c->mask);
}

bool writes_residual(const char *name)
{
    static const char *const forms[] = {"hook_embed%n", "hook_pos_embed%n", "blocks.%*u.attn.hook_result.%*u%n", "blocks.%*u.hook_mlp_out%n"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        int end = -1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)sscanf(name, forms[i], &end);
#pragma GCC diagnostic pop
        if (end >= 0 && name[end] == '\0') return true;
    }
    return false;
}

/* Pairs: a byte for each, of the nodes of the base and then of the parts. Or, without bytes, the parts that are named. */
struct pairs { unsigned char *mask; struct part_list *list; };

static size_t n_pairs(const struct site *site)
{
    return (site->base->n_nodes + (site->edit ? site->edit->n_parts : 0)) * site->n;
}

static struct part part_of(const struct site *site, size_t which)
{
    return which < site->base->n_nodes ? (struct part){.node = which, .reader = -1, .entry = -1} : site->edit->parts[which - site->base->n_nodes];
}

static void add_all(struct pairs p, const struct site *site)
{
    for (size_t v = 0; p.mask && v < site->base->n_nodes; v++)
        if (writes_residual(site->base->nodes[v].name)) memset(p.mask + v * site->n, 1, site->n);
}

enum status list_part(struct part_list *list, struct part part)
{
    size_t i = 0;
    while (i < list->n && part_compare(&list->items[i], &part) < 0) i++;
    if (i < list->n && part_compare(&list->items[i], &part) == 0) return STATUS_OK;
    struct part *grown = mem_grow(list->items, &list->room, list->n + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    list->items = grown;
    memmove(grown + i + 1, grown + i, (list->n - i) * sizeof *grown);
    grown[i] = part;
    list->n++;
    return STATUS_OK;
}

static enum status add_part(struct pairs p, struct site *site, struct interp *in, const struct expr *e)
{
    struct part part;
    enum status s = component_part(&part, in, site->base, e);
    if (s != STATUS_OK) return s;
    if (part_width(site->base, &part) == 0) return interp_fail(in, e, "attention scores and patterns are not ablated");
    if (p.list) return part_whole(&part) ? STATUS_OK : list_part(p.list, part);
    size_t which = part.node;
    if (!part_whole(&part)) {
        size_t i = 0;
        while (i < site->edit->n_parts && part_compare(&site->edit->parts[i], &part) != 0) i++;
        if (i == site->edit->n_parts) return STATUS_INTERNAL;
        which = site->base->n_nodes + i;
    }
    memset(p.mask + which * site->n, 1, site->n);
    return STATUS_OK;
}

static enum status add_components(struct pairs p, struct site *site, struct interp *in, const struct expr *e);

static enum status add_image(struct pairs p, struct site *site, struct interp *in, const struct expr *e)
{
    struct class *c;
    bool more;
    enum truth here;
    enum status s = quant_open(&c, in, e);
    while (s == STATUS_OK) {
        s = quant_next(&more, &here, in, c);
        if (s != STATUS_OK || !more) break;
        if (here == TRUTH_UNSETTLED) site->unknown = true;
        s = add_components(p, site, in, c->e->args[0]);
    }
    return s;
}

/* The pairs of a part on their own: then an index or a minus takes some of them. */
static enum status pairs_of(unsigned char **out, struct site *site, struct interp *in, const struct expr *e)
{
    *out = mem_array(n_pairs(site), 1);
    return *out ? add_components((struct pairs){*out, NULL}, site, in, e) : STATUS_MEMORY;
}

static enum status add_rows(struct pairs p, struct site *site, struct interp *in, const struct expr *e)
{
    struct span rows;
    unsigned char *part = NULL;
    if (p.list) return add_components(p, site, in, e->args[0]);
    enum status s = eval_span(&rows, in, e->args[1], site->n);
    if (s == STATUS_OK) s = pairs_of(&part, site, in, e->args[0]);
    if (s == STATUS_OK && rows.unknown) site->unknown = true;
    for (size_t k = 0; s == STATUS_OK && !rows.unknown && k < n_pairs(site); k++)
        if (k % site->n >= rows.first && k % site->n < rows.first + rows.count) p.mask[k] |= part[k];
    free(part);
    return s;
}

static enum status add_difference(struct pairs p, struct site *site, struct interp *in, const struct expr *e)
{
    unsigned char *a = NULL, *b = NULL;
    enum status s = STATUS_OK;
    for (size_t i = 0; p.list && i < 2 && s == STATUS_OK; i++) s = add_components(p, site, in, e->args[i]);
    if (p.list || s != STATUS_OK) return s;
    s = pairs_of(&a, site, in, e->args[0]);
    if (s == STATUS_OK) s = pairs_of(&b, site, in, e->args[1]);
    for (size_t i = 0; s == STATUS_OK && i < n_pairs(site); i++) p.mask[i] |= a[i] && !b[i];
    free(a);
    free(b);
    return s;
}

static enum status add_components(struct pairs p, struct site *site, struct interp *in, const struct expr *e)
{
    enum status s = STATUS_OK;
    switch (e->form) {
    case FORM_IMAGE: return add_image(p, site, in, e);
    case FORM_INDEX: return add_rows(p, site, in, e);
    case FORM_LIST:
        for (size_t i = 0; i < e->n_args && s == STATUS_OK; i++) s = add_components(p, site, in, e->args[i]);
        return s;
    case FORM_BINARY:
        if (e->oper == OPER_SUB) return add_difference(p, site, in, e);
        s = add_components(p, site, in, e->args[0]);
        return s == STATUS_OK ? add_components(p, site, in, e->args[1]) : s;
    case FORM_NAME:
        if (strcmp(e->name, "all") != 0) break;
        add_all(p, site);
        return STATUS_OK;
    default: break;
    }
    return add_part(p, site, in, e);
}

enum status collect_parts(struct part_list *out, struct site *site, struct interp *in, const struct expr *components)
{
    return add_components((struct pairs){NULL, out}, site, in, components);
}

const struct expr *change_argument(const struct change *c, const char *key)
{
    for (size_t i = 1; i < c->call->n_args; i++)
        if (strcmp(c->call->args[i]->args[0]->name, key) == 0) return c->call->args[i]->args[1];
    return NULL;
}

bool rests_on_variables(const struct interp *in, const struct expr *e, bool *memory)
{
    bool *used = mem_array(in->n_slots + 1, sizeof *used), any = false;
    *memory = used != NULL;
    if (used) expr_free_slots(used, in->n_slots, e);
    for (size_t i = 0; used && i < in->n_slots; i++) any = any || used[i];
    free(used);
    return any;
}

/* keep: the complement among those that write into the residual stream. */
static enum status make_mask(struct change *c, struct site *site, struct interp *in)
{
    const struct expr *drop = change_argument(c, "drop"), *keep = change_argument(c, "keep");
    size_t n = n_pairs(site);
    bool memory;
    unsigned char *kept = NULL;
    free(c->mask);
    c->n = 0;
    c->closed = !rests_on_variables(in, drop ? drop : keep, &memory);
    if (!memory || !(c->mask = mem_array(n, 1))) return STATUS_MEMORY;
    enum status s = drop ? add_components((struct pairs){c->mask, NULL}, site, in, drop) : pairs_of(&kept, site, in, keep);
    if (s == STATUS_OK && kept) {
        add_all((struct pairs){c->mask, NULL}, site);
        for (size_t i = 0; i < n && s == STATUS_OK; i++) {
            if (kept[i] && i >= site->base->n_nodes * site->n) s = interp_fail(in, keep, "keep takes whole components");
            c->mask[i] = c->mask[i] && !kept[i];
        }
    }
    free(kept);
    if (s == STATUS_OK) c->n = site->n;
    c->edit = site->edit;
    return s;
}

enum status ablate_resolve(struct site *site, struct interp *in, struct change *c)
{
    enum status s = STATUS_OK;
    if (!c->closed || c->n != site->n || c->edit != site->edit) s = make_mask(c, site, in);
    for (size_t k = 0; s == STATUS_OK && k < n_pairs(site); k++)
        if (c->mask[k]) s = site_add_rows(site, c, part_of(site, k / site->n), (long)(k % site->n), 1);
    return s;
}

/* value E: a number for every entry, a vector for every row, a matrix with all rows of the sequence. */
static enum status given_row(struct value *out, const struct patch *p, struct site *site, struct interp *in)
{
    struct value *given;
    const struct expr *e = p->by->value->args[0];
    size_t width = part_width(site->base, &p->of), row = (size_t)p->first, zero[3] = {0}, one[3] = {1, 1, 1};
    enum status s = eval(&given, in, e);
    if (s != STATUS_OK) return s;
    if (given->kind == KIND_UNKNOWN) {
        site->unknown = true;
        return STATUS_OK;
    }
    bool rows = given->rank == 2 && given->shape[0] == site->n && given->shape[1] == width;
    bool fits = given->rank == 0 || (given->rank == 1 && given->n == width) || rows;
    if (!fits || given->kind == KIND_TRUTH) return interp_fail(in, e, "the value of %zu rows of width %zu is a number, a vector or a matrix of that shape", site->n, width);
    bool entries = given->kind == KIND_REAL && given->origin.site;
    if (rows) {
        zero[0] = row;
        one[1] = width;
        if (!value_shape(out, 1, &width) || !value_box(out, given, zero, one, in->prec)) return STATUS_MEMORY;
    } else if (!value_copy(out, given, in->prec))
        return STATUS_MEMORY;
    if (!value_as_real(out, in->prec)) return STATUS_MEMORY;
    if (in->s->semantics == SEMANTICS_FLOAT32 && !entries) interp_round_binary32(out, in->prec);
    return STATUS_OK;
}

/* skip: entries of v before the one that the patched node is, or begins with */
static void put_row(struct site *site, struct interp *in, const struct patch *p, const struct value *v, size_t skip)
{
    if (in->prec) ball_run_patch_row(site->now->balls, p->node, (size_t)p->first, v->balls + skip);
    else run_patch_row(site->now->run, p->node, (size_t)p->first, v->mid + skip, v->rad + skip);
}

/* A row of real numbers out of what was given; a single number fills the row. */
static enum status put_number(struct site *site, struct interp *in, const struct patch *p, const struct value *x)
{
    struct value row;
    double *mid, *rad;
    arb_ptr balls;
    size_t width = site->net->nodes[p->node].width;
    value_init(&row);
    bool ok = value_shape(&row, 1, &width) && value_make_real(&row, in->prec, &mid, &rad, &balls);
    for (size_t j = 0; ok && j < width; j++) {
        if (in->prec && x) arb_set(balls + j, x->balls);
        else if (in->prec) arb_zero(balls + j);
        else {
            mid[j] = x ? x->mid[0] : 0;
            rad[j] = x ? x->rad[0] : 0;
        }
    }
    if (ok) put_row(site, in, p, &row, 0);
    value_clear(&row);
    return ok ? STATUS_OK : STATUS_MEMORY;
}

static size_t row_count(const struct patch *p, const struct site *site) { return p->count < 0 ? site->n : (size_t)p->count; }

enum status zero_fill(const struct patch *p, struct site *site, struct interp *in)
{
    enum status s = STATUS_OK;
    for (size_t i = 0; i < row_count(p, site) && s == STATUS_OK; i++) {
        struct patch row = *p;
        row.first += (long)i;
        s = put_number(site, in, &row, NULL);
    }
    return s;
}

/* alpha v, which under float32 is rounded once before it is added. */
enum status steer_fill(const struct patch *p, struct site *site, struct interp *in)
{
    struct value *a, *b, v, alpha;
    const struct expr *call = p->by->call;
    size_t width = part_width(site->base, &p->of);
    value_init(&v);
    value_init(&alpha);
    enum status s = eval(&a, in, call->args[3]);
    if (s == STATUS_OK && a->kind == KIND_UNKNOWN) site->unknown = true;
    if (s == STATUS_OK && !site->unknown && !value_copy(&alpha, a, in->prec)) s = STATUS_MEMORY;
    if (s == STATUS_OK && !site->unknown) s = eval(&b, in, call->args[2]);
    if (s != STATUS_OK || site->unknown) goto done;
    site->unknown = b->kind == KIND_UNKNOWN;
    if (site->unknown) goto done;
    if (b->rank != 1 || b->n != width || alpha.rank != 0) s = interp_fail(in, call->args[2], "what is added to rows of width %zu is a vector of that length, times a number", width);
    if (s == STATUS_OK) s = arith(&v, in, call, OPER_MUL, b, &alpha);
    if (s == STATUS_OK && !value_as_real(&v, in->prec)) s = STATUS_MEMORY;
    if (s == STATUS_OK && in->s->semantics == SEMANTICS_FLOAT32) interp_round_binary32(&v, in->prec);
    for (size_t i = 0; s == STATUS_OK && i < row_count(p, site); i++) {
        struct patch row = *p;
        row.first += (long)i;
        put_row(site, in, &row, &v, p->entry >= 0 && part_whole(&p->of) ? (size_t)p->entry : 0);
    }
done:
    value_clear(&v);
    value_clear(&alpha);
    return s;
}

static enum status put_given(const struct patch *p, struct site *site, struct interp *in)
{
    struct value v;
    value_init(&v);
    enum status s = given_row(&v, p, site, in);
    if (s == STATUS_OK && !site->unknown) {
        if (v.rank == 0) s = put_number(site, in, p, &v);
        else put_row(site, in, p, &v, p->entry >= 0 && part_whole(&p->of) ? (size_t)p->entry : 0);
    }
    value_clear(&v);
    return s;
}

enum status same_length(const struct patch *p, struct interp *in, size_t there, size_t here)
{
    if (there == here) return STATUS_OK;
    return interp_fail(in, p->by->value, "rows of a sequence of %zu tokens for one of %zu", there, here);
}

static enum status put_from(const struct patch *p, struct site *site, struct interp *in)
{
    struct change *c = p->by;
    struct value v;
    enum status s = c->source ? STATUS_OK : site_find(&c->source, in, c->call->args[0], c->value->args[0], c->call);
    if (s == STATUS_OK) s = site_ready(c->source, in);
    if (s != STATUS_OK) return s;
    if (c->source->unknown) {
        site->unknown = true;
        return STATUS_OK;
    }
    if ((s = same_length(p, in, c->source->n, site->n)) != STATUS_OK) return s;
    struct span row = {(size_t)p->first, 1, true, false}, all = {0, site->base->nodes[p->of.node].width, false, false};
    value_init(&v);
    s = copy_rows(&v, in, c->source, site_place(c->source, p->of.node), row, all);
    if (s == STATUS_OK) put_row(site, in, p, &v, p->entry >= 0 ? (size_t)p->entry : 0);
    value_clear(&v);
    return s;
}

bool change_asks(const struct change *c, const struct site *site, size_t node, size_t row)
{
    for (size_t k = row; k < n_pairs(site); k += site->n)
        if (c->mask[k] && part_of(site, k / site->n).node == node) return true;
    return false;
}

enum status ablate_fill(const struct patch *p, struct site *site, struct interp *in)
{
    switch (p->by->value->name[0]) {
    case 'z': return put_number(site, in, p, NULL);
    case 'v': return put_given(p, site, in);
    case 'f': return put_from(p, site, in);
    default: return mean_fill(p, site, in);
    }
}
