/* bound_net.c: a network as forms in its inputs and units. */
#include "core/mem.h"
#include "verify/bound.h"

#define COEFFICIENTS_MOST ((size_t)1 << 24)   /* as in the checker */
#define UNITS_MOST 4096

mpq_ptr forms_new(size_t n)
{
    mpq_ptr f = mem_array(n, sizeof *f);
    for (size_t i = 0; f && i < n; i++) mpq_init(f + i);
    return f;
}

void forms_free(mpq_ptr f, size_t n)
{
    for (size_t i = 0; f && i < n; i++) mpq_clear(f + i);
    free(f);
}

void pieces_add(mpq_ptr out, mpq_srcptr in, mpq_srcptr factor, size_t size)
{
    mpq_t t;
    mpq_init(t);
    for (size_t i = 0; i < size; i++) {
        if (mpq_sgn(in + i) == 0) continue;
        mpq_mul(t, in + i, factor);
        mpq_add(out + i, out + i, t);
    }
    mpq_clear(t);
}

void pieces_value(mpq_t out, mpq_srcptr form, mpq_srcptr v, size_t size)
{
    mpq_t t;
    mpq_init(t);
    mpq_set_ui(out, 0, 1);
    for (size_t i = 0; i < size; i++) {
        if (mpq_sgn(form + i) == 0) continue;
        mpq_mul(t, form + i, v + i);
        mpq_add(out, out, t);
    }
    mpq_clear(t);
}

void pieces_run(const struct pieces *p, mpq_ptr v)
{
    mpq_t z;
    mpq_init(z);
    mpq_set_ui(v + p->size - 1, 1, 1);
    for (size_t k = 0; k < p->units; k++) mpq_set_ui(v + p->n + k, 0, 1);
    for (size_t k = 0; k < p->units; k++) {
        pieces_value(z, p->z + k * p->size, v, p->size);
        if (mpq_sgn(z) > 0) mpq_set(v + p->n + k, z);
    }
    mpq_clear(z);
}

static bool is_unit(enum op op) { return op == OP_RELU || op == OP_MAX || op == OP_MIN; }

static bool is_linear(const struct node *x)
{
    switch (x->op) {
    case OP_INPUT: case OP_CONSTANT: case OP_POSITION: case OP_ADD: case OP_SUB: case OP_LINEAR: case OP_SELECT: case OP_CONCAT: return true;
    case OP_ROW: return x->arg[0] == 0;
    default: return false;
    }
}

static void sizes(size_t *units, size_t *entries, const struct net *net)
{
    *units = *entries = 0;
    for (size_t i = 0; i < net->n_nodes; i++) {
        *entries += net->nodes[i].width;
        if (is_unit(net->nodes[i].op)) *units += net->nodes[i].width;
    }
}

bool pieces_possible(const struct net *net, struct text *why)
{
    size_t units, entries;
    if (net->width_in == 0 || net->n_ctx != 1) {
        text_add(why, "the network does not read one vector of real numbers");
        return false;
    }
    for (size_t i = 0; i < net->n_nodes; i++)
        if (net->nodes[i].width == 0 || (!is_linear(&net->nodes[i]) && !is_unit(net->nodes[i].op))) {
            text_addf(why, "the operation %s (node %s) is not piecewise linear", op_table[net->nodes[i].op].name, net->nodes[i].name);
            return false;
        }
    sizes(&units, &entries, net);
    if (units <= UNITS_MOST && entries + units <= COEFFICIENTS_MOST / (net->width_in + units + 1)) return true;
    text_add(why, "the network is too large");
    return false;
}

static void add_one(mpq_ptr out, mpq_srcptr in, long sign, size_t size)
{
    mpq_t s;
    mpq_init(s);
    mpq_set_si(s, sign, 1);
    pieces_add(out, in, s, size);
    mpq_clear(s);
}

