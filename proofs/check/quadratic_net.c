/* The network as exact polynomials: addition and multiplication of rows of them (NETWORK.md §3). */
#include "quadratic.h"
#include <string.h>

#define COEFFICIENTS_MOST ((size_t)1 << 24)

struct walk { const struct net *net; struct rowpoly *rows; size_t n, used; int leaf; const bool *needed; bool turned; struct fail *f; };

static bool refuse(struct walk *w, const struct node *x, const char *why) { return fail_at(w->f, 0, "rule quadratic: node %.60s: %s", x->name, why); }

static size_t coefficients(size_t n, int degree) { return degree == 0 ? 1 : degree == 1 ? n + 1 : monomial(n, n, n) + 1; }

static bool make(struct walk *w, const struct node *x, struct rowpoly *out, int degree, unsigned long scale) {
    if (degree > 2) return refuse(w, x, "the degree is more than two");
    size_t each = coefficients(w->n, degree);
    if (x->width > (COEFFICIENTS_MOST - w->used) / each) return refuse(w, x, "too many coefficients");
    w->used += x->width * each;
    *out = (struct rowpoly){.degree = degree, .width = x->width, .each = each, .scale = scale, .c = mem_get(x->width * each, sizeof *out->c)};
    for (size_t i = 0; i < out->width * each; i++) mpz_init(out->c[i]);
    return true;
}

void rowpoly_clear(struct rowpoly *p) {
    for (size_t i = 0; p->c != NULL && i < p->width * p->each; i++) mpz_clear(p->c[i]);
    mem_free(p->c);
    *p = (struct rowpoly){0};
}

/* out[j] += or -= in[j] 2^shift */
static void add_row(struct rowpoly *out, size_t at, const struct rowpoly *in, size_t entry, bool minus) {
    mpz_t t;
    mpz_init(t);
    for (size_t i = 0; i < in->each; i++) {
        mpz_ptr to = out->c[at * out->each + i];
        mpz_mul_2exp(t, in->c[entry * in->each + i], out->scale - in->scale);
        if (minus) mpz_sub(to, to, t);
        else mpz_add(to, to, t);
    }
    mpz_clear(t);
}

/* out += a b, for polynomials whose degrees add up to the degree of out or less */
static void multiply(const struct walk *w, mpz_t *out, const mpz_t *a, size_t na, const mpz_t *b, size_t nb) {
    if (na == 1 || nb == 1) {
        const mpz_t *factor = na == 1 ? a : b, *p = na == 1 ? b : a;
        for (size_t i = 0; i < (na == 1 ? nb : na); i++) mpz_addmul(out[i], p[i], *factor);
        return;
    }
    for (size_t u = 0; u < na; u++)
        for (size_t v = 0; mpz_sgn(a[u]) != 0 && v < nb; v++) {
            mpz_ptr to = out[u < v ? monomial(w->n, u, v) : monomial(w->n, v, u)];
            if (w->turned && u > v) mpz_submul(to, a[u], b[v]);
            else mpz_addmul(to, a[u], b[v]);
        }
}

static void put_weight(mpz_t out, const struct weight *m, size_t i) { mpz_set(out, m->t->x[m->at + i]); }

static bool do_constant(struct walk *w, const struct node *x, struct rowpoly *out) {
    if (!make(w, x, out, 0, x->w.t->scale)) return false;
    for (size_t j = 0; j < x->width; j++) put_weight(out->c[j], &x->w, j); /* of position: row 0 */
    return true;
}

static bool do_input(struct walk *w, const struct node *x, struct rowpoly *out) {
    if (!make(w, x, out, 1, 0)) return false;
    for (size_t j = 0; j < x->width; j++) mpz_set_ui(out->c[j * out->each + j + 1], 1);
    return true;
}

/* Room for what is no larger than the arguments. */
static bool make_over(struct walk *w, const struct node *x, struct rowpoly *out) {
    int degree = 0;
    unsigned long scale = 0;
    for (int k = 0; k < x->n_args; k++) {
        const struct rowpoly *a = &w->rows[x->args[k]];
        degree = a->degree > degree ? a->degree : degree;
        scale = a->scale > scale ? a->scale : scale;
    }
    return make(w, x, out, degree, scale);
}

