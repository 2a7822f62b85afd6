/* impact.c: the largest change of the outputs that an intervention is seen to make. */
#include "verify/impact.h"

#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "verify/means.h"

#define LOOK_MOST 4096     /* inputs */
#define LOOK_LEAST 16      /* however large the model is, unless time is up */
#define WORK 4e8           /* multiplications of the inputs looked at, about; of the sequences of a mean at most as many */
#define SECONDS 0.5        /* for all interventions of a claim */
#define BINDERS 16
#define CONDITIONS (BINDERS + 1)

/* The binders around a part of the statement, outermost first, and their conditions. */
struct around { struct bind items[BINDERS]; size_t n, n_top; const struct expr *where[CONDITIONS]; size_t n_where; };
/* Both models on one input: calls with the same second argument. */
struct two { struct expr changed, plain; struct expr *args[2][2]; struct around around; };
struct hunt { const struct statement *s; struct around around; struct two *found; size_t n; bool failed; };

static bool is_bound(const struct around *a, size_t n, int slot)
{
    for (size_t i = 0; i < n; i++)
        if (a->items[i].slot == slot) return true;
    return false;
}

/* Keeps the outer binders alone where these are all that e rests on; false when it rests on others. */
static bool fit(struct around *a, const struct statement *s, const struct expr *e)
{
    bool top = true, all = true, *used = mem_array(s->n_slots + 1, sizeof *used);
    if (!used) return false;
    expr_free_slots(used, s->n_slots, e);
    for (size_t k = 0; k < s->n_slots; k++) {
        top = top && (!used[k] || is_bound(a, a->n_top, (int)k));
        all = all && (!used[k] || is_bound(a, a->n, (int)k));
    }
    free(used);
    if (top) {
        a->n = a->n_top;
        a->n_where = a->n_where > 0 ? 1 : 0;
    }
    return all;
}

static void keep(struct hunt *h, const struct expr *e)
{
    const struct net *net = statement_net(h->s, e->args[0]);
    struct expr *input = e->args[e->n_args - 1], *plain = e->args[0];
    if (!net || h->n == IMPACTS_MAX) return;
    for (size_t i = 0; i < h->n; i++)
        if (expr_equal(h->found[i].args[0][0], e->args[0]) && expr_equal(h->found[i].args[0][1], input)) return;
    while (expr_is_intervention(plain)) plain = plain->args[0];
    struct two *t = &h->found[h->n];
    *t = (struct two){.changed = *e, .around = h->around};
    if (!fit(&t->around, h->s, e)) return;
    t->changed.function = net->width_in ? FUNCTION_OUTPUT : FUNCTION_LOGITS;
    t->changed.id = SIZE_MAX;          /* no call site of the statement: found by its text */
    t->changed.n_args = 2;
    t->plain = t->changed;
    t->args[0][0] = e->args[0];
    t->args[1][0] = plain;
    t->args[0][1] = t->args[1][1] = input;
    h->n++;
}

static void hunt(struct hunt *h, const struct expr *e)
{
    size_t n = h->around.n, n_where = h->around.n_where;
    if (n + e->binds.n > BINDERS) return;
    for (size_t i = 0; i < e->binds.n; i++) h->around.items[h->around.n++] = e->binds.items[i];
    if (e->binds.n && e->where) h->around.where[h->around.n_where++] = e->where;
    if (e->form == FORM_CALL && function_reads_network(e->function) && e->n_args >= 2 && expr_is_intervention(e->args[0])) keep(h, e);
    const struct expr *child;
    for (size_t i = 0; (child = expr_child(e, i)); i++) hunt(h, child);
    h->around.n = n;
    h->around.n_where = n_where;
}

static void hunt_statement(struct hunt *h)
{
    const struct statement *s = h->s;
    const struct binds *top = s->body == BODY_PROVE ? &s->forall : &s->binds;
    const struct expr *where = s->body == BODY_PROVE ? s->forall_where : s->where;
    if (top->n > BINDERS) return;
    for (size_t i = 0; i < top->n; i++) h->around.items[h->around.n++] = top->items[i];
    h->around.n_top = top->n;
    h->around.where[0] = where;                /* perhaps none: the place is kept for it */
    h->around.n_where = 1;
    if (s->subject) hunt(h, s->subject);
    if (where) hunt(h, where);
}

