/* term.c: arithmetic on entries: tables case by case, sums part by part, everything else by new variables. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

static double down(double x) { return nextafter(x, -INFINITY); }
static double up(double x) { return nextafter(x, INFINITY); }

static struct entry table_of(struct smt *m, const struct split *split)
{
    size_t n = split ? split->n : 1;
    struct entry e = {.table = true, .split = split, .lo = smt_numbers(m, n), .hi = smt_numbers(m, n)};
    return e.lo && e.hi ? e : (struct entry){.term = "0.0"};
}

static void interval_mul(mpq_t lo, mpq_t hi, mpq_srcptr a, mpq_srcptr b, mpq_srcptr c, mpq_srcptr d)
{
    mpq_t t;
    mpq_init(t);
    mpq_srcptr x[2] = {a, b}, y[2] = {c, d};
    for (int i = 0; i < 4; i++) {
        mpq_mul(t, x[i / 2], y[i % 2]);
        if (i == 0 || mpq_cmp(t, lo) < 0) mpq_set(lo, t);
        if (i == 0 || mpq_cmp(t, hi) > 0) mpq_set(hi, t);
    }
    mpq_clear(t);
}

enum what { WHAT_ADD, WHAT_SUB, WHAT_MUL, WHAT_MAX, WHAT_MIN };

static void on_intervals(enum what w, mpq_ptr lo, mpq_ptr hi, const struct entry *a, size_t i, const struct entry *b, size_t k)
{
    mpq_srcptr al = a->lo + i, ah = a->hi + i, bl = b->lo + k, bh = b->hi + k;
    switch (w) {
    case WHAT_ADD: mpq_add(lo, al, bl), mpq_add(hi, ah, bh); break;
    case WHAT_SUB: mpq_sub(lo, al, bh), mpq_sub(hi, ah, bl); break;
    case WHAT_MUL: interval_mul(lo, hi, al, ah, bl, bh); break;
    case WHAT_MAX: mpq_set(lo, mpq_cmp(al, bl) > 0 ? al : bl), mpq_set(hi, mpq_cmp(ah, bh) > 0 ? ah : bh); break;
    case WHAT_MIN: mpq_set(lo, mpq_cmp(al, bl) < 0 ? al : bl), mpq_set(hi, mpq_cmp(ah, bh) < 0 ? ah : bh); break;
    }
    round_outward(lo, hi);
}

static void exact_add(mpq_t o, const mpq_t a, const mpq_t b) { mpq_add(o, a, b); }
static void exact_sub(mpq_t o, const mpq_t a, const mpq_t b) { mpq_sub(o, a, b); }
static void exact_mul(mpq_t o, const mpq_t a, const mpq_t b) { mpq_mul(o, a, b); }
static void exact_max(mpq_t o, const mpq_t a, const mpq_t b) { mpq_set(o, mpq_cmp(a, b) > 0 ? a : b); }
static void exact_min(mpq_t o, const mpq_t a, const mpq_t b) { mpq_set(o, mpq_cmp(a, b) < 0 ? a : b); }
static table_function *const exactly[] = {exact_add, exact_sub, exact_mul, exact_max, exact_min};

/* Both tables, with few enough cases together. */
static bool tables(struct entry *out, struct smt *m, enum what w, const struct entry *a, const struct entry *b)
{
    const struct split *split;
    size_t *i, *k;
    if (!a->table || !b->table) return false;
    if (entry_exact(a) && entry_exact(b)) return table_map2(out, m, a, b, exactly[w]);
    if (!table_pairs(m, &split, &i, &k, a, b)) return false;
    *out = table_of(m, split);
    for (size_t c = 0; out->table && c < entry_cases(out); c++) on_intervals(w, out->lo + c, out->hi + c, a, i[c], b, k[c]);
    return true;
}

/* ---- sums ---- */

struct sum { struct smt *m; struct summand *parts; size_t n, room; };

static struct summand *new_part(struct sum *s, const struct smt_real *var, const struct split *split)
{
    struct smt *m = s->m;
    size_t cases = split ? split->n : 1;
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 8;
        struct summand *grown = smt_array(m, room, sizeof *grown);
        if (!grown) return NULL;
        if (s->n) memcpy(grown, s->parts, s->n * sizeof *grown);
        s->parts = grown;
        s->room = room;
    }
    struct summand *p = &s->parts[s->n];
    *p = (struct summand){.var = var, .split = split, .lo = smt_numbers(m, cases), .hi = smt_numbers(m, cases)};
    if (!p->lo || !p->hi) return NULL;
    if (var && m->place[var->id] == 0) m->place[var->id] = s->n + 1;
    s->n++;
    return p;
}

