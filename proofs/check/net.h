/* net: strict reader of a canonical network file (proofs/NETWORK.md §1-§3). */
#ifndef CHECK_NET_H
#define CHECK_NET_H
#include "base.h"
#include <gmp.h>

/* An exact dyadic number m * 2^e, m odd or 0 (then e is 0). */
struct dyadic { int64_t m; int e; };

/* A tensor: n = product of d[0..rank-1] entries in row-major order; x[i] = entry i times 2^scale, exactly. */
struct tensor { char *name; int rank; uint32_t d[3]; size_t n; struct dyadic *v; mpz_t *x; unsigned scale; bool used; };

enum op { OP_EMBED, OP_POSITION, OP_ADD, OP_LINEAR, OP_LAYERNORM, OP_SCORE, OP_SOFTMAX, OP_MIX, OP_HEADS, OP_RELU, OP_GELU, OP_GELU_NEW, OP_SILU, OP_COUNT };

/* A matrix or vector argument: part of a tensor that starts at entry `at`; rows is 1 for a vector; t == NULL: absent. */
struct weight { struct tensor *t; size_t at; uint32_t rows, cols; };

/* width 0: the width is the length of the sequence (score, softmax). twin[j] (linear): the first column equal to column j. */
struct node { char *name; enum op op; int *args; int n_args; struct weight w, b; uint32_t width, d; uint32_t *twin; };

struct net {
    char sha256[65];
    uint32_t vocab, ctx;
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
int net_find(const struct net *n, const char *name);                 /* node index or -1 */
struct tensor *net_tensor(const struct net *n, const char *name);    /* or NULL */
void dyadic_mpq(mpq_t out, struct dyadic x);
#endif
