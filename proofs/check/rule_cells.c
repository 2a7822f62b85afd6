/* Rule cells (FORMAT.md §3): a layer of attention heads, then relus. A cell is one query token with one vector of features. Its lines give an interval for what
 * every relu reads, which the sums over positions of rule separable confirm (times Z_1; Z_1 / Z_h of the other heads lies between two numbers, and what is linear in these is
 * least at their ends); then every relu has a linear bound, and so has every form of the claim, which
 * is again such a sum. Nothing is searched. All sums are of integers times 2^-SEP_BITS with their error beside them. */
#include "cells_leaf.h"
#include <string.h>

#define NEVER (INT64_MAX / 2)            /* least sum of no sequence */

static bool refuse(struct leaf *x, const char *why) { return fail_at(x->s->fail, x->line != NULL ? x->line->line : 0, "rule cells: %s", why); }
bool cells_refuse_leaf(struct leaf *x, const char *why) { return refuse(x, why); }

/* ---- sums ---- */

static size_t most_classes(const struct leaf *x) {
    size_t most = 2;
    for (uint32_t i = 0; i < x->s->n; i++) most = x->level[i].classes.n > most ? x->level[i].classes.n : most;
    return most;
}

static void steps_room(struct leaf *x) {
    size_t classes = 0, steps = 0;
    for (uint32_t i = 0; i < x->s->n; i++) {
        classes += x->level[i].classes.n;
        steps += x->level[i].classes.n * x->level[i].tokens;
    }
    x->alive = mem_get(2 * most_classes(x), sizeof *x->alive);
    x->step = mem_get(steps, sizeof *x->step);
    x->step_from = mem_get(classes + 1, sizeof *x->step_from);
}

/* The steps of classes to ones with a completion, from the last level to the first, that no split has taken away, and the tokens of these; false when there is no sequence. Sums go over these steps until they are found anew. */
static bool steps_find(struct leaf *x) {
    bool *here = x->alive, *after = here + most_classes(x), *swap;
    size_t n = 0, at = 0;
    memset(x->left, 0, x->s->at[x->s->n] * sizeof *x->left);
    here[0] = false, here[1] = true; /* class 0 of the last level is dead, class 1 the end */
    for (uint32_t i = x->s->n; i-- > 0;) {
        const struct level *l = &x->level[i];
        swap = here, here = after, after = swap;
        for (size_t c = 0; c < l->classes.n; c++) {
            x->step_from[at++] = n;
            for (uint32_t t = 0; c > 0 && t < l->tokens; t++) {
                size_t to = (size_t)l->classes.key[c * l->tokens + t];
                uint32_t cell = x->s->at[i] + t;
                if (to == 0 || x->off[cell] || !after[to]) continue;
                x->left[cell] = true;
                x->step[n++] = (struct step){cell, (uint32_t)to};
            }
            here[c] = n > x->step_from[at - 1];
        }
    }
    x->step_from[at] = n;
    return here[1];
}

LOOP static void lower(int64_t *restrict least, const int64_t *restrict g, const int64_t *restrict after, size_t K) {
    for (size_t k = 0; k < K; k++) {
        int64_t v = g[k] + after[k];
        least[k] = v < least[k] ? v : least[k];
    }
}

/* The least sum of each of the K terms over the sequences of these steps, of which there is one, in here[0..K-1]. */
void cells_sums_least(struct leaf *x, size_t K) {
    const size_t most = most_classes(x), *from = x->step_from;
    mem_free(x->here);
    mem_free(x->next);
    x->here = mem_get(most * K, sizeof *x->here);
    x->next = mem_get(most * K, sizeof *x->next);
    for (uint32_t i = x->s->n; i-- > 0;) {
        int64_t *swap = x->here;
        x->here = x->next, x->next = swap;
        for (size_t c = 0; c < x->level[i].classes.n; c++, from++) {
            int64_t *least = x->here + c * K;
            for (size_t k = 0; k < K; k++) least[k] = NEVER;
            for (size_t e = from[0]; e < from[1]; e++) lower(least, x->g + x->step[e].cell * K, x->next + x->step[e].to * K, K);
        }
    }
    memmove(x->here, x->here + K, K * sizeof *x->here);
}

