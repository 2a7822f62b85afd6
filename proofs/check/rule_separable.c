/* Rule separable (FORMAT.md §3): for every query token q and every final state y of the feature automaton, a walk over the positions with suffix
 * minima and maxima of every form. A subtree is settled when all forms are positive in it, or one never is; a complete sequence that is not clear is
 * evaluated like any binding, at growing precision. */
#include "separable_walk.h"
#include <stdlib.h>
#include <string.h>

#define STATES_MOST ((size_t)1 << 22)
#define LEFT_OUT (-2) /* a token after which the condition is false, or the sequence not in the image */

static void table_clear(struct table *t) {
    mem_free(t->slot);
    mem_free(t->key);
    *t = (struct table){0};
}

static size_t hash(const int64_t *k, size_t n) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) h = (h ^ (uint64_t)k[i]) * 1099511628211u, h ^= h >> 29;
    return (size_t)h;
}

static size_t table_place(const struct table *t, const int64_t *k) {
    size_t i = hash(k, t->width) & (t->slots - 1);
    while (t->slot[i] != 0 && memcmp(t->key + (t->slot[i] - 1) * t->width, k, t->width * sizeof *k) != 0) i = (i + 1) & (t->slots - 1);
    return i;
}

static size_t table_add(struct table *t, const int64_t *k) {
    if (2 * (t->n + 1) > t->slots) {
        mem_free(t->slot);
        t->slots = t->slots == 0 ? 64 : 4 * t->slots;
        t->slot = mem_get(t->slots, sizeof *t->slot);
        for (size_t i = 0; i < t->n; i++) t->slot[table_place(t, t->key + i * t->width)] = i + 1;
    }
    size_t place = table_place(t, k);
    if (t->slot[place] != 0) return t->slot[place] - 1;
    if (t->n == t->room) {
        size_t room = 2 * t->room + 16;
        t->key = mem_grow(t->key, t->n * t->width, room * t->width, sizeof *t->key);
        t->room = room;
    }
    memcpy(t->key + t->n * t->width, k, t->width * sizeof *k);
    t->slot[place] = ++t->n;
    return t->n - 1;
}

struct walker {
    struct sep s;
    struct eval *e;
    const struct ex *predicate;
    bool need_all;
    struct tally *tally;
    struct table *states; int32_t **next; wide *paths, left_out; /* feature automaton of the current q, by level */
    size_t **reached;                                       /* by level and state: state of the level before * tokens + token that led there first */
    struct level *level;
    struct table seen; struct truth *truth; enum tri *where; size_t n_truth; struct arena arena; /* by final feature values */
    struct iform *form; size_t n_form; bool negated;
    int64_t *g, *top, *radius, *weight; bool *live;                     /* least and largest term g, top[cell * n_form + k]; one array in real semantics */
    int64_t *tokens; uint32_t *cells;                       /* of the walk's sequence */
    wide true_count, false_count, open_count;
    struct parts parts;                                     /* rule count; B 0: rule separable */
    struct leaves *leaves;                                  /* rule cells, else NULL */
    int n_where;                                            /* features of the condition stand before those of the predicate */
};

static void mpz_add_wide(mpz_t z, wide v) {
    mpz_t t;
    mpz_init_set_ui(t, (unsigned long)(v >> 64));
    mpz_mul_2exp(t, t, 64);
    mpz_add_ui(t, t, (unsigned long)v);
    mpz_add(z, z, t);
    mpz_clear(t);
}

/* ---- the feature automaton of one q ---- */

static bool is_query_cell(const struct walker *w, uint32_t i, uint32_t token, uint32_t q) { return i != w->s.row || token == q; }

