/* The condition and the predicate of a claim about real variables as lists of inequalities. */
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial.h"

#define IDS_MOST ((size_t)1 << 20)       /* as in the checker */

void lists_clear(struct lists *x)
{
    free(x->ids);
    free(x->ends);
    *x = (struct lists){0};
}

static enum status make(struct lists *out, struct poly_claim *c, size_t n, size_t n_ids)
{
    *out = (struct lists){.n = n, .n_ids = n_ids};
    if (n > IDS_MOST || n_ids > IDS_MOST) return poly_refuse(c, "the claim has too many cases");
    out->ids = mem_array(n_ids, sizeof *out->ids);
    out->ends = mem_array(n, sizeof *out->ends);
    return out->ids && out->ends ? STATUS_OK : STATUS_MEMORY;
}

static size_t begin_of(const struct lists *x, size_t i) { return i ? x->ends[i - 1] : 0; }

/* Every list of a with every one of b. */
enum status lists_both(struct lists *out, struct poly_claim *c, const struct lists *a, const struct lists *b)
{
    size_t at = 0;
    if (a->n > IDS_MOST / (b->n + 1) || a->n_ids > IDS_MOST / (b->n + 1) || b->n_ids > IDS_MOST / (a->n + 1)) return poly_refuse(c, "the claim has too many cases");
    enum status s = make(out, c, a->n * b->n, a->n_ids * b->n + b->n_ids * a->n);
    for (size_t i = 0; s == STATUS_OK && i < out->n; i++) {
        size_t x = i / b->n, y = i % b->n, nx = a->ends[x] - begin_of(a, x), ny = b->ends[y] - begin_of(b, y);
        for (size_t k = 0; k < nx; k++) out->ids[at++] = a->ids[begin_of(a, x) + k];
        for (size_t k = 0; k < ny; k++) out->ids[at++] = b->ids[begin_of(b, y) + k];
        out->ends[i] = at;
    }
    return s;
}

static enum status either(struct lists *out, struct poly_claim *c, const struct lists *a, const struct lists *b)
{
    enum status s = make(out, c, a->n + b->n, a->n_ids + b->n_ids);
    if (s != STATUS_OK) return s;
    if (a->n_ids) memcpy(out->ids, a->ids, a->n_ids * sizeof *out->ids);
    if (b->n_ids) memcpy(out->ids + a->n_ids, b->ids, b->n_ids * sizeof *out->ids);
    for (size_t i = 0; i < a->n; i++) out->ends[i] = a->ends[i];
    for (size_t i = 0; i < b->n; i++) out->ends[a->n + i] = a->n_ids + b->ends[i];
    return s;
}

/* *x := x joined with y, which is taken over. */
static enum status join(struct lists *x, struct poly_claim *c, struct lists *y, bool both)
{
    struct lists out = {0};
    enum status s = both ? lists_both(&out, c, x, y) : either(&out, c, x, y);
    lists_clear(x);
    lists_clear(y);
    *x = out;
    return s;
}

/* One empty list, or none. */
static enum status known(struct lists *out, struct poly_claim *c, bool truth) { return make(out, c, truth ? 1 : 0, 0); }

/* The list of one new atom, a - b (or b - a when swapped); a, b may be NULL: 0. */
static enum status difference(struct lists *out, struct poly_claim *c, const struct poly *a, const struct poly *b, bool swapped, bool strict)
{
    fmpq_t f;
    enum status s = make(out, c, 1, 1);
    struct atom_poly *grown = s == STATUS_OK && c->n_atoms < IDS_MOST ? mem_grow(c->atoms, &c->room_atoms, c->n_atoms + 1, sizeof *grown) : NULL;
    if (s != STATUS_OK || !grown) return s != STATUS_OK ? s : STATUS_MEMORY;
    c->atoms = grown;
    struct atom_poly *x = &c->atoms[c->n_atoms];
    *x = (struct atom_poly){.strict = strict};
    fmpq_init(f);
    fmpq_set_si(f, swapped ? -1 : 1, 1);
    poly_add(&x->p, a, f);
    fmpq_neg(f, f);
    poly_add(&x->p, b, f);
    poly_tidy(&x->p);
    fmpq_clear(f);
    out->ids[0] = c->n_atoms++;
    out->ends[0] = 1;
    return poly_status(c, &x->p);
}