int64_t cells_other(const struct leaf *x, int h, uint32_t cell, uint32_t column) { return x->s->head[h].C[(size_t)cell * x->s->cols + column] - x->middle[(size_t)h * x->s->cols + column]; }
static const int64_t *head_w(const struct sep *s, int h) { return h == 0 ? s->w : s->head[h].w; }
static const int *head_shift(const struct sep *s, int h) { return h == 0 ? s->shift : s->head[h].shift; }

static void head_weights(struct leaf *x, int h) {
    const struct sep *s = x->s;
    uint32_t cells = s->at[s->n];
    const int64_t *w = head_w(s, h) + (size_t)x->q * cells;
    const int *shift = head_shift(s, h) + (size_t)x->q * cells;
    int most = INT32_MIN;
    for (uint32_t c = 0; c < cells; c++)
        if (x->left[c] && w[c] != 0 && shift[c] > most) most = shift[c];
    for (uint32_t c = 0; c < cells; c++) x->w[(size_t)h * cells + c] = x->left[c] && w[c] != 0 && most - shift[c] < 63 ? w[c] >> (most - shift[c]) : 0;
    x->most[h] = most;
}

/* Also those whose weight is too small to show in w: their terms must be of bounded size all the same. */
static void sources_find(struct leaf *x) {
    x->n_source = 0;
    for (uint32_t c = 0; c < x->s->at[x->s->n]; c++)
        if (x->left[c] && sep_source(x->s, x->q, c)) x->source[x->n_source++] = c;
}

/* w / 2^(shift - 60), within two units of 2^-60, as in rule separable; false when no sequence is left, or a head has no weight large enough for its table */
static bool weights(struct leaf *x) {
    if (!steps_find(x)) return refuse(x, "a cell without sequences");
    sources_find(x);
    for (int h = 0; h < x->s->heads; h++) {
        head_weights(x, h);
        if (x->most[h] == INT32_MIN) return refuse(x, "the weights are too small");
    }
    return true;
}

wide cells_sequences(const struct leaf *x) {
    const size_t most = most_classes(x);
    wide *here = mem_get(most, sizeof *here), *next = mem_get(most, sizeof *next), *swap;
    here[1] = 1;
    for (uint32_t i = x->s->n; i-- > 0;) {
        const struct level *l = &x->level[i];
        swap = here, here = next, next = swap;
        for (size_t c = 0; c < l->classes.n; c++) {
            here[c] = 0;
            for (uint32_t t = 0; c > 0 && t < l->tokens; t++)
                if (!x->off[x->s->at[i] + t] && l->classes.key[c * l->tokens + t] != 0) here[c] += next[l->classes.key[c * l->tokens + t]];
        }
    }
    wide n = here[1];
    mem_free(here);
    mem_free(next);
    return n;
}

/* ---- what the units read ---- */

int64_t cells_read(const struct leaf *x, uint32_t cell, uint32_t column) { return x->s->D[(size_t)x->q * x->s->cols + column] + x->s->C[(size_t)cell * x->s->cols + column] + x->middle[column]; }

/* adds w G of one head to a term */
bool cells_term_add(struct leaf *x, size_t K, size_t k, int head, uint32_t cell, __int128 G) {
    const struct sep *s = x->s;
    if (G > x->term_most || G < -x->term_most) return refuse(x, "a form is too large");
    x->g[(size_t)cell * K + k] += (int64_t)((__int128)x->w[(size_t)head * s->at[s->n] + cell] * (int64_t)G >> 60);
    return true;
}

void cells_terms_new(struct leaf *x, size_t K) {
    mem_free(x->g);
    x->g = mem_get((size_t)x->s->at[x->s->n] * K, sizeof *x->g);
}

/* The end of Z_1 / Z_h that a corner takes. */
static int64_t rate_of(const struct leaf *x, size_t corner, int head) { return x->ratio[head].rate[corner >> (head - 1) & 1]; }

/* ---- ratios of the heads' sums ---- */

