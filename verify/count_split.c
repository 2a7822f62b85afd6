/* The walk of rule count: a part of a class is the sequences whose token at position i is in a subset of the set of position i. What the tables of a part
 * leave open beyond `enter` is cut in two, at the position and the form whose terms are spread most (FORMAT.md rule count, step 5). */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

struct counter {
    struct cell x;
    struct problem *p;
    const struct count_rule *rule;
    const struct limits *limits;
    struct tables tables;
    int *line;                  /* [capacity] of the open lines, their number in the class */
    double *weight, density;    /* [capacity] how often a line fails, and what is open, of all sequences of the ancestor that has tables */
    tally yes, no, open;        /* all lines positive, not, left open */
    struct text notes;          /* of the class and query at hand (count_notes.c) */
    bool notes_asked, noted, pairs;     /* pairs of forms may be looked at; in the class at hand notes are kept, and they are; some were */
    unsigned long steps;
    bool expired;
};

/* Only the open lines are looked at from here on: their columns move together. */
static void keep_lines(struct counter *w, const int *open, size_t n_open)
{
    struct cell *x = &w->x;
    size_t Kp = (n_open + 7) / 8 * 8, cells = w->p->first[w->p->n_src];
    for (size_t k = 0; k < n_open; k++)
        w->line[k] = open[k];
    for (size_t c = 0; c < cells; c++) {
        double row[64], *from = x->h + c * x->Kp, *to = x->h + c * Kp;
        for (size_t at = 0; at < n_open; at += 64) {    /* open[] rises, so nothing is overwritten before it is read */
            size_t n = n_open - at < 64 ? n_open - at : 64;
            for (size_t k = 0; k < n; k++)
                row[k] = from[open[at + k]];
            memcpy(to + at, row, n * sizeof *row);
        }
        memset(to + n_open, 0, (Kp - n_open) * sizeof *to);
    }
    x->Kp = Kp;
    x->lines = n_open;
}

/* One sequence is left: it is evaluated. */
static void complete(struct counter *w, const int *open, size_t n_open)
{
    struct cell *x = &w->x;
    int *active = x->active;    /* not in use here */
    for (size_t e = 0; e < n_open; e++)
        active[e] = w->line[open[e]];
    for (size_t i = 0; i < w->p->n_src; i++)
        for (size_t k = 0; k < w->p->t.n_set[i]; k++)
            if (x->allowed[w->p->first[i] + k])
                x->tokens[i] = w->p->t.sets[i][k];
    enum truth t = problem_referee(w->p, x->c, x->tokens, active, n_open);
    tally *to = t == TRUTH_TRUE ? &w->yes : t == TRUTH_FALSE ? &w->no : &w->open;
    *to += x->count[0];
}

/* The lines that are not positive on the whole part; FALSE: one never is. */
static enum truth open_lines(const struct cell *x, int *out, size_t *n_out, const int *open, size_t n_open)
{
    size_t n = 0;
    for (size_t e = 0; e < n_open; e++) {
        int k = open[e];
        if (x->high[k] < 0)
            return TRUTH_FALSE;
        if (!(x->low[k] > 0))
            out[n++] = k;
    }
    *n_out = n;
    return n ? TRUTH_UNSETTLED : TRUTH_TRUE;
}

/* The cut, and the line whose terms it goes by. */
static struct cut best_cut(size_t *by, const struct counter *w, const int *open, size_t n_open)
{
    const struct cell *x = &w->x;
    struct cut best = { .score = -1 };
    *by = 0;
    for (size_t i = 0; i < w->p->n_src; i++)
        for (size_t e = 0; e < n_open; e++) {
            size_t line = (size_t)open[e];
            struct span s = cell_span(x, i, x->h + line, x->Kp);
            double spread = x->high[line] - x->low[line], score = s.n < 2 ? -1 : (s.most - s.least) / (spread > 0 ? spread : 1) * (w->weight[line] + 0x1p-30);
            if (score > best.score) {
                best = (struct cut){ i, s.least + (s.most - s.least) / 2, score };
                *by = line;
            }
        }
    return best;
}

static enum status part(struct counter *w, const int *open, size_t n_open);

/* Both sides of a cut, one after the other, in place. */
static enum status both_sides(struct counter *w, const int *open, size_t n_open)
{
    struct cell *x = &w->x;
    size_t line;
    struct cut cut = best_cut(&line, w, open, n_open);
    size_t from = w->p->first[cut.position], n = w->p->first[cut.position + 1] - from;
    unsigned char *side = mem_array(n, 1);
    enum status s = side ? STATUS_OK : STATUS_MEMORY;
    unsigned char first = 1;
    if (side)
        cell_sides(side, x, cut.position, x->h + line, x->Kp, cut.at);
    if (side && w->noted)
        first = notes_cut(&w->notes, x, cut.position, side);
    for (unsigned char half = 0; half < 2 && s == STATUS_OK && !w->expired; half++) {
        for (size_t c = 0; c < n; c++)
            x->allowed[from + c] = side[c] == (half ? 3 - first : first);
        s = part(w, open, n_open);
    }
    free(side);
    return s;
}

