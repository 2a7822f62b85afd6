/* What is true, false or not settled: comparisons, membership, connectives, `if`. */
#include "eval.h"

/* An operand of a comparison: a number, a vector beside == and !=, or argmax of an array that is not of integers. */
struct operand { bool largest; struct val v; };

static bool get_operand(struct eval *e, const struct ex *x, struct operand *o) {
    o->largest = false;
    if (x->kind != EX_CALL || x->number != FN_ARGMAX || x->cache != NULL) {
        if (!eval(e, x, &o->v) || !val_force(e, &o->v)) return false;
        return o->v.type == V_NUM || (o->v.type == V_ARRAY && o->v.rank == 1) ? true : eval_fail(e, "a number was expected");
    }
    if (!need_array(e, x->k[0], &o->v)) return false;
    if (o->v.rank != 1 || o->v.d[0] == 0) return eval_fail(e, "argmax needs a vector");
    if (val_all_int(&o->v)) return need_num(e, x, &o->v);
    o->largest = true;
    return true;
}

static enum tri both_largest(struct eval *e, const struct val *a, const struct val *b) {
    enum tri any = NO;
    for (uint32_t i = 0; i < a->d[0] && i < b->d[0] && any != YES; i++) {
        enum tri first = unique_largest(e, a, i);
        if (first == NO) continue;
        any = tri_or(any, tri_and(first, unique_largest(e, b, i)));
        if (first == YES) break; /* no other entry of a can be the largest */
    }
    return any;
}

static bool compare(struct eval *e, struct operand *a, struct operand *b, enum cmp op, enum tri *out) {
    const struct num *u = a->v.x, *v = b->v.x;
    if (a->largest || b->largest) {
        if (op != CMP_EQ && op != CMP_NE) return eval_fail(e, "argmax of reals stands only beside == and !=");
        enum tri t;
        if (a->largest && b->largest) t = both_largest(e, &a->v, &b->v);
        else {
            const struct val *array = a->largest ? &a->v : &b->v;
            const struct num *index = a->largest ? v : u;
            int64_t i;
            if ((a->largest ? b : a)->v.type != V_NUM || index->kind != K_INT) return eval_fail(e, "argmax is compared with something that is no integer");
            t = num_int64(index, &i) && i >= 0 && i < (int64_t)array->d[0] ? unique_largest(e, array, i) : NO; /* NO: there is no such entry */
        }
        *out = op == CMP_EQ ? t : tri_not(t);
        return true;
    }
    if (a->v.type == V_ARRAY || b->v.type == V_ARRAY) {
        if (a->v.type != b->v.type || a->v.d[0] != b->v.d[0] || (op != CMP_EQ && op != CMP_NE)) return eval_fail(e, "a number was expected");
        *out = YES;
        for (uint32_t i = 0; i < a->v.d[0]; i++) *out = tri_and(*out, num_eq(&u[i], &v[i], e->p));
        if (op == CMP_NE) *out = tri_not(*out);
        return true;
    }
    switch (op) {
    case CMP_LT: *out = num_lt(u, v, e->p); break;
    case CMP_LE: *out = num_le(u, v, e->p); break;
    case CMP_GT: *out = num_lt(v, u, e->p); break;
    case CMP_GE: *out = num_le(v, u, e->p); break;
    case CMP_EQ: *out = num_eq(u, v, e->p); break;
    case CMP_NE: *out = tri_not(num_eq(u, v, e->p)); break;
    }
    return true;
}

bool eval_cmp(struct eval *e, const struct ex *x, struct val *out) {
    struct operand a, b;
    enum tri all = YES, t = OPEN;
    if (!get_operand(e, x->k[0], &a)) return false;
    for (int i = 1; i < x->n && all != NO; i++) {
        if (!get_operand(e, x->k[i], &b) || !compare(e, &a, &b, (enum cmp)x->ops[i - 1], &t)) return false;
        all = tri_and(all, t);
        a = b;
    }
    return val_tri(out, all);
}

