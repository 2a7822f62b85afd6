/* family: what kinds of models there are, which one a checkpoint is, and the function that makes a network of it. */
#ifndef WEIGHTPROOF_MODELS_FAMILY_H
#define WEIGHTPROOF_MODELS_FAMILY_H
#include "models/config.h"

struct family {
    const char *name, *keys, *meaning;
    /* Do the names of the tensors (as the file has them) show this family? Must be false for every other family's checkpoints. */
    bool (*recognises)(const struct checkpoint *c);
    /* m has its checkpoint; fills net, facts, ignored. */
    enum status (*load)(struct model *m, const struct config *c, struct diag *d);
};
extern const struct family family_table[];
extern const size_t n_families;
/* Of that name, or NULL. */
const struct family *family_find(const char *name);
/* The first that recognises the checkpoint, or NULL. */
const struct family *family_of(const struct checkpoint *c);
/* STATUS_OK for a family that is known (or NULL), else a message with what was meant. */
enum status family_check(const char *name, struct diag *d) MUST_USE;

#define FAMILY(code, ...) bool code##_recognises(const struct checkpoint *c); enum status code##_load(struct model *m, const struct config *c, struct diag *d) MUST_USE;
#include "models/family.def"
#undef FAMILY
#endif
