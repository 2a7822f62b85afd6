/* Terms in normal form, and what a token makes of them. */
#include "verify/residual.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "verify/residual_terms.h"

static bool is_const(const struct residual *r, int a) { return r->terms[a].op == REST_CONST; }

/* ---- sums, maxima, minima, and, or: lists ---- */

static int ascending(const void *a, const void *b)
{
    int x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

struct list { int *items; size_t n, room; };

static bool push(struct list *l, int a)
{
    int *items = mem_grow(l->items, &l->room, l->n + 1, sizeof *items);
    if (!items)
        return false;
    l->items = items;
    items[l->n++] = a;
    return true;
}

/* The arguments, those of the same operation taken apart (their arguments are of others). A maximum that may be one of nothing stays whole: beside a number it would
 * be passed over. */
static bool gather(const struct residual *r, enum rest_op op, const int *args, size_t n, struct list *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct rest *t = &r->terms[args[i]];
        bool parts = t->op == op && !(t->errs && (op == REST_MAX || op == REST_MIN));
        if (!parts && !push(out, args[i]))
            return false;
        for (size_t k = 0; parts && k < t->n; k++)
            if (!push(out, r->args[t->first + k]))
                return false;
    }
    return true;
}

static void unique(struct list *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (i == 0 || l->items[i] != l->items[i - 1])
            l->items[kept++] = l->items[i];
    l->n = kept;
}

/* Takes the constants out of the list; false: a sum that long does not hold. */
static bool take_constants(struct residual *r, enum rest_op op, struct list *l, long *c, bool *any)
{
    size_t kept = 0;
    *any = false;
    *c = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct rest *t = &r->terms[l->items[i]];
        if (t->op != REST_CONST) {
            l->items[kept++] = l->items[i];
            continue;
        }
        if (op == REST_ADD && __builtin_add_overflow(*c, t->value, c))
            return false;
        if (op == REST_MAX)
            *c = !*any || t->value > *c ? t->value : *c;
        if (op == REST_MIN)
            *c = !*any || t->value < *c ? t->value : *c;
        *any = true;
    }
    l->n = kept;
    return true;
}

static int normal_add(struct residual *r, struct list *l)
{
    long c;
    bool any;
    if (!take_constants(r, REST_ADD, l, &c, &any))
        return residual_fail(r, STATUS_LIMIT);
    if (l->n == 0)
        return rest_const(r, c);
    if (l->n == 1 && c == 0)
        return l->items[0];
    qsort(l->items, l->n, sizeof *l->items, ascending);
    if (c != 0 && !push(l, rest_const(r, c)))
        return residual_fail(r, STATUS_MEMORY);
    return l->items[l->n - 1] == REST_NONE ? REST_NONE : residual_keep(r, REST_ADD, 0, l->items, l->n);
}

static int normal_extreme(struct residual *r, enum rest_op op, struct list *l)
{
    long c;
    bool any, max = op == REST_MAX;
    size_t kept = 0;
    if (!take_constants(r, op, l, &c, &any))
        return residual_fail(r, STATUS_LIMIT);
    for (size_t i = 0; i < l->n; i++) {
        const struct rest *t = &r->terms[l->items[i]];
        bool idle = any && !t->errs && (max ? t->hi <= c : t->lo >= c);
        if (t->op != REST_NOTHING && !idle)
            l->items[kept++] = l->items[i];
    }
    l->n = kept;
    if (l->n == 0)
        return any ? rest_const(r, c) : ID_ERROR;
    qsort(l->items, l->n, sizeof *l->items, ascending);
    unique(l);
    if (any && !push(l, rest_const(r, c)))
        return residual_fail(r, STATUS_MEMORY);
    if (l->items[l->n - 1] == REST_NONE)
        return REST_NONE;
    return l->n == 1 && r->terms[l->items[0]].op != REST_IF ? l->items[0] : residual_keep(r, op, 0, l->items, l->n);
}

