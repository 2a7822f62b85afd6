/* value: what an expression is worth: integers, exact rationals over one common denominator, reals known by enclosures, or a truth
 * value; a scalar or an array of up to three axes, row-major. A value owns its buffers and keeps them from one evaluation to the
 * next, so that evaluating the same expression again allocates nothing. Private to the interpreter (verify/interp_*.c). */
#ifndef WEIGHTPROOF_VERIFY_VALUE_H
#define WEIGHTPROOF_VERIFY_VALUE_H
#include <fmpz.h>
#include <arb.h>
#include <math.h>
#include "core/status.h"
#include "verify/ast.h"
#include "verify/interp.h"

enum kind {
    KIND_UNKNOWN,  /* rests on an unsettled condition: nothing is known at this precision, not even the shape */
    KIND_INT, KIND_EXACT, KIND_REAL, KIND_TRUTH
};
struct site;
/* The entry or row of a network run that a real value is; site NULL: it is none. col -1: the whole row. */
struct origin { const struct site *site; size_t node, row; long col; };

struct value {
    enum kind kind;
    size_t rank, n, shape[3];      /* n: number of entries, 1 for a scalar */
    enum truth truth;              /* KIND_TRUTH */
    const long *ints;              /* KIND_INT */
    fmpz *num; fmpz_t den;         /* KIND_EXACT: num[i] / den, den > 0 */
    bool has_real;                 /* the enclosures below are filled: always for KIND_REAL, on demand for INT and EXACT */
    const double *mid, *rad;       /* tier 0; may point into a run */
    arb_srcptr balls;              /* tiers with a precision; likewise */
    struct origin origin;
    long *own_ints; size_t room_ints;
    size_t room_num;
    double *own_doubles; size_t room_doubles;
    arb_ptr own_balls; size_t room_balls;
};

void value_init(struct value *v);
void value_clear(struct value *v);
/* Shape; false when the number of entries overflows or is beyond VALUE_MAX. */
#define VALUE_MAX ((size_t)1 << 27)
bool value_shape(struct value *v, size_t rank, const size_t *shape);
/* After value_shape: makes the kind and returns room for n entries; NULL without memory. */
long *value_make_ints(struct value *v);
fmpz *value_make_exact(struct value *v);          /* den set to 1, num as left by the last use */
bool value_make_real(struct value *v, slong prec, double **mid, double **rad, arb_ptr *balls);
void value_set_truth(struct value *v, enum truth t);
void value_set_unknown(struct value *v);
bool value_set_int(struct value *v, long x);
bool value_set_number(struct value *v, const mpq_t q);   /* INT when it is a small integer */
bool value_copy(struct value *out, const struct value *a, slong prec);
/* A box of a: count[k] entries from first[k] on along axis k (of three; the missing ones have one entry). out has its shape already, of the same
 * number of entries, and is not a. What is known of a's entries as reals is copied along. */
bool value_box(struct value *out, const struct value *a, const size_t first[3], const size_t count[3], slong prec);
/* Fills has_real; KIND_UNKNOWN and KIND_TRUTH have none and give false, like a failed allocation. */
bool value_as_real(struct value *v, slong prec);
/* INT becomes EXACT in place. */
bool value_as_exact(struct value *v);
/* Exact scalars of the form integer / 1 in long range become INT. */
void value_simplify(struct value *v);
bool value_equal(const struct value *a, const struct value *b);   /* exact: the same numbers in the same order? */
bool value_is_exact(const struct value *v);       /* INT or EXACT */

/* Doubles with radii: each result encloses the operation on everything the operands enclose. */
struct real { double mid, rad; };
struct real real_add(struct real a, struct real b);
struct real real_sub(struct real a, struct real b);
struct real real_mul(struct real a, struct real b);
struct real real_div(struct real a, struct real b);   /* infinite radius when b may be 0 */
struct real real_abs(struct real a);
struct real real_sqrt(struct real a, bool never_negative);
/* The sign of a - b when it is settled: 1, -1 or 0 for not settled. NaN and infinity never settle. */
static inline int real_order(double am, double ar, double bm, double br) {
    double d = am - bm, r = (ar + br) * (1 + 0x1p-50);
    double slack = (d < 0 ? -d : d) * (1 - 0x1p-50);
    if (!(slack > r)) return 0;
    return d > 0 ? 1 : -1;
}
/* |max(x, y) - max(xm, ym)| <= max(xr, yr); when one is settled as the larger, its own radius is enough. */
static inline struct real real_max(struct real a, struct real b) {
    int order = real_order(a.mid, a.rad, b.mid, b.rad);
    if (order > 0) return a;
    if (order < 0) return b;
    if (!(a.rad < INFINITY) || !(b.rad < INFINITY)) return (struct real){0, INFINITY};
    return (struct real){a.mid > b.mid ? a.mid : b.mid, a.rad > b.rad ? a.rad : b.rad};
}
#endif
