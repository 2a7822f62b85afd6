/* Functions of numbers and arrays (STATEMENT.md §3). */
#include "eval.h"
#include <string.h>

enum tri unique_largest(struct eval *e, const struct val *v, int64_t i) {
    enum tri all = YES;
    for (uint32_t j = 0; j < v->d[0] && all != NO; j++)
        if ((int64_t)j != i) all = tri_and(all, num_lt(&v->x[j], &v->x[i], e->p));
    return all;
}

static bool number(struct eval *e, struct val *out) {
    *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    num_set_int(out->x, 0);
    return true;
}

bool mat_mul(struct eval *e, const struct val *a, const struct val *b, struct val *out) {
    if (a->type != V_ARRAY || b->type != V_ARRAY || a->rank > 2 || b->rank > 2) return eval_fail(e, "@ needs vectors or matrices");
    uint32_t rows = a->rank == 2 ? a->d[0] : 1, inner = a->d[a->rank - 1], cols = b->rank == 2 ? b->d[1] : 1;
    if (b->d[0] != inner) return eval_fail(e, "shapes do not fit");
    if (a->rank == 2 && b->rank == 2) val_array(e, out, 2, rows, cols, 0);
    else if (a->rank == 2) val_array(e, out, 1, rows, 0, 0);
    else if (b->rank == 2) val_array(e, out, 1, cols, 0, 0);
    else number(e, out);
    struct num *t = pool_get(e, 1);
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; j < cols; j++) {
            struct num *s = &out->x[(size_t)i * cols + j];
            num_set_int(s, 0);
            for (uint32_t k = 0; k < inner; k++) {
                num_mul(t, &a->x[(size_t)i * inner + k], &b->x[(size_t)k * cols + j], e->p);
                num_add(s, s, t, e->p);
            }
        }
    return true;
}

/* max, min: of one array, or of several numbers */
static bool extreme(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    number(e, out);
    if (x->n == 1) {
        if (!need_array(e, x->k[0], &v)) return false;
        if (val_size(&v) == 0) return eval_fail(e, "max or min over nothing");
    }
    size_t n = x->n == 1 ? val_size(&v) : (size_t)x->n;
    for (size_t i = 0; i < n; i++) {
        if (x->n > 1 && !need_num(e, x->k[i], &v)) return false;
        const struct num *y = x->n == 1 ? &v.x[i] : v.x;
        if (i == 0) num_copy(out->x, y);
        else if (x->number == FN_MAX) num_max(out->x, out->x, y, e->p);
        else num_min(out->x, out->x, y, e->p);
    }
    return true;
}

static bool total(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!need_array(e, x->k[0], &v)) return false;
    number(e, out);
    struct tag row;
    size_t shares = 0;
    while (shares < val_size(&v) && next_of_row(&row, &v.x[shares], shares)) shares++;
    if (x->number == FN_SUM && shares > 0 && shares == val_size(&v) && is_whole_softmax(e, row, shares)) {
        num_set_int(out->x, 1);
        return true;
    }
    for (size_t i = 0; i < val_size(&v); i++) num_add(out->x, out->x, &v.x[i], e->p);
    if (x->number == FN_SUM) return true;
    struct num *n = pool_get(e, 1);
    num_set_int(n, (int64_t)val_size(&v));
    return num_div(out->x, out->x, n, e->p) ? true : eval_fail(e, "mean of nothing");
}

/* first position of the largest / smallest of integers; of anything else argmax stands beside == only */
static bool position(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!need_array(e, x->k[0], &v)) return false;
    if (v.rank != 1 || v.d[0] == 0 || !val_all_int(&v)) return eval_fail(e, "argmax and argmin as numbers need integers");
    uint32_t best = 0;
    for (uint32_t i = 1; i < v.d[0]; i++) {
        int c = mpq_cmp(v.x[i].q, v.x[best].q);
        if (x->number == FN_ARGMAX ? c > 0 : c < 0) best = i;
    }
    number(e, out);
    num_set_int(out->x, best);
    return true;
}

