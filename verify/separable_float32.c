/* How far any binary32 execution of the network (NETWORK.md §5) can be from the real one at the read-out row, for every query token and all
 * sequences at once. Token-only rows (residual, query, key, value) come from run.h with their radii; from there on, u = 2^-24:
 *   score      rad s = rad(q . k) / sqrt(d) and four roundings
 *   exp        computed exp(s_i - m) = w_i e^h, |h| <= h_i = rad s_i + u (range of s) + 9u (4 ulp), flushed: 2^-126 absolutely
 *   softmax    p_i = w_i e^h / sum of those, times 1 +- (n + 6) u, and 2^-125
 *   mix        |z' - z| <= (n + 3) u V + (n + 6) u V + rad v + n 2^-125 V,  V = sup |v'|
 *   linear     rad' = |W| rad + (N + 3) u (|W| (|x| + rad) + |b|) + (N + 2) eta; on the logits errors of the mix by |W_O W_U|, where products cancel
 * The h_i change the weights of the average only: where the sign of sum_i w_i G_i is asked for, they cost w_i |G_i| (e^h_i - 1), position by
 * position, and the rest costs w_i e^h_i times its radius (FORMAT.md, separable, step 6). Both are doubled, so that a checker with
 * coarser constants agrees. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "models/run.h"
#include "verify/separable.h"

#define U FLOAT32_U
#define ETA FLOAT32_ETA
#define SLOP (1 + 0x1p-30)      /* covers the rounding of the bounds themselves: every sum here has fewer than 2^20 terms */
#define LARGEST 0x1p120

struct source_rows { size_t h; double *k, *rk, *q, *rq, *sup_v, *rad_v, *x, *rx; };

static void source_rows_clear(struct source_rows *s)
{
    free(s->k);
    free(s->rk);
    free(s->q);
    free(s->rq);
    free(s->sup_v);
    free(s->rad_v);
    free(s->x);
    free(s->rx);
}

static bool source_rows_init(struct source_rows *s, const struct problem *p)
{
    size_t V = p->net.net->d_vocab, d = p->net.d_model, width = p->net.v.w.m;
    s->h = p->net.d_head;
    s->k = mem_array(p->n_src * V * s->h, sizeof *s->k);
    s->rk = mem_array(p->n_src * V * s->h, sizeof *s->rk);
    s->q = mem_array(V * s->h, sizeof *s->q);
    s->rq = mem_array(V * s->h, sizeof *s->rq);
    s->sup_v = mem_array(width, sizeof *s->sup_v);
    s->rad_v = mem_array(width, sizeof *s->rad_v);
    s->x = mem_array(V * d, sizeof *s->x);
    s->rx = mem_array(V * d, sizeof *s->rx);
    return s->k && s->rk && s->q && s->rq && s->sup_v && s->rad_v && s->x && s->rx;
}

static void copy_row(double *mid, double *rad, struct run *run, size_t node, size_t row, size_t n)
{
    const double *m, *r;
    run_row(run, node, row, &m, &r);
    memcpy(mid, m, n * sizeof *mid);
    memcpy(rad, r, n * sizeof *rad);
}

/* Runs of sequences that repeat one token: row i of a token-only node is that of the token at position i. */
static enum status read_rows(struct source_rows *s, const struct problem *p)
{
    const struct net *net = p->net.net;
    const struct node *mix = &net->nodes[net->nodes[net->nodes[p->net.attn_out].inputs[0]].inputs[0]];
    const struct node *score = &net->nodes[net->nodes[p->net.pattern].inputs[0]];
    size_t n = p->t.n, V = net->d_vocab, width = p->net.v.w.m, d = p->net.d_model;
    struct run *run = NULL;
    int *tokens = mem_array(n, sizeof *tokens);
    enum status status = tokens ? run_new(&run, net, SEMANTICS_FLOAT32) : STATUS_MEMORY;
    for (size_t a = 0; status == STATUS_OK && a < V; a++) {
        for (size_t i = 0; i < n; i++)
            tokens[i] = (int)a;
        run_tokens(run, tokens, n);
        for (size_t i = 0; i < p->n_src; i++) {
            const double *v, *rv;
            if (!p->used[i * V + a])
                continue;
            copy_row(s->k + (i * V + a) * s->h, s->rk + (i * V + a) * s->h, run, score->inputs[1], i, s->h);
            run_row(run, mix->inputs[1], i, &v, &rv);
            for (size_t c = 0; c < width; c++) {
                s->sup_v[c] = fmax(s->sup_v[c], fabs(v[c]) + rv[c]);
                s->rad_v[c] = rv[c] >= 0 ? fmax(s->rad_v[c], rv[c]) : INFINITY;
            }
        }
        copy_row(s->q + a * s->h, s->rq + a * s->h, run, score->inputs[0], p->row, s->h);
        copy_row(s->x + a * d, s->rx + a * d, run, p->net.resid, p->row, d);
    }
    run_free(run);
    free(tokens);
    return status;
}

