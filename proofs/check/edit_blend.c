/* Networks with other numbers in their tensors, as blend says, and with biases that are rows of their own. */
#include "edit.h"
#include <stdlib.h>
#include <string.h>

static bool same_weight(const struct net *a, const struct weight *x, const struct net *b, const struct weight *y) {
    if (x->t == NULL || y->t == NULL) return x->t == y->t;
    return x->t - a->tensors == y->t - b->tensors && x->at == y->at && x->rows == y->rows && x->cols == y->cols;
}

static bool same_node(const struct net *a, const struct node *x, const struct net *b, const struct node *y) {
    bool same = strcmp(x->name, y->name) == 0 && x->op == y->op && x->n_args == y->n_args && x->width == y->width;
    for (int i = 0; same && i < x->n_args; i++) same = x->args[i] == y->args[i];
    for (int i = 0; same && i < 4; i++) same = x->d[i] == y->d[i];
    size_t n = x->op == OP_MAXPOOL ? (size_t)x->width * x->d[0] : x->width;
    if (same && x->index != NULL) same = y->index != NULL && memcmp(x->index, y->index, n * sizeof *x->index) == 0;
    return same && same_weight(a, &x->w, b, &y->w) && same_weight(a, &x->b, b, &y->b);
}

static bool same_graph(const struct net *a, const struct net *b) {
    bool same = a->reals == b->reals && a->vocab == b->vocab && a->in_width == b->in_width && a->ctx == b->ctx && a->pad == b->pad && a->causal == b->causal;
    same = same && a->eps.m == b->eps.m && a->eps.e == b->eps.e && a->n_tensors == b->n_tensors && a->n_nodes == b->n_nodes && a->output == b->output;
    for (size_t k = 0; same && k < a->n_tensors; k++) {
        const struct tensor *x = &a->tensors[k], *y = &b->tensors[k];
        same = strcmp(x->name, y->name) == 0 && x->rank == y->rank && x->n == y->n;
        for (int i = 0; same && i < x->rank; i++) same = x->d[i] == y->d[i];
    }
    for (int v = 0; same && v < a->n_nodes; v++) same = same_node(a, &a->nodes[v], b, &b->nodes[v]);
    return same;
}

/* q / 2^e to the nearest integer, ties to even */
static void nearest_multiple(mpz_t m, mpq_srcptr q, long e) {
    mpz_t d, rest;
    mpz_init(d);
    mpz_init(rest);
    mpz_mul_2exp(m, mpq_numref(q), e < 0 ? (mp_bitcnt_t)-e : 0);
    mpz_mul_2exp(d, mpq_denref(q), e > 0 ? (mp_bitcnt_t)e : 0);
    mpz_fdiv_qr(m, rest, m, d);
    mpz_mul_2exp(rest, rest, 1);
    int side = mpz_cmp(rest, d);
    if (side > 0 || (side == 0 && mpz_odd_p(m))) mpz_add_ui(m, m, 1);
    mpz_clear(d);
    mpz_clear(rest);
}

/* The nearest number m 2^e with |m| < 2^digits, e >= least, below 2^most. */
static bool nearest(struct dyadic *out, mpq_srcptr q, long digits, long least, long most) {
    *out = (struct dyadic){0, 0};
    if (mpq_sgn(q) == 0) return true;
    mpz_t m;
    mpz_init(m);
    /* the exponent of the leading digit is top or top - 1: 2^(top - 1) < |q| < 2^(top + 1); the last place of q is digits - 1 below it */
    long top = (long)mpz_sizeinbase(mpq_numref(q), 2) - (long)mpz_sizeinbase(mpq_denref(q), 2);
    mpq_t size, bound;
    mpq_init(size);
    mpq_init(bound);
    mpq_abs(size, q);
    mpq_set_ui(bound, 1, 1);
    if (top >= 0) mpq_mul_2exp(bound, bound, (mp_bitcnt_t)top);
    else mpq_div_2exp(bound, bound, (mp_bitcnt_t)-top);
    if (mpq_cmp(size, bound) < 0) top--;
    mpq_clear(size);
    mpq_clear(bound);
    long e = top - digits + 1 < least ? least : top - digits + 1;
    nearest_multiple(m, q, e);
    bool fits = mpz_sgn(m) == 0 || (long)mpz_sizeinbase(m, 2) + e <= most;
    if (fits && mpz_sgn(m) != 0) {
        mp_bitcnt_t twos = mpz_scan1(m, 0);
        mpz_tdiv_q_2exp(m, m, twos);
        *out = (struct dyadic){mpz_get_si(m), (int)(e + (long)twos)};
    }
    mpz_clear(m);
    return fits;
}

