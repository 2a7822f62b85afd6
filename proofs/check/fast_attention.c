/* The kernels of the first look for attention: patterns and mixes, in 64-bit integers with radii (fast.h). */
#include "fast.h"
#include <string.h>

#define SCORE_NONE INT64_MIN
#define SCORES_MOST ((size_t)1 << 21)

/* exp(-x) at 2^-32 for 0 <= x < ln 2 and some more: Horner for 1 - x (1 - x/2 (1 - ... x/n)). Each of the steps is at most three units low or high and multiplies the error by at most x. */
static uint64_t exp_series(uint64_t x, uint64_t n) {
    static const uint64_t inverse[16] = {0, 4294967296u, 2147483648u, 1431655765u, 1073741824u, 858993459u, 715827882u, 613566756u, 536870912u, 477218588u,
                                         429496729u, 390451572u, 357913941u, 330382099u, 306783378u, 286331153u}; /* floor(2^32 / i) */
    uint64_t r = (uint64_t)1 << 32;
    for (uint64_t i = n; i > 0; i--) {
        uint64_t t = (x * r) >> 32; /* x < 2^32 * 0.7, r <= 2^32 */
        r = ((uint64_t)1 << 32) - ((t * inverse[i]) >> 32);
    }
    return r;
}

/* exp(-i / 128) at 2^-31: of fifteen terms, within 3 / (1 - 0.7) + 1 = 11 units of 2^-32, and rounded down once more: within 13. i / 128 is below ln 2 + 1/128 < 0.71. */
#define STEPS 90
static const uint64_t *exp_table(void) {
    static uint64_t table[STEPS];
    if (table[0] == 0)
        for (uint64_t i = 0; i < STEPS; i++) table[i] = exp_series(i << 25, 15) >> 1;
    return table;
}

/* exp(-x / 2^32) at 2^-32 for x >= 0, within 40 units. x = k ln 2 + f: 2^32 ln 2 is within 1/2 of the constant, k <= 31, so f is within 16 units. f = i / 128 + g with g < 2^-7: three terms
 * of exp(-g) leave less than g^4 / 24 < 1 unit and their steps err by less than 4. With the table's 13 and the last shifts 16 + 13 + 5 + 2 < 40. */
static int64_t exp_minus(const uint64_t *table, int64_t x) {
    static const uint64_t ln2 = 2977044472u;
    uint64_t k = (uint64_t)x / ln2;
    if (k > 31) return 0; /* below 2^-32 */
    uint64_t f = (uint64_t)x - k * ln2;
    uint64_t r = (exp_series(f & 0x1ffffff, 3) * table[f >> 25]) >> 31; /* at most 2^32 2^31 */
    return (int64_t)(r >> k);
}

/* Under float32 an execution is the softmax of scores that are moved by at most u (largest - smallest) for the subtraction, and 8 u for exp, log(1 + 8u) <= 8 u (twice that is taken, for
 * its own second order), up to 2^-125 where a result is flushed. */
#define F32_EXP ((int64_t)16 << 8) /* 16 u at 2^-32 */

/* Each share of an execution: with e_j off by a_j = unit + rad e_j, all together D, p_j errs by at most (a_j (S - e_j) + e_j (D - a_j)) / (S (S - D)); floors, 3 units; the sum and the quotient,
 * n + 2 roundings of the share, of which (n + 4) u are taken; one unit for a result that is flushed. */
struct softmax { int64_t n, sum, rad, unit; };
static void execution_radii(struct fnet *w, uint32_t sources, struct frow *out, struct softmax s) {
    int64_t D = 0;
    out->rad = out->total = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t j = 0; j < sources; j++) {
            int64_t e = w->acc[j], a = fnet_allowed(w, j) ? s.unit + (int64_t)((__int128)s.rad * e >> 32) + 1 : 0;
            if (pass == 0) {
                D += a; /* at most what make_softmax has, and n: less than sum / 2 */
                continue;
            }
            if (!fnet_allowed(w, j)) {
                out->r[j] = 0;
                continue;
            }
            unsigned __int128 top = (unsigned __int128)a * (uint64_t)(s.sum - e) + (unsigned __int128)(uint64_t)e * (uint64_t)(D - a); /* 2^33 2^44 and twice that: below 2^78 */
            int64_t share = (int64_t)(((top << w->bits) / (uint64_t)s.sum) / (uint64_t)(s.sum - D)) + 4;
            share += (((s.n + 4) * (out->m[j] + share)) >> 24) + 2;
            out->r[j] = (int32_t)(share < RADIUS_MOST ? share : RADIUS_MOST + 1);
            out->rad = share > out->rad ? share : out->rad;
            out->total += share;
        }
}