/* The part of that variable whose cases are those of the split (or one of both has one case). */
static struct summand *part_for(struct sum *s, const struct smt_real *var, const struct split *split)
{
    struct smt *m = s->m;
    size_t from = 0;
    if (var && var->id >= m->room_place) {
        size_t *grown = mem_grow(m->place, &m->room_place, m->n_reals + 1, sizeof *grown);
        if (!grown) {
            smt_fail(m, STATUS_MEMORY, "out of memory");
            return NULL;
        }
        m->place = grown;
    }
    if (var && m->place[var->id] == 0) return new_part(s, var, split);
    if (var) from = m->place[var->id] - 1;
    for (size_t i = from; i < s->n; i++) {
        struct summand *p = &s->parts[i];
        if (p->var != var || (p->split && split && p->split != split)) continue;
        if (!split || p->split) return p;
        mpq_ptr lo = smt_numbers(m, split->n), hi = smt_numbers(m, split->n);
        for (size_t k = 0; lo && hi && k < split->n; k++) mpq_set(lo + k, p->lo), mpq_set(hi + k, p->hi);
        if (!lo || !hi) return NULL;
        p->lo = lo, p->hi = hi, p->split = split;
        return p;
    }
    return new_part(s, var, split);
}

static void add_part(struct sum *s, const struct summand *x, mpq_srcptr w)
{
    struct summand *p = s->m->status == STATUS_OK ? part_for(s, x->var, x->split) : NULL;
    mpq_t t;
    if (!p) return;
    mpq_init(t);
    bool rising = mpq_sgn(w) >= 0;
    for (size_t i = 0; i < (p->split ? p->split->n : 1); i++) {
        size_t k = x->split ? i : 0;
        mpq_mul(t, rising ? x->lo + k : x->hi + k, w);
        mpq_add(p->lo + i, p->lo + i, t);
        if (x->lo != x->hi) mpq_mul(t, rising ? x->hi + k : x->lo + k, w);
        mpq_add(p->hi + i, p->hi + i, t);
        round_outward(p->lo + i, p->hi + i);
    }
    mpq_clear(t);
}

static void add_entry(struct sum *s, const struct entry *x, mpq_srcptr w)
{
    const struct entry solid = entry_solid(s->m, *x);
    if (x->x) x = &solid;
    const struct summand whole = {.split = x->split, .lo = x->lo, .hi = x->hi};
    if (x->table) add_part(s, &whole, w);
    for (size_t i = 0; !x->table && i < x->n_parts; i++) add_part(s, &x->parts[i], w);
}

static bool all_zero(const struct summand *p)
{
    for (size_t i = 0; i < (p->split ? p->split->n : 1); i++)
        if (mpq_sgn(p->lo + i) != 0 || mpq_sgn(p->hi + i) != 0) return false;
    return true;
}

/* c x for a number c that is not negative and an end x that may be infinite */
static double times(double c, double x, double side) { return c == 0 ? 0 : isfinite(x) ? nextafter(c * x, side) : x; }

static void part_ends(double *low, double *high, const struct summand *p)
{
    struct entry t = {.table = true, .split = p->split, .lo = p->lo, .hi = p->hi};
    double a, b, l = INFINITY, h = -INFINITY;
    entry_ends(&a, &b, &t);
    *low = a, *high = b;
    if (!p->var) return;
    for (int i = 0; i < 2; i++) {      /* with both ends of the factor */
        double c = i ? b : a;
        l = fmin(l, c >= 0 ? times(c, p->var->low, -INFINITY) : -times(-c, p->var->high, INFINITY));
        h = fmax(h, c >= 0 ? times(c, p->var->high, INFINITY) : -times(-c, p->var->low, -INFINITY));
    }
    *low = l, *high = h;
}

/* A sum without variables and with one split is a table. */
static struct entry finish(struct sum *s)
{
    size_t kept = 0;
    double low, high;
    struct entry out = {.parts = s->parts};
    for (size_t i = 0; i < s->n; i++)
        if (s->parts[i].var) s->m->place[s->parts[i].var->id] = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!all_zero(&s->parts[i])) s->parts[kept++] = s->parts[i];
    if (kept == 0) return entry_int(s->m, 0);
    if (kept == 1 && !s->parts[0].var) return (struct entry){.table = true, .split = s->parts[0].split, .lo = s->parts[0].lo, .hi = s->parts[0].hi};
    out.n_parts = kept;
    for (size_t i = 0; i < kept; i++) {
        part_ends(&low, &high, &s->parts[i]);
        out.low = down(out.low + low);
        out.high = up(out.high + high);
    }
    if (!(out.low <= out.high)) out.low = -INFINITY, out.high = INFINITY;
    return out;
}

