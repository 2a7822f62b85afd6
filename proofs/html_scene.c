/* html_scene.c: attention patterns and logits of the models on the sequences that a claim reads, changed models beside the model without its changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "proofs/at_binding.h"
#include "proofs/html_report.h"
#include "proofs/picture.h"
#include "verify/network_read.h"

#define SCENES 4          /* of one claim: a model on a sequence */
#define PATTERNS 12       /* patterns drawn in a scene */
#define LENGTH 64         /* longer sequences are not drawn */
#define NAME 48
#define TITLE 72          /* longer model expressions are cut */

/* calls: the call that is drawn; row: the expression of the row that it is indexed with, or NULL. */
struct sight { const struct expr *model, *tokens, *row; };
struct tour { struct text *out; const struct result *r; struct at_binding at; struct diag d; struct sight seen[SCENES]; size_t n; const struct expr *index; long answer; };

struct scene { struct tour *tour; const struct sight *sight; const struct net *net; struct site *site; const int *tokens; size_t n, row; char title[2 * TITLE + 32];
               const char *const *labels; size_t n_labels; };

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
    char names[LENGTH][NAME], title[sizeof s->title + 64];
    const char *pointers[LENGTH];
    double *values = mem_array(s->n * s->n, sizeof *values);
    if (!values) { s->tour->out->failed = true; return; }
    token_names(names, pointers, s);
    for (size_t i = 0; i < s->n; i++) {
        const double *mid = interp_site_middles(s->site, node, i);
        for (size_t j = 0; j < s->n; j++) values[i * s->n + j] = s->net->causal && j > i ? (double)NAN : mid[j];
    }
    snprintf(title, sizeof title, "%s: attention of head %zu.%zu", s->title, layer, head);
    heatmap_add(s->tour->out, &(struct heatmap){ .values = values, .rows = s->n, .columns = s->n, .pattern = true, .title = title,
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
            long node = interp_site_node(s->site, name);
            if (node >= 0) { pattern(s, (size_t)node, l, h); drawn++; }
        }
}

static const double *output_row(const struct net *net, struct site *site, size_t row)
{
    long node = interp_site_node(site, net->nodes[net->output].name);
    return node < 0 ? NULL : interp_site_middles(site, (size_t)node, row);
}

static void logits(const struct scene *s)
{
    const double *mid = output_row(s->net, s->site, s->row);
    char title[sizeof s->title + 64], one[64], two[64];
    size_t width = s->net->nodes[s->net->output].width, best = 0, second = SIZE_MAX;
    long answer = s->tour->answer;
    if (!mid || width == 0) return;
    for (size_t j = 1; j < width; j++) if (mid[j] > mid[best]) best = j;
    for (size_t j = 0; j < width; j++) if (j != best && (second == SIZE_MAX || mid[j] > mid[second])) second = j;
    bool wrong = answer >= 0 && (size_t)answer < width && (size_t)answer != best;
    if (wrong) second = (size_t)answer;
    snprintf(title, sizeof title, "%s: logits at position %zu", s->title, s->row);
    snprintf(one, sizeof one, "largest, %zu", best);
    snprintf(two, sizeof two, "%s, %zu", wrong ? "what the claim asks for" : "next", second == SIZE_MAX ? 0 : second);
    bars_add(s->tour->out, title, mid, width, best, one, second, two, width <= s->n_labels ? s->labels : NULL);
}

static const struct expr *without_changes(const struct expr *model)
{
    while (expr_is_intervention(model)) model = model->args[0];
    return model;
}

/* What the changes do to the row of logits. */
static void differences(const struct scene *s)
{
    const struct expr *plain = without_changes(s->sight->model);
    size_t width = s->net->nodes[s->net->output].width, most = 0;
    char title[sizeof s->title + 64], words[64];
    struct site *site;
    if (plain == s->sight->model || width == 0 || interp_site(&site, s->tour->at.in, plain, s->sight->tokens, &s->tour->d) != STATUS_OK) return;
    const double *after = output_row(s->net, s->site, s->row), *before = output_row(s->net, site, s->row);
    double *by = mem_array(width, sizeof *by);
    for (size_t j = 0; by && after && before && j < width; j++) {
        by[j] = after[j] - before[j];
        if (fabs(by[j]) > fabs(by[most])) most = j;
    }
    snprintf(title, sizeof title, "%s: changes of the logits at position %zu", s->title, s->row);
    snprintf(words, sizeof words, "largest change, %zu", most);
    if (by && after && before) bars_add(s->tour->out, title, by, width, most, words, SIZE_MAX, "", width <= s->n_labels ? s->labels : NULL);
    free(by);
}

static void add_cut(char *out, size_t size, const struct expr *e)
{
    struct text t;
    text_init(&t);
    expr_print(&t, e);
    const char *s = t.data && !t.failed ? t.data : "";
    snprintf(out, size, strlen(s) > TITLE ? "%.*s..." : "%.*s", TITLE, s);
    text_clear(&t);
}

/* The sequence, when it is more than a variable of the claim. */
static void say_tokens(const struct scene *s)
{
    struct text *out = s->tour->out;
    if (s->sight->tokens->form == FORM_NAME) return;
    text_add(out, "<p class='soft'>the sequence read, ");
    char words[TITLE + 8];
    add_cut(words, sizeof words, s->sight->tokens);
    html_add(out, words);
    text_add(out, ": <code>");
    for (size_t i = 0; i < s->n; i++) text_addf(out, "%s%d", i ? "," : "", s->tokens[i]);
    text_add(out, "</code></p>\n");
}

