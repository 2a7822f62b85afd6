/* The average of N / Z, N = sum of w_i G_i and Z = sum of w_i over the positions, without looking at single sequences. For every Z > 0
 *
 *     | 1 - h sum over all integers k of s_k Z exp(-s_k Z) | <= 2^-36,     s_k = 2^(k/2), h = log(2)/2
 *
 * (docs/methods.md, "Averages"), so that the mean of N / Z is that of h sum_k s_k N exp(-s_k Z) within 2^-36 of the largest |G|; and for one s the sum of
 * s N exp(-s Z) over the sequences of an automaton is a product over positions: carried from the back, for every state, as the sums P of exp(-s Z)
 * and Q of s N exp(-s Z) over its completions. Small s, where exp(-s Z) is 1 but for little, are added up in one step.
 *
 * The doubles here prove nothing: a checker makes the same sums in integers, and the interval leaves room for both. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/average.h"

#define H 0.34657359027997264       /* log(2)/2 */
#define FIRST_STEPS 2.414213562373095 /* sum of 2^(-j/2) over j >= 1 */
#define WEIGHT_LEAST 0x1p-190       /* smaller ones, beside the query's largest, count as nothing */
#define LIGHT (-149)                 /* where Z is at least 2^LIGHT */
#define LEFT (-18)                  /* s Z at the first node at most 2^LEFT */
#define NODES 400                   /* there are at most, from NODE_FIRST on */
#define NODE_FIRST(p) (2 * (LEFT - ilogb((double)(p)->n_src) - 3))
#define RIGHT 5                     /* and beyond the last one at least 2^RIGHT */

void average_init(struct average *a)
{
    mpq_init(a->lo);
    mpq_init(a->hi);
    mpz_init(a->done);
    a->expired = false;
}

void average_clear(struct average *a)
{
    mpq_clear(a->lo);
    mpq_clear(a->hi);
    mpz_clear(a->done);
}

#define KEPT_MOST ((size_t)1 << 23) /* exponentials of a query, over all nodes */

static enum status adder_room(struct adder *a)
{
    size_t states = a->cell.layer[a->cell.p->n_src + 1];
    double *P = mem_grow(a->P, &a->room_P, states, sizeof *P);
    a->P = P ? P : a->P;
    double *Q = mem_grow(a->Q, &a->room_Q, states, sizeof *Q);
    a->Q = Q ? Q : a->Q;
    int *heaviest = mem_grow(a->heaviest, &a->room_states, states, sizeof *heaviest);
    a->heaviest = heaviest ? heaviest : a->heaviest;
    return P && Q && heaviest ? STATUS_OK : STATUS_MEMORY;
}

static void adder_clear(struct adder *a)
{
    cell_clear(&a->cell);
    edges_clear(&a->edges);
    above_tables_clear(&a->above);
    for (size_t k = 0; a->exps && k < NODES; k++)
        free(a->exps[k]);
    free(a->exps);
    free(a->made);
    free(a->y);
    free(a->P);
    free(a->Q);
    free(a->heaviest);
}

/* ---- the nodes ---- */

/* Weights of the sequences of the cell: exponents of two that hold Z, and the largest |G|. false: some Z is too small. */
struct spread { int least, most; double largest; };

static bool reach_of(struct spread *out, struct adder *a, size_t line)
{
    const struct cell *x = &a->cell;
    const struct problem *p = x->p;
    size_t last = x->layer[p->n_src];
    double most = 0, largest = 0;
    for (size_t c = 0; c < p->first[p->n_src]; c++) {
        if (!x->allowed[c])
            continue;
        if (!(x->w[c] >= WEIGHT_LEAST))
            continue;
        most = fmax(most, x->w[c]);
        largest = fmax(largest, fabs(x->h[c * x->Kp + line]) / x->w[c]);
    }
    for (size_t s = last; s < x->layer[p->n_src + 1]; s++)
        a->heaviest[s] = INT_MIN;
    for (size_t s = last; s-- > 0;) {
        int least = INT_MAX;
        EACH_EDGE(e, &a->edges, s) {
            int here = x->w[e->cell] >= WEIGHT_LEAST ? ilogb(x->w[e->cell]) : INT_MIN, below = a->heaviest[e->next];
            here = here > below ? here : below;
            least = here < least ? here : least;
        }
        a->heaviest[s] = least;
    }
    *out = (struct spread){ a->heaviest[0], ilogb(most * (double)p->n_src) + 1, largest };
    return isfinite(largest) && out->least >= LIGHT;
}

