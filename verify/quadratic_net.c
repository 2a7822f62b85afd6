/* The outputs as polynomials: rows of integers over a power of two, node by node. */
#include <math.h>
#include <omp.h>
#include "core/mem.h"
#include "verify/quadratic.h"

#define COEFFICIENTS_MOST ((size_t)1 << 24)   /* as in the checker */

/* factor: products of two rows of degree 1 or less, entry by entry, that only linear nodes read: they are never written out, and c is NULL. */
struct row { int degree; size_t width, each; ulong scale; fmpz *c; const struct row *factor[2]; };
struct walk { const struct net *net; struct row *rows; size_t n; long leaf; const bool *needed; int sign; };

static size_t each_of(size_t n, int degree) { return degree == 0 ? 1 : degree == 1 ? n + 1 : monomial(n, n, n) + 1; }

/* Degree of a node from those of its inputs; -1: it is none of these operations. */
static int degree_of(const struct node *x, const int *degrees)
{
    int most = 0, sum = 0;
    for (size_t k = 0; k < x->n_inputs; k++) {
        most = degrees[x->inputs[k]] > most ? degrees[x->inputs[k]] : most;
        sum += degrees[x->inputs[k]];
    }
    switch (x->op) {
    case OP_INPUT: return 1;
    case OP_CONSTANT: case OP_POSITION: return 0;
    case OP_ADD: case OP_SUB: case OP_LINEAR: case OP_SELECT: case OP_CONCAT: return most;
    case OP_ROW: return x->arg[0] == 0 ? most : -1;
    case OP_MUL: case OP_MATMUL: return sum;
    default: return -1;
    }
}

/* What the output rests on, below the leaf nothing. */
static bool *needed_nodes(const struct net *net, long leaf)
{
    bool *needed = mem_array(net->n_nodes, sizeof *needed);
    if (!needed) return NULL;
    needed[net->output] = true;
    for (size_t i = net->output + 1; i-- > 0;)
        for (size_t k = 0; needed[i] && (long)i != leaf && k < net->nodes[i].n_inputs; k++) needed[net->nodes[i].inputs[k]] = true;
    return needed;
}

/* Is node i a mul that only linear nodes read, all needed? */
static bool only_summed(const struct net *net, const bool *needed, size_t i)
{
    if (net->nodes[i].op != OP_MUL || i == net->output) return false;
    for (size_t j = i + 1; j <= net->output; j++)
        for (size_t k = 0; needed[j] && k < net->nodes[j].n_inputs; k++)
            if (net->nodes[j].inputs[k] == i && net->nodes[j].op != OP_LINEAR) return false;
    return true;
}

bool outputs_possible(const struct net *net, long leaf, struct text *why)
{
    size_t n = leaf < 0 ? net->width_in : net->nodes[leaf].width;
    bool *needed = needed_nodes(net, leaf), possible = needed != NULL;
    int *degrees = mem_array(net->n_nodes, sizeof *degrees);
    size_t used = 0;
    possible = possible && degrees;
    if (possible && (net->width_in == 0 || net->n_ctx != 1)) {
        text_add(why, "the network does not read one vector of real numbers");
        possible = false;
    }
    for (size_t i = 0; possible && i <= net->output; i++) {
        const struct node *x = &net->nodes[i];
        if (!needed[i]) continue;
        degrees[i] = (long)i == leaf ? 1 : degree_of(x, degrees);
        if (leaf >= 0 && (long)i != leaf && x->op == OP_INPUT) {
            text_addf(why, "the output rests on the input by other ways than node %s", net->nodes[leaf].name);
            possible = false;
            break;
        }
        if (degrees[i] < 0 || degrees[i] > 2) {
            if (degrees[i] < 0) text_addf(why, "the operation %s (node %s) is no polynomial of the input", op_table[x->op].name, x->name);
            else text_addf(why, "node %s is a polynomial of degree more than two", x->name);
            possible = false;
        } else if (only_summed(net, needed, i) && degrees[x->inputs[0]] < 2 && degrees[x->inputs[1]] < 2) {
            continue;
        } else if (x->width > (COEFFICIENTS_MOST - used) / each_of(n, degrees[i])) {
            text_addf(why, "the polynomials have more than %zu coefficients", COEFFICIENTS_MOST);
            possible = false;
        } else
            used += x->width * each_of(n, degrees[i]);
    }
    free(needed);
    free(degrees);
    return possible;
}

static bool row_make(struct row *r, const struct walk *w, size_t width, int degree, ulong scale)
{
    *r = (struct row){.degree = degree, .width = width, .each = each_of(w->n, degree), .scale = scale};
    r->c = mem_array(width * r->each, sizeof *r->c);   /* zero is the number 0 of an fmpz */
    return r->c != NULL;
}

static void row_clear(struct row *r)
{
    for (size_t i = 0; r->c && i < r->width * r->each; i++) fmpz_clear(r->c + i);
    free(r->c);
    r->c = NULL;
}

