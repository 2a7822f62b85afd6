#include "proofs/html_report.h"
#include <string.h>
#include "proofs/picture.h"
#include "proofs/write.h"

static const char style[] =
    ":root{--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d0d7de;--card:#f6f8fa}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e9ec;--soft:#a0a9b3;--line:#3a4149;--card:#1d2125}}"
    "body{font:15px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--fg);max-width:1060px;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.25em;border-bottom:1px solid var(--line);margin-top:2.2em}h3{font-size:1.05em;margin-top:1.6em}"
    "table{border-collapse:collapse;width:100%;font-size:.93em}td,th{text-align:left;vertical-align:top;padding:.35em .7em .35em 0;border-bottom:1px solid var(--line)}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.88em}pre{background:var(--card);border:1px solid var(--line);padding:.7em;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".claim{border:1px solid var(--line);border-radius:6px;padding:.2em 1.1em 1em;margin:1.4em 0}.word{font-weight:600;white-space:nowrap}"
    ".soft,small,figcaption{color:var(--soft)}figure{display:inline-block;vertical-align:top;margin:.6em 1.2em .6em 0}figcaption{font-size:.85em;max-width:34em}.tile figcaption{max-width:16em}code{overflow-wrap:anywhere}"
    "img{image-rendering:pixelated;border:1px solid var(--line)}svg text{fill:#111}svg text.ax{fill:var(--fg)}svg text[fill='#fff']{fill:#fff}.pics{overflow-x:auto}"
    ".neg{color:#b2182b;font-weight:600}.pos{color:#2166ac;font-weight:600}.hash{overflow-wrap:anywhere}.fence{border-left:4px solid var(--line);padding-left:1em}"
    "@media(prefers-color-scheme:dark){.neg{color:#f4a582}.pos{color:#92c5de}}"
    "@media print{body{max-width:none;margin:0}figure,.claim{break-inside:avoid}}";

static const char *sign(enum verdict v)
{
    static const char *const signs[] = { [VERDICT_PROVED] = "✓", [VERDICT_BOUNDED] = "✓", [VERDICT_REFUTED] = "✗",
        [VERDICT_UNDECIDED] = "?", [VERDICT_VACUOUS] = "∅", [VERDICT_ERROR] = "!" };
    return signs[v];
}

static void head(struct text *out, const struct run_record *r)
{
    text_add(out, "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
             "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"><title>weightproof: ");
    html_add(out, r->claims->path);
    text_addf(out, "</title><style>%s</style></head><body>\n<h1>What was proved about the model</h1><p>Claims of <code>", style);
    html_add(out, r->claims->path);
    text_addf(out, "</code> <span class='soft hash'>(SHA-256 %s)</span>. Every verdict below is what an independent checker accepted; "
              "a report can be edited by anyone, so an auditor re-checks the certificates, not this page.</p>\n", r->claims->sha256);
}

static void table_row(struct text *out, const struct result *r, size_t i)
{
    text_addf(out, "<tr><td><a href='#claim%zu'>", i);
    html_add(out, r->label ? r->label : r->statement->name);
    text_add(out, "</a>");
    if (r->statement->title) { text_add(out, "<br><span class='soft'>"); html_add(out, r->statement->title); text_add(out, "</span>"); }
    text_addf(out, "</td><td class='word'>%s %s</td><td>", sign(r->verdict), verdict_name(r->verdict));
    struct text value;
    text_init(&value);
    write_result(&value, r);
    if (value.data) html_add(out, value.data);
    text_clear(&value);
    text_addf(out, "</td><td>%s</td><td>%s</td><td>%s</td><td>%.2f s</td><td>%.2f s</td></tr>\n", r->statement->semantics == SEMANTICS_FLOAT32 ? "float32" : "real",
              evidence_name(r->evidence), r->engine ? r->engine : "", r->seconds_prove, r->seconds_check);
}

static void table(struct text *out, const struct run_record *r)
{
    text_add(out, "<h2 id='verdicts'>Verdicts</h2>\n<div class='pics'><table><thead><tr><th>claim</th><th>verdict</th><th>result</th><th>semantics</th>"
             "<th>evidence</th><th>engine</th><th>proved in</th><th>checked in</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < r->n; i++) table_row(out, &r->results[i], i);
    text_add(out, "</tbody></table></div>\n<p class='soft'>proved, bounded: an independent program accepted a certificate. refuted: a counterexample was evaluated again by that program, "
             "or it accepted a certificate of the negation. undecided: nothing was established, and what it says of values or items was not checked. vacuous: no input satisfies the conditions. The slack of a proved claim is the prover's own "
             "enclosure: the certificate does not hold it.</p>\n");
    if (r->interrupted) text_add(out, "<p><b>The run was interrupted: claims without a verdict were not tried to the end.</b></p>\n");
}

static void foot(struct text *out, const struct run_record *r)
{
    text_add(out, "<h2>Checking this again</h2>\n");
    if (r->bundle) {
        text_add(out, "<p>The folder <code>");
        html_add(out, r->bundle);
        text_add(out, "</code> stands alone: networks, statements, certificates, sums and instructions (REPLAY.md).</p><pre>weightproof-check --dir ");
        html_add(out, r->bundle);
        text_add(out, " ");
        html_add(out, r->bundle);
        text_add(out, "/*.cert</pre>\n");
    } else {
        text_add(out, "<p>This run kept no certificates; <code>--certificates DIR</code> writes a folder that stands alone.</p>\n");
    }
    text_addf(out, "<h2>This run</h2>\n<div class='fence'><p>weightproof %s, %.2f s in all. Options:", WEIGHTPROOF_VERSION, r->seconds);
    for (size_t i = 0; i < r->n_options; i++) {
        text_add(out, " <code>--");
        html_add(out, r->options[i].name);
        if (r->options[i].value) { text_add(out, " "); html_add(out, r->options[i].value); }
        text_add(out, "</code>");
    }
    text_add(out, r->n_options ? "</p></div>\n" : " none</p></div>\n");
    text_add(out, "</body></html>\n");
}

const char *const *html_labels(const struct statement *s, const char *model, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < s->file->n_labels; i++)
        if (strcmp(s->file->labels[i].model, model) == 0) {
            *n = s->file->labels[i].n;
            return (const char *const *)s->file->labels[i].names;
        }
    return NULL;
}

struct shape html_shape(const struct run_record *run, size_t n)
{
    struct shape said;
    size_t side = 1;
    for (size_t i = 0; i < run->n_options; i++)
        if (strcmp(run->options[i].name, "picture") == 0 && shape_read(&said, run->options[i].value) && said.rows * said.columns == n) return said;
    while (side * side < n) side++;
    return side * side == n && side > 1 ? (struct shape){ side, side } : (struct shape){ 0, 0 };
}

enum status html_report_write(const struct run_record *r, const char *path, struct diag *d)
{
    struct text page;
    text_init(&page);
    head(&page, r);
    table(&page, r);
    text_add(&page, "<h2>Claims</h2>\n");
    for (size_t i = 0; i < r->n; i++) html_claim(&page, r, i);
    text_add(&page, "<h2>Models</h2>\n");
    for (size_t i = 0; i < r->claims->n_models; i++) html_model(&page, r, &r->claims->models[i]);
    foot(&page, r);
    enum status status = page.failed ? STATUS_MEMORY : file_write(path, page.data, page.size, d);
    text_clear(&page);
    return status;
}
