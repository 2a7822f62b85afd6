/* The walk of rule separable over the positions, with suffix minima and maxima of every form: a subtree is settled when all forms are positive in it, or one
 * never is; a complete sequence that is not clear is evaluated like any binding, at growing precision. */
#include "separable_walk.h"
#include <string.h>

/* The forms that the sums left open, by sums at the sequence's own scale, and then by their exact signs (all of them > 0, or >= 0). */
static enum tri exact_truth(struct walker *w, const uint32_t *left, uint32_t n_left) {
    enum tri all = YES;
    uint32_t n_open = 0, *open = mem_get(n_left, sizeof *open);
    for (uint32_t a = 0; a < n_left && all != NO; a++) {
        signed char sign = terms_sign_here(w, left[a]);
        if (sign < 0) all = NO;
        else if (sign == 0) open[n_open++] = left[a];
    }
    for (uint32_t a = 0; a < n_open && all != NO; a++) {
        const struct iform *f = &w->form[open[a]];
        int sign = sep_sign(&w->s, f, w->cells);
        if (sign == 2) all = OPEN;
        else if (sign < 0 || (sign == 0 && f->strict)) all = NO;
    }
    mem_free(open);
    return all;
}

/* At the sequence of the walker's tokens. */
static enum tri predicate_here(struct walker *w) {
    struct eval *e = w->e;
    e->env[w->s.slot] = (struct var){.set = true, .seq = true, .s = w->tokens, .n = w->s.n};
    e->fail.set = false;
    enum tri t = eval_decide(e, w->predicate);
    e->env[w->s.slot].set = false;
    return t;
}

enum tri walk_at(struct walker *w, const uint32_t *cells) {
    for (uint32_t i = 0; i < w->s.n; i++) w->tokens[i] = w->s.sets.v[i][cells[i] - w->s.at[i]];
    return predicate_here(w);
}

/* n sequences, of which the walk's is one, have its truth. */
void walk_complete(struct walker *w, const uint32_t *left, uint32_t n_left, wide n) {
    enum tri t = exact_truth(w, left, n_left);
    if (t == OPEN) {
        t = predicate_here(w);
        if (w->negated) t = tri_not(t); /* counted for the conjunction of forms */
    }
    if (t == YES) w->true_count += n;
    else if (t == NO) w->false_count += n;
    else w->open_count += n;
}

/* Form k is positive when its sum is at least yes[k], and is not when it is below no[k]. */
struct descent { struct walker *w; struct depth *depth; int64_t *yes, *no; };

/* The sign of form k on all sequences that begin as the walk's and go on from this class, when all its terms have it; else 0. */
static signed char settled_sign(const struct walker *w, uint32_t i, size_t class, size_t k) {
    if (w->before == NULL) return 0;
    signed char here = sign_of_both(w->before[(size_t)(i - 1) * w->n_form + k], w->sign[(size_t)w->cells[i - 1] * w->n_form + k]);
    w->before[(size_t)i * w->n_form + k] = here;
    here = sign_of_both(here, w->level[i].sign[class * w->n_form + k]);
    return here == ANY_SIGN ? 0 : here;
}

/* The forms behind the cell that was taken last, from this class of level i on, i > 0. NO: one of them is positive on no sequence; YES: all on all; OPEN: those that are left stand at depth i. */
static enum tri enter(const struct descent *d, uint32_t i, size_t class) {
    const struct walker *w = d->w;
    struct depth *from = &d->depth[i - 1], *to = &d->depth[i];
    const int64_t *g = w->g + (size_t)w->cells[i - 1] * w->n_form, *h = w->top + (size_t)w->cells[i - 1] * w->n_form;
    const int64_t *least = w->level[i].least + class * w->n_form, *most = w->level[i].most + class * w->n_form;
    to->n = 0;
    for (uint32_t a = 0; a < from->n; a++) {
        uint32_t k = from->form[a];
        int64_t sum = from->sum[k] + g[k], high = from->high[k] + h[k];
        signed char sign = settled_sign(w, i, class, k);
        if (sign < 0 || high + most[k] < d->no[k]) { /* the first one that the next token is asked: it is likely to fail again */
            from->form[a] = from->form[0];
            from->form[0] = k;
            return NO;
        }
        to->sum[k] = sum;
        to->high[k] = high;
        if (sign == 0 && sum + least[k] < d->yes[k]) to->form[to->n++] = k;
    }
    return to->n == 0 ? YES : OPEN;
}

