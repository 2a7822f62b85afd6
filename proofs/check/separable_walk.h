/* separable_walk: what the parts of rule separable (automaton, terms, walk) and the rules count and cells share. */
#ifndef CHECK_SEPARABLE_WALK_H
#define CHECK_SEPARABLE_WALK_H
#include "separable.h"

typedef unsigned __int128 wide;
/* Distinct tuples of `width` integers, numbered in order of arrival. */
struct table { size_t width, n, room, *slot, slots; int64_t *key; };
size_t table_add(struct table *t, const int64_t *key); /* its number */
void table_clear(struct table *t);
/* A level of the minimised automaton of one (q, y): class 0 is dead; next[class * tokens + token] is a class of the next level. */
struct level { struct table classes; uint32_t tokens; wide *count; int64_t *least, *most; signed char *sign; /* [class * n_form + k], where a walk looks at signs: of every G on the way from here: 1, -1, or 0 (not one sign) */ };

/* ---- rule count ---- */

#define SHARE 30
uint64_t share_of(wide x, wide all);     /* x / all in parts of 2^SHARE; x <= all < 2^125 */
void mpz_add_wide(mpz_t z, wide v);

#define ROOT 1                           /* state of level 0 */
struct unit { unsigned shift; uint64_t error; };
struct edge { size_t to, cell; };
/* A part of one q with one set of final states: the sequences whose cells are allowed. Cells of position i from at[i], for its tokens[i]; terms g[cell * K + k] to top[...]; radius[k] of every
 * whole sum. Class k of level i is state first[i] + k; its allowed edges, if it is reached, are edge[out[state]]..., count[state] its allowed completions. */
struct cell {
    const struct level *level; uint32_t n, n_src /* positions before it may be read */; const uint32_t *at; int64_t *const *tokens; size_t K; const int64_t *g, *top /* largest terms; g in real semantics */, *radius;
    size_t *first, *out; struct edge *edge; struct unit *unit; wide *count; bool *allowed, *reached; int64_t *least, *most; /* [state * K + k] */
};
void cell_room(struct cell *c);          /* the second line, of what the first one says */
void cell_release(struct cell *c);
bool cell_narrow(struct cell *c, const uint32_t *forms, uint32_t n_forms); /* counts, edges, and extrema of these forms, of what is allowed, which becomes what some sequence has; false: none has */
bool cell_units(struct cell *c);
/* Sums of the completions of a state: least and most; numbers from N[at] for v from..from + n - 1. */
struct mark { int64_t least, most, from, to; size_t at, n; };
/* times tokens of one kind have integer g. */
struct branch { int64_t g; uint32_t times; };
/* Kinds of a cell's tokens, made for its first table; the branches of kind k are branch[head[k]]..branch[head[k + 1] - 1], g from least[k] to most[k]. */
struct sums {
    int64_t step, ask, *whole, *fraction, *least, *most; uint64_t reciprocal; struct mark *mark; struct branch *branch; uint64_t *N, *jump; size_t states, room_N, room_jump, room_times;
    uint32_t *order, *token, *times; size_t *kinds, *from, *compact, *head;
};
void sums_clear(struct sums *t);
/* How many sequences of the part make the form fail, at most; at least. false: too large */
bool sums_over(wide *over, struct sums *t, const struct cell *c, size_t form, uint32_t bins);
bool sums_under(wide *under, struct sums *t, const struct cell *c, size_t form, uint32_t bins);

/* ---- two forms at once: the sums of fronts and backs in grids (separable_halves.c) ---- */

