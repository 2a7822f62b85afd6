#include "net.h"
#include <stdlib.h>
#include <string.h>

/* A cursor over the lines of the file. word() yields the tokens of one line. */
struct reader { const char *at, *end; int line; const char *w; const char *line_end; struct fail *f; };

static bool bad(struct reader *r, const char *what) { return fail_at(r->f, 0, ".net line %d: %s", r->line, what); }

static bool next_line(struct reader *r) {
    if (r->at == r->end) return bad(r, "the file ends too early");
    const char *nl = memchr(r->at, '\n', (size_t)(r->end - r->at));
    r->line++;
    if (nl == NULL) return bad(r, "no newline at the end");
    if (nl == r->at) return bad(r, "empty line");
    for (const char *p = r->at; p < nl; p++)
        if (*p < 32 || *p > 126) return bad(r, "a byte that is not printable ASCII");
    r->w = r->at;
    r->line_end = nl;
    r->at = nl + 1;
    return true;
}

/* The next token of the line: tokens are separated by exactly one space. */
static bool word(struct reader *r, const char **s, size_t *n) {
    if (r->w == NULL || r->w > r->line_end) return bad(r, "the line ends too early");
    const char *space = memchr(r->w, ' ', (size_t)(r->line_end - r->w));
    const char *stop = space != NULL ? space : r->line_end;
    *s = r->w;
    *n = (size_t)(stop - r->w);
    if (*n == 0) return bad(r, "a space too many");
    r->w = stop + 1;
    return true;
}

static bool more(const struct reader *r) { return r->w <= r->line_end; }
static bool line_done(struct reader *r) { return more(r) ? bad(r, "the line is too long") : true; }

static bool expect(struct reader *r, const char *text) {
    const char *s;
    size_t n;
    if (!word(r, &s, &n)) return false;
    return (n == strlen(text) && memcmp(s, text, n) == 0) ? true : fail_at(r->f, 0, ".net line %d: '%s' expected", r->line, text);
}

static bool parse_int(struct reader *r, const char *s, size_t n, uint32_t *out) {
    if (n == 0 || n > 10 || (n > 1 && s[0] == '0')) return bad(r, "not an integer");
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return bad(r, "not an integer");
        v = 10 * v + (uint64_t)(s[i] - '0');
    }
    if (v > INT32_MAX) return bad(r, "integer too large");
    *out = (uint32_t)v;
    return true;
}

static bool read_int(struct reader *r, uint32_t *out) {
    const char *s = NULL;
    size_t n = 0;
    return word(r, &s, &n) && parse_int(r, s, n, out);
}

static bool is_name(const char *s, size_t n) {
    if (n == 0 || n > 200) return false;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!(letter || (i > 0 && ((c >= '0' && c <= '9') || c == '.')))) return false;
    }
    return true;
}

static bool read_name(struct reader *r, struct arena *a, char **out) {
    const char *s;
    size_t n;
    if (!word(r, &s, &n)) return false;
    if (!is_name(s, n)) return bad(r, "not a name");
    *out = arena_text(a, s, n);
    return true;
}

/* num = 0 | [-]0x1[.H]p[-]E, the only spelling of a binary64 value (NETWORK.md §1). */
static bool parse_num(struct reader *r, const char *s, size_t n, struct dyadic *out) {
    *out = (struct dyadic){0, 0};
    if (n == 1 && s[0] == '0') return true;
    const char *end = s + n;
    bool negative = *s == '-';
    if (negative) s++;
    if (end - s < 5 || memcmp(s, "0x1", 3) != 0) return bad(r, "not a number");
    s += 3;
    int64_t m = 1;
    int digits = 0;
    if (*s == '.') {
        for (s++; s < end && *s != 'p'; s++, digits++) {
            int h = *s >= '0' && *s <= '9' ? *s - '0' : *s >= 'a' && *s <= 'f' ? *s - 'a' + 10 : -1;
            if (h < 0 || digits == 13) return bad(r, "not a number");
            m = 16 * m + h;
        }
        if (digits == 0 || m % 16 == 0) return bad(r, "number not in canonical form");
    }
    if (s >= end || *s != 'p') return bad(r, "not a number");
    s++;
    bool minus = s < end && *s == '-';
    if (minus) s++;
    uint32_t e = 0;
    if (!parse_int(r, s, (size_t)(end - s), &e)) return false;
    if (e > 1074 || (!minus && e > 1023) || (minus && e == 0)) return bad(r, "exponent out of range");
    int exponent = (minus ? -(int)e : (int)e) - 4 * digits;
    while (m % 2 == 0) {
        m /= 2;
        exponent++;
    }
    if (exponent < -1074) return bad(r, "not a binary64 number");
    *out = (struct dyadic){negative ? -m : m, exponent};
    return true;
}

