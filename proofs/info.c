/* What was read, what was inferred, what was assumed: one model, as text and as JSON. */
#include "proofs/write.h"

static void add_shape(struct text *out, const struct tensor *t, const char *between) {
    for (size_t i = 0; i < t->rank; i++) text_addf(out, "%s%zu", i ? between : "", t->shape[i]);
}

static size_t parameters(const struct model *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->net.n_tensors; i++) n += tensor_count(&m->net.tensors[i]);
    return n;
}

void write_info(struct text *out, const struct model *m) {
    const struct net *net = &m->net;
    text_addf(out, "file      %s\nsha256    %s\n", m->path, m->file_sha256);
    if (m->config_sha256[0]) text_addf(out, "config    sha256 %s\n", m->config_sha256);
    text_addf(out, "format    %s\nfamily    %s\nnet       %s%s\n", m->checkpoint.format ? m->checkpoint.format : "net", m->family ? m->family : "net",
              net->sha256[0] ? "sha256 " : "not written out for a file of this size, convert does", net->sha256);
    if (net->width_in) text_addf(out, "input     1..%zu rows of %zu real numbers, ", net->n_ctx, net->width_in);
    else text_addf(out, "input     1..%zu tokens in 0..%zu, ", net->n_ctx, net->d_vocab - 1);
    text_add(out, net->causal ? "causal mask" : "every position reads all positions");
    if (net->pad >= 0) text_addf(out, " but those of token %ld", net->pad);
    text_add(out, "\n");
    text_addf(out, "output    %s, %zu entries a position\n", net->nodes[net->output].name, net->nodes[net->output].width);
    text_addf(out, "size      %zu layer(s)", net_layers(net));
    for (size_t l = 0; l < net_layers(net); l++) text_addf(out, "%s%zu", l ? ", " : "; heads: ", net_heads(net, l));
    const char *wide = net_not_binary32(net);
    text_addf(out, "; %zu parameters\nbinary32  %s%s\n", parameters(m), wide ? "no: " : "yes, every weight", wide ? wide : "");
    if (m->n_facts) text_add(out, "\nconfiguration\n");
    for (size_t i = 0; i < m->n_facts; i++)
        text_addf(out, "  %-26s %-10s %s\n", m->facts[i].key, m->facts[i].value, m->facts[i].how);
    text_add(out, "\ntensors\n");
    for (size_t i = 0; i < net->n_tensors; i++) {
        text_addf(out, "  %-32s ", net->tensors[i].name);
        add_shape(out, &net->tensors[i], " x ");
        text_add(out, "\n");
    }
    for (size_t i = 0; i < m->n_ignored; i++) text_addf(out, "%s  %s\n", i ? "" : "\nin the file, not used\n", m->ignored[i]);
    text_add(out, "\nnodes\n");
    for (size_t i = 0; i < net->n_nodes; i++) {
        const struct node *node = &net->nodes[i];
        text_addf(out, "  %-36s %-10s ", node->name, op_table[node->op].name);
        if (node->width) text_addf(out, "%zu\n", node->width);
        else text_add(out, "length of the sequence\n");
    }
    for (size_t i = 0; i < m->checkpoint.n_facts; i++)
        text_addf(out, "%s  %-22s %.200s\n", i ? "" : "\nstated by the file, not checked\n", m->checkpoint.facts[i].key, m->checkpoint.facts[i].value);
}

static void field(struct text *out, const char *key, const char *value) {
    text_addf(out, "  \"%s\": ", key);
    write_json_string(out, value);
    text_add(out, ",\n");
}

static void add_tensors_json(struct text *out, const struct model *m) {
    text_add(out, "  \"tensors\": [");
    for (size_t i = 0; i < m->net.n_tensors; i++) {
        text_addf(out, "%s\n    {\"name\": \"%s\", \"shape\": [", i ? "," : "", m->net.tensors[i].name);
        add_shape(out, &m->net.tensors[i], ", ");
        text_add(out, "]}");
    }
    text_add(out, "\n  ],\n  \"nodes\": [");
    for (size_t i = 0; i < m->net.n_nodes; i++)
        text_addf(out, "%s\n    {\"name\": \"%s\", \"op\": \"%s\", \"width\": %zu}", i ? "," : "", m->net.nodes[i].name,
                  op_table[m->net.nodes[i].op].name, m->net.nodes[i].width);
    text_add(out, "\n  ],\n");
}

void write_info_json(struct text *out, const struct model *m) {
    const struct net *net = &m->net;
    text_add(out, "{\n");
    field(out, "file", m->path);
    field(out, "sha256", m->file_sha256);
    field(out, "config_sha256", m->config_sha256[0] ? m->config_sha256 : NULL);
    field(out, "format", m->checkpoint.format ? m->checkpoint.format : "net");
    field(out, "family", m->family);
    field(out, "net_sha256", net->sha256[0] ? net->sha256 : NULL);
    text_addf(out, "  \"d_vocab\": %zu,\n  \"n_ctx\": %zu,\n  \"causal\": %s,\n  \"output_width\": %zu,\n  \"parameters\": %zu,\n", net->d_vocab,
              net->n_ctx, net->causal ? "true" : "false", net->nodes[net->output].width, parameters(m));
    if (net->width_in) text_addf(out, "  \"width_in\": %zu,\n", net->width_in);
    if (net->pad >= 0) text_addf(out, "  \"pad\": %ld,\n", net->pad);
    text_addf(out, "  \"binary32\": %s,\n  \"heads\": [", net_not_binary32(net) ? "false" : "true");
    for (size_t l = 0; l < net_layers(net); l++) text_addf(out, "%s%zu", l ? ", " : "", net_heads(net, l));
    text_add(out, "],\n  \"facts\": [");
    for (size_t i = 0; i < m->n_facts; i++) {
        text_addf(out, "%s\n    {\"key\": ", i ? "," : "");
        write_json_string(out, m->facts[i].key);
        text_add(out, ", \"value\": ");
        write_json_string(out, m->facts[i].value);
        text_add(out, ", \"how\": ");
        write_json_string(out, m->facts[i].how);
        text_add(out, "}");
    }
    text_add(out, "\n  ],\n");
    add_tensors_json(out, m);
    text_add(out, "  \"ignored\": [");
    for (size_t i = 0; i < m->n_ignored; i++) {
        text_add(out, i ? ", " : "");
        write_json_string(out, m->ignored[i]);
    }
    text_add(out, "],\n  \"schema\": 1\n}\n");
}
