/* change_row.c: what a replaced row becomes: numbers of the claim, zeros, what a steer adds, the row of another run, the mean over runs, or the row of some run of a set. */
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

#define RUNS_MOST 2048    /* of a mean, or of any over */

/* From entry `skip` on of what is given for the whole row. */
static size_t skip_of(const struct smt_patch *p) { return p->entry >= 0 && part_whole(&p->of) ? (size_t)p->entry : 0; }

static const struct entry *given_row(struct smt *m, struct smt_site *site, const struct smt_patch *p)
{
    struct smt_change *c = p->by;
    size_t width = part_width(site->base, &p->of), rows = 0;
    for (size_t i = 0; c->left && i < site->n_patches; i++) rows += site->patches[i].by == c && site->patches[i].node == p->node;
    if (!c->given) c->given = smt_eval(m, c->left ? c->value : c->value->args[0]);
    const struct sym *v = c->given;
    if (m->status != STATUS_OK) return NULL;
    for (size_t i = 0; !v->is_truth && i < v->n; i++) v->e[i] = entry_solid(m, v->e[i]);
    bool number = !c->left && !v->is_truth && v->rank == 0, vector = !v->is_truth && v->rank == 1 && v->n == width, matrix = !v->is_truth && v->rank == 2 && v->shape[1] == width;
    if (c->left ? !(matrix && v->shape[0] == rows) && !(vector && rows == 1) : !number && !vector && !(matrix && v->shape[0] == site->n)) {
        smt_fail(m, STATUS_INPUT, "what replaces rows of width %zu has another shape", width);
        return NULL;
    }
    if (!number) return v->e + (matrix ? (size_t)(p->row - p->first) * width : 0) + skip_of(p);
    struct entry *out = smt_array(m, width, sizeof *out);
    for (size_t i = 0; out && i < width; i++) out[i] = v->e[0];
    return out;
}

static const struct entry *zeros(struct smt *m, const struct smt_site *site, const struct smt_patch *p)
{
    size_t width = site->net->nodes[p->node].width;
    struct entry *out = smt_array(m, width, sizeof *out);
    for (size_t i = 0; out && i < width; i++) out[i] = entry_int(m, 0);
    return out;
}

/* alpha v */
static const struct entry *steered_row(struct smt *m, const struct smt_site *site, const struct smt_patch *p)
{
    const struct expr *call = p->by->call;
    size_t width = part_width(site->base, &p->of), n = site->net->nodes[p->node].width, skip = skip_of(p);
    const struct sym *v = smt_eval(m, call->args[2]);
    struct entry alpha, *out = smt_array(m, n, sizeof *out);
    if (!out || !sym_scalar(m, &alpha, smt_eval(m, call->args[3]), call->args[3])) return NULL;
    if (v->is_truth || v->rank != 1 || v->n != width) {
        smt_fail(m, STATUS_INPUT, "what is added to rows of width %zu is a vector of that length, times a number", width);
        return NULL;
    }
    for (size_t e = 0; e < n && m->status == STATUS_OK; e++) out[e] = term_mul(m, entry_solid(m, v->e[skip + e]), entry_solid(m, alpha));
    return out;
}

/* The row of the run of another site that the pair stands for; entry by entry of a neuron. */
static const struct entry *row_in(struct smt *m, struct smt_site *run, const struct smt_site *site, const struct smt_patch *p)
{
    size_t width;
    if (run->n != site->n) {
        smt_fail(m, STATUS_INPUT, "rows of a sequence of %zu tokens for one of %zu", run->n, site->n);
        return NULL;
    }
    const struct entry *row = smt_row(m, run, change_place(run, p->of.node), (size_t)p->row, &width);
    return row ? row + (p->entry >= 0 ? p->entry : 0) : NULL;
}

static const struct entry *from_row(struct smt *m, struct smt_site *site, const struct smt_patch *p)
{
    const struct smt_change *c = p->by;
    struct smt_site *run = smt_site_of(m, c->call->args[0], c->value->args[0]);
    return run ? row_in(m, run, site, p) : NULL;
}

static bool add_run(struct smt *m, struct smt_change *c, const int *t, size_t n, size_t *room)
{
    if (c->n_runs == RUNS_MOST) return smt_fail(m, STATUS_LIMIT, "a set of more than %d sequences in an ablate has no encoding", RUNS_MOST);
    struct sym *x = sym_new(m, 1, &n);
    for (size_t i = 0; x && i < n; i++) x->e[i] = entry_int(m, t[i]);
    if (c->n_runs == *room) {
        struct smt_site **grown = smt_array(m, *room = *room ? 2 * *room : 16, sizeof *grown);
        if (grown && c->n_runs) memcpy(grown, c->runs, c->n_runs * sizeof *grown);
        c->runs = grown;
    }
    struct smt_site *run = x && c->runs ? smt_site_on(m, c->call->args[0], NULL, x, false, true) : NULL;
    if (run) c->runs[c->n_runs++] = run;
    return run != NULL;
}

