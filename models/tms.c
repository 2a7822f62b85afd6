/* Toy models of superposition: relu(W' W x + b), n features in m dimensions. Layouts: W [m, n] (or [n, m]) and b [n], also with a leading axis of
 * instances; linear1.weight [m, n], hidden_layers.N.weight [m, m], linear2.weight [n, m], linear2.bias [n]. */
#include <string.h>

#include "models/family.h"
#include "models/reading.h"

static const char *const weights[] = { "W", "weight", "W1", NULL };
static const char *const biases[] = { "b", "b_final", "bias", NULL };
static const char *const act_keys[] = { "act", "act_fn", "activation", NULL };
static const char *const axis_keys[] = { "features", NULL };
static const char *const instance_keys[] = { "instance", NULL };
static const char *const known[] = { "act", "act_fn", "activation", "features", "instance", "n_features", "n_hidden", "n_instances", "n_hidden_layers", NULL };

static const struct tensor *find_in(const struct checkpoint *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return &c->tensors[i];
    return NULL;
}

static const struct tensor *first_in(const struct checkpoint *c, const char *const *names)
{
    const struct tensor *t = NULL;

    for (size_t i = 0; !t && names[i]; i++)
        t = find_in(c, names[i]);
    return t;
}

/* linear1 has no bias, and linear2 takes it back. */
static bool has_two_layers(const struct checkpoint *c)
{
    const struct tensor *down = find_in(c, "linear1.weight"), *up = find_in(c, "linear2.weight");

    return down && up && find_in(c, "linear2.bias") && !find_in(c, "linear1.bias") && !find_in(c, "linear3.weight") && down->rank == 2 && up->rank == 2 &&
           down->shape[0] == up->shape[1] && down->shape[1] == up->shape[0];
}

/* `weight` and `bias` alone are an nn.Linear just as well: they are read as this family when it is asked for, not recognised. */
bool tms_recognises(const struct checkpoint *c)
{
    const struct tensor *W = find_in(c, "weight") ? NULL : first_in(c, weights), *b = first_in(c, biases);

    return has_two_layers(c) || (c->n == 2 && W && b && W->rank == b->rank + 1 && (W->rank == 2 || W->rank == 3));
}

static enum status activation(int *act, struct reading *r)
{
    const char *how, *word;
    enum status s = reading_word(&word, &how, r, act_keys);

    *act = OP_RELU;
    if (s != STATUS_OK)
        return s;
    if (!word)
        return reading_fact(r, "act", "by the family's definition, relu(W' W x + b) (override with --set act=WORD)", "relu");
    s = reading_activation_word(act, r, "act", word, how);
    return s == STATUS_OK ? reading_fact(r, "act", how, "%s", word) : s;
}

/* input, encoder, hidden.N, decoder, output. down [n, m], up [m, n] as the network multiplies. */
struct parts { struct view down, up, bias; bool has_bias; };

static size_t encode(struct reading *r, const struct parts *p)
{
    r->b.net.width_in = p->down.shape[0];
    return netbuild_linear(&r->b, "encoder", netbuild_input(&r->b), netbuild_cut(&r->b, "encoder.W", p->down), NETBUILD_NONE);
}

static enum status decode(struct reading *r, const struct parts *p, size_t x)
{
    size_t W = netbuild_cut(&r->b, "decoder.W", p->up), b = p->has_bias ? netbuild_cut(&r->b, "decoder.b", p->bias) : NETBUILD_NONE;
    int act;
    enum status s = activation(&act, r);

    if (s != STATUS_OK)
        return s;
    x = netbuild_linear(&r->b, act == (int)ACTIVATION_NONE ? "output" : "decoder", x, W, b);
    return reading_done(r, reading_activate(r, "output", act, x), known);
}

static enum status build_layers(struct reading *r)
{
    struct parts p = { .has_bias = true };
    struct view W;
    size_t x;
    enum status s = reading_take(&p.down, r, "linear1.weight", 2);

    if (s != STATUS_OK || (s = reading_take_shape(&p.up, r, "linear2.weight", 2, (size_t[]){ p.down.shape[1], p.down.shape[0] }, "features, dimensions")) != STATUS_OK ||
        (s = reading_take_shape(&p.bias, r, "linear2.bias", 1, &p.down.shape[1], "features")) != STATUS_OK)
        return s;
    p.down = view_transposed(p.down);
    p.up = view_transposed(p.up);
    s = view_equal(p.down, view_transposed(p.up)) ? reading_fact(r, "tied", "found in the numbers: linear2.weight is linear1.weight transposed", "true")
                                                  : reading_fact(r, "tied", "found in the numbers", "false");
    x = encode(r, &p);
    for (size_t i = 0; s == STATUS_OK && reading_find(r, node_named("hidden_layers.%zu.weight", i).s); i++) {
        s = reading_take_shape(&W, r, node_named("hidden_layers.%zu.weight", i).s, 2, (size_t[]){ p.down.shape[1], p.down.shape[1] }, "dimensions, dimensions");
        if (s == STATUS_OK)
            x = netbuild_linear(&r->b, node_named("hidden.%zu", i).s, x, netbuild_cut(&r->b, node_named("hidden.%zu.W", i).s, view_transposed(W)), NETBUILD_NONE);
    }
    return s == STATUS_OK ? decode(r, &p, x) : s;
}

