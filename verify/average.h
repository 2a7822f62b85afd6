/* average: averages of one linear form, or of `if P then a else b` with numbers a and b, over classes of sequences (docs/methods.md,
 * "Averages"; FORMAT.md, separable 7). Private to the engines separable and count. */
#ifndef WEIGHTPROOF_VERIFY_AVERAGE_H
#define WEIGHTPROOF_VERIFY_AVERAGE_H
#include "verify/count.h"

/* An average of `if P then a else b`, P of the network, a and b numbers: it is that of how often P holds. */
bool average_counts(const struct statement *s);
/* |a - b| of such an average: how much the value moves with the fraction. */
void average_step(mpq_t out, const struct statement *s);
/* Its value, from the numbers of the outcome. */
void average_of_count(struct outcome *out, const struct statement *s);

/* The sum of the value over the sequences of all classes is in [lo, hi]; the ends leave a checker room for its own rounding. expired: time was up, and
 * what was not looked at is in [lo, hi] by the largest size of a value. */
struct average { mpq_t lo, hi; mpz_t done; bool expired; };
void average_init(struct average *a);
void average_clear(struct average *a);
/* The value of a class is its one line, or, with a rule, the smallest or largest of its lines (average_parts.c). Fewer than 2^125 sequences in all. STATUS_UNSUPPORTED: a sum of
 * attention weights is too small beside the largest weight of its query. */
enum status problem_average(struct average *out, struct problem *p, const struct count_rule *rule, const struct limits *l) MUST_USE;

/* Scratch of the tables of a part (average_tables.c). */
struct above_tables { double *T, *kernel, *least, *above, *share, *psi, d, offset, tau, Z_most; size_t *at, *range, *width, *step, room_T, room_kernel, room_at, room_share, room_psi; };
void above_tables_clear(struct above_tables *t);

/* adder: one thread's numbers for one class with one query token. */
struct adder {
    struct cell cell;
    struct edges edges;         /* of the part of the cell that is looked at */
    double **exps;              /* by node, then token: e^(-s w) of the query; NULL: not asked for yet */
    unsigned char *made; int query;
    double *y, *P, *Q;          /* s w G e^(-s w) by token; by state */
    int *heaviest;              /* by state: the exponent of the heaviest token that every completion has at least */
    size_t room_states, room_P, room_Q;
    struct average *sum;
    const struct limits *limits;
    const struct count_rule *rule;
    struct above_tables above;
    bool expired;
};
/* The mean of X^+ / Z over the part, X the sum of term[cell] over the positions, is in [out[0], out[1]]: by tables of `bins` bins. */
enum status above_mean(double out[2], struct above_tables *t, struct adder *a, const double *term, double Z_least, size_t bins) MUST_USE;
/* e^(-s w) of every token, s = 2^(k/2); NULL: no memory */
const double *adder_exps(struct adder *a, int k);
/* Adds `sign` times the sum of a line over the part, and the room around it, to a->sum. false: a sum of weights is too small, or a value too large. */
bool adder_sum(struct adder *a, size_t line, int sign);
/* float32: the largest error of a logit at the row by exact weights, over all query tokens: a checker has one bound for all of them. */
double average_delta(const struct problem *p);
double average_unit(const struct cell *x);                      /* of a line: the radius of a checker's G, which is an integer at 2^-40 */
/* Adds the sum of the smallest (largest) line over the cell that is loaded. */
enum status adder_parts(struct adder *a) MUST_USE;
#endif
