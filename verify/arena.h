/* arena: memory that lives as long as the claims parsed into it. Everything handed out is zeroed and released by arena_clear,
 * the numbers of its expressions included. NULL without memory; `failed` is then set and stays set. */
#ifndef WEIGHTPROOF_VERIFY_ARENA_H
#define WEIGHTPROOF_VERIFY_ARENA_H
#include "verify/ast.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    mpq_ptr *numbers; size_t n_numbers, room;   /* to be cleared */
    size_t n_exprs;
    bool failed;      /* an allocation failed */
    bool full;        /* more expressions than a file may have: was reported */
    bool too_deep;    /* an expression would have been deeper than EXPR_MAX_DEPTH */
    bool too_large;   /* a literal would have had more than NUMBER_MAX_BITS bits */
};
#define NUMBER_MAX_BITS 65536

void arena_init(struct arena *a);
void arena_clear(struct arena *a);
void *arena_array(struct arena *a, size_t n, size_t size);
char *arena_string(struct arena *a, const char *s, size_t n);
/* A growing array inside the arena: room for one more element, doubling; the old array stays in the arena. */
void *arena_grow(struct arena *a, void *old, size_t n, size_t size);

struct expr *expr_new(struct arena *a, enum form form, struct place at);
struct expr *expr_number(struct arena *a, struct place at, const mpq_t q);
struct expr *expr_integer(struct arena *a, struct place at, long n);
/* With literals as operands these give the literal (STATEMENT.md §2). NULL operands give NULL. */
struct expr *expr_unary(struct arena *a, struct place at, enum oper oper, struct expr *x);
struct expr *expr_binary(struct arena *a, struct place at, enum oper oper, struct expr *x, struct expr *y);
bool expr_add_arg(struct arena *a, struct expr *e, struct expr *arg);  /* false without memory, without arg, or too deep */
/* Notes that child stands below e (binders' sets, conditions); false when that is too deep. */
bool expr_deepen(struct arena *a, struct expr *e, const struct expr *child);
bool number_fits(const mpq_t q);
/* x to the power e, exactly: false when it is not a literal by STATEMENT.md §2 (or too large, see *too_large). */
bool number_power(mpq_t out, const mpq_t x, const mpq_t e, bool *too_large);
#endif
