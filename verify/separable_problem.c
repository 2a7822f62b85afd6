/* From a statement with its integer binders bound to classes of sequences on which the same linear forms decide. */
#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "verify/lines.h"
#include "verify/means.h"
#include "verify/network_read.h"
#include "verify/separable.h"
#include "verify/separable_changed.h"

#define CLASSES_MAX 65536
#define SMALL 20000            /* below this many elementary steps a second thread costs more than it saves */

/* ---- classes ---- */

/* Sequences of one group of final states that pass through a given position and token (for sums over own tokens). */
struct group_path {
    const struct problem *p; const struct scanner *scan; const int *group_of; int group;
    struct automaton a; bool made, failed;
    int **from, **token;    /* per layer and state: how it is reached */
    int *tokens;
};

static void group_path_clear(struct group_path *g)
{
    for (size_t i = 0; g->from && g->token && i <= g->p->t.n; i++) {
        free(g->from[i]);
        free(g->token[i]);
    }
    free(g->from);
    free(g->token);
    free(g->tokens);
    if (g->made)
        automaton_clear(&g->a);
    g->from = g->token = NULL;
    g->tokens = NULL;
    g->made = g->failed = false;
}

static bool group_path_make(struct group_path *g)
{
    size_t n = g->p->t.n, finals = g->scan->n_final;
    int *output = mem_array(finals, sizeof *output);
    if (!output)
        return false;
    for (size_t s = 0; s < finals; s++)
        output[s] = g->group_of[s] == g->group ? 0 : AUTOMATON_DEAD;
    g->made = automaton_minimise(&g->a, &g->scan->a, output) == STATUS_OK;
    free(output);
    g->from = mem_array(n + 1, sizeof *g->from);
    g->token = mem_array(n + 1, sizeof *g->token);
    g->tokens = mem_array(n, sizeof *g->tokens);
    if (!g->made || !g->from || !g->token || !g->tokens)
        return false;
    for (size_t i = 0; i <= n; i++) {
        g->from[i] = mem_array(g->a.n_states[i], sizeof **g->from);
        g->token[i] = mem_array(g->a.n_states[i], sizeof **g->token);
        if (!g->from[i] || !g->token[i])
            return false;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < g->a.n_states[i]; s++)
            for (size_t k = 0; k < g->a.n_tokens[i]; k++) {
                int to = g->a.next[i][s * g->a.n_tokens[i] + k];
                if (to >= 0) {
                    g->from[i + 1][to] = (int)s;
                    g->token[i + 1][to] = g->p->t.sets[i][k];
                }
            }
    return true;
}

static const int *group_through(void *context, size_t i, size_t k)
{
    struct group_path *g = context;
    if (!g->made && !g->failed)
        g->failed = !group_path_make(g);
    if (g->failed)
        return NULL;
    const struct automaton *a = &g->a;
    for (size_t s = 0; s < a->n_states[i]; s++) {
        int to = a->next[i][s * a->n_tokens[i] + k];
        if (to < 0)
            continue;
        size_t at = s;
        for (size_t back = i; back > 0; back--) {
            g->tokens[back - 1] = g->token[back][at];
            at = (size_t)g->from[back][at];
        }
        g->tokens[i] = g->p->t.sets[i][k];
        at = (size_t)to;
        for (size_t next = i + 1; next < a->n; next++)
            for (size_t h = 0; h < a->n_tokens[next]; h++)
                if (a->next[next][at * a->n_tokens[next] + h] >= 0) {
                    g->tokens[next] = g->p->t.sets[next][h];
                    at = (size_t)a->next[next][at * a->n_tokens[next] + h];
                    break;
                }
        return g->tokens;
    }
    return NULL;
}

struct builder {
    struct problem *p; const struct expr *where, *subject; struct problem_options o; struct text *why;
    struct features f; struct scanner scan;
    int *group_of, *class_of_group; size_t n_groups; size_t *first_of_group;
    char (*keys)[SHA256_HEX]; size_t room_keys, room_classes;
};

