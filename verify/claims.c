#include <stdio.h>
#include <string.h>
#include "core/hash.h"
#include "core/mem.h"
#include "verify/elaborate.h"

#define CLAIMS_MAX_BYTES ((size_t)4 * 1024 * 1024)

static const char *const verdict_names[] = {
#define X(code, name, exit_code) [code] = name,
    VERDICT_TABLE(X)
#undef X
};

const char *verdict_name(enum verdict v)
{
    return verdict_names[v];
}

const struct data_array *statement_data(const struct statement *s, const char *name)
{
    for (size_t i = 0; i < s->file->n_data; i++)
        if (strcmp(s->file->data[i].name, name) == 0)
            return s->file->data[i].loaded == STATUS_OK ? &s->file->data[i].array : NULL;
    return NULL;
}

const struct model *statement_model(const struct statement *s, const char *name)
{
    for (size_t i = 0; i < s->file->n_models; i++)
        if (strcmp(s->file->models[i].name, name) == 0)
            return s->file->models[i].loaded == STATUS_OK ? &s->file->models[i].model : NULL;
    return NULL;
}

const struct net *statement_net(const struct statement *s, const struct expr *model)
{
    while (expr_is_intervention(model))
        model = model->args[0];
    const struct model *m = model->form == FORM_NAME ? statement_model(s, model->name) : NULL;
    return m && m->net.n_nodes > 0 ? &m->net : NULL;
}

void claims_clear(struct claims *c)
{
    for (size_t i = 0; i < c->n_models; i++)
        if (c->models[i].loaded == STATUS_OK)
            model_clear(&c->models[i].model);
    for (size_t i = 0; i < c->n_data; i++)
        data_array_clear(&c->data[i].array);
    for (size_t i = 0; i < c->n_statements; i++)
        statement_done(&c->statements[i]);
    if (c->arena)
        arena_clear(c->arena);
    free(c->arena);
    free(c->models);
    free(c->data);
    free(c->path);
    free(c->source);
    *c = (struct claims){0};
}

static size_t line_of(const char *text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static void declared_twice(struct elaborator *e, const struct decl *d, size_t first)
{
    char label[60];
    (void)snprintf(label, sizeof label, "the first is in line %zu", line_of(e->report->text, first));
    report_at(e->report, d->at, label, NULL, "%s'%s' is declared twice", d->kind == DECL_CLAIM ? "claim " : "", d->name);
}

const struct expr *param_given(struct elaborator *e, const char *name)
{
    for (size_t i = e->options->n_params; i-- > 0;)
        if (strcmp(e->options->params[i].key, name) == 0) {
            const char *text = e->options->params[i].value;
            char file[160];
            struct expr *value = NULL;
            (void)snprintf(file, sizeof file, "--param %.100s", name);
            struct report r = {e->report->diag, file, text, strlen(text), STATUS_OK};
            enum status s = syntax_parse_literal(&value, e->arena, &r);
            if (s != STATUS_OK)
                e->report->status = s;
            return s == STATUS_OK ? value : NULL;
        }
    return NULL;
}

static const struct expr *param_value(struct elaborator *e, const struct decl *d)
{
    const struct expr *given = param_given(e, d->name);
    return given ? given : d->value;
}

/* Puts the names of the file in view, in order; a let or domain sees those before it. */
static void declare(struct elaborator *e, const struct decl *d)
{
    struct scope entry = {.up = e->file, .name = d->name, .slot = -1};
    const struct scope *old;
    switch (d->kind) {
    case DECL_MODEL: entry.kind = SCOPE_MODEL; break;
    case DECL_DATA: entry.kind = SCOPE_DATA; break;
    case DECL_PARAM: entry.kind = SCOPE_VALUE; entry.expr = param_value(e, d); break;
    case DECL_DOMAIN: entry.kind = SCOPE_DOMAIN; entry.expr = d->value; break;
    case DECL_LET: entry.kind = SCOPE_LET; entry.let = d->let; break;
    case DECL_LABELS: case DECL_CLAIM: return;
    }
    if ((old = scope_find(e->file, d->name)) != NULL) {
        for (size_t i = 0; i < e->syntax->n; i++)
            if (e->syntax->decls[i].kind != DECL_LABELS && e->syntax->decls[i].kind != DECL_CLAIM && strcmp(e->syntax->decls[i].name, d->name) == 0) {
                declared_twice(e, d, e->syntax->decls[i].at.offset);
                return;
            }
        return;
    }
    if (!(entry.used = arena_array(e->arena, 1, sizeof *entry.used)))
        return;
    const struct scope *added = scope_add(e->arena, entry);
    if (added)
        e->file = added;
}

static const struct decl *claim_named(const struct syntax *s, const char *name, size_t before)
{
    for (size_t i = 0; i < before; i++)
        if (s->decls[i].kind == DECL_CLAIM && strcmp(s->decls[i].name, name) == 0)
            return &s->decls[i];
    return NULL;
}

/* Options that name something the file does not have. */
static void unknown_option(struct elaborator *e, const char *option, const char *name, bool (*has)(const struct decl *))
{
    const char **all = mem_array(e->syntax->n, sizeof *all);
    char help[160];
    size_t n = 0;
    for (size_t i = 0; all && i < e->syntax->n; i++)
        if (has(&e->syntax->decls[i]))
            all[n++] = e->syntax->decls[i].name;
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i], name) == 0) {
            free(all);
            return;
        }
    const char *near = all ? suggest(help, sizeof help, name, all, n) : NULL;
    enum status s = diag_at(e->report->diag, STATUS_INPUT, (struct diag_place){0}, NULL, near, "%s '%s': %s has no such name", option, name,
            e->report->file);
    e->report->status = e->report->status == STATUS_OK ? s : e->report->status;
    free(all);
}

