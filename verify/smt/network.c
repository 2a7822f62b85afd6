/* network.c: networks on symbolic inputs, and which node a call of the language means. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

static long find_node(struct smt *m, const struct net *net, const char *name)
{
    long node = net_node(net, name);
    if (node < 0) smt_fail(m, STATUS_INPUT, "the model has no node '%s'", name);
    return node;
}

static long resid_pre(struct smt *m, const struct net *net, long l)
{
    long node = net_node(net, smt_format(m, "blocks.%ld.hook_resid_pre", l));
    if (node >= 0) return node;
    return find_node(m, net, l == 0 ? "hook_embed" : smt_format(m, "blocks.%ld.hook_resid_post", l - 1));
}

static long call_node(struct smt *m, const struct net *net, const struct expr *e)
{
    static const struct { enum function f; const char *tail; } tails[] = {
        {FUNCTION_ATTN, "attn.hook_pattern"}, {FUNCTION_SCORE, "attn.hook_attn_scores"}, {FUNCTION_HEAD_OUT, "attn.hook_result"},
        {FUNCTION_RESID_MID, "hook_resid_mid"}, {FUNCTION_RESID_POST, "hook_resid_post"}, {FUNCTION_MLP_PRE, "mlp.hook_pre"}, {FUNCTION_MLP_POST, "mlp.hook_post"}};
    struct part part;
    long l, h;
    if (e->function == FUNCTION_LOGITS || e->function == FUNCTION_OUTPUT) return (long)net->output;
    if (e->function == FUNCTION_NODE) return change_component(m, &part, net, e->args[1]) ? (long)part.node : -1;
    if (!smt_int(m, &l, e->args[1])) return -1;
    if (e->function == FUNCTION_RESID_PRE) return resid_pre(m, net, l);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        if (tails[i].f != e->function) continue;
        if (e->n_args < 4) return find_node(m, net, smt_format(m, "blocks.%ld.%s", l, tails[i].tail));
        return smt_int(m, &h, e->args[2]) ? find_node(m, net, smt_format(m, "blocks.%ld.%s.%ld", l, tails[i].tail, h)) : -1;
    }
    smt_fail(m, STATUS_UNSUPPORTED, "%s has no encoding", function_table[e->function].name);
    return -1;
}

/* Certified bounds over every input that the domain allows. */
static void find_bounds(struct smt *m, struct smt_site *site)
{
    size_t n = site->n, width = site->net->width_in ? site->net->width_in : 1;
    enum status s = bounds_new(&site->bounds, site->net, SEMANTICS_REAL);
    if (s != STATUS_OK) {
        smt_fail(m, s, "no bounds of the network's values");
        return;
    }
    if (site->net->width_in) {
        double *ends = smt_array(m, 2 * n * width, sizeof *ends);
        for (size_t i = 0; ends && i < n * width; i++) entry_ends(&ends[i], &ends[n * width + i], &site->inputs[i]);
        if (ends) bounds_box(site->bounds, ends, ends + n * width, n);
        return;
    }
    const int **tokens = smt_array(m, n, sizeof *tokens);
    size_t *counts = smt_array(m, n, sizeof *counts);
    for (size_t i = 0; tokens && counts && i < n; i++) {
        counts[i] = entry_cases(&site->inputs[i]);
        int *t = smt_array(m, counts[i], sizeof *t);
        for (size_t k = 0; t && k < counts[i]; k++) t[k] = (int)mpz_get_si(mpq_numref(site->inputs[i].lo + k));
        tokens[i] = t;
    }
    if (m->status == STATUS_OK && bounds_tokens(site->bounds, tokens, counts, n) != STATUS_OK) smt_fail(m, STATUS_MEMORY, "out of memory");
}

static bool read_tokens(struct smt *m, struct smt_site *site, const struct sym *input)
{
    const struct net *net = site->net;
    if (input->rank != 1 || input->n < 1 || input->n > net->n_ctx) return smt_fail(m, STATUS_INPUT, "not a sequence of 1 to %zu tokens", net->n_ctx);
    site->n = input->n;
    site->inputs = input->e;
    for (size_t i = 0; i < input->n; i++) {
        const struct entry *t = &input->e[i];
        for (size_t k = 0; k < (t->table ? entry_cases(t) : 1); k++)
            if (!t->table || !entry_exact(t) || mpz_cmp_ui(mpq_denref(t->lo + k), 1) != 0 || mpq_sgn(t->lo + k) < 0 || mpz_cmp_ui(mpq_numref(t->lo + k), net->d_vocab) >= 0)
                return smt_fail(m, STATUS_INPUT, "token %zu of an input is not always in 0..%zu", i, net->d_vocab - 1);
    }
    return true;
}

