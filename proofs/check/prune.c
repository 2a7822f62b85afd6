/* see prune.h */
#include "prune.h"
#include <string.h>

#define SMALL ((int64_t)1 << 40)

struct reader { const struct eval *e; struct prune *p; int slot; uint32_t n; };

/* an integer that names no token: literals, variables that are set, `last` in an index, sums and differences */
static bool number(const struct reader *r, const struct ex *x, bool in_index, int64_t *out) {
    int64_t a, b;
    switch (x->kind) {
    case EX_LIT:
        if (!num_int64(x->lit, out)) return false;
        break;
    case EX_LAST:
        if (!in_index) return false;
        *out = (int64_t)r->n - 1;
        break;
    case EX_VAR:
        if (x->number == r->slot || !r->e->env[x->number].set || r->e->env[x->number].seq) return false;
        *out = r->e->env[x->number].v;
        break;
    case EX_ADD:
    case EX_SUB:
        if (!number(r, x->k[0], in_index, &a) || !number(r, x->k[1], in_index, &b)) return false;
        *out = x->kind == EX_ADD ? a + b : a - b;
        break;
    default: return false;
    }
    return *out < SMALL && *out > -SMALL;
}

static bool is_sequence(const struct reader *r, const struct ex *x) { return x->kind == EX_VAR && x->number == r->slot; }

/* t[i], an integer, or t[i] and an integer added or taken away */
static bool term(const struct reader *r, const struct ex *x, struct token_term *out) {
    struct token_term a, b;
    *out = (struct token_term){.at = -1};
    if (number(r, x, false, &out->value)) return true;
    if (x->kind == EX_INDEX && x->n == 2 && is_sequence(r, x->k[0])) {
        *out = (struct token_term){.at = -1};
        return x->k[1]->kind != EX_SLICE && number(r, x->k[1], true, &out->at) && out->at >= 0 && out->at < (int64_t)r->n;
    }
    if (x->kind != EX_ADD && x->kind != EX_SUB) return false;
    if (!term(r, x->k[0], &a) || !term(r, x->k[1], &b) || b.at >= 0 || a.at < 0) return false;
    *out = (struct token_term){a.at, x->kind == EX_ADD ? a.value + b.value : a.value - b.value};
    return out->value < SMALL && out->value > -SMALL;
}

static void add(struct prune *p, struct token_test t) {
    if (p->n == p->room) {
        int room = 2 * p->room + 8;
        p->test = mem_grow(p->test, (size_t)p->room, (size_t)room, sizeof *p->test);
        p->room = room;
    }
    p->test[p->n++] = t;
}

/* a chain of comparisons, or distinct(t), distinct(t[a..b]) */
static bool take(struct reader *r, const struct ex *x) {
    if (x->kind == EX_CMP) {
        struct token_term s[8];
        if (x->n > 8) return false;
        for (int i = 0; i < x->n; i++)
            if (!term(r, x->k[i], &s[i])) return false;
        for (int i = 0; i + 1 < x->n; i++) {
            int64_t depth = s[i].at > s[i + 1].at ? s[i].at : s[i + 1].at;
            add(r->p, (struct token_test){.depth = depth > 0 ? (uint32_t)depth : 0, .op = x->ops[i], .a = s[i], .b = s[i + 1]});
        }
        return true;
    }
    if (x->kind != EX_CALL || x->number != FN_DISTINCT) return false;
    int64_t lo = 0, hi = (int64_t)r->n - 1;
    const struct ex *s = x->k[0];
    if (!is_sequence(r, s)) {
        if (s->kind != EX_INDEX || s->n != 2 || !is_sequence(r, s->k[0]) || s->k[1]->kind != EX_SLICE) return false;
        const struct ex *const *ends = (const struct ex *const *)s->k[1]->k;
        if (ends[0] != NULL && !number(r, ends[0], true, &lo)) return false;
        if (ends[1] != NULL && !number(r, ends[1], true, &hi)) return false;
        if (lo < 0 || hi >= (int64_t)r->n || hi < lo) return false;
    }
    for (int64_t d = lo + 1; d <= hi; d++) add(r->p, (struct token_test){.depth = (uint32_t)d, .from = (uint32_t)lo, .distinct = true});
    return true;
}

/* false: here the taking ends */
static bool take_all(struct reader *r, const struct ex *x) {
    if (x->kind != EX_AND) return take(r, x);
    for (int i = 0; i < x->n; i++)
        if (!take_all(r, x->k[i])) return false;
    return true;
}

void prune_init(struct prune *p, const struct eval *e, const struct ex *where, int slot, uint32_t n) {
    *p = (struct prune){.len = n};
    struct reader r = {e, p, slot, n};
    p->whole = where != NULL && n > 0 && take_all(&r, where);
    if (p->n == 0) return;
    struct token_test *sorted = mem_get((size_t)p->n, sizeof *sorted);
    p->first = mem_get((size_t)n + 2, sizeof *p->first);
    for (int i = 0; i < p->n; i++) p->first[p->test[i].depth + 1]++;
    for (uint32_t d = 0; d <= n; d++) p->first[d + 1] += p->first[d];
    uint32_t *at = mem_get((size_t)n + 1, sizeof *at);
    memcpy(at, p->first, ((size_t)n + 1) * sizeof *at);
    for (int i = 0; i < p->n; i++) sorted[at[p->test[i].depth]++] = p->test[i];
    mem_free(at);
    mem_free(p->test);
    p->test = sorted;
}

void prune_clear(struct prune *p) {
    mem_free(p->test);
    mem_free(p->first);
    *p = (struct prune){0};
}

static int64_t value_of(struct token_term x, const int64_t *t) { return (x.at >= 0 ? t[x.at] : 0) + x.value; }

static bool compare(unsigned char op, int64_t a, int64_t b) {
    switch ((enum cmp)op) {
    case CMP_LT: return a < b;
    case CMP_LE: return a <= b;
    case CMP_GT: return a > b;
    case CMP_GE: return a >= b;
    case CMP_EQ: return a == b;
    case CMP_NE: return a != b;
    }
    return true;
}

static bool holds(const struct token_test *x, const int64_t *t, uint32_t d) {
    if (!x->distinct) return compare(x->op, value_of(x->a, t), value_of(x->b, t));
    for (uint32_t i = x->from; i < d; i++)
        if (t[i] == t[d]) return false;
    return true;
}

bool prune_keeps(const struct prune *p, const int64_t *t, uint32_t d) {
    for (uint32_t i = p->n > 0 ? p->first[d] : 0; p->n > 0 && i < p->first[d + 1]; i++)
        if (!holds(&p->test[i], t, d)) return false;
    return true;
}
