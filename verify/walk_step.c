/* The sets of a walk's binders: their elements, and stepping through them. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "verify/walk_step.h"

#define SET_MAX ((size_t)1 << 24)

index_t index_mul(index_t a, index_t b)
{
    if (a == 0 || b == 0) return 0;
    return a > INDEX_MAX / b ? INDEX_MAX : a * b;
}

static void elements_clear(struct elements *x)
{
    free(x->values);
    free(x->start);
}

void step_clear(struct step *p)
{
    for (size_t k = 0; k < p->n_lists; k++) elements_clear(&p->lists[k]);
    free(p->lists);
    free(p->digit);
    free(p->tokens);
    prune_clear(&p->prune);
}

static enum status elements_add(struct elements *x, struct interp *in, const struct expr *e, const struct value *v, bool distinct)
{
    if (v->kind != KIND_INT || v->rank > 1) return interp_fail(in, e, "a set holds integers or sequences of integers");
    bool sequence = v->rank == 1;
    if (x->n_start == 0) x->sequences = sequence;
    if (x->sequences != sequence) return interp_fail(in, e, "a set of integers and sequences");
    if (x->n_start >= SET_MAX || x->n + v->n > 4 * SET_MAX) return interp_fail(in, e, "set too large");
    for (size_t i = 0; distinct && i < x->n_start; i++) {
        size_t first = x->start[i], end = i + 1 < x->n_start ? x->start[i + 1] : x->n;
        if (end - first == v->n && memcmp(x->values + first, v->ints, v->n * sizeof *v->ints) == 0) return interp_fail(in, e, "a value twice in a set");
    }
    size_t *start = mem_grow(x->start, &x->room_start, x->n_start + 2, sizeof *start);
    if (!start) return STATUS_MEMORY;
    x->start = start;
    long *values = mem_grow(x->values, &x->room, x->n + v->n + 1, sizeof *values);
    if (!values) return STATUS_MEMORY;
    x->values = values;
    x->start[x->n_start++] = x->n;
    memcpy(x->values + x->n, v->ints, v->n * sizeof *v->ints);
    x->n += v->n;
    x->start[x->n_start] = x->n;
    return STATUS_OK;
}

bool is_range(const struct expr *set)
{
    return set->form == FORM_RANGE || (set->form == FORM_SET_CALL && set->function == FUNCTION_ROWS);
}

static enum status range_ends(long *lo, long *hi, struct interp *in, const struct expr *set)
{
    bool known_lo, known_hi;
    if (set->form == FORM_SET_CALL) { /* rows(X) */
        const struct data_array *x = set->args[0]->name ? statement_data(in->s, set->args[0]->name) : NULL;
        *lo = 0;
        *hi = x ? (long)x->shape[0] - 1 : -1;
        return x ? STATUS_OK : interp_fail(in, set, "no data array of this name");
    }
    enum status s = eval_int(lo, &known_lo, in, set->args[0]);
    if (s == STATUS_OK) s = eval_int(hi, &known_hi, in, set->args[1]);
    if (s == STATUS_OK && (!known_lo || !known_hi)) return interp_fail(in, set, "the ends of a range rest on a condition that is not settled");
    return s;
}

static enum status load_image(struct elements *x, struct interp *in, const struct expr *set)
{
    struct walk *w = NULL;
    struct value *v;
    bool more = true;
    enum truth t;
    enum status s = walk_new(&w, &set->binds, in, in->d);
    while (s == STATUS_OK) {
        s = walk_next(&more, w, in->d);
        if (s != STATUS_OK || !more) break;
        t = TRUTH_TRUE;
        if (set->where) s = eval_truth(&t, in, set->where);
        if (s == STATUS_OK && t == TRUTH_UNSETTLED) s = interp_fail(in, set->where, "the condition of a set is not settled");
        if (s != STATUS_OK || t == TRUTH_FALSE) continue;
        s = eval(&v, in, set->args[0]);
        if (s == STATUS_OK) s = elements_add(x, in, set, v, false);
    }
    walk_free(w);
    return s;
}

static enum status load_elements(struct elements *x, struct interp *in, const struct expr *set)
{
    struct value *v;
    enum status s = STATUS_OK;
    x->n = x->n_start = 0;
    if (set->form == FORM_IMAGE) return load_image(x, in, set);
    if (set->form == FORM_LIST) {
        for (size_t i = 0; i < set->n_args && s == STATUS_OK; i++) {
            s = eval(&v, in, set->args[i]);
            if (s == STATUS_OK && v->kind == KIND_EXACT) value_simplify(v);
            if (s == STATUS_OK) s = elements_add(x, in, set->args[i], v, true);
        }
        return s;
    }
    if (!is_range(set)) return interp_fail(in, set, "no rule for this set");
    long lo, hi;
    struct value item;
    if ((s = range_ends(&lo, &hi, in, set)) != STATUS_OK) return s;
    value_init(&item);
    for (long i = lo; i <= hi && s == STATUS_OK; i++) s = value_set_int(&item, i) ? elements_add(x, in, set, &item, false) : STATUS_MEMORY;
    value_clear(&item);
    return s;
}

static bool sequence_room(struct step *p, size_t k)
{
    if (k <= p->room) return true;
    size_t *digit = mem_array(k, sizeof *digit);
    int *tokens = mem_array(k, sizeof *tokens);
    if (!digit || !tokens) {
        free(digit);
        free(tokens);
        return false;
    }
    free(p->digit);
    free(p->tokens);
    p->digit = digit;
    p->tokens = tokens;
    p->room = k;
    return true;
}

static const struct elements *digit_list(const struct step *p, size_t i)
{
    return &p->lists[p->n_lists == 1 ? 0 : i];
}

