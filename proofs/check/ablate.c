/* ablate (STATEMENT.md §3): a set of pairs (node, position), and what their rows become. It adds patches to a model. */
#include "nodes.h"
#include <string.h>

/* The pairs: at[which * n + position], which counts the nodes of the base and then the parts. collect: no pairs, but the parts that are named. */
struct pairs { const struct net *net; const struct edited *edit; uint32_t n; size_t size; unsigned char *at; struct part_list *collect; };

static struct pairs pairs_like(const struct pairs *p) {
    struct pairs q = *p;
    q.at = mem_get(q.size, 1);
    return q;
}

static struct pairs pairs_new(const struct patched *m, uint32_t n) {
    size_t parts = m->edit != NULL ? (size_t)m->edit->n_parts : 0;
    return pairs_like(&(struct pairs){.net = m->base, .edit = m->edit, .n = n, .size = ((size_t)m->base->n_nodes + parts) * n});
}

/* What the pairs of number k are of. */
static struct part part_of(const struct pairs *p, size_t k) {
    int which = (int)(k / p->n);
    return which < p->net->n_nodes ? (struct part){.node = which, .reader = -1, .entry = -1} : p->edit->part[which - p->net->n_nodes];
}

void list_part(struct part_list *out, const struct part *q) {
    int i = 0;
    while (i < out->n && part_order(&out->part[i], q) < 0) i++;
    if (i < out->n && part_order(&out->part[i], q) == 0) return;
    out->part = mem_grow(out->part, (size_t)out->n, (size_t)out->n + 1, sizeof *out->part);
    memmove(&out->part[i + 1], &out->part[i], (size_t)(out->n - i) * sizeof *out->part);
    out->part[i] = *q;
    out->n++;
}

static bool add_part_pairs(struct eval *e, const struct ex *x, struct pairs *p) {
    struct part q;
    if (!component_part(e, p->net, x, &q)) return false;
    if (part_width(p->net, &q) == 0) return eval_fail(e, "scores and patterns are not ablated");
    size_t which = (size_t)q.node;
    bool whole = q.reader < 0 && q.entry < 0;
    if (p->collect != NULL) {
        if (!whole) list_part(p->collect, &q);
        return true;
    }
    if (!whole) {
        int i = 0;
        while (part_order(&p->edit->part[i], &q) != 0) i++; /* it was collected */
        which = (size_t)p->net->n_nodes + (size_t)i;
    }
    memset(p->at + which * p->n, 1, p->n);
    return true;
}

/* text is `begin`, a number, `end`, with a number as it is printed; returns what follows, or NULL */
static const char *after_number(const char *text, const char *begin) {
    size_t n = strlen(begin), digits = 0;
    if (text == NULL || strncmp(text, begin, n) != 0) return NULL;
    text += n;
    while (text[digits] >= '0' && text[digits] <= '9') digits++;
    return digits == 0 || (digits > 1 && text[0] == '0') ? NULL : text + digits;
}

/* What `all` means: embed, pos_embed, every head(l, h) and mlp(l) that the network has. */
static bool in_all(const char *name) {
    if (strcmp(name, "hook_embed") == 0 || strcmp(name, "hook_pos_embed") == 0) return true;
    const char *rest = after_number(name, "blocks.");
    if (rest != NULL && strcmp(rest, ".hook_mlp_out") == 0) return true;
    rest = after_number(rest, ".attn.hook_result.");
    return rest != NULL && *rest == '\0';
}

static void add_all(struct pairs *p) {
    if (p->collect != NULL) return;
    for (int k = 0; k < p->net->n_nodes; k++)
        if (in_all(p->net->nodes[k].name)) memset(p->at + (size_t)k * p->n, 1, p->n);
}

static bool add_components(struct eval *e, const struct ex *x, struct pairs *p);

struct image_of { const struct ex *x; struct pairs *p; };

static bool image_step(struct eval *e, void *arg) {
    struct image_of *m = arg;
    struct val v = {.type = V_TRI, .tri = YES};
    if (m->x->where != NULL && (!eval(e, m->x->where, &v) || v.type != V_TRI)) return eval_fail(e, "a truth value was expected");
    if (v.tri == OPEN) return eval_fail(e, "the condition of a set is unsettled");
    return v.tri == NO ? true : add_components(e, m->x->k[0], m->p);
}