static bool is_model(const struct decl *d) { return d->kind == DECL_MODEL; }
static bool is_data(const struct decl *d) { return d->kind == DECL_DATA; }
static bool is_param(const struct decl *d) { return d->kind == DECL_PARAM; }
static bool is_claim(const struct decl *d) { return d->kind == DECL_CLAIM; }

/* A constant that some claim leaves open. */
static bool is_constant(const struct elaborator *e, const char *name)
{
    for (size_t i = 0; name[0] == '?' && i < e->syntax->n; i++)
        if (is_claim(&e->syntax->decls[i]) && e->syntax->decls[i].claim->open && strcmp(e->syntax->decls[i].claim->open, name) == 0)
            return true;
    return false;
}

static void check_options(struct elaborator *e)
{
    const struct claims_options *o = e->options;
    for (size_t i = 0; i < o->n_models; i++)
        unknown_option(e, "--model", o->models[i].key, is_model);
    for (size_t i = 0; i < o->n_data; i++)
        unknown_option(e, "--data", o->data[i].key, is_data);
    for (size_t i = 0; i < o->n_params; i++)
        if (!is_constant(e, o->params[i].key))
            unknown_option(e, "--param", o->params[i].key, is_param);
    for (size_t i = 0; i < o->n_only; i++) {
        char *name = arena_string(e->arena, o->only[i], strcspn(o->only[i], "["));
        if (name)
            unknown_option(e, "--only", name, is_claim);
    }
    for (size_t i = 0; i < o->n_settings; i++) {
        const char *colon = strchr(o->settings[i].key, ':');
        char *name = colon ? arena_string(e->arena, o->settings[i].key, (size_t)(colon - o->settings[i].key)) : NULL;
        if (name)
            unknown_option(e, "--set", name, is_model);
    }
}

/* Asked for as a whole, or (begun) by one of its values of foreach: NAME[c=0]. */
static bool wanted(const struct elaborator *e, const char *name, bool begun)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < e->options->n_only; i++) {
        const char *only = e->options->only[i];
        if (strcmp(only, name) == 0 || (begun && strncmp(only, name, n) == 0 && only[n] == '['))
            return true;
    }
    return e->options->n_only == 0;
}

void statement_label(struct text *out, const struct statement *s)
{
    text_add(out, s->name);
    for (size_t i = 0; i < s->n_foreach; i++) {
        text_addf(out, "%s%s=", i ? ", " : "[", s->foreach[i].name);
        number_add_text(out, s->foreach[i].value);
    }
    if (s->n_foreach)
        text_add(out, "]");
}

/* Of the statements from the `first` on, those whose value of foreach is asked for. */
static void keep_wanted(struct elaborator *e, size_t first)
{
    struct claims *c = e->claims;
    size_t kept = first;
    for (size_t i = first; i < c->n_statements; i++) {
        struct text label;
        text_init(&label);
        statement_label(&label, &c->statements[i]);
        if (!label.failed && wanted(e, label.data, false))
            c->statements[kept++] = c->statements[i];
        else
            statement_done(&c->statements[i]);
        text_clear(&label);
    }
    c->n_statements = kept;
}

