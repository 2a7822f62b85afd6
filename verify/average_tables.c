/* The mean of X^+ / Z over a part, X and Z sums over positions, between two bounds (FORMAT.md rule count, averages: tables).
 *
 * 1/Z is a sum of exponentials of Z within 2^-10 of itself, s rising by 2^(3/2); for one s the mean of X^+ e^(-s Z) is had from a table over integers v for every state: the mean over
 * its completions of e^(-s Z) times the chance that X / d becomes v, where every term x / d becomes one of the two integers beside it, at random, x / d on average. As X^+ is convex, what
 * comes out is not too small; it is too large by at most the mean of psi(V) = sqrt(tau) e^(-V^2 / (2 tau)), tau a quarter of the number of positions: of second order in d. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/vector.h"
#include "verify/average.h"

#define STEP 3                  /* from s to the next: 2^(STEP/2) */
#define H 1.0397207708399179    /* log of that */
#define BEFORE 0.5469181606780271   /* 2^(-STEP/2) + 2^(-STEP) + ... */
#define NEAR 0x1p-3             /* s Z at most that at the first node */
#define FAR 16                  /* at least that beyond the last one */
#define RULE 0x1p-10            /* the exponentials' sum, and what is left out beyond the last */
#define WORK_MOST ((size_t)1 << 20)     /* FORMAT.md */
#define ROOM_MOST ((size_t)1 << 22)

void above_tables_clear(struct above_tables *t)
{
    free(t->T);
    free(t->kernel);
    free(t->at);
    free(t->least);
    free(t->step);
    free(t->above);
    free(t->share);
    free(t->psi);
    memset(t, 0, sizeof *t);
}

/* Terms of a position over d: from least[i], `range` bins of them; width[i]: bins of the positions from i on. */
static bool measure(struct above_tables *t, const struct adder *a, const double *term, size_t bins)
{
    const struct cell *x = &a->cell;
    double whole = 0;
    t->Z_most = 0;
    for (size_t i = 0; i < x->p->n_src; i++) {
        struct span s = cell_span(x, i, term, 1);
        double heaviest = 0;
        for (size_t c = x->p->first[i]; c < x->p->first[i + 1]; c++)
            heaviest = x->allowed[c] ? fmax(heaviest, x->w[c]) : heaviest;
        t->Z_most += heaviest;
        t->least[i] = s.least;
        whole += s.most - s.least;
    }
    t->d = whole / (double)bins;
    return t->d > 0 && isfinite(t->d) && t->Z_most > 0;
}

static void measure_widths(struct above_tables *t, const struct adder *a, const double *term)
{
    const struct cell *x = &a->cell;
    t->offset = t->tau = 0;
    t->width[x->p->n_src] = 1;
    for (size_t i = x->p->n_src; i-- > 0;) {
        struct span s = cell_span(x, i, term, 1);
        t->range[i] = s.n > 1 && s.most > s.least ? (size_t)((s.most - s.least) / t->d) + 2 : 1;
        t->width[i] = t->width[i + 1] + t->range[i] - 1;
        t->offset += s.least / t->d;
        t->tau += t->range[i] > 1 ? 0.25 : 0;
    }
    t->tau = fmax(t->tau, 0.25);
}

/* to[v] += f from[v] */
VECTORS static void add_row(double *restrict to, const double *restrict from, double f, size_t n)
{
    for (size_t v = 0; v < n; v++)
        to[v] += f * from[v];
}

/* Of every token of the part: the integer below its term, and the chance of the one above. */
static void take_steps(struct above_tables *t, const struct adder *a, const double *term)
{
    const struct cell *x = &a->cell;
    for (size_t i = 0; i < x->p->n_src; i++)
        for (size_t c = x->p->first[i]; c < x->p->first[i + 1]; c++) {
            double y = x->allowed[c] && t->range[i] > 1 ? (term[c] - t->least[i]) / t->d : 0;
            size_t g = y > 0 ? (size_t)y : 0;
            t->step[c] = g < t->range[i] - 1 ? g : t->range[i] > 1 ? t->range[i] - 2 : 0;
            t->above[c] = t->range[i] > 1 ? y - (double)t->step[c] : 0;
        }
}

/* psi(V) of every V of the first state's table */
static void take_psi(struct above_tables *t)
{
    for (size_t v = 0; v < t->width[0]; v++) {
        double V = t->offset + (double)v, y = V * V / (2 * t->tau);
        t->psi[v] = y < 100 ? sqrt(t->tau) * exp(-y) : 0;
    }
}

/* The chances of the steps of a position's tokens that lead from state s to each next one, times e^(-s w): of next state j of the layer, kernel[j * (range + 1) ...]. */
static void take_kernels(struct above_tables *t, const struct adder *a, const double *e, size_t i, size_t s)
{
    const struct cell *x = &a->cell;
    size_t later = x->layer[i + 1], states = x->layer[i + 2] - later, range = t->range[i] + 1;
    memset(t->kernel, 0, states * range * sizeof *t->kernel);
    EACH_EDGE(edge, &a->edges, s) {
        double share = e[edge->cell] * t->share[edge->next], *k = t->kernel + (edge->next - later) * range + t->step[edge->cell];
        k[0] += share * (1 - t->above[edge->cell]);
        k[1] += share * t->above[edge->cell];
    }
}

