/* bound_descend.c: better points for an optimum: in the case of units that a point lies in, the linear program of the value, by Newton's method on its level. */
#include <math.h>
#include "core/mem.h"
#include "verify/bound_search.h"

#define STEPS 12
#define MOVES 8
#define STARTS 48

struct descent { struct search s; struct box_claim *b; const struct dnf *where, *query; const struct side *objective; mpq_ptr least, v; mpq_t value, level; };

/* Keeps s.v when it satisfies the condition and has a smaller value. objective is level - value at level 0. */
static bool keep(struct descent *d)
{
    if (!dnf_holds(d->b, d->where, d->s.v)) return false;
    side_value(d->value, d->objective, d->s.v, d->s.p->size);
    mpq_neg(d->value, d->value);
    if (mpq_cmp(d->value, d->least) >= 0) return false;
    mpq_set(d->least, d->value);
    for (size_t i = 0; i < 2 * d->s.p->size; i++) mpq_set(d->v + i, d->s.v + i);
    return true;
}

static bool keep_point(struct descent *d) { return search_point(&d->s) && keep(d); }

/* One step along each input, and shorter ones where none helps. */
static void compass(struct descent *d)
{
    size_t n = d->s.p->n;
    for (double share = 0.125; share > 0x1p-14 && !limits_expired(d->s.l);) {
        bool better = false;
        for (size_t i = 0; i < 2 * n; i++) {
            double width = mpq_get_d(d->b->hi + i / 2) - mpq_get_d(d->b->lo + i / 2), step = (i % 2 ? -1 : 1) * share * width;
            for (size_t j = 0; j < n; j++) d->s.point[j] = mpq_get_d(d->v + j);
            d->s.point[i / 2] = (double)(float)(d->s.point[i / 2] + step);
            better = keep_point(d) || better;
        }
        if (!better) share /= 2;
    }
}

/* The case that v lies in: every unit is on or off. */
static void case_of(struct descent *d, struct region *r)
{
    mpq_t z;
    mpq_init(z);
    for (size_t k = 0; k < d->s.p->units; k++) {
        pieces_value(z, d->s.p->z + k * d->s.p->size, d->v, d->s.p->size);
        if (case_phase(r, k) != PHASE_FREE) continue;
        if (mpq_sgn(z) >= 0) mpq_set_ui(r->lo + k, 0, 1);
        else mpq_set_ui(r->hi + k, 0, 1);
    }
    mpq_clear(z);
}

/* The weight of the value's rows in the program's optimum. */
static double slope(const struct descent *d)
{
    double w = 0;
    for (size_t i = 0; i < d->s.n_rows; i++)
        if (d->s.rows[i].letter == 'g' && d->b->atoms[d->s.d->atom[d->s.rows[i].k]].moving) w += d->s.multipliers[i] * d->s.rows[i].scale;
    return w;
}

static void set_level(struct descent *d, double change)
{
    mpq_t c;
    if (!isfinite(change)) return;
    mpq_init(c);
    mpq_set_d(c, change);
    mpq_add(d->level, d->level, c);
    box_level(d->b, d->level);
    mpq_clear(c);
}

/* One case, one disjunct: level = value is moved to where the program has no slack left. */
static bool descend(struct descent *d, const struct region *r)
{
    bool better = false;
    double t, first = mpq_get_d(d->least), far = 0;
    mpq_set(d->level, d->least);
    box_level(d->b, d->level);
    for (int i = 0; i < STEPS; i++) {
        if (!case_solve(&t, &d->s, r, d->s.p->units, true, NULL)) break;
        better = keep_point(d) || better;
        double w = slope(d), step = t / w;
        if (!(w > 1e-12) || !isfinite(step) || fabs(step) <= 1e-13 * (fabs(first) + 1)) break;
        far += step;
        set_level(d, -step);
    }
    double inside[] = {1e-12, 1e-9, 1e-7};   /* just off the end, where strict conditions hold too */
    for (size_t i = 0; i < sizeof inside / sizeof *inside && far > 0; i++) {
        set_level(d, inside[i] * (fabs(first) + 1));
        if (!case_solve(&t, &d->s, r, d->s.p->units, true, NULL)) continue;
        better = keep_point(d) || better;
    }
    return better;
}

/* From v, through the cases that better points lie in. */
static enum status moves(struct descent *d, const struct region *root)
{
    bool better = true;
    for (int i = 0; better && i < MOVES && !limits_expired(d->s.l); i++) {
        struct region r = {0};
        better = false;
        if (!case_copy(&r, &d->s, root)) {
            case_clear(&r, &d->s);
            return STATUS_MEMORY;
        }
        case_of(d, &r);
        for (size_t k = 0; k < d->query->n && k < 64; k++) {
            d->s.d = &d->query->d[k];
            better = descend(d, &r) || better;
        }
        case_clear(&r, &d->s);
    }
    return STATUS_OK;
}

/* Points of the box at random: the least of those that satisfy the condition. */
static void starts(struct descent *d)
{
    for (int k = 0; k < STARTS; k++) {
        for (size_t i = 0; i < d->s.p->n; i++) {
            double share = k % 2 ? floor(search_random(&d->s) * 2) : floor(search_random(&d->s) * 33) / 32;
            d->s.point[i] = search_between(&d->s, i, share);
        }
        keep_point(d);
    }
}

enum status box_descend(mpq_t least, mpq_ptr v, struct box_claim *b, const struct dnf *where, const struct dnf *query, const struct side *objective, const struct limits *l)
{
    struct descent d = {.s = {.b = b, .p = &b->p, .l = l, .seed = l ? l->seed + 1 : 1}, .b = b, .where = where, .query = query, .objective = objective, .least = least, .v = v};
    struct region root = {0};
    size_t atoms = 0;
    for (size_t i = 0; i < query->n; i++) atoms = query->d[i].n > atoms ? query->d[i].n : atoms;
    mpq_init(d.value), mpq_init(d.level);
    bool good = search_init(&d.s, atoms) && case_copy(&root, &d.s, NULL);
    enum status s = good ? STATUS_OK : STATUS_MEMORY;
    if (good) {
        case_propagate(&d.s, &root, 0, true);
        side_value(d.value, objective, v, b->p.size);
        mpq_neg(least, d.value);
        if (!b->p.smooth) s = moves(&d, &root);
        starts(&d);
        if (b->p.smooth) compass(&d);
        else if (s == STATUS_OK) s = moves(&d, &root);
    }
    if (root.lo || root.hi) case_clear(&root, &d.s);
    search_clear(&d.s);
    mpq_clear(d.value), mpq_clear(d.level);
    return s;
}
