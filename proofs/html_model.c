/* The card of one model: identity, tensors, what was assumed, and heat maps of its circuits. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "proofs/html_report.h"
#include "proofs/picture.h"

#define HEADS_DRAWN 16

struct matrix { double *a; size_t rows, columns; };

static struct matrix multiply(struct matrix x, const double *b, size_t inner, size_t columns, bool transposed)
{
    struct matrix y = { mem_array(x.rows * columns, sizeof(double)), x.rows, columns };
    if (!x.a || !y.a || inner != x.columns) { free(y.a); y.a = NULL; return y; }
    for (size_t i = 0; i < x.rows; i++)
        for (size_t k = 0; k < inner; k++)
            for (size_t j = 0; j < columns; j++)
                y.a[i * columns + j] += x.a[i * inner + k] * (transposed ? b[j * inner + k] : b[k * columns + j]);
    return y;
}

static const struct weight *weight_of(const struct net *net, const char *format, size_t layer, size_t head)
{
    char name[96];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(name, sizeof name, format, layer, head);
#pragma GCC diagnostic pop
    long node = net_node(net, name);
    return node >= 0 && net->nodes[node].n_w ? &net->nodes[node].w[0] : NULL;
}

static void draw(struct text *out, struct matrix m, const char *title, const char *rows, const char *columns)
{
    if (m.a) heatmap_add(out, &(struct heatmap){ .values = m.a, .rows = m.rows, .columns = m.columns, .title = title, .row_axis = rows, .column_axis = columns });
    else out->failed = true;
}

static struct matrix embedding(const struct net *net)
{
    const struct weight *e = weight_of(net, "hook_embed", 0, 0);
    struct matrix m = { NULL, 0, 0 };
    if (!e || !(m.a = mem_array(e->k * e->m, sizeof(double)))) return m;
    memcpy(m.a, e->data, e->k * e->m * sizeof(double));
    m.rows = e->k;
    m.columns = e->m;
    return m;
}

static void head_circuits(struct text *out, const struct net *net, struct matrix E, const struct weight *U, size_t l, size_t h)
{
    const struct weight *Q = weight_of(net, "blocks.%zu.attn.hook_q.%zu", l, h), *K = weight_of(net, "blocks.%zu.attn.hook_k.%zu", l, h);
    const struct weight *V = weight_of(net, "blocks.%zu.attn.hook_v.%zu", l, h), *O = weight_of(net, "blocks.%zu.attn.hook_result.%zu", l, h);
    char title[96];
    if (!Q || !K || !V || !O) return;
    struct matrix q = multiply(E, Q->data, Q->k, Q->m, false), k = multiply(q, K->data, K->m, K->k, true), qk = multiply(k, E.a, E.columns, E.rows, true);
    struct matrix v = multiply(E, V->data, V->k, V->m, false), o = multiply(v, O->data, O->k, O->m, false), ov = multiply(o, U->data, U->k, U->m, false);
    snprintf(title, sizeof title, "QK circuit of head %zu.%zu: W_E W_Q W_K^T W_E^T", l, h);
    draw(out, qk, title, "query token", "key token");
    snprintf(title, sizeof title, "OV circuit of head %zu.%zu: W_E W_V W_O W_U", l, h);
    draw(out, ov, title, "token attended to", "logit");
    free(q.a); free(k.a); free(qk.a); free(v.a); free(o.a); free(ov.a);
}

static void circuits(struct text *out, const struct net *net)
{
    struct matrix E = embedding(net);
    const struct weight *U = net->nodes[net->output].n_w ? &net->nodes[net->output].w[0] : NULL;
    if (E.a && U && U->k == E.columns) {
        size_t drawn = 0;
        struct matrix direct = multiply(E, U->data, U->k, U->m, false);
        text_add(out, "<p class='soft'>Circuits drawn in double precision from the weights alone: no positions, biases, MLPs or LayerNorm. Figures under the pictures are rounded.</p><div class='pics'>");
        for (size_t l = 0; l < net_layers(net); l++)
            for (size_t h = 0; h < net_heads(net, l) && drawn < HEADS_DRAWN; h++, drawn++) head_circuits(out, net, E, U, l, h);
        draw(out, direct, "direct path: W_E W_U", "token", "logit");
        text_add(out, "</div>\n");
        free(direct.a);
    }
    free(E.a);
}

#define STATED "stated by the file"

static void facts(struct text *out, const struct model *m)
{
    text_add(out, "<table><thead><tr><th>configuration</th><th>value</th><th>how it is known</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < m->n_facts; i++) {
        if (strcmp(m->facts[i].how, STATED) == 0) continue;
        text_add(out, "<tr><td>");
        html_add(out, m->facts[i].key);
        text_add(out, "</td><td>");
        html_add(out, m->facts[i].value);
        text_add(out, "</td><td>");
        html_add(out, m->facts[i].how);
        text_add(out, "</td></tr>\n");
    }
    text_add(out, "</tbody></table>\n");
    if (m->n_ignored) {
        text_add(out, "<p><b>Ignored tensors</b>");
        for (size_t i = 0; i < m->n_ignored; i++) { text_add(out, i ? ", " : " "); html_add(out, m->ignored[i]); }
        text_add(out, "</p>\n");
    }
}

static void tensors(struct text *out, const struct net *net)
{
    size_t parameters = 0;
    for (size_t i = 0; i < net->n_tensors; i++) parameters += tensor_count(&net->tensors[i]);
    text_addf(out, "<details><summary>%zu tensors, %zu parameters</summary><table><thead><tr><th>tensor</th><th>shape</th></tr></thead><tbody>\n", net->n_tensors, parameters);
    for (size_t i = 0; i < net->n_tensors; i++) {
        const struct tensor *t = &net->tensors[i];
        text_add(out, "<tr><td><code>");
        html_add(out, t->name);
        text_add(out, "</code></td><td>");
        for (size_t k = 0; k < t->rank; k++) text_addf(out, "%s%zu", k ? " × " : "", t->shape[k]);
        text_add(out, "</td></tr>\n");
    }
    text_add(out, "</tbody></table></details>\n");
}

static void stated_item(struct text *out, const char *key, const char *value)
{
    text_add(out, "<li>");
    html_add(out, key);
    text_add(out, ": ");
    html_add(out, value);
    text_add(out, "</li>");
}

static void stated(struct text *out, const struct model *m)
{
    const struct checkpoint *c = &m->checkpoint;
    size_t n = c->n_facts;
    for (size_t i = 0; i < m->n_facts; i++) n += strcmp(m->facts[i].how, STATED) == 0;
    if (n == 0) return;
    text_add(out, "<div class='fence'><p><b>Stated by the file</b>, not checked:</p><ul>");
    for (size_t i = 0; i < m->n_facts; i++)
        if (strcmp(m->facts[i].how, STATED) == 0) stated_item(out, m->facts[i].key, m->facts[i].value);
    for (size_t i = 0; i < c->n_facts; i++) stated_item(out, c->facts[i].key, c->facts[i].value);
    text_add(out, "</ul></div>\n");
}

void html_model(struct text *out, const struct run_record *run, const struct bound_model *m)
{
    text_add(out, "<section class='claim'><h3>");
    html_add(out, m->name);
    text_add(out, " = <code>");
    html_add(out, m->path);
    text_add(out, "</code></h3>\n");
    if (m->loaded != STATUS_OK) {
        text_add(out, "<p>");
        html_add(out, m->reason ? m->reason : "could not be read");
        text_add(out, "</p></section>\n");
        return;
    }
    text_addf(out, "<p class='hash'>SHA-256 of the file <code>%s</code><br>SHA-256 of the canonical network <code>%s</code></p>\n", m->model.file_sha256, m->model.net.sha256);
    facts(out, &m->model);
    tensors(out, &m->model.net);
    stated(out, &m->model);
    circuits(out, &m->model.net);
    html_forms(out, run, &m->model.net);
    text_add(out, "</section>\n");
}
