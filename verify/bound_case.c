/* bound_case.c: one case of units: bounds by exact interval arithmetic, and multipliers, rounded and tested exactly (FORMAT.md §3, rule farkas). */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/bound_search.h"

#define FRACTIONS 1000    /* in place of a number of bits */

enum phase case_phase(const struct region *r, size_t k)
{
    if (r->p->curve[k] != CURVE_RELU) return PHASE_SMOOTH;
    return mpq_sgn(r->lo + k) >= 0 ? PHASE_ON : mpq_sgn(r->hi + k) <= 0 ? PHASE_OFF : PHASE_FREE;
}

bool case_column(const struct region *r, size_t k) { return case_phase(r, k) == PHASE_FREE || case_phase(r, k) == PHASE_SMOOTH; }

bool case_reads_units(const struct search *s, size_t k)
{
    mpq_srcptr z = s->p->z + k * s->p->size + s->p->n;
    for (size_t i = 0; i < k; i++)
        if (mpq_sgn(z + i) != 0) return true;
    return false;
}

double case_argument(const struct search *s, size_t k)
{
    const double *f = s->z + k * s->p->size;
    double z = f[s->p->size - 1];
    for (size_t i = 0; i + 1 < s->p->size; i++) z += f[i] * s->point[i];
    return z;
}

size_t case_free_units(const struct search *s, const struct region *r)
{
    size_t n = 0;
    for (size_t k = 0; k < s->p->units; k++) n += case_phase(r, k) == PHASE_FREE;
    return n;
}

/* What unit k can be, from the bounds of z. */
static void bounded(struct region *r, size_t k)
{
    mpq_ptr a = r->a + r->p->n + k, b = r->b + r->p->n + k;
    enum phase phase = case_phase(r, k);
    if (phase == PHASE_SMOOTH) {
        if (!curve_range(a, b, r->p->curve[k], r->lo + k, r->hi + k, CURVE_BITS)) r->bad = true;
        return;
    }
    if (phase == PHASE_ON) mpq_set(a, r->lo + k);
    else mpq_set_ui(a, 0, 1);
    if (phase == PHASE_OFF) mpq_set_ui(b, 0, 1);
    else mpq_set(b, r->hi + k);
}

void case_propagate(const struct search *s, struct region *r, size_t from, bool begin)
{
    mpq_t t;
    mpq_init(t);
    for (size_t k = from; k < s->p->units && !r->bad; k++) {
        mpq_srcptr z = s->p->z + k * s->p->size;
        pieces_extreme(t, z, k, r->a, r->b, s->p, false);
        if (begin || mpq_cmp(t, r->lo + k) > 0) mpq_set(r->lo + k, t);
        pieces_extreme(t, z, k, r->a, r->b, s->p, true);
        if (begin || mpq_cmp(t, r->hi + k) < 0) mpq_set(r->hi + k, t);
        bounded(r, k);
    }
    mpq_clear(t);
}

/* Where a unit had no value nothing was known of the ones behind it. */
void case_set_input(const struct search *s, struct region *r, size_t k, const mpq_t end, bool low)
{
    bool begin = r->bad;
    mpq_set(low ? r->a + k : r->b + k, end);
    r->bad = false;
    case_propagate(s, r, 0, begin);
}

void case_set_unit(const struct search *s, struct region *r, size_t k, const mpq_t end, bool low)
{
    mpq_set(low ? r->lo + k : r->hi + k, end);
    bounded(r, k);
    case_propagate(s, r, k + 1, false);
}

bool case_copy(struct region *r, const struct search *s, const struct region *from)
{
    size_t n = s->p->units, all = s->p->size - 1;
    *r = (struct region){s->p, forms_new(n), forms_new(n), forms_new(all), forms_new(all), from && from->bad};
    bool good = r->lo && r->hi && r->a && r->b;
    for (size_t k = 0; from && good && k < n; k++) mpq_set(r->lo + k, from->lo + k), mpq_set(r->hi + k, from->hi + k);
    for (size_t i = 0; from && good && i < all; i++) mpq_set(r->a + i, from->a + i), mpq_set(r->b + i, from->b + i);
    for (size_t i = 0; !from && good && i < s->p->n; i++) mpq_set(r->a + i, s->b->lo + i), mpq_set(r->b + i, s->b->hi + i);
    return good;
}

void case_clear(struct region *r, const struct search *s)
{
    forms_free(r->lo, s->p->units);
    forms_free(r->hi, s->p->units);
    forms_free(r->a, s->p->size - 1);
    forms_free(r->b, s->p->size - 1);
    *r = (struct region){0};
}

double *weight_of(const struct search *s, char letter, size_t k)
{
    size_t units = s->p->units, first = letter == 'g' ? 0 : letter == 'q' ? 0 : letter == 't' ? units : letter == 'a' ? 2 * units : letter == 'b' ? 3 * units : 4 * units;
    return s->weight + (letter == 'g' ? k : s->atoms_most + first + k);
}

