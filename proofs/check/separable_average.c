/* The sum of N / Z, N = sum of w_i G_i and Z = sum of w_i, over the sequences of one q with one set of final states (FORMAT.md, separable 7):
 *   | 1 - h sum over all integers k of s_k Z e^(-s_k Z) | <= 2^-36 for every Z > 0, s_k = 2^(k/2), h = log(2)/2,
 * and for one s, P = sum of e^(-s Z) and Q = sum of s N e^(-s Z) over the completions of a state go from level to level.
 *
 * All in integers. s w is y, at 2^-57; x = e^-y and v = y e^-y at 2^-60; G at 2^-40, below 2^b. Of a state with n completions, 2^(e-1) <= n < 2^e: P at 2^(e - 60),
 * Q at 2^(e - 60 + b - 40). Errors, in parts of 2^-60 of n (and, of Q, of 2^(b - 40)): y is rounded by one unit at 2^-57 and at most 2^-59 of itself, which
 * moves x and v by at most 9 as the derivatives of e^-y and y e^-y are at most 1; computing e^-y costs at most 7 more: 16 of each. From a level to the one before, one unit of the
 * state, which is at most 2 n, is lost for every token: as is, in place of one of them, where m >= 2 tokens lead
 * to one state and their sum is cut to 60 bits, which costs 2 m of the state's, n again: P gains 17 + 2 tokens, Q gains 17 (|Q| <= 1/e) + 17 (P <= 1) and 3 for shifts + half of P's (v |G| <= 1/e) + 2 tokens. */
#include "separable_average.h"
#include "integers.h"
#include <string.h>

#define STEPS 64                          /* of e^-r, r below log 2, in a table */
#define LEFT 18                           /* s Z is at most 2^-LEFT at the first node */
#define RIGHT 5                           /* and beyond the last one at least 2^RIGHT */
#define LIGHT 150

/* e^(-i / STEPS) and log 2 at 2^-62; sqrt 2, 1 + sqrt 2 and log(2) / 2 at 2^-62. All rounded down. */
struct exps { uint64_t power[STEPS], log2, root2, first, h; };

void average_init(struct average *a) {
    mpz_inits(a->sum[0], a->sum[1], a->part[0], a->part[1], NULL);
    a->exps = NULL;
    a->query = NULL;
}

static uint64_t at62(const struct num *x) {
    mpz_t t;
    mpz_init(t);
    mpz_fdiv_q_2exp(t, LO(x), TABLE_P - 62);
    uint64_t v = mpz_get_ui(t);
    mpz_clear(t);
    return v;
}

static struct exps *exps_new(void) {
    struct exps *e = mem_get(1, sizeof *e);
    struct num x, y;
    mpq_t q;
    num_init(&x);
    num_init(&y);
    mpq_init(q);
    bool good = true;
    for (int i = 0; i < STEPS; i++) {
        mpq_set_si(q, -i, STEPS);
        mpq_canonicalize(q);
        num_set_mpq(&x, q);
        num_to_real(&x, &x, TABLE_P);
        good = good && num_exp(&y, &x, TABLE_P);
        e->power[i] = at62(&y);
    }
    num_set_int(&x, 2);
    num_to_real(&x, &x, TABLE_P);
    good = good && num_log(&y, &x, TABLE_P);
    e->log2 = at62(&y);
    e->h = e->log2 / 2;
    good = good && num_sqrt(&y, &x, TABLE_P);
    e->root2 = at62(&y);
    e->first = e->root2 + ((uint64_t)1 << 62);
    mpq_clear(q);
    num_clear(&x);
    num_clear(&y);
    if (good) return e;
    mem_free(e);
    return NULL;
}

static uint64_t times62(uint64_t a, uint64_t b) { return (uint64_t)((wide)a * b >> 62); }

/* x = e^-y and v = y e^-y; y at 2^-57, above 45 they are below 2^-59. */
static void exp_of(const struct exps *e, uint64_t y, int64_t *x, int64_t *v) {
    *x = *v = 0;
    if (y >> 57 >= 45) return;
    wide r = (wide)y << 5;
    unsigned j = (unsigned)(r / e->log2);
    uint64_t t = (uint64_t)(r - (wide)j * e->log2), i = t >> 56;
    t -= i << 56; /* below 1/64 */
    /* 1 - t + t^2/2 - ... - t^7/5040: the rest is below t^8/40320 < 2^-63 */
    uint64_t one = (uint64_t)1 << 62, p = one - t / 7;
    p = one - times62(t, p) / 6;
    p = one - times62(t, p) / 5;
    p = one - times62(t, p) / 4;
    p = one - times62(t, p) / 3;
    p = one - times62(t, p) / 2;
    p = one - times62(t, p);
    p = times62(p, e->power[i]);
    *x = (int64_t)((wide)p >> (j + 2));
    *v = (int64_t)((wide)y * p >> (59 + j));
}

