/* Terms, each kept once, with the values it may have (residual_terms.h). */
#include "verify/residual_terms.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define TERMS_MOST ((size_t)1 << 22)
#define ARGS_MOST ((size_t)1 << 26)
#define SCANNED 64               /* entries of a table that are looked at for its bounds */

int residual_fail(struct residual *r, enum status s)
{
    if (r->failed == STATUS_OK)
        r->failed = s;
    return REST_NONE;
}

void residual_init(struct residual *r, int *const *sets, const size_t *n_set, size_t n)
{
    memset(r, 0, sizeof *r);
    r->sets = sets;
    r->n_set = n_set;
    r->n_positions = n;
    r->at = SIZE_MAX;
}

void residual_clear(struct residual *r)
{
    for (size_t i = 0; i < r->n_tables; i++)
        free(r->tables[i].v);
    free(r->tables);
    free(r->terms);
    free(r->args);
    free(r->slots);
    free(r->steps);
    memset(r, 0, sizeof *r);
}

/* ---- hashing ---- */

uint64_t residual_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}

static size_t hash_of(enum rest_op op, long value, const int *args, size_t n)
{
    uint64_t h = residual_mix(0x9e3779b97f4a7c15u, (uint64_t)op);
    h = residual_mix(h, (uint64_t)value);
    for (size_t i = 0; i < n; i++)
        h = residual_mix(h, (uint64_t)args[i]);
    return (size_t)h;
}

static bool widen(struct residual *r)
{
    size_t n = r->n_slots ? 2 * r->n_slots : 1024;
    int *slots = mem_array(n, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < r->n; i++) {
        const struct rest *t = &r->terms[i];
        size_t at = hash_of(t->op, t->value, r->args + t->first, t->n) & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = (int)i + 1;
    }
    free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    return true;
}

/* ---- bounds ---- */

static void bounds_of_list(const struct residual *r, struct rest *t, const int *list, size_t n)
{
    t->lo = LONG_MAX;
    t->hi = LONG_MIN;
    t->mask = 0;
    t->masked = true;
    for (size_t i = 0; i < n; i++) {
        const struct rest *a = &r->terms[list[i]];
        if (a->op == REST_ERROR || a->op == REST_NOTHING)
            continue;
        t->lo = a->lo < t->lo ? a->lo : t->lo;
        t->hi = a->hi > t->hi ? a->hi : t->hi;
        t->mask |= a->mask;
        t->masked = t->masked && a->masked;
    }
}

static uint64_t from_on(long lo) { return lo <= 0 ? ~(uint64_t)0 : lo > 63 ? 0 : ~(uint64_t)0 << lo; }
static uint64_t up_to(long hi) { return hi >= 63 ? ~(uint64_t)0 : hi < 0 ? 0 : ~(~(uint64_t)0 << (hi + 1)); }

static void bounds_extreme(const struct residual *r, struct rest *t, const int *args)
{
    bool max = t->op == REST_MAX, sure = false;
    long lo = 0, hi = 0;
    bounds_of_list(r, t, args, t->n);
    for (size_t i = 0; i < t->n; i++) {      /* an entry that a condition may leave out bounds one side only */
        const struct rest *a = &r->terms[args[i]];
        bool optional = a->op == REST_IF && (r->terms[r->args[a->first + 1]].op == REST_NOTHING || r->terms[r->args[a->first + 2]].op == REST_NOTHING);
        if (optional)
            continue;
        lo = !sure || a->lo > lo ? a->lo : lo;
        hi = !sure || a->hi < hi ? a->hi : hi;
        sure = true;
    }
    t->errs |= !sure;
    if (sure && max)
        t->lo = lo, t->mask &= from_on(lo);
    if (sure && !max)
        t->hi = hi, t->mask &= up_to(hi);
}