static bool build_level(struct walker *w, uint32_t i, uint32_t q) {
    struct sep *s = &w->s;
    uint32_t m = s->at[i + 1] - s->at[i];
    struct table *from = &w->states[i], *to = &w->states[i + 1];
    table_clear(to);
    to->width = (size_t)s->n_f + 1; /* one constant more, so that a width is never 0 */
    mem_free(w->next[i]);
    w->next[i] = mem_get(from->n * m, sizeof *w->next[i]);
    mem_free(w->reached[i + 1]);
    w->reached[i + 1] = NULL;
    size_t room = 0;
    int64_t state[FEATURES_MOST + 1];
    for (size_t x = 0; x < from->n; x++)
        for (uint32_t t = 0; t < m; t++) {
            w->next[i][x * m + t] = -1;
            if (!is_query_cell(w, i, t, q)) continue;
            memcpy(state, from->key + x * from->width, from->width * sizeof *state);
            for (int k = 0; k < s->n_f; k++)
                if (!feature_step(s, &s->f[k], &state[k], i, s->at[i] + t, s->sets.v[i][t])) return sep_refuse(s, s->too_many ? "too many states" : "a feature overflows");
            if (feature_ends(s, state)) {
                w->next[i][x * m + t] = LEFT_OUT;
                continue;
            }
            size_t n = to->n, at = table_add(to, state);
            w->next[i][x * m + t] = (int32_t)at;
            if (at == n && n == room) {
                w->reached[i + 1] = mem_grow(w->reached[i + 1], n, 2 * n + 16, sizeof *w->reached[i + 1]);
                room = 2 * n + 16;
            }
            if (at == n) w->reached[i + 1][n] = x * m + t;
            s->too_many = to->n * m > STATES_MOST;
            if (s->too_many) return sep_refuse(s, "too many states");
        }
    return true;
}

static bool build_states(struct walker *w, uint32_t q) {
    struct sep *s = &w->s;
    int64_t state[FEATURES_MOST + 1] = {0};
    table_clear(&w->states[0]);
    w->states[0].width = (size_t)s->n_f + 1;
    for (int k = 0; k < s->n_f; k++) feature_start(&s->f[k], &state[k]);
    table_add(&w->states[0], state);
    for (uint32_t i = 0; i < s->n; i++)
        if (!build_level(w, i, q)) return false;
    wide *now = mem_get(1, sizeof *now), after = 1; /* below 2^125, all of them: checked at the start */
    now[0] = 1;
    w->left_out = 0;
    for (uint32_t i = 0; i < s->n; i++) after *= i == s->row ? 1 : s->at[i + 1] - s->at[i];
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t m = s->at[i + 1] - s->at[i];
        wide *then = mem_get(w->states[i + 1].n, sizeof *then);
        after /= i == s->row ? 1 : m > 0 ? m : 1;
        for (size_t x = 0; x < w->states[i].n; x++)
            for (uint32_t t = 0; t < m; t++)
                if (w->next[i][x * m + t] >= 0) then[w->next[i][x * m + t]] += now[x];
                else if (w->next[i][x * m + t] == LEFT_OUT && s->image == NULL) w->left_out += now[x] * after;
        mem_free(now);
        now = then;
    }
    mem_free(w->paths);
    w->paths = now;
    return true;
}

/* The sequences that end in one of the states of a list: states of a level with the same continuations become one class. */
static void minimise(struct walker *w, size_t y, const size_t *follows) {
    struct sep *s = &w->s;
    int32_t *later = mem_get(w->states[s->n].n, sizeof *later), *now;
    for (size_t x = y + 1; x > 0; x = follows[x - 1]) later[x - 1] = 1;
    struct level *end = &w->level[s->n];
    table_clear(&end->classes);
    mem_free(end->count);
    end->count = mem_get(2, sizeof *end->count);
    end->count[1] = 1;
    end->classes.n = 2;
    for (uint32_t i = s->n; i-- > 0;) {
        struct level *l = &w->level[i];
        uint32_t m = s->at[i + 1] - s->at[i];
        table_clear(&l->classes);
        l->tokens = m;
        l->classes.width = m;
        int64_t *sign = mem_get(m, sizeof *sign);
        table_add(&l->classes, sign); /* class 0: all dead */
        now = mem_get(w->states[i].n, sizeof *now);
        for (size_t x = 0; x < w->states[i].n; x++) {
            for (uint32_t t = 0; t < m; t++) {
                int32_t to = w->next[i][x * m + t];
                sign[t] = to < 0 ? 0 : later[to];
            }
            now[x] = (int32_t)table_add(&l->classes, sign);
        }
        mem_free(l->count);
        l->count = mem_get(l->classes.n, sizeof *l->count);
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t t = 0; t < m; t++) l->count[c] += w->level[i + 1].count[l->classes.key[c * m + t]];
        mem_free(sign);
        mem_free(later);
        later = now;
    }
    mem_free(later);
}

