#include "proofs/result.h"
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "verify/verdict.h"

static const char *const evidence_names[] = {
#define X(code, name) [code] = name,
    EVIDENCE_TABLE(X)
#undef X
};

const char *evidence_name(enum evidence e) { return evidence_names[e]; }

static void answer_free(struct answer *a) {
    if (!a) return;
    for (size_t i = 0; i < a->n_others; i++) {
        result_clear(&a->others[i].result);
        instance_free(a->others[i].instance);
        mpq_clear(a->others[i].value);
    }
    mpq_clears(a->holds, a->fails, NULL);
    instance_free(a->instance);
    free(a->others);
    free(a->kept);
    free(a);
}

enum verdict result_certified(const struct result *r) { return r->answer && r->verdict == VERDICT_BOUNDED ? VERDICT_PROVED : r->verdict; }

void result_clear(struct result *r) {
    answer_free(r->answer);
    outcome_clear(&r->outcome);
    impacts_clear(&r->impacts);
    free(r->certificate_path);
    free(r->certificate);
    free(r->acceptance);
    free(r->reason);
    free(r->refused);
    free(r->label);
    free(r->file_label);
    memset(r, 0, sizeof *r);
}

void result_reason(struct result *r, const char *reason) {
    if (!reason) return;
    free(r->reason);
    r->reason = mem_string(reason);
}

bool result_expected(const struct result *r) {
    if (r->statement->has_expect) return r->verdict == r->statement->expect;
    return r->verdict == VERDICT_PROVED || r->verdict == VERDICT_BOUNDED;
}

int run_exit(const struct run_record *r) {
    int code = 0;
    bool expected = true;
    for (size_t i = 0; i < r->n; i++) {
        const struct result *x = &r->results[i];
        bool failed = x->status == STATUS_MEMORY || x->status == STATUS_LIMIT || x->status == STATUS_INTERNAL;
        code = exit_join(code, failed ? status_exit(x->status) : verdict_exit(x->verdict));
        expected = expected && result_expected(x);
    }
    if (!r->expect) return code;
    if (expected) return 0;
    return code == 0 ? verdict_exit(VERDICT_REFUTED) : code;
}

const char *const *result_assumptions(const struct result *r) {
    static const char *const real[] = {"weights exactly as stored", "exp, sqrt, erf, tanh are the true real functions", NULL};
    static const char *const float32[] = {"weights exactly as stored", "IEEE-754 binary32, round to nearest, gradual underflow",
        "sums in any order, with or without fused multiply-add", "exp, erf, tanh within 4 ulp; sqrt and division correctly rounded",
        "no flush to zero, TF32, reduced precision or fused attention", NULL};
    return r->statement->semantics == SEMANTICS_FLOAT32 ? float32 : real;
}

bool statement_size(mpz_t out, const struct statement *s) {
    struct interp *in = NULL;
    struct walk *w = NULL;
    struct diag d;
    diag_init(&d);
    const struct binds *b = s->body == BODY_PROVE ? &s->forall : &s->binds;
    bool known = s->undecidable == NULL && s->text != NULL && b->n > 0 && interp_new(&in, s, 0) == STATUS_OK &&
                 walk_new(&w, b, in, &d) == STATUS_OK;
    if (known) walk_size(out, w);
    walk_free(w);
    interp_free(in);
    diag_clear(&d);
    return known;
}