#define PAIR 2
struct sign { size_t form; bool turned; }; /* turned: less the form */
/* Sums of ways by state: rows * columns cells each, from cell base on. used: of every row, from where on and up to where it is not 0. */
struct plane { int32_t base[PAIR]; uint32_t rows, columns, *at, *used; size_t states, room, room_used; };
/* Where one more token leads: its units, the plane of the state, and how often that counts. */
struct way_step { int32_t unit[PAIR]; uint32_t plane, times; };
/* A front (0) or back (1): ways; apart: those without the position beside the middle; dense: that is put on cell by cell. centre: the middle of its units, and that of the position beside the middle. */
struct half { wide ways, apart; uint32_t beside; bool dense; int64_t centre[PAIR], near[PAIR]; struct plane plane, inner; };
struct halves { uint32_t cells, cut, *row; struct half half[2]; int64_t radius[PAIR], above[PAIR], *sorted; int32_t *unit; struct way_step *step; size_t *first_step, room_step, room_first; };
void halves_clear(struct halves *h);
/* Takes the middle position of a part; false: too many ways, or too few positions. */
bool halves_middle(struct halves *h, const struct cell *c);
/* How many sequences of the part make both signed forms positive, at least and at most, behind halves_middle; nothing is known (0, all) where the grids are too large. */
#define CELLS_LEAST 8
#define CELLS_MOST 1024
void halves_count(wide *least, wide *most, struct halves *h, const struct cell *c, const struct sign signs[PAIR], uint32_t cells);

/* separable_planes.c */
#define CELL 1024 /* units */
bool plane_room(struct plane *p, size_t states); /* empty; rows and columns are given. false: too large */
void plane_clear(struct plane *p);
void plane_used(struct plane *p);
/* Adds `from`, `down` cells lower, to `to`: beyond its ends, to its first and last cells. */
void plane_move(struct plane *to, size_t state, const struct plane *from, size_t other, const int64_t *down);
void plane_gather(struct plane *p); /* every cell: the sum of those that are on no axis below it */
/* Fronts with a token from state `front` to state `back`, and backs, that fit: from cell from[k] less the front's own on. sum += */
void planes_meet(wide *sum, const struct halves *h, size_t row, const uint32_t *line, size_t back, const int64_t *from, bool certain);
/* Two arrays for planes_meet of a row of the fronts: turned round, and the sums of what stands before each. */
void plane_row(uint32_t *line, const struct plane *p, size_t row);

/* ---- parts ---- */

/* Lines of the certificate, taken one after the other. */
struct leaves { const struct binding *line; size_t n, next; };
/* share: by form, how many sequences of the last ancestor with tables make it fail, at most, in parts of 2^30; open: how many were open there; rare: by form, it is set aside when the part at hand is cut */
struct parts {
    uint32_t B; wide enter;
    struct leaves line; unsigned depth; int bad_line; const char *bad; /* the lines `part` of the cell, and what is wrong with one of them; line.line NULL: the cell has none, and is cut by price */
    struct halves halves; wide *added /* by form: sequences on which it fails, and those counted beside it do not, at most */;
    struct cell cell; const struct iform *form; struct sums sums; wide *over, *under; uint32_t *bins; bool *rare; uint64_t *share, open;
    void (*complete)(void *, const uint32_t *left, uint32_t n_left); void *arg; uint32_t *cells; /* of the one sequence of a part */
    wide yes, no, left_open; bool failed;
};
void parts_clear(struct parts *p);
/* Counts a whole cell, of which level, n, at, K, g and radius are given: all forms positive (yes), not, not known; lines: the first of its own, or NULL. false: too large, or p->bad. */
bool parts_count(struct parts *p, const struct cell *c, const struct iform *form, const struct leaves *lines);
/* The sequences whose cells are allowed; `allowed` is as it was afterwards. open: the forms that are not positive on all of a part around it. */
void parts_part(struct parts *p, const uint32_t *open, uint32_t n_open);
/* Of the forms `left` those that are not rare, and how many; *aside: sequences on which the others fail, at most. */
uint32_t parts_stay(uint32_t *stay, wide *aside, const struct parts *p, const uint32_t *left, uint32_t n_left);
/* What both sides of a cut have added to `yes`, which was as given, was found without forms that fail on so many sequences: these are open. */
void parts_aside(struct parts *p, wide aside, wide yes);
/* At least `least`, at most `most` sequences have a form that is not positive; ideal: what finer tables are likely to leave open. */
struct bounds { wide least, most, ideal; };
wide capped(wide a, wide b, wide all);   /* a + b, at most all; a <= all */
/* All sequences of the part have been added to yes, no and left_open, which were as given, by both sides of its cut: its own bounds hold as well. */
void parts_narrow(struct parts *p, const struct bounds *b, wide all, wide yes, wide no, wide open);

