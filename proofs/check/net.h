/* net: strict reader of a canonical network file (proofs/NETWORK.md §1-§3). */
#ifndef CHECK_NET_H
#define CHECK_NET_H
#include "base.h"
#include <gmp.h>

/* An exact dyadic number m * 2^e, m odd or 0 (then e is 0). */
struct dyadic { int64_t m; int e; };

/* A tensor: n = product of d[0..rank-1] entries in row-major order; x[i] = entry i times 2^scale, exactly. */
struct tensor { char *name; int rank; uint32_t d[3]; size_t n; struct dyadic *v; mpz_t *x; unsigned scale; bool used; };

enum op {
    OP_EMBED, OP_POSITION, OP_ADD, OP_LINEAR, OP_LAYERNORM, OP_SCORE, OP_SOFTMAX, OP_MIX, OP_HEADS, OP_RELU, OP_GELU, OP_GELU_NEW, OP_SILU,
    OP_INPUT, OP_ROW, OP_SELECT, OP_CONCAT, OP_CONSTANT, OP_SUB, OP_MUL, OP_DIV, OP_MAX, OP_MIN, OP_EXP, OP_SQRT, OP_ERF, OP_TANH, OP_SIGMOID,
    OP_JUMPRELU, OP_TOPK, OP_ROWSOFTMAX, OP_MAXPOOL, OP_MATMUL, OP_RMSNORM, OP_BILINEAR, OP_COUNT
};

/* A matrix or vector argument: part of a tensor that starts at entry `at`; rows is 1 for a vector; t == NULL: absent. */
struct weight { struct tensor *t; size_t at; uint32_t rows, cols; };

/* width 0: the width is the length of the sequence (score, softmax, bilinear). twin[j] (linear): the first column equal to column j.
 * d: the integers of the line (score d; row i; topk c; rowsoftmax g; matmul B A K C; maxpool: c, the number of entries compared).
 * index: entries of a select (width of them) or a maxpool (width * d[0]), each below the width of the argument. */
struct node { char *name; enum op op; int *args; int n_args; struct weight w, b; uint32_t width, d[4]; uint32_t *twin, *index; };

struct net {
    char sha256[65];
    bool reals;                  /* inputs are rows of in_width real numbers (vocab is 0); else tokens below vocab (in_width is 0) */
    uint32_t vocab, in_width, ctx;
    int64_t pad;                 /* sources with this token are not allowed; -1: none */
    bool causal, all_binary32;
    struct dyadic eps;
    struct tensor *tensors; size_t n_tensors;
    struct node *nodes; int n_nodes;
    int output;
    struct arena arena;
};

#define NET_MOST ((size_t)1 << 30)
bool net_read(struct net *out, const char *text, size_t n, struct fail *f);
void net_clear(struct net *n);
bool net_takes(const struct net *n, const int64_t *tokens, int64_t length); /* a network over tokens, which takes this sequence; n may be NULL */
int net_find(const struct net *n, const char *name);                 /* node index or -1 */
struct tensor *net_tensor(const struct net *n, const char *name);    /* or NULL */
const char *dyadic_parse(const char *s, size_t n, struct dyadic *out); /* a num of NETWORK.md §1: NULL, or why it is none */
bool dyadic_is_binary32(struct dyadic x);
void node_find_twins(struct arena *a, struct node *x);               /* fills twin of a linear node */
void dyadic_mpq(mpq_t out, struct dyadic x);
#endif
