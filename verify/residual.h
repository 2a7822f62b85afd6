/* residual: what is left of an integer (or truth) expression of the tokens once the first of them are known, as a term in normal form. Equal terms have equal
 * numbers, so that the terms are the states of a layered automaton which computes the expression, whatever it is: `distinct(t)` leaves the set of tokens seen,
 * an order the last one, a table-driven automaton its state. Truths are 0 and 1. Every struct owns its arrays. */
#ifndef WEIGHTPROOF_VERIFY_RESIDUAL_H
#define WEIGHTPROOF_VERIFY_RESIDUAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/status.h"

enum rest_op {
    REST_ERROR,      /* an index out of range, a maximum of nothing */
    REST_NOTHING,    /* an entry that a condition leaves out of a maximum or minimum */
    REST_CONST, REST_TOKEN /* value: the position */, REST_SOME /* value: the position, whose token is known to be one of `some` */, REST_ADD, REST_MUL, REST_MOD /* value: by */, REST_MAX, REST_MIN, REST_EQ, REST_LESS, REST_NOT, REST_AND, REST_OR,
    REST_IF /* condition, then, else */, REST_AT /* index, entries */, REST_TABLE /* index; value: which table */, REST_RANK /* value: 0 is the smallest of the arguments */
};
#define REST_NONE (-1)           /* no memory, or a limit: residual.failed says which */
struct rest { enum rest_op op; long value; size_t first, n; /* arguments */ size_t low; /* first position it reads, SIZE_MAX: none */ long lo, hi; uint64_t mask; bool masked; /* values among 0..63 */ bool errs; };
struct rest_step { unsigned mark; int to; };
struct residual {
    struct rest *terms; size_t n, room;
    int *args; size_t n_args, room_args;
    int *slots; size_t n_slots;
    struct rest_step *steps; size_t room_steps, at, token; unsigned mark; /* [terms] what they become under the position and token that are substituted: those with the mark */
    struct { long *v; size_t n; long lo, hi; } *tables; size_t n_tables, room_tables;
    int *const *sets; const size_t *n_set; size_t n_positions;   /* tokens by position, ascending; not owned */
    int *const *some; const size_t *n_some;                      /* residual_step_some: those that are left, or NULL; not owned */
    enum status failed;
};
void residual_init(struct residual *r, int *const *sets, const size_t *n_set, size_t n);
void residual_clear(struct residual *r);
/* Terms in normal form. REST_NONE among the arguments gives REST_NONE. */
int rest_const(struct residual *r, long v);
int rest_token(struct residual *r, size_t position);
int rest_error(struct residual *r);
int rest_nothing(struct residual *r);
int rest_make(struct residual *r, enum rest_op op, long value, const int *args, size_t n);
int rest_two(struct residual *r, enum rest_op op, int a, int b);
int rest_not(struct residual *r, int a);
bool rest_is_false(int a);
int rest_if(struct residual *r, int c, int x, int y);
/* a and b, a or b, from the left: b counts only if a does not settle it. */
int rest_then(struct residual *r, bool and, int a, int b);
int rest_lookup(struct residual *r, int index, const long *table, size_t n);
/* The term after position i holds its k-th token. Positions in ascending order; one token after the other, as what is known is kept for one. */
int residual_step(struct residual *r, int term, size_t i, size_t k);
/* The term after position i holds one of the tokens in `some`, whichever it is. */
int residual_step_some(struct residual *r, int term, size_t i);
/* false: the term, where it is no error, is v for no choice of the tokens that it reads. */
bool residual_may_be(const struct residual *r, int term, long v);
/* The first n terms stay. */
void residual_forget(struct residual *r, size_t n);
/* The terms up to this one, with their numbers; the sets are those of `from`. */
enum status residual_copy(struct residual *out, const struct residual *from, int term) MUST_USE;
#endif
