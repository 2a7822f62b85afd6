/* Reader of .net files (NETWORK.md §1, §2). Declared in models/net.h. Every rule of the page is checked here or in node.c. */
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "core/names.h"
#include "core/number.h"
#include "models/node.h"

enum { NET_LIMIT_GIB = 4 };

/* line, at: the current line without its end, and the token to read next. */
struct reader {
    const char *file, *next, *end, *at, *line_end;
    size_t line;
    struct names tensors, nodes;
    size_t room_tensors, room_nodes;
    struct diag *d;
};
struct token { const char *s; size_t n; };

static enum status __attribute__((format(printf, 2, 3))) wrong(struct reader *r, const char *format, ...)
{
    char message[1000];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return diag_fail(r->d, STATUS_INPUT, "%s: line %zu: %s", r->file, r->line, message);
}

static enum status next_line(struct reader *r)
{
    const char *s = r->next, *e;

    r->line++;
    if (s == r->end)
        return wrong(r, "the file ends before 'end'");
    e = memchr(s, '\n', (size_t)(r->end - s));
    if (!e)
        return wrong(r, "the last line has no line end");
    if (e == s)
        return wrong(r, "empty line");
    for (const char *p = s; p < e; p++) {
        if (*p < ' ' || *p > '~')
            return wrong(r, "byte 0x%02x, only printable ASCII is allowed", (unsigned)(unsigned char)*p);
        if (*p == ' ' && (p == s || p + 1 == e || p[1] == ' '))
            return wrong(r, "tokens are separated by exactly one space, with none around the line");
    }
    r->at = s;
    r->line_end = e;
    r->next = e + 1;
    return STATUS_OK;
}

/* The next token of the line; n = 0 at its end. */
static struct token next_token(struct reader *r)
{
    struct token t = { r->at, 0 };
    const char *space;

    if (r->at >= r->line_end)
        return t;
    space = memchr(r->at, ' ', (size_t)(r->line_end - r->at));
    t.n = (size_t)((space ? space : r->line_end) - r->at);
    r->at += t.n + 1;
    return t;
}

static bool token_is(struct token t, const char *s) { return t.n == strlen(s) && memcmp(t.s, s, t.n) == 0; }

static int shown(struct token t) { return t.n > 60 ? 60 : (int)t.n; }

static enum status line_done(struct reader *r)
{
    struct token t = next_token(r);

    return t.n ? wrong(r, "'%.*s' after the end of the line's content", shown(t), t.s) : STATUS_OK;
}

static bool token_int(struct token t, size_t *out)
{
    size_t v = 0;

    if (t.n == 0 || t.n > 10 || (t.s[0] == '0' && t.n > 1))
        return false;
    for (size_t i = 0; i < t.n; i++) {
        if (t.s[i] < '0' || t.s[i] > '9')
            return false;
        v = 10 * v + (size_t)(t.s[i] - '0');
    }
    *out = v;
    return v <= INT32_MAX;
}

/* A line that must begin with the given keyword. */
static enum status keyword(struct reader *r, const char *word)
{
    enum status s = next_line(r);
    struct token t;

    if (s != STATUS_OK)
        return s;
    t = next_token(r);
    return token_is(t, word) ? STATUS_OK : wrong(r, "'%s' expected, found '%.*s'", word, shown(t), t.s);
}

static enum status positive(struct reader *r, size_t *out, const char *what)
{
    struct token t = next_token(r);

    if (!token_int(t, out) || *out == 0)
        return wrong(r, "%s is an integer from 1 to 2147483647, found '%.*s'", what, shown(t), t.s);
    return STATUS_OK;
}

/* tokens D_VOCAB N_CTX, or reals WIDTH N_CTX */
static enum status read_inputs(struct reader *r, struct net *net)
{
    enum status s = next_line(r);
    struct token t;
    bool reals;

