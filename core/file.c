/* Whole files in and out. Declared in core/text.h. */
#include "core/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

enum { NAMES_LOOKED_AT = 1000 };

char *path_beside(const char *base_file, const char *name)
{
    const char *slash = strrchr(base_file, '/');
    size_t n = slash && name[0] != '/' ? (size_t)(slash - base_file) + 1 : 0, m = strlen(name);
    char *path = mem_array(n + m + 1, 1);

    if (!path)
        return NULL;
    memcpy(path, base_file, n);
    memcpy(path + n, name, m);
    return path;
}

/* A file of the same folder whose name is close, or NULL. Caller frees. */
static char *nearest_file(const char *path)
{
    const char *slash = strrchr(path, '/'), *wrong = slash ? slash + 1 : path;
    char *folder = path_beside(path, ""), *best = NULL, *found;
    DIR *dir = folder ? opendir(folder[0] ? folder : ".") : NULL;
    struct dirent *entry;

    for (int i = 0; dir && i < NAMES_LOOKED_AT && (entry = readdir(dir)) != NULL; i++) {
        const char *pair[2] = { entry->d_name, best };
        if (entry->d_name[0] == '.' || text_suggest(wrong, pair, best ? 2 : 1) != entry->d_name)
            continue;
        free(best);
        best = mem_string(entry->d_name);
    }
    if (dir)
        (void)closedir(dir);
    found = best ? path_beside(path, best) : NULL;
    free(best);
    free(folder);
    return found;
}

static enum status read_failed(const char *path, int error, struct diag *d)
{
    struct diag_place nowhere = { .file = NULL };
    char *near = error == ENOENT ? nearest_file(path) : NULL;
    struct text help = { 0 };
    enum status s;

    if (near)
        text_addf(&help, "did you mean '%s'?", near);
    s = diag_at(d, STATUS_IO, nowhere, NULL, near && !help.failed ? help.data : NULL, "cannot read '%s': %s", path,
                error == ENOENT ? "there is no such file" : error == EISDIR ? "it is a folder" : strerror(error));
    text_clear(&help);
    free(near);
    return s;
}

static enum status read_all(struct text *out, int fd, const char *path, size_t limit, struct diag *d)
{
    enum { CHUNK = 1 << 16 };
    struct stat info;
    size_t want = CHUNK;

    if (fstat(fd, &info) != 0)
        return read_failed(path, errno, d);
    if (S_ISDIR(info.st_mode))
        return read_failed(path, EISDIR, d);
    if (S_ISREG(info.st_mode) && (uintmax_t)info.st_size > limit)
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': %jd bytes, the limit is %zu", path, (intmax_t)info.st_size, limit);
    if (S_ISREG(info.st_mode))
        want = (size_t)info.st_size + 1; /* one more, to see the end in the same read */
    for (;;) {
        char *p = mem_grow(out->data, &out->room, out->size + want + 1, 1);
        ssize_t got;
        if (!p)
            return STATUS_MEMORY;
        out->data = p;
        got = read(fd, out->data + out->size, out->room - out->size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return read_failed(path, errno, d);
        if (got == 0)
            break;
        out->size += (size_t)got;
        if (out->size > limit)
            return diag_fail(d, STATUS_INPUT, "cannot read '%s': more than the limit of %zu bytes", path, limit);
        want = out->room - out->size > 1 ? 0 : CHUNK;
    }
    out->data[out->size] = '\0';
    return STATUS_OK;
}

enum status file_read(char **data, size_t *size, const char *path, size_t limit, struct diag *d)
{
    struct text all = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum status s = fd < 0 ? read_failed(path, errno, d) : read_all(&all, fd, path, limit, d);

    if (fd >= 0)
        (void)close(fd);
    if (s != STATUS_OK) {
        text_clear(&all);
        return s;
    }
    *data = all.data;
    *size = all.size;
    return STATUS_OK;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* What is no ordinary file (a device, a pipe) cannot be written by rename: that would put a file in its place. */
static bool is_special(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static int write_through(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), error = fd < 0 ? errno : write_all(fd, data, size);

    if (fd >= 0 && close(fd) != 0 && !error)
        error = errno;
    return error;
}

/* Through a temporary file beside it and a rename: nothing is written half. */
static int write_by_rename(char *temporary, const char *path, const void *data, size_t size)
{
    mode_t mask = umask(0);
    int fd = mkstemp(temporary), error;

    (void)umask(mask);
    if (fd < 0)
        return errno;
    error = fchmod(fd, 0666 & ~mask) == 0 ? write_all(fd, data, size) : errno;
    if (close(fd) != 0 && !error)
        error = errno;
    if (!error && rename(temporary, path) != 0)
        error = errno;
    if (error)
        (void)unlink(temporary);
    return error;
}

enum status file_write(const char *path, const void *data, size_t size, struct diag *d)
{
    struct text temporary = { 0 };
    int error;

    text_addf(&temporary, "%s.XXXXXX", path);
    if (temporary.failed) {
        text_clear(&temporary);
        return STATUS_MEMORY;
    }
    error = is_special(path) ? write_through(path, data, size) : write_by_rename(temporary.data, path, data, size);
    text_clear(&temporary);
    return error ? diag_fail(d, STATUS_IO, "cannot write '%s': %s", path, strerror(error)) : STATUS_OK;
}
