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

static double element(enum dtype t, const unsigned char *p, bool big_endian)
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

enum status tensor_decode(struct tensor *t, const unsigned char *bytes, const char *path, struct diag *d)
{
    size_t index[TENSOR_MAX_RANK] = { 0 }, offset = 0, n = tensor_count(t), width = dtype_size(t->source.dtype);

    bool buffer = is_mask(t->name);

    t->data = mem_array(n, sizeof *t->data);
    if (!t->data)
        return STATUS_MEMORY;
    for (size_t i = 0; i < n; i++) {
        double x = element(t->source.dtype, bytes + offset * width, t->source.big_endian);
        if (!isfinite(x) && !(buffer && isinf(x)))
            return refuse(t, index, x, path, d);
        t->data[i] = x;
        for (size_t axis = t->rank; axis-- > 0;) {
            offset += t->source.strides[axis];
            if (++index[axis] < t->shape[axis])
                break;
            offset -= index[axis] * t->source.strides[axis];
            index[axis] = 0;
        }
    }
    return STATUS_OK;
}
