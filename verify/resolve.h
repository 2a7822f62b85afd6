/* resolve: what names mean. Lets, parameters, domains and foreach values are written out in place; bound variables get slots and,
 * where one would hide another, new names (STATEMENT.md §2). The result shares no node with the syntax it was made from. */
#ifndef WEIGHTPROOF_VERIFY_RESOLVE_H
#define WEIGHTPROOF_VERIFY_RESOLVE_H
#include "verify/syntax.h"

enum scope_kind { SCOPE_VARIABLE, SCOPE_LET, SCOPE_DOMAIN, SCOPE_VALUE, SCOPE_ARGUMENT, SCOPE_MODEL, SCOPE_DATA };
/* One name in view; the rest of what is in view, and for lets and domains what was in view at their definition, is `up`. */
struct scope {
    const struct scope *up;
    const char *name;
    enum scope_kind kind;
    int slot; const char *shown;      /* variable: its name in the statement */
    const struct let *let;
    const struct expr *expr;          /* domain, value, argument */
    const struct scope *env;          /* of an argument */
    bool of_claim;                    /* a let inside a claim */
    const struct scope *late;         /* of an argument: the resolver's, where it stands */
    bool *used;                       /* or NULL: set when the name is looked up */
};
struct resolver {
    struct arena *arena; struct report *report;
    const struct scope *file;         /* all names of the file: models and data are never hidden */
    const char **live; size_t n_live; /* variables bound around the place at hand, as shown */
    const struct scope *late;         /* the claim's own variables so far: a let inside the claim may use those bound after it */
    const struct scope *bound;        /* the same, for advice */
    int n_slots, depth;
};
/* The most expressions of all statements of one file, lets written out. */
#define RESOLVE_MAX_EXPRS 1000000

const struct scope *scope_add(struct arena *a, struct scope entry);   /* entry.up set; NULL without memory */
const struct scope *scope_find(const struct scope *s, const char *name);
/* NULL: reported (or memory is out). */
struct expr *resolve(struct resolver *r, const struct expr *e, const struct scope *env);
/* Appends the resolved binders to *out and extends *env; the caller takes the names out of view by restoring r->n_live. */
bool resolve_binds(struct resolver *r, struct binds *out, const struct binds *in, const struct scope **env);
/* The name that a variable gets in the statement: its own, or the first of NAME_2, NAME_3, ... not in view. */
const char *resolve_fresh_name(struct resolver *r, const char *name);
/* The word of the list nearest to a wrong one as "did you mean 'X'?", in buf; NULL if none is near. */
const char *suggest(char *buf, size_t size, const char *wrong, const char *const *words, size_t n);
#endif
