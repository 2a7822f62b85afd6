/* enumerate.c: the engine that looks at every binding of a finite domain. */
#include "core/mem.h"
#include "verify/network_read.h"
#include "verify/inner.h"
#include "verify/means.h"
#include "verify/radius.h"
#include "verify/spectral.h"
#include "verify/sweep.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

/* How far outward of the enclosure the published ends lie: room for a checker with coarser arithmetic, well inside `within`. */
#define EDGE_BITS 30

static const struct expr *closed_exists(const struct statement *s)
{
    bool closed = s->body == BODY_PROVE && s->forall.n == 0;
    return closed && s->subject->form == FORM_QUANT && s->subject->quant == QUANT_EXISTS ? s->subject : NULL;
}

static struct sweep sweep_of(const struct statement *s)
{
    struct sweep w = {.s = s, .binds = &s->binds, .where = s->where, .subject = s->subject};
    const struct expr *exists = closed_exists(s);
    switch (s->body) {
    case BODY_COUNT: w.goal = SWEEP_COUNT; break;
    case BODY_AVERAGE: w.goal = SWEEP_AVERAGE; break;
    case BODY_MINIMIZE: w.goal = SWEEP_MINIMIZE; break;
    case BODY_MAXIMIZE: w.goal = SWEEP_MAXIMIZE; break;
    case BODY_LIST:
        w.goal = SWEEP_LIST;
        w.at_most = s->has_at_most ? s->at_most : 0;
        break;
    case BODY_PROVE:
        w.goal = exists ? SWEEP_EXISTS : SWEEP_FORALL;
        w.binds = exists ? &exists->binds : &s->forall;
        w.where = exists ? exists->where : s->forall_where;
        w.subject = exists ? exists->args[0] : s->subject;
        break;
    }
    return w;
}

/* The symmetry that may be used: with few enough bindings to look at, and a sum of values that fits. */
static enum status usable_symmetry(struct symmetry *out, const struct statement *s)
{
    struct sweep w = sweep_of(s);
    enum status status = symmetry_find(out, s, w.binds, w.where, w.subject);
    bool fits = out->orbits >> SWEEP_MAX_BITS == 0 && !(w.goal == SWEEP_AVERAGE && out->domain >> SYMMETRY_MEAN_BITS);
    if (status != STATUS_OK || !fits) symmetry_clear(out);
    return status;
}

static bool has_rule(const struct expr *e, void *context)
{
    struct text *why = context;
    if (e->form == FORM_QUANT && (e->quant == QUANT_ARGMAX || e->quant == QUANT_ARGMIN)) {
        text_add(why, "no rule for argmax{} and argmin{} yet");
        return false;
    }
    if ((e->form == FORM_CALL || e->form == FORM_SET_CALL) && !function_table[e->function].decided) {
        text_addf(why, "no rule for %s yet", function_table[e->function].name);
        return false;
    }
    return true;
}

static bool parts_have_rules(const struct statement *s, struct text *why)
{
    const struct binds *lists[] = {&s->forall, &s->binds};
    const struct expr *parts[] = {s->subject, s->where, s->forall_where};
    for (size_t i = 0; i < 3; i++)
        if (parts[i] && !expr_walk(parts[i], has_rule, why)) return false;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->n; i++)
            if (!expr_walk(lists[k]->items[i].set, has_rule, why)) return false;
    return true;
}

static bool enumerate_takes(const struct statement *s, struct text *why)
{
    if (s->undecidable || !s->text) {
        text_add(why, s->undecidable ? s->undecidable : "a model is not loaded");
        return false;
    }
    if (!parts_have_rules(s, why) || !means_fit(s, why) || !inner_fits(s, why)) return false;
    struct diag d;
    mpz_t size;
    struct sweep w = sweep_of(s);
    diag_init(&d);
    mpz_init(size);
    enum status status = sweep_size(size, s, w.binds, &d);
    /* An error in the claim is for decide to report, with its place. */
    bool takes = status == STATUS_OK || status == STATUS_INPUT;
    if (!takes) text_add(why, d.n ? d.messages[0].text : status_name(status));
    struct symmetry symmetry = {0};
    bool large = status == STATUS_OK && mpz_sizeinbase(size, 2) > SWEEP_MAX_BITS + 1;
    if (large && usable_symmetry(&symmetry, s) == STATUS_OK) large = symmetry_is_none(&symmetry);
    symmetry_clear(&symmetry);
    if (large) {
        takes = false;
        text_addf(why, "the domain has more than 2^%d bindings", SWEEP_MAX_BITS);
    }
    mpz_clear(size);
    diag_clear(&d);
    return takes;
}

