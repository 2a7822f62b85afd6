#include "proofs/certify.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/clock.h"
#include "core/hash.h"
#include "core/mem.h"
#include "proofs/certificate.h"
#include "core/child.h"
#include "verify/verdict.h"

#if defined(__SANITIZE_ADDRESS__)
#define CHECKER_MEMORY ((size_t)0) /* the sanitizer reserves terabytes of address space */
#else
#define CHECKER_MEMORY ((size_t)4 << 30)
#endif

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
    result_reason(r, t.data);
    text_clear(&t);
}

static void waiting(void *context, double seconds) {
    const struct limits *l = context;
    char text[40];
    snprintf(text, sizeof text, "%.0f s so far", seconds);
    l->progress(l->progress_context, "checking", -1, text);
}

/* Runs the checker on the certificate at path and makes the verdict. True when it ended by itself without accepting. */
static bool check(struct result *r, const char *path, const char *word, const struct judge *j, struct diag *d) {
    const char *const argv[] = {j->checker, "--quiet", "--dir", j->directory, "--expect", word, path, NULL};
    const struct child_limits limits = {j->check_timeout, CHECKER_MEMORY, j->limits.stop};
    struct child c;
    double start = clock_seconds();
    struct limits told = j->limits;
    enum status s = child_watched(&c, argv, &limits, told.progress ? &(struct child_watch){waiting, &told} : NULL, d);
    r->seconds_check += clock_seconds() - start;
    if (s != STATUS_OK) {
        r->status = s;
        result_reason(r, "the checker cannot be run");
    } else if (c.end != CHILD_EXITED || c.number != 0) {
        refusal(r, &c, j->check_timeout);
    } else {
        const struct acceptance a = {true, c.number, c.output.data, c.output.size};
        const struct claimed claimed = {word, r->statement->sha256, r->certificate_sha256};
        struct text why;
        text_init(&why);
        r->verdict = verdict_make(&a, &claimed, &why);
        if (r->verdict == VERDICT_UNDECIDED) result_reason(r, why.data);
        else r->acceptance = mem_string_n(c.output.data, c.output.size - 1);
        text_clear(&why);
    }
    if (r->verdict != VERDICT_UNDECIDED) {
        free(r->reason);
        r->reason = NULL;
        r->evidence = r->verdict == VERDICT_REFUTED && strcmp(r->outcome.rule, "point") == 0 ? EVIDENCE_REPLAYED : EVIDENCE_CHECKED;
    }
    bool rejected = s == STATUS_OK && c.end == CHILD_EXITED && r->verdict == VERDICT_UNDECIDED;
    child_clear(&c);
    return rejected;
}

bool certify(struct result *r, const char *word, const struct judge *j, struct diag *d) {
    struct text certificate, path;
    bool rejected = false;
    text_init(&certificate);
    text_init(&path);
    text_addf(&path, "%s/%s.cert", j->directory, r->file_label ? r->file_label : "claim");
    enum status s = certificate_write(&certificate, r->statement, &r->outcome, d);
    if (s == STATUS_OK && path.failed) s = STATUS_MEMORY;
    if (s == STATUS_OK) s = file_write(path.data, certificate.data, certificate.size, d);
    if (s != STATUS_OK) {
        r->status = s;
        result_reason(r, "the certificate cannot be written");
        goto done;
    }
    sha256_hex(r->certificate_sha256, certificate.data, certificate.size);
    rejected = check(r, path.data, word, j, d);
    free(r->certificate);
    r->certificate = mem_string_n(certificate.data, certificate.size);
    if (j->keep && r->verdict != VERDICT_UNDECIDED) r->certificate_path = mem_string(path.data);
    else if (unlink(path.data) != 0 && r->verdict != VERDICT_UNDECIDED)
        r->status = diag_fail(d, STATUS_IO, "cannot remove '%s'", path.data);
done:
    text_clear(&certificate);
    text_clear(&path);
    return rejected;
}
