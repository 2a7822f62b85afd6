/* verify: decide every claim, check every certificate, print the verdicts. */
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/claims.h"
#include "cli/lines.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/mem.h"
#include "proofs/bundle.h"
#include "proofs/failures.h"
#include "proofs/html_report.h"
#include "proofs/impact_shown.h"
#include "proofs/json.h"
#include "proofs/session.h"
#include "verify/idle.h"
#include "verify/verdict.h"

static volatile int stop;

static void on_signal(int number) {
    (void)number;
    stop = 1;
}

/* The first Ctrl-C ends the proving, the second one the program. */
static void catch_signals(void) {
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sa.sa_handler = SIG_IGN; /* a reader that leaves is an error of writing, after which the temporary folder is removed */
    sigaction(SIGPIPE, &sa, NULL);
}

struct verify {
    const struct arguments *a;
    struct claims claims; bool read;
    struct session_options options;
    struct session session;
    struct progress progress;
    bool to_stdout;               /* the JSON goes there, the lines do not */
};

static enum status engine_check(const char *name, struct diag *d) {
    const char *names[16];
    size_t n = 0;
    if (!name || engine_find(name)) return STATUS_OK;
    for (; n < n_engines && n < 16; n++) names[n] = engine_list[n]->name;
    const char *near = text_suggest(name, names, n);
    if (near) return diag_fail(d, STATUS_INPUT, "unknown engine '%s'; did you mean '%s'?", name, near);
    return diag_fail(d, STATUS_INPUT, "unknown engine '%s'", name);
}

/* --picture ROWSxCOLUMNS is the shape of the inputs of a model of the file. */
static enum status pictures_check(const struct verify *v, struct diag *d) {
    for (size_t i = 0; i < v->a->n_values[OPTION_PICTURE]; i++) {
        const char *said = v->a->values[OPTION_PICTURE][i];
        struct shape shape;
        bool fits = false;
        if (!shape_read(&shape, said)) return diag_fail(d, STATUS_INPUT, "--picture '%s': rows and columns as in 8x12 are asked for", said);
        for (size_t m = 0; m < v->claims.n_models; m++) fits = fits || v->claims.models[m].model.net.width_in == shape.rows * shape.columns;
        if (!fits) return diag_fail(d, STATUS_INPUT, "--picture %s: no model of the claim file reads %zu numbers", said, shape.rows * shape.columns);
    }
    return STATUS_OK;
}

static enum status options_read(struct verify *v, struct diag *d) {
    const struct arguments *a = v->a;
    struct judge *j = &v->options.judge;
    unsigned long threads = (unsigned long)omp_get_num_procs(), seed = 0;
    const char *json = argument_value(a, OPTION_JSON);
    j->check_timeout = 3600;
    j->engine = argument_value(a, OPTION_ENGINE);
    v->options.bundle = argument_value(a, OPTION_CERTIFICATES);
    v->session.record.expect = argument_given(a, OPTION_EXPECT);
    v->to_stdout = json && json[0] == '-' && json[1] == '\0';
    enum status s = argument_number(&j->timeout, a, OPTION_TIMEOUT, 0.001, 1e9, d);
    if (s == STATUS_OK) s = argument_number(&j->check_timeout, a, OPTION_CHECK_TIMEOUT, 0.001, 1e9, d);
    if (s == STATUS_OK) s = argument_count(&threads, a, OPTION_THREADS, 1, 1024, d);
    if (s == STATUS_OK) s = argument_count(&seed, a, OPTION_SEED, 0, 0xffffffffUL, d);
    if (s == STATUS_OK) s = argument_count(&j->limits.resources, a, OPTION_RESOURCES, 1, 0xffffffffUL, d);
    if (s == STATUS_OK) s = engine_check(j->engine, d);
    j->limits.threads = (int)threads;
    j->limits.seed = seed;
    j->limits.no_symmetry = argument_given(a, OPTION_NO_SYMMETRY);
    j->limits.stop = &stop;
    j->limits.progress = progress_report;
    j->limits.progress_context = &v->progress;
    return s;
}

/* Every option that was given, for the JSON and the report. */
static enum status options_record(struct verify *v) {
    struct run_record *record = &v->session.record;
    size_t n = 0;
    for (size_t o = 0; o < OPTION_COUNT; o++) n += v->a->n_values[o];
    record->options = mem_array(n, sizeof *record->options);
    if (!record->options) return STATUS_MEMORY;
    for (size_t o = 0; o < OPTION_COUNT; o++)
        for (size_t i = 0; i < v->a->n_values[o]; i++)
            record->options[record->n_options++] = (struct run_option){option_table[o].name, v->a->values[o][i]};
    return STATUS_OK;
}

static enum status say(struct verify *v, const struct text *t, struct diag *d) {
    if (t->failed) return STATUS_MEMORY;
    progress_clear(&v->progress);
    return v->to_stdout ? STATUS_OK : command_write(NULL, t->data, t->size, d);
}

static void starts(void *context, const struct statement *s) {
    struct verify *v = context;
    progress_claim(&v->progress, s->name);
}

/* How large a change of the outputs the interventions make. */
static void say_impacts(const struct result *r) {
    for (size_t i = 0; i < r->impacts.n; i++) {
        struct text t;
        text_init(&t);
        impact_say(&t, &r->impacts.items[i]);
        if (t.data && !t.failed) fprintf(stderr, "note: claim %s: %s\n", r->label, t.data);
        text_clear(&t);
    }
}

