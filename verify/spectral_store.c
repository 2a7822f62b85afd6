/* spectral_store.c: matrices that a statement has turned into nearly diagonal ones. */
#include <fmpz_vec.h>
#include <stdarg.h>
#include <stdio.h>
#include "core/mem.h"
#include "verify/quadratic.h"
#include "verify/spectral.h"

struct kept { const struct outputs *o; size_t j; fmpz *num; fmpz_t den; size_t n; struct eigenbasis *s; };
struct spectra { struct kept *items; size_t n, room; char remark[240]; };

struct spectra *spectra_new(void) { return mem_array(1, sizeof(struct spectra)); }

void spectra_free(struct spectra *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n; i++) {
        struct kept *k = &s->items[i];
        if (k->num) _fmpz_vec_clear(k->num, (slong)(k->n * k->n));
        fmpz_clear(k->den);
        spectral_clear(k->s);
        free(k->s);
    }
    free(s->items);
    free(s);
}

/* Takes num. */
static const struct eigenbasis *keep(struct spectra *s, const struct outputs *o, size_t j, fmpz *num, const fmpz_t den, size_t n)
{
    struct kept *grown = mem_grow(s->items, &s->room, s->n + 1, sizeof *grown);
    if (grown) s->items = grown;
    struct eigenbasis *made = grown ? mem_array(1, sizeof *made) : NULL;
    if (!made || !spectral_make(made, num, den, n)) {
        free(made);
        _fmpz_vec_clear(num, (slong)(n * n));
        return NULL;
    }
    struct kept *k = &s->items[s->n++];
    *k = (struct kept){.o = o, .j = j, .num = num, .n = n, .s = made};
    fmpz_init_set(k->den, den);
    if (o) {                        /* the key is the output */
        _fmpz_vec_clear(num, (slong)(n * n));
        k->num = NULL;
    }
    return made;
}

static const struct eigenbasis *output(struct spectra *s, const struct outputs *o, size_t j)
{
    size_t n = o->n;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].o == o && s->items[i].j == j) return s->items[i].s;
    fmpz *num = _fmpz_vec_init((slong)(n * n));
    fmpz_t den;
    fmpz_init(den);
    fmpz_one(den);
    fmpz_mul_2exp(den, den, o->scale + 1);
    form_numerators(num, o->c + j * o->each, n);
    const struct eigenbasis *found = keep(s, o, j, num, den, n);
    fmpz_clear(den);
    return found;
}

static const struct eigenbasis *matrix(struct spectra *s, const fmpz *num, const fmpz_t den, size_t n)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct kept *k = &s->items[i];
        if (k->num && k->n == n && fmpz_equal(k->den, den) && _fmpz_vec_equal(k->num, num, (slong)(n * n))) return k->s;
    }
    fmpz *copy = _fmpz_vec_init((slong)(n * n));
    _fmpz_vec_set(copy, num, (slong)(n * n));
    return keep(s, NULL, 0, copy, den, n);
}

const struct eigenbasis *spectra_output(struct spectra *s, const struct outputs *o, size_t j)
{
    const struct eigenbasis *found;
#pragma omp critical(spectra_store)
    found = output(s, o, j);
    return found;
}

const struct eigenbasis *spectra_matrix(struct spectra *s, const fmpz *num, const fmpz_t den, size_t n)
{
    const struct eigenbasis *found;
#pragma omp critical(spectra_store)
    found = matrix(s, num, den, n);
    return found;
}

void spectra_remark(struct spectra *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
#pragma omp critical(spectra_store)
    if (s->remark[0] == '\0') vsnprintf(s->remark, sizeof s->remark, format, args);
    va_end(args);
}

const char *spectra_remarked(const struct spectra *s) { return s && s->remark[0] ? s->remark : NULL; }
