/* One claim of the report: statement, bound, input, evidence. */
#include <string.h>
#include "proofs/impact_shown.h"
#include "proofs/at_binding.h"
#include "proofs/failures.h"
#include "proofs/html_report.h"
#include "proofs/picture.h"
#include "proofs/write.h"

static void paragraph(struct text *out, const char *title, const char *text)
{
    text_addf(out, "<p><b>%s</b> ", title);
    html_add(out, text);
    text_add(out, "</p>\n");
}

/* The lines that replay the failing input, as --failures writes them. */
static void replay(struct text *out, const struct result *r)
{
    struct text lines;
    if (r->verdict != VERDICT_REFUTED || !r->outcome.counterexample.n_parts) return;
    text_init(&lines);
    if (replay_write(&lines, r, &r->outcome.counterexample, 1, false) == STATUS_OK && !lines.failed) {
        text_add(out, "<details><summary>the lines that replay it in PyTorch</summary><pre>");
        html_add(out, lines.data);
        text_add(out, "</pre></details>\n");
    }
    text_clear(&lines);
}

/* Of an intervention, when the verdict shows no input. */
static void changed_input(struct text *out, const struct run_record *run, const struct result *r)
{
    const struct binds *binds = r->statement->body == BODY_PROVE ? &r->statement->forall : &r->statement->binds;
    if (!r->impacts.n || outcome_binding(&r->outcome, r->statement->body, r->verdict == VERDICT_REFUTED)->n_parts) return;
    const struct binding *at = &r->impacts.items[0].at;
    if (at->n_parts && at->n_parts == binds->n) html_input(out, run, r, at, "where the largest change was seen");
}

static void inputs(struct text *out, const struct run_record *run, const struct result *r)
{
    const struct outcome *o = &r->outcome;
    if (r->verdict == VERDICT_REFUTED && o->counterexample.n_parts) {
        html_input(out, run, r, &o->counterexample, "counterexample");
        html_repairs(out, r);
        replay(out, r);
    }
    bool slack_elsewhere = o->attains.n_parts && binding_compare(&o->attains, &o->witness) != 0;
    if (r->verdict == VERDICT_PROVED && o->witness.n_parts)
        html_input(out, run, r, &o->witness, o->has_value && !slack_elsewhere ? "tightest input found" : "an input that satisfies every condition");
    if (r->statement->body == BODY_LIST && o->n_items && r->evidence != EVIDENCE_NONE) html_input(out, run, r, &o->items[0], "first item");
    changed_input(out, run, r);
    if (r->statement->body != BODY_PROVE && o->attains.n_parts && r->evidence != EVIDENCE_NONE) html_input(out, run, r, &o->attains, "attained at");
}

static void items(struct text *out, const struct result *r)
{
    const struct outcome *o = &r->outcome;
    if (!o->n_items || r->evidence == EVIDENCE_NONE) return;
    text_addf(out, "<details><summary>%zu items%s</summary><pre>", o->n_items, o->n_items > 1000 ? ", the first 1000" : "");
    for (size_t i = 0; i < o->n_items && i < 1000; i++) {
        binding_print(out, &o->items[i]);
        text_add(out, "\n");
    }
    text_add(out, "</pre></details>\n");
}

static void evidence(struct text *out, const struct run_record *run, const struct result *r)
{
    text_addf(out, "<p><b>Evidence</b> %s", evidence_name(r->evidence));
    if (r->acceptance) { text_add(out, "; the checker said <code class='hash'>"); html_add(out, r->acceptance); text_add(out, "</code>"); }
    if (r->outcome.orbits) text_add(out, "; evaluated: ");
    write_orbits(out, &r->outcome, "");
    text_add(out, "</p>\n");
    if (r->certificate_path && run->bundle) {
        text_add(out, "<pre>weightproof-check --dir ");
        html_add(out, run->bundle);
        text_add(out, " ");
        html_add(out, r->certificate_path);
        text_add(out, "</pre>\n");
    }
    text_add(out, "<details><summary>assumptions</summary><ul>");
    for (const char *const *a = result_assumptions(r); *a; a++) { text_add(out, "<li>"); html_add(out, *a); text_add(out, "</li>"); }
    text_add(out, "</ul></details>\n");
}

void html_claim(struct text *out, const struct run_record *run, size_t index)
{
    const struct result *r = &run->results[index];
    const struct statement *s = r->statement;
    struct text value;
    text_init(&value);
    text_addf(out, "<section class='claim' id='claim%zu'><h3>", index);
    html_add(out, r->label ? r->label : s->name);
    text_addf(out, " — %s</h3>\n", verdict_name(r->verdict));
    if (s->title) paragraph(out, "", s->title);
    if (s->because) paragraph(out, "Because", s->because);
    if (s->text) {
        text_add(out, "<pre>");
        html_add(out, s->text);
        text_addf(out, "</pre><p class='soft hash'>SHA-256 of the statement %s</p>\n", s->sha256);
    }
    write_result(&value, r);
    if (value.data && value.size) paragraph(out, "Result", value.data);
    html_interval(out, r);
    if (s->has_expect && !result_expected(r)) text_addf(out, "<p><b>Expected</b> %s</p>\n", verdict_name(s->expect));
    for (size_t i = 0; i < r->impacts.n; i++) {
        struct text change;
        text_init(&change);
        impact_say(&change, &r->impacts.items[i]);
        if (change.data && !change.failed) paragraph(out, i ? "" : "Interventions", change.data);
        text_clear(&change);
    }
    inputs(out, run, r);
    items(out, r);
    html_segments(out, r);
    html_distances(out, r);
    html_rank(out, run, index);
    evidence(out, run, r);
    text_add(out, "</section>\n");
    text_clear(&value);
}
