#include "proofs/failures.h"
#include "proofs/replay_file.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "core/clock.h"
#include "core/mem.h"
#include "proofs/judge.h"

#define SECONDS 60.0 /* for finding the failing inputs of one claim */

/* A list of everything that makes the claim false, as one more statement on the same expressions. */
struct turned { struct statement statement; struct expr no; struct expr *arg; };

static void turn(struct turned *t, const struct statement *s) {
    memset(t, 0, sizeof *t);
    t->statement = *s;
    t->arg = s->subject;
    t->no.form = FORM_UNARY;
    t->no.oper = OPER_NOT;
    t->no.at = s->subject->at;
    t->no.type.base = BASE_BOOL;
    t->no.args = &t->arg;
    t->no.n_args = 1;
    t->no.id = s->n_ids;
    t->no.slot = -1;
    t->no.depth = s->subject->depth + 1;
    t->statement.n_ids = s->n_ids + 1;
    t->statement.body = BODY_LIST;
    t->statement.subject = &t->no;
    t->statement.prove = NULL;
    t->statement.has_within = false;
    t->statement.has_at_most = true;
    t->statement.at_most = FAILURES_MAX;
    if (s->body == BODY_PROVE) {
        t->statement.binds = s->forall;
        t->statement.where = s->forall_where;
    }
    memset(&t->statement.forall, 0, sizeof t->statement.forall);
    t->statement.forall_where = NULL;
}

/* Best effort: what is found in time. These inputs carry no certificate; the verdict does. */
static void find(struct outcome *out, const struct statement *s, const struct limits *limits) {
    const struct engine *engines[8];
    struct turned t;
    struct limits l = *limits;
    turn(&t, s);
    l.deadline = clock_seconds() + SECONDS;
    size_t n = judge_engines(engines, 8, &t.statement, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        struct diag d;
        diag_init(&d);
        outcome_clear(out);
        outcome_init(out);
        enum status st = engines[i]->decide(out, &t.statement, &l, &d);
        diag_clear(&d);
        if (st == STATUS_OK || st == STATUS_TIMEOUT) break;
    }
}

static size_t width(const struct binding *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->n_parts; i++) n += b->parts[i].n;
    return n;
}

/* NumPy format 1.0, little-endian int64, C order. */
static enum status npy(struct text *out, const struct binding *rows, size_t n) {
    size_t columns = n ? width(&rows[0]) : 0;
    char head[160];
    int size = snprintf(head, sizeof head, "{'descr': '<i8', 'fortran_order': False, 'shape': (%zu, %zu), }", n, columns);
    size_t padded = (size_t)size + 1;
    while ((padded + 10) % 64 != 0) padded++;
    text_add_n(out, "\x93NUMPY\x01\x00", 8);
    const unsigned char length[2] = {(unsigned char)(padded & 255), (unsigned char)(padded >> 8)};
    text_add_n(out, (const char *)length, 2);
    text_add(out, head);
    for (size_t i = (size_t)size; i + 1 < padded; i++) text_add(out, " ");
    text_add(out, "\n");
    for (size_t r = 0; r < n; r++) {
        if (width(&rows[r]) != columns) return STATUS_UNSUPPORTED;
        for (size_t i = 0; i < rows[r].n_parts; i++)
            for (size_t k = 0; k < rows[r].parts[i].n; k++) {
                uint64_t v = (uint64_t)(int64_t)rows[r].parts[i].tokens[k];
                unsigned char bytes[8];
                for (int b = 0; b < 8; b++) bytes[b] = (unsigned char)(v >> (8 * b) & 255);
                text_add_n(out, (const char *)bytes, 8);
            }
    }
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}

static enum status write_rows(const char *folder, const struct result *r, const struct binding *rows, size_t n, bool complete,
                              struct diag *d) {
    struct text data, lines, path;
    text_init(&data);
    text_init(&lines);
    text_init(&path);
    enum status s = npy(&data, rows, n);
    if (s == STATUS_OK) s = replay_write(&lines, r, rows, n, complete);
    text_addf(&path, "%s/%s.npy", folder, r->file_label);
    if (s == STATUS_OK && n && width(&rows[0])) s = path.failed ? STATUS_MEMORY : file_write(path.data, data.data, data.size, d);
    text_clear(&path);
    text_addf(&path, "%s/%s.py", folder, r->file_label);
    if (s == STATUS_OK) s = path.failed ? STATUS_MEMORY : file_write(path.data, lines.data, lines.size, d);
    if (s == STATUS_UNSUPPORTED) s = diag_fail(d, STATUS_IO, "claim '%s': inputs of several lengths do not fit one array", r->label);
    text_clear(&data);
    text_clear(&lines);
    text_clear(&path);
    return s;
}

static enum status failures_of(const char *folder, const struct result *r, const struct limits *l, struct diag *d) {
    const struct statement *s = r->statement;
    const struct outcome *o = &r->outcome;
    struct outcome found;
    enum status status = STATUS_OK;
    if (r->verdict != VERDICT_PROVED && r->verdict != VERDICT_BOUNDED && r->verdict != VERDICT_REFUTED) return STATUS_OK;
    if (s->body == BODY_LIST) return o->n_items ? write_rows(folder, r, o->items, o->n_items, o->items_complete, d) : STATUS_OK;
    bool asked = s->body == BODY_COUNT || (s->body == BODY_PROVE && r->verdict == VERDICT_REFUTED && s->forall.n > 0);
    if (!asked) return STATUS_OK;
    outcome_init(&found);
    find(&found, s, l);
    if (found.n_items) status = write_rows(folder, r, found.items, found.n_items, found.items_complete, d);
    else if (s->body == BODY_PROVE && o->counterexample.n_parts) status = write_rows(folder, r, &o->counterexample, 1, false, d);
    outcome_clear(&found);
    return status;
}

static enum status put(const char *folder, const char *name, const char *ending, const struct text *t, struct diag *d) {
    struct text path;
    text_init(&path);
    text_addf(&path, "%s/%s%s", folder, name, ending);
    enum status s = path.failed ? STATUS_MEMORY : file_write(path.data, t->data, t->size, d);
    text_clear(&path);
    return s;
}

/* What the scripts read that is in no file as they need it. */
static enum status write_inputs(const char *folder, const struct claims *c, struct diag *d) {
    enum status s = STATUS_OK;
    for (size_t i = 0; i < c->n_models && s == STATUS_OK; i++) {
        const struct bound_model *b = &c->models[i];
        struct text t;
        if (b->loaded != STATUS_OK || b->model.checkpoint.n == 0 || replay_plain(&b->model)) continue;
        text_init(&t);
        s = net_write(&t, &b->model.net);
        if (s == STATUS_OK) s = put(folder, b->name, ".net", &t, d);
        text_clear(&t);
    }
    for (size_t i = 0; i < c->n_data && s == STATUS_OK; i++) {
        const struct bound_data *b = &c->data[i];
        struct text t;
        if (b->loaded != STATUS_OK || !replay_needs_array(b)) continue;
        text_init(&t);
        s = data_array_write(&t, &b->array);
        if (s == STATUS_OK) s = put(folder, b->name, ".arr", &t, d);
        text_clear(&t);
    }
    return s;
}

enum status failures_write(const char *folder, const struct run_record *r, const struct limits *l, struct diag *d) {
    enum status s = STATUS_OK;
    for (size_t i = 0; i < r->n && s == STATUS_OK; i++) s = failures_of(folder, &r->results[i], l, d);
    return s == STATUS_OK ? write_inputs(folder, r->claims, d) : s;
}