/* w->acc: scores of the sources of a row at 2^-32, all within rad; out = softmax at 2^-bits. |exp(d) - 1| <= 37/32 |d| for |d| <= 1/4, so with r = 37/32 rad e_j is within 41 + r e_j / 2^32
 * units and S = sum e_j within D = the sum of those. p_j is within (41 + r + p_j D) / (S - D), and the errors of all p_j add up to at most 2 D / (S - D); each p_j is
 * e_j times 2^62 / S, rounded down twice: e_j <= 2^32, so that is at most two units. D < 2^33, and 41 + r < 2^31: times 2^28 they are below 2^62. */
static bool make_softmax(struct fnet *w, uint32_t row, struct frow *out, int64_t rad) {
    int64_t most = INT64_MIN, least = INT64_MAX, sum = 0, n = 0, unit = w->float32 ? 43 : 41;
    uint32_t sources = fnet_sources(w, row);
    const uint64_t *table = exp_table();
    memset(out->m, 0, w->n * sizeof *out->m);
    out->F = w->bits;
    out->rad = out->total = 0;
    for (uint32_t j = 0; j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        most = w->acc[j] > most ? w->acc[j] : most;
        least = w->acc[j] < least ? w->acc[j] : least;
        n++;
    }
    if (n == 0) return true; /* a padded row: exactly 0 */
    if (w->float32) rad += ((most - least + 2 * rad) >> 24) + 1 + F32_EXP;
    for (uint32_t j = 0; j < sources; j++) {
        w->acc[j] = fnet_allowed(w, j) ? exp_minus(table, most - w->acc[j]) : 0;
        sum += w->acc[j];
    }
    if (rad > (int64_t)1 << 30) return false;
    rad = rad + rad / 32 * 5 + 5;
    int64_t D = unit * n + (int64_t)((__int128)rad * sum >> 32) + 1;
    if (D > sum / 2 || D >= (int64_t)1 << 33) return false;
    int64_t inverse = ((int64_t)1 << 62) / sum;
    for (uint32_t j = 0; j < sources; j++) out->m[j] = (int32_t)((w->acc[j] * inverse) >> (62 - w->bits)); /* e_j <= S: at most 2^62 */
    out->rad = ((unit + rad + D) << w->bits) / (sum - D) + 3;
    out->total = ((2 * D) << w->bits) / (sum - D) + 2 * n + 1;
    if (w->float32) execution_radii(w, sources, out, (struct softmax){n, sum, rad, unit});
    return out->rad <= RADIUS_MOST && out->total <= RADIUS_MOST;
}

/* q . k / sqrt(d) of one source at 2^-32, and how far it is off. (q +- a)(k +- b): a sum |k| + b sum |q| + K a b. */
static bool score(const struct fnet *w, int node, struct frow *q, struct frow *k, int64_t *out, int64_t *rad) {
    uint32_t K = w->net->nodes[w->net->nodes[node].args[0]].width;
    int64_t dot, inverse = w->weight[node].inverse;
    int F = q->F + k->F + 40 - 32;
    if (F < 0 || F > 120) return false;
    dot = loop_product(q->m, k->m, K);
    __int128 err = (__int128)q->rad * frow_sum(k, K) + (__int128)k->rad * frow_sum(q, K) + (__int128)K * q->rad * k->rad;
    if (err > (__int128)1 << 62) return false;
    __int128 value = (__int128)dot * inverse >> F; /* |dot| < 2^62, inverse <= 2^40 */
    if (value > (__int128)1 << 50 || value < -((__int128)1 << 50)) return false;
    *out = (int64_t)value;
    __int128 e = ((err * inverse + 2 * (err + size_of(dot))) >> F) + 2;
    if (w->float32) { /* three roundings after the sum: root, reciprocal, product */
        int64_t sum = f32_score(q, k, K), more = 0;
        if (sum < 0 || !f32_adds(w, sum, K, &more)) return false;
        e += ((__int128)more * (inverse + 2) >> F) + 1;
        e += ((6 * (e + size_of(*out))) >> 24) + 1;
    }
    if (e > (__int128)1 << 30) return false;
    *rad = (int64_t)e;
    return true;
}