static void bounds_table(const struct residual *r, struct rest *t, const struct rest *index)
{
    size_t n = r->tables[t->value].n;
    const long *v = r->tables[t->value].v;
    long from = index->lo < 0 ? 0 : index->lo, to = index->hi >= (long)n ? (long)n - 1 : index->hi;
    t->errs |= index->lo < 0 || index->hi >= (long)n;
    t->lo = r->tables[t->value].lo;
    t->hi = r->tables[t->value].hi;
    if (from > to || to - from > SCANNED)
        return;
    t->lo = LONG_MAX;
    t->hi = LONG_MIN;
    t->masked = true;
    for (long i = from; i <= to; i++) {
        if (index->masked && !(index->mask >> i & 1))
            continue;
        t->lo = v[i] < t->lo ? v[i] : t->lo;
        t->hi = v[i] > t->hi ? v[i] : t->hi;
        t->masked = t->masked && v[i] >= 0 && v[i] < 64;
        t->mask |= t->masked ? (uint64_t)1 << v[i] : 0;
    }
}

static void bounds_some(struct rest *t, const int *some, size_t n)
{
    t->lo = some[0];
    t->hi = some[n - 1];
    t->masked = t->lo >= 0 && t->hi < 64;
    for (size_t k = 0; k < n && t->masked; k++)
        t->mask |= (uint64_t)1 << some[k];
}

/* False: a value that long may not hold. */
static bool bounds_arithmetic(const struct residual *r, struct rest *t, const int *args)
{
    const struct rest *a = &r->terms[args[0]], *b = &r->terms[args[t->n - 1]];
    __int128 lo = 0, hi = t->op == REST_MOD ? t->value - 1 : 0;
    if (t->op == REST_ADD)
        for (size_t i = 0; i < t->n; i++)
            lo += r->terms[args[i]].lo, hi += r->terms[args[i]].hi;
    if (t->op == REST_MUL) {
        __int128 p[4] = { (__int128)a->lo * b->lo, (__int128)a->lo * b->hi, (__int128)a->hi * b->lo, (__int128)a->hi * b->hi };
        lo = hi = p[0];
        for (int i = 1; i < 4; i++)
            lo = p[i] < lo ? p[i] : lo, hi = p[i] > hi ? p[i] : hi;
    }
    t->lo = (long)lo;
    t->hi = (long)hi;
    return lo >= LONG_MIN && hi <= LONG_MAX;
}

/* False: a value that long may not hold. */
static bool bounds(const struct residual *r, struct rest *t, const int *args)
{
    t->lo = 0;
    t->hi = 1;
    t->errs = t->op == REST_ERROR;
    for (size_t i = 0; i < t->n; i++)
        t->errs |= r->terms[args[i]].errs;
    switch (t->op) {
    case REST_CONST: t->lo = t->hi = t->value; break;
    case REST_TOKEN:
        t->lo = r->sets[t->value][0];
        t->hi = r->sets[t->value][r->n_set[t->value] - 1];
        break;
    case REST_SOME: bounds_some(t, r->some[t->value], r->n_some[t->value]); return true;
    case REST_ADD: case REST_MUL: case REST_MOD:
        if (!bounds_arithmetic(r, t, args))
            return false;
        break;
    case REST_MAX: case REST_MIN: bounds_extreme(r, t, args); return true;
    case REST_RANK: bounds_of_list(r, t, args, t->n); return true;
    case REST_TABLE: bounds_table(r, t, &r->terms[args[0]]); return true;
    case REST_IF: case REST_AT:
        bounds_of_list(r, t, args + 1, t->n - 1);
        t->errs |= t->op == REST_AT && t->value;
        return true;
    default: break;
    }
    t->masked = t->lo >= 0 && t->hi < 64;
    t->mask = t->masked ? from_on(t->lo) & up_to(t->hi) : 0;
    return true;
}

