/* Row i of a mix node is sum over j of w_j v_j / Z, Z = sum of w_j, and the mean over a product of sets of tokens, for a query token at i, by
 *
 *     | 1 - h sum over all integers k of s_k Z exp(-s_k Z) | <= 2^-56,     s_k = 2^(k/3), h = log(2)/3
 *
 * (docs/methods.md, "Averages", with a finer step) a sum of products over positions: the share of token a at j is h sum_k s_k w_ja exp(-s_k w_ja) times the product of the means P_l of exp(-s_k w_l) at the other positions.
 *
 * In long doubles, e their epsilon: y = s_k w is within 4 e of itself, x = exp(-y) within 2 e, v = y x within 4 e; P of V tokens within (V + 4) e. Over all j the terms v prod P of a node are off by n (4 + V) e at most, as the sum of the terms of
 * all j but l is at most 1/e, like the derivative of exp(-sZ) by s; h is below 1/4. So with K nodes a row is within n (V + 16) K/4 e and 2^-55 (the step 2^-56, first nodes 2^-57) of the largest |v|. */
#include "verify/mean_attention.h"
#include "verify/mean_kept.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <mpfr.h>

#include "core/mem.h"

#define PREC 128
#define STEPS 3
#define LEFT (-29)             /* s Z at the first node at most 2^LEFT */
#define RIGHT 6                /* and behind the last one at least 2^RIGHT */
#define LIGHT (-1500)          /* where Z is at least 2^LIGHT of the query's largest weight */

/* Rows of the nodes behind one mix, of single tokens: [position][place in its set]. */
struct mixed { size_t node, query, key, value; arb_ptr queries, keys, values; };

struct quick_means {
    const struct net *net; const enum reach *reach; const struct token_set *sets; size_t n;
    size_t *first;             /* of the cells of a position */
    struct ball_run *run;      /* of the network as it stands */
    int *tokens;
    struct mixed *mixes; size_t n_mixes, room_mixes;
};

/* ---- which nodes ---- */

static bool is_mix(const struct net *net, const enum reach *reach, size_t node)
{
    const struct node *x = &net->nodes[node];
    if (x->op != OP_MIX || net->nodes[x->inputs[0]].op != OP_SOFTMAX || net->pad >= 0)
        return false;
    const struct node *score = &net->nodes[net->nodes[x->inputs[0]].inputs[0]];
    return reach[x->inputs[1]] <= REACH_TOKEN && reach[score->inputs[0]] <= REACH_TOKEN && reach[score->inputs[1]] <= REACH_TOKEN;
}

static bool is_linear(enum op op) { return op == OP_ADD || op == OP_LINEAR || op == OP_HEADS || op == OP_SUB || op == OP_SELECT || op == OP_CONCAT; }

bool mean_is_quick(const struct net *net, const enum reach *reach, size_t node)
{
    if (net->d_vocab == 0)
        return false;
    if (reach[node] <= REACH_TOKEN)
        return net->nodes[node].width > 0;
    if (!is_linear(net->nodes[node].op))
        return is_mix(net, reach, node);
    bool good = true;
    for (size_t a = 0; a < net->nodes[node].n_inputs; a++)
        good = good && mean_is_quick(net, reach, net->nodes[node].inputs[a]);
    return good;
}

/* ---- rows of single tokens ---- */

static void bind(struct quick_means *m, int token)
{
    for (size_t i = 0; i < m->n; i++)
        m->tokens[i] = token;
    ball_run_tokens(m->run, m->tokens, m->n);
}

/* The row of every cell. NULL without memory. */
static arb_ptr cell_rows(struct quick_means *m, size_t node)
{
    size_t width = m->net->nodes[node].width;
    arb_ptr out = _arb_vec_init((slong)(m->first[m->n] * width));
    for (int token = 0; out && (size_t)token < m->net->d_vocab; token++) {
        bool bound = false;
        for (size_t j = 0; j < m->n; j++)
            for (size_t k = 0; k < m->sets[j].n; k++) {
                if (m->sets[j].items[k] != token)
                    continue;
                if (!bound)
                    bind(m, token);
                bound = true;
                _arb_vec_set(out + (m->first[j] + k) * width, ball_run_row(m->run, node, j), (slong)width);
            }
    }
    return out;
}

static struct mixed *mixed_of(struct quick_means *m, size_t node)
{
    for (size_t i = 0; i < m->n_mixes; i++)
        if (m->mixes[i].node == node)
            return &m->mixes[i];
    struct mixed *grown = mem_grow(m->mixes, &m->room_mixes, m->n_mixes + 1, sizeof *grown);
    if (!grown)
        return NULL;
    m->mixes = grown;
    struct mixed *x = &m->mixes[m->n_mixes++];
    const struct node *mix = &m->net->nodes[node], *score = &m->net->nodes[m->net->nodes[mix->inputs[0]].inputs[0]];
    *x = (struct mixed){ .node = node, .query = score->inputs[0], .key = score->inputs[1], .value = mix->inputs[1] };
    x->queries = cell_rows(m, x->query);
    x->keys = cell_rows(m, x->key);
    x->values = cell_rows(m, x->value);
    return x;
}

