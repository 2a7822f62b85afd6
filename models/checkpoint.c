#include "models/checkpoint.h"

#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "core/text.h"
#include "models/onnx.h"
#include "models/npy.h"

void checkpoint_clear(struct checkpoint *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->tensors[i].name);
        free(c->tensors[i].data);
    }
    for (size_t i = 0; i < c->n_facts; i++) {
        free(c->facts[i].key);
        free(c->facts[i].value);
    }
    for (size_t i = 0; i < c->n_unpacked; i++)
        free(c->unpacked[i]);
    free(c->unpacked);
    free(c->file);
    free(c->path);
    free(c->tensors);
    free(c->config);
    free(c->modules);
    free(c->facts);
    *c = (struct checkpoint){ 0 };
}

/* Room for element n of an array that has n: what mem_grow gives is 8, 16, 32, ... */
static void *room_for(void *old, size_t n, size_t size)
{
    size_t room = n;
    bool full = n == 0 || (n >= 8 && (n & (n - 1)) == 0);

    return full ? mem_grow(old, &room, n + 1, size) : old;
}

enum status checkpoint_keep(struct checkpoint *c, char *bytes)
{
    char **grown = room_for(c->unpacked, c->n_unpacked, sizeof *grown);

    if (!grown) {
        free(bytes);
        return STATUS_MEMORY;
    }
    c->unpacked = grown;
    grown[c->n_unpacked++] = bytes;
    return STATUS_OK;
}

enum status checkpoint_add_fact(struct checkpoint *c, const char *key, const char *value)
{
    void *grown = room_for(c->facts, c->n_facts, sizeof *c->facts);

    if (!grown)
        return STATUS_MEMORY;
    c->facts = grown;
    c->facts[c->n_facts].key = mem_string(key);
    c->facts[c->n_facts].value = mem_string(value);
    c->n_facts++;
    return c->facts[c->n_facts - 1].key && c->facts[c->n_facts - 1].value ? STATUS_OK : STATUS_MEMORY;
}

static bool begins(const char *data, size_t size, const char *magic, size_t n) { return size >= n && memcmp(data, magic, n) == 0; }

static bool ends(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);

    return n >= m && strcmp(path + n - m, suffix) == 0;
}

/* A header of JSON after eight bytes of length. */
static bool looks_like_safetensors(const char *path, const char *data, size_t size)
{
    size_t i = 8;

    while (i < size && i < 64 && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r'))
        i++;
    return (i < size && data[i] == '{' && (unsigned char)data[7] == 0) || ends(path, ".safetensors");
}

static enum status not_yet(const char *path, const char *format, struct diag *d)
{
    return diag_fail(d, STATUS_UNSUPPORTED, "cannot read this format yet: '%s' is %s", path, format);
}

static enum status other_format(const char *path, const char *data, size_t size, struct diag *d)
{
    if (begins(data, size, "GGUF", 4))
        return not_yet(path, "a GGUF file", d);
    if (begins(data, size, "\x89HDF\r\n\x1a\n", 8))
        return not_yet(path, "an HDF5 file", d);
    if (begins(data, size, "weightproof-net ", 16))
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': a network file where a checkpoint is needed", path);
    if (onnx_looks_like(path, data, size))
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': an ONNX file where a checkpoint is needed", path);
    if (size == 0)
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': the file is empty", path);
    return diag_fail(d, STATUS_INPUT, "cannot read '%s': not a model file (safetensors, a PyTorch checkpoint, .npz, .npy or .net)", path);
}

static bool looks_like_torch(const char *data, size_t size)
{
    return (size > 2 && (unsigned char)data[0] == 0x80 && data[1] >= 0 && data[1] <= 5) || (size >= 262 && memcmp(data + 257, "ustar", 5) == 0);
}

/* Zip archives: of arrays, else PyTorch's. */
static enum status zip_parse(struct checkpoint *out, const char *path, const char *data, size_t size, const char *choice, struct diag *d)
{
    struct archive a;
    enum status s = archive_open(&a, path, data, size, d);

    if (s != STATUS_OK)
        return s;
    s = npz_is(&a) ? npz_read(out, &a) : torch_read(out, &a, choice);
    archive_close(&a);
    return s;
}

enum status checkpoint_parse_choice(struct checkpoint *out, const char *path, const char *data, size_t size, const char *choice, struct diag *d)
{
    struct checkpoint c = { .path = mem_string(path) };
    enum status s;

    if (!c.path)
        return STATUS_MEMORY;
    sha256_hex(c.sha256, data, size);
    if (looks_like_safetensors(path, data, size))
        s = safetensors_parse(&c, path, data, size, d);
    else if (begins(data, size, "PK\3\4", 4) || begins(data, size, "PK\5\6", 4))
        s = zip_parse(&c, path, data, size, choice, d);
    else if (begins(data, size, "\x93NUMPY", 6))
        s = npy_parse(&c, path, data, size, d);
    else if (looks_like_torch(data, size))
        s = torch_refuse(path, data, size, d);
    else
        s = other_format(path, data, size, d);
    if (s == STATUS_OK)
        *out = c;
    else
        checkpoint_clear(&c);
    return s;
}

enum status checkpoint_parse(struct checkpoint *out, const char *path, const char *data, size_t size, struct diag *d)
{
    return checkpoint_parse_choice(out, path, data, size, NULL, d);
}

enum status checkpoint_read(struct checkpoint *out, const char *path, struct diag *d)
{
    char *data;
    size_t size;
    enum status s = file_read(&data, &size, path, CHECKPOINT_LIMIT, d);

    if (s != STATUS_OK)
        return s;
    s = checkpoint_parse(out, path, data, size, d);
    if (s == STATUS_OK)
        out->file = data;
    else
        free(data);
    return s;
}
