/* --source: every tensor of a .net against the bytes of the file it came from (FORMAT.md §1). No pickle or JSON is read. */
#include "certificate.h"
#include <string.h>

enum dtype { F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOLEAN, DTYPES };
static const struct { const char *name; unsigned bytes, mantissa, exponent; } dtypes[DTYPES] = { /* mantissa, exponent bits; 0: integer */
    {"F64", 8, 52, 11}, {"F32", 4, 23, 8}, {"F16", 2, 10, 5}, {"BF16", 2, 7, 8}, {"I64", 8, 0, 0}, {"I32", 4, 0, 0}, {"I16", 2, 0, 0}, {"I8", 1, 0, 0}, {"U64", 8, 0, 0}, {"U32", 4, 0, 0}, {"U16", 2, 0, 0}, {"U8", 1, 0, 0}, {"BOOL", 1, 0, 0}};

static bool reduce(struct dyadic *out, int64_t m, int e) {
    *out = (struct dyadic){0, 0};
    if (m == 0) return true;
    while (m % 2 == 0) {
        m /= 2;
        e++;
    }
    *out = (struct dyadic){m, e};
    return true;
}

/* the element at p, little endian, as an exact number; false for NaN and infinity */
static bool element(const unsigned char *p, enum dtype t, struct dyadic *out) {
    uint64_t bits = 0;
    unsigned size = 8 * dtypes[t].bytes, mb = dtypes[t].mantissa, eb = dtypes[t].exponent;
    for (unsigned i = 0; i < dtypes[t].bytes; i++) bits |= (uint64_t)p[i] << (8 * i);
    if (mb == 0) {
        bool minus = t <= I8 && (bits >> (size - 1)) != 0;
        if (t == U64 && bits > INT64_MAX) return bits % 2048 == 0 && reduce(out, (int64_t)(bits / 2048), 11); /* as any binary64 number up there */
        if (minus && size < 64) bits |= ~(uint64_t)0 << size;
        return reduce(out, (int64_t)bits, 0);
    }
    uint64_t e = bits >> mb & ((1u << eb) - 1), m = bits & (((uint64_t)1 << mb) - 1);
    if (e == (1u << eb) - 1) return false;
    int bias = (1 << (eb - 1)) - 1, exponent = (e == 0 ? 1 : (int)e) - bias - (int)mb;
    if (e != 0) m |= (uint64_t)1 << mb;
    return reduce(out, bits >> (size - 1) != 0 ? -(int64_t)m : (int64_t)m, exponent);
}

/* "64x32" into d[0..2]; number of parts, 0 when it is none */
static int sizes(const char *s, uint64_t d[3]) {
    int n = 0;
    for (; n < 3; n++) {
        uint64_t v = 0;
        int digits = 0;
        for (; *s >= '0' && *s <= '9' && digits < 12; s++, digits++) v = 10 * v + (uint64_t)(*s - '0');
        if (digits == 0) return 0;
        d[n] = v;
        if (*s == 0) return n + 1;
        if (*s++ != 'x') return 0;
    }
    return 0;
}

static bool check_tensor(const struct source_tensor *x, const struct tensor *t, struct fail *f) {
    uint64_t d[3] = {1, 1, 1}, stride[3], offset[3];
    int type = 0;
    while (type < DTYPES && strcmp(dtypes[type].name, x->dtype) != 0) type++;
    if (strcmp(x->name, t->name) != 0) return fail_at(f, x->line, "the tensor here is %.80s", t->name);
    if (type == DTYPES) return fail_at(f, x->line, "unknown dtype");
    bool bound = strcmp(x->offset, "-") != 0;
    if (bound && (sizes(x->strides, stride) != t->rank || sizes(x->offset, offset) != 1)) return fail_at(f, x->line, "not strides and an offset");
    if (!bound && strcmp(x->strides, "-") != 0) return fail_at(f, x->line, "strides without an offset");
    if (!bound && strcmp(x->shape, "-") == 0) return true;
    if (sizes(x->shape, d) != t->rank || d[0] != t->d[0] || d[1] != (t->rank > 1 ? t->d[1] : 1) || d[2] != (t->rank > 2 ? t->d[2] : 1)) return fail_at(f, x->line, "the shape differs from the .net");
    return true;
}