static enum status relation(struct lists *out, struct poly_claim *c, enum oper o, const struct poly *a, const struct poly *b)
{
    struct lists other = {0};
    if (o != OPER_EQ && o != OPER_NE) return difference(out, c, a, b, o == OPER_LT || o == OPER_LE, o == OPER_LT || o == OPER_GT);
    enum status s = difference(out, c, a, b, false, o == OPER_NE);
    if (s == STATUS_OK) s = difference(&other, c, a, b, true, o == OPER_NE);
    return s == STATUS_OK ? join(out, c, &other, o == OPER_EQ) : s;
}

static enum oper opposite(enum oper o)
{
    static const enum oper table[] = {[OPER_LT] = OPER_GE, [OPER_LE] = OPER_GT, [OPER_GT] = OPER_LE, [OPER_GE] = OPER_LT, [OPER_EQ] = OPER_NE, [OPER_NE] = OPER_EQ};
    return table[o];
}

/* a o b; of vectors that all entries are equal, or not all */
static enum status pair(struct lists *out, struct poly_claim *c, enum oper o, const struct polys *a, const struct polys *b, bool positive)
{
    bool equation = o == OPER_EQ || o == OPER_NE, both = (o != OPER_NE) == positive;
    if (a->vector != b->vector || a->n != b->n || (a->vector && !equation)) return poly_refuse(c, "numbers, or vectors of one length beside == and !=, were expected");
    enum status s = known(out, c, both);
    for (size_t i = 0; s == STATUS_OK && i < a->n; i++) {
        struct lists one = {0};
        s = relation(&one, c, positive ? o : opposite(o), &a->p[i], &b->p[i]);
        if (s == STATUS_OK) s = join(out, c, &one, both);
        else lists_clear(&one);
    }
    return s;
}

static enum status comparison(struct lists *out, struct poly_claim *c, const struct expr *e, bool positive)
{
    struct polys a = {0}, b = {0};
    enum status s = known(out, c, positive);
    if (s == STATUS_OK) s = poly_read(&a, c, e->args[0]);
    for (size_t i = 0; s == STATUS_OK && i + 1 < e->n_args; i++) {
        struct lists one = {0};
        s = poly_read(&b, c, e->args[i + 1]);
        if (s == STATUS_OK) s = pair(&one, c, e->opers[i], &a, &b, positive);
        if (s == STATUS_OK) s = join(out, c, &one, positive);
        else lists_clear(&one);
        polys_clear(&a);
        a = b;
        b = (struct polys){0};
    }
    polys_clear(&a);
    polys_clear(&b);
    return s;
}

/* Entry `which` is above (strict) or not below every other one. */
static enum status largest(struct lists *out, struct poly_claim *c, const struct expr *of, const struct expr *which, bool strict, bool positive)
{
    struct polys v = {0};
    long i = 0;
    if (!poly_plain(c, which)) return poly_refuse(c, "an argmax is compared with something that rests on the real variables: say it class by class, all{ argmax(a) == k <=> argmax(b) == k : k in 0..9 }");
    enum status s = interp_int(&i, c->in, which, c->d);
    if (s == STATUS_OK) s = poly_read(&v, c, of);
    if (s == STATUS_OK && !v.vector) s = poly_refuse(c, "argmax of a number");
    bool there = i >= 0 && (size_t)i < v.n;
    if (s == STATUS_OK) s = known(out, c, there == positive);
    for (size_t j = 0; s == STATUS_OK && there && j < v.n; j++) {
        struct lists one = {0};
        if ((size_t)i == j) continue;
        s = difference(&one, c, &v.p[i], &v.p[j], !positive, strict == positive);
        if (s == STATUS_OK) s = join(out, c, &one, positive);
        else lists_clear(&one);
    }
    polys_clear(&v);
    return s;
}

static enum status quantifier(struct lists *out, struct poly_claim *c, const struct expr *e, bool positive)
{
    struct walk *w = NULL;
    bool more = true, both = (e->quant == QUANT_ALL) == positive;
    if (e->where && !poly_plain(c, e->where)) return poly_refuse(c, "the condition of a quantifier reads the real variables");
    enum status s = known(out, c, both);
    if (s == STATUS_OK) s = walk_new(&w, &e->binds, c->in, c->d);
    while (s == STATUS_OK && more) {
        bool open;
        struct lists one = {0};
        s = walk_next_where(&more, &open, w, e->where, c->d);
        if (s == STATUS_OK && open) s = poly_refuse(c, "the condition of a quantifier is unsettled");
        if (s != STATUS_OK || !more) continue;
        s = poly_lists(&one, c, e->args[0], positive);
        if (s == STATUS_OK) s = join(out, c, &one, both);
        else lists_clear(&one);
    }
    walk_free(w);
    return s;
}

