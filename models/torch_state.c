#include "models/torch_state.h"

#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "core/utf8.h"

enum { DEPTH_MAX = 5, STEPS_MAX = 100000, CHOICES_MAX = 1000, SHOWN_MAX = 8 };
struct choice { char *path; size_t value; bool usual, matrices; };
struct search { const struct pickle *p; struct choice *choices; size_t n, room, steps; bool failed; };

bool torch_is_module(const struct pickle *p, size_t value)
{
    const struct pickle_list *a = pickle_attributes(p, value);
    long parameters = pickle_find(p, a, "_parameters"), modules = pickle_find(p, a, "_modules");

    return parameters >= 0 && modules >= 0;
}

bool torch_is_optimizer(const struct pickle *p, size_t value)
{
    const struct pickle_list *l = pickle_items(p, value);

    return pickle_find(p, l, "state") >= 0 && pickle_find(p, l, "param_groups") >= 0;
}

bool torch_holds_tensors(const struct pickle *p, size_t value)
{
    const struct pickle_list *l = pickle_items(p, value);

    for (size_t i = 0; l && i + 1 < l->n; i += 2)
        if (p->values[l->items[i]].kind == PICKLE_TEXT && p->values[l->items[i + 1]].kind == PICKLE_TENSOR)
            return true;
    return false;
}

/* A tensor with two axes or more in it, or a module: what models are made of. Steps, losses and states of generators have one axis at most. */
static bool holds_matrices(const struct pickle *p, size_t value)
{
    const struct pickle_list *l = pickle_items(p, value);
    bool any = torch_is_module(p, value);

    for (size_t i = 0; l && !any && i + 1 < l->n; i += 2)
        any = p->values[l->items[i + 1]].kind == PICKLE_TENSOR && p->values[l->items[i + 1]].tensor->rank >= 2;
    return any;
}

static bool is_usual(const char *path)
{
    static const char *const usual[] = { "state_dict", "model", "model_state_dict", "model_state", "net", "network", "module", "params", "weights" };

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(path, usual[i]) == 0)
            return true;
    return false;
}

static void add_choice(struct search *s, size_t value, const char *path)
{
    struct choice *grown;

    for (size_t i = 0; i < s->n; i++)
        if (s->choices[i].value == value)
            return;
    if (s->n == CHOICES_MAX)
        return;
    grown = mem_grow(s->choices, &s->room, s->n + 1, sizeof *grown);
    s->failed |= !grown;
    if (!grown)
        return;
    s->choices = grown;
    grown[s->n] = (struct choice){ mem_string(path), value, is_usual(path), holds_matrices(s->p, value) };
    s->failed |= !grown[s->n++].path;
}

static void look(struct search *s, size_t value, const char *path, int depth);

static void look_at_part(struct search *s, size_t value, const char *path, const char *key, size_t n, int depth)
{
    struct text name = { 0 };

    if (path[0])
        text_addf(&name, "%s.", path);
    text_add_n(&name, key, n);
    s->failed |= name.failed;
    if (!name.failed)
        look(s, value, name.data, depth + 1);
    text_clear(&name);
}

static void look_at_pairs(struct search *s, const struct pickle_list *l, const char *path, int depth)
{
    for (size_t i = 0; l && i + 1 < l->n && !s->failed; i += 2) {
        const struct pickle_value *key = &s->p->values[l->items[i]];
        if (key->kind == PICKLE_TEXT && utf8_is_text(key->text.s, key->text.n))
            look_at_part(s, l->items[i + 1], path, key->text.s, key->text.n, depth);
    }
}

/* Everything that could be meant, outermost first. */
static void look(struct search *s, size_t value, const char *path, int depth)
{
    const struct pickle_value *v = &s->p->values[value];
    char number[24];

    if (s->failed || depth > DEPTH_MAX || s->steps++ > STEPS_MAX || torch_is_optimizer(s->p, value))
        return;
    if (torch_is_module(s->p, value) || torch_holds_tensors(s->p, value))
        add_choice(s, value, path);
    if (torch_is_module(s->p, value))
        return;
    look_at_pairs(s, pickle_items(s->p, value), path, depth);
    look_at_pairs(s, pickle_attributes(s->p, value), path, depth);
    for (size_t i = 0; (v->kind == PICKLE_LIST || v->kind == PICKLE_TUPLE) && i < v->list.n && !s->failed; i++) {
        (void)snprintf(number, sizeof number, "%zu", i);
        look_at_part(s, v->list.items[i], path, number, strlen(number), depth);
    }
}

