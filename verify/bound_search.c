/* bound_search.c: cases of units, depth first. A case is closed by multipliers of a linear program, rounded and tested exactly (FORMAT.md §3, rule farkas); its
 * solution is tried as a point; else a unit whose sign is open is split. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/bound.h"

#define NODES_MOST 200000
#define TRIES 24
#define KEEP_TIGHT 4      /* free units from which on their bounds are tightened first */

enum phase { PHASE_OFF, PHASE_ON, PHASE_FREE };
struct region { mpq_ptr lo, hi; };                       /* of z */
struct row { char letter; size_t k; double scale; };     /* g an atom, q and t of a unit (FORMAT.md), s: z of a unit that is on is not below its bound */
struct search {
    const struct box_claim *b; const struct pieces *p; const struct limits *l; struct text *out;
    const struct disjunct *d;
    double *z, *x_lo, *x_hi;                             /* forms and box in doubles */
    double *u, *reduced;                                 /* u_k and z_k by inputs and free units: the others are put in */
    double *weight;                                      /* of each term: atoms, then q of each unit, then t of each unit */
    double *A, *lo, *hi, *multipliers, *point; struct row *rows; size_t n_rows;
    mpq_ptr sum, v; unsigned long nodes, cases; bool stopped;
    unsigned long seed;
};

static enum phase phase_of(const struct region *r, size_t k) { return mpq_sgn(r->lo + k) >= 0 ? PHASE_ON : mpq_sgn(r->hi + k) <= 0 ? PHASE_OFF : PHASE_FREE; }

/* ---- exact ---- */

static void extreme(mpq_t out, const struct search *s, const struct region *r, mpq_srcptr form, size_t units, bool largest)
{
    const struct pieces *p = s->p;
    mpq_t t;
    mpq_init(t);
    mpq_set(out, form + p->size - 1);
    for (size_t i = 0; i < p->n + units; i++) {
        int sign = mpq_sgn(form + i);
        bool upper = (sign > 0) == largest;
        if (sign == 0) continue;
        mpq_srcptr end = NULL;
        if (i < p->n) end = upper ? s->b->hi + i : s->b->lo + i;
        else {
            enum phase ph = phase_of(r, i - p->n);
            if (ph != PHASE_OFF) end = upper ? r->hi + (i - p->n) : ph == PHASE_ON ? r->lo + (i - p->n) : NULL;
        }
        if (!end) continue;
        mpq_mul(t, form + i, end);
        mpq_add(out, out, t);
    }
    mpq_clear(t);
}

static void propagate(const struct search *s, struct region *r, size_t from, bool begin)
{
    mpq_t t;
    mpq_init(t);
    for (size_t k = from; k < s->p->units; k++) {
        mpq_srcptr z = s->p->z + k * s->p->size;
        extreme(t, s, r, z, k, false);
        if (begin || mpq_cmp(t, r->lo + k) > 0) mpq_set(r->lo + k, t);
        extreme(t, s, r, z, k, true);
        if (begin || mpq_cmp(t, r->hi + k) < 0) mpq_set(r->hi + k, t);
    }
    mpq_clear(t);
}

static bool region_new(struct region *r, const struct search *s, const struct region *from)
{
    size_t n = s->p->units;
    *r = (struct region){forms_new(n), forms_new(n)};
    for (size_t k = 0; from && r->lo && r->hi && k < n; k++) mpq_set(r->lo + k, from->lo + k), mpq_set(r->hi + k, from->hi + k);
    return r->lo && r->hi;
}

static void region_clear(struct region *r, const struct search *s)
{
    forms_free(r->lo, s->p->units);
    forms_free(r->hi, s->p->units);
}

