/* The sum of the least of several forms (or of the largest, mirrored) over the sequences of one q with one set of final states (FORMAT.md, rule count, averages).
 *
 * For any form b, the base, min_k L_k = L_b - max_k (L_b - L_k)^+: over a part of n sequences the sum of the minimum is that of L_b (separable_average.c) less a number
 * in [0, n u], u at least the largest (L_b - L_k)^+ in the part. The base may change from part to part: the sum of the new one over the part is added, that of the old one taken
 * away. Parts with n u above ENTER are cut in two. Which form is the base, and where parts are cut, decides how narrow the interval is and no more.
 *
 * Terms g, top are w (G -+ errors) at 2^-SEP_BITS, weights at 2^-60 in one scale, each within two units; radius is that of a whole sum (separable_fill.c). */
#include "separable_least.h"
#include <string.h>

/* ---- parts ---- */

static void count_part(struct tree *t) {
    const struct walker *w = t->w;
    for (uint32_t i = w->s.n; i-- > 0;) {
        struct level *l = &t->level[i];
        const struct level *whole = &w->level[i], *after = &t->level[i + 1];
        memset(l->count, 0, l->classes.n * sizeof *l->count);
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t k = 0; k < l->tokens; k++) {
                int64_t to = whole->classes.key[c * l->tokens + k];
                if (!t->allowed[w->s.at[i] + k] || after->count[to] == 0) to = 0;
                l->classes.key[c * l->tokens + k] = to;
                if (to != 0) l->count[c] += after->count[to];
            }
    }
}

/* Classes that no sequence of the part comes to lead nowhere; tokens on no sequence are no longer allowed. */
static void reach_part(struct tree *t) {
    const struct sep *s = &t->w->s;
    bool *here = mem_get(1 + 1, sizeof *here);
    here[1] = true;
    memset(t->allowed, 0, s->at[s->n] * sizeof *t->allowed);
    for (uint32_t i = 0; i < s->n; i++) {
        struct level *l = &t->level[i];
        bool *next = mem_get(t->level[i + 1].classes.n, sizeof *next);
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t k = 0; k < l->tokens; k++) {
                int64_t *to = &l->classes.key[c * l->tokens + k];
                if (!here[c]) *to = 0;
                if (*to == 0) continue;
                next[*to] = true;
                t->allowed[s->at[i] + k] = true;
            }
        mem_free(here);
        here = next;
    }
    mem_free(here);
}

static bool single(const struct tree *t) {
    const struct sep *s = &t->w->s;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t n = 0;
        for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) n += t->allowed[c] && sep_source(s, t->q, c);
        if (n > 1) return false;
    }
    return true;
}

/* ---- gaps ---- */

/* gap = n u, rounded up. */
static void gap_of(struct tree *t, int64_t by) {
    int64_t Z = least_weight(t);
    mpz_set_ui(t->gap, 0);
    if (by <= 0 || t->widest <= 0) return;
    mpz_add_wide(t->gap, t->level[0].count[1]);
    if (Z <= 0 || ((__int128)by << 60) / Z >= t->widest) {
        mpz_mul_ui(t->gap, t->gap, (unsigned long)t->widest);
        return;
    }
    mpz_mul_ui(t->gap, t->gap, (unsigned long)by);
    mpz_mul_2exp(t->gap, t->gap, 60);
    mpz_set_ui(t->t, (unsigned long)Z);
    mpz_cdiv_q(t->gap, t->gap, t->t);
}

static bool may_be_left(struct tree *t, int64_t by) {
    gap_of(t, by);
    return mpz_cmp(t->gap, t->little) <= 0;
}

/* gap = n x, or 0 when x is negative; is it at most that many ENTER? */
static bool within(struct tree *t, __int128 x, unsigned times) {
    mpz_t most;
    mpz_set_ui(t->gap, 0);
    if (x <= 0) return true;
    mpz_init(most);
    mpz_mul_ui(most, t->enter, times);
    mpz_set_ui(t->t, 0);
    mpz_add_wide(t->t, t->level[0].count[1]);
    mpz_set_ui(t->gap, (unsigned long)(uint64_t)(x >> 64));
    mpz_mul_2exp(t->gap, t->gap, 64);
    mpz_add_ui(t->gap, t->gap, (unsigned long)(uint64_t)x);
    mpz_mul(t->gap, t->gap, t->t);
    bool is = mpz_cmp(t->gap, most) <= 0;
    mpz_clear(most);
    return is;
}

