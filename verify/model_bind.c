/* Reads the models that a claim file names. */
#include <stdio.h>
#include <string.h>
#include "models/process.h"
#include "core/mem.h"
#include "verify/elaborate.h"

static bool add_setting(struct elaborator *e, struct model_options *o, char *key, char *value)
{
    struct setting *grown = arena_grow(e->arena, (void *)(uintptr_t)o->set, o->n_set, sizeof *grown);
    if (!grown || !key || !value)
        return false;
    grown[o->n_set++] = (struct setting){key, value};
    o->set = grown;
    return true;
}

/* The key that a setting of the command line means in this model, NULL if it is for another one; without NAME: it is for every model. */
static char *key_for(const struct setting *s, const char *model)
{
    size_t n = strlen(model);
    if (!strchr(s->key, ':'))
        return s->key;
    return strncmp(s->key, model, n) == 0 && s->key[n] == ':' ? s->key + n + 1 : NULL;
}

/* Settings of the file first, those of the command line after them: the last one counts. */
static bool gather_settings(struct elaborator *e, const struct decl *d, struct model_options *o)
{
    for (size_t i = 0; i < d->n_with; i++)
        if (!add_setting(e, o, d->with[i].key, d->with[i].text))
            return false;
    for (size_t i = 0; i < e->options->n_settings; i++) {
        const struct setting *s = &e->options->settings[i];
        const char *key = key_for(s, d->name);
        if (key && !add_setting(e, o, arena_string(e->arena, key, strlen(key)), arena_string(e->arena, s->value, strlen(s->value))))
            return false;
    }
    return true;
}

static char *beside(struct elaborator *e, const char *name)
{
    char *path = path_beside(e->report->file, name);
    char *out = path ? arena_string(e->arena, path, strlen(path)) : NULL;
    free(path);
    if (!out)
        e->arena->failed = true;
    return out;
}

/* The claims outlive the options: what is kept of them is copied. */
char *file_path(struct elaborator *e, const struct decl *d, const struct setting *given, size_t n_given)
{
    for (size_t i = n_given; i-- > 0;)
        if (strcmp(given[i].key, d->name) == 0)
            return arena_string(e->arena, given[i].value, strlen(given[i].value));
    return beside(e, d->file);
}

void pass_on_messages(struct elaborator *e, const struct decl *d, const char *path, const struct diag *from, enum status s)
{
    const char *help = s == STATUS_IO && d->file[0] != '/' && strcmp(path, d->file) != 0 ? "the file is looked for beside the claim file" : NULL;
    for (size_t i = 0; i < from->n; i++)
        report_at(e->report, d->file_at, from->messages[i].label, from->messages[i].help ? from->messages[i].help : help, "%s", from->messages[i].text);
    if (from->n == 0)
        report_at(e->report, d->file_at, NULL, NULL, "cannot read %s '%s'", d->kind == DECL_DATA ? "data" : "model", d->name);
}

static void check_sha256(struct elaborator *e, const struct decl *d, const struct model *m)
{
    char label[100];
    if (!d->sha256 || strcmp(d->sha256, m->file_sha256) == 0)
        return;
    (void)snprintf(label, sizeof label, "it has %s", m->file_sha256);
    report_at(e->report, d->sha256_at, label, NULL, "'%s' is not the file with this SHA-256", d->file);
}

static enum status bind_one(struct elaborator *e, const struct decl *d, struct bound_model *b)
{
    struct diag said;
    b->name = d->name;
    b->loaded = STATUS_UNSUPPORTED;
    b->options.family = d->family;
    if (!(b->path = file_path(e, d, e->options->models, e->options->n_models)) || !gather_settings(e, d, &b->options))
        return STATUS_MEMORY;
    b->options.config_path = e->options->config ? e->options->config : d->config ? beside(e, d->config) : NULL;
    if (e->arena->failed)
        return STATUS_MEMORY;
    for (size_t i = 0; i < d->n_process; i++) b->options.process |= 1u << process_find(d->process[i]);
    diag_init(&said);
    enum status s = model_load(&b->model, b->path, &b->options, &said);
    b->loaded = s == STATUS_OK ? STATUS_OK : STATUS_UNSUPPORTED;
    if (s == STATUS_OK)
        check_sha256(e, d, &b->model);
    else if (s == STATUS_UNSUPPORTED)
        b->reason = arena_string(e->arena, said.n ? said.messages[0].text : "cannot read this format yet",
                said.n ? strlen(said.messages[0].text) : 27);
    else if (s == STATUS_INPUT || s == STATUS_IO)
        pass_on_messages(e, d, b->path, &said, s);
    diag_clear(&said);
    return s == STATUS_MEMORY || s == STATUS_INTERNAL || s == STATUS_LIMIT ? s : STATUS_OK;
}

enum status models_bind(struct elaborator *e)
{
    struct claims *c = e->claims;
    size_t n = 0;
    for (size_t i = 0; i < e->syntax->n; i++)
        n += e->syntax->decls[i].kind == DECL_MODEL;
    if (!(c->models = mem_array(n, sizeof *c->models)))
        return STATUS_MEMORY;
    for (size_t i = 0; i < e->syntax->n; i++) {
        if (e->syntax->decls[i].kind != DECL_MODEL)
            continue;
        enum status s = bind_one(e, &e->syntax->decls[i], &c->models[c->n_models++]);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}
