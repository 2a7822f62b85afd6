/* What the shapes of a transformer do not tell: read from the configuration, or assumed and said. Declared in models/transformer.h. */
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/layout.h"
#include "models/transformer.h"

static const char *file_of(const struct transformer *t) { return t->model->checkpoint.path; }

enum status transformer_not_yet(struct transformer *t, const char *key, const char *value, const char *how)
{
    return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': %s is %s (%s)", file_of(t), key, value, how);
}

enum status transformer_fact(struct transformer *t, const char *key, const char *value, const char *how, const char *alternative)
{
    char assumed[160];

    if (how)
        return model_add_fact(t->model, key, value, how);
    (void)snprintf(assumed, sizeof assumed, "assumed (override with --set %s=%s)", key, alternative);
    return model_add_fact(t->model, key, value, assumed);
}

enum status transformer_unknown_word(struct transformer *t, const char *key, const char *word, const char *how, const char *allowed)
{
    return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %s is '%s' (%s), %s is needed", file_of(t), key, word, how, allowed);
}

/* The norm behind solu: with weights if the other norms have them. */
static enum status inner_norm(struct transformer *t)
{
    enum status s = t->norm == NORM_NONE ? transformer_epsilon(t, true) : STATUS_OK;

    for (size_t l = 0; s == STATUS_OK && t->norm == NORM_LN && l < t->n_layers; l++)
        for (int i = 0; s == STATUS_OK && i < 2; i++) {
            char name[48];
            (void)snprintf(name, sizeof name, "blocks.%zu.mlp.ln.%c", l, "wb"[i]);
            s = transformer_needs(t, name, false, 1, &t->layers[l].d_mlp, "d_mlp");
        }
    return s;
}

/* Of the MLP; of a gated MLP, the gate's. */
static enum status activation(struct transformer *t)
{
    static const struct { const char *name; enum activation act; } known[] = {
        { "relu", ACT_RELU }, { "gelu", ACT_GELU }, { "gelu_new", ACT_GELU_NEW }, { "silu", ACT_SILU }, { "tanh", ACT_TANH }, { "sigmoid", ACT_SIGMOID },
        { "solu", ACT_SOLU }, { "solu_ln", ACT_SOLU_LN }, { "relu2", ACT_RELU2 }, { "none", ACT_NONE }, { "swish", ACT_SILU }, { "gelu_pytorch_tanh", ACT_GELU_NEW },
        { "gelu_tanh", ACT_GELU_NEW }, { "relu_squared", ACT_RELU2 }, { "squared_relu", ACT_RELU2 }, { "identity", ACT_NONE }, { "linear", ACT_NONE },
        { "bilinear", ACT_NONE }, { "swiglu", ACT_SILU }, { "geglu", ACT_GELU }, { "reglu", ACT_RELU },
    };
    static const char *const later[] = { "gelu_fast", "quick_gelu", "xielu" };
    const char *how, *word;
    enum status s = config_word(&word, &how, t->config, "act_fn", t->d);

    if (s != STATUS_OK || !t->layers[0].d_mlp)
        return s;
    if (!word)
        return transformer_ask(t, t->layers[0].gated ? "the tensors do not tell the activation of the gate: say --set act_fn=silu (or gelu, relu, none for a bilinear MLP)"
                                                     : "the tensors do not tell the activation of the MLP: say --set act_fn=relu (or gelu, gelu_new, silu)");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i].name) == 0) {
            t->act = known[i].act;
            return (s = transformer_fact(t, "act_fn", word, how, "")) == STATUS_OK && t->act == ACT_SOLU_LN ? inner_norm(t) : s;
        }
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strcmp(word, later[i]) == 0)
            return transformer_not_yet(t, "act_fn", word, how);
    return transformer_unknown_word(t, "act_fn", word, how, "relu, gelu, gelu_new, silu, tanh, sigmoid, solu, solu_ln, relu2 or none");
}

static enum status parallel(struct transformer *t)
{
    const char *how;
    int stated;
    enum status s = config_bool(&stated, &how, t->config, "parallel_attn_mlp", t->d);

