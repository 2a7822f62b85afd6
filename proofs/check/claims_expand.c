#include "claims_expand.h"
#include <string.h>

#define NODES_MOST 1000000
#define DEEPEST 400

struct expand { struct arena *a; struct fail *f; const struct frame *file; const char *out[64]; int n_out; long nodes; int depth; };

struct def *def_new(struct arena *a, struct frame *f, enum def_kind kind, char *name) {
    struct def *d = arena_get(a, 1, sizeof *d);
    d->kind = kind;
    d->name = name;
    d->scope = f;
    d->next = f->first;
    f->first = d;
    return d;
}

static struct ex *refuse(struct expand *c, const char *what, const char *name) {
    fail_at(c->f, 0, "claim file: %s %.80s", what, name);
    return NULL;
}

static struct ex *expand(struct expand *c, const struct ex *x, struct frame *scope);

/* functions have a space of names of their own */
static struct def *lookup(struct frame *scope, const char *name, bool function) {
    for (; scope != NULL; scope = scope->up)
        for (struct def *d = scope->first; d != NULL; d = d->next)
            if (d->is_function == function && d->name != NULL && strcmp(d->name, name) == 0) return d;
    return NULL;
}

static struct ex *leaf(struct expand *c, enum ex_kind kind, const char *name) {
    struct ex *x = ex_new(c->a, kind, 0);
    x->name = arena_text(c->a, name, strlen(name));
    return x;
}

static struct ex *expand_name(struct expand *c, const struct ex *x, struct frame *scope) {
    static const char *const words[] = {"last", "number", "total", "fraction", "value", "embed", "pos_embed", "unembed", "inf", "l2", "linf", "all"};
    struct def *d = lookup(scope, x->name, false);
    if (d == NULL && x->name[0] == '?') return refuse(c, "a value must be given, as --param 'NAME=VALUE', for", x->name);
    if (d == NULL) {
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcmp(words[i], x->name) == 0) return leaf(c, EX_NAME, x->name);
        if (strcmp("pi", x->name) == 0) return leaf(c, EX_CALL, "pi"); /* pi is pi() */
        return refuse(c, "unknown name", x->name);
    }
    if (d->kind == D_BOUND) return leaf(c, EX_NAME, d->out);
    if (d->kind == D_MODEL || d->kind == D_DATA) return leaf(c, EX_NAME, d->name);
    return d->x != NULL ? expand(c, d->x, d->scope) : refuse(c, "used inside itself:", x->name);
}

static bool is_function(const char *name) {
    for (int i = 0; i < FN_NUMBER; i++)
        if (strcmp(fn_name((enum fn)i), name) == 0) return true;
    return false;
}

/* drop = ..., keep = ..., to = ...: the word before = stays */
static struct ex *expand_key(struct expand *c, const struct ex *g, struct frame *scope) {
    struct ex *y = ex_new(c->a, EX_GIVE, 2);
    y->k[0] = leaf(c, EX_NAME, g->k[0]->name);
    return (y->k[1] = expand(c, g->k[1], scope)) == NULL ? NULL : y;
}

static struct ex *give(struct expand *c, const char *word, struct ex *value) {
    struct ex *y = ex_new(c->a, EX_GIVE, 2);
    y->k[0] = leaf(c, EX_NAME, word);
    y->k[1] = value;
    return y;
}

/* A replace of components is a patch; a patch of one component by zero, a mean, ... is an ablate. `ln = frozen` stands last. */
static struct ex *settle_change(struct expand *c, struct ex *y, bool frozen) {
    static char patch[] = "patch", ablate[] = "ablate";
    bool components = strcmp(y->name, "replace") == 0 && y->n > 1;
    for (int i = 1; i < y->n; i++) components = components && y->k[i]->kind == EX_GIVE && y->k[i]->k[0]->kind != EX_STRING;
    if (components) y->name = patch;
    bool target = strcmp(y->name, "patch") == 0 && y->n == 2 && y->k[1]->kind == EX_GIVE && y->k[1]->k[1]->kind == EX_TARGET;
    if (!target && !frozen) return y;
    struct ex *z = ex_new(c->a, EX_CALL, y->n + 2);
    z->name = target ? ablate : y->name;
    memcpy(z->k, y->k, (size_t)y->n * sizeof *z->k);
    z->n = y->n;
    if (target) {
        z->k[1] = give(c, "drop", y->k[1]->k[0]);
        z->k[z->n++] = give(c, "to", y->k[1]->k[1]);
    }
    if (frozen) z->k[z->n++] = give(c, "ln", leaf(c, EX_NAME, "frozen"));
    return z;
}

