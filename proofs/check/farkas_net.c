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

void form_extreme(mpq_t out, const struct pieces *p, const mpq_t *form, size_t units, const mpq_t *a, const mpq_t *b, bool largest) {
    mpq_t t;
    mpq_init(t);
    mpq_set(out, form[p->size - 1]);
    for (size_t i = 0; i < p->n + units; i++) {
        int sign = mpq_sgn(form[i]);
        if (sign == 0) continue;
        mpq_mul(t, form[i], (sign > 0) == largest ? b[i] : a[i]);
        mpq_add(out, out, t);
    }
    mpq_clear(t);
}

bool pieces_run(const struct pieces *p, mpq_t *v, unsigned bits) {
    mpq_t *low = v, *high = v + p->size, lo, hi;
    bool good = true;
    for (size_t i = 0; i < p->n; i++) mpq_set(high[i], low[i]);
    mpq_set_ui(low[p->size - 1], 1, 1);
    mpq_set_ui(high[p->size - 1], 1, 1);
    mpq_inits(lo, hi, NULL);
    for (size_t k = 0; good && k < p->units; k++) {
        size_t u = p->n + k;
        form_extreme(lo, p, (const mpq_t *)p->z[k], k, (const mpq_t *)low, (const mpq_t *)high, false);
        form_extreme(hi, p, (const mpq_t *)p->z[k], k, (const mpq_t *)low, (const mpq_t *)high, true);
        if (p->curve[k] != C_RELU) good = curve_range(low[u], high[u], p->curve[k], lo, hi, bits);
        else {
            if (mpq_sgn(lo) > 0) mpq_set(low[u], lo);
            else mpq_set_ui(low[u], 0, 1);
            if (mpq_sgn(hi) > 0) mpq_set(high[u], hi);
            else mpq_set_ui(high[u], 0, 1);
        }
    }
    mpq_clears(lo, hi, NULL);
    return good;
}

static bool is_unit(enum op op) { return op == OP_RELU || op == OP_MAX || op == OP_MIN; }

/* A new unit's argument, zeros; out += sign times the unit. */
static mpq_t *add_unit(struct pieces *p, enum curve f, long sign, mpq_t *out) {
    mpq_t s;
    mpq_init(s);
    mpq_set_si(s, sign, 1);
    mpq_add(out[p->n + p->units], out[p->n + p->units], s);
    mpq_clear(s);
    p->curve[p->units] = f;
    p->smooth = p->smooth || f != C_RELU;
    return p->z[p->units++] = vector_new(p->size);
}

/* relu: u of z = x; max: y + u, min: x - u, of z = x - y */
static void unit_entry(struct pieces *p, const struct node *x, size_t e, mpq_t *out) {
    const mpq_t *a = (const mpq_t *)p->rows[x->args[0]][e], *b = x->op == OP_RELU ? NULL : (const mpq_t *)p->rows[x->args[1]][e];
    mpq_t *z = add_unit(p, C_RELU, x->op == OP_MIN ? -1 : 1, out);
    add_signed(z, a, 1, p->size);
    if (b != NULL) add_signed(z, b, -1, p->size);
    if (x->op == OP_MAX) add_signed(out, b, 1, p->size);
    if (x->op == OP_MIN) add_signed(out, a, 1, p->size);
}

/* ---- units of smooth functions ---- */

/* a b = ((a + b)/2)^2 - ((a - b)/2)^2: two units; a a is one */
static void product(struct pieces *p, const mpq_t *a, const mpq_t *b, mpq_t *out) {
    mpq_t half;
    if (a == b) {
        add_signed(add_unit(p, C_SQUARE, 1, out), a, 1, p->size);
        return;
    }
    mpq_init(half);
    for (long sign = 1; sign >= -1; sign -= 2) {
        mpq_t *z = add_unit(p, C_SQUARE, sign, out);
        mpq_set_ui(half, 1, 2);
        vector_add(z, a, half, p->size);
        mpq_set_si(half, sign, 2);
        vector_add(z, b, half, p->size);
    }
    mpq_clear(half);
}

static void quotient(struct pieces *p, const mpq_t *a, const mpq_t *b, mpq_t *out) {
    mpq_t *r = vector_new(p->size);
    add_signed(add_unit(p, C_RECIPROCAL, 1, r), b, 1, p->size);
    product(p, a, (const mpq_t *)r, out);
    vector_free(r, p->size);
}

/* entry e of a group: 1 / (1 + sum over the others j of exp(x_j - x_e)) */
static void share(struct pieces *p, const struct node *x, size_t e, mpq_t *out) {
    mpq_t **row = p->rows[x->args[0]], *sum = vector_new(p->size);
    size_t group = x->d[0], first = e - e % group;
    mpq_set_ui(sum[p->size - 1], 1, 1);
    for (size_t j = first; j < first + group; j++) {
        if (j == e) continue;
        mpq_t *z = add_unit(p, C_EXP, 1, sum);
        add_signed(z, (const mpq_t *)row[j], 1, p->size);
        add_signed(z, (const mpq_t *)row[e], -1, p->size);
    }
    add_signed(add_unit(p, C_RECIPROCAL, 1, out), (const mpq_t *)sum, 1, p->size);
    vector_free(sum, p->size);
}

