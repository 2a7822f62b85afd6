/* cells: private to the engine of that name. One layer of attention heads, perhaps an MLP of relus behind them, read at one row. A cell is one query token with one class of the
 * problem (one tuple of values of the features). In it Z_1 / Z_h of every other head h gets an interval, at whose
 * ends the others' averages are sums over Z_1 too; every relu gets an interval of what it reads and then a linear bound; what is left is a sum over positions again (docs/methods.md; FORMAT.md rule cells). Nothing here is rigorous: the checker recomputes what a certificate says. */
#ifndef WEIGHTPROOF_VERIFY_CELLS_H
#define WEIGHTPROOF_VERIFY_CELLS_H
#include "verify/separable.h"

struct pairs_of { double c, tangent, above, a[2]; size_t j[2]; };
#define AT_MOST 4                    /* sequences that one leaf names */

/* What all cells of a problem share. */
struct cells_shared {
    const struct problem *p;
    double *effect;              /* [units, n_out]: what a unit's relu adds to each logit (with a final LayerNorm, to each numerator) */
    double *centred;             /* [units, rests]: and to the row that the LayerNorm has centred */
    bool count;                  /* cells on which the predicate is false everywhere are worth a leaf */
    bool value; double target;   /* an optimum: all lines are to be at least the target */
    size_t nodes;                /* leaves that one cell may try */
    double spare;                /* of a count: parts of no more sequences stay open */
};
/* What is known of a unit: what it reads lies in [lo, hi], both short dyadic numbers; '+': never below 0, '-': never above. */
struct unit_bound { char phase; double lo, hi, slope; bool sloped; };

/* A token of a source, and the state behind it, counted through all positions. */
struct cells_step { unsigned cell, to; };

/* One cell; belongs to one thread. */
struct cells_room {
    const struct cells_shared *s; const struct class *c; int q;
    size_t cells;                /* of the sources */
    unsigned char *off;          /* [cells] tokens that a split has taken away */
    unsigned char *may;          /* [cells] neither that nor another token than the query at its row */
    unsigned char *left;         /* [cells] on some sequence that is left */
    int *centre;                 /* [n] a sequence; what the other heads' averages are there is */
    double *middle;              /* [heads, J] middle: their terms are less that, and the first head's more by the sum, which stands in the first row */
    unsigned char *alive, *reached;   /* [states] some completion is left; and some beginning */
    struct cells_step *step; size_t *step_from;   /* the steps that are left of state s are those from step_from[s] to step_from[s + 1] */
    size_t *layer;               /* [n_src + 2] */
    size_t heads, corners;       /* corners: choices of an end for every other head, 2^(heads - 1) */
    double *w;                   /* [heads, cells] weights over the head's largest one that is left; 0 for the others */
    double ratio[HEADS_MOST][2]; /* [head]: Z_1 / Z_h of these weights lies there; of the first 1 */
    double largest[HEADS_MOST];  /* size of an entry of the head's C */
    double shown[HEADS_MOST][2]; /* the same of the true weights: what the certificate says */
    double *g, *low; size_t K, Kp;   /* [cells, Kp] terms; [states, Kp] their least sums */
    size_t room_g, room_low, room_states, room_steps;
    size_t n_read;               /* units and, where lines have multiples of sigma, entries of the row that the final LayerNorm centres: what has an interval */
    size_t n_bent;               /* such entries, 0 where no line has a multiple; */
    bool by_row;                 /* and of one head without units a leaf first names a row instead of their intervals */
    bool few;                    /* the part's sequences may be looked at one by one */
    double *least;               /* [n_read, 2] least of z and of -z, where the next search starts */
    int *live;
    struct unit_bound *unit;     /* [n_read]; of the entries without what the relus add */
    double most[HEADS_MOST];     /* the head's largest weight that is left, over its largest of all */
    bool has_reach;
    double *reach;               /* [n_read] largest size of what a unit reads of one source */
    double Z[HEADS_MOST];        /* least sums of weights */
    double *slope, *rest;        /* [K, units], [K]: of the lines */
    struct pairs_of *pairs;      /* [K] the same lines, where each is a difference of two logits and a constant */
    size_t n_columns, width; int *column; /* the lines that sums are made of, each with `width` terms: 1 or the number of corners */
    size_t *slot;                /* [n_columns] a line's first term */
    unsigned char *done, *plain; /* [K] lines that a sum shows already; without corners: what words of lines other than bounds show */
    unsigned char *known;        /* [K] those that the words of a split above show to be positive */
    size_t line;                 /* the one that is furthest from being shown */
    size_t n_at; int *at;        /* [AT_MOST, n] sequences around which sums were made, one after the other */
    int *tokens, *best;          /* a sequence; the one with the smallest value so far */
    unsigned *path;              /* [n_src] cells of the last path */
    int *seen[2]; bool has_seen[2];   /* in a count: the last sequences below 0 and above it */
    bool coarse, bounded;        /* no corners; the part has its intervals */
    double *z, *y;               /* what the units read there, what a line's columns are */
    double *row, sigma;          /* [rests] the centred row there, 1 or what it is divided by */
    double *towards, tau;        /* cells_norm.c: a row y and |(y, sqrt eps)| */
    double *tangent;             /* [heads, cells] of sigma there, at most sigma; also units' */
    double *tangent_unit, bend;  /* [units]; sigma is at most the tangent and bend */
    double *above; bool by_source, falls;   /* [cells] sigma of a source's own row: without intervals (by_source) sigma is at most their average; needed where some multiple is below 0 (falls) */
    double far;                  /* size of these tangents and sigmas */
    double best_value;
    struct each_room { double *term, *together[2], *sum, *row, *scale, *kappa; size_t *n, *first, room_term, room_together[2], room_sum, room_row, room_scale, room_kappa, room_n, room_first; } each;   /* cells_each.c */
    struct cells_tables *tables; /* cells_tables.c */
    bool tabled;                 /* some part was left with them */
    size_t tried;
    double part;                 /* sequences that are left, of a count */
    tally yes, open;             /* sequences of leaves on which the predicate is true, of open ones */
    struct text *out;
};
enum status cells_room_init(struct cells_room *x, const struct cells_shared *s) MUST_USE;
void cells_room_clear(struct cells_room *x);

