/* sweep.c: see sweep.h. */
#include "verify/sweep.h"
#include "core/mem.h"
#include <math.h>
#include <omp.h>
#include <string.h>
#include <time.h>

#define CHUNK_MIN 64
#define CHUNK_MAX 65536
#define CHUNK_EVEN 1024
#define CHECK_EVERY 64
/* Over the reals, bindings that the highest precision leaves open: after so many in one thread it is not worth going on, with numbers so large that each takes long. */
#define STUCK_MOST 2048
#define STUCK_MOST_COUNT 65536   /* a count may do with an interval */
#define PATIENCE 7200.0          /* processor seconds that a sweep without deadline may be expected to take: 1e9 bindings take it less, unless numbers are so large that each needs high precision */
#define PACE_EVERY 256

/* Shared by the threads of one sweep. */
struct shared {
    const struct sweep *sweep;
    const struct limits *limits;
    uint64_t size, chunk, n_chunks;
    uint64_t next, stop;         /* next chunk to hand out; chunks after `stop` do not matter any more */
    bool failed, expired;
    uint64_t failed_chunk;
    enum status status;
    struct diag diag;
    uint64_t done, cases;
    uint32_t *listed; bool *finished; uint64_t prefix; unsigned long prefix_items;   /* LIST with at_most */
};
struct worker {
    struct shared *shared;
    struct tiers *tiers;
    struct walk *walk;
    struct tally tally;
    struct diag diag;
    arb_t ball;
    uint64_t at;                 /* chunk */
    uint64_t chunks, seen;       /* done before it, and bindings */
    double began;                /* processor time of this thread */
    size_t here;                 /* items found in it */
    uint64_t weight;             /* bindings that the one under way stands for */
    bool leave;                  /* the rest of the chunk does not matter */
};

void tally_clear(struct tally *t)
{
    binding_clear(&t->hit_at);
    binding_clear(&t->witness_at);
    binding_clear(&t->best.at);
    for (size_t i = 0; i < t->n_items; i++) binding_clear(&t->items[i].b);
    free(t->items);
    memset(t, 0, sizeof *t);
}

const struct expr *antecedent(const struct expr *e, size_t i)
{
    for (; e->form == FORM_BINARY && e->oper == OPER_IMPLIES; e = e->args[1])
        if (i-- == 0) return e->args[0];
    return NULL;
}

static uint64_t get(const uint64_t *x)
{
    uint64_t v;
#pragma omp atomic read
    v = *x;
    return v;
}

static void lower_stop(struct shared *sh, uint64_t chunk)
{
#pragma omp critical(sweep_stop)
    if (chunk < sh->stop) {
#pragma omp atomic write
        sh->stop = chunk;
    }
}

static enum status note_hit(struct worker *w)
{
    w->leave = true;
    lower_stop(w->shared, w->at);
    if (w->tally.hit) return STATUS_OK;
    w->tally.hit = true;
    w->tally.hit_chunk = w->at;
    return binding_read(&w->tally.hit_at, w->shared->sweep->binds, tiers_fast(w->tiers));
}

/* Do all antecedents hold at the binding under way? */
static enum status antecedents_true(bool *out, struct worker *w)
{
    *out = true;
    const struct expr *a;
    for (size_t i = 0; *out && (a = antecedent(w->shared->sweep->subject, i)) != NULL; i++) {
        enum truth t;
        enum status s = tiers_truth(&t, w->tiers, a, &w->diag);
        if (s != STATUS_OK) return s;
        *out = t == TRUTH_TRUE;
    }
    return STATUS_OK;
}

static void note_least(struct worker *w, double low)
{
    low -= fabs(low) * 0x1p-50;
    if (isnan(low)) low = -INFINITY;
    if (low < w->tally.least) w->tally.least = low;
}

static enum status note_best(struct worker *w, double mid, double rad)
{
    struct best *b = &w->tally.best;
    if (b->found && !(mid < b->mid)) return STATUS_OK;
    b->mid = mid;
    b->rad = rad;
    b->chunk = w->at;
    b->found = true;
    return binding_read(&b->at, w->shared->sweep->binds, tiers_fast(w->tiers));
}

static void note_open(struct worker *w)
{
    w->tally.open += w->weight;
    w->tally.unsettled++;
}

