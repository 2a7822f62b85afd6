/* Intervals of every row on demand: the driver, inputs, and the kernel that uses the midpoint and radius of rows*.c. */
#include "models/bounds_kernel.h"
#include <stdint.h>
#include <string.h>
#include "core/mem.h"

#define PAIRS_MAX ((size_t)2 << 20)
#define PAIRS_A_ROW 20000

struct interval_slot { size_t width; double *lo, *hi; unsigned char *known; /* [n_ctx] */ double *pairs; /* score: [nV][nV][2], or NULL */ };
struct bounds {
    const struct net *net;
    struct run *run;                     /* rows that depend on one token or none */
    struct interval_slot *slots;
    int *tokens; size_t *first;          /* tokens of position i: first[i] .. first[i + 1] - 1 */
    size_t room;
    size_t n, pair_memory;
    double *box_lo, *box_hi;             /* [n_ctx][width_in] */
    unsigned char *allowed;              /* [n_ctx] */
    struct ends *in; const struct weight **W;
    struct row_view *views; double *middle; /* inputs as midpoints and radii, [2][widest sum of inputs] */
    double *scratch, *inner;             /* for bound kernels, for row kernels */
};

static bound_kernel *const bound_kernels[OP_COUNT] = {
#define OP(code, name, evaluate, enclose, bound, ...) [OP_##code] = bound_##bound,
#include "models/op.def"
#undef OP
};

static bool slot_set(struct interval_slot *s, const struct net *net, size_t node)
{
    s->width = row_width(net, node);
    if (s->width > SIZE_MAX / 16 / net->n_ctx) return false;
    s->lo = mem_array(net->n_ctx * s->width, sizeof(double));
    s->hi = mem_array(net->n_ctx * s->width, sizeof(double));
    s->known = mem_array(net->n_ctx, 1);
    return s->lo && s->hi && s->known;
}

/* What a node reads at once: entries and rows. */
static void input_sizes(size_t *entries, size_t *rows, const struct net *net, const struct node *v)
{
    size_t sum = 0;
    for (size_t a = 0; a < v->n_inputs; a++) {
        const struct node *x = &net->nodes[v->inputs[a]];
        size_t own = row_width(net, v->inputs[a]), below = x->n_inputs ? row_width(net, x->inputs[0]) : 0;
        sum += own > below ? own : below;
    }
    *entries = sum;
    *rows = v->n_inputs + net->n_ctx;
}

static enum status set_arrays(struct bounds *b)
{
    const struct net *net = b->net;
    size_t widest = net->n_ctx, entries = 1, rows = 1, box = net->n_ctx * net->width_in;
    b->slots = mem_array(net->n_nodes, sizeof *b->slots);
    for (size_t v = 0; v < net->n_nodes; v++) {
        size_t e, r;
        if (!b->slots || !slot_set(&b->slots[v], net, v)) return STATUS_MEMORY;
        input_sizes(&e, &r, net, &net->nodes[v]);
        widest = b->slots[v].width > widest ? b->slots[v].width : widest;
        entries = e > entries ? e : entries;
        rows = r > rows ? r : rows;
    }
    b->first = mem_array(net->n_ctx + 1, sizeof *b->first);
    b->box_lo = mem_array(box, sizeof(double));
    b->box_hi = mem_array(box, sizeof(double));
    b->allowed = mem_array(net->n_ctx, 1);
    b->in = mem_array(rows, sizeof *b->in);
    b->W = mem_array(rows, sizeof *b->W);
    b->views = mem_array(rows, sizeof *b->views);
    b->middle = mem_array(2 * entries, sizeof(double));
    b->scratch = mem_array(8 * (widest + 2), sizeof(double));
    b->inner = mem_array(4 * (widest + 2), sizeof(double));
    bool all = b->first && b->box_lo && b->box_hi && b->allowed && b->in && b->W && b->views && b->middle && b->scratch && b->inner;
    return all ? STATUS_OK : STATUS_MEMORY;
}