/* sum += lambda times what line k says is not negative */
static void add_line(struct search *s, const struct line *g, const mpq_t lambda)
{
    mpq_t w, t;
    mpq_ptr u = s->sum + s->p->n + g->unit, constant = s->sum + s->p->size - 1;
    mpq_init(w), mpq_init(t);
    if (g->above) mpq_neg(w, lambda);
    else mpq_set(w, lambda);
    mpq_add(u, u, w);
    mpq_neg(w, w);
    mpq_set_d(t, g->constant);
    mpq_mul(t, t, w);
    mpq_add(constant, constant, t);
    mpq_set_d(t, g->slope);
    mpq_mul(t, t, w);
    pieces_add(s->sum, s->p->z + g->unit * s->p->size, t, s->p->size);
    mpq_clear(w), mpq_clear(t);
}

/* lambda (z - lo), or lambda (hi - z) */
static void add_bound(struct search *s, const struct region *r, size_t k, bool low, const mpq_t lambda)
{
    mpq_t w, t;
    mpq_ptr constant = s->sum + s->p->size - 1;
    mpq_init(w), mpq_init(t);
    if (low) mpq_set(w, lambda);
    else mpq_neg(w, lambda);
    pieces_add(s->sum, s->p->z + k * s->p->size, w, s->p->size);
    mpq_mul(t, w, low ? r->lo + k : r->hi + k);
    mpq_sub(constant, constant, t);
    mpq_clear(w), mpq_clear(t);
}