/* ---- forms over cells ---- */

/* The cells on some path to y; the others are never read. */
static void mark_live(struct walker *w) {
    struct sep *s = &w->s;
    memset(w->live, 0, s->at[s->n] * sizeof *w->live);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct level *l = &w->level[i];
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t t = 0; t < l->tokens; t++)
                if (l->classes.key[c * l->tokens + t] != 0) w->live[s->at[i] + t] = true;
    }
}

/* Weights of the live cells, over the power of two of the largest: w / 2^(shift - 60), within two units of 2^-60 (one of w, one of the
 * shift). A factor common to all cells does not change the sign of a form. */
static void scale_weights(struct walker *w, uint32_t q) {
    struct sep *s = &w->s;
    uint32_t cells = s->at[s->n];
    const int64_t *weight = s->w + (size_t)q * cells;
    const int *shift = s->shift + (size_t)q * cells;
    int most = INT32_MIN;
    mark_live(w);
    for (uint32_t c = 0; c < cells; c++)
        if (w->live[c] && weight[c] != 0 && shift[c] > most) most = shift[c];
    for (uint32_t c = 0; c < cells; c++) w->weight[c] = w->live[c] && weight[c] != 0 && most - shift[c] < 63 ? weight[c] >> (most - shift[c]) : 0;
}

/* A term times e^x, |x| <= h <= 1/4: it moves by at most 2 h of its size, to the side given; one unit for its own error, one for rounding. */
static void spread_term(int64_t *term, int64_t h, int side) {
    int64_t size = (*term < 0 ? -*term : *term) + 3;
    *term += side * ((int64_t)((__int128)size * 2 * h >> SEP_BITS) + 1);
}

/* g = w G at 2^-SEP_BITS for every cell and form; false when a size does not fit */
static bool fill(struct walker *w, uint32_t q) {
    struct sep *s = &w->s;
    uint32_t cells = s->at[s->n];
    scale_weights(w, q);
    const int64_t most = ((int64_t)1 << 58) / (int64_t)(s->n + 1);
    if (w->top != w->g) mem_free(w->top);
    mem_free(w->g);
    w->g = w->top = mem_get((size_t)cells * w->n_form, sizeof *w->g);
    if (s->h != NULL) w->top = mem_get((size_t)cells * w->n_form, sizeof *w->top);
    for (uint32_t c = 0; c < cells; c++) {
        if (!w->live[c] || !sep_source(s, q, c)) continue; /* a weight that is too small to show counts: its term must be of bounded size */
        const int64_t *D = s->D + (size_t)q * s->cols, *C = s->C + (size_t)c * s->cols, weight = w->weight[c];
        for (size_t k = 0; k < w->n_form; k++) {
            const struct iform *f = &w->form[k];
            __int128 G = (__int128)f->c + (f->beta != NULL ? f->beta[c] : 0); /* |alpha| < 2^20, |D|, |C| < 2^52, n_out < 2^31: below 2^105 */
            for (uint32_t a = 0; a < f->n; a++) G += (__int128)f->alpha[a] * (D[f->j[a]] + C[f->j[a]]);
            if (G + f->error > most || G - f->error < -most) return sep_refuse(s, "a form is too large");
            size_t at = (size_t)c * w->n_form + k;
            w->g[at] = (int64_t)((__int128)weight * ((int64_t)G - f->error) >> 60);
            if (s->h == NULL) continue;
            w->top[at] = (int64_t)((__int128)weight * ((int64_t)G + f->error) >> 60);
            spread_term(&w->g[at], s->h[(size_t)q * cells + c], -1);
            spread_term(&w->top[at], s->h[(size_t)q * cells + c], 1);
        }
    }
    return true;
}

__attribute__((optimize("O3"))) static void extend(int64_t *restrict least, int64_t *restrict most, const int64_t *g, const int64_t *h, const int64_t *a, const int64_t *b, size_t n) {
    for (size_t k = 0; k < n; k++) {
        int64_t lo = g[k] + a[k], hi = h[k] + b[k];
        least[k] = lo < least[k] ? lo : least[k];
        most[k] = hi > most[k] ? hi : most[k];
    }
}