static int normal_logic(struct residual *r, enum rest_op op, struct list *l)
{
    int settles = op == REST_AND ? ID_FALSE : ID_TRUE;
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->items[i] == settles)
            return settles;
        if (!is_const(r, l->items[i]))
            l->items[kept++] = l->items[i];
    }
    l->n = kept;
    if (l->n == 0)
        return op == REST_AND ? ID_TRUE : ID_FALSE;
    qsort(l->items, l->n, sizeof *l->items, ascending);
    unique(l);
    return l->n == 1 ? l->items[0] : residual_keep(r, op, 0, l->items, l->n);
}

/* The one of a rank among the arguments: known ones that cannot be it are left out. */
static int normal_rank(struct residual *r, long rank, struct list *l)
{
    size_t known = 0, n = l->n;
    if (rank < 0 || (size_t)rank >= n)
        return ID_ERROR;
    for (size_t i = 0; i < n; i++)           /* known ones to the front, ascending */
        if (is_const(r, l->items[i])) {
            int swap = l->items[i];
            for (size_t k = i; k > known; k--)
                l->items[k] = l->items[k - 1];
            size_t k = known++;
            for (; k > 0 && r->terms[l->items[k - 1]].value > r->terms[swap].value; k--)
                l->items[k] = l->items[k - 1];
            l->items[k] = swap;
        }
    size_t above = n - 1 - (size_t)rank, from = known > above + 1 ? known - above - 1 : 0, to = known < (size_t)rank + 1 ? known : (size_t)rank + 1;
    if (known == n)
        return l->items[rank];
    memmove(l->items, l->items + from, (to - from) * sizeof *l->items);
    memmove(l->items + to - from, l->items + known, (n - known) * sizeof *l->items);
    l->n = to - from + n - known;
    qsort(l->items + to - from, n - known, sizeof *l->items, ascending);
    return residual_keep(r, REST_RANK, rank - (long)from, l->items, l->n);
}

static int normal_list(struct residual *r, enum rest_op op, long value, const int *args, size_t n)
{
    struct list l = { 0 };
    int out = REST_NONE;
    for (size_t i = 0; i < n; i++)
        if (args[i] == ID_ERROR)
            return ID_ERROR;
    if (!gather(r, op == REST_RANK ? REST_ERROR : op, args, n, &l))
        residual_fail(r, STATUS_MEMORY);
    else if (op == REST_ADD)
        out = normal_add(r, &l);
    else if (op == REST_RANK)
        out = normal_rank(r, value, &l);
    else
        out = op == REST_AND || op == REST_OR ? normal_logic(r, op, &l) : normal_extreme(r, op, &l);
    free(l.items);
    return out;
}

/* ---- the others ---- */

/* Of a token, or of one of some: may it be v? */
static bool holds(const struct residual *r, const struct rest *x, long v)
{
    size_t position = (size_t)x->value, n = x->op == REST_SOME ? r->n_some[position] : r->n_set[position];
    const int *set = x->op == REST_SOME ? r->some[position] : r->sets[position];
    for (size_t k = 0; k < n; k++)
        if (set[k] == v)
            return true;
    return false;
}

/* A choice between a known value and another: the comparison goes into it. */
static bool chooses_known(const struct residual *r, const struct rest *t) { return t->op == REST_IF && (is_const(r, r->args[t->first + 1]) || is_const(r, r->args[t->first + 2])); }

static int normal_eq(struct residual *r, int a, int b)
{
    if (a == ID_ERROR || b == ID_ERROR)
        return ID_ERROR;
    const struct rest *x = &r->terms[a], *y = &r->terms[b];
    if (a == b && !x->errs)
        return ID_TRUE;
    if ((is_const(r, a) && is_const(r, b)) || (!x->errs && !y->errs && (x->hi < y->lo || y->hi < x->lo || (x->masked && y->masked && (x->mask & y->mask) == 0))))
        return ID_FALSE;
    if (is_const(r, a)) {
        int swap = a;
        a = b;
        b = swap;
        x = &r->terms[a];
        y = &r->terms[b];
    }
    if (is_const(r, b) && (x->op == REST_TOKEN || x->op == REST_SOME) && !holds(r, x, y->value))
        return ID_FALSE;
    if (is_const(r, b) && chooses_known(r, x)) {
        const int *of = r->args + x->first, c = of[0], one = of[1], other = of[2];
        return rest_if(r, c, rest_two(r, REST_EQ, one, b), rest_two(r, REST_EQ, other, b));
    }
    int args[2] = { a < b ? a : b, a < b ? b : a };
    return residual_keep(r, REST_EQ, 0, args, 2);
}

