/* .npy and .npz as checkpoints: the names of an archive's tensors are those of its members, the one tensor of a .npy has the file's name. */
#include "models/npy.h"

#include <string.h>

#include "core/mem.h"
#include "models/decode.h"

static bool ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && strcmp(s + n - m, suffix) == 0;
}

/* The last part of a path without ".npy". */
static char *stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

    return mem_string_n(base, strlen(base) - (ends(base, ".npy") ? 4 : 0));
}

enum status npy_parse(struct checkpoint *out, const char *path, const char *data, size_t size, struct diag *d)
{
    struct tensor *t = out->tensors = mem_array(1, sizeof *out->tensors);
    enum status s;

    if (!t || !(t->name = stem(path)))
        return STATUS_MEMORY;
    out->n = 1;
    out->format = "npy";
    if ((s = npy_header(t, NULL, path, t->name, data, size, d)) != STATUS_OK)
        return s;
    t->source.bound = !t->source.big_endian;
    return tensor_view(t, (const unsigned char *)data + t->source.offset, path, d);
}

bool npz_is(const struct archive *a)
{
    bool arrays = false;

    for (size_t i = 0; i < a->n; i++) {
        const char *name = archive_name(a, i);
        if (ends(name, "/data.pkl") || strcmp(name, "data.pkl") == 0)
            return false;
        arrays |= ends(name, ".npy");
    }
    return arrays;
}

/* A string beside the arrays: the configuration, or something stated. */
static enum status keep_words(struct checkpoint *c, const char *name, const char *words)
{
    if (strcmp(name, "config") != 0 || words[0] != '{')
        return checkpoint_add_fact(c, name, words[0] ? words : "(strings)");
    c->config = mem_string(words);
    return c->config ? STATUS_OK : STATUS_MEMORY;
}

/* Member i as the last tensor, whose name is set; a string is no tensor after all. */
static enum status read_member(struct checkpoint *c, struct archive *a, size_t i)
{
    struct tensor *t = &c->tensors[c->n - 1];
    const char *bytes = NULL;
    char *owned = NULL, *words = NULL;
    size_t at = SIZE_MAX;
    enum status s = archive_read(&bytes, &owned, &at, a, i);

    if (s == STATUS_OK && owned)
        s = checkpoint_keep(c, owned);
    if (s == STATUS_OK)
        s = npy_header(t, &words, a->path, t->name, bytes, archive_size(a, i), a->d);
    if (s == STATUS_OK && words) {
        s = keep_words(c, t->name, words);
        free(t->name);
        *t = (struct tensor){ 0 };
        c->n--;
    } else if (s == STATUS_OK) {
        s = tensor_view(t, (const unsigned char *)bytes + t->source.offset, a->path, a->d);
        t->source.bound = at != SIZE_MAX && !t->source.big_endian;
        t->source.offset = t->source.bound ? at + t->source.offset : 0;
    }
    free(words);
    return s;
}

enum status npz_read(struct checkpoint *out, struct archive *a)
{
    enum status s = STATUS_OK;

    out->format = "npz";
    out->tensors = mem_array(a->n, sizeof *out->tensors);
    if (!out->tensors)
        return STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < a->n; i++) {
        const char *name = archive_name(a, i);
        if (!ends(name, ".npy")) {
            s = checkpoint_add_fact(out, name, "(not an array)");
            continue;
        }
        if (!(out->tensors[out->n].name = mem_string_n(name, strlen(name) - 4)))
            return STATUS_MEMORY;
        out->n++;
        s = read_member(out, a, i);
    }
    if (s == STATUS_OK && out->n == 0)
        return diag_fail(a->d, STATUS_INPUT, "cannot read '%s': there are no arrays of numbers in it", a->path);
    return s;
}
