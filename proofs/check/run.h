/* run: rows of the nodes of one network on one input, as enclosures with p fractional bits (NETWORK.md §3, under float32 §5).
 * Rows are computed when they are asked for and kept. Recursion is avoided: nodes are in dependency order. */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H
#include "net.h"
#include "num.h"

/* Rows lo..hi of a node replaced by values, width entries a row. */
struct patch { int node, lo, hi; uint32_t width; struct num *values; };

/* The input of a run: tokens of a network over tokens, each in 0..vocab-1, or rows[i * in_width + j] of a network with `reals`: exact
 * numbers or enclosures with the run's p. Under float32 an entry with a tag is an entry of a network and enters as it is, every other one is
 * rounded once to the nearest binary32. n: length of the sequence, 1..n_ctx. The other pointer is NULL. */
struct input { const int64_t *tokens; const struct num *rows; uint32_t n; };

struct run {
    const struct net *net;
    bool float32;
    unsigned p;
    uint32_t id;                 /* tag of its numbers, not 0 */
    uint32_t n;                  /* length of the sequence, 1..n_ctx */
    int64_t *tokens;             /* or NULL */
    struct num *input;           /* or NULL: n * in_width numbers */
    struct patch *patches; int n_patches;
    struct num **rows;           /* rows[node * n + i], NULL when not computed */
};

void run_init(struct run *r, const struct net *net, bool float32, unsigned p, uint32_t id, const int64_t *tokens, uint32_t n); /* copies tokens */
void run_init_input(struct run *r, const struct net *net, bool float32, unsigned p, uint32_t id, const struct input *in);      /* copies the input */
/* Is the run on this input: the same tokens, or numbers that are the same (exact and equal, or enclosed with one tag, or enclosed by one point)?
 * Two enclosures without a tag may stand for two numbers: they are never the same. */
bool run_is_on(const struct run *r, const struct input *in);
void run_clear(struct run *r);
void run_drop(struct run *r, int node, uint32_t row); /* forgets what was computed: the caller has changed a token that it rests on */
void run_add_patch(struct run *r, int node, int lo, int hi, uint32_t width, const struct num *values); /* copies values */
uint32_t run_width(const struct run *r, int node);
/* Entry j of a score row that the mask forbids is not set: see run_allowed. NULL with a reason on failure. */
const struct num *run_row(struct run *r, int node, uint32_t row, struct fail *f);
/* (q . k) / sqrt(d) for two rows of the query and key nodes of a score node */
bool run_score(struct run *r, const struct node *x, struct num *out, const struct num *q, const struct num *k, struct fail *f);
bool run_allowed(const struct run *r, uint32_t row, uint32_t source);
#endif
