/* Strict reader of safetensors: eight bytes of header length, a JSON header, the data; every byte of the data belongs to exactly one
 * tensor. Stricter than the reference reader: also duplicate names are refused, which that one resolves in favour of the last. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/text.h"
#include "models/checkpoint.h"
#include "models/decode.h"

enum { HEADER_LIMIT = 100000000 };

struct file { const char *path, *data; size_t size; /* of the data part */ size_t start; /* of the data part */ struct diag *d; };

#define FAIL(f, ...) diag_fail((f)->d, STATUS_INPUT, "cannot read '%s': " __VA_ARGS__)

static const char *not_read_yet[] = { "F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64" };

static enum status read_dtype(struct file *f, struct tensor *t, const cJSON *value)
{
    const char *s = cJSON_GetStringValue(value);

    if (!s)
        return FAIL(f, "tensor '%s': dtype is not a string", f->path, t->name);
    if (dtype_find(&t->source.dtype, s, strlen(s)))
        return STATUS_OK;
    for (size_t i = 0; i < sizeof not_read_yet / sizeof *not_read_yet; i++)
        if (strcmp(s, not_read_yet[i]) == 0)
            return diag_fail(f->d, STATUS_UNSUPPORTED, "cannot read this format yet: '%s': tensor '%s' has dtype %s", f->path, t->name, s);
    return FAIL(f, "tensor '%s': '%s' is no dtype (F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL)", f->path, t->name, s);
}

static enum status read_shape(struct file *f, struct tensor *t, const cJSON *value)
{
    const cJSON *size;

    if (!cJSON_IsArray(value))
        return FAIL(f, "tensor '%s': shape is not an array", f->path, t->name);
    cJSON_ArrayForEach(size, value)
    {
        if (!cJSON_IsNumber(size))
            return FAIL(f, "tensor '%s': shape has an entry that is not an integer", f->path, t->name);
        if (t->rank == TENSOR_MAX_RANK)
            return FAIL(f, "tensor '%s': more than %d dimensions", f->path, t->name, TENSOR_MAX_RANK);
        t->shape[t->rank++] = (size_t)size->valuedouble;
    }
    return STATUS_OK;
}

/* Begin goes to source.offset, relative to the data for now; end is checked against the shape's size. */
static enum status read_offsets(struct file *f, struct tensor *t, const cJSON *value)
{
    const cJSON *first = cJSON_GetArrayItem(value, 0), *second = cJSON_GetArrayItem(value, 1);
    struct text shape = { 0 };
    size_t begin, end, count, bytes;
    enum status s = STATUS_OK;

    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != 2 || !cJSON_IsNumber(first) || !cJSON_IsNumber(second))
        return FAIL(f, "tensor '%s': data_offsets is not an array of two integers", f->path, t->name);
    begin = (size_t)first->valuedouble;
    end = (size_t)second->valuedouble;
    if (begin > end)
        return FAIL(f, "tensor '%s': data_offsets [%zu, %zu] end before they begin", f->path, t->name, begin, end);
    if (end > f->size)
        return FAIL(f, "tensor '%s': data_offsets [%zu, %zu] reach beyond the %zu bytes of data", f->path, t->name, begin, end, f->size);
    shape_add(&shape, t->shape, t->rank);
    if (shape.failed)
        s = STATUS_MEMORY;
    else if (!tensor_bytes(&count, &bytes, t))
        s = FAIL(f, "tensor '%s': shape %s overflows", f->path, t->name, shape.data);
    else if (bytes != end - begin)
        s = FAIL(f, "tensor '%s': shape %s of %s takes %zu bytes, data_offsets [%zu, %zu] hold %zu", f->path, t->name, shape.data,
                 dtype_name(t->source.dtype), bytes, begin, end, end - begin);
    text_clear(&shape);
    t->source.offset = begin;
    return s;
}

static enum status read_entry(struct file *f, struct tensor *t, const cJSON *entry)
{
    const cJSON *dtype = NULL, *shape = NULL, *offsets = NULL, *field;
    enum status s;

    t->name = mem_string(entry->string);
    if (!t->name)
        return STATUS_MEMORY;
    if (!cJSON_IsObject(entry))
        return FAIL(f, "tensor '%s' is not described by an object", f->path, t->name);
    cJSON_ArrayForEach(field, entry)
    {
        if (strcmp(field->string, "dtype") == 0)
            dtype = field;
        else if (strcmp(field->string, "shape") == 0)
            shape = field;
        else if (strcmp(field->string, "data_offsets") == 0)
            offsets = field;
        else
            return FAIL(f, "tensor '%s': unknown field '%s'", f->path, t->name, field->string);
    }
    if (!dtype || !shape || !offsets)
        return FAIL(f, "tensor '%s': field '%s' is missing", f->path, t->name, !dtype ? "dtype" : !shape ? "shape" : "data_offsets");
    if ((s = read_dtype(f, t, dtype)) != STATUS_OK || (s = read_shape(f, t, shape)) != STATUS_OK || (s = read_offsets(f, t, offsets)) != STATUS_OK)
        return s;
    tensor_set_contiguous(t);
    t->source.bound = true;
    return STATUS_OK;
}

