/* Rule count over all classes and queries: first all at one price, then, where an aim is given and another walk of all would take too long, those in which most is likely to be settled in a second, at lower prices of their own.
 * A certificate names the parts of these (notes), so that no price of theirs is in it. */
#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "verify/count.h"

#define FALL 4                   /* of a price, from one walk to the next */
#define GROWTH 3.0               /* of the time that it takes, as is first thought */
#define GAIN 0.5                 /* part of what is open that it settles, likewise */
#define GAIN_LEAST 0.05
#define LAST 0.5                 /* of the time that is left: a walk that took longer was the last one of all */
#define WALK_LEAST 1e-4          /* seconds */

/* named: its notes are wanted; busy: somebody walks it; done: no lower price is of use. */
struct unit { struct unit_count found; tally enter; double seconds, gain, growth; bool named, busy, done; };
struct units {
    struct problem *p; struct count_rule *rule; const struct limits *l;
    struct unit *unit; size_t n, n_queries;
    tally open;
    bool noted, expired; enum status status;
};

static const struct class *class_of(const struct units *u, size_t k) { return &u->p->classes[k / u->n_queries]; }
static bool is_settled(const struct class *c) { return c->d.holds == HOLDS_ALWAYS || c->d.holds == HOLDS_NEVER; }

/* ---- a sample ---- */

/* Are forms to be counted two at a time? Where no token settles the rivals that settles what cuts do not. Where attention is on few tokens the parts are cut all the same, and pairs took most of the time (of 128 tokens
 * nine tenths). So some classes, spread evenly, are walked with pairs, without, and without at a quarter of the price: what is open falls as a power of the time. It guides the walks and decides no bound. */
static const struct sample_walk { bool alone; unsigned fall; } sample_walks[] = { { false, 1 }, { true, 1 }, { true, 4 } };
#define SAMPLE_WALKS (sizeof sample_walks / sizeof *sample_walks)
#define SAMPLE 128               /* of them */
#define SAMPLED_LEAST (4 * SAMPLE)   /* where there are fewer classes a sample is no small part of them */
struct sample { double open[SAMPLE_WALKS], seconds[SAMPLE_WALKS]; bool pairs, expired; };

static bool is_sampled(const struct units *u) { return u->noted && u->n >= SAMPLED_LEAST && u->rule->enter > 4 && u->rule->enter >> 125 == 0; }

static enum status sample_unit(struct sample *out, const struct units *u, size_t k, struct counter *w)
{
    enum status s = STATUS_OK;
    struct unit_count found = { 0 };
    for (size_t v = 0; v < SAMPLE_WALKS && s == STATUS_OK && !out->expired && !is_settled(class_of(u, k)); v++) {
        struct count_rule rule = *u->rule;
        rule.alone = sample_walks[v].alone;
        rule.enter /= sample_walks[v].fall;
        double start = clock_thread_seconds();
        s = counter_count(&found, w, class_of(u, k), k % u->n_queries, &rule);
        out->seconds[v] += clock_thread_seconds() - start;
        out->open[v] += (double)found.open;
        out->pairs |= found.pairs;
        out->expired |= found.expired;
    }
    text_clear(&found.notes);
    return s;
}

static void sample_add(struct sample *to, const struct sample *x)
{
    for (size_t v = 0; v < SAMPLE_WALKS; v++) {
        to->open[v] += x->open[v];
        to->seconds[v] += x->seconds[v];
    }
    to->pairs |= x->pairs;
    to->expired |= x->expired;
}

/* Would the time that pairs take leave less open without them? */
static bool better_alone(const struct sample *x)
{
    const double *open = x->open, *seconds = x->seconds;
    if (!x->pairs || x->expired || !(seconds[2] > seconds[1] && open[2] < open[1]))
        return false;
    double power = log(open[2] / open[1]) / log(seconds[2] / seconds[1]);
    return open[1] * pow(fmax(seconds[0] / seconds[1], 1), power) < open[0];
}

/* ---- walks ---- */

/* All at the price of the rule. */
static enum status first_walk(struct units *u, size_t k, struct counter *w)
{
    struct unit *to = u->unit + k;
    double start = clock_thread_seconds();
    if (is_settled(class_of(u, k)))
        return STATUS_OK;
    enum status s = counter_count(&to->found, w, class_of(u, k), k % u->n_queries, u->rule);
    *to = (struct unit){ to->found, u->rule->enter, clock_thread_seconds() - start, GAIN, GROWTH, to->found.pairs, false, to->found.open == 0 };
    if (!to->named)
        text_clear(&to->found.notes);
    return s;
}

/* What the next walk is likely to settle in a second. */
static double worth(const struct unit *x)
{
    return x->done || x->busy ? 0 : (double)x->found.open * x->gain / (fmax(x->seconds, WALK_LEAST) * x->growth);
}

static struct unit *next_unit(struct units *u)
{
    struct unit *best = NULL;
    double most = 0;
    if (u->open <= u->rule->aim || u->expired || u->status != STATUS_OK || limits_expired(u->l))
        return NULL;
    for (size_t k = 0; k < u->n; k++) {
        double here = worth(u->unit + k);
        if (here > most) {
            most = here;
            best = u->unit + k;
        }
    }
    if (best)
        best->busy = true;
    return best;
}

