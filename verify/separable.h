/* separable: private to the engine of that name. A problem is one statement with its integer binders bound: a domain of token sequences cut
 * into classes (sequences on which the same linear forms decide), each with its automaton. Everything is owned by its struct. */
#ifndef WEIGHTPROOF_VERIFY_SEPARABLE_H
#define WEIGHTPROOF_VERIFY_SEPARABLE_H
#include "verify/engine.h"
#include "verify/features.h"
#include "verify/linear.h"
#include "verify/separable_domain.h"
#include "verify/separable_net.h"
#include "verify/separable_relaxed.h"

#define ENTRY_MOST 4095.0        /* size of an entry of a checker's tables */
#define SCORES_APART 500.0       /* another head's largest score less that of the first */

/* The forms of a class in doubles. A term's factor and every constant carry a relative error of at most 2^-53. */
struct lines_double {
    size_t K, Kp;                /* lines; rounded up to a multiple of 8 */
    double *c;                   /* [Kp] */
    size_t *first;               /* [K + 1] into j, a */
    size_t *j; double *a;        /* logit terms */
    double *beta;                /* [cells, Kp], or NULL */
    bool *strict;                /* [K] */
    double sum_alpha, max_c, max_beta;   /* largest over the lines, rounded up */
    size_t terms;                /* most terms of a line */
};
struct class {
    struct decision d;           /* of a predicate; for an optimum d.set holds the lines of the value, their minimum is asked for */
    struct automaton a;          /* accepts exactly the sequences of the class, and of a relaxed problem others too */
    mpz_t size;
    struct lines_double lines;
    unsigned char *live;         /* [cells] on some accepted sequence */
    long *values; size_t n_values; int *example;    /* of a relaxed problem: of its feature, and a sequence of the class */
};
struct problem {
    const struct statement *s;
    struct sequence t;
    struct alias image; const struct expr *image_set;   /* where t is bound to {E : B where C}: what B's sequence is of t; else NULL */
    size_t *first, cells;        /* offsets of the positions' sets: features->first */
    struct separable_net net;
    struct changed *changed;     /* of net, owned, or NULL */
    size_t row, n_src;
    int threads;
    bool float32;
    struct class *classes; size_t n_classes;
    mpz_t total;
    struct relaxed *relaxed;     /* an optimum whose feature has too many states; else NULL, as always for other bodies */
    unsigned char *used;         /* [n_src * V] */
    struct ball_tables *tiers[6]; /* 128, exact, 256, 512, 1024 bits: made when asked for */
    struct double_tables tables;
    struct double_tables more[HEADS_MOST - 1];   /* of net.more; D is not theirs */
    double *exponent;            /* [V, n_src, V]: float32: e^h - 1, h bounding the error of a computed exponent; NULL in real semantics */
    double *delta_logit;         /* [V]: float32: error of any logit at the row beyond that, by query token */
    double *delta_attn;          /* [V]: relative error of an attention weight beyond that */
    double *delta_attn_abs;      /* [V]: and its absolute error */
};
/* Binders other than the sequence's are bound in `in` already. value: the statement minimises or maximises `subject` (sign -1: negated), or averages it (sign 0; several: also a smallest or largest of lines).
 * STATUS_UNSUPPORTED with the reason in why. tables false: stops before the numbers (for `takes`). */
/* cells: for the engine of that name: an MLP may follow the attention, and every tuple of values of the subject's features is a class. */
/* exact: no relaxed automata. */
struct problem_options { bool value; int sign; bool tables; int threads; bool cells, several, exact; };
enum status problem_init(struct problem *p, const struct statement *s, const struct domain_binds *binds, const struct expr *where,
                         const struct expr *subject, struct interp *in, struct problem_options o, struct text *why) MUST_USE;
void problem_clear(struct problem *p);
enum status class_live(struct class *c, const struct problem *p) MUST_USE;   /* sets live */
/* How many threads the walks and optima of this problem are worth. */
int problem_threads(const struct problem *p);
enum status lines_double_init(struct lines_double *out, const struct decision *d, size_t n_out, size_t cells) MUST_USE;
void lines_double_clear(struct lines_double *l);
/* Certified bound of the float32 error of logits and attention weights; STATUS_UNSUPPORTED when an overflow cannot be excluded. */
enum status problem_float32(struct problem *p, struct text *why) MUST_USE;

