/* expr.c: expressions as symbolic values. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

struct sym *sym_new(struct smt *m, size_t rank, const size_t *shape)
{
    struct sym *s = smt_array(m, 1, sizeof *s);
    if (!s) return NULL;
    s->rank = rank;
    s->n = 1;
    for (size_t i = 0; i < rank; i++) s->n *= s->shape[i] = shape[i];
    if (!(s->e = smt_array(m, s->n, sizeof *s->e))) return NULL;
    for (size_t i = 0; i < s->n; i++) s->e[i].term = "0.0";
    return s;
}

const struct sym *sym_truth(struct smt *m, const char *t)
{
    struct sym *s = smt_array(m, 1, sizeof *s);
    if (s) *s = (struct sym){.is_truth = true, .truth = t};
    return s;
}

const struct sym *sym_entry(struct smt *m, struct entry e)
{
    struct sym *s = sym_new(m, 0, NULL);
    if (s) s->e[0] = e;
    return s;
}

bool sym_scalar(struct smt *m, struct entry *out, const struct sym *a, const struct expr *e)
{
    (void)e;
    if (m->status != STATUS_OK || !a) return false;
    if (a->is_truth || a->rank != 0) return smt_fail(m, STATUS_INPUT, "a number was expected");
    *out = a->e[0];
    return true;
}

bool smt_int(struct smt *m, long *out, const struct expr *e)
{
    struct entry x;
    if (!sym_scalar(m, &x, smt_eval(m, e), e)) return false;
    if (!entry_constant(&x) || mpz_cmp_ui(mpq_denref(x.lo), 1) != 0 || !mpz_fits_slong_p(mpq_numref(x.lo)))
        return smt_fail(m, STATUS_UNSUPPORTED, "an integer that does not rest on the variables of the claim was expected");
    *out = mpz_get_si(mpq_numref(x.lo));
    return true;
}

static const struct sym *nothing(struct smt *m, const struct expr *e)
{
    struct text t;
    text_init(&t);
    expr_print(&t, e);
    smt_fail(m, STATUS_UNSUPPORTED, "no encoding of %.120s", t.data ? t.data : "this");
    text_clear(&t);
    return NULL;
}

/* ---- names ---- */

static const struct sym *data_value(struct smt *m, const struct expr *e)
{
    const struct data_array *a = e->name ? statement_data(m->s, e->name) : NULL;
    if (!a) return nothing(m, e);
    struct sym *s = sym_new(m, a->rank, a->shape);
    mpq_t q;
    mpq_init(q);
    for (size_t i = 0; s && i < s->n && m->status == STATUS_OK; i++) {
        mpq_set_d(q, a->data[i]);
        s->e[i] = entry_number(m, q);
    }
    mpq_clear(q);
    return s;
}

static const struct sym *name_value(struct smt *m, const struct expr *e)
{
    if (e->slot < 0) return data_value(m, e);
    if (!m->slots[e->slot]) return nothing(m, e);
    return m->slots[e->slot];
}

/* ---- arithmetic ---- */

static void exact_mod(mpq_t o, const mpq_t a, const mpq_t b)
{
    mpq_set_ui(o, 0, 1);
    if (mpq_sgn(b) > 0) mpz_fdiv_r(mpq_numref(o), mpq_numref(a), mpq_numref(b));
}

static struct entry power(struct smt *m, struct entry a, struct entry b)
{
    if (!entry_constant(&b) || mpz_cmp_ui(mpq_denref(b.lo), 1) != 0 || mpq_sgn(b.lo) < 0 || mpq_cmp_ui(b.lo, 16, 1) > 0) {
        smt_fail(m, STATUS_UNSUPPORTED, "only powers with an exponent in 0..16 have an encoding");
        return a;
    }
    struct entry out = entry_int(m, 1);
    for (unsigned long i = mpz_get_ui(mpq_numref(b.lo)); i > 0; i--) out = term_mul(m, out, a);
    return out;
}

