/* farkas_query: what a statement says of a box, as disjuncts of linear atoms (FORMAT.md §3). */
#ifndef CHECK_FARKAS_QUERY_H
#define CHECK_FARKAS_QUERY_H
#include "certificate.h"
#include "farkas.h"
#include "linear.h"

struct atom { mpq_t *v; bool strict; };                       /* the form is positive, or not negative */
struct disjunct { size_t *atom; size_t n; };                  /* numbers of atoms */
struct dnf { struct disjunct *d; size_t n; };
/* One side of a comparison, or the difference of two: a form and, added to it, the largest (or the smallest) of several sides, for each choice. */
struct side { mpq_t *v; struct choice *choice; size_t n; };
struct choice { bool largest; struct side *of; size_t n; };
struct query {
    struct linear l;
    const struct certificate *c;
    struct pieces p; int model; const struct ex *box;
    mpq_t *lo, *hi;
    struct atom *atoms; size_t n_atoms, room;
    struct side *side;                                        /* that is being read */
    mpq_t **vectors; size_t n_vectors, vectors_room;          /* memory of the sides */
    struct arena arena;
};
/* The last binder is in a box, the others have their values; where (or NULL) and subject are what is said of it. */
bool query_begin(struct query *q, const struct certificate *c, struct eval *e, const struct binds *b, const struct ex *where, const struct ex *subject, struct fail *f);
void query_end(struct query *q);
bool query_refuse(struct query *q, const char *what);         /* false */
/* Where x is true (or false): one of the disjuncts is. x may be NULL: true. */
bool query_dnf(struct query *q, const struct ex *x, bool positive, struct dnf *out);
bool dnf_both(struct query *q, const struct dnf *a, const struct dnf *b, struct dnf *out);
struct dnf dnf_truth(struct query *q, bool truth);           /* one empty disjunct, or none */
bool dnf_join(struct query *q, bool both, const struct dnf *b, struct dnf *out);
mpq_t *dnf_atom(struct query *q, bool strict, struct dnf *out);   /* a new atom's form, zeros; NULL: too many */
bool query_rows(struct query *q, const struct ex *x, mpq_t ***row, size_t *width);   /* the entries of output(M, x) or node(M, "NAME", x) */
/* farkas_side.c */
bool side_choice(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out);   /* out += factor x, x no linear expression */
bool side_difference(struct query *q, const struct ex *a, const struct ex *b, bool swap, bool strict, struct dnf *out);   /* a - b > 0 or >= 0; swap: b - a */
bool dnf_holds(const struct query *q, const struct dnf *a, const mpq_t *v); /* at that point */
bool query_nowhere(struct query *q, const struct dnf *d, size_t *next);   /* rule_farkas.c: the steps of the certificate from *next on, which is moved, show that no point of the box satisfies it */
#endif
