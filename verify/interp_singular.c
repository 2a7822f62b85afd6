/* interp_singular.c: singular values and effective ranks of exact matrices; inner products of the forms of a network's outputs, and its HOSVD. */
#include <arb_mat.h>
#include "verify/interp_parts.h"
#include "verify/quadratic.h"
#include "verify/radius.h"

#define BITS 192

enum status set_balls(struct value *out, struct interp *in, arb_srcptr x, size_t rank, size_t n)
{
    double *mid, *rad;
    arb_ptr balls;
    if (!value_shape(out, rank, &n) || !value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (in->prec) arb_set(balls + i, x + i);
        else ball_to_double(&mid[i], &rad[i], x + i);
    }
    return STATUS_OK;
}

static int falling(const void *a, const void *b) { return arf_cmp(*(const arf_struct *const *)b, *(const arf_struct *const *)a); }

/* |x| by falling size: the k-th largest is between the k-th largest of the lower and of the upper ends. */
static bool moduli(arb_ptr x, size_t n)
{
    arf_struct *ends = flint_malloc(2 * n * sizeof *ends), **order = flint_malloc(n * sizeof *order);
    for (size_t i = 0; i < n; i++) {
        arb_abs(x + i, x + i);
        arf_init(ends + i), arf_init(ends + n + i);
        arb_get_lbound_arf(ends + i, x + i, BITS);
        arb_get_ubound_arf(ends + n + i, x + i, BITS);
    }
    for (size_t half = 0; half < 2; half++) {
        for (size_t i = 0; i < n; i++) order[i] = ends + half * n + i;
        qsort(order, n, sizeof *order, falling);
        for (size_t i = 0; i < n; i++) {
            arb_t t;
            arb_init(t);
            arb_set_arf(t, order[i]);
            if (half == 0) arb_set(x + i, t);
            else arb_union(x + i, x + i, t, BITS);
            arb_clear(t);
        }
    }
    for (size_t i = 0; i < 2 * n; i++) arf_clear(ends + i);
    flint_free(ends);
    flint_free(order);
    return true;
}

/* Square roots of the eigenvalues of num / den, none of which is negative, falling. */
static bool roots(arb_ptr out, const fmpz *num, const fmpz_t den, size_t n)
{
    if (!enclosed_eigenvalues(out, num, den, n)) return false;
    for (size_t i = 0; i < n / 2; i++) arb_swap(out + i, out + n - 1 - i);
    for (size_t i = 0; i < n; i++) {
        arb_nonnegative_part(out + i, out + i);
        arb_sqrtpos(out + i, out + i, BITS);
    }
    return true;
}

static bool singular(arb_ptr out, const fmpz *num, const fmpz_t den, size_t rows, size_t columns)
{
    if (rows == columns && fmpz_symmetric(num, rows)) return enclosed_eigenvalues(out, num, den, rows) && moduli(out, rows);
    size_t n = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    size_t step = rows < columns ? columns : 1, across = rows < columns ? 1 : columns;
    fmpz *g = _fmpz_vec_init((slong)(n * n));
    fmpz_t square;
    fmpz_init(square);
    fmpz_mul(square, den, den);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) {
            for (size_t k = 0; k < length; k++) fmpz_addmul(g + i * n + j, num + i * step + k * across, num + j * step + k * across);
            fmpz_set(g + j * n + i, g + i * n + j);
        }
    bool good = roots(out, g, square, n);
    _fmpz_vec_clear(g, (slong)(n * n));
    fmpz_clear(square);
    return good;
}

