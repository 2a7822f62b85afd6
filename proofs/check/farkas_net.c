/* The network as forms in its inputs and units (NETWORK.md §3). */
#include "farkas.h"
#include "quadratic.h"

#define COEFFICIENTS_MOST ((size_t)1 << 24)
#define UNITS_MOST 4096

static void put_weight(mpq_t out, const struct weight *w, size_t i) {
    mpq_set_z(out, w->t->x[w->at + i]);
    mpq_div_2exp(out, out, w->t->scale);
}

static void add_signed(mpq_t *out, const mpq_t *in, long sign, size_t size) {
    mpq_t s;
    mpq_init(s);
    mpq_set_si(s, sign, 1);
    vector_add(out, in, s, size);
    mpq_clear(s);
}

void form_value(mpq_t out, const mpq_t *form, const mpq_t *v, size_t size) {
    mpq_t t;
    mpq_init(t);
    mpq_set_ui(out, 0, 1);
    for (size_t i = 0; i < size; i++) {
        mpq_mul(t, form[i], v[i]);
        mpq_add(out, out, t);
    }
    mpq_clear(t);
}

void pieces_run(const struct pieces *p, mpq_t *v) {
    mpq_set_ui(v[p->size - 1], 1, 1);
    for (size_t k = 0; k < p->units; k++) mpq_set_ui(v[p->n + k], 0, 1);
    mpq_t z;
    mpq_init(z);
    for (size_t k = 0; k < p->units; k++) {
        form_value(z, (const mpq_t *)p->z[k], (const mpq_t *)v, p->size);
        if (mpq_sgn(z) > 0) mpq_set(v[p->n + k], z);
    }
    mpq_clear(z);
}

static bool is_unit(enum op op) { return op == OP_RELU || op == OP_MAX || op == OP_MIN; }

/* relu: u of z = x; max: y + u, min: x - u, of z = x - y */
static void unit_entry(struct pieces *p, const struct node *x, size_t e, mpq_t *out) {
    mpq_t *z = vector_new(p->size);
    const mpq_t *a = (const mpq_t *)p->rows[x->args[0]][e], *b = x->op == OP_RELU ? NULL : (const mpq_t *)p->rows[x->args[1]][e];
    add_signed(z, a, 1, p->size);
    if (b != NULL) add_signed(z, b, -1, p->size);
    if (x->op == OP_MAX) add_signed(out, b, 1, p->size);
    if (x->op == OP_MIN) add_signed(out, a, 1, p->size);
    mpq_t one;
    mpq_init(one);
    mpq_set_si(one, x->op == OP_MIN ? -1 : 1, 1);
    mpq_add(out[p->n + p->units], out[p->n + p->units], one);
    mpq_clear(one);
    p->z[p->units++] = z;
}

static void linear_entry(const struct pieces *p, const struct node *x, size_t e, mpq_t *out) {
    mpq_t w;
    mpq_init(w);
    for (size_t k = 0; k < x->w.rows; k++) {
        put_weight(w, &x->w, k * x->w.cols + e);
        if (mpq_sgn(w) != 0) vector_add(out, (const mpq_t *)p->rows[x->args[0]][k], w, p->size);
    }
    if (x->b.t != NULL) {
        put_weight(w, &x->b, e);
        mpq_add(out[p->size - 1], out[p->size - 1], w);
    }
    mpq_clear(w);
}

static bool entry(struct pieces *p, const struct node *x, size_t e, mpq_t *out) {
    size_t at = e;
    switch (x->op) {
    case OP_INPUT: mpq_set_ui(out[e], 1, 1); return true;
    case OP_CONSTANT: case OP_POSITION: put_weight(out[p->size - 1], &x->w, e); return true;
    case OP_ADD:
        for (int i = 0; i < x->n_args; i++) add_signed(out, (const mpq_t *)p->rows[x->args[i]][e], 1, p->size);
        return true;
    case OP_SUB:
        add_signed(out, (const mpq_t *)p->rows[x->args[0]][e], 1, p->size);
        add_signed(out, (const mpq_t *)p->rows[x->args[1]][e], -1, p->size);
        return true;
    case OP_LINEAR: linear_entry(p, x, e, out); return true;
    case OP_SELECT: add_signed(out, (const mpq_t *)p->rows[x->args[0]][x->index[e]], 1, p->size); return true;
    case OP_ROW: add_signed(out, (const mpq_t *)p->rows[x->args[0]][e], 1, p->size); return x->d[0] == 0;
    case OP_CONCAT:
        for (int i = 0; i < x->n_args; i++) {
            uint32_t width = p->net->nodes[x->args[i]].width;
            if (at < width) {
                add_signed(out, (const mpq_t *)p->rows[x->args[i]][at], 1, p->size);
                return true;
            }
            at -= width;
        }
        return false;
    case OP_RELU: case OP_MAX: case OP_MIN: unit_entry(p, x, e, out); return true;
    default: return false;
    }
}

bool pieces_make(struct pieces *p, const struct net *net, struct fail *f) {
    size_t units = 0, entries = 0;
    *p = (struct pieces){.net = net, .n = net->in_width};
    if (!net->reals || net->ctx != 1) return fail_at(f, 0, "rule farkas: the network does not read one vector of real numbers");
    for (int i = 0; i < net->n_nodes; i++) {
        if (net->nodes[i].width == 0) return fail_at(f, 0, "rule farkas: node %.60s is not piecewise linear", net->nodes[i].name);
        entries += net->nodes[i].width;
        if (is_unit(net->nodes[i].op)) units += net->nodes[i].width;
    }
    p->size = p->n + units + 1;
    if (units > UNITS_MOST || entries + units > COEFFICIENTS_MOST / p->size) return fail_at(f, 0, "rule farkas: the network is too large");
    p->rows = mem_get((size_t)net->n_nodes, sizeof *p->rows);
    p->z = mem_get(units + 1, sizeof *p->z);
    for (int i = 0; i < net->n_nodes; i++) {
        const struct node *x = &net->nodes[i];
        p->rows[i] = mem_get(x->width, sizeof *p->rows[i]);
        for (size_t e = 0; e < x->width; e++) {
            p->rows[i][e] = vector_new(p->size);
            if (!entry(p, x, e, p->rows[i][e])) return fail_at(f, 0, "rule farkas: node %.60s is not piecewise linear", x->name);
        }
    }
    return true;
}

void pieces_clear(struct pieces *p) {
    for (int i = 0; p->rows != NULL && i < p->net->n_nodes; i++) {
        for (size_t e = 0; p->rows[i] != NULL && e < p->net->nodes[i].width; e++)
            if (p->rows[i][e] != NULL) vector_free(p->rows[i][e], p->size);
        mem_free(p->rows[i]);
    }
    for (size_t k = 0; p->z != NULL && k < p->units; k++) vector_free(p->z[k], p->size);
    mem_free(p->rows);
    mem_free(p->z);
}
