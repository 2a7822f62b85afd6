#include "proofs/certificate.h"
#include <string.h>
#include "core/hash.h"
#include "core/number.h"
#include "proofs/changes_shown.h"
#include "proofs/interval.h"
#include "proofs/write.h"
#include "verify/radius.h"

static bool is_value_body(const struct statement *s) {
    return s->body == BODY_AVERAGE || s->body == BODY_MINIMIZE || s->body == BODY_MAXIMIZE;
}

/* Width asked of the interval: `within`, by default exact for a count and 1e-6 for values. */
static bool narrow_enough(const struct statement *s, const struct outcome *o) {
    mpq_t lo, hi, within;
    bool narrow;
    mpq_inits(lo, hi, within, NULL);
    if (s->has_within) mpq_set(within, s->within);
    else mpq_set_ui(within, 1, 1000000);
    if (s->body == BODY_COUNT) {
        narrow = mpz_cmp(o->number_lo, o->number_hi) == 0 && mpz_cmp(o->total_lo, o->total_hi) == 0;
        if (!narrow && s->has_within) {
            outcome_fraction(lo, hi, o);
            mpq_sub(hi, hi, lo);
            narrow = mpq_cmp(hi, within) <= 0;
        }
    } else {
        mpq_sub(hi, o->hi, o->lo);
        narrow = o->has_value && mpq_cmp(hi, within) <= 0;
    }
    mpq_clears(lo, hi, within, NULL);
    return narrow;
}

static bool list_finished(const struct statement *s, const struct outcome *o) {
    return o->items_complete || (s->has_at_most && o->n_items == s->at_most);
}

static const char *interval_verdict(const struct statement *s, const struct outcome *o) {
    if (s->body == BODY_PROVE) return NULL;
    if (s->body == BODY_LIST) return list_finished(s, o) ? "bounded" : NULL;
    if (s->body == BODY_COUNT && mpz_sgn(o->total_lo) <= 0) return NULL;
    if (s->body != BODY_COUNT && !o->has_value) return NULL;
    if (!s->prove) return narrow_enough(s, o) ? "bounded" : NULL;
    switch (prove_over(s, o)) {
    case TRUTH_TRUE: return "proved";
    case TRUTH_FALSE: return "refuted";
    case TRUTH_UNSETTLED: break;
    }
    return NULL;
}

const char *certificate_verdict(const struct statement *s, const struct outcome *o) {
    if (!o->rule) return NULL;
    switch (o->proposal) {
    case PROPOSAL_NONE: return NULL;
    case PROPOSAL_TRUE: return s->body == BODY_PROVE ? "proved" : NULL;
    case PROPOSAL_FALSE: return s->body == BODY_PROVE ? "refuted" : NULL;
    case PROPOSAL_VACUOUS: return "vacuous";
    case PROPOSAL_INTERVAL: return interval_verdict(s, o);
    }
    return NULL;
}

static void add_binding(struct text *out, const char *word, const struct binding *b) {
    text_addf(out, "%s ", word);
    if (b->n_parts == 0) text_add(out, "-");
    else binding_print(out, b);
    text_add(out, "\n");
}

static void add_pair(struct text *out, const char *word, const mpz_t lo, const mpz_t hi) {
    text_addf(out, "%s ", word);
    write_integer(out, lo);
    text_add(out, " ");
    write_integer(out, hi);
    text_add(out, "\n");
}

static void add_statement(struct text *out, const char *statement) {
    for (const char *p = statement; *p;) {
        const char *end = strchr(p, '\n');
        size_t n = end ? (size_t)(end - p) : strlen(p);
        text_add(out, "| ");
        text_add_n(out, p, n);
        text_add(out, "\n");
        p += n + (end != NULL);
    }
}

