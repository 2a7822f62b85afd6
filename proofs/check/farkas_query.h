/* farkas_query: what a statement says of a box, as disjuncts of linear atoms (FORMAT.md §3). */
#ifndef CHECK_FARKAS_QUERY_H
#define CHECK_FARKAS_QUERY_H
#include "certificate.h"
#include "farkas.h"
#include "linear.h"

struct atom { mpq_t *v; bool strict; };                       /* the form is positive, or not negative */
struct disjunct { size_t *atom; size_t n; };                  /* numbers of atoms */
struct dnf { struct disjunct *d; size_t n; };
struct query {
    struct linear l;
    const struct certificate *c;
    struct pieces p; int model; const struct ex *box;
    mpq_t *lo, *hi;
    struct atom *atoms; size_t n_atoms, room;
    struct arena arena;
};
bool query_begin(struct query *q, const struct certificate *c, struct eval *e, struct fail *f);
void query_end(struct query *q);
bool query_refuse(struct query *q, const char *what);         /* false */
/* Where x is true (or false): one of the disjuncts is. x may be NULL: true. */
bool query_dnf(struct query *q, const struct ex *x, bool positive, struct dnf *out);
bool dnf_both(struct query *q, const struct dnf *a, const struct dnf *b, struct dnf *out);
bool dnf_holds(const struct query *q, const struct dnf *a, const mpq_t *v); /* at that point */
#endif
