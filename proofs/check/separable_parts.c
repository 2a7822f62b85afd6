/* Rule count (FORMAT.md §3): one q with one set of final states. What the tables of a part leave open beyond ENTER is cut in two, at the position and the form
 * whose terms are spread most. */
#include "separable_walk.h"
#include <string.h>

#define BINS_MOST ((uint32_t)1 << 18)
#define BINS_TOTAL ((size_t)1 << 22)
#define SKIP 4
#define ASIDE 2
#define CUT 8                            /* tables of a form that a cut is taken to cost */
#define REFINE 6

void cell_release(struct cell *c) {
    void *all[] = {c->first, c->out, c->edge, c->unit, c->count, c->allowed, c->reached, c->least, c->most};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
}

void parts_clear(struct parts *p) {
    sums_clear(&p->sums);
    halves_clear(&p->halves);
    cell_release(&p->cell);
    void *all[] = {p->bins, p->over, p->under, p->share, p->cells, p->added, p->rare};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
    *p = (struct parts){.B = p->B, .enter = p->enter, .complete = p->complete, .arg = p->arg};
}

/* ---- a part: counts backwards, edges of what is reached forwards, extrema of the forms ---- */

static void count_back(struct cell *c) {
    memset(c->count, 0, c->first[c->n + 1] * sizeof *c->count);
    c->count[c->first[c->n] + 1] = 1;
    for (uint32_t i = c->n; i-- > 0;)
        for (size_t k = 1; k < c->level[i].classes.n; k++)
            for (uint32_t t = 0; t < c->level[i].tokens; t++) {
                size_t to = (size_t)c->level[i].classes.key[k * c->level[i].tokens + t];
                if (to != 0 && c->allowed[c->at[i] + t]) c->count[c->first[i] + k] += c->count[c->first[i + 1] + to];
            }
}

/* The edges of the part; cells on none of them are not allowed from here on. */
static void take_edges(struct cell *c) {
    size_t n = 0;
    memset(c->reached, 0, c->first[c->n + 1] * sizeof *c->reached);
    c->reached[ROOT] = true;
    for (uint32_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < c->level[i].classes.n; k++) {
            size_t s = c->first[i] + k;
            c->out[s] = n;
            for (uint32_t t = 0; c->reached[s] && t < c->level[i].tokens; t++) {
                size_t to = c->first[i + 1] + (size_t)c->level[i].classes.key[k * c->level[i].tokens + t], x = c->at[i] + t;
                if (!c->allowed[x] || c->count[to] == 0) continue;
                c->edge[n++] = (struct edge){to, x};
                c->reached[to] = true;
            }
        }
    for (size_t s = c->first[c->n]; s <= c->first[c->n + 1]; s++) c->out[s] = n;
    memset(c->allowed, 0, c->at[c->n] * sizeof *c->allowed);
    for (size_t e = 0; e < n; e++) c->allowed[c->edge[e].cell] = true;
}

static void extrema(struct cell *c, const uint32_t *forms, uint32_t n_forms) {
    size_t K = c->K;
    for (size_t s = c->first[c->n]; s < c->first[c->n + 1]; s++)
        for (size_t k = 0; k < K; k++) c->least[s * K + k] = c->most[s * K + k] = 0;
    for (size_t s = c->first[c->n]; s-- > 0;) {
        int64_t *least = c->least + s * K, *most = c->most + s * K;
        for (uint32_t a = 0; a < n_forms; a++) least[forms[a]] = INT64_MAX, most[forms[a]] = INT64_MIN;
        for (size_t e = c->out[s]; e < c->out[s + 1]; e++) {
            const int64_t *g = c->g + c->edge[e].cell * K, *h = c->top + c->edge[e].cell * K, *lo = c->least + c->edge[e].to * K, *hi = c->most + c->edge[e].to * K;
            for (uint32_t a = 0; a < n_forms; a++) {
                uint32_t k = forms[a];
                if (g[k] + lo[k] < least[k]) least[k] = g[k] + lo[k];
                if (h[k] + hi[k] > most[k]) most[k] = h[k] + hi[k];
            }
        }
    }
}

bool cell_narrow(struct cell *c, const uint32_t *forms, uint32_t n_forms) {
    count_back(c);
    if (c->count[ROOT] == 0) return false;
    take_edges(c);
    extrema(c, forms, n_forms);
    return true;
}

