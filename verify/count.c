/* The engine: the exact walk for a while, then rounds with finer tables and a longer walk until the interval is as narrow as asked, or time is up. The best round is the outcome. Where the exact walk is
 * likely to be done before such rounds are, it is taken up again. */
#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "verify/average.h"

#define EXACT_SECONDS 2        /* for the exact walk, at most a quarter of the time */
#define EXACT_ROOM 1.25        /* times what it needs: so much time must be left to take it up again, */
#define EXACT_MORE 2           /* and so much it gets at most; and times its first time: for another look at how fast it is */
#define EXACT_WALKS 3
#define BINS_FIRST 1024
#define AVERAGE_BINS 256     /* of the tables of an average, whose errors are of second order in their width */
#define ENTER_FIRST 256       /* the first price of a table, in parts of what is asked for */
#define AVERAGE_FIRST 2048    /* of an average */
#define NEXT_LEAST 0.25        /* by how much the bound falls from round to round: the width follows as a root of it, the time inversely */
#define NEXT_MOST 0.0625

/* The average of a smallest or largest of network values, which is no sum over positions. */
static bool averages_parts(const struct statement *s) { return s->body == BODY_AVERAGE && !average_counts(s); }

static bool count_takes(const struct statement *s, struct text *why)
{
    struct text none;
    if (averages_parts(s)) {
        text_init(&none);
        bool sum = engine_separable.takes(s, &none);
        text_clear(&none);
        if (sum)
            text_add(why, "the value is one linear form: engine separable averages it");
        return !sum && separable_parts_takes(s, why);
    }
    if (s->body != BODY_COUNT && !average_counts(s))
        return text_add(why, "it only counts"), false;
    if (s->body == BODY_COUNT && !s->has_within && !s->prove)
        return text_add(why, "the claim asks for the exact number: no `within` and no `prove`"), false;
    return engine_separable.takes(s, why);
}

/* Before separable where an interval is asked for, as it begins with the exact walk; behind it otherwise, that is when it is asked by name. */
static double count_cost(const struct statement *s)
{
    return engine_separable.cost(s) * (s->has_within || s->body == BODY_AVERAGE ? 0.5 : 2);
}

static tally tally_of(const mpz_t n)
{
    mpz_t high;
    mpz_init(high);
    mpz_fdiv_q_2exp(high, n, 64);
    tally t = (tally)mpz_get_ui(high) << 64 | (tally)mpz_get_ui(n);
    mpz_clear(high);
    return t;
}

/* Of the fraction, or of the value. */
static void within_of(mpq_t out, const struct statement *s)
{
    mpq_t step;
    if (s->has_within)
        mpq_set(out, s->within);
    else
        mpq_set_ui(out, 1, 1000000);
    if (!average_counts(s))
        return;
    mpq_init(step);
    average_step(step, s);
    if (mpq_sgn(step) > 0)
        mpq_div(out, out, step);
    mpq_clear(step);
}

/* The width of the fraction, or of the value, in parts of what is asked for. */
static void width_of(mpq_t out, const struct statement *s, const struct outcome *o)
{
    mpq_t within;
    mpq_init(within);
    within_of(within, s);
    mpz_sub(mpq_numref(out), o->number_hi, o->number_lo);
    mpz_set_ui(mpq_denref(out), 1);
    if (mpz_sgn(o->total_lo) > 0)
        mpz_set(mpq_denref(out), o->total_lo);
    mpq_canonicalize(out);
    if (averages_parts(s))
        mpq_sub(out, o->hi, o->lo);
    mpq_div(out, out, within);
    mpq_clear(within);
}

static void take_outcome(struct outcome *out, struct outcome *from)
{
    struct outcome swap = *out;
    *out = *from;
    *from = swap;
}

/* What a width asks for, in sequences. */
static void asked(mpz_t out, const struct statement *s, const mpz_t total)
{
    mpq_t within;
    mpq_init(within);
    within_of(within, s);
    mpz_mul(out, total, mpq_numref(within));
    mpz_fdiv_q(out, out, mpq_denref(within));
    mpq_clear(within);
}

/* The part of the sequences that a walk has counted when time was up; 0: it is not known. */
static double counted(const struct outcome *o)
{
    mpz_t open;
    if (mpz_sgn(o->total_lo) <= 0)
        return 0;
    mpz_init(open);
    mpz_sub(open, o->number_hi, o->number_lo);
    double part = 1 - mpz_get_d(open) / mpz_get_d(o->total_lo);
    mpz_clear(open);
    return part;
}

/* Exact walks: the parts that the last two had counted after so many seconds. What holds on all sequences of a class is counted at once, so that one walk alone says little of what is left. */
struct exact { int walks; double seconds[2], part[2]; };

/* The seconds that one is likely to take. */
static double exact_needs(const struct exact *e)
{
    double rate = (e->part[1] - e->part[0]) / (e->seconds[1] - e->seconds[0]);
    return rate > 0 ? e->seconds[1] + (1 - e->part[1]) / rate : INFINITY;
}

