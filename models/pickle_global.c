/* The globals that a state dict names, and what calling them builds. Declared in models/pickle_machine.h. */
#include <string.h>

#include "core/mem.h"
#include "models/pickle_machine.h"

enum role { ROLE_DICT, ROLE_TENSOR, ROLE_TENSOR_OLD, ROLE_PARAMETER, ROLE_SIZE, ROLE_STORAGE, ROLE_OPAQUE /* callable, result of no interest */, ROLE_WORD /* never called */ };

struct pickle_global { const char *module, *name, *full; enum role role; enum dtype dtype; };
#define ROW(module, name, role, dtype) { module, name, module "." name, role, dtype }
static const struct pickle_global globals[] = {
    ROW("collections", "OrderedDict", ROLE_DICT, 0),
    ROW("torch._utils", "_rebuild_tensor_v2", ROLE_TENSOR, 0),
    ROW("torch._utils", "_rebuild_tensor", ROLE_TENSOR_OLD, 0),
    ROW("torch._utils", "_rebuild_parameter", ROLE_PARAMETER, 0),
    ROW("torch", "Size", ROLE_SIZE, 0),
    ROW("torch", "device", ROLE_OPAQUE, 0),
    ROW("torch", "DoubleStorage", ROLE_STORAGE, DTYPE_F64),
    ROW("torch", "FloatStorage", ROLE_STORAGE, DTYPE_F32),
    ROW("torch", "HalfStorage", ROLE_STORAGE, DTYPE_F16),
    ROW("torch", "BFloat16Storage", ROLE_STORAGE, DTYPE_BF16),
    ROW("torch", "LongStorage", ROLE_STORAGE, DTYPE_I64),
    ROW("torch", "IntStorage", ROLE_STORAGE, DTYPE_I32),
    ROW("torch", "ShortStorage", ROLE_STORAGE, DTYPE_I16),
    ROW("torch", "CharStorage", ROLE_STORAGE, DTYPE_I8),
    ROW("torch", "ByteStorage", ROLE_STORAGE, DTYPE_U8),
    ROW("torch", "BoolStorage", ROLE_STORAGE, DTYPE_BOOL),
    ROW("torch", "float64", ROLE_WORD, 0),
    ROW("torch", "float32", ROLE_WORD, 0),
    ROW("torch", "float16", ROLE_WORD, 0),
    ROW("torch", "bfloat16", ROLE_WORD, 0),
    ROW("torch", "int64", ROLE_WORD, 0),
    ROW("torch", "int32", ROLE_WORD, 0),
    ROW("builtins", "set", ROLE_OPAQUE, 0),
    ROW("__builtin__", "set", ROLE_OPAQUE, 0),
};

const char *pickle_global_name(const struct pickle_global *g) { return g->full; }

static bool text_is(struct pickle_text t, const char *s) { return t.n == strlen(s) && memcmp(t.s, s, t.n) == 0; }

/* torch.XStorage: the type of a tensor's elements. */
static bool is_storage(struct pickle_text module, struct pickle_text name)
{
    return text_is(module, "torch") && name.n > 7 && memcmp(name.s + name.n - 7, "Storage", 7) == 0;
}

enum status pickle_global_find(const struct pickle_global **out, struct machine *m, struct pickle_text module, struct pickle_text name)
{
    static const char help[] = "a state dict holds tensors only; where you trust the file, write one with torch.save(model.state_dict(), 'state.pt')";

    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (text_is(module, globals[i].module) && text_is(name, globals[i].name)) {
            *out = &globals[i];
            return STATUS_OK;
        }
    if (is_storage(module, name))
        return diag_at(m->d, STATUS_INPUT, (struct diag_place){ .file = NULL }, NULL, "save real numbers: .float() or .double(), the real and imaginary parts apart",
                       "cannot read '%s': offset %zu: a tensor of 'torch.%.*s', only real floating-point, integer and boolean elements are read", m->path,
                       (size_t)(m->op - m->start), name.n > 100 ? 100 : (int)name.n, name.s);
    return diag_at(m->d, STATUS_INPUT, (struct diag_place){ .file = NULL }, NULL, help,
                   "cannot read '%s': offset %zu: global '%.*s.%.*s' is not a tensor constructor", m->path, (size_t)(m->op - m->start),
                   module.n > 100 ? 100 : (int)module.n, module.s, name.n > 100 ? 100 : (int)name.n, name.s);
}

static const struct pickle_value *item(const struct machine *m, const struct pickle_list *l, size_t i) { return &m->p.values[l->items[i]]; }

static bool is_count(const struct pickle_value *v) { return v->kind == PICKLE_INT && v->integer >= 0; }

/* Sizes or strides: a tuple of integers of at least 0. */
static bool read_tuple(const struct machine *m, const struct pickle_value *v, size_t *out, size_t *n)
{
    if (v->kind != PICKLE_TUPLE || v->list.n > TENSOR_MAX_RANK)
        return false;
    *n = v->list.n;
    for (size_t i = 0; i < *n; i++) {
        if (!is_count(item(m, &v->list, i)))
            return false;
        out[i] = (size_t)item(m, &v->list, i)->integer;
    }
    return true;
}

