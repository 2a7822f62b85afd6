/* The tensors of the file under canonical names, with canonical axes. Declared in models/transformer.h. */
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/layout.h"
#include "models/transformer.h"

const struct tensor *transformer_tensor(const struct transformer *t, const char *name)
{
    long i = names_find(&t->index, name, strlen(name));

    return i < 0 ? NULL : &t->views[i].t;
}

static const struct canonical *view_of(const struct transformer *t, const struct tensor *x)
{
    return &t->views[names_find(&t->index, x->name, strlen(x->name))];
}

const char *transformer_shown(const struct transformer *t, const struct tensor *x) { return view_of(t, x)->from->name; }

void transformer_use(struct transformer *t, const struct tensor *x) { t->used[view_of(t, x) - t->views] = true; }

void transformer_views_clear(struct transformer *t)
{
    for (size_t i = 0; i < t->n_views; i++)
        free(t->views[i].t.name);
    free(t->views);
    free(t->used);
    names_clear(&t->index);
}

enum status transformer_add_view(struct transformer *t, const char *name, const struct tensor *from, size_t along, size_t offset, const struct axis *axes, size_t rank)
{
    struct canonical *grown = mem_grow(t->views, &t->room, t->n_views + 1, sizeof *grown), *v;

    if (!grown)
        return STATUS_MEMORY;
    t->views = grown;
    v = &grown[t->n_views++];
    *v = (struct canonical){ .t = { .name = mem_string(name), .rank = rank, .source = from->source }, .from = from };
    if (from->rank && offset) {
        size_t skipped = offset * from->source.strides[along] * dtype_size(from->source.dtype);
        v->t.source.offset += skipped;
        v->t.source.bytes += skipped;
    }
    for (size_t i = 0; i < rank; i++) {
        v->t.shape[i] = axes[i].size;
        v->t.source.strides[i] = axes[i].step * from->source.strides[axes[i].axis];
    }
    return v->t.name ? STATUS_OK : STATUS_MEMORY;
}

enum status canonical_fill(struct tensor *out, const struct canonical *v, bool shapes_only)
{
    enum dtype type = v->t.source.dtype;

    *out = v->t;
    out->name = mem_string(v->t.name);
    out->data = NULL;
    if (!out->name)
        return STATUS_MEMORY;
    if (shapes_only && (type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_BF16))
        return STATUS_OK;
    return tensor_need(out) ? STATUS_OK : STATUS_MEMORY;
}

static enum status whole(struct transformer *t, const char *name, const struct tensor *x)
{
    struct axis axes[TENSOR_MAX_RANK];

    for (size_t i = 0; i < x->rank; i++)
        axes[i] = (struct axis){ i, x->shape[i], 1 };
    return transformer_add_view(t, name, x, 0, 0, axes, x->rank);
}

/* As many keys as queries are no groups: TransformerLens writes _W_K whenever n_key_value_heads is given, W_K means the same. */
static bool as_many_as_queries(const struct checkpoint *c, const struct tensor *x)
{
    const char *rest = block_number(x->name) < 0 ? NULL : strchr(x->name + 7, '.') + 1;

    if (!rest || (strncmp(rest, "attn._W_", 8) != 0 && strncmp(rest, "attn._b_", 8) != 0))
        return false;
    for (size_t i = 0; i < c->n; i++) {
        const struct tensor *q = &c->tensors[i];
        if (block_number(q->name) == block_number(x->name) && strcmp(strchr(q->name + 7, '.') + 1, "attn.W_Q") == 0)
            return q->rank == 3 && x->rank >= 2 && q->shape[0] == x->shape[0];
    }
    return false;
}

static enum status identity(struct transformer *t, const struct tensor *x)
{
    char name[48];

    if (!as_many_as_queries(&t->model->checkpoint, x))
        return whole(t, x->name, x);
    (void)snprintf(name, sizeof name, "blocks.%ld.attn.%s", block_number(x->name), strrchr(x->name, '.') + 2);
    return whole(t, name, x);
}

