/* A pickled dictionary of settings as JSON. Declared in models/pickle.h. */
#include <math.h>

#include "core/text.h"
#include "core/utf8.h"
#include "models/pickle_machine.h"

enum { MAX_DEPTH = 8, MAX_SIZE = 1 << 20 };

void pickle_json_string(struct text *out, const char *s, size_t n)
{
    text_add(out, "\"");
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"' || s[i] == '\\')
            text_add(out, "\\");
        if ((unsigned char)s[i] < ' ')
            text_addf(out, "\\u%04x", s[i]);
        else
            text_add_n(out, s + i, 1);
    }
    text_add(out, "\"");
}

static void add_scalar(struct text *out, const struct pickle_value *v)
{
    if (v->kind == PICKLE_NONE)
        text_add(out, "null");
    else if (v->kind == PICKLE_BOOL)
        text_add(out, v->integer ? "true" : "false");
    else if (v->kind == PICKLE_INT)
        text_addf(out, "%lld", v->integer);
    else if (v->kind == PICKLE_FLOAT && isfinite(v->number))
        text_add_double(out, v->number);
    else if (v->kind == PICKLE_TEXT && utf8_is_text(v->text.s, v->text.n))
        pickle_json_string(out, v->text.s, v->text.n);
    else if (v->kind == PICKLE_GLOBAL)
        text_addf(out, "\"%s\"", pickle_global_name(v->global));
    else
        text_add(out, v->kind == PICKLE_TENSOR ? "\"(a tensor)\"" : "\"(something else)\"");
}

static bool add_value(struct text *out, const struct pickle *p, size_t value, int depth)
{
    const struct pickle_value *v = &p->values[value];
    const struct pickle_list *list = pickle_attributes(p, value) ? pickle_attributes(p, value) : &v->list; /* an object is its attributes */
    bool dict = v->kind == PICKLE_DICT || list != &v->list, fine = depth < MAX_DEPTH;

    if (!dict && v->kind != PICKLE_LIST && v->kind != PICKLE_TUPLE) {
        add_scalar(out, v);
        return out->size < MAX_SIZE;
    }
    text_add(out, dict ? "{" : "[");
    for (size_t i = 0; fine && i + dict < list->n; i += 1 + (size_t)dict) {
        const struct pickle_value *key = &p->values[list->items[i]];
        text_add(out, i ? ", " : "");
        if (dict && (key->kind != PICKLE_TEXT || !utf8_is_text(key->text.s, key->text.n)))
            return false;
        if (dict) {
            pickle_json_string(out, key->text.s, key->text.n);
            text_add(out, ": ");
        }
        fine = add_value(out, p, list->items[i + dict], depth + 1);
    }
    text_add(out, dict ? "}" : "]");
    return fine && out->size < MAX_SIZE;
}

bool pickle_json(struct text *out, const struct pickle *p, size_t value) { return add_value(out, p, value, 0); }
