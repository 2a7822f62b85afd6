/* Singular values of exact matrices, effective ranks, inner products of the forms of a network's outputs (STATEMENT.md §3). */
#include "bases.h"
#include <stdlib.h>

#define ROWS_MOST 4000

static int falling(const void *a, const void *b) { return mpz_cmp(*(const mpz_t *)b, *(const mpz_t *)a); }

/* |x| of enclosed numbers by falling size: the k-th largest lies between the k-th largest lower and the k-th largest upper end */
static void moduli(struct eval *e, struct val *v) {
    size_t n = v->d[0];
    mpz_t *lo = integers_new(n), *hi = integers_new(n);
    for (size_t i = 0; i < n; i++) {
        num_abs(&v->x[i], &v->x[i], e->p);
        mpz_set(lo[i], LO(&v->x[i]));
        mpz_set(hi[i], HI(&v->x[i]));
    }
    qsort(lo, n, sizeof *lo, falling);
    qsort(hi, n, sizeof *hi, falling);
    for (size_t i = 0; i < n; i++) {
        mpz_set(LO(&v->x[i]), lo[i]);
        mpz_set(HI(&v->x[i]), hi[i]);
    }
    integers_free(lo, n);
    integers_free(hi, n);
}

/* square roots of the eigenvalues of m / den, which has none below 0, falling */
static bool roots(struct eval *e, const mpz_t *m, const mpz_t den, size_t n, struct val *out) {
    struct val v;
    if (!eval_ends(e, m, den, n, &v)) return false;
    val_array(e, out, 1, (uint32_t)n, 0, 0);
    for (size_t i = 0; i < n; i++) {
        struct num *x = &v.x[n - 1 - i];
        if (mpz_sgn(LO(x)) < 0) mpz_set_ui(LO(x), 0);
        if (mpz_sgn(HI(x)) < 0) mpz_set_ui(HI(x), 0);
        if (!num_sqrt(&out->x[i], x, e->p)) return eval_fail(e, "singular values that are not enclosed");
    }
    return true;
}

/* of m / den, rows x cols */
static bool singular(struct eval *e, const mpz_t *m, const mpz_t den, size_t rows, size_t cols, struct val *out) {
    if (rows == cols && integers_symmetric(m, rows)) {
        if (!eval_ends(e, m, den, rows, out)) return false;
        moduli(e, out);
        return true;
    }
    size_t n = rows < cols ? rows : cols, across = rows < cols ? 1 : cols, along = rows < cols ? cols : 1, length = rows < cols ? cols : rows;
    mpz_t *g = integers_new(n * n), square;
    mpz_init(square);
    mpz_mul(square, den, den);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t l = 0; l < length; l++) mpz_addmul(g[i * n + j], m[i * along + l * across], m[j * along + l * across]);
    bool good = roots(e, (const mpz_t *)g, square, n, out);
    integers_free(g, n * n);
    mpz_clear(square);
    return good;
}

static bool of_matrix(struct eval *e, const struct ex *x, struct val *out) {
    struct val a, v;
    if (!need_array(e, x->k[0], &a)) return false;
    if (a.rank != 2 || val_size(&a) == 0 || a.d[0] > ROWS_MOST || a.d[1] > ROWS_MOST) return eval_fail(e, "a matrix was expected");
    for (size_t i = 0; i < val_size(&a); i++)
        if (!num_exact(&a.x[i])) return eval_fail(e, "a matrix of exact numbers was expected");
    size_t size = val_size(&a);
    mpz_t *m = integers_new(size), den;
    mpz_init(den);
    val_over_one(m, den, &a);
    bool good = singular(e, (const mpz_t *)m, den, a.d[0], a.d[1], &v);
    integers_free(m, size);
    mpz_clear(den);
    if (!good) return false;
    *out = v;
    if (x->number == FN_SINGULAR_VALUES) return true;
    struct num *sum = pool_get(e, 1), *squares = pool_get(e, 1), *t = pool_get(e, 1);
    num_set_int(sum, 0);
    num_set_int(squares, 0);
    for (uint32_t i = 0; i < v.d[0]; i++) num_add(sum, sum, &v.x[i], e->p);
    for (size_t i = 0; i < size; i++) {
        num_mul(t, &a.x[i], &a.x[i], e->p);
        num_add(squares, squares, t, e->p);
    }
    *out = (struct val){.type = V_NUM, .x = sum};
    num_square(sum, sum, e->p);
    return num_div(sum, sum, squares, e->p) ? true : eval_fail(e, "the effective rank of a matrix of zeros");
}

/* <A_a, A_b> times 4 den^2, den = 2^scale: twice a coefficient on the diagonal, a coefficient beside it, twice */
static void inner(mpz_t out, const struct rowpoly *p, size_t n, size_t a, size_t b) {
    mpz_t t;
    mpz_init(t);
    mpz_set_ui(out, 0);
    for (size_t u = 1; u <= n; u++)
        for (size_t v = u; v <= n; v++) {
            mpz_mul(t, p->c[a * p->each + monomial(n, u, v)], p->c[b * p->each + monomial(n, u, v)]);
            mpz_mul_2exp(t, t, u == v ? 2 : 1);
            mpz_add(out, out, t);
        }
    mpz_clear(t);
}

static bool of_network(struct eval *e, const struct ex *x, struct val *out) {
    if (x->k[0]->kind != EX_MODEL || e->s->models[x->k[0]->number].net == NULL) return eval_fail(e, "a network was expected");
    const struct net *net = e->s->models[x->k[0]->number].net;
    int leaf = -1;
    if (x->n == 2 && (x->k[1]->kind != EX_STRING || (leaf = net_find(net, x->k[1]->name)) < 0)) return eval_fail(e, "the name of a node was expected");
    const struct rowpoly *p = eval_polynomials(e, x->k[0]->number, leaf, false);
    if (p == NULL) return false;
    size_t k = p->width, n = leaf < 0 ? net->in_width : net->nodes[leaf].width;
    mpz_t *g = integers_new(k * k), den;
    mpz_init(den);
    mpz_setbit(den, 2 * p->scale + 2);
    for (size_t a = 0; a < k; a++)
        for (size_t b = 0; b < k; b++) inner(g[a * k + b], p, n, a, b);
    bool good = true;
    if (x->number == FN_HOSVD) good = roots(e, (const mpz_t *)g, den, k, out);
    else {
        mpq_t q;
        mpq_init(q);
        val_array(e, out, 2, (uint32_t)k, (uint32_t)k, 0);
        for (size_t i = 0; i < k * k; i++) {
            mpq_set_num(q, g[i]);
            mpq_set_den(q, den);
            mpq_canonicalize(q);
            num_set_mpq(&out->x[i], q);
            out->x[i].kind = K_RAT;
        }
        mpq_clear(q);
    }
    integers_free(g, k * k);
    mpz_clear(den);
    return good;
}

bool eval_singular(struct eval *e, const struct ex *x, struct val *out) {
    return x->number == FN_GRAM || x->number == FN_HOSVD ? of_network(e, x, out) : of_matrix(e, x, out);
}
