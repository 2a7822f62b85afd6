/* onnx_graph: what the files onnx*.c share: values, the network under construction, and the calls of operators.
 *
 * A value is what a name of the graph stands for: a constant (reals, or integers and truth values in int64), tokens of the input, or a node
 * of the network. Values are passed by copy; what they point to lives in the arena of struct onnx until onnx_load returns.
 * The first failure is kept in o->status; afterwards every function returns at once and values are empty, so that callers ask once. */
#ifndef WEIGHTPROOF_MODELS_ONNX_GRAPH_H
#define WEIGHTPROOF_MODELS_ONNX_GRAPH_H
#include "core/names.h"
#include "models/node.h"
#include "models/onnx.h"
#include "models/onnx.pb-c.h"

enum { ONNX_RANK = 8, ONNX_OPSET_FIRST = 7, ONNX_OPSET_LAST = 25 };
#define ONNX_ENTRIES ((size_t)1 << 24)   /* of one value */
#define ONNX_BUDGET ((size_t)1 << 29)    /* bytes that a build may take beyond the file */

/* Element types, numbered as in ONNX: code, name, name here (raw data of it is decoded by models/decode.h), kind. */
#define ONNX_TYPES(X) X(1, "FLOAT", DTYPE_F32, VALUE_REALS) X(2, "UINT8", DTYPE_U8, VALUE_INTS) X(3, "INT8", DTYPE_I8, VALUE_INTS) \
    X(5, "INT16", DTYPE_I16, VALUE_INTS) X(6, "INT32", DTYPE_I32, VALUE_INTS) X(7, "INT64", DTYPE_I64, VALUE_INTS) \
    X(9, "BOOL", DTYPE_BOOL, VALUE_INTS) X(10, "FLOAT16", DTYPE_F16, VALUE_REALS) X(11, "DOUBLE", DTYPE_F64, VALUE_REALS) \
    X(16, "BFLOAT16", DTYPE_BF16, VALUE_REALS)
enum { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT8 = 3, ONNX_INT16 = 5, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_BOOL = 9 };

enum value_kind { VALUE_NONE, VALUE_REALS, VALUE_INTS, VALUE_TOKENS, VALUE_NODE };
struct value {
    enum value_kind kind;
    int32_t type;                     /* element type of ONNX */
    size_t rank, dims[ONNX_RANK], count;
    const double *reals;              /* VALUE_REALS */
    const int64_t *ints;              /* VALUE_INTS; VALUE_TOKENS: positions of the input */
    size_t node;                      /* VALUE_NODE: of the network, as wide as count */
    const char *name;                 /* of a constant */
    bool open;                        /* a linear node without bias that only one node reads: a bias may join it */
};

struct call {                         /* one node of the graph on its way into the network */
    const Onnx__NodeProto *proto;
    const char *label;                /* "node 'x' (Conv)" */
    struct value *in; size_t n_in;    /* an input that is left out has kind VALUE_NONE */
    struct value *out; size_t n_out;
    const char *name;                 /* of the first output: nodes of the network are named after it */
};

struct onnx {
    struct model *model;
    const struct model_options *options;
    struct diag *d;
    const char *path;
    Onnx__ModelProto *proto;
    long opset;
    struct net net;
    size_t tensor_room, node_room;
    struct names net_names;                        /* nodes and tensors of the network */
    struct names names;                            /* of values */
    struct value *values; size_t n_values, value_room;
    size_t *uses;                                  /* per value: live nodes and outputs of the graph that read it */
    bool *live;                                    /* per node of the graph: the output needs it */
    size_t *order, n_order;                        /* the live nodes, each after those it reads */
    const char *input, *output;                    /* names of the one input (NULL: none) and the one output */
    const struct call *call;
    size_t n_renamed;
    bool has_eps;                                  /* net.eps was given by a node */
    void **blocks; size_t n_blocks, block_room, bytes;  /* the arena */
    enum status status;
    bool no_memory;                                /* while unpacking */
};

/* ---- onnx.c: bytes ---- */
void onnx_unpack(struct onnx *o, const char *data, size_t size);
struct value onnx_tensor(struct onnx *o, const Onnx__TensorProto *t, const char *name);
const char *onnx_type_name(int32_t type);          /* or NULL */
enum value_kind onnx_type_kind(int32_t type);      /* VALUE_REALS, VALUE_INTS; VALUE_NONE for a type that is not read */

