/* Rows of the cells that are a part of the token plus a part of the position, exactly (as without LayerNorm): what is linear in a row is then made once for every token and once for every position. */
#include "separable.h"
#include <string.h>

static bool is_point(const struct num *x) { return x->kind == K_REAL && mpz_cmp(LO(x), HI(x)) == 0; }

static void difference(struct num *out, const struct num *a, const struct num *b, uint32_t width) {
    for (uint32_t j = 0; j < width; j++) {
        out[j].kind = K_REAL;
        mpz_sub(LO(&out[j]), LO(&a[j]), LO(&b[j]));
        mpz_set(HI(&out[j]), LO(&out[j]));
    }
}

/* The numbers of the tokens, in order of arrival. */
static void number_tokens(struct addends *x, const struct sep *s) {
    uint32_t *number = mem_get(s->net->vocab, sizeof *number);
    x->token = mem_get(s->at[s->n], sizeof *x->token);
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) {
            uint32_t *n = &number[s->sets.v[i][c - s->at[i]]];
            if (*n == 0) *n = ++x->n_tokens;
            x->token[c] = *n - 1;
        }
    mem_free(number);
}

/* The part of position i by a token that is known, else 0, and then the parts of its other tokens. */
static void take_position(struct addends *x, const struct sep *s, const struct num *rows, uint32_t i, bool *known) {
    struct num *place = x->place_row + (size_t)i * x->width;
    uint32_t first = s->at[i], w = x->width;
    while (first < s->at[i + 1] && !known[x->token[first]]) first++;
    if (first < s->at[i + 1]) difference(place, rows + (size_t)first * w, x->token_row + (size_t)x->token[first] * w, w);
    for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) {
        if (known[x->token[c]]) continue;
        difference(x->token_row + (size_t)x->token[c] * w, rows + (size_t)c * w, place, w);
        known[x->token[c]] = true;
    }
}

static bool adds_up(const struct addends *x, const struct sep *s, const struct num *rows) {
    mpz_t sum;
    mpz_init(sum);
    bool good = true;
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t c = s->at[i]; good && c < s->at[i + 1]; c++)
            for (uint32_t j = 0; good && j < x->width; j++) {
                mpz_add(sum, LO(&x->token_row[(size_t)x->token[c] * x->width + j]), LO(&x->place_row[(size_t)i * x->width + j]));
                good = mpz_cmp(sum, LO(&rows[(size_t)c * x->width + j])) == 0;
            }
    mpz_clear(sum);
    return good;
}

static struct num *zeros(size_t n) {
    struct num *x = mem_get(n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        num_init(&x[i]);
        x[i].kind = K_REAL;
        mpz_set_ui(HI(&x[i]), 0); /* an exact 0 has the denominator 1 */
    }
    return x;
}

bool addends_of(struct addends *x, const struct sep *s, const struct num *rows, uint32_t width) {
    uint32_t cells = s->at[s->n];
    *x = (struct addends){.width = width, .n_places = s->n};
    for (size_t k = 0; k < (size_t)cells * width; k++)
        if (!is_point(&rows[k])) return false;
    number_tokens(x, s);
    if (x->n_tokens + s->n >= cells) return false; /* nothing is gained */
    x->token_row = zeros((size_t)x->n_tokens * width);
    x->place_row = zeros((size_t)s->n * width);
    bool *known = mem_get(x->n_tokens, sizeof *known);
    for (uint32_t i = 0; i < s->n; i++) take_position(x, s, rows, i, known);
    mem_free(known);
    return x->good = adds_up(x, s, rows);
}

void addends_clear(struct addends *x) {
    for (size_t k = 0; x->token_row != NULL && k < (size_t)x->n_tokens * x->width; k++) num_clear(&x->token_row[k]);
    for (size_t k = 0; x->place_row != NULL && k < (size_t)x->n_places * x->width; k++) num_clear(&x->place_row[k]);
    mem_free(x->token_row);
    mem_free(x->place_row);
    mem_free(x->token);
    *x = (struct addends){0};
}
