/* The public door, include/weightproof.h. */
#include "include/weightproof.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/mem.h"
#include "proofs/bundle.h"
#include "proofs/json.h"
#include "proofs/session.h"
#include "proofs/write.h"
#include "verify/verdict.h"

struct weightproof_run { struct claims claims; int read; struct session session; int status; char *errors; struct text json; };
struct weightproof_model { struct model model; int read; char *errors; struct text info, json, net; };

const char *weightproof_version(void) { return WEIGHTPROOF_VERSION; }

/* All messages as one text, malloc'd; NULL without memory. */
static char *messages(const struct diag *d, enum status s) {
    char *data = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&data, &size);
    if (!f) return NULL;
    diag_print(d, f);
    if (d->n == 0 && s != STATUS_OK) fprintf(f, "error: %s\n", status_name(s));
    if (fclose(f) == 0) return data;
    free(data);
    return NULL;
}

static enum status pass_messages(void *context, const struct result *r, struct diag *own) {
    enum status s = STATUS_OK;
    (void)r;
    for (size_t i = 0; i < own->n; i++) s = diag_fail(context, STATUS_INPUT, "%s", own->messages[i].text);
    (void)s;
    return STATUS_OK;
}

static enum status verify(weightproof_run *run, const char *file, const struct weightproof_options *o, struct diag *d) {
    const struct claims_options co = {.only = o->only, .n_only = o->n_only};
    struct session_options so = {.bundle = o->certificates, .decided = pass_messages, .context = d};
    so.judge = (struct judge){.checker = o->checker, .engine = o->engine, .timeout = o->timeout,
        .check_timeout = o->check_timeout > 0 ? o->check_timeout : 3600,
        .limits = {.threads = o->threads > 0 ? o->threads : omp_get_num_procs(), .seed = o->seed, .stop = o->stop}};
    enum status s = claims_read(&run->claims, file, &co, d);
    if (s != STATUS_OK) return s;
    run->read = 1;
    if (run->claims.n_statements == 0) return diag_fail(d, STATUS_INPUT, "no claim to decide in '%s'", file);
    s = session_run(&run->session, &run->claims, &so, d);
    if (s == STATUS_OK && o->certificates) s = bundle_finish(o->certificates, &run->session.record, d);
    if (s == STATUS_OK) s = json_write(&run->json, &run->session.record);
    return s;
}

weightproof_run *weightproof_verify(const char *claims_file, const struct weightproof_options *options) {
    static const struct weightproof_options defaults;
    weightproof_run *run = mem_array(1, sizeof *run);
    struct diag d;
    if (!run) return NULL;
    diag_init(&d);
    text_init(&run->json);
    enum status s = verify(run, claims_file, options ? options : &defaults, &d);
    run->status = run_exit(&run->session.record);
    if (s != STATUS_OK) run->status = exit_join(run->status, status_exit(s));
    run->errors = messages(&d, s);
    diag_clear(&d);
    return run;
}

void weightproof_run_free(weightproof_run *run) {
    if (!run) return;
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

weightproof_model *weightproof_model_read(const char *file, const char *config) {
    weightproof_model *m = mem_array(1, sizeof *m);
    const struct model_options o = {.config_path = config};
    struct diag d;
    if (!m) return NULL;
    diag_init(&d);
    text_init(&m->info);
    text_init(&m->json);
    text_init(&m->net);
    enum status s = model_load(&m->model, file, &o, &d);
    m->read = s == STATUS_OK;
    if (m->read) {
        write_info(&m->info, &m->model);
        write_info_json(&m->json, &m->model);
        s = net_write(&m->net, &m->model.net);
    }
    m->errors = messages(&d, s);
    diag_clear(&d);
    return m;
}

void weightproof_model_free(weightproof_model *m) {
    if (!m) return;
    if (m->read) model_clear(&m->model);
    text_clear(&m->info);
    text_clear(&m->json);
    text_clear(&m->net);
    free(m->errors);
    free(m);
}

const char *weightproof_model_errors(const weightproof_model *m) { return m->errors ? m->errors : "error: out of memory\n"; }
const char *weightproof_model_info(const weightproof_model *m) { return m->info.failed ? NULL : m->info.data; }
const char *weightproof_model_info_json(const weightproof_model *m) { return m->json.failed ? NULL : m->json.data; }
const char *weightproof_model_net(const weightproof_model *m) { return m->net.failed ? NULL : m->net.data; }
const char *weightproof_model_net_sha256(const weightproof_model *m) { return m->read ? m->model.net.sha256 : NULL; }
