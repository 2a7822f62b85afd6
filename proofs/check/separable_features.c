/* What of a statement the rule separable can take: features, rows of the network (FORMAT.md §3.2, §3.3). */
#include "linear.h"
#include "nodes.h"
#include "separable.h"
#include <stdlib.h>
#include <string.h>

bool sep_refuse(struct sep *s, const char *why) { return fail_at(s->fail, 0, "rule separable does not take this claim: %s", s->e->fail.set ? s->e->fail.text : why); }

static int ascending(const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

bool sep_distinct(struct sep *s, const int64_t *v, size_t n) {
    int64_t *sorted = mem_get(n + 1, sizeof *sorted);
    if (n > 0) memcpy(sorted, v, n * sizeof *v);
    qsort(sorted, n, sizeof *sorted, ascending);
    bool good = true;
    for (size_t i = 1; good && i < n; i++) good = sorted[i - 1] != sorted[i];
    mem_free(sorted);
    return good ? true : sep_refuse(s, "a set names a value twice");
}

static bool is_t(const struct sep *s, const struct ex *x) { return x->kind == EX_VAR && x->number == s->slot; }

/* no network, no t, and every variable has a value now (or is `own`) */
static bool fixed_now(const struct sep *s, const struct ex *x, int own) {
    if (x->network) return false;
    if (x->kind == EX_VAR) return x->number != s->slot && (x->number == own || s->e->env[x->number].set);
    bool all = (x->where == NULL || fixed_now(s, x->where, own)) && x->binds.n == 0;
    for (int i = 0; i < x->n; i++) all = all && (x->k[i] == NULL || fixed_now(s, x->k[i], own));
    return all;
}

static bool own_token(const struct sep *s, const struct ex *x, int slot) {
    return x->kind == EX_INDEX && x->n == 2 && is_t(s, x->k[0]) && x->k[1]->kind == EX_VAR && x->k[1]->number == slot;
}

/* like fixed_now, but t may stand as t[i] with i the variable `own`; those nodes are collected */
static bool fold_body(const struct sep *s, struct ex *x, int own, struct ex **nodes, int *n) {
    if (x == NULL) return true;
    if (own_token(s, x, own)) {
        if (*n == 64) return false;
        nodes[(*n)++] = x;
        return true;
    }
    if (x->kind == EX_VAR || x->network || x->binds.n > 0) return fixed_now(s, x, own);
    if (!fold_body(s, x->where, own, nodes, n)) return false;
    for (int i = 0; i < x->n; i++)
        if (!fold_body(s, x->k[i], own, nodes, n)) return false;
    return true;
}

static struct feature *feature_new(struct sep *s, struct ex *x, enum feature_type type) {
    if (s->n_f == FEATURES_MOST) return NULL;
    struct feature *f = &s->f[s->n_f++];
    *f = (struct feature){.x = x, .type = type, .last = s->n - 1};
    return f;
}

static bool index_now(struct sep *s, const struct ex *x, uint32_t size, int64_t *out) {
    struct eval *e = s->e;
    e->has_last = true;
    e->last = (int64_t)size - 1;
    bool good = fixed_now(s, x, -1) && eval_int(e, x, out) && *out >= 0 && *out < (int64_t)size;
    e->has_last = false;
    return good;
}

static bool token_feature(struct sep *s, struct ex *x) {
    int64_t i;
    if (!index_now(s, x->k[1], s->n, &i)) return sep_refuse(s, "an index of the sequence is not constant");
    struct feature *f = feature_new(s, x, F_TOKEN);
    if (f == NULL) return sep_refuse(s, "too many features");
    f->first = f->last = (uint32_t)i;
    return true;
}

/* t stands in x as len(t) only */
static bool length_only(const struct sep *s, const struct ex *x) {
    if (x == NULL) return true;
    if (x->kind == EX_CALL && x->number == FN_LEN && is_t(s, x->k[0])) return true;
    if (x->kind == EX_VAR || x->network || x->binds.n > 0 || x->where != NULL) return fixed_now(s, x, -1);
    for (int i = 0; i < x->n; i++)
        if (!length_only(s, x->k[i])) return false;
    return true;
}

/* sort(t)[c]: the largest or the smallest of a rank, 1 to 3 */
static bool sorted_feature(struct sep *s, struct ex *x) {
    struct eval *e = s->e;
    int64_t at, *any = mem_get(s->n, sizeof *any); /* any sequence: only its length is read */
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) {
            int64_t token = s->sets.v[i][c - s->at[i]];
            any[i] = token;
            if (token < 0 || token + 1 >= (int64_t)1 << RANK_BITS) {
                mem_free(any);
                return sep_refuse(s, "a token is too large to be sorted");
            }
        }
    e->env[s->slot] = (struct var){.set = true, .seq = true, .s = any, .n = s->n};
    e->has_last = true;
    e->last = (int64_t)s->n - 1;
    bool good = length_only(s, x->k[1]) && eval_int(e, x->k[1], &at) && at >= 0 && at < (int64_t)s->n;
    e->has_last = false;
    e->env[s->slot].set = false;
    eval_reset(e);
    mem_free(any);
    if (!good) return sep_refuse(s, "an index of the sorted sequence is not constant");
    int64_t below = at + 1, above = (int64_t)s->n - at, rank = above < below ? above : below;
    if (rank > 3) return sep_refuse(s, "an entry of sort(t) is more than two places from either end");
    struct feature *f = feature_new(s, x, above < below ? F_LARGEST : F_SMALLEST);
    if (f == NULL) return sep_refuse(s, "too many features");
    f->rank = (unsigned)rank;
    return true;
}

