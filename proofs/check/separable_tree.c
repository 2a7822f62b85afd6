/* Rule count (FORMAT.md §3, steps 7 and 8): a cell whose parts, with their tables and pairs of forms, are those that the lines `part` of the certificate name. Whatever these say,
 * the bounds that follow are bounds: a table, a pair, an order of the forms or a cut may be any. */
#include "separable_walk.h"
#include <string.h>

#define BINS_MOST 262144
#define BINS_TOTAL 4194304
#define PLACED_MOST 64
#define DEPTH_MOST 4096

static void refuse(struct parts *p, const struct binding *line, const char *why) {
    p->failed = true;
    if (p->bad != NULL) return;
    p->bad = why;
    p->bad_line = line->line;
}

/* ---- words ---- */

/* The next word up to a space, which is passed; false: there is none. */
static bool word(const char **at, const char *end, const char **s, size_t *n) {
    if (*at >= end) return false;
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    *s = *at;
    *n = (size_t)((space != NULL ? space : end) - *at);
    *at = space != NULL ? space + 1 : end;
    return true;
}

static bool is_word(const char *s, size_t n, const char *what) { return n == strlen(what) && memcmp(s, what, n) == 0; }

/* A number of at most 9 digits, without needless zeros, at the start of the text. */
static bool number(const char **at, const char *end, uint32_t *out) {
    const char *s = *at;
    for (*out = 0; *at < end && **at >= '0' && **at <= '9' && *at - s < 9; ++*at) *out = 10 * *out + (uint32_t)(**at - '0');
    return *at > s && (*s != '0' || *at == s + 1);
}

/* The text of the cut at the end of a line, or NULL. */
static const char *cut_of(const struct binding *line) {
    const char *at = line->s, *end = at + line->n, *s;
    size_t n;
    while (word(&at, end, &s, &n))
        if (is_word(s, n, "cut")) return at;
    return NULL;
}

/* ---- lines ---- */

static bool begins(const struct binding *line) { return line->n >= 3 && memcmp(line->s, "of ", 3) == 0; }

const struct binding *tree_next(struct parts *p) {
    struct leaves *l = &p->line;
    const bool there = l->next < l->n && !begins(&l->line[l->next]);
    if (!there) refuse(p, &l->line[l->next < l->n ? l->next : l->n - 1], "a line 'part' of a part is missing here");
    return there ? &l->line[l->next++] : NULL;
}

void tree_skip(struct parts *p, const struct binding *line) {
    for (size_t more = cut_of(line) != NULL ? 2 : 0; more > 0 && !p->failed; more--) {
        line = tree_next(p);
        if (line != NULL && cut_of(line) != NULL) more += 2;
    }
}

void tree_end(struct parts *p) {
    const struct leaves *l = &p->line;
    if (l->next < l->n && !begins(&l->line[l->next])) refuse(p, &l->line[l->next], "a line 'part' too many: all parts of this sequence's cell have theirs");
}

/* N,N,... up to the end of the line */
static bool is_list(const char *at, const char *end) {
    for (uint32_t v; number(&at, end, &v); at++)
        if (at == end || *at != ',') return at == end;
    return false;
}

/* open, or K:B or K:B- ... K/C:N ... cut I A,B,..., single spaces between them */
static bool is_part(const struct binding *line) {
    const char *at = line->s, *end = at + line->n;
    bool pairs = false;
    if (is_word(at, line->n, "open")) return true;
    for (uint32_t v; at < end; at++) {
        if (end - at > 4 && memcmp(at, "cut ", 4) == 0) {
            at += 4;
            return number(&at, end, &v) && at < end && *at == ' ' && is_list(at + 1, end);
        }
        if (!number(&at, end, &v) || at == end || (*at != ':' && *at != '/') || (pairs && *at == ':')) return false;
        pairs = *at++ == '/';
        if (!number(&at, end, &v) || (pairs && (at == end || *at++ != ':' || !number(&at, end, &v)))) return false;
        at += !pairs && at < end && *at == '-';
        if (at == end) return true;
        if (*at != ' ') return false;
    }
    return false;
}

static bool tokens_read(const struct binding *line, int64_t *out, uint32_t n) {
    const char *at = line->s + 3, *end = line->s + line->n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t v;
        if (!number(&at, end, &v) || (i + 1 < n ? at == end || *at++ != ',' : at != end)) return false;
        out[i] = v;
    }
    return true;
}

