/* The graph of NETWORK.md §4. Declared in models/transformer.h. The shapes were checked before; here they are taken for granted, and
 * node_resolve holds every node against the operation table all the same. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "models/node.h"
#include "models/transformer_graph.h"

static int by_name(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static enum status copy_tensors(struct builder *b)
{
    const struct transformer *t = b->t;
    struct net *net = &b->net;
    enum status s;

    net->tensors = mem_array(t->n_views + t->n_layers + TRANSFORMER_TABLES, sizeof *net->tensors);
    if (!net->tensors)
        return STATUS_MEMORY;
    for (size_t i = 0; i < t->n_views; i++)
        if (t->used[i] && (s = canonical_fill(&net->tensors[net->n_tensors++], &t->views[i], t->model->shapes_only)) != STATUS_OK)
            return s;
    if ((s = transformer_tables(b)) != STATUS_OK)
        return s;
    qsort(net->tensors, net->n_tensors, sizeof *net->tensors, by_name);
    for (size_t i = 0; i < net->n_tensors; i++)
        if (!names_add(&b->tensors, net->tensors[i].name, strlen(net->tensors[i].name), i, NULL))
            return STATUS_MEMORY;
    return STATUS_OK;
}

void graph_fail(struct builder *b, enum status s)
{
    if (b->status == STATUS_OK)
        b->status = s;
}

/* Weights that the checkpoint does not have are left out: biases, norms' scales. */
static void add_weight(struct builder *b, struct node *node, const char *name, long slice)
{
    long i = name ? names_find(&b->tensors, name, strlen(name)) : -1;
    struct text why = { 0 };

    if (i < 0)
        return;
    node->w[node->n_w].tensor = (size_t)i;
    node->w[node->n_w].slice = slice;
    if (!weight_resolve(&b->net, &node->w[node->n_w], &why))
        graph_fail(b, STATUS_INTERNAL);
    text_clear(&why);
    node->n_w++;
}

size_t graph_add(struct builder *b, struct graph_part p)
{
    struct node *grown, *node;
    struct text why = { 0 };

    if (b->status != STATUS_OK)
        return 0;
    grown = mem_grow(b->net.nodes, &b->room, b->net.n_nodes + 1, sizeof *grown);
    if (!grown) {
        graph_fail(b, STATUS_MEMORY);
        return 0;
    }
    b->net.nodes = grown;
    node = &grown[b->net.n_nodes++];
    node->name = mem_string(p.name);
    node->inputs = mem_array(p.n_inputs, sizeof *node->inputs);
    if (!node->name || !node->inputs) {
        graph_fail(b, STATUS_MEMORY);
        return 0;
    }
    node->op = p.op;
    if (p.n_inputs)
        memcpy(node->inputs, p.inputs, p.n_inputs * sizeof *node->inputs);
    node->n_inputs = p.n_inputs;
    node->arg[0] = p.integer;
    node->n_args = (p.op == OP_SCORE || p.op == OP_ROWSOFTMAX);
    add_weight(b, node, p.weights[0], p.slice);
    add_weight(b, node, p.weights[1], p.slice);
    if (b->status == STATUS_OK && !node_resolve(&b->net, node, &why))
        graph_fail(b, why.failed ? STATUS_MEMORY : diag_fail(b->t->d, STATUS_INTERNAL, "node '%s': %s", node->name, why.data));
    text_clear(&why);
    return b->net.n_nodes - 1;
}

struct graph_name graph_name(const char *format, ...)
{
    struct graph_name n;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(n.s, sizeof n.s, format, args);
    va_end(args);
    return n;
}

size_t graph_one(struct builder *b, const char *name, enum op op, size_t x)
{
    return graph_add(b, (struct graph_part){ .name = name, .op = op, .inputs = &x, .n_inputs = 1, .slice = -1 });
}

size_t graph_two(struct builder *b, const char *name, enum op op, size_t x, size_t y)
{
    return graph_add(b, (struct graph_part){ .name = name, .op = op, .inputs = (size_t[]){ x, y }, .n_inputs = 2, .slice = -1 });
}

