/* Where the answer changes along a segment, and the lines `changes` of a certificate (FORMAT.md §3), each of which is tested against that. */
#include "bases.h"
#include "roots.h"
#include "words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* set[k]: output k is one of the largest at s */
static void largest_at(bool *set, const mpq_t *q, size_t width, const mpq_t s) {
    mpq_t *y = vector_new(width);
    size_t best = 0;
    for (size_t k = 0; k < width; k++) {
        mpq_mul(y[k], q[3 * k + 2], s);
        mpq_add(y[k], y[k], q[3 * k + 1]);
        mpq_mul(y[k], y[k], s);
        mpq_add(y[k], y[k], q[3 * k]);
        if (mpq_cmp(y[k], y[best]) > 0) best = k;
    }
    for (size_t k = 0; k < width; k++) set[k] = mpq_equal(y[k], y[best]) != 0;
    vector_free(y, width);
}

/* a rational between two roots, the first below the second */
static void between(mpq_t out, const struct root *a, const struct root *b) {
    mpq_t lo, hi;
    mpq_inits(lo, hi, NULL);
    for (unsigned long bits = 16; ; bits *= 2) {
        root_enclose(lo, out, a, bits);
        root_enclose(lo, hi, b, bits);
        if (mpq_cmp(out, lo) < 0) break;
    }
    mpq_add(out, out, lo);
    mpq_div_2exp(out, out, 1);
    mpq_clears(lo, hi, NULL);
}

/* The ties of outputs in (0, 1), in order, and 1 at the end. */
static void ties_find(struct changes *t, const mpq_t *q, size_t width) {
    struct root zero, two[2];
    mpq_t *d = vector_new(3);
    *t = (struct changes){.width = width, .room = width * width + 2, .n = 1};
    t->at = mem_get(t->room, sizeof *t->at);
    t->sets = mem_get((t->room + 1) * width, sizeof *t->sets);
    root_init(&zero);
    root_init(&two[0]);
    root_init(&two[1]);
    for (size_t i = 0; i < t->room; i++) root_init(&t->at[i]);
    mpq_set_ui(t->at[0].p, 1, 1);
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < i; j++) {
            difference_on_line(d, q + 3 * i, q + 3 * j);
            int some = roots_of(two, (const mpq_t *)d);
            for (int m = 0; m < some; m++)
                if (root_compare(&two[m], &zero) > 0 && root_compare(&two[m], &t->at[0]) < 0) root_set(&t->at[t->n++], &two[m]);
        }
    qsort(t->at, t->n, sizeof *t->at, root_compare);
    root_clear(&zero);
    root_clear(&two[0]);
    root_clear(&two[1]);
    vector_free(d, 3);
}

/* Ties that change nothing are left out: the set before a tie is compared with that of the stretch before the last change. */
void changes_find(struct changes *c, const mpq_t *q, size_t width) {
    ties_find(c, q, width);
    struct root last, here;
    mpq_t s;
    mpq_init(s);
    root_init(&last); /* 0 */
    root_init(&here);
    size_t ties = c->n, kept = 0;
    bool first = true;
    for (size_t i = 0; i < ties; i++) { /* the stretch between the last tie and this one */
        root_set(&here, &c->at[i]);
        if (root_compare(&last, &here) == 0) continue;
        between(s, &last, &here);
        bool *now = c->sets + (first ? 0 : kept + 1) * width;
        largest_at(now, q, width, s);
        if (!first && memcmp(now - width, now, width * sizeof *now) != 0) root_set(&c->at[kept++], &last); /* kept <= i: its place is free */
        first = false;
        root_set(&last, &here);
    }
    c->n = kept;
    root_clear(&last);
    root_clear(&here);
    mpq_clear(s);
}

void changes_clear(struct changes *c) {
    for (size_t i = 0; i < c->room; i++) root_clear(&c->at[i]);
    mem_free(c->at);
    mem_free(c->sets);
}

/* ---- lines ---- */

struct line { const struct binding *b; struct words words; struct fail *f; };

static bool bad(struct line *l, const char *what) { return fail_at(l->f, l->b->line, "changes: %s", what); }

