#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/mem.h"
#include "proofs/bundle.h"

enum status folder_make(const char *path, struct diag *d) {
    struct stat st;
    char *copy = mem_string(path);
    if (!copy) return STATUS_MEMORY;
    enum status s = STATUS_OK;
    for (char *p = copy + 1; *copy && *p && s == STATUS_OK; p++) {
        if (*p != '/') continue;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) s = diag_fail(d, STATUS_IO, "cannot make folder '%s': %s", copy, strerror(errno));
        *p = '/';
    }
    free(copy);
    if (s != STATUS_OK) return s;
    if (mkdir(path, 0777) == 0) return STATUS_OK;
    if (errno != EEXIST) return diag_fail(d, STATUS_IO, "cannot make folder '%s': %s", path, strerror(errno));
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return diag_fail(d, STATUS_IO, "cannot make folder '%s': a file of that name exists", path);
    return STATUS_OK;
}

enum status folder_temporary(char **out, struct diag *d) {
    const char *base = getenv("TMPDIR");
    struct text t;
    enum status s = STATUS_OK;
    text_init(&t);
    text_addf(&t, "%s/weightproof-XXXXXX", base && base[0] ? base : "/tmp");
    char *path = t.failed ? NULL : mem_string(t.data);
    text_clear(&t);
    if (!path) return STATUS_MEMORY;
    if (!mkdtemp(path)) {
        s = diag_fail(d, STATUS_IO, "cannot make folder '%s': %s", path, strerror(errno));
        free(path);
        return s;
    }
    *out = path;
    return STATUS_OK;
}

enum status output_check(const char *path, struct diag *d) {
    struct stat st;
    struct text t;
    enum status s = STATUS_OK;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return diag_fail(d, STATUS_IO, "cannot write '%s': it is a folder", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* a device, a pipe: written as it is */
        return access(path, W_OK) == 0 ? STATUS_OK : diag_fail(d, STATUS_IO, "cannot write '%s': %s", path, strerror(errno));
    text_init(&t);
    text_addf(&t, "%s.XXXXXX", path);
    if (t.failed) {
        text_clear(&t);
        return STATUS_MEMORY;
    }
    int fd = mkstemp(t.data);
    if (fd < 0) s = diag_fail(d, STATUS_IO, "cannot write '%s': %s", path, strerror(errno));
    else if (close(fd) != 0 || unlink(t.data) != 0) s = diag_fail(d, STATUS_IO, "cannot write '%s': %s", path, strerror(errno));
    text_clear(&t);
    return s;
}

void folder_remove(const char *path) {
    DIR *dir = opendir(path);
    if (!dir) return;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (unlinkat(dirfd(dir), e->d_name, 0) != 0) break;
    }
    closedir(dir);
    if (rmdir(path) != 0) return;
}
