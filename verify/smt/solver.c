/* solver.c: the program of Z3 as a child process, with limits of time, memory and resources. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/child.h"
#include "core/clock.h"
#include "core/mem.h"
#include "verify/smt/solver.h"

#define MEGABYTES "2000"
#define RESOURCES 400000000UL   /* of Z3's own counter, unless limits say another number: the same work on every machine */
#define SECONDS_MOST 600.0

/* Before 4.13 Z3 says unsat of satisfiable products (NRA). */
#define OLDEST_MAJOR 4
#define OLDEST_MINOR 13

static char *on_path(void)
{
    const char *given = getenv("WEIGHTPROOF_Z3"), *path = getenv("PATH");
    if (given && *given) return mem_string(given);
    while (path && *path) {
        size_t n = strcspn(path, ":");
        struct text t;
        text_init(&t);
        text_add_n(&t, path, n);
        text_add(&t, "/z3");
        if (n > 0 && !t.failed && access(t.data, X_OK) == 0) return t.data;
        text_clear(&t);
        path += n + (path[n] == ':');
    }
    return NULL;
}

static struct { bool asked; char *program, version[32], why[200]; } known;

static void find(void)
{
    struct child c;
    struct diag d;
    int major = 0, minor = 0, patch = 0;
    known.asked = true;
    known.program = on_path();
    if (!known.program) {
        (void)snprintf(known.why, sizeof known.why, "there is no Z3: neither WEIGHTPROOF_Z3 nor z3 on the PATH (pip install z3-solver)");
        return;
    }
    diag_init(&d);
    enum status s = child_run(&c, (const char *const[]){known.program, "--version", NULL}, &(struct child_limits){10, 0, NULL}, &d);
    const char *at = s == STATUS_OK && c.end == CHILD_EXITED && c.output.data ? strstr(c.output.data, "version ") : NULL;
    if (!at || sscanf(at, "version %d.%d.%d", &major, &minor, &patch) != 3) (void)snprintf(known.why, sizeof known.why, "'%.100s' does not say which Z3 it is: WEIGHTPROOF_Z3 names its program", known.program);
    else if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR))
        (void)snprintf(known.why, sizeof known.why, "Z3 %d.%d.%d is too old: before 4.13 it says unsat of some queries that have a solution (pip install z3-solver, or WEIGHTPROOF_Z3 names another)", major, minor, patch);
    else (void)snprintf(known.version, sizeof known.version, "%d.%d.%d", major, minor, patch);
    child_clear(&c);
    diag_clear(&d);
}

const char *solver_version(struct text *why)
{
    if (!known.asked) find();
    if (known.version[0]) return known.version;
    if (why) text_add(why, known.why);
    return NULL;
}

static double seconds_left(const struct limits *l)
{
    if (!l || !(l->deadline > 0)) return SECONDS_MOST;
    double left = l->deadline - clock_seconds();
    return left < SECONDS_MOST ? left : SECONDS_MOST;
}

static enum status store(char *path, const char *document, struct diag *d)
{
    size_t n = strlen(document), at = 0;
    int fd = mkstemp(path);
    if (fd < 0) return diag_fail(d, STATUS_IO, "cannot write a document for Z3 to '%s'", path);
    while (at < n) {
        ssize_t w = write(fd, document + at, n - at);
        if (w <= 0) break;
        at += (size_t)w;
    }
    if (close(fd) != 0 || at < n) {
        (void)unlink(path);
        return diag_fail(d, STATUS_IO, "cannot write a document for Z3 to '%s'", path);
    }
    return STATUS_OK;
}

/* (:reason-unknown "max. resource limit exceeded"), or the line. */
static char *reason_of(const char *s)
{
    const char *at = strstr(s, ":reason-unknown"), *begin = at ? strchr(at, '"') : NULL;
    size_t n = begin ? strcspn(begin + 1, "\"\n") : 0;
    bool limit = n > 0 && (strncmp(begin + 1, "canceled\"", 9) == 0 || strncmp(begin + 1, "max. resource limit", 19) == 0);
    if (limit) return mem_string("it took as many steps as it may (--resources raises the limit): max. resource limit exceeded");
    if (n > 0) return mem_string_n(begin + 1, n);
    return mem_string_n(at ? at : s, strcspn(at ? at : s, "\n"));
}

static char *line_copy(const char *s) { return mem_string_n(s, strcspn(s, "\n")); }

static void read_answer(struct solver_answer *out, const struct child *c)
{
    const char *s = c->output.data ? c->output.data : "";
    if (c->end == CHILD_SIGNALLED) out->reason = mem_string("it was killed by a signal");
    else if (c->end != CHILD_EXITED) out->reason = mem_string(c->end == CHILD_TALKED_TOO_MUCH ? "it printed too much" : "it did not end in time");
    else if (strncmp(s, "unknown\n", 8) == 0) out->reason = reason_of(s);
    else if (strstr(s, "(error") && strncmp(s, "sat\n", 4) != 0 && strncmp(s, "unsat\n", 6) != 0) out->reason = line_copy(strstr(s, "(error"));
    else if (strncmp(s, "sat\n", 4) == 0) out->word = SOLVER_SAT, out->values = mem_string(s + 4);
    else if (strncmp(s, "unsat\n", 6) == 0) out->word = SOLVER_UNSAT;
    else out->reason = line_copy(s);
}

enum status solver_ask(struct solver_answer *out, const char *document, const struct limits *l, struct diag *d)
{
    const char *folder = getenv("TMPDIR");
    struct text path, time, seed, steps;
    struct child c = {0};
    *out = (struct solver_answer){0};
    double seconds = seconds_left(l);
    if (!(seconds > 0)) return STATUS_TIMEOUT;
    text_init(&path), text_init(&time), text_init(&seed), text_init(&steps);
    text_addf(&path, "%s/weightproof-XXXXXX", folder && *folder ? folder : "/tmp");
    text_addf(&time, "-T:%d", (int)seconds + 1);
    text_addf(&seed, "smt.random_seed=%lu", l ? l->seed % 1000000 : 0);
    text_addf(&steps, "rlimit=%lu", l && l->resources ? l->resources : RESOURCES);
    enum status s = path.failed || time.failed || seed.failed || steps.failed ? STATUS_MEMORY : store(path.data, document, d);
    if (s == STATUS_OK) {
        const char *const argv[] = {known.program, "-smt2", time.data, "-memory:" MEGABYTES, steps.data, seed.data, path.data, NULL};
        s = child_run(&c, argv, &(struct child_limits){seconds + 2, 0, l ? l->stop : NULL}, d);
        if (s == STATUS_OK && c.end == CHILD_INTERRUPTED) s = STATUS_TIMEOUT;
        if (s == STATUS_OK) read_answer(out, &c);
        child_clear(&c);
        (void)unlink(path.data);
    }
    text_clear(&path), text_clear(&time), text_clear(&seed), text_clear(&steps);
    return s;
}

void solver_answer_clear(struct solver_answer *a)
{
    free(a->values);
    free(a->reason);
    *a = (struct solver_answer){0};
}
