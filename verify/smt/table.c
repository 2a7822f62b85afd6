/* table.c: values that depend on a choice of tokens alone, case by case. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

static struct entry table_new(struct smt *m, const struct split *split, bool exact)
{
    struct entry e = {.table = true, .split = split};
    size_t n = split ? split->n : 1;
    e.lo = smt_numbers(m, n);
    e.hi = exact ? e.lo : smt_numbers(m, n);
    if (!e.lo || !e.hi) return (struct entry){.term = "0.0", .table = false};
    return e;
}

struct entry entry_number(struct smt *m, const mpq_t q)
{
    struct entry e = table_new(m, NULL, true);
    if (e.table) mpq_set(e.lo, q);
    return e;
}

struct entry entry_int(struct smt *m, long v)
{
    struct entry e = table_new(m, NULL, true);
    if (e.table) mpq_set_si(e.lo, v, 1);
    return e;
}

struct entry entry_variable(struct smt *m, const char *term, double low, double high)
{
    struct smt_real *v = smt_array(m, 1, sizeof *v);
    struct summand *p = smt_array(m, 1, sizeof *p);
    if (!v || !p) return (struct entry){.term = term, .low = low, .high = high};
    *v = (struct smt_real){.name = term, .id = m->n_reals++, .low = low, .high = high};
    *p = (struct summand){.var = v, .lo = smt_numbers(m, 1)};
    p->hi = p->lo;
    if (p->lo) mpq_set_ui(p->lo, 1, 1);
    return (struct entry){.parts = p, .n_parts = 1, .term = term, .low = low, .high = high};
}

size_t entry_cases(const struct entry *e) { return e->split ? e->split->n : 1; }

bool entry_exact(const struct entry *e)
{
    if (!e->table) return false;
    for (size_t i = 0; e->lo != e->hi && i < entry_cases(e); i++)
        if (!mpq_equal(e->lo + i, e->hi + i)) return false;
    return true;
}

bool entry_constant(const struct entry *e) { return e->table && !e->split && entry_exact(e); }

bool entry_is_zero(const struct entry *e) { return entry_constant(e) && mpq_sgn(e->lo) == 0; }

const char *entry_when(struct smt *m, const struct entry *e, size_t i) { return e->split ? split_when(m, e->split, i) : "true"; }

const char *real_name(struct smt *m, const struct smt_real *v)
{
    struct smt_real *x = (struct smt_real *)v;
    if (v->shares && !v->shares->said) shares_say(m, v->shares);
    if (v->error && !v->said) {
        x->said = true;
        smt_declare(m, v->name, "Real");
        smt_assert(m, smt_format(m, "(<= %s %s %s)", smt_constant(m, v->error), v->name, smt_constant(m, v->error + 1)));
    }
    return v->name;
}

const char *ite_table(struct smt *m, const struct split *split, mpq_srcptr values, const char *times)
{
    struct text t;
    size_t n = split ? split->n : 1, open = 0;
    text_init(&t);
    for (size_t i = 0; i < n; i++) {
        bool rest_equal = true;
        for (size_t k = i + 1; k < n && rest_equal; k++) rest_equal = mpq_equal(values + i, values + k);
        if (!rest_equal) {
            text_addf(&t, "(ite %s ", split_when(m, split, i));
            open++;
        }
        bool plain = times && mpq_cmp_ui(values + i, 1, 1) == 0;
        if (times && !plain) text_add(&t, "(* ");
        if (plain) text_add(&t, times);
        else smt_number(&t, values + i);
        if (times && !plain) text_addf(&t, " %s)", times);
        if (rest_equal) break;
        text_add(&t, " ");
    }
    for (size_t i = 0; i < open; i++) text_add(&t, ")");
    return smt_keep(m, &t);
}

static bool same_numbers(mpq_srcptr a, mpq_srcptr b, size_t n)
{
    for (size_t i = 0; a != b && i < n; i++)
        if (!mpq_equal(a + i, b + i)) return false;
    return true;
}

/* One part as a term: exact, or a variable between two exact ones. */
static const char *part_term(struct smt *m, const struct summand *p)
{
    const char *times = p->var ? real_name(m, p->var) : NULL;
    if (same_numbers(p->lo, p->hi, p->split ? p->split->n : 1)) return ite_table(m, p->split, p->lo, times);
    m->relaxed = true;
    const char *x = smt_declare(m, smt_fresh(m, "e"), "Real");
    bool plain = !p->var || p->var->low >= 0;
    smt_assert(m, smt_format(m, "(<= %s %s)", ite_table(m, p->split, p->lo, plain ? times : NULL), x));
    smt_assert(m, smt_format(m, "(<= %s %s)", x, ite_table(m, p->split, p->hi, plain ? times : NULL)));
    if (plain) return x;
    m->products = true;
    return smt_format(m, "(* %s %s)", x, times);
}

const char *entry_term_of(struct smt *m, struct entry *e)
{
    if (e->term) return e->term;
    if (e->x) {
        struct entry solid = entry_solid(m, *e);
        return e->term = entry_term_of(m, &solid);
    }
    const struct summand whole = {.split = e->split, .lo = e->lo, .hi = e->hi};
    if (e->table) {
        const char *t = part_term(m, &whole);
        return e->term = strlen(t) > 40 ? smt_define(m, NULL, "Real", t) : t;
    }
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < e->n_parts; i++) text_addf(&t, " %s", part_term(m, &e->parts[i]));
    const char *sum = smt_keep(m, &t), *term = e->n_parts == 1 ? sum + 1 : smt_format(m, "(+%s)", sum);
    return e->term = strlen(term) > 40 ? smt_define(m, NULL, "Real", term) : term;
}

