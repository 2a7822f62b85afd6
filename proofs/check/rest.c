/* Rests in normal form, with the least and the largest value each may have, and what a token makes of them. */
#include "rest.h"
#include <stdlib.h>
#include <string.h>

#define RESTS_MOST ((size_t)1 << 22)
typedef __int128 big;

static uint64_t stir(uint64_t h, uint64_t v) {
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash(enum rest_op op, int64_t v, uint32_t n, const struct rest *const *k) {
    uint64_t h = stir(stir(1, (uint64_t)op), (uint64_t)v);
    for (uint32_t i = 0; i < n; i++) h = stir(h, k[i]->id);
    return h;
}

static uint64_t upward(int64_t lo) { return lo <= 0 ? ~(uint64_t)0 : lo > 63 ? 0 : ~(uint64_t)0 << lo; }
static uint64_t downward(int64_t hi) { return hi < 0 ? 0 : hi >= 63 ? ~(uint64_t)0 : ((uint64_t)1 << (hi + 1)) - 1; }

/* the hull of what the arguments may be */
static void hull(struct rest *x, uint32_t first) {
    x->lo = INT64_MAX;
    x->hi = INT64_MIN;
    x->small = true;
    for (uint32_t i = first; i < x->n; i++) {
        const struct rest *a = x->k[i];
        if (a->op == R_NONE || a->op == R_ERROR) continue;
        if (a->lo < x->lo) x->lo = a->lo;
        if (a->hi > x->hi) x->hi = a->hi;
        x->small = x->small && a->small;
        x->set |= a->set;
    }
}

static bool optional(const struct rest *a) { return a->op == R_IF && (a->k[1]->op == R_NONE || a->k[2]->op == R_NONE); }

static void range_extreme(struct rest *x) {
    int64_t bound = 0;
    bool sure = false;
    hull(x, 0);
    for (uint32_t i = 0; i < x->n; i++) {
        const struct rest *a = x->k[i];
        int64_t v = x->op == R_MAX ? a->lo : a->hi;
        if (optional(a)) continue;
        bound = !sure || (x->op == R_MAX ? v > bound : v < bound) ? v : bound;
        sure = true;
    }
    x->errs = x->errs || !sure; /* every entry may be left out */
    if (sure && x->op == R_MAX) x->lo = bound, x->set &= upward(bound);
    if (sure && x->op == R_MIN) x->hi = bound, x->set &= downward(bound);
}

static void range_row(const struct rests *r, struct rest *x) {
    const struct rest *i = x->k[0];
    size_t n = r->table[x->v].n;
    const int64_t *v = r->table[x->v].v;
    x->errs = x->errs || i->lo < 0 || i->hi >= (int64_t)n;
    x->lo = r->table[x->v].lo;
    x->hi = r->table[x->v].hi;
    int64_t from = i->lo < 0 ? 0 : i->lo, to = i->hi < (int64_t)n ? i->hi : (int64_t)n - 1;
    if (from > to || to - from > 63) return;
    x->lo = INT64_MAX;
    x->hi = INT64_MIN;
    for (int64_t j = from; j <= to; j++) {
        if (i->small && (i->set >> j & 1) == 0) continue;
        if (v[j] < x->lo) x->lo = v[j];
        if (v[j] > x->hi) x->hi = v[j];
    }
}

/* False: a value may not fit. */
static bool range_arithmetic(struct rest *x) {
    big lo = 0, hi = 0;
    if (x->op == R_REM) {
        x->hi = x->v - 1;
        return true;
    }
    for (uint32_t i = 0; x->op == R_SUM && i < x->n; i++) lo += x->k[i]->lo, hi += x->k[i]->hi;
    if (x->op == R_PROD)
        for (int c = 0; c < 4; c++) {
            big p = (big)(c & 1 ? x->k[0]->hi : x->k[0]->lo) * (c & 2 ? x->k[1]->hi : x->k[1]->lo);
            lo = c == 0 || p < lo ? p : lo;
            hi = c == 0 || p > hi ? p : hi;
        }
    x->lo = (int64_t)lo;
    x->hi = (int64_t)hi;
    return lo >= INT64_MIN && hi <= INT64_MAX;
}

static void range_tokens(struct rest *x, const int64_t *token, size_t n) {
    x->lo = INT64_MAX;
    x->hi = INT64_MIN;
    for (size_t t = 0; t < n; t++) {
        if (token[t] < x->lo) x->lo = token[t];
        if (token[t] > x->hi) x->hi = token[t];
    }
}

/* Its least and largest value, whether it may be an error. False: a value may not fit. */
static bool range(const struct rests *r, struct rest *x) {
    x->hi = 1;
    x->errs = x->op == R_ERROR;
    for (uint32_t i = 0; i < x->n; i++) x->errs = x->errs || x->k[i]->errs;
    switch (x->op) {
    case R_INT: x->lo = x->hi = x->v; break;
    case R_TOKEN: range_tokens(x, r->tokens[x->v], r->n_tokens[x->v]); break;
    case R_SOME:
        range_tokens(x, r->some[x->v], r->n_some[x->v]);
        x->small = x->lo >= 0 && x->hi < 64;
        for (size_t t = 0; x->small && t < r->n_some[x->v]; t++) x->set |= (uint64_t)1 << r->some[x->v][t];
        return true;
    case R_SUM:
    case R_PROD:
    case R_REM:
        if (!range_arithmetic(x)) return false;
        break;
    case R_MAX:
    case R_MIN: range_extreme(x); return true;
    case R_RANK: hull(x, 0); return true;
    case R_IF: hull(x, 1); return true;
    case R_PICK:
        hull(x, 1);
        x->errs = x->errs || x->k[0]->lo < 0 || x->k[0]->hi >= (int64_t)x->n - 1;
        return true;
    case R_ROW: range_row(r, x); break;
    default: break;
    }
    x->small = x->lo >= 0 && x->hi < 64;
    x->set = x->small ? upward(x->lo) & downward(x->hi) : 0;
    return true;
}

static void place(struct rests *r, const struct rest *x) {
    size_t at = hash(x->op, x->v, x->n, x->k) & (r->slots - 1);
    while (r->slot[at] != NULL) at = (at + 1) & (r->slots - 1);
    r->slot[at] = x;
}

/* The one rest with these parts. */
static const struct rest *keep(struct rests *r, enum rest_op op, int64_t v, uint32_t n, const struct rest *const *k) {
    for (uint32_t i = 0; i < n; i++)
        if (k[i] == NULL) return NULL;
    if (2 * (r->n + 1) > r->slots) {
        mem_free(r->slot);
        r->slots = r->slots == 0 ? 256 : 4 * r->slots;
        r->slot = mem_get(r->slots, sizeof *r->slot);
        for (size_t i = 0; i < r->n; i++) place(r, r->all[i]);
    }
    for (size_t at = hash(op, v, n, k) & (r->slots - 1); r->slot[at] != NULL; at = (at + 1) & (r->slots - 1)) {
        const struct rest *x = r->slot[at];
        if (x->op == op && x->v == v && x->n == n && (n == 0 || memcmp(x->k, k, n * sizeof *k) == 0)) return x;
    }
    if (r->n >= RESTS_MOST) return NULL;
    if (r->n == r->room) {
        r->all = mem_grow(r->all, r->n, 2 * r->room + 256, sizeof *r->all);
        r->room = 2 * r->room + 256;
    }
    struct rest *x = arena_get(&r->arena, 1, sizeof *x);
    *x = (struct rest){.op = op, .v = v, .n = n, .id = (uint32_t)r->n, .from = op == R_TOKEN ? (uint32_t)v : UINT32_MAX};
    x->k = arena_get(&r->arena, (size_t)n + 1, sizeof *x->k);
    for (uint32_t i = 0; i < n; i++) {
        x->k[i] = k[i];
        if (k[i]->from < x->from) x->from = k[i]->from;
    }
    if (!range(r, x)) return NULL;
    r->all[r->n++] = x;
    place(r, x);
    return x;
}

void rests_init(struct rests *r, int64_t **tokens, const size_t *n_tokens) { *r = (struct rests){.tokens = tokens, .n_tokens = n_tokens, .at = UINT32_MAX}; }

void rests_clear(struct rests *r) {
    arena_free(&r->arena);
    mem_free(r->slot);
    mem_free(r->all);
    mem_free(r->memo);
    mem_free(r->once);
    *r = (struct rests){0};
}

const struct rest *rest_int(struct rests *r, int64_t v) { return keep(r, R_INT, v, 0, NULL); }

static bool is_int(const struct rest *x) { return x->op == R_INT; }
static bool is_truth(const struct rest *x, int64_t v) { return x->op == R_INT && x->v == v; }

/* ---- lists: sums, maxima, minima, all, any, ranks ---- */

static int by_id(const void *a, const void *b) {
    const struct rest *x, *y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x->id > y->id) - (x->id < y->id);
}

