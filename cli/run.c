/* Certified enclosures of nodes on one sequence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/command.h"
#include "core/text.h"
#include "models/run.h"

#define RUN_BITS 256

static void print_ball(struct text *t, const arb_t x, slong digits) {
    char *s = arb_get_str(x, digits, 0);
    text_add(t, s ? s : "?");
    flint_free(s);
}

static void print_node(struct text *t, struct ball_run *r, const struct net *net, size_t node, const int *tokens, size_t n, slong digits,
                       const char *semantics) {
    size_t width = net->nodes[node].width ? net->nodes[node].width : n;
    text_addf(t, "%s  [%zu, %zu]  %s\n", net->nodes[node].name, n, width, semantics);
    for (size_t i = 0; i < n; i++) {
        arb_srcptr row = ball_run_row(r, node, i);
        text_addf(t, "position %zu, token %d\n", i, tokens[i]);
        for (size_t j = 0; j < width; j++) {
            bool unread = net->nodes[node].op == OP_SCORE && ((net->causal && j > i) || tokens[j] == net->pad);
            text_addf(t, "  %4zu  ", j);
            if (unread) text_add(t, "-");
            else print_ball(t, row + j, digits);
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

static enum status run_all(struct text *t, const struct arguments *a, const struct model *m, enum semantics semantics, const int *tokens,
                           size_t n, slong digits, struct diag *d) {
    struct ball_run *r = NULL;
    const char *word = semantics == SEMANTICS_REAL ? "real" : "float32";
    const char *wide = semantics == SEMANTICS_FLOAT32 ? net_not_binary32(&m->net) : NULL;
    if (wide) return diag_fail(d, STATUS_INPUT, "float32 is refused: tensor '%s' holds numbers that are not binary32", wide);
    enum status s = ball_run_new(&r, &m->net, semantics, RUN_BITS);
    if (s != STATUS_OK) return s;
    ball_run_tokens(r, tokens, n);
    if (!argument_given(a, OPTION_NODE)) print_node(t, r, &m->net, m->net.output, tokens, n, digits, word);
    for (size_t i = 0; i < a->n_values[OPTION_NODE] && s == STATUS_OK; i++) {
        size_t node = 0;
        s = find_node(&node, &m->net, a->values[OPTION_NODE][i], d);
        if (s == STATUS_OK) print_node(t, r, &m->net, node, tokens, n, digits, word);
    }
    ball_run_free(r);
    return s;
}

int command_run(const struct arguments *a) {
    struct model m = {0};
    struct text t;
    struct diag d;
    bool loaded = false;
    int *tokens = NULL;
    size_t n = 0;
    unsigned long digits = 12;
    const char *list = argument_value(a, OPTION_TOKENS), *under = argument_value(a, OPTION_UNDER);
    diag_init(&d);
    text_init(&t);
    enum status s = argument_count(&digits, a, OPTION_DIGITS, 1, 60, &d);
    if (s == STATUS_OK && !list) s = diag_fail(&d, STATUS_INPUT, "run needs --tokens V,...");
    if (s == STATUS_OK && under && strcmp(under, "real") != 0 && strcmp(under, "float32") != 0)
        s = diag_fail(&d, STATUS_INPUT, "option '--under' needs real or float32, not '%s'", under);
    if (s == STATUS_OK) s = command_model(&m, a, a->positional[0], &d);
    if (s != STATUS_OK) goto done;
    loaded = true;
    if (m.net.width_in) s = diag_fail(&d, STATUS_INPUT, "this model reads rows of %zu real numbers, not tokens", m.net.width_in);
    if (s == STATUS_OK) s = tokens_parse(&tokens, &n, list, m.net.d_vocab, &d);
    if (s == STATUS_OK && n > m.net.n_ctx) s = diag_fail(&d, STATUS_INPUT, "%zu tokens are too many: this model reads at most %zu", n, m.net.n_ctx);
    if (s == STATUS_OK && (!under || strcmp(under, "real") == 0)) s = run_all(&t, a, &m, SEMANTICS_REAL, tokens, n, (slong)digits, &d);
    if (s == STATUS_OK && under && strcmp(under, "float32") == 0) s = run_all(&t, a, &m, SEMANTICS_FLOAT32, tokens, n, (slong)digits, &d);
    if (s == STATUS_OK) s = t.failed ? STATUS_MEMORY : command_write(NULL, t.data, t.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (loaded) model_clear(&m);
    free(tokens);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
