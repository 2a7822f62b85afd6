/* One class with one query token: the products weight * form, their extrema over completions, and a radius that covers the tables'
 * radii, every rounding on the way and the float32 error.
 *
 * Radius of one product (u = 2^-53, T terms a line, S = largest sum |alpha|, M = S (max|C| + max|D|) + max|c| + max|beta|, a bound of |form|):
 * the form in double is off by at most S (rad C + rad D) + (T + 8) u M; times the weight w +- rw this gives
 * w (S (rad C + rad D) + (T + 8) u M) + rw * 2M, and sums of n_src products with their radii, in any order, add 2 n_src u w M each. The factor 1 + 2^-20 covers
 * the rounding of the radii and of their sums. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/separable.h"

#define ROUND 0x1p-53

static double *grow(double **x, size_t *room, size_t want)
{
    if (*x && want <= *room)
        return *x;
    free(*x);
    *x = aligned_alloc(64, ((want + 8) * sizeof **x + 63) / 64 * 64);
    *room = *x ? want : 0;
    return *x;
}

enum status cell_init(struct cell *x, const struct problem *p)
{
    size_t n = p->t.n, K = 8;
    memset(x, 0, sizeof *x);
    x->p = p;
    for (size_t c = 0; c < p->n_classes; c++)
        K = p->classes[c].lines.Kp > K ? p->classes[c].lines.Kp : K;
    x->capacity = K;
    size_t cells = p->first[p->n_src];
    x->w = mem_array(cells, sizeof *x->w);
    x->rad = mem_array(cells, sizeof *x->rad);
    x->allowed = mem_array(cells, 1);
    x->layer = mem_array(n + 2, sizeof *x->layer);
    x->partial = mem_array((n + 1) * K, sizeof *x->partial);
    x->active = mem_array((n + 1) * K, sizeof *x->active);
    x->n_active = mem_array(n + 1, sizeof *x->n_active);
    x->tokens = mem_array(n, sizeof *x->tokens);
    size_t room = 0;
    x->G = grow(&x->G, &room, cells * K);
    room = 0;
    x->h = grow(&x->h, &room, cells * K);
    if (x->w && x->rad && x->allowed && x->layer && x->partial && x->active && x->n_active && x->tokens && x->G && x->h)
        return STATUS_OK;
    cell_clear(x);
    return STATUS_MEMORY;
}

void cell_clear(struct cell *x)
{
    free(x->G);
    free(x->h);
    free(x->w);
    free(x->rad);
    free(x->allowed);
    free(x->low);
    free(x->high);
    free(x->count);
    free(x->layer);
    free(x->partial);
    free(x->active);
    free(x->n_active);
    free(x->tokens);
    memset(x, 0, sizeof *x);
}

VECTORS static void scale_row(double *restrict h, const double *restrict G, const double *restrict d, double w, size_t n)
{
    for (size_t k = 0; k < n; k++)
        h[k] = w * (G[k] + d[k]);
}

VECTORS void cell_extend_row(double *restrict low, double *restrict high, const double *restrict h, double rad,
                               const double *restrict low_next, const double *restrict high_next, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double a = h[k] - rad + low_next[k], b = h[k] + rad + high_next[k];
        low[k] = a < low[k] ? a : low[k];
        high[k] = b > high[k] ? b : high[k];
    }
}

static void load_G(struct cell *x)
{
    const struct problem *p = x->p;
    const struct lines_double *l = &x->c->lines;
    size_t J = p->tables.J;
    if (x->G_of == x->c)
        return;
    x->G_of = x->c;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t cell = p->first[i] + k;
            if (!x->c->live[cell])
                continue;
            const double *C = p->tables.C + (i * p->tables.V + (size_t)p->t.sets[i][k]) * J;
            double *G = x->G + cell * x->Kp;
            for (size_t line = 0; line < l->K; line++) {
                double sum = 0;
                for (size_t e = l->first[line]; e < l->first[line + 1]; e++)
                    sum += l->a[e] * C[l->j[e]];
                G[line] = l->beta ? sum + l->beta[cell * x->Kp + line] : sum;
            }
            for (size_t line = l->K; line < x->Kp; line++)
                G[line] = 0;
        }
}

static double largest_of(const double *h, size_t n)
{
    double most = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, fabs(h[k]));
    return most;
}

/* float32 (FORMAT.md, separable, step 6): a form with radius R and products h = w G may lose |h| (e^h - 1) + w R e^h. */
static double float32_radius(const struct cell *x, size_t at, size_t cell, double w)
{
    const struct problem *p = x->p;
    const struct lines_double *l = &x->c->lines;
    size_t q = (size_t)x->q;
    double grow = p->exponent[q * p->n_src * p->tables.V + at], lost = x->below ? 0 : largest_of(x->h + cell * x->Kp, x->Kp) * grow;
    double attn = l->max_beta > 0 ? l->max_beta * (p->delta_attn[q] + (double)p->n_src * p->delta_attn_abs[q]) : 0;
    return lost + w * (l->sum_alpha * p->delta_logit[q] + attn) * (1 + grow);
}