struct entry term_linear(struct smt *m, const struct entry *x, const double *w, size_t stride, size_t n, double bias)
{
    struct sum s = {.m = m};
    mpq_t q;
    mpq_init(q);
    if (bias != 0) {
        mpq_set_d(q, bias);
        const struct summand whole = {.lo = q, .hi = q};
        mpq_t one;
        mpq_init(one);
        mpq_set_ui(one, 1, 1);
        add_part(&s, &whole, one);
        mpq_clear(one);
    }
    for (size_t i = 0; i < n && m->status == STATUS_OK; i++) {
        double v = w ? w[i * stride] : 1;
        mpq_set_d(q, v);
        if (v != 0) add_entry(&s, &x[i], q);
    }
    mpq_clear(q);
    return finish(&s);
}

struct entry term_add(struct smt *m, struct entry a, struct entry b, bool minus)
{
    struct entry out;
    if (tables(&out, m, minus ? WHAT_SUB : WHAT_ADD, &a, &b)) return out;
    if (entry_is_zero(&b)) return a;
    if (extreme_add(&out, m, &a, &b, minus)) return out;
    return term_linear(m, (struct entry[]){a, b}, (const double[]){1, minus ? -1 : 1}, 1, 2, 0);
}

struct entry term_scale(struct smt *m, struct entry a, const mpq_t by)
{
    struct sum s = {.m = m};
    if (a.x) return extreme_scale(m, &a, by);
    add_entry(&s, &a, by);
    return finish(&s);
}

/* A table times a sum: part by part where the cases are few enough, else times the sum as one variable. */
static struct entry table_times(struct smt *m, const struct entry *a, struct entry x)
{
    struct sum s = {.m = m};
    bool fits = !x.table && entry_exact(a);
    const struct split *both;
    mpq_t one;
    for (size_t i = 0; fits && i < x.n_parts; i++) fits = split_both(&both, m, a->split, x.parts[i].split);
    struct summand whole = {.split = a->split, .lo = a->lo, .hi = a->hi};
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    if (!fits) {
        whole.var = entry_real(m, &x);
        if (whole.var) add_part(&s, &whole, one);
    }
    for (size_t i = 0; fits && i < x.n_parts && m->status == STATUS_OK; i++) {
        const struct summand *p = &x.parts[i];
        struct entry y, e = {.table = true, .split = p->split, .lo = p->lo, .hi = p->hi};
        if (!tables(&y, m, WHAT_MUL, a, &e)) continue;
        const struct summand z = {.var = p->var, .split = y.split, .lo = y.lo, .hi = y.hi};
        add_part(&s, &z, one);
    }
    mpq_clear(one);
    return finish(&s);
}

struct entry term_mul(struct smt *m, struct entry a, struct entry b)
{
    struct entry out;
    double al, ah, bl, bh;
    if (tables(&out, m, WHAT_MUL, &a, &b)) return out;
    if (entry_is_zero(&a) || entry_is_zero(&b)) return entry_int(m, 0);
    if (a.x && entry_constant(&b)) return extreme_scale(m, &a, b.lo);
    if (b.x && entry_constant(&a)) return extreme_scale(m, &b, a.lo);
    a = entry_solid(m, a);
    b = entry_solid(m, b);
    if (a.table) return table_times(m, &a, b);
    if (b.table) return table_times(m, &b, a);
    m->products = true;
    entry_ends(&al, &ah, &a);
    entry_ends(&bl, &bh, &b);
    double p[4] = {al * bl, al * bh, ah * bl, ah * bh}, low = INFINITY, high = -INFINITY;
    for (int i = 0; i < 4; i++) low = p[i] < low ? p[i] : low, high = p[i] > high ? p[i] : high;
    bool known = isfinite(al) && isfinite(ah) && isfinite(bl) && isfinite(bh) && isfinite(low) && isfinite(high);
    const char *x = entry_term_of(m, &a), *y = entry_term_of(m, &b);
    return entry_variable(m, smt_define(m, NULL, "Real", smt_format(m, "(* %s %s)", x, y)), known ? down(low) : -INFINITY, known ? up(high) : INFINITY);
}

