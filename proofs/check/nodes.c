/* Which node a function or component means (NETWORK.md §4); tables of rows, and weights. */
#include "nodes.h"
#include <string.h>

static bool small_int(struct eval *e, const struct ex *x, int *out) {
    int64_t v;
    if (!eval_int(e, x, &v)) return false;
    *out = (int)v;
    return v >= 0 && v < 100000 ? true : eval_fail(e, "layer or head out of range");
}

static bool node_named(struct eval *e, const struct net *net, const char *name, int *node) {
    *node = net_find(net, name);
    return *node >= 0 ? true : fail_at(&e->fail, 0, "the network has no node %.100s", name);
}

static bool component_node(struct eval *e, const struct net *net, const struct ex *x, int *node) {
    char name[100];
    int l, h;
    if (x->kind == EX_STRING) return node_named(e, net, x->name, node);
    if (x->kind == EX_WORD && strcmp(x->name, "embed") == 0) return node_named(e, net, "hook_embed", node);
    if (x->kind == EX_WORD && strcmp(x->name, "pos_embed") == 0) return node_named(e, net, "hook_pos_embed", node);
    if (x->kind == EX_CALL && x->number == FN_HEAD) {
        if (!small_int(e, x->k[0], &l) || !small_int(e, x->k[1], &h)) return false;
        snprintf(name, sizeof name, "blocks.%d.attn.hook_result.%d", l, h);
        return node_named(e, net, name, node);
    }
    if (x->kind == EX_CALL && x->number == FN_MLP) {
        if (!small_int(e, x->k[0], &l)) return false;
        snprintf(name, sizeof name, "blocks.%d.hook_mlp_out", l);
        return node_named(e, net, name, node);
    }
    if (x->kind == EX_CALL && x->number == FN_BIAS) {
        if (!small_int(e, x->k[0], &l)) return false;
        *node = net_bias_node(net, l);
        return *node >= 0 ? true : eval_fail(e, "the attention of this layer has no bias");
    }
    return eval_fail(e, "not a component");
}

/* head(l, h).q, .k, .v, mlp(l), unembed: the first node of the reader */
static bool reader_node(struct eval *e, const struct net *net, const struct ex *x, int *node) {
    char name[100];
    int l, h;
    if (x->kind == EX_WORD && strcmp(x->name, "unembed") == 0) {
        *node = net->output;
        return strstr(net->nodes[*node].name, ".mlp.") == NULL ? true : eval_fail(e, "the output is a node of an MLP");
    }
    if (x->kind == EX_FIELD && x->k[0]->kind == EX_CALL && x->k[0]->number == FN_HEAD) {
        if (!small_int(e, x->k[0]->k[0], &l) || !small_int(e, x->k[0]->k[1], &h)) return false;
        snprintf(name, sizeof name, "blocks.%d.attn.hook_%s.%d", l, x->name, h);
        return node_named(e, net, name, node);
    }
    if (x->kind != EX_CALL || x->number != FN_MLP) return eval_fail(e, "not a reader");
    if (!small_int(e, x->k[0], &l)) return false;
    snprintf(name, sizeof name, "blocks.%d.mlp.", l);
    for (*node = 0; *node < net->n_nodes; ++*node)
        if (strncmp(net->nodes[*node].name, name, strlen(name)) == 0) return true;
    return fail_at(&e->fail, 0, "the network has no node %.100s...", name);
}

bool component_part(struct eval *e, const struct net *base, const struct ex *x, struct part *out) {
    char name[100];
    int l;
    *out = (struct part){.reader = -1, .entry = -1};
    if (x->kind == EX_CALL && x->number == FN_EDGE) {
        if (!component_node(e, base, x->k[0], &out->node) || !reader_node(e, base, x->k[1], &out->reader)) return false;
        return base->nodes[out->node].width > 0 ? true : eval_fail(e, "scores and patterns have no edges");
    }
    if (x->kind != EX_CALL || x->number != FN_NEURON) return component_node(e, base, x, &out->node);
    if (!small_int(e, x->k[0], &l) || !small_int(e, x->k[1], &out->entry)) return false;
    snprintf(name, sizeof name, "blocks.%d.mlp.hook_post", l);
    if (!node_named(e, base, name, &out->node)) return false;
    return (uint32_t)out->entry < base->nodes[out->node].width ? true : eval_fail(e, "neuron out of range");
}

uint32_t part_width(const struct net *base, const struct part *p) { return p->entry >= 0 ? 1 : base->nodes[p->node].width; }

