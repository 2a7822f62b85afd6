/* compare.c: comparisons. Where both sides rest on few cases, or on shares of one row of a softmax, each case is decided here; the rest is the solver's. */
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

static bool compares(enum oper oper, int order)
{
    switch (oper) {
    case OPER_LT: return order < 0;
    case OPER_LE: return order <= 0;
    case OPER_GT: return order > 0;
    case OPER_GE: return order >= 0;
    case OPER_EQ: return order == 0;
    default: return order != 0;
    }
}

/* Exact tables, in the cases of both. */
static const char *compare_tables(struct smt *m, enum oper oper, const struct entry *a, const struct entry *b)
{
    const struct split *split;
    size_t *i, *k, count = 0;
    if (!table_pairs(m, &split, &i, &k, a, b)) return NULL;
    size_t n = split ? split->n : 1;
    const char **when = smt_array(m, n, sizeof *when);
    if (!when) return NULL;
    for (size_t c = 0; c < n; c++)
        if (compares(oper, mpq_cmp(a->lo + i[c], b->lo + k[c]))) when[count++] = split ? split_when(m, split, c) : "true";
    return count == n ? "true" : truth_any(m, when, count);
}

/* ---- sums of tables, and shares in them ---- */

static struct entry table_part(const struct summand *p) { return (struct entry){.table = true, .split = p->split, .lo = p->lo, .hi = p->hi}; }

/* All variables of d are shares of one row: the row, else NULL. */
static struct smt_shares *only_shares(const struct entry *d)
{
    struct smt_shares *s = NULL;
    for (size_t i = 0; !d->table && i < d->n_parts; i++) {
        const struct smt_real *v = d->parts[i].var;
        if (v && (!v->shares || v->shares->keep || (s && v->shares != s))) return NULL;
        if (v) s = v->shares;
    }
    return s;
}

/* What is multiplied by p_j, and what stands alone, as one table where that has few enough cases: what cancels then cancels exactly. */
static bool gathered(struct entry *out, struct smt *m, const struct entry *d, size_t member, const struct split *with)
{
    *out = entry_int(m, 0);
    for (size_t i = 0; i < d->n_parts; i++) {
        const struct summand *p = &d->parts[i];
        struct entry a = table_part(p);
        if (p->var && p->var->member != member) continue;
        if (!split_both(&with, m, with, a.split)) return false;
        *out = term_add(m, *out, a, false);
    }
    return out->table && split_both(&with, m, with, out->split);
}

/* sum p_j A_j + B has the sign of sum e_j (A_j + B): sums of tables. false: too many cases. */
static bool times_total(struct entry *out, struct smt *m, const struct entry *d, const struct smt_shares *s)
{
    size_t n = 0;
    struct entry *terms = smt_array(m, d->n_parts * s->n, sizeof *terms), together;
    const struct split *split;
    for (size_t j = 0; terms && j < s->n; j++) {
        if (gathered(&together, m, d, j, s->e[j].split)) {
            terms[n++] = term_mul(m, s->e[j], together);
            continue;
        }
        for (size_t i = 0; i < d->n_parts; i++) {
            struct entry a = table_part(&d->parts[i]);
            if (d->parts[i].var && d->parts[i].var->member != j) continue;
            if (!split_both(&split, m, s->e[j].split, a.split)) return false;
            terms[n++] = term_mul(m, s->e[j], a);
        }
    }
    *out = term_linear(m, terms, NULL, 0, n, 0);
    return terms && m->status == STATUS_OK;
}

