/* float32.c: executions in binary32 (NETWORK.md §5) as real values and errors. An entry of a network that a claim reads is the entry of the real network, which the document
 * encodes, and a variable between the least and the largest difference that an execution can have from it on any input of the domain; so what is unsatisfiable is so for every
 * execution in any order.
 * Where a call rests on integers and sequences alone, the difference is that of two enclosures by the interpreter, of the executions and of the real value, in each case of the
 * variables: everything inside of the call (interventions, other networks) belongs to it. On boxes it is the error bound of models/adjoint.h over the whole box, network by network. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

static struct entry error_between(struct smt *m, const char *name, const mpq_t lo, const mpq_t hi)
{
    if (mpq_sgn(lo) == 0 && mpq_sgn(hi) == 0) return entry_int(m, 0);
    mpq_ptr ends = smt_numbers(m, 2);
    if (!ends) return entry_int(m, 0);
    mpq_set(ends, lo), mpq_set(ends + 1, hi);
    const struct entry number = {.table = true, .lo = ends, .hi = ends + 1};
    double low, high;
    entry_ends(&low, &high, &number);
    low = smt_outside(low, false), high = smt_outside(high, true);
    mpq_set_d(ends, low), mpq_set_d(ends + 1, high);
    struct entry e = entry_variable(m, name, low, high);
    if (e.n_parts) ((struct smt_real *)e.parts[0].var)->error = ends;
    e.term = NULL;
    m->relaxed = true;
    return e;
}

/* ---- of calls that rest on integers and sequences ---- */

/* Widens the ends of the differences by those in one case. */
static bool widen(struct smt *m, mpq_ptr lo, mpq_ptr hi, bool first, const struct interp_array *run, const struct interp_array *real, const struct expr *call)
{
    mpq_t l, h, a, b;
    bool good = true;
    mpq_inits(l, h, a, b, NULL);
    for (size_t i = 0; good && i < run->n; i++) {
        good = smt_ends(l, h, run, i) && smt_ends(a, b, real, i);
        mpq_sub(l, l, b), mpq_sub(h, h, a);
        if (first || mpq_cmp(l, lo + i) < 0) mpq_set(lo + i, l);
        if (first || mpq_cmp(h, hi + i) > 0) mpq_set(hi + i, h);
    }
    mpq_clears(l, h, a, b, NULL);
    return good || smt_fail(m, STATUS_UNSUPPORTED, "the error of %s under float32 is not bounded on the whole domain", function_table[call->function].name);
}

static bool differences(struct smt *m, mpq_ptr lo, mpq_ptr hi, size_t n, const struct expr *call)
{
    struct smt_cases c;
    if (!smt_cases(&c, m, call)) return false;
    if (c.n == 0) return smt_fail(m, STATUS_LIMIT, "executions in float32 have an encoding for at most %d cases of the variables that a network is read on: take shorter sequences or a smaller set of tokens", SMT_CASES);
    for (size_t i = 0; i < c.n && m->status == STATUS_OK; i++) {
        struct interp_array a[2] = {{0}, {0}};
        enum status s = STATUS_OK;
        for (int real = 0; real < 2 && s == STATUS_OK; real++) {
            struct interp *in = smt_interp(m, real);
            if (!in) break;
            smt_bind_case(m, in, &c, i);
            s = interp_array(&a[real], in, call, m->d);
        }
        if (s == STATUS_UNSUPPORTED && m->d->n == 0) (void)smt_fail(m, s, "%s has no value under float32: its model has numbers that are not binary32, or its input is not known", function_table[call->function].name);
        else if (s != STATUS_OK && m->status == STATUS_OK) m->status = s;
        if (m->status == STATUS_OK && (a[0].n != n || a[1].n != n)) (void)smt_fail(m, STATUS_UNSUPPORTED, "%s has rows of other shapes for other values of the variables", function_table[call->function].name);
        if (m->status == STATUS_OK) (void)widen(m, lo, hi, i == 0, &a[0], &a[1], call);
        interp_array_clear(&a[0]), interp_array_clear(&a[1]);
    }
    return m->status == STATUS_OK;
}

static struct smt_errors *find_errors(struct smt *m, const struct expr *call, size_t n)
{
    bool kept = !smt_moves(m, call);
    for (size_t i = 0; kept && i < m->n_errors; i++)
        if (m->errors[i].call && expr_equal(m->errors[i].call, call)) return &m->errors[i];
    mpq_ptr lo = smt_numbers(m, n), hi = smt_numbers(m, n);
    struct entry *e = smt_array(m, n, sizeof *e);
    if (!lo || !hi || !e || !differences(m, lo, hi, n, call)) return NULL;
    struct text t;
    text_init(&t);
    expr_print(&t, call);
    smt_comment(m, "what executions in float32 of %.200s differ by from the real value: .err%zu", t.data ? t.data : "", m->n_errors + 1);
    text_clear(&t);
    for (size_t i = 0; i < n; i++) e[i] = error_between(m, smt_format(m, "|%s[%zu].err%zu|", function_table[call->function].name, i, m->n_errors + 1), lo + i, hi + i);
    struct smt_errors *grown = mem_grow(m->errors, &m->room_errors, m->n_errors + 1, sizeof *grown);
    if (!grown) {
        smt_fail(m, STATUS_MEMORY, "out of memory");
        return NULL;
    }
    m->errors = grown;
    grown[m->n_errors] = (struct smt_errors){.call = kept ? call : NULL, .n = n, .e = e};
    return &grown[m->n_errors++];
}

