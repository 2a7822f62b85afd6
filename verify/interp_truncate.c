/* interp_truncate.c: eigenvectors of exact matrices, and outputs of networks whose forms are cut to their largest eigenvectors. */
#include <string.h>
#include "verify/interp_parts.h"
#include "verify/quadratic.h"
#include "verify/radius.h"
#include "verify/spectral.h"

#define ROWS_MOST 1024      /* as in the checkers */

bool is_truncated_call(const struct expr *e)
{
    return e->form == FORM_CALL && e->function == FUNCTION_OUTPUT && e->args[0]->form == FORM_CALL && e->args[0]->function == FUNCTION_TRUNCATE;
}

/* ---- eigenvector(A, i) ---- */

enum status eigenvector_value(struct value *out, struct interp *in, const struct expr *e)
{
    size_t rows, columns;
    fmpz *num = NULL;
    fmpz_t den;
    long i = 0;
    bool known = true;
    fmpz_init(den);
    enum status s = exact_matrix(&num, den, &rows, &columns, in, e, e->args[0]);
    size_t n = rows;
    if (s == STATUS_OK && n > 0 && (n != columns || !fmpz_symmetric(num, n))) s = interp_fail(in, e, "eigenvector takes a symmetric matrix");
    if (s == STATUS_OK && n > ROWS_MOST) s = interp_fail(in, e, "eigenvector takes at most %d rows", ROWS_MOST);
    if (s == STATUS_OK && n > 0) s = eval_int(&i, &known, in, e->args[1]);
    if (s == STATUS_OK && n > 0 && known && (i < 0 || (size_t)i >= n)) s = interp_fail(in, e, "eigenvector %ld of %zu (0..%zu)", i, n, n - 1);
    if (s == STATUS_OK && (n == 0 || !known)) value_set_unknown(out);
    else if (s == STATUS_OK) {
        struct spectra *store = radii_spectra(in->s->radii);
        const struct eigenbasis *basis = store ? spectra_matrix(store, num, den, n) : NULL;
        arb_ptr x = _arb_vec_init((slong)n);
        if (!basis) s = STATUS_MEMORY;
        else if (!spectral_vector(x, basis, (size_t)i)) spectra_remark(store, "eigenvector %ld is not isolated: its eigenvalue is not told apart from the next", i);
        if (s == STATUS_OK) s = set_balls(out, in, x, 1, n);
        _arb_vec_clear(x, (slong)n);
    }
    if (num) _fmpz_vec_clear(num, (slong)(rows * columns));
    fmpz_clear(den);
    return s;
}

/* ---- output(truncate(M, k), x) ---- */

/* The entries of v as balls; *known false when there are none at this precision. */
static enum status as_balls(arb_ptr *x, size_t *n, bool *known, struct interp *in, const struct expr *e, struct value *v, size_t width)
{
    *known = v->kind != KIND_UNKNOWN;
    if (!*known) return STATUS_OK;
    if (v->kind == KIND_TRUTH || v->rank != 1 || v->n != width) return interp_fail(in, e, "a vector of %zu numbers is asked for", width);
    if (v->kind == KIND_REAL ? false : !value_as_exact(v)) return STATUS_MEMORY;
    *n = v->n;
    *x = _arb_vec_init((slong)v->n);
    for (size_t i = 0; i < v->n; i++) {
        if (v->kind == KIND_EXACT) arb_fmpz_div_fmpz(*x + i, v->num + i, v->den, SPECTRAL_BITS);
        else if (in->prec) arb_set(*x + i, v->balls + i);
        else {
            arb_set_d(*x + i, v->mid[i]);
            mag_t r;
            mag_init(r);
            mag_set_d(r, v->rad[i] >= 0 ? v->rad[i] : __builtin_inf());
            mag_add(arb_radref(*x + i), arb_radref(*x + i), r);
            mag_clear(r);
        }
    }
    return STATUS_OK;
}