    if (s != STATUS_OK)
        return s;
    t = next_token(r);
    reals = token_is(t, "reals");
    if (!reals && !token_is(t, "tokens"))
        return wrong(r, "'tokens' or 'reals' expected, found '%.*s'", shown(t), t.s);
    s = reals ? positive(r, &net->width_in, "the width of an input row") : positive(r, &net->d_vocab, "the number of tokens");
    if (s != STATUS_OK || (s = positive(r, &net->n_ctx, "the length of the context")) != STATUS_OK)
        return s;
    return line_done(r);
}

/* mask causal|none [pad TOKEN] */
static enum status read_mask(struct reader *r, struct net *net)
{
    enum status s = keyword(r, "mask");
    size_t pad;
    struct token t;

    if (s != STATUS_OK)
        return s;
    t = next_token(r);
    net->causal = token_is(t, "causal");
    net->pad = -1;
    if (!net->causal && !token_is(t, "none"))
        return wrong(r, "mask is 'causal' or 'none', found '%.*s'", shown(t), t.s);
    t = next_token(r);
    if (t.n == 0)
        return STATUS_OK;
    if (!token_is(t, "pad"))
        return wrong(r, "'pad' expected after the mask, found '%.*s'", shown(t), t.s);
    if (net->width_in)
        return wrong(r, "pad names a token, the inputs of this network are rows of real numbers");
    t = next_token(r);
    if (!token_int(t, &pad) || pad >= net->d_vocab)
        return wrong(r, "pad is a token from 0 to %zu, found '%.*s'", net->d_vocab - 1, shown(t), t.s);
    net->pad = (long)pad;
    return line_done(r);
}

static enum status read_header(struct reader *r, struct net *net)
{
    enum status s = next_line(r);
    struct token t;

    if (s != STATUS_OK)
        return s;
    if (!token_is((struct token){ r->at, (size_t)(r->line_end - r->at) }, "weightproof-net 1"))
        return wrong(r, "'weightproof-net 1' expected: not a network file of this version");
    if ((s = read_inputs(r, net)) != STATUS_OK || (s = read_mask(r, net)) != STATUS_OK || (s = keyword(r, "eps")) != STATUS_OK)
        return s;
    t = next_token(r);
    if (!number_from_hex(&net->eps, t.s, t.n) || net->eps < 0)
        return wrong(r, "eps is a number of at least 0 as in 0x1.4f8b588e368f1p-17, found '%.*s'", shown(t), t.s);
    return line_done(r);
}

static enum status read_rows(struct reader *r, struct tensor *t, size_t n)
{
    size_t width = t->shape[t->rank - 1];

    for (size_t i = 0; i < n; i++) {
        struct token v;
        enum status s = i % width ? STATUS_OK : next_line(r);
        if (s != STATUS_OK)
            return s;
        v = next_token(r);
        if (v.n == 0)
            return wrong(r, "a row of tensor '%s' ends after %zu of %zu numbers", t->name, i % width, width);
        if (!number_from_hex(&t->data[i], v.s, v.n))
            return wrong(r, "'%.*s' is not a number in canonical form", shown(v), v.s);
        if ((i + 1) % width == 0 && r->at < r->line_end)
            return wrong(r, "a row of tensor '%s' has more than %zu numbers", t->name, width);
    }
    return STATUS_OK;
}

static enum status read_name(struct reader *r, char **out)
{
    struct token t = next_token(r);

    if (!name_valid(t.s, t.n))
        return wrong(r, "'%.*s' is not a name", shown(t), t.s);
    *out = mem_string_n(t.s, t.n);
    return *out ? STATUS_OK : STATUS_MEMORY;
}

static enum status read_shape(struct reader *r, struct tensor *t, size_t *count)
{
    enum status s;

    *count = 1;
    while (r->at < r->line_end) {
        size_t size;
        if (t->rank == 3)
            return wrong(r, "tensor '%s' has more than three dimensions", t->name);
        if ((s = positive(r, &size, "a dimension")) != STATUS_OK)
            return s;
        t->shape[t->rank++] = size;
        /* a number takes two bytes of text at least, so memory is bounded by the file */
        if (*count > (size_t)(r->end - r->next) / size)
            return wrong(r, "tensor '%s' is larger than the rest of the file", t->name);
        *count *= size;
    }
    return t->rank ? STATUS_OK : wrong(r, "tensor '%s' has no dimensions", t->name);
}

