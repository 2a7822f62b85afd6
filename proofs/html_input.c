/* Pictures of a model on one binding: attention patterns and logits for every (model, sequence) that the claim reads, and what repairs it. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "proofs/html_report.h"
#include "proofs/picture.h"
#include "verify/repair.h"

#define PATTERNS 12       /* patterns drawn for one model on one sequence */
#define LENGTH 64         /* longer sequences are not drawn */
#define NAME 48

struct scene { struct text *out; const char *title; const struct net *net; struct run *run; const int *tokens; size_t n;
               const char *const *labels; size_t n_labels; long row, answer; };

static void token_names(char names[][NAME], const char *pointers[], const struct scene *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if ((size_t)s->tokens[i] < s->n_labels) snprintf(names[i], NAME, "%zu: %.16s", i, s->labels[s->tokens[i]]);
        else snprintf(names[i], NAME, "%zu: %d", i, s->tokens[i]);
        pointers[i] = names[i];
    }
}

static void pattern(const struct scene *s, size_t node, size_t layer, size_t head)
{
    char names[LENGTH][NAME], title[160];
    const char *pointers[LENGTH];
    double *values = mem_array(s->n * s->n, sizeof *values);
    if (!values) { s->out->failed = true; return; }
    token_names(names, pointers, s);
    for (size_t i = 0; i < s->n; i++) {
        const double *mid, *rad;
        run_row(s->run, node, i, &mid, &rad);
        for (size_t j = 0; j < s->n; j++) values[i * s->n + j] = s->net->causal && j > i ? (double)NAN : mid[j];
    }
    snprintf(title, sizeof title, "%s: attention of head %zu.%zu", s->title, layer, head);
    heatmap_add(s->out, &(struct heatmap){ .values = values, .rows = s->n, .columns = s->n, .pattern = true, .title = title,
        .row_axis = "reading position (position: token)", .column_axis = "position read", .row_names = pointers, .column_names = pointers });
    free(values);
}

static void patterns(const struct scene *s)
{
    size_t drawn = 0;
    for (size_t l = 0; l < net_layers(s->net); l++)
        for (size_t h = 0; h < net_heads(s->net, l) && drawn < PATTERNS; h++) {
            char name[96];
            snprintf(name, sizeof name, "blocks.%zu.attn.hook_pattern.%zu", l, h);
            long node = net_node(s->net, name);
            if (node >= 0) { pattern(s, (size_t)node, l, h); drawn++; }
        }
}

static void logits(const struct scene *s)
{
    const double *mid, *rad;
    char title[160], one[64], two[64];
    size_t row = s->row < 0 || (size_t)s->row >= s->n ? s->n - 1 : (size_t)s->row;
    run_row(s->run, s->net->output, row, &mid, &rad);
    size_t width = run_width(s->run, s->net->output), best = 0, second = SIZE_MAX;
    for (size_t j = 1; j < width; j++) if (mid[j] > mid[best]) best = j;
    for (size_t j = 0; j < width; j++) if (j != best && (second == SIZE_MAX || mid[j] > mid[second])) second = j;
    bool wrong = s->answer >= 0 && (size_t)s->answer < width && (size_t)s->answer != best;
    if (wrong) second = (size_t)s->answer;
    snprintf(title, sizeof title, "%s: logits at position %zu", s->title, row);
    snprintf(one, sizeof one, "largest, %zu", best);
    snprintf(two, sizeof two, "%s, %zu", wrong ? "what the claim asks for" : "next", second == SIZE_MAX ? 0 : second);
    bars_add(s->out, title, mid, width, best, one, second, two, width <= s->n_labels ? s->labels : NULL);
}

static void scene(struct text *out, const struct statement *claim, const struct bound_model *m, const char *binder, const int *tokens, size_t n, long row, long answer)
{
    char title[128];
    struct scene s = { out, title, &m->model.net, NULL, tokens, n, NULL, 0, row, answer };
    s.labels = html_labels(claim, m->name, &s.n_labels);
    for (size_t i = 0; i < n; i++) if (tokens[i] < 0 || (size_t)tokens[i] >= s.net->d_vocab) return;
    if (s.net->width_in || n == 0 || n > s.net->n_ctx || n > LENGTH || run_new(&s.run, s.net, SEMANTICS_REAL) != STATUS_OK) return;
    snprintf(title, sizeof title, "%.40s on %.40s", m->name, binder);
    run_tokens(s.run, tokens, n);
    text_add(out, "<div class='pics'>");
    patterns(&s);
    logits(&s);
    text_add(out, "</div>\n");
    run_free(s.run);
}

/* The position at which the claim reads logits, when it says one: logits(...)[3], [last] gives -1 (the last), anything else too. */
static bool read_out(const struct expr *e, void *context)
{
    mpq_t v;
    if (e->form != FORM_INDEX || e->args[0]->form != FORM_CALL || e->args[0]->function != FUNCTION_LOGITS) return true;
    mpq_init(v);
    if (expr_constant(v, e->args[1], -1)) *(long *)context = (long)mpz_get_si(mpq_numref(v));
    mpq_clear(v);
    return false;
}

/* The e of argmax(logits(...)[...]) == e, when the claim compares with one. */
static bool asked(const struct expr *e, void *context)
{
    if (e->form != FORM_COMPARE || e->n_args != 2 || e->args[0]->form != FORM_CALL || e->args[0]->function != FUNCTION_ARGMAX) return true;
    *(const struct expr **)context = e->args[1];
    return false;
}

static long answer_of(const struct statement *s, const struct binding *b)
{
    const struct binds *binds = s->body == BODY_PROVE ? &s->forall : &s->binds;
    const struct expr *e = NULL;
    struct interp *in = NULL;
    struct diag d;
    long answer = -1;
    expr_walk(s->subject, asked, &e);
    if (!e || expr_depends_on_network(e) || e->type.base != BASE_INT || b->n_parts != binds->n || interp_new(&in, s, 0) != STATUS_OK) return -1;
    diag_init(&d);
    binding_bind(in, binds, b);
    if (interp_int(&answer, in, e, &d) != STATUS_OK) answer = -1;
    diag_clear(&d);
    interp_free(in);
    return answer;
}

void html_input(struct text *out, const struct run_record *run, const struct result *r, const struct binding *b, const char *what)
{
    const struct statement *s = r->statement;
    struct text words;
    long row = -1;
    text_init(&words);
    binding_print(&words, b);
    text_addf(out, "<p><b>%s</b> <code>", what);
    html_add(out, words.data ? words.data : "");
    text_add(out, "</code></p>\n");
    text_clear(&words);
    expr_walk(s->subject, read_out, &row);
    long answer = answer_of(s, b);
    for (size_t m = 0; m < s->n_models; m++) {
        const struct bound_model *model = &s->file->models[s->models[m]];
        for (size_t i = 0; i < b->n_parts; i++)
            if (!b->parts[i].is_int && !b->parts[i].vector) scene(out, s, model, b->parts[i].name, b->parts[i].tokens, b->parts[i].n, row, answer);
    }
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
