/* change.c: interventions (STATEMENT.md §3). Which rows a patch or an ablate replaces is found as in the interpreter: components become pairs (node, position); neurons
 * and edges have nodes of their own in a network made for them (edit.h). What the rows become is evaluated when they are asked for. */
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

size_t change_place(const struct smt_site *site, size_t node) { return site->edit ? site->edit->place[node] : node; }

bool change_network(struct smt *m, struct smt_site *site)
{
    const struct expr *e = site->model;
    struct interp *in = smt_interp(m, true);
    if (!in) return false;
    while (e->form == FORM_CALL && e->n_args > 0) e = e->args[0];
    enum status s = interp_networks(&site->base, &site->clean, in, site->model, m->d);
    site->net = site->base;
    site->name = e->form == FORM_NAME && e->name ? e->name : "";
    return s == STATUS_OK || (s == STATUS_INPUT && m->d->n ? (m->status = s, false) : smt_fail(m, s, "no network for this model"));
}

/* ---- components ---- */

static bool find(struct smt *m, size_t *out, const struct net *net, const char *name)
{
    long node = net_node(net, name);
    *out = (size_t)(node < 0 ? 0 : node);
    return node >= 0 || smt_fail(m, STATUS_INPUT, "the model has no node '%s'", name);
}

static bool reader_of(struct smt *m, long *out, const struct net *net, const struct expr *e)
{
    long l, h;
    size_t node = net->output;
    bool unembed = e->form == FORM_NAME && e->name && strcmp(e->name, "unembed") == 0;
    if (e->form == FORM_FIELD) {
        if (!smt_int(m, &l, e->args[0]->args[0]) || !smt_int(m, &h, e->args[0]->args[1])) return false;
        if (!find(m, &node, net, smt_format(m, "blocks.%ld.attn.hook_%s.%ld", l, e->name, h))) return false;
    } else if (!unembed) {
        if (e->form != FORM_CALL || e->function != FUNCTION_MLP || !smt_int(m, &l, e->args[0])) return smt_fail(m, STATUS_INPUT, "readers are head(l, h).q, .k, .v, mlp(l) and unembed");
        const char *start = smt_format(m, "blocks.%ld.mlp.", l);
        for (node = 0; node < net->n_nodes && strncmp(net->nodes[node].name, start, strlen(start)) != 0; node++) continue;
        if (node == net->n_nodes) return smt_fail(m, STATUS_INPUT, "the model has no MLP in layer %ld", l);
    }
    *out = (long)node;
    return true;
}

static bool edge_of(struct smt *m, struct part *out, const struct net *net, const struct expr *e)
{
    struct part from;
    bool exists = false;
    if (!change_component(m, &from, net, e->args[0])) return false;
    *out = (struct part){.node = from.node, .reader = -1, .entry = -1};
    if (!reader_of(m, &out->reader, net, e->args[1])) return false;
    if (edge_exists(&exists, net, out) != STATUS_OK) return smt_fail(m, STATUS_MEMORY, "out of memory");
    return exists || smt_fail(m, STATUS_INPUT, "there is no such edge");
}

static bool neuron_of(struct smt *m, struct part *out, const struct net *net, const struct expr *e)
{
    long l, k;
    if (!smt_int(m, &l, e->args[0]) || !smt_int(m, &k, e->args[1]) || !find(m, &out->node, net, smt_format(m, "blocks.%ld.mlp.hook_post", l))) return false;
    if (k < 0 || (size_t)k >= net->nodes[out->node].width) return smt_fail(m, STATUS_INPUT, "neuron %ld out of range: layer %ld has 0..%zu", k, l, net->nodes[out->node].width - 1);
    out->entry = k;
    return true;
}

static bool bias_of(struct smt *m, struct part *out, const struct net *net, long layer)
{
    long node = edit_bias_node(net, layer);
    out->node = (size_t)node;
    return node >= 0 || smt_fail(m, STATUS_INPUT, "the attention of layer %ld has no bias b_O", layer);
}

