/* search.c: an engine that only looks for one binding: a counterexample of `forall`, a witness of `exists`, among random bindings of a
 * domain too large to enumerate, and by climbing from those that come nearest. It never proves anything about all of them. */
#include "core/clock.h"
#include "core/mem.h"
#include "verify/means.h"
#include "verify/search.h"
#include "verify/types.h"
#include <limits.h>
#include <math.h>
#include <string.h>
#include <stdio.h>

#define SAMPLES 20000
#define MORE 4000000       /* climbed inputs after the first ones, at most */
#define SECONDS 15
#define FIXES 64
#define SMALL_BITS 24      /* smaller domains are enumerated */
#define COST 1e10          /* after what decides, before what takes long */

static bool target_of(struct target *t, const struct statement *s)
{
    if (s->body != BODY_PROVE) return false;
    if (s->forall.n) {
        *t = (struct target){&s->forall, s->forall_where, s->subject, TRUTH_FALSE};
        return true;
    }
    if (s->subject->form != FORM_QUANT || s->subject->quant != QUANT_EXISTS) return false;
    *t = (struct target){&s->subject->binds, s->subject->where, s->subject->args[0], TRUTH_TRUE};
    return true;
}

static bool search_takes(const struct statement *s, struct text *why)
{
    struct target t;
    struct interp *in = NULL;
    struct walk *w = NULL;
    struct diag d;
    mpz_t size;
    if (s->undecidable || !s->text || !target_of(&t, s)) {
        text_add(why, s->undecidable ? s->undecidable : "only forall and exists can be settled by one input (a bound on a minimum as forall ... prove E >= c)");
        return false;
    }
    if (!means_fit(s, why)) return false;
    diag_init(&d);
    mpz_init(size);
    enum status status = interp_new(&in, s, 0);
    if (status == STATUS_OK) status = walk_new(&w, t.binds, in, &d);
    if (status == STATUS_OK) walk_size(size, w);
    bool large = status == STATUS_OK && mpz_sizeinbase(size, 2) > SMALL_BITS;
    if (!large) text_add(why, status == STATUS_OK ? "the domain is small enough to be enumerated" : d.n ? d.messages[0].text : status_name(status));
    walk_free(w);
    interp_free(in);
    mpz_clear(size);
    diag_clear(&d);
    return large;
}

static double search_cost(const struct statement *s)
{
    (void)s;
    return COST;
}

/* ---- tokens that the condition gives ---- */

/* choices: how many tokens may stand there */
struct fix { int slot; size_t at; int value; unsigned long choices; };

/* How many numbers a set has, if v is one of them; else 0. */
static unsigned long with_number(const struct expr *set, long v)
{
    long lo, hi, x;
    if (set->form == FORM_RANGE) return constant_integer(&lo, set->args[0], -1) && constant_integer(&hi, set->args[1], -1) && lo <= v && v <= hi ? (unsigned long)(hi - lo) + 1 : 0;
    for (size_t i = 0; set->form == FORM_LIST && i < set->n_args; i++)
        if (constant_integer(&x, set->args[i], -1) && x == v) return set->n_args;
    return 0;
}

/* t[i] == v, where t ranges over a product of sets one of which holds v there */
static bool read_fix(struct fix *out, const struct binds *b, const struct expr *entry, const struct expr *value)
{
    long n, at, v;
    if (entry->form != FORM_INDEX || entry->n_args != 2 || entry->args[0]->form != FORM_NAME || entry->args[0]->slot < 0) return false;
    for (size_t i = 0; i < b->n; i++) {
        const struct expr *set = b->items[i].set;
        bool power = set->form == FORM_TOKENS_POWER;
        if (b->items[i].slot != entry->args[0]->slot || (!power && set->form != FORM_TOKENS_PRODUCT)) continue;
        n = (long)set->n_args;
        if ((power && !constant_integer(&n, set->args[0], -1)) || !constant_integer(&at, entry->args[1], n - 1) || !constant_integer(&v, value, -1) || at < 0 || at >= n || v < 0 || v > INT_MAX) return false;
        *out = (struct fix){b->items[i].slot, (size_t)at, (int)v, with_number(set->args[power ? 1 : at], v)};
        return out->choices > 0;
    }
    return false;
}

static void find_fixes(struct fix *out, size_t *n, const struct binds *b, const struct expr *e)
{
    bool equal = e->form == FORM_COMPARE && e->n_args == 2 && e->opers[0] == OPER_EQ;
    for (size_t i = 0; e->form == FORM_BINARY && e->oper == OPER_AND && i < 2; i++) find_fixes(out, n, b, e->args[i]);
    if (equal && *n < FIXES && (read_fix(&out[*n], b, e->args[0], e->args[1]) || read_fix(&out[*n], b, e->args[1], e->args[0]))) ++*n;
}

