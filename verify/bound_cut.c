/* bound_cut.c: cases of a network with smooth units, depth first: lines below and above their functions are added where the program's solution lies beyond them (incremental
 * linearisation); a case that stays open is cut: an input, a free unit, or the argument of a smooth unit when there are many inputs. */
#include <math.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/bound_search.h"

#define ROUNDS 5
#define FEW_INPUTS 8

static double gap_of(const struct search *s, size_t k)
{
    double gap = fabs(s->point[s->p->n + k] - curve_double(s->p->curve[k], case_argument(s, k)));
    return isfinite(gap) ? gap : 1;
}

/* The input along whose range the units with gaps move most. slopes: of every unit by the inputs. */
static size_t choose_input(const struct search *s, const struct region *r)
{
    size_t n = s->p->n, best = 0;
    double *d = mem_array(s->p->units * n, sizeof *d), *score = mem_array(n, sizeof *score);
    for (size_t k = 0; d && score && k < s->p->units; k++) {
        double z = case_argument(s, k), h = 1e-5 * (1 + fabs(z)), gap = gap_of(s, k), slope = (curve_double(s->p->curve[k], z + h) - curve_double(s->p->curve[k], z - h)) / (2 * h);
        if (!isfinite(slope)) slope = 1;
        for (size_t i = 0; i < n; i++) {
            double move = s->z[k * s->p->size + i];
            for (size_t j = 0; j < k; j++) move += s->z[k * s->p->size + n + j] * d[j * n + i];
            score[i] += gap * fabs(move);
            d[k * n + i] = slope * move;
        }
    }
    double most = -1;
    for (size_t i = 0; score && i < n; i++) {
        double width = mpq_get_d(r->b + i) - mpq_get_d(r->a + i), x = width * (score[i] + 1e-9);
        if (x > most) most = x, best = i;
    }
    free(d), free(score);
    return best;
}

/* A number of few bits between the ends, in the middle or at `near` if that is well inside; false: there is none. */
static bool between(mpq_t out, const mpq_t lo, const mpq_t hi, double near)
{
    double a = mpq_get_d(lo), b = mpq_get_d(hi), unit = exp2(floor(log2(b - a)) - 4);
    if (!(b - a > 0x1p-40 * fmax(fabs(a), fabs(b))) || !isfinite(unit) || !(unit > 0)) return false;
    double x = near > a + (b - a) / 4 && near < b - (b - a) / 4 ? near : (a + b) / 2;
    x = nearbyint(x / unit) * unit;
    if (!isfinite(x)) return false;
    mpq_set_d(out, x);
    return mpq_cmp(out, lo) > 0 && mpq_cmp(out, hi) < 0;
}

struct cut { char kind; size_t k; mpq_t at; };   /* x: an input, z: a unit's argument */

static void narrow(const struct search *s, struct region *r, const struct cut *c, bool above)
{
    (c->kind == 'x' ? case_set_input : case_set_unit)(s, r, c->k, c->at, above);
}

/* Where to cut: the free or smooth unit with the largest gap, or the input that moves the gaps. */
static bool choose_cut(struct cut *c, struct search *s, const struct region *r)
{
    double worst = -1, smooth = 0;
    size_t unit = 0, bent = s->p->units;
    for (size_t k = 0; k < s->p->units && !r->bad; k++) {
        enum phase phase = case_phase(r, k);
        double gap = phase == PHASE_FREE || phase == PHASE_SMOOTH ? gap_of(s, k) : 0;
        if (phase == PHASE_FREE && gap > worst) worst = gap, unit = k;
        if (phase == PHASE_SMOOTH && gap > smooth) smooth = gap, bent = k;
    }
    if (worst > smooth || (worst >= 0 && smooth < 1e-9)) {
        c->kind = 'z', c->k = unit;
        mpq_set_ui(c->at, 0, 1);
        return true;
    }
    if (!r->bad && s->p->n > FEW_INPUTS && bent < s->p->units) {
        c->kind = 'z', c->k = bent;
        if (between(c->at, r->lo + bent, r->hi + bent, case_argument(s, bent))) return true;
    }
    c->kind = 'x', c->k = choose_input(s, r);
    return between(c->at, r->a + c->k, r->b + c->k, NAN);
}

static void write_cut(struct search *s, const struct cut *c)
{
    text_addf(s->out, "step %s %zu", c->kind == 'x' ? "cut" : "split", c->k);
    if (c->kind == 'x' || s->p->curve[c->k] != CURVE_RELU) {
        text_add(s->out, " ");
        number_add_text(s->out, c->at);
    }
    text_add(s->out, "\n");
}

static enum search_end divide(struct search *s, struct region *r)
{
    struct region below;
    struct cut c;
    enum search_end end = SEARCH_OPEN;
    mpq_init(c.at);
    if (choose_cut(&c, s, r)) {
        write_cut(s, &c);
        if (c.kind == 'z') s->narrowed = true;
        if (case_copy(&below, s, r)) {
            narrow(s, &below, &c, false);
            end = case_visit_smooth(s, &below);
        }
        case_clear(&below, s);
        narrow(s, r, &c, true);
        end = search_behind(s, end, case_visit_smooth, r);
    }
    mpq_clear(c.at);
    return end;
}

enum search_end case_visit_smooth(struct search *s, struct region *r)
{
    double t;
    if (search_stops(s)) return SEARCH_OPEN;
    for (size_t i = 0; i + 1 < s->p->size; i++) s->point[i] = (mpq_get_d(r->a + i) + mpq_get_d(r->b + i)) / 2;
    if (r->bad) return divide(s, r);
    if (case_close_empty(s, r)) return SEARCH_NOWHERE;
    case_lines_begin(s, r);
    for (int round = 0; round < ROUNDS; round++) {
        bool solved = case_solve(&t, s, r, s->p->units, true, NULL);
        if (solved && t < 1e-7 && case_close(s, r)) {
            s->cases++;
            return SEARCH_NOWHERE;
        }
        if (!solved || t < -1e-7) break;
        if (search_try(s) || (round == 0 && t < 1e-7 && search_meet(s, r))) return SEARCH_FOUND;
        if (!case_lines_add(s, r)) break;
    }
    return divide(s, r);
}
