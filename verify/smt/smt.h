/* smt: what the files of verify/smt share. A claim is evaluated symbolically: every value is a table over cases of which exactly one holds (tokens and
 * what follows from them), or a term of the solver's language, and the document grows by declarations, definitions and assertions on the way.
 * Everything asserted holds of the network exactly or encloses it, so that `unsat` of the document means that no input of the kind exists.
 * Failure is sticky: after smt_fail every function may return anything, and the caller asks smt->status. Memory lives as long as the struct smt. */
#ifndef WEIGHTPROOF_VERIFY_SMT_H
#define WEIGHTPROOF_VERIFY_SMT_H
#include "models/adjoint.h"
#include "models/bounds.h"
#include "verify/arena.h"
#include "verify/edit.h"
#include "verify/interp.h"

/* Exactly one of the n truths holds. factors: itself, or those that it is the product of, by id. A product's truths are named when they are asked for (split_when). */
struct split { size_t n; const char **when; const struct split **factors; size_t n_factors, id; };

/* A variable of the solver, or a term under a name. shares: it is number `member` of a row of shares; error: it is what an execution in float32 errs by, between
 * two ends. Both are declared when the name is asked for (real_name). */
struct smt_shares;
struct smt_real { const char *name; size_t id; double low, high; struct smt_shares *shares; size_t member; mpq_ptr error; bool said; };
/* p_j = e_j / sum of e, e_j > 0 tables. plain: nothing is left out by padding. */
struct smt_shares { size_t n; struct entry *p, *e, *keep; bool said; };

/* A number. A table: lo[i] <= value <= hi[i] in case i of its split (split NULL: one case; lo == hi: exact). Otherwise a sum of parts: numbers of a
 * table times a variable (var NULL: times 1), of other variables or other splits. low <= value <= high. term: when it was asked for. */
struct summand { const struct smt_real *var; const struct split *split; mpq_ptr lo, hi; };
struct entry { bool table; const struct split *split; mpq_ptr lo, hi; struct summand *parts; size_t n_parts; const char *term; bool ends_said; double low, high; struct smt_extreme *x; };
/* x: the largest (smallest) of those that count; such an entry has no parts. solid: as a variable, when it was needed. */
struct smt_extreme { bool min; size_t n; struct entry *of; const char **when; struct entry solid; };

/* A value: entries in row-major order, or a truth. */
struct sym { bool is_truth; const char *truth; size_t rank, n, shape[3]; struct entry *e; };

/* An argument of a patch (left), a steer (left: what it adds to, value: the vector), or a whole ablate; what it gives, when that was evaluated; the sequences of a mean or of any. */
struct smt_site;
struct smt_change {
    const struct expr *call, *left, *value;
    size_t steer, below;                   /* number of a steer, from 1, inner ones first; how many steers are inside of the change */
    const struct sym *given; struct smt_site **runs; size_t n_runs;
};
/* One row that is replaced. first: the row that the first row of what is given stands for. entry: of the node, when it is one entry of it (a neuron).
 * zero: what a steer inside of the change added there. */
struct smt_patch { size_t node; long row, first; struct part of; long entry; struct smt_change *by; bool zero; };
/* Which sequence of `any over` a row comes from. */
struct smt_choice { const struct smt_change *by; struct part of; long row; const struct split *split; };
/* A network on one input: rows as they are asked for. base: without the nodes of neurons and edges that its changes name. clean: whose norms are kept, or NULL. */
struct smt_site {
    const struct net *net, *base, *clean; const struct expr *model, *input; const char *name; bool closed;
    const struct edited *edit;
    size_t n; struct entry *inputs;        /* tokens as tables [n], or reals [n * width_in] */
    struct smt_change *changes; size_t n_changes;
    struct smt_patch *patches; size_t n_patches, room_patches;
    struct smt_choice *choices; size_t n_choices, room_choices;
    struct bounds *bounds;
    struct adjoint_run *executions;        /* on the whole box, for the errors of float32 */
    struct entry **rows, **errors;         /* [node * n + row], NULL: not yet */
};
/* What executions of a call differ by from its real value, entry by entry; kept for calls that are the same in every instance. */
struct smt_errors { const struct expr *call; size_t n; struct entry *e; };
/* What holds where the expression at hand is looked at. */
struct smt_path { const char *when; const struct smt_path *before; };

struct smt_variable { const char *name; bool is_int; const struct sym *value; bool real; };