/* The form whose sum of w G is least (largest) on average. */
static uint32_t least_on_average(struct tree *t, const uint32_t *open, uint32_t n) {
    const struct walker *w = t->w;
    uint32_t at = 0, best = 0;
    memset(t->mean, 0, n * sizeof *t->mean);
    t->share[0][1] = (uint64_t)1 << SHARE;
    for (uint32_t i = 0; i < w->s.n; i++, at = 1 - at) {
        memset(t->share[1 - at], 0, t->level[i + 1].classes.n * sizeof *t->share[0]);
        for (size_t c = 1; c < t->level[i].classes.n; c++)
            EACH_EDGE(t, i, c, k, next) {
                uint64_t here = t->share[at][c] * share_of(t->level[i + 1].count[next], t->level[i].count[c]) >> SHARE;
                const int64_t *g = w->g + (size_t)(w->s.at[i] + k) * w->n_form;
                t->share[1 - at][next] += here;
                for (uint32_t e = 0; e < n; e++) t->mean[e] += (__int128)here * g[open[e]];
            }
    }
    for (uint32_t e = 1; e < n; e++)
        if (w->negated ? t->mean[e] > t->mean[best] : t->mean[e] < t->mean[best]) best = e;
    return open[best];
}

/* Another base where that leaves less than half as much, or little enough. */
static bool change_base(struct tree *t, struct lead *l, uint32_t *base, const uint32_t *left, uint32_t n_left) {
    struct walker *w = t->w;
    uint32_t other = least_on_average(t, left, n_left);
    if (other == *base) return true;
    const int64_t widest = t->widest;
    const size_t K = w->n_form;
    memcpy(t->kept, t->lead, K * sizeof *t->kept);
    memcpy(t->kept + K, t->most, K * sizeof *t->kept);
    struct lead next = lead_of(t, other, left, n_left);
    if (next.by >= l->by / 2 && !may_be_left(t, next.by)) {
        memcpy(t->lead, t->kept, K * sizeof *t->kept);
        memcpy(t->most, t->kept + K, K * sizeof *t->kept);
        t->widest = widest;
        return true;
    }
    bool good = average_add(t->to, &w->s, t->level, t->q, &w->form[other], 1) && average_add(t->to, &w->s, t->level, t->q, &w->form[*base], -1);
    *base = other;
    *l = next;
    return good;
}

/* ---- cuts ---- */

static void part(struct tree *t, const uint32_t *open, uint32_t n_open, uint32_t base);

/* The position whose allowed tokens differ most, and half way between. */
static uint32_t widest(const struct tree *t, uint32_t base, uint32_t k, int64_t *middle) {
    const struct sep *s = &t->w->s;
    uint32_t at = 0;
    int64_t widest = -1;
    for (uint32_t i = 0; i < s->n; i++) {
        int64_t least = INT64_MAX, most = INT64_MIN;
        uint32_t n = 0;
        for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) {
            if (!t->allowed[c] || !sep_source(s, t->q, c)) continue;
            int64_t v = lead_above(t, c, base, k);
            if (v < least) least = v;
            if (v > most) most = v;
            n++;
        }
        if (n < 2 || most - least <= widest) continue;
        widest = most - least;
        *middle = least + (most - least) / 2;
        at = i;
    }
    return at;
}

static void both_sides(struct tree *t, const uint32_t *left, uint32_t n_left, uint32_t base, uint32_t k) {
    const struct sep *s = &t->w->s;
    int64_t middle = 0;
    uint32_t at = widest(t, base, k, &middle), from = s->at[at], n = s->at[at + 1] - from;
    int64_t *lead = mem_get(n, sizeof *lead);
    for (uint32_t x = 0; x < n; x++)
        if (t->allowed[from + x]) lead[x] = lead_above(t, from + x, base, k);
    unsigned char *side = cut_sides(lead, t->allowed + from, n, middle);
    mem_free(lead);
    for (unsigned char half = 1; half <= 2 && !t->failed; half++) {
        for (uint32_t x = 0; x < n; x++) t->allowed[from + x] = side[x] == half;
        part(t, left, n_left, base);
    }
    mem_free(side);
}

/* The sum over the part is the base's less gap (more, of a largest form); end: of the interval, 0 the one that the gap moves most. */
static void move_end(struct tree *t, int end) {
    mpz_mul_2exp(t->gap, t->gap, MEAN_BITS - SEP_BITS);
    if (end == 0) mpz_cdiv_q_ui(t->gap, t->gap, (unsigned long)t->w->form[0].times);
    else mpz_fdiv_q_ui(t->gap, t->gap, (unsigned long)t->w->form[0].times);
    if (t->w->negated) mpz_add(t->to->part[1 - end], t->to->part[1 - end], t->gap);
    else mpz_sub(t->to->part[end], t->to->part[end], t->gap);
}

