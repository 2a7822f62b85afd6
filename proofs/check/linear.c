#include "linear.h"
#include <string.h>

bool mentions(const struct ex *x, int slot) {
    if (x == NULL) return false;
    if (x->kind == EX_VAR) return x->number == slot;
    bool found = mentions(x->where, slot);
    for (int i = 0; i < x->n; i++) found = found || mentions(x->k[i], slot);
    for (int i = 0; i < x->binds.n; i++) found = found || mentions(x->binds.b[i].set, slot);
    return found;
}

bool is_call(const struct ex *x, enum fn f) { return x->kind == EX_CALL && x->number == (int)f; }

bool linear_plain(const struct linear *l, const struct ex *x) { return !x->network && !mentions(x, l->slot); }

bool linear_refuse(struct linear *l, const char *what) { return fail_at(l->f, l->line, "rule %s: %s", l->rule, what); }

bool linear_says(struct linear *l) { return fail_at(l->f, l->line, "%s", l->e->fail.set ? l->e->fail.text : "a number was expected"); }

bool linear_fresh(struct linear *l) {
    l->e->p = precision[0];
    l->e->fail.set = false;
    eval_reset(l->e);
    return true;
}

bool linear_number(struct linear *l, const struct ex *x, mpq_t out) {
    struct val v;
    if (!linear_plain(l, x)) return linear_refuse(l, "an exact number was expected");
    if (!(linear_fresh(l) && need_num(l->e, x, &v) && v.type == V_NUM)) return linear_says(l);
    if (!num_exact(v.x)) return linear_refuse(l, "a number is not exact");
    mpq_set(out, v.x->q);
    mpq_canonicalize(out);
    return linear_fresh(l);
}

bool linear_vector(struct linear *l, const struct ex *x, mpq_t *out, size_t n, bool number_allowed) {
    struct val v;
    mpq_t t;
    if (!linear_plain(l, x)) return linear_refuse(l, "an exact vector was expected");
    if (!(linear_fresh(l) && eval(l->e, x, &v))) return linear_says(l);
    bool number = v.type == V_NUM;
    if (!(number && number_allowed) && (v.type != V_ARRAY || v.rank != 1 || v.d[0] != n)) return linear_refuse(l, "a vector of the network's inputs was expected");
    mpq_init(t);
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        const struct num *a = &v.x[number ? 0 : i];
        if (!num_exact(a)) {
            good = linear_refuse(l, "a vector is not exact");
            break;
        }
        mpq_set(t, a->q);
        mpq_canonicalize(t);
        mpq_add(out[i], out[i], t);
    }
    mpq_clear(t);
    return good && linear_fresh(l);
}

bool linear_binding(struct linear *l, struct arena *a, const struct binding *b, const struct binds *outer, const char *name, struct binding *value) {
    const char *end = b->s + b->n, *last = end; /* the part of the vector starts after the last space */
    while (last > b->s && last[-1] != ' ') last--;
    size_t size = strlen(name), length = (size_t)(end - last);
    l->line = b->line;
    if (length < size + 2 || memcmp(last, name, size) != 0 || last[size] != '=') return fail_at(l->f, b->line, "a value of %.60s was expected", name);
    *value = (struct binding){b->line, last + size + 1, length - size - 1};
    struct binding before = {b->line, b->s, last > b->s ? (size_t)(last - b->s) - 1 : 0};
    if ((outer->n == 0) != (before.n == 0)) return linear_refuse(l, "a binding does not name the variables");
    return outer->n == 0 || binding_set(l->e, a, &before, outer, l->f);
}

bool linear_add(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out) {
    mpq_t t;
    bool good = true;
    mpq_init(t);
    if (linear_plain(l, x)) {
        good = linear_number(l, x, t);
        mpq_mul(t, t, factor);
        mpq_add(out[l->constant], out[l->constant], t);
    } else if (x->kind == EX_ADD || x->kind == EX_SUB || x->kind == EX_NEG) {
        mpq_neg(t, factor);
        good = linear_add(l, x->k[0], x->kind == EX_NEG ? t : factor, out) && (x->kind == EX_NEG || linear_add(l, x->k[1], x->kind == EX_SUB ? t : factor, out));
    } else if (x->kind == EX_MUL || x->kind == EX_DIV) {
        int number = x->kind == EX_DIV || linear_plain(l, x->k[1]) ? 1 : 0;
        good = linear_number(l, x->k[number], t);
        if (good && x->kind == EX_DIV && mpq_sgn(t) == 0) good = linear_refuse(l, "division by 0");
        if (good && x->kind == EX_DIV) mpq_inv(t, t);
        mpq_mul(t, t, factor);
        good = good && linear_add(l, x->k[1 - number], t, out);
    } else if (x->kind == EX_INDEX && x->n == 2) good = l->entry(l, x, factor, out);
    else if (l->other != NULL) good = l->other(l, x, factor, out);
    else good = fail_at(l->f, l->line, "rule %s: not linear in %s", l->rule, l->linear_in);
    mpq_clear(t);
    return good;
}
