/* The features of rule separable as an automaton over the positions of one query token, and its minimal form for some final states. */
#include "separable_walk.h"
#include <string.h>

#define STATES_FEW ((size_t)1 << 16) /* transitions of a level */
#define LEFT_OUT (-2) /* a token after which the condition is false, or the sequence not in the image */

void table_clear(struct table *t) {
    mem_free(t->slot);
    mem_free(t->key);
    *t = (struct table){0};
}

static size_t hash(const int64_t *k, size_t n) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) h = (h ^ (uint64_t)k[i]) * 1099511628211u, h ^= h >> 29;
    return (size_t)h;
}

static size_t table_place(const struct table *t, const int64_t *k) {
    size_t i = hash(k, t->width) & (t->slots - 1);
    while (t->slot[i] != 0 && memcmp(t->key + (t->slot[i] - 1) * t->width, k, t->width * sizeof *k) != 0) i = (i + 1) & (t->slots - 1);
    return i;
}

size_t table_add(struct table *t, const int64_t *k) {
    if (2 * (t->n + 1) > t->slots) {
        mem_free(t->slot);
        t->slots = t->slots == 0 ? 16 : 4 * t->slots;
        t->slot = mem_get(t->slots, sizeof *t->slot);
        for (size_t i = 0; i < t->n; i++) t->slot[table_place(t, t->key + i * t->width)] = i + 1;
    }
    size_t place = table_place(t, k);
    if (t->slot[place] != 0) return t->slot[place] - 1;
    if (t->n == t->room) {
        size_t room = 2 * t->room + 16;
        t->key = mem_grow(t->key, t->n * t->width, room * t->width, sizeof *t->key);
        t->room = room;
    }
    memcpy(t->key + t->n * t->width, k, t->width * sizeof *k);
    t->slot[place] = ++t->n;
    return t->n - 1;
}

static bool is_query_cell(const struct walker *w, uint32_t i, uint32_t token, uint32_t q) { return i != w->s.row || token == q; }

static bool build_level(struct walker *w, uint32_t i, uint32_t q) {
    struct sep *s = &w->s;
    uint32_t m = s->at[i + 1] - s->at[i];
    struct table *from = &w->states[i], *to = &w->states[i + 1];
    table_clear(to);
    to->width = (size_t)s->n_f + 1; /* one constant more, so that a width is never 0 */
    mem_free(w->next[i]);
    w->next[i] = mem_get(from->n * m, sizeof *w->next[i]);
    mem_free(w->reached[i + 1]);
    w->reached[i + 1] = NULL;
    size_t room = 0;
    int64_t state[FEATURES_MOST + 1];
    for (size_t x = 0; x < from->n; x++)
        for (uint32_t t = 0; t < m; t++) {
            w->next[i][x * m + t] = -1;
            if (!is_query_cell(w, i, t, q)) continue;
            memcpy(state, from->key + x * from->width, from->width * sizeof *state);
            for (int k = 0; k < s->n_f; k++)
                if (!feature_step(s, &s->f[k], &state[k], i, s->at[i] + t, s->sets.v[i][t])) return sep_refuse(s, s->too_many ? "too many states" : "a feature overflows");
            if (feature_ends(s, state)) {
                w->next[i][x * m + t] = LEFT_OUT;
                continue;
            }
            size_t n = to->n, at = table_add(to, state);
            w->next[i][x * m + t] = (int32_t)at;
            if (at == n && n == room) {
                w->reached[i + 1] = mem_grow(w->reached[i + 1], n, 2 * n + 16, sizeof *w->reached[i + 1]);
                room = 2 * n + 16;
            }
            if (at == n) w->reached[i + 1][n] = x * m + t;
            s->too_many = to->n * m > w->states_most;
            if (s->too_many) return sep_refuse(s, "too many states");
        }
    return true;
}

/* Levels up to the row itself are the same for every q. */
static bool build_levels(struct walker *w, uint32_t q) {
    struct sep *s = &w->s;
    int64_t state[FEATURES_MOST + 1] = {0};
    if (w->states[0].n == 0) {
        w->states[0].width = (size_t)s->n_f + 1;
        for (int k = 0; k < s->n_f; k++) feature_start(&s->f[k], &state[k]);
        table_add(&w->states[0], state);
    }
    for (uint32_t i = 0; i < s->n; i++)
        if ((i >= s->row || w->states[i + 1].n == 0) && !build_level(w, i, q)) return false;
    return true;
}