/* sum += lambda times what the letter names */
static void add_term(struct search *s, const struct region *r, char letter, size_t k, const mpq_t lambda)
{
    mpq_srcptr z = letter == 'g' ? NULL : s->p->z + k * s->p->size;
    size_t size = s->p->size, u = s->p->n + k;
    mpq_t f, t;
    if (letter == 'g') {
        pieces_add(s->sum, s->b->atoms[s->d->atom[k]].v, lambda, size);
        return;
    }
    mpq_init(f), mpq_init(t);
    if (letter == 'q') {
        mpq_add(s->sum + u, s->sum + u, lambda);
        mpq_neg(f, lambda);
    } else {
        mpq_sub(s->sum + u, s->sum + u, lambda);
        mpq_sub(f, r->hi + k, r->lo + k);
        mpq_div(f, r->hi + k, f);
        mpq_mul(f, f, lambda);
        mpq_mul(t, f, r->lo + k);
        mpq_sub(s->sum + size - 1, s->sum + size - 1, t);
    }
    pieces_add(s->sum, z, f, size);
    mpq_clear(f), mpq_clear(t);
}

/* One term, its weight rounded to 2^-bits. */
static void round_term(struct search *s, const struct region *r, char letter, size_t k, double x, int bits, struct text *terms)
{
    mpq_t q;
    x = ldexp(nearbyint(ldexp(x, bits)), -bits);
    bool either = letter == 'q' && phase_of(r, k) == PHASE_ON;
    if (x == 0 || !isfinite(x) || (x < 0 && !either)) return;
    mpq_init(q);
    mpq_set_d(q, x);
    add_term(s, r, letter, k, q);
    text_addf(terms, " %c%zu:", letter, k);
    number_add_text(terms, q);
    mpq_clear(q);
}

/* The weights over `unit` as terms, added to the text and the sum; *strict: an atom that is strict has one. */
static void round_terms(struct search *s, const struct region *r, double unit, int bits, struct text *terms, bool *strict)
{
    size_t atoms = s->d->n, units = s->p->units;
    for (size_t i = 0; i < atoms; i++) {
        size_t before = terms->size;
        round_term(s, r, 'g', i, s->weight[i] / unit, bits, terms);
        *strict = *strict || (terms->size > before && s->b->atoms[s->d->atom[i]].strict);
    }
    for (size_t k = 0; k < units; k++) {
        round_term(s, r, 'q', k, s->weight[atoms + k] / unit, bits, terms);
        if (phase_of(r, k) == PHASE_FREE) round_term(s, r, 't', k, s->weight[atoms + units + k] / unit, bits, terms);
    }
}

static void sum_zero(struct search *s)
{
    for (size_t i = 0; i < s->p->size; i++) mpq_set_ui(s->sum + i, 0, 1);
}

static bool contradicts(const struct search *s, const struct region *r, bool strict)
{
    mpq_t most;
    mpq_init(most);
    extreme(most, s, r, s->sum, s->p->units, true);
    bool good = mpq_sgn(most) < 0 || (mpq_sgn(most) == 0 && strict);
    mpq_clear(most);
    return good;
}

static bool close_case(struct search *s, const struct region *r)
{
    static const int bits[] = {10, 20, 32, 46};
    double largest = 0;
    for (size_t i = 0; i < s->d->n + 2 * s->p->units; i++) largest = fmax(largest, fabs(s->weight[i]));
    if (!(largest > 0)) return false;
    largest = exp2(floor(log2(largest)));
    for (size_t k = 0; k < sizeof bits / sizeof *bits; k++) {
        struct text terms;
        bool strict = false;
        text_init(&terms);
        sum_zero(s);
        round_terms(s, r, largest, bits[k], &terms, &strict);
        bool good = contradicts(s, r, strict);
        if (good) text_addf(s->out, "step leaf%s\n", terms.data ? terms.data : "");
        text_clear(&terms);
        if (good) return true;
    }
    return false;
}

/* ---- the linear program of a case ---- */

