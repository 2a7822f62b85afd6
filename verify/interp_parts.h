/* interp_parts: what the files of the interpreter share. Expressions that are equal up to the names of bound variables form one
 * *class*: they have one value buffer, and within one binding they are evaluated once. Nothing here is used outside verify/interp*.c. */
#ifndef WEIGHTPROOF_VERIFY_INTERP_PARTS_H
#define WEIGHTPROOF_VERIFY_INTERP_PARTS_H
#include "verify/edit.h"
#include "verify/value.h"

struct node_key { long layer, head, node; };   /* last answer of a look-up by layer and head */

struct class {
    const struct expr *e;       /* its representative */
    unsigned long hash;
    int *slots; size_t n_slots; /* free variables */
    bool network;               /* reads an activation */
    bool memo;                  /* the value is kept until one of them changes */
    unsigned long stamp;        /* when it was evaluated; 0: never */
    struct value value;
    struct walk *walk;          /* binders of a quantifier */
    struct site *site;          /* run behind a network function */
    struct node_key key;
};

/* One change of a model: an argument of patch (left: what is replaced), a steer (left: what it adds to), or an ablate (left NULL). What is found
 * out once is kept. */
struct change {
    const struct expr *call, *left, *value;      /* value of an ablate: the keyword after `to =`, of a steer the vector */
    size_t steer, below;                         /* number of a steer, from 1, inner ones first; how many steers are inside this change */
    bool closed;                                 /* the components of an ablate rest on no variable */
    unsigned char *mask; size_t n;               /* its rows [n_nodes + n_parts][n], for sequences of n tokens */
    const struct edited *edit;                   /* whose parts the mask counts */
    struct site *source;                         /* the run that `from`, `mean over` or `any over` reads */
    struct expr over; struct bind bind;          /* variable of the mean */
    struct value *means; size_t n_means, length; /* a row each, [node of the base][position of `length`]; n 0: not computed */
};
/* Rows of a node that a change replaces. of: what the change names; entry of the row of of.node that the node is, -1: all of it. zero: what an
 * earlier steer added to rows that are replaced now. */
struct patch { size_t node; struct change *by; long first, count; /* rows; count -1: all */ struct part of; long entry; bool zero; };
/* One network, with its patches, on one sequence: everything that reads it shares one run. */
struct site {
    const struct expr *model, *tokens;
    const struct model *model_of;
    const struct net *base;     /* the model's, perhaps with other tensors: what components and nodes are named in */
    const struct net *clean;    /* the model's without any change, when its norms are kept (`ln = frozen`); else NULL */
    const struct net *net;      /* that with the parts of the changes, where they have any */
    const struct edited *edit; bool has_parts, parts_known;
    size_t id;
    struct change *changes; size_t n_changes;
    struct patch *patches; size_t n_patches, room_patches;   /* for the sequence that it stands on */
    int *slots; size_t n_slots;
    unsigned long stamp;
    bool unknown;               /* its sequence rests on an unsettled condition */
    int *t; size_t n;           /* the sequence it stands on; over reals the number of rows */
    struct value input;         /* over reals: the rows, rounded once under float32 unless they are a network's own */
    struct origin from;         /* the rows of another run that they are; site NULL: none */
    bool vector;                /* the input has one axis: so have the values of nodes */
    /* Runs by the rows that are patched; without patches there is one. */
    struct variant { const struct net *net; struct run *run; struct ball_run *balls; long *rows; size_t n; } *variants; size_t n_variants, room_variants;
    struct variant *now;
};

struct slot { struct value value; int *tokens; size_t n, room; bool bound, is_int; unsigned long stamp; };

struct interp {
    const struct statement *s;
    slong prec;
    struct known { const struct expr *e; struct class *class; } *by_id; size_t n_ids;
    struct class **classes; size_t n_classes, room_classes;
    struct site **sites; size_t n_sites, room_sites;
    struct edited **edits; size_t n_edits, room_edits;                                 /* networks made for the changes */
    struct replaced { const struct expr *e; struct retensored *r; } *replaced; size_t n_replaced, room_replaced;
    struct biased { const struct net *base, *net; } *biased; size_t n_biased, room_biased;
    bool names_bias;            /* somewhere in the statement: then its networks have nodes for biases */
    struct slot *slots; size_t n_slots;
    struct value *data; size_t n_data;   /* as the statement lists them; rank 0 until one is asked for */
    unsigned long clock;
    long last;                  /* value of `last`, -1 outside an index */
    struct diag *d;             /* of the call under way */
    const struct limits *limits; /* or NULL: means over many sequences end with STATUS_TIMEOUT when they are up */
};