static bool same_numbers(const struct tensor *a, const struct tensor *b) {
    bool same = true;
    for (size_t i = 0; same && i < a->n; i++) same = a->v[i].m == b->v[i].m && a->v[i].e == b->v[i].e;
    return same;
}

struct net *net_blend(const struct net *a, const struct net *b, mpq_srcptr alpha, bool float32, struct fail *f) {
    if (!same_graph(a, b)) {
        fail_at(f, 0, "blend of two networks that differ in more than numbers");
        return NULL;
    }
    struct dyadic **values = mem_get(a->n_tensors, sizeof *values);
    bool good = true;
    mpq_t x, y;
    mpq_init(x);
    mpq_init(y);
    for (size_t k = 0; good && k < a->n_tensors; k++) {
        if (same_numbers(&a->tensors[k], &b->tensors[k])) continue;
        values[k] = mem_get(a->tensors[k].n, sizeof **values);
        for (size_t i = 0; good && i < a->tensors[k].n; i++) {
            dyadic_mpq(x, a->tensors[k].v[i]);
            dyadic_mpq(y, b->tensors[k].v[i]);
            mpq_sub(y, y, x);
            mpq_mul(y, y, alpha);
            mpq_add(x, x, y);
            good = nearest(&values[k][i], x, float32 ? 24 : 53, float32 ? -149 : -1074, float32 ? 128 : 1024);
            if (!good) fail_at(f, 0, "blend: a number is too large");
        }
    }
    mpq_clear(x);
    mpq_clear(y);
    struct net *net = good ? net_with_tensors(a, values, f) : NULL;
    for (size_t k = 0; k < a->n_tensors; k++) mem_free(values[k]);
    mem_free(values);
    return net;
}

static bool has_bias(const struct node *x) { return x->op == OP_HEADS && x->b.t != NULL && strncmp(x->name, "blocks.", 7) == 0; }

struct net *net_with_biases(const struct net *base) {
    struct net *net = mem_get(1, sizeof *net);
    int *place = mem_get((size_t)base->n_nodes, sizeof *place);
    *net = *base;
    net->arena = (struct arena){0};
    net->n_nodes = 0;
    net->nodes = arena_get(&net->arena, 2 * (size_t)base->n_nodes, sizeof *net->nodes);
    for (int v = 0; v < base->n_nodes; v++) {
        const struct node *old = &base->nodes[v];
        bool split = has_bias(old);
        if (split) {
            struct node *k = &net->nodes[net->n_nodes++];
            char name[260];
            snprintf(name, sizeof name, "%.200s>b", old->name);
            *k = (struct node){.name = arena_text(&net->arena, name, strlen(name)), .op = OP_CONSTANT, .w = old->b, .width = old->width};
        }
        place[v] = net->n_nodes++;
        struct node *x = &net->nodes[place[v]];
        *x = *old;
        x->args = arena_get(&net->arena, (size_t)old->n_args + 1, sizeof *x->args);
        for (int i = 0; i < old->n_args; i++) x->args[i] = place[old->args[i]];
        if (!split) continue;
        x->args[x->n_args++] = place[v] - 1;
        x->b = (struct weight){0};
    }
    net->output = place[base->output];
    mem_free(place);
    return net;
}

int net_bias_node(const struct net *net, int layer) {
    char start[40];
    size_t n = (size_t)snprintf(start, sizeof start, "blocks.%d.", layer);
    for (int v = 0; v < net->n_nodes; v++) {
        const char *name = net->nodes[v].name, *tail = strchr(name, '>');
        if (strncmp(name, start, n) == 0 && tail != NULL && strcmp(tail, ">b") == 0) return v;
    }
    return -1;
}
