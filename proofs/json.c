#include "proofs/json.h"
#include <string.h>
#include "models/process.h"
#include "proofs/changes_shown.h"
#include "proofs/impact_shown.h"
#include "proofs/write.h"
#include "verify/idle.h"

static const char *const kinds[] = {"prove", "count", "average", "minimize", "maximize", "list"};

static void add_string(struct text *out, const char *key, const char *value) {
    text_addf(out, ",\n     \"%s\": ", key);
    write_json_string(out, value);
}

static void add_mpz(struct text *out, const char *key, const mpz_t z) {
    text_addf(out, ",\n     \"%s\": ", key);
    write_json_mpz(out, z);
}

static void add_foreach(struct text *out, const struct statement *s) {
    text_add(out, ",\n     \"foreach\": {");
    for (size_t i = 0; i < s->n_foreach; i++) {
        bool whole = mpz_cmp_ui(mpq_denref(s->foreach[i].value), 1) == 0;
        text_addf(out, "%s\"%s\": %s", i ? ", " : "", s->foreach[i].name, whole ? "" : "\"");
        number_add_text(out, s->foreach[i].value);
        text_add(out, whole ? "" : "\"");
    }
    text_add(out, "}");
}

static void add_end(struct text *out, const char *key, const mpq_t q, enum direction way) {
    text_addf(out, ",\n     \"%s\": ", key);
    write_double(out, q, way);
    text_addf(out, ", \"%s_exact\": \"", key);
    number_add_text(out, q);
    text_add(out, "\"");
}

static void add_interval(struct text *out, const struct result *r) {
    struct interval x;
    interval_init(&x);
    result_interval(&x, r);
    if (x.has_lo) add_end(out, "lo", x.lo, ROUND_DOWN);
    if (x.has_hi) add_end(out, "hi", x.hi, ROUND_UP);
    if (x.has_lo && r->statement->body == BODY_PROVE && !r->answer) {
        text_add(out, ",\n     \"slack\": ");
        write_double(out, x.lo, ROUND_DOWN);
    }
    interval_clear(&x);
}

static void add_count(struct text *out, const struct outcome *o, bool float32) {
    mpz_t n;
    mpz_init(n);
    add_mpz(out, "number_lo", o->number_lo);
    add_mpz(out, "number_hi", o->number_hi);
    if (float32) {
        add_mpz(out, "number_every", o->number_lo);
        mpz_sub(n, o->total_lo, o->number_hi);
        if (mpz_cmp(o->total_lo, o->total_hi) == 0) add_mpz(out, "number_none", n);
    }
    mpz_sub(n, o->number_hi, o->number_lo);
    add_mpz(out, "number_unsettled", n);
    if (mpz_cmp(o->total_lo, o->total_hi) == 0) {
        add_mpz(out, "total", o->total_lo);
    } else {
        add_mpz(out, "total_lo", o->total_lo);
        add_mpz(out, "total_hi", o->total_hi);
    }
    mpz_clear(n);
}

static void add_binding(struct text *out, const char *key, const struct binding *b) {
    if (b->n_parts == 0) return;
    text_addf(out, ",\n     \"%s\": ", key);
    write_json_binding(out, b);
}

static void add_items(struct text *out, const struct outcome *o) {
    text_add(out, ",\n     \"items\": [");
    for (size_t i = 0; i < o->n_items; i++) {
        text_add(out, i ? ", " : "");
        write_json_binding(out, &o->items[i]);
    }
    text_addf(out, "],\n     \"items_complete\": %s", o->items_complete ? "true" : "false");
}

static void add_values(struct text *out, const struct result *r) {
    const struct outcome *o = &r->outcome;
    if (r->statement->body == BODY_COUNT && o->proposal == PROPOSAL_INTERVAL) add_count(out, o, r->statement->semantics == SEMANTICS_FLOAT32);
    if (r->statement->body == BODY_LIST) add_items(out, o);
    add_interval(out, r);
    if (r->verdict == VERDICT_REFUTED) add_binding(out, "counterexample", &o->counterexample);
    if (r->verdict == VERDICT_PROVED) add_binding(out, "witness", &o->witness);
    add_binding(out, "attains", &o->attains);
    changes_json(out, r);
}

