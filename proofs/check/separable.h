/* separable: rule separable (FORMAT.md §3). One binder t over token sets, one row r of a network that is one softmax average
 * of functions of single tokens: logit_j = D_j(q) + sum_i p_i C_i(t_i)_j, p_i = w_i / Z. */
#ifndef CHECK_SEPARABLE_H
#define CHECK_SEPARABLE_H
#include "certificate.h"
#include "rest.h"

#define SEP_BITS 40                          /* fractional bits of D, C and of forms; weights w have 60 */
#define TABLE_P 256                          /* fractional bits of the enclosures behind the tables */
#define FEATURES_MOST 16
#define HEADS_MOST 4
#define NOTHING INT64_MIN                    /* value so far of a maximum over nothing */

/* A subexpression that a scan over the tokens computes (§3.3). */
enum feature_type { F_TOKEN, F_FOLD, F_ARGMAX, F_ARGMIN, F_LARGEST, F_SMALLEST, F_REST };
#define RANK_BITS 20                         /* of a token in the state of F_LARGEST and F_SMALLEST */
struct feature { struct ex *x; enum feature_type type; unsigned rank; enum quant fold; uint32_t first, last; /* positions it reads */ int64_t *g; bool *use; struct val v; const struct rest *rest; /* F_REST: before the first token; its states are numbers of rests */ };

/* separable_addends.c: rows[cell] = token_row[token[cell]] + place_row[position], points throughout, when good */
struct addends { bool good; uint32_t width, n_tokens, n_places, *token; struct num *token_row, *place_row; };

/* All forms are over logits 0..n_out-1 and attention p[cell], cell = (position, index of the token in its set). */
struct sep {
    struct eval *e;
    int slot;                                /* of t */
    struct product sets;
    uint32_t n, row, *at;                    /* cells of position i: at[i]..at[i+1]-1 */
    const struct net *net; const struct ex *model; /* the expression that names it */
    struct patch *change; int n_changes;     /* separable_changed.c: rows that the model has in place of the network's, the same on every sequence */
    bool has_row, has_attn;
    int softmax, mix, q, k, score;           /* nodes */
    uint32_t n_out;
    bool wide;                               /* rule cells: several heads, and an MLP of relus behind them, are taken */
    int heads, mixes[HEADS_MOST];
    struct head { int mix, softmax, score, q, k; int64_t *C, *w; int *shift; struct num *keys, *queries; struct addends addends; } head[HEADS_MOST]; /* 1.. heads - 1: of the other heads what mix ... shift are of the first */
    struct num *keys, *queries;              /* rows of k at every cell and of q for every q index */
    struct addends addends;                  /* of the keys */
    struct num *most;                        /* [q index] no less than the first head's scores, exact */
    int relu; uint32_t units, cols;          /* its node, or -1; cols = n_out + units + n_centred */
    int norm; uint32_t n_centred;                /* separable_norm.c: the final LayerNorm, or -1. Logits are then numerators N, logit = N / sigma + kappa; n_centred (rule cells): its width, columns of what it centres */
    struct num *nought; mpq_t *kappa; mpq_t eps; /* [n_out]: the output with the LayerNorm's row at 0; the constants */
    int64_t *R;                              /* [unit][entry] like M: what the unit's relu adds to what the LayerNorm centres */
    int64_t *M;                              /* M[unit][j] at 2^-SEP_BITS, within one unit: what the unit's relu adds to logit j */
    struct feature f[FEATURES_MOST]; int n_f;
    struct rests rests;
    const struct ex *image; int source;      /* t is bound to {E : B where C}: that set, and the slot of B's sequence; else NULL, -1 */
    struct copied { bool known; int64_t v; uint32_t at; } *copied; uint32_t n_copied; /* token j of that sequence: v, or t[at] */
    int in_image, guard;                     /* features that have to end true: that t is in the image, and the condition; -1: none */
    bool whole;                              /* features are expressions without networks as they are, not their parts */
    bool too_many;                           /* states */
    struct ex *own[64]; int own_slot[64], n_own; struct val own_value; /* t[i] inside sums over attention */
    int64_t *D, *C;                          /* D[q index][j], C[cell][j] at 2^-SEP_BITS, each within one unit; j < cols: the logits without the relus, then what the relus read */
    int64_t *w; int *shift;                  /* weight = w[q index][cell] 2^(shift - 60), w within one unit, in 0..2^60; 0 for sources that the mask forbids */
    unsigned char *shape;                    /* by node: enum shape */
    int64_t *h, logit_error;                 /* float32 (separable_float32.c): h[q index][cell] and r at 2^-SEP_BITS; 0 in real semantics */
    struct cells_columns *columns;           /* cells_look.c, NULL until they are asked for */
    struct ties *ties;                       /* separable_ties.c: exact rows, NULL until one is asked for */
    struct fail *fail;
};
/* What a node's row r is, as a function of the tokens. TOKEN: of (t[r], r) alone. AFFINE: of t[r], and affine in row r of the one mix node. */
/* AFTER: affine in the mix row and in the relus of an AFFINE row. */
/* NORMED: linear in a LayerNorm of an AFFINE or AFTER row. */
enum shape { SHAPE_NONE, SHAPE_TOKEN, SHAPE_SCORE, SHAPE_SOFTMAX, SHAPE_AFFINE, SHAPE_AFTER, SHAPE_NORMED };
bool sep_refuse(struct sep *s, const char *why);
bool sep_distinct(struct sep *s, const int64_t *v, size_t n);          /* refuses a set that names a value twice */
bool sep_collect(struct sep *s, struct ex *x, int own_slot);           /* features, rows, networks */
bool sep_positions(struct sep *s, const struct bind *t, const struct bind *source, bool sorted); /* separable_domain.c: n, sets, at, of an image too; integer binders are bound */
bool sep_guard(struct sep *s, struct ex *where);                      /* the condition as one rest; false: it is not followed */
bool sep_in_image(struct sep *s, const int64_t *tokens);               /* evaluates the image's E and C: t is E, and C true; else it refuses */
bool feature_ends(const struct sep *s, const int64_t *state);          /* no sequence that begins so is in the image and satisfies the condition */
const struct rest *sep_image_rest(struct sep *s);                      /* t is E, and C */
bool sep_sequence(struct sep *s, const struct ex *x, const struct rest ***out, uint32_t *n); /* the rests of a sequence's tokens; caller frees */
const struct rest *sep_rest(struct sep *s, const struct ex *x);        /* rest_read.c: of a number or a truth without networks; NULL: not followed */
bool sep_tables(struct sep *s);                                        /* D, C, M, keys and queries */
bool sep_weights(struct sep *s, uint32_t q);                           /* w, shift and h of the q-th token, of every head */
bool addends_of(struct addends *x, const struct sep *s, const struct num *rows, uint32_t width); /* false: they are not of that kind, or nothing is gained */
void addends_clear(struct addends *x);
void sep_tables_clear(struct sep *s);
bool plain_model(const struct ex *x);                                  /* a model, or one with other tensors */
bool sep_is_changed(const struct sep *s, const struct ex *x);          /* patch, ablate and steer of one, which read no sequence and no variable without a value */
bool sep_changes(struct sep *s);                                       /* sets net and change */
void sep_add_changes(const struct sep *s, struct run *r);              /* over what the run has */
void sep_changes_clear(struct sep *s);
bool sep_norm(struct sep *s);                                          /* kappa and eps, when there is a final LayerNorm */
bool sep_numerators(struct sep *s, struct run *r, struct num *out);    /* N, and then what it centres (n_centred) */
void sep_norm_clear(struct sep *s);
bool sep_source(const struct sep *s, uint32_t q, uint32_t cell);       /* may row r attend to this cell when its token is the q-th? */
void sep_run(struct sep *s, struct run *r, int64_t token, bool float32); /* the run on n times one token */
bool sep_float32_logits(struct sep *s, const struct num *values);
bool sep_float32_score(struct num *score, int64_t *h);
bool feature_start(const struct feature *f, int64_t *state);
bool feature_step(struct sep *s, const struct feature *f, int64_t *state, uint32_t position, uint32_t cell, int64_t token);
int64_t feature_value(const struct feature *f, int64_t state);        /* of the types but F_FOLD */
bool feature_finish(struct sep *s, struct feature *f, int64_t state);  /* puts the value where eval() finds it */
void sep_release(struct sep *s);                                       /* takes features and own tokens away from eval() */

