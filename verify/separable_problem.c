/* From a statement with its integer binders bound to classes of sequences on which the same linear forms decide. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/means.h"
#include "verify/network_read.h"
#include "verify/separable_build.h"
#include "verify/separable_changed.h"

#define SMALL 20000            /* below this many elementary steps a second thread costs more than it saves */

/* ---- the features ---- */

static enum status find_network(struct builder *b)
{
    struct problem *p = b->p;
    if (b->where && expr_depends_on_network(b->where))
        return features_refuse(b->why, "the condition reads the network");
    enum status s = b->where && !b->f.guards_where ? features_find(&b->f, b->where, USE_CONDITION) : STATUS_OK;
    if (s == STATUS_OK)
        s = features_find(&b->f, b->subject, USE_SUBJECT);
    if (s != STATUS_OK)
        return s;
    if (b->f.attn) {
        const char *name = p->net.net->nodes[p->net.pattern].name;
        if (strcmp(name, "blocks.0.attn.hook_pattern.0") != 0)
            return features_refuse(b->why, "the attention pattern has an unusual name");
    }
    p->row = b->f.has_row ? b->f.row : p->t.n - 1;
    p->n_src = p->net.net->causal ? p->row + 1 : p->t.n;
    return STATUS_OK;
}

/* guarded: what is left of the whole condition is a state, so that sequences for which it is false end at once. */
enum status read_features(struct builder *b, struct interp *in, bool guarded, bool whole)
{
    enum status s = features_init(&b->f, &b->p->t, in, b->why);
    b->f.alias = b->p->image.tokens ? &b->p->image : NULL;
    b->f.whole = whole;
    if (s == STATUS_OK)
        s = features_guard(&b->f, b->p->image_set, guarded ? b->where : NULL);
    return s == STATUS_OK ? find_network(b) : s;
}

void forget_why(struct text *why)
{
    text_clear(why);
    text_init(why);
}

/* There is no condition: all states after all. */
enum status scan_all(struct builder *b)
{
    struct interp *in = b->f.in;
    features_clear(&b->f);
    forget_why(b->why);
    enum status s = read_features(b, in, false, false);
    return s == STATUS_OK ? scanner_build(&b->scan, &b->f, SCANNER_STATES) : s;
}

static void classes_clear(struct problem *p)
{
    for (size_t c = 0; c < p->n_classes; c++) {
        struct class *x = &p->classes[c];
        decision_clear(&x->d);
        automaton_clear(&x->a);
        mpz_clear(x->size);
        lines_double_clear(&x->lines);
        free(x->live);
        free(x->values);
        free(x->example);
    }
    free(p->classes);
    p->classes = NULL;
    p->n_classes = 0;
    if (p->relaxed)
        relaxed_clear(p->relaxed);
    free(p->relaxed);
    p->relaxed = NULL;
}

static enum status make_classes(struct builder *b)
{
    struct problem *p = b->p;
    if (!p->relaxed)
        return exact_classes(b);
    enum status s = relaxed_classes(b);
    if (s != STATUS_UNSUPPORTED)
        return s;
    classes_clear(p);
    b->room_classes = 0;
    s = scan_all(b);
    return s == STATUS_OK ? exact_classes(b) : s;
}

/* ---- the whole ---- */

static enum status head_tables(struct problem *p, size_t h)
{
    struct separable_net view;
    struct ball_tables balls;
    separable_head(&view, &p->net, h);
    ball_tables_init(&balls, &view, p->row, p->n_src, 128);
    enum status s = double_tables_init(&p->more[h], &balls, p->used, p->threads);
    ball_tables_clear(&balls);
    return s;
}

/* FORMAT.md, separable 5: the entries of the tables that a checker has room for. */
static bool entries_fit(const struct problem *p, const struct double_tables *t, bool direct)
{
    bool fits = true;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            fits = fits && t->C_max[i * t->V + (size_t)p->t.sets[i][k]] <= ENTRY_MOST;
    for (size_t k = 0; direct && k < p->t.n_set[p->row]; k++)
        fits = fits && t->D_max[p->t.sets[p->row][k]] <= ENTRY_MOST;
    return fits;
}

