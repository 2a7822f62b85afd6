/* reals.c: variables in sets of real numbers and vectors: intervals, boxes, balls of the three norms, all vectors, those without negative entries, cones. */
#include <math.h>
#include <string.h>
#include "verify/smt/smt.h"

/* The width of the network that reads the variable, or it and something else; 0: none does. */
struct reading { const struct smt *m; int slot; size_t width; };

static bool reads_elsewhere(const struct expr *e, void *context)
{
    struct reading *r = context;
    if (e->form != FORM_CALL || !function_reads_network(e->function) || e->n_args == 0 || !expr_uses_slot(e, r->slot)) return true;
    const struct expr *x = e->args[0];
    while (x->form == FORM_CALL && x->n_args > 0) x = x->args[0];
    const struct model *model = x->form == FORM_NAME && x->name ? statement_model(r->m->s, x->name) : NULL;
    if (model && expr_uses_slot(e->args[e->n_args - 1], r->slot)) r->width = model->net.width_in;
    return r->width == 0;
}

static size_t dimension(struct smt *m, const struct bind *b)
{
    const struct statement *s = m->s;
    const struct expr *parts[] = {s->subject, s->where, s->forall_where};
    struct reading r = {m, b->slot, 0};
    for (size_t i = 0; i < 3 && r.width == 0; i++)
        if (parts[i]) (void)expr_walk(parts[i], reads_elsewhere, &r);
    if (r.width == 0) smt_fail(m, STATUS_UNSUPPORTED, "the length of %s is not known: give its set a vector, not one number for all entries", b->name);
    return r.width;
}

static struct entry variable(struct smt *m, const char *name, double low, double high) { return entry_variable(m, smt_declare(m, smt_format(m, "|%s|", name), "Real"), low, high); }

static struct entry real_between(struct smt *m, const char *name, struct entry lo, struct entry hi)
{
    double low, high, skip;
    entry_ends(&low, &skip, &lo);
    entry_ends(&skip, &high, &hi);
    struct entry x = variable(m, name, low, high);
    smt_assert(m, smt_format(m, "(<= %s %s)", entry_term_of(m, &lo), x.term));
    smt_assert(m, smt_format(m, "(<= %s %s)", x.term, entry_term_of(m, &hi)));
    return x;
}

/* Entry i of a vector, or the number for all entries. */
static struct entry corner(const struct sym *a, size_t i) { return a->e[a->rank ? i : 0]; }

/* interval(a, b), box(a, b) */
static const struct sym *box(struct smt *m, const struct bind *b)
{
    const struct sym *lo = smt_eval(m, b->set->args[0]), *hi = smt_eval(m, b->set->args[1]);
    if (m->status != STATUS_OK) return NULL;
    bool interval = b->set->function == FUNCTION_INTERVAL;
    if (lo->is_truth || hi->is_truth || lo->rank > 1 || hi->rank > 1 || (lo->rank && hi->rank && lo->n != hi->n) || (interval && (lo->rank || hi->rank))) {
        smt_fail(m, STATUS_INPUT, "the corners of a box are vectors of one length, or numbers");
        return NULL;
    }
    size_t n = lo->rank ? lo->n : hi->rank ? hi->n : interval ? 1 : dimension(m, b);
    struct sym *out = m->status == STATUS_OK ? sym_new(m, !interval, &n) : NULL;
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++)
        out->e[i] = real_between(m, interval ? b->name : smt_format(m, "%s[%zu]", b->name, i), corner(lo, i), corner(hi, i));
    return out;
}

/* The norm of x - c is at most r: entries are within r already. */
static void assert_ball(struct smt *m, const char *norm, const struct sym *x, const struct sym *c, struct entry r)
{
    if (strcmp(norm, "linf") == 0) return;
    struct entry sum = entry_int(m, 0);
    bool two = strcmp(norm, "l2") == 0;
    for (size_t i = 0; i < x->n && m->status == STATUS_OK; i++) {
        struct entry d = term_add(m, x->e[i], corner(c, i), true);
        struct entry size = two ? term_mul(m, d, d) : term_max(m, d, term_add(m, corner(c, i), x->e[i], true), false);
        sum = term_add(m, sum, entry_solid(m, size), false);
    }
    if (two) r = term_mul(m, r, r);
    smt_assert(m, term_compare(m, OPER_LE, sum, r));
}

static const struct sym *ball(struct smt *m, const struct bind *b)
{
    struct entry r;
    const struct sym *c = smt_eval(m, b->set->args[0]);
    if (!sym_scalar(m, &r, smt_eval(m, b->set->args[1]), b->set)) return NULL;
    size_t n = c->rank ? c->n : dimension(m, b);
    if (m->status != STATUS_OK || c->is_truth || c->rank > 1) return NULL;
    struct sym *out = sym_new(m, 1, &n);
    for (size_t i = 0; out && i < n && m->status == STATUS_OK; i++)
        out->e[i] = real_between(m, smt_format(m, "%s[%zu]", b->name, i), term_add(m, corner(c, i), r, true), term_add(m, corner(c, i), r, false));
    if (out) assert_ball(m, b->set->args[2]->name, out, c, r);
    return out;
}

/* reals(n), orthant(n) */
static const struct sym *space(struct smt *m, const struct bind *b)
{
    long n;
    if (!smt_int(m, &n, b->set->args[0])) return NULL;
    bool positive = b->set->function == FUNCTION_ORTHANT;
    struct sym *out = n > 0 ? sym_new(m, 1, (const size_t[]){(size_t)n}) : NULL;
    if (!out) smt_fail(m, STATUS_INPUT, "a vector has at least one entry");
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) {
        out->e[i] = variable(m, smt_format(m, "%s[%zu]", b->name, i), positive ? 0 : -INFINITY, INFINITY);
        if (positive) smt_assert(m, smt_format(m, "(<= 0.0 %s)", out->e[i].term));
    }
    return out;
}

/* Sums of multiples of vectors, none negative. */
static const struct sym *cone(struct smt *m, const struct bind *b)
{
    size_t n = b->set->n_args;
    const struct sym **g = smt_array(m, n, sizeof *g);
    struct entry *t = smt_array(m, n, sizeof *t), *terms = smt_array(m, n, sizeof *terms);
    for (size_t k = 0; g && t && terms && k < n && m->status == STATUS_OK; k++) {
        g[k] = smt_eval(m, b->set->args[k]);
        if (m->status != STATUS_OK) return NULL;
        if (g[k]->is_truth || g[k]->rank != 1 || g[k]->n != g[0]->n) smt_fail(m, STATUS_INPUT, "the vectors of a cone have one length");
        t[k] = variable(m, smt_format(m, "%s.share[%zu]", b->name, k), 0, INFINITY);
        smt_assert(m, smt_format(m, "(<= 0.0 %s)", t[k].term));
    }
    struct sym *out = m->status == STATUS_OK ? sym_new(m, 1, &g[0]->n) : NULL;
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) {
        for (size_t k = 0; k < n; k++) terms[k] = term_mul(m, t[k], g[k]->e[i]);
        out->e[i] = term_name(m, smt_format(m, "|%s[%zu]|", b->name, i), term_linear(m, terms, NULL, 0, n, 0));
    }
    return out;
}

const struct sym *real_variable(struct smt *m, const struct bind *b)
{
    switch (b->set->function) {
    case FUNCTION_INTERVAL: case FUNCTION_BOX: return box(m, b);
    case FUNCTION_BALL: return ball(m, b);
    case FUNCTION_CONE: return cone(m, b);
    default: return space(m, b);
    }
}
