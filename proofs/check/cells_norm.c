/* Rule cells behind a final LayerNorm (FORMAT.md §3, cells 4): bounds of sigma, see cells_leaf.h. They hold for any y: by Cauchy-Schwarz for (r, sqrt(eps d)) and (y, sqrt(eps d)), and since
 * sigma <= (sigma^2 + tau^2) / (2 tau) and |r|^2 = 2 y.r - |y|^2 + |r - y|^2. */
#include "cells_leaf.h"
#include "integers.h"
#include <string.h>

#define LARGE ((__int128)1 << 53)        /* of an entry of y, or of what r may be off it */

static int64_t positive(int64_t z) { return z > 0 ? z : 0; }

/* The smallest r with r^2 >= x < 2^126 */
static int64_t root_up(unsigned __int128 x) {
    uint64_t r = root_down(x);
    return (int64_t)((unsigned __int128)r * r == x ? r : r + 1);
}

/* The relu of unit u lies in [low, high]. */
static void relu_ends(const struct leaf *x, uint32_t u, int64_t *low, int64_t *high) {
    const struct interval *v = &x->unit[u];
    *low = v->low ? positive(v->from) : 0;
    *high = v->high ? positive(v->to) : x->reach[u] << SEP_BITS;
}

/* y of one entry, and how far r may be off it: the entry's own interval, and the relus' (their effects within one unit, the product's shift one). */
static bool entry(struct leaf *x, uint32_t c, int64_t *y, int64_t *off) {
    const struct sep *s = x->s;
    const struct interval *v = &x->unit[s->units + c];
    __int128 middle = ((__int128)v->from + v->to) >> 1, most = (((__int128)v->to - v->from) >> 1) + 1;
    for (uint32_t u = 0; u < s->units; u++) {
        int64_t low, high, by = s->R[(size_t)u * s->n_centred + c];
        relu_ends(x, u, &low, &high);
        int64_t at = low + (high - low) / 2;
        middle += (__int128)by * at >> SEP_BITS;
        most += ((__int128)size_of(by) * (high - at + 1) >> SEP_BITS) + (high >> SEP_BITS) + 4;
    }
    *y = (int64_t)middle;
    *off = (int64_t)most;
    return middle < LARGE && middle > -LARGE && most < LARGE;
}

/* eps at 2^(-2 SEP_BITS), upwards; false when it is too large, or there are too many entries for the sums below */
static bool eps_up(const struct sep *s, unsigned __int128 *e) {
    mpz_t eps;
    mpz_init(eps);
    mpz_mul_2exp(eps, mpq_numref(s->eps), 2 * SEP_BITS);
    mpz_cdiv_q(eps, eps, mpq_denref(s->eps));
    bool good = s->n_centred <= 1 << 16 && mpz_sizeinbase(eps, 2) <= 100;
    *e = 0;
    for (mp_bitcnt_t b = 0; good && b < 100; b++) *e |= (unsigned __int128)(unsigned)mpz_tstbit(eps, b) << b;
    mpz_clear(eps);
    return good;
}

/* sqrt(|row|^2 / d + eps), upwards; entries are below LARGE */
static int64_t length_of(const struct sep *s, const int64_t *row, unsigned __int128 eps) {
    unsigned __int128 sum = 0;
    for (uint32_t c = 0; c < s->n_centred; c++) sum += (unsigned __int128)((__int128)row[c] * row[c]);
    return root_up(sum / s->n_centred + 1 + eps);
}

/* tau, and bend = the sum of the squares of off over 2 d tau, and 2 for the rounding of tau */
static bool lengths(struct leaf *x, const int64_t *off) {
    const struct sep *s = x->s;
    struct sigma *z = x->sigma;
    unsigned __int128 off2 = 0, e;
    if (!eps_up(s, &e)) return false;
    for (uint32_t c = 0; c < s->n_centred; c++) off2 += (unsigned __int128)((__int128)off[c] * off[c]);
    z->tau = length_of(s, z->y, e);
    unsigned __int128 bend = off2 / (2 * (unsigned __int128)s->n_centred * (unsigned __int128)z->tau) + 3;
    z->bend = (int64_t)bend;
    return bend < (unsigned __int128)1 << 53;
}

