/* Tokens before a chain: their rows one after the other, added or multiplied, or each position for itself. Declared in models/mlp.h. */
#include <string.h>

#include "core/mem.h"
#include "models/mlp.h"

const char *const mlp_combine_keys[] = { "combine", NULL }, *const mlp_input_keys[] = { "input_type", NULL };
const char *const mlp_context_keys[] = { "n_ctx", "seq_len", "block_size", "context_length", NULL };

enum { TOKENS_MAX = 64 };

static void take_first(struct mlp_chain *c)
{
    c->embed = c->modules[0].weight;
    c->embed_number = c->modules[0].number;
    memmove(c->modules, c->modules + 1, (--c->n) * sizeof *c->modules);
}

/* The first of numbered modules is a table [tokens, d] if its class or the settings say so, or if the layer after it reads several rows of d and not the
 * outputs of a linear layer. */
enum status mlp_find_table(struct mlp *k)
{
    const struct mlp_module *m = k->c.modules;
    const char *how, *word;
    enum status s = reading_word(&word, &how, k->r, mlp_input_keys);
    const struct tensor *first, *next;
    struct mlp_class class;
    bool known;

    if (s != STATUS_OK)
        return s;
    if (word && strcmp(word, "tokens") != 0 && strcmp(word, "reals") != 0)
        return reading_fail(k->r, "input_type is '%.60s' (%s), tokens or reals is needed", word, how);
    if (word && strcmp(word, "reals") == 0 && k->c.embed)
        return reading_fail(k->r, "input_type is reals (%s), but there is a table '%s'", how, k->c.embed);
    if (k->c.embed || k->c.n < 2 || m[0].kind != MLP_LINEAR || m[1].kind != MLP_LINEAR || m[0].bias || m[0].raw || m[0].transposed || m[1].transposed)
        return word && strcmp(word, "tokens") == 0 && !k->c.embed ? reading_fail(k->r, "input_type is tokens (%s), but there is no table of tokens before the layers", how) : STATUS_OK;
    first = reading_find(k->r, m[0].weight);
    next = reading_find(k->r, m[1].weight);
    known = mlp_class_of(&class, k, mlp_path(m[0].weight).s);
    if (word || known) {
        if (word ? strcmp(word, "tokens") == 0 : strstr(class.name, ".Embedding") != NULL) {
            take_first(&k->c);
            return reading_fact(k->r, "input_type", word ? how : "read from the classes of the pickled module", "tokens");
        }
        return STATUS_OK;
    }
    if (!k->c.by_module || next->shape[1] % first->shape[1] || next->shape[1] / first->shape[1] > TOKENS_MAX || next->shape[1] / first->shape[1] < 2)
        return STATUS_OK;
    if (next->shape[1] == first->shape[0])
        return reading_fact(k->r, "input_type", "assumed: the first module is linear, without a bias (an embedding: --set input_type=tokens)", "reals");
    take_first(&k->c);
    return reading_fact(k->r, "input_type", "inferred from the shapes: the layer after the first module reads several of its rows", "tokens");
}

enum combine { COMBINE_CONCAT, COMBINE_ADD, COMBINE_MUL, COMBINE_NONE };
static const char *const words[] = { "concat", "add", "mul", "none" };

/* How many tokens, and what is made of their rows. width: of the first layer. */
static enum status settings(struct mlp *k, enum combine *combine, size_t *n, size_t d, size_t width)
{
    struct reading *r = k->r;
    const char *how, *how_n, *word;
    long n_ctx;
    size_t i = 0;
    enum status s = reading_word(&word, &how, r, mlp_combine_keys);

    if (s != STATUS_OK || (s = reading_count(&n_ctx, &how_n, r, mlp_context_keys)) != STATUS_OK)
        return s;
    if (width % d)
        return reading_fail(r, "the first layer reads %zu numbers, no multiple of the embedding's %zu", width, d);
    while (word && i < 4 && strcmp(word, words[i]) != 0)
        i++;
    if (i == 4)
        return reading_fail(r, "combine is '%.60s' (%s), concat, add, mul or none is needed", word, how);
    *combine = word ? (enum combine)i : COMBINE_CONCAT;
    *n = width / d;
    if (*n > 1 && ((word && i != COMBINE_CONCAT) || (n_ctx >= 0 && (size_t)n_ctx != *n)))
        return reading_fail(r, "the first layer reads %zu embeddings of %zu one after the other, combine and n_ctx say otherwise", *n, d);
    if (*n > 1)
        return reading_fact(r, "combine", "inferred from the shapes", "concat, %zu tokens", *n);
    if (n_ctx == 0 || n_ctx > TOKENS_MAX)
        return reading_fail(r, "n_ctx is %ld (%s), 1 to %d tokens are possible", n_ctx, how_n, TOKENS_MAX);
    *n = n_ctx > 0 ? (size_t)n_ctx : 1;
    if (n_ctx < 0)
        s = reading_ask(r, "the tensors do not tell how many tokens the model reads: say --set n_ctx=N");
    if (s == STATUS_OK && !word && *n != 1)
        return reading_ask(r, "the tensors do not tell what is made of the embeddings: say --set combine=add, mul or none (each position for itself)");
    if (s == STATUS_OK && !word && n_ctx < 0)
        return reading_ask(r, "with more than one, also what is made of their embeddings: --set combine=add, mul or none (each position for itself)");
    if (s == STATUS_OK && n_ctx > 0)
        s = reading_fact(r, "n_ctx", how_n, "%zu", *n);
    return s == STATUS_OK && word ? reading_fact(r, "combine", how, "%s", word) : s;
}

enum status mlp_embed(struct mlp *k, size_t *x)
{
    static const enum op ops[] = { OP_CONCAT, OP_ADD, OP_MUL };
    struct netbuild *b = &k->r->b;
    const struct mlp_module *m = &k->c.modules[0];
    const struct tensor *next = m->weight ? reading_find(k->r, m->weight) : NULL;
    enum combine combine = COMBINE_NONE;
    size_t n = 1, rows[TOKENS_MAX], table;
    struct view W;
    enum status s = reading_take(&W, k->r, k->c.embed, 2);

    if (s != STATUS_OK)
        return s;
    if (!next || next->rank == 0)
        return reading_fail(k->r, "no layer is known after the embedding '%s'", k->c.embed);
    if ((s = settings(k, &combine, &n, W.shape[1], next->rank == 2 && !m->transposed ? next->shape[1] : next->shape[0])) != STATUS_OK || k->r->questions.size)
        return s;
    b->net.d_vocab = W.shape[0];
    b->net.n_ctx = n;
    table = netbuild_add(b, (struct netbuild_node){ .name = "hook_embed", .op = OP_EMBED, .n_weights = 1, .weights = { netbuild_cut(b, "embed.W_E", W) } });
    *x = table;
    if (combine == COMBINE_NONE)
        return STATUS_OK;
    for (size_t i = 0; i < n; i++)
        rows[i] = netbuild_add(b, (struct netbuild_node){ .name = node_named("rows.%zu", i).s, .op = OP_ROW, .inputs = &table, .n_inputs = 1, .arg = { i }, .n_args = 1 });
    *x = rows[0];
    if (n > 1 && combine == COMBINE_MUL)
        for (size_t i = 1; i < n; i++)
            *x = netbuild_two(b, i + 1 < n ? node_named("combined.%zu", i).s : "combined", OP_MUL, *x, rows[i]);
    else if (n > 1)
        *x = netbuild_add(b, (struct netbuild_node){ .name = "combined", .op = ops[combine], .inputs = rows, .n_inputs = n });
    return STATUS_OK;
}