/* A constant part of a sum beside a constant goes to the other side. */
static void move_constant(struct residual *r, int *sum, int *constant)
{
    const struct rest t = r->terms[*sum];
    long left;
    int last = t.op == REST_ADD ? r->args[t.first + t.n - 1] : REST_NONE;
    if (last == REST_NONE || !is_const(r, last) || !is_const(r, *constant) || __builtin_sub_overflow(r->terms[*constant].value, r->terms[last].value, &left))
        return;
    *constant = rest_const(r, left);
    *sum = rest_make(r, REST_ADD, 0, r->args + t.first, t.n - 1);
}

static int normal_less(struct residual *r, int a, int b)
{
    if (a == ID_ERROR || b == ID_ERROR)
        return ID_ERROR;
    move_constant(r, &a, &b);
    if (a != REST_NONE && b != REST_NONE)
        move_constant(r, &b, &a);
    if (a == REST_NONE || b == REST_NONE)
        return REST_NONE;
    const struct rest *x = &r->terms[a], *y = &r->terms[b];
    if (!x->errs && !y->errs && x->hi < y->lo)
        return ID_TRUE;
    if (!x->errs && !y->errs && (a == b || x->lo >= y->hi))
        return ID_FALSE;
    int args[2] = { a, b };
    return residual_keep(r, REST_LESS, 0, args, 2);
}

static int normal_mul(struct residual *r, int a, int b)
{
    long v;
    if (a == ID_ERROR || b == ID_ERROR)
        return ID_ERROR;
    if (is_const(r, a) && is_const(r, b))
        return __builtin_mul_overflow(r->terms[a].value, r->terms[b].value, &v) ? residual_fail(r, STATUS_LIMIT) : rest_const(r, v);
    if (a == ID_TRUE)
        return b;
    if (b == ID_TRUE)
        return a;
    if ((a == ID_FALSE && !r->terms[b].errs) || (b == ID_FALSE && !r->terms[a].errs))
        return ID_FALSE;
    int args[2] = { a < b ? a : b, a < b ? b : a };
    return residual_keep(r, REST_MUL, 0, args, 2);
}

static long remainder_of(long v, long by) { return v % by < 0 ? v % by + by : v % by; }

static int normal_mod(struct residual *r, long by, int a)
{
    if (a == ID_ERROR)
        return ID_ERROR;
    const struct rest t = r->terms[a];
    if (t.op == REST_CONST)
        return rest_const(r, remainder_of(t.value, by));
    if (!t.errs && t.lo >= 0 && t.hi < by)
        return a;
    int last = t.op == REST_ADD ? r->args[t.first + t.n - 1] : REST_NONE;
    if (last != REST_NONE && is_const(r, last) && (r->terms[last].value < 0 || r->terms[last].value >= by)) {
        long c = r->terms[last].value, change;
        if (__builtin_sub_overflow(remainder_of(c, by), c, &change))
            return residual_fail(r, STATUS_LIMIT);
        a = rest_two(r, REST_ADD, a, rest_const(r, change));
        if (a == REST_NONE)
            return REST_NONE;
    }
    return residual_keep(r, REST_MOD, by, &a, 1);
}

bool rest_is_false(int a) { return a == ID_FALSE; }