/* base[index], a - b */
static bool add_part(struct eval *e, const struct ex *x, struct pairs *p) {
    if (p->collect != NULL) return add_components(e, x->k[0], p) && (x->kind != EX_SUB || add_components(e, x->k[1], p));
    struct pairs a = pairs_like(p), b = pairs_like(p);
    int lo = 0, hi = 0;
    bool single, good = add_components(e, x->k[0], &a);
    if (x->kind == EX_SUB) good = good && add_components(e, x->k[1], &b);
    else good = good && (x->n == 2 || eval_fail(e, "a component has one index")) && index_rows(e, x->k[1], p->n, &lo, &hi, &single);
    for (size_t i = 0; good && i < p->size; i++) {
        bool keep = x->kind == EX_SUB ? !b.at[i] : (int)(i % p->n) >= lo && (int)(i % p->n) <= hi;
        if (a.at[i] && keep) p->at[i] = 1;
    }
    mem_free(a.at);
    mem_free(b.at);
    return good;
}

static bool add_components(struct eval *e, const struct ex *x, struct pairs *p) {
    bool good = true;
    if (x->kind == EX_LIST || x->kind == EX_ADD) {
        for (int i = 0; good && i < x->n; i++) good = add_components(e, x->k[i], p);
        return good;
    }
    if (x->kind == EX_IMAGE) {
        struct image_of m = {.x = x, .p = p};
        return eval_each(e, &x->binds, image_step, &m);
    }
    if (x->kind == EX_SUB || x->kind == EX_INDEX) return add_part(e, x, p);
    if (x->kind == EX_WORD && strcmp(x->name, "all") == 0) {
        add_all(p);
        return true;
    }
    return add_part_pairs(e, x, p);
}

bool collect_parts(struct eval *e, const struct ex *x, const struct net *base, struct part_list *out) {
    struct pairs p = {.net = base, .collect = out};
    bool good = true;
    for (int i = 1; good && i < x->n - x->frozen; i++) {
        const struct ex *g = x->k[i];
        if (g->kind != EX_GIVE) return eval_fail(e, "COMPONENT = VALUE was expected");
        bool target = x->number == FN_ABLATE && g->k[0]->kind == EX_WORD && strcmp(g->k[0]->name, "to") == 0;
        const struct ex *c = x->number == FN_ABLATE ? g->k[1] : g->k[0]->kind == EX_INDEX ? g->k[0]->k[0] : g->k[0];
        good = target || add_components(e, c, &p);
    }
    return good;
}

/* The two arguments of an ablate: which pairs, and what they become. */
static bool read_arguments(struct eval *e, const struct ex *x, struct pairs *p, const struct ex **target) {
    const struct ex *which = NULL;
    *target = NULL;
    for (int i = 1; i < x->n - x->frozen; i++) {
        const struct ex *g = x->k[i];
        if (g->kind != EX_GIVE || g->k[0]->kind != EX_WORD) return eval_fail(e, "ablate needs drop or keep, and to");
        if (strcmp(g->k[0]->name, "to") == 0 && *target == NULL) *target = g->k[1];
        else if (strcmp(g->k[0]->name, "to") != 0 && which == NULL) which = g;
        else return eval_fail(e, "ablate says one thing twice");
    }
    if (which == NULL || *target == NULL || (*target)->kind != EX_TARGET) return eval_fail(e, "ablate needs drop or keep, and to");
    if (strcmp(which->k[0]->name, "drop") == 0) return add_components(e, which->k[1], p);
    struct pairs kept = pairs_like(p);
    bool good = add_components(e, which->k[1], &kept);
    add_all(p);
    for (size_t i = 0; i < p->size; i++) {
        if (good && kept.at[i] && i >= (size_t)p->net->n_nodes * p->n) good = eval_fail(e, "keep is of whole components");
        p->at[i] = p->at[i] && !kept.at[i];
    }
    mem_free(kept.at);
    return good;
}

static void use_row(struct eval *e, struct patched *m, const struct pairs *p, size_t k, struct num *values) {
    struct part q = part_of(p, k);
    int i = (int)(k % p->n);
    use_rows(e, m, &q, i, i, values);
}

