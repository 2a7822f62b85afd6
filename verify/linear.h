/* linear: conditions, predicates and values at one final state of the features, as linear forms in the logits and the attention
 * pattern of the read-out row (FORMAT.md, separable, step 4):
 *     L = c + sum_j alpha_j logit_j + sum_i beta_i(t_i) attn_i       all numbers exact.
 * Everything is owned by its struct. */
#ifndef WEIGHTPROOF_VERIFY_LINEAR_H
#define WEIGHTPROOF_VERIFY_LINEAR_H
#include <gmp.h>
#include "verify/features.h"
#include "verify/separable_net.h"

struct term { size_t j; mpq_t a; };  /* j < n_out: logit j; n_out + cell: the attention to a position while it holds a token */
struct form_line { mpq_t c; struct term *terms; size_t n; };    /* one linear form; terms by ascending j, none zero */
enum forms { FORMS_ONE, FORMS_SMALLEST, FORMS_LARGEST };
struct form_set { enum forms kind; struct form_line *lines; size_t n; };   /* the one, the minimum or the maximum of the lines */

enum holds { HOLDS_NEVER, HOLDS_ALWAYS, HOLDS_ALL, HOLDS_NOT_ALL };
/* ALL: every line is > 0 (strict) or >= 0. NOT_ALL: its negation. antecedent: the A of a top-level A => B holds. */
struct decision { enum holds holds; struct form_set set; bool *strict; bool antecedent; };

struct linear {
    struct features *f;
    size_t n_out, n_src;
    const size_t *twin;               /* [n_out] columns that are one logit, NULL: keep them apart */
    bool own; size_t own_position, own_cell;    /* inside a sum over own tokens */
    /* A sequence that ends in the wanted state and has token k at position i; NULL when there is none. Asked inside such sums. */
    const int *(*through)(void *context, size_t i, size_t k); void *context;
    const int *tokens;                /* the representative */
};
void form_set_clear(struct form_set *s);
void decision_clear(struct decision *d);
/* The tokens of the representative are bound by these calls. STATUS_UNSUPPORTED with f->why. */
enum status linear_value(struct form_set *out, struct linear *l, const struct expr *e) MUST_USE;
/* Entry j of the row of logits, or of the attention pattern, which is 0 outside the mask. */
enum status linear_entry(struct form_set *out, struct linear *l, bool attn, size_t j) MUST_USE;
/* Does the condition of a comprehension (NULL: always) hold for the instance at hand? One that reads the network is refused. */
enum status linear_condition(bool *in, struct linear *l, const struct expr *where) MUST_USE;
enum status linear_decision(struct decision *out, struct linear *l, const struct expr *e) MUST_USE;
/* Lines without terms are decided and dropped: HOLDS_ALL or HOLDS_NOT_ALL is left with lines that read the network only. */
void decision_settle(struct decision *d);
/* Everything that the numbers depend on, as text: equal text, equal meaning. */
void decision_key(struct text *out, const struct decision *d);
#endif
