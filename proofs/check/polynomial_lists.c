/* The condition and the predicate of a claim about real variables as lists of atoms (FORMAT.md §3, rule polynomial 3). */
#include "polynomial.h"
#include <string.h>

void lists_clear(struct lists *x) {
    mem_free(x->ids);
    mem_free(x->ends);
    *x = (struct lists){0};
}

static struct lists lists_new(size_t n, size_t n_ids) {
    return (struct lists){mem_get(n_ids + 1, sizeof(size_t)), mem_get(n + 1, sizeof(size_t)), n, n_ids};
}

static size_t begin_of(const struct lists *x, size_t i) { return i > 0 ? x->ends[i - 1] : 0; }

static size_t append(struct lists *to, size_t at, const struct lists *from, size_t i) {
    for (size_t k = begin_of(from, i); k < from->ends[i]; k++) to->ids[at++] = from->ids[k];
    return at;
}

bool lists_both(struct world *w, const struct lists *a, const struct lists *b, struct lists *out) {
    if (a->n > IDS_MOST / (b->n + 1) || a->n_ids > IDS_MOST / (b->n + 1) || b->n_ids > IDS_MOST / (a->n + 1)) return world_refuse(w, "too many lists");
    *out = lists_new(a->n * b->n, a->n_ids * b->n + b->n_ids * a->n);
    size_t at = 0;
    for (size_t i = 0; i < out->n; i++) {
        at = append(out, at, a, i / b->n);
        out->ends[i] = at = append(out, at, b, i % b->n);
    }
    return true;
}

static bool either(struct world *w, const struct lists *a, const struct lists *b, struct lists *out) {
    if (a->n + b->n > IDS_MOST || a->n_ids + b->n_ids > IDS_MOST) return world_refuse(w, "too many lists");
    *out = lists_new(a->n + b->n, a->n_ids + b->n_ids);
    size_t at = 0;
    for (size_t i = 0; i < a->n; i++) out->ends[i] = at = append(out, at, a, i);
    for (size_t i = 0; i < b->n; i++) out->ends[a->n + i] = at = append(out, at, b, i);
    return true;
}

/* *out joined with b, which is given up */
static bool join(struct world *w, bool both, struct lists *b, struct lists *out) {
    struct lists a = *out;
    *out = (struct lists){0};
    bool good = both ? lists_both(w, &a, b, out) : either(w, &a, b, out);
    lists_clear(&a);
    lists_clear(b);
    return good;
}

/* true: one list without atoms; false: no list */
static bool known(bool truth, struct lists *out) {
    *out = lists_new(truth ? 1 : 0, 0);
    return true;
}

/* one list of one atom: a - b, or b - a */
static bool difference(struct world *w, const struct sparse *a, const struct sparse *b, bool swap, bool strict, struct lists *out) {
    if (w->n_atoms >= IDS_MOST) return world_refuse(w, "too many atoms");
    if (w->n_atoms == w->room_atoms) {
        w->atoms = mem_grow(w->atoms, w->room_atoms, 2 * w->room_atoms + 16, sizeof *w->atoms);
        w->room_atoms = 2 * w->room_atoms + 16;
    }
    mpq_t f;
    mpq_init(f);
    struct sparse_atom *x = &w->atoms[w->n_atoms];
    *x = (struct sparse_atom){.strict = strict};
    mpq_set_si(f, swap ? -1 : 1, 1);
    sparse_add(&x->p, a, f);
    mpq_neg(f, f);
    sparse_add(&x->p, b, f);
    sparse_tidy(&x->p);
    mpq_clear(f);
    *out = lists_new(1, 1);
    out->ids[0] = w->n_atoms++;
    out->ends[0] = 1;
    return x->p.failed == NULL ? true : world_refuse(w, x->p.failed);
}

static bool relation(struct world *w, enum cmp o, const struct sparse *a, const struct sparse *b, struct lists *out) {
    struct lists other = {0};
    if (o == CMP_LT || o == CMP_GT) return difference(w, a, b, o == CMP_LT, true, out);
    if (o == CMP_LE || o == CMP_GE) return difference(w, a, b, o == CMP_LE, false, out);
    bool strict = o == CMP_NE;
    bool good = difference(w, a, b, false, strict, out) && difference(w, a, b, true, strict, &other);
    return good && join(w, !strict, &other, out);
}

static bool pair(struct world *w, enum cmp o, const struct rowval *a, const struct rowval *b, bool positive, struct lists *out) {
    static const enum cmp opposite[] = {[CMP_LT] = CMP_GE, [CMP_LE] = CMP_GT, [CMP_GT] = CMP_LE, [CMP_GE] = CMP_LT, [CMP_EQ] = CMP_NE, [CMP_NE] = CMP_EQ};
    bool both = (o != CMP_NE) == positive;
    if (a->vector != b->vector || a->n != b->n || (a->vector && o != CMP_EQ && o != CMP_NE)) return world_refuse(w, "a comparison of values that do not fit");
    known(both, out);
    for (size_t i = 0; i < a->n; i++) {
        struct lists one = {0};
        if (!relation(w, positive ? o : opposite[o], &a->p[i], &b->p[i], &one)) {
            lists_clear(&one);
            return false;
        }
        if (!join(w, both, &one, out)) return false;
    }
    return true;
}

static bool chain(struct world *w, const struct ex *x, bool positive, struct lists *out) {
    struct rowval a = {0}, b = {0};
    known(positive, out);
    bool good = read_rowval(w, x->k[0], &a);
    for (int i = 0; good && i + 1 < x->n; i++) {
        struct lists one = {0};
        good = read_rowval(w, x->k[i + 1], &b) && pair(w, (enum cmp)x->ops[i], &a, &b, positive, &one);
        if (good) good = join(w, positive, &one, out);
        else lists_clear(&one);
        rowval_clear(&a);
        a = b;
        b = (struct rowval){0};
    }
    rowval_clear(&a);
    rowval_clear(&b);
    return good;
}

