/* Weights that exclude a list of inequalities. First those that can be read off: one atom, two opposite ones, signs of coefficients. Then a small semidefinite
 * program, in doubles: the largest t such that minus the weighted sum of the atoms' matrices is at least t times the identity (polynomial_program.c). What is
 * found is rounded and tested exactly. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial_program.h"

static size_t begin_of(const struct lists *x, size_t i) { return i ? x->ends[i - 1] : 0; }

static enum status add(struct weights *w, long atom, long first, long second, const fmpq_t x)
{
    struct weight_term *grown = mem_grow(w->t, &w->room, w->n + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    w->t = grown;
    struct weight_term *t = &w->t[w->n++];
    *t = (struct weight_term){.atom = atom, .first = first, .second = second};
    fmpq_init(&t->w);
    fmpq_set(&t->w, x);
    return STATUS_OK;
}

static enum status one_atom(bool *found, struct weights *w, struct poly_claim *c, size_t atom)
{
    fmpq_t one;
    *found = false;
    fmpq_init(one);
    fmpq_one(one);
    weights_clear(w);
    enum status s = add(w, (long)atom, -1, -1, one);
    if (s == STATUS_OK) s = weights_hold(found, c, w);
    return s;
}

/* a = -r b with r > 0 */
static bool opposite(fmpq_t r, const struct poly *a, const struct poly *b)
{
    fmpq_t t;
    if (a->n != b->n || a->n == 0) return false;
    bool same = true;
    fmpq_init(t);
    for (size_t i = 0; same && i < a->n; i++) {
        same = a->t[i].key == b->t[i].key;
        if (!same) break;
        fmpq_div(t, &a->t[i].c, &b->t[i].c);
        fmpq_neg(t, t);
        if (i == 0) fmpq_set(r, t);
        same = fmpq_equal(t, r) && fmpq_sgn(r) > 0;
    }
    fmpq_clear(t);
    return same;
}

static enum status opposite_atoms(bool *found, struct weights *w, struct poly_claim *c, const size_t *ids, size_t n)
{
    fmpq_t r, one;
    enum status s = STATUS_OK;
    fmpq_init(r);
    fmpq_init(one);
    fmpq_one(one);
    for (size_t i = 0; s == STATUS_OK && !*found && i < n; i++)
        for (size_t j = 0; s == STATUS_OK && !*found && j < i; j++) {
            const struct atom_poly *a = &c->atoms[ids[i]], *b = &c->atoms[ids[j]];
            if (!(a->strict || b->strict) || !opposite(r, &a->p, &b->p)) continue;
            weights_clear(w);
            s = add(w, (long)ids[j], -1, -1, r);
            if (s == STATUS_OK) s = add(w, (long)ids[i], -1, -1, one);
            if (s == STATUS_OK) s = weights_hold(found, c, w);
        }
    fmpq_clear(r);
    fmpq_clear(one);
    return s;
}

/* ---- by signs ---- */

/* The atom times -1 in y = z - lo, for variables with a lower end. */
static enum status shifted(struct poly *out, struct poly_claim *c, const struct poly *p)
{
    fmpq_t f, one;
    fmpq_init(f);
    fmpq_init(one);
    fmpq_one(one);
    for (size_t i = 0; i < p->n; i++) {
        struct poly product = {0};
        fmpq_neg(f, &p->t[i].c);
        poly_term(&product, 0, f);
        for (int k = 0; k < DEGREE_MOST && key_variable(p->t[i].key, k); k++) {
            size_t v = key_variable(p->t[i].key, k);
            struct poly y = {0}, next = {0};
            poly_term(&y, (monomial_key)v << 48, one);
            if (c->ranges[v - 1].has_lo) poly_term(&y, 0, c->ranges[v - 1].lo);
            poly_tidy(&y);
            poly_times(&next, &product, &y);
            poly_tidy(&next);
            poly_clear(&product);
            poly_clear(&y);
            product = next;
        }
        poly_add(out, &product, one);
        poly_clear(&product);
    }
    poly_tidy(out);
    fmpq_clear(f);
    fmpq_clear(one);
    return poly_status(c, out);
}

/* What falls in a variable between two ends is concave: -q y^2 = q y (b - y) - q b y. */
static enum status fold_concave(struct poly *p, struct weights *w, struct poly_claim *c)
{
    enum status s = STATUS_OK;
    fmpq_t q, b;
    fmpq_init(q);
    fmpq_init(b);
    size_t n = p->n;
    for (size_t i = 0; s == STATUS_OK && i < n; i++) {
        size_t v = key_variable(p->t[i].key, 0);
        const struct range *r = v ? &c->ranges[v - 1] : NULL;
        if (key_degree(p->t[i].key) != 2 || v != key_variable(p->t[i].key, 1) || fmpq_sgn(&p->t[i].c) >= 0 || !r->has_lo || !r->has_hi) continue;
        fmpq_neg(q, &p->t[i].c);
        s = add(w, -1, 2 * (long)(v - 1), 2 * (long)(v - 1) + 1, q);
        poly_term(p, p->t[i].key, q);
        fmpq_sub(b, r->hi, r->lo);
        fmpq_mul(b, b, q);
        fmpq_neg(b, b);
        poly_term(p, (monomial_key)v << 48, b);
    }
    poly_tidy(p);
    fmpq_clear(q);
    fmpq_clear(b);
    return s == STATUS_OK ? poly_status(c, p) : s;
}