/* Final states whose condition holds, grouped by the values of the features that the subject uses. */
static enum status group_states(struct builder *b)
{
    size_t width = 0, finals = b->scan.n_final, n = b->p->t.n;
    for (size_t i = 0; i < b->f.n; i++)
        width += (b->f.items[i].uses & USE_SUBJECT) != 0;
    struct row_index groups;
    row_index_init(&groups, width);
    enum status s = STATUS_MEMORY;
    long *row = mem_array(width, sizeof *row);
    b->group_of = mem_array(finals, sizeof *b->group_of);
    b->first_of_group = mem_array(finals, sizeof *b->first_of_group);
    if (!row || !b->group_of || !b->first_of_group)
        goto done;
    for (size_t state = 0; state < finals; state++) {
        bool in = true;
        sequence_bind(&b->p->t, b->f.in, b->scan.tokens + state * n);
        b->group_of[state] = -1;
        s = b->where ? features_truth(&in, &b->f, b->where) : STATUS_OK;
        if (s != STATUS_OK)
            goto done;
        if (!in)
            continue;
        size_t k = 0, group, before = groups.n;
        for (size_t i = 0; i < b->f.n; i++)
            if (b->f.items[i].uses & USE_SUBJECT)
                row[k++] = b->scan.values[state * b->f.n + i];
        s = row_index_find(&group, &groups, row);
        if (s != STATUS_OK)
            goto done;
        b->group_of[state] = (int)group;
        if (group == before)
            b->first_of_group[group] = state;
    }
    s = STATUS_OK;
    b->n_groups = groups.n;
done:
    row_index_clear(&groups);
    free(row);
    return s;
}

/* Class with the same decision, or a new one that takes d. */
static enum status find_class(int *out, struct builder *b, struct decision *d)
{
    struct problem *p = b->p;
    struct text key;
    text_init(&key);
    decision_key(&key, d);
    if (b->o.value && b->o.sign == 0)
        text_add(&key, d->set.n > 1 && d->set.kind == FORMS_LARGEST ? "largest" : "");
    if (key.failed) {
        text_clear(&key);
        return STATUS_MEMORY;
    }
    char hash[SHA256_HEX];
    sha256_hex(hash, key.data, key.size);
    text_clear(&key);
    for (size_t c = 0; c < p->n_classes && !b->o.cells; c++)
        if (strcmp(b->keys[c], hash) == 0) {
            *out = (int)c;
            decision_clear(d);
            return STATUS_OK;
        }
    if (p->n_classes >= CLASSES_MAX)
        return features_refuse(b->why, "the claim falls into too many cases");
    void *keys = mem_grow(b->keys, &b->room_keys, p->n_classes + 1, sizeof *b->keys);
    if (keys)
        b->keys = keys;
    struct class *classes = mem_grow(p->classes, &b->room_classes, p->n_classes + 1, sizeof *classes);
    if (classes)
        p->classes = classes;
    if (!keys || !classes)
        return STATUS_MEMORY;
    memcpy(b->keys[p->n_classes], hash, sizeof hash);
    struct class *c = &classes[p->n_classes];
    memset(c, 0, sizeof *c);
    mpz_init(c->size);
    c->d = *d;
    memset(d, 0, sizeof *d);
    *out = (int)p->n_classes++;
    return STATUS_OK;
}