static bool is_binary32(struct dyadic x) {
    int64_t m = x.m < 0 ? -x.m : x.m;
    if (m == 0) return true;
    int bits = 0;
    for (int64_t y = m; y > 0; y /= 2) bits++;
    return bits <= 24 && x.e >= -149 && x.e + bits <= 128;
}

static bool read_tensor(struct reader *r, struct net *net, struct tensor *t) {
    if (!read_name(r, &net->arena, &t->name)) return false;
    size_t left = (size_t)(r->end - r->at); /* every entry takes at least two bytes of the file */
    size_t n = 1;
    while (more(r)) {
        if (t->rank == 3) return bad(r, "more than three dimensions");
        uint32_t d;
        if (!read_int(r, &d)) return false;
        if (d == 0) return bad(r, "a dimension is 0");
        if (d > left / 2 / n) return bad(r, "the tensor is larger than the file");
        n *= d;
        t->d[t->rank++] = d;
    }
    if (t->rank == 0) return bad(r, "no dimensions");
    t->n = n;
    t->v = arena_get(&net->arena, n, sizeof *t->v);
    uint32_t cols = t->d[t->rank - 1];
    for (size_t i = 0; i < n; i++) {
        const char *s;
        size_t len;
        if (i % cols == 0 && !next_line(r)) return false;
        if (!word(r, &s, &len) || !parse_num(r, s, len, &t->v[i])) return false;
        if (i % cols == cols - 1 && !line_done(r)) return false;
        if (!is_binary32(t->v[i])) net->all_binary32 = false;
        if (t->v[i].e < -(int)t->scale) t->scale = (unsigned)-t->v[i].e;
    }
    t->x = mem_get(n, sizeof *t->x);
    for (size_t i = 0; i < n; i++) {
        mpz_init_set_si(t->x[i], t->v[i].m);
        mpz_mul_2exp(t->x[i], t->x[i], (mp_bitcnt_t)(t->v[i].e + (int)t->scale));
    }
    return true;
}

struct tensor *net_tensor(const struct net *net, const char *name) {
    size_t lo = 0, hi = net->n_tensors;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = strcmp(name, net->tensors[mid].name);
        if (c == 0) return &net->tensors[mid];
        if (c < 0) hi = mid;
        else lo = mid + 1;
    }
    return NULL;
}

int net_find(const struct net *net, const char *name) {
    for (int i = 0; i < net->n_nodes; i++)
        if (strcmp(net->nodes[i].name, name) == 0) return i;
    return -1;
}

/* NAME or NAME[h] as a matrix (rank 2) or vector (rank 1). */
static bool read_weight(struct reader *r, struct net *net, int rank, struct weight *w) {
    const char *s;
    size_t n;
    if (!word(r, &s, &n)) return false;
    const char *bracket = memchr(s, '[', n);
    size_t name_n = bracket != NULL ? (size_t)(bracket - s) : n;
    if (!is_name(s, name_n)) return bad(r, "not a tensor");
    struct tensor *t = net_tensor(net, arena_text(&net->arena, s, name_n));
    if (t == NULL) return bad(r, "unknown tensor");
    uint32_t h = 0;
    if (bracket != NULL) {
        if (s[n - 1] != ']' || !parse_int(r, bracket + 1, n - name_n - 2, &h)) return bad(r, "not a slice");
        if (t->rank == 1 || h >= t->d[0]) return bad(r, "slice out of range");
    }
    if (t->rank - (bracket != NULL) != rank) return bad(r, "wrong rank");
    w->t = t;
    w->cols = t->d[t->rank - 1];
    w->rows = rank == 2 ? t->d[t->rank - 2] : 1;
    w->at = (size_t)h * w->rows * w->cols;
    t->used = true;
    return true;
}

static bool read_arg(struct reader *r, struct net *net, int *out) {
    char *name;
    if (!read_name(r, &net->arena, &name)) return false;
    *out = net_find(net, name);
    return *out >= 0 ? true : bad(r, "unknown node");
}

static bool read_vector(struct reader *r, struct net *net, struct weight *w, uint32_t width) {
    if (!read_weight(r, net, 1, w)) return false;
    return w->cols == width ? true : bad(r, "wrong width");
}

static bool columns_equal(const struct weight *w, const struct weight *b, uint32_t i, uint32_t j) {
    for (size_t k = 0; k < w->rows; k++)
        if (mpz_cmp(w->t->x[w->at + k * w->cols + i], w->t->x[w->at + k * w->cols + j]) != 0) return false;
    return b->t == NULL || mpz_cmp(b->t->x[b->at + i], b->t->x[b->at + j]) == 0;
}

