#include "cli/lines.h"
#include "proofs/write.h"

static void add_exact(struct text *out, const mpz_t z) {
    mpq_t q;
    mpq_init(q);
    mpq_set_z(q, z);
    number_add_text(out, q);
    mpq_clear(q);
}

static void add_pair(struct text *out, const mpz_t lo, const mpz_t hi) {
    add_exact(out, lo);
    if (mpz_cmp(lo, hi) == 0) return;
    text_add(out, "..");
    add_exact(out, hi);
}

static void add_interval(struct text *out, const struct result *r, const char *before, int digits) {
    mpq_t lo, hi;
    mpq_inits(lo, hi, NULL);
    if (result_interval(lo, hi, r)) {
        text_add(out, before);
        if (mpq_equal(lo, hi) && mpz_sizeinbase(mpq_denref(lo), 10) <= 4) {
            number_add_text(out, lo);
        } else if (mpq_equal(lo, hi) && mpq_sgn(lo) >= 0) {
            write_decimal(out, lo, digits, ROUND_DOWN);
            text_add(out, "...");
        } else {
            text_add(out, "[");
            write_decimal(out, lo, digits, ROUND_DOWN);
            text_add(out, ", ");
            write_decimal(out, hi, digits, ROUND_UP);
            text_add(out, "]");
        }
    }
    mpq_clears(lo, hi, NULL);
}

static void add_at(struct text *out, const char *before, const struct binding *b) {
    if (b->n_parts == 0) return;
    text_add(out, before);
    binding_print(out, b);
}

static void add_count(struct text *out, const struct result *r) {
    add_pair(out, r->outcome.number_lo, r->outcome.number_hi);
    text_add(out, " of ");
    add_pair(out, r->outcome.total_lo, r->outcome.total_hi);
    add_interval(out, r, ", fraction ", 9);
}

static bool is_exists(const struct expr *e) { return e->form == FORM_QUANT && e->quant == QUANT_EXISTS; }

static void add_found(struct text *out, const struct result *r) {
    const struct outcome *o = &r->outcome;
    switch (r->statement->body) {
    case BODY_PROVE:
        if (r->verdict == VERDICT_REFUTED && o->counterexample.n_parts) add_at(out, "counterexample ", &o->counterexample);
        else if (r->verdict == VERDICT_REFUTED) text_add(out, is_exists(r->statement->subject) ? "no case makes it true" : "it is false");
        else add_interval(out, r, "slack ", 7), add_at(out, o->has_value ? " at " : "for example ", &o->witness);
        break;
    case BODY_COUNT: add_count(out, r); break;
    case BODY_AVERAGE: add_interval(out, r, "value in ", 12); break;
    case BODY_MINIMIZE:
    case BODY_MAXIMIZE:
        add_interval(out, r, "value in ", 12);
        add_at(out, " at ", &o->attains);
        break;
    case BODY_LIST:
        text_addf(out, "%zu found%s", o->n_items, o->items_complete ? ", complete" : ", there may be more");
        if (o->n_items) add_at(out, ", first ", &o->items[0]);
        break;
    }
}

void line_result(struct text *out, const struct result *r, bool expect) {
    size_t before;
    text_addf(out, "%-9s  %s", verdict_name(r->verdict), r->label ? r->label : r->statement->name);
    text_add(out, ": ");
    before = out->size;
    if (r->verdict == VERDICT_VACUOUS) text_add(out, "no case satisfies the conditions");
    else if (r->verdict != VERDICT_UNDECIDED && r->verdict != VERDICT_ERROR) add_found(out, r);
    else text_add(out, r->reason ? r->reason : "no reason given");
    if (r->verdict == VERDICT_UNDECIDED && r->statement->body != BODY_LIST) add_interval(out, r, "; the prover's interval, not checked: ", 9);
    if (out->size == before) text_add(out, "it is true");
    if (r->engine) text_addf(out, "  [%s, %s, %.2f s + %.2f s]", r->engine, evidence_name(r->evidence), r->seconds_prove, r->seconds_check);
    if (expect && !result_expected(r))
        text_addf(out, "  -- expected %s", r->statement->has_expect ? verdict_name(r->statement->expect) : "proved or bounded");
    text_add(out, "\n");
}

void line_summary(struct text *out, const struct run_record *r) {
    static const enum verdict order[] = {VERDICT_PROVED, VERDICT_BOUNDED, VERDICT_REFUTED, VERDICT_UNDECIDED, VERDICT_VACUOUS, VERDICT_ERROR};
    size_t n_accepted = 0, n_surprises = 0, n_parts = 0;
    text_addf(out, "%zu claim%s: ", r->n, r->n == 1 ? "" : "s");
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++) {
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++) n += r->results[i].verdict == order[k];
        if (n) text_addf(out, "%s%zu %s", n_parts++ ? ", " : "", n, verdict_name(order[k]));
    }
    for (size_t i = 0; i < r->n; i++) {
        n_accepted += r->results[i].acceptance != NULL;
        n_surprises += !result_expected(&r->results[i]);
    }
    text_addf(out, "; %zu certificate%s accepted", n_accepted, n_accepted == 1 ? "" : "s");
    if (r->expect && n_surprises) text_addf(out, "; %zu not as expected", n_surprises);
    else if (r->expect) text_add(out, "; all as expected");
    text_addf(out, "%s; %.2f s\n", r->interrupted ? "; interrupted" : "", r->seconds);
}
