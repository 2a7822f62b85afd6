/* Networks in memory that are made from one that was read: their nodes point into its tensors, so they live no longer. */
#include "edit.h"
#include "net_read.h"
#include <stdlib.h>
#include <string.h>

int part_order(const struct part *a, const struct part *b) {
    if (a->node != b->node) return a->node < b->node ? -1 : 1;
    if (a->reader != b->reader) return a->reader < b->reader ? -1 : 1;
    if (a->entry != b->entry) return a->entry < b->entry ? -1 : 1;
    return a->steer == b->steer ? 0 : a->steer < b->steer ? -1 : 1;
}

/* length of `blocks.L.mlp.` at the start of a name, 0 where it does not start so */
static size_t mlp_prefix(const char *name) {
    if (strncmp(name, "blocks.", 7) != 0) return 0;
    size_t n = 7 + strspn(name + 7, "0123456789");
    return n > 7 && strncmp(name + n, ".mlp.", 5) == 0 ? n + 5 : 0;
}

bool is_reader_node(const struct net *net, int reader, int node) {
    size_t n = mlp_prefix(net->nodes[reader].name);
    return node == reader || (n > 0 && strncmp(net->nodes[node].name, net->nodes[reader].name, n) == 0);
}

/* The operations through which an edge passes. */
static bool passes(enum op op) { return op == OP_ADD || op == OP_HEADS || op == OP_LAYERNORM || op == OP_RMSNORM || op == OP_MUL; }

/* on[v]: v is the node of the part, or lies on a path from it through such operations; true when a node of the reader reads one of them. */
static bool walk_edge(const struct net *net, const struct part *p, unsigned char *on) {
    bool read = false;
    on[p->node] = 1;
    for (int v = p->node + 1; v < net->n_nodes; v++) {
        const struct node *x = &net->nodes[v];
        bool from = false;
        for (int a = 0; a < x->n_args; a++) from = from || on[x->args[a]];
        if (!from) continue;
        if (is_reader_node(net, p->reader, v)) read = true;
        else if (passes(x->op)) on[v] = 1;
    }
    return read;
}

bool edge_exists(const struct net *net, const struct part *p) {
    unsigned char *on = mem_get((size_t)net->n_nodes, 1);
    bool read = walk_edge(net, p, on);
    mem_free(on);
    return read;
}

/* ---- the network in the making ---- */

struct maker {
    struct edited *x;
    int readers[64], n_readers;
    unsigned char *on[64];  /* of a reader: nodes that have a copy for it */
    int *copy[64];          /* and where it is */
    size_t room;
};

static struct node *next_node(struct maker *m, const struct node *like, const char *tail, int number) {
    struct net *net = &m->x->net;
    char name[260];
    snprintf(name, sizeof name, "%.200s>%s%d", like->name, tail, number); /* no name of a network has such a sign */
    struct node *out = &net->nodes[net->n_nodes++];
    *out = *like;
    if (tail[0] != 0) out->name = arena_text(&net->arena, name, strlen(name));
    out->args = arena_get(&net->arena, (size_t)like->n_args + 2, sizeof *out->args);
    return out;
}

/* v with its inputs as `from` says */
static int put_copy(struct maker *m, int v, const int *from, const unsigned char *on, int reader) {
    const struct node *old = &m->x->base->nodes[v];
    const struct net *clean = m->x->clean;
    struct node *out = next_node(m, old, reader < 0 ? "" : "r", reader);
    if (clean != NULL && (old->op == OP_LAYERNORM || old->op == OP_RMSNORM)) {
        out->args[1] = net_find(clean, m->x->base->nodes[old->args[0]].name); /* the clean nodes come first; edited_new saw that it is there */
        out->n_args = 2;
    }
    for (int a = 0; a < old->n_args; a++) out->args[a] = on != NULL && on[old->args[a]] ? from[old->args[a]] : m->x->place[old->args[a]];
    return m->x->net.n_nodes - 1;
}

/* select x I with I in the node itself: the numbers of the tensor are not read again */
static int put_select(struct maker *m, const struct node *like, int from, const char *tail, int number, const uint32_t *index, uint32_t n) {
    struct node *out = next_node(m, like, tail, number);
    out->op = OP_SELECT;
    out->args[0] = from;
    out->n_args = 1;
    out->w = out->b = (struct weight){0};
    out->twin = NULL;
    out->width = n;
    out->d[0] = n;
    out->index = arena_get(&m->x->net.arena, n, sizeof *out->index);
    memcpy(out->index, index, n * sizeof *index);
    return m->x->net.n_nodes - 1;
}

