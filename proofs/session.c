#include "proofs/session.h"
#include <stdlib.h>
#include <string.h>
#include "core/clock.h"
#include "core/mem.h"
#include "proofs/bundle.h"
#include "proofs/impact_shown.h"

static enum status folder_open(struct session *s, struct judge *j, const struct session_options *o, struct diag *d) {
    enum status status = o->bundle ? bundle_open(o->bundle, d) : folder_temporary(&s->temporary, d);
    if (status != STATUS_OK) return status;
    s->record.bundle = o->bundle;
    j->directory = o->bundle ? o->bundle : s->temporary;
    j->keep = o->bundle != NULL;
    s->checker = j->checker ? mem_string(j->checker) : checker_find();
    s->record.checker = j->checker = s->checker;
    return bundle_nets(j->directory, s->record.claims, d);
}

/* What is left of the time to prove goes to a look at what interventions change. */
static void look_at_changes(struct result *r, const struct judge *j) {
    struct limits l = j->limits;
    if (judge_time_left(&l, r, j)) result_impacts(r, &l);
}

static enum status judge_all(struct session *s, const struct judge *j, const struct session_options *o) {
    const struct claims *c = s->record.claims;
    enum status status = STATUS_OK;
    s->record.results = mem_array(c->n_statements, sizeof *s->record.results);
    if (!s->record.results) return STATUS_MEMORY;
    for (size_t i = 0; i < c->n_statements && status == STATUS_OK; i++) {
        struct result *r = &s->record.results[i];
        struct diag own;
        diag_init(&own);
        if (o->starts) o->starts(o->context, &c->statements[i]);
        if (j->limits.stop && *j->limits.stop) {
            judge_skip(r, &c->statements[i], "interrupted before it began");
            s->record.interrupted = true;
        } else {
            judge_statement(r, &c->statements[i], j, &own);
            if (r->status != STATUS_MEMORY) look_at_changes(r, j);
        }
        s->record.n = i + 1;
        if (o->decided) status = o->decided(o->context, r, &own);
        diag_clear(&own);
    }
    if (j->limits.stop && *j->limits.stop) s->record.interrupted = true;
    return status;
}

enum status session_run(struct session *s, const struct claims *c, const struct session_options *o, struct diag *d) {
    struct judge j = o->judge;
    double start = clock_seconds();
    s->record.claims = c;
    enum status status = folder_open(s, &j, o, d);
    if (status == STATUS_OK) status = judge_all(s, &j, o);
    s->record.seconds = clock_seconds() - start;
    return status;
}

void session_clear(struct session *s) {
    for (size_t i = 0; i < s->record.n; i++) result_clear(&s->record.results[i]);
    free(s->record.results);
    if (s->temporary) folder_remove(s->temporary);
    free(s->temporary);
    free(s->checker);
    memset(s, 0, sizeof *s);
}