static enum status value_of(struct decision *d, struct linear *l, const struct builder *b)
{
    memset(d, 0, sizeof *d);
    d->holds = HOLDS_ALL;
    d->antecedent = true;
    enum status s = linear_value(&d->set, l, b->subject);
    if (s != STATUS_OK)
        return s;
    mpq_t sign;
    mpq_init(sign);
    mpq_set_si(sign, b->o.sign < 0 ? -1 : 1, 1);
    lines_scale(&d->set, sign);
    mpq_clear(sign);
    if (b->o.sign == 0 && d->set.n > 1 && !b->o.several)
        s = features_refuse(b->why, "the average of a minimum or a maximum of network values is no sum over positions: engine count encloses it");
    else if (b->o.sign != 0 && d->set.kind == FORMS_LARGEST)
        s = features_refuse(b->why, b->o.sign > 0 ? "the smallest value of a maximum is not separable" : "the largest value of a minimum is not separable");
    d->strict = s == STATUS_OK ? mem_array(d->set.n, sizeof *d->strict) : NULL;
    if (s == STATUS_OK && !d->strict)
        s = STATUS_MEMORY;
    if (s != STATUS_OK)
        decision_clear(d);
    return s;
}

/* Under a final LayerNorm a line of logits is (N + kappa sigma) / sigma: its constant becomes kappa, its terms are of numerators. Where kappa is 0 the sign is that of N, a sum over positions. */
static enum status norm_lines(struct decision *d, const struct builder *b)
{
    const struct separable_net *net = &b->p->net;
    enum status s = STATUS_OK;
    mpq_t kappa;
    mpq_init(kappa);
    for (size_t k = 0; net->norm && k < d->set.n && s == STATUS_OK; k++) {
        struct form_line *x = &d->set.lines[k];
        size_t logits = 0;
        for (size_t e = 0; e < x->n; e++) {
            if (x->terms[e].j >= net->n_out)
                continue;
            separable_kappa(kappa, net, x->terms[e].j);
            mpq_mul(kappa, kappa, x->terms[e].a);
            mpq_add(x->c, x->c, kappa);
            logits++;
        }
        if (logits > 0 && logits < x->n)
            s = features_refuse(b->why, "logits behind a final LayerNorm and attention are added");
        else if (logits > 0 && !b->o.cells && (b->o.value || mpq_sgn(x->c) != 0))
            s = features_refuse(b->why, b->o.value ? "values of logits behind a final LayerNorm are not separable" : "behind a final LayerNorm only comparisons without constants and biases are separable");
    }
    mpq_clear(kappa);
    return s;
}

static enum status class_groups(struct builder *b)
{
    struct problem *p = b->p;
    struct group_path path = { .p = p, .scan = &b->scan, .group_of = b->group_of };
    struct linear l = { .f = &b->f, .n_out = p->net.n_out, .n_src = p->n_src, .twin = p->float32 ? NULL : p->net.twin,
                        .through = group_through, .context = &path };
    enum status s = STATUS_OK;
    b->class_of_group = mem_array(b->n_groups, sizeof *b->class_of_group);
    if (!b->class_of_group)
        return STATUS_MEMORY;
    for (size_t g = 0; g < b->n_groups && s == STATUS_OK; g++) {
        struct decision d;
        path.group = (int)g;
        l.tokens = b->scan.tokens + b->first_of_group[g] * p->t.n;
        sequence_bind(&p->t, b->f.in, l.tokens);
        s = b->o.value ? value_of(&d, &l, b) : linear_decision(&d, &l, b->subject);
        if (s != STATUS_OK)
            break;
        s = norm_lines(&d, b);
        if (s != STATUS_OK) {
            decision_clear(&d);
            break;
        }
        if (!b->o.value)
            decision_settle(&d);
        s = path.failed ? STATUS_MEMORY : find_class(&b->class_of_group[g], b, &d);
        if (s != STATUS_OK)
            decision_clear(&d);
        group_path_clear(&path);
    }
    group_path_clear(&path);
    return s;
}

enum status class_live(struct class *c, const struct problem *p)
{
    c->live = mem_array(p->cells, 1);
    if (!c->live)
        return STATUS_MEMORY;
    for (size_t i = 0; i < c->a.n; i++)
        for (size_t s = 0; s < c->a.n_states[i]; s++)
            for (size_t k = 0; k < c->a.n_tokens[i]; k++)
                if (c->a.next[i][s * c->a.n_tokens[i] + k] >= 0)
                    c->live[p->first[i] + k] = 1;
    return STATUS_OK;
}

