/* Rule separable where the features have too many states (FORMAT.md §3, separable 3): every expression of the tokens that the predicate reads is followed as a whole, all of them are one, and of the
 * tokens only some are known; of the others it is known that they are none of these. What is left of the expression then may be a value v, or cannot be: the sequences for which it may be hold those that have it,
 * so that forms which are positive on all of them are positive where the expression is v. If one is not, and the sequence with the least sum has another value, some more of its tokens are told apart. */
#include "separable_walk.h"
#include <string.h>

#define VALUES_MOST 4096
#define TRACKED_MOST 24
#define STATES_MOST 8192 /* of a level */
#define ROUNDS_MOST 64

struct tracked { int64_t token[TRACKED_MOST]; size_t n; };
/* States behind every position, for all query tokens: next[i][state * tokens + token], -1: the value cannot be v. They are numbers of rests. */
struct layers { struct table *states; int32_t **next; };
struct value { int64_t v; bool made; struct truth truth; struct layers layers; __int128 *least; /* by form: the part of its G that is a cell's, at any position but the row's */ };
struct relaxed {
    const struct rest *root; bool is_truth;
    struct value *value; size_t n;
    int64_t **some; size_t *n_some; /* tokens that are not told apart, by position */
    bool *alike;                    /* no levels are */
};

/* ---- layers ---- */

static void layers_clear(struct layers *l, uint32_t n) {
    for (uint32_t i = 0; l->states != NULL && i <= n; i++) {
        table_clear(&l->states[i]);
        mem_free(l->next[i]);
    }
    mem_free(l->states);
    mem_free(l->next);
    *l = (struct layers){0};
}

static bool is_tracked(const struct tracked *k, int64_t token) {
    for (size_t i = 0; i < k->n; i++)
        if (k->token[i] == token) return true;
    return false;
}

/* Rests for these tokens told apart; of the one of the statement, `*x`. */
static bool rests_for(struct rests *r, const struct walker *w, const struct tracked *k, const struct rest **x) {
    const struct sep *s = &w->s;
    struct relaxed *o = w->relaxed;
    for (uint32_t i = 0; i < s->n; i++) {
        o->n_some[i] = 0;
        for (size_t t = 0; t < s->sets.size[i]; t++)
            if (!is_tracked(k, s->sets.v[i][t])) o->some[i][o->n_some[i]++] = s->sets.v[i][t];
    }
    rests_init(r, s->sets.v, s->sets.size);
    r->some = o->some;
    r->n_some = o->n_some;
    if (!rest_copy(r, &s->rests, o->root)) return false;
    *x = r->all[o->root->id];
    return true;
}

/* The token t of position i, or with TOKEN_OF_SOME any that is not told apart, from all states of level i. settled: the state of all rests that read no token any more. */
static bool layer_token(struct layers *l, struct rests *r, uint32_t i, uint32_t m, uint32_t t, int64_t token, int64_t v, const struct rest *settled) {
    for (size_t x = 0; x < l->states[i].n; x++) {
        const struct rest *to = rest_after(r, r->all[l->states[i].key[x]], i, token, true);
        if (to == NULL || l->states[i + 1].n > STATES_MOST) return false;
        l->next[i][x * m + t] = -1;
        if (!rest_may_be(to, v)) continue;
        int64_t key = to->from == UINT32_MAX ? settled->id : to->id;
        l->next[i][x * m + t] = (int32_t)table_add(&l->states[i + 1], &key);
    }
    return true;
}

static bool layers_make(struct layers *l, struct walker *w, const struct tracked *k, int64_t v) {
    const struct sep *s = &w->s;
    struct rests r;
    const struct rest *root, *settled = NULL;
    bool good = rests_for(&r, w, k, &root) && (settled = rest_int(&r, v)) != NULL;
    l->states = mem_get((size_t)s->n + 1, sizeof *l->states);
    l->next = mem_get((size_t)s->n + 1, sizeof *l->next);
    for (uint32_t i = 0; i <= s->n; i++) l->states[i].width = 1;
    if (good) table_add(&l->states[0], &(int64_t){root->id});
    for (uint32_t i = 0; good && i < s->n; i++) {
        uint32_t m = s->at[i + 1] - s->at[i], other = UINT32_MAX; /* the first token that is not told apart: the others lead where it does */
        l->next[i] = mem_get(l->states[i].n * m, sizeof *l->next[i]);
        for (uint32_t t = 0; good && t < m; t++) {
            int64_t token = s->sets.v[i][t];
            bool known = is_tracked(k, token);
            if (known || other == UINT32_MAX) good = layer_token(l, &r, i, m, t, known ? token : TOKEN_OF_SOME, v, settled);
            else
                for (size_t x = 0; x < l->states[i].n; x++) l->next[i][x * m + t] = l->next[i][x * m + other];
            if (!known && other == UINT32_MAX) other = t;
        }
    }
    rests_clear(&r);
    return good;
}