/* q times 2^(SEP_BITS + by), rounded up or down; false when it does not fit */
static bool scaled(int64_t *out, const mpq_t q, long by, bool up) {
    mpq_t v;
    mpz_t t;
    mpq_init(v);
    mpz_init(t);
    if (by + SEP_BITS >= 0) mpq_mul_2exp(v, q, (mp_bitcnt_t)(by + SEP_BITS));
    else mpq_div_2exp(v, q, (mp_bitcnt_t)-(by + SEP_BITS));
    if (up) mpz_cdiv_q(t, mpq_numref(v), mpq_denref(v));
    else mpz_fdiv_q(t, mpq_numref(v), mpq_denref(v));
    bool good = mpz_sizeinbase(t, 2) <= 61;
    *out = good ? mpz_get_si(t) : 0;
    mpq_clear(v);
    mpz_clear(t);
    return good;
}

/* Z_1 >= r Z_h (end 0) or Z_1 <= r Z_h (end 1), as a sum of w_1 one - w_h other with other / one on the safe side of r, none above 1 */
static bool ratio_terms(struct leaf *x, size_t K, size_t k, int head, int end) {
    const int64_t unit = (int64_t)1 << SEP_BITS;
    long by = (long)x->most[head] - x->most[0];
    int64_t one = unit, other = unit;
    mpq_t r;
    mpq_init(r);
    mpq_set(r, x->ratio[head].end[end]);
    bool good = scaled(&other, r, by, end == 0);
    if (!good || other > unit) {
        mpq_inv(r, r);
        good = scaled(&one, r, -by, end == 1);
        other = unit;
    }
    mpq_clear(r);
    if (!good) return refuse(x, "a ratio is too large");
    int64_t sign = end == 0 ? 1 : -1;
    for (uint32_t i = 0; i < x->n_source; i++)
        if (!cells_term_add(x, K, k, 0, x->source[i], sign * one) || !cells_term_add(x, K, k, head, x->source[i], -sign * other)) return false;
    return true;
}

/* The ends hold: sums that are never negative. A term is within 4 (of each head: the error of w and the last shift, one each). */
static bool ratios_hold(struct leaf *x) {
    struct sep *s = x->s;
    size_t K = 2 * (size_t)(s->heads - 1);
    if (K == 0) return true;
    cells_terms_new(x, K);
    for (int h = 1; h < s->heads; h++)
        for (int end = 0; end < 2; end++) {
            if (!ratio_terms(x, K, 2 * (size_t)(h - 1) + (size_t)end, h, end)) return false;
            if (!scaled(&x->ratio[h].rate[end], x->ratio[h].end[end], (long)x->most[h] - x->most[0], false)) return refuse(x, "a ratio is too large");
        }
    cells_sums_least(x, K);
    for (size_t k = 0; k < K; k++)
        if (x->here[k] < 4 * (int64_t)s->n) return refuse(x, "a bound of a ratio does not hold");
    return true;
}

/* ---- sums of all heads ---- */

/* What the other heads add at a corner: rate times w_h G_h, G_h of size `size` at most (whole numbers) and within `error` units. Returns the error of a term. */
__int128 cells_rate_error(const struct leaf *x, int head, int64_t size, __int128 error) {
    int64_t rate = (x->ratio[head].rate[1] >> SEP_BITS) + 2; /* rate[0] is smaller */
    return rate * error + size + 1 + 1 + 2; /* the error of G, that of the rate, the shift after their product, the error of w and the last shift */
}

static bool other_add(struct leaf *x, size_t K, size_t k, size_t corner, int head, uint32_t cell, __int128 G) {
    if (G >= CELLS_LARGE || G <= -CELLS_LARGE) return refuse(x, "a form is too large");
    return cells_term_add(x, K, k, head, cell, (__int128)rate_of(x, corner, head) * (int64_t)G >> SEP_BITS);
}

/* largest size of a column of C, in whole numbers */
static int64_t column_size(const struct leaf *x, int head, uint32_t column) {
    const struct sep *s = x->s;
    int64_t most = 0;
    for (uint32_t i = 0; i < x->n_source; i++) {
        uint32_t c = x->source[i];
        int64_t v = head == 0 ? s->C[(size_t)c * s->cols + column] : cells_other(x, head, c, column), size = ((v < 0 ? -v : v) >> SEP_BITS) + 2;
        if (size > most) most = size;
    }
    return most;
}