/* Those of a query stay for its other classes and parts. */
const double *adder_exps(struct adder *a, int k)
{
    const struct cell *x = &a->cell;
    const struct problem *p = x->p;
    size_t cells = p->first[p->n_src], at = cells * NODES <= KEPT_MOST ? (size_t)(k - NODE_FIRST(p)) : 0;
    if (a->query != x->q)
        memset(a->made, 0, NODES);
    a->query = x->q;
    if (at > 0 && a->made[at])
        return a->exps[at];
    if (!a->exps[at])
        a->exps[at] = mem_array(cells, sizeof *a->exps[at]);
    if (!a->exps[at])
        return NULL;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t t = 0; t < p->t.n_set[i]; t++)
            a->exps[at][p->first[i] + t] = exp(-exp2(k / 2.0) * p->tables.w[((size_t)x->q * p->n_src + i) * p->tables.V + (size_t)p->t.sets[i][t]]);
    a->made[at] = 1;
    return a->exps[at];
}

/* Q of the first state at s = 2^(k/2); linear: with 1 - s Z in place of exp(-s Z), to the first order. */
static double node(struct adder *a, size_t line, int k, bool linear)
{
    const struct cell *x = &a->cell;
    size_t last = x->layer[x->p->n_src];
    const double *e = linear ? NULL : adder_exps(a, k);
    double s = exp2(k / 2.0);
    if (!linear && !e)
        return NAN;
    for (size_t c = 0; c < x->p->first[x->p->n_src]; c++)
        if (x->allowed[c])
            a->y[c] = s * x->h[c * x->Kp + line] * (e ? e[c] : 1);
    for (size_t k2 = last; k2 < x->layer[x->p->n_src + 1]; k2++) {
        a->P[k2] = (double)x->count[k2];
        a->Q[k2] = 0;
    }
    for (size_t z = last; z-- > 0;) {
        double P = 0, Q = 0;
        EACH_EDGE(edge, &a->edges, z) {
            double w = e ? e[edge->cell] : 1;
            P += w * a->P[edge->next];
            Q += w * a->Q[edge->next] + a->y[edge->cell] * a->P[edge->next];
        }
        a->P[z] = P;
        a->Q[z] = Q;
    }
    return a->Q[0];
}

/* The error of a checker's sum at one node, in parts of 2^-60 (FORMAT.md): terms have 17 and 21, sums lose two for every token. */
static double node_error(const struct problem *p)
{
    double P = 0, Q = 0;
    for (size_t i = p->n_src; i-- > 0;) {
        double lost = 2 * (double)p->t.n_set[i];
        Q += 38 + P / 2 + 1 + lost;
        P += 17 + lost;
    }
    return Q;
}

double average_unit(const struct cell *x) { return (4 + 2 * x->c->lines.sum_alpha) * 0x1.1p-40; }

double average_delta(const struct problem *p)
{
    double most = 0;
    for (size_t k = 0; k < p->t.n_set[p->row]; k++)
        most = fmax(most, p->delta_logit[p->t.sets[p->row][k]]);
    return most;
}

/* By how much executions in float32 differ from the average with exact weights. As a checker does, the largest error of an exponent among all tokens of the sets is taken;
 * where norms come first a checker's errors are up to five times those that are doubled here. */
static double float32_part(const struct cell *x, double largest)
{
    const struct problem *p = x->p;
    const struct lines_double *l = &x->c->lines;
    double grow = 0;
    size_t q = (size_t)x->q;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            if (i != p->row || p->t.sets[i][k] == x->q)
                grow = fmax(grow, p->exponent[(q * p->n_src + i) * p->tables.V + (size_t)p->t.sets[i][k]]);
    double attn = l->max_beta > 0 ? l->max_beta * (p->delta_attn[q] + (double)p->n_src * p->delta_attn_abs[q]) : 0;
    return (2 + grow) * grow * largest + (l->sum_alpha * average_delta(p) + attn) * (1 + grow);
}

bool adder_sum(struct adder *a, size_t line, int sign)
{
    struct spread r;
    const struct problem *p = a->cell.p;
    if (!reach_of(&r, a, line))
        return false;
    int from = 2 * (LEFT - r.most), to = 2 * (RIGHT - r.least);
    double sum = FIRST_STEPS * node(a, line, from, true);
    for (int k = from; k < to && !a->expired; k++) {
        sum += node(a, line, k, false);
        a->expired = limits_expired(a->limits);
    }
    if (a->expired)
        return true;
    double size = 2 * r.largest + (a->cell.c->lines.sum_alpha + 1) * 0x1p-36;
    double room = size * (0x1p-33 + (double)p->n_src * 0x1p-39 + (double)(to - from + 1) * node_error(p) * 0x1p-59);
    room += average_unit(&a->cell);
    if (p->float32)
        room += 2.5 * float32_part(&a->cell, r.largest);
    room *= (double)a->cell.count[0];
    if (!isfinite(H * sum) || !isfinite(room))
        return false;
    mpq_t x;
    mpq_init(x);
    number_set_double(x, sign * H * sum - room);
    mpq_add(a->sum->lo, a->sum->lo, x);
    number_set_double(x, sign * H * sum + room);
    mpq_add(a->sum->hi, a->sum->hi, x);
    mpq_clear(x);
    return true;
}

