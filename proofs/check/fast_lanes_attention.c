/* Patterns and mixes of the look of several lanes (fast_lanes.h). */
#include "fast_lanes.h"
#include <string.h>

#define EXP 48                        /* bits of the exponentials behind the point */
#define SHARE 30                      /* of a pattern's entries */

static bool allowed(const struct fnet *w, uint32_t lane, uint32_t j) { return w->lanes->tokens[(size_t)lane * w->n + j] != w->net->pad; }

/* e: n exponentials at 2^-48 of scores within rad <= 2^46 less any number that is above them, 0 at sources that are not allowed; they add up to `sum`. As in softmax of fast_wide_attention.c: e_j within EXP_UNITS 2^-12 and one unit for the
 * shift, so two, and r e_j; sum within D. p_j = e_j 2^14 / (sum >> 16) is rounded down, and up by less than 2^16 / sum of itself, which is 2^46 / sum units of 2^-30 of all together (`up`). sum < 2^60, and 2 D times 2^30 below 2^90. */
#define SUM_LEAST ((int64_t)1 << 40)
static bool shares(struct fnet *w, uint32_t sources, const int64_t *e, int64_t sum, int64_t n, int64_t rad, struct frow *out) {
    int64_t r = rad + rad / 32 * 5 + 5, up = sum > 0 ? ((int64_t)1 << 46) / sum : 0, D = 2 * n + (int64_t)((__int128)r * sum >> EXP) + 1;
    if (n > TERMS_MOST || sum < SUM_LEAST || D > sum / 2) return false;
    memset(out->m, 0, w->n * sizeof *out->m);
    for (uint32_t j = 0; j < sources; j++) out->m[j] = (int32_t)((e[j] << 14) / (sum >> 16));
    __int128 own = (((__int128)2 + r + D) << SHARE) / (sum - D) + 3 + up, total = (((__int128)2 * D) << SHARE) / (sum - D) + 2 * n + 1 + up;
    if (total > LANE_RADIUS_MOST) return false;
    out->F = SHARE;
    out->rad = (int64_t)(own < total ? own : total);
    out->total = out->rad2 = (int64_t)total; /* a sum of sizes is no less than the length */
    out->most = ((int64_t)1 << SHARE) + n + up;
    return true;
}

/* A row that has no source is exactly 0. */
static bool no_shares(const struct fnet *w, struct frow *out) {
    memset(out->m, 0, w->n * sizeof *out->m);
    out->F = SHARE;
    out->rad = out->rad2 = out->total = out->most = 0;
    return true;
}

/* Of the scores the largest is 0, so that the sum is 2^48 at least, but for a unit of it. */
static bool softmax(struct fnet *w, uint32_t sources, uint32_t lane, int64_t *score, int64_t rad, struct frow *out) {
    int64_t most = INT64_MIN, sum = 0, n = 0;
    for (uint32_t j = 0; j < sources; j++) {
        if (!allowed(w, lane, j)) continue;
        most = score[j] > most ? score[j] : most;
        n++;
    }
    for (uint32_t j = 0; j < sources; j++) {
        score[j] = allowed(w, lane, j) ? (int64_t)(fixed_exp_minus((uint64_t)(most - score[j])) >> (60 - EXP)) : 0; /* their difference is below 2^62 */
        sum += score[j];
    }
    return shares(w, sources, score, sum, n, rad, out);
}

/* ---- tables of exponentials ---- */

#define TABLE_MOST ((uint64_t)1 << 20) /* entries */
#define TABLES_MOST ((uint64_t)1 << 22)

static bool score_at(const struct fnet *w, int node, const struct frow *q, const struct frow *k, uint32_t K, int64_t *score, int64_t *rad) {
    __int128 err = (__int128)q->rad2 * k->most + (__int128)k->rad2 * q->most + (__int128)q->rad2 * k->rad2;
    int64_t e;
    if (!wide_score(loop_product(q->m, k->m, K), err, q->F + k->F, w->wide->weight[node].inverse, score, &e)) return false;
    *rad = e > *rad ? e : *rad;
    return true;
}

