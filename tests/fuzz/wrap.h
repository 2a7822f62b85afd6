/* A zip archive around pieces of the input, so that the fuzzer need not know checksums. */
#ifndef WEIGHTPROOF_FUZZ_WRAP_H
#define WEIGHTPROOF_FUZZ_WRAP_H
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <zip.h>

struct member { const char *name; const void *data; size_t size; };
/* The archive (malloc) and its size; NULL if the library would not. */
static inline char *wrap(const struct member *members, size_t n_members, bool deflate, size_t *size)
{
    zip_source_t *out = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = out ? zip_open_from_source(out, ZIP_TRUNCATE, NULL) : NULL;
    zip_int64_t n;
    char *bytes = NULL;

    if (!zip)
        return NULL;
    zip_source_keep(out);
    for (size_t i = 0; i < n_members; i++) {
        n = zip_file_add(zip, members[i].name, zip_source_buffer(zip, members[i].data, members[i].size, 0), 0);
        if (n >= 0)
            (void)zip_set_file_compression(zip, (zip_uint64_t)n, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 1);
    }
    if (zip_close(zip) == 0 && zip_source_open(out) == 0) {
        (void)zip_source_seek(out, 0, SEEK_END);
        n = zip_source_tell(out);
        (void)zip_source_seek(out, 0, SEEK_SET);
        bytes = malloc((size_t)n);
        *size = bytes ? (size_t)zip_source_read(out, bytes, (zip_uint64_t)n) : 0;
        (void)zip_source_close(out);
    }
    zip_source_free(out);
    return bytes;
}
#endif
