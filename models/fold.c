/* Folded attention, real semantics. A row of a linear, heads or add node that is
 *     base(i, t_i) + sum over heads h, sources j of p_h(i, j) T_h(j, t_j)
 * with p_h a softmax row and T_h a token-only row pushed through matrices, is computed from tables of base, T_h and, when queries and
 * keys are token-only too, of exp(score). Table rows carry one radius for all their entries: docs/methods.md, "Rounding". */
#include <math.h>
#include <string.h>
#include "models/runstate.h"
#include "core/mem.h"

#define TERMS_MAX 64
#define CHAIN_MAX 4
#define SCORES_MAX ((size_t)4 << 20)
#define CONTEXT_MAX 512
#define U 0x1p-53

/* A source of rows (token-only node, or a constant vector) and the matrices that its rows go through, in order. */
struct path { size_t node; const double *vector; const struct weight *chain[CHAIN_MAX]; size_t n; };
/* Rows by position and token, each with its radius and its largest entry. */
struct rows { double *mid, *radius, *size; unsigned char *have; };
/* exp(score - shift) by (i, t_i) and (j, t_j); error: relative, of a block (i, t_i), negative where it is not filled. */
struct scores { size_t q, k, d; double *e, *error; };
struct term { struct path path; struct rows rows; size_t softmax; struct scores scores; };
struct fold {
    struct path base[TERMS_MAX]; size_t n_base;
    struct term heads[TERMS_MAX]; size_t n_heads;
    struct rows base_rows;
    size_t width, most, memory;   /* most: the widest row of the network */
    double *one, *two;            /* [2][most]: a row on its way through a chain */
    const double **rows; double *weights;  /* [n_heads * n_ctx] */
};

static void rows_free(struct rows *t)
{
    free(t->mid);
    free(t->radius);
    free(t->size);
    free(t->have);
}

void fold_free(struct fold *f)
{
    if (!f) return;
    for (size_t h = 0; h < f->n_heads; h++) {
        rows_free(&f->heads[h].rows);
        free(f->heads[h].scores.e);
        free(f->heads[h].scores.error);
    }
    rows_free(&f->base_rows);
    free(f->one);
    free(f->two);
    free(f->rows);
    free(f->weights);
    free(f);
}

static bool token_only(const struct run *r, size_t node)
{
    const struct slot *s = &r->slots[node];
    return s->reach <= REACH_TOKEN && !s->replaced && (s->keep != KEEP_ROWS || s->reach == REACH_NOTHING);
}