/* The least power of two that makes all n numbers integers. */
static ulong scale_of(const double *x, size_t n)
{
    ulong scale = 0;
    for (size_t i = 0; i < n; i++)
        for (double y = ldexp(x[i], (int)scale); y != floor(y); y = ldexp(x[i], (int)scale)) scale++;
    return scale;
}

static void set_scaled(fmpz_t out, double x, ulong scale)
{
    int e;
    double m = frexp(x, &e);
    fmpz_set_si(out, (slong)ldexp(m, 53));
    slong up = (slong)scale + e - 53;
    if (up >= 0) fmpz_mul_2exp(out, out, (ulong)up);
    else fmpz_tdiv_q_2exp(out, out, (ulong)-up);
}

static void multiply(const struct walk *w, fmpz *out, const fmpz *a, size_t na, const fmpz *b, size_t nb)
{
    if (na == 1) _fmpz_vec_scalar_addmul_fmpz(out, b, (slong)nb, a);
    else if (nb == 1) _fmpz_vec_scalar_addmul_fmpz(out, a, (slong)na, b);
    else
        for (size_t u = 0; u < na; u++)
            for (size_t v = 0; v < nb; v++) {
                fmpz *to = out + (u < v ? monomial(w->n, u, v) : monomial(w->n, v, u));
                if (u > v && w->sign < 0) fmpz_submul(to, a + u, b + v);
                else fmpz_addmul(to, a + u, b + v);
            }
}

/* out += or -= in, entry to entry; the scale of out is not smaller */
static void add_entry(struct row *out, size_t to, const struct row *in, size_t from, bool minus)
{
    for (size_t i = 0; i < in->each; i++) {
        fmpz *x = out->c + to * out->each + i;
        if (minus) fmpz_neg(x, x);
        fmpz_t t;
        fmpz_init(t);
        fmpz_mul_2exp(t, in->c + from * in->each + i, out->scale - in->scale);
        fmpz_add(x, x, t);
        fmpz_clear(t);
        if (minus) fmpz_neg(x, x);
    }
}

static ulong largest_scale(const struct walk *w, const struct node *x)
{
    ulong scale = 0;
    for (size_t k = 0; k < x->n_inputs; k++) scale = w->rows[x->inputs[k]].scale > scale ? w->rows[x->inputs[k]].scale : scale;
    return scale;
}

static bool make_leaf(struct row *out, const struct walk *w, const struct node *x)
{
    bool input = x == &w->net->nodes[w->leaf];
    const double *v = input ? NULL : x->w[0].data;
    if (!row_make(out, w, x->width, input, input ? 0 : scale_of(v, x->width))) return false;
    for (size_t j = 0; j < x->width; j++) {
        if (input) fmpz_set_ui(out->c + j * out->each + j + 1, 1);
        else set_scaled(out->c + j, v[j], out->scale);
    }
    return true;
}

/* add, sub, select, concat, row: entries of the inputs put together */
static bool make_moved(struct row *out, const struct walk *w, const struct node *x, int degree)
{
    size_t at = 0;
    bool sum = x->op == OP_ADD || x->op == OP_SUB;
    if (!row_make(out, w, x->width, degree, largest_scale(w, x))) return false;
    for (size_t k = 0; k < x->n_inputs; k++) {
        const struct row *a = &w->rows[x->inputs[k]];
        size_t n = x->op == OP_SELECT ? x->width : a->width;
        for (size_t j = 0; j < n; j++) add_entry(out, sum ? j : at++, a, x->op == OP_SELECT ? (size_t)x->w[0].data[j] : j, x->op == OP_SUB && k == 1);
    }
    return true;
}

/* One output of a linear node over a row: weights t[k], the row's entries. */
static void weighted(fmpz *out, const struct walk *w, const struct row *a, const fmpz *t)
{
    const struct row *f = a->factor[0], *g = a->factor[1];
    if (f && f->degree == 1 && g->degree == 1) {
        products_weighted(out, f->c, g->c, t, a->width, w->n, w->sign);
        return;
    }
    fmpz_t y;
    fmpz_init(y);
    for (size_t k = 0; k < a->width; k++) {
        if (fmpz_is_zero(t + k)) continue;
        if (!f) {
            multiply(w, out, a->c + k * a->each, a->each, t + k, 1);
            continue;
        }
        const struct row *c = f->degree == 0 ? f : g, *p = f->degree == 0 ? g : f;     /* a factor without variables */
        fmpz_mul(y, t + k, c->c + k);
        multiply(w, out, p->c + k * p->each, p->each, y, 1);
    }
    fmpz_clear(y);
}

