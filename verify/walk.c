/* walk.c: binders as a flat list of steps, an odometer over them. Image sets are flattened into the steps of their own binders,
 * a test for their condition and an assignment. */
#include "core/mem.h"
#include "verify/walk_step.h"

struct walk {
    struct interp *in;
    struct step *steps; size_t n, room;
    const struct expr *where;    /* what every binding is going to be tested for, or NULL */
    const size_t *order; size_t n_order; int order_slot;   /* of the sequence in that slot */
    index_t from, to, size;      /* of the prefix */
    bool started, seeking, ended, split;
};

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
    for (size_t i = 0; i < w->n; i++) step_clear(&w->steps[i]);
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
