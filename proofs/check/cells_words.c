/* The words of a line of rule cells (FORMAT.md §3, cells 3): ratios of the heads' sums, bounds of units and entries, sequences. */
#include "cells_leaf.h"
#include <string.h>

/* floor(q 2^SEP_BITS), or the ceiling; below 2^52 in size */
bool cells_to_unit(struct leaf *x, const mpq_t q, bool up, int64_t *out) {
    mpz_t t;
    mpz_init(t);
    mpz_mul_2exp(t, mpq_numref(q), SEP_BITS);
    if (up) mpz_cdiv_q(t, t, mpq_denref(q));
    else mpz_fdiv_q(t, t, mpq_denref(q));
    bool good = mpz_sizeinbase(t, 2) <= SEP_BITS + 12;
    *out = good ? mpz_get_si(t) : 0;
    mpz_clear(t);
    return good ? true : cells_refuse_leaf(x, "a bound is too large");
}

/* The next word of the line; n is 0 at its end. */
const char *cells_word(const char **at, const char *end, size_t *n) {
    const char *s = *at, *space = memchr(s, ' ', (size_t)(end - s));
    *n = (size_t)((space != NULL ? space : end) - s);
    *at = space != NULL ? space + 1 : end;
    return s;
}

/* +  -  LO:HI  LO:HI:SLOPE */
static bool interval_read(struct leaf *x, struct interval *v, const char *s, size_t n) {
    mpq_set_ui(v->lo, 0, 1);
    mpq_set_ui(v->hi, 0, 1);
    v->low = n == 1 && s[0] == '+';
    v->high = n == 1 && s[0] == '-';
    v->sloped = false;
    v->from = v->to = 0;
    if (v->low || v->high) return true;
    const char *end = s + n, *one = memchr(s, ':', n), *two = one != NULL ? memchr(one + 1, ':', (size_t)(end - one - 1)) : NULL;
    v->sloped = two != NULL;
    if (one == NULL || !rational_read(v->lo, s, (size_t)(one - s)) || !rational_read(v->hi, one + 1, (size_t)((two != NULL ? two : end) - one - 1))) return cells_refuse_leaf(x, "'+', '-', LO:HI or LO:HI:SLOPE expected");
    if (mpq_cmp(v->lo, v->hi) > 0) return cells_refuse_leaf(x, "the ends of a bound are in the wrong order");
    if (two != NULL && (!rational_read(v->slope, two + 1, (size_t)(end - two - 1)) || mpq_sgn(v->slope) < 0 || mpq_cmp_ui(v->slope, 1, 1) > 0)) return cells_refuse_leaf(x, "a slope is a number from 0 to 1");
    v->low = v->high = true;
    return cells_to_unit(x, v->lo, false, &v->from) && cells_to_unit(x, v->hi, true, &v->to);
}

/* A:B, 0 < A <= B */
bool cells_ratio_read(struct leaf *x, int h, const char *s, size_t n) {
    const char *colon = memchr(s, ':', n);
    bool good = colon != NULL && rational_read(x->ratio[h].end[0], s, (size_t)(colon - s)) && rational_read(x->ratio[h].end[1], colon + 1, n - (size_t)(colon - s) - 1);
    good = good && mpq_sgn(x->ratio[h].end[0]) > 0 && mpq_cmp(x->ratio[h].end[0], x->ratio[h].end[1]) <= 0;
    return good ? true : cells_refuse_leaf(x, "A:B with 0 < A <= B expected for every head but the first");
}

/* @A,B,...: a token of each position's set; of one head, the sequence whose row a final LayerNorm's sigma has its tangent at. The other heads' terms are then taken less the averages at these tokens, the first head's more: the same sum whatever the numbers are, as Z_h times them is
 * Z_1 times them over the ratio. Weights of tokens that no sequence has are 0. */
static bool centre_read(struct leaf *x, const char *at, const char *end) {
    const struct sep *s = x->s;
    uint32_t *cell = mem_get(s->n, sizeof *cell);
    bool good = *at++ == '@';
    mpq_t v;
    mpq_init(v);
    for (uint32_t i = 0; good && i < s->n; i++) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL, *stop = comma != NULL ? comma : end;
        good = at < end && (comma != NULL) == (i + 1 < s->n) && rational_read(v, at, (size_t)(stop - at)) && mpz_cmp_ui(mpq_denref(v), 1) == 0 && mpz_fits_slong_p(mpq_numref(v));
        for (cell[i] = s->at[i]; good && cell[i] < s->at[i + 1] && s->sets.v[i][cell[i] - s->at[i]] != mpz_get_si(mpq_numref(v));) cell[i]++;
        good = good && cell[i] < s->at[i + 1];
        at = comma != NULL ? comma + 1 : end;
    }
    mpq_clear(v);
    memset(x->middle, 0, (size_t)s->heads * s->cols * sizeof *x->middle);
    for (int h = 1; good && h < s->heads; h++)
        for (uint32_t j = 0; j < s->cols; j++) {
            __int128 sum = 0, Z = 0;
            for (uint32_t i = 0; i < s->n; i++) {
                int64_t w = x->w[(size_t)h * s->at[s->n] + cell[i]] >> 8;
                Z += w;
                sum += (__int128)w * s->head[h].C[(size_t)cell[i] * s->cols + j];
            }
            int64_t m = Z > 0 ? (int64_t)(sum / Z) : 0;
            x->middle[(size_t)h * s->cols + j] = m;
            x->middle[j] += m;
        }
    if (!good) cells_refuse_leaf(x, "@ and a token of every position's set expected");
    good = good && (s->heads > 1 || sigma_around(x, cell));
    mem_free(cell);
    return good;
}

/* The line's next sequence, if there is one. */
bool cells_centre_next(struct leaf *x, bool *any) {
    size_t n;
    *any = x->at != x->at_end;
    if (!*any) return true;
    const char *s = cells_word(&x->at, x->at_end, &n);
    return n > 0 ? centre_read(x, s, s + n) : cells_refuse_leaf(x, "@ and a token of every position's set expected");
}

/* A word a unit, and, behind a final LayerNorm, where any follows, one LO:HI an entry of the row that it centres. */
bool cells_intervals_read(struct leaf *x, const char **at, const char *end) {
    const struct sep *s = x->s;
    size_t n;
    x->n_read = s->units;
    if (s->units == 0 && *at != end && **at != '@') x->n_read += s->n_centred;
    for (uint32_t u = 0; u < x->n_read; u++) {
        const char *text = cells_word(at, end, &n);
        struct interval *v = &x->unit[u];
        if (n == 0) return cells_refuse_leaf(x, "a bound for every unit, and every entry of the row before a final LayerNorm or none of them, expected");
        if (!interval_read(x, v, text, n)) return false;
        if (u >= s->units && !(v->low && v->high)) return cells_refuse_leaf(x, "LO:HI expected for an entry of the row before the final LayerNorm");
        if (u + 1 == s->units && *at != end && **at != '@') x->n_read += s->n_centred;
    }
    return true;
}