/* A row without variables that is true says nothing, and would hold t down. */
static void add_row(struct search *s, char letter, size_t k)
{
    size_t n = s->p->size - 1;
    double *a = s->A + s->n_rows * (n + 1), most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(a[i]));
    bool strict = letter == 'g' && s->b->atoms[s->d->atom[k]].strict;
    if (most == 0 && (strict ? a[n] > 0 : a[n] >= 0)) return;
    double scale = 1 / (most > 0 ? most : 1);
    for (size_t i = 0; i <= n; i++) a[i] *= scale;
    s->rows[s->n_rows++] = (struct row){letter, k, scale};
}

static double *fresh_row(struct search *s)
{
    double *a = s->A + s->n_rows * s->p->size;
    memset(a, 0, s->p->size * sizeof *a);
    return a;
}

/* out = the form with the units that are on or off put in; those before `units` are known. */
static void put_in(double *out, const struct search *s, const double *form, size_t units)
{
    size_t n = s->p->n, size = s->p->size;
    memset(out, 0, size * sizeof *out);
    for (size_t i = 0; i < n; i++) out[i] = form[i];
    out[size - 1] = form[size - 1];
    for (size_t k = 0; k < units; k++)
        for (size_t i = 0; form[n + k] != 0 && i < size; i++) out[i] += form[n + k] * s->u[k * size + i];
}

static void reduce(struct search *s, const struct region *r)
{
    size_t size = s->p->size;
    for (size_t k = 0; k < s->p->units; k++) {
        double *u = s->u + k * size, *z = s->reduced + k * size;
        put_in(z, s, s->z + k * size, k);
        memset(u, 0, size * sizeof *u);
        if (phase_of(r, k) == PHASE_ON) memcpy(u, z, size * sizeof *u);
        if (phase_of(r, k) == PHASE_FREE) u[s->p->n + k] = 1;
    }
}

static void unit_rows(struct search *s, const struct region *r, size_t k)
{
    size_t size = s->p->size, u = s->p->n + k;
    const double *z = s->reduced + k * size;
    enum phase ph = phase_of(r, k);
    double *a = fresh_row(s), lo = mpq_get_d(r->lo + k), hi = mpq_get_d(r->hi + k), slope = hi / (hi - lo);
    for (size_t i = 0; i < size; i++) a[i] = ph == PHASE_ON ? z[i] : -z[i];
    if (ph == PHASE_FREE) a[u] += 1;
    if (ph == PHASE_ON) a[size - 1] -= lo;
    add_row(s, ph == PHASE_ON ? 's' : 'q', k);
    if (ph != PHASE_FREE) return;
    a = fresh_row(s);
    for (size_t i = 0; i < size; i++) a[i] = slope * z[i];
    a[size - 1] -= slope * lo;
    a[u] -= 1;
    add_row(s, 't', k);
}

static void ranges(struct search *s, const struct region *r)
{
    for (size_t i = 0; i < s->p->n; i++) s->lo[i] = s->x_lo[i], s->hi[i] = s->x_hi[i];
    for (size_t k = 0; k < s->p->units; k++) {
        s->lo[s->p->n + k] = 0;
        s->hi[s->p->n + k] = phase_of(r, k) == PHASE_FREE ? mpq_get_d(r->hi + k) : 0;
    }
}

static void add_to(double *out, const double *in, double factor, size_t size)
{
    for (size_t i = 0; i < size; i++) out[i] += factor * in[i];
}

/* From the multipliers of the rows to the weights of the terms: what a unit that is on still has in the sum is taken out by its own equation, but for the
 * multiplier of its bound. extra: what the last row, without a term, adds. */