bool trees_read(struct trees *t, const struct leaves *lines, uint32_t n, struct fail *f) {
    size_t many = 0;
    if (lines->n > 0 && !begins(&lines->line[0])) return fail_at(f, lines->line[0].line, "'part of TOKENS' expected before other lines 'part'");
    for (size_t k = 0; k < lines->n; k++) many += begins(&lines->line[k]);
    t->tree = mem_get(many, sizeof *t->tree);
    for (size_t k = 0; k < lines->n; k++) {
        if (!begins(&lines->line[k]) && !is_part(&lines->line[k])) return fail_at(f, lines->line[k].line, "'open', or words K:B or K:B-, then K/C:N, then 'cut I TOKENS', expected after 'part'");
        if (!begins(&lines->line[k])) continue;
        struct tree_at *one = &t->tree[t->n++];
        *one = (struct tree_at){k + 1, mem_get(n, sizeof *one->tokens)};
        if (!tokens_read(&lines->line[k], one->tokens, n)) return fail_at(f, lines->line[k].line, "'part of' and the tokens of one sequence expected, with commas between them");
    }
    return true;
}

void trees_clear(struct trees *t) {
    for (size_t k = 0; k < t->n; k++) mem_free(t->tree[k].tokens);
    mem_free(t->tree);
    *t = (struct trees){0};
}

/* ---- what a line says of its part ---- */

/* Forms placed so far, and the one that is counted beside some of them: known[i]: beside placed form i, positive[i] of the sequences on which it fails have that one positive, at least, and most[n][i] at most;
 * likewise most[j][i] of placed form j, or all. own: it fails and one of them does not, at most; least: sequences with a placed form that fails. */
struct chain { uint32_t form[PLACED_MOST], n, now; bool active, named[PLACED_MOST], known[PLACED_MOST]; wide positive[PLACED_MOST], own, least, most[PLACED_MOST][PLACED_MOST]; };

/* Sequences on which the form fails, and placed form j as well, and placed form i does not, at most. */
static wide both(const struct parts *p, const struct chain *c, uint32_t i, uint32_t j) {
    wide over = p->over[c->now], other = c->most[j][i];
    if (c->known[j]) over = over > c->positive[j] ? over - c->positive[j] : 0;
    return over < other ? over : other;
}

/* At least: sequences on which it fails and no placed form does, for the best of those it was counted beside. */
static wide adds(const struct parts *p, const struct chain *c) {
    wide best = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        if (!c->known[i]) continue;
        wide left = c->positive[i];
        for (uint32_t j = 0; j < c->n && left > 0; j++) {
            wide less = j == i ? 0 : both(p, c, i, j);
            left = left > less ? left - less : 0;
        }
        if (left > best) best = left;
    }
    return best < c->own ? best : c->own;
}

static void place(struct parts *p, struct chain *c) {
    if (!c->active) return;
    c->least = capped(c->least, adds(p, c), p->cell.count[ROOT]);
    p->added[c->now] = c->own;
    c->form[c->n++] = c->now;
    c->active = false;
}

static bool placed(const struct chain *c, uint32_t k, uint32_t *at) {
    for (*at = 0; *at < c->n; ++*at)
        if (c->form[*at] == k) return true;
    return false;
}

/* Of form k, which is placed next: beside any form it fails as often as by itself, at most. */
static void first_most(const struct parts *p, struct chain *c, uint32_t k) {
    for (uint32_t i = 0; i < PLACED_MOST; i++) c->most[c->n][i] = p->over[k];
}

/* K/C:N: form k is counted beside form `other`, with N cells on an axis. */
static const char *take_pair(struct parts *p, struct chain *c, uint32_t k, uint32_t other, uint32_t cells) {
    uint32_t at;
    wide least, most;
    if (k == other || cells < CELLS_LEAST || cells > CELLS_MOST) return "K/C:N with two forms and 8 to 1,024 cells expected";
    if (c->n == 0) {
        first_most(p, c, other);
        c->form[c->n++] = other;
        c->least = p->under[other];
    }
    if (!c->active || c->now != k) {
        place(p, c);
        if (c->n == PLACED_MOST) return "too many forms";
        if (placed(c, k, &at)) return "K/C:N: form K was placed before";
        c->now = k;
        c->active = true;
        c->own = p->over[k];
        first_most(p, c, k);
        memset(c->known, 0, sizeof c->known);
        memset(c->named, 0, sizeof c->named);
    }
    if (!placed(c, other, &at) || c->named[at]) return "K/C:N: form C is none of those placed before, or named twice";
    c->named[at] = true;
    if (p->over[k] == 0 || p->over[other] == 0 || !halves_middle(&p->halves, &p->cell)) return NULL; /* nothing to be found */
    const struct sign signs[PAIR] = {{other, false}, {k, true}};
    halves_count(&least, &most, &p->halves, &p->cell, signs, cells);
    c->known[at] = true;
    c->positive[at] = least;
    if (most < c->most[c->n][at]) c->most[c->n][at] = most;
    if (most < c->own) c->own = most;
    return NULL;
}