static enum status two(struct lists *out, struct poly_claim *c, const struct expr *a, const struct expr *b, bool first, bool second, bool both)
{
    struct lists y = {0};
    enum status s = poly_lists(out, c, a, first);
    if (s == STATUS_OK && poly_plain(c, a) && (out->n > 0) != both) return s;      /* settled: b is not looked at */
    if (s == STATUS_OK) s = poly_lists(&y, c, b, second);
    if (s == STATUS_OK) return join(out, c, &y, both);
    lists_clear(&y);
    return s;
}

/* A <=> B: (A => B) and (B => A) */
static enum status equivalence(struct lists *out, struct poly_claim *c, const struct expr *e, bool positive)
{
    struct lists y = {0};
    enum status s = two(out, c, e->args[0], e->args[1], !positive, positive, !positive);
    if (s == STATUS_OK) s = two(&y, c, e->args[1], e->args[0], !positive, positive, !positive);
    if (s == STATUS_OK) return join(out, c, &y, positive);
    lists_clear(&y);
    return s;
}

static enum status settled(struct lists *out, struct poly_claim *c, const struct expr *e, bool positive)
{
    enum truth t;
    enum status s = interp_truth(&t, c->in, e, c->d);
    if (s == STATUS_OK && t == TRUTH_UNSETTLED) return poly_refuse(c, "a condition is unsettled");
    return s == STATUS_OK ? known(out, c, (t == TRUTH_TRUE) == positive) : s;
}

static enum status connective(struct lists *out, struct poly_claim *c, const struct expr *e, bool positive)
{
    switch (e->oper) {
    case OPER_AND: case OPER_OR: return two(out, c, e->args[0], e->args[1], positive, positive, (e->oper == OPER_AND) == positive);
    case OPER_IMPLIES: return two(out, c, e->args[0], e->args[1], !positive, positive, !positive);
    case OPER_IFF: return equivalence(out, c, e, positive);
    default: return poly_refuse(c, "a truth value was expected");
    }
}

enum status poly_lists(struct lists *out, struct poly_claim *c, const struct expr *e, bool positive)
{
    *out = (struct lists){0};
    if (!e) return known(out, c, positive);
    if (poly_plain(c, e)) return settled(out, c, e, positive);
    if (e->form == FORM_UNARY && e->oper == OPER_NOT) return poly_lists(out, c, e->args[0], !positive);
    if (e->form == FORM_BINARY) return connective(out, c, e, positive);
    bool equation = e->form == FORM_COMPARE && e->n_args == 2 && (e->opers[0] == OPER_EQ || e->opers[0] == OPER_NE);
    for (size_t k = 0; equation && k < 2; k++)
        if (expr_calls(e->args[k], FUNCTION_ARGMAX)) return largest(out, c, e->args[k]->args[0], e->args[1 - k], true, positive == (e->opers[0] == OPER_EQ));
    if (e->form == FORM_COMPARE) return comparison(out, c, e, positive);
    if (e->form == FORM_IN && expr_calls(e->args[1], FUNCTION_ARGMAXES)) return largest(out, c, e->args[1]->args[0], e->args[0], false, positive);
    if (e->form == FORM_QUANT && (e->quant == QUANT_ALL || e->quant == QUANT_ANY || e->quant == QUANT_EXISTS)) return quantifier(out, c, e, positive);
    return poly_refuse(c, "the predicate is not made of comparisons, argmax, `and`, `or`, `not`, `=>`, `<=>`, all{} and any{}");
}

bool list_holds(const struct poly_claim *c, const struct lists *x, size_t i, const fmpq *z)
{
    bool holds = true;
    fmpq_t v;
    fmpq_init(v);
    for (size_t k = begin_of(x, i); holds && k < x->ends[i]; k++) {
        const struct atom_poly *a = &c->atoms[x->ids[k]];
        poly_value(v, &a->p, z);
        holds = a->strict ? fmpq_sgn(v) > 0 : fmpq_sgn(v) >= 0;
    }
    fmpq_clear(v);
    return holds;
}
