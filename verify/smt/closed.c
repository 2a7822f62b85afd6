/* closed.c: what rests on no variable but integers and sequences, and on no encoding of a network (matrices of weights, ranks, eigenvalues of interaction matrices, distances
 * of rows of data): the interpreter's value in each case of these variables, exact or between its bounds. Variables of written-out quantifiers have one case. */
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/smt/smt.h"

#define PREC 256

struct interp *smt_interp(struct smt *m, bool real)
{
    struct interp **in = &m->interps[real];
    if (*in || m->status != STATUS_OK) return *in;
    if (real) {
        m->real = *m->s;
        m->real.semantics = SEMANTICS_REAL;
    }
    enum status s = interp_new(in, real ? &m->real : m->s, PREC);
    if (s != STATUS_OK) m->status = s;
    return s == STATUS_OK ? *in : NULL;
}

/* Tables of integers? */
static bool is_whole(const struct sym *v)
{
    for (size_t i = 0; i < v->n; i++) {
        const struct entry *e = &v->e[i];
        if (v->is_truth || v->rank > 1 || !entry_exact(e)) return false;
        for (size_t k = 0; k < entry_cases(e); k++)
            if (mpz_cmp_ui(mpq_denref(e->lo + k), 1) != 0 || !mpz_fits_sint_p(mpq_numref(e->lo + k))) return false;
    }
    return true;
}

bool smt_cases(struct smt_cases *out, struct smt *m, const struct expr *e)
{
    *out = (struct smt_cases){.slots = smt_array(m, m->s->n_slots + 1, sizeof *out->slots)};
    bool fits = true;
    if (!out->slots) return false;
    expr_free_slots(out->slots, m->s->n_slots, e);
    for (size_t slot = 0; slot < m->s->n_slots; slot++) {
        const struct sym *v = out->slots[slot] ? m->slots[slot] : NULL;
        if (!out->slots[slot]) continue;
        if (!v || !is_whole(v)) return false;
        for (size_t i = 0; i < v->n; i++) fits = fits && split_both(&out->split, m, out->split, v->e[i].split);
    }
    out->n = !fits ? 0 : out->split ? out->split->n : 1;
    return m->status == STATUS_OK;
}

void smt_bind_case(struct smt *m, struct interp *in, const struct smt_cases *c, size_t i)
{
    for (size_t slot = 0; slot < m->s->n_slots; slot++) {
        const struct sym *v = m->slots[slot];
        if (!c->slots[slot]) continue;
        int *t = smt_array(m, v->n, sizeof *t);
        for (size_t k = 0; t && k < v->n; k++) t[k] = (int)mpz_get_si(mpq_numref(v->e[k].lo + split_case(v->e[k].split, c->split, i)));
        if (t && v->rank == 0) interp_bind_int(in, (int)slot, t[0]);
        else if (t) interp_bind_tokens(in, (int)slot, t, v->n);
    }
}

bool smt_ends(mpq_ptr lo, mpq_ptr hi, const struct interp_array *a, size_t i)
{
    if (a->exact) {
        fmpq_get_mpq(lo, a->exact + i);
        mpq_set(hi, lo);
    } else if (arb_is_finite(a->balls + i))
        ball_ends(lo, hi, a->balls + i, 128);
    else
        return false;
    return true;
}

static const struct sym *nothing(struct smt *m, const struct expr *e, const char *why)
{
    smt_fail(m, STATUS_UNSUPPORTED, "%s %s", e->form == FORM_CALL ? function_table[e->function].name : "a constant", why);
    return NULL;
}

/* The value in case i; *none: it has none there. */
static bool value_in_case(struct interp_array *a, bool *none, struct smt *m, const struct smt_cases *c, size_t i, const struct expr *e)
{
    struct interp *in = smt_interp(m, false);
    struct diag d;
    *none = false;
    if (!in) return false;
    diag_init(&d);
    smt_bind_case(m, in, c, i);
    enum status s = interp_array(a, in, e, c->split ? &d : m->d);
    *none = s == STATUS_INPUT && c->split;
    diag_clear(&d);
    if (s == STATUS_UNSUPPORTED) (void)nothing(m, e, "has no enclosure here");
    else if (s != STATUS_OK && !*none && m->status == STATUS_OK) m->status = s;
    return m->status == STATUS_OK;
}

static struct sym *shaped(struct smt *m, const struct interp_array *a, const struct split *split)
{
    struct sym *out = sym_new(m, a->rank, a->shape);
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) {
        size_t n = split ? split->n : 1;
        out->e[i] = (struct entry){.table = true, .split = split, .lo = smt_numbers(m, n)};
        out->e[i].hi = smt_numbers(m, n);
    }
    return m->status == STATUS_OK ? out : NULL;
}

static bool put(struct smt *m, struct sym *out, size_t at, const struct interp_array *a, const struct expr *e)
{
    if (out->n != a->n || out->rank != a->rank) return nothing(m, e, "has another shape for other values of the variables") != NULL;
    for (size_t i = 0; i < out->n; i++)
        if (!smt_ends(out->e[i].lo + at, out->e[i].hi + at, a, i)) return nothing(m, e, "has no enclosure here") != NULL;
    return true;
}

const struct sym *smt_closed(struct smt *m, const struct expr *e)
{
    struct smt_cases c;
    struct sym *out = NULL;
    if (m->status != STATUS_OK) return NULL;
    if (!smt_cases(&c, m, e)) return nothing(m, e, "of real variables has no encoding");
    if (c.n == 0) return smt_fail(m, STATUS_LIMIT, "%s of more than %d cases of the variables has no encoding", function_table[e->function].name, SMT_CASES), NULL;
    for (size_t i = 0; i < c.n && m->status == STATUS_OK; i++) {
        struct interp_array a = {0};
        bool none;
        if (value_in_case(&a, &none, m, &c, i, e)) {
            if (none) smt_require(m, truth_not(m, c.split ? split_when(m, c.split, i) : "true"));
            else if (out || (out = shaped(m, &a, c.split))) (void)put(m, out, i, &a, e);
        }
        interp_array_clear(&a);
    }
    if (!out && m->status == STATUS_OK) return nothing(m, e, "has no value for any value of the variables");
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++)
        if (entry_exact(&out->e[i])) out->e[i].hi = out->e[i].lo;
    return m->status == STATUS_OK ? out : NULL;
}
