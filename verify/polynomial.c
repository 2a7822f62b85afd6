/* Sparse polynomials of degree four or less with exact coefficients. */
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial.h"

#define TERMS_MOST ((size_t)1 << 22)     /* as in the checker */

int key_degree(monomial_key k)
{
    int d = 0;
    while (d < DEGREE_MOST && key_variable(k, d)) d++;
    return d;
}

bool key_times(monomial_key *out, monomial_key a, monomial_key b)
{
    int i = 0, j = 0, n = 0, da = key_degree(a), db = key_degree(b);
    if (da + db > DEGREE_MOST) return false;
    for (*out = 0; n < da + db; n++) {
        bool first = i < da && (j == db || key_variable(a, i) >= key_variable(b, j));
        *out |= (monomial_key)(first ? key_variable(a, i++) : key_variable(b, j++)) << (48 - 16 * n);
    }
    return true;
}

void poly_clear(struct poly *p)
{
    for (size_t i = 0; i < p->n; i++) fmpq_clear(&p->t[i].c);
    free(p->t);
    *p = (struct poly){0};
}

static int by_key(const void *a, const void *b)
{
    monomial_key x = ((const struct term *)a)->key, y = ((const struct term *)b)->key;
    return x < y ? -1 : x > y;
}

void poly_tidy(struct poly *p)
{
    size_t n = 0;
    if (p->tidy == p->n) return;
    qsort(p->t, p->n, sizeof *p->t, by_key);
    for (size_t i = 0; i < p->n; i++) {
        if (n > 0 && p->t[n - 1].key == p->t[i].key) {
            fmpq_add(&p->t[n - 1].c, &p->t[n - 1].c, &p->t[i].c);
            fmpq_clear(&p->t[i].c);
            continue;
        }
        if (n > 0 && fmpq_is_zero(&p->t[n - 1].c)) fmpq_clear(&p->t[--n].c);
        p->t[n++] = p->t[i];
    }
    if (n > 0 && fmpq_is_zero(&p->t[n - 1].c)) fmpq_clear(&p->t[--n].c);
    p->n = p->tidy = n;
}

void poly_term(struct poly *p, monomial_key key, const fmpq_t c)
{
    if (fmpq_is_zero(c) || p->failed) return;
    if (p->n >= 2 * p->tidy + 4096) poly_tidy(p);
    struct term *grown = p->n < TERMS_MOST ? mem_grow(p->t, &p->room, p->n + 1, sizeof *grown) : NULL;
    if (!grown) {
        p->failed = p->n < TERMS_MOST ? POLY_MEMORY : POLY_SIZE;
        return;
    }
    p->t = grown;
    p->t[p->n].key = key;
    fmpq_init(&p->t[p->n].c);
    fmpq_set(&p->t[p->n].c, c);
    p->n++;
}

void poly_add(struct poly *p, const struct poly *a, const fmpq_t factor)
{
    fmpq_t c;
    fmpq_init(c);
    if (a->failed && !p->failed) p->failed = a->failed;
    for (size_t i = 0; i < a->n && !p->failed; i++) {
        fmpq_mul(c, &a->t[i].c, factor);
        poly_term(p, a->t[i].key, c);
    }
    fmpq_clear(c);
}

void poly_times(struct poly *p, const struct poly *a, const struct poly *b)
{
    fmpq_t c;
    fmpq_init(c);
    if ((a->failed || b->failed) && !p->failed) p->failed = a->failed ? a->failed : b->failed;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n && !p->failed; j++) {
            monomial_key key;
            if (!key_times(&key, a->t[i].key, b->t[j].key)) {
                p->failed = POLY_DEGREE;
                break;
            }
            fmpq_mul(c, &a->t[i].c, &b->t[j].c);
            poly_term(p, key, c);
        }
    fmpq_clear(c);
}

void poly_value(fmpq_t out, const struct poly *p, const fmpq *z)
{
    fmpq_t c;
    fmpq_init(c);
    fmpq_zero(out);
    for (size_t i = 0; i < p->n; i++) {
        fmpq_set(c, &p->t[i].c);
        for (int k = 0; k < DEGREE_MOST && key_variable(p->t[i].key, k); k++) fmpq_mul(c, c, z + key_variable(p->t[i].key, k) - 1);
        fmpq_add(out, out, c);
    }
    fmpq_clear(c);
}

int poly_degree(const struct poly *p)
{
    int most = 0;
    for (size_t i = 0; i < p->n; i++) most = key_degree(p->t[i].key) > most ? key_degree(p->t[i].key) : most;
    return most;
}

bool polys_make(struct polys *v, bool vector, size_t n)
{
    *v = (struct polys){.vector = vector, .n = n, .p = mem_array(n, sizeof *v->p)};
    return v->p != NULL;
}

void polys_clear(struct polys *v)
{
    for (size_t i = 0; v->p && i < v->n; i++) poly_clear(&v->p[i]);
    free(v->p);
    *v = (struct polys){0};
}