static bool read_reals(struct smt *m, struct smt_site *site, const struct sym *input)
{
    const struct net *net = site->net;
    bool vector = input->rank == 1;
    if (input->rank < 1 || input->rank > 2 || input->shape[input->rank - 1] != net->width_in || (vector && net->n_ctx != 1))
        return smt_fail(m, STATUS_INPUT, "not an input of the model, which reads rows of %zu numbers", net->width_in);
    site->n = vector ? 1 : input->shape[0];
    site->inputs = input->e;
    return (site->n >= 1 && site->n <= net->n_ctx) || smt_fail(m, STATUS_INPUT, "an input of %zu rows, the model takes 1 to %zu", site->n, net->n_ctx);
}

bool smt_moves(const struct smt *m, const struct expr *e)
{
    for (size_t slot = 0; slot < m->s->n_slots; slot++)
        if (m->concrete[slot] && expr_uses_slot(e, (int)slot)) return true;
    return false;
}

static void say_site(struct smt *m, const struct smt_site *site, const char *name)
{
    struct text t;
    text_init(&t);
    if (site->input) expr_print(&t, site->input);
    smt_comment(m, "%s: the network %s%s on %s", site->name, name, site->model->form == FORM_NAME ? "" : ", changed,", t.data ? t.data : "");
    text_clear(&t);
}

struct smt_site *smt_site_on(struct smt *m, const struct expr *model, const struct expr *input, const struct sym *x, bool kept, bool quiet)
{
    struct smt_site *site = smt_array(m, 1, sizeof *site);
    void *grown = site ? mem_grow(m->sites, &m->room_sites, m->n_sites + 1, sizeof *m->sites) : NULL;
    if (grown) m->sites = grown;
    if (!grown) {
        smt_fail(m, STATUS_MEMORY, "out of memory");
        return NULL;
    }
    *site = (struct smt_site){.model = model, .input = input, .closed = kept};
    if (!change_network(m, site)) return NULL;
    const char *name = site->name;
    site->name = m->n_sites ? smt_format(m, "%s~%zu", name, m->n_sites + 1) : name;
    m->sites[m->n_sites++] = site;
    if (!quiet) say_site(m, site, name);
    if (x->is_truth || !(site->net->width_in ? read_reals(m, site, x) : read_tokens(m, site, x))) {
        smt_fail(m, STATUS_INPUT, "not an input of a network");
        return NULL;
    }
    if (!change_read(m, site)) return NULL;
    site->rows = smt_array(m, site->net->n_nodes * site->n, sizeof *site->rows);
    if (site->rows && site->n_patches == 0 && !site->edit) find_bounds(m, site);
    return m->status == STATUS_OK ? site : NULL;
}

struct smt_site *smt_site_of(struct smt *m, const struct expr *model, const struct expr *input)
{
    bool kept = !smt_moves(m, model) && !smt_moves(m, input);
    for (size_t i = 0; i < m->n_sites; i++) {
        struct smt_site *s = m->sites[i];
        if (kept && s->closed && s->input && expr_equal(s->model, model) && expr_equal(s->input, input)) return s;
    }
    const struct sym *x = smt_eval(m, input);
    if (m->status == STATUS_OK && m->s->semantics == SEMANTICS_FLOAT32 && !m->as_real) x = rounded_input(m, x);
    return m->status == STATUS_OK ? smt_site_on(m, model, input, x, kept, false) : NULL;
}

double smt_outside(double x, bool upward)
{
    int e;
    if (x == 0 || !isfinite(x)) return x;
    double f = ldexp(frexp(x, &e), 24);
    return ldexp(upward ? ceil(f) : floor(f), e - 24);
}

static void tighten(struct entry *x, double low, double high)
{
    if (x->table || !(low <= high)) return;
    if (low > -1e300) x->low = smt_outside(fmax(x->low, low), false);
    if (high < 1e300) x->high = smt_outside(fmin(x->high, high), true);
}

static const struct smt_patch *patch_of(const struct smt_site *site, size_t node, size_t row)
{
    for (size_t i = site->n_patches; i-- > 0;)
        if (site->patches[i].node == node && site->patches[i].row == (long)row) return &site->patches[i];
    return NULL;
}

const struct entry *smt_row(struct smt *m, struct smt_site *site, size_t node, size_t row, size_t *width)
{
    const struct node *x = &site->net->nodes[node];
    struct entry **kept = &site->rows[node * site->n + row];
    *width = x->width ? x->width : site->n;
    if (*kept || m->status != STATUS_OK) return *kept;
    const struct smt_patch *p = patch_of(site, node, row);
    struct entry *out = p ? (struct entry *)change_row(m, site, p) : row_make(m, site, node, row);
    if (m->status != STATUS_OK) return NULL;
    if (p) return *kept = out;
    if (site->bounds && x->op != OP_SCORE) {
        const double *lo, *hi;
        bounds_row(site->bounds, node, row, &lo, &hi);
        for (size_t e = 0; e < *width; e++) tighten(&out[e], lo[e], hi[e]);
    }
    return *kept = out;
}