/* cell: one class with one query token. Numbers of completions are exact below 2^126 (problem->total is held against that). */
typedef unsigned __int128 tally;
void tally_add(mpz_t to, tally n);   /* to += n */
struct cell {
    const struct problem *p; const struct class *c; int q;
    size_t Kp, capacity, lines;  /* lines: that are looked at, Kp rounded up */
    unsigned char *allowed;      /* [n_src cells] tokens of the part that is looked at (engine count); all of them otherwise */
    double *G; const struct class *G_of;  /* [n_src cells, Kp]: constant-free part of the lines, without the query's */
    double *h;                   /* [n_src cells, Kp]: weight times form */
    const double *top;           /* likewise from above, where h is from below (engine cells); NULL: h */
    double *w, *rad;             /* [n_src cells]: weight; radius of every h of the cell, with rounding and float32 error */
    double *low, *high;          /* per layer: [states, Kp] extrema over the accepted completions; radii of their products included */
    bool enclose;                /* or left out (false): the search for an optimum */
    bool below;                  /* float32: only least sums are asked for; every h has lost what executions may lose by their exponents */
    tally *count;                /* per layer: [states] accepted completions */
    size_t *layer;               /* [n_src + 2] first state of a layer */
    double *partial; int *active; size_t *n_active;    /* per depth */
    int *tokens;                 /* [n] */
    size_t room_G, room_h, room_states, room_Kstates;
};
enum status cell_init(struct cell *x, const struct problem *p) MUST_USE;
void cell_clear(struct cell *x);
/* low = min(low, h - rad + low'), high = max(high, h + rad + high'), entry by entry of n. */
void cell_extend_row(double *restrict low, double *restrict high, const double *restrict h, double rad, const double *restrict low_next, const double *restrict high_next, size_t n);
/* Fills everything for a class and a query token; *empty when no sequence of the class has that token at the row. shift: subtract shift from
 * every form (an optimum's candidate value). */
enum status cell_load(struct cell *x, bool *empty, const struct class *c, int q, double shift, bool enclose) MUST_USE;

enum status cell_count_rest(struct cell *x) MUST_USE;   /* count of the states behind the last source */

/* separable_siblings.c: the tokens of a position behind one state, looked at side by side in 32 bits. */
struct sibling_rows { size_t at; int32_t gap; unsigned char visits; bool made, flat /* least sums alone: the largest are within gap of them */, few /* completions fit */; };
struct siblings {
    tally unit;                  /* of completions: behind the last source every state has so many, or 1 */
    size_t n, width;             /* lines that are open at the root; tokens, rounded up to a multiple of 8 */
    size_t *line, *row; double *scale;   /* [n]; by line */
    int32_t margin, yes, no;     /* units of completions behind the tokens that the last look settled */
    struct sibling_rows *rows;   /* by state */
    int32_t *room; size_t used, room_rows;
    int32_t *low, *high; unsigned char *open;   /* [n_src, width]: the last look of every depth */
};
enum status siblings_load(struct siblings *l, const struct cell *x) MUST_USE;   /* for the cell that is loaded, with radii (enclose), and its open lines at depth 0 */
void siblings_clear(struct siblings *l);
/* At depth i, state s, from its partial sums and open lines; false: not looked at. Then what is said of the tokens of depth i, until the next look there. */
bool siblings_look(struct siblings *l, const struct cell *x, size_t i, size_t s);
bool siblings_count(tally *yes, tally *no, const struct siblings *l, const struct cell *x, size_t i, size_t s);   /* right behind the look: completions behind the tokens that are settled; false: too many */
/* The same of what is behind token k, which leads to state `to`; false: it is not all settled so. */
bool siblings_behind(tally *yes, tally *no, struct siblings *l, const struct cell *x, size_t i, size_t s, size_t k, size_t to);
size_t siblings_next(const struct siblings *l, size_t i, size_t k, size_t width);   /* the first token from k on that is not settled, or width */
enum truth siblings_truth(const struct siblings *l, size_t i, size_t k);           /* of token k, which leads somewhere; UNSETTLED: look at it by itself */

/* Truth of all lines in `active` at one complete sequence, by growing precision and the exact tie rule. */
enum truth problem_referee(struct problem *p, const struct class *c, const int *tokens, const int *active, size_t n_active);
/* Enclosure of the smallest line at one sequence. */
void problem_evaluate(arb_t out, struct problem *p, const struct class *c, const int *tokens, slong prec);

enum want { WANT_NUMBER, WANT_FIRST, WANT_ALL };
struct found { int *tokens; size_t n, room; };   /* n sequences of t.n tokens */
struct walk_result { mpz_t yes, no, open; struct found found; bool expired, capped; };
void walk_result_init(struct walk_result *r);
void walk_result_clear(struct walk_result *r);
/* Number of sequences on which the predicate is true, false, open. WANT_FIRST: the lexicographically first sequence on which it is `truth`;
 * WANT_ALL: all of them up to `cap`, sorted. */
struct walk_options { enum want want; bool truth; size_t cap; };
enum status problem_walk(struct walk_result *out, struct problem *p, struct walk_options o, const struct limits *l) MUST_USE;

/* The minimum over all classes that have lines. lo is certified with `slack` to spare, the value at tokens lies in [value - , value + ] = ball. */
struct optimum { bool any; double lo; arb_t value; int *tokens; bool certified, expired; };
void optimum_init(struct optimum *o);
void optimum_clear(struct optimum *o);
enum status problem_minimum(struct optimum *out, struct problem *p, double slack, const struct limits *l) MUST_USE;
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define VECTORS __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#else
#define VECTORS
#endif
#endif
