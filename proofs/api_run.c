/* The public door: runs of claim files. */
#include <omp.h>
#include <stdlib.h>
#include "core/mem.h"
#include "proofs/api.h"
#include "proofs/bundle.h"
#include "proofs/failures.h"
#include "proofs/html_report.h"
#include "proofs/json.h"
#include "proofs/session.h"
#include "proofs/write.h"
#include "verify/verdict.h"
#include <string.h>

struct weightproof_run { struct claims claims; int read; struct session session; int status; char *errors; struct text json, *words; };

struct listener { const struct weightproof_options *options; struct diag *messages; const struct run_record *record; };

/* A claim's own messages join those of the run; the caller hears of the claim. */
static enum status decided(void *context, const struct result *r, struct diag *own) {
    struct listener *l = context;
    struct text words;
    diag_move(l->messages, own, "");
    if (!l->options->decided) return STATUS_OK;
    text_init(&words);
    write_result(&words, r);
    if (!words.failed)
        l->options->decided(l->options->context, l->record->n - 1, r->label ? r->label : r->statement->name, verdict_name(r->verdict), words.data);
    text_clear(&words);
    return STATUS_OK;
}

static enum status semantics_read(enum semantics *out, const char *word, struct diag *d) {
    if (strcmp(word, "float32") == 0) *out = SEMANTICS_FLOAT32;
    else if (strcmp(word, "real") == 0) *out = SEMANTICS_REAL;
    else return diag_fail(d, STATUS_INPUT, "semantics '%s' is neither real nor float32", word);
    return STATUS_OK;
}

static enum status read_claims(weightproof_run *run, const char *file, const char *text, const struct weightproof_options *o, struct diag *d) {
    struct setting *models = NULL, *data = NULL, *params = NULL, *settings = NULL;
    enum semantics forced = SEMANTICS_REAL;
    struct claims_options co = {.only = o->only.words, .n_only = o->only.n, .n_models = o->models.n, .n_data = o->data.n,
        .n_params = o->params.n, .n_settings = o->settings.n, .config = o->config, .semantics = o->semantics ? &forced : NULL};
    enum status s = o->semantics ? semantics_read(&forced, o->semantics, d) : STATUS_OK;
    if (s == STATUS_OK) s = api_settings(&models, o->models, "model", d);
    if (s == STATUS_OK) s = api_settings(&data, o->data, "data", d);
    if (s == STATUS_OK) s = api_settings(&params, o->params, "parameter", d);
    if (s == STATUS_OK) s = api_settings(&settings, o->settings, "setting", d);
    co.models = models;
    co.data = data;
    co.params = params;
    co.settings = settings;
    if (s == STATUS_OK) s = text ? claims_read_text(&run->claims, file, text, &co, d) : claims_read(&run->claims, file, &co, d);
    run->read = s == STATUS_OK;
    free(models);
    free(data);
    free(params);
    free(settings);
    if (s == STATUS_OK && run->claims.n_statements == 0) s = diag_fail(d, STATUS_INPUT, "no claim to decide in '%s'", file);
    return s;
}

static enum status write_out(weightproof_run *run, const struct weightproof_options *o, const struct limits *l, struct diag *d) {
    const struct run_record *record = &run->session.record;
    enum status s = o->certificates ? bundle_finish(o->certificates, record, d) : STATUS_OK;
    if (s == STATUS_OK && o->failures) s = failures_write(o->failures, record, l, d);
    if (s == STATUS_OK && o->report) s = html_report_write(record, o->report, d);
    return s == STATUS_OK ? json_write(&run->json, record) : s;
}

static enum status words_write(weightproof_run *run) {
    size_t n = run->session.record.n;
    if (!(run->words = mem_array(n ? n : 1, sizeof *run->words))) return STATUS_MEMORY;
    for (size_t i = 0; i < n; i++) {
        text_init(&run->words[i]);
        write_result(&run->words[i], &run->session.record.results[i]);
    }
    return STATUS_OK;
}

static enum status verify(weightproof_run *run, const char *file, const char *text, const struct weightproof_options *o, struct diag *d) {
    struct listener listener = {.options = o, .messages = d, .record = &run->session.record};
    struct session_options so = {.bundle = o->certificates, .decided = decided, .context = &listener};
    so.judge = (struct judge){.checker = o->checker, .engine = o->engine, .timeout = o->timeout,
        .check_timeout = o->check_timeout > 0 ? o->check_timeout : 3600,
        .limits = {.threads = o->threads > 0 ? o->threads : omp_get_num_procs(), .seed = o->seed, .stop = o->stop,
                   .progress = o->progress, .progress_context = o->context}};
    enum status s = read_claims(run, file, text, o, d);
    if (s == STATUS_OK && o->engine && !engine_find(o->engine)) s = diag_fail(d, STATUS_INPUT, "unknown engine '%s'", o->engine);
    if (s == STATUS_OK && o->failures) s = folder_make(o->failures, d);
    if (s != STATUS_OK) return s;
    s = session_run(&run->session, &run->claims, &so, d);
    if (s == STATUS_OK) s = write_out(run, o, &so.judge.limits, d);
    return s == STATUS_OK ? words_write(run) : s;
}

static weightproof_run *run_new_of(const char *file, const char *text, const struct weightproof_options *options) {
    static const struct weightproof_options defaults;
    weightproof_run *run = mem_array(1, sizeof *run);
    struct diag d;
    if (!run) return NULL;
    diag_init(&d);
    text_init(&run->json);
    enum status s = verify(run, file, text, options ? options : &defaults, &d);
    run->status = run_exit(&run->session.record);
    if (s != STATUS_OK) run->status = exit_join(run->status, status_exit(s));
    run->errors = api_messages(&d, s);
    diag_clear(&d);
    return run;
}

weightproof_run *weightproof_verify(const char *claims_file, const struct weightproof_options *options) {
    return run_new_of(claims_file, NULL, options);
}

weightproof_run *weightproof_verify_text(const char *text, const char *name, const struct weightproof_options *options) {
    return run_new_of(name, text, options);
}

void weightproof_run_free(weightproof_run *run) {
    if (!run) return;
    for (size_t i = 0; run->words && i < run->session.record.n; i++) text_clear(&run->words[i]);
    free(run->words);
    session_clear(&run->session);
    if (run->read) claims_clear(&run->claims);
    text_clear(&run->json);
    free(run->errors);
    free(run);
}

int weightproof_run_status(const weightproof_run *run) { return run->status; }
const char *weightproof_run_errors(const weightproof_run *run) { return run->errors ? run->errors : "error: out of memory\n"; }
const char *weightproof_run_json(const weightproof_run *run) { return run->json.failed ? NULL : run->json.data; }
size_t weightproof_run_count(const weightproof_run *run) { return run->session.record.n; }

static const struct result *at(const weightproof_run *run, size_t i) {
    return i < run->session.record.n ? &run->session.record.results[i] : NULL;
}

const char *weightproof_run_name(const weightproof_run *run, size_t i) { return at(run, i) ? at(run, i)->label : NULL; }
const char *weightproof_run_verdict(const weightproof_run *run, size_t i) { return at(run, i) ? verdict_name(at(run, i)->verdict) : NULL; }
const char *weightproof_run_evidence(const weightproof_run *run, size_t i) { return at(run, i) ? evidence_name(at(run, i)->evidence) : NULL; }
const char *weightproof_run_reason(const weightproof_run *run, size_t i) { return at(run, i) ? at(run, i)->reason : NULL; }

const char *weightproof_run_result(const weightproof_run *run, size_t i) {
    return at(run, i) && run->words && !run->words[i].failed ? run->words[i].data : NULL;
}