static mpq_srcptr entry_of(const struct pieces *p, const struct node *x, size_t input, size_t e) { return p->rows[x->inputs[input]] + e * p->size; }

/* relu: u of z = x; max: y + u, min: x - u, of z = x - y */
static void make_unit(struct pieces *p, const struct node *x, size_t e, mpq_ptr out)
{
    mpq_ptr z = p->z + p->units * p->size;
    add_one(z, entry_of(p, x, 0, e), 1, p->size);
    if (x->op != OP_RELU) add_one(z, entry_of(p, x, 1, e), -1, p->size);
    if (x->op != OP_RELU) add_one(out, entry_of(p, x, x->op == OP_MAX ? 1 : 0, e), 1, p->size);
    mpq_t one;
    mpq_init(one);
    mpq_set_si(one, x->op == OP_MIN ? -1 : 1, 1);
    mpq_add(out + p->n + p->units, out + p->n + p->units, one);
    mpq_clear(one);
    p->units++;
}

static void make_linear(const struct pieces *p, const struct node *x, size_t e, mpq_ptr out)
{
    const struct weight *w = &x->w[0];
    mpq_t q;
    mpq_init(q);
    for (size_t k = 0; k < w->k; k++) {
        mpq_set_d(q, w->data[k * w->m + e]);
        if (mpq_sgn(q) != 0) pieces_add(out, entry_of(p, x, 0, k), q, p->size);
    }
    if (x->n_w > 1) mpq_set_d(q, x->w[1].data[e]), mpq_add(out + p->size - 1, out + p->size - 1, q);
    mpq_clear(q);
}

static void make_entry(struct pieces *p, const struct node *x, size_t e, mpq_ptr out)
{
    size_t at = e;
    switch (x->op) {
    case OP_INPUT: mpq_set_ui(out + e, 1, 1); break;
    case OP_CONSTANT: case OP_POSITION: mpq_set_d(out + p->size - 1, x->w[0].data[e]); break;
    case OP_ADD: case OP_SUB:
        for (size_t i = 0; i < x->n_inputs; i++) add_one(out, entry_of(p, x, i, e), x->op == OP_SUB && i ? -1 : 1, p->size);
        break;
    case OP_LINEAR: make_linear(p, x, e, out); break;
    case OP_SELECT: add_one(out, entry_of(p, x, 0, (size_t)x->w[0].data[e]), 1, p->size); break;
    case OP_ROW: add_one(out, entry_of(p, x, 0, e), 1, p->size); break;
    case OP_CONCAT:
        for (size_t i = 0; i < x->n_inputs; i++) {
            size_t width = p->net->nodes[x->inputs[i]].width;
            if (at < width) {
                add_one(out, entry_of(p, x, i, at), 1, p->size);
                break;
            }
            at -= width;
        }
        break;
    default: make_unit(p, x, e, out); break;
    }
}

enum status pieces_make(struct pieces *p, const struct net *net)
{
    size_t units, entries;
    sizes(&units, &entries, net);
    *p = (struct pieces){.net = net, .n = net->width_in, .size = net->width_in + units + 1, .rows = mem_array(net->n_nodes, sizeof *p->rows)};
    p->z = forms_new(units * p->size);
    bool good = p->rows && p->z;
    for (size_t i = 0; good && i < net->n_nodes; i++) {
        const struct node *x = &net->nodes[i];
        good = (p->rows[i] = forms_new(x->width * p->size)) != NULL;
        for (size_t e = 0; good && e < x->width; e++) make_entry(p, x, e, p->rows[i] + e * p->size);
    }
    return good ? STATUS_OK : STATUS_MEMORY;
}

void pieces_clear(struct pieces *p)
{
    if (!p->net) return;
    size_t units = p->size - p->n - 1;
    for (size_t i = 0; p->rows && i < p->net->n_nodes; i++) forms_free(p->rows[i], p->net->nodes[i].width * p->size);
    free(p->rows);
    forms_free(p->z, units * p->size);
}
