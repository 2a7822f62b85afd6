/* Token names: a JSON list of strings, or an object from string to token. What reports call the tokens; no claim reads them. */
#include <stdio.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "core/mem.h"
#include "verify/elaborate.h"

#define LABELS_MAX_BYTES ((size_t)64 * 1024 * 1024)

static bool take_names(struct elaborator *e, const cJSON *json, char ***names, size_t *n)
{
    const cJSON *item;
    size_t k = 0;
    bool list = cJSON_IsArray(json);
    *n = (size_t)cJSON_GetArraySize(json);
    if ((!list && !cJSON_IsObject(json)) || !(*names = arena_array(e->arena, *n, sizeof **names)))
        return false;
    cJSON_ArrayForEach(item, json) {
        const char *name = list ? item->valuestring : item->string;
        double at = list ? (double)k : cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!name || (list && !cJSON_IsString(item)) || !(at >= 0 && at < (double)*n) || at != (double)(size_t)at || (*names)[(size_t)at])
            return false;
        if (!((*names)[(size_t)at] = arena_string(e->arena, name, strlen(name))))
            return false;
        k++;
    }
    return true;
}

static enum status bind_one(struct elaborator *e, const struct decl *d)
{
    struct claims *c = e->claims;
    struct diag said;
    char *path = path_beside(e->report->file, d->file), *text = NULL;
    size_t size = 0;
    cJSON *json = NULL;
    if (!path)
        return STATUS_MEMORY;
    diag_init(&said);
    enum status s = file_read(&text, &size, path, LABELS_MAX_BYTES, &said);
    void *grown = arena_grow(e->arena, c->labels, c->n_labels, sizeof *c->labels);
    if (s != STATUS_OK) {
        report_at(e->report, d->file_at, NULL, NULL, "%s", said.n ? said.messages[0].text : "cannot read the labels");
    } else if (grown) {
        c->labels = grown;
        c->labels[c->n_labels].model = d->name;
        json = cJSON_ParseWithLength(text, size);
        if (json && take_names(e, json, &c->labels[c->n_labels].names, &c->labels[c->n_labels].n))
            c->n_labels++;
        else
            report_at(e->report, d->file_at, NULL, "a list [\"a\", \"b\"], or an object {\"a\": 0, \"b\": 1} that names every token once",
                    "'%s' holds no labels", d->file);
    }
    cJSON_Delete(json);
    diag_clear(&said);
    free(text);
    free(path);
    return e->arena->failed ? STATUS_MEMORY : STATUS_OK;
}

enum status labels_bind(struct elaborator *e)
{
    for (size_t i = 0; i < e->syntax->n; i++) {
        const struct decl *d = &e->syntax->decls[i];
        if (d->kind != DECL_LABELS)
            continue;
        const struct scope *model = scope_find(e->file, d->name);
        if (!model || model->kind != SCOPE_MODEL) {
            report_at(e->report, d->at, NULL, NULL, "labels are for a model, and '%s' is none", d->name);
            continue;
        }
        enum status s = bind_one(e, d);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}
