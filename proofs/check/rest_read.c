/* Expressions of the tokens as rests (FORMAT.md §3, separable 3): comprehensions over constant sets are written out, from left to right. */
#include "linear.h"
#include "rest.h"
#include "separable.h"
#include <string.h>

#define ITEMS_MOST 65536
#define NEST_MOST 60

struct items { const struct rest **k; uint32_t n, room; };
struct reader { struct sep *s; struct rests *r; int depth; };

static const struct rest *scalar(struct reader *c, const struct ex *x);
static bool reads(const struct reader *c, const struct ex *x) { return mentions(x, c->s->slot) || (c->s->source >= 0 && mentions(x, c->s->source)); }
static bool vector(struct reader *c, const struct ex *x, struct items *out);

static bool add(struct items *l, const struct rest *x) {
    if (x == NULL || l->n == ITEMS_MOST) return false;
    if (l->n == l->room) {
        l->k = mem_grow(l->k, l->n, 2 * (size_t)l->room + 16, sizeof *l->k);
        l->room = 2 * l->room + 16;
    }
    l->k[l->n++] = x;
    return true;
}

static const struct rest *list(struct reader *c, enum rest_op op, const struct items *l) { return rest_of(c->r, op, 0, l->n, l->k); }
static const struct rest *leaf(struct reader *c, enum rest_op op, int64_t v) { return rest_of(c->r, op, v, 0, NULL); }
static const struct rest *negated(struct reader *c, const struct rest *a) { return rest_of(c->r, R_NOT, 0, 1, &a); }
static const struct rest *minus(struct reader *c, const struct rest *a) { return rest_pair(c->r, R_PROD, a, rest_int(c->r, -1)); }

/* without the sequence: a number or a truth */
static const struct rest *constant(struct reader *c, const struct ex *x) {
    struct val v;
    int64_t i = 0;
    if (!eval(c->s->e, x, &v)) return NULL;
    if (v.type == V_TRI) return v.tri == OPEN ? NULL : rest_int(c->r, v.tri == YES);
    return v.type == V_NUM && num_int64(v.x, &i) ? rest_int(c->r, i) : NULL;
}

/* ---- arrays ---- */

static bool is_t(const struct reader *c, const struct ex *x) { return x->kind == EX_VAR && (x->number == c->s->slot || x->number == c->s->source); }
static const struct rest *token(struct reader *c, uint32_t i) { return c->s->sets.size[i] == 1 ? rest_int(c->r, c->s->sets.v[i][0]) : leaf(c, R_TOKEN, i); }

/* The sequence that t is an image of. */
static bool copied(struct reader *c, struct items *out) {
    for (uint32_t j = 0; j < c->s->n_copied; j++) {
        const struct copied *x = &c->s->copied[j];
        if (!add(out, x->known ? rest_int(c->r, x->v) : token(c, x->at))) return false;
    }
    return true;
}

/* an index, in which `last` is n - 1 */
static const struct rest *indexed(struct reader *c, const struct ex *x, uint32_t n) {
    struct eval *e = c->s->e;
    bool had = e->has_last;
    int64_t before = e->last;
    e->has_last = true;
    e->last = (int64_t)n - 1;
    const struct rest *out = scalar(c, x);
    e->has_last = had;
    e->last = before;
    return out;
}

static bool slice(struct reader *c, const struct ex *x, struct items *out) {
    struct items base = {0};
    const struct ex *s = x->k[1];
    bool good = vector(c, x->k[0], &base);
    const struct rest *from = !good || s->k[0] == NULL ? rest_int(c->r, 0) : indexed(c, s->k[0], base.n), *to = !good || s->k[1] == NULL ? rest_int(c->r, (int64_t)base.n - 1) : indexed(c, s->k[1], base.n);
    good = good && from != NULL && to != NULL && from->op == R_INT && to->op == R_INT && from->v >= 0 && from->v <= to->v && to->v < (int64_t)base.n;
    for (int64_t i = good ? from->v : 0; good && i <= to->v; i++) good = add(out, base.k[i]);
    mem_free(base.k);
    return good;
}

