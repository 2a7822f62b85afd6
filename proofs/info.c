/* What was read, what was inferred, what was assumed: one model, as text and as JSON. */
#include <math.h>
#include <string.h>
#include "models/decode.h"
#include "models/tensor_facts.h"
#include "proofs/write.h"

static void add_shape(struct text *out, const struct tensor *t, const char *between) {
    for (size_t i = 0; i < t->rank; i++) text_addf(out, "%s%zu", i ? between : "", t->shape[i]);
}

/* Is the tensor cut from the same place as an earlier one (tied weights)? */
static bool is_tied(const struct net *net, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (net->tensors[i].source.of && net->tensors[k].source.of == net->tensors[i].source.of && net->tensors[k].source.offset == net->tensors[i].source.offset) return true;
    return false;
}

static size_t parameters(const struct model *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->net.n_tensors; i++)
        if (!m->net.tensors[i].source.made && !is_tied(&m->net, i)) n += tensor_count(&m->net.tensors[i]);
    return n;
}

static void add_input(struct text *out, const struct net *net) {
    text_add(out, "input     ");
    if (net->width_in && net->n_ctx == 1) {
        text_addf(out, "%zu real numbers\n", net->width_in);
        return;
    }
    if (net->width_in) text_addf(out, "1..%zu rows of %zu real numbers, ", net->n_ctx, net->width_in);
    else text_addf(out, "1..%zu tokens in 0..%zu, ", net->n_ctx, net->d_vocab - 1);
    text_add(out, net->causal ? "causal mask" : "every position reads all positions");
    if (net->pad >= 0) text_addf(out, " but those of token %ld", net->pad);
    text_add(out, "\n");
}

/* Decimals of the norm that both ends share: every digit is certain. */
static void add_norm(struct text *out, const struct tensor_facts *f) {
    char lo[40], hi[40];
    for (int digits = 8; digits >= 1; digits--) {
        snprintf(lo, sizeof lo, "%.*g", digits, f->norm_lo);
        snprintf(hi, sizeof hi, "%.*g", digits, f->norm_hi);
        if (strcmp(lo, hi) == 0) {
            text_add(out, lo);
            return;
        }
    }
    text_addf(out, "at most %.3g", f->norm_hi * (1 + 1e-2));
}

static void add_index(struct text *out, const struct tensor *t, size_t at) {
    size_t index[TENSOR_MAX_RANK];
    for (size_t i = t->rank; i-- > 0; at /= t->shape[i]) index[i] = at % t->shape[i];
    for (size_t i = 0; i < t->rank; i++) text_addf(out, "%s%zu", i ? ", " : "", index[i]);
}

static const char *dtype_of(const struct model *m, const struct tensor *t) {
    if (t->source.made) return "made";
    return m->checkpoint.n ? dtype_name(t->source.dtype) : "exact";
}

static void add_rank(struct text *out, const struct tensor *t, const struct tensor_facts *f) {
    if (t->rank < 2) return;
    if (f->rank == RANK_NONE) text_add(out, "  rank ? (--ranks)");
    else text_addf(out, "  rank %s%zu", f->rank == RANK_AT_LEAST ? "at least " : "", f->rank_least);
    if (f->rank != RANK_NONE && f->rank_most != f->rank_least) text_addf(out, "..%zu", f->rank_most);
}

static void add_tensor(struct text *out, const struct model *m, const struct tensor *t, double *work) {
    struct tensor_facts f;
    struct text shape = {0};
    if (tensor_facts(&f, t, work) != STATUS_OK) {
        out->failed = true;
        return;
    }
    add_shape(&shape, t, " x ");
    text_addf(out, "  %-32s %-5s %-14s", t->name, dtype_of(m, t), shape.failed ? "?" : shape.data);
    text_clear(&shape);
    add_rank(out, t, &f);
    text_add(out, "  norm ");
    add_norm(out, &f);
    text_add(out, "  largest ");
    text_add_double(out, f.largest);
    text_add(out, " [");
    add_index(out, t, f.largest_at);
    text_addf(out, "]%s%s\n", t->source.of ? "  from " : "", t->source.of ? t->source.of : "");
}

/* Of a bilinear network: how much of its interaction tensor no input shows. */
static void add_forms(struct text *out, const struct net *net) {
    double share;
    if (invisible_share(&share, net)) text_addf(out, "forms     %zu of %zu x %zu; %.4g %% of the interaction tensor (of its square) is antisymmetric: no input shows it\n", net->nodes[net->output].width, net->width_in, net->width_in, 100 * share);
}

