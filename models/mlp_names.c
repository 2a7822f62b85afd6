/* Which tensors are the layers of a chain, from their names alone. Declared in models/mlp.h. */
#include <limits.h>
#include <string.h>

#include "core/mem.h"
#include "models/mlp.h"

/* A tensor's name in parts: before (n_before) NUMBER after LEAF, as in layers. 3 .linear weight. number -1: there is none. */
struct parts { const char *before; size_t n_before; long number; const char *after; size_t n_after; const char *leaf; bool raw; };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool same(const char *a, size_t n, const char *b, size_t m) { return n == m && memcmp(a, b, n) == 0; }

/* W1, b1: a letter and a number. */
static bool raw_parts(struct parts *p, const char *name)
{
    size_t n = strlen(name), digits = 0;

    while (digits < n && is_digit(name[n - 1 - digits]))
        digits++;
    if (digits == 0 || digits > 6 || n == digits || !strchr("WwBb", name[n - digits - 1]) || (n > digits + 1 && name[n - digits - 2] != '.'))
        return false;
    *p = (struct parts){ name, n - digits - 1, strtol(name + n - digits, NULL, 10), name + n, 0, strchr("Ww", name[n - digits - 1]) ? "weight" : "bias", true };
    return true;
}

static bool split(struct parts *p, const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t end, begin;

    if (!dot)
        return raw_parts(p, name);
    for (end = (size_t)(dot - name); end > 0 && !is_digit(name[end - 1]); end--) {}
    for (begin = end; begin > 0 && is_digit(name[begin - 1]); begin--) {}
    if (raw_parts(p, name))
        return true;
    if (end == 0 || end - begin > 6)
        *p = (struct parts){ name, (size_t)(dot - name), -1, dot, 0, dot + 1, false };
    else
        *p = (struct parts){ name, begin, strtol(name + begin, NULL, 10), name + end, (size_t)(dot - name) - end, dot + 1, false };
    return true;
}

/* The last layer of many models has a name instead of a number. */
static bool is_head(const struct parts *p)
{
    static const char *const names[] = { "head", "out", "output", "fc_out", "classifier", "unembed", "readout", "fc" };
    size_t n = p->n_before, from = n;

    while (from > 0 && p->before[from - 1] != '.')
        from--;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (same(p->before + from, n - from, names[i], strlen(names[i])))
            return true;
    return false;
}

static struct mlp_module *module_of(struct mlp_chain *c, long number)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->modules[i].number == number)
            return &c->modules[i];
    c->modules[c->n] = (struct mlp_module){ .number = number };
    return &c->modules[c->n++];
}

static bool set_leaf(struct mlp_module *m, const struct parts *p, const char *name)
{
    const char **place = strcmp(p->leaf, "weight") == 0 || strcmp(p->leaf, "kernel") == 0 ? &m->weight
                         : strcmp(p->leaf, "bias") == 0                                   ? &m->bias
                         : strcmp(p->leaf, "running_mean") == 0                           ? &m->mean
                         : strcmp(p->leaf, "running_var") == 0                            ? &m->var
                                                                                          : NULL;

    if (!place || *place)
        return place == NULL && strcmp(p->leaf, "num_batches_tracked") == 0;
    *place = name;
    m->raw |= p->raw;
    m->transposed |= strcmp(p->leaf, "kernel") == 0;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct mlp_module *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static size_t rank_of(const struct checkpoint *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->tensors[i].name == name)
            return c->tensors[i].rank;
    return 0;
}

/* What kind of module its tensors make; false: none that is known. */
static bool set_kind(struct mlp_module *m, const struct checkpoint *c)
{
    size_t rank = m->weight ? rank_of(c, m->weight) : 0;

    if (rank == 2 && !m->mean && !m->var)
        m->kind = MLP_LINEAR;
    else if (m->mean && m->var && rank < 2)
        m->kind = MLP_BATCHNORM;
    else if (rank == 1 && !m->mean && !m->var)
        m->kind = m->bias ? MLP_LAYERNORM : MLP_RMSNORM;
    else
        return false;
    return true;
}

/* A table of tokens by its name, before numbered layers. */
static bool is_table(const struct tensor *t)
{
    static const char *const names[] = { "embed.weight", "embedding.weight", "emb.weight", "embeddings.weight", "tok_emb.weight", "token_embedding.weight", "wte.weight", "tok_embed.weight",
                                         "token_emb.weight", "W_E", "embed.W_E" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(t->name, names[i]) == 0)
            return t->rank == 2;
    return false;
}

static bool collect(struct mlp_chain *out, const struct checkpoint *c)
{
    struct parts first = { .number = -1 }, p;
    bool numbered = false;

    out->embed_number = -1;
    for (size_t i = 0; i < c->n; i++) {
        if (!out->embed && is_table(&c->tensors[i])) {
            out->embed = c->tensors[i].name;
            continue;
        }
        if (!split(&p, c->tensors[i].name))
            return false;
        if (p.number < 0 && !is_head(&p))
            return false;
        if (p.number >= 0 && !numbered) {
            first = p;
            numbered = true;
        }
        if (p.number >= 0 && (!same(p.before, p.n_before, first.before, first.n_before) || !same(p.after, p.n_after, first.after, first.n_after)))
            return false;
        if (!set_leaf(module_of(out, p.number < 0 ? LONG_MAX : p.number), &p, c->tensors[i].name))
            return false;
    }
    out->by_module = numbered && !first.raw && first.n_after == 0 && (first.n_before == 0 || first.before[first.n_before - 1] == '.');
    return numbered;
}

bool mlp_chain_read(struct mlp_chain *out, const struct checkpoint *c, bool *failed)
{
    struct mlp_chain chain = { .modules = mem_array(c->n, sizeof *chain.modules) };
    bool any = false, fine = chain.modules && collect(&chain, c);

    *failed = !chain.modules;
    for (size_t i = 0; fine && i < chain.n; i++) {
        fine = set_kind(&chain.modules[i], c);
        any |= fine && chain.modules[i].kind == MLP_LINEAR;
    }
    if (!fine || !any) {
        mlp_chain_clear(&chain);
        return false;
    }
    qsort(chain.modules, chain.n, sizeof *chain.modules, by_number);
    *out = chain;
    return true;
}

void mlp_chain_clear(struct mlp_chain *c)
{
    free(c->modules);
    *c = (struct mlp_chain){ 0 };
}
