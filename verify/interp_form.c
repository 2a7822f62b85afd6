/* interp_form.c: the quadratic forms of bilinear networks, exactly, and what is known of exact matrices: rank, inertia, enclosed eigenvalues. */
#include <arb_mat.h>
#include <fmpz_mat.h>
#include <fmpz_vec.h>
#include <string.h>
#include "core/mem.h"
#include "verify/interp_parts.h"
#include "verify/quadratic.h"
#include "verify/radius.h"
#include "verify/spectral.h"

#define EXACT_MOST 400     /* rows for elimination in integers that grow */
#define EIGEN_BITS 192     /* of the products that enclose eigenvalues */

/* ---- forms ---- */

/* The direction: one exact number an output. An integer is an output. */
static enum status direction(fmpq *u, struct interp *in, const struct expr *e, size_t width)
{
    fmpq *v = NULL;
    size_t n = 0;
    bool scalar = false;
    enum status s = interp_exact(&v, &n, &scalar, in, e, in->d);
    if (s == STATUS_UNSUPPORTED) return interp_fail(in, e, "an output or a vector of %zu exact numbers is asked for", width);
    if (s != STATUS_OK) return s;
    if (scalar) {
        bool fits = fmpz_is_one(fmpq_denref(v)) && fmpz_sgn(fmpq_numref(v)) >= 0 && fmpz_cmp_ui(fmpq_numref(v), width) < 0;
        if (fits) fmpq_set_si(u + fmpz_get_ui(fmpq_numref(v)), 1, 1);
        else s = interp_fail(in, e, "the network has outputs 0..%zu", width - 1);
    } else if (n != width) s = interp_fail(in, e, "an output or a vector of %zu exact numbers is asked for", width);
    for (size_t i = 0; s == STATUS_OK && !scalar && i < n; i++) fmpq_set(u + i, v + i);
    _fmpq_vec_clear(v, (slong)n);
    return s;
}

static void scaled(fmpz_t out, const fmpq_t x, const fmpz_t scale)
{
    fmpz_divexact(out, scale, fmpq_denref(x));
    fmpz_mul(out, out, fmpq_numref(x));
}

/* Entry (i, j) over twice the scale: the coefficient of x_i x_j, doubled on the diagonal. skip: 1 leaves the variable 1 out.
 * turned: the polynomials are those of outputs_turned, and the matrix is antisymmetric. */
static enum status fill(struct value *out, const struct outputs *o, const fmpq *u, size_t skip, bool turned)
{
    size_t n = o->n + 1 - skip, shape[2] = {n, n};
    fmpz_t scale, t;
    if (!value_shape(out, 2, shape)) return STATUS_LIMIT;
    fmpz *num = value_make_exact(out);
    if (!num) return STATUS_MEMORY;
    fmpz_init(scale);
    fmpz_init(t);
    fmpz_one(scale);
    _fmpz_vec_zero(num, (slong)(n * n));
    for (size_t k = 0; k < o->width; k++) fmpz_lcm(scale, scale, fmpq_denref(u + k));
    for (size_t k = 0; k < o->width; k++) {
        scaled(t, u + k, scale);
        for (size_t i = 0; i < n && !fmpz_is_zero(t); i++) _fmpz_vec_scalar_addmul_fmpz(num + i * n + i, o->c + k * o->each + monomial(o->n, i + skip, i + skip), (slong)(n - i), t);
    }
    for (size_t i = 0; i < n; i++) {
        fmpz_mul_2exp(num + i * n + i, num + i * n + i, 1);
        if (turned) fmpz_zero(num + i * n + i);
        for (size_t j = 0; j < i; j++) {
            fmpz_set(num + i * n + j, num + j * n + i);
            if (turned) fmpz_neg(num + i * n + j, num + i * n + j);
        }
    }
    fmpz_mul_2exp(out->den, scale, o->scale + 1);
    fmpz_clear(scale);
    fmpz_clear(t);
    return STATUS_OK;
}

enum status form_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct model *model = statement_model(in->s, e->args[0]->name);
    const struct outputs *o = NULL;
    const char *basis = e->n_args > 2 ? e->args[2]->name : "";
    bool turned = e->function == FUNCTION_ANTISYMMETRIC, affine = !turned && strcmp(basis, "affine") == 0;
    long leaf = -1;
    if (!model || !in->s->radii) return interp_fail(in, e, "no network for this model");
    if (*basis && !affine && (leaf = net_node(&model->net, basis)) < 0) return interp_fail(in, e, "the model has no node '%s'", basis);
    enum status s = radii_outputs(&o, in->s->radii, e->args[0]->name, &model->net, leaf, turned);
    if (s != STATUS_OK) return s;
    fmpq *u = _fmpq_vec_init((slong)o->width);
    s = direction(u, in, e->args[1], o->width);
    if (s == STATUS_OK) s = fill(out, o, u, affine ? 0 : 1, turned);
    _fmpq_vec_clear(u, (slong)o->width);
    return s;
}

