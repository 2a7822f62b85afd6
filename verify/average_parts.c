/* The average of the smallest of several lines (or of the largest, mirrored) over one class with one query token (FORMAT.md rule count, averages).
 *
 * For any line b, the base, min_k L_k = L_b - max_k (L_b - L_k)^+, so that over a part of n sequences the sum of the minimum is that of L_b, which average_sums.c
 * knows, less at most n u, u the largest (L_b - L_k)^+ in the part. Where another line is less by itself on average, that one becomes the base: the difference of the two
 * sums is added. What a part leaves open beyond the rule's bound is cut in two, at the position whose tokens move L_b - L_k most, k the line that gives u. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/average.h"

#define WORTH_TABLES 32      /* ENTER: for the rivals but the first */
#define QUADRATURE 0x1p-10   /* of a lead, tables leave open */
#define LIGHTEST 0x1p-34     /* of the heaviest weight: a checker's integers do not tell smaller sums from nothing */

struct tree {
    struct adder *a;
    double enter, little, gap; /* bounds of what is open and of n u, and the sum of n u over the parts that are left */
    bool tables;
    double sure, open;       /* of the parts with tables: what the minimum is less than the base, at least, and how much more that may be */
    double *lead, *kept;     /* [K]: mean of (L_b - L_k)^+, at most; while another base is tried */
    int *rival, *near;       /* [K]: scratch of by_tables, of lead_of */
    double apart;            /* float32: by how much executions may differ from a difference of two lines, at most */
    double least, heaviest;  /* of the sums of weights in the part at hand; weight of the cell */
    double *most;            /* [K]: of L_b - L_k times the sum of weights, at least */
    double *mean, *weight;   /* [K]; [states] scratch */
    double *term, *square, *slope; /* by cell, by state, and open line: of `take_terms`, `squares`, `slopes` */
};

/* By how much a line may be below the base, at most, and which one. */
struct lead { double u; int line; };

/* h of the base less h of line k; of a maximum the other way round. */
static double above(const struct tree *t, size_t cell, int base, int k)
{
    const struct cell *x = &t->a->cell;
    double d = x->h[cell * x->Kp + (size_t)base] - x->h[cell * x->Kp + (size_t)k];
    return x->c->d.set.kind == FORMS_LARGEST ? -d : d;
}

/* X = (L_b - L_k) Z from above: its terms for the open lines, side by side. */
static void take_terms(struct tree *t, int base, const int *open, size_t n)
{
    const struct cell *x = &t->a->cell;
    for (size_t c = 0; c < x->p->first[x->p->n_src]; c++)
        for (size_t e = 0; x->allowed[c] && e < n; e++)
            t->term[c * x->Kp + e] = open[e] == base ? 0 : above(t, c, base, open[e]) + (x->p->float32 ? 6 : 2) * x->rad[c] + x->w[c] * t->apart;
}

VECTORS static void extend_square(double *restrict first, double *restrict second, const double *restrict term, const double *restrict a, double w, double share,
                                  const double *restrict m, const double *restrict q, size_t n)
{
    for (size_t e = 0; e < n; e++) {
        double y = term[e] + a[e] * w;
        first[e] += share * (y + m[e]);
        second[e] += share * (y * (y + 2 * m[e]) + q[e]);
    }
}

VECTORS static void extend_most(double *restrict most, const double *restrict term, const double *restrict next, size_t n)
{
    for (size_t e = 0; e < n; e++)
        most[e] = term[e] + next[e] > most[e] ? term[e] + next[e] : most[e];
}