int rest_not(struct residual *r, int a)
{
    if (a == REST_NONE || a == ID_ERROR)
        return a;
    if (is_const(r, a))
        return a == ID_FALSE ? ID_TRUE : ID_FALSE;
    if (r->terms[a].op == REST_NOT)
        return r->args[r->terms[a].first];
    return residual_keep(r, REST_NOT, 0, &a, 1);
}

int rest_if(struct residual *r, int c, int x, int y)
{
    if (c == REST_NONE || x == REST_NONE || y == REST_NONE)
        return REST_NONE;
    if (c == ID_ERROR)
        return ID_ERROR;
    if (is_const(r, c))
        return c == ID_FALSE ? y : x;
    if (x == y && !r->terms[c].errs)
        return x;
    if (x == ID_TRUE && y == ID_FALSE)
        return c;
    if (x == ID_FALSE && y == ID_TRUE)
        return rest_not(r, c);
    int args[3] = { c, x, y };
    return residual_keep(r, REST_IF, 0, args, 3);
}

int rest_then(struct residual *r, bool and, int a, int b)
{
    if (a == REST_NONE || b == REST_NONE)
        return REST_NONE;
    if (!r->terms[a].errs && !r->terms[b].errs)
        return rest_two(r, and ? REST_AND : REST_OR, a, b);
    return and ? rest_if(r, a, b, ID_FALSE) : rest_if(r, a, ID_TRUE, b);
}

/* Entries that the index cannot name are REST_NOTHING; value 1: it can leave the list. */
static int normal_at(struct residual *r, const int *args, size_t n)
{
    const struct rest index = r->terms[args[0]];
    if (args[0] == ID_ERROR)
        return ID_ERROR;
    if (index.op == REST_CONST)
        return index.value < 0 || (size_t)index.value >= n - 1 ? ID_ERROR : args[1 + index.value];
    int *items = mem_array(n, sizeof *items);
    if (!items)
        return residual_fail(r, STATUS_MEMORY);
    int only = REST_NONE;
    bool same = !index.errs && index.lo >= 0 && index.hi < (long)n - 1;
    items[0] = args[0];
    for (size_t i = 1; i < n; i++) {
        long at = (long)i - 1;
        bool can = at >= index.lo && at <= index.hi && (!index.masked || (index.mask >> at & 1));
        items[i] = can ? args[i] : ID_NOTHING;
        if (can && only == REST_NONE)
            only = args[i];
        same = same && (!can || args[i] == only);
    }
    int out = same && only != REST_NONE ? only : residual_keep(r, REST_AT, index.lo < 0 || index.hi >= (long)n - 1, items, n);
    free(items);
    return out;
}

static int normal_table(struct residual *r, long table, int index)
{
    size_t n = r->tables[table].n;
    const struct rest t = r->terms[index];
    if (index == ID_ERROR)
        return ID_ERROR;
    if (t.op == REST_CONST)
        return t.value < 0 || (size_t)t.value >= n ? ID_ERROR : rest_const(r, r->tables[table].v[t.value]);
    return residual_keep(r, REST_TABLE, table, &index, 1);
}

int rest_lookup(struct residual *r, int index, const long *table, size_t n)
{
    int k = index == REST_NONE ? REST_NONE : residual_table(r, table, n);
    return k == REST_NONE ? REST_NONE : normal_table(r, k, index);
}

int rest_make(struct residual *r, enum rest_op op, long value, const int *args, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (args[i] == REST_NONE)
            return REST_NONE;
    if (!residual_basics(r))
        return REST_NONE;
    switch (op) {
    case REST_ADD: case REST_MAX: case REST_MIN: case REST_AND: case REST_OR: case REST_RANK: return normal_list(r, op, value, args, n);
    case REST_MUL: return normal_mul(r, args[0], args[1]);
    case REST_MOD: return normal_mod(r, value, args[0]);
    case REST_EQ: return normal_eq(r, args[0], args[1]);
    case REST_LESS: return normal_less(r, args[0], args[1]);
    case REST_NOT: return rest_not(r, args[0]);
    case REST_IF: return rest_if(r, args[0], args[1], args[2]);
    case REST_AT: return normal_at(r, args, n);
    case REST_TABLE: return normal_table(r, value, args[0]);
    case REST_CONST: return rest_const(r, value);
    case REST_TOKEN: return rest_token(r, (size_t)value);
    default: return op == REST_NOTHING ? ID_NOTHING : ID_ERROR;
    }
}

