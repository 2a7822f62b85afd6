/* The smallest value over all sequences. A candidate value v is the smallest exactly when min over sequences of sum_i w_i (G_i - v) is 0
 * for every class, query token and line; where the minimum is negative, the sequence that attains it has a smaller value, and that is the
 * next candidate (Dinkelbach 1967: superlinear; 3 to 6 rounds). Units of work go in blocks of fixed size that start from the best value so
 * far, so that the result does not depend on the number of threads.
 * In a relaxed problem the sequence that attains a minimum need not be of the class. Such units wait, and are looked at again in the order of these minima, with more and more tokens
 * tracked, until the sequence is of the class or nothing is below the candidate. */
#include <math.h>
#include <string.h>

#include <omp.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/separable.h"

#define BLOCK 1024      /* units of a block at most; the first blocks are smaller, since their result speeds up the rest */
#define ROUNDS 60

void optimum_init(struct optimum *o)
{
    memset(o, 0, sizeof *o);
    arb_init(o->value);
}

void optimum_clear(struct optimum *o)
{
    arb_clear(o->value);
    free(o->tokens);
    memset(o, 0, sizeof *o);
}

struct candidate { bool any; double value; size_t class; int *tokens; };
/* Of a relaxed problem, by unit: its own automaton, when more is tracked than for the class, and the smallest value of a sequence that is not of the class, while it waits. */
struct refined { struct class c; struct tracking k; bool made, waits; double value; };
struct worker { struct cell x; struct relaxed relaxed; int *path; double slack; };

/* The completion of the empty prefix on which line k is smallest; first in lexicographic order. Tokens beyond the sources: any. */
static void smallest_path(struct cell *x, size_t line)
{
    const struct problem *p = x->p;
    const struct automaton *a = &x->c->a;
    size_t s = 0;
    for (size_t i = 0; i < p->t.n; i++) {
        double best = INFINITY;
        size_t to_best = 0;
        for (size_t k = 0; k < a->n_tokens[i]; k++) {
            int to = a->next[i][s * a->n_tokens[i] + k];
            if (to < 0 || (i == p->row && p->t.sets[i][k] != x->q))
                continue;
            double value = 0;
            if (i < p->n_src) {
                size_t next = x->layer[i + 1] + (size_t)to;
                if (x->count[next] == 0)
                    continue;
                value = x->h[(p->first[i] + k) * x->Kp + line] + x->low[next * x->Kp + line];
            }
            if (value < best) {
                best = value;
                to_best = (size_t)to;
                x->tokens[i] = p->t.sets[i][k];
            }
        }
        s = to_best;
    }
}

/* The sequence with tokens that are not tracked as different as can be: the best ones that are not in it yet. The sum of the line there. */
static double different_path(struct cell *x, const struct tracking *track, size_t line)
{
    const struct problem *p = x->p;
    double sum = 0;
    for (size_t i = 0; i < p->t.n; i++) {
        double best = INFINITY;
        int token = x->tokens[i];
        for (size_t k = 0; k < p->t.n_set[i] && i < p->n_src; k++) {
            int other = p->t.sets[i][k];
            bool fits = other == x->tokens[i];
            if (i != p->row && !is_tracked(track, x->tokens[i])) {
                fits = !is_tracked(track, other);
                for (size_t j = 0; j < i; j++)
                    fits = fits && x->tokens[j] != other;
            }
            double h = x->h[(p->first[i] + k) * x->Kp + line];
            if (fits && h < best) {
                best = h;
                token = other;
            }
        }
        x->tokens[i] = token;
        sum += i < p->n_src ? best : 0;
    }
    return sum;
}

static double path_weight(const struct cell *x)
{
    const struct problem *p = x->p;
    double Z = 0;
    for (size_t i = 0; i < p->n_src; i++)
        Z += p->tables.w[((size_t)x->q * p->n_src + i) * p->tables.V + (size_t)x->tokens[i]];
    return Z;
}

