/* archive: a zip file in memory, its members checked before any is unpacked: plain names without duplicates, stored or deflated, not
 * encrypted, sizes within limits. */
#ifndef WEIGHTPROOF_MODELS_ARCHIVE_H
#define WEIGHTPROOF_MODELS_ARCHIVE_H
#include <zip.h>
#include "core/names.h"
#include "models/tensor.h"

struct archive { zip_t *zip; struct names members; size_t n; size_t *local; /* offset of every member's own header, SIZE_MAX: not found */ const char *path, *data; size_t size; struct diag *d; };
/* data must outlive the archive. path is for messages. */
enum status archive_open(struct archive *out, const char *path, const char *data, size_t size, struct diag *d) MUST_USE;
void archive_close(struct archive *a);
/* Number of the member, or -1. */
long archive_find(const struct archive *a, const char *name);
const char *archive_name(const struct archive *a, size_t member);
size_t archive_size(const struct archive *a, size_t member);
/* A member's bytes, the checksum verified if there is one. A stored one is read where it stands: *offset in the archive's data, *owned NULL. Another is
 * unpacked: *offset SIZE_MAX, *owned the same as *out (malloc, also where reading fails NULL). */
enum status archive_read(const char **out, char **owned, size_t *offset, const struct archive *a, size_t member) MUST_USE;
#endif
