/* The globals that a checkpoint names, and what calling them builds. Declared in models/pickle_machine.h. */
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/pickle_machine.h"

enum role {
    ROLE_DICT, ROLE_TENSOR, ROLE_TENSOR_OLD, ROLE_TENSOR_TYPED, ROLE_PARAMETER, ROLE_PARAMETER_STATE, ROLE_FROM_TYPE, ROLE_SIZE, ROLE_LIST, ROLE_STORAGE, ROLE_BYTES,
    ROLE_FIRST,   /* callable, its first argument if that is text */
    ROLE_SCALAR,  /* callable, a NumPy number */
    ROLE_OPAQUE,  /* callable, result of no interest */
    ROLE_OBJECT,  /* callable: an object of its first argument's class */
    ROLE_REFUSED, /* callable, a tensor that is not read */
    ROLE_WORD,    /* never called */
    ROLE_DTYPE    /* likewise, an element type that is read */
};

struct pickle_global { const char *module, *name, *full; enum role role; enum dtype dtype; };
#define ROW(module, name, role, dtype) { module, name, module "." name, role, dtype }
static const struct pickle_global globals[] = {
    ROW("collections", "OrderedDict", ROLE_DICT, 0),
    ROW("torch._utils", "_rebuild_tensor_v2", ROLE_TENSOR, 0),
    ROW("torch._utils", "_rebuild_tensor", ROLE_TENSOR_OLD, 0),
    ROW("torch._utils", "_rebuild_parameter", ROLE_PARAMETER, 0),
    ROW("torch._utils", "_rebuild_tensor_v3", ROLE_TENSOR_TYPED, 0),
    ROW("torch._utils", "_rebuild_parameter_with_state", ROLE_PARAMETER_STATE, 0),
    ROW("torch._tensor", "_rebuild_from_type_v2", ROLE_FROM_TYPE, 0),
    ROW("torch.nn.parameter", "Parameter", ROLE_WORD, 0),
    ROW("torch.nn.parameter", "Buffer", ROLE_WORD, 0),
    ROW("torch", "Tensor", ROLE_WORD, 0),
    ROW("torch._utils", "_rebuild_sparse_tensor", ROLE_REFUSED, 0),
    ROW("torch._utils", "_rebuild_sparse_csr_tensor", ROLE_REFUSED, 0),
    ROW("torch._utils", "_rebuild_qtensor", ROLE_REFUSED, 0),
    ROW("torch._utils", "_rebuild_nested_tensor", ROLE_REFUSED, 0),
    ROW("torch._utils", "_rebuild_meta_tensor_no_storage", ROLE_REFUSED, 0),
    ROW("torch._utils", "_rebuild_device_tensor_from_numpy", ROLE_REFUSED, 0),
    ROW("torch._utils", "_rebuild_device_tensor_from_cpu_tensor", ROLE_REFUSED, 0),
    ROW("torch._utils", "_rebuild_wrapper_subclass", ROLE_REFUSED, 0),
    ROW("torch", "Size", ROLE_SIZE, 0),
    ROW("torch", "device", ROLE_OPAQUE, 0),
    ROW("torch", "Generator", ROLE_OPAQUE, 0),
    ROW("collections", "defaultdict", ROLE_DICT, 0),
    ROW("collections", "Counter", ROLE_DICT, 0),
    ROW("collections", "deque", ROLE_LIST, 0),
    ROW("copyreg", "_reconstructor", ROLE_OBJECT, 0),
    ROW("copy_reg", "_reconstructor", ROLE_OBJECT, 0),
    ROW("numpy._core.multiarray", "scalar", ROLE_SCALAR, 0),
    ROW("numpy.core.multiarray", "scalar", ROLE_SCALAR, 0),
    ROW("numpy._core.multiarray", "_reconstruct", ROLE_OPAQUE, 0),
    ROW("numpy.core.multiarray", "_reconstruct", ROLE_OPAQUE, 0),
    ROW("numpy._core.numeric", "_frombuffer", ROLE_OPAQUE, 0),
    ROW("numpy.core.numeric", "_frombuffer", ROLE_OPAQUE, 0),
    ROW("numpy", "dtype", ROLE_FIRST, 0),
    ROW("numpy", "ndarray", ROLE_WORD, 0),
    ROW("_codecs", "encode", ROLE_FIRST, 0),
    ROW("functools", "partial", ROLE_OPAQUE, 0),
    ROW("datetime", "datetime", ROLE_OPAQUE, 0),
    ROW("datetime", "timedelta", ROLE_OPAQUE, 0),
    ROW("builtins", "getattr", ROLE_OPAQUE, 0),
    ROW("__builtin__", "getattr", ROLE_OPAQUE, 0),
    ROW("builtins", "slice", ROLE_OPAQUE, 0),
    ROW("builtins", "range", ROLE_OPAQUE, 0),
    ROW("builtins", "complex", ROLE_OPAQUE, 0),
    ROW("builtins", "bytearray", ROLE_OPAQUE, 0),
    ROW("builtins", "frozenset", ROLE_OPAQUE, 0),
    ROW("builtins", "object", ROLE_WORD, 0),
    ROW("__builtin__", "object", ROLE_WORD, 0),
    ROW("torch.storage", "UntypedStorage", ROLE_BYTES, DTYPE_U8),
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
    ROW("torch", "float64", ROLE_DTYPE, DTYPE_F64),
    ROW("torch", "float32", ROLE_DTYPE, DTYPE_F32),
    ROW("torch", "float16", ROLE_DTYPE, DTYPE_F16),
    ROW("torch", "bfloat16", ROLE_DTYPE, DTYPE_BF16),
    ROW("torch", "int64", ROLE_DTYPE, DTYPE_I64),
    ROW("torch", "int32", ROLE_DTYPE, DTYPE_I32),
    ROW("torch", "int16", ROLE_DTYPE, DTYPE_I16),
    ROW("torch", "int8", ROLE_DTYPE, DTYPE_I8),
    ROW("torch", "uint64", ROLE_DTYPE, DTYPE_U64),
    ROW("torch", "uint32", ROLE_DTYPE, DTYPE_U32),
    ROW("torch", "uint16", ROLE_DTYPE, DTYPE_U16),
    ROW("torch", "uint8", ROLE_DTYPE, DTYPE_U8),
    ROW("torch", "bool", ROLE_DTYPE, DTYPE_BOOL),
    ROW("torch", "complex64", ROLE_WORD, 0),
    ROW("torch", "complex128", ROLE_WORD, 0),
    ROW("torch", "float8_e4m3fn", ROLE_WORD, 0),
    ROW("torch", "float8_e5m2", ROLE_WORD, 0),
    ROW("builtins", "set", ROLE_LIST, 0),
    ROW("__builtin__", "set", ROLE_LIST, 0),
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
    *out = NULL;
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (text_is(module, globals[i].module) && text_is(name, globals[i].name)) {
            *out = &globals[i];
            return STATUS_OK;
        }
    if (is_storage(module, name))
        return diag_at(m->d, STATUS_INPUT, (struct diag_place){ .file = NULL }, NULL, "save real numbers: .float() or .double(), the real and imaginary parts apart",
                       "cannot read '%s': offset %zu: a tensor of 'torch.%.*s', only real floating-point, integer and boolean elements are read", m->path,
                       (size_t)(m->op - m->start), name.n > 100 ? 100 : (int)name.n, name.s);
    return STATUS_OK;
}

