/* Sets and binders: every binding once, and membership. */
#include "prune.h"
#include <string.h>

#define ELEMENTS_MOST ((size_t)1 << 22)

/* fixed: the slot of a binder that takes `value` alone (when that is in its set) instead of every element; -1: none. where: what every binding is
 * going to be tested for, or NULL. skipped: how many bindings the last binder did not meet for its sake. split: the share of this process, or NULL. holds: see eval_each_where, or NULL.
 * beside: values of the binders before the last one, which is met once for all of them, or NULL. */
struct beside { const struct binds *b; int64_t *v; int n; };
struct walk { const struct binds *b; int i; each_fn *f; void *arg; int fixed; const struct var *value; const struct ex *where; uint64_t *skipped; struct split *split; bool *holds; const struct beside *beside; };
static bool bind_next(struct eval *e, struct walk *w);
/* Every binding is in one share: on its way the walk asks once, at the beginning of a sequence, in a range, or at the last. */
static bool in_share(struct split *split) { return split == NULL || split->met++ % split->parts == split->part; }

bool is_range(const struct ex *set) { return set->kind == EX_RANGE || (set->kind == EX_CALL && set->number == FN_ROWS); }

static bool range_ends(struct eval *e, const struct ex *set, int64_t *lo, int64_t *hi) {
    if (set->kind == EX_CALL) {
        const struct array *a = set->k[0]->kind == EX_DATA ? e->s->data[set->k[0]->number].array : NULL;
        *lo = 0;
        *hi = a != NULL ? (int64_t)a->d[0] - 1 : -1;
        return a != NULL ? true : eval_fail(e, "rows() is of a data array");
    }
    if (!eval_int(e, set->k[0], lo) || !eval_int(e, set->k[1], hi)) return false;
    const int64_t most = (int64_t)1 << 60;
    return *lo > -most && *lo < most && *hi > -most && *hi < most ? true : eval_fail(e, "range too large");
}

static void push(int64_t **out, size_t *n, size_t *room, int64_t v) {
    if (*n == *room) {
        *room = 2 * *room + 16;
        *out = mem_grow(*out, *n, *room, sizeof **out);
    }
    (*out)[(*n)++] = v;
}

struct collect { struct eval *e; const struct ex *image; int64_t *v; size_t n, room; };

static bool collect_step(struct eval *e, void *arg) {
    struct collect *c = arg;
    enum tri where = YES;
    struct val v;
    int64_t x;
    if (c->image->where != NULL) {
        if (!eval(e, c->image->where, &v) || v.type != V_TRI) return eval_fail(e, "a truth value was expected");
        where = v.tri;
    }
    if (where == OPEN) return eval_fail(e, "the condition of a set is unsettled");
    if (where == NO) return true;
    if (!eval_int(e, c->image->k[0], &x)) return false;
    if (c->n >= ELEMENTS_MOST) return eval_fail(e, "set too large");
    push(&c->v, &c->n, &c->room, x);
    return true;
}

bool eval_set_values(struct eval *e, const struct ex *set, int64_t **out, size_t *n) {
    struct collect c = {.e = e, .image = set};
    bool good = true;
    if (is_range(set)) {
        int64_t lo, hi;
        if (!range_ends(e, set, &lo, &hi)) return false;
        if (hi - lo >= (int64_t)ELEMENTS_MOST) return eval_fail(e, "set too large");
        for (int64_t i = lo; i <= hi; i++) push(&c.v, &c.n, &c.room, i);
    } else if (set->kind == EX_LIST) {
        for (int i = 0; good && i < set->n; i++) {
            int64_t x = 0;
            good = eval_int(e, set->k[i], &x);
            for (size_t k = 0; good && k < c.n; k++)
                if (c.v[k] == x) good = eval_fail(e, "an element of a set is listed twice");
            push(&c.v, &c.n, &c.room, x);
        }
    } else if (set->kind == EX_IMAGE) {
        good = eval_each(e, &set->binds, collect_step, &c);
    } else good = eval_fail(e, "a finite set of integers was expected");
    if (!good) mem_free(c.v);
    else *out = c.v, *n = c.n;
    return good;
}