/* The state of a ranked feature: `rank` fields of RANK_BITS, each a token + 1 (F_SMALLEST: of the token counted from the top), the best in the lowest; 0 is none. */
static int64_t ranked_step(const struct feature *f, int64_t state, int64_t token) {
    const int64_t field = ((int64_t)1 << RANK_BITS) - 1;
    int64_t v = f->type == F_LARGEST ? token + 1 : field - token, out = 0; /* 1..2^20 - 1 */
    for (unsigned r = 0; r < f->rank; r++) {
        int64_t old = state >> (RANK_BITS * r) & field, here = v > old ? v : old;
        out |= here << (RANK_BITS * r);
        v = v > old ? old : v;
    }
    return out;
}

/* max(t), min(t), sum(t), contains(t, a), argmax(t), argmin(t), len(t) */
static bool whole_feature(struct sep *s, struct ex *x) {
    static const struct { enum fn fn; enum feature_type type; enum quant fold; } table[] = {
        {FN_MAX, F_FOLD, Q_MAX}, {FN_MIN, F_FOLD, Q_MIN}, {FN_SUM, F_FOLD, Q_SUM}, {FN_CONTAINS, F_FOLD, Q_ANY}, {FN_ARGMAX, F_ARGMAX, Q_MAX}, {FN_ARGMIN, F_ARGMIN, Q_MIN}};
    size_t k = 0;
    int64_t a = 0;
    if (x->n != (x->number == FN_CONTAINS ? 2 : 1)) return sep_refuse(s, "the sequence stands beside other arguments");
    if (x->number == FN_LEN) { /* the constant n: a sum in which every position counts 1 */
        struct feature *f = feature_new(s, x, F_FOLD);
        if (f == NULL) return sep_refuse(s, "too many features");
        f->fold = Q_COUNT;
        f->g = mem_get(s->at[s->n], sizeof *f->g);
        f->use = mem_get(s->at[s->n], sizeof *f->use);
        for (uint32_t c = 0; c < s->at[s->n]; c++) f->g[c] = f->use[c] = 1;
        return true;
    }
    while (k < sizeof table / sizeof *table && (int)table[k].fn != x->number) k++;
    if (k == sizeof table / sizeof *table || (x->number == FN_CONTAINS && (!fixed_now(s, x->k[1], -1) || !eval_int(s->e, x->k[1], &a))))
        return sep_refuse(s, "the sequence stands in a function that no scan computes");
    struct feature *f = feature_new(s, x, table[k].type);
    if (f == NULL) return sep_refuse(s, "too many features");
    f->fold = table[k].fold;
    f->g = mem_get(s->at[s->n], sizeof *f->g);
    f->use = mem_get(s->at[s->n], sizeof *f->use);
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) {
            int64_t t = s->sets.v[i][c - s->at[i]];
            f->g[c] = x->number == FN_CONTAINS ? t == a : t;
            f->use[c] = true;
        }
    return true;
}

static bool fold_cell(struct sep *s, struct feature *f, uint32_t cell) {
    struct eval *e = s->e;
    struct val v = {.tri = YES};
    if (f->x->where != NULL && (!eval(e, f->x->where, &v) || v.type != V_TRI || v.tri == OPEN)) return false;
    f->use[cell] = v.tri == YES;
    if (!f->use[cell]) return true;
    if (!eval(e, f->x->k[0], &v)) return false;
    if (f->fold == Q_ALL || f->fold == Q_ANY || f->fold == Q_COUNT) {
        f->g[cell] = v.tri == YES;
        return v.type == V_TRI && v.tri != OPEN;
    }
    return v.type == V_NUM && num_int64(v.x, &f->g[cell]);
}

