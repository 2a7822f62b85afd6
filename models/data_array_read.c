/* data_array_read.c: data arrays from files of any format. Declared in models/data_array.h. */
#include "models/data_array.h"

#include <string.h>

#include "core/hash.h"
#include "core/mem.h"

enum { ARRAY_LIMIT_GIB = 4 };

enum status data_array_read(struct data_array *out, const char *path, const char *member, struct diag *d)
{
    char *data;
    size_t size;
    struct data_array a = { 0 };
    enum status s = file_read(&data, &size, path, (size_t)ARRAY_LIMIT_GIB << 30, d);

    if (s != STATUS_OK)
        return s;
    if (!data_array_is_text(data, size))
        s = diag_fail(d, STATUS_UNSUPPORTED, "cannot read this format yet: '%s' is no .arr file", path);
    else if (member)
        s = diag_fail(d, STATUS_INPUT, "cannot read '%s': a .arr file is one array and has no member '%s'", path, member);
    else
        s = data_array_parse(&a, path, data, size, d);
    if (s == STATUS_OK) {
        sha256_hex(a.file_sha256, data, size);
        *out = a;
    }
    free(data);
    return s;
}