void product_clear(struct product *p) {
    for (uint32_t i = 0; p->v != NULL && i < (p->shared ? 1 : p->n); i++) mem_free(p->v[i]);
    mem_free(p->v);
    mem_free(p->size);
    *p = (struct product){0}; /* so that clearing again after a failed product_init does nothing */
}

bool product_init(struct eval *e, struct product *p, const struct ex *set) {
    *p = (struct product){.n = set->kind == EX_TOKENS ? (uint32_t)set->number : (uint32_t)set->n, .shared = set->kind == EX_TOKENS};
    p->v = mem_get(p->n + 1, sizeof *p->v);
    p->size = mem_get(p->n + 1, sizeof *p->size);
    if (p->n == 0) return true;
    bool good = true;
    for (uint32_t i = 0; good && i < p->n; i++) {
        if (i > 0 && p->shared) {
            p->v[i] = p->v[0];
            p->size[i] = p->size[0];
        } else good = eval_set_values(e, set->k[p->shared ? 0 : i], &p->v[i], &p->size[i]);
    }
    if (!good) product_clear(p);
    return good;
}

/* An odometer over the sequences of a product. size[d]: number of its sequences that begin with given t[0..d-1]. prune: one for all, or one for each of the values beside;
 * may[d]: bit c is set when those of number c let t[0..d-1] stand. */
struct odometer { struct product p; struct prune *prune; int n_prunes; uint64_t *may; size_t *at; int64_t *t; uint64_t *size; uint32_t unit; };
#define SIZE_MOST ((uint64_t)1 << 62)
#define UNITS_LEAST 1024
#define BESIDE_MOST 64

static void set_beside(struct eval *e, const struct beside *a, int c) {
    for (int i = 0; a != NULL && i + 1 < a->b->n; i++) e->env[a->b->b[i].slot] = (struct var){.set = true, .v = a->v[c * (a->b->n - 1) + i]};
}

static void odometer_init(struct odometer *o, struct eval *e, const struct ex *where, int slot, const struct beside *beside) {
    uint32_t n = o->p.n;
    o->at = mem_get((size_t)n + 1, sizeof *o->at);
    o->t = mem_get((size_t)n + 1, sizeof *o->t);
    o->size = mem_get((size_t)n + 1, sizeof *o->size);
    o->may = mem_get((size_t)n + 1, sizeof *o->may);
    o->size[n] = 1;
    for (uint32_t d = n; d-- > 0;) o->size[d] = o->p.size[d] > 0 && o->size[d + 1] > SIZE_MOST / o->p.size[d] ? SIZE_MOST : o->size[d + 1] * o->p.size[d];
    uint64_t units = 1;
    for (uint32_t d = 0; d < n && units < UNITS_LEAST && (d + 1 < n || n == 1); o->unit = d++) units *= o->p.size[d]; /* a share is of beginnings up to this position */
    for (uint32_t i = 0; i < n; i++) o->t[i] = o->p.size[i] > 0 ? o->p.v[i][0] : 0;
    o->n_prunes = beside != NULL ? beside->n : 1;
    o->prune = mem_get((size_t)o->n_prunes, sizeof *o->prune);
    for (int c = 0; c < o->n_prunes; c++) {
        set_beside(e, beside, c);
        prune_init(&o->prune[c], e, o->size[0] < SIZE_MOST / BESIDE_MOST ? where : NULL, slot, n);
        o->may[0] |= (uint64_t)1 << c;
    }
}

static void odometer_clear(struct odometer *o) {
    mem_free(o->at);
    mem_free(o->t);
    mem_free(o->size);
    mem_free(o->may);
    for (int c = 0; c < o->n_prunes; c++) prune_clear(&o->prune[c]);
    mem_free(o->prune);
    product_clear(&o->p);
}