static enum status decided(void *context, const struct result *r, struct diag *messages) {
    struct verify *v = context;
    struct text line;
    struct diag d;
    enum status s = STATUS_OK;
    text_init(&line);
    diag_init(&d);
    if (!argument_given(v->a, OPTION_QUIET)) {
        line_result(&line, r, v->session.record.expect);
        s = say(v, &line, &d);
    }
    progress_clear(&v->progress);
    if (!argument_given(v->a, OPTION_QUIET)) say_impacts(r);
    if (r->refused && !argument_given(v->a, OPTION_QUIET)) fprintf(stderr, "note: claim %s: decided by engine %s after %s\n", r->label, r->engine, r->refused);
    diag_print(messages, stderr);
    diag_print(&d, stderr);
    diag_clear(&d);
    text_clear(&line);
    return s;
}

static enum status summary(struct verify *v, struct diag *d) {
    struct text line;
    text_init(&line);
    line_summary(&line, &v->session.record);
    enum status s = say(v, &line, d);
    text_clear(&line);
    return s;
}

/* Before anything is proved: can what was asked for be written? */
static enum status outputs_check(const struct verify *v, struct diag *d) {
    const char *json = argument_value(v->a, OPTION_JSON), *report = argument_value(v->a, OPTION_REPORT);
    const char *failures = argument_value(v->a, OPTION_FAILURES);
    enum status s = json && !v->to_stdout ? output_check(json, d) : STATUS_OK;
    if (s == STATUS_OK && report) s = output_check(report, d);
    return s == STATUS_OK && failures ? folder_make(failures, d) : s;
}

static enum status write_out(struct verify *v, struct diag *d) {
    const struct run_record *record = &v->session.record;
    const char *json = argument_value(v->a, OPTION_JSON), *failures = argument_value(v->a, OPTION_FAILURES);
    const char *report = argument_value(v->a, OPTION_REPORT);
    struct text t;
    enum status s = STATUS_OK;
    text_init(&t);
    if (record->bundle) s = bundle_finish(record->bundle, record, d);
    if (s == STATUS_OK && failures) s = failures_write(failures, record, &v->options.judge.limits, d);
    if (s == STATUS_OK && json) {
        s = json_write(&t, record);
        if (s == STATUS_OK) s = command_write(json, t.data, t.size, d);
    }
    if (s == STATUS_OK && report) s = html_report_write(record, report, d);
    text_clear(&t);
    return s;
}

static enum status plan(struct verify *v, struct diag *d) {
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < v->claims.n_statements; i++) plan_add(&t, &v->claims.statements[i], v->options.judge.engine);
    enum status s = t.failed ? STATUS_MEMORY : command_write(NULL, t.data, t.size, d);
    text_clear(&t);
    return s;
}

/* What no file said about a model, one line each. */
static void say_assumptions(const struct claims *c) {
    for (size_t i = 0; i < c->n_models; i++)
        for (size_t k = 0; k < c->models[i].model.n_facts; k++) {
            const struct model_fact *f = &c->models[i].model.facts[k];
            if (strncmp(f->how, "assumed", 7) == 0) fprintf(stderr, "note: model %s: %s = %s, %s\n", c->models[i].name, f->key, f->value, f->how);
        }
}

/* Interventions that change no output: what such a claim says of a part, it says of none. */
static void say_idle(const struct claims *c) {
    for (size_t i = 0; i < c->n_statements; i++) {
        struct text t;
        text_init(&t);
        if (statement_idle(&t, &c->statements[i]) && t.size) fprintf(stderr, "note: claim %s: nothing that it reads changes by %s\n", c->statements[i].name, t.data);
        text_clear(&t);
    }
}

static enum status verify_all(struct verify *v, struct diag *d) {
    double start = clock_seconds();
    enum status s = options_read(v, d);
    if (s == STATUS_OK) s = options_record(v);
    if (s == STATUS_OK) s = command_claims(&v->claims, v->a, d);
    if (s != STATUS_OK) return s;
    v->read = true;
    if ((s = pictures_check(v, d)) != STATUS_OK) return s;
    if (!argument_given(v->a, OPTION_QUIET)) say_assumptions(&v->claims);
    if (!argument_given(v->a, OPTION_QUIET)) say_idle(&v->claims);
    if (argument_given(v->a, OPTION_PLAN)) return plan(v, d);
    s = outputs_check(v, d);
    if (s != STATUS_OK) return s;
    catch_signals();
    v->options.starts = starts;
    v->options.decided = decided;
    v->options.context = v;
    s = session_run(&v->session, &v->claims, &v->options, d);
    v->session.record.seconds = clock_seconds() - start;
    if (s == STATUS_OK) s = summary(v, d);
    return s == STATUS_OK ? write_out(v, d) : s;
}

int command_verify(const struct arguments *a) {
    struct verify v = {.a = a};
    struct diag d;
    diag_init(&d);
    progress_init(&v.progress, argument_given(a, OPTION_QUIET));
    enum status s = verify_all(&v, &d);
    progress_clear(&v.progress);
    int code = run_exit(&v.session.record);
    if (s != STATUS_OK) code = exit_join(code, command_fail(s, &d));
    free(v.session.record.options);
    session_clear(&v.session);
    if (v.read) claims_clear(&v.claims);
    diag_clear(&d);
    return code;
}
