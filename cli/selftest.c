/* Stored outputs of PyTorch or another program, held against the certified enclosures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/command.h"
#include "core/text.h"
#include "models/decode.h"
#include "models/selftest.h"
#include "proofs/write.h"

struct report { struct model m; struct selftest_data data; struct selftest_result *results; struct text cause; bool loaded, read; };

/* Of an array, and of all: the worst of them. Each has its word and its exit status. */
enum agreement { AGREES, PARTLY, UNBOUNDED, FAILED };
static const char *const agreement_words[] = {"agrees", "agrees where bounded", "no bound", "FAILED"};

static enum agreement agreement_of(const struct selftest_result *r) {
    if (r->outside) return FAILED;
    return r->unbounded == 0 && r->entries ? AGREES : r->unbounded < r->entries ? PARTLY : UNBOUNDED;
}

/* Is a number outside a finite bound? An infinite one says nothing about the reading. */
static bool any_outside(const struct report *r) {
    for (size_t i = 0; i < r->data.n_arrays; i++)
        if (r->results[i].outside) return true;
    return false;
}

static enum agreement agreement_of_all(const struct report *r) {
    enum agreement worst = AGREES;
    for (size_t i = 0; i < r->data.n_arrays; i++)
        if (agreement_of(&r->results[i]) > worst) worst = agreement_of(&r->results[i]);
    return worst;
}

/* 0: every number compared, all within their bounds, nothing doubtful. 1: one outside. 2: none outside, but some without a bound, or a doubt. */
static int exit_code(const struct report *r) {
    enum agreement v = agreement_of_all(r);
    return v == FAILED ? 1 : v != AGREES || r->cause.size ? 2 : 0;
}

static void add_place(struct text *t, const struct report *r, const struct selftest_place *p) {
    text_addf(t, "input %zu", p->input);
    if (r->data.length > 1) text_addf(t, ", position %zu", p->position);
    text_addf(t, ", entry %zu", p->entry);
}

/* One line an array; a failing one says by how much. */
static void add_array(struct text *t, const struct report *r, size_t i) {
    const struct selftest_array *a = &r->data.arrays[i];
    const struct selftest_result *x = &r->results[i];
    const char *kind = selftest_double(a) ? "float64" : "float32";
    bool failed = x->outside > 0;
    const struct selftest_place *p = failed ? &x->worst : &x->largest;
    text_addf(t, "%-6s  %-20s %-4s %zu entries  ", agreement_words[agreement_of(x)], a->name, dtype_name(a->dtype), x->entries);
    if (x->unbounded) {
        text_addf(t, "%zu of %zu entries have no finite %s bound (deviation from the real value at most %.3g there, not certified)", x->unbounded, x->entries, kind,
                  x->loose.deviation);
        text_add(t, x->unbounded < x->entries ? "; the others: " : "\n");
    }
    if (x->unbounded == x->entries) return;
    text_addf(t, "deviation %.3g, certified %s bound %.3g", p->deviation, kind, p->bound);
    if (p->deviation > 0) text_addf(t, ", ratio %.3g", p->bound / p->deviation);
    text_add(t, " at ");
    add_place(t, r, p);
    if (failed) text_addf(t, ": stored %.9g, computed %.9g; %zu entries outside", p->stored, p->mid, x->outside);
    text_add(t, "\n");
}

/* null: infinite, or not a number. */
static void add_number_json(struct text *t, double x) {
    if (isfinite(x)) text_add_double(t, x);
    else text_add(t, "null");
}

static void add_place_json(struct text *t, const char *key, const struct selftest_place *p) {
    text_addf(t, ", \"%s\": {\"input\": %zu, \"position\": %zu, \"entry\": %zu, \"stored\": ", key, p->input, p->position, p->entry);
    add_number_json(t, p->stored);
    text_add(t, ", \"computed\": ");
    add_number_json(t, p->mid);
    text_add(t, ", \"deviation\": ");
    add_number_json(t, p->deviation);
    text_add(t, ", \"bound\": ");
    add_number_json(t, p->bound);
    text_add(t, "}");
}