/* Older TransformerLens: W_O is [d_model, n_heads * d_head], W_Q, W_K, W_V [n_heads, d_head, d_model], W_in, W_out [out, in], W_E [d_model, d_vocab]. */
static bool is_older(const struct checkpoint *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const char *rest = block_number(c->tensors[i].name) < 0 ? NULL : strchr(c->tensors[i].name + 7, '.') + 1;
        if (rest && strcmp(rest, "attn.W_O") == 0 && c->tensors[i].rank == 2)
            return true;
    }
    return false;
}

/* W_O needs the number of heads, which W_Q beside it has. */
static enum status older_W_O(struct transformer *t, const struct tensor *x)
{
    const struct checkpoint *c = &t->model->checkpoint;
    size_t n = strlen(x->name) - 1, H;

    for (size_t i = 0; i < c->n; i++) {
        const struct tensor *q = &c->tensors[i];
        if (strlen(q->name) != n + 1 || strncmp(q->name, x->name, n) != 0 || q->name[n] != 'Q' || q->rank != 3)
            continue;
        H = q->shape[0];
        if (H && x->shape[1] % H == 0)
            return transformer_add_view(t, x->name, x, 0, 0, (struct axis[]){ { 1, H, x->shape[1] / H }, { 1, x->shape[1] / H, 1 }, { 0, x->shape[0], 1 } }, 3);
    }
    return identity(t, x);
}

static enum status older(struct transformer *t, const struct tensor *x)
{
    const char *rest = block_number(x->name) < 0 ? x->name : strchr(x->name + 7, '.') + 1;
    bool qkv = strcmp(rest, "attn.W_Q") == 0 || strcmp(rest, "attn.W_K") == 0 || strcmp(rest, "attn.W_V") == 0;
    bool matrix = strcmp(rest, "embed.W_E") == 0 || strcmp(rest, "mlp.W_in") == 0 || strcmp(rest, "mlp.W_out") == 0;

    if (qkv && x->rank == 3)
        return transformer_add_view(t, x->name, x, 0, 0, (struct axis[]){ { 0, x->shape[0], 1 }, { 2, x->shape[2], 1 }, { 1, x->shape[1], 1 } }, 3);
    if (matrix && x->rank == 2)
        return transformer_add_view(t, x->name, x, 0, 0, (struct axis[]){ { 1, x->shape[1], 1 }, { 0, x->shape[0], 1 } }, 2);
    return strcmp(rest, "attn.W_O") == 0 && x->rank == 2 ? older_W_O(t, x) : identity(t, x);
}

static enum status canonical_layout(struct transformer *t)
{
    const struct checkpoint *c = &t->model->checkpoint;
    bool old = is_older(c);
    enum status s = STATUS_OK;

    for (size_t i = 0; s == STATUS_OK && i < c->n; i++)
        s = old ? older(t, &c->tensors[i]) : identity(t, &c->tensors[i]);
    if (s == STATUS_OK && old)
        s = model_add_fact(t->model, "layout", "older TransformerLens", "inferred from the rank of W_O: embed.W_E, attn.W_Q, W_K, W_V, W_O, mlp.W_in and W_out are read transposed");
    return s;
}

enum status transformer_views(struct transformer *t)
{
    const struct checkpoint *c = &t->model->checkpoint;
    enum status s;

    t->foreign = true;
    for (size_t i = 0; i < c->n; i++)
        t->foreign &= !name_is_canonical(c->tensors[i].name);
    if ((s = t->foreign ? transformer_layout(t) : canonical_layout(t)) != STATUS_OK)
        return s;
    if (!(t->used = mem_array(t->n_views, sizeof *t->used)))
        return STATUS_MEMORY;
    for (size_t i = 0; i < t->n_views; i++)
        if (!names_add(&t->index, t->views[i].t.name, strlen(t->views[i].t.name), i, NULL))
            return STATUS_MEMORY;
    return STATUS_OK;
}
