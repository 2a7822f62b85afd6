/* Evaluation in doubles: rows on demand, kept until a token that they depend on changes. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "models/lanes.h"
#include "core/mem.h"

static enum reach reach_of(const struct run *r, size_t node)
{
    const struct node *v = &r->net->nodes[node];
    enum reach inputs = REACH_NOTHING;
    if (r->slots[node].replaced) return REACH_ANY;
    for (size_t a = 0; a < v->n_inputs; a++)
        if (r->slots[v->inputs[a]].reach > inputs) inputs = r->slots[v->inputs[a]].reach;
    return node_reach(r->net, node, inputs);
}

static void slot_clear(struct slot *s)
{
    free(s->mid);
    free(s->rad);
    free(s->have);
    free(s->stamp);
    fold_free(s->fold);
    scores_free(s->scores);
    s->mid = s->rad = NULL;
    s->have = NULL;
    s->stamp = NULL;
    s->fold = NULL;
    s->no_fold = false;
    s->scores = NULL;
    s->no_scores = false;
}

static enum keep keep_of(const struct run *r, size_t node, size_t table)
{
    const struct slot *s = &r->slots[node];
    if (!s->replaced && r->net->nodes[node].op == OP_EMBED) return KEEP_TENSOR_TOKEN;
    if (!s->replaced && r->net->nodes[node].op == OP_POSITION) return KEEP_TENSOR_ROW;
    if (!s->replaced && r->net->nodes[node].op == OP_CONSTANT) return KEEP_TENSOR;
    if (!s->replaced && r->net->nodes[node].op == OP_INPUT) return KEEP_INPUT;
    return s->reach == REACH_TOKEN && table <= TABLE_BYTES && r->memory + table <= TABLE_BYTES ? KEEP_TABLE : KEEP_ROWS;
}

/* Entries that the mask excludes are never written: 0 in a pattern, unknown in scores. */
static void fill_excluded(const struct run *r, size_t node)
{
    const struct slot *s = &r->slots[node];
    enum op op = r->net->nodes[node].op;
    for (size_t i = 0; op == OP_SCORE && i < r->net->n_ctx * s->width; i++) s->rad[i] = INFINITY;
}

static enum status slot_set(struct run *r, size_t node)
{
    struct slot *s = &r->slots[node];
    size_t n_ctx = r->net->n_ctx, V = r->net->d_vocab;
    slot_clear(s);
    s->reach = reach_of(r, node);
    s->width = row_width(r->net, node);
    size_t table = V == 0 || V > TABLE_BYTES / 16 / n_ctx / s->width ? SIZE_MAX : n_ctx * V * (s->width * 16 + 1);
    s->keep = keep_of(r, node, table);
    if (s->keep < KEEP_TABLE) return STATUS_OK;
    size_t rows = s->keep == KEEP_TABLE ? n_ctx * V : n_ctx;
    if (s->keep == KEEP_TABLE) r->memory += table;
    if (rows > SIZE_MAX / 16 / s->width) return STATUS_MEMORY;
    s->mid = mem_array(rows * s->width, sizeof(double));
    s->rad = mem_array(rows * s->width, sizeof(double));
    if (s->keep == KEEP_TABLE) s->have = mem_array(rows, 1);
    else s->stamp = mem_array(n_ctx, sizeof *s->stamp);
    if (!s->mid || !s->rad || (!s->have && !s->stamp)) return STATUS_MEMORY;
    fill_excluded(r, node);
    return STATUS_OK;
}

static enum status set_slots(struct run *r)
{
    r->memory = 0;
    for (size_t v = 0; v < r->net->n_nodes; v++) {
        enum status s = slot_set(r, v);
        if (s != STATUS_OK) return s;
    }
    return STATUS_OK;
}

/* Rows that were never given are unknown. */
static bool set_input(struct run *r)
{
    size_t n = r->net->n_ctx, width = r->net->width_in;
    if (width == 0) return true;
    if (n > SIZE_MAX / 16 / width) return false;
    r->given = mem_array(n * width, sizeof(double));
    r->given_rad = mem_array(n * width, sizeof(double));
    for (size_t i = 0; r->given_rad && i < n * width; i++) r->given_rad[i] = INFINITY;
    return r->given && r->given_rad;
}

