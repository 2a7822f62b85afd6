/* Two layers on a cell: around its middle z, h = a + G u + e(u) with e_j = u'Q_j u. Of the form F(h) what is linear in e is a quadratic form of u, exactly;
 * in the rest e_j is a variable of its own, between the ends of interval arithmetic. */
#include "deep.h"

bool deep_find(struct rowpoly *outer, struct rowpoly *inner, const struct net *net) {
    *outer = *inner = (struct rowpoly){0};
    for (int i = 0; i < net->n_nodes; i++) {
        struct fail f = {0};
        struct net part = *net;
        struct rowpoly o = {0}, h = {0};
        size_t width = net->nodes[i].width;
        part.output = i;
        if (i == net->output || width + net->in_width > DEEP_MOST || (inner->c != NULL && width >= inner->width)) continue;
        if (net_rowpoly(&o, net, i, &f) && net_rowpoly(&h, &part, -1, &f)) {
            rowpoly_clear(outer);
            rowpoly_clear(inner);
            *outer = o;
            *inner = h;
            continue;
        }
        rowpoly_clear(&o);
        rowpoly_clear(&h);
    }
    return inner->c != NULL;
}

/* Coefficient of x_u x_v in entry j, over 2^scale; x_0 = 1 */
static void coefficient(mpq_t out, const struct rowpoly *p, size_t j, size_t n, size_t u, size_t v) {
    mpq_set_z(out, p->c[j * p->each + monomial(n, u < v ? u : v, u < v ? v : u)]);
    mpq_div_2exp(out, out, p->scale);
}

/* Value of entry j at x, and in slope[0 .. n-1] its gradient there. */
static void expand(mpq_t value, mpq_t *slope, const struct rowpoly *p, size_t j, const mpq_t *x, size_t n) {
    mpq_t c, t;
    mpq_inits(c, t, NULL);
    coefficient(value, p, j, n, 0, 0);
    for (size_t u = 1; u <= n; u++) {
        coefficient(slope[u - 1], p, j, n, 0, u);
        mpq_mul(t, slope[u - 1], x[u - 1]);
        mpq_add(value, value, t);
    }
    for (size_t u = 1; u <= n; u++)
        for (size_t v = u; v <= n; v++) {
            coefficient(c, p, j, n, u, v);
            if (mpq_sgn(c) == 0) continue;
            mpq_mul(t, c, x[v - 1]);
            mpq_add(slope[u - 1], slope[u - 1], t);
            mpq_mul(t, t, x[u - 1]);
            mpq_add(value, value, t);
            mpq_mul(t, c, x[u - 1]);
            mpq_add(slope[v - 1], slope[v - 1], t);
        }
    mpq_clears(c, t, NULL);
}

void deep_row(mpq_t *h, const struct rowpoly *inner, const mpq_t *a, const mpq_t *b, size_t n) {
    mpq_t *x = vector_new(n), *slope = vector_new(n);
    for (size_t i = 0; i < n; i++) mpq_add(x[i], a[i], b[i]);
    for (size_t j = 0; j < inner->width; j++) expand(h[j], slope, inner, j, (const mpq_t *)x, n);
    vector_free(x, n);
    vector_free(slope, n);
}

/* One cell. n inputs, k entries of h, side = n + k + 1: the matrix T of (u, e - mid, 1). z: its middle, r: its half widths; a, G: value and gradients of h;
 * phi: gradient of F at a; Phi: its quadratic part; mid, half2: of e, its middle and half its width squared. */
struct deep { size_t n, k, side; const struct region *g; const struct rowpoly *inner; mpq_t *T, *z, *r, *a, *G, *phi, *Phi, *mid, *half2, s, t; };

static void make(struct deep *d, const struct region *g, const struct rowpoly *inner) {
    size_t n = g->n, k = inner->width, side = n + k + 1;
    *d = (struct deep){.n = n, .k = k, .side = side, .g = g, .inner = inner, .T = vector_new(side * side), .z = vector_new(n), .r = vector_new(n), .a = vector_new(k), .G = vector_new(k * n),
                       .phi = vector_new(k), .Phi = vector_new(k * k), .mid = vector_new(k), .half2 = vector_new(k)};
    mpq_inits(d->s, d->t, NULL);
}

static void drop(struct deep *d) {
    vector_free(d->T, d->side * d->side);
    vector_free(d->z, d->n);
    vector_free(d->r, d->n);
    vector_free(d->a, d->k);
    vector_free(d->G, d->k * d->n);
    vector_free(d->phi, d->k);
    vector_free(d->Phi, d->k * d->k);
    vector_free(d->mid, d->k);
    vector_free(d->half2, d->k);
    mpq_clears(d->s, d->t, NULL);
}

static void add(struct deep *d, size_t i, size_t j, const mpq_t x) {
    mpq_t *to = &d->T[i * d->side + j];
    mpq_add(*to, *to, x);
    if (i != j) mpq_add(d->T[j * d->side + i], d->T[j * d->side + i], x);
}

