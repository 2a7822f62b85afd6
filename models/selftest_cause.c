/* Why stored outputs disagree: one change after the other is made to the network, or to the settings it is read with, and the first under which every
 * array agrees is named. A few inputs sieve the changes. Declared in models/selftest.h. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/node.h"
#include "models/selftest.h"

enum { SIEVE = 4 };
struct search { const struct selftest_data *s; struct net *net; struct text *cause; };

static bool agrees_on(const struct search *q, const struct net *net, size_t most)
{
    struct diag d;
    bool fine = true;

    diag_init(&d);
    for (size_t a = 0; fine && a < q->s->n_arrays; a++) {
        struct selftest_result r;
        fine = selftest_compare(&r, q->s, a, net, most, &d) == STATUS_OK && r.outside == 0 && r.unbounded < r.entries;
    }
    diag_clear(&d);
    return fine;
}

static bool agrees(const struct search *q, const struct net *net) { return agrees_on(q, net, SIEVE) && agrees_on(q, net, SIZE_MAX); }

static bool found(const struct search *q) { return q->cause->size > 0; }

/* --- changes to the network --- */

static void try_mask(struct search *q)
{
    bool attention = false;

    for (size_t v = 0; v < q->net->n_nodes; v++)
        attention |= q->net->nodes[v].op == OP_SCORE;
    if (!attention)
        return;
    q->net->causal = !q->net->causal;
    if (agrees(q, q->net))
        text_addf(q->cause, "the mask: would agree with a %s mask (--set attention_dir=%s)", q->net->causal ? "causal" : "bidirectional", q->net->causal ? "causal" : "bidirectional");
    q->net->causal = !q->net->causal;
}

static const enum op smooth[] = { OP_RELU, OP_GELU, OP_GELU_NEW, OP_SILU, OP_TANH, OP_SIGMOID };
enum { N_SMOOTH = sizeof smooth / sizeof *smooth };

static bool is_activation(enum op op)
{
    for (size_t i = 0; i < N_SMOOTH; i++)
        if (op == smooth[i])
            return true;
    return false;
}

static bool has_op(const struct net *net, enum op op)
{
    for (size_t v = 0; v < net->n_nodes; v++)
        if (net->nodes[v].op == op)
            return true;
    return false;
}

/* Every node of one activation becomes another. */
static void swap_op(struct net *net, const bool *which, enum op to)
{
    for (size_t v = 0; v < net->n_nodes; v++)
        if (which[v])
            net->nodes[v].op = to;
}

static void try_activations(struct search *q, const char *key)
{
    bool *which = mem_array(q->net->n_nodes, sizeof *which);

    for (size_t i = 0; which && i < N_SMOOTH && !found(q); i++) {
        if (!has_op(q->net, smooth[i]))
            continue;
        for (size_t v = 0; v < q->net->n_nodes; v++)
            which[v] = q->net->nodes[v].op == smooth[i];
        for (size_t k = 0; k < N_SMOOTH && !found(q); k++) {
            if (k == i)
                continue;
            swap_op(q->net, which, smooth[k]);
            if (agrees(q, q->net))
                text_addf(q->cause, "the activation: would agree with --set %s=%s", key, op_table[smooth[k]].name);
            swap_op(q->net, which, smooth[i]);
        }
    }
    free(which);
}

/* Readers of a node read another instead. */
static void reroute(struct net *net, size_t from, size_t to)
{
    for (size_t v = from + 1; v < net->n_nodes; v++)
        for (size_t i = 0; i < net->nodes[v].n_inputs; i++)
            if (net->nodes[v].inputs[i] == from)
                net->nodes[v].inputs[i] = to;
    if (net->output == from)
        net->output = to;
}