static bool table(struct reader *c, const struct ex *x, struct items *out) {
    struct val v;
    int64_t i;
    bool good = eval(c->s->e, x, &v) && v.type == V_ARRAY && v.rank == 1;
    for (uint32_t k = 0; good && k < v.d[0]; k++) good = num_int64(&v.x[k], &i) && add(out, rest_int(c->r, i));
    return good;
}

static bool is_vector(const struct reader *c, const struct ex *x) {
    return is_t(c, x) || x->kind == EX_LIST || (x->kind == EX_CALL && (x->number == FN_SEQ || x->number == FN_SORT)) || (x->kind == EX_INDEX && x->n == 2 && x->k[1]->kind == EX_SLICE);
}

/* An entry that may be an error would be passed over where only others are looked at. */
static bool no_errors(const struct items *l) {
    for (uint32_t i = 0; i < l->n; i++)
        if (l->k[i]->errs) return false;
    return true;
}

/* numbers and sequences side by side */
static bool joined(struct reader *c, struct ex *const *k, int n, struct items *out) {
    for (int i = 0; i < n; i++)
        if (is_vector(c, k[i]) ? !vector(c, k[i], out) : !add(out, scalar(c, k[i]))) return false;
    return true;
}

static bool vector(struct reader *c, const struct ex *x, struct items *out) {
    bool good = false;
    if (c->depth > NEST_MOST) return false;
    if (is_t(c, x) && c->s->image != NULL && x->number == c->s->source) return copied(c, out);
    if (is_t(c, x)) {
        for (uint32_t i = 0; i < c->s->n; i++)
            if (!add(out, token(c, i))) return false;
        return true;
    }
    if (!reads(c, x)) return table(c, x, out);
    c->depth++;
    if (x->kind == EX_INDEX && x->n == 2 && x->k[1]->kind == EX_SLICE) good = slice(c, x, out);
    else if (x->kind == EX_LIST || (x->kind == EX_CALL && x->number == FN_SEQ)) good = joined(c, x->k, x->n, out) && no_errors(out);
    else if (x->kind == EX_CALL && x->number == FN_SORT) {
        struct items all = {0};
        good = vector(c, x->k[0], &all);
        for (uint32_t i = 0; good && i < all.n; i++) good = add(out, rest_of(c->r, R_RANK, i, all.n, all.k));
        mem_free(all.k);
    }
    c->depth--;
    return good;
}

/* ---- truths ---- */

/* From left to right: where one may be an error, it counts only while nothing is settled. */
static const struct rest *truths(struct reader *c, const struct items *l, bool all) {
    if (no_errors(l)) return list(c, all ? R_ALL : R_ANY, l);
    const struct rest *out = rest_int(c->r, all), *settled = rest_int(c->r, !all);
    for (uint32_t i = l->n; i-- > 0;) out = all ? rest_choice(c->r, l->k[i], out, settled) : rest_choice(c->r, l->k[i], settled, out);
    return out;
}

static const struct rest *both(struct reader *c, const struct rest *a, const struct rest *b, bool all) {
    if (a == NULL || b == NULL) return NULL;
    const struct rest *k[2] = {a, b};
    return truths(c, &(struct items){.k = k, .n = 2}, all);
}

static const struct rest *compare(struct reader *c, enum cmp op, const struct rest *a, const struct rest *b) {
    switch (op) {
    case CMP_LT: return rest_pair(c->r, R_LT, a, b);
    case CMP_GT: return rest_pair(c->r, R_LT, b, a);
    case CMP_LE: return negated(c, rest_pair(c->r, R_LT, b, a));
    case CMP_GE: return negated(c, rest_pair(c->r, R_LT, a, b));
    case CMP_EQ: return rest_pair(c->r, R_EQ, a, b);
    case CMP_NE: return negated(c, rest_pair(c->r, R_EQ, a, b));
    }
    return NULL;
}