bool change_component(struct smt *m, struct part *out, const struct net *net, const struct expr *e)
{
    long l = 0, h = 0;
    *out = (struct part){.reader = -1, .entry = -1};
    if (e->form == FORM_STRING) return find(m, &out->node, net, e->name);
    if (e->form == FORM_NAME && e->name && strcmp(e->name, "embed") == 0) return find(m, &out->node, net, "hook_embed");
    if (e->form == FORM_NAME && e->name && strcmp(e->name, "pos_embed") == 0) return find(m, &out->node, net, "hook_pos_embed");
    switch (e->form == FORM_CALL ? (int)e->function : -1) {
    case FUNCTION_NEURON: return neuron_of(m, out, net, e);
    case FUNCTION_EDGE: return edge_of(m, out, net, e);
    case FUNCTION_MLP: return smt_int(m, &l, e->args[0]) && find(m, &out->node, net, smt_format(m, "blocks.%ld.hook_mlp_out", l));
    case FUNCTION_BIAS: return smt_int(m, &l, e->args[0]) && bias_of(m, out, net, l);
    case FUNCTION_HEAD:
        return smt_int(m, &l, e->args[0]) && smt_int(m, &h, e->args[1]) && find(m, &out->node, net, smt_format(m, "blocks.%ld.attn.hook_result.%ld", l, h));
    default: return smt_fail(m, STATUS_UNSUPPORTED, "a component of this kind has no encoding");
    }
}

/* Sets of pairs: a byte for each (node of the base or part, position). While the parts are collected (list), there are no bytes. */
struct pairs { struct smt *m; struct smt_site *site; unsigned char *mask; struct part *list; size_t n_list, room; };

static size_t n_pairs(const struct smt_site *site) { return (site->base->n_nodes + (site->edit ? site->edit->n_parts : 0)) * site->n; }

static bool add_all(struct pairs *p)
{
    const struct smt_site *site = p->site;
    for (size_t v = 0; p->mask && v < site->base->n_nodes; v++)
        if (writes_residual(site->base->nodes[v].name)) memset(p->mask + v * site->n, 1, site->n);
    return true;
}

static bool list_part(struct pairs *p, struct part part)
{
    size_t i = 0;
    while (i < p->n_list && part_compare(&p->list[i], &part) < 0) i++;
    if (i < p->n_list && part_compare(&p->list[i], &part) == 0) return true;
    struct part *grown = mem_grow(p->list, &p->room, p->n_list + 1, sizeof *grown);
    if (!grown) return smt_fail(p->m, STATUS_MEMORY, "out of memory");
    p->list = grown;
    memmove(grown + i + 1, grown + i, (p->n_list - i) * sizeof *grown);
    grown[i] = part;
    p->n_list++;
    return true;
}

static bool add_part(struct pairs *p, const struct expr *e)
{
    struct part part;
    const struct smt_site *site = p->site;
    if (!change_component(p->m, &part, site->base, e)) return false;
    if (part_width(site->base, &part) == 0) return smt_fail(p->m, STATUS_INPUT, "attention scores and patterns are not ablated");
    if (!p->mask) return part_whole(&part) || list_part(p, part);
    size_t which = part.node, i = 0;
    if (!part_whole(&part)) {
        while (i < site->edit->n_parts && part_compare(&site->edit->parts[i], &part) != 0) i++;
        which = site->base->n_nodes + i;
    }
    memset(p->mask + which * site->n, 1, site->n);
    return true;
}

static bool add_components(struct pairs *p, const struct expr *e);
struct component { struct pairs *p; const struct expr *e; };

static bool add_instance(void *context, const char *when)
{
    struct component *c = context;
    if (!is_true(when)) return smt_fail(c->p->m, STATUS_UNSUPPORTED, "components that rest on the variables of the claim have no encoding");
    return add_components(c->p, c->e->args[0]);
}

/* first..last of an index among n positions */
static bool span_of(struct smt *m, long *first, long *last, const struct expr *i, size_t n)
{
    long before = m->last;
    bool good;
    *first = 0;
    m->last = *last = (long)n - 1;
    if (i->form == FORM_SLICE) good = (!i->args[0] || smt_int(m, first, i->args[0])) && (!i->args[1] || smt_int(m, last, i->args[1]));
    else good = smt_int(m, first, i), *last = *first;
    m->last = before;
    return good && ((*first >= 0 && *last < (long)n) || *last < *first || smt_fail(m, STATUS_INPUT, "an intervention on rows that the input has not"));
}

