/* Evaluation in balls: every demanded row once per sequence. */
#include <stdint.h>
#include "models/rows.h"
#include "core/mem.h"

struct ball_run {
    const struct net *net; bool float32; slong prec;
    int *tokens; size_t n;
    arb_ptr *tensors;          /* as balls, [n_tensors] */
    arb_ptr *rows;             /* [n_nodes][n_ctx][width or n_ctx] in one block a node */
    unsigned char *known;      /* [n_nodes][n_ctx]: row is valid for the tokens now */
    unsigned char *replaced;   /* [n_nodes][n_ctx] */
    arb_ptr given;             /* [n_ctx][width_in]: the input's rows, where inputs are real */
    arb_srcptr *in, *W; size_t *k; /* scratch: what a job reads */
    size_t *source;            /* [n_ctx]: allowed sources of the row in work */
    arb_ptr gathered;          /* [3][n_ctx]: entries of allowed sources side by side */
};

size_t row_width(const struct net *net, size_t node)
{
    return net->nodes[node].width ? net->nodes[node].width : net->n_ctx;
}

static arb_ptr row_of(const struct ball_run *r, size_t node, size_t row)
{
    return r->rows[node] + row * row_width(r->net, node);
}

static arb_ptr balls(size_t n)
{
    return n > (size_t)1 << 27 ? NULL : mem_array(n, sizeof(arb_struct));   /* zero bytes are the ball 0 */
}

static enum status set_tensors(struct ball_run *r)
{
    r->tensors = mem_array(r->net->n_tensors, sizeof *r->tensors);
    if (!r->tensors) return STATUS_MEMORY;
    for (size_t t = 0; t < r->net->n_tensors; t++) {
        const struct tensor *T = &r->net->tensors[t];
        size_t n = tensor_count(T);
        if (!(r->tensors[t] = balls(n))) return STATUS_MEMORY;
        for (size_t i = 0; i < n; i++) arb_set_d(r->tensors[t] + i, T->data[i]);
    }
    return STATUS_OK;
}

static enum status set_rows(struct ball_run *r)
{
    const struct net *net = r->net;
    size_t most = net->n_ctx + 1;
    r->rows = mem_array(net->n_nodes, sizeof *r->rows);
    r->known = mem_array(net->n_nodes, net->n_ctx);
    r->replaced = mem_array(net->n_nodes, net->n_ctx);
    r->tokens = mem_array(net->n_ctx, sizeof *r->tokens);
    if (!r->rows || !r->known || !r->replaced || !r->tokens) return STATUS_MEMORY;
    for (size_t v = 0; v < net->n_nodes; v++) {
        if (!(r->rows[v] = balls(net->n_ctx * row_width(net, v)))) return STATUS_MEMORY;
        if (net->nodes[v].n_inputs > most) most = net->nodes[v].n_inputs;
    }
    r->in = mem_array(most, sizeof *r->in);
    r->W = mem_array(most, sizeof *r->W);
    r->k = mem_array(most, sizeof *r->k);
    r->source = mem_array(net->n_ctx, sizeof *r->source);
    r->gathered = balls(3 * net->n_ctx);
    r->given = net->width_in > SIZE_MAX / net->n_ctx ? NULL : balls(net->n_ctx * net->width_in);
    if (!r->in || !r->W || !r->k || !r->source || !r->gathered || !r->given) return STATUS_MEMORY;
    for (size_t i = 0; i < net->n_ctx * net->width_in; i++) arb_zero_pm_inf(r->given + i);
    return STATUS_OK;
}

enum status ball_run_new(struct ball_run **out, const struct net *net, enum semantics s, slong prec)
{
    size_t depth;
    enum status status = net_depth(&depth, net);
    if (status != STATUS_OK) return status;
    if (s == SEMANTICS_FLOAT32 && net_not_binary32(net)) return STATUS_UNSUPPORTED;
    struct ball_run *r = mem_array(1, sizeof *r);
    if (!r) return STATUS_MEMORY;
    r->net = net;
    r->float32 = s == SEMANTICS_FLOAT32;
    r->prec = prec;
    status = set_tensors(r);
    if (status == STATUS_OK) status = set_rows(r);
    if (status == STATUS_OK) *out = r;
    else ball_run_free(r);
    return status;
}