/* ---- one sequence: that of the walk's tokens ---- */

/* What is left of the expression with these tokens told apart, all of them if k is NULL: may it be v? */
static bool sequence_may_be(struct walker *w, const struct tracked *k, int64_t v) {
    struct rests r;
    const struct rest *x = NULL;
    const struct tracked none = {.n = 0};
    bool good = rests_for(&r, w, k != NULL ? k : &none, &x);
    for (uint32_t i = 0; good && i < w->s.n; i++) {
        x = rest_after(&r, x, i, k == NULL || is_tracked(k, w->tokens[i]) ? w->tokens[i] : TOKEN_OF_SOME, true);
        good = x != NULL;
    }
    bool may = !good || rest_may_be(x, v);
    rests_clear(&r);
    return may;
}

/* The expression is not v there: tells tokens apart until that is known. false: too many */
static bool track_more(struct walker *w, struct tracked *k, int64_t v) {
    size_t before = k->n;
    for (uint32_t i = 0; i < w->s.n; i++) {
        if (is_tracked(k, w->tokens[i])) continue;
        if (k->n == TRACKED_MOST) return false;
        k->token[k->n++] = w->tokens[i];
    }
    for (size_t j = k->n; j-- > before;) { /* without those that are not needed */
        struct tracked less = *k;
        memmove(less.token + j, less.token + j + 1, (less.n - j - 1) * sizeof *less.token);
        less.n--;
        if (!sequence_may_be(w, &less, v)) *k = less;
    }
    return true;
}

/* ---- one query token and value ---- */

/* The classes of all sequences that the layers take with this query token. */
static void layers_minimise(struct walker *w, struct layers *l, uint32_t q, size_t kept_of) {
    struct table *states = w->states;
    int32_t **next = w->next;
    bool *alike = w->alike;
    w->states = l->states;
    w->next = l->next;
    w->alike = w->relaxed->alike;
    w->row_token = q;
    w->kept_of = kept_of;
    states_minimise(w, 0, &(size_t){0});
    w->states = states;
    w->next = next;
    w->alike = alike;
}

/* Sums over the scale of the sequences whose largest weight is among 2^(top - 7) .. 2^top: `any` of what follows a class, `great` where a weight of that size is still to come. */
#define SCALE_STEP 8
struct sums_at { int top; size_t form; const int64_t *G; int64_t **any, **great; };
#define NO_SUM INT64_MAX

static const int *shifts_of(const struct walker *w) { return w->s.shift + (size_t)w->q * w->s.at[w->s.n]; }

static bool is_used(const struct walker *w, const struct sums_at *x, uint32_t cell) { return !sep_source(&w->s, w->q, cell) || shifts_of(w)[cell] <= x->top; }
static bool is_great(const struct walker *w, const struct sums_at *x, uint32_t cell) { return sep_source(&w->s, w->q, cell) && shifts_of(w)[cell] > x->top - SCALE_STEP; }

static int64_t term_at(const struct walker *w, const struct sums_at *x, uint32_t cell) {
    if (!sep_source(&w->s, w->q, cell)) return 0;
    int64_t by = (int64_t)x->top - shifts_of(w)[cell], weight = by < 63 ? w->s.w[(size_t)w->q * w->s.at[w->s.n] + cell] >> by : 0;
    return (int64_t)((__int128)weight * x->G[(size_t)cell * w->n_form + x->form] >> 60);
}

static void take_least(int64_t *least, int64_t term, int64_t after) {
    if (after != NO_SUM && term + after < *least) *least = term + after;
}

