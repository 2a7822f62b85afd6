#include "models/family.h"

#include <string.h>

const struct family family_table[] = {
#define FAMILY(code, name, keys, meaning) { name, keys, meaning, code##_recognises, code##_load },
#include "models/family.def"
#undef FAMILY
};
const size_t n_families = sizeof family_table / sizeof *family_table;

/* Families that have a name here and no reader. */
static const char *const later[] = { "probe", "conv", "rnn" };
enum { N_LATER = sizeof later / sizeof *later };

const struct family *family_find(const char *name)
{
    for (size_t i = 0; i < n_families; i++)
        if (strcmp(name, family_table[i].name) == 0)
            return &family_table[i];
    return NULL;
}

const struct family *family_of(const struct checkpoint *c)
{
    for (size_t i = 0; i < n_families; i++)
        if (family_table[i].recognises(c))
            return &family_table[i];
    return NULL;
}

enum status family_check(const char *name, struct diag *d)
{
    const char *names[sizeof family_table / sizeof *family_table], *near;

    if (!name || family_find(name) || strcmp(name, "onnx") == 0) /* a format of its own, read by models/onnx.c */
        return STATUS_OK;
    for (size_t i = 0; i < N_LATER; i++)
        if (strcmp(name, later[i]) == 0)
            return diag_fail(d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s'", name);
    for (size_t i = 0; i < n_families; i++)
        names[i] = family_table[i].name;
    near = text_suggest(name, names, n_families);
    near = near ? near : text_suggest(name, later, N_LATER);
    return near ? diag_fail(d, STATUS_INPUT, "unknown family '%s', did you mean '%s'?", name, near)
                : diag_fail(d, STATUS_INPUT, "unknown family '%s' ('weightproof info --families' lists them)", name);
}
