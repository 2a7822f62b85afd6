/* engine.c: outcomes, bindings, limits. */
#include "verify/engine.h"
#include "core/clock.h"
#include "core/mem.h"
#include <stdint.h>
#include <string.h>

bool limits_expired(const struct limits *l)
{
    if (!l) return false;
    if (l->stop && *l->stop) return true;
    return l->deadline > 0 && clock_seconds() >= l->deadline;
}

void outcome_init(struct outcome *o)
{
    memset(o, 0, sizeof *o);
    mpz_inits(o->number_lo, o->number_hi, o->total_lo, o->total_hi, o->cases, o->enter, NULL);
    mpq_inits(o->lo, o->hi, NULL);
}

void outcome_clear(struct outcome *o)
{
    mpz_clears(o->number_lo, o->number_hi, o->total_lo, o->total_hi, o->cases, o->enter, NULL);
    mpq_clears(o->lo, o->hi, NULL);
    binding_clear(&o->witness);
    binding_clear(&o->counterexample);
    binding_clear(&o->attains);
    for (size_t i = 0; i < o->n_items; i++) binding_clear(&o->items[i]);
    free(o->items);
    free(o->reason);
    free(o->evidence);
    memset(o, 0, sizeof *o);
}

void binding_clear(struct binding *b)
{
    for (size_t i = 0; i < b->n_parts; i++) {
        free(b->parts[i].name);
        free(b->parts[i].tokens);
        free(b->parts[i].vector);
    }
    free(b->parts);
    b->parts = NULL;
    b->n_parts = 0;
}

/* The first `most` numbers of a vector's text, and how many there are if these are not all. */
static void print_vector(struct text *out, const char *vector, size_t most)
{
    size_t commas = 0, end = 0;
    for (const char *p = vector; *p; p++) {
        commas += *p == ',';
        if (commas < most) end = (size_t)(p - vector) + 1;
    }
    text_add_n(out, vector, end);
    if (vector[end] && vector[end + 1]) text_addf(out, ",... (%zu entries)", commas + 1);
    else text_add(out, vector + end);
}

static void print(struct text *out, const struct binding *b, size_t most)
{
    if (b->n_parts == 0) text_add(out, "-");
    for (size_t i = 0; i < b->n_parts; i++) {
        text_addf(out, "%s%s=", i ? " " : "", b->parts[i].name);
        for (size_t k = 0; k < b->parts[i].n; k++) text_addf(out, "%s%d", k ? "," : "", b->parts[i].tokens[k]);
        if (b->parts[i].vector) print_vector(out, b->parts[i].vector, most);
        if (!b->parts[i].is_int && b->parts[i].n == 1) text_add(out, ",");
    }
}

void binding_print(struct text *out, const struct binding *b) { print(out, b, SIZE_MAX); }

void binding_show(struct text *out, const struct binding *b) { print(out, b, 6); }

static enum status add_part(struct binding *b, const char *name, bool is_int, const int *tokens, size_t n)
{
    size_t i = b->n_parts;
    b->parts[i].name = mem_string(name);
    b->parts[i].tokens = mem_array(n, sizeof *tokens);
    b->parts[i].is_int = is_int;
    b->parts[i].n = n;
    b->n_parts++;
    if (!b->parts[i].name || !b->parts[i].tokens) return STATUS_MEMORY;
    memcpy(b->parts[i].tokens, tokens, n * sizeof *tokens);
    return STATUS_OK;
}

enum status binding_add_vector(struct binding *b, const char *name, const char *vector)
{
    void *grown = realloc(b->parts, (b->n_parts + 1) * sizeof *b->parts);
    if (!grown) return STATUS_MEMORY;
    b->parts = grown;
    memset(&b->parts[b->n_parts], 0, sizeof *b->parts);
    enum status s = add_part(b, name, false, &(int){0}, 0);
    if (s == STATUS_OK && !(b->parts[b->n_parts - 1].vector = mem_string(vector))) s = STATUS_MEMORY;
    return s;
}

/* Replaces *out only when all went well. */
static enum status binding_take(struct binding *out, struct binding *made, enum status s)
{
    if (s == STATUS_OK) {
        binding_clear(out);
        *out = *made;
    } else
        binding_clear(made);
    return s;
}

enum status binding_read(struct binding *out, const struct binds *b, const struct interp *in)
{
    struct binding made = {0};
    made.parts = mem_array(b->n, sizeof *made.parts);
    enum status s = made.parts ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < b->n && s == STATUS_OK; i++) {
        const int *tokens;
        size_t n;
        bool is_int;
        if (!interp_bound(in, b->items[i].slot, &tokens, &n, &is_int)) s = STATUS_INTERNAL;
        else s = add_part(&made, b->items[i].name, is_int, tokens, n);
    }
    return binding_take(out, &made, s);
}

void binding_bind(struct interp *in, const struct binds *b, const struct binding *at)
{
    for (size_t i = 0; i < at->n_parts && i < b->n; i++) {
        if (at->parts[i].vector) continue;
        if (at->parts[i].is_int) interp_bind_int(in, b->items[i].slot, at->parts[i].tokens[0]);
        else interp_bind_tokens(in, b->items[i].slot, at->parts[i].tokens, at->parts[i].n);
    }
}

enum status binding_copy(struct binding *out, const struct binding *b)
{
    struct binding made = {0};
    made.parts = mem_array(b->n_parts, sizeof *made.parts);
    enum status s = made.parts ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < b->n_parts && s == STATUS_OK; i++) {
        s = add_part(&made, b->parts[i].name, b->parts[i].is_int, b->parts[i].tokens, b->parts[i].n);
        if (s == STATUS_OK && b->parts[i].vector && !(made.parts[i].vector = mem_string(b->parts[i].vector))) s = STATUS_MEMORY;
    }
    return binding_take(out, &made, s);
}

int binding_compare(const struct binding *a, const struct binding *b)
{
    for (size_t i = 0; i < a->n_parts && i < b->n_parts; i++) {
        size_t n = a->parts[i].n < b->parts[i].n ? a->parts[i].n : b->parts[i].n;
        for (size_t k = 0; k < n; k++)
            if (a->parts[i].tokens[k] != b->parts[i].tokens[k]) return a->parts[i].tokens[k] < b->parts[i].tokens[k] ? -1 : 1;
        if (a->parts[i].n != b->parts[i].n) return a->parts[i].n < b->parts[i].n ? -1 : 1;
    }
    return 0;
}
