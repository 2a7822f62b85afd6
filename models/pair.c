/* Two tokens, one MLP: (a, b) is embedded, the two rows are concatenated, added or multiplied, hidden layers follow, and an unembedding. The networks of
 * modular addition and of group operations. Layouts: embed.weight [V, d] or two tables; l1.weight, l2.weight, ... [out, in] with biases; unembed.weight
 * [V_out, h]; and plain matrices W_E, W_in [in, out], W_U [h, V_out]. */
#include <string.h>

#include "core/mem.h"
#include "models/family.h"
#include "models/reading.h"

/* A place in the network and the names that tensors of it have; module: [out, in]. */
struct place { const char *name, *second, *bias; bool module; };
static const struct place embeds[] = {
    { "embed.weight", NULL, NULL, true }, { "embedding.weight", NULL, NULL, true }, { "W_E", NULL, NULL, false }, { "emb.weight", NULL, NULL, true },
    { "embedding_left.weight", "embedding_right.weight", NULL, true }, { "embed_a.weight", "embed_b.weight", NULL, true },
    { "embed_left.weight", "embed_right.weight", NULL, true }, { "embed1.weight", "embed2.weight", NULL, true },
    { "W_E_a", "W_E_b", NULL, false }, { "W_x", "W_y", NULL, false }, { "W_a", "W_b", NULL, false }, { "A", "B", NULL, false }, { NULL, NULL, NULL, false },
};
/* %zu: numbered layers from 1 (or 0). */
static const struct place hiddens[] = {
    { "l%zu.weight", NULL, "l%zu.bias", true }, { "fc%zu.weight", NULL, "fc%zu.bias", true }, { "linear%zu.weight", NULL, "linear%zu.bias", true },
    { "layers.%zu.weight", NULL, "layers.%zu.bias", true }, { "hidden.%zu.weight", NULL, "hidden.%zu.bias", true }, { NULL, NULL, NULL, false },
};
static const struct place singles[] = {
    { "linear.weight", NULL, "linear.bias", true }, { "hidden.weight", NULL, "hidden.bias", true }, { "W_in", NULL, "b_in", false }, { "W_h", NULL, "b_h", false }, { NULL, NULL, NULL, false },
};
static const struct place heads[] = {
    { "unembed.weight", NULL, "unembed.bias", true }, { "unembedding.weight", NULL, "unembedding.bias", true }, { "W_U", NULL, "b_U", false },
    { "head.weight", NULL, "head.bias", true }, { "W_out", NULL, "b_out", false }, { NULL, NULL, NULL, false },
};
static const char *const combine_keys[] = { "combine", NULL };
static const char *const act_keys[] = { "act", "act_fn", "activation", "activation_fn", "act_type", NULL };
static const char *const known[] = { "combine", "act", "act_fn", "activation", "activation_fn", "act_type", "n_vocab", "d_vocab", "d_model", "d_hidden", NULL };

static bool is_in(const struct checkpoint *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return true;
    return false;
}

static const struct place *first_in(const struct checkpoint *c, const struct place *places)
{
    for (; places->name; places++)
        if (is_in(c, places->name) && (!places->second || is_in(c, places->second)))
            return places;
    return NULL;
}

/* The name with the number in the place of %zu. */
static struct node_name numbered(const char *pattern, size_t n)
{
    const char *at = strstr(pattern, "%zu");

    return at ? node_named("%.*s%zu%s", (int)(at - pattern), pattern, n, at + 3) : node_named("%s", pattern);
}

static const struct place *hidden_place(const struct checkpoint *c, size_t *first)
{
    for (const struct place *p = hiddens; p->name; p++)
        for (*first = 0; *first < 2; ++*first)
            if (is_in(c, numbered(p->name, *first).s))
                return p;
    return first_in(c, singles);
}

