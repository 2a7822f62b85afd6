/* The largest t such that -sum x_k A_k - t I is positive semidefinite, x >= 0, the weights of the atoms adding up to 1: a barrier method in doubles. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial_program.h"

#define COLUMNS_MOST 260     /* beyond, only products of the two ends of one variable */
#define SIDE_MOST 900
#define ROUNDS 120
#define GAP 1e-9

/* ---- the columns ---- */

static bool add_column(struct program *g, const struct poly *p, const size_t *row, long atom, long first, long second)
{
    double sum = 0;
    struct column *grown = mem_grow(g->columns, &g->room, g->n + 1, sizeof *grown);
    if (!grown) return false;
    g->columns = grown;
    struct column x = {.atom = atom, .first = first, .second = second, .e = mem_array(p->n, sizeof *x.e)};
    for (size_t i = 0; x.e && i < p->n; i++) {
        size_t a = row[key_variable(p->t[i].key, 0)], b = row[key_variable(p->t[i].key, 1)];
        double v = ratio(fmpq_numref(&p->t[i].c), fmpq_denref(&p->t[i].c)) / (a == b ? 1 : 2);
        x.e[x.n++] = (struct entry){a < b ? a : b, a < b ? b : a, v};
        sum += v * v * (a == b ? 1 : 2);
    }
    x.scale = sqrt(sum);
    for (size_t i = 0; i < x.n; i++) x.e[i].v /= x.scale;
    if (!x.e || !(x.scale > 0) || !isfinite(x.scale)) {
        free(x.e);
        return x.e != NULL;
    }
    g->columns[g->n++] = x;
    return true;
}

static bool add_product(struct program *g, const struct poly_claim *c, const size_t *row, long first, long second)
{
    struct poly a = {0}, b = {0}, ab = {0};
    bound_poly(&a, c, first);
    if (second >= 0) {
        bound_poly(&b, c, second);
        poly_times(&ab, &a, &b);
        poly_tidy(&ab);
    }
    bool good = add_column(g, second >= 0 ? &ab : &a, row, -1, first, second);
    poly_clear(&a);
    poly_clear(&b);
    poly_clear(&ab);
    return good;
}

static bool add_products(struct program *g, const struct poly_claim *c, const size_t *row)
{
    size_t n = 0, room = 2 * g->side;
    long *bounds = mem_array(room, sizeof *bounds);
    bool good = bounds != NULL;
    for (size_t k = 1; good && k < g->side; k++) {
        const struct range *r = &c->ranges[g->variable[k] - 1];
        if (r->has_lo) bounds[n++] = 2 * (long)(g->variable[k] - 1);
        if (r->has_hi) bounds[n++] = 2 * (long)(g->variable[k] - 1) + 1;
    }
    bool all = n * (n + 1) / 2 + g->n <= COLUMNS_MOST;
    for (size_t i = 0; good && i < n; i++) {
        if (all || n + g->n <= COLUMNS_MOST) good = add_product(g, c, row, bounds[i], -1);
        for (size_t j = 0; good && j < i; j++)
            if (all || (bounds[i] / 2 == bounds[j] / 2 && 2 * n + g->n <= 2 * COLUMNS_MOST)) good = add_product(g, c, row, bounds[j], bounds[i]);
    }
    free(bounds);
    return good;
}

enum status program_make(struct program *g, struct poly_claim *c, const size_t *ids, size_t n)
{
    size_t *row = mem_array(c->n_variables + 1, sizeof *row);
    *g = (struct program){.side = 1, .variable = mem_array(c->n_variables + 1, sizeof *g->variable)};
    bool good = row && g->variable;
    for (size_t k = 0; good && k < n; k++) {
        const struct poly *p = &c->atoms[ids[k]].p;
        if (poly_degree(p) > 2) continue;
        for (size_t i = 0; i < p->n; i++)
            for (int j = 0; j < 2 && key_variable(p->t[i].key, j); j++) {
                size_t v = key_variable(p->t[i].key, j);
                if (!row[v]) g->variable[row[v] = g->side++] = v;
            }
    }
    for (size_t k = 0; good && g->side <= SIDE_MOST && k < n; k++)
        if (poly_degree(&c->atoms[ids[k]].p) <= 2) good = add_column(g, &c->atoms[ids[k]].p, row, (long)ids[k], -1, -1);
    g->n_atoms = g->n;
    if (good && g->n_atoms > 0) good = add_products(g, c, row);
    free(row);
    return good ? STATUS_OK : STATUS_MEMORY;
}