static void add_assumptions(struct text *out, const struct result *r) {
    const char *const *a = result_assumptions(r);
    text_add(out, ",\n     \"assumptions\": [");
    for (size_t i = 0; a[i]; i++) {
        text_add(out, i ? ", " : "");
        write_json_string(out, a[i]);
    }
    text_add(out, "]");
}

/* An intervention that changes nothing that the claim reads. */
static void add_idle(struct text *out, const struct statement *s) {
    struct text t;
    text_init(&t);
    if (statement_idle(&t, s) && t.size) add_string(out, "changes_nothing", t.data);
    text_clear(&t);
}

static void add_other(struct text *out, const struct instance_result *x, const char *constant) {
    text_add(out, "\n      {");
    if (constant) {
        text_add(out, "\"value\": \"");
        number_add_text(out, x->value);
        text_add(out, "\"");
    } else
        text_addf(out, "\"without\": %zu", x->condition + 1);
    add_string(out, "verdict", verdict_name(x->result.verdict));
    add_binding(out, "counterexample", &x->result.outcome.counterexample);
    add_string(out, "certificate", x->result.certificate_path);
    add_string(out, "certificate_sha256", x->result.certificate_sha256);
    add_string(out, "accepted", x->result.acceptance);
    add_string(out, "statement", x->result.statement->text);
    add_string(out, "statement_sha256", x->result.statement->sha256);
    text_add(out, "}");
}

/* What the claim leaves open, and the certificates that stand beside the claim's own. */
static void add_answer(struct text *out, const struct answer *a) {
    const struct opening *o = a->opening;
    if (o->constant) {
        text_add(out, ",\n     \"constant\": {\"name\": ");
        write_json_string(out, o->constant);
        const struct { const char *key; bool known; mpq_srcptr value; } ends[] = {{"holds", a->has_holds, a->holds}, {"fails", a->has_fails, a->fails}};
        for (size_t i = 0; i < 2; i++) {
            text_addf(out, ", \"%s\": %s", ends[i].key, ends[i].known ? "\"" : "null");
            if (ends[i].known) number_add_text(out, ends[i].value), text_add(out, "\"");
        }
        text_add(out, "}");
    } else {
        text_add(out, ",\n     \"conditions\": [");
        for (size_t i = 0; i < o->n_conditions; i++) {
            text_add(out, i ? ", {\"text\": " : "{\"text\": ");
            write_json_string(out, o->conditions[i]);
            text_addf(out, ", \"kept\": %s}", a->kept[i] ? "true" : "false");
        }
        text_add(out, "]");
    }
    text_addf(out, ",\n     \"trials\": %zu, \"others\": [", a->trials);
    for (size_t i = 0; i < a->n_others; i++) {
        text_add(out, i ? "," : "");
        add_other(out, &a->others[i], o->constant);
    }
    text_add(out, "]");
}

static void add_result(struct text *out, const struct result *r) {
    const struct statement *s = r->statement;
    text_add(out, "\n    {\"name\": ");
    write_json_string(out, s->name);
    add_string(out, "kind", kinds[s->body]);
    if (s->title) add_string(out, "title", s->title);
    if (s->because) add_string(out, "because", s->because);
    add_foreach(out, s);
    add_string(out, "verdict", verdict_name(r->verdict));
    if (s->has_expect) add_string(out, "expect", verdict_name(s->expect));
    add_string(out, "semantics", s->semantics == SEMANTICS_FLOAT32 ? "float32" : "real");
    add_values(out, r);
    if (r->answer) add_answer(out, r->answer);
    add_string(out, "evidence", evidence_name(r->evidence));
    add_string(out, "certificate", r->certificate_path);
    add_string(out, "certificate_sha256", r->certificate_sha256[0] ? r->certificate_sha256 : NULL);
    add_string(out, "accepted", r->acceptance);
    add_string(out, "statement", s->text);
    add_string(out, "statement_sha256", s->text ? s->sha256 : NULL);
    add_assumptions(out, r);
    add_string(out, "engine", r->engine);
    add_string(out, "rule", r->outcome.rule);
    if (r->outcome.orbits) {
        text_addf(out, ", \"orbits\": \"%llu\", \"stand_for\": \"", (unsigned long long)r->outcome.orbits);
        write_integer(out, r->outcome.cases);
        text_add(out, "\"");
    }
    text_addf(out, ",\n     \"seconds_prove\": %.6f, \"seconds_check\": %.6f, \"seconds\": %.6f", r->seconds_prove, r->seconds_check,
              r->seconds_prove + r->seconds_check);
    add_string(out, "reason", r->reason);
    if (r->refused) add_string(out, "refused", r->refused);
    add_idle(out, s);
    impacts_json(out, r);
    text_add(out, "}");
}

