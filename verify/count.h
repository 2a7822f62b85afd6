/* count: certified intervals for counts that an exact walk does not close in time (FORMAT.md rule count; docs/methods.md, "Counting").
 * Private to the engine of that name. */
#ifndef WEIGHTPROOF_VERIFY_COUNT_H
#define WEIGHTPROOF_VERIFY_COUNT_H
#include "core/text.h"
#include "verify/separable.h"

/* Work is done where it is likely to settle more than `enter` sequences for every table of `bins` bins that it costs. */
/* aim: sequences that may stay open: when another walk of all classes would take too long, or at once (by_class, for tests), work goes on class by class until there are no more; 0: it does not. */
/* alone: forms are never counted two at a time; named: whatever is done in a class is told in its notes. */
struct count_rule { size_t bins; tally enter, aim; bool by_class, alone, named; };
/* x is at most the price of n tables: x <= n * enter */
static inline bool count_within(const struct count_rule *r, tally x, size_t n) { return x / n + (x % n > 0) <= r->enter; }
#define CUT_TABLES 8            /* of every open form: what a cut is taken to cost, with what follows */
#define ASIDE 2                 /* tables: what a form costs at least in two parts */

#define BINS_MOST ((size_t)1 << 18)     /* FORMAT.md: of one form */
#define BINS_TOTAL ((size_t)1 << 22)    /* of the forms of a part, over all their tables */
#define SUMS_MOST ((size_t)1 << 26)     /* entries of one form's tables */

/* Sums of integers that are too small, so that what may fail is counted, or too large: what is certain to (count_sums.c). */
enum side { OVER, UNDER };
/* Tokens of a position that lead from every state to the same state are of one kind (count_kinds.c). Kinds of position i are first[i]..first[i + 1] - 1, the allowed cells of
 * kind k cell[from[k]..from[k + 1] - 1]; token[k] is one of its tokens, as a place in the position's set. order, of_order: all cells by kind, and their kinds. */
struct kinds { const struct class *of; size_t positions, cells, n, *first, *token, *from, *cell, *order, *of_order; };
void kinds_clear(struct kinds *k);
/* Of the part that is looked at; what rests on the class alone is kept from part to part. */
enum status kinds_take(struct kinds *k, const struct cell *x) MUST_USE;
/* `times` tokens of a kind with integer g. */
struct branch { int64_t g; double times; };
/* A form's terms in integers: those of kind k are branch[from[k]..from[k + 1] - 1], between least[k] and most[k]; a sequence may fail, or is certain to, when its
 * integers add up to at most `ask`. */
struct steps { double step, offset, slack, *term, *of; int64_t *least, *most, ask; struct branch *branch; size_t *from, cells, room_times; uint32_t *times; };
/* Completions of a state: least and most sum; numbers N from `at`, for v in from..from + n - 1. */
struct mark { int64_t least, most, from, to; size_t at, n; };
struct sums { struct mark *mark; double *N, *jump; size_t room_mark, room_N, room_jump; };
/* The transitions that some allowed sequence takes; of state s from first[s]. */
struct edges { size_t *first; struct edge { size_t next, cell; } *edge; unsigned char *reached; size_t room_first, room_edge; };
#define EACH_EDGE(e, edges, state) for (const struct edge *e = (edges)->edge + (edges)->first[state]; e < (edges)->edge + (edges)->first[(state) + 1]; e++)
void edges_clear(struct edges *e);
/* Counts, extrema and transitions of the sequences whose tokens are allowed; what is on none of them is no longer allowed. empty: there are none;
 * single: at most one token a source position is left. */