/* ---- onnx_net.c: failing, memory, the network ---- */
/* "cannot read 'x.onnx': node 'n' (Conv): ..." : what is wrong with the file, or well-formed but not expressible. */
void onnx_bad(struct onnx *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void onnx_refuse(struct onnx *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void onnx_fail(struct onnx *o, enum status s);
bool onnx_ok(const struct onnx *o);
void *onnx_array(struct onnx *o, size_t n, size_t size);   /* of the arena, zeroed; NULL after a failure */
const char *onnx_string(struct onnx *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *onnx_shape_text(struct onnx *o, size_t rank, const size_t *dims);
bool onnx_set_shape(struct onnx *o, struct value *v, size_t rank, const size_t *dims);  /* and count; refuses too many entries */
void onnx_clear(struct onnx *o);

/* A node of the network. suffix: "" for the value of the call's output itself, else a helper ".suffix". */
struct part {
    const char *suffix, *name /* instead, if it is not NULL */; enum op op;
    const size_t *inputs; size_t n_inputs;
    size_t tensors[2], n_tensors;
    size_t args[4], n_args;
};
size_t onnx_node(struct onnx *o, struct part p);
/* Gives a node the name of another value, or one near it. */
void onnx_rename(struct onnx *o, size_t node, const char *name);
/* Is this output read by one node only, and not an output of the graph? */
bool onnx_read_once(const struct onnx *o, const char *name);
bool onnx_is_read(const struct onnx *o, const char *name);
/* The same as a value of float elements with that shape. */
struct value onnx_result(struct onnx *o, size_t rank, const size_t *dims, struct part p);
/* A tensor of the network with a copy of the numbers; a vector with m 0, else a matrix [k, m]. Its index. */
size_t onnx_weights(struct onnx *o, const char *name, const double *numbers, size_t k, size_t m);
size_t onnx_indices(struct onnx *o, const char *suffix, const size_t *index, size_t k, size_t m);
/* Node of a value: of a constant, a node `constant`. */
size_t onnx_as_node(struct onnx *o, const struct value *v);
struct value onnx_constant(struct onnx *o, const char *name, size_t n, double x);      /* n times the number x, a vector; named after the call */

/* ---- onnx_move.c: moving entries, for constants, tokens and nodes alike ---- */
/* Entry e of the result is entry index[e] of x. */
struct value onnx_take(struct onnx *o, const struct value *x, size_t rank, const size_t *dims, const size_t *index, const char *suffix);
/* index[e] of the entry at coordinates c: first + sum of c[a] strides[a]. */
size_t *onnx_walk(struct onnx *o, size_t rank, const size_t *dims, const int64_t *strides, int64_t first);
struct value onnx_reshaped(struct onnx *o, const struct value *x, size_t rank, const size_t *dims);   /* same entries, no node */
struct value onnx_transposed(struct onnx *o, const struct value *x, const size_t *order, const char *suffix);
/* index of onnx_expanded: entry of x that stands at each place of the shape it broadcasts to. */
size_t *onnx_spread(struct onnx *o, const struct value *x, size_t rank, const size_t *dims);
struct value onnx_expanded(struct onnx *o, const struct value *x, size_t rank, const size_t *dims, const char *suffix);
/* The shape that both broadcast to; false, and said, if there is none. */
bool onnx_broadcast(struct onnx *o, size_t *rank, size_t *dims, const struct value *x, const struct value *y);
/* Puts the axes that are marked last (in their order); *n: product of their sizes. */
struct value onnx_axes_last(struct onnx *o, const struct value *x, const bool *marked, size_t *order, const char *suffix);
/* The entries of all, one value after the other, as a vector; constants when all are of one kind. */
struct value onnx_joined(struct onnx *o, const struct value *x, size_t n, const char *suffix);

/* ---- onnx_attribute.c: attributes and constant inputs of a call ---- */
int64_t onnx_int(struct onnx *o, const struct call *c, const char *name, int64_t otherwise);
double onnx_float(struct onnx *o, const struct call *c, const char *name, double otherwise);
const char *onnx_word(struct onnx *o, const struct call *c, const char *name, const char *otherwise);
/* Integers of an attribute; NULL (and *n 0) if it is not there. */
const int64_t *onnx_ints(struct onnx *o, const struct call *c, const char *name, size_t *n);
const Onnx__AttributeProto *onnx_attribute(const struct call *c, const char *name);
/* Integers of the attribute, or of input i if there is no such attribute; both may be absent (NULL). The input must be constant. */
const int64_t *onnx_ints_or_input(struct onnx *o, const struct call *c, const char *name, size_t i, size_t *n);
const struct value *onnx_input(const struct call *c, size_t i);       /* NULL if it is left out */
bool onnx_is_constant(const struct value *v);
/* Axis in 0..rank-1 from one that may be negative. */
size_t onnx_axis(struct onnx *o, int64_t axis, size_t rank);
/* A value to compute with: float elements, a node or reals. Says so otherwise. */
const struct value *onnx_real(struct onnx *o, const struct call *c, size_t i);
double onnx_scalar(struct onnx *o, const struct call *c, size_t i, double otherwise);  /* a constant input of one entry */

/* An input of any kind; said if it is left out, and then empty. */
const struct value *onnx_needed(struct onnx *o, const struct call *c, size_t i);
struct value onnx_integer_constant(struct onnx *o, size_t rank, const size_t *dims, const int64_t *ints);
/* The list of integers that input i is, a shape; and its sizes, each held against what a size can be. */
const int64_t *onnx_shape_input(struct onnx *o, const struct call *c, size_t i, size_t *n);
bool onnx_to_dims(struct onnx *o, size_t *dims, const int64_t *list, size_t n);

/* ---- the operators ---- */
typedef void onnx_lower(struct onnx *o, struct call *c);
struct onnx_operator { const char *name; size_t least, most; /* inputs */ onnx_lower *lower; const char *attributes; /* that are understood, or have no effect */ };
extern const struct onnx_operator onnx_shape_operators[], onnx_constant_operators[], onnx_entry_operators[], onnx_matrix_operators[], onnx_norm_operators[], onnx_window_operators[];
void onnx_run_graph(struct onnx *o);
/* Entry by entry, both broadcast. */
struct value onnx_binary(struct onnx *o, enum op op, const struct value *x, const struct value *y, const char *suffix);
struct value onnx_unary(struct onnx *o, enum op op, const struct value *x, const char *suffix);
/* B products of x [A, K] and y [K, C]; sizes: B, A, K, C. */
struct value onnx_products(struct onnx *o, const struct value *x, const struct value *y, const size_t sizes[4], size_t rank, const size_t *dims, const char *suffix);
/* The sums of consecutive groups of g entries, as a vector of count / g entries. */
struct value onnx_group_sums(struct onnx *o, const struct value *x, size_t g, const char *suffix);
/* x (the groups' sums) divided by n, entry by entry. */
struct value onnx_over(struct onnx *o, const struct value *x, double n, const char *suffix);
/* Integers for integers, without overflow; false if there is no such operator. */
bool onnx_integers(struct onnx *o, struct call *c);
#endif
