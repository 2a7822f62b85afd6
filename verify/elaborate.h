/* elaborate: from the syntax of a file to closed, typed statements. Used by claims_read alone. */
#ifndef WEIGHTPROOF_VERIFY_ELABORATE_H
#define WEIGHTPROOF_VERIFY_ELABORATE_H
#include "verify/resolve.h"
#include "verify/types.h"

struct elaborator {
    struct claims *claims; struct arena *arena; struct report *report;
    const struct claims_options *options;
    const struct syntax *syntax;
    const struct scope *file;        /* names of the file */
    /* of the claim at hand: */
    const struct claim *claim;
    struct { char *name; mpq_srcptr value; } values[8]; size_t n_values;   /* foreach */
    const bool *assumed;             /* of the claim's conditions to choose from those that are; NULL: all */
};
#define FOREACH_MAX 8              /* variables */
#define STATEMENTS_MAX 100000      /* of one file */

/* Models of the file, read (model_bind.c). */
enum status models_bind(struct elaborator *e) MUST_USE;
/* Data arrays of the file, read (data_bind.c). */
enum status data_bind(struct elaborator *e) MUST_USE;
/* path, or the one that the command line gives for the name, copied: what is relative is beside the claim file (model_bind.c). */
char *file_path(struct elaborator *e, const struct decl *d, const struct setting *given, size_t n_given);
/* What a reader said, at the place where the file is named. */
void pass_on_messages(struct elaborator *e, const struct decl *d, const char *path, const struct diag *from, enum status s);
/* Token names (labels.c). */
enum status labels_bind(struct elaborator *e) MUST_USE;
/* Appends the statements of one claim to e->claims (foreach.c, statement.c). */
void claim_elaborate(struct elaborator *e, const struct claim *c);
void statement_make(struct elaborator *e, const struct scope *env);
/* The statement of the claim at hand in *s, which is zeroed; statement_done releases what is not in the arena. */
void statement_build(struct statement *s, struct elaborator *e, const struct scope *env);
void statement_done(struct statement *s);
/* The value that --param gives to a name, or NULL (claims.c). */
const struct expr *param_given(struct elaborator *e, const char *name);
/* opening.c: a value for a name */
const struct scope *bind_value(struct elaborator *e, const struct scope *env, const char *name, mpq_srcptr value, struct place at);
/* A claim that leaves something open: its template. */
void statement_open(struct elaborator *e, const struct scope *env);
/* Canonical text and its hash, models in order of first use, ids (statement_text.c). */
enum status statement_finish(struct statement *s, struct arena *a) MUST_USE;
void statement_use_models(struct statement *s, struct arena *a, const struct claims *c, bool *unread);
#endif