enum status cell_narrow(struct cell *x, struct edges *edges, bool *empty, bool *single) MUST_USE;
/* The same without extrema. */
enum status cell_edges(struct cell *x, struct edges *edges, bool *empty, bool *single) MUST_USE;
/* Terms of the allowed tokens of a position, that of a cell at term[cell * stride]. */
struct span { double least, most; size_t n; };
struct span cell_span(const struct cell *x, size_t position, const double *term, size_t stride);
/* A part is cut at a position: 1 the tokens with terms up to `at`, 2 those above, 0 those that are not allowed; where one side would have none, the first token by itself. */
struct cut { size_t position; double at, score; };
void cell_sides(unsigned char *side, const struct cell *x, size_t position, const double *term, size_t stride, double at);
void steps_clear(struct steps *g);
void sums_clear(struct sums *t);
/* good: false when the terms do not fit. */
enum status steps_take(struct steps *g, bool *good, const struct cell *x, const struct kinds *k, size_t line, size_t bins, enum side side) MUST_USE;
/* How many sequences of the part make the form fail: at most (OVER), at least (UNDER). *expired: time is up, nothing is said. */
enum status sums_count(tally *out, struct sums *t, const struct steps *g, const struct cell *x, const struct kinds *k, enum side side, const struct limits *l, bool *expired) MUST_USE;

#define CHAIN_MOST 16                   /* forms that are chosen (count_chain.c) */
#define PAIR 2

/* What the tables of a part say (count_cell.c): sequences on which a line fails, at most and at least; rare: it is not worth looking at in two parts, nor is `under`, which is 0. */
struct line_count { tally over, under; size_t bins; bool rare; };
/* A form, or its negation. */
struct signed_line { size_t line; bool turned; };
/* A form while others are chosen before it: how often it fails, at most, and how often it does where chosen form i is positive, at least. cells: with which that was counted; best: beside which it fails least. */
struct added { tally fails, beside[CHAIN_MOST], most[CHAIN_MOST] /* likewise, at most */; size_t cells[CHAIN_MOST] /* 0: that was not counted */; unsigned best; };
/* Form `line` was counted beside form `other`, which is positive, with so many cells. */
struct beside { int line, other; size_t cells; };
/* Two forms at once (count_halves.c, count_grid.c). A grid has n[0] rows and n[1] columns of cells for every state of a layer, from cell base on; span: of every row, the columns with something in them. */
struct grid { int32_t base[PAIR]; size_t n[PAIR], size, states, room, room_span; uint32_t *at; struct columns { uint32_t from, to; } *span; };
/* `times` ways from one state to another, of the same shift. */
struct hop { size_t from, to; int64_t by[PAIR]; uint32_t times; };
/* Last steps of ways, by the state before them: units, the grid of the state where they end, how often they count. */
struct way_ends { size_t *first, room_first, room; int32_t *block, *of[PAIR]; uint32_t *grid, *weight; };
/* `times` tokens of the middle, to state `to`: the cells of the back that fit, perhaps and for certain. */
struct fit { size_t to; int64_t at[2][PAIR]; uint32_t times; };
/* ways of a half; of one that is dense only those without its position at the cut are walked, which is added cell by cell. middle: units of the half; at: of that position. */
struct half { double ways, walked; size_t position, edges; bool dense; int64_t middle[PAIR], at[PAIR]; struct grid grid, inner; };
/* cut: the front ends before position cut[0], the back begins at cut[1] = cut[0] + 1, edges between them. above: how far a sum may lie above its units. */
struct halves {
    size_t cells, cut[2], edges, room_of, room_sorted, room_hop, room_fit, room_row;
    struct half half[2]; struct way_ends ends; int64_t above[PAIR];
    int32_t *of; double *sorted; struct hop *hop; struct fit *fit; uint32_t *row;
};
void halves_clear(struct halves *t);
/* Takes the cut of a part. False: too many ways, or too few positions. */
bool halves_cut(struct halves *t, const struct cell *x, const struct edges *edges);
/* How many tables halves_count costs with so many cells on an axis, behind halves_cut. */
size_t halves_price(const struct halves *t, size_t cells);
#define CELLS_LEAST 128         /* on an axis */
#define CELLS_MOST 1024
/* The most cells that are of use. */
size_t halves_cells(const struct halves *t);
/* At least `under`, at most `over` sequences make both lines positive, behind halves_cut. Nothing is said (all, none) where there are too many cells. */
enum status halves_count(struct line_count *out, struct halves *t, const struct signed_line lines[PAIR], size_t cells, const struct cell *x, const struct edges *edges, const struct limits *l, bool *expired) MUST_USE;

