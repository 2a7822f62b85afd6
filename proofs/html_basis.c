#include "proofs/html_basis.h"
#include <math.h>
#include <stdlib.h>
#include "core/mem.h"
#include "verify/spectral.h"

/* The angle from x, its middles drawn as doubles, to any unit vector that the balls hold: no more than the arc sine of their distance. */
static double degrees_of(arb_srcptr x, size_t n)
{
    double square = 0;
    for (size_t j = 0; j < n; j++) {
        double r = mag_get_d(arb_radref(x + j)) + 0x1p-52;
        square += r * r;
    }
    double chord = sqrt(square) * (1 + 0x1p-40);
    return chord < 1 ? asin(chord) * (1 + 0x1p-40) * 180 / 3.14159265358979 : 90;
}

static bool certified(struct drawn_basis *b, const fmpz *num, const fmpz_t den)
{
    struct eigenbasis s;
    if (!spectral_make(&s, num, den, b->n)) return false;
    arb_ptr x = _arb_vec_init((slong)b->n);
    for (size_t i = 0; i < b->n; i++) {
        bool isolated = spectral_vector(x, &s, i);
        b->q[i] = arf_get_d(arb_midref(s.d + i), ARF_RND_NEAR);
        b->degrees[i] = isolated ? degrees_of(x, b->n) : 90;
        for (size_t j = 0; j < b->n; j++) b->V[i * b->n + j] = arf_get_d(arb_midref((isolated ? x : s.v + i * b->n) + j), ARF_RND_NEAR);
    }
    _arb_vec_clear(x, (slong)b->n);
    spectral_clear(&s);
    return true;
}

static bool in_doubles(struct drawn_basis *b, const fmpz *num, const fmpz_t den)
{
    size_t n = b->n;
    double *A = mem_array(n * n, sizeof *A), *V = mem_array(n * n, sizeof *V);
    bool good = A && V;
    for (size_t i = 0; good && i < n * n; i++) A[i] = ratio(num + i, den);
    good = good && symmetric_eigen(b->q, V, A, n);
    for (size_t i = 0; good && i < n * n; i++) b->V[i % n * n + i / n] = V[i];
    for (size_t i = 0; i < n; i++) b->degrees[i] = -1;
    free(A), free(V);
    return good;
}

bool basis_make(struct drawn_basis *b, const fmpz *m, ulong scale, size_t n)
{
    *b = (struct drawn_basis){.n = n};
    if (n == 0 || n > BASIS_MOST) return false;
    b->q = mem_array(n, sizeof *b->q), b->V = mem_array(n * n, sizeof *b->V), b->degrees = mem_array(n, sizeof *b->degrees);
    fmpz *num = _fmpz_vec_init((slong)(n * n));
    fmpz_t den;
    fmpz_init(den);
    fmpz_one(den);
    fmpz_mul_2exp(den, den, scale + 1);
    form_numerators(num, m, n);
    bool good = b->q && b->V && b->degrees && (n <= BASIS_CERTIFIED ? certified : in_doubles)(b, num, den);
    _fmpz_vec_clear(num, (slong)(n * n));
    fmpz_clear(den);
    if (!good) basis_clear(b);
    return good;
}

void basis_clear(struct drawn_basis *b)
{
    free(b->q), free(b->V), free(b->degrees);
    *b = (struct drawn_basis){0};
}

void basis_say(struct text *out, const struct drawn_basis *b, size_t i)
{
    text_addf(out, "eigenvalue %.4g, ", b->q[i]);
    if (b->degrees[i] < 0) text_add(out, "its direction in doubles, not certified");
    else if (b->degrees[i] >= 90) text_add(out, "not isolated: no direction is certain");
    else text_addf(out, "direction certain to %.1e°", b->degrees[i]);
}