/* Table of the first state at one s, in t->T. */
static void fill(struct above_tables *t, const struct adder *a, const double *e)
{
    const struct cell *x = &a->cell;
    size_t n = x->p->n_src;
    for (size_t s = x->layer[n]; s < x->layer[n + 1]; s++)
        t->T[t->at[s]] = 1;
    for (size_t i = n; i-- > 0;) {
        size_t later = x->layer[i + 1], states = x->layer[i + 2] - later, range = t->range[i];
        for (size_t j = 0; j < states; j++)
            t->share[later + j] = (double)x->count[later + j];
        for (size_t s = x->layer[i]; s < x->layer[i + 1]; s++) {
            double *to = t->T + t->at[s];
            memset(to, 0, t->width[i] * sizeof *to);
            if (a->edges.first[s] == a->edges.first[s + 1])
                continue;
            take_kernels(t, a, e, i, s);
            double share = 1 / (double)x->count[s];
            for (size_t j = 0; j < states; j++)
                for (size_t g = 0; g < range; g++)
                    if (t->kernel[j * (range + 1) + g] > 0)
                        add_row(to + g, t->T + t->at[later + j], t->kernel[j * (range + 1) + g] * share, t->width[i + 1]);
        }
    }
}

/* The mean of X^+ e^(-s Z), from the table: at most, and at least. */
static void means(double out[2], const struct above_tables *t, const double *T)
{
    out[0] = out[1] = 0;
    for (size_t v = 0; v < t->width[0]; v++) {
        double V = t->offset + (double)v, most = T[v] * fmax(V, 0);
        out[0] += most - T[v] * t->psi[v];
        out[1] += most;
    }
    out[0] = fmax(out[0], 0) * t->d;
    out[1] *= t->d;
}

static enum status room(struct above_tables *t, const struct adder *a, bool *fits)
{
    const struct cell *x = &a->cell;
    size_t n = x->p->n_src, all = 0, kernels = 0, work = 0;
    for (size_t i = 0; i <= n; i++) {
        for (size_t s = x->layer[i]; s < x->layer[i + 1]; s++, all += t->width[i])
            t->at[s] = all;
        if (i < n)
            work += (x->layer[i + 1] - x->layer[i]) * (x->layer[i + 2] - x->layer[i + 1]) * t->range[i];
        if (i < n && (x->layer[i + 2] - x->layer[i + 1]) * (t->range[i] + 1) > kernels)
            kernels = (x->layer[i + 2] - x->layer[i + 1]) * (t->range[i] + 1);
    }
    *fits = all <= ROOM_MOST && work <= WORK_MOST;
    if (!*fits)
        return STATUS_OK;
    double *T = mem_grow(t->T, &t->room_T, all, sizeof *T);
    t->T = T ? T : t->T;
    double *kernel = mem_grow(t->kernel, &t->room_kernel, kernels, sizeof *kernel);
    t->kernel = kernel ? kernel : t->kernel;
    double *psi = mem_grow(t->psi, &t->room_psi, t->width[0], sizeof *psi);
    t->psi = psi ? psi : t->psi;
    return T && kernel && psi ? STATUS_OK : STATUS_MEMORY;
}

static enum status room_positions(struct above_tables *t, const struct adder *a)
{
    const struct cell *x = &a->cell;
    size_t n = x->p->n_src;
    if (!t->least) {
        t->least = mem_array(n + 1, sizeof *t->least + sizeof *t->range + sizeof *t->width);
        if (!t->least)
            return STATUS_MEMORY;
        t->range = (size_t *)(void *)(t->least + n);
        t->width = t->range + n;
        t->step = mem_array(x->p->first[n] + 1, sizeof *t->step);
        t->above = mem_array(x->p->first[n] + 1, sizeof *t->above);
        if (!t->step || !t->above)
            return STATUS_MEMORY;
    }
    size_t *at = mem_grow(t->at, &t->room_at, x->layer[n + 1], sizeof *at);
    t->at = at ? at : t->at;
    double *share = mem_grow(t->share, &t->room_share, x->layer[n + 1], sizeof *share);
    t->share = share ? share : t->share;
    return at && share ? STATUS_OK : STATUS_MEMORY;
}

enum status above_mean(double out[2], struct above_tables *t, struct adder *a, const double *term, double Z_least, size_t bins)
{
    bool fits = false;
    out[0] = 0;
    out[1] = INFINITY;
    enum status s = room_positions(t, a);
    if (s != STATUS_OK || !measure(t, a, term, bins))
        return s;
    measure_widths(t, a, term);
    s = room(t, a, &fits);
    if (s != STATUS_OK || !fits)
        return s;
    take_steps(t, a, term);
    take_psi(t);
    int first = 2 * ilogb(NEAR / t->Z_most);
    double sum[2] = { 0 };
    for (int k = first; exp2(k / 2.0) * Z_least < FAR && !a->expired; k += STEP) {
        const double *exps = adder_exps(a, k);
        if (!exps)
            return STATUS_MEMORY;
        double here[2], s_k = exp2(k / 2.0);
        fill(t, a, exps);
        means(here, t, t->T + t->at[0]);
        for (int side = 0; side < 2; side++) /* the nodes before the first are 1 times s, not e^(-s Z) */
            sum[side] += s_k * here[side] * (k > first ? 1 : side == 0 ? 1 + BEFORE : 1 + BEFORE * exp(s_k * t->Z_most));
        a->expired = limits_expired(a->limits);
    }
    out[0] = H * sum[0] / (1 + RULE);
    out[1] = H * sum[1] / (1 - RULE);
    return STATUS_OK;
}