/* The pairs of e alone. */
static unsigned char *pairs_of(struct pairs *p, const struct expr *e)
{
    struct pairs alone = {.m = p->m, .site = p->site, .mask = smt_array(p->m, n_pairs(p->site), 1)};
    return alone.mask && add_components(&alone, e) ? alone.mask : NULL;
}

static bool add_rows(struct pairs *p, const struct expr *e)
{
    long first, last;
    if (!p->mask) return add_components(p, e->args[0]);
    unsigned char *part = pairs_of(p, e->args[0]);
    if (!part || !span_of(p->m, &first, &last, e->args[1], p->site->n)) return false;
    for (size_t k = 0; k < n_pairs(p->site); k++) {
        long row = (long)(k % p->site->n);
        if (row >= first && row <= last) p->mask[k] |= part[k];
    }
    return true;
}

static bool add_difference(struct pairs *p, const struct expr *e)
{
    if (!p->mask) return add_components(p, e->args[0]) && add_components(p, e->args[1]);
    unsigned char *a = pairs_of(p, e->args[0]), *b = a ? pairs_of(p, e->args[1]) : NULL;
    for (size_t k = 0; b && k < n_pairs(p->site); k++) p->mask[k] |= a[k] && !b[k];
    return b != NULL;
}

static bool add_components(struct pairs *p, const struct expr *e)
{
    bool good = true;
    switch (e->form) {
    case FORM_IMAGE: return smt_instances(p->m, e, add_instance, &(struct component){p, e});
    case FORM_INDEX: return add_rows(p, e);
    case FORM_LIST:
        for (size_t i = 0; i < e->n_args && good; i++) good = add_components(p, e->args[i]);
        return good;
    case FORM_BINARY: return e->oper == OPER_SUB ? add_difference(p, e) : add_components(p, e->args[0]) && add_components(p, e->args[1]);
    case FORM_NAME: return e->name && strcmp(e->name, "all") == 0 ? add_all(p) : add_part(p, e);
    default: return add_part(p, e);
    }
}

/* ---- which rows ---- */

static const struct expr *argument(const struct smt_change *c, const char *key)
{
    for (size_t i = 1; i < c->call->n_args; i++)
        if (strcmp(c->call->args[i]->args[0]->name, key) == 0) return c->call->args[i]->args[1];
    return NULL;
}

/* Innermost first; a later change of the same rows wins. */
static void collect(struct smt_site *site, const struct expr *e)
{
    if (!expr_patches(e)) return;
    collect(site, e->args[0]);
    const struct smt_change *before = site->n_changes ? &site->changes[site->n_changes - 1] : NULL;
    size_t steers = before ? before->below + (before->steer > 0) : 0;
    if (e->function == FUNCTION_STEER) {
        site->changes[site->n_changes++] = (struct smt_change){.call = e, .left = e->args[1], .value = e->args[2], .steer = steers + 1, .below = steers};
        return;
    }
    if (e->function == FUNCTION_ABLATE) {
        struct smt_change *c = &site->changes[site->n_changes++];
        *c = (struct smt_change){.call = e, .below = steers};
        c->value = argument(c, "to");
        return;
    }
    for (size_t i = 1; i < e->n_args; i++)
        if (!expr_is_frozen(e->args[i])) site->changes[site->n_changes++] = (struct smt_change){.call = e, .left = e->args[i]->args[0], .value = e->args[i]->args[1], .below = steers};
}

static bool add_steer(struct pairs *p, const struct smt_change *c)
{
    struct part part;
    if (!change_component(p->m, &part, p->site->base, c->left->form == FORM_INDEX ? c->left->args[0] : c->left)) return false;
    if (part_width(p->site->base, &part) == 0) return smt_fail(p->m, STATUS_INPUT, "attention scores and patterns are not steered");
    part.steer = c->steer;
    return list_part(p, part);
}