/* The outputs that are marked, as `1+4`. */
static bool set_is(const char *s, size_t size, const bool *set, size_t width) {
    char number[24];
    const char *end = s + size;
    bool some = false;
    for (size_t k = 0; k < width; k++) {
        if (!set[k]) continue;
        size_t n = (size_t)snprintf(number, sizeof number, "%s%zu", some ? "+" : "", k);
        if ((size_t)(end - s) < n || memcmp(s, number, n) != 0) return false;
        s += n;
        some = true;
    }
    return s == end;
}

/* Does the next interval hold the change, and no earlier one? last: the end of the one before. */
static bool interval(struct line *l, const struct root *at, mpq_t last) {
    struct root lo, hi;
    const char *s;
    size_t n;
    root_init(&lo);
    root_init(&hi);
    bool good = words_next(&l->words, &s, &n) && rational_read(lo.p, s, n) && words_next(&l->words, &s, &n) && rational_read(hi.p, s, n);
    if (!good) bad(l, "two ends expected");
    else if (mpq_cmp(last, lo.p) >= 0 || mpq_cmp(lo.p, hi.p) > 0) good = bad(l, "the ends are not in order");
    else if (root_compare(&lo, at) > 0 || root_compare(at, &hi) > 0) good = bad(l, "an interval does not hold its change");
    mpq_set(last, hi.p);
    root_clear(&lo);
    root_clear(&hi);
    return good;
}

static bool same_changes(struct line *l, const struct changes *c) {
    const char *s;
    size_t n;
    mpq_t last;
    mpq_init(last);
    mpq_set_si(last, -1, 1);
    bool good = true;
    for (size_t i = 0; good && i <= c->n; i++) {
        if (i > 0 && l->words.at == l->words.end) good = bad(l, "a change is missing");
        else if (i > 0) good = interval(l, &c->at[i - 1], last);
        if (good && !(words_next(&l->words, &s, &n) && set_is(s, n, c->sets + i * c->width, c->width))) good = bad(l, "not the largest outputs of a stretch");
    }
    mpq_clear(last);
    return good && l->words.at != l->words.end ? bad(l, "more changes than there are") : good;
}

static bool point(struct line *l, mpq_t *out, size_t n) {
    const char *s;
    size_t size;
    return words_next(&l->words, &s, &size) && vector_read(s, size, out, n) ? true : bad(l, "not a vector of the network's inputs");
}

static bool one_line(struct eval *e, struct line *l) {
    const char *s;
    size_t size;
    int model = words_next(&l->words, &s, &size) ? model_named(e->s, s, size) : -1;
    if (model < 0 || e->s->models[model].net == NULL) return bad(l, "no such model");
    size_t n = e->s->models[model].net->in_width;
    const struct rowpoly *o = eval_polynomials(e, model, -1, false);
    if (o == NULL) return bad(l, "the outputs are no polynomials of degree two");
    mpq_t *x = vector_new(n), *y = vector_new(n);
    bool good = point(l, x, n) && point(l, y, n);
    for (size_t i = 0; good && i < n; i++) mpq_sub(y[i], y[i], x[i]);
    if (good) {
        struct changes c;
        mpq_t *q = outputs_on_line(o, n, (const mpq_t *)x, (const mpq_t *)y);
        changes_find(&c, (const mpq_t *)q, o->width);
        good = same_changes(l, &c);
        changes_clear(&c);
        vector_free(q, 3 * o->width);
    }
    vector_free(x, n);
    vector_free(y, n);
    return good;
}

bool changes_check(const struct certificate *c, struct eval *e, struct fail *f) {
    for (size_t i = 0; i < c->n_changes; i++) {
        const struct binding *b = &c->changes[i];
        struct line l = {.b = b, .words = {b->s, b->s + b->n}, .f = f};
        if (!one_line(e, &l)) return false;
        if (i > 0 && compare_bytes(b[-1].s, b[-1].n, b->s, b->n) >= 0) return bad(&l, "lines are not in order, or one stands twice");
    }
    return true;
}
