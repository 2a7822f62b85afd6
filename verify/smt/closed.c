/* closed.c: what rests on no variable of the solver and on no network (matrices of weights, ranks, eigenvalues of interaction matrices): the interpreter's value, exact or
 * between its bounds. Variables of written-out quantifiers are bound there too. */
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/smt/smt.h"

#define PREC 256

static bool bind_slots(struct smt *m, const struct expr *e)
{
    bool *used = smt_array(m, m->s->n_slots + 1, sizeof *used);
    if (!used) return false;
    expr_free_slots(used, m->s->n_slots, e);
    for (size_t slot = 0; slot < m->s->n_slots; slot++) {
        const struct sym *v = used[slot] ? m->slots[slot] : NULL;
        if (!used[slot]) continue;
        if (!v || v->is_truth || v->rank != 0 || !entry_constant(&v->e[0])) return smt_fail(m, STATUS_UNSUPPORTED, "a layer, head or matrix that rests on the variables of the claim has no encoding");
        interp_bind_int(m->closed, (int)slot, mpz_get_si(mpq_numref(v->e[0].lo)));
    }
    return true;
}

const struct sym *smt_closed(struct smt *m, const struct expr *e)
{
    struct interp_array a = {0};
    if (m->status != STATUS_OK) return NULL;
    enum status s = m->closed ? STATUS_OK : interp_new(&m->closed, m->s, PREC);
    if (s == STATUS_OK && !bind_slots(m, e)) return NULL;
    if (s == STATUS_OK) s = interp_array(&a, m->closed, e, m->d);
    struct sym *out = s == STATUS_OK ? sym_new(m, a.rank, a.shape) : NULL;
    mpq_t lo, hi;
    mpq_init(lo), mpq_init(hi);
    for (size_t i = 0; out && i < out->n && m->status == STATUS_OK; i++) {
        if (a.exact) fmpq_get_mpq(lo, a.exact + i);
        else if (arb_is_finite(a.balls + i)) ball_ends(lo, hi, a.balls + i, 128);
        else smt_fail(m, STATUS_UNSUPPORTED, "%s has no enclosure here", e->form == FORM_CALL ? function_table[e->function].name : "a constant");
        out->e[i] = entry_number(m, lo);
        if (!a.exact && m->status == STATUS_OK && !mpq_equal(lo, hi)) {
            out->e[i].hi = smt_numbers(m, 1);
            if (out->e[i].hi) mpq_set(out->e[i].hi, hi);
        }
    }
    mpq_clear(lo), mpq_clear(hi);
    interp_array_clear(&a);
    if (s != STATUS_OK && m->status == STATUS_OK) m->status = s;
    return m->status == STATUS_OK ? out : NULL;
}
