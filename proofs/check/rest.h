/* rest: what is left of an expression of the tokens when the first tokens are known (FORMAT.md §3, separable 3). Rests in normal form are kept once each, so that two
 * that are the same number are one state. Truths are 0 and 1. */
#ifndef CHECK_REST_H
#define CHECK_REST_H
#include "base.h"

enum rest_op {
    R_ERROR, R_NONE /* left out of a maximum or minimum */, R_INT, R_TOKEN /* v: its position */, R_SOME /* v: a position, whose token is one of `some` of it */, R_SUM, R_PROD, R_REM /* v: by */, R_MAX, R_MIN, R_EQ, R_LT, R_NOT, R_ALL, R_ANY,
    R_IF /* condition, then, else */, R_PICK /* index, entries */, R_ROW /* index; v: which table */, R_RANK /* v: 0 is the smallest */
};
struct rest { enum rest_op op; int64_t v; uint32_t n, id, from /* first position it reads, UINT32_MAX: none */; const struct rest **k; int64_t lo, hi; uint64_t set; bool small /* its values are among 0..63: set */, errs; };
struct rest_memo { uint64_t key; const struct rest *to; };
struct rests {
    struct arena arena;
    const struct rest **slot; size_t slots, n; struct rest **all; size_t room;
    struct { const int64_t *v; size_t n; int64_t lo, hi; } table[64]; int n_tables;
    struct rest_memo *memo; size_t memos, n_memo; uint32_t at;
    struct rest_once { uint32_t mark; const struct rest *to; } *once; size_t room_once; uint32_t mark, mark_at; int64_t mark_token; /* by id: those of one position and token have the mark */
    int64_t **tokens; const size_t *n_tokens;
    int64_t **some; const size_t *n_some; /* by position, for TOKEN_OF_SOME; the caller's */
};
#define TOKEN_OF_SOME (-1) /* in place of a token: one of `some`, whichever */
void rests_init(struct rests *r, int64_t **tokens, const size_t *n_tokens);
void rests_clear(struct rests *r);
/* NULL: too many, or a number that does not fit. An argument that is NULL gives NULL. */
const struct rest *rest_int(struct rests *r, int64_t v);
const struct rest *rest_of(struct rests *r, enum rest_op op, int64_t v, uint32_t n, const struct rest *const *k);
const struct rest *rest_pair(struct rests *r, enum rest_op op, const struct rest *a, const struct rest *b);
const struct rest *rest_choice(struct rests *r, const struct rest *c, const struct rest *a, const struct rest *b);
const struct rest *rest_row(struct rests *r, const int64_t *table, size_t n, const struct rest *index); /* the table is kept by the caller's arena */
/* After position i holds this token; positions in rising order. alone: the position is asked for one token after the other. */
const struct rest *rest_after(struct rests *r, const struct rest *x, uint32_t i, int64_t token, bool alone);
/* All rests up to x again, with their numbers, in `to`. false: too many */
bool rest_copy(struct rests *to, const struct rests *from, const struct rest *x);
/* false: x, where it is no error, has the value v for no choice of the tokens that it reads */
bool rest_may_be(const struct rest *x, int64_t v);
/* rest_errs.c: x is shown to be no error, whatever the tokens are */
bool rest_never_errs(struct rests *r, const struct rest *x);
#endif
