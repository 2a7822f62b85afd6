#include "rows.h"
#include <string.h>

void run_init_input(struct run *r, const struct net *net, bool float32, unsigned p, uint32_t id, const struct input *in) {
    *r = (struct run){.net = net, .float32 = float32, .p = p, .id = id, .n = in->n};
    r->rows = mem_get((size_t)net->n_nodes * in->n, sizeof *r->rows);
    if (in->tokens != NULL) {
        r->tokens = mem_get(in->n, sizeof *r->tokens);
        memcpy(r->tokens, in->tokens, in->n * sizeof *in->tokens);
        return;
    }
    size_t size = (size_t)in->n * net->in_width;
    r->input = nums_new(size);
    for (size_t i = 0; i < size; i++) num_copy(&r->input[i], &in->rows[i]);
}

void run_init(struct run *r, const struct net *net, bool float32, unsigned p, uint32_t id, const int64_t *tokens, uint32_t n) {
    run_init_input(r, net, float32, p, id, &(struct input){.tokens = tokens, .n = n});
}

bool run_is_on(const struct run *r, const struct input *in) {
    if (r->n != in->n || (r->tokens != NULL) != (in->tokens != NULL)) return false;
    if (in->tokens != NULL) return memcmp(r->tokens, in->tokens, in->n * sizeof *in->tokens) == 0;
    for (size_t i = 0; i < (size_t)in->n * r->net->in_width; i++)
        if (!num_identical(&r->input[i], &in->rows[i])) return false;
    return true;
}

uint32_t run_width(const struct run *r, int node) { return r->net->nodes[node].width == 0 ? r->n : r->net->nodes[node].width; }
bool run_allowed(const struct run *r, uint32_t row, uint32_t source) { return source < r->n && (!r->net->causal || source <= row) && (r->tokens == NULL || r->tokens[source] != r->net->pad); }

void run_clear(struct run *r) {
    for (int k = 0; r->rows != NULL && k < r->net->n_nodes; k++)
        for (uint32_t i = 0; i < r->n; i++) nums_free(r->rows[(size_t)k * r->n + i], run_width(r, k));
    for (int k = 0; k < r->n_patches; k++) nums_free(r->patches[k].values, (size_t)(r->patches[k].hi - r->patches[k].lo + 1) * r->patches[k].width);
    if (r->input != NULL) nums_free(r->input, (size_t)r->n * r->net->in_width);
    mem_free(r->patches);
    mem_free(r->rows);
    mem_free(r->tokens);
    *r = (struct run){0};
}

void run_drop(struct run *r, int node, uint32_t row) {
    struct num **x = &r->rows[(size_t)node * r->n + row];
    nums_free(*x, run_width(r, node));
    *x = NULL;
}

void run_add_patch(struct run *r, int node, int lo, int hi, uint32_t width, const struct num *values) {
    size_t n = (size_t)(hi - lo + 1) * width;
    r->patches = mem_grow(r->patches, (size_t)r->n_patches, (size_t)r->n_patches + 1, sizeof *r->patches);
    struct patch *q = &r->patches[r->n_patches++];
    *q = (struct patch){.node = node, .lo = lo, .hi = hi, .width = width, .values = nums_new(n)};
    for (size_t i = 0; i < n; i++) num_copy(&q->values[i], &values[i]);
}

bool run_patched(const struct run *r, int node, uint32_t row) {
    for (int k = 0; k < r->n_patches; k++)
        if (r->patches[k].node == node && (int64_t)row >= r->patches[k].lo && (int64_t)row <= r->patches[k].hi) return true;
    return false;
}

bool run_is_product(const struct run *r, int node, uint32_t row) { return r->net->nodes[node].op == OP_LINEAR && r->net->nodes[node].b.t == NULL && !run_patched(r, node, row); }

struct num *row_of(const struct run *r, int node, uint32_t row) { return r->rows[(size_t)node * r->n + row]; }

static bool row_table(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)f;
    size_t at = x->op == OP_EMBED ? (size_t)r->tokens[row] : row;
    for (uint32_t j = 0; j < x->width; j++) weight_real(&out[j], &x->w, at * x->w.cols + j, r->p);
    return true;
}

static bool row_input(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    bool good = true;
    for (uint32_t j = 0; good && j < x->width; j++) {
        const struct num *v = &r->input[(size_t)row * x->width + j];
        num_to_real(&out[j], v, r->p);
        if (r->float32 && v->tag.run == 0) good = f32_nearest(&out[j], r->p, f);
    }
    return good;
}

/* row x i: the same row of x everywhere */
static bool row_row(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)row;
    if (x->d[0] >= r->n) return fail_at(f, 0, "node %.80s reads row %u of a shorter sequence", x->name, x->d[0]);
    for (uint32_t j = 0; j < x->width; j++) num_copy(&out[j], &row_of(r, x->args[0], x->d[0])[j]);
    return true;
}