/* Q{ g : i in a..b where c } with g, c of i and t[i] */
static bool fold_feature(struct sep *s, struct ex *x) {
    struct ex *nodes[64];
    int n = 0, slot = x->binds.b[0].slot;
    int64_t *positions;
    size_t n_positions;
    if (!fold_body(s, x->where, slot, nodes, &n) || !fold_body(s, x->k[0], slot, nodes, &n) || !fixed_now(s, x->binds.b[0].set, -1)) return sep_refuse(s, "the sequence stands where no scan follows it");
    const int fold = x->kind == EX_EXISTS ? Q_ANY : x->number;
    if (fold == Q_MEAN || fold == Q_ARGMAX || fold == Q_ARGMIN || x->binds.b[0].set->kind != EX_RANGE) return sep_refuse(s, "a comprehension that no scan computes");
    if (!eval_set_values(s->e, x->binds.b[0].set, &positions, &n_positions)) return sep_refuse(s, "a set");
    struct feature *f = feature_new(s, x, F_FOLD);
    bool good = f != NULL;
    if (good) {
        f->fold = (enum quant)fold;
        f->g = mem_get(s->at[s->n], sizeof *f->g);
        f->use = mem_get(s->at[s->n], sizeof *f->use);
    }
    struct val token;
    for (size_t k = 0; good && k < n_positions; k++) {
        good = positions[k] >= 0 && positions[k] < (int64_t)s->n;
        if (!good) break;
        uint32_t i = (uint32_t)positions[k];
        s->e->env[slot] = (struct var){.set = true, .v = i};
        for (uint32_t c = s->at[i]; good && c < s->at[i + 1]; c++) {
            eval_reset(s->e);
            token = (struct val){.type = V_NUM, .x = pool_get(s->e, 1)};
            num_set_int(token.x, s->sets.v[i][c - s->at[i]]);
            for (int m = 0; m < n; m++) nodes[m]->cache = &token;
            good = fold_cell(s, f, c);
        }
    }
    for (int m = 0; m < n; m++) nodes[m]->cache = NULL;
    s->e->env[slot].set = false;
    mem_free(positions);
    return good ? true : sep_refuse(s, "a feature could not be computed");
}

/* A model, or one with other tensors: replace of tensors and blend */
bool plain_model(const struct ex *x) {
    if (x->kind == EX_CALL && x->number == FN_BLEND) return plain_model(x->k[0]) && plain_model(x->k[1]);
    return x->kind == EX_MODEL || (x->kind == EX_CALL && x->number == FN_REPLACE && !x->frozen && plain_model(x->k[0]));
}

static bool same_place(struct sep *s, const struct ex *call, const struct ex *row) {
    int64_t r, l = 0, h = 0;
    if (call->number != FN_LOGITS && call->number != FN_ATTN) return sep_refuse(s, "only logits and attn");
    if ((!plain_model(call->k[0]) && !sep_is_changed(s, call->k[0])) || !is_t(s, call->k[call->n - 1])) return sep_refuse(s, "a model whose change is not the same on all sequences, or another sequence");
    if (call->number == FN_ATTN && (!eval_int(s->e, call->k[1], &l) || !eval_int(s->e, call->k[2], &h) || l != 0 || h != 0)) return sep_refuse(s, "only head (0, 0)");
    const struct net *net = s->has_row && same_text(s->model, call->k[0]) /* then they are one network: they rest on no variable */ ? s->net : call->k[0]->kind == EX_MODEL ? s->e->s->models[call->k[0]->number].net : base_net(s->e, call->k[0]);
    if (net == NULL) return sep_refuse(s, "the changed network cannot be made");
    if (!index_now(s, row, s->n, &r)) return sep_refuse(s, "the row is not constant");
    if (s->has_row && (s->net != net || s->row != (uint32_t)r)) return sep_refuse(s, "two networks or two rows");
    s->net = net;
    s->model = call->k[0];
    s->row = (uint32_t)r;
    s->has_row = true;
    if (call->number == FN_ATTN) s->has_attn = true;
    return true;
}

/* logits(M, t)[r, e], logits(M, t)[r][e], logits(M, t)[r] and the same of attn: returns the call, its row and the entry (NULL: none) */
static const struct ex *network_index(const struct ex *x, const struct ex **row, struct ex **entry) {
    *entry = NULL;
    if (x->kind != EX_INDEX) return NULL;
    if (x->k[0]->kind == EX_CALL) {
        *row = x->k[1];
        if (x->n == 3) *entry = x->k[2];
        return x->k[0];
    }
    if (x->k[0]->kind != EX_INDEX || x->k[0]->n != 2 || x->n != 2 || x->k[0]->k[0]->kind != EX_CALL) return NULL;
    *row = x->k[0]->k[1];
    *entry = x->k[1];
    return x->k[0]->k[0];
}