/* The claim's statements that are asked for; an error when a value of foreach is, that it does not have. */
static void claim_select(struct elaborator *e, struct claim *claim)
{
    size_t first = e->claims->n_statements, made;
    char help[200];
    claim_elaborate(e, claim);
    made = e->claims->n_statements;
    if (e->report->status != STATUS_OK || made == first || wanted(e, claim->name, false))
        return;
    struct text label;
    text_init(&label);
    statement_label(&label, &e->claims->statements[first]);
    bool many = e->claims->statements[first].n_foreach > 0;
    (void)snprintf(help, sizeof help, many ? "its first value is --only '%s'; --only %s takes all" : "%s: --only %s", many && label.data ? label.data : "it has no foreach", claim->name);
    text_clear(&label);
    keep_wanted(e, first);
    if (e->claims->n_statements == first)
        e->report->status = diag_at(e->report->diag, STATUS_INPUT, (struct diag_place){0}, NULL, help, "--only: no value of foreach of claim '%s' is asked for so", claim->name);
}

/* Domains and lets that no claim used are looked at all the same. */
static void check_unused(struct elaborator *e)
{
    for (const struct scope *s = e->file; s; s = s->up) {
        if (*s->used || (s->kind != SCOPE_DOMAIN && !(s->kind == SCOPE_LET && s->let->n_params == 0)))
            continue;
        struct resolver r = {.arena = e->arena, .report = e->report, .file = e->file};
        struct expr *x = resolve(&r, s->kind == SCOPE_DOMAIN ? s->expr : s->let->value, s->up);
        struct typer t = {.arena = e->arena, .report = e->report, .file = e->file, .models = e->claims->models, .n_models = e->claims->n_models,
                .data = e->claims->data, .n_data = e->claims->n_data};
        t.variables = arena_array(e->arena, (size_t)r.n_slots, sizeof *t.variables);
        if (x && s->kind == SCOPE_DOMAIN && t.variables && type_set(&t, x))
            continue;
    }
}

static enum status elaborate(struct elaborator *e)
{
    enum status s;
    for (size_t i = 0; i < e->syntax->n; i++)
        declare(e, &e->syntax->decls[i]);
    check_options(e);
    if ((s = models_bind(e)) != STATUS_OK || (s = data_bind(e)) != STATUS_OK || (s = labels_bind(e)) != STATUS_OK)
        return s;
    for (size_t i = 0; i < e->syntax->n && !e->arena->failed; i++) {
        const struct decl *d = &e->syntax->decls[i], *first = is_claim(d) ? claim_named(e->syntax, d->name, i) : NULL;
        if (first)
            declared_twice(e, d, first->at.offset);
        else if (is_claim(d) && wanted(e, d->name, true))
            claim_select(e, d->claim);
    }
    if (e->options->n_only == 0)
        check_unused(e);
    return e->arena->failed ? STATUS_MEMORY : e->report->status;
}

/* c.source is there; path is what messages call it, and relative files are sought beside it. */
static enum status parse(struct claims *c, const char *path, const struct claims_options *o, struct diag *d)
{
    static const struct claims_options none = {0};
    struct syntax syntax;
    struct report report = {d, path, c->source, c->source_size, STATUS_OK};
    if (!(c->path = mem_string(path)) || !(c->arena = mem_array(1, sizeof(struct arena))))
        return STATUS_MEMORY;
    arena_init(c->arena);
    sha256_hex(c->sha256, c->source, c->source_size);
    enum status s = syntax_parse(&syntax, c->arena, &report);
    if (s == STATUS_MEMORY || syntax.incomplete || (s == STATUS_INPUT && syntax.n == 0))
        return s;
    struct elaborator e = {.claims = c, .arena = c->arena, .report = &report, .options = o ? o : &none, .syntax = &syntax};
    s = elaborate(&e);
    return s == STATUS_OK ? report.status : s;
}

/* Hands c over, or clears it. */
static enum status finish(struct claims *out, struct claims *c, enum status s)
{
    if (s != STATUS_OK) {
        claims_clear(c);
        return s;
    }
    *out = *c;
    for (size_t i = 0; i < out->n_statements; i++)
        out->statements[i].file = out;
    return STATUS_OK;
}

enum status claims_read(struct claims *out, const char *path, const struct claims_options *o, struct diag *d)
{
    struct claims c = {0};
    *out = c;
    enum status s = file_read(&c.source, &c.source_size, path, CLAIMS_MAX_BYTES, d);
    return s == STATUS_OK ? finish(out, &c, parse(&c, path, o, d)) : s;
}

enum status claims_read_text(struct claims *out, const char *path, const char *text, const struct claims_options *o, struct diag *d)
{
    struct claims c = {.source = mem_string(text), .source_size = strlen(text)};
    *out = (struct claims){0};
    if (c.source_size > CLAIMS_MAX_BYTES) {
        enum status s = diag_fail(d, STATUS_INPUT, "the claims have %zu bytes, at most %zu are read", c.source_size, CLAIMS_MAX_BYTES);
        return finish(out, &c, s);
    }
    return finish(out, &c, c.source ? parse(&c, path, o, d) : STATUS_MEMORY);
}