/* Functions of the language that are no operations. */
enum smooth { SMOOTH_LOG = OP_COUNT, SMOOTH_COS, SMOOTH_SIN };
/* y = f(x), enclosed between lines on pieces that end at the points; more points are lemmas. met: its argument in the last model. */
struct smt_function { int f; const char *y, *x; mpq_ptr points; size_t n; bool met; double met_at; };
/* What is asserted: all of it; of a prove only the condition and the antecedents; the condition alone; the condition, the value evaluated and not named. */
enum smt_goal { SMT_WHOLE, SMT_ANTECEDENTS, SMT_CONDITION, SMT_VALUE };

struct smt {
    const struct statement *s; struct diag *d; enum status status;
    struct arena arena;
    struct { mpq_ptr q; size_t n; } *numbers; size_t n_numbers, room_numbers;
    struct text out;                       /* declarations, definitions, assertions */
    bool products, relaxed;                /* products of variables stand in it; functions are enclosed */
    size_t lemmas;                         /* how many of them are more than it began with */
    enum smt_goal goal;
    struct entry value;                    /* of the bodies that have one; for SMT_VALUE */
    const char *required;                  /* where it is false, something in the claim has no value */
    const struct smt_path *path;
    bool as_real;                          /* under float32: the real values inside of a call whose executions are enclosed as a whole */
    struct statement real;                 /* the statement over the reals */
    struct interp *interps[2];             /* of the statement in balls, and of that; made when asked for */
    struct smt_errors *errors; size_t n_errors, room_errors;
    size_t fresh, n_reals;
    size_t *place; size_t room_place;      /* by variable: where it stands in the sum at hand, plus 1 */
    struct interp *in;
    const struct sym **slots; bool *concrete;   /* by slot; concrete: bound in `in` too */
    struct smt_site **sites; size_t n_sites, room_sites;
    struct edited **edits; size_t n_edits, room_edits;
    struct split **splits; size_t n_splits, room_splits;    /* products that were made */
    size_t n_atoms;
    long last;                             /* of the axis at hand, -1: none */
    struct smt_variable *variables; size_t n_variables, room_variables;
    struct smt_function *functions; size_t n_functions, room_functions;
};

enum smt_limits { SMT_CASES = 16384, SMT_BINDINGS = 20000 };
#define SMT_BITS 96       /* of enclosures */