/* The lines `part` (separable_tree.c). */
const struct binding *tree_next(struct parts *p);                                /* of the part that is looked at; NULL: it is missing (p->failed) */
void tree_part(struct parts *p, const struct binding *line, const uint32_t *left, uint32_t n_left);
void tree_skip(struct parts *p, const struct binding *line);                     /* the lines of the parts that are cut from it */
void tree_end(struct parts *p);                                                  /* all lines of the cell have been taken */
struct trees { struct tree_at { size_t line; int64_t *tokens; } *tree; size_t n; };  /* first line behind that of a sequence, and its tokens */
bool trees_read(struct trees *t, const struct leaves *lines, uint32_t n, struct fail *f);
void trees_clear(struct trees *t);

/* Two sides of n tokens: 1 allowed and of a value of at most `at`, 2 allowed and above, 0 not allowed. If all allowed ones were on one side, the first by itself. Caller frees. */
unsigned char *cut_sides(const int64_t *value, const bool *allowed, uint32_t n, int64_t at);

/* ---- rule separable ---- */

/* separable_look.c: the logits of a query token's sources, coarsely, times weights of one scale */
struct look { int32_t *logit, *product, *base; bool *source, has_logits, has_products; uint32_t q; int bits, g, f, scale; };

/* A depth of the walk: the forms that are not settled as positive there, and by form the least and the largest of its sums so far (one array in real semantics). */
struct depth { int64_t *sum, *high; uint32_t *form, n; };
/* separable_together.c: the tokens behind one class, settled together. */
struct together_rows { size_t at; int32_t gap; unsigned char visits; bool made, flat /* least sums alone: the largest are within gap of them */, few /* sequences fit */; };
struct together {
    wide unit; /* of sequences: from every class behind the last source there are so many, or 1 */
    const struct walker *w; const uint32_t *form; uint32_t n, width; /* forms that are open at the first class; 0: nothing is looked at */
    uint32_t *row; int *shift; int32_t clear, no; /* settled: sums from `clear` on, and below `no` */
    size_t *first, used; struct together_rows *rows; int32_t *room, *low, *high; unsigned char *open; /* low, high, open: the last look of every depth */
};

/* Classes of the levels before the row, by those of the row's states. */
struct kept { size_t of, mark; int32_t *later; struct table *classes; struct kept *after; };
#define KEPT_LISTS 256

struct walker {
    struct sep s;
    struct eval *e;
    const struct ex *predicate;
    bool need_all;
    struct found *found;
    struct table *states; int32_t **next; wide *paths, left_out; /* feature automaton of the current q, by level */
    size_t **reached;                                       /* by level and state: state of the level before * tokens + token that led there first */
    bool *alike;                                            /* levels whose next is that of the level after */
    struct level *level;
    struct table seen; struct truth *truth; enum tri *where; size_t n_truth; struct arena arena; /* by final feature values */
    struct iform *form; size_t n_form; bool negated;
    size_t room;                                            /* of g and top */
    uint32_t q;                                             /* of the terms */
    size_t states_most /* transitions of a level */; uint32_t row_token; struct kept *kept[KEPT_LISTS]; size_t kept_of /* which automaton, 0: none is kept */, n_kept; /* of the automaton; n_kept: numbers in them */
    signed char *sign, *before;                             /* sign[cell * n_form + k] of G, 0: not clear; before[depth * n_form + k]: the common one of a walk so far. NULL where none is asked for */
    struct look look;
    struct together together;
    int scale;                                              /* the largest shift of a live cell */
    int64_t *g, *top, *radius, *weight; bool *live;                     /* least and largest term g, top[cell * n_form + k]; one array in real semantics */
    int64_t *tokens; uint32_t *cells;                       /* of the walk's sequence */
    wide true_count, false_count, open_count;
    struct parts parts;                                     /* rule count; B 0: rule separable */
    struct trees trees; const struct leaves *part_lines; size_t *tree; /* its lines `part`; by final state, the number of the tree whose sequence ends there, from 1, or 0 */
    struct leaves *leaves;                                  /* rule cells, else NULL */
    struct relaxed *relaxed;                                /* separable_relaxed.c, or NULL: all states are followed */
    struct average *average;                                /* of an average, else NULL (separable_average.h) */
    int n_where;                                            /* features of the condition stand before those of the predicate */
};
/* An integer, negative or size, as limbs from the lowest. */
struct fixed { bool negative; uint64_t limb[6]; };
/* What some of the query tokens give; a result of a share (shares.h). */
struct found { int line; /* of the certificate, of which `why` speaks, or 0 */ bool ran, all, too_many; wide bindings, where, yes, open; struct fixed sum[2]; /* of an average: ends */ char why[400]; };

