/* The driver of the reverse pass: which rows a target reads, forward enclosures in order, tightening where they are wide. */
#include <string.h>
#include "core/mem.h"
#include "models/adjoint_kernel.h"

/* Doubles enclose a row of true values badly when a radius exceeds this part of its largest entry: balls serve. */
#define BLURRED_ROW 0x1p-34
#define EXACT_BITS 128
#define ADJOINT_BYTES ((size_t)256 << 20)
/* A row that is wider than this part of its largest entry, and bends what follows, is tightened before it is read. */
#define WIDE_ROW 0x1p-12

/* Operations without a cell charge their whole error. */
static const struct adjoint_cell cells[OP_COUNT] = {
#define CELL(code, name) [OP_##code] = { prepare_##name, reverse_##name }
    CELL(ADD, add), CELL(LINEAR, linear), CELL(HEADS, heads), CELL(MATMUL, matmul), CELL(ROW, row), CELL(SELECT, select), CELL(CONCAT, concat),
    CELL(SUB, sub), CELL(SCORE, score), CELL(SOFTMAX, softmax), CELL(MIX, mix), CELL(BILINEAR, bilinear), CELL(ROWSOFTMAX, rowsoftmax),
    CELL(LAYERNORM, layernorm), CELL(RMSNORM, rmsnorm), CELL(RELU, slope), CELL(GELU, slope), CELL(GELU_NEW, slope), CELL(SILU, slope),
    CELL(EXP, slope), CELL(SQRT, slope), CELL(ERF, slope), CELL(TANH, slope), CELL(SIGMOID, slope), CELL(JUMPRELU, slope), CELL(TOPK, slope),
    CELL(MUL, mul), CELL(DIV, div), CELL(MAX, larger), CELL(MIN, larger), CELL(MAXPOOL, maxpool),
#undef CELL
};

static bool is_straight(enum op op)
{
    return op == OP_ADD || op == OP_LINEAR || op == OP_HEADS || op == OP_ROW || op == OP_SELECT || op == OP_CONCAT || op == OP_SUB;
}

static bool is_leaf(enum op op) { return op == OP_EMBED || op == OP_POSITION || op == OP_INPUT || op == OP_CONSTANT; }

static size_t widest_of(const struct net *net, size_t *entries, size_t *first)
{
    size_t widest = net->n_ctx;
    *entries = 0;
    for (size_t v = 0; v < net->n_nodes; v++) {
        size_t w = row_width(net, v);
        first[v] = *entries;
        *entries = w > (SIZE_MAX / 64 - *entries) / net->n_ctx ? SIZE_MAX / 64 : *entries + net->n_ctx * w;
        widest = w > widest ? w : widest;
    }
    return widest;
}

static bool set_facts(struct adjoint_run *a, size_t entries)
{
    size_t rows = a->net->n_nodes * a->net->n_ctx, w = a->widest;
    double **facts[] = { &a->local, &a->c, &a->rc, &a->d, &a->rd, &a->error };
    for (size_t i = 0; i < 6; i++)
        if (!(*facts[i] = mem_array(entries, sizeof(double)))) return false;
    a->M = mem_array(entries * a->batch, sizeof(double));
    a->R = mem_array(entries * a->batch, sizeof(double));
    a->scalars = mem_array(rows * ADJOINT_SCALARS, sizeof(double));
    a->touched = mem_array(rows, 1);
    a->needed = mem_array(rows, 1);
    a->state = mem_array(rows, 1);
    a->cut = mem_array(rows, 1);
    a->source = mem_array(a->net->n_ctx, sizeof *a->source);
    a->order = mem_array(w, sizeof *a->order);
    a->work = mem_array(8 * w, sizeof(double));
    a->truth = mem_array(2 * w, sizeof(double));
    a->scratch = mem_array(4 * (w + 2), sizeof(double));
    a->slack = mem_array(w * a->batch, sizeof(double));
    for (size_t i = 0; a->order && i < w; i++) a->order[i] = i;
    return a->M && a->R && a->scalars && a->touched && a->needed && a->state && a->cut && a->source && a->order && a->work && a->truth && a->scratch && a->slack;
}

