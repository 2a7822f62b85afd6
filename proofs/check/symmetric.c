/* see symmetric.h: the domain, the certificate's lines, and how many bindings one stands for. What the claim may be is in symmetric_claim.c and exchange_claim.c. */
#include "symmetric.h"
#include "symmetric_claim.h"
#include <string.h>

#define DOMAIN_MOST ((uint64_t)1 << 55)

static bool is_finite(const struct stmt *s, const struct ex *set) { return (set->kind == EX_RANGE || set->kind == EX_LIST) && stmt_closed(s, set) && !set->network; }

static bool contains(const int64_t *v, size_t n, int64_t x) {
    for (size_t i = 0; i < n; i++)
        if (v[i] == x) return true;
    return false;
}

/* The elements of a set are different ones, so that equal numbers of them and inclusion make two sets equal. */
static bool same_sets(const struct product *p, const uint32_t *at, uint32_t n) {
    for (uint32_t i = 1; i < n && !p->shared; i++) {
        if (p->size[at[i]] != p->size[at[0]]) return false;
        for (size_t k = 0; k < p->size[at[0]]; k++)
            if (!contains(p->v[at[i]], p->size[at[i]], p->v[at[0]][k])) return false;
    }
    return true;
}

static bool times(uint64_t *domain, size_t n) {
    unsigned __int128 d = (unsigned __int128)*domain * n;
    *domain = d > DOMAIN_MOST ? DOMAIN_MOST + 1 : (uint64_t)d;
    return d <= DOMAIN_MOST;
}

static const char *word_of(const struct certificate *c) { return c->symmetric_line > 0 ? "symmetric" : "exchangeable"; }

/* Sets of the other binders, and of the one over sequences, which stays in d. */
static bool read_domain(struct domain *d, const struct certificate *c, struct eval *e, const struct binds *b, struct fail *f) {
    const char *word = word_of(c);
    bool empty = false, small = true;
    *d = (struct domain){.slot = -1, .size = 1};
    for (int i = 0; i < b->n; i++) {
        const struct ex *set = b->b[i].set;
        bool tokens = set->kind == EX_TOKENS || set->kind == EX_PRODUCT;
        if (tokens && d->slot >= 0) return fail_at(f, 0, "%s: two variables are sequences", word);
        for (int k = 0; tokens && k < set->n; k++)
            if (!is_finite(e->s, set->k[k])) return fail_at(f, 0, "%s: a token set that is no a..b or {...} by itself", word);
        if (!tokens && !is_finite(e->s, set)) return fail_at(f, 0, "%s: a set that is no a..b or {...} by itself", word);
        if (!tokens) {
            int64_t *v;
            size_t n;
            if (!eval_set_values(e, set, &v, &n)) return fail_at(f, 0, "%s", e->fail.text);
            mem_free(v);
            empty = empty || n == 0;
            small = times(&d->size, n) && small;
            continue;
        }
        if (!product_init(e, &d->p, set)) return fail_at(f, 0, "%s", e->fail.text);
        d->slot = b->b[i].slot;
        for (uint32_t k = 0; k < d->p.n; k++) {
            empty = empty || d->p.size[k] == 0;
            small = times(&d->size, d->p.size[k]) && small;
        }
    }
    if (empty) d->size = 0;
    if (d->slot < 0) return fail_at(f, 0, "%s: no variable is a sequence", word);
    return empty || small ? true : fail_at(f, 0, "%s: more than 2^55 bindings", word);
}

static struct ex *make(struct arena *a, enum ex_kind kind, int n) {
    struct ex *x = arena_get(a, 1, sizeof *x);
    *x = (struct ex){.kind = kind, .n = n, .k = arena_get(a, (size_t)n + 1, sizeof *x->k)};
    return x;
}

static struct ex *token_at(struct arena *a, int slot, uint32_t i) {
    struct ex *x = make(a, EX_INDEX, 2);
    x->k[0] = make(a, EX_VAR, 0);
    x->k[0]->number = slot;
    x->k[1] = make(a, EX_LIT, 0);
    x->k[1]->lit = lit_new(a);
    num_set_int(x->k[1]->lit, i);
    return x;
}

