/* Folded attention, real semantics. A row of a linear, heads or add node that is
 *     base(i, t_i) + sum over heads h, sources j of p_h(i, j) T_h(j)
 * with p_h a softmax row is computed from rows base and T_h of its own width. base is a table by position and token; T_h(j) is a token-only row pushed through matrices,
 * also a table, or (where that is less work) again of this form, kept for position j. Every such row carries one radius for all its entries: docs/methods.md, "Rounding". */
#include <math.h>
#include <string.h>
#include "models/runstate.h"
#include "core/mem.h"

#define TERMS_MAX 64
#define CHAIN_MAX 8
#define CONTEXT_MAX 512
#define U 0x1p-53

/* A source of rows (token-only node, or a constant vector) and the matrices that its rows go through, in order. */
struct path { size_t node; const double *vector; const struct weight *chain[CHAIN_MAX]; size_t n; };
/* Rows by position and token, each `width` entries, then its largest entry and its radius. */
struct rows { double *row; unsigned char *have; };
/* inner: what gives T_h(j) where it is no table; kept[j] as of stamp[j]. */
struct term { struct path path; struct rows rows; size_t softmax, node; struct fold *inner; double *kept; uint64_t *stamp; };
struct fold {
    struct path base[TERMS_MAX]; size_t n_base;
    struct term heads[TERMS_MAX]; size_t n_heads;
    struct rows base_rows;
    size_t width, stride, most, memory;   /* most: the widest row of the network */
    double *one, *two;            /* [2][most] and more than a stride: a row on its way through a chain */
    double *sum;                  /* [stride]: the row in work */
    const double **rows; double *weights;  /* [n_heads * n_ctx] */
};

static void rows_free(struct rows *t)
{
    free(t->row);
    free(t->have);
}

void fold_free(struct fold *f)
{
    if (!f) return;
    for (size_t h = 0; h < f->n_heads; h++) {
        rows_free(&f->heads[h].rows);
        fold_free(f->heads[h].inner);
        free(f->heads[h].kept);
        free(f->heads[h].stamp);
    }
    rows_free(&f->base_rows);
    free(f->one);
    free(f->two);
    free(f->sum);
    free(f->rows);
    free(f->weights);
    free(f);
}

static struct fold *fold_new(struct run *r, size_t node, struct path path, size_t width);

/* Products that a row costs: of this form, and by matrices one after the other, beyond the row of z that both ask for. */
static bool is_less_work(const struct run *r, const struct path *path, size_t width, size_t inner_heads, size_t z)
{
    size_t chain = 0, rows = r->net->n_ctx * (inner_heads + 1);
    for (size_t c = 0; c < path->n; c++) chain += path->chain[c]->k * path->chain[c]->m;
    return rows * width <= chain + rows * z;
}

/* A head whose values are rows of this form themselves. */
static bool expand_head(struct fold *f, struct run *r, const struct node *mix, struct path path)
{
    struct term *t = &f->heads[f->n_heads];
    size_t v = mix->inputs[1], n = r->net->n_ctx;
    *t = (struct term){ .softmax = mix->inputs[0], .node = v };
    if (path.n == 0 || r->slots[v].replaced) return false;
    f->n_heads++;
    t->inner = fold_new(r, v, path, f->width);
    if (!t->inner || !is_less_work(r, &path, f->width, t->inner->n_heads, r->slots[v].width)) return false;
    t->kept = mem_array(n * f->stride, sizeof(double));
    t->stamp = mem_array(n, sizeof *t->stamp);
    return t->kept && t->stamp;
}

/* Writes node v, followed by the path's matrices, as terms of the sum. */
static bool expand(struct fold *f, struct run *r, size_t v, struct path path)
{
    const struct node *node = &r->net->nodes[v];
    if (f->n_base == TERMS_MAX || f->n_heads == TERMS_MAX || r->slots[v].replaced) return false;
    path.node = v;
    path.vector = NULL;
    if (run_token_only(r, v)) {
        f->base[f->n_base++] = path;
        return true;
    }
    if (node->op == OP_MIX) {
        if (r->net->nodes[node->inputs[0]].op != OP_SOFTMAX || r->slots[node->inputs[0]].replaced) return false;
        if (!run_token_only(r, node->inputs[1])) return expand_head(f, r, node, path);
        path.node = node->inputs[1];
        f->heads[f->n_heads++] = (struct term){ .path = path, .softmax = node->inputs[0] };
        return true;
    }
    if (node->op != OP_ADD && node->op != OP_HEADS && node->op != OP_LINEAR) return false;
    const struct weight *bias = node->op == OP_LINEAR ? (node->n_w > 1 ? &node->w[1] : NULL) : node->n_w ? &node->w[0] : NULL;
    if (bias) {
        struct path constant = path;
        constant.vector = bias->data;
        f->base[f->n_base++] = constant;
    }
    if (node->op == OP_LINEAR) {
        if (path.n == CHAIN_MAX) return false;
        memmove(path.chain + 1, path.chain, path.n * sizeof *path.chain);
        path.chain[0] = &node->w[0];
        path.n++;
    }
    for (size_t a = 0; a < node->n_inputs; a++)
        if (!expand(f, r, node->inputs[a], path)) return false;
    return true;
}