enum status quick_means_new(struct quick_means **out, const struct net *net, const enum reach *reach, const struct token_set *sets, size_t length)
{
    struct quick_means *m = *out = mem_array(1, sizeof *m);
    if (!m)
        return STATUS_MEMORY;
    *m = (struct quick_means){ .net = net, .reach = reach, .sets = sets, .n = length, .first = mem_array(length + 1, sizeof *m->first), .tokens = mem_array(length, sizeof *m->tokens) };
    if (!m->first || !m->tokens)
        return STATUS_MEMORY;
    for (size_t j = 0; j < length; j++)
        m->first[j + 1] = m->first[j] + sets[j].n;
    return ball_run_new(&m->run, net, SEMANTICS_REAL, PREC);
}

void quick_means_free(struct quick_means *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_mixes; i++) {
        struct mixed *x = &m->mixes[i];
        arb_ptr rows[] = { x->queries, x->keys, x->values };
        size_t nodes[] = { x->query, x->key, x->value };
        for (size_t k = 0; k < 3; k++)
            if (rows[k])
                _arb_vec_clear(rows[k], (slong)(m->first[m->n] * m->net->nodes[nodes[k]].width));
    }
    ball_run_free(m->run);
    free(m->mixes);
    free(m->first);
    free(m->tokens);
    free(m);
}

/* ---- shares of one query token ---- */

/* w of the cells of the sources, beside the largest; share: the sum of their terms. At the row itself only cell `own` is there. */
struct query { const struct quick_means *m; size_t row, own, sources; long double *w, *x, *v, *P, *share; int first, last; };

static size_t cell_first(const struct query *q, size_t j) { return j == q->row ? q->own : q->m->first[j]; }
static size_t cell_end(const struct query *q, size_t j) { return j == q->row ? q->own + 1 : q->m->first[j + 1]; }

static bool query_init(struct query *q, const struct quick_means *m, size_t row, size_t own)
{
    size_t cells = m->first[m->n];
    *q = (struct query){ .m = m, .row = row, .own = own, .sources = m->net->causal ? row + 1 : m->n };
    q->w = mem_array(cells, sizeof *q->w);
    q->x = mem_array(cells, sizeof *q->x);
    q->v = mem_array(cells, sizeof *q->v);
    q->share = mem_array(cells, sizeof *q->share);
    q->P = mem_array(2 * m->n + 1, sizeof *q->P);
    return q->w && q->x && q->v && q->share && q->P;
}

static void query_clear(struct query *q)
{
    free(q->w);
    free(q->x);
    free(q->v);
    free(q->share);
    free(q->P);
}

/* The largest score above `most` is left in most. */
static void scores(arb_ptr out, arb_t most, const struct query *q, const struct mixed *x)
{
    const struct quick_means *m = q->m;
    slong width = (slong)m->net->nodes[x->key].width;
    const struct node *score = &m->net->nodes[m->net->nodes[m->net->nodes[x->node].inputs[0]].inputs[0]];
    arb_t root;
    arb_init(root);
    arb_sqrt_ui(root, (ulong)score->arg[0], PREC);
    bool any = false;
    for (size_t j = 0; j < q->sources; j++)
        for (size_t c = cell_first(q, j); c < cell_end(q, j); c++) {
            arb_dot(out + c, NULL, 0, x->queries + q->own * (size_t)width, 1, x->keys + c * (size_t)width, 1, width, PREC);
            arb_div(out + c, out + c, root, PREC);
            if (!any || arf_cmp(arb_midref(out + c), arb_midref(most)) > 0)
                arb_set(most, out + c);
            any = true;
        }
    arb_clear(root);
}

/* false: not known, or not narrow enough. */
static bool weights(struct query *q, const struct mixed *x)
{
    size_t cells = q->m->first[q->m->n];
    arb_ptr s = _arb_vec_init((slong)cells);
    arb_t most;
    mpfr_t w;
    bool good = true;
    arb_init(most);
    mpfr_init2(w, PREC);
    scores(s, most, q, x);
    for (size_t j = 0; j < q->sources; j++)
        for (size_t c = cell_first(q, j); good && c < cell_end(q, j); c++) {
            arb_sub(s + c, s + c, most, PREC);
            arb_exp(s + c, s + c, PREC);
            good = arb_is_finite(s + c) && arb_rel_accuracy_bits(s + c) > 66;
            (void)arf_get_mpfr(w, arb_midref(s + c), MPFR_RNDN);
            q->w[c] = good ? mpfr_get_ld(w, MPFR_RNDN) : 0;
        }
    mpfr_clear(w);
    arb_clear(most);
    _arb_vec_clear(s, (slong)cells);
    return good;
}

