#include "proofs/judge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/hash.h"
#include "core/mem.h"
#include "proofs/certificate.h"
#include "proofs/child.h"
#include "verify/verdict.h"
#include "proofs/session.h"

#define ENGINES_MAX 16
#if defined(__SANITIZE_ADDRESS__)
#define CHECKER_MEMORY ((size_t)0) /* the sanitizer reserves terabytes of address space */
#else
#define CHECKER_MEMORY ((size_t)4 << 30)
#endif

const struct engine *engine_find(const char *name) {
    for (size_t i = 0; i < n_engines; i++)
        if (strcmp(engine_list[i]->name, name) == 0) return engine_list[i];
    return NULL;
}

size_t judge_engines(const struct engine **out, size_t room, const struct statement *s, const char *only, struct text *why) {
    double costs[ENGINES_MAX];
    size_t n = 0;
    if (room > ENGINES_MAX) room = ENGINES_MAX;
    for (size_t i = 0; i < n_engines && n < room; i++) {
        const struct engine *e = engine_list[i];
        struct text no;
        if (only && strcmp(e->name, only) != 0) continue;
        text_init(&no);
        if (e->takes(s, &no)) {
            double cost = e->cost(s);
            size_t at = n++;
            for (; at > 0 && cost < costs[at - 1]; at--) {
                costs[at] = costs[at - 1];
                out[at] = out[at - 1];
            }
            costs[at] = cost;
            out[at] = e;
        } else if (why) {
            text_addf(why, "%s%s: %s", why->size ? "; " : "", e->name, no.data ? no.data : "does not take it");
        }
        text_clear(&no);
    }
    return n;
}

static void set_reason(struct result *r, const char *reason) {
    if (!reason) return;
    free(r->reason);
    r->reason = mem_string(reason);
}

/* name[a=3, b=4] for readers, name.a.3.b.4 for file names */
static void label(struct result *r) {
    const struct statement *s = r->statement;
    struct text shown, file;
    text_init(&shown);
    text_init(&file);
    text_add(&shown, s->name);
    text_add(&file, s->name);
    for (size_t i = 0; i < s->n_foreach; i++) {
        text_addf(&shown, "%s%s=", i ? ", " : "[", s->foreach[i].name);
        number_add_text(&shown, s->foreach[i].value);
        text_addf(&file, ".%s.", s->foreach[i].name);
        number_add_text(&file, s->foreach[i].value);
    }
    if (s->n_foreach) text_add(&shown, "]");
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
    set_reason(r, reason);
}

static void first_message(struct result *r, const struct diag *d, enum status s) {
    set_reason(r, d->n > 0 ? d->messages[0].text : status_name(s));
}

/* Passes messages on to the caller's diag. */
static void pass_on(struct diag *to, const struct diag *from, const char *name) {
    for (size_t i = 0; i < from->n; i++) {
        enum status s = diag_fail(to, STATUS_INPUT, "claim '%s': %s", name, from->messages[i].text);
        (void)s;
    }
}

static double smaller(double a, double b) { return a > 0 && (b <= 0 || a < b) ? a : b; }