static struct ex *expand_call(struct expand *c, const struct ex *x, struct frame *scope) {
    if (!is_function(x->name)) {
        struct def *d = lookup(scope, x->name, true);
        if (d == NULL || d->n_params != x->n) return refuse(c, "unknown function, or wrong number of arguments:", x->name);
        struct frame *own = arena_get(c->a, 1, sizeof *own);
        own->up = d->scope;
        for (int i = 0; i < x->n; i++) {
            struct def *arg = def_new(c->a, own, D_CLOSURE, d->params[i]);
            arg->x = x->k[i];
            arg->scope = scope;
        }
        return expand(c, d->x, own);
    }
    struct ex *y = ex_new(c->a, EX_CALL, x->n);
    y->name = x->name;
    y->n = 0;
    bool frozen = false;
    for (int i = 0; i < x->n; i++) {
        const struct ex *g = x->k[i];
        if (g->kind == EX_GIVE && g->k[0]->kind == EX_NAME && strcmp(g->k[0]->name, "ln") == 0) { /* ln = live says nothing new */
            bool live = g->k[1]->kind == EX_NAME && strcmp(g->k[1]->name, "live") == 0;
            frozen = frozen || is_frozen_pair(g);
            if (!live && !is_frozen_pair(g)) return refuse(c, "no rule for", "ln");
            continue;
        }
        if (g->kind == EX_GIVE && is_ablate_key(g->k[0])) {
            if ((y->k[y->n++] = expand_key(c, g, scope)) == NULL) return NULL;
            continue;
        }
        if ((y->k[y->n++] = expand(c, g, scope)) == NULL) return NULL;
    }
    return settle_change(c, y, frozen);
}

static bool taken(const struct expand *c, const char *name) {
    for (int i = 0; i < c->n_out; i++)
        if (strcmp(c->out[i], name) == 0) return true;
    for (const struct def *d = c->file->first; d != NULL; d = d->next)
        if ((d->kind == D_MODEL || d->kind == D_DATA) && strcmp(d->name, name) == 0) return true;
    return false;
}

/* Binds the variables of b in frame; their printed names stay in c->out. */
static bool expand_binds(struct expand *c, const struct binds *b, struct frame *frame, struct binds *to) {
    for (int i = 0; i < b->n; i++) {
        struct ex *set = expand(c, b->b[i].set, frame);
        if (set == NULL) return false;
        if (c->n_out == 64) return refuse(c, "too many variables at", b->b[i].name) != NULL;
        size_t n = strlen(b->b[i].name);
        char *out = arena_get(c->a, n + 16, 1);
        memcpy(out, b->b[i].name, n);
        for (int k = 2; taken(c, out); k++) snprintf(out + n, 16, "_%d", k);
        struct def *d = def_new(c->a, frame, D_BOUND, b->b[i].name);
        d->out = out;
        c->out[c->n_out++] = out;
        to->b[to->n++] = (struct bind){.name = out, .slot = -1, .set = set};
    }
    return true;
}

static struct ex *expand_binder(struct expand *c, const struct ex *x, struct frame *scope) {
    struct ex *y = ex_new(c->a, x->kind, 1);
    struct frame *own = arena_get(c->a, 1, sizeof *own);
    int outer = c->n_out;
    own->up = scope;
    y->name = x->name;
    y->number = x->number;
    y->binds.b = arena_get(c->a, (size_t)x->binds.n, sizeof *y->binds.b);
    if (!expand_binds(c, &x->binds, own, &y->binds)) return NULL;
    if (x->where != NULL && (y->where = expand(c, x->where, own)) == NULL) return NULL;
    if ((y->k[0] = expand(c, x->k[0], own)) == NULL) return NULL;
    c->n_out = outer;
    return y;
}

/* A constant expression without names of the claim, as a number. */
static bool constant(struct expand *c, struct ex *x, struct num *out) {
    struct stmt none = {.arena = {0}};
    struct scope scope = {.s = &none, .f = c->f};
    if (!resolve(&scope, x)) return false;
    struct eval e;
    eval_init(&e, &none);
    bool good = eval_value(&e, x, precision[0], out) && out->kind != K_REAL;
    eval_clear(&e);
    return good;
}