static void find_twins(struct net *net, struct node *x) {
    x->twin = arena_get(&net->arena, x->width, sizeof *x->twin);
    for (uint32_t j = 0; j < x->width; j++) {
        x->twin[j] = j;
        for (uint32_t i = 0; i < j && x->twin[j] == j; i++)
            if (x->twin[i] == i && columns_equal(&x->w, &x->b, i, j)) x->twin[j] = i;
    }
}

static bool read_many(struct reader *r, struct net *net, struct node *x, bool heads) {
    int room = 0;
    while (more(r)) {
        if (x->n_args > 0 && heads) { /* the bias stands last and is a tensor */
            struct reader look = *r;
            const char *s;
            size_t n;
            if (!word(&look, &s, &n)) return false;
            bool tensor = memchr(s, '[', n) != NULL || net_tensor(net, arena_text(&net->arena, s, n)) != NULL;
            if (tensor) return read_vector(r, net, &x->b, x->width);
        }
        if (x->n_args == room) {
            int *old = x->args;
            room = 2 * room + 4;
            x->args = arena_get(&net->arena, (size_t)room, sizeof *x->args);
            if (old != NULL) memcpy(x->args, old, (size_t)x->n_args * sizeof *old);
        }
        int a;
        if (!read_arg(r, net, &a)) return false;
        const struct node *y = &net->nodes[a];
        if (y->width == 0) return bad(r, "an attention pattern has no fixed width");
        if (heads && (y->op != OP_LINEAR || y->b.t != NULL)) return bad(r, "heads reads linear nodes without bias");
        if (x->n_args > 0 && y->width != x->width) return bad(r, "widths differ");
        x->width = y->width;
        x->args[x->n_args++] = a;
    }
    return x->n_args >= (heads ? 1 : 2) ? true : bad(r, "too few arguments");
}

static bool read_one(struct reader *r, struct net *net, struct node *x) {
    if (!read_arg(r, net, &x->args[0])) return false;
    x->n_args = 1;
    x->width = net->nodes[x->args[0]].width;
    return x->width > 0 ? true : bad(r, "an attention pattern has no fixed width");
}

static bool read_attention(struct reader *r, struct net *net, struct node *x) {
    if (!read_arg(r, net, &x->args[0])) return false;
    const struct node *a = &net->nodes[x->args[0]];
    x->n_args = 1;
    if (x->op == OP_SOFTMAX) return a->op == OP_SCORE ? true : bad(r, "softmax reads a score node");
    if (!read_arg(r, net, &x->args[1])) return false;
    const struct node *b = &net->nodes[x->args[1]];
    x->n_args = 2;
    if (b->width == 0) return bad(r, "an attention pattern has no fixed width");
    if (x->op == OP_MIX) {
        x->width = b->width;
        return a->op == OP_SOFTMAX ? true : bad(r, "mix reads a softmax node");
    }
    if (a->width != b->width) return bad(r, "widths of q and k differ");
    if (!read_int(r, &x->d)) return false;
    return x->d >= 1 ? true : bad(r, "d is 0");
}

static bool read_arguments(struct reader *r, struct net *net, struct node *x) {
    x->args = arena_get(&net->arena, 2, sizeof *x->args);
    switch (x->op) {
    case OP_EMBED:
    case OP_POSITION:
        if (!read_weight(r, net, 2, &x->w)) return false;
        x->width = x->w.cols;
        if (x->op == OP_EMBED && x->w.rows != net->vocab) return bad(r, "rows differ from the vocabulary");
        if (x->op == OP_POSITION && x->w.rows < net->ctx) return bad(r, "fewer rows than positions");
        return true;
    case OP_LINEAR:
        if (!read_one(r, net, x) || !read_weight(r, net, 2, &x->w)) return false;
        if (x->w.rows != x->width) return bad(r, "widths differ");
        x->width = x->w.cols;
        if (more(r) && !read_vector(r, net, &x->b, x->width)) return false;
        find_twins(net, x);
        return true;
    case OP_LAYERNORM:
        if (!read_one(r, net, x)) return false;
        return more(r) ? read_vector(r, net, &x->w, x->width) && read_vector(r, net, &x->b, x->width) : true;
    case OP_SCORE:
    case OP_SOFTMAX:
    case OP_MIX: return read_attention(r, net, x);
    case OP_ADD: x->args = NULL; return read_many(r, net, x, false);
    case OP_HEADS: x->args = NULL; return read_many(r, net, x, true);
    case OP_RELU:
    case OP_GELU:
    case OP_GELU_NEW:
    case OP_SILU: return read_one(r, net, x);
    case OP_COUNT: break;
    }
    return bad(r, "unknown operation");
}

