/* fast_lanes: rows of a look between the two of fast.h and fast_wide.h, made for several sequences at once (lanes), so that a matrix is read once for all of them. Only over the reals.
 * A row is a block of 32-bit integers m with one scale 2^-F (frow.m, frow.F). Its Euclidean length is at most `most` < 2^31; every entry of the true row is within rad, and all errors together have at most
 * the length rad2, in units 2^-F. Columns of matrices are shorter than 2^31 too, so that every sum of products, and every part of one, is below 2^62 (Cauchy and Schwarz), however many terms it has. */
#ifndef CHECK_FAST_LANES_H
#define CHECK_FAST_LANES_H
#include "fast_wide.h"

#define LANES 16
#define LENGTH_MOST (((int64_t)1 << 31) - 1)
#define LANE_SCALE_MOST 60
#define LANE_RADIUS_MOST ((int64_t)1 << 40)

/* A matrix at 2^-F, rounded to the nearest, in panels of 8 columns (panel[(j / 8 * rows + k) * 8 + j % 8]); norm: no less than the spectral norm of the true one, column: than the length of its longest
 * column; what the roundings take: off, all entries, off_column, one column, as lengths in units 2^-F 2^-16. gain: weights of a norm, within 0..1 below the true ones, at most `most` in size.
 * bias_most: of the bias of wweight. */
struct lweight { int32_t *panel, *gain; int F; uint32_t rows, cols; int64_t norm, column, off, off_column, most, bias_most; };

/* Rows that read the same positions: lanes that agree there have one row. of[lane]: which; lane[slot]: a lane that has it. kept: as in the last batch, where there was one for all. */
struct lclass { uint64_t reads; uint32_t slots; unsigned char of[LANES], lane[LANES]; bool kept; };
/* Row i of a node, by slot; NULL: not available. */
struct lblock { uint32_t of_class; bool made; struct frow *row[LANES], own[LANES]; int32_t *room; };

/* Exponentials of a score node whose queries and keys are rows of single tokens, at 2^-48: of the scores of row i and its token, less the largest of them, by source and token: at[(i * vocab + token) * n * vocab + j * vocab + t].
 * rad, by row and token: of these scores; 0: not made yet, -1: not available. */
struct lexps { int64_t *at, *rad; bool none; };

struct lanes {
    bool able;                    /* every node is of a kind that is known here */
    uint32_t many;                /* sequences of this batch */
    int64_t *tokens, *before;     /* [LANES * n], of the last batch's first lane [n] */
    uint32_t last;                /* the lane that was asked for last */
    struct lclass *classes; uint32_t n_classes;
    struct lblock *blocks;        /* [n_nodes * n] */
    struct frow **table;          /* by token-only node: [n * vocab] rows, known or failed */
    struct lweight *weight;       /* by node */
    struct lexps *exps; uint64_t exps_made; /* by node; entries of all tables */
    bool *ready;                  /* nodes whose rows can be made */
    int64_t *acc; uint32_t acc_n; /* LANES rows in the making */
};

/* fast_lanes.c */
bool lanes_set(struct fnet *w, const int64_t *const *tokens, uint32_t many);       /* the sequences of a batch, at most LANES; false: none of this network */
struct frow *lanes_output(struct fnet *w, const int64_t *tokens, uint32_t row);    /* of a sequence of the batch; NULL: not available */
struct frow *lanes_row(struct fnet *w, int node, uint32_t i, uint32_t lane);
struct frow *lanes_token_row(struct fnet *w, int node, uint32_t i, int64_t token); /* of a node that is token-only */
void lanes_free(struct fnet *w);
/* fast_lanes_rows.c. Arguments are made before. */
bool lanes_weights(struct fnet *w, int node);
/* acc at 2^-F, below 2^62 and no larger than `largest`: each entry is within err, all errors together have at most the length err2 */
bool lanes_store(struct frow *r, const int64_t *acc, uint32_t n, int F, int64_t largest, __int128 err, __int128 err2);
void lanes_linear(struct fnet *w, int node, uint32_t i, const struct lclass *c, struct lblock *b); /* of all slots */
bool lanes_make(struct fnet *w, int node, uint32_t i, uint32_t lane, struct frow *out);            /* of one, any other node */
bool lanes_takes(const struct node *x);                                                             /* is it of a kind that these rows are made of? */
/* fast_lanes_attention.c */
bool lanes_pattern(struct fnet *w, const struct node *x, uint32_t i, uint32_t lane, struct frow *out);
bool lanes_mix(struct fnet *w, const struct node *x, uint32_t i, uint32_t lane, struct frow *out);
/* fast_lanes_smooth.c: gelu, gelu_new, silu, tanh, sigmoid */
bool lanes_smooth(struct fnet *w, const struct node *x, struct frow *out, const struct frow *in);
#endif