/* Where the scores of a row and its token are kept, by source and token; NULL: rows rest on more than one token, or there are too many. */
static int64_t *kept_scores(struct fnet *w, int node, uint32_t row) {
    const struct node *x = &w->net->nodes[node];
    size_t of_one = (size_t)w->n * w->net->vocab;
    if (!w->token_only[x->args[0]] || !w->token_only[x->args[1]] || of_one > SCORES_MOST / of_one) return NULL;
    if (w->scores[node].at == NULL) {
        w->scores[node].at = mem_get(of_one * of_one, sizeof(int64_t));
        for (size_t i = 0; i < of_one * of_one; i++) w->scores[node].at[i] = SCORE_NONE;
    }
    return w->scores[node].at + ((size_t)row * w->net->vocab + (size_t)w->tokens[row]) * of_one;
}

bool frow_pattern(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    int node = x->args[0];
    const struct node *y = &w->net->nodes[node];
    struct frow *q = fnet_row(w, y->args[0], row);
    int64_t rad = 0, *kept = kept_scores(w, node, row);
    uint32_t sources = fnet_sources(w, row);
    if (q == NULL || w->net->nodes[y->args[0]].width > TERMS_MOST || y->d[0] >= (uint32_t)1 << 20) return false;
    for (uint32_t j = 0; j < sources; j++) /* rows first: making them uses the same room */
        if (fnet_allowed(w, j) && fnet_row(w, y->args[1], j) == NULL) return false;
    for (uint32_t j = 0; j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        int64_t e, *old = kept != NULL ? &kept[(size_t)j * w->net->vocab + (size_t)w->tokens[j]] : NULL;
        if (old != NULL && *old != SCORE_NONE) {
            w->acc[j] = *old;
            continue;
        }
        if (!score(w, node, q, fnet_row(w, y->args[1], j), &w->acc[j], &e)) return false;
        rad = e > rad ? e : rad;
        if (old == NULL) continue;
        *old = w->acc[j];
        if (rad > w->scores[node].rad) w->scores[node].rad = rad;
    }
    return make_softmax(w, row, out, kept != NULL ? w->scores[node].rad : rad);
}

/* ---- sum p v ---- */

/* The scale of its products: v at the coarsest scale of its rows. */
bool fmix_scale(struct fnet *w, const struct node *x, uint32_t row, int *F) {
    const struct frow *p = fnet_row(w, x->args[0], row);
    if (p == NULL || w->n > TERMS_MOST) return false;
    *F = INT32_MAX;
    for (uint32_t j = 0, sources = fnet_sources(w, row); j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        const struct frow *v = fnet_row(w, x->args[1], j);
        if (v == NULL) return false;
        *F = v->F < *F ? v->F : *F;
    }
    if (*F == INT32_MAX) *F = 0; /* no sources: 0 */
    *F += p->F;
    return true;
}

/* acc += the mix, at 2^-F, no finer than fmix_scale. With errors a_j of p_j whose sum is at most `total`, and b_j of row j: sum a_j (|v_j| + b_j) + sum p_j b_j <= total max_j (|v_j| + b_j) + ... */
bool fmix_add(struct fnet *w, const struct node *x, uint32_t row, int F, int64_t *acc, int64_t *err) {
    const struct frow *p = fnet_row(w, x->args[0], row);
    uint32_t n = 0;
    int64_t largest = 0;
    __int128 e = 0;
    for (uint32_t j = 0, sources = fnet_sources(w, row); j < sources; j++) {
        if (!fnet_allowed(w, j)) continue;
        struct frow *v = fnet_row(w, x->args[1], j);
        int drop = v->F + p->F - F;
        if (drop > 30) return false;
        int64_t b = (v->rad >> drop) + (drop > 0 ? 2 : 0), most = (frow_most(v, x->width) >> drop) + 1 + b;
        w->values[n] = v->m;
        w->drop[n] = drop;
        w->share[n++] = p->m[j];
        largest = most > largest ? most : largest;
        e += (__int128)size_of(p->m[j]) * b; /* shares of a pattern that is given may be negative */
    }
    loop_add_mix(acc, w->share, w->values, w->drop, n, x->width);
    e += (__int128)p->total * largest + *err;
    *err = (int64_t)e;
    return e <= (__int128)1 << 60;
}

bool frow_mix(struct fnet *w, const struct node *x, uint32_t row, struct frow *out) {
    int F;
    int64_t err = 0;
    if (!fmix_scale(w, x, row, &F)) return false;
    if (w->float32) return f32_mix(w, x, row, F, out);
    memset(w->acc, 0, x->width * sizeof *w->acc);
    return fmix_add(w, x, row, F, w->acc, &err) && frow_store(out, w->acc, x->width, F, err, w->bits);
}