enum status bounds_new(struct bounds **out, const struct net *net, enum semantics s)
{
    struct bounds *b = mem_array(1, sizeof *b);
    if (!b) return STATUS_MEMORY;
    b->net = net;
    enum status status = run_new(&b->run, net, s);
    if (status == STATUS_OK) status = set_arrays(b);
    if (status == STATUS_OK) *out = b;
    else bounds_free(b);
    return status;
}

void bounds_free(struct bounds *b)
{
    if (!b) return;
    for (size_t v = 0; b->slots && v < b->net->n_nodes; v++) {
        free(b->slots[v].lo);
        free(b->slots[v].hi);
        free(b->slots[v].known);
        free(b->slots[v].pairs);
    }
    run_free(b->run);
    free(b->slots);
    free(b->tokens);
    free(b->first);
    free(b->box_lo);
    free(b->box_hi);
    free(b->allowed);
    free(b->in);
    free(b->W);
    free(b->views);
    free(b->middle);
    free(b->scratch);
    free(b->inner);
    free(b);
}

static void forget(struct bounds *b, size_t n)
{
    b->n = n;
    run_length(b->run, n);
    for (size_t v = 0; v < b->net->n_nodes; v++) memset(b->slots[v].known, 0, b->net->n_ctx);
}

enum status bounds_tokens(struct bounds *b, const int *const *tokens, const size_t *count, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += count[i];
    int *grown = mem_grow(b->tokens, &b->room, sum, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    b->tokens = grown;
    b->first[0] = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(b->tokens + b->first[i], tokens[i], count[i] * sizeof **tokens);
        b->first[i + 1] = b->first[i] + count[i];
    }
    forget(b, n);
    return STATUS_OK;
}

void bounds_box(struct bounds *b, const double *lo, const double *hi, size_t n)
{
    memcpy(b->box_lo, lo, n * b->net->width_in * sizeof *lo);
    memcpy(b->box_hi, hi, n * b->net->width_in * sizeof *hi);
    forget(b, n);
}

static enum allowed allowed_source(const struct bounds *b, size_t source)
{
    size_t pads = 0, from = b->first[source], to = b->first[source + 1];
    if (b->net->pad < 0) return ALLOWED_SURELY;
    for (size_t k = from; k < to; k++) pads += b->tokens[k] == b->net->pad;
    return pads == 0 ? ALLOWED_SURELY : pads == to - from ? ALLOWED_NOT : ALLOWED_MAYBE;
}

/* Does the run keep this node's rows by token, or are they constant? */
static bool by_token(const struct bounds *b, size_t node)
{
    const struct slot *s = &b->run->slots[node];
    return s->reach == REACH_NOTHING || (s->reach == REACH_TOKEN && s->keep != KEEP_ROWS && s->keep != KEEP_INPUT);
}

static struct row_view token_row(struct bounds *b, size_t node, size_t row, int token)
{
    run_need(b->run, node, row, token);
    return run_view(b->run, node, row, token);
}

/* Hull over the tokens that the position can have. */
static void hull_row(struct bounds *b, size_t node, size_t row, double *lo, double *hi)
{
    size_t width = b->slots[node].width, from = b->net->width_in ? 0 : b->first[row], to = b->net->width_in ? 1 : b->first[row + 1];
    if (b->run->slots[node].reach == REACH_NOTHING) to = from + 1;
    for (size_t k = from; k < to; k++) {
        struct row_view v = token_row(b, node, row, b->net->width_in ? 0 : b->tokens[k]);
        for (size_t e = 0; e < width; e++) {
            double a = v.rad[e] > 0 ? step_down(v.mid[e] - v.rad[e]) : v.mid[e], c = v.rad[e] > 0 ? step_up(v.mid[e] + v.rad[e]) : v.mid[e];
            if (!(v.rad[e] < INFINITY)) a = -INFINITY, c = INFINITY;
            lo[e] = k == from || a < lo[e] ? a : lo[e];
            hi[e] = k == from || c > hi[e] ? c : hi[e];
        }
    }
}

