/* Softmax weights of token-only queries and keys from a table of exponentials, real semantics; one table and one list of weights a row serve all that reads the head. */
#include <math.h>
#include "models/runstate.h"
#include "core/mem.h"

#define SCORES_MAX ((size_t)4 << 20)
#define U 0x1p-53

/* exp(score - shift) by (i, t_i) and (j, t_j); error: relative, of a block (i, t_i), negative where it is not filled. Weights of row i in w[i * n_ctx], each known up
 * to spread[i] of itself (infinite: not from the table), as of stamp[i]. */
struct scores { size_t q, k, d; double *e, *error, *w, *spread; uint64_t *stamp; };

void scores_free(struct scores *t)
{
    if (!t) return;
    free(t->e);
    free(t->error);
    free(t->w);
    free(t->spread);
    free(t->stamp);
    free(t);
}

bool run_token_only(const struct run *r, size_t node)
{
    const struct slot *s = &r->slots[node];
    return s->reach <= REACH_TOKEN && !s->replaced && (s->keep != KEEP_ROWS || s->reach == REACH_NOTHING);
}

static struct scores *scores_new(struct run *r, size_t softmax)
{
    const struct node *score = &r->net->nodes[r->net->nodes[softmax].inputs[0]];
    size_t n_ctx = r->net->n_ctx, n = n_ctx * r->net->d_vocab;
    bool replaced = r->slots[softmax].replaced || r->slots[r->net->nodes[softmax].inputs[0]].replaced;
    if (replaced || !run_token_only(r, score->inputs[0]) || !run_token_only(r, score->inputs[1])) return NULL;
    if (n > SCORES_MAX / n || (n * n + n) * sizeof(double) > TABLE_BYTES - r->memory) return NULL;
    struct scores *t = mem_array(1, sizeof *t);
    if (!t) return NULL;
    t->q = score->inputs[0];
    t->k = score->inputs[1];
    t->d = score->arg[0];
    t->e = mem_array(n * n, sizeof(double));
    t->error = mem_array(n, sizeof(double));
    t->w = mem_array(n_ctx * n_ctx, sizeof(double));
    t->spread = mem_array(n_ctx, sizeof(double));
    t->stamp = mem_array(n_ctx, sizeof *t->stamp);
    if (!t->e || !t->error || !t->w || !t->spread || !t->stamp) {
        scores_free(t);
        return NULL;
    }
    r->memory += (n * n + n) * sizeof(double);
    for (size_t i = 0; i < n; i++) t->error[i] = -1;
    return t;
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

/* Weights of a row, 0 for the padding token; spread infinite: too small to divide by, or no good table. */
static void fill_weights(struct run *r, struct scores *t, size_t row)
{
    size_t V = r->net->d_vocab, at = row * V + (size_t)r->tokens[row], sources = row_sources(r->net, row, r->n);
    double *w = t->w + row * r->net->n_ctx, sum = 0;
    if (t->error[at] < 0) fill_block(r, t, row, r->tokens[row]);
    const double *block = t->e + at * (r->net->n_ctx * V);
    for (size_t j = 0; j < sources; j++) {
        w[j] = r->tokens[j] == r->net->pad ? 0 : block[j * V + (size_t)r->tokens[j]];
        sum += w[j];
    }
    double spread = 2 * t->error[at] * (1 + 0x1p-16) + (double)(sources + 8) * U, inverse = 1 / sum;
    bool good = sum > 0x1p-900 && spread < 0x1p-16;
    t->spread[row] = good ? spread : INFINITY;
    for (size_t j = 0; j < sources && good; j++) w[j] *= inverse;
}

const double *run_weights(double *spread, struct run *r, size_t softmax, size_t row)
{
    struct slot *s = &r->slots[softmax];
    if (!s->scores && !s->no_scores) {
        s->scores = scores_new(r, softmax);
        s->no_scores = !s->scores;
    }
    struct scores *t = s->scores;
    if (!t) return NULL;
    if (t->stamp[row] < r->since[s->reach][row]) {
        fill_weights(r, t, row);
        t->stamp[row] = r->clock;
    }
    *spread = t->spread[row];
    return t->spread[row] < INFINITY ? t->w + row * r->net->n_ctx : NULL;
}