/* One cell a source position is left: a sequence of the part, which answers for all of them. */
static bool single(struct parts *p) {
    const struct cell *c = &p->cell;
    for (uint32_t i = 0; i < c->n_src; i++) {
        uint32_t n = 0;
        for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++) n += c->allowed[x];
        if (n != 1) return false;
    }
    for (size_t i = 0, s = ROOT; i < c->n; i++) {
        p->cells[i] = (uint32_t)c->edge[c->out[s]].cell;
        s = c->edge[c->out[s]].to;
    }
    return true;
}

/* ---- tables ---- */

/* x <= n ENTER */
static bool within(const struct parts *p, wide x, uint32_t n) { return x / n + (x % n > 0) <= p->enter; }

wide capped(wide a, wide b, wide all) { return b < all - a ? a + b : all; }

static struct bounds ask(const struct parts *p, const uint32_t *left, uint32_t n_left) {
    wide all = p->cell.count[ROOT], sum = 0, largest = 0;
    struct bounds b = {0};
    for (uint32_t a = 0; a < n_left; a++) {
        wide over = p->over[left[a]], under = p->under[left[a]], middle = under + (over - under) / 2;
        b.most = capped(b.most, over, all);
        sum = capped(sum, middle, all);
        if (under > b.least) b.least = under;
        if (middle > largest) largest = middle;
    }
    b.ideal = sum - largest;
    return b;
}

static bool fill_one(struct parts *p, uint32_t k, uint32_t bins, size_t *total) {
    *total += bins;
    p->bins[k] = bins;
    p->under[k] = 0;
    if (!sums_over(&p->over[k], &p->sums, &p->cell, k, bins)) return false;
    p->rare[k] = within(p, p->over[k], ASIDE);
    if (p->rare[k]) return true;
    if (!sums_under(&p->under[k], &p->sums, &p->cell, k, bins)) return false;
    if (p->under[k] > p->over[k]) p->under[k] = p->over[k];
    return true;
}

/* Four times the bins where a form leaves most open, of what all of them do; *more false: nowhere is that worth its price. */
static bool refine(struct parts *p, const uint32_t *left, uint32_t n_left, wide gap, size_t *total, bool *more) {
    wide most = 0;
    uint32_t best = 0;
    for (uint32_t a = 0; a < n_left; a++) {
        uint32_t k = left[a];
        wide own = p->over[k] - p->under[k];
        if (own <= most || 4 * p->bins[k] > BINS_MOST || *total + 4 * p->bins[k] > BINS_TOTAL || within(p, own < gap ? own : gap, REFINE * (p->bins[k] / p->B))) continue;
        most = own;
        best = k;
    }
    *more = most > 0;
    return most == 0 || fill_one(p, best, 4 * p->bins[best], total);
}

/* Finer tables only where a cut is not likely to pay. */
static bool tables(struct parts *p, const uint32_t *left, uint32_t n_left, struct bounds *b) {
    size_t total = 0;
    bool good = cell_units(&p->cell);
    for (uint32_t a = 0; good && a < n_left; a++) good = fill_one(p, left[a], p->B, &total);
    for (bool more = true; good && more;) {
        *b = ask(p, left, n_left);
        more = b->most > b->least && within(p, b->ideal, CUT * n_left);
        if (more) good = refine(p, left, n_left, b->most - b->least, &total, &more);
    }
    return good;
}

/* ---- cuts ---- */

uint64_t share_of(wide x, wide all) {
    while (all >> 90 > 0) all >>= 1, x >>= 1;
    return (uint64_t)((x << SHARE) / all);
}

static bool worth_tables(const struct parts *p, uint32_t n_left) {
    wide all = p->cell.count[ROOT], low = all & (((wide)1 << SHARE) - 1);
    return within(p, (all >> SHARE) * p->open + ((low * p->open) >> SHARE), SKIP * CUT * n_left);
}

struct cut { uint32_t position, form; int64_t at; __int128 score; };

