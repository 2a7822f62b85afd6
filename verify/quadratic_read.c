/* Exact pieces of a case: numbers, vectors, and what is linear in outputs of the network or in entries of the vector. */
#include "verify/quadratic.h"

enum status read_refuse(struct reader *r, const char *what) { return diag_fail(r->d, STATUS_UNSUPPORTED, "%s", what); }

bool read_plain(const struct reader *r, const struct expr *e) { return !expr_depends_on_network(e) && !expr_uses_slot(e, r->b->slot); }

bool read_is_vector(const struct reader *r, const struct expr *e) { return e->form == FORM_NAME && e->slot == r->b->slot; }

enum status read_exact(fmpq *out, size_t want, bool spread, struct reader *r, const struct expr *e)
{
    fmpq *v = NULL;
    size_t n = 0;
    bool scalar = false;
    if (!read_plain(r, e)) return read_refuse(r, "an exact value was expected beside the vector of the ball and the network's outputs");
    enum status s = interp_exact(&v, &n, &scalar, r->in, e, r->d);
    if (s == STATUS_UNSUPPORTED) return read_refuse(r, "a value is not exact");
    if (s != STATUS_OK) return s;
    bool fits = scalar ? want == 0 || spread : want > 0 && n == want;
    for (size_t i = 0; fits && i < (want ? want : 1); i++) fmpq_set(out + i, v + (scalar ? 0 : i));
    _fmpq_vec_clear(v, (slong)n);
    return fits ? STATUS_OK : read_refuse(r, want ? "a vector has not the length of the network's input" : "a number was expected");
}

enum status read_index(long *out, struct reader *r, const struct expr *e, size_t width)
{
    *out = (long)width - 1;
    if (e->form == FORM_LAST) return STATUS_OK;
    if (!read_plain(r, e)) return read_refuse(r, "an index rests on the network or on the vector of the ball");
    enum status s = interp_int(out, r->in, e, r->d);
    if (s == STATUS_OK && (*out < 0 || *out >= (long)width)) return diag_fail(r->d, STATUS_INPUT, "index out of range: there are %zu entries", width);
    return s;
}

enum status read_linear(fmpq *out, struct reader *r, const struct expr *e, const fmpq_t factor, size_t constant, entry_read *entry)
{
    fmpq_t t;
    enum status s;
    fmpq_init(t);
    if (read_plain(r, e)) {
        s = read_exact(t, 0, false, r, e);
        fmpq_addmul(out + constant, t, factor);
    } else if (e->form == FORM_UNARY && e->oper == OPER_NEG) {
        fmpq_neg(t, factor);
        s = read_linear(out, r, e->args[0], t, constant, entry);
    } else if (e->form == FORM_BINARY && (e->oper == OPER_ADD || e->oper == OPER_SUB)) {
        if (e->oper == OPER_SUB) fmpq_neg(t, factor);
        else fmpq_set(t, factor);
        s = read_linear(out, r, e->args[0], factor, constant, entry);
        if (s == STATUS_OK) s = read_linear(out, r, e->args[1], t, constant, entry);
    } else if (e->form == FORM_BINARY && (e->oper == OPER_MUL || e->oper == OPER_DIV)) {
        size_t number = e->oper == OPER_DIV || read_plain(r, e->args[1]) ? 1 : 0;
        s = read_exact(t, 0, false, r, e->args[number]);
        if (s == STATUS_OK && e->oper == OPER_DIV && fmpq_is_zero(t)) s = diag_fail(r->d, STATUS_INPUT, "division by 0");
        if (s == STATUS_OK && e->oper == OPER_DIV) fmpq_inv(t, t);
        fmpq_mul(t, t, factor);
        if (s == STATUS_OK) s = read_linear(out, r, e->args[1 - number], t, constant, entry);
    } else if (e->form == FORM_INDEX && e->n_args == 2)
        s = entry(out, r, e, factor);
    else
        s = read_refuse(r, "a comparison is not linear in the network's outputs or the vector's entries");
    fmpq_clear(t);
    return s;
}
