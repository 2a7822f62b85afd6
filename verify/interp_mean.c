/* interp_mean.c: what rows become by `mean over S` and `any over S`: the mean over the runs on the sequences of S, or the box that holds the row of each of
 * them. Where S is a product of sets of tokens, a row has one value for all sequences with the same tokens where it looks (models/graph.c, net_reach):
 * then these tokens alone run through their sets, each combination as often as any other among the sequences of S; means of attention over many combinations are
 * made without going through them (mean_attention.c). */
#include "verify/interp_parts.h"
#include "verify/mean_attention.h"
#include "core/mem.h"
#include "models/run.h"
#include <math.h>
#include "verify/engine.h"
#include <limits.h>

#define CHECK_EVERY 256      /* runs between looks at the clock */

static bool is_any(const struct change *c) { return c->value->name[0] == 'a'; }

/* The hull of both, entry by entry, into a. */
static enum status widen(struct value *a, const struct value *b, struct interp *in)
{
    double *mid, *rad;
    arb_ptr balls;
    const double *old_mid = a->mid, *old_rad = a->rad;
    if (!value_make_real(a, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;   /* a's own buffers, as copy_rows left them */
    for (size_t i = 0; i < a->n; i++) {
        if (in->prec) {
            arb_union(balls + i, balls + i, b->balls + i, in->prec);
            continue;
        }
        double lo = fmin(old_mid[i] - old_rad[i], b->mid[i] - b->rad[i]), hi = fmax(old_mid[i] + old_rad[i], b->mid[i] + b->rad[i]);
        bool known = isfinite(lo) && isfinite(hi) && isfinite(old_rad[i]) && isfinite(b->rad[i]);
        lo = nextafter(lo, -INFINITY);
        hi = nextafter(hi, INFINITY);
        mid[i] = known ? lo / 2 + hi / 2 : 0;
        rad[i] = known ? nextafter(fmax(hi - mid[i], mid[i] - lo), INFINITY) : INFINITY;
    }
    return STATUS_OK;
}

/* A row that is asked for, which rests on the tokens first..end - 1. Those taken together are those of one range, or all (whole), over n sequences; done: it has its mean. */
struct wanted { size_t node, row, first, end; bool done; };
struct group { struct change *c; struct site *site; struct wanted *rows; size_t n_rows, first, end; bool whole; long n; };

static bool in_group(const struct group *g, const struct wanted *x)
{
    return !x->done && (g->whole || (x->first == g->first && x->end == g->end));
}

static struct value *mean_of(const struct group *g, const struct wanted *x) { return &g->c->means[x->node * g->c->length + x->row]; }

static bool find_rows(struct group *g)
{
    const struct net *net = g->site->base;
    enum reach *reach = mem_array(net->n_nodes, sizeof *reach);
    g->rows = mem_array(g->c->n_means, sizeof *g->rows);
    if (reach) net_reach(reach, net);
    for (size_t k = 0; reach && g->rows && k < g->c->n_means; k++) {
        struct wanted x = {.node = k / g->c->length, .row = k % g->c->length};
        if (!change_asks(g->c, g->site, x.node, x.row)) continue;
        reach_range(&x.first, &x.end, reach[x.node], x.row, g->c->length);
        g->rows[g->n_rows++] = x;
    }
    bool found = reach && g->rows;
    free(reach);
    return found;
}

static enum status source_ready(struct change *c, const struct site *site, struct interp *in)
{
    enum status s = site_ready(c->source, in);
    if (s == STATUS_OK && c->source->unknown) s = interp_fail(in, c->value, "a mean over sequences that are not known");
    if (s == STATUS_OK && c->source->n != site->n) s = interp_fail(in, c->value, "a mean over sequences of %zu tokens for one of %zu", c->source->n, site->n);
    return s;
}

/* The rows of the run on the sequence that is bound. */
static enum status add_run(struct group *g, struct interp *in)
{
    struct change *c = g->c;
    struct value v;
    if (in->limits && g->n % CHECK_EVERY == CHECK_EVERY - 1 && limits_expired(in->limits)) return STATUS_TIMEOUT;
    enum status s = source_ready(c, g->site, in);
    value_init(&v);
    for (size_t k = 0; k < g->n_rows && s == STATUS_OK; k++) {
        const struct wanted *x = &g->rows[k];
        if (!in_group(g, x)) continue;
        struct value *m = mean_of(g, x);
        struct span row = {x->row, 1, true, false}, all = {0, g->site->base->nodes[x->node].width, false, false};
        s = copy_rows(g->n == 0 ? m : &v, in, c->source, site_place(c->source, x->node), row, all);
        if (s == STATUS_OK && g->n > 0 && is_any(c)) s = widen(m, &v, in);
        else if (s == STATUS_OK && g->n > 0) s = arith(m, in, c->value, OPER_ADD, m, &v);
        m->origin.site = NULL;
    }
    value_clear(&v);
    g->n++;
    return s;
}

static enum status divide_rows(const struct group *g, struct interp *in)
{
    struct change *c = g->c;
    struct value count;
    value_init(&count);
    enum status s = g->n == 0 ? interp_fail(in, c->value, "nothing to take the mean of, or any of") : value_set_int(&count, g->n) ? STATUS_OK : STATUS_MEMORY;
    for (size_t k = 0; k < g->n_rows && s == STATUS_OK && !is_any(c); k++) {
        struct value *m = mean_of(g, &g->rows[k]);
        if (!in_group(g, &g->rows[k])) continue;
        s = arith(m, in, c->value, OPER_DIV, m, &count);
        if (s == STATUS_OK && in->s->semantics == SEMANTICS_FLOAT32) interp_round_binary32(m, in->prec);
    }
    value_clear(&count);
    return s;
}

/* ---- products ---- */

struct tokens { int *items; size_t n, room; };
struct product { struct tokens *sets; int *t; size_t *digit, n; };

static void product_clear(struct product *p)
{
    for (size_t i = 0; i < p->n && p->sets; i++) free(p->sets[i].items);
    free(p->sets);
    free(p->t);
    free(p->digit);
}

static enum status read_set(struct tokens *out, struct interp *in, const struct change *c, struct expr *set)
{
    struct bind bind = {.name = c->over.name, .slot = c->over.slot, .set = set};
    struct binds binds = {&bind, 1};
    struct walk *w = NULL;
    const int *t;
    size_t n;
    bool more, is_int;
    enum status s = walk_new(&w, &binds, in, in->d);
    while (s == STATUS_OK) {
        s = walk_next(&more, w, in->d);
        if (s != STATUS_OK || !more) break;
        if (!interp_bound(in, bind.slot, &t, &n, &is_int) || !is_int) {
            s = interp_fail(in, set, "a sequence of tokens is of integers");
            break;
        }
        int *grown = mem_grow(out->items, &out->room, out->n + 1, sizeof *grown);
        if (!grown) s = STATUS_MEMORY;
        else {
            grown[out->n++] = *t;
            out->items = grown;
        }
    }
    walk_free(w);
    return s;
}

/* A product of sets of tokens that the model has, none empty, as long as the sequence: *fits. Anything else is gone through as it is. */
static enum status product_read(struct product *p, bool *fits, const struct change *c, const struct site *site, struct interp *in)
{
    const struct expr *set = c->value->args[0];
    bool power = set->form == FORM_TOKENS_POWER, known = true;
    long n = (long)set->n_args;
    *p = (struct product){0};
    *fits = power || set->form == FORM_TOKENS_PRODUCT;
    enum status s = *fits && power ? eval_int(&n, &known, in, set->args[0]) : STATUS_OK;
    *fits = *fits && known && n == (long)site->n;
    if (s != STATUS_OK || !*fits) return s;
    p->n = site->n;
    p->sets = mem_array(p->n, sizeof *p->sets);
    p->t = mem_array(p->n, sizeof *p->t);
    p->digit = mem_array(p->n, sizeof *p->digit);
    if (!p->sets || !p->t || !p->digit) return STATUS_MEMORY;
    for (size_t i = 0; i < p->n && s == STATUS_OK; i++) {
        struct tokens *x = &p->sets[i];
        s = read_set(x, in, c, set->args[power ? 1 : i]);
        for (size_t k = 0; k < x->n; k++) *fits = *fits && x->items[k] >= 0 && (size_t)x->items[k] < site->base->d_vocab;
        *fits = *fits && x->n > 0;
        if (x->n > 0) p->t[i] = x->items[0];
    }
    return s;
}

/* The next combination of the tokens first..end - 1; false: that was the last. */
static bool product_next(struct product *p, size_t first, size_t end)
{
    for (size_t i = end; i-- > first;) {
        const struct tokens *x = &p->sets[i];
        bool carry = ++p->digit[i] == x->n;
        if (carry) p->digit[i] = 0;
        p->t[i] = x->items[p->digit[i]];
        if (!carry) return true;
    }
    return false;
}

static bool rests_on_many(const struct product *p, const struct wanted *x)
{
    double n = 1;
    for (size_t i = x->first; i < x->end; i++) n *= (double)p->sets[i].n;
    return n > MEAN_THROUGH;
}

static enum status quick_row(struct group *g, struct wanted *x, struct quick_means *quick, struct interp *in)
{
    size_t width = g->site->base->nodes[x->node].width;
    arb_ptr mean = _arb_vec_init((slong)width);
    enum status s = quick_mean(mean, quick, x->node, x->row);
    if (s == STATUS_OK) s = set_balls(mean_of(g, x), in, mean, 1, width);
    else if (s == STATUS_UNSUPPORTED && interp_fail(in, g->c->value, "a mean of attention cannot be enclosed: all weights of a sequence may be below 2^-1500 of the largest weight of its query") == STATUS_MEMORY) s = STATUS_MEMORY;
    _arb_vec_clear(mean, (slong)width);
    x->done = true;
    return s;
}

/* The rows whose means are made without going through the sequences. */
static enum status take_quick(struct group *g, const struct product *p, struct interp *in)
{
    const struct net *net = g->site->base;
    if (is_any(g->c) || in->s->semantics == SEMANTICS_FLOAT32 || g->c->call->args[0]->form != FORM_NAME) return STATUS_OK;
    struct quick_means *quick = NULL;
    enum reach *reach = mem_array(net->n_nodes, sizeof *reach);
    struct token_set *sets = mem_array(p->n, sizeof *sets);
    enum status s = reach && sets ? STATUS_OK : STATUS_MEMORY;
    if (s == STATUS_OK) net_reach(reach, net);
    for (size_t i = 0; s == STATUS_OK && i < p->n; i++) sets[i] = (struct token_set){p->sets[i].items, p->sets[i].n};
    for (size_t k = 0; s == STATUS_OK && k < g->n_rows; k++) {
        struct wanted *x = &g->rows[k];
        if (!rests_on_many(p, x) || !mean_is_quick(net, reach, x->node)) continue;
        if (!quick) s = quick_means_new(&quick, net, reach, sets, p->n);
        if (s == STATUS_OK) s = quick_row(g, x, quick, in);
    }
    quick_means_free(quick);
    free(sets);
    free(reach);
    return s;
}

static enum status take_group(struct group *g, struct product *p, struct interp *in)
{
    enum status s = STATUS_OK;
    bool more = true;
    while (s == STATUS_OK && more) {
        interp_bind_tokens(in, g->c->over.slot, p->t, p->n);
        s = in->slots[g->c->over.slot].bound ? add_run(g, in) : STATUS_MEMORY;
        more = product_next(p, g->first, g->end);
    }
    return s == STATUS_OK ? divide_rows(g, in) : s;
}

/* Every range of positions that rows asked for rest on: 0..0, i..i+1, 0..i+1, of which a later one comes once. */
static enum status take_groups(struct group *g, struct product *p, struct interp *in)
{
    enum status s = take_quick(g, p, in);
    for (size_t first = 0; first < p->n && s == STATUS_OK; first++)
        for (size_t end = first ? first + 1 : 0; end <= (first ? first + 1 : p->n) && s == STATUS_OK; end++) {
            bool asked = false;
            g->first = first;
            g->end = end;
            g->n = 0;
            for (size_t k = 0; k < g->n_rows && !asked; k++) asked = in_group(g, &g->rows[k]);
            if (asked) s = take_group(g, p, in);
        }
    return s;
}

static enum status take_all(struct group *g, struct interp *in)
{
    struct binds binds = {&g->c->bind, 1};
    struct walk *w = NULL;
    bool more;
    enum status s = walk_new(&w, &binds, in, in->d);
    g->whole = true;
    while (s == STATUS_OK) {
        s = walk_next(&more, w, in->d);
        if (s != STATUS_OK || !more) break;
        s = add_run(g, in);
    }
    walk_free(w);
    return s == STATUS_OK ? divide_rows(g, in) : s;
}

static void means_drop(struct change *c)
{
    for (size_t i = 0; i < c->n_means; i++) value_clear(&c->means[i]);
    free(c->means);
    c->means = NULL;
    c->n_means = 0;
}

/* Once an interpreter: the components rest on no variable, nor does the set. */
static enum status take_means(struct change *c, struct site *site, struct interp *in)
{
    struct product p = {0};
    bool fits = false;
    struct group g = {.c = c, .site = site};
    size_t n = site->base->n_nodes * site->n;
    c->over = (struct expr){.form = FORM_NAME, .name = (char[]){"x"}, .slot = (int)in->n_slots - 1};
    c->bind = (struct bind){.name = c->over.name, .slot = c->over.slot, .set = c->value->args[0]};
    c->length = site->n;
    if (!(c->means = mem_array(n, sizeof *c->means))) return STATUS_MEMORY;
    for (; c->n_means < n; c->n_means++) value_init(&c->means[c->n_means]);
    enum status s = find_rows(&g) ? site_find(&c->source, in, c->call->args[0], &c->over, c->call) : STATUS_MEMORY;
    if (s == STATUS_OK) s = product_read(&p, &fits, c, site, in);
    if (s == STATUS_OK) s = fits ? take_groups(&g, &p, in) : take_all(&g, in);
    product_clear(&p);
    free(g.rows);
    if (s != STATUS_OK) means_drop(c);
    return s;
}

enum status mean_fill(const struct patch *p, struct site *site, struct interp *in)
{
    struct change *c = p->by;
    enum status s = c->means ? STATUS_OK : take_means(c, site, in);
    if (s != STATUS_OK || (s = same_length(p, in, c->length, site->n)) != STATUS_OK) return s;
    const struct value *m = &c->means[p->of.node * c->length + (size_t)p->first];
    size_t at = p->entry >= 0 ? (size_t)p->entry : 0;
    if (m->kind != KIND_REAL) return interp_fail(in, c->value, "no mean of this component");
    if (in->prec) ball_run_patch_row(site->now->balls, p->node, (size_t)p->first, m->balls + at);
    else run_patch_row(site->now->run, p->node, (size_t)p->first, m->mid + at, m->rad + at);
    return STATUS_OK;
}