int rest_two(struct residual *r, enum rest_op op, int a, int b)
{
    int args[2] = { a, b };
    return rest_make(r, op, 0, args, 2);
}

/* ---- a token ---- */

#define ARGS_HERE 8
#define SOME SIZE_MAX        /* in place of a token's number: it stays unknown */

static enum status know(struct residual *r, int term, int to)
{
    if ((size_t)term >= r->room_steps) {
        struct rest_step *steps = mem_grow(r->steps, &r->room_steps, 2 * r->n + 64, sizeof *steps);
        if (!steps)
            return STATUS_MEMORY;
        r->steps = steps;
    }
    r->steps[term] = (struct rest_step){ r->mark, to };
    return STATUS_OK;
}

static int step(struct residual *r, int term, size_t i, size_t k);

/* Of a choice that the token settles the other branch is not looked at. */
static void step_args(int *args, struct residual *r, const struct rest *t, size_t i, size_t k)
{
    bool settled = false;
    for (size_t a = 0; a < t->n; a++) {
        bool wanted = !settled || (a == 1) == (args[0] != ID_FALSE);
        args[a] = wanted ? step(r, r->args[t->first + a], i, k) : ID_NOTHING;
        settled |= t->op == REST_IF && a == 0 && args[0] != REST_NONE && is_const(r, args[0]);
    }
}

static int step(struct residual *r, int term, size_t i, size_t k)
{
    const struct rest t = r->terms[term];
    if (t.low > i)
        return term;
    if (t.op == REST_TOKEN)
        return k == SOME ? residual_keep(r, REST_SOME, (long)i, NULL, 0) : rest_const(r, r->sets[i][k]);
    if ((size_t)term < r->room_steps && r->steps[term].mark == r->mark)
        return r->steps[term].to;
    int here[ARGS_HERE] = { 0 }, *args = t.n <= ARGS_HERE ? here : mem_array(t.n, sizeof *args);
    if (!args)
        return residual_fail(r, STATUS_MEMORY);
    step_args(args, r, &t, i, k);
    int out = rest_make(r, t.op, t.value, args, t.n);
    if (args != here)
        free(args);
    if (out == REST_NONE)
        return REST_NONE;
    return know(r, term, out) == STATUS_OK ? out : residual_fail(r, STATUS_MEMORY);
}

int residual_step(struct residual *r, int term, size_t i, size_t k)
{
    if (r->at != i || r->token != k) {
        r->at = i;
        r->token = k;
        if (++r->mark == 0) {        /* marks of long ago are not of now */
            if (r->room_steps)
                memset(r->steps, 0, r->room_steps * sizeof *r->steps);
            r->mark = 1;
        }
    }
    return step(r, term, i, k);
}

int residual_step_some(struct residual *r, int term, size_t i) { return residual_step(r, term, i, SOME); }

bool residual_may_be(const struct residual *r, int term, long v)
{
    const struct rest *t = &r->terms[term];
    return t->op != REST_ERROR && v >= t->lo && v <= t->hi && (!t->masked || (v >= 0 && v < 64 && (t->mask >> v & 1)));
}

enum status residual_copy(struct residual *out, const struct residual *from, int term)
{
    residual_init(out, from->sets, from->n_set, from->n_positions);
    for (size_t i = 0; i < from->n_tables; i++)
        if (residual_table(out, from->tables[i].v, from->tables[i].n) != (int)i)
            return out->failed;
    for (int t = 0; t <= term; t++) {
        const struct rest *x = &from->terms[t];
        if (residual_keep(out, x->op, x->value, from->args + x->first, x->n) != t)
            return out->failed;
    }
    return STATUS_OK;
}
