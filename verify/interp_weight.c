/* interp_weight.c: numbers of files as exact arrays: data arrays, tensors of networks, the matrices of a head's circuits. */
#include "verify/interp_parts.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Doubles as integers over the smallest common power of two. */
static enum status exact_from_doubles(struct value *out, const double *x)
{
    int low = 0;
    fmpz *num = value_make_exact(out);
    if (!num) return STATUS_MEMORY;
    for (size_t i = 0; i < out->n; i++) {
        int e;
        if (x[i] == 0) continue;
        (void)frexp(x[i], &e);
        if (e - 53 < low) low = e - 53;
    }
    fmpz_t m;
    fmpz_init(m);
    for (size_t i = 0; i < out->n; i++) {
        int e;
        double f = frexp(x[i], &e);
        fmpz_set_si(m, (long)ldexp(f, 53));
        fmpz_mul_2exp(num + i, m, x[i] == 0 ? 0 : (ulong)(e - 53 - low));
    }
    fmpz_one(out->den);
    fmpz_mul_2exp(out->den, out->den, (ulong)-low);
    /* Common factors of two go, so that products of weights stay short. */
    fmpz_set(m, out->den);
    for (size_t i = 0; i < out->n && !fmpz_is_one(m); i++) fmpz_gcd(m, m, num + i);
    if (!fmpz_is_one(m)) {
        _fmpz_vec_scalar_divexact_fmpz(num, num, (slong)out->n, m);
        fmpz_divexact(out->den, out->den, m);
    }
    fmpz_clear(m);
    return STATUS_OK;
}

/* As integers where all entries fit, else exactly over a power of two; as reals at once, because rows of it are what networks read. */
static enum status load_data(struct value *v, struct interp *in, const struct data_array *a)
{
    size_t n = data_array_count(a);
    bool ints = a->whole;
    for (size_t i = 0; i < n && ints; i++) ints = fabs(a->data[i]) < 0x1p62;
    if (!value_shape(v, a->rank, a->shape)) return diag_fail(in->d, STATUS_LIMIT, "a data array of more than %zu entries", VALUE_MAX);
    long *x = ints ? value_make_ints(v) : NULL;
    for (size_t i = 0; x && i < n; i++) x[i] = (long)a->data[i];
    enum status s = ints ? (x ? STATUS_OK : STATUS_MEMORY) : exact_from_doubles(v, a->data);
    return s != STATUS_OK || value_as_real(v, in->prec) ? s : STATUS_MEMORY;
}

enum status data_value(struct value **out, struct interp *in, const struct expr *name)
{
    const struct claims *file = in->s->file;
    for (size_t i = 0; i < in->n_data; i++) {
        const struct bound_data *x = &file->data[in->s->data[i]];
        if (strcmp(x->name, name->name) != 0) continue;
        *out = &in->data[i];
        enum status s = in->data[i].rank ? STATUS_OK : load_data(&in->data[i], in, &x->array);
        if (s != STATUS_OK) in->data[i].rank = 0;
        return s;
    }
    return interp_fail(in, name, "'%s' has no value here", name->name);
}

static const struct net *weight_net(struct interp *in, const struct expr *model)
{
    const struct model *m = model->form == FORM_NAME && model->name ? statement_model(in->s, model->name) : NULL;
    return m && m->net.n_nodes ? &m->net : NULL;
}

static enum status whole_tensor(struct value *out, struct interp *in, const struct expr *e, const struct tensor *t)
{
    if (t->rank < 1 || t->rank > 3 || !value_shape(out, t->rank, t->shape)) return interp_fail(in, e, "tensor too large");
    return exact_from_doubles(out, t->data);
}

/* The group of keys and values that head h reads: of G groups (the tensor attn._W_K or _W_V) and H heads, h G / H; h without groups. */
static long group_of(const struct net *net, const char *grouped, long l, long h)
{
    char name[64];
    snprintf(name, sizeof name, "blocks.%ld.attn.%s", l, grouped);
    long groups = net_tensor(net, name);
    snprintf(name, sizeof name, "blocks.%ld.attn.W_O", l);
    long heads = net_tensor(net, name);
    if (groups < 0 || heads < 0) return h;
    size_t G = net->tensors[groups].shape[0], H = net->tensors[heads].shape[0];
    return h >= 0 && (size_t)h < H ? (long)((size_t)h * G / H) : -1;
}

/* W_Q[h] and W_K[h], or W_V[h] and W_O[h]: found through the network's own nodes, so that any layout of tensors is right. */
static enum status head_matrix(struct value *out, struct interp *in, const struct expr *e, const struct net *net, const char *hook, long l, long h)
{
    char name[128];
    snprintf(name, sizeof name, "blocks.%ld.attn.%s.%ld", l, hook, h);
    long node = net_node(net, name);
    if (node < 0 || net->nodes[node].n_w == 0) return interp_fail(in, e, "the model has no head %ld in layer %ld", h, l);
    const struct weight *w = &net->nodes[node].w[0];
    size_t shape[2] = {w->k, w->m};
    return value_shape(out, 2, shape) ? exact_from_doubles(out, w->data) : STATUS_MEMORY;
}

enum status array_weight(struct value *out, struct interp *in, const struct expr *e)
{
    const struct net *net = weight_net(in, e->args[0]);
    if (!net) return interp_fail(in, e, "no network for this model");
    if (e->function == FUNCTION_W) {
        long t = e->args[1]->form == FORM_STRING ? net_tensor(net, e->args[1]->name) : -1;
        return t < 0 ? interp_fail(in, e, "the model has no such tensor") : whole_tensor(out, in, e, &net->tensors[t]);
    }
    long l = 0, h = 0;
    bool known;
    struct value a, b, c;
    value_init(&a);
    value_init(&b);
    value_init(&c);
    bool qk = e->function == FUNCTION_QK;
    enum status s = eval_int(&l, &known, in, e->args[1]);
    if (s == STATUS_OK && known) s = eval_int(&h, &known, in, e->args[2]);
    if (s == STATUS_OK && !known) s = interp_fail(in, e, "a layer or head must not rest on a network value");
    if (s == STATUS_OK) s = head_matrix(&a, in, e, net, qk ? "hook_q" : "hook_v", l, qk ? h : group_of(net, "_W_V", l, h));
    if (s == STATUS_OK) s = head_matrix(&b, in, e, net, qk ? "hook_k" : "hook_result", l, qk ? group_of(net, "_W_K", l, h) : h);
    if (s == STATUS_OK && qk) s = array_transpose(&c, in, &b);
    if (s == STATUS_OK) s = array_matmul(out, in, e, &a, qk ? &c : &b);
    value_clear(&a);
    value_clear(&b);
    value_clear(&c);
    return s;
}
