/* The dual of a quadratic function on a cell: the largest lower bound that multipliers of the cell's conditions give (Shor's relaxation), by Newton's
 * method with a barrier, in doubles. In units of the half widths the conditions are 1 - v_i^2 >= 0, and the others scaled to about 1. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/quadratic_solver.h"

#define STEPS 80

/* t: the multipliers in units of the scaled conditions: n of coordinates, k joint ones, then the ball's, p in all. R: rows, gradients of the conditions at y. */
struct dual_room { size_t n, k, p; double *Q, *M, *L, *S, *H, *F, *R, *SR, *g, *gt, *y, *t, *step, *trial, *scale, *row, logdet; };

struct dual_room *dual_room_new(size_t n, size_t k)
{
    size_t p = n + k + 1, square = n * n, all = 4 * square + 2 * p * p + 2 * (k + 1) * n + 3 * n + 4 * p + k + n;
    struct dual_room *w = mem_array(1, sizeof *w);
    double *x = mem_array(all, sizeof *x);
    if (!w || !x) {
        free(w), free(x);
        return NULL;
    }
    double **squares[] = {&w->Q, &w->M, &w->L, &w->S}, **systems[] = {&w->H, &w->F}, **rows[] = {&w->R, &w->SR}, **vectors[] = {&w->g, &w->gt, &w->y, &w->row}, **longer[] = {&w->t, &w->step, &w->trial};
    for (size_t i = 0; i < 4; i++) *squares[i] = x, x += square;
    for (size_t i = 0; i < 2; i++) *systems[i] = x, x += p * p;
    for (size_t i = 0; i < 2; i++) *rows[i] = x, x += (k + 1) * n;
    for (size_t i = 0; i < 4; i++) *vectors[i] = x, x += n;
    for (size_t i = 0; i < 3; i++) *longer[i] = x, x += p;
    w->scale = x;
    w->n = n, w->k = k, w->p = p;
    return w;
}

void dual_room_free(struct dual_room *w)
{
    if (w) free(w->Q);
    free(w);
}

/* ---- linear algebra ---- */

static double dot(const double *a, const double *b, size_t n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) s0 += a[i] * b[i], s1 += a[i + 1] * b[i + 1], s2 += a[i + 2] * b[i + 2], s3 += a[i + 3] * b[i + 3];
    for (; i < n; i++) s0 += a[i] * b[i];
    return (s0 + s1) + (s2 + s3);
}

/* L L' = A, below the diagonal; false: A is not positive definite */
static bool cholesky(double *L, const double *A, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double x = A[i * n + j] - dot(L + i * n, L + j * n, j);
            if (i == j && !(x > 0x1p-44 * fabs(A[i * n + i]))) return false;
            L[i * n + j] = i == j ? sqrt(x) : x / L[j * n + j];
        }
    return true;
}

static void solve(double *x, const double *L, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (x[i] - dot(L + i * n, x, i)) / L[i * n + i];
    for (size_t i = n; i-- > 0;) {
        x[i] /= L[i * n + i];
        for (size_t j = 0; j < i; j++) x[j] -= L[i * n + j] * x[i];
    }
}

/* S = (L L')^-1; what is in T is lost */
static void inverse(double *S, double *T, const double *L, size_t n)
{
    memset(T, 0, n * n * sizeof *T);
    memset(S, 0, n * n * sizeof *S);
    for (size_t i = 0; i < n; i++) {
        T[i * n + i] = 1;
        for (size_t j = 0; j < i; j++)
            for (size_t k = 0; k <= j; k++) T[i * n + k] -= L[i * n + j] * T[j * n + k];
        for (size_t k = 0; k <= i; k++) T[i * n + k] /= L[i * n + i];
    }
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i <= k; i++) {
            double x = T[k * n + i];
            for (size_t j = 0; j <= i; j++) S[i * n + j] += x * T[k * n + j];
        }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) S[j * n + i] = S[i * n + j];
}

/* ---- the dual ---- */

/* Conditions behind those of the coordinates: rows of the linear ones, and the ball, whose quadratic part is h_i^2 / r2. */
static double ball_part(const struct cell *c, size_t i) { return i < c->in_ball ? c->h[i] * c->h[i] / c->r2 : 0; }