static enum status read_tensor(struct reader *r, struct net *net)
{
    struct tensor *grown = mem_grow(net->tensors, &r->room_tensors, net->n_tensors + 1, sizeof *grown), *t;
    size_t count;
    enum status s;

    if (!grown)
        return STATUS_MEMORY;
    net->tensors = grown;
    t = &grown[net->n_tensors++];
    if ((s = read_name(r, &t->name)) != STATUS_OK)
        return s;
    if (net->n_tensors > 1 && strcmp(t[-1].name, t->name) >= 0)
        return wrong(r, "tensor '%s' after '%s': tensors are sorted by name, without duplicates", t->name, t[-1].name);
    if (!names_add(&r->tensors, t->name, strlen(t->name), net->n_tensors - 1, NULL))
        return STATUS_MEMORY;
    if ((s = read_shape(r, t, &count)) != STATUS_OK)
        return s;
    t->data = mem_array(count, sizeof *t->data);
    return t->data ? read_rows(r, t, count) : STATUS_MEMORY;
}

static bool find_op(struct token t, enum op *out)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (token_is(t, op_table[op].name)) {
            *out = (enum op)op;
            return true;
        }
    return false;
}

/* NAME or NAME[h] */
static enum status read_weight(struct reader *r, struct net *net, struct node *node, struct token t)
{
    const char *bracket = memchr(t.s, '[', t.n);
    size_t n = bracket ? (size_t)(bracket - t.s) : t.n, slice = 0;
    long tensor = names_find(&r->tensors, t.s, n);
    struct weight *w = &node->w[node->n_w];
    struct text why = { 0 };
    enum status s = STATUS_OK;

    if (tensor < 0)
        return wrong(r, "'%.*s' is neither a tensor nor an earlier node", shown(t), t.s);
    if (bracket && (t.s[t.n - 1] != ']' || !token_int((struct token){ bracket + 1, t.n - n - 2 }, &slice)))
        return wrong(r, "'%.*s' is not a slice NAME[h]", shown(t), t.s);
    if (node->n_w == 2)
        return wrong(r, "more than two weights");
    w->tensor = (size_t)tensor;
    w->slice = bracket ? (long)slice : -1;
    node->n_w++;
    if (!weight_resolve(net, w, &why))
        s = why.failed ? STATUS_MEMORY : wrong(r, "%s", why.data);
    text_clear(&why);
    return s;
}

/* Integers come last. */
static enum status read_integer(struct reader *r, struct node *node, struct token t)
{
    if (node->n_args == sizeof node->arg / sizeof *node->arg)
        return wrong(r, "more than four integers");
    if (!token_int(t, &node->arg[node->n_args]))
        return wrong(r, "'%.*s' is not an integer from 0 to 2147483647", shown(t), t.s);
    node->n_args++;
    return STATUS_OK;
}

static enum status read_arguments(struct reader *r, struct net *net, struct node *node)
{
    size_t room = 0;
    enum status s;

    for (;;) {
        struct token t = next_token(r);
        size_t *grown;
        long i;
        if (t.n == 0)
            return STATUS_OK;
        if (*t.s == '-' || (*t.s >= '0' && *t.s <= '9')) {
            if ((s = read_integer(r, node, t)) != STATUS_OK)
                return s;
            continue;
        }
        if (node->n_args)
            return wrong(r, "'%.*s' after an integer", shown(t), t.s);
        i = names_find(&r->nodes, t.s, t.n);
        if (i < 0) {
            if ((s = read_weight(r, net, node, t)) != STATUS_OK)
                return s;
            continue;
        }
        if (node->n_w)
            return wrong(r, "node '%.*s' after a weight", shown(t), t.s);
        grown = mem_grow(node->inputs, &room, node->n_inputs + 1, sizeof *grown);
        if (!grown)
            return STATUS_MEMORY;
        node->inputs = grown;
        node->inputs[node->n_inputs++] = (size_t)i;
    }
}

