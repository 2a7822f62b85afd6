#include "verify/separable_domain.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "verify/residual_read.h"
#include "verify/separable.h"

/* ---- binders ---- */

static bool is_sequence(const struct expr *set) { return set->form == FORM_TOKENS_POWER || set->form == FORM_TOKENS_PRODUCT; }

static enum status add_binder(struct domain_binds *out, const struct bind *b, const struct bind **found, struct text *why)
{
    if (is_sequence(b->set)) {
        if (*found)
            return features_refuse(why, "more than one sequence is quantified");
        *found = b;
        return STATUS_OK;
    }
    if (b->set->form != FORM_RANGE && b->set->form != FORM_LIST)
        return features_refuse(why, "a binder ranges over something other than tokens, a range or a list");
    if ((out->source && expr_uses_slot(b->set, out->source->slot)) || (out->t && expr_uses_slot(b->set, out->t->slot)))
        return features_refuse(why, "a binder's set depends on the sequence");
    const struct bind **items = realloc(out->items, (out->n + 1) * sizeof *items);
    if (!items)
        return STATUS_MEMORY;
    out->items = items;
    items[out->n++] = b;
    return STATUS_OK;
}

/* The binders of an image: its integers, and one sequence. */
static enum status add_image(struct domain_binds *out, const struct bind *b, struct text *why)
{
    const struct binds *inner = &b->set->binds;
    enum status s = STATUS_OK;
    if (out->t)
        return features_refuse(why, "more than one sequence is quantified");
    for (size_t i = 0; i < inner->n && s == STATUS_OK; i++)
        s = add_binder(out, &inner->items[i], &out->source, why);
    if (s == STATUS_OK && !out->source)
        s = features_refuse(why, "an image set is not one of token sequences");
    out->t = b;
    return s;
}

enum status domain_binds_init(struct domain_binds *out, const struct binds *binds, struct text *why)
{
    enum status s = STATUS_OK;
    *out = (struct domain_binds){ 0 };
    for (size_t i = 0; i < binds->n && s == STATUS_OK; i++) {
        const struct bind *b = &binds->items[i];
        s = b->set->form == FORM_IMAGE ? add_image(out, b, why) : add_binder(out, b, &out->t, why);
        if (s == STATUS_OK && out->t && !out->source)
            out->source = out->t;
    }
    if (s == STATUS_OK && !out->t)
        s = features_refuse(why, "no sequence of tokens is quantified");
    if (s != STATUS_OK)
        domain_binds_clear(out);
    return s;
}

void domain_binds_clear(struct domain_binds *d)
{
    free(d->items);
    *d = (struct domain_binds){ 0 };
}

/* ---- sets of tokens ---- */

static int compare_ints(const void *a, const void *b) { return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b; }

static enum status read_set(int **out, size_t *n, const struct expr *set, struct interp *in, struct text *why, size_t d_vocab)
{
    struct diag d;
    diag_init(&d);
    long from = 0, to = -1;
    size_t count = set->n_args;
    enum status s = STATUS_OK;
    if (set->form == FORM_RANGE) {
        if (interp_int(&from, in, set->args[0], &d) != STATUS_OK || interp_int(&to, in, set->args[1], &d) != STATUS_OK)
            s = features_refuse(why, "a set of tokens cannot be evaluated");
        count = to >= from ? (size_t)(to - from) + 1 : 0;
    } else if (set->form != FORM_LIST)
        s = features_refuse(why, "a position's tokens are neither a range nor a list");
    if (s == STATUS_OK && count > d_vocab)
        s = features_refuse(why, "a set of tokens leaves the vocabulary or names a token twice");
    *n = count;
    *out = s == STATUS_OK ? mem_array(count, sizeof **out) : NULL;
    for (size_t k = 0; s == STATUS_OK && *out && k < count; k++) {
        long v = from + (long)k;
        if (set->form == FORM_LIST && interp_int(&v, in, set->args[k], &d) != STATUS_OK)
            s = features_refuse(why, "a set of tokens cannot be evaluated");
        else if (v < 0 || (size_t)v >= d_vocab)
            s = features_refuse(why, "a set of tokens leaves the vocabulary");
        else
            (*out)[k] = (int)v;
    }
    diag_clear(&d);
    if (s != STATUS_OK || !*out)
        return s == STATUS_OK ? STATUS_MEMORY : s;
    qsort(*out, count, sizeof **out, compare_ints);
    for (size_t k = 1; k < count; k++)
        if ((*out)[k] == (*out)[k - 1])
            return features_refuse(why, "a set of tokens names a token twice");
    return STATUS_OK;
}

void sequence_clear(struct sequence *t)
{
    for (size_t i = 0; t->sets && i < t->n; i++)
        free(t->sets[i]);
    free(t->sets);
    free(t->n_set);
    *t = (struct sequence){ 0 };
}

static bool sequence_room(struct sequence *t, int slot, size_t n)
{
    *t = (struct sequence){ .slot = slot, .n = n, .sets = mem_array(n, sizeof *t->sets), .n_set = mem_array(n, sizeof *t->n_set) };
    return t->sets && t->n_set;
}