enum status pickle_refuse_class(const char *path, const struct pickle_class *c, size_t offset, struct diag *d)
{
    static const char help[] = "a state dict holds tensors only; where you trust the file, write one with torch.save(model.state_dict(), 'state.pt')";

    return diag_at(d, STATUS_INPUT, (struct diag_place){ .file = NULL }, NULL, help, "cannot read '%s': offset %zu: global '%.*s.%.*s' is not a tensor constructor", path, offset,
                   c->module.n > 100 ? 100 : (int)c->module.n, c->module.s, c->name.n > 100 ? 100 : (int)c->name.n, c->name.s);
}

/* Classes begin with a capital letter, functions do not: an object is only a name with attributes, but what calls a function has no place in a
 * checkpoint. */
static bool looks_like_class(struct pickle_text name)
{
    size_t i = name.n;

    while (i > 0 && name.s[i - 1] != '.')
        i--;
    while (i < name.n && name.s[i] == '_')
        i++;
    return i < name.n && name.s[i] >= 'A' && name.s[i] <= 'Z';
}

enum status pickle_object(struct machine *m, size_t class, bool is_class)
{
    struct pickle_object *o;

    if (!is_class && !looks_like_class(m->p.values[class].class.name))
        return pickle_refuse_class(m->path, &m->p.values[class].class, (size_t)(m->op - m->start), m->d);
    o = mem_array(1, sizeof *o);
    if (!o)
        return STATUS_MEMORY;
    o->class = class;
    o->state = PICKLE_NO_VALUE;
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_OBJECT, .object = o });
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

