/* The checker's count of two forms at once, from fronts and backs, and cells with lines `part`, against all sequences one by one: random terms, signs, radii, automata and lines.
 * Ends with a line `N passed, N failed`. */
#include "separable_walk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_MOST 9
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
    bool wide_terms = draw(2), modes = n > 6 && draw(2); /* modes: half of the fronts lie beyond the end of a grid, and half of the backs as far on the other side */
    for (uint32_t a = 0; a < V; a++) t->special[a] = draw(3) == 0;
    t->special[0] = true;
    for (size_t k = 0; k < FORMS; k++) t->radius[k] = (int64_t)draw(200000);
    for (uint32_t i = 0; i <= n; i++) t->at[i] = i * V, t->first[i + 1] = (size_t)(i + 1) * STATES;
    uint32_t n_src = n > 4 ? n - (uint32_t)(n > 7 ? 2 : draw(2)) : n; /* the last position may be one that the forms do not read; two of them make a half of many ways */
    for (uint32_t x = 0; x < n * V; x++) {
        t->allowed[x] = x % V < 2 || draw(n < 7 ? 5 : 40) > 0;
        for (uint32_t k = 0; k < FORMS; k++) {
            int64_t heavy = draw(4) == 0 && !modes ? 20 : 1, g = ((int64_t)draw(2000001) - 1000000) * heavy;
            if (modes && x % V > V / 2) g += x < V ? 6000000 : x / V + 1 == n_src ? -6000000 : 0;
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

/* Fronts in the grid below cell a of axis k, and fronts whose units are below `under`, or `over`. */
struct below { size_t k; int32_t under, over; wide all, certain, perhaps; };
static void fronts_below(const struct trial *t, const struct halves *h, size_t level, size_t state, int32_t sum, struct below *b) {
    if (level == h->cut) b->all++, b->certain += sum < b->under, b->perhaps += sum <= b->over;
    for (size_t e = t->out[state]; level < h->cut && e < t->out[state + 1]; e++)
        fronts_below(t, h, level + 1, t->edge[e].to, sum + h->unit[t->edge[e].cell * PAIR + b->k], b);
}

/* The grid of the fronts, as it stands behind a count: no sum is below its cell, and none far above it, but in the last one. */
static bool grid_holds(const struct trial *t, const struct halves *h) {
    const struct plane *p = &h->half[0].plane;
    bool good = true;
    for (size_t k = 0; k < PAIR; k++)
        for (uint32_t a = 1; a < h->cells; a++) {
            const int32_t start = (p->base[k] + (int32_t)a) * 1024;
            struct below b = {.k = k, .under = start, .over = start - 1024 + 1023 * (1 + h->half[0].dense)};
            wide all = 0, lower = 0;
            fronts_below(t, h, 0, ROOT, 0, &b);
            for (size_t at = 0; at < p->states * h->cells * h->cells; at++)
                all += p->at[at], lower += (k == 0 ? at / h->cells : at) % h->cells < a ? p->at[at] : 0;
            good = good && all == b.all && b.certain <= lower && lower <= b.perhaps;
        }
    return good;
}

/* ---- whole cells, with lines that are drawn ---- */

static struct level levels[N_MOST + 1];
static int64_t keys[N_MOST][STATES * V_MOST], token[N_MOST][V_MOST], *tokens[N_MOST];

/* The automaton of the trial once more, as parts_count takes it. */
static struct cell as_levels(struct trial *t) {
    for (uint32_t i = 0; i < t->c.n; i++) {
        tokens[i] = token[i];
        levels[i] = (struct level){.classes = {.width = t->V, .n = STATES, .key = keys[i]}, .tokens = t->V};
        for (uint32_t a = 0; a < t->V; a++) token[i][a] = a;
        for (size_t s = 0; s < STATES; s++)
            for (uint32_t a = 0; a < t->V; a++) {
                int64_t to = s == 0 || !t->allowed[i * t->V + a] ? 0 : (int64_t)follow_state(t, s, a);
                keys[i][s * t->V + a] = i + 1 < t->c.n ? to : to > t->any;
            }
    }
    return (struct cell){.level = levels, .n = t->c.n, .n_src = t->c.n_src, .at = t->at, .tokens = tokens, .K = FORMS, .g = t->g, .top = t->top, .radius = t->radius};
}

/* How often one of the forms certainly, and perhaps, is not positive. */
struct fails { wide certain, perhaps; };
static void sequence_fails(const int64_t *radius, const int64_t *lo, const int64_t *hi, bool *certain, bool *perhaps) {
    *certain = *perhaps = false;
    for (size_t k = 0; k < FORMS; k++) {
        *certain = *certain || hi[k] < -radius[k];
        *perhaps = *perhaps || lo[k] <= radius[k];
    }
}

static void all_fails(const struct trial *t, size_t state, const int64_t *lo, const int64_t *hi, struct fails *f) {
    bool certain, perhaps;
    sequence_fails(t->radius, lo, hi, &certain, &perhaps);
    if (state >= t->first[t->c.n]) f->certain += certain, f->perhaps += perhaps;
    for (size_t e = t->out[state]; state < t->first[t->c.n] && e < t->out[state + 1]; e++) {
        int64_t l[FORMS], h[FORMS];
        for (size_t k = 0; k < FORMS; k++) l[k] = lo[k] + t->g[t->edge[e].cell * FORMS + k], h[k] = hi[k] + t->top[t->edge[e].cell * FORMS + k];
        all_fails(t, t->edge[e].to, l, h, f);
    }
}

/* The one sequence of a part. */
static void complete(void *parts, const uint32_t *left, uint32_t n_left) {
    struct parts *p = parts;
    int64_t lo[FORMS] = {0}, hi[FORMS] = {0};
    bool certain, perhaps;
    (void)left, (void)n_left;
    for (uint32_t i = 0; i < p->cell.n; i++)
        for (size_t k = 0; k < FORMS; k++) lo[k] += p->cell.g[p->cells[i] * FORMS + k], hi[k] += p->cell.top[p->cells[i] * FORMS + k];
    sequence_fails(p->cell.radius, lo, hi, &certain, &perhaps);
    *(certain ? &p->no : perhaps ? &p->left_open : &p->yes) += p->cell.count[ROOT];
}

/* Tables of most forms, and often all of them one behind the other, beside many of those before. */
static void draw_line(char *out, bool cut, uint32_t n_src, uint32_t V) {
    size_t n = 0, order[FORMS] = {0, 1, 2, 3};
    for (size_t k = 0; k < FORMS; k++) {
        size_t other = draw(FORMS), keep = order[k];
        order[k] = order[other], order[other] = keep;
    }
    for (size_t k = 0; k < FORMS; k++)
        if (draw(8) > 0) n += (size_t)sprintf(out + n, "%zu:%d ", k, draw(4) == 0 ? 7 : 300);
    for (size_t k = 1; k < FORMS && draw(8) > 0; k++)
        for (size_t i = 0, any = 0; i < k; i++)
            if (draw(2) > 0 || (any == 0 && i + 1 == k)) n += (size_t)sprintf(out + n, "%zu/%zu:%u ", order[k], order[i], draw(4) == 0 ? 8 + (unsigned)draw(100) : 200), any = 1;
    if (cut) n += (size_t)sprintf(out + n, "cut %u %u ", (unsigned)draw(n_src), (unsigned)draw(V > 2 ? 2 : V));
    if (n == 0) n = (size_t)sprintf(out, "open ");
    out[n - 1] = 0;
}

/* Lines of a cut and its two sides, or of the cell alone: around the numbers of sequences on which a form fails. */
static bool drawn_cell(struct trial *t, double *open, double *loose) {
    char text[3][400];
    struct binding line[3];
    struct iform form[FORMS] = {0};
    const int64_t zero[FORMS] = {0};
    struct fails f = {0};
    size_t n = draw(2) ? 3 : 1;
    for (size_t k = 0; k < n; k++) {
        draw_line(text[k], n > 1 && k == 0, t->c.n_src, t->V);
        line[k] = (struct binding){(int)k + 1, text[k], strlen(text[k])};
    }
    for (size_t k = 0; k < FORMS; k++) form[k].strict = draw(2);
    all_fails(t, ROOT, zero, zero, &f);
    struct cell c = as_levels(t);
    struct leaves lines = {line, n, 0};
    struct parts p = {.B = 1, .complete = complete};
    p.arg = &p;
    bool good = parts_count(&p, &c, form, &lines) && p.no <= f.certain && f.perhaps <= p.no + p.left_open && p.yes + p.no + p.left_open == t->count[ROOT];
    *open += (double)p.left_open, *loose += (double)(f.perhaps - f.certain);
    if (!good) printf("[%.0f, %.0f] is not around [%.0f, %.0f]: %s: %s; %s; %s\n", (double)p.no, (double)(p.no + p.left_open), (double)f.certain, (double)f.perhaps, p.bad ? p.bad : "",
                      text[0], n > 1 ? text[1] : "", n > 1 ? text[2] : "");
    parts_clear(&p);
    return good;
}

int main(void) {
    static struct trial t;
    struct halves h = {0};
    long passed = 0, failed = 0, narrow = 0, tried = 0, dense[2] = {0, 0};
    double open = 0, loose = 0, all = 0;
    for (int k = 0; k < 300; k++) {
        seed = (uint64_t)k + 17;
        draw(2), draw(2);
        uint32_t n = 3 + (uint32_t)draw(4), V = n == 3 ? 12 : n == 4 ? 9 : n == 5 ? 6 : 4;
        const bool many = k % 20 == 0; /* ways enough for the least grids to be made token by token: fronts, or backs */
        if (many) n = 7 + (uint32_t)(k / 20 % 2), V = n == 7 ? 11 : 6;
        make(&t, n, V);
        if (t.count[ROOT] == 0 || !halves_middle(&h, &t.c)) continue;
        for (unsigned turned = 0; turned < 4; turned += many ? 3 : 1) {
            const struct sign signs[PAIR] = {{0, turned & 1}, {1, turned >> 1}};
            const int64_t zero[FORMS] = {0};
            wide least, most, certain = 0, perhaps = 0;
            const uint32_t cells = many ? 8 + (uint32_t)draw(2) : 128 + (uint32_t)draw(200);
            halves_count(&least, &most, &h, &t.c, signs, cells);
            for (int side = 0; side < 2; side++) dense[side] += h.half[side].dense;
            one_by_one(&t, signs, ROOT, zero, zero, &certain, &perhaps);
            bool good = least <= certain && perhaps <= most && most <= t.count[ROOT];
            if (good) passed++;
            else failed++, printf("FAILED %d, signs %u: [%.0f, %.0f] is not around [%.0f, %.0f]\n", k, turned, (double)least, (double)most, (double)certain, (double)perhaps);
            if (many && !grid_holds(&t, &h)) failed++, printf("FAILED %d: grid of the fronts\n", k);
            if (many) continue;
            tried++;
            narrow += (double)(most - least) <= 0.2 * (double)t.count[ROOT] + 5;
        }
        for (int times = 0; times < 3 && !many; times++)
            if (drawn_cell(&t, &open, &loose)) passed++;
            else failed++, printf("FAILED %d: lines\n", k);
        if (!many) all += 3 * (double)t.count[ROOT];
        halves_clear(&h);
    }
    if (open < loose + 0.4 * all) passed++;
    else failed++, printf("FAILED lines leave %.0f open of %.0f, %.0f of them uncertain\n", open, all, loose);
    if (narrow * 10 >= tried * 9) passed++;
    else failed++, printf("FAILED narrow: %ld of %ld\n", narrow, tried);
    if (dense[0] > 8 && dense[1] > 8) passed++;
    else failed++, printf("FAILED dense: %ld fronts, %ld backs\n", dense[0], dense[1]);
    printf("%ld passed, %ld failed\n", passed, failed);
    return failed > 0;
}
