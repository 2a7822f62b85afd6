/* One claim, with its foreach values, as a statement. */
#include "verify/statement.h"
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/elaborate.h"
#include "verify/engine.h"
#include "verify/radius.h"

struct maker { struct elaborator *e; struct statement *s; struct resolver r; struct typer t; bool ok; };

static struct expr *both(struct maker *m, struct expr *a, struct expr *b)
{
    return a ? expr_binary(m->e->arena, a->at, OPER_AND, a, b) : b;
}

static void take_let(struct maker *m, const struct let *let, const struct scope **env)
{
    bool *used = arena_array(m->e->arena, 1, sizeof *used);
    const struct scope *next = used ? scope_add(m->e->arena, (struct scope){.up = *env, .name = let->name, .kind = SCOPE_LET, .slot = -1,
            .let = let, .of_claim = true, .used = used}) : NULL;
    if (next)
        *env = next;
}

static void take_forall(struct maker *m, const struct clause *c, const struct scope **env)
{
    if (m->e->claim->body != BODY_PROVE) {
        report_at(m->e->report, c->binds.items[0].at, NULL,
                "foreach gives one verdict a value; count, average, minimize, maximize and list bind their own variables",
                  "forall before %s", m->e->claim->body == BODY_COUNT ? "count" : m->e->claim->body == BODY_AVERAGE ? "average"
                  : m->e->claim->body == BODY_MINIMIZE ? "minimize" : m->e->claim->body == BODY_MAXIMIZE ? "maximize" : "list");
        m->ok = false;
    }
    if (!resolve_binds(&m->r, &m->s->forall, &c->binds, env))
        m->ok = false;
    struct expr *where = c->where ? resolve(&m->r, c->where, *env) : NULL;
    if (c->where && !where)
        m->ok = false;
    else if (where && !(m->s->forall_where = both(m, m->s->forall_where, where)))
        m->ok = false;
}

/* Conditions that are assumed: they join the others. */
static void take_assumed(struct maker *m, const struct scope *env)
{
    const struct expr *list = m->e->claim->assuming;
    for (size_t i = 0; list && i < list->n_args; i++) {
        struct expr *x = m->e->assumed && !m->e->assumed[i] ? NULL : resolve(&m->r, list->args[i], env);
        if (m->e->assumed && !m->e->assumed[i])
            continue;
        if (!x || !(m->s->forall_where = both(m, m->s->forall_where, x)))
            m->ok = false;
    }
    if (list && m->s->forall.n == 0) {
        report_at(m->e->report, list->at, NULL, "forall x in box(...) assuming some of {...} prove P", "conditions are assumed of the variables of a forall");
        m->ok = false;
    }
}

/* Lets of the claim that nothing used: their names are looked at all the same. */
static void check_lets(struct maker *m, const struct scope *env)
{
    for (; env && env != m->e->file; env = env->up)
        if (env->kind == SCOPE_LET && env->used && !*env->used && env->let->n_params == 0 && !resolve(&m->r, env->let->value, env->up))
            m->ok = false;
}

static void resolve_parts(struct maker *m, const struct scope *env)
{
    const struct claim *c = m->e->claim;
    struct statement *s = m->s;
    for (size_t i = 0; i < c->n_clauses; i++) {
        if (c->clauses[i].let)
            take_let(m, c->clauses[i].let, &env);
        else
            take_forall(m, &c->clauses[i], &env);
        m->r.late = m->r.bound = env;
    }
    take_assumed(m, env);
    const struct scope *outer = env;
    size_t live = m->r.n_live;
    if (!resolve_binds(&m->r, &s->binds, &c->binds, &env))
        m->ok = false;
    m->r.late = m->r.bound = env;
    if (c->where && !(s->where = resolve(&m->r, c->where, env)))
        m->ok = false;
    if (!(s->subject = resolve(&m->r, c->subject, env)))
        m->ok = false;
    check_lets(m, outer);
    m->r.n_live = live;
    m->r.late = outer;
    if (c->prove && !(s->prove = resolve(&m->r, c->prove, outer)))
        m->ok = false;
}

static bool has_model(const struct expr *e, void *context)
{
    (void)context;
    return e->type.base != BASE_MODEL;
}

static bool type_parts(struct maker *m)
{
    struct statement *s = m->s;
    struct typer *t = &m->t;
    bool interval = s->body == BODY_AVERAGE || s->body == BODY_MINIMIZE || s->body == BODY_MAXIMIZE;
    bool ok = type_binds(t, &s->forall, false);
    ok = ok && (!s->forall_where || type_predicate(t, s->forall_where));
    ok = ok && type_binds(t, &s->binds, s->body == BODY_COUNT || s->body == BODY_LIST || s->body == BODY_AVERAGE);
    ok = ok && (!s->where || type_predicate(t, s->where));
    ok = ok && (interval ? type_number(t, s->subject) : type_predicate(t, s->subject));
    if (!ok || !s->prove)
        return ok;
    t->results = s->body == BODY_COUNT ? RESULT_NUMBER : RESULT_VALUE;
    ok = type_predicate(t, s->prove);
    t->results = RESULT_NONE;
    if (ok && !expr_walk(s->prove, has_model, NULL)) {
        report_at(t->report, s->prove->at, NULL, s->body == BODY_COUNT ? "it is about number, total and fraction" : "it is about value",
                "the prove line after %s reads no model",
                  s->body == BODY_COUNT ? "count" : "average, minimize and maximize");
        return false;
    }
    return ok;
}