static bool do_sum(struct walk *w, const struct node *x, struct rowpoly *out) {
    if (!make_over(w, x, out)) return false;
    for (int k = 0; k < x->n_args; k++)
        for (size_t j = 0; j < x->width; j++) add_row(out, j, &w->rows[x->args[k]], j, x->op == OP_SUB && k == 1);
    return true;
}

/* out += sum over k of factors[k] times entry k of the row */
static void combine(const struct walk *w, mpz_t *out, const struct rowpoly *a, const mpz_t *factors) {
    if (a == &w->rows[w->leaf]) { /* the variables themselves */
        for (size_t k = 0; k < a->width; k++) mpz_add(out[k + 1], out[k + 1], factors[k]);
        return;
    }
    if (a->left != NULL && a->left->degree == 1 && a->right->degree == 1) {
        sum_products(out, (const mpz_t *)a->left->c, (const mpz_t *)a->right->c, factors, a->width, w->n, w->turned);
        return;
    }
    mpz_t t;
    mpz_init(t);
    for (size_t k = 0; k < a->width; k++) {
        const struct rowpoly *p = a;
        mpz_set(t, factors[k]);
        if (a->left != NULL) { /* one side has no variables */
            bool constant = a->left->degree == 0;
            mpz_mul(t, t, (constant ? a->left : a->right)->c[k]);
            p = constant ? a->right : a->left;
        }
        if (mpz_sgn(t) != 0) multiply(w, out, (const mpz_t *)p->c + k * p->each, p->each, (const mpz_t *)&t, 1);
    }
    mpz_clear(t);
}

static bool do_linear(struct walk *w, const struct node *x, struct rowpoly *out) {
    const struct rowpoly *a = &w->rows[x->args[0]];
    unsigned long bias = x->b.t != NULL ? x->b.t->scale : 0, scale = a->scale + x->w.t->scale;
    unsigned long most = bias > scale ? bias : scale;
    if (!make(w, x, out, a->degree, most)) return false;
    mpz_t t, *column = mem_get(a->width, sizeof *column);
    mpz_init(t);
    for (size_t k = 0; k < a->width; k++) mpz_init(column[k]);
    for (size_t j = 0; j < x->width; j++) {
        for (size_t k = 0; k < a->width; k++) mpz_mul_2exp(column[k], x->w.t->x[x->w.at + k * x->w.cols + j], most - scale);
        combine(w, out->c + j * out->each, a, (const mpz_t *)column);
    }
    for (size_t k = 0; k < a->width; k++) mpz_clear(column[k]);
    mem_free(column);
    for (size_t j = 0; x->b.t != NULL && j < x->width; j++) {
        mpz_mul_2exp(t, x->b.t->x[x->b.at + j], most - bias);
        mpz_add(out->c[j * out->each], out->c[j * out->each], t);
    }
    mpz_clear(t);
    return true;
}

/* Is this node read by linear nodes only? */
static bool only_summed(const struct walk *w, const struct node *x) {
    int at = (int)(x - w->net->nodes);
    if (at == w->net->output) return false;
    for (int i = at + 1; i <= w->net->output; i++)
        for (int k = 0; w->needed[i] && k < w->net->nodes[i].n_args; k++)
            if (w->net->nodes[i].args[k] == at && w->net->nodes[i].op != OP_LINEAR) return false;
    return true;
}

static bool do_mul(struct walk *w, const struct node *x, struct rowpoly *out) {
    const struct rowpoly *a = &w->rows[x->args[0]], *b = &w->rows[x->args[1]];
    if (a->degree < 2 && b->degree < 2 && only_summed(w, x)) {
        int degree = a->degree + b->degree;
        *out = (struct rowpoly){.degree = degree, .width = x->width, .each = coefficients(w->n, degree), .scale = a->scale + b->scale, .left = a, .right = b};
        return true;
    }
    if (!make(w, x, out, a->degree + b->degree, a->scale + b->scale)) return false;
    for (size_t j = 0; j < x->width; j++)
        multiply(w, out->c + j * out->each, (const mpz_t *)a->c + j * a->each, a->each, (const mpz_t *)b->c + j * b->each, b->each);
    return true;
}

