/* The forward automaton of all features: breadth first, a state is the vector of the values so far. */
#include <limits.h>
#include <string.h>

#include "core/mem.h"
#include "verify/features.h"
#include "verify/residual_terms.h"

#define RESIDUAL_STATES_MAX ((size_t)1 << 16)   /* of a layer, when what is left of an expression is a state: such steps cost more */
#define TRANSITIONS_MAX ((size_t)1 << 26)
#define NOTHING LONG_MIN   /* no value yet */

/* Entries of a state; the value is the first of one scan, the place of argmax and argmin, the last of the ranked ones. */
static size_t width_of(const struct feature *x)
{
    return x->scan == SCAN_LARGEST || x->scan == SCAN_SMALLEST ? x->rank : x->scan == SCAN_ARGMAX || x->scan == SCAN_ARGMIN ? 2 : 1;
}

static size_t state_width(struct features *f)
{
    size_t width = 0;
    for (size_t i = 0; i < f->n; i++)
        width += width_of(&f->items[i]);
    return width;
}

/* The largest (smallest) so far, falling (rising), NOTHING where there are fewer; v enters. */
static void rank_step(long *to, const long *state, const struct feature *x, long v)
{
    for (unsigned r = 0; r < x->rank; r++) {
        long old = state[r];
        bool before = old == NOTHING || (x->scan == SCAN_LARGEST ? v > old : v < old);
        to[r] = before ? v : old;
        v = before ? old : v;
        if (v == NOTHING) {
            for (r++; r < x->rank; r++)
                to[r] = NOTHING;
            return;
        }
    }
}

static void state_start(long *state, struct features *f)
{
    for (size_t i = 0; i < f->n; i++)
        switch (f->items[i].scan) {
        case SCAN_SUM: case SCAN_ANY: *state++ = 0; break;
        case SCAN_ALL: *state++ = 1; break;
        case SCAN_MAX: case SCAN_MIN: *state++ = NOTHING; break;
        case SCAN_ARGMAX: case SCAN_ARGMIN: *state++ = NOTHING; *state++ = NOTHING; break;
        case SCAN_LARGEST: case SCAN_SMALLEST: for (unsigned r = 0; r < f->items[i].rank; r++) *state++ = NOTHING; break;
        case SCAN_RESIDUAL: *state++ = f->items[i].term; break;
        }
}

struct layer { struct row_index states; int *from, *token; };   /* how each state was first reached */

/* What the terms of a layer become: after[feature][state * tokens + k], NULL for features of other kinds. Token after token, since what is known of a token is kept for it alone. */
static bool step_terms(int **after, const struct layer *here, struct features *f, size_t position, size_t width)
{
    size_t at = 0, n_set = f->t->n_set[position], n = here->states.n;
    for (size_t i = 0; i < f->n; at += width_of(&f->items[i++])) {
        if (f->items[i].scan != SCAN_RESIDUAL)
            continue;
        after[i] = mem_array(n * n_set, sizeof **after);
        if (!after[i])
            return residual_fail(&f->terms, STATUS_MEMORY), false;
        for (size_t k = 0; k < n_set; k++)
            for (size_t s = 0; s < n; s++)
                if ((after[i][s * n_set + k] = residual_step(&f->terms, (int)here->states.rows[s * width + at], position, k)) == REST_NONE)
                    return false;
    }
    return true;
}

/* edge: state * tokens + k. false when a sum leaves the range of long. */
static bool state_step(long *to, const long *state, struct features *f, size_t position, size_t k, int *const *after, size_t edge)
{
    size_t cell = f->first[position] + k;
    for (size_t i = 0; i < f->n; i++) {
        const struct feature *x = &f->items[i];
        if (x->rank > 0) {
            rank_step(to, state, x, x->value[cell]);
            to += x->rank;
            state += x->rank;
            continue;
        }
        bool two = x->scan == SCAN_ARGMAX || x->scan == SCAN_ARGMIN;
        long old = state[0], v = x->value[cell], now = old;
        bool first = old == NOTHING, take = false;
        switch (x->scan) {
        case SCAN_SUM: if (x->in[cell] && __builtin_add_overflow(old, v, &now)) return false; break;
        case SCAN_ANY: now = old || (x->in[cell] && v); break;
        case SCAN_ALL: now = old && (!x->in[cell] || v); break;
        case SCAN_MAX: case SCAN_ARGMAX: take = first || v > old; break;
        case SCAN_MIN: case SCAN_ARGMIN: take = first || v < old; break;
        case SCAN_LARGEST: case SCAN_SMALLEST: break;   /* above */
        case SCAN_RESIDUAL:
            now = after[i][edge];
            break;
        }
        take = take && x->in[cell];
        *to++ = take ? v : now;
        if (two)
            *to++ = take ? (long)position : state[1];
        state += two ? 2 : 1;
    }
    return true;
}

/* Where the state of the guard stands, or SIZE_MAX. */
static size_t guard_entry(const struct features *f)
{
    size_t at = 0;
    for (size_t i = 0; i < f->n; at += width_of(&f->items[i++]))
        if (f->items[i].guard)
            return at;
    return SIZE_MAX;
}