/* ---- inertia ---- */

static void swap_both(fmpz *A, size_t n, size_t a, size_t b)
{
    for (size_t i = 0; i < n && a != b; i++) fmpz_swap(A + a * n + i, A + b * n + i);
    for (size_t i = 0; i < n && a != b; i++) fmpz_swap(A + i * n + a, A + i * n + b);
}

/* A diagonal entry that is not 0 comes to place k, by exchanges or by adding row and column j to i; false when there is nothing left but 0. */
static bool pivot(fmpz *A, size_t n, size_t k)
{
    for (size_t i = k; i < n; i++)
        if (!fmpz_is_zero(A + i * n + i)) {
            swap_both(A, n, i, k);
            return true;
        }
    for (size_t i = k; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            if (fmpz_is_zero(A + i * n + j)) continue;
            for (size_t l = k; l < n; l++) fmpz_add(A + i * n + l, A + i * n + l, A + j * n + l);
            for (size_t l = k; l < n; l++) fmpz_add(A + l * n + i, A + l * n + i, A + l * n + j);
            swap_both(A, n, i, k);
            return true;
        }
    return false;
}

/* Signs of the pivots of a congruence, without fractions (Bareiss): positive, zero, negative. A is destroyed. */
static void inertia(long out[3], fmpz *A, size_t n)
{
    fmpz_t before, t;
    fmpz_init(before);
    fmpz_init(t);
    fmpz_one(before);
    out[0] = out[2] = 0;
    for (size_t k = 0; k < n && pivot(A, n, k); k++) {
        const fmpz *p = A + k * n + k;
        out[fmpz_sgn(p) * fmpz_sgn(before) > 0 ? 0 : 2]++;
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = i; j < n; j++) {
                fmpz_mul(t, A + i * n + j, p);
                fmpz_submul(t, A + i * n + k, A + k * n + j);
                fmpz_divexact(A + i * n + j, t, before);
                fmpz_set(A + j * n + i, A + i * n + j);
            }
        fmpz_set(before, p);
    }
    out[1] = (long)n - out[0] - out[2];
    fmpz_clear(before);
    fmpz_clear(t);
}

/* ---- eigenvalues ---- */

/* Approximate eigenvectors V make B = V'AV nearly diagonal and S = V'V nearly 1. With f >= |S - 1|, E >= |B - its diagonal|: the k-th
 * eigenvalue of A is that of B over a number in [1 - f, 1 + f] (Ostrowski), and that of B is within E of the k-th diagonal entry in order (Weyl). */
static void enclose(arb_ptr out, const arb_mat_t B, const arb_mat_t S, slong n)
{
    arb_t row, t, E, f, theta;
    arb_init(row), arb_init(t), arb_init(E), arb_init(f), arb_init(theta);
    for (slong i = 0; i < n; i++) {
        arb_zero(row);
        arb_sub_ui(theta, arb_mat_entry(S, i, i), 1, EIGEN_BITS);
        arb_abs(theta, theta);
        for (slong j = 0; j < n; j++) {
            if (i == j) continue;
            arb_abs(t, arb_mat_entry(B, i, j));
            arb_add(row, row, t, EIGEN_BITS);
            arb_abs(t, arb_mat_entry(S, i, j));
            arb_add(theta, theta, t, EIGEN_BITS);
        }
        arb_set_arf(t, arb_midref(arb_mat_entry(B, i, i)));
        arb_sub(t, arb_mat_entry(B, i, i), t, EIGEN_BITS);
        arb_abs(t, t);
        arb_add(row, row, t, EIGEN_BITS);
        arb_max(E, E, row, EIGEN_BITS);
        arb_max(f, f, theta, EIGEN_BITS);
        arb_set_arf(out + i, arb_midref(arb_mat_entry(B, i, i)));
    }
    for (slong i = 0; i < n; i++)
        for (slong j = i; j > 0 && arf_cmp(arb_midref(out + j), arb_midref(out + j - 1)) < 0; j--) arb_swap(out + j, out + j - 1);
    arb_set_ui(theta, 1);
    arb_add_error(theta, f);
    for (slong i = 0; i < n; i++) {
        arb_add_error(out + i, E);
        arb_div(out + i, out + i, theta, EIGEN_BITS);       /* not finite when f may be 1 */
    }
    arb_clear(row), arb_clear(t), arb_clear(E), arb_clear(f), arb_clear(theta);
}

