/* One form on a region: a tree of cells, each the region within closer bounds of the coordinates, and multipliers that show the form positive there. */
#include "deep.h"
#include <string.h>

bool cells_refuse(struct cells *s, const char *what) { return fail_at(s->f, s->line, "%s: %s", s->rule, what); }

/* Coordinate at was split at v: first d_at <= v with the old upper bound kept, then d_at >= v with the old lower bound. */
struct half { size_t at; mpq_t v, kept; bool second; };
struct tree { struct half *half; size_t n, room; };

static void put_half(struct tree *t, size_t at, const mpq_t v, mpq_t hi) {
    if (t->n == t->room) {
        t->half = mem_grow(t->half, t->room, 2 * t->room + 16, sizeof *t->half);
        t->room = 2 * t->room + 16;
    }
    struct half *h = &t->half[t->n++];
    *h = (struct half){.at = at};
    mpq_inits(h->v, h->kept, NULL);
    mpq_set(h->v, v);
    mpq_set(h->kept, hi);
    mpq_set(hi, v);
}

/* The next cell; false: there is none, and the bounds are the region's again. */
static bool next_cell(struct tree *t, struct region *g) {
    while (t->n > 0) {
        struct half *h = &t->half[t->n - 1];
        if (!h->second) {
            mpq_set(g->hi[h->at], h->kept);
            mpq_set(h->kept, g->lo[h->at]);
            mpq_set(g->lo[h->at], h->v);
            return h->second = true;
        }
        mpq_set(g->lo[h->at], h->kept);
        mpq_clears(h->v, h->kept, NULL);
        t->n--;
    }
    return false;
}

/* ---- a leaf ---- */

/* Terms of the multipliers around the middle z of the cell, d = z + u: they add `square`[i] u_i^2, 2 half[i] u_i and `rest` to the form. */
struct terms { mpq_t *square, *half, rest; };

static void add_product(mpq_t out, const mpq_t a, const mpq_t b, mpq_t t) {
    mpq_mul(t, a, b);
    mpq_add(out, out, t);
}

/* - D_i (d_i - lo_i)(hi_i - d_i) = D_i (u_i^2 - ((hi_i - lo_i) / 2)^2) */
static void coordinates(struct terms *x, const struct region *g, const mpq_t *D, mpq_t s, mpq_t t) {
    for (size_t i = 0; i < g->n; i++) {
        mpq_add(x->square[i], x->square[i], D[i]);
        mpq_sub(s, g->hi[i], g->lo[i]);
        mpq_div_2exp(s, s, 1);
        mpq_mul(s, s, s);
        mpq_mul(t, s, D[i]);
        mpq_sub(x->rest, x->rest, t);
    }
}

/* - L (r^2 - |d - centre|^2) */
static void ball(struct terms *x, const struct region *g, const mpq_t *z, const mpq_t L, mpq_t s, mpq_t t) {
    mpq_mul(t, L, g->radius2);
    mpq_sub(x->rest, x->rest, t);
    for (size_t i = 0; i < g->n; i++) {
        mpq_add(x->square[i], x->square[i], L);
        mpq_sub(s, z[i], g->centre[i]);
        add_product(x->half[i], L, s, t);
        mpq_mul(s, s, s);
        add_product(x->rest, L, s, t);
    }
}

/* - M times each limit on several coordinates */
static void joint(struct terms *x, const struct region *g, const mpq_t *z, const mpq_t *M, mpq_t s, mpq_t t) {
    size_t at = 0;
    for (size_t k = 0; k < g->n_limits; k++) {
        if (g->limits[k].alone) continue;
        mpq_neg(s, M[at++]);
        add_product(x->rest, s, g->limits[k].v[g->n], t);
        for (size_t i = 0; i < g->n; i++) {
            mpq_mul(t, s, z[i]);
            mpq_mul(t, t, g->limits[k].v[i]);
            mpq_add(x->rest, x->rest, t);
            mpq_mul(t, s, g->limits[k].v[i]);
            mpq_div_2exp(t, t, 1);
            mpq_add(x->half[i], x->half[i], t);
        }
    }
}

static void lcm_with(mpz_t out, const mpq_t x) { mpz_lcm(out, out, mpq_denref(x)); }