static bool is_of_class(const struct class *c, long v)
{
    for (size_t k = 0; k < c->n_values; k++)
        if (c->values[k] == v)
            return true;
    return false;
}

/* Is the sequence that the cell holds one of its class? */
static enum status real_path(bool *real, struct worker *w, const struct class *c)
{
    long v = 0;
    *real = true;
    if (!w->x.p->relaxed)
        return STATUS_OK;
    enum status s = relaxed_value(&v, real, &w->relaxed, w->x.tokens);
    *real = *real && is_of_class(c, v);
    return s;
}

static void refined_clear(struct refined *r)
{
    if (!r->made)
        return;
    automaton_clear(&r->c.a);
    free(r->c.live);
    r->c.live = NULL;
    r->made = false;
}

/* An automaton that does not accept the sequence that the cell holds. */
static enum status refine(struct refined *r, struct worker *w, const struct class *c)
{
    const struct problem *p = w->x.p;
    if (!r->made)
        tracking_start(&r->k, &p->t, c->values, c->n_values);
    enum status s = relaxed_refine(&r->k, &w->relaxed, w->x.tokens);
    if (s != STATUS_OK)
        return s;
    refined_clear(r);
    r->c = *c;
    r->c.live = NULL;
    s = relaxed_automaton(&r->c.a, &w->relaxed, &r->k);
    r->made = s == STATUS_OK;
    w->x.G_of = NULL;
    return s == STATUS_OK ? class_live(&r->c, p) : s;
}

/* Is the sequence that the cell holds, or one like it, of the class, and has it a value below `from`? *value, if so. */
static enum status repaired_path(bool *real, double *value, struct worker *w, const struct refined *r, const struct class *c, size_t line, double from)
{
    struct tracking start;
    tracking_start(&start, &w->x.p->t, c->values, c->n_values);
    double sum = different_path(&w->x, r->made ? &r->k : &start, line);
    enum status s = real_path(real, w, c);
    *value = from + sum / path_weight(&w->x);
    *real = *real && *value < from;
    return s;
}

/* The sequence that the cell holds, of value *next, is not of the class. *real: one like it that is has a value *next below `from`; *over: nothing more is to be had of this unit now. */
static enum status unreal_path(bool *real, bool *over, double *next, struct worker *w, struct refined *r, const struct class *c, size_t line, bool again, double from)
{
    int *tokens = w->x.tokens, *path = w->path;
    size_t size = w->x.p->t.n * sizeof *tokens;
    *over = *next > from - w->slack;     /* it is not worth it */
    if (*over)
        return STATUS_OK;
    memcpy(path, tokens, size);
    r->value = *next;
    enum status s = repaired_path(real, next, w, r, c, line, from);
    if (s != STATUS_OK || *real)
        return s;
    r->waits = !again;
    *over = !again;
    memcpy(tokens, path, size);
    s = again ? refine(r, w, c) : STATUS_OK;
    *over |= s == STATUS_UNSUPPORTED;
    return s == STATUS_UNSUPPORTED ? STATUS_OK : s;
}

/* Lowers *c (class index, tokens) from the value `from` as far as this class and query token allow. r: of a relaxed problem, or NULL; again: it has waited. */
static enum status improve(struct candidate *c, struct worker *w, struct refined *r, bool again, size_t class, int q, double from)
{
    struct cell *x = &w->x;
    const struct problem *p = x->p;
    if (r)
        r->waits = false;
    for (int round = 0; round < ROUNDS; round++) {
        bool empty, real, over = false;
        enum status s = cell_load(x, &empty, r && r->made ? &r->c : &p->classes[class], q, from, false);
        if (s != STATUS_OK || empty)
            return s;
        size_t line = 0;
        for (size_t k = 1; k < x->c->lines.K; k++)
            if (x->low[k] < x->low[line])
                line = k;
        if (!(x->low[line] < 0))
            return STATUS_OK;
        double least = x->low[line];
        smallest_path(x, line);
        double next = from + least / path_weight(x);
        if (!(next < from) || !isfinite(next))
            return STATUS_OK;
        s = real_path(&real, w, &p->classes[class]);
        if (s == STATUS_OK && !real)
            s = unreal_path(&real, &over, &next, w, r, &p->classes[class], line, again, from);
        if (s != STATUS_OK || over)
            return s;
        if (!real)
            continue;
        from = next;
        c->any = true;
        c->value = next;
        c->class = class;
        memcpy(c->tokens, x->tokens, p->t.n * sizeof *c->tokens);
    }
    return STATUS_OK;
}

