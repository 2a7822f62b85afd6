/* lanes: rows for several tokens at one position, as one batch. Sequences that are walked in order differ in the token at their fastest position; a row that depends on it
 * is computed for the tokens that stood there under the prefix before this one, each matrix multiplied by all rows of the batch at once. Such a row carries one bound on the
 * Euclidean length of its errors (docs/methods.md, "Rows in batches"). What was not asked for in the end costs time only. Over the reals, tokens, no replaced rows. */
#ifndef WEIGHTPROOF_MODELS_LANES_H
#define WEIGHTPROOF_MODELS_LANES_H
#include "models/runstate.h"
#include "core/product.h"

#define LANES_MOST 32

/* The lanes of a position: its tokens, which of them was asked for, what the other tokens were (serial), and a number that no batch before had. */
struct batch { int token[LANES_MOST]; bool used[LANES_MOST]; size_t n, at, length; uint64_t tag, serial; };
/* Rows of a node by position and lane, [rows][most]; of a node that only one other reads, in the same row, of one position at a time. norm: upper bound of a row's length. */
struct lane_rows { double *mid, *rad, *norm; uint64_t *tag; size_t *row; size_t rows; };
struct lane_view { const double *mid; double rad, norm; };
struct lanes {
    size_t most, words;
    uint64_t *seen, *before, *likely;   /* [n_ctx][words]: tokens at a position since one in front of it changed, in the time before, and in the two times before */
    size_t *choices;                /* [n_ctx]: how many are likely */
    uint64_t *moved, serial, tags;  /* [n_ctx]: serial at which a token changed last */
    struct batch *batch;            /* [n_ctx] */
    struct lane_rows *rows;         /* [n_nodes] */
    struct product_matrix *matrix;  /* [n_nodes]: of linear nodes */
    bool *single;                   /* [n_nodes]: see lane_rows */
    struct lane_view *view, *other; const double **x, **row;   /* [most]; row: [n_ctx] */
    struct lane_view *source; double *spare;            /* [n_ctx]; [4 most n_ctx + 2 widest], of which zeros: [most n_ctx], for nothing else */
    double *zeros;
    size_t made, used, pause;       /* lanes, those that were asked for; sequences to go without */
};

/* One node's row in work: y [n][width], its radii and lengths. */
struct lane_job { struct run *r; struct lanes *z; const struct batch *b; const struct node *v; size_t node, row, width, n; double *y, *rad, *norm; };
typedef bool lane_kernel(const struct lane_job *j);   /* false: no memory */
extern lane_kernel *const lane_kernels[OP_COUNT];     /* NULL: none */

/* NULL: the network has what there is no kernel for, or is too large. */
struct lanes *lanes_new(const struct run *r);
void lanes_free(struct lanes *z, size_t n_nodes);
/* The token at `first` has changed, those in front of it have not. */
void lanes_moved(struct lanes *z, const struct run *r, size_t first);
/* Somebody outside reads this node: rows of all positions are kept. */
void lanes_asked(struct run *r, size_t node);
/* The row of the sequence that the run stands on, from a batch. False: none; then the other kernels serve. */
bool lanes_row(struct run *r, size_t node, size_t row, double *mid, double *rad);

/* For the kernels (lanes.c). */
bool lane_depends(const struct run *r, const struct batch *b, size_t node, size_t row);
struct lane_view lane_view(const struct lane_job *j, size_t node, size_t row, size_t lane);
const struct product_matrix *lane_matrix(const struct lane_job *j, size_t node);
#endif