bool enclosed_eigenvalues(arb_ptr out, const fmpz *num, const fmpz_t den, size_t n)
{
    arb_mat_t a, v, w, b;
    arb_mat_init(a, (slong)n, (slong)n), arb_mat_init(v, (slong)n, (slong)n), arb_mat_init(w, (slong)n, (slong)n), arb_mat_init(b, (slong)n, (slong)n);
    bool good = approximate_basis(v, a, num, den, n);
    if (good) {
        arb_mat_mul(w, a, v, EIGEN_BITS);
        arb_mat_transpose(a, v);
        arb_mat_mul(b, a, w, EIGEN_BITS);
        arb_mat_mul(w, a, v, EIGEN_BITS);
        enclose(out, b, w, (slong)n);
    }
    arb_mat_clear(a), arb_mat_clear(v), arb_mat_clear(w), arb_mat_clear(b);
    return good;
}

static enum status set_reals(struct value *out, struct interp *in, const fmpz *num, const fmpz_t den, size_t n)
{
    arb_ptr found = _arb_vec_init((slong)n);
    enum status s = enclosed_eigenvalues(found, num, den, n) ? set_balls(out, in, found, 1, n) : STATUS_MEMORY;
    _arb_vec_clear(found, (slong)n);
    return s;
}

/* ---- functions of an exact matrix ---- */

static enum status set_inertia(struct value *out, struct interp *in, const struct expr *e, fmpz *A, size_t n)
{
    size_t three = 3;
    long counts[3];
    if (n > EXACT_MOST) return interp_fail(in, e, "inertia is computed for at most %d rows", EXACT_MOST);
    inertia(counts, A, n);
    long *ints = value_shape(out, 1, &three) ? value_make_ints(out) : NULL;
    if (!ints) return STATUS_MEMORY;
    memcpy(ints, counts, sizeof counts);
    return STATUS_OK;
}

static slong rank_of(const fmpz *A, size_t rows, size_t columns)
{
    fmpz_mat_t m;
    fmpz_mat_init(m, (slong)rows, (slong)columns);
    for (size_t i = 0; i < rows * columns; i++) fmpz_set(fmpz_mat_entry(m, (slong)(i / columns), (slong)(i % columns)), A + i);
    slong rank = fmpz_mat_rank(m);
    fmpz_mat_clear(m);
    return rank;
}

bool fmpz_symmetric(const fmpz *A, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (!fmpz_equal(A + i * n + j, A + j * n + i)) return false;
    return true;
}

enum status exact_matrix(fmpz **num, fmpz_t den, size_t *rows, size_t *columns, struct interp *in, const struct expr *call, const struct expr *e)
{
    struct value *a;
    enum status s = eval(&a, in, e);
    *rows = *columns = 0;
    if (s != STATUS_OK || a->kind == KIND_UNKNOWN) return s;
    if (!value_is_exact(a) || a->rank != 2 || a->n == 0) return interp_fail(in, call, "%s takes a matrix of exact numbers", function_table[call->function].name);
    *rows = a->shape[0], *columns = a->shape[1];
    *num = _fmpz_vec_init((slong)a->n);
    for (size_t i = 0; i < a->n; i++) {
        if (a->kind == KIND_INT) fmpz_set_si(*num + i, a->ints[i]);
        else fmpz_set(*num + i, a->num + i);
    }
    fmpz_one(den);
    if (a->kind == KIND_EXACT) fmpz_set(den, a->den);
    return STATUS_OK;
}

enum status spectrum_value(struct value *out, struct interp *in, const struct expr *e)
{
    size_t rows, columns;
    fmpz *num = NULL;
    fmpz_t den;
    fmpz_init(den);
    enum status s = exact_matrix(&num, den, &rows, &columns, in, e, e->args[0]);
    bool known = s == STATUS_OK && rows > 0;
    if (s == STATUS_OK && !known) value_set_unknown(out);
    if (!known) ;
    else if (e->function == FUNCTION_RANK) s = value_set_int(out, rank_of(num, rows, columns)) ? STATUS_OK : STATUS_MEMORY;
    else if (rows != columns || !fmpz_symmetric(num, rows)) s = interp_fail(in, e, "%s takes a symmetric matrix", function_table[e->function].name);
    else if (e->function == FUNCTION_INERTIA) s = set_inertia(out, in, e, num, rows);
    else s = set_reals(out, in, num, den, rows);
    if (num) _fmpz_vec_clear(num, (slong)(rows * columns));
    fmpz_clear(den);
    return s;
}