#define SKIP 4

/* A part is cut without tables while what its ancestor left open is likely to be many times the price of a cut. */
static bool worth_tables(const struct counter *w, size_t n_open)
{
    return !(w->density * (double)w->x.count[0] > SKIP * CUT_TABLES * (double)n_open * (double)w->rule->enter);
}

/* Both sides of a cut have been added to `no` and `open`: what the tables say of the whole part holds as well. True if that says more. */
static bool narrow(struct counter *w, const struct bounds *b, tally no, tally open)
{
    tally least = w->no - no, most = least + (w->open - open);
    tally low = b->least > least ? b->least : least, high = b->most < most ? b->most : most;
    if (high < low || (high == most && low == least))
        return false;
    w->yes += most - high;
    w->no = no + low;
    w->open = open + (high - low);
    return true;
}

/* Of the open forms those that are not rare; the others' numbers are added up in *aside. */
static size_t set_aside(tally *aside, int *stay, const struct counter *w, const int *open, size_t n_open)
{
    size_t n = 0;
    *aside = 0;
    for (size_t e = 0; e < n_open; e++) {
        const struct line_count *l = &w->tables.line[open[e]];
        if (l->rare)
            *aside = tally_capped(*aside, l->over, w->x.count[0]);
        else
            stay[n++] = open[e];
    }
    return n;
}

/* Tables have left too much open: both sides of a cut, without the forms that are set aside. */
static enum status cut_part(struct counter *w, const struct bounds *b, const int *open, size_t n_open)
{
    double before = w->density;
    tally yes = w->yes, aside, all = w->x.count[0];
    int *stay = mem_array(n_open, sizeof *stay);
    if (!stay)
        return STATUS_MEMORY;
    w->density = (double)b->ideal / (double)all;
    for (size_t e = 0; e < n_open; e++)
        w->weight[open[e]] = (double)w->tables.line[open[e]].over / (double)all;
    size_t n_stay = set_aside(&aside, stay, w, open, n_open);
    enum status s = both_sides(w, stay, n_stay);
    free(stay);
    w->density = before;
    aside = aside < w->yes - yes ? aside : w->yes - yes;
    w->yes -= aside;
    w->open += aside;
    return s;
}

static void note(struct counter *w, const char *line)
{
    if (w->noted)
        text_add(&w->notes, line);
}

/* What is not settled by extrema: left open where more is not worth its price, else cut. */
static enum status undecided_part(struct counter *w, const int *open, size_t n_open)
{
    struct cell *x = &w->x;
    tally all = x->count[0];
    struct bounds b = { 0 };
    if (count_within(w->rule, all, n_open)) {
        w->open += all;
        note(w, "part open\n");
        return STATUS_OK;
    }
    note(w, "part");
    if (!worth_tables(w, n_open))
        return both_sides(w, open, n_open);
    enum status s = tables_fill(&b, &w->tables, x, w->rule, open, n_open, w->noted && !w->rule->alone, w->limits, &w->expired);
    if (s != STATUS_OK || w->expired)
        return s;
    if (w->noted)
        notes_rare(&w->notes, &w->tables, open, n_open, w->line);
    size_t from = w->notes.size;
    if (w->noted)
        notes_tables(&w->notes, &w->tables, open, n_open, w->line);
    size_t to = w->notes.size;
    w->pairs |= w->tables.n_pairs > 0;
    if (b.most < b.least || !count_within(w->rule, b.most - b.least, CUT_TABLES * n_open)) {
        tally no = w->no, left = w->open;
        s = cut_part(w, &b, open, n_open);
        if (s == STATUS_OK && !w->expired && !narrow(w, &b, no, left))
            notes_less(&w->notes, from, to);
        return s;
    }
    note(w, "\n");
    w->yes += all - b.most;
    w->no += b.least;
    w->open += b.most - b.least;
    return STATUS_OK;
}