/* A score outside the mask has no value: one row's entries up to the mask, when one of them is asked for; a slice of hidden ones is an error. */
static bool scores_seen(struct smt *m, const struct smt_site *site, const struct expr *const *indices, size_t n, bool row, long first, size_t *width)
{
    if (site->net->pad >= 0) return smt_fail(m, STATUS_UNSUPPORTED, "scores of a model with a padding token have no encoding");
    if (!site->net->causal) return true;
    if (!row && site->n > 1) return smt_fail(m, n && indices[0]->form != FORM_SLICE ? STATUS_UNSUPPORTED : STATUS_INPUT, "a score outside the mask has no value");
    if (row && (n < 2 || indices[1]->form == FORM_SLICE) && first + 1 < (long)*width) return smt_fail(m, STATUS_INPUT, "a score outside the mask has no value");
    *width = row ? (size_t)first + 1 : *width;
    return true;
}

/* Which rows of a node: one, that a constant first index names, or all. */
struct rows { struct smt_site *site; size_t node, first, count, width; };

static bool row_asked(struct smt *m, struct rows *r, const struct expr *index, bool *used)
{
    long before = m->last;
    struct entry i;
    m->last = (long)r->count - 1;
    const struct sym *v = smt_eval(m, index);
    m->last = before;
    if (m->status != STATUS_OK || !sym_scalar(m, &i, v, index) || !entry_constant(&i)) return m->status == STATUS_OK;
    long first = mpz_get_si(mpq_numref(i.lo));
    if (first < 0 || first >= (long)r->count) return smt_fail(m, STATUS_INPUT, "index %ld out of range: the input has %zu rows", first, r->count);
    r->first = (size_t)first;
    r->count = 1;
    *used = true;
    return true;
}

static const struct sym *real_rows(struct smt *m, struct rows *r, const struct expr *call, const struct expr *const *indices, size_t n, bool *used)
{
    struct smt_site *site = r->site = smt_site_of(m, call->args[0], call->args[call->n_args - 1]);
    long node = site ? call_node(m, site->base, call) : -1;
    if (node < 0) return NULL;
    r->node = change_place(site, (size_t)node);
    r->width = site->net->nodes[r->node].width ? site->net->nodes[r->node].width : site->n;
    r->count = site->n;
    bool vector = site->net->width_in && site->net->n_ctx == 1;
    if (!vector && n > 0 && indices[0]->form != FORM_SLICE && !row_asked(m, r, indices[0], used)) return NULL;
    if (site->net->nodes[r->node].op == OP_SCORE && !scores_seen(m, site, indices, n, *used, (long)r->first, &r->width)) return NULL;
    struct sym *out = sym_new(m, vector || *used ? 1 : 2, vector || *used ? (const size_t[]){r->width} : (const size_t[]){r->count, r->width});
    for (size_t i = 0; out && i < r->count && m->status == STATUS_OK; i++) {
        size_t whole;
        const struct entry *row = smt_row(m, site, r->node, r->first + i, &whole);
        if (row) memcpy(out->e + i * r->width, row, r->width * sizeof *row);
    }
    return m->status == STATUS_OK ? out : NULL;
}

/* Under float32: the real values of the call as a whole, and what its executions err by, where it rests on integers and sequences; of real variables network by network. */
static const struct sym *executed_rows(struct smt *m, const struct expr *call, const struct expr *const *indices, size_t n, bool *used)
{
    struct smt_cases c;
    struct rows r = {0};
    bool whole = smt_cases(&c, m, call), good = m->status == STATUS_OK;
    m->as_real = whole;
    const struct sym *out = good ? real_rows(m, &r, call, indices, n, used) : NULL;
    m->as_real = false;
    if (out && r.site->net->nodes[r.node].op == OP_SCORE && r.site->net->causal) {
        smt_fail(m, STATUS_UNSUPPORTED, "scores under float32 have no encoding: claims about attn have one");
        return NULL;
    }
    if (out && whole) good = executed(m, out->e, out->n, call, r.first * r.width, r.site->n * r.width);
    for (size_t i = 0; out && !whole && good && i < r.count; i++) good = executed_row(m, out->e + i * r.width, r.width, r.site, r.node, r.first + i);
    return out && good ? out : NULL;
}

const struct sym *smt_network(struct smt *m, const struct expr *call, const struct expr *const *indices, size_t n, bool *used)
{
    struct rows r = {0};
    const struct smt_path *path = m->path;
    bool float32 = m->s->semantics == SEMANTICS_FLOAT32 && !m->as_real;
    *used = false;
    m->path = NULL;     /* what is evaluated once serves every place */
    const struct sym *out = float32 ? executed_rows(m, call, indices, n, used) : real_rows(m, &r, call, indices, n, used);
    m->path = path;
    return out;
}
