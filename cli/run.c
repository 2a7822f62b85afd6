/* Certified enclosures of nodes on one sequence of tokens, or on rows of real numbers from a data array. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/command.h"
#include "core/text.h"
#include "models/adjoint.h"
#include "models/data_array.h"
#include "models/run.h"

#define RUN_BITS 256

/* tokens, or the n rows of a real input; row: which row of the file the first one is */
struct input { int *tokens; size_t n; const double *rows; size_t row; struct data_array array; };

static void print_ball(struct text *t, const arb_t x, slong digits) {
    char *s = arb_get_str(x, digits, 0);
    text_add(t, s ? s : "?");
    flint_free(s);
}

/* balls, and under float32 what reverse mode adds to them (or NULL) */
struct enclosures { struct ball_run *balls; struct adjoint_run *adjoint; };

static void print_entry(struct text *t, const struct enclosures *r, size_t node, size_t row, size_t entry, slong digits) {
    arb_t x;
    arb_init(x);
    arb_set(x, ball_run_row(r->balls, node, row) + entry);
    if (r->adjoint) adjoint_run_ball(x, r->adjoint, node, row, entry, x);
    print_ball(t, x, digits);
    arb_clear(x);
}

static void print_node(struct text *t, const struct enclosures *r, const struct net *net, size_t node, const struct input *in, slong digits,
                       const char *semantics) {
    size_t n = in->n, width = net->nodes[node].width ? net->nodes[node].width : n;
    text_addf(t, "%s  [%zu, %zu]  %s\n", net->nodes[node].name, n, width, semantics);
    for (size_t i = 0; i < n; i++) {
        if (in->tokens) text_addf(t, "position %zu, token %d\n", i, in->tokens[i]);
        else text_addf(t, "row %zu\n", in->row + i);
        for (size_t j = 0; j < width; j++) {
            bool unread = net->nodes[node].op == OP_SCORE && ((net->causal && j > i) || (in->tokens && in->tokens[j] == net->pad));
            text_addf(t, "  %4zu  ", j);
            if (unread) text_add(t, "-");
            else print_entry(t, r, node, i, j, digits);
            text_add(t, "\n");
        }
    }
}

static enum status find_node(size_t *out, const struct net *net, const char *name, struct diag *d) {
    long i = net_node(net, name);
    if (i >= 0) {
        *out = (size_t)i;
        return STATUS_OK;
    }
    const char **names = malloc((net->n_nodes + 1) * sizeof *names);
    if (!names) return STATUS_MEMORY;
    for (size_t k = 0; k < net->n_nodes; k++) names[k] = net->nodes[k].name;
    const char *near = text_suggest(name, names, net->n_nodes);
    free(names);
    if (near) return diag_fail(d, STATUS_INPUT, "no node '%s'; did you mean '%s'?", name, near);
    return diag_fail(d, STATUS_INPUT, "no node '%s'; 'weightproof info MODEL' lists them", name);
}

/* Under float32 a number that is no binary32 is rounded to the nearest, as in claims. */
static enum status enter(struct ball_run *r, const struct net *net, enum semantics semantics, const struct input *in) {
    size_t width = net->width_in;
    if (in->tokens) {
        ball_run_tokens(r, in->tokens, in->n);
        return STATUS_OK;
    }
    arb_ptr row = _arb_vec_init((slong)width);
    ball_run_length(r, in->n);
    for (size_t i = 0; i < in->n; i++) {
        for (size_t j = 0; j < width; j++) {
            double x = in->rows[i * width + j];
            if (semantics == SEMANTICS_FLOAT32) x = (double)(float)x;
            if (x - x == 0) arb_set_d(row + j, x);
            else arb_zero_pm_inf(row + j); /* beyond binary32 */
        }
        ball_run_input_row(r, i, row);
    }
    _arb_vec_clear(row, (slong)width);
    return STATUS_OK;
}

/* --input FILE [--row R]: row R of a matrix, else all of its rows; an array with one axis is one row. */
static enum status read_rows(struct input *in, const struct arguments *a, const struct net *net, struct diag *d) {
    const char *file = argument_value(a, OPTION_INPUT);
    unsigned long row = 0;
    enum status s = data_array_read(&in->array, file, NULL, d);
    if (s != STATUS_OK) return s;
    const struct data_array *x = &in->array;
    size_t rows = x->rank == 2 ? x->shape[0] : 1;
    if (x->rank > 2 || x->shape[x->rank - 1] != net->width_in)
        return diag_fail(d, STATUS_INPUT, "'%s' has no rows of %zu numbers, which this model reads", file, net->width_in);
    s = argument_count(&row, a, OPTION_ROW, 0, rows - 1, d);
    if (s != STATUS_OK) return s;
    bool one = x->rank == 1 || argument_given(a, OPTION_ROW);
    in->row = row;
    in->rows = x->data + row * net->width_in;
    in->n = one ? 1 : rows;
    if (in->n <= net->n_ctx) return STATUS_OK;
    return diag_fail(d, STATUS_INPUT, "'%s' has %zu rows, and this model reads at most %zu: choose one with --row R", file, in->n, net->n_ctx);
}

