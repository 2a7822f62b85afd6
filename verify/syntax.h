/* syntax: a claim file as written, before names mean anything. Everything lives in the arena it was parsed into, strings included. */
#ifndef WEIGHTPROOF_VERIFY_SYNTAX_H
#define WEIGHTPROOF_VERIFY_SYNTAX_H
#include "core/text.h"
#include "verify/arena.h"
#include "verify/lex.h"
#include "verify/statement.h"

struct let { char *name; char **params; struct place *param_at; size_t n_params; struct expr *value; struct place at; };
struct key_value { char *key, *text; /* the value: a number as written, a word, what a string says */ bool quoted; struct place at; };

enum decl_kind { DECL_MODEL, DECL_DATA, DECL_LABELS, DECL_PARAM, DECL_DOMAIN, DECL_LET, DECL_CLAIM };
struct decl {
    enum decl_kind kind;
    char *name; struct place at;          /* of the name */
    char *file; struct place file_at;     /* model, data, labels */
    char *member;                         /* data: ["member"], or NULL */
    char *family, *config, *sha256; struct place family_at, config_at, sha256_at;   /* or NULL */
    char **process; size_t n_process;
    struct key_value *with; size_t n_with;
    struct expr *value;                   /* param: literal; domain: set */
    struct let *let;
    struct claim *claim;
};

/* What stands before the body, in order. */
struct clause { struct let *let; /* or, when NULL, forall: */ struct binds binds; struct expr *where; };
struct claim {
    char *name, *title; struct place at;
    struct binds foreach;
    char *open; struct place open_at;             /* the constant left open, "?c", or NULL */
    struct expr *assuming;                        /* assuming some of {...}: the list, or NULL */
    struct clause *clauses; size_t n_clauses;
    enum body body; struct place body_at;
    struct binds binds; struct expr *where, *subject;
    bool has_at_most; unsigned long at_most;
    struct expr *prove, *within;
    bool has_semantics; enum semantics semantics;
    bool has_timeout; struct expr *timeout;
    char *engine; struct place engine_at;
    bool has_expect; enum verdict expect;
    char *because;
};
#define ASSUMING_MOST 10   /* conditions to choose from */
#define DECLS_MAX 20000
struct syntax { struct decl *decls; size_t n; bool incomplete; /* some declaration, not only a claim, could not be read */ };

/* Messages go to the report; whatever could be read is in *out. STATUS_INPUT when anything was wrong. */
enum status syntax_parse(struct syntax *out, struct arena *a, struct report *r) MUST_USE;
/* The whole text is one literal: a number or a string (for --param). */
enum status syntax_parse_literal(struct expr **out, struct arena *a, struct report *r) MUST_USE;
/* The whole file in canonical form: parsing it gives the same syntax. */
void syntax_print(struct text *out, const struct syntax *s);
/* Reads and prints nothing but the text (for tests and the fuzzer): *canonical, when not NULL, receives the canonical file. */
enum status claims_parse_only(struct text *canonical, const char *name, const char *text, size_t size, struct diag *d) MUST_USE;

/* Words that cannot name a variable (STATEMENT.md §2); NULL, or what the word is ("a function"). */
const char *word_reserved(const char *name);
#endif
