#include "claims.h"
#include <string.h>

bool claims_option(struct named_option *list, int *n, const char *text) {
    const char *equal = text != NULL ? strchr(text, '=') : NULL;
    if (equal == NULL || equal == text || *n == OPTIONS_MOST) return false;
    list[(*n)++] = (struct named_option){text, (size_t)(equal - text), equal + 1};
    return true;
}

bool claims_match(const struct claims_query *q, const struct stmt *s, const char *text, bool *readable, struct fail *f) {
    (void)q;
    (void)s;
    (void)text;
    *readable = true;
    return fail_at(f, 0, "the claim file was not compared");
}