static struct ex *expand_tokens(struct expand *c, const struct ex *x, struct frame *scope) {
    struct ex *length = expand(c, x->k[1], scope), *y = ex_new(c->a, EX_TOKENS, 1);
    struct num *value = lit_new(c->a);
    int64_t n;
    if (length == NULL || !constant(c, length, value) || !num_int64(value, &n) || n < 0 || n > 1000000) return refuse(c, "not a length in", "tokens[...]");
    y->number = (int)n;
    return (y->k[0] = expand(c, x->k[0], scope)) == NULL ? NULL : y;
}

static struct ex *expand_inner(struct expand *c, const struct ex *x, struct frame *scope) {
    if (x->kind == EX_NAME) return expand_name(c, x, scope);
    if (x->kind == EX_CALL) return expand_call(c, x, scope);
    if (x->kind == EX_QUANT || x->kind == EX_EXISTS || x->kind == EX_IMAGE) return expand_binder(c, x, scope);
    if (x->kind == EX_TOKENS) return expand_tokens(c, x, scope);
    struct ex *y = ex_new(c->a, x->kind, x->n), *folded;
    y->name = x->name;
    y->lit = x->lit;
    y->ops = x->ops;
    y->number = x->number;
    if (x->kind == EX_TARGET && x->binds.n > 0) {
        y->binds = (struct binds){.b = arena_get(c->a, 1, sizeof(struct bind)), .n = 1};
        y->binds.b[0] = x->binds.b[0];
        if ((y->binds.b[0].set = expand(c, x->binds.b[0].set, scope)) == NULL) return NULL;
    }
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL && (y->k[i] = expand(c, x->k[i], scope)) == NULL) return NULL;
    if (x->kind == EX_NEG && fold_unary(c->a, y->k[0], &folded)) return folded;
    return x->kind == EX_DIV || x->kind == EX_POW ? ex_binary(c->a, x->kind, y->k[0], y->k[1]) : y;
}

static struct ex *expand(struct expand *c, const struct ex *x, struct frame *scope) {
    if (c->f->set) return NULL;
    if (++c->nodes > NODES_MOST || c->depth > DEEPEST) return refuse(c, "too large when written out", "");
    c->depth++;
    struct ex *y = expand_inner(c, x, scope);
    c->depth--;
    return y;
}

/* ---- the statement ---- */

static void name_models(const struct expand *c, struct stmt *s, const struct ex *x);

static void name_binds(const struct expand *c, struct stmt *s, const struct binds *b, const struct ex *where) {
    for (int i = 0; i < b->n; i++) name_models(c, s, b->b[i].set);
    if (where != NULL) name_models(c, s, where);
}

static void name_model(struct stmt *s, char *name) {
    int i = 0;
    while (i < s->n_models && strcmp(s->models[i].name, name) != 0) i++;
    if (i == s->n_models && i < 64) s->models[s->n_models++].name = name;
}

static void name_data(struct stmt *s, char *name) {
    int i = 0;
    while (i < s->n_data && strcmp(s->data[i].name, name) != 0) i++;
    if (i == s->n_data && i < 64) s->data[s->n_data++].name = name;
}

/* models and data in the order in which the text names them */
static void name_models(const struct expand *c, struct stmt *s, const struct ex *x) {
    if (x->kind == EX_NAME) {
        for (const struct def *d = c->file->first; d != NULL; d = d->next) {
            if (d->kind == D_MODEL && strcmp(d->name, x->name) == 0) name_model(s, d->name);
            if (d->kind == D_DATA && strcmp(d->name, x->name) == 0) name_data(s, d->name);
        }
        return;
    }
    if (x->kind == EX_EXISTS) name_binds(c, s, &x->binds, x->where);
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL) name_models(c, s, x->k[i]);
    if (x->kind != EX_EXISTS) name_binds(c, s, &x->binds, x->where);
}

