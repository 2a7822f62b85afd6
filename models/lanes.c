/* Which rows are computed as a batch, for which tokens, and where they are kept: see lanes.h. */
#include <math.h>
#include <string.h>
#include "models/lanes.h"
#include "core/mem.h"

#define MEMORY_MOST ((size_t)64 << 20)
#define LANES_LEAST 8
#define JUDGED 2048        /* lanes after which it is asked whether half of them served */
#define PAUSE 8192         /* sequences without batches, if not */
#define WIDE_RADIUS 0x1p-10

/* ---- storage ---- */

static void find_single(bool *single, const struct net *net)
{
    size_t n = net->n_nodes;
    for (size_t v = 0; v < n; v++) {
        size_t readers = 0;
        bool source = false;
        for (size_t u = v + 1; u < n; u++) {
            const struct node *x = &net->nodes[u];
            bool reads = false;
            for (size_t a = 0; a < x->n_inputs; a++) {
                reads = reads || x->inputs[a] == v;
                source = source || (x->inputs[a] == v && a > 0 && op_attends(x->op));
            }
            readers += reads;
        }
        single[v] = readers == 1 && !source;
    }
}

static size_t rows_of(const struct lanes *z, const struct run *r, size_t node)
{
    return z->single[node] ? 1 : r->net->n_ctx;
}

/* Bytes of all rows for one lane; 0: a node without a kernel, or too many. */
static size_t lane_bytes(const struct lanes *z, const struct run *r)
{
    size_t sum = 1;
    for (size_t v = 0; v < r->net->n_nodes; v++) {
        const struct slot *s = &r->slots[v];
        const struct node *x = &r->net->nodes[v];
        if (s->keep != KEEP_ROWS) continue;
        bool frozen = (x->op == OP_LAYERNORM || x->op == OP_RMSNORM) && x->n_inputs > 1;
        if (!lane_kernels[x->op] || frozen || s->reach > REACH_ALL || s->width > MEMORY_MOST / 8 / r->net->n_ctx) return 0;
        sum += rows_of(z, r, v) * (s->width + 2) * sizeof(double);
        if (sum > MEMORY_MOST) return 0;
    }
    return sum;
}

static size_t widest(const struct run *r)
{
    size_t most = r->net->n_ctx;
    for (size_t v = 0; v < r->net->n_nodes; v++)
        if (r->slots[v].width > most) most = r->slots[v].width;
    return most;
}

static bool set_arrays(struct lanes *z, const struct run *r)
{
    size_t n = r->net->n_ctx, nodes = r->net->n_nodes;
    z->words = (r->net->d_vocab + 63) / 64;
    if (n > MEMORY_MOST / 8 / z->words) return false;
    z->seen = mem_array(n * z->words, sizeof *z->seen);
    z->before = mem_array(n * z->words, sizeof *z->before);
    z->likely = mem_array(n * z->words, sizeof *z->likely);
    z->choices = mem_array(n, sizeof *z->choices);
    z->moved = mem_array(n, sizeof *z->moved);
    z->batch = mem_array(n, sizeof *z->batch);
    z->rows = mem_array(nodes, sizeof *z->rows);
    z->matrix = mem_array(nodes, sizeof *z->matrix);
    z->source = mem_array(n, sizeof *z->source);
    return z->seen && z->before && z->likely && z->choices && z->moved && z->batch && z->rows && z->matrix && z->source;
}

static bool set_work(struct lanes *z, const struct run *r)
{
    size_t most = z->most, n = r->net->n_ctx;
    z->view = mem_array(most, sizeof *z->view);
    z->other = mem_array(most, sizeof *z->other);
    z->x = mem_array(most, sizeof *z->x);
    z->row = mem_array(n, sizeof *z->row);
    z->spare = mem_array(3 * most * n + 2 * widest(r), sizeof *z->spare);
    z->zeros = mem_array(most * n + widest(r), sizeof *z->zeros);
    return z->view && z->other && z->x && z->row && z->spare && z->zeros;
}

