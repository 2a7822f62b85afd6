/* separable_least: what the tree of parts (separable_least.c) and the leads in a part (separable_lead.c) share. */
#ifndef CHECK_SEPARABLE_LEAST_H
#define CHECK_SEPARABLE_LEAST_H
#include "separable_above.h"

struct tree {
    struct walker *w; struct average *to; uint32_t q;
    struct level *level;                 /* of the part: what is on none of its sequences leads to class 0 */
    bool *allowed;                       /* by cell: the part; narrowed to what is on its sequences */
    int64_t *sum[2], *weight[2], *fine[2]; /* by class of a level and of the next one, and open form */
    struct moments { int64_t *mean; wide *square; } moment[2];
    int64_t *slope; wide *square;        /* by open form */
    uint64_t *share[2]; __int128 *mean;
    int64_t *G, widest;                  /* G of every cell and form; the largest G_b - G_k of the part's tokens and open forms, which L_b - L_k is not above */
    int64_t *most, least, least_fine;                /* by form: Z (L_b - L_k) at most; Z at least, in units of 2^-60 */
    int64_t moved;                       /* float32: weights are times e^x, |x| <= this at 2^-SEP_BITS */
    int64_t *lead, *kept;                /* by form: mean of (L_b - L_k)^+, at most; and of the base before, with most[] */
    int64_t *term; uint32_t *rival, *near; struct above above; /* tables: X of a rival; the open forms, the largest lead first */
    bool tables;
    mpz_t gap, enter, little, t;         /* in parts of 2^-SEP_BITS of a form; little: ENTER, a quarter of it where there are tables */
    bool failed;
};

/* How far another form may be below the base, times the weights' sum: `by` of form `of`. */
struct lead { int64_t by; uint32_t of; };

#define EACH_EDGE(t, i, c, k, next) \
    for (uint32_t k = 0; k < (t)->level[i].tokens; k++) \
        for (int64_t next = (t)->level[i].classes.key[(c) * (t)->level[i].tokens + k]; next != 0; next = 0)

int64_t lead_above(const struct tree *t, uint32_t cell, uint32_t base, uint32_t k); /* w (G_b - G_k), at most; of a largest form w (G_k - G_b) */
int64_t least_weight(const struct tree *t);                             /* Z is at least that, at 2^-60 */
int64_t over_weight(const struct tree *t, int64_t by);                  /* by / Z; no L_b - L_k is above widest */
/* The open forms that may be below the base, and the base. */
uint32_t below(const struct tree *t, uint32_t *left, const uint32_t *open, uint32_t n, uint32_t base);
/* Fills most[] and lead[] of the open forms, least and widest. */
struct lead lead_of(struct tree *t, uint32_t base, const uint32_t *open, uint32_t n);
#endif