static bool weigh(struct search *s, const struct region *r, const double *extra)
{
    size_t size = s->p->size, n = s->p->n, units = s->p->units, atoms = s->d->n;
    double *sum = mem_array(size, sizeof *sum), *bound = mem_array(units, sizeof *bound);
    bool good = sum && bound;
    memset(s->weight, 0, (atoms + 2 * units) * sizeof *s->weight);
    for (size_t i = 0; good && i < s->n_rows; i++) {
        double w = s->multipliers[i] * s->rows[i].scale;
        size_t k = s->rows[i].k;
        if (s->rows[i].letter == 's') bound[k] = w;
        else s->weight[s->rows[i].letter == 'g' ? k : s->rows[i].letter == 'q' ? atoms + k : atoms + units + k] = w;
    }
    for (size_t i = 0; good && i < atoms; i++)
        for (size_t j = 0; s->weight[i] != 0 && j < size; j++) sum[j] += s->weight[i] * mpq_get_d(s->b->atoms[s->d->atom[i]].v + j);
    if (good && extra) add_to(sum, extra, s->multipliers[s->n_rows], size);
    for (size_t k = 0; good && k < units; k++) {
        double q = s->weight[atoms + k], t = s->weight[atoms + units + k], lo = mpq_get_d(r->lo + k), hi = mpq_get_d(r->hi + k);
        double z = -q + (t != 0 ? t * hi / (hi - lo) : 0);
        add_to(sum, s->z + k * size, z, size);
        sum[n + k] += q - t;
    }
    for (size_t k = units; good && k-- > 0;) {
        if (phase_of(r, k) != PHASE_ON) continue;
        double w = -(sum[n + k] + bound[k]);
        s->weight[atoms + k] = w;
        add_to(sum, s->z + k * size, -w, size);
        sum[n + k] += w;
    }
    free(sum), free(bound);
    return good;
}

/* extra: a form that must be positive as well, or NULL. units: as many of them. */
static bool solve(double *t, struct search *s, const struct region *r, size_t units, bool atoms, const double *extra)
{
    size_t size = s->p->size;
    double *form = mem_array(size, sizeof *form);
    bool good = form != NULL;
    s->n_rows = 0;
    reduce(s, r);
    for (size_t i = 0; good && atoms && i < s->d->n; i++) {
        for (size_t j = 0; j < size; j++) form[j] = mpq_get_d(s->b->atoms[s->d->atom[i]].v + j);
        put_in(fresh_row(s), s, form, s->p->units);
        add_row(s, 'g', i);
    }
    for (size_t k = 0; good && k < units; k++) unit_rows(s, r, k);
    ranges(s, r);
    size_t rows = s->n_rows;
    if (good && extra) put_in(fresh_row(s), s, extra, s->p->units), rows++;
    free(form);
    if (good && rows == 0) {     /* no row at all: any point */
        *t = 1;
        for (size_t i = 0; i + 1 < size; i++) s->point[i] = (s->lo[i] + s->hi[i]) / 2;
    } else
        good = good && lp_game(t, s->multipliers, s->point, s->A, s->lo, s->hi, rows, size - 1);
    for (size_t k = 0; good && k < s->p->units; k++) {     /* the values of the units that were put in */
        if (phase_of(r, k) == PHASE_FREE) continue;
        double x = s->u[k * size + size - 1];
        for (size_t i = 0; i + 1 < size; i++) x += s->u[k * size + i] * (i < s->p->n || phase_of(r, i - s->p->n) == PHASE_FREE ? s->point[i] : 0);
        s->point[s->p->n + k] = x;
    }
    return good && weigh(s, r, extra);
}

/* ---- tighter bounds of a unit ---- */

/* A number of few bits a little on that side of x. */
static double short_beyond(double x, double step, bool below)
{
    double unit = exp2(floor(log2(step)));
    return below ? floor(x / unit) * unit : ceil(x / unit) * unit;
}