static bool better(const struct candidate *a, const struct candidate *b, size_t n)
{
    if (!a->any || !b->any)
        return a->any;
    if (a->value != b->value)
        return a->value < b->value;
    for (size_t i = 0; i < n; i++)
        if (a->tokens[i] != b->tokens[i])
            return a->tokens[i] < b->tokens[i];
    return false;
}

/* refined: of a relaxed problem, by unit; waiting: those that wait, in order, and how many. */
struct search { struct problem *p; const struct limits *l; struct candidate best; struct candidate block[BLOCK]; struct worker *workers; int threads; struct refined *refined; size_t *waiting, n_waiting; };

static size_t units_of(const struct problem *p) { return p->n_classes * p->t.n_set[p->row]; }

/* Units from..to - 1, or those numbers of the list of the waiting ones. */
static enum status search_block(struct search *w, const size_t *list, size_t from, size_t to)
{
    struct problem *p = w->p;
    size_t n_queries = p->t.n_set[p->row];
    enum status status = STATUS_OK;
    double start = w->best.value;
#pragma omp parallel for schedule(dynamic, 4) num_threads(w->threads)
    for (size_t k = from; k < to; k++) {
        size_t u = list ? list[k] : k, class = u / n_queries, query = u % n_queries;
        struct candidate *c = &w->block[k - from];
        c->any = false;
        if (p->classes[class].d.set.n == 0 || !p->classes[class].live[p->first[p->row] + query])
            continue;
        enum status mine = improve(c, &w->workers[omp_get_thread_num()], w->refined ? &w->refined[u] : NULL, list != NULL, class, p->t.sets[p->row][query], start);
        if (mine != STATUS_OK) {
#pragma omp critical(separable_merge)
            status = mine;
        }
    }
    for (size_t k = 0; k < to - from; k++)
        if (better(&w->block[k], &w->best, p->t.n)) {
            w->best.value = w->block[k].value;
            w->best.class = w->block[k].class;
            memcpy(w->best.tokens, w->block[k].tokens, p->t.n * sizeof *w->best.tokens);
        }
    return status;
}

static int by_value(const void *a, const void *b, void *refined)
{
    const struct refined *r = refined;
    size_t u, v;
    memcpy(&u, a, sizeof u);
    memcpy(&v, b, sizeof v);
    return r[u].value != r[v].value ? (r[u].value < r[v].value ? -1 : 1) : (u > v) - (u < v);
}

/* The lowest first: what they find speeds up the others. */
static void find_waiting(struct search *w)
{
    w->n_waiting = 0;
    for (size_t u = 0; u < units_of(w->p); u++)
        if (w->refined[u].waits)
            w->waiting[w->n_waiting++] = u;
    qsort_r(w->waiting, w->n_waiting, sizeof *w->waiting, by_value, w->refined);
}

