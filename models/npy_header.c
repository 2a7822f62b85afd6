/* The header of a .npy: a Python dictionary with the keys descr, fortran_order and shape, read as those three and nothing else. Source: the
 * NumPy enhancement proposal 1 and numpy/lib/format.py. Declared in models/npy.h. */
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "core/utf8.h"
#include "models/decode.h"
#include "models/npy.h"

enum { HEADER_LIMIT = 1 << 16, DESCR_SHOWN = 60 };

/* start, at, end: the dictionary's text. */
struct header {
    const char *path, *name, *start, *at, *end;
    const char *descr; size_t n_descr; /* inside the quotes */
    bool fortran;
    unsigned seen;                     /* a bit for every key */
    struct tensor *t;
    struct diag *d;
};

#define FAIL(h, ...) diag_fail((h)->d, STATUS_INPUT, "cannot read '%s': array '%s': " __VA_ARGS__)

static void skip_space(struct header *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\t' || *h->at == '\n' || *h->at == '\r'))
        h->at++;
}

/* Takes the character if it is the next one. */
static bool take(struct header *h, char c)
{
    skip_space(h);
    if (h->at == h->end || *h->at != c)
        return false;
    h->at++;
    return true;
}

static enum status expected(struct header *h, const char *what)
{
    return FAIL(h, "header, offset %zu: %s expected", h->path, h->name, (size_t)(h->at - h->start), what);
}

/* A string in quotes, without escapes. */
static bool take_string(struct header *h, const char **s, size_t *n)
{
    char quote = take(h, '\'') ? '\'' : take(h, '"') ? '"' : 0;
    const char *e = quote ? memchr(h->at, quote, (size_t)(h->end - h->at)) : NULL;

    if (!e || memchr(h->at, '\\', (size_t)(e - h->at)))
        return false;
    *s = h->at;
    *n = (size_t)(e - h->at);
    h->at = e + 1;
    return true;
}

static bool take_word(struct header *h, const char *word)
{
    size_t n = strlen(word);

    skip_space(h);
    if ((size_t)(h->end - h->at) < n || memcmp(h->at, word, n) != 0)
        return false;
    h->at += n;
    return true;
}

/* An integer of at least 0; NumPy under Python 2 wrote an L behind it. */
static bool take_size(struct header *h, size_t *out)
{
    const char *first;

    skip_space(h);
    first = h->at;
    *out = 0;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
        if (__builtin_mul_overflow(*out, (size_t)10, out) || __builtin_add_overflow(*out, (size_t)(*h->at - '0'), out))
            return false;
    if (h->at == first)
        return false;
    (void)take(h, 'L');
    return true;
}

static enum status read_shape(struct header *h)
{
    struct tensor *t = h->t;

    if (!take(h, '('))
        return expected(h, "a shape like (2, 3)");
    while (!take(h, ')')) {
        if (t->rank == TENSOR_MAX_RANK)
            return FAIL(h, "more than %d dimensions", h->path, h->name, TENSOR_MAX_RANK);
        if (!take_size(h, &t->shape[t->rank]))
            return expected(h, "a size of a dimension, an integer of at least 0,");
        t->rank++;
        if (!take(h, ',') && (t->rank == 1 || h->at == h->end || *h->at != ')'))
            return expected(h, "a comma");
    }
    return STATUS_OK;
}

static enum status read_descr(struct header *h)
{
    skip_space(h);
    if (h->at < h->end && *h->at == '[')
        return FAIL(h, "records with named fields, an array of numbers is needed", h->path, h->name);
    return take_string(h, &h->descr, &h->n_descr) ? STATUS_OK : expected(h, "a type like '<f4'");
}

static enum status read_order(struct header *h)
{
    h->fortran = take_word(h, "True");
    return h->fortran || take_word(h, "False") ? STATUS_OK : expected(h, "True or False");
}

static const struct { const char *key; enum status (*read)(struct header *h); } keys[] = { { "descr", read_descr }, { "fortran_order", read_order }, { "shape", read_shape } };
enum { N_KEYS = sizeof keys / sizeof *keys };

static enum status read_entry(struct header *h)
{
    const char *key;
    size_t n;
    enum status s;