/* Fewer states than are worth a relaxed automaton? Those that were built are taken by states_build. */
bool states_few(struct walker *w);
bool states_build(struct walker *w, uint32_t q);                        /* separable_states.c: states, next, reached and paths of query token q */
/* The sequences that end in y or one of the states that follow it, by level: states with the same continuations become one class. */
void states_minimise(struct walker *w, size_t y, const size_t *follows);
void kept_clear(struct walker *w);
/* separable_relaxed.c. false: it is not such a statement; after relaxed_start, relaxed_clear in any case */
bool relaxed_start(struct walker *w);
bool relaxed_query(struct walker *w, uint32_t q);
void relaxed_clear(struct walker *w);
/* separable_fill.c: live, weight and scale of a class */
void terms_scale(struct walker *w, uint32_t q);
int64_t term_weight(const struct walker *w, uint32_t q, uint32_t cell); /* at that scale, within two units of 2^-60 (one of w, one of the shift); 0 when it is larger than all live ones */
/* open[k] false: form k is positive on all sequences of the class. false: it cannot be looked at so. After terms_scale. */
bool look_open(struct walker *w, uint32_t q, bool *open);
void look_clear(struct look *l);
/* g, top of every live cell and form. false: a size does not fit */
bool terms_fill(struct walker *w, uint32_t q);
bool forms_at_cells(const struct walker *w, uint32_t q, int64_t *G);     /* G of every form at the live cells; false: one is too large */
void terms_least(struct walker *w);                                     /* least sums of every form from every class */
void terms_most(struct walker *w);                                      /* largest */
#define ANY_SIGN 2                                                      /* of no term */
signed char sign_of_both(signed char a, signed char b);
void terms_signs(struct walker *w);                                     /* sign, of cells and levels, and room in before */
signed char terms_sign_here(const struct walker *w, size_t k);          /* of form k on the sequence of w->cells, in real semantics: 1, -1, or 0 (not clear). After terms_fill */
/* separable_walk.c: counts the sequences from the first class in true_count, false_count and open_count; stops early when need_all and one fails */
void walk_count(struct walker *w);
/* For a walk of these forms, which stay where they are. */
void together_start(struct together *l, const struct walker *w, const uint32_t *form, uint32_t n);
void together_clear(struct together *l);
/* At class of level i, from the sums so far; false: not looked at. Then what is said of the tokens at i, until the next look there. */
bool together_look(struct together *l, const struct depth *from, uint32_t i, size_t class);
bool together_count(wide *yes, wide *no, const struct together *l, uint32_t i, size_t class); /* right behind the look: sequences behind the tokens that are settled; false: too many */
/* The same of what is behind token t, which leads to class `to`; false: it is not all settled so. */
bool together_behind(wide *yes, wide *no, struct together *l, const struct depth *from, uint32_t i, size_t class, uint32_t t, size_t to);
uint32_t together_next(const struct together *l, uint32_t i, uint32_t t);  /* the first token from t on that is not settled, or their number */
enum tri together_truth(const struct together *l, uint32_t i, uint32_t t); /* of a token that leads somewhere: all forms are positive behind it, or one is not; OPEN: look at it by itself */
/* n sequences, of which that of tokens and cells is one, have its truth; left: the forms that the sums left open */
void walk_complete(struct walker *w, const uint32_t *left, uint32_t n_left, wide n);
enum tri walk_at(struct walker *w, const uint32_t *cells);               /* the predicate at a sequence, like any binding */

/* ---- rule cells ---- */

/* The cell of one q and one vector of features, from its lines: adds its sequences to true_count or open_count, or sets `no` when the predicate is false on some. false: refused. */
bool cells_settle(struct walker *w, uint32_t q, const struct truth *t, bool *no);
#endif