static enum status set_up(struct adjoint_run *a)
{
    const struct net *net = a->net;
    size_t entries;
    a->first = mem_array(net->n_nodes, sizeof *a->first);
    a->bent = mem_array(net->n_nodes, sizeof *a->bent);
    if (!a->first || !a->bent) return STATUS_MEMORY;
    a->widest = widest_of(net, &entries, a->first);
    for (size_t v = 0; v < net->n_nodes; v++)
        for (size_t i = 0; i < net->nodes[v].n_inputs; i++)
            if (!is_straight(net->nodes[v].op)) a->bent[net->nodes[v].inputs[i]] = true;
    a->batch = ADJOINT_BATCH;
    while (a->batch > 1 && entries > ADJOINT_BYTES / 16 / a->batch) a->batch /= 2;
    if (entries > ADJOINT_BYTES / 16) a->batch = 0;   /* no room: the forward bounds serve */
    return a->batch == 0 || set_facts(a, entries) ? STATUS_OK : STATUS_MEMORY;
}

enum status adjoint_run_new(struct adjoint_run **out, const struct net *net)
{
    struct adjoint_run *a = mem_array(1, sizeof *a);
    if (!a) return STATUS_MEMORY;
    a->net = net;
    enum status s = run_new(&a->run, net, SEMANTICS_FLOAT32);
    if (s == STATUS_OK) s = run_new(&a->real, net, SEMANTICS_REAL);
    if (s == STATUS_OK) s = set_up(a);
    if (s == STATUS_OK) {
        run_plain(a->run, true);
        run_plain(a->real, true);
        *out = a;
    } else {
        adjoint_run_free(a);
    }
    return s;
}

void adjoint_run_free(struct adjoint_run *a)
{
    if (!a) return;
    void *const owned[] = { a->bent, a->first, a->M, a->R, a->touched, a->needed, a->state, a->cut, a->local, a->c, a->rc, a->d, a->rd, a->error, a->scalars,
        a->source, a->order, a->work, a->scratch, a->slack, a->truth };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    run_free(a->run);
    run_free(a->real);
    ball_run_free(a->exact);
    free(a);
}

static void forget(struct adjoint_run *a)
{
    a->given = false;
    if (a->batch) memset(a->state, ADJOINT_NONE, a->net->n_nodes * a->net->n_ctx);
}

void adjoint_run_tokens(struct adjoint_run *a, const int *tokens, size_t n)
{
    run_tokens(a->run, tokens, n);
    run_tokens(a->real, tokens, n);
    forget(a);
}

void adjoint_run_length(struct adjoint_run *a, size_t n)
{
    run_length(a->run, n);
    run_length(a->real, n);
    forget(a);
}

void adjoint_run_input_row(struct adjoint_run *a, size_t row, const double *mid, const double *rad)
{
    run_input_row(a->run, row, mid, rad);
    run_input_row(a->real, row, mid, rad);
    forget(a);
}

struct row_view adjoint_view(const struct adjoint_job *j, size_t node, size_t row)
{
    return run_view(j->a->run, node, row, j->a->run->tokens[row]);
}

static size_t entry_of(const struct adjoint_run *a, size_t node, size_t row) { return a->first[node] + row * a->run->slots[node].width; }

const double *adjoint_error(const struct adjoint_job *j, size_t node, size_t row) { return j->a->error + entry_of(j->a, node, row); }

void adjoint_of(double **M, double **R, const struct adjoint_job *j, size_t node, size_t row)
{
    struct adjoint_run *a = j->a;
    size_t at = entry_of(a, node, row) * a->batch, size = a->run->slots[node].width * a->batch;
    unsigned char *touched = &a->touched[node * a->net->n_ctx + row];
    if (!*touched) {
        memset(a->M + at, 0, size * sizeof(double));
        memset(a->R + at, 0, size * sizeof(double));
        *touched = 1;
    }
    *M = a->M + at;
    *R = a->R + at;
}

