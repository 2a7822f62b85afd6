#include "verify/mean_kept.h"

#include <string.h>

#include "core/mem.h"

#define KEPT 64

/* tokens: the number of tokens of every position, then those of all. */
struct kept { char sha256[65]; size_t node, row, n; int *tokens; arb_ptr values; slong width; };
static struct kept kept[KEPT];
static size_t next;

static size_t tokens_of(int *out, const struct mean_key *k)
{
    size_t n = k->length;
    for (size_t i = 0; i < k->length; i++) {
        if (out)
            out[i] = (int)k->sets[i].n;
        for (size_t t = 0; t < k->sets[i].n; t++, n++)
            if (out)
                out[n] = k->sets[i].items[t];
    }
    return n;
}

static bool is_of(const struct kept *x, const struct mean_key *k, const int *tokens, size_t n)
{
    return x->values && x->node == k->node && x->row == k->row && x->n == n && strcmp(x->sha256, k->net->sha256) == 0 && memcmp(x->tokens, tokens, n * sizeof *tokens) == 0;
}

bool mean_kept_find(arb_ptr out, const struct mean_key *k)
{
    size_t n = tokens_of(NULL, k);
    int *tokens = k->net->sha256[0] ? mem_array(n, sizeof *tokens) : NULL;
    bool found = false;
    if (tokens)
        (void)tokens_of(tokens, k);
    for (size_t i = 0; tokens && i < KEPT && !found; i++) {
        found = is_of(&kept[i], k, tokens, n);
        if (found)
            _arb_vec_set(out, kept[i].values, kept[i].width);
    }
    free(tokens);
    return found;
}

void mean_kept_add(const struct mean_key *k, arb_srcptr row)
{
    struct kept *x = &kept[next];
    size_t n = tokens_of(NULL, k);
    int *tokens = k->net->sha256[0] ? mem_array(n, sizeof *tokens) : NULL;
    if (!tokens)
        return;
    (void)tokens_of(tokens, k);
    free(x->tokens);
    if (x->values)
        _arb_vec_clear(x->values, x->width);
    *x = (struct kept){ .node = k->node, .row = k->row, .n = n, .tokens = tokens, .width = (slong)k->net->nodes[k->node].width };
    memcpy(x->sha256, k->net->sha256, sizeof x->sha256);
    x->values = _arb_vec_init(x->width);
    _arb_vec_set(x->values, row, x->width);
    next = (next + 1) % KEPT;
}