/* dist(KIND, a, b), norm(KIND, a) with KIND inf, 1 or 2 */
static bool norm(struct eval *e, const struct ex *x, struct val *out) {
    struct val a, b = {0};
    int64_t kind = 0;
    if (x->k[0]->kind == EX_WORD ? strcmp(x->k[0]->name, "inf") != 0 : !eval_int(e, x->k[0], &kind) || kind < 1 || kind > 2) return eval_fail(e, "a norm is inf, 1 or 2");
    if (!need_array(e, x->k[1], &a) || (x->n == 3 && !need_array(e, x->k[2], &b))) return false;
    if (a.rank != 1 || (x->n == 3 && (b.rank != 1 || b.d[0] != a.d[0]))) return eval_fail(e, "norms are of vectors of equal length");
    number(e, out);
    struct num *t = pool_get(e, 1);
    for (uint32_t i = 0; i < a.d[0]; i++) {
        if (x->n == 3) num_sub(t, &a.x[i], &b.x[i], e->p);
        else num_copy(t, &a.x[i]);
        if (kind == 2) num_square(t, t, e->p);
        else num_abs(t, t, e->p);
        if (kind == 0) num_max(out->x, out->x, t, e->p);
        else num_add(out->x, out->x, t, e->p);
    }
    return kind != 2 || num_sqrt(out->x, out->x, e->p) ? true : eval_fail(e, "square root of something not proved >= 0");
}

static bool integers(struct eval *e, const struct ex *x, struct val *v) {
    if (!need_array(e, x, v)) return false;
    return v->rank == 1 && val_all_int(v) ? true : eval_fail(e, "a sequence of integers was expected");
}

/* Sorting the lower ends and the upper ends apart encloses every order statistic. */
static bool sort(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!need_array(e, x->k[0], &v)) return false;
    if (v.rank != 1) return eval_fail(e, "sort needs a vector");
    bool real = false;
    for (uint32_t i = 0; i < v.d[0]; i++) real = real || v.x[i].kind == K_REAL;
    val_array(e, out, 1, v.d[0], 0, 0);
    for (uint32_t i = 0; i < v.d[0]; i++) {
        if (real) num_to_real(&out->x[i], &v.x[i], e->p);
        else num_copy(&out->x[i], &v.x[i]);
        out->x[i].tag = (struct tag){0};
        for (uint32_t j = i; j > 0; j--) {
            struct num *a = &out->x[j - 1], *b = &out->x[j];
            if (!real) {
                if (mpq_cmp(a->q, b->q) <= 0) break;
                struct num t = *a;
                *a = *b;
                *b = t;
                continue;
            }
            if (mpz_cmp(LO(a), LO(b)) > 0) mpz_swap(LO(a), LO(b));
            if (mpz_cmp(HI(a), HI(b)) > 0) mpz_swap(HI(a), HI(b));
        }
    }
    return true;
}

static bool set_truth(struct val *out, bool t) {
    *out = (struct val){.type = V_TRI, .tri = t ? YES : NO};
    return true;
}

static bool distinct(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!integers(e, x->k[0], &v)) return false;
    bool all = true;
    for (uint32_t i = 0; i < v.d[0]; i++)
        for (uint32_t j = 0; j < i; j++) all = all && !mpq_equal(v.x[i].q, v.x[j].q);
    return set_truth(out, all);
}

static bool contains(struct eval *e, const struct ex *x, struct val *out) {
    struct val v, a;
    if (!integers(e, x->k[0], &v) || !need_num(e, x->k[1], &a)) return false;
    if (a.x->kind != K_INT) return eval_fail(e, "contains needs an integer");
    bool any = false;
    for (uint32_t i = 0; i < v.d[0]; i++) any = any || mpq_equal(v.x[i].q, a.x->q);
    return set_truth(out, any);
}

/* fold(TABLE, s, t): s becomes TABLE[s][token], token after token */
static bool fold(struct eval *e, const struct ex *x, struct val *out) {
    struct val table, t;
    int64_t state;
    if (!need_array(e, x->k[0], &table) || !eval_int(e, x->k[1], &state) || !integers(e, x->k[2], &t)) return false;
    if (table.rank != 2 || !val_all_int(&table)) return eval_fail(e, "fold needs a matrix of integers");
    for (uint32_t i = 0; i < t.d[0]; i++) {
        if (state < 0 || state >= (int64_t)table.d[0] || mpq_sgn(t.x[i].q) < 0 || mpq_cmp_ui(t.x[i].q, table.d[1], 1) >= 0) return eval_fail(e, "fold leaves its table");
        const struct num *next = &table.x[(size_t)state * table.d[1] + mpz_get_ui(mpq_numref(t.x[i].q))];
        if (!num_int64(next, &state)) return eval_fail(e, "a state is too large");
    }
    number(e, out);
    num_set_int(out->x, state);
    return true;
}