/* y = c r (times w, plus b): c the entries, less their mean under layernorm, r = 1 / root of (mean of c^2 + eps) */
static void norm(struct pieces *p, const struct node *x) {
    size_t k = x->width;
    mpq_t **in = p->rows[x->args[0]], **c = mem_get(k, sizeof *c), *mean = vector_new(p->size), *squares = vector_new(p->size), *r = vector_new(p->size), part, w;
    mpq_inits(part, w, NULL);
    mpq_set_ui(part, 1, k);
    for (size_t e = 0; x->op == OP_LAYERNORM && e < k; e++) vector_add(mean, (const mpq_t *)in[e], part, p->size);
    for (size_t e = 0; e < k; e++) {
        c[e] = vector_new(p->size);
        add_signed(c[e], (const mpq_t *)in[e], 1, p->size);
        add_signed(c[e], (const mpq_t *)mean, -1, p->size);
    }
    for (size_t e = 0; e < k; e++) product(p, (const mpq_t *)c[e], (const mpq_t *)c[e], squares);
    mpq_t *z = add_unit(p, C_RECIPROCAL_ROOT, 1, r);
    vector_add(z, (const mpq_t *)squares, part, p->size);
    dyadic_mpq(w, p->net->eps);
    mpq_add(z[p->size - 1], z[p->size - 1], w);
    for (size_t e = 0; e < k; e++) {
        mpq_t *y = p->rows[x - p->net->nodes][e], *plain = vector_new(p->size);
        product(p, (const mpq_t *)c[e], (const mpq_t *)r, plain);
        mpq_set_ui(w, 1, 1);
        if (x->w.t != NULL) put_weight(w, &x->w, e);
        vector_add(y, (const mpq_t *)plain, w, p->size);
        if (x->b.t != NULL) {
            put_weight(w, &x->b, e);
            mpq_add(y[p->size - 1], y[p->size - 1], w);
        }
        vector_free(plain, p->size);
        vector_free(c[e], p->size);
    }
    mem_free(c);
    vector_free(mean, p->size);
    vector_free(squares, p->size);
    vector_free(r, p->size);
    mpq_clears(part, w, NULL);
}

/* how many units a node makes */
static size_t units_of(const struct node *x) {
    if (is_unit(x->op) || curve_of(x->op) != C_RELU) return x->width;
    switch (x->op) {
    case OP_MUL: return (size_t)x->width * (x->args[0] == x->args[1] ? 1 : 2);
    case OP_DIV: return (size_t)x->width * 3;
    case OP_ROWSOFTMAX: return (size_t)x->width * x->d[0];
    case OP_LAYERNORM: case OP_RMSNORM: return (size_t)x->width * 3 + 1;
    default: return 0;
    }
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
    const mpq_t *a = x->n_args > 0 && x->op != OP_ROW && x->op != OP_SELECT && x->op != OP_CONCAT && x->op != OP_LINEAR ? (const mpq_t *)p->rows[x->args[0]][e] : NULL;
    if (curve_of(x->op) != C_RELU) {
        add_signed(add_unit(p, curve_of(x->op), 1, out), a, 1, p->size);
        return true;
    }
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
    case OP_MUL: product(p, a, (const mpq_t *)p->rows[x->args[1]][e], out); return true;
    case OP_DIV: quotient(p, a, (const mpq_t *)p->rows[x->args[1]][e], out); return true;
    case OP_ROWSOFTMAX: share(p, x, e, out); return true;
    case OP_LAYERNORM: case OP_RMSNORM: return true;   /* norm() has made the row */
    default: return false;
    }
}

bool pieces_make(struct pieces *p, const struct net *net, struct fail *f) {
    size_t units = 0, entries = 0;
    *p = (struct pieces){.net = net, .n = net->in_width};
    if (!net->reals || net->ctx != 1) return fail_at(f, 0, "rule farkas: the network does not read one vector of real numbers");
    for (int i = 0; i < net->n_nodes; i++) {
        if (net->nodes[i].width == 0) return fail_at(f, 0, "rule farkas: node %.60s is neither linear nor made of functions of one variable", net->nodes[i].name);
        entries += net->nodes[i].width;
        units += units_of(&net->nodes[i]);
    }
    p->size = p->n + units + 1;
    if (units > UNITS_MOST || entries + units > COEFFICIENTS_MOST / p->size) return fail_at(f, 0, "rule farkas: the network is too large");
    p->rows = mem_get((size_t)net->n_nodes, sizeof *p->rows);
    p->z = mem_get(units + 1, sizeof *p->z);
    p->curve = mem_get(units + 1, sizeof *p->curve);
    for (int i = 0; i < net->n_nodes; i++) {
        const struct node *x = &net->nodes[i];
        p->rows[i] = mem_get(x->width, sizeof *p->rows[i]);
        for (size_t e = 0; e < x->width; e++) p->rows[i][e] = vector_new(p->size);
        if (x->op == OP_LAYERNORM || x->op == OP_RMSNORM) norm(p, x);
        for (size_t e = 0; e < x->width; e++)
            if (!entry(p, x, e, p->rows[i][e])) return fail_at(f, 0, "rule farkas: node %.60s is neither linear nor made of functions of one variable", x->name);
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
    mem_free(p->curve);
}
