/* Patterns and mixes of the look of several lanes (fast_lanes.h). */
#include "fast_lanes.h"
#include <string.h>

#define EXP 48                        /* bits of the exponentials behind the point */
#define SHARE 30                      /* of a pattern's entries */

static bool allowed(const struct fnet *w, uint32_t lane, uint32_t j) { return w->lanes->tokens[(size_t)lane * w->n + j] != w->net->pad; }

/* scores within rad <= 2^46 at 2^-48; those that are not allowed are not read. As in softmax of fast_wide_attention.c, with e_j at 2^-48: within EXP_UNITS 2^-12 and one unit for the shift, so two, and r e_j; S = sum e_j within D.
 * p_j = e_j 2^14 / (S >> 16) is rounded down, and up by less than 2^-32 of itself: two units of 2^-30. S < 2^60, and 2 D times 2^30 below 2^90. */
static bool softmax(struct fnet *w, uint32_t sources, uint32_t lane, int64_t *score, int64_t rad, struct frow *out) {
    int64_t most = INT64_MIN, sum = 0, n = 0;
    memset(out->m, 0, w->n * sizeof *out->m);
    out->F = SHARE;
    out->rad = out->rad2 = out->total = out->most = 0;
    for (uint32_t j = 0; j < sources; j++) {
        if (!allowed(w, lane, j)) continue;
        most = score[j] > most ? score[j] : most;
        n++;
    }
    if (n == 0) return true; /* a padded row: exactly 0 */
    for (uint32_t j = 0; j < sources; j++) {
        score[j] = allowed(w, lane, j) ? (int64_t)(fixed_exp_minus((uint64_t)(most - score[j])) >> (60 - EXP)) : 0; /* their difference is below 2^62 */
        sum += score[j];
    }
    int64_t r = rad + rad / 32 * 5 + 5, D = 2 * n + (int64_t)((__int128)r * sum >> EXP) + 1;
    if (n > TERMS_MOST || D > sum / 2) return false;
    for (uint32_t j = 0; j < sources; j++) out->m[j] = (int32_t)((score[j] << 14) / (sum >> 16));
    __int128 own = (((__int128)2 + r + D) << SHARE) / (sum - D) + 3, total = (((__int128)2 * D) << SHARE) / (sum - D) + 2 * n + 1;
    if (total > LANE_RADIUS_MOST) return false;
    out->rad = (int64_t)(own < total ? own : total);
    out->total = out->rad2 = (int64_t)total; /* a sum of sizes is no less than the length */
    out->most = ((int64_t)1 << SHARE) + n;
    return true;
}

bool lanes_pattern(struct fnet *w, const struct node *x, uint32_t i, uint32_t lane, struct frow *out) {
    const struct node *y = &w->net->nodes[x->args[0]];
    const struct frow *q = lanes_row(w, y->args[0], i, lane);
    uint32_t K = w->net->nodes[y->args[0]].width, sources = fnet_sources(w, i);
    int64_t rad = 0, e, *score = w->lanes->acc;
    if (q == NULL || y->d[0] >= (uint32_t)1 << 20) return false;
    for (uint32_t j = 0; j < sources; j++) {
        if (!allowed(w, lane, j)) continue;
        const struct frow *k = lanes_row(w, y->args[1], j, lane);
        if (k == NULL) return false;
        __int128 err = (__int128)q->rad2 * k->most + (__int128)k->rad2 * q->most + (__int128)q->rad2 * k->rad2;
        if (!wide_score(loop_product(q->m, k->m, K), err, q->F + k->F, w->wide->weight[x->args[0]].inverse, &score[j], &e)) return false;
        rad = e > rad ? e : rad;
    }
    return softmax(w, sources, lane, score, rad, out);
}

/* sum p v at the coarsest scale of the v, whose lowered rows are no longer than their lengths and a unit of each entry; in all at most `size`. As in wide_mix: errors of p that add up to at most `total` cost that times the longest v and its errors. */
bool lanes_mix(struct fnet *w, const struct node *x, uint32_t i, uint32_t lane, struct frow *out) {
    const struct frow *p = lanes_row(w, x->args[0], i, lane);
    uint32_t sources = fnet_sources(w, i), n = 0;
    int64_t *acc = w->lanes->acc, root = wide_root(x->width);
    __int128 longest = 0, err2 = 0, size = 0;
    int F = INT32_MAX;
    for (uint32_t j = 0; j < sources; j++) {
        const struct frow *v = allowed(w, lane, j) ? lanes_row(w, x->args[1], j, lane) : NULL;
        if (p == NULL || (v == NULL && allowed(w, lane, j))) return false;
        if (v != NULL && v->F < F) F = v->F;
    }
    if (F == INT32_MAX) F = 0; /* no sources: 0 */
    for (uint32_t j = 0; j < sources; j++) {
        if (!allowed(w, lane, j)) continue;
        const struct frow *v = lanes_row(w, x->args[1], j, lane);
        int drop = v->F - F > 31 ? 31 : v->F - F, far = v->F - F > 62 ? 62 : v->F - F;
        int64_t b2 = (v->rad2 >> far) + (drop > 0 ? 1 + root : 0), length = (v->most >> drop) + (drop > 0 ? 1 + root : 0);
        w->values[n] = v->m;
        w->drop[n] = drop;
        w->share[n++] = p->m[j];
        longest = length + b2 > longest ? length + b2 : longest;
        err2 += (__int128)size_of(p->m[j]) * b2; /* shares of a pattern that is given may be negative */
        size += (__int128)size_of(p->m[j]) * length;
    }
    if (p == NULL || size >> 62 != 0) return false;
    memset(acc, 0, x->width * sizeof *acc);
    loop_add_mix(acc, w->share, w->values, w->drop, n, x->width);
    err2 += (__int128)p->total * longest;
    return lanes_store(out, acc, x->width, F + p->F, (int64_t)size, err2, err2);
}