/* What the steers of one part add: each a row of zeros, which may be given, and the sum with it. Returns the last sum, which is read in place of `at`. */
static int put_steers(struct maker *m, int v, int reader, int entry, int at) {
    struct edited *x = m->x;
    const struct node *old = &x->base->nodes[v];
    for (int i = 0; i < x->n_parts; i++) {
        struct part *p = &x->part[i];
        if (p->node != v || p->reader != reader || p->entry != entry || p->steer == 0) continue;
        struct node *zero = next_node(m, old, "s", i);
        zero->op = OP_CONSTANT; /* without a vector: zeros */
        zero->n_args = 0;
        p->at = x->net.n_nodes - 1;
        struct node *sum = next_node(m, old, "t", i);
        sum->op = OP_ADD;
        sum->args = arena_get(&x->net.arena, 2, sizeof *sum->args);
        sum->args[0] = at;
        sum->args[1] = p->at;
        sum->n_args = 2;
        zero->w = zero->b = sum->w = sum->b = (struct weight){0};
        zero->twin = sum->twin = zero->index = sum->index = NULL;
        zero->width = sum->width = entry >= 0 ? 1 : old->width;
        at = x->net.n_nodes - 1;
    }
    return at;
}

/* The neurons of node v: a select each, all of them put beside v, and the entries taken from there. */
static void put_neurons(struct maker *m, int v) {
    struct edited *x = m->x;
    const struct node *old = &x->base->nodes[v];
    uint32_t width = old->width, *index = mem_get(width, sizeof *index);
    int count = 0, *read = mem_get((size_t)x->n_parts, sizeof *read);
    for (uint32_t j = 0; j < width; j++) index[j] = j;
    for (int i = 0; i < x->n_parts; i++) {
        struct part *p = &x->part[i];
        if (p->node != v || p->entry < 0 || p->steer != 0) continue;
        p->at = put_select(m, old, x->own[v], "n", p->entry, (uint32_t[]){(uint32_t)p->entry}, 1);
        read[count] = put_steers(m, v, -1, p->entry, p->at);
        index[p->entry] = width + (uint32_t)count++;
    }
    if (count > 0) {
        struct node *both = next_node(m, old, "c", 0);
        both->op = OP_CONCAT;
        both->w = both->b = (struct weight){0};
        both->twin = NULL;
        both->n_args = count + 1;
        both->width = width + (uint32_t)count;
        both->args = arena_get(&x->net.arena, (size_t)count + 1, sizeof *both->args);
        both->args[0] = x->place[v];
        memcpy(both->args + 1, read, (size_t)count * sizeof *read);
        x->place[v] = put_select(m, old, x->net.n_nodes - 1, "j", 0, index, width);
    }
    mem_free(index);
    mem_free(read);
}

static void put_node(struct maker *m, int v) {
    struct edited *x = m->x;
    int reader = -1;
    for (int r = 0; r < m->n_readers; r++)
        if (is_reader_node(x->base, m->readers[r], v)) reader = r;
    x->own[v] = put_copy(m, v, reader < 0 ? NULL : m->copy[reader], reader < 0 ? NULL : m->on[reader], -1);
    x->place[v] = put_steers(m, v, -1, -1, x->own[v]);
    for (int r = 0; r < m->n_readers; r++) {
        if (!m->on[r][v]) continue;
        int copy = put_copy(m, v, m->copy[r], m->on[r], m->readers[r]);
        for (int i = 0; i < x->n_parts; i++)
            if (x->part[i].node == v && x->part[i].reader == m->readers[r] && x->part[i].steer == 0) x->part[i].at = copy;
        m->copy[r][v] = put_steers(m, v, m->readers[r], -1, copy);
    }
    put_neurons(m, v);
}

