/* interp_array.c: arrays: indices and slices, lists, exact products, rearrangements. */
#include "verify/interp_parts.h"
#include "core/mem.h"
#include <fmpz_mat.h>
#include <string.h>

enum status eval_span(struct span *out, struct interp *in, const struct expr *index, size_t length)
{
    long saved = in->last, first = 0, end = (long)length - 1;
    bool known = true, known_end = true;
    enum status s = STATUS_OK;
    in->last = (long)length - 1;
    bool slice = index->form == FORM_SLICE;
    if (!slice) s = eval_int(&first, &known, in, index);
    else {
        if (index->args[0]) s = eval_int(&first, &known, in, index->args[0]);
        if (s == STATUS_OK && index->args[1]) s = eval_int(&end, &known_end, in, index->args[1]);
    }
    in->last = saved;
    if (s != STATUS_OK) return s;
    *out = (struct span){0, 0, !slice, !known || !known_end};
    if (out->unknown) return STATUS_OK;
    if (!slice) end = first;
    else if (end < first) return STATUS_OK;
    if (first < 0 || end >= (long)length)
        return interp_fail(in, index, "index %ld out of range: the axis has %zu entries (0..%ld)", first < 0 ? first : end, length, (long)length - 1);
    out->first = (size_t)first;
    out->count = (size_t)(end - first + 1);
    return STATUS_OK;
}