/* zero, value E: a number for every entry, a vector for every row, or a matrix with all rows of the sequence */
static bool by_value(struct eval *e, const struct ex *target, const struct pairs *p, struct patched *m) {
    struct val v = {.type = V_NUM};
    if (target->number == TARGET_ZERO) {
        v.x = pool_get(e, 1);
        num_set_int(v.x, 0);
    } else if (!eval(e, target->k[0], &v) || !val_force(e, &v)) return false;
    if (v.type != V_NUM && v.type != V_ARRAY) return eval_fail(e, "a number or an array was expected");
    for (size_t k = 0; k < p->size; k++) {
        if (!p->at[k]) continue;
        struct part q = part_of(p, k);
        uint32_t width = part_width(p->net, &q), i = (uint32_t)(k % p->n);
        bool number = v.type == V_NUM, row = !number && v.rank == 1 && v.d[0] == width, all = !number && v.rank == 2 && v.d[0] == p->n && v.d[1] == width;
        if (!number && !row && !all) return eval_fail(e, "the value of an ablate has the wrong shape");
        struct num *values = pool_get(e, width);
        for (uint32_t j = 0; j < width; j++) num_copy(&values[j], &v.x[number ? 0 : row ? j : (size_t)i * width + j]);
        use_row(e, m, p, k, values);
    }
    return true;
}

/* The model of the ablate on the sequence t, which has n tokens. */
bool model_on(struct eval *e, const struct ex *model, const struct val *t, uint32_t n, struct patched *b, struct input *in, int64_t **tokens) {
    const struct net *net = base_net(e, model);
    if (net == NULL || !get_input(e, net, t, in, tokens)) return false;
    if (net->reals || in->n != n) return eval_fail(e, "rows of a sequence of another length");
    return get_model(e, model, n, b);
}

static bool from_run(struct eval *e, const struct ex *model, const struct ex *target, const struct pairs *p, struct patched *m) {
    struct val t;
    struct patched b = {0};
    struct input in;
    int64_t *tokens = NULL;
    bool good = need_array(e, target->k[0], &t) && model_on(e, model, &t, p->n, &b, &in, &tokens);
    struct run *r = good ? get_run(e, &b, &in) : NULL;
    for (size_t k = 0; good && k < p->size; k++) {
        if (!p->at[k]) continue;
        struct part q = part_of(p, k);
        const struct num *row = run_row(r, place_of(&b, q.node), (uint32_t)(k % p->n), &e->fail);
        uint32_t width = part_width(p->net, &q);
        struct num *values = pool_get(e, width);
        good = row != NULL;
        for (uint32_t j = 0; good && j < width; j++) num_copy(&values[j], &row[q.entry >= 0 ? (uint32_t)q.entry : j]);
        if (good) use_row(e, m, p, k, values);
    }
    patched_clear(&b);
    mem_free(tokens);
    return good;
}

static bool by_mean(struct eval *e, const struct ex *model, const struct ex *target, const struct pairs *p, struct patched *m) {
    unsigned char *asked = mem_get((size_t)p->net->n_nodes * p->n + 1, 1);
    for (size_t k = 0; k < p->size; k++)
        if (p->at[k]) asked[(size_t)part_of(p, k).node * p->n + k % p->n] = 1;
    struct means *s = means_get(e, model, target, p->net, p->n, asked);
    for (size_t k = 0; s != NULL && k < p->size; k++) {
        if (!p->at[k]) continue;
        struct part q = part_of(p, k);
        uint32_t width = part_width(p->net, &q);
        struct num *values = pool_get(e, width);
        const struct num *row = means_row(s, q.node, (uint32_t)(k % p->n));
        for (uint32_t j = 0; j < width; j++) num_copy(&values[j], &row[q.entry >= 0 ? (uint32_t)q.entry : j]);
        use_row(e, m, p, k, values);
    }
    if (s != NULL) means_leave(s);
    mem_free(asked);
    return s != NULL;
}

bool ablate_model(struct eval *e, const struct ex *x, uint32_t n, struct patched *m) {
    struct pairs p = pairs_new(m, n);
    const struct ex *target;
    bool good = read_arguments(e, x, &p, &target);
    if (good && e->s->float32 && !m->net->all_binary32) good = eval_fail(e, "float32: a weight is not a binary32 number");
    if (good && target->number >= TARGET_MEAN) good = by_mean(e, x->k[0], target, &p, m);
    else if (good && target->number == TARGET_FROM) good = from_run(e, x->k[0], target, &p, m);
    else if (good) good = by_value(e, target, &p, m);
    mem_free(p.at);
    return good;
}
