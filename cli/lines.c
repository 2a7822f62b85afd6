#include "cli/lines.h"
#include "proofs/write.h"

void line_result(struct text *out, const struct result *r, bool expect) {
    text_addf(out, "%-9s  %s", verdict_name(r->verdict), r->label ? r->label : r->statement->name);
    text_add(out, ": ");
    write_result(out, r);
    if (r->engine) {
        text_addf(out, "  [%s, ", r->engine);
        write_orbits(out, &r->outcome, ", ");
        text_addf(out, "%s, %.2f s + %.2f s]", evidence_name(r->evidence), r->seconds_prove, r->seconds_check);
    }
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