/* For every a > 0, X^+ / Z <= (X + a Z)^2 / (4 a Z^2): near 0 where X / Z is nearly -a on all sequences. square: the mean of (X + a Z)^2. */
static void squares(struct tree *t, const double *a, size_t n)
{
    struct cell *x = &t->a->cell;
    size_t last = x->layer[x->p->n_src], Kp = x->Kp;
    memset(x->low + last * Kp, 0, (x->layer[x->p->n_src + 1] - last) * Kp * sizeof *x->low);
    memset(t->square + last * Kp, 0, (x->layer[x->p->n_src + 1] - last) * Kp * sizeof *t->square);
    for (size_t s = last; s-- > 0;) {
        double *first = x->low + s * Kp, *second = t->square + s * Kp, count = (double)x->count[s];
        memset(first, 0, n * sizeof *first);
        memset(second, 0, n * sizeof *second);
        EACH_EDGE(edge, &t->a->edges, s)
            extend_square(first, second, t->term + edge->cell * Kp, a, x->w[edge->cell], (double)x->count[edge->next] / count, x->low + edge->next * Kp, t->square + edge->next * Kp, n);
    }
}

/* a of every line: the root of the mean of X^2 over the mean of Z^2. */
static void slopes(struct tree *t, double *a, size_t n)
{
    struct cell *x = &t->a->cell;
    size_t last = x->layer[x->p->n_src];
    memset(a, 0, n * sizeof *a);
    squares(t, a, n);
    double *one = t->a->P, *two = t->a->Q;
    for (size_t s = last; s < x->layer[x->p->n_src + 1]; s++)
        one[s] = two[s] = 0;
    for (size_t s = last; s-- > 0;) {
        one[s] = two[s] = 0;
        EACH_EDGE(edge, &t->a->edges, s) {
            double share = (double)x->count[edge->next] / (double)x->count[s], w = x->w[edge->cell];
            one[s] += share * (w + one[edge->next]);
            two[s] += share * (w * (w + 2 * one[edge->next]) + two[edge->next]);
        }
    }
    for (size_t e = 0; e < n; e++)
        a[e] = sqrt(t->square[e] / two[0]);
}

/* An average of L_b - L_k over positions is at most its largest at one of them. */
static double widest_of(const struct tree *t, int base, const int *open, size_t n)
{
    const struct cell *x = &t->a->cell;
    double widest = 0;
    for (size_t c = 0; c < x->p->first[x->p->n_src]; c++)
        for (size_t e = 0; x->allowed[c] && x->w[c] > 0 && e < n; e++)
            widest = fmax(widest, above(t, c, base, open[e]) / x->w[c]);
    return widest > 0 ? widest * (1 + 0x1p-20) + t->apart + 0x1p-30 : 0;
}

/* The open lines that may be below the base, and the base. */
static size_t below(const struct tree *t, int *left, const int *open, size_t n, int base)
{
    size_t n_left = 0;
    for (size_t e = 0; e < n; e++)
        if (open[e] == base || !(t->most[open[e]] <= 0))
            left[n_left++] = open[e];
    return n_left;
}

/* Fills `most` and `lead` of the open lines, and `least`. */
static struct lead lead_of(struct tree *t, int base, const int *open, size_t n)
{
    struct cell *x = &t->a->cell;
    size_t last = x->layer[x->p->n_src], Kp = x->Kp;
    take_terms(t, base, open, n);
    for (size_t s = last; s < x->layer[x->p->n_src + 1]; s++) {
        t->weight[s] = 0;
        memset(x->high + s * Kp, 0, Kp * sizeof *x->high);
    }
    for (size_t s = last; s-- > 0;) {
        double *high = x->high + s * Kp, least = INFINITY;
        for (size_t e = 0; e < n; e++)
            high[e] = -INFINITY;
        EACH_EDGE(edge, &t->a->edges, s) {
            double w = x->w[edge->cell] + t->weight[edge->next];
            least = w < least ? w : least;
            extend_most(high, t->term + edge->cell * Kp, x->high + edge->next * Kp, n);
        }
        t->weight[s] = least;
    }
    t->least = t->weight[0];
    for (size_t e = 0; e < n; e++)
        t->most[open[e]] = x->high[e];
    struct lead l = { 0, base };
    double sum = 0, largest = 0, most = 0, widest = widest_of(t, base, open, n);
    size_t n_near = below(t, t->near, open, n, base);
    memset(t->lead, 0, x->lines * sizeof *t->lead);
    take_terms(t, base, t->near, n_near);
    slopes(t, t->slope, n_near);
    squares(t, t->slope, n_near);
    for (size_t e = 0; e < n_near; e++) {
        int k = t->near[e];
        double high = t->most[k], here;
        if (k == base || high <= 0)
            continue;
        here = fmin(high, t->square[e] / (4 * t->slope[e] * t->least) * (1 + 0x1p-20));
        sum += here;
        t->lead[k] = fmin(here / t->least, widest);
        most = fmax(most, high);
        if (!(here <= largest)) {
            largest = here;
            l.line = k;
        }
    }
    l.u = fmin(sum, most) / t->least;
    if (!(t->least > LIGHTEST * t->heaviest) || widest < l.u)
        l.u = widest;
    return l;
}