/* A node of one input is passed by. The inputs are kept aside and put back, since another node may read the same. */
static bool passes_without(struct search *q, size_t node)
{
    struct net *net = q->net;
    size_t total = 0, at = 0, output = net->output, *kept;
    bool fine;

    for (size_t v = 0; v < net->n_nodes; v++)
        total += net->nodes[v].n_inputs;
    kept = mem_array(total, sizeof *kept);
    if (!kept)
        return false;
    for (size_t v = 0; v < net->n_nodes; at += net->nodes[v++].n_inputs)
        if (net->nodes[v].n_inputs)
            memcpy(kept + at, net->nodes[v].inputs, net->nodes[v].n_inputs * sizeof *kept);
    reroute(net, node, net->nodes[node].inputs[0]);
    fine = agrees(q, net);
    at = 0;
    for (size_t v = 0; v < net->n_nodes; at += net->nodes[v++].n_inputs)
        if (net->nodes[v].n_inputs)
            memcpy(net->nodes[v].inputs, kept + at, net->nodes[v].n_inputs * sizeof *kept);
    net->output = output;
    free(kept);
    return fine;
}

static void try_without(struct search *q)
{
    for (size_t v = q->net->n_nodes; v-- > 0 && !found(q);) {
        enum op op = q->net->nodes[v].op;
        bool norm = op == OP_LAYERNORM || op == OP_RMSNORM;
        if ((norm || is_activation(op)) && passes_without(q, v))
            text_addf(q->cause, "%s: would agree without node '%s'", norm ? "a norm that the reference does not apply, or that was folded" : "an activation that the reference does not apply",
                      q->net->nodes[v].name);
    }
}

static void try_eps(struct search *q)
{
    static const double values[] = { 1e-5, 1e-6, 1e-8, 1e-12, 1e-3, 1e-10, 0 };
    double eps = q->net->eps;

    if (!has_op(q->net, OP_LAYERNORM) && !has_op(q->net, OP_RMSNORM))
        return;
    for (size_t i = 0; i < sizeof values / sizeof *values && !found(q); i++) {
        q->net->eps = values[i];
        if (values[i] != eps && agrees(q, q->net))
            text_addf(q->cause, "eps: would agree with --set eps=%g", values[i]);
    }
    q->net->eps = eps;
}

/* Scores that are divided by nothing, by the width itself. */
static void try_scale(struct search *q)
{
    for (size_t k = 0; k < 2 && !found(q); k++) {
        struct net *net = q->net;
        size_t *kept = mem_array(net->n_nodes, sizeof *kept);
        bool any = false;
        for (size_t v = 0; kept && v < net->n_nodes; v++)
            if (net->nodes[v].op == OP_SCORE) {
                kept[v] = net->nodes[v].arg[0];
                any = true;
                net->nodes[v].arg[0] = k == 0 ? 1 : kept[v] * kept[v];
            }
        if (kept && any && agrees(q, net))
            text_addf(q->cause, "the scale of attention: would agree with scores %s", k == 0 ? "that are not divided (attn_scale 1)" : "divided by d_head instead of its root");
        for (size_t v = 0; kept && v < net->n_nodes; v++)
            if (net->nodes[v].op == OP_SCORE)
                net->nodes[v].arg[0] = kept[v];
        free(kept);
    }
}

/* In place, every matrix of a square tensor. */
static void transpose(struct tensor *t)
{
    size_t n = t->shape[t->rank - 1], count = t->rank == 3 ? t->shape[0] : 1;

    for (size_t h = 0; h < count; h++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++) {
                double *A = t->data + h * n * n, x = A[i * n + j];
                A[i * n + j] = A[j * n + i];
                A[j * n + i] = x;
            }
}

static bool is_square(const struct tensor *t) { return t->rank >= 2 && t->shape[t->rank - 1] > 1 && t->shape[t->rank - 1] == t->shape[t->rank - 2]; }

static void transpose_all(struct net *net)
{
    for (size_t i = 0; i < net->n_tensors; i++)
        if (is_square(&net->tensors[i]))
            transpose(&net->tensors[i]);
}

static void try_transposed(struct search *q)
{
    for (size_t i = 0; i < q->net->n_tensors && !found(q); i++) {
        if (!is_square(&q->net->tensors[i]))
            continue;
        transpose(&q->net->tensors[i]);
        if (agrees(q, q->net))
            text_addf(q->cause, "transposed weights: would agree with tensor '%s' transposed", q->net->tensors[i].name);
        transpose(&q->net->tensors[i]);
    }
    if (found(q))
        return;
    transpose_all(q->net);
    if (agrees(q, q->net))
        text_add(q->cause, "transposed weights: would agree with every square matrix transposed");
    transpose_all(q->net);
}