/* add(i, j, a b) */
static void add_product(struct deep *d, size_t i, size_t j, const mpq_t a, const mpq_t b) {
    mpq_mul(d->t, a, b);
    add(d, i, j, d->t);
}

/* z, r, a and G */
static void around(struct deep *d, const mpq_t *shift) {
    mpq_t *x = vector_new(d->n);
    for (size_t i = 0; i < d->n; i++) {
        mpq_add(d->z[i], d->g->lo[i], d->g->hi[i]);
        mpq_div_2exp(d->z[i], d->z[i], 1);
        mpq_sub(d->r[i], d->g->hi[i], d->z[i]);
        mpq_add(x[i], d->z[i], shift[i]);
    }
    for (size_t j = 0; j < d->k; j++) expand(d->a[j], d->G + j * d->n, d->inner, j, (const mpq_t *)x, d->n);
    vector_free(x, d->n);
}

/* phi and Phi of F = m / unit at a; F(a) into the corner */
static void outer(struct deep *d, const mpz_t *m, const mpz_t unit) {
    size_t k = d->k;
    mpq_t value;
    mpq_init(value);
    mpq_set_z(value, m[0]);
    for (size_t i = 0; i < k; i++) {
        mpq_set_z(d->phi[i], m[monomial(k, 0, i + 1)]);
        mpq_mul(d->t, d->phi[i], d->a[i]);
        mpq_add(value, value, d->t);
        for (size_t j = 0; j < k; j++) {
            mpq_set_z(d->Phi[i * k + j], m[i < j ? monomial(k, i + 1, j + 1) : monomial(k, j + 1, i + 1)]);
            if (i != j) mpq_div_2exp(d->Phi[i * k + j], d->Phi[i * k + j], 1);
            mpq_mul(d->t, d->Phi[i * k + j], d->a[j]);
            mpq_mul(d->s, d->t, d->a[i]);
            mpq_add(value, value, d->s);
            mpq_mul_2exp(d->t, d->t, 1);
            mpq_add(d->phi[i], d->phi[i], d->t);
        }
    }
    mpq_set_z(d->s, unit);
    for (size_t i = 0; i < k; i++) mpq_div(d->phi[i], d->phi[i], d->s);
    for (size_t i = 0; i < k * k; i++) mpq_div(d->Phi[i], d->Phi[i], d->s);
    mpq_div(value, value, d->s);
    add(d, d->side - 1, d->side - 1, value);
    mpq_clear(value);
}

/* R >= |u|^2 on the cell: the sum of r_i^2, or, from the ball, |d - c|^2 + 2 (d - c)'(c - z) + |c - z|^2 */
static void squared_length(mpq_t out, struct deep *d) {
    const struct region *g = d->g;
    mpq_t by_ball, off;
    mpq_inits(by_ball, off, NULL);
    mpq_set_ui(out, 0, 1);
    mpq_set(by_ball, g->radius2);
    for (size_t i = 0; i < d->n; i++) {
        mpq_mul(d->t, d->r[i], d->r[i]);
        mpq_add(out, out, d->t);
        mpq_sub(off, g->centre[i], d->z[i]);
        mpq_sub(d->s, mpq_sgn(off) > 0 ? g->hi[i] : g->lo[i], g->centre[i]); /* where the product is largest */
        mpq_mul(d->s, d->s, off);
        mpq_mul_2exp(d->s, d->s, 1);
        mpq_add(by_ball, by_ball, d->s);
        mpq_mul(off, off, off);
        mpq_add(by_ball, by_ball, off);
    }
    if (mpq_cmp(by_ball, out) < 0) mpq_set(out, by_ball);
    mpq_clears(by_ball, off, NULL);
}

/* The ends lo and hi of e_j, or on a ball minus and plus |Q_j| R, |Q_j|^2 = size2, when these are nearer */
static void ends(struct deep *d, size_t j, const mpq_t lo, const mpq_t hi, mpq_t size2, const mpq_t R) {
    mpq_add(d->mid[j], lo, hi);
    mpq_div_2exp(d->mid[j], d->mid[j], 1);
    mpq_sub(d->s, hi, d->mid[j]);
    mpq_mul(d->half2[j], d->s, d->s);
    mpq_mul(size2, size2, R);
    mpq_mul(size2, size2, R);
    if (!d->g->l2 || mpq_cmp(size2, d->half2[j]) >= 0) return;
    mpq_set_ui(d->mid[j], 0, 1);
    mpq_set(d->half2[j], size2);
}