static void draw(struct scene *s)
{
    char model[TITLE + 8], input[TITLE + 8];
    add_cut(model, sizeof model, s->sight->model);
    add_cut(input, sizeof input, s->sight->tokens);
    snprintf(s->title, sizeof s->title, "%s on %s", model, input);
    s->labels = html_labels(s->tour->at.s, without_changes(s->sight->model)->name, &s->n_labels);
    say_tokens(s);
    text_add(s->tour->out, "<div class='pics'>");
    patterns(s);
    logits(s);
    differences(s);
    text_add(s->tour->out, "</div>\n");
}

/* Tokens of the network, at most `room` of them; 0: they are none. */
static size_t tokens_of(int *out, size_t room, const struct tour *t, const struct net *net, const struct expr *e)
{
    fmpq *x = NULL;
    size_t n = 0;
    bool scalar = false, good;
    struct diag d;
    diag_init(&d);
    good = !expr_depends_on_network(e) && at_binding_knows(&t->at, e) && interp_exact(&x, &n, &scalar, t->at.in, e, &d) == STATUS_OK && !scalar && n <= room && n <= net->n_ctx;
    for (size_t i = 0; good && i < n; i++) {
        good = fmpz_is_one(fmpq_denref(x + i)) && fmpz_sgn(fmpq_numref(x + i)) >= 0 && fmpz_cmp_ui(fmpq_numref(x + i), net->d_vocab) < 0;
        if (good) out[i] = (int)fmpz_get_si(fmpq_numref(x + i));
    }
    if (x) _fmpq_vec_clear(x, (slong)n);
    diag_clear(&d);
    return good ? n : 0;
}

/* Looked at before, in bounded time: its run takes no longer than one of those. */
static bool was_measured(const struct tour *t, const struct expr *model)
{
    struct text words;
    bool found = false;
    text_init(&words);
    expr_print(&words, model);
    for (size_t i = 0; words.data && !words.failed && i < t->r->impacts.n; i++) found = found || strcmp(t->r->impacts.items[i].model, words.data) == 0;
    text_clear(&words);
    return found;
}

/* The position that is read, the last one where the claim says none that is a number here. */
static size_t row_of(struct tour *t, const struct expr *e, size_t n)
{
    long row = -1;
    mpq_t v;
    mpq_init(v);
    if (e && expr_constant(v, e, -1)) row = (long)mpz_get_si(mpq_numref(v));
    else if (e && e->type.base == BASE_INT && e->type.rank == 0 && !expr_depends_on_network(e) && at_binding_knows(&t->at, e) && interp_int(&row, t->at.in, e, &t->d) != STATUS_OK) row = -1;
    mpq_clear(v);
    return row < 0 || (size_t)row >= n ? n - 1 : (size_t)row;
}

static void see(struct tour *t, struct sight sight)
{
    const struct net *net = statement_net(t->at.s, sight.model);
    const struct expr *plain = without_changes(sight.model);
    int tokens[LENGTH];
    struct scene s = { .tour = t, .net = net, .tokens = tokens };
    for (size_t i = 0; i < t->n; i++) if (expr_equal(t->seen[i].model, sight.model) && expr_equal(t->seen[i].tokens, sight.tokens)) return;
    if (!net || net->width_in || t->n == SCENES || !at_binding_knows(&t->at, sight.model)) return;
    if (plain != sight.model && (reads_choices(sight.model) || !was_measured(t, sight.model))) return; /* of choices there is a box, no one run */
    s.n = tokens_of(tokens, LENGTH, t, net, sight.tokens);
    if (s.n == 0) return;
    if (plain != sight.model) see(t, (struct sight){ plain, sight.tokens, sight.row });
    if (t->n == SCENES || interp_site(&s.site, t->at.in, sight.model, sight.tokens, &t->d) != STATUS_OK) return;
    s.row = row_of(t, sight.row, s.n);
    t->seen[t->n] = sight;
    s.sight = &t->seen[t->n++];
    draw(&s);
}

static bool visit(const struct expr *e, void *context)
{
    struct tour *t = context;
    const struct expr *index = t->index;
    t->index = e->form == FORM_INDEX && e->args[0]->form == FORM_CALL ? e : NULL;
    if (e->form != FORM_CALL || !function_reads_network(e->function) || e->n_args < 2) return true;
    see(t, (struct sight){ e->args[0], e->args[e->n_args - 1], index && index->args[0] == e ? index->args[1] : NULL });
    return true;
}

/* The e of argmax(logits(...)[...]) == e, when the claim compares with one. */
static bool asked(const struct expr *e, void *context)
{
    if (e->form != FORM_COMPARE || e->n_args != 2 || !expr_calls(e->args[0], FUNCTION_ARGMAX)) return true;
    const struct expr *row = e->args[0]->args[0];
    if (row->form != FORM_INDEX || !expr_calls(row->args[0], FUNCTION_LOGITS)) return true;
    *(const struct expr **)context = e->args[1];
    return false;
}

static long answer_of(struct tour *t)
{
    const struct expr *e = NULL;
    long answer = -1;
    expr_walk(t->at.s->subject, asked, &e);
    if (!e || expr_depends_on_network(e) || e->type.base != BASE_INT || !at_binding_knows(&t->at, e)) return -1;
    return interp_int(&answer, t->at.in, e, &t->d) == STATUS_OK ? answer : -1;
}

void html_scenes(struct text *out, const struct result *r, const struct binding *b)
{
    struct tour t = { .out = out, .r = r };
    if (!at_binding_open(&t.at, r->statement, b)) return;
    diag_init(&t.d);
    t.answer = answer_of(&t);
    expr_walk(r->statement->subject, visit, &t);
    diag_clear(&t.d);
    at_binding_close(&t.at);
}