/* ---- weights and their exponentials, for one q ---- */

/* w[cell] in 2^(exponent - 1) .. 2^exponent at 2^(exponent - 60), 0 where there is none; x[(k - from) cells + cell] and v are e^-y and y e^-y, y = 2^(k/2) w, once made[k - from]. */
struct query { uint32_t q; bool set; uint64_t *w; int *exponent; int from, nodes; bool *made; int64_t *x, *v; };

#define KEPT_MOST ((size_t)1 << 22)

static void query_clear(struct query *p) {
    void *all[] = {p->w, p->exponent, p->made, p->x, p->v};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    *p = (struct query){0};
}

void average_begin(struct average *a) {
    mpz_set_ui(a->part[0], 0);
    mpz_set_ui(a->part[1], 0);
    if (a->query != NULL) query_clear(a->query);
}

bool average_export(const struct average *a, struct fixed out[2]) {
    for (int end = 0; end < 2; end++) {
        struct fixed *x = &out[end];
        if (mpz_sizeinbase(a->part[end], 2) > 8 * sizeof x->limb) return false;
        memset(x, 0, sizeof *x);
        x->negative = mpz_sgn(a->part[end]) < 0;
        mpz_export(x->limb, NULL, -1, sizeof *x->limb, 0, 0, a->part[end]);
    }
    return true;
}

void average_gather(struct average *a, const struct fixed part[2]) {
    mpz_t t;
    mpz_init(t);
    for (int end = 0; end < 2; end++) {
        mpz_import(t, sizeof part[end].limb / sizeof *part[end].limb, -1, sizeof *part[end].limb, 0, 0, part[end].limb);
        if (part[end].negative) mpz_neg(t, t);
        mpz_add(a->sum[end], a->sum[end], t);
    }
    mpz_clear(t);
}

void average_clear(struct average *a) {
    mpz_clears(a->sum[0], a->sum[1], a->part[0], a->part[1], NULL);
    mem_free(a->exps);
    if (a->query != NULL) query_clear(a->query);
    mem_free(a->query);
}

/* Room for all nodes that a class of the query can ask for, or, if they are too many, for one at a time. */
static void query_room(struct query *p, uint32_t n, size_t cells) {
    int least = INT32_MAX, most = INT32_MIN;
    for (size_t c = 0; c < cells; c++) {
        if (p->w[c] == 0) continue;
        if (p->exponent[c] < least) least = p->exponent[c];
        if (p->exponent[c] > most) most = p->exponent[c];
    }
    if (most < least) least = most = 0;
    for (; n > 0; n >>= 1) most++;
    p->from = 2 * (-LEFT - most);
    p->nodes = 2 * (RIGHT + 1 - least) - p->from;
    size_t kept = cells * (size_t)p->nodes <= KEPT_MOST ? (size_t)p->nodes : 1;
    p->made = mem_get((size_t)p->nodes, sizeof *p->made);
    p->x = mem_get(cells * kept, sizeof *p->x);
    p->v = mem_get(cells * kept, sizeof *p->v);
}

/* A weight below 2^-198 counts as nothing, which, where Z is at least 2^-LIGHT, moves an average by less than 4 n 2^-48 of the largest |G|. Others have 59 bits at least. */
static void query_set(struct query *p, const struct sep *s, uint32_t q) {
    size_t cells = s->at[s->n], at = (size_t)q * cells;
    if (p->set && p->q == q) return;
    query_clear(p);
    p->set = true;
    p->q = q;
    p->w = mem_get(cells, sizeof *p->w);
    p->exponent = mem_get(cells, sizeof *p->exponent);
    for (uint32_t c = 0; c < cells; c++) {
        if (!sep_source(s, q, c) || s->w[at + c] >> 58 == 0) continue;
        p->w[c] = (uint64_t)s->w[at + c];
        p->exponent[c] = s->shift[at + c];
        while (p->w[c] >> 59 == 0) p->w[c] <<= 1, p->exponent[c]--;
    }
    query_room(p, s->n, cells);
}

