/* The smallest value over all sequences. A candidate value v is the smallest exactly when min over sequences of sum_i w_i (G_i - v) is 0
 * for every class, query token and line; where the minimum is negative, the sequence that attains it has a smaller value, and that is the
 * next candidate (Dinkelbach 1967: superlinear; 3 to 6 rounds). Units of work go in blocks of fixed size that start from the best value so
 * far, so that the result does not depend on the number of threads. */
#include <math.h>
#include <string.h>

#include <omp.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/separable.h"

#define BLOCK 1024      /* units of a block at most; the first blocks are smaller, since their result speeds up the rest */
#define ROUNDS 60

void optimum_init(struct optimum *o)
{
    memset(o, 0, sizeof *o);
    arb_init(o->value);
}

void optimum_clear(struct optimum *o)
{
    arb_clear(o->value);
    free(o->tokens);
    memset(o, 0, sizeof *o);
}

struct candidate { bool any; double value; size_t class; int *tokens; };

/* The completion of the empty prefix on which line k is smallest; first in lexicographic order. Tokens beyond the sources: any. */
static void smallest_path(struct cell *x, size_t line)
{
    const struct problem *p = x->p;
    const struct automaton *a = &x->c->a;
    size_t s = 0;
    for (size_t i = 0; i < p->t.n; i++) {
        double best = INFINITY;
        size_t to_best = 0;
        for (size_t k = 0; k < a->n_tokens[i]; k++) {
            int to = a->next[i][s * a->n_tokens[i] + k];
            if (to < 0 || (i == p->row && p->t.sets[i][k] != x->q))
                continue;
            double value = 0;
            if (i < p->n_src) {
                size_t next = x->layer[i + 1] + (size_t)to;
                if (x->count[next] == 0)
                    continue;
                value = x->h[(p->first[i] + k) * x->Kp + line] + x->low[next * x->Kp + line];
            }
            if (value < best) {
                best = value;
                to_best = (size_t)to;
                x->tokens[i] = p->t.sets[i][k];
            }
        }
        s = to_best;
    }
}

static double path_weight(const struct cell *x)
{
    const struct problem *p = x->p;
    double Z = 0;
    for (size_t i = 0; i < p->n_src; i++)
        Z += p->tables.w[((size_t)x->q * p->n_src + i) * p->tables.V + (size_t)x->tokens[i]];
    return Z;
}

/* Lowers *c (class index, tokens) from the value `from` as far as this class and query token allow. */
static enum status improve(struct candidate *c, struct cell *x, size_t class, int q, double from)
{
    const struct problem *p = x->p;
    for (int round = 0; round < ROUNDS; round++) {
        bool empty;
        enum status s = cell_load(x, &empty, &p->classes[class], q, from, false);
        if (s != STATUS_OK || empty)
            return s;
        size_t line = 0;
        for (size_t k = 1; k < x->c->lines.K; k++)
            if (x->low[k] < x->low[line])
                line = k;
        if (!(x->low[line] < 0))
            return STATUS_OK;
        double least = x->low[line];
        smallest_path(x, line);
        double next = from + least / path_weight(x);
        if (!(next < from) || !isfinite(next))
            return STATUS_OK;
        from = next;
        c->any = true;
        c->value = next;
        c->class = class;
        memcpy(c->tokens, x->tokens, p->t.n * sizeof *c->tokens);
    }
    return STATUS_OK;
}

static bool better(const struct candidate *a, const struct candidate *b, size_t n)
{
    if (!a->any || !b->any)
        return a->any;
    if (a->value != b->value)
        return a->value < b->value;
    for (size_t i = 0; i < n; i++)
        if (a->tokens[i] != b->tokens[i])
            return a->tokens[i] < b->tokens[i];
    return false;
}

struct search { struct problem *p; const struct limits *l; struct candidate best; struct candidate block[BLOCK]; struct cell *cells; int threads; };

static enum status search_block(struct search *w, size_t from, size_t to)
{
    struct problem *p = w->p;
    size_t n_queries = p->t.n_set[p->row];
    enum status status = STATUS_OK;
    double start = w->best.value;
#pragma omp parallel for schedule(dynamic, 4) num_threads(w->threads)
    for (size_t u = from; u < to; u++) {
        size_t class = u / n_queries, query = u % n_queries;
        struct candidate *c = &w->block[u - from];
        c->any = false;
        if (p->classes[class].d.set.n == 0 || !p->classes[class].live[p->first[p->row] + query])
            continue;
        enum status mine = improve(c, &w->cells[omp_get_thread_num()], class, p->t.sets[p->row][query], start);
        if (mine != STATUS_OK) {
#pragma omp critical(separable_merge)
            status = mine;
        }
    }
    for (size_t k = 0; k < to - from; k++)
        if (better(&w->block[k], &w->best, p->t.n)) {
            w->best.value = w->block[k].value;
            w->best.class = w->block[k].class;
            memcpy(w->best.tokens, w->block[k].tokens, p->t.n * sizeof *w->best.tokens);
        }
    return status;
}