    if (!take_string(h, &key, &n))
        return expected(h, "a key in quotes");
    for (unsigned i = 0; i < N_KEYS; i++) {
        if (strlen(keys[i].key) != n || memcmp(keys[i].key, key, n) != 0)
            continue;
        if (h->seen >> i & 1)
            return FAIL(h, "header: a second '%s'", h->path, h->name, keys[i].key);
        h->seen |= 1u << i;
        s = take(h, ':') ? STATUS_OK : expected(h, "a colon");
        return s == STATUS_OK ? keys[i].read(h) : s;
    }
    return FAIL(h, "header, offset %zu: a key that is not 'descr', 'fortran_order' or 'shape'", h->path, h->name, (size_t)(key - h->start));
}

static enum status read_dictionary(struct header *h)
{
    if (!take(h, '{'))
        return expected(h, "a dictionary");
    while (!take(h, '}')) {
        enum status s = read_entry(h);
        if (s != STATUS_OK)
            return s;
        if (!take(h, ',') && (h->at == h->end || *h->at != '}'))
            return expected(h, "a comma or the end of the dictionary");
    }
    for (unsigned i = 0; i < N_KEYS; i++)
        if (!(h->seen >> i & 1))
            return FAIL(h, "header: '%s' is missing", h->path, h->name, keys[i].key);
    skip_space(h);
    return h->at == h->end ? STATUS_OK : expected(h, "nothing more");
}

static const struct { const char *code; enum dtype dtype; } types[] = {
    { "f2", DTYPE_F16 }, { "f4", DTYPE_F32 }, { "f8", DTYPE_F64 }, { "i1", DTYPE_I8 },  { "i2", DTYPE_I16 }, { "i4", DTYPE_I32 },
    { "i8", DTYPE_I64 }, { "u1", DTYPE_U8 },  { "u2", DTYPE_U16 }, { "u4", DTYPE_U32 }, { "u8", DTYPE_U64 }, { "b1", DTYPE_BOOL },
};

/* What the letters of other types mean, for the message. */
static const struct { char kind; const char *what; } refused[] = {
    { 'O', "Python objects, which only executing them would read" }, { 'c', "complex numbers" }, { 'f', "floating-point numbers of another width" },
    { 'S', "byte strings" }, { 'U', "strings" }, { 'V', "raw bytes without a type (bfloat16 is saved so)" }, { 'M', "dates" }, { 'm', "durations" },
};

static bool text_is(const char *s, size_t n, const char *word) { return strlen(word) == n && memcmp(s, word, n) == 0; }

static enum status refuse_type(struct header *h)
{
    int shown = h->n_descr > DESCR_SHOWN ? DESCR_SHOWN : (int)h->n_descr;

    for (size_t i = 0; h->n_descr > 1 && i < sizeof refused / sizeof *refused; i++)
        if (h->descr[1] == refused[i].kind)
            return FAIL(h, "type '%.*s', %s; floating-point numbers, integers and booleans are read", h->path, h->name, shown, h->descr, refused[i].what);
    if (!utf8_is_text(h->descr, (size_t)shown))
        return FAIL(h, "a type that is not text", h->path, h->name);
    return FAIL(h, "type '%.*s' is none (f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1 with '<', '>' or '|' before are read)", h->path, h->name, shown, h->descr);
}

/* '<f4': byte order, kind, bytes of an element. */
static enum status read_type(struct header *h)
{
    char order = h->n_descr ? h->descr[0] : 0;
    struct tensor_source *source = &h->t->source;

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (h->n_descr > 1 && text_is(h->descr + 1, h->n_descr - 1, types[i].code) && (order == '<' || order == '>' || (order == '|' && dtype_size(types[i].dtype) == 1))) {
            source->dtype = types[i].dtype;
            source->big_endian = order == '>' && dtype_size(source->dtype) > 1;
            return STATUS_OK;
        }
    return refuse_type(h);
}

static void set_strides(struct header *h)
{
    size_t stride = 1;

    tensor_set_contiguous(h->t);
    for (size_t i = 0; h->fortran && i < h->t->rank; stride *= h->t->shape[i++])
        h->t->source.strides[i] = stride;
}

/* Is the rest of the file exactly what the shape asks? */
static enum status check_size(struct header *h, size_t width, size_t have)
{
    size_t count, bytes, need = 0;
    struct text shape = { 0 };
    enum status s = STATUS_OK;