static enum status load_sequence(struct step *p, struct interp *in)
{
    long k = (long)p->e->n_args;
    bool known = true, power = p->e->form == FORM_TOKENS_POWER;
    enum status s = power ? eval_int(&k, &known, in, p->e->args[0]) : STATUS_OK;
    if (s != STATUS_OK) return s;
    if (!known || k < 1 || k > 1 << 20) return interp_fail(in, p->e, "a sequence needs a length of at least 1");
    if (!sequence_room(p, (size_t)k)) return STATUS_MEMORY;
    p->k = (size_t)k;
    size_t n_lists = power ? 1 : p->k;
    for (size_t i = 0; i < n_lists && s == STATUS_OK; i++) {
        struct elements *x = &p->lists[i];
        s = load_elements(x, in, power ? p->e->args[1] : p->e->args[i]);
        for (size_t j = 0; j < x->n && s == STATUS_OK; j++)
            if (x->sequences || x->values[j] < INT_MIN || x->values[j] > INT_MAX) s = interp_fail(in, p->e, "tokens are small integers");
    }
    p->size = 1;
    for (size_t i = 0; i < p->k && s == STATUS_OK; i++) p->size = index_mul(p->size, digit_list(p, i)->n_start);
    return s;
}

enum status step_load(struct step *p, struct interp *in)
{
    enum status s;
    if (p->loaded && !p->varies) return STATUS_OK;
    if (p->kind == STEP_RANGE) s = range_ends(&p->lo, &p->hi, in, p->e);
    else if (p->kind == STEP_ELEMENTS) s = load_elements(&p->lists[0], in, p->e);
    else s = load_sequence(p, in);
    p->loaded = s == STATUS_OK;
    return s;
}

index_t step_size(const struct step *p)
{
    if (p->kind == STEP_RANGE) return p->hi < p->lo ? 0 : (index_t)((unsigned long)p->hi - (unsigned long)p->lo) + 1;
    if (p->kind == STEP_ELEMENTS) return p->lists[0].n_start;
    return p->size;
}

index_t step_index(const struct step *p)
{
    if (p->kind == STEP_RANGE) return (index_t)((unsigned long)p->at - (unsigned long)p->lo);
    if (p->kind == STEP_ELEMENTS) return p->k;
    index_t at = 0;
    for (size_t i = 0; i < p->k; i++) {
        size_t n = digit_list(p, i)->n_start;
        at = p->size < INDEX_MAX ? at * n + p->digit[i] : index_mul(at, n) + p->digit[i];
        if (at > INDEX_MAX) at = INDEX_MAX;
    }
    return at;
}

enum status bind_element(struct interp *in, int slot, const struct elements *x, size_t i)
{
    if (!x->sequences) {
        interp_bind_int(in, slot, x->values[i]);
        return in->slots[slot].bound ? STATUS_OK : STATUS_MEMORY;
    }
    size_t first = x->start[i], n = x->start[i + 1] - first;
    int *t = mem_array(n, sizeof *t);
    if (!t) return STATUS_MEMORY;
    for (size_t k = 0; k < n; k++) t[k] = (int)x->values[first + k];
    interp_bind_tokens(in, slot, t, n);
    free(t);
    return in->slots[slot].bound ? STATUS_OK : STATUS_MEMORY;
}

enum status step_bind(struct step *p, struct interp *in)
{
    if (p->kind == STEP_ELEMENTS) return bind_element(in, p->slot, &p->lists[0], p->k);
    if (p->kind == STEP_RANGE) interp_bind_int(in, p->slot, p->at);
    else interp_bind_tokens(in, p->slot, p->tokens, p->k);
    return in->slots[p->slot].bound ? STATUS_OK : STATUS_MEMORY;
}

void step_seek(struct step *p, index_t at)
{
    if (p->kind == STEP_RANGE) p->at = (long)((unsigned long)p->lo + (unsigned long)at);
    else if (p->kind == STEP_ELEMENTS) p->k = (size_t)at;
    else
        for (size_t i = p->k; i-- > 0;) {
            const struct elements *x = digit_list(p, i);
            p->digit[i] = (size_t)(at % x->n_start);
            at /= x->n_start;
            p->tokens[i] = (int)x->values[p->digit[i]];
        }
}

/* The next sequence that differs from this one at position d or before. */
static bool sequence_after(size_t *changed, struct step *p, size_t d)
{
    for (size_t i = d + 1; i < p->k; i++) {
        p->digit[i] = 0;
        p->tokens[i] = (int)digit_list(p, i)->values[0];
    }
    for (size_t i = d + 1; i-- > 0;) {
        const struct elements *x = digit_list(p, i);
        bool carry = ++p->digit[i] == x->n_start;
        if (carry) p->digit[i] = 0;
        p->tokens[i] = (int)x->values[p->digit[i]];
        *changed = i;
        if (!carry) return true;
    }
    return false;
}

bool sequence_admit(struct step *p, size_t from)
{
    for (;;) {
        size_t d = prune_fails(&p->prune, p->tokens, from, p->k);
        if (d >= p->k) return true;
        if (!sequence_after(&from, p, d)) return false;
    }
}

bool step_next(struct step *p)
{
    size_t changed;
    if (p->kind == STEP_RANGE) {
        if (p->at >= p->hi) return false;
        p->at++;
        return true;
    }
    if (p->kind == STEP_ELEMENTS) {
        if (p->k + 1 >= p->lists[0].n_start) return false;
        p->k++;
        return true;
    }
    return p->k > 0 && sequence_after(&changed, p, p->k - 1) && sequence_admit(p, changed);
}
