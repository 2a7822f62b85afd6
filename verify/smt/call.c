/* call.c: functions of the language on symbolic values. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

static const struct sym *nothing(struct smt *m, const struct expr *e)
{
    smt_fail(m, STATUS_UNSUPPORTED, "%s has no encoding here", function_table[e->function].name);
    return NULL;
}

/* which is the (strictly) largest entry of v */
const char *smt_argmax_is(struct smt *m, const struct sym *v, struct entry which, bool strict)
{
    if (m->status != STATUS_OK || v->is_truth || v->rank != 1 || !entry_exact(&which)) {
        smt_fail(m, STATUS_UNSUPPORTED, "an argmax of another kind has no encoding");
        return "false";
    }
    size_t cases = entry_cases(&which);
    const char **some = smt_array(m, cases, sizeof *some), **rivals = smt_array(m, v->n, sizeof *rivals);
    for (size_t c = 0; some && rivals && c < cases; c++) {
        mpq_srcptr q = which.lo + c;
        some[c] = "false";
        if (mpz_cmp_ui(mpq_denref(q), 1) != 0 || mpq_sgn(q) < 0 || mpz_cmp_ui(mpq_numref(q), v->n) >= 0) continue;
        size_t i = mpz_get_ui(mpq_numref(q)), n = 0;
        for (size_t j = 0; j < v->n; j++)
            if (j != i) rivals[n++] = term_compare(m, strict ? OPER_GT : OPER_GE, v->e[i], v->e[j]);
        some[c] = truth_and(m, entry_when(m, &which, c), truth_all(m, rivals, n));
    }
    return m->status == STATUS_OK ? truth_any(m, some, cases) : "false";
}

/* First position of the largest (smallest) entry of integers: a table. */
static const struct sym *argmax(struct smt *m, const struct sym *v, bool least)
{
    struct split *s = (struct split *)split_new(m, v->n);
    struct entry out = {.table = true, .split = s, .lo = smt_numbers(m, v->n)};
    const char **rivals = smt_array(m, v->n, sizeof *rivals);
    if (!s || !out.lo || !rivals) return NULL;
    for (size_t i = 0; i < v->n; i++) {
        size_t n = 0;
        for (size_t j = 0; j < v->n; j++) {
            enum oper oper = j < i ? (least ? OPER_LT : OPER_GT) : (least ? OPER_LE : OPER_GE);
            if (j != i) rivals[n++] = term_compare(m, oper, v->e[i], v->e[j]);
        }
        s->when[i] = truth_all(m, rivals, n);
        mpq_set_ui(out.lo + i, i, 1);
    }
    out.hi = out.lo;
    if (v->n == 1) out.split = NULL;
    return sym_entry(m, out);
}

static const struct sym *fold(struct smt *m, const struct expr *e, const struct sym *v)
{
    struct entry out;
    bool sum = e->function == FUNCTION_SUM || e->function == FUNCTION_MEAN;
    if (v->is_truth || (v->n == 0 && !sum)) return nothing(m, e);
    if (!sum) {
        out = v->e[0];
        for (size_t i = 1; i < v->n && m->status == STATUS_OK; i++) out = term_max(m, out, v->e[i], e->function == FUNCTION_MIN);
        return sym_entry(m, out);
    }
    out = entry_int(m, 0);
    for (size_t i = 0; i < v->n && m->status == STATUS_OK; i++) out = term_add(m, out, v->e[i], false);
    if (e->function == FUNCTION_MEAN && v->n == 0) return nothing(m, e);
    if (e->function == FUNCTION_MEAN) out = term_div(m, out, entry_int(m, (long)v->n));
    return sym_entry(m, out);
}

static struct entry absolute(struct smt *m, struct entry x)
{
    double low, high;
    mpq_t minus;
    mpq_init(minus);
    mpq_set_si(minus, -1, 1);
    struct entry y = term_scale(m, x, minus);
    mpq_clear(minus);
    entry_ends(&low, &high, &x);
    return low >= 0 && !x.table ? x : high <= 0 && !x.table ? y : term_max(m, x, y, false);
}

/* norm(inf|1|2, v) */
static struct entry norm(struct smt *m, const char *which, const struct sym *v)
{
    struct entry out = entry_int(m, 0);
    bool two = strcmp(which, "2") == 0, largest = strcmp(which, "inf") == 0;
    for (size_t i = 0; i < v->n && m->status == STATUS_OK; i++) {
        struct entry x = two ? term_mul(m, v->e[i], v->e[i]) : absolute(m, v->e[i]);
        out = largest ? term_max(m, out, x, false) : term_add(m, out, x, false);
    }
    if (two && !out.table && out.low < 0) {     /* a sum of squares */
        smt_assert(m, smt_format(m, "(>= %s 0.0)", entry_term_of(m, &out)));
        out.low = 0;
    }
    return two ? smooth_value(m, OP_SQRT, NULL, out, NULL) : out;
}

