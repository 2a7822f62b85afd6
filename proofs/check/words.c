#include "words.h"
#include <string.h>

bool words_next(struct words *w, const char **s, size_t *n) {
    if (w->at >= w->end) return false;
    const char *space = memchr(w->at, ' ', (size_t)(w->end - w->at));
    *s = w->at;
    *n = (size_t)((space != NULL ? space : w->end) - w->at);
    w->at = space != NULL ? space + 1 : w->end;
    return *n > 0 && (space == NULL || w->at != w->end);
}

int model_named(const struct stmt *s, const char *name, size_t n) {
    for (int i = 0; i < s->n_models; i++)
        if (strlen(s->models[i].name) == n && memcmp(s->models[i].name, name, n) == 0) return i;
    return -1;
}

bool vector_read(const char *s, size_t size, mpq_t *out, size_t n) {
    if (n == 1 && s[size - 1] != ',') return false;
    return rationals_read(s, n == 1 ? size - 1 : size, ',', out, n);
}

int compare_bytes(const char *a, size_t na, const char *b, size_t nb) {
    int c = memcmp(a, b, na < nb ? na : nb);
    return c != 0 ? c : na < nb ? -1 : na > nb;
}