static const struct rest *chain(struct reader *c, const struct ex *x) {
    struct items l = {0};
    const struct rest *left = scalar(c, x->k[0]), *out = NULL;
    bool good = left != NULL;
    for (int i = 1; good && i < x->n; i++) {
        const struct rest *right = scalar(c, x->k[i]);
        good = right != NULL && add(&l, compare(c, (enum cmp)x->ops[i - 1], left, right));
        left = right;
    }
    if (good) out = truths(c, &l, true);
    mem_free(l.k);
    return out;
}

static const struct rest *one_of(struct reader *c, const struct items *l, const struct rest *v) {
    struct items all = {0};
    bool good = v != NULL;
    for (uint32_t i = 0; good && i < l->n; i++) good = add(&all, rest_pair(c->r, R_EQ, l->k[i], v));
    const struct rest *out = good ? list(c, R_ANY, &all) : NULL;
    mem_free(all.k);
    return out;
}

static const struct rest *member(struct reader *c, const struct ex *x) {
    const struct rest *v = scalar(c, x->k[0]), *out = NULL;
    const struct ex *set = x->k[1];
    struct items l = {0};
    if (v == NULL) return NULL;
    if (set->kind == EX_RANGE) {
        const struct rest *from = scalar(c, set->k[0]), *to = scalar(c, set->k[1]);
        if (from == NULL || to == NULL || from->errs || to->errs) return NULL;
        return rest_pair(c->r, R_ALL, compare(c, CMP_LE, from, v), compare(c, CMP_LE, v, to));
    }
    if (set->kind == EX_LIST && joined(c, set->k, set->n, &l) && no_errors(&l)) out = one_of(c, &l, v);
    mem_free(l.k);
    return out;
}

static const struct rest *all_differ(struct reader *c, const struct items *l) {
    struct items all = {0};
    bool good = true;
    for (uint32_t i = 0; good && i < l->n; i++)
        for (uint32_t j = 0; good && j < i; j++) good = add(&all, negated(c, rest_pair(c->r, R_EQ, l->k[i], l->k[j])));
    const struct rest *out = good ? list(c, R_ALL, &all) : NULL;
    mem_free(all.k);
    return out;
}

/* ---- comprehensions ---- */

struct written { struct reader *c; const struct ex *x; int q; struct items l; };

static bool write_one(struct written *w) {
    struct reader *c = w->c;
    const struct rest *in = w->x->where != NULL ? scalar(c, w->x->where) : rest_int(c->r, 1), *v;
    if (in == NULL) return false;
    if (in->op == R_INT && in->v == 0) return true;
    v = scalar(c, w->x->k[0]);
    if (v == NULL) return false;
    if (w->q == Q_MAX || w->q == Q_MIN) v = rest_choice(c->r, in, v, leaf(c, R_NONE, 0));
    else if (w->q == Q_SUM) v = rest_choice(c->r, in, v, rest_int(c->r, 0));
    else if (w->q == Q_ALL) v = both(c, negated(c, in), v, false);
    else v = both(c, in, v, true);
    return add(&w->l, v);
}

static bool write_from(struct written *w, int i) {
    struct eval *e = w->c->s->e;
    const struct binds *b = &w->x->binds;
    if (i == b->n) return write_one(w);
    int64_t *v;
    size_t n;
    if (reads(w->c, b->b[i].set) || !eval_set_values(e, b->b[i].set, &v, &n)) return false;
    bool good = true;
    for (size_t k = 0; good && k < n; k++) {
        e->env[b->b[i].slot] = (struct var){.set = true, .v = v[k]};
        good = write_from(w, i + 1);
    }
    e->env[b->b[i].slot].set = false;
    mem_free(v);
    return good;
}

static const struct rest *comprehension(struct reader *c, const struct ex *x) {
    struct written w = {.c = c, .x = x, .q = x->kind == EX_EXISTS ? Q_ANY : x->number};
    const struct rest *out = NULL;
    if (write_from(&w, 0)) switch (w.q) {
        case Q_MAX: out = list(c, R_MAX, &w.l); break;
        case Q_MIN: out = list(c, R_MIN, &w.l); break;
        case Q_SUM:
        case Q_COUNT: out = list(c, R_SUM, &w.l); break;
        case Q_ALL: out = truths(c, &w.l, true); break;
        case Q_ANY: out = truths(c, &w.l, false); break;
        default: break;
        }
    mem_free(w.l.k);
    return out;
}