static void list_paths(struct text *out, const struct search *s, bool usual_only)
{
    size_t shown = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->choices[i].path[0] == '\0' || (usual_only && !s->choices[i].usual))
            continue;
        if (shown == SHOWN_MAX) {
            text_add(out, ", ...");
            return;
        }
        text_addf(out, "%s'%s'", shown++ ? ", " : "", s->choices[i].path);
    }
}

static enum status ambiguous(const struct search *s, const char *path, const char *choice, bool usual_only, struct diag *d)
{
    struct text names = { 0 };
    enum status result;

    list_paths(&names, s, usual_only);
    if (names.failed)
        result = STATUS_MEMORY;
    else if (choice && !names.size)
        result = diag_fail(d, STATUS_INPUT, "cannot read '%s': there is no state dict '%s' in it, only the file as a whole is one", path, choice);
    else if (choice)
        result = diag_fail(d, STATUS_INPUT, "cannot read '%s': there is no state dict '%s' in it, there is %s", path, choice, names.data);
    else
        result = diag_fail(d, STATUS_INPUT, "cannot read '%s': more than one state dict in it (%s): say which with --set state_dict=KEY", path, names.data);
    text_clear(&names);
    return result;
}

static enum status nothing(const struct pickle *p, const char *path, struct diag *d)
{
    enum pickle_kind kind = p->values[p->root].kind;

    if (kind == PICKLE_TENSOR)
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': a single tensor, a dictionary of named tensors is needed", path);
    if (p->class != PICKLE_NO_VALUE)
        return pickle_refuse_class(path, &p->values[p->class].class, p->class_offset, d);
    for (size_t i = 1; kind == PICKLE_DICT && i < p->values[p->root].list.n; i += 2)
        if (p->values[p->values[p->root].list.items[i]].kind == PICKLE_TENSOR)
            return diag_fail(d, STATUS_INPUT, "cannot read '%s': a tensor whose name is not a plain string", path);
    if (kind != PICKLE_DICT)
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': a value that is not a dictionary of named tensors", path);
    return diag_fail(d, STATUS_INPUT, "cannot read '%s': there are no tensors in it, also not under 'state_dict' or 'model'", path);
}

/* Where a dictionary has matrices, one without any is not the model. */
static void leave_out_scalars(struct search *s)
{
    size_t kept = 0, any = 0;

    for (size_t i = 0; i < s->n; i++)
        any += s->choices[i].matrices;
    for (size_t i = 0; any && i < s->n; i++)
        if (s->choices[i].matrices)
            s->choices[kept++] = s->choices[i];
        else
            free(s->choices[i].path);
    s->n = any ? kept : s->n;
}

static enum status decide(size_t *value, struct search *s, const char *path, const char *choice, struct diag *d)
{
    size_t n_usual = 0;

    for (size_t i = 0; choice && i < s->n; i++)
        if (strcmp(s->choices[i].path, choice) == 0) {
            *value = s->choices[i].value;
            return STATUS_OK;
        }
    if (s->n == 0)
        return nothing(s->p, path, d);
    if (choice)
        return ambiguous(s, path, choice, false, d);
    leave_out_scalars(s);
    for (size_t i = 0; i < s->n; i++)
        if (s->choices[i].usual) {
            *value = s->choices[i].value;
            n_usual++;
        }
    if (n_usual == 1)
        return STATUS_OK;
    *value = s->choices[0].value;
    if (n_usual > 1 || (s->n > 1 && s->choices[0].path[0]))
        return ambiguous(s, path, NULL, n_usual > 1, d);
    return STATUS_OK;
}

enum status torch_choose(size_t *value, const struct pickle *p, const char *path, const char *choice, struct diag *d)
{
    struct search s = { .p = p };
    enum status result;

    look(&s, p->root, "", 0);
    result = s.failed ? STATUS_MEMORY : decide(value, &s, path, choice, d);
    for (size_t i = 0; i < s.n; i++)
        free(s.choices[i].path);
    free(s.choices);
    return result;
}