/* suffix minima and maxima of every form from every class */
static void suffixes(struct walker *w) {
    struct sep *s = &w->s;
    size_t K = w->n_form;
    for (uint32_t i = s->n + 1; i-- > 0;) {
        struct level *l = &w->level[i];
        mem_free(l->least);
        mem_free(l->most);
        l->least = mem_get(l->classes.n * K, sizeof *l->least);
        l->most = mem_get(l->classes.n * K, sizeof *l->most);
        if (i == s->n) continue;
        const struct level *after = &w->level[i + 1];
        for (size_t x = K; x < l->classes.n * K; x++) l->least[x] = INT64_MAX, l->most[x] = INT64_MIN;
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t t = 0; t < l->tokens; t++) {
                size_t to = (size_t)l->classes.key[c * l->tokens + t], cell = (size_t)(s->at[i] + t) * K;
                if (to != 0) extend(l->least + c * K, l->most + c * K, w->g + cell, w->top + cell, after->least + to * K, after->most + to * K, K);
            }
    }
}

/* ---- the walk ---- */

/* The forms that the sums left open, by their exact signs (all of them > 0, or >= 0). */
static enum tri exact_truth(struct walker *w, const uint32_t *left, uint32_t n_left) {
    enum tri all = YES;
    for (uint32_t a = 0; a < n_left && all != NO; a++) {
        const struct iform *f = &w->form[left[a]];
        int sign = sep_sign(&w->s, f, w->cells);
        if (sign == 2) all = OPEN;
        else if (sign < 0 || (sign == 0 && f->strict)) all = NO;
    }
    return all;
}

/* n sequences, of which the walk's is one, have its truth. */
static void complete(struct walker *w, const uint32_t *left, uint32_t n_left, wide n) {
    struct eval *e = w->e;
    enum tri exact = exact_truth(w, left, n_left), t = exact;
    if (exact == OPEN) {
        e->env[w->s.slot] = (struct var){.set = true, .seq = true, .s = w->tokens, .n = w->s.n};
        e->fail.set = false;
        t = eval_decide(e, w->predicate);
        e->env[w->s.slot].set = false;
        if (w->negated) t = tri_not(t); /* counted for the conjunction of forms */
    }
    if (t == YES) w->true_count += n;
    else if (t == NO) w->false_count += n;
    else w->open_count += n;
}

/* The one sequence of a part (rule count). */
static void complete_part(void *walker, const uint32_t *left, uint32_t n_left) {
    struct walker *w = walker;
    for (uint32_t i = 0; i < w->s.n; i++) {
        w->cells[i] = w->parts.cells[i];
        w->tokens[i] = w->s.sets.v[i][w->cells[i] - w->s.at[i]];
    }
    complete(w, left, n_left, w->parts.cell.count[ROOT]);
}

/* active: forms not yet settled as positive; part, upper: least and largest of their sums so far (one array in real semantics). Depth is the number of positions. */
static bool walk(struct walker *w, uint32_t i, size_t class, const int64_t *part, const int64_t *upper, const uint32_t *active, uint32_t n_active) {
    const struct level *l = &w->level[i];
    const int64_t *least = l->least + class * w->n_form, *most = l->most + class * w->n_form;
    uint32_t *left = mem_get(n_active, sizeof *left), n_left = 0;
    bool never = false;
    for (uint32_t a = 0; a < n_active && !never; a++) {
        uint32_t k = active[a];
        int64_t lo = part[k] + least[k], hi = upper[k] + most[k], r = w->radius[k];
        bool strict = w->form[k].strict;
        if (strict ? hi <= -r : hi < -r) never = true;
        else if (!(strict ? lo > r : lo >= r)) left[n_left++] = k;
    }
    bool more = true;
    if (never) w->false_count += l->count[class];
    else if (n_left == 0) w->true_count += l->count[class];
    else if (i == w->s.n) complete(w, left, n_left, 1);
    else {
        int64_t *sum = mem_get(w->n_form, sizeof *sum), *high = w->top == w->g ? sum : mem_get(w->n_form, sizeof *high);
        for (uint32_t t = 0; more && t < l->tokens; t++) {
            size_t to = (size_t)l->classes.key[class * l->tokens + t];
            if (to == 0) continue;
            const int64_t *g = w->g + (size_t)(w->s.at[i] + t) * w->n_form;
            const int64_t *h = w->top + (size_t)(w->s.at[i] + t) * w->n_form;
            for (uint32_t a = 0; a < n_left; a++) sum[left[a]] = part[left[a]] + g[left[a]];
            for (uint32_t a = 0; a < n_left && high != sum; a++) high[left[a]] = upper[left[a]] + h[left[a]];
            w->tokens[i] = w->s.sets.v[i][t];
            w->cells[i] = w->s.at[i] + t;
            more = walk(w, i + 1, to, sum, high, left, n_left);
        }
        if (high != sum) mem_free(high);
        mem_free(sum);
    }
    mem_free(left);
    bool failed = w->open_count > 0 || (w->negated ? w->true_count : w->false_count) > 0;
    return more && !(w->need_all && failed);
}

