/* Why stored outputs disagree: one change after the other is made to the network, or to the settings it is read with. Of those under which every array
 * agrees the one that brings the network nearest to the stored numbers is named: bounds may be wide enough for several. A few inputs sieve the changes.
 * Declared in models/selftest.h. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "models/node.h"
#include "models/selftest.h"

/* Inputs of the sieve, of the misfit; misfit above which an agreement is looked into; entries that rounding will not fit by chance. */
enum { SIEVE = 4, FEW = 16, DOUBTFUL = 32, ENTRIES = 8 };
/* own: the misfit of the network as it is; best: what a change has to be below; doubt: nothing fails, and a change may leave every entry without a bound. */
struct search { const struct selftest_data *s; struct net *net; struct text *cause; double own, best; bool doubt; };

static bool agrees_on(const struct search *q, const struct net *net, size_t most)
{
    struct diag d;
    bool fine = true;

    diag_init(&d);
    for (size_t a = 0; fine && a < q->s->n_arrays; a++) {
        struct selftest_result r;
        fine = selftest_compare(&r, q->s, a, net, most, &d) == STATUS_OK && r.outside == 0 && (q->doubt || r.unbounded < r.entries);
    }
    diag_clear(&d);
    return fine;
}

static bool agrees(const struct search *q, const struct net *net) { return agrees_on(q, net, SIEVE) && agrees_on(q, net, SIZE_MAX); }

static bool found(const struct search *q) { return q->cause->size > 0; }

