/* types: checks a resolved expression and fills in `type` and `id` of every part. Rules: STATEMENT.md §3, docs/claims.md.
 * An expression of data that is not read, or of a model whose format cannot be read yet, has BASE_NONE or unknown shapes: what
 * depends on them is not checked, and `undecidable` says why nothing decides the claim. */
#ifndef WEIGHTPROOF_VERIFY_TYPES_H
#define WEIGHTPROOF_VERIFY_TYPES_H
#include "verify/arena.h"
#include "verify/report.h"
#include "verify/statement.h"

struct scope;
struct variable { struct type type; const struct expr *set; };
enum result_names { RESULT_NONE, RESULT_NUMBER /* number, total, fraction */, RESULT_VALUE };
struct typer {
    struct arena *arena; struct report *report;
    const struct scope *file;                         /* names of the file */
    const struct bound_model *models; size_t n_models;
    const struct bound_data *data; size_t n_data;
    struct variable *variables; size_t n_variables;   /* by slot */
    enum result_names results;                        /* which of these names the expression may use */
    int index_depth;                                  /* inside so many brackets: `last` means something */
    const struct expr *comparand;                     /* an argmax of reals may stand here */
    const struct bound_model *parts_of;               /* the model whose components are named, or NULL */
    char *undecidable;                                /* the first reason, in the arena, or NULL */
};
/* false: reported (or memory is out). */
bool type_value(struct typer *t, struct expr *e);                /* numbers, truth values, arrays, models */
bool type_predicate(struct typer *t, struct expr *e);
bool type_number(struct typer *t, struct expr *e);               /* one number */
bool type_integer(struct typer *t, struct expr *e);
bool type_set(struct typer *t, struct expr *e);                  /* e->type: BASE_SET with element */
bool type_binds(struct typer *t, struct binds *b, bool counted); /* counted: no real-valued binder */
bool type_component(struct typer *t, struct expr *e);            /* needs parts_of */
bool is_one_part(const struct expr *e);                          /* a component that is a node, or a part of one */
bool droppable(const struct expr *e, const struct net *net);     /* false: what reads and does not write, and patterns, that no rule can drop */
bool type_call(struct typer *t, struct expr *e);
bool type_entry_of(struct typer *t, const struct expr *e, const struct type *v); /* a constant that argmax(v) is compared with is an index of v */
bool type_index_list(struct typer *t, struct expr *e, const struct type *base); /* args[1..]; e->type receives the result */

/* Shared by the files of types. */
bool is_number(const struct type *x);                            /* integer, exact, real or unknown, any rank */
struct type type_of(enum base base, size_t rank, long d0, long d1);
enum base base_join(enum base a, enum base b);
bool same_shape(const struct type *a, const struct type *b);     /* unknown lengths agree with any */
void type_describe(char *out, size_t size, const struct type *x);
bool type_wrong(struct typer *t, const struct expr *e, const char *wanted, const char *help);   /* reports; returns false */
void type_note(struct typer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));  /* a reason why it is undecidable */
bool constant_integer(long *out, const struct expr *e, long last);
/* The model that an expression of BASE_MODEL starts from, or NULL. */
const struct bound_model *model_of(const struct typer *t, const struct expr *e);
const struct bound_data *data_of(const struct typer *t, const struct expr *e);   /* the data array that a name is, or NULL */
const struct net *net_of(const struct bound_model *m);           /* NULL when it could not be read */
bool type_layer_head(struct typer *t, struct expr *layer, struct expr *head, const struct bound_model *m);   /* head may be NULL */
/* A model that could be read, or is noted not to be; *out NULL never on success. */
bool type_model(struct typer *t, struct expr *e, const struct bound_model **out);
bool type_intervention(struct typer *t, struct expr *e);         /* patch, ablate, replace, steer, blend */
/* types_bilinear.c */
bool type_radius(struct typer *t, struct expr *e);
bool type_distance(struct typer *t, struct expr *e);
bool type_line(struct typer *t, struct expr *e);
bool type_form(struct typer *t, struct expr *e);
bool type_truncate(struct typer *t, struct expr *e);
bool type_gram(struct typer *t, struct expr *e);
bool type_activation(struct typer *t, struct expr *e);           /* logits, attn, ..., node, W, QK, OV */
/* The node's shape for a sequence of length n (-1 unknown); name as it stands in the net. */
bool type_node_name(struct typer *t, const struct expr *at, const struct bound_model *m, const char *name, long n, const char *help, struct type *out);
void type_unknown_tensor(struct typer *t, const struct expr *name, const struct bound_model *m);   /* reports */
#endif