/* d, a sum of tables alone, against 0 in every case; what is between an end below and one above 0 is left open. */
static const char *compare_cases(struct smt *m, enum oper oper, const struct entry *d)
{
    const struct split *s = NULL;
    const struct summand one = {.split = d->split, .lo = d->lo, .hi = d->hi}, *parts = d->table ? &one : d->parts;
    size_t n_parts = d->table ? 1 : d->n_parts, n_yes = 0, n_no = 0, n_open = 0;
    for (size_t i = 0; i < n_parts; i++)
        if (parts[i].var || !split_both(&s, m, s, parts[i].split)) return NULL;
    size_t n = s ? s->n : 1, *yes = smt_array(m, n, sizeof *yes), *no = smt_array(m, n, sizeof *no), *open = smt_array(m, n, sizeof *open);
    mpq_t lo, hi;
    mpq_init(lo), mpq_init(hi);
    for (size_t c = 0; yes && no && open && c < n; c++) {
        mpq_set_ui(lo, 0, 1), mpq_set_ui(hi, 0, 1);
        for (size_t i = 0; i < n_parts; i++) {
            size_t k = split_case(parts[i].split, s, c);
            mpq_add(lo, lo, parts[i].lo + k);
            mpq_add(hi, hi, parts[i].hi + k);
        }
        bool low = compares(oper, mpq_sgn(lo)), high = compares(oper, mpq_sgn(hi));
        bool settled = mpq_sgn(lo) == mpq_sgn(hi) && (mpq_sgn(lo) != 0 || mpq_equal(lo, hi));
        if (oper != OPER_EQ && oper != OPER_NE) settled = low == high;
        if (!settled) open[n_open++] = c;
        else if (low) yes[n_yes++] = c;
        else no[n_no++] = c;
    }
    mpq_clear(lo), mpq_clear(hi);
    bool few_no = n_open == 0 && n_no < n_yes;      /* the shorter list */
    size_t count = few_no ? n_no : n_yes, *list = few_no ? no : yes;
    const char **when = smt_array(m, count + n_open + 1, sizeof *when);
    if (!when || !list) return "false";
    for (size_t i = 0; i < count; i++) when[i] = s ? split_when(m, s, list[i]) : "true";
    if (n_open) m->relaxed = true;
    for (size_t i = 0; i < n_open; i++) when[count + i] = truth_and(m, s ? split_when(m, s, open[i]) : "true", smt_declare(m, smt_fresh(m, "open"), "Bool"));
    const char *any = truth_any(m, when, count + n_open);
    return few_no ? truth_not(m, any) : any;
}

/* Against 0 where d rests on few cases, or on the shares of one row; NULL: it rests on more, and d is what to compare then. */
static const char *settle(struct smt *m, enum oper oper, struct entry *d)
{
    struct entry e = *d;
    struct smt_shares *shares = only_shares(d);
    if (shares && times_total(&e, m, d, shares)) *d = e;
    return compare_cases(m, oper, d);
}

/* a - b against 0 */
const char *term_compare(struct smt *m, enum oper oper, struct entry a, struct entry b)
{
    static const char *const words[] = {[OPER_LT] = "<", [OPER_LE] = "<=", [OPER_GT] = ">", [OPER_GE] = ">=", [OPER_EQ] = "="};
    double low, high, al, ah, bl, bh;
    if (entry_exact(&a) && entry_exact(&b)) {
        const char *t = compare_tables(m, oper, &a, &b);
        if (t) return t;
    }
    static const enum oper turned[] = {[OPER_LT] = OPER_GT, [OPER_LE] = OPER_GE, [OPER_GT] = OPER_LT, [OPER_GE] = OPER_LE, [OPER_EQ] = OPER_EQ, [OPER_NE] = OPER_NE};
    if (a.x) return extreme_compare(m, oper, &a, b);
    if (b.x) return extreme_compare(m, turned[oper], &b, a);
    struct entry d = term_linear(m, (struct entry[]){a, b}, (const double[]){1, -1}, 1, 2, 0);
    if (entry_exact(&d) && entry_constant(&d)) return truth_of(compares(oper, mpq_sgn(d.lo)));
    entry_ends(&low, &high, &d);
    entry_ends(&al, &ah, &a);
    entry_ends(&bl, &bh, &b);
    if (high < 0 || ah < bl) return truth_of(compares(oper, -1));
    if (low > 0 || al > bh) return truth_of(compares(oper, 1));
    struct entry plain;
    const char *t = term_without_errors(&plain, m, &d) ? settle(m, oper, &plain) : NULL, *x;
    if (!t && m->status == STATUS_OK) t = settle(m, oper, &d);
    if (t || m->status != STATUS_OK) return t ? t : "false";
    x = entry_term_of(m, &d);
    if (oper == OPER_NE) return truth_not(m, smt_format(m, "(= %s 0.0)", x));
    return smt_format(m, "(%s %s 0.0)", words[oper], x);
}