static void take_within(struct maker *m, const struct scope *env)
{
    const struct claim *c = m->e->claim;
    if (!c->within)
        return;
    struct expr *x = resolve(&m->r, c->within, env);
    if (c->body == BODY_PROVE && c->open) {      /* it is that of the constant */
        m->ok = m->ok && x;
        if (x && (!expr_constant(m->s->within, x, -1) || mpq_sgn(m->s->within) <= 0)) {
            report_at(m->e->report, c->within->at, NULL, NULL, "'within' takes a positive number");
            m->ok = false;
        }
        return;
    }
    if (c->body == BODY_PROVE || c->body == BODY_LIST) {
        report_at(m->e->report, c->within->at, NULL, "it is the width at which count, average, minimize and maximize stop",
                "'within' has no meaning here");
        m->ok = false;
    } else if (x && (!expr_constant(m->s->within, x, -1) || mpq_sgn(m->s->within) <= 0)) {
        report_at(m->e->report, c->within->at, NULL, NULL, "'within' takes a positive number");
        m->ok = false;
    }
    m->ok = m->ok && x;
    m->s->has_within = true;
}

static void take_engine(struct maker *m)
{
    const char *engines[ENGINES_MAX], *name = m->e->claim->engine;
    struct text known;
    char help[120];
    if (!name)
        return;
    m->s->engine = m->e->claim->engine;
    for (size_t i = 0; i < n_engines; i++)
        if (strcmp(name, engine_list[i]->name) == 0)
            return;
    text_init(&known);
    for (size_t i = 0; i < n_engines && i < ENGINES_MAX; i++) {
        engines[i] = engine_list[i]->name;
        text_addf(&known, "%s%s", i == 0 ? "engines are " : i + 1 == n_engines ? " and " : ", ", engines[i]);
    }
    const char *near = suggest(help, sizeof help, name, engines, n_engines < ENGINES_MAX ? n_engines : ENGINES_MAX);
    report_at(m->e->report, m->e->claim->engine_at, NULL, near ? near : known.data, "unknown engine '%s'", name);
    text_clear(&known);
    m->ok = false;
}

static void take_options(struct maker *m, const struct scope *env)
{
    const struct claim *c = m->e->claim;
    struct statement *s = m->s;
    if (c->body == BODY_LIST && c->prove) {
        report_at(m->e->report, c->prove->at, NULL, "count ... prove number == 0 asks how many there are", "a list has no prove line");
        m->ok = false;
    }
    s->title = c->title;
    s->because = c->because;
    s->expect = c->expect;
    s->has_expect = c->has_expect;
    s->has_at_most = c->has_at_most;
    s->at_most = c->at_most;
    s->semantics = m->e->options->semantics ? *m->e->options->semantics : c->semantics;
    take_within(m, env);
    take_engine(m);
    if (c->has_timeout) {
        s->timeout = c->timeout->form == FORM_NUMBER ? mpq_get_d(c->timeout->number) : 0;
        if (!(s->timeout > 0 && s->timeout < 1e9)) {
            report_at(m->e->report, c->timeout->at, NULL, NULL, "'timeout' takes a positive number of seconds");
            m->ok = false;
        }
    }
}

/* Weights that float32 executions cannot hold. */
static void check_binary32(struct maker *m)
{
    const struct statement *s = m->s;
    bool reads = expr_depends_on_network(s->subject) || (s->where && expr_depends_on_network(s->where)) ||
                 (s->forall_where && expr_depends_on_network(s->forall_where));
    for (size_t i = 0; i < s->forall.n; i++)
        reads = reads || expr_depends_on_network(s->forall.items[i].set);
    for (size_t i = 0; i < s->binds.n; i++)
        reads = reads || expr_depends_on_network(s->binds.items[i].set);
    for (size_t i = 0; i < s->n_models && reads && s->semantics == SEMANTICS_FLOAT32; i++) {
        const struct bound_model *b = &m->e->claims->models[s->models[i]];
        const char *tensor = b->loaded == STATUS_OK ? net_not_binary32(&b->model.net) : NULL;
        if (tensor)
            type_note(&m->t, "float32 asks for weights that are binary32 numbers, and tensor '%s' of %s has others; save the model after .float(), or claim it under real", tensor, b->name);
    }
}

