/* parser: the state that parse.c (expressions) and parse_file.c (declarations) share. */
#ifndef WEIGHTPROOF_VERIFY_PARSER_H
#define WEIGHTPROOF_VERIFY_PARSER_H
#include "verify/syntax.h"

#define PARSE_MAX_DEPTH 400   /* of calls: a parenthesis counts, too */
struct parser {
    struct arena *arena; struct report *report;
    const struct token *tokens; size_t n, pos;
    int depth;
    struct claim *claim;   /* that is being read, or NULL */
    bool said;    /* the error at hand has been reported */
};
const struct token *parser_peek(const struct parser *p, size_t ahead);
bool parser_at(const struct parser *p, enum token_kind kind);
bool parser_at_word(const struct parser *p, const char *word);
bool parser_accept(struct parser *p, enum token_kind kind);
bool parser_accept_word(struct parser *p, const char *word);
/* Like accept, but reports "expected WHAT, found ..." */
bool parser_expect(struct parser *p, enum token_kind kind, const char *what);
bool parser_expect_word(struct parser *p, const char *word);
/* "expected WHAT, found ..."; help may be NULL. Says nothing when the error was reported by the lexer or before. */
void parser_expected(struct parser *p, const char *what, const char *help);
void parser_error(struct parser *p, struct place at, const char *label, const char *help, const char *message);
char *parser_name(struct parser *p, const char *what, struct place *at);      /* an identifier, or NULL */
char *parser_variable(struct parser *p, struct place *at);                    /* one that may name a bound variable */
char *parser_string(struct parser *p, const char *what, struct place *at);    /* a string's text without quotes and escapes, or NULL */
bool parser_has(const struct parser *p, const struct token *t, const char *word);

/* NULL: an error was reported (or memory is out: arena->failed). */
struct expr *parse_expr(struct parser *p, int level);   /* level of STATEMENT.md §2 */
struct expr *parse_set(struct parser *p);
struct expr *parse_value(struct parser *p);   /* an expression or a set */
bool parse_binds(struct parser *p, struct binds *out);
#endif