/* The line whose sum of w G is least (largest) on average. */
static int least_on_average(struct tree *t, const int *open, size_t n)
{
    struct cell *x = &t->a->cell;
    size_t last = x->layer[x->p->n_src], states = x->layer[x->p->n_src + 1];
    double *share = t->a->P, *count = t->a->Q;
    for (size_t s = 0; s < states; s++) {
        share[s] = s == 0;
        count[s] = (double)x->count[s];
    }
    memset(t->mean, 0, n * sizeof *t->mean);
    for (size_t s = 0; s < last; s++)
        EACH_EDGE(edge, &t->a->edges, s) {
            double here = share[s] * count[edge->next] / count[s];
            const double *h = x->h + edge->cell * x->Kp;
            share[edge->next] += here;
            for (size_t e = 0; e < n; e++)
                t->mean[e] += here * h[open[e]];
        }
    int sense = x->c->d.set.kind == FORMS_LARGEST ? -1 : 1;
    size_t best = 0;
    for (size_t e = 1; e < n; e++)
        if (sense * t->mean[e] < sense * t->mean[best])
            best = e;
    return open[best];
}

/* The position with the widest differences, half way between the least and the largest of them, which are left in `term`. */
static struct cut widest_cut(struct tree *t, int base, int line)
{
    const struct cell *x = &t->a->cell;
    struct cut widest = { .score = -1 };
    for (size_t c = 0; c < x->p->first[x->p->n_src]; c++)
        t->term[c] = x->allowed[c] ? above(t, c, base, line) : 0;
    for (size_t i = 0; i < x->p->n_src; i++) {
        struct span s = cell_span(x, i, t->term, 1);
        if (s.n > 1 && s.most - s.least > widest.score)
            widest = (struct cut){ i, s.least + (s.most - s.least) / 2, s.most - s.least };
    }
    return widest;
}

static enum status part(struct tree *t, const int *open, size_t n_open, int base);

static enum status both_sides(struct tree *t, const int *left, size_t n_left, int base, int line)
{
    struct cell *x = &t->a->cell;
    struct cut cut = widest_cut(t, base, line);
    size_t from = x->p->first[cut.position], n = x->p->first[cut.position + 1] - from;
    unsigned char *side = mem_array(n, 1);
    enum status s = side ? STATUS_OK : STATUS_MEMORY;
    if (side)
        cell_sides(side, x, cut.position, t->term, 1, cut.at);
    for (int half = 1; half <= 2 && s == STATUS_OK && !t->a->expired; half++) {
        for (size_t c = 0; c < n; c++)
            x->allowed[from + c] = side[c] == half;
        s = part(t, left, n_left, base);
    }
    free(side);
    return s;
}