/* All heads have the factor of the first: exp of another's scores has to be of bounded size. */
static bool scores_fit(const struct problem *p, const struct double_tables *t)
{
    bool fits = true;
    for (size_t k = 0; k < p->t.n_set[p->row]; k++) {
        size_t q = (size_t)p->t.sets[p->row][k];
        fits = fits && t->score_max[q] - p->tables.score_max[q] <= SCORES_APART;
    }
    return fits;
}

static enum status make_tables(struct problem *p, struct text *why)
{
    size_t V = p->net.net->d_vocab, cells = p->first[p->n_src];
    p->used = mem_array(p->n_src * V, 1);
    p->delta_logit = mem_array(V, sizeof *p->delta_logit);
    p->delta_attn = mem_array(V, sizeof *p->delta_attn);
    p->delta_attn_abs = mem_array(V, sizeof *p->delta_attn_abs);
    p->exponent = p->float32 ? mem_array(V * p->n_src * V, sizeof *p->exponent) : NULL;
    p->tiers[0] = mem_array(1, sizeof *p->tiers[0]);
    if (!p->used || !p->delta_logit || !p->delta_attn || !p->delta_attn_abs || !p->tiers[0] || (p->float32 && !p->exponent))
        return STATUS_MEMORY;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            p->used[i * V + (size_t)p->t.sets[i][k]] = 1;
    ball_tables_init(p->tiers[0], &p->net, p->row, p->n_src, 128);
    enum status s = double_tables_init(&p->tables, p->tiers[0], p->used, p->n_src * V * V < SMALL ? 1 : p->threads);
    if (s == STATUS_UNSUPPORTED)
        return features_refuse(why, "a table entry is too large");
    for (size_t h = 0; h < p->net.n_more && s == STATUS_OK; h++)
        s = head_tables(p, h);
    bool fit = s != STATUS_OK || entries_fit(p, &p->tables, true);
    for (size_t h = 0; h < p->net.n_more && s == STATUS_OK; h++)
        fit = fit && entries_fit(p, &p->more[h], false) && scores_fit(p, &p->more[h]);
    if (!fit)
        return features_refuse(why, "values too large for the tables of rule separable");
    if (s == STATUS_OK && p->float32)
        s = problem_float32(p, why);
    for (size_t c = 0; c < p->n_classes && s == STATUS_OK; c++)
        s = lines_double_init(&p->classes[c].lines, &p->classes[c].d, p->net.n_out, cells);
    return s == STATUS_UNSUPPORTED ? features_refuse(why, "a number of the claim is too large") : s;
}

static enum status scan(struct builder *b, struct interp *in, bool guarded)
{
    enum status s = read_features(b, in, guarded, false);
    bool may = s == STATUS_OK && may_relax(b);
    if (s == STATUS_OK)
        s = scanner_build(&b->scan, &b->f, may ? RELAXED_FROM : SCANNER_STATES);
    if (s != STATUS_UNSUPPORTED || !may)
        return s;
    s = relaxed_feature(b);
    return s == STATUS_UNSUPPORTED ? scan_all(b) : s;
}

/* Where following the condition takes too many states, its parts are followed one by one. */
static enum status scan_tokens(struct builder *b, struct interp *in)
{
    enum status s = scan(b, in, true);
    if (s != STATUS_UNSUPPORTED || !b->f.guards_where)
        return s;
    features_clear(&b->f);
    forget_why(b->why);
    return scan(b, in, false);
}

static enum status changed_model(struct builder *b, const struct domain_binds *binds, struct interp *in)
{
    struct problem *p = b->p;
    if (p->float32 || p->net.mlp || p->net.norm)
        return features_refuse(b->why, p->float32 ? "activations are changed, under float32" : p->net.mlp ? "activations are changed, with an MLP behind the attention" : "activations are changed, with a final LayerNorm");
    if (!means_fit(p->s, b->why))
        return STATUS_UNSUPPORTED;
    const struct changed_at at = { .s = p->s, .model = b->f.model, .tokens = network_call(b->subject)->args[network_call(b->subject)->n_args - 1], .t = &p->t, .row = p->row, .n_src = p->n_src };
    enum status s = changed_new(&p->changed, &at, binds, in, &p->net, b->why);
    p->net.changed = p->changed;
    return s;
}