/* h_i of the head comment for every source; the largest of them. */
static double exponent_errors(double *h, const struct source_rows *s, const struct problem *p, size_t q)
{
    size_t V = p->net.net->d_vocab;
    double least = INFINITY, most = -INFINITY, largest = 0, root = sqrt((double)p->net.score_d) * (1 - 0x1p-50);
    for (size_t c = 0; c < p->n_src * V; c++) {
        if (!p->used[c] || (c / V == p->row && c % V != q))
            continue;
        double dot, rad;
        kernel_dot(&dot, &rad, s->q + q * s->h, s->rq + q * s->h, s->k + c * s->h, s->rk + c * s->h, s->h, (struct rounding){ U, ETA });
        h[c] = (rad + 5 * U * (fabs(dot) + rad)) / root * SLOP + 2 * ETA;
        if (!(fabs(dot) + rad < LARGEST))
            return INFINITY;
        least = fmin(least, dot / root - h[c]);
        most = fmax(most, dot / root + h[c]);
    }
    for (size_t c = 0; c < p->n_src * V; c++)
        if (p->used[c] && !(c / V == p->row && c % V != q)) {
            h[c] = (h[c] + 1.01 * U * (most - least) + 10 * U) * SLOP;
            largest = fmax(largest, h[c]);
        }
    return largest;
}

/* One `linear` or `heads`, from suprema of |x| and of the radius of x: the same for its rows; own: the part of the radius that its own roundings are. */
static void widen(double *mag, double *rad, double *own, const double *x, const double *rx, const struct part *w)
{
    size_t k = w->w.k, m = w->w.m;
    double terms = (double)k + 1;
    for (size_t j = 0; j < m; j++) {
        double size = w->has_b ? fabs(w->b.data[j]) : 0, spread = 0;
        for (size_t i = 0; i < k; i++) {
            size += fabs(w->w.data[i * m + j]) * x[i];
            spread += fabs(w->w.data[i * m + j]) * rx[i];
        }
        mag[j] = size * SLOP;
        own[j] = ((terms + 3) * U * (size + spread) + (terms + 2) * ETA) * SLOP;
        rad[j] = (spread + own[j]) * SLOP;
    }
}

/* |O U|, entry by entry and rounded up: what an error of the mix is multiplied by on its way to the logits. Products that cancel cancel here too, which |O| |U| would not show. */
static void through_maps(double *out, const struct part *o, const struct part *u)
{
    size_t width = o->w.k, d = o->w.m, J = u->w.m;
    for (size_t c = 0; c < width; c++)
        for (size_t j = 0; j < J; j++) {
            double sum = 0, size = 0;
            for (size_t i = 0; i < d; i++) {
                double x = o->w.data[c * d + i] * u->w.data[i * J + j];
                sum += x;
                size += fabs(x);
            }
            out[c * J + j] = fabs(sum) + size * (double)(d + 2) * 0x1p-52 + 0x1p-1000;
        }
}

struct vectors { double *z, *rz, *y, *ry, *own_y, *l, *rl, *own_l, *through; };

