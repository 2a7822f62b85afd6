/* lex: a claim file as tokens. The array belongs to the caller (free). */
#ifndef WEIGHTPROOF_VERIFY_LEX_H
#define WEIGHTPROOF_VERIFY_LEX_H
#include "verify/report.h"

enum token_kind {
    TOKEN_END, TOKEN_BAD /* was reported */, TOKEN_NAME, TOKEN_CONSTANT /* ?name */, TOKEN_NUMBER, TOKEN_STRING,
    TOKEN_OPEN, TOKEN_CLOSE, TOKEN_OPEN_BRACE, TOKEN_CLOSE_BRACE, TOKEN_OPEN_BRACKET, TOKEN_CLOSE_BRACKET, TOKEN_COMMA, TOKEN_COLON,
    TOKEN_DOT, TOKEN_DOTS, TOKEN_ASSIGN, TOKEN_EQ, TOKEN_NE, TOKEN_LT, TOKEN_LE, TOKEN_GT, TOKEN_GE, TOKEN_IMPLIES, TOKEN_IFF,
    TOKEN_PLUS, TOKEN_MINUS, TOKEN_STAR, TOKEN_SLASH, TOKEN_PERCENT, TOKEN_AT, TOKEN_CARET
};
struct token { enum token_kind kind; struct place at; };
/* The last token is TOKEN_END. What is not a token is reported and left in the list as TOKEN_BAD. */
enum status lex(struct token **out, size_t *n, struct report *r) MUST_USE;
#endif