static enum status set_arrays(struct run *r)
{
    const struct net *net = r->net;
    size_t widest = net->n_ctx, most = net->n_ctx + 1;
    for (size_t v = 0; v < net->n_nodes; v++) {
        if (row_width(net, v) > widest) widest = row_width(net, v);
        if (net->nodes[v].n_inputs > most) most = net->nodes[v].n_inputs;
    }
    r->tokens = mem_array(net->n_ctx, sizeof *r->tokens);
    r->slots = mem_array(net->n_nodes, sizeof *r->slots);
    r->zeros = mem_array(widest, sizeof(double));
    r->scratch = mem_array(4 * (widest + 2), sizeof(double));
    r->source = mem_array(net->n_ctx, sizeof *r->source);
    r->gathered = mem_array(4 * net->n_ctx, sizeof(double));
    r->in = mem_array(most, sizeof *r->in);
    r->W = mem_array(most, sizeof *r->W);
    if (!r->tokens || !r->slots || !r->zeros || !r->scratch || !r->source || !r->gathered || !r->in || !r->W) return STATUS_MEMORY;
    if (!set_input(r)) return STATUS_MEMORY;
    for (int k = 0; k < REACH_COUNT; k++) {
        if (!(r->since[k] = mem_array(net->n_ctx, sizeof(uint64_t)))) return STATUS_MEMORY;
        for (size_t i = 0; i < net->n_ctx; i++) r->since[k][i] = 1;
    }
    r->clock = 1;
    return STATUS_OK;
}

enum status run_new(struct run **out, const struct net *net, enum semantics s)
{
    size_t depth;
    if (!arithmetic_is_ieee() || FLT_EVAL_METHOD != 0) return STATUS_INTERNAL;
    if (s == SEMANTICS_FLOAT32 && net_not_binary32(net)) return STATUS_UNSUPPORTED;
    enum status status = net_depth(&depth, net);
    if (status != STATUS_OK) return status;
    struct run *r = mem_array(1, sizeof *r);
    if (!r) return STATUS_MEMORY;
    r->net = net;
    r->output = net->output;
    if (s == SEMANTICS_FLOAT32) r->f = (struct rounding){ FLOAT32_U, FLOAT32_ETA };
    else status = turned_new(&r->turned, net);
    if (r->turned) r->net = &r->turned->net;
    if (status == STATUS_OK) status = set_arrays(r);
    if (status == STATUS_OK) status = set_slots(r);
    if (status == STATUS_OK) *out = r;
    else run_free(r);
    return status;
}

void run_free(struct run *r)
{
    if (!r) return;
    lanes_free(r->lanes, r->net->n_nodes);
    for (size_t v = 0; r->slots && v < r->net->n_nodes; v++) {
        slot_clear(&r->slots[v]);
        free(r->slots[v].replaced);
    }
    for (int k = 0; k < REACH_COUNT; k++) free(r->since[k]);
    free(r->tokens);
    free(r->slots);
    free(r->zeros);
    free(r->scratch);
    free(r->given);
    free(r->given_rad);
    free(r->source);
    free(r->gathered);
    free(r->in);
    free(r->W);
    turned_free(r->turned);
    memo_free(r->memo);
    free(r);
}

void run_plain(struct run *r, bool plain)
{
    r->plain = plain;
    for (size_t v = 0; v < r->net->n_nodes; v++)
        if (r->slots[v].stamp) memset(r->slots[v].stamp, 0, r->net->n_ctx * sizeof(uint64_t));
}

enum status run_patch(struct run *r, size_t node, long row)
{
    size_t n = r->net->n_ctx;
    if (node >= r->net->n_nodes || row >= (long)n) return STATUS_INTERNAL;
    struct slot *s = &r->slots[node];
    if (!s->replaced && !(s->replaced = mem_array(n, 1))) return STATUS_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (row < 0 || (size_t)row == i) s->replaced[i] = 1;
    r->patched = true;
    lanes_free(r->lanes, r->net->n_nodes);
    r->lanes = NULL;
    r->n = 0;
    return set_slots(r);
}

/* A replaced row that was not given for this sequence is unknown. */
static void forget_replaced(struct run *r)
{
    for (size_t v = 0; v < r->net->n_nodes; v++)
        for (size_t i = 0; r->slots[v].replaced && i < r->net->n_ctx; i++)
            for (size_t k = 0; r->slots[v].replaced[i] && k < r->slots[v].width; k++)
                r->slots[v].rad[i * r->slots[v].width + k] = INFINITY;
}

static void any_changed(struct run *r)
{
    r->clock++;
    for (size_t i = 0; i < r->net->n_ctx; i++) r->since[REACH_ANY][i] = r->clock;
}

void run_patch_row(struct run *r, size_t node, size_t row, const double *mid, const double *rad)
{
    struct slot *s = &r->slots[node];
    size_t width = r->net->nodes[node].width ? s->width : r->n;
    if (!run_replaced(r, node, row)) return;
    memcpy(s->mid + row * s->width, mid, width * sizeof *mid);
    memcpy(s->rad + row * s->width, rad, width * sizeof *rad);
    any_changed(r);
}