/* 2^least <= Z <= 2^most on every sequence. */
static bool nodes_of(struct query *q)
{
    int least = INT_MIN, most = INT_MIN;
    for (size_t j = 0; j < q->sources; j++) {
        long double low = INFINITY, high = 0;
        for (size_t c = cell_first(q, j); c < cell_end(q, j); c++) {
            low = fminl(low, q->w[c]);
            high = fmaxl(high, q->w[c]);
        }
        if (!(low > 0))
            return false;
        least = ilogbl(low) > least ? ilogbl(low) : least;
        most = ilogbl(high) > most ? ilogbl(high) : most;
    }
    q->first = STEPS * (LEFT - most - 1 - ilogb((double)q->sources) - 1);
    q->last = STEPS * (RIGHT - least);
    return least > LIGHT;
}

/* exp(-y), by its series where that is enough */
static long double exp_of(long double y) { return y < 0x1p-22L ? 1 - y * (1 - y / 2 * (1 - y / 3)) : y < 64 ? expl(-y) : 0; }

static void add_node(struct query *q, long double s)
{
    long double *P = q->P, *before = q->P + q->m->n;
    before[0] = 1;
    for (size_t j = 0; j < q->sources; j++) {
        long double sum = 0;
        for (size_t c = cell_first(q, j); c < cell_end(q, j); c++) {
            long double y = s * q->w[c], x = exp_of(y);
            sum += x;
            q->v[c] = y * x;
        }
        P[j] = sum / (long double)(cell_end(q, j) - cell_first(q, j));
        before[j + 1] = before[j] * P[j];
    }
    long double behind = 1;
    for (size_t j = q->sources; j-- > 0;) {
        long double others = before[j] * behind;
        for (size_t c = cell_first(q, j); c < cell_end(q, j); c++)
            q->share[c] += q->v[c] * others;
        behind *= P[j];
    }
}

static bool take_query(struct query *q, const struct mixed *x)
{
    const long double root[STEPS] = { 1, cbrtl(2), cbrtl(4) };
    if (!weights(q, x) || !nodes_of(q))
        return false;
    for (size_t j = 0; j < q->sources; j++) /* the nodes before the first: 1 / (r - 1) = r^2 + r + 1, r^3 = 2 */
        for (size_t c = cell_first(q, j); c < cell_end(q, j); c++)
            q->share[c] = ldexpl(q->w[c], q->first / STEPS) * (1 + root[1] + root[2]);
    for (int k = q->first; k < q->last; k++) {
        int up = (k - q->first) / STEPS;
        add_node(q, ldexpl(root[(k - q->first) % STEPS], q->first / STEPS + up));
    }
    return true;
}

/* ---- a row ---- */

static void set_long(arb_t out, long double x)
{
    double high = (double)x;
    arb_set_d(out, high);
    arb_t rest;
    arb_init(rest);
    arb_set_d(rest, (double)(x - high));
    arb_add(out, out, rest, PREC);
    arb_clear(rest);
}

/* Of every source: the largest number of tokens. */
static size_t largest_set(const struct quick_means *m, size_t sources)
{
    size_t most = 0;
    for (size_t j = 0; j < sources; j++)
        most = m->sets[j].n > most ? m->sets[j].n : most;
    return most;
}

/* sum[cell]: of the shares over h of all query tokens, of at most so many nodes each. The shares are positive and add up to 1, which is seen to. */
static bool weigh(arb_ptr out, const struct quick_means *m, const struct mixed *x, size_t row, const long double *sum, int nodes)
{
    size_t width = m->net->nodes[x->node].width, sources = m->net->causal ? row + 1 : m->n;
    double error = (double)sources * (double)(largest_set(m, sources) + 16) * (double)nodes / 4 * (double)LDBL_EPSILON + 0x1p-55;
    arb_t h, share, all, most;
    arb_init(h), arb_init(share), arb_init(all), arb_init(most);
    arb_const_log2(h, PREC);
    arb_div_ui(h, h, STEPS, PREC);
    _arb_vec_zero(out, (slong)width);
    for (size_t j = 0; j < sources; j++)
        for (size_t c = m->first[j]; c < m->first[j + 1]; c++) {
            set_long(share, sum[c]);
            arb_mul(share, share, h, PREC);
            arb_div_ui(share, share, m->sets[row].n, PREC);
            if (j != row)
                arb_div_ui(share, share, m->sets[j].n, PREC);
            arb_add(all, all, share, PREC);
            for (size_t d = 0; d < width; d++)
                arb_addmul(out + d, share, x->values + c * width + d, PREC);
        }
    arb_sub_ui(all, all, 1, PREC);
    bool good = fabs(arf_get_d(arb_midref(all), ARF_RND_NEAR)) <= error;
    for (size_t d = 0; d < width; d++) {
        mag_t size, largest;
        mag_init(size), mag_init(largest);
        for (size_t c = m->first[0]; c < m->first[sources]; c++) {
            arb_get_mag(size, x->values + c * width + d);
            mag_max(largest, largest, size);
        }
        mag_set_d(size, error);
        mag_mul(size, size, largest);
        arb_add_error_mag(out + d, size);
        mag_clear(size), mag_clear(largest);
    }
    arb_clear(h), arb_clear(share), arb_clear(all), arb_clear(most);
    return good;
}