static row_kernel *const kernels[OP_COUNT] = {
    [OP_EMBED] = row_table, [OP_POSITION] = row_table, [OP_ADD] = row_add, [OP_LINEAR] = row_linear, [OP_LAYERNORM] = row_layernorm, [OP_SCORE] = row_score,
    [OP_SOFTMAX] = row_softmax, [OP_MIX] = row_mix, [OP_HEADS] = row_heads, [OP_RELU] = row_activation, [OP_GELU] = row_activation, [OP_GELU_NEW] = row_activation,
    [OP_SILU] = row_activation, [OP_INPUT] = row_input, [OP_ROW] = row_row, [OP_SELECT] = row_select, [OP_CONCAT] = row_concat, [OP_CONSTANT] = row_constant,
    [OP_SUB] = row_pair, [OP_MUL] = row_pair, [OP_DIV] = row_pair, [OP_MAX] = row_pair, [OP_MIN] = row_pair, [OP_EXP] = row_function, [OP_SQRT] = row_function,
    [OP_ERF] = row_function, [OP_TANH] = row_function, [OP_SIGMOID] = row_function, [OP_JUMPRELU] = row_jumprelu, [OP_TOPK] = row_topk, [OP_ROWSOFTMAX] = row_rowsoftmax,
    [OP_MAXPOOL] = row_maxpool, [OP_MATMUL] = row_matmul, [OP_RMSNORM] = row_rmsnorm, [OP_BILINEAR] = row_bilinear};

static bool row_patch(struct run *r, int node, uint32_t row, struct num *out) {
    bool found = false; /* the last of several patches of one row counts */
    for (int k = 0; k < r->n_patches; k++) {
        const struct patch *q = &r->patches[k];
        if (q->node != node || (int64_t)row < q->lo || (int64_t)row > q->hi) continue;
        for (uint32_t j = 0; j < q->width; j++) {
            num_to_real(&out[j], &q->values[(size_t)((int64_t)row - q->lo) * q->width + j], r->p);
            out[j].tag = (struct tag){0};
            if (r->float32) f32_round(&out[j], 1, r->p);
        }
        found = true;
    }
    return found;
}

/* Which rows of earlier nodes a row reads. */
static void require(const struct run *r, int node, uint32_t row, unsigned char *need) {
    const struct node *x = &r->net->nodes[node];
    for (int a = 0; a < x->n_args; a++) {
        int y = x->args[a];
        if (x->op == OP_ROW) {
            if (x->d[0] < r->n) need[(size_t)y * r->n + x->d[0]] = 1;
        } else if ((x->op == OP_SCORE || x->op == OP_MIX) && a == 1) {
            for (uint32_t j = 0; j < r->n; j++)
                if (run_allowed(r, row, j)) need[(size_t)y * r->n + j] = 1;
        } else if (x->op == OP_HEADS && run_is_product(r, y, row)) need[(size_t)r->net->nodes[y].args[0] * r->n + row] = 1;
        else need[(size_t)y * r->n + row] = 1;
    }
}

static bool row_make(struct run *r, int node, uint32_t row, struct fail *f) {
    uint32_t width = run_width(r, node);
    struct num *out = nums_new(width);
    if (!row_patch(r, node, row, out)) {
        if (!kernels[r->net->nodes[node].op](r, &r->net->nodes[node], row, out, f)) {
            nums_free(out, width);
            return fail_at(f, 0, "node %.80s cannot be enclosed", r->net->nodes[node].name);
        }
        /* twins are one real number; their float32 executions are independent */
        const uint32_t *twin = r->float32 ? NULL : r->net->nodes[node].twin;
        for (uint32_t j = 0; j < width; j++) out[j].tag = (struct tag){r->id, (uint32_t)node + 1, row, twin != NULL ? twin[j] : j};
    }
    r->rows[(size_t)node * r->n + row] = out;
    return true;
}

const struct num *run_row(struct run *r, int node, uint32_t row, struct fail *f) {
    if (row_of(r, node, row) != NULL) return row_of(r, node, row);
    size_t n = r->n;
    unsigned char *need = mem_get((size_t)(node + 1) * n, 1);
    need[(size_t)node * n + row] = 1;
    for (int k = node; k >= 0; k--)
        for (uint32_t i = 0; i < r->n; i++)
            if (need[(size_t)k * n + i] && row_of(r, k, i) == NULL && !run_patched(r, k, i)) require(r, k, i, need);
    bool good = true;
    for (int k = 0; good && k <= node; k++)
        for (uint32_t i = 0; good && i < r->n; i++)
            if (need[(size_t)k * n + i] && row_of(r, k, i) == NULL) good = row_make(r, k, i, f);
    mem_free(need);
    return good ? row_of(r, node, row) : NULL;
}