/* Entry `from[i]` of a becomes entry i of out, for all entries of out (whose shape is set). */
static enum status gather(struct value *out, struct interp *in, const struct value *a, const size_t *from)
{
    double *mid, *rad;
    arb_ptr balls;
    size_t n = out->n;
    switch (a->kind) {
    case KIND_INT:
        if (!value_make_ints(out)) return STATUS_MEMORY;
        for (size_t i = 0; i < n; i++) out->own_ints[i] = a->ints[from[i]];
        return STATUS_OK;
    case KIND_EXACT:
        if (!value_make_exact(out)) return STATUS_MEMORY;
        for (size_t i = 0; i < n; i++) fmpz_set(out->num + i, a->num + from[i]);
        fmpz_set(out->den, a->den);
        return STATUS_OK;
    case KIND_REAL:
        if (!value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
        for (size_t i = 0; i < n; i++) {
            if (in->prec) arb_set(balls + i, a->balls + from[i]);
            else {
                mid[i] = a->mid[from[i]];
                rad[i] = a->rad[from[i]];
            }
        }
        return STATUS_OK;
    default:
        value_set_unknown(out);
        return STATUS_OK;
    }
}

static enum status index_spans(struct span *spans, bool *unknown, bool *all_scalar, struct interp *in, const struct expr *e, const struct value *a)
{
    *unknown = false;
    *all_scalar = e->n_args - 1 == a->rank;
    for (size_t k = 0; k < a->rank; k++) {
        spans[k] = (struct span){0, a->shape[k], false, false};
        if (k + 1 >= e->n_args) continue;
        enum status s = eval_span(&spans[k], in, e->args[k + 1], a->shape[k]);
        if (s != STATUS_OK) return s;
        if (spans[k].unknown) *unknown = true;
        if (!spans[k].scalar) *all_scalar = false;
    }
    return STATUS_OK;
}

static enum status take_spans(struct value *out, struct interp *in, const struct value *a, const struct span *spans)
{
    size_t shape[3], rank = 0, count[3] = {1, 1, 1}, first[3] = {0, 0, 0};
    for (size_t k = 0; k < a->rank; k++) {
        count[k] = spans[k].count;
        first[k] = spans[k].first;
        if (!spans[k].scalar) shape[rank++] = spans[k].count;
    }
    if (!value_shape(out, rank, shape) || !value_box(out, a, first, count, in->prec)) return STATUS_MEMORY;
    /* A row of a row stays an entry or a row of its run. */
    if (a->rank == 1 && a->origin.site && rank == 0) {
        out->origin = a->origin;
        out->origin.col = (long)first[0];
    }
    return STATUS_OK;
}

enum status array_index(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *a;
    struct span spans[3];
    bool unknown, all_scalar;
    enum status s = eval(&a, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (a->kind == KIND_UNKNOWN) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (e->n_args - 1 > a->rank) return interp_fail(in, e, "%zu indices on an array of %zu axes", e->n_args - 1, a->rank);
    s = index_spans(spans, &unknown, &all_scalar, in, e, a);
    if (s != STATUS_OK) return s;
    if (unknown) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (!all_scalar) return take_spans(out, in, a, spans);
    size_t at = 0;
    for (size_t k = 0; k < a->rank; k++) at = at * a->shape[k] + spans[k].first;
    if (a->kind == KIND_INT) return value_set_int(out, a->ints[at]) ? STATUS_OK : STATUS_MEMORY;
    return arith_pick(out, in, a, at);
}

/* One more item in a list: all items have one shape; the kinds grow INT, EXACT, REAL. */
static enum status list_put(struct value *out, struct interp *in, const struct expr *e, struct value *item, size_t i)
{
    size_t n = item->n, total = n * e->n_args;
    double *mid, *rad;
    arb_ptr balls;
    if (item->rank > 2) return interp_fail(in, e, "a list of arrays with three axes");
    if (i == 0) {
        size_t shape[3] = {e->n_args, item->shape[0], item->shape[1]};
        if (!value_shape(out, item->rank + 1, shape)) return interp_fail(in, e, "list too large");
        out->kind = KIND_INT;
    } else if (item->rank + 1 != out->rank || n * e->n_args != out->n)
        return interp_fail(in, e, "items of different shapes in a list");
    bool real = item->kind == KIND_REAL || (i > 0 && out->kind == KIND_REAL);
    bool exact = item->kind == KIND_EXACT || (i > 0 && out->kind == KIND_EXACT);
    if (real) {
        if (i > 0 && out->kind != KIND_REAL && !value_as_real(out, in->prec)) return STATUS_MEMORY;
        if (!value_as_real(item, in->prec)) return STATUS_MEMORY;
        if (!value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
        for (size_t k = 0; k < n && i * n + k < total; k++) {
            if (in->prec) arb_set(balls + i * n + k, item->balls + k);
            else {
                mid[i * n + k] = item->mid[k];
                rad[i * n + k] = item->rad[k];
            }
        }
        return STATUS_OK;
    }
    if (exact) {
        struct value x;
        fmpz_t den;
        if (out->kind == KIND_INT) {
            if (i == 0 ? !value_make_exact(out) : !value_as_exact(out)) return STATUS_MEMORY;
        }
        value_init(&x);
        if (!value_copy(&x, item, in->prec) || !value_as_exact(&x)) {
            value_clear(&x);
            return STATUS_MEMORY;
        }
        /* common denominator: the product, then both sides are multiplied up */
        fmpz_init(den);
        fmpz_lcm(den, out->den, x.den);
        fmpz_divexact(out->den, den, out->den);
        _fmpz_vec_scalar_mul_fmpz(out->num, out->num, (slong)(i * n), out->den);
        fmpz_divexact(x.den, den, x.den);
        _fmpz_vec_scalar_mul_fmpz(out->num + i * n, x.num, (slong)n, x.den);
        fmpz_swap(out->den, den);
        fmpz_clear(den);
        value_clear(&x);
        return STATUS_OK;
    }
    if (i == 0 && !value_make_ints(out)) return STATUS_MEMORY;
    memcpy(out->own_ints + i * n, item->ints, n * sizeof *item->ints);
    return STATUS_OK;
}

enum status array_list(struct value *out, struct interp *in, const struct expr *e)
{
    size_t none[1] = {0};
    if (e->n_args == 0) return value_shape(out, 1, none) && value_make_ints(out) ? STATUS_OK : STATUS_MEMORY;
    bool unknown = false;
    for (size_t i = 0; i < e->n_args; i++) {
        struct value *item;
        enum status s = eval(&item, in, e->args[i]);
        if (s != STATUS_OK) return s;
        if (item->kind == KIND_TRUTH) return interp_fail(in, e, "a list of truth values");
        if (item->kind == KIND_UNKNOWN) unknown = true;
        if (!unknown && (s = list_put(out, in, e, item, i)) != STATUS_OK) return s;
    }
    if (unknown) value_set_unknown(out);
    return STATUS_OK;
}

enum status array_transpose(struct value *out, struct interp *in, const struct value *a)
{
    size_t shape[2] = {a->shape[1], a->shape[0]};
    if (!value_shape(out, 2, shape)) return STATUS_MEMORY;
    size_t *from = mem_array(out->n, sizeof *from);
    if (!from) return STATUS_MEMORY;
    for (size_t i = 0; i < shape[0]; i++)
        for (size_t j = 0; j < shape[1]; j++) from[i * shape[1] + j] = j * a->shape[1] + i;
    enum status s = gather(out, in, a, from);
    free(from);
    return s;
}

/* (rows x k) @ (k x columns); a vector on the left is a row, on the right a column. */
struct product { size_t rows, k, columns; };

static enum status exact_matmul(struct value *out, struct product p, const struct value *a, const struct value *b)
{
    fmpz_mat_t x, y, z;
    fmpz_mat_init(x, (slong)p.rows, (slong)p.k);
    fmpz_mat_init(y, (slong)p.k, (slong)p.columns);
    fmpz_mat_init(z, (slong)p.rows, (slong)p.columns);
    for (size_t i = 0; i < p.rows * p.k; i++) fmpz_set(fmpz_mat_entry(x, (slong)(i / p.k), (slong)(i % p.k)), a->num + i);
    for (size_t i = 0; i < p.k * p.columns; i++) fmpz_set(fmpz_mat_entry(y, (slong)(i / p.columns), (slong)(i % p.columns)), b->num + i);
    fmpz_mat_mul(z, x, y);
    fmpz *num = value_make_exact(out);
    for (size_t i = 0; num && i < out->n; i++) fmpz_swap(num + i, fmpz_mat_entry(z, (slong)(i / p.columns), (slong)(i % p.columns)));
    if (num) fmpz_mul(out->den, a->den, b->den);
    fmpz_mat_clear(x);
    fmpz_mat_clear(y);
    fmpz_mat_clear(z);
    return num ? STATUS_OK : STATUS_MEMORY;
}

static enum status real_matmul(struct value *out, struct interp *in, struct product p, const struct value *a, const struct value *b)
{
    double *mid, *rad;
    arb_ptr balls;
    if (!value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    for (size_t i = 0; i < p.rows; i++)
        for (size_t j = 0; j < p.columns; j++) {
            if (in->prec) {
                arb_dot(balls + i * p.columns + j, NULL, 0, a->balls + i * p.k, 1, b->balls + j, (slong)p.columns, (slong)p.k, in->prec);
                continue;
            }
            struct real sum = {0, 0};
            for (size_t k = 0; k < p.k; k++) {
                size_t x = i * p.k + k, y = k * p.columns + j;
                sum = real_add(sum, real_mul((struct real){a->mid[x], a->rad[x]}, (struct real){b->mid[y], b->rad[y]}));
            }
            mid[i * p.columns + j] = sum.mid;
            rad[i * p.columns + j] = sum.rad;
        }
    return STATUS_OK;
}

enum status array_matmul(struct value *out, struct interp *in, const struct expr *e, struct value *a, struct value *b)
{
    if (a->kind == KIND_UNKNOWN || b->kind == KIND_UNKNOWN) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (a->rank < 1 || a->rank > 2 || b->rank < 1 || b->rank > 2 || a->shape[a->rank - 1] != b->shape[0]) return interp_fail(in, e, "'@' needs the inner axes to agree");
    struct product p = {a->rank == 2 ? a->shape[0] : 1, b->shape[0], b->rank == 2 ? b->shape[1] : 1};
    size_t shape[2], rank = 0;
    if (a->rank == 2) shape[rank++] = p.rows;
    if (b->rank == 2) shape[rank++] = p.columns;
    if (!value_shape(out, rank, shape)) return interp_fail(in, e, "array too large");
    if (!value_is_exact(a) || !value_is_exact(b)) {
        if (!value_as_real(a, in->prec) || !value_as_real(b, in->prec)) return interp_fail(in, e, "'@' takes numbers");
        return real_matmul(out, in, p, a, b);
    }
    struct value x, y;
    value_init(&x);
    value_init(&y);
    bool ok = value_copy(&x, a, in->prec) && value_as_exact(&x) && value_copy(&y, b, in->prec) && value_as_exact(&y);
    enum status s = ok ? exact_matmul(out, p, &x, &y) : STATUS_MEMORY;
    value_clear(&x);
    value_clear(&y);
    return s;
}

static enum status call_sort(struct value *out, struct interp *in, const struct expr *e, struct value *a)
{
    if (a->rank != 1 || !value_is_exact(a)) return interp_fail(in, e, "sort takes a vector of exact numbers");
    if (!value_copy(out, a, in->prec)) return STATUS_MEMORY;
    for (size_t i = 1; i < out->n; i++)
        for (size_t j = i; j > 0; j--) {
            int order;
            bool settled;
            compare_entries(&order, &settled, in, out, j - 1, out, j);
            if (order <= 0) break;
            if (out->kind == KIND_EXACT) fmpz_swap(out->num + j - 1, out->num + j);
            else {
                long swap = out->own_ints[j];
                out->own_ints[j] = out->own_ints[j - 1];
                out->own_ints[j - 1] = swap;
            }
        }
    return STATUS_OK;
}

static enum status call_seq(struct value *out, struct interp *in, const struct expr *e)
{
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;
        for (size_t i = 0; i < e->n_args; i++) {
            struct value *v;
            enum status s = eval(&v, in, e->args[i]);
            if (s != STATUS_OK) return s;
            if (v->kind == KIND_UNKNOWN) {
                value_set_unknown(out);
                return STATUS_OK;
            }
            if (v->kind != KIND_INT || v->rank > 1) return interp_fail(in, e->args[i], "seq joins integers and sequences of integers");
            if (pass == 1) memcpy(out->own_ints + at, v->ints, v->n * sizeof *v->ints);
            at += v->n;
        }
        n = at;
        if (pass == 0 && (!value_shape(out, 1, &n) || !value_make_ints(out))) return STATUS_MEMORY;
    }
    return STATUS_OK;
}

static enum status call_onehot(struct value *out, struct interp *in, const struct expr *e)
{
    long i, n;
    bool known, known_n;
    enum status s = eval_int(&i, &known, in, e->args[0]);
    if (s == STATUS_OK) s = eval_int(&n, &known_n, in, e->args[1]);
    if (s != STATUS_OK) return s;
    if (!known || !known_n) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (n < 1 || i < 0 || i >= n) return interp_fail(in, e, "index %ld out of range: the vector has %ld entries", i, n);
    size_t size = (size_t)n;
    if (!value_shape(out, 1, &size) || !value_make_ints(out)) return STATUS_MEMORY;
    for (long k = 0; k < n; k++) out->own_ints[k] = k == i;
    return STATUS_OK;
}

/* The state after the tokens: TABLE[state][token], one after the other. */
static enum status call_fold(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *table, *t;
    long state;
    bool known;
    enum status s = eval(&table, in, e->args[0]);
    if (s == STATUS_OK) s = eval_int(&state, &known, in, e->args[1]);
    if (s == STATUS_OK) s = eval(&t, in, e->args[2]);
    if (s != STATUS_OK) return s;
    if (!known || table->kind == KIND_UNKNOWN || t->kind == KIND_UNKNOWN) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (table->kind != KIND_INT || table->rank != 2 || t->kind != KIND_INT || t->rank != 1) return interp_fail(in, e, "fold takes a matrix of integers, an integer and a sequence");
    long n = (long)table->shape[0], width = (long)table->shape[1];
    for (size_t i = 0; i < t->n; i++) {
        if (state < 0 || state >= n) return interp_fail(in, e, "state %ld out of range: the table has %ld rows", state, n);
        if (t->ints[i] < 0 || t->ints[i] >= width) return interp_fail(in, e, "token %ld out of range: the table has %ld columns", t->ints[i], width);
        state = table->ints[state * width + t->ints[i]];
    }
    return value_set_int(out, state) ? STATUS_OK : STATUS_MEMORY;
}

static enum status call_diag(struct value *out, struct interp *in, const struct expr *e, struct value *a)
{
    if (a->rank != 2 || a->shape[0] != a->shape[1]) return interp_fail(in, e, "diag takes a square matrix");
    size_t n = a->shape[0];
    size_t *from = mem_array(n, sizeof *from);
    if (!from || !value_shape(out, 1, &n)) {
        free(from);
        return STATUS_MEMORY;
    }
    for (size_t i = 0; i < n; i++) from[i] = i * n + i;
    enum status s = gather(out, in, a, from);
    free(from);
    return s;
}

static enum status call_mean_rows(struct value *out, struct interp *in, const struct expr *e, struct value *a)
{
    if (a->rank != 2 || a->shape[0] == 0) return interp_fail(in, e, "mean_rows takes a matrix");
    size_t rows = a->shape[0];
    struct value ones, sum, count;
    value_init(&ones);
    value_init(&sum);
    value_init(&count);
    enum status s = STATUS_MEMORY;
    size_t shape[2] = {rows, rows};
    /* The all-ones matrix times a, over the number of rows. */
    if (value_shape(&ones, 2, shape) && value_make_ints(&ones) && value_set_int(&count, (long)rows)) {
        for (size_t i = 0; i < rows * rows; i++) ones.own_ints[i] = 1;
        s = array_matmul(&sum, in, e, &ones, a);
    }
    if (s == STATUS_OK) s = arith(out, in, e, OPER_DIV, &sum, &count);
    value_clear(&ones);
    value_clear(&sum);
    value_clear(&count);
    return s;
}

enum status array_call(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *a;
    if (e->function == FUNCTION_SEQ) return call_seq(out, in, e);
    if (e->function == FUNCTION_ONEHOT) return call_onehot(out, in, e);
    if (e->function == FUNCTION_FOLD) return call_fold(out, in, e);
    enum status s = eval(&a, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (a->kind == KIND_UNKNOWN) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    switch (e->function) {
    case FUNCTION_SORT: return call_sort(out, in, e, a);
    case FUNCTION_DIAG: return call_diag(out, in, e, a);
    case FUNCTION_MEAN_ROWS: return call_mean_rows(out, in, e, a);
    case FUNCTION_TRANSPOSE:
        if (a->rank != 2) return interp_fail(in, e, "transpose takes a matrix");
        return array_transpose(out, in, a);
    case FUNCTION_LEN:
        if (a->rank == 0) return interp_fail(in, e, "len takes an array");
        return value_set_int(out, (long)a->shape[0]) ? STATUS_OK : STATUS_MEMORY;
    default: return interp_fail(in, e, "no rule for this function");
    }
}