/* Evaluates to the buffer of the class of e; valid until e, or something equal to it, is evaluated again. */
enum status eval(struct value **out, struct interp *in, const struct expr *e) MUST_USE;
enum status eval_truth(enum truth *out, struct interp *in, const struct expr *e) MUST_USE;
/* An integer; *known false when it rests on an unsettled condition. */
enum status eval_int(long *out, bool *known, struct interp *in, const struct expr *e) MUST_USE;
struct class *class_of(struct interp *in, const struct expr *e);   /* NULL without memory */
bool class_fresh(const struct interp *in, const int *slots, size_t n, unsigned long stamp);
/* A run-time error at the place of e, with the values of the variables that e rests on. */
enum status interp_fail(struct interp *in, const struct expr *e, const char *format, ...) __attribute__((format(printf, 3, 4))) MUST_USE;

/* interp_array.c: out is the buffer to fill. */
enum status array_call(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status array_list(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status array_index(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status array_matmul(struct value *out, struct interp *in, const struct expr *e, struct value *a, struct value *b) MUST_USE;
enum status array_transpose(struct value *out, struct interp *in, const struct value *a) MUST_USE;
/* Index range of one axis: a scalar index or an inclusive slice. */
struct span { size_t first, count; bool scalar, unknown; };
enum status eval_span(struct span *out, struct interp *in, const struct expr *index, size_t length) MUST_USE;

/* interp_weight.c: W, QK, OV; the data array that a name is. */
enum status array_weight(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status data_value(struct value **out, struct interp *in, const struct expr *name) MUST_USE;

/* interp_arith.c: entrywise and scalar arithmetic on every kind; out may be a. */
enum status arith(struct value *out, struct interp *in, const struct expr *e, enum oper oper, struct value *a, struct value *b) MUST_USE;
enum status arith_neg(struct value *out, struct interp *in, struct value *a) MUST_USE;
enum status arith_max(struct value *out, struct interp *in, struct value *a, struct value *b, bool min) MUST_USE;   /* scalars */
enum status arith_hull(struct value *out, struct interp *in, struct value *a, struct value *b) MUST_USE;
enum status arith_pick(struct value *out, struct interp *in, const struct value *a, size_t i) MUST_USE;             /* entry i */
/* interp_function.c: exp, sqrt, softmax, norms, sums and extrema of arrays. */
enum status function_call(struct value *out, struct interp *in, const struct expr *e) MUST_USE;

/* interp_network.c */
bool is_network_call(const struct expr *e);
enum status network_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;   /* all rows */
/* The rows and, with a second index, columns that an index expression asks for: only these are computed. */
enum status network_index(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
/* interp_site.c */
void site_free(struct site *s);
/* interp_input.c: the value of a site's input as rows of real numbers; the site's input given to its run; v's own reals rounded once to binary32. */
enum status site_rows(struct site *site, struct interp *in, const struct value *v) MUST_USE;
void site_enter(struct site *site, struct interp *in);
void interp_round_binary32(struct value *v, slong prec);
/* The site of a model on a sequence, and its run on the values that are bound now; *out->unknown when the sequence is not known. */
enum status site_find(struct site **out, struct interp *in, const struct expr *model, const struct expr *tokens, const struct expr *e) MUST_USE;
enum status site_ready(struct site *site, struct interp *in) MUST_USE;
/* What a component of the base is: embed, pos_embed, head(l, h), mlp(l), "name", neuron(l, k), edge(C, R). */
enum status component_part(struct part *out, struct interp *in, const struct net *base, const struct expr *e) MUST_USE;
/* What a call of a network function reads, in the base. */
enum status base_node(size_t *out, struct interp *in, const struct site *site, const struct expr *e) MUST_USE;
/* Rows of a part, wherever they are read: those of a whole node are rows of its neurons and edges too. */
enum status site_add_rows(struct site *site, struct change *by, struct part of, long first, long count) MUST_USE;
size_t site_place(const struct site *site, size_t node);   /* of the base, in the site's network */
/* interp_edit.c: the network of a model expression without its patches; the one with the parts that the changes of the site name. */
enum status model_network(const struct net **out, const struct model **model, struct interp *in, const struct expr *e, const struct expr *at) MUST_USE;
enum status site_edit(struct site *site, struct interp *in) MUST_USE;
const struct expr *change_plain(const struct expr *model);      /* without patches, ablates, steers and replaces */
bool change_frozen(const struct expr *model);                   /* says `ln = frozen`, at any depth */
bool statement_names_bias(const struct statement *s);
void edits_free(struct interp *in);
/* All rows of a node, or some, as a value. */
enum status copy_rows(struct value *out, struct interp *in, struct site *site, size_t node, struct span rows, struct span cols) MUST_USE;

struct part_list { struct part *items; size_t n, room; };
/* interp_ablate.c: the neurons and edges that components name, added in order, each once. */
enum status list_part(struct part_list *list, struct part part) MUST_USE;
enum status collect_parts(struct part_list *out, struct site *site, struct interp *in, const struct expr *components) MUST_USE;
bool rests_on_variables(const struct interp *in, const struct expr *e, bool *memory);
const struct expr *change_argument(const struct change *c, const char *key);   /* what stands after `key =` */
/* The rows that an ablate replaces on the site's sequence, and what they become. */
enum status ablate_resolve(struct site *site, struct interp *in, struct change *c) MUST_USE;
enum status ablate_fill(const struct patch *p, struct site *site, struct interp *in) MUST_USE;
bool change_asks(const struct change *c, const struct site *site, size_t node, size_t row);   /* is this row, or parts of it, replaced by the ablate? */
enum status same_length(const struct patch *p, struct interp *in, size_t there, size_t here) MUST_USE;
/* interp_mean.c: a row becomes its mean over a set of sequences, or the box of its values there. */
enum status mean_fill(const struct patch *p, struct site *site, struct interp *in) MUST_USE;
/* The rows of a patch with all entries 0, or what a steer adds. */
enum status zero_fill(const struct patch *p, struct site *site, struct interp *in) MUST_USE;
enum status steer_fill(const struct patch *p, struct site *site, struct interp *in) MUST_USE;
void change_clear(struct change *c);
/* Are the two origins one number? col is taken from the arguments, not from the origins. */
bool same_number(const struct interp *in, const struct origin *a, long col_a, const struct origin *b, long col_b);
/* Do the first n entries of this row of a run add up to 1 exactly: is it a softmax row, as computed over the reals, with all its sources among them? */
bool is_whole_softmax(const struct interp *in, const struct origin *row, size_t n);
/* Of the terms of a sum: the next one at `count` is entry `count` of a row, the same as before (*row). */
bool next_of_row(struct origin *row, const struct value *v, long count);

/* interp_radius.c */
enum status radius_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;

/* interp_truncate.c: output(truncate(M, k), x), and eigenvector(A, i) */
bool is_truncated_call(const struct expr *e);
enum status truncated_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status eigenvector_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;

/* interp_line.c: bilinear networks on average, and along a line */
enum status distance_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status line_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;

/* interp_form.c: interaction matrices; eigenvalues, inertia and rank of exact matrices */
enum status form_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status spectrum_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
/* The entries of an exact matrix over one denominator: *num new, the caller's, den initialised; *rows, *columns 0 when its value rests on an unsettled condition. */
enum status exact_matrix(fmpz **num, fmpz_t den, size_t *rows, size_t *columns, struct interp *in, const struct expr *call, const struct expr *e) MUST_USE;
bool fmpz_symmetric(const fmpz *A, size_t n);
bool enclosed_eigenvalues(arb_ptr out, const fmpz *num, const fmpz_t den, size_t n);   /* rising; false without memory */
/* interp_circle.c: log, cos, sin, pi, logsoftmax, fourier */
enum status circle_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
/* interp_singular.c: singular_values, effective_rank of exact matrices; gram, hosvd of networks */
enum status singular_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status gram_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
/* Balls of any precision as the reals of this tier; a number or a vector. */
enum status set_balls(struct value *out, struct interp *in, arb_srcptr x, size_t rank, size_t n) MUST_USE;

/* interp_truth.c */
/* Settled sign of a - b for entry i of a and entry j of b: *order -1, 0, 1 when *settled. */
void compare_entries(int *order, bool *settled, struct interp *in, struct value *a, size_t i, struct value *b, size_t j);
enum status truth_compare(enum truth *out, struct interp *in, const struct expr *e) MUST_USE;
enum status truth_in(enum truth *out, struct interp *in, const struct expr *e) MUST_USE;
bool is_strict_argmax(const struct expr *e);
long likely_argmax(const struct value *v);   /* -1 where there are no doubles */

/* interp_quant.c: the walk of a comprehension or image, from its beginning, and its next binding whose condition is not false. */
enum status quant_open(struct class **out, struct interp *in, const struct expr *e) MUST_USE;
enum status quant_next(bool *more, enum truth *here, struct interp *in, const struct class *c) MUST_USE;
enum status quant_value(struct value *out, struct interp *in, const struct expr *e) MUST_USE;
enum status quant_truth(enum truth *out, struct interp *in, const struct expr *e) MUST_USE;
#endif