/* rule cells: the lines of the certificate say how */
static bool walk_cell(struct walker *w, uint32_t q, const struct truth *t) {
    if (w->level[0].classes.n < 2) return true;
    bool no = false;
    if (!cells_settle(w->leaves, &w->s, w->level, q, t, &w->true_count, &w->open_count, &no)) return false;
    mpz_add_wide(w->tally->yes, w->true_count);
    mpz_add_wide(w->tally->open, w->open_count);
    if (w->open_count > 0 || no) w->tally->all = false;
    return true;
}

/* y and those that follow it: the final states with this truth */
static bool walk_states(struct walker *w, uint32_t q, size_t y, const size_t *follows, const struct truth *t) {
    w->form = t->form;
    w->n_form = t->n;
    w->negated = t->negated;
    w->true_count = w->false_count = w->open_count = 0;
    minimise(w, y, follows);
    if (w->leaves != NULL) return walk_cell(w, q, t);
    if (!fill(w, q)) return false;
    suffixes(w);
    mem_free(w->radius);
    w->radius = mem_get(t->n, sizeof *w->radius);
    int64_t *zero = mem_get(t->n, sizeof *zero);
    uint32_t *all = mem_get(t->n, sizeof *all);
    for (size_t k = 0; k < t->n; k++) {
        w->radius[k] = (int64_t)w->s.n * t->form[k].radius;
        all[k] = (uint32_t)k;
    }
    uint32_t n_src = w->s.n;
    while (n_src > 1 && w->s.w[(size_t)q * w->s.at[w->s.n] + w->s.at[n_src - 1]] == 0) n_src--; /* the mask forbids all tokens of a position, or none */
    const struct cell cell = {.level = w->level, .n = w->s.n, .n_src = n_src, .at = w->s.at, .K = t->n, .g = w->g, .top = w->top, .radius = w->radius};
    size_t start = 1; /* level 0 has one state; its class is 1, or 0 when y cannot be reached */
    bool good = true;
    if (w->parts.B == 0) walk(w, 0, start, zero, zero, all, (uint32_t)t->n);
    else if (w->level[0].classes.n > 1) {
        good = parts_count(&w->parts, &cell, w->form);
        w->true_count += w->parts.yes;
        w->false_count += w->parts.no;
        w->open_count += w->parts.left_open;
    }
    mem_free(zero);
    mem_free(all);
    if (!good) return sep_refuse(&w->s, "the tables of sums are too large");
    wide yes = w->negated ? w->false_count : w->true_count, no = w->negated ? w->true_count : w->false_count;
    mpz_add_wide(w->tally->yes, yes);
    mpz_add_wide(w->tally->open, w->open_count);
    if (no > 0 || w->open_count > 0) w->tally->all = false;
    return true;
}

/* tokens: the sequence that led to the final state y first */
static void first_sequence(struct walker *w, size_t y) {
    const struct sep *s = &w->s;
    for (uint32_t i = s->n; i-- > 0;) {
        uint32_t m = s->at[i + 1] - s->at[i];
        size_t by = w->reached[i + 1][y];
        w->tokens[i] = s->sets.v[i][by % m];
        y = by / m;
    }
}