/* Where only least sums are asked for, every line loses its own |h| (e^h - 1); the rounding of that is in the radius. */
static void lower_row(struct cell *x, size_t at, size_t cell)
{
    double grow = x->p->exponent[(size_t)x->q * x->p->n_src * x->p->tables.V + at] * (1 + 0x1p-40), *h = x->h + cell * x->Kp;
    for (size_t k = 0; k < x->Kp; k++)
        h[k] -= fabs(h[k]) * grow;
}

static double cell_radius(const struct cell *x, size_t i, size_t token, size_t cell, double w, double w_rad, double shift)
{
    const struct problem *p = x->p;
    const struct lines_double *l = &x->c->lines;
    const struct double_tables *t = &p->tables;
    size_t at = i * t->V + token, q = (size_t)x->q;
    double M = l->sum_alpha * (t->C_max[at] + t->D_max[q]) + l->max_c + l->max_beta + fabs(shift);
    double form = l->sum_alpha * (t->C_maxrad[at] + t->D_maxrad[q]) + (double)(l->terms + 8) * ROUND * M;
    double rad = w * form + 2 * w_rad * M + (double)(2 * p->n_src + 6) * ROUND * w * M + 0x1p-1000;
    if (p->float32)
        rad = 1.5 * rad + float32_radius(x, at, cell, w + w_rad);
    return rad < 0x1p900 ? rad * (1 + 0x1p-20) : INFINITY;   /* also when it is no number: then nothing is decided here */
}

/* The query's part of every line: c + sum alpha D - shift. */
static void query_part(double *d, const struct cell *x, double shift)
{
    const struct lines_double *l = &x->c->lines;
    const double *D = x->p->tables.D + (size_t)x->q * x->p->tables.J;
    for (size_t k = 0; k < x->Kp; k++)
        d[k] = 0;
    for (size_t k = 0; k < l->K; k++) {
        double sum = l->c[k] - shift;
        for (size_t e = l->first[k]; e < l->first[k + 1]; e++)
            sum += l->a[e] * D[l->j[e]];
        d[k] = sum;
    }
}

static void load_products(struct cell *x, double shift)
{
    const struct problem *p = x->p;
    size_t V = p->tables.V, q = (size_t)x->q;
    double *d = x->partial;   /* not in use before the walk */
    query_part(d, x, shift);
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t cell = p->first[i] + k, token = (size_t)p->t.sets[i][k];
            if (!x->c->live[cell] || (i == p->row && token != q))
                continue;
            double w = p->tables.w[(q * p->n_src + i) * V + token], w_rad = p->tables.w_rad[(q * p->n_src + i) * V + token];
            x->w[cell] = w;
            scale_row(x->h + cell * x->Kp, x->G + cell * x->Kp, d, w, x->Kp);
            x->rad[cell] = cell_radius(x, i, token, cell, w, w_rad, shift);
            if (p->float32 && x->below)
                lower_row(x, i * V + token, cell);
            if (!isfinite(x->rad[cell]))   /* an overflow: no infinity may enter the sums with its sign */
                memset(x->h + cell * x->Kp, 0, x->Kp * sizeof *x->h);
        }
}