static bool do_matmul(struct walk *w, const struct node *x, struct rowpoly *out) {
    const struct rowpoly *a = &w->rows[x->args[0]], *b = &w->rows[x->args[1]];
    size_t B = x->d[0], A = x->d[1], K = x->d[2], C = x->d[3];
    if (!make(w, x, out, a->degree + b->degree, a->scale + b->scale)) return false;
    for (size_t g = 0; g < B; g++)
        for (size_t i = 0; i < A; i++)
            for (size_t j = 0; j < C; j++)
                for (size_t k = 0; k < K; k++)
                    multiply(w, out->c + ((g * A + i) * C + j) * out->each, (const mpz_t *)a->c + ((g * A + i) * K + k) * a->each, a->each,
                             (const mpz_t *)b->c + ((g * K + k) * C + j) * b->each, b->each);
    return true;
}

/* select, row (of the one position), concat: entries of the arguments as they are */
static bool do_take(struct walk *w, const struct node *x, struct rowpoly *out) {
    if (!make_over(w, x, out)) return false;
    size_t at = 0;
    for (int k = 0; k < x->n_args; k++) {
        const struct rowpoly *a = &w->rows[x->args[k]];
        size_t n = x->op == OP_SELECT ? x->width : a->width;
        for (size_t j = 0; j < n; j++) add_row(out, at++, a, x->op == OP_SELECT ? x->index[j] : j, false);
    }
    return true;
}

static bool one_node(struct walk *w, const struct node *x, struct rowpoly *out) {
    if (x == &w->net->nodes[w->leaf]) return do_input(w, x, out);
    switch (x->op) {
    case OP_INPUT: return refuse(w, x, "the output rests on the input by other ways than the node");
    case OP_CONSTANT: case OP_POSITION: return do_constant(w, x, out);
    case OP_ADD: case OP_SUB: return do_sum(w, x, out);
    case OP_LINEAR: return do_linear(w, x, out);
    case OP_MUL: return do_mul(w, x, out);
    case OP_MATMUL: return do_matmul(w, x, out);
    case OP_SELECT: case OP_CONCAT: return do_take(w, x, out);
    case OP_ROW: return x->d[0] == 0 ? do_take(w, x, out) : refuse(w, x, "a row that the input has not");
    default: return refuse(w, x, "not addition, multiplication or choice of entries");
    }
}

/* The nodes that the output rests on, below the leaf none. */
static void mark(const struct net *net, int leaf, bool *needed) {
    needed[net->output] = true;
    for (int i = net->output; i >= 0; i--)
        for (int k = 0; needed[i] && i != leaf && k < net->nodes[i].n_args; k++) needed[net->nodes[i].args[k]] = true;
}

bool net_rowpoly(struct rowpoly *out, const struct net *net, int leaf, struct fail *f) { return net_rowpoly_turned(out, net, leaf, false, f); }

bool net_rowpoly_turned(struct rowpoly *out, const struct net *net, int leaf, bool turned, struct fail *f) {
    *out = (struct rowpoly){0};
    for (int i = 0; leaf < 0 && i < net->n_nodes; i++)
        if (net->nodes[i].op == OP_INPUT) leaf = i;
    if (!net->reals || net->ctx != 1 || leaf < 0) return fail_at(f, 0, "rule quadratic: not a network of one row of real inputs");
    struct walk w = {.net = net, .leaf = leaf, .n = net->nodes[leaf].width, .turned = turned, .f = f};
    w.rows = mem_get((size_t)net->n_nodes, sizeof *w.rows);
    bool *needed = mem_get((size_t)net->n_nodes, sizeof *needed), good = true;
    mark(net, leaf, needed);
    w.needed = needed;
    for (int i = 0; good && i <= net->output; i++)
        if (needed[i]) good = one_node(&w, &net->nodes[i], &w.rows[i]);
    if (good) {
        struct rowpoly *last = &w.rows[net->output];
        struct node whole = net->nodes[net->output];
        good = make(&w, &whole, out, 2, last->scale);
        for (size_t j = 0; good && j < out->width; j++) add_row(out, j, last, j, false);
    }
    for (int i = 0; i < net->n_nodes; i++) rowpoly_clear(&w.rows[i]);
    mem_free(w.rows);
    mem_free(needed);
    return good;
}
