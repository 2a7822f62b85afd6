/* torch.nn.Bilinear: entry o of the result is x^T W[o] y + b[o], W [out, a, b]. x W[o] is one linear node for every o; their rows, one after the
 * other, are the matrix that y is multiplied with. The two inputs are one row of a + b numbers, the same row twice, or two tokens (one-hot). */
#include <string.h>

#include "core/mem.h"
#include "models/bilinear.h"

static const char *const input_keys[] = { "inputs", NULL };
static const char *const known[] = { "inputs", NULL };
enum inputs { INPUTS_PAIR, INPUTS_SAME, INPUTS_TOKENS };
struct sides { size_t x, y; };

static enum status how_read(enum inputs *out, struct reading *r, size_t a, size_t b)
{
    static const char *const words[] = { "pair", "same", "tokens" };
    const char *how, *word;
    enum status s = reading_word(&word, &how, r, input_keys);

    *out = INPUTS_PAIR;
    if (s != STATUS_OK)
        return s;
    if (!word && a != b)
        return reading_fact(r, "inputs", "inferred from the shape of bilinear.weight", "pair");
    if (!word)
        return reading_ask(r, "the tensors do not tell what the two inputs of 'bilinear.weight' are: say --set inputs=pair (a row of %zu numbers), same (one row of "
                              "%zu numbers twice) or tokens (two tokens, one-hot)", a + b, a);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (enum inputs)i;
            if (a != b && *out != INPUTS_PAIR)
                return reading_fail(r, "inputs is %s (%s), but 'bilinear.weight' takes %zu and %zu numbers", word, how, a, b);
            return reading_fact(r, "inputs", how, "%s", word);
        }
    return reading_fail(r, "inputs is '%.60s' (%s), pair, same or tokens is needed", word, how);
}

/* Entries first ... first + n - 1 of the input. */
static size_t part(struct reading *r, const char *node, const char *tensor, size_t input, size_t first, size_t n)
{
    double *numbers = mem_array(n, sizeof *numbers);
    size_t t;

    if (!numbers) {
        r->b.status = STATUS_MEMORY;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        numbers[i] = (double)(first + i);
    t = netbuild_vector(&r->b, tensor, numbers, n);
    free(numbers);
    return netbuild_add(&r->b, (struct netbuild_node){ .name = node, .op = OP_SELECT, .inputs = &input, .n_inputs = 1, .weights = { t }, .n_weights = 1 });
}

static size_t one_hot(struct reading *r, size_t n)
{
    double *identity = n > (size_t)1 << 14 ? NULL : mem_array(n * n, sizeof *identity);
    size_t t;

    if (!identity) {
        r->b.status = STATUS_MEMORY;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        identity[i * n + i] = 1;
    t = netbuild_matrix(&r->b, "one_hot", identity, n, n);
    free(identity);
    return netbuild_add(&r->b, (struct netbuild_node){ .name = "tokens", .op = OP_EMBED, .weights = { t }, .n_weights = 1 });
}

static struct sides sides(struct reading *r, enum inputs how, size_t a, size_t b)
{
    struct netbuild *n = &r->b;
    struct sides s;
    size_t x;

    if (how == INPUTS_TOKENS) {
        n->net.d_vocab = a;
        n->net.n_ctx = 2;
        x = one_hot(r, a);
        s.x = netbuild_add(n, (struct netbuild_node){ .name = "left", .op = OP_ROW, .inputs = &x, .n_inputs = 1, .arg = { 0 }, .n_args = 1 });
        s.y = netbuild_add(n, (struct netbuild_node){ .name = "right", .op = OP_ROW, .inputs = &x, .n_inputs = 1, .arg = { 1 }, .n_args = 1 });
        return s;
    }
    n->net.width_in = how == INPUTS_SAME ? a : a + b;
    x = netbuild_input(n);
    if (how == INPUTS_SAME)
        return (struct sides){ x, x };
    s.x = part(r, "left", "left.I", x, 0, a);
    s.y = part(r, "right", "right.I", x, a, b);
    return s;
}

/* x^T W[o] y for every o. */
static size_t products(struct reading *r, struct view W, struct sides in, const char *name)
{
    size_t *rows = mem_array(W.shape[0], sizeof *rows), t, all, inputs[2], out = W.shape[0], b = W.shape[2];

    if (!rows) {
        r->b.status = STATUS_MEMORY;
        return 0;
    }
    t = netbuild_cut(&r->b, "bilinear.W", W);
    for (size_t o = 0; o < out; o++)
        rows[o] = netbuild_add(&r->b, (struct netbuild_node){ .name = node_named("bilinear.rows.%zu", o).s, .op = OP_LINEAR, .inputs = &in.x, .n_inputs = 1,
                                                              .weights = { t }, .n_weights = 1, .slice = (long)o + 1 });
    all = out == 1 ? rows[0] : netbuild_add(&r->b, (struct netbuild_node){ .name = "bilinear.rows", .op = OP_CONCAT, .inputs = rows, .n_inputs = out });
    free(rows);
    inputs[0] = all;
    inputs[1] = in.y;
    return netbuild_add(&r->b, (struct netbuild_node){ .name = name, .op = OP_MATMUL, .inputs = inputs, .n_inputs = 2, .arg = { 1, out, b, 1 }, .n_args = 4 });
}

enum status bilinear_product(struct reading *r)
{
    static const char *const heads[] = { "output.weight", "head.weight", "unembed.weight", NULL };
    const char *head_name = reading_first(r, heads);
    bool has_bias = reading_find(r, "bilinear.bias") != NULL;
    struct view W, bias;
    struct piece head = { .before = "head.", .after = "" };
    struct sides in;
    enum inputs how;
    enum status s = reading_take(&W, r, "bilinear.weight", 3);
    size_t y;

    if (s != STATUS_OK || (s = how_read(&how, r, W.shape[1], W.shape[2])) != STATUS_OK ||
        (has_bias && (s = reading_take_shape(&bias, r, "bilinear.bias", 1, &W.shape[0], "out")) != STATUS_OK) ||
        (head_name && (s = piece_take(&head, r, head_name, W.shape[0])) != STATUS_OK))
        return s;
    if (r->questions.size)
        return reading_done(r, 0, known);
    head.node = how == INPUTS_TOKENS ? "logits" : "output";
    in = sides(r, how, W.shape[1], W.shape[2]);
    y = products(r, W, in, has_bias ? "bilinear.products" : head_name ? "bilinear" : head.node);
    if (has_bias) {
        size_t b = netbuild_constant(&r->b, "bilinear.offset", netbuild_cut(&r->b, "bilinear.b", bias));
        y = netbuild_two(&r->b, head_name ? "bilinear" : head.node, OP_ADD, y, b);
    }
    return reading_done(r, head_name ? piece_add(r, &head, y) : y, known);
}