/* Notes the change that was made to the network, if none before it fits as well. */
static void consider(struct search *q, const struct net *net, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void consider(struct search *q, const struct net *net, const char *format, ...)
{
    size_t entries;
    double fit = selftest_misfit(&entries, q->s, net, FEW);
    char words[400];
    va_list args;

    if (!(fit < q->best) || !agrees(q, net))
        return;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    q->best = fit;
    text_clear(q->cause);
    text_add(q->cause, words);
}

/* --- changes to the network --- */

static void try_mask(struct search *q)
{
    bool attention = false;

    for (size_t v = 0; v < q->net->n_nodes; v++)
        attention |= q->net->nodes[v].op == OP_SCORE;
    if (!attention)
        return;
    q->net->causal = !q->net->causal;
    consider(q, q->net, "the mask: would agree with a %s mask (--set attention_dir=%s)", q->net->causal ? "causal" : "bidirectional", q->net->causal ? "causal" : "bidirectional");
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

    for (size_t i = 0; which && i < N_SMOOTH; i++) {
        if (!has_op(q->net, smooth[i]))
            continue;
        for (size_t v = 0; v < q->net->n_nodes; v++)
            which[v] = q->net->nodes[v].op == smooth[i];
        for (size_t k = 0; k < N_SMOOTH; k++) {
            if (k == i)
                continue;
            swap_op(q->net, which, smooth[k]);
            consider(q, q->net, "the activation: would agree with --set %s=%s", key, op_table[smooth[k]].name);
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
static void consider_without(struct search *q, size_t node, bool norm)
{
    struct net *net = q->net;
    size_t total = 0, at = 0, output = net->output, *kept;

    for (size_t v = 0; v < net->n_nodes; v++)
        total += net->nodes[v].n_inputs;
    kept = mem_array(total, sizeof *kept);
    if (!kept)
        return;
    for (size_t v = 0; v < net->n_nodes; at += net->nodes[v++].n_inputs)
        if (net->nodes[v].n_inputs)
            memcpy(kept + at, net->nodes[v].inputs, net->nodes[v].n_inputs * sizeof *kept);
    reroute(net, node, net->nodes[node].inputs[0]);
    consider(q, net, "%s: would agree without node '%s'", norm ? "a norm that the reference does not apply, or that was folded" : "an activation that the reference does not apply",
             net->nodes[node].name);
    at = 0;
    for (size_t v = 0; v < net->n_nodes; at += net->nodes[v++].n_inputs)
        if (net->nodes[v].n_inputs)
            memcpy(net->nodes[v].inputs, kept + at, net->nodes[v].n_inputs * sizeof *kept);
    net->output = output;
    free(kept);
}

static void try_without(struct search *q)
{
    for (size_t v = q->net->n_nodes; v-- > 0;) {
        enum op op = q->net->nodes[v].op;
        bool norm = op == OP_LAYERNORM || op == OP_RMSNORM;
        if (norm || is_activation(op))
            consider_without(q, v, norm);
    }
}

static void try_eps(struct search *q)
{
    static const double values[] = { 1e-5, 1e-6, 1e-8, 1e-12, 1e-3, 1e-10, 0 };
    double eps = q->net->eps;

    if (!has_op(q->net, OP_LAYERNORM) && !has_op(q->net, OP_RMSNORM))
        return;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        q->net->eps = values[i];
        if (values[i] != eps)
            consider(q, q->net, "eps: would agree with --set eps=%g", values[i]);
    }
    q->net->eps = eps;
}

/* Scores that are divided by nothing, by the width itself. */
static void try_scale(struct search *q)
{
    for (size_t k = 0; k < 2; k++) {
        struct net *net = q->net;
        size_t *kept = mem_array(net->n_nodes, sizeof *kept);
        bool any = false;
        for (size_t v = 0; kept && v < net->n_nodes; v++)
            if (net->nodes[v].op == OP_SCORE) {
                kept[v] = net->nodes[v].arg[0];
                any = true;
                net->nodes[v].arg[0] = k == 0 ? 1 : kept[v] * kept[v];
            }
        if (kept && any)
            consider(q, net, "the scale of attention: would agree with scores %s", k == 0 ? "that are not divided (attn_scale 1)" : "divided by d_head instead of its root");
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
    for (size_t i = 0; i < q->net->n_tensors; i++) {
        if (!is_square(&q->net->tensors[i]))
            continue;
        transpose(&q->net->tensors[i]);
        consider(q, q->net, "transposed weights: would agree with tensor '%s' transposed", q->net->tensors[i].name);
        transpose(&q->net->tensors[i]);
    }
    transpose_all(q->net);
    consider(q, q->net, "transposed weights: would agree with every square matrix transposed");
    transpose_all(q->net);
}

/* A bias, the last weight of a linear node, left out. */
static void try_biases(struct search *q)
{
    for (size_t v = 0; v < q->net->n_nodes; v++) {
        struct node *node = &q->net->nodes[v];
        if (node->op != OP_LINEAR || node->n_w != 2)
            continue;
        node->n_w = 1;
        consider(q, q->net, "a bias: would agree without '%s'", q->net->tensors[node->w[1].tensor].name);
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

/* What the relation leaves open in one row, as a share of `size`; only a hint, in ordinary arithmetic: it names a cause and decides nothing. */
static double left_open(enum relation kind, const double *mid, const double *stored, size_t n, double *room)
{
    double far = 0;

    if (kind == SAME_SHIFT)
        return spread(mid, stored, n, false);
    if (kind == SAME_SCALE)
        return spread(mid, stored, n, true) * fabs(mid[0]);
    softmax_row(room, mid, n, kind == SAME_LOGSOFTMAX);
    for (size_t j = 0; j < n; j++)
        far = fmax(far, fabs(room[j] - stored[j]));
    return far;
}

/* It explains a deviation if a hundredth of it remains, and no more than rounding to binary32 may leave. */
static bool related(enum relation kind, const double *mid, const double *stored, size_t rows, size_t width, double *room)
{
    double open = 0, apart = 0, size = 0;

    for (size_t i = 0; i < rows; i++) {
        double here = left_open(kind, mid + i * width, stored + i * width, width, room);
        open = here <= open ? open : here;
    }
    for (size_t i = 0; i < rows * width; i++) {
        apart = fmax(apart, fabs(mid[i] - stored[i]));
        size = fmax(size, fabs(mid[i]));
    }
    return width > 1 && open <= 0.01 * apart && open <= 1e-4 * (kind == SAME_SOFTMAX ? 1 : size);
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
        for (int kind = 0; kind < N_RELATIONS && !found(q); kind++)
            if (related((enum relation)kind, mid, a->data, rows, width, room))
                text_add(q->cause, relation_words[kind]);
    free(mid);
    free(room);
}

/* --- changes of settings --- */

static const struct { const char *key, *what; const char *const values[12]; } settings[] = {
    { "normalization_type", "the normalisation", { "null", "LN", "LNPre", "RMS", "RMSPre" } },
    { "positional_embedding_type", "the positions", { "none", "standard", "shortformer", "rotary" } },
    { "norm_first", "the place of the norms", { "true", "false" } },
    { "parallel_attn_mlp", "attention and MLP side by side", { "true", "false" } },
    { "attn_scale", "the scale of attention", { "1" } },
    { "n_heads", "the number of heads", { "1", "2", "4", "8", "16" } },
    { "rotary_base", "the base of rotary positions", { "10000", "500000", "1000000", "100000" } },
    { "rotary_pct", "the rotary part of a head", { "1", "0.5", "0.25" } },
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
    { "act", "the activation", { "none", "square", "relu", "gelu", "silu", "tanh", "sigmoid", "leaky_relu(0.01)", "leaky_relu(0.1)", "leaky_relu(0.2)" } },
    { "act_out", "the last activation", { "none", "relu", "sigmoid", "tanh", "gelu", "silu" } },
    { "layout", "transposed weights", { "out_in", "in_out" } },
    { "features", "transposed weights", { "columns", "rows" } },
    { "eps", "eps", { "1e-05", "1e-06", "1e-08", "1e-12", "0.001" } },
    { "inputs", "the two inputs", { "pair", "same", "tokens" } },
};

static void consider_setting(struct search *q, const struct model *m, const struct model_options *o, const char *what, const char *key, const char *value)
{
    size_t n = o ? o->n_set : 0;
    struct setting *all = mem_array(n + 1, sizeof *all);
    struct model other;
    struct model_options options = { .config_path = o ? o->config_path : NULL, .family = o ? o->family : NULL, .set = all, .n_set = n + 1 };
    struct diag d;

    if (!all)
        return;
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
            consider(q, &other.net, "%s: would agree with --set %s=%s", what, key, value);
            for (size_t i = 0; i < q->s->n_arrays; i++)
                q->s->arrays[i].node = q->net->output;
        }
        model_clear(&other);
    }
    free(all[n].key);
    free(all[n].value);
    free(all);
    diag_clear(&d);
}

static void try_settings(struct search *q, const struct model *m, const struct model_options *o)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        for (size_t k = 0; settings[i].values[k]; k++)
            consider_setting(q, m, o, settings[i].what, settings[i].key, settings[i].values[k]);
}

static void try_all(struct search *q, struct model *m, const struct model_options *o)
{
    static void (*const tries[])(struct search *) = { try_mask, try_eps, try_scale, try_transposed, try_without, try_biases };

    try_activations(q, strcmp(m->family, "transformer") == 0 ? "act_fn" : "act");
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        tries[i](q);
    if (!found(q))
        try_outputs(q);
    if (!found(q) && strcmp(m->family, "net") != 0)
        try_settings(q, m, o);
}

/* Binary64 outputs of a program that computes parts in binary32 miss their own bounds whatever is changed: they are looked at as binary32 ones. */
static void try_single(struct search *q, struct model *m, const struct model_options *o)
{
    struct selftest_array *a = q->s->arrays;
    size_t n = q->s->n_arrays, n_wide = 0, entries;
    bool *wide = mem_array(n, sizeof *wide);

    for (size_t i = 0; wide && i < n; i++) {
        wide[i] = a[i].dtype == DTYPE_F64;
        a[i].dtype = wide[i] ? DTYPE_F32 : a[i].dtype;
        n_wide += wide[i];
    }
    q->best = (q->own = selftest_misfit(&entries, q->s, q->net, FEW)) / 10;
    if (n_wide && agrees(q, q->net) && q->own <= DOUBTFUL)
        text_add(q->cause, "float32 inside the float64 run: the float64 outputs lie within the float32 bounds, as where a module casts to float32 "
                           "(Hugging Face's RMSNorm and rotary tables do); hold its float32 outputs against the model");
    else if (n_wide)
        try_all(q, m, o);
    for (size_t i = 0; wide && i < n; i++)
        a[i].dtype = wide[i] ? DTYPE_F64 : a[i].dtype;
    free(wide);
}

enum status selftest_cause(struct text *cause, struct model *m, const struct model_options *o, const struct selftest_data *s, bool outside)
{
    struct search q = { .s = s, .net = &m->net, .cause = cause, .doubt = !outside };
    size_t entries;

    q.own = selftest_misfit(&entries, s, q.net, FEW);
    q.best = q.own / 10;
    if (!outside && (entries < ENTRIES || !(q.own > DOUBTFUL)))
        return STATUS_OK;
    try_all(&q, m, o);
    if (!found(&q) && outside)
        try_single(&q, m, o);
    return cause->failed ? STATUS_MEMORY : STATUS_OK;
}
