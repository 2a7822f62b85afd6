#include "net_read.h"
#include <stdlib.h>
#include <string.h>

bool net_bad(struct reader *r, const char *what) { return fail_at(r->f, 0, ".net line %d: %s", r->line, what); }

static bool next_line(struct reader *r) {
    if (r->at == r->end) return net_bad(r, "the file ends too early");
    const char *nl = memchr(r->at, '\n', (size_t)(r->end - r->at));
    r->line++;
    if (nl == NULL) return net_bad(r, "no newline at the end");
    if (nl == r->at) return net_bad(r, "empty line");
    for (const char *p = r->at; p < nl; p++)
        if (*p < 32 || *p > 126) return net_bad(r, "a byte that is not printable ASCII");
    r->w = r->at;
    r->line_end = nl;
    r->at = nl + 1;
    return true;
}

/* The next token of the line: tokens are separated by exactly one space. */
bool net_word(struct reader *r, const char **s, size_t *n) {
    if (r->w == NULL || r->w > r->line_end) return net_bad(r, "the line ends too early");
    const char *space = memchr(r->w, ' ', (size_t)(r->line_end - r->w));
    const char *stop = space != NULL ? space : r->line_end;
    *s = r->w;
    *n = (size_t)(stop - r->w);
    if (*n == 0) return net_bad(r, "a space too many");
    r->w = stop + 1;
    return true;
}

bool net_more(const struct reader *r) { return r->w <= r->line_end; }
bool net_line_done(struct reader *r) { return net_more(r) ? net_bad(r, "the line is too long") : true; }

static bool expect(struct reader *r, const char *text) {
    const char *s;
    size_t n;
    if (!net_word(r, &s, &n)) return false;
    return (n == strlen(text) && memcmp(s, text, n) == 0) ? true : fail_at(r->f, 0, ".net line %d: '%s' expected", r->line, text);
}

bool net_parse_int(struct reader *r, const char *s, size_t n, uint32_t *out) {
    if (n == 0 || n > 10 || (n > 1 && s[0] == '0')) return net_bad(r, "not an integer");
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return net_bad(r, "not an integer");
        v = 10 * v + (uint64_t)(s[i] - '0');
    }
    if (v > INT32_MAX) return net_bad(r, "integer too large");
    *out = (uint32_t)v;
    return true;
}

bool net_read_int(struct reader *r, uint32_t *out) {
    const char *s = NULL;
    size_t n = 0;
    return net_word(r, &s, &n) && net_parse_int(r, s, n, out);
}

bool net_is_name(const char *s, size_t n) {
    if (n == 0 || n > 200) return false;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!(letter || (i > 0 && ((c >= '0' && c <= '9') || c == '.')))) return false;
    }
    return true;
}

bool net_read_name(struct reader *r, struct arena *a, char **out) {
    const char *s;
    size_t n;
    if (!net_word(r, &s, &n)) return false;
    if (!net_is_name(s, n)) return net_bad(r, "not a name");
    *out = arena_text(a, s, n);
    return true;
}

/* num = 0 | [-]0x1[.H]p[-]E, the only spelling of a binary64 value (NETWORK.md §1). */
const char *dyadic_parse(const char *s, size_t n, struct dyadic *out) {
    *out = (struct dyadic){0, 0};
    if (n == 1 && s[0] == '0') return NULL;
    const char *end = s + n;
    bool negative = n > 0 && *s == '-';
    if (negative) s++;
    if (end - s < 5 || memcmp(s, "0x1", 3) != 0) return "not a number";
    s += 3;
    int64_t m = 1;
    int digits = 0;
    if (*s == '.') {
        for (s++; s < end && *s != 'p'; s++, digits++) {
            int h = *s >= '0' && *s <= '9' ? *s - '0' : *s >= 'a' && *s <= 'f' ? *s - 'a' + 10 : -1;
            if (h < 0 || digits == 13) return "not a number";
            m = 16 * m + h;
        }
        if (digits == 0 || m % 16 == 0) return "number not in canonical form";
    }
    if (s >= end || *s != 'p') return "not a number";
    s++;
    bool minus = s < end && *s == '-';
    if (minus) s++;
    if (s == end || end - s > 4 || (end - s > 1 && s[0] == '0')) return "not an exponent";
    int e = 0;
    for (; s < end; s++) {
        if (*s < '0' || *s > '9') return "not an exponent";
        e = 10 * e + (*s - '0');
    }
    if (e > 1074 || (!minus && e > 1023) || (minus && e == 0)) return "exponent out of range";
    int exponent = (minus ? -e : e) - 4 * digits;
    while (m % 2 == 0) {
        m /= 2;
        exponent++;
    }
    if (exponent < -1074) return "not a binary64 number";
    *out = (struct dyadic){negative ? -m : m, exponent};
    return NULL;
}

static bool parse_num(struct reader *r, const char *s, size_t n, struct dyadic *out) {
    const char *why = dyadic_parse(s, n, out);
    return why == NULL ? true : net_bad(r, why);
}

bool dyadic_is_binary32(struct dyadic x) {
    int64_t m = x.m < 0 ? -x.m : x.m;
    if (m == 0) return true;
    int bits = 0;
    for (int64_t y = m; y > 0; y /= 2) bits++;
    return bits <= 24 && x.e >= -149 && x.e + bits <= 128;
}