/* Every query token by itself, on all processors; nodes: the most that one took. */
static bool sum_queries(long double *sum, int *nodes, const struct quick_means *m, const struct mixed *x, size_t row)
{
    bool good = true;
    size_t cells = m->first[m->n];
#pragma omp parallel for schedule(dynamic)
    for (size_t k = 0; k < m->sets[row].n; k++) {
        struct query q;
        bool mine = query_init(&q, m, row, m->first[row] + k) && take_query(&q, x);
#pragma omp critical(mean_attention)
        {
            for (size_t c = 0; mine && c < cells; c++)
                sum[c] += q.share[c];
            good = good && mine;
            *nodes = q.last - q.first > *nodes ? q.last - q.first : *nodes;
        }
        query_clear(&q);
    }
    return good;
}

static enum status make_mean(arb_ptr out, struct quick_means *m, size_t node, size_t row)
{
    struct mixed *x = mixed_of(m, node);
    if (!x || !x->queries || !x->keys || !x->values)
        return STATUS_MEMORY;
    long double *sum = mem_array(m->first[m->n], sizeof *sum);
    int nodes = 0;
    bool good = sum && sum_queries(sum, &nodes, m, x, row) && weigh(out, m, x, row, sum, nodes);
    free(sum);
    return good ? STATUS_OK : STATUS_UNSUPPORTED;
}

static enum status mix_mean(arb_ptr out, struct quick_means *m, size_t node, size_t row)
{
    const struct mean_key k = { m->net, m->sets, m->n, node, row };
    enum status s = STATUS_OK;
#pragma omp critical(mean_kept)
    {
        if (!mean_kept_find(out, &k)) {
            s = make_mean(out, m, node, row);
            if (s == STATUS_OK)
                mean_kept_add(&k, out);
        }
    }
    return s;
}

/* The mean of a row of single tokens. */
static void token_mean(arb_ptr out, struct quick_means *m, size_t node, size_t row)
{
    slong width = (slong)m->net->nodes[node].width;
    _arb_vec_zero(out, width);
    for (size_t k = 0; k < m->sets[row].n; k++) {
        bind(m, m->sets[row].items[k]);
        _arb_vec_add(out, out, ball_run_row(m->run, node, row), width, PREC);
    }
    for (slong d = 0; d < width; d++)
        arb_div_ui(out + d, out + d, m->sets[row].n, PREC);
}

/* Gives the run the means of the rows that the node's row is linear in; give NULL: says which. */
static enum status patch_leaves(struct quick_means *m, struct ball_run *to, size_t node, size_t row, bool give)
{
    const struct node *x = &m->net->nodes[node];
    if (m->reach[node] > REACH_TOKEN && is_linear(x->op)) {
        enum status s = STATUS_OK;
        for (size_t a = 0; a < x->n_inputs && s == STATUS_OK; a++)
            s = patch_leaves(m, to, x->inputs[a], row, give);
        return s;
    }
    if (!give)
        return ball_run_patch(to, node, (long)row);
    arb_ptr mean = _arb_vec_init((slong)x->width);
    enum status s = STATUS_OK;
    if (m->reach[node] <= REACH_TOKEN)
        token_mean(mean, m, node, row);
    else
        s = mix_mean(mean, m, node, row);
    if (s == STATUS_OK)
        ball_run_patch_row(to, node, row, mean);
    _arb_vec_clear(mean, (slong)x->width);
    return s;
}

enum status quick_mean(arb_ptr out, struct quick_means *m, size_t node, size_t row)
{
    struct ball_run *run = NULL;
    enum status s = ball_run_new(&run, m->net, SEMANTICS_REAL, PREC);
    if (s == STATUS_OK)
        s = patch_leaves(m, run, node, row, false);
    if (s == STATUS_OK) {
        bind(m, m->sets[0].items[0]);
        ball_run_tokens(run, m->tokens, m->n);
        s = patch_leaves(m, run, node, row, true);
    }
    if (s == STATUS_OK)
        _arb_vec_set(out, ball_run_row(run, node, row), (slong)m->net->nodes[node].width);
    ball_run_free(run);
    return s;
}