/* y.row / (d tau) */
static int64_t along(const struct leaf *x, const int64_t *row) {
    const struct sigma *z = x->sigma;
    __int128 sum = 0;
    for (uint32_t c = 0; c < x->s->n_centred; c++) sum += (__int128)z->y[c] * row[c];
    return (int64_t)(sum / ((__int128)x->s->n_centred * z->tau));
}

static struct sigma *sigma_new(struct leaf *x) {
    const struct sep *s = x->s;
    sigma_clear(x->sigma);
    struct sigma *z = x->sigma = mem_get(1, sizeof *z);
    z->y = mem_get(s->n_centred, sizeof *z->y);
    z->unit = mem_get(s->units, sizeof *z->unit);
    z->term = mem_get((size_t)s->heads * s->at[s->n], sizeof *z->term);
    return z;
}

/* The sources' own lengths. Entries are within two units (D and C one each), so that a length is within two as well. */
static bool above_find(struct leaf *x, unsigned __int128 eps) {
    const struct sep *s = x->s;
    uint32_t from = s->n_out + s->units;
    int64_t *row = mem_get(s->n_centred, sizeof *row);
    bool good = true;
    x->sigma->above = mem_get(s->at[s->n], sizeof *x->sigma->above);
    for (uint32_t i = 0; good && i < x->n_source; i++) {
        uint32_t c = x->source[i];
        for (uint32_t k = 0; k < s->n_centred; k++) {
            row[k] = cells_read(x, c, from + k);
            good = good && row[k] < LARGE && row[k] > -LARGE;
        }
        if (good) x->sigma->above[c] = length_of(s, row, eps) + 2;
    }
    mem_free(row);
    return good;
}

bool sigma_around(struct leaf *x, const uint32_t *cell) {
    const struct sep *s = x->s;
    const int64_t *D = s->D + (size_t)x->q * s->cols;
    unsigned __int128 eps;
    int64_t *above = x->sigma != NULL ? x->sigma->above : NULL; /* the same for all of a line's sequences */
    if (x->sigma != NULL) x->sigma->above = NULL;
    struct sigma *z = sigma_new(x);
    z->above = above;
    bool good = eps_up(s, &eps);
    for (uint32_t c = 0, j = s->n_out + s->units; good && c < s->n_centred; c++, j++) {
        __int128 sum = 0, Z = 0;
        for (uint32_t i = 0; i < s->n; i++) {
            int64_t w = x->w[cell[i]] >> 8;
            Z += w;
            sum += (__int128)w * s->C[(size_t)cell[i] * s->cols + j];
        }
        __int128 y = D[j] + (Z > 0 ? sum / Z : 0);
        z->y[c] = (int64_t)y;
        good = y < LARGE && y > -LARGE;
    }
    if (good) z->tau = length_of(s, z->y, eps);
    good = good && (z->above != NULL || !sigma_falls(x) || above_find(x, eps));
    return good ? true : cells_refuse_leaf(x, "the row before the final LayerNorm is too large");
}

bool sigma_find(struct leaf *x) {
    const struct sep *s = x->s;
    if (x->n_read == s->units) return true;
    struct sigma *z = sigma_new(x);
    int64_t *off = mem_get(s->n_centred, sizeof *off);
    bool good = true;
    for (uint32_t c = 0; good && c < s->n_centred; c++) good = entry(x, c, &z->y[c], &off[c]);
    good = good && lengths(x, off);
    for (uint32_t u = 0; good && u < s->units; u++) z->unit[u] = along(x, s->R + (size_t)u * s->n_centred);
    mem_free(off);
    return good ? true : cells_refuse_leaf(x, "the row before the final LayerNorm is too large");
}

