/* How a transformer's tensors are known by their names. Declared in models/layout.h, transformer.h and family.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "models/layout.h"
#include "models/transformer.h"

const struct part_info part_table[N_PARTS] = {
#define PLACE(...)
#define PART(code, place, canonical, bias, words) [PART_##code] = { place, canonical, bias, words },
#include "models/layout.def"
#undef PLACE
#undef PART
};
static const char *const place_words[N_PLACES] = {
#define PLACE(code, words) [code] = words,
#define PART(...)
#include "models/layout.def"
#undef PLACE
#undef PART
};

/* A name in lower case, cut at its dots: component i is from start[i] on; what follows the last dots stays joined. */
enum { NAME_LIMIT = 200, COMPONENTS = 12 };
struct cut { char s[NAME_LIMIT]; size_t start[COMPONENTS], n; };

static bool cut_name(struct cut *c, const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n >= NAME_LIMIT)
        return false;
    *c = (struct cut){ .n = 1 };
    for (size_t i = 0; i < n; i++) {
        c->s[i] = (char)tolower((unsigned char)name[i]);
        if (c->s[i] == '.') {
            if (c->n == COMPONENTS)
                return false;
            c->start[c->n++] = i + 1;
        }
    }
    return true;
}

static size_t component_length(const struct cut *c, size_t i) { return strcspn(c->s + c->start[i], "."); }

static bool component_in(const struct cut *c, size_t i, enum place place)
{
    return text_list_has(place_words[place], ' ', c->s + c->start[i], component_length(c, i));
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n > m && strcmp(s + n - m, tail) == 0;
}

/* Takes weight or bias off the end. A parameter b_Q stands for the bias of W_Q. */
static void take_leaf(struct cut *c, struct role *r)
{
    size_t n = strlen(c->s);
    char *last = c->s + c->start[c->n - 1];

    if (strcmp(last, "weight") == 0 || strcmp(last, "bias") == 0) {
        r->bias = *last == 'b';
        c->s[c->n > 1 ? c->start[c->n - 1] - 1 : 0] = '\0';
        c->n--;
    } else if (ends_with(last, "_weight") || ends_with(last, "_bias")) {
        r->bias = last[strlen(last) - 1] == 's' && strcmp(last, "masked_bias") != 0;
        if (r->bias || ends_with(last, "_weight"))
            c->s[n - (r->bias ? 5 : 7)] = '\0';
    } else {
        r->parameter = true;
        if (last[0] == 'b' && last[1] == '_') {
            r->bias = true;
            last[0] = 'w';
        }
    }
}

/* The part of that place whose words have `rest`, or N_PARTS. */
static enum part find_part(enum place place, const char *rest)
{
    for (enum part p = 0; p < N_PARTS; p++)
        if (part_table[p].place == place && text_list_has(part_table[p].words, ' ', rest, strlen(rest)))
            return p;
    return N_PARTS;
}

/* Directly in the block: a norm, or a word of attention or of the MLP; a word of both (proj) is attention's, where an MLP of its own has a place of its own. */
static enum part find_in_block(const char *rest)
{
    enum part p = find_part(IN_BLOCK, rest), a = find_part(IN_ATTN, rest), m = find_part(IN_MLP, rest);

    if (p != N_PARTS)
        return p;
    return a != N_PARTS ? a : m;
}

static bool role_in_block(struct role *r, const struct cut *c, size_t i)
{
    enum place place = IN_BLOCK;

    while (i < c->n && (component_in(c, i, IN_ATTN) || (component_in(c, i, IN_MLP) && i + 1 < c->n)))
        place = component_in(c, i++, IN_ATTN) ? IN_ATTN : IN_MLP;
    if (i == c->n && place == IN_ATTN && r->bias) { /* attn.bias is GPT-2's mask */
        r->part = PART_BUFFER;
        return true;
    }
    if (i == c->n)
        return false;
    r->part = place == IN_BLOCK ? find_in_block(c->s + c->start[i]) : find_part(place, c->s + c->start[i]);
    return r->part != N_PARTS;
}

static bool role_at_top(struct role *r, const struct cut *c)
{
    for (size_t i = 0; i < c->n; i++) {
        r->part = find_part(AT_TOP, c->s + c->start[i]);
        if (r->part != N_PARTS)
            return true;
        if (!component_in(c, i, WRAPPER))
            return false;
    }
    return false;
}