static const struct sym *norm_call(struct smt *m, const struct expr *e)
{
    const struct sym *a = smt_eval(m, e->args[1]), *b = e->function == FUNCTION_DIST ? smt_eval(m, e->args[2]) : NULL;
    const struct expr *w = e->args[0];
    struct entry one;
    char word[8] = "inf";
    if (m->status != STATUS_OK || a->is_truth || (b && (b->is_truth || b->n != a->n))) return nothing(m, e);
    if (w->form == FORM_NUMBER) word[0] = mpq_cmp_ui(w->number, 1, 1) == 0 ? '1' : '2', word[1] = 0;
    struct sym *d = sym_new(m, a->rank, a->shape);
    for (size_t i = 0; d && i < d->n && m->status == STATUS_OK; i++) d->e[i] = b ? term_add(m, a->e[i], b->e[i], true) : a->e[i];
    if (m->status != STATUS_OK) return NULL;
    one = norm(m, word, d);
    return sym_entry(m, one);
}

static const struct sym *each(struct smt *m, const struct expr *e, const struct sym *v)
{
    struct sym *out = sym_new(m, v->rank, v->shape);
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++)
        out->e[i] = e->function == FUNCTION_ABS ? absolute(m, v->e[i]) : smooth_value(m, e->function == FUNCTION_EXP ? OP_EXP : OP_SQRT, NULL, v->e[i], NULL);
    return out;
}

/* Ascending, by exchanges. */
static const struct sym *sorted(struct smt *m, const struct sym *v)
{
    struct sym *out = sym_new(m, v->rank, v->shape);
    if (!out) return NULL;
    memcpy(out->e, v->e, v->n * sizeof *v->e);
    for (size_t i = 0; i < v->n; i++)
        for (size_t j = 0; j + 1 < v->n - i && m->status == STATUS_OK; j++) {
            struct entry a = out->e[j], b = out->e[j + 1];
            out->e[j] = term_max(m, a, b, true);
            out->e[j + 1] = term_max(m, a, b, false);
        }
    return out;
}

static const char *equals_some(struct smt *m, const struct sym *v, struct entry x, size_t from)
{
    const char **same = smt_array(m, v->n, sizeof *same);
    size_t n = 0;
    for (size_t i = from; same && i < v->n; i++) same[n++] = term_compare(m, OPER_EQ, v->e[i], x);
    return same ? truth_any(m, same, n) : "false";
}

static const char *distinct(struct smt *m, const struct sym *v)
{
    const char **parts = smt_array(m, v->n, sizeof *parts);
    for (size_t i = 0; parts && i < v->n; i++) parts[i] = truth_not(m, equals_some(m, v, v->e[i], i + 1));
    return parts ? truth_all(m, parts, v->n) : "false";
}

static const struct sym *seq(struct smt *m, const struct expr *e)
{
    const struct sym **parts = smt_array(m, e->n_args, sizeof *parts);
    size_t n = 0, at = 0;
    for (size_t i = 0; parts && i < e->n_args && m->status == STATUS_OK; i++) {
        parts[i] = smt_eval(m, e->args[i]);
        if (parts[i]) n += parts[i]->n;
    }
    struct sym *out = m->status == STATUS_OK ? sym_new(m, 1, &n) : NULL;
    for (size_t i = 0; out && i < e->n_args; i++) {
        memcpy(out->e + at, parts[i]->e, parts[i]->n * sizeof *out->e);
        at += parts[i]->n;
    }
    return out;
}

static const struct sym *onehot(struct smt *m, const struct expr *e)
{
    struct entry i;
    long n;
    if (!sym_scalar(m, &i, smt_eval(m, e->args[0]), e) || !smt_int(m, &n, e->args[1]) || n < 1) return nothing(m, e);
    struct sym *out = sym_new(m, 1, (const size_t[]){(size_t)n});
    for (long k = 0; out && k < n && m->status == STATUS_OK; k++)
        out->e[k] = term_if(m, term_compare(m, OPER_EQ, i, entry_int(m, k)), entry_int(m, 1), entry_int(m, 0));
    return out;
}

/* s := A[s][t_i], one token after the other */
static const struct sym *fold_call(struct smt *m, const struct expr *e)
{
    const struct sym *table = smt_eval(m, e->args[0]), *t = smt_eval(m, e->args[2]);
    struct entry state;
    if (!sym_scalar(m, &state, smt_eval(m, e->args[1]), e) || table->is_truth || table->rank != 2 || t->is_truth || t->rank != 1) return nothing(m, e);
    for (size_t i = 0; i < t->n && m->status == STATUS_OK; i++) {
        if (!entry_exact(&state) || !entry_exact(&t->e[i])) return nothing(m, e);
        const struct sym *row = smt_chosen(m, table, &state, NULL, 0);
        if (m->status != STATUS_OK || !sym_scalar(m, &state, smt_chosen(m, row, &t->e[i], NULL, 0), e)) return NULL;
    }
    return sym_entry(m, state);
}

