/* net: a network as a graph over the operation table (op.def); NETWORK.md is the meaning. */
#ifndef WEIGHTPROOF_MODELS_NET_H
#define WEIGHTPROOF_MODELS_NET_H
#include <stddef.h>
#include <stdbool.h>
#include "models/tensor.h"
#include "core/text.h"

enum op {
#define OP(code, name, ...) OP_##code,
#include "models/op.def"
#undef OP
    OP_COUNT
};
struct op_info { const char *name; const char *meaning; };
extern const struct op_info op_table[OP_COUNT];

/* A tensor argument: the whole tensor, or slice h of it. k rows (1 for a vector), m columns; data points into the tensor. */
struct weight { size_t tensor; long slice; /* -1: whole */ size_t k, m; const double *data; };
struct node {
    char *name; enum op op;
    size_t *inputs; size_t n_inputs;   /* earlier nodes */
    struct weight w[2]; size_t n_w;    /* matrix, bias; layernorm: w, b; heads: bias only; rmsnorm: w; the one vector or table of the others */
    size_t arg[4], n_args;             /* integers: score d (under the root), row i, topk c, rowsoftmax g, matmul B A K C */
    size_t width;                      /* 0: as wide as the sequence is long (score, softmax, bilinear) */
};
struct net {
    size_t d_vocab, n_ctx;                     /* d_vocab 0: inputs are rows of width_in real numbers */
    size_t width_in;                           /* 0: inputs are tokens */
    bool causal; long pad;                     /* token that is never a source, -1: none. Whoever builds a net sets it */
    double eps;
    struct tensor *tensors; size_t n_tensors;  /* sorted by name */
    struct node *nodes; size_t n_nodes;
    size_t output;
    char sha256[65];                           /* of the .net text; "" where only shapes were read */
};
enum status net_read(struct net *out, const char *path, struct diag *d) MUST_USE;      /* a .net file */
enum status net_parse(struct net *out, const char *name, const char *text, size_t size, struct diag *d) MUST_USE;
enum status net_write(struct text *out, const struct net *net) MUST_USE;              /* canonical; net_parse(net_write(x)) is x */
enum status net_identify(struct net *net) MUST_USE;   /* fills sha256: that of the canonical text, which is never whole in memory */
void net_clear(struct net *net);
long net_node(const struct net *net, const char *name);   /* index or -1 */
long net_tensor(const struct net *net, const char *name);
/* Is every entry a binary32 number (what float32 claims ask)? name of the first tensor that is not, or NULL. */
const char *net_not_binary32(const struct net *net);
/* Structure for claims: layers and heads found by hook names (NETWORK.md §4). */
size_t net_layers(const struct net *net);
size_t net_heads(const struct net *net, size_t layer);
#endif