static enum status read_input(struct input *in, const struct arguments *a, const struct net *net, struct diag *d) {
    const char *list = argument_value(a, OPTION_TOKENS);
    if (net->width_in && !argument_given(a, OPTION_INPUT))
        return diag_fail(d, STATUS_INPUT, "this model reads rows of %zu real numbers, not tokens: run --input FILE.npy --row R", net->width_in);
    if (net->width_in) return read_rows(in, a, net, d);
    if (!list) return diag_fail(d, STATUS_INPUT, "this model reads tokens: run --tokens V,...");
    enum status s = tokens_parse(&in->tokens, &in->n, list, net->d_vocab, d);
    if (s == STATUS_OK && in->n > net->n_ctx) s = diag_fail(d, STATUS_INPUT, "%zu tokens are too many: this model reads at most %zu", in->n, net->n_ctx);
    return s;
}

static enum status run_all(struct text *t, const struct arguments *a, const struct model *m, enum semantics semantics, const struct input *in,
                           slong digits, struct diag *d) {
    struct enclosures r = {NULL, NULL};
    const char *word = semantics == SEMANTICS_REAL ? "real" : "float32";
    const char *wide = semantics == SEMANTICS_FLOAT32 ? net_not_binary32(&m->net) : NULL;
    if (wide) return diag_fail(d, STATUS_INPUT, "float32 is refused: tensor '%s' holds numbers that are not binary32", wide);
    enum status s = ball_run_new(&r.balls, &m->net, semantics, RUN_BITS);
    if (s == STATUS_OK && semantics == SEMANTICS_FLOAT32) s = adjoint_run_new(&r.adjoint, &m->net);
    if (s == STATUS_OK) s = enter(r.balls, &m->net, semantics, in);
    if (s == STATUS_OK && r.adjoint) s = adjoint_run_input(r.adjoint, in->tokens, in->rows, in->n);
    if (s == STATUS_OK && !argument_given(a, OPTION_NODE)) print_node(t, &r, &m->net, m->net.output, in, digits, word);
    for (size_t i = 0; i < a->n_values[OPTION_NODE] && s == STATUS_OK; i++) {
        size_t node = 0;
        s = find_node(&node, &m->net, a->values[OPTION_NODE][i], d);
        if (s == STATUS_OK) print_node(t, &r, &m->net, node, in, digits, word);
    }
    ball_run_free(r.balls);
    adjoint_run_free(r.adjoint);
    return s;
}

int command_run(const struct arguments *a) {
    struct model m = {0};
    struct text t;
    struct diag d;
    bool loaded = false;
    struct input in = {0};
    unsigned long digits = 12;
    const char *under = argument_value(a, OPTION_UNDER);
    diag_init(&d);
    text_init(&t);
    enum status s = argument_count(&digits, a, OPTION_DIGITS, 1, 60, &d);
    if (s == STATUS_OK && argument_given(a, OPTION_TOKENS) == argument_given(a, OPTION_INPUT))
        s = diag_fail(&d, STATUS_INPUT, argument_given(a, OPTION_INPUT) ? "run takes --tokens or --input, not both" : "run needs --tokens V,... or, for a model of real inputs, --input FILE");
    if (s == STATUS_OK && under && strcmp(under, "real") != 0 && strcmp(under, "float32") != 0)
        s = diag_fail(&d, STATUS_INPUT, "option '--under' needs real or float32, not '%s'", under);
    if (s == STATUS_OK) s = command_model(&m, a, a->positional[0], &d);
    if (s != STATUS_OK) goto done;
    loaded = true;
    s = read_input(&in, a, &m.net, &d);
    if (s == STATUS_OK && (!under || strcmp(under, "real") == 0)) s = run_all(&t, a, &m, SEMANTICS_REAL, &in, (slong)digits, &d);
    if (s == STATUS_OK && under && strcmp(under, "float32") == 0) s = run_all(&t, a, &m, SEMANTICS_FLOAT32, &in, (slong)digits, &d);
    if (s == STATUS_OK) s = t.failed ? STATUS_MEMORY : command_write(NULL, t.data, t.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (loaded) model_clear(&m);
    free(in.tokens);
    data_array_clear(&in.array);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
