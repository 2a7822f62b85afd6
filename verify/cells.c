/* The engine: every cell of every problem, in the order that the rule asks for. */
#include "verify/cells.h"

#include <math.h>
#include <string.h>

#include <omp.h>

#include "core/mem.h"

#define NODES 32000              /* of a cell that has to close */
#define NODES_COUNT 500000       /* in a count */
#define NODES_OPEN 4000          /* once another one of the count has stayed open */
#define PROBES 150

void cells_search_init(struct cells_search *c)
{
    memset(c, 0, sizeof *c);
    mpz_inits(c->yes, c->open, NULL);
    text_init(&c->lines);
}

void cells_search_clear(struct cells_search *c)
{
    mpz_clears(c->yes, c->open, NULL);
    text_clear(&c->lines);
    free(c->tokens);
    memset(c, 0, sizeof *c);
}

/* One cell: its lines and where they go; below: a sequence that the search is after. */
struct job { size_t class, n; int q; bool live, below, settled, tabled; int *first, *tokens; double value; struct text lines; tally yes, open; };

static void jobs_free(struct job *jobs, size_t n)
{
    for (size_t k = 0; jobs && k < n; k++) {
        text_clear(&jobs[k].lines);
        free(jobs[k].first);
        free(jobs[k].tokens);
    }
    free(jobs);
}

static enum status jobs_make(struct job **out, size_t *n, const struct problem *p)
{
    struct job *jobs = mem_array(p->n_classes * p->t.n_set[p->row], sizeof *jobs);
    *n = 0;
    *out = jobs;
    if (!jobs)
        return STATUS_MEMORY;
    for (size_t c = 0; c < p->n_classes; c++)
        for (size_t k = 0; k < p->t.n_set[p->row]; k++) {
            enum holds h = p->classes[c].d.holds;
            if (p->classes[c].lines.K == 0 || (h != HOLDS_ALL && h != HOLDS_NOT_ALL) || !p->classes[c].live[p->first[p->row] + k])
                continue;
            struct job *j = &jobs[(*n)++];
            *j = (struct job){ .class = c, .n = p->t.n, .q = p->t.sets[p->row][k] };
            text_init(&j->lines);
            j->first = mem_array(p->t.n, sizeof *j->first);
            j->tokens = mem_array(p->t.n, sizeof *j->tokens);
            if (!j->first || !j->tokens)
                return STATUS_MEMORY;
        }
    return STATUS_OK;
}

/* The target falls below the value that was found; what was shown for a larger target holds all the same. STATUS_UNSUPPORTED: values so large that
 * doubles do not hold them, or do not tell them from the target. */
static enum status lower_target(double *out, struct cells_search *c, double value)
{
    double target = value - c->slack;
    if (!(target < value && target > -INFINITY))
        return STATUS_UNSUPPORTED;
#pragma omp critical(cells_target)
    {
        if (!c->has_best || target < c->target)
            c->target = target;
        c->has_best = true;
        *out = c->target;
    }
    return STATUS_OK;
}

/* No line of an optimum's class reads the network: the value is the same on all of its sequences, and the rule has no lines for it. */
static bool is_constant(const struct class *c)
{
    for (size_t k = 0; k < c->d.set.n; k++)
        if (c->d.set.lines[k].n > 0)
            return false;
    return true;
}

static enum status take_constant(struct job *j, struct cells_shared *s, struct cells_search *c, const int *tokens)
{
    const struct class *class = &s->p->classes[j->class];
    double value = INFINITY;
    for (size_t k = 0; k < class->d.set.n; k++)
        value = fmin(value, class->lines.c[k]);
    if (value >= s->target)
        return STATUS_OK;
    j->below = true;
    j->value = value;
    memcpy(j->tokens, tokens, s->p->t.n * sizeof *j->tokens);
    return lower_target(&s->target, c, j->value);
}

static enum status run_job(struct job *j, struct cells_room *x, struct cells_shared *s, struct cells_search *c, const struct limits *l)
{
    bool empty;
    enum status status = STATUS_OK;
    enum cells_answer answer = CELLS_OPEN;
    for (bool again = true; again && status == STATUS_OK;) {
        again = false;
        text_clear(&j->lines);
        text_init(&j->lines);
        x->out = &j->lines;
        x->yes = x->open = 0;
        x->tabled = false;
        status = cells_load(x, &empty, &s->p->classes[j->class], j->q);
        j->live = status == STATUS_OK && !empty;
        if (!j->live)
            break;
        cells_first(x);
        memcpy(j->first, x->tokens, s->p->t.n * sizeof *j->first);
        if (s->value && is_constant(&s->p->classes[j->class]))
            return take_constant(j, s, c, x->tokens);
        status = cells_decide(&answer, x, l);
        if (status != STATUS_OK || answer != CELLS_BELOW)
            break;
        j->below = true;
        j->value = x->best_value + s->target;
        memcpy(j->tokens, x->best, s->p->t.n * sizeof *j->tokens);
        again = s->value;
        if (again)
            status = lower_target(&s->target, c, j->value);
    }
    j->yes = x->yes;
    j->open = x->open;
    j->settled = x->open == 0;
    j->tabled = x->tabled;
    return status;
}

