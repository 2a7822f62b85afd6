/* bound_optimum.c: the interval of a minimum over a box: the best point found, and cases that exclude what lies below the other end. A maximum is the minimum of the
 * opposite. */
#include <math.h>
#include "core/mem.h"
#include "verify/bound.h"

#define DIRECT 6         /* points better than the last end before the steps down grow */
#define EXACT_BITS 40    /* a value this short is tried as the optimum itself */
#define EXACT_NODES 4000

struct seek {
    struct box_claim *b; const struct limits *l;
    struct dnf where, query; struct side objective;
    mpq_t within, unit, least, high, low; bool has_low;   /* least: of the point v; high: rounded up from it */
    mpq_ptr v, other;
    struct text steps; unsigned long cases;
};

void box_level(struct box_claim *b, const mpq_t level)
{
    mpq_t change;
    if (!b->has_level) mpq_init(b->level), b->has_level = true;
    mpq_init(change);
    mpq_sub(change, level, b->level);
    for (size_t i = 0; i < b->n_atoms; i++)
        if (b->atoms[i].moving) mpq_add(b->atoms[i].v + b->p.size - 1, b->atoms[i].v + b->p.size - 1, change);
    mpq_set(b->level, level);
    mpq_clear(change);
}

/* x up to a multiple of the unit */
static void round_up(mpq_t x, const mpq_t unit)
{
    mpz_t n;
    mpz_init(n);
    mpq_div(x, x, unit);
    mpz_cdiv_q(n, mpq_numref(x), mpq_denref(x));
    mpq_set_z(x, n);
    mpq_mul(x, x, unit);
    mpz_clear(n);
}

/* The condition, and with it the atoms of: level - value > 0. */
static enum status read_query(struct seek *k)
{
    struct box_claim *b = k->b;
    struct dnf below;
    mpq_t sign;
    mpq_init(sign);
    mpq_set_si(sign, b->kind == BOX_MINIMUM ? -1 : 1, 1);
    enum status s = box_dnf(&k->where, b, b->where, true);
    if (s == STATUS_OK) s = side_new(&k->objective, b);
    if (s == STATUS_OK) s = side_add(&k->objective, b, b->subject, sign);
    size_t before = b->n_atoms;
    if (s == STATUS_OK) s = side_positive(&below, b, &k->objective, true);
    for (size_t i = before; s == STATUS_OK && i < b->n_atoms; i++) b->atoms[i].moving = true;
    if (s == STATUS_OK) s = dnf_both(&k->query, b, &k->where, &below);
    mpq_clear(sign);
    return s;
}

static enum status improve(struct seek *k)
{
    enum status s = box_descend(k->least, k->v, k->b, &k->where, &k->query, &k->objective, k->l);
    mpq_set(k->high, k->least);
    if (mpz_sizeinbase(mpq_denref(k->least), 2) > EXACT_BITS) round_up(k->high, k->unit);
    return s;
}

/* Is a value below the level? NOWHERE: it is the lower end now. FOUND: a better point. */
static enum status ask(enum search_end *end, struct seek *k, const mpq_t level, unsigned long nodes)
{
    struct text steps;
    text_init(&steps);
    box_level(k->b, level);
    k->b->nodes_most = nodes;
    enum status s = box_search(end, k->other, &steps, &k->cases, k->b, &k->query, k->l);
    k->b->nodes_most = 0;
    if (s == STATUS_OK && *end == SEARCH_NOWHERE) {
        text_clear(&k->steps);
        k->steps = steps;
        mpq_set(k->low, level);
        k->has_low = true;
        return STATUS_OK;
    }
    text_clear(&steps);
    if (s != STATUS_OK || *end != SEARCH_FOUND) return s;
    for (size_t i = 0; i < 2 * k->b->p.size; i++) mpq_set(k->v + i, k->other + i);
    return improve(k);
}

/* Is the value found the optimum itself? */
static enum status ask_exact(struct seek *k)
{
    enum search_end end = SEARCH_FOUND;
    enum status s = STATUS_OK;
    for (int i = 0; s == STATUS_OK && end == SEARCH_FOUND && i < DIRECT && mpq_equal(k->high, k->least); i++) s = ask(&end, k, k->high, EXACT_NODES);
    return s;
}

