/* Rows of the checker's looks in integers (proofs/check/fast.h, fast_wide.h, fast_lanes.h: narrow, wide, of lanes) held against those of run.c with 320 bits: every entry lies within the row's radius, the errors of a row with a rad2 together are no
 * longer than that says, and those of a pattern add up to no more than its total. Then every row as a step by itself: of any point that the rows it is made of allow, the operation's value lies within it.
 * And rows of a folded network are those of the network. Vectors of one of three widths, by the seed.
 *     rows NETWORK.net SEED [given]
 * given: some rows of all nodes are replaced by random numbers, patterns too. Prints, for rows and steps of each kind, how many there were, how many were not available, and the largest error in parts of
 * what is allowed; ends with `N passed, N failed`. */
#include "fast_lanes.h"
#include "run.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P 320
#define SEQUENCES 6
#define BATCHES 3
enum look_kind { NARROW, WIDE, OF_LANES, KINDS };
static const char *const kind_name[KINDS] = {"narrow", "wide", "lanes"};
#define PATCHES 3
#define TEXT_MOST ((size_t)1 << 20)

static uint32_t lane = LANES; /* whose rows are held; LANES: those of the network itself */

struct score { long rows, absent, bad; double worst; };

void out_of_memory(void) { exit(3); }

static uint64_t state;
static uint32_t next(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* |m 2^-F - x| in units of 2^-F */
static double error_of(int64_t m, int F, const struct num *x) {
    struct num e;
    mpz_t t;
    num_init(&e);
    num_to_real(&e, x, P);
    mpz_init_set_si(t, m);
    mpz_mul_2exp(t, t, (mp_bitcnt_t)(P - F));
    mpz_sub(t, t, LO(&e));
    double d = ldexp(fabs(mpz_get_d(t)), F - P);
    mpz_clear(t);
    num_clear(&e);
    return d;
}

static struct frow *row_of(struct fnet *w, int node, uint32_t i) { return lane < LANES ? lanes_row(w, node, i, lane) : fnet_row(w, node, i); }
static bool has_length(const struct frow *r) { return r->wide != NULL || lane < LANES; }

static void hold(struct score *s, const struct frow *r, const struct num *x, uint32_t width, bool pattern) {
    double most = 0, squares = 0, sum = 0;
    for (uint32_t j = 0; j < width; j++) {
        double d = error_of(frow_at(r, j), r->F, &x[j]);
        most = d > most ? d : most;
        squares += d * d;
        sum += d;
    }
    double of_one = r->rad > 0 ? most / (double)r->rad : most > 0 ? 2 : 0, of_all = has_length(r) && r->rad2 > 0 ? sqrt(squares) / (double)r->rad2 : 0;
    s->bad += !(of_one <= 1) || !(of_all <= 1 + 1e-9) || (pattern && !(sum <= (double)r->total));
    if (of_one > s->worst) s->worst = of_one;
    if (lane == LANES) return;
    squares = 0; /* what sums rest on */
    for (uint32_t j = 0; j < width; j++) squares += (double)r->m[j] * (double)r->m[j];
    s->bad += !(sqrt(squares) <= (double)r->most) || r->most > LENGTH_MOST;
}

static void given_rows(struct patch *q, const struct net *net, uint32_t n) {
    int node;
    do node = (int)next((uint32_t)net->n_nodes);
    while (net->nodes[node].op == OP_SCORE || net->nodes[node].op == OP_ROW);
    *q = (struct patch){.node = node, .width = net->nodes[node].width == 0 ? n : net->nodes[node].width};
    q->lo = q->hi = (int)next(n);
    q->values = mem_get(q->width, sizeof *q->values);
    for (uint32_t j = 0; j < q->width; j++) { /* thirds, of either sign */
        mpq_t v;
        mpq_init(v);
        mpq_set_si(v, (long)next(200) - 100, 3ul << next(8));
        mpq_canonicalize(v);
        num_init(&q->values[j]);
        num_set_mpq(&q->values[j], v);
        mpq_clear(v);
    }
}

/* ---- one step ---- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* A point that a row allows: one entry at an end of its radius, or all of them, in one direction or in any, as far off as their length, of a pattern their sum, allows. */
static void some_point(struct num *out, const struct frow *r, uint32_t width, bool pattern) {
    bool all = next(2) == 0, same = next(2) == 0, up = next(2) == 0;
    int64_t by = r->rad;
    if (has_length(r)) by = smaller(by, r->rad2 / (all ? wide_root(width) : 1));
    if (pattern) by = smaller(by, r->total / (all ? width : 1));
    uint32_t alone = next(width);
    mpq_t v;
    mpq_init(v);
    for (uint32_t j = 0; j < width; j++) {
        mpq_set_si(v, frow_at(r, j) + (all || j == alone ? (same ? up : next(2) == 0) ? by : -by : 0), 1);
        if (r->F >= 0) mpq_div_2exp(v, v, (mp_bitcnt_t)r->F);
        else mpq_mul_2exp(v, v, (mp_bitcnt_t)-r->F);
        num_set_mpq(&out[j], v);
    }
    mpq_clear(v);
}

/* Row i of a node becomes such a point; false: it is not available, or its reader does not read it as a row. */
static bool move_row(struct fnet *w, struct run *r, int node, uint32_t i) {
    const struct frow *row = w->inner[node] ? NULL : row_of(w, node, i);
    uint32_t width = run_width(r, node);
    if (row == NULL) return false;
    struct num *x = nums_new(width);
    some_point(x, row, width, w->net->nodes[node].width == 0);
    run_add_patch(r, node, (int)i, (int)i, width, x);
    nums_free(x, width);
    return true;
}

/* The rows that row i of a node is made of: of a pattern those of its scores. */
static bool move_arguments(struct fnet *w, struct run *r, int node, uint32_t i) {
    const struct node *x = &w->net->nodes[node];
    if (x->op == OP_SOFTMAX) x = &w->net->nodes[x->args[0]];
    bool good = true, sources = x->op == OP_SCORE || x->op == OP_MIX;
    for (int a = 0; good && a < x->n_args; a++)
        for (uint32_t j = 0; good && j < w->n; j++)
            if (sources && a == 1 ? run_allowed(r, i, j) : j == i) good = move_row(w, r, x->args[a], j);
    return good;
}

static bool one_step(struct score *s, struct fnet *w, const int64_t *t, int node, uint32_t i, uint32_t width) {
    const struct frow *row = row_of(w, node, i);
    struct run r;
    struct fail fail = {0};
    bool good = true;
    if (row == NULL || w->token_only[node] || w->is_fixed[(size_t)node * w->n + i] || w->net->nodes[node].op == OP_ROW) return true;
    run_init(&r, w->net, false, P, 0, t, w->n);
    if (move_arguments(w, &r, node, i)) {
        const struct num *exact = run_row(&r, node, i, &fail);
        s->rows++;
        if (exact != NULL) hold(s, row, exact, width, w->net->nodes[node].op == OP_SOFTMAX);
        else good = printf("%s\n", fail.text) < 0;
    } else s->absent++;
    run_clear(&r);
    return good;
}

/* ---- all of them ---- */

/* All rows on one sequence. The sources that a mask forbids have no entry in a pattern of run.c. */
static bool one_sequence(struct score *s, struct score *steps, struct fnet *w, const int64_t *t, const struct patch *q, int n_patches) {
    struct run r;
    struct fail fail = {0};
    bool good = true;
    run_init(&r, w->net, false, P, 0, t, w->n);
    for (int k = 0; k < n_patches; k++) run_add_patch(&r, fnet_place(w, q[k].node), q[k].lo, q[k].hi, q[k].width, q[k].values);
    for (int k = 0; good && k < w->net->n_nodes; k++)
        for (uint32_t i = 0; good && i < w->n; i++) {
            const struct node *x = &w->net->nodes[k];
            if (x->op == OP_SCORE) continue;
            const struct frow *row = row_of(w, k, i);
            const struct num *exact = run_row(&r, k, i, &fail);
            s->rows++;
            s->absent += row == NULL;
            good = exact != NULL;
            uint32_t width = x->width > 0 ? x->width : w->net->causal && !w->is_fixed[(size_t)k * w->n + i] ? i + 1 : w->n;
            if (good && row != NULL) hold(s, row, exact, width, x->width == 0);
            good = good && one_step(steps, w, t, k, i, width);
        }
    if (!good) printf("%s\n", fail.text);
    run_clear(&r);
    return good;
}

static bool by_themselves(struct score *s, struct score *steps, struct fnet *w, int64_t *t, const struct patch *q, int n_patches) {
    bool good = true;
    for (int k = 0; good && k < SEQUENCES; k++) {
        for (uint32_t i = 0; i < w->n; i++) t[i] = next(w->net->vocab);
        fnet_tokens(w, t);
        good = one_sequence(s, steps, w, t, q, n_patches);
    }
    return good;
}

/* Batches of sequences, many of which have a beginning, or an end, in common with the one before, within the batch and before it; two of each are held. */
static bool in_batches(struct score *s, struct score *steps, struct fnet *w, int64_t *t, const struct patch *q, int n_patches) {
    const int64_t *all[LANES];
    bool good = true;
    for (int k = 0; good && k < BATCHES; k++) {
        uint32_t many = 1 + next(LANES);
        for (uint32_t l = 0; l < many; l++) {
            int64_t *now = t + (size_t)l * w->n;
            const int64_t *before = l > 0 ? now - w->n : t + (size_t)(LANES - 1) * w->n;
            uint32_t same = next(w->n + 1), last = next(4);
            for (uint32_t i = 0; i < w->n; i++) now[i] = (last != 0 ? i < same : i >= same) ? before[i] : next(w->net->vocab);
            all[l] = now;
        }
        if (!lanes_set(w, all, many)) return true; /* a network with an operation that has no such rows: nothing is held */
        memmove(t + (size_t)(LANES - 1) * w->n, all[many - 1], w->n * sizeof *t); /* in the batch too if it is full */
        for (int twice = 0; good && twice < 2; twice++) {
            lane = next(many);
            good = one_sequence(s, steps, w, all[lane], q, n_patches);
        }
        lane = LANES;
    }
    return good;
}

static bool look(struct score *s, struct score *steps, const struct net *net, enum look_kind kind, const struct patch *q, int n_patches) {
    struct fnet w;
    bool good = fnet_init(&w, net, false, kind != NARROW, net->ctx, q, n_patches, NULL, NULL);
    int64_t *t = mem_get((size_t)LANES * w.n, sizeof *t);
    if (good) good = (kind == OF_LANES ? in_batches : by_themselves)(s, steps, &w, t, q, n_patches);
    mem_free(t);
    fnet_clear(&w);
    return good;
}

/* Rows of the network as it stands and of the one that takes its place (fold.h), within 2^-200. */
static bool same_rows(struct score *s, const struct fnet *w, const struct net *net, const int64_t *t, const struct patch *q, int n_patches) {
    struct run r[2];
    struct fail fail = {0};
    bool good = true;
    for (int k = 0; k < 2; k++) {
        run_init(&r[k], k == 0 ? net : w->net, false, P, 0, t, w->n);
        for (int p = 0; p < n_patches; p++) run_add_patch(&r[k], k == 0 ? q[p].node : fnet_place(w, q[p].node), q[p].lo, q[p].hi, q[p].width, q[p].values);
    }
    for (int k = 0; good && k < net->n_nodes; k++)
        for (uint32_t i = 0; good && i < w->n; i++) {
            if (net->nodes[k].op == OP_SCORE) continue;
            const struct num *a = run_row(&r[0], k, i, &fail), *b = run_row(&r[1], fnet_place(w, k), i, &fail);
            uint32_t width = net->nodes[k].width > 0 ? net->nodes[k].width : net->causal && !w->is_fixed[(size_t)fnet_place(w, k) * w->n + i] ? i + 1 : w->n;
            s->rows++;
            good = a != NULL && b != NULL;
            for (uint32_t j = 0; good && j < width; j++) {
                mpz_t d;
                mpz_init(d);
                struct num x, y;
                num_init(&x);
                num_init(&y);
                num_to_real(&x, &a[j], P);
                num_to_real(&y, &b[j], P);
                mpz_sub(d, LO(&x), LO(&y));
                s->bad += mpz_sizeinbase(d, 2) > P - 200;
                num_clear(&x);
                num_clear(&y);
                mpz_clear(d);
            }
        }
    if (!good) printf("%s\n", fail.text);
    run_clear(&r[0]);
    run_clear(&r[1]);
    return good;
}

static bool folded(struct score *s, const struct net *net, const struct patch *q, int n_patches) {
    struct fnet w;
    bool good = fnet_init(&w, net, false, true, net->ctx, q, n_patches, NULL, NULL);
    int64_t *t = mem_get(w.n, sizeof *t);
    for (int k = 0; good && w.folded != NULL && k < 2; k++) {
        for (uint32_t i = 0; i < w.n; i++) t[i] = next(net->vocab);
        good = same_rows(s, &w, net, t, q, n_patches);
    }
    mem_free(t);
    fnet_clear(&w);
    return good;
}

int main(int argc, char **argv) {
    static char text[TEXT_MOST];
    struct net net;
    struct fail fail = {0};
    FILE *f = argc > 2 ? fopen(argv[1], "rb") : NULL;
    size_t n = f != NULL ? fread(text, 1, sizeof text, f) : 0;
    if (f != NULL) fclose(f);
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    if (n == 0 || !net_read(&net, text, n, &fail)) return printf("%s\n", n == 0 ? "usage: rows NETWORK.net SEED [given]" : fail.text), 2;
    struct patch q[PATCHES];
    int n_patches = argc > 3 ? PATCHES : 0;
    long bad = 0, passed = 0;
    for (int k = 0; k < n_patches; k++) given_rows(&q[k], &net, net.ctx);
    loop_widest = (int)next(3);
    struct score same = {0};
    bad += !folded(&same, &net, q, n_patches) + same.bad;
    passed += same.rows - same.bad;
    printf("%ld rows of the folded network, %ld differ\n", same.rows, same.bad);
    for (enum look_kind kind = NARROW; kind < KINDS; kind++) {
        struct score s[2] = {0}; /* rows, steps */
        bad += !look(&s[0], &s[1], &net, kind, q, n_patches);
        for (int k = 0; k < 2; k++) {
            printf("%s %s: %ld, %ld not available, the largest error %.3f of the radius\n", kind_name[kind], k == 0 ? "rows" : "steps", s[k].rows, s[k].absent, s[k].worst);
            bad += s[k].bad;
            passed += s[k].rows - s[k].absent - s[k].bad;
        }
    }
    for (int k = 0; k < n_patches; k++) {
        for (uint32_t j = 0; j < q[k].width; j++) num_clear(&q[k].values[j]);
        mem_free(q[k].values);
    }
    net_clear(&net);
    printf("%ld passed, %ld failed\n", passed, bad);
    return bad != 0;
}