static void level_least(const struct walker *w, const struct sums_at *x, uint32_t i) {
    const struct level *l = &w->level[i];
    for (size_t c = 1; c < l->classes.n; c++) x->any[i][c] = x->great[i][c] = NO_SUM;
    for (uint32_t t = 0; t < l->tokens; t++) {
        uint32_t cell = w->s.at[i] + t;
        if (!w->live[cell] || !is_used(w, x, cell)) continue;
        bool great = is_great(w, x, cell);
        int64_t term = term_at(w, x, cell);
        for (size_t c = 1; c < l->classes.n; c++) {
            size_t to = (size_t)l->classes.key[c * l->tokens + t];
            if (to == 0) continue;
            take_least(&x->any[i][c], term, x->any[i + 1][to]);
            take_least(&x->great[i][c], term, great ? x->any[i + 1][to] : x->great[i + 1][to]);
        }
    }
}

/* The sequence with the least sum in `great` of class 1. */
static void least_sequence(struct walker *w, const struct sums_at *x) {
    size_t class = 1;
    bool wanted = true; /* a great weight is still to come */
    for (uint32_t i = 0; i < w->s.n; i++) {
        const struct level *l = &w->level[i];
        int64_t best = NO_SUM;
        size_t from = class;
        bool want = wanted;
        for (uint32_t t = 0; t < l->tokens; t++) {
            uint32_t cell = w->s.at[i] + t;
            size_t to = (size_t)l->classes.key[from * l->tokens + t];
            if (to == 0 || !is_used(w, x, cell)) continue;
            bool then = want && !is_great(w, x, cell);
            int64_t sum = NO_SUM;
            take_least(&sum, term_at(w, x, cell), (then ? x->great : x->any)[i + 1][to]);
            if (sum == NO_SUM || sum >= best) continue;
            best = sum;
            class = to;
            wanted = then;
            w->tokens[i] = w->s.sets.v[i][t];
        }
    }
}

/* Is G of the form positive, without doubt, at all live cells whose weight is at most 2^top? Then sums of these are. */
static bool cells_positive(const struct walker *w, const struct sums_at *x) {
    const int64_t *G = x->G + x->form, least = w->form[x->form].radius;
    for (uint32_t c = 0; c < w->s.at[w->s.n]; c++)
        if (w->live[c] && sep_source(&w->s, w->q, c) && shifts_of(w)[c] <= x->top && G[(size_t)c * w->n_form] <= least) return false;
    return true;
}

/* Is the form positive on all sequences of class 1? One scale after the other, so that the weights of every sequence show. If not, tokens is one on which it is not by its sum. */
static bool form_positive(struct walker *w, struct sums_at *x) {
    const struct iform *f = &w->form[x->form];
    for (x->top = w->scale; !cells_positive(w, x); x->top -= SCALE_STEP) {
        for (uint32_t i = w->s.n; i-- > 0;) level_least(w, x, i);
        if (x->great[0][1] < (int64_t)w->s.n * f->radius + f->strict) {
            least_sequence(w, x);
            return false;
        }
    }
    return true;
}

static int64_t **level_room(const struct walker *w) {
    int64_t **x = mem_get((size_t)w->s.n + 1, sizeof *x);
    for (uint32_t i = 0; i <= w->s.n; i++) x[i] = mem_get(i < w->s.n ? w->level[i].classes.n : 2, sizeof *x[i]);
    return x;
}

static void level_room_clear(const struct walker *w, int64_t **x) {
    for (uint32_t i = 0; i <= w->s.n; i++) mem_free(x[i]);
    mem_free(x);
}

/* A weight of 0 has no scale. */
static bool weights_show(const struct walker *w) {
    for (uint32_t c = 0; c < w->s.at[w->s.n]; c++)
        if (w->live[c] && sep_source(&w->s, w->q, c) && w->s.w[(size_t)w->q * w->s.at[w->s.n] + c] <= 0) return false;
    return true;
}