struct lanes *lanes_new(const struct run *r)
{
    const struct net *net = r->net;
    if (r->f.u > 0 || net->d_vocab < 2 || net->pad >= 0 || r->patched) return NULL;
    struct lanes *z = mem_array(1, sizeof *z);
    if (!z || !(z->single = mem_array(net->n_nodes, sizeof *z->single))) goto failed;
    find_single(z->single, net);
    size_t bytes = lane_bytes(z, r);
    if (bytes == 0) goto failed;
    z->most = net->d_vocab < LANES_MOST ? net->d_vocab : LANES_MOST;
    while (z->most > LANES_LEAST && z->most * bytes > MEMORY_MOST) z->most /= 2;
    if (z->most * bytes > MEMORY_MOST || !set_arrays(z, r) || !set_work(z, r)) goto failed;
    return z;
failed:
    lanes_free(z, net->n_nodes);
    return NULL;
}

static void rows_clear(struct lane_rows *y)
{
    free(y->mid);
    free(y->rad);
    free(y->norm);
    free(y->tag);
    free(y->row);
    *y = (struct lane_rows){ 0 };
}

void lanes_free(struct lanes *z, size_t n_nodes)
{
    if (!z) return;
    for (size_t v = 0; v < n_nodes; v++) {
        if (z->rows) rows_clear(&z->rows[v]);
        if (z->matrix) product_matrix_clear(&z->matrix[v]);
    }
    free(z->single);
    free(z->seen);
    free(z->before);
    free(z->likely);
    free(z->choices);
    free(z->moved);
    free(z->batch);
    free(z->rows);
    free(z->matrix);
    free(z->source);
    free(z->view);
    free(z->other);
    free(z->x);
    free(z->row);
    free(z->spare);
    free(z->zeros);
    free(z);
}

static bool rows_set(struct lane_rows *y, size_t rows, size_t most, size_t width)
{
    *y = (struct lane_rows){ .rows = rows };
    y->mid = mem_array(rows * most * width, sizeof(double));
    y->rad = mem_array(rows * most, sizeof(double));
    y->norm = mem_array(rows * most, sizeof(double));
    y->tag = mem_array(rows, sizeof *y->tag);
    y->row = mem_array(rows, sizeof *y->row);
    if (y->mid && y->rad && y->norm && y->tag && y->row) return true;
    rows_clear(y);
    return false;
}

void lanes_asked(struct run *r, size_t node)
{
    struct lanes *z = r->lanes;
    if (!z || !z->single[node]) return;
    z->single[node] = false;
    rows_clear(&z->rows[node]);
}

/* ---- what is likely to come ---- */

static void remember(struct lanes *z, size_t at)
{
    uint64_t *seen = z->seen + at * z->words, *before = z->before + at * z->words, *likely = z->likely + at * z->words;
    z->choices[at] = 0;
    for (size_t w = 0; w < z->words; w++) {
        likely[w] = before[w] | seen[w];
        before[w] = seen[w];
        seen[w] = 0;
        z->choices[at] += (size_t)__builtin_popcountll(likely[w]);
    }
}

void lanes_moved(struct lanes *z, const struct run *r, size_t first)
{
    z->serial++;
    if (z->pause > 0) z->pause--;
    for (size_t i = first; i < r->n; i++) {
        size_t t = (size_t)r->tokens[i];
        if (r->since[REACH_TOKEN][i] == r->clock) z->moved[i] = z->serial;
        if (i > first) remember(z, i);
        z->seen[i * z->words + t / 64] |= (uint64_t)1 << t % 64;
    }
}

static bool is_likely(const struct lanes *z, size_t at, size_t t)
{
    return z->likely[at * z->words + t / 64] >> t % 64 & 1;
}

/* The position whose tokens make the lanes of such a row. False: none. */
static bool position_of(size_t *at, const struct lanes *z, const struct run *r, enum reach reach, size_t row)
{
    size_t i = reach == REACH_ALL ? r->n : row + 1;
    while (i > 0 && z->choices[i - 1] < 2) i--;
    if (i == 0 || (reach == REACH_TOKEN && i != row + 1)) return false;
    *at = i - 1;
    return true;
}