/* ---- functions ---- */

/* The first place of the largest (smallest): of v n + n - 1 - i (v n + i) the remainder by n says it. */
static const struct rest *place(struct reader *c, const struct items *l, bool largest) {
    struct items keyed = {0};
    int64_t n = l->n;
    bool good = n > 0;
    for (int64_t i = 0; good && i < n; i++)
        good = add(&keyed, rest_pair(c->r, R_SUM, rest_pair(c->r, R_PROD, l->k[i], rest_int(c->r, n)), rest_int(c->r, largest ? n - 1 - i : i)));
    const struct rest *best = good ? list(c, largest ? R_MAX : R_MIN, &keyed) : NULL, *at = rest_of(c->r, R_REM, n, 1, &best);
    mem_free(keyed.k);
    return largest ? rest_pair(c->r, R_SUM, rest_int(c->r, n - 1), minus(c, at)) : at;
}

/* fold(TABLE, s, t) */
static const struct rest *folded(struct reader *c, const struct ex *x) {
    struct val v;
    struct items l = {0};
    if (reads(c, x->k[0]) || !eval(c->s->e, x->k[0], &v) || v.type != V_ARRAY || v.rank != 2) return NULL;
    size_t n = (size_t)v.d[0] * v.d[1];
    const int64_t width = v.d[1];
    int64_t *copy = arena_get(&c->r->arena, n, sizeof *copy);
    bool good = true;
    for (size_t i = 0; good && i < n; i++) good = num_int64(&v.x[i], &copy[i]);
    const struct rest *state = good ? scalar(c, x->k[1]) : NULL;
    good = state != NULL && vector(c, x->k[2], &l);
    for (uint32_t i = 0; good && i < l.n; i++) { /* a token outside the table is an error */
        good = l.k[i]->lo >= 0 && l.k[i]->hi < width;
        if (good) state = rest_row(c->r, copy, n, rest_pair(c->r, R_SUM, rest_pair(c->r, R_PROD, state, rest_int(c->r, width)), l.k[i]));
    }
    mem_free(l.k);
    return good ? state : NULL;
}

static const struct rest *function(struct reader *c, const struct ex *x, const struct items *l) {
    switch (x->number) {
    case FN_MAX: return list(c, R_MAX, l);
    case FN_MIN: return list(c, R_MIN, l);
    case FN_SUM: return list(c, R_SUM, l);
    case FN_ARGMAX: return place(c, l, true);
    case FN_ARGMIN: return place(c, l, false);
    case FN_DISTINCT: return all_differ(c, l);
    case FN_CONTAINS: return one_of(c, l, scalar(c, x->k[1]));
    case FN_LEN: return rest_int(c->r, l->n);
    default: return NULL;
    }
}

static const struct rest *call(struct reader *c, const struct ex *x) {
    struct items l = {0};
    if (x->number == FN_FOLD) return folded(c, x);
    if (x->number == FN_ABS) {
        const struct rest *v = scalar(c, x->k[0]);
        return rest_pair(c->r, R_MAX, v, minus(c, v));
    }
    bool several = (x->number == FN_MAX || x->number == FN_MIN) && x->n > 1;
    const struct rest *out = (several ? joined(c, x->k, x->n, &l) : x->n > 0 && vector(c, x->k[0], &l)) ? function(c, x, &l) : NULL;
    mem_free(l.k);
    return out;
}