void sigma_terms(struct leaf *x) {
    const struct sep *s = x->s;
    struct sigma *z = x->sigma;
    if (z == NULL) return;
    uint32_t from = s->n_out + s->units;
    int64_t *row = mem_get(s->n_centred, sizeof *row), eps;
    mpq_t e;
    mpq_init(e);
    mpq_set(e, s->eps); /* eps / tau, within one unit: eps < 2^20 */
    mpq_mul_2exp(e, e, 2 * SEP_BITS);
    mpz_fdiv_q(mpq_numref(e), mpq_numref(e), mpq_denref(e));
    mpz_fdiv_q_ui(mpq_numref(e), mpq_numref(e), (unsigned long)z->tau);
    eps = mpz_get_si(mpq_numref(e));
    mpq_set_ui(e, 0, 1);
    mpq_clear(e);
    z->size = 0;
    for (int h = 0; h < s->heads; h++)
        for (uint32_t i = 0; i < x->n_source; i++) {
            uint32_t c = x->source[i];
            for (uint32_t k = 0; k < s->n_centred; k++) row[k] = h == 0 ? cells_read(x, c, from + k) : cells_other(x, h, c, from + k);
            int64_t v = along(x, row) + (h == 0 ? eps : 0), whole = (size_of(v) >> SEP_BITS) + 1;
            z->term[(size_t)h * s->at[s->n] + c] = v;
            if (whole > z->size) z->size = whole;
            whole = z->above != NULL ? (z->above[c] >> SEP_BITS) + 1 : 0;
            if (whole > z->size) z->size = whole;
        }
    mem_free(row);
}

void sigma_clear(struct sigma *z) {
    if (z == NULL) return;
    mem_free(z->y);
    mem_free(z->term);
    mem_free(z->above);
    mem_free(z->unit);
    mem_free(z);
}

bool sigma_counts(const struct leaf *x, const struct iform *f) { return f->normed && x->s->norm >= 0 && mpq_sgn(f->exact[0]) != 0; }

/* kappa lies in [k, k + 1], k - 1 is below it for either sign. */
static int64_t kappa_of(const struct iform *f, int sign) { return sign > 0 ? f->c : -f->c; }

bool sigma_falls(const struct leaf *x) {
    const struct truth *t = x->t;
    int sign = t->negated != x->fails ? -1 : 1;
    bool any = false;
    for (size_t k = 0; k < t->n; k++) any = any || (sigma_counts(x, &t->form[k]) && (x->counts || kappa_of(&t->form[k], sign) <= 0));
    return any;
}

__int128 sigma_first(const struct leaf *x, const struct iform *f, int sign, uint32_t cell) {
    const struct sigma *z = x->sigma;
    __int128 k = kappa_of(f, sign), v = k * z->term[cell] >> SEP_BITS;
    if (k > 0) return v;
    return z->above != NULL ? k * z->above[cell] >> SEP_BITS : v + ((k - 1) * z->bend >> SEP_BITS);
}

__int128 sigma_other(const struct leaf *x, const struct iform *f, int sign, int head, uint32_t cell) {
    return (__int128)kappa_of(f, sign) * x->sigma->term[(size_t)head * x->s->at[x->s->n] + cell] >> SEP_BITS;
}

__int128 sigma_factor(const struct leaf *x, const struct iform *f, uint32_t unit) { return (__int128)f->c * x->sigma->unit[unit] >> SEP_BITS; }

/* kappa times 4 units, one unit of kappa times the term or the unit's tangent, the shift */
__int128 sigma_error(const struct leaf *x, const struct iform *f) {
    __int128 most = x->sigma->size;
    for (uint32_t u = 0; u < x->s->units; u++) {
        int64_t whole = (size_of(x->sigma->unit[u]) >> SEP_BITS) + 1;
        if (whole > most) most = whole;
    }
    return 4 * (((__int128)size_of(f->c) >> SEP_BITS) + 1) + most + 2;
}