bool term_without_errors(struct entry *out, struct smt *m, const struct entry *d)
{
    struct sum s = {.m = m};
    bool some = false;
    mpq_t one;
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    for (size_t i = 0; !d->table && i < d->n_parts && m->status == STATUS_OK; i++) {
        struct summand p = d->parts[i];
        size_t cases = p.split ? p.split->n : 1;
        mpq_ptr lo = p.var && p.var->error ? smt_numbers(m, cases) : NULL, hi = lo ? smt_numbers(m, cases) : NULL;
        for (size_t k = 0; hi && k < cases; k++) interval_mul(lo + k, hi + k, p.lo + k, p.hi + k, p.var->error, p.var->error + 1);
        if (hi) some = true, p = (struct summand){.split = p.split, .lo = lo, .hi = hi};
        add_part(&s, &p, one);
    }
    mpq_clear(one);
    *out = finish(&s);
    return some;
}

/* The quotient is the number q with q b = a; b must not be 0, which the ends show, or is required not to be in some cases. */
struct entry term_div(struct smt *m, struct entry a, struct entry b)
{
    double low, high;
    if (b.table) {
        struct entry inverse = table_of(m, b.split);
        for (size_t i = 0; inverse.table && i < entry_cases(&b); i++) {
            if (mpq_sgn(b.lo + i) == 0 && mpq_sgn(b.hi + i) == 0) {      /* no value there; any number serves */
                smt_require(m, truth_not(m, entry_when(m, &b, i)));
                continue;
            }
            if (mpq_sgn(b.lo + i) * mpq_sgn(b.hi + i) <= 0) {
                smt_fail(m, STATUS_UNSUPPORTED, "a divisor that is not known to be other than 0 has no encoding: multiply both sides by it, for each of its signs");
                return a;
            }
            mpq_inv(inverse.lo + i, b.hi + i);
            mpq_inv(inverse.hi + i, b.lo + i);
        }
        return term_mul(m, inverse, a);
    }
    entry_ends(&low, &high, &b);
    if (!(low > 0) && !(high < 0)) {
        smt_fail(m, STATUS_UNSUPPORTED, "a divisor that is not known to be other than 0 has no encoding: multiply both sides by it, for each of its signs");
        return a;
    }
    const char *q = smt_declare(m, smt_fresh(m, "q"), "Real");
    m->products = true;
    smt_assert(m, smt_format(m, "(= (* %s %s) %s)", q, entry_term_of(m, &b), entry_term_of(m, &a)));
    return entry_variable(m, q, -INFINITY, INFINITY);
}

/* Tables of[i] in case i, over the cases of all. false: not all are tables, or there are too many cases. */
static bool choose_tables(struct entry *out, struct smt *m, const struct split *split, const struct entry *of)
{
    bool exact = true;
    const struct split *s = split;
    for (size_t i = 0; i < split->n; i++) {
        if (!of[i].table || !split_both(&s, m, s, of[i].split)) return false;
        exact = exact && entry_exact(&of[i]);
    }
    *out = (struct entry){.table = true, .split = s, .lo = smt_numbers(m, s->n)};
    out->hi = exact ? out->lo : smt_numbers(m, s->n);
    if (!out->lo || !out->hi) return false;
    for (size_t c = 0; c < s->n; c++) {
        const struct entry *x = &of[split_case(split, s, c)];
        size_t k = split_case(x->split, s, c);
        mpq_set(out->lo + c, x->lo + k);
        if (!exact) mpq_set(out->hi + c, x->hi + k);
    }
    if (exact && s != split) *out = table_merged(m, out);
    return true;
}

/* The part of x with that variable and split; zero when it has none. */
static struct entry part_of_sum(struct smt *m, const struct entry *x, const struct smt_real *var, const struct split *split)
{
    if (x->table && !var && x->split == split) return *x;
    for (size_t i = 0; !x->table && i < x->n_parts; i++)
        if (x->parts[i].var == var && x->parts[i].split == split) return (struct entry){.table = true, .split = split, .lo = x->parts[i].lo, .hi = x->parts[i].hi};
    return entry_int(m, 0);
}