/* Entry of a sequence or list. */
static const struct rest *entry(struct reader *c, const struct ex *x) {
    struct items l = {0};
    const struct rest *out = NULL;
    if (x->n != 2 || x->k[1]->kind == EX_SLICE || !vector(c, x->k[0], &l)) {
        mem_free(l.k);
        return NULL;
    }
    const struct rest *i = indexed(c, x->k[1], l.n);
    bool known = true;
    for (uint32_t k = 0; k < l.n; k++) known = known && l.k[k]->op == R_INT;
    if (i != NULL && known) {
        int64_t *copy = arena_get(&c->r->arena, (size_t)l.n + 1, sizeof *copy);
        for (uint32_t k = 0; k < l.n; k++) copy[k] = l.k[k]->v;
        out = rest_row(c->r, copy, l.n, i);
    } else if (i != NULL) {
        const struct rest **k = mem_get((size_t)l.n + 1, sizeof *k);
        k[0] = i;
        memcpy(k + 1, l.k, l.n * sizeof *k);
        out = rest_of(c->r, R_PICK, 0, l.n + 1, k);
        mem_free(k);
    }
    mem_free(l.k);
    return out;
}

static const struct rest *binary(struct reader *c, const struct ex *x) {
    const struct rest *a = scalar(c, x->k[0]), *b = a != NULL ? scalar(c, x->k[1]) : NULL;
    if (b == NULL) return NULL;
    switch (x->kind) {
    case EX_ADD: return rest_pair(c->r, R_SUM, a, b);
    case EX_SUB: return rest_pair(c->r, R_SUM, a, minus(c, b));
    case EX_MUL: return rest_pair(c->r, R_PROD, a, b);
    case EX_MOD: return b->op == R_INT && b->v > 0 ? rest_of(c->r, R_REM, b->v, 1, &a) : NULL;
    case EX_AND: return both(c, a, b, true);
    case EX_OR: return both(c, a, b, false);
    case EX_IMPLIES: return both(c, negated(c, a), b, false);
    default: return rest_pair(c->r, R_EQ, a, b); /* <=> */
    }
}

static const struct rest *scalar(struct reader *c, const struct ex *x) {
    const struct rest *out = NULL;
    if (x->network || c->depth > NEST_MOST) return NULL;
    if (!reads(c, x)) return constant(c, x);
    c->depth++;
    switch (x->kind) {
    case EX_NOT: out = negated(c, scalar(c, x->k[0])); break;
    case EX_NEG: out = minus(c, scalar(c, x->k[0])); break;
    case EX_IF: out = rest_choice(c->r, scalar(c, x->k[0]), scalar(c, x->k[1]), scalar(c, x->k[2])); break;
    case EX_CMP: out = chain(c, x); break;
    case EX_IN: out = member(c, x); break;
    case EX_ADD:
    case EX_SUB:
    case EX_MUL:
    case EX_MOD:
    case EX_AND:
    case EX_OR:
    case EX_IMPLIES:
    case EX_IFF: out = binary(c, x); break;
    case EX_QUANT:
    case EX_EXISTS: out = comprehension(c, x); break;
    case EX_CALL: out = call(c, x); break;
    case EX_INDEX: out = entry(c, x); break;
    default: break;
    }
    c->depth--;
    return out;
}

const struct rest *sep_rest(struct sep *s, const struct ex *x) {
    struct reader c = {.s = s, .r = &s->rests};
    eval_reset(s->e);
    const struct rest *out = scalar(&c, x);
    eval_reset(s->e);
    return out;
}

bool sep_sequence(struct sep *s, const struct ex *x, const struct rest ***out, uint32_t *n) {
    struct reader c = {.s = s, .r = &s->rests};
    struct items l = {0};
    eval_reset(s->e);
    bool good = vector(&c, x, &l);
    eval_reset(s->e);
    *out = l.k;
    *n = l.n;
    return good;
}

const struct rest *sep_image_rest(struct sep *s) {
    struct reader c = {.s = s, .r = &s->rests};
    struct items l = {0}, all = {0};
    eval_reset(s->e);
    bool good = vector(&c, s->image->k[0], &l) && l.n == s->n;
    for (uint32_t i = 0; good && i < l.n; i++) good = add(&all, rest_pair(c.r, R_EQ, token(&c, i), l.k[i]));
    const struct rest *is = good ? truths(&c, &all, true) : NULL, *where = s->image->where == NULL ? rest_int(c.r, 1) : good ? scalar(&c, s->image->where) : NULL;
    mem_free(l.k);
    mem_free(all.k);
    eval_reset(s->e);
    return both(&c, is, where, true);
}