void program_clear(struct program *g)
{
    for (size_t k = 0; k < g->n; k++) free(g->columns[k].e);
    free(g->columns);
    free(g->variable);
    *g = (struct program){0};
}

/* ---- the method ---- */

/* B: the columns in a basis of what they do not all make 0 (dense, side x side each), or NULL: their entries. */
struct solver {
    const struct program *g; size_t side, n; double *V, *B;
    double *X, *L, *Z, *C, *H, *step, *grad, *try; double tau, t, *x;
};

static void add_matrix(double *out, const struct solver *s, size_t k, double f)
{
    size_t n = s->side;
    const struct column *a = &s->g->columns[k];
    if (s->B) {
        for (size_t i = 0; i < n * n; i++) out[i] += f * s->B[k * n * n + i];
        return;
    }
    for (size_t i = 0; i < a->n; i++) {
        out[a->e[i].i * n + a->e[i].j] += f * a->e[i].v;
        if (a->e[i].i != a->e[i].j) out[a->e[i].j * n + a->e[i].i] += f * a->e[i].v;
    }
}

/* tr(A_k M), M symmetric */
static double against(const struct solver *s, size_t k, const double *M)
{
    size_t n = s->side;
    double sum = 0;
    const struct column *a = &s->g->columns[k];
    if (s->B) {
        for (size_t i = 0; i < n * n; i++) sum += s->B[k * n * n + i] * M[i];
        return sum;
    }
    for (size_t i = 0; i < a->n; i++) sum += a->e[i].v * M[a->e[i].i * n + a->e[i].j] * (a->e[i].i == a->e[i].j ? 1 : 2);
    return sum;
}

/* X at weights x and t, and its factor: false when it is not positive definite. *logdet of it. */
static bool factor(double *logdet, struct solver *s, const double *x, double t)
{
    size_t n = s->side;
    memset(s->X, 0, n * n * sizeof *s->X);
    for (size_t k = 0; k < s->n; k++) add_matrix(s->X, s, k, -x[k]);
    for (size_t i = 0; i < n; i++) s->X[i * n + i] -= t;
    *logdet = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = s->X[i * n + j];
            for (size_t k = 0; k < j; k++) sum -= s->L[i * n + k] * s->L[j * n + k];
            if (i == j && !(sum > 0)) return false;
            s->L[i * n + j] = i == j ? sqrt(sum) : sum / s->L[j * n + j];
            if (i == j) *logdet += log(sum);
        }
    return isfinite(*logdet);
}

/* Z = inverse of X, from its factor */
static void invert(struct solver *s)
{
    size_t n = s->side;
    for (size_t c = 0; c < n; c++) {
        double *y = s->C;
        for (size_t i = 0; i < n; i++) {
            double sum = i == c;
            for (size_t k = c; k < i; k++) sum -= s->L[i * n + k] * y[k];
            y[i] = i < c ? 0 : sum / s->L[i * n + i];
        }
        for (size_t i = n; i-- > 0;) {
            double sum = y[i];
            for (size_t k = i + 1; k < n; k++) sum -= s->L[k * n + i] * y[k];
            y[i] = sum / s->L[i * n + i];
        }
        for (size_t i = 0; i < n; i++) s->Z[i * n + c] = y[i];
    }
}

/* C = Z A_k Z */
static void sandwich(struct solver *s, size_t k, double *half)
{
    size_t n = s->side;
    const struct column *a = &s->g->columns[k];
    memset(s->C, 0, n * n * sizeof *s->C);
    if (!s->B && a->n < n) {
        for (size_t e = 0; e < a->n; e++)
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) {
                    double v = a->e[e].v * s->Z[i * n + a->e[e].i] * s->Z[a->e[e].j * n + j];
                    s->C[i * n + j] += v;
                    if (a->e[e].i != a->e[e].j) s->C[j * n + i] += v;
                }
        return;
    }
    memset(half, 0, n * n * sizeof *half);
    memset(s->X, 0, n * n * sizeof *s->X);
    add_matrix(s->X, s, k, 1);
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < n; m++)
            for (size_t j = 0; j < n; j++) half[i * n + j] += s->X[i * n + m] * s->Z[m * n + j];
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < n; m++)
            for (size_t j = 0; j < n; j++) s->C[i * n + j] += s->Z[i * n + m] * half[m * n + j];
}