static bool afford(struct run *r, struct fold *f, size_t n, size_t size)
{
    if (n > TABLE_BYTES / size || r->memory + n * size > TABLE_BYTES) return false;
    r->memory += n * size;
    f->memory += n * size;
    return true;
}

static bool rows_set(struct run *r, struct fold *f, struct rows *t)
{
    size_t n = r->net->n_ctx * r->net->d_vocab;
    if (f->stride > TABLE_BYTES / 8 / n || !afford(r, f, n, 8 * f->stride + 1)) return false;
    t->row = mem_array(n * f->stride, sizeof(double));
    t->have = mem_array(n, 1);
    return t->row && t->have;
}

static size_t widest(const struct run *r)
{
    size_t most = 1;
    for (size_t v = 0; v < r->net->n_nodes; v++)
        if (r->slots[v].width > most) most = r->slots[v].width;
    return most;
}

static bool is_foldable(const struct run *r, size_t node)
{
    enum op op = r->net->nodes[node].op;
    bool linear = op == OP_ADD || op == OP_HEADS || op == OP_LINEAR;
    return linear && r->net->d_vocab > 0 && !(r->f.u > 0) && r->slots[node].reach > REACH_TOKEN && !r->slots[node].replaced && r->net->n_ctx <= CONTEXT_MAX;
}

static size_t memory_of(const struct fold *f)
{
    size_t memory = f->memory;
    for (size_t h = 0; h < f->n_heads; h++)
        if (f->heads[h].inner) memory += memory_of(f->heads[h].inner);
    return memory;
}

/* Rows of `node` that go through the path's matrices, `width` entries in the end. */
static struct fold *fold_new(struct run *r, size_t node, struct path path, size_t width)
{
    struct fold *f = mem_array(1, sizeof *f);
    bool ok = false;
    if (!f) return NULL;
    size_t most = f->most = widest(r);
    f->width = width;
    f->stride = (width + 5) / 4 * 4;
    if (!expand(f, r, node, path) || f->n_heads == 0 || !rows_set(r, f, &f->base_rows)) goto done;
    f->one = mem_array(2 * most, sizeof(double));
    f->two = mem_array(2 * most, sizeof(double));
    f->sum = mem_array(f->stride, sizeof(double));
    f->rows = mem_array(f->n_heads * r->net->n_ctx, sizeof *f->rows);
    f->weights = mem_array(f->n_heads * r->net->n_ctx, sizeof(double));
    if (!f->one || !f->two || !f->sum || !f->rows || !f->weights) goto done;
    for (size_t h = 0; h < f->n_heads; h++)
        if (!f->heads[h].inner && !rows_set(r, f, &f->heads[h].rows)) goto done;
    ok = true;
done:
    if (ok) return f;
    r->memory -= memory_of(f);
    fold_free(f);
    return NULL;
}

/* The path's row for (row, tok), in f->one or where it is kept; its entries in *mid, *rad. */
static struct row_view walk_path(struct run *r, struct fold *f, const struct path *p, size_t row, int tok)
{
    struct row_view v = { p->vector, r->zeros };
    size_t most = f->most;
    if (!p->vector) {
        run_need(r, p->node, row, tok);
        v = run_view(r, p->node, row, tok);
    }
    for (size_t c = 0; c < p->n; c++) {
        double *to = v.mid == f->one ? f->two : f->one;
        kernel_linear(to, to + most, v.mid, v.rad, p->chain[c]->data, NULL, p->chain[c]->k, p->chain[c]->m, r->f);
        v = (struct row_view){ to, to + most };
    }
    return v;
}

/* A row's largest entry and radius, behind it. */
static void finish_row(double *row, size_t width, const double *radii)
{
    double size = 0, radius = 0;
    for (size_t k = 0; k < width; k++) {
        double a = fabs(row[k]);
        size = a <= size ? size : a;
        radius = radii[k] <= radius || radius != radius ? radius : radii[k];
    }
    row[width] = size;
    row[width + 1] = radius;
}