bool states_few(struct walker *w) {
    const size_t most = w->states_most;
    const struct fail said = *w->s.fail;
    w->states_most = STATES_FEW;
    bool few = build_levels(w, 0);
    w->states_most = most;
    w->s.too_many = false;
    *w->s.fail = said;
    for (uint32_t i = 0; !few && i <= w->s.n; i++) table_clear(&w->states[i]);
    return few;
}

/* Do tokens lead from the states of level i where they lead from those of the next level? */
static bool is_alike(const struct walker *w, uint32_t i) {
    const uint32_t *at = w->s.at;
    if (i + 1 >= w->s.n || at[i + 1] - at[i] != at[i + 2] - at[i + 1] || w->states[i].n != w->states[i + 1].n || w->states[i + 1].n != w->states[i + 2].n) return false;
    return memcmp(w->next[i], w->next[i + 1], w->states[i].n * (at[i + 1] - at[i]) * sizeof **w->next) == 0;
}

bool states_build(struct walker *w, uint32_t q) {
    struct sep *s = &w->s;
    w->row_token = q;
    if (!build_levels(w, q)) return false;
    for (uint32_t i = 0; i < s->n; i++) w->alike[i] = is_alike(w, i);
    wide *now = mem_get(1, sizeof *now), after = 1; /* below 2^125, all of them: checked at the start */
    now[0] = 1;
    w->left_out = 0;
    for (uint32_t i = 0; i < s->n; i++) after *= i == s->row ? 1 : s->at[i + 1] - s->at[i];
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t m = s->at[i + 1] - s->at[i];
        wide *then = mem_get(w->states[i + 1].n, sizeof *then);
        after /= i == s->row ? 1 : m > 0 ? m : 1;
        for (size_t x = 0; x < w->states[i].n; x++)
            for (uint32_t t = 0; t < m; t++)
                if (w->next[i][x * m + t] >= 0) then[w->next[i][x * m + t]] += now[x];
                else if (w->next[i][x * m + t] == LEFT_OUT && s->image == NULL) w->left_out += now[x] * after;
        mem_free(now);
        now = then;
    }
    mem_free(w->paths);
    w->paths = now;
    return true;
}

/* Classes of the states of level i by those of the next level's states, later[state]; an array of its own. */
static int32_t *level_classes(struct walker *w, uint32_t i, const int32_t *later) {
    struct level *l = &w->level[i];
    uint32_t m = w->s.at[i + 1] - w->s.at[i];
    int64_t *sign = mem_get(m, sizeof *sign);
    int32_t *now = mem_get(w->states[i].n, sizeof *now);
    size_t last = 0; /* the class found last: neighbours are often alike */
    table_clear(&l->classes);
    l->tokens = m;
    l->classes.width = m;
    table_add(&l->classes, sign); /* class 0: all dead */
    for (size_t x = 0; x < w->states[i].n; x++) {
        const int32_t *next = w->next[i] + x * m;
        int64_t alive = 0;
        for (uint32_t t = 0; t < m; t++) alive |= sign[t] = next[t] < 0 ? 0 : later[next[t]];
        if (alive == 0) continue;
        if (last == 0 || memcmp(sign, l->classes.key + last * m, m * sizeof *sign) != 0) last = table_add(&l->classes, sign);
        now[x] = (int32_t)last;
    }
    mem_free(sign);
    return now;
}

/* The same at the row that is read, where one token leads on: a class for every class of the next level. */
static int32_t *row_classes(struct walker *w, uint32_t i, const int32_t *later) {
    struct level *l = &w->level[i];
    uint32_t m = w->s.at[i + 1] - w->s.at[i], q = w->row_token;
    int64_t *sign = mem_get(m, sizeof *sign);
    int32_t *now = mem_get(w->states[i].n, sizeof *now), *of = mem_get(w->level[i + 1].classes.n, sizeof *of);
    table_clear(&l->classes);
    l->tokens = m;
    l->classes.width = m;
    table_add(&l->classes, sign); /* class 0: dead */
    for (size_t x = 0; x < w->states[i].n; x++) {
        int32_t next = w->next[i][x * m + q], class = next < 0 ? 0 : later[next];
        if (class == 0) continue;
        if (of[class] == 0) {
            sign[q] = class;
            of[class] = (int32_t)table_add(&l->classes, sign);
        }
        now[x] = of[class];
    }
    mem_free(sign);
    mem_free(of);
    return now;
}

/* Another level's table again. */
static void copy_table(struct table *to, const struct table *from) {
    table_clear(to);
    to->width = from->width;
    to->n = from->n;
    to->key = mem_get(from->n * from->width, sizeof *to->key);
    memcpy(to->key, from->key, from->n * from->width * sizeof *from->key);
}