/* Multiplications of a run, about. */
static double work_of(const struct net *net)
{
    double work = 1;
    for (size_t v = 0; v < net->n_nodes; v++)
        for (size_t k = 0; k < net->nodes[v].n_w; k++)
            if (net->nodes[v].op != OP_EMBED && net->nodes[v].op != OP_POSITION) work += (double)net->nodes[v].w[k].k * (double)net->nodes[v].w[k].m;
    return work * (double)net->n_ctx;
}

struct means { const struct statement *s; double work; };

/* The runs over a whole set that a mean or a box of choices asks for cannot be interrupted. */
static bool mean_fits(const struct expr *e, void *context)
{
    const struct means *m = context;
    struct diag d;
    mpz_t runs;
    if (!expr_calls(e, FUNCTION_ABLATE)) return true;
    diag_init(&d);
    mpz_init(runs);
    bool fits = mean_runs(runs, m->s, e, &d) == STATUS_OK && mpz_get_d(runs) * m->work <= WORK;
    mpz_clear(runs);
    diag_clear(&d);
    return fits;
}

static bool conditions_hold(const struct two *t, struct interp *in, struct diag *d, enum status *s)
{
    enum truth truth = TRUTH_TRUE;
    for (size_t i = 0; i < t->around.n_where && *s == STATUS_OK && truth == TRUTH_TRUE; i++)
        if (t->around.where[i]) *s = interp_truth(&truth, in, t->around.where[i], d);
    return *s == STATUS_OK && truth == TRUTH_TRUE;
}

/* Looks at what is bound now. */
static enum status look(struct impact *out, const struct two *t, struct interp *in, struct diag *d)
{
    struct binds binds = {(struct bind *)t->around.items, t->around.n};
    enum status s = STATUS_OK;
    bool larger;
    if (!conditions_hold(t, in, d, &s)) return s;
    s = interp_gap(&out->gap, &larger, in, &t->changed, &t->plain, d);
    out->looked += s == STATUS_OK;
    return s == STATUS_OK && larger ? binding_read(&out->at, &binds, in) : s;
}

static enum status look_at_all(struct impact *out, const struct two *t, struct interp *in, struct walk *w, unsigned long most, const struct limits *l, struct diag *d)
{
    enum status s = STATUS_OK;
    bool more = true;
    unsigned long seen = 0;
    for (; s == STATUS_OK && !limits_expired(l); seen++) {
        s = walk_next(&more, w, d);
        if (s != STATUS_OK || !more || seen == most) break;
        s = look(out, t, in, d);
    }
    out->all = s == STATUS_OK && !more;
    return s;
}

static enum status look_at_random(struct impact *out, const struct two *t, struct interp *in, struct walk *w, unsigned long most, const struct limits *l, struct diag *d)
{
    gmp_randstate_t random;
    mpz_t size, from, to;
    enum status s = STATUS_OK;
    bool more;
    gmp_randinit_mt(random);
    gmp_randseed_ui(random, l->seed);
    mpz_inits(size, from, to, NULL);
    walk_size(size, w);
    for (unsigned long tried = 0; s == STATUS_OK && tried < 4 * most && out->looked < most && !limits_expired(l); tried++) {
        mpz_urandomm(from, random, size);
        mpz_add_ui(to, from, 1);
        walk_range(w, from, to);
        s = walk_next(&more, w, d);
        if (s == STATUS_OK && more) s = look(out, t, in, d);
    }
    mpz_clears(size, from, to, NULL);
    gmp_randclear(random);
    return s;
}