static enum status read_metadata(struct file *f, struct checkpoint *c, const cJSON *metadata)
{
    const cJSON *entry;

    if (cJSON_IsNull(metadata))
        return STATUS_OK;
    if (!cJSON_IsObject(metadata))
        return FAIL(f, "__metadata__ is not an object of strings", f->path);
    cJSON_ArrayForEach(entry, metadata)
    {
        if (!cJSON_IsString(entry))
            return FAIL(f, "__metadata__: '%s' is not a string", f->path, entry->string);
        if (strcmp(entry->string, "config") == 0) {
            if (!(c->config = mem_string(entry->valuestring)))
                return STATUS_MEMORY;
        } else if (checkpoint_add_fact(c, entry->string, entry->valuestring) != STATUS_OK)
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

static enum status read_header(struct file *f, struct checkpoint *c, const cJSON *root)
{
    size_t room = 0;
    const cJSON *entry;

    if (!cJSON_IsObject(root))
        return FAIL(f, "the header is not an object", f->path);
    cJSON_ArrayForEach(entry, root)
    {
        struct tensor *grown;
        enum status s;
        if (strcmp(entry->string, "__metadata__") == 0) {
            if ((s = read_metadata(f, c, entry)) != STATUS_OK)
                return s;
            continue;
        }
        grown = mem_grow(c->tensors, &room, c->n + 1, sizeof *grown);
        if (!grown)
            return STATUS_MEMORY;
        c->tensors = grown;
        if ((s = read_entry(f, &grown[c->n++], entry)) != STATUS_OK)
            return s;
    }
    return c->n ? STATUS_OK : FAIL(f, "there are no tensors in it", f->path);
}

static size_t end_of(const struct tensor *t) { return t->source.offset + tensor_count(t) * dtype_size(t->source.dtype); }

static int by_offset(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    if (x->source.offset != y->source.offset)
        return x->source.offset < y->source.offset ? -1 : 1;
    if (end_of(x) != end_of(y))
        return end_of(x) < end_of(y) ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* In file order, every tensor begins where the one before ends, and the last ends with the file. */
static enum status check_layout(struct file *f, struct checkpoint *c)
{
    size_t at = 0;

    qsort(c->tensors, c->n, sizeof *c->tensors, by_offset);
    for (size_t i = 0; i < c->n; i++) {
        const struct tensor *t = &c->tensors[i];
        if (t->source.offset > at)
            return FAIL(f, "bytes %zu to %zu of the data belong to no tensor (before '%s')", f->path, at, t->source.offset, t->name);
        if (t->source.offset < at)
            return FAIL(f, "tensors '%s' and '%s' overlap at byte %zu of the data", f->path, c->tensors[i - 1].name, t->name, t->source.offset);
        at = end_of(t);
    }
    if (at < f->size)
        return FAIL(f, "the file goes on after the last tensor, by %zu bytes of data", f->path, f->size - at);
    return STATUS_OK;
}

static enum status read_data(struct file *f, struct checkpoint *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct tensor *t = &c->tensors[i];
        enum status s;
        t->source.offset += f->start;
        s = tensor_view(t, (const unsigned char *)f->data + t->source.offset, f->path, f->d);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

static enum status parse_header(struct file *f, cJSON **root, size_t n)
{
    struct json_fault fault;
    enum status s = json_check(f->data + 8, n, JSON_COUNTS, &fault);

    if (s == STATUS_INPUT)
        return FAIL(f, "header, offset %zu: %s", f->path, 8 + fault.offset, fault.what);
    if (s != STATUS_OK)
        return s;
    *root = cJSON_ParseWithLength(f->data + 8, n);
    return *root ? STATUS_OK : STATUS_MEMORY;
}

enum status safetensors_parse(struct checkpoint *out, const char *path, const char *data, size_t size, struct diag *d)
{
    struct file f = { .path = path, .data = data, .d = d };
    cJSON *root = NULL;
    uint64_t n = 0;
    enum status s;

    if (size < 8)
        return FAIL(&f, "%zu bytes, a safetensors file begins with 8 bytes of header length", path, size);
    for (int i = 8; i-- > 0;)
        n = n << 8 | (unsigned char)data[i];
    if (n > HEADER_LIMIT)
        return FAIL(&f, "a header of %llu bytes, the limit is %d", path, (unsigned long long)n, HEADER_LIMIT);
    if (n > size - 8)
        return FAIL(&f, "the header has %llu bytes by its length, the file only %zu after that", path, (unsigned long long)n, size - 8);
    f.start = 8 + (size_t)n;
    f.size = size - f.start;
    out->format = "safetensors";
    s = parse_header(&f, &root, (size_t)n);
    if (s == STATUS_OK)
        s = read_header(&f, out, root);
    if (s == STATUS_OK)
        s = check_layout(&f, out);
    if (s == STATUS_OK)
        s = read_data(&f, out);
    cJSON_Delete(root);
    return s;
}