static void add_model(struct text *out, const struct bound_model *b) {
    const struct model *m = &b->model;
    size_t n = 0;
    text_add(out, "\n    {\"name\": ");
    write_json_string(out, b->name);
    add_string(out, "file", b->path);
    if (b->loaded != STATUS_OK) {
        add_string(out, "reason", b->reason);
        text_add(out, "}");
        return;
    }
    add_string(out, "sha256", m->file_sha256);
    add_string(out, "net_sha256", m->net.sha256);
    add_string(out, "family", m->family);
    text_add(out, ",\n     \"assumed\": [");
    for (size_t i = 0; i < m->n_facts; i++) {
        if (strncmp(m->facts[i].how, "assumed", 7) != 0) continue;
        struct text t;
        text_init(&t);
        text_addf(&t, "%s = %s", m->facts[i].key, m->facts[i].value);
        text_add(out, n++ ? ", " : "");
        write_json_string(out, t.data);
        if (t.failed) out->failed = true;
        text_clear(&t);
    }
    text_add(out, "],\n     \"process\": [");
    n = 0;
    for (int p = 0; p < PROCESS_COUNT; p++)
        if (m->processed >> p & 1) text_addf(out, "%s\"%s\"", n++ ? ", " : "", process_names[p]);
    text_add(out, "]}");
}

static void add_data(struct text *out, const struct bound_data *b) {
    text_add(out, "\n    {\"name\": ");
    write_json_string(out, b->name);
    add_string(out, "file", b->path);
    if (b->member) add_string(out, "member", b->member);
    if (b->loaded != STATUS_OK) {
        add_string(out, "reason", b->reason);
        text_add(out, "}");
        return;
    }
    add_string(out, "sha256", b->array.file_sha256);
    add_string(out, "arr_sha256", b->array.sha256);
    text_add(out, ",\n     \"shape\": [");
    for (size_t i = 0; i < b->array.rank; i++) text_addf(out, "%s%zu", i ? ", " : "", b->array.shape[i]);
    text_add(out, "]}");
}

enum status json_write(struct text *out, const struct run_record *r) {
    text_add(out, "{\"weightproof\": \"" WEIGHTPROOF_VERSION "\",\n \"claims_file\": ");
    write_json_string(out, r->claims->path);
    text_addf(out, ",\n \"claims_sha256\": \"%s\",\n \"claims\": [", r->claims->sha256);
    for (size_t i = 0; i < r->n; i++) {
        text_add(out, i ? "," : "");
        add_result(out, &r->results[i]);
    }
    text_add(out, "\n ],\n \"models\": [");
    for (size_t i = 0; i < r->claims->n_models; i++) {
        text_add(out, i ? "," : "");
        add_model(out, &r->claims->models[i]);
    }
    text_add(out, "\n ],\n \"data\": [");
    for (size_t i = 0; i < r->claims->n_data; i++) {
        text_add(out, i ? "," : "");
        add_data(out, &r->claims->data[i]);
    }
    text_add(out, r->claims->n_data ? "\n ],\n \"options\": [" : "],\n \"options\": [");
    for (size_t i = 0; i < r->n_options; i++) {
        text_addf(out, "%s[\"%s\", ", i ? ", " : "", r->options[i].name);
        write_json_string(out, r->options[i].value);
        text_add(out, "]");
    }
    text_addf(out, "],\n \"interrupted\": %s,\n \"seconds\": %.6f,\n \"exit_status\": %d,\n \"schema\": 1}\n", r->interrupted ? "true" : "false",
              r->seconds, run_exit(r));
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}