/* z[k] >= value (or <=), as far as a program says; Newton's method on the value. */
static bool seek_bound(double *value, double *weight, struct search *s, const struct region *r, size_t k, bool low)
{
    size_t size = s->p->size;
    double *row = mem_array(size, sizeof *row), best = mpq_get_d(low ? r->lo + k : r->hi + k), scale = 0, t;
    bool good = row != NULL;
    for (size_t i = 0; good && i + 1 < size; i++) scale = fmax(scale, fabs(s->z[k * size + i]));
    good = good && scale > 0;
    for (int step = 0; good && step < 4; step++) {
        for (size_t i = 0; i < size; i++) row[i] = (low ? -1 : 1) * s->z[k * size + i] / scale;
        row[size - 1] += (low ? best : -best) / scale;
        good = solve(&t, s, r, k, false, row);
        double w = good ? s->multipliers[s->n_rows] / scale : 0;
        if (!(w > 1e-9 / scale)) good = false;
        if (!good) break;
        *weight = w;
        double moved = best - (low ? t / w : -t / w);
        bool done = fabs(moved - best) <= 1e-6 * (fabs(best) + 1);
        best = moved;
        if (done) break;
    }
    free(row);
    *value = best;
    return good && isfinite(best);
}

static void tighten_side(struct search *s, struct region *r, size_t k, bool low, struct text *lemmas)
{
    double value, weight, width = mpq_get_d(r->hi + k) - mpq_get_d(r->lo + k), now = mpq_get_d(low ? r->lo + k : r->hi + k);
    if (!(width > 1e-9) || !seek_bound(&value, &weight, s, r, k, low)) return;
    value = short_beyond(value + (low ? -1e-7 : 1e-7) * width, 1e-4 * width, low);
    bool changes_sign = low ? value >= 0 && now < 0 : value <= 0 && now > 0;
    if (!changes_sign && !((low ? value - now : now - value) > 0.02 * width)) return;
    struct text terms;
    bool strict = true;
    mpq_t v, sign;
    text_init(&terms);
    mpq_init(v), mpq_init(sign);
    mpq_set_d(v, value);
    mpq_set_si(sign, low ? -1 : 1, 1);
    sum_zero(s);
    pieces_add(s->sum, s->p->z + k * s->p->size, sign, s->p->size);
    if (low) mpq_add(s->sum + s->p->size - 1, s->sum + s->p->size - 1, v);
    else mpq_sub(s->sum + s->p->size - 1, s->sum + s->p->size - 1, v);
    round_terms(s, r, weight, 30, &terms, &strict);
    if (contradicts(s, r, true)) {
        text_addf(lemmas, "step %s %zu ", low ? "low" : "high", k);
        number_add_text(lemmas, v);
        text_addf(lemmas, "%s\n", terms.data ? terms.data : "");
        mpq_set(low ? r->lo + k : r->hi + k, v);
        propagate(s, r, k + 1, false);
    }
    text_clear(&terms);
    mpq_clear(v), mpq_clear(sign);
}

static void tighten(struct search *s, struct region *r, struct text *lemmas)
{
    for (size_t k = 0; k < s->p->units && !limits_expired(s->l); k++)
        for (int low = 0; low < 2; low++)
            if (phase_of(r, k) == PHASE_FREE) tighten_side(s, r, k, low == 0, lemmas);
}

/* ---- points ---- */

static bool try_point(struct search *s)
{
    for (size_t i = 0; i < s->p->n; i++) {
        mpq_set_d(s->v + i, s->point[i]);
        if (mpq_cmp(s->v + i, s->b->lo + i) < 0) mpq_set(s->v + i, s->b->lo + i);
        if (mpq_cmp(s->v + i, s->b->hi + i) > 0) mpq_set(s->v + i, s->b->hi + i);
    }
    pieces_run(s->p, s->v);
    return disjunct_holds(s->b, s->d, s->v);
}

static double random_share(struct search *s)
{
    s->seed = s->seed * 6364136223846793005UL + 1442695040888963407UL;
    return (double)(s->seed >> 40) * 0x1p-24;
}

/* The middle, the corners of all lower and all upper ends, points at random: short numbers. */
static bool try_points(struct search *s)
{
    for (int k = 0; k < TRIES; k++) {
        for (size_t i = 0; i < s->p->n; i++) {
            double share = k == 0 ? 0.5 : k == 1 ? 0 : k == 2 ? 1 : floor(random_share(s) * 33) / 32, width = s->x_hi[i] - s->x_lo[i];
            s->point[i] = (double)(float)(s->x_lo[i] + share * width);
        }
        if (try_point(s)) return true;
    }
    return false;
}

