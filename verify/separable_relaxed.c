/* Automata that know some tokens and of the others only that they are none of these (separable_relaxed.h). */
#include "verify/separable_relaxed.h"

#include <string.h>

#include "core/mem.h"

#define STATES_MOST 4096      /* of a layer */

enum status relaxed_init(struct relaxed *x, const struct sequence *t, const struct residual *from, int root)
{
    memset(x, 0, sizeof *x);
    x->t = t;
    x->root = root;
    enum status s = residual_copy(&x->terms, from, root);
    x->n_root = x->terms.n;
    x->some = mem_array(t->n, sizeof *x->some);
    x->n_some = mem_array(t->n, sizeof *x->n_some);
    bool good = x->some && x->n_some;
    for (size_t i = 0; i < t->n && good; i++)
        good = (x->some[i] = mem_array(t->n_set[i], sizeof **x->some)) != NULL;
    x->terms.some = x->some;
    x->terms.n_some = x->n_some;
    return good ? s : STATUS_MEMORY;
}

void relaxed_clear(struct relaxed *x)
{
    for (size_t i = 0; x->some && i < x->t->n; i++)
        free(x->some[i]);
    free(x->some);
    free(x->n_some);
    residual_clear(&x->terms);
    memset(x, 0, sizeof *x);
}

static bool has(const int *tokens, size_t n, int token)
{
    for (size_t k = 0; k < n; k++)
        if (tokens[k] == token)
            return true;
    return false;
}

void tracking_start(struct tracking *k, const struct sequence *t, const long *values, size_t n)
{
    *k = (struct tracking){ .values = values, .n_values = n };
    for (size_t v = 0; v < n && k->n < TRACKED_MOST / 2; v++) {
        bool token = false;
        for (size_t i = 0; i < t->n && !token; i++)
            for (size_t j = 0; j < t->n_set[i] && !token; j++)
                token = t->sets[i][j] == values[v];
        if (token)
            k->tokens[k->n++] = (int)values[v];
    }
}

/* Terms of other tokens are forgotten. */
static void begin(struct relaxed *x, const struct tracking *k)
{
    residual_forget(&x->terms, x->n_root);
    for (size_t i = 0; i < x->t->n; i++) {
        x->n_some[i] = 0;
        for (size_t j = 0; k && j < x->t->n_set[i]; j++)
            if (!has(k->tokens, k->n, x->t->sets[i][j]))
                x->some[i][x->n_some[i]++] = x->t->sets[i][j];
    }
}

/* May the term be a value of the class? */
static bool accepts(const struct relaxed *x, const struct tracking *k, int term)
{
    for (size_t v = 0; v < k->n_values; v++)
        if (residual_may_be(&x->terms, term, k->values[v]))
            return true;
    return false;
}

static enum status failed(const struct relaxed *x) { return x->terms.failed == STATUS_MEMORY ? STATUS_MEMORY : STATUS_UNSUPPORTED; }

/* A term that can be no value of the class leads nowhere; all that read no token any more are one. */
static long state_of(const struct relaxed *x, const struct tracking *k, int term)
{
    if (!accepts(x, k, term))
        return AUTOMATON_DEAD;
    return x->terms.terms[term].low == SIZE_MAX ? x->settled : term;
}

/* The states behind the token of number j, or behind any that is not tracked (known false). */
static enum status one_token(int *edges, struct row_index *next, struct relaxed *x, const struct tracking *k, const struct row_index *here, size_t i, size_t j, bool known)
{
    size_t width = x->t->n_set[i];
    for (size_t s = 0; s < here->n; s++) {
        size_t index;
        int term = known ? residual_step(&x->terms, (int)here->rows[s], i, j) : residual_step_some(&x->terms, (int)here->rows[s], i);
        if (term == REST_NONE)
            return failed(x);
        long to = state_of(x, k, term);
        edges[s * width + j] = AUTOMATON_DEAD;
        if (to == AUTOMATON_DEAD)
            continue;
        enum status status = row_index_find(&index, next, &to);
        if (status != STATUS_OK)
            return status;
        if (next->n > STATES_MOST)
            return STATUS_UNSUPPORTED;
        edges[s * width + j] = (int)index;
    }
    return STATUS_OK;
}

static enum status grow(int *edges, struct row_index *next, struct relaxed *x, const struct tracking *k, const struct row_index *here, size_t i)
{
    size_t width = x->t->n_set[i], other = SIZE_MAX;      /* the first token that is not tracked: the others lead where it does */
    for (size_t j = 0; j < width; j++) {
        bool known = has(k->tokens, k->n, x->t->sets[i][j]);
        enum status s = STATUS_OK;
        if (known || other == SIZE_MAX)
            s = one_token(edges, next, x, k, here, i, j, known);
        else
            for (size_t state = 0; state < here->n; state++)
                edges[state * width + j] = edges[state * width + other];
        if (s != STATUS_OK)
            return s;
        if (!known && other == SIZE_MAX)
            other = j;
    }
    return STATUS_OK;
}

