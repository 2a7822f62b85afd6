/* The canonical statement: STATEMENT.md §1. */
#include <string.h>
#include "core/hash.h"
#include "core/number.h"
#include "verify/elaborate.h"

typedef struct { struct statement *s; struct arena *arena; const struct claims *claims; bool *unread; } gatherer;

/* Appends i to a list of indices that does not have it. */
static bool use(gatherer *g, size_t **list, size_t *n, size_t i)
{
    for (size_t k = 0; k < *n; k++)
        if ((*list)[k] == i)
            return true;
    size_t *grown = arena_grow(g->arena, *list, *n, sizeof *grown);
    if (!grown)
        return false;
    *list = grown;
    grown[(*n)++] = i;
    return true;
}

/* Models and data are the names without slot that are no word of the language. */
static bool gather(const struct expr *e, void *context)
{
    gatherer *g = context;
    if (e->form != FORM_NAME || e->slot >= 0)
        return true;
    for (size_t i = 0; i < g->claims->n_data; i++) {
        if (strcmp(g->claims->data[i].name, e->name) != 0)
            continue;
        if (g->claims->data[i].loaded != STATUS_OK)
            *g->unread = true;
        return use(g, &g->s->data, &g->s->n_data, i);
    }
    for (size_t i = 0; i < g->claims->n_models; i++) {
        if (strcmp(g->claims->models[i].name, e->name) != 0)
            continue;
        if (g->claims->models[i].loaded != STATUS_OK)
            *g->unread = true;
        return use(g, &g->s->models, &g->s->n_models, i);
    }
    return true;
}

static bool number(const struct expr *e, void *context)
{
    /* The statement owns its expressions; they are const only on the way through the visitor. */
    size_t *next = context;
    ((struct expr *)(uintptr_t)e)->id = (*next)++;
    return true;
}

static void every_part(const struct statement *s, expr_visit *visit, void *context)
{
    for (size_t i = 0; i < s->forall.n; i++)
        expr_walk(s->forall.items[i].set, visit, context);
    if (s->forall_where)
        expr_walk(s->forall_where, visit, context);
    for (size_t i = 0; i < s->binds.n; i++)
        expr_walk(s->binds.items[i].set, visit, context);
    if (s->where)
        expr_walk(s->where, visit, context);
    expr_walk(s->subject, visit, context);
    if (s->prove)
        expr_walk(s->prove, visit, context);
}

void statement_use_models(struct statement *s, struct arena *a, const struct claims *c, bool *unread)
{
    gatherer g = {s, a, c, unread};
    every_part(s, gather, &g);
    s->n_ids = 0;
    every_part(s, number, &s->n_ids);
}

static void print_where(struct text *out, const struct expr *where)
{
    if (!where)
        return;
    text_add(out, " where ");
    expr_print(out, where);
}

static void print_body(struct text *out, const struct statement *s)
{
    static const char *const words[] = {"prove ", "count ", "average ", "minimize ", "maximize ", "list "};
    if (s->forall.n) {
        text_add(out, "forall ");
        binds_print(out, &s->forall);
        print_where(out, s->forall_where);
        text_add(out, "\n");
    }
    text_add(out, words[s->body]);
    if (s->body != BODY_PROVE) {
        binds_print(out, &s->binds);
        print_where(out, s->where);
        text_add(out, " : ");
    }
    expr_print(out, s->subject);
    if (s->has_at_most)
        text_addf(out, " at most %lu", s->at_most);
    text_add(out, "\n");
    if (s->has_within) {
        text_add(out, "within ");
        number_add_text(out, s->within);
        text_add(out, "\n");
    }
    if (s->prove) {
        text_add(out, "prove ");
        expr_print(out, s->prove);
        text_add(out, "\n");
    }
}

enum status statement_finish(struct statement *s, struct arena *a)
{
    struct text t;
    text_init(&t);
    text_add(&t, "weightproof-statement 1\n");
    for (size_t i = 0; i < s->n_models; i++) {
        const struct bound_model *m = &s->file->models[s->models[i]];
        text_addf(&t, "model %s %s\n", m->name, m->model.net.sha256);
    }
    for (size_t i = 0; i < s->n_data; i++) {
        const struct bound_data *x = &s->file->data[s->data[i]];
        text_addf(&t, "data %s %s\n", x->name, x->array.sha256);
    }
    text_add(&t, s->semantics == SEMANTICS_FLOAT32 ? "semantics float32\n" : "semantics real\n");
    print_body(&t, s);
    if (!t.failed && (s->text = arena_string(a, t.data, t.size)) != NULL)
        sha256_hex(s->sha256, s->text, t.size);
    text_clear(&t);
    return s->text ? STATUS_OK : STATUS_MEMORY;
}
