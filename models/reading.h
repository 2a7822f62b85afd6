/* reading: what the families that are not transformers share: tensors by name, settings with where they come from, questions that only the
 * user can answer, and what is left over at the end. A setting that is not in the tensors is read or asked for, never guessed; what a
 * family's definition fixes is said as a fact. */
#ifndef WEIGHTPROOF_MODELS_READING_H
#define WEIGHTPROOF_MODELS_READING_H
#include "core/names.h"
#include "models/config.h"
#include "models/netbuild.h"

enum { READING_SLOPES = 8 };
struct reading {
    struct model *model;       /* checkpoint in, facts and net out */
    const struct config *config;
    struct names index;        /* tensors of the checkpoint */
    bool *used;                /* per tensor of the checkpoint */
    struct text questions;
    double slopes[READING_SLOPES]; size_t n_slopes; /* of the leaky relus */
    struct netbuild b;
    struct diag *d;
};
typedef enum status reading_build(struct reading *r);
/* The whole of a family's load: index, build (which ends in reading_done), clean up. */
enum status reading_load(struct model *m, const struct config *c, const char *family, reading_build *build, struct diag *d) MUST_USE;

const struct tensor *reading_find(const struct reading *r, const char *name);   /* NULL: not there */
/* The first of the names (NULL ends them) that is there, or NULL. */
const char *reading_first(const struct reading *r, const char *const *names);
/* Marks a tensor as used; it must be there and have the rank, no axis empty. A vector may be [1, n]. */
enum status reading_take(struct view *out, struct reading *r, const char *name, size_t rank) MUST_USE;
/* The same, and the shape is known: what the axes are is said when it is another. */
enum status reading_take_shape(struct view *out, struct reading *r, const char *name, size_t rank, const size_t *shape, const char *meaning) MUST_USE;

/* Settings. keys: the name here, then other libraries' names for it, NULL at the end. *how: where it was found. Absent: NULL, NaN, -1. */
enum status reading_word(const char **out, const char **how, struct reading *r, const char *const *keys) MUST_USE;
enum status reading_number(double *out, const char **how, struct reading *r, const char *const *keys) MUST_USE;
enum status reading_count(long *out, const char **how, struct reading *r, const char *const *keys) MUST_USE;
enum status reading_bool(int *out, const char **how, struct reading *r, const char *const *keys) MUST_USE;
const cJSON *reading_value(const char **how, struct reading *r, const char *const *keys);
/* An activation from one of the activation_words; key: the setting, for the message. */
#define ACTIVATION_NONE OP_COUNT      /* the identity */
#define ACTIVATION_SQUARE (OP_COUNT + 1)
#define ACTIVATION_SOFTMAX (OP_COUNT + 2)
#define ACTIVATION_LEAKY (OP_COUNT + 3) /* and above: x, or slopes[act - ACTIVATION_LEAKY] x where that is negative */
enum status reading_activation_word(int *out, struct reading *r, const char *key, const char *word, const char *how) MUST_USE;
size_t reading_activate(struct reading *r, const char *name, int act, size_t x);   /* x itself for ACTIVATION_NONE */
extern const char activation_words[];

enum status reading_ask(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3))) MUST_USE;
enum status reading_fact(struct reading *r, const char *key, const char *how, const char *format, ...) __attribute__((format(printf, 4, 5))) MUST_USE;
enum status reading_fail(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3))) MUST_USE;    /* STATUS_INPUT, "cannot read 'path': ..." */
/* Questions that were noted, tensors without a place, settings that nothing knows, then the network. known: the keys that the family reads. */
enum status reading_done(struct reading *r, size_t output, const char *const *known) MUST_USE;
/* x as a sum of at most three binary32 numbers, exactly where 2^-100 < |x| < 2^100 or x is 0; how many. So a decimal setting keeps its binary64 value
 * in a network whose tensors are all binary32. */
size_t reading_split(double parts[3], double x);
#endif
