/* The walk of rule separable over the positions, with suffix minima and maxima of every form: a subtree is settled when all forms are positive in it, or one
 * never is; a complete sequence that is not clear is evaluated like any binding, at growing precision. */
#include "fast_loops.h"
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

/* The tokens of the last position with a choice, settled together (real semantics, counts): by class x of its level, form and token, term and least sum behind it, at sum[(x * n_form + form) * tokens + token]; count[x * tokens + token]:
 * how many sequences are behind the token, 0: none, or they have not all that sum. least: of the forms left, by token. At least `clear` a sum is positive, below -clear it is not. */
struct together { uint32_t position, tokens; int64_t *sum, *least, *count, clear; bool *made; };
#define COUNT_MOST ((wide)1 << 60)     /* sequences of a class */
#define NO_POSITION UINT32_MAX
#define TOGETHER_MOST ((size_t)1 << 21) /* sums */

/* A depth of the walk: the forms that are not settled as positive there, and by form the least and the largest of its sums so far (one array in real semantics). */
struct depth { int64_t *sum, *high; uint32_t *form, n; };
/* Form k is positive when its sum is at least yes[k], and is not when it is below no[k]. */
struct descent { struct walker *w; struct depth *depth; int64_t *yes, *no; struct together last; };

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

static void together_start(struct together *l, const struct descent *d) {
    const struct walker *w = d->w;
    const struct sep *s = &w->s;
    uint32_t i = s->net->causal ? s->row + 1 : s->n;
    *l = (struct together){.position = NO_POSITION};
    if (w->top != w->g || w->before != NULL) return;
    do {
        if (i-- == 0) return;
    } while (i == s->row || s->at[i + 1] - s->at[i] < 2);
    size_t classes = w->level[i].classes.n;
    l->tokens = s->at[i + 1] - s->at[i];
    if (classes * w->n_form * l->tokens > TOGETHER_MOST) return;
    l->position = i;
    l->sum = mem_get(classes * w->n_form * l->tokens, sizeof *l->sum);
    l->least = mem_get(l->tokens, sizeof *l->least);
    l->count = mem_get(classes * l->tokens, sizeof *l->count);
    l->made = mem_get(classes, sizeof *l->made);
    for (size_t k = 0; k < w->n_form; k++)
        if (w->radius[k] > l->clear) l->clear = w->radius[k];
    l->clear++; /* for the forms that have to be above 0: their sums are integers */
}

static void together_clear(struct together *l) {
    void *all[] = {l->sum, l->least, l->count, l->made};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

static void together_make(struct together *l, const struct walker *w, size_t class) {
    const struct level *here = &w->level[l->position], *next = here + 1;
    size_t K = w->n_form;
    for (uint32_t t = 0; t < l->tokens; t++) {
        size_t to = (size_t)here->classes.key[class * l->tokens + t];
        const int64_t *g = w->g + (size_t)(w->s.at[l->position] + t) * K;
        bool exact = to != 0 && here->count[class] < COUNT_MOST;
        for (size_t k = 0; to != 0 && k < K; k++) {
            l->sum[(class * K + k) * l->tokens + t] = g[k] + next->least[to * K + k];
            exact = exact && next->least[to * K + k] == next->most[to * K + k];
        }
        l->count[class * l->tokens + t] = exact ? (int64_t)next->count[to] : 0;
    }
    l->made[class] = true;
}

/* least, from the sums so far */
static void together_least(struct together *l, const struct walker *w, const struct depth *from, size_t class) {
    if (!l->made[class]) together_make(l, w, class);
    for (uint32_t t = 0; t < l->tokens; t++) l->least[t] = INT64_MAX;
    for (uint32_t a = 0; a < from->n; a++) loop_least(l->least, l->sum + (class * w->n_form + from->form[a]) * l->tokens, from->sum[from->form[a]], l->tokens);
}

static enum tri together_truth(const struct together *l, size_t class, uint32_t t) {
    if (l->count[class * l->tokens + t] == 0) return OPEN;
    return l->least[t] >= l->clear ? YES : l->least[t] < -l->clear ? NO : OPEN;
}

/* Counts what is settled. true: nothing else is left */
static bool together_count(struct walker *w, const struct together *l, size_t class) {
    const int64_t *count = l->count + class * l->tokens;
    wide yes = (wide)loop_sum_where(l->least, l->clear, INT64_MAX, count, l->tokens), no = (wide)loop_sum_where(l->least, INT64_MIN, -l->clear, count, l->tokens);
    w->true_count += yes;
    w->false_count += no;
    return yes + no == w->level[l->position].count[class];
}

/* Has what is asked of all sequences failed on one? */
static bool stopped(const struct walker *w) { return w->need_all && (w->open_count > 0 || (w->negated ? w->true_count : w->false_count) > 0); }

/* The sequences from this class of level i on. false: no more is asked */
static bool walk(struct descent *d, uint32_t i, size_t class) {
    struct walker *w = d->w;
    const struct level *l = &w->level[i];
    bool more = true, together = i == d->last.position;
    if (i == w->s.n) {
        walk_complete(w, d->depth[i].form, d->depth[i].n, 1);
        return true;
    }
    if (together) together_least(&d->last, w, &d->depth[i], class);
    if (together && together_count(w, &d->last, class)) return !stopped(w);
    for (uint32_t t = 0; more && t < l->tokens; t++) {
        size_t to = (size_t)l->classes.key[class * l->tokens + t];
        if (to == 0) continue;
        w->tokens[i] = w->s.sets.v[i][t];
        w->cells[i] = w->s.at[i] + t;
        if (together && together_truth(&d->last, class, t) != OPEN) continue; /* it is counted */
        enum tri all = enter(d, i + 1, to);
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
        forms[k] = (uint32_t)k;
        d.yes[k] = w->radius[k] + w->form[k].strict;
        d.no[k] = w->form[k].strict - w->radius[k];
    }
    d.depth[0].n = (uint32_t)K;
    together_start(&d.last, &d);
    (void)walk(&d, 0, class);
    together_clear(&d.last);
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