/* cells_sums.c */
/* Makes the room one of this cell; *empty: no sequence of the class has the token. */
enum status cells_load(struct cells_room *x, bool *empty, const struct class *c, int q) MUST_USE;
bool cells_alive(struct cells_room *x);                  /* recomputes alive, left and the steps; false when nothing is left */
void cells_weights(struct cells_room *x);                 /* w of what is left */
enum status cells_terms(struct cells_room *x, size_t K) MUST_USE;   /* room for K terms a cell */
void cells_least(struct cells_room *x);                  /* low from g; the least sums are low[0..K-1] */
void cells_path(struct cells_room *x, size_t k);         /* tokens: a sequence with the least sum of term k, first in lexicographic order */
void cells_first(struct cells_room *x);                  /* tokens: the first sequence in lexicographic order */
double cells_read(const struct cells_room *x, size_t position, size_t token, size_t column);   /* D + C, of the first head */
double cells_other(const struct cells_room *x, size_t head, size_t position, size_t token, size_t column);   /* C of another head */
void cells_row(const struct cells_room *x, double *y, size_t n, size_t head, size_t position, size_t token);   /* the first n columns of one of these */
/* The other heads' averages are taken around what they are at these tokens (NULL: around 0): the interval of Z_1 / Z_h then meets only what they differ by. */
void cells_around(struct cells_room *x, const int *tokens);
double cells_weight(const struct cells_room *x, size_t head, size_t position, int token);
double cells_rate(const struct cells_room *x, size_t corner, size_t head);   /* an end of the interval of Z_1 / Z_h */
void cells_sums_of(const struct cells_room *x, double *Z, const int *tokens);  /* [heads] sums of weights there */
void cells_at(const struct cells_room *x, size_t *position, size_t *token, size_t cell);
enum status cells_bounds(struct cells_room *x) MUST_USE; /* unit, Z */
enum status cells_count(tally *out, const struct cells_room *x) MUST_USE;   /* sequences that are left; exact below 2^125 */

/* cells_leaf.c */
enum cells_answer { CELLS_CLOSED, CELLS_OPEN, CELLS_BELOW };   /* BELOW: best has a value under 0 (or under the target) */
/* Writes the lines of the cell to out. */
enum status cells_decide(enum cells_answer *out, struct cells_room *x, const struct limits *l) MUST_USE;
/* Without bounds: best and best_value of the cell's first sequence, or, further, from there downwards. */
enum status cells_probe(struct cells_room *x, bool further) MUST_USE;

/* cells_split.c */
/* Neither on nor off. */
static inline bool cells_free(const struct unit_bound *b) { return b->phase == '~' && b->lo < 0 && b->hi > 0; }
bool cells_has_seen(const struct cells_room *x, bool positive);   /* is the last sequence of that sign in the part? */
/* The position whose tokens move most of what makes the line loose, and what that is. */
size_t cells_widest(const struct cells_room *x, size_t line, size_t *what);
/* Takes away the tokens on one side of the middle; named gets the others, whose number is returned. */
size_t cells_halve(const struct cells_room *x, size_t line, size_t i, size_t what, unsigned char *named);