static bool make_linear(struct row *out, const struct walk *w, const struct node *x)
{
    const struct row *a = &w->rows[x->inputs[0]];
    bool leaf = (long)x->inputs[0] == w->leaf;
    const struct weight *m = &x->w[0], *b = x->n_w > 1 ? &x->w[1] : NULL;
    ulong scale = a->scale + scale_of(m->data, m->k * m->m), bias = b ? scale_of(b->data, b->m) : 0, most = bias > scale ? bias : scale;
    if (!row_make(out, w, x->width, a->degree, most)) return false;
#pragma omp parallel for schedule(dynamic) if (a->factor[0] && !omp_in_parallel())
    for (size_t j = 0; j < x->width; j++) {
        fmpz *t = _fmpz_vec_init((slong)a->width + 1), *to = out->c + j * out->each;
        for (size_t k = 0; k < a->width; k++) {
            set_scaled(t + k, m->data[k * m->m + j], most - a->scale);
            if (leaf) fmpz_set(to + k + 1, t + k);
        }
        if (!leaf) weighted(to, w, a, t);
        if (b) {
            set_scaled(t + a->width, b->data[j], most);
            fmpz_add(to, to, t + a->width);
        }
        _fmpz_vec_clear(t, (slong)a->width + 1);
        if (omp_get_thread_num() != 0) flint_cleanup();
    }
    return true;
}

/* mul is a matmul with one row, column and product a group */
static bool make_product(struct row *out, const struct walk *w, const struct node *x)
{
    const struct row *a = &w->rows[x->inputs[0]], *b = &w->rows[x->inputs[1]];
    bool matrix = x->op == OP_MATMUL;
    if (a->degree < 2 && b->degree < 2 && only_summed(w->net, w->needed, (size_t)(x - w->net->nodes))) {
        *out = (struct row){.degree = a->degree + b->degree, .width = x->width, .each = each_of(w->n, a->degree + b->degree), .scale = a->scale + b->scale, .factor = {a, b}};
        return true;
    }
    size_t B = matrix ? x->arg[0] : x->width, A = matrix ? x->arg[1] : 1, K = matrix ? x->arg[2] : 1, C = matrix ? x->arg[3] : 1;
    if (!row_make(out, w, x->width, a->degree + b->degree, a->scale + b->scale)) return false;
    for (size_t e = 0; e < B * A * C; e++) {
        size_t g = e / (A * C), i = e / C % A, j = e % C;
        for (size_t k = 0; k < K; k++)
            multiply(w, out->c + e * out->each, a->c + ((g * A + i) * K + k) * a->each, a->each, b->c + ((g * K + k) * C + j) * b->each, b->each);
    }
    return true;
}

static bool make_row(struct row *out, const struct walk *w, const struct node *x)
{
    int degree = 0;
    if (x == &w->net->nodes[w->leaf]) return make_leaf(out, w, x);
    for (size_t k = 0; k < x->n_inputs; k++) degree = w->rows[x->inputs[k]].degree > degree ? w->rows[x->inputs[k]].degree : degree;
    switch (x->op) {
    case OP_INPUT: case OP_CONSTANT: case OP_POSITION: return make_leaf(out, w, x);
    case OP_LINEAR: return make_linear(out, w, x);
    case OP_MUL: case OP_MATMUL: return make_product(out, w, x);
    default: return make_moved(out, w, x, degree);
    }
}

static enum status make(struct outputs *out, const struct net *net, long leaf, int sign)
{
    for (size_t i = 0; leaf < 0 && i < net->n_nodes; i++) leaf = net->nodes[i].op == OP_INPUT ? (long)i : leaf;
    if (leaf < 0) return STATUS_INTERNAL;
    struct walk w = {.net = net, .leaf = leaf, .n = net->nodes[leaf].width, .rows = mem_array(net->n_nodes, sizeof *w.rows), .sign = sign};
    struct row last = {0};
    bool *needed = needed_nodes(net, leaf), good = needed && w.rows;
    w.needed = needed;
    for (size_t i = 0; good && i <= net->output; i++)
        if (needed[i]) good = make_row(&w.rows[i], &w, &net->nodes[i]);
    if (good) good = row_make(&last, &w, net->nodes[net->output].width, 2, w.rows[net->output].scale);
    for (size_t j = 0; good && j < last.width; j++) add_entry(&last, j, &w.rows[net->output], j, false);
    for (size_t i = 0; w.rows && i < net->n_nodes; i++) row_clear(&w.rows[i]);
    free(w.rows);
    free(needed);
    if (!good) {
        row_clear(&last);
        return STATUS_MEMORY;
    }
    *out = (struct outputs){.n = w.n, .width = last.width, .each = last.each, .scale = last.scale, .c = last.c};
    return STATUS_OK;
}

enum status outputs_make(struct outputs *out, const struct net *net, long leaf) { return make(out, net, leaf, 1); }

enum status outputs_turned(struct outputs *out, const struct net *net, long leaf) { return make(out, net, leaf, -1); }

void outputs_clear(struct outputs *o)
{
    struct row r = {.width = o->width, .each = o->each, .c = o->c};
    row_clear(&r);
    o->c = NULL;
}
