/* Bytes of an ONNX file to messages and constants. Declared in models/onnx_graph.h. Protobuf checks that lengths stay inside the file; here
 * names, sizes, types and places of the data are. External data is refused: a file that names other files is not one network. */
#include "models/onnx.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "core/utf8.h"
#include "models/decode.h"
#include "models/onnx_graph.h"

static const struct { int32_t code; const char *name; enum dtype dtype; enum value_kind kind; } types[] = {
#define X(code, name, dtype, kind) { code, name, dtype, kind },
    ONNX_TYPES(X)
#undef X
};
static const char *const all_types[] = { "UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16", "DOUBLE", "UINT32", "UINT64",
                                         "COMPLEX64", "COMPLEX128", "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4", "INT4", "FLOAT4E2M1" };

static long type_row(int32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == type)
            return (long)i;
    return -1;
}

const char *onnx_type_name(int32_t type)
{
    return type >= 0 && (size_t)type < sizeof all_types / sizeof *all_types ? all_types[type] : NULL;
}

enum value_kind onnx_type_kind(int32_t type) { return type_row(type) < 0 ? VALUE_NONE : types[type_row(type)].kind; }

bool onnx_looks_like(const char *path, const char *data, size_t size)
{
    size_t n = strlen(path);
    bool json = size > 8 && data[7] == 0 && data[8] == '{'; /* safetensors, with a length that begins alike */

    return (n >= 5 && strcmp(path + n - 5, ".onnx") == 0) ||
           (size > 16 && !json && data[0] == 0x08 && data[1] > 0 && data[1] < 32 && (data[2] == 0x12 || data[2] == 0x3a || data[2] == 0x42));
}

/* Protobuf's memory comes from the one allocator; it does not say why it gave up. */
static void *allocate(void *no_memory, size_t size)
{
    void *p = mem_array(size, 1);

    *(bool *)no_memory = *(bool *)no_memory || !p;
    return p;
}

static void release(void *no_memory, void *p)
{
    (void)no_memory;
    free(p);
}

static bool is_text(const char *s) { return !s || utf8_is_text(s, strlen(s)); }

static bool node_is_text(const Onnx__NodeProto *n)
{
    bool good = is_text(n->name) && is_text(n->op_type) && is_text(n->domain);

    for (size_t i = 0; i < n->n_input; i++)
        good = good && is_text(n->input[i]);
    for (size_t i = 0; i < n->n_output; i++)
        good = good && is_text(n->output[i]);
    for (size_t i = 0; i < n->n_attribute; i++)
        good = good && is_text(n->attribute[i]->name);
    return good;
}

static bool info_is_text(const Onnx__ValueInfoProto *v)
{
    const Onnx__TensorShapeProto *shape = v->type && v->type->tensor_type ? v->type->tensor_type->shape : NULL;
    bool good = is_text(v->name);

    for (size_t i = 0; shape && i < shape->n_dim; i++)
        good = good && is_text(shape->dim[i]->dim_param);
    return good;
}

/* Names are printed and compared: all of them must be text. */
static void check_names(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;
    bool good = is_text(o->proto->producer_name) && is_text(o->proto->producer_version);

    for (size_t i = 0; i < o->proto->n_opset_import; i++)
        good = good && is_text(o->proto->opset_import[i]->domain);
    for (size_t i = 0; i < g->n_node; i++)
        good = good && node_is_text(g->node[i]);
    for (size_t i = 0; i < g->n_initializer; i++)
        good = good && is_text(g->initializer[i]->name);
    for (size_t i = 0; i < g->n_input; i++)
        good = good && info_is_text(g->input[i]);
    for (size_t i = 0; i < g->n_output; i++)
        good = good && info_is_text(g->output[i]);
    if (!good)
        onnx_bad(o, "a name in it is not UTF-8 text without control bytes");
}

/* The version of ONNX's own operators; others are named when a node uses one. */
static void check_opset(struct onnx *o)
{
    bool found = false;

    for (size_t i = 0; i < o->proto->n_opset_import && onnx_ok(o); i++) {
        const Onnx__OperatorSetIdProto *set = o->proto->opset_import[i];
        if (set->domain && *set->domain && strcmp(set->domain, "ai.onnx") != 0)
            continue;
        if (found)
            onnx_bad(o, "two versions of the operator set");
        else if (!(set->version >= ONNX_OPSET_FIRST && set->version <= ONNX_OPSET_LAST))
            onnx_refuse(o, "operator set %lld, versions %d to %d are read", (long long)set->version, ONNX_OPSET_FIRST, ONNX_OPSET_LAST);
        else
            o->opset = (long)set->version;
        found = true;
    }
    if (onnx_ok(o) && !found)
        onnx_bad(o, "no version of the operator set (opset_import)");
}

