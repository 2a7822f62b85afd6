/* Batches of sequences (fast_lanes.h): which lanes share a row, and rows that are kept. */
#include "fast_lanes.h"
#include <string.h>

static bool reads_position(uint64_t reads, uint32_t i) { return (reads >> (i < 62 ? i : 62) & 1) != 0; }

static bool agree(const struct fnet *w, uint64_t reads, const int64_t *a, const int64_t *b) {
    for (uint32_t i = 0; i < w->n; i++)
        if (reads_position(reads, i) && a[i] != b[i]) return false;
    return true;
}

static uint32_t class_of(struct lanes *d, uint64_t reads) {
    for (uint32_t c = 0; c < d->n_classes; c++)
        if (d->classes[c].reads == reads) return c;
    d->classes[d->n_classes].reads = reads;
    return d->n_classes++;
}

/* ---- set-up ---- */

static bool *needed_nodes(const struct net *net) {
    bool *needed = mem_get((size_t)net->n_nodes, sizeof *needed);
    needed[net->output] = true;
    for (int k = net->n_nodes - 1; k >= 0; k--)
        for (int a = 0; needed[k] && a < net->nodes[k].n_args; a++) needed[net->nodes[k].args[a]] = true;
    return needed;
}

/* Only unchanged runs and those with given rows. */
static bool prepare(struct fnet *w) {
    const struct net *net = w->net;
    struct lanes *d = w->lanes;
    bool *needed = needed_nodes(net);
    bool good = w->wide != NULL && w->other == NULL && w->from == NULL && net->n_nodes <= 2000 && net->nodes[net->output].width > 0;
    for (int k = 0; good && k < net->n_nodes; k++) {
        d->ready[k] = w->token_only[k] || (lanes_takes(&net->nodes[k]) && lanes_weights(w, k));
        good = d->ready[k] || !needed[k];
    }
    mem_free(needed);
    if (!good) return false;
    size_t rows = (size_t)net->n_nodes * w->n;
    d->acc_n = (w->acc_n + 7) / 8 * 8;
    d->acc = mem_get((size_t)LANES * d->acc_n, sizeof *d->acc);
    d->tokens = mem_get((size_t)LANES * w->n, sizeof *d->tokens);
    d->before = mem_get(w->n, sizeof *d->before);
    d->classes = mem_get(rows, sizeof *d->classes);
    d->blocks = mem_get(rows, sizeof *d->blocks);
    d->table = mem_get((size_t)net->n_nodes, sizeof *d->table);
    d->exps = mem_get((size_t)net->n_nodes, sizeof *d->exps);
    for (size_t k = 0; k < rows; k++) d->blocks[k].of_class = class_of(d, w->reads[k]);
    return true;
}

static void block_clear(struct lblock *b) { mem_free(b->room); }

void lanes_free(struct fnet *w) {
    struct lanes *d = w->lanes;
    if (d == NULL) return;
    for (size_t k = 0; d->blocks != NULL && k < (size_t)w->net->n_nodes * w->n; k++) block_clear(&d->blocks[k]);
    for (int k = 0; k < w->net->n_nodes; k++) {
        for (size_t i = 0; d->table != NULL && d->table[k] != NULL && i < (size_t)w->n * w->net->vocab; i++) mem_free(d->table[k][i].m);
        if (d->table != NULL) mem_free(d->table[k]);
        if (d->exps != NULL) mem_free(d->exps[k].at);
        if (d->exps != NULL) mem_free(d->exps[k].rad);
        mem_free(d->weight[k].panel);
        mem_free(d->weight[k].gain);
    }
    void *all[] = {d->tokens, d->before, d->classes, d->blocks, d->table, d->exps, d->weight, d->ready, d->acc, d};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    w->lanes = NULL;
}

/* ---- batches ---- */

static void set_class(const struct fnet *w, struct lclass *c) {
    const struct lanes *d = w->lanes;
    uint32_t n = w->n, slots = c->slots;
    c->slots = 0;
    for (uint32_t l = 0; l < d->many; l++) {
        uint32_t s = c->slots;
        while (s > 0 && !agree(w, c->reads, d->tokens + (size_t)l * n, d->tokens + (size_t)c->lane[s - 1] * n)) s--; /* neighbours agree most */
        if (s == 0) c->lane[(s = ++c->slots) - 1] = (unsigned char)l;
        c->of[l] = (unsigned char)(s - 1);
    }
    c->kept = slots == 1 && c->slots == 1 && agree(w, c->reads, d->before, d->tokens);
}