/* K:B: form k has a table of b bins; K:B-: of which only over is wanted. */
static const char *take_table(struct parts *p, uint32_t k, uint32_t b, bool rare, size_t *total) {
    wide over, under;
    if (b == 0 || b > BINS_MOST) return "K:B with 1 to 262,144 bins expected";
    if (*total == 0 && !cell_units(&p->cell)) return "the tables of sums are too large";
    *total += b;
    if (*total > BINS_TOTAL) return "a part has more than 4,194,304 bins";
    if (p->over[k] == 0) return NULL;
    if (rare) p->rare[k] = true;
    if (!sums_over(&over, &p->sums, &p->cell, k, b) || (!rare && !sums_under(&under, &p->sums, &p->cell, k, b))) return "the tables of sums are too large";
    if (over < p->over[k]) p->over[k] = over;
    if (!rare && under > p->under[k]) p->under[k] = under;
    if (p->under[k] > p->over[k]) p->under[k] = p->over[k]; /* never */
    return NULL;
}

/* Words K:B, then words K/C:N. */
static const char *take_words(struct parts *p, const struct binding *line, struct chain *c) {
    const char *at = line->s, *end = at + line->n, *s;
    size_t n, total = 0;
    if (is_word(at, line->n, "open")) return NULL;
    while (word(&at, end, &s, &n) && !is_word(s, n, "cut")) {
        const char *stop = s + n;
        uint32_t k = 0, b = 0, cells = 0;
        number(&s, stop, &k);
        bool pair = *s++ == '/';
        number(&s, stop, &b);
        if (pair) s++, number(&s, stop, &cells);
        if (k >= p->cell.K || (pair && b >= p->cell.K)) return "a form that the cell does not have: they are numbered from 0";
        const char *why = pair ? take_pair(p, c, k, b, cells) : take_table(p, k, b, s < stop && *s == '-', &total);
        if (why != NULL) return why;
    }
    place(p, c);
    return NULL;
}

static void both_parts(struct parts *p, const struct binding *line, const char *at, const uint32_t *left, uint32_t n_left) {
    struct cell *c = &p->cell;
    const char *end = line->s + line->n;
    uint32_t i, v, these = 0, others = 0;
    number(&at, end, &i);
    at++;
    if (i >= c->n_src) {
        refuse(p, line, "a cut at a position that is not read");
        return;
    }
    uint32_t from = c->at[i], n = c->at[i + 1] - from;
    bool *before = mem_get(n, sizeof *before), *named = mem_get(n, sizeof *named);
    memcpy(before, c->allowed + from, n * sizeof *before);
    for (; number(&at, end, &v); at += at < end)
        for (uint32_t x = 0; x < n; x++) named[x] = named[x] || c->tokens[i][x] == (int64_t)v;
    for (uint32_t x = 0; x < n; x++) these += before[x] && named[x], others += before[x] && !named[x];
    if (these == 0 || others == 0) refuse(p, line, "a cut that leaves one part with all tokens");
    else if (p->depth == DEPTH_MOST) refuse(p, line, "more than 4,096 cuts inside each other");
    p->depth++;
    for (int side = 0; side < 2 && !p->failed; side++) {
        for (uint32_t x = 0; x < n; x++) c->allowed[from + x] = before[x] && named[x] == (side == 0);
        parts_part(p, left, n_left);
    }
    p->depth--;
    mem_free(before);
    mem_free(named);
}

void tree_part(struct parts *p, const struct binding *line, const uint32_t *left, uint32_t n_left) {
    const wide all = p->cell.count[ROOT], yes = p->yes, no = p->no, open = p->left_open;
    wide aside;
    uint32_t *stay = mem_get(n_left, sizeof *stay);
    struct bounds b = {0};
    struct chain *c = mem_get(1, sizeof *c);
    for (size_t k = 0; k < p->cell.K; k++) p->over[k] = p->under[k] = 0, p->added[k] = all, p->rare[k] = false;
    for (uint32_t a = 0; a < n_left; a++) p->over[left[a]] = all;
    const char *why = take_words(p, line, c), *cut = cut_of(line);
    b.least = c->least;
    mem_free(c);
    for (size_t k = 0; k < p->cell.K; k++) {
        b.most = capped(b.most, p->added[k] < p->over[k] ? p->added[k] : p->over[k], all);
        if (p->under[k] > b.least) b.least = p->under[k];
    }
    if (why != NULL) refuse(p, line, why);
    else if (b.least > b.most) refuse(p, line, "the bounds contradict each other"); /* never */
    else if (cut == NULL) {
        p->yes += all - b.most;
        p->no += b.least;
        p->left_open += b.most - b.least;
    } else {
        uint32_t n_stay = parts_stay(stay, &aside, p, left, n_left);
        both_parts(p, line, cut, stay, n_stay);
        parts_aside(p, aside, yes);
        if (!p->failed) parts_narrow(p, &b, all, yes, no, open);
    }
    mem_free(stay);
}
