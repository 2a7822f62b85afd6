/* Where the independent checker stands. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/mem.h"
#include "core/text.h"
#include "proofs/judge.h"

#define PATH_ROOM 4096

char *checker_find(void) {
    static const char *const places[] = {"", "../libexec/weightproof/", "libexec/weightproof/"};
    char self[PATH_ROOM];
    char *found = NULL;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || n >= (ssize_t)sizeof self - 1) return NULL;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash) return NULL;
    slash[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0] && !found; i++) {
        struct text t;
        text_init(&t);
        text_addf(&t, "%s%sweightproof-check", self, places[i]);
        if (!t.failed && access(t.data, X_OK) == 0) found = mem_string(t.data);
        text_clear(&t);
    }
    return found;
}