/* Keeps what leaves less open. */
static void take_walk(struct units *u, struct unit *to, struct unit_count *found, tally enter, double seconds)
{
    bool better = found->open < to->found.open;
    double part = to->found.open ? ((double)to->found.open - (double)found->open) / (double)to->found.open : 0;
    to->gain = fmax(part, GAIN_LEAST);
    to->growth = fmin(fmax(seconds / fmax(to->seconds, WALK_LEAST), 1.5), 16);
    to->seconds = seconds;
    to->enter = enter;
    to->done = enter == 0 || found->open == 0;
    to->busy = false;
    if (!better)
        return;
    u->open -= to->found.open - found->open;
    struct unit_count swap = to->found;
    to->found = *found;
    *found = swap;
    to->named = true;
}

static void walk_again(struct units *u, struct counter *w)
{
    struct unit_count found = { 0 };
    for (;;) {
        struct unit *to;
#pragma omp critical(count_units)
        to = next_unit(u);
        if (!to)
            break;
        struct count_rule rule = { .bins = u->rule->bins, .enter = to->enter / FALL, .alone = u->rule->alone, .named = true };
        size_t k = (size_t)(to - u->unit);
        double start = clock_thread_seconds();
        enum status s = counter_count(&found, w, class_of(u, k), k % u->n_queries, &rule);
#pragma omp critical(count_units)
        {
            if (s == STATUS_OK && !found.expired)
                take_walk(u, to, &found, rule.enter, clock_thread_seconds() - start);
            u->expired |= found.expired;
            u->status = s != STATUS_OK ? s : u->status;
        }
    }
    text_clear(&found.notes);
}

/* Is there too little time for another walk of all, at a lower price? Only then classes go on by themselves: each begins anew. */
static bool last_walk(const struct units *u, double start)
{
    double now = clock_seconds();
    return u->l->deadline > 0 && now - start > LAST * (u->l->deadline - now);
}

static void walk_all(struct units *u)
{
    double start = clock_seconds();
    bool expired = false, more = false;
    struct sample sample = { 0 };
    const size_t step = u->n / SAMPLE | 1, sampled = is_sampled(u) ? u->n : 0;
#pragma omp parallel num_threads(problem_threads(u->p))
    {
        struct counter *w = counter_new(u->p, u->noted, u->l);
        enum status mine = w ? STATUS_OK : STATUS_MEMORY;
        bool late = false;
        struct sample part = { 0 };
#pragma omp for schedule(dynamic)
        for (size_t k = 0; k < sampled; k += step)
            if (mine == STATUS_OK)
                mine = sample_unit(&part, u, k, w);
#pragma omp critical(count_units)
        sample_add(&sample, &part);
#pragma omp barrier
#pragma omp single
        u->rule->alone |= better_alone(&sample);
#pragma omp for schedule(dynamic)
        for (size_t k = 0; k < u->n; k++)
            if (mine == STATUS_OK && !late) {
                mine = first_walk(u, k, w);
                late = u->unit[k].found.expired;
            }
#pragma omp critical(count_units)
        {
            expired |= late;
            u->status = mine != STATUS_OK ? mine : u->status;
        }
#pragma omp barrier
#pragma omp single
        {
            for (size_t k = 0; k < u->n; k++)
                u->open += u->unit[k].found.open;
            more = u->noted && u->rule->aim > 0 && u->status == STATUS_OK && !expired && (u->rule->by_class || last_walk(u, start));
        }
        if (more && w)
            walk_again(u, w);
        counter_free(w);
    }
    u->expired = expired;   /* of the walks that followed the results before them are kept */
}

enum status problem_count(struct walk_result *out, struct problem *p, const struct count_rule *rule, struct text *notes, const struct limits *l)
{
    size_t n_queries = p->t.n_set[p->row];
    struct count_rule own = *rule;
    struct units u = { .p = p, .rule = &own, .l = l, .n = p->n_classes * n_queries, .n_queries = n_queries, .noted = notes != NULL, .status = STATUS_OK };
    u.unit = mem_array(u.n, sizeof *u.unit);
    if (!u.unit)
        return STATUS_MEMORY;
    walk_all(&u);
    for (size_t k = 0; k < u.n; k++) {
        struct unit *x = u.unit + k;
        enum holds holds = class_of(&u, k)->d.holds;
        if (is_settled(class_of(&u, k)) && k % n_queries == 0)
            mpz_add(holds == HOLDS_ALWAYS ? out->yes : out->no, holds == HOLDS_ALWAYS ? out->yes : out->no, class_of(&u, k)->size);
        tally_add(out->yes, x->found.yes);
        tally_add(out->no, x->found.no);
        tally_add(out->open, x->found.open);
        if (notes && x->named)
            text_add_n(notes, x->found.notes.data, x->found.notes.size);
        text_clear(&x->found.notes);
    }
    free(u.unit);
    out->expired = u.expired;
    return notes && notes->failed ? STATUS_MEMORY : u.status;
}
