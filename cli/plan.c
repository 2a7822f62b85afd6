#include "cli/plan.h"
#include "proofs/judge.h"
#include "verify/engine.h"

static const char *const kinds[] = {"prove", "count", "average", "minimize", "maximize", "list"};
static const char *const bases[] = {[BASE_NONE] = "?", [BASE_INT] = "integer", [BASE_EXACT] = "rational", [BASE_REAL] = "real",
    [BASE_BOOL] = "truth value", [BASE_STRING] = "string", [BASE_MODEL] = "model", [BASE_DATA] = "data", [BASE_COMPONENT] = "component",
    [BASE_SET] = "set", [BASE_FORMAL] = "?"};

static void add_type(struct text *out, const struct type *t) {
    text_add(out, bases[t->base]);
    if (t->base == BASE_SET && t->element) {
        text_add(out, " of ");
        add_type(out, t->element);
    }
    for (size_t i = 0; i < t->rank && i < 3; i++) {
        text_add(out, i ? ", " : "[");
        if (t->shape[i] >= 0) text_addf(out, "%ld", t->shape[i]);
        else text_add(out, "?");
    }
    if (t->rank) text_add(out, "]");
}

static void add_binders(struct text *out, const struct binds *b, const struct expr *where) {
    for (size_t i = 0; i < b->n; i++) {
        text_addf(out, "  %-9s ", b->items[i].name);
        add_type(out, &b->items[i].set->type);
        text_add(out, " = ");
        expr_print(out, b->items[i].set);
        text_add(out, "\n");
    }
    if (!where) return;
    text_add(out, "  where     ");
    expr_print(out, where);
    text_add(out, "\n");
}

static void add_size(struct text *out, const struct statement *s) {
    mpq_t size;
    mpq_init(size);
    if (statement_size(mpq_numref(size), s)) {
        text_add(out, "  bindings  ");
        number_add_text(out, size);
        text_add(out, " at most, before conditions\n");
    }
    mpq_clear(size);
}

#define STEPS_A_SECOND 2e9 /* one thread or two of a common processor; a rough guide */
#define CHECK_RATIO 200    /* the checker repeats an enumeration in exact integers, in one thread */

static void add_seconds(struct text *out, double seconds) {
    if (seconds < 1) text_add(out, "under a second");
    else if (seconds < 120) text_addf(out, "%.0f s", seconds);
    else if (seconds < 7200) text_addf(out, "%.0f min", seconds / 60);
    else if (seconds < 172800) text_addf(out, "%.0f h", seconds / 3600);
    else text_add(out, "days");
}

static void add_engine(struct text *out, const char *word, const struct engine *e, const struct statement *s) {
    double seconds = e->cost(s) / STEPS_A_SECOND;
    bool enumerates = e == &engine_enumerate;
    text_addf(out, "  %-9s %s, about %.1e steps, roughly ", word, e->name, e->cost(s));
    add_seconds(out, seconds);
    if (enumerates) {
        text_add(out, "; checking usually takes 3 to 10 times that, up to ");
        add_seconds(out, seconds * CHECK_RATIO);
        text_add(out, " when every input needs a closer look");
    }
    text_add(out, "\n");
}

static void add_engines(struct text *out, const struct statement *s, const char *only) {
    const struct engine *engines[8];
    struct text why;
    text_init(&why);
    size_t n = judge_engines(engines, 8, s, only ? only : s->engine, &why);
    for (size_t i = 0; i < n; i++)
        add_engine(out, i ? "then" : "engine", engines[i], s);
    if (n == 0) text_addf(out, "  engine    none: %s\n", why.data ? why.data : "no such engine");
    text_clear(&why);
}

/* What is left open, and the engines of one instance. */
static void add_open(struct text *out, const struct statement *s, const char *engine) {
    struct instance *i = NULL;
    struct diag d;
    mpq_t half;
    diag_init(&d);
    mpq_init(half);
    mpq_set_ui(half, 1, 2);
    if (s->open->constant) text_addf(out, "  open      %s: values are tried, each a claim of its own; the first ones 0, 1, -1, 10, ...\n", s->open->constant);
    else text_addf(out, "  open      %zu conditions: taken away one by one, each time a claim of its own\n", s->open->n_conditions);
    if (statement_close(&i, s, s->open->constant ? half : NULL, NULL, &d) == STATUS_OK) add_engines(out, instance_statement(i), engine);
    instance_free(i);
    mpq_clear(half);
    diag_clear(&d);
}

void plan_add(struct text *out, const struct statement *s, const char *engine) {
    text_addf(out, "%s", s->name);
    for (size_t i = 0; i < s->n_foreach; i++) {
        text_addf(out, "%s%s=", i ? ", " : "[", s->foreach[i].name);
        number_add_text(out, s->foreach[i].value);
    }
    text_addf(out, "%s: %s under %s\n", s->n_foreach ? "]" : "", kinds[s->body], s->semantics == SEMANTICS_FLOAT32 ? "float32" : "real");
    if (s->open && !s->undecidable) {
        add_open(out, s, engine);
        return;
    }
    if (s->undecidable || !s->text) {
        text_addf(out, "  undecided %s\n", s->undecidable ? s->undecidable : "a model could not be loaded");
        return;
    }
    add_binders(out, s->body == BODY_PROVE ? &s->forall : &s->binds, s->body == BODY_PROVE ? s->forall_where : s->where);
    text_add(out, "  subject   ");
    add_type(out, &s->subject->type);
    text_add(out, ": ");
    expr_print(out, s->subject);
    text_add(out, "\n");
    add_size(out, s);
    add_engines(out, s, engine);
}