/* count_grid.c */
#define FINE_BITS 10            /* 2^10 units are a cell */
#define FINE ((int64_t)1 << FINE_BITS)
static inline int64_t floor_fine(int64_t a) { return a >= 0 ? a / FINE : -((FINE - 1 - a) / FINE); }
/* Empty cells, of a grid whose base and n are given. good: false when there are too many. */
enum status grid_room(struct grid *g, size_t states, bool *good) MUST_USE;
void grid_clear(struct grid *g);
void grid_spans(struct grid *g);
/* Counts the ways that take the ends from..to - 1, behind the units `sum`. */
void grid_put(struct grid *g, uint32_t *cells, const struct way_ends *e, size_t from, size_t to, const int32_t *sum);
/* What is in `from` goes to `to`, every hop `by` cells lower; sums beyond `to` go to its first and last cells. Hops in the order of where they lead. */
void grid_add(struct grid *to, const struct grid *from, const struct hop *hop, size_t n);
/* Every cell becomes the sum of those that are not below it on any axis. */
void grid_gather(struct grid *g);
struct tables {
    struct edges edges;
    struct kinds kinds;
    struct sums sums;
    struct steps steps;
    struct halves halves;
    struct line_count *line;            /* [lines] */
    int *order;                         /* [lines] */
    struct added *added;                /* [lines] */
    struct beside *pairs; size_t n_pairs;   /* what forms were counted two at a time, as rule count has it; none: not at all */
    size_t room_line, room_order, room_added, room_pairs;
};
/* At least `least` and at most `most` sequences make one of the lines fail; ideal: what finer tables are likely to leave open. */
struct bounds { tally least, most, ideal; };
tally tally_capped(tally a, tally b, tally all);     /* a + b, at most all; a <= all */
void tables_clear(struct tables *t);
/* open: lines that are not positive everywhere; pairs: they may be counted two at a time. STATUS_OK with *expired: time is up, nothing is said. */
enum status tables_fill(struct bounds *out, struct tables *t, const struct cell *x, const struct count_rule *rule, const int *open, size_t n_open, bool pairs, const struct limits *l, bool *expired) MUST_USE;

/* Forms that fail together, behind their tables (count_chain.c); `rest` holds the open ones, and is put into another order. */
enum status chain_fill(struct bounds *out, struct tables *t, const struct cell *x, const struct count_rule *rule, int *rest, size_t n_rest, const struct limits *l, bool *expired) MUST_USE;

/* count_notes.c: what was done in a class with one query, as lines `part` of a certificate (FORMAT.md rule count, step 7): one for every part, in preorder. */
void notes_begin(struct text *out, const struct cell *x);                      /* the class, by one of its sequences */
void notes_less(struct text *out, size_t from, size_t to);                    /* without what is there */
void notes_rare(struct text *out, const struct tables *t, const int *open, size_t n_open, const int *name);     /* tables of rare forms; name[line]: its number in the class */
void notes_tables(struct text *out, const struct tables *t, const int *open, size_t n_open, const int *name);   /* the other tables, and the pairs */
/* The tokens of one side, which is returned: its part comes first. */
unsigned char notes_cut(struct text *out, const struct cell *x, size_t position, const unsigned char *side);

/* One class with one query (count_split.c): all lines positive, not, left open; pairs: some forms were counted two at a time. expired: time was up, and nothing is said. */
struct unit_count { tally yes, no, open; bool pairs, expired; struct text notes; };
struct counter *counter_new(struct problem *p, bool noted, const struct limits *l);   /* noted: notes are kept where they are wanted, and pairs looked at; NULL: no memory */
void counter_free(struct counter *w);
enum status counter_count(struct unit_count *out, struct counter *w, const struct class *c, size_t query, const struct count_rule *rule) MUST_USE;

/* Like problem_walk with WANT_NUMBER; `open` holds what the tables leave open (count_units.c). At most 2^125 sequences. notes: gets the lines of the classes in which forms were counted two at a time, or
 * at a price of their own; NULL: none are. */
enum status problem_count(struct walk_result *out, struct problem *p, const struct count_rule *rule, struct text *notes, const struct limits *l) MUST_USE;

/* An average whose value may be the smallest or largest of several lines. */
bool separable_parts_takes(const struct statement *s, struct text *why);
/* One round of the engine: an outcome under the rule; STATUS_TIMEOUT when time was up before all was looked at. */
enum status separable_count(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, const struct count_rule *rule) MUST_USE;
#endif