/* Counts what is settled of tokens that were looked at. *rest: something is left. false: they are not counted */
static bool count_together(struct walker *w, uint32_t i, size_t class, bool *rest) {
    wide yes, no;
    if (!together_count(&yes, &no, &w->together, i, class)) return false;
    w->true_count += yes;
    w->false_count += no;
    *rest = yes + no != w->level[i].count[class];
    return true;
}

/* Counts what is behind token t, of those that are not counted. */
static bool count_behind(struct descent *d, uint32_t i, size_t class, uint32_t t, size_t to) {
    wide yes, no;
    if (!together_behind(&yes, &no, &d->w->together, &d->depth[i], i, class, t, to)) return false;
    d->w->true_count += yes;
    d->w->false_count += no;
    return true;
}

/* Has what is asked of all sequences failed on one? */
static bool stopped(const struct walker *w) { return w->need_all && (w->open_count > 0 || (w->negated ? w->true_count : w->false_count) > 0); }

/* The sequences from this class of level i on. false: no more is asked */
static bool walk(struct descent *d, uint32_t i, size_t class) {
    struct walker *w = d->w;
    const struct level *l = &w->level[i];
    if (i == w->s.n) {
        walk_complete(w, d->depth[i].form, d->depth[i].n, 1);
        return true;
    }
    bool more = true, rest = true, looked = together_look(&w->together, &d->depth[i], i, class), counted = looked && count_together(w, i, class, &rest);
    if (!rest) return !stopped(w);
    for (uint32_t t = 0; more && t < l->tokens; t++) {
        if (counted && (t = together_next(&w->together, i, t)) == l->tokens) break;
        size_t to = (size_t)l->classes.key[class * l->tokens + t];
        if (to == 0 || (counted && count_behind(d, i, class, t, to))) continue;
        w->tokens[i] = w->s.sets.v[i][t];
        w->cells[i] = w->s.at[i] + t;
        enum tri all = looked ? together_truth(&w->together, i, t) : OPEN;
        if (all == OPEN) all = enter(d, i + 1, to);
        if (all == NO) w->false_count += w->level[i + 1].count[to];
        else if (all == YES) w->true_count += w->level[i + 1].count[to];
        else more = walk(d, i + 1, to);
        more = more && !stopped(w);
    }
    return more;
}

static void walk_from(struct walker *w, size_t class) {
    size_t K = w->n_form, n = (size_t)w->s.n + 1;
    int64_t *sums = mem_get(2 * n * K + 2 * K, sizeof *sums);
    uint32_t *forms = mem_get(n * K, sizeof *forms);
    struct descent d = {.w = w, .depth = mem_get(n, sizeof *d.depth), .yes = sums + 2 * n * K, .no = sums + (2 * n + 1) * K};
    for (size_t i = 0; i < n; i++) d.depth[i] = (struct depth){.sum = sums + i * K, .high = sums + (w->top == w->g ? i : n + i) * K, .form = forms + i * K};
    for (size_t k = 0; k < K; k++) {
        d.yes[k] = w->radius[k] + w->form[k].strict;
        d.no[k] = w->form[k].strict - w->radius[k];
        if (w->level[0].least[class * K + k] < d.yes[k]) forms[d.depth[0].n++] = (uint32_t)k;
    }
    uint32_t *open = mem_get(K, sizeof *open); /* the walk puts its own into another order */
    memcpy(open, forms, d.depth[0].n * sizeof *open);
    together_start(&w->together, w, open, d.depth[0].n);
    (void)walk(&d, 0, class);
    mem_free(open);
    mem_free(sums);
    mem_free(forms);
    mem_free(d.depth);
}

/* Is every form positive on all sequences, by the least sums alone? */
static bool all_positive(const struct walker *w, const struct level *l, size_t class) {
    for (size_t k = 0; k < w->n_form; k++) {
        if (l->least[class * w->n_form + k] < w->radius[k] + w->form[k].strict) return false;
    }
    return true;
}

void walk_count(struct walker *w) {
    const size_t start = 1; /* level 0 has one state; its class is 1, or 0 when no final state can be reached */
    if (w->level[0].classes.n <= start) return;
    terms_least(w);
    if (all_positive(w, &w->level[0], start)) {
        w->true_count = w->level[0].count[start];
        return;
    }
    terms_most(w);
    if (w->need_all) terms_signs(w); /* a count rests on sums alone */
    walk_from(w, start);
}
