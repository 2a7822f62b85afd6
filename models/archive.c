#include "models/archive.h"

#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"

enum { MEMBERS_MAX = 100000 };
/* Deflate reaches 1032:1 on zeros; weights do not compress. Small members may. */
#define RATIO_MAX 100u
#define RATIO_FREE ((uint64_t)1 << 20)
#define UNPACKED_MAX ((uint64_t)8 << 30)

#define FAIL(a, ...) diag_fail((a)->d, STATUS_INPUT, "cannot read '%s': " __VA_ARGS__)

void archive_close(struct archive *a)
{
    if (a->zip)
        zip_discard(a->zip);
    names_clear(&a->members);
    free(a->local);
    *a = (struct archive){ 0 };
}

static enum status open_zip(struct archive *a)
{
    zip_error_t error;
    zip_source_t *source;
    enum status s = STATUS_OK;

    zip_error_init(&error);
    source = zip_source_buffer_create(a->data, a->size, 0, &error);
    if (source) {
        a->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
        if (!a->zip)
            zip_source_free(source);
    }
    if (!a->zip && zip_error_code_zip(&error) == ZIP_ER_MEMORY)
        s = STATUS_MEMORY;
    else if (!a->zip)
        s = FAIL(a, "broken zip archive: %s", a->path, zip_error_strerror(&error));
    zip_error_fini(&error);
    return s;
}

static enum status check_member(struct archive *a, size_t i, uint64_t *total)
{
    const zip_uint64_t need = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    zip_stat_t stat;
    bool old;

    if (zip_stat_index(a->zip, i, ZIP_FL_ENC_RAW, &stat) != 0 || (stat.valid & need) != need)
        return FAIL(a, "broken zip archive: member %zu has no description", a->path, i);
    if (!utf8_is_text(stat.name, strlen(stat.name)))
        return FAIL(a, "zip member %zu has a name that is not text", a->path, i);
    if (!names_add(&a->members, stat.name, strlen(stat.name), i, &old))
        return STATUS_MEMORY;
    if (old)
        return FAIL(a, "two zip members '%s'", a->path, stat.name);
    if (stat.encryption_method != ZIP_EM_NONE)
        return FAIL(a, "zip member '%s' is encrypted", a->path, stat.name);
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
        return FAIL(a, "zip member '%s' is compressed with method %u, stored and deflated are read", a->path, stat.name, (unsigned)stat.comp_method);
    if (stat.comp_method == ZIP_CM_STORE && stat.size != stat.comp_size)
        return FAIL(a, "zip member '%s' is stored, but with two sizes", a->path, stat.name);
    if ((stat.size > RATIO_FREE && stat.size / RATIO_MAX > stat.comp_size) || stat.size > UNPACKED_MAX || (*total += stat.size) > UNPACKED_MAX)
        return FAIL(a, "zip member '%s' would unpack from %llu to %llu bytes", a->path, stat.name, (unsigned long long)stat.comp_size, (unsigned long long)stat.size);
    return STATUS_OK;
}

/* ---- where a stored member's bytes are: libzip does not say ---- */

static uint64_t number_at(const struct archive *a, size_t at, size_t n)
{
    uint64_t v = 0;

    for (size_t i = n; i-- > 0;)
        v = v << 8 | (unsigned char)a->data[at + i];
    return v;
}

static bool signature_at(const struct archive *a, size_t at, const char *signature)
{
    return at <= a->size && a->size - at >= 4 && memcmp(a->data + at, signature, 4) == 0;
}

/* The 64-bit field of a zip64 extra, after as many others as were all ones. */
static bool zip64_field(const struct archive *a, size_t extra, size_t size, size_t skip, uint64_t *out)
{
    for (size_t at = extra; at + 4 <= extra + size;) {
        size_t n = (size_t)number_at(a, at + 2, 2);
        if (number_at(a, at, 2) == 1) {
            if (n < 8 * (skip + 1) || at + 4 + n > extra + size)
                return false;
            *out = number_at(a, at + 4 + 8 * skip, 8);
            return true;
        }
        at += 4 + n;
    }
    return false;
}

/* The offset of a member's own header by its directory entry at the given place; false if there is no such entry. */
static bool directory_entry(const struct archive *a, size_t at, long *member, size_t *out)
{
    const uint64_t full = 0xffffffffu;
    uint64_t offset;
    size_t n, extra;

    if (a->data[at] != 'P' || !signature_at(a, at, "PK\1\2") || a->size - at < 46)
        return false;
    n = (size_t)number_at(a, at + 28, 2);
    extra = (size_t)number_at(a, at + 30, 2);
    if (a->size - at - 46 < n + extra || (*member = names_find(&a->members, a->data + at + 46, n)) < 0)
        return false;
    offset = number_at(a, at + 42, 4);
    if (offset == full &&
        !zip64_field(a, at + 46 + n, extra, (size_t)(number_at(a, at + 24, 4) == full) + (size_t)(number_at(a, at + 20, 4) == full), &offset))
        return false;
    *out = (size_t)offset;
    return signature_at(a, *out, "PK\3\4") && a->size - *out >= 30;
}

/* One pass from the end, where the directory is, until every member has been seen. What it finds need not be trusted: archive_read compares
 * bytes. */
