/* bound_search.c: cases of units, depth first. A case is closed by multipliers of a linear program, rounded and tested exactly (FORMAT.md §3, rule farkas); its
 * solution is tried as a point; else a unit whose sign is open is split. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/bound_search.h"

#define NODES_MOST 200000
#define TRIES 24
#define CORNERS_ALL 6       /* inputs up to which every corner is tried */
#define NODES_BEHIND 4000   /* cases that are looked at for a point after one stayed open */
#define KEEP_TIGHT 4      /* free units from which on their bounds are tightened first */

bool search_point(struct search *s)
{
    for (size_t i = 0; i < s->p->n; i++) {
        if (isfinite(s->point[i])) mpq_set_d(s->v + i, s->point[i]);
        else mpq_set(s->v + i, s->point[i] > 0 ? s->b->hi + i : s->b->lo + i);      /* boxes that doubles do not hold */
        if (mpq_cmp(s->v + i, s->b->lo + i) < 0) mpq_set(s->v + i, s->b->lo + i);
        if (mpq_cmp(s->v + i, s->b->hi + i) > 0) mpq_set(s->v + i, s->b->hi + i);
    }
    return pieces_run(s->p, s->v);
}

bool search_try(struct search *s) { return search_point(s) && (disjunct_holds(s->b, s->d, s->v) || search_repair(s)); }

bool search_meet(struct search *s, const struct region *r)
{
    double t;
    bool some = false;
    for (size_t i = 0; !some && i < s->d->n; i++) some = search_is_equation(s, i);
    if (!some) return false;
    s->loose = true;
    bool solved = case_solve(&t, s, r, s->p->units, true, NULL);
    s->loose = false;
    return solved && search_try(s);
}

double search_random(struct search *s)
{
    s->seed = s->seed * 6364136223846793005UL + 1442695040888963407UL;
    return (double)(s->seed >> 40) * 0x1p-24;
}

double search_between(const struct search *s, size_t i, double share)
{
    double lo = mpq_get_d(s->b->lo + i), hi = mpq_get_d(s->b->hi + i), x = lo + share * (hi - lo);
    return fabs(x) < 0x1p127 ? (double)(float)x : x;
}

/* The corners (in many dimensions those of all lower and all upper ends), the middle, points at random: short numbers. */
static bool try_points(struct search *s)
{
    bool all = s->p->n <= CORNERS_ALL;
    int corners = all ? 1 << s->p->n : 2;
    for (int k = 0; k < corners + TRIES; k++) {
        for (size_t i = 0; i < s->p->n; i++) {
            double share = k < corners ? (all ? k >> i & 1 : k) : k == corners ? 0.5 : floor(search_random(s) * 33) / 32;
            s->point[i] = search_between(s, i, share);
        }
        if (search_try(s)) return true;
    }
    return false;
}

/* ---- cases ---- */

/* The free unit that the program's solution fits least. */
static bool choose(size_t *out, struct search *s, const struct region *r)
{
    double worst = -1;
    for (size_t k = 0; k < s->p->units; k++) {
        if (case_phase(r, k) != PHASE_FREE) continue;
        double gap = fabs(s->point[s->p->n + k] - fmax(0, case_argument(s, k))) + 1e-6 * fmin(-mpq_get_d(r->lo + k), mpq_get_d(r->hi + k));
        if (gap > worst) worst = gap, *out = k;
    }
    return worst >= 0;
}

bool search_stops(struct search *s)
{
    if (++s->nodes > (s->b->nodes_most ? s->b->nodes_most : NODES_MOST) || limits_expired(s->l)) s->stopped = true;
    if (s->nodes_last && s->nodes > s->nodes_last) s->stopped = true;
    return s->stopped;
}

enum search_end search_behind(struct search *s, enum search_end first, search_visit *visit, struct region *r)
{
    if (first == SEARCH_FOUND || s->stopped) return first;
    if (first == SEARCH_OPEN && !s->nodes_last) s->nodes_last = s->nodes + NODES_BEHIND;
    enum search_end second = visit(s, r);
    return second == SEARCH_FOUND ? second : first == SEARCH_OPEN ? first : second;
}

static enum search_end visit(struct search *s, struct region *r)
{
    double t;
    size_t k = 0;
    struct region off;
    mpq_t zero;
    if (search_stops(s)) return SEARCH_OPEN;
    if (case_close_empty(s, r)) return SEARCH_NOWHERE;
    bool solved = case_solve(&t, s, r, s->p->units, true, NULL);
    if (solved && t < 1e-7 && case_close(s, r)) {
        s->cases++;
        return SEARCH_NOWHERE;
    }
    if (solved && t > -1e-7 && (search_try(s) || (t < 1e-7 && search_meet(s, r)))) return SEARCH_FOUND;
    for (size_t i = 0; !solved && i < s->p->size - 1; i++) s->point[i] = (s->lo[i] + s->hi[i]) / 2;
    if (!choose(&k, s, r)) return SEARCH_OPEN;
    text_addf(s->out, "step split %zu\n", k);
    if (!case_copy(&off, s, r)) {
        case_clear(&off, s);
        return SEARCH_OPEN;
    }
    mpq_init(zero);
    case_set_unit(s, &off, k, zero, false);
    enum search_end end = visit(s, &off);
    case_clear(&off, s);
    case_set_unit(s, r, k, zero, true);
    mpq_clear(zero);
    return search_behind(s, end, visit, r);
}

