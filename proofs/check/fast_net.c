/* The rows of one network that are kept from one sequence to the next. */
#include "fast_lanes.h"
#include <string.h>

#define F_MOST 50
#define NETWORK_MOST 2000

/* acc at 2^-F, each within err: into `limit` bits. The shift rounds down: one unit, and one for the shift of err. */
bool frow_store(struct frow *r, const int64_t *acc, uint32_t n, int F, int64_t err, int limit) {
    int shift = bits_of((uint64_t)loop_largest_sum(acc, n)) - limit;
    if (shift < F - F_MOST) shift = F - F_MOST;
    if (shift < 0) shift = 0;
    if (shift > 62 || err < 0 || (err >> shift) > RADIUS_MOST || F - shift < -20) return false;
    loop_shift(r->m, acc, n, shift);
    r->F = F - shift;
    r->rad = (err >> shift) + (shift > 0 ? 2 : 0);
    return true;
}

int64_t frow_most(struct frow *r, uint32_t width) {
    if (r->most < 0) r->most = loop_largest(r->m, width);
    return r->most;
}

int64_t frow_sum(struct frow *r, uint32_t width) {
    if (r->sum < 0) r->sum = loop_sum_size(r->m, width);
    return r->sum;
}

/* enclosures with p fractional bits into a row */
static bool from_nums(struct frow *r, const struct num *x, uint32_t n, unsigned p, int64_t *acc, int limit) {
    size_t bits = 0;
    mpz_t t;
    mpz_init(t);
    for (uint32_t j = 0; j < n; j++) {
        size_t a = mpz_sizeinbase(LO(&x[j]), 2), b = mpz_sizeinbase(HI(&x[j]), 2);
        bits = a > bits ? a : bits;
        bits = b > bits ? b : bits;
    }
    mp_bitcnt_t drop = bits > 40 ? bits - 40 : 0;
    if (p > F_MOST && drop < p - F_MOST) drop = p - F_MOST; /* small numbers, and 0: more digits than a row can have */
    int64_t err = 1;
    bool good = true;
    for (uint32_t j = 0; j < n; j++) {
        mpz_fdiv_q_2exp(t, LO(&x[j]), drop);
        acc[j] = mpz_get_si(t);
        mpz_sub(t, HI(&x[j]), LO(&x[j]));
        mpz_cdiv_q_2exp(t, t, drop);
        good = good && mpz_sizeinbase(t, 2) < 50;
        int64_t e = good ? mpz_get_si(t) + 1 : 0;
        err = e > err ? e : err;
    }
    mpz_clear(t);
    return good && bits < 400 && frow_store(r, acc, n, (int)p - (int)drop, err, limit);
}

bool weight_fixed(const struct weight *w, int64_t **out, int *F, int limit, int scale_most) {
    size_t n = (size_t)w->rows * w->cols, bits = 0;
    for (size_t i = 0; i < n; i++) {
        size_t b = mpz_sizeinbase(w->t->x[w->at + i], 2);
        bits = b > bits ? b : bits;
    }
    *F = limit - (int)bits + (int)w->t->scale;
    if (*F > scale_most) *F = scale_most;
    if (*F < -20) return false;
    *out = mem_get(n, sizeof **out);
    mpz_t t;
    mpz_init(t);
    for (size_t i = 0; i < n; i++) {
        mpz_mul_2exp(t, w->t->x[w->at + i], (mp_bitcnt_t)(*F + 20));
        mpz_fdiv_q_2exp(t, t, w->t->scale + 20ul);
        (*out)[i] = mpz_get_si(t);
    }
    mpz_clear(t);
    return true;
}

static bool fixed_weight(const struct weight *w, int32_t **out, int *F, int limit) {
    size_t n = (size_t)w->rows * w->cols;
    int64_t *entry;
    if (!weight_fixed(w, &entry, F, limit, F_MOST)) return false;
    *out = mem_get(n, sizeof **out);
    for (size_t i = 0; i < n; i++) (*out)[i] = (int32_t)entry[i];
    mem_free(entry);
    return true;
}

static uint64_t position_bit(uint32_t i) { return (uint64_t)1 << (i < 62 ? i : 62); }
#define OTHER_BIT ((uint64_t)1 << 63)