static bool edit(struct smt *m, struct smt_site *site)
{
    const struct net *clean = site->clean;
    struct pairs p = {.m = m, .site = site};
    bool good = true;
    for (size_t i = 0; i < site->n_changes && good; i++) {
        const struct smt_change *c = &site->changes[i];
        const struct expr *which = c->left ? c->left : argument(c, "drop") ? argument(c, "drop") : argument(c, "keep");
        good = add_components(&p, which) && (!c->steer || add_steer(&p, c));
    }
    struct edited **grown = good && (p.n_list || clean) ? mem_grow(m->edits, &m->room_edits, m->n_edits + 1, sizeof *grown) : NULL;
    if (grown) {
        m->edits = grown;
        good = edited_new(&grown[m->n_edits], site->base, clean, p.list, p.n_list) == STATUS_OK;
        if (good) site->edit = grown[m->n_edits++], site->net = &site->edit->net;
    }
    good = good && (grown || (!p.n_list && !clean) || smt_fail(m, STATUS_MEMORY, "out of memory"));
    free(p.list);
    return good;
}

static bool add_patch(struct smt *m, struct smt_site *site, struct smt_patch p)
{
    struct smt_patch *grown = mem_grow(site->patches, &site->room_patches, site->n_patches + 1, sizeof *grown);
    if (!grown) return smt_fail(m, STATUS_MEMORY, "out of memory");
    site->patches = grown;
    site->patches[site->n_patches++] = p;
    return true;
}

/* A row of a whole node is also the row of its copies and, entry by entry, of its neurons. */
static bool add_row(struct smt *m, struct smt_site *site, struct smt_change *by, struct part of, long row, long first)
{
    const struct edited *e = site->edit;
    struct smt_patch p = {.node = e ? e->own[of.node] : of.node, .row = row, .first = first, .of = of, .entry = of.entry, .by = by};
    if (part_whole(&of) && !by->steer && !add_patch(m, site, p)) return false;
    for (size_t i = 0; e && i < e->n_parts; i++) {
        const struct part *q = &e->parts[i];
        if (q->node != of.node || (!part_whole(&of) && (q->reader != of.reader || q->entry != of.entry))) continue;
        p.zero = q->steer > 0 && q->steer <= by->below;      /* what an earlier steer added */
        if (p.zero ? by->steer > 0 : q->steer != by->steer) continue;
        p.node = q->at;
        p.entry = q->entry;
        if (!add_patch(m, site, p)) return false;
    }
    return true;
}

static bool read_patch(struct smt *m, struct smt_site *site, struct smt_change *c)
{
    struct part of;
    long first = 0, last = (long)site->n - 1;
    bool index = c->left->form == FORM_INDEX;
    if (!change_component(m, &of, site->base, index ? c->left->args[0] : c->left)) return false;
    if (index && !span_of(m, &first, &last, c->left->args[1], site->n)) return false;
    for (long row = first; row <= last; row++)
        if (!add_row(m, site, c, of, row, first)) return false;
    return true;
}

static bool read_ablate(struct smt *m, struct smt_site *site, struct smt_change *c)
{
    const struct expr *drop = argument(c, "drop");
    struct pairs p = {.m = m, .site = site, .mask = smt_array(m, n_pairs(site), 1)};
    if (!p.mask) return false;
    if (drop && !add_components(&p, drop)) return false;
    if (!drop) {
        unsigned char *kept = pairs_of(&p, argument(c, "keep"));
        if (!kept) return false;
        add_all(&p);
        for (size_t k = 0; k < n_pairs(site); k++) p.mask[k] = p.mask[k] && !kept[k];
    }
    for (size_t k = 0; k < n_pairs(site); k++) {
        size_t which = k / site->n;
        struct part of = which < site->base->n_nodes ? (struct part){.node = which, .reader = -1, .entry = -1} : site->edit->parts[which - site->base->n_nodes];
        if (p.mask[k] && !add_row(m, site, c, of, (long)(k % site->n), 0)) return false;
    }
    return true;
}

bool change_read(struct smt *m, struct smt_site *site)
{
    size_t n = 0;
    for (const struct expr *e = site->model; expr_patches(e); e = e->args[0]) n += e->n_args;
    if (n == 0 && !site->clean) return true;
    site->changes = smt_array(m, n, sizeof *site->changes);
    if (!site->changes) return false;
    collect(site, site->model);
    bool good = edit(m, site);
    for (size_t i = 0; i < site->n_changes && good; i++) good = (site->changes[i].left ? read_patch : read_ablate)(m, site, &site->changes[i]);
    return good;
}