static int by_value(const void *a, const void *b) {
    const struct rest *x, *y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return is_int(x) && is_int(y) ? (x->v > y->v) - (x->v < y->v) : is_int(x) ? -1 : is_int(y) ? 1 : by_id(a, b);
}

static uint32_t once_each(const struct rest **k, uint32_t n) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++)
        if (m == 0 || k[m - 1] != k[i]) k[m++] = k[i];
    return m;
}

/* k sorted by value: known numbers first */
static const struct rest *make_rank(struct rests *r, int64_t rank, uint32_t n, const struct rest **k) {
    uint32_t known = 0;
    if (rank < 0 || rank >= (int64_t)n) return keep(r, R_ERROR, 0, 0, NULL);
    while (known < n && is_int(k[known])) known++;
    if (known == n) return k[rank];
    while (known > (uint32_t)rank + 1) { /* the largest known one has too many below it */
        memmove(k + known - 1, k + known, (n - known) * sizeof *k);
        known--, n--;
    }
    while (known > n - (uint32_t)rank) { /* the smallest known one has too many above it */
        memmove(k, k + 1, (n - 1) * sizeof *k);
        known--, n--, rank--;
    }
    return keep(r, R_RANK, rank, n, k);
}

static const struct rest *make_sum(struct rests *r, uint32_t n, const struct rest **k) {
    int64_t c = 0;
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!is_int(k[i])) k[m++] = k[i];
        else if (__builtin_add_overflow(c, k[i]->v, &c)) return NULL;
    }
    if (m == 0) return rest_int(r, c);
    if (m == 1 && c == 0) return k[0];
    qsort(k, m, sizeof *k, by_id);
    if (c != 0) k[m++] = rest_int(r, c); /* the number stands last */
    return keep(r, R_SUM, 0, m, k);
}