/* A node that is a source of one reader and lies on the path of another source of it is its own copy, not a sum of copies: both are meant. */
static bool find_paths(struct maker *m, struct fail *f) {
    const struct net *base = m->x->base;
    for (int i = 0; i < m->x->n_parts; i++) {
        const struct part *p = &m->x->part[i];
        int r = 0;
        if (p->reader < 0) continue;
        while (r < m->n_readers && m->readers[r] != p->reader) r++;
        if (r == 64) return fail_at(f, 0, "edges to more than 64 readers");
        if (r == m->n_readers) {
            m->readers[m->n_readers++] = p->reader;
            m->on[r] = mem_get((size_t)base->n_nodes, 1);
            m->copy[r] = mem_get((size_t)base->n_nodes, sizeof **m->copy);
        }
        unsigned char *on = mem_get((size_t)base->n_nodes, 1);
        bool read = walk_edge(base, p, on);
        for (int v = 0; v < base->n_nodes; v++) m->on[r][v] |= on[v];
        mem_free(on);
        if (!read) return fail_at(f, 0, "the network has no edge from %.80s to %.80s", base->nodes[p->node].name, base->nodes[p->reader].name);
    }
    return true;
}

static bool put_clean(struct maker *m, struct fail *f) {
    const struct net *clean = m->x->clean, *base = m->x->base;
    for (int v = 0; v < base->n_nodes; v++) {
        bool norm = base->nodes[v].op == OP_LAYERNORM || base->nodes[v].op == OP_RMSNORM;
        if (norm && net_find(clean, base->nodes[base->nodes[v].args[0]].name) < 0) return fail_at(f, 0, "a norm without its like in the unchanged network");
    }
    for (int v = 0; v < clean->n_nodes; v++) {
        struct node *out = next_node(m, &clean->nodes[v], "u", 0);
        if (out->n_args > 0) memcpy(out->args, clean->nodes[v].args, (size_t)out->n_args * sizeof *out->args);
    }
    m->x->net.all_binary32 = base->all_binary32 && clean->all_binary32;
    return true;
}

static void add_part(struct edited *x, struct part q) {
    for (int i = 0; i < x->n_parts; i++)
        if (part_order(&x->part[i], &q) == 0) return;
    x->part = mem_grow(x->part, (size_t)x->n_parts, (size_t)x->n_parts + 1, sizeof *x->part);
    x->part[x->n_parts++] = q;
}

/* Every copy for a reader is a part, so that a change of the whole node reaches it; every part of a steered node has its share. */
static void add_implied(struct maker *m) {
    struct edited *x = m->x;
    for (int r = 0; r < m->n_readers; r++)
        for (int v = 0; v < x->base->n_nodes; v++)
            if (m->on[r][v]) add_part(x, (struct part){.node = v, .reader = m->readers[r], .entry = -1});
    for (int i = 0; i < x->n_asked; i++) {
        struct part s = x->part[i];
        if (s.steer == 0 || s.reader >= 0 || s.entry >= 0) continue;
        for (int k = 0, n = x->n_parts; k < n; k++)
            if (x->part[k].node == s.node && x->part[k].steer == 0)
                add_part(x, (struct part){.node = s.node, .reader = x->part[k].reader, .entry = x->part[k].entry, .steer = s.steer});
    }
}

struct edited *edited_new(const struct net *base, const struct net *clean, const struct part *part, int n_parts, struct fail *f) {
    struct edited *x = mem_get(1, sizeof *x);
    struct maker m = {.x = x};
    x->base = base;
    x->clean = clean;
    x->n_parts = x->n_asked = n_parts;
    x->part = mem_get((size_t)n_parts, sizeof *x->part);
    if (n_parts > 0) memcpy(x->part, part, (size_t)n_parts * sizeof *part);
    x->place = mem_get((size_t)base->n_nodes, sizeof *x->place);
    x->own = mem_get((size_t)base->n_nodes, sizeof *x->own);
    x->net = *base;
    x->net.arena = (struct arena){0};
    x->net.n_nodes = 0;
    bool good = find_paths(&m, f);
    if (good) add_implied(&m);
    uint64_t room = (uint64_t)base->n_nodes * ((uint64_t)m.n_readers + 3) + 2 * (uint64_t)x->n_parts + (clean != NULL ? (uint64_t)clean->n_nodes : 0);
    if (good && room > 1 << 24) good = fail_at(f, 0, "an edited network of too many nodes");
    if (good) x->net.nodes = arena_get(&x->net.arena, room, sizeof *x->net.nodes);
    if (good && clean != NULL) good = put_clean(&m, f);
    for (int v = 0; good && v < base->n_nodes; v++) put_node(&m, v);
    if (good) x->net.output = x->place[base->output];
    for (int r = 0; r < m.n_readers; r++) {
        mem_free(m.on[r]);
        mem_free(m.copy[r]);
    }
    if (good) return x;
    edited_free(x);
    return NULL;
}

