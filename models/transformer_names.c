/* How a transformer's tensors are known. Declared in models/transformer.h and family.h. */
#include <string.h>

#include "core/mem.h"
#include "models/transformer.h"

/* Names of a TransformerLens model, as opposed to another family. */
static bool is_plain(const struct checkpoint *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (strncmp(c->tensors[i].name, "blocks.", 7) == 0 || strcmp(c->tensors[i].name, "embed.W_E") == 0)
            return true;
    return false;
}

/* Length of what stands before 'embed.W_E' in the name of a tensor (`module.`, `model._orig_mod.`), 0 without one. */
static size_t prefix_length(const struct checkpoint *c, const char **name)
{
    static const char last[] = ".embed.W_E";

    for (size_t i = 0; i < c->n; i++) {
        size_t n = strlen(c->tensors[i].name), m = sizeof last - 1;
        if (n > m && strcmp(c->tensors[i].name + n - m, last) == 0) {
            *name = c->tensors[i].name;
            return n - m + 1;
        }
    }
    return 0;
}

/* Wrappers put one prefix before every name: it is taken off, and said. */
enum status transformer_strip_prefix(struct model *m, struct diag *d)
{
    struct checkpoint *c = &m->checkpoint;
    const char *first = NULL;
    size_t n = prefix_length(c, &first);

    if (n == 0 || is_plain(c))
        return STATUS_OK;
    for (size_t i = 0; i < c->n; i++)
        if (strncmp(c->tensors[i].name, first, n) != 0)
            return diag_fail(d, STATUS_INPUT, "cannot read '%s': 'embed.W_E' has the prefix '%.*s', tensor '%s' has not; save the state dict of the transformer alone",
                             m->path, (int)n, first, c->tensors[i].name);
    if (!(m->prefix = mem_string_n(first, n)))
        return STATUS_MEMORY;
    for (size_t i = 0; i < c->n; i++)
        memmove(c->tensors[i].name, c->tensors[i].name + n, strlen(c->tensors[i].name + n) + 1);
    return model_add_fact(m, "tensor names", m->prefix, "a prefix of all, taken off");
}

bool transformer_recognises(const struct checkpoint *c)
{
    const char *name;

    return is_plain(c) || prefix_length(c, &name) > 0;
}