static struct adjoint_job job_of(struct adjoint_run *a, size_t node, size_t row, size_t batch)
{
    const struct node *v = &a->net->nodes[node];
    size_t at = entry_of(a, node, row);
    struct adjoint_job j = { .a = a, .node = v, .row = row, .width = v->width ? v->width : a->run->n, .batch = batch, .source = a->source,
        .local = a->local + at, .c = a->c + at, .rc = a->rc + at, .d = a->d + at, .rd = a->rd + at, .error = a->error + at, .wide = a->wide,
        .scalar = a->scalars + (node * a->net->n_ctx + row) * ADJOINT_SCALARS, .M = a->M + at * a->batch, .R = a->R + at * a->batch,
        .own = run_view(a->run, node, row, a->run->tokens[row]), .f = a->run->f, .cut = &a->cut[node * a->net->n_ctx + row] };
    if (op_attends(v->op)) j.sources = row_allowed(a->source, a->net, a->run->tokens, row, a->run->n);
    return j;
}

/* Entry number i of those that are in use, in the row: of scores and patterns only the allowed sources are. */
static bool by_source(const struct node *v) { return v->width == 0; }
static size_t in_use(const struct adjoint_job *j) { return by_source(j->node) ? j->sources : j->width; }
static size_t place(const struct adjoint_job *j, size_t i) { return by_source(j->node) ? j->source[i] : i; }

/* Facts of a row whose inputs are there. Without a finite enclosure, or a cell, its whole error is charged: both the true value and the execution's
 * lie within the radius. */
static void prepare(struct adjoint_run *a, size_t node, size_t row)
{
    struct adjoint_job j = job_of(a, node, row, 0);
    bool cut = !cells[j.node->op].prepare || (j.node->op == OP_ROW && j.node->arg[0] >= a->run->n);
    if (is_leaf(j.node->op)) return;
    for (size_t i = 0; i < in_use(&j); i++)
        if (!(j.own.rad[place(&j, i)] < INFINITY)) cut = true;
    *j.cut = cut;
    if (!cut) cells[j.node->op].prepare(&j);
    for (size_t i = 0; *j.cut && i < in_use(&j); i++) j.local[i] = j.error[place(&j, i)];
}

static void reverse(struct adjoint_run *a, size_t node, size_t row, size_t batch)
{
    struct adjoint_job j = job_of(a, node, row, batch);
    if (is_leaf(j.node->op)) return;
    for (size_t i = 0; i < in_use(&j); i++) adjoint_charge(&j, j.M + place(&j, i) * a->batch, j.R + place(&j, i) * a->batch, j.local[i]);
    if (!*j.cut) cells[j.node->op].reverse(&j);
}

/* One pass for entries from, from + 1, ... of a row: the bounds of their errors into a->bound. */
static void pass(struct adjoint_run *a, size_t node, size_t row, size_t from, size_t batch)
{
    struct adjoint_job j = job_of(a, node, row, batch);
    size_t n = a->net->n_ctx;
    double *M, *R;
    memset(a->touched, 0, (node + 1) * n);
    memset(a->bound, 0, sizeof a->bound);
    adjoint_of(&M, &R, &j, node, row);
    for (size_t b = 0; b < batch; b++) M[place(&j, from + b) * a->batch + b] = 1;
    for (size_t v = node + 1; v-- > 0;)
        for (size_t i = 0; i < n; i++)
            if (a->touched[v * n + i]) reverse(a, v, i, batch);
}