/* Are the walker's forms positive on what the layers take? If not, tokens is a sequence on which one is not, by its sum. false: a form is too large */
static bool layers_positive(struct walker *w, struct layers *l, uint32_t q, size_t kept_of, bool *positive) {
    *positive = true;
    w->q = q;
    if (w->n_form == 0 || l->states[w->s.n].n == 0) return true;
    layers_minimise(w, l, q, kept_of);
    if (w->level[0].classes.n < 2) return true;
    terms_scale(w, q);
    int64_t *G = mem_get((size_t)w->s.at[w->s.n] * w->n_form, sizeof *G);
    bool good = weights_show(w) && forms_at_cells(w, q, G);
    struct sums_at x = {.G = G, .any = level_room(w), .great = level_room(w)};
    x.great[w->s.n][1] = NO_SUM;
    for (x.form = 0; good && *positive && x.form < w->n_form; x.form++) *positive = form_positive(w, &x);
    level_room_clear(w, x.any);
    level_room_clear(w, x.great);
    mem_free(G);
    return good;
}

/* c + sum alpha_j E_j, E the entries of the query (at 0) or of a cell, which then has a beta */
static __int128 part_of(const struct iform *f, const int64_t *E, const uint32_t *cell) {
    __int128 sum = cell == NULL ? f->c : f->beta != NULL ? f->beta[*cell] : 0;
    for (uint32_t a = 0; a < f->n; a++) sum += (__int128)f->alpha[a] * E[f->j[a]];
    return sum;
}

static void least_parts(const struct walker *w, struct value *x) {
    const struct sep *s = &w->s;
    x->least = mem_get(x->truth.n, sizeof *x->least);
    for (size_t k = 0; k < x->truth.n; k++) {
        bool any = false;
        for (uint32_t c = 0; c < s->at[s->n]; c++) {
            if (c >= s->at[s->row] && c < s->at[s->row + 1]) continue;
            __int128 part = part_of(&x->truth.form[k], s->C + (size_t)c * s->cols, &c);
            if (!any || part < x->least[k]) x->least[k] = part;
            any = true;
        }
        if (!any) x->least[k] = (__int128)1 << 120;
    }
}

/* The forms with a G that is not positive, without doubt, at some cell that q may have beside it or at its own: the others are positive on every sequence. Caller frees. */
static struct iform *forms_left(const struct walker *w, const struct value *x, uint32_t q, size_t *n) {
    const struct sep *s = &w->s;
    struct iform *left = mem_get(x->truth.n, sizeof *left);
    uint32_t own = s->at[s->row] + q;
    *n = 0;
    for (size_t k = 0; k < x->truth.n; k++) {
        const struct iform *f = &x->truth.form[k];
        __int128 least = part_of(f, s->C + (size_t)own * s->cols, &own);
        if (x->least[k] < least) least = x->least[k];
        if (part_of(f, s->D + (size_t)q * s->cols, NULL) + least <= f->radius) left[(*n)++] = *f;
    }
    return left;
}

static bool value_settled(struct walker *w, struct value *x, uint32_t q, size_t kept_of) {
    bool positive;
    if (!layers_positive(w, &x->layers, q, kept_of, &positive)) return false;
    struct tracked k = {.token = {x->v}, .n = 1};
    for (int round = 0; !positive; round++) {
        struct layers finer = {0};
        bool good = round < ROUNDS_MOST && !sequence_may_be(w, NULL, x->v) && track_more(w, &k, x->v);
        good = good && layers_make(&finer, w, &k, x->v) && layers_positive(w, &finer, q, 0, &positive);
        layers_clear(&finer, w->s.n);
        if (!good) return false;
    }
    return true;
}

/* The truth of the predicate where the expression is v, which has to be that forms are positive. */
static bool value_truth(struct walker *w, struct value *x) {
    struct sep *s = &w->s;
    eval_reset(w->e);
    for (int k = 0; k < s->n_f; k++) {
        struct feature *f = &s->f[k];
        f->v = w->relaxed->is_truth ? (struct val){.type = V_TRI, .tri = x->v != 0 ? YES : NO} : (struct val){.type = V_NUM, .x = pool_get(s->e, 1)};
        if (!w->relaxed->is_truth) num_set_int(f->v.x, x->v);
        f->x->cache = &f->v;
    }
    bool good = sep_compile(s, w->predicate, &w->arena, &x->truth);
    sep_release(s);
    eval_reset(w->e);
    if (!good || x->truth.constant) return good && x->truth.value == YES;
    good = !x->truth.negated;
    for (size_t k = 0; k < x->truth.n; k++) good = good && !x->truth.form[k].normed && x->truth.form[k].error == 0;
    return good;
}