static bool reads_own(const struct sep *s, const struct ex *x, int slot) {
    if (x == NULL) return false;
    if (own_token(s, x, slot) || reads_own(s, x->where, slot)) return true;
    for (int i = 0; i < x->binds.n; i++)
        if (reads_own(s, x->binds.b[i].set, slot)) return true;
    for (int i = 0; i < x->n; i++)
        if (reads_own(s, x->k[i], slot)) return true;
    return false;
}

/* What is left of it after every token is the state. */
static bool rest_feature(struct sep *s, struct ex *x) {
    const struct rest *rest = sep_rest(s, x);
    s->e->fail.set = false;
    struct feature *f = rest != NULL ? feature_new(s, x, F_REST) : NULL;
    if (f == NULL) return false;
    f->rest = rest;
    return true;
}

static void features_drop(struct sep *s, int n) {
    while (s->n_f > n) {
        s->n_f--;
        mem_free(s->f[s->n_f].g);
        mem_free(s->f[s->n_f].use);
    }
}

/* A remainder of a sum: what is left of it has no more states than the sum so far. The cells of rule cells are the values of the sum itself. */
static bool remainder_of_sum(const struct sep *s, const struct ex *x) {
    if (x->kind != EX_MOD || s->wide) return false;
    const struct ex *sum = x->k[0];
    return sum->kind == EX_ADD || sum->kind == EX_SUB || (sum->kind == EX_CALL && sum->number == FN_SUM) || (sum->kind == EX_QUANT && (sum->number == Q_SUM || sum->number == Q_COUNT));
}

static bool collect_scans(struct sep *s, struct ex *x, int own_slot);

bool sep_collect(struct sep *s, struct ex *x, int own_slot) {
    const int before = s->n_f, own = s->n_own;
    const struct fail said = *s->fail, evaluated = s->e->fail;
    if ((s->whole || remainder_of_sum(s, x)) && own_slot < 0 && !x->network && mentions(x, s->slot) && rest_feature(s, x)) return true;
    if (collect_scans(s, x, own_slot)) return true;
    if (x->network || (own_slot >= 0 && reads_own(s, x, own_slot))) return false;
    const struct fail why = *s->fail;
    features_drop(s, before);
    s->n_own = own;
    s->e->fail = evaluated;
    if (rest_feature(s, x)) {
        *s->fail = said;
        return true;
    }
    *s->fail = why;
    return false;
}

static bool collect_scans(struct sep *s, struct ex *x, int own_slot) {
    const struct ex *row;
    struct ex *entry;
    if (!x->network && !mentions(x, s->slot)) return true;
    if (!x->network) {
        if (own_slot >= 0 && own_token(s, x, own_slot)) {
            if (s->n_own == 64) return sep_refuse(s, "too many tokens in a sum");
            s->own_slot[s->n_own] = own_slot;
            s->own[s->n_own++] = x;
            return true;
        }
        if (x->kind == EX_INDEX && x->n == 2 && is_t(s, x->k[0])) return token_feature(s, x);
        if (x->kind == EX_INDEX && x->n == 2 && x->k[0]->kind == EX_CALL && x->k[0]->number == FN_SORT && is_t(s, x->k[0]->k[0])) return sorted_feature(s, x);
        if (x->kind == EX_CALL && x->n >= 1 && is_t(s, x->k[0])) return whole_feature(s, x);
        if ((x->kind == EX_QUANT || x->kind == EX_EXISTS) && x->binds.n == 1 && !mentions(x->binds.b[0].set, s->slot)) return fold_feature(s, x);
        if (is_t(s, x)) return sep_refuse(s, "the sequence stands alone");
    }
    const struct ex *call = network_index(x, &row, &entry);
    if (call != NULL && call->network && call->number <= FN_NODE) return same_place(s, call, row) && (entry == NULL || sep_collect(s, entry, own_slot));
    if (x->kind == EX_CALL && x->number <= FN_NODE) return sep_refuse(s, "a whole table of rows");
    if (x->kind == EX_QUANT && x->number == Q_SUM && x->network && x->binds.n == 1) own_slot = x->binds.b[0].slot;
    for (int i = 0; i < x->binds.n; i++)
        if (!sep_collect(s, x->binds.b[i].set, own_slot)) return false;
    if (x->where != NULL && !sep_collect(s, x->where, own_slot)) return false;
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL && !sep_collect(s, x->k[i], own_slot)) return false;
    return true;
}