static struct entry on_entries(struct smt *m, enum oper oper, struct entry a, struct entry b)
{
    struct entry out = a;
    switch (oper) {
    case OPER_ADD: return term_add(m, a, b, false);
    case OPER_SUB: return term_add(m, a, b, true);
    case OPER_MUL: return term_mul(m, a, b);
    case OPER_DIV: return term_div(m, a, b);
    case OPER_POW: return power(m, a, b);
    default:
        if (!table_map2(&out, m, &a, &b, exact_mod)) smt_fail(m, STATUS_UNSUPPORTED, "a remainder of too many cases");
        return out;
    }
}

static const struct sym *matrix_product(struct smt *m, const struct sym *a, const struct sym *b)
{
    size_t rows = a->rank == 2 ? a->shape[0] : 1, inner = a->shape[a->rank - 1], columns = b->rank == 2 ? b->shape[1] : 1;
    size_t shape[2], rank = 0;
    if (a->rank < 1 || b->rank < 1 || a->rank > 2 || b->rank > 2 || b->shape[0] != inner) {
        smt_fail(m, STATUS_INPUT, "shapes of a product do not fit");
        return NULL;
    }
    if (a->rank == 2) shape[rank++] = rows;
    if (b->rank == 2) shape[rank++] = columns;
    struct sym *out = sym_new(m, rank, shape);
    struct entry *terms = smt_array(m, inner, sizeof *terms);
    for (size_t i = 0; out && terms && i < rows * columns && m->status == STATUS_OK; i++) {
        for (size_t k = 0; k < inner; k++) terms[k] = term_mul(m, a->e[i / columns * inner + k], b->e[k * columns + i % columns]);
        out->e[i] = term_linear(m, terms, NULL, 0, inner, 0);
    }
    return out;
}

static const struct sym *arithmetic(struct smt *m, const struct expr *e)
{
    const struct sym *a = smt_eval(m, e->args[0]), *b = smt_eval(m, e->args[1]);
    if (m->status != STATUS_OK || a->is_truth || b->is_truth) return nothing(m, e);
    if (e->oper == OPER_MATMUL) return matrix_product(m, a, b);
    const struct sym *shape = a->rank >= b->rank ? a : b;
    if (a->rank && b->rank && a->n != b->n) {
        smt_fail(m, STATUS_INPUT, "arrays of different shapes");
        return NULL;
    }
    struct sym *out = sym_new(m, shape->rank, shape->shape);
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) out->e[i] = on_entries(m, e->oper, a->e[a->rank ? i : 0], b->e[b->rank ? i : 0]);
    return out;
}

static const struct sym *negative(struct smt *m, const struct sym *a)
{
    mpq_t minus;
    struct sym *out = sym_new(m, a->rank, a->shape);
    mpq_init(minus);
    mpq_set_si(minus, -1, 1);
    for (size_t i = 0; out && i < out->n; i++) out->e[i] = term_scale(m, a->e[i], minus);
    mpq_clear(minus);
    return out;
}

static const struct sym *negative_of(struct smt *m, const struct expr *e)
{
    const struct sym *a = smt_eval(m, e->args[0]);
    return m->status == STATUS_OK && !a->is_truth ? negative(m, a) : nothing(m, e);
}

/* ---- truths ---- */

static bool is_argmax(const struct expr *e) { return e->form == FORM_CALL && (e->function == FUNCTION_ARGMAX || e->function == FUNCTION_ARGMIN) && e->args[0]->type.base != BASE_INT; }

/* What an argmax is of; of an argmin the opposite. */
static const struct sym *ranked(struct smt *m, const struct expr *e)
{
    const struct sym *v = smt_eval(m, e->args[0]);
    return m->status == STATUS_OK && e->function == FUNCTION_ARGMIN ? negative(m, v) : v;
}