static void add_claim(struct text *out, const struct statement *s, const struct outcome *o, const char *verdict) {
    bool vacuous = strcmp(verdict, "vacuous") == 0;
    if (s->body == BODY_COUNT && vacuous) text_add(out, "number 0 0\ntotal 0 0\n");
    else if (s->body == BODY_COUNT) {
        add_pair(out, "number", o->number_lo, o->number_hi);
        add_pair(out, "total", o->total_lo, o->total_hi);
    }
    if (vacuous) return;
    if (is_value_body(s)) {
        text_add(out, "value ");
        number_add_text(out, o->lo);
        text_add(out, " ");
        number_add_text(out, o->hi);
        text_add(out, "\n");
    }
    if (s->body == BODY_MINIMIZE || s->body == BODY_MAXIMIZE) add_binding(out, "attains", &o->attains);
    if (s->body == BODY_PROVE && strcmp(verdict, "proved") == 0) add_binding(out, "witness", &o->witness);
    if (s->body == BODY_PROVE && strcmp(verdict, "refuted") == 0 && (strcmp(o->rule, "point") == 0 || (s->forall.n > 0 && (strcmp(o->rule, "quadratic") == 0 || strcmp(o->rule, "farkas") == 0 || strcmp(o->rule, "polynomial") == 0))))
        add_binding(out, "counterexample", &o->counterexample);
    if (s->body != BODY_LIST) return;
    for (size_t i = 0; i < o->n_items; i++) add_binding(out, "item", &o->items[i]);
    text_addf(out, "complete %s\n", o->items_complete ? "yes" : "no");
}

static const char *dtype_name(enum dtype t) {
    static const char *const names[] = {
#define X(code, name, size) [code] = name,
        DTYPE_TABLE(X)
#undef X
    };
    return names[t];
}

static void add_dims(struct text *out, const size_t *dims, size_t n) {
    for (size_t i = 0; i < n; i++) text_addf(out, "%s%zu", i ? "x" : "", dims[i]);
    if (n == 0) text_add(out, "1");
}

/* Where the tensors' bytes are in the model file; nothing for a model that came as a .net. */
static void add_source(struct text *out, const struct bound_model *m) {
    const struct model *model = &m->model;
    if (model->checkpoint.n == 0) return;
    text_addf(out, "source %s %s %s\n", m->name, model->file_sha256, model->config_sha256[0] ? model->config_sha256 : "-");
    for (size_t i = 0; i < model->net.n_tensors; i++) {
        const struct tensor *t = &model->net.tensors[i];
        if (!t->source.bound) {
            text_addf(out, "tensor %s - %s - -\n", t->name, dtype_name(t->source.dtype));
            continue;
        }
        text_addf(out, "tensor %s %zu %s ", t->name, t->source.offset, dtype_name(t->source.dtype));
        add_dims(out, t->shape, t->rank);
        text_add(out, " ");
        add_dims(out, t->source.strides, t->rank);
        text_add(out, "\n");
    }
}

enum status certificate_write(struct text *out, const struct statement *s, const struct outcome *o, struct diag *d) {
    const char *verdict = certificate_verdict(s, o);
    char sha[SHA256_HEX];
    if (!verdict || !s->text) return diag_fail(d, STATUS_INTERNAL, "claim '%s': there is nothing to certify", s->name);
    text_add(out, "weightproof-certificate 1\nstatement\n");
    add_statement(out, s->text);
    text_addf(out, "verdict %s\n", verdict);
    add_claim(out, s, o, verdict);
    text_addf(out, "rule %s\n", o->rule);
    if (o->evidence) text_add(out, o->evidence);
    if (strcmp(o->rule, "count") == 0) {
        text_addf(out, "bins %zu ", o->bins);
        write_integer(out, o->enter);
        text_add(out, "\n");
    }
    if (strcmp(o->rule, "enumerate") == 0 || strcmp(o->rule, "point") == 0) {
        changes_note(s, o, strcmp(verdict, "refuted") == 0);
        if (radii_lines(out, s->radii) != STATUS_OK) return STATUS_MEMORY;
    }
    for (size_t i = 0; i < s->n_models; i++) add_source(out, &s->file->models[s->models[i]]);
    text_add(out, "end\n");
    if (out->failed) return STATUS_MEMORY;
    sha256_hex(sha, out->data, out->size);
    text_addf(out, "sha256 %s\n", sha);
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}