/* Sums of[i] in case i, variable by variable: sums again. false: too many cases. */
static bool choose_sums(struct entry *out, struct smt *m, const struct split *split, const struct entry *of)
{
    struct sum s = {.m = m};
    struct entry *parts = smt_array(m, split->n, sizeof *parts), chosen;
    struct { const struct smt_real *var; const struct split *split; } *keys = NULL;
    size_t n_keys = 0, room = 0;
    bool good = parts != NULL;
    mpq_t one;
    for (size_t i = 0; good && i < split->n; i++)
        for (size_t k = 0; k < (of[i].table ? 1 : of[i].n_parts) && good; k++) {
            const struct smt_real *var = of[i].table ? NULL : of[i].parts[k].var;
            const struct split *cases = of[i].table ? of[i].split : of[i].parts[k].split;
            size_t at = 0;
            while (at < n_keys && (keys[at].var != var || keys[at].split != cases)) at++;
            if (at < n_keys) continue;
            void *grown = mem_grow(keys, &room, n_keys + 1, sizeof *keys);
            if (!(good = grown != NULL)) break;
            keys = grown;
            keys[n_keys].var = var, keys[n_keys++].split = cases;
        }
    mpq_init(one);
    mpq_set_ui(one, 1, 1);
    for (size_t k = 0; good && k < n_keys; k++) {
        for (size_t i = 0; i < split->n; i++) parts[i] = part_of_sum(m, &of[i], keys[k].var, keys[k].split);
        good = choose_tables(&chosen, m, split, parts) && m->status == STATUS_OK;
        const struct summand x = {.var = keys[k].var, .split = chosen.split, .lo = chosen.lo, .hi = chosen.hi};
        if (good) add_part(&s, &x, one);
    }
    mpq_clear(one);
    free(keys);
    *out = finish(&s);
    return good;
}

struct entry term_choose(struct smt *m, const struct split *split, const struct entry *alternatives)
{
    struct entry together, *of = smt_array(m, split ? split->n : 1, sizeof *of);
    for (size_t i = 0; of && i < (split ? split->n : 1); i++) of[i] = entry_solid(m, alternatives[i]);
    if (!of) return alternatives[0];
    bool constants = true, exact = true;
    double low = INFINITY, high = -INFINITY;
    size_t n = split ? split->n : 1;
    for (size_t i = 0; i < n; i++) {
        double l, h;
        constants = constants && of[i].table && !of[i].split;
        exact = exact && entry_exact(&of[i]);
        entry_ends(&l, &h, &of[i]);
        low = fmin(low, l);
        high = fmax(high, h);
    }
    if (n == 1) return of[0];
    if (constants) {
        struct entry e = {.table = true, .split = split, .lo = smt_numbers(m, n)};
        e.hi = exact ? e.lo : smt_numbers(m, n);
        for (size_t i = 0; e.lo && e.hi && i < n; i++) {
            mpq_set(e.lo + i, of[i].lo);
            if (!exact) mpq_set(e.hi + i, of[i].hi);
        }
        return e.lo && e.hi ? e : (struct entry){.term = "0.0"};
    }
    if (choose_tables(&together, m, split, of) || choose_sums(&together, m, split, of)) return together;
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < n; i++) {
        struct entry x = of[i];
        const char *term = entry_term_of(m, &x);
        if (i + 1 < n) text_addf(&t, "(ite %s ", split_when(m, split, i));
        text_add(&t, term);
        if (i + 1 < n) text_add(&t, " ");
    }
    for (size_t i = 0; i + 1 < n; i++) text_add(&t, ")");
    const char *term = smt_keep(m, &t);
    return entry_variable(m, smt_define(m, NULL, "Real", term), low, high);
}

struct entry term_if(struct smt *m, const char *when, struct entry a, struct entry b)
{
    if (is_true(when)) return a;
    if (is_false(when)) return b;
    const struct split *s = split_new(m, 2);
    if (!s) return a;
    s->when[0] = strlen(when) > 40 ? smt_define(m, NULL, "Bool", when) : when;
    s->when[1] = truth_not(m, s->when[0]);
    return term_choose(m, s, (struct entry[]){a, b});
}

struct entry term_max(struct smt *m, struct entry a, struct entry b, bool min)
{
    struct entry out;
    double al, ah, bl, bh;
    if (tables(&out, m, min ? WHAT_MIN : WHAT_MAX, &a, &b)) return out;
    entry_ends(&al, &ah, &a);
    entry_ends(&bl, &bh, &b);
    if (al >= bh) return min ? b : a;
    if (bl >= ah) return min ? a : b;
    return extreme_both(m, a, b, min);
}

struct entry term_name(struct smt *m, const char *name, struct entry a)
{
    const char *term = entry_term_of(m, &a);
    double low, high;
    entry_ends(&low, &high, &a);
    return entry_variable(m, smt_define(m, name, "Real", term), low, high);
}
