/* Models with rows replaced (FORMAT.md §3, separable 2): a patch, a steer or an ablate that is the same on all sequences is patches of every run from which the tables are made. */
#include "nodes.h"
#include "separable.h"

/* Every variable that is not bound inside has a value, and is not the sequence. */
static bool fixed_variables(const struct sep *s, const struct ex *x, unsigned char *inner) {
    bool good = x->kind != EX_VAR || inner[x->number] || (s->e->env[x->number].set && x->number != s->slot && x->number != s->source);
    for (int i = 0; good && i < x->binds.n; i++) {
        good = fixed_variables(s, x->binds.b[i].set, inner);
        inner[x->binds.b[i].slot] = 1;
    }
    good = good && (x->where == NULL || fixed_variables(s, x->where, inner));
    for (int i = 0; good && i < x->n; i++) good = x->k[i] == NULL || fixed_variables(s, x->k[i], inner);
    return good;
}

static bool changes_plain(const struct ex *x) {
    if (!is_change(x)) return plain_model(x);
    bool any = false; /* to = any over SET: no one row */
    for (int i = 1; i < x->n; i++) any = any || (x->k[i] != NULL && x->k[i]->kind == EX_GIVE && x->k[i]->n > 1 && x->k[i]->k[1] != NULL && x->k[i]->k[1]->kind == EX_TARGET && x->k[i]->k[1]->number == TARGET_ANY);
    return !x->frozen && !any && changes_plain(x->k[0]);
}

bool sep_is_changed(const struct sep *s, const struct ex *x) {
    if (!is_change(x) || !changes_plain(x)) return false;
    unsigned char *inner = mem_get((size_t)s->e->s->n_slots + 1, 1);
    bool good = fixed_variables(s, x, inner);
    mem_free(inner);
    return good;
}

static void keep(struct sep *s, const struct patch *p) {
    size_t n = (size_t)(p->hi - p->lo + 1) * p->width;
    struct patch q = *p;
    q.values = mem_get(n, sizeof *q.values);
    for (size_t i = 0; i < n; i++) {
        num_init(&q.values[i]);
        num_to_real(&q.values[i], &p->values[i], TABLE_P);
    }
    s->change[s->n_changes++] = q;
}

/* A row of the output itself would part equal columns, which are one logit. */
static bool takes(const struct sep *s, const struct patched *m) {
    bool good = true;
    for (int i = 0; i < m->n; i++) good = good && m->patch[i].node != m->net->output;
    return good && !s->e->s->float32;
}

bool sep_changes(struct sep *s) {
    struct eval *e = s->e;
    struct patched m = {0};
    const unsigned p = e->p;
    if (!is_change(s->model)) return true;
    e->p = TABLE_P;
    bool good = get_model(e, s->model, s->n, &m);
    if (good && !takes(s, &m)) good = sep_refuse(s, "changed outputs, or changed activations under float32");
    else if (!good) sep_refuse(s, "the changed model cannot be made");
    if (good) {
        s->net = m.net;
        s->change = mem_get((size_t)m.n, sizeof *s->change);
        for (int i = 0; i < m.n; i++) keep(s, &m.patch[i]);
    }
    patched_clear(&m);
    eval_reset(e);
    e->p = p;
    return good;
}

void sep_add_changes(const struct sep *s, struct run *r) {
    for (int i = 0; i < s->n_changes; i++) run_add_patch(r, s->change[i].node, s->change[i].lo, s->change[i].hi, s->change[i].width, s->change[i].values);
}

void sep_changes_clear(struct sep *s) {
    for (int i = 0; i < s->n_changes; i++) {
        for (size_t k = 0; k < (size_t)(s->change[i].hi - s->change[i].lo + 1) * s->change[i].width; k++) num_clear(&s->change[i].values[k]);
        mem_free(s->change[i].values);
    }
    mem_free(s->change);
    s->change = NULL;
    s->n_changes = 0;
}
