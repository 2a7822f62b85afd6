/* walk.c: binders as a flat list of steps, an odometer over them. Image sets are flattened into the steps of their own binders,
 * a test for their condition and an assignment. */
#include "verify/interp_parts.h"
#include "verify/prune.h"
#include "core/mem.h"
#include <limits.h>
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 index_t;
#define INDEX_MAX ((index_t)1 << 126)
#define SET_MAX ((size_t)1 << 24)

/* The elements of a finite set of integers, or of sequences (then element i is values[start[i] .. start[i+1])). */
struct elements { long *values; size_t n, room; size_t *start; size_t n_start, room_start; bool sequences; };

enum step_kind { STEP_RANGE, STEP_ELEMENTS, STEP_SEQUENCE, STEP_TEST, STEP_ASSIGN };
struct step {
    enum step_kind kind;
    int slot;
    const struct expr *e;        /* set, condition or value */
    bool closed;                 /* depends on no name: read once for all */
    bool varies;                 /* depends on names that this walk binds: read anew at every entry */
    bool loaded, prefix;         /* prefix: counted by the walk's index */
    long lo, hi, at;             /* RANGE */
    struct elements *lists; size_t n_lists;   /* ELEMENTS: one; SEQUENCE: one, or one a position */
    size_t k, *digit; int *tokens; size_t room;
    index_t size;                /* SEQUENCE: how many, at most INDEX_MAX */
    struct prune prune;          /* SEQUENCE: what its tokens have to satisfy, as far as it is known beforehand */
    bool whole;                  /* that is all that the walk's condition says */
};
struct walk {
    struct interp *in;
    struct step *steps; size_t n, room;
    const struct expr *where;    /* what every binding is going to be tested for, or NULL */
    const size_t *order; size_t n_order; int order_slot;   /* of the sequence in that slot */
    index_t from, to, size;      /* of the prefix */
    bool started, seeking, ended, split;
};

static index_t index_mul(index_t a, index_t b)
{
    if (a == 0 || b == 0) return 0;
    return a > INDEX_MAX / b ? INDEX_MAX : a * b;
}

