/* The walk of rule separable over the positions, with suffix minima and maxima of every form: a subtree is settled when all forms are positive in it, or one
 * never is; a complete sequence that is not clear is evaluated like any binding, at growing precision. */
#include "separable_walk.h"

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

/* n sequences, of which the walk's is one, have its truth. */
void walk_complete(struct walker *w, const uint32_t *left, uint32_t n_left, wide n) {
    struct eval *e = w->e;
    enum tri exact = exact_truth(w, left, n_left), t = exact;
    if (exact == OPEN) {
        e->env[w->s.slot] = (struct var){.set = true, .seq = true, .s = w->tokens, .n = w->s.n};
        e->fail.set = false;
        t = eval_decide(e, w->predicate);
        e->env[w->s.slot].set = false;
        if (w->negated) t = tri_not(t); /* counted for the conjunction of forms */
    }
    if (t == YES) w->true_count += n;
    else if (t == NO) w->false_count += n;
    else w->open_count += n;
}

/* The sign of form k on all sequences that begin as the walk's, when all its terms have it; else 0. */
static signed char settled_sign(const struct walker *w, uint32_t i, size_t class, size_t k) {
    signed char sign = w->before == NULL ? 0 : sign_of_both(w->before[(size_t)i * w->n_form + k], w->level[i].sign[class * w->n_form + k]);
    return sign == ANY_SIGN ? 0 : sign;
}

static void extend_signs(struct walker *w, uint32_t i, const uint32_t *left, uint32_t n_left) {
    for (uint32_t a = 0; w->before != NULL && a < n_left; a++)
        w->before[(size_t)(i + 1) * w->n_form + left[a]] = sign_of_both(w->before[(size_t)i * w->n_form + left[a]], w->sign[(size_t)w->cells[i] * w->n_form + left[a]]);
}

/* active: forms not yet settled as positive; part, upper: least and largest of their sums so far (one array in real semantics). Depth is the number of positions. */
static bool walk(struct walker *w, uint32_t i, size_t class, const int64_t *part, const int64_t *upper, const uint32_t *active, uint32_t n_active) {
    const struct level *l = &w->level[i];
    const int64_t *least = l->least + class * w->n_form, *most = l->most + class * w->n_form;
    uint32_t *left = mem_get(n_active, sizeof *left), n_left = 0;
    bool never = false;
    for (uint32_t a = 0; a < n_active && !never; a++) {
        uint32_t k = active[a];
        int64_t lo = part[k] + least[k], hi = upper[k] + most[k], r = w->radius[k];
        bool strict = w->form[k].strict;
        signed char sign = settled_sign(w, i, class, k);
        if (sign < 0 || (strict ? hi <= -r : hi < -r)) never = true;
        else if (sign == 0 && !(strict ? lo > r : lo >= r)) left[n_left++] = k;
    }
    bool more = true;
    if (never) w->false_count += l->count[class];
    else if (n_left == 0) w->true_count += l->count[class];
    else if (i == w->s.n) walk_complete(w, left, n_left, 1);
    else {
        int64_t *sum = mem_get(w->n_form, sizeof *sum), *high = w->top == w->g ? sum : mem_get(w->n_form, sizeof *high);
        for (uint32_t t = 0; more && t < l->tokens; t++) {
            size_t to = (size_t)l->classes.key[class * l->tokens + t];
            if (to == 0) continue;
            const int64_t *g = w->g + (size_t)(w->s.at[i] + t) * w->n_form;
            const int64_t *h = w->top + (size_t)(w->s.at[i] + t) * w->n_form;
            for (uint32_t a = 0; a < n_left; a++) sum[left[a]] = part[left[a]] + g[left[a]];
            for (uint32_t a = 0; a < n_left && high != sum; a++) high[left[a]] = upper[left[a]] + h[left[a]];
            w->tokens[i] = w->s.sets.v[i][t];
            w->cells[i] = w->s.at[i] + t;
            extend_signs(w, i, left, n_left);
            more = walk(w, i + 1, to, sum, high, left, n_left);
        }
        if (high != sum) mem_free(high);
        mem_free(sum);
    }
    mem_free(left);
    bool failed = w->open_count > 0 || (w->negated ? w->true_count : w->false_count) > 0;
    return more && !(w->need_all && failed);
}


/* Is every form positive on all sequences, by the least sums alone? */
static bool all_positive(const struct walker *w, const struct level *l, size_t class) {
    for (size_t k = 0; k < w->n_form; k++) {
        int64_t lo = l->least[class * w->n_form + k], r = w->radius[k];
        if (!(w->form[k].strict ? lo > r : lo >= r)) return false;
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
    int64_t *zero = mem_get(w->n_form, sizeof *zero);
    uint32_t *all = mem_get(w->n_form, sizeof *all);
    for (size_t k = 0; k < w->n_form; k++) all[k] = (uint32_t)k;
    walk(w, 0, start, zero, zero, all, (uint32_t)w->n_form);
    mem_free(zero);
    mem_free(all);
}
