/* Quadratic forms of networks, and what is known of exact symmetric matrices (STATEMENT.md §3): rank, inertia, enclosed eigenvalues. */
#include "eval.h"
#include "bases.h"
#include <string.h>

#define KEPT 16            /* polynomials of networks; enclosed spectra */
#define ROWS_MOST 4000

struct kept_net { int model, leaf; bool turned; struct rowpoly out; };
struct kept_spectrum { unsigned p; size_t n; mpz_t *m, den; struct num *values; };
struct forms { struct kept_net nets[KEPT]; int n_nets; struct kept_spectrum spectra[KEPT]; int next; struct kept_bases bases; };

static void spectrum_clear(struct kept_spectrum *s) {
    if (s->m == NULL) return;
    integers_free(s->m, s->n * s->n);
    mpz_clear(s->den);
    for (size_t i = 0; i < s->n; i++) num_clear(&s->values[i]);
    mem_free(s->values);
    s->m = NULL;
}

void forms_clear(struct eval *e) {
    if (e->forms == NULL) return;
    for (int i = 0; i < e->forms->n_nets; i++) rowpoly_clear(&e->forms->nets[i].out);
    for (int i = 0; i < KEPT; i++) spectrum_clear(&e->forms->spectra[i]);
    bases_clear(&e->forms->bases);
    mem_free(e->forms);
    e->forms = NULL;
}

static struct forms *forms(struct eval *e) {
    if (e->forms == NULL) e->forms = mem_get(1, sizeof *e->forms);
    return e->forms;
}

/* ---- form(M, u), form(M, u, "affine"), form(M, u, "node"); antisymmetric(M, u), antisymmetric(M, u, "node") ---- */

const struct rowpoly *eval_polynomials(struct eval *e, int model, int leaf, bool turned) {
    struct forms *f = forms(e);
    for (int i = 0; i < f->n_nets; i++)
        if (f->nets[i].model == model && f->nets[i].leaf == leaf && f->nets[i].turned == turned) return &f->nets[i].out;
    int at = f->n_nets < KEPT ? f->n_nets++ : KEPT - 1;
    rowpoly_clear(&f->nets[at].out);
    f->nets[at].model = -1;
    if (!net_rowpoly_turned(&f->nets[at].out, e->s->models[model].net, leaf, turned, &e->fail)) return NULL;
    f->nets[at].model = model;
    f->nets[at].leaf = leaf;
    f->nets[at].turned = turned;
    return &f->nets[at].out;
}

/* one exact number an output; an integer is an output */
static bool direction(struct eval *e, const struct ex *x, mpq_t *u, size_t width) {
    struct val v;
    int64_t k;
    if (!eval(e, x, &v) || !val_force(e, &v)) return false;
    if (v.type == V_NUM) {
        if (!num_int64(v.x, &k) || k < 0 || k >= (int64_t)width) return eval_fail(e, "form: no such output");
        mpq_set_ui(u[k], 1, 1);
        return true;
    }
    if (v.type != V_ARRAY || v.rank != 1 || v.d[0] != width) return eval_fail(e, "form takes an output or a number for each");
    for (size_t i = 0; i < width; i++) {
        if (!num_exact(&v.x[i])) return eval_fail(e, "form takes exact numbers");
        mpq_set(u[i], v.x[i].q);
        mpq_canonicalize(u[i]);
    }
    return true;
}

struct kept_bases *eval_bases(struct eval *e) { return &forms(e)->bases; }

/* the coefficient of x_i x_j in sum u_k output_k, halved beside the diagonal; turned: that of (i, j) less that of (j, i), halved */
static void entry(mpq_t out, const struct rowpoly *p, const mpq_t *u, size_t n, size_t i, size_t j, bool turned) {
    mpq_t t;
    mpq_init(t);
    mpq_set_ui(out, 0, 1);
    for (size_t k = 0; k < p->width; k++) {
        if (mpq_sgn(u[k]) == 0) continue;
        mpq_set_z(t, p->c[k * p->each + (i < j ? monomial(n, i, j) : monomial(n, j, i))]);
        mpq_mul(t, t, u[k]);
        mpq_add(out, out, t);
    }
    mpq_div_2exp(out, out, p->scale + (i == j ? 0 : 1));
    if (turned && i == j) mpq_set_ui(out, 0, 1);
    if (turned && i > j) mpq_neg(out, out);
    mpq_clear(t);
}

