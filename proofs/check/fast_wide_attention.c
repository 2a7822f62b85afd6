/* Patterns and mixes of wide rows (fast_wide.h). */
#include "fast_wide.h"
#include <string.h>

#define SCORE_F 48
#define SCORE_MOST ((__int128)1 << 60)

/* q . k / sqrt(d) of one source at 2^-48, and how far it is off: with errors of lengths a and b at most a |k| + b |q| + a b. */
static bool score(const struct fnet *w, int node, struct frow *q, struct frow *k, int64_t *out, int64_t *rad) {
    uint32_t K = w->net->nodes[w->net->nodes[node].args[0]].width;
    __int128 dot = 0;
    for (uint32_t i = 0; i < K; i++) dot += (__int128)q->wide[i] * k->wide[i];
    __int128 err = (__int128)q->rad2 * wide_length(k, K) + (__int128)k->rad2 * wide_length(q, K) + (__int128)q->rad2 * k->rad2; /* 2^51 2^61 twice */
    return wide_score(dot, err, q->F + k->F, w->wide->weight[node].inverse, out, rad);
}

/* The product is at 2^-60 before the division. */
bool wide_score(__int128 dot, __int128 err, int F, int64_t inverse, int64_t *out, int64_t *rad) {
    int drop = F > 60 ? F - 60 : 0;
    if (F < 0 || drop > 120) return false;
    dot >>= drop;
    err = (err >> drop) + (drop > 0 ? 2 : 0);
    F = F - drop + 50 - SCORE_F; /* what is left to shift: 2 to 62 */
    if (dot > (__int128)1 << 74 || dot < -((__int128)1 << 74) || err > (__int128)1 << 70) return false;
    __int128 value = dot * inverse >> F; /* inverse <= 2^50 */
    __int128 e = ((err * (inverse + 2) + 2 * (dot < 0 ? -dot : dot)) >> F) + 2;
    if (value > SCORE_MOST || value < -SCORE_MOST || e > (__int128)1 << (SCORE_F - 2)) return false;
    *out = (int64_t)value;
    *rad = (int64_t)e;
    return true;
}

/* w->wide->part: scores of the sources of a row, all within rad <= 2^46; out = softmax at 2^-bits. As in make_softmax of fast_attention.c: |exp(d) - 1| <= 37/32 |d|, so with r = 37/32 rad e_j is within
 * EXP_UNITS + r e_j / 2^48 of 2^-60, and S = sum e_j within D. p_j is within (EXP_UNITS + 2^12 r + p_j D) / (S - D), the errors of all add up to at most 2 D / (S - D); the quotient is rounded down.
 * n is below 2^12: S < 2^72, D <= S / 2, and 2 D times 2^54 is below 2^126. */
static bool softmax(struct fnet *w, uint32_t row, struct frow *out, int64_t rad) {
    int64_t *score = w->wide->part, most = INT64_MIN, n = 0;
    uint32_t sources = fnet_sources(w, row);
    int bits = w->wide->bits;
    __int128 sum = 0;
    memset(out->wide, 0, w->n * sizeof *out->wide);
    out->F = bits;
    out->rad = out->rad2 = out->total = 0;
    for (uint32_t j = 0; j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        most = score[j] > most ? score[j] : most;
        n++;
    }
    if (n == 0) return true; /* a padded row: exactly 0 */
    for (uint32_t j = 0; j < sources; j++) {
        score[j] = fnet_allowed(w, j) ? (int64_t)fixed_exp_minus((uint64_t)(most - score[j])) : 0; /* their difference is below 2^62 */
        sum += score[j];
    }
    __int128 r = rad + rad / 32 * 5 + 5, D = EXP_UNITS * n + (r * sum >> SCORE_F) + 1;
    if (n > TERMS_MOST || D > sum / 2) return false;
    for (uint32_t j = 0; j < sources; j++) out->wide[j] = (int64_t)(((__int128)score[j] << bits) / sum);
    __int128 own = (((EXP_UNITS + (r << 12) + D) << bits) / (sum - D)) + 3, total = ((2 * D) << bits) / (sum - D) + 2 * n + 1;
    out->rad = (int64_t)own;
    out->total = out->rad2 = (int64_t)total; /* a sum of sizes is no less than the length */
    return own <= WRADIUS_MOST && total <= WRADIUS_MOST;
}

bool wide_pattern(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    int node = x->args[0];
    const struct node *y = &w->net->nodes[node];
    struct frow *q = fnet_row(w, y->args[0], row);
    int64_t rad = 0, e;
    uint32_t sources = fnet_sources(w, row);
    if (q == NULL || w->net->nodes[y->args[0]].width > TERMS_MOST || y->d[0] >= (uint32_t)1 << 20) return false;
    for (uint32_t j = 0; j < sources; j++) /* rows first: making them uses the same room */
        if (fnet_allowed(w, j) && fnet_row(w, y->args[1], j) == NULL) return false;
    for (uint32_t j = 0; j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        if (!score(w, node, q, fnet_row(w, y->args[1], j), &w->wide->part[j], &e)) return false;
        rad = e > rad ? e : rad;
    }
    return softmax(w, row, out, rad);
}

/* sum p v, v at the coarsest scale of its rows. As fmix_add: errors of p that add up to at most `total` cost that times the largest |v| + b, in length that times the longest v and its errors. */
bool wide_mix(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    const struct frow *p = fnet_row(w, x->args[0], row);
    uint32_t sources = fnet_sources(w, row);
    int F;
    if (!fmix_scale(w, x, row, &F)) return false;
    __int128 *acc = w->wide->acc, err = 0, largest = 0, err2 = 0, longest = 0;
    memset(acc, 0, x->width * sizeof *acc);
    for (uint32_t j = 0; j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        struct frow *v = fnet_row(w, x->args[1], j);
        int64_t b, b2, share = p->wide[j], most = 0;
        int drop = wide_lowered(v, F - p->F, x->width, &b, &b2);
        __int128 length = (wide_length(v, x->width) >> drop) + 1 + wide_root(x->width) + b2; /* of the lowered row, which floors move, and its errors */
        for (uint32_t k = 0; k < x->width; k++) {
            int64_t m = v->wide[k] >> drop;
            most = size_of(m) > most ? size_of(m) : most;
            acc[k] += (__int128)share * m;
        }
        largest = most + b > largest ? most + b : largest;
        err += (__int128)size_of(share) * b; /* shares of a pattern that is given may be negative */
        longest = length > longest ? length : longest;
        err2 += (__int128)size_of(share) * b2;
    }
    return wide_store(w, out, x->width, F, err + p->total * largest, err2 + p->total * longest);
}
