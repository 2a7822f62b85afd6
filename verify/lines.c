#include "verify/lines.h"

#include <string.h>

#include "core/mem.h"

static void line_clear(struct form_line *x)
{
    for (size_t i = 0; i < x->n; i++)
        mpq_clear(x->terms[i].a);
    free(x->terms);
    mpq_clear(x->c);
}

void lines_drop(struct form_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        line_clear(&s->lines[i]);
}

void form_set_clear(struct form_set *s)
{
    lines_drop(s);
    free(s->lines);
    memset(s, 0, sizeof *s);
}

static enum status one_line(struct form_set *out, size_t n_terms)
{
    memset(out, 0, sizeof *out);
    struct form_line *x = mem_array(1, sizeof *x);
    struct term *terms = mem_array(n_terms, sizeof *terms);
    if (!x || !terms) {
        free(x);
        free(terms);
        return STATUS_MEMORY;
    }
    mpq_init(x->c);
    x->terms = terms;
    out->lines = x;
    out->n = 1;
    return STATUS_OK;
}

enum status lines_constant(struct form_set *out, const mpq_t c)
{
    enum status s = one_line(out, 0);
    if (s == STATUS_OK)
        mpq_set(out->lines->c, c);
    return s;
}

enum status lines_terms(struct form_set *out, size_t from, size_t n)
{
    enum status s = one_line(out, n);
    if (s != STATUS_OK)
        return s;
    struct form_line *x = out->lines;
    for (; x->n < n; x->n++) {
        mpq_init(x->terms[x->n].a);
        mpq_set_ui(x->terms[x->n].a, 1, 1);
        x->terms[x->n].j = from + x->n;
    }
    return s;
}

bool lines_is_constant(const struct form_set *s) { return s->n == 1 && s->lines->n == 0; }

void lines_scale(struct form_set *s, const mpq_t factor)
{
    if (mpq_sgn(factor) < 0 && s->kind != FORMS_ONE)
        s->kind = s->kind == FORMS_SMALLEST ? FORMS_LARGEST : FORMS_SMALLEST;
    for (size_t i = 0; i < s->n; i++) {
        struct form_line *x = &s->lines[i];
        mpq_mul(x->c, x->c, factor);
        for (size_t k = 0; k < x->n; k++)
            mpq_mul(x->terms[k].a, x->terms[k].a, factor);
        while (mpq_sgn(factor) == 0 && x->n > 0)
            mpq_clear(x->terms[--x->n].a);
    }
}

static void take_term(struct form_line *out, const struct term *a, const struct term *b)
{
    struct term *to = &out->terms[out->n];
    mpq_init(to->a);
    to->j = a ? a->j : b->j;
    if (a && b)
        mpq_add(to->a, a->a, b->a);
    else
        mpq_set(to->a, a ? a->a : b->a);
    if (mpq_sgn(to->a) == 0)
        mpq_clear(to->a);
    else
        out->n++;
}

static enum status line_add(struct form_line *out, const struct form_line *a, const struct form_line *b)
{
    out->terms = mem_array(a->n + b->n, sizeof *out->terms);
    if (!out->terms)
        return STATUS_MEMORY;
    mpq_init(out->c);
    mpq_add(out->c, a->c, b->c);
    out->n = 0;
    for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
        bool left = i < a->n && (k >= b->n || a->terms[i].j <= b->terms[k].j);
        bool right = k < b->n && (i >= a->n || b->terms[k].j <= a->terms[i].j);
        take_term(out, left ? &a->terms[i] : NULL, right ? &b->terms[k] : NULL);
        i += left;
        k += right;
    }
    return STATUS_OK;
}

/* min a + min b is the minimum over all pairs. */
enum status lines_add(struct form_set *out, bool *linear, const struct form_set *a, const struct form_set *b)
{
    memset(out, 0, sizeof *out);
    *linear = a->kind == FORMS_ONE || b->kind == FORMS_ONE || a->kind == b->kind;
    if (!*linear)
        return STATUS_OK;
    if (b->n && a->n > LINES_MAX / b->n)
        return STATUS_LIMIT;
    out->kind = a->kind == FORMS_ONE ? b->kind : a->kind;
    out->lines = mem_array(a->n * b->n, sizeof *out->lines);
    if (!out->lines)
        return STATUS_MEMORY;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++) {
            enum status s = line_add(&out->lines[out->n], &a->lines[i], &b->lines[k]);
            if (s != STATUS_OK) {
                form_set_clear(out);
                return s;
            }
            out->n++;
        }
    return STATUS_OK;
}

enum status lines_join(struct form_set *a, bool *linear, struct form_set *b, enum forms kind)
{
    *linear = (a->kind == FORMS_ONE || a->kind == kind) && (b->kind == FORMS_ONE || b->kind == kind);
    if (!*linear)
        return STATUS_OK;
    if (a->n + b->n > LINES_MAX)
        return STATUS_LIMIT;
    struct form_line *lines = mem_array(a->n + b->n, sizeof *lines);
    if (!lines)
        return STATUS_MEMORY;
    if (a->n)
        memcpy(lines, a->lines, a->n * sizeof *lines);
    if (b->n)
        memcpy(lines + a->n, b->lines, b->n * sizeof *lines);
    free(a->lines);
    free(b->lines);
    a->lines = lines;
    a->n += b->n;
    a->kind = a->n > 1 ? kind : a->kind;
    memset(b, 0, sizeof *b);
    return STATUS_OK;
}