/* Gaussian elimination with pivots: A (n x n, destroyed) y = b, in place. */
static bool solve(double *A, double *b, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t at = k;
        for (size_t i = k; i < n; i++) at = fabs(A[i * n + k]) > fabs(A[at * n + k]) ? i : at;
        if (!(fabs(A[at * n + k]) > 0) || !isfinite(A[at * n + k])) return false;
        for (size_t j = 0; at != k && j < n; j++) {
            double x = A[k * n + j];
            A[k * n + j] = A[at * n + j];
            A[at * n + j] = x;
        }
        double y = b[k];
        b[k] = b[at];
        b[at] = y;
        for (size_t i = k + 1; i < n; i++) {
            double f = A[i * n + k] / A[k * n + k];
            for (size_t j = k; f != 0 && j < n; j++) A[i * n + j] -= f * A[k * n + j];
            b[i] -= f * b[k];
        }
    }
    for (size_t k = n; k-- > 0;) {
        for (size_t j = k + 1; j < n; j++) b[k] -= A[k * n + j] * b[j];
        b[k] /= A[k * n + k];
    }
    return true;
}

static double value(const struct solver *s, const double *x, double t, double logdet)
{
    double sum = -s->tau * t - logdet;
    for (size_t k = 0; k < s->n; k++) sum -= log(x[k]);
    return sum;
}

/* One step of Newton's method; *decrement: how far from the centre. false: no step. */
static bool newton(double *decrement, struct solver *s)
{
    size_t n = s->n, m = n + 2, side = s->side;
    double logdet, size = 1, now;
    if (!factor(&logdet, s, s->x, s->t)) return false;
    now = value(s, s->x, s->t, logdet);
    invert(s);
    memset(s->H, 0, m * m * sizeof *s->H);
    for (size_t k = 0; k < n; k++) {
        sandwich(s, k, s->L);
        for (size_t j = 0; j <= k; j++) s->H[k * m + j] = s->H[j * m + k] = against(s, j, s->C);
        double trace = 0;
        for (size_t i = 0; i < side; i++) trace += s->C[i * side + i];
        s->H[k * m + n] = s->H[n * m + k] = trace;
        s->H[k * m + k] += 1 / (s->x[k] * s->x[k]);
        s->grad[k] = against(s, k, s->Z) - 1 / s->x[k];
        s->H[k * m + n + 1] = s->H[(n + 1) * m + k] = k < s->g->n_atoms;
    }
    s->grad[n] = -s->tau;
    for (size_t i = 0; i < side; i++) {
        s->grad[n] += s->Z[i * side + i];
        for (size_t j = 0; j < side; j++) s->H[n * m + n] += s->Z[i * side + j] * s->Z[i * side + j];
    }
    for (size_t k = 0; k <= n; k++) s->step[k] = -s->grad[k];
    s->step[n + 1] = 0;
    if (!solve(s->H, s->step, m)) return false;
    *decrement = 0;
    for (size_t k = 0; k <= n; k++) *decrement -= s->grad[k] * s->step[k];
    if (!isfinite(*decrement)) return false;
    for (int tries = 0; tries < 60; tries++, size /= 2) {
        bool inside = true;
        for (size_t k = 0; k < n; k++) inside = inside && (s->try[k] = s->x[k] + size * s->step[k]) > 0;
        double t = s->t + size * s->step[n];
        if (!inside || !factor(&logdet, s, s->try, t) || !(value(s, s->try, t, logdet) <= now - 1e-4 * size * *decrement + 1e-12 * fabs(now))) continue;
        memcpy(s->x, s->try, n * sizeof *s->x);
        s->t = t;
        return true;
    }
    return false;
}

/* ---- set-up ---- */

/* Where all atoms have a common kernel the matrix is never positive definite: the columns in a basis of the rest. */
static bool project(struct solver *s)
{
    size_t D = s->g->side, rank = 0;
    double *S = mem_array(D * D, sizeof *S), *A = mem_array(D * D, sizeof *A), *q = mem_array(D, sizeof *q), *V = mem_array(D * D, sizeof *V);
    bool good = S && A && q && V;
    for (size_t k = 0; good && k < s->n; k++) {
        memset(A, 0, D * D * sizeof *A);
        add_matrix(A, s, k, 1);
        for (size_t i = 0; i < D; i++)
            for (size_t m = 0; m < D; m++)
                for (size_t j = 0; j < D && A[i * D + m] != 0; j++) S[i * D + j] += A[i * D + m] * A[m * D + j];
    }
    good = good && symmetric_eigen(q, V, S, D);
    while (good && rank < D && q[D - 1 - rank] > 1e-22 * q[D - 1]) rank++;
    if (good && rank < D && rank > 0) {
        double *B = mem_array(s->n * rank * rank, sizeof *B);
        good = B != NULL;
        for (size_t k = 0; good && k < s->n; k++) {
            memset(A, 0, D * D * sizeof *A);
            add_matrix(A, s, k, 1);
            for (size_t i = 0; i < D; i++)
                for (size_t b = 0; b < rank; b++) {
                    double sum = 0;
                    for (size_t j = 0; j < D; j++) sum += A[i * D + j] * V[j * D + D - rank + b];
                    for (size_t a = 0; a < rank; a++) B[(k * rank + a) * rank + b] += V[i * D + D - rank + a] * sum;
                }
        }
        s->B = B;
        s->side = rank;
        s->V = V;
        V = NULL;
    }
    free(S), free(A), free(q), free(V);
    return good;
}