/* What is linear in e_j = u'Q_j u goes to T as phi_j u'Q_j u; mid and half2 are of the ends of e_j on the cell. */
static void inner_forms(struct deep *d) {
    mpq_t c, lo, hi, size2, R;
    mpq_inits(c, lo, hi, size2, R, NULL);
    if (d->g->l2) squared_length(R, d);
    for (size_t j = 0; j < d->k; j++) {
        mpq_set_ui(lo, 0, 1);
        mpq_set_ui(hi, 0, 1);
        mpq_set_ui(size2, 0, 1);
        for (size_t u = 0; u < d->n; u++)
            for (size_t v = u; v < d->n; v++) {
                coefficient(c, d->inner, j, d->n, u + 1, v + 1);
                if (mpq_sgn(c) == 0) continue;
                mpq_mul(d->s, c, d->r[u]);
                mpq_mul(d->s, d->s, d->r[v]);
                bool up = mpq_sgn(d->s) > 0;
                if (u != v) mpq_abs(d->s, d->s);
                if (u != v || up) mpq_add(hi, hi, d->s);
                if (u != v || !up) u != v ? mpq_sub(lo, lo, d->s) : mpq_add(lo, lo, d->s);
                if (u != v) mpq_div_2exp(c, c, 1);
                add_product(d, u, v, c, d->phi[j]);
                mpq_mul(c, c, c);
                if (u != v) mpq_mul_2exp(c, c, 1);
                mpq_add(size2, size2, c);
            }
        ends(d, j, lo, hi, size2, R);
    }
    mpq_clears(c, lo, hi, size2, R, NULL);
}

/* phi'G u, and (G u + e)'Phi (G u + e) with e = mid + e' */
static void outer_forms(struct deep *d) {
    size_t n = d->n, k = d->k, one = d->side - 1;
    mpq_t *PG = vector_new(k * n), *Pm = vector_new(k);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            vector_add(PG + i * n, (const mpq_t *)d->G + j * n, d->Phi[i * k + j], n);
            mpq_mul(d->t, d->Phi[i * k + j], d->mid[j]);
            mpq_add(Pm[i], Pm[i], d->t);
            if (j <= i) add(d, n + i, n + j, d->Phi[i * k + j]);
        }
    for (size_t i = 0; i < k; i++) {
        mpq_div_2exp(d->s, d->phi[i], 1);
        mpq_add(d->s, d->s, Pm[i]);
        for (size_t u = 0; u < n; u++) {
            add_product(d, u, one, d->s, d->G[i * n + u]);
            add(d, u, n + i, PG[i * n + u]);
            for (size_t v = u; v < n; v++) add_product(d, u, v, d->G[i * n + u], PG[i * n + v]);
        }
        add(d, n + i, one, Pm[i]);
        add_product(d, one, one, Pm[i], d->mid[i]);
    }
    vector_free(PG, k * n);
    vector_free(Pm, k);
}

/* Less the multiplied conditions. */
static void conditions(struct deep *d, const mpq_t *m) {
    const struct region *g = d->g;
    size_t n = d->n, one = d->side - 1;
    if (g->l2) {
        mpq_mul(d->s, m[0], g->radius2);
        mpq_neg(d->s, d->s);
        add(d, one, one, d->s);
        for (size_t i = 0; i < n; i++) {
            add(d, i, i, m[0]);
            mpq_sub(d->s, d->z[i], g->centre[i]);
            add_product(d, i, one, d->s, m[0]);
            mpq_mul(d->s, d->s, d->s);
            add_product(d, one, one, d->s, m[0]);
        }
        m++;
    }
    for (size_t i = 0; i < n + d->k; i++) {
        add(d, i, i, m[i]);
        if (i < n) mpq_mul(d->s, d->r[i], d->r[i]);
        else mpq_set(d->s, d->half2[i - n]);
        mpq_neg(d->s, d->s);
        add_product(d, one, one, d->s, m[i]);
    }
    m += n + d->k;
    for (size_t j = 0; j < g->n_limits; j++) {
        if (g->limits[j].alone) continue;
        mpq_neg(d->s, *m++);
        add_product(d, one, one, d->s, g->limits[j].v[n]);
        for (size_t i = 0; i < n; i++) {
            mpq_mul(d->t, d->s, g->limits[j].v[i]);
            mpq_mul(d->t, d->t, d->z[i]);
            add(d, one, one, d->t);
            mpq_mul(d->t, d->s, g->limits[j].v[i]);
            mpq_div_2exp(d->t, d->t, 1);
            add(d, i, one, d->t);
        }
    }
}

/* T times the least common denominator */
static bool definite(const struct deep *d) {
    size_t size = d->side * d->side;
    mpz_t *m = integers_new(size), den;
    mpz_init_set_ui(den, 1);
    for (size_t i = 0; i < size; i++) mpz_lcm(den, den, mpq_denref(d->T[i]));
    for (size_t i = 0; i < size; i++) {
        mpz_divexact(m[i], den, mpq_denref(d->T[i]));
        mpz_mul(m[i], m[i], mpq_numref(d->T[i]));
    }
    bool good = positive_definite((const mpz_t *)m, d->side);
    integers_free(m, size);
    mpz_clear(den);
    return good;
}

bool deep_holds(const struct region *g, const struct formroom *w, const struct rowpoly *inner, const mpq_t *shift, const mpz_t unit, const mpq_t *multipliers) {
    struct deep d;
    make(&d, g, inner);
    around(&d, shift);
    outer(&d, (const mpz_t *)w->m, unit);
    inner_forms(&d);
    outer_forms(&d);
    conditions(&d, multipliers);
    bool good = definite(&d);
    drop(&d);
    return good;
}
