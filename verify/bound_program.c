/* bound_program.c: the linear program of a case, in doubles: its relaxation of the free units, and weights for the exact test. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/bound_search.h"

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

/* The last row f >= t becomes 2^20 f + 1 >= t. */
static void loosen(struct search *s)
{
    size_t n = s->p->size;
    double *a = s->A + (s->n_rows - 1) * n;
    for (size_t i = 0; i < n; i++) a[i] *= 0x1p20;
    a[n - 1] += 1;
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
        if (case_phase(r, k) == PHASE_ON) memcpy(u, z, size * sizeof *u);
        if (case_column(r, k)) u[s->p->n + k] = 1;
    }
}

/* z of a smooth unit is within its bounds */
static void bound_rows(struct search *s, const struct region *r, size_t k)
{
    size_t size = s->p->size;
    for (int low = 1; low >= 0; low--) {
        double *a = fresh_row(s);
        for (size_t i = 0; i < size; i++) a[i] = low ? s->reduced[k * size + i] : -s->reduced[k * size + i];
        a[size - 1] += low ? -mpq_get_d(r->lo + k) : mpq_get_d(r->hi + k);
        add_row(s, low ? 'a' : 'b', k);
    }
}

static void line_rows(struct search *s, size_t units)
{
    size_t size = s->p->size;
    for (size_t j = 0; j < s->n_lines; j++) {
        const struct line *g = &s->lines[j];
        double sign = g->above ? -1 : 1;
        if (g->unit >= units) continue;
        double *a = fresh_row(s);
        for (size_t i = 0; i < size; i++) a[i] = -sign * g->slope * s->reduced[g->unit * size + i];
        a[size - 1] -= sign * g->constant;
        a[s->p->n + g->unit] += sign;
        add_row(s, 'l', j);
    }
}

static void unit_rows(struct search *s, const struct region *r, size_t k)
{
    size_t size = s->p->size, u = s->p->n + k;
    const double *z = s->reduced + k * size;
    enum phase ph = case_phase(r, k);
    if (ph == PHASE_SMOOTH) {
        if (s->narrowed) bound_rows(s, r, k);
        return;
    }
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
    for (size_t i = 0; i < s->p->n; i++) s->lo[i] = mpq_get_d(r->a + i), s->hi[i] = mpq_get_d(r->b + i);
    for (size_t k = 0; k < s->p->units; k++) {
        enum phase phase = case_phase(r, k);
        s->lo[s->p->n + k] = phase == PHASE_SMOOTH ? mpq_get_d(r->a + s->p->n + k) : 0;
        s->hi[s->p->n + k] = phase == PHASE_FREE || phase == PHASE_SMOOTH ? mpq_get_d(r->b + s->p->n + k) : 0;
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
    memset(s->weight, 0, (s->atoms_most + 4 * units + s->n_lines) * sizeof *s->weight);
    for (size_t i = 0; good && i < s->n_rows; i++) {
        double w = s->multipliers[i] * s->rows[i].scale;
        size_t k = s->rows[i].k;
        if (s->rows[i].letter == 's') bound[k] = w;
        else *weight_of(s, s->rows[i].letter, k) = w;
    }
    for (size_t i = 0; good && i < atoms; i++)
        for (size_t j = 0; s->weight[i] != 0 && j < size; j++) sum[j] += s->weight[i] * mpq_get_d(s->b->atoms[s->d->atom[i]].v + j);
    if (good && extra) add_to(sum, extra, s->multipliers[s->n_rows], size);
    for (size_t k = 0; good && k < units; k++) {
        double q = *weight_of(s, 'q', k), t = *weight_of(s, 't', k), lo = mpq_get_d(r->lo + k), hi = mpq_get_d(r->hi + k);
        double z = -q + (t != 0 ? t * hi / (hi - lo) : 0) + *weight_of(s, 'a', k) - *weight_of(s, 'b', k);
        add_to(sum, s->z + k * size, z, size);
        sum[n + k] += q - t;
    }
    for (size_t j = 0; good && j < s->n_lines; j++) {
        double w = (s->lines[j].above ? -1 : 1) * *weight_of(s, 'l', j);
        sum[n + s->lines[j].unit] += w;
        add_to(sum, s->z + s->lines[j].unit * size, -w * s->lines[j].slope, size);
    }
    for (size_t k = units; good && k-- > 0;) {
        if (case_phase(r, k) != PHASE_ON) continue;
        double w = -(sum[n + k] + bound[k]);
        *weight_of(s, 'q', k) = w;
        add_to(sum, s->z + k * size, -w, size);
        sum[n + k] += w;
    }
    free(sum), free(bound);
    return good;
}

/* extra: a form that must be positive as well, or NULL. units: as many of them. */
bool case_solve(double *t, struct search *s, const struct region *r, size_t units, bool atoms, const double *extra)
{
    size_t size = s->p->size;
    double *form = mem_array(size, sizeof *form);
    bool good = form != NULL;
    s->n_rows = 0;
    reduce(s, r);
    for (size_t i = 0; good && atoms && i < s->d->n; i++) {
        if (case_implies(s, r, i)) continue;
        for (size_t j = 0; j < size; j++) form[j] = mpq_get_d(s->b->atoms[s->d->atom[i]].v + j);
        put_in(fresh_row(s), s, form, s->p->units);
        size_t before = s->n_rows;
        add_row(s, 'g', i);
        if (s->n_rows > before && s->loose && search_is_equation(s, i)) loosen(s);
    }
    for (size_t k = 0; good && k < units; k++) unit_rows(s, r, k);
    if (good) line_rows(s, units);
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
        if (case_column(r, k)) continue;
        double x = s->u[k * size + size - 1];
        for (size_t i = 0; i + 1 < size; i++) x += s->u[k * size + i] * (i < s->p->n || case_column(r, i - s->p->n) ? s->point[i] : 0);
        s->point[s->p->n + k] = x;
    }
    return good && weigh(s, r, extra);
}