/* entry `which` of a vector is above (strict) or not below every other one */
static bool largest(struct world *w, const struct ex *of, const struct ex *which, bool strict, bool positive, struct lists *out) {
    struct rowval v = {0};
    int64_t i = 0;
    if (!world_plain(w, which)) return world_refuse(w, "an argmax beside something that rests on real variables");
    if (!(world_fresh(w) && eval_int(w->e, which, &i))) return world_says(w);
    world_fresh(w);
    bool good = read_rowval(w, of, &v) && (v.vector || world_refuse(w, "argmax of a number"));
    bool there = i >= 0 && (uint64_t)i < v.n;
    known(there == positive, out);
    for (size_t j = 0; good && there && j < v.n; j++) {
        struct lists one = {0};
        if (j == (size_t)i) continue;
        good = difference(w, &v.p[i], &v.p[j], !positive, strict == positive, &one);
        if (good) good = join(w, positive, &one, out);
        else lists_clear(&one);
    }
    rowval_clear(&v);
    return good;
}

struct every { struct world *w; const struct ex *x; bool positive, both; struct lists *out; };

static bool every_step(struct eval *e, void *arg) {
    struct every *a = arg;
    struct lists one = {0};
    enum tri t = eval_decide(e, a->x->where);
    if (e->fail.set) return world_says(a->w);
    if (t == OPEN) return world_refuse(a->w, "the condition of a quantifier is unsettled");
    if (t == NO) return true;
    if (world_lists(a->w, a->x->k[0], a->positive, &one)) return join(a->w, a->both, &one, a->out);
    lists_clear(&one);
    return false;
}

static bool quantifier(struct world *w, const struct ex *x, bool positive, struct lists *out) {
    bool all = x->kind == EX_QUANT && x->number == Q_ALL;
    struct every a = {w, x, positive, all == positive, out};
    if (x->where != NULL && !world_plain(w, x->where)) return world_refuse(w, "the condition of a quantifier reads real variables");
    known(a.both, out);
    return eval_each(w->e, &x->binds, every_step, &a) || world_says(w);
}

/* the lists of two parts, joined */
static bool two(struct world *w, const struct ex *x, const struct ex *y, bool first, bool second, bool both, struct lists *out) {
    struct lists b = {0};
    bool good = world_lists(w, x, first, out);
    if (good && world_plain(w, x) && (out->n > 0) != both) return true; /* settled: y is not looked at */
    if (good && world_lists(w, y, second, &b)) return join(w, both, &b, out);
    lists_clear(&b);
    return false;
}

/* (A => B) and (B => A) */
static bool equivalence(struct world *w, const struct ex *x, bool positive, struct lists *out) {
    struct lists back = {0};
    if (two(w, x->k[0], x->k[1], !positive, positive, !positive, out) && two(w, x->k[1], x->k[0], !positive, positive, !positive, &back)) return join(w, positive, &back, out);
    lists_clear(&back);
    return false;
}

static bool settled(struct world *w, const struct ex *x, bool positive, struct lists *out) {
    world_fresh(w);
    enum tri t = eval_decide(w->e, x);
    if (w->e->fail.set) return world_says(w);
    if (t == OPEN) return world_refuse(w, "a condition is unsettled");
    world_fresh(w);
    return known((t == YES) == positive, out);
}

bool world_lists(struct world *w, const struct ex *x, bool positive, struct lists *out) {
    *out = (struct lists){0};
    if (x == NULL) return known(positive, out);
    if (world_plain(w, x)) return settled(w, x, positive, out);
    switch (x->kind) {
    case EX_NOT: return world_lists(w, x->k[0], !positive, out);
    case EX_AND: case EX_OR: return two(w, x->k[0], x->k[1], positive, positive, (x->kind == EX_AND) == positive, out);
    case EX_IMPLIES: return two(w, x->k[0], x->k[1], !positive, positive, !positive, out);
    case EX_IFF: return equivalence(w, x, positive, out);
    case EX_CMP:
        for (int side = 0; x->n == 2 && (x->ops[0] == CMP_EQ || x->ops[0] == CMP_NE) && side < 2; side++)
            if (x->k[side]->kind == EX_CALL && x->k[side]->number == FN_ARGMAX)
                return largest(w, x->k[side]->k[0], x->k[1 - side], true, positive == (x->ops[0] == CMP_EQ), out);
        return chain(w, x, positive, out);
    case EX_IN:
        if (x->k[1]->kind != EX_CALL || x->k[1]->number != FN_ARGMAXES) return world_refuse(w, "membership of another kind");
        return largest(w, x->k[1]->k[0], x->k[0], false, positive, out);
    case EX_QUANT: return x->number == Q_ALL || x->number == Q_ANY ? quantifier(w, x, positive, out) : world_refuse(w, "a predicate of another kind");
    case EX_EXISTS: return quantifier(w, x, positive, out);
    default: return world_refuse(w, "a predicate of another kind");
    }
}

bool lists_hold(const struct world *w, const struct lists *x, const mpq_t *z) {
    mpq_t v;
    bool some = false;
    mpq_init(v);
    for (size_t i = 0; !some && i < x->n; i++) {
        bool all = true;
        for (size_t k = begin_of(x, i); all && k < x->ends[i]; k++) {
            const struct sparse_atom *a = &w->atoms[x->ids[k]];
            sparse_value(v, &a->p, z);
            all = a->strict ? mpq_sgn(v) > 0 : mpq_sgn(v) >= 0;
        }
        some = all;
    }
    mpq_clear(v);
    return some;
}