const char *entry_bounded(struct smt *m, struct entry *e)
{
    const char *term = entry_term_of(m, e);
    mpq_t q;
    if (e->table || e->ends_said) return term;
    e->ends_said = true;
    mpq_init(q);
    if (isfinite(e->low)) mpq_set_d(q, e->low), smt_assert(m, smt_format(m, "(<= %s %s)", smt_constant(m, q), term));
    if (isfinite(e->high)) mpq_set_d(q, e->high), smt_assert(m, smt_format(m, "(<= %s %s)", term, smt_constant(m, q)));
    mpq_clear(q);
    return term;
}

const struct smt_real *entry_real(struct smt *m, struct entry *e)
{
    if (!e->table && e->n_parts == 1 && e->parts[0].var && !e->parts[0].split && e->parts[0].lo == e->parts[0].hi && mpq_cmp_ui(e->parts[0].lo, 1, 1) == 0)
        return e->parts[0].var;
    double low, high;
    entry_ends(&low, &high, e);
    struct entry v = entry_variable(m, entry_term_of(m, e), low, high);
    return v.n_parts ? v.parts[0].var : NULL;
}

/* The double itself, or the next one on that side. */
static double outside(const mpq_t q, double side)
{
    double x = mpq_get_d(q);
    mpq_t back;
    mpq_init(back);
    mpq_set_d(back, x);
    bool exact = mpq_equal(back, q);
    mpq_clear(back);
    return exact ? x : nextafter(x, side);
}

void entry_ends(double *low, double *high, const struct entry *e)
{
    *low = e->low;
    *high = e->high;
    if (!e->table) return;
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < entry_cases(e); i++) {
        *low = fmin(*low, outside(e->lo + i, -INFINITY));
        *high = fmax(*high, outside(e->hi + i, INFINITY));
    }
}

void round_outward(mpq_t lo, mpq_t hi)
{
    if (mpq_equal(lo, hi)) return;
    for (int k = 0; k < 2; k++) {
        mpq_ptr x = k ? hi : lo;
        if (mpq_sgn(x) == 0) continue;
        mpz_t n;
        mpz_init(n);
        long e = (long)mpz_sizeinbase(mpq_numref(x), 2) - (long)mpz_sizeinbase(mpq_denref(x), 2), up = SMT_BITS - e;
        if (up >= 0) mpz_mul_2exp(n, mpq_numref(x), (mp_bitcnt_t)up);
        else mpz_set(n, mpq_numref(x));
        if (up < 0) mpz_mul_2exp(mpq_denref(x), mpq_denref(x), (mp_bitcnt_t)-up);
        if (k) mpz_cdiv_q(n, n, mpq_denref(x));
        else mpz_fdiv_q(n, n, mpq_denref(x));
        mpq_set_z(x, n);
        if (up >= 0) mpq_div_2exp(x, x, (mp_bitcnt_t)up);
        else mpq_mul_2exp(x, x, (mp_bitcnt_t)-up);
        mpz_clear(n);
    }
}

/* ---- pairs of cases ---- */

bool table_pairs(struct smt *m, const struct split **split, size_t **of_a, size_t **of_b, const struct entry *a, const struct entry *b)
{
    if (!split_both(split, m, a->split, b->split)) return false;
    size_t n = *split ? (*split)->n : 1;
    *of_a = smt_array(m, n, sizeof **of_a);
    *of_b = smt_array(m, n, sizeof **of_b);
    if (!*of_a || !*of_b) return false;
    for (size_t i = 0; i < n; i++) {
        (*of_a)[i] = split_case(a->split, *split, i);
        (*of_b)[i] = split_case(b->split, *split, i);
    }
    return true;
}

struct entry table_merged(struct smt *m, const struct entry *e)
{
    size_t n = entry_cases(e), kept = 0, *first = smt_array(m, n, sizeof *first), *class = smt_array(m, n, sizeof *class);
    if (!first || !class) return *e;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < kept && !mpq_equal(e->lo + i, e->lo + first[k])) k++;
        if (k == kept) first[kept++] = i;
        class[i] = k;
    }
    if (kept > n / 4) return *e;     /* else the factors are lost for little */
    struct entry out = table_new(m, kept > 1 ? split_new(m, kept) : NULL, true);
    if (!out.table) return out;
    const char **when = smt_array(m, n, sizeof *when);
    for (size_t k = 0; k < kept && when; k++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            if (class[i] == k) when[count++] = split_when(m, e->split, i);
        mpq_set(out.lo + k, e->lo + first[k]);
        if (kept > 1) out.split->when[k] = truth_any(m, when, count);
    }
    return out;
}

bool table_map2(struct entry *out, struct smt *m, const struct entry *a, const struct entry *b, table_function *f)
{
    const struct split *split;
    size_t *i, *k;
    bool one = a->split == b->split || !a->split || !b->split;
    if (!entry_exact(a) || !entry_exact(b) || !table_pairs(m, &split, &i, &k, a, b)) return false;
    *out = table_new(m, split, true);
    if (!out->table) return false;
    for (size_t c = 0; c < entry_cases(out); c++) f(out->lo + c, a->lo + i[c], b->lo + k[c]);
    if (!one) *out = table_merged(m, out);
    return true;
}