enum status singular_value(struct value *out, struct interp *in, const struct expr *e)
{
    size_t rows, columns;
    fmpz *num = NULL;
    fmpz_t den;
    fmpz_init(den);
    enum status s = exact_matrix(&num, den, &rows, &columns, in, e, e->args[0]);
    size_t n = rows < columns ? rows : columns;
    bool zero = s == STATUS_OK && n > 0 && _fmpz_vec_is_zero(num, (slong)(rows * columns));
    if (s == STATUS_OK && n == 0) value_set_unknown(out);
    else if (zero && e->function == FUNCTION_EFFECTIVE_RANK) s = interp_fail(in, e, "the effective rank of a matrix of zeros");
    else if (s == STATUS_OK) {
        arb_ptr x = _arb_vec_init((slong)n);
        bool good = singular(x, num, den, rows, columns);
        if (good && e->function == FUNCTION_EFFECTIVE_RANK) {
            fmpz_t squares;
            fmpz_init(squares);
            for (size_t i = 0; i < rows * columns; i++) fmpz_addmul(squares, num + i, num + i);
            for (size_t i = 1; i < n; i++) arb_add(x, x, x + i, BITS);
            arb_mul_fmpz(x, x, den, BITS);
            arb_mul(x, x, x, BITS);
            arb_div_fmpz(x, x, squares, BITS);
            fmpz_clear(squares);
        }
        s = !good ? STATUS_MEMORY : e->function == FUNCTION_EFFECTIVE_RANK ? set_balls(out, in, x, 0, 1) : set_balls(out, in, x, 1, n);
        _arb_vec_clear(x, (slong)n);
    }
    if (num) _fmpz_vec_clear(num, (slong)(rows * columns));
    fmpz_clear(den);
    return s;
}

/* 4 den^2 times the inner product of the matrices of outputs a and b, den = 2^scale. */
static void inner(fmpz_t out, const struct outputs *o, size_t a, size_t b)
{
    fmpz_t beside;
    fmpz_init(beside);
    fmpz_zero(out);
    for (size_t u = 1; u <= o->n; u++) {
        const fmpz *x = o->c + a * o->each + monomial(o->n, u, u), *y = o->c + b * o->each + monomial(o->n, u, u);
        fmpz_addmul(out, x, y);
        for (size_t v = 1; v <= o->n - u; v++) fmpz_addmul(beside, x + v, y + v);
    }
    fmpz_mul_2exp(out, out, 1);
    fmpz_add(out, out, beside);
    fmpz_mul_2exp(out, out, 1);
    fmpz_clear(beside);
}

enum status gram_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct model *model = statement_model(in->s, e->args[0]->name);
    const struct outputs *o = NULL;
    long leaf = -1;
    if (!model || !in->s->radii) return interp_fail(in, e, "no network for this model");
    if (e->n_args > 1 && (leaf = net_node(&model->net, e->args[1]->name)) < 0) return interp_fail(in, e, "the model has no node '%s'", e->args[1]->name);
    enum status s = radii_outputs(&o, in->s->radii, e->args[0]->name, &model->net, leaf, false);
    if (s != STATUS_OK) return s;
    size_t k = o->width, shape[2] = {k, k};
    fmpz *g = _fmpz_vec_init((slong)(k * k));
    fmpz_t den;
    fmpz_init(den);
    fmpz_one(den);
    fmpz_mul_2exp(den, den, 2 * o->scale + 2);
    for (size_t a = 0; a < k; a++)
        for (size_t b = 0; b < k; b++) inner(g + a * k + b, o, a, b);
    if (e->function == FUNCTION_HOSVD) {
        arb_ptr x = _arb_vec_init((slong)k);
        s = roots(x, g, den, k) ? set_balls(out, in, x, 1, k) : STATUS_MEMORY;
        _arb_vec_clear(x, (slong)k);
    } else {
        fmpz *num = value_shape(out, 2, shape) ? value_make_exact(out) : NULL;
        s = num ? STATUS_OK : STATUS_MEMORY;
        if (num) _fmpz_vec_set(num, g, (slong)(k * k));
        if (num) fmpz_set(out->den, den);
    }
    _fmpz_vec_clear(g, (slong)(k * k));
    fmpz_clear(den);
    return s;
}