static void balls_free(arb_ptr p, size_t n)
{
    if (!p) return;
    for (size_t i = 0; i < n; i++) arb_clear(p + i);
    free(p);
}

void ball_run_free(struct ball_run *r)
{
    if (!r) return;
    for (size_t t = 0; r->tensors && t < r->net->n_tensors; t++) balls_free(r->tensors[t], tensor_count(&r->net->tensors[t]));
    for (size_t v = 0; r->rows && v < r->net->n_nodes; v++) balls_free(r->rows[v], r->net->n_ctx * row_width(r->net, v));
    free(r->tensors);
    free(r->rows);
    free(r->known);
    free(r->replaced);
    free(r->tokens);
    free(r->in);
    free(r->W);
    free(r->k);
    balls_free(r->given, r->net->n_ctx * r->net->width_in);
    balls_free(r->gathered, 3 * r->net->n_ctx);
    free(r->source);
    free(r);
}

/* A replaced row without a value is unknown, never the network's own. */
static void forget(struct ball_run *r)
{
    const struct net *net = r->net;
    for (size_t i = 0; i < net->n_nodes * net->n_ctx; i++) {
        r->known[i] = r->replaced[i];
        if (!r->replaced[i]) continue;
        size_t node = i / net->n_ctx, width = row_width(net, node);
        for (size_t w = 0; w < width; w++) arb_zero_pm_inf(row_of(r, node, i % net->n_ctx) + w);
    }
}

enum status ball_run_patch(struct ball_run *r, size_t node, long row)
{
    if (node >= r->net->n_nodes || row >= (long)r->net->n_ctx) return STATUS_INTERNAL;
    for (size_t i = 0; i < r->net->n_ctx; i++)
        if (row < 0 || (size_t)row == i) r->replaced[node * r->net->n_ctx + i] = 1;
    forget(r);
    return STATUS_OK;
}

void ball_run_patch_row(struct ball_run *r, size_t node, size_t row, arb_srcptr values)
{
    size_t width = r->net->nodes[node].width ? r->net->nodes[node].width : r->n;
    if (!r->replaced[node * r->net->n_ctx + row]) return;
    for (size_t w = 0; w < width; w++) arb_set(row_of(r, node, row) + w, values + w);
    for (size_t i = 0; i < r->net->n_nodes * r->net->n_ctx; i++) r->known[i] = r->replaced[i];
}

void ball_run_tokens(struct ball_run *r, const int *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++) r->tokens[i] = tokens[i];
    r->n = n;
    forget(r);
}

void ball_run_length(struct ball_run *r, size_t n)
{
    r->n = n;
    forget(r);
}

void ball_run_input_row(struct ball_run *r, size_t row, arb_srcptr values)
{
    for (size_t i = 0; i < r->net->width_in; i++) arb_set(r->given + row * r->net->width_in + i, values + i);
    for (size_t i = 0; i < r->net->n_nodes * r->net->n_ctx; i++) r->known[i] = r->replaced[i];
}

static bool is_replaced(const struct ball_run *r, size_t node, size_t row)
{
    return r->replaced[node * r->net->n_ctx + row];
}

static bool is_part(const struct ball_run *r, size_t node, size_t row)
{
    return r->net->nodes[node].op == OP_LINEAR && r->net->nodes[node].n_w == 1 && !is_replaced(r, node, row);
}

static arb_srcptr weight_balls(const struct ball_run *r, const struct weight *w)
{
    return r->tensors[w->tensor] + (w->data - r->net->tensors[w->tensor].data);
}

static void prepare_inputs(struct ball_run *r, const struct node *v, size_t row, size_t sources)
{
    bool attends = v->op == OP_SCORE || v->op == OP_MIX;
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t u = v->inputs[a];
        if (v->op == OP_HEADS && is_part(r, u, row)) u = r->net->nodes[u].inputs[0];
        if (attends && a == 1)
            for (size_t s = 0; s < sources; s++) ball_run_row(r, u, s);
        else if (v->op == OP_ROW)
            ball_run_row(r, u, v->arg[0]);
        else
            ball_run_row(r, u, row);
    }
}