static const struct rest *make_extreme(struct rests *r, enum rest_op op, uint32_t n, const struct rest **k) {
    const struct rest *best = NULL;
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++)
        if (is_int(k[i]) && (best == NULL || (op == R_MAX ? k[i]->v > best->v : k[i]->v < best->v))) best = k[i];
    for (uint32_t i = 0; i < n; i++) {
        if (is_int(k[i]) || k[i]->op == R_NONE) continue;
        if (best != NULL && !k[i]->errs && (op == R_MAX ? k[i]->hi <= best->v : k[i]->lo >= best->v)) continue;
        k[m++] = k[i];
    }
    if (m == 0) return best != NULL ? best : keep(r, R_ERROR, 0, 0, NULL);
    qsort(k, m, sizeof *k, by_id);
    m = once_each(k, m);
    if (best != NULL) k[m++] = best;
    return m == 1 && k[0]->op != R_IF ? k[0] : keep(r, op, 0, m, k);
}

static const struct rest *make_all(struct rests *r, enum rest_op op, uint32_t n, const struct rest **k) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (is_truth(k[i], op == R_ANY)) return k[i];
        if (!is_int(k[i])) k[m++] = k[i];
    }
    if (m == 0) return rest_int(r, op == R_ALL);
    qsort(k, m, sizeof *k, by_id);
    m = once_each(k, m);
    return m == 1 ? k[0] : keep(r, op, 0, m, k);
}

/* A maximum that may be one of nothing stays whole: beside a number it would be passed over. */
static bool taken_apart(enum rest_op op, const struct rest *x) { return x->op == op && op != R_RANK && !(x->errs && (op == R_MAX || op == R_MIN)); }

/* Arguments of the same operation are taken apart; one more place than needed for a number at the end. */
static const struct rest *make_list(struct rests *r, enum rest_op op, int64_t v, uint32_t n, const struct rest *const *k) {
    uint32_t m = 0, room = 1;
    for (uint32_t i = 0; i < n; i++) room += taken_apart(op, k[i]) ? k[i]->n : 1;
    const struct rest **l = mem_get(room, sizeof *l), *out;
    for (uint32_t i = 0; i < n; i++) {
        bool parts = taken_apart(op, k[i]);
        for (uint32_t j = 0; parts && j < k[i]->n; j++) l[m++] = k[i]->k[j];
        if (!parts) l[m++] = k[i];
    }
    if (op == R_SUM) out = make_sum(r, m, l);
    else if (op == R_MAX || op == R_MIN) out = make_extreme(r, op, m, l);
    else if (op == R_RANK) {
        qsort(l, m, sizeof *l, by_value);
        out = make_rank(r, v, m, l);
    } else out = make_all(r, op, m, l);
    mem_free(l);
    return out;
}