static enum status part(struct counter *w, const int *open, size_t n_open)
{
    struct cell *x = &w->x;
    bool empty, single;
    if ((++w->steps & 15) == 0 && limits_expired(w->limits))
        w->expired = true;
    size_t cells = w->p->first[w->p->n_src];
    unsigned char *keep = mem_array(cells, 1);
    int *left = mem_array(n_open, sizeof *left);
    enum status s = keep && left ? STATUS_OK : STATUS_MEMORY;
    if (s == STATUS_OK && !w->expired) {
        memcpy(keep, x->allowed, cells);
        s = cell_narrow(x, &w->tables.edges, &empty, &single);
        bool undecided = false;
        if (s == STATUS_OK && !empty) {
            size_t n_left;
            enum truth all = open_lines(x, left, &n_left, open, n_open);
            if (all != TRUTH_UNSETTLED)
                *(all == TRUTH_TRUE ? &w->yes : &w->no) += x->count[0];
            else if (single)
                complete(w, left, n_left);
            else {
                undecided = true;
                s = undecided_part(w, left, n_left);
            }
        }
        if (!undecided)
            note(w, "part open\n");
        memcpy(x->allowed, keep, cells);
    }
    free(keep);
    free(left);
    return s;
}

#define PAIRS_LEAST 128          /* two forms have one pair, and fail together on a part of the sequences only */

/* Could a pair of forms be worth its tables in the class? */
static enum status pairs_possible(bool *out, struct counter *w)
{
    bool empty, single;
    enum status s = cell_edges(&w->x, &w->tables.edges, &empty, &single);
    struct halves *t = &w->tables.halves;
    *out = s == STATUS_OK && !empty && halves_cut(t, &w->x, &w->tables.edges) && !count_within(w->rule, w->x.count[0], PAIRS_LEAST * halves_price(t, CELLS_LEAST));
    return s;
}

/* Notes are kept where they are asked for, or pairs could be worth their tables. */
static enum status first_part(struct counter *w, const int *open, size_t n_open)
{
    enum status s = STATUS_OK;
    w->noted = w->notes_asked && w->rule->named;
    if (w->notes_asked && !w->noted && !w->rule->alone)
        s = pairs_possible(&w->noted, w);
    w->density = 0;
    if (s == STATUS_OK && w->noted)
        notes_begin(&w->notes, &w->x);
    return s == STATUS_OK ? part(w, open, n_open) : s;
}

/* One class with one query token. */
static enum status count_cell(struct counter *w)
{
    struct cell *x = &w->x;
    size_t K = 0;
    enum truth all = TRUTH_UNSETTLED;
    for (size_t k = 0; k < x->c->lines.K; k++) {
        x->partial[k] = 0;
        if (x->high[k] < 0)
            all = TRUTH_FALSE;
        if (!(x->low[k] > 0))
            x->active[K++] = (int)k;
    }
    if (all == TRUTH_UNSETTLED && K == 0)
        all = TRUTH_TRUE;
    if (all != TRUTH_UNSETTLED) {
        *(all == TRUTH_TRUE ? &w->yes : &w->no) += x->count[0];
        return STATUS_OK;
    }
    int *open = mem_array(K, sizeof *open);
    if (!open)
        return STATUS_MEMORY;
    keep_lines(w, x->active, K);
    for (size_t k = 0; k < K; k++)
        open[k] = (int)k, w->weight[k] = 1;
    enum status s = first_part(w, open, K);
    free(open);
    return s;
}

enum status counter_count(struct unit_count *out, struct counter *w, const struct class *c, size_t query, const struct count_rule *rule)
{
    struct text notes = out->notes;
    bool empty = true;
    notes.size = 0;
    enum status s = c->live[w->p->first[w->p->row] + query] ? cell_load(&w->x, &empty, c, w->p->t.sets[w->p->row][query], 0, true) : STATUS_OK;
    *out = (struct unit_count){ .notes = notes };
    if (s != STATUS_OK || empty)
        return s;
    w->rule = rule;
    w->notes = notes;
    w->yes = w->no = w->open = 0;
    w->expired = w->pairs = false;
    s = count_cell(w);
    bool not_all = c->d.holds == HOLDS_NOT_ALL;
    *out = (struct unit_count){ not_all ? w->no : w->yes, not_all ? w->yes : w->no, w->open, w->pairs, w->expired, w->notes };
    text_init(&w->notes);
    return out->notes.failed ? STATUS_MEMORY : s;
}

struct counter *counter_new(struct problem *p, bool noted, const struct limits *l)
{
    struct counter *w = mem_array(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (struct counter){ .p = p, .limits = l, .notes_asked = noted };
    enum status s = cell_init(&w->x, p);
    w->line = mem_array(w->x.capacity, sizeof *w->line);
    w->weight = mem_array(w->x.capacity, sizeof *w->weight);
    if (s == STATUS_OK && w->line && w->weight)
        return w;
    counter_free(w);
    return NULL;
}

void counter_free(struct counter *w)
{
    if (!w)
        return;
    tables_clear(&w->tables);
    text_clear(&w->notes);
    free(w->line);
    free(w->weight);
    cell_clear(&w->x);
    free(w);
}
