/* The public door: models, their tensors and certified activations. */
#include <math.h>
#include <stdlib.h>
#include "core/mem.h"
#include "models/process.h"
#include "models/run.h"
#include "proofs/api.h"
#include "proofs/write.h"
#include "verify/verdict.h"

#define RUN_BITS 128

struct weightproof_model {
    struct model model; int read;
    char *errors, *message;
    struct text info, json, net;
    struct ball_run *runs[2];    /* real, float32; made when asked for */
};

weightproof_model *weightproof_model_read(const char *file, const struct weightproof_model_options *options) {
    static const struct weightproof_model_options defaults;
    weightproof_model *m = mem_array(1, sizeof *m);
    struct setting *settings = NULL;
    struct diag d;
    if (!m) return NULL;
    if (!options) options = &defaults;
    diag_init(&d);
    text_init(&m->info);
    text_init(&m->json);
    text_init(&m->net);
    enum status s = api_settings(&settings, options->settings, "setting", &d);
    struct model_options o = {.config_path = options->config, .set = settings, .n_set = options->settings.n, .family = options->family};
    for (size_t i = 0; s == STATUS_OK && i < options->process.n; i++) {
        int p = process_find(options->process.words[i]);
        if (p < 0) s = diag_fail(&d, STATUS_INPUT, "process takes fold_ln, fold_value_biases, center_writing, center_unembed, not '%s'", options->process.words[i]);
        else o.process |= 1u << p;
    }
    if (s == STATUS_OK) s = model_load(&m->model, file, &o, &d);
    m->read = s == STATUS_OK;
    if (m->read) {
        write_info(&m->info, &m->model, false);
        write_info_json(&m->json, &m->model, false);
        s = net_write(&m->net, &m->model.net);
    }
    m->errors = api_messages(&d, s);
    diag_clear(&d);
    free(settings);
    return m;
}

void weightproof_model_free(weightproof_model *m) {
    if (!m) return;
    for (int k = 0; k < 2; k++) ball_run_free(m->runs[k]);
    if (m->read) model_clear(&m->model);
    text_clear(&m->info);
    text_clear(&m->json);
    text_clear(&m->net);
    free(m->errors);
    free(m->message);
    free(m);
}

const char *weightproof_model_errors(const weightproof_model *m) { return m->errors ? m->errors : "error: out of memory\n"; }
const char *weightproof_model_message(const weightproof_model *m) { return m->message ? m->message : ""; }
const char *weightproof_model_info(const weightproof_model *m) { return m->info.failed ? NULL : m->info.data; }
const char *weightproof_model_info_json(const weightproof_model *m) { return m->json.failed ? NULL : m->json.data; }
const char *weightproof_model_net(const weightproof_model *m) { return m->net.failed ? NULL : m->net.data; }
const char *weightproof_model_net_sha256(const weightproof_model *m) { return m->read ? m->model.net.sha256 : NULL; }
size_t weightproof_model_tensors(const weightproof_model *m) { return m->read ? m->model.net.n_tensors : 0; }

const char *weightproof_model_tensor(const weightproof_model *m, size_t i, size_t *rank, size_t shape[8], const double **data) {
    if (i >= weightproof_model_tensors(m)) return NULL;
    const struct tensor *t = &m->model.net.tensors[i];
    *rank = t->rank;
    for (size_t k = 0; k < t->rank; k++) shape[k] = t->shape[k];
    *data = t->data;
    return t->name;
}

static long node_of(const weightproof_model *m, const char *node) {
    if (!m->read) return -1;
    return node ? net_node(&m->model.net, node) : (long)m->model.net.output;
}

size_t weightproof_model_width(const weightproof_model *m, const char *node, size_t n) {
    long v = node_of(m, node);
    if (v < 0) return 0;
    return m->model.net.nodes[v].width ? m->model.net.nodes[v].width : n;
}

/* Ends of a ball as doubles, outward; what is not finite is not known. */
static void ends(double *lo, double *hi, const arb_t x) {
    double mid, rad;
    ball_to_double(&mid, &rad, x);
    bool known = mid - mid == 0 && rad - rad == 0;
    *lo = known ? nextafter(mid - rad, -INFINITY) : -INFINITY;
    *hi = known ? nextafter(mid + rad, INFINITY) : INFINITY;
    if (known && !(rad > 0)) *lo = *hi = mid;
}

static enum status input_check(const struct net *net, const int *tokens, size_t n, struct diag *d) {
    if (n == 0 || n > net->n_ctx) return diag_fail(d, STATUS_INPUT, "%zu tokens: this model reads 1 to %zu", n, net->n_ctx);
    for (size_t i = 0; i < n; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= net->d_vocab)
            return diag_fail(d, STATUS_INPUT, "token %d at position %zu: this model has tokens 0 to %zu", tokens[i], i, net->d_vocab - 1);
    return STATUS_OK;
}

static enum status run_on(weightproof_model *m, const char *name, const int *tokens, size_t n, int float32, double *lo, double *hi, struct diag *d) {
    const struct net *net = &m->model.net;
    long node = node_of(m, name);
    if (node < 0) return diag_fail(d, STATUS_INPUT, "no node '%s'", name ? name : "");
    const char *wide = float32 ? net_not_binary32(net) : NULL;
    if (wide) return diag_fail(d, STATUS_INPUT, "float32 is refused: tensor '%s' holds numbers that are not binary32", wide);
    enum status s = input_check(net, tokens, n, d);
    struct ball_run **run = &m->runs[float32 != 0];
    if (s == STATUS_OK && !*run) s = ball_run_new(run, net, float32 ? SEMANTICS_FLOAT32 : SEMANTICS_REAL, RUN_BITS);
    if (s != STATUS_OK) return s;
    ball_run_tokens(*run, tokens, n);
    size_t width = weightproof_model_width(m, name, n);
    for (size_t i = 0; i < n; i++) {
        arb_srcptr row = ball_run_row(*run, (size_t)node, i);
        for (size_t k = 0; k < width; k++) ends(&lo[i * width + k], &hi[i * width + k], row + k);
    }
    return STATUS_OK;
}

int weightproof_model_run(weightproof_model *m, const char *node, const int *tokens, size_t n, int float32, double *lo, double *hi) {
    struct diag d;
    diag_init(&d);
    enum status s = m->read ? run_on(m, node, tokens, n, float32, lo, hi, &d) : diag_fail(&d, STATUS_INPUT, "the model was not read");
    free(m->message);
    m->message = s == STATUS_OK ? NULL : api_messages(&d, s);
    diag_clear(&d);
    return s == STATUS_OK ? 0 : status_exit(s);
}
