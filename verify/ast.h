/* ast: the syntax of the claim language (docs/claims.md, STATEMENT.md). One node type for expressions, predicates, sets,
 * components and arguments; `type` is filled by verify/types.c. Nodes live in an arena owned by the struct claims that parsed them. */
#ifndef WEIGHTPROOF_VERIFY_AST_H
#define WEIGHTPROOF_VERIFY_AST_H
#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>

enum form {
    FORM_NUMBER,      /* number */
    FORM_STRING,      /* name: the text */
    FORM_NAME,        /* name; slot >= 0: a bound variable; -1: model, data, number, total, fraction, value (after resolution nothing else is left) */
    FORM_LAST,        /* last, inside an index */
    FORM_UNARY,       /* oper OPER_NEG, OPER_NOT; args[0] */
    FORM_BINARY,      /* oper; args[0], args[1]: + - * / % @ ^ and or => <=> */
    FORM_COMPARE,     /* chain: args[0..n], opers[0..n-1] */
    FORM_IN,          /* args[0] in args[1] (a set, or argmaxes(v)) */
    FORM_IF,          /* args: condition, then, else */
    FORM_QUANT,       /* quant; body args[0]; binds; where */
    FORM_CALL,        /* function; args */
    FORM_LIST,        /* {e, ...}: args. A list of numbers, or a set after `in` */
    FORM_INDEX,       /* args[0] base, args[1..] indices */
    FORM_SLICE,       /* args[0], args[1], each may be NULL */
    FORM_FIELD,       /* args[0] . name */
    FORM_ASSIGN,      /* argument lhs = rhs: args[0], args[1] */
    FORM_KEYWORD,     /* name = zero | mean over | value | from | any over; args: its operand */
    FORM_RANGE,       /* set a..b */
    FORM_TOKENS_POWER,   /* tokens[args[0]] of args[1] */
    FORM_TOKENS_PRODUCT, /* tokens(args...) */
    FORM_IMAGE,       /* {args[0] : binds where} as a set */
    FORM_SET_CALL     /* rows(X), interval(a,b), box(a,b), ball(c,r,norm): function; args */
};
enum oper { OPER_NONE, OPER_NEG, OPER_NOT, OPER_ADD, OPER_SUB, OPER_MUL, OPER_DIV, OPER_MOD, OPER_MATMUL, OPER_POW,
    OPER_AND, OPER_OR, OPER_IMPLIES, OPER_IFF, OPER_LT, OPER_LE, OPER_GT, OPER_GE, OPER_EQ, OPER_NE };
enum quant { QUANT_MAX, QUANT_MIN, QUANT_SUM, QUANT_MEAN, QUANT_ARGMAX, QUANT_ARGMIN, QUANT_COUNT, QUANT_ALL, QUANT_ANY, QUANT_EXISTS };

/* The functions of the language: verify/function.def has one row each (code, name, arity, decided by the interpreter or not, meaning). */
enum function {
#define FUNCTION(code, name, ...) FUNCTION_##code,
#include "verify/function.def"
#undef FUNCTION
    FUNCTION_COUNT
};
struct function_info { const char *name; int min_args, max_args; bool decided; /* interpreter and checkers have it */ const char *meaning; };
extern const struct function_info function_table[FUNCTION_COUNT];

enum base { BASE_NONE, BASE_INT, BASE_EXACT /* rational */, BASE_REAL /* depends on a network value, or irrational */, BASE_BOOL,
    BASE_STRING, BASE_MODEL, BASE_DATA, BASE_COMPONENT, BASE_SET, BASE_FORMAL };
struct type { enum base base; /* of the elements */ size_t rank; long shape[3]; /* -1: not known before the binding */
              const struct type *element; /* of a set */ };

struct place { size_t offset, length; };
struct bind { char *name; int slot; struct expr *set; struct place at; };
struct binds { struct bind *items; size_t n; };

#define EXPR_MAX_DEPTH 200
struct expr {
    enum form form;
    struct place at;
    struct type type;
    enum oper oper; enum oper *opers;
    enum quant quant;
    enum function function;
    mpq_t number; bool has_number;
    char *name; int slot;
    struct expr **args; size_t n_args;
    struct binds binds; struct expr *where;   /* where may be NULL */
    size_t id;            /* unique in its statement: call sites keep run caches by it */
    int depth;            /* of the tree below it, at most EXPR_MAX_DEPTH */
};

/* The parts of an expression in the order of its text: arguments, bodies, the sets of binders, conditions. NULL beyond the last. */
const struct expr *expr_child(const struct expr *e, size_t i);
/* Every subexpression, parents first, in the order of the text, until `visit` returns false; false if it did. */
typedef bool expr_visit(const struct expr *e, void *context);
bool expr_walk(const struct expr *e, expr_visit *visit, void *context);
/* Does it read an activation of a network (logits, attn, node, ...)? Weights are constants and do not count. */
bool expr_depends_on_network(const struct expr *e);
bool expr_is_frozen(const struct expr *e);   /* the argument `ln = frozen` */
bool expr_uses_slot(const struct expr *e, int slot);
static inline bool expr_calls(const struct expr *e, enum function f) { return e->form == FORM_CALL && e->function == f; }
/* Of a model expression: does it change activations (patch, ablate, steer)? Those or the tensors of one model (replace)? Those, or is it a blend of two models? */
bool expr_patches(const struct expr *e);
bool expr_changes_model(const struct expr *e);
bool expr_is_intervention(const struct expr *e);
/* Sets used[slot] for every slot below n that occurs in e and is not bound inside it. */
void expr_free_slots(bool *used, size_t n, const struct expr *e);
/* The value of an expression of numbers alone (no names); false if it has another form. `last` counts as last if >= 0. */
bool expr_constant(mpq_t out, const struct expr *e, long last);
bool function_reads_network(enum function f);

/* Structural equality (bound variables by slot outside, by correspondence inside) and canonical text (STATEMENT.md §2). */
bool expr_equal(const struct expr *a, const struct expr *b);
struct text;
void expr_print(struct text *out, const struct expr *e);
const char *oper_text(enum oper o);          /* as it stands between its operands, with its spaces */
void binds_print(struct text *out, const struct binds *b);
#endif