static double logit_error(const struct source_rows *s, const struct problem *p, size_t q, double eps, struct vectors *v)
{
    size_t width = p->net.v.w.m, d = p->net.d_model, J = p->net.n_out;
    double n = (double)p->t.n, most = 0;
    for (size_t c = 0; c < width; c++) {
        v->z[c] = s->sup_v[c];
        v->rz[c] = ((eps + (n + 3) * U * (1 + eps) + n * 0x1p-125) * s->sup_v[c] + s->rad_v[c] + n * ETA) * SLOP;
    }
    widen(v->y, v->ry, v->own_y, v->z, v->rz, &p->net.o);
    for (size_t c = 0; c < d; c++) {
        double x = s->x[q * d + c], rx = s->rx[q * d + c], added = rx + 3 * U * (fabs(x) + rx + v->y[c] + v->ry[c]) + 2 * ETA;
        v->ry[c] = (v->ry[c] + added) * SLOP;
        v->own_y[c] = (v->own_y[c] + added) * SLOP;
        v->y[c] = (fabs(x) + v->y[c]) * SLOP;
    }
    widen(v->l, v->rl, v->own_l, v->y, v->ry, &p->net.u);
    for (size_t j = 0; j < J; j++) {
        double rad = v->own_l[j];
        for (size_t c = 0; c < width; c++)
            rad += v->through[c * J + j] * v->rz[c];
        for (size_t c = 0; c < d; c++)
            rad += fabs(p->net.u.w.data[c * J + j]) * v->own_y[c];
        if (!(v->l[j] + v->rl[j] < LARGEST))
            return INFINITY;
        most = fmax(most, fmin(rad * SLOP, v->rl[j]));
    }
    return most;
}

static bool vectors_init(struct vectors *v, const struct problem *p)
{
    size_t width = p->net.v.w.m, d = p->net.d_model, J = p->net.n_out;
    v->z = mem_array(width, sizeof *v->z);
    v->rz = mem_array(width, sizeof *v->rz);
    v->y = mem_array(d, sizeof *v->y);
    v->ry = mem_array(d, sizeof *v->ry);
    v->own_y = mem_array(d, sizeof *v->own_y);
    v->l = mem_array(J, sizeof *v->l);
    v->rl = mem_array(J, sizeof *v->rl);
    v->own_l = mem_array(J, sizeof *v->own_l);
    v->through = mem_array(width * J, sizeof *v->through);
    if (!v->through || !v->z || !v->rz || !v->y || !v->ry || !v->own_y || !v->l || !v->rl || !v->own_l)
        return false;
    through_maps(v->through, &p->net.o, &p->net.u);
    return true;
}

static void vectors_clear(struct vectors *v)
{
    free(v->z);
    free(v->rz);
    free(v->y);
    free(v->ry);
    free(v->own_y);
    free(v->l);
    free(v->rl);
    free(v->own_l);
    free(v->through);
}

enum status problem_float32(struct problem *p, struct text *why)
{
    struct source_rows s = { 0 };
    struct vectors v = { 0 };
    const char *bad = net_not_binary32(p->net.net);
    if (bad) {
        text_addf(why, "float32: tensor '%s' has entries that are not binary32", bad);
        return STATUS_UNSUPPORTED;
    }
    if (p->t.n + p->net.d_model + p->net.v.w.m > 4000) {
        text_add(why, "float32: the sums of the network are too long");
        return STATUS_UNSUPPORTED;
    }
    enum status status = source_rows_init(&s, p) && vectors_init(&v, p) ? read_rows(&s, p) : STATUS_MEMORY;
    for (size_t q = 0; status == STATUS_OK && q < p->net.net->d_vocab; q++) {
        if (!p->used[p->row * p->net.net->d_vocab + q])
            continue;
        double *h = p->exponent + q * p->n_src * p->net.net->d_vocab;
        double H = exponent_errors(h, &s, p, q), eps = ((double)p->t.n + 8) * U;
        double logit = H < 0.25 ? logit_error(&s, p, q, eps, &v) : INFINITY;
        for (size_t c = 0; H < 0.25 && c < p->n_src * p->net.net->d_vocab; c++)
            h[c] = expm1(2 * h[c]) * (1 + 0x1p-20);
        if (!(logit < LARGEST)) {
            text_add(why, "float32: an overflow or a large error cannot be excluded");
            status = STATUS_UNSUPPORTED;
        }
        p->delta_logit[q] = 2 * logit;
        p->delta_attn[q] = 2 * eps;
        p->delta_attn_abs[q] = 0x1p-124;
    }
    source_rows_clear(&s);
    vectors_clear(&v);
    return status;
}