void onnx_unpack(struct onnx *o, const char *data, size_t size)
{
    ProtobufCAllocator allocator = { allocate, release, &o->no_memory };

    if (size == 0) {
        onnx_bad(o, "the file is empty");
        return;
    }
    o->proto = onnx__model_proto__unpack(&allocator, size, (const uint8_t *)data);
    if (!o->proto && o->no_memory)
        onnx_fail(o, STATUS_MEMORY);
    else if (!o->proto)
        onnx_bad(o, "not an ONNX file, or cut short: the bytes are no protobuf message of a model");
    else if (!o->proto->has_ir_version || o->proto->ir_version < 1)
        onnx_bad(o, "no version of the representation (ir_version)");
    else if (!o->proto->graph)
        onnx_bad(o, "there is no graph in it");
    else
        check_names(o);
    if (onnx_ok(o))
        check_opset(o);
}

void onnx_clear(struct onnx *o)
{
    ProtobufCAllocator allocator = { allocate, release, &o->no_memory };

    for (size_t i = 0; i < o->n_blocks; i++)
        free(o->blocks[i]);
    free(o->blocks);
    free(o->values);
    names_clear(&o->names);
    names_clear(&o->net_names);
    if (o->proto)
        onnx__model_proto__free_unpacked(o->proto, &allocator);
    net_clear(&o->net);
}

/* How many entries each place of the data holds; exactly one may. */
struct places { size_t raw, reals, doubles, int32s, int64s; };

static struct places places_of(const Onnx__TensorProto *t, size_t size)
{
    return (struct places){ t->has_raw_data ? t->raw_data.len / size : 0, t->n_float_data, t->n_double_data, t->n_int32_data, t->n_int64_data };
}

/* Entries that a place holds for this type, SIZE_MAX if the type is not kept there. */
static size_t available(const Onnx__TensorProto *t, enum dtype dtype)
{
    struct places p = places_of(t, dtype_size(dtype));
    int used = (t->has_raw_data && t->raw_data.len) + (p.reals > 0) + (p.doubles > 0) + (p.int32s > 0) + (p.int64s > 0) + (t->n_uint64_data > 0);

    if (used > 1)
        return SIZE_MAX;
    if (t->has_raw_data && t->raw_data.len)
        return t->raw_data.len % dtype_size(dtype) ? SIZE_MAX : p.raw;
    if (used == 0)
        return 0;
    if (dtype == DTYPE_F32)
        return p.reals ? p.reals : SIZE_MAX;
    if (dtype == DTYPE_F64)
        return p.doubles ? p.doubles : SIZE_MAX;
    if (dtype == DTYPE_I64)
        return p.int64s ? p.int64s : SIZE_MAX;
    return p.int32s ? p.int32s : SIZE_MAX;
}

static double real_entry(const Onnx__TensorProto *t, enum dtype dtype, size_t i)
{
    unsigned char half[2];

    if (t->has_raw_data && t->raw_data.len)
        return decode_element(dtype, t->raw_data.data + i * dtype_size(dtype), false);
    if (dtype == DTYPE_F32)
        return (double)t->float_data[i];
    if (dtype == DTYPE_F64)
        return t->double_data[i];
    half[0] = (unsigned char)(t->int32_data[i] & 255); /* sixteen bits as an integer */
    half[1] = (unsigned char)(t->int32_data[i] >> 8 & 255);
    return decode_element(dtype, half, false);
}

static int64_t integer_entry(const Onnx__TensorProto *t, enum dtype dtype, size_t i)
{
    uint64_t v = 0;
    size_t size = dtype_size(dtype);

    if (!t->has_raw_data || t->raw_data.len == 0)
        return dtype == DTYPE_I64 ? t->int64_data[i] : t->int32_data[i];
    for (size_t k = size; k-- > 0;)
        v = v << 8 | t->raw_data.data[i * size + k];
    if (dtype == DTYPE_I64)
        return (int64_t)v;
    return dtype == DTYPE_I32 ? (int32_t)v : dtype == DTYPE_I16 ? (int16_t)v : dtype == DTYPE_I8 ? (int8_t)v : (int64_t)v;
}