bool eval_form(struct eval *e, const struct ex *x, struct val *out) {
    if (x->k[0]->kind != EX_MODEL || e->s->models[x->k[0]->number].net == NULL) return eval_fail(e, "form needs a network");
    const struct net *net = e->s->models[x->k[0]->number].net;
    bool turned = x->number == FN_ANTISYMMETRIC, affine = !turned && x->n == 3 && x->k[2]->kind == EX_STRING && strcmp(x->k[2]->name, "affine") == 0;
    int leaf = -1;
    if (x->n == 3 && x->k[2]->kind != EX_STRING) return eval_fail(e, "form takes \"affine\" or the name of a node");
    if (x->n == 3 && !affine && (leaf = net_find(net, x->k[2]->name)) < 0) return eval_fail(e, "form: no such node");
    const struct rowpoly *p = eval_polynomials(e, x->k[0]->number, leaf, turned);
    if (p == NULL) return false;
    mpq_t *u = vector_new(p->width), q;
    mpq_init(q);
    size_t n = leaf < 0 ? net->in_width : net->nodes[leaf].width, skip = affine ? 0 : 1, rows = n + 1 - skip;
    bool good = direction(e, x->k[1], u, p->width);
    if (good) val_array(e, out, 2, (uint32_t)rows, (uint32_t)rows, 0);
    for (size_t i = 0; good && i < rows; i++)
        for (size_t j = 0; j < rows; j++) {
            entry(q, p, (const mpq_t *)u, n, i + skip, j + skip, turned);
            num_set_mpq(&out->x[i * rows + j], q);
            out->x[i * rows + j].kind = K_RAT;
        }
    vector_free(u, p->width);
    mpq_clear(q);
    return good;
}

/* ---- rank and inertia, without fractions ---- */

void val_over_one(mpz_t *m, mpz_t den, const struct val *a) {
    mpz_set_ui(den, 1);
    mpq_t q;
    mpq_init(q);
    for (size_t i = 0; i < val_size(a); i++) {
        mpq_set(q, a->x[i].q);
        mpq_canonicalize(q);
        mpz_lcm(den, den, mpq_denref(q));
    }
    for (size_t i = 0; i < val_size(a); i++) {
        mpq_set(q, a->x[i].q);
        mpq_canonicalize(q);
        mpz_divexact(m[i], den, mpq_denref(q));
        mpz_mul(m[i], m[i], mpq_numref(q));
    }
    mpq_clear(q);
}

static int64_t rank_of(mpz_t *m, size_t rows, size_t cols) {
    mpz_t before, t;
    mpz_init_set_ui(before, 1);
    mpz_init(t);
    size_t r = 0;
    for (size_t c = 0; c < cols && r < rows; c++) {
        size_t at = r;
        while (at < rows && mpz_sgn(m[at * cols + c]) == 0) at++;
        if (at == rows) continue;
        for (size_t j = 0; j < cols; j++) mpz_swap(m[at * cols + j], m[r * cols + j]);
        for (size_t i = r + 1; i < rows; i++) {
            for (size_t j = c + 1; j < cols; j++) {
                mpz_mul(t, m[i * cols + j], m[r * cols + c]);
                mpz_submul(t, m[i * cols + c], m[r * cols + j]);
                mpz_divexact(m[i * cols + j], t, before);
            }
            mpz_set_ui(m[i * cols + c], 0);
        }
        mpz_set(before, m[r * cols + c]);
        r++;
    }
    mpz_clears(before, t, NULL);
    return (int64_t)r;
}

/* A diagonal entry other than 0 in place k, by a congruence of the rows and columns from k on; false when all of them are 0. */
static bool bring_pivot(mpz_t *m, size_t n, size_t k) {
    size_t i = k, j = k;
    while (i < n && mpz_sgn(m[i * n + i]) == 0) i++;
    if (i == n) {
        bool found = false;
        for (i = k; i < n && !found; i += !found)
            for (j = i + 1; j < n && !found; j += !found) found = mpz_sgn(m[i * n + j]) != 0;
        if (!found) return false;
        for (size_t l = 0; l < n; l++) mpz_add(m[i * n + l], m[i * n + l], m[j * n + l]);
        for (size_t l = 0; l < n; l++) mpz_add(m[l * n + i], m[l * n + i], m[l * n + j]);
    }
    for (size_t l = 0; l < n && i != k; l++) mpz_swap(m[i * n + l], m[k * n + l]);
    for (size_t l = 0; l < n && i != k; l++) mpz_swap(m[l * n + i], m[l * n + k]);
    return true;
}

