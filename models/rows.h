/* rows: one row of one node, computed from finished rows. Two sets of kernels over the operation table: doubles with radii (rows.c) and
 * balls (rowsball.c). The kernels own nothing; run.c and ballrun.c keep the rows. The float32 terms are derived in docs/methods.md,
 * "Rounding"; NETWORK.md §5 says which executions they must cover. */
#ifndef WEIGHTPROOF_MODELS_ROWS_H
#define WEIGHTPROOF_MODELS_ROWS_H
#include <arb.h>
#include "models/net.h"
#include "models/run.h"

/* in: what the operation reads, in this order: score q_i, the keys of the allowed sources; mix p_i, their values; row the row asked for;
 * the others their inputs' row i. Rows over positions (scores, patterns) are handed in and out with the allowed sources only, side by side.
 * heads: where input h is a linear node whose result is not replaced, W[h] is its matrix and in[h] the row that it reads. */
struct row_job {
    const struct net *net; const struct node *node;
    size_t row, sources;         /* position; number of allowed sources, at least 1 */
    const struct row_view *in; const struct weight *const *W; const size_t *k;
    bool is_pattern;             /* mix: p_i is a softmax row, not a replaced one */
    bool replaced;               /* matmul: y_i is a replaced row */
    size_t k_in;                 /* width of the rows read: score q and k; layernorm and activations: own width */
    double *mid, *rad;           /* the result */
    double *scratch;             /* 4 (w + 2) entries, w the widest row of the network or n_ctx */
    struct rounding f;
};
typedef void row_kernel(const struct row_job *job);
extern row_kernel *const row_kernels[OP_COUNT];   /* NULL for rows that are stored: embed, position, constant, input */

/* One score: q . k over the root of d. */
void score_entry(double *s, double *rs, struct row_view q, struct row_view k, size_t width, size_t d, struct rounding f);

/* Source positions of row `row` in a sequence of n that the mask allows: the first row + 1, or all; of them the padding token's are not. */
static inline size_t row_sources(const struct net *net, size_t row, size_t n) { return net->causal ? row + 1 : n; }
/* Entries of a stored row: the width, n_ctx for score and softmax. */
size_t row_width(const struct net *net, size_t node);
/* Does the node read rows of other positions: score, softmax, mix, bilinear? */
static inline bool op_attends(enum op op) { return op == OP_SCORE || op == OP_SOFTMAX || op == OP_MIX || op == OP_BILINEAR; }
/* The allowed sources of a row in order; their number. */
static inline size_t row_allowed(size_t *source, const struct net *net, const int *tokens, size_t row, size_t n)
{
    size_t most = row_sources(net, row, n), count = 0;
    for (size_t s = 0; s < most; s++)
        if (net->pad < 0 || tokens[s] != net->pad) source[count++] = s;
    return count;
}
/* An upper bound of the longest path of the graph, for recursion. */
#define NET_DEPTH_MAX 2000
enum status net_depth(size_t *out, const struct net *net) MUST_USE;
/* Is round to nearest in force, are subnormal numbers kept? */
bool arithmetic_is_ieee(void);

struct ball_job {
    const struct net *net; const struct node *node;
    size_t row, sources;         /* as in row_job; embed: the token */
    const arb_srcptr *in;        /* as in row_job; input: the row given */
    const arb_srcptr *W; const size_t *k;  /* heads: matrices of the linear inputs (NULL: plain row) and their rows' width */
    const arb_srcptr *weights;   /* the node's own, as balls */
    bool is_pattern;
    size_t k_in, width;
    arb_ptr out;
    bool float32; slong prec;
};
typedef void ball_kernel(const struct ball_job *job);
extern ball_kernel *const ball_kernels[OP_COUNT];
/* The three smooth activations at a ball, real semantics: value at the midpoint, widened by the derivative's bound 77/64. */
void ball_activation(arb_t out, enum op op, const arb_t x, slong prec);
/* 1 / (1 + exp(-x)) */
void ball_logistic(arb_t y, const arb_t x, slong prec);
/* The derivative of exp, erf, gelu, gelu_new, silu, sqrt, tanh or sigmoid everywhere on a ball. */
void ball_slope(arb_t out, enum op op, const arb_t x, slong prec);
/* ball_value.c: the value of exp, sqrt, erf, tanh, sigmoid, gelu, gelu_new or silu */
void ball_value(arb_t out, enum op op, const arb_t x, slong prec);
#endif
