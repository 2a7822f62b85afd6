/* interp: the meaning of expressions, in two arithmetics: doubles with radii (tier 0, fast) and balls of a given precision.
 * One interp belongs to one thread. Network runs are cached by call site, so consecutive bindings share prefixes. */
#ifndef WEIGHTPROOF_VERIFY_INTERP_H
#define WEIGHTPROOF_VERIFY_INTERP_H
#include <fmpq.h>
#include <fmpq_vec.h>
#include "verify/statement.h"

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNSETTLED };

/* value: integer, rational, real, truth, or an array of them; real entries are (mid, rad) or balls by tier. */
struct value;
struct interp;
/* prec 0: doubles with radii; else balls of that many bits. */
enum status interp_new(struct interp **out, const struct statement *s, slong prec) MUST_USE;
void interp_free(struct interp *in);
void interp_bind_int(struct interp *in, int slot, long v);
void interp_bind_tokens(struct interp *in, int slot, const int *t, size_t n);
/* What is bound now: reads the binding back (for witnesses). false if the slot holds something else. */
bool interp_bound(const struct interp *in, int slot, const int **t, size_t *n, bool *is_int);
/* A run-time error (index out of range, empty max) is STATUS_INPUT with a message. */
enum status interp_truth(enum truth *out, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
enum status interp_real(arb_t out, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;       /* exact values too, rounded outward */
enum status interp_double(double *mid, double *rad, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
enum status interp_int(long *out, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
/* The entries of an exact value (integer or rational, a scalar or one axis) as a new vector, the caller's (_fmpq_vec_clear). STATUS_UNSUPPORTED
 * without a message when the value is none. */
enum status interp_exact(fmpq **out, size_t *n, bool *scalar, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
/* An array of up to three axes: exact numbers, or (with a precision) balls, n entries of one of both; the other is NULL. STATUS_UNSUPPORTED: a truth, or not known. */
struct interp_array { size_t rank, n, shape[3]; fmpq *exact; arb_ptr balls; };
enum status interp_array(struct interp_array *out, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
void interp_array_clear(struct interp_array *a);
/* Any value printed for a reader (eval, report): numbers, arrays, enclosures. */
enum status interp_show(struct text *out, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
/* The network of a model expression (with the tensors of replace and blend, nodes for the biases that the statement names) without its patches, steers and ablates, and that whose
 * norms are kept, where it says `ln = frozen` and has norms, else NULL. They live as long as in. */
enum status interp_networks(const struct net **net, const struct net **clean, struct interp *in, const struct expr *model, struct diag *d) MUST_USE;
/* interp_ablate.c: does this node write into the residual stream: embed, pos_embed, head(l, h), mlp(l)? */
bool writes_residual(const char *name);
/* interp_site.c: the run of a model expression, with its changes, on what `tokens` is now: its network, where a node of the base of that name stands in it
 * (-1: there is none), whether a change replaces a row, and rows, which are valid until something else is bound: balls of an interp with a precision, middles of one without. */
struct site;
enum status interp_site(struct site **out, struct interp *in, const struct expr *model, const struct expr *tokens, struct diag *d) MUST_USE;
const struct net *interp_site_net(const struct site *site);
long interp_site_node(const struct site *site, const char *name);
bool interp_site_replaces(const struct site *site, size_t node, size_t row);
arb_srcptr interp_site_row(struct site *site, size_t node, size_t row);
const double *interp_site_middles(struct site *site, size_t node, size_t row);
/* interp_gap.c: of two arrays of reals of one shape, for an interp of precision 0: the largest difference of an entry that is certain, at least g->least, raised when these
 * have a larger one: then row, entry and *larger are set. */
struct gap { double least; size_t row, entry; };
enum status interp_gap(struct gap *g, bool *larger, struct interp *in, const struct expr *a, const struct expr *b, struct diag *d) MUST_USE;
/* Slack of a predicate (CLAIMS.md §5), as a ball. */
enum status interp_slack(arb_t out, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
/* The same in doubles, for an interp of precision 0; mid may be +-infinity (decided without a network value). A settled sign settles the
 * predicate: slack > 0 makes it true, slack < 0 false. */
enum status interp_slack_double(double *mid, double *rad, struct interp *in, const struct expr *e, struct diag *d) MUST_USE;
/* Truth by growing precision: tier 0, then balls of 128, 256, 512, 1024 bits. `tiers` keeps the interps of one thread. */
struct tiers;
enum status tiers_new(struct tiers **out, const struct statement *s) MUST_USE;
void tiers_free(struct tiers *t);
struct limits;
void tiers_limit(struct tiers *t, const struct limits *l);   /* engine.h; evaluations end with STATUS_TIMEOUT inside a mean when they are up */
struct interp *tiers_fast(struct tiers *t);    /* bind here; higher tiers copy the binding when they are asked */
enum status tiers_truth(enum truth *out, struct tiers *t, const struct expr *e, struct diag *d) MUST_USE;
/* Enclosure with radius <= 2^-bits when precision allows; else the best there is. */
enum status tiers_real(arb_t out, struct tiers *t, const struct expr *e, long bits, struct diag *d) MUST_USE;

/* walk: all bindings of a list of binders, in lexicographic order. */
struct walk;
enum status walk_new(struct walk **out, const struct binds *b, struct interp *in, struct diag *d) MUST_USE;
void walk_free(struct walk *w);
/* Number of bindings of the independent outer product (image sets: of their binders, before their where). Upper bound for progress, range for splitting. */
void walk_size(mpz_t out, const struct walk *w);
/* Does walk_size count every binder (no set depends on an earlier name)? Then it bounds the number of bindings. */
bool walk_is_flat(const struct walk *w);
/* Next binding with index in [from, to) (as set by walk_range; default all): binds the slots. *more false at the end. */
void walk_range(struct walk *w, const mpz_t from, const mpz_t to);
/* What every binding is going to be tested for: the walk may leave out bindings for which it is false. */
void walk_condition(struct walk *w, const struct expr *where);
/* Has the walk itself found that condition true at the binding it is on? */
bool walk_has_tested(const struct walk *w);
/* Only sequences in this slot whose tokens do not fall from one of these positions (rising, below its length) to the next. They must outlive the walk. */
void walk_order(struct walk *w, int slot, const size_t *at, size_t n);
/* From the beginning of its range again; sets that depend on names bound outside are read anew. */
void walk_restart(struct walk *w);
enum status walk_next(bool *more, struct walk *w, struct diag *d) MUST_USE;
/* The next one for which `where` (NULL: always true) is not false; *open: it is not settled there. */
enum status walk_next_where(bool *more, bool *open, struct walk *w, const struct expr *where, struct diag *d) MUST_USE;
#endif