static void fill(struct onnx *o, struct value *v, const Onnx__TensorProto *t, enum dtype dtype)
{
    if (v->kind == VALUE_REALS) {
        double *reals = onnx_array(o, v->count, sizeof *reals);
        for (size_t i = 0; reals && i < v->count; i++)
            reals[i] = real_entry(t, dtype, i);
        v->reals = reals;
    } else {
        int64_t *ints = onnx_array(o, v->count, sizeof *ints);
        for (size_t i = 0; ints && i < v->count; i++) {
            ints[i] = integer_entry(t, dtype, i);
            if (v->type == ONNX_BOOL && ints[i] != 0 && ints[i] != 1)
                onnx_bad(o, "tensor '%s': entry %zu is neither 0 nor 1", v->name, i);
        }
        v->ints = ints;
    }
}

static bool check_place(struct onnx *o, const Onnx__TensorProto *t, const char *name)
{
    const char *type = onnx_type_name(t->data_type);

    if (t->data_location == 1 || t->n_external_data) {
        const char *file = "another file";
        for (size_t i = 0; i < t->n_external_data; i++)
            if (t->external_data[i]->key && strcmp(t->external_data[i]->key, "location") == 0 && is_text(t->external_data[i]->value) && t->external_data[i]->value)
                file = t->external_data[i]->value;
        onnx_refuse(o, "tensor '%s' is kept outside ('%s'); save the model with its data inside", name, file);
    } else if (t->has_segment)
        onnx_refuse(o, "tensor '%s' is kept in segments", name);
    else if (!type)
        onnx_bad(o, "tensor '%s': %d is no element type", name, (int)t->data_type);
    else if (type_row(t->data_type) < 0)
        onnx_refuse(o, "tensor '%s' has elements %s", name, type);
    else if (t->n_dims > ONNX_RANK)
        onnx_refuse(o, "tensor '%s': more than %d dimensions", name, ONNX_RANK);
    return onnx_ok(o);
}

struct value onnx_tensor(struct onnx *o, const Onnx__TensorProto *t, const char *name)
{
    struct value v = { .type = t->data_type, .name = name };
    size_t dims[ONNX_RANK], have;
    long row = type_row(t->data_type);

    if (!onnx_ok(o) || !check_place(o, t, name))
        return (struct value){ 0 };
    v.kind = types[row].kind;
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0) {
            onnx_bad(o, "tensor '%s': dimension %zu is negative", name, i);
            return (struct value){ 0 };
        }
        dims[i] = (size_t)t->dims[i];
    }
    if (!onnx_set_shape(o, &v, t->n_dims, dims))
        return (struct value){ 0 };
    have = available(t, types[row].dtype);
    if (have == SIZE_MAX)
        onnx_bad(o, "tensor '%s': the data is not where elements %s are kept, or there twice", name, types[row].name);
    else if (have != v.count)
        onnx_bad(o, "tensor '%s': shape %s of %s has %zu entries, the data %zu", name, onnx_shape_text(o, v.rank, v.dims), types[row].name, v.count, have);
    else
        fill(o, &v, t, types[row].dtype);
    return onnx_ok(o) ? v : (struct value){ 0 };
}

static void finish(struct onnx *o)
{
    struct text text = { 0 };

    onnx_fail(o, net_write(&text, &o->net));
    if (onnx_ok(o))
        sha256_hex(o->net.sha256, text.data, text.size);
    text_clear(&text);
    if (!onnx_ok(o))
        return;
    o->model->family = "onnx";
    o->model->net = o->net;
    o->net = (struct net){ 0 };
}

enum status onnx_load(struct model *m, const char *data, size_t size, const struct model_options *options, struct diag *d)
{
    struct onnx o = { .model = m, .options = options, .d = d, .path = m->path, .net.pad = -1 };
    enum status s;

    m->checkpoint.format = "onnx";
    if (options && options->config_path)
        onnx_bad(&o, "an ONNX file takes no configuration");
    else
        onnx_unpack(&o, data, size);
    if (onnx_ok(&o))
        onnx_run_graph(&o);
    if (onnx_ok(&o))
        finish(&o);
    s = o.status;
    onnx_clear(&o);
    return s;
}