/* ---- the others ---- */

static bool may_hold(const struct rests *r, const struct rest *token, int64_t v) {
    const bool some = token->op == R_SOME;
    const int64_t *set = some ? r->some[token->v] : r->tokens[token->v];
    for (size_t t = 0; t < (some ? r->n_some : r->n_tokens)[token->v]; t++)
        if (set[t] == v) return true;
    return false;
}

static bool apart(const struct rest *a, const struct rest *b) { return a->hi < b->lo || b->hi < a->lo || (a->small && b->small && (a->set & b->set) == 0); }

static const struct rest *make_eq(struct rests *r, const struct rest *a, const struct rest *b) {
    if (is_int(a) && is_int(b)) return rest_int(r, a->v == b->v);
    if (!a->errs && a == b) return rest_int(r, 1);
    if (!a->errs && !b->errs && apart(a, b)) return rest_int(r, 0);
    if (is_int(a) || (!is_int(b) && b->id < a->id)) {
        const struct rest *t = a;
        a = b, b = t;
    }
    if (is_int(b) && (a->op == R_TOKEN || a->op == R_SOME) && !may_hold(r, a, b->v)) return rest_int(r, 0);
    if (is_int(b) && a->op == R_IF && (is_int(a->k[1]) || is_int(a->k[2]))) return rest_choice(r, a->k[0], rest_pair(r, R_EQ, a->k[1], b), rest_pair(r, R_EQ, a->k[2], b));
    return keep(r, R_EQ, 0, 2, (const struct rest *[]){a, b});
}

/* the number in a sum, beside a number on the other side, goes there */
static bool shift(struct rests *r, const struct rest **sum, const struct rest **number) {
    const struct rest *s = *sum;
    int64_t v;
    if (s->op != R_SUM || !is_int(s->k[s->n - 1]) || !is_int(*number)) return true;
    const struct rest *c = s->k[s->n - 1];
    if (__builtin_sub_overflow((*number)->v, c->v, &v)) return true;
    *number = rest_int(r, v);
    *sum = rest_of(r, R_SUM, 0, s->n - 1, s->k);
    return *sum != NULL && *number != NULL;
}

static const struct rest *make_lt(struct rests *r, const struct rest *a, const struct rest *b) {
    if (!shift(r, &a, &b) || !shift(r, &b, &a)) return NULL;
    if (!a->errs && !b->errs) {
        if (a->hi < b->lo) return rest_int(r, 1);
        if (a == b || a->lo >= b->hi) return rest_int(r, 0);
    }
    return keep(r, R_LT, 0, 2, (const struct rest *[]){a, b});
}

static const struct rest *make_prod(struct rests *r, const struct rest *a, const struct rest *b) {
    int64_t v;
    if (is_int(a) && is_int(b)) return __builtin_mul_overflow(a->v, b->v, &v) ? NULL : rest_int(r, v);
    if (is_int(b)) {
        const struct rest *t = a;
        a = b, b = t;
    }
    if (is_truth(a, 1)) return b;
    if (is_truth(a, 0) && !b->errs) return a;
    if (!is_int(a) && b->id < a->id) {
        const struct rest *t = a;
        a = b, b = t;
    }
    return keep(r, R_PROD, 0, 2, (const struct rest *[]){a, b});
}

/* of a division by > 0; nothing is added where that may overflow */
static int64_t remainder_of(int64_t v, int64_t by) { return v % by < 0 ? v % by + by : v % by; }

static const struct rest *make_rem(struct rests *r, int64_t by, const struct rest *a) {
    if (is_int(a)) return rest_int(r, remainder_of(a->v, by));
    if (!a->errs && a->lo >= 0 && a->hi < by) return a;
    if (a->op == R_SUM && is_int(a->k[a->n - 1])) {
        int64_t c = a->k[a->n - 1]->v, rest = remainder_of(c, by);
        if (c != rest) {
            a = rest_pair(r, R_SUM, rest_of(r, R_SUM, 0, a->n - 1, a->k), rest_int(r, rest));
            if (a == NULL) return NULL;
        }
    }
    return keep(r, R_REM, by, 1, &a);
}