/* Metadata says "conjugated" or "negated": the bytes would not be the values. */
static bool is_plain(const struct pickle_value *metadata)
{
    return metadata->kind == PICKLE_OPAQUE || metadata->kind == PICKLE_NONE || (metadata->kind == PICKLE_DICT && metadata->list.n == 0);
}

/* The storage of a typed call holds bytes; what follows the hooks says of which type they are. */
static enum status set_type(struct machine *m, struct pickle_tensor *t, const struct pickle_value *type)
{
    if (type->kind != PICKLE_GLOBAL || (type->global->role != ROLE_DTYPE && type->global->role != ROLE_WORD))
        return machine_fail(m, "a tensor whose element type is not one of torch");
    if (type->global->role != ROLE_DTYPE)
        return machine_fail(m, "a tensor of '%s', only real floating-point, integer and boolean elements are read", type->global->full);
    if (t->storage.numel % dtype_size(type->global->dtype))
        return machine_fail(m, "a storage of %zu bytes for elements of %zu", t->storage.numel, dtype_size(type->global->dtype));
    t->storage.dtype = type->global->dtype;
    t->storage.numel /= dtype_size(t->storage.dtype);
    return STATUS_OK;
}

/* (storage, offset, size, stride, requires_grad, hooks[, metadata]); the old form ends after stride, the typed one has the type before metadata. */
static enum status call_tensor(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    struct pickle_tensor t, *kept;
    bool typed = g->role == ROLE_TENSOR_TYPED;
    size_t n_strides = 0, n = g->role == ROLE_TENSOR_OLD ? 4 : typed ? 7 : 6;
    enum status s;

    if (args->n != n && (g->role == ROLE_TENSOR_OLD || args->n != n + 1))
        return machine_fail(m, "'%s' with %zu arguments", g->full, args->n);
    if (item(m, args, 0)->kind != PICKLE_STORAGE || !is_count(item(m, args, 1)) || !read_tuple(m, item(m, args, 2), t.shape, &t.rank) ||
        !read_tuple(m, item(m, args, 3), t.strides, &n_strides) || n_strides != t.rank)
        return machine_fail(m, "'%s' needs a storage, an offset, and sizes and strides of at most %d dimensions", g->full, TENSOR_MAX_RANK);
    if (args->n == n + 1 && !is_plain(item(m, args, n)))
        return machine_fail(m, "a tensor with metadata (conjugated or negated)");
    t.storage = *item(m, args, 0)->storage;
    t.offset = (size_t)item(m, args, 1)->integer;
    if (typed != t.storage.untyped)
        return machine_fail(m, "'%s' of a storage that is %s", g->full, typed ? "typed" : "untyped");
    if (typed && (s = set_type(m, &t, item(m, args, 6))) != STATUS_OK)
        return s;
    if (!inside(&t))
        return machine_fail(m, "a tensor reaches beyond its storage of %zu elements", t.storage.numel);
    kept = mem_array(1, sizeof *kept);
    if (!kept)
        return STATUS_MEMORY;
    *kept = t;
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_TENSOR, .tensor = kept });
}

/* (tensor, requires_grad, hooks[, attributes]) */
static enum status call_parameter(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    struct pickle_tensor *kept;

    if (args->n != (g->role == ROLE_PARAMETER ? 3 : 4) || item(m, args, 0)->kind != PICKLE_TENSOR)
        return machine_fail(m, "'%s' needs a tensor, a flag and hooks", g->full);
    kept = mem_array(1, sizeof *kept);
    if (!kept)
        return STATUS_MEMORY;
    *kept = *item(m, args, 0)->tensor;
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_TENSOR, .tensor = kept });
}