static bool value_make(struct walker *w, struct value *x) {
    const struct tracked only = {.token = {x->v}, .n = 1};
    x->made = true;
    x->truth = (struct truth){.constant = true, .value = NO};
    if (!value_truth(w, x) || !layers_make(&x->layers, w, &only, x->v)) return false;
    least_parts(w, x);
    return true;
}

bool relaxed_query(struct walker *w, uint32_t q) {
    struct relaxed *o = w->relaxed;
    wide sequences = 1;
    for (uint32_t i = 0; i < w->s.n; i++) sequences *= i == w->s.row ? 1 : w->s.at[i + 1] - w->s.at[i];
    for (size_t k = 0; k < o->n; k++) {
        struct value *x = &o->value[k];
        if (!x->made && !value_make(w, x)) return sep_refuse(&w->s, "a value of what it asks of the tokens");
        if (x->truth.constant) continue;
        struct iform *left = forms_left(w, x, q, &w->n_form);
        w->form = left;
        bool settled = value_settled(w, x, q, k + 1);
        mem_free(left);
        if (!settled) return sep_refuse(&w->s, "too many states, and too much is let in where tokens are not told apart");
    }
    w->found->bindings += sequences;
    w->found->where += sequences;
    return true;
}

/* ---- the expression ---- */

/* Is it a truth? By its value at one sequence, which has to be what is left of it there. */
static bool type_of(struct walker *w) {
    struct sep *s = &w->s;
    const struct rest *x = w->relaxed->root;
    struct val v;
    int64_t i = 0;
    for (uint32_t p = 0; x != NULL && p < s->n; p++) {
        w->tokens[p] = s->sets.v[p][0];
        x = rest_after(&s->rests, x, p, w->tokens[p], false);
    }
    eval_reset(w->e);
    w->e->env[s->slot] = (struct var){.set = true, .seq = true, .s = w->tokens, .n = s->n};
    bool good = x != NULL && x->op == R_INT && eval(w->e, s->f[0].x, &v) && (v.type == V_TRI || v.type == V_NUM);
    w->e->env[s->slot].set = false;
    w->relaxed->is_truth = good && v.type == V_TRI;
    good = good && (v.type == V_TRI ? v.tri == (x->v != 0 ? YES : NO) : num_int64(v.x, &i) && i == x->v);
    eval_reset(w->e);
    return good;
}

static void relaxed_room(struct walker *w) {
    const struct sep *s = &w->s;
    struct relaxed *o = w->relaxed;
    o->value = mem_get((size_t)(o->root->hi - o->root->lo) + 1, sizeof *o->value);
    o->some = mem_get(s->n, sizeof *o->some);
    o->n_some = mem_get(s->n, sizeof *o->n_some);
    o->alike = mem_get(s->n, sizeof *o->alike);
    for (uint32_t i = 0; i < s->n; i++) o->some[i] = mem_get(s->sets.size[i] + 1, sizeof *o->some[i]);
}

bool relaxed_start(struct walker *w) {
    struct sep *s = &w->s;
    if (s->n_f == 0 || s->n_own > 0) return false;
    const struct rest *x = s->f[0].rest;
    for (int k = 0; k < s->n_f; k++)
        if (s->f[k].type != F_REST || s->f[k].rest != x) return false;
    if (x->hi < x->lo || x->lo < -VALUES_MOST || x->hi > VALUES_MOST || x->hi - x->lo >= VALUES_MOST || !rest_never_errs(&s->rests, x)) return false;
    w->relaxed = mem_get(1, sizeof *w->relaxed);
    w->relaxed->root = x;
    relaxed_room(w);
    for (int64_t v = x->lo; v <= x->hi; v++)
        if (rest_may_be(x, v)) w->relaxed->value[w->relaxed->n++].v = v;
    return type_of(w);
}

void relaxed_clear(struct walker *w) {
    struct relaxed *o = w->relaxed;
    if (o == NULL) return;
    for (size_t k = 0; k < o->n; k++) {
        layers_clear(&o->value[k].layers, w->s.n);
        mem_free(o->value[k].least);
        forms_drop(&o->value[k].truth);
    }
    for (uint32_t i = 0; i < w->s.n; i++) mem_free(o->some[i]);
    mem_free(o->some);
    mem_free(o->n_some);
    mem_free(o->alike);
    mem_free(o->value);
    mem_free(o);
}