const struct rest *rest_choice(struct rests *r, const struct rest *c, const struct rest *a, const struct rest *b) {
    if (c == NULL || a == NULL || b == NULL) return NULL;
    if (c->op == R_ERROR) return c;
    if (is_int(c)) return c->v != 0 ? a : b;
    if (a == b && !c->errs) return a;
    if (is_truth(a, 1) && is_truth(b, 0)) return c;
    if (is_truth(a, 0) && is_truth(b, 1)) return rest_of(r, R_NOT, 0, 1, &c);
    return keep(r, R_IF, 0, 3, (const struct rest *[]){c, a, b});
}

/* Entries that the index cannot name become R_NONE. */
static const struct rest *make_pick(struct rests *r, uint32_t n, const struct rest *const *k) {
    const struct rest *i = k[0], *none = keep(r, R_NONE, 0, 0, NULL), *only = NULL;
    if (is_int(i)) return i->v < 0 || i->v >= (int64_t)n - 1 ? keep(r, R_ERROR, 0, 0, NULL) : k[1 + i->v];
    const struct rest **l = mem_get(n, sizeof *l);
    bool same = !i->errs && i->lo >= 0 && i->hi < (int64_t)n - 1;
    l[0] = i;
    for (uint32_t j = 1; j < n; j++) {
        int64_t at = (int64_t)j - 1;
        bool named = at >= i->lo && at <= i->hi && (!i->small || (i->set >> at & 1) != 0);
        l[j] = named ? k[j] : none;
        if (!named) continue;
        if (only == NULL) only = k[j];
        same = same && only == k[j];
    }
    const struct rest *out = same && only != NULL ? only : keep(r, R_PICK, 0, n, l);
    mem_free(l);
    return out;
}

static const struct rest *make_row(struct rests *r, int64_t table, const struct rest *i) {
    if (!is_int(i)) return keep(r, R_ROW, table, 1, &i);
    return i->v < 0 || i->v >= (int64_t)r->table[table].n ? keep(r, R_ERROR, 0, 0, NULL) : rest_int(r, r->table[table].v[i->v]);
}

const struct rest *rest_row(struct rests *r, const int64_t *table, size_t n, const struct rest *index) {
    int k = 0;
    while (k < r->n_tables && (r->table[k].n != n || memcmp(r->table[k].v, table, n * sizeof *table) != 0)) k++;
    if (index == NULL || k == 64 || n == 0) return NULL;
    if (k == r->n_tables) {
        r->table[k].v = table;
        r->table[k].n = n;
        r->table[k].lo = INT64_MAX;
        r->table[k].hi = INT64_MIN;
        for (size_t i = 0; i < n; i++) {
            if (table[i] < r->table[k].lo) r->table[k].lo = table[i];
            if (table[i] > r->table[k].hi) r->table[k].hi = table[i];
        }
        r->n_tables++;
    }
    return index->op == R_ERROR ? index : make_row(r, k, index);
}

const struct rest *rest_of(struct rests *r, enum rest_op op, int64_t v, uint32_t n, const struct rest *const *k) {
    for (uint32_t i = 0; i < n; i++)
        if (k[i] == NULL) return NULL;
    for (uint32_t i = 0; i < n && op != R_IF; i++)
        if (k[i]->op == R_ERROR) return k[i];
    switch (op) {
    case R_SUM:
    case R_MAX:
    case R_MIN:
    case R_ALL:
    case R_ANY:
    case R_RANK: return make_list(r, op, v, n, k);
    case R_PROD: return make_prod(r, k[0], k[1]);
    case R_REM: return make_rem(r, v, k[0]);
    case R_EQ: return make_eq(r, k[0], k[1]);
    case R_LT: return make_lt(r, k[0], k[1]);
    case R_NOT:
        if (is_int(k[0])) return rest_int(r, k[0]->v == 0);
        return k[0]->op == R_NOT ? k[0]->k[0] : keep(r, R_NOT, 0, 1, k);
    case R_IF: return rest_choice(r, k[0], k[1], k[2]);
    case R_PICK: return make_pick(r, n, k);
    case R_ROW: return make_row(r, v, k[0]);
    default: return keep(r, op, v, n, k);
    }
}

const struct rest *rest_pair(struct rests *r, enum rest_op op, const struct rest *a, const struct rest *b) { return rest_of(r, op, 0, 2, (const struct rest *[]){a, b}); }

/* ---- a token ---- */

#define MEMOS_KEPT ((size_t)1 << 21)