bool search_init(struct search *s, size_t atoms)
{
    const struct pieces *p = s->p;
    size_t lines = p->smooth ? LINES_MOST * p->units : 0, rows = atoms + 3 * p->units + lines + 2, n = p->size;
    s->atoms_most = atoms;
    s->z = mem_array(p->units * n, sizeof *s->z);
    s->A = mem_array(rows * n, sizeof *s->A);
    s->lo = mem_array(n, sizeof *s->lo);
    s->hi = mem_array(n, sizeof *s->hi);
    s->multipliers = mem_array(rows, sizeof *s->multipliers);
    s->point = mem_array(n, sizeof *s->point);
    s->rows = mem_array(rows, sizeof *s->rows);
    s->u = mem_array(p->units * n, sizeof *s->u);
    s->reduced = mem_array(p->units * n, sizeof *s->reduced);
    s->weight = mem_array(atoms + 4 * p->units + lines, sizeof *s->weight);
    s->lines = mem_array(lines, sizeof *s->lines);
    s->number = mem_array(lines, sizeof *s->number);
    s->sum = forms_new(n);
    s->v = forms_new(2 * n);
    if (!s->z || !s->lines || !s->number || !s->A || !s->lo || !s->hi || !s->multipliers || !s->point || !s->rows || !s->u || !s->reduced || !s->weight || !s->sum || !s->v) return false;
    for (size_t i = 0; i < p->units * n; i++) s->z[i] = mpq_get_d(p->z + i);
    return true;
}

void search_clear(struct search *s)
{
    free(s->z), free(s->lines), free(s->number), free(s->A), free(s->lo), free(s->hi), free(s->multipliers), free(s->point), free(s->rows), free(s->u), free(s->reduced), free(s->weight);
    forms_free(s->sum, s->p->size);
    forms_free(s->v, 2 * s->p->size);
}

/* Is the case of all units closed without a split? */
static bool closes(struct search *s, const struct region *r)
{
    double t;
    if (r->bad) return false;
    case_lines_begin(s, r);
    return case_close_empty(s, r) || (case_solve(&t, s, r, s->p->units, true, NULL) && t < 0 && case_close(s, r));
}

/* Bounds of z from programs pay where units are many, or read smooth ones. */
static bool worth_tightening(const struct search *s, const struct region *r)
{
    if (r->bad) return false;
    for (size_t k = 0; s->p->smooth && k < s->p->units; k++)
        if (case_reads_units(s, k)) return true;
    return case_free_units(s, r) >= KEEP_TIGHT;
}

enum status box_search(enum search_end *end, mpq_ptr v, struct text *out, unsigned long *cases, const struct box_claim *b, const struct dnf *d, const struct limits *l)
{
    struct search s = {.b = b, .p = &b->p, .l = l, .out = out, .seed = l ? l->seed + 1 : 1};
    struct region root = {0}, tight = {0};
    struct text lemmas;
    size_t atoms = 0, written = 0;
    bool tightened = false;
    text_init(&lemmas);
    for (size_t i = 0; i < d->n; i++) atoms = d->d[i].n > atoms ? d->d[i].n : atoms;
    bool good = search_init(&s, atoms) && case_copy(&root, &s, NULL);
    if (good) case_propagate(&s, &root, 0, true);
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
        if (!tightened && worth_tightening(&s, &root)) {
            good = case_copy(&tight, &s, &root);
            if (good) case_tighten(&s, &tight, &lemmas);
            tightened = good;
            written = s.written;
        }
        if (tightened && lemmas.data) text_add(out, lemmas.data);
        good = good && case_copy(&r, &s, tightened ? &tight : &root);
        s.written = written;
        if (good) case_narrow(&s, &r);
        if (good) *end = s.p->smooth ? case_visit_smooth(&s, &r) : visit(&s, &r);
        s.written = 0;
        case_clear(&r, &s);
    }
    for (size_t i = 0; good && *end == SEARCH_FOUND && i < 2 * b->p.size; i++) mpq_set(v + i, s.v + i);
    *cases += s.cases;
    bool failed = !good || lemmas.failed || out->failed;
    if (root.lo || root.hi) case_clear(&root, &s);
    if (tight.lo || tight.hi) case_clear(&tight, &s);
    text_clear(&lemmas);
    if (s.sum || s.v || s.z) search_clear(&s);
    return failed ? STATUS_MEMORY : s.stopped && limits_expired(l) ? STATUS_TIMEOUT : STATUS_OK;
}
