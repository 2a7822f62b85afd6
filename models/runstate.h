/* runstate: what a run keeps. Internal to run.c, fold*.c and lanes*.c. */
#ifndef WEIGHTPROOF_MODELS_RUNSTATE_H
#define WEIGHTPROOF_MODELS_RUNSTATE_H
#include <stdint.h>
#include "models/memo.h"
#include "models/rows.h"
#include "models/turn.h"

/* Where its rows are: in the tensor, by token, by position, or its only one; as given; in a table by position and token; one a position. */
enum keep { KEEP_TENSOR_TOKEN, KEEP_TENSOR_ROW, KEEP_TENSOR, KEEP_INPUT, KEEP_TABLE, KEEP_ROWS };
struct slot {
    enum reach reach; enum keep keep;
    size_t width;             /* stored entries of a row */
    double *mid, *rad;
    unsigned char *have;      /* KEEP_TABLE: [n_ctx][d_vocab] */
    uint64_t *stamp;          /* KEEP_ROWS: clock at which a row was computed, 0 never */
    unsigned char *replaced;  /* [n_ctx] or NULL */
    struct fold *fold; bool no_fold;
    struct scores *scores; bool no_scores;   /* of a softmax: exponentials by token */
};
struct run {
    const struct net *net;
    struct turned *turned; size_t output;   /* NULL, or net is its network, and rows of node output are those of its output, while none is replaced */
    struct rounding f;
    int *tokens; size_t n;
    double *given, *given_rad;            /* [n_ctx][width_in]: the input's rows, where inputs are real */
    size_t *source;                       /* [n_ctx]: allowed sources of the row in work */
    double *gathered;                     /* [4][n_ctx]: entries of allowed sources side by side */
    uint64_t clock, *since[REACH_COUNT];  /* [n_ctx]: when what a row depends on changed last */
    struct slot *slots;
    double *zeros;                        /* radii of tensor rows */
    double *scratch; struct row_view *in; const struct weight **W;
    size_t memory;                        /* bytes of tables */
    struct memo *memo;                    /* rows of the output, while none is replaced */
    struct lanes *lanes; size_t sequences;   /* rows in batches, after so many sequences */
    bool plain, patched;
};
#define LANES_AFTER 256
#define TABLE_BYTES ((size_t)256 << 20)

/* Makes the row exist. tok: the token at its position, which matters for tables only. */
void run_need(struct run *r, size_t node, size_t row, int tok);
static inline struct row_view run_view(const struct run *r, size_t node, size_t row, int tok)
{
    const struct slot *s = &r->slots[node];
    const struct node *v = &r->net->nodes[node];
    size_t at = row;
    if (s->keep == KEEP_TENSOR_TOKEN) return (struct row_view){ v->w[0].data + (size_t)tok * s->width, r->zeros };
    if (s->keep == KEEP_TENSOR) return (struct row_view){ v->w[0].data, r->zeros };
    if (s->keep == KEEP_INPUT) return (struct row_view){ r->given + row * s->width, r->given_rad + row * s->width };
    if (s->keep == KEEP_TENSOR_ROW) return (struct row_view){ v->w[0].data + row * s->width, r->zeros };
    if (s->keep == KEEP_TABLE) at = row * r->net->d_vocab + (size_t)tok;
    return (struct row_view){ s->mid + at * s->width, s->rad + at * s->width };
}
static inline bool run_replaced(const struct run *r, size_t node, size_t row)
{
    return r->slots[node].replaced && r->slots[node].replaced[row];
}

/* The linear node whose product a heads node takes into its own sum. */
bool run_is_part(const struct run *r, size_t node, size_t row);
/* Are its rows tables by position and token, or the same for all? */
bool run_token_only(const struct run *r, size_t node);
/* Weights of a softmax row from a table, each within *spread of itself and 2^-80 (fold_weights.c). NULL: no such table, or not good enough here. */
const double *run_weights(double *spread, struct run *r, size_t softmax, size_t row);
void scores_free(struct scores *t);

/* fold: rows that are linear in averaged token-only values, from tables (fold.c). False: not of that kind, or no room; then
 * the plain kernels serve. */
bool fold_row(struct run *r, size_t node, size_t row, double *mid, double *rad);
void fold_free(struct fold *f);
#endif