/* The base becomes another line where that leaves less than half as much, or little enough. */
static enum status change_base(struct tree *t, struct lead *l, int *base, int *left, size_t *n_left)
{
    double n = (double)t->a->cell.count[0];
    int other = least_on_average(t, left, *n_left);
    if (other == *base)
        return STATUS_OK;
    memcpy(t->kept, t->lead, t->a->cell.lines * sizeof *t->kept);
    struct lead next = lead_of(t, other, left, *n_left);
    if (!(next.u < l->u / 2 || n * next.u <= t->little)) {
        memcpy(t->lead, t->kept, t->a->cell.lines * sizeof *t->lead);
        return STATUS_OK;
    }
    if (!adder_sum(t->a, (size_t)other, 1) || !adder_sum(t->a, (size_t)*base, -1))
        return STATUS_UNSUPPORTED;
    *base = other;
    *l = next;
    *n_left = below(t, left, left, *n_left, other);
    return STATUS_OK;
}

/* The rivals whose leads are to be looked at, the largest first. */
static size_t by_lead(const struct tree *t, int *rival, const int *left, size_t n_left, int base)
{
    size_t n = 0;
    for (size_t e = 0; e < n_left; e++) {
        size_t at = n;
        if (left[e] == base || !(t->lead[left[e]] > 0))
            continue;
        for (; at > 0 && t->lead[rival[at - 1]] < t->lead[left[e]]; at--)
            rival[at] = rival[at - 1];
        rival[at] = left[e];
        n++;
    }
    return n;
}

static enum status lead_between(struct tree *t, double mean[2], int base, int line)
{
    for (size_t c = 0; c < t->a->cell.p->first[t->a->cell.p->n_src]; c++)
        t->term[c] = t->a->cell.allowed[c] ? above(t, c, base, line) : 0;
    return above_mean(mean, &t->a->above, t->a, t->term, t->least, t->a->rule->bins);
}

/* Leaves the part when tables of the rivals say enough: one after the other, until what is open is little, or can be no longer. */
static enum status by_tables(struct tree *t, bool *left_so, const int *left, size_t n_left, int base)
{
    int *rival = t->rival;
    size_t K = by_lead(t, rival, left, n_left, base);
    double n = (double)t->a->cell.count[0], rest = 0, least = 0, most = 0, sum = 0, largest = 0;
    for (size_t e = 0; e < K; e++)
        rest += t->lead[rival[e]];
    if (K == 0 || !(n * (rest - (1 - QUADRATURE) * t->lead[rival[0]]) <= WORTH_TABLES * t->enter) || !(t->least > LIGHTEST * t->heaviest))
        return STATUS_OK;
    for (size_t e = 0; e < K && !*left_so; e++) {
        double mean[2];
        enum status s = lead_between(t, mean, base, rival[e]);
        if (s != STATUS_OK || t->a->expired)
            return s;
        rest -= t->lead[rival[e]];
        mean[1] = fmin(mean[1], t->lead[rival[e]]);
        most += mean[1];
        sum += mean[0];
        least = fmax(least, mean[0]);
        largest = fmax(largest, mean[1]);
        *left_so = n * (most + fmax(rest, 0) - least) <= t->enter;
        if (!(n * (sum - largest) <= t->enter))
            break;
    }
    if (*left_so) {
        t->sure += n * least;
        t->open += n * (most + fmax(rest, 0) - least);
    }
    return STATUS_OK;
}

static enum status take_part(struct tree *t, bool single, int *left, const int *open, size_t n_open, int base)
{
    double n = (double)t->a->cell.count[0];
    struct lead l = lead_of(t, base, open, n_open);
    size_t n_left = below(t, left, open, n_open, base);
    enum status s = n * l.u <= t->little ? STATUS_OK : change_base(t, &l, &base, left, &n_left);
    if (s != STATUS_OK || t->a->expired)
        return s;
    bool left_so = n * l.u <= t->little || single;
    if (left_so)
        t->gap += n * l.u;
    else if (t->tables)
        s = by_tables(t, &left_so, left, n_left, base);
    if (left_so || s != STATUS_OK || t->a->expired)
        return s;
    return both_sides(t, left, n_left, base, l.line);
}

