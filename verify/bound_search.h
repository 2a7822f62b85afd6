/* bound_search: what the files of the search share: one case of units (bounds of every z_k), what is tested of it exactly, and its linear program. */
#ifndef WEIGHTPROOF_VERIFY_BOUND_SEARCH_H
#define WEIGHTPROOF_VERIFY_BOUND_SEARCH_H
#include "verify/bound.h"

enum phase { PHASE_OFF, PHASE_ON, PHASE_FREE, PHASE_SMOOTH };
struct region { const struct pieces *p; mpq_ptr lo, hi, a, b; bool bad; };   /* of z; of inputs and units; bad: a function has no value on its range */
struct row { char letter; size_t k; double scale; };     /* as the terms of FORMAT.md; s: z of a unit that is on is not below its bound */
struct line { size_t unit; bool above; double slope, constant, room; bool shown; };   /* u >= slope z + constant (above: <=) on the range of z; room: what shown may still take from it */
#define LINES_MOST 10                                    /* of a unit */
struct search {
    const struct box_claim *b; const struct pieces *p; const struct limits *l; struct text *out;
    const struct disjunct *d; size_t atoms_most;
    double *z;                                           /* forms in doubles */
    double *u, *reduced;                                 /* u_k and z_k by inputs and free units: the others are put in */
    double *weight;                                      /* of each term, see weight_of */
    double *A, *lo, *hi, *multipliers, *point; struct row *rows; size_t n_rows;
    struct line *lines; size_t n_lines, *number;         /* of smooth units in this case; the numbers they were given in the certificate */
    bool loose;                                          /* equations have a little room in the program */
    size_t written;                                      /* lines in the certificate before this case */
    bool narrowed;                                       /* bounds of z that interval arithmetic does not give */
    mpq_ptr sum, v; unsigned long nodes, nodes_last, cases; bool stopped;   /* nodes_last: set where a case stayed open */
    unsigned long seed;
};

/* bound_case.c: exact */
enum phase case_phase(const struct region *r, size_t k);
bool case_column(const struct region *r, size_t k);      /* is the unit a variable of the program: free or smooth? */
bool case_reads_units(const struct search *s, size_t k);
double case_argument(const struct search *s, size_t k);   /* z of unit k at s->point, in doubles */
size_t case_free_units(const struct search *s, const struct region *r);
bool case_copy(struct region *out, const struct search *s, const struct region *from);   /* from NULL: zeros */
void case_clear(struct region *r, const struct search *s);
void case_propagate(const struct search *s, struct region *r, size_t from, bool begin);   /* interval arithmetic of the units `from` on; begin: nothing is known */
void case_set_input(const struct search *s, struct region *r, size_t k, const mpq_t end, bool low);   /* an end of the range of input k, and what follows for the units */
void case_set_unit(const struct search *s, struct region *r, size_t k, const mpq_t end, bool low);    /* a bound of z of unit k, and what follows for it and the units behind */
double *weight_of(const struct search *s, char letter, size_t k);                         /* g q t of FORMAT.md, a and b of bounds, l of a line */
void case_sum_zero(struct search *s);
/* The weights over `unit` as terms of 2^-bits, added to the text and the sum, the lines that they use to `lines`; *strict: an atom that is strict has one. */
void case_terms(struct search *s, const struct region *r, double unit, int bits, struct text *lines, struct text *terms, bool *strict);
bool case_lines_hold(struct search *s, const struct region *r);                          /* the lines that were written hold; those that do not are lowered */
bool case_contradicts(const struct search *s, const struct region *r, bool strict);       /* is the sum negative everywhere (strict: not positive)? */
bool case_close(struct search *s, const struct region *r);                               /* the weights close it: adds the line */
bool case_close_empty(struct search *s, const struct region *r);                         /* bounds that exclude each other do */

/* bound_program.c: max t over the first `units` units with every row >= t, in doubles: weights of terms and a point. extra: a form that must be positive as well, or NULL. */
bool case_solve(double *t, struct search *s, const struct region *r, size_t units, bool atoms, const double *extra);

/* bound_tighten.c: narrower bounds of free units, by programs; the lines `step low` and `step high` that show them. */
void case_tighten(struct search *s, struct region *r, struct text *lemmas);

/* bound_narrow.c: atoms that bound one input */
void case_narrow(struct search *s, struct region *r);                                    /* they narrow its range: lines `least` and `most` */
bool case_implies(const struct search *s, const struct region *r, size_t i);             /* such an atom that the range implies */

/* bound_repair.c: equations of the disjunct: atoms whose opposite is an atom too */
bool search_is_equation(const struct search *s, size_t i);
bool search_repair(struct search *s);                                                    /* v onto the equations; is it in the disjunct then? */

/* bound_lines.c: lines of smooth units, in doubles */
void case_lines_begin(struct search *s, const struct region *r);
bool case_lines_add(struct search *s, const struct region *r);                                /* where the program's solution lies beyond a function; false: nowhere */

/* bound_cut.c: cases of a network with smooth units: cuts of the box as well. */
enum search_end case_visit_smooth(struct search *s, struct region *r);

/* bound_search.c */
bool search_try(struct search *s);                  /* is s->point in the disjunct, if need be moved onto its equations? */
bool search_meet(struct search *s, const struct region *r);   /* the same of a solution with room beside the equations */
typedef enum search_end search_visit(struct search *s, struct region *r);
/* The other side r of a case after its first side ended so: what both sides together say. Behind a case that stayed open only points are looked for, for a while. */
enum search_end search_behind(struct search *s, enum search_end first, search_visit *visit, struct region *r);
bool search_stops(struct search *s);                /* one node more: too many, or too late? */
bool search_init(struct search *s, size_t atoms);   /* b, p are set; false without memory */
void search_clear(struct search *s);
bool search_point(struct search *s);                /* v: s->point, put into the box, and the units there; false: one has no value */
double search_between(const struct search *s, size_t i, double share);   /* that share of the way through the box, a short number */
double search_random(struct search *s);             /* in [0, 1) */
#endif