/* Does the batch still stand for the sequence at such a row? Its lane goes to *lane. */
static bool stands(size_t *lane, const struct lanes *z, const struct batch *b, const struct run *r, enum reach reach, size_t row)
{
    size_t end = reach == REACH_ALL ? r->n : row + 1;
    if (b->tag == 0 || b->length != r->n) return false;
    for (size_t i = 0; i < end; i++)
        if (i != b->at && z->moved[i] > b->serial) return false;
    for (*lane = 0; *lane < b->n; ++*lane)
        if (b->token[*lane] == r->tokens[b->at]) return true;
    return false;
}

static void judge(struct lanes *z, size_t more)
{
    z->made += more;
    if (z->made < JUDGED) return;
    if (2 * z->used < z->made) z->pause = PAUSE;
    z->made = z->used = 0;
}

/* The token that stands there and the likely ones above it; of more than there are lanes, the first of some equal parts. */
static bool batch_begin(struct lanes *z, struct batch *b, const struct run *r, size_t at)
{
    size_t t = (size_t)r->tokens[at], left = 1, n;
    if (!is_likely(z, at, t)) return false;
    for (size_t x = t + 1; x < r->net->d_vocab; x++) left += is_likely(z, at, x);
    if (left < 2) return false;
    size_t parts = (left + z->most - 1) / z->most;
    n = (left + parts - 1) / parts;
    *b = (struct batch){ .at = at, .length = r->n, .tag = ++z->tags, .serial = z->serial };
    for (size_t x = t; b->n < n; x++)
        if (is_likely(z, at, x)) b->token[b->n++] = (int)x;
    judge(z, n);
    return true;
}

/* ---- rows ---- */

bool lane_depends(const struct run *r, const struct batch *b, size_t node, size_t row)
{
    const struct slot *s = &r->slots[node];
    if (s->keep != KEEP_ROWS || s->reach == REACH_NOTHING) return false;
    return s->reach == REACH_ALL || (s->reach == REACH_PREFIX && row >= b->at) || row == b->at;
}

/* A row that is not there any more is unknown. */
struct lane_view lane_view(const struct lane_job *j, size_t node, size_t row, size_t lane)
{
    const struct run *r = j->r;
    size_t width = r->net->nodes[node].width ? r->net->nodes[node].width : row_sources(r->net, row, r->n);
    if (lane_depends(r, j->b, node, row)) {
        const struct lane_rows *y = &j->z->rows[node];
        size_t slot = y->rows > 1 ? row : 0, at = slot * j->z->most + lane;
        bool there = y->tag[slot] == j->b->tag && y->row[slot] == row;
        return (struct lane_view){ y->mid + at * r->slots[node].width, there ? y->rad[at] : (double)INFINITY, y->norm[at] };
    }
    struct row_view v = run_view(r, node, row, row == j->b->at ? j->b->token[lane] : r->tokens[row]);
    return (struct lane_view){ v.mid, row_norm(v.rad, width), row_norm(v.mid, width) };
}

const struct product_matrix *lane_matrix(const struct lane_job *j, size_t node)
{
    struct product_matrix *p = &j->z->matrix[node];
    const struct weight *w = &j->r->net->nodes[node].w[0];
    return p->panels || product_matrix_set(p, w->data, w->k, w->m) ? p : NULL;
}

/* The run on another token at a position, as if the sequence had changed; what it keeps for the position goes. */
static void stand_on(struct run *r, size_t at, int token)
{
    r->tokens[at] = token;
    r->clock++;
    r->since[REACH_TOKEN][at] = r->clock;
    for (size_t i = 0; i < r->net->n_ctx; i++) {
        if (i >= at) r->since[REACH_PREFIX][i] = r->clock;
        r->since[REACH_ALL][i] = r->since[REACH_ANY][i] = r->clock;
    }
}

