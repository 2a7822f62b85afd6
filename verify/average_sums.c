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
#define RIGHT 5                     /* and beyond the last one at least 2^RIGHT */

void average_init(struct average *a)
{
    mpq_init(a->lo);
    mpq_init(a->hi);
    a->expired = false;
}

void average_clear(struct average *a)
{
    mpq_clear(a->lo);
    mpq_clear(a->hi);
}

/* One thread. x: e^(-s w) and y: s w G e^(-s w) by token; P and Q by state. */
struct adder {
    struct cell cell;
    struct edges edges;
    double *x, *y, *P, *Q;
    int *heaviest;              /* by state: the exponent of the heaviest token that every completion has at least */
    size_t room_states, room_P, room_Q;
    struct average *sum;
    const struct limits *limits;
    bool expired;
};

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
    free(a->x);
    free(a->y);
    free(a->P);
    free(a->Q);
    free(a->heaviest);
}

/* ---- the nodes ---- */

/* Weights of the sequences of the cell: exponents of two that hold Z, and the largest |G|. false: some Z is too small. */
struct spread { int least, most; double largest; };

static bool reach_of(struct spread *out, struct adder *a)
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
        largest = fmax(largest, fabs(x->h[c * x->Kp]) / x->w[c]);
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

/* Q of the first state at one s; linear: with 1 - s Z in place of exp(-s Z), to the first order. */
static double node(struct adder *a, double s, bool linear)
{
    const struct cell *x = &a->cell;
    size_t last = x->layer[x->p->n_src];
    for (size_t c = 0; c < x->p->first[x->p->n_src]; c++)
        if (x->allowed[c]) {
            a->x[c] = linear ? 1 : exp(-s * x->w[c]);
            a->y[c] = s * x->h[c * x->Kp] * a->x[c];
        }
    for (size_t k = last; k < x->layer[x->p->n_src + 1]; k++) {
        a->P[k] = (double)x->count[k];
        a->Q[k] = 0;
    }
    for (size_t k = last; k-- > 0;) {
        double P = 0, Q = 0;
        EACH_EDGE(e, &a->edges, k) {
            P += a->x[e->cell] * a->P[e->next];
            Q += a->x[e->cell] * a->Q[e->next] + a->y[e->cell] * a->P[e->next];
        }
        a->P[k] = P;
        a->Q[k] = Q;
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

/* By how much executions in float32 differ from the average with exact weights. */
static double float32_part(const struct cell *x, double largest)
{
    const struct problem *p = x->p;
    const struct lines_double *l = &x->c->lines;
    double grow = 0;
    size_t q = (size_t)x->q;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            if (x->allowed[p->first[i] + k])
                grow = fmax(grow, p->exponent[(q * p->n_src + i) * p->tables.V + (size_t)p->t.sets[i][k]]);
    double attn = l->max_beta > 0 ? l->max_beta * (p->delta_attn[q] + (double)p->n_src * p->delta_attn_abs[q]) : 0;
    return (2 + grow) * grow * largest + (l->sum_alpha * p->delta_logit[q] + attn) * (1 + grow);
}

/* The sum over the sequences of the cell, and the room around it. */
static bool cell_sum(struct adder *a)
{
    struct spread r;
    const struct problem *p = a->cell.p;
    if (!reach_of(&r, a))
        return false;
    int from = 2 * (LEFT - r.most), to = 2 * (RIGHT - r.least);
    double sum = FIRST_STEPS * node(a, exp2(from / 2.0), true);
    for (int k = from; k < to && !a->expired; k++) {
        sum += node(a, exp2(k / 2.0), false);
        a->expired = limits_expired(a->limits);
    }
    double size = 2 * r.largest + (a->cell.c->lines.sum_alpha + 1) * 0x1p-36;
    double room = size * (0x1p-33 + (double)p->n_src * 0x1p-39 + (double)(to - from + 1) * node_error(p) * 0x1p-59);
    if (p->float32)
        room += 1.25 * float32_part(&a->cell, r.largest);
    room *= (double)a->cell.count[0];
    if (!isfinite(H * sum) || !isfinite(room))
        return false;
    mpq_t x;
    mpq_init(x);
    number_set_double(x, H * sum - room);
    mpq_add(a->sum->lo, a->sum->lo, x);
    number_set_double(x, H * sum + room);
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
        s = cell_narrow(&a->cell, &a->edges, &empty, &single);
    if (s == STATUS_OK && !empty)
        s = adder_room(a);
    if (s != STATUS_OK || empty)
        return s;
    return cell_sum(a) ? STATUS_OK : STATUS_UNSUPPORTED;
}

enum status problem_average(struct average *out, struct problem *p, const struct limits *l)
{
    size_t n_queries = p->t.n_set[p->row], units = p->n_classes * n_queries, cells = p->first[p->n_src];
    enum status status = STATUS_OK;
#pragma omp parallel num_threads(problem_threads(p))
    {
        struct average part;
        struct adder a = { .limits = l, .sum = &part };
        average_init(&part);
        enum status mine = cell_init(&a.cell, p);
        a.x = mem_array(cells, sizeof *a.x);
        a.y = mem_array(cells, sizeof *a.y);
        if (mine == STATUS_OK && !(a.x && a.y))
            mine = STATUS_MEMORY;
#pragma omp for schedule(dynamic)
        for (size_t u = 0; u < units; u++)
            if (mine == STATUS_OK && !a.expired)
                mine = one_unit(&a, &p->classes[u / n_queries], u % n_queries);
#pragma omp critical(average_merge)
        {
            mpq_add(out->lo, out->lo, part.lo);
            mpq_add(out->hi, out->hi, part.hi);
            out->expired |= a.expired;
            status = mine != STATUS_OK ? mine : status;
        }
        adder_clear(&a);
        average_clear(&part);
    }
    return status;
}