bool eval_in(struct eval *e, const struct ex *x, struct val *out) {
    struct val a, s;
    const struct ex *set = x->k[1];
    if (!eval(e, x->k[0], &a) || !val_force(e, &a)) return false;
    if (set->kind == EX_TOKENS || set->kind == EX_PRODUCT || set->kind == EX_IMAGE || is_range(set)) {
        struct var v = {.set = true, .seq = a.type == V_ARRAY, .n = a.d[0]};
        if (a.type != V_NUM || set->kind == EX_TOKENS || set->kind == EX_PRODUCT || !val_all_int(&a)) return eval_fail(e, "only integers are in a set");
        int64_t *t = mem_get(val_size(&a), sizeof *t);
        bool fits = true;
        for (size_t i = 0; i < val_size(&a); i++) fits = fits && num_int64(&a.x[i], &t[i]);
        v.v = t[0];
        v.s = t;
        enum tri r = fits ? eval_member(e, set, &v) : OPEN;
        mem_free(t);
        if (!fits) return eval_fail(e, "integer too large");
        return e->fail.set ? false : val_tri(out, r);
    }
    if (a.type != V_NUM || a.x->kind != K_INT) return eval_fail(e, "an integer was expected");
    if (set->kind == EX_CALL && set->number == FN_ARGMAXES) {
        int64_t i;
        if (!need_array(e, set->k[0], &s) || s.rank != 1) return eval_fail(e, "argmaxes needs a vector");
        if (!num_int64(a.x, &i) || i < 0 || i >= (int64_t)s.d[0]) return val_tri(out, NO);
        enum tri all = YES;
        for (uint32_t j = 0; j < s.d[0]; j++) all = tri_and(all, (int64_t)j == i ? YES : num_le(&s.x[j], &s.x[i], e->p));
        return val_tri(out, all);
    }
    if (set->kind != EX_LIST) return eval_fail(e, "a set was expected");
    int64_t *v, i;
    size_t n;
    bool in = false;
    if (!eval_set_values(e, set, &v, &n)) return false;
    for (size_t k = 0; num_int64(a.x, &i) && k < n; k++) in = in || v[k] == i;
    mem_free(v);
    return val_tri(out, in ? YES : NO);
}

/* The right operand is evaluated only where the left leaves it open. */
bool eval_connective(struct eval *e, const struct ex *x, struct val *out) {
    enum tri a, b;
    if (!need_tri(e, x->k[0], &a)) return false;
    if (x->kind == EX_NOT) return val_tri(out, tri_not(a));
    if (x->kind == EX_AND && a == NO) return val_tri(out, NO);
    if (x->kind == EX_OR && a == YES) return val_tri(out, YES);
    if (x->kind == EX_IMPLIES && a == NO) return val_tri(out, YES);
    if (!need_tri(e, x->k[1], &b)) return false;
    if (x->kind == EX_AND) return val_tri(out, tri_and(a, b));
    if (x->kind == EX_OR) return val_tri(out, tri_or(a, b));
    if (x->kind == EX_IMPLIES) return val_tri(out, tri_or(tri_not(a), b));
    return val_tri(out, a == OPEN || b == OPEN ? OPEN : a == b ? YES : NO);
}

bool eval_if(struct eval *e, const struct ex *x, struct val *out) {
    enum tri c;
    struct val a, b;
    if (!need_tri(e, x->k[0], &c)) return false;
    if (c != OPEN) return eval(e, x->k[c == YES ? 1 : 2], out);
    if (!eval(e, x->k[1], &a) || !eval(e, x->k[2], &b)) return false;
    if (a.type == V_TRI && b.type == V_TRI) return val_tri(out, a.tri == b.tri ? a.tri : OPEN);
    if (a.type != V_NUM || b.type != V_NUM) return eval_fail(e, "the condition of an if is unsettled");
    *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    num_hull(out->x, a.x, b.x, e->p);
    return true;
}
