/* fast: a first look at a predicate in 64-bit integers. It answers YES or NO only when error radii settle it; OPEN sends the binding to eval.c.
 * A row is a block of integers m[j] below 2^29 with one scale F and one radius: every entry lies within rad units of 2^-F of m[j]. */
#ifndef CHECK_FAST_H
#define CHECK_FAST_H
#include "fast_loops.h"
#include "fold.h"
#include "nodes.h"

struct frow { int32_t *m; int64_t *wide; int F; int64_t rad, rad2, total; bool known, failed; int64_t most, sum; int32_t *r; int64_t *exact, *size; };
/* wide: the entries of a row of fast_wide.h, whose m is NULL; rad2: a bound on the Euclidean length of all errors of such a row. Its `most` is its own Euclidean length, rounded up. */
/* most, sum: the largest |m[j]| and their sum, or -1: not asked for yet. total: softmax only, bound on the sum of all errors. Under float32 rad is about every execution, and rows that are no single
 * token's have r: the radius of each entry, at most rad. Of a linear row also exact: the radii without the roundings of its own sums, and size: bounds on what its products add up to by size, as a head
 * of a `heads` node that sums them itself needs (in units of the row) */
struct fweight { int32_t *w, *b; int F, bF; int64_t column; uint32_t rows, cols; int64_t inverse; int32_t *size; }; /* entries within one unit; column: largest column sum of |w|; size (float32): |w| + 1; inverse (score): 2^40 / sqrt(d), down, within 2 units */
/* q . k / sqrt(d) of a score node whose rows are those of single tokens: by row and token, source and token; SCORE_NONE: not computed. rad: of all of them. */
struct fscores { int64_t *at, rad; };

/* A row that is another one's: row `row` of a node of a network on another variable's sequence. NULL net: none. */
struct fsource { struct fnet *net; int node; uint32_t row; };

/* One network on the sequences of one place: tokens that change. */
struct fnet {
    const struct net *net;            /* over the reals the folded network, where there is one; nodes below are its own */
    struct folded *folded;
    bool float32;
    uint32_t n;
    struct run fixed;                 /* holds the patches whose rows rest on no variable */
    bool *is_fixed;                   /* is_fixed[node * n + i]: such a row */
    struct fsource *from;             /* rows that are those of other runs, or NULL */
    struct fnet *other;               /* the network of these runs; its tokens at the last look: */
    int64_t *seen;
    int64_t *tokens;                  /* of the rows that are known */
    bool *token_only;                 /* nodes whose row i is a function of t[i] and i */
    uint64_t *reads;                  /* reads[node * n + i]: the positions whose tokens row i depends on; bit 62 stands for all from 62 on, bit 63 for rows of other runs */
    struct frow *rows;                /* rows[node * n + i]; for token-only nodes see table */
    struct frow **table;              /* table[node][i * vocab + token] */
    struct frow **at;                 /* at[node * n + i]: that row, on the tokens of now, or NULL: not known, or one of another run */
    uint32_t *kept, kept_first[65], n_kept[64]; /* indices node * n + i of rows that are known or failed, by the last position that they read */
    struct fscores *scores;           /* by node */
    struct fweight *weight;           /* by node */
    int64_t *acc; uint32_t acc_n;     /* a row in the making */
    int64_t *err, *size; int32_t *entry; /* float32: its entries' errors and sizes; entries of the row that it is made of */
    bool *inner;                      /* mixes that one sum alone reads, which adds them itself */
    const int32_t **values; int32_t *share; int *drop; /* [n] of one mix: entries of its sources, their weights and shifts */
    int bits, weight_bits;            /* sizes of rows and of weights */
    struct fmemo *memo;               /* fast_memo.c */
    struct wide *wide;                /* fast_wide.h, or NULL: rows are as above */
    struct lanes *lanes;              /* fast_lanes.h, beside wide rows, or NULL */
};
/* nets[i] is of model[i] on the sequence on[i], with rows of the run on source[i], if any. lanes: rows of the output are those of fast_lanes.h. made: a sequence that `seq` and the like have made, used at once. */
struct fast { struct eval *e; bool wide, lanes; struct fnet *nets; int n_nets; const struct ex **on, **model, **source; int64_t *made; uint32_t n_made; };

#define NETS_MOST 16
void fast_init(struct fast *f, struct eval *e, bool wide); /* wide: with the rows of fast_wide.h */
void fast_clear(struct fast *f);
enum tri fast_decide(struct fast *f, const struct ex *x);
bool fast_value(struct fast *f, const struct ex *x, unsigned p, struct num *out);         /* an integer, or an enclosure with p >= 32 fractional bits; false: not available */
bool fast_int(struct fast *f, const struct ex *x, int64_t last, int64_t *out);          /* fast.c: an integer, where `last` is that unless it is -1; false: not for the first look */
/* fast_sequence.c: a variable or a slice of one, in place; any sequence that reads no network, in f->made until the next one. false: not for the first look */
bool fast_sequence(struct fast *f, const struct ex *x, const int64_t **s, int64_t *n);
bool fast_compose(struct fast *f, const struct ex *x, const int64_t **s, int64_t *n);
bool fast_element(struct fast *f, const struct ex *x, const struct ex *index, int64_t *out); /* of a sequence that is made; what is made already stays */