static bool sequence(struct eval *e, const struct ex *x, struct val *out) {
    struct val *parts = mem_get((size_t)x->n, sizeof *parts);
    uint64_t n = 0;
    bool good = true;
    for (int i = 0; good && i < x->n; i++) {
        good = eval(e, x->k[i], &parts[i]) && val_force(e, &parts[i]);
        if (good && (parts[i].type == V_TRI || parts[i].rank > 1 || !val_all_int(&parts[i]))) good = eval_fail(e, "seq joins integers and sequences");
        if (good) n += val_size(&parts[i]);
    }
    if (good && n > 1000000) good = eval_fail(e, "sequence too long");
    if (good) val_array(e, out, 1, (uint32_t)n, 0, 0);
    for (size_t i = 0, at = 0; good && i < (size_t)x->n; i++)
        for (size_t k = 0; k < val_size(&parts[i]); k++) num_copy(&out->x[at++], &parts[i].x[k]);
    mem_free(parts);
    return good;
}

static bool onehot(struct eval *e, const struct ex *x, struct val *out) {
    int64_t i, n;
    if (!eval_int(e, x->k[0], &i) || !eval_int(e, x->k[1], &n)) return false;
    if (n < 1 || n > 1000000 || i < 0 || i >= n) return eval_fail(e, "onehot out of range");
    val_array(e, out, 1, (uint32_t)n, 0, 0);
    for (int64_t k = 0; k < n; k++) num_set_int(&out->x[k], k == i);
    return true;
}

static bool matrix(struct eval *e, const struct ex *x, struct val *out) {
    struct val a;
    if (!need_array(e, x->k[0], &a)) return false;
    if (a.rank != 2) return eval_fail(e, "a matrix was expected");
    uint32_t r = a.d[0], c = a.d[1];
    if (x->number == FN_DIAG) {
        val_array(e, out, 1, r < c ? r : c, 0, 0);
        for (uint32_t i = 0; i < out->d[0]; i++) num_copy(&out->x[i], &a.x[(size_t)i * c + i]);
        return true;
    }
    val_array(e, out, 2, x->number == FN_TRANSPOSE ? c : r, x->number == FN_TRANSPOSE ? r : c, 0);
    struct num *t = pool_get(e, 1), *n = pool_get(e, 1);
    num_set_int(n, r);
    for (uint32_t j = 0; j < c; j++) {
        num_set_int(t, 0);
        for (uint32_t i = 0; i < r; i++) {
            if (x->number == FN_TRANSPOSE) num_copy(&out->x[(size_t)j * r + i], &a.x[(size_t)i * c + j]);
            else num_add(t, t, &a.x[(size_t)i * c + j], e->p);
        }
        if (x->number == FN_TRANSPOSE) continue;
        if (!num_div(t, t, n, e->p)) return eval_fail(e, "mean of nothing");
        for (uint32_t i = 0; i < r; i++) num_copy(&out->x[(size_t)i * c + j], t);
    }
    return true;
}

struct num *largest_above(struct eval *e, const struct val *v) {
    struct num *c = pool_get(e, 1);
    num_to_real(c, &v->x[0], e->p);
    for (uint32_t i = 1; i < v->d[0]; i++) num_max(c, c, &v->x[i], e->p);
    mpz_set(LO(c), HI(c));
    c->tag = (struct tag){0};
    return c;
}

static bool softmax(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!need_array(e, x->k[0], &v)) return false;
    if (v.rank != 1 || v.d[0] == 0) return eval_fail(e, "softmax needs a vector");
    val_array(e, out, 1, v.d[0], 0, 0);
    struct num *c = largest_above(e, &v), *t = pool_get(e, 1), *s = pool_get(e, 1);
    num_set_int(s, 0);
    for (uint32_t i = 0; i < v.d[0]; i++) {
        num_sub(t, &v.x[i], c, e->p);
        if (!num_exp(&out->x[i], t, e->p)) return eval_fail(e, "exp of too large a number");
        num_add(s, s, &out->x[i], e->p);
    }
    for (uint32_t i = 0; i < v.d[0]; i++)
        if (!num_div(&out->x[i], &out->x[i], s, e->p)) return eval_fail(e, "softmax not enclosed");
    return true;
}