    t->parallel = stated == 1;
    return s == STATUS_OK && stated >= 0 ? model_add_fact(t->model, "parallel_attn_mlp", stated ? "true" : "false", how) : s;
}

enum status transformer_ask(struct transformer *t, const char *question)
{
    if (t->questions.size && strstr(t->questions.data, question)) /* the layout and the sizes may ask for the same thing */
        return STATUS_OK;
    text_addf(&t->questions, "%s%s", t->questions.size ? "; " : "", question);
    return t->questions.failed ? STATUS_MEMORY : STATUS_OK;
}

enum status transformer_settings(struct transformer *t)
{
    enum status s;

    if ((s = parallel(t)) != STATUS_OK || (s = transformer_norms(t)) != STATUS_OK || (s = transformer_attention(t)) != STATUS_OK || (s = activation(t)) != STATUS_OK)
        return s;
    if (t->questions.size)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %s", file_of(t), t->questions.data);
    return STATUS_OK;
}

/* Refuses a model for a tensor that tells what kind it is. */
static enum status later_kind(struct transformer *t, const char *name)
{
    static const struct { const char *part, *what; } later[] = {
        { ".q_norm.", "normalised queries" }, { ".rel_pos_bias", "relative positions" }, { ".mlp.experts.", "a mixture of experts" },
        { ".ln1_post.", "a norm after attention" }, { ".multihead_attn.", "attention to another sequence" }, { ".cross_attn.", "attention to another sequence" },
        { ".encoder_attn.", "attention to another sequence" },
    };

    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strstr(name, later[i].part))
            return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': %s (tensor '%s')", file_of(t), later[i].what, name);
    return STATUS_OK;
}

/* One message for all tensors without a place. */
static enum status unused_tensors(struct transformer *t, const char *first, size_t n, const char *list)
{
    if (n == 1)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' has no place in this transformer (--set ignore=%s leaves it out)", file_of(t), first, list);
    return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %zu tensors have no place in this transformer, the first is '%s' (--set ignore=%s leaves them out)",
                     file_of(t), n, first, list);
}

/* Only the user may leave tensors out, not the file. */
/* Rotary tables are read for the tables of the network, which hold the same numbers in another shape. */
static bool is_table(const struct transformer *t, const char *name)
{
    return t->positions == POSITIONS_ROTARY && (strstr(name, ".attn.rotary_sin") || strstr(name, ".attn.rotary_cos"));
}

static bool is_used(const struct transformer *t, const struct tensor *x)
{
    for (size_t i = 0; i < t->n_views; i++)
        if ((t->used[i] || is_table(t, t->views[i].t.name)) && t->views[i].from == x)
            return true;
    return false;
}

/* Not a weight: a mask, a table of positions. */
static bool is_buffer(const struct transformer *t, const char *name)
{
    struct role r;

    return tensor_is_buffer(name) || (t->foreign && role_of(&r, name) && (r.part == PART_BUFFER || r.part == PART_BUFFER_TOP));
}

static enum status leftover_tensors(struct transformer *t)
{
    const struct checkpoint *c = &t->model->checkpoint;
    const char *first = NULL;
    struct text list = { 0 };
    size_t n = 0;
    enum status s = STATUS_OK;

    t->model->ignored = mem_array(c->n, sizeof *t->model->ignored);
    if (!t->model->ignored)
        return STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < c->n; i++) {
        const char *name = c->tensors[i].name;
        if (is_used(t, &c->tensors[i]))
            continue;
        if (!is_buffer(t, name) && !config_leaves_out(t->config, name)) {
            first = first ? first : name;
            text_addf(&list, "%s%s", n++ ? "," : "", name);
            s = later_kind(t, name);
        } else if (!(t->model->ignored[t->model->n_ignored] = mem_string(name)))
            s = STATUS_MEMORY;
        else
            t->model->n_ignored++;
    }
    if (s == STATUS_OK && n)
        s = list.failed ? STATUS_MEMORY : unused_tensors(t, first, n, list.data);
    text_clear(&list);
    return s;
}

enum status transformer_leftovers(struct transformer *t)
{
    enum status s = leftover_tensors(t);

    return s == STATUS_OK ? transformer_keys(t) : s;
}