/* The next element at depth d that may stand, from at[d] on; what is passed over is added to *skipped. */
static bool odometer_step(struct odometer *o, uint32_t d, uint64_t *skipped) {
    for (; o->at[d] < o->p.size[d]; o->at[d]++) {
        uint64_t may = o->may[d];
        o->t[d] = o->p.v[d][o->at[d]];
        for (uint64_t left = may; left != 0; left &= left - 1) {
            int c = __builtin_ctzll(left);
            if (prune_keeps(&o->prune[c], o->t, d)) continue;
            may &= ~((uint64_t)1 << c);
            *skipped += o->size[d + 1];
        }
        o->may[d + 1] = may;
        if (may != 0) return true;
    }
    return false;
}

/* The whole sequence stands: with each of the values beside that allow it. */
static bool odometer_meet(struct eval *e, struct odometer *o, struct walk *w) {
    bool good = true;
    for (uint64_t left = o->may[o->p.n]; good && left != 0; left &= left - 1) {
        int c = __builtin_ctzll(left);
        set_beside(e, w->beside, c);
        if (w->holds != NULL) *w->holds = o->prune[c].whole;
        good = bind_next(e, w);
    }
    return good;
}

/* Is there a product of token sets among the binders from the i-th on? A share is of its sequences; otherwise of the elements of the first range. */
static bool has_product(const struct binds *b, int i) {
    for (; i < b->n; i++) {
        const struct ex *set = b->b[i].set;
        if (set->kind == EX_TOKENS || set->kind == EX_PRODUCT || (set->kind == EX_IMAGE && has_product(&set->binds, 0))) return true;
    }
    return false;
}

/* All sequences of a product in lexicographic order of the element lists. */
static bool walk_product(struct eval *e, const struct ex *set, int slot, struct var *var, struct walk *w) {
    struct odometer o = {0};
    struct split *split = w->split;
    if (!product_init(e, &o.p, set)) return false;
    /* passed over: counted where the last binder is known to be this one */
    bool last = w->i == w->b->n;
    odometer_init(&o, e, w->skipped == NULL || last ? w->where : NULL, slot, w->beside);
    uint64_t none = 0, skipped = 0;
    uint32_t d = 0, n = o.p.n;
    bool good = true, more = n > 0 && o.size[0] > 0;
    w->split = NULL; /* what comes below is all of this share */
    while (good && more) {
        bool counts = d > o.unit || split == NULL || split->part == 0; /* every share walks the beginnings */
        bool here = odometer_step(&o, d, counts ? &skipped : &none);
        bool enter = here && (d != o.unit || in_share(split));
        if (enter && d + 1 < n) {
            o.at[++d] = 0;
            continue;
        }
        if (enter) {
            *var = (struct var){.set = true, .seq = true, .s = o.t, .n = n};
            good = odometer_meet(e, &o, w);
        }
        if (here) o.at[d]++;
        else if (d > 0) o.at[--d]++;
        else more = false;
    }
    w->split = split;
    if (w->skipped != NULL) *w->skipped += skipped;
    if (w->holds != NULL) *w->holds = false;
    var->set = false;
    odometer_clear(&o);
    return good;
}

struct image { const struct ex *set; struct var *var; struct walk *w; };

static bool image_step(struct eval *e, void *arg) {
    struct image *m = arg;
    struct val v = {.tri = YES};
    size_t chunk = e->pool.chunk, used = e->pool.used;
    if (m->set->where != NULL && (!eval(e, m->set->where, &v) || v.type != V_TRI)) return eval_fail(e, "a truth value was expected");
    if (v.tri == OPEN) return eval_fail(e, "the condition of a set is unsettled");
    if (v.tri == NO) {
        e->pool.chunk = chunk;
        e->pool.used = used;
        return true;
    }
    if (!eval(e, m->set->k[0], &v)) return false;
    if (v.type == V_TRI || v.type == V_TABLE || v.rank > 1 || !val_all_int(&v)) return eval_fail(e, "elements of sets are integers or sequences of integers");
    size_t n = val_size(&v);
    int64_t *t = mem_get(n, sizeof *t);
    bool good = true;
    for (size_t i = 0; good && i < n; i++) good = num_int64(&v.x[i], &t[i]) ? true : eval_fail(e, "integer too large");
    e->pool.chunk = chunk;
    e->pool.used = used;
    *m->var = (struct var){.set = true, .seq = v.type == V_ARRAY, .v = t[0], .s = t, .n = (uint32_t)n};
    good = good && bind_next(e, m->w);
    m->var->set = false;
    mem_free(t);
    return good;
}