static bool build(struct expand *c, const struct claim *claim, struct stmt *s) {
    struct frame *scope = claim->scope; /* the variables join the claim's own names, so that its lets see them */
    struct def *before = scope->first;
    s->models = arena_get(c->a, 64, sizeof *s->models);
    s->data = arena_get(c->a, 64, sizeof *s->data);
    s->body = claim->body;
    s->float32 = claim->float32;
    s->has_at_most = claim->has_at_most;
    s->at_most = claim->at_most;
    s->binds.b = arena_get(c->a, 64, sizeof *s->binds.b);
    bool good = true;
    for (int i = 0; good && i < claim->n_groups; i++) {
        struct ex *w = NULL;
        good = expand_binds(c, &claim->group[i], scope, &s->binds);
        if (good && claim->where[i] != NULL) good = (w = expand(c, claim->where[i], scope)) != NULL;
        if (good && w != NULL) s->where = s->where == NULL ? w : ex_binary(c->a, EX_AND, s->where, w);
    }
    for (int i = 0; good && claim->assuming != NULL && i < claim->assuming->n; i++) {
        struct ex *w = NULL;
        if ((claim->assumed >> i & 1) == 0) continue;
        good = (w = expand(c, claim->assuming->k[i], scope)) != NULL;
        if (good) s->where = s->where == NULL ? w : ex_binary(c->a, EX_AND, s->where, w);
    }
    s->closed = claim->body == BODY_PROVE && s->binds.n == 0;
    good = good && (s->subject = expand(c, claim->subject, scope)) != NULL;
    struct ex *within = NULL;
    if (good && claim->within != NULL && claim->body != BODY_PROVE) good = (within = expand(c, claim->within, scope)) != NULL && constant(c, within, s->within = lit_new(c->a));
    if (good && claim->prove != NULL) good = (s->prove = expand(c, claim->prove, scope)) != NULL;
    scope->first = before;
    if (!good) return refuse(c, "the claim cannot be written out", "") != NULL;
    name_binds(c, s, &s->binds, s->where);
    name_models(c, s, s->subject);
    if (s->prove != NULL) name_models(c, s, s->prove);
    return true;
}

struct each { struct claim *claim; struct expand c; int next; bool (*f)(const struct stmt *s, void *arg); void *arg; };

static bool each_value(struct each *e);

static bool with_value(struct each *e, const char *name, struct ex *value) {
    struct def *d = def_new(e->c.a, e->claim->scope, D_LET, arena_text(e->c.a, name, strlen(name)));
    d->x = value;
    bool more = each_value(e);
    e->claim->scope->first = d->next;
    return more;
}

/* The values of a foreach set: literals of a list as they are, anything else by evaluating it as a set of integers. */
static bool set_values(struct each *e, const struct bind *b) {
    struct ex *set = expand(&e->c, b->set, e->claim->scope);
    if (set == NULL) return false;
    bool more = true, literals = set->kind == EX_LIST;
    for (int i = 0; i < set->n; i++) literals = literals && set->k[i]->kind == EX_LIT;
    if (literals) {
        for (int i = 0; more && i < set->n; i++) more = with_value(e, b->name, set->k[i]);
        return more;
    }
    struct stmt none = {.arena = {0}, .data = e->claim->data, .n_data = e->claim->n_data};
    struct scope scope = {.s = &none, .f = e->c.f};
    int64_t *v;
    size_t n = 0;
    if (!resolve(&scope, set)) return false;
    struct eval ev;
    eval_init(&ev, &none);
    bool good = eval_set_values(&ev, set, &v, &n);
    if (!good) fail_at(e->c.f, 0, "claim file: a foreach set: %s", ev.fail.text);
    for (size_t i = 0; good && more && i < n; i++) {
        struct ex *lit = ex_new(e->c.a, EX_LIT, 0);
        lit->lit = lit_new(e->c.a);
        num_set_int(lit->lit, v[i]);
        more = with_value(e, b->name, lit);
    }
    if (good) mem_free(v);
    eval_clear(&ev);
    return good && more;
}

static bool each_value(struct each *e) {
    if (e->next < e->claim->foreach.n) {
        const struct bind *b = &e->claim->foreach.b[e->next++];
        bool more = set_values(e, b);
        e->next--;
        return more;
    }
    unsigned choices = e->claim->assuming == NULL ? 1 : 1u << e->claim->assuming->n;
    bool more = true;
    for (unsigned i = 0; more && i < choices; i++) {
        struct stmt s = {.arena = {0}};
        e->c.n_out = 0;
        e->c.nodes = 0;
        e->claim->assumed = i;
        more = build(&e->c, e->claim, &s) && e->f(&s, e->arg);
    }
    return more;
}

bool claim_statements(struct claim *c, struct frame *file, struct arena *a, bool (*f)(const struct stmt *s, void *arg), void *arg, struct fail *fail) {
    struct each e = {.claim = c, .c = {.a = a, .f = fail, .file = file}, .f = f, .arg = arg};
    return each_value(&e);
}