/* y = 2^(k/2) w at 2^-57, w of 59 bits or 60; above 2^6 it is that. */
static uint64_t y_of(const struct exps *e, uint64_t w, int exponent, int k) {
    if (k % 2 != 0) w = times62(w, e->root2), k--;
    int up = exponent - 60 + k / 2 + 57; /* w 2^(exponent - 60) */
    if (up >= 4) return (uint64_t)1 << 63;
    return up >= 0 ? w << up : up > -64 ? w >> -up : 0;
}

/* The errors of e^-y are at most 16 (above). */
uint64_t average_exp(const struct average *a, uint64_t y) {
    int64_t x, v;
    exp_of(a->exps, y, &x, &v);
    return x > AVERAGE_EXP / 2 ? (uint64_t)x - AVERAGE_EXP / 2 : 0;
}

uint64_t average_power(const struct average *a, uint64_t w, int k) {
    int exponent = 0;
    for (; w != 0 && w >> 59 == 0; w <<= 1) exponent--;
    return average_exp(a, w == 0 ? 0 : y_of(a->exps, w, exponent, k));
}

/* Where the numbers of node k stand. */
static size_t query_node(struct query *p, const struct exps *e, size_t cells, int k) {
    bool all = cells * (size_t)p->nodes <= KEPT_MOST;
    size_t at = all ? (size_t)(k - p->from) * cells : 0;
    if (all && p->made[k - p->from]) return at;
    p->made[k - p->from] = true;
    for (size_t c = 0; c < cells; c++) {
        p->x[at + c] = (int64_t)1 << 60;
        p->v[at + c] = 0;
        if (p->w[c] != 0) exp_of(e, y_of(e, p->w[c], p->exponent[c], k), &p->x[at + c], &p->v[at + c]);
    }
    return at;
}

/* ---- one cell ---- */

/* The tokens that lead from one state to `to`: n of the list, from first on; run: their cells stand side by side. drop: what their sums are shifted, by: what products of those are. */
struct way_on { size_t to, first, n; unsigned drop, by; bool run; };

struct adder {
    const struct sep *s; const struct level *level; struct query *p; const struct exps *exps; const struct iform *f;
    int64_t *G, largest; unsigned b;      /* by cell; largest |G| < 2^b */
    uint32_t *live; size_t n_live;        /* cells with a weight that some sequence has */
    int64_t *u;                           /* y G e^-y, by cell */
    size_t **first; struct way_on *way; uint32_t *token; /* of class c of level i: way[first[i][c]] ..; cells in token */
    int64_t *P[2], *Q[2];                 /* of the states of a level and of the next one */
    int least, most;                      /* 2^least <= Z < 2^most on every sequence */
};

/* The tokens of every class by where they lead, and G of all cells that some sequence has. */
static void take_ways(struct adder *a) {
    const struct sep *s = a->s;
    size_t edges = 0, ways = 0, token = 0;
    for (uint32_t i = 0; i < s->n; i++) edges += a->level[i].classes.n * a->level[i].tokens;
    a->first = mem_get(s->n, sizeof *a->first);
    a->way = mem_get(edges + 1, sizeof *a->way);
    a->token = mem_get(edges + 1, sizeof *a->token);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct level *l = &a->level[i], *after = &a->level[i + 1];
        size_t *place = mem_get(i + 1 < s->n ? after->classes.n : 2, sizeof *place); /* by class: its way + 1 */
        a->first[i] = mem_get(l->classes.n + 1, sizeof **a->first);
        for (size_t c = 1; c < l->classes.n; c++) {
            const int64_t *next = l->classes.key + c * l->tokens;
            size_t begin = ways;
            a->first[i][c] = begin;
            for (uint32_t t = 0; t < l->tokens; t++) {
                if (next[t] == 0) continue;
                if (place[next[t]] == 0) {
                    place[next[t]] = ++ways;
                    a->way[ways - 1] = (struct way_on){.to = (size_t)next[t], .by = 60 + (unsigned)bits_of_wide(l->count[c]) - (unsigned)bits_of_wide(after->count[next[t]])};
                }
                a->way[place[next[t]] - 1].n++;
            }
            for (size_t k = begin; k < ways; k++) {
                a->way[k].first = token;
                token += a->way[k].n;
                a->way[k].n = 0;
            }
            for (uint32_t t = 0; t < l->tokens; t++) {
                if (next[t] == 0) continue;
                struct way_on *y = &a->way[place[next[t]] - 1];
                a->token[y->first + y->n++] = s->at[i] + t;
            }
            for (size_t k = begin; k < ways; k++) {
                struct way_on *y = &a->way[k];
                place[y->to] = 0;
                y->drop = y->n > 1 ? (unsigned)bits_of_wide(y->n) : 0;
                y->by -= y->drop;
                y->run = a->token[y->first + y->n - 1] - a->token[y->first] == y->n - 1;
            }
        }
        a->first[i][l->classes.n] = ways;
        mem_free(place);
    }
}