/* Batches pay behind some sequences; before that their matrices would only be prepared. */
static void moved(struct run *r, size_t first, bool whole)
{
    if (r->sequences < LANES_AFTER && ++r->sequences == LANES_AFTER && !r->patched) {
        r->lanes = lanes_new(r);
        whole = true;
    }
    if (r->lanes) lanes_moved(r->lanes, r, whole ? 0 : first);
}

void run_tokens(struct run *r, const int *tokens, size_t n)
{
    uint64_t now = r->clock + 1, *last = r->since[REACH_TOKEN], *prefix = r->since[REACH_PREFIX];
    bool whole = n != r->n, changed = whole;
    size_t first = n;
    for (size_t i = 0; i < n; i++) {
        if (i < r->n && tokens[i] == r->tokens[i]) continue;
        first = i < first ? i : first;
        r->tokens[i] = tokens[i];
        last[i] = now;
        changed = true;
    }
    r->n = n;
    if (r->patched) forget_replaced(r);
    if (!changed && !r->patched) return;
    r->clock = now;
    for (size_t i = 0; i < n; i++) {
        if (last[i] > prefix[i] || (i && prefix[i - 1] > prefix[i])) prefix[i] = now;
        r->since[REACH_ANY][i] = now;
        if (changed) r->since[REACH_ALL][i] = now;
    }
    moved(r, first, whole);
}

void run_length(struct run *r, size_t n)
{
    if (r->patched) forget_replaced(r);
    if (n == r->n && !r->patched) return;
    r->n = n;
    any_changed(r);
    for (size_t i = 0; i < n; i++) r->since[REACH_ALL][i] = r->clock;
}

void run_input_row(struct run *r, size_t row, const double *mid, const double *rad)
{
    size_t width = r->net->width_in, bytes = width * sizeof(double);
    double *to = r->given + row * width, *to_rad = r->given_rad + row * width;
    if (width == 0 || (memcmp(to, mid, bytes) == 0 && memcmp(to_rad, rad, bytes) == 0)) return;
    memcpy(to, mid, bytes);
    memcpy(to_rad, rad, bytes);
    any_changed(r);
    r->since[REACH_TOKEN][row] = r->clock;
    for (size_t i = 0; i < r->net->n_ctx; i++) {
        if (i >= row) r->since[REACH_PREFIX][i] = r->clock;
        r->since[REACH_ALL][i] = r->clock;
    }
}

bool run_is_part(const struct run *r, size_t node, size_t row)
{
    const struct node *v = &r->net->nodes[node];
    return v->op == OP_LINEAR && v->n_w == 1 && !run_replaced(r, node, row);
}

/* Rows that a node's row is computed from. */
static void need_inputs(struct run *r, const struct node *v, size_t row, int tok)
{
    size_t sources = row_sources(r->net, row, r->n);
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t u = v->inputs[a];
        if (v->op == OP_HEADS && run_is_part(r, u, row)) u = r->net->nodes[u].inputs[0];
        if (a == 1 && (v->op == OP_SCORE || v->op == OP_MIX))
            for (size_t s = 0; s < sources; s++) run_need(r, u, s, r->tokens[s]);
        else if (v->op == OP_ROW)
            run_need(r, u, v->arg[0], r->tokens[v->arg[0]]);
        else
            run_need(r, u, row, tok);
    }
}

/* Entries of the allowed sources side by side, where padding leaves gaps: slot 0 or 1 of r->gathered. */
static struct row_view gather(struct run *r, struct row_view x, size_t sources, size_t slot)
{
    double *mid = r->gathered + 2 * slot * r->net->n_ctx, *rad = mid + r->net->n_ctx;
    for (size_t s = 0; s < sources; s++) {
        mid[s] = x.mid[r->source[s]];
        rad[s] = x.rad[r->source[s]];
    }
    return (struct row_view){ mid, rad };
}

/* The reverse, in place; what is not allowed is 0, unknown in scores. */
static void scatter(const struct run *r, const struct row_job *job)
{
    size_t left = job->sources;
    for (size_t i = r->net->n_ctx; i-- > 0;) {
        bool allowed = left > 0 && r->source[left - 1] == i;
        if (allowed) left--;
        job->mid[i] = allowed ? job->mid[left] : 0;
        job->rad[i] = allowed ? job->rad[left] : job->node->op == OP_SCORE ? INFINITY : 0;
    }
}

static void set_inputs(struct run *r, const struct node *v, size_t row, int tok, size_t sources)
{
    const struct net *net = r->net;
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t u = v->inputs[a];
        r->W[a] = NULL;
        if (v->op == OP_HEADS && run_is_part(r, u, row)) {
            r->W[a] = &net->nodes[u].w[0];
            u = net->nodes[u].inputs[0];
        }
        r->in[a] = v->op == OP_ROW ? run_view(r, u, v->arg[0], r->tokens[v->arg[0]]) : run_view(r, u, row, tok);
        if (net->pad >= 0 && net->nodes[u].width == 0) r->in[a] = gather(r, r->in[a], sources, a);
    }
    if (v->op == OP_SCORE || v->op == OP_MIX)
        for (size_t s = 0; s < sources; s++) r->in[s + 1] = run_view(r, v->inputs[1], r->source[s], r->tokens[r->source[s]]);
}