static enum status build(struct builder *b, const struct domain_binds *binds, struct interp *in)
{
    struct problem *p = b->p;
    enum status s = domain_read(p, binds, in, b->why);
    if (s == STATUS_OK)
        s = scan_tokens(b, in);
    if (s == STATUS_OK && b->f.model && model_is_changed(b->f.model))
        s = changed_model(b, binds, in);
    if (s == STATUS_OK)
        s = make_classes(b);
    if (s == STATUS_OK && b->o.tables)
        s = make_tables(p, b->why);
    return s;
}

static const struct net *network_of_name(const struct statement *s, struct text *why)
{
    const struct bound_model *m = s->n_models == 1 ? &s->file->models[s->models[0]] : NULL;
    const struct net *net = m && m->loaded == STATUS_OK ? &m->model.net : NULL;
    if (!net)
        features_refuse(why, m ? "the network is not loaded" : "the claim is not about exactly one network");
    return net;
}

/* The network that the claim reads; with other tensors it belongs to the interpreter. */
static const struct net *network_of(const struct statement *s, const struct expr *subject, struct interp *in, struct text *why)
{
    const struct expr *model = model_read(subject);
    const struct net *net, *clean = NULL;
    struct diag d;
    if (!model)
        return network_of_name(s, why);
    if (!model_is_plain(model) && !model_is_changed(model))
        return features_refuse(why, "the claim is about a network whose activations are changed, and not in the same way on all sequences"), NULL;
    while (expr_patches(model))
        model = model->args[0];
    if (model->form == FORM_NAME)
        return network_of_name(s, why);
    diag_init(&d);
    net = NULL;
    if (interp_networks(&net, &clean, in, model, &d) != STATUS_OK || clean)
        net = NULL;
    diag_clear(&d);
    if (!net)
        features_refuse(why, "the changed network cannot be made");
    return net;
}

enum status problem_init(struct problem *p, const struct statement *s, const struct domain_binds *binds, const struct expr *where,
                         const struct expr *subject, struct interp *in, struct problem_options o, struct text *why)
{
    memset(p, 0, sizeof *p);
    p->s = s;
    mpz_init(p->total);
    p->threads = o.threads > 0 ? o.threads : 1;
    p->float32 = s->semantics == SEMANTICS_FLOAT32;
    const struct net *net = network_of(s, subject, in, why);
    enum status status = net && separable_recognise(&p->net, net, o.cells, why) ? STATUS_OK : STATUS_UNSUPPORTED;
    if (status == STATUS_OK && p->float32 && p->net.norm)
        status = features_refuse(why, "the network has a final LayerNorm, under float32");
    if (status == STATUS_OK) {
        struct builder b = { .p = p, .where = where, .subject = subject, .o = o, .why = why };
        status = build(&b, binds, in);
        features_clear(&b.f);
        scanner_clear(&b.scan);
        free(b.group_of);
        free(b.class_of_group);
        free(b.first_of_group);
        free(b.keys);
    }
    if (status != STATUS_OK)
        problem_clear(p);
    return status;
}

int problem_threads(const struct problem *p)
{
    double work = 0;
    for (size_t c = 0; c < p->n_classes; c++)
        work += (double)p->classes[c].lines.Kp * (double)p->first[p->n_src] * (double)p->t.n_set[p->row];
    return work < SMALL ? 1 : p->threads;
}

void problem_clear(struct problem *p)
{
    classes_clear(p);            /* reads t */
    sequence_clear(&p->t);
    free(p->image.tokens);
    free(p->first);
    for (size_t i = 0; i < sizeof p->tiers / sizeof *p->tiers; i++)
        if (p->tiers[i]) {
            ball_tables_clear(p->tiers[i]);
            free(p->tiers[i]);
        }
    double_tables_clear(&p->tables);
    for (size_t h = 0; h < HEADS_MOST - 1; h++)
        double_tables_clear(&p->more[h]);
    separable_net_clear(&p->net);
    changed_free(p->changed);
    free(p->used);
    free(p->exponent);
    free(p->delta_logit);
    free(p->delta_attn);
    free(p->delta_attn_abs);
    mpz_clear(p->total);
    memset(p, 0, sizeof *p);
}
