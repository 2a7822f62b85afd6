/* Sparse polynomials of degree four or less with rational coefficients. */
#include "polynomial.h"
#include <stdlib.h>

#define TERMS_MOST ((size_t)1 << 22)

int product_degree(power_product k) {
    int d = 0;
    while (d < DEGREE_MOST && product_variable(k, d) != 0) d++;
    return d;
}

static bool product_of(power_product a, power_product b, power_product *out) {
    int i = 0, j = 0, da = product_degree(a), db = product_degree(b);
    if (da + db > DEGREE_MOST) return false;
    *out = 0;
    for (int n = 0; n < da + db; n++) {
        bool first = i < da && (j == db || product_variable(a, i) >= product_variable(b, j));
        *out |= (power_product)(first ? product_variable(a, i++) : product_variable(b, j++)) << (48 - 16 * n);
    }
    return true;
}

void sparse_clear(struct sparse *p) {
    for (size_t i = 0; i < p->n; i++) mpq_clear(p->t[i].c);
    mem_free(p->t);
    *p = (struct sparse){0};
}

static int by_key(const void *a, const void *b) {
    power_product x = ((const struct sparse_term *)a)->key, y = ((const struct sparse_term *)b)->key;
    return x < y ? -1 : x > y;
}

void sparse_tidy(struct sparse *p) {
    size_t n = 0;
    if (p->tidy == p->n) return;
    qsort(p->t, p->n, sizeof *p->t, by_key);
    for (size_t i = 0; i < p->n; i++) {
        if (n > 0 && p->t[n - 1].key == p->t[i].key) {
            mpq_add(p->t[n - 1].c, p->t[n - 1].c, p->t[i].c);
            mpq_clear(p->t[i].c);
            continue;
        }
        if (n > 0 && mpq_sgn(p->t[n - 1].c) == 0) mpq_clear(p->t[--n].c);
        p->t[n++] = p->t[i];
    }
    if (n > 0 && mpq_sgn(p->t[n - 1].c) == 0) mpq_clear(p->t[--n].c);
    p->n = p->tidy = n;
}

void sparse_term(struct sparse *p, power_product key, const mpq_t c) {
    if (mpq_sgn(c) == 0 || p->failed != NULL) return;
    if (p->n >= 2 * p->tidy + 4096) sparse_tidy(p);
    if (p->n >= TERMS_MOST) {
        p->failed = "polynomials of too many terms";
        return;
    }
    if (p->n == p->room) {
        p->t = mem_grow(p->t, p->room, 2 * p->room + 16, sizeof *p->t);
        p->room = 2 * p->room + 16;
    }
    p->t[p->n].key = key;
    mpq_init(p->t[p->n].c);
    mpq_set(p->t[p->n++].c, c);
}

void sparse_add(struct sparse *p, const struct sparse *a, const mpq_t factor) {
    mpq_t c;
    mpq_init(c);
    if (p->failed == NULL) p->failed = a->failed;
    for (size_t i = 0; i < a->n; i++) {
        mpq_mul(c, a->t[i].c, factor);
        sparse_term(p, a->t[i].key, c);
    }
    mpq_clear(c);
}

void sparse_times(struct sparse *p, const struct sparse *a, const struct sparse *b) {
    mpq_t c;
    power_product key = 0;
    mpq_init(c);
    if (p->failed == NULL) p->failed = a->failed != NULL ? a->failed : b->failed;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n && p->failed == NULL; j++) {
            if (!product_of(a->t[i].key, b->t[j].key, &key)) p->failed = "a polynomial of degree more than four";
            mpq_mul(c, a->t[i].c, b->t[j].c);
            sparse_term(p, key, c);
        }
    mpq_clear(c);
}

void sparse_value(mpq_t out, const struct sparse *p, const mpq_t *z) {
    mpq_t c;
    mpq_init(c);
    mpq_set_ui(out, 0, 1);
    for (size_t i = 0; i < p->n; i++) {
        mpq_set(c, p->t[i].c);
        for (int k = 0; k < product_degree(p->t[i].key); k++) mpq_mul(c, c, z[product_variable(p->t[i].key, k) - 1]);
        mpq_add(out, out, c);
    }
    mpq_clear(c);
}

void rowval_clear(struct rowval *v) {
    for (size_t i = 0; i < v->n; i++) sparse_clear(&v->p[i]);
    mem_free(v->p);
    *v = (struct rowval){0};
}

/* ---- p >= 0 everywhere: p(z) = (1, z)' M (1, z) ---- */

/* Twice M times the denominators; map: the row of a variable, 0 for those that do not occur. */
static mpz_t *matrix_of(const struct sparse *p, const size_t *map, size_t side) {
    mpz_t *m = integers_new(side * side), lcm, x;
    mpz_init_set_ui(lcm, 1);
    mpz_init(x);
    for (size_t i = 0; i < p->n; i++) mpz_lcm(lcm, lcm, mpq_denref(p->t[i].c));
    for (size_t i = 0; i < p->n; i++) {
        size_t a = map[product_variable(p->t[i].key, 0)], b = map[product_variable(p->t[i].key, 1)];
        mpz_divexact(x, lcm, mpq_denref(p->t[i].c));
        mpz_mul(x, x, mpq_numref(p->t[i].c));
        mpz_add(m[a * side + b], m[a * side + b], x);
        mpz_add(m[b * side + a], m[b * side + a], x);
    }
    mpz_clears(lcm, x, NULL);
    return m;
}

/* The rows and columns that are not 0 to the front. */
static size_t drop_zeros(mpz_t *m, size_t n) {
    size_t kept = 0, *which = mem_get(n + 1, sizeof *which);
    for (size_t i = 0; i < n; i++) {
        bool zero = true;
        for (size_t j = 0; j < n; j++) zero = zero && mpz_sgn(m[i * n + j]) == 0;
        if (!zero) which[kept++] = i;
    }
    for (size_t i = 0; i < kept; i++)
        for (size_t j = 0; j < kept; j++) mpz_set(m[i * kept + j], m[which[i] * n + which[j]]);
    mem_free(which);
    return kept;
}

bool sparse_semidefinite(const struct sparse *p, size_t n_variables) {
    size_t side = 1, *map = mem_get(n_variables + 1, sizeof *map);
    bool good = p->failed == NULL;
    for (size_t i = 0; good && i < p->n; i++) {
        good = product_degree(p->t[i].key) <= 2;
        for (int k = 0; good && k < product_degree(p->t[i].key); k++)
            if (map[product_variable(p->t[i].key, k)] == 0) map[product_variable(p->t[i].key, k)] = side++;
    }
    if (good) {
        size_t all = side * side;
        mpz_t *m = matrix_of(p, map, side);
        side = drop_zeros(m, side);
        good = side == 0 || positive_definite((const mpz_t *)m, side);
        if (!good) {
            int64_t counts[3];
            matrix_signs(counts, m, side);
            good = counts[2] == 0;
        }
        integers_free(m, all);
    }
    mem_free(map);
    return good;
}
