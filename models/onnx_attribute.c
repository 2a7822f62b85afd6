/* What a node says beside its inputs, and inputs that must be constant. Declared in models/onnx_graph.h. */
#include <string.h>

#include "models/onnx_graph.h"

/* Kinds of attributes, numbered as in ONNX. */
enum { ATTRIBUTE_FLOAT = 1, ATTRIBUTE_INT = 2, ATTRIBUTE_STRING = 3, ATTRIBUTE_INTS = 7 };

const Onnx__AttributeProto *onnx_attribute(const struct call *c, const char *name)
{
    for (size_t i = 0; i < c->proto->n_attribute; i++)
        if (c->proto->attribute[i]->name && strcmp(c->proto->attribute[i]->name, name) == 0)
            return c->proto->attribute[i];
    return NULL;
}

/* The attribute, held against the kind it must have. */
static const Onnx__AttributeProto *of_kind(struct onnx *o, const struct call *c, const char *name, int32_t kind, const char *what)
{
    const Onnx__AttributeProto *a = onnx_attribute(c, name);

    if (a && a->type != kind) {
        onnx_bad(o, "attribute '%s' is not %s", name, what);
        return NULL;
    }
    return a;
}

int64_t onnx_int(struct onnx *o, const struct call *c, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *a = of_kind(o, c, name, ATTRIBUTE_INT, "an integer");

    return a ? a->i : otherwise;
}

double onnx_float(struct onnx *o, const struct call *c, const char *name, double otherwise)
{
    const Onnx__AttributeProto *a = of_kind(o, c, name, ATTRIBUTE_FLOAT, "a number");

    return a ? (double)a->f : otherwise;
}

const char *onnx_word(struct onnx *o, const struct call *c, const char *name, const char *otherwise)
{
    const Onnx__AttributeProto *a = of_kind(o, c, name, ATTRIBUTE_STRING, "a word");
    char *s;

    if (!a)
        return otherwise;
    if (a->s.len > 40) {
        onnx_bad(o, "attribute '%s' is not a word", name);
        return otherwise;
    }
    s = onnx_array(o, a->s.len + 1, 1);
    for (size_t i = 0; s && i < a->s.len; i++)
        s[i] = a->s.data[i] > 32 && a->s.data[i] < 127 ? (char)a->s.data[i] : '?';
    return s ? s : otherwise;
}

const int64_t *onnx_ints(struct onnx *o, const struct call *c, const char *name, size_t *n)
{
    static const int64_t none[1];
    const Onnx__AttributeProto *a = of_kind(o, c, name, ATTRIBUTE_INTS, "a list of integers");

    *n = a ? a->n_ints : 0;
    return a ? (a->n_ints ? a->ints : none) : NULL;
}

const struct value *onnx_input(const struct call *c, size_t i) { return i < c->n_in && c->in[i].kind != VALUE_NONE ? &c->in[i] : NULL; }

const int64_t *onnx_ints_or_input(struct onnx *o, const struct call *c, const char *name, size_t i, size_t *n)
{
    const int64_t *list = onnx_ints(o, c, name, n);
    const struct value *v = onnx_input(c, i);

    if (list || !v || !onnx_ok(o))
        return list;
    if (v->kind != VALUE_INTS) {
        onnx_refuse(o, "input %zu ('%s') must be a constant of integers", i, name);
        return NULL;
    }
    *n = v->count;
    return v->ints;
}

size_t onnx_axis(struct onnx *o, int64_t axis, size_t rank)
{
    int64_t r = (int64_t)rank;

    if (axis >= -r && axis < r)
        return (size_t)(axis < 0 ? axis + r : axis);
    onnx_bad(o, "axis %lld of a tensor of %zu dimensions", (long long)axis, rank);
    return 0;
}

const struct value *onnx_real(struct onnx *o, const struct call *c, size_t i)
{
    static const struct value empty;
    const struct value *v = onnx_input(c, i);

    if (v && (v->kind == VALUE_NODE || v->kind == VALUE_REALS) && v->count > 0 && v->type == ONNX_FLOAT)
        return v;
    if (!v)
        onnx_bad(o, "input %zu is missing", i);
    else if (v->count == 0)
        onnx_refuse(o, "input %zu has no entries", i);
    else if (v->kind == VALUE_TOKENS)
        onnx_refuse(o, "input %zu is tokens; only Gather may read them, from a constant table", i);
    else
        onnx_refuse(o, "input %zu has elements %s where numbers of FLOAT are computed with", i, onnx_type_name(v->type));
    return &empty;
}

double onnx_scalar(struct onnx *o, const struct call *c, size_t i, double otherwise)
{
    const struct value *v = onnx_input(c, i);

    if (!v)
        return otherwise;
    if (v->count == 1 && v->kind == VALUE_REALS)
        return v->reals[0];
    if (v->count == 1 && v->kind == VALUE_INTS && v->ints[0] >= -(1 << 24) && v->ints[0] <= 1 << 24)
        return (double)v->ints[0];
    onnx_refuse(o, "input %zu must be a constant of one entry", i);
    return otherwise;
}

struct value onnx_integer_constant(struct onnx *o, size_t rank, const size_t *dims, const int64_t *ints)
{
    struct value v = { .kind = VALUE_INTS, .type = ONNX_INT64, .ints = ints, .name = "integers" };

    return ints && onnx_set_shape(o, &v, rank, dims) ? v : (struct value){ 0 };
}

const struct value *onnx_needed(struct onnx *o, const struct call *c, size_t i)
{
    static const struct value empty;
    const struct value *v = onnx_input(c, i);

    if (!v)
        onnx_bad(o, "input %zu is missing", i);
    return v ? v : &empty;
}

/* Sizes of a shape that is asked for, each a size. */
bool onnx_to_dims(struct onnx *o, size_t *dims, const int64_t *list, size_t n)
{
    if (n > ONNX_RANK)
        onnx_refuse(o, "a tensor of %zu dimensions, at most %d are read", n, ONNX_RANK);
    for (size_t i = 0; i < n && onnx_ok(o); i++) {
        if (list[i] < 0)
            onnx_bad(o, "a shape with the size %lld", (long long)list[i]);
        dims[i] = (size_t)list[i];
    }
    return onnx_ok(o);
}

const int64_t *onnx_shape_input(struct onnx *o, const struct call *c, size_t i, size_t *n)
{
    static const int64_t none[1];
    const int64_t *list = onnx_ints_or_input(o, c, "shape", i, n);

    if (!list)
        *n = 0;
    return list ? list : none; /* the operators that ask have input i */
}
