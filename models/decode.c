#include "models/decode.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

static const struct { const char *name; size_t size; } dtypes[] = {
#define X(code, name, size) [code] = { name, size },
    DTYPE_TABLE(X)
#undef X
};

size_t dtype_size(enum dtype t) { return dtypes[t].size; }

const char *dtype_name(enum dtype t) { return dtypes[t].name; }

bool dtype_find(enum dtype *out, const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strlen(dtypes[i].name) == n && memcmp(dtypes[i].name, name, n) == 0) {
            *out = (enum dtype)i;
            return true;
        }
    return false;
}

bool tensor_bytes(size_t *count, size_t *bytes, const struct tensor *t)
{
    *count = 1;
    for (size_t i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(*count, t->shape[i], count))
            return false;
    return !__builtin_mul_overflow(*count, dtype_size(t->source.dtype), bytes);
}

void tensor_set_contiguous(struct tensor *t)
{
    size_t stride = 1;

    for (size_t i = t->rank; i-- > 0; stride *= t->shape[i])
        t->source.strides[i] = stride;
}

static uint64_t read_bits(const unsigned char *p, size_t n, bool big_endian)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[big_endian ? i : n - 1 - i];
    return v;
}

static double from_half(uint64_t v)
{
    double sign = v >> 15 ? -1 : 1;
    int exponent = (int)(v >> 10 & 31);
    double fraction = (double)(v & 1023);

    if (exponent == 31)
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static double from_single(uint64_t v)
{
    uint32_t bits = (uint32_t)v;
    float x;

    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* NaN stands for "no such value": the caller refuses it. */
static double from_integer(uint64_t v, size_t size)
{
    int64_t x = size == 8 ? (int64_t)v : size == 4 ? (int64_t)(int32_t)v : size == 2 ? (int64_t)(int16_t)v : (int64_t)(int8_t)v;
    double y = (double)x;

    /* 2^63 itself would overflow the conversion back */
    return y < 0x1p63 && (int64_t)y == x ? y : (double)NAN;
}

static double from_unsigned(uint64_t v)
{
    double y = (double)v;

    /* 2^64 itself would overflow the conversion back */
    return y < 0x1p64 && (uint64_t)y == v ? y : (double)NAN;
}

double decode_element(enum dtype t, const unsigned char *p, bool big_endian)
{
    uint64_t v = read_bits(p, dtype_size(t), big_endian);
    double x;

    switch (t) {
    case DTYPE_F64:
        memcpy(&x, &v, sizeof x);
        return x;
    case DTYPE_F32:
        return from_single(v);
    case DTYPE_F16:
        return from_half(v);
    case DTYPE_BF16:
        return from_single(v << 16);
    case DTYPE_U64:
    case DTYPE_U32:
    case DTYPE_U16:
    case DTYPE_U8:
        return from_unsigned(v);
    case DTYPE_BOOL:
        return v <= 1 ? (double)v : (double)NAN;
    default:
        return from_integer(v, dtype_size(t));
    }
}

void shape_add(struct text *out, const size_t *shape, size_t rank)
{
    text_add(out, "[");
    for (size_t i = 0; i < rank; i++)
        text_addf(out, "%s%zu", i ? ", " : "", shape[i]);
    text_add(out, "]");
}

static enum status refuse(const struct tensor *t, const size_t *index, double x, const char *path, struct diag *d)
{
    struct text at = { 0 };
    enum status s;
    bool integer = t->source.dtype != DTYPE_F64 && t->source.dtype != DTYPE_F32 && t->source.dtype != DTYPE_F16 && t->source.dtype != DTYPE_BF16;
    const char *what = t->source.dtype == DTYPE_BOOL ? "is neither 0 nor 1"
                       : integer                     ? "is an integer that binary64 does not hold"
                       : isnan(x)                    ? "is not a number (NaN)"
                       : x > 0                       ? "is +infinity"
                                                     : "is -infinity";

    shape_add(&at, index, t->rank);
    s = at.failed ? STATUS_MEMORY : diag_fail(d, STATUS_INPUT, "cannot read '%s': tensor '%s': entry %s %s", path, t->name, at.data, what);
    text_clear(&at);
    return s;
}

/* blocks.N.attn.mask or blocks.N.attn.IGNORE, also after a prefix, which is taken off only when all tensors are known. */
static bool is_mask(const char *name)
{
    static const char *const suffixes[] = { ".attn.mask", ".attn.IGNORE" };
    size_t n = strlen(name);

    for (size_t i = 0; i < 2; i++) {
        size_t m = strlen(suffixes[i]);
        if (n > m && strstr(name, "blocks.") && strcmp(name + n - m, suffixes[i]) == 0)
            return true;
    }
    return false;
}

bool tensor_is_buffer(const char *name) { return strncmp(name, "blocks.", 7) == 0 && is_mask(name); }

/* Walks the elements in row-major order. */
struct walk { const struct tensor *t; size_t index[TENSOR_MAX_RANK], offset; };

static double walk_value(const struct walk *w)
{
    return decode_element(w->t->source.dtype, w->t->source.bytes + w->offset * dtype_size(w->t->source.dtype), w->t->source.big_endian);
}

static void walk_on(struct walk *w)
{
    for (size_t axis = w->t->rank; axis-- > 0;) {
        w->offset += w->t->source.strides[axis];
        if (++w->index[axis] < w->t->shape[axis])
            return;
        w->offset -= w->index[axis] * w->t->source.strides[axis];
        w->index[axis] = 0;
    }
}

/* From the first element to the last, in elements; all of them and perhaps others. */
static size_t span(const struct tensor *t)
{
    size_t n = 1;

    for (size_t i = 0; i < t->rank; i++)
        n += (t->shape[i] - 1) * t->source.strides[i];
    return n;
}

static bool is_contiguous(const struct tensor *t)
{
    size_t stride = 1;

    for (size_t i = t->rank; i-- > 0; stride *= t->shape[i])
        if (t->shape[i] != 1 && t->source.strides[i] != stride)
            return false;
    return true;
}

/* Bits of the exponent, for the floating-point types. */
static bool exponent_mask(enum dtype t, uint64_t *mask)
{
    *mask = t == DTYPE_F64 ? 0x7ffull << 52 : t == DTYPE_F32 ? 0x7f800000 : t == DTYPE_F16 ? 0x7c00 : t == DTYPE_BF16 ? 0x7f80 : 0;
    return *mask != 0;
}

/* Are there exponents of all ones (infinity, NaN) among n elements? Reads as the machine does, so only for little-endian bytes. */
#define SCAN(type)                                          \
    for (size_t i = 0; i < n; i++) {                        \
        type v;                                             \
        memcpy(&v, p + i * sizeof v, sizeof v);             \
        bad |= (type)(v & (type)mask) == (type)mask;        \
    }
static bool scan_exponents(const unsigned char *p, size_t n, size_t width, uint64_t mask)
{
    bool bad = false;

    if (width == 8)
        SCAN(uint64_t)
    else if (width == 4)
        SCAN(uint32_t)
    else
        SCAN(uint16_t)
    return bad;
}

/* True if no element can be one to refuse; false if a closer look is needed. */
static bool plainly_fine(const struct tensor *t, size_t count)
{
    enum dtype type = t->source.dtype;
    uint64_t mask;
    size_t n = span(t);

    if (exponent_mask(type, &mask))
        return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !t->source.big_endian && n <= count && !scan_exponents(t->source.bytes, n, dtype_size(type), mask);
    return type != DTYPE_BOOL && dtype_size(type) < 8; /* small integers */
}

enum status tensor_view(struct tensor *t, const unsigned char *bytes, const char *path, struct diag *d)
{
    struct walk w = { .t = t };
    size_t n = tensor_count(t);
    bool buffer = is_mask(t->name);

    t->source.bytes = bytes;
    if (n == 0 || plainly_fine(t, n))
        return STATUS_OK;
    for (size_t i = 0; i < n; i++, walk_on(&w)) {
        double x = walk_value(&w);
        if (!isfinite(x) && !(buffer && isinf(x)))
            return refuse(t, w.index, x, path, d);
    }
    return STATUS_OK;
}

bool tensor_need(struct tensor *t)
{
    struct walk w = { .t = t };
    size_t n, width = dtype_size(t->source.dtype);

    if (t->data)
        return true;
    n = tensor_count(t);
    t->data = mem_array(n, sizeof *t->data);
    if (!t->data)
        return false;
    if (is_contiguous(t))
        for (size_t i = 0; i < n; i++)
            t->data[i] = decode_element(t->source.dtype, t->source.bytes + i * width, t->source.big_endian) + 0.0; /* -0 becomes 0 */
    else
        for (size_t i = 0; i < n; i++, walk_on(&w))
            t->data[i] = walk_value(&w) + 0.0;
    return true;
}

double tensor_entry(const struct tensor *t, size_t i)
{
    struct walk w = { .t = t };

    if (t->data)
        return t->data[i];
    for (size_t axis = t->rank; axis-- > 0; i /= t->shape[axis])
        w.offset += i % t->shape[axis] * t->source.strides[axis];
    return walk_value(&w) + 0.0;
}

enum status tensor_decode(struct tensor *t, const unsigned char *bytes, const char *path, struct diag *d)
{
    enum status s = tensor_view(t, bytes, path, d);

    if (s == STATUS_OK && !tensor_need(t))
        s = STATUS_MEMORY;
    t->source.bytes = NULL;
    return s;
}