/* Do all elements lie in the storage? An empty tensor has none. */
static bool inside(const struct pickle_tensor *t)
{
    size_t last = t->offset;

    for (size_t i = 0; i < t->rank; i++)
        if (t->shape[i] == 0)
            return true;
    for (size_t i = 0; i < t->rank; i++) {
        size_t span;
        if (__builtin_mul_overflow(t->shape[i] - 1, t->strides[i], &span) || __builtin_add_overflow(last, span, &last))
            return false;
    }
    return last < t->storage.numel;
}

/* (storage, offset, size, stride, requires_grad, hooks[, metadata]); the old form ends after stride. */
static enum status call_tensor(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    struct pickle_tensor t, *kept;
    size_t n_strides = 0;

    if (g->role == ROLE_TENSOR_OLD ? args->n != 4 : args->n != 6 && args->n != 7)
        return machine_fail(m, "'%s' with %zu arguments", g->full, args->n);
    if (item(m, args, 0)->kind != PICKLE_STORAGE || !is_count(item(m, args, 1)) || !read_tuple(m, item(m, args, 2), t.shape, &t.rank) ||
        !read_tuple(m, item(m, args, 3), t.strides, &n_strides) || n_strides != t.rank)
        return machine_fail(m, "'%s' needs a storage, an offset, and sizes and strides of at most %d dimensions", g->full, TENSOR_MAX_RANK);
    /* metadata says "conjugated" or "negated": the bytes would not be the values */
    if (args->n == 7 && item(m, args, 6)->kind != PICKLE_OPAQUE && item(m, args, 6)->kind != PICKLE_NONE && !(item(m, args, 6)->kind == PICKLE_DICT && item(m, args, 6)->list.n == 0))
        return machine_fail(m, "a tensor with metadata (conjugated or negated)");
    t.storage = *item(m, args, 0)->storage;
    t.offset = (size_t)item(m, args, 1)->integer;
    if (!inside(&t))
        return machine_fail(m, "a tensor reaches beyond its storage of %zu elements", t.storage.numel);
    kept = mem_array(1, sizeof *kept);
    if (!kept)
        return STATUS_MEMORY;
    *kept = t;
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_TENSOR, .tensor = kept });
}

static enum status call_parameter(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    struct pickle_tensor *kept;

    if (args->n != 3 || item(m, args, 0)->kind != PICKLE_TENSOR)
        return machine_fail(m, "'%s' needs a tensor, a flag and hooks", g->full);
    kept = mem_array(1, sizeof *kept);
    if (!kept)
        return STATUS_MEMORY;
    *kept = *item(m, args, 0)->tensor;
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_TENSOR, .tensor = kept });
}

/* torch.Size((2, 3)) is the tuple itself. */
static enum status call_size(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    struct pickle_value v = { .kind = PICKLE_TUPLE };
    const struct pickle_value *from = args->n == 1 ? item(m, args, 0) : NULL;

    if (!from || (from->kind != PICKLE_TUPLE && from->kind != PICKLE_LIST))
        return machine_fail(m, "'%s' needs a tuple", g->full);
    v.list.n = v.list.room = from->list.n;
    v.list.items = mem_array(from->list.n, sizeof *v.list.items);
    if (!v.list.items)
        return STATUS_MEMORY;
    if (v.list.n)
        memcpy(v.list.items, from->list.items, v.list.n * sizeof *v.list.items);
    return machine_push(m, v);
}

enum status pickle_call(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    switch (g->role) {
    case ROLE_DICT:
        if (args->n)
            return machine_fail(m, "'%s' with arguments", g->full);
        return machine_push(m, (struct pickle_value){ .kind = PICKLE_DICT });
    case ROLE_TENSOR:
    case ROLE_TENSOR_OLD:
        return call_tensor(m, g, args);
    case ROLE_PARAMETER:
        return call_parameter(m, g, args);
    case ROLE_SIZE:
        return call_size(m, g, args);
    case ROLE_OPAQUE:
        return machine_push(m, (struct pickle_value){ .kind = PICKLE_OPAQUE });
    default:
        return machine_fail(m, "'%s' is called, it is no constructor", g->full);
    }
}

/* Names a member of the archive, so nothing but letters, digits and _. */
static bool is_key(struct pickle_text t)
{
    for (size_t i = 0; i < t.n; i++) {
        char c = t.s[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'))
            return false;
    }
    return t.n > 0 && t.n < 100;
}

enum status pickle_persistent(struct machine *m, size_t id)
{
    const struct pickle_value *v = &m->p.values[id];
    const struct pickle_list *l = &v->list;
    struct pickle_storage *kept;

    if (v->kind != PICKLE_TUPLE || l->n != 5 || item(m, l, 0)->kind != PICKLE_TEXT || !text_is(item(m, l, 0)->text, "storage"))
        return machine_fail(m, "a persistent id that is not ('storage', type, key, location, size)");
    if (item(m, l, 1)->kind != PICKLE_GLOBAL || item(m, l, 1)->global->role != ROLE_STORAGE)
        return machine_fail(m, "a storage whose type is not one of torch.*Storage");
    if (item(m, l, 2)->kind != PICKLE_TEXT || !is_key(item(m, l, 2)->text))
        return machine_fail(m, "a storage whose key is not a plain name");
    if (!is_count(item(m, l, 4)))
        return machine_fail(m, "a storage whose size is not a number");
    kept = mem_array(1, sizeof *kept);
    if (!kept)
        return STATUS_MEMORY;
    *kept = (struct pickle_storage){ item(m, l, 2)->text, item(m, l, 1)->global->dtype, (size_t)item(m, l, 4)->integer };
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_STORAGE, .storage = kept });
}
