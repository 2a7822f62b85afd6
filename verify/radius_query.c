/* One distance: the answer at the input, its rivals, and what is computed exactly. */
#include "verify/radius_query.h"
#include <math.h>
#include <omp.h>
#include "core/mem.h"
#include "core/number.h"

#define NOISE 1e-13        /* of the largest: eigenvalues and gradients below it are taken for 0 */
#define LARGE 200          /* inputs from which the rivals of one input are worth threads */

/* ---- numbers ---- */

void set_double(fmpq_t out, double x)
{
    mpq_t q;
    mpq_init(q);
    mpq_set_d(q, x);
    fmpq_set_mpq(out, q);
    mpq_clear(q);
}

/* x cut to SHORT_BITS bits, down */
double shortened_down(double x)
{
    int e;
    double m = frexp(x, &e);
    return ldexp(floor(ldexp(m, SHORT_BITS)), e - SHORT_BITS);
}

/* ---- the answer and its rivals ---- */

void form_matrix(double *A, const struct query *q, size_t k)
{
    const struct outputs *out = &q->m->out;
    size_t n = q->n;
    fmpz_t t;
    fmpz_init(t);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) {
            size_t at = monomial(n, i + 1, j + 1);
            fmpz_sub(t, out->c + q->a * out->each + at, out->c + k * out->each + at);
            A[i * n + j] = A[j * n + i] = ratio(t, q->unit) / (i == j ? 1 : 2);
        }
    fmpz_clear(t);
}

static const struct pair *find_pair(const struct radius_model *m, size_t a, size_t b)
{
    for (size_t i = 0; i < m->n_pairs; i++)
        if (m->pairs[i].a == a && m->pairs[i].b == b) return &m->pairs[i];
    return NULL;
}

static enum status decompose(const struct pair **out, struct query *q, size_t k)
{
    struct radius_model *m = q->m;
    size_t n = q->n;
#pragma omp critical(radius_store)
    *out = find_pair(m, q->a, k);
    if (*out) return STATUS_OK;
    double *A = mem_array(n * n, sizeof *A);
    struct eigen e;
    if (A) form_matrix(A, q, k);
    if (A && eigen_make(&e, A, n)) {
        double size = 0;
        for (size_t i = 0; i < n; i++) size = fmax(size, fabs(e.q[i]));
        for (size_t i = 0; i < n; i++)
            if (fabs(e.q[i]) < NOISE * size) e.q[i] = 0;
#pragma omp critical(radius_store)
        {
            *out = find_pair(m, q->a, k);
            if (!*out) {
                m->pairs[m->n_pairs] = (struct pair){q->a, k, e};
                *out = &m->pairs[m->n_pairs++];
                e = (struct eigen){0};
            }
        }
        eigen_clear(&e);
    }
    free(A);
    return *out ? STATUS_OK : STATUS_MEMORY;
}

/* The form answer - rival around x, exactly and in doubles. */
static enum status rival_make(struct rival *r, struct query *q, size_t k)
{
    size_t n = q->n;
    r->k = k;
    fmpz_init(r->twice);
    r->h = _fmpz_vec_init((slong)n + 1);
    r->gamma = mem_array(n, 2 * sizeof *r->gamma);
    if (!r->gamma) return STATUS_MEMORY;
    r->y = r->gamma + n;
    enum status s = decompose(&r->p, q, k);
    if (s != STATUS_OK) return s;
    _fmpz_vec_sub(r->h, q->gradients + q->a * (n + 1), q->gradients + k * (n + 1), (slong)n + 1);
    fmpz_sub(r->twice, q->values + q->a, q->values + k);
    fmpz_t unit;
    double largest = 0, *g = r->y;
    fmpz_init(unit);
    fmpz_mul(unit, q->unit, q->X);
    for (size_t i = 0; i < n; i++) g[i] = ratio(r->h + i + 1, unit), largest = fmax(largest, fabs(g[i]));
    fmpz_mul(unit, unit, q->X);
    r->c = ratio(r->twice, unit) / 2;
    fmpz_clear(unit);
    eigen_into(r->gamma, &r->p->e, g);
    for (size_t i = 0; i < n; i++)
        if (fabs(r->gamma[i]) < NOISE * largest) r->gamma[i] = 0;
    r->distance = !(r->c > 0) ? 0 : nearest_zero(r->y, &(struct spectral){r->p->e.q, r->gamma, r->c, n});
    return STATUS_OK;
}

static void rival_clear(struct rival *r, size_t n)
{
    if (!r->h) return;
    fmpz_clear(r->twice);
    _fmpz_vec_clear(r->h, (slong)n + 1);
    free(r->gamma);
}