/* sized: under float32 */
static bool prepare(struct fweight *x, const struct node *node, int limit, bool sized) {
    if (node->op == OP_SCORE) x->inverse = (int64_t)root_down(((unsigned __int128)1 << 80) / node->d[0]);
    if (node->w.t != NULL && (node->op == OP_LINEAR || node->op == OP_LAYERNORM || node->op == OP_RMSNORM)) {
        if (!fixed_weight(&node->w, &x->w, &x->F, limit)) return false;
        x->rows = node->w.rows;
        x->cols = node->w.cols;
        for (uint32_t j = 0; j < x->cols; j++) {
            int64_t sum = 0;
            for (uint32_t k = 0; k < x->rows; k++) sum += size_of(x->w[(size_t)k * x->cols + j]);
            x->column = sum > x->column ? sum : x->column;
        }
        if (sized) x->size = mem_get((size_t)x->rows * x->cols, sizeof *x->size);
        for (size_t i = 0; sized && i < (size_t)x->rows * x->cols; i++) x->size[i] = (int32_t)size_of(x->w[i]) + 1;
    }
    return node->b.t == NULL || fixed_weight(&node->b, &x->b, &x->bF, limit);
}

static bool is_taken(const struct fnet *w, int node, uint32_t i) { return w->from != NULL && w->from[(size_t)node * w->n + i].net != NULL; }

/* The positions that row i of a node depends on. Which sources a pattern may read depends on the tokens too when there is a pad. */
static uint64_t row_reads(const struct fnet *w, const struct node *x, uint32_t i) {
    int node = (int)(x - w->net->nodes);
    if (is_taken(w, node, i)) return OTHER_BIT;
    if (w->is_fixed[(size_t)node * w->n + i]) return 0;
    uint64_t all = x->op == OP_EMBED ? position_bit(i) : 0;
    uint32_t sources = w->net->causal ? i + 1 : w->n;
    for (int a = 0; a < x->n_args; a++) {
        const uint64_t *reads = w->reads + (size_t)x->args[a] * w->n;
        if (x->op == OP_ROW) all |= x->d[0] < w->n ? reads[x->d[0]] : 0;
        else if ((x->op == OP_SCORE || x->op == OP_MIX) && a == 1)
            for (uint32_t j = 0; j < sources; j++) all |= reads[j] | (w->net->pad >= 0 ? position_bit(j) : 0);
        else all |= reads[i];
    }
    return all;
}

int fnet_place(const struct fnet *w, int node) { return w->folded != NULL ? w->folded->place[node] : node; }

static void row_room(struct frow *r, uint32_t width, const struct fnet *w, bool linear) {
    if (w->wide != NULL) r->wide = mem_get(width, sizeof *r->wide);
    else r->m = mem_get(width, sizeof *r->m);
    if (w->float32) r->r = mem_get(width, sizeof *r->r);
    if (!w->float32 || !linear) return;
    r->exact = mem_get(width, sizeof *r->exact);
    r->size = mem_get(width, sizeof *r->size);
}

/* Enclosures of 128 fractional bits into a row. Of a pattern the errors add up to at most the total. */
static bool enclosed(struct fnet *w, struct frow *r, const struct num *x, uint32_t width) {
    if (!(w->wide != NULL ? wide_from_nums(w, r, x, width, 128) : from_nums(r, x, width, 128, w->acc, w->bits))) return false;
    r->total = r->rad * width;
    r->most = r->sum = -1;
    return true;
}

/* Rows that are given: of every sequence. */
static bool set_fixed(struct fnet *w, const struct patch *patches, int n_patches) {
    bool good = true;
    for (int k = 0; k < n_patches; k++) {
        const struct patch *q = &patches[k];
        int node = fnet_place(w, q->node);
        run_add_patch(&w->fixed, node, q->lo, q->hi, q->width, q->values);
        for (int i = q->lo; good && i <= q->hi; i++) {
            struct num *x = mem_get(q->width, sizeof *x);
            struct frow *r = &w->rows[(size_t)node * w->n + (uint32_t)i];
            if (r->m == NULL && r->wide == NULL) row_room(r, q->width, w, false);
            for (uint32_t j = 0; j < q->width; j++) {
                num_init(&x[j]);
                num_to_real(&x[j], &q->values[(size_t)(i - q->lo) * q->width + j], 128);
            }
            good = enclosed(w, r, x, q->width);
            for (uint32_t j = 0; j < q->width; j++) num_clear(&x[j]);
            mem_free(x);
            r->known = good; /* of several changes of a row the last counts: it comes last */
        }
    }
    return good;
}

