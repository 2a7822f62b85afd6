#include "verify/parser.h"
#include <string.h>

const struct token *parser_peek(const struct parser *p, size_t ahead)
{
    return &p->tokens[p->pos + ahead < p->n ? p->pos + ahead : p->n - 1];
}

bool parser_at(const struct parser *p, enum token_kind kind)
{
    return parser_peek(p, 0)->kind == kind;
}

bool parser_has(const struct parser *p, const struct token *t, const char *word)
{
    return t->kind == TOKEN_NAME && t->at.length == strlen(word) && memcmp(p->report->text + t->at.offset, word, t->at.length) == 0;
}

bool parser_at_word(const struct parser *p, const char *word)
{
    return parser_has(p, parser_peek(p, 0), word);
}

bool parser_accept(struct parser *p, enum token_kind kind)
{
    if (!parser_at(p, kind) || kind == TOKEN_END)
        return false;
    p->pos++;
    return true;
}

bool parser_accept_word(struct parser *p, const char *word)
{
    if (!parser_at_word(p, word))
        return false;
    p->pos++;
    return true;
}

void parser_error(struct parser *p, struct place at, const char *label, const char *help, const char *message)
{
    if (!p->said)
        report_at(p->report, at, label, help, "%s", message);
    p->said = true;
}

void parser_expected(struct parser *p, const char *what, const char *help)
{
    const struct token *t = parser_peek(p, 0);
    char message[200];
    int shown = t->at.length < 40 ? (int)t->at.length : 40;
    if (t->kind == TOKEN_BAD) {
        p->said = true;
        return;
    }
    if (t->kind == TOKEN_END)
        (void)snprintf(message, sizeof message, "expected %s, found the end of the file", what);
    else
        (void)snprintf(message, sizeof message, "expected %s, found %s%.*s%s", what, t->kind == TOKEN_STRING ? "" : "'", shown,
                       p->report->text + t->at.offset, t->kind == TOKEN_STRING ? "" : "'");
    parser_error(p, t->at, NULL, help, message);
}

bool parser_expect(struct parser *p, enum token_kind kind, const char *what)
{
    if (parser_accept(p, kind))
        return true;
    parser_expected(p, what, NULL);
    return false;
}

bool parser_expect_word(struct parser *p, const char *word)
{
    char what[40];
    if (parser_accept_word(p, word))
        return true;
    (void)snprintf(what, sizeof what, "'%s'", word);
    parser_expected(p, what, NULL);
    return false;
}

char *parser_name(struct parser *p, const char *what, struct place *at)
{
    const struct token *t = parser_peek(p, 0);
    if (t->kind != TOKEN_NAME) {
        parser_expected(p, what, NULL);
        return NULL;
    }
    if (at)
        *at = t->at;
    p->pos++;
    return arena_string(p->arena, p->report->text + t->at.offset, t->at.length);
}

char *parser_variable(struct parser *p, struct place *at)
{
    char *name = parser_name(p, "the name of a variable", at), message[200];
    const char *what = name ? word_reserved(name) : NULL;
    if (!what)
        return name;
    (void)snprintf(message, sizeof message, "'%.80s' cannot be used as a name", name);
    parser_error(p, *at, what, NULL, message);
    return NULL;
}

char *parser_string(struct parser *p, const char *what, struct place *at)
{
    const struct token *t = parser_peek(p, 0);
    if (t->kind != TOKEN_STRING) {
        parser_expected(p, what, NULL);
        return NULL;
    }
    if (at)
        *at = t->at;
    p->pos++;
    const char *from = p->report->text + t->at.offset + 1;
    size_t size = t->at.length - 2, n = 0;
    char *out = arena_array(p->arena, size + 1, 1);
    for (size_t i = 0; out && i < size; i++) {
        if (from[i] == '\\' && i + 1 < size && (from[i + 1] == '"' || from[i + 1] == '\\'))
            i++;
        out[n++] = from[i];
    }
    return out;
}

const char *word_reserved(const char *name)
{
    static const char *const keywords[] = {"if", "then", "else", "exists", "where", "in", "not", "and", "or", "forall", "foreach", "prove", "let", "last",
        "tokens", "at", "most", "within"};
    static const char *const words[] = {"all", "any", "count", "embed", "pos_embed", "unembed", "inf", "number", "total", "fraction", "value"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(name, keywords[i]) == 0)
            return "a keyword";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0)
            return "a word of the language";
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (strcmp(name, function_table[i].name) == 0)
            return "a function";
    return NULL;
}
