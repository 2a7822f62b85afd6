/* Parts of a count that are left with tables (FORMAT.md rule cells, `counts`): those of engine count, made of a line's lesser terms, which count the sequences that may fail, and of its larger ones, which count those that surely do. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/cells.h"
#include "verify/count.h"

#define BINS 1024
#define TABLES_PER_PART 32       /* tables that cost what a part of the size that stays open is worth */

/* open: lines that are counted. */
struct cells_tables { struct tables t; struct cell x; int *open; double *top; size_t room_h, room_top, room_rad, room_low, room_high, room_count, room_open, room_allowed; };

void cells_tables_free(struct cells_tables *t)
{
    if (!t)
        return;
    tables_clear(&t->t);
    void *all[] = { t->open, t->top, t->x.h, t->x.rad, t->x.low, t->x.high, t->x.count, t->x.allowed };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(t);
}

static bool grown(void *at, size_t *room, size_t want, size_t size)
{
    void **to = at, *now = mem_grow(*to, room, want, size);
    *to = now ? now : *to;
    return now != NULL;
}

/* Room for n lines. */
static enum status room(struct cells_tables *t, const struct cells_room *r, size_t n)
{
    struct cell *x = &t->x;
    size_t states = r->layer[r->s->p->n_src + 1];
    x->lines = n;
    x->Kp = (n + 7) / 8 * 8;
    bool good = grown(&x->h, &t->room_h, r->cells * x->Kp, sizeof *x->h) && grown(&t->top, &t->room_top, r->cells * x->Kp, sizeof *t->top) && grown(&x->rad, &t->room_rad, r->cells, sizeof *x->rad) &&
                grown(&x->low, &t->room_low, states * x->Kp, sizeof *x->low) && grown(&x->high, &t->room_high, states * x->Kp, sizeof *x->high) && grown(&x->count, &t->room_count, states, sizeof *x->count) &&
                grown(&x->allowed, &t->room_allowed, r->cells, 1);
    return good ? STATUS_OK : STATUS_MEMORY;
}

#define ROUNDED 0x1p-45          /* of the largest term of a token */

/* Terms of the open lines from below (sign 1) or above. */
static enum status terms(struct cells_tables *t, struct cells_room *r, double sign)
{
    struct cell *x = &t->x;
    double *to = sign > 0 ? x->h : t->top;
    memcpy(r->column, t->open, x->lines * sizeof *r->column);
    r->n_columns = x->lines;
    r->width = 1;
    cells_slopes(r, sign);
    enum status s = cells_lines(r, sign);
    for (size_t c = 0; s == STATUS_OK && c < r->cells; c++)
        for (size_t e = 0; e < x->Kp; e++) {
            double v = e < x->lines && r->left[c] ? sign * r->g[c * r->Kp + r->slot[e]] : 0;
            to[c * x->Kp + e] = v;
            x->rad[c] = fmax(sign > 0 && e == 0 ? 0 : x->rad[c], ROUNDED * fabs(v));
        }
    return s;
}

/* Tables of the lines that are not done, around the sequence that the room's terms are made around. */
static enum status fill(struct bounds *b, struct cells_tables *t, struct cells_room *r, const struct count_rule *rule, const struct limits *l, bool *expired)
{
    struct cell *x = &t->x;
    bool empty, single;
    x->p = r->s->p;
    x->c = r->c;
    x->q = r->q;
    x->layer = r->layer;
    enum status s = terms(t, r, 1);
    if (s == STATUS_OK)
        s = terms(t, r, -1);
    if (s == STATUS_OK)
        s = cell_count_rest(x);
    if (s != STATUS_OK)
        return s;
    x->top = t->top;
    for (size_t c = 0; c < r->cells; c++)
        x->allowed[c] = !r->off[c];
    int *names = t->open + x->lines;      /* lines are numbered as they stand in x */
    for (size_t e = 0; e < x->lines; e++)
        names[e] = (int)e;
    s = cell_narrow(x, &t->t.edges, &empty, &single);
    return s == STATUS_OK ? tables_fill(b, &t->t, x, rule, names, x->lines, false, l, expired) : s;
}

enum status cells_count_part(struct cells_part *out, struct cells_room *r, const struct limits *l)
{
    size_t n = 0;
    struct bounds b = { 0 };
    bool expired = false;
    memset(out, 0, sizeof *out);
    if (!r->tables)
        r->tables = mem_array(1, sizeof *r->tables);
    struct cells_tables *t = r->tables;
    if (!t || !grown(&t->open, &t->room_open, 2 * r->c->lines.K, sizeof *t->open))
        return STATUS_MEMORY;
    for (size_t k = 0; k < r->c->lines.K; k++)
        if (!r->done[k])
            t->open[n++] = (int)k;
    struct count_rule rule = { .bins = BINS, .enter = (tally)(r->s->spare / TABLES_PER_PART) };
    enum status s = n > 0 ? room(t, r, n) : STATUS_OK;
    if (s == STATUS_OK && n > 0)
        s = fill(&b, t, r, &rule, l, &expired);
    if (s != STATUS_OK || expired || n == 0)
        return s;
    out->most = b.most;
    out->least = b.least < b.most ? b.least : b.most;
    out->good = count_within(&rule, out->most - out->least, CUT_TABLES * n);
    return STATUS_OK;
}

void cells_write_tables(struct text *out, const struct cells_room *r)
{
    const struct cells_tables *t = r->tables;
    text_add(out, " tables");
    for (size_t e = 0; e < t->x.lines; e++)
        text_addf(out, " %d:%zu", t->open[e], t->t.line[e].bins);
}