/* ---- tables ---- */

/* Rivals with a lead, the largest first. */
static uint32_t by_lead(struct tree *t, const uint32_t *left, uint32_t n_left, uint32_t base) {
    uint32_t n = 0;
    for (uint32_t e = 0; e < n_left; e++) {
        uint32_t at = n;
        if (left[e] == base || t->lead[left[e]] <= 0) continue;
        for (; at > 0 && t->lead[t->rival[at - 1]] < t->lead[left[e]]; at--) t->rival[at] = t->rival[at - 1];
        t->rival[at] = left[e];
        n++;
    }
    return n;
}

/* The mean of (L_b - L_k)^+, between two numbers. */
static void lead_between(struct tree *t, int64_t mean[2], uint32_t base, uint32_t k) {
    struct walker *w = t->w;
    struct summed s = {.level = t->level, .at = w->s.at, .n = w->s.n, .allowed = t->allowed, .term = t->term, .weight = w->weight, .least = least_weight(t), .average = t->to};
    int64_t Z = s.least, rest = w->radius[base] + w->radius[k];
    for (uint32_t c = 0; c < w->s.at[w->s.n]; c++)
        if (t->allowed[c]) t->term[c] = sep_source(&w->s, t->q, c) ? lead_above(t, c, base, k) : 0;
    mean[0] = 0;
    mean[1] = INT64_MAX;
    if (Z <= 0 || !above_mean(mean, &t->above, &s, w->parts.B)) {
        mean[0] = 0;
        mean[1] = t->lead[k];
        return;
    }
    __int128 apart = ((__int128)rest << 60) / Z + 1;
    mean[0] = mean[0] > apart ? mean[0] - (int64_t)apart : 0;
    mean[1] = mean[1] + apart < t->lead[k] ? mean[1] + (int64_t)apart : t->lead[k];
}

#define WORTH_TABLES 32                  /* FORMAT.md */
#define QUADRATURE 10

/* The part is left with tables, if they say enough: one rival after the other, until what is open is little or can be no longer. */
static bool left_by_tables(struct tree *t, const uint32_t *left, uint32_t n_left, uint32_t base) {
    uint32_t K = by_lead(t, left, n_left, base);
    __int128 rest = 0, most = 0, sum = 0;
    int64_t least = 0, largest = 0;
    for (uint32_t e = 0; e < K; e++) rest += t->lead[t->rival[e]];
    if (K == 0 || !within(t, rest - t->lead[t->rival[0]] + (t->lead[t->rival[0]] >> QUADRATURE), WORTH_TABLES)) return false;
    for (uint32_t e = 0; e < K; e++) {
        int64_t mean[2];
        lead_between(t, mean, base, t->rival[e]);
        rest -= t->lead[t->rival[e]];
        most += mean[1];
        sum += mean[0];
        if (mean[0] > least) least = mean[0];
        if (mean[1] > largest) largest = mean[1];
        if (within(t, most + rest - least, 1)) {
            (void)within(t, most + rest, 1);
            move_end(t, 0);
            (void)within(t, least, 1);
            if (least > 0) move_end(t, 1);
            return true;
        }
        if (!within(t, sum - largest, 1)) return false;
    }
    return false;
}

/* The sequences whose tokens are allowed; gives `allowed` back as it was. */
static void part(struct tree *t, const uint32_t *open, uint32_t n_open, uint32_t base) {
    size_t cells = t->w->s.at[t->w->s.n];
    bool *keep = mem_get(cells, sizeof *keep);
    uint32_t *left = mem_get(n_open, sizeof *left);
    memcpy(keep, t->allowed, cells * sizeof *keep);
    count_part(t);
    if (t->level[0].count[1] > 0) {
        reach_part(t);
        struct lead l = lead_of(t, base, open, n_open);
        uint32_t n_left = below(t, left, open, n_open, base);
        bool little = may_be_left(t, l.by);
        if (!little) {
            if (!change_base(t, &l, &base, left, n_left)) t->failed = true;
            n_left = below(t, left, left, n_left, base);
            little = may_be_left(t, l.by);
        }
        if (little || single(t)) {
            gap_of(t, l.by);
            move_end(t, 0);
        } else if (!t->tables || !left_by_tables(t, left, n_left, base)) both_sides(t, left, n_left, base, l.of);
    }
    memcpy(t->allowed, keep, cells * sizeof *keep);
    mem_free(keep);
    mem_free(left);
}