/* (function, type, arguments, attributes): a tensor with attributes of its own, which say nothing about values. A subclass may mean anything. */
static enum status call_from_type(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    const struct pickle_value *function, *type;

    if (args->n != 4 || item(m, args, 0)->kind != PICKLE_GLOBAL || item(m, args, 2)->kind != PICKLE_TUPLE)
        return machine_fail(m, "'%s' needs a function, a type, arguments and attributes", g->full);
    function = item(m, args, 0);
    type = item(m, args, 1);
    if (type->kind != PICKLE_GLOBAL || type->global->role != ROLE_WORD)
        return machine_fail(m, "a tensor of class '%.*s', of torch.Tensor and torch.nn.Parameter are read", type->kind == PICKLE_CLASS && type->class.name.n < 100 ? (int)type->class.name.n : 1,
                            type->kind == PICKLE_CLASS ? type->class.name.s : "?");
    if (function->global->role == ROLE_FROM_TYPE)
        return machine_fail(m, "'%s' within itself", g->full);
    return pickle_call(m, function->global, &item(m, args, 2)->list);
}

/* Tensors without numbers of their own here, in words after the name. */
static enum status call_refused(struct machine *m, const struct pickle_global *g)
{
    const char *what = strstr(g->full, "sparse")   ? "a sparse tensor: save .to_dense()"
                       : strstr(g->full, "qtensor") ? "a quantized tensor: save .dequantize()"
                       : strstr(g->full, "nested") ? "a nested tensor: save its parts"
                       : strstr(g->full, "meta")   ? "a tensor on the device 'meta', which has no numbers"
                       : strstr(g->full, "device") ? "a tensor of another device: save .cpu()"
                                                   : "a tensor of a subclass: save a plain one";

    return machine_fail(m, "'%s' makes %s", g->full, what);
}

/* torch.Size((2, 3)) is the tuple itself; a set or a deque is the list it is made of. */
static enum status call_size(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    struct pickle_value v = { .kind = g->role == ROLE_SIZE ? PICKLE_TUPLE : PICKLE_LIST };
    const struct pickle_value *from = args->n >= 1 ? item(m, args, 0) : NULL;

    if (args->n == 0 && g->role == ROLE_LIST)
        return machine_push(m, v);
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

void pickle_set_dtype(struct machine *m, size_t dtype, size_t state)
{
    const struct pickle_value *v = &m->p.values[state];
    const struct pickle_value *order = v->kind == PICKLE_TUPLE && v->list.n > 1 ? item(m, &v->list, 1) : NULL;

    if (!order || order->kind != PICKLE_TEXT || order->text.n != 1 || (order->text.s[0] != '<' && order->text.s[0] != '|'))
        m->p.values[dtype].kind = PICKLE_OPAQUE;
}

/* Bytes of a scalar: as they are, or as text whose characters are the bytes (protocol 2). False unless there are n. */
static bool scalar_bytes(unsigned char *out, const struct pickle_value *v, size_t n)
{
    size_t k = 0;

    if (v->kind != PICKLE_TEXT && v->kind != PICKLE_BYTES)
        return false;
    for (size_t i = 0; i < v->text.n; i++) {
        unsigned char c = (unsigned char)v->text.s[i];
        if (v->kind == PICKLE_TEXT && (c & 0xfc) == 0xc0 && i + 1 < v->text.n)
            c = (unsigned char)(c << 6 | ((unsigned char)v->text.s[++i] & 63));
        if (k == n)
            return false;
        out[k++] = c;
    }
    return k == n;
}

/* (dtype, bytes): a float, an integer or a truth value; others are of no interest. */
static enum status call_scalar(struct machine *m, const struct pickle_list *args)
{
    struct pickle_value v = { .kind = PICKLE_OPAQUE };
    const struct pickle_value *type = args->n == 2 ? item(m, args, 0) : NULL;
    unsigned char p[8] = { 0 };
    float single;
    int32_t small;

    if (!type || type->kind != PICKLE_TEXT)
        return machine_push(m, v);
    if (text_is(type->text, "f8") && scalar_bytes(p, item(m, args, 1), 8)) {
        v.kind = PICKLE_FLOAT;
        memcpy(&v.number, p, 8);
    } else if (text_is(type->text, "f4") && scalar_bytes(p, item(m, args, 1), 4)) {
        memcpy(&single, p, 4);
        v = (struct pickle_value){ .kind = PICKLE_FLOAT, .number = (double)single };
    } else if (text_is(type->text, "i8") && scalar_bytes(p, item(m, args, 1), 8)) {
        v.kind = PICKLE_INT;
        memcpy(&v.integer, p, 8);
    } else if (text_is(type->text, "i4") && scalar_bytes(p, item(m, args, 1), 4)) {
        memcpy(&small, p, 4);
        v = (struct pickle_value){ .kind = PICKLE_INT, .integer = small };
    } else if (text_is(type->text, "b1") && scalar_bytes(p, item(m, args, 1), 1))
        v = (struct pickle_value){ .kind = PICKLE_BOOL, .integer = p[0] != 0 };
    return machine_push(m, v);
}

/* An object of the class that is the first argument. */
static enum status call_object(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    if (args->n == 0 || item(m, args, 0)->kind != PICKLE_CLASS)
        return machine_fail(m, "'%s' needs a class", g->full);
    return pickle_object(m, args->items[0], true);
}

static enum status call_dict(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    const struct pickle_value *from = args->n == 1 && strcmp(g->name, "Counter") == 0 ? item(m, args, 0) : NULL;

    if (from && from->kind == PICKLE_DICT)
        return machine_push(m, (struct pickle_value){ .kind = PICKLE_OPAQUE });
    if (args->n > (strcmp(g->name, "defaultdict") == 0))
        return machine_fail(m, "'%s' with arguments", g->full);
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_DICT });
}