static enum status class_automata(struct builder *b)
{
    struct problem *p = b->p;
    size_t finals = b->scan.n_final;
    struct automaton all = { 0 };
    int *output = mem_array(finals, sizeof *output);
    enum status s = output ? STATUS_OK : STATUS_MEMORY;
    if (s == STATUS_OK) {
        for (size_t k = 0; k < finals; k++)
            output[k] = b->group_of[k] < 0 ? AUTOMATON_DEAD : b->class_of_group[b->group_of[k]];
        s = automaton_minimise(&all, &b->scan.a, output);
    }
    free(output);
    size_t last = s == STATUS_OK ? all.n_states[all.n] : 0;
    output = mem_array(last, sizeof *output);
    if (s == STATUS_OK && !output)
        s = STATUS_MEMORY;
    for (size_t c = 0; c < p->n_classes && s == STATUS_OK; c++) {
        struct class *x = &p->classes[c];
        for (size_t k = 0; k < last; k++)
            output[k] = all.output[k] == (int)c ? 0 : AUTOMATON_DEAD;
        s = automaton_minimise(&x->a, &all, output);
        if (s == STATUS_OK)
            s = automaton_count(x->size, &x->a);
        if (s == STATUS_OK)
            mpz_add(p->total, p->total, x->size);
        if (s == STATUS_OK)
            s = class_live(x, p);
    }
    free(output);
    automaton_clear(&all);
    return s;
}

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
static enum status read_features(struct builder *b, struct interp *in, bool guarded, bool whole)
{
    enum status s = features_init(&b->f, &b->p->t, in, b->why);
    b->f.alias = b->p->image.tokens ? &b->p->image : NULL;
    b->f.whole = whole;
    if (s == STATUS_OK)
        s = features_guard(&b->f, b->p->image_set, guarded ? b->where : NULL);
    return s == STATUS_OK ? find_network(b) : s;
}

static void forget_why(struct text *why)
{
    text_clear(why);
    text_init(why);
}

/* There is no condition: all states after all. */
static enum status scan_all(struct builder *b)
{
    struct interp *in = b->f.in;
    features_clear(&b->f);
    forget_why(b->why);
    enum status s = read_features(b, in, false, false);
    return s == STATUS_OK ? scanner_build(&b->scan, &b->f, SCANNER_STATES) : s;
}

/* ---- relaxed: one feature with too many states ---- */

#define RELAXED_FROM 1024      /* states behind a position, where there is a choice */
#define RELAXED_VALUES 4096

static bool may_relax(const struct builder *b)
{
    const struct problem_options *o = &b->o;
    return !b->p->float32 && o->value && o->sign != 0 && !o->exact && !o->cells && !o->several && !b->where && !b->p->image_set && b->f.terms.n > 0;
}

static const int *no_path(void *context, size_t i, size_t k)
{
    (void)i;
    (void)k;
    *(bool *)context = true;
    return NULL;
}

/* A sequence on which the feature is v, or *found false: there is none, or none was found (not *none). */
static enum status relaxed_find(int *tokens, bool *found, bool *none, struct problem *p, long v)
{
    struct tracking k;
    struct automaton a;
    tracking_start(&k, &p->t, &v, 1);
    enum status s = relaxed_automaton(&a, p->relaxed, &k);
    if (s != STATUS_OK)
        return s;
    *none = a.n_states[0] == 0;
    *found = false;
    for (int alike = 0; alike < 2 && !*none && !*found && s == STATUS_OK; alike++) {
        long value = 0;
        bool any = false;
        relaxed_example(tokens, p->relaxed, &a, alike);
        s = relaxed_value(&value, &any, p->relaxed, tokens);
        *found = any && value == v;
    }
    automaton_clear(&a);
    return s;
}

