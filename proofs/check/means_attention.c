/* The mean of a head's row over a product of sets of tokens, without going through its sequences (FORMAT.md §3, "Means of attention"). Row i of a mix is the sum of w_ja / Z v_ja over its sources j, a the
 * token there, Z the sum of the weights; its mean is that of the shares times the v. With s_k = 2^(k/3), h = log(2)/3,
 *   | 1 - h sum over all integers k of s_k Z e^(-s_k Z) | <= 2^-56 for every Z > 0,
 * and for one k and the token q at i, with x_ja = e^(-y), y = s_k w_ja, P_l the mean of x_la over the set of position l (at i: x of q alone), the mean of s_k w_ja e^(-s_k Z) where t_j = a is y x_ja times the P_l, l not j.
 *
 * Numbers x, y, P stand at 2^-120. Errors, u = 2^-120: w is within 2^-101 of itself and y within 2^-100 of itself and u. Below 2^-29 x is 1 - y (1 - y/2 (1 - y/3)), within 5 u; else the square of x three nodes before, after at most 37
 * squarings in a row within 6 u 2^37 = 2^-80 (|x'^2 - x^2| <= 2 e + e^2). From y = 64 on x and v = y x are 0, which they are within 2^-86. So v is within 64 2^-80 + 2^-94 + u < 2^-73, P_l within 2^-80 + 2^-103, a product of
 * n of these within n 2^-79, the term of a node within 2^-73 (1 + n/64). Of at most 5,000 nodes, h of each, 2^-62 (1 + n/64). Nodes before the first, where s Z <= 2^-30: h s Z / (2^(1/3) - 1) together within (s Z)^2; from the last one
 * on s Z >= 64: less than 2^-80. All shares are positive and add up to 1, so that the mean of row i is within (2^-55 + n (64 + n) 2^-67) of the largest |v|: the first part is in proportion to the shares, the second n times that
 * of every share. That they add up is seen to. */
#include "means.h"
#include <string.h>

#define ROWS_P 192        /* fractional bits of the rows that weights and values are made of */
#define BITS 120
#define LIGHT (-1500)     /* Z is at least 2^LIGHT of the largest weight */
#define LEFT (-30)        /* 2^LEFT >= s Z at the first node */
#define RIGHT 6           /* 2^RIGHT <= s Z behind the last */
#define STEPS 3

typedef unsigned __int128 fix;
#define ONE ((fix)1 << BITS)

/* The rows of one mix, by source: keys and values of every cell (a position with a token of its set), and the means made so far, by position. */
struct attended {
    const struct ex *target; const struct net *net; int node, key, query; uint32_t n, *at;
    struct num *keys, *values, **mean;
    bool good; /* the rows are there */
};

/* ---- products at 2^-120 ---- */

/* a b 2^-120 rounded down; a b < 2^248 */
static fix times(fix a, fix b) {
    uint64_t al = (uint64_t)a, ah = (uint64_t)(a >> 64), bl = (uint64_t)b, bh = (uint64_t)(b >> 64);
    fix low = (fix)al * bl, m1 = (fix)al * bh, m2 = (fix)ah * bl;
    fix middle = (low >> 64) + (uint64_t)m1 + (uint64_t)m2, high = (fix)ah * bh + (m1 >> 64) + (m2 >> 64) + (middle >> 64);
    return (high << 8) | ((uint64_t)middle >> 56);
}

static fix fix_of(const mpz_t x) {
    uint64_t limb[2] = {0};
    if (mpz_sizeinbase(x, 2) <= 128) mpz_export(limb, NULL, -1, sizeof *limb, 0, 0, x);
    return (fix)limb[1] << 64 | limb[0];
}

/* floor of the cube root of 2^k at 2^-120, k in 0..2 */
static fix root_of(unsigned long k) {
    mpz_t x;
    mpz_init_set_ui(x, 1);
    mpz_mul_2exp(x, x, 3 * BITS + k);
    mpz_root(x, x, 3);
    fix root = fix_of(x);
    mpz_clear(x);
    return root;
}