static bool is_number(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 0 && n < 7;
}

bool role_of(struct role *out, const char *name)
{
    struct cut c;
    struct role r = { .layer = -1 };

    if (!cut_name(&c, name))
        return false;
    take_leaf(&c, &r);
    for (size_t i = 0; i + 1 < c.n; i++)
        if (component_in(&c, i, BLOCKS) && is_number(c.s + c.start[i + 1], component_length(&c, i + 1))) {
            r.layer = strtol(c.s + c.start[i + 1], NULL, 10);
            *out = r;
            return role_in_block(out, &c, i + 2);
        }
    *out = r;
    return c.n > 0 && role_at_top(out, &c);
}

long block_number(const char *name)
{
    char *end;
    long n;

    if (strncmp(name, "blocks.", 7) != 0 || name[7] < '0' || name[7] > '9')
        return -1;
    n = strtol(name + 7, &end, 10);
    return *end == '.' && n < 1000000 ? n : -1;
}

bool name_is_canonical(const char *name)
{
    static const char *const parts[] = { "attn.W_", "attn.b_", "attn._W_", "attn._b_", "mlp.W_", "mlp.b_" };
    const char *rest = block_number(name) < 0 ? NULL : strchr(name + 7, '.') + 1;

    if (strcmp(name, "embed.W_E") == 0)
        return true;
    for (size_t i = 0; rest && i < sizeof parts / sizeof *parts; i++)
        if (strncmp(rest, parts[i], strlen(parts[i])) == 0 && !strchr(rest + strlen(parts[i]), '.')) /* W_Q.weight is an nn.Linear of that name */
            return true;
    return false;
}

/* Names of a TransformerLens model, without a prefix. */
static bool has_canonical_names(const struct checkpoint *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (name_is_canonical(c->tensors[i].name))
            return true;
    return false;
}

/* Length of what stands before 'embed.W_E' in the name of a tensor (`module.`, `model._orig_mod.`), 0 without one. */
static size_t prefix_length(const struct checkpoint *c, const char **name)
{
    static const char last[] = ".embed.W_E";

    for (size_t i = 0; i < c->n; i++) {
        size_t n = strlen(c->tensors[i].name), m = sizeof last - 1;
        if (n > m && strcmp(c->tensors[i].name + n - m, last) == 0) {
            *name = c->tensors[i].name;
            return n - m + 1;
        }
    }
    return 0;
}

/* Wrappers put one prefix before every name: it is taken off, and said. */
enum status transformer_strip_prefix(struct model *m, struct diag *d)
{
    struct checkpoint *c = &m->checkpoint;
    const char *first = NULL;
    size_t n = prefix_length(c, &first);

    if (n == 0 || has_canonical_names(c))
        return STATUS_OK;
    for (size_t i = 0; i < c->n; i++)
        if (strncmp(c->tensors[i].name, first, n) != 0)
            return diag_fail(d, STATUS_INPUT, "cannot read '%s': 'embed.W_E' has the prefix '%.*s', tensor '%s' has not; save the state dict of the transformer alone",
                             m->path, (int)n, first, c->tensors[i].name);
    if (!(m->prefix = mem_string_n(first, n)))
        return STATUS_MEMORY;
    for (size_t i = 0; i < c->n; i++)
        memmove(c->tensors[i].name, c->tensors[i].name + n, strlen(c->tensors[i].name + n) + 1);
    return model_add_fact(m, "tensor names", m->prefix, "a prefix of all, taken off");
}

/* An embedding, and attention in a layer. */
bool transformer_recognises(const struct checkpoint *c)
{
    const char *name;
    bool embeds = false, attends = false;
    struct role r;

    if (has_canonical_names(c) || prefix_length(c, &name) > 0)
        return true;
    for (size_t i = 0; i < c->n; i++)
        if (role_of(&r, c->tensors[i].name) && !r.bias) {
            embeds |= r.part == PART_W_E;
            attends |= r.layer >= 0 && (r.part == PART_W_Q || r.part == PART_QKV || r.part == PART_W_Q1);
        }
    return embeds && attends;
}

/* Nothing in a file tells vectors from tokens: only the user can say it, by `as sequence` or input_type. */
bool sequence_recognises(const struct checkpoint *c)
{
    (void)c;
    return false;
}