static void scale_cell(struct dual_room *w, const struct cell *c)
{
    size_t n = c->n;
    for (size_t i = 0; i < n; i++) {
        w->g[i] = c->h[i] * c->g[i];
        for (size_t j = 0; j < n; j++) w->Q[i * n + j] = c->h[i] * c->h[j] * c->Q[i * n + j];
    }
    for (size_t k = 0; k < c->k; k++) {
        double size = fabs(c->b[k]);
        for (size_t i = 0; i < n; i++) size += fabs(c->A[k * n + i]) * c->h[i];
        w->scale[k] = size > 0 ? size : 1;
    }
}

/* The bound of t, its point y and the factor L of the matrix; -INFINITY when the matrix is not positive definite. */
static double bound_at(struct dual_room *w, const struct cell *c, const double *t)
{
    size_t n = c->n;
    double ball = c->l2 ? t[n + c->k] : 0, rest = c->c;
    memcpy(w->M, w->Q, n * n * sizeof *w->M);
    for (size_t i = 0; i < n; i++) {
        w->gt[i] = w->g[i];
        w->M[i * n + i] += t[i];
        rest -= t[i];
        if (!(ball > 0)) continue;
        w->M[i * n + i] += ball * ball_part(c, i);
        w->gt[i] += 2 * ball * c->h[i] * c->off[i] / c->r2;
        rest += ball * c->off[i] * c->off[i] / c->r2;
    }
    if (ball > 0) rest -= ball;
    for (size_t k = 0; k < c->k; k++) {
        rest -= t[n + k] * c->b[k] / w->scale[k];
        for (size_t i = 0; i < n; i++) w->gt[i] -= t[n + k] * c->A[k * n + i] * c->h[i] / w->scale[k];
    }
    if (!cholesky(w->L, w->M, n)) return -INFINITY;
    w->logdet = 0;
    for (size_t i = 0; i < n; i++) w->y[i] = -w->gt[i] / 2, w->logdet += 2 * log(w->L[i * n + i]);
    solve(w->y, w->L, n);
    return rest + dot(w->gt, w->y, n) / 2;
}

/* What the barrier adds. */
static double barrier(const struct dual_room *w, const struct cell *c, const double *t)
{
    double sum = w->logdet;
    for (size_t j = 0; j < c->n + c->k + c->l2; j++) sum += log(t[j]);
    return sum;
}

static void gradients_of_conditions(struct dual_room *w, const struct cell *c)
{
    size_t n = c->n;
    for (size_t k = 0; k < c->k; k++)
        for (size_t i = 0; i < n; i++) w->R[k * n + i] = -c->A[k * n + i] * c->h[i] / w->scale[k];
    for (size_t i = 0; c->l2 && i < n; i++) w->R[c->k * n + i] = 2 * (c->h[i] * c->off[i] / c->r2 + ball_part(c, i) * w->y[i]);
    for (size_t k = 0; k < c->k + c->l2; k++)
        for (size_t i = 0; i < n; i++) w->SR[k * n + i] = dot(w->S + i * n, w->R + k * n, n);
}

/* Entry of the gradient: less the condition's value at y, and the barrier's part. */
static double slope(const struct dual_room *w, const struct cell *c, size_t j, double mu)
{
    size_t n = c->n;
    double sum = mu / w->t[j];
    if (j < n) return sum + w->y[j] * w->y[j] - 1 + mu * w->S[j * n + j];
    if (j < n + c->k) {
        size_t k = j - n;
        return sum - c->b[k] / w->scale[k] + dot(w->R + k * n, w->y, n);
    }
    sum -= 1;
    for (size_t i = 0; i < c->in_ball; i++) {
        double x = c->off[i] + c->h[i] * w->y[i];
        sum += x * x / c->r2 + mu * w->S[i * n + i] * ball_part(c, i);
    }
    return sum;
}

/* H: less the Hessian. */
static void hessian(struct dual_room *w, const struct cell *c, double mu)
{
    size_t n = c->n, k = c->k + c->l2, p = n + k;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) w->H[i * p + j] = 2 * w->y[i] * w->y[j] * w->S[i * n + j] + mu * w->S[i * n + j] * w->S[i * n + j];
    for (size_t a = 0; a < k; a++) {
        double *row = w->H + (n + a) * p;
        for (size_t j = 0; j < n; j++) row[j] = w->y[j] * w->SR[a * n + j];
        for (size_t b = 0; b <= a; b++) row[n + b] = dot(w->R + a * n, w->SR + b * n, n) / 2;
    }
    if (c->l2) {
        double *row = w->H + (p - 1) * p;
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < n; i++) {
                double x = mu * w->S[i * n + j] * w->S[i * n + j] * ball_part(c, i);
                row[j] += x;
                row[p - 1] += x * ball_part(c, j);
            }
    }
    for (size_t j = 0; j < p; j++) w->H[j * p + j] += mu / (w->t[j] * w->t[j]);
}