/* numbers of positive, zero and negative eigenvalues, by Sylvester's law: the signs of the pivots */
void matrix_signs(int64_t out[3], mpz_t *m, size_t n) {
    mpz_t before, t;
    mpz_init_set_ui(before, 1);
    mpz_init(t);
    out[0] = out[2] = 0;
    size_t k = 0;
    for (; k < n && bring_pivot(m, n, k); k++) {
        out[mpz_sgn(m[k * n + k]) == mpz_sgn(before) ? 0 : 2]++;
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = k + 1; j <= i; j++) {
                mpz_mul(t, m[i * n + j], m[k * n + k]);
                mpz_submul(t, m[i * n + k], m[k * n + j]);
                mpz_divexact(m[i * n + j], t, before);
                mpz_set(m[j * n + i], m[i * n + j]);
            }
        mpz_set(before, m[k * n + k]);
        for (size_t i = k + 1; i < n; i++) {
            mpz_set_ui(m[i * n + k], 0);
            mpz_set_ui(m[k * n + i], 0);
        }
    }
    out[1] = (int64_t)(n - k);
    mpz_clears(before, t, NULL);
}

/* ---- the value ---- */

bool integers_symmetric(const mpz_t *m, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (mpz_cmp(m[i * n + j], m[j * n + i]) != 0) return false;
    return true;
}

static bool same_matrix(const struct kept_spectrum *s, const mpz_t *m, const mpz_t den, size_t n, unsigned p) {
    if (s->m == NULL || s->p != p || s->n != n || mpz_cmp(s->den, den) != 0) return false;
    for (size_t i = 0; i < n * n; i++)
        if (mpz_cmp(s->m[i], m[i]) != 0) return false;
    return true;
}

bool eval_ends(struct eval *e, const mpz_t *m, const mpz_t den, size_t n, struct val *out) {
    struct forms *f = forms(e);
    val_array(e, out, 1, (uint32_t)n, 0, 0);
    for (int i = 0; i < KEPT; i++) {
        if (!same_matrix(&f->spectra[i], m, den, n, e->p)) continue;
        for (size_t k = 0; k < n; k++) num_copy(&out->x[k], &f->spectra[i].values[k]);
        return true;
    }
    mpz_t *ends = integers_new(2 * n);
    bool good = symmetric_spectrum(ends, m, den, n, e->p) ? true : eval_fail(e, "eigenvalues that are not enclosed");
    for (size_t k = 0; good && k < n; k++) {
        num_set_int(&out->x[k], 0);
        num_to_real(&out->x[k], &out->x[k], e->p);
        mpz_set(LO(&out->x[k]), ends[2 * k]);
        mpz_set(HI(&out->x[k]), ends[2 * k + 1]);
    }
    integers_free(ends, 2 * n);
    if (!good) return false;
    struct kept_spectrum *s = &f->spectra[f->next];
    f->next = (f->next + 1) % KEPT;
    spectrum_clear(s);
    *s = (struct kept_spectrum){.p = e->p, .n = n, .m = integers_new(n * n), .values = mem_get(n, sizeof *s->values)};
    mpz_init_set(s->den, den);
    for (size_t i = 0; i < n * n; i++) mpz_set(s->m[i], m[i]);
    for (size_t k = 0; k < n; k++) {
        num_init(&s->values[k]);
        num_copy(&s->values[k], &out->x[k]);
    }
    return true;
}

bool eval_spectrum(struct eval *e, const struct ex *x, struct val *out) {
    struct val a;
    if (!need_array(e, x->k[0], &a)) return false;
    if (a.rank != 2 || val_size(&a) == 0 || a.d[0] > ROWS_MOST) return eval_fail(e, "a matrix was expected");
    for (size_t i = 0; i < val_size(&a); i++)
        if (!num_exact(&a.x[i])) return eval_fail(e, "a matrix of exact numbers was expected");
    size_t size = val_size(&a), n = a.d[0], cols = a.d[1];
    mpz_t *m = integers_new(size), den;
    mpz_init(den);
    val_over_one(m, den, &a);
    bool good = true;
    int64_t counts[3];
    if (x->number == FN_RANK) {
        *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
        num_set_int(out->x, rank_of(m, n, cols));
    } else if (n != cols || !integers_symmetric((const mpz_t *)m, n)) good = eval_fail(e, "a symmetric matrix was expected");
    else if (x->number == FN_INERTIA) {
        matrix_signs(counts, m, n);
        val_array(e, out, 1, 3, 0, 0);
        for (int i = 0; i < 3; i++) num_set_int(&out->x[i], counts[i]);
    } else good = eval_ends(e, (const mpz_t *)m, den, n, out);
    integers_free(m, size);
    mpz_clear(den);
    return good;
}