/* argmax(v) == e, argmax(a) == argmax(b) */
static const char *argmax_compare(struct smt *m, const struct expr *a, const struct expr *b)
{
    if (!is_argmax(a)) return argmax_compare(m, b, a);
    const struct sym *v = ranked(m, a);
    if (m->status != STATUS_OK) return "false";
    if (!is_argmax(b)) {
        struct entry i;
        return sym_scalar(m, &i, smt_eval(m, b), b) ? smt_argmax_is(m, v, i, true) : "false";
    }
    const struct sym *w = ranked(m, b);
    const char **both = smt_array(m, v->n, sizeof *both);
    if (m->status != STATUS_OK || !both || v->n != w->n) return "false";
    for (size_t i = 0; i < v->n; i++)
        both[i] = truth_and(m, smt_argmax_is(m, v, entry_int(m, (long)i), true), smt_argmax_is(m, w, entry_int(m, (long)i), true));
    return truth_any(m, both, v->n);
}

static const char *compare_values(struct smt *m, enum oper oper, const struct sym *a, const struct sym *b)
{
    if (a->is_truth || b->is_truth) {
        smt_fail(m, STATUS_UNSUPPORTED, "truths compared as numbers");
        return "false";
    }
    if (a->rank == 0 && b->rank == 0) return term_compare(m, oper, a->e[0], b->e[0]);
    if (a->n != b->n || a->rank != b->rank) return truth_of(oper == OPER_NE);
    const char **same = smt_array(m, a->n, sizeof *same);
    for (size_t i = 0; same && i < a->n; i++) same[i] = term_compare(m, OPER_EQ, a->e[i], b->e[i]);
    if (!same || (oper != OPER_EQ && oper != OPER_NE)) {
        smt_fail(m, STATUS_UNSUPPORTED, "an order of arrays");
        return "false";
    }
    const char *all = truth_all(m, same, a->n);
    return oper == OPER_EQ ? all : truth_not(m, all);
}

static const char *compare(struct smt *m, const struct expr *e)
{
    const char **parts = smt_array(m, e->n_args, sizeof *parts);
    const struct sym **v = smt_array(m, e->n_args, sizeof *v);
    if (!parts || !v) return "false";
    for (size_t i = 0; i < e->n_args; i++)
        if (!is_argmax(e->args[i])) v[i] = smt_eval(m, e->args[i]);
    for (size_t i = 0; i + 1 < e->n_args && m->status == STATUS_OK; i++) {
        if (!v[i] || !v[i + 1]) {
            parts[i] = argmax_compare(m, e->args[i], e->args[i + 1]);
            if (e->opers[i] == OPER_NE) parts[i] = truth_not(m, parts[i]);
        } else
            parts[i] = compare_values(m, e->opers[i], v[i], v[i + 1]);
    }
    return m->status == STATUS_OK ? truth_all(m, parts, e->n_args - 1) : "false";
}

/* e, which is looked at only where `when` holds */
static const struct sym *evaluated_if(struct smt *m, const char *when, const struct expr *e)
{
    struct smt_path path = {when, m->path};
    m->path = &path;
    const struct sym *v = smt_eval(m, e);
    m->path = path.before;
    return v;
}

static const char *connective(struct smt *m, const struct expr *e)
{
    const char *a = smt_truth(m, e->args[0]);
    /* what is not looked at is no error */
    if (m->status != STATUS_OK || (e->oper == OPER_AND && is_false(a)) || (e->oper == OPER_OR && is_true(a))) return a;
    if (e->oper == OPER_IMPLIES && is_false(a)) return "true";
    const struct sym *second = evaluated_if(m, e->oper == OPER_OR ? truth_not(m, a) : e->oper == OPER_IFF ? "true" : a, e->args[1]);
    if (m->status != STATUS_OK || !second->is_truth) return "false";
    const char *b = second->truth;
    switch (e->oper) {
    case OPER_AND: return truth_and(m, a, b);
    case OPER_OR: return truth_or(m, a, b);
    case OPER_IMPLIES: return truth_or(m, truth_not(m, a), b);
    default:
        if (is_true(a) || is_false(a)) return is_true(a) ? b : truth_not(m, b);
        if (is_true(b) || is_false(b)) return is_true(b) ? a : truth_not(m, a);
        return smt_format(m, "(= %s %s)", a, b);
    }
}

