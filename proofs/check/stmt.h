/* stmt: the canonical statement (proofs/STATEMENT.md §1, §2): parser, resolution of names, canonical printer. */
#ifndef CHECK_STMT_H
#define CHECK_STMT_H
#include "array.h"
#include "base.h"
#include "net.h"
#include "num.h"

enum ex_kind {
    EX_LIT, EX_NAME, EX_VAR, EX_MODEL, EX_DATA, EX_WORD, EX_LAST, EX_RESULT, EX_STRING, /* leaves; EX_NAME only before names are resolved */
    EX_IF, EX_IFF, EX_IMPLIES, EX_OR, EX_AND, EX_NOT, EX_CMP, EX_IN,
    EX_ADD, EX_SUB, EX_MUL, EX_DIV, EX_MOD, EX_MATMUL, EX_NEG, EX_POW, EX_INDEX, EX_FIELD, EX_SLICE, EX_CALL, EX_GIVE, EX_TARGET, EX_LIST,
    EX_QUANT, EX_EXISTS, EX_IMAGE, EX_RANGE, EX_TOKENS, EX_PRODUCT
};
enum cmp { CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_EQ, CMP_NE };
enum quant { Q_MAX, Q_MIN, Q_SUM, Q_MEAN, Q_ARGMAX, Q_ARGMIN, Q_COUNT, Q_ALL, Q_ANY };
enum fn {
    FN_LOGITS, FN_OUTPUT, FN_ATTN, FN_SCORE, FN_HEAD_OUT, FN_RESID_PRE, FN_RESID_MID, FN_RESID_POST, FN_MLP_PRE, FN_MLP_POST, FN_NODE, FN_W, FN_QK, FN_OV,
    FN_PATCH, FN_ABLATE, FN_REPLACE, FN_STEER, FN_BLEND, FN_BIAS, FN_HEAD, FN_MLP, FN_NEURON, FN_EDGE, FN_ARGMAX, FN_ARGMIN, FN_ARGMAXES, FN_MAX, FN_MIN, FN_SUM, FN_MEAN, FN_ABS, FN_DIST, FN_NORM, FN_SORT, FN_DISTINCT,
    FN_CONTAINS, FN_LEN, FN_SEQ, FN_ONEHOT, FN_TRANSPOSE, FN_DIAG, FN_DOT, FN_MEAN_ROWS, FN_EXP, FN_SQRT, FN_SOFTMAX, FN_RADIUS, FN_FORM, FN_EIGENVALUES, FN_INERTIA, FN_RANK, FN_EIGENVECTOR, FN_TRUNCATE, FN_FOURIER, FN_LOGSOFTMAX, FN_PI, FN_SIN, FN_COS, FN_LOG, FN_EFFECTIVE_RANK, FN_SINGULAR_VALUES, FN_HOSVD, FN_GRAM, FN_ANTISYMMETRIC, FN_ROWS, FN_BALL, FN_BOX, FN_INTERVAL, FN_REALS, FN_ORTHANT, FN_CONE,
    FN_DISTANCE, FN_FLIP, FN_CHANGES, FN_FOLD, FN_NUMBER
};
enum target { TARGET_ZERO, TARGET_VALUE, TARGET_FROM, TARGET_MEAN, TARGET_ANY }; /* of EX_TARGET, in `number`: what stands after `to =`; the set of a mean or an any is that of its binder */
enum result_name { RESULT_NUMBER, RESULT_TOTAL, RESULT_FRACTION, RESULT_VALUE };

struct ex;
struct bind { char *name; int slot; struct ex *set; };
struct binds { struct bind *b; int n; };

/* One node. k[0..n-1] are operands in the order of the text; EX_SLICE has k[0], k[1] possibly NULL; EX_TOKENS has its length in `number`;
 * EX_QUANT, EX_EXISTS, EX_IMAGE bind `binds` in k[0] and where (which may be NULL). number: slot of EX_VAR, index of EX_MODEL and EX_DATA, and so on. */
struct ex { enum ex_kind kind; int number; char *name; struct num *lit; struct ex **k; int n; unsigned char *ops; struct binds binds; struct ex *where;
    bool constant, network, frozen; int depth; void *cache; }; /* constant: no variable, `last` or result inside; network: reads a run; frozen: a change whose last argument is `ln = frozen`; cache belongs to eval.c */

enum body { BODY_PROVE, BODY_COUNT, BODY_AVERAGE, BODY_MINIMIZE, BODY_MAXIMIZE, BODY_LIST };
struct model_name { char *name; char sha256[65]; struct net *net; };
struct data_name { char *name; char sha256[65]; const struct array *array; };

struct stmt {
    struct arena arena;
    struct model_name *models; int n_models;
    struct data_name *data; int n_data;
    bool float32, closed;             /* closed: `prove` without forall */
    enum body body;
    struct binds binds;               /* of forall or of the body */
    struct ex *where, *subject, *prove; /* where, prove may be NULL */
    struct num *within;               /* or NULL */
    bool has_at_most; uint64_t at_most;
    int n_slots;
    bool names_bias;                  /* somewhere: then networks have nodes for biases, see edit.h */
    char sha256[65];
};

bool stmt_read(struct stmt *out, const char *text, size_t n, struct fail *f); /* refuses text that is not canonical */
void stmt_clear(struct stmt *s);

/* The parser, for stmt.c and claims.c. */
enum token { T_END, T_BAD, T_NUMBER, T_NAME, T_STRING, T_SYMBOL };
struct parser { const char *begin, *at, *end; struct arena *arena; struct fail *f; int depth; enum token t; const char *s; size_t len; struct num *value; bool claims, raw; }; /* claims: comments and lines too; raw: the next token is a hash */
void parser_next(struct parser *p);
bool parser_is(const struct parser *p, const char *symbol_or_word);
bool parser_take(struct parser *p, const char *symbol_or_word);   /* false, without failing, when it is something else */
bool parser_want(struct parser *p, const char *symbol_or_word);
struct ex *parse_expression(struct parser *p, int level);         /* NULL on failure */
struct ex *parse_set(struct parser *p);
bool parse_binds(struct parser *p, struct binds *out);
struct ex *ex_new(struct arena *a, enum ex_kind kind, int n);
struct num *lit_new(struct arena *a);
void lits_clear(struct arena *a);        /* before arena_free */
bool fold_unary(struct arena *a, struct ex *x, struct ex **out);
struct ex *ex_binary(struct arena *a, enum ex_kind kind, struct ex *l, struct ex *r);

/* Gives every binder a slot and every name its meaning. */
struct scope { struct stmt *s; const struct bind *bound[64]; int n; bool results; struct fail *f; };
bool resolve(struct scope *c, struct ex *x);
bool resolve_binds(struct scope *c, struct binds *b); /* leaves the binders in scope */

void print_ex(struct buffer *b, const struct ex *x, int level);
bool same_text(const struct ex *a, const struct ex *b);               /* as they are printed */
void print_stmt(struct buffer *b, const struct stmt *s);
const char *fn_name(enum fn f);
bool is_ablate_key(const struct ex *x);
bool is_frozen_pair(const struct ex *x);
/* Does x rest on nothing but models and data: no variable but its own, no `last` but of its own indices? */
bool stmt_closed(const struct stmt *s, const struct ex *x);
#endif