/* Another head's part of a term: at the corners, or, of `width` 1, at the end that makes this term smaller, which is at most what either end makes of the whole sum. */
bool cells_form_other(struct leaf *x, size_t K, size_t k, size_t width, int head, uint32_t cell, __int128 G) {
    if (width > 1 || x->corners == 1) {
        for (size_t v = 0; v < width; v++)
            if (!other_add(x, K, k + v, v, head, cell, G)) return false;
        return true;
    }
    int64_t rate = x->ratio[head].rate[G < 0];
    if (G >= CELLS_LARGE || G <= -CELLS_LARGE) return refuse(x, "a form is too large");
    return cells_term_add(x, K, k, head, cell, (__int128)rate * (int64_t)G >> SEP_BITS);
}

/* z_u less its lower end, or its upper end less z_u, times Z_1. A term of the first head is within 5: D and C one unit each, the end one; the
 * error of w, two units of 2^-60 times at most 2^58, one; the last shift one. */
static bool interval_terms(struct leaf *x, size_t K, size_t k, uint32_t u, int64_t end, int sign, __int128 *error) {
    const struct sep *s = x->s;
    *error = 5;
    for (int h = 1; h < s->heads; h++) *error += cells_rate_error(x, h, column_size(x, h, s->n_out + u), 1);
    for (uint32_t i = 0; i < x->n_source; i++) {
        uint32_t c = x->source[i];
        if (!cells_term_add(x, K, k, 0, c, (__int128)sign * (cells_read(x, c, s->n_out + u) - end))) return false;
        for (int h = 1; h < s->heads; h++)
            if (!cells_form_other(x, K, k, 1, h, c, (__int128)sign * cells_other(x, h, c, s->n_out + u))) return false;
    }
    return true;
}

/* Every interval holds. */
static bool intervals_hold(struct leaf *x) {
    const struct sep *s = x->s;
    size_t K = 2 * (size_t)x->n_read;
    if (K == 0) return true;
    cells_terms_new(x, K);
    __int128 *error = mem_get(2 * (size_t)x->n_read, sizeof *error);
    bool good = true;
    for (uint32_t u = 0; good && u < x->n_read; u++) {
        const struct interval *v = &x->unit[u];
        int64_t lo = 0, hi = 0;
        good = (!v->low || cells_to_unit(x, v->lo, true, &lo)) && (!v->high || cells_to_unit(x, v->hi, false, &hi));
        if (good && v->low) good = interval_terms(x, K, 2 * (size_t)u, u, lo, 1, &error[2 * u]);
        if (good && v->high) good = interval_terms(x, K, 2 * (size_t)u + 1, u, hi, -1, &error[2 * u + 1]);
    }
    if (good) cells_sums_least(x, K);
    for (size_t k = 0; good && k < K; k++)
        if ((k % 2 == 0 ? x->unit[k / 2].low : x->unit[k / 2].high) && x->here[k] < error[k] * s->n) good = refuse(x, "a bound of a unit does not hold");
    mem_free(error);
    return good;
}

/* ---- lines ---- */

/* The words of a line, but for the sequences behind the first: they hold. */
static bool words_hold(struct leaf *x, const char *at, const char *end) {
    size_t n;
    bool any;
    for (int h = 1; h < x->s->heads; h++) {
        const char *s = cells_word(&at, end, &n);
        if (!cells_ratio_read(x, h, s, n)) return false;
    }
    if (!cells_intervals_read(x, &at, end)) return false;
    bool rows = x->s->heads == 1 && x->s->n_centred > 0 && x->s->units == 0 && x->n_read == 0; /* sequences name rows then */
    if (at != end && ((x->s->heads == 1 && !rows) || *at != '@')) return refuse(x, "the line is too long");
    x->at = at;
    x->at_end = end;
    sigma_clear(x->sigma);
    x->sigma = NULL;
    memset(x->middle, 0, (size_t)x->s->heads * x->s->cols * sizeof *x->middle);
    return weights(x) && ratios_hold(x) && cells_centre_next(x, &any) && intervals_hold(x) && sigma_find(x);
}

/* Words that nothing needed are words of the line all the same. */
static bool words_end(struct leaf *x) {
    for (bool any = true; any;)
        if (!cells_centre_next(x, &any)) return false;
    return true;
}

static bool leaf_bounds(struct leaf *x, const char *at, const char *end) {
    if (!words_hold(x, at, end) || !cells_forms_hold(x) || !words_end(x)) return false;
    if (!x->fails) *x->yes += cells_sequences(x);
    else *x->no = true;
    return true;
}