/* Twice unit times the form and the terms, as a matrix of (u, 1) in integers: all times den, the last row and column times s besides. */
static void matrix_of(struct formroom *w, const mpz_t unit, struct terms *x) {
    size_t n = w->n, side = n + 1;
    mpz_t den, s, twice;
    mpq_t t, two;
    mpz_inits(den, s, twice, NULL);
    mpq_inits(t, two, NULL);
    form_gradient(w, twice);
    mpz_mul_2exp(mpq_numref(two), unit, 1);
    mpz_set_ui(den, 1);
    mpz_set_ui(s, 1);
    for (size_t i = 0; i < n; i++) mpq_mul(x->square[i], x->square[i], two), lcm_with(den, x->square[i]);
    for (size_t i = 0; i < n; i++) {
        mpq_mul(x->half[i], x->half[i], two);
        mpq_set_num(t, w->h[i + 1]);
        mpq_set_den(t, w->X[0]);
        mpq_canonicalize(t);
        mpq_add(x->half[i], x->half[i], t);
        mpz_set(mpq_numref(t), den);
        mpz_set_ui(mpq_denref(t), 1);
        mpq_mul(x->half[i], x->half[i], t);
        lcm_with(s, x->half[i]);
    }
    mpq_mul(x->rest, x->rest, two);
    mpz_mul(mpq_denref(t), w->X[0], w->X[0]);
    mpz_set(mpq_numref(t), twice);
    mpq_canonicalize(t);
    mpq_add(x->rest, x->rest, t);
    mpz_mul(mpq_numref(t), den, s);
    mpz_mul(mpq_numref(t), mpq_numref(t), s);
    mpz_set_ui(mpq_denref(t), 1);
    mpq_mul(x->rest, x->rest, t);
    mpz_set(twice, mpq_denref(x->rest)); /* what the corner still lacks */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            mpz_ptr to = w->matrix[i * side + j];
            mpz_mul(to, w->m[monomial(n, j + 1, i + 1)], den);
            if (i != j) continue;
            mpz_mul_2exp(to, to, 1);
            mpz_divexact(den, den, mpq_denref(x->square[i]));
            mpz_addmul(to, den, mpq_numref(x->square[i]));
            mpz_mul(den, den, mpq_denref(x->square[i]));
        }
    mpz_mul(s, s, twice);
    for (size_t j = 0; j < n; j++) {
        mpz_divexact(w->matrix[n * side + j], s, mpq_denref(x->half[j]));
        mpz_mul(w->matrix[n * side + j], w->matrix[n * side + j], mpq_numref(x->half[j]));
    }
    mpz_mul(w->matrix[n * side + n], mpq_numref(x->rest), twice);
    mpz_clears(den, s, twice, NULL);
    mpq_clears(t, two, NULL);
}

/* The multipliers: L of an l2 ball, one a coordinate, one a joint limit. */
static bool leaf_holds(struct cells *s, const mpz_t unit, const mpq_t *multipliers) {
    const struct region *g = s->g;
    size_t n = g->n;
    struct terms x = {.square = vector_new(n), .half = vector_new(n)};
    mpq_t *z = vector_new(n), a, b;
    mpq_inits(x.rest, a, b, NULL);
    for (size_t i = 0; i < n; i++) {
        mpq_add(z[i], g->lo[i], g->hi[i]);
        mpq_div_2exp(z[i], z[i], 1);
    }
    coordinates(&x, g, multipliers + g->l2, a, b);
    if (g->l2) ball(&x, g, (const mpq_t *)z, multipliers[0], a, b);
    joint(&x, g, (const mpq_t *)z, multipliers + g->l2 + n, a, b);
    form_point(s->w->X, s->shift, z, n);
    matrix_of(s->w, unit, &x);
    bool good = positive_definite((const mpz_t *)s->w->matrix, n + 1);
    vector_free(x.square, n);
    vector_free(x.half, n);
    vector_free(z, n);
    mpq_clears(x.rest, a, b, NULL);
    return good;
}

size_t leaf_numbers(const struct cells *s) { return s->g->l2 + s->g->n + s->g->joint + (s->inner != NULL ? s->inner->width : 0); }

static bool leaf(struct cells *s, const mpz_t unit, const char *text, size_t size) {
    size_t count = leaf_numbers(s);
    mpq_t *multipliers = vector_new(count);
    bool good = rationals_read(text, size, ' ', multipliers, count);
    if (!good) cells_refuse(s, "a leaf has a multiplier of the ball, if it is one, of each coordinate, of each entry of the node between two layers, if there is one, and of each condition on several");
    for (size_t i = 0; good && i < count; i++)
        if (mpq_sgn(multipliers[i]) < 0) good = cells_refuse(s, "a multiplier is negative");
    if (good && !(s->inner != NULL ? deep_holds(s->g, s->w, s->inner, s->shift, unit, (const mpq_t *)multipliers) : leaf_holds(s, unit, (const mpq_t *)multipliers))) good = cells_refuse(s, "the multipliers do not show the form positive");
    vector_free(multipliers, count);
    return good;
}

/* I V */
static bool split(struct cells *s, struct tree *t, const char *text, size_t size) {
    mpq_t v[2];
    mpq_inits(v[0], v[1], NULL);
    bool good = rationals_read(text, size, ' ', v, 2) && mpz_cmp_ui(mpq_denref(v[0]), 1) == 0 && mpq_sgn(v[0]) >= 0 && mpz_cmp_ui(mpq_numref(v[0]), s->g->n) < 0;
    if (!good) cells_refuse(s, "a split is of a coordinate at a number");
    size_t at = good ? mpz_get_ui(mpq_numref(v[0])) : 0;
    if (good && (mpq_cmp(v[1], s->g->lo[at]) < 0 || mpq_cmp(v[1], s->g->hi[at]) > 0)) good = cells_refuse(s, "a split lies outside its cell");
    if (good) put_half(t, at, v[1], s->g->hi[at]);
    mpq_clears(v[0], v[1], NULL);
    return good;
}

bool cells_show(struct cells *s, const mpz_t unit) {
    struct tree t = {0};
    bool good = true, more = true;
    while (good && more) {
        const char *x;
        size_t n;
        if (!s->next(s, &x, &n)) good = false;
        else if (n > 6 && memcmp(x, "split ", 6) == 0) good = split(s, &t, x + 6, n - 6);
        else if (n > 5 && memcmp(x, "leaf ", 5) == 0) good = leaf(s, unit, x + 5, n - 5), more = good && next_cell(&t, s->g);
        else good = cells_refuse(s, "'split' or 'leaf' expected");
    }
    while (t.n > 0) t.n--, mpq_clears(t.half[t.n].v, t.half[t.n].kept, NULL);
    mem_free(t.half);
    return good;
}