/* Once more, with smaller parts; what leaves less open stands. */
static enum status run_again(struct job *j, struct cells_room *x, struct cells_shared *s, struct cells_search *c, const struct limits *l)
{
    struct job before = *j;
    text_init(&j->lines);
    enum status status = run_job(j, x, s, c, l);
    if (status == STATUS_OK && j->open < before.open) {
        text_clear(&before.lines);
        return status;
    }
    text_clear(&j->lines);
    *j = before;
    return status;
}

/* By query token, then by first sequence: the rule's order. */
static int by_first(const void *a, const void *b)
{
    const struct job *x = a, *y = b;
    if (x->live != y->live)
        return x->live ? -1 : 1;
    if (x->q != y->q)
        return x->q < y->q ? -1 : 1;
    for (size_t i = 0; x->live && i < x->n; i++)
        if (x->first[i] != y->first[i])
            return x->first[i] < y->first[i] ? -1 : 1;
    return 0;
}

static void take_tokens(struct cells_search *c, const struct problem *p, const struct job *j)
{
    int *tokens = mem_array(p->t.n, sizeof *tokens);
    if (!tokens)
        return;
    memcpy(tokens, j->tokens, p->t.n * sizeof *tokens);
    free(c->tokens);
    c->tokens = tokens;
    c->below = true;
}

/* Lines in order, and of several finds the one that counts: the smallest value of an optimum, else the first. */
static enum status gather(struct cells_search *c, struct problem *p, struct job *jobs, size_t n)
{
    const struct job *best = NULL;
    qsort(jobs, n, sizeof *jobs, by_first);
    for (size_t k = 0; k < n; k++) {
        if (jobs[k].below && (!best || (c->value && jobs[k].value < best->value)))
            best = &jobs[k];
        if (jobs[k].live && jobs[k].lines.size > 0)
            text_add_n(&c->lines, jobs[k].lines.data, jobs[k].lines.size);
        tally_add(c->yes, jobs[k].yes);
        tally_add(c->open, jobs[k].open);
        c->tables |= jobs[k].tabled;
    }
    if (best && (!c->value || best->value <= c->target + c->slack))
        take_tokens(c, p, best);
    return c->lines.failed || (best && !c->tokens) ? STATUS_MEMORY : STATUS_OK;
}

/* [units, d_model]: what the units' relus add to the row before the unembedding, but for sigma of a final LayerNorm: centred then. */
static double *additions(const struct separable_net *net)
{
    size_t H = net->units, d = net->d_model;
    double *out = mem_array(H * d, sizeof *out);
    for (size_t u = 0; out && u < H; u++) {
        double mean = 0;
        for (size_t c = 0; c < d; c++)
            mean += net->out.w.data[u * d + c] / (double)d;
        for (size_t c = 0; c < d; c++)
            out[u * d + c] = net->out.w.data[u * d + c] - (net->norm ? mean : 0);
    }
    return out;
}

static double *effects(const struct separable_net *net, const double *added)
{
    size_t H = net->units, n_out = net->n_out, d = net->d_model;
    double *M = mem_array(H * n_out, sizeof *M);
    for (size_t u = 0; M && u < H; u++)
        for (size_t j = 0; j < n_out; j++)
            for (size_t c = 0; c < d; c++)
                M[u * n_out + j] += added[u * d + c] * (net->norm_w ? net->norm_w[c] : 1) * net->u.w.data[c * n_out + j];
    return M;
}

/* again: of a count, what stayed open; what it has already stands where time is up. */
static enum status run_jobs(struct cells_search *c, struct cells_shared *s, struct job *jobs, size_t n, bool again, const struct limits *l)
{
    int threads = n < 8 ? 1 : s->p->threads;
    enum status status = STATUS_OK;
    bool stop = false;
#pragma omp parallel num_threads(threads)
    {
        struct cells_room x;
        struct cells_shared mine = *s;
        enum status one = cells_room_init(&x, &mine);
#pragma omp for schedule(dynamic, 4)
        for (size_t k = 0; k < n; k++) {
            bool go;
#pragma omp atomic read
            go = stop;
            if (go || one != STATUS_OK || jobs[k].settled || (again && limits_expired(l)))
                continue;
            if (limits_expired(l) && !s->count) {
#pragma omp atomic write
                stop = true;
                continue;
            }
            one = (again ? run_again : run_job)(&jobs[k], &x, &mine, c, l);
            if (jobs[k].open > 0 && s->spare == 0)
                mine.nodes = NODES_OPEN;
            if (one != STATUS_OK || (jobs[k].below && !s->value)) {
#pragma omp atomic write
                stop = true;
            }
        }
        if (one != STATUS_OK) {
#pragma omp critical(cells_status)
            status = one;
        }
        cells_room_clear(&x);
    }
    c->expired |= limits_expired(l);
    return status;
}

