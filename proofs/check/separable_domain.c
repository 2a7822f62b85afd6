/* The sequences of rule separable (FORMAT.md §3, separable 1): a product of token sets, or an image {E : B where C} of one. The sets of an image's positions have every token that may stand there; of
 * their product, sequences that are not E of some sequence of B with C are left out, and of the others each is E of one. */
#include "separable.h"
#include "integers.h"
#include <stdlib.h>
#include <string.h>

/* Then final states are numbered in the lexicographic order of the first sequence that leads there. */
static void sort_sets(struct sep *s) {
    for (uint32_t i = 0; i < (s->sets.shared ? 1 : s->n); i++) qsort(s->sets.v[i], s->sets.size[i], sizeof **s->sets.v, rising);
}

/* The cells; fewer than 2^125 sequences. */
static bool count_cells(struct sep *s) {
    s->at = mem_get((size_t)s->n + 1, sizeof *s->at);
    unsigned __int128 total = 1;
    for (uint32_t i = 0; i < s->n; i++) {
        size_t m = s->sets.size[i];
        if ((i == 0 || !s->sets.shared) && !sep_distinct(s, s->sets.v[i], m)) return false;
        if (m > 1000000 / s->n) return sep_refuse(s, "too many tokens");
        s->at[i + 1] = s->at[i] + (uint32_t)m;
        if (m > 0 && total > (((unsigned __int128)1 << 125) - 1) / m) return sep_refuse(s, "too many sequences");
        total *= m;
    }
    return true;
}

static bool product_of(struct sep *s, const struct ex *set) {
    if (!product_init(s->e, &s->sets, set)) return sep_refuse(s, "the set of the sequence");
    s->n = s->sets.n;
    return s->n > 0 && s->n <= 4096 ? true : sep_refuse(s, "the length of the sequence");
}

/* ---- images ---- */

/* What a position may hold: a token of the source, a number, or whatever a rest can be. */
static bool image_set(struct sep *s, const struct product *source, const struct rest *x, uint32_t i) {
    bool token = x->op == R_TOKEN;
    if (x->errs || (!token && (x->lo < 0 || x->hi >= 1000000))) return sep_refuse(s, "what a position of an image holds is not known");
    size_t n = token ? source->size[x->v] : (size_t)(x->hi - x->lo) + 1;
    s->sets.v[i] = mem_get(n, sizeof **s->sets.v);
    s->sets.size[i] = n;
    for (size_t k = 0; k < n; k++) s->sets.v[i][k] = token ? source->v[x->v][k] : x->lo + (int64_t)k;
    return true;
}

/* Every token of the source stands somewhere: a sequence of the image has one. */
static bool place_tokens(struct sep *s, const struct product *source, const struct rest *const *k, uint32_t n) {
    s->copied = mem_get(source->n, sizeof *s->copied);
    s->n_copied = source->n;
    for (uint32_t j = 0; j < source->n; j++) {
        uint32_t at = 0;
        while (at < n && !(k[at]->op == R_TOKEN && k[at]->v == (int64_t)j)) at++;
        if (source->size[j] == 0 || (source->size[j] > 1 && at == n)) return sep_refuse(s, "a token of an image's sequence is not in it");
        s->copied[j] = (struct copied){.known = source->size[j] == 1, .v = source->v[j][0], .at = at};
    }
    return true;
}

static bool image_feature(struct sep *s) {
    const struct rest *rest = sep_image_rest(s);
    if (rest == NULL) return sep_refuse(s, "an image whose condition is not followed");
    s->in_image = s->n_f++;
    s->f[s->in_image] = (struct feature){.type = F_REST, .last = s->n - 1, .rest = rest};
    return true;
}

/* First the rests of E are of the source's tokens: what a position copies. */
static bool image_positions(struct sep *s, const struct bind *t, const struct bind *source) {
    const struct rest **k = NULL;
    uint32_t n = 0;
    struct product from;
    if (!product_of(s, source->set)) return false;
    rests_init(&s->rests, s->sets.v, s->sets.size);
    for (uint32_t j = 0; j < s->n; j++)
        if ((j == 0 || !s->sets.shared) && !sep_distinct(s, s->sets.v[j], s->sets.size[j])) return false;
    s->slot = source->slot;
    bool good = sep_sequence(s, t->set->k[0], &k, &n) && n > 0 && n <= 4096;
    if (!good) sep_refuse(s, "the sequences of an image");
    from = s->sets;
    s->sets = (struct product){.n = n, .v = mem_get((size_t)n + 1, sizeof *s->sets.v), .size = mem_get((size_t)n + 1, sizeof *s->sets.size)};
    s->n = n;
    s->slot = t->slot;
    for (uint32_t i = 0; good && i < n; i++) good = image_set(s, &from, k[i], i);
    good = good && place_tokens(s, &from, k, n);
    mem_free(k);
    rests_clear(&s->rests);
    product_clear(&from);
    s->image = t->set;
    s->source = source->slot;
    return good;
}

bool sep_positions(struct sep *s, const struct bind *t, const struct bind *source, bool sorted) {
    bool image = t->set->kind == EX_IMAGE;
    s->in_image = s->guard = -1;
    if (!(image ? image_positions(s, t, source) : product_of(s, t->set))) return false;
    if (!count_cells(s)) return false;
    if (sorted) sort_sets(s);
    rests_init(&s->rests, s->sets.v, s->sets.size);
    return !image || image_feature(s);
}

bool sep_in_image(struct sep *s, const int64_t *tokens) {
    struct eval *e = s->e;
    struct val v = {.type = V_TRI, .tri = YES};
    int64_t *from = mem_get(s->n_copied, sizeof *from), x;
    for (uint32_t j = 0; j < s->n_copied; j++) from[j] = s->copied[j].known ? s->copied[j].v : tokens[s->copied[j].at];
    e->env[s->source] = (struct var){.set = true, .seq = true, .s = from, .n = s->n_copied};
    bool good = s->image->where == NULL || (eval(e, s->image->where, &v) && v.type == V_TRI && v.tri == YES);
    good = good && eval(e, s->image->k[0], &v) && v.type == V_ARRAY && v.rank == 1 && v.d[0] == s->n;
    for (uint32_t i = 0; good && i < s->n; i++) good = num_int64(&v.x[i], &x) && x == tokens[i];
    e->env[s->source].set = false;
    mem_free(from);
    return good ? true : sep_refuse(s, "a state whose first sequence is not in the image");
}

/* ---- the condition ---- */

bool sep_guard(struct sep *s, struct ex *where) {
    const struct rest *rest = where->network || s->n_f == FEATURES_MOST ? NULL : sep_rest(s, where);
    s->e->fail.set = false;
    if (rest == NULL) return false;
    s->guard = s->n_f++;
    s->f[s->guard] = (struct feature){.x = where, .type = F_REST, .last = s->n - 1, .rest = rest};
    return true;
}

static bool is_false(const struct sep *s, int feature, const int64_t *state) {
    if (feature < 0) return false;
    const struct rest *x = s->rests.all[state[feature]];
    return x->op == R_INT && x->v == 0;
}

/* Bindings are counted before the condition, and those of an image after its own: with both, the condition waits for the end. */
bool feature_ends(const struct sep *s, const int64_t *state) { return is_false(s, s->in_image, state) || (s->image == NULL && is_false(s, s->guard, state)); }