    shape_add(&shape, h->t->shape, h->t->rank);
    if (shape.failed)
        s = STATUS_MEMORY;
    else if (!tensor_bytes(&count, &bytes, h->t) || __builtin_mul_overflow(count, width, &need))
        s = FAIL(h, "shape %s overflows", h->path, h->name, shape.data);
    else if (need != have)
        s = FAIL(h, "shape %s of '%.*s' takes %zu bytes, %zu follow the header", h->path, h->name, shape.data, h->n_descr > DESCR_SHOWN ? DESCR_SHOWN : (int)h->n_descr,
                 h->descr, need, have);
    text_clear(&shape);
    return s;
}

/* A code point as UTF-8; what is none gives bytes that are no text. */
static void add_rune(struct text *out, uint32_t c)
{
    static const char lead[5] = { 0, 0, '\xc0', '\xe0', '\xf0' };
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    char bytes[4];

    for (int k = n - 1; k > 0; k--, c >>= 6)
        bytes[k] = (char)(0x80 | (c & 63));
    bytes[0] = (char)((unsigned char)lead[n] | c);
    text_add_n(out, bytes, (size_t)n);
}

/* A single string: UTF-32 ('<U5') or bytes ('|S5'), padded with zeros. "" stands for other strings. */
static enum status read_words(struct header *h, char **words, const unsigned char *p, size_t size)
{
    size_t width = h->descr[1] == 'U' ? 4 : 1;
    struct text out = { 0 };

    text_add(&out, "");
    for (size_t i = 0; h->t->rank == 0 && i + width <= size; i += width) {
        uint32_t c = p[i];
        for (size_t k = 1; k < width; k++)
            c = h->descr[0] == '>' ? c << 8 | p[i + k] : c | (uint32_t)p[i + k] << 8 * k;
        if (c == 0)
            break;
        if (width == 4)
            add_rune(&out, c);
        else
            text_add_n(&out, (const char *)p + i, 1);
    }
    if (!out.failed && !utf8_is_text(out.data, out.size))
        out.data[0] = '\0';
    if (out.failed)
        text_clear(&out);
    *words = out.data;
    return *words ? STATUS_OK : STATUS_MEMORY;
}

static bool is_string(const struct header *h, size_t *width)
{
    *width = 0;
    if (h->n_descr < 3 || h->n_descr > 12 || (h->descr[1] != 'U' && h->descr[1] != 'S'))
        return false;
    for (size_t i = 2; i < h->n_descr; i++) {
        if (h->descr[i] < '0' || h->descr[i] > '9')
            return false;
        *width = 10 * *width + (size_t)(h->descr[i] - '0');
    }
    *width *= h->descr[1] == 'U' ? 4 : 1;
    return true;
}

/* Where the dictionary is, by magic, version and length. */
static enum status find_dictionary(struct header *h, const char *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t before, n;

    if (size < 10 || memcmp(data, "\x93NUMPY", 6) != 0)
        return FAIL(h, "it does not begin as a NumPy array", h->path, h->name);
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        return FAIL(h, "format version %u.%u, versions 1.0, 2.0 and 3.0 are read", h->path, h->name, p[6], p[7]);
    before = p[6] == 1 ? 10 : 12;
    if (size < before)
        return FAIL(h, "it ends in its header", h->path, h->name);
    n = p[6] == 1 ? (size_t)p[8] | (size_t)p[9] << 8 : (size_t)p[8] | (size_t)p[9] << 8 | (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (n > HEADER_LIMIT)
        return FAIL(h, "a header of %zu bytes, the limit is %d", h->path, h->name, n, HEADER_LIMIT);
    if (n > size - before)
        return FAIL(h, "it ends in its header", h->path, h->name);
    h->start = h->at = data + before;
    h->end = h->start + n;
    return STATUS_OK;
}

enum status npy_header(struct tensor *t, char **words, const char *path, const char *name, const char *data, size_t size, struct diag *d)
{
    struct header h = { .path = path, .name = name, .t = t, .d = d };
    size_t have, width;
    enum status s = find_dictionary(&h, data, size);

    if (words)
        *words = NULL;
    if (s != STATUS_OK || (s = read_dictionary(&h)) != STATUS_OK)
        return s;
    have = size - (size_t)(h.end - data);
    t->source.offset = (size_t)(h.end - data);
    if (words && is_string(&h, &width)) {
        s = check_size(&h, width, have);
        return s == STATUS_OK ? read_words(&h, words, (const unsigned char *)h.end, have) : s;
    }
    if ((s = read_type(&h)) != STATUS_OK || (s = check_size(&h, dtype_size(t->source.dtype), have)) != STATUS_OK)
        return s;
    set_strides(&h);
    return STATUS_OK;
}