/* The slack decides most bindings in one pass; only what it leaves open is looked at as a truth value. */
static enum status visit_forall(struct worker *w, enum truth here)
{
    const struct expr *subject = w->shared->sweep->subject;
    double mid, rad;
    enum truth t = TRUTH_UNSETTLED;
    bool holds;
    enum status s = interp_slack_double(&mid, &rad, tiers_fast(w->tiers), subject, &w->diag);
    if (s != STATUS_OK) return s;
    if (isinf(mid) && rad == 0) t = mid > 0 ? TRUTH_TRUE : TRUTH_FALSE;
    else if (mid - rad > fabs(mid) * 0x1p-50) t = TRUTH_TRUE;
    else if (mid + rad < -fabs(mid) * 0x1p-50) t = TRUTH_FALSE;
    else if ((s = tiers_truth(&t, w->tiers, subject, &w->diag)) != STATUS_OK) return s;
    if (t == TRUTH_UNSETTLED || (t == TRUTH_FALSE && here == TRUTH_UNSETTLED)) note_open(w);
    if (t == TRUTH_FALSE && here == TRUTH_TRUE) return note_hit(w);
    bool speaks = !(isinf(mid) && rad == 0), lower = speaks && rad < INFINITY && !(w->tally.best.found && !(mid < w->tally.best.mid));
    if (speaks) note_least(w, t == TRUTH_TRUE ? fmax(mid - rad, 0) : mid - rad); /* where it is true, the slack is not negative */
    if (t != TRUTH_TRUE) return STATUS_OK;
    w->tally.yes += w->weight;
    if (here != TRUTH_TRUE || (w->tally.witness && !lower)) return STATUS_OK;
    if ((s = antecedents_true(&holds, w)) != STATUS_OK) return s;
    if (holds && !w->tally.witness) {
        w->tally.witness = true;
        w->tally.witness_chunk = w->at;
        s = binding_read(&w->tally.witness_at, w->shared->sweep->binds, tiers_fast(w->tiers));
    }
    if (s != STATUS_OK || !lower) return s;
    w->tally.best.holds = holds;
    return note_best(w, mid, rad);
}