/* The next level's classes again: classes that are alike lead to classes that are alike. */
static void copy_classes(struct level *to, const struct level *from) {
    to->tokens = from->tokens;
    copy_table(&to->classes, &from->classes);
}

/* ---- levels before the row ----
 * They have the same states for every query token, and their classes follow from those of the row's states: the same numbers there give the same tables, which are kept. */

#define KEPT_MOST ((size_t)1 << 23) /* numbers of all that is kept */

static size_t hash_numbers(const int32_t *v, size_t n) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) h = (h ^ (uint64_t)(uint32_t)v[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static bool take_kept(struct walker *w, const int32_t *later, size_t mark) {
    size_t n = w->states[w->s.row].n;
    struct kept *k = w->kept[mark % KEPT_LISTS];
    while (k != NULL && (k->of != w->kept_of || k->mark != mark || memcmp(k->later, later, n * sizeof *later) != 0)) k = k->after;
    for (uint32_t i = 0; k != NULL && i < w->s.row; i++) {
        w->level[i].tokens = w->s.at[i + 1] - w->s.at[i];
        copy_table(&w->level[i].classes, &k->classes[i]);
    }
    return k != NULL;
}

static void keep_levels(struct walker *w, const int32_t *later, size_t mark) {
    size_t n = w->states[w->s.row].n, size = n;
    for (uint32_t i = 0; i < w->s.row; i++) size += 2 * w->level[i].classes.n * w->level[i].tokens;
    if (w->kept_of == 0 || size > KEPT_MOST - w->n_kept) return;
    struct kept *k = mem_get(1, sizeof *k);
    k->of = w->kept_of;
    k->mark = mark;
    k->later = mem_get(n, sizeof *k->later);
    memcpy(k->later, later, n * sizeof *later);
    k->classes = mem_get(w->s.row, sizeof *k->classes);
    for (uint32_t i = 0; i < w->s.row; i++) copy_table(&k->classes[i], &w->level[i].classes);
    k->after = w->kept[mark % KEPT_LISTS];
    w->kept[mark % KEPT_LISTS] = k;
    w->n_kept += size;
}

void kept_clear(struct walker *w) {
    for (size_t h = 0; h < KEPT_LISTS; h++)
        for (struct kept *k = w->kept[h], *after; k != NULL; k = after) {
            after = k->after;
            for (uint32_t i = 0; i < w->s.row; i++) table_clear(&k->classes[i]);
            mem_free(k->classes);
            mem_free(k->later);
            mem_free(k);
        }
}

static void count_level(struct walker *w, uint32_t i) {
    struct level *l = &w->level[i];
    mem_free(l->count);
    l->count = mem_get(l->classes.n, sizeof *l->count);
    for (size_t c = 1; c < l->classes.n; c++)
        for (uint32_t t = 0; t < l->tokens; t++) l->count[c] += w->level[i + 1].count[l->classes.key[c * l->tokens + t]];
}

void states_minimise(struct walker *w, size_t y, const size_t *follows) {
    struct sep *s = &w->s;
    int32_t *later = mem_get(w->states[s->n].n, sizeof *later), *before = NULL, *at_row = NULL, *now; /* classes of the states of the level after, and of the one after that */
    for (size_t x = y + 1; x > 0; x = follows[x - 1]) later[x - 1] = 1;
    struct level *end = &w->level[s->n];
    table_clear(&end->classes);
    mem_free(end->count);
    end->count = mem_get(2, sizeof *end->count);
    end->count[1] = 1;
    end->classes.n = 2;
    uint32_t i = s->n;
    size_t mark = 0;
    while (i-- > 0) {
        size_t size = w->states[i + 1].n * sizeof *later;
        if (i + 1 == s->row) {
            mark = hash_numbers(later, w->states[s->row].n);
            if (take_kept(w, later, mark)) break;
            at_row = mem_get(w->states[s->row].n, sizeof *at_row);
            memcpy(at_row, later, size);
        }
        if (w->alike[i] && memcmp(before, later, size) == 0) copy_classes(&w->level[i], &w->level[i + 1]); /* and now is later again */
        else {
            now = i == s->row ? row_classes(w, i, later) : level_classes(w, i, later);
            mem_free(before);
            before = later;
            later = now;
        }
    }
    if (at_row != NULL) keep_levels(w, at_row, mark);
    for (i = s->n; i-- > 0;) count_level(w, i);
    mem_free(at_row);
    mem_free(before);
    mem_free(later);
}