static enum status read_sequence(struct sequence *t, const struct bind *b, struct interp *in, const struct net *net, struct text *why)
{
    long n = (long)b->set->n_args;
    bool product = b->set->form == FORM_TOKENS_PRODUCT;
    struct diag d;
    diag_init(&d);
    enum status s = STATUS_OK;
    if (!product && interp_int(&n, in, b->set->args[0], &d) != STATUS_OK)
        s = features_refuse(why, "the length of the sequence cannot be evaluated");
    diag_clear(&d);
    if (s == STATUS_OK && (n < 1 || (size_t)n > net->n_ctx))
        s = features_refuse(why, "the sequence does not fit the network's context");
    if (s == STATUS_OK && !sequence_room(t, b->slot, (size_t)n))
        s = STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < t->n; i++)
        s = read_set(&t->sets[i], &t->n_set[i], b->set->args[product ? i : 1], in, why, net->d_vocab);
    return s;
}

/* ---- images ---- */

/* What a position of the image may hold: a number, a token of the source, or whatever a term of its tokens can be. */
static enum status image_set(struct sequence *t, size_t i, const struct residual *r, int term, const struct sequence *source, const struct net *net, struct text *why)
{
    const struct rest *x = &r->terms[term];
    bool token = x->op == REST_TOKEN;
    if (x->errs || (!token && (x->lo < 0 || (size_t)x->hi >= net->d_vocab)))
        return features_refuse(why, "a sequence of an image set may hold something outside the vocabulary");
    size_t n = token ? source->n_set[x->value] : (size_t)(x->hi - x->lo) + 1;
    t->sets[i] = mem_array(n, sizeof **t->sets);
    if (!t->sets[i])
        return STATUS_MEMORY;
    for (size_t k = 0; k < n; k++) {
        long v = token ? source->sets[x->value][k] : x->lo + (long)k;
        if (token || !x->masked || (x->mask >> v & 1))
            t->sets[i][t->n_set[i]++] = (int)v;
    }
    return STATUS_OK;
}

/* Every token of the source has to stand somewhere, so that a sequence of the image is one binding for given integers. */
static enum status place_tokens(struct alias *image, const struct sequence *source, const struct residual *r, const int *terms, size_t n, struct text *why)
{
    image->slot = source->slot;
    image->n = source->n;
    image->tokens = mem_array(source->n, sizeof *image->tokens);
    if (!image->tokens)
        return STATUS_MEMORY;
    for (size_t j = 0; j < source->n; j++) {
        size_t at = 0;
        while (at < n && !(r->terms[terms[at]].op == REST_TOKEN && (size_t)r->terms[terms[at]].value == j))
            at++;
        if (source->n_set[j] < 1 || (at == n && source->n_set[j] > 1))
            return features_refuse(why, "a token of an image set's sequence does not stand in its sequences");
        image->tokens[j] = (struct copied){ source->n_set[j] == 1, source->sets[j][0], at };
    }
    return STATUS_OK;
}

static enum status read_image(struct problem *p, const struct domain_binds *binds, struct interp *in, struct text *why)
{
    const struct net *net = p->net.net;
    struct sequence source = { 0 };
    struct features f = { 0 };
    int *terms = NULL;
    size_t n = 0;
    enum status s = read_sequence(&source, binds->source, in, net, why);
    if (s == STATUS_OK)
        s = features_init(&f, &source, in, why);
    if (s == STATUS_OK)
        s = residual_sequence(&terms, &n, &f, binds->t->set->args[0]);
    if (s == STATUS_UNSUPPORTED)
        s = features_refuse(why, "the sequences of an image set are not made of tokens and numbers that can be followed");
    if (s == STATUS_OK && (n < 1 || n > net->n_ctx))
        s = features_refuse(why, "the sequence does not fit the network's context");
    if (s == STATUS_OK)
        s = sequence_room(&p->t, binds->t->slot, n) ? place_tokens(&p->image, &source, &f.terms, terms, n, why) : STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < n; i++)
        s = image_set(&p->t, i, &f.terms, terms[i], &source, net, why);
    p->image_set = binds->t->set;
    free(terms);
    features_clear(&f);
    sequence_clear(&source);
    return s;
}

enum status domain_read(struct problem *p, const struct domain_binds *binds, struct interp *in, struct text *why)
{
    enum status s = binds->t->set->form == FORM_IMAGE ? read_image(p, binds, in, why) : read_sequence(&p->t, binds->t, in, p->net.net, why);
    if (s != STATUS_OK)
        return s;
    p->first = mem_array(p->t.n + 1, sizeof *p->first);
    if (!p->first)
        return STATUS_MEMORY;
    for (size_t i = 0; i < p->t.n; i++)
        p->first[i + 1] = p->first[i] + p->t.n_set[i];
    p->cells = p->first[p->t.n];
    return STATUS_OK;
}
