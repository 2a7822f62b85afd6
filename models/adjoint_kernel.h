/* adjoint_kernel: one row of one node in the reverse pass. Internal to models/adjoint*.c.
 * prepare computes, from the enclosures of the rows that are read (and of the row itself), what the reverse pass needs: bounds of the row's own
 * roundings and enclosures of the derivatives. reverse takes the adjoint of the row, adds own rounding times adjoint to the bounds and sends the
 * adjoint on to the rows that are read. An adjoint entry is [batch] pairs M +- R, one for each entry of the target in work. */
#ifndef WEIGHTPROOF_MODELS_ADJOINT_KERNEL_H
#define WEIGHTPROOF_MODELS_ADJOINT_KERNEL_H
#include "models/adjoint.h"
#include "models/rows_kernel.h"
#include "models/runstate.h"

#define ADJOINT_BATCH 32
#define ADJOINT_SCALARS 4
enum { ADJOINT_NONE, ADJOINT_READY, ADJOINT_TIGHT };

struct adjoint_run {
    const struct net *net;
    struct run *run, *real;             /* float32 with tightened radii; the true values */
    struct ball_run *exact;             /* the true values where doubles enclose them badly; made when it is needed */
    bool given;                         /* has it the input? */
    double *truth;                      /* [2][widest] */
    bool *bent;                         /* [n_nodes]: does an operation that is not linear read it? */
    size_t *first;                      /* [n_nodes]: where its rows' entries begin */
    size_t batch;                       /* entries of a target in work at once */
    double *M, *R;                      /* [entries][batch] */
    unsigned char *touched, *needed;    /* [n_nodes][n_ctx]: has an adjoint in this pass; is read by the target */
    unsigned char *state, *cut;         /* [n_nodes][n_ctx]: as above; no derivative is known: its whole error counts */
    double *local, *c, *rc, *d, *rd;    /* [entries]: own rounding and remainder; two intervals, meaning by operation */
    double *error;                      /* [entries]: bounds of |z' - z| */
    double wide;                        /* 1: adjoints enclose derivatives on the enclosures; 0: they are those of the middle */
    double *scalars;                    /* [n_nodes][n_ctx][ADJOINT_SCALARS] */
    size_t *source, *order;             /* [n_ctx]; [widest]: 0, 1, 2 ... */
    double *work, *scratch;             /* [8][widest]; for row kernels, [4 (widest + 2)] */
    double *slack;                      /* [widest][batch] */
    size_t widest;
    double bound[ADJOINT_BATCH];
};

struct adjoint_job {
    struct adjoint_run *a; const struct node *node;
    size_t row, width, batch, sources; const size_t *source;   /* width: entries of the row in use; source: allowed sources, ascending */
    double *local, *c, *rc, *d, *rd, *scalar, *error, wide;
    const double *M, *R;                                       /* [width][a->batch] */
    struct row_view own;
    struct rounding f;
    unsigned char *cut;
};
typedef void adjoint_kernel(const struct adjoint_job *j);
struct adjoint_cell { adjoint_kernel *prepare, *reverse; };

/* The row of an input that is read, and its adjoint, which begins at 0 in each pass. */
struct row_view adjoint_view(const struct adjoint_job *j, size_t node, size_t row);
/* [width]: bounds of |z' - z| for that row. */
const double *adjoint_error(const struct adjoint_job *j, size_t node, size_t row);
void adjoint_of(double **M, double **R, const struct adjoint_job *j, size_t node, size_t row);

/* Past the roundings of a sum of n non-negative terms. */
static inline double adjoint_up(double x, size_t n) { return x * (1 + (double)(n + 16) * 0x1p-52) + LOW; }

/* (m +- r) += (c +- rc)(M +- R), batch by batch. */
static inline void adjoint_send(double *m, double *r, const double *M, const double *R, double c, double rc, size_t batch)
{
#pragma omp simd
    for (size_t b = 0; b < batch; b++) {
        double x = c * M[b], y = fabs(c) * R[b] + rc * (fabs(M[b]) + R[b]);
        m[b] += x;
        r[b] = (r[b] + y) * (1 + 0x1p-48) + 0x1p-51 * (fabs(x) + fabs(m[b])) + LOW;
    }
}

/* bound += |adjoint| local, entry by entry */
static inline void adjoint_charge(const struct adjoint_job *j, const double *M, const double *R, double local)
{
    for (size_t b = 0; b < j->batch; b++) j->a->bound[b] += (fabs(M[b]) + R[b]) * local;
}

static inline double entry_size(struct row_view x, size_t e) { return fabs(x.mid[e]) + x.rad[e]; }

/* Ends of an interval as midpoint and radius. */
static inline void adjoint_hull(double *c, double *rc, double lo, double hi)
{
    *c = lo / 2 + hi / 2;
    *rc = (hi / 2 - lo / 2) * (1 + 0x1p-48) + 0x1p-51 * (fabs(lo) + fabs(hi)) + LOW;
}

#define CELL(name) adjoint_kernel prepare_##name, reverse_##name;
CELL(add) CELL(linear) CELL(heads) CELL(matmul) CELL(row) CELL(select) CELL(concat) CELL(sub)
CELL(score) CELL(softmax) CELL(mix) CELL(bilinear) CELL(rowsoftmax) CELL(layernorm) CELL(rmsnorm)
CELL(slope) CELL(mul) CELL(div) CELL(larger) CELL(maxpool)
#undef CELL
#endif
