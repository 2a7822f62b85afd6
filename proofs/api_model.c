/* The public door: models, their tensors and certified activations. */
#include <math.h>
#include <stdlib.h>
#include "core/mem.h"
#include "models/adjoint.h"
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
    struct adjoint_run *adjoint; /* float32 by reverse mode, likewise */
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
    adjoint_run_free(m->adjoint);
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

/* What a call runs on: tokens or rows. */
struct api_input { const int *tokens; const double *rows; size_t n; };

static enum status tokens_check(const struct net *net, const int *tokens, size_t n, struct diag *d) {
    if (net->width_in) return diag_fail(d, STATUS_INPUT, "this model reads rows of %zu real numbers, not tokens", net->width_in);
    for (size_t i = 0; i < n; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= net->d_vocab)
            return diag_fail(d, STATUS_INPUT, "token %d at position %zu: this model has tokens 0 to %zu", tokens[i], i, net->d_vocab - 1);
    return STATUS_OK;
}

static enum status rows_check(const struct net *net, const double *rows, size_t n, int float32, struct diag *d) {
    if (!net->width_in) return diag_fail(d, STATUS_INPUT, "this model reads tokens, not rows of real numbers");
    for (size_t i = 0; i < n * net->width_in; i++) {
        size_t row = i / net->width_in, entry = i % net->width_in;
        if (!(rows[i] - rows[i] == 0)) return diag_fail(d, STATUS_INPUT, "entry %zu of row %zu is not finite", entry, row);
        if (float32 && !(fabs(rows[i]) <= 0x1.fffffep127 && (double)(float)rows[i] == rows[i]))
            return diag_fail(d, STATUS_INPUT, "entry %zu of row %zu is no binary32 number, and float32 networks read only those", entry, row);
    }
    return STATUS_OK;
}

static enum status give_input(struct ball_run *run, const struct net *net, struct api_input in) {
    if (in.tokens) {
        ball_run_tokens(run, in.tokens, in.n);
        return STATUS_OK;
    }
    arb_ptr row = _arb_vec_init((slong)net->width_in);
    if (!row) return STATUS_MEMORY;
    ball_run_length(run, in.n);
    for (size_t i = 0; i < in.n; i++) {
        for (size_t k = 0; k < net->width_in; k++) arb_set_d(row + k, in.rows[i * net->width_in + k]);
        ball_run_input_row(run, i, row);
    }
    _arb_vec_clear(row, (slong)net->width_in);
    return STATUS_OK;
}

static enum status run_on(weightproof_model *m, const char *name, struct api_input in, int float32, double *lo, double *hi, struct diag *d) {
    const struct net *net = &m->model.net;
    long node = node_of(m, name);
    if (node < 0) return diag_fail(d, STATUS_INPUT, "no node '%s'", name ? name : "");
    const char *wide = float32 ? net_not_binary32(net) : NULL;
    if (wide) return diag_fail(d, STATUS_INPUT, "float32 is refused: tensor '%s' holds numbers that are not binary32", wide);
    if (in.n == 0 || in.n > net->n_ctx) return diag_fail(d, STATUS_INPUT, "%zu positions: this model reads 1 to %zu", in.n, net->n_ctx);
    enum status s = in.tokens ? tokens_check(net, in.tokens, in.n, d) : rows_check(net, in.rows, in.n, float32, d);
    struct ball_run **run = &m->runs[float32 != 0];
    if (s == STATUS_OK && !*run) s = ball_run_new(run, net, float32 ? SEMANTICS_FLOAT32 : SEMANTICS_REAL, RUN_BITS);
    if (s == STATUS_OK && float32 && !m->adjoint) s = adjoint_run_new(&m->adjoint, net);
    if (s == STATUS_OK) s = give_input(*run, net, in);
    if (s == STATUS_OK && float32) s = adjoint_run_input(m->adjoint, in.tokens, in.rows, in.n);
    if (s != STATUS_OK) return s;
    size_t width = weightproof_model_width(m, name, in.n);
    arb_t x;
    arb_init(x);
    for (size_t i = 0; i < in.n * width; i++) {
        arb_set(x, ball_run_row(*run, (size_t)node, i / width) + i % width);
        if (float32) adjoint_run_ball(x, m->adjoint, (size_t)node, i / width, i % width, x);
        ends(&lo[i], &hi[i], x);
    }
    arb_clear(x);
    return STATUS_OK;
}

static int run_and_say(weightproof_model *m, const char *node, struct api_input in, int float32, double *lo, double *hi) {
    struct diag d;
    diag_init(&d);
    enum status s = m->read ? run_on(m, node, in, float32, lo, hi, &d) : diag_fail(&d, STATUS_INPUT, "the model was not read");
    free(m->message);
    m->message = s == STATUS_OK ? NULL : api_messages(&d, s);
    diag_clear(&d);
    return s == STATUS_OK ? 0 : status_exit(s);
}

int weightproof_model_run(weightproof_model *m, const char *node, const int *tokens, size_t n, int float32, double *lo, double *hi) {
    return run_and_say(m, node, (struct api_input){.tokens = tokens, .n = n}, float32, lo, hi);
}

int weightproof_model_run_input(weightproof_model *m, const char *node, const double *rows, size_t n, int float32, double *lo, double *hi) {
    return run_and_say(m, node, (struct api_input){.rows = rows, .n = n}, float32, lo, hi);
}

size_t weightproof_model_input_width(const weightproof_model *m) { return m->read ? m->model.net.width_in : 0; }
