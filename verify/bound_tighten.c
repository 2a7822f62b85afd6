/* bound_tighten.c: narrower bounds of the units whose sign is open, each the optimum of a linear program, shown by its multipliers. */
#include <math.h>
#include <stdint.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/bound_search.h"

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
        good = case_solve(&t, s, r, k, false, row);
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
    struct text terms, lines;
    bool strict = true;
    mpq_t v, sign;
    text_init(&terms), text_init(&lines);
    mpq_init(v), mpq_init(sign);
    mpq_set_d(v, value);
    mpq_set_si(sign, low ? -1 : 1, 1);
    case_sum_zero(s);
    pieces_add(s->sum, s->p->z + k * s->p->size, sign, s->p->size);
    if (low) mpq_add(s->sum + s->p->size - 1, s->sum + s->p->size - 1, v);
    else mpq_sub(s->sum + s->p->size - 1, s->sum + s->p->size - 1, v);
    case_terms(s, r, weight, 30, &lines, &terms, &strict);
    if (case_contradicts(s, r, true) && case_lines_hold(s, r)) {
        if (lines.data) text_add(lemmas, lines.data);
        for (size_t i = 0; i < s->n_lines; i++) s->written += s->number[i] != SIZE_MAX;
        s->narrowed = true;
        text_addf(lemmas, "step %s %zu ", low ? "low" : "high", k);
        number_add_text(lemmas, v);
        text_addf(lemmas, "%s\n", terms.data ? terms.data : "");
        case_set_unit(s, r, k, v, low);
    }
    text_clear(&terms), text_clear(&lines);
    mpq_clear(v), mpq_clear(sign);
}

void case_tighten(struct search *s, struct region *r, struct text *lemmas)
{
    for (size_t k = 0; k < s->p->units && !limits_expired(s->l); k++)
        for (int low = 0; low < 2; low++)
            if (case_column(r, k) && (!s->p->smooth || case_reads_units(s, k))) {
                case_lines_begin(s, r);
                tighten_side(s, r, k, low == 0, lemmas);
            }
}
