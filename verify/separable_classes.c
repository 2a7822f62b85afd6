/* Final states of the scan of a problem's features, those on which the same linear forms decide in one class. */
#include <string.h>

#include "core/mem.h"
#include "verify/separable_build.h"

#define CLASSES_MAX 65536

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
enum status find_class(int *out, struct builder *b, struct decision *d)
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

enum status value_of(struct decision *d, struct linear *l, const struct builder *b)
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
enum status norm_lines(struct decision *d, const struct builder *b)
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

enum status exact_classes(struct builder *b)
{
    enum status s = group_states(b);
    if (s == STATUS_OK)
        s = class_groups(b);
    return s == STATUS_OK ? class_automata(b) : s;
}