static bool asks_radius(const struct expr *e, void *context)
{
    bool *asks = context;
    if (e->form == FORM_CALL && e->function == FUNCTION_RADIUS) asks[0] = true;
    if (e->form == FORM_CALL && (e->function == FUNCTION_FORM || e->function == FUNCTION_ANTISYMMETRIC || e->function == FUNCTION_GRAM || e->function == FUNCTION_HOSVD || e->function == FUNCTION_EIGENVECTOR || e->function == FUNCTION_DISTANCE || e->function == FUNCTION_FLIP || e->function == FUNCTION_CHANGES)) asks[1] = true;
    if (e->form == FORM_CALL && e->function == FUNCTION_TRUNCATE) asks[2] = true;
    return true;
}

/* A place for the distances that the statement asks for. */
static void open_radii(struct maker *m)
{
    struct statement *s = m->s;
    const struct expr *parts[] = {s->subject, s->where, s->forall_where};
    const struct binds *lists[] = {&s->forall, &s->binds};
    bool asks[3] = {false, false, false};      /* distances; forms and eigenvectors; forms cut */
    for (size_t i = 0; i < 3; i++)
        if (parts[i]) (void)expr_walk(parts[i], asks_radius, asks);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->n; i++) (void)expr_walk(lists[k]->items[i].set, asks_radius, asks);
    if (asks[0] && s->semantics == SEMANTICS_FLOAT32) type_note(&m->t, "radius is of the real function of a network: claim it under real");
    if (asks[2] && s->semantics == SEMANTICS_FLOAT32) type_note(&m->t, "truncate is of the real function of a network: claim it under real");
    if ((asks[0] || asks[1] || asks[2]) && !(s->radii = radii_new())) m->e->arena->failed = true;
}

static void close_statement(struct maker *m)
{
    struct statement *s = m->s;
    bool unread = false;
    statement_use_models(s, m->e->arena, m->e->claims, &unread);
    for (size_t i = 0; i < s->n_models; i++) {
        const struct bound_model *b = &m->e->claims->models[s->models[i]];
        if (b->loaded != STATUS_OK && !s->undecidable)
            s->undecidable = b->reason;
    }
    for (size_t i = 0; i < s->n_data; i++) {
        const struct bound_data *b = &m->e->claims->data[s->data[i]];
        if (b->loaded != STATUS_OK && !s->undecidable)
            s->undecidable = b->reason;
    }
    check_binary32(m);
    open_radii(m);
    if (!s->undecidable)
        s->undecidable = m->t.undecidable;
    s->n_slots = (size_t)m->r.n_slots;
    if (!unread && statement_finish(s, m->e->arena) != STATUS_OK)
        m->e->arena->failed = true;
}

static bool take_values(struct maker *m)
{
    struct elaborator *e = m->e;
    if (!(m->s->foreach = arena_array(e->arena, e->n_values, sizeof *m->s->foreach)))
        return false;
    for (size_t i = 0; i < e->n_values; i++) {
        m->s->foreach[i].name = e->values[i].name;
        mpq_init(m->s->foreach[i].value);
        mpq_set(m->s->foreach[i].value, e->values[i].value);
        m->s->n_foreach++;
    }
    return true;
}

void statement_done(struct statement *s)
{
    mpq_clear(s->within);
    radii_free(s->radii);
    for (size_t k = 0; k < s->n_foreach; k++)
        mpq_clear(s->foreach[k].value);
    if (s->open)
        mpq_clear(s->open->within);
}

void statement_build(struct statement *s, struct elaborator *e, const struct scope *env)
{
    struct claims *c = e->claims;
    *s = (struct statement){.name = e->claim->name, .file = c, .body = e->claim->body, .at = e->claim->at};
    mpq_init(s->within);
    struct maker m = {.e = e, .s = s, .ok = true, .r = {.arena = e->arena, .report = e->report, .file = e->file}};
    m.t = (struct typer){.arena = e->arena, .report = e->report, .file = e->file, .models = c->models, .n_models = c->n_models,
            .data = c->data, .n_data = c->n_data};
    if (c->n_statements > STATEMENTS_MAX)
        report_at(e->report, e->claim->at, NULL, NULL, "more than 100,000 statements");
    if (c->n_statements > STATEMENTS_MAX || !take_values(&m))
        return;
    resolve_parts(&m, env);
    take_options(&m, env);
    m.t.variables = arena_array(e->arena, (size_t)m.r.n_slots, sizeof *m.t.variables);
    if (m.ok && m.t.variables && type_parts(&m))
        close_statement(&m);
    else if (e->report->status == STATUS_OK && !e->arena->failed)
        report_at(e->report, e->claim->at, NULL, NULL, "the claim nests too deep");
}

void statement_make(struct elaborator *e, const struct scope *env)
{
    struct claims *c = e->claims;
    struct statement *grown = arena_grow(e->arena, c->statements, c->n_statements, sizeof *grown);
    if (!grown)
        return;
    c->statements = grown;
    statement_build(&grown[c->n_statements++], e, env);
}