static const struct sym *transpose(struct smt *m, const struct sym *a)
{
    struct sym *out = sym_new(m, 2, (const size_t[]){a->shape[1], a->shape[0]});
    for (size_t i = 0; out && i < a->n; i++) out->e[i % a->shape[1] * a->shape[0] + i / a->shape[1]] = a->e[i];
    return out;
}

static const struct sym *mean_rows(struct smt *m, const struct sym *a)
{
    size_t rows = a->shape[0], width = a->shape[1];
    struct sym *out = sym_new(m, 2, a->shape);
    struct entry *column = smt_array(m, rows, sizeof *column);
    for (size_t k = 0; out && column && k < width && m->status == STATUS_OK; k++) {
        for (size_t i = 0; i < rows; i++) column[i] = a->e[i * width + k];
        struct entry mean = term_div(m, term_linear(m, column, NULL, 0, rows, 0), entry_int(m, (long)rows));
        for (size_t i = 0; i < rows; i++) out->e[i * width + k] = mean;
    }
    return out;
}

static const struct sym *diagonal(struct smt *m, const struct sym *a)
{
    size_t n = a->shape[0] < a->shape[1] ? a->shape[0] : a->shape[1];
    struct sym *out = sym_new(m, 1, &n);
    for (size_t i = 0; out && i < n; i++) out->e[i] = a->e[i * a->shape[1] + i];
    return out;
}

static const struct sym *dot(struct smt *m, const struct sym *a, const struct sym *b)
{
    struct entry *terms = smt_array(m, a->n, sizeof *terms);
    for (size_t i = 0; terms && i < a->n && m->status == STATUS_OK; i++) terms[i] = term_mul(m, a->e[i], b->e[i]);
    return terms && m->status == STATUS_OK ? sym_entry(m, term_linear(m, terms, NULL, 0, a->n, 0)) : NULL;
}

/* Exponentials over their sum: e r, where r times the sum is 1. */
static const struct sym *softmax(struct smt *m, const struct sym *v)
{
    struct sym *out = sym_new(m, v->rank, v->shape);
    double most = -INFINITY, low, high;
    mpq_t shift;
    for (size_t i = 0; i < v->n; i++) entry_ends(&low, &high, &v->e[i]), most = fmax(most, high);
    mpq_init(shift);
    mpq_set_d(shift, isfinite(most) ? ceil(most) : 0);
    struct entry r = entry_variable(m, smt_declare(m, smt_fresh(m, "r"), "Real"), 0, INFINITY);
    smt_assert(m, smt_format(m, "(> %s 0.0)", r.term));
    for (size_t i = 0; out && i < v->n && m->status == STATUS_OK; i++) out->e[i] = term_mul(m, smooth_value(m, OP_EXP, NULL, v->e[i], shift), r);
    mpq_clear(shift);
    if (!out || m->status != STATUS_OK) return NULL;
    struct entry sum = term_linear(m, out->e, NULL, 0, out->n, 0);
    smt_assert(m, smt_format(m, "(= %s 1.0)", entry_term_of(m, &sum)));
    for (size_t i = 0; i < out->n; i++) out->e[i].low = out->e[i].table ? 0 : fmax(0, out->e[i].low), out->e[i].high = 1;
    return out;
}

static const struct net *net_of(struct smt *m, const struct expr *e)
{
    const struct model *model = e->form == FORM_NAME && e->name ? statement_model(m->s, e->name) : NULL;
    return model ? &model->net : NULL;
}

static const struct sym *weight(struct smt *m, const struct expr *e)
{
    const struct net *net = net_of(m, e->args[0]);
    long t = net && e->args[1]->form == FORM_STRING ? net_tensor(net, e->args[1]->name) : -1;
    if (t < 0) return nothing(m, e);
    const struct tensor *w = &net->tensors[t];
    struct sym *out = sym_new(m, w->rank, w->shape);
    mpq_t q;
    mpq_init(q);
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) {
        mpq_set_d(q, w->data[i]);
        out->e[i] = entry_number(m, q);
    }
    mpq_clear(q);
    return out;
}