static enum status read_node(struct reader *r, struct net *net)
{
    struct node *grown = mem_grow(net->nodes, &r->room_nodes, net->n_nodes + 1, sizeof *grown), *node;
    struct text why = { 0 };
    struct token t;
    bool old;
    enum status s;

    if (!grown)
        return STATUS_MEMORY;
    net->nodes = grown;
    node = &grown[net->n_nodes++];
    if ((s = read_name(r, &node->name)) != STATUS_OK)
        return s;
    if (names_find(&r->tensors, node->name, strlen(node->name)) >= 0)
        return wrong(r, "node '%s' has the name of a tensor", node->name);
    t = next_token(r);
    if (!find_op(t, &node->op))
        return wrong(r, "'%.*s' is not an operation", shown(t), t.s);
    if ((s = read_arguments(r, net, node)) != STATUS_OK)
        return s;
    if (!node_resolve(net, node, &why))
        s = why.failed ? STATUS_MEMORY : wrong(r, "node '%s' (%s): %s", node->name, op_table[node->op].name, why.data);
    text_clear(&why);
    if (s != STATUS_OK)
        return s;
    if (!names_add(&r->nodes, node->name, strlen(node->name), net->n_nodes - 1, &old))
        return STATUS_MEMORY;
    return old ? wrong(r, "a second node '%s'", node->name) : STATUS_OK;
}

static enum status read_output(struct reader *r, struct net *net)
{
    struct token t = next_token(r);
    long output = names_find(&r->nodes, t.s, t.n);
    struct text why = { 0 };
    enum status s;

    if (output < 0)
        return wrong(r, "the output '%.*s' is not a node", shown(t), t.s);
    net->output = (size_t)output;
    if ((s = line_done(r)) != STATUS_OK || (s = keyword(r, "end")) != STATUS_OK || (s = line_done(r)) != STATUS_OK)
        return s;
    if (r->next != r->end) {
        r->line++;
        return wrong(r, "bytes after 'end'");
    }
    if (!net_resolve(net, &why))
        s = why.failed ? STATUS_MEMORY : wrong(r, "%s", why.data);
    text_clear(&why);
    return s;
}

static enum status read_body(struct reader *r, struct net *net)
{
    for (;;) {
        enum status s = next_line(r);
        struct token t;
        if (s != STATUS_OK)
            return s;
        t = next_token(r);
        if (token_is(t, "output"))
            return read_output(r, net);
        if (token_is(t, "node"))
            s = read_node(r, net);
        else if (!token_is(t, "tensor"))
            s = wrong(r, "'tensor', 'node' or 'output' expected, found '%.*s'", shown(t), t.s);
        else if (net->n_nodes)
            s = wrong(r, "tensor after a node: tensors come first");
        else
            s = read_tensor(r, net);
        if (s != STATUS_OK)
            return s;
    }
}

enum status net_parse(struct net *out, const char *name, const char *text, size_t size, struct diag *d)
{
    struct reader r = { .file = name, .next = text, .end = text + size, .d = d };
    struct net net = { 0 };
    enum status s = read_header(&r, &net);

    if (s == STATUS_OK)
        s = read_body(&r, &net);
    names_clear(&r.tensors);
    names_clear(&r.nodes);
    if (s != STATUS_OK) {
        net_clear(&net);
        return s;
    }
    sha256_hex(net.sha256, text, size);
    *out = net;
    return STATUS_OK;
}

enum status net_read(struct net *out, const char *path, struct diag *d)
{
    char *text;
    size_t size;
    enum status s = file_read(&text, &size, path, (size_t)NET_LIMIT_GIB << 30, d);

    if (s != STATUS_OK)
        return s;
    s = net_parse(out, path, text, size, d);
    free(text);
    return s;
}