/* Is every line above `bound` on every sequence, radii included? */
static enum status certify(bool *good, struct search *w, double bound)
{
    struct problem *p = w->p;
    size_t n_queries = p->t.n_set[p->row], units = p->n_classes * n_queries;
    enum status status = STATUS_OK;
    bool all = true;
#pragma omp parallel for schedule(dynamic, 4) num_threads(w->threads)
    for (size_t u = 0; u < units; u++) {
        size_t class = u / n_queries, query = u % n_queries;
        struct cell *x = &w->cells[omp_get_thread_num()];
        bool empty = true, above = true, go;
#pragma omp atomic read
        go = all;
        if (!go || p->classes[class].d.set.n == 0 || !p->classes[class].live[p->first[p->row] + query])
            continue;
        enum status mine = cell_load(x, &empty, &p->classes[class], p->t.sets[p->row][query], bound, true);
        for (size_t k = 0; mine == STATUS_OK && !empty && k < x->c->lines.K; k++)
            above = above && x->low[k] > 0;
        if (mine != STATUS_OK || !above) {
#pragma omp critical(separable_merge)
            {
                status = mine != STATUS_OK ? mine : status;
                all = false;
            }
        }
    }
    *good = all;
    return status;
}

/* Any accepted sequence of the first class that has lines. */
static bool first_sequence(struct search *w)
{
    const struct problem *p = w->p;
    for (size_t c = 0; c < p->n_classes; c++) {
        const struct automaton *a = &p->classes[c].a;
        if (p->classes[c].d.set.n == 0 || a->n_states[0] == 0)
            continue;
        size_t s = 0;
        for (size_t i = 0; i < p->t.n; i++)
            for (size_t k = 0; k < a->n_tokens[i]; k++)
                if (a->next[i][s * a->n_tokens[i] + k] >= 0) {
                    w->best.tokens[i] = p->t.sets[i][k];
                    s = (size_t)a->next[i][s * a->n_tokens[i] + k];
                    break;
                }
        w->best.any = true;
        w->best.class = c;
        return true;
    }
    return false;
}

/* float32: half the width of the executions' values at the best sequence and below it, to begin with: a small step down, times four until it is certified, then halfway (of the
 * exponents) to the last that was not, four times. */
static enum status certify_float32(struct optimum *out, struct search *w, double slack)
{
    double width = slack, short_of = slack / 4;
    enum status s = STATUS_OK;
    for (int k = 0; k < w->threads; k++)
        w->cells[k].below = true;
    for (int round = 0; s == STATUS_OK && round < 40 && !out->certified && !limits_expired(w->l); round++) {
        s = certify(&out->certified, w, w->best.value - width - slack);
        if (!out->certified) {
            short_of = width;
            width *= 4;
        }
    }
    for (int round = 0; s == STATUS_OK && round < 4 && out->certified && !limits_expired(w->l); round++) {
        double middle = sqrt(width * short_of);
        bool good = false;
        s = certify(&good, w, w->best.value - middle - slack);
        if (good)
            width = middle;
        else
            short_of = middle;
    }
    out->lo = w->best.value - width - slack;
    mag_t m;
    mag_init(m);
    mag_set_d(m, width);
    arb_add_error_mag(out->value, m);
    mag_clear(m);
    return s;
}

static enum status search_all(struct search *w, struct optimum *out, double slack)
{
    struct problem *p = w->p;
    size_t units = p->n_classes * p->t.n_set[p->row];
    double rad;
    problem_evaluate(out->value, p, &p->classes[w->best.class], w->best.tokens, 128);
    ball_to_double(&w->best.value, &rad, out->value);
    for (size_t u = 0, size = 32; u < units; u += size, size = size * 4 < BLOCK ? size * 4 : BLOCK) {
        if (limits_expired(w->l)) {
            out->expired = true;
            break;
        }
        enum status s = search_block(w, u, u + size < units ? u + size : units);
        if (s != STATUS_OK)
            return s;
    }
    problem_evaluate(out->value, p, &p->classes[w->best.class], w->best.tokens, 128);
    ball_to_double(&w->best.value, &rad, out->value);
    out->any = true;
    memcpy(out->tokens, w->best.tokens, p->t.n * sizeof *out->tokens);
    out->lo = w->best.value - slack;
    if (out->expired)
        return STATUS_OK;
    return p->float32 ? certify_float32(out, w, slack) : certify(&out->certified, w, out->lo);
}

enum status problem_minimum(struct optimum *out, struct problem *p, double slack, const struct limits *l)
{
    struct search *w = mem_array(1, sizeof *w);
    enum status status = STATUS_MEMORY;
    if (!w)
        return status;
    w->p = p;
    w->l = l;
    w->threads = problem_threads(p);
    w->cells = mem_array((size_t)w->threads, sizeof *w->cells);
    w->best.tokens = mem_array(p->t.n, sizeof *w->best.tokens);
    out->tokens = mem_array(p->t.n, sizeof *out->tokens);
    bool good = w->cells && w->best.tokens && out->tokens;
    for (size_t k = 0; k < BLOCK; k++)
        good = (w->block[k].tokens = mem_array(p->t.n, sizeof *w->block[k].tokens)) && good;
    for (int k = 0; good && k < w->threads; k++)
        good = cell_init(&w->cells[k], p) == STATUS_OK;
    if (good)
        status = first_sequence(w) ? search_all(w, out, slack) : STATUS_OK;
    for (int k = 0; w->cells && k < w->threads; k++)
        cell_clear(&w->cells[k]);
    for (size_t k = 0; k < BLOCK; k++)
        free(w->block[k].tokens);
    free(w->cells);
    free(w->best.tokens);
    free(w);
    return status;
}
