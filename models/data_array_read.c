/* data_array_read.c: data arrays from files of any format. Declared in models/data_array.h. */
#include "models/data_array.h"

#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "models/npy.h"

enum { ARRAY_LIMIT_GIB = 4 };

static enum status read_text(struct data_array *out, const char *path, const char *member, const char *data, size_t size, struct diag *d)
{
    enum status s;

    if (member)
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': a .arr file is one array and has no member '%s'", path, member);
    s = data_array_parse(out, path, data, size, d);
    if (s == STATUS_OK)
        sha256_hex(out->file_sha256, data, size);
    return s;
}

static enum status check_shape(const struct array *a, const char *path, struct diag *d)
{
    if (a->rank < 1 || a->rank > ARRAY_MAX_RANK)
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': the array has %zu dimensions, a data array has one to three", path, a->rank);
    for (size_t i = 0; i < a->rank; i++)
        if (a->shape[i] == 0)
            return diag_fail(d, STATUS_INPUT, "cannot read '%s': the array is empty", path);
    return STATUS_OK;
}

/* The canonical text is written to know its hash. */
static enum status read_other(struct data_array *out, const char *path, const char *member, struct diag *d)
{
    struct array a;
    struct text t;
    enum status s = array_read(&a, out->file_sha256, path, member, d);

    if (s != STATUS_OK)
        return s;
    text_init(&t);
    s = check_shape(&a, path, d);
    if (s == STATUS_OK) {
        out->rank = a.rank;
        memcpy(out->shape, a.shape, sizeof out->shape);
        out->data = a.data;
        a.data = NULL;
        out->whole = data_array_whole(out->data, data_array_count(out));
        s = data_array_write(&t, out);
    }
    if (s == STATUS_OK)
        sha256_hex(out->sha256, t.data, t.size);
    array_clear(&a);
    text_clear(&t);
    return s;
}

enum status data_array_read(struct data_array *out, const char *path, const char *member, struct diag *d)
{
    char *data;
    size_t size;
    struct data_array a = { 0 };
    enum status s = file_read(&data, &size, path, (size_t)ARRAY_LIMIT_GIB << 30, d);

    if (s != STATUS_OK)
        return s;
    s = data_array_is_text(data, size) ? read_text(&a, path, member, data, size, d) : read_other(&a, path, member, d);
    free(data);
    if (s == STATUS_OK)
        *out = a;
    else
        data_array_clear(&a);
    return s;
}