/* The variables of the forms: the input, or the row of a node on it. */
static enum status variables(arb_ptr *x, size_t *n, bool *known, struct interp *in, const struct expr *e, const struct net *net, long leaf)
{
    struct value *v, row;
    if (leaf < 0) {
        enum status s = eval(&v, in, e->args[1]);
        if (s == STATUS_OK && v->kind == KIND_INT) {   /* a copy: what is bound stays an integer */
            value_init(&row);
            s = value_copy(&row, v, in->prec) ? as_balls(x, n, known, in, e, &row, net->width_in) : STATUS_MEMORY;
            value_clear(&row);
            return s;
        }
        return s == STATUS_OK ? as_balls(x, n, known, in, e, v, net->width_in) : s;
    }
    struct site *site;
    size_t width = net->nodes[leaf].width;
    enum status s = site_find(&site, in, e->args[0]->args[0], e->args[1], e);
    if (s == STATUS_OK) s = site_ready(site, in);
    if (s != STATUS_OK) return s;
    *known = !site->unknown;
    if (!*known) return STATUS_OK;
    value_init(&row);
    s = copy_rows(&row, in, site, (size_t)leaf, (struct span){0, 1, true, false}, (struct span){0, width, false, false});
    if (s == STATUS_OK) {
        size_t shape[1] = {width};
        row.rank = 1, row.shape[0] = shape[0];
        s = as_balls(x, n, known, in, e, &row, width);
    }
    value_clear(&row);
    return s;
}

/* The constant and linear terms of output j. */
static void add_linear(arb_t out, const struct outputs *o, size_t j, arb_srcptr x)
{
    arb_t sum, t;
    arb_init(sum), arb_init(t);
    for (size_t i = 0; i <= o->n; i++) {
        const fmpz *c = o->c + j * o->each + i;
        if (fmpz_is_zero(c)) continue;
        arb_set_fmpz(t, c);
        if (i > 0) arb_mul(t, t, x + i - 1, SPECTRAL_BITS);
        arb_add(sum, sum, t, SPECTRAL_BITS);
    }
    arb_mul_2exp_si(sum, sum, -(slong)o->scale);
    arb_add(out, out, sum, SPECTRAL_BITS);
    arb_clear(sum), arb_clear(t);
}

static enum status cut_row(struct value *out, struct interp *in, const struct outputs *o, size_t k, arb_srcptr x)
{
    struct spectra *store = radii_spectra(in->s->radii);
    arb_ptr y = _arb_vec_init((slong)o->width);
    enum status s = STATUS_OK;
    for (size_t j = 0; s == STATUS_OK && j < o->width; j++) {
        const struct eigenbasis *basis = spectra_output(store, o, j);
        if (!basis) s = STATUS_MEMORY;
        else if (!spectral_cut(y + j, basis, k, x)) spectra_remark(store, "truncate: eigenvalues %zu and %zu of output %zu, by falling modulus, are not told apart", k, k + 1, j);
        if (s == STATUS_OK) add_linear(y + j, o, j, x);
    }
    if (s == STATUS_OK) s = set_balls(out, in, y, 1, o->width);
    _arb_vec_clear(y, (slong)o->width);
    return s;
}

enum status truncated_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct expr *cut = e->args[0];
    const struct model *model = statement_model(in->s, cut->args[0]->name);
    const struct outputs *o = NULL;
    long k, leaf = -1;
    bool known;
    arb_ptr x = NULL;
    size_t n = 0;
    if (!model || !in->s->radii) return interp_fail(in, e, "no network for this model");
    if (in->s->semantics != SEMANTICS_REAL) return interp_fail(in, e, "truncate is of the real function: claim it under real");
    if (cut->n_args > 2 && (leaf = net_node(&model->net, cut->args[2]->name)) < 0) return interp_fail(in, e, "the model has no node '%s'", cut->args[2]->name);
    enum status s = eval_int(&k, &known, in, cut->args[1]);
    if (s != STATUS_OK) return s;
    if (known && k < 0) return interp_fail(in, e, "truncate keeps %ld eigenvectors", k);
    if (known) s = radii_outputs(&o, in->s->radii, cut->args[0]->name, &model->net, leaf, false);
    if (s == STATUS_OK && known && o->n > ROWS_MOST) s = interp_fail(in, e, "truncate takes forms of at most %d rows", ROWS_MOST);
    if (s == STATUS_OK && known) s = variables(&x, &n, &known, in, e, &model->net, leaf);
    if (s == STATUS_OK && !known) value_set_unknown(out);
    else if (s == STATUS_OK) s = cut_row(out, in, o, (size_t)k, x);
    if (x) _arb_vec_clear(x, (slong)n);
    return s;
}
