/* Every sequence of every class, by depth-first search over positions: a subtree where all lines are positive, or one never is, is
 * multiplied out. Classes and query tokens are the units of work; results are merged in a fixed order. */
#include <limits.h>
#include <string.h>

#include "core/mem.h"
#include "verify/separable.h"

#define STEPS 4096   /* tokens between two looks at the clock */

void walk_result_init(struct walk_result *r)
{
    memset(r, 0, sizeof *r);
    mpz_init(r->yes);
    mpz_init(r->no);
    mpz_init(r->open);
}

void walk_result_clear(struct walk_result *r)
{
    mpz_clear(r->yes);
    mpz_clear(r->no);
    mpz_clear(r->open);
    free(r->found.tokens);
    memset(r, 0, sizeof *r);
}

struct walker {
    struct cell x;
    struct siblings siblings;
    struct problem *p;
    struct walk_options o;
    const struct limits *limits;
    struct walk_result *out;
    size_t steps;               /* since the clock was read */
    tally sums[3];              /* by truth */
    size_t found_here;          /* in this unit */
    bool stop, failed;
};

void tally_add(mpz_t to, tally n)
{
    mpz_t high;
    mpz_init_set_ui(high, (unsigned long)(n >> 64));
    mpz_mul_2exp(high, high, 64);
    mpz_add_ui(high, high, (unsigned long)n);
    mpz_add(to, to, high);
    mpz_clear(high);
}

static bool keep_sequence(struct walker *w)
{
    struct found *f = &w->out->found;
    size_t n = w->p->t.n;
    int *tokens = mem_grow(f->tokens, &f->room, (f->n + 1) * n, sizeof *tokens);
    if (!tokens) {
        w->failed = true;
        return false;
    }
    f->tokens = tokens;
    memcpy(tokens + f->n * n, w->x.tokens, n * sizeof *tokens);
    f->n++;
    w->found_here++;
    size_t most = w->o.want == WANT_FIRST ? 1 : w->o.cap;
    if (w->found_here >= most) {
        w->stop = true;
        w->out->capped |= w->o.want == WANT_ALL;
    }
    return !w->stop;
}

/* Every completion of a decided subtree; false to stop. */
static bool keep_subtree(struct walker *w, size_t i, size_t s)
{
    const struct problem *p = w->p;
    const struct automaton *a = &w->x.c->a;
    if (i == a->n)
        return keep_sequence(w);
    for (size_t k = 0; k < a->n_tokens[i]; k++) {
        int to = a->next[i][s * a->n_tokens[i] + k];
        if (to < 0 || (w->x.q >= 0 && i == p->row && p->t.sets[i][k] != w->x.q) || (w->x.q >= 0 && i < p->n_src && w->x.count[w->x.layer[i + 1] + (size_t)to] == 0))
            continue;
        w->x.tokens[i] = p->t.sets[i][k];
        if (!keep_subtree(w, i + 1, (size_t)to))
            return false;
    }
    return true;
}