/* ---- one query token ---- */

/* Of the cells 0..n_cells-1 of the sources: w = m[k mod 3] 2^(shift - 120) times 2^(-(k mod 3)/3), 0: nothing; x of the last three nodes; the sum of its terms. */
struct walk {
    uint32_t n, row, n_cells; const uint32_t *at;
    fix root[STEPS], *m[STEPS], *x[STEPS], *sum; int *shift;
    fix *P, *before, *v;
    int first, last;
};

static void walk_init(struct walk *w, const struct attended *a, uint32_t row, uint32_t sources) {
    *w = (struct walk){.n = sources, .row = row, .n_cells = a->at[sources], .at = a->at};
    for (unsigned k = 0; k < STEPS; k++) {
        w->root[k] = root_of(k);
        w->m[k] = mem_get(w->n_cells, sizeof(fix));
        w->x[k] = mem_get(w->n_cells, sizeof(fix));
    }
    w->sum = mem_get(w->n_cells, sizeof *w->sum);
    w->v = mem_get(w->n_cells, sizeof *w->v);
    w->shift = mem_get(w->n_cells, sizeof *w->shift);
    w->P = mem_get(sources, sizeof *w->P);
    w->before = mem_get((size_t)sources + 1, sizeof *w->before);
}

static void walk_clear(struct walk *w) {
    void *all[] = {w->m[0], w->m[1], w->m[2], w->x[0], w->x[1], w->x[2], w->sum, w->v, w->shift, w->P, w->before};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

/* The cells of source j, where the token at the row is its cell q. */
static uint32_t cell_first(const struct walk *w, uint32_t j, uint32_t q) { return j == w->row ? w->at[j] + q : w->at[j]; }
static uint32_t cell_end(const struct walk *w, uint32_t j, uint32_t q) { return j == w->row ? w->at[j] + q + 1 : w->at[j + 1]; }

/* w of a cell, from its score s <= 0: 2^n e^(s - n log 2), the second factor from 1 to 2 and a little. false: not narrow enough. */
static bool set_weight(struct walk *w, uint32_t c, const struct num *s, const struct num *log2) {
    struct num n, r;
    mpz_t t;
    num_init(&n), num_init(&r);
    mpz_init(t);
    mpz_fdiv_q(t, LO(s), LO(log2));
    bool good = mpz_cmpabs_ui(t, 1u << 29) < 0 && mpz_sgn(LO(s)) <= 0;
    long whole = good ? mpz_get_si(t) : 0;
    num_set_int(&n, whole);
    num_mul(&n, &n, log2, ROWS_P);
    num_sub(&r, s, &n, ROWS_P);
    r.tag = (struct tag){0};
    good = good && num_exp(&r, &r, ROWS_P) && mpz_sgn(LO(&r)) > 0;
    size_t bits = mpz_sizeinbase(LO(&r), 2);
    mpz_sub(t, HI(&r), LO(&r));
    mpz_mul_2exp(t, t, 102);
    good = good && bits >= BITS && mpz_cmp(t, LO(&r)) < 0;
    mpz_fdiv_q_2exp(t, LO(&r), good ? bits - BITS : 0);
    if (good) w->m[0][c] = fix_of(t);
    for (int k = 1; good && k < STEPS; k++) w->m[k][c] = times(w->m[0][c], w->root[k]);
    w->shift[c] = (int)bits - ROWS_P + (int)whole;
    num_clear(&n), num_clear(&r);
    mpz_clear(t);
    return good;
}

/* The nodes that are wanted: 2^least <= Z < 2^most. false: weights that are too small */
static bool set_nodes(struct walk *w, uint32_t q) {
    int least = INT32_MIN, most = LIGHT;
    for (uint32_t j = 0; j < w->n; j++) {
        int here = INT32_MAX;
        for (uint32_t c = cell_first(w, j, q); c < cell_end(w, j, q); c++) {
            if (w->shift[c] > most) most = w->shift[c];
            if (w->shift[c] < here) here = w->shift[c];
        }
        if (here - 1 > least) least = here - 1;
    }
    if (least < LIGHT) return false;
    for (uint32_t n = w->n; n > 0; n >>= 1) most++;
    w->first = STEPS * (LEFT - most);
    w->last = STEPS * (RIGHT - least);
    return true;
}

static fix y_of(const struct walk *w, uint32_t c, int k) {
    int down = k >= 0 ? k / STEPS : -((STEPS - 1 - k) / STEPS), by = w->shift[c] + down;
    fix m = w->m[k - STEPS * down][c];
    return by > RIGHT ? (fix)64 << BITS : by >= 0 ? m << by : by > -128 ? m >> -by : 0;
}

/* x and v of a cell at node k */
static void step_cell(struct walk *w, uint32_t c, int k) {
    fix y = y_of(w, c, k), *x = &w->x[(k - w->first) % STEPS][c];
    if (y < ONE >> 29) *x = ONE - times(y, ONE - times(y >> 1, ONE - y / 3));
    else if (y >= (fix)64 << BITS) *x = 0;
    else *x = times(*x, *x);
    w->v[c] = *x == 0 ? 0 : times(y, *x);
}

/* Adds the terms of node k. */
static void step(struct walk *w, uint32_t q, int k) {
    const fix *x = w->x[(k - w->first) % STEPS];
    w->before[0] = ONE;
    for (uint32_t j = 0; j < w->n; j++) {
        fix sum = 0; /* 16 bits less of each: at most 2^24 tokens */
        for (uint32_t c = cell_first(w, j, q); c < cell_end(w, j, q); c++) {
            step_cell(w, c, k);
            sum += x[c] >> 16;
        }
        w->P[j] = (sum / (cell_end(w, j, q) - cell_first(w, j, q))) << 16;
        w->before[j + 1] = times(w->before[j], w->P[j]);
    }
    fix behind = ONE;
    for (uint32_t j = w->n; j-- > 0;) {
        fix others = times(w->before[j], behind);
        for (uint32_t c = cell_first(w, j, q); others != 0 && c < cell_end(w, j, q); c++)
            if (w->v[c] != 0) w->sum[c] += times(w->v[c], others);
        behind = times(behind, w->P[j]);
    }
}

/* Weights of all cells for the query's row, as exponentials of their scores less the largest. */
static bool set_weights(struct walk *w, struct run *r, const struct attended *a, uint32_t q, const struct num *query, struct fail *f) {
    const struct node *score = &a->net->nodes[a->net->nodes[a->net->nodes[a->node].args[0]].args[0]];
    uint32_t width = a->net->nodes[a->key].width;
    struct num *s = nums_new(w->n_cells), top, log2;
    num_init(&top), num_init(&log2);
    num_set_int(&log2, 2);
    num_to_real(&log2, &log2, ROWS_P);
    bool good = num_log(&log2, &log2, ROWS_P), any = false;
    for (uint32_t j = 0; j < w->n; j++)
        for (uint32_t c = cell_first(w, j, q); good && c < cell_end(w, j, q); c++) {
            good = run_score(r, score, &s[c], query, a->keys + (size_t)c * width, f);
            if (good && (!any || mpz_cmp(HI(&s[c]), HI(&top)) > 0)) num_copy(&top, &s[c]);
            any = true;
        }
    mpz_set(LO(&top), HI(&top));
    top.tag = (struct tag){0};
    for (uint32_t j = 0; j < w->n; j++)
        for (uint32_t c = cell_first(w, j, q); good && c < cell_end(w, j, q); c++) {
            num_sub(&s[c], &s[c], &top, ROWS_P);
            good = set_weight(w, c, &s[c], &log2);
        }
    nums_free(s, w->n_cells);
    num_clear(&top), num_clear(&log2);
    return good;
}

/* Adds to share[cell], at 2^-96, its share over h for this query token. The nodes before the first: 1 / (r - 1) = r^2 + r + 1 with r^3 = 2 */
static bool take_query(struct walk *w, uint32_t q, fix *share) {
    fix tail = w->root[2] + w->root[1] + ONE;
    if (!set_nodes(w, q)) return false;
    for (uint32_t c = 0; c < w->n_cells; c++) w->sum[c] = 0;
    for (uint32_t j = 0; j < w->n; j++)
        for (uint32_t c = cell_first(w, j, q); c < cell_end(w, j, q); c++)
            w->sum[c] = times(y_of(w, c, w->first), tail);
    for (int k = w->first; k < w->last; k++) step(w, q, k);
    for (uint32_t j = 0; j < w->n; j++)
        for (uint32_t c = cell_first(w, j, q); c < cell_end(w, j, q); c++) share[c] += w->sum[c] >> (BITS - 96);
    return true;
}

/* ---- rows ---- */

static void fix_mpz(mpz_t out, fix x) {
    uint64_t limb[2] = {(uint64_t)x, (uint64_t)(x >> 64)};
    mpz_import(out, 2, -1, sizeof *limb, 0, 0, limb);
}

/* Rows of single tokens: of the nodes at position j with the token there. NULL: not wanted */
static bool token_rows(const struct attended *a, uint32_t j, int64_t token, const int node[2], struct num *out[2], struct fail *f) {
    struct run r;
    int64_t *t = mem_get(a->n, sizeof *t);
    bool good = true;
    for (uint32_t i = 0; i < a->n; i++) t[i] = token;
    run_init(&r, a->net, false, ROWS_P, 0, t, a->n);
    for (int k = 0; good && k < 2; k++) {
        if (out[k] == NULL) continue;
        const struct num *row = run_row(&r, node[k], j, f);
        good = row != NULL;
        for (uint32_t d = 0; good && d < a->net->nodes[node[k]].width; d++) num_copy(&out[k][d], &row[d]);
    }
    run_clear(&r);
    mem_free(t);
    return good;
}

static bool cell_rows(struct attended *a, const struct product *sets, struct fail *f) {
    const int node[2] = {a->key, a->net->nodes[a->node].args[1]};
    uint32_t wide[2] = {a->net->nodes[node[0]].width, a->net->nodes[node[1]].width};
    bool good = true;
    for (uint32_t j = 0; good && j < a->n; j++)
        for (uint32_t c = a->at[j]; good && c < a->at[j + 1]; c++) {
            struct num *out[2] = {a->keys + (size_t)c * wide[0], a->values + (size_t)c * wide[1]};
            good = token_rows(a, j, sets->v[j][c - a->at[j]], node, out, f);
        }
    return good;
}

/* The share of a cell of source j: h share / (queries times, but at the row itself, tokens of j). */
static void share_of(struct num *out, const struct walk *w, uint32_t j, fix share, const struct num *h) {
    mpq_t q;
    mpq_init(q);
    fix_mpz(mpq_numref(q), share);
    mpz_set_ui(mpq_denref(q), w->at[w->row + 1] - w->at[w->row]);
    if (j != w->row) mpz_mul_ui(mpq_denref(q), mpq_denref(q), w->at[j + 1] - w->at[j]);
    mpz_mul_2exp(mpq_denref(q), mpq_denref(q), 96);
    mpq_canonicalize(q);
    num_set_mpq(out, q);
    num_mul(out, out, h, ROWS_P);
    mpq_clear(q);
}

/* (2^-55 + n (64 + n) 2^-67) times a number no less than |v| of any cell, at 2^-ROWS_P */
static void error_of(mpz_t out, const struct walk *w, const struct num *v, uint32_t width) {
    mpz_t x;
    mpz_init(x);
    mpz_set_ui(out, 0);
    for (uint32_t c = 0; c < w->n_cells; c++) {
        mpz_abs(x, LO(&v[(size_t)c * width]));
        if (mpz_cmp(x, out) > 0) mpz_set(out, x);
        mpz_abs(x, HI(&v[(size_t)c * width]));
        if (mpz_cmp(x, out) > 0) mpz_set(out, x);
    }
    mpz_mul_ui(out, out, (1 << 12) + (unsigned long)w->n * (64 + w->n));
    mpz_cdiv_q_2exp(out, out, 67);
    mpz_clear(x);
}

/* The shares add up to 1: seen to, within the bound. */
static bool adds_up(const struct walk *w, const struct num *shares) {
    struct num sum, one;
    mpz_t room;
    num_init(&sum), num_init(&one);
    mpz_init(room);
    num_set_int(&one, 1);
    num_to_real(&one, &one, ROWS_P);
    for (uint32_t c = 0; c < w->n_cells; c++) num_add(&sum, &sum, &shares[c], ROWS_P);
    error_of(room, &(struct walk){.n_cells = 1, .n = w->n}, &one, 1);
    mpz_sub(LO(&one), LO(&one), room);
    mpz_add(HI(&one), HI(&one), room);
    bool good = mpz_cmp(LO(&one), LO(&sum)) <= 0 && mpz_cmp(HI(&sum), HI(&one)) <= 0;
    mpz_clear(room);
    num_clear(&sum), num_clear(&one);
    return good;
}

/* The mean of the row from the shares. */
static bool weigh(const struct attended *a, const struct walk *w, const fix *share, struct num *out) {
    uint32_t width = a->net->nodes[a->node].width;
    struct num *shares = nums_new(w->n_cells), h, x;
    mpz_t error;
    num_init(&h), num_init(&x);
    mpz_init(error);
    num_set_int(&h, 2);
    num_to_real(&h, &h, ROWS_P);
    bool good = num_log(&h, &h, ROWS_P);
    num_set_int(&x, STEPS);
    good = good && num_div(&h, &h, &x, ROWS_P);
    for (uint32_t j = 0; good && j < w->n; j++)
        for (uint32_t c = w->at[j]; c < w->at[j + 1]; c++) share_of(&shares[c], w, j, share[c], &h);
    good = good && adds_up(w, shares);
    for (uint32_t d = 0; good && d < width; d++) {
        num_set_int(&out[d], 0);
        num_to_real(&out[d], &out[d], ROWS_P);
        for (uint32_t c = 0; c < w->n_cells; c++) {
            num_mul(&x, &shares[c], &a->values[(size_t)c * width + d], ROWS_P);
            num_add(&out[d], &out[d], &x, ROWS_P);
        }
        error_of(error, w, a->values + d, width);
        mpz_sub(LO(&out[d]), LO(&out[d]), error);
        mpz_add(HI(&out[d]), HI(&out[d]), error);
    }
    nums_free(shares, w->n_cells);
    num_clear(&h), num_clear(&x);
    mpz_clear(error);
    return good;
}

static bool make_mean(const struct attended *a, const struct product *sets, uint32_t i, struct num *out, struct fail *f) {
    uint32_t sources = a->net->causal ? i + 1 : a->n, width = a->net->nodes[a->query].width;
    struct num *row[2] = {nums_new(width), NULL};
    struct walk w;
    struct run r;
    int64_t *t = mem_get(a->n, sizeof *t);
    walk_init(&w, a, i, sources);
    run_init(&r, a->net, false, ROWS_P, 0, t, a->n); /* for its precision and its network */
    fix *share = mem_get(w.n_cells, sizeof *share);
    bool good = w.n_cells < 1u << 23;
    for (uint32_t q = 0; good && q < sets->size[i]; q++)
        good = token_rows(a, i, sets->v[i][q], (const int[2]){a->query, 0}, row, f) && set_weights(&w, &r, a, q, row[0], f) && take_query(&w, q, share);
    good = good && weigh(a, &w, share, out);
    mem_free(share);
    run_clear(&r);
    walk_clear(&w);
    nums_free(row[0], width);
    mem_free(t);
    return good;
}

/* ---- kept ---- */

bool attention_is_plain(const struct net *net, const enum view *views, int node) {
    const struct node *mix = &net->nodes[node], *softmax = mix->op == OP_MIX ? &net->nodes[mix->args[0]] : NULL;
    if (softmax == NULL || softmax->op != OP_SOFTMAX || net->pad >= 0 || net->reals) return false;
    const struct node *score = &net->nodes[softmax->args[0]];
    return views[mix->args[1]] <= VIEW_OWN && views[score->args[0]] <= VIEW_OWN && views[score->args[1]] <= VIEW_OWN;
}

static struct attended *attended_get(struct eval *e, const struct ex *target, const struct product *sets, const struct net *net, int node) {
    for (int k = 0; k < e->n_attended; k++) {
        struct attended *x = e->attended[k];
        if (x->target == target && x->net == net && x->node == node && x->n == sets->n) return x->good ? x : NULL;
    }
    const struct node *mix = &net->nodes[node], *score = &net->nodes[net->nodes[mix->args[0]].args[0]];
    struct attended *a = mem_get(1, sizeof *a);
    *a = (struct attended){.target = target, .net = net, .node = node, .query = score->args[0], .key = score->args[1], .n = sets->n};
    a->at = mem_get((size_t)a->n + 1, sizeof *a->at);
    a->mean = mem_get(a->n, sizeof *a->mean);
    for (uint32_t j = 0; j < a->n; j++) a->at[j + 1] = a->at[j] + (uint32_t)sets->size[j];
    a->keys = nums_new((size_t)a->at[a->n] * net->nodes[a->key].width);
    a->values = nums_new((size_t)a->at[a->n] * mix->width);
    e->attended = mem_grow(e->attended, (size_t)e->n_attended, (size_t)e->n_attended + 1, sizeof *e->attended);
    e->attended[e->n_attended++] = a;
    a->good = cell_rows(a, sets, &e->fail);
    return a->good ? a : NULL;
}

void attention_clear(struct eval *e) {
    for (int k = 0; k < e->n_attended; k++) {
        struct attended *a = e->attended[k];
        uint32_t width = a->net->nodes[a->node].width;
        nums_free(a->keys, (size_t)a->at[a->n] * a->net->nodes[a->key].width);
        nums_free(a->values, (size_t)a->at[a->n] * width);
        for (uint32_t i = 0; i < a->n; i++) nums_free(a->mean[i], width);
        mem_free(a->mean);
        mem_free(a->at);
        mem_free(a);
    }
    mem_free(e->attended);
    e->attended = NULL;
    e->n_attended = 0;
}

/* x at 2^-p from 2^-ROWS_P, outwards */
static void at_precision(struct num *x, const struct num *a, unsigned p) {
    num_copy(x, a);
    x->tag = (struct tag){0};
    if (p >= ROWS_P) {
        mpz_mul_2exp(LO(x), LO(x), p - ROWS_P);
        mpz_mul_2exp(HI(x), HI(x), p - ROWS_P);
    } else {
        mpz_fdiv_q_2exp(LO(x), LO(x), ROWS_P - p);
        mpz_cdiv_q_2exp(HI(x), HI(x), ROWS_P - p);
    }
}

bool attention_mean(struct eval *e, struct num *out, const struct ex *target, const struct product *sets, const struct net *net, int node, uint32_t i) {
    struct attended *a = attended_get(e, target, sets, net, node);
    uint32_t width = net->nodes[node].width;
    if (a == NULL) return eval_fail(e, "rows behind a mean of attention cannot be enclosed");
    if (a->mean[i] == NULL) {
        struct num *mean = nums_new(width);
        if (!make_mean(a, sets, i, mean, &e->fail)) {
            nums_free(mean, width);
            return eval_fail(e, "a mean of attention cannot be enclosed");
        }
        a->mean[i] = mean;
    }
    for (uint32_t d = 0; d < width; d++) at_precision(&out[d], &a->mean[i][d], e->p);
    return true;
}
