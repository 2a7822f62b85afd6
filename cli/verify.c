/* verify: decide every claim, check every certificate, print the verdicts. */
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "cli/claims.h"
#include "cli/lines.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "core/mem.h"
#include "proofs/bundle.h"
#include "proofs/failures.h"
#include "proofs/html_report.h"
#include "proofs/json.h"
#include "proofs/judge.h"

static volatile sig_atomic_t interrupted;
static volatile int stop;

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
    stop = 1;
}

/* The first Ctrl-C ends the proving, the second one the program. */
static void catch_signals(void) {
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct session {
    const struct arguments *a;
    struct claims claims; bool read;
    struct judge judge;
    struct run_record record;
    struct progress progress;
    char *checker, *temporary;
    bool to_stdout;               /* the JSON goes there, the lines do not */
};

static enum status options_read(struct session *v, struct diag *d) {
    const struct arguments *a = v->a;
    unsigned long threads = (unsigned long)omp_get_num_procs(), seed = 0;
    const char *json = argument_value(a, OPTION_JSON);
    v->judge.check_timeout = 3600;
    v->judge.engine = argument_value(a, OPTION_ENGINE);
    v->record.expect = argument_given(a, OPTION_EXPECT);
    v->to_stdout = json && json[0] == '-' && json[1] == '\0';
    enum status s = argument_number(&v->judge.timeout, a, OPTION_TIMEOUT, 0.001, 1e9, d);
    if (s == STATUS_OK) s = argument_number(&v->judge.check_timeout, a, OPTION_CHECK_TIMEOUT, 0.001, 1e9, d);
    if (s == STATUS_OK) s = argument_count(&threads, a, OPTION_THREADS, 1, 1024, d);
    if (s == STATUS_OK) s = argument_count(&seed, a, OPTION_SEED, 0, 0xffffffffUL, d);
    if (s != STATUS_OK) return s;
    if (v->judge.engine && !engine_find(v->judge.engine)) {
        const char *names[16];
        for (size_t i = 0; i < n_engines && i < 16; i++) names[i] = engine_list[i]->name;
        const char *near = text_suggest(v->judge.engine, names, n_engines);
        return diag_fail(d, STATUS_INPUT, "unknown engine '%s'%s%s%s", v->judge.engine, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    v->judge.limits.threads = (int)threads;
    v->judge.limits.seed = seed;
    v->judge.limits.stop = &stop;
    v->judge.limits.progress = progress_report;
    v->judge.limits.progress_context = &v->progress;
    return STATUS_OK;
}

/* Every option that was given, for the JSON and the report. */
static enum status options_record(struct session *v) {
    size_t n = 0;
    for (size_t o = 0; o < OPTION_COUNT; o++) n += v->a->n_values[o];
    v->record.options = mem_array(n, sizeof *v->record.options);
    if (!v->record.options) return STATUS_MEMORY;
    for (size_t o = 0; o < OPTION_COUNT; o++)
        for (size_t i = 0; i < v->a->n_values[o]; i++)
            v->record.options[v->record.n_options++] = (struct run_option){option_table[o].name, v->a->values[o][i]};
    return STATUS_OK;
}

static enum status folder_open(struct session *v, struct diag *d) {
    const char *bundle = argument_value(v->a, OPTION_CERTIFICATES);
    enum status s = bundle ? folder_make(bundle, d) : folder_temporary(&v->temporary, d);
    if (s != STATUS_OK) return s;
    v->record.bundle = bundle;
    v->judge.directory = bundle ? bundle : v->temporary;
    v->judge.keep = bundle != NULL;
    v->checker = checker_find();
    v->record.checker = v->judge.checker = v->checker;
    return bundle_nets(v->judge.directory, &v->claims, d);
}

static enum status say(struct session *v, const struct text *t, struct diag *d) {
    if (t->failed) return STATUS_MEMORY;
    progress_clear(&v->progress);
    return v->to_stdout ? STATUS_OK : command_write(NULL, t->data, t->size, d);
}

static enum status decide(struct session *v, struct diag *d) {
    size_t n = v->claims.n_statements;
    enum status s = STATUS_OK;
    v->record.results = mem_array(n, sizeof *v->record.results);
    if (!v->record.results) return STATUS_MEMORY;
    for (size_t i = 0; i < n && s == STATUS_OK; i++) {
        struct result *r = &v->record.results[i];
        const struct statement *st = &v->claims.statements[i];
        struct text line;
        struct diag own;
        text_init(&line);
        diag_init(&own);
        progress_claim(&v->progress, st->name);
        if (interrupted) judge_skip(r, st, "interrupted before it began");
        else judge_statement(r, st, &v->judge, &own);
        v->record.n = i + 1;
        if (!argument_given(v->a, OPTION_QUIET)) {
            line_result(&line, r, v->record.expect);
            s = say(v, &line, d);
        }
        diag_print(&own, stderr);
        diag_clear(&own);
        text_clear(&line);
    }
    v->record.interrupted = interrupted != 0;
    return s;
}

static enum status write_out(struct session *v, struct diag *d) {
    const char *json = argument_value(v->a, OPTION_JSON), *failures = argument_value(v->a, OPTION_FAILURES);
    const char *report = argument_value(v->a, OPTION_REPORT);
    struct text t;
    enum status s = STATUS_OK;
    text_init(&t);
    if (v->record.bundle) s = bundle_finish(v->record.bundle, &v->record, d);
    if (s == STATUS_OK && failures) s = folder_make(failures, d);
    if (s == STATUS_OK && failures) s = failures_write(failures, &v->record, &v->judge.limits, d);
    if (s == STATUS_OK && json) {
        s = json_write(&t, &v->record);
        if (s == STATUS_OK) s = command_write(json, t.data, t.size, d);
    }
    if (s == STATUS_OK && report) s = html_report_write(&v->record, report, d);
    text_clear(&t);
    return s;
}

static enum status plan(struct session *v, struct diag *d) {
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < v->claims.n_statements; i++) plan_add(&t, &v->claims.statements[i], v->judge.engine);
    enum status s = t.failed ? STATUS_MEMORY : command_write(NULL, t.data, t.size, d);
    text_clear(&t);
    return s;
}

static enum status verify_all(struct session *v, struct diag *d) {
    struct text line;
    double start = now();
    enum status s = options_read(v, d);
    if (s == STATUS_OK) s = options_record(v);
    if (s == STATUS_OK) s = command_claims(&v->claims, v->a, d);
    if (s != STATUS_OK) return s;
    v->read = true;
    v->record.claims = &v->claims;
    if (argument_given(v->a, OPTION_PLAN)) return plan(v, d);
    s = folder_open(v, d);
    if (s != STATUS_OK) return s;
    catch_signals();
    s = decide(v, d);
    v->record.seconds = now() - start;
    if (s != STATUS_OK) return s;
    text_init(&line);
    line_summary(&line, &v->record);
    s = say(v, &line, d);
    text_clear(&line);
    return s == STATUS_OK ? write_out(v, d) : s;
}

int command_verify(const struct arguments *a) {
    struct session v = {.a = a};
    struct diag d;
    diag_init(&d);
    progress_init(&v.progress, argument_given(a, OPTION_QUIET));
    enum status s = verify_all(&v, &d);
    progress_clear(&v.progress);
    int code = s == STATUS_OK ? run_exit(&v.record) : command_fail(s, &d);
    for (size_t i = 0; i < v.record.n; i++) result_clear(&v.record.results[i]);
    free(v.record.results);
    free(v.record.options);
    if (v.temporary) folder_remove(v.temporary);
    free(v.temporary);
    free(v.checker);
    if (v.read) claims_clear(&v.claims);
    diag_clear(&d);
    return code;
}