static bool read_node(struct reader *r, struct net *net, struct node *x) {
    static const char *const names[OP_COUNT] = {"embed", "position", "add", "linear", "layernorm", "score", "softmax", "mix", "heads", "relu", "gelu", "gelu_new", "silu"};
    char *op;
    if (!read_name(r, &net->arena, &x->name) || !read_name(r, &net->arena, &op)) return false;
    if (net_find(net, x->name) >= 0 || net_tensor(net, x->name) != NULL) return bad(r, "name used twice");
    for (x->op = 0; x->op < OP_COUNT && strcmp(names[x->op], op) != 0;) x->op++;
    return read_arguments(r, net, x) && line_done(r);
}

static bool starts(const struct reader *r, const char *text) {
    size_t n = strlen(text);
    return (size_t)(r->end - r->at) > n && memcmp(r->at, text, n) == 0;
}

static size_t count_lines(const struct reader *r, const char *start) {
    size_t n = 0, k = strlen(start);
    for (const char *p = r->at; p < r->end; p = memchr(p, '\n', (size_t)(r->end - p)), p = p == NULL ? r->end : p + 1)
        n += (size_t)(r->end - p) > k && memcmp(p, start, k) == 0;
    return n;
}

static bool read_head(struct reader *r, struct net *net) {
    const char *s;
    size_t n;
    if (!next_line(r) || !expect(r, "weightproof-net") || !expect(r, "1") || !line_done(r)) return false;
    if (!next_line(r) || !expect(r, "tokens") || !read_int(r, &net->vocab) || !read_int(r, &net->ctx) || !line_done(r)) return false;
    if (net->vocab == 0 || net->ctx == 0) return bad(r, "no tokens");
    if (!next_line(r) || !expect(r, "mask") || !word(r, &s, &n) || !line_done(r)) return false;
    net->causal = n == 6 && memcmp(s, "causal", 6) == 0;
    if (!net->causal && !(n == 4 && memcmp(s, "none", 4) == 0)) return bad(r, "unknown mask");
    if (!next_line(r) || !expect(r, "eps") || !word(r, &s, &n) || !parse_num(r, s, n, &net->eps) || !line_done(r)) return false;
    return net->eps.m >= 0 ? true : bad(r, "eps is negative");
}

static bool read_body(struct reader *r, struct net *net) {
    net->all_binary32 = true;
    if (!read_head(r, net)) return false;
    net->tensors = arena_get(&net->arena, count_lines(r, "tensor "), sizeof *net->tensors);
    while (starts(r, "tensor ")) {
        struct tensor *t = &net->tensors[net->n_tensors++];
        if (!next_line(r) || !expect(r, "tensor") || !read_tensor(r, net, t)) return false;
        if (net->n_tensors > 1 && strcmp(t[-1].name, t->name) >= 0) return bad(r, "tensors are not in order");
    }
    size_t nodes = count_lines(r, "node ");
    if (nodes > 4096) return bad(r, "more than 4096 nodes");
    net->nodes = arena_get(&net->arena, nodes, sizeof *net->nodes);
    bool layernorm = false;
    while (starts(r, "node ")) {
        struct node x = {0};
        if (!next_line(r) || !expect(r, "node") || !read_node(r, net, &x)) return false;
        layernorm = layernorm || x.op == OP_LAYERNORM;
        net->nodes[net->n_nodes++] = x;
    }
    if (!layernorm && net->eps.m != 0) return bad(r, "eps without a layernorm node");
    char *name;
    if (!next_line(r) || !expect(r, "output") || !read_name(r, &net->arena, &name) || !line_done(r)) return false;
    net->output = net_find(net, name);
    if (net->output < 0 || net->nodes[net->output].width == 0) return bad(r, "unknown output node");
    if (!next_line(r) || !expect(r, "end") || !line_done(r)) return false;
    if (r->at != r->end) return bad(r, "bytes after the end");
    for (size_t i = 0; i < net->n_tensors; i++)
        if (!net->tensors[i].used) return fail_at(r->f, 0, ".net: tensor %.80s is not used", net->tensors[i].name);
    return true;
}

bool net_read(struct net *out, const char *text, size_t n, struct fail *f) {
    struct net net = {0};
    struct reader r = {.at = text, .end = text + n, .f = f};
    sha256_hex(net.sha256, text, n);
    if (!read_body(&r, &net)) {
        net_clear(&net);
        return false;
    }
    *out = net;
    return true;
}

void net_clear(struct net *net) {
    for (size_t i = 0; i < net->n_tensors; i++) {
        struct tensor *t = &net->tensors[i];
        for (size_t k = 0; t->x != NULL && k < t->n; k++) mpz_clear(t->x[k]);
        mem_free(t->x);
    }
    arena_free(&net->arena);
    *net = (struct net){0};
}

void dyadic_mpq(mpq_t out, struct dyadic x) {
    mpq_set_si(out, x.m, 1);
    if (x.e >= 0) mpq_mul_2exp(out, out, (mp_bitcnt_t)x.e);
    else mpq_div_2exp(out, out, (mp_bitcnt_t)-x.e);
}
