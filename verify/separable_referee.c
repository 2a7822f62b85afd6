/* One complete sequence, in balls: what the double radii leave open. Tiers of 128 bits, then exact ties, then 256, 512 and 1024 bits.
 * A line times Z is sum_i exp(s_i) G_i with s_i = (q . k_i) / sqrt(d). Without LayerNorm all q . k and all G are exact dyadics or rationals:
 * exponentials of different algebraic numbers are linearly independent over them (Lindemann-Weierstrass), so the sum is 0 exactly
 * when the G of every group of equal exponents add to 0. */
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/separable.h"

static const slong precision[] = { 128, ARF_PREC_EXACT, 256, 512, 1024 };
#define N_TIERS (sizeof precision / sizeof *precision)

static const struct ball_tables *tier(struct problem *p, size_t i)
{
    struct ball_tables *t = NULL;
#pragma omp critical(separable_tiers)
    {
        if (!p->tiers[i]) {
            struct ball_tables *made = mem_array(1, sizeof *made);
            if (made) {
                ball_tables_init(made, &p->net, p->row, p->n_src, precision[i]);
                p->tiers[i] = made;
            }
        }
        t = p->tiers[i];
    }
    return t;
}

/* Weights exp(s_i - shift) of a sequence and their sum. */
static void weights(arb_ptr w, arb_t Z, const struct problem *p, const struct ball_tables *t, const int *tokens)
{
    arb_t shift;
    arb_init(shift);
    arb_zero(Z);
    for (size_t i = 0; i < p->n_src; i++) {
        ball_tables_dot(w + i, t, (size_t)tokens[p->row], i, (size_t)tokens[i]);
        arb_mul(w + i, w + i, t->scale, t->prec);
        if (i == 0 || arf_cmp(arb_midref(w + i), arb_midref(shift)) > 0)
            arf_set_round(arb_midref(shift), arb_midref(w + i), 64, ARF_RND_NEAR);
    }
    for (size_t i = 0; i < p->n_src; i++) {
        arb_sub(w + i, w + i, shift, t->prec);
        arb_exp(w + i, w + i, t->prec);
        arb_add(Z, Z, w + i, t->prec);
    }
    arb_clear(shift);
}

/* Position of the cell that an attention term reads, or n_src when the sequence does not hold its token there. */
static size_t attended(const struct problem *p, size_t cell, const int *tokens)
{
    for (size_t i = 0; i < p->n_src; i++)
        if (cell >= p->first[i] && cell < p->first[i + 1])
            return p->t.sets[i][cell - p->first[i]] == tokens[i] ? i : p->n_src;
    return p->n_src;
}

/* out = Z L. */
static void line_times_Z(arb_t out, const struct problem *p, const struct ball_tables *t, const struct form_line *x, const int *tokens,
                         arb_srcptr w, const arb_t Z)
{
    slong prec = t->prec;
    arb_t y, a;
    arb_init(y);
    arb_init(a);
    ball_set_number(a, x->c, prec);
    arb_mul(out, a, Z, prec);
    for (size_t e = 0; e < x->n; e++) {
        size_t j = x->terms[e].j;
        ball_set_number(a, x->terms[e].a, prec);
        if (j < t->J) {
            arb_mul(y, Z, arb_mat_entry(t->D, tokens[p->row], (slong)j), prec);
            for (size_t i = 0; i < p->n_src; i++)
                arb_addmul(y, w + i, arb_mat_entry(t->C, (slong)(i * t->V + (size_t)tokens[i]), (slong)j), prec);
            arb_addmul(out, a, y, prec);
        } else {
            size_t i = attended(p, j - t->J, tokens);
            if (i < p->n_src)
                arb_addmul(out, a, w + i, prec);
        }
    }
    arb_clear(y);
    arb_clear(a);
}

static void add_exact(mpq_t sum, arb_srcptr x, const mpq_t factor)
{
    fmpq_t q;
    mpq_t y;
    fmpq_init(q);
    mpq_init(y);
    arf_get_fmpq(q, arb_midref(x));
    fmpq_get_mpq(y, q);
    mpq_mul(y, y, factor);
    mpq_add(sum, sum, y);
    mpq_clear(y);
    fmpq_clear(q);
}

static void exact_G(mpq_t out, const struct problem *p, const struct ball_tables *t, const struct form_line *x, const int *tokens, size_t i)
{
    mpq_set(out, x->c);
    for (size_t e = 0; e < x->n; e++) {
        size_t j = x->terms[e].j;
        if (j < t->J) {
            add_exact(out, arb_mat_entry(t->D, tokens[p->row], (slong)j), x->terms[e].a);
            add_exact(out, arb_mat_entry(t->C, (slong)(i * t->V + (size_t)tokens[i]), (slong)j), x->terms[e].a);
        } else if (attended(p, j - t->J, tokens) == i)
            mpq_add(out, out, x->terms[e].a);
    }
}

static bool tables_exact(const struct ball_tables *t) { return arb_mat_is_exact(t->q) && arb_mat_is_exact(t->k) && arb_mat_is_exact(t->C) && arb_mat_is_exact(t->D); }