static enum status room_for_states(struct cell *x)
{
    size_t n_src = x->p->n_src, total = 0;
    for (size_t i = 0; i <= n_src; i++) {
        x->layer[i] = total;
        total += x->c->a.n_states[i];
    }
    x->layer[n_src + 1] = total;
    if (total > x->room_states || !x->count) {
        free(x->count);
        x->count = mem_array(total, sizeof *x->count);
        x->room_states = total;
        if (!x->count)
            return STATUS_MEMORY;
    }
    size_t old = x->room_Kstates, room = old;
    if (!grow(&x->low, &room, total * x->Kp))
        return STATUS_MEMORY;
    return grow(&x->high, &old, total * x->Kp) ? (x->room_Kstates = room, STATUS_OK) : STATUS_MEMORY;
}

static tally add_saturated(tally a, tally b) { return a + b < a ? (tally)-1 : a + b; }

/* Completions beyond the last source: their tokens do not enter the forms. */
enum status cell_count_rest(struct cell *x)
{
    const struct automaton *a = &x->c->a;
    size_t n = a->n, n_src = x->p->n_src, widest = 1;
    for (size_t i = n_src; i <= n; i++)
        widest = a->n_states[i] > widest ? a->n_states[i] : widest;
    tally *here = mem_array(2 * widest, sizeof *here), *above = here ? here + widest : NULL;
    if (!here)
        return STATUS_MEMORY;
    tally *base = here;
    for (size_t s = 0; s < a->n_states[n]; s++)
        above[s] = 1;
    for (size_t i = n; i-- > n_src;) {
        for (size_t s = 0; s < a->n_states[i]; s++) {
            here[s] = 0;
            for (size_t k = 0; k < a->n_tokens[i]; k++) {
                int to = a->next[i][s * a->n_tokens[i] + k];
                if (to >= 0)
                    here[s] = add_saturated(here[s], above[to]);
            }
        }
        tally *swap = here;
        here = above;
        above = swap;
    }
    memcpy(x->count + x->layer[n_src], above, a->n_states[n_src] * sizeof *above);
    free(base);
    return STATUS_OK;
}

static void extend_state(struct cell *x, size_t i, size_t s)
{
    const struct problem *p = x->p;
    const struct automaton *a = &x->c->a;
    size_t at = x->layer[i] + s, width = a->n_tokens[i];
    double *low = x->low + at * x->Kp, *high = x->high + at * x->Kp;
    for (size_t k = 0; k < x->Kp; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
    }
    x->count[at] = 0;
    for (size_t k = 0; k < width; k++) {
        int to = a->next[i][s * width + k];
        if (to < 0 || (i == p->row && p->t.sets[i][k] != x->q))
            continue;
        size_t next = x->layer[i + 1] + (size_t)to, cell = p->first[i] + k;
        if (x->count[next] == 0)
            continue;
        x->count[at] = add_saturated(x->count[at], x->count[next]);
        double rad = x->enclose ? x->rad[cell] : 0;
        cell_extend_row(low, high, x->h + cell * x->Kp, rad, x->low + next * x->Kp, x->high + next * x->Kp, x->Kp);
    }
}

enum status cell_load(struct cell *x, bool *empty, const struct class *c, int q, double shift, bool enclose)
{
    const struct problem *p = x->p;
    size_t n_src = p->n_src;
    x->c = c;
    x->q = q;
    x->enclose = enclose;
    x->Kp = c->lines.Kp;
    x->lines = c->lines.K;
    memset(x->allowed, 1, p->first[n_src]);
    *empty = c->a.n_states[0] == 0;
    if (*empty)
        return STATUS_OK;
    enum status s = room_for_states(x);
    if (s == STATUS_OK)
        s = cell_count_rest(x);
    if (s != STATUS_OK)
        return s;
    load_G(x);
    load_products(x, shift);
    size_t last = x->layer[n_src];
    memset(x->low + last * x->Kp, 0, c->a.n_states[n_src] * x->Kp * sizeof *x->low);
    memset(x->high + last * x->Kp, 0, c->a.n_states[n_src] * x->Kp * sizeof *x->high);
    for (size_t i = n_src; i-- > 0;)
        for (size_t k = 0; k < c->a.n_states[i]; k++)
            extend_state(x, i, k);
    *empty = x->count[0] == 0;
    return STATUS_OK;
}
