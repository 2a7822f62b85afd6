/* statement: one claim, closed and typed, ready to be decided; and the claim file it came from.
 * claims_read parses, loads the models, resolves lets, params, domains, foreach, checks types, and gives one statement a foreach value. */
#ifndef WEIGHTPROOF_VERIFY_STATEMENT_H
#define WEIGHTPROOF_VERIFY_STATEMENT_H
#include "verify/ast.h"
#include "models/data_array.h"
#include "models/model.h"
#include "models/run.h"
#include "core/diag.h"

struct radii;
enum body { BODY_PROVE, BODY_COUNT, BODY_AVERAGE, BODY_MINIMIZE, BODY_MAXIMIZE, BODY_LIST };
/* verdict: UNDECIDED is 0. Only verify/verdict.c makes PROVED, REFUTED, BOUNDED or VACUOUS. */
#define VERDICT_TABLE(X) X(VERDICT_UNDECIDED, "undecided", 2) X(VERDICT_PROVED, "proved", 0) X(VERDICT_BOUNDED, "bounded", 0) \
    X(VERDICT_REFUTED, "refuted", 1) X(VERDICT_VACUOUS, "vacuous", 2) X(VERDICT_ERROR, "error", 3)
enum verdict {
#define X(code, name, exit_code) code,
    VERDICT_TABLE(X)
#undef X
};

struct bound_data { char *name, *path, *member; /* or NULL */ struct data_array array; enum status loaded; char *reason; };
struct bound_model { char *name; char *path; struct model model; enum status loaded; /* STATUS_OK, or why not */ char *reason; struct model_options options; };

struct statement {
    char *name;                    /* of the claim */
    char *title, *because;         /* or NULL */
    struct { char *name; mpq_t value; } *foreach; size_t n_foreach; /* the values substituted here */
    const struct claims *file;
    size_t *models; size_t n_models;  /* indices into file->models, in order of first use; FORM_NAME of a model has slot -1 and its name */
    size_t *data; size_t n_data;      /* likewise into file->data */
    enum semantics semantics;
    enum body body;
    struct binds forall; struct expr *forall_where;     /* BODY_PROVE */
    struct binds binds; struct expr *where;             /* the others */
    struct expr *subject;          /* predicate of prove, count, list; expression of average, minimize, maximize */
    struct expr *prove;            /* of the others, or NULL */
    mpq_t within; bool has_within;
    unsigned long at_most; bool has_at_most;
    size_t n_slots, n_ids;
    double timeout;                /* seconds, 0: none */
    char *engine;                  /* forced, or NULL */
    enum verdict expect; bool has_expect;
    char *text; char sha256[65];   /* canonical statement; NULL when a model could not be loaded */
    char *undecidable;             /* why nothing can decide it today ("cannot read this format yet: ...", "no rule for log yet"), or NULL */
    struct place at;               /* of the claim in the file */
    struct radii *radii;           /* distances found for it, shared by its threads; NULL when it asks for none */
    struct opening *open;          /* what the claim leaves open, or NULL. Such a statement has no text: its instances (statement_close) are decided */
};
/* What a claim leaves open: a constant, or which of some conditions are assumed (verify/opening.c). */
struct opening {
    char *constant;                /* its name, "c", or NULL */
    char **conditions; size_t n_conditions;   /* as they read in the statement */
    mpq_t within;                  /* how near the two ends of a constant must be */
    int side; const char *beside;  /* the constant alone is compared: 1: with something above it, -1: below it; with value, number, fraction, total, or NULL: something else. 0: it is not */
    const struct elaborator *e; const struct scope *env;
};
/* A statement of its own: the template with this value for its constant (or NULL), or these of its conditions. */
struct instance;
enum status statement_close(struct instance **out, const struct statement *open, mpq_srcptr value, const bool *conditions, struct diag *d) MUST_USE;
const struct statement *instance_statement(const struct instance *i);
void instance_free(struct instance *i);
struct claims {
    char *path, *source; size_t source_size; char sha256[65];
    struct bound_model *models; size_t n_models;
    struct bound_data *data; size_t n_data;
    struct statement *statements; size_t n_statements;
    void *arena;
    struct { char *model; char **names; size_t n; } *labels; size_t n_labels;  /* token names */
};
struct claims_options {
    const struct setting *models; size_t n_models;      /* --model NAME=FILE */
    const struct setting *data; size_t n_data;          /* --data NAME=FILE */
    const struct setting *params; size_t n_params;      /* --param NAME=VALUE */
    const struct setting *settings; size_t n_settings;  /* --set [NAME:]KEY=VALUE, key "NAME:KEY", or "KEY" for every model */
    const char *config;                                 /* --config FILE, for every model of the file */
    const char *const *only; size_t n_only;
    enum semantics *semantics;                          /* forced, or NULL */
};
/* STATUS_INPUT with all messages (up to DIAG_MAX) when anything is wrong in the file. */
enum status claims_read(struct claims *out, const char *path, const struct claims_options *o, struct diag *d) MUST_USE;
/* The same from a text; PATH stands for its file: messages name it, relative paths start from its folder. */
enum status claims_read_text(struct claims *out, const char *path, const char *text, const struct claims_options *o, struct diag *d) MUST_USE;
void claims_clear(struct claims *c);
const struct model *statement_model(const struct statement *s, const char *name);  /* NULL if unknown */
/* The network below the interventions of a model expression; NULL where that is not a model by its name, or not loaded. */
const struct net *statement_net(const struct statement *s, const struct expr *model);
struct text;
void statement_label(struct text *out, const struct statement *s);   /* its name, with its values of foreach: name[a=3, b=4] */
const struct data_array *statement_data(const struct statement *s, const char *name);
const char *verdict_name(enum verdict v);
#endif