/* Balls of EXACT_BITS see what the runs in doubles were given. */
static bool give_exact(struct adjoint_run *a)
{
    size_t width = a->net->width_in;
    if (!a->exact && ball_run_new(&a->exact, a->net, SEMANTICS_REAL, EXACT_BITS) != STATUS_OK) return false;
    if (a->given) return true;
    if (width == 0) {
        ball_run_tokens(a->exact, a->real->tokens, a->real->n);
    } else {
        arb_ptr x = _arb_vec_init((slong)width);
        ball_run_length(a->exact, a->real->n);
        for (size_t i = 0; i < a->real->n; i++) {
            for (size_t e = 0; e < width; e++) {
                arb_set_d(x + e, a->real->given[i * width + e]);
                mag_set_d(arb_radref(x + e), a->real->given_rad[i * width + e]);
            }
            ball_run_input_row(a->exact, i, x);
        }
        _arb_vec_clear(x, (slong)width);
    }
    return a->given = true;
}

/* Enclosures of a row's true values, in doubles, or where their roundings have grown by balls. Valid until the next call. */
static void true_row(struct adjoint_run *a, size_t node, size_t row, const double **mid, const double **rad)
{
    struct adjoint_job j = job_of(a, node, row, 0);
    double largest = 0, widest = 0;
    run_row(a->real, node, row, mid, rad);
    for (size_t i = 0; i < in_use(&j); i++) {
        size_t e = place(&j, i);
        largest = fabs((*mid)[e]) > largest ? fabs((*mid)[e]) : largest;
        widest = (*rad)[e] <= widest ? widest : (*rad)[e];
    }
    if (widest <= BLURRED_ROW * largest || !give_exact(a)) return;
    arb_srcptr x = ball_run_row(a->exact, node, row);
    for (size_t i = 0; i < in_use(&j); i++) ball_to_double(&a->truth[place(&j, i)], &a->truth[a->widest + place(&j, i)], x + place(&j, i));
    *mid = a->truth;
    *rad = a->truth + a->widest;
}

/* The radius of an entry becomes the distance to the true value's enclosure and the bound of the error, if that is less. */
static void tighten(struct adjoint_run *a, size_t node, size_t row)
{
    struct slot *s = &a->run->slots[node];
    const double *mid, *rad;
    if (is_leaf(a->net->nodes[node].op) || s->keep < KEEP_TABLE) return;
    true_row(a, node, row, &mid, &rad);
    struct adjoint_job j = job_of(a, node, row, 0);
    double *own = s->rad + (j.own.rad - s->rad);
    size_t count = in_use(&j);
    for (size_t from = 0; from < count; from += a->batch) {
        size_t batch = count - from < a->batch ? count - from : a->batch;
        pass(a, node, row, from, batch);
        j = job_of(a, node, row, 0);
        for (size_t b = 0; b < batch; b++) {
            size_t e = place(&j, from + b);
            double error = a->bound[b] * (1 + 0x1p-24) + LOW, all = adjoint_up(fabs(mid[e] - j.own.mid[e]) + rad[e] + error, 4);
            if (all < own[e]) own[e] = all;
            if (error < j.error[e]) j.error[e] = error;
        }
    }
}

static bool is_wide(struct adjoint_run *a, size_t node, size_t row)
{
    struct adjoint_job j = job_of(a, node, row, 0);
    double widest = 0, largest = 0;
    for (size_t i = 0; i < in_use(&j); i++) {
        size_t e = place(&j, i);
        widest = j.own.rad[e] > widest ? j.own.rad[e] : widest;
        largest = fabs(j.own.mid[e]) > largest ? fabs(j.own.mid[e]) : largest;
    }
    return a->bent[node] && widest > WIDE_ROW * largest;
}

