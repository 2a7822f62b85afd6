/* open.c: instances of claims that leave something open: judged, kept, given away. */
#include "proofs/open.h"
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"

/* An instance that cannot be made, as a box whose corners changed places, is an error of that instance. */
static void refuse(struct instance_result *x, const struct diag *d) {
    struct text line;
    text_init(&line);
    if (d->n > 0) diag_line(&line, &d->messages[0]);
    x->result.verdict = VERDICT_ERROR;
    result_reason(&x->result, line.size ? line.data : "it cannot be stated");
    text_clear(&line);
}

bool open_try(struct instance_result *out, struct result *r, const struct judge *j, mpq_srcptr value, const bool *conditions) {
    struct judge one = *j;
    struct diag own;
    if (!judge_time_left(&one.limits, r, j)) {
        result_reason(r, j->limits.stop && *j->limits.stop ? "interrupted" : "time is up");
        return false;
    }
    diag_init(&own);
    out->made = true;
    mpq_init(out->value);
    if (value) mpq_set(out->value, value);
    outcome_init(&out->result.outcome);
    enum status s = statement_close(&out->instance, r->statement, value, conditions, &own);
    if (s == STATUS_INPUT) {
        refuse(out, &own);
        s = STATUS_OK;
    } else if (s == STATUS_OK) {
        one.keep = false;
        double timeout = judge_seconds(j, r->statement);
        one.timeout = timeout > 0 ? timeout - r->seconds_prove : 0;
        outcome_clear(&out->result.outcome);
        judge_statement(&out->result, instance_statement(out->instance), &one, &own);
        r->seconds_prove += out->result.seconds_prove;
        r->seconds_check += out->result.seconds_check;
        if (out->result.engine) r->engine = out->result.engine;
        if (out->result.status == STATUS_MEMORY || out->result.status == STATUS_INTERNAL || out->result.status == STATUS_IO) s = out->result.status;
    }
    diag_clear(&own);
    r->answer->trials++;
    if (s == STATUS_OK) return true;
    r->status = s;
    result_reason(r, out->result.reason ? out->result.reason : status_name(s));
    return false;
}

void open_clear(struct instance_result *x) {
    if (!x->made) return;
    result_clear(&x->result);
    instance_free(x->instance);
    mpq_clear(x->value);
    memset(x, 0, sizeof *x);
}

/* The file that the certificate gets in a bundle (proofs/bundle.c writes it). */
static void keep_path(struct result *r, const struct judge *j) {
    struct text path;
    if (!j->keep || !r->certificate) return;
    text_init(&path);
    text_addf(&path, "%s/%s.cert", j->directory, r->file_label);
    if (!path.failed) r->certificate_path = mem_string(path.data);
    text_clear(&path);
}

void open_take(struct result *r, struct instance_result *x, const struct judge *j) {
    struct result *from = &x->result;
    outcome_clear(&r->outcome);
    r->outcome = from->outcome;
    outcome_init(&from->outcome);
    r->statement = from->statement;
    r->evidence = from->evidence;
    r->engine = from->engine;
    memcpy(r->certificate_sha256, from->certificate_sha256, sizeof r->certificate_sha256);
    r->certificate = from->certificate;
    r->acceptance = from->acceptance;
    from->certificate = from->acceptance = NULL;
    r->answer->instance = x->instance;
    x->instance = NULL;
    keep_path(r, j);
    open_clear(x);
}

enum status open_add(struct result *r, struct instance_result *x, const char *word, const struct judge *j) {
    struct answer *a = r->answer;
    struct text label;
    void *grown = realloc(a->others, (a->n_others + 1) * sizeof *a->others);
    if (!grown) return STATUS_MEMORY;
    a->others = grown;
    text_init(&label);
    text_addf(&label, "%s.%s", r->file_label, word);
    free(x->result.file_label);
    x->result.file_label = label.failed ? NULL : mem_string(label.data);
    text_clear(&label);
    if (!x->result.file_label) return STATUS_MEMORY;
    keep_path(&x->result, j);
    a->others[a->n_others++] = *x;
    memset(x, 0, sizeof *x);
    return STATUS_OK;
}
