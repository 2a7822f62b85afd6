/* new: a claim file that runs on a model as it stands: three claims, and commented alternatives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/command.h"
#include "core/text.h"

#define CASES_MAX 5000.0 /* sequences of the domain it proposes */

/* The longest length that keeps the domain small. */
static size_t length(const struct net *net) {
    size_t n = 1;
    double cases = (double)net->d_vocab;
    while (n < net->n_ctx && cases * (double)net->d_vocab <= CASES_MAX) {
        cases *= (double)net->d_vocab;
        n++;
    }
    return n;
}

static void add_string(struct text *t, const char *s) {
    text_add(t, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') text_add(t, "\\");
        text_add_n(t, s, 1);
    }
    text_add(t, "\"");
}

/* A path as the claim file must name it: the file may stand in another folder than this one. */
static void add_path(struct text *t, const char *path, const char *claims) {
    char *whole = claims && strchr(claims, '/') ? realpath(path, NULL) : NULL;
    add_string(t, whole ? whole : path);
    free(whole);
}

static void head(struct text *t, const struct model *m, const struct arguments *a, size_t n) {
    const struct net *net = &m->net;
    const char *config = argument_value(a, OPTION_CONFIG), *claims = argument_value(a, OPTION_OUTPUT);
    text_add(t, "claims 1\n\n# What the file is read as: weightproof info ");
    text_addf(t, "%s\nmodel M = ", a->positional[0]);
    add_path(t, a->positional[0], claims);
    if (config) {
        text_add(t, " config ");
        add_path(t, config, claims);
    }
    for (size_t i = 0; i < a->n_values[OPTION_SET]; i++) {
        const char *equals = strchr(a->values[OPTION_SET][i], '=');
        text_addf(t, "%s%.*s = ", i ? ", " : " with { ", (int)(equals - a->values[OPTION_SET][i]), a->values[OPTION_SET][i]);
        bool word = equals[1] != '\0' && strspn(equals + 1, "0123456789.-+eE") != strlen(equals + 1);
        if (word) add_string(t, equals + 1);
        else text_add(t, equals + 1);
    }
    text_add(t, a->n_values[OPTION_SET] ? " }\n" : "\n");
    if (net->width_in) return;
    text_addf(t, "domain D = tokens[%zu] of 0..%zu", n, net->d_vocab - 1);
    if (n < net->n_ctx) text_addf(t, "      # the model reads up to %zu tokens; this many are quick to enumerate", net->n_ctx);
    text_add(t, "\n\n");
}

static void claims(struct text *t, const struct net *net) {
    size_t answers = net->nodes[net->output].width;
    text_add(t, "claim one_answer \"the largest logit of the last position is never a tie\" {\n"
                "  forall t in D\n  prove argmax(logits(M, t)[last]) == argmax(logits(M, t)[last])\n}\n\n");
    text_add(t, "claim answers_zero \"how many sequences are answered with 0\" {\n"
                "  count t in D : argmax(logits(M, t)[last]) == 0\n}\n\n");
    if (net_layers(net) > 0 && net_heads(net, 0) > 0)
        text_add(t, "claim least_attention \"the least weight that head 0.0 puts on the last position\" {\n"
                    "  minimize t in D : attn(M, 0, 0, t)[last, last]\n}\n\n");
    else
        text_add(t, "claim least_logit \"the smallest logit of answer 0\" {\n  minimize t in D : logits(M, t)[last, 0]\n}\n\n");
    text_add(t, "# More to ask, by removing the '#'. The language: docs/claims.md\n\n");
    text_add(t, "# claim answers_max \"answers the largest token\" {\n#   forall t in D\n#   prove argmax(logits(M, t)[last]) == max(t)\n# }\n\n"
                "# claim how_often {\n#   count t in D : argmax(logits(M, t)[last]) == max(t)\n#   prove fraction >= 9/10\n# }\n\n"
                "# claim which_ones { list t in D : argmax(logits(M, t)[last]) != max(t) at most 100 }\n\n");
    text_addf(t, "# claim smallest_margin \"of answer 0 over every other answer\" {\n#   minimize t in D :\n"
                 "#     logits(M, t)[last, 0] - max{ logits(M, t)[last, j] : j in 0..%zu where j != 0 }\n#   within 1e-6\n# }\n\n",
              answers - 1);
    text_addf(t, "# claim copies {                                  # about the weights alone\n"
                 "#   let C = W(M, \"embed.W_E\") @ OV(M, 0, 0) @ W(M, \"unembed.W_U\")\n#   prove all{ C[a, a] > C[a, b] : a in 0..%zu, b in 0..%zu where b != a }\n# }\n\n",
              (answers < net->d_vocab ? answers : net->d_vocab) - 1, answers - 1);
    text_add(t, "# claim safe_in_float32 {                          # every binary32 execution, any order of summation\n#   forall t in D\n"
                "#   prove argmax(logits(M, t)[last]) == max(t)\n#   under float32\n# }\n");
}