static bool walk_image(struct eval *e, const struct ex *set, struct var *var, struct walk *w) {
    struct image m = {.set = set, .var = var, .w = w};
    struct walk inner = {.b = &set->binds, .f = image_step, .arg = &m, .fixed = -1, .where = set->where, .split = w->split};
    w->split = NULL;
    bool good = bind_next(e, &inner);
    w->split = inner.split;
    return good;
}

static bool walk_range(struct eval *e, const struct ex *set, struct var *var, struct walk *w) {
    int64_t lo, hi;
    bool good = true;
    struct split *split = w->split;
    bool here = split != NULL && !has_product(w->b, w->i);
    if (!range_ends(e, set, &lo, &hi)) return false;
    if (here) w->split = NULL;
    for (int64_t i = lo; good && i <= hi; i++) {
        *var = (struct var){.set = true, .v = i};
        if (!here || in_share(split)) good = bind_next(e, w);
    }
    w->split = split;
    return good;
}

static bool walk_set(struct eval *e, const struct ex *set, int slot, struct var *var, struct walk *w) {
    if (set->kind == EX_TOKENS || set->kind == EX_PRODUCT) return walk_product(e, set, slot, var, w);
    if (set->kind == EX_IMAGE) return walk_image(e, set, var, w);
    bool good = true;
    if (is_range(set)) good = walk_range(e, set, var, w);
    else {
        int64_t *v;
        size_t n;
        if (!eval_set_values(e, set, &v, &n)) return false;
        for (size_t i = 0; good && i < n; i++) {
            *var = (struct var){.set = true, .v = v[i]};
            good = bind_next(e, w);
        }
        mem_free(v);
    }
    var->set = false;
    return good;
}

static bool bind_next(struct eval *e, struct walk *w) {
    if (w->i == w->b->n) return in_share(w->split) ? w->f(e, w->arg) : true;
    const struct bind *b = &w->b->b[w->i];
    bool good = true;
    w->i++;
    if (w->fixed == b->slot) {
        if (eval_member(e, b->set, w->value) == YES) {
            e->env[b->slot] = *w->value;
            good = bind_next(e, w);
            e->env[b->slot].set = false;
        } else good = !e->fail.set;
    } else good = walk_set(e, b->set, b->slot, &e->env[b->slot], w);
    w->i--;
    return good;
}

bool eval_each(struct eval *e, const struct binds *b, each_fn *f, void *arg) {
    struct walk w = {.b = b, .f = f, .arg = arg, .fixed = -1};
    return bind_next(e, &w);
}

static bool beside_step(struct eval *e, void *arg) {
    struct beside *a = arg;
    int k = a->b->n - 1;
    if (a->n == BESIDE_MOST) return false;
    for (int i = 0; i < k; i++) a->v[a->n * k + i] = e->env[a->b->b[i].slot].v;
    a->n++;
    return true;
}

/* Ranges and then a product of token sets that does not rest on them: their values, if they are few. */
static bool find_beside(struct eval *e, struct beside *a) {
    if (a->b->n < 2) return false;
    const struct ex *last = a->b->b[a->b->n - 1].set;
    struct binds before = *a->b;
    before.n--;
    bool good = (last->kind == EX_TOKENS || last->kind == EX_PRODUCT) && stmt_closed(e->s, last);
    for (int i = 0; i < before.n; i++) good = good && a->b->b[i].set->kind == EX_RANGE;
    if (!good) return false;
    a->v = mem_get((size_t)BESIDE_MOST * (size_t)before.n, sizeof *a->v);
    return eval_each(e, &before, beside_step, a);
}

