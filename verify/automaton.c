#include "verify/automaton.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"

enum status automaton_init(struct automaton *a, size_t n, const size_t *n_tokens)
{
    memset(a, 0, sizeof *a);
    a->n = n;
    a->n_tokens = mem_array(n, sizeof *a->n_tokens);
    a->n_states = mem_array(n + 1, sizeof *a->n_states);
    a->next = mem_array(n, sizeof *a->next);
    if (!a->n_tokens || !a->n_states || !a->next) {
        automaton_clear(a);
        return STATUS_MEMORY;
    }
    memcpy(a->n_tokens, n_tokens, n * sizeof *n_tokens);
    return STATUS_OK;
}

void automaton_clear(struct automaton *a)
{
    if (a->next)
        for (size_t i = 0; i < a->n; i++)
            free(a->next[i]);
    free(a->next);
    free(a->n_tokens);
    free(a->n_states);
    free(a->output);
    memset(a, 0, sizeof *a);
}

void row_index_init(struct row_index *r, size_t width)
{
    memset(r, 0, sizeof *r);
    r->width = width;
}

void row_index_clear(struct row_index *r)
{
    free(r->rows);
    free(r->slots);
    memset(r, 0, sizeof *r);
}

static size_t row_hash(const long *row, size_t width)
{
    uint64_t h = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < width; i++) {
        h ^= (uint64_t)row[i];
        h *= 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return (size_t)h;
}

/* Slots hold index + 1; at most half of them are used. */
static enum status row_index_widen(struct row_index *r)
{
    if (r->n_slots > SIZE_MAX / 4)
        return STATUS_MEMORY;
    size_t n = r->n_slots ? 2 * r->n_slots : 64;
    size_t *slots = mem_array(n, sizeof *slots);
    if (!slots)
        return STATUS_MEMORY;
    for (size_t i = 0; i < r->n; i++) {
        size_t at = row_hash(r->rows + i * r->width, r->width) & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = i + 1;
    }
    free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    return STATUS_OK;
}

enum status row_index_find(size_t *out, struct row_index *r, const long *row)
{
    if (2 * (r->n + 1) > r->n_slots) {
        enum status s = row_index_widen(r);
        if (s != STATUS_OK)
            return s;
    }
    size_t width = r->width, at = row_hash(row, width) & (r->n_slots - 1);
    for (; r->slots[at]; at = (at + 1) & (r->n_slots - 1)) {
        size_t i = r->slots[at] - 1;
        if (width == 0 || memcmp(r->rows + i * width, row, width * sizeof *row) == 0) {
            *out = i;
            return STATUS_OK;
        }
    }
    if (width) {
        long *rows = mem_grow(r->rows, &r->room, (r->n + 1) * width, sizeof *rows);
        if (!rows)
            return STATUS_MEMORY;
        r->rows = rows;
        memcpy(rows + r->n * width, row, width * sizeof *row);
    }
    *out = r->n;
    r->slots[at] = ++r->n;
    return STATUS_OK;
}

/* One layer backwards: merged[s] of layer i from merged of layer i + 1. Leaves the merged rows in `rows`. */
static enum status merge_layer(long *merged, struct row_index *rows, const struct automaton *from, size_t i, const long *above)
{
    size_t width = from->n_tokens[i];
    enum status status = STATUS_MEMORY;
    long *row = mem_array(width, sizeof *row);
    if (!row)
        return STATUS_MEMORY;
    for (size_t s = 0; s < from->n_states[i]; s++) {
        bool live = false;
        for (size_t k = 0; k < width; k++) {
            int to = from->next[i][s * width + k];
            row[k] = to < 0 ? AUTOMATON_DEAD : above[to];
            live |= row[k] >= 0;
        }
        merged[s] = AUTOMATON_DEAD;
        if (live) {
            size_t index;
            status = row_index_find(&index, rows, row);
            if (status != STATUS_OK)
                goto done;
            merged[s] = (long)index;
        }
    }
    status = STATUS_OK;
done:
    free(row);
    return status;
}