static enum status search_waiting(struct search *w, bool *expired)
{
    find_waiting(w);
    for (size_t k = 0, size = 4; k < w->n_waiting; k += size, size = size * 2 < BLOCK ? size * 2 : BLOCK) {
        if ((*expired = limits_expired(w->l)))
            break;
        enum status s = search_block(w, w->waiting, k, k + size < w->n_waiting ? k + size : w->n_waiting);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

/* Is every line of the cell that is loaded above 0? *line: the least, or the first that is no number. */
static bool all_above(const struct cell *x, size_t *line)
{
    bool above = true;
    for (size_t k = 0; k < x->c->lines.K; k++) {
        if (x->low[k] > 0)
            continue;
        if (above || x->low[k] < x->low[*line])
            *line = k;
        above = false;
    }
    return above;
}

/* One unit of certify. */
static enum status certify_unit(bool *above, struct search *w, struct worker *worker, size_t u, double bound)
{
    struct problem *p = w->p;
    size_t n_queries = p->t.n_set[p->row], class = u / n_queries, line = 0;
    struct cell *x = &worker->x;
    struct refined *r = w->refined ? &w->refined[u] : NULL;
    *above = true;
    if (p->classes[class].d.set.n == 0 || !p->classes[class].live[p->first[p->row] + u % n_queries])
        return STATUS_OK;
    for (int round = 0; round < ROUNDS; round++) {
        bool empty = true, real;
        enum status s = cell_load(x, &empty, r && r->made ? &r->c : &p->classes[class], p->t.sets[p->row][u % n_queries], bound, true);
        *above = s == STATUS_OK && (empty || all_above(x, &line));
        if (s != STATUS_OK || *above || !r || !(x->low[line] > -INFINITY))
            return s;
        smallest_path(x, line);
        s = real_path(&real, worker, &p->classes[class]);
        if (s == STATUS_OK && !real)
            s = refine(r, worker, &p->classes[class]);
        if (s != STATUS_OK || real)
            return s == STATUS_UNSUPPORTED ? STATUS_OK : s;
    }
    return STATUS_OK;
}

/* Is every line above `bound` on every sequence, radii included? */
static enum status certify(bool *good, struct search *w, double bound)
{
    size_t units = units_of(w->p);
    enum status status = STATUS_OK;
    bool all = true;
#pragma omp parallel for schedule(dynamic, 4) num_threads(w->threads)
    for (size_t u = 0; u < units; u++) {
        bool above, go;
#pragma omp atomic read
        go = all;
        if (!go)
            continue;
        enum status mine = certify_unit(&above, w, &w->workers[omp_get_thread_num()], u, bound);
        if (mine != STATUS_OK || !above) {
#pragma omp critical(separable_merge)
            {
                status = mine != STATUS_OK ? mine : status;
                all = false;
            }
        }
    }
    *good = all;
    return status;
}

/* Any accepted sequence of the first class that has lines. */
static bool first_sequence(struct search *w)
{
    const struct problem *p = w->p;
    for (size_t c = 0; c < p->n_classes; c++) {
        const struct automaton *a = &p->classes[c].a;
        if (p->classes[c].d.set.n == 0 || a->n_states[0] == 0)
            continue;
        w->best.any = true;
        w->best.class = c;
        if (p->relaxed) {
            memcpy(w->best.tokens, p->classes[c].example, p->t.n * sizeof *w->best.tokens);
            return true;
        }
        size_t s = 0;
        for (size_t i = 0; i < p->t.n; i++)
            for (size_t k = 0; k < a->n_tokens[i]; k++)
                if (a->next[i][s * a->n_tokens[i] + k] >= 0) {
                    w->best.tokens[i] = p->t.sets[i][k];
                    s = (size_t)a->next[i][s * a->n_tokens[i] + k];
                    break;
                }
        return true;
    }
    return false;
}

/* float32: half the width of the executions' values at the best sequence and below it, to begin with: a small step down, times four until it is certified, then halfway (of the
 * exponents) to the last that was not, four times. */
static enum status certify_float32(struct optimum *out, struct search *w, double slack)
{
    double width = slack, short_of = slack / 4;
    enum status s = STATUS_OK;
    for (int k = 0; k < w->threads; k++)
        w->workers[k].x.below = true;
    for (int round = 0; s == STATUS_OK && round < 40 && !out->certified && !limits_expired(w->l); round++) {
        s = certify(&out->certified, w, w->best.value - width - slack);
        if (!out->certified) {
            short_of = width;
            width *= 4;
        }
    }
    for (int round = 0; s == STATUS_OK && round < 4 && out->certified && !limits_expired(w->l); round++) {
        double middle = sqrt(width * short_of);
        bool good = false;
        s = certify(&good, w, w->best.value - middle - slack);
        if (good)
            width = middle;
        else
            short_of = middle;
    }
    out->lo = w->best.value - width - slack;
    mag_t m;
    mag_init(m);
    mag_set_d(m, width);
    arb_add_error_mag(out->value, m);
    mag_clear(m);
    return s;
}

static enum status search_all(struct search *w, struct optimum *out, double slack)
{
    struct problem *p = w->p;
    size_t units = units_of(p);
    double rad;
    problem_evaluate(out->value, p, &p->classes[w->best.class], w->best.tokens, 128);
    ball_to_double(&w->best.value, &rad, out->value);
    for (size_t u = 0, size = 32; u < units; u += size, size = size * 4 < BLOCK ? size * 4 : BLOCK) {
        if (limits_expired(w->l)) {
            out->expired = true;
            break;
        }
        enum status s = search_block(w, NULL, u, u + size < units ? u + size : units);
        if (s != STATUS_OK)
            return s;
    }
    enum status waited = p->relaxed && !out->expired ? search_waiting(w, &out->expired) : STATUS_OK;
    if (waited != STATUS_OK)
        return waited;
    problem_evaluate(out->value, p, &p->classes[w->best.class], w->best.tokens, 128);
    ball_to_double(&w->best.value, &rad, out->value);
    out->any = true;
    memcpy(out->tokens, w->best.tokens, p->t.n * sizeof *out->tokens);
    out->lo = w->best.value - slack;
    if (out->expired)
        return STATUS_OK;
    return p->float32 ? certify_float32(out, w, slack) : certify(&out->certified, w, out->lo);
}

static enum status worker_init(struct worker *k, const struct problem *p, double slack)
{
    enum status s = cell_init(&k->x, p);
    k->slack = slack / 4;
    k->path = mem_array(p->t.n, sizeof *k->path);
    if (!k->path)
        return STATUS_MEMORY;
    return s == STATUS_OK && p->relaxed ? relaxed_init(&k->relaxed, &p->t, &p->relaxed->terms, p->relaxed->root) : s;
}

static void search_clear(struct search *w)
{
    for (int k = 0; w->workers && k < w->threads; k++) {
        cell_clear(&w->workers[k].x);
        relaxed_clear(&w->workers[k].relaxed);
        free(w->workers[k].path);
    }
    for (size_t u = 0; w->refined && u < units_of(w->p); u++)
        refined_clear(&w->refined[u]);
    for (size_t k = 0; k < BLOCK; k++)
        free(w->block[k].tokens);
    free(w->workers);
    free(w->refined);
    free(w->waiting);
    free(w->best.tokens);
    free(w);
}

enum status problem_minimum(struct optimum *out, struct problem *p, double slack, const struct limits *l)
{
    struct search *w = mem_array(1, sizeof *w);
    enum status status = STATUS_MEMORY;
    if (!w)
        return status;
    w->p = p;
    w->l = l;
    w->threads = problem_threads(p);
    w->workers = mem_array((size_t)w->threads, sizeof *w->workers);
    w->refined = p->relaxed ? mem_array(units_of(p), sizeof *w->refined) : NULL;
    w->waiting = p->relaxed ? mem_array(units_of(p), sizeof *w->waiting) : NULL;
    w->best.tokens = mem_array(p->t.n, sizeof *w->best.tokens);
    out->tokens = mem_array(p->t.n, sizeof *out->tokens);
    bool good = w->workers && w->best.tokens && out->tokens && (!p->relaxed || (w->refined && w->waiting));
    for (size_t k = 0; k < BLOCK; k++)
        good = (w->block[k].tokens = mem_array(p->t.n, sizeof *w->block[k].tokens)) && good;
    for (int k = 0; good && k < w->threads; k++)
        good = worker_init(&w->workers[k], p, slack) == STATUS_OK;
    if (good)
        status = first_sequence(w) ? search_all(w, out, slack) : STATUS_OK;
    search_clear(w);
    return status;
}
