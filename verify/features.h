/* features: what a claim asks about the tokens themselves, found in its expressions and turned into one layered automaton
 * (FORMAT.md, separable, step 3). A feature is a scan: its value so far after each position is the state. A final state stands for all
 * sequences on which every feature has the same value; one such sequence, the representative, is kept, so that expressions of features
 * are evaluated by the interpreter on it. */
#ifndef WEIGHTPROOF_VERIFY_FEATURES_H
#define WEIGHTPROOF_VERIFY_FEATURES_H
#include <stdbool.h>
#include "verify/automaton.h"
#include "verify/interp.h"
#include "verify/residual.h"

enum scan { SCAN_MAX, SCAN_MIN, SCAN_SUM, SCAN_ANY, SCAN_ALL, SCAN_ARGMAX, SCAN_ARGMIN, SCAN_LARGEST, SCAN_SMALLEST, SCAN_RESIDUAL };
#define RANK_MOST 3           /* FORMAT.md: third largest and third smallest */
enum { USE_CONDITION = 1, USE_SUBJECT = 2 };

/* One sequence binder and where its network is read. sets[i][k]: k-th token of position i, ascending. */
struct sequence { int slot; size_t n; int **sets; size_t *n_set; };
/* The sequence that an image set {E : B where C} is made of, in terms of t: its token j is this number, or t[at]. */
struct copied { bool known; long value; size_t at; };
struct alias { int slot; struct copied *tokens; size_t n; };
struct feature {
    enum scan scan;
    bool guard;                  /* sequences for which it is 0 are left out at once */
    unsigned rank;               /* of SCAN_LARGEST and SCAN_SMALLEST: 1, 2, 3 */
    unsigned uses;
    int term;                    /* of SCAN_RESIDUAL */
    long *value;                 /* [sum of n_set], position after position */
    unsigned char *in;           /* [sum of n_set] */
};
struct opened { const struct binds *binds; const struct opened *outer; };
struct features {
    const struct sequence *t;
    struct interp *in;
    const struct expr *model; /* the one network that is read, or NULL */
    size_t row; bool has_row; /* its read-out row */
    bool attn;                /* the attention pattern is read */
    long last_bound;          /* value of the binder that features_each bound last */
    const struct opened *opened; /* the comprehensions over network values around what is being looked at */
    const struct alias *alias; /* set by the caller after features_init, or NULL */
    bool whole;               /* set by the caller after features_init: expressions without networks are features as they are, not their parts */
    bool guards_where;        /* the guard says all that the condition says */
    size_t *first;            /* [n + 1] offset of position i in value and in */
    struct feature *items; size_t n, room;
    struct residual terms;   /* of the features that only terms follow */
    struct text *why;
    struct diag diag;         /* of evaluations that failed */
};
enum status features_init(struct features *f, const struct sequence *t, struct interp *in, struct text *why) MUST_USE;
void features_clear(struct features *f);
enum status features_refuse(struct text *why, const char *reason);   /* STATUS_UNSUPPORTED; the first reason stays */
/* Adds the features of e. STATUS_UNSUPPORTED with `why` when e is not of the shape that the rule takes. */
enum status features_find(struct features *f, const struct expr *e, unsigned use) MUST_USE;
/* A truth that decides whether a sequence counts at all: that it is in the image set (or NULL), and, where terms follow it (guards_where), the condition (or NULL). */
enum status features_guard(struct features *f, const struct expr *image, const struct expr *where) MUST_USE;
/* Binds the sequence to tokens (values, not indices). */
void sequence_bind(const struct sequence *t, struct interp *in, const int *tokens);

/* Forward automaton of all features: output[s] = s; values[s * width ...] the final values, tokens[s * n ...] the representative. */
struct scanner {
    struct automaton a;
    size_t n_final, width; long *values; int *tokens;
};
/* most: states behind a position; more are refused. */
#define SCANNER_STATES ((size_t)1 << 20)
enum status scanner_build(struct scanner *out, struct features *f, size_t most) MUST_USE;
void scanner_clear(struct scanner *s);

/* Shapes shared with linear.c. */
bool expr_is_slot(const struct expr *e, int slot);
/* Integer of an index: `last` is size - 1; other names must be bound. false with why when it is no integer. */
enum status features_index(long *out, struct features *f, const struct expr *e, size_t size) MUST_USE;
enum status features_truth(bool *out, struct features *f, const struct expr *e) MUST_USE;
enum status features_int(long *out, struct features *f, const struct expr *e) MUST_USE;
/* Every binding of constant binders from number k on, where condition included by the caller: calls visit with the slots bound. */
typedef enum status bind_visit(void *context);
enum status features_each(struct features *f, const struct binds *b, size_t k, bind_visit *visit, void *context) MUST_USE;
/* Is e a sum over i whose body reads attn[.., i] and whose terms depend on the token t[i] itself? */
bool sum_over_own_tokens(const struct features *f, const struct expr *e);
#endif
