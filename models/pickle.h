/* pickle: the object graph of a PyTorch checkpoint, built without executing anything. Globals are names; those of a table build tensors and
 * dictionaries here, an object of any other class is its class's name with the attributes it was saved with. Values are numbers in an array, so that shared and even cyclic graphs are harmless. Texts point
 * into the pickle's bytes, which must outlive it. */
#ifndef WEIGHTPROOF_MODELS_PICKLE_H
#define WEIGHTPROOF_MODELS_PICKLE_H
#include "models/tensor.h"

enum pickle_kind {
    PICKLE_OPAQUE, /* a value of no interest here: a set, a device, a huge integer */
    PICKLE_BOOL, PICKLE_INT, PICKLE_FLOAT, PICKLE_TEXT,
    PICKLE_TUPLE, PICKLE_LIST,
    PICKLE_DICT,   /* items: key, value, key, value, ... */
    PICKLE_GLOBAL, PICKLE_STORAGE, PICKLE_TENSOR, PICKLE_MARK, PICKLE_NONE,
    PICKLE_CLASS,  /* a global that is not in the table */
    PICKLE_OBJECT, /* of such a class */
    PICKLE_BYTES   /* a byte string, as text */
};
struct pickle_text { const char *s; size_t n; };
struct pickle_list { size_t *items; size_t n, room; };
struct pickle_storage { struct pickle_text key; enum dtype dtype; size_t numel; bool untyped; /* numel counts bytes */ };
struct pickle_tensor { struct pickle_storage storage; size_t offset, rank, shape[TENSOR_MAX_RANK], strides[TENSOR_MAX_RANK]; }; /* in elements; inside the storage */
struct pickle_class { struct pickle_text module, name; };
/* state: the dictionary of its attributes, or PICKLE_NO_VALUE; items: key, value, ... of a subclass of dict. */
struct pickle_object { size_t class, state; struct pickle_list items; };
#define PICKLE_NO_VALUE SIZE_MAX
struct pickle_global; /* pickle_global.c */
struct pickle_value {
    enum pickle_kind kind;
    union {
        long long integer;
        double number;
        struct pickle_text text;
        struct pickle_list list;
        const struct pickle_global *global;
        struct pickle_storage *storage; /* owned */
        struct pickle_tensor *tensor;   /* owned */
        struct pickle_object *object;   /* owned */
        struct pickle_class class;
    };
};
struct pickle { struct pickle_value *values; size_t n, room, root; size_t class, class_offset; /* the first class named, or PICKLE_NO_VALUE */ };

#define PICKLE_LIMIT ((size_t)8 << 20) /* bytes; a value takes one byte at least */
/* path is for messages: "cannot read PATH: offset N: ...", N in the pickle. */
enum status pickle_parse(struct pickle *out, const char *path, const char *data, size_t size, struct diag *d) MUST_USE;
void pickle_clear(struct pickle *p);
/* "global 'x.y' is not a tensor constructor" */
enum status pickle_refuse_class(const char *path, const struct pickle_class *c, size_t offset, struct diag *d) MUST_USE;
/* Key, value, ... of a dictionary or of an object that is one; NULL for others. */
const struct pickle_list *pickle_items(const struct pickle *p, size_t value);
/* Likewise the attributes of an object. */
const struct pickle_list *pickle_attributes(const struct pickle *p, size_t value);
/* Value number of a key, or -1. list may be NULL. */
long pickle_find(const struct pickle *p, const struct pickle_list *list, const char *key);
/* Likewise in a dictionary. */
long pickle_get(const struct pickle *p, size_t dict, const char *key);
/* The value as JSON text; what JSON has no word for becomes a string that says so. False if it is nested deeper or larger than a
 * configuration is (a pickle may be cyclic). Text without memory is `failed`. */
struct text;
void pickle_json_string(struct text *out, const char *s, size_t n);
bool pickle_json(struct text *out, const struct pickle *p, size_t value);
#endif
