/* eval: the meaning of expressions (STATEMENT.md §3, §4) over enclosures with p fractional bits, three-valued.
 * Variables hold integers or sequences of integers. Values live in a pool until the next eval_reset. */
#ifndef CHECK_EVAL_H
#define CHECK_EVAL_H
#include "run.h"
#include "stmt.h"

#define PRECISIONS 4                      /* 64, 128, 256, 512 fractional bits */
extern const unsigned precision[PRECISIONS];

struct var { bool set, seq; int64_t v; const int64_t *s; uint32_t n; };
enum vtype { V_NUM, V_TRI, V_ARRAY, V_TABLE };
/* V_ARRAY: rank 1..3, entries in row-major order. V_TABLE: rows of a node, computed when read; d[0] = length, d[1] = width. */
struct val { enum vtype type; enum tri tri; int rank; uint32_t d[3]; struct num *x; struct run *run; uint32_t run_id; int node; };

struct means;
struct attended;
/* Rows of an unchanged model, over the reals, by a faster evaluator: enclosures with p fractional bits of row i of a node on the tokens. false: not available */
struct quick { bool (*row)(struct quick *q, const struct net *net, const int64_t *tokens, uint32_t n, int node, uint32_t i, unsigned p, struct num *out); };
struct edited;
struct replaced { const struct ex *x; struct net *net; const struct net *base; };
struct chunk { struct num *x; size_t n; };
struct pool { struct chunk *c; size_t n_chunks, chunk, used; };

#define RUNS 24
struct eval {
    const struct stmt *s;
    unsigned p;
    struct var *env;                      /* by slot */
    struct fail fail;
    struct pool pool;
    struct run runs[RUNS]; uint32_t next_run, next_id;
    bool has_last; int64_t last;
    struct num *kept; size_t n_kept, kept_room; struct val *caches[256]; int n_caches; /* constant subexpressions */
    struct means **means; int n_means;    /* of ablate, ablate.c */
    struct attended **attended; int n_attended; /* means of attention, means_attention.c */
    struct quick *quick;                  /* for rows of means (means.c), which are not kept then; NULL: none */
    struct forms *forms;                  /* form.c */
    struct radii *radii;                  /* radius.c: what the certificate's lines `radius` show, or NULL */
    struct edited **edited; int n_edited; /* networks with parts, and with other tensors: patched.c */
    struct replaced *replaced; int n_replaced;
    struct net *biased[64];               /* by model of the statement, where it names a bias */
};

void eval_init(struct eval *e, const struct stmt *s);
void eval_clear(struct eval *e);
void eval_reset(struct eval *e);          /* forget values; keep runs */
void eval_next_id(struct eval *e);                                     /* a tag that no number has yet */
bool eval(struct eval *e, const struct ex *x, struct val *out);          /* false: e->fail says why */
bool eval_int(struct eval *e, const struct ex *x, int64_t *out);
enum tri eval_decide(struct eval *e, const struct ex *x); /* truth at growing precision; YES for NULL; OPEN with e->fail set after an error */
bool eval_value(struct eval *e, const struct ex *x, unsigned p, struct num *out); /* one number, enclosed at p bits or exact */

/* Calls f once for every binding of b (env holds it); f returns false to stop. Returns false when stopped or on an error (then e->fail is set). */
typedef bool each_fn(struct eval *e, void *arg);
bool eval_each(struct eval *e, const struct binds *b, each_fn *f, void *arg);
/* A share of the bindings: of every `parts` beginnings, the one number `part`. met: 0 at first. */
struct split { uint32_t part, parts; uint64_t met; };
/* The same, in any order, without some of the bindings for which `where` is false; *skipped grows by their number. split may be NULL; the shares together have all.
 * *holds says at each call of f whether `where` is known to be true. */
bool eval_each_where(struct eval *e, const struct binds *b, const struct ex *where, struct split *split, uint64_t *skipped, bool *holds, each_fn *f, void *arg);
bool is_range(const struct ex *set);      /* a..b or rows(X) */
bool eval_set_values(struct eval *e, const struct ex *set, int64_t **out, size_t *n); /* a set of integers; caller frees with mem_free */
enum tri eval_member(struct eval *e, const struct ex *set, const struct var *v);      /* is v in the set, as a binding of a binder */

