#include "vector.h"
#include "base.h"

mpq_t *vector_new(size_t n) {
    mpq_t *v = mem_get(n + 1, sizeof *v);
    for (size_t i = 0; i < n; i++) mpq_init(v[i]);
    return v;
}

void vector_free(mpq_t *v, size_t n) {
    for (size_t i = 0; v != NULL && i < n; i++) mpq_clear(v[i]);
    mem_free(v);
}

void vector_add(mpq_t *out, const mpq_t *in, const mpq_t factor, size_t n) {
    mpq_t t;
    mpq_init(t);
    for (size_t i = 0; i < n; i++) {
        if (mpq_sgn(in[i]) == 0) continue;
        mpq_mul(t, in[i], factor);
        mpq_add(out[i], out[i], t);
    }
    mpq_clear(t);
}

mpz_t *integers_new(size_t n) {
    mpz_t *x = mem_get(n, sizeof *x);
    for (size_t i = 0; i < n; i++) mpz_init(x[i]);
    return x;
}

void integers_free(mpz_t *x, size_t n) {
    for (size_t i = 0; x != NULL && i < n; i++) mpz_clear(x[i]);
    mem_free(x);
}
