#include "models/model.h"

#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "models/checkpoint.h"
#include "models/config.h"
#include "models/transformer.h"

static const char *const families[] = { "transformer" };
static const char *const later_families[] = { "bilinear", "mlp", "sequential", "tms", "autoencoder", "transcoder", "probe", "conv", "rnn", "onnx" };
enum { N_FAMILIES = sizeof families / sizeof *families, N_LATER = sizeof later_families / sizeof *later_families };

void model_clear(struct model *m)
{
    for (size_t i = 0; i < m->n_facts; i++) {
        free(m->facts[i].key);
        free(m->facts[i].value);
        free(m->facts[i].how);
    }
    for (size_t i = 0; i < m->n_ignored; i++)
        free(m->ignored[i]);
    free(m->facts);
    free(m->ignored);
    free(m->path);
    free(m->prefix);
    checkpoint_clear(&m->checkpoint);
    net_clear(&m->net);
    *m = (struct model){ 0 };
}

enum status model_add_fact(struct model *m, const char *key, const char *value, const char *how)
{
    size_t n = m->n_facts, room = n;
    bool full = n == 0 || (n >= 8 && (n & (n - 1)) == 0); /* what mem_grow gives: 8, 16, 32, ... */
    struct model_fact *grown = full ? mem_grow(m->facts, &room, n + 1, sizeof *grown) : m->facts;

    if (!grown)
        return STATUS_MEMORY;
    m->facts = grown;
    grown[n] = (struct model_fact){ mem_string(key), mem_string(value), mem_string(how) };
    m->n_facts++;
    return grown[n].key && grown[n].value && grown[n].how ? STATUS_OK : STATUS_MEMORY;
}

static enum status check_family(const char *family, struct diag *d)
{
    const char *near;

    for (size_t i = 0; family && i < N_LATER; i++)
        if (strcmp(family, later_families[i]) == 0)
            return diag_fail(d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s'", family);
    for (size_t i = 0; family && i < N_FAMILIES; i++)
        if (strcmp(family, families[i]) == 0)
            return STATUS_OK;
    if (!family)
        return STATUS_OK;
    near = text_suggest(family, families, N_FAMILIES);
    near = near ? near : text_suggest(family, later_families, N_LATER);
    return near ? diag_fail(d, STATUS_INPUT, "unknown family '%s', did you mean '%s'?", family, near)
                : diag_fail(d, STATUS_INPUT, "unknown family '%s' ('transformer' is known)", family);
}

/* Names of a TransformerLens model, as opposed to another family. */
static bool is_transformer(const struct checkpoint *c)
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
static enum status strip_prefix(struct model *m, struct diag *d)
{
    struct checkpoint *c = &m->checkpoint;
    const char *first = NULL;
    size_t n = prefix_length(c, &first);

    if (n == 0)
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

static enum status load_checkpoint(struct model *m, const char *data, size_t size, const struct model_options *o, struct diag *d)
{
    struct config config;
    enum status s = checkpoint_parse(&m->checkpoint, m->path, data, size, d);

    if (s == STATUS_OK && !is_transformer(&m->checkpoint))
        s = strip_prefix(m, d);
    if (s != STATUS_OK)
        return s;
    if (!is_transformer(&m->checkpoint) && !(o && o->family))
        return diag_fail(d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s' has no 'embed.W_E' (a transformer with TransformerLens names), its first tensor is '%s'",
                         m->path, m->checkpoint.n ? m->checkpoint.tensors[0].name : "");
    if ((s = config_read(&config, m->config_sha256, &m->checkpoint, o, d)) != STATUS_OK)
        return s;
    s = transformer_load(m, &config, d);
    config_clear(&config);
    return s;
}

static enum status load_net(struct model *m, const char *data, size_t size, const struct model_options *o, struct diag *d)
{
    if (o && (o->config_path || o->n_set || o->family))
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': a .net file holds the whole network and takes no configuration", m->path);
    m->family = "net";
    return net_parse(&m->net, m->path, data, size, d);
}

static enum status load(struct model *m, const char *path, const struct model_options *o, struct diag *d)
{
    static const char magic[] = "weightproof-net ";
    char *data;
    size_t size;
    enum status s = check_family(o ? o->family : NULL, d);

    if (s != STATUS_OK || (s = file_read(&data, &size, path, CHECKPOINT_LIMIT, d)) != STATUS_OK)
        return s;
    sha256_hex(m->file_sha256, data, size);
    m->path = mem_string(path);
    if (!m->path)
        s = STATUS_MEMORY;
    else if ((size >= sizeof magic - 1 && memcmp(data, magic, sizeof magic - 1) == 0) || (strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".net") == 0))
        s = load_net(m, data, size, o, d);
    else
        s = load_checkpoint(m, data, size, o, d);
    free(data);
    return s;
}

enum status model_load(struct model *out, const char *path, const struct model_options *o, struct diag *d)
{
    struct model m = { 0 };
    enum status s = load(&m, path, o, d);

    if (s == STATUS_OK)
        *out = m;
    else
        model_clear(&m);
    return s;
}