/* Are queries and keys rows of single tokens, and not too many of them? */
static bool has_exps(const struct fnet *w, const struct node *score) {
    uint64_t rows = (uint64_t)w->n * w->net->vocab;
    bool good = rows * rows <= TABLE_MOST && w->lanes->exps_made + rows * rows <= TABLES_MOST;
    for (int a = 0; a < 2; a++) {
        good = good && w->token_only[score->args[a]];
        for (uint32_t i = 0; i < w->n; i++) good = good && !w->is_fixed[(size_t)score->args[a] * w->n + i];
    }
    return good;
}

static bool make_exps(struct fnet *w, int node, uint32_t i, int64_t token, int64_t *e, int64_t *rad) {
    const struct node *y = &w->net->nodes[node];
    uint32_t V = w->net->vocab, many = fnet_sources(w, i) * V, K = w->net->nodes[y->args[0]].width;
    const struct frow *q = lanes_token_row(w, y->args[0], i, token);
    int64_t most = INT64_MIN;
    *rad = 0;
    for (uint32_t k = 0; k < many; k++) {
        const struct frow *key = q != NULL ? lanes_token_row(w, y->args[1], k / V, k % V) : NULL;
        if (key == NULL || !score_at(w, node, q, key, K, &e[k], rad)) return false;
        most = e[k] > most ? e[k] : most;
    }
    for (uint32_t k = 0; k < many; k++) e[k] = (int64_t)(fixed_exp_minus((uint64_t)(most - e[k])) >> (60 - EXP));
    return *rad > 0;
}

/* Of row i and a token, by source and token; NULL: not available. */
static const int64_t *kept_exps(struct fnet *w, int node, uint32_t i, int64_t token, int64_t *rad) {
    struct lexps *x = &w->lanes->exps[node];
    size_t rows = (size_t)w->n * w->net->vocab, k = (size_t)i * w->net->vocab + (size_t)token;
    if (x->at == NULL) {
        x->none = x->none || !has_exps(w, &w->net->nodes[node]);
        if (x->none) return NULL;
        x->at = mem_get(rows * rows, sizeof *x->at);
        x->rad = mem_get(rows, sizeof *x->rad);
        w->lanes->exps_made += rows * rows;
    }
    if (x->rad[k] == 0 && !make_exps(w, node, i, token, x->at + k * rows, &x->rad[k])) x->rad[k] = -1;
    *rad = x->rad[k];
    return *rad > 0 ? x->at + k * rows : NULL;
}

/* From the table; false: there is none, or the sequence's scores are all far below the largest of its row. */
static bool pattern_kept(struct fnet *w, int node, uint32_t i, uint32_t lane, struct frow *out) {
    const int64_t *tokens = w->lanes->tokens + (size_t)lane * w->n;
    uint32_t sources = fnet_sources(w, i);
    int64_t rad, n = 0, sum = 0, *e = w->lanes->acc;
    const int64_t *from = kept_exps(w, node, i, tokens[i], &rad);
    if (from == NULL) return false;
    for (uint32_t j = 0; j < sources; j++) {
        bool is = tokens[j] != w->net->pad;
        e[j] = is ? from[(size_t)j * w->net->vocab + (size_t)tokens[j]] : 0;
        n += is;
        sum += e[j];
    }
    return shares(w, sources, e, sum, n, rad, out);
}

/* ---- rows ---- */

bool lanes_pattern(struct fnet *w, const struct node *x, uint32_t i, uint32_t lane, struct frow *out) {
    const struct node *y = &w->net->nodes[x->args[0]];
    uint32_t K = w->net->nodes[y->args[0]].width, sources = fnet_sources(w, i), n = 0;
    int64_t rad = 0, *score = w->lanes->acc;
    if (y->d[0] >= (uint32_t)1 << 20) return false;
    for (uint32_t j = 0; j < sources; j++) n += allowed(w, lane, j);
    if (n > 0 && pattern_kept(w, x->args[0], i, lane, out)) return true;
    const struct frow *q = lanes_row(w, y->args[0], i, lane);
    if (q == NULL) return false;
    for (uint32_t j = 0; j < sources; j++) {
        if (!allowed(w, lane, j)) continue;
        const struct frow *k = lanes_row(w, y->args[1], j, lane);
        if (k == NULL || !score_at(w, x->args[0], q, k, K, &score[j], &rad)) return false;
    }
    return n > 0 ? softmax(w, sources, lane, score, rad, out) : no_shares(w, out);
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
