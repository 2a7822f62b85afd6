/* claims_expand: lets, parameters, domains and foreach values written out in place, variables renamed where a name is taken. */
#ifndef CHECK_CLAIMS_EXPAND_H
#define CHECK_CLAIMS_EXPAND_H
#include "claims.h"
#include "eval.h"

#define PARAMS_MOST 16
#define GROUPS_MOST 16
#define ASSUMING_MOST 10

/* What a name means. D_LET: x where the let stands (also domains and params); D_CLOSURE: an argument, x in its own scope; D_BOUND: a variable, printed as out. */
enum def_kind { D_MODEL, D_DATA, D_LET, D_CLOSURE, D_BOUND };
struct frame;
struct def { enum def_kind kind; char *name, *path, *out; bool is_function; char *params[PARAMS_MOST]; int n_params; struct ex *x; struct frame *scope; struct def *next; };
struct frame { struct def *first; struct frame *up; };
struct def *def_new(struct arena *a, struct frame *f, enum def_kind kind, char *name);

struct claim {
    struct frame *scope;
    struct binds foreach, group[GROUPS_MOST]; struct ex *where[GROUPS_MOST]; int n_groups; /* forall groups, or the binders of the body */
    enum body body;
    struct ex *subject, *prove, *within;
    struct ex *assuming; unsigned assumed; /* conditions to choose from, as a list, or NULL; those that are assumed now, by bits */
    bool float32, has_at_most; uint64_t at_most;
    struct data_name *data; int n_data;       /* arrays that a foreach may range over */
};
/* Calls f with the statement of every foreach value, and every choice of conditions, until it returns false; models have no hashes yet. */
bool claim_statements(struct claim *c, struct frame *file, struct arena *a, bool (*f)(const struct stmt *s, void *arg), void *arg, struct fail *fail);
#endif