/* cells_norm.c: sigma = sqrt(mean of (row)^2 + eps) of a final LayerNorm between linear functions of the averages and relus. */
double cells_kappa(const struct cells_room *x, size_t line);   /* of a line of logits with a final LayerNorm: its multiple of sigma, which replaces its constant; else 0 */
bool cells_normed(const struct cells_room *x, size_t line);    /* is it one? */
bool cells_bent(const struct cells_room *x);                   /* has some line such a multiple? */
double cells_sigma(const struct cells_room *x, const double *row);   /* of a centred row */
void cells_tangent(struct cells_room *x);                      /* tau and tangents at the row `towards` */
void cells_bend(struct cells_room *x);                         /* towards the middle of the entries' intervals; tangents and bend */
void cells_row_tangent(struct cells_room *x);                  /* the row at the sequence in centre; tangents and above */
double cells_sigma_term(const struct cells_room *x, double kappa, size_t head, size_t cell);   /* kappa sigma from below, but for the units */

/* cells_sequence.c: what one sequence makes, in doubles */
void cells_read_row(struct cells_room *x, const int *tokens);   /* y, z, and behind a LayerNorm row and sigma */
double cells_value(struct cells_room *x, size_t *line);         /* the least line at the sequence in tokens, and which one that is */
double cells_keep_best(struct cells_room *x);                   /* that, kept where none before had a smaller one, and as one of its sign */
enum status cells_descend(struct cells_room *x, size_t line) MUST_USE;  /* from there to sequences at which the line is less */

/* cells_lines.c */
double cells_factor(const struct cells_room *x, size_t line, size_t u);   /* what unit u's relu adds to a line, by size */
/* A line at a token of a source: of the first head with everything that is constant, of another one what its average adds. The source's row stands in y. */
double cells_line_at(const struct cells_room *x, size_t line, size_t head, size_t cell, double sign);
double cells_logits_at(const struct cells_room *x, size_t line, size_t head, size_t cell);   /* without units and sigma */
/* cells_dense.c: g of the lines named in column, where they are alike enough, else *done is false; slot. */
enum status cells_dense(bool *done, struct cells_room *x, double sign) MUST_USE;
void cells_slopes(struct cells_room *x, double sign);   /* slope and rest of all lines, or of their negatives, from the units' bounds */
/* g, slot and low of the lines named in column, from slope and rest; sign -1: of their negatives. */
enum status cells_lines(struct cells_room *x, double sign) MUST_USE;
/* Least sums of all lines that are not shown, from the units' bounds. *margin: the least, less what the checker's rounding may take (of a negated conjunction the largest); above 0 all (one) are
 * shown. Else line is that one, and tokens a sequence at which its sum is least. */
enum status cells_relaxed(struct cells_room *x, bool negated, double *margin) MUST_USE;

/* cells_tables.c: the lines of a part that are not done, counted by tables around the sequence at hand. */
struct cells_part { tally least, most; bool good; };     /* sequences on which some line is not positive; good: the part may be left so */
enum status cells_count_part(struct cells_part *out, struct cells_room *x, const struct limits *l) MUST_USE;
void cells_write_tables(struct text *out, const struct cells_room *x);
void cells_tables_free(struct cells_tables *t);

/* cells_limits.c: are the numbers of this leaf, from unit, slope and rest, within those that the rule computes with? sign: -1 for the negatives of the lines. */
enum status cells_fit(bool *fits, const struct cells_room *x, double sign);
double cells_term_most(const struct cells_room *x);              /* of a term of a sum, */
double cells_scale(const struct cells_room *x, size_t line);     /* the line times this */

/* cells_each.c: a part's sequences one by one. */
enum each_when { EACH_AT_ONCE, EACH_CHEAP, EACH_LAST };      /* before sums are tried, before more than one kind of them is, before the part is split */
bool cells_each_serves(const struct cells_room *x, const unsigned char *shown, enum each_when when);   /* is that worth while? shown: lines that need not be looked at */
enum status cells_each(bool *done, size_t *yes, size_t *no, struct cells_room *x) MUST_USE;   /* those whose lines are all positive; not; the others are too near to tell. Not done: terms are beyond the rule's limits */

/* cells.c. What the search over all problems of a statement found so far. */
struct cells_search {
    bool count, value;
    double within;               /* a count: the share of the sequences that may stay open */
    struct text lines;           /* of the certificate */
    double target, slack;        /* an optimum: every line so far is shown to be at least the target; slack: how far it is set below a value */
    bool has_best, tables;       /* tables: some parts were left with tables, which a checker makes in its own way */
    mpz_t yes, open;             /* sequences */
    bool below, expired;         /* tokens: a sequence whose least line is below 0 (an optimum: the smallest value) */
    int *tokens;
};
void cells_search_init(struct cells_search *c);
void cells_search_clear(struct cells_search *c);
/* below is set when tokens is new. */
enum status problem_cells(struct cells_search *c, struct problem *p, const struct limits *l) MUST_USE;
/* separable.c */
enum status separable_cells(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d) MUST_USE;
bool separable_cells_takes(const struct statement *s, struct text *why);
#endif