/* The words of a split, `each` or `counts`: forms that they show need not be shown again in its parts, or looked at. */
static bool single_words(struct leaf *x, const char *at, const char *end, bool *shown) {
    size_t left = 0;
    for (size_t k = 0; k < x->t->n; k++) left += !shown[k];
    x->fails = x->t->negated; /* each form by itself, whatever is made of them */
    return words_hold(x, at, end) && cells_forms_find(x, shown, &left, false) && words_end(x);
}

static bool split_words(struct leaf *x, const char *at, const char *end) {
    return x->t->negated ? refuse(x, "a line of a negated predicate with words that show single forms") : single_words(x, at, end, x->shown);
}

/* each WORDS: the forms that the words do not show, one sequence after the other */
static bool each(struct leaf *x, const char *at, const char *end) {
    bool *shown = mem_get(x->t->n, sizeof *shown);
    memcpy(shown, x->shown, x->t->n * sizeof *shown);
    bool good = at == end ? weights(x) : split_words(x, at, end);
    good = good && cells_each(x, x->shown, cells_sequences(x));
    memcpy(x->shown, shown, x->t->n * sizeof *shown);
    mem_free(shown);
    return good;
}

static bool subtree(struct leaf *x);

/* split I A,B,... WORDS: first the sequences whose token at position I is one of these, then the others; a branch without sequences has no lines */
static bool split(struct leaf *x, const char *at, const char *end) {
    size_t n;
    const char *s = cells_word(&at, end, &n);
    mpq_t v;
    mpq_init(v);
    bool good = rational_read(v, s, n) && mpz_cmp_ui(mpq_denref(v), 1) == 0 && mpq_sgn(v) >= 0 && mpq_cmp_ui(v, x->s->n, 1) < 0;
    uint32_t i = good ? (uint32_t)mpz_get_ui(mpq_numref(v)) : 0, m = x->s->at[i + 1] - x->s->at[i];
    bool *off = x->off + x->s->at[i], *before = mem_get(m, sizeof *before), *named = mem_get(m, sizeof *named);
    memcpy(before, off, m * sizeof *off);
    s = cells_word(&at, end, &n);
    const char *tokens_end = s + n;
    while (good && s < tokens_end) {
        const char *comma = memchr(s, ',', (size_t)(tokens_end - s)), *stop = comma != NULL ? comma : tokens_end;
        good = rational_read(v, s, (size_t)(stop - s)) && mpz_cmp_ui(mpq_denref(v), 1) == 0 && mpz_fits_slong_p(mpq_numref(v));
        for (uint32_t t = 0; good && t < m; t++) named[t] = named[t] || x->s->sets.v[i][t] == mpz_get_si(mpq_numref(v));
        s = comma != NULL ? comma + 1 : tokens_end;
    }
    mpq_clear(v);
    uint32_t these = 0, others = 0;
    for (uint32_t t = 0; good && t < m; t++) {
        these += named[t] && !before[t];
        others += !named[t] && !before[t];
    }
    if (!good) refuse(x, "split I TOKENS expected");
    else if (these == 0 || others == 0) good = refuse(x, "a split that leaves one part with all tokens");
    bool *shown = mem_get(x->t->n, sizeof *shown);
    memcpy(shown, x->shown, x->t->n * sizeof *shown);
    good = good && (tokens_end == end || split_words(x, at, end));
    for (int part = 0; good && part < 2; part++) {
        for (uint32_t t = 0; t < m; t++) off[t] = before[t] || named[t] == (part == 1);
        if (steps_find(x)) good = subtree(x);
    }
    memcpy(off, before, m * sizeof *off);
    memcpy(x->shown, shown, x->t->n * sizeof *shown);
    mem_free(shown);
    mem_free(before);
    mem_free(named);
    return good;
}