/* The folded network, where there is one, and `from` by its nodes. */
static void fold_network(struct fnet *w, const struct net *net, const struct patch *patches, int n_patches) {
    unsigned char *kept = mem_get((size_t)net->n_nodes, 1);
    for (int k = 0; k < n_patches; k++) kept[patches[k].node] = KEPT_GIVEN;
    for (size_t i = 0; w->from != NULL && i < (size_t)net->n_nodes * w->n; i++)
        if (w->from[i].net != NULL) kept[i / w->n] = KEPT_TAKEN;
    w->folded = w->float32 || net->reals ? NULL : fold_new(net, w->n, kept);
    mem_free(kept);
    if (w->folded == NULL) return;
    w->net = &w->folded->net;
    if (w->from == NULL) return;
    struct fsource *old = w->from;
    w->from = mem_get((size_t)w->net->n_nodes * w->n, sizeof *w->from);
    for (int k = 0; k < net->n_nodes; k++) memcpy(w->from + (size_t)fnet_place(w, k) * w->n, old + (size_t)k * w->n, w->n * sizeof *old);
    mem_free(old);
}

/* Bits of rows and weights such that the products of a sum fit. */
static bool set_bits(struct fnet *w) {
    uint32_t terms = w->n;
    for (int k = 0; k < w->net->n_nodes; k++) terms = w->net->nodes[k].width > terms ? w->net->nodes[k].width : terms;
    int budget = 62 - bits_of(terms); /* bits + weight_bits + bits of the number of terms <= 62 */
    w->bits = budget / 2 > 28 ? 28 : budget / 2;
    w->weight_bits = budget - w->bits > 28 ? 28 : budget - w->bits;
    return terms <= TERMS_MOST;
}

#define INNER_TERMS 16 /* each below 2^58 */

/* Which mixes are read by one sum alone. */
static void find_inner(struct fnet *w) {
    int *readers = mem_get((size_t)w->net->n_nodes, sizeof *readers);
    readers[w->net->output] = 2;
    for (int k = 0; k < w->net->n_nodes; k++) {
        const struct node *x = &w->net->nodes[k];
        bool sums = (x->op == OP_ADD || x->op == OP_HEADS) && x->n_args <= INNER_TERMS && !w->token_only[k];
        for (int a = 0; a < x->n_args; a++) readers[x->args[a]] += sums ? 1 : 2;
    }
    for (int k = 0; k < w->net->n_nodes && !w->float32 && w->wide == NULL; k++) {
        w->inner[k] = w->net->nodes[k].op == OP_MIX && readers[k] == 1;
        for (uint32_t i = 0; i < w->n; i++) w->inner[k] = w->inner[k] && !is_taken(w, k, i) && !w->is_fixed[(size_t)k * w->n + i];
    }
    mem_free(readers);
}

static int last_bit(uint64_t v) { return bits_of(v) - 1; }

/* The room that the rows of each last position take. */
static void count_kept(struct fnet *w) {
    for (size_t k = 0; k < (size_t)w->net->n_nodes * w->n; k++)
        if (w->reads[k] != 0) w->kept_first[last_bit(w->reads[k]) + 1]++;
    for (int b = 0; b < 64; b++) w->kept_first[b + 1] += w->kept_first[b];
}

static void row_clear(struct frow *r) {
    mem_free(r->m);
    mem_free(r->wide);
    mem_free(r->r);
    mem_free(r->exact);
    mem_free(r->size);
}

