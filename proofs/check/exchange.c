/* The lines `exchangeable` of a certificate (FORMAT.md §3, Exchangeable tokens): the members of their classes at every position, and the binders without all but the least of them. */
#include "symmetric.h"

static bool contains(const int64_t *v, size_t n, int64_t x) {
    for (size_t i = 0; i < n; i++)
        if (v[i] == x) return true;
    return false;
}

static bool has(const uint32_t *v, uint32_t n, uint32_t x) { /* they rise */
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (v[mid] == x) return true;
        if (v[mid] < x) lo = mid + 1;
        else hi = mid;
    }
    return false;
}

/* Is a token of the class in an earlier one of this position? */
static bool given_twice(const struct certificate *c, size_t line, uint32_t position) {
    const struct token_class *k = &c->classes[line];
    for (size_t i = 0; i < line; i++) {
        if (!has(c->classes[i].at, c->classes[i].n_at, position)) continue;
        for (uint32_t j = 0; j < k->n; j++)
            if (has(c->classes[i].token, c->classes[i].n, k->token[j])) return true;
    }
    return false;
}

static void add_members(struct members_list *to, const struct token_class *k, size_t line, const int64_t *set, size_t n, struct arena *a) {
    int64_t *v = arena_get(a, k->n, sizeof *v);
    struct members m = {.v = v, .line = line};
    for (uint32_t j = 0; j < k->n; j++)
        if (contains(set, n, k->token[j])) v[m.n++] = k->token[j];
    if (m.n > 0) to->of[to->n++] = m;
}

/* Every line has all of the symmetric positions or none. */
static bool whole_lines(const struct symmetry *y, const struct token_class *k) {
    for (uint32_t i = 1; i < y->n; i++)
        if (has(k->at, k->n_at, y->at[i]) != has(k->at, k->n_at, y->at[0])) return false;
    return true;
}

bool exchange_read(struct symmetry *y, const struct certificate *c, const struct domain *d, struct arena *a, struct fail *f) {
    y->members = arena_get(a, d->p.n, sizeof *y->members);
    for (uint32_t i = 0; i < d->p.n; i++) {
        size_t n = 0;
        for (size_t line = 0; line < c->n_classes; line++) n += has(c->classes[line].at, c->classes[line].n_at, i);
        y->members[i].of = arena_get(a, n, sizeof *y->members[i].of);
    }
    for (size_t line = 0; line < c->n_classes; line++) {
        const struct token_class *k = &c->classes[line];
        if (k->at[k->n_at - 1] >= d->p.n) return fail_at(f, k->line, "exchangeable: a position that the sequence has not");
        if (!whole_lines(y, k)) return fail_at(f, k->line, "exchangeable: the symmetric positions have different classes");
        for (uint32_t j = 0; j < k->n_at; j++) {
            uint32_t i = k->at[j];
            if (given_twice(c, line, i)) return fail_at(f, k->line, "exchangeable: a token in two classes of a position");
            add_members(&y->members[i], k, line, d->p.v[i], d->p.size[i], a);
        }
    }
    return true;
}

static bool is_left_out(const struct members_list *list, int64_t v) {
    for (size_t k = 0; k < list->n; k++)
        if (v != list->of[k].v[0] && contains(list->of[k].v, list->of[k].n, v)) return true;
    return false;
}

/* {...} of the tokens of position i that are evaluated */
static struct ex *least_members(const struct symmetry *y, const struct domain *d, uint32_t i, struct arena *a) {
    struct ex *set = arena_get(a, 1, sizeof *set);
    *set = (struct ex){.kind = EX_LIST, .k = arena_get(a, d->p.size[i] + 1, sizeof *set->k), .constant = true};
    for (size_t k = 0; k < d->p.size[i]; k++) {
        if (is_left_out(&y->members[i], d->p.v[i][k])) continue;
        struct ex *x = set->k[set->n++] = arena_get(a, 1, sizeof *x);
        *x = (struct ex){.kind = EX_LIT, .lit = lit_new(a), .constant = true};
        num_set_int(x->lit, d->p.v[i][k]);
    }
    return set;
}

const struct binds *exchange_binds(const struct symmetry *y, const struct binds *b, const struct domain *d, struct arena *a) {
    struct binds *out = arena_get(a, 1, sizeof *out);
    *out = (struct binds){arena_get(a, (size_t)b->n, sizeof *out->b), b->n};
    for (int i = 0; i < b->n; i++) {
        out->b[i] = b->b[i];
        if (b->b[i].slot != y->slot) continue;
        struct ex *set = arena_get(a, 1, sizeof *set);
        *set = (struct ex){.kind = EX_PRODUCT, .n = (int)d->p.n, .k = arena_get(a, d->p.n, sizeof *set->k), .constant = true};
        for (uint32_t k = 0; k < d->p.n; k++) set->k[k] = least_members(y, d, k, a);
        out->b[i].set = set;
    }
    return out;
}