static bool one_by_one(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!eval(e, x->k[0], &v) || !val_force(e, &v)) return false;
    if (v.type == V_TRI || (v.type == V_ARRAY && x->number != FN_ABS)) return eval_fail(e, "a number was expected");
    *out = v;
    out->x = pool_get(e, val_size(&v));
    for (size_t i = 0; i < val_size(&v); i++) {
        if (x->number == FN_ABS) num_abs(&out->x[i], &v.x[i], e->p);
        else if (x->number == FN_EXP ? !num_exp(&out->x[i], &v.x[i], e->p) : !num_sqrt(&out->x[i], &v.x[i], e->p))
            return eval_fail(e, x->number == FN_EXP ? "exp of too large a number" : "square root of something not proved >= 0");
    }
    return true;
}

static bool real_function(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (x->number != FN_PI && !need_num(e, x->k[0], &v)) return false;
    *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    if (x->number == FN_PI) num_pi(out->x, e->p);
    else if (x->number == FN_COS) num_cos(out->x, v.x, e->p);
    else if (x->number == FN_SIN) num_sin(out->x, v.x, e->p);
    else if (!num_log(out->x, v.x, e->p)) return eval_fail(e, "logarithm of something not proved > 0");
    return true;
}

static bool length(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!eval(e, x->k[0], &v)) return false;
    if (v.type != V_ARRAY && v.type != V_TABLE) return eval_fail(e, "len needs an array");
    number(e, out);
    num_set_int(out->x, v.d[0]);
    return true;
}

static bool dot(struct eval *e, const struct ex *x, struct val *out) {
    struct val a, b;
    if (!need_array(e, x->k[0], &a) || !need_array(e, x->k[1], &b)) return false;
    if (a.rank != 1 || b.rank != 1) return eval_fail(e, "dot needs vectors");
    return mat_mul(e, &a, &b, out);
}

bool eval_call(struct eval *e, const struct ex *x, struct val *out) {
    switch ((enum fn)x->number) {
    case FN_W:
    case FN_QK:
    case FN_OV: return eval_weights(e, x, out);
    case FN_MAX:
    case FN_MIN: return extreme(e, x, out);
    case FN_SUM:
    case FN_MEAN: return total(e, x, out);
    case FN_ARGMAX:
    case FN_ARGMIN: return position(e, x, out);
    case FN_DIST:
    case FN_NORM: return norm(e, x, out);
    case FN_SORT: return sort(e, x, out);
    case FN_DISTINCT: return distinct(e, x, out);
    case FN_CONTAINS: return contains(e, x, out);
    case FN_LEN: return length(e, x, out);
    case FN_SEQ: return sequence(e, x, out);
    case FN_FOLD: return fold(e, x, out);
    case FN_ONEHOT: return onehot(e, x, out);
    case FN_TRANSPOSE:
    case FN_DIAG:
    case FN_MEAN_ROWS: return matrix(e, x, out);
    case FN_DOT: return dot(e, x, out);
    case FN_ABS:
    case FN_EXP:
    case FN_SQRT: return one_by_one(e, x, out);
    case FN_LOG:
    case FN_COS:
    case FN_SIN:
    case FN_PI: return real_function(e, x, out);
    case FN_LOGSOFTMAX: return eval_logsoftmax(e, x, out);
    case FN_FOURIER: return eval_fourier(e, x, out);
    case FN_SOFTMAX: return softmax(e, x, out);
    case FN_RADIUS: return eval_radius(e, x, out);
    case FN_ANTISYMMETRIC:
    case FN_FORM: return eval_form(e, x, out);
    case FN_DISTANCE: return eval_distance(e, x, out);
    case FN_FLIP:
    case FN_CHANGES: return eval_line(e, x, out);
    case FN_EIGENVALUES:
    case FN_INERTIA:
    case FN_RANK: return eval_spectrum(e, x, out);
    case FN_GRAM:
    case FN_HOSVD:
    case FN_SINGULAR_VALUES:
    case FN_EFFECTIVE_RANK: return eval_singular(e, x, out);
    case FN_EIGENVECTOR: return eval_eigenvector(e, x, out);
    case FN_OUTPUT: return x->k[0]->kind == EX_CALL && x->k[0]->number == FN_TRUNCATE ? eval_truncated(e, x, out) : eval_table(e, x, out);
    case FN_TRUNCATE:
    case FN_PATCH:
    case FN_ABLATE:
    case FN_STEER:
    case FN_HEAD:
    case FN_MLP:
    case FN_ARGMAXES:
    case FN_ROWS:
    case FN_NUMBER: return eval_fail(e, "stands where a value is expected");
    default: return eval_table(e, x, out);
    }
}
