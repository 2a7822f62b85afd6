/* eigenvector(A, i), and output(truncate(M, k), x) (STATEMENT.md §3): the linear and constant terms of each output as they are, its form cut to k eigenvectors. */
#include "bases.h"
#include <string.h>

#define ROWS_MOST 1024

void bases_clear(struct kept_bases *k) {
    for (size_t i = 0; i < k->n; i++) {
        if (k->b[i].m != NULL) {
            integers_free(k->b[i].m, k->b[i].n * k->b[i].n);
            mpz_clear(k->b[i].den);
        }
        spectral_clear(&k->b[i].s);
    }
    mem_free(k->b);
    *k = (struct kept_bases){0};
}

static struct kept_basis *add(struct kept_bases *k) {
    k->b = mem_grow(k->b, k->n, k->n + 1, sizeof *k->b);
    k->b[k->n] = (struct kept_basis){.model = -1, .leaf = -1};
    return &k->b[k->n++];
}

/* ---- eigenvector(A, i) ---- */

static bool is_matrix(const struct kept_basis *b, const mpz_t *m, const mpz_t den, size_t n, unsigned p) {
    if (b->m == NULL || b->p != p || b->n != n || mpz_cmp(b->den, den) != 0) return false;
    for (size_t i = 0; i < n * n; i++)
        if (mpz_cmp(b->m[i], m[i]) != 0) return false;
    return true;
}

static const struct kept_basis *basis_of(struct eval *e, const mpz_t *m, const mpz_t den, size_t n) {
    struct kept_bases *k = eval_bases(e);
    for (size_t i = 0; i < k->n; i++)
        if (is_matrix(&k->b[i], m, den, n, e->p)) return &k->b[i];
    struct kept_basis *b = add(k);
    b->p = e->p;
    b->n = n;
    b->m = integers_new(n * n);
    for (size_t i = 0; i < n * n; i++) mpz_set(b->m[i], m[i]);
    mpz_init_set(b->den, den);
    b->good = spectral_make(&b->s, m, den, n, e->p);
    return b;
}

bool eval_eigenvector(struct eval *e, const struct ex *x, struct val *out) {
    struct val a;
    int64_t i;
    if (!need_array(e, x->k[0], &a)) return false;
    if (a.rank != 2 || a.d[0] != a.d[1] || a.d[0] == 0 || a.d[0] > ROWS_MOST) return eval_fail(e, "eigenvector takes a square matrix");
    for (size_t k = 0; k < val_size(&a); k++)
        if (!num_exact(&a.x[k])) return eval_fail(e, "a matrix of exact numbers was expected");
    size_t n = a.d[0];
    if (!eval_int(e, x->k[1], &i)) return false;
    if (i < 0 || i >= (int64_t)n) return eval_fail(e, "eigenvector: there is no such eigenvalue");
    mpz_t *m = integers_new(n * n), den;
    mpz_init(den);
    val_over_one(m, den, &a);
    bool good = integers_symmetric((const mpz_t *)m, n) ? true : eval_fail(e, "a symmetric matrix was expected");
    if (good) {
        const struct kept_basis *b = basis_of(e, (const mpz_t *)m, den, n);
        val_array(e, out, 1, (uint32_t)n, 0, 0);
        if (b->good) spectral_vector(out->x, &b->s, (size_t)i, e->p);
        else good = eval_fail(e, "eigenvectors that are not enclosed");
    }
    integers_free(m, n * n);
    mpz_clear(den);
    return good;
}

/* ---- output(truncate(M, k), x), output(truncate(M, k, "node"), x) ---- */

/* the form of output j: twice its matrix over twice the scale */
static void form_matrix(mpz_t *m, const struct rowpoly *p, size_t n, size_t j) {
    for (size_t u = 0; u < n; u++)
        for (size_t v = u; v < n; v++) {
            mpz_set(m[u * n + v], p->c[j * p->each + monomial(n, u + 1, v + 1)]);
            if (u == v) mpz_mul_2exp(m[u * n + v], m[u * n + v], 1);
            else mpz_set(m[v * n + u], m[u * n + v]);
        }
}