/* t[I] <= t[J] and ... and the condition: for leaving out beginnings of sequences (prune.h), it is not evaluated */
static const struct ex *in_order(struct arena *a, const struct symmetry *y, const struct ex *where) {
    if (y->n == 0) return where;
    struct ex *all = make(a, EX_AND, (int)y->n - (where == NULL));
    for (uint32_t i = 0; i + 1 < y->n; i++) {
        struct ex *x = all->k[i] = make(a, EX_CMP, 2);
        x->k[0] = token_at(a, y->slot, y->at[i]);
        x->k[1] = token_at(a, y->slot, y->at[i + 1]);
        x->ops = arena_get(a, 2, 1);
        x->ops[0] = CMP_LE;
    }
    if (where != NULL) all->k[y->n - 1] = (struct ex *)(uintptr_t)where;
    return all;
}

static bool check_positions(const struct symmetry *y, const struct certificate *c, struct eval *e, const struct domain *d, const struct ex *where, const struct ex *predicate, struct fail *f) {
    if (y->n == 0) return true;
    struct claim_walk w = {.e = e, .at = y->at, .n_at = y->n, .slot = y->slot, .len = y->len};
    bool good = d->p.n > y->at[y->n - 1] && same_sets(&d->p, y->at, y->n) ? true : fail_at(f, 0, "symmetric: the token sets of these positions are not the same");
    good = good && ((claim_symmetric(&w, where) && claim_symmetric(&w, predicate)) || fail_at(f, 0, "symmetric: %s", e->fail.set ? e->fail.text : w.why));
    if (!good) f->line = c->symmetric_line;
    return good;
}

bool symmetry_check(struct symmetry *y, const struct certificate *c, struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, struct fail *f) {
    struct domain d;
    struct arena *a = (struct arena *)(uintptr_t)&e->s->arena;
    *y = (struct symmetry){.at = c->symmetric, .n = c->n_symmetric, .binds = b};
    e->fail.set = false;
    e->p = precision[0];
    bool good = read_domain(&d, c, e, b, f);
    if (!good) f->line = c->symmetric_line > 0 ? c->symmetric_line : c->classes[0].line;
    y->slot = d.slot;
    y->len = d.p.n;
    y->domain = d.size;
    good = good && check_positions(y, c, e, &d, where, predicate, f);
    if (good && c->n_classes > 0) good = exchange_read(y, c, &d, a, f) && exchange_check(y, c, e, b, &d, where, predicate, f);
    if (good && c->n_classes > 0) y->binds = exchange_binds(y, b, &d, a);
    if (good) y->where = in_order(a, y, where);
    product_clear(&d.p);
    eval_reset(e);
    return good;
}

/* Sequences with other members of the classes. At most their number, 2^55, with the orders. */
static uint64_t others(const struct symmetry *y, const int64_t *t) {
    uint64_t ways = 1;
    for (uint32_t i = 0; y->members != NULL && i < y->len; i++)
        for (size_t k = 0; k < y->members[i].n; k++)
            if (y->members[i].of[k].v[0] == t[i]) ways *= y->members[i].of[k].n;
    return ways;
}

/* The multinomial coefficient, as a product of binomial ones, for the orders; it is at most the number of sequences, 2^55. */
uint64_t symmetry_weight(const struct symmetry *y, const struct eval *e) {
    const int64_t *t = e->env[y->slot].s;
    unsigned __int128 ways = 1;
    uint32_t same = 1;
    for (uint32_t i = 1; i < y->n; i++) {
        if (t[y->at[i]] < t[y->at[i - 1]]) return 0;
        same = t[y->at[i]] == t[y->at[i - 1]] ? same + 1 : 1;
        ways = ways * (i + 1) / same;
    }
    return (uint64_t)ways * others(y, t);
}