bool lanes_set(struct fnet *w, const int64_t *const *tokens, uint32_t many) {
    struct lanes *d = w->lanes;
    if (d == NULL) {
        d = w->lanes = mem_get(1, sizeof *d);
        d->weight = mem_get((size_t)w->net->n_nodes, sizeof *d->weight);
        d->ready = mem_get((size_t)w->net->n_nodes, sizeof *d->ready);
        d->able = prepare(w);
    }
    if (!d->able || many == 0 || many > LANES) return false;
    for (uint32_t l = 0; l < many; l++)
        if (!net_takes(w->net, tokens[l], w->n)) return false;
    memcpy(d->before, d->tokens, w->n * sizeof *d->before); /* before the first batch no class has a slot */
    for (uint32_t l = 0; l < many; l++) memcpy(d->tokens + (size_t)l * w->n, tokens[l], w->n * sizeof *d->tokens);
    d->many = many;
    d->last = 0;
    for (uint32_t c = 0; c < d->n_classes; c++) set_class(w, &d->classes[c]);
    for (size_t k = 0; k < (size_t)w->net->n_nodes * w->n; k++) d->blocks[k].made = d->blocks[k].made && d->classes[d->blocks[k].of_class].kept;
    return true;
}

/* ---- rows ---- */

static void narrow(struct frow *out, const struct frow *wide, uint32_t width) {
    out->known = wide != NULL && wide->known && lanes_store(out, wide->wide, width, wide->F, loop_largest_sum(wide->wide, width), wide->rad, wide->rad2);
    out->total = out->rad * width;
}

struct frow *lanes_token_row(struct fnet *w, int node, uint32_t i, int64_t token) {
    struct lanes *d = w->lanes;
    uint32_t width = w->net->nodes[node].width;
    if (d->table[node] == NULL) d->table[node] = mem_get((size_t)w->n * w->net->vocab, sizeof **d->table);
    struct frow *r = &d->table[node][(size_t)i * w->net->vocab + (size_t)token];
    if (!r->known && !r->failed) {
        r->m = mem_get(width, sizeof *r->m);
        narrow(r, fnet_token_row(w, node, i, token), width);
        r->failed = !r->known;
    }
    return r->known ? r : NULL;
}

static void own_room(struct lblock *b, uint32_t width) {
    if (b->room != NULL) return;
    b->room = mem_get((size_t)LANES * width, sizeof *b->room);
    for (uint32_t s = 0; s < LANES; s++) b->own[s].m = b->room + (size_t)s * width;
}

static struct lblock *block_at(struct fnet *w, int node, uint32_t i);

/* The blocks that row i of a node is made of. */
static void make_arguments(struct fnet *w, const struct node *x, uint32_t i) {
    if (x->op == OP_SOFTMAX) x = &w->net->nodes[x->args[0]];
    for (int a = 0; a < x->n_args; a++) {
        bool sources = (x->op == OP_SCORE || x->op == OP_MIX) && a == 1;
        for (uint32_t j = sources ? 0 : i, end = sources ? fnet_sources(w, i) : i + 1; j < end; j++) (void)block_at(w, x->args[a], j);
    }
}

static void make_block(struct fnet *w, int node, uint32_t i, struct lblock *b) {
    const struct node *x = &w->net->nodes[node];
    const struct lclass *c = &w->lanes->classes[b->of_class];
    size_t k = (size_t)node * w->n + i;
    uint32_t width = x->width == 0 ? w->n : x->width;
    b->made = true;
    memset(b->row, 0, sizeof b->row);
    if (w->token_only[node] && !w->is_fixed[k]) {
        for (uint32_t s = 0; s < c->slots; s++) b->row[s] = lanes_token_row(w, node, i, w->lanes->tokens[(size_t)c->lane[s] * w->n + i]);
        return;
    }
    if (x->op == OP_ROW && !w->is_fixed[k]) {
        for (uint32_t s = 0; x->d[0] < w->n && s < c->slots; s++) b->row[s] = lanes_row(w, x->args[0], x->d[0], c->lane[s]);
        return;
    }
    own_room(b, width);
    if (!w->is_fixed[k] && !w->lanes->ready[node]) return;
    if (w->is_fixed[k]) {
        narrow(&b->own[0], &w->rows[k], width);
        if (b->own[0].known) b->row[0] = &b->own[0];
        return;
    }
    make_arguments(w, x, i);
    if (x->op == OP_LINEAR) lanes_linear(w, node, i, c, b);
    else
        for (uint32_t s = 0; s < c->slots; s++)
            if (lanes_make(w, node, i, c->lane[s], &b->own[s])) b->row[s] = &b->own[s];
}

/* Recursion is over earlier nodes only, of which there are at most 2000. */
static struct lblock *block_at(struct fnet *w, int node, uint32_t i) {
    struct lblock *b = &w->lanes->blocks[(size_t)node * w->n + i];
    if (!b->made) make_block(w, node, i, b);
    return b;
}

struct frow *lanes_row(struct fnet *w, int node, uint32_t i, uint32_t lane) {
    const struct lblock *b = block_at(w, node, i);
    return b->row[w->lanes->classes[b->of_class].of[lane]];
}

struct frow *lanes_output(struct fnet *w, const int64_t *tokens, uint32_t row) {
    struct lanes *d = w->lanes;
    if (d == NULL || !d->able) return NULL;
    for (uint32_t k = 0; k < d->many; k++) {
        uint32_t l = (d->last + k) % d->many;
        if (memcmp(d->tokens + (size_t)l * w->n, tokens, w->n * sizeof *tokens) != 0) continue;
        d->last = l;
        return lanes_row(w, w->net->output, row, l);
    }
    return NULL;
}