static bool narrow(const struct seek *k)
{
    mpq_t width;
    mpq_init(width);
    mpq_sub(width, k->high, k->low);
    bool good = k->has_low && mpq_cmp(width, k->within) <= 0;
    mpq_clear(width);
    return good;
}

/* What to ask next: a width below the point; after several better points further down; between the ends when there is a lower one. */
static void next_level(mpq_t level, struct seek *k, int found)
{
    mpq_set(level, k->within);
    if (found > DIRECT && !k->has_low) mpq_mul_2exp(level, level, (mp_bitcnt_t)(3 * (found - DIRECT)));
    mpq_sub(level, k->high, level);
    if (found > DIRECT && k->has_low) {
        mpq_add(level, k->low, k->high);
        mpq_div_2exp(level, level, 1);
    }
    round_up(level, k->unit);
    if (mpq_cmp(level, k->high) >= 0) mpq_sub(level, k->high, k->unit);
}

static enum status narrow_down(struct seek *k, struct outcome *out)
{
    mpq_t level;
    enum search_end end;
    enum status s = improve(k);
    mpq_init(level);
    if (s == STATUS_OK) s = ask_exact(k);
    for (int found = 0; s == STATUS_OK && !narrow(k);) {
        next_level(level, k, found);
        s = ask(&end, k, level, 0);
        if (s == STATUS_OK && end == SEARCH_FOUND) found++;
        if (s != STATUS_OK || end != SEARCH_OPEN) continue;
        out->reason = mem_string("cases are left that lie too close to a tie, or there are too many of them");
        break;
    }
    mpq_clear(level);
    return s;
}

/* The interval as far as it goes, in the sign of the claim. */
static enum status report(struct outcome *out, struct seek *k)
{
    bool least = k->b->kind == BOX_MINIMUM;
    enum status s = box_bind(&out->attains, k->b, k->v);
    mpq_set(least ? out->hi : out->lo, k->high);
    if (k->has_low) mpq_set(least ? out->lo : out->hi, k->low);
    if (!least) mpq_neg(out->lo, out->lo), mpq_neg(out->hi, out->hi);
    out->has_hi = least || k->has_low;
    out->has_lo = !least || k->has_low;
    out->has_value = k->has_low;
    if (k->has_low) out->proposal = PROPOSAL_INTERVAL;
    mpz_set_ui(out->cases, k->cases);
    if (k->has_low && s == STATUS_OK && !(out->evidence = mem_string(k->steps.data ? k->steps.data : ""))) s = STATUS_MEMORY;
    return s;
}

/* The largest power of two that is at most a sixteenth of it. */
static void set_unit(mpq_t unit, const mpq_t within)
{
    long e = (long)mpz_sizeinbase(mpq_numref(within), 2) - (long)mpz_sizeinbase(mpq_denref(within), 2);     /* 2^(e - 1) < within < 2^(e + 1) */
    mpq_set_ui(unit, 1, 1);
    if (e >= 0) mpq_mul_2exp(unit, unit, (mp_bitcnt_t)e);
    else mpq_div_2exp(unit, unit, (mp_bitcnt_t)-e);
    mpq_div_2exp(unit, unit, mpq_cmp(unit, within) > 0 ? 5 : 4);
}

enum status box_optimum(struct outcome *out, struct box_claim *b, const mpq_t within, mpq_ptr v, const struct limits *l)
{
    struct seek k = {.b = b, .l = l, .v = v, .other = forms_new(2 * b->p.size)};
    mpq_inits(k.within, k.unit, k.least, k.high, k.low, NULL);
    text_init(&k.steps);
    mpq_set(k.within, within);
    set_unit(k.unit, within);
    enum status s = k.other ? read_query(&k) : STATUS_MEMORY;
    if (s == STATUS_OK) s = narrow_down(&k, out);
    if (s == STATUS_OK || s == STATUS_TIMEOUT) {
        enum status reported = report(out, &k);
        if (reported != STATUS_OK) s = reported;
    }
    text_clear(&k.steps);
    forms_free(k.other, 2 * b->p.size);
    mpq_clears(k.within, k.unit, k.least, k.high, k.low, NULL);
    return s;
}