static const struct sym *conditional(struct smt *m, const struct expr *e)
{
    const char *when = smt_truth(m, e->args[0]);
    if (m->status != STATUS_OK) return NULL;
    if (is_true(when) || is_false(when)) return smt_eval(m, e->args[is_true(when) ? 1 : 2]);
    const struct sym *a = evaluated_if(m, when, e->args[1]), *b = evaluated_if(m, truth_not(m, when), e->args[2]);
    if (m->status != STATUS_OK) return NULL;
    if (a->is_truth) return sym_truth(m, truth_and(m, truth_or(m, truth_not(m, when), a->truth), truth_or(m, when, b->truth)));
    struct sym *out = sym_new(m, a->rank, a->shape);
    if (a->n != b->n) smt_fail(m, STATUS_UNSUPPORTED, "branches of different shapes");
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) out->e[i] = term_if(m, when, a->e[i], b->e[i]);
    return out;
}

/* ---- arrays ---- */

static const struct sym *list(struct smt *m, const struct expr *e)
{
    struct sym *out = NULL;
    for (size_t i = 0; i < e->n_args; i++) {
        const struct sym *x = smt_eval(m, e->args[i]);
        if (m->status != STATUS_OK || x->is_truth || x->rank > 2) return nothing(m, e);
        if (i == 0) {
            size_t shape[3] = {e->n_args};
            for (size_t k = 0; k < x->rank; k++) shape[k + 1] = x->shape[k];
            out = sym_new(m, x->rank + 1, shape);
        }
        if (!out || x->n * e->n_args != out->n) return nothing(m, e);
        memcpy(out->e + i * x->n, x->e, x->n * sizeof *x->e);
    }
    return out ? out : nothing(m, e);
}

/* Element i of the first axis. */
static const struct sym *element(struct smt *m, const struct sym *a, long i)
{
    struct sym *out = sym_new(m, a->rank - 1, a->shape + 1);
    if (out) memcpy(out->e, a->e + (size_t)i * out->n, out->n * sizeof *out->e);
    return out;
}

static const struct sym *stacked(struct smt *m, const struct sym *const *parts, size_t n, const struct sym *like)
{
    size_t shape[3] = {n};
    for (size_t k = 0; k + 1 < 3 && k < like->rank; k++) shape[k + 1] = like->shape[k];
    struct sym *out = sym_new(m, like->rank + 1, shape);
    for (size_t i = 0; out && i < n; i++) memcpy(out->e + i * like->n, parts[i]->e, like->n * sizeof *like->e);
    return out;
}

const struct sym *smt_chosen(struct smt *m, const struct sym *a, const struct entry *index, const struct expr *const *rest, size_t n)
{
    size_t cases = entry_cases(index);
    const struct sym **parts = smt_array(m, cases, sizeof *parts);
    struct entry *of = smt_array(m, cases, sizeof *of);
    for (size_t i = 0; parts && of && i < cases && m->status == STATUS_OK; i++) {
        mpq_srcptr q = index->lo + i;
        bool in = mpz_cmp_ui(mpq_denref(q), 1) == 0 && mpq_sgn(q) >= 0 && mpz_cmp_ui(mpq_numref(q), a->shape[0]) < 0;
        if (!in) smt_require(m, truth_not(m, entry_when(m, index, i)));
        if (!in && a->shape[0] == 0) smt_fail(m, STATUS_INPUT, "index out of range");
        else parts[i] = smt_index(m, element(m, a, in ? mpz_get_si(mpq_numref(q)) : 0), rest, n);
    }
    if (m->status != STATUS_OK) return NULL;
    struct sym *out = sym_new(m, parts[0]->rank, parts[0]->shape);
    for (size_t k = 0; out && k < out->n; k++) {
        for (size_t i = 0; i < cases; i++) of[i] = parts[i]->e[k];
        out->e[k] = term_choose(m, index->split, of);
    }
    return out;
}

