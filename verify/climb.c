/* Coordinate ascent: from the inputs that come nearest, one integer or token at a time to the value that brings the claim nearer to what is looked for, then two tokens of a
 * sequence exchanged, until nothing helps. After that from inputs near the best ends, some coordinates of which are changed, and from other random ones. Values are those that random inputs had there: sets that do not depend on each other form a product, so that any mixture of them is an input. */
#include "verify/search.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"

#define STARTS 12
#define TRIES 60000

struct start { double miss; struct binding at; };
struct values { int *v; size_t n, room; };
struct climb {
    struct target t;
    struct start starts[STARTS]; size_t n_starts;
    struct values *pool; size_t n_pool;   /* by coordinate: integers and tokens, binder after binder */
    unsigned long tried, most;
    uint64_t random;
};

enum status climb_new(struct climb **out, const struct target *t)
{
    *out = mem_array(1, sizeof **out);
    if (!*out)
        return STATUS_MEMORY;
    (*out)->t = *t;
    (*out)->most = TRIES;
    return STATUS_OK;
}

void climb_free(struct climb *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_starts; i++)
        binding_clear(&c->starts[i].at);
    for (size_t i = 0; i < c->n_pool; i++)
        free(c->pool[i].v);
    free(c->pool);
    free(c);
}

/* Sets that are products of sets of numbers, none of which reads a variable. */
static bool is_product(const struct binds *b)
{
    for (size_t i = 0; i < b->n; i++) {
        enum form form = b->items[i].set->form;
        if (form != FORM_RANGE && form != FORM_LIST && form != FORM_TOKENS_POWER && form != FORM_TOKENS_PRODUCT)
            return false;
        for (size_t k = 0; k < i; k++)
            if (expr_uses_slot(b->items[i].set, b->items[k].slot))
                return false;
    }
    return b->n > 0;
}

/* By how much what is bound misses: the slack of a claim that is to fail, less the slack of one that is to hold. */
static enum status miss_of(double *out, struct climb *c, struct tiers *tiers, struct diag *d)
{
    double mid, rad;
    enum status s = interp_slack_double(&mid, &rad, tiers_fast(tiers), c->t.subject, d);
    *out = INFINITY;
    if (s == STATUS_OK && mid == mid)
        *out = c->t.wanted == TRUTH_FALSE ? mid : -mid;
    return s;
}

static bool has(const struct values *l, int v)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i] == v)
            return true;
    return false;
}

static enum status remember(struct climb *c, const struct binding *b)
{
    size_t at = 0, n = 0;
    for (size_t i = 0; i < b->n_parts; i++)
        n += b->parts[i].n;
    if (!c->pool && !(c->pool = mem_array(n, sizeof *c->pool)))
        return STATUS_MEMORY;
    c->n_pool = n;
    for (size_t i = 0; i < b->n_parts; i++)
        for (size_t k = 0; k < b->parts[i].n; k++, at++) {
            struct values *l = &c->pool[at];
            if (l->n >= 4096 || has(l, b->parts[i].tokens[k]))
                continue;
            int *v = mem_grow(l->v, &l->room, l->n + 1, sizeof *v);
            if (!v)
                return STATUS_MEMORY;
            l->v = v;
            v[l->n++] = b->parts[i].tokens[k];
        }
    return STATUS_OK;
}