static struct rest_memo *memo_of(struct rest_memo *memo, size_t n, uint64_t key) {
    size_t at = stir(7, key) & (n - 1);
    while (memo[at].to != NULL && memo[at].key != key) at = (at + 1) & (n - 1);
    return &memo[at];
}

static void memo_add(struct rests *r, uint64_t key, const struct rest *to) {
    if (2 * (r->n_memo + 1) > r->memos) {
        size_t n = r->memos == 0 ? 1024 : 2 * r->memos;
        struct rest_memo *memo = mem_get(n, sizeof *memo);
        for (size_t i = 0; i < r->memos; i++)
            if (r->memo[i].to != NULL) *memo_of(memo, n, r->memo[i].key) = r->memo[i];
        mem_free(r->memo);
        r->memo = memo;
        r->memos = n;
    }
    *memo_of(r->memo, r->memos, key) = (struct rest_memo){key, to};
    r->n_memo++;
}

static const struct rest *known_after(const struct rests *r, uint32_t id, uint64_t key, bool alone) {
    if (alone) return id < r->room_once && r->once[id].mark == r->mark ? r->once[id].to : NULL;
    return r->memos > 0 ? memo_of(r->memo, r->memos, key)->to : NULL;
}

static void know_after(struct rests *r, uint32_t id, uint64_t key, bool alone, const struct rest *to) {
    if (!alone) {
        memo_add(r, key, to);
        return;
    }
    if (id >= r->room_once) {
        size_t room = 2 * r->n + 16;
        r->once = mem_grow(r->once, r->room_once, room, sizeof *r->once);
        r->room_once = room;
    }
    r->once[id] = (struct rest_once){r->mark, to};
}

#define ARGUMENTS_HERE 8

static const struct rest *after(struct rests *r, const struct rest *x, uint32_t i, int64_t token, bool alone) {
    if (x->from > i) return x;
    if (x->op == R_TOKEN) return token == TOKEN_OF_SOME ? keep(r, R_SOME, x->v, 0, NULL) : rest_int(r, token);
    uint64_t key = (uint64_t)x->id << 32 | (uint32_t)token;
    const struct rest *out = known_after(r, x->id, key, alone), *here[ARGUMENTS_HERE];
    if (out != NULL) return out;
    const struct rest **k = x->n <= ARGUMENTS_HERE ? here : mem_get(x->n, sizeof *k);
    for (uint32_t a = 0; a < x->n; a++) {
        bool skipped = x->op == R_IF && a > 0 && k[0] != NULL && is_int(k[0]) && (k[0]->v != 0) != (a == 1); /* the branch that is not chosen */
        k[a] = skipped ? x->k[a] : after(r, x->k[a], i, token, alone);
    }
    out = rest_of(r, x->op, x->v, x->n, k);
    if (k != here) mem_free(k);
    if (out != NULL) know_after(r, x->id, key, alone, out);
    return out;
}

const struct rest *rest_after(struct rests *r, const struct rest *x, uint32_t i, int64_t token, bool alone) {
    if (r->at != i) { /* a rest's first position says of which position its entry is: entries stay, for the next query too */
        if (r->n_memo > MEMOS_KEPT) {
            memset(r->memo, 0, r->memos * sizeof *r->memo);
            r->n_memo = 0;
        }
        r->at = i;
    }
    if (alone && (r->mark == 0 || r->mark_at != i || r->mark_token != token)) {
        r->mark++; /* fewer than 2^32 pairs of positions and tokens are asked for */
        r->mark_at = i;
        r->mark_token = token;
    }
    return after(r, x, i, token, alone);
}

bool rest_copy(struct rests *to, const struct rests *from, const struct rest *x) {
    memcpy(to->table, from->table, sizeof to->table);
    to->n_tables = from->n_tables;
    for (uint32_t id = 0; id <= x->id; id++) { /* arguments have lower numbers */
        const struct rest *y = from->all[id], *out, **k = mem_get((size_t)y->n + 1, sizeof *k);
        for (uint32_t i = 0; i < y->n; i++) k[i] = to->all[y->k[i]->id];
        out = keep(to, y->op, y->v, y->n, k);
        mem_free(k);
        if (out == NULL || out->id != id) return false;
    }
    return true;
}

bool rest_may_be(const struct rest *x, int64_t v) {
    if (x->op == R_ERROR || v < x->lo || v > x->hi) return false;
    return !x->small || (x->set >> v & 1) != 0; /* then lo >= 0 and hi < 64 */
}
