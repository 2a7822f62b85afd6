#include "proofs/judge.h"
#include <stdlib.h>
#include <string.h>
#include "core/clock.h"
#include "core/mem.h"
#include "proofs/certificate.h"
#include "proofs/certify.h"
#include "proofs/open.h"

const struct engine *engine_find(const char *name) {
    for (size_t i = 0; i < n_engines; i++)
        if (strcmp(engine_list[i]->name, name) == 0) return engine_list[i];
    return NULL;
}

/* Does it take the statement? If not, why says so. */
static bool takes(const struct engine *e, const struct statement *s, struct text *why) {
    struct text no;
    text_init(&no);
    bool good = e->takes(s, &no);
    if (!good && why) text_addf(why, "%s%s: %s", why->size ? "; " : "", e->name, no.data ? no.data : "does not take it");
    text_clear(&no);
    return good;
}

/* In order of cost; with later, engines that are asked late are among them without being asked. */
static size_t in_order(const struct engine **out, size_t room, const struct statement *s, const char *only, struct text *why, bool later) {
    double costs[ENGINES_MAX];
    size_t n = 0;
    if (room > ENGINES_MAX) room = ENGINES_MAX;
    for (size_t i = 0; i < n_engines && n < room; i++) {
        const struct engine *e = engine_list[i];
        if ((only && strcmp(e->name, only) != 0) || (!(later && e->late) && !takes(e, s, why))) continue;
        double cost = e->cost(s);
        size_t at = n++;
        for (; at > 0 && cost < costs[at - 1]; at--) {
            costs[at] = costs[at - 1];
            out[at] = out[at - 1];
        }
        costs[at] = cost;
        out[at] = e;
    }
    return n;
}

size_t judge_engines(const struct engine **out, size_t room, const struct statement *s, const char *only, struct text *why) {
    return in_order(out, room, s, only, why, false);
}

/* name[a=3, b=4] for readers, name.a.3.b.4 for file names */
static void label(struct result *r) {
    const struct statement *s = r->statement;
    struct text shown, file;
    text_init(&shown);
    text_init(&file);
    statement_label(&shown, s);
    text_add(&file, s->name);
    for (size_t i = 0; i < s->n_foreach; i++) {
        text_addf(&file, ".%s.", s->foreach[i].name);
        number_add_text(&file, s->foreach[i].value);
    }
    if (!shown.failed) r->label = mem_string(shown.data);
    if (!file.failed) r->file_label = mem_string(file.data);
    for (char *p = r->file_label; p && *p; p++)
        if (*p == '/') *p = '_';
    text_clear(&shown);
    text_clear(&file);
}

static void begin(struct result *r, const struct statement *s) {
    memset(r, 0, sizeof *r);
    outcome_init(&r->outcome);
    r->statement = s;
    label(r);
}

void judge_skip(struct result *r, const struct statement *s, const char *reason) {
    begin(r, s);
    result_reason(r, reason);
}

static void first_message(struct result *r, const struct diag *d, enum status s) {
    struct text line;
    text_init(&line);
    if (d->n > 0) diag_line(&line, &d->messages[0]);
    result_reason(r, line.size && !line.failed ? line.data : status_name(s));
    text_clear(&line);
}

/* Passes messages on to the caller's diag. */
static void pass_on(struct diag *to, struct diag *from, const char *name) {
    struct text prefix;
    text_init(&prefix);
    text_addf(&prefix, "claim '%s': ", name);
    diag_move(to, from, prefix.failed ? "" : prefix.data);
    text_clear(&prefix);
}

/* One engine. True when nothing more is to be tried. */
static bool ask(struct result *r, const struct engine *e, const struct limits *l, struct diag *d) {
    struct diag own;
    diag_init(&own);
    outcome_clear(&r->outcome);
    outcome_init(&r->outcome);
    r->engine = e->name;
    enum status s = e->decide(&r->outcome, r->statement, l, &own);
    bool ended = true;
    result_reason(r, r->outcome.reason);
    if (s == STATUS_OK) {
        ended = r->outcome.proposal != PROPOSAL_NONE;
    } else if (s == STATUS_TIMEOUT) {
        result_reason(r, l->stop && *l->stop ? "interrupted" : r->outcome.reason ? r->outcome.reason : "time is up");
    } else if (s == STATUS_UNSUPPORTED) {
        first_message(r, &own, s);
        ended = false;
    } else {
        r->status = s;
        first_message(r, &own, s);
        if (s == STATUS_INPUT) r->verdict = VERDICT_ERROR;
        pass_on(d, &own, r->statement->name);
        r->outcome.proposal = PROPOSAL_NONE;
    }
    diag_clear(&own);
    return ended;
}

