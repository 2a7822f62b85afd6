/* The engine: the exact walk for a while, then rounds with finer tables and a longer walk until the interval is as narrow as asked, or time is up. The best round is the outcome. */
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "verify/count.h"

#define EXACT_SECONDS 2        /* for the exact walk, at most a quarter of the time */
#define BINS_FIRST 2048
#define ENTER_FIRST 256        /* the first bound of what a part may leave open, in parts of what is asked for */

static bool count_takes(const struct statement *s, struct text *why)
{
    if (s->body != BODY_COUNT)
        return text_add(why, "it only counts"), false;
    if (s->semantics == SEMANTICS_FLOAT32)
        return text_add(why, "under float32 no interval is certified yet, only exact counts"), false;
    if (!s->has_within && !s->prove)
        return text_add(why, "the claim asks for the exact number: no `within` and no `prove`"), false;
    return engine_separable.takes(s, why);
}

/* Before separable where an interval is asked for, as it begins with the exact walk; behind it otherwise, that is when it is asked by name. */
static double count_cost(const struct statement *s)
{
    return engine_separable.cost(s) * (s->has_within ? 0.5 : 2);
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

static bool narrow(const struct statement *s, const struct outcome *o)
{
    mpq_t width, within;
    mpq_inits(width, within, NULL);
    mpz_sub(mpq_numref(width), o->number_hi, o->number_lo);
    if (mpz_sgn(o->total_lo) > 0)
        mpz_set(mpq_denref(width), o->total_lo);
    mpq_canonicalize(width);
    if (s->has_within)
        mpq_set(within, s->within);
    else
        mpq_set_ui(within, 1, 1000000);
    bool good = mpq_cmp(width, within) <= 0;
    mpq_clears(width, within, NULL);
    return good;
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
    if (s->has_within)
        mpq_set(within, s->within);
    else
        mpq_set_ui(within, 1, 1000000);
    mpz_mul(out, total, mpq_numref(within));
    mpz_fdiv_q(out, out, mpq_denref(within));
    mpq_clear(within);
}

/* The exact walk, for a short while: most counts close quickly, and then nothing is left open. */
static bool count_exactly(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, enum status *status)
{
    struct limits slice = *l;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double start = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec, room = EXACT_SECONDS;
    if (l->deadline > 0 && (l->deadline - start) / 4 < room)
        room = (l->deadline - start) / 4;
    slice.deadline = start + room;
    *status = engine_separable.decide(out, s, &slice, d);
    if (*status != STATUS_TIMEOUT || limits_expired(l))
        return true;
    outcome_clear(out);
    outcome_init(out);
    *status = STATUS_OK;
    return false;
}

static enum status count_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    enum status status;
    if (count_exactly(out, s, l, d, &status))
        return status;
    bool more = true;
    struct count_rule rule = { BINS_FIRST, 0 };
    mpz_t want;
    mpz_init(want);
    for (int round = 0; more && status == STATUS_OK; round++) {
        struct outcome next;
        outcome_init(&next);
        if (round == 1)
            asked(want, s, out->total_hi);
        rule.enter = round == 0 ? (tally)1 << 126 : round == 1 ? tally_of(want) / ENTER_FIRST : rule.enter / 16;
        status = separable_count(&next, s, l, d, &rule);
        if (status == STATUS_OK || round == 0)
            take_outcome(out, &next);
        outcome_clear(&next);
        more = out->proposal == PROPOSAL_INTERVAL && !narrow(s, out) && rule.enter > 0;
    }
    mpz_clear(want);
    return status;
}

const struct engine engine_count = {
    .name = "count",
    .summary = "one attention layer with one head: how often a claim holds, as an interval that narrows until it is as narrow as asked",
    .takes = count_takes, .cost = count_cost, .decide = count_decide,
};