/* The condition and the predicate at a final state, once for every tuple of feature values. */
static bool truth_of(struct walker *w, const struct ex *where, size_t y, size_t *id) {
    struct sep *s = &w->s;
    const int64_t *state = w->states[s->n].key + y * w->states[s->n].width;
    size_t n = w->seen.n;
    int64_t value[FEATURES_MOST + 1] = {0}; /* states of one value, as of the second largest token, have one truth */
    for (int k = 0; k < s->n_f; k++) value[k] = feature_value(&s->f[k], state[k]);
    w->seen.width = (size_t)s->n_f + 1;
    *id = table_add(&w->seen, value);
    if (*id < n) return true;
    if (n % 256 == 0) {
        w->truth = mem_grow(w->truth, n, n + 256, sizeof *w->truth);
        w->where = mem_grow(w->where, n, n + 256, sizeof *w->where);
    }
    eval_reset(w->e);
    bool good = true;
    first_sequence(w, y);
    w->e->env[s->slot] = (struct var){.set = true, .seq = true, .s = w->tokens, .n = s->n};
    good = s->image == NULL || sep_in_image(s, w->tokens);
    for (int k = 0; good && k < s->n_f; k++) good = feature_finish(s, &s->f[k], state[k]);
    w->e->env[s->slot].set = false;
    struct val v = {.type = V_TRI, .tri = YES};
    good = good && (where == NULL || (eval(w->e, where, &v) && v.type == V_TRI && v.tri != OPEN));
    w->where[*id] = v.tri;
    w->truth[*id] = (struct truth){.constant = true, .value = NO};
    if (good && v.tri == YES) good = sep_compile(s, w->predicate, &w->arena, &w->truth[*id]);
    sep_release(s);
    eval_reset(w->e);
    return good ? true : sep_refuse(s, "the condition");
}

static bool same_truth(const struct walker *w, const struct truth *a, const struct truth *b) {
    if (a->constant || b->constant || a->negated != b->negated || a->n != b->n) return false;
    for (size_t k = 0; k < a->n; k++)
        if (!form_same(&w->s, &a->form[k], &b->form[k])) return false;
    return true;
}

/* the same values of the predicate's features */
static bool same_features(const struct walker *w, const int64_t *a, const int64_t *b) {
    for (int k = w->n_where; k < w->s.n_f; k++)
        if (feature_value(&w->s.f[k], a[k]) != feature_value(&w->s.f[k], b[k])) return false;
    return true;
}

static bool same_cell(const struct walker *w, const size_t *id, size_t x, size_t y) {
    const struct table *final = &w->states[w->s.n];
    if (w->leaves != NULL) return same_features(w, final->key + x * final->width, final->key + y * final->width);
    return same_truth(w, &w->truth[id[x]], &w->truth[id[y]]);
}

/* Lists of the final states on which the condition is true and the predicate the same forms (rule cells: the same features): first[x] and follows[x] are x + 1, or 0 at the end. */
static size_t *group(const struct walker *w, const size_t *id, size_t *follows) {
    size_t n = w->states[w->s.n].n, n_reps = 0;
    size_t *first = mem_get(n, sizeof *first), *rep = mem_get(n, sizeof *rep), *of_id = mem_get(w->seen.n, sizeof *of_id);
    for (size_t y = 0; y < n; y++) {
        if (w->where[id[y]] != YES || w->truth[id[y]].constant) continue;
        for (size_t r = 0; r < n_reps && of_id[id[y]] == 0; r++)
            if (same_cell(w, id, rep[r], y)) of_id[id[y]] = rep[r] + 1;
        if (of_id[id[y]] == 0) {
            rep[n_reps++] = y;
            of_id[id[y]] = y + 1;
        }
        size_t r = of_id[id[y]] - 1;
        follows[y] = first[r];
        first[r] = y + 1;
    }
    mem_free(rep);
    mem_free(of_id);
    return first;
}