static const char *why_no_verdict(const struct statement *s, const struct outcome *o) {
    if (o->proposal != PROPOSAL_INTERVAL) return "no engine decides it";
    if (s->body == BODY_LIST) return "the list is not complete";
    if (s->prove) return "the certified interval does not settle the prove line";
    if (!s->has_within && s->body == BODY_COUNT) return "some cases are unsettled";
    return s->semantics == SEMANTICS_FLOAT32 ? "the certified interval is wider than asked: the executions of float32 differ by more; ask for a wider `within`"
                                             : "the certified interval is wider than asked";
}

double judge_seconds(const struct judge *j, const struct statement *s) { return s->timeout > 0 && (j->timeout <= 0 || s->timeout < j->timeout) ? s->timeout : j->timeout; }

bool judge_time_left(struct limits *l, const struct result *r, const struct judge *j) {
    double timeout = judge_seconds(j, r->statement);
    l->deadline = timeout > 0 ? clock_seconds() + timeout - r->seconds_prove : 0;
    return !(timeout > 0 && r->seconds_prove >= timeout) && !(l->stop && *l->stop);
}

/* The published interval is as wide as `within` allows: what the checker needs beside it is in no certificate for this claim. */
static void advise_within(struct result *r) {
    struct text t;
    text_init(&t);
    text_addf(&t, "%s; the checker's enclosures of float32 executions are wider than `within` allows: ask for a wider `within`", r->reason ? r->reason : "");
    if (!t.failed) result_reason(r, t.data);
    text_clear(&t);
}

/* One engine and, if it proposes a verdict, the checker. True when nothing more is to be tried. */
static bool attempt(struct result *r, const struct engine *e, const struct judge *j, struct diag *d) {
    struct limits l = j->limits;
    if (!judge_time_left(&l, r, j)) return true;
    double start = clock_seconds();
    bool ended = ask(r, e, &l, d);
    r->seconds_prove += clock_seconds() - start;
    const char *word = r->status == STATUS_OK ? certificate_verdict(r->statement, &r->outcome) : NULL;
    if (!word) {
        if (!r->reason) result_reason(r, why_no_verdict(r->statement, &r->outcome));
        return ended;
    }
    if (!j->checker) {
        result_reason(r, "the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof");
        return true;
    }
    bool refused = certify(r, word, j, d), value = r->statement->body == BODY_MINIMIZE || r->statement->body == BODY_MAXIMIZE || r->statement->body == BODY_AVERAGE;
    if (refused && value && r->statement->semantics == SEMANTICS_FLOAT32) advise_within(r);
    return !refused;
}

void judge_statement(struct result *r, const struct statement *s, const struct judge *j, struct diag *d) {
    const struct engine *engines[ENGINES_MAX];
    struct text why;
    begin(r, s);
    if (!r->label || !r->file_label) {
        r->status = STATUS_MEMORY;
        result_reason(r, status_name(STATUS_MEMORY));
        return;
    }
    if (s->open && !s->undecidable) {
        if (s->open->constant) judge_constant(r, j, d);
        else judge_conditions(r, j, d);
        return;
    }
    if (s->undecidable || !s->text) {
        result_reason(r, s->undecidable ? s->undecidable : "a model could not be loaded");
        return;
    }
    text_init(&why);
    size_t n = in_order(engines, ENGINES_MAX, s, j->engine ? j->engine : s->engine, &why, true), tried = 0;
    struct text refused;
    text_init(&refused);
    bool ended = false;
    for (size_t i = 0; i < n && !ended; i++) {
        if (engines[i]->late && !takes(engines[i], s, &why)) continue;
        free(r->certificate);
        r->certificate = NULL;
        tried++;
        ended = attempt(r, engines[i], j, d);
        if (!ended && r->certificate) text_addf(&refused, "%s%s: %s", refused.size ? "; " : "", engines[i]->name, r->reason);
        if (r->reason) text_addf(&why, "%s%s: %s", why.size ? "; " : "", engines[i]->name, r->reason);
    }
    if (tried == 0) result_reason(r, why.data ? why.data : "no engine takes this claim");
    if (tried > 1 && r->verdict == VERDICT_UNDECIDED) result_reason(r, why.data);
    if (refused.size && !refused.failed && r->verdict != VERDICT_UNDECIDED) r->refused = mem_string(refused.data);
    text_clear(&refused);
    text_clear(&why);
}
