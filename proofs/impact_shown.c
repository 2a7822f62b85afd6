/* impact_shown.c: what interventions were seen to change, in words and as JSON. */
#include "core/number.h"
#include "proofs/at_binding.h"
#include "proofs/impact_shown.h"
#include "proofs/write.h"

void result_impacts(struct result *r, const struct limits *l) {
    const struct binding *shown = outcome_binding(&r->outcome, r->statement->body, r->verdict == VERDICT_REFUTED);
    if (impacts_measure(&r->impacts, r->statement, shown, l) != STATUS_OK) impacts_clear(&r->impacts);
}

static void add_least(struct text *out, double least, int digits) {
    mpq_t q;
    mpq_init(q);
    number_set_double(q, least);
    if (digits) write_decimal(out, q, digits, ROUND_DOWN);
    else write_double(out, q, ROUND_DOWN);
    mpq_clear(q);
}

void impact_say(struct text *out, const struct impact *x) {
    bool seen = x->gap.least > 0;
    text_addf(out, "%s on %s: ", x->model, x->input);
    if (seen) {
        text_add(out, "an output changes by at least ");
        add_least(out, x->gap.least, 4);
        text_addf(out, " (row %zu, entry %zu", x->gap.row, x->gap.entry);
        if (x->at.n_parts) {
            text_add(out, ", at ");
            binding_show(out, &x->at);
        }
        text_add(out, "), the largest change seen");
    } else
        text_add(out, "no change is certain");
    text_addf(out, "; %s%lu input%s looked at", x->all && x->looked != 1 ? "all " : "", x->looked, x->looked == 1 ? "" : "s");
    if (!x->all) text_add(out, ", not all");
}

void impacts_json(struct text *out, const struct result *r) {
    if (r->impacts.n == 0) return;
    text_add(out, ",\n     \"interventions\": [");
    for (size_t i = 0; i < r->impacts.n; i++) {
        const struct impact *x = &r->impacts.items[i];
        text_add(out, i ? ",\n      {\"model\": " : "\n      {\"model\": ");
        write_json_string(out, x->model);
        text_add(out, ", \"input\": ");
        write_json_string(out, x->input);
        text_add(out, ", \"change_at_least\": ");
        add_least(out, x->gap.least, 0);
        if (x->gap.least > 0) {
            text_addf(out, ", \"row\": %zu, \"entry\": %zu, \"at\": ", x->gap.row, x->gap.entry);
            write_json_binding(out, &x->at);
        }
        text_addf(out, ", \"inputs\": %lu, \"all_inputs\": %s}", x->looked, x->all ? "true" : "false");
    }
    text_add(out, "]");
}