static bool function_node(struct eval *e, const struct net *net, const struct ex *x, int *node) {
    static const char *const layer_names[] = {[FN_RESID_MID - FN_RESID_PRE] = "hook_resid_mid", [FN_RESID_POST - FN_RESID_PRE] = "hook_resid_post",
                                              [FN_MLP_PRE - FN_RESID_PRE] = "mlp.hook_pre", [FN_MLP_POST - FN_RESID_PRE] = "mlp.hook_post"};
    static const char *const head_names[] = {"hook_pattern", "hook_attn_scores", "hook_result"};
    char name[100];
    int l, h;
    if (x->number == FN_LOGITS || x->number == FN_OUTPUT) {
        if (net->reals != (x->number == FN_OUTPUT)) return eval_fail(e, net->reals ? "logits is of a network that reads tokens" : "output is of a network that reads real numbers");
        *node = net->output;
        return true;
    }
    if (x->number == FN_NODE) return component_node(e, net, x->k[1], node); /* the whole of it: a neuron or an edge is no node of its own */
    if (!small_int(e, x->k[1], &l)) return false;
    if (x->number <= FN_HEAD_OUT) {
        if (!small_int(e, x->k[2], &h)) return false;
        snprintf(name, sizeof name, "blocks.%d.attn.%s.%d", l, head_names[x->number - FN_ATTN], h);
    } else if (x->number == FN_RESID_PRE) {
        snprintf(name, sizeof name, "blocks.%d.hook_resid_pre", l);
        if (net_find(net, name) < 0) {
            if (l > 0) snprintf(name, sizeof name, "blocks.%d.hook_resid_post", l - 1);
            else snprintf(name, sizeof name, "hook_embed");
        }
    } else snprintf(name, sizeof name, "blocks.%d.%s", l, layer_names[x->number - FN_RESID_PRE]);
    return node_named(e, net, name, node);
}

bool index_rows(struct eval *e, const struct ex *index, uint32_t n, int *first, int *last_row, bool *single) {
    int64_t lo = 0, hi = (int64_t)n - 1;
    bool had = e->has_last, good = true;
    int64_t last = e->last;
    e->has_last = true;
    e->last = hi;
    *single = false;
    if (index != NULL && index->kind == EX_SLICE) {
        good = (index->k[0] == NULL || eval_int(e, index->k[0], &lo)) && (index->k[1] == NULL || eval_int(e, index->k[1], &hi));
    } else if (index != NULL) {
        good = eval_int(e, index, &lo);
        hi = lo;
        *single = true;
    }
    e->has_last = had;
    e->last = last;
    if (good && (lo < 0 || hi < lo || hi >= (int64_t)n)) good = eval_fail(e, "row of a component out of range");
    *first = (int)lo;
    *last_row = (int)hi;
    return good;
}

/* The value of the last argument as an input of the network: a sequence of tokens, or rows of real numbers ([n, WIDTH], or [WIDTH] when N_CTX is 1).
 * tokens: memory that the caller gives back. The numbers of rows stay the value's. */
bool get_input(struct eval *e, const struct net *net, const struct val *t, struct input *in, int64_t **tokens) {
    bool vector = t->rank == 1;
    *in = (struct input){.n = net->reals && vector ? 1 : t->d[0]};
    if (net->reals) {
        in->rows = t->x;
        if (t->rank > 2 || (vector && net->ctx != 1)) return eval_fail(e, "rows of an input were expected");
        if (t->d[t->rank - 1] != net->in_width) return eval_fail(e, "the input has the wrong width");
    } else if (!vector) return eval_fail(e, "a sequence was expected");
    if (in->n == 0 || in->n > net->ctx) return eval_fail(e, "the sequence is empty or longer than the context");
    if (net->reals) return true;
    *tokens = mem_get(in->n, sizeof **tokens);
    in->tokens = *tokens;
    for (uint32_t i = 0; i < in->n; i++)
        if (!num_int64(&t->x[i], &(*tokens)[i]) || (*tokens)[i] < 0 || (*tokens)[i] >= (int64_t)net->vocab) return eval_fail(e, "a token is outside the vocabulary");
    return true;
}

/* the one row of a network on a vector, as a vector */
static bool single_row(struct eval *e, struct val *v) {
    struct val t = *v;
    const struct num *row = table_row(e, &t, 0);
    if (row == NULL) return false;
    val_array(e, v, 1, t.d[1], 0, 0);
    for (uint32_t j = 0; j < t.d[1]; j++) {
        if (!table_entry_exists(&t, 0, j)) return eval_fail(e, "a score outside the mask");
        num_copy(&v->x[j], &row[j]);
    }
    return true;
}

/* Tables of rows: logits(M, t), attn(M, l, h, t), ...: the model is the first argument, the input the last. A network of real inputs on a
 * vector gives a vector. */
