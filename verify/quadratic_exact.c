/* Exact points, values and gradients of polynomials of degree two, and the doubles made of them. */
#include <arb_mat.h>
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/quadratic.h"

void fraction_add_text(struct text *out, const fmpq_t x)
{
    mpq_t q;
    mpq_init(q);
    fmpq_get_mpq(q, x);
    number_add_text(out, q);
    mpq_clear(q);
}

void fractions_add_text(struct text *out, const fmpq *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i) text_add(out, ",");
        fraction_add_text(out, v + i);
    }
    if (n == 1) text_add(out, ",");
}

bool fractions_read(fmpq *v, size_t n, const char *text)
{
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        size_t size = strcspn(text, ", ");
        char *one = mem_array(size + 1, 1);
        if (one) memcpy(one, text, size);
        good = one && size > 0 && fmpq_set_str(v + i, one, 10) == 0;
        free(one);
        text += size;
        if (*text == ',') text++;
        else good = good && i + 1 == n && n > 1;
    }
    return good && (*text == '\0' || *text == ' ');
}

void homogeneous(fmpz *X, const fmpq *a, const fmpq *b, size_t n)
{
    fmpq_t t;
    fmpq_init(t);
    fmpz_one(X);
    for (size_t i = 0; i < n; i++) {
        fmpq_add(t, a + i, b + i);
        fmpz_lcm(X, X, fmpq_denref(t));
    }
    for (size_t i = 0; i < n; i++) {
        fmpq_add(t, a + i, b + i);
        fmpz_divexact(X + i + 1, X, fmpq_denref(t));
        fmpz_mul(X + i + 1, X + i + 1, fmpq_numref(t));
    }
    fmpq_clear(t);
}

void gradient(fmpz *h, fmpz_t twice, const fmpz *m, const fmpz *X, size_t n)
{
    _fmpz_vec_zero(h, (slong)n + 1);
    for (size_t u = 0, at = 0; u <= n; u++)
        for (size_t v = u; v <= n; v++, at++) {
            if (fmpz_is_zero(m + at)) continue;
            fmpz_addmul(h + u, m + at, X + v);
            fmpz_addmul(h + v, m + at, X + u);
        }
    _fmpz_vec_dot(twice, h, X, (slong)n + 1);
}

void form_numerators(fmpz *num, const fmpz *m, size_t n)
{
    for (size_t u = 0; u < n; u++)
        for (size_t v = u; v < n; v++) {
            fmpz_mul_2exp(num + u * n + v, m + monomial(n, u + 1, v + 1), u == v ? 1 : 0);
            fmpz_set(num + v * n + u, num + u * n + v);
        }
}

double ratio(const fmpz_t a, const fmpz_t b)
{
    slong ea, eb;
    double x = fmpz_get_d_2exp(&ea, a), y = fmpz_get_d_2exp(&eb, b);
    slong e = ea - eb;
    return ldexp(x / y, (int)(e > 5000 ? 5000 : e < -5000 ? -5000 : e));
}

double short_between(double at, double w)
{
    double step = exp2(floor(log2(w * 0.75)));
    double x = ceil((at + w / 4) / step) * step;
    return x <= at + w ? x : at + w / 2;
}

/* Entry (i, j) of twice the matrix times unit, i >= j; row n is divided by X[0]. */
static void matrix_entry(arb_t out, const struct around *f, slong i, slong j, slong prec)
{
    slong n = (slong)f->n;
    if (i < n) {
        arb_set_fmpz(out, f->m + monomial(f->n, (size_t)j + 1, (size_t)i + 1));
        if (i == j) arb_mul_2exp_si(out, out, 1);
        return;
    }
    arb_set_fmpz(out, j < n ? f->h + j + 1 : f->twice);
    arb_div_fmpz(out, out, f->X, prec);
    if (j == n) arb_div_fmpz(out, out, f->X, prec);
}

bool multiplier_holds(const struct around *f, const fmpq_t radius2, double lambda)
{
    slong n = (slong)f->n, prec = 512;
    arb_mat_t A, L;
    arb_t l, r2;
    arb_mat_init(A, n + 1, n + 1);
    arb_mat_init(L, n + 1, n + 1);
    arb_init(l);
    arb_init(r2);
    arb_set_d(l, lambda);
    arb_mul_fmpz(l, l, f->unit, prec);
    arb_mul_2exp_si(l, l, 1);
    arb_set_fmpq(r2, radius2, prec);
    for (slong i = 0; i <= n; i++)
        for (slong j = 0; j <= i; j++) {
            matrix_entry(arb_mat_entry(A, i, j), f, i, j, prec);
            if (i == j && i < n) arb_add(arb_mat_entry(A, i, i), arb_mat_entry(A, i, i), l, prec);
            if (i != j) arb_set(arb_mat_entry(A, j, i), arb_mat_entry(A, i, j));
        }
    arb_submul(arb_mat_entry(A, n, n), l, r2, prec);
    bool holds = arb_mat_cho(L, A, prec);
    arb_mat_clear(A);
    arb_mat_clear(L);
    arb_clear(l);
    arb_clear(r2);
    return holds;
}
