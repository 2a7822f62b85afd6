/* bound_net.c: a network as forms in its inputs and units. */
#include "core/mem.h"
#include "verify/bound.h"

#define COEFFICIENTS_MOST ((size_t)1 << 24)   /* as in the checker */
#define UNITS_MOST 4096
#define POINT_BITS 80        /* of the values of smooth units at a point */

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

/* The form where every factor above 0 meets v[i] and every one below 0 meets high[i]. */
static void product(mpq_t out, mpq_srcptr form, mpq_srcptr v, mpq_srcptr high, size_t size)
{
    mpq_t t;
    mpq_init(t);
    mpq_set_ui(out, 0, 1);
    for (size_t i = 0; i < size; i++) {
        if (mpq_sgn(form + i) == 0) continue;
        mpq_mul(t, form + i, mpq_sgn(form + i) > 0 ? v + i : high + i);
        mpq_add(out, out, t);
    }
    mpq_clear(t);
}

void pieces_value(mpq_t out, mpq_srcptr form, mpq_srcptr v, size_t size) { product(out, form, v, v, size); }

void pieces_low(mpq_t out, mpq_srcptr form, mpq_srcptr v, size_t size) { product(out, form, v, v + size, size); }

void pieces_extreme(mpq_t out, mpq_srcptr form, size_t units, mpq_srcptr a, mpq_srcptr b, const struct pieces *p, bool largest)
{
    mpq_t t;
    mpq_init(t);
    mpq_set(out, form + p->size - 1);
    for (size_t i = 0; i < p->n + units; i++) {
        if (mpq_sgn(form + i) == 0) continue;
        mpq_mul(t, form + i, (mpq_sgn(form + i) > 0) == largest ? b + i : a + i);
        mpq_add(out, out, t);
    }
    mpq_clear(t);
}