bool fnet_init(struct fnet *w, const struct net *base, bool float32, bool wide, uint32_t n, const struct patch *patches, int n_patches, struct fsource *from, struct fnet *other) {
    *w = (struct fnet){.net = base, .float32 = float32, .n = n, .from = from, .other = other};
    fold_network(w, base, patches, n_patches);
    const struct net *net = w->net;
    w->is_fixed = mem_get((size_t)net->n_nodes * n, sizeof *w->is_fixed);
    w->seen = mem_get(n, sizeof *w->seen);
    for (int k = 0; k < n_patches; k++)
        for (int i = patches[k].lo; i <= patches[k].hi; i++) w->is_fixed[(size_t)fnet_place(w, patches[k].node) * n + (uint32_t)i] = true;
    w->tokens = mem_get(n, sizeof *w->tokens);
    w->token_only = mem_get((size_t)net->n_nodes, sizeof *w->token_only);
    w->rows = mem_get((size_t)net->n_nodes * n, sizeof *w->rows);
    w->table = mem_get((size_t)net->n_nodes, sizeof *w->table);
    w->weight = mem_get((size_t)net->n_nodes, sizeof *w->weight);
    w->acc_n = n;
    w->inner = mem_get((size_t)net->n_nodes, sizeof *w->inner);
    w->at = mem_get((size_t)net->n_nodes * n, sizeof *w->at);
    w->kept = mem_get((size_t)net->n_nodes * n, sizeof *w->kept);
    w->scores = mem_get((size_t)net->n_nodes, sizeof *w->scores);
    w->values = mem_get(n, sizeof *w->values);
    w->share = mem_get(n, sizeof *w->share);
    w->drop = mem_get(n, sizeof *w->drop);
    w->reads = mem_get((size_t)net->n_nodes * n, sizeof *w->reads);
    if (net->reals || (uint64_t)n * net->vocab > 100000 || !set_bits(w) || (wide && !wide_init(w))) return false;
    for (uint32_t i = 0; i < n; i++) w->tokens[i] = -1;
    for (int k = 0; k < net->n_nodes; k++) {
        const struct node *x = &net->nodes[k];
        bool only = node_is_token_only(x, w->token_only);
        for (uint32_t i = 0; i < n; i++) only = only && !is_taken(w, k, i);
        w->token_only[k] = only;
        w->acc_n = x->width > w->acc_n ? x->width : w->acc_n;
        if (only) w->table[k] = mem_get((size_t)n * net->vocab, sizeof **w->table);
        else if (!(wide ? wide_weights(w, k) : prepare(&w->weight[k], x, w->weight_bits, float32))) return false;
        for (uint32_t i = 0; i < n; i++) w->reads[(size_t)k * n + i] = row_reads(w, x, i);
        for (uint32_t i = 0; i < n && !only && x->op != OP_ROW; i++) row_room(&w->rows[(size_t)k * n + i], x->width == 0 ? n : x->width, w, x->op == OP_LINEAR);
    }
    w->acc = mem_get(w->acc_n, sizeof *w->acc);
    w->err = mem_get(float32 ? w->acc_n : 1, sizeof *w->err);
    w->size = mem_get(float32 ? w->acc_n : 1, sizeof *w->size);
    w->entry = mem_get(float32 ? w->acc_n : 1, sizeof *w->entry);
    find_inner(w);
    count_kept(w);
    for (uint32_t i = 0; i < n; i++) w->seen[i] = -1;
    return set_fixed(w, patches, n_patches);
}

void fnet_clear(struct fnet *w) {
    for (int k = 0; w->net != NULL && k < w->net->n_nodes; k++) {
        for (uint32_t i = 0; i < w->n; i++) row_clear(&w->rows[(size_t)k * w->n + i]);
        for (size_t i = 0; w->table[k] != NULL && i < (size_t)w->n * w->net->vocab; i++) row_clear(&w->table[k][i]);
        mem_free(w->table[k]);
        mem_free(w->scores[k].at);
        mem_free(w->weight[k].w);
        mem_free(w->weight[k].size);
        mem_free(w->weight[k].b);
    }
    for (int k = 0; k < w->fixed.n_patches; k++) {
        const struct patch *q = &w->fixed.patches[k];
        for (size_t j = 0; j < (size_t)(q->hi - q->lo + 1) * q->width; j++) num_clear(&q->values[j]);
        mem_free(q->values);
    }
    void *all[] = {w->fixed.patches, w->is_fixed, w->from, w->seen, w->tokens, w->token_only, w->reads, w->rows, w->table, w->weight, w->acc, w->err, w->size, w->entry, w->inner, w->at, w->kept, w->scores, w->values, w->share, w->drop};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    fmemo_free(w->memo);
    lanes_free(w);
    wide_free(w->wide);
    fold_free(w->folded);
    *w = (struct fnet){0};
}