static void elements_clear(struct elements *x)
{
    free(x->values);
    free(x->start);
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

/* a..b or rows(X) */
static bool is_range(const struct expr *set)
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

static enum status step_load(struct step *p, struct interp *in)
{
    enum status s;
    if (p->loaded && !p->varies) return STATUS_OK;
    if (p->kind == STEP_RANGE) s = range_ends(&p->lo, &p->hi, in, p->e);
    else if (p->kind == STEP_ELEMENTS) s = load_elements(&p->lists[0], in, p->e);
    else s = load_sequence(p, in);
    p->loaded = s == STATUS_OK;
    return s;
}

static index_t step_size(const struct step *p)
{
    if (p->kind == STEP_RANGE) return p->hi < p->lo ? 0 : (index_t)((unsigned long)p->hi - (unsigned long)p->lo) + 1;
    if (p->kind == STEP_ELEMENTS) return p->lists[0].n_start;
    return p->size;
}

static index_t step_index(const struct step *p)
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

static enum status bind_element(struct interp *in, int slot, const struct elements *x, size_t i)
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

static enum status step_bind(struct step *p, struct interp *in)
{
    if (p->kind == STEP_ELEMENTS) return bind_element(in, p->slot, &p->lists[0], p->k);
    if (p->kind == STEP_RANGE) interp_bind_int(in, p->slot, p->at);
    else interp_bind_tokens(in, p->slot, p->tokens, p->k);
    return in->slots[p->slot].bound ? STATUS_OK : STATUS_MEMORY;
}

/* Places a loaded generator at an index below its size. */
static void step_seek(struct step *p, index_t at)
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

/* This sequence, or the next one, that passes the tests; before position `from` they are passed. */
static bool sequence_admit(struct step *p, size_t from)
{
    for (;;) {
        size_t d = prune_fails(&p->prune, p->tokens, from, p->k);
        if (d >= p->k) return true;
        if (!sequence_after(&from, p, d)) return false;
    }
}

static bool step_next(struct step *p)
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

static bool is_generator(const struct step *p)
{
    return p->kind == STEP_RANGE || p->kind == STEP_ELEMENTS || p->kind == STEP_SEQUENCE;
}

static enum status add_step(struct walk *w, enum step_kind kind, int slot, const struct expr *e)
{
    struct step *grown = mem_grow(w->steps, &w->room, w->n + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    w->steps = grown;
    struct step *p = &w->steps[w->n];
    *p = (struct step){.kind = kind, .slot = slot, .e = e};
    size_t n_lists = kind == STEP_ELEMENTS || (kind == STEP_SEQUENCE && e->form == FORM_TOKENS_POWER) ? 1 : kind == STEP_SEQUENCE ? e->n_args : 0;
    p->lists = mem_array(n_lists, sizeof *p->lists);
    if (!p->lists) return STATUS_MEMORY;
    p->n_lists = n_lists;
    w->n++;
    bool *used = mem_array(w->in->n_slots + 1, sizeof *used);
    if (!used) return STATUS_MEMORY;
    expr_free_slots(used, w->in->n_slots, e);
    p->closed = true;
    for (size_t i = 0; i < w->in->n_slots; i++) {
        if (!used[i]) continue;
        p->closed = false;
        for (size_t k = 0; k + 1 < w->n; k++)
            if (w->steps[k].slot == (int)i) p->varies = true;
    }
    free(used);
    return STATUS_OK;
}

static enum status add_binds(struct walk *w, const struct binds *b);

static enum status add_bind(struct walk *w, int slot, const struct expr *set)
{
    if (slot < 0 || (size_t)slot >= w->in->n_slots) return interp_fail(w->in, set, "a binder without a variable");
    if (is_range(set)) return add_step(w, STEP_RANGE, slot, set);
    switch (set->form) {
    case FORM_LIST: return add_step(w, STEP_ELEMENTS, slot, set);
    case FORM_TOKENS_POWER: case FORM_TOKENS_PRODUCT: return add_step(w, STEP_SEQUENCE, slot, set);
    case FORM_IMAGE: break;
    default: return interp_fail(w->in, set, "no rule for this set");
    }
    enum status s = add_binds(w, &set->binds);
    if (s == STATUS_OK && set->where) s = add_step(w, STEP_TEST, -1, set->where);
    if (s == STATUS_OK) s = add_step(w, STEP_ASSIGN, slot, set->args[0]);
    return s;
}

static enum status add_binds(struct walk *w, const struct binds *b)
{
    enum status s = STATUS_OK;
    for (size_t i = 0; i < b->n && s == STATUS_OK; i++) s = add_bind(w, b->items[i].slot, b->items[i].set);
    return s;
}

/* Loads the leading generators that do not depend on the walk itself: their product is the index range. */
static enum status measure(struct walk *w)
{
    bool prefix = true;
    w->size = 1;
    for (size_t i = 0; i < w->n; i++) {
        struct step *p = &w->steps[i];
        if (!is_generator(p)) continue;
        p->prefix = prefix = prefix && !p->varies;
        if (!prefix) continue;
        enum status s = step_load(p, w->in);
        if (s != STATUS_OK) return s;
        w->size = index_mul(w->size, step_size(p));
    }
    return STATUS_OK;
}

enum status walk_new(struct walk **out, const struct binds *b, struct interp *in, struct diag *d)
{
    in->d = d;
    struct walk *w = mem_array(1, sizeof *w);
    if (!w) return STATUS_MEMORY;
    w->in = in;
    w->to = INDEX_MAX;
    enum status s = add_binds(w, b);
    if (s == STATUS_OK) s = measure(w);
    if (s != STATUS_OK) {
        walk_free(w);
        return s;
    }
    *out = w;
    return STATUS_OK;
}

void walk_free(struct walk *w)
{
    if (!w) return;
    for (size_t i = 0; i < w->n; i++) {
        for (size_t k = 0; k < w->steps[i].n_lists; k++) elements_clear(&w->steps[i].lists[k]);
        free(w->steps[i].lists);
        free(w->steps[i].digit);
        free(w->steps[i].tokens);
        prune_clear(&w->steps[i].prune);
    }
    free(w->steps);
    free(w);
}

static void index_to_mpz(mpz_t out, index_t x)
{
    mpz_set_ui(out, (unsigned long)(x >> 64));
    mpz_mul_2exp(out, out, 64);
    mpz_add_ui(out, out, (unsigned long)x);
}

static index_t index_from_mpz(const mpz_t x)
{
    if (mpz_sgn(x) <= 0) return 0;
    if (mpz_sizeinbase(x, 2) > 126) return INDEX_MAX;
    mpz_t high;
    mpz_init(high);
    mpz_tdiv_q_2exp(high, x, 64);
    index_t r = (index_t)mpz_get_ui(high) << 64 | mpz_get_ui(x);
    mpz_clear(high);
    return r;
}

void walk_size(mpz_t out, const struct walk *w)
{
    index_to_mpz(out, w->size);
}

bool walk_is_flat(const struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (is_generator(&w->steps[i]) && !w->steps[i].prefix) return false;
    return true;
}

void walk_range(struct walk *w, const mpz_t from, const mpz_t to)
{
    w->from = index_from_mpz(from);
    w->to = index_from_mpz(to);
    w->split = true;
    w->started = w->ended = false;
}

void walk_condition(struct walk *w, const struct expr *where)
{
    w->where = where;
}

void walk_order(struct walk *w, int slot, const size_t *at, size_t n)
{
    w->order = at;
    w->n_order = n;
    w->order_slot = slot;
}

bool walk_has_tested(const struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->steps[i].whole) return true;
    return false;
}

void walk_restart(struct walk *w)
{
    w->started = w->ended = false;
    for (size_t i = 0; i < w->n; i++)
        if (!w->steps[i].closed) w->steps[i].loaded = false;
}

/* Where a prefix generator stands when the walk is placed at `from`. */
static index_t seek_index(const struct walk *w, size_t step)
{
    index_t after = 1;
    for (size_t i = step + 1; i < w->n; i++)
        if (w->steps[i].prefix) after = index_mul(after, step_size(&w->steps[i]));
    return w->from / after % step_size(&w->steps[step]);
}

/* First index of the prefixes that begin with what the generators up to `step` stand on. */
static bool beyond_range(const struct walk *w, size_t step)
{
    index_t at = 0;
    if (!w->split) return false;
    for (size_t i = 0; i < w->n; i++) {
        if (!w->steps[i].prefix) continue;
        index_t size = step_size(&w->steps[i]);
        at = w->size < INDEX_MAX ? at * size : index_mul(at, size);
        if (i <= step) at += step_index(&w->steps[i]);
    }
    return at >= w->to;
}

/* The conditions behind step `at` on its sequence. Names that this step or a later one binds may still hold what they held before. */
static enum status load_conditions(struct walk *w, size_t at)
{
    struct step *p = &w->steps[at];
    enum status s = STATUS_OK;
    bool any = w->where != NULL, ignored;
    for (size_t i = at + 1; i < w->n; i++) any |= w->steps[i].kind == STEP_TEST;
    bool ordered = w->n_order > 0 && p->slot == w->order_slot;
    p->prune.n = 0;
    p->whole = false;
    for (size_t i = 0; ordered && i + 1 < w->n_order; i++)
        if ((s = prune_order(&p->prune, w->order[i], w->order[i + 1])) != STATUS_OK) return s;
    if (ordered) prune_sort(&p->prune);
    if (!any) return STATUS_OK;
    bool *stands = mem_array(w->in->n_slots + 1, sizeof *stands);
    if (!stands) return STATUS_MEMORY;
    for (size_t i = 0; i < w->in->n_slots; i++) stands[i] = true;
    for (size_t i = at; i < w->n; i++)
        if (w->steps[i].slot >= 0) stands[w->steps[i].slot] = false;
    for (size_t i = at + 1; i < w->n && s == STATUS_OK; i++)
        if (w->steps[i].kind == STEP_TEST) s = prune_add(&ignored, &p->prune, w->in, w->steps[i].e, p->slot, p->k, stands);
    if (s == STATUS_OK && w->where) s = prune_add(&p->whole, &p->prune, w->in, w->where, p->slot, p->k, stands);
    prune_sort(&p->prune);
    free(stands);
    return s;
}

static enum status enter(bool *ok, struct walk *w, size_t at)
{
    struct step *p = &w->steps[at];
    struct value *v;
    enum truth t;
    enum status s;
    *ok = true;
    if (p->kind == STEP_TEST) {
        s = eval_truth(&t, w->in, p->e);
        if (s == STATUS_OK && t == TRUTH_UNSETTLED) return interp_fail(w->in, p->e, "the condition of a set is not settled");
        *ok = s == STATUS_OK && t == TRUTH_TRUE;
        return s;
    }
    if (p->kind == STEP_ASSIGN) {
        if ((s = eval(&v, w->in, p->e)) != STATUS_OK) return s;
        if (v->kind != KIND_INT || v->rank > 1) return interp_fail(w->in, p->e, "a set holds integers or sequences of integers");
        struct elements one = {.values = v->own_ints, .n = v->n, .sequences = v->rank == 1, .start = (size_t[]){0, v->n}, .n_start = 1};
        return bind_element(w->in, p->slot, &one, 0);
    }
    if ((s = step_load(p, w->in)) != STATUS_OK) return s;
    if (step_size(p) == 0) {
        *ok = false;
        return STATUS_OK;
    }
    step_seek(p, w->seeking && p->prefix ? seek_index(w, at) : 0);
    if (p->kind == STEP_SEQUENCE) {
        if ((s = load_conditions(w, at)) != STATUS_OK) return s;
        if (prune_fails(&p->prune, p->tokens, 0, p->k) < p->k) {
            w->seeking = false;   /* it goes on to another sequence: what follows begins anew */
            *ok = sequence_admit(p, 0) && !(p->prefix && beyond_range(w, at));
        }
        if (!*ok) return STATUS_OK;
    }
    return step_bind(p, w->in);
}

/* Back to the last generator that has another element. */
static enum status retreat(bool *ok, size_t *at, struct walk *w)
{
    *ok = false;
    w->seeking = false;
    while (*at > 0) {
        struct step *p = &w->steps[--*at];
        if (!is_generator(p) || !step_next(p)) continue;
        if (p->prefix && beyond_range(w, *at)) return STATUS_OK;
        *ok = true;
        enum status s = step_bind(p, w->in);
        ++*at;
        return s;
    }
    return STATUS_OK;
}

enum status walk_next(bool *more, struct walk *w, struct diag *d)
{
    size_t at = w->n;
    bool ok = true;
    enum status s = STATUS_OK;
    w->in->d = d;
    *more = false;
    if (w->ended) return STATUS_OK;
    if (!w->started) {
        w->started = true;
        at = 0;
        if (w->split) {
            if ((s = measure(w)) != STATUS_OK) return s;
            if (w->from >= w->to || w->from >= w->size) ok = false;
            w->seeking = true;
        }
        if (!ok) at = 0;
    } else
        s = retreat(&ok, &at, w);
    while (s == STATUS_OK && ok && at < w->n) {
        s = enter(&ok, w, at);
        if (s == STATUS_OK && ok) at++;
        else if (s == STATUS_OK) s = retreat(&ok, &at, w);
    }
    w->seeking = false;
    w->ended = !ok || s != STATUS_OK;
    *more = !w->ended;
    return s;
}

enum status walk_next_where(bool *more, bool *open, struct walk *w, const struct expr *where, struct diag *d)
{
    enum truth t = TRUTH_FALSE;
    enum status s = STATUS_OK;
    for (*more = true; s == STATUS_OK && *more && t == TRUTH_FALSE;) {
        s = walk_next(more, w, d);
        t = TRUTH_TRUE;
        if (s == STATUS_OK && *more && where) s = interp_truth(&t, w->in, where, d);
    }
    *open = s == STATUS_OK && *more && t == TRUTH_UNSETTLED;
    return s;
}
