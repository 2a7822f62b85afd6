/* What a pickled module says of itself beside its tensors: the class and the plain attributes of every part. Declared in models/torch_state.h. */
#include <string.h>

#include "core/text.h"
#include "core/utf8.h"
#include "models/torch_state.h"

enum { DEEP = 60, LARGEST = 1 << 20 };

static bool is_plain(const struct pickle_value *v)
{
    return v->kind == PICKLE_BOOL || v->kind == PICKLE_INT || v->kind == PICKLE_FLOAT || v->kind == PICKLE_TEXT;
}

static void add_class(struct text *out, const struct pickle_value *v)
{
    struct text name = { 0 };

    if (v->kind == PICKLE_CLASS) {
        text_add_n(&name, v->class.module.s, v->class.module.n);
        text_add(&name, ".");
        text_add_n(&name, v->class.name.s, v->class.name.n);
    }
    if (name.failed)
        out->failed = true;
    else if (name.size && utf8_is_text(name.data, name.size))
        pickle_json_string(out, name.data, name.size);
    else
        text_add(out, "\"(unknown)\"");
    text_clear(&name);
}

/* Attributes that are numbers, words, classes or functions; those that begin with _ are the library's own. */
static void add_attributes(struct text *out, const struct pickle *p, size_t module)
{
    const struct pickle_list *a = pickle_attributes(p, module);

    text_add(out, "{\"class\": ");
    add_class(out, &p->values[p->values[module].object->class]);
    for (size_t i = 0; a && i + 1 < a->n; i += 2) {
        const struct pickle_value *key = &p->values[a->items[i]], *value = &p->values[a->items[i + 1]];
        if (key->kind != PICKLE_TEXT || key->text.n == 0 || key->text.s[0] == '_' || !utf8_is_text(key->text.s, key->text.n) ||
            (key->text.n == 5 && memcmp(key->text.s, "class", 5) == 0) || (!is_plain(value) && value->kind != PICKLE_CLASS))
            continue;
        text_add(out, ", ");
        pickle_json_string(out, key->text.s, key->text.n);
        text_add(out, ": ");
        if (value->kind == PICKLE_CLASS)
            add_class(out, value);
        else
            (void)pickle_json(out, p, a->items[i + 1]);
    }
    text_add(out, "}");
}

static void add_module(struct text *out, const struct pickle *p, size_t module, const char *path, int depth)
{
    long parts = pickle_find(p, pickle_attributes(p, module), "_modules");
    const struct pickle_list *l = parts < 0 ? NULL : pickle_items(p, (size_t)parts);

    text_add(out, out->size > 1 ? ",\n " : "");
    pickle_json_string(out, path, strlen(path));
    text_add(out, ": ");
    add_attributes(out, p, module);
    for (size_t i = 0; l && i + 1 < l->n && out->size < LARGEST && depth < DEEP; i += 2) {
        const struct pickle_value *key = &p->values[l->items[i]];
        struct text name = { 0 };
        if (key->kind != PICKLE_TEXT || !utf8_is_text(key->text.s, key->text.n) || !torch_is_module(p, l->items[i + 1]))
            continue;
        text_addf(&name, "%s%s", path, path[0] ? "." : "");
        text_add_n(&name, key->text.s, key->text.n);
        if (name.failed)
            out->failed = true;
        else
            add_module(out, p, l->items[i + 1], name.data, depth + 1);
        text_clear(&name);
    }
}

char *torch_describe_modules(const struct pickle *p, size_t module)
{
    struct text out = { 0 };

    text_add(&out, "{");
    add_module(&out, p, module, "", 0);
    text_add(&out, "}");
    if (!out.failed)
        return out.data;
    text_clear(&out);
    return NULL;
}

/* Present, and neither None nor an empty dictionary. */
static bool is_set(const struct pickle *p, const struct pickle_list *attributes, const char *key)
{
    long at = pickle_find(p, attributes, key);
    const struct pickle_list *l = at < 0 ? NULL : pickle_items(p, (size_t)at);

    return at >= 0 && p->values[at].kind != PICKLE_NONE && !(l && l->n == 0);
}

/* What changes the function of this one module, or NULL. */
static const char *change_of(const struct pickle *p, size_t module)
{
    const struct pickle_list *a = pickle_attributes(p, module);

    if (is_set(p, a, "_forward_hooks") || is_set(p, a, "_forward_pre_hooks"))
        return "forward hooks, which change its function and are not read";
    if (is_set(p, a, "forward"))
        return "a forward pass of its own among its attributes, which is not read";
    if (is_set(p, a, "max_norm") && pickle_find(p, a, "num_embeddings") >= 0)
        return "max_norm set: rows are scaled as they are read, which is not read here";
    return NULL;
}

static enum status check_module(const struct pickle *p, size_t module, const char *name, const char *path, int depth, struct diag *d)
{
    long parts = pickle_find(p, pickle_attributes(p, module), "_modules");
    const struct pickle_list *l = parts < 0 ? NULL : pickle_items(p, (size_t)parts);
    const char *change = change_of(p, module);
    enum status s = STATUS_OK;

    if (change)
        return diag_fail(d, STATUS_UNSUPPORTED, "cannot read '%s': module '%s' has %s", path, name[0] ? name : "(the whole)", change);
    if (depth == DEEP)
        return diag_fail(d, STATUS_UNSUPPORTED, "cannot read '%s': modules within modules, %d deep", path, DEEP);
    for (size_t i = 0; l && s == STATUS_OK && i + 1 < l->n; i += 2) {
        const struct pickle_value *key = &p->values[l->items[i]];
        struct text part = { 0 };
        if (!torch_is_module(p, l->items[i + 1]))
            continue;
        text_addf(&part, "%s%s", name, name[0] ? "." : "");
        if (key->kind == PICKLE_TEXT && utf8_is_text(key->text.s, key->text.n))
            text_add_n(&part, key->text.s, key->text.n);
        s = part.failed ? STATUS_MEMORY : check_module(p, l->items[i + 1], part.data ? part.data : "", path, depth + 1, d);
        text_clear(&part);
    }
    return s;
}

enum status torch_check_modules(const struct pickle *p, size_t module, const char *path, struct diag *d) { return check_module(p, module, "", path, 0, d); }
