/* The last position of a walk at which there is a choice: what is behind it is one token a position. Its tokens are settled together: line by line their sums stand side by side, and a token whose
 * least sum is clear of what the radii leave open needs no look of its own.
 *
 * With the partial sum and radius r so far, the walk calls a line positive behind a token when partial + h + low > r + rad, and not positive when partial + h + high <= -(r + rad); high <= low + gap for
 * all lines. So partial + h + low above twice (r + rad + gap) or below minus that settles the same, whatever the order in which the terms were added. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/separable.h"

#define ROOM_MOST ((size_t)1 << 21)
#define COUNT_MOST ((tally)1 << 60)

static size_t last_position(const struct problem *p)
{
    for (size_t i = p->n_src; i-- > 0;)
        if (i != p->row && p->t.n_set[i] > 1)
            return i;
    return SIZE_MAX;
}

enum status last_choice_load(struct last_choice *l, const struct cell *x)
{
    const struct problem *p = x->p;
    l->position = last_position(p);
    if (l->position == SIZE_MAX)
        return STATUS_OK;
    l->width = (p->t.n_set[l->position] + 7) / 8 * 8;
    size_t states = x->c->a.n_states[l->position], want = states * l->width * x->Kp;
    if (want > ROOM_MOST)
        return l->position = SIZE_MAX, STATUS_OK;
    if (want > l->room) {
        free(l->sum);
        l->sum = mem_array(want, sizeof *l->sum);
        l->room = l->sum ? want : 0;
    }
    if (states * l->width > l->room_margin) {
        free(l->margin);
        free(l->made);
        free(l->least);
        free(l->count);
        l->count = mem_array(states * l->width, sizeof *l->count);
        l->margin = mem_array(states * l->width, sizeof *l->margin);
        l->made = mem_array(states * l->width, 1);
        l->least = mem_array(states * l->width, sizeof *l->least);
        l->room_margin = l->margin && l->made && l->least && l->count ? states * l->width : 0;
    }
    if (!l->room || !l->room_margin)
        return STATUS_MEMORY;
    memset(l->made, 0, states);
    return STATUS_OK;
}

void last_choice_clear(struct last_choice *l)
{
    free(l->sum);
    free(l->margin);
    free(l->made);
    free(l->least);
    free(l->count);
    memset(l, 0, sizeof *l);
}

static void make(struct last_choice *l, const struct cell *x, size_t s)
{
    const struct automaton *a = &x->c->a;
    size_t i = l->position, n = a->n_tokens[i];
    double *sum = l->sum + s * x->Kp * l->width, *margin = l->margin + s * l->width;
    int64_t *count = l->count + s * l->width;
    for (size_t k = 0; k < l->width; k++) {
        int to = k < n ? a->next[i][s * n + k] : AUTOMATON_DEAD;
        margin[k] = 0;
        count[k] = 0;
        if (to < 0 || x->count[x->layer[i + 1] + (size_t)to] == 0)
            continue;
        size_t next = x->layer[i + 1] + (size_t)to, cell = x->p->first[i] + k;
        const double *h = x->h + cell * x->Kp, *low = x->low + next * x->Kp, *high = x->high + next * x->Kp;
        double gap = 0;
        for (size_t line = 0; line < x->c->lines.K; line++) {
            sum[line * l->width + k] = h[line] + low[line];
            double apart = high[line] - low[line];
            gap = apart < INFINITY ? fmax(gap, apart) : INFINITY;   /* also when it is no number: then nothing is settled here */
        }
        margin[k] = 2 * (x->rad[cell] + gap);
        count[k] = x->count[next] < COUNT_MOST ? (int64_t)x->count[next] : 0;
    }
    l->made[s] = 1;
}

VECTORS static void least_of(double *restrict least, const double *restrict sum, const double *restrict partial, const int *restrict active, size_t n_active, size_t width)
{
    for (size_t k = 0; k < width; k++)
        least[k] = INFINITY;
    for (size_t e = 0; e < n_active; e++) {
        const double *row = sum + (size_t)active[e] * width;
        double from = partial[active[e]];
        for (size_t k = 0; k < width; k++) {
            double v = from + row[k];
            least[k] = v < least[k] ? v : least[k];
        }
    }
}

bool last_choice_least(struct last_choice *l, const struct cell *x, size_t i, size_t s)
{
    if (i != l->position)
        return false;
    if (!l->made[s])
        make(l, x, s);
    least_of(l->least, l->sum + s * x->Kp * l->width, x->partial + i * x->capacity, x->active + i * x->capacity, x->n_active[i], l->width);
    return true;
}

enum truth last_choice_truth(const struct last_choice *l, size_t s, size_t k, double rad)
{
    double margin = l->margin[s * l->width + k] + 2 * rad;
    return l->least[k] > margin ? TRUTH_TRUE : l->least[k] < -margin ? TRUTH_FALSE : TRUTH_UNSETTLED;
}

VECTORS static void add_settled(int64_t *yes, int64_t *no, const double *restrict least, const double *restrict margin, const int64_t *restrict count, double more, size_t width)
{
    int64_t y = 0, n = 0;
    for (size_t k = 0; k < width; k++) {
        double m = margin[k] + more;
        y += least[k] > m ? count[k] : 0;
        n += least[k] < -m ? count[k] : 0;
    }
    *yes = y;
    *no = n;
}

bool last_choice_counts(tally *yes, tally *no, const struct last_choice *l, const struct cell *x, size_t s, double rad)
{
    if (x->count[x->layer[l->position] + s] >= COUNT_MOST)
        return false;
    int64_t y, n;
    add_settled(&y, &n, l->least, l->margin + s * l->width, l->count + s * l->width, 2 * rad, l->width);
    *yes = (tally)y;
    *no = (tally)n;
    return true;
}