static bool take_G(struct adder *a) {
    const struct sep *s = a->s;
    const int64_t *D = s->D + (size_t)a->p->q * s->cols;
    uint64_t largest = 1;
    size_t tokens = 0;
    bool *seen = mem_get(s->at[s->n], sizeof *seen), good = true;
    for (size_t k = 0, ways = a->first[s->n - 1][a->level[s->n - 1].classes.n]; k < ways; k++) tokens += a->way[k].n;
    for (size_t k = 0; k < tokens; k++) seen[a->token[k]] = true;
    for (uint32_t c = 0; good && c < s->at[s->n]; c++) {
        if (!seen[c] || !sep_source(s, a->p->q, c)) continue;
        if (a->p->w[c] != 0) a->live[a->n_live++] = c;
        const int64_t *C = s->C + (size_t)c * s->cols;
        __int128 G = (__int128)a->f->c + (a->f->beta != NULL ? a->f->beta[c] : 0);
        for (uint32_t k = 0; k < a->f->n; k++) G += (__int128)a->f->alpha[k] * (D[a->f->j[k]] + C[a->f->j[k]]);
        good = G >> 60 == 0 || G >> 60 == -1;
        a->G[c] = (int64_t)G;
        uint64_t size = (uint64_t)(G < 0 ? -G : G);
        if (size > largest) largest = size;
    }
    while (largest >> a->b != 0) a->b++;
    a->largest = (int64_t)largest;
    mem_free(seen);
    return good;
}

#define EACH_WAY(a, i, c, y) for (const struct way_on *y = (a)->way + (a)->first[i][c]; y < (a)->way + (a)->first[i][(c) + 1]; y++)

/* Exponents: every sequence has a weight of at least 2^least, and all of them together less than 2^most. */
static bool reach(struct adder *a) {
    const struct sep *s = a->s;
    int64_t *later = a->P[0], *now = a->P[1];
    a->most = INT32_MIN;
    later[1] = INT32_MIN;
    for (uint32_t i = s->n; i-- > 0;) {
        for (size_t c = 1; c < a->level[i].classes.n; c++) {
            now[c] = INT32_MAX;
            EACH_WAY(a, i, c, y)
                for (size_t k = y->first; k < y->first + y->n; k++) {
                    uint32_t cell = a->token[k];
                    int64_t here = INT32_MIN;
                    if (a->p->w[cell] != 0) {
                        if (a->p->exponent[cell] > a->most) a->most = a->p->exponent[cell];
                        here = a->p->exponent[cell] - 1; /* w >= 2^(exponent - 1) */
                    }
                    if (later[y->to] > here) here = later[y->to];
                    if (here < now[c]) now[c] = here;
                }
        }
        int64_t *swap = now;
        now = later;
        later = swap;
    }
    a->least = (int)later[1];
    for (uint32_t n = s->n; n > 0; n >>= 1) a->most++;
    return a->least > -LIGHT;
}

static int64_t shifted(__int128 x, unsigned by) { return by < 127 ? (int64_t)(x >> by) : x < 0 ? -1 : 0; }

static __int128 sum_of(const int64_t *x, const uint32_t *at, size_t n) {
    __int128 sum = 0;
    for (size_t k = 0; k < n; k++) sum += x[at[k]];
    return sum;
}

/* The same of x[0..n - 1], in halves of 32 bits; 2^63 more for every number, which makes them positive. n < 2^32 */
__attribute__((optimize("O3"))) static __int128 sum_of_run(const int64_t *x, size_t n) {
    uint64_t low = 0, high = 0;
    for (size_t k = 0; k < n; k++) {
        uint64_t v = (uint64_t)x[k] ^ (uint64_t)1 << 63;
        low += v & 0xffffffff;
        high += v >> 32;
    }
    return ((__int128)high << 32) + low - ((__int128)n << 63);
}