/* The sequences that are bound get these tokens: still bindings of their sets, of which few random ones had them. */
static enum status put_fixes(const struct fix *fixes, size_t n, struct interp *in)
{
    for (size_t i = 0; i < n; i++) {
        const int *t;
        size_t size;
        bool is_int;
        if (!interp_bound(in, fixes[i].slot, &t, &size, &is_int) || is_int || fixes[i].at >= size) return STATUS_INTERNAL;
        int *copy = mem_array(size, sizeof *copy);
        if (!copy) return STATUS_MEMORY;
        memcpy(copy, t, size * sizeof *copy);
        copy[fixes[i].at] = fixes[i].value;
        interp_bind_tokens(in, fixes[i].slot, copy, size);
        free(copy);
    }
    return STATUS_OK;
}

/* What was tried: random inputs, those of them that satisfy the condition, and inputs climbed to. reach: inputs that satisfy it, about. */
struct tries { unsigned long random, met, climbed; double reach; };

static enum status try_one(bool *found, struct tries *n, const struct target *t, const struct fix *fixes, size_t n_fixes, struct climb *c, struct tiers *tiers, struct walk *w, struct diag *d)
{
    bool more;
    enum truth here = TRUTH_TRUE, truth;
    *found = false;
    enum status s = walk_next(&more, w, d);
    if (s != STATUS_OK || !more || (s = put_fixes(fixes, n_fixes, tiers_fast(tiers))) != STATUS_OK) return s;
    if (t->where) s = tiers_truth(&here, tiers, t->where, d);
    if (s != STATUS_OK || here != TRUTH_TRUE) return s;
    n->met++;
    s = tiers_truth(&truth, tiers, t->subject, d);
    *found = s == STATUS_OK && truth == t->wanted;
    return s == STATUS_OK && !*found ? climb_see(c, tiers, d) : s;
}

static enum status sample(bool *found, struct tries *n, const struct target *t, struct climb *c, struct tiers *tiers, struct walk *w, const struct limits *l, struct diag *d)
{
    gmp_randstate_t random;
    mpz_t size, from, to;
    enum status s = STATUS_OK;
    struct fix fixes[FIXES];
    size_t n_fixes = 0;
    if (t->where) find_fixes(fixes, &n_fixes, t->binds, t->where);
    gmp_randinit_mt(random);
    gmp_randseed_ui(random, l ? l->seed : 0);
    mpz_inits(size, from, to, NULL);
    walk_size(size, w);
    for (*found = false; mpz_sgn(size) > 0 && n->random < SAMPLES && !*found && s == STATUS_OK; n->random++) {
        if (n->random % 64 == 0 && limits_expired(l)) s = STATUS_TIMEOUT;
        mpz_urandomm(from, random, size);
        mpz_add_ui(to, from, 1);
        walk_range(w, from, to);
        if (s == STATUS_OK) s = try_one(found, n, t, fixes, n_fixes, c, tiers, w, d);
    }
    n->reach = mpz_get_d(size) * (double)n->met / fmax((double)n->random, 1);
    for (size_t i = 0; i < n_fixes; i++) n->reach /= (double)fixes[i].choices;
    mpz_clears(size, from, to, NULL);
    gmp_randclear(random);
    return s;
}

/* The more inputs satisfy the condition the longer it goes on: a thousandth of them, and at most a quarter of the time that is left, or SECONDS. */
static enum status go_on(bool *found, struct tries *n, struct climb *c, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    struct limits part = *l;
    double now = clock_seconds(), end = now + (l->deadline > 0 ? fmin((l->deadline - now) / 4, SECONDS) : SECONDS);
    part.deadline = end;
    return climb_on(found, &n->climbed, c, tiers, (unsigned long)fmin(n->reach / 1000, MORE), &part, d);
}

static enum status search_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct target t;
    struct tiers *tiers = NULL;
    struct walk *w = NULL;
    struct climb *c = NULL;
    bool found = false;
    struct tries n = {0};
    char line[120];
    if (!target_of(&t, s)) return STATUS_INTERNAL;
    enum status status = tiers_new(&tiers, s);
    if (status == STATUS_OK) tiers_limit(tiers, l);
    if (status == STATUS_OK) status = walk_new(&w, t.binds, tiers_fast(tiers), d);
    if (status == STATUS_OK) status = climb_new(&c, &t);
    if (status == STATUS_OK) status = sample(&found, &n, &t, c, tiers, w, l, d);
    if (status == STATUS_OK && !found) status = climb_run(&found, &n.climbed, c, tiers, l, d);
    if (status == STATUS_OK && !found && l) status = go_on(&found, &n, c, tiers, l, d);
    mpz_set_ui(out->cases, n.random + n.climbed);
    if (status == STATUS_OK && found) {
        out->proposal = t.wanted == TRUTH_TRUE ? PROPOSAL_TRUE : PROPOSAL_FALSE;
        out->rule = "point";
        status = binding_read(t.wanted == TRUTH_TRUE ? &out->witness : &out->counterexample, t.binds, tiers_fast(tiers));
    } else if (status == STATUS_OK) {
        snprintf(line, sizeof line, "no %s among %lu random inputs and %lu near the best of them", t.wanted == TRUTH_TRUE ? "witness" : "counterexample", n.random, n.climbed);
        out->reason = mem_string(line);
    }
    climb_free(c);
    walk_free(w);
    tiers_free(tiers);
    return status;
}

const struct engine engine_search = {"search", "random inputs of a large domain and coordinate ascent from the best, to find one counterexample or witness", search_takes, search_cost, search_decide, false};
