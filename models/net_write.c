/* Network to canonical text. Declared in models/net.h. */
#include "core/hash.h"
#include "core/number.h"
#include "models/net.h"

/* Where text goes on to be hashed when there is much of it; hash NULL: nowhere, it stays. */
struct sink { struct text *text; struct sha256 *hash; };
enum { FLUSH_AT = 1 << 16 };

static void flush(struct sink *out)
{
    if (!out->hash || out->text->failed)
        return;
    sha256_add(out->hash, out->text->data, out->text->size);
    out->text->size = 0;
}

static void write_tensor(struct sink *out, const struct tensor *t)
{
    size_t width = t->shape[t->rank - 1], n = tensor_count(t);

    text_addf(out->text, "tensor %s", t->name);
    for (size_t i = 0; i < t->rank; i++)
        text_addf(out->text, " %zu", t->shape[i]);
    text_add(out->text, "\n");
    for (size_t i = 0; i < n; i++) {
        number_add_hex(out->text, t->data[i]);
        text_add_n(out->text, (i + 1) % width ? " " : "\n", 1);
        if (out->text->size >= FLUSH_AT)
            flush(out);
    }
}

static void write_node(struct text *out, const struct net *net, const struct node *n)
{
    text_addf(out, "node %s %s", n->name, op_table[n->op].name);
    for (size_t i = 0; i < n->n_inputs; i++)
        text_addf(out, " %s", net->nodes[n->inputs[i]].name);
    for (size_t i = 0; i < n->n_w; i++) {
        text_addf(out, " %s", net->tensors[n->w[i].tensor].name);
        if (n->w[i].slice >= 0)
            text_addf(out, "[%ld]", n->w[i].slice);
    }
    for (size_t i = 0; i < n->n_args; i++)
        text_addf(out, " %zu", n->arg[i]);
    text_add(out, "\n");
}

static void write_net(struct text *out, struct sha256 *hash, const struct net *net)
{
    struct sink sink = { out, hash };

    text_addf(out, "weightproof-net 1\n%s %zu %zu\nmask %s", net->width_in ? "reals" : "tokens", net->width_in ? net->width_in : net->d_vocab,
              net->n_ctx, net->causal ? "causal" : "none");
    if (net->pad >= 0)
        text_addf(out, " pad %ld", net->pad);
    text_add(out, "\neps ");
    number_add_hex(out, net->eps);
    text_add(out, "\n");
    for (size_t i = 0; i < net->n_tensors; i++)
        write_tensor(&sink, &net->tensors[i]);
    for (size_t i = 0; i < net->n_nodes; i++)
        write_node(out, net, &net->nodes[i]);
    text_addf(out, "output %s\nend\n", net->nodes[net->output].name);
    flush(&sink);
}

enum status net_write(struct text *out, const struct net *net)
{
    write_net(out, NULL, net);
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}

enum status net_identify(struct net *net)
{
    struct text text = { 0 };
    struct sha256 hash;
    enum status s;

    sha256_begin(&hash);
    write_net(&text, &hash, net);
    sha256_end(net->sha256, &hash);
    s = text.failed ? STATUS_MEMORY : STATUS_OK;
    text_clear(&text);
    return s;
}