/* P and Q of a state: the tokens that lead to one state are added up first. */
static void state(struct adder *a, uint32_t i, size_t c, const int64_t *x, uint32_t at) {
    int64_t P = 0, Q = 0;
    EACH_WAY(a, i, c, y) {
        const uint32_t *token = a->token + y->first;
        __int128 X = y->run ? sum_of_run(x + token[0], y->n) : sum_of(x, token, y->n), U = y->run ? sum_of_run(a->u + token[0], y->n) : sum_of(a->u, token, y->n);
        X >>= y->drop;
        U >>= y->drop;
        P += shifted(X * a->P[at][y->to], y->by);
        Q += shifted(X * a->Q[at][y->to] + U * a->P[at][y->to], y->by);
    }
    a->P[1 - at][c] = P;
    a->Q[1 - at][c] = Q;
}

/* Q of the first state at s = 2^(k/2); linear: with 1 - s w in place of e^(-s w), to the first order, s w below 2^-LEFT. */
static int64_t node(struct adder *a, int k, bool linear) {
    const struct sep *s = a->s;
    size_t cells = s->at[s->n], from = linear ? 0 : query_node(a->p, a->exps, cells, k);
    int64_t *x = a->p->x + from, *one = NULL;
    if (linear) one = x = mem_get(cells, sizeof *one);
    for (size_t c = 0; linear && c < cells; c++) x[c] = (int64_t)1 << 60;
    for (size_t j = 0; j < a->n_live; j++) { /* elsewhere u is 0 */
        uint32_t c = a->live[j];
        int64_t v = linear ? (int64_t)(y_of(a->exps, a->p->w[c], a->p->exponent[c], k) << 3) : a->p->v[from + c];
        a->u[c] = (int64_t)((__int128)v * a->G[c] >> a->b);
    }
    a->P[0][1] = (int64_t)1 << 59; /* one completion: e is 1 */
    a->Q[0][1] = 0;
    for (uint32_t i = s->n, at = 0; i-- > 0; at = 1 - at)
        for (size_t c = 1; c < a->level[i].classes.n; c++) state(a, i, c, x, at);
    mem_free(one);
    return a->Q[s->n % 2][1];
}

/* Of one node, in parts of 2^-60; saturates. */
static uint64_t node_error(const struct adder *a) {
    uint64_t P = 0, Q = 0;
    for (uint32_t i = a->s->n; i-- > 0;) {
        uint64_t lost = 2 * (uint64_t)a->level[i].tokens;
        Q += 36 + P / 2 + 1 + lost;
        P += 17 + lost;
    }
    return Q;
}

/* What stands beside the nodes, in parts of 2^-60 of 2^(b - 40): the rule itself 2^-36, nodes before the first in one step h 2^-36, nodes beyond the last 2^-41; the weights, within 2^-58 of
 * themselves or (weight_of) too small to count; G within its radius; under float32 weights times e^x, |x| <= h, which moves an average by (e^2h - 1) <= 2h + 4h^2 of the largest |G|, and R. */
static bool other_errors(const struct adder *a, uint64_t *out) {
    const struct sep *s = a->s;
    __int128 units = ((__int128)1 << 24) + ((__int128)1 << 23) + ((__int128)1 << 19) + 16;
    units += (__int128)s->n << 14;
    units += ((__int128)a->f->radius << 60 >> a->b) + 1;
    if (s->h != NULL) {
        int64_t most = 0;
        const int64_t *h = s->h + (size_t)a->p->q * s->at[s->n];
        for (uint32_t c = 0; c < s->at[s->n]; c++)
            if (sep_source(s, a->p->q, c) && h[c] > most) most = h[c];
        __int128 moved = 2 * (__int128)most + (4 * (__int128)most * most >> SEP_BITS) + 2; /* most < 2^38, largest < 2^60 */
        units += (moved * a->largest >> a->b << (60 - SEP_BITS)) + ((__int128)1 << (60 - SEP_BITS));
        units += ((__int128)a->f->error << 60 >> a->b) + 1;
    }
    *out = (uint64_t)units;
    return units < (__int128)1 << 62;
}

