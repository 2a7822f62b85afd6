#include "proofs/at_binding.h"
#include <stdlib.h>
#include "core/mem.h"
#include "verify/quadratic.h"

bool at_binding_open(struct at_binding *a, const struct statement *s, const struct binding *b)
{
    *a = (struct at_binding){.s = s, .binds = s->body == BODY_PROVE ? &s->forall : &s->binds, .b = b};
    if (b->n_parts > a->binds->n || interp_new(&a->in, s, 0) != STATUS_OK) return false;
    binding_bind(a->in, a->binds, b);
    return true;
}

void at_binding_close(struct at_binding *a) { interp_free(a->in); }

const char *at_binding_text(const struct at_binding *a, int slot)
{
    for (size_t i = 0; i < a->b->n_parts; i++)
        if (a->binds->items[i].slot == slot) return a->b->parts[i].vector;
    return NULL;
}

bool at_binding_knows(const struct at_binding *a, const struct expr *e)
{
    bool *used = mem_array(a->s->n_slots + 1, sizeof *used), good = used != NULL;
    if (used) expr_free_slots(used, a->s->n_slots, e);
    for (size_t k = 0; good && k < a->s->n_slots; k++) {
        bool bound = !used[k];
        for (size_t i = 0; !bound && i < a->b->n_parts; i++) bound = a->binds->items[i].slot == (int)k && !a->b->parts[i].vector;
        good = bound;
    }
    free(used);
    return good;
}

fmpq *at_binding_vector(const struct at_binding *a, const struct expr *e, size_t n, bool spread)
{
    const char *text = e->form == FORM_NAME && e->slot >= 0 ? at_binding_text(a, e->slot) : NULL;
    fmpq *v = NULL, *found = NULL;
    size_t size = 0;
    bool scalar = false;
    struct diag d;
    if (text) {
        v = _fmpq_vec_init((slong)n);
        if (fractions_read(v, n, text)) return v;
        _fmpq_vec_clear(v, (slong)n);
        return NULL;
    }
    if (expr_depends_on_network(e) || !at_binding_knows(a, e)) return NULL;
    diag_init(&d);
    if (interp_exact(&found, &size, &scalar, a->in, e, &d) == STATUS_OK && (scalar ? spread : size == n)) {
        v = _fmpq_vec_init((slong)n);
        for (size_t i = 0; i < n; i++) fmpq_set(v + i, found + (scalar ? 0 : i));
    }
    if (found) _fmpq_vec_clear(found, (slong)size);
    diag_clear(&d);
    return v;
}

const struct binding *outcome_binding(const struct outcome *o, enum body body, bool refuted)
{
    if (refuted && o->counterexample.n_parts) return &o->counterexample;
    if (body == BODY_LIST && o->n_items) return &o->items[0];
    return o->attains.n_parts ? &o->attains : &o->witness;
}