static struct cut best_cut(const struct parts *p, const uint32_t *left, uint32_t n_left) {
    const struct cell *c = &p->cell;
    struct cut best = {.score = -1};
    for (uint32_t i = 0; i < c->n_src; i++)
        for (uint32_t a = 0; a < n_left; a++) {
            uint32_t k = left[a], n = 0;
            int64_t least = INT64_MAX, most = INT64_MIN, spread = c->most[ROOT * c->K + k] - c->least[ROOT * c->K + k];
            for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++) {
                int64_t g = c->g[(size_t)x * c->K + k];
                if (!c->allowed[x]) continue;
                if (g < least) least = g;
                if (g > most) most = g;
                n++;
            }
            __int128 score = n < 2 ? -1 : (((__int128)(most - least) << SHARE) / (spread > 0 ? spread : 1)) * (__int128)(p->share[k] + 1);
            if (score > best.score) best = (struct cut){i, k, least + (most - least) / 2, score};
        }
    return best;
}

unsigned char *cut_sides(const int64_t *value, const bool *allowed, uint32_t n, int64_t at) {
    unsigned char *side = mem_get(n, 1);
    uint32_t count[3] = {0};
    for (uint32_t x = 0; x < n; x++) {
        side[x] = !allowed[x] ? 0 : value[x] <= at ? 1 : 2;
        count[side[x]]++;
    }
    for (uint32_t x = 0, done = 0; (count[1] == 0 || count[2] == 0) && x < n; x++)
        if (side[x] != 0) side[x] = done++ > 0 ? 2 : 1;
    return side;
}

static void both_sides(struct parts *p, const uint32_t *left, uint32_t n_left) {
    struct cell *c = &p->cell;
    struct cut cut = best_cut(p, left, n_left);
    uint32_t from = c->at[cut.position], n = c->at[cut.position + 1] - from;
    int64_t *term = mem_get(n, sizeof *term);
    for (uint32_t x = 0; x < n; x++) term[x] = c->g[(size_t)(from + x) * c->K + cut.form];
    unsigned char *side = cut_sides(term, c->allowed + from, n, cut.at);
    mem_free(term);
    for (unsigned char half = 1; half <= 2 && !p->failed; half++) {
        for (uint32_t x = 0; x < n; x++) c->allowed[from + x] = side[x] == half;
        parts_part(p, left, n_left);
    }
    mem_free(side);
}

void parts_narrow(struct parts *p, const struct bounds *b, wide all, wide yes, wide no, wide open) {
    wide least = p->no - no, most = least + (p->left_open - open);
    if (p->yes - yes + most != all) p->failed = true; /* never: sequences would be lost, or counted twice */
    wide low = b->least > least ? b->least : least, high = b->most < most ? b->most : most;
    if (low > high) return;
    p->yes += most - high;
    p->no = no + low;
    p->left_open = open + (high - low);
}

uint32_t parts_stay(uint32_t *stay, wide *aside, const struct parts *p, const uint32_t *left, uint32_t n_left) {
    uint32_t n = 0;
    *aside = 0;
    for (uint32_t a = 0; a < n_left; a++) {
        if (p->rare[left[a]]) *aside = capped(*aside, p->over[left[a]], p->cell.count[ROOT]);
        else stay[n++] = left[a];
    }
    return n;
}

void parts_aside(struct parts *p, wide aside, wide yes) {
    if (aside > p->yes - yes) aside = p->yes - yes;
    p->yes -= aside;
    p->left_open += aside;
}

static void cut_part(struct parts *p, const uint32_t *left, uint32_t n_left, wide ideal) {
    wide yes = p->yes, all = p->cell.count[ROOT], aside;
    uint64_t before = p->open;
    uint32_t *stay = mem_get(n_left, sizeof *stay), n_stay = parts_stay(stay, &aside, p, left, n_left);
    p->open = share_of(ideal, all);
    for (uint32_t a = 0; a < n_left; a++) p->share[left[a]] = share_of(p->over[left[a]], all);
    both_sides(p, stay, n_stay);
    mem_free(stay);
    p->open = before;
    parts_aside(p, aside, yes);
}