static bool read_tensor(struct reader *r, struct net *net, struct tensor *t) {
    if (!net_read_name(r, &net->arena, &t->name)) return false;
    size_t left = (size_t)(r->end - r->at); /* every entry takes at least two bytes of the file */
    size_t n = 1;
    while (net_more(r)) {
        if (t->rank == 3) return net_bad(r, "more than three dimensions");
        uint32_t d;
        if (!net_read_int(r, &d)) return false;
        if (d == 0) return net_bad(r, "a dimension is 0");
        if (d > left / 2 / n) return net_bad(r, "the tensor is larger than the file");
        n *= d;
        t->d[t->rank++] = d;
    }
    if (t->rank == 0) return net_bad(r, "no dimensions");
    t->n = n;
    t->v = arena_get(&net->arena, n, sizeof *t->v);
    uint32_t cols = t->d[t->rank - 1];
    for (size_t i = 0; i < n; i++) {
        const char *s;
        size_t len;
        if (i % cols == 0 && !next_line(r)) return false;
        if (!net_word(r, &s, &len) || !parse_num(r, s, len, &t->v[i])) return false;
        if (i % cols == cols - 1 && !net_line_done(r)) return false;
        if (!dyadic_is_binary32(t->v[i])) net->all_binary32 = false;
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

bool net_takes(const struct net *n, const int64_t *tokens, int64_t length) {
    if (n == NULL || n->reals || length <= 0 || length > (int64_t)n->ctx) return false;
    for (int64_t i = 0; i < length; i++)
        if (tokens[i] < 0 || tokens[i] >= (int64_t)n->vocab) return false;
    return true;
}

int net_find(const struct net *net, const char *name) {
    for (int i = 0; i < net->n_nodes; i++)
        if (strcmp(net->nodes[i].name, name) == 0) return i;
    return -1;
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

/* mask causal|none [pad TOKEN] */
static bool read_mask(struct reader *r, struct net *net) {
    const char *s;
    size_t n;
    uint32_t pad;
    if (!next_line(r) || !expect(r, "mask") || !net_word(r, &s, &n)) return false;
    net->causal = n == 6 && memcmp(s, "causal", 6) == 0;
    if (!net->causal && !(n == 4 && memcmp(s, "none", 4) == 0)) return net_bad(r, "unknown mask");
    net->pad = -1;
    if (!net_more(r)) return true;
    if (!expect(r, "pad") || !net_read_int(r, &pad) || !net_line_done(r)) return false;
    net->pad = (int64_t)pad;
    return pad < net->vocab ? true : net_bad(r, net->reals ? "pad needs tokens" : "pad is not in the vocabulary");
}

static bool read_head(struct reader *r, struct net *net) {
    const char *s;
    size_t n;
    uint32_t size;
    if (!next_line(r) || !expect(r, "weightproof-net") || !expect(r, "1") || !net_line_done(r)) return false;
    if (!next_line(r) || !net_word(r, &s, &n) || !net_read_int(r, &size) || !net_read_int(r, &net->ctx) || !net_line_done(r)) return false;
    net->reals = n == 5 && memcmp(s, "reals", 5) == 0;
    if (!net->reals && !(n == 6 && memcmp(s, "tokens", 6) == 0)) return net_bad(r, "'tokens' or 'reals' expected");
    if (size == 0 || net->ctx == 0) return net_bad(r, "no inputs");
    if (net->reals) net->in_width = size;
    else net->vocab = size;
    if (!read_mask(r, net)) return false;
    if (!next_line(r) || !expect(r, "eps") || !net_word(r, &s, &n) || !parse_num(r, s, n, &net->eps) || !net_line_done(r)) return false;
    return net->eps.m >= 0 ? true : net_bad(r, "eps is negative");
}

static bool read_body(struct reader *r, struct net *net) {
    net->all_binary32 = true;
    if (!read_head(r, net)) return false;
    net->tensors = arena_get(&net->arena, count_lines(r, "tensor "), sizeof *net->tensors);
    while (starts(r, "tensor ")) {
        struct tensor *t = &net->tensors[net->n_tensors++];
        if (!next_line(r) || !expect(r, "tensor") || !read_tensor(r, net, t)) return false;
        if (net->n_tensors > 1 && strcmp(t[-1].name, t->name) >= 0) return net_bad(r, "tensors are not in order");
    }
    size_t nodes = count_lines(r, "node ");
    if (nodes > 4096) return net_bad(r, "more than 4096 nodes");
    net->nodes = arena_get(&net->arena, nodes, sizeof *net->nodes);
    bool norm = false;
    while (starts(r, "node ")) {
        struct node x = {0};
        if (!next_line(r) || !expect(r, "node") || !net_read_node(r, net, &x)) return false;
        norm = norm || x.op == OP_LAYERNORM || x.op == OP_RMSNORM;
        net->nodes[net->n_nodes++] = x;
    }
    if (!norm && net->eps.m != 0) return net_bad(r, "eps without a layernorm or rmsnorm node");
    char *name;
    if (!next_line(r) || !expect(r, "output") || !net_read_name(r, &net->arena, &name) || !net_line_done(r)) return false;
    net->output = net_find(net, name);
    if (net->output < 0 || net->nodes[net->output].width == 0) return net_bad(r, "unknown output node");
    if (!next_line(r) || !expect(r, "end") || !net_line_done(r)) return false;
    if (r->at != r->end) return net_bad(r, "bytes after the end");
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
