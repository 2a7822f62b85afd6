/* changes.c: where the answer changes along a segment. */
#include <string.h>
#include "core/mem.h"
#include "verify/roots.h"

#define SHOWN_BITS 40        /* of the ends of the intervals, unless two changes are nearer */

static void value_at(fmpq_t out, const fmpq *q, const fmpq_t s)
{
    fmpq_mul(out, q + 2, s);
    fmpq_add(out, out, q + 1);
    fmpq_mul(out, out, s);
    fmpq_add(out, out, q);
}

/* set[k]: output k is one of the largest at s */
static void largest_at(bool *set, const fmpq *q, size_t width, const fmpq_t s)
{
    fmpq *y = _fmpq_vec_init((slong)width), *best = y;
    for (size_t k = 0; k < width; k++) {
        value_at(y + k, q + 3 * k, s);
        if (fmpq_cmp(y + k, best) > 0) best = y + k;
    }
    for (size_t k = 0; k < width; k++) set[k] = fmpq_equal(y + k, best);
    _fmpq_vec_clear(y, (slong)width);
}

/* A number between two roots, the first below the second. */
static void between(fmpq_t out, const struct root *a, const struct root *b)
{
    fmpq_t lo, hi, next;
    fmpq_init(lo), fmpq_init(hi), fmpq_init(next);
    for (ulong bits = 16;; bits *= 2) {
        root_enclose(lo, hi, a, bits);
        root_enclose(next, out, b, bits);
        if (fmpq_cmp(hi, next) < 0) break;
    }
    fmpq_add(out, hi, next);
    fmpq_div_2exp(out, out, 1);
    fmpq_clear(lo), fmpq_clear(hi), fmpq_clear(next);
}

/* The ties of outputs in (0, 1), in order, each once, and 1 at the end; before: [ties + 1, width], the largest outputs before each of them. */
struct ties { struct root *at; bool *before; size_t n, room, width; };

static int by_value(const void *a, const void *b) { return root_compare(a, b); }

static bool ties_find(struct ties *t, const fmpq *q, size_t width)
{
    struct root zero, two[2];
    fmpq *d = _fmpq_vec_init(3);
    fmpq_t s;
    *t = (struct ties){.room = width * width + 2, .width = width};
    t->at = mem_array(t->room, sizeof *t->at);
    t->before = mem_array(t->room * width, sizeof *t->before);
    bool good = t->at && t->before;
    fmpq_init(s);
    root_init(&zero), root_init(&two[0]), root_init(&two[1]);
    for (size_t i = 0; t->at && i < t->room; i++) root_init(&t->at[i]);
    if (good) fmpq_one(&t->at[t->n++].p);                      /* the end of the segment */
    for (size_t i = 0; good && i < width; i++)
        for (size_t j = 0; j < i; j++) {
            difference_on_line(d, q + 3 * i, q + 3 * j);
            int some = roots_of(two, d);
            for (int m = 0; m < some; m++)
                if (root_compare(&two[m], &zero) > 0 && root_compare(&two[m], &t->at[0]) < 0) root_copy(&t->at[t->n++], &two[m]);
        }
    if (good) qsort(t->at, t->n, sizeof *t->at, by_value);
    size_t distinct = 0;
    for (size_t i = 0; good && i < t->n; i++)
        if (i == 0 || root_compare(&t->at[i], &t->at[distinct - 1]) != 0) {
            if (i != distinct) root_copy(&t->at[distinct], &t->at[i]);
            distinct++;
        }
    t->n = distinct;
    for (size_t i = 0; good && i < t->n; i++) {
        between(s, i > 0 ? &t->at[i - 1] : &zero, &t->at[i]);
        largest_at(t->before + i * width, q, width, s);
    }
    root_clear(&zero), root_clear(&two[0]), root_clear(&two[1]);
    _fmpq_vec_clear(d, 3);
    fmpq_clear(s);
    return good;
}

static void ties_clear(struct ties *t)
{
    for (size_t i = 0; t->at && i < t->room; i++) root_clear(&t->at[i]);
    free(t->at), free(t->before);
}

static void add_set(struct text *line, const bool *set, size_t width)
{
    const char *mark = " ";
    for (size_t k = 0; k < width; k++)
        if (set[k]) text_addf(line, "%s%zu", mark, k), mark = "+";
}

/* The root between dyadic numbers of so many bits, in [0, 1]. */
static void dyadic(fmpq_t lo, fmpq_t hi, const struct root *x, ulong bits)
{
    fmpz_t f;
    fmpz_init(f);
    root_enclose(lo, hi, x, bits + 4);
    for (int k = 0; k < 2; k++) {
        fmpq *end = k ? hi : lo;
        fmpz_mul_2exp(f, fmpq_numref(end), bits);
        if (k) fmpz_cdiv_q(f, f, fmpq_denref(end));
        else fmpz_fdiv_q(f, f, fmpq_denref(end));
        fmpz_set(fmpq_numref(end), f);
        fmpz_one(fmpq_denref(end));
        fmpq_div_2exp(end, end, bits);
    }
    fmpz_clear(f);
    if (fmpq_sgn(lo) < 0) fmpq_zero(lo);
    fmpq_t one;
    fmpq_init(one);
    fmpq_one(one);
    if (fmpq_cmp(hi, one) > 0) fmpq_one(hi);
    fmpq_clear(one);
}

static bool is_change(const struct ties *t, size_t i) { return i + 1 < t->n && memcmp(t->before + i * t->width, t->before + (i + 1) * t->width, t->width * sizeof *t->before) != 0; }

/* So many bits that the intervals of the changes are apart. */
static ulong bits_apart(const struct ties *t)
{
    fmpq_t lo, hi, last;
    fmpq_init(lo), fmpq_init(hi), fmpq_init(last);
    bool apart = false;
    ulong bits = SHOWN_BITS / 2;
    while (!apart) {
        bits *= 2;
        apart = true;
        fmpq_set_si(last, -1, 1);
        for (size_t i = 0; i < t->n; i++) {
            if (!is_change(t, i)) continue;
            dyadic(lo, hi, &t->at[i], bits);
            apart = apart && fmpq_cmp(last, lo) < 0;
            fmpq_set(last, hi);
        }
    }
    fmpq_clear(lo), fmpq_clear(hi), fmpq_clear(last);
    return bits;
}

enum status count_changes(long *out, struct text *line, const fmpq *q, size_t width)
{
    struct ties t;
    fmpq_t lo, hi;
    bool good = ties_find(&t, q, width);
    ulong bits = good && line ? bits_apart(&t) : 0;
    fmpq_init(lo), fmpq_init(hi);
    *out = 0;
    if (good && line) add_set(line, t.before, width);
    for (size_t i = 0; good && i < t.n; i++) {
        if (!is_change(&t, i)) continue;
        ++*out;
        if (!line) continue;
        dyadic(lo, hi, &t.at[i], bits);
        text_add(line, " "), fraction_add_text(line, lo);
        text_add(line, " "), fraction_add_text(line, hi);
        add_set(line, t.before + (i + 1) * width, width);
    }
    ties_clear(&t);
    fmpq_clear(lo), fmpq_clear(hi);
    return good ? STATUS_OK : STATUS_MEMORY;
}
