/* num: a number of a claim: an exact integer or rational, or a real known by an enclosure lo <= x * 2^p <= hi (p fractional bits).
 * Every function with a real result encloses all values that its arguments' enclosures allow: lower ends are rounded down,
 * upper ends up. The same p must be used for all numbers of an evaluation. */
#ifndef CHECK_NUM_H
#define CHECK_NUM_H
#include "base.h"
#include "net.h"
#include <gmp.h>

enum tri { NO = 0, YES = 1, OPEN = 2 };
enum tri tri_not(enum tri a);
enum tri tri_and(enum tri a, enum tri b);
enum tri tri_or(enum tri a, enum tri b);

enum kind { K_INT, K_RAT, K_REAL };

/* Two numbers with the same tag (run != 0) are the same real number: the same entry, or a twin of it, of one run of a network. */
struct tag { uint32_t run, node, row, col; };

struct num { enum kind kind; struct tag tag; mpq_t q; }; /* K_REAL: numerator lo, denominator hi; used as two integers */
#define LO(x) mpq_numref((x)->q)
#define HI(x) mpq_denref((x)->q)

void num_init(struct num *x);
void num_clear(struct num *x);
struct num *nums_new(size_t n);
void nums_free(struct num *x, size_t n);                           /* x may be NULL */
bool num_exact(const struct num *x);                                               /* K_INT or K_RAT */
bool num_same(const struct num *a, const struct num *b);                           /* reals with one tag: the same number */
/* Equal exact numbers of one type, or reals with equal enclosures that are known to be the same number (one tag, or no tag and one point).
 * Whatever is computed from one then encloses what is computed from the other, tags included. */
bool num_identical(const struct num *a, const struct num *b);
void num_set_int(struct num *x, int64_t v);
void num_set_mpq(struct num *x, mpq_srcptr q);          /* K_INT when the denominator is 1 */
void num_set_dyadic(struct num *x, struct dyadic v);    /* K_RAT */
void num_set_between(struct num *x, mpq_srcptr lo, mpq_srcptr hi, unsigned p); /* K_REAL, lo <= hi */
void num_copy(struct num *x, const struct num *a);
void num_to_real(struct num *x, const struct num *a, unsigned p);
void num_add(struct num *x, const struct num *a, const struct num *b, unsigned p);
void num_sub(struct num *x, const struct num *a, const struct num *b, unsigned p);
void num_mul(struct num *x, const struct num *a, const struct num *b, unsigned p);
bool num_div(struct num *x, const struct num *a, const struct num *b, unsigned p); /* false: divisor not proved non-zero */
void num_neg(struct num *x, const struct num *a);
void num_abs(struct num *x, const struct num *a, unsigned p);
void num_max(struct num *x, const struct num *a, const struct num *b, unsigned p);
void num_min(struct num *x, const struct num *a, const struct num *b, unsigned p);
void num_hull(struct num *x, const struct num *a, const struct num *b, unsigned p);
void num_square(struct num *x, const struct num *a, unsigned p);
bool num_sqrt(struct num *x, const struct num *a, unsigned p);                     /* false: not proved >= 0 */
bool num_exp(struct num *x, const struct num *a, unsigned p);                      /* false: argument above 2^14 */
bool num_tanh(struct num *x, const struct num *a, unsigned p);
bool num_erf(struct num *x, const struct num *a, unsigned p);
bool num_sigmoid(struct num *x, const struct num *a, unsigned p);                  /* 1 / (1 + exp(-x)) */
void num_pi(struct num *x, unsigned p);
void num_cos(struct num *x, const struct num *a, unsigned p);                      /* circle.c, and so the next two */
void num_sin(struct num *x, const struct num *a, unsigned p);
bool num_log(struct num *x, const struct num *a, unsigned p);                      /* false: not proved > 0 */
enum tri num_lt(const struct num *a, const struct num *b, unsigned p);
enum tri num_le(const struct num *a, const struct num *b, unsigned p);
enum tri num_eq(const struct num *a, const struct num *b, unsigned p);
bool num_int64(const struct num *a, int64_t *v);        /* K_INT that fits */
#endif