/* Sources in the order of the models, each with every tensor of its .net, whether or not a file is compared. */
bool source_structure(const struct certificate *c, const struct stmt *s, struct fail *f) {
    int next = 0;
    for (size_t i = 0; i < c->n_sources; i++) {
        const struct source *x = &c->sources[i];
        while (next < s->n_models && strcmp(s->models[next].name, x->model) != 0) next++;
        if (next == s->n_models) return fail_at(f, x->line, "source of %.60s is unknown or not in order", x->model);
        const struct net *net = s->models[next++].net;
        if (x->n != net->n_tensors) return fail_at(f, x->line, "source of %.60s does not name every tensor", x->model);
        for (size_t k = 0; k < x->n; k++)
            if (!check_tensor(&x->t[k], &net->tensors[k], f)) return false;
    }
    return true;
}

static bool compare_tensor(const struct source_tensor *x, const struct tensor *t, const char *file, size_t n, bool *compared, struct fail *f) {
    if (strcmp(x->name, t->name) != 0) return fail_at(f, x->line, "the tensor here is %.80s", t->name);
    int type = 0;
    while (type < DTYPES && strcmp(dtypes[type].name, x->dtype) != 0) type++;
    if (type == DTYPES) return fail_at(f, x->line, "unknown dtype");
    if (strcmp(x->offset, "-") == 0) {
        *compared = false;
        return true;
    }
    uint64_t d[3] = {1, 1, 1}, stride[3] = {0, 0, 0}, offset[3];
    if (sizes(x->shape, d) != t->rank || sizes(x->strides, stride) != t->rank || sizes(x->offset, offset) != 1) return fail_at(f, x->line, "not a shape, strides and offset");
    uint64_t last = 0;
    for (int i = 0; i < t->rank; i++) {
        if (d[i] != t->d[i]) return fail_at(f, x->line, "the shape differs from the .net");
        if (stride[i] > n) return fail_at(f, x->line, "the tensor reaches beyond the file");
        last += (d[i] - 1) * stride[i]; /* below 3 * 2^31 * 2^30 */
    }
    if (offset[0] > n || last >= (n - offset[0]) / dtypes[type].bytes) return fail_at(f, x->line, "the tensor reaches beyond the file");
    size_t at = 0;
    for (uint64_t i = 0; i < d[0]; i++)
        for (uint64_t k = 0; k < d[1]; k++)
            for (uint64_t l = 0; l < d[2]; l++) {
                struct dyadic v;
                const char *p = file + offset[0] + (i * stride[0] + k * stride[1] + l * stride[2]) * dtypes[type].bytes;
                if (!element((const unsigned char *)p, (enum dtype)type, &v) || v.m != t->v[at].m || v.e != t->v[at].e)
                    return fail_at(f, x->line, "element %zu of tensor %.80s differs from the source", at, t->name);
                at++;
            }
    return true;
}

/* Compares every source that names this file: bound[model] becomes true, *named too. compared: all its tensors could be compared, none is compressed. */
bool source_check(const struct certificate *c, const struct stmt *s, const char *file, size_t n, const char *sha256, bool *bound, bool *named, bool *compared, struct fail *f) {
    bool any = false, all = true;
    for (size_t i = 0; i < c->n_sources; i++) {
        const struct source *x = &c->sources[i];
        if (strcmp(x->file_sha256, sha256) != 0) continue;
        const struct net *net = NULL;
        for (int k = 0; k < s->n_models; k++)
            if (strcmp(s->models[k].name, x->model) == 0) {
                net = s->models[k].net;
                bound[k] = true;
            }
        if (net == NULL) return fail_at(f, 0, "source names an unknown model %.60s", x->model);
        if (x->n != net->n_tensors) return fail_at(f, 0, "source of %.60s does not name every tensor", x->model);
        for (size_t k = 0; k < x->n; k++)
            if (!compare_tensor(&x->t[k], &net->tensors[k], file, n, &all, f)) return false;
        any = true;
    }
    *named = any;
    *compared = any && all;
    return true;
}