size_t graph_linear(struct builder *b, const char *name, size_t x, const char *W, const char *bias, long slice)
{
    return graph_add(b, (struct graph_part){ .name = name, .op = OP_LINEAR, .inputs = &x, .n_inputs = 1, .weights = { W, bias }, .slice = slice });
}

size_t graph_constant(struct builder *b, const char *name, const char *tensor)
{
    return graph_add(b, (struct graph_part){ .name = name, .op = OP_CONSTANT, .weights = { tensor }, .slice = -1 });
}

bool graph_has_tensor(const struct builder *b, const char *name) { return names_find(&b->tensors, name, strlen(name)) >= 0; }

static size_t table(struct builder *b, const char *name, enum op op, const char *tensor)
{
    return graph_add(b, (struct graph_part){ .name = name, .op = op, .weights = { tensor }, .slice = -1 });
}

/* What enters the first layer. */
static size_t embedding(struct builder *b)
{
    const struct transformer *t = b->t;
    size_t x;

    if (t->width_in)
        x = graph_linear(b, "hook_embed", graph_add(b, (struct graph_part){ .name = "hook_input", .op = OP_INPUT, .slice = -1 }), "embed.W_E", "embed.b_E", -1);
    else
        x = table(b, "hook_embed", OP_EMBED, "embed.W_E");
    if (t->has_W_pos)
        b->positions = table(b, "hook_pos_embed", OP_POSITION, "pos_embed.W_pos");
    if (t->positions == POSITIONS_ROTARY) {
        b->cosines = table(b, "hook_rotary_cos", OP_POSITION, "rotary.cos");
        b->sines = table(b, "hook_rotary_sin", OP_POSITION, "rotary.sin");
    }
    if (!isnan(t->out_scale))
        b->out_scale = graph_constant(b, "hook_attn_out_scale", "attn_out_scale");
    return t->positions == POSITIONS_STANDARD ? graph_two(b, "blocks.0.hook_resid_pre", OP_ADD, x, b->positions) : x;
}

static void build_nodes(struct builder *b)
{
    const struct transformer *t = b->t;
    size_t x = embedding(b);

    for (size_t l = 0; l < t->n_layers && b->status == STATUS_OK; l++)
        x = transformer_block(b, l, x);
    x = transformer_norm(b, t->final_norm, "ln_final", "ln_final.hook_normalized", x);
    b->net.output = graph_linear(b, "logits", x, "unembed.W_U", "unembed.b_U", -1);
}

enum status transformer_build(struct transformer *t)
{
    bool normalises = t->norm != NORM_NONE || (t->act == ACT_SOLU_LN && t->layers[0].d_mlp);
    struct builder b = { .t = t, .net = { .d_vocab = t->d_vocab, .width_in = t->width_in, .n_ctx = t->n_ctx, .causal = t->causal, .pad = t->pad,
                                              .eps = normalises ? t->eps : 0 } };
    b.status = copy_tensors(&b);
    if (b.status == STATUS_OK)
        build_nodes(&b);
    if (b.status == STATUS_OK && !t->model->shapes_only)
        b.status = net_identify(&b.net);
    names_clear(&b.tensors);
    if (b.status == STATUS_OK)
        t->model->net = b.net;
    else
        net_clear(&b.net);
    return b.status;
}

static enum status load(struct model *m, const struct config *c, bool reals, struct diag *d)
{
    struct transformer t = { .model = m, .config = c, .d = d, .width_in = reals };
    enum status s;

    if ((s = transformer_strip_prefix(m, d)) == STATUS_OK && (s = transformer_infer(&t)) == STATUS_OK && (s = transformer_leftovers(&t)) == STATUS_OK)
        s = transformer_build(&t);
    transformer_views_clear(&t);
    free(t.layers);
    text_clear(&t.questions);
    return s;
}

enum status transformer_load(struct model *m, const struct config *c, struct diag *d) { return load(m, c, false, d); }
enum status sequence_load(struct model *m, const struct config *c, struct diag *d) { return load(m, c, true, d); }