struct work { double steps; const struct statement *s; };

static bool add_work(const struct expr *e, void *context)
{
    struct work *w = context;
    w->steps += 10;
    if (e->form != FORM_CALL || !function_reads_network(e->function)) return true;
    const struct expr *m = e->args[0];
    while (m->form == FORM_CALL && m->n_args) m = m->args[0];
    const struct model *model = m->name ? statement_model(w->s, m->name) : NULL;
    if (!model) return true;
    double parameters = 0;
    for (size_t i = 0; i < model->net.n_tensors; i++) parameters += (double)tensor_count(&model->net.tensors[i]);
    w->steps += parameters * (model->net.causal ? 1 : (double)model->net.n_ctx);
    return true;
}

static double enumerate_cost(const struct statement *s)
{
    struct work w = {1, s};
    struct diag d;
    mpz_t size;
    struct sweep sweep = sweep_of(s);
    diag_init(&d);
    mpz_init(size);
    bool ok = sweep_size(size, s, sweep.binds, &d) == STATUS_OK;
    expr_walk(sweep.subject, add_work, &w);
    if (sweep.where) expr_walk(sweep.where, add_work, &w);
    struct symmetry symmetry = {0};
    bool alike = ok && usable_symmetry(&symmetry, s) == STATUS_OK && !symmetry_is_none(&symmetry);
    double cost = !ok ? INFINITY : (alike ? (double)symmetry.orbits : mpz_get_d(size)) * w.steps;
    symmetry_clear(&symmetry);
    mpz_clear(size);
    diag_clear(&d);
    return cost;
}

