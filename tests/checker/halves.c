/* The checker's count of two forms at once, from fronts and backs, against all sequences one by one: random terms, signs, radii and automata.
 * Ends with a line `N passed, N failed`. */
#include "separable_walk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_MOST 8
#define V_MOST 12
#define FORMS 4
#define STATES 3 /* dead, no special token yet, one was there */

_Noreturn void out_of_memory(void) { exit(1); } /* main.c has the checker's */

static uint64_t seed;
static uint64_t draw(uint64_t n) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 33) % n;
}

struct trial {
    struct cell c;
    uint32_t at[N_MOST + 1], V;
    int64_t g[N_MOST * V_MOST * FORMS], top[N_MOST * V_MOST * FORMS], radius[FORMS];
    size_t first[N_MOST + 2], out[STATES * (N_MOST + 1) + 1];
    struct edge edge[STATES * N_MOST * V_MOST];
    wide count[STATES * (N_MOST + 1)];
    bool allowed[N_MOST * V_MOST], reached[STATES * (N_MOST + 1)], special[V_MOST], any;
};

/* `any`: only sequences with a special token count. */
static size_t follow_state(const struct trial *t, size_t s, uint32_t token) { return t->any && (s == 2 || t->special[token]) ? 2 : 1; }

static void make(struct trial *t, uint32_t n, uint32_t V) {
    memset(t, 0, sizeof *t);
    t->V = V;
    t->any = draw(2);
    bool wide_terms = draw(2);
    for (uint32_t a = 0; a < V; a++) t->special[a] = draw(3) == 0;
    t->special[0] = true;
    for (size_t k = 0; k < FORMS; k++) t->radius[k] = (int64_t)draw(200000);
    for (uint32_t i = 0; i <= n; i++) t->at[i] = i * V, t->first[i + 1] = (size_t)(i + 1) * STATES;
    uint32_t n_src = n > 4 ? n - (uint32_t)draw(2) : n; /* the last position may be one that the forms do not read */
    for (uint32_t x = 0; x < n * V; x++) {
        t->allowed[x] = x % V < 2 || draw(5) > 0;
        for (uint32_t k = 0; k < FORMS; k++) {
            int64_t heavy = draw(4) == 0 ? 20 : 1, g = ((int64_t)draw(2000001) - 1000000) * heavy;
            if (k > 0) g = g / 2 + t->g[x * FORMS]; /* they fail together */
            if (x >= n_src * V) continue;
            t->g[x * FORMS + k] = g;
            t->top[x * FORMS + k] = g + (wide_terms ? (int64_t)draw(60000) : 0);
        }
    }
    t->c = (struct cell){.n = n, .n_src = n_src, .at = t->at, .K = FORMS, .g = t->g, .top = t->top, .radius = t->radius, .first = t->first, .out = t->out, .edge = t->edge,
                         .count = t->count, .allowed = t->allowed, .reached = t->reached};
    t->count[t->first[n] + 2] = 1, t->count[t->first[n] + 1] = !t->any;
    for (uint32_t i = n; i-- > 0;)
        for (size_t s = 1; s < STATES; s++)
            for (uint32_t a = 0; a < V; a++)
                if (t->allowed[i * V + a]) t->count[t->first[i] + s] += t->count[t->first[i + 1] + follow_state(t, s, a)];
    size_t e = 0;
    t->reached[1] = true;
    for (uint32_t i = 0; i < n; i++)
        for (size_t s = 0; s < STATES; s++) {
            t->out[t->first[i] + s] = e;
            for (uint32_t a = 0; a < V && t->reached[t->first[i] + s] && s > 0; a++) {
                size_t to = t->first[i + 1] + follow_state(t, s, a);
                if (!t->allowed[i * V + a] || t->count[to] == 0) continue;
                t->edge[e++] = (struct edge){to, i * V + a};
                t->reached[to] = true;
            }
        }
    for (size_t s = t->first[n]; s <= t->first[n + 1]; s++)
        if (s < sizeof t->out / sizeof *t->out) t->out[s] = e;
}

/* Sequences on which both signed forms are certainly, and perhaps, above 0. */
static void one_by_one(const struct trial *t, const struct sign *signs, size_t state, const int64_t *lo, const int64_t *hi, wide *certain, wide *perhaps) {
    if (state >= t->first[t->c.n]) {
        bool all = true, some = true;
        for (size_t k = 0; k < 2; k++) {
            int64_t r = t->radius[signs[k].form], low = signs[k].turned ? -hi[k] : lo[k], high = signs[k].turned ? -lo[k] : hi[k];
            all = all && low - r > 0;
            some = some && high + r >= 0;
        }
        *certain += all, *perhaps += some;
        return;
    }
    for (size_t e = t->out[state]; e < t->out[state + 1]; e++) {
        int64_t l[2], h[2];
        for (size_t k = 0; k < 2; k++) {
            l[k] = lo[k] + t->g[t->edge[e].cell * FORMS + signs[k].form];
            h[k] = hi[k] + t->top[t->edge[e].cell * FORMS + signs[k].form];
        }
        one_by_one(t, signs, t->edge[e].to, l, h, certain, perhaps);
    }
}

int main(void) {
    static struct trial t;
    struct halves h = {0};
    long passed = 0, failed = 0, narrow = 0, tried = 0;
    for (int k = 0; k < 300; k++) {
        seed = (uint64_t)k + 17;
        draw(2), draw(2);
        uint32_t n = 3 + (uint32_t)draw(4), V = n == 3 ? 12 : n == 4 ? 9 : n == 5 ? 6 : 4;
        make(&t, n, V);
        if (t.count[ROOT] == 0 || !halves_middle(&h, &t.c)) continue;
        for (unsigned turned = 0; turned < 4; turned++) {
            const struct sign signs[PAIR] = {{0, turned & 1}, {1, turned >> 1}};
            const int64_t zero[FORMS] = {0};
            wide least, most, certain = 0, perhaps = 0;
            halves_count(&least, &most, &h, &t.c, signs);
            one_by_one(&t, signs, ROOT, zero, zero, &certain, &perhaps);
            bool good = least <= certain && perhaps <= most && most <= t.count[ROOT];
            if (good) passed++;
            else failed++, printf("FAILED %d, signs %u: [%.0f, %.0f] is not around [%.0f, %.0f]\n", k, turned, (double)least, (double)most, (double)certain, (double)perhaps);
            tried++;
            narrow += (double)(most - least) <= 0.2 * (double)t.count[ROOT] + 5;
        }
        halves_clear(&h);
    }
    if (narrow * 10 >= tried * 9) passed++;
    else failed++, printf("FAILED narrow: %ld of %ld\n", narrow, tried);
    printf("%ld passed, %ld failed\n", passed, failed);
    return failed > 0;
}