static enum status note_item(struct worker *w)
{
    struct tally *t = &w->tally;
    unsigned long at_most = w->shared->sweep->at_most;
    if (t->n_items >= SWEEP_MAX_ITEMS) return diag_fail(&w->diag, STATUS_LIMIT, "more than %d items in a list", SWEEP_MAX_ITEMS);
    struct found_item *grown = mem_grow(t->items, &t->room_items, t->n_items + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    t->items = grown;
    t->items[t->n_items].chunk = w->at;
    t->items[t->n_items].b = (struct binding){0};
    enum status s = binding_read(&t->items[t->n_items].b, w->shared->sweep->binds, tiers_fast(w->tiers));
    if (s != STATUS_OK) return s;
    t->n_items++;
    if (++w->here == at_most) w->leave = true;
    return STATUS_OK;
}

static enum status visit_truth(struct worker *w, enum truth here)
{
    enum truth t;
    enum sweep_goal goal = w->shared->sweep->goal;
    enum status s = tiers_truth(&t, w->tiers, w->shared->sweep->subject, &w->diag);
    if (s != STATUS_OK || t == TRUTH_FALSE) return s;
    if (t == TRUTH_UNSETTLED || here == TRUTH_UNSETTLED) {
        note_open(w);
        return STATUS_OK;
    }
    w->tally.yes += w->weight;
    if (goal == SWEEP_EXISTS) return note_hit(w);
    return goal == SWEEP_LIST ? note_item(w) : STATUS_OK;
}

static void add_to_sum(struct tally *t, uint64_t weight, double mid, double rad)
{
    if (!(fabs(mid) < 0x1p30) || !(rad < 0x1p30)) {
        t->overflow = true;
        return;
    }
    double scaled = ldexp(mid, SUM_BITS), whole = trunc(scaled);
    t->sum += (__int128)whole * (__int128)weight;
    if (scaled != whole) t->spread += weight;
    if (rad > 0) t->spread += ((unsigned __int128)ceil(ldexp(rad, SUM_BITS)) + 1) * weight;
}

/* Wide enclosures (deep networks in doubles) are narrowed only where it matters: for an optimum, where the value may beat the best so far. */
static bool wide(const struct worker *w, double mid, double rad)
{
    const struct sweep *sweep = w->shared->sweep;
    if (!(rad < INFINITY)) return true;
    if (sweep->s->semantics == SEMANTICS_FLOAT32) return false;
    double within = sweep->s->has_within ? mpq_get_d(sweep->s->within) : 1e-6;
    if (sweep->goal == SWEEP_AVERAGE) return rad > within / 8;
    const struct best *b = &w->tally.best;
    return rad > within / 64 && !(b->found && mid - rad > (b->mid + b->rad) + fabs(b->mid) * 0x1p-50);
}

/* Cannot be below the best so far, and was not narrowed: it says nothing new. */
static bool beaten(const struct worker *w, double mid, double rad)
{
    const struct best *b = &w->tally.best;
    return b->found && mid - rad - fabs(mid) * 0x1p-50 > (b->mid + b->rad) + fabs(b->mid) * 0x1p-50;
}

static enum status visit_value(struct worker *w, enum truth here)
{
    const struct sweep *sweep = w->shared->sweep;
    double mid, rad, sign = sweep->goal == SWEEP_MAXIMIZE ? -1 : 1;
    enum status s = interp_double(&mid, &rad, tiers_fast(w->tiers), sweep->subject, &w->diag);
    mid *= sign;
    if (s == STATUS_OK && wide(w, mid, rad)) {
        s = tiers_real(w->ball, w->tiers, sweep->subject, 64, &w->diag);
        if (s == STATUS_OK) ball_to_double(&mid, &rad, w->ball);
        mid *= sign;
        if (s == STATUS_OK && wide(w, mid, rad)) w->tally.stuck++, w->tally.unsettled++;
    }
    if (s != STATUS_OK) return s;
    if (rad != 0) w->tally.inexact = true;
    if (sweep->goal == SWEEP_AVERAGE) {
        add_to_sum(&w->tally, w->weight, mid, rad);
        return STATUS_OK;
    }
    if (beaten(w, mid, rad)) return STATUS_OK;
    note_least(w, mid - rad);
    /* Where the condition is open, the value bounds the optimum but cannot attain it. */
    return here == TRUTH_TRUE && !isnan(mid) ? note_best(w, mid, rad) : STATUS_OK;
}

/* Bindings that the one under way stands for; 0: another one stands for it. */
static uint64_t weight_here(const struct worker *w)
{
    const struct symmetry *y = w->shared->sweep->symmetry;
    const int *t;
    size_t n;
    bool is_int;
    if (!y) return 1;
    return interp_bound(tiers_fast(w->tiers), y->slot, &t, &n, &is_int) && !is_int ? symmetry_weight(y, t) : 0;
}

static enum status visit(struct worker *w)
{
    const struct sweep *sweep = w->shared->sweep;
    enum truth here = TRUTH_TRUE;
    enum status s = STATUS_OK;
    if ((w->weight = weight_here(w)) == 0) return STATUS_OK;
    w->tally.cases += w->weight;
    w->tally.looked++;
    if (sweep->where && !walk_has_tested(w->walk)) s = tiers_truth(&here, w->tiers, sweep->where, &w->diag);
    if (s != STATUS_OK || here == TRUTH_FALSE) return s;
    if (here == TRUTH_TRUE) w->tally.where_true += w->weight;
    else w->tally.where_open += w->weight, w->tally.unsettled++;
    switch (sweep->goal) {
    case SWEEP_FORALL: return visit_forall(w, here);
    case SWEEP_EXISTS: case SWEEP_COUNT: case SWEEP_LIST: return visit_truth(w, here);
    default: return visit_value(w, here);
    }
}

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Nobody said how long it may take: at the pace of the chunks so far, the one under way counted as done, would it take much too long? Asked after a 240th of that. */
static bool hopeless(struct worker *w)
{
    const struct limits *l = w->shared->limits;
    if (++w->seen % PACE_EVERY != 0 || !l || l->deadline > 0) return false;
    double most = l->patience > 0 ? l->patience : PATIENCE, spent = thread_seconds() - w->began;
    double whole = spent / (double)(w->chunks + 1) * (double)w->shared->n_chunks;
    if (!(spent > most / 240 && whole > most)) return false;
    w->tally.hopeless = whole;
    return w->tally.gave_up = true;
}

static enum status sweep_chunk(struct worker *w)
{
    struct shared *sh = w->shared;
    bool more = true;
    mpz_t from, to;
    mpz_init_set_ui(from, w->at * sh->chunk);
    mpz_init_set_ui(to, w->at + 1 == sh->n_chunks ? sh->size : (w->at + 1) * sh->chunk);
    walk_range(w->walk, from, to);
    mpz_clear(from);
    mpz_clear(to);
    w->leave = false;
    w->here = 0;
    enum status s = STATUS_OK;
    for (unsigned i = 0; !w->leave; i++) {
        if (i % CHECK_EVERY == 0) {
            if (get(&sh->stop) < w->at) break;
            if (limits_expired(sh->limits)) return STATUS_TIMEOUT;
        }
        s = walk_next(&more, w->walk, &w->diag);
        if (s != STATUS_OK || !more) break;
        if ((s = visit(w)) != STATUS_OK) break;
        uint64_t most = sh->sweep->goal == SWEEP_COUNT ? STUCK_MOST_COUNT : STUCK_MOST;
        w->tally.gave_up = w->tally.unsettled >= most && sh->sweep->s->semantics == SEMANTICS_REAL;
        if (w->tally.gave_up || hopeless(w)) return STATUS_TIMEOUT;
    }
    return s;
}

static void note_failure(struct worker *w, enum status s)
{
    struct shared *sh = w->shared;
#pragma omp critical(sweep_failure)
    {
        if (s == STATUS_TIMEOUT) sh->expired = true;
        else if (!sh->failed || w->at < sh->failed_chunk) {
            sh->failed = true;
            sh->failed_chunk = w->at;
            sh->status = s;
            diag_clear(&sh->diag);
            sh->diag = w->diag;
            diag_init(&w->diag);
        }
    }
    lower_stop(sh, s == STATUS_TIMEOUT ? 0 : w->at);
}

/* LIST with at_most: enough when a prefix of finished chunks holds that many. */
static void note_listed(struct worker *w)
{
    struct shared *sh = w->shared;
    if (!sh->listed) return;
    bool enough = false;
#pragma omp critical(sweep_list)
    {
        sh->listed[w->at] = (uint32_t)w->here;
        sh->finished[w->at] = true;
        while (sh->prefix < sh->n_chunks && sh->finished[sh->prefix] && sh->prefix_items < sh->sweep->at_most) sh->prefix_items += sh->listed[sh->prefix++];
        enough = sh->prefix_items >= sh->sweep->at_most;
    }
    if (enough) lower_stop(sh, sh->prefix - 1);
}

static void report(struct shared *sh, uint64_t cases)
{
    uint64_t done;
#pragma omp atomic capture
    done = ++sh->done;
#pragma omp atomic
    sh->cases += cases;
    const struct limits *l = sh->limits;
    if (!l || !l->progress || omp_get_thread_num() != 0) return;
    char text[64];
    snprintf(text, sizeof text, "%llu bindings", (unsigned long long)get(&sh->cases));
    l->progress(l->progress_context, "enumerate", (double)done / (double)sh->n_chunks, text);
}

static enum status worker_new(struct worker *w)
{
    const struct sweep *sweep = w->shared->sweep;
    enum status s = tiers_new(&w->tiers, sweep->s);
    if (s == STATUS_OK) tiers_limit(w->tiers, w->shared->limits);
    if (s == STATUS_OK) s = walk_new(&w->walk, sweep->binds, tiers_fast(w->tiers), &w->diag);
    if (s == STATUS_OK) walk_condition(w->walk, sweep->where);
    if (s == STATUS_OK && sweep->symmetry) walk_order(w->walk, sweep->symmetry->slot, sweep->symmetry->at, sweep->symmetry->n);
    return s;
}

static void work(struct worker *w)
{
    struct shared *sh = w->shared;
    w->tally.least = INFINITY;
    diag_init(&w->diag);
    arb_init(w->ball);
    enum status s = worker_new(w);
    if (s != STATUS_OK) note_failure(w, s);
    w->began = thread_seconds();
    while (s == STATUS_OK) {
#pragma omp atomic capture
        w->at = sh->next++;
        if (w->at >= sh->n_chunks || w->at > get(&sh->stop)) break;
        uint64_t before = w->tally.cases;
        s = sweep_chunk(w);
        w->chunks++;
        if (s != STATUS_OK) note_failure(w, s);
        else note_listed(w);
        report(sh, w->tally.cases - before);
    }
    walk_free(w->walk);
    tiers_free(w->tiers);
    arb_clear(w->ball);
    diag_clear(&w->diag);
    if (omp_get_thread_num() != 0) flint_cleanup(); /* the library's caches of a thread that may never run again */
}

static void take_binding(struct binding *to, struct binding *from)
{
    binding_clear(to);
    *to = *from;
    *from = (struct binding){0};
}

static enum status merge(struct tally *out, struct tally *t)
{
    out->cases += t->cases;
    out->where_true += t->where_true;
    out->where_open += t->where_open;
    out->unsettled += t->unsettled;
    out->looked += t->looked;
    out->yes += t->yes;
    out->open += t->open;
    out->stuck += t->stuck;
    out->gave_up |= t->gave_up;
    if (t->hopeless > out->hopeless) out->hopeless = t->hopeless;
    if (t->hit && (!out->hit || t->hit_chunk < out->hit_chunk)) {
        out->hit = true;
        out->hit_chunk = t->hit_chunk;
        take_binding(&out->hit_at, &t->hit_at);
    }
    if (t->witness && (!out->witness || t->witness_chunk < out->witness_chunk)) {
        out->witness = true;
        out->witness_chunk = t->witness_chunk;
        take_binding(&out->witness_at, &t->witness_at);
    }
    if (t->least < out->least) out->least = t->least;
    bool better = t->best.found && (!out->best.found || t->best.mid < out->best.mid || (t->best.mid == out->best.mid && t->best.chunk < out->best.chunk));
    if (better) {
        take_binding(&out->best.at, &t->best.at);
        out->best.found = true;
        out->best.holds = t->best.holds;
        out->best.mid = t->best.mid;
        out->best.rad = t->best.rad;
        out->best.chunk = t->best.chunk;
    }
    out->inexact |= t->inexact;
    out->overflow |= t->overflow;
    out->sum += t->sum;
    out->spread += t->spread;
    if (t->n_items == 0) return STATUS_OK;
    struct found_item *grown = mem_grow(out->items, &out->room_items, out->n_items + t->n_items, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    out->items = grown;
    memcpy(out->items + out->n_items, t->items, t->n_items * sizeof *t->items);
    out->n_items += t->n_items;
    t->n_items = 0;
    return STATUS_OK;
}

static int by_value(const void *a, const void *b)
{
    const struct found_item *x = a, *y = b;
    return binding_compare(&x->b, &y->b);
}

static int by_chunk(const void *a, const void *b)
{
    const struct found_item *x = a, *y = b;
    if (x->chunk != y->chunk) return x->chunk < y->chunk ? -1 : 1;
    return binding_compare(&x->b, &y->b);
}

/* The first at_most in the walk's order (within a chunk, of value: a chunk that was cut is the last one), then in the order of values. */
static void settle_items(struct tally *t, unsigned long at_most)
{
    if (t->n_items == 0) return;
    qsort(t->items, t->n_items, sizeof *t->items, by_chunk);
    while (at_most && t->n_items > at_most) {
        binding_clear(&t->items[--t->n_items].b);
        t->cut = true;
    }
    qsort(t->items, t->n_items, sizeof *t->items, by_value);
}

enum status sweep_size(mpz_t out, const struct statement *s, const struct binds *binds, struct diag *d)
{
    struct interp *in = NULL;
    struct walk *w = NULL;
    enum status status = interp_new(&in, s, 0);
    if (status == STATUS_OK) status = walk_new(&w, binds, in, d);
    if (status == STATUS_OK) walk_size(out, w);
    walk_free(w);
    interp_free(in);
    return status;
}

/* 64 chunks a thread, and up to 2048 while they are longer than CHUNK_EVEN: a condition may leave few of them anything to do. */
static uint64_t chunk_of(uint64_t size, uint64_t threads, bool symmetric)
{
    uint64_t chunk = size / (threads * 64), fine = size / (threads * 2048);
    if (symmetric) return fine; /* most of them are empty, or nearly so */
    if (chunk > CHUNK_EVEN) chunk = fine < CHUNK_EVEN ? CHUNK_EVEN : fine;
    return chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
}

static enum status prepare(struct shared *sh, bool *flat, int threads, struct diag *d)
{
    struct interp *in = NULL;
    struct walk *w = NULL;
    mpz_t size;
    mpz_init(size);
    enum status s = interp_new(&in, sh->sweep->s, 0);
    if (s == STATUS_OK) s = walk_new(&w, sh->sweep->binds, in, d);
    if (s == STATUS_OK) {
        walk_size(size, w);
        *flat = walk_is_flat(w);
        if (!sh->sweep->symmetry && mpz_sizeinbase(size, 2) > SWEEP_MAX_BITS + 1) s = diag_fail(d, STATUS_UNSUPPORTED, "a domain of more than 2^%d bindings is not enumerated", SWEEP_MAX_BITS);
        sh->size = mpz_get_ui(size);
    }
    walk_free(w);
    interp_free(in);
    mpz_clear(size);
    if (s != STATUS_OK) return s;
    sh->chunk = chunk_of(sh->size, (uint64_t)threads, sh->sweep->symmetry && sh->sweep->symmetry->n > 0);
    if (sh->chunk < CHUNK_MIN) sh->chunk = *flat ? CHUNK_MIN : 1;
    sh->n_chunks = (sh->size + sh->chunk - 1) / sh->chunk;
    sh->stop = UINT64_MAX;
    if (sh->sweep->goal != SWEEP_LIST || sh->sweep->at_most == 0) return STATUS_OK;
    sh->listed = mem_array(sh->n_chunks, sizeof *sh->listed);
    sh->finished = mem_array(sh->n_chunks, sizeof *sh->finished);
    return sh->listed && sh->finished ? STATUS_OK : STATUS_MEMORY;
}

/* A hit in an earlier chunk than the failure stands: what comes after it is not looked at. */
static enum status settle_failure(struct shared *sh, const struct tally *t, struct diag *d)
{
    if (!sh->failed || (t->hit && t->hit_chunk < sh->failed_chunk)) return sh->expired && !t->hit ? STATUS_TIMEOUT : STATUS_OK;
    diag_move(d, &sh->diag, "");
    return sh->status;
}

enum status sweep_run(struct tally *out, const struct sweep *sweep, const struct limits *l, struct diag *d)
{
    struct shared sh = {.sweep = sweep, .limits = l};
    int threads = l && l->threads > 0 ? l->threads : omp_get_max_threads();
    diag_init(&sh.diag);
    struct worker *workers = mem_array((size_t)threads, sizeof *workers);
    struct tally all = {.least = INFINITY};
    enum status s = workers ? prepare(&sh, &all.flat, threads, d) : STATUS_MEMORY;
    if (s == STATUS_OK) {
        if ((uint64_t)threads > sh.n_chunks) threads = sh.n_chunks ? (int)sh.n_chunks : 1;
        for (int i = 0; i < threads; i++) workers[i].shared = &sh;
#pragma omp parallel num_threads(threads)
        {
#pragma omp for schedule(static, 1)
            for (int i = 0; i < threads; i++) work(&workers[i]);
        }
        for (int i = 0; i < threads && s == STATUS_OK; i++) s = merge(&all, &workers[i].tally);
        for (int i = 0; i < threads; i++) tally_clear(&workers[i].tally);
        all.size = sweep->symmetry ? sweep->symmetry->domain : sh.size;
        all.expired = sh.expired;
        all.cut = sh.listed && sh.prefix_items >= sweep->at_most;
        settle_items(&all, sweep->at_most);
        if (s == STATUS_OK) s = settle_failure(&sh, &all, d);
    }
    free(workers);
    free(sh.listed);
    free(sh.finished);
    diag_clear(&sh.diag);
    if (s == STATUS_OK || s == STATUS_TIMEOUT) *out = all;
    else tally_clear(&all);
    return s;
}
