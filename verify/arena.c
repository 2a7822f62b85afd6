#include "verify/arena.h"
#include <stdint.h>
#include <string.h>
#include "core/mem.h"

#define CHUNK_BYTES ((size_t)64 * 1024)

struct arena_chunk { struct arena_chunk *next; size_t used, size; max_align_t bytes[]; };

void arena_init(struct arena *a) { *a = (struct arena){0}; }

void arena_clear(struct arena *a)
{
    for (size_t i = 0; i < a->n_numbers; i++)
        mpq_clear(a->numbers[i]);
    free(a->numbers);
    while (a->chunks) {
        struct arena_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
    arena_init(a);
}

static struct arena_chunk *chunk_new(struct arena *a, size_t bytes)
{
    size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    struct arena_chunk *c = size > SIZE_MAX - sizeof *c ? NULL : mem_array(1, sizeof *c + size);
    if (!c) {
        a->failed = true;
        return NULL;
    }
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    const size_t align = sizeof(max_align_t);
    if (n && size > (SIZE_MAX / 2) / n) {
        a->failed = true;
        return NULL;
    }
    size_t bytes = (n * size + align - 1) / align * align;
    struct arena_chunk *c = a->chunks;
    if (!c || c->size - c->used < bytes)
        c = chunk_new(a, bytes);
    if (!c)
        return NULL;
    void *out = (char *)c->bytes + c->used;
    c->used += bytes;
    return out;
}

char *arena_string(struct arena *a, const char *s, size_t n)
{
    char *out = arena_array(a, n + 1, 1);
    if (out)
        memcpy(out, s, n);
    return out;
}

void *arena_grow(struct arena *a, void *old, size_t n, size_t size)
{
    if (n && (n < 4 || (n & (n - 1)) != 0))
        return old;
    void *fresh = arena_array(a, n ? 2 * n : 4, size);
    if (fresh && n)
        memcpy(fresh, old, n * size);
    return fresh;
}

struct expr *expr_new(struct arena *a, enum form form, struct place at)
{
    struct expr *e = arena_array(a, 1, sizeof *e);
    if (!e)
        return NULL;
    e->form = form;
    e->at = at;
    e->slot = -1;
    e->function = FUNCTION_COUNT;
    a->n_exprs++;
    return e;
}

struct expr *expr_number(struct arena *a, struct place at, const mpq_t q)
{
    struct expr *e = expr_new(a, FORM_NUMBER, at);
    mpq_ptr *grown = e ? mem_grow(a->numbers, &a->room, a->n_numbers + 1, sizeof *grown) : NULL;
    if (!grown) {
        a->failed = true;
        return NULL;
    }
    a->numbers = grown;
    mpq_init(e->number);
    mpq_set(e->number, q);
    e->has_number = true;
    a->numbers[a->n_numbers++] = e->number;
    return e;
}

struct expr *expr_integer(struct arena *a, struct place at, long n)
{
    mpq_t q;
    mpq_init(q);
    mpq_set_si(q, n, 1);
    struct expr *e = expr_number(a, at, q);
    mpq_clear(q);
    return e;
}

bool expr_deepen(struct arena *a, struct expr *e, const struct expr *child)
{
    if (child->depth >= EXPR_MAX_DEPTH) {
        a->too_deep = true;
        return false;
    }
    if (e->depth <= child->depth)
        e->depth = child->depth + 1;
    return true;
}

bool expr_add_arg(struct arena *a, struct expr *e, struct expr *arg)
{
    if (!arg || !expr_deepen(a, e, arg))
        return false;
    struct expr **grown = arena_grow(a, e->args, e->n_args, sizeof *grown);
    if (!grown)
        return false;
    e->args = grown;
    e->args[e->n_args++] = arg;
    return true;
}

bool number_fits(const mpq_t q)
{
    return mpz_sizeinbase(mpq_numref(q), 2) <= NUMBER_MAX_BITS && mpz_sizeinbase(mpq_denref(q), 2) <= NUMBER_MAX_BITS;
}

bool number_power(mpq_t out, const mpq_t x, const mpq_t e, bool *too_large)
{
    if (mpz_cmp_ui(mpq_denref(e), 1) != 0 || mpz_cmpabs_ui(mpq_numref(e), 4096) > 0)
        return false;
    long k = mpz_get_si(mpq_numref(e));
    if (k < 0 && mpq_sgn(x) == 0)
        return false;
    unsigned long n = (unsigned long)(k < 0 ? -k : k);
    if (n && (mpz_sizeinbase(mpq_numref(x), 2) - 1 > NUMBER_MAX_BITS / n || mpz_sizeinbase(mpq_denref(x), 2) - 1 > NUMBER_MAX_BITS / n)) {
        *too_large = true;
        return false;
    }
    mpz_t num, den;
    mpz_inits(num, den, NULL);
    mpz_pow_ui(num, mpq_numref(x), n);
    mpz_pow_ui(den, mpq_denref(x), n);
    mpz_set(mpq_numref(out), k < 0 ? den : num);
    mpz_set(mpq_denref(out), k < 0 ? num : den);
    mpq_canonicalize(out);
    mpz_clears(num, den, NULL);
    if (!number_fits(out))
        *too_large = true;
    return !*too_large;
}

struct expr *expr_unary(struct arena *a, struct place at, enum oper oper, struct expr *x)
{
    if (!x)
        return NULL;
    if (oper == OPER_NEG && x->form == FORM_NUMBER) {
        struct expr *e = expr_number(a, at, x->number);
        if (e)
            mpq_neg(e->number, e->number);
        return e;
    }
    struct expr *e = expr_new(a, FORM_UNARY, at);
    if (!e || !expr_add_arg(a, e, x))
        return NULL;
    e->oper = oper;
    return e;
}

/* The literal of two literals, or NULL when it is none. */
static struct expr *fold(struct arena *a, struct place at, enum oper oper, const struct expr *x, const struct expr *y)
{
    struct expr *e = NULL;
    mpq_t q;
    mpq_init(q);
    if (oper == OPER_DIV && mpq_sgn(y->number) != 0) {
        mpq_div(q, x->number, y->number);
        if (number_fits(q))
            e = expr_number(a, at, q);
        else
            a->too_large = true;
    } else if (oper == OPER_POW && number_power(q, x->number, y->number, &a->too_large)) {
        e = expr_number(a, at, q);
    }
    mpq_clear(q);
    return e;
}

struct expr *expr_binary(struct arena *a, struct place at, enum oper oper, struct expr *x, struct expr *y)
{
    if (!x || !y)
        return NULL;
    if (x->form == FORM_NUMBER && y->form == FORM_NUMBER && (oper == OPER_DIV || oper == OPER_POW)) {
        struct expr *folded = fold(a, at, oper, x, y);
        if (folded || a->failed || a->too_large)
            return folded;
    }
    struct expr *e = expr_new(a, FORM_BINARY, at);
    if (!e || !expr_add_arg(a, e, x) || !expr_add_arg(a, e, y))
        return NULL;
    e->oper = oper;
    return e;
}