enum status climb_see(struct climb *c, struct tiers *tiers, struct diag *d)
{
    double miss;
    struct binding b = { 0 };
    if (!is_product(c->t.binds))
        return STATUS_OK;
    enum status s = miss_of(&miss, c, tiers, d);
    if (s == STATUS_UNSUPPORTED)
        return STATUS_OK;                 /* a claim without a slack: random inputs only */
    if (s == STATUS_OK)
        s = binding_read(&b, c->t.binds, tiers_fast(tiers));
    if (s == STATUS_OK)
        s = remember(c, &b);
    size_t worst = c->n_starts;
    if (s == STATUS_OK && c->n_starts == STARTS) {
        worst = 0;
        for (size_t i = 1; i < STARTS; i++)
            if (c->starts[i].miss > c->starts[worst].miss)
                worst = i;
    }
    if (s != STATUS_OK || (c->n_starts == STARTS && !(miss < c->starts[worst].miss))) {
        binding_clear(&b);
        return s;
    }
    if (worst == c->n_starts)
        c->n_starts++;
    else
        binding_clear(&c->starts[worst].at);
    c->starts[worst] = (struct start){ miss, b };
    return STATUS_OK;
}

/* The miss of b, infinite where the condition is not true; *found when it is what is looked for. */
static enum status try_binding(double *miss, bool *found, struct climb *c, struct tiers *tiers, const struct binding *b, struct diag *d)
{
    enum truth truth = TRUTH_TRUE;
    *miss = INFINITY;
    c->tried++;
    binding_bind(tiers_fast(tiers), c->t.binds, b);
    enum status s = c->t.where ? tiers_truth(&truth, tiers, c->t.where, d) : STATUS_OK;
    if (s != STATUS_OK || truth != TRUTH_TRUE)
        return s;
    s = miss_of(miss, c, tiers, d);
    if (s != STATUS_OK || *miss > 0)
        return s;
    s = tiers_truth(&truth, tiers, c->t.subject, d);
    *found = s == STATUS_OK && truth == c->t.wanted;
    return s;
}

static bool is_over(const struct climb *c, const struct limits *l, enum status s, bool found)
{
    return s != STATUS_OK || found || c->tried >= c->most || (c->tried % 64 == 0 && limits_expired(l));
}

/* One coordinate to its best value; *better when that helped. */
static enum status move_one(bool *better, bool *found, struct climb *c, struct tiers *tiers, struct start *x, int *token, const struct values *pool, const struct limits *l, struct diag *d)
{
    int best = *token;
    enum status s = STATUS_OK;
    for (size_t k = 0; k < pool->n && !is_over(c, l, s, *found); k++) {
        double miss;
        if (pool->v[k] == best)
            continue;
        *token = pool->v[k];
        s = try_binding(&miss, found, c, tiers, &x->at, d);
        if (s == STATUS_OK && (miss < x->miss || *found)) {
            x->miss = miss;
            best = *token;
            *better = true;
        }
    }
    *token = best;
    return s;
}

/* Exchanges of two tokens of one sequence: they keep conditions such as distinct(t). */
static enum status exchange(bool *better, bool *found, struct climb *c, struct tiers *tiers, struct start *x, int *tokens, size_t n, const struct values *pool, const struct limits *l, struct diag *d)
{
    enum status s = STATUS_OK;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i && !is_over(c, l, s, *found); k++) {
            double miss;
            int a = tokens[i], b = tokens[k];
            if (a == b || !has(&pool[i], b) || !has(&pool[k], a))
                continue;
            tokens[i] = b;
            tokens[k] = a;
            s = try_binding(&miss, found, c, tiers, &x->at, d);
            if (s == STATUS_OK && (miss < x->miss || *found)) {
                x->miss = miss;
                *better = true;
            } else {
                tokens[i] = a;
                tokens[k] = b;
            }
        }
    return s;
}

static enum status climb_from(bool *found, struct climb *c, struct tiers *tiers, struct start *x, const struct limits *l, struct diag *d)
{
    enum status s = STATUS_OK;
    for (bool better = true; better && !is_over(c, l, s, *found);) {
        better = false;
        size_t at = 0;
        for (size_t i = 0; i < x->at.n_parts; i++)
            for (size_t k = 0; k < x->at.parts[i].n; k++, at++)
                if (!is_over(c, l, s, *found))
                    s = move_one(&better, found, c, tiers, x, &x->at.parts[i].tokens[k], &c->pool[at], l, d);
        at = 0;
        for (size_t i = 0; i < x->at.n_parts; at += x->at.parts[i].n, i++)
            if (!better && !is_over(c, l, s, *found))
                s = exchange(&better, found, c, tiers, x, x->at.parts[i].tokens, x->at.parts[i].n, &c->pool[at], l, d);
    }
    return s;
}

