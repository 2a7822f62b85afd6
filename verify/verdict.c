#include "verify/verdict.h"
#include <string.h>

static const struct { const char *name; int exit_status; } table[] = {
#define X(code, name, exit_status) [code] = {name, exit_status},
    VERDICT_TABLE(X)
#undef X
};

int verdict_exit(enum verdict v) { return table[v].exit_status; }

bool verdict_from_name(enum verdict *out, const char *name) {
    for (size_t v = 0; v < sizeof table / sizeof table[0]; v++)
        if (strcmp(table[v].name, name) == 0) {
            *out = (enum verdict)v;
            return true;
        }
    return false;
}

static void say(struct text *why, const char *reason) {
    if (why) text_add(why, reason);
}

enum verdict verdict_make(const struct acceptance *a, const struct claimed *c, struct text *why) {
    enum verdict v = VERDICT_UNDECIDED;
    char line[256];
    if (!a->exited || a->exit_status != 0) {
        say(why, "the checker did not accept the certificate");
        return VERDICT_UNDECIDED;
    }
    if (!c->verdict || !verdict_from_name(&v, c->verdict) || v == VERDICT_UNDECIDED || v == VERDICT_ERROR) {
        say(why, "no verdict was proposed");
        return VERDICT_UNDECIDED;
    }
    int n = snprintf(line, sizeof line, "accepted %s %s %s\n", c->verdict, c->statement_sha256, c->certificate_sha256);
    if (n <= 0 || (size_t)n >= sizeof line || a->output_size != (size_t)n || memcmp(a->output, line, (size_t)n) != 0) {
        say(why, "the checker ended well but did not say that it accepted this verdict on this statement and certificate");
        return VERDICT_UNDECIDED;
    }
    return v;
}

enum verdict verdict_between(enum verdict holds, enum verdict fails, const mpq_t holds_at, const mpq_t fails_at, const mpq_t within) {
    mpq_t gap;
    mpq_init(gap);
    mpq_sub(gap, holds_at, fails_at);
    mpq_abs(gap, gap);
    bool good = holds == VERDICT_PROVED && fails == VERDICT_REFUTED && mpq_sgn(gap) > 0 && mpq_cmp(gap, within) <= 0;
    mpq_clear(gap);
    return good ? VERDICT_BOUNDED : VERDICT_UNDECIDED;
}

int exit_join(int so_far, int more) {
    static const int rank[] = {0, 2, 1, 3, 4}; /* of exit statuses 0..4: which one wins */
    if (so_far < 0 || so_far > 4) return so_far;
    if (more < 0 || more > 4) return more;
    return rank[more] > rank[so_far] ? more : so_far;
}