static enum status minimise(struct automaton *out, struct automaton *all, const struct row_index *last)
{
    all->n_states[all->n] = last->n;
    all->output = mem_array(last->n, sizeof *all->output);
    if (!all->output)
        return STATUS_MEMORY;
    return automaton_minimise(out, all, all->output);
}

enum status relaxed_automaton(struct automaton *out, struct relaxed *x, const struct tracking *k)
{
    size_t n = x->t->n, index;
    struct automaton all;
    struct row_index layer[2];
    begin(x, k);
    long root = x->root;
    x->settled = rest_const(&x->terms, k->values[0]);
    memset(out, 0, sizeof *out);
    enum status s = automaton_init(&all, n, x->t->n_set);
    if (s != STATUS_OK)
        return s;
    row_index_init(&layer[0], 1);
    row_index_init(&layer[1], 1);
    s = row_index_find(&index, &layer[0], &root);
    for (size_t i = 0; i < n && s == STATUS_OK; i++) {
        struct row_index *here = &layer[i % 2], *next = &layer[(i + 1) % 2];
        row_index_clear(next);
        row_index_init(next, 1);
        all.n_states[i] = here->n;
        all.next[i] = mem_array(here->n * x->t->n_set[i], sizeof **all.next);
        s = all.next[i] ? grow(all.next[i], next, x, k, here, i) : STATUS_MEMORY;
    }
    if (s == STATUS_OK)
        s = minimise(out, &all, &layer[n % 2]);
    row_index_clear(&layer[0]);
    row_index_clear(&layer[1]);
    automaton_clear(&all);
    return s;
}

static size_t number_of(const struct sequence *t, size_t i, int token)
{
    size_t k = 0;
    while (t->sets[i][k] != token)
        k++;
    return k;
}

enum status relaxed_value(long *value, bool *any, struct relaxed *x, const int *tokens)
{
    int term = x->root;
    begin(x, NULL);
    for (size_t i = 0; i < x->t->n; i++) {
        term = residual_step(&x->terms, term, i, number_of(x->t, i, tokens[i]));
        if (term == REST_NONE)
            return failed(x);
    }
    *any = x->terms.terms[term].op == REST_CONST;
    *value = x->terms.terms[term].value;
    return STATUS_OK;
}

/* Is this sequence accepted? */
static enum status accepted(bool *out, struct relaxed *x, const struct tracking *k, const int *tokens)
{
    int term = x->root;
    begin(x, k);
    for (size_t i = 0; i < x->t->n; i++) {
        term = has(k->tokens, k->n, tokens[i]) ? residual_step(&x->terms, term, i, number_of(x->t, i, tokens[i])) : residual_step_some(&x->terms, term, i);
        if (term == REST_NONE)
            return failed(x);
    }
    *out = accepts(x, k, term);
    return STATUS_OK;
}

bool is_tracked(const struct tracking *k, int token) { return has(k->tokens, k->n, token); }

enum status relaxed_refine(struct tracking *k, struct relaxed *x, const int *tokens)
{
    size_t before = k->n, n = x->t->n;
    for (size_t i = 0; i < n; i++) {
        if (has(k->tokens, k->n, tokens[i]))
            continue;
        if (k->n == TRACKED_MOST)
            return STATUS_UNSUPPORTED;
        k->tokens[k->n++] = tokens[i];
    }
    for (size_t j = k->n; j-- > before;) {       /* those without which it is not accepted either are let go */
        struct tracking less = *k;
        bool still = false;
        memmove(less.tokens + j, less.tokens + j + 1, (less.n - j - 1) * sizeof *less.tokens);
        less.n--;
        enum status s = accepted(&still, x, &less, tokens);
        if (s != STATUS_OK)
            return s;
        if (!still)
            *k = less;
    }
    return STATUS_OK;
}

void relaxed_example(int *tokens, const struct relaxed *x, const struct automaton *a, bool alike)
{
    size_t s = 0;
    for (size_t i = 0; i < a->n; i++) {
        size_t width = a->n_tokens[i], first = SIZE_MAX, taken = SIZE_MAX;
        for (size_t k = 0; k < width; k++) {
            if (a->next[i][s * width + k] < 0)
                continue;
            if (first == SIZE_MAX)
                first = k;
            if (taken == SIZE_MAX && has(tokens, i, x->t->sets[i][k]) == alike)
                taken = k;
        }
        taken = taken == SIZE_MAX ? first : taken;
        tokens[i] = x->t->sets[i][taken];
        s = (size_t)a->next[i][s * width + taken];
    }
}