/* The start: large enough for Gershgorin's disks, and what a linear form would want. */
static void start(struct dual_room *w, const struct cell *c)
{
    size_t n = c->n;
    double size = fabs(c->c);
    for (size_t i = 0; i < n; i++) {
        double off = 0;
        for (size_t j = 0; j < n; j++) off += i == j ? 0 : fabs(w->Q[i * n + j]);
        w->t[i] = fmax(0, off - w->Q[i * n + i]) + fabs(w->g[i]) / 2;
        size += w->t[i] + fabs(w->Q[i * n + i]);
    }
    size = size > 0 ? size : 1;
    for (size_t i = 0; i < n; i++) w->t[i] += 1e-4 * size / (double)n;
    for (size_t j = n; j < n + c->k + c->l2; j++) w->t[j] = 1e-3 * size;
}

/* One step of Newton's method for this barrier, value the bound at w->t. false: no progress. *near: the start was near the best point for it. */
static bool newton(struct dual_room *w, const struct cell *c, double mu, double *value, bool *near)
{
    size_t n = c->n, p = n + c->k + c->l2;
    inverse(w->S, w->M, w->L, n);
    gradients_of_conditions(w, c);
    hessian(w, c, mu);
    for (size_t j = 0; j < p; j++) w->step[j] = slope(w, c, j, mu);
    if (!cholesky(w->F, w->H, p)) return false;
    memcpy(w->trial, w->step, p * sizeof *w->trial);
    solve(w->step, w->F, p);
    *near = dot(w->trial, w->step, p) < mu / 4;
    double before = *value + mu * barrier(w, c, w->t), length = 1;
    for (size_t j = 0; j < p; j++)
        if (w->step[j] < 0) length = fmin(length, -0.9 * w->t[j] / w->step[j]);
    for (int k = 0; k < 30; k++, length /= 2) {
        for (size_t j = 0; j < p; j++) w->trial[j] = w->t[j] + length * w->step[j];
        double there = bound_at(w, c, w->trial);
        if (!(there + mu * barrier(w, c, w->trial) > before)) continue;
        memcpy(w->t, w->trial, p * sizeof *w->t);
        *value = there;
        return true;
    }
    *value = bound_at(w, c, w->t);
    return false;
}

static void put_multipliers(double *out, const struct dual_room *w, const struct cell *c)
{
    size_t n = c->n;
    if (c->l2) *out++ = w->t[n + c->k] / c->r2;
    for (size_t i = 0; i < n; i++) *out++ = w->t[i] / (c->h[i] * c->h[i]);
    for (size_t k = 0; k < c->k; k++) *out++ = w->t[n + k] / w->scale[k];
}

double dual_bound(double *multipliers, double *u, const struct cell *c, double enough, struct dual_room *w)
{
    size_t n = c->n, p = n + c->k + c->l2;
    scale_cell(w, c);
    start(w, c);
    double value = bound_at(w, c, w->t), size = fabs(c->c), best;
    for (size_t i = 0; i < n; i++) size += w->t[i];
    double mu = (c->c - value) / (double)(2 * p);
    if (!(mu > 0)) mu = size / (double)p;
    for (int k = 0; k < STEPS && isfinite(value) && !(value > enough); k++) {
        bool near = false, moved = newton(w, c, mu, &value, &near);
        if (near && value + 3 * (double)(p + n) * mu < 0) break;       /* the best bound is below 0 */
        if ((near || !moved) && (double)p * mu < 1e-12 * size) break;
        if (near || !moved) mu /= 6;
    }
    best = value;
    put_multipliers(multipliers, w, c);
    for (size_t i = 0; i < n; i++) u[i] = c->h[i] * w->y[i];
    return best;
}

double dual_value(const double *multipliers, const struct cell *c, struct dual_room *w)
{
    size_t n = c->n;
    scale_cell(w, c);
    if (c->l2) w->t[n + c->k] = *multipliers++ * c->r2;
    for (size_t i = 0; i < n; i++) w->t[i] = multipliers[i] * c->h[i] * c->h[i];
    for (size_t k = 0; k < c->k; k++) w->t[n + k] = multipliers[n + k] * w->scale[k];
    double value = bound_at(w, c, w->t);
    return isfinite(value) ? value : -INFINITY;
}