void write_info(struct text *out, const struct model *m, bool all_ranks) {
    double work = all_ranks ? INFINITY : RANK_WORK;
    const struct net *net = &m->net;
    text_addf(out, "file      %s\nsha256    %s\n", m->path, m->file_sha256);
    if (m->config_sha256[0]) text_addf(out, "config    sha256 %s\n", m->config_sha256);
    text_addf(out, "format    %s\nfamily    %s\nnet       %s%s\n", m->checkpoint.format ? m->checkpoint.format : "net", m->family ? m->family : "net",
              net->sha256[0] ? "sha256 " : "not written out for a file of this size, convert does", net->sha256);
    add_input(out, net);
    text_addf(out, "output    %s, %zu entries%s\n", net->nodes[net->output].name, net->nodes[net->output].width, net->n_ctx == 1 ? "" : " a position");
    add_forms(out, net);
    text_add(out, "size      ");
    if (net_layers(net)) text_addf(out, "%zu layer(s)", net_layers(net));
    for (size_t l = 0; l < net_layers(net); l++) text_addf(out, "%s%zu", l ? ", " : "; heads: ", net_heads(net, l));
    const char *wide = net_not_binary32(net);
    text_addf(out, "%s%zu parameters\nbinary32  %s%s\n", net_layers(net) ? "; " : "", parameters(m), wide ? "no: " : "yes, every weight", wide ? wide : "");
    if (m->n_facts) text_add(out, "\nconfiguration\n");
    for (size_t i = 0; i < m->n_facts; i++)
        text_addf(out, "  %-26s %-10s %s\n", m->facts[i].key, m->facts[i].value, m->facts[i].how);
    text_add(out, "\ntensors\n");
    for (size_t i = 0; i < net->n_tensors; i++) add_tensor(out, m, &net->tensors[i], &work);
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

static void add_facts_json(struct text *out, const struct model *m, const struct tensor *t, double *work) {
    static const char *const kinds[] = {[RANK_NONE] = "none", [RANK_EXACT] = "exact", [RANK_AT_LEAST] = "at least"};
    struct tensor_facts f;
    if (tensor_facts(&f, t, work) != STATUS_OK) {
        out->failed = true;
        return;
    }
    text_addf(out, ", \"dtype\": \"%s\", \"from\": ", dtype_of(m, t));
    write_json_string(out, t->source.of);
    if (t->rank >= 2) text_addf(out, ", \"rank\": {\"known\": \"%s\", \"least\": %zu, \"most\": %zu}", kinds[f.rank], f.rank_least, f.rank_most);
    text_add(out, ", \"norm\": [");
    text_add_double(out, f.norm_lo);
    text_add(out, ", ");
    text_add_double(out, f.norm_hi);
    text_add(out, "], \"largest\": {\"value\": ");
    text_add_double(out, f.largest);
    text_add(out, ", \"index\": [");
    add_index(out, t, f.largest_at);
    text_add(out, "]}}");
}

static void add_tensors_json(struct text *out, const struct model *m, double *work) {
    text_add(out, "  \"tensors\": [");
    for (size_t i = 0; i < m->net.n_tensors; i++) {
        text_addf(out, "%s\n    {\"name\": \"%s\", \"shape\": [", i ? "," : "", m->net.tensors[i].name);
        add_shape(out, &m->net.tensors[i], ", ");
        text_add(out, "]");
        add_facts_json(out, m, &m->net.tensors[i], work);
    }
    text_add(out, "\n  ],\n  \"nodes\": [");
    for (size_t i = 0; i < m->net.n_nodes; i++)
        text_addf(out, "%s\n    {\"name\": \"%s\", \"op\": \"%s\", \"width\": %zu}", i ? "," : "", m->net.nodes[i].name,
                  op_table[m->net.nodes[i].op].name, m->net.nodes[i].width);
    text_add(out, "\n  ],\n");
}

void write_info_json(struct text *out, const struct model *m, bool all_ranks) {
    double work = all_ranks ? INFINITY : RANK_WORK;
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
    add_tensors_json(out, m, &work);
    text_add(out, "  \"ignored\": [");
    for (size_t i = 0; i < m->n_ignored; i++) {
        text_add(out, i ? ", " : "");
        write_json_string(out, m->ignored[i]);
    }
    text_add(out, "],\n  \"schema\": 1\n}\n");
}