/* What takes values that are evaluated first. */
static const struct sym *of_values(struct smt *m, const struct expr *e)
{
    const struct sym *a = smt_eval(m, e->args[0]), *b = e->n_args > 1 ? smt_eval(m, e->args[1]) : NULL;
    struct entry x;
    if (m->status != STATUS_OK || a->is_truth || (b && b->is_truth)) return nothing(m, e);
    switch (e->function) {
    case FUNCTION_ABS: case FUNCTION_EXP: case FUNCTION_SQRT: return each(m, e, a);
    case FUNCTION_LEN: return sym_entry(m, entry_int(m, a->rank ? (long)a->shape[0] : 1));
    case FUNCTION_ARGMAX: case FUNCTION_ARGMIN: return a->n && a->rank == 1 && e->args[0]->type.base == BASE_INT ? argmax(m, a, e->function == FUNCTION_ARGMIN) : nothing(m, e);
    case FUNCTION_SORT: return sorted(m, a);
    case FUNCTION_DISTINCT: return sym_truth(m, distinct(m, a));
    case FUNCTION_CONTAINS: return sym_scalar(m, &x, b, e) ? sym_truth(m, equals_some(m, a, x, 0)) : NULL;
    case FUNCTION_TRANSPOSE: return a->rank == 2 ? transpose(m, a) : nothing(m, e);
    case FUNCTION_MEAN_ROWS: return a->rank == 2 && a->n ? mean_rows(m, a) : nothing(m, e);
    case FUNCTION_DIAG: return a->rank == 2 ? diagonal(m, a) : nothing(m, e);
    case FUNCTION_DOT: return b && a->n == b->n ? dot(m, a, b) : nothing(m, e);
    case FUNCTION_LOG: case FUNCTION_COS: case FUNCTION_SIN: return smt_circle(m, e, a);
    case FUNCTION_LOGSOFTMAX: case FUNCTION_FOURIER: return a->rank >= 1 && a->n ? smt_circle(m, e, a) : nothing(m, e);
    case FUNCTION_SOFTMAX: return a->rank == 1 && a->n ? softmax(m, a) : nothing(m, e);
    default: return nothing(m, e);
    }
}

/* max(a, b, ...) of numbers is max of a list. */
static const struct sym *of_all(struct smt *m, const struct expr *e)
{
    if (e->n_args == 1) {
        const struct sym *v = smt_eval(m, e->args[0]);
        return v ? fold(m, e, v) : NULL;
    }
    struct sym *v = sym_new(m, 1, &e->n_args);
    for (size_t i = 0; v && i < e->n_args; i++)
        if (!sym_scalar(m, &v->e[i], smt_eval(m, e->args[i]), e)) return NULL;
    return v ? fold(m, e, v) : NULL;
}

/* What the interpreter gives in each case of integers and sequences. */
static bool is_closed(struct smt *m, const struct expr *e)
{
    static const bool always[FUNCTION_COUNT] = {
        [FUNCTION_QK] = true, [FUNCTION_OV] = true, [FUNCTION_RANK] = true, [FUNCTION_INERTIA] = true, [FUNCTION_EIGENVALUES] = true, [FUNCTION_FORM] = true, [FUNCTION_DISTANCE] = true,
        [FUNCTION_CHANGES] = true, [FUNCTION_FLIP] = true, [FUNCTION_RADIUS] = true, [FUNCTION_OUTPUT] = true, [FUNCTION_EIGENVECTOR] = true, [FUNCTION_SINGULAR_VALUES] = true,
        [FUNCTION_EFFECTIVE_RANK] = true, [FUNCTION_ANTISYMMETRIC] = true, [FUNCTION_GRAM] = true, [FUNCTION_HOSVD] = true, [FUNCTION_PI] = true,
    };
    static const bool of_exact[FUNCTION_COUNT] = {
        [FUNCTION_FOLD] = true, [FUNCTION_LOG] = true, [FUNCTION_COS] = true, [FUNCTION_SIN] = true, [FUNCTION_LOGSOFTMAX] = true, [FUNCTION_FOURIER] = true, [FUNCTION_EXP] = true, [FUNCTION_SOFTMAX] = true,
    };
    struct smt_cases c;
    return always[e->function] || (of_exact[e->function] && !expr_depends_on_network(e) && smt_cases(&c, m, e) && c.n > 0);
}

const struct sym *smt_call(struct smt *m, const struct expr *e)
{
    if (is_closed(m, e)) return smt_closed(m, e);
    switch (e->function) {
    case FUNCTION_MAX: case FUNCTION_MIN: case FUNCTION_SUM: case FUNCTION_MEAN: return of_all(m, e);
    case FUNCTION_DIST: case FUNCTION_NORM: return norm_call(m, e);
    case FUNCTION_SEQ: return seq(m, e);
    case FUNCTION_ONEHOT: return onehot(m, e);
    case FUNCTION_FOLD: return fold_call(m, e);
    case FUNCTION_W: return weight(m, e);
    default: return of_values(m, e);
    }
}