/* A bias, the last weight of a linear node, left out. */
static void try_biases(struct search *q)
{
    for (size_t v = 0; v < q->net->n_nodes && !found(q); v++) {
        struct node *node = &q->net->nodes[v];
        if (node->op != OP_LINEAR || node->n_w != 2)
            continue;
        node->n_w = 1;
        if (agrees(q, q->net))
            text_addf(q->cause, "a bias: would agree without '%s'", q->net->tensors[node->w[1].tensor].name);
        node->n_w = 2;
    }
}

/* --- changes of the outputs --- */

/* The row of an array beside the row of the network: what simple function takes one to the other? */
enum relation { SAME_SOFTMAX, SAME_LOGSOFTMAX, SAME_SHIFT, SAME_SCALE, N_RELATIONS }; /* log-softmax is a shift too: asked first */
static const char *const relation_words[N_RELATIONS] = {
    [SAME_SOFTMAX] = "the stored rows are softmax of the network's",
    [SAME_LOGSOFTMAX] = "the stored rows are log-softmax of the network's",
    [SAME_SHIFT] = "the rows differ by one number each: a centred or folded unembedding (center_unembed, fold_ln), which leaves softmax alone",
    [SAME_SCALE] = "the rows are multiples of the network's by one number: a scale at the end",
};

static double spread(const double *x, const double *y, size_t n, bool ratio)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t j = 0; j < n; j++) {
        double v = ratio ? y[j] / x[j] : y[j] - x[j];
        lo = fmin(lo, v);
        hi = fmax(hi, v);
    }
    return hi - lo;
}

static void softmax_row(double *p, const double *x, size_t n, bool logarithm)
{
    double most = -INFINITY, sum = 0;

    for (size_t j = 0; j < n; j++)
        most = fmax(most, x[j]);
    for (size_t j = 0; j < n; j++)
        sum += exp(x[j] - most);
    for (size_t j = 0; j < n; j++)
        p[j] = logarithm ? x[j] - most - log(sum) : exp(x[j] - most) / sum;
}

/* Only a hint, in ordinary arithmetic: it names a cause and decides nothing. */
static bool related(enum relation kind, const double *mid, const double *stored, size_t n, double *room)
{
    double size = 0, far = 0;

    for (size_t j = 0; j < n; j++)
        size = fmax(size, fabs(mid[j]));
    if (kind == SAME_SHIFT)
        return n > 1 && spread(mid, stored, n, false) <= 1e-4 * (1 + size);
    if (kind == SAME_SCALE)
        return n > 1 && spread(mid, stored, n, true) <= 1e-4 * fabs(stored[0] / mid[0]);
    softmax_row(room, mid, n, kind == SAME_LOGSOFTMAX);
    for (size_t j = 0; j < n; j++)
        far = fmax(far, fabs(room[j] - stored[j]));
    return n > 1 && far <= 1e-4 * (kind == SAME_SOFTMAX ? 1 : 1 + size);
}

static void try_outputs(struct search *q)
{
    const struct selftest_array *a = NULL;
    size_t width, rows;
    double *mid, *room;

    for (size_t i = 0; !a && i < q->s->n_arrays; i++)
        a = q->s->arrays[i].node == q->net->output ? &q->s->arrays[i] : NULL;
    if (!a)
        return;
    width = a->shape[a->rank - 1];
    rows = (q->s->count < SIEVE ? q->s->count : SIEVE) * (a->last_only ? 1 : q->s->length);
    mid = mem_array(rows * width, sizeof *mid);
    room = mem_array(width, sizeof *room);
    if (mid && room && selftest_rows(mid, q->s, (size_t)(a - q->s->arrays), q->net, SIEVE) == STATUS_OK)
        for (int kind = 0; kind < N_RELATIONS && !found(q); kind++) {
            bool all = true;
            for (size_t i = 0; all && i < rows; i++)
                all = related((enum relation)kind, mid + i * width, a->data + i * width, width, room);
            if (all)
                text_add(q->cause, relation_words[kind]);
        }
    free(mid);
    free(room);
}

/* --- changes of settings --- */