/* Entries of the allowed sources side by side, where padding leaves gaps. */
static arb_srcptr gather(struct ball_run *r, arb_srcptr x, size_t sources, size_t slot)
{
    arb_ptr to = r->gathered + slot * r->net->n_ctx;
    for (size_t s = 0; s < sources; s++) arb_set(to + s, x + r->source[s]);
    return to;
}

/* The reverse, in place; what is not allowed is 0, unknown in scores. */
static void scatter(const struct ball_run *r, const struct ball_job *job)
{
    size_t left = job->sources;
    for (size_t i = r->net->n_ctx; i-- > 0;) {
        bool allowed = left > 0 && r->source[left - 1] == i;
        if (allowed && --left != i) arb_set(job->out + i, job->out + left);
        if (!allowed && job->node->op == OP_SCORE) arb_zero_pm_inf(job->out + i);
        if (!allowed && job->node->op != OP_SCORE) arb_zero(job->out + i);
    }
}

static void set_inputs(struct ball_run *r, const struct node *v, size_t row, size_t sources)
{
    const struct net *net = r->net;
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t u = v->inputs[a];
        r->W[a] = NULL;
        if (v->op == OP_HEADS && is_part(r, u, row)) {
            r->W[a] = weight_balls(r, &net->nodes[u].w[0]);
            r->k[a] = net->nodes[u].w[0].k;
            u = net->nodes[u].inputs[0];
        }
        r->in[a] = row_of(r, u, v->op == OP_ROW ? v->arg[0] : row);
        if (net->pad >= 0 && net->nodes[u].width == 0) r->in[a] = gather(r, r->in[a], sources, a);
    }
    if (v->op == OP_INPUT) r->in[0] = r->given + row * net->width_in;
    if (v->op == OP_SCORE || v->op == OP_MIX)
        for (size_t s = 0; s < sources; s++) r->in[s + 1] = row_of(r, v->inputs[1], r->source[s]);
}

static void compute(struct ball_run *r, size_t node, size_t row)
{
    const struct net *net = r->net;
    const struct node *v = &net->nodes[node];
    arb_srcptr weights[2] = {0};
    struct ball_job job = { .net = net, .node = v, .row = row, .in = r->in, .W = r->W, .k = r->k, .weights = weights,
        .is_pattern = v->op == OP_MIX && net->nodes[v->inputs[0]].op == OP_SOFTMAX && !is_replaced(r, v->inputs[0], row),
        .out = row_of(r, node, row), .width = row_width(net, node), .float32 = r->float32, .prec = r->prec };
    bool missing = v->op == OP_ROW && v->arg[0] >= r->n;
    if (!missing) prepare_inputs(r, v, row, row_sources(net, row, r->n));
    if (op_attends(v->op)) job.sources = row_allowed(r->source, net, r->tokens, row, r->n);
    set_inputs(r, v, row, job.sources);
    for (size_t w = 0; w < v->n_w; w++) weights[w] = weight_balls(r, &v->w[w]);
    if (v->op == OP_LINEAR) job.k_in = v->w[0].k;
    if (v->op == OP_SCORE) job.k_in = row_width(net, v->inputs[0]);
    if (v->op == OP_EMBED) job.row = (size_t)r->tokens[row];
    bool empty = op_attends(v->op) && job.sources == 0;
    for (size_t i = 0; (missing || empty) && i < v->width; i++) {
        if (missing) arb_zero_pm_inf(job.out + i);
        else arb_zero(job.out + i);
    }
    if (!missing && !empty) ball_kernels[v->op](&job);
    if (v->width == 0) scatter(r, &job);
}

arb_srcptr ball_run_row(struct ball_run *r, size_t node, size_t row)
{
    unsigned char *known = &r->known[node * r->net->n_ctx + row];
    if (!*known) {
        compute(r, node, row);
        *known = 1;
    }
    return row_of(r, node, row);
}