/* fast_changed.c: the network of a model on the sequence `on`, of n tokens; NULL: not for these looks. Rows of another run: that is put on its sequence (false: it cannot be) before rows of w are read. */
struct fnet *fast_network(struct fast *f, const struct ex *model, const struct ex *on, uint32_t n);
bool fast_source(struct fast *f, const struct fnet *w);
bool fast_tokens(struct fast *f, const struct ex *x, const int64_t **s, int64_t *n);    /* of a variable, or of a sequence that is made, until the next one is */

/* fast_net.c */
/* patches: rows that are replaced, the same on all sequences (values with 128 fractional bits); from: [n_nodes * n] or NULL, taken over. Nodes are those of `net`. */
bool fnet_init(struct fnet *w, const struct net *net, bool float32, bool wide, uint32_t n, const struct patch *patches, int n_patches, struct fsource *from, struct fnet *other);
void fnet_clear(struct fnet *w);
int fnet_place(const struct fnet *w, int node);                      /* where a node of that network stands in w->net */
void fnet_tokens(struct fnet *w, const int64_t *tokens);             /* forgets the rows that depend on a changed token */
struct frow *fnet_make(struct fnet *w, int node, uint32_t row);
struct frow *fnet_token_row(struct fnet *w, int node, uint32_t row, int64_t token); /* a row that is a function of one token: by the enclosures of run.c, once */
static inline struct frow *fnet_row(struct fnet *w, int node, uint32_t row) { /* NULL: not available */
    struct frow *r = w->at[(size_t)node * w->n + row];
    return r != NULL ? r : fnet_make(w, node, row);
}
/* fast_memo.c: the row of the output on these tokens, which may be one that was kept. NULL: not available */
struct frow *fnet_output(struct fnet *w, const int64_t *tokens, uint32_t row);
void fmemo_free(struct fmemo *m);
/* The sources of a row are among the first fnet_sources. */
static inline uint32_t fnet_sources(const struct fnet *w, uint32_t row) { return w->net->causal ? row + 1 : w->n; }
static inline bool fnet_allowed(const struct fnet *w, uint32_t j) { return w->tokens[j] != w->net->pad; }

/* fast_rows.c: one row from rows of earlier nodes, or false */
bool frow_make(struct fnet *w, int node, uint32_t row, struct frow *out);
bool frow_coarsest(struct fnet *w, const struct node *x, uint32_t row, int *F); /* the coarsest scale of the rows of a node's arguments, which are made. false: one is not available, or they are too many */
void frow_choose(const struct node *x, struct frow *out, const struct frow *in); /* select, and maxpool: the largest of d[0] entries; in both looks */
/* fast_attention.c: softmax rows, and mixes: as rows, or added to acc at a scale that is no finer than fmix_scale says */
bool frow_pattern(struct fnet *w, const struct node *x, uint32_t row, struct frow *out);
bool frow_mix(struct fnet *w, const struct node *x, uint32_t row, struct frow *out);
bool fmix_scale(struct fnet *w, const struct node *x, uint32_t row, int *F);
bool fmix_add(struct fnet *w, const struct node *x, uint32_t row, int F, int64_t *acc, int64_t *err);
int64_t frow_most(struct frow *r, uint32_t width);
int64_t frow_sum(struct frow *r, uint32_t width);
/* acc at 2^-F, each within err: into `limit` bits */
bool frow_store(struct frow *r, const int64_t *acc, uint32_t n, int F, int64_t err, int limit);
/* the entries of a weight at one scale, at most scale_most, rounded down to `limit` bits: within one unit; caller frees. false: too large */
bool weight_fixed(const struct weight *w, int64_t **out, int *F, int limit, int scale_most);
/* fast_float32.c: what binary32 executions (NETWORK.md §5) add to a row's error, in the units of `size` */
bool f32_adds(const struct fnet *w, __int128 size, uint32_t terms, int64_t *err);       /* a sum of so many products and terms whose sizes add up to at most `size` */
int64_t f32_score(const struct frow *q, const struct frow *k, uint32_t K);              /* what the K products of two rows add up to by size, rounded up */
static inline int64_t frow_at(const struct frow *r, uint32_t j) { return r->wide != NULL ? r->wide[j] : r->m[j]; }
static inline int64_t frow_rad(const struct frow *r, uint32_t j) { return r->r != NULL ? r->r[j] : r->rad; }
void f32_same(struct frow *r, uint32_t width);                                          /* every entry has the row's radius */
/* rows of executions with a radius for each entry */
bool f32_linear(struct fnet *w, const struct fweight *x, struct frow *out, const struct frow *in);
bool f32_sum_rows(struct fnet *w, const struct node *x, const struct fweight *b, uint32_t row, int F, struct frow *out); /* F: no finer than any of the rows */
void f32_relu(struct frow *out, const int32_t *in, uint32_t width);                     /* an entry that no execution has above 0 is exactly 0; out->r: radii of `in` */
bool f32_mix(struct fnet *w, const struct node *x, uint32_t row, int F, struct frow *out);
/* fast_rows.c */
bool frow_add_bias(struct fnet *w, const struct fweight *x, uint32_t n, int F, int64_t *err);
bool frow_is_product(const struct fnet *w, const struct node *x, int arg);
#define TERMS_MOST 4000               /* |m| <= 2^bits, |w| <= 2^weight_bits, and K products of them stay below 2^62: see fnet_init */
#define RADIUS_MOST ((int64_t)1 << 28)
#endif