/* The exact walk, for `room` seconds: most counts close quickly, and then nothing is left open. */
static bool count_exactly(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, double room, struct exact *e, enum status *status)
{
    struct limits slice = *l;
    struct outcome found;
    slice.deadline = clock_seconds() + room;
    outcome_init(&found);
    *status = engine_separable.decide(&found, s, &slice, d);
    bool done = *status != STATUS_TIMEOUT || limits_expired(l);
    if (*status != STATUS_TIMEOUT || (done && out->proposal != PROPOSAL_INTERVAL))   /* an interval of a round before is narrower */
        take_outcome(out, &found);
    if (!done) {
        *e = (struct exact){ e->walks + 1, { e->seconds[1], room }, { e->part[1], counted(&found) } };
        *status = STATUS_OK;
    }
    outcome_clear(&found);
    return done;
}

static double time_left(const struct limits *l) { return l->deadline > 0 ? l->deadline - clock_seconds() : INFINITY; }

/* How much lower the next bound should be for a width that is `wide` times what is asked for: gauged by the last two rounds, no lower than the time
 * that is left is likely to allow. Not below 1: no round is worth beginning. */
struct gauge { double wide, before, factor, seconds, root; };
#define TIME_ROOT 0.7            /* the time of a round is inverse to such a power of its bound */

/* The factor that is likely to be enough. */
static double enough(const struct gauge *g)
{
    double root = g->root;
    if (g->before > g->wide && g->factor < 1)
        root = fmin(fmax(log(g->before / g->wide) / -log(g->factor), 0.15), 1);
    return pow(0.9 / g->wide, 1 / root);
}

static double next_factor(const struct gauge *g, double left)
{
    double factor = fmax(fmin(enough(g), 0.5), NEXT_MOST);
    double affordable = g->seconds > 0 ? pow(g->seconds / fmax(0.6 * left, 1e-9), 1 / TIME_ROOT) : 0;
    return fmax(factor, affordable);
}

static double rounds_need(const struct gauge *g) { return g->seconds * pow(enough(g), -TIME_ROOT); }

/* One round; true: another one is worth beginning, with a lower bound. */
static bool round_of(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, struct count_rule *rule, struct gauge *g, enum status *status)
{
    struct outcome next;
    mpq_t width;
    double start = clock_seconds();
    bool first = rule->enter >> 126 > 0;
    outcome_init(&next);
    *status = separable_count(&next, s, l, d, rule);
    bool done = *status == STATUS_OK;
    if (done || first)
        take_outcome(out, &next);
    outcome_clear(&next);
    if (!done || out->proposal != PROPOSAL_INTERVAL)
        return false;
    mpq_init(width);
    width_of(width, s, out);
    bool more = mpq_cmp_ui(width, 1, 1) > 0;
    g->before = g->wide;
    g->wide = mpq_get_d(width);
    g->seconds = clock_seconds() - start;
    mpq_clear(width);
    return more;
}

static enum status count_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    enum status status = STATUS_OK;
    struct exact e = { 0 };
    if (!averages_parts(s) && count_exactly(out, s, l, d, fmin(EXACT_SECONDS, time_left(l) / 4), &e, &status))
        return status;
    struct count_rule rule = { .bins = averages_parts(s) ? (s->semantics == SEMANTICS_FLOAT32 ? 1 : AVERAGE_BINS) : BINS_FIRST, .enter = (tally)1 << 126 };
    struct gauge g = { .factor = 1, .root = averages_parts(s) ? 0.5 : 0.35 };
    bool more = round_of(out, s, l, d, &rule, &g, &status);
    if (more) {
        mpz_t want;
        mpz_init(want);
        asked(want, s, averages_parts(s) ? out->cases : out->total_hi);
        rule.enter = tally_of(want) / (averages_parts(s) ? AVERAGE_FIRST : ENTER_FIRST);
        if (!averages_parts(s))
            rule.aim = tally_of(want) - tally_of(want) / 8;     /* a certificate's interval is an eighth wider */
        mpz_clear(want);
    }
    while (more && (rule.enter > 0 || averages_parts(s)) && round_of(out, s, l, d, &rule, &g, &status)) {
        while (e.walks > 0 && e.walks < EXACT_WALKS && exact_needs(&e) * EXACT_ROOM < time_left(l) && exact_needs(&e) < rounds_need(&g))
            if (count_exactly(out, s, l, d, fmin(EXACT_MORE * (e.walks == 1 ? e.seconds[1] : exact_needs(&e)), time_left(l)), &e, &status))
                return status;
        g.factor = next_factor(&g, time_left(l));
        more = g.factor < 0.9 && rule.enter > 0;
        rule.enter = (tally)((double)rule.enter * fmin(g.factor, 1));
    }
    return status;
}

const struct engine engine_count = {
    .name = "count",
    .summary = "one attention layer with one head: how often a claim holds, and averages of minima, as an interval that narrows until it is as narrow as asked",
    .takes = count_takes, .cost = count_cost, .decide = count_decide,
};