/* sum += lambda times what the letter names */
static void add_term(struct search *s, const struct region *r, char letter, size_t k, const mpq_t lambda)
{
    mpq_srcptr z = letter == 'q' || letter == 't' ? s->p->z + k * s->p->size : NULL;
    size_t size = s->p->size, u = s->p->n + k;
    mpq_t f, t;
    if (letter == 'g') pieces_add(s->sum, s->b->atoms[s->d->atom[k]].v, lambda, size);
    if (letter == 'a' || letter == 'b') add_bound(s, r, k, letter == 'a', lambda);
    if (letter != 'q' && letter != 't') return;
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

/* The first fraction of x's continued fraction that doubles cannot tell from it, if its denominator is small. */
static bool simple_fraction(mpq_t q, double x)
{
    double p0 = 0, q0 = 1, p1 = 1, q1 = 0, rest = fabs(x);
    for (int i = 0; i < 12 && q1 < 4096; i++) {
        double whole = floor(rest), p2 = whole * p1 + p0, q2 = whole * q1 + q0;
        p0 = p1, q0 = q1, p1 = p2, q1 = q2;
        if (!(q1 < 4096 && p1 < 0x1p30)) return false;
        if (fabs(p1 / q1 - fabs(x)) <= 1e-11 * (1 + fabs(x))) {
            mpq_set_si(q, x < 0 ? -(long)p1 : (long)p1, (unsigned long)q1);
            mpq_canonicalize(q);
            return p1 > 0;
        }
        rest = 1 / (rest - whole);
    }
    return false;
}

/* x to a multiple of 2^-bits, or (FRACTIONS) a simple fraction; false: it is no multiplier */
static bool round_weight(mpq_t q, double x, int bits, bool either)
{
    if (bits == FRACTIONS && isfinite(x) && simple_fraction(q, x)) return x > 0 || either;
    if (bits == FRACTIONS) bits = 46;
    x = ldexp(nearbyint(ldexp(x, bits)), -bits);
    if (x == 0 || !isfinite(x) || (x < 0 && !either)) return false;
    mpq_set_d(q, x);
    return true;
}

static void write_term(struct text *terms, char letter, size_t k, const mpq_t q)
{
    text_addf(terms, " %c%zu:", letter, k);
    number_add_text(terms, q);
}

/* One term, its weight rounded to 2^-bits. */
static void round_term(struct search *s, const struct region *r, char letter, size_t k, double unit, int bits, struct text *terms)
{
    mpq_t q;
    mpq_init(q);
    if (round_weight(q, *weight_of(s, letter, k) / unit, bits, letter == 'q' && case_phase(r, k) == PHASE_ON)) {
        add_term(s, r, letter, k, q);
        write_term(terms, letter, k, q);
    }
    mpq_clear(q);
}

/* A line that has a weight is written as the next one of the case. */
static void line_term(struct search *s, size_t k, size_t *next, double unit, int bits, struct text *lines, struct text *terms)
{
    const struct line *g = &s->lines[k];
    mpq_t q, t;
    s->number[k] = SIZE_MAX;
    mpq_init(q), mpq_init(t);
    if (round_weight(q, *weight_of(s, 'l', k) / unit, bits, false)) {
        add_line(s, g, q);
        s->number[k] = (*next)++;
        write_term(terms, 'l', s->number[k], q);
        text_addf(lines, "step %s %zu ", g->above ? "above" : "below", g->unit);
        mpq_set_d(t, g->slope);
        number_add_text(lines, t);
        text_add(lines, " ");
        mpq_set_d(t, g->constant);
        number_add_text(lines, t);
        text_add(lines, "\n");
    }
    mpq_clear(q), mpq_clear(t);
}

void case_terms(struct search *s, const struct region *r, double unit, int bits, struct text *lines, struct text *terms, bool *strict)
{
    size_t next = s->written;
    for (size_t i = 0; i < s->d->n; i++) {
        size_t before = terms->size;
        round_term(s, r, 'g', i, unit, bits, terms);
        *strict = *strict || (terms->size > before && s->b->atoms[s->d->atom[i]].strict);
    }
    for (size_t k = 0; k < s->p->units; k++) {
        enum phase phase = case_phase(r, k);
        if (phase != PHASE_SMOOTH) round_term(s, r, 'q', k, unit, bits, terms);
        if (phase == PHASE_FREE) round_term(s, r, 't', k, unit, bits, terms);
        if (phase == PHASE_SMOOTH) round_term(s, r, 'a', k, unit, bits, terms), round_term(s, r, 'b', k, unit, bits, terms);
    }
    for (size_t k = 0; k < s->n_lines; k++) line_term(s, k, &next, unit, bits, lines, terms);
}

bool case_lines_hold(struct search *s, const struct region *r)
{
    mpq_t slope, constant;
    bool all = true;
    mpq_init(slope), mpq_init(constant);
    for (size_t k = 0; k < s->n_lines; k++) {
        struct line *g = &s->lines[k];
        if (s->number[k] == SIZE_MAX || g->shown) continue;
        mpq_set_d(slope, g->slope), mpq_set_d(constant, g->constant);
        g->shown = curve_line(s->p->curve[g->unit], r->lo + g->unit, r->hi + g->unit, slope, constant, g->above);
        if (g->shown) continue;
        all = false;
        g->constant += g->above ? g->room : -g->room;
        g->room *= 16;
    }
    mpq_clear(slope), mpq_clear(constant);
    return all;
}

void case_sum_zero(struct search *s)
{
    for (size_t i = 0; i < s->p->size; i++) mpq_set_ui(s->sum + i, 0, 1);
}

bool case_contradicts(const struct search *s, const struct region *r, bool strict)
{
    mpq_t most;
    mpq_init(most);
    pieces_extreme(most, s->sum, s->p->units, r->a, r->b, s->p, true);
    bool good = mpq_sgn(most) < 0 || (mpq_sgn(most) == 0 && strict);
    mpq_clear(most);
    return good;
}

/* Rounded to so many bits: lines that do not hold are lowered, and all is tried again. */
static bool close_rounded(struct search *s, const struct region *r, double largest, int bits)
{
    for (int k = 0; k < 4; k++) {
        struct text terms, lines;
        bool strict = false;
        text_init(&terms), text_init(&lines);
        case_sum_zero(s);
        case_terms(s, r, largest, bits, &lines, &terms, &strict);
        bool contradicts = case_contradicts(s, r, strict), good = contradicts && case_lines_hold(s, r);
        if (good) text_addf(s->out, "%sstep leaf%s\n", lines.data ? lines.data : "", terms.data ? terms.data : "");
        text_clear(&terms), text_clear(&lines);
        if (good || !contradicts) return good;
    }
    return false;
}

bool case_close(struct search *s, const struct region *r)
{
    static const int bits[] = {10, 20, 32, 46, FRACTIONS};
    double largest = 0;
    for (size_t i = 0; i < s->d->n; i++) largest = fmax(largest, fabs(*weight_of(s, 'g', i)));
    for (size_t k = 0; k < 4 * s->p->units + s->n_lines; k++) largest = fmax(largest, fabs(*weight_of(s, 'q', k)));
    if (!(largest > 0)) return false;
    largest = exp2(floor(log2(largest)));
    for (size_t k = 0; k < sizeof bits / sizeof *bits; k++)
        if (close_rounded(s, r, largest, bits[k])) return true;
    return false;
}

/* Bounds that exclude each other: one row of that unit says so. */
bool case_close_empty(struct search *s, const struct region *r)
{
    mpq_t one;
    mpq_init(one);
    for (size_t k = 0; k < s->p->units; k++) {
        if (mpq_cmp(r->lo + k, r->hi + k) <= 0) continue;
        for (int way = 0; way < 4; way++) {
            char letter = "qqab"[way];
            int sign = way == 1 ? -1 : 1;
            if (letter == 'q' && (case_phase(r, k) == PHASE_SMOOTH || (sign < 0 && case_phase(r, k) != PHASE_ON))) continue;
            mpq_set_si(one, sign, 1);
            case_sum_zero(s);
            add_term(s, r, letter, k, one);
            if (case_contradicts(s, r, false)) {
                text_addf(s->out, "step leaf %c%zu:%d\n", letter, k, sign);
                mpq_clear(one);
                return true;
            }
        }
    }
    mpq_clear(one);
    return false;
}
