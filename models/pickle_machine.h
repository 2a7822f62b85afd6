/* The stack machine of pickle.c, as far as the constructors in pickle_global.c see it. */
#ifndef WEIGHTPROOF_MODELS_PICKLE_MACHINE_H
#define WEIGHTPROOF_MODELS_PICKLE_MACHINE_H
#include "models/pickle.h"

struct machine {
    struct pickle p;
    size_t *stack, depth, stack_room;
    size_t *memo, n_memo, memo_room;      /* value + 1; 0: never put */
    const char *start, *at, *end, *op;    /* op: where the current instruction began */
    bool stopped;
    const char *path;
    struct diag *d;
};
enum status machine_fail(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3))) MUST_USE;
enum status machine_push(struct machine *m, struct pickle_value v) MUST_USE;
/* The table entry of a global; NULL for a class that is not in it; a message for tensors that are not read. */
enum status pickle_global_find(const struct pickle_global **out, struct machine *m, struct pickle_text module, struct pickle_text name) MUST_USE;
/* Pushes the result of calling a global with a tuple of arguments. */
enum status pickle_call(struct machine *m, const struct pickle_global *g, const struct pickle_list *args) MUST_USE;
/* Pushes an object of a class that is not in the table. is_class: it is one for certain; else its name must look like one. */
enum status pickle_object(struct machine *m, size_t class, bool is_class) MUST_USE;
/* The state of a NumPy dtype, which is the text of its code here: one that is not little-endian is of no interest. */
void pickle_set_dtype(struct machine *m, size_t dtype, size_t state);
/* Pushes the storage that a persistent id ('storage', type, key, location, numel) names. */
enum status pickle_persistent(struct machine *m, size_t id) MUST_USE;
/* Name for messages, as module.name */
const char *pickle_global_name(const struct pickle_global *g);
#endif