/* ---- the whole ---- */

static void tree_clear(struct tree *t) {
    for (uint32_t i = 0; i <= t->w->s.n; i++) {
        mem_free(t->level[i].classes.key);
        mem_free(t->level[i].count);
    }
    void *all[] = {t->level, t->allowed, t->sum[0], t->sum[1], t->weight[0], t->weight[1], t->share[0], t->share[1], t->mean, t->most, t->fine[0], t->fine[1], t->moment[0].mean, t->moment[1].mean, t->moment[0].square, t->moment[1].square, t->lead, t->term, t->rival, t->near, t->kept, t->slope, t->square, t->G};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
    above_clear(&t->above);
    mpz_clears(t->gap, t->enter, t->little, t->t, NULL);
}

static void tree_init(struct tree *t) {
    const struct walker *w = t->w;
    const struct sep *s = &w->s;
    size_t states = 2, K = w->n_form;
    t->level = mem_get((size_t)s->n + 1, sizeof *t->level);
    for (uint32_t i = 0; i <= s->n; i++) {
        const struct level *from = &w->level[i];
        struct level *l = &t->level[i];
        size_t n = i == s->n ? 2 : from->classes.n;
        l->classes.n = n;
        l->tokens = i == s->n ? 0 : from->tokens;
        l->classes.key = mem_get(n * l->tokens + 1, sizeof *l->classes.key);
        l->count = mem_get(n, sizeof *l->count);
        if (n > states) states = n;
    }
    t->level[s->n].count[1] = 1;
    t->allowed = mem_get(s->at[s->n], sizeof *t->allowed);
    for (uint32_t c = 0; c < s->at[s->n]; c++) t->allowed[c] = true;
    for (int k = 0; k < 2; k++) {
        t->sum[k] = mem_get(states * K, sizeof *t->sum[k]);
        t->weight[k] = mem_get(states, sizeof *t->weight[k]);
        t->fine[k] = mem_get(states, sizeof *t->fine[k]);
        t->moment[k].mean = mem_get(states * K, sizeof *t->moment[k].mean);
        t->moment[k].square = mem_get(states * K, sizeof *t->moment[k].square);
        t->share[k] = mem_get(states, sizeof *t->share[k]);
    }
    t->mean = mem_get(K, sizeof *t->mean);
    t->most = mem_get(K, sizeof *t->most);
    t->lead = mem_get(K, sizeof *t->lead);
    t->rival = mem_get(K, sizeof *t->rival);
    t->near = mem_get(K, sizeof *t->near);
    t->kept = mem_get(2 * K, sizeof *t->kept);
    t->term = mem_get(s->at[s->n], sizeof *t->term);
    t->slope = mem_get(K, sizeof *t->slope);
    t->square = mem_get(K, sizeof *t->square);
    t->G = mem_get((size_t)s->at[s->n] * K, sizeof *t->G);
    forms_at_cells(w, t->q, t->G);
    mpz_inits(t->gap, t->enter, t->little, t->t, NULL);
    mpz_add_wide(t->enter, w->parts.enter);
    mpz_mul_2exp(t->enter, t->enter, SEP_BITS);
    mpz_mul_ui(t->enter, t->enter, (unsigned long)w->form[0].times);
    t->tables = w->parts.B > 1 && s->h == NULL;
    mpz_fdiv_q_2exp(t->little, t->enter, t->tables ? 2 : 0);
    const int64_t *h = s->h == NULL ? NULL : s->h + (size_t)t->q * s->at[s->n];
    for (uint32_t c = 0; h != NULL && c < s->at[s->n]; c++)
        if (sep_source(s, t->q, c) && h[c] > t->moved) t->moved = h[c];
}

bool average_least(struct average *to, struct walker *w, uint32_t q) {
    struct tree t = {.w = w, .to = to, .q = q};
    if (w->level[0].classes.n < 2) return true;
    uint32_t *all = mem_get(w->n_form, sizeof *all);
    for (uint32_t k = 0; k < w->n_form; k++) all[k] = k;
    tree_init(&t);
    count_part(&t);
    reach_part(&t);
    uint32_t base = least_on_average(&t, all, (uint32_t)w->n_form);
    if (average_add(to, &w->s, t.level, q, &w->form[base], 1)) part(&t, all, (uint32_t)w->n_form, base);
    else t.failed = true;
    tree_clear(&t);
    mem_free(all);
    return t.failed ? sep_refuse(&w->s, "the attention weights of a sequence are all too small, or a value is too large, for an average") : true;
}
