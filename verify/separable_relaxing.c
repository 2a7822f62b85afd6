/* A problem whose one feature has too many states: values of it are put into classes, followed by relaxed automata (separable_relaxed.h). */
#include <string.h>

#include "core/mem.h"
#include "verify/separable_build.h"

#define RELAXED_VALUES 4096

bool may_relax(const struct builder *b)
{
    const struct problem_options *o = &b->o;
    return !b->p->float32 && o->value && o->sign != 0 && !o->exact && !o->cells && !o->several && !b->where && !b->p->image_set && b->f.terms.n > 0;
}

static const int *no_path(void *context, size_t i, size_t k)
{
    (void)i;
    (void)k;
    *(bool *)context = true;
    return NULL;
}

/* A sequence on which the feature is v, or *found false: there is none, or none was found (not *none). */
static enum status relaxed_find(int *tokens, bool *found, bool *none, struct problem *p, long v)
{
    struct tracking k;
    struct automaton a;
    tracking_start(&k, &p->t, &v, 1);
    enum status s = relaxed_automaton(&a, p->relaxed, &k);
    if (s != STATUS_OK)
        return s;
    *none = a.n_states[0] == 0;
    *found = false;
    for (int alike = 0; alike < 2 && !*none && !*found && s == STATUS_OK; alike++) {
        long value = 0;
        bool any = false;
        relaxed_example(tokens, p->relaxed, &a, alike);
        s = relaxed_value(&value, &any, p->relaxed, tokens);
        *found = any && value == v;
    }
    automaton_clear(&a);
    return s;
}

/* The value joins the class with the same lines; tokens: a sequence that has it. */
static enum status relaxed_value_class(struct builder *b, const int *tokens, long v)
{
    struct problem *p = b->p;
    bool own = false;
    struct linear l = { .f = &b->f, .n_out = p->net.n_out, .n_src = p->n_src, .twin = p->float32 ? NULL : p->net.twin, .through = no_path, .context = &own, .tokens = tokens };
    struct decision d;
    int at;
    sequence_bind(&p->t, b->f.in, tokens);
    enum status s = value_of(&d, &l, b);
    if (s != STATUS_OK)
        return s;
    s = own ? STATUS_UNSUPPORTED : norm_lines(&d, b);
    if (s == STATUS_OK)
        s = find_class(&at, b, &d);
    if (s != STATUS_OK)
        return decision_clear(&d), s;
    struct class *c = &p->classes[at];
    long *values = mem_array(c->n_values + 1, sizeof *values);
    if (!values || (!c->example && !(c->example = mem_array(p->t.n, sizeof *c->example))))
        return free(values), STATUS_MEMORY;
    if (c->n_values)
        memcpy(values, c->values, c->n_values * sizeof *values);
    free(c->values);
    c->values = values;
    c->values[c->n_values++] = v;
    memcpy(c->example, tokens, p->t.n * sizeof *tokens);
    return STATUS_OK;
}

static enum status relaxed_values(struct builder *b, int *tokens)
{
    struct problem *p = b->p;
    const struct residual *r = &p->relaxed->terms;
    long lo = r->terms[p->relaxed->root].lo, hi = r->terms[p->relaxed->root].hi;
    enum status s = hi < lo || hi - lo >= RELAXED_VALUES ? STATUS_UNSUPPORTED : STATUS_OK;
    for (long v = lo; v <= hi && s == STATUS_OK; v++) {
        bool found, none;
        s = relaxed_find(tokens, &found, &none, p, v);
        if (s == STATUS_OK && !none)
            s = found ? relaxed_value_class(b, tokens, v) : STATUS_UNSUPPORTED;
    }
    return s;
}

/* Values of the feature with the same lines are a class, whose automaton accepts others too. */
enum status relaxed_classes(struct builder *b)
{
    struct problem *p = b->p;
    int *tokens = mem_array(p->t.n, sizeof *tokens);
    enum status s = tokens ? relaxed_values(b, tokens) : STATUS_MEMORY;
    free(tokens);
    for (size_t c = 0; c < p->n_classes && s == STATUS_OK; c++) {
        struct class *x = &p->classes[c];
        struct tracking k;
        tracking_start(&k, &p->t, x->values, x->n_values);
        s = relaxed_automaton(&x->a, p->relaxed, &k);
        if (s == STATUS_OK)
            s = class_live(x, p);
    }
    mpz_set_ui(p->total, 1);
    for (size_t i = 0; i < p->t.n; i++)
        mpz_mul_ui(p->total, p->total, p->t.n_set[i]);
    return s;
}

/* The feature of a relaxed problem. STATUS_UNSUPPORTED: there are several. */
enum status relaxed_feature(struct builder *b)
{
    struct interp *in = b->f.in;
    features_clear(&b->f);
    forget_why(b->why);
    enum status s = read_features(b, in, false, true);
    for (size_t i = 0; i < b->f.n && s == STATUS_OK; i++)
        if (b->f.items[i].scan != SCAN_RESIDUAL || b->f.items[i].term != b->f.items[0].term)
            s = STATUS_UNSUPPORTED;
    if (s != STATUS_OK)
        return s;
    b->p->relaxed = mem_array(1, sizeof *b->p->relaxed);
    return b->p->relaxed ? relaxed_init(b->p->relaxed, &b->p->t, &b->f.terms, b->f.items[0].term) : STATUS_MEMORY;
}