static enum status say(struct outcome *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static enum status say(struct outcome *out, const char *format, ...)
{
    char line[300];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    free(out->reason);
    out->reason = mem_string(line);
    return out->reason ? STATUS_OK : STATUS_MEMORY;
}

static enum status say_time(struct outcome *out, const struct tally *t)
{
    if (t->hopeless > 0)
        (void)say(out, "given up after %llu of %s%llu bindings: at this pace they take %.1f hours of processor time (--timeout says how long it may go on)", (unsigned long long)t->cases,
                  t->flat ? "" : "at least ", (unsigned long long)t->size, t->hopeless / 3600);
    else if (t->gave_up)
        (void)say(out, "given up after %llu of %s%llu bindings: the highest precision does not settle %llu of them", (unsigned long long)t->cases, t->flat ? "" : "at least ", (unsigned long long)t->size,
                  (unsigned long long)(t->open + t->where_open + t->stuck));
    else
        (void)say(out, "time is up after %llu of %s%llu bindings", (unsigned long long)t->cases, t->flat ? "" : "at least ", (unsigned long long)t->size);
    return STATUS_TIMEOUT;
}

static void set_number(mpz_t out, uint64_t x)
{
    mpz_set_ui(out, x);
}

/* Enclosures of float32 executions differ more from one program to another than those of real numbers, behind a LayerNorm of nearly equal entries by a factor of four:
 * all that `within` leaves is room there. */
static void edge(mpq_t out, const struct statement *s, const mpq_t lo, const mpq_t hi)
{
    mpq_t share;
    mpq_init(share);
    mpq_set_ui(out, 1, 1);
    mpq_div_2exp(out, out, EDGE_BITS);
    if (s->has_within) mpq_set(share, s->within);
    else mpq_set_ui(share, 1, 1000000);
    mpq_t room;                  /* what `within` leaves on each side of the interval, less a 64th */
    mpq_init(room);
    mpq_sub(room, hi, lo);
    mpq_sub(room, share, room);
    mpq_div_2exp(room, room, 1);
    mpq_div_2exp(share, share, 6);
    mpq_sub(room, room, share);
    mpq_mul_2exp(share, share, 3);
    bool float32 = s->semantics == SEMANTICS_FLOAT32;
    if (float32 || (s->has_within && mpq_cmp(share, out) < 0)) mpq_set(out, float32 && mpq_sgn(room) > 0 ? room : share);
    mpq_clears(share, room, NULL);
}

static void set_exact(mpq_t out, double x)
{
    if (isfinite(x)) number_set_double(out, x);
    else mpq_set_ui(out, 0, 1);
}

/* What the best binding found says of the optimum (of minus the value for maximize, of the slack): it is at most this. */
static bool set_high(struct outcome *out, const struct tally *t)
{
    double high = t->best.mid + t->best.rad;
    high += fabs(high) * 0x1p-50;
    if (!t->best.found || !isfinite(high)) return false;
    set_exact(out->hi, high);
    return true;
}

/* Enclosure of the smallest slack, for the reader; shown when it speaks of network values. Bindings that were not visited may have a
 * smaller one: then only the upper end holds. */
static enum status set_slack(struct outcome *out, const struct tally *t, bool whole)
{
    if (!set_high(out, t)) return STATUS_OK;
    if (isfinite(t->least)) set_exact(out->lo, t->least);
    out->has_value = whole && isfinite(t->least) && mpq_cmp(out->lo, out->hi) <= 0;
    out->has_hi = !out->has_value;
    return binding_copy(&out->attains, &t->best.at);
}

static const char *why_open(const struct statement *s)
{
    if (reads_choices(s->subject)) return "they hold for some rows in the box around those that `any over` may choose, or are not seen to hold for all; `to = from s` speaks of one choice";
    return s->semantics == SEMANTICS_FLOAT32 ? "values closer than the spread of float32 executions" : "values closer than the highest precision tells apart";
}

static enum status finish_forall(struct outcome *out, const struct statement *s, struct tally *t, enum status status)
{
    if (t->hit) {
        out->proposal = PROPOSAL_FALSE;
        out->rule = s->forall.n ? "point" : "enumerate";
        return binding_copy(&out->counterexample, &t->hit_at);
    }
    enum status shown = set_slack(out, t, status == STATUS_OK);
    if (shown != STATUS_OK) return shown;
    if (status == STATUS_TIMEOUT) return say_time(out, t);
    if (t->where_true + t->where_open == 0) {
        out->proposal = PROPOSAL_VACUOUS;
        out->rule = "enumerate";
        return STATUS_OK;
    }
    if (t->open) return say(out, "%llu bindings are not settled: %s", (unsigned long long)t->open, why_open(s));
    if (!t->witness) return say(out, "no binding satisfies the conditions and the antecedents of the claim");
    out->proposal = PROPOSAL_TRUE;
    out->rule = "enumerate";
    return binding_copy(&out->witness, t->best.found && t->best.holds ? &t->best.at : &t->witness_at);
}

static enum status finish_exists(struct outcome *out, struct tally *t, enum status status)
{
    if (t->hit) {
        out->proposal = PROPOSAL_TRUE;
        out->rule = "point";
        return binding_copy(&out->witness, &t->hit_at);
    }
    if (status == STATUS_TIMEOUT) return say_time(out, t);
    if (t->open) return say(out, "%llu bindings are not settled, none of the others satisfies the claim", (unsigned long long)t->open);
    out->proposal = PROPOSAL_FALSE;
    out->rule = "enumerate";
    return STATUS_OK;
}

static enum status finish_count(struct outcome *out, struct tally *t, enum status status)
{
    uint64_t rest = status == STATUS_TIMEOUT && t->size > t->cases ? t->size - t->cases : 0;
    set_number(out->number_lo, t->yes);
    set_number(out->number_hi, t->yes + t->open + rest);
    set_number(out->total_lo, t->where_true);
    set_number(out->total_hi, t->where_true + t->where_open + rest);
    out->rule = "enumerate";
    if (status == STATUS_TIMEOUT) {
        bool known = t->flat && t->where_true > 0;
        if (known) out->proposal = PROPOSAL_INTERVAL;
        return say_time(out, t);
    }
    out->proposal = t->where_true + t->where_open == 0 ? PROPOSAL_VACUOUS : PROPOSAL_INTERVAL;
    if (t->open || t->where_open) return say(out, "%llu bindings are not settled", (unsigned long long)(t->open + t->where_open));
    return STATUS_OK;
}

/* The mean lies within spread / count of sum / count; all in units of 2^-SUM_BITS. */
static void set_mean(struct outcome *out, const struct statement *s, const struct tally *t)
{
    mpz_t sum, spread;
    mpq_t widen;
    mpz_inits(sum, spread, NULL);
    mpq_init(widen);
    bool negative = t->sum < 0;
    unsigned __int128 size = negative ? (unsigned __int128)0 - (unsigned __int128)t->sum : (unsigned __int128)t->sum;
    mpz_set_ui(sum, (unsigned long)(size >> 64));
    mpz_mul_2exp(sum, sum, 64);
    mpz_add_ui(sum, sum, (unsigned long)size);
    if (negative) mpz_neg(sum, sum);
    mpz_set_ui(spread, (unsigned long)(t->spread >> 64));
    mpz_mul_2exp(spread, spread, 64);
    mpz_add_ui(spread, spread, (unsigned long)t->spread);
    mpz_sub(mpq_numref(out->lo), sum, spread);
    mpz_add(mpq_numref(out->hi), sum, spread);
    mpz_ui_pow_ui(mpq_denref(out->lo), 2, SUM_BITS);
    mpz_mul_ui(mpq_denref(out->lo), mpq_denref(out->lo), t->where_true);
    mpz_set(mpq_denref(out->hi), mpq_denref(out->lo));
    mpq_canonicalize(out->lo);
    mpq_canonicalize(out->hi);
    if (mpz_sgn(spread) != 0) {
        if (s->has_within) mpq_set(widen, s->within);
        else mpq_set_ui(widen, 1, 1000000);
        mpq_div_2exp(widen, widen, 3);
        mpq_sub(out->lo, out->lo, widen);
        mpq_add(out->hi, out->hi, widen);
    }
    mpz_clears(sum, spread, NULL);
    mpq_clear(widen);
}

/* Nearest multiples of 2^-bits outward: short numbers in the certificate. */
static void round_outward(struct outcome *out, unsigned bits)
{
    mpz_mul_2exp(mpq_numref(out->lo), mpq_numref(out->lo), bits);
    mpz_fdiv_q(mpq_numref(out->lo), mpq_numref(out->lo), mpq_denref(out->lo));
    mpz_mul_2exp(mpq_numref(out->hi), mpq_numref(out->hi), bits);
    mpz_cdiv_q(mpq_numref(out->hi), mpq_numref(out->hi), mpq_denref(out->hi));
    mpz_ui_pow_ui(mpq_denref(out->lo), 2, bits);
    mpz_set(mpq_denref(out->hi), mpq_denref(out->lo));
    mpq_canonicalize(out->lo);
    mpq_canonicalize(out->hi);
}

static unsigned grid_bits(const struct statement *s)
{
    if (!s->has_within || mpq_sgn(s->within) <= 0) return 48;
    double w = mpq_get_d(s->within);
    return w > 0x1p-38 ? 48 : w > 0x1p-400 ? (unsigned)(12 - ilogb(w)) : 412;
}

static enum status finish_average(struct outcome *out, const struct statement *s, struct tally *t, enum status status)
{
    out->rule = "enumerate";
    if (status == STATUS_TIMEOUT) return say_time(out, t);
    if (t->where_true + t->where_open == 0) {
        out->proposal = PROPOSAL_VACUOUS;
        return STATUS_OK;
    }
    if (t->where_open) return say(out, "the condition is not settled at %llu bindings", (unsigned long long)t->where_open);
    if (t->overflow) return say(out, "a value is not enclosed, or too large to be averaged");
    set_mean(out, s, t);
    if (t->inexact) round_outward(out, grid_bits(s));
    out->has_value = true;
    out->proposal = PROPOSAL_INTERVAL;
    return STATUS_OK;
}

/* One input may settle the bound of the prove line, as a claim of another form, where the optimum itself takes all of them. */
static enum status say_time_of_bound(struct outcome *out, const struct statement *s, struct tally *t)
{
    enum status status = say_time(out, t);
    if (!s->prove || !out->reason) return status;
    char *before = mem_string(out->reason), sign = s->body == BODY_MAXIMIZE ? '<' : '>';
    if (!before || say(out, "%s; whether the bound holds one input may settle: `forall ... prove E %c= c` is refuted by it, `prove exists ... : E %c= c` proved", before, sign, sign == '<' ? '>' : '<') != STATUS_OK) status = STATUS_MEMORY;
    free(before);
    return status;
}

/* [least, value at the best binding] for minimize; the mirror image of it for maximize, whose tally holds minus the values. */
static enum status finish_optimum(struct outcome *out, const struct statement *s, struct tally *t, enum status status)
{
    mpq_t widen;
    out->rule = "enumerate";
    enum status copied = t->best.found ? binding_copy(&out->attains, &t->best.at) : STATUS_OK;
    if (copied != STATUS_OK) return copied;
    bool maximize = s->body == BODY_MAXIMIZE;
    if (status == STATUS_TIMEOUT) {
        bool found = set_high(out, t);
        out->has_hi = found && !maximize;
        out->has_lo = found && maximize;
        if (maximize) mpq_neg(out->lo, out->hi);
        return say_time_of_bound(out, s, t);
    }
    if (t->where_true + t->where_open == 0) {
        out->proposal = PROPOSAL_VACUOUS;
        return STATUS_OK;
    }
    if (!t->best.found) return say(out, "no binding satisfies the condition for certain");
    if (!isfinite(t->least) || !set_high(out, t)) return say(out, "a value is not enclosed");
    set_exact(out->lo, t->least);
    if (!t->inexact) { /* known exactly: no room is needed */
        set_exact(out->lo, t->best.mid);
        set_exact(out->hi, t->best.mid);
    } else {
        mpq_init(widen);
        edge(widen, s, out->lo, out->hi);
        mpq_sub(out->lo, out->lo, widen);
        mpq_add(out->hi, out->hi, widen);
        mpq_clear(widen);
        round_outward(out, grid_bits(s));
    }
    if (maximize) {
        mpq_swap(out->lo, out->hi);
        mpq_neg(out->lo, out->lo);
        mpq_neg(out->hi, out->hi);
    }
    out->has_value = true;
    out->proposal = PROPOSAL_INTERVAL;
    return STATUS_OK;
}

static enum status finish_list(struct outcome *out, struct tally *t, enum status status)
{
    out->items = mem_array(t->n_items, sizeof *out->items);
    if (!out->items) return STATUS_MEMORY;
    for (size_t i = 0; i < t->n_items; i++) out->items[i] = t->items[i].b;
    out->n_items = t->n_items;
    t->n_items = 0;
    if (status == STATUS_TIMEOUT) return say_time(out, t);
    if (t->where_true + t->where_open == 0) {
        out->proposal = PROPOSAL_VACUOUS;
        out->rule = "enumerate";
        return STATUS_OK;
    }
    for (size_t i = 0; i + 1 < out->n_items; i++)
        if (binding_compare(&out->items[i], &out->items[i + 1]) == 0) return say(out, "two bindings of the domain have the same values, so that a list of values cannot be complete");
    out->items_complete = !t->cut && t->open == 0;
    out->rule = t->cut ? "point" : "enumerate";
    if (!t->cut && t->open) return say(out, "%llu bindings are not settled", (unsigned long long)t->open);
    out->proposal = PROPOSAL_INTERVAL;
    return STATUS_OK;
}

/* The lines of the certificate, where the outcome rests on more than one point. */
static enum status say_symmetric(struct outcome *out, const struct symmetry *y)
{
    struct text t;
    if (symmetry_is_none(y) || out->proposal == PROPOSAL_NONE || strcmp(out->rule, "enumerate") != 0) return STATUS_OK;
    text_init(&t);
    for (size_t i = 0; i < y->n; i++) text_addf(&t, "%s%zu", i ? "," : "symmetric ", y->at[i]);
    if (y->n > 0) text_add(&t, "\n");
    if (y->binds) text_add(&t, y->lines);
    out->evidence = t.failed ? NULL : mem_string(t.data);
    text_clear(&t);
    return out->evidence ? STATUS_OK : STATUS_MEMORY;
}

static enum status decide(struct outcome *out, const struct statement *s, const struct limits *l, const struct symmetry *symmetry, struct diag *d)
{
    struct sweep sweep = sweep_of(s);
    struct tally t;
    if (!symmetry_is_none(symmetry)) sweep.symmetry = symmetry;
    if (symmetry->binds) sweep.binds = symmetry->binds;
    enum status status = sweep_run(&t, &sweep, l, d);
    if (status != STATUS_OK && status != STATUS_TIMEOUT) return status;
    set_number(out->cases, t.cases);
    out->orbits = symmetry_is_none(symmetry) ? 0 : t.looked;
    switch (s->body) {
    case BODY_COUNT: status = finish_count(out, &t, status); break;
    case BODY_AVERAGE: status = finish_average(out, s, &t, status); break;
    case BODY_MINIMIZE: case BODY_MAXIMIZE: status = finish_optimum(out, s, &t, status); break;
    case BODY_LIST: status = finish_list(out, &t, status); break;
    case BODY_PROVE: status = sweep.goal == SWEEP_EXISTS ? finish_exists(out, &t, status) : finish_forall(out, s, &t, status); break;
    }
    tally_clear(&t);
    const char *remark = spectra_remarked(radii_spectra(s->radii));
    if (out->reason && remark) {
        char *before = mem_string(out->reason);
        status = before && say(out, "%s; %s", before, remark) != STATUS_OK ? STATUS_MEMORY : status;
        free(before);
    }
    return status;
}

static enum status enumerate_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct symmetry symmetry = {0};
    enum status status = l && l->no_symmetry ? STATUS_OK : usable_symmetry(&symmetry, s);
    if (status == STATUS_OK) status = decide(out, s, l, &symmetry, d);
    enum status said = status == STATUS_OK || status == STATUS_TIMEOUT ? say_symmetric(out, &symmetry) : STATUS_OK;
    symmetry_clear(&symmetry);
    return said != STATUS_OK ? said : status;
}

const struct engine engine_enumerate = {
    "enumerate", "every input of a finite domain, in doubles with error radii, near ties in balls",
    enumerate_takes, enumerate_cost, enumerate_decide, false,
};
