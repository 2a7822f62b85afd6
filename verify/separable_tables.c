/* The double tables of separable_net.h: every cell is the midpoint of its ball with the ball's radius and the rounding of the midpoint. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/separable_net.h"

static bool row_to_double(double *mid, double *rad, double *max, double *maxrad, arb_srcptr x, size_t n)
{
    *max = *maxrad = 0;
    for (size_t j = 0; j < n; j++) {
        ball_to_double(&mid[j], &rad[j], x + j);
        if (!isfinite(mid[j]) || !isfinite(rad[j]))
            return false;
        *max = fmax(*max, fabs(mid[j]));
        *maxrad = fmax(*maxrad, rad[j]);
    }
    return true;
}

static bool fill_rows(struct double_tables *t, const struct ball_tables *b)
{
    size_t J = t->J;
    for (size_t r = 0; r < t->n_src * t->V; r++)
        if (t->used[r] && !row_to_double(t->C + r * J, t->C_rad + r * J, &t->C_max[r], &t->C_maxrad[r], arb_mat_entry(b->C, (slong)r, 0), J))
            return false;
    for (size_t q = 0; q < t->V; q++)
        if (t->used[b->row * t->V + q]
            && !row_to_double(t->D + q * J, t->D_rad + q * J, &t->D_max[q], &t->D_maxrad[q], arb_mat_entry(b->D, (slong)q, 0), J))
            return false;
    return true;
}

/* Weights of one query token: exp(score - shift), the shift being the largest score that can occur, rounded to a double: any shift is right,
 * since it cancels in every ratio and sign. */
static bool fill_weights(struct double_tables *t, const struct ball_tables *b, size_t q, arb_ptr score)
{
    size_t cells = t->n_src * t->V;
    double shift = -INFINITY, mid, rad;
    for (size_t c = 0; c < cells; c++) {
        if (!t->used[c] || (c / t->V == b->row && c % t->V != q))
            continue;
        ball_tables_dot(score + c, b, q, c / t->V, c % t->V);
        arb_mul(score + c, score + c, b->scale, b->prec);
        ball_to_double(&mid, &rad, score + c);
        if (!isfinite(mid) || !isfinite(rad))
            return false;
        shift = fmax(shift, mid);
    }
    t->score_max[q] = shift;
    arb_t x;
    arb_init(x);
    bool good = true;
    for (size_t c = 0; c < cells && good; c++) {
        if (!t->used[c] || (c / t->V == b->row && c % t->V != q))
            continue;
        arb_set_d(x, shift);
        arb_sub(x, score + c, x, 80);
        arb_exp(x, x, 80);
        ball_to_double(&mid, &rad, x);
        t->w[q * cells + c] = mid;
        t->w_rad[q * cells + c] = rad + 0x1p-1060;
        good = isfinite(mid) && isfinite(rad);
    }
    arb_clear(x);
    return good;
}

static enum status fill_all_weights(struct double_tables *t, const struct ball_tables *b, int threads)
{
    slong cells = (slong)(t->n_src * t->V);
    bool good = true;
#pragma omp parallel num_threads(threads)
    {
        arb_ptr score = _arb_vec_init(cells);
#pragma omp for schedule(dynamic)
        for (size_t q = 0; q < t->V; q++)
            if (t->used[b->row * t->V + q] && !fill_weights(t, b, q, score)) {
#pragma omp atomic write
                good = false;
            }
        _arb_vec_clear(score, cells);
    }
    return good ? STATUS_OK : STATUS_UNSUPPORTED;
}

enum status double_tables_init(struct double_tables *t, const struct ball_tables *b, const unsigned char *used, int threads)
{
    size_t V = b->V, J = b->J, cells = b->n_src * V;
    *t = (struct double_tables){ .n_src = b->n_src, .V = V, .J = J, .used = used };
    t->C = mem_array(cells * J, sizeof *t->C);
    t->C_rad = mem_array(cells * J, sizeof *t->C_rad);
    t->C_max = mem_array(cells, sizeof *t->C_max);
    t->C_maxrad = mem_array(cells, sizeof *t->C_maxrad);
    t->D = mem_array(V * J, sizeof *t->D);
    t->D_rad = mem_array(V * J, sizeof *t->D_rad);
    t->D_max = mem_array(V, sizeof *t->D_max);
    t->D_maxrad = mem_array(V, sizeof *t->D_maxrad);
    t->w = mem_array(V * cells, sizeof *t->w);
    t->w_rad = mem_array(V * cells, sizeof *t->w_rad);
    t->score_max = mem_array(V, sizeof *t->score_max);
    enum status status = STATUS_MEMORY;
    if (t->C && t->C_rad && t->C_max && t->C_maxrad && t->D && t->D_rad && t->D_max && t->D_maxrad && t->w && t->w_rad && t->score_max)
        status = fill_rows(t, b) ? fill_all_weights(t, b, threads) : STATUS_UNSUPPORTED;
    if (status != STATUS_OK)
        double_tables_clear(t);
    return status;
}

void double_tables_clear(struct double_tables *t)
{
    free(t->C);
    free(t->C_rad);
    free(t->C_max);
    free(t->C_maxrad);
    free(t->D);
    free(t->D_rad);
    free(t->D_max);
    free(t->D_maxrad);
    free(t->w);
    free(t->w_rad);
    free(t->score_max);
    memset(t, 0, sizeof *t);
}