/* The element sets of a token set, one list a position; tokens[n] shares one list. */
struct product { uint32_t n; int64_t **v; size_t *size; bool shared; };
bool product_init(struct eval *e, struct product *p, const struct ex *set);
void product_clear(struct product *p);

/* eval_truth.c */
bool eval_cmp(struct eval *e, const struct ex *x, struct val *out);
bool eval_in(struct eval *e, const struct ex *x, struct val *out);
bool eval_connective(struct eval *e, const struct ex *x, struct val *out);
bool eval_if(struct eval *e, const struct ex *x, struct val *out);

/* functions.c */
bool eval_call(struct eval *e, const struct ex *x, struct val *out);
enum tri unique_largest(struct eval *e, const struct val *v, int64_t i);
bool val_all_int(const struct val *v);
size_t val_size(const struct val *v);
struct num *largest_above(struct eval *e, const struct val *v);           /* one exact number, at least every entry of a vector: what softmax shifts by */
bool val_force(struct eval *e, struct val *v);                           /* V_TABLE becomes V_ARRAY */
struct num *pool_get(struct eval *e, size_t n);
bool eval_fail(struct eval *e, const char *what);
bool need_num(struct eval *e, const struct ex *x, struct val *out);
bool need_array(struct eval *e, const struct ex *x, struct val *out);
bool need_tri(struct eval *e, const struct ex *x, enum tri *out);
bool val_tri(struct val *out, enum tri t);
bool mat_mul(struct eval *e, const struct val *a, const struct val *b, struct val *out);
void val_array(struct eval *e, struct val *out, int rank, uint32_t d0, uint32_t d1, uint32_t d2);

/* form.c: interaction matrices; eigenvalues, inertia and rank of exact matrices. They keep what they computed in e->forms (forms_clear). */
bool eval_form(struct eval *e, const struct ex *x, struct val *out);
bool eval_spectrum(struct eval *e, const struct ex *x, struct val *out);
void forms_clear(struct eval *e);

/* circle.c */
bool eval_logsoftmax(struct eval *e, const struct ex *x, struct val *out);
bool eval_fourier(struct eval *e, const struct ex *x, struct val *out);

/* singular.c: singular_values, effective_rank, gram, hosvd */
bool eval_singular(struct eval *e, const struct ex *x, struct val *out);

/* truncate.c: output(truncate(M, k), x); eigenvector(A, i) */
bool eval_truncated(struct eval *e, const struct ex *x, struct val *out);
bool eval_eigenvector(struct eval *e, const struct ex *x, struct val *out);

/* line.c: distance; flip, changes */
bool eval_distance(struct eval *e, const struct ex *x, struct val *out);
bool eval_line(struct eval *e, const struct ex *x, struct val *out);

/* radius.c */
bool eval_radius(struct eval *e, const struct ex *x, struct val *out);

/* whole.c. Is x entry `count` of one row of a run, the same row as before (kept in *row from count 0 on)? */
bool next_of_row(struct tag *row, const struct num *x, uint64_t count);
/* Do the first n entries of that row add up to exactly 1: a softmax row over the reals, not replaced, all of whose sources are among them? */
bool is_whole_softmax(const struct eval *e, struct tag row, uint64_t n);

/* nodes.c, patched.c: which node of a network a function or component names, runs with patches */
bool eval_table(struct eval *e, const struct ex *x, struct val *out);
bool eval_node_row(struct eval *e, const struct ex *model, const struct val *x, int node, struct val *out); /* of a model of real inputs, on a vector */
const struct net *model_net(struct eval *e, int model); /* NULL: it is missing */
void changed_clear(struct eval *e);       /* after the runs */
bool eval_weights(struct eval *e, const struct ex *x, struct val *out);
const struct num *table_row(struct eval *e, const struct val *v, uint32_t row);
bool table_entry_exists(const struct val *v, uint32_t row, uint32_t col);
#endif
