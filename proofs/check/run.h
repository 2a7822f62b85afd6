/* run: rows of the nodes of one network on one sequence, as enclosures with p fractional bits (NETWORK.md §3, under float32 §5).
 * Rows are computed when they are asked for and kept. Recursion is avoided: nodes are in dependency order. */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H
#include "net.h"
#include "num.h"

/* Rows lo..hi of a node replaced by values, width entries a row. */
struct patch { int node, lo, hi; uint32_t width; struct num *values; };

struct run {
    const struct net *net;
    bool float32;
    unsigned p;
    uint32_t id;                 /* tag of its numbers, not 0 */
    uint32_t n;                  /* length of the sequence, 1..n_ctx */
    int64_t *tokens;             /* each in 0..vocab-1 */
    struct patch *patches; int n_patches;
    struct num **rows;           /* rows[node * n + i], NULL when not computed */
};

void run_init(struct run *r, const struct net *net, bool float32, unsigned p, uint32_t id, const int64_t *tokens, uint32_t n); /* copies tokens */
void run_clear(struct run *r);
void run_add_patch(struct run *r, int node, int lo, int hi, uint32_t width, const struct num *values); /* copies values */
uint32_t run_width(const struct run *r, int node);
/* Entry j of a score row that the mask forbids is not set: see run_allowed. NULL with a reason on failure. */
const struct num *run_row(struct run *r, int node, uint32_t row, struct fail *f);
/* (q . k) / sqrt(d) for two rows of the query and key nodes of a score node */
bool run_score(struct run *r, const struct node *x, struct num *out, const struct num *q, const struct num *k, struct fail *f);
bool run_allowed(const struct run *r, uint32_t row, uint32_t source);

/* float32.c: enclosures of every binary32 execution, from enclosures of the real results. u = 2^-24, eta = 2^-149. */
void f32_round(struct num *x, unsigned long k, unsigned p);   /* k roundings in a row, in units of u relative and eta absolute */
bool f32_sum(struct num *x, const mpz_t magnitude, unsigned long products, unsigned long additions, unsigned p, struct fail *f);
bool f32_softmax(struct num *row, const struct num *scores, uint32_t allowed, unsigned p, struct fail *f);
bool f32_layernorm(struct run *r, const struct node *x, struct num *out, const struct num *in, struct fail *f);
bool f32_activation(struct num *out, const struct num *in, enum op op, unsigned p, struct fail *f);
void magnitude_add(mpz_t m, const struct num *x);             /* m += max |x| */
void weight_num(struct num *out, const struct weight *w, size_t at);
#endif
