#include "models/rewrite.h"

#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "models/node.h"

enum status rewrite_begin(struct rewrite *r, const struct net *old, struct diag *d)
{
    *r = (struct rewrite){ .old = old };
    r->b.d = d;
    r->b.net.d_vocab = old->d_vocab;
    r->b.net.width_in = old->width_in;
    r->b.net.n_ctx = old->n_ctx;
    r->b.net.causal = old->causal;
    r->b.net.pad = old->pad;
    r->b.net.eps = old->eps;
    r->nodes = mem_array(old->n_nodes, sizeof *r->nodes);
    r->tensors = mem_array(old->n_tensors, sizeof *r->tensors);
    r->numbers = mem_array(old->n_tensors, sizeof *r->numbers);
    if (!r->nodes || !r->tensors || !r->numbers)
        r->b.status = STATUS_MEMORY;
    for (size_t i = 0; r->nodes && i < old->n_nodes; i++)
        r->nodes[i] = NETBUILD_NONE;
    for (size_t i = 0; r->tensors && i < old->n_tensors; i++)
        r->tensors[i] = NETBUILD_NONE;
    return r->b.status;
}

size_t rewrite_tensor(struct rewrite *r, size_t old)
{
    const struct tensor *t = &r->old->tensors[old];

    if (r->b.status != STATUS_OK || r->tensors[old] != NETBUILD_NONE)
        return r->tensors[old];
    size_t i = netbuild_cut(&r->b, t->name, view_of(t));
    if (r->b.status != STATUS_OK)
        return i;
    struct tensor *copy = &r->b.net.tensors[i];
    copy->source = t->source;
    if (r->numbers[old]) {
        memcpy(copy->data, r->numbers[old], tensor_count(t) * sizeof *copy->data);
        copy->source = (struct tensor_source){ .dtype = DTYPE_F64, .made = true };
    }
    return r->tensors[old] = i;
}

static bool copy_into(struct rewrite *r, struct node *out, const struct node *v, const char *name, struct text *why)
{
    out->name = mem_string(name ? name : v->name);
    out->inputs = mem_array(v->n_inputs ? v->n_inputs : 1, sizeof *out->inputs);
    if (!out->name || !out->inputs) {
        r->b.status = STATUS_MEMORY;
        return true;
    }
    out->op = v->op;
    out->n_inputs = v->n_inputs;
    for (size_t a = 0; a < v->n_inputs; a++)
        out->inputs[a] = r->nodes[v->inputs[a]];
    memcpy(out->arg, v->arg, sizeof out->arg);
    out->n_args = v->n_args;
    for (size_t k = 0; k < v->n_w; k++) {
        out->w[k] = (struct weight){ .tensor = rewrite_tensor(r, v->w[k].tensor), .slice = v->w[k].slice };
        out->n_w = k + 1;
        if (r->b.status != STATUS_OK)
            return true;
        if (!weight_resolve(&r->b.net, &out->w[k], why))
            return false;
    }
    return node_resolve(&r->b.net, out, why);
}

void rewrite_copy(struct rewrite *r, size_t v, const char *name)
{
    struct netbuild *b = &r->b;
    struct text why = { 0 };
    struct node *grown, node = { 0 };

    if (b->status != STATUS_OK)
        return;
    bool fine = copy_into(r, &node, &r->old->nodes[v], name, &why);
    if (!fine)
        b->status = why.failed ? STATUS_MEMORY : diag_fail(b->d, STATUS_INTERNAL, "node '%s': %s", r->old->nodes[v].name, why.data);
    text_clear(&why);
    grown = b->status == STATUS_OK ? mem_grow(b->net.nodes, &b->node_room, b->net.n_nodes + 1, sizeof *grown) : NULL;
    if (!grown) {
        if (b->status == STATUS_OK)
            b->status = STATUS_MEMORY;
        node_clear(&node);
        return;
    }
    b->net.nodes = grown;
    grown[b->net.n_nodes] = node;
    r->nodes[v] = b->net.n_nodes++;
}

static void clear(struct rewrite *r)
{
    for (size_t i = 0; r->numbers && i < r->old->n_tensors; i++)
        free(r->numbers[i]);
    free(r->numbers);
    free(r->nodes);
    free(r->tensors);
    r->numbers = NULL;
    r->nodes = r->tensors = NULL;
}

enum status rewrite_finish(struct rewrite *r, struct net *net)
{
    struct net fresh = { 0 };
    size_t output = r->b.status == STATUS_OK ? r->nodes[r->old->output] : 0;
    enum status s;

    if (r->b.status == STATUS_OK && output == NETBUILD_NONE)
        r->b.status = STATUS_INTERNAL;
    s = netbuild_finish(&fresh, &r->b, output);
    clear(r);
    if (s != STATUS_OK)
        return s;
    net_clear(net);
    *net = fresh;
    return STATUS_OK;
}

size_t net_readers(const struct net *net, size_t node)
{
    size_t n = 0;

    for (size_t v = node + 1; v < net->n_nodes; v++)
        for (size_t a = 0; a < net->nodes[v].n_inputs; a++)
            if (net->nodes[v].inputs[a] == node) {
                n++;
                break;
            }
    return n;
}

static bool is_taken(const struct rewrite *r, const char *name, size_t replaced)
{
    long old = net_tensor(r->old, name);

    for (size_t i = 0; i < r->b.net.n_tensors; i++)
        if (strcmp(r->b.net.tensors[i].name, name) == 0)
            return true;
    return old >= 0 && (size_t)old != replaced;
}

