/* One binding of a claim: its values, pictures of what the models do there, and what repairs it. */
#include "proofs/html_report.h"
#include "proofs/picture.h"
#include "verify/repair.h"

void html_input(struct text *out, const struct run_record *run, const struct result *r, const struct binding *b, const char *what)
{
    struct text words;
    text_init(&words);
    binding_print(&words, b);
    text_addf(out, "<p><b>%s</b> <code>", what);
    html_add(out, words.data ? words.data : "");
    text_add(out, "</code></p>\n");
    text_clear(&words);
    html_scenes(out, r, b);
    html_explain(out, run, r, b);
}

static void repair_row(struct text *out, const struct repair *r)
{
    text_addf(out, "<tr><td><code>%s</code></td><td>%s</td><td><code>", r->component, r->repairs ? "✓ repairs it" : "✗ does not");
    for (size_t i = 0; i < r->n; i++) text_addf(out, "%s%d", i ? "," : "", r->from[i]);
    text_add(out, "</code></td></tr>\n");
}

void html_repairs(struct text *out, const struct result *r)
{
    struct repairs found;
    if (repairs_find(&found, r->statement, &r->outcome.counterexample) != STATUS_OK) return;
    if (found.n_right == 0) {
        text_add(out, "<p>No sequence one token away from the counterexample satisfies the claim, so no component was patched from one.</p>\n");
    } else {
        text_addf(out, "<p><b>What repairs it.</b> Each component's output was taken, alone, from a run where the claim holds (%zu sequences one token "
                  "away were tried) and put in place of its own:</p><table><thead><tr><th>component</th><th>claim at the counterexample</th><th>taken from</th></tr></thead><tbody>\n",
                  found.n_right);
        for (size_t i = 0; i < found.n; i++) repair_row(out, &found.items[i]);
        text_add(out, "</tbody></table>\n");
    }
    repairs_clear(&found);
}
