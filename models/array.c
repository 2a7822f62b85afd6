/* Arrays for claims, from a file of any format that holds arrays. Declared in models/npy.h. */
#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "core/text.h"
#include "models/decode.h"
#include "models/npy.h"

enum { NAMES_SHOWN = 8 };

void array_clear(struct array *a)
{
    free(a->data);
    *a = (struct array){ 0 };
}

/* "'a', 'b', ... (12 in all)" */
static void list_names(struct text *out, const struct checkpoint *c)
{
    for (size_t i = 0; i < c->n && i < NAMES_SHOWN; i++)
        text_addf(out, "%s'%s'", i ? ", " : "", c->tensors[i].name);
    if (c->n > NAMES_SHOWN)
        text_addf(out, ", ... (%zu in all)", c->n);
}

static enum status not_found(const struct checkpoint *c, const char *name, struct diag *d)
{
    struct text names = { 0 };
    enum status s;

    list_names(&names, c);
    if (names.failed)
        s = STATUS_MEMORY;
    else if (name)
        s = diag_fail(d, STATUS_INPUT, "cannot read '%s': there is no array '%s' in it, there is %s", c->path, name, names.data);
    else
        s = diag_fail(d, STATUS_INPUT, "cannot read '%s': %zu arrays in it, say which one as in \"%s\"[\"%s\"]: %s", c->path, c->n, c->path, c->tensors[0].name, names.data);
    text_clear(&names);
    return s;
}

/* The tensor of that name, the only one without a name. A .npy has one array and no names. */
static struct tensor *choose(const struct checkpoint *c, const char *name)
{
    if (!name)
        return c->n == 1 ? &c->tensors[0] : NULL;
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return &c->tensors[i];
    return NULL;
}

enum status array_read(struct array *out, char sha256[65], const char *path, const char *name, struct diag *d)
{
    struct checkpoint c = { 0 };
    struct tensor *t;
    enum status s = checkpoint_read(&c, path, d);

    if (s != STATUS_OK)
        return s;
    t = choose(&c, name);
    if (!t)
        s = not_found(&c, name, d);
    else if (!tensor_need(t))
        s = STATUS_MEMORY;
    else {
        *out = (struct array){ .rank = t->rank, .data = t->data, .dtype = t->source.dtype };
        memcpy(out->shape, t->shape, sizeof out->shape);
        memcpy(sha256, c.sha256, sizeof c.sha256);
        t->data = NULL;
    }
    checkpoint_clear(&c);
    return s;
}