/* What a descent from the first sequence of the cell finds. */
static enum status probe(struct job *j, struct cells_room *x, struct cells_shared *s, struct cells_search *c)
{
    bool empty;
    enum status status = cells_load(x, &empty, &s->p->classes[j->class], j->q);
    if (status != STATUS_OK || empty)
        return status;
    status = cells_probe(x, !is_constant(x->c));
    if (status != STATUS_OK || !(x->best_value + s->target > -INFINITY))
        return status == STATUS_OK ? STATUS_UNSUPPORTED : status;
    j->below = true;
    j->value = x->best_value + s->target;
    memcpy(j->tokens, x->best, s->p->t.n * sizeof *j->tokens);
    return !c->has_best || j->value - c->slack < s->target ? lower_target(&s->target, c, j->value) : STATUS_OK;
}

/* An optimum begins with the least value that descents in some of the cells find: what is to be shown of a cell that is looked at before the least one is then no more than it has to be. */
static enum status first_target(struct cells_search *c, struct cells_shared *s, struct job *jobs, size_t n)
{
    struct cells_room x;
    size_t step = n / PROBES + 1;
    enum status status = cells_room_init(&x, s);
    if (status != STATUS_OK)
        return status;
    s->target = c->has_best ? c->target : 0;
    for (size_t k = 0; k < n && status == STATUS_OK; k += c->has_best ? step : 1)
        status = probe(&jobs[k], &x, s, c);
    cells_room_clear(&x);
    return status;
}

#define FINER 8
#define WIDER 1.125              /* an interval with tables in it (separable_outcome.c) */

/* A count that may leave `within` of all sequences open leaves parts open that are small, the same size in all cells; they are made smaller while more is open than may be, in the cells in which there is more than a small share of that. */
static enum status run_count(struct cells_search *c, struct cells_shared *s, struct job *jobs, size_t n, const struct limits *l)
{
    double allowed = c->within * mpz_get_d(s->p->total) / WIDER, open = INFINITY, before;
    enum status status = STATUS_OK;
    s->spare = floor(allowed / 8);
    do {
        status = run_jobs(c, s, jobs, n, open < INFINITY, l);
        before = open;
        open = 0;
        for (size_t k = 0; k < n; k++) {
            open += (double)jobs[k].open;
            jobs[k].settled = (double)jobs[k].open <= allowed / (8 * (double)n);
        }
        s->spare = floor(s->spare / FINER);
    } while (status == STATUS_OK && open > allowed * (1 - 0x1p-20) && open < before && s->spare > 0 && !limits_expired(l));
    return status;
}

enum status problem_cells(struct cells_search *c, struct problem *p, const struct limits *l)
{
    struct cells_shared s = { .p = p, .count = c->count, .value = c->value, .target = c->target, .nodes = c->count ? NODES_COUNT : NODES };
    struct job *jobs = NULL;
    size_t n = 0;
    c->below = false;
    enum status status = jobs_make(&jobs, &n, p);
    s.centred = additions(&p->net);
    s.effect = s.centred ? effects(&p->net, s.centred) : NULL;
    if (status == STATUS_OK && !s.effect)
        status = STATUS_MEMORY;
    for (size_t k = 0; status == STATUS_OK && k < p->net.units * p->net.n_out; k++)
        if (!(fabs(s.effect[k]) <= ENTRY_MOST))
            status = STATUS_UNSUPPORTED;
    if (status == STATUS_OK && c->value)
        status = first_target(c, &s, jobs, n);
    if (status == STATUS_OK)
        status = c->count ? run_count(c, &s, jobs, n, l) : run_jobs(c, &s, jobs, n, false, l);
    if (status == STATUS_OK)
        status = gather(c, p, jobs, n);
    jobs_free(jobs, n);
    free(s.effect);
    free(s.centred);
    return status;
}

/* Every unit and every further head is more sums for a cell. */
static double cells_cost(const struct statement *s)
{
    double units = 1, corners = 1;
    for (size_t m = 0; m < s->n_models && s->file->models[s->models[m]].loaded == STATUS_OK; m++) {
        const struct net *net = &s->file->models[s->models[m]].model.net;
        for (size_t v = 0; v < net->n_nodes; v++) {
            if (net->nodes[v].op == OP_RELU) units += (double)net->nodes[v].width;
            if (net->nodes[v].op == OP_MIX) corners *= 2;
        }
    }
    return engine_separable.cost(s) * units * corners / 2;
}

const struct engine engine_cells = {
    .name = "cells",
    .summary = "one attention layer with several heads, or an MLP of relus behind it: cell by cell, with bounds that the checker recomputes",
    .takes = separable_cells_takes, .cost = cells_cost, .decide = separable_cells, .late = true,
};