void edited_free(struct edited *x) {
    if (x == NULL) return;
    arena_free(&x->net.arena);
    mem_free(x->part);
    mem_free(x->place);
    mem_free(x->own);
    mem_free(x);
}

/* ---- other tensors ---- */

/* An exact number m 2^e that is a binary64 number: at most 53 bits, none below 2^-1074. */
bool num_dyadic(const struct num *x, struct dyadic *out) {
    *out = (struct dyadic){0, 0};
    if (!num_exact(x)) return false;
    if (mpq_sgn(x->q) == 0) return true;
    mp_bitcnt_t up = mpz_scan1(mpq_numref(x->q), 0), down = mpz_scan1(mpq_denref(x->q), 0);
    if (mpz_sizeinbase(mpq_denref(x->q), 2) != down + 1 || mpz_sizeinbase(mpq_numref(x->q), 2) - up > 53 || up > 1023 || down > 1074) return false;
    if (mpz_sizeinbase(mpq_numref(x->q), 2) > 1024 + down) return false;
    mpz_t m;
    mpz_init(m);
    mpz_tdiv_q_2exp(m, mpq_numref(x->q), up);
    *out = (struct dyadic){mpz_get_si(m), (int)up - (int)down};
    mpz_clear(m);
    return true;
}

static void fill_tensor(struct net *net, struct tensor *t, const struct dyadic *v) {
    t->v = arena_get(&net->arena, t->n, sizeof *t->v);
    memcpy(t->v, v, t->n * sizeof *v);
    t->scale = 0;
    for (size_t i = 0; i < t->n; i++)
        if (v[i].e < -(int)t->scale) t->scale = (unsigned)-v[i].e;
    t->x = mem_get(t->n, sizeof *t->x);
    for (size_t i = 0; i < t->n; i++) {
        mpz_init_set_si(t->x[i], v[i].m);
        mpz_mul_2exp(t->x[i], t->x[i], (mp_bitcnt_t)(v[i].e + (int)t->scale));
    }
}

struct net *net_with_tensors(const struct net *base, struct dyadic *const *values, struct fail *f) {
    struct net *net = mem_get(1, sizeof *net);
    *net = *base;
    net->arena = (struct arena){0};
    net->all_binary32 = true;
    net->tensors = arena_get(&net->arena, base->n_tensors, sizeof *net->tensors);
    net->nodes = arena_get(&net->arena, (size_t)base->n_nodes, sizeof *net->nodes);
    for (size_t k = 0; k < base->n_tensors; k++) {
        struct tensor *t = &net->tensors[k];
        *t = base->tensors[k];
        if (values[k] != NULL) fill_tensor(net, t, values[k]);
        for (size_t i = 0; i < t->n; i++) net->all_binary32 = net->all_binary32 && dyadic_is_binary32(t->v[i]);
    }
    bool good = true;
    for (int i = 0; i < base->n_nodes; i++) {
        struct node *x = &net->nodes[i];
        *x = base->nodes[i];
        struct weight *w[] = {&x->w, &x->b};
        bool changed = false;
        for (int k = 0; k < 2; k++) {
            if (w[k]->t == NULL) continue;
            size_t which = (size_t)(w[k]->t - base->tensors);
            w[k]->t = &net->tensors[which];
            changed = changed || values[which] != NULL;
        }
        if (changed && x->index != NULL) good = fail_at(f, 0, "a tensor of indices is replaced");
        if (changed && x->op == OP_LINEAR) node_find_twins(&net->arena, x);
    }
    if (good) return net;
    net_copy_free(net, base);
    return NULL;
}

void net_copy_free(struct net *net, const struct net *base) {
    for (size_t k = 0; k < net->n_tensors; k++) {
        struct tensor *t = &net->tensors[k];
        if (t->x == base->tensors[k].x) continue; /* borrowed */
        for (size_t i = 0; i < t->n; i++) mpz_clear(t->x[i]);
        mem_free(t->x);
    }
    arena_free(&net->arena);
    mem_free(net);
}