/* Models of real inputs: the unit vectors stand in for data, which the file shows how to name. */
static void real_claims(struct text *t, const struct net *net) {
    size_t w = net->width_in, last = net->nodes[net->output].width - 1;
    const char *open = net->n_ctx == 1 ? "" : "{", *close = net->n_ctx == 1 ? "" : "}", *row = net->n_ctx == 1 ? "" : "[last]", *at = net->n_ctx == 1 ? "[" : "[last, ";
    text_addf(t, "let out(x) = output(M, %sx%s)%s\n\n", open, close, row);
    text_addf(t, "claim one_answer \"on a unit vector the largest output is never a tie\" {\n  forall i in 0..%zu\n  prove argmax(out(onehot(i, %zu))) == argmax(out(onehot(i, %zu)))\n}\n\n", w - 1, w, w);
    text_addf(t, "claim answers_zero \"how many unit vectors are answered with 0\" {\n  count i in 0..%zu : argmax(out(onehot(i, %zu))) == 0\n}\n\n", w - 1, w);
    text_addf(t, "claim least_output \"the smallest first output on a unit vector\" {\n  minimize i in 0..%zu : output(M, %sonehot(i, %zu)%s)%s0]\n}\n\n", w - 1, open, w, close, at);
    text_addf(t, "# With data, by removing the '#': X has rows of %zu numbers, Y the answers. The language: docs/claims.md\n\n"
                 "# data X = \"x.npy\"\n# data Y = \"y.npy\"\n\n", w);
    text_add(t, "# claim accuracy {\n#   count r in rows(X) : argmax(out(X[r])) == Y[r]\n#   prove fraction >= 9/10\n# }\n\n"
                "# claim which_ones { list r in rows(X) : argmax(out(X[r])) != Y[r] at most 100 }\n\n");
    text_addf(t, "# claim smallest_margin {\n#   minimize r in rows(X) where argmax(out(X[r])) == Y[r] :\n"
                 "#     out(X[r])[Y[r]] - max{ out(X[r])[j] : j in 0..%zu where j != Y[r] }\n# }\n\n", last);
    text_add(t, "# claim safe_in_float32 {                          # every binary32 execution, any order of summation\n"
                "#   count r in rows(X) : argmax(out(X[r])) == Y[r]\n#   under float32\n# }\n");
}

int command_new(const struct arguments *a) {
    struct model m = {0};
    struct text t;
    struct diag d;
    bool loaded = false;
    diag_init(&d);
    text_init(&t);
    const char *out = argument_value(a, OPTION_OUTPUT);
    enum status s = STATUS_OK;
    if (out && strcmp(out, "-") != 0 && !argument_given(a, OPTION_FORCE) && access(out, F_OK) == 0)
        s = diag_fail(&d, STATUS_INPUT, "'%s' exists; --force writes over it", out);
    if (s == STATUS_OK) s = command_model(&m, a, a->positional[0], &d);
    if (s != STATUS_OK) goto done;
    loaded = true;
    head(&t, &m, a, m.net.width_in ? 0 : length(&m.net));
    if (m.net.width_in) real_claims(&t, &m.net);
    else claims(&t, &m.net);
    s = t.failed ? STATUS_MEMORY : command_write(out, t.data, t.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (loaded) model_clear(&m);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