enum status query_init(struct query *q, struct radius_model *m, const fmpq *x)
{
    size_t n = m->out.n, width = m->out.width;
    *q = (struct query){.m = m, .n = n, .x = x};
    text_init(&q->line);
    fmpz_init(q->unit);
    fmpz_one(q->unit);
    fmpz_mul_2exp(q->unit, q->unit, m->out.scale);
    q->zero = _fmpq_vec_init((slong)n);
    q->point = _fmpq_vec_init((slong)n);
    q->X = _fmpz_vec_init((slong)n + 1);
    q->work = _fmpz_vec_init((slong)n + 1);
    q->gradients = _fmpz_vec_init((slong)(width * (n + 1)));
    q->values = _fmpz_vec_init((slong)width);
    q->rivals = mem_array(width, sizeof *q->rivals);
    homogeneous(q->X, x, q->zero, n);
    for (size_t j = 0; j < width; j++) {
        gradient(q->gradients + j * (n + 1), q->values + j, m->out.c + j * m->out.each, q->X, n);
        if (fmpz_cmp(q->values + j, q->values + q->a) > 0) q->a = j;
    }
    return q->rivals ? STATUS_OK : STATUS_MEMORY;
}

void query_clear(struct query *q)
{
    size_t n = q->n, width = q->m->out.width;
    for (size_t i = 0; q->rivals && i < width; i++) rival_clear(&q->rivals[i], n);
    free(q->rivals);
    _fmpq_vec_clear(q->zero, (slong)n);
    _fmpq_vec_clear(q->point, (slong)n);
    _fmpz_vec_clear(q->X, (slong)n + 1);
    _fmpz_vec_clear(q->work, (slong)n + 1);
    _fmpz_vec_clear(q->gradients, (slong)(width * (n + 1)));
    _fmpz_vec_clear(q->values, (slong)width);
    fmpz_clear(q->unit);
    text_clear(&q->line);
}

/* ---- one query ---- */

enum status rivals_make(struct query *q, long target, struct diag *d)
{
    size_t width = q->m->out.width;
    if (target >= (long)width) return diag_fail(d, STATUS_INPUT, "radius: output %ld of a network of %zu", target, width);
    if (target == (long)q->a) return diag_fail(d, STATUS_INPUT, "radius: output %ld is the answer itself there", target);
    if (width < 2) return diag_fail(d, STATUS_INPUT, "radius: a network of one output has no other answer");
    for (size_t k = 0; k < width; k++) {
        if (k == q->a || (target >= 0 && (long)k != target)) continue;
        q->rivals[q->n_rivals++].k = k;
    }
    enum status status = STATUS_OK;
#pragma omp parallel for schedule(dynamic) if (q->n >= LARGE && !omp_in_parallel())
    for (size_t i = 0; i < q->n_rivals; i++) {
        enum status s = rival_make(&q->rivals[i], q, q->rivals[i].k);
        if (omp_get_thread_num() != 0) flint_cleanup();
#pragma omp critical(radius_status)
        if (s != STATUS_OK) status = s;
    }
    return status;
}

bool query_tied(const struct query *q)
{
    bool any = false;
    for (size_t i = 0; i < q->n_rivals; i++) any = any || fmpz_is_zero(q->rivals[i].twice);
    return any;
}

/* ---- points ---- */

/* Is output k at least the answer at x + q->point? Exactly. */
bool overtakes(struct query *q, size_t k)
{
    fmpz_t a, b;
    fmpz *X = _fmpz_vec_init((slong)q->n + 1);
    fmpz_init(a);
    fmpz_init(b);
    homogeneous(X, q->x, q->point, q->n);
    gradient(q->work, a, q->m->out.c + q->a * q->m->out.each, X, q->n);
    gradient(q->work, b, q->m->out.c + k * q->m->out.each, X, q->n);
    bool yes = fmpz_cmp(b, a) >= 0;
    fmpz_clear(a);
    fmpz_clear(b);
    _fmpz_vec_clear(X, (slong)q->n + 1);
    return yes;
}

/* A short number that is not below the length of q->point. */
void length_above(fmpq_t out, const struct query *q)
{
    fmpq_t sum, square;
    fmpq_init(sum);
    fmpq_init(square);
    for (size_t i = 0; i < q->n; i++) fmpq_addmul(sum, q->point + i, q->point + i);
    double d = sqrt(ratio(fmpq_numref(sum), fmpq_denref(sum)));
    fmpq_zero(out);
    if (fmpq_is_zero(sum)) d = 0;
    for (double room = exp2(-SHORT_BITS); !fmpq_is_zero(sum); room *= 2) {
        set_double(out, shortened_down(d * (1 + room)));
        fmpq_mul(square, out, out);
        if (fmpq_cmp(square, sum) >= 0) break;
    }
    fmpq_clear(sum);
    fmpq_clear(square);
}