static void write_json(struct text *t, const struct report *r, const char *reference) {
    text_add(t, "{\n  \"file\": ");
    write_json_string(t, r->m.path);
    text_addf(t, ",\n  \"sha256\": \"%s\",\n  \"net_sha256\": \"%s\",\n  \"family\": ", r->m.file_sha256, r->m.net.sha256);
    write_json_string(t, r->m.family);
    text_add(t, ",\n  \"reference\": ");
    write_json_string(t, reference);
    text_addf(t, ",\n  \"inputs\": %zu,\n  \"arrays\": [", r->data.count);
    for (size_t i = 0; i < r->data.n_arrays; i++) {
        const struct selftest_result *x = &r->results[i];
        text_addf(t, "%s\n    {\"name\": ", i ? "," : "");
        write_json_string(t, r->data.arrays[i].name);
        text_addf(t, ", \"node\": \"%s\", \"dtype\": \"%s\", \"bound_of\": \"%s\", \"verdict\": \"%s\", \"agrees\": %s, \"entries\": %zu, \"outside\": %zu, \"unbounded\": %zu",
                  r->m.net.nodes[r->data.arrays[i].node].name, dtype_name(r->data.arrays[i].dtype),
                  selftest_double(&r->data.arrays[i]) ? "float64" : "float32", agreement_words[agreement_of(x)], agreement_of(x) == AGREES ? "true" : "false", x->entries, x->outside, x->unbounded);
        if (x->unbounded < x->entries) {
            add_place_json(t, "largest", &x->largest);
            add_place_json(t, "worst", &x->worst);
        }
        if (x->unbounded) add_place_json(t, "without_bound", &x->loose);
        text_add(t, "}");
    }
    text_add(t, "\n  ],\n  \"cause\": ");
    write_json_string(t, r->cause.size ? r->cause.data : NULL);
    text_addf(t, ",\n  \"verdict\": \"%s\",\n  \"doubt\": %s,\n  \"agrees\": %s,\n  \"schema\": 1\n}\n", agreement_words[agreement_of_all(r)],
              r->cause.size && !any_outside(r) ? "true" : "false", exit_code(r) == 0 ? "true" : "false");
}

static void write_lines(struct text *t, const struct report *r) {
    for (size_t i = 0; i < r->data.n_arrays; i++) add_array(t, r, i);
    if (any_outside(r))
        text_addf(t, "likely cause: %s\n", r->cause.size ? r->cause.data : "none of the changes that were tried makes the outputs agree");
    else if (r->cause.size)
        text_addf(t, "doubt: one change lies ten times nearer to the stored numbers, at least: %s\n", r->cause.data);
}

static enum status compare(struct report *r, const struct model_options *o, struct diag *d) {
    enum status s = STATUS_OK;
    r->results = calloc(r->data.n_arrays, sizeof *r->results);
    if (!r->results) return STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < r->data.n_arrays; i++)
        s = selftest_compare(&r->results[i], &r->data, i, &r->m.net, SIZE_MAX, d);
    if (s == STATUS_OK) s = selftest_cause(&r->cause, &r->m, o, &r->data, any_outside(r));
    return s;
}

static enum status run(struct report *r, const struct arguments *a, const char *reference, struct diag *d) {
    struct model_options o = {.config_path = argument_value(a, OPTION_CONFIG)};
    struct setting *set = NULL;
    enum status s = argument_settings(&set, &o.n_set, a, OPTION_SET, d);
    o.set = set;
    if (s == STATUS_OK) s = command_model(&r->m, a, a->positional[0], d);
    r->loaded = s == STATUS_OK;
    if (s == STATUS_OK) s = selftest_read(&r->data, reference, &r->m.net, d);
    r->read = s == STATUS_OK;
    if (s == STATUS_OK) s = compare(r, &o, d);
    free(set);
    return s;
}

int command_selftest(const struct arguments *a) {
    struct report r = {.loaded = false};
    struct text t;
    struct diag d;
    const char *reference = argument_value(a, OPTION_AGAINST), *json = argument_value(a, OPTION_JSON);
    diag_init(&d);
    text_init(&t);
    enum status s = reference ? run(&r, a, reference, &d) : diag_fail(&d, STATUS_INPUT, "selftest needs --against REFERENCE.npz");
    if (s == STATUS_OK && json) write_json(&t, &r, reference);
    if (s == STATUS_OK && !json) write_lines(&t, &r);
    if (s == STATUS_OK) s = t.failed ? STATUS_MEMORY : command_write(json, t.data, t.size, &d);
    int code = s != STATUS_OK ? command_fail(s, &d) : exit_code(&r);
    if (r.read) selftest_data_clear(&r.data);
    if (r.loaded) model_clear(&r.m);
    free(r.results);
    text_clear(&r.cause);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