/* By folded attention, one lane after the other: its tables make them cheap. */
static bool folded_lanes(const struct lane_job *j)
{
    struct run *r = j->r;
    int token = r->tokens[j->b->at];
    bool folds = !r->slots[j->node].no_fold;
    for (size_t l = 0; folds && l < j->n; l++) {
        stand_on(r, j->b->at, j->b->token[l]);
        folds = fold_row(r, j->node, j->row, j->y + l * j->width, j->z->spare);
        if (!folds) break;
        j->rad[l] = row_norm(j->z->spare, j->width);
        j->norm[l] = row_norm(j->y + l * j->width, j->width);
    }
    if (r->tokens[j->b->at] != token) stand_on(r, j->b->at, token);
    return folds;
}

static bool lane_need(struct run *r, const struct batch *b, size_t node, size_t row);

static bool lane_inputs(struct run *r, const struct batch *b, const struct node *v, size_t row)
{
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t u = v->inputs[a];
        if (v->op == OP_HEADS && run_is_part(r, u, row)) u = r->net->nodes[u].inputs[0];
        bool sources = a == 1 && (v->op == OP_SCORE || v->op == OP_MIX);
        for (size_t s = sources ? 0 : row; s < (sources ? row_sources(r->net, row, r->n) : row + 1); s++)
            if (!lane_need(r, b, u, s)) return false;
    }
    return true;
}

static bool lane_need(struct run *r, const struct batch *b, size_t node, size_t row)
{
    struct lanes *z = r->lanes;
    struct lane_rows *y = &z->rows[node];
    const struct node *v = &r->net->nodes[node];
    if (!lane_depends(r, b, node, row)) {
        for (size_t l = 0; l < (row == b->at ? b->n : 1); l++) run_need(r, node, row, row == b->at ? b->token[l] : r->tokens[row]);
        return true;
    }
    if (!y->mid && !rows_set(y, rows_of(z, r, node), z->most, r->slots[node].width)) return false;
    size_t slot = y->rows > 1 ? row : 0, from = slot * z->most, width = r->slots[node].width;
    if (y->tag[slot] == b->tag && y->row[slot] == row) return true;
    y->tag[slot] = 0;
    struct lane_job job = { .r = r, .z = z, .b = b, .v = v, .node = node, .row = row, .width = width, .n = b->n, .y = y->mid + from * width, .rad = y->rad + from, .norm = y->norm + from };
    if (!folded_lanes(&job) && !(lane_inputs(r, b, v, row) && lane_kernels[v->op](&job))) return false;
    y->tag[slot] = b->tag;
    y->row[slot] = row;
    return true;
}

/* Bounds that are wide are left to the kernels with a radius for each entry. */
static bool copy_lane(struct run *r, const struct batch *b, size_t lane, size_t node, size_t row, double *mid, double *rad)
{
    const struct lane_rows *y = &r->lanes->rows[node];
    size_t width = r->slots[node].width, at = (y->rows > 1 ? row : 0) * r->lanes->most + lane;
    size_t n = r->net->nodes[node].width ? width : row_sources(r->net, row, r->n);
    const double *from = y->mid + at * width;
    double radius = y->rad[at];
    if (!(radius <= WIDE_RADIUS * (1 + y->norm[at]))) return false;
    for (size_t k = 0; k < n; k++) {
        mid[k] = from[k];
        rad[k] = radius + (from[k] - from[k]);
    }
    (void)b;
    return true;
}

bool lanes_row(struct run *r, size_t node, size_t row, double *mid, double *rad)
{
    struct lanes *z = r->lanes;
    enum reach reach = r->slots[node].reach;
    size_t at, lane = 0;
    if (!z || z->pause > 0 || reach == REACH_NOTHING || !position_of(&at, z, r, reach, row)) return false;
    struct batch *b = &z->batch[at];
    if (!stands(&lane, z, b, r, reach, row)) {
        if (!batch_begin(z, b, r, at)) return false;
        lane = 0;
    }
    if (!lane_need(r, b, node, row) || !copy_lane(r, b, lane, node, row, mid, rad)) return false;
    z->used += !b->used[lane];
    b->used[lane] = true;
    return true;
}