/* The sequences whose tokens are allowed; gives `allowed` back as it was. */
static enum status part(struct tree *t, const int *open, size_t n_open, int base)
{
    struct cell *x = &t->a->cell;
    size_t cells = x->p->first[x->p->n_src];
    bool empty, single;
    unsigned char *keep = mem_array(cells, 1);
    int *left = mem_array(n_open, sizeof *left);
    enum status s = keep && left ? STATUS_OK : STATUS_MEMORY;
    if (s == STATUS_OK) {
        memcpy(keep, x->allowed, cells);
        s = cell_edges(x, &t->a->edges, &empty, &single);
        if (s == STATUS_OK && !empty)
            s = take_part(t, single, left, open, n_open, base);
        memcpy(x->allowed, keep, cells);
    }
    t->a->expired |= limits_expired(t->a->limits);
    free(keep);
    free(left);
    return s;
}

/* The minimum is less than the base by that, at most and at least. */
static void add_gap(struct adder *a, double most, double least)
{
    bool largest = a->cell.c->d.set.kind == FORMS_LARGEST;
    mpq_t x;
    mpq_init(x);
    number_set_double(x, largest ? least : -most);
    mpq_add(a->sum->lo, a->sum->lo, x);
    number_set_double(x, largest ? most : -least);
    mpq_add(a->sum->hi, a->sum->hi, x);
    mpq_clear(x);
}

/* From the line that is least on average; a checker's tree may leave a little more. */
static enum status whole(struct tree *t, int *open)
{
    struct adder *a = t->a;
    size_t K = a->cell.lines;
    for (size_t k = 0; k < K; k++)
        open[k] = (int)k;
    for (size_t c = 0; c < a->cell.p->first[a->cell.p->n_src]; c++)
        t->heaviest = a->cell.allowed[c] ? fmax(t->heaviest, a->cell.w[c]) : t->heaviest;
    int base = least_on_average(t, open, K);
    if (!adder_sum(a, (size_t)base, 1))
        return STATUS_UNSUPPORTED;
    enum status s = a->expired ? STATUS_OK : part(t, open, K, base);
    if (s != STATUS_OK || !isfinite(t->gap + t->open + t->sure))
        return s != STATUS_OK ? s : STATUS_UNSUPPORTED;
    add_gap(a, (t->gap + t->open) * 1.125 + t->sure + 2 * (double)a->cell.count[0] * average_unit(&a->cell), t->sure - t->open * 0.125);
    return STATUS_OK;
}

enum status adder_parts(struct adder *a)
{
    size_t K = a->cell.lines;
    const struct problem *p = a->cell.p;
    struct tree t = { .a = a, .enter = (double)a->rule->enter, .apart = p->float32 ? 4 * a->cell.c->lines.sum_alpha * average_delta(p) : 0 };
    t.tables = a->rule->bins > 1 && !p->float32;
    t.little = t.tables ? t.enter / 4 : t.enter;
    int *open = mem_array(K, sizeof *open);
    t.most = mem_array(K, sizeof *t.most);
    t.mean = mem_array(K, sizeof *t.mean);
    t.lead = mem_array(K, sizeof *t.lead);
    t.kept = mem_array(K, sizeof *t.kept);
    t.rival = mem_array(K, sizeof *t.rival);
    t.near = mem_array(K, sizeof *t.near);
    t.weight = mem_array(a->cell.layer[a->cell.p->n_src + 1], sizeof *t.weight);
    t.square = mem_array(a->cell.layer[a->cell.p->n_src + 1] * a->cell.Kp, sizeof *t.square);
    t.slope = mem_array(K, sizeof *t.slope);
    t.term = mem_array(a->cell.p->first[a->cell.p->n_src] * a->cell.Kp, sizeof *t.term);
    enum status s = open && t.lead && t.kept && t.rival && t.near && t.slope && t.term && t.most && t.mean && t.weight && t.square ? whole(&t, open) : STATUS_MEMORY;
    free(open);
    free(t.most);
    free(t.mean);
    free(t.lead);
    free(t.kept);
    free(t.rival);
    free(t.near);
    free(t.weight);
    free(t.square);
    free(t.slope);
    free(t.term);
    return s;
}
