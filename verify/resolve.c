#include "verify/resolve.h"
#include <string.h>
#include "core/mem.h"

#define RESOLVE_MAX_DEPTH 2000

const struct scope *scope_add(struct arena *a, struct scope entry)
{
    struct scope *s = arena_array(a, 1, sizeof *s);
    if (s)
        *s = entry;
    return s;
}

const struct scope *scope_find(const struct scope *s, const char *name)
{
    while (s && strcmp(s->name, name) != 0)
        s = s->up;
    if (s && s->used)
        *s->used = true;
    return s;
}

const char *suggest(char *buf, size_t size, const char *wrong, const char *const *words, size_t n)
{
    const char *near = strlen(wrong) < 3 ? NULL : text_suggest(wrong, words, n);   /* every short name is near every other */
    if (!near)
        return NULL;
    (void)snprintf(buf, size, "did you mean '%.80s'?", near);
    return buf;
}

static const char *const words[] = {"all", "embed", "pos_embed", "unembed", "inf", "l1", "l2", "linf", "number", "total", "fraction", "value"};
#define N_WORDS (sizeof words / sizeof *words)

static bool is_word(const char *name)
{
    for (size_t i = 0; i < N_WORDS; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

static enum function function_named(const char *name)
{
    size_t f = 0;
    while (f < FUNCTION_COUNT && strcmp(function_table[f].name, name) != 0)
        f++;
    return (enum function)f;
}

/* Words that other languages have, and what is written here. */
static const char *known_elsewhere(const char *wrong)
{
    static const struct { const char *word, *help; } table[] = {
        {"range", "a range is written 0..9, both ends included"}, {"accuracy", "a count gives number, total and fraction"},
        {"mod", "a % b is the remainder"}, {"pow", "a ^ b is the power"}, {"relu", "max(x, 0)"},
        {"size", "len(t) is the number of positions"}, {"length", "len(t) is the number of positions"}, {"arange", "a range is written 0..9, both ends included"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(wrong, table[i].word) == 0)
            return table[i].help;
    return NULL;
}

/* "did you mean ...?" among what is in view, the words of the language, and its functions. */
static const char *suggest_name(struct resolver *r, char *buf, size_t size, const char *wrong, const struct scope *env)
{
    size_t n = 0;
    const char **all;
    const char *near;
    for (const struct scope *s = env; s; s = s->up)
        n++;
    if (!(all = mem_array(n + N_WORDS + FUNCTION_COUNT, sizeof *all))) {
        r->arena->failed = true;
        return NULL;
    }
    n = 0;
    for (const struct scope *s = env; s; s = s->up)
        all[n++] = s->name;
    for (size_t i = 0; i < N_WORDS; i++)
        all[n++] = words[i];
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        all[n++] = function_table[i].name;
    near = suggest(buf, size, wrong, all, n);
    free(all);
    return known_elsewhere(wrong) ? known_elsewhere(wrong) : near;
}

static bool too_big(struct resolver *r, struct place at)
{
    if (r->arena->n_exprs <= RESOLVE_MAX_EXPRS)
        return false;
    if (r->arena->full)
        return true;
    r->arena->full = true;
    report_at(r->report, at, NULL, "there is room for 1,000,000 numbers, names and operators in all",
            "the claims are too large when lets and foreach are written out");
    return true;
}

static struct expr *copy_node(struct resolver *r, const struct expr *e)
{
    struct expr *x = expr_new(r->arena, e->form, e->at);
    if (!x)
        return NULL;
    x->oper = e->oper;
    x->opers = e->opers;
    x->quant = e->quant;
    x->name = e->name;
    return x;
}

/* Resolves every argument, also after an error, so that all errors are seen. NULL arguments (open slices) stay. */
static bool resolve_args(struct resolver *r, struct expr *out, const struct expr *e, const struct scope *env)
{
    bool ok = true;
    if (!(out->args = arena_array(r->arena, e->n_args, sizeof *out->args)))
        return false;
    out->n_args = e->n_args;
    for (size_t i = 0; i < e->n_args; i++) {
        if (!e->args[i])
            continue;
        out->args[i] = resolve(r, e->args[i], env);
        ok = out->args[i] && expr_deepen(r->arena, out, out->args[i]) && ok;
    }
    return ok;
}

static struct expr *unknown_name(struct resolver *r, const struct expr *e, const struct scope *env)
{
    char help[160];
    const char *near;
    if (function_named(e->name) < FUNCTION_COUNT) {
        (void)snprintf(help, sizeof help, "%s", function_table[function_named(e->name)].meaning);
        report_at(r->report, e->at, NULL, help, "'%s' is a function and needs its arguments", e->name);
        return NULL;
    }
    near = suggest_name(r, help, sizeof help, e->name, env);
    const struct scope *bound = scope_find(r->bound, e->name);
    if (bound && bound->kind == SCOPE_LET)
        near = "its let stands further down";
    else if (bound && bound->kind == SCOPE_VARIABLE)
        near = "a let of the file does not see the variables of a claim: make it a parameter, let f(t) = ...";
    if (!r->arena->failed)
        report_at(r->report, e->at, NULL, near, "unknown name '%s'", e->name);
    return NULL;
}

static struct expr *resolve_call_to(struct resolver *r, enum function f, const struct expr *e, const struct scope *env);

/* Elsewhere: in another scope, seeing late variables or not. */
static struct expr *resolve_in(struct resolver *r, const struct expr *e, const struct scope *env, const struct scope *late)
{
    const struct scope *here = r->late;
    r->late = late;
    struct expr *out = resolve(r, e, env);
    r->late = here;
    return out;
}

static struct expr *resolve_name(struct resolver *r, const struct expr *e, const struct scope *env)
{
    const struct scope *s = scope_find(env, e->name), *late = s ? NULL : scope_find(r->late, e->name);
    struct expr *out;
    if (late && late->kind == SCOPE_VARIABLE)
        s = late;
    if (!s && strcmp(e->name, "pi") == 0)
        return resolve_call_to(r, FUNCTION_PI, e, env);
    if (!s && is_word(e->name))
        return copy_node(r, e);
    if (!s)
        return unknown_name(r, e, env);
    switch (s->kind) {
    case SCOPE_VARIABLE:
        if ((out = copy_node(r, e))) {
            out->slot = s->slot;
            out->name = arena_string(r->arena, s->shown, strlen(s->shown));
        }
        return out;
    case SCOPE_LET:
        if (s->let->n_params == 0)
            return resolve_in(r, s->let->value, s->up, s->of_claim ? r->late : NULL);
        report_at(r->report, e->at, NULL, NULL, "'%s' takes %zu argument%s", e->name, s->let->n_params, s->let->n_params == 1 ? "" : "s");
        return NULL;
    case SCOPE_DOMAIN: return resolve_in(r, s->expr, s->up, NULL);
    case SCOPE_VALUE:
        if (s->expr->form == FORM_NUMBER)
            return expr_number(r->arena, e->at, s->expr->number);
        out = copy_node(r, s->expr);
        if (out)
            out->at = e->at;
        return out;
    case SCOPE_ARGUMENT: return resolve_in(r, s->expr, s->env, s->late);
    case SCOPE_MODEL: case SCOPE_DATA: break;
    }
    return copy_node(r, e);
}

static struct expr *resolve_let_call(struct resolver *r, const struct expr *e, const struct scope *let, const struct scope *env)
{
    const struct scope *inner = let->up;
    if (let->let->n_params != e->n_args) {
        report_at(r->report, e->at, NULL, NULL, "'%s' takes %zu argument%s, not %zu", e->name, let->let->n_params,
                  let->let->n_params == 1 ? "" : "s", e->n_args);
        return NULL;
    }
    for (size_t i = 0; i < e->n_args; i++) {
        if (e->args[i]->form == FORM_ASSIGN) {
            report_at(r->report, e->args[i]->at, NULL, "equality is ==", "a let takes its arguments by place, not by name");
            return NULL;
        }
        inner = scope_add(r->arena, (struct scope){.up = inner, .name = let->let->params[i], .kind = SCOPE_ARGUMENT, .expr = e->args[i],
                .env = env, .late = r->late});
        if (!inner)
            return NULL;
    }
    return resolve_in(r, let->let->value, inner, let->of_claim ? r->late : NULL);
}

static void wrong_arity(struct resolver *r, const struct expr *e, const struct function_info *f)
{
    char takes[80];
    if (f->max_args < 0)
        (void)snprintf(takes, sizeof takes, "at least %d argument%s", f->min_args, f->min_args == 1 ? "" : "s");
    else if (f->min_args == f->max_args)
        (void)snprintf(takes, sizeof takes, "%d argument%s", f->min_args, f->min_args == 1 ? "" : "s");
    else
        (void)snprintf(takes, sizeof takes, "%d to %d arguments", f->min_args, f->max_args);
    report_at(r->report, e->at, NULL, f->meaning, "'%s' takes %s, not %zu", f->name, takes, e->n_args);
}

/* Keys of arguments (keep, drop, to, ln) are no names of the file, nor is what ln is. What is a key of what is for the types to say. */
static struct expr *resolve_assign(struct resolver *r, const struct expr *e, const struct scope *env)
{
    static const char *const keys[] = {"keep", "drop", "to", "ln"};
    struct expr *out = copy_node(r, e), *key, *value;
    const struct expr *left = e->args[0], *right = e->args[1];
    bool is_key = left->form == FORM_NAME && !scope_find(env, left->name) && !is_word(left->name);
    for (size_t i = 0; left->form == FORM_NAME && i < sizeof keys / sizeof *keys; i++)
        is_key = is_key || strcmp(left->name, keys[i]) == 0;
    if (!out || !is_key)
        return out && resolve_args(r, out, e, env) ? out : NULL;
    key = copy_node(r, left);
    value = strcmp(left->name, "ln") == 0 && right->form == FORM_NAME ? copy_node(r, right) : resolve(r, right, env);
    return key && expr_add_arg(r->arena, out, key) && expr_add_arg(r->arena, out, value) ? out : NULL;
}

static struct expr *resolve_call_to(struct resolver *r, enum function f, const struct expr *e, const struct scope *env)
{
    const struct function_info *info = &function_table[f];
    struct expr *out = expr_new(r->arena, FORM_CALL, e->at);
    if (!out)
        return NULL;
    if (f == FUNCTION_ROWS || f == FUNCTION_REALS || f == FUNCTION_ORTHANT || f == FUNCTION_CONE || f == FUNCTION_INTERVAL || f == FUNCTION_BOX || f == FUNCTION_BALL)
        out->form = FORM_SET_CALL;
    out->function = f;
    if (!resolve_args(r, out, e, env))
        return NULL;
    if ((int)e->n_args < info->min_args || (info->max_args >= 0 && (int)e->n_args > info->max_args)) {
        wrong_arity(r, e, info);
        return NULL;
    }
    return out;
}

static struct expr *resolve_call(struct resolver *r, const struct expr *e, const struct scope *env)
{
    const struct scope *s = scope_find(env, e->name);
    enum function f = function_named(e->name);
    char help[160];
    while (s && !(s->kind == SCOPE_LET && s->let->n_params))
        s = scope_find(s->up, e->name);
    if (s)
        return resolve_let_call(r, e, s, env);
    if (f < FUNCTION_COUNT)
        return resolve_call_to(r, f, e, env);
    if (strcmp(e->name, "all") == 0 || strcmp(e->name, "any") == 0 || strcmp(e->name, "count") == 0) {
        (void)snprintf(help, sizeof help, "write %s{ P : i in 0..3 }", e->name);
        report_at(r->report, e->at, NULL, help, "'%s' takes braces", e->name);
    } else if (scope_find(env, e->name)) {
        report_at(r->report, e->at, NULL, NULL, "'%s' takes no arguments", e->name);
    } else {
        const char *near = suggest_name(r, help, sizeof help, e->name, env);
        if (!r->arena->failed)
            report_at(r->report, (struct place){e->at.offset, strlen(e->name)}, NULL, near, "unknown function '%s'", e->name);
    }
    return NULL;
}

static bool in_view(const struct resolver *r, const char *name)
{
    for (size_t i = 0; i < r->n_live; i++)
        if (strcmp(r->live[i], name) == 0)
            return true;
    for (const struct scope *s = r->file; s; s = s->up)
        if ((s->kind == SCOPE_MODEL || s->kind == SCOPE_DATA) && strcmp(s->name, name) == 0)
            return true;
    return false;
}

const char *resolve_fresh_name(struct resolver *r, const char *name)
{
    size_t size = strlen(name) + 24;
    if (!in_view(r, name))
        return name;
    char *fresh = arena_array(r->arena, size, 1);
    for (unsigned long k = 2; fresh; k++) {
        (void)snprintf(fresh, size, "%s_%lu", name, k);
        if (!in_view(r, fresh))
            break;
    }
    return fresh;
}

static const struct scope *bind_variable(struct resolver *r, struct bind *out, const struct bind *in, const struct scope *env)
{
    const char *shown = resolve_fresh_name(r, in->name);
    const char **live = arena_grow(r->arena, r->live, r->n_live, sizeof *live);
    if (!shown || !live)
        return NULL;
    r->live = live;
    live[r->n_live++] = shown;
    out->name = arena_string(r->arena, shown, strlen(shown));
    out->slot = r->n_slots++;
    out->at = in->at;
    return out->name ? scope_add(r->arena, (struct scope){.up = env, .name = in->name, .kind = SCOPE_VARIABLE, .slot = out->slot,
            .shown = out->name}) : NULL;
}

bool resolve_binds(struct resolver *r, struct binds *out, const struct binds *in, const struct scope **env)
{
    bool ok = true;
    for (size_t i = 0; i < in->n; i++) {
        struct bind *grown = arena_grow(r->arena, out->items, out->n, sizeof *grown), *b;
        if (!grown)
            return false;
        out->items = grown;
        b = &grown[out->n];
        for (size_t k = 0; k < i; k++)
            if (strcmp(in->items[k].name, in->items[i].name) == 0) {
                report_at(r->report, in->items[i].at, NULL, NULL, "'%s' is bound twice", in->items[i].name);
                ok = false;
            }
        if (!(b->set = resolve(r, in->items[i].set, *env)))
            ok = false;   /* bound all the same: its uses are no further errors */
        const struct scope *next = bind_variable(r, b, &in->items[i], *env);
        if (!next)
            return false;
        *env = next;
        out->n++;
    }
    return ok;
}

static struct expr *resolve_quant(struct resolver *r, const struct expr *e, const struct scope *env)
{
    struct expr *out = copy_node(r, e);
    size_t live = r->n_live;
    if (!out)
        return NULL;
    bool ok = resolve_binds(r, &out->binds, &e->binds, &env);
    for (size_t i = 0; ok && i < out->binds.n; i++)
        ok = expr_deepen(r->arena, out, out->binds.items[i].set);
    if (out->binds.n == e->binds.n) {
        if (e->where && (!(out->where = resolve(r, e->where, env)) || !expr_deepen(r->arena, out, out->where)))
            ok = false;
        ok = expr_add_arg(r->arena, out, resolve(r, e->args[0], env)) && ok;
    }
    r->n_live = live;
    return ok ? out : NULL;
}

static struct expr *resolve_operator(struct resolver *r, const struct expr *e, const struct scope *env)
{
    struct expr *x = resolve(r, e->args[0], env), *y;
    if (e->form == FORM_UNARY)
        return expr_unary(r->arena, e->at, e->oper, x);
    y = resolve(r, e->args[1], env);
    return expr_binary(r->arena, e->at, e->oper, x, y);
}

static struct expr *resolve_form(struct resolver *r, const struct expr *e, const struct scope *env)
{
    struct expr *out;
    switch (e->form) {
    case FORM_NUMBER: return expr_number(r->arena, e->at, e->number);
    case FORM_STRING: case FORM_LAST: return copy_node(r, e);
    case FORM_NAME: return resolve_name(r, e, env);
    case FORM_UNARY: case FORM_BINARY: return resolve_operator(r, e, env);
    case FORM_QUANT: case FORM_IMAGE: return resolve_quant(r, e, env);
    case FORM_CALL: return resolve_call(r, e, env);
    case FORM_ASSIGN: return resolve_assign(r, e, env);
    default:
        out = copy_node(r, e);
        return out && resolve_args(r, out, e, env) ? out : NULL;
    }
}

struct expr *resolve(struct resolver *r, const struct expr *e, const struct scope *env)
{
    struct expr *out = NULL;
    if (too_big(r, e->at))
        return NULL;
    if (++r->depth > RESOLVE_MAX_DEPTH)
        r->arena->too_deep = true;
    else
        out = resolve_form(r, e, env);
    r->depth--;
    if (!out && (r->arena->too_deep || r->arena->too_large)) {
        report_at(r->report, e->at, NULL, NULL,
                r->arena->too_deep ? "expression nested too deep when its lets are written out" : "number out of range");
        r->arena->too_deep = r->arena->too_large = false;
    }
    return out;
}