bool eval_table(struct eval *e, const struct ex *x, struct val *out) {
    struct val t;
    const struct net *net = base_net(e, x->k[0]);
    if (net == NULL || !need_array(e, x->k[x->n - 1], &t)) return false;
    struct patched m = {0};
    struct input in;
    int64_t *tokens = NULL;
    int node = -1;
    bool good = get_input(e, net, &t, &in, &tokens) && get_model(e, x->k[0], in.n, &m);
    if (good && e->s->float32 && !m.net->all_binary32) good = eval_fail(e, "float32: a weight is not a binary32 number");
    good = good && function_node(e, net, x, &node);
    if (good) node = place_of(&m, node);
    if (good) {
        struct run *r = get_run(e, &m, &in);
        *out = (struct val){.type = V_TABLE, .rank = 2, .d = {in.n, run_width(r, node)}, .run = r, .run_id = r->id, .node = node};
    }
    mem_free(tokens);
    patched_clear(&m);
    return good && (net->reals && t.rank == 1 ? single_row(e, out) : true);
}

/* The row of a node of the network itself on one vector. */
bool eval_node_row(struct eval *e, const struct ex *model, const struct val *x, int node, struct val *out) {
    struct patched m = {0};
    struct input in;
    int64_t *tokens = NULL;
    const struct net *net = base_net(e, model);
    if (net == NULL || !get_input(e, net, x, &in, &tokens) || !get_model(e, model, in.n, &m)) return false; /* of real inputs: no tokens were made */
    struct run *r = get_run(e, &m, &in);
    *out = (struct val){.type = V_TABLE, .rank = 2, .d = {in.n, run_width(r, node)}, .run = r, .run_id = r->id, .node = node};
    patched_clear(&m);
    return single_row(e, out);
}

const struct num *table_row(struct eval *e, const struct val *v, uint32_t row) {
    if (v->run->id != v->run_id) {
        eval_fail(e, "too many runs of networks inside one expression");
        return NULL;
    }
    return run_row(v->run, v->node, row, &e->fail);
}

bool table_entry_exists(const struct val *v, uint32_t row, uint32_t col) {
    return v->run->net->nodes[v->node].op != OP_SCORE || run_allowed(v->run, row, col);
}

static bool tensor_value(struct eval *e, const struct tensor *t, struct val *out) {
    val_array(e, out, t->rank, t->d[0], t->d[1], t->d[2]);
    for (size_t i = 0; i < t->n; i++) num_set_dyadic(&out->x[i], t->v[i]);
    return true;
}

/* head h of tensor blocks.l.attn.NAME as a matrix; without that tensor, its group h G / H of the G in blocks.l.attn._NAME, beside H heads in OTHER (NETWORK.md §4) */
static bool head_matrix(struct eval *e, const struct net *net, int l, int h, const char *which, const char *other, struct val *out) {
    char name[100];
    snprintf(name, sizeof name, "blocks.%d.attn.%s", l, other);
    const struct tensor *heads = net_tensor(net, name);
    snprintf(name, sizeof name, "blocks.%d.attn.%s", l, which);
    const struct tensor *t = net_tensor(net, name);
    if (t == NULL && heads != NULL && h >= 0 && (uint32_t)h < heads->d[0]) {
        snprintf(name, sizeof name, "blocks.%d.attn._%s", l, which);
        t = net_tensor(net, name);
        if (t != NULL) h = (int)((uint64_t)h * t->d[0] / heads->d[0]);
    }
    if (t == NULL || t->rank != 3 || (uint32_t)h >= t->d[0]) return fail_at(&e->fail, 0, "the network has no matrix %s of head %d", name, h);
    val_array(e, out, 2, t->d[1], t->d[2], 0);
    for (size_t i = 0; i < val_size(out); i++) num_set_dyadic(&out->x[i], t->v[(size_t)h * val_size(out) + i]);
    return true;
}

bool eval_weights(struct eval *e, const struct ex *x, struct val *out) {
    if (is_change(x->k[0])) return eval_fail(e, "weights are of a model as it stands");
    const struct net *net = base_net(e, x->k[0]);
    int l, h;
    if (net == NULL) return false;
    if (x->number == FN_W) {
        const struct tensor *t = x->k[1]->kind == EX_STRING ? net_tensor(net, x->k[1]->name) : NULL;
        return t != NULL ? tensor_value(e, t, out) : eval_fail(e, "the network has no such tensor");
    }
    struct val a, b, bt;
    if (!small_int(e, x->k[1], &l) || !small_int(e, x->k[2], &h)) return false;
    const char *first = x->number == FN_QK ? "W_Q" : "W_V", *second = x->number == FN_QK ? "W_K" : "W_O";
    if (!head_matrix(e, net, l, h, first, second, &a) || !head_matrix(e, net, l, h, second, first, &b)) return false;
    if (x->number == FN_QK) {
        val_array(e, &bt, 2, b.d[1], b.d[0], 0);
        for (uint32_t i = 0; i < b.d[0]; i++)
            for (uint32_t j = 0; j < b.d[1]; j++) num_copy(&bt.x[(size_t)j * b.d[0] + i], &b.x[(size_t)i * b.d[1] + j]);
        b = bt;
    }
    return mat_mul(e, &a, &b, out);
}
