/* The walk of rule count: like that of separable_walk.c, but a subtree in which the tables leave few sequences open is not entered. */
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

struct counter {
    struct cell x;
    struct problem *p;
    const struct count_rule *rule;
    const struct limits *limits;
    struct tables tables;
    tally yes, no, open;        /* all lines positive, not, left open */
    unsigned long steps;
    bool expired;
};

/* True when the tables settle a state: at most `enter` of its completions stay open. */
static bool tables_settle(struct counter *w, size_t at, const double *sum, const int *active, size_t n_active, double rad)
{
    tally all = w->x.count[at], maybe, surely;
    tables_ask(&surely, &maybe, &w->tables, &w->x, w->rule->enter, at, sum, rad, active, n_active);
    if (maybe < surely || maybe - surely > w->rule->enter)
        return false;
    w->yes += all - maybe;
    w->no += surely;
    w->open += maybe - surely;
    return true;
}

static void complete(struct counter *w, size_t at, const int *active, size_t n_active)
{
    enum truth t = problem_referee(w->p, w->x.c, w->x.tokens, active, n_active);
    tally *to = t == TRUTH_TRUE ? &w->yes : t == TRUTH_FALSE ? &w->no : &w->open;
    *to += w->x.count[at];
}

/* Lines that stay open at the child of depth i + 1. TRUTH_FALSE: one is never positive. */
static enum truth open_lines(struct counter *w, size_t i, size_t cell, size_t next, double rad)
{
    struct cell *x = &w->x;
    const double *from = x->partial + i * x->capacity, *h = x->h + cell * x->Kp;
    double *to = x->partial + (i + 1) * x->capacity;
    int *active = x->active + i * x->capacity, *open = x->active + (i + 1) * x->capacity;
    size_t n = 0;
    for (size_t e = 0; e < x->n_active[i]; e++) {
        int k = active[e];
        double sum = from[k] + h[k];
        if (sum + x->high[next * x->Kp + (size_t)k] + rad < 0) {
            active[e] = active[0];
            active[0] = k;
            return TRUTH_FALSE;
        }
        to[k] = sum;
        open[n] = k;
        n += !(sum + x->low[next * x->Kp + (size_t)k] - rad > 0);
    }
    x->n_active[i + 1] = n;
    return n ? TRUTH_UNSETTLED : TRUTH_TRUE;
}

static void descend(struct counter *w, size_t i, size_t s, double rad)
{
    struct cell *x = &w->x;
    const struct problem *p = w->p;
    const struct automaton *a = &x->c->a;
    size_t width = a->n_tokens[i];
    for (size_t k = 0; k < width && !w->expired; k++) {
        int to = a->next[i][s * width + k];
        if (to < 0 || (i == p->row && p->t.sets[i][k] != x->q) || x->count[x->layer[i + 1] + (size_t)to] == 0)
            continue;
        size_t next = x->layer[i + 1] + (size_t)to, cell = p->first[i] + k;
        if ((++w->steps & 4095) == 0 && limits_expired(w->limits)) {
            w->expired = true;
            return;
        }
        x->tokens[i] = p->t.sets[i][k];
        double sum = rad + x->rad[cell];
        enum truth all = open_lines(w, i, cell, next, sum);
        const int *active = x->active + (i + 1) * x->capacity;
        if (all != TRUTH_UNSETTLED)
            *(all == TRUTH_TRUE ? &w->yes : &w->no) += x->count[next];
        else if (i + 1 == p->n_src)
            complete(w, next, active, x->n_active[i + 1]);
        else if (!tables_settle(w, next, x->partial + (i + 1) * x->capacity, active, x->n_active[i + 1], sum))
            descend(w, i + 1, (size_t)to, sum);
    }
}

/* One class with one query token. */
static enum status count_cell(struct counter *w)
{
    struct cell *x = &w->x;
    size_t K = 0;
    for (size_t k = 0; k < x->c->lines.K; k++) {
        x->partial[k] = 0;
        if (x->high[k] < 0) {
            w->no += x->count[0];
            return STATUS_OK;
        }
        if (!(x->low[k] > 0))
            x->active[K++] = (int)k;
    }
    x->n_active[0] = K;
    if (K == 0) {
        w->yes += x->count[0];
        return STATUS_OK;
    }
    enum status s = tables_fill(&w->tables, x, w->rule, x->active, K, w->limits, &w->expired);
    if (s != STATUS_OK || w->expired)
        return s;
    if (!tables_settle(w, 0, x->partial, x->active, K, 0))
        descend(w, 0, 0, 0);
    return STATUS_OK;
}

static enum status one_unit(struct walk_result *out, struct counter *w, const struct class *c, size_t query)
{
    size_t cell = w->p->first[w->p->row] + query;
    if (c->d.holds == HOLDS_ALWAYS || c->d.holds == HOLDS_NEVER) {
        if (query == 0)
            mpz_add(c->d.holds == HOLDS_ALWAYS ? out->yes : out->no, c->d.holds == HOLDS_ALWAYS ? out->yes : out->no, c->size);
        return STATUS_OK;
    }
    bool empty = true;
    enum status s = c->live[cell] ? cell_load(&w->x, &empty, c, w->p->t.sets[w->p->row][query], 0, true) : STATUS_OK;
    if (s != STATUS_OK || empty)
        return s;
    w->yes = w->no = w->open = 0;
    s = count_cell(w);
    bool not_all = c->d.holds == HOLDS_NOT_ALL;
    tally_add(out->yes, not_all ? w->no : w->yes);
    tally_add(out->no, not_all ? w->yes : w->no);
    tally_add(out->open, w->open);
    return s;
}

enum status problem_count(struct walk_result *out, struct problem *p, const struct count_rule *rule, const struct limits *l)
{
    size_t n_queries = p->t.n_set[p->row], units = p->n_classes * n_queries;
    enum status status = STATUS_OK;
    bool expired = false;
#pragma omp parallel num_threads(problem_threads(p))
    {
        struct counter w = { .p = p, .rule = rule, .limits = l };
        struct walk_result part;
        walk_result_init(&part);
        enum status mine = cell_init(&w.x, p);
#pragma omp for schedule(dynamic)
        for (size_t u = 0; u < units; u++)
            if (mine == STATUS_OK && !w.expired)
                mine = one_unit(&part, &w, &p->classes[u / n_queries], u % n_queries);
#pragma omp critical(count_merge)
        {
            mpz_add(out->yes, out->yes, part.yes);
            mpz_add(out->no, out->no, part.no);
            mpz_add(out->open, out->open, part.open);
            expired |= w.expired;
            status = mine != STATUS_OK ? mine : status;
        }
        tables_clear(&w.tables);
        cell_clear(&w.x);
        walk_result_clear(&part);
    }
    out->expired = expired;
    return status;
}