/* Marks the rows that a row is computed from. */
static void need_inputs(struct adjoint_run *a, size_t node, size_t row)
{
    const struct node *v = &a->net->nodes[node];
    size_t n = a->net->n_ctx, sources = op_attends(v->op) ? row_allowed(a->source, a->net, a->run->tokens, row, a->run->n) : 0;
    for (size_t i = 0; i < v->n_inputs; i++) {
        size_t u = v->op == OP_HEADS ? a->net->nodes[v->inputs[i]].inputs[0] : v->inputs[i];
        if (i == 1 && (v->op == OP_SCORE || v->op == OP_MIX))
            for (size_t s = 0; s < sources; s++) a->needed[u * n + a->source[s]] = 1;
        else if (v->op != OP_ROW)
            a->needed[u * n + row] = 1;
        else if (v->arg[0] < a->run->n)
            a->needed[u * n + v->arg[0]] = 1;
    }
}

/* The true value lies in the real run's enclosure, and both in the float32 one. Leaves have no error. */
static void set_errors(struct adjoint_run *a, size_t node, size_t row)
{
    struct adjoint_job j = job_of(a, node, row, 0);
    const double *mid, *rad;
    bool leaf = is_leaf(j.node->op);
    if (!leaf) true_row(a, node, row, &mid, &rad);
    for (size_t i = 0; i < in_use(&j); i++) {
        size_t e = place(&j, i);
        double all = leaf ? 0 : adjoint_up(fabs(mid[e] - j.own.mid[e]) + rad[e] + j.own.rad[e], 4), twice = adjoint_up(2 * j.own.rad[e], 1);
        j.error[e] = leaf || all < twice ? all : twice;
    }
}

static void visit(struct adjoint_run *a, size_t node, size_t row)
{
    unsigned char *state = &a->state[node * a->net->n_ctx + row];
    if (*state != ADJOINT_NONE) return;
    run_need(a->run, node, row, a->run->tokens[row]);
    set_errors(a, node, row);
    prepare(a, node, row);
    *state = ADJOINT_READY;
    if (!is_wide(a, node, row)) return;
    tighten(a, node, row);
    *state = ADJOINT_TIGHT;
}

/* Every row that the target is computed from, in order, and the target itself. */
static void walk(struct adjoint_run *a, size_t node, size_t row)
{
    size_t n = a->net->n_ctx;
    memset(a->needed, 0, (node + 1) * n);
    a->needed[node * n + row] = 1;
    for (size_t v = node + 1; v-- > 0;)
        for (size_t i = 0; i < n; i++)
            if (a->needed[v * n + i]) need_inputs(a, v, i);
    for (size_t v = 0; v <= node; v++)
        for (size_t i = 0; i < n; i++)
            if (a->needed[v * n + i]) visit(a, v, i);
}

void adjoint_run_row(struct adjoint_run *a, size_t node, size_t row, const double **mid, const double **rad)
{
    unsigned char *state = a->batch ? &a->state[node * a->net->n_ctx + row] : NULL;
    if (state && *state != ADJOINT_TIGHT) {
        walk(a, node, row);
        if (*state != ADJOINT_TIGHT) tighten(a, node, row);
        *state = ADJOINT_TIGHT;
    }
    run_row(a->run, node, row, mid, rad);
}

bool adjoint_run_derivative(struct adjoint_run *a, size_t node, size_t row, size_t entry, size_t from, size_t from_row, double *mid, double *rad)
{
    size_t n = a->net->n_ctx, width = run_width(a->run, from);
    if (!a->batch || by_source(&a->net->nodes[node]) || from > node) return false;
    walk(a, node, row);
    a->wide = 1;
    pass(a, node, row, entry, 1);
    a->wide = 0;
    if (!a->touched[from * n + from_row]) return false;
    for (size_t e = 0; e < width; e++) {
        mid[e] = a->M[(entry_of(a, from, from_row) + e) * a->batch];
        rad[e] = a->R[(entry_of(a, from, from_row) + e) * a->batch];
    }
    return true;
}

const double *adjoint_run_error(struct adjoint_run *a, size_t node, size_t row)
{
    const double *mid, *rad;
    adjoint_run_row(a, node, row, &mid, &rad);
    return a->batch ? a->error + entry_of(a, node, row) : NULL;
}