/* ---- cases ---- */

/* The free unit that the program's solution fits least. */
static bool choose(size_t *out, struct search *s, const struct region *r)
{
    double worst = -1;
    for (size_t k = 0; k < s->p->units; k++) {
        if (phase_of(r, k) != PHASE_FREE) continue;
        double z = s->z[k * s->p->size + s->p->size - 1];
        for (size_t i = 0; i + 1 < s->p->size; i++) z += s->z[k * s->p->size + i] * s->point[i];
        double gap = fabs(s->point[s->p->n + k] - fmax(0, z)) + 1e-6 * fmin(-mpq_get_d(r->lo + k), mpq_get_d(r->hi + k));
        if (gap > worst) worst = gap, *out = k;
    }
    return worst >= 0;
}

/* Bounds that exclude each other: one row of that unit says so. */
static bool close_empty(struct search *s, const struct region *r)
{
    mpq_t one;
    mpq_init(one);
    for (size_t k = 0; k < s->p->units; k++) {
        if (mpq_cmp(r->lo + k, r->hi + k) <= 0) continue;
        for (int sign = 1; sign >= -1; sign -= 2) {
            mpq_set_si(one, sign, 1);
            sum_zero(s);
            add_term(s, r, 'q', k, one);
            if ((sign > 0 || phase_of(r, k) == PHASE_ON) && contradicts(s, r, false)) {
                text_addf(s->out, "step leaf q%zu:%d\n", k, sign);
                mpq_clear(one);
                return true;
            }
        }
    }
    mpq_clear(one);
    return false;
}

static enum search_end visit(struct search *s, struct region *r)
{
    double t;
    size_t k = 0;
    struct region off;
    if (++s->nodes > NODES_MOST || limits_expired(s->l)) s->stopped = true;
    if (s->stopped) return SEARCH_OPEN;
    if (close_empty(s, r)) return SEARCH_NOWHERE;
    bool solved = solve(&t, s, r, s->p->units, true, NULL);
    if (solved && t < 1e-7 && close_case(s, r)) {
        s->cases++;
        return SEARCH_NOWHERE;
    }
    if (solved && t > -1e-7 && try_point(s)) return SEARCH_FOUND;
    for (size_t i = 0; !solved && i < s->p->size - 1; i++) s->point[i] = (s->lo[i] + s->hi[i]) / 2;
    if (!choose(&k, s, r)) return SEARCH_OPEN;
    text_addf(s->out, "step split %zu\n", k);
    if (!region_new(&off, s, r)) {
        region_clear(&off, s);
        return SEARCH_OPEN;
    }
    mpq_set_ui(off.hi + k, 0, 1);
    propagate(s, &off, k + 1, false);
    enum search_end end = visit(s, &off);
    region_clear(&off, s);
    if (end != SEARCH_NOWHERE) return end;
    mpq_set_ui(r->lo + k, 0, 1);
    propagate(s, r, k + 1, false);
    return visit(s, r);
}