/* Writes node v, followed by the path's matrices, as terms of the sum. */
static bool expand(struct fold *f, const struct run *r, size_t v, struct path path)
{
    const struct node *node = &r->net->nodes[v];
    if (f->n_base == TERMS_MAX || f->n_heads == TERMS_MAX || r->slots[v].replaced) return false;
    path.node = v;
    path.vector = NULL;
    if (token_only(r, v)) {
        f->base[f->n_base++] = path;
        return true;
    }
    if (node->op == OP_MIX) {
        if (r->net->nodes[node->inputs[0]].op != OP_SOFTMAX || !token_only(r, node->inputs[1])) return false;
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
    if (f->width > TABLE_BYTES / 8 / n || !afford(r, f, n, 8 * f->width + 17)) return false;
    t->mid = mem_array(n * f->width, sizeof(double));
    t->radius = mem_array(n, sizeof(double));
    t->size = mem_array(n, sizeof(double));
    t->have = mem_array(n, 1);
    return t->mid && t->radius && t->size && t->have;
}

/* The table of exponentials is an option: without it the softmax row is asked for. */
static bool scores_set(struct run *r, struct fold *f, struct term *t)
{
    const struct node *softmax = &r->net->nodes[t->softmax], *score = &r->net->nodes[softmax->inputs[0]];
    size_t n = r->net->n_ctx * r->net->d_vocab;
    t->scores.q = score->inputs[0];
    t->scores.k = score->inputs[1];
    t->scores.d = score->arg[0];
    bool replaced = r->slots[t->softmax].replaced || r->slots[softmax->inputs[0]].replaced;
    if (replaced || !token_only(r, t->scores.q) || !token_only(r, t->scores.k)) return true;
    if (n > SCORES_MAX / n || r->net->n_ctx > CONTEXT_MAX || !afford(r, f, n * n + n, sizeof(double))) return true;
    t->scores.e = mem_array(n * n, sizeof(double));
    t->scores.error = mem_array(n, sizeof(double));
    if (!t->scores.e || !t->scores.error) return false;
    for (size_t i = 0; i < n; i++) t->scores.error[i] = -1;
    return true;
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

static struct fold *fold_new(struct run *r, size_t node)
{
    struct fold *f = mem_array(1, sizeof *f);
    bool ok = false;
    if (!f) return NULL;
    size_t most = f->most = widest(r);
    f->width = r->slots[node].width;
    if (!expand(f, r, node, (struct path){ 0 }) || f->n_heads == 0 || !rows_set(r, f, &f->base_rows)) goto done;
    f->one = mem_array(2 * most, sizeof(double));
    f->two = mem_array(2 * most, sizeof(double));
    f->rows = mem_array(f->n_heads * r->net->n_ctx, sizeof *f->rows);
    f->weights = mem_array(f->n_heads * r->net->n_ctx, sizeof(double));
    if (!f->one || !f->two || !f->rows || !f->weights) goto done;
    for (size_t h = 0; h < f->n_heads; h++)
        if (!rows_set(r, f, &f->heads[h].rows) || !scores_set(r, f, &f->heads[h])) goto done;
    ok = true;
done:
    if (ok) return f;
    r->memory -= f->memory;
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

static void finish_row(struct rows *t, size_t at, size_t width, const double *radii)
{
    double size = 0, radius = 0;
    for (size_t k = 0; k < width; k++) {
        double a = fabs(t->mid[at * width + k]);
        size = a <= size ? size : a;
        radius = radii[k] <= radius || radius != radius ? radius : radii[k];
    }
    t->size[at] = size;
    t->radius[at] = radius;
    t->have[at] = 1;
}

static size_t head_row(struct run *r, struct fold *f, struct term *t, size_t row, int tok)
{
    size_t at = row * r->net->d_vocab + (size_t)tok;
    if (t->rows.have[at]) return at;
    struct row_view v = walk_path(r, f, &t->path, row, tok);
    memcpy(t->rows.mid + at * f->width, v.mid, f->width * sizeof(double));
    finish_row(&t->rows, at, f->width, v.rad);
    return at;
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

static size_t base_row(struct run *r, struct fold *f, size_t row, int tok)
{
    struct rows *t = &f->base_rows;
    size_t at = row * r->net->d_vocab + (size_t)tok;
    if (t->have[at]) return at;
    double *mid = t->mid + at * f->width, *radii = f->two + f->most, radius = 0x1p-1000;
    memset(mid, 0, f->width * sizeof(double));
    for (size_t b = 0; b < f->n_base; b++) radius = (radius + add_row(mid, walk_path(r, f, &f->base[b], row, tok), f->width)) * (1 + 0x1p-40);
    for (size_t k = 0; k < f->width; k++) radii[k] = radius + (mid[k] - mid[k]);
    finish_row(t, at, f->width, radii);
    return at;
}

/* Scores of (row, tok) against every (j, token) into its block; the largest in *top, the largest radius in *radius. */
static void score_block(struct run *r, const struct scores *t, double *block, double *top, double *radius, size_t row, int tok)
{
    size_t V = r->net->d_vocab, sources = row_sources(r->net, row, r->net->n_ctx);
    *top = -INFINITY;
    *radius = 0;
    run_need(r, t->q, row, tok);
    struct row_view q = run_view(r, t->q, row, tok);
    for (size_t at = 0; at < sources * V; at++) {
        double error;
        run_need(r, t->k, at / V, (int)(at % V));
        score_entry(&block[at], &error, q, run_view(r, t->k, at / V, (int)(at % V)), r->slots[t->q].width, t->d, r->f);
        if (block[at] > *top) *top = block[at];
        *radius = error <= *radius || *radius != *radius ? *radius : error;
    }
}

/* Fills a block with exponentials. Every true exp(score - top) is e (1 + x) + y, |x| <= the block's error, |y| <= 2^-1000. */
static void fill_block(struct run *r, struct scores *t, size_t row, int tok)
{
    size_t V = r->net->d_vocab, at = row * V + (size_t)tok, n = row_sources(r->net, row, r->net->n_ctx) * V;
    double *block = t->e + at * (r->net->n_ctx * V), top, radius, error = 0;
    score_block(r, t, block, &top, &radius, row, tok);
    for (size_t i = 0; i < n; i += 16) {
        double x[16], rx[16], re[16];
        size_t m = n - i < 16 ? n - i : 16;
        for (size_t k = 0; k < m; k++) {
            x[k] = block[i + k] - top;
            rx[k] = (radius + U * fabs(x[k])) * (1 + 0x1p-40);
        }
        kernel_exp(block + i, re, x, rx, m);
        for (size_t k = 0; k < m; k++) {
            double e = block[i + k], relative = e > 0x1p-1000 ? re[k] / e * (1 + 4 * U) : re[k] <= 0x1p-1000 ? 0 : INFINITY;
            error = relative <= error ? error : relative;
        }
    }
    t->error[at] = error < 0x1p-20 ? error : INFINITY;
}

/* Weights from the table, 0 for the padding token. False: too small to divide by, or no good table. spread: relative error of every weight. */
static bool table_weights(double *w, double *spread, struct run *r, struct scores *t, size_t row, size_t sources)
{
    size_t V = r->net->d_vocab, at = row * V + (size_t)r->tokens[row];
    if (!t->e) return false;
    if (t->error[at] < 0) fill_block(r, t, row, r->tokens[row]);
    const double *block = t->e + at * (r->net->n_ctx * V);
    double sum = 0;
    for (size_t j = 0; j < sources; j++) {
        w[j] = r->tokens[j] == r->net->pad ? 0 : block[j * V + (size_t)r->tokens[j]];
        sum += w[j];
    }
    *spread = 2 * t->error[at] * (1 + 0x1p-16) + (double)(sources + 8) * U;
    if (!(sum > 0x1p-900) || !(*spread < 0x1p-16)) return false;
    double inverse = 1 / sum;
    for (size_t j = 0; j < sources; j++) w[j] *= inverse;
    return true;
}

/* Adds a head's weights and rows to the lists, its radius to *radius and its size to *size. */
static void add_head(struct run *r, struct fold *f, struct term *t, size_t row, size_t from, double *radius, double *size)
{
    size_t sources = row_sources(r->net, row, r->n);
    double *w = f->weights + from, spread = 0, floor = 0x1p-80;
    const double *error = NULL;
    if (!table_weights(w, &spread, r, &t->scores, row, sources)) {
        run_need(r, t->softmax, row, r->tokens[row]);
        struct row_view p = run_view(r, t->softmax, row, r->tokens[row]);
        memcpy(w, p.mid, sources * sizeof(double));
        error = p.rad;
    }
    for (size_t j = 0; j < sources; j++) {
        size_t at = head_row(r, f, t, j, r->tokens[j]);
        double off = error ? error[j] : spread * w[j] + floor, p = fabs(w[j]);
        f->rows[from + j] = t->rows.mid + at * f->width;
        *radius += (p + off) * t->rows.radius[at] + off * t->rows.size[at];
        *size += p * t->rows.size[at];
    }
}

static struct fold *fold_of(struct run *r, size_t node)
{
    struct slot *s = &r->slots[node];
    if (!s->fold && !s->no_fold) {
        s->fold = is_foldable(r, node) ? fold_new(r, node) : NULL;
        s->no_fold = !s->fold;
    }
    return s->fold;
}

bool fold_row(struct run *r, size_t node, size_t row, double *mid, double *rad)
{
    struct fold *f = fold_of(r, node);
    if (!f) return false;
    size_t sources = row_sources(r->net, row, r->n), n = f->n_heads * sources;
    size_t at = base_row(r, f, row, r->tokens[row]);
    double radius = f->base_rows.radius[at], size = f->base_rows.size[at];
    for (size_t h = 0; h < f->n_heads; h++) add_head(r, f, &f->heads[h], row, h * sources, &radius, &size);
    kernel_combine(mid, f->base_rows.mid + at * f->width, f->weights, f->rows, n, f->width);
    radius = (radius + (double)(n + 5) * U * size) * (1 + 0x1p-40) + 0x1p-1000;
    for (size_t k = 0; k < f->width; k++) rad[k] = radius + (mid[k] - mid[k]);
    return true;
}
