#include "models/tensor_facts.h"

#include <math.h>
#include <stdlib.h>
#include <fmpz_mat.h>
#include <nmod_mat.h>

/* A prime below 2^63. */
#define PRIME 9223372036854775783ULL

/* x 2^1074 modulo the prime: |x| = m 2^(e - 53) with an integer m. */
static mp_limb_t residue(double x, nmod_t mod)
{
    int e;
    double m = frexp(fabs(x), &e);
    mp_limb_t r = (mp_limb_t)ldexp(m, 53);

    if (x == 0)
        return 0;
    if (e < -1021) /* subnormal: an integer times 2^-1074 */
        return x < 0 ? n_negmod((mp_limb_t)ldexp(fabs(x), 1074), mod.n) : (mp_limb_t)ldexp(fabs(x), 1074);
    r = n_mulmod2_preinv(r % mod.n, n_powmod2_preinv(2, e - 53 + 1074, mod.n, mod.ninv), mod.n, mod.ninv);
    return x < 0 ? n_negmod(r, mod.n) : r;
}

static size_t rank_modulo(const double *A, size_t k, size_t m)
{
    nmod_mat_t M;
    size_t rank;

    nmod_mat_init(M, (slong)k, (slong)m, PRIME);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < m; j++)
            nmod_mat_entry(M, i, j) = residue(A[i * m + j], M->mod);
    rank = (size_t)nmod_mat_rank(M);
    nmod_mat_clear(M);
    return rank;
}

/* x 2^shift, an integer. */
static void set_integer(fmpz_t out, double x, slong shift)
{
    int e;
    double m = frexp(x, &e);
    slong by = e - 53 + shift;

    fmpz_set_d(out, ldexp(m, 53));
    if (by >= 0)
        fmpz_mul_2exp(out, out, (ulong)by);
    else
        fmpz_tdiv_q_2exp(out, out, (ulong)-by); /* exact: shift was chosen so */
}

/* Exponent of the lowest bit that is set. */
static int lowest_bit(double x)
{
    int e;
    double m = frexp(x, &e);

    for (e -= 53, m = ldexp(m, 53); fmod(m, 2) == 0; m /= 2)
        e++;
    return e;
}

static size_t rank_exact(const double *A, size_t k, size_t m)
{
    fmpz_mat_t M;
    slong shift = -1100;
    size_t rank;

    for (size_t i = 0; i < k * m; i++)
        if (A[i] != 0 && -lowest_bit(A[i]) > shift)
            shift = -lowest_bit(A[i]);
    fmpz_mat_init(M, (slong)k, (slong)m);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < m; j++)
            set_integer(fmpz_mat_entry(M, (slong)i, (slong)j), A[i * m + j], shift);
    rank = (size_t)fmpz_mat_rank(M);
    fmpz_mat_clear(M);
    return rank;
}

/* Fraction-free elimination of what a prime does not settle: up to this many steps without being asked for. */
#define EXACT_WORK 3e5

static void ranks(struct tensor_facts *f, const double *A, const struct tensor *t, double *work)
{
    size_t n = t->rank == 3 ? t->shape[0] : 1, k = t->shape[t->rank - 2], m = t->shape[t->rank - 1], full = k < m ? k : m;
    double each = (double)k * (double)m * (double)full;

    if (!((double)n * each <= *work))
        return;
    *work -= (double)n * each;
    f->rank = RANK_EXACT;
    for (size_t h = 0; h < n; h++) {
        size_t rank = rank_modulo(A + h * k * m, k, m);
        if (rank < full && (each <= EXACT_WORK || isinf(*work)))
            rank = rank_exact(A + h * k * m, k, m);
        else if (rank < full)
            f->rank = RANK_AT_LEAST;
        f->rank_least = h == 0 || rank < f->rank_least ? rank : f->rank_least;
        f->rank_most = h == 0 || rank > f->rank_most ? rank : f->rank_most;
    }
}

/* Sum of squares of numbers of at most 1 in absolute value, in blocks: rounded at most 1 + 512 + n / 512 times, each by a factor of 1 +- 2^-53, and
 * what underflows is below 2^-1000 of the whole when the largest number is at least 1/2. */
static double square_sum(const double *A, size_t n, int exponent)
{
    double total = 0;

    for (size_t i = 0; i < n; i += 512) {
        double block = 0;
        for (size_t j = i; j < n && j < i + 512; j++) {
            double x = ldexp(A[j], -exponent);
            block += x * x;
        }
        total += block;
    }
    return total;
}

static void norm(struct tensor_facts *f, const double *A, size_t n)
{
    double sum, error = ((double)n / 512 + 600) * 0x1p-52;
    int exponent;

    if (f->largest == 0)
        return;
    (void)frexp(f->largest, &exponent);
    sum = square_sum(A, n, exponent);
    f->norm_lo = ldexp(sqrt(sum * (1 - error)) * (1 - 0x1p-51), exponent);
    f->norm_hi = ldexp(sqrt(sum * (1 + error)) * (1 + 0x1p-51), exponent);
    if (f->norm_hi < 0x1p-1000) { /* too near to 0 for relative bounds */
        f->norm_lo = 0;
        f->norm_hi = 0x1p-999;
    }
}

enum status tensor_facts(struct tensor_facts *out, const struct tensor *t, double *work)
{
    struct tensor_facts f = { .rank = RANK_NONE };
    struct tensor decoded = *t;
    size_t n = tensor_count(t);

    if (!tensor_need(&decoded))
        return STATUS_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (fabs(decoded.data[i]) > fabs(f.largest)) {
            f.largest = decoded.data[i];
            f.largest_at = i;
        }
    norm(&f, decoded.data, n);
    if (t->rank == 2 || t->rank == 3)
        ranks(&f, decoded.data, t, work);
    if (!t->data)
        free(decoded.data);
    *out = f;
    return STATUS_OK;
}