static bool search_init(struct search *s, size_t atoms)
{
    const struct pieces *p = s->p;
    size_t rows = atoms + 3 * p->units + 2, n = p->size;
    s->z = mem_array(p->units * n, sizeof *s->z);
    s->x_lo = mem_array(p->n, sizeof *s->x_lo);
    s->x_hi = mem_array(p->n, sizeof *s->x_hi);
    s->A = mem_array(rows * n, sizeof *s->A);
    s->lo = mem_array(n, sizeof *s->lo);
    s->hi = mem_array(n, sizeof *s->hi);
    s->multipliers = mem_array(rows, sizeof *s->multipliers);
    s->point = mem_array(n, sizeof *s->point);
    s->rows = mem_array(rows, sizeof *s->rows);
    s->u = mem_array(p->units * n, sizeof *s->u);
    s->reduced = mem_array(p->units * n, sizeof *s->reduced);
    s->weight = mem_array(atoms + 2 * p->units, sizeof *s->weight);
    s->sum = forms_new(n);
    s->v = forms_new(n);
    if (!s->z || !s->x_lo || !s->x_hi || !s->A || !s->lo || !s->hi || !s->multipliers || !s->point || !s->rows || !s->u || !s->reduced || !s->weight || !s->sum || !s->v) return false;
    for (size_t i = 0; i < p->units * n; i++) s->z[i] = mpq_get_d(p->z + i);
    for (size_t i = 0; i < p->n; i++) s->x_lo[i] = mpq_get_d(s->b->lo + i), s->x_hi[i] = mpq_get_d(s->b->hi + i);
    return true;
}

static void search_clear(struct search *s)
{
    free(s->z), free(s->x_lo), free(s->x_hi), free(s->A), free(s->lo), free(s->hi), free(s->multipliers), free(s->point), free(s->rows), free(s->u), free(s->reduced), free(s->weight);
    forms_free(s->sum, s->p->size);
    forms_free(s->v, s->p->size);
}

static size_t free_units(const struct search *s, const struct region *r)
{
    size_t n = 0;
    for (size_t k = 0; k < s->p->units; k++) n += phase_of(r, k) == PHASE_FREE;
    return n;
}

/* Is the case of all units closed without a split? */
static bool closes(struct search *s, const struct region *r)
{
    double t;
    return close_empty(s, r) || (solve(&t, s, r, s->p->units, true, NULL) && t < 0 && close_case(s, r));
}

enum status box_search(enum search_end *end, mpq_ptr v, struct text *out, unsigned long *cases, const struct box_claim *b, const struct dnf *d, const struct limits *l)
{
    struct search s = {.b = b, .p = &b->p, .l = l, .out = out, .seed = l ? l->seed + 1 : 1};
    struct region root = {0}, tight = {0};
    struct text lemmas;
    size_t atoms = 0;
    bool tightened = false;
    text_init(&lemmas);
    for (size_t i = 0; i < d->n; i++) atoms = d->d[i].n > atoms ? d->d[i].n : atoms;
    bool good = search_init(&s, atoms) && region_new(&root, &s, NULL);
    if (good) propagate(&s, &root, 0, true);
    *end = SEARCH_NOWHERE;
    for (size_t i = 0; good && i < d->n && *end == SEARCH_NOWHERE; i++) {
        s.d = &d->d[i];
        if (try_points(&s)) *end = SEARCH_FOUND;
    }
    for (size_t i = 0; good && i < d->n && *end == SEARCH_NOWHERE; i++) {
        struct region r = {0};
        s.d = &d->d[i];
        if (closes(&s, &root)) {
            s.cases++;
            continue;
        }
        if (!tightened && free_units(&s, &root) >= KEEP_TIGHT) {
            good = region_new(&tight, &s, &root);
            if (good) tighten(&s, &tight, &lemmas);
            tightened = good;
        }
        if (tightened && lemmas.data) text_add(out, lemmas.data);
        good = good && region_new(&r, &s, tightened ? &tight : &root);
        if (good) *end = visit(&s, &r);
        region_clear(&r, &s);
    }
    for (size_t i = 0; good && *end == SEARCH_FOUND && i < b->p.size; i++) mpq_set(v + i, s.v + i);
    *cases += s.cases;
    bool failed = !good || lemmas.failed || out->failed;
    if (root.lo || root.hi) region_clear(&root, &s);
    if (tight.lo || tight.hi) region_clear(&tight, &s);
    text_clear(&lemmas);
    if (s.sum || s.v || s.z) search_clear(&s);
    return failed ? STATUS_MEMORY : s.stopped && limits_expired(l) ? STATUS_TIMEOUT : STATUS_OK;
}