static enum status grow_layer(struct layer *next, int *edges, const struct layer *here, struct features *f, size_t i, size_t width, size_t most)
{
    size_t n_set = f->t->n_set[i];
    size_t room_from = 0, room_token = 0;
    enum status status = STATUS_MEMORY;
    long *state = mem_array(2 * width, sizeof *state);
    int **after = mem_array(f->n, sizeof *after);
    size_t guard = guard_entry(f);
    if (!state || !after)
        goto done;
    if (!step_terms(after, here, f, i, width)) {
        text_add(f->why, "the conditions on tokens distinguish too many cases");
        status = STATUS_UNSUPPORTED;
        goto done;
    }
    for (size_t s = 0; s < here->states.n; s++) {
        if (width)
            memcpy(state, here->states.rows + s * width, width * sizeof *state);
        for (size_t k = 0; k < n_set; k++) {
            size_t index, before = next->states.n;
            if (!state_step(state + width, state, f, i, k, after, s * n_set + k)) {
                text_add(f->why, "a sum over tokens is too large");
                status = STATUS_UNSUPPORTED;
                goto done;
            }
            edges[s * n_set + k] = AUTOMATON_DEAD;
            if (guard < width && rest_is_false((int)state[width + guard]))
                continue;
            status = row_index_find(&index, &next->states, state + width);
            if (status != STATUS_OK)
                goto done;
            edges[s * n_set + k] = (int)index;
            if (index < before)
                continue;
            int *from = mem_grow(next->from, &room_from, index + 1, sizeof *from);
            if (from)
                next->from = from;
            int *token = mem_grow(next->token, &room_token, index + 1, sizeof *token);
            if (token)
                next->token = token;
            status = from && token ? STATUS_OK : STATUS_MEMORY;
            if (status != STATUS_OK)
                goto done;
            from[index] = (int)s;
            token[index] = (int)k;
            if (next->states.n > most) {
                text_addf(f->why, "the conditions on tokens distinguish too many cases: more than %zu after position %zu", next->states.n - 1, i);
                status = STATUS_UNSUPPORTED;
                goto done;
            }
        }
    }
    status = STATUS_OK;
done:
    for (size_t j = 0; after && j < f->n; j++)
        free(after[j]);
    free(after);
    free(state);
    return status;
}

static void read_final(struct scanner *out, struct features *f, const struct layer *layers)
{
    size_t n = f->t->n, width = state_width(f);
    for (size_t s = 0; s < out->n_final; s++) {
        const long *state = width ? layers[n].states.rows + s * width : NULL;
        for (size_t i = 0; i < f->n; i++) {
            size_t wide = width_of(&f->items[i]);
            out->values[s * f->n + i] = state[wide - 1];
            state += wide;
        }
        size_t at = s;
        for (size_t i = n; i-- > 0;) {
            out->tokens[s * n + i] = f->t->sets[i][layers[i + 1].token[at]];
            at = (size_t)layers[i + 1].from[at];
        }
    }
}

enum status scanner_build(struct scanner *out, struct features *f, size_t most)
{
    most = f->terms.n && most > RESIDUAL_STATES_MAX ? RESIDUAL_STATES_MAX : most;
    size_t n = f->t->n, width = state_width(f), transitions = 0;
    memset(out, 0, sizeof *out);
    enum status status = automaton_init(&out->a, n, f->t->n_set);
    if (status != STATUS_OK)
        return status;
    struct layer *layers = mem_array(n + 1, sizeof *layers);
    long *start = mem_array(width, sizeof *start);
    size_t index;
    status = STATUS_MEMORY;
    if (!layers || !start)
        goto done;
    for (size_t i = 0; i <= n; i++)
        row_index_init(&layers[i].states, width);
    state_start(start, f);
    status = row_index_find(&index, &layers[0].states, start);
    for (size_t i = 0; status == STATUS_OK && i < n; i++) {
        size_t here = layers[i].states.n, edges = here * f->t->n_set[i];
        transitions += edges;
        if (transitions > TRANSITIONS_MAX) {
            text_add(f->why, "the conditions on tokens distinguish too many cases");
            status = STATUS_UNSUPPORTED;
            break;
        }
        out->a.n_states[i] = here;
        out->a.next[i] = mem_array(edges, sizeof **out->a.next);
        status = out->a.next[i] ? grow_layer(&layers[i + 1], out->a.next[i], &layers[i], f, i, width, most) : STATUS_MEMORY;
    }
    if (status != STATUS_OK)
        goto done;
    out->n_final = out->a.n_states[n] = layers[n].states.n;
    out->width = f->n;
    out->a.output = mem_array(out->n_final, sizeof *out->a.output);
    out->values = mem_array(out->n_final * f->n, sizeof *out->values);
    out->tokens = mem_array(out->n_final * n, sizeof *out->tokens);
    status = out->a.output && out->values && out->tokens ? STATUS_OK : STATUS_MEMORY;
    if (status != STATUS_OK)
        goto done;
    for (size_t s = 0; s < out->n_final; s++)
        out->a.output[s] = (int)s;
    read_final(out, f, layers);
done:
    if (layers)
        for (size_t i = 0; i <= n; i++) {
            row_index_clear(&layers[i].states);
            free(layers[i].from);
            free(layers[i].token);
        }
    free(layers);
    free(start);
    if (status != STATUS_OK)
        scanner_clear(out);
    return status;
}

void scanner_clear(struct scanner *s)
{
    automaton_clear(&s->a);
    free(s->values);
    free(s->tokens);
    memset(s, 0, sizeof *s);
}