struct node_name rewrite_free_name(const struct rewrite *r, const char *wanted, size_t replaced)
{
    struct node_name name = node_named("%.80s", wanted);

    for (size_t k = 1; r->b.status == STATUS_OK && is_taken(r, name.s, replaced); k++)
        name = k == 1 ? node_named("%.80s.folded", wanted) : node_named("%.70s.folded.%zu", wanted, k);
    return name;
}

bool net_tensor_read_only_by(const struct net *net, size_t tensor, const bool *nodes)
{
    for (size_t v = 0; v < net->n_nodes; v++)
        for (size_t k = 0; k < net->nodes[v].n_w; k++)
            if (net->nodes[v].w[k].tensor == tensor && !nodes[v])
                return false;
    return true;
}

bool exact_double(double *out, const mpq_t q)
{
    mpq_t back;
    double x = mpq_get_d(q);   /* truncates; overflow gives what does not compare equal */
    bool same = false;

    if (!(x - x == 0))
        return false;
    mpq_init(back);
    mpq_set_d(back, x);
    same = mpq_equal(back, q) != 0;
    mpq_clear(back);
    *out = x + 0.0;
    return same;
}

void exact_add_product(mpq_t sum, const double *x, const struct weight *W, size_t j)
{
    mpq_t p, q;

    mpq_inits(p, q, NULL);
    for (size_t i = 0; i < W->k; i++) {
        if (x[i] == 0)
            continue;
        mpq_set_d(p, x[i]);
        mpq_set_d(q, W->data[i * W->m + j]);
        mpq_mul(p, p, q);
        mpq_add(sum, sum, p);
    }
    mpq_clears(p, q, NULL);
}

/* One row; false if an entry is no binary64 number. */
static bool centre_row(double *y, const double *x, size_t d, mpq_t mean, mpq_t q)
{
    mpq_set_ui(mean, 0, 1);
    for (size_t j = 0; j < d; j++) {
        mpq_set_d(q, x[j]);
        mpq_add(mean, mean, q);
    }
    mpq_set_ui(q, d, 1);
    mpq_div(mean, mean, q);
    for (size_t j = 0; j < d; j++) {
        mpq_set_d(q, x[j]);
        mpq_sub(q, q, mean);
        if (!exact_double(&y[j], q))
            return false;
    }
    return true;
}

double *exact_centred(const double *x, size_t rows, size_t d, bool *memory)
{
    double *y = mem_array(rows * d, sizeof *y);
    bool exact = true;
    mpq_t mean, q;

    *memory = y == NULL;
    if (!y)
        return NULL;
    mpq_init(mean);
    mpq_init(q);
    for (size_t i = 0; exact && i < rows; i++)
        exact = centre_row(y + i * d, x + i * d, d, mean, q);
    mpq_clear(mean);
    mpq_clear(q);
    if (exact)
        return y;
    free(y);
    return NULL;
}

static bool is_filled(const struct tensor *t, double value, size_t rank, size_t n)
{
    bool same = t->rank == rank && t->shape[0] == n && t->shape[rank - 1] == n;

    for (size_t i = 0; same && i < tensor_count(t); i++)
        same = t->data[i] == value;
    return same;
}

/* A tensor of that name and value, made when first asked for. */
static size_t filled(struct rewrite *r, const char *name, double value, size_t rank, size_t n)
{
    for (size_t i = 0; i < r->b.net.n_tensors; i++) {
        if (strcmp(r->b.net.tensors[i].name, name) != 0)
            continue;
        if (!is_filled(&r->b.net.tensors[i], value, rank, n))
            r->b.status = diag_fail(r->b.d, STATUS_INPUT, "cannot process: tensor '%s' of this network has a name that centring needs, and other numbers", name);
        return i;
    }
    if (rank == 1)
        return netbuild_fill(&r->b, name, value, n);
    double *ones = mem_array(n * n, sizeof *ones);
    size_t made = NETBUILD_NONE;
    for (size_t i = 0; ones && i < n * n; i++)
        ones[i] = value;
    if (ones)
        made = netbuild_matrix(&r->b, name, ones, n, n);
    else if (r->b.status == STATUS_OK)
        r->b.status = STATUS_MEMORY;
    free(ones);
    return made;
}

size_t rewrite_centre(struct rewrite *r, size_t x, const char *name)
{
    size_t d = netbuild_width(&r->b, x);

    if (r->b.status == STATUS_OK && d > 4096)
        r->b.status = diag_fail(r->b.d, STATUS_LIMIT, "'%s' has %zu entries: centring them is done as nodes for 4096 at most", name, d);
    if (r->b.status != STATUS_OK)
        return 0;
    size_t ones = filled(r, node_named("process.ones.%zu", d).s, 1, 2, d);
    size_t size = filled(r, node_named("process.size.%zu", d).s, (double)d, 1, d);
    size_t sum = netbuild_linear(&r->b, node_named("%.80s.sum", name).s, x, ones, NETBUILD_NONE);
    size_t n = netbuild_constant(&r->b, node_named("%.80s.size", name).s, size);
    size_t mean = netbuild_two(&r->b, node_named("%.80s.mean", name).s, OP_DIV, sum, n);
    return netbuild_two(&r->b, name, OP_SUB, x, mean);
}
