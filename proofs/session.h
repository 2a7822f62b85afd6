/* session: every statement of a claim file judged in turn, with the folder that the networks and certificates need. */
#ifndef WEIGHTPROOF_PROOFS_SESSION_H
#define WEIGHTPROOF_PROOFS_SESSION_H
#include "proofs/judge.h"

struct session_options {
    struct judge judge;          /* engine, timeout, check_timeout, limits are read; the rest is set by the session. checker NULL: look for it */
    const char *bundle;          /* folder of the evidence bundle, or NULL: a temporary one */
    void (*starts)(void *context, const struct statement *s);                     /* both may be NULL */
    enum status (*decided)(void *context, const struct result *r, struct diag *messages);  /* another status than OK ends the session */
    void *context;
};
struct session { struct run_record record; char *checker, *temporary; };

/* Fills s->record: results, checker, bundle, seconds, interrupted. Afterwards what was decided is there, whatever the status. */
enum status session_run(struct session *s, const struct claims *c, const struct session_options *o, struct diag *d) MUST_USE;
/* Removes the temporary folder; record.options stays the caller's. */
void session_clear(struct session *s);
#endif