bool eval_each_where(struct eval *e, const struct binds *b, const struct ex *where, struct split *split, uint64_t *skipped, bool *holds, each_fn *f, void *arg) {
    struct walk w = {.b = b, .f = f, .arg = arg, .fixed = -1, .where = where, .skipped = skipped, .split = split, .holds = holds};
    struct beside beside = {.b = b};
    bool good;
    *holds = false;
    if (find_beside(e, &beside) && beside.n > 0) {
        const struct bind *last = &b->b[b->n - 1];
        w.i = b->n;
        w.beside = &beside;
        good = walk_product(e, last->set, last->slot, &e->env[last->slot], &w);
        for (int i = 0; i < b->n; i++) e->env[b->b[i].slot].set = false;
    } else good = !e->fail.set && bind_next(e, &w);
    mem_free(beside.v);
    return good;
}

/* ---- membership ---- */

static bool in_values(const int64_t *v, size_t n, int64_t x) {
    for (size_t i = 0; i < n; i++)
        if (v[i] == x) return true;
    return false;
}

static enum tri in_product(struct eval *e, const struct ex *set, const struct var *v) {
    struct product p;
    if (!product_init(e, &p, set)) return OPEN;
    bool in = v->seq && v->n == p.n;
    for (uint32_t i = 0; in && i < p.n; i++) in = in_values(p.v[i], p.size[i], v->s[i]);
    product_clear(&p);
    return in ? YES : NO;
}

/* Is some binding of the image's binders mapped to v? A binder that is the image itself takes the value v at once. */
struct find { const struct ex *set; const struct var *v; bool found; };

static bool var_equal(const struct var *a, const struct val *b) {
    if (a->seq != (b->type == V_ARRAY) || (a->seq && a->n != b->d[0])) return false;
    for (uint32_t i = 0; i < (a->seq ? a->n : 1); i++) {
        int64_t x;
        if (!num_int64(&b->x[i], &x) || x != (a->seq ? a->s[i] : a->v)) return false;
    }
    return true;
}

static bool find_step(struct eval *e, void *arg) {
    struct find *f = arg;
    size_t chunk = e->pool.chunk, used = e->pool.used;
    struct val v;
    if (f->set->where != NULL) {
        if (!eval(e, f->set->where, &v) || v.type != V_TRI) return eval_fail(e, "a truth value was expected");
        if (v.tri == OPEN) return eval_fail(e, "the condition of a set is unsettled");
    } else v.tri = YES;
    if (v.tri == YES) {
        if (!eval(e, f->set->k[0], &v) || v.type == V_TRI || v.type == V_TABLE || v.rank > 1) return eval_fail(e, "elements of sets are integers or sequences of integers");
        f->found = var_equal(f->v, &v);
    }
    e->pool.chunk = chunk;
    e->pool.used = used;
    return !f->found;
}

enum tri eval_member(struct eval *e, const struct ex *set, const struct var *v) {
    if (set->kind == EX_TOKENS || set->kind == EX_PRODUCT) return in_product(e, set, v);
    if (set->kind == EX_IMAGE) {
        struct find f = {.set = set, .v = v};
        const struct ex *name = set->k[0];
        struct walk w = {.b = &set->binds, .f = find_step, .arg = &f, .fixed = name->kind == EX_VAR ? name->number : -1, .value = v};
        bind_next(e, &w);
        return e->fail.set ? OPEN : f.found ? YES : NO;
    }
    if (v->seq) return NO;
    if (is_range(set)) {
        int64_t lo, hi;
        if (!range_ends(e, set, &lo, &hi)) return OPEN;
        return v->v >= lo && v->v <= hi ? YES : NO;
    }
    int64_t *x;
    size_t n;
    if (!eval_set_values(e, set, &x, &n)) return OPEN;
    enum tri t = in_values(x, n, v->v) ? YES : NO;
    mem_free(x);
    return t;
}