static bool set_up(struct solver *s, const struct program *g)
{
    size_t D = g->side, n = g->n;
    *s = (struct solver){.g = g, .side = D, .n = n, .tau = 1, .t = -(double)n - 1};
    if (n == g->n_atoms && !project(s)) return false;
    s->X = mem_array(D * D, sizeof *s->X), s->L = mem_array(D * D, sizeof *s->L), s->Z = mem_array(D * D, sizeof *s->Z), s->C = mem_array(D * D, sizeof *s->C);
    s->H = mem_array((n + 2) * (n + 2), sizeof *s->H), s->step = mem_array(n + 2, sizeof *s->step), s->grad = mem_array(n + 2, sizeof *s->grad);
    s->try = mem_array(n + 2, sizeof *s->try), s->x = mem_array(n + 2, sizeof *s->x);
    if (!s->X || !s->L || !s->Z || !s->C || !s->H || !s->step || !s->grad || !s->try || !s->x) return false;
    for (size_t k = 0; k < n; k++) s->x[k] = k < g->n_atoms ? 1 / (double)g->n_atoms : 1 / (double)n;
    return true;
}

static void clear(struct solver *s)
{
    free(s->X), free(s->L), free(s->Z), free(s->C), free(s->H), free(s->step), free(s->grad), free(s->try), free(s->x), free(s->V), free(s->B);
}

/* The inverse is, but for a factor, a mixture of points (1, z) at which no atom is negative on average: its eigenvectors. */
static void note_starts(struct starts *out, struct solver *s, const struct poly_claim *c)
{
    size_t n = s->side, D = s->g->side, N = c->n_variables, some = n < 8 ? n : 8;
    double logdet, *q = mem_array(n, sizeof *q), *V = mem_array(n * n, sizeof *V), *z = mem_array(2 * some * N, sizeof *z);
    bool good = q && V && z && factor(&logdet, s, s->x, s->t);
    if (good) invert(s);
    good = good && symmetric_eigen(q, V, s->Z, n);
    for (size_t k = 0; good && k < some; k++) {
        double first = 0;
        for (size_t a = 0; a < D; a++) {
            double v = s->V ? 0 : V[a * n + n - 1 - k];
            for (size_t b = 0; s->V && b < n; b++) v += s->V[a * D + D - n + b] * V[b * n + n - 1 - k];
            if (a == 0) first = v;
            else {
                z[2 * k * N + s->g->variable[a] - 1] = fabs(first) > 1e-6 ? v / first : 64 * v;
                z[(2 * k + 1) * N + s->g->variable[a] - 1] = fabs(first) > 1e-6 ? -v : -64 * v;
            }
        }
    }
    free(q);
    free(V);
    if (!good) {
        free(z);
        return;
    }
    free(out->z);
    *out = (struct starts){z, 2 * some};
}

enum status program_solve(bool *solved, double *x, double *t, struct starts *starts, const struct program *g, const struct poly_claim *c, const struct limits *l)
{
    struct solver s;
    double decrement = 0, count = (double)(g->side + g->n);
    bool good = set_up(&s, g), going = true;
    *solved = false;
    for (int k = 0; good && going && k < ROUNDS && !limits_expired(l); k++) {
        going = newton(&decrement, &s);
        *solved = *solved || going;
        if (going && decrement > 0.1) continue;
        if (s.t > 2 * count / s.tau || s.t + 2 * count / s.tau < 0 || count / s.tau < GAP) break;
        s.tau *= 6;
        going = true;
    }
    if (*solved) {
        for (size_t k = 0; k < g->n; k++) x[k] = s.x[k] / g->columns[k].scale;
        *t = s.t;
        if (!(s.t > 0)) note_starts(starts, &s, c);
    }
    clear(&s);
    return good ? STATUS_OK : STATUS_MEMORY;
}