static const struct kept_basis *basis_of_output(struct eval *e, const struct rowpoly *p, int model, int leaf, size_t n, size_t j) {
    struct kept_bases *k = eval_bases(e);
    for (size_t i = 0; i < k->n; i++) {
        const struct kept_basis *b = &k->b[i];
        if (b->m == NULL && b->model == model && b->leaf == leaf && b->output == j && b->p == e->p) return b;
    }
    struct kept_basis *b = add(k);
    *b = (struct kept_basis){.model = model, .leaf = leaf, .output = j, .p = e->p, .n = n};
    mpz_t *m = integers_new(n * n), den;
    mpz_init(den);
    mpz_setbit(den, p->scale + 1);
    form_matrix(m, p, n, j);
    b->good = spectral_make(&b->s, (const mpz_t *)m, den, n, e->p);
    integers_free(m, n * n);
    mpz_clear(den);
    return b;
}

/* out += the constant and linear terms of output j */
static void add_linear(struct eval *e, struct num *out, const struct rowpoly *p, size_t j, size_t n, const struct num *x) {
    struct num *c = pool_get(e, 1);
    mpq_t q;
    mpq_init(q);
    for (size_t i = 0; i <= n; i++) {
        mpq_set_z(q, p->c[j * p->each + i]);
        if (mpq_sgn(q) == 0) continue;
        mpq_div_2exp(q, q, p->scale);
        num_set_mpq(c, q);
        if (i > 0) num_mul(c, c, &x[i - 1], e->p);
        num_add(out, out, c, e->p);
    }
    mpq_clear(q);
}

/* The variables: the input itself, or the row of the node on it. */
static bool variables(struct eval *e, const struct ex *x, int leaf, uint32_t n, struct val *v) {
    struct val t;
    const struct net *net = e->s->models[x->k[0]->k[0]->number].net;
    if (!need_array(e, x->k[1], v)) return false;
    if (v->rank != 1 || v->d[0] != net->in_width) return eval_fail(e, "output of a truncated network takes a vector of its inputs");
    if (leaf < 0) return true;
    if (!eval_node_row(e, x->k[0]->k[0], v, leaf, &t)) return false;
    *v = t;
    return v->d[0] == n ? true : eval_fail(e, "the node has another width");
}

static bool truncated_row(struct eval *e, const struct rowpoly *p, int model, int leaf, size_t k, const struct val *v, struct val *out) {
    size_t n = v->d[0];
    mpz_t *lo = integers_new(n), *hi = integers_new(n);
    struct num *t = pool_get(e, 1);
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        num_to_real(t, &v->x[i], e->p);
        mpz_set(lo[i], LO(t));
        mpz_set(hi[i], HI(t));
    }
    val_array(e, out, 1, (uint32_t)p->width, 0, 0);
    for (size_t j = 0; good && j < p->width; j++) {
        const struct kept_basis *b = basis_of_output(e, p, model, leaf, n, j);
        good = b->good ? true : eval_fail(e, "eigenvectors that are not enclosed");
        if (!good) break;
        spectral_cut(&out->x[j], &b->s, k, (const mpz_t *)lo, (const mpz_t *)hi, e->p);
        add_linear(e, &out->x[j], p, j, n, v->x);
    }
    integers_free(lo, n);
    integers_free(hi, n);
    return good;
}

bool eval_truncated(struct eval *e, const struct ex *x, struct val *out) {
    const struct ex *cut = x->k[0];
    int64_t k;
    int leaf = -1;
    struct val v;
    if (e->s->float32) return eval_fail(e, "truncate is of the real function of a network");
    if (cut->k[0]->kind != EX_MODEL || e->s->models[cut->k[0]->number].net == NULL) return eval_fail(e, "truncate needs a network");
    const struct net *net = e->s->models[cut->k[0]->number].net;
    if (!eval_int(e, cut->k[1], &k)) return false;
    if (k < 0) return eval_fail(e, "truncate keeps a number of eigenvectors that is not negative");
    if (cut->n == 3 && (cut->k[2]->kind != EX_STRING || (leaf = net_find(net, cut->k[2]->name)) < 0)) return eval_fail(e, "truncate: no such node");
    size_t n = leaf < 0 ? net->in_width : net->nodes[leaf].width;
    if (n > ROWS_MOST) return eval_fail(e, "truncate: too many inputs");
    const struct rowpoly *p = eval_polynomials(e, cut->k[0]->number, leaf, false);
    return p != NULL && variables(e, x, leaf, (uint32_t)n, &v) && truncated_row(e, p, cut->k[0]->number, leaf, k > (int64_t)n ? n : (size_t)k, &v, out);
}