int residual_keep(struct residual *r, enum rest_op op, long value, const int *args, size_t n)
{
    if (2 * (r->n + 1) > r->n_slots && !widen(r))
        return residual_fail(r, STATUS_MEMORY);
    size_t at = hash_of(op, value, args, n) & (r->n_slots - 1);
    for (; r->slots[at]; at = (at + 1) & (r->n_slots - 1)) {
        const struct rest *t = &r->terms[r->slots[at] - 1];
        if (t->op == op && t->value == value && t->n == n && (n == 0 || memcmp(r->args + t->first, args, n * sizeof *args) == 0))
            return r->slots[at] - 1;
    }
    if (r->n >= TERMS_MOST || r->n_args + n > ARGS_MOST)
        return residual_fail(r, STATUS_LIMIT);
    struct rest *terms = mem_grow(r->terms, &r->room, r->n + 1, sizeof *terms);
    if (!terms)
        return residual_fail(r, STATUS_MEMORY);
    r->terms = terms;
    int *all = mem_grow(r->args, &r->room_args, r->n_args + n + 1, sizeof *all);
    if (!all)
        return residual_fail(r, STATUS_MEMORY);
    r->args = all;
    struct rest *t = &terms[r->n];
    *t = (struct rest){ .op = op, .value = value, .first = r->n_args, .n = n, .low = op == REST_TOKEN ? (size_t)value : SIZE_MAX };
    if (n)
        memcpy(all + r->n_args, args, n * sizeof *args);
    for (size_t i = 0; i < n; i++)
        t->low = terms[args[i]].low < t->low ? terms[args[i]].low : t->low;
    if (!bounds(r, t, all + t->first))
        return residual_fail(r, STATUS_LIMIT);
    r->n_args += n;
    r->slots[at] = (int)++r->n;
    return (int)r->n - 1;
}

void residual_forget(struct residual *r, size_t n)
{
    while (r->n > n) {       /* the last one that came is in nobody's way */
        const struct rest *t = &r->terms[--r->n];
        size_t at = hash_of(t->op, t->value, r->args + t->first, t->n) & (r->n_slots - 1);
        while (r->slots[at] != (int)r->n + 1)
            at = (at + 1) & (r->n_slots - 1);
        r->slots[at] = 0;
        r->n_args = t->first;
    }
    r->at = SIZE_MAX;        /* nothing is known of tokens */
}

bool residual_basics(struct residual *r)
{
    if (r->n > 0)
        return true;
    return residual_keep(r, REST_ERROR, 0, NULL, 0) == ID_ERROR && residual_keep(r, REST_NOTHING, 0, NULL, 0) == ID_NOTHING && residual_keep(r, REST_CONST, 0, NULL, 0) == ID_FALSE
           && residual_keep(r, REST_CONST, 1, NULL, 0) == ID_TRUE;
}

int rest_const(struct residual *r, long v) { return residual_basics(r) ? residual_keep(r, REST_CONST, v, NULL, 0) : REST_NONE; }
int rest_error(struct residual *r) { return residual_basics(r) ? ID_ERROR : REST_NONE; }
int rest_nothing(struct residual *r) { return residual_basics(r) ? ID_NOTHING : REST_NONE; }

int rest_token(struct residual *r, size_t position)
{
    if (!residual_basics(r))
        return REST_NONE;
    return r->n_set[position] == 1 ? rest_const(r, r->sets[position][0]) : residual_keep(r, REST_TOKEN, (long)position, NULL, 0);
}

int residual_table(struct residual *r, const long *table, size_t n)
{
    size_t k = 0;
    while (k < r->n_tables && (r->tables[k].n != n || memcmp(r->tables[k].v, table, n * sizeof *table) != 0))
        k++;
    if (k < r->n_tables)
        return (int)k;
    void *grown = mem_grow(r->tables, &r->room_tables, k + 1, sizeof *r->tables);
    long *v = mem_array(n + 1, sizeof *v), lo = LONG_MAX, hi = LONG_MIN;
    if (grown)
        r->tables = grown;
    if (!grown || !v) {
        free(v);
        return residual_fail(r, STATUS_MEMORY);
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = table[i];
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    r->tables[k].v = v;
    r->tables[k].n = n;
    r->tables[k].lo = lo;
    r->tables[k].hi = hi;
    return (int)r->n_tables++;
}