/* One engine. True when nothing more is to be tried. */
static bool ask(struct result *r, const struct engine *e, const struct limits *l, struct diag *d) {
    struct diag own;
    diag_init(&own);
    outcome_clear(&r->outcome);
    outcome_init(&r->outcome);
    r->engine = e->name;
    enum status s = e->decide(&r->outcome, r->statement, l, &own);
    bool ended = true;
    set_reason(r, r->outcome.reason);
    if (s == STATUS_OK) {
        ended = r->outcome.proposal != PROPOSAL_NONE;
    } else if (s == STATUS_TIMEOUT) {
        set_reason(r, l->stop && *l->stop ? "interrupted" : "time is up");
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

static void prove(struct result *r, const struct judge *j, struct diag *d) {
    const struct engine *engines[ENGINES_MAX];
    const struct statement *s = r->statement;
    struct limits l = j->limits;
    struct text why;
    double start = clock_seconds(), timeout = smaller(s->timeout, j->timeout);
    text_init(&why);
    size_t n = judge_engines(engines, ENGINES_MAX, s, j->engine ? j->engine : s->engine, &why);
    l.deadline = timeout > 0 ? start + timeout : 0;
    if (n == 0) set_reason(r, why.data ? why.data : "no engine takes this claim");
    for (size_t i = 0; i < n && !ask(r, engines[i], &l, d); i++) continue;
    r->seconds_prove = clock_seconds() - start;
    text_clear(&why);
}

/* The words after `rejected FILE: `, or the first line on standard error, or NULL. */
static const char *rejection(const struct child *c) {
    const char *found = c->output.data ? strstr(c->output.data, "rejected ") : NULL;
    if (!found && c->errors.data) found = strstr(c->errors.data, "rejected ");
    if (!found) return c->errors.size > 0 ? c->errors.data : NULL;
    const char *colon = strstr(found, ": ");
    return colon ? colon + 2 : found;
}

/* Why the checker's end proves nothing. */
static void refusal(struct result *r, const struct child *c, double seconds) {
    const char *words = rejection(c);
    struct text t;
    text_init(&t);
    switch (c->end) {
    case CHILD_MISSING: text_add(&t, "the checker cannot be run"); break;
    case CHILD_SIGNALLED: text_addf(&t, "the checker was killed by signal %d (%s)", c->number, strsignal(c->number)); break;
    case CHILD_TIMED_OUT: text_addf(&t, "the checker did not end within %g s", seconds); break;
    case CHILD_INTERRUPTED: text_add(&t, "interrupted while checking"); break;
    case CHILD_TALKED_TOO_MUCH: text_add(&t, "the checker printed more than it should"); break;
    case CHILD_EXITED:
        text_addf(&t, "the checker did not accept the certificate (exit status %d)", c->number);
        if (words) text_addf(&t, ": %.*s", (int)strcspn(words, "\n"), words);
        break;
    }
    set_reason(r, t.data);
    text_clear(&t);
}

/* Runs the checker on the certificate at path and makes the verdict. */
static void check(struct result *r, const char *path, const char *word, const struct judge *j, struct diag *d) {
    const char *const argv[] = {j->checker, "--quiet", "--dir", j->directory, "--expect", word, path, NULL};
    const struct child_limits limits = {j->check_timeout, CHECKER_MEMORY, j->limits.stop};
    struct child c;
    double start = clock_seconds();
    enum status s = child_run(&c, argv, &limits, d);
    r->seconds_check = clock_seconds() - start;
    if (s != STATUS_OK) {
        r->status = s;
        set_reason(r, "the checker cannot be run");
    } else if (c.end != CHILD_EXITED || c.number != 0) {
        refusal(r, &c, j->check_timeout);
    } else {
        const struct acceptance a = {true, c.number, c.output.data, c.output.size};
        const struct claimed claimed = {word, r->statement->sha256, r->certificate_sha256};
        struct text why;
        text_init(&why);
        r->verdict = verdict_make(&a, &claimed, &why);
        if (r->verdict == VERDICT_UNDECIDED) set_reason(r, why.data);
        else r->acceptance = mem_string_n(c.output.data, c.output.size - 1);
        text_clear(&why);
    }
    if (r->verdict != VERDICT_UNDECIDED) {
        free(r->reason);
        r->reason = NULL;
        r->evidence = r->verdict == VERDICT_REFUTED && strcmp(r->outcome.rule, "point") == 0 ? EVIDENCE_REPLAYED : EVIDENCE_CHECKED;
    }
    child_clear(&c);
}

static void certify(struct result *r, const char *word, const struct judge *j, struct diag *d) {
    struct text certificate, path;
    text_init(&certificate);
    text_init(&path);
    text_addf(&path, "%s/%s.cert", j->directory, r->file_label ? r->file_label : "claim");
    enum status s = certificate_write(&certificate, r->statement, &r->outcome, d);
    if (s == STATUS_OK && path.failed) s = STATUS_MEMORY;
    if (s == STATUS_OK) s = file_write(path.data, certificate.data, certificate.size, d);
    if (s != STATUS_OK) {
        r->status = s;
        set_reason(r, "the certificate cannot be written");
        goto done;
    }
    sha256_hex(r->certificate_sha256, certificate.data, certificate.size);
    check(r, path.data, word, j, d);
    r->certificate = mem_string_n(certificate.data, certificate.size);
    if (j->keep && r->verdict != VERDICT_UNDECIDED) r->certificate_path = mem_string(path.data);
    else if (unlink(path.data) != 0 && r->verdict != VERDICT_UNDECIDED)
        r->status = diag_fail(d, STATUS_IO, "cannot remove '%s'", path.data);
done:
    text_clear(&certificate);
    text_clear(&path);
}

static const char *why_no_verdict(const struct statement *s, const struct outcome *o) {
    if (o->proposal != PROPOSAL_INTERVAL) return "no engine decides it";
    if (s->body == BODY_LIST) return "the list is not complete";
    if (s->prove) return "the certified interval does not settle the prove line";
    return s->has_within || s->body != BODY_COUNT ? "the certified interval is wider than asked" : "some cases are unsettled";
}

void judge_statement(struct result *r, const struct statement *s, const struct judge *j, struct diag *d) {
    begin(r, s);
    if (!r->label || !r->file_label) {
        r->status = STATUS_MEMORY;
        set_reason(r, status_name(STATUS_MEMORY));
        return;
    }
    if (s->undecidable || !s->text) {
        set_reason(r, s->undecidable ? s->undecidable : "a model could not be loaded");
        return;
    }
    prove(r, j, d);
    if (r->status != STATUS_OK) return;
    const char *word = certificate_verdict(s, &r->outcome);
    if (!word) {
        if (!r->reason) set_reason(r, why_no_verdict(s, &r->outcome));
        return;
    }
    if (!j->checker) {
        set_reason(r, "the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof");
        return;
    }
    certify(r, word, j, d);
}