/* Splits nest at most as often as there are (position, token): each takes some away from both parts. */
static bool subtree(struct leaf *x) {
    if (x->l->next == x->l->n) return refuse(x, "a line 'cell' is missing");
    x->line = &x->l->line[x->l->next++];
    const char *at = x->line->s, *end = at + x->line->n;
    size_t n;
    const char *s = cells_word(&at, end, &n);
    x->fails = n == 5 && memcmp(s, "fails", 5) == 0;
    x->counts = n == 6 && memcmp(s, "counts", 6) == 0;
    if (x->fails || (n == 6 && memcmp(s, "bounds", 6) == 0)) return leaf_bounds(x, at, end);
    if (n == 5 && memcmp(s, "split", 5) == 0) return split(x, at, end);
    if (n == 4 && memcmp(s, "each", 4) == 0) return each(x, at, end);
    if (x->counts) return cells_tables(x, at, end, x->shown, single_words);
    if (n != 4 || memcmp(s, "open", 4) != 0 || at != end) return refuse(x, "bounds, fails, split, each, counts or open expected");
    *x->open += cells_sequences(x);
    return true;
}

/* Whatever a unit reads is, head by head, an average of what it reads of single sources. */
static void reaches(struct leaf *x) {
    const struct sep *s = x->s;
    for (uint32_t c = 0; c < s->at[s->n]; c++) x->left[c] = true;
    sources_find(x);
    for (uint32_t u = 0; u < s->units; u++) {
        for (uint32_t i = 0; i < x->n_source; i++) {
            uint32_t c = x->source[i];
            int64_t z = cells_read(x, c, s->n_out + u), size = ((z < 0 ? -z : z) >> SEP_BITS) + 2;
            x->reach[u] = size > x->reach[u] ? size : x->reach[u];
        }
        for (int h = 1; h < s->heads; h++) x->reach[u] += column_size(x, h, s->n_out + u);
    }
}

bool cells_settle(struct walker *w, uint32_t q, const struct truth *t, bool *no) {
    struct sep *s = &w->s;
    struct leaf x = {.l = w->leaves, .walker = w, .s = s, .level = w->level, .q = q, .t = t, .yes = &w->true_count, .open = &w->open_count, .no = no};
    x.off = mem_get(s->at[s->n], sizeof *x.off);
    x.left = mem_get(s->at[s->n], sizeof *x.left);
    x.source = mem_get(s->at[s->n], sizeof *x.source);
    x.term_most = ((int64_t)1 << 61) / ((int64_t)(s->n + 1) * s->heads); /* sums stay below 2^61, and NEVER above */
    if (x.term_most > (int64_t)1 << 58) x.term_most = (int64_t)1 << 58; /* the error of w, two units of 2^-60, is less than one of a term */
    steps_room(&x);
    x.w = mem_get((size_t)s->heads * s->at[s->n], sizeof *x.w);
    x.corners = (size_t)1 << (s->heads - 1);
    for (int h = 1; h < s->heads; h++) mpq_inits(x.ratio[h].end[0], x.ratio[h].end[1], NULL);
    x.unit = mem_get((size_t)s->units + s->n_centred, sizeof *x.unit);
    x.reach = mem_get(s->units, sizeof *x.reach);
    x.middle = mem_get((size_t)s->heads * s->cols, sizeof *x.middle);
    x.shown = mem_get(t->n, sizeof *x.shown);
    for (uint32_t u = 0; u < s->units + s->n_centred; u++) mpq_inits(x.unit[u].lo, x.unit[u].hi, x.unit[u].slope, NULL);
    reaches(&x);
    bool good = subtree(&x);
    for (uint32_t u = 0; u < s->units + s->n_centred; u++) mpq_clears(x.unit[u].lo, x.unit[u].hi, x.unit[u].slope, NULL);
    for (int h = 1; h < s->heads; h++) mpq_clears(x.ratio[h].end[0], x.ratio[h].end[1], NULL);
    sigma_clear(x.sigma);
    void *all[] = {x.alive, x.step, x.step_from, x.off, x.left, x.shown, x.row_here, x.row_next, x.source, x.w, x.unit, x.reach, x.middle, x.g, x.here, x.next};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
    return good;
}

bool rule_cells(const struct certificate *c, struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, struct tally *t, struct fail *f) {
    struct leaves l = {.line = c->cases, .n = c->n_cases};
    if (!rule_separable(e, b, where, predicate, need_all, (struct way){.leaves = &l}, t, f)) return false;
    return (need_all && !t->all) || l.next == l.n || fail_at(f, c->cases[l.next].line, "rule cells: a line 'cell' too many");
}