void fnet_tokens(struct fnet *w, const int64_t *tokens) {
    uint64_t changed = 0;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->tokens[i] != tokens[i]) changed |= position_bit(i);
    if (w->other != NULL && memcmp(w->seen, w->other->tokens, w->n * sizeof *w->seen) != 0) {
        memcpy(w->seen, w->other->tokens, w->n * sizeof *w->seen);
        changed |= OTHER_BIT;
    }
    if (changed == 0) return;
    memcpy(w->tokens, tokens, w->n * sizeof *tokens);
    for (int b = __builtin_ctzll(changed); b < 64; b++) { /* what reads nothing from there on stays */
        uint32_t *kept = w->kept + w->kept_first[b], n = 0;
        for (uint32_t i = 0; i < w->n_kept[b]; i++) {
            uint32_t k = kept[i];
            if ((w->reads[k] & changed) != 0) {
                w->rows[k].known = w->rows[k].failed = false;
                w->at[k] = NULL;
            } else kept[n++] = k;
        }
        w->n_kept[b] = n;
    }
}

struct frow *fnet_token_row(struct fnet *w, int node, uint32_t row, int64_t token) {
    struct frow *r = &w->table[node][(size_t)row * w->net->vocab + (size_t)token];
    if (r->known) return r;
    if (r->failed) return NULL;
    struct run run;
    struct fail fail = {0};
    int64_t *t = mem_get(w->n, sizeof *t);
    for (uint32_t i = 0; i < w->n; i++) t[i] = token;
    run_init(&run, w->net, w->float32, 128, 0, t, w->n);
    mem_free(t);
    for (int k = 0; k < w->fixed.n_patches; k++) {
        const struct patch *q = &w->fixed.patches[k];
        run_add_patch(&run, q->node, q->lo, q->hi, q->width, q->values);
    }
    const struct num *x = run_row(&run, node, row, &fail);
    uint32_t width = w->net->nodes[node].width;
    if (w->wide != NULL) r->wide = mem_get(width, sizeof *r->wide);
    else r->m = mem_get(width, sizeof *r->m);
    r->known = x != NULL && enclosed(w, r, x, width);
    r->failed = !r->known;
    run_clear(&run);
    return r->known ? r : NULL;
}

/* Remembers a row, or that there is none. */
static void keep(struct fnet *w, uint32_t k, struct frow *r) {
    w->at[k] = r;
    if (w->reads[k] == 0) return;
    int b = last_bit(w->reads[k]);
    w->kept[w->kept_first[b] + w->n_kept[b]++] = k;
}

/* Recursion is over earlier nodes only; networks of more than NETWORK_MOST nodes are left to eval.c. */
struct frow *fnet_make(struct fnet *w, int node, uint32_t row) {
    const struct node *x = &w->net->nodes[node];
    uint32_t k = (uint32_t)node * w->n + row;
    struct frow *r = &w->rows[k];
    if (is_taken(w, node, row)) {
        const struct fsource *q = &w->from[k];
        return fnet_row(q->net, q->node, q->row);
    }
    if (r->failed || w->net->n_nodes > NETWORK_MOST) return NULL;
    if (w->is_fixed[k]) {
        if (!r->known) return NULL;
    } else if (w->token_only[node]) {
        r = fnet_token_row(w, node, row, w->tokens[row]);
    } else if (x->op == OP_ROW) {
        r = x->d[0] < w->n ? fnet_row(w, x->args[0], x->d[0]) : NULL;
    } else {
        r->known = w->wide != NULL ? wide_row(w, node, row, r) : frow_make(w, node, row, r);
        r->failed = !r->known;
        r->most = r->sum = -1;
    }
    if (r == NULL || !r->known) w->rows[k].failed = true;
    if (r == NULL || !r->known) r = NULL;
    keep(w, k, r);
    return r;
}
