/* bound_search: what the files of the search share: one case of units (bounds of every z_k), what is tested of it exactly, and its linear program. */
#ifndef WEIGHTPROOF_VERIFY_BOUND_SEARCH_H
#define WEIGHTPROOF_VERIFY_BOUND_SEARCH_H
#include "verify/bound.h"

enum phase { PHASE_OFF, PHASE_ON, PHASE_FREE };
struct region { mpq_ptr lo, hi; };                       /* of z */
struct row { char letter; size_t k; double scale; };     /* g an atom, q and t of a unit (FORMAT.md), s: z of a unit that is on is not below its bound */
struct search {
    const struct box_claim *b; const struct pieces *p; const struct limits *l; struct text *out;
    const struct disjunct *d;
    double *z, *x_lo, *x_hi;                             /* forms and box in doubles */
    double *u, *reduced;                                 /* u_k and z_k by inputs and free units: the others are put in */
    double *weight;                                      /* of each term: atoms, then q of each unit, then t of each unit */
    double *A, *lo, *hi, *multipliers, *point; struct row *rows; size_t n_rows;
    mpq_ptr sum, v; unsigned long nodes, cases; bool stopped;
    unsigned long seed;
};

/* bound_case.c: exact */
enum phase case_phase(const struct region *r, size_t k);
size_t case_free_units(const struct search *s, const struct region *r);
bool case_copy(struct region *out, const struct search *s, const struct region *from);   /* from NULL: zeros */
void case_clear(struct region *r, const struct search *s);
void case_propagate(const struct search *s, struct region *r, size_t from, bool begin);   /* interval arithmetic of the units `from` on; begin: nothing is known */
void case_sum_zero(struct search *s);
/* The weights over `unit` as terms of 2^-bits, added to the text and the sum; *strict: an atom that is strict has one. */
void case_terms(struct search *s, const struct region *r, double unit, int bits, struct text *terms, bool *strict);
bool case_contradicts(const struct search *s, const struct region *r, bool strict);       /* is the sum negative everywhere (strict: not positive)? */
bool case_close(struct search *s, const struct region *r);                               /* the weights close it: adds the line */
bool case_close_empty(struct search *s, const struct region *r);                         /* bounds that exclude each other do */

/* bound_program.c: max t over the first `units` units with every row >= t, in doubles: weights of terms and a point. extra: a form that must be positive as well, or NULL. */
bool case_solve(double *t, struct search *s, const struct region *r, size_t units, bool atoms, const double *extra);

/* bound_tighten.c: narrower bounds of free units, by programs; the lines `step low` and `step high` that show them. */
void case_tighten(struct search *s, struct region *r, struct text *lemmas);

/* bound_search.c */
bool search_init(struct search *s, size_t atoms);   /* b, p are set; false without memory */
void search_clear(struct search *s);
void search_point(struct search *s);                /* v: s->point, put into the box, and the units there */
double search_random(struct search *s);             /* in [0, 1) */
#endif