/* The runs on the sequences of the set, which rests on no variable; they are those of every equal ablate. */
static bool find_runs(struct smt *m, struct smt_change *c)
{
    for (size_t s = 0; s < m->n_sites && !c->n_runs; s++)
        for (size_t i = 0; i < m->sites[s]->n_changes && !c->n_runs; i++) {
            const struct smt_change *o = &m->sites[s]->changes[i];
            if (o->n_runs && expr_equal(o->call, c->call)) c->runs = o->runs, c->n_runs = o->n_runs;
        }
    if (c->n_runs) return true;
    struct bind b = {.name = (char[]){"x"}, .slot = (int)m->s->n_slots, .set = c->value->args[0]};
    struct walk *w = NULL;
    enum status s = walk_new(&w, &(struct binds){&b, 1}, m->in, m->d);
    size_t n, room = 0;
    bool more = true, is_int, good = true;
    const int *t;
    while (s == STATUS_OK && good && (s = walk_next(&more, w, m->d)) == STATUS_OK && more) {
        good = interp_bound(m->in, b.slot, &t, &n, &is_int) && !is_int;
        good = good ? add_run(m, c, t, n, &room) : smt_fail(m, STATUS_UNSUPPORTED, "a set of this kind in an ablate has no encoding");
    }
    walk_free(w);
    if (s != STATUS_OK && m->status == STATUS_OK) m->status = s;
    return good && s == STATUS_OK && (c->n_runs > 0 || smt_fail(m, STATUS_INPUT, "nothing to take the mean of, or any of"));
}

static const struct entry *mean_row(struct smt *m, struct smt_site *site, const struct smt_patch *p)
{
    struct smt_change *c = p->by;
    size_t width = site->net->nodes[p->node].width;
    struct entry *out = smt_array(m, width, sizeof *out), *terms = smt_array(m, c->n_runs, sizeof *terms);
    mpq_t q;
    mpq_init(q);
    mpq_set_ui(q, 1, c->n_runs);
    for (size_t e = 0; out && terms && e < width && m->status == STATUS_OK; e++) {
        for (size_t r = 0; r < c->n_runs && m->status == STATUS_OK; r++) {
            const struct entry *row = row_in(m, c->runs[r], site, p);
            if (row) terms[r] = row[e];
        }
        if (m->status == STATUS_OK) out[e] = term_scale(m, term_linear(m, terms, NULL, 0, c->n_runs, 0), q);
    }
    mpq_clear(q);
    return out;
}

/* One choice for each component and position. */
static const struct split *choice_of(struct smt *m, struct smt_site *site, const struct smt_patch *p)
{
    for (size_t i = 0; i < site->n_choices; i++) {
        const struct smt_choice *c = &site->choices[i];
        if (c->by == p->by && c->row == p->row && part_compare(&c->of, &p->of) == 0) return c->split;
    }
    struct smt_choice *grown = mem_grow(site->choices, &site->room_choices, site->n_choices + 1, sizeof *grown);
    if (!grown) {
        smt_fail(m, STATUS_MEMORY, "out of memory");
        return NULL;
    }
    site->choices = grown;
    m->relaxed = true;      /* equal inputs of two calls share their choices, which the document does not say */
    const char *name = smt_format(m, "%s.%s[%ld].any%zu", site->name, site->base->nodes[p->of.node].name, p->row, site->n_choices + 1);
    site->choices[site->n_choices] = (struct smt_choice){p->by, p->of, p->row, smt_choose(m, name, p->by->n_runs)};
    return site->choices[site->n_choices++].split;
}

static const struct entry *any_row(struct smt *m, struct smt_site *site, const struct smt_patch *p)
{
    struct smt_change *c = p->by;
    size_t width = site->net->nodes[p->node].width;
    const struct split *split = choice_of(m, site, p);
    struct entry *out = smt_array(m, width, sizeof *out), *of = smt_array(m, c->n_runs, sizeof *of);
    for (size_t e = 0; out && of && e < width && m->status == STATUS_OK; e++) {
        for (size_t r = 0; r < c->n_runs && m->status == STATUS_OK; r++) {
            const struct entry *row = row_in(m, c->runs[r], site, p);
            if (row) of[r] = row[e];
        }
        if (m->status == STATUS_OK) out[e] = term_choose(m, split, of);
    }
    return out;
}

const struct entry *change_row(struct smt *m, struct smt_site *site, const struct smt_patch *p)
{
    struct smt_change *c = p->by;
    char word = p->zero ? 'z' : c->steer ? 's' : c->left ? 'v' : c->value->name[0];     /* zero, value, from, mean, any */
    struct smt_patch kept = *p;                        /* the list may move while runs are made */
    if ((word == 'm' || word == 'a') && !c->n_runs && !find_runs(m, c)) return NULL;
    switch (word) {
    case 'z': return zeros(m, site, &kept);
    case 's': return steered_row(m, site, &kept);
    case 'v': return given_row(m, site, &kept);
    case 'f': return from_row(m, site, &kept);
    case 'm': return mean_row(m, site, &kept);
    default: return any_row(m, site, &kept);
    }
}