static bool one_query(struct walker *w, const struct ex *where, uint32_t q) {
    struct sep *s = &w->s;
    if (!build_states(w, q)) return false;
    struct table *final = &w->states[s->n];
    size_t *id = mem_get(final->n, sizeof *id), *follows = mem_get(final->n, sizeof *follows), *first = NULL;
    bool good = true;
    mpz_add_wide(w->tally->bindings, w->left_out);
    for (size_t y = 0; good && y < final->n; y++) {
        good = truth_of(w, where, y, &id[y]);
        if (!good) break;
        mpz_add_wide(w->tally->bindings, w->paths[y]);
        if (w->where[id[y]] != YES) continue;
        mpz_add_wide(w->tally->where, w->paths[y]);
        const struct truth *t = &w->truth[id[y]];
        if (t->constant && t->value == YES) mpz_add_wide(w->tally->yes, w->paths[y]);
        else if (t->constant) w->tally->all = false;
    }
    if (good) first = group(w, id, follows);
    for (size_t y = 0; good && y < final->n && !(w->need_all && !w->tally->all); y++)
        if (first[y] > 0) good = walk_states(w, q, first[y] - 1, follows, &w->truth[id[y]]);
    mem_free(id);
    mem_free(follows);
    mem_free(first);
    return good;
}

static void walker_clear(struct walker *w) {
    parts_clear(&w->parts);
    for (uint32_t i = 0; i <= w->s.n; i++) {
        if (w->states != NULL) table_clear(&w->states[i]);
        if (w->next != NULL) mem_free(w->next[i]);
        if (w->reached != NULL) mem_free(w->reached[i]);
        if (w->level == NULL) continue;
        table_clear(&w->level[i].classes);
        mem_free(w->level[i].count);
        mem_free(w->level[i].least);
        mem_free(w->level[i].most);
    }
    sep_release(&w->s);
    for (int k = 0; k < w->s.n_f; k++) {
        mem_free(w->s.f[k].g);
        mem_free(w->s.f[k].use);
    }
    for (size_t i = 0; w->truth != NULL && i < w->seen.n; i++) forms_drop(&w->truth[i]);
    sep_ties_clear(&w->s);
    rests_clear(&w->s.rests);
    table_clear(&w->seen);
    if (w->top != w->g) mem_free(w->top);
    void *all[] = {w->states, w->next, w->reached, w->level, w->paths, w->truth, w->where, w->g, w->radius, w->tokens, w->cells, w->s.at, w->s.D, w->s.C, w->s.w, w->s.shift, w->s.shape, w->s.h, w->s.M, w->weight, w->live};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    for (int h = 1; h < w->s.heads; h++) {
        mem_free(w->s.head[h].C);
        mem_free(w->s.head[h].w);
        mem_free(w->s.head[h].shift);
    }
    product_clear(&w->s.sets);
    mem_free(w->s.copied);
    arena_free(&w->arena);
}

/* One value of the binders beside t. */
struct outer { const struct count_rule *count; struct leaves *leaves; const struct bind *t, *source; /* what an image t is made of, or t */ struct ex *where, *predicate; bool need_all; struct tally *tally; struct fail *fail; bool good; };

/* What a first try has counted is taken back. */
static void tally_copy(struct tally *to, const struct tally *from) {
    mpz_set(to->bindings, from->bindings);
    mpz_set(to->where, from->where);
    mpz_set(to->where_open, from->where_open);
    mpz_set(to->yes, from->yes);
    mpz_set(to->open, from->open);
    to->all = from->all;
}

static void walker_room(struct walker *w) {
    const struct sep *s = &w->s;
    w->states = mem_get((size_t)s->n + 1, sizeof *w->states);
    w->next = mem_get((size_t)s->n + 1, sizeof *w->next);
    w->reached = mem_get((size_t)s->n + 1, sizeof *w->reached);
    w->level = mem_get((size_t)s->n + 1, sizeof *w->level);
    w->tokens = mem_get(s->n, sizeof *w->tokens);
    w->cells = mem_get(s->n, sizeof *w->cells);
    w->weight = mem_get(s->at[s->n], sizeof *w->weight);
    w->live = mem_get(s->at[s->n], sizeof *w->live);
}

