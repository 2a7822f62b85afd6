/* Network to canonical text. Declared in models/net.h. */
#include "core/number.h"
#include "models/net.h"

static void write_tensor(struct text *out, const struct tensor *t)
{
    size_t width = t->shape[t->rank - 1], n = tensor_count(t);

    text_addf(out, "tensor %s", t->name);
    for (size_t i = 0; i < t->rank; i++)
        text_addf(out, " %zu", t->shape[i]);
    text_add(out, "\n");
    for (size_t i = 0; i < n; i++) {
        number_add_hex(out, t->data[i]);
        text_add_n(out, (i + 1) % width ? " " : "\n", 1);
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

enum status net_write(struct text *out, const struct net *net)
{
    text_addf(out, "weightproof-net 1\n%s %zu %zu\nmask %s", net->width_in ? "reals" : "tokens", net->width_in ? net->width_in : net->d_vocab,
              net->n_ctx, net->causal ? "causal" : "none");
    if (net->pad >= 0)
        text_addf(out, " pad %ld", net->pad);
    text_add(out, "\neps ");
    number_add_hex(out, net->eps);
    text_add(out, "\n");
    for (size_t i = 0; i < net->n_tensors; i++)
        write_tensor(out, &net->tensors[i]);
    for (size_t i = 0; i < net->n_nodes; i++)
        write_node(out, net, &net->nodes[i]);
    text_addf(out, "output %s\nend\n", net->nodes[net->output].name);
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}