/* Renumbers the merged states that are reachable and writes the layers of out. */
static enum status keep_reachable(struct automaton *out, const struct row_index *layers, long first, const long *classes, size_t n_classes)
{
    size_t n = out->n, widest = n_classes + 1;
    for (size_t i = 0; i < n; i++)
        widest = layers[i].n > widest ? layers[i].n : widest;
    enum status status = STATUS_MEMORY;
    long *here = mem_array(widest, sizeof *here), *there = mem_array(widest, sizeof *there);
    if (!here || !there)
        goto done;
    here[0] = first;
    size_t n_here = first < 0 ? 0 : 1;
    for (size_t i = 0; i < n; i++) {
        size_t width = out->n_tokens[i], limit = i + 1 < n ? layers[i + 1].n : n_classes, n_there = 0;
        long *number = mem_array(limit, sizeof *number);
        out->n_states[i] = n_here;
        out->next[i] = mem_array(n_here * width, sizeof **out->next);
        if (!number || !out->next[i]) {
            free(number);
            goto done;
        }
        for (size_t s = 0; s < n_here; s++)
            for (size_t k = 0; k < width; k++) {
                long to = layers[i].rows[(size_t)here[s] * width + k];
                if (to >= 0 && !number[to]) {
                    there[n_there] = to;
                    number[to] = (long)++n_there;
                }
                out->next[i][s * width + k] = to < 0 ? AUTOMATON_DEAD : (int)(number[to] - 1);
            }
        free(number);
        long *swap = here;
        here = there;
        there = swap;
        n_here = n_there;
    }
    out->n_states[n] = n_here;
    out->output = mem_array(n_here, sizeof *out->output);
    if (!out->output)
        goto done;
    for (size_t s = 0; s < n_here; s++)
        out->output[s] = (int)classes[here[s]];
    status = STATUS_OK;
done:
    free(here);
    free(there);
    return status;
}

enum status automaton_minimise(struct automaton *out, const struct automaton *from, const int *new_output)
{
    size_t n = from->n, widest = 1;
    for (size_t i = 0; i <= n; i++)
        widest = from->n_states[i] > widest ? from->n_states[i] : widest;
    enum status status = automaton_init(out, n, from->n_tokens);
    if (status != STATUS_OK)
        return status;
    struct row_index final;
    row_index_init(&final, 1);
    struct row_index *layers = mem_array(n, sizeof *layers);
    long *merged = mem_array(widest, sizeof *merged), *above = mem_array(widest, sizeof *above);
    status = STATUS_MEMORY;
    if (!layers || !merged || !above)
        goto done;
    for (size_t s = 0; s < from->n_states[n]; s++) {
        size_t index = 0;
        long value = new_output[s];
        if (value >= 0 && (status = row_index_find(&index, &final, &value)) != STATUS_OK)
            goto done;
        above[s] = value < 0 ? AUTOMATON_DEAD : (long)index;
    }
    for (size_t i = n; i-- > 0;) {
        row_index_init(&layers[i], from->n_tokens[i]);
        status = merge_layer(merged, &layers[i], from, i, above);
        if (status != STATUS_OK)
            goto done;
        long *swap = above;
        above = merged;
        merged = swap;
    }
    status = keep_reachable(out, layers, from->n_states[0] ? above[0] : AUTOMATON_DEAD, final.rows, final.n);
done:
    if (layers)
        for (size_t i = 0; i < n; i++)
            row_index_clear(&layers[i]);
    row_index_clear(&final);
    free(layers);
    free(merged);
    free(above);
    if (status != STATUS_OK)
        automaton_clear(out);
    return status;
}

enum status automaton_count(mpz_t out, const struct automaton *a)
{
    size_t widest = 1;
    for (size_t i = 0; i <= a->n; i++)
        widest = a->n_states[i] > widest ? a->n_states[i] : widest;
    mpz_t *count = mem_array(2 * widest, sizeof *count);
    if (!count)
        return STATUS_MEMORY;
    for (size_t s = 0; s < 2 * widest; s++)
        mpz_init(count[s]);
    mpz_t *here = count, *above = count + widest;
    for (size_t s = 0; s < a->n_states[a->n]; s++)
        mpz_set_ui(above[s], a->output[s] >= 0);
    for (size_t i = a->n; i-- > 0;) {
        for (size_t s = 0; s < a->n_states[i]; s++) {
            mpz_set_ui(here[s], 0);
            for (size_t k = 0; k < a->n_tokens[i]; k++) {
                int to = a->next[i][s * a->n_tokens[i] + k];
                if (to >= 0)
                    mpz_add(here[s], here[s], above[to]);
            }
        }
        mpz_t *swap = here;
        here = above;
        above = swap;
    }
    mpz_set_ui(out, 0);
    if (a->n_states[0])
        mpz_set(out, above[0]);
    for (size_t s = 0; s < 2 * widest; s++)
        mpz_clear(count[s]);
    free(count);
    return STATUS_OK;
}