/* c + sum alpha_j logit_j + sum_cell beta_cell p_cell, as integers times 2^-SEP_BITS (alpha: integers), times the positive integer `times`. */
struct iform { int64_t c, *alpha, *beta, radius, error, times; uint32_t *j, n, n_exact; bool strict, narrow, normed; mpq_t *exact; }; /* normed: with a final LayerNorm, times sigma: the constant, also c and exact, is that of sigma; radius: of Z L / sum of w, per position, in units; error: R under float32; beta may be NULL; alpha[0..n-1] of logits j; narrow: at every cell below 2^62 without error; exact (real semantics): c and then, if any, every beta without rounding */
/* truth of the predicate with q and the features fixed: constant, or all of (form > 0, or >= 0), or not all of them */
struct truth { bool constant; enum tri value; bool negated; struct iform *form; size_t n; };
bool sep_compile(struct sep *s, const struct ex *predicate, struct arena *a, struct truth *out);
bool sep_compile_value(struct sep *s, const struct ex *value, struct arena *a, bool several, struct truth *out); /* one form, constant or not; several: the smallest, or (negated) the largest, of n */
void form_keep(const struct sep *s, struct iform *f, const struct num *c, const struct num *beta, const mpz_t by); /* exact = by c, by beta */
bool form_same(const struct sep *s, const struct iform *f, const struct iform *g); /* the same numbers throughout */
bool norm_form(struct sep *s, struct iform *f, struct num *c, const struct num **beta); /* of logits: its constant becomes that of sigma */
void forms_drop(struct truth *t);                                      /* gives exact back */
int sep_sign(struct sep *s, const struct iform *f, const uint32_t *cells); /* of the form at the sequence of these cells: 1, 0, -1, or 2 (not clear) */
void sep_ties_clear(struct sep *s);
void cells_columns_clear(struct sep *s);
#endif