static enum status one_unit(struct adder *a, const struct class *c, size_t query)
{
    const struct problem *p = a->cell.p;
    bool empty = true, single;
    if (!c->live[p->first[p->row] + query])
        return STATUS_OK;
    enum status s = cell_load(&a->cell, &empty, c, p->t.sets[p->row][query], 0, false);
    if (s == STATUS_OK && !empty)
        s = cell_edges(&a->cell, &a->edges, &empty, &single);
    if (s == STATUS_OK && !empty)
        s = adder_room(a);
    if (s != STATUS_OK || empty)
        return s;
    tally_add(a->sum->done, a->cell.count[0]);
    if (c->lines.K > 1)
        return adder_parts(a);
    return adder_sum(a, 0, 1) ? STATUS_OK : STATUS_UNSUPPORTED;
}

/* What time ends adds nothing. */
static enum status take_unit(struct adder *a, struct average *to, const struct class *c, size_t query)
{
    struct average unit;
    average_init(&unit);
    a->sum = &unit;
    enum status s = one_unit(a, c, query);
    if (s == STATUS_OK && !a->expired) {
        mpq_add(to->lo, to->lo, unit.lo);
        mpq_add(to->hi, to->hi, unit.hi);
        mpz_add(to->done, to->done, unit.done);
    }
    average_clear(&unit);
    return s;
}

static enum status adder_init(struct adder *a, const struct problem *p, const struct count_rule *rule, const struct limits *l)
{
    size_t cells = p->first[p->n_src];
    *a = (struct adder){ .limits = l, .rule = rule, .query = -1 };
    enum status s = cell_init(&a->cell, p);
    a->y = mem_array(cells, sizeof *a->y);
    a->exps = mem_array(NODES, sizeof *a->exps);
    a->made = mem_array(NODES, 1);
    return s == STATUS_OK && !(a->y && a->exps && a->made) ? STATUS_MEMORY : s;
}

/* Time was up: the sequences that were not looked at are anywhere between the largest value and its opposite. */
static enum status add_rest(struct average *out, const struct problem *p)
{
    double most = 0, C = 0, D = 0;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            C = fmax(C, p->tables.C_max[i * p->tables.V + (size_t)p->t.sets[i][k]]);
    for (size_t k = 0; k < p->t.n_set[p->row]; k++)
        D = fmax(D, p->tables.D_max[p->t.sets[p->row][k]]);
    for (size_t c = 0; c < p->n_classes; c++) {
        const struct lines_double *l = &p->classes[c].lines;
        most = fmax(most, l->sum_alpha * (C + D) + l->max_c + l->max_beta);
    }
    most = most * 1.0625 + 0x1p-20; /* radii of the tables and what float32 adds are below */
    if (!isfinite(most))
        return STATUS_UNSUPPORTED;
    mpq_t rest, size;
    mpq_inits(rest, size, NULL);
    mpz_sub(mpq_numref(rest), p->total, out->done);
    number_set_double(size, most);
    mpq_mul(rest, rest, size);
    mpq_sub(out->lo, out->lo, rest);
    mpq_add(out->hi, out->hi, rest);
    mpq_clears(rest, size, NULL);
    return STATUS_OK;
}

enum status problem_average(struct average *out, struct problem *p, const struct count_rule *rule, const struct limits *l)
{
    size_t units = p->n_classes * p->t.n_set[p->row];
    enum status status = STATUS_OK;
#pragma omp parallel num_threads(problem_threads(p))
    {
        struct average part;
        struct adder a;
        average_init(&part);
        enum status mine = adder_init(&a, p, rule, l);
#pragma omp for schedule(dynamic)
        for (size_t u = 0; u < units; u++) /* the classes of one query one after the other */
            if (mine == STATUS_OK && !a.expired)
                mine = take_unit(&a, &part, &p->classes[u % p->n_classes], u / p->n_classes);
#pragma omp critical(average_merge)
        {
            mpq_add(out->lo, out->lo, part.lo);
            mpq_add(out->hi, out->hi, part.hi);
            mpz_add(out->done, out->done, part.done);
            out->expired |= a.expired;
            status = mine != STATUS_OK ? mine : status;
        }
        adder_clear(&a);
        average_clear(&part);
    }
    if (status == STATUS_OK && out->expired)
        status = add_rest(out, p);
    return status;
}
