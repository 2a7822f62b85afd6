/* rewrite: a network copied node by node into a new one, with changes. What process and interventions on whole networks build on. */
#ifndef WEIGHTPROOF_MODELS_REWRITE_H
#define WEIGHTPROOF_MODELS_REWRITE_H
#include <gmp.h>
#include "models/netbuild.h"

struct rewrite {
    const struct net *old;
    struct netbuild b;                 /* the new network; b.status holds the first failure */
    size_t *nodes, *tensors;           /* old number to new one; NETBUILD_NONE: not copied (yet) */
    double **numbers;                  /* per old tensor: new numbers for its copy, owned, or NULL */
};
enum status rewrite_begin(struct rewrite *r, const struct net *old, struct diag *d) MUST_USE;
/* The copy of an old tensor, made when first asked for. */
size_t rewrite_tensor(struct rewrite *r, size_t old);
/* Copies node v under `name` (NULL: its own), inputs mapped, and maps v to it. */
void rewrite_copy(struct rewrite *r, size_t v, const char *name);
/* Ends the pass: the new network replaces *net (old must be net), or nothing changes. */
enum status rewrite_finish(struct rewrite *r, struct net *net) MUST_USE;

/* `wanted`, or a name near it that no tensor has: of the new network so far, or of the old one but for `replaced` (SIZE_MAX: none), which will not be copied. */
struct node_name rewrite_free_name(const struct rewrite *r, const char *wanted, size_t replaced);

/* Who reads a node or tensor of the old network. */
size_t net_readers(const struct net *net, size_t node);                     /* how many nodes have it among their inputs */
bool net_tensor_read_only_by(const struct net *net, size_t tensor, const bool *nodes); /* by nodes of the set */

/* Exact arithmetic on numbers that may turn out not to be binary64 ones. */
bool exact_double(double *out, const mpq_t q);                              /* false: q is no binary64 number */
/* sum += x W[., j], x [W->k]. */
void exact_add_product(mpq_t sum, const double *x, const struct weight *W, size_t j);
/* The last axis of n = rows * d numbers, less its mean; NULL where an entry is no binary64 number, or (*memory) without memory. */
double *exact_centred(const double *x, size_t rows, size_t d, bool *memory);
/* NAME.sum, NAME.mean and NAME: x less the mean of its entries, as nodes. */
size_t rewrite_centre(struct rewrite *r, size_t x, const char *name);
#endif