static void undecided(struct parts *p, const uint32_t *left, uint32_t n_left) {
    wide all = p->cell.count[ROOT];
    struct bounds b = {0};
    if (within(p, all, n_left)) {
        p->left_open += all;
        return;
    }
    if (!worth_tables(p, n_left)) {
        both_sides(p, left, n_left);
        return;
    }
    if (!tables(p, left, n_left, &b)) {
        p->failed = true;
        return;
    }
    if (b.most >= b.least && within(p, b.most - b.least, CUT * n_left)) {
        p->yes += all - b.most;
        p->no += b.least;
        p->left_open += b.most - b.least;
        return;
    }
    wide yes = p->yes, no = p->no, open = p->left_open;
    cut_part(p, left, n_left, b.ideal);
    if (!p->failed) parts_narrow(p, &b, all, yes, no, open);
}

/* The sequences whose cells are allowed; gives `allowed` back as it was. */
void parts_part(struct parts *p, const uint32_t *open, uint32_t n_open) {
    struct cell *c = &p->cell;
    size_t cells = c->at[c->n];
    bool *keep = mem_get(cells, sizeof *keep), never = false;
    uint32_t *left = mem_get(n_open, sizeof *left), n_left = 0;
    const struct binding *line = p->line.line != NULL ? tree_next(p) : NULL;
    memcpy(keep, c->allowed, cells * sizeof *keep);
    if (cell_narrow(c, open, n_open)) {
        for (uint32_t a = 0; a < n_open; a++) {
            uint32_t k = open[a];
            int64_t lo = c->least[ROOT * c->K + k], hi = c->most[ROOT * c->K + k], r = c->radius[k];
            bool strict = p->form[k].strict;
            if (strict ? hi <= -r : hi < -r) never = true;
            else if (!(strict ? lo > r : lo >= r)) left[n_left++] = k;
        }
        bool decided = never || n_left == 0;
        if (p->failed) decided = true; /* a line is missing: nothing is found */
        else if (never) p->no += c->count[ROOT];
        else if (n_left == 0) p->yes += c->count[ROOT];
        else if (single(p)) p->complete(p->arg, left, n_left), decided = true;
        else if (line != NULL) tree_part(p, line, left, n_left);
        else undecided(p, left, n_left);
        if (decided && line != NULL) tree_skip(p, line);
    }
    memcpy(c->allowed, keep, cells * sizeof *keep);
    mem_free(keep);
    mem_free(left);
}

void cell_room(struct cell *c) {
    size_t edges = 0, K = c->K;
    c->first = mem_get((size_t)c->n + 2, sizeof *c->first);
    for (uint32_t i = 0; i <= c->n; i++) c->first[i + 1] = c->first[i] + (i == c->n ? 2 : c->level[i].classes.n);
    for (uint32_t i = 0; i < c->n; i++) edges += c->level[i].classes.n * c->level[i].tokens;
    size_t states = c->first[c->n + 1];
    c->out = mem_get(states + 1, sizeof *c->out);
    c->edge = mem_get(edges + 1, sizeof *c->edge);
    c->unit = mem_get((size_t)c->n + 1, sizeof *c->unit);
    c->count = mem_get(states, sizeof *c->count);
    c->reached = mem_get(states, sizeof *c->reached);
    c->allowed = mem_get(c->at[c->n], sizeof *c->allowed);
    c->least = mem_get(states * K, sizeof *c->least);
    c->most = mem_get(states * K, sizeof *c->most);
}

bool parts_count(struct parts *p, const struct cell *given, const struct iform *form, const struct leaves *lines) {
    parts_clear(p);
    if (lines != NULL) p->line = *lines;
    p->cell = *given;
    p->form = form;
    struct cell *c = &p->cell;
    size_t cells = c->at[c->n], K = c->K;
    cell_room(c);
    p->bins = mem_get(K, sizeof *p->bins);
    p->over = mem_get(K, sizeof *p->over);
    p->under = mem_get(K, sizeof *p->under);
    p->share = mem_get(K, sizeof *p->share);
    p->cells = mem_get(c->n, sizeof *p->cells);
    p->added = mem_get(K, sizeof *p->added);
    p->rare = mem_get(K, sizeof *p->rare);
    uint32_t *all = mem_get(K, sizeof *all);
    for (size_t x = 0; x < cells; x++) c->allowed[x] = true;
    for (size_t k = 0; k < K; k++) all[k] = (uint32_t)k, p->share[k] = (uint64_t)1 << SHARE;
    parts_part(p, all, (uint32_t)K);
    mem_free(all);
    if (lines != NULL && !p->failed) tree_end(p);
    return !p->failed;
}