static void fill(const struct row_job *job, const double *mid, double rad)
{
    for (size_t i = 0; i < job->node->width; i++) {
        job->mid[i] = mid ? mid[i] : 0;
        job->rad[i] = rad;
    }
}

/* A replaced table's other rows; a replaced input's have radii. */
static void stored_row(struct run *r, const struct row_job *job, int tok)
{
    const struct node *v = job->node;
    if (v->op == OP_INPUT) {
        memcpy(job->mid, r->given + job->row * v->width, v->width * sizeof(double));
        memcpy(job->rad, r->given_rad + job->row * v->width, v->width * sizeof(double));
        return;
    }
    size_t at = v->op == OP_EMBED ? (size_t)tok : v->op == OP_POSITION ? job->row : 0;
    fill(job, v->w[0].data + at * v->width, 0);
}

static void plain_row(struct run *r, size_t node, size_t row, int tok, struct row_view out)
{
    const struct net *net = r->net;
    const struct node *v = &net->nodes[node];
    size_t sources = op_attends(v->op) ? row_allowed(r->source, net, r->tokens, row, r->n) : 0;
    struct row_job job = { .net = net, .node = v, .row = row, .sources = sources, .in = r->in, .W = r->W,
        .is_pattern = v->op == OP_MIX && net->nodes[v->inputs[0]].op == OP_SOFTMAX && !run_replaced(r, v->inputs[0], row),
        .replaced = v->op == OP_MATMUL && run_replaced(r, v->inputs[1], row),
        .k_in = v->n_inputs ? r->slots[v->inputs[0]].width : 0, .mid = r->slots[node].mid + (out.mid - r->slots[node].mid),
        .rad = r->slots[node].rad + (out.rad - r->slots[node].rad), .scratch = r->scratch, .f = r->f };
    if (!row_kernels[v->op]) {
        stored_row(r, &job, tok);
    } else if (v->op == OP_ROW && v->arg[0] >= r->n) {
        fill(&job, NULL, INFINITY);
    } else if (op_attends(v->op) && sources == 0) {
        fill(&job, NULL, 0);
    } else {
        need_inputs(r, v, row, tok);
        if (op_attends(v->op)) row_allowed(r->source, net, r->tokens, row, r->n);   /* the inputs' own rows used the list */
        set_inputs(r, v, row, tok, sources);
        row_kernels[v->op](&job);
    }
    if (net->pad >= 0 && v->width == 0) scatter(r, &job);
}

void run_need(struct run *r, size_t node, size_t row, int tok)
{
    struct slot *s = &r->slots[node];
    if (s->keep < KEEP_TABLE) return;
    if (s->keep == KEEP_TABLE) {
        unsigned char *have = &s->have[row * r->net->d_vocab + (size_t)tok];
        if (*have) return;
        plain_row(r, node, row, tok, run_view(r, node, row, tok));
        *have = 1;
        return;
    }
    if (s->stamp[row] >= r->since[s->reach][row] || run_replaced(r, node, row)) return;
    double *mid = s->mid + row * s->width, *rad = s->rad + row * s->width;
    if (r->plain || !(fold_row(r, node, row, mid, rad) || lanes_row(r, node, row, mid, rad))) plain_row(r, node, row, tok, (struct row_view){ mid, rad });
    s->stamp[row] = r->clock;
}

static struct row_view made_row(struct run *r, size_t node, size_t row)
{
    if (r->turned && node == r->output && !r->patched && !r->plain) node = r->turned->output;
    lanes_asked(r, node);
    run_need(r, node, row, r->tokens[row]);
    return run_view(r, node, row, r->tokens[row]);
}

void run_row(struct run *r, size_t node, size_t row, const double **mid, const double **rad)
{
    struct row_view v;
    bool keep = false, remembers = node == r->output && !r->patched && !r->plain && r->net->d_vocab > 0 && r->slots[node].keep == KEEP_ROWS;
    size_t width = r->slots[node].width;
    const double *found = remembers ? memo_find(&r->memo, r->tokens, r->n, r->net->d_vocab, row, width, &keep) : NULL;
    if (found) {
        *mid = found;
        *rad = found + width;
        return;
    }
    v = made_row(r, node, row);
    if (keep) memo_keep(r->memo, v.mid, v.rad);
    *mid = v.mid;
    *rad = v.rad;
}

size_t run_width(const struct run *r, size_t node)
{
    return r->net->nodes[node].width ? r->net->nodes[node].width : r->n;
}
