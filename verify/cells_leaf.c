/* One cell from bounds to lines of a certificate: every relu is replaced by a linear bound over the interval of what it reads, the claim's lines are then sums over
 * positions, and their least values decide. Cells that stay open are split by the tokens of one position. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/cells.h"

#define SLOPE_STEPS 6
#define WEIGHT_LEAST 0x1p-180    /* the checker's weights have 256 fractional bits: smaller ones have no 60 good bits */

/* ---- lines as sums ---- */

static enum status room_for_lines(struct cells_room *x)
{
    size_t K = x->c->lines.K, H = x->s->p->net.units;
    void **all[] = { (void **)&x->slope, (void **)&x->rest, (void **)&x->column, (void **)&x->slot, (void **)&x->done, (void **)&x->plain, (void **)&x->known, (void **)&x->at, (void **)&x->pairs };
    size_t n[] = { K * H, K, K, K, K, K, K, AT_MOST * x->s->p->t.n, K }, size[] = { sizeof *x->slope, sizeof *x->rest, sizeof *x->column, sizeof *x->slot, 1, 1, 1, sizeof *x->at, sizeof *x->pairs };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(*all[i]);
        *all[i] = mem_array(n[i], size[i]);
        if (!*all[i])
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

/* ---- leaves ---- */

static void add_number(struct text *out, double v)
{
    mpq_t q;
    mpq_init(q);
    number_set_double(q, v);
    number_add_text(out, q);
    mpq_clear(q);
}

static void add_interval(struct text *out, double lo, double hi)
{
    text_add(out, " ");
    add_number(out, lo);
    text_add(out, ":");
    add_number(out, hi);
}

/* What the sums of `done` rest on. */
static void write_words(const struct cells_room *x, struct text *out)
{
    for (size_t h = 1; h < x->heads; h++)
        add_interval(out, x->shown[h][0], x->shown[h][1]);
    for (size_t u = 0; u < x->n_read; u++) {
        const struct unit_bound *b = &x->unit[u];
        if (b->phase != '~') {
            text_addf(out, " %c", b->phase);
            continue;
        }
        add_interval(out, b->lo, b->hi);
        if (b->sloped) {
            text_add(out, ":");
            add_number(out, b->slope);
        }
    }
    for (size_t k = 0; k < x->n_at; k++)
        for (size_t i = 0; i < x->s->p->t.n; i++)
            text_addf(out, "%s%d", i == 0 ? " @" : ",", x->at[k * x->s->p->t.n + i]);
}

static void write_leaf(struct cells_room *x, const char *word)
{
    text_addf(x->out, "cell %s", word);
    write_words(x, x->out);
    text_add(x->out, "\n");
}

/* What the words of a split above show. */
static void begin_done(struct cells_room *x)
{
    memcpy(x->done, x->known, x->c->lines.K);
    memcpy(x->plain, x->known, x->c->lines.K);
}

/* Moves the slopes of relus that only push a line up towards what the relaxation's own minimum asks for. */
static enum status better_slopes(struct cells_room *x, double *margin)
{
    for (int step = 0; step < SLOPE_STEPS && *margin <= 0; step++) {
        bool any = false;
        cells_read_row(x, x->tokens);
        for (size_t u = 0; u < x->s->p->net.units; u++) {
            struct unit_bound *b = &x->unit[u];
            if (!cells_free(b) || cells_factor(x, x->line, u) <= 0)
                continue;
            double now = b->sloped ? b->slope : b->hi >= -b->lo, to = x->z[u] > 0 ? 1 : 0;
            b->sloped = true;
            b->slope = round((now + (to - now) / (2 + step)) * 64) / 64;
            any |= b->slope != now;
        }
        if (!any)
            break;
        begin_done(x);
        enum status s = cells_relaxed(x, false, margin);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

/* Bounds of the units and sums around the sequence in `tokens`, which the leaf will name. */
static enum status around(struct cells_room *x, const int *tokens, bool negated, double *margin)
{
    size_t n = x->s->p->t.n;
    memmove(x->centre, tokens, n * sizeof *x->centre);
    cells_around(x, x->centre);
    memcpy(x->at + x->n_at++ * n, x->centre, n * sizeof *x->at);
    enum status s = x->n_read > 0 ? cells_bounds(x) : STATUS_OK;
    return s == STATUS_OK ? cells_relaxed(x, negated, margin) : s;
}

enum { LEAF_NO, LEAF_YES };

/* With several heads sums are made around a sequence, then around the one at which the worst line is least: for the lines that are left, or, where relus are bounded by it, for all.
 * STATUS_UNSUPPORTED: shown, but by numbers that the rule does not compute with. */
static enum status try_leaf(int *closed, struct cells_room *x, bool negated, size_t at_most)
{
    double margin = 0;
    enum status s = STATUS_OK;
    const bool once = x->heads == 1 && !(x->by_row && x->n_read == 0);
    size_t units = x->n_read, rounds = once ? 1 : units > 0 ? 2 : AT_MOST;
    rounds = at_most < rounds ? at_most : rounds;
    x->n_at = 0;
    for (size_t round = 0; round < rounds && s == STATUS_OK && margin <= 0; round++) {
        bool same = round > 0 && memcmp(x->centre, x->tokens, x->s->p->t.n * sizeof *x->centre) == 0;
        if (same || (round > 0 && !negated && cells_each_serves(x, x->done, EACH_CHEAP)))
            break;
        if (round == 0 || units > 0) {
            x->n_at = 0;
            begin_done(x);
        }
        s = once ? cells_relaxed(x, negated, &margin) : around(x, round == 0 ? x->centre : x->tokens, negated, &margin);
        if (s == STATUS_OK && !negated && units > 0 && margin <= 0)
            s = better_slopes(x, &margin);
    }
    *closed = s == STATUS_OK && margin > 0 ? LEAF_YES : LEAF_NO;
    bool fits = true;
    if (s == STATUS_OK && *closed == LEAF_YES)
        s = cells_fit(&fits, x, negated ? -1 : 1);
    return fits ? s : STATUS_UNSUPPORTED;
}

/* Does some line not shown yet need sigma from above? */
static bool some_falls(const struct cells_room *x, double sign)
{
    bool any = false;
    for (size_t k = 0; k < x->c->lines.K; k++)
        any = any || sign * cells_kappa(x, k) < 0;
    return any;
}

/* The intervals of the heads' ratios, of units and entries, once for a part. */
static enum status bounds(struct cells_room *x)
{
    x->n_read = x->s->p->net.units + x->n_bent;
    enum status s = x->bounded ? STATUS_OK : cells_bounds(x);
    x->bounded = true;
    return s;
}

/* First without intervals, where a row may do; else with them, which stand then. Where the part's sequences are few they take the intervals' place. */
static enum status try_leaves(int *closed, struct cells_room *x, bool negated, size_t at_most)
{
    enum status s = STATUS_OK;
    *closed = LEAF_NO;
    x->falls = some_falls(x, negated ? -1 : 1);
    if (x->by_row) {
        x->n_read = 0;
        s = try_leaf(closed, x, negated, at_most);
    }
    if (s != STATUS_OK || *closed == LEAF_YES)
        return s;
    if (x->by_row && x->few)
        return s;
    s = bounds(x);
    return s == STATUS_OK && !(x->by_row && !x->falls) ? try_leaf(closed, x, negated, at_most) : s;
}

/* ---- splits ---- */

static enum status decide(enum cells_answer *out, struct cells_room *x, const struct limits *l);

/* The words of a split: what the sums at hand show of the lines need not be shown in its parts. Few lines are not worth a line of words. */
static enum status split_words(struct cells_room *x, struct text *words)
{
    size_t K = x->c->lines.K, left = 0, shown = 0;
    bool fits = true;
    for (size_t k = 0; k < K; k++) {
        left += !x->known[k];
        shown += x->plain[k] && !x->known[k];
    }
    bool worth = 2 * shown >= left && (!x->by_row || x->n_read == 0);     /* else the intervals may not be those of the sums */
    enum status s = worth ? cells_fit(&fits, x, 1) : STATUS_OK;
    if (s != STATUS_OK || !worth || !fits)
        return s;
    write_words(x, words);
    memcpy(x->known, x->plain, K);
    return words->failed ? STATUS_MEMORY : STATUS_OK;
}

/* Both parts of a split; `off` of its position as it was. */
static enum status parts(enum cells_answer *out, struct cells_room *x, const struct limits *l, size_t i, const unsigned char *named, const unsigned char *before, const double *least)
{
    size_t m = x->s->p->t.n_set[i];
    unsigned char *off = x->off + x->s->p->first[i];
    enum status s = STATUS_OK;
    *out = CELLS_CLOSED;
    for (int part = 0; part < 2 && s == STATUS_OK && *out != CELLS_BELOW; part++) {
        enum cells_answer one = CELLS_CLOSED;
        for (size_t k = 0; k < m; k++)
            off[k] = before[k] || (named[k] != 0) == (part == 1);
        memcpy(x->least, least, 2 * x->n_read * sizeof *least);
        if (cells_alive(x))
            s = decide(&one, x, l);
        if (one != CELLS_CLOSED)
            *out = one;
    }
    memcpy(off, before, m);      /* what is alive is recomputed where the next part begins */
    return s;
}

static void write_split(struct cells_room *x, size_t i, const unsigned char *named, const struct text *words)
{
    bool comma = false;
    text_addf(x->out, "cell split %zu ", i);
    for (size_t k = 0; k < x->s->p->t.n_set[i]; k++)
        if (named[k]) {
            text_addf(x->out, "%s%d", comma ? "," : "", x->s->p->t.sets[i][k]);
            comma = true;
        }
    if (words->size > 0)
        text_add_n(x->out, words->data, words->size);
    text_add(x->out, "\n");
}

static enum status branch(enum cells_answer *out, struct cells_room *x, const struct limits *l, size_t i, const unsigned char *named, const struct text *words)
{
    size_t m = x->s->p->t.n_set[i], n_least = 2 * x->n_read;
    unsigned char *before = mem_array(m, 1);
    double *least = mem_array(n_least + 1, sizeof *least);
    enum status s = before && least ? STATUS_OK : STATUS_MEMORY;
    if (s == STATUS_OK) {
        memcpy(before, x->off + x->s->p->first[i], m);
        memcpy(least, x->least, n_least * sizeof *least);
        write_split(x, i, named, words);
        s = parts(out, x, l, i, named, before, least);
    }
    free(before);
    free(least);
    return s;
}

static enum status count_leaf(tally *to, const struct cells_room *x)
{
    tally n;
    enum status s = cells_count(&n, x);
    if (s == STATUS_OK)
        *to += n;
    return s;
}

static enum status give_up(enum cells_answer *out, struct cells_room *x)
{
    *out = CELLS_OPEN;
    text_add(x->out, "cell open\n");
    return count_leaf(&x->open, x);
}

/* Are the weights that are left large enough, beside the first head's largest, for the checker's tables to have them? */
static bool weights_show(const struct cells_room *x)
{
    const struct problem *p = x->s->p;
    bool good = x->most[0] > WEIGHT_LEAST;
    for (size_t h = 1; h < x->heads; h++) {
        double over = p->more[h - 1].score_max[x->q] - p->tables.score_max[x->q];
        good = good && fabs(over) < 500 && x->most[h] * exp(over) > WEIGHT_LEAST;
    }
    return good;
}

/* The sequence around which sums are made first: the one that the last part had, if it is in this one. */
static void first_centre(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    bool here = x->tried > 0;
    for (size_t i = 0; i < p->n_src && here; i++)
        here = cells_weight(x, 0, i, x->centre[i]) > 0;
    if (here)
        return;
    cells_first(x);
    memcpy(x->centre, x->tokens, p->t.n * sizeof *x->centre);
}

/* The part is false throughout, as a line is: where no sequence of it is known to be true. */
static enum status decide_fails(enum cells_answer *out, struct cells_room *x, bool negated)
{
    int fails = LEAF_NO;
    if (!x->s->count || cells_has_seen(x, !negated))
        return STATUS_OK;
    for (size_t u = 0; u < x->s->p->net.units; u++)
        x->unit[u].sloped = false;
    enum status s = try_leaves(&fails, x, !negated, 2);
    if (s != STATUS_OK)
        return s;
    if (!fails)
        return cells_keep_best(x), STATUS_OK;
    write_leaf(x, "fails");
    *out = CELLS_CLOSED;
    return STATUS_OK;
}

/* The part is true throughout; if not, *out is CELLS_BELOW when a sequence is not and that is all that is asked for, and the words are those of what is shown. */
static enum status decide_bounds(enum cells_answer *out, struct cells_room *x, struct text *words)
{
    bool negated = x->c->d.holds == HOLDS_NOT_ALL, hopeless = x->s->count && cells_has_seen(x, negated);
    int closed = LEAF_NO;
    x->coarse = hopeless;
    enum status s = hopeless && negated ? bounds(x) : try_leaves(&closed, x, negated, hopeless ? 1 : AT_MOST);
    x->coarse = false;
    if (s == STATUS_OK && closed) {
        write_leaf(x, "bounds");
        *out = CELLS_CLOSED;
        return count_leaf(&x->yes, x);
    }
    if (s != STATUS_OK || negated)
        return s;
    s = split_words(x, words);
    if (s == STATUS_OK && !hopeless)
        s = cells_descend(x, x->line);
    if (s == STATUS_OK && x->best_value < 0 && !x->s->count)
        *out = CELLS_BELOW;
    return s;
}

static enum status decide_split(enum cells_answer *out, struct cells_room *x, const struct limits *l, size_t line, const struct text *words)
{
    size_t what, i = cells_widest(x, line, &what);
    unsigned char *named = mem_array(x->s->p->t.n_set[i], 1);
    if (!named)
        return STATUS_MEMORY;
    enum status s = cells_halve(x, line, i, what, named) ? branch(out, x, l, i, named, words) : give_up(out, x);
    free(named);
    return s;
}

/* The part's n sequences one by one, but for the lines that the words show. */
static enum status decide_each(enum cells_answer *out, struct cells_room *x, tally n, const struct text *words)
{
    size_t all, some;
    bool done;
    enum status s = cells_each(&done, &all, &some, x);
    if (s != STATUS_OK || !done)
        return s;
    text_add(x->out, "cell each");
    if (words->size > 0)
        text_add_n(x->out, words->data, words->size);
    text_add(x->out, "\n");
    x->yes += x->c->d.holds == HOLDS_NOT_ALL ? some : all;
    x->open += n - all - some;
    *out = CELLS_CLOSED;
    return STATUS_OK;
}

#define TABLED_LEAST 4096        /* of fewer sequences a checker's tables, which are rounded in another way, may differ by more than an eighth */

/* What a count may leave open is left to tables of the lines that are not shown around the last sequence that was looked at; known: by splits above. */
static enum status decide_tables(enum cells_answer *out, struct cells_room *x, const struct limits *l, tally n, const unsigned char *known)
{
    struct cells_part part;
    double margin;
    bool fits, turned;
    if (!(x->s->spare > 0) || x->part < TABLED_LEAST || x->c->d.holds != HOLDS_ALL)
        return STATUS_OK;
    enum status s = x->by_row ? STATUS_OK : bounds(x);
    if (x->by_row)
        x->n_read = 0;
    x->falls = some_falls(x, 1) || some_falls(x, -1);     /* terms are made from both sides */
    x->n_at = 0;
    x->coarse = true;
    memcpy(x->known, known, x->c->lines.K);
    begin_done(x);
    if (s == STATUS_OK)
        s = x->heads > 1 || x->by_row ? around(x, x->centre, false, &margin) : cells_relaxed(x, false, &margin);
    x->coarse = false;
    if (s == STATUS_OK)
        s = cells_fit(&fits, x, 1);
    if (s == STATUS_OK && fits)
        s = cells_count_part(&part, x, l);
    if (s == STATUS_OK && fits)
        s = cells_fit(&turned, x, -1);
    if (s != STATUS_OK || !fits || !turned || !part.good)
        return s == STATUS_OK && x->by_row ? bounds(x) : s;      /* they tell where to split */
    text_add(x->out, "cell counts");
    write_words(x, x->out);
    cells_write_tables(x->out, x);
    text_add(x->out, "\n");
    x->yes += n - part.most;
    x->open += part.most - part.least;
    x->tabled = true;
    *out = CELLS_CLOSED;
    return STATUS_OK;
}

/* A part of n sequences whose weights are there; known: lines that splits above show. */
static enum status decide_part(enum cells_answer *out, struct cells_room *x, const struct limits *l, tally n, struct text *words, const unsigned char *known)
{
    enum status s = cells_each_serves(x, x->known, EACH_AT_ONCE) ? decide_each(out, x, n, words) : STATUS_OK;
    if (s != STATUS_OK || *out != CELLS_OPEN)
        return s;
    x->few = cells_each_serves(x, x->known, EACH_LAST);
    s = decide_bounds(out, x, words);
    size_t line = x->line;
    if (s == STATUS_OK && *out == CELLS_OPEN)
        s = decide_fails(out, x, x->c->d.holds == HOLDS_NOT_ALL);
    if (s == STATUS_OK && *out == CELLS_OPEN && x->few)
        s = decide_each(out, x, n, words);
    if (s == STATUS_OK && *out == CELLS_OPEN && x->few && x->by_row)
        s = bounds(x);          /* they were left out, and tell where to split */
    if (s == STATUS_OK && *out == CELLS_OPEN)
        s = decide_tables(out, x, l, n, known);
    if (s != STATUS_OK || *out != CELLS_OPEN)
        return s;
    return ++x->tried >= x->s->nodes ? give_up(out, x) : decide_split(out, x, l, line, words);
}

static enum status decide(enum cells_answer *out, struct cells_room *x, const struct limits *l)
{
    size_t K = x->c->lines.K;
    tally n = 0;
    enum status s = x->s->count ? cells_count(&n, x) : STATUS_OK;
    if (s != STATUS_OK)
        return s;
    x->part = (double)n;
    if (limits_expired(l) || (x->s->spare > 0 && (double)n <= x->s->spare))
        return give_up(out, x);
    cells_weights(x);
    if (!weights_show(x))
        return give_up(out, x);
    unsigned char *known = mem_array(K + 1, 1);
    struct text words;
    if (!known)
        return STATUS_MEMORY;
    memcpy(known, x->known, K);
    text_init(&words);
    first_centre(x);
    cells_around(x, x->centre);
    x->bounded = false;
    *out = CELLS_OPEN;
    s = decide_part(out, x, l, n, &words, known);
    memcpy(x->known, known, K);
    text_clear(&words);
    free(known);
    return s;
}

enum status cells_probe(struct cells_room *x, bool further)
{
    size_t line;
    cells_first(x);
    memcpy(x->best, x->tokens, x->s->p->t.n * sizeof *x->best);
    x->best_value = cells_value(x, &line);
    enum status s = further ? room_for_lines(x) : STATUS_OK;
    return s == STATUS_OK && further && weights_show(x) ? cells_descend(x, line) : s;
}

enum status cells_decide(enum cells_answer *out, struct cells_room *x, const struct limits *l)
{
    enum status s = room_for_lines(x);
    x->has_seen[0] = x->has_seen[1] = false;
    if (s == STATUS_OK)
        s = decide(out, x, l);
    if (s == STATUS_OK && x->out->failed)
        s = STATUS_MEMORY;
    return s;
}