/* of the predicate, from that of "all lines are positive" */
static enum truth truth_there(const struct walker *w, enum truth all)
{
    if (all == TRUTH_UNSETTLED || w->x.c->d.holds != HOLDS_NOT_ALL)
        return all;
    return all == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

/* A subtree below state s of layer i whose lines are all positive (TRUE), not (FALSE), or not known. */
static void settle(struct walker *w, size_t i, size_t s, enum truth all)
{
    tally n = w->x.count[w->x.layer[i] + s];
    all = truth_there(w, all);
    w->sums[all] += n;
    if (w->o.want != WANT_NUMBER && all != TRUTH_UNSETTLED && (all == TRUTH_TRUE) == w->o.truth)
        keep_subtree(w, i, s);
}

/* Which lines stay open below the child; partial sums of those are kept at depth + 1. TRUTH_FALSE: some line is never positive. */
static enum truth try_child(struct cell *x, size_t depth, size_t cell, size_t next, double rad)
{
    const bool *strict = x->c->lines.strict;
    const double *from = x->partial + depth * x->capacity, *h = x->h + cell * x->Kp;
    const double *low = x->low + next * x->Kp, *high = x->high + next * x->Kp;
    double *to = x->partial + (depth + 1) * x->capacity;
    int *active = x->active + depth * x->capacity;
    int *open = x->active + (depth + 1) * x->capacity;
    size_t n_open = 0;
    for (size_t e = 0; e < x->n_active[depth]; e++) {
        int k = active[e];
        double sum = from[k] + h[k], least = sum + low[k] - rad, most = sum + high[k] + rad;
        if (strict[k] ? most <= 0 : most < 0) {
            /* the next sibling is likely to fail for the same reason */
            active[e] = active[0];
            active[0] = k;
            return TRUTH_FALSE;
        }
        to[k] = sum;
        open[n_open] = k;
        n_open += !(strict[k] ? least > 0 : least >= 0);
    }
    x->n_active[depth + 1] = n_open;
    return n_open ? TRUTH_UNSETTLED : TRUTH_TRUE;
}

static void descend(struct walker *w, size_t i, size_t s, double rad);

static void enter_child(struct walker *w, size_t i, size_t s, double rad)
{
    struct cell *x = &w->x;
    if (i < w->p->n_src) {
        descend(w, i, s, rad);
        return;
    }
    /* tokens beyond the sources do not matter: one sequence answers for all completions */
    settle(w, i, s, problem_referee(w->p, x->c, x->tokens, x->active + i * x->capacity, x->n_active[i]));
}

/* Token k, which leads to state `to`. */
static void one_child(struct walker *w, size_t i, size_t k, int to, double rad)
{
    struct cell *x = &w->x;
    size_t cell = w->p->first[i] + k;
    double sum = rad + x->rad[cell];
    enum truth all = try_child(x, i, cell, x->layer[i + 1] + (size_t)to, sum);
    if (all == TRUTH_UNSETTLED)
        enter_child(w, i + 1, (size_t)to, sum);
    else
        settle(w, i + 1, (size_t)to, all);
}

static void add_counts(struct walker *w, tally yes, tally no)
{
    w->sums[truth_there(w, TRUTH_TRUE)] += yes;
    w->sums[truth_there(w, TRUTH_FALSE)] += no;
}

/* Counts what is settled of tokens that were looked at. *rest: some are left for a look of their own. */
static bool count_siblings(struct walker *w, size_t i, size_t s, bool *rest)
{
    tally yes, no;
    if (w->o.want != WANT_NUMBER || !siblings_count(&yes, &no, &w->siblings, &w->x, i, s))
        return false;
    add_counts(w, yes, no);
    *rest = yes + no != w->x.count[w->x.layer[i] + s];
    return true;
}

/* The tokens that are left, when the others are counted. */
static void open_siblings(struct walker *w, size_t i, size_t s, double rad)
{
    const struct automaton *a = &w->x.c->a;
    size_t width = a->n_tokens[i];
    tally yes, no;
    for (size_t k = 0; (k = siblings_next(&w->siblings, i, k, width)) < width && !w->stop; k++) {
        int to = a->next[i][s * width + k];
        w->x.tokens[i] = w->p->t.sets[i][k];
        if (siblings_behind(&yes, &no, &w->siblings, &w->x, i, s, k, (size_t)to))
            add_counts(w, yes, no);
        else
            one_child(w, i, k, to, rad);
    }
}

static bool time_is_up(struct walker *w, size_t steps)
{
    w->steps += steps;
    if (w->steps < STEPS)
        return false;
    w->steps = 0;
    if (limits_expired(w->limits))
        w->stop = w->out->expired = true;
    return w->stop;
}

static void descend(struct walker *w, size_t i, size_t s, double rad)
{
    struct cell *x = &w->x;
    const struct problem *p = w->p;
    const struct automaton *a = &x->c->a;
    size_t width = a->n_tokens[i];
    bool rest = true, looked = siblings_look(&w->siblings, x, i, s), counted = looked && count_siblings(w, i, s, &rest);
    if (time_is_up(w, width) || !rest)
        return;
    if (counted) {
        open_siblings(w, i, s, rad);
        return;
    }
    for (size_t k = 0; k < width && !w->stop && !w->failed; k++) {
        int to = a->next[i][s * width + k];
        if (to < 0 || (i == p->row && p->t.sets[i][k] != x->q) || x->count[x->layer[i + 1] + (size_t)to] == 0)
            continue;
        x->tokens[i] = p->t.sets[i][k];
        enum truth all = looked ? siblings_truth(&w->siblings, i, k) : TRUTH_UNSETTLED;
        if (all == TRUTH_UNSETTLED)
            one_child(w, i, k, to, rad);
        else
            settle(w, i + 1, (size_t)to, all);
    }
}

/* The whole of one class with one query token: decided at the root if possible. */
static void walk_cell(struct walker *w)
{
    struct cell *x = &w->x;
    size_t K = x->c->lines.K, n_open = 0;
    const bool *strict = x->c->lines.strict;
    for (size_t k = 0; k < K; k++) {
        x->partial[k] = 0;
        if (strict[k] ? x->high[k] <= 0 : x->high[k] < 0) {
            settle(w, 0, 0, TRUTH_FALSE);
            return;
        }
        if (!(strict[k] ? x->low[k] > 0 : x->low[k] >= 0))
            x->active[n_open++] = (int)k;
    }
    x->n_active[0] = n_open;
    if (n_open == 0)
        settle(w, 0, 0, TRUTH_TRUE);
    else if (siblings_load(&w->siblings, x) != STATUS_OK)
        w->failed = true;
    else
        descend(w, 0, 0, 0);
}

/* A class that tokens alone decide. */
static void walk_constant(struct walker *w, const struct class *c)
{
    bool truth = c->d.holds == HOLDS_ALWAYS;
    if (truth)
        mpz_add(w->out->yes, w->out->yes, c->size);
    else
        mpz_add(w->out->no, w->out->no, c->size);
    if (w->o.want == WANT_NUMBER || truth != w->o.truth || c->a.n_states[0] == 0)
        return;
    w->x.c = c;
    w->x.q = -1;
    keep_subtree(w, 0, 0);
}

static void one_unit(struct walker *w, const struct class *c, size_t query)
{
    w->stop = w->out->expired;
    w->found_here = 0;
    if (w->stop || w->failed)
        return;
    if (c->d.holds == HOLDS_ALWAYS || c->d.holds == HOLDS_NEVER) {
        if (query == 0)
            walk_constant(w, c);
        return;
    }
    int q = w->p->t.sets[w->p->row][query];
    size_t cell = w->p->first[w->p->row] + query;
    if (!c->live[cell])
        return;
    bool empty;
    if (cell_load(&w->x, &empty, c, q, 0, true) != STATUS_OK)
        w->failed = true;
    else if (!empty)
        walk_cell(w);
}

static int compare_sequences(const void *a, const void *b, void *n)
{
    const int *x = a, *y = b;
    for (size_t i = 0; i < *(const size_t *)n; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static enum status merge(struct walk_result *out, struct walk_result *part, struct walk_options o, size_t n)
{
    mpz_add(out->yes, out->yes, part->yes);
    mpz_add(out->no, out->no, part->no);
    mpz_add(out->open, out->open, part->open);
    out->expired |= part->expired;
    out->capped |= part->capped;
    struct found *f = &out->found, *g = &part->found;
    if (g->n == 0)
        return STATUS_OK;
    int *tokens = mem_grow(f->tokens, &f->room, (f->n + g->n) * n, sizeof *tokens);
    if (!tokens)
        return STATUS_MEMORY;
    f->tokens = tokens;
    memcpy(tokens + f->n * n, g->tokens, g->n * n * sizeof *tokens);
    f->n += g->n;
    qsort_r(f->tokens, f->n, n * sizeof *tokens, compare_sequences, &n);
    size_t most = o.want == WANT_FIRST ? 1 : o.cap;
    if (f->n > most) {
        f->n = most;
        out->capped |= o.want == WANT_ALL;
    }
    return STATUS_OK;
}

enum status problem_walk(struct walk_result *out, struct problem *p, struct walk_options o, const struct limits *l)
{
    size_t n_queries = p->t.n_set[p->row], units = p->n_classes * n_queries, done = 0;
    enum status status = STATUS_OK;
    int threads = problem_threads(p);
#pragma omp parallel num_threads(threads)
    {
        struct walk_result part;
        struct walker w = { .p = p, .o = o, .limits = l, .out = &part };
        walk_result_init(&part);
        enum status mine = cell_init(&w.x, p);
#pragma omp for schedule(dynamic, 4)
        for (size_t u = 0; u < units; u++) {
            if (mine != STATUS_OK)
                continue;
            one_unit(&w, &p->classes[u / n_queries], u % n_queries);
            if (w.failed)
                mine = STATUS_MEMORY;
            size_t now;
#pragma omp atomic capture
            now = ++done;
            if (l->progress && (now & 63) == 0) {
#pragma omp critical(separable_progress)
                l->progress(l->progress_context, "sequences", (double)now / (double)units, NULL);
            }
        }
        tally_add(part.yes, w.sums[TRUTH_TRUE]);
        tally_add(part.no, w.sums[TRUTH_FALSE]);
        tally_add(part.open, w.sums[TRUTH_UNSETTLED]);
#pragma omp critical(separable_merge)
        {
            if (mine == STATUS_OK)
                mine = merge(out, &part, o, p->t.n);
            if (mine != STATUS_OK)
                status = mine;
        }
        cell_clear(&w.x);
        siblings_clear(&w.siblings);
        walk_result_clear(&part);
    }
    return status;
}