static const struct { const char *key, *what; const char *const values[8]; } settings[] = {
    { "normalization_type", "the normalisation", { "null", "LN", "LNPre", "RMS", "RMSPre" } },
    { "positional_embedding_type", "the positions", { "none", "standard", "shortformer", "rotary" } },
    { "norm_first", "the place of the norms", { "true", "false" } },
    { "parallel_attn_mlp", "attention and MLP side by side", { "true", "false" } },
    { "attn_scale", "the scale of attention", { "1" } },
    { "rotary_adjacent_pairs", "the pairs of rotary positions", { "true", "false" } },
    { "weight_layout", "transposed weights", { "out_in", "in_out" } },
    { "head_layout", "a transposed head", { "out_in", "in_out" } },
    { "qkv_order", "the order of queries, keys and values", { "together", "by_head" } },
    { "residual", "the residual path", { "none", "add" } },
    { "residual_scale", "the scale of the residual path", { "1", "0.5", "0.1" } },
    { "gate", "the gate", { "none", "relu", "silu", "gelu" } },
    { "combine", "the two embeddings", { "add", "mul" } },
    { "apply_b_dec_to_input", "the decoder's bias", { "true", "false" } },
    { "relu_after_topk", "what topk keeps", { "true", "false" } },
    { "act", "the activation", { "none", "square", "relu", "gelu", "silu", "tanh", "sigmoid" } },
    { "act_out", "the last activation", { "none", "relu", "sigmoid", "tanh", "gelu", "silu" } },
    { "layout", "transposed weights", { "out_in", "in_out" } },
    { "features", "transposed weights", { "columns", "rows" } },
    { "eps", "eps", { "1e-05", "1e-06", "1e-08", "1e-12", "0.001" } },
    { "inputs", "the two inputs", { "pair", "same", "tokens" } },
};

static bool with_setting(struct search *q, const struct model *m, const struct model_options *o, const char *key, const char *value)
{
    size_t n = o ? o->n_set : 0;
    struct setting *all = mem_array(n + 1, sizeof *all);
    struct model other;
    struct model_options options = { .config_path = o ? o->config_path : NULL, .family = o ? o->family : NULL, .set = all, .n_set = n + 1 };
    struct diag d;
    bool fine = false;

    if (!all)
        return false;
    diag_init(&d);
    if (n)
        memcpy(all, o->set, n * sizeof *all);
    all[n] = (struct setting){ mem_string(key), mem_string(value) };
    if (all[n].key && all[n].value && model_load(&other, m->path, &options, &d) == STATUS_OK) {
        /* the arrays' nodes are numbers of this network: only the output keeps its meaning in another */
        bool only_output = true;
        for (size_t i = 0; i < q->s->n_arrays; i++)
            only_output &= q->s->arrays[i].node == q->net->output;
        if (only_output && other.net.width_in == q->net->width_in && other.net.nodes[other.net.output].width == q->net->nodes[q->net->output].width) {
            for (size_t i = 0; i < q->s->n_arrays; i++)
                q->s->arrays[i].node = other.net.output;
            fine = agrees(q, &other.net);
            for (size_t i = 0; i < q->s->n_arrays; i++)
                q->s->arrays[i].node = q->net->output;
        }
        model_clear(&other);
    }
    free(all[n].key);
    free(all[n].value);
    free(all);
    diag_clear(&d);
    return fine;
}

static void try_settings(struct search *q, const struct model *m, const struct model_options *o)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings && !found(q); i++)
        for (size_t k = 0; settings[i].values[k] && !found(q); k++)
            if (with_setting(q, m, o, settings[i].key, settings[i].values[k]))
                text_addf(q->cause, "%s: would agree with --set %s=%s", settings[i].what, settings[i].key, settings[i].values[k]);
}

enum status selftest_cause(struct text *cause, struct model *m, const struct model_options *o, const struct selftest_data *s)
{
    struct search q = { .s = s, .net = &m->net, .cause = cause };
    static void (*const tries[])(struct search *) = { try_mask, try_eps, try_scale, try_transposed, try_without, try_biases, try_outputs };

    try_activations(&q, strcmp(m->family, "transformer") == 0 ? "act_fn" : "act");
    for (size_t i = 0; i < sizeof tries / sizeof *tries && !found(&q); i++)
        tries[i](&q);
    if (!found(&q) && strcmp(m->family, "net") != 0)
        try_settings(&q, m, o);
    return cause->failed ? STATUS_MEMORY : STATUS_OK;
}