/* One of several instances, or the only one. */
static enum status instance(struct view *v, struct reading *r, size_t rank)
{
    const char *how;
    long i;
    enum status s;

    if (v->rank == rank)
        return STATUS_OK;
    if ((s = reading_count(&i, &how, r, instance_keys)) != STATUS_OK)
        return s;
    if (i < 0 && v->shape[0] > 1)
        return rank == 2 ? reading_ask(r, "the tensors hold %zu instances: say --set instance=I with I from 0", v->shape[0]) : STATUS_OK;
    if (i >= (long)v->shape[0])
        return reading_fail(r, "instance is %ld (%s), the tensors hold instances 0 to %zu", i, how, v->shape[0] - 1);
    s = rank == 2 && i >= 0 ? reading_fact(r, "instance", how, "%ld", i) : STATUS_OK;
    *v = view_slice(*v, i < 0 ? 0 : (size_t)i);
    return s;
}

/* Are features the columns of W ([m, n])? */
static enum status features(bool *columns, struct reading *r, struct view W, size_t n)
{
    const char *how, *word;
    enum status s = reading_word(&word, &how, r, axis_keys);

    *columns = W.shape[1] == n;
    if (s != STATUS_OK)
        return s;
    if (word && strcmp(word, "columns") != 0 && strcmp(word, "rows") != 0)
        return reading_fail(r, "features is '%.60s' (%s), columns or rows is needed", word, how);
    if (W.shape[0] != n && W.shape[1] != n)
        return reading_fail(r, "'W' is %zu by %zu and 'b' has %zu entries: an axis of 'W' must have as many", W.shape[0], W.shape[1], n);
    if (!word && W.shape[0] == W.shape[1])
        return reading_ask(r, "'W' is square: say --set features=columns (W [m, n]) or features=rows (W [n, m])");
    if (word && W.shape[strcmp(word, "columns") == 0] != n)
        return reading_fail(r, "features is %s (%s), but 'W' is %zu by %zu and 'b' has %zu entries", word, how, W.shape[0], W.shape[1], n);
    *columns = word ? strcmp(word, "columns") == 0 : *columns;
    return reading_fact(r, "features", word ? how : "inferred from the length of the bias", "%s of W", *columns ? "columns" : "rows");
}

static enum status build_tied(struct reading *r)
{
    const char *W_name = reading_first(r, weights), *b_name = reading_first(r, biases);
    struct parts p = { .has_bias = true };
    struct view W;
    bool columns = true;
    size_t rank;
    enum status s;

    if (!W_name || !b_name)
        return reading_fail(r, "there is no 'W' with a 'b', and no linear1.weight, linear2.weight and linear2.bias without a linear1.bias");
    rank = reading_find(r, W_name)->rank == 3;
    if ((s = reading_take(&W, r, W_name, 2 + rank)) != STATUS_OK || (s = reading_take(&p.bias, r, b_name, 1 + rank)) != STATUS_OK)
        return s;
    if (rank && W.shape[0] != p.bias.shape[0])
        return reading_fail(r, "'%s' has %zu instances, '%s' has %zu", W_name, W.shape[0], b_name, p.bias.shape[0]);
    if ((s = instance(&W, r, 2)) != STATUS_OK || (s = instance(&p.bias, r, 1)) != STATUS_OK)
        return s;
    if (W.rank == 2 && p.bias.rank == 1)
        s = features(&columns, r, W, p.bias.shape[0]);
    if (s != STATUS_OK || r->questions.size)
        return s == STATUS_OK ? reading_done(r, 0, known) : s;
    p.down = columns ? view_transposed(W) : W;
    p.up = view_transposed(p.down);
    return decode(r, &p, encode(r, &p));
}

static enum status build(struct reading *r)
{
    return reading_find(r, "linear1.weight") ? build_layers(r) : build_tied(r);
}

enum status tms_load(struct model *m, const struct config *c, struct diag *d) { return reading_load(m, c, "tms", build, d); }