bool feature_start(const struct feature *f, int64_t *state) {
    if (f->type == F_REST) {
        *state = f->rest->id;
        return true;
    }
    bool extreme = (f->type != F_FOLD && f->rank == 0) || f->fold == Q_MAX || f->fold == Q_MIN;
    *state = f->rank > 0 ? 0 : extreme ? NOTHING : f->fold == Q_ALL;
    return true;
}

/* The value after one more token. argmax and argmin hold value * 8192 + position. */
bool feature_step(struct sep *s, const struct feature *f, int64_t *state, uint32_t position, uint32_t cell, int64_t token) {
    if (f->type == F_REST) {
        const struct rest *to = rest_after(&s->rests, s->rests.all[*state], position, token, position == s->row);
        s->too_many = to == NULL;
        if (to == NULL) return false;
        *state = to->id;
        return true;
    }
    if (position < f->first || position > f->last) return true;
    if (f->type == F_TOKEN) {
        *state = token;
        return true;
    }
    if (f->rank > 0) {
        *state = ranked_step(f, *state, token);
        return true;
    }
    if (!f->use[cell]) return true;
    int64_t g = f->g[cell];
    if (f->type == F_ARGMAX || f->type == F_ARGMIN) {
        if (position >= 8192 || token < 0 || token > INT32_MAX) return false;
        int64_t best = *state == NOTHING ? 0 : *state / 8192;
        if (*state == NOTHING || (f->type == F_ARGMAX ? token > best : token < best)) *state = token * 8192 + position;
        return true;
    }
    switch (f->fold) {
    case Q_MAX:
        if (*state == NOTHING || g > *state) *state = g;
        return g != NOTHING;
    case Q_MIN:
        if (*state == NOTHING || g < *state) *state = g;
        return g != NOTHING;
    case Q_ALL: *state = *state && g; return true;
    case Q_ANY: *state = *state || g; return true;
    default: return !__builtin_add_overflow(*state, g, state); /* sum, count */
    }
}

int64_t feature_value(const struct feature *f, int64_t state) {
    const int64_t field = ((int64_t)1 << RANK_BITS) - 1;
    if (f->rank > 0) {
        int64_t v = state >> (RANK_BITS * (f->rank - 1)) & field;
        return f->type == F_LARGEST ? v - 1 : field - v;
    }
    return state != NOTHING && (f->type == F_ARGMAX || f->type == F_ARGMIN) ? state % 8192 : state;
}

/* Of the last state: a number or, where the expression is one, a truth. */
static bool rest_finish(struct sep *s, struct feature *f, int64_t state) {
    const struct rest *x = s->rests.all[state];
    struct val *v = &f->v;
    if (f->x == NULL) return x->op == R_INT && x->v == 1 ? true : sep_refuse(s, "a sequence of which it is not known whether it is in the image");
    f->x->cache = NULL;
    if (x->op == R_ERROR) return true; /* an error, if it is looked at: then t has no value */
    if (!eval(s->e, f->x, v) || v->type == V_ARRAY || v->type == V_TABLE) return sep_refuse(s, "an expression without a value");
    int64_t i;
    bool same = v->type == V_TRI ? v->tri == (x->v != 0 ? YES : NO) : num_int64(v->x, &i) && i == x->v;
    if (!same) return sep_refuse(s, "a state whose first sequence has another value"); /* of two ways to compute it one would be wrong */
    f->x->cache = v;
    return true;
}

bool feature_finish(struct sep *s, struct feature *f, int64_t state) {
    if (f->type == F_REST) return rest_finish(s, f, state);
    if (state == NOTHING) { /* an error, if it is looked at: then t has no value */
        f->x->cache = NULL;
        return true;
    }
    if (f->type == F_FOLD && (f->fold == Q_ALL || f->fold == Q_ANY)) f->v = (struct val){.type = V_TRI, .tri = state != 0 ? YES : NO};
    else {
        f->v = (struct val){.type = V_NUM, .x = pool_get(s->e, 1)};
        num_set_int(f->v.x, feature_value(f, state));
    }
    f->x->cache = &f->v;
    return true;
}

void sep_release(struct sep *s) {
    for (int i = 0; i < s->n_f; i++)
        if (s->f[i].x != NULL) s->f[i].x->cache = NULL;
    for (int i = 0; i < s->n_own; i++) s->own[i]->cache = NULL;
}