bool executed(struct smt *m, struct entry *a, size_t n, const struct expr *call, size_t skip, size_t all)
{
    const struct smt_errors *x = m->status == STATUS_OK ? find_errors(m, call, all) : NULL;
    for (size_t i = 0; x && i < n && m->status == STATUS_OK; i++) a[i] = term_add(m, a[i], x->e[skip + i], false);
    return x && m->status == STATUS_OK;
}

/* ---- of real variables ---- */

static bool enter_box(struct smt *m, struct smt_site *site)
{
    size_t width = site->net->width_in;
    double *mid = smt_array(m, width, sizeof *mid), *rad = smt_array(m, width, sizeof *rad);
    if (!mid || !rad) return false;
    enum status s = adjoint_run_new(&site->executions, site->net);
    if (s == STATUS_UNSUPPORTED) return smt_fail(m, s, "%s has weights that are not binary32 numbers, which float32 asks for", site->name);
    if (s != STATUS_OK) return smt_fail(m, s, "out of memory");
    adjoint_run_length(site->executions, site->n);
    for (size_t i = 0; i < site->n; i++) {
        for (size_t j = 0; j < width; j++) {
            double low, high;
            entry_ends(&low, &high, &site->inputs[i * width + j]);
            if (!isfinite(low) || !isfinite(high)) return smt_fail(m, STATUS_UNSUPPORTED, "an unbounded input has no encoding under float32: box(a, b) has one");
            mid[j] = low / 2 + high / 2;
            rad[j] = low == high ? 0 : nextafter(fmax(high - mid[j], mid[j] - low), INFINITY);
        }
        adjoint_run_input_row(site->executions, i, mid, rad);
    }
    return true;
}

static struct entry *errors_of_row(struct smt *m, size_t n, struct smt_site *site, size_t node, size_t row)
{
    const double *mid, *rad, *error;
    struct entry *out = smt_array(m, n, sizeof *out);
    if (!out || (!site->executions && !enter_box(m, site))) return NULL;
    error = adjoint_run_error(site->executions, node, row);
    if (!error) adjoint_run_row(site->executions, node, row, &mid, &rad);
    mpq_t lo, hi;
    mpq_init(lo), mpq_init(hi);
    for (size_t i = 0; i < n && m->status == STATUS_OK; i++) {
        double bound = error ? error[i] : 2 * rad[i];
        if (bound <= 0x1p120) mpq_set_d(hi, bound);
        else smt_fail(m, STATUS_UNSUPPORTED, "the error of node %s under float32 is not bounded on the whole domain", site->net->nodes[node].name);
        mpq_neg(lo, hi);
        out[i] = error_between(m, smt_format(m, "|%s.%s[%zu,%zu].err|", site->name, site->net->nodes[node].name, row, i), lo, hi);
    }
    mpq_clear(lo), mpq_clear(hi);
    return out;
}

bool executed_row(struct smt *m, struct entry *a, size_t n, struct smt_site *site, size_t node, size_t row)
{
    if (site->n_patches || site->edit) return smt_fail(m, STATUS_UNSUPPORTED, "an intervention on a network of real variables has no encoding under float32: under real it has one");
    if (!site->errors) site->errors = smt_array(m, site->net->n_nodes * site->n, sizeof *site->errors);
    if (!site->errors) return false;
    struct entry **kept = &site->errors[node * site->n + row];
    if (!*kept) *kept = errors_of_row(m, n, site, node, row);
    for (size_t i = 0; *kept && i < n && m->status == STATUS_OK; i++) a[i] = term_add(m, a[i], (*kept)[i], false);
    return m->status == STATUS_OK;
}

static bool is_binary32(const struct entry *x)
{
    bool all = entry_exact(x);
    for (size_t k = 0; all && k < entry_cases(x); k++) {
        mpq_t back;
        mpq_init(back);
        mpq_set_d(back, (double)(float)mpq_get_d(x->lo + k));
        all = mpq_equal(back, x->lo + k);
        mpq_clear(back);
    }
    return all;
}

/* A number rounded once to the nearest binary32: itself, or within 2^-24 of its size and 2^-149 of it. */
static struct entry rounded(struct smt *m, struct entry x)
{
    double low, high;
    entry_ends(&low, &high, &x);
    double most = fmax(fabs(low), fabs(high));
    if (most <= 0x1p100 && is_binary32(&x)) return x;
    if (!(most <= 0x1p100)) {
        smt_fail(m, STATUS_UNSUPPORTED, "an unbounded input has no encoding under float32: box(a, b) has one");
        return x;
    }
    mpq_t lo, hi, eta;
    mpq_inits(lo, hi, eta, NULL);
    mpq_set_d(hi, most);
    mpq_div_2exp(hi, hi, 24);
    mpq_set_d(eta, 0x1p-149);
    mpq_add(hi, hi, eta);
    mpq_neg(lo, hi);
    struct entry e = term_add(m, x, error_between(m, smt_fresh(m, "rounding"), lo, hi), false);
    mpq_clears(lo, hi, eta, NULL);
    return e;
}

const struct sym *rounded_input(struct smt *m, const struct sym *x)
{
    if (x->is_truth) return x;
    struct sym *out = sym_new(m, x->rank, x->shape);
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) out->e[i] = rounded(m, x->e[i]);
    return out;
}