/* sign n 2^(b - 40) / times (h sum +- error), sum at 2^-(60 + 62), h at 2^-62, for the n < 2^e sequences. */
static void put(struct average *to, const struct adder *a, const mpz_t sum, uint64_t error, int sign) {
    wide n = a->level[0].count[1];
    mpz_t x, room, size;
    mpz_inits(x, room, size, NULL);
    mpz_mul_ui(x, sum, a->exps->h);
    if (sign < 0) mpz_neg(x, x);
    mpz_mul_2exp(x, x, (unsigned)bits_of_wide(n));        /* at 2^-184 of 2^(b - 40) */
    mpz_set_ui(room, 1);                   /* h may be a unit more, and 1 + sqrt 2, which meets one |Q| <= 2^60 */
    mpz_mul_2exp(room, room, 122);
    mpz_abs(size, sum);
    mpz_add(room, room, size);
    mpz_mul_2exp(room, room, (unsigned)bits_of_wide(n) + 1);
    mpz_set_ui(size, (unsigned long)(n >> 64));
    mpz_mul_2exp(size, size, 64);
    mpz_add_ui(size, size, (unsigned long)n);
    mpz_mul_ui(size, size, error);
    mpz_mul_2exp(size, size, 124);
    mpz_add(room, room, size);
    mpz_sub(size, x, room);
    mpz_add(x, x, room);
    mpz_mul_2exp(size, size, a->b);        /* at 2^-(184 + SEP_BITS) */
    mpz_mul_2exp(x, x, a->b);
    mpz_set_si(room, a->f->times);
    mpz_mul_2exp(room, room, 184 + SEP_BITS - MEAN_BITS);
    mpz_fdiv_q(size, size, room);
    mpz_cdiv_q(x, x, room);
    mpz_add(to->part[0], to->part[0], size);
    mpz_add(to->part[1], to->part[1], x);
    mpz_clears(x, room, size, NULL);
}

static bool sum_nodes(struct average *to, struct adder *a, int sign) {
    int from = 2 * (-LEFT - a->most), end = 2 * (RIGHT - a->least);
    uint64_t error;
    if (from < a->p->from || end > a->p->from + a->p->nodes || !other_errors(a, &error)) return false;
    uint64_t one = node_error(a);
    if (one >> 48 != 0) return false;
    error += (uint64_t)(end - from + 1) * one;
    mpz_t sum, t;
    mpz_inits(sum, t, NULL);
    for (int k = from; k < end; k++) {
        mpz_set_si(t, node(a, k, false));
        mpz_add(sum, sum, t);
    }
    mpz_mul_2exp(sum, sum, 62);
    mpz_set_si(t, node(a, from, true));
    mpz_mul_ui(t, t, a->exps->first);
    mpz_add(sum, sum, t);
    put(to, a, sum, error, sign);
    mpz_clears(sum, t, NULL);
    return true;
}

static void adder_clear(struct adder *a) {
    for (uint32_t i = 0; i < a->s->n; i++) mem_free(a->first[i]);
    void *all[] = {a->G, a->u, a->live, a->first, a->way, a->token, a->P[0], a->P[1], a->Q[0], a->Q[1]};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
}

bool average_add(struct average *to, struct sep *s, const struct level *level, uint32_t q, const struct iform *f, int sign) {
    if (level[0].classes.n < 2) return true;
    if (to->exps == NULL) to->exps = exps_new();
    if (to->query == NULL) to->query = mem_get(1, sizeof *to->query);
    if (to->exps == NULL) return sep_refuse(s, "no table of exponentials");
    size_t cells = s->at[s->n], states = 2;
    for (uint32_t i = 0; i < s->n; i++) states = level[i].classes.n > states ? level[i].classes.n : states;
    struct adder a = {.s = s, .level = level, .p = to->query, .exps = to->exps, .f = f};
    a.G = mem_get(cells, sizeof *a.G);
    a.u = mem_get(cells, sizeof *a.u);
    a.live = mem_get(cells, sizeof *a.live);
    for (int k = 0; k < 2; k++) {
        a.P[k] = mem_get(states, sizeof **a.P);
        a.Q[k] = mem_get(states, sizeof **a.Q);
    }
    query_set(a.p, s, q);
    take_ways(&a);
    bool good = take_G(&a) && reach(&a) && sum_nodes(to, &a, sign);
    adder_clear(&a);
    return good ? true : sep_refuse(s, "the attention weights of a sequence are all too small, or a value is too large, for an average");
}