static int nearest(const void *a, const void *b)
{
    const struct start *x = a, *y = b;
    return (x->miss > y->miss) - (x->miss < y->miss);
}

enum status climb_run(bool *found, unsigned long *tried, struct climb *c, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    enum status s = STATUS_OK;
    *found = false;
    qsort(c->starts, c->n_starts, sizeof *c->starts, nearest);
    for (size_t i = 0; i < c->n_starts && !is_over(c, l, s, *found); i++) {
        s = climb_from(found, c, tiers, &c->starts[i], l, d);
        if (*found)
            binding_bind(tiers_fast(tiers), c->t.binds, &c->starts[i].at);
    }
    *tried += c->tried;
    return s;
}

static size_t draw(struct climb *c, size_t n)
{
    c->random = c->random * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((c->random >> 33) % n);
}

/* Some coordinates, or all, take values that they had before. */
static void shake(struct climb *c, struct binding *b, bool all)
{
    size_t changes = 1 + draw(c, c->n_pool / 2 + 1), at = 0;
    for (size_t i = 0; i < b->n_parts; i++)
        for (size_t k = 0; k < b->parts[i].n; k++, at++)
            if (c->pool[at].n > 0 && (all || draw(c, c->n_pool) < changes))
                b->parts[i].tokens[k] = c->pool[at].v[draw(c, c->pool[at].n)];
}

/* The best of a few inputs that are shaken from `from`, climbed from; takes its place among the starts when it ends nearer than `place`. */
static enum status climb_again(bool *found, struct climb *c, struct tiers *tiers, size_t from, bool all, size_t place, const struct limits *l, struct diag *d)
{
    struct start best = { INFINITY, { 0 } };
    enum status s = STATUS_OK;
    for (size_t k = 0; k < (all ? 16 : 1) && s == STATUS_OK && !*found; k++) {
        struct start x = { INFINITY, { 0 } };
        s = binding_copy(&x.at, &c->starts[from].at);
        if (s == STATUS_OK)
            shake(c, &x.at, all);
        if (s == STATUS_OK)
            s = try_binding(&x.miss, found, c, tiers, &x.at, d);
        if (k == 0 || *found || x.miss < best.miss) {
            binding_clear(&best.at);
            best = x;
        } else
            binding_clear(&x.at);
    }
    if (s == STATUS_OK && !*found)
        s = climb_from(found, c, tiers, &best, l, d);
    if (*found)
        binding_bind(tiers_fast(tiers), c->t.binds, &best.at);
    if (best.miss < c->starts[place].miss) {
        binding_clear(&c->starts[place].at);
        c->starts[place] = best;
    } else
        binding_clear(&best.at);
    return s;
}

enum status climb_on(bool *found, unsigned long *tried, struct climb *c, struct tiers *tiers, unsigned long more, const struct limits *l, struct diag *d)
{
    enum status s = STATUS_OK;
    unsigned long before = c->tried;
    *found = false;
    c->most = c->tried + more;
    c->random = l ? l->seed + 1 : 1;
    for (size_t round = 0; c->n_starts > 0 && !is_over(c, l, s, *found); round++) {
        if (round % (2 * STARTS) == 0)
            qsort(c->starts, c->n_starts, sizeof *c->starts, nearest);
        bool all = round % 4 == 3;
        size_t from = all ? c->n_starts - 1 : draw(c, c->n_starts < 4 ? c->n_starts : 4);
        s = climb_again(found, c, tiers, from, all, from, l, d);
    }
    *tried += c->tried - before;
    return s;
}