/* Scores by position and token of query and key, twice (middle, radius), filled on demand; the radius is NaN before. */
static double *pair_table(struct bounds *b, size_t node)
{
    struct interval_slot *s = &b->slots[node];
    size_t n = b->net->n_ctx * b->net->d_vocab;
    if (s->pairs || n == 0 || n > PAIRS_MAX / n || b->pair_memory + n * n > PAIRS_MAX) return s->pairs;
    s->pairs = mem_array(n * n, 2 * sizeof(double));
    for (size_t i = 0; s->pairs && i < n * n; i++) s->pairs[2 * i + 1] = NAN;
    if (s->pairs) b->pair_memory += n * n;
    return s->pairs;
}

static void pair_score(double *mid, double *rad, struct bounds *b, size_t node, size_t row, int t, size_t source, int u)
{
    const struct node *v = &b->net->nodes[node];
    size_t V = b->net->d_vocab, n = b->net->n_ctx * V;
    double *table = pair_table(b, node), own[2] = { 0, NAN }, *at = table ? table + 2 * ((row * V + (size_t)t) * n + source * V + (size_t)u) : own;
    if (at[1] != at[1]) {
        struct row_view q = token_row(b, v->inputs[0], row, t), k = token_row(b, v->inputs[1], source, u);
        score_entry(&at[0], &at[1], q, k, b->slots[v->inputs[0]].width, v->arg[0], b->run->f);
        if (!(at[1] < INFINITY)) at[1] = INFINITY;
    }
    *mid = at[0];
    *rad = at[1];
}

bool bounds_score_pairs(double *lo, double *hi, const struct bound_job *j, size_t source)
{
    struct bounds *b = j->b;
    size_t node = (size_t)(j->node - b->net->nodes);
    if (b->net->width_in || !by_token(b, j->node->inputs[0]) || !by_token(b, j->node->inputs[1])) return false;
    const int *t = b->tokens + b->first[j->row], *u = b->tokens + b->first[source];
    size_t n = b->first[j->row + 1] - b->first[j->row], m = b->first[source + 1] - b->first[source];
    bool same = source == j->row;
    if (!same && n > PAIRS_A_ROW / m) return false;
    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t a = 0; a < n; a++)
        for (size_t c = same ? a : 0; c < (same ? a + 1 : m); c++) {
            double mid, rad;
            if (!same && b->net->pad >= 0 && u[c] == b->net->pad && m > 1) continue;   /* then it is not read */
            pair_score(&mid, &rad, b, node, j->row, t[a], source, u[c]);
            double down = step_down(mid - rad), up = step_up(mid + rad);
            *lo = !(down >= *lo) ? down : *lo;
            *hi = !(up <= *hi) ? up : *hi;
        }
    return true;
}

/* Midpoints and radii of what is read, the kernel of rows*.c, and the ends of its result. */
void bound_middle(const struct bound_job *j)
{
    struct bounds *b = j->b;
    double *to = b->middle;
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        size_t width = j->W[a] ? j->W[a]->k : b->slots[j->node->inputs[a]].width;
        double *mid = to, *rad = to + width;
        for (size_t e = 0; e < width; e++) {
            double lo = j->in[a].lo[e], hi = j->in[a].hi[e], m = lo / 2 + hi / 2, r = fmax(hi - m, m - lo);
            bool known = is_known(lo, hi);
            mid[e] = known ? m : 0;
            rad[e] = !known ? INFINITY : lo == hi ? 0 : step_up(r);
        }
        b->views[a] = (struct row_view){ mid, rad };
        to += 2 * width;
    }
    struct row_job job = { .net = j->net, .node = j->node, .row = j->row, .in = b->views, .W = j->W, .mid = j->lo, .rad = j->hi,
        .scratch = b->inner, .f = j->f };
    row_kernels[j->node->op](&job);
    for (size_t e = 0; e < j->node->width; e++) {
        double mid = j->lo[e], rad = j->hi[e];
        j->lo[e] = rad > 0 ? step_down(mid - rad) : mid;
        j->hi[e] = rad > 0 ? step_up(mid + rad) : mid;
        if (!(rad < INFINITY)) j->lo[e] = -INFINITY, j->hi[e] = INFINITY;
    }
}

/* Never reached: rows that are stored are hulls or the input's box. */
void bound_stored(const struct bound_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) j->lo[e] = -INFINITY, j->hi[e] = INFINITY;
}

static void bound_need(struct bounds *b, size_t node, size_t row);