static const struct tensor *tensor_of(const struct checkpoint *c, const char *name)
{
    for (size_t i = 0; name && i < c->n; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return &c->tensors[i];
    return NULL;
}

/* A first layer that reads three or more embeddings is that of a chain (mlp_tokens.c). */
static bool reads_more(const struct checkpoint *c, const struct place *e)
{
    size_t first;
    const struct place *p = hidden_place(c, &first);
    const struct tensor *E = tensor_of(c, e->name), *W = p ? tensor_of(c, numbered(p->name, first).s) : NULL;

    return !e->second && E && W && E->rank == 2 && W->rank == 2 && E->shape[1] && p->module && W->shape[1] % E->shape[1] == 0 && W->shape[1] / E->shape[1] > 2;
}

bool pair_recognises(const struct checkpoint *c)
{
    const struct place *e = first_in(c, embeds);
    size_t first;

    return e && !reads_more(c, e) && first_in(c, heads) && !is_in(c, "bilinear.weight") && !is_in(c, "blocks.0.weight") && (hidden_place(c, &first) || e->second);
}

enum combine { COMBINE_CONCAT, COMBINE_ADD, COMBINE_MUL };
struct pair { struct reading *r; enum combine combine; int act; size_t d; const struct place *embed, *hidden, *head; size_t first; bool asked; };

/* width_next: what the first layer after the embedding reads, which tells concatenation from the others. */
static enum status combination(struct pair *p, size_t width_next, const char *tensor)
{
    static const char *const words[] = { "concat", "add", "mul" };
    const char *how, *word;
    enum status s = reading_word(&word, &how, p->r, combine_keys);
    size_t i = 0;

    if (s != STATUS_OK)
        return s;
    if (width_next != p->d && width_next != 2 * p->d)
        return reading_fail(p->r, "tensor '%s' reads %zu numbers, two embeddings of %zu make %zu or, added, %zu", tensor, width_next, p->d, 2 * p->d, p->d);
    if (!word && width_next == 2 * p->d) {
        p->combine = COMBINE_CONCAT;
        return reading_fact(p->r, "combine", "inferred from the shapes: the next layer reads two embeddings", "concat");
    }
    if (!word)
        return reading_ask(p->r, "the tensors do not tell whether the two embeddings are added or multiplied: say --set combine=add or mul");
    while (i < 3 && strcmp(word, words[i]) != 0)
        i++;
    if (i == 3)
        return reading_fail(p->r, "combine is '%.60s' (%s), concat, add or mul is needed", word, how);
    p->combine = (enum combine)i;
    if ((p->combine == COMBINE_CONCAT) != (width_next == 2 * p->d))
        return reading_fail(p->r, "combine is %s (%s), but tensor '%s' reads %zu numbers and an embedding has %zu", word, how, tensor, width_next, p->d);
    return reading_fact(p->r, "combine", how, "%s", word);
}

static enum status activation(struct pair *p)
{
    const char *how, *word;
    enum status s = reading_word(&word, &how, p->r, act_keys);

    if (s == STATUS_OK && !word)
        s = config_word(&word, &how, p->r->config, "act_fn", p->r->d); /* what a pickled module tells */
    if (s != STATUS_OK)
        return s;
    if (!word)
        return reading_ask(p->r, "the tensors do not tell the activation of the hidden layers: say --set act=relu (or another of %s)", activation_words);
    s = reading_activation_word(&p->act, p->r, "act", word, how);
    return s == STATUS_OK ? reading_fact(p->r, "act", how, "%s", word) : s;
}

/* The two rows. An older layout has the table [d, V]: d_vocab, or the other table's shape, tells; nothing is guessed. */
static enum status embedding(struct pair *p, size_t rows[2])
{
    const char *names[2] = { p->embed->name, p->embed->second };
    size_t tables[2] = { 0, 0 };
    struct view W;

    for (size_t i = 0; i < 2; i++) {
        enum status s = STATUS_OK;
        if (!names[i]) {
            tables[1] = tables[0];
        } else {
            s = i ? reading_take_shape(&W, p->r, names[i], 2, (size_t[]){ p->r->b.net.d_vocab, p->d }, "tokens, d") : reading_take(&W, p->r, names[i], 2);
            if (s != STATUS_OK)
                return s;
            p->r->b.net.d_vocab = W.shape[0];
            p->r->b.net.n_ctx = 2;
            p->d = W.shape[1];
            tables[i] = netbuild_add(&p->r->b, (struct netbuild_node){ .name = !names[1] ? "hook_embed" : i ? "hook_embed_b" : "hook_embed_a", .op = OP_EMBED, .n_weights = 1,
                                               .weights = { netbuild_cut(&p->r->b, !names[1] ? "embed.W_E" : i ? "embed.W_E_b" : "embed.W_E_a", W) } });
        }
        rows[i] = netbuild_add(&p->r->b, (struct netbuild_node){ .name = i ? "right" : "left", .op = OP_ROW, .inputs = &tables[i], .n_inputs = 1, .arg = { i }, .n_args = 1 });
    }
    return STATUS_OK;
}

static size_t combined(struct pair *p, const size_t rows[2])
{
    static const enum op ops[] = { OP_CONCAT, OP_ADD, OP_MUL };

    return netbuild_two(&p->r->b, "combined", ops[p->combine], rows[0], rows[1]);
}

/* The first layer after the embedding settles how the two rows are combined. */
static enum status linear(struct pair *p, const struct place *place, size_t number, const char *node, const char *prefix, const size_t rows[2], size_t *x)
{
    struct reading *r = p->r;
    struct node_name name = numbered(place->name, number), bias_name = numbered(place->bias, number);
    struct view W, b;
    bool has_bias = reading_find(r, bias_name.s) != NULL;
    enum status s = reading_take(&W, r, name.s, 2);
    const char *ending = place == p->head ? "_U" : "";
    size_t w;

    if (s != STATUS_OK)
        return s;
    if (place->module)
        W = view_transposed(W);
    if (!p->asked) {
        p->asked = true;
        if ((s = combination(p, W.shape[0], name.s)) != STATUS_OK || r->questions.size)
            return s;
        *x = combined(p, rows);
        if (place == p->head)
            *x = reading_activate(r, "layers.0.post", p->act, *x);
    } else if (r->b.status == STATUS_OK && W.shape[0] != netbuild_width(&r->b, *x))
        return reading_fail(r, "tensor '%s' reads %zu numbers, the layer before gives %zu", name.s, W.shape[0], netbuild_width(&r->b, *x));
    if (has_bias && (s = reading_take_shape(&b, r, bias_name.s, 1, &W.shape[1], "out")) != STATUS_OK)
        return s;
    w = netbuild_cut(&r->b, node_named("%sW%s", prefix, ending).s, W);
    *x = netbuild_linear(&r->b, node, *x, w, has_bias ? netbuild_cut(&r->b, node_named("%sb%s", prefix, ending).s, b) : NETBUILD_NONE);
    return STATUS_OK;
}

static enum status layers(struct pair *p, const size_t rows[2], size_t *x)
{
    enum status s = STATUS_OK;

    for (size_t i = 0; s == STATUS_OK && p->hidden && !p->r->questions.size && (i == 0 || reading_find(p->r, numbered(p->hidden->name, p->first + i).s)); i++) {
        if (i && strstr(p->hidden->name, "%zu") == NULL)
            break;
        s = linear(p, p->hidden, p->first + i, node_named("layers.%zu.pre", i).s, node_named("layers.%zu.", i).s, rows, x);
        if (s == STATUS_OK && !p->r->questions.size)
            *x = reading_activate(p->r, node_named("layers.%zu.post", i).s, p->act, *x);
    }
    if (s == STATUS_OK && !p->r->questions.size)
        s = linear(p, p->head, 0, "logits", "unembed.", rows, x);
    return s;
}

static enum status build(struct reading *r)
{
    struct pair p = { .r = r, .embed = first_in(&r->model->checkpoint, embeds), .head = first_in(&r->model->checkpoint, heads) };
    size_t rows[2], x = 0;
    enum status s;

    if (!p.embed || !p.head)
        return reading_fail(r, "there is no %s", p.embed ? "unembedding (unembed.weight, W_U)" : "embedding (embed.weight, W_E, or two: embed_a.weight and embed_b.weight)");
    p.hidden = hidden_place(&r->model->checkpoint, &p.first);
    if ((s = activation(&p)) != STATUS_OK || (s = embedding(&p, rows)) != STATUS_OK || (s = layers(&p, rows, &x)) != STATUS_OK)
        return s;
    return reading_done(r, x, known);
}

enum status pair_load(struct model *m, const struct config *c, struct diag *d) { return reading_load(m, c, "pair", build, d); }