/* The input that the verdict shows, where it binds what the models rest on. */
static enum status look_at_shown(struct impact *out, struct two *t, struct interp *in, const struct binding *b, const struct limits *l, struct diag *d)
{
    if (!b || limits_expired(l) || b->n_parts != t->around.n || t->around.n != t->around.n_top) return STATUS_OK;
    for (size_t i = 0; i < b->n_parts; i++)
        if (b->parts[i].vector || strcmp(b->parts[i].name, t->around.items[i].name) != 0) return STATUS_OK;
    const struct binds binds = {t->around.items, t->around.n};
    binding_bind(in, &binds, b);
    return look(out, t, in, d);
}

static enum status measure(struct impact *out, const struct statement *s, struct two *t, const struct binding *shown, const struct limits *l, struct diag *d)
{
    struct binds binds = {t->around.items, t->around.n};
    struct means means = {s, work_of(statement_net(s, t->args[1][0]))};
    double share = WORK / (2 * means.work);
    unsigned long most = share > LOOK_MOST ? LOOK_MOST : share > LOOK_LEAST ? (unsigned long)share : LOOK_LEAST;
    struct interp *in = NULL;
    struct walk *w = NULL;
    mpz_t size;
    t->changed.args = t->args[0];
    t->plain.args = t->args[1];
    if (!expr_walk(t->args[0][0], mean_fits, &means)) return STATUS_UNSUPPORTED;
    mpz_init(size);
    enum status status = interp_new(&in, s, 0);
    if (status == STATUS_OK) status = walk_new(&w, &binds, in, d);
    if (status == STATUS_OK) walk_size(size, w);
    if (status == STATUS_OK && mpz_cmp_ui(size, most) <= 0) status = look_at_all(out, t, in, w, most, l, d);
    else if (status == STATUS_OK) {
        status = look_at_shown(out, t, in, shown, l, d);
        if (status == STATUS_OK) status = look_at_random(out, t, in, w, most, l, d);
    }
    walk_free(w);
    interp_free(in);
    mpz_clear(size);
    return status;
}

static void impact_clear(struct impact *x)
{
    free(x->model);
    free(x->input);
    binding_clear(&x->at);
    memset(x, 0, sizeof *x);
}

static char *printed(const struct expr *e)
{
    struct text t;
    text_init(&t);
    expr_print(&t, e);
    char *copy = t.failed || !t.data ? NULL : mem_string(t.data);
    text_clear(&t);
    return copy;
}

/* An impact is left out when the inputs cannot be walked or evaluated: the claim's own engines say why. */
static enum status add_impact(struct impacts *out, const struct statement *s, struct two *t, const struct binding *shown, const struct limits *l)
{
    struct impact x = {0};
    struct diag d;
    diag_init(&d);
    enum status status = measure(&x, s, t, shown, l, &d);
    diag_clear(&d);
    if (status == STATUS_OK && x.looked > 0) {
        x.model = printed(t->args[0][0]);
        x.input = printed(t->args[0][1]);
        if (x.model && x.input) {
            out->items[out->n++] = x;
            return STATUS_OK;
        }
        status = STATUS_MEMORY;
    }
    impact_clear(&x);
    return status == STATUS_MEMORY ? status : STATUS_OK;
}

enum status impacts_measure(struct impacts *out, const struct statement *s, const struct binding *shown, const struct limits *l)
{
    struct hunt h = {.s = s};
    enum status status = STATUS_OK;
    memset(out, 0, sizeof *out);
    if (s->undecidable || !s->text) return STATUS_OK;
    h.found = mem_array(IMPACTS_MAX, sizeof *h.found);
    if (!h.found) return STATUS_MEMORY;
    hunt_statement(&h);
    if (h.n > 0 && !(out->items = mem_array(h.n, sizeof *out->items))) status = STATUS_MEMORY;
    for (size_t i = 0; i < h.n && status == STATUS_OK; i++) {
        struct limits part = *l;
        double end = clock_seconds() + SECONDS / (double)h.n;
        if (!(part.deadline > 0) || part.deadline > end) part.deadline = end;
        status = add_impact(out, s, &h.found[i], shown, &part);
    }
    free(h.found);
    return status;
}

void impacts_clear(struct impacts *i)
{
    for (size_t k = 0; k < i->n; k++) impact_clear(&i->items[k]);
    free(i->items);
    memset(i, 0, sizeof *i);
}