static struct ends ends_of(const struct bounds *b, size_t node, size_t row)
{
    const struct interval_slot *s = &b->slots[node];
    return (struct ends){ s->lo + row * s->width, s->hi + row * s->width };
}

static bool is_part(const struct bounds *b, const struct node *v, size_t input)
{
    return v->op == OP_HEADS && b->net->nodes[input].op == OP_LINEAR && b->net->nodes[input].n_w == 1;
}

static void need_inputs(struct bounds *b, const struct node *v, size_t row, size_t sources)
{
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t u = is_part(b, v, v->inputs[a]) ? b->net->nodes[v->inputs[a]].inputs[0] : v->inputs[a];
        if (a == 1 && (v->op == OP_SCORE || v->op == OP_MIX))
            for (size_t s = 0; s < sources; s++) bound_need(b, u, s);
        else
            bound_need(b, u, v->op == OP_ROW ? v->arg[0] : row);
    }
}

static void set_inputs(struct bounds *b, const struct node *v, size_t row, size_t sources)
{
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t u = v->inputs[a];
        b->W[a] = is_part(b, v, u) ? &b->net->nodes[u].w[0] : NULL;
        if (b->W[a]) u = b->net->nodes[u].inputs[0];
        b->in[a] = ends_of(b, u, v->op == OP_ROW ? v->arg[0] : row);
    }
    if (v->op == OP_SCORE || v->op == OP_MIX)
        for (size_t s = 0; s < sources; s++) b->in[s + 1] = ends_of(b, v->inputs[1], s);
    for (size_t s = 0; s < sources; s++) b->allowed[s] = (unsigned char)allowed_source(b, s);
}

static void compute(struct bounds *b, size_t node, size_t row, double *lo, double *hi)
{
    const struct node *v = &b->net->nodes[node];
    size_t sources = op_attends(v->op) ? row_sources(b->net, row, b->n) : 0;
    if (v->op == OP_ROW && v->arg[0] >= b->n) {
        bound_stored(&(struct bound_job){ .node = v, .lo = lo, .hi = hi });
        return;
    }
    need_inputs(b, v, row, sources);
    set_inputs(b, v, row, sources);
    for (size_t e = 0; v->width == 0 && e < b->net->n_ctx; e++) {
        lo[e] = v->op == OP_SCORE ? -INFINITY : 0;
        hi[e] = v->op == OP_SCORE ? INFINITY : 0;
    }
    bound_kernels[v->op](&(struct bound_job){ .b = b, .net = b->net, .node = v, .row = row, .sources = sources, .in = b->in, .W = b->W,
        .allowed = b->allowed, .lo = lo, .hi = hi, .scratch = b->scratch, .f = b->run->f });
}

/* An end that is not a number or infinite takes the other with it. */
static void settle_ends(double *lo, double *hi, size_t n)
{
    for (size_t e = 0; e < n; e++)
        if (!(lo[e] > -INFINITY && hi[e] < INFINITY && lo[e] <= hi[e])) lo[e] = -INFINITY, hi[e] = INFINITY;
}

static void bound_need(struct bounds *b, size_t node, size_t row)
{
    struct interval_slot *s = &b->slots[node];
    double *lo = s->lo + row * s->width, *hi = s->hi + row * s->width;
    size_t in = b->net->width_in;
    if (s->known[row]) return;
    if (by_token(b, node)) hull_row(b, node, row, lo, hi);
    else if (b->net->nodes[node].op == OP_INPUT) memcpy(lo, b->box_lo + row * in, in * sizeof *lo), memcpy(hi, b->box_hi + row * in, in * sizeof *hi);
    else compute(b, node, row, lo, hi);
    settle_ends(lo, hi, s->width);
    s->known[row] = 1;
}

void bounds_row(struct bounds *b, size_t node, size_t row, const double **lo, const double **hi)
{
    bound_need(b, node, row);
    *lo = b->slots[node].lo + row * b->slots[node].width;
    *hi = b->slots[node].hi + row * b->slots[node].width;
}

size_t bounds_width(const struct bounds *b, size_t node)
{
    return b->net->nodes[node].width ? b->net->nodes[node].width : b->n;
}