/* guarded: what is left of the whole condition is a feature, and sequences for which it is false end at once; else its parts are features. *again: that took too many states */
static bool try_domain(struct eval *e, struct outer *o, bool guarded, bool *again) {
    struct walker *w = mem_get(1, sizeof *w);
    w->e = e;
    w->s = (struct sep){.e = e, .slot = o->t->slot, .source = -1, .guard = -1, .fail = o->fail};
    w->predicate = o->predicate;
    w->need_all = o->need_all;
    w->tally = o->tally;
    if (o->count != NULL) w->parts = (struct parts){.B = o->count->bins, .enter = o->count->enter, .complete = complete_part, .arg = w};
    struct sep *s = &w->s;
    s->wide = o->leaves != NULL;
    w->leaves = o->leaves;
    bool good = sep_positions(s, o->t, o->source, w->leaves != NULL);
    bool guards = good && guarded && o->where != NULL && sep_guard(s, o->where);
    good = good && (o->where == NULL || guards || sep_collect(s, o->where, -1));
    w->n_where = s->n_f;
    good = good && (o->predicate == NULL || sep_collect(s, o->predicate, -1));
    if (good && !s->has_row) good = sep_refuse(s, "nothing of a network in it");
    good = good && sep_tables(s);
    if (good) walker_room(w);
    for (uint32_t q = 0; good && q < s->at[s->row + 1] - s->at[s->row] && !(o->need_all && !o->tally->all); q++) good = one_query(w, o->where, q);
    *again = !good && guards && s->too_many;
    walker_clear(w);
    mem_free(w);
    return good;
}

static bool one_domain(struct eval *e, void *arg) {
    struct outer *o = arg;
    struct tally before;
    const struct fail said = *o->fail;
    const size_t line = o->leaves != NULL ? o->leaves->next : 0;
    bool again;
    tally_init(&before);
    tally_copy(&before, o->tally);
    o->good = try_domain(e, o, true, &again);
    if (again) {
        tally_copy(o->tally, &before);
        *o->fail = said;
        if (o->leaves != NULL) o->leaves->next = line;
        o->good = try_domain(e, o, false, &again);
    }
    tally_clear(&before);
    return o->good && !(o->need_all && !o->tally->all);
}

/* The binders beside the sequence, those of an image at its place. */
static bool split_binders(struct outer *o, struct binds *others, const struct binds *b, int nest) {
    for (int i = 0; i < b->n; i++) {
        const struct bind *x = &b->b[i];
        bool sequence = x->set->kind == EX_TOKENS || x->set->kind == EX_PRODUCT, image = x->set->kind == EX_IMAGE && nest == 0;
        if ((sequence && o->source != NULL) || (image && o->t != NULL)) return fail_at(o->fail, 0, "rule separable does not take this claim: two sequences");
        if (sequence) o->source = x;
        if (image || (sequence && nest == 0)) o->t = x;
        if (image && !split_binders(o, others, &x->set->binds, 1)) return false;
        if (image && o->source == NULL) return fail_at(o->fail, 0, "rule separable does not take this claim: an image that is not one of sequences");
        if (image || sequence) continue;
        if (others->n == 64) return fail_at(o->fail, 0, "rule separable does not take this claim: too many binders");
        others->b[others->n++] = *x;
    }
    return true;
}

bool rule_separable(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, const struct count_rule *count, struct leaves *leaves, struct tally *t, struct fail *f) {
    struct bind rest[64];
    struct binds others = {.b = rest};
    struct outer o = {.count = count, .leaves = leaves, .need_all = need_all, .tally = t, .fail = f, .good = true};
    if (!split_binders(&o, &others, b, 0)) return false;
    if (o.t == NULL) return fail_at(f, 0, "rule separable does not take this claim: no sequence");
    if (leaves != NULL && e->s->float32) return fail_at(f, 0, "rule cells takes real semantics only");
    /* where and predicate are only changed in their cache, and given back as they were */
    o.where = (struct ex *)(uintptr_t)where;
    o.predicate = (struct ex *)(uintptr_t)predicate;
    struct ex implies = {.kind = EX_IMPLIES, .n = 2, .k = (struct ex *[]){o.where, o.predicate}, .network = true};
    if (where != NULL && where->network) { /* only for "true wherever the condition is not false" */
        if (!need_all || predicate == NULL) return fail_at(f, 0, "rule separable does not take this claim: a condition on the network");
        o.where = NULL;
        o.predicate = &implies;
    }
    e->fail.set = false;
    e->p = precision[0];
    if (!eval_each(e, &others, one_domain, &o) && (e->fail.set || !o.good)) return fail_at(f, 0, "%s", e->fail.text);
    return o.good;
}
