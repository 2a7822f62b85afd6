/* bounds_kernel: one row of one node from intervals of the rows that it reads. Internal to models/bounds*.c. */
#ifndef WEIGHTPROOF_MODELS_BOUNDS_KERNEL_H
#define WEIGHTPROOF_MODELS_BOUNDS_KERNEL_H
#include <math.h>
#include "models/bounds.h"
#include "models/runstate.h"

struct ends { const double *lo, *hi; };
/* May a source be read: surely not, perhaps (it may be the padding token), surely? */
enum allowed { ALLOWED_NOT, ALLOWED_MAYBE, ALLOWED_SURELY };
struct bound_job {
    struct bounds *b; const struct net *net; const struct node *node;
    size_t row, sources;              /* position; sources that the mask lets through, those of the padding token among them */
    const struct ends *in;            /* as struct row_job: score q_i, k_0 ...; mix p_i, v_0 ...; heads: what a linear input reads */
    const struct weight *const *W;    /* heads: the matrices of linear inputs */
    const unsigned char *allowed;     /* [sources] */
    double *lo, *hi, *scratch;        /* scratch: 8 (w + 2) entries, w the widest row or n_ctx */
    struct rounding f;
};
typedef void bound_kernel(const struct bound_job *job);

#define OP(code, name, evaluate, enclose, bound, ...) void bound_##bound(const struct bound_job *j);
#include "models/op.def"
#undef OP

/* The hull of scores of row `row` and source over tokens, from rows that depend on one token each; false: they do not, or too many pairs. */
bool bounds_score_pairs(double *lo, double *hi, const struct bound_job *j, size_t source);

/* Outward, past the rounding of one operation with result x. */
static inline double step_down(double x) { return x - (fabs(x) * 0x1p-51 + 0x1p-1050); }
static inline double step_up(double x) { return x + (fabs(x) * 0x1p-51 + 0x1p-1050); }
static inline double larger_size(double lo, double hi) { return fabs(lo) > fabs(hi) ? fabs(lo) : fabs(hi); }
static inline bool is_known(double lo, double hi) { return lo > -INFINITY && hi < INFINITY; }

/* n monotone binary32 roundings of a value in [lo, hi]; a sign is kept. Nothing is known where it could overflow. */
static inline void round_ends(double *lo, double *hi, struct rounding f, unsigned n)
{
    if (!(f.u > 0)) return;
    double grow = (n == 1 ? 1 : n + 1) * f.u * (1 + 0x1p-30), flat = n * f.eta, a = *lo - (fabs(*lo) * grow + flat), b = *hi + (fabs(*hi) * grow + flat);
    bool fits = larger_size(*lo, *hi) < 0x1p126;
    *lo = !fits ? -INFINITY : *lo >= 0 && a < 0 ? 0 : step_down(a);
    *hi = !fits ? INFINITY : *hi <= 0 && b > 0 ? 0 : step_up(b);
}

/* [lo, hi] of a product. */
static inline void product_ends(double *lo, double *hi, double a, double b, double c, double d)
{
    double p = a * c, q = a * d, r = b * c, s = b * d;
    double least = fmin(fmin(p, q), fmin(r, s)), most = fmax(fmax(p, q), fmax(r, s));
    bool known = is_known(a, b) && is_known(c, d);
    *lo = !known ? -INFINITY : least == 0 && (a >= 0 || b <= 0) && (c >= 0 || d <= 0) ? 0 : step_down(least);
    *hi = !known ? INFINITY : step_up(most);
}
/* [lo, hi] of a square. */
static inline void square_ends(double *lo, double *hi, double a, double b)
{
    double most = larger_size(a, b), least = a > 0 ? a : b < 0 ? -b : 0, down = step_down(least * least);
    *lo = !is_known(a, b) ? -INFINITY : down > 0 ? down : 0;
    *hi = !is_known(a, b) ? INFINITY : step_up(most * most);
}
#endif