/* smt.c */
enum status smt_init(struct smt *m, const struct statement *s, struct diag *d) MUST_USE;
void smt_clear(struct smt *m);
void *smt_array(struct smt *m, size_t n, size_t size);
mpq_ptr smt_numbers(struct smt *m, size_t n);                   /* zeros */
bool smt_fail(struct smt *m, enum status s, const char *format, ...) __attribute__((format(printf, 3, 4)));  /* false */
const char *smt_format(struct smt *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *smt_keep(struct smt *m, struct text *t);            /* the text as a term; clears t */
void smt_comment(struct smt *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *smt_fresh(struct smt *m, const char *hint);         /* a new name, quoted */
const char *smt_define(struct smt *m, const char *name, const char *sort, const char *term);   /* name NULL: a new one */
const char *smt_declare(struct smt *m, const char *name, const char *sort);
void smt_assert(struct smt *m, const char *truth);
void smt_require(struct smt *m, const char *truth);              /* where the path leads to the expression at hand */
void smt_number(struct text *out, const mpq_t q);
const char *smt_constant(struct smt *m, const mpq_t q);

/* truths: "true" and "false" fold */
bool is_true(const char *t);
bool is_false(const char *t);
const char *truth_of(bool b);
const char *truth_not(struct smt *m, const char *a);
const char *truth_and(struct smt *m, const char *a, const char *b);
const char *truth_or(struct smt *m, const char *a, const char *b);
const char *truth_all(struct smt *m, const char *const *t, size_t n);
const char *truth_any(struct smt *m, const char *const *t, size_t n);

/* split.c */
const struct split *split_new(struct smt *m, size_t n);          /* its truths are the caller's to fill */
bool split_both(const struct split **out, struct smt *m, const struct split *a, const struct split *b);   /* NULL: one case. false: more than SMT_CASES */
size_t split_case(const struct split *part, const struct split *whole, size_t i);   /* the factors of part are among those of whole */
const char *split_when(struct smt *m, const struct split *s, size_t i);

/* table.c */
struct entry entry_number(struct smt *m, const mpq_t q);
struct entry entry_int(struct smt *m, long v);
struct entry entry_variable(struct smt *m, const char *term, double low, double high);   /* name or term */
size_t entry_cases(const struct entry *e);
bool entry_exact(const struct entry *e);
bool entry_constant(const struct entry *e);                     /* exact, one case */
bool entry_is_zero(const struct entry *e);
const char *entry_when(struct smt *m, const struct entry *e, size_t i);
const char *real_name(struct smt *m, const struct smt_real *v);
const char *entry_term_of(struct smt *m, struct entry *e);      /* of a table: nested ite, or a variable between two of them */
const char *entry_bounded(struct smt *m, struct entry *e);      /* the same, its ends asserted */
const struct smt_real *entry_real(struct smt *m, struct entry *e);  /* as one variable */
void entry_ends(double *low, double *high, const struct entry *e);
/* Tables with one split, or one a constant; pairs of cases otherwise, when there are not too many. */
typedef void table_function(mpq_t out, const mpq_t a, const mpq_t b);
bool table_pairs(struct smt *m, const struct split **split, size_t **of_a, size_t **of_b, const struct entry *a, const struct entry *b);
bool table_map2(struct entry *out, struct smt *m, const struct entry *a, const struct entry *b, table_function *f);   /* exact tables; equal values become one case */
struct entry table_merged(struct smt *m, const struct entry *e);      /* cases with equal values become one, when that leaves a quarter */
void round_outward(mpq_t lo, mpq_t hi);                         /* to SMT_BITS bits */

/* term.c */
/* d with every error of float32 as a number between its ends; false: there is none. */
bool term_without_errors(struct entry *out, struct smt *m, const struct entry *d);
struct entry term_add(struct smt *m, struct entry a, struct entry b, bool minus);
struct entry term_scale(struct smt *m, struct entry a, const mpq_t by);
struct entry term_mul(struct smt *m, struct entry a, struct entry b);
struct entry term_div(struct smt *m, struct entry a, struct entry b);
struct entry term_max(struct smt *m, struct entry a, struct entry b, bool min);
struct entry term_choose(struct smt *m, const struct split *split, const struct entry *of);     /* of[i] in case i */
struct entry term_if(struct smt *m, const char *when, struct entry a, struct entry b);
/* bias + sum w[i] x[i]; w, bias exact doubles; w NULL: all 1 */
struct entry term_linear(struct smt *m, const struct entry *x, const double *w, size_t stride, size_t n, double bias);
/* extreme.c */
struct entry extreme_new(struct smt *m, bool min, const struct entry *of, const char *const *when, size_t n);   /* when NULL: all count */
struct entry extreme_both(struct smt *m, struct entry a, struct entry b, bool min);
bool extreme_add(struct entry *out, struct smt *m, const struct entry *a, const struct entry *b, bool minus);    /* false: both are, or none */
struct entry extreme_scale(struct smt *m, const struct entry *a, const mpq_t by);
const char *extreme_compare(struct smt *m, enum oper oper, const struct entry *a, struct entry b);
struct entry entry_solid(struct smt *m, struct entry e);        /* no list of alternatives */
/* compare.c */
const char *term_compare(struct smt *m, enum oper oper, struct entry a, struct entry b);
/* attention.c: declares a row of shares */
void shares_say(struct smt *m, struct smt_shares *s);
/* The term under a name, as a variable. */
struct entry term_name(struct smt *m, const char *name, struct entry a);
const char *ite_table(struct smt *m, const struct split *split, mpq_srcptr values, const char *times);   /* times NULL: the numbers alone */

/* smooth.c */
struct entry smooth_value(struct smt *m, int f, const char *name, struct entry x, const mpq_t shift);   /* f(x - shift), f an operation or a smooth; shift may be NULL */

void smooth_lemma(struct smt *m, size_t function, const mpq_t at);      /* one more point, when it lies inside and there are not too many */

/* network.c, rows.c */
const struct entry *smt_row(struct smt *m, struct smt_site *site, size_t node, size_t row, size_t *width);
struct entry *row_make(struct smt *m, struct smt_site *site, size_t node, size_t row);
/* The network of a model expression on the value of an expression; on x itself, rows of a mean (quiet: no comment). */
struct smt_site *smt_site_of(struct smt *m, const struct expr *model, const struct expr *input);
double smt_outside(double x, bool upward);                       /* a little outside, of 24 bits */
bool smt_moves(const struct smt *m, const struct expr *e);       /* has e another value in another instance of a quantifier? */
struct smt_site *smt_site_on(struct smt *m, const struct expr *model, const struct expr *input, const struct sym *x, bool kept, bool quiet);
/* change.c: interventions */
bool change_network(struct smt *m, struct smt_site *site);       /* its networks and name: of the model expression, without patches */
bool change_read(struct smt *m, struct smt_site *site);          /* which rows; site->net becomes the network with the parts that are named */
const struct entry *change_row(struct smt *m, struct smt_site *site, const struct smt_patch *p);
bool change_component(struct smt *m, struct part *out, const struct net *base, const struct expr *e);
size_t change_place(const struct smt_site *site, size_t node);   /* of the base, in the site's network */
const struct sym *smt_network(struct smt *m, const struct expr *call, const struct expr *const *indices, size_t n, bool *used);

/* expr.c */
const struct sym *smt_eval(struct smt *m, const struct expr *e);
const char *smt_truth(struct smt *m, const struct expr *e);
const struct sym *smt_index(struct smt *m, const struct sym *a, const struct expr *const *indices, size_t n);
/* The element of a's first axis that a table of integers names, and of that what the indices name; that it is there is required. */
const struct sym *smt_chosen(struct smt *m, const struct sym *a, const struct entry *index, const struct expr *const *rest, size_t n);
struct sym *sym_new(struct smt *m, size_t rank, const size_t *shape);
const struct sym *sym_truth(struct smt *m, const char *t);
const struct sym *sym_entry(struct smt *m, struct entry e);
bool smt_int(struct smt *m, long *out, const struct expr *e);   /* an integer that no symbolic variable moves */
bool sym_scalar(struct smt *m, struct entry *out, const struct sym *a, const struct expr *e);
/* closed.c: what rests on integers and sequences alone, by the interpreter, in each of their cases */
struct smt_cases { const struct split *split; bool *slots; size_t n; };
/* Of the variables that e names; n 0: more than SMT_CASES. false: one of them is a real number. */
bool smt_cases(struct smt_cases *out, struct smt *m, const struct expr *e);
struct interp *smt_interp(struct smt *m, bool real);            /* NULL after a failure */
void smt_bind_case(struct smt *m, struct interp *in, const struct smt_cases *c, size_t i);
bool smt_ends(mpq_ptr lo, mpq_ptr hi, const struct interp_array *a, size_t i);   /* of what is enclosed, exact or a ball; false: it is not known */
const struct sym *smt_closed(struct smt *m, const struct expr *e);
/* float32.c: a = the real entries [n] of a call from `skip` of all its entries on; what executions have there */
bool executed(struct smt *m, struct entry *a, size_t n, const struct expr *call, size_t skip, size_t all);
/* The same for a row of a node whose input rests on real variables; and what enters such a network. */
bool executed_row(struct smt *m, struct entry *a, size_t n, struct smt_site *site, size_t node, size_t row);
const struct sym *rounded_input(struct smt *m, const struct sym *x);
/* circle.c: log, cos, sin, logsoftmax, fourier of values that are encoded */
const struct sym *smt_circle(struct smt *m, const struct expr *e, const struct sym *v);
/* call.c */
const struct sym *smt_call(struct smt *m, const struct expr *e);
const char *smt_argmax_is(struct smt *m, const struct sym *v, struct entry which, bool strict);
/* quant.c */
/* Each binding of a comprehension: the slots are bound, when says where it counts. */
typedef bool smt_each(void *context, const char *when);
bool smt_instances(struct smt *m, const struct expr *e, smt_each *each, void *context);
/* A choice of one of n, unnamed. */
const struct split *smt_choose(struct smt *m, const char *name, size_t n);
const struct sym *smt_quant(struct smt *m, const struct expr *e);
const char *smt_member(struct smt *m, const struct expr *x, const struct expr *set);
bool smt_bind(struct smt *m, const struct binds *b, bool report);   /* symbolic: declares */
/* reals.c: a variable in a set of real numbers or vectors */
const struct sym *real_variable(struct smt *m, const struct bind *b);

/* export.c */
/* What `sat` says: that the claim is false, that it is true (`exists`), or only that there is such a binding (count, list, and the values of the others). */
enum smt_meaning { SMT_REFUTES, SMT_PROVES, SMT_EXISTS };
struct smt_document { struct text text; enum smt_meaning meaning; bool products, relaxed; };
/* The whole document of the statement, with (check-sat). m after smt_init, its goal set; out is filled, to be cleared. STATUS_UNSUPPORTED: what has no encoding. */
enum status smt_write(struct smt_document *out, struct smt *m) MUST_USE;
/* The same once more, with what was asserted since. */
enum status smt_print(struct smt_document *out, struct smt *m) MUST_USE;
const char *smt_logic(const struct smt *m);
#endif
