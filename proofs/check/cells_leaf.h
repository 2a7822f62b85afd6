/* cells_leaf: one line of rule cells (rule_cells.c), and the LayerNorm behind its units (cells_norm.c). */
#ifndef CHECK_CELLS_LEAF_H
#define CHECK_CELLS_LEAF_H
#include "loops.h"
#include "separable_walk.h"

#define CELLS_LARGE ((__int128)1 << 62) /* what a number of a form may not reach */

/* What a line says of what a unit reads. low, high: the line has that end. */
struct interval { bool low, high, sloped; mpq_t lo, hi, slope; int64_t from, to; /* the ends at 2^-SEP_BITS, outwards */ };
struct leaf {
    struct leaves *l; struct walker *walker; struct sep *s; const struct level *level; uint32_t q; const struct truth *t;
    const struct binding *line; bool fails, counts; /* fails: the predicate is to be shown false; counts: forms are enclosed from both sides */
    struct step { uint32_t cell, to; } *step; size_t *step_from; bool *alive; /* tokens with the class that they lead to; by level, last first, and class the first one */
    bool *off, *left;                     /* [cells] tokens that a split has taken away; on some sequence that is left */
    int64_t *w;                           /* [heads, cells] weights over the power of two of the head's largest one left, as in rule separable */
    int most[HEADS_MOST];                 /* these powers */
    size_t corners; struct { mpq_t end[2]; int64_t rate[2]; } ratio[HEADS_MOST]; /* head h: ends of Z_1 / Z_h; the same of the sums of w, at 2^-SEP_BITS within one */
    struct interval *unit; uint32_t n_read;   /* what has a word: the units and, behind a final LayerNorm where the line has them, the entries of the row that it centres, without what the relus add */
    struct sigma *sigma;                  /* cells_norm.c, of those entries' words; NULL without them */
    int64_t *reach;                       /* [units] largest size of what a unit reads, in whole numbers */
    uint32_t *source, n_source;           /* cells that the mask allows and some sequence that is left has: of the others nothing is asked */
    int64_t term_most;                    /* size of a term of a sum */
    int64_t *middle;                      /* [heads, cols] what the terms of the other heads are taken less, at 2^-SEP_BITS; the first head's are more by the sum, in the first row */
    const char *at, *at_end;              /* the line's words "@..." */
    bool *shown;                          /* [forms] on the whole part by words of splits above it */
    double *row_here, *row_next;          /* of cells_look.c: by class and column */
    int64_t *g, *here, *next;   /* terms g[cell * K + k] and the least sums by class */
    wide *yes, *open; bool *no;
};

int64_t cells_other(const struct leaf *x, int head, uint32_t cell, uint32_t column); /* C of another head, less its middle */
int64_t cells_read(const struct leaf *x, uint32_t cell, uint32_t column);            /* D + C of the first one, with the middles */
__int128 cells_rate_error(const struct leaf *x, int head, int64_t size, __int128 error); /* of what another head adds to a term: G of at most `size` (whole numbers), within `error` units */
/* cells_look.c: marks forms (sign -1: whose negatives) are positive on the part by sums in doubles, where they differ in one logit each and enough are left; no form is marked that is not. */
void cells_look(struct leaf *x, int sign, bool *shown, size_t *left);
/* cells_each.c: the part's sequences, `all` of them, one by one, by the forms that are not shown, of which there are weights. */
bool cells_each(struct leaf *x, const bool *shown, wide all);
/* cells_tables.c: the rest of a line `counts`; words: marks the forms that some words show. */
bool cells_tables(struct leaf *x, const char *at, const char *end, const bool *shown, bool (*words)(struct leaf *, const char *, const char *, bool *));
wide cells_sequences(const struct leaf *x);                               /* of the part */
void cells_terms_new(struct leaf *x, size_t K);                           /* g: K terms a cell, all 0 */
bool cells_term_add(struct leaf *x, size_t K, size_t k, int head, uint32_t cell, __int128 G); /* w G of one head */
bool cells_form_other(struct leaf *x, size_t K, size_t k, size_t width, int head, uint32_t cell, __int128 G); /* another head's part of a term: at the corners, or, of `width` 1, at the end that makes it smaller */
void cells_sums_least(struct leaf *x, size_t K);                          /* of each of the K terms the least sum over the part's sequences, in here[0..K-1] */
/* cells_forms.c */
bool cells_form_terms(struct leaf *x, size_t K, size_t k, const struct iform *f, int sign, int64_t *radius); /* terms of a form, or its negative, from below: the k-th; radius: what their sum may be off by */
bool cells_forms_find(struct leaf *x, bool *shown, size_t *left, bool corners); /* marks the forms that are positive (or not negative) around one of the line's sequences; of a negated conjunction, until one is. corners: by the sums at these too */
bool cells_forms_hold(struct leaf *x);                                    /* all forms are positive (or not negative) that are not above the line already; for a negated conjunction, one of them never is */
/* cells_words.c */
const char *cells_word(const char **at, const char *end, size_t *n);      /* the next word; *n is 0 at the end */
bool cells_to_unit(struct leaf *x, const mpq_t q, bool up, int64_t *out); /* q 2^SEP_BITS, rounded down or up; below 2^52 in size */
bool cells_ratio_read(struct leaf *x, int head, const char *s, size_t n);
bool cells_intervals_read(struct leaf *x, const char **at, const char *end);
bool cells_centre_next(struct leaf *x, bool *any);                        /* middle, from the line's next sequence, if there is one */
bool cells_refuse_leaf(struct leaf *x, const char *why);

/* sigma = sqrt(|r|^2 / d + eps) of the row r that a final LayerNorm centres. With the row y below, d entries, and an integer tau >= sqrt(|y|^2 / d + eps), all at 2^-SEP_BITS,
 *     (y.r / d + eps) / tau <= sigma <= the same + bend.
 * The left side is affine in the averages and relus: in term[] of heads and cells, within 4 (first head) or 2 units, and unit[], within 2.
 * Of one head without units sigma is also at most the average of above[], sigma of the sources' own rows: it is convex. */
struct sigma { int64_t *y, tau, bend, *term, *unit, *above, size; /* above: or NULL, then bend is good; size: of the terms and of above, whole numbers */ };
bool sigma_find(struct leaf *x);                                       /* y, tau, bend and unit from the words of the units and entries, which hold; nothing without words of entries */
bool sigma_around(struct leaf *x, const uint32_t *cell);               /* y: the row of one head without units at the tokens of these cells; above where sigma_falls */
bool sigma_falls(const struct leaf *x);                                /* may some form have a kappa below 0, from a side that is asked for? */
void sigma_terms(struct leaf *x);                                      /* term, of the middles at hand */
void sigma_clear(struct sigma *z);
/* kappa sigma from below, kappa = f->c (or, with sign -1, its negative), without what the relus add: what the first head's term has of it, what another head's, and the factor of a unit. */
bool sigma_counts(const struct leaf *x, const struct iform *f);        /* is there a kappa? */
__int128 sigma_first(const struct leaf *x, const struct iform *f, int sign, uint32_t cell);
__int128 sigma_other(const struct leaf *x, const struct iform *f, int sign, int head, uint32_t cell);
__int128 sigma_factor(const struct leaf *x, const struct iform *f, uint32_t unit); /* of kappa = f->c */
__int128 sigma_error(const struct leaf *x, const struct iform *f);     /* units, of each of these */
#endif
