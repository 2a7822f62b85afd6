/* linear: what a claim says of one vector of reals (FORMAT.md §3), read exactly: what does not mention the vector is evaluated, what is linear in
 * activations of a network becomes a form. Rules quadratic and farkas begin their own structures with one of these. */
#ifndef CHECK_LINEAR_H
#define CHECK_LINEAR_H
#include "certificate.h"
#include "eval.h"
#include "vector.h"

struct linear {
    const char *rule, *linear_in;   /* words for messages: "quadratic", "outputs of the network" */
    struct eval *e; struct fail *f; int line;
    int slot;                       /* of the vector */
    size_t constant;                /* place of a form's constant */
    /* out += factor times the activation x, an EX_INDEX of two */
    bool (*entry)(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out);
    bool (*other)(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out);   /* likewise what is not linear; NULL: nothing else */
};
bool mentions(const struct ex *x, int slot);                 /* x may be NULL: no */
bool is_call(const struct ex *x, enum fn f);
bool linear_plain(const struct linear *l, const struct ex *x);   /* no network in it, no vector */
bool linear_refuse(struct linear *l, const char *what);      /* false; "rule R: what" */
bool linear_says(struct linear *l);                          /* false, with what the evaluation said */
bool linear_fresh(struct linear *l);                         /* true: nothing evaluated, nothing failed, lowest precision */
bool linear_number(struct linear *l, const struct ex *x, mpq_t out);
/* n entries are added to out; a single number, where that is allowed, stands for n equal ones */
bool linear_vector(struct linear *l, const struct ex *x, mpq_t *out, size_t n, bool number_allowed);
/* A BINDING of finite variables and, last, of a vector called `name`: the first are set (binding_unset takes them back), *value is the text of the vector. */
bool linear_binding(struct linear *l, struct arena *a, const struct binding *b, const struct binds *outer, const char *name, struct binding *value);
/* out += factor times x */
bool linear_add(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out);
#endif