enum status pickle_call(struct machine *m, const struct pickle_global *g, const struct pickle_list *args)
{
    switch (g->role) {
    case ROLE_DICT:
        return call_dict(m, g, args);
    case ROLE_TENSOR:
    case ROLE_TENSOR_OLD:
    case ROLE_TENSOR_TYPED:
        return call_tensor(m, g, args);
    case ROLE_PARAMETER:
    case ROLE_PARAMETER_STATE:
        return call_parameter(m, g, args);
    case ROLE_FROM_TYPE:
        return call_from_type(m, g, args);
    case ROLE_SIZE:
    case ROLE_LIST:
        return call_size(m, g, args);
    case ROLE_OBJECT:
        return call_object(m, g, args);
    case ROLE_FIRST:
        return machine_push(m, args->n && item(m, args, 0)->kind == PICKLE_TEXT ? *item(m, args, 0) : (struct pickle_value){ .kind = PICKLE_OPAQUE });
    case ROLE_SCALAR:
        return call_scalar(m, args);
    case ROLE_REFUSED:
        return call_refused(m, g);
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
    if (item(m, l, 3)->kind == PICKLE_TEXT && text_is(item(m, l, 3)->text, "meta"))
        return machine_fail(m, "a tensor on the device 'meta', which has no numbers");
    if (item(m, l, 1)->kind != PICKLE_GLOBAL || (item(m, l, 1)->global->role != ROLE_STORAGE && item(m, l, 1)->global->role != ROLE_BYTES))
        return machine_fail(m, "a storage whose type is not one of torch.*Storage");
    if (item(m, l, 2)->kind != PICKLE_TEXT || !is_key(item(m, l, 2)->text))
        return machine_fail(m, "a storage whose key is not a plain name");
    if (!is_count(item(m, l, 4)))
        return machine_fail(m, "a storage whose size is not a number");
    kept = mem_array(1, sizeof *kept);
    if (!kept)
        return STATUS_MEMORY;
    *kept = (struct pickle_storage){ item(m, l, 2)->text, item(m, l, 1)->global->dtype, (size_t)item(m, l, 4)->integer, item(m, l, 1)->global->role == ROLE_BYTES };
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_STORAGE, .storage = kept });
}