static const double *head_row(struct run *r, struct fold *f, struct term *t, size_t row, int tok)
{
    size_t at = row * r->net->d_vocab + (size_t)tok;
    double *to = t->rows.row + at * f->stride;
    if (t->rows.have[at]) return to;
    struct row_view v = walk_path(r, f, &t->path, row, tok);
    memcpy(to, v.mid, f->width * sizeof(double));
    finish_row(to, f->width, v.rad);
    t->rows.have[at] = 1;
    return to;
}

/* mid += v, entry by entry; the largest radius that this adds. */
static double add_row(double *mid, struct row_view v, size_t width)
{
    double radius = 0;
    for (size_t k = 0; k < width; k++) {
        mid[k] += v.mid[k];
        double more = v.rad[k] + 2 * U * fabs(mid[k]);
        radius = more <= radius || radius != radius ? radius : more;
    }
    return radius;
}

static const double *base_row(struct run *r, struct fold *f, size_t row, int tok)
{
    struct rows *t = &f->base_rows;
    size_t at = row * r->net->d_vocab + (size_t)tok;
    double *mid = t->row + at * f->stride, *radii = f->two + f->most, radius = 0x1p-1000;
    if (t->have[at]) return mid;
    memset(mid, 0, f->width * sizeof(double));
    for (size_t b = 0; b < f->n_base; b++) radius = (radius + add_row(mid, walk_path(r, f, &f->base[b], row, tok), f->width)) * (1 + 0x1p-40);
    for (size_t k = 0; k < f->width; k++) radii[k] = radius + (mid[k] - mid[k]);
    finish_row(mid, f->width, radii);
    t->have[at] = 1;
    return mid;
}

static void combine(double *out, struct run *r, struct fold *f, size_t row);

static const double *inner_row(struct run *r, struct fold *f, struct term *t, size_t row)
{
    double *to = t->kept + row * f->stride;
    uint64_t since = r->since[r->slots[t->node].reach][row];
    if (t->stamp[row] >= since) return to;
    combine(to, r, t->inner, row);
    t->stamp[row] = r->clock;
    return to;
}

/* Adds a head's weights and rows to the lists, and to *radius what errors of the weights cost. */
static void add_head(struct run *r, struct fold *f, struct term *t, size_t row, size_t from, double *radius)
{
    size_t sources = row_sources(r->net, row, r->n);
    double *w = f->weights + from, spread = 0, floor = 0x1p-80;
    const double *error = NULL, *kept = run_weights(&spread, r, t->softmax, row);
    if (!kept) {
        run_need(r, t->softmax, row, r->tokens[row]);
        struct row_view p = run_view(r, t->softmax, row, r->tokens[row]);
        kept = p.mid;
        error = p.rad;
    }
    for (size_t j = 0; j < sources; j++) {
        const double *v = t->inner ? inner_row(r, f, t, j) : head_row(r, f, t, j, r->tokens[j]);
        double off = error ? error[j] : spread * kept[j] + floor;
        w[j] = kept[j];
        f->rows[from + j] = v;
        *radius += off * (v[f->width] + v[f->width + 1]);
    }
}

/* The row, then its largest entry and radius. Sizes and radii are averaged like entries: weights are not negative, the sum of up to 2^15 of them errs by less than
 * 2^-36 of itself. */
static void combine(double *out, struct run *r, struct fold *f, size_t row)
{
    size_t sources = row_sources(r->net, row, r->n), n = f->n_heads * sources, width = f->width;
    const double *base = base_row(r, f, row, r->tokens[row]);
    double radius = 0, size = 0;
    for (size_t h = 0; h < f->n_heads; h++) add_head(r, f, &f->heads[h], row, h * sources, &radius);
    kernel_combine(out, base, f->weights, f->rows, n, f->stride);
    radius = (radius + out[width + 1] + (double)(n + 5) * U * out[width]) * (1 + 0x1p-36) + 0x1p-1000;
    for (size_t k = 0; k < width; k++) {
        double a = fabs(out[k]);
        size = a <= size ? size : a;
        radius += out[k] - out[k];
    }
    out[width] = size;
    out[width + 1] = radius;
}

static struct fold *fold_of(struct run *r, size_t node)
{
    struct slot *s = &r->slots[node];
    if (!s->fold && !s->no_fold) {
        s->fold = is_foldable(r, node) ? fold_new(r, node, (struct path){ 0 }, s->width) : NULL;
        s->no_fold = !s->fold;
    }
    return s->fold;
}

bool fold_row(struct run *r, size_t node, size_t row, double *mid, double *rad)
{
    struct fold *f = fold_of(r, node);
    if (!f) return false;
    combine(f->sum, r, f, row);
    memcpy(mid, f->sum, f->width * sizeof *mid);
    for (size_t k = 0; k < f->width; k++) rad[k] = f->sum[f->width + 1];
    return true;
}