/* Is the line exactly zero there? */
static bool exact_tie(const struct problem *p, const struct ball_tables *t, const struct form_line *x, const int *tokens)
{
    size_t n = p->n_src;
    bool zero = true;
    bool *grouped = mem_array(n, sizeof *grouped);
    arb_ptr dot = _arb_vec_init((slong)n);
    mpq_t sum, G;
    mpq_init(sum);
    mpq_init(G);
    if (!grouped)
        zero = false;
    for (size_t i = 0; i < n; i++)
        ball_tables_dot(dot + i, t, (size_t)tokens[p->row], i, (size_t)tokens[i]);
    for (size_t i = 0; i < n && zero; i++) {
        if (grouped[i])
            continue;
        mpq_set_ui(sum, 0, 1);
        for (size_t k = i; k < n; k++)
            if (!grouped[k] && arf_equal(arb_midref(dot + i), arb_midref(dot + k))) {
                grouped[k] = true;
                exact_G(G, p, t, x, tokens, k);
                mpq_add(sum, sum, G);
            }
        zero = mpq_sgn(sum) == 0;
    }
    mpq_clear(sum);
    mpq_clear(G);
    _arb_vec_clear(dot, (slong)n);
    free(grouped);
    return zero;
}

/* What one tier says about one line. */
static enum truth line_truth(struct problem *p, size_t level, const struct form_line *x, bool strict, const int *tokens, arb_ptr w, const arb_t Z)
{
    const struct ball_tables *t = tier(p, level);
    if (!t)
        return TRUTH_UNSETTLED;
    if (precision[level] == ARF_PREC_EXACT) {
        if (p->net.has_ln || p->net.norm || p->net.changed || !tables_exact(t))
            return TRUTH_UNSETTLED;
        return exact_tie(p, t, x, tokens) ? (strict ? TRUTH_FALSE : TRUTH_TRUE) : TRUTH_UNSETTLED;
    }
    arb_t value;
    arb_init(value);
    line_times_Z(value, p, t, x, tokens, w, Z);
    enum truth truth = TRUTH_UNSETTLED;
    if (arb_is_positive(value) || (!strict && arb_is_nonnegative(value)))
        truth = TRUTH_TRUE;
    else if (arb_is_negative(value) || (strict && arb_is_nonpositive(value)))
        truth = TRUTH_FALSE;
    arb_clear(value);
    return truth;
}

enum truth problem_referee(struct problem *p, const struct class *c, const int *tokens, const int *active, size_t n_active)
{
    if (p->float32)
        return TRUTH_UNSETTLED;
    int *open = mem_array(n_active, sizeof *open);
    if (!open)
        return TRUTH_UNSETTLED;
    memcpy(open, active, n_active * sizeof *open);
    size_t n_open = n_active;
    enum truth all = TRUTH_TRUE;
    arb_ptr w = _arb_vec_init((slong)p->n_src);
    arb_t Z;
    arb_init(Z);
    for (size_t level = 0; level < N_TIERS && n_open > 0 && all == TRUTH_TRUE; level++) {
        const struct ball_tables *t = precision[level] == ARF_PREC_EXACT && (p->net.has_ln || p->net.norm || p->net.changed) ? NULL : tier(p, level);
        if (!t)
            continue;
        if (precision[level] != ARF_PREC_EXACT)
            weights(w, Z, p, t, tokens);
        size_t left = 0;
        for (size_t k = 0; k < n_open && all == TRUTH_TRUE; k++) {
            enum truth truth = line_truth(p, level, &c->d.set.lines[open[k]], c->d.strict[open[k]], tokens, w, Z);
            if (truth == TRUTH_FALSE)
                all = TRUTH_FALSE;
            else if (truth == TRUTH_UNSETTLED)
                open[left++] = open[k];
        }
        n_open = left;
    }
    _arb_vec_clear(w, (slong)p->n_src);
    arb_clear(Z);
    free(open);
    return all == TRUTH_TRUE && n_open > 0 ? TRUTH_UNSETTLED : all;
}

void problem_evaluate(arb_t out, struct problem *p, const struct class *c, const int *tokens, slong prec)
{
    size_t level = prec <= 128 ? 0 : prec <= 256 ? 2 : prec <= 512 ? 3 : 4;
    const struct ball_tables *t = tier(p, level);
    arb_indeterminate(out);
    if (!t)
        return;
    arb_ptr w = _arb_vec_init((slong)p->n_src);
    arb_t Z, value;
    arb_init(Z);
    arb_init(value);
    weights(w, Z, p, t, tokens);
    for (size_t k = 0; k < c->d.set.n; k++) {
        line_times_Z(value, p, t, &c->d.set.lines[k], tokens, w, Z);
        arb_div(value, value, Z, t->prec);
        if (k == 0)
            arb_set(out, value);
        else
            arb_min(out, out, value, t->prec);
    }
    arb_clear(value);
    arb_clear(Z);
    _arb_vec_clear(w, (slong)p->n_src);
}
