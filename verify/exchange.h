/* exchange: tokens that a claim cannot tell apart, found from the weights and the text (FORMAT.md §3, Exchangeable tokens). The tokens of every position begin as one group, and
 * what tells some of them apart parts it. */
#ifndef WEIGHTPROOF_VERIFY_EXCHANGE_H
#define WEIGHTPROOF_VERIFY_EXCHANGE_H
#include "verify/interp.h"

/* The tokens of a position, rising, and the group of each: equal numbers, below `groups`. */
struct grouped { long *v; size_t *group, n, groups; };
struct exchange {
    const struct statement *s;
    struct interp *in;
    int slot;                    /* of the sequence */
    struct grouped *at; size_t len;
    struct exchange_var { int slot; long *v; size_t n; } vars[64]; size_t n_vars;   /* the values of variables, NULL where they are not known */
    int *equal;                  /* len tokens */
    size_t done;                 /* evaluations */
    enum status status;
};
/* sets: one or one a position, their sizes, and how many there are. false: no memory. */
bool exchange_begin(struct exchange *x, const struct statement *s, int slot, size_t len, long *const *sets, const size_t *sizes, size_t n_sets);
void exchange_clear(struct exchange *x);
bool exchange_parted(const struct exchange *x, size_t at);       /* is every token at this position a group by itself? */
/* Parts groups at the position: tokens stay together when their keys are equal. */
bool exchange_part(struct exchange *x, size_t at, const size_t *keys);
void exchange_part_all(struct exchange *x, size_t first, size_t last);
/* All these positions have the same sets: they get the same groups. */
bool exchange_join(struct exchange *x, const size_t *at, size_t n);

/* exchange_net.c: parts tokens whose rows of the embeddings are different, in every network that e reads. false: a network that may tell more apart, or no memory; *reads: it reads one. */
bool exchange_nets(struct exchange *x, bool *reads, const struct expr *e);
/* exchange_claim.c: parts what e tells apart. false: it may tell more apart, or no memory. */
bool exchange_expr(struct exchange *x, const struct expr *e);
bool exchange_add_var(struct exchange *x, const struct bind *b); /* false: too many, or no memory */

/* What came of it: by position, the least tokens of groups and how many are in the group. */
struct token_class { long least; uint64_t n; };
struct exchanged { struct token_class *classes; size_t *first, len; };   /* those of position i: first[i] .. first[i + 1] - 1, of two tokens or more; classes NULL: none */
bool exchange_result(struct exchanged *out, const struct exchange *x);
void exchanged_clear(struct exchanged *e);
uint64_t exchanged_weight(const struct exchanged *e, const int *t);
/* The lines of the certificate; {...} of the tokens of a position that are evaluated, as an expression. */
bool exchange_lines(struct text *out, const struct exchange *x);
struct arena;
struct expr *exchange_set(struct arena *a, const struct exchange *x, size_t at);
#endif