const struct sym *smt_index(struct smt *m, const struct sym *a, const struct expr *const *indices, size_t n)
{
    long first = 0, end = a ? (long)a->shape[0] - 1 : 0, before = m->last;
    struct entry index;
    if (n == 0 || m->status != STATUS_OK) return a;
    if (a->is_truth || a->rank == 0) {
        smt_fail(m, STATUS_INPUT, "an index of a number");
        return NULL;
    }
    m->last = end;
    const struct expr *e = indices[0];
    bool slice = e->form == FORM_SLICE, good = true;
    if (slice) good = (!e->args[0] || smt_int(m, &first, e->args[0])) && (!e->args[1] || smt_int(m, &end, e->args[1]));
    else good = sym_scalar(m, &index, smt_eval(m, e), e);
    m->last = before;
    if (!good) return NULL;
    if (!slice && !entry_exact(&index)) return nothing(m, e);
    if (!slice) return smt_chosen(m, a, &index, indices + 1, n - 1);
    size_t count = end >= first ? (size_t)(end - first) + 1 : 0;
    if (count && (first < 0 || end >= (long)a->shape[0])) {
        smt_fail(m, STATUS_INPUT, "a slice out of range");
        return NULL;
    }
    const struct sym **parts = smt_array(m, count, sizeof *parts);
    for (size_t i = 0; parts && i < count && m->status == STATUS_OK; i++) parts[i] = smt_index(m, element(m, a, first + (long)i), indices + 1, n - 1);
    if (m->status != STATUS_OK) return NULL;
    if (count) return stacked(m, parts, count, parts[0]);
    return sym_new(m, 1, (const size_t[]){0});
}

/* Rows of a network, which is encoded: what is no distance and no output of a truncated form. */
static bool reads_network(const struct expr *e)
{
    bool truncated = e->form == FORM_CALL && e->n_args > 0 && e->args[0]->form == FORM_CALL && e->args[0]->function == FUNCTION_TRUNCATE;
    return e->form == FORM_CALL && !truncated && e->function != FUNCTION_RADIUS && function_reads_network(e->function);
}

static const struct sym *index_value(struct smt *m, const struct expr *e)
{
    const struct expr *const *indices = (const struct expr *const *)(void *)(e->args + 1);
    size_t n = e->n_args - 1;
    bool used = false;
    const struct sym *a = reads_network(e->args[0]) ? smt_network(m, e->args[0], indices, n, &used) : smt_eval(m, e->args[0]);
    return m->status == STATUS_OK ? smt_index(m, a, indices + used, n - used) : NULL;
}

const char *smt_truth(struct smt *m, const struct expr *e)
{
    const struct sym *v = smt_eval(m, e);
    if (m->status != STATUS_OK || !v) return "false";
    if (v->is_truth) return v->truth;
    smt_fail(m, STATUS_INPUT, "a truth was expected");
    return "false";
}

const struct sym *smt_eval(struct smt *m, const struct expr *e)
{
    bool used;
    if (m->status != STATUS_OK) return NULL;
    switch (e->form) {
    case FORM_NUMBER: return sym_entry(m, entry_number(m, e->number));
    case FORM_NAME: return name_value(m, e);
    case FORM_LAST: return m->last >= 0 ? sym_entry(m, entry_int(m, m->last)) : nothing(m, e);
    case FORM_UNARY: return e->oper == OPER_NOT ? sym_truth(m, truth_not(m, smt_truth(m, e->args[0]))) : negative_of(m, e);
    case FORM_BINARY:
        if (e->oper == OPER_AND || e->oper == OPER_OR || e->oper == OPER_IMPLIES || e->oper == OPER_IFF) return sym_truth(m, connective(m, e));
        return arithmetic(m, e);
    case FORM_COMPARE: return sym_truth(m, compare(m, e));
    case FORM_IN: return sym_truth(m, smt_member(m, e->args[0], e->args[1]));
    case FORM_IF: return conditional(m, e);
    case FORM_QUANT: return smt_quant(m, e);
    case FORM_LIST: return list(m, e);
    case FORM_INDEX: return index_value(m, e);
    case FORM_CALL: return reads_network(e) ? smt_network(m, e, NULL, 0, &used) : smt_call(m, e);
    default: return nothing(m, e);
    }
}