/* The value joins the class with the same lines; tokens: a sequence that has it. */
static enum status relaxed_value_class(struct builder *b, const int *tokens, long v)
{
    struct problem *p = b->p;
    bool own = false;
    struct linear l = { .f = &b->f, .n_out = p->net.n_out, .n_src = p->n_src, .twin = p->float32 ? NULL : p->net.twin, .through = no_path, .context = &own, .tokens = tokens };
    struct decision d;
    int at;
    sequence_bind(&p->t, b->f.in, tokens);
    enum status s = value_of(&d, &l, b);
    if (s != STATUS_OK)
        return s;
    s = own ? STATUS_UNSUPPORTED : norm_lines(&d, b);
    if (s == STATUS_OK)
        s = find_class(&at, b, &d);
    if (s != STATUS_OK)
        return decision_clear(&d), s;
    struct class *c = &p->classes[at];
    long *values = mem_array(c->n_values + 1, sizeof *values);
    if (!values || (!c->example && !(c->example = mem_array(p->t.n, sizeof *c->example))))
        return free(values), STATUS_MEMORY;
    if (c->n_values)
        memcpy(values, c->values, c->n_values * sizeof *values);
    free(c->values);
    c->values = values;
    c->values[c->n_values++] = v;
    memcpy(c->example, tokens, p->t.n * sizeof *tokens);
    return STATUS_OK;
}

static enum status relaxed_values(struct builder *b, int *tokens)
{
    struct problem *p = b->p;
    const struct residual *r = &p->relaxed->terms;
    long lo = r->terms[p->relaxed->root].lo, hi = r->terms[p->relaxed->root].hi;
    enum status s = hi < lo || hi - lo >= RELAXED_VALUES ? STATUS_UNSUPPORTED : STATUS_OK;
    for (long v = lo; v <= hi && s == STATUS_OK; v++) {
        bool found, none;
        s = relaxed_find(tokens, &found, &none, p, v);
        if (s == STATUS_OK && !none)
            s = found ? relaxed_value_class(b, tokens, v) : STATUS_UNSUPPORTED;
    }
    return s;
}

/* Values of the feature with the same lines are a class, whose automaton accepts others too. */
static enum status relaxed_classes(struct builder *b)
{
    struct problem *p = b->p;
    int *tokens = mem_array(p->t.n, sizeof *tokens);
    enum status s = tokens ? relaxed_values(b, tokens) : STATUS_MEMORY;
    free(tokens);
    for (size_t c = 0; c < p->n_classes && s == STATUS_OK; c++) {
        struct class *x = &p->classes[c];
        struct tracking k;
        tracking_start(&k, &p->t, x->values, x->n_values);
        s = relaxed_automaton(&x->a, p->relaxed, &k);
        if (s == STATUS_OK)
            s = class_live(x, p);
    }
    mpz_set_ui(p->total, 1);
    for (size_t i = 0; i < p->t.n; i++)
        mpz_mul_ui(p->total, p->total, p->t.n_set[i]);
    return s;
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

/* The feature of a relaxed problem. STATUS_UNSUPPORTED: there are several. */
static enum status relaxed_feature(struct builder *b)
{
    struct interp *in = b->f.in;
    features_clear(&b->f);
    forget_why(b->why);
    enum status s = read_features(b, in, false, true);
    for (size_t i = 0; i < b->f.n && s == STATUS_OK; i++)
        if (b->f.items[i].scan != SCAN_RESIDUAL || b->f.items[i].term != b->f.items[0].term)
            s = STATUS_UNSUPPORTED;
    if (s != STATUS_OK)
        return s;
    b->p->relaxed = mem_array(1, sizeof *b->p->relaxed);
    return b->p->relaxed ? relaxed_init(b->p->relaxed, &b->p->t, &b->f.terms, b->f.items[0].term) : STATUS_MEMORY;
}

static enum status exact_classes(struct builder *b)
{
    enum status s = group_states(b);
    if (s == STATUS_OK)
        s = class_groups(b);
    return s == STATUS_OK ? class_automata(b) : s;
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