/* Is the atom negative (not positive) in the region because its coefficients are? Squares are left to the matrix. */
static enum status by_signs(bool *found, struct weights *w, struct poly_claim *c, size_t atom)
{
    struct poly p = {0};
    fmpq_t one;
    fmpq_init(one);
    fmpq_one(one);
    weights_clear(w);
    enum status s = add(w, (long)atom, -1, -1, one);
    if (s == STATUS_OK) s = shifted(&p, c, &c->atoms[atom].p);
    if (s == STATUS_OK) s = fold_concave(&p, w, c);
    for (size_t i = 0; s == STATUS_OK && i < p.n; i++) {
        int d = key_degree(p.t[i].key);
        size_t u = key_variable(p.t[i].key, 0), v = key_variable(p.t[i].key, 1);
        if (d == 0 && fmpq_sgn(&p.t[i].c) > 0 && !c->atoms[atom].strict) fmpq_set(&w->epsilon, &p.t[i].c);
        if (d < 1 || d > 2 || u == v || fmpq_sgn(&p.t[i].c) <= 0 || !c->ranges[u - 1].has_lo || (v && !c->ranges[v - 1].has_lo)) continue;
        s = v ? add(w, -1, 2 * (long)(v - 1), 2 * (long)(u - 1), &p.t[i].c) : add(w, -1, 2 * (long)(u - 1), -1, &p.t[i].c);
    }
    if (s == STATUS_OK) s = weights_hold(found, c, w);
    poly_clear(&p);
    fmpq_clear(one);
    return s;
}

/* ---- rounding ---- */

/* The weights of the program with this many bits after the largest one; what is far below it is left out. */
static enum status rounded(struct weights *w, const struct program *g, const double *x, int bits, double epsilon)
{
    enum status s = STATUS_OK;
    double most = 0;
    fmpq_t f;
    fmpq_init(f);
    weights_clear(w);
    for (size_t k = 0; k < g->n; k++) most = fmax(most, x[k]);
    double step = exp2(floor(log2(most)) - bits);
    for (size_t k = 0; s == STATUS_OK && k < g->n; k++) {
        double v = round(x[k] / step);
        mpq_t q;
        if (!(v > 0) || !isfinite(v * step)) continue;
        mpq_init(q);
        mpq_set_d(q, v * step);
        fmpq_set_mpq(f, q);
        mpq_clear(q);
        s = add(w, g->columns[k].atom, g->columns[k].first, g->columns[k].second, f);
    }
    if (epsilon > 0 && isfinite(epsilon)) {
        mpq_t q;
        mpq_init(q);
        mpq_set_d(q, exp2(floor(log2(epsilon))));
        fmpq_set_mpq(&w->epsilon, q);
        mpq_clear(q);
    }
    fmpq_clear(f);
    return s;
}

static bool has_strict(const struct poly_claim *c, const struct weights *w)
{
    bool strict = false;
    for (size_t i = 0; i < w->n; i++) strict = strict || (w->t[i].atom >= 0 && c->atoms[w->t[i].atom].strict);
    return strict;
}

static enum status by_program(bool *found, struct weights *w, struct starts *starts, struct poly_claim *c, const size_t *ids, size_t n, const struct limits *l)
{
    static const int bits[] = {3, 8, 16, 26, 40, 52};
    struct program g;
    double t = 0, *x = NULL;
    enum status s = program_make(&g, c, ids, n);
    if (s == STATUS_OK && g.n > 0 && !(x = mem_array(g.n, sizeof *x))) s = STATUS_MEMORY;
    bool solved = false;
    if (s == STATUS_OK && g.n > 0) s = program_solve(&solved, x, &t, starts, &g, c, l);
    for (size_t k = 0; s == STATUS_OK && solved && t > -1e-7 && !*found && k < sizeof bits / sizeof *bits; k++) {
        s = rounded(w, &g, x, bits[k], 0);
        if (s == STATUS_OK && !has_strict(c, w)) s = rounded(w, &g, x, bits[k], t / 4);
        if (s == STATUS_OK) s = weights_hold(found, c, w);
    }
    free(x);
    program_clear(&g);
    return s;
}

enum status weights_find(bool *found, struct weights *w, struct starts *starts, struct poly_claim *c, const struct lists *x, size_t i, const struct limits *l)
{
    const size_t *ids = x->ids + begin_of(x, i);
    size_t n = x->ends[i] - begin_of(x, i);
    bool bounded = false;
    enum status s = STATUS_OK;
    *found = false;
    for (size_t v = 0; v < c->n_variables; v++) bounded = bounded || c->ranges[v].has_lo;
    s = opposite_atoms(found, w, c, ids, n);
    for (size_t k = 0; s == STATUS_OK && !*found && k < n; k++) s = one_atom(found, w, c, ids[k]);
    for (size_t k = 0; s == STATUS_OK && bounded && !*found && k < n; k++) s = by_signs(found, w, c, ids[k]);
    if (s == STATUS_OK && !*found) s = by_program(found, w, starts, c, ids, n, l);
    return s;
}