bool pieces_run(const struct pieces *p, mpq_ptr v)
{
    mpq_ptr low = v, high = v + p->size;
    mpq_t z, most;
    bool good = true;
    mpq_init(z), mpq_init(most);
    for (size_t i = 0; i < p->n; i++) mpq_set(high + i, low + i);
    mpq_set_ui(low + p->size - 1, 1, 1), mpq_set_ui(high + p->size - 1, 1, 1);
    for (size_t k = 0; good && k < p->units; k++) {
        mpq_ptr a = low + p->n + k, b = high + p->n + k;
        mpq_srcptr form = p->z + k * p->size;
        pieces_extreme(z, form, k, low, high, p, false);
        if (!p->smooth) mpq_set(most, z);
        else pieces_extreme(most, form, k, low, high, p, true);
        if (p->curve[k] != CURVE_RELU) {
            good = curve_range(a, b, p->curve[k], z, most, POINT_BITS);
            continue;
        }
        mpq_set_ui(a, 0, 1), mpq_set_ui(b, 0, 1);
        if (mpq_sgn(z) > 0) mpq_set(a, z);
        if (mpq_sgn(most) > 0) mpq_set(b, most);
    }
    mpq_clear(z), mpq_clear(most);
    return good;
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

/* How many units an entry of the node has, and the node itself. */
static size_t units_of(const struct node *x)
{
    if (is_unit(x->op) || curve_of(x->op) != CURVE_RELU) return x->width;
    switch (x->op) {
    case OP_MUL: return x->width * (x->inputs[0] == x->inputs[1] ? 1 : 2);
    case OP_DIV: return x->width * 3;
    case OP_ROWSOFTMAX: return x->width * x->arg[0];
    case OP_LAYERNORM: case OP_RMSNORM: return x->width * 3 + 1;
    default: return 0;
    }
}

bool pieces_smooth(const struct net *net)
{
    bool some = false;
    for (size_t i = 0; i < net->n_nodes; i++) some = some || (!is_unit(net->nodes[i].op) && units_of(&net->nodes[i]) > 0);
    return some;
}

static void sizes(size_t *units, size_t *entries, const struct net *net)
{
    *units = *entries = 0;
    for (size_t i = 0; i < net->n_nodes; i++) {
        *entries += net->nodes[i].width;
        *units += units_of(&net->nodes[i]);
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
        if (net->nodes[i].width == 0 || (!is_linear(&net->nodes[i]) && units_of(&net->nodes[i]) == 0)) {
            text_addf(why, "the operation %s (node %s) is neither linear nor made of functions of one variable", op_table[net->nodes[i].op].name, net->nodes[i].name);
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

/* The argument of a new unit, zeros, and the unit times factor added to out. */
static mpq_ptr new_unit(struct pieces *p, enum curve f, mpq_ptr out, long sign)
{
    mpq_t one;
    mpq_ptr u = out + p->n + p->units;
    mpq_init(one);
    mpq_set_si(one, sign, 1);
    mpq_add(u, u, one);
    mpq_clear(one);
    p->curve[p->units] = f;
    p->smooth = p->smooth || f != CURVE_RELU;
    return p->z + p->units++ * p->size;
}

/* relu: u of z = x; max: y + u, min: x - u, of z = x - y */
static void make_unit(struct pieces *p, const struct node *x, size_t e, mpq_ptr out)
{
    mpq_ptr z = new_unit(p, CURVE_RELU, out, x->op == OP_MIN ? -1 : 1);
    add_one(z, entry_of(p, x, 0, e), 1, p->size);
    if (x->op == OP_RELU) return;
    add_one(z, entry_of(p, x, 1, e), -1, p->size);
    add_one(out, entry_of(p, x, x->op == OP_MAX ? 1 : 0, e), 1, p->size);
}

/* out = x y, ((x + y) / 2)^2 - ((x - y) / 2)^2 */
static void make_product(struct pieces *p, mpq_srcptr x, mpq_srcptr y, mpq_ptr out)
{
    if (x == y) {
        add_one(new_unit(p, CURVE_SQUARE, out, 1), x, 1, p->size);
        return;
    }
    for (long sign = 1; sign >= -1; sign -= 2) {
        mpq_ptr z = new_unit(p, CURVE_SQUARE, out, sign);
        add_one(z, x, 1, p->size), add_one(z, y, sign, p->size);
        for (size_t i = 0; i < p->size; i++) mpq_div_2exp(z + i, z + i, 1);
    }
}

static bool make_quotient(struct pieces *p, mpq_srcptr x, mpq_srcptr y, mpq_ptr out)
{
    mpq_ptr r = forms_new(p->size);
    if (!r) return false;
    add_one(new_unit(p, CURVE_RECIPROCAL, r, 1), y, 1, p->size);
    make_product(p, x, r, out);
    forms_free(r, p->size);
    return true;
}

/* 1 / (1 + sum over the group's others of exp(x_j - x_e)) */
static bool make_share(struct pieces *p, const struct node *x, size_t e, mpq_ptr out)
{
    size_t group = x->arg[0], first = e / group * group;
    mpq_ptr sum = forms_new(p->size);
    if (!sum) return false;
    for (size_t j = first; j < first + group; j++) {
        if (j == e) continue;
        mpq_ptr z = new_unit(p, CURVE_EXP, sum, 1);
        add_one(z, entry_of(p, x, 0, j), 1, p->size), add_one(z, entry_of(p, x, 0, e), -1, p->size);
    }
    mpq_ptr z = new_unit(p, CURVE_RECIPROCAL, out, 1);
    add_one(z, sum, 1, p->size);
    mpq_set_ui(sum, 1, 1);
    mpq_add(z + p->size - 1, z + p->size - 1, sum);
    forms_free(sum, p->size);
    return true;
}

/* The row less its mean (as it is, under rmsnorm), its squares, the reciprocal root of their mean plus eps, the products. */
static bool make_norm(struct pieces *p, const struct node *x, mpq_ptr out)
{
    size_t k = x->width, size = p->size;
    mpq_ptr c = forms_new((k + 2) * size), sum = c + k * size, r = sum + size;
    mpq_t q;
    if (!c) return false;
    mpq_init(q);
    for (size_t e = 0; x->op == OP_LAYERNORM && e < k; e++) add_one(sum, entry_of(p, x, 0, e), 1, size);
    mpq_set_si(q, -1, k);
    for (size_t e = 0; e < k; e++) add_one(c + e * size, entry_of(p, x, 0, e), 1, size), pieces_add(c + e * size, sum, q, size);
    for (size_t i = 0; i < size; i++) mpq_set_ui(sum + i, 0, 1);
    for (size_t e = 0; e < k; e++) make_product(p, c + e * size, c + e * size, sum);
    mpq_ptr z = new_unit(p, CURVE_RSQRT, r, 1);
    mpq_neg(q, q);
    pieces_add(z, sum, q, size);
    mpq_set_d(q, p->net->eps);
    mpq_add(z + size - 1, z + size - 1, q);
    for (size_t e = 0; e < k; e++) {
        mpq_ptr y = out + e * size;
        make_product(p, c + e * size, r, y);
        if (x->n_w > 0) mpq_set_d(q, x->w[0].data[e]);
        for (size_t i = 0; x->n_w > 0 && i < size; i++) mpq_mul(y + i, y + i, q);
        if (x->n_w > 1) mpq_set_d(q, x->w[1].data[e]), mpq_add(y + size - 1, y + size - 1, q);
    }
    mpq_clear(q);
    forms_free(c, (k + 2) * size);
    return true;
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

static bool make_entry(struct pieces *p, const struct node *x, size_t e, mpq_ptr out)
{
    size_t at = e;
    enum curve f = curve_of(x->op);
    if (f != CURVE_RELU) {
        add_one(new_unit(p, f, out, 1), entry_of(p, x, 0, e), 1, p->size);
        return true;
    }
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
    case OP_MUL: make_product(p, entry_of(p, x, 0, e), entry_of(p, x, 1, e), out); break;
    case OP_DIV: return make_quotient(p, entry_of(p, x, 0, e), entry_of(p, x, 1, e), out);
    case OP_ROWSOFTMAX: return make_share(p, x, e, out);
    default: make_unit(p, x, e, out); break;
    }
    return true;
}

enum status pieces_make(struct pieces *p, const struct net *net)
{
    size_t units, entries;
    sizes(&units, &entries, net);
    *p = (struct pieces){.net = net, .n = net->width_in, .size = net->width_in + units + 1, .rows = mem_array(net->n_nodes, sizeof *p->rows)};
    p->z = forms_new(units * p->size);
    p->curve = mem_array(units, sizeof *p->curve);
    bool good = p->rows && p->z && p->curve;
    for (size_t i = 0; good && i < net->n_nodes; i++) {
        const struct node *x = &net->nodes[i];
        good = (p->rows[i] = forms_new(x->width * p->size)) != NULL;
        bool norm = x->op == OP_LAYERNORM || x->op == OP_RMSNORM;
        if (good && norm) good = make_norm(p, x, p->rows[i]);
        for (size_t e = 0; good && !norm && e < x->width; e++) good = make_entry(p, x, e, p->rows[i] + e * p->size);
    }
    return good ? STATUS_OK : STATUS_MEMORY;
}

void pieces_clear(struct pieces *p)
{
    if (!p->net) return;
    size_t units = p->size - p->n - 1;
    for (size_t i = 0; p->rows && i < p->net->n_nodes; i++) forms_free(p->rows[i], p->net->nodes[i].width * p->size);
    free(p->rows), free(p->curve);
    forms_free(p->z, units * p->size);
}