static enum status find_headers(struct archive *a)
{
    size_t missing = a->n;

    a->local = mem_array(a->n, sizeof *a->local);
    if (!a->local)
        return STATUS_MEMORY;
    for (size_t i = 0; i < a->n; i++)
        a->local[i] = SIZE_MAX;
    for (size_t at = a->size; at-- > 0 && missing > 0;) {
        long member;
        size_t offset;
        if (!directory_entry(a, at, &member, &offset) || a->local[member] != SIZE_MAX)
            continue;
        a->local[member] = offset;
        missing--;
    }
    return STATUS_OK;
}

enum status archive_open(struct archive *out, const char *path, const char *data, size_t size, struct diag *d)
{
    struct archive a = { .path = path, .data = data, .size = size, .d = d };
    uint64_t total = 0;
    zip_int64_t n;
    enum status s = open_zip(&a);

    if (s == STATUS_OK) {
        n = zip_get_num_entries(a.zip, 0);
        a.n = n < 0 ? 0 : (size_t)n;
        if (a.n > MEMBERS_MAX)
            s = diag_fail(d, STATUS_INPUT, "cannot read '%s': %zu zip members, the limit is %d", path, a.n, MEMBERS_MAX);
    }
    for (size_t i = 0; s == STATUS_OK && i < a.n; i++)
        s = check_member(&a, i, &total);
    if (s == STATUS_OK)
        s = find_headers(&a);
    if (s == STATUS_OK)
        *out = a;
    else
        archive_close(&a);
    return s;
}

long archive_find(const struct archive *a, const char *name) { return names_find(&a->members, name, strlen(name)); }

const char *archive_name(const struct archive *a, size_t member) { return zip_get_name(a->zip, member, ZIP_FL_ENC_RAW); }

static bool member_stat(const struct archive *a, size_t member, zip_stat_t *stat) { return zip_stat_index(a->zip, member, ZIP_FL_ENC_RAW, stat) == 0; }

size_t archive_size(const struct archive *a, size_t member)
{
    zip_stat_t stat;

    return member_stat(a, member, &stat) ? (size_t)stat.size : 0;
}

/* Where the size bytes of a stored member begin, or SIZE_MAX. */
static size_t stored_at(const struct archive *a, size_t member, size_t size)
{
    size_t at = a->local[member];

    if (at == SIZE_MAX)
        return SIZE_MAX;
    at += 30 + (size_t)number_at(a, at + 26, 2) + (size_t)number_at(a, at + 28, 2);
    return at <= a->size && a->size - at >= size ? at : SIZE_MAX;
}

static enum status unpack(char *out, size_t size, const struct archive *a, size_t member)
{
    zip_file_t *file = zip_fopen_index(a->zip, member, 0);
    zip_int64_t got = 0;
    size_t have = 0;
    char more;
    bool whole;

    if (!file)
        return FAIL(a, "zip member '%s': %s", a->path, archive_name(a, member), zip_strerror(a->zip));
    while (have < size && (got = zip_fread(file, out + have, size - have)) > 0)
        have += (size_t)got;
    /* the read beyond the end is the one that verifies the checksum */
    whole = have == size && zip_fread(file, &more, 1) == 0;
    (void)zip_fclose(file);
    return whole ? STATUS_OK : FAIL(a, "zip member '%s' is damaged: wrong size or checksum", a->path, archive_name(a, member));
}

/* Do the bytes of a stored member stand at the given place? The directory may name another place than the one that libzip reads. The checksum is
 * verified too, unless there is none: PyTorch can be told to write 0. */
static bool stands_at(const struct archive *a, size_t member, size_t at, size_t size, bool sum)
{
    char chunk[1 << 14];
    zip_file_t *file = zip_fopen_index(a->zip, member, 0);
    size_t have = 0;
    bool same = file != NULL;

    while (same && have < size) {
        zip_int64_t got = zip_fread(file, chunk, size - have < sizeof chunk ? size - have : sizeof chunk);
        same = got > 0 && memcmp(chunk, a->data + at + have, (size_t)got) == 0;
        have += got > 0 ? (size_t)got : 0;
    }
    same = same && (!sum || zip_fread(file, chunk, 1) == 0);
    if (file)
        (void)zip_fclose(file);
    return same;
}

enum status archive_read(const char **out, char **owned, size_t *offset, const struct archive *a, size_t member)
{
    zip_stat_t stat;
    size_t at;
    enum status s;

    *owned = NULL;
    if (!member_stat(a, member, &stat))
        return STATUS_INTERNAL;
    at = stat.comp_method == ZIP_CM_STORE ? stored_at(a, member, (size_t)stat.size) : SIZE_MAX;
    *offset = at != SIZE_MAX && stands_at(a, member, at, (size_t)stat.size, !(stat.valid & ZIP_STAT_CRC) || stat.crc != 0) ? at : SIZE_MAX;
    if (*offset != SIZE_MAX) {
        *out = a->data + at;
        return STATUS_OK;
    }
    if (!(*owned = mem_array((size_t)stat.size, 1)))
        return STATUS_MEMORY;
    *out = *owned;
    s = unpack(*owned, (size_t)stat.size, a, member);
    if (s != STATUS_OK) {
        free(*owned);
        *owned = NULL;
    }
    return s;
}
