#include "verify/lex.h"
#include <string.h>
#include "core/mem.h"

struct lexer { struct report *report; const char *s; size_t size, pos; };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/* Character k places ahead; the text ends in one NUL beyond its size. */
static char ahead(const struct lexer *l, size_t k)
{
    return l->pos + k < l->size ? l->s[l->pos + k] : '\0';
}

static void skip_space(struct lexer *l)
{
    while (l->pos < l->size) {
        char c = l->s[l->pos];
        if (c == '#')
            while (l->pos < l->size && l->s[l->pos] != '\n')
                l->pos++;
        else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            l->pos++;
        else
            return;
    }
}

/* An exponent "e-6" after a decimal, "p-3" after a hexadecimal number. */
static void skip_exponent(struct lexer *l, char small, char capital)
{
    size_t k = 1;
    if (ahead(l, 0) != small && ahead(l, 0) != capital)
        return;
    if (ahead(l, 1) == '+' || ahead(l, 1) == '-')
        k = 2;
    if (!is_digit(ahead(l, k)))
        return;
    for (l->pos += k; is_digit(ahead(l, 0)); l->pos++) {}
}

static void skip_number(struct lexer *l)
{
    bool hex = ahead(l, 0) == '0' && (ahead(l, 1) == 'x' || ahead(l, 1) == 'X') && is_hex(ahead(l, 2));
    bool (*digit)(char) = hex ? is_hex : is_digit;
    l->pos += hex ? 2 : 0;
    while (digit(ahead(l, 0)))
        l->pos++;
    if (ahead(l, 0) == '.' && digit(ahead(l, 1)))
        for (l->pos++; digit(ahead(l, 0)); l->pos++) {}
    if (hex)
        skip_exponent(l, 'p', 'P');
    else
        skip_exponent(l, 'e', 'E');
}

static enum token_kind skip_string(struct lexer *l, size_t start)
{
    for (l->pos++; l->pos < l->size && l->s[l->pos] != '"' && l->s[l->pos] != '\n'; l->pos++)
        if (l->s[l->pos] == '\\' && (ahead(l, 1) == '"' || ahead(l, 1) == '\\'))
            l->pos++;
    if (ahead(l, 0) == '"') {
        l->pos++;
        return TOKEN_STRING;
    }
    report_at(l->report, (struct place){start, 1}, "the string begins here", "a string ends with \" on the same line", "string without an end");
    return TOKEN_BAD;
}

static const struct { char text[4]; enum token_kind kind; } punctuation[] = {   /* longer ones first */
    {"<=>", TOKEN_IFF}, {"=>", TOKEN_IMPLIES}, {"==", TOKEN_EQ}, {"!=", TOKEN_NE}, {"<=", TOKEN_LE}, {">=", TOKEN_GE}, {"..", TOKEN_DOTS},
    {"<", TOKEN_LT}, {">", TOKEN_GT}, {"=", TOKEN_ASSIGN}, {"(", TOKEN_OPEN}, {")", TOKEN_CLOSE}, {"{", TOKEN_OPEN_BRACE},
    {"}", TOKEN_CLOSE_BRACE}, {"[", TOKEN_OPEN_BRACKET}, {"]", TOKEN_CLOSE_BRACKET}, {",", TOKEN_COMMA}, {":", TOKEN_COLON}, {".", TOKEN_DOT},
    {"+", TOKEN_PLUS}, {"-", TOKEN_MINUS}, {"*", TOKEN_STAR}, {"/", TOKEN_SLASH}, {"%", TOKEN_PERCENT}, {"@", TOKEN_AT}, {"^", TOKEN_CARET}};

static bool skip_punctuation(struct lexer *l, enum token_kind *kind)
{
    for (size_t i = 0; i < sizeof punctuation / sizeof *punctuation; i++) {
        size_t n = strlen(punctuation[i].text);
        if (l->size - l->pos >= n && memcmp(l->s + l->pos, punctuation[i].text, n) == 0) {
            l->pos += n;
            *kind = punctuation[i].kind;
            return true;
        }
    }
    return false;
}

/* Characters that text editors and papers write for ours. */
static const struct { const char *wrong, *right; } lookalikes[] = {
    {"\u2264", "<="}, {"\u2265", ">="}, {"\u2260", "!="}, {"\u2212", "-"}, {"\u2013", "-"}, {"\u2200", "forall"}, {"\u2203", "exists"}, {"\u2208", "in"},
    {"\u2227", "and"}, {"\u2228", "or"}, {"\u00ac", "not"}, {"\u21d2", "=>"}, {"\u21d4", "<=>"}, {"\u00b7", "*"}, {"\u00d7", "*"},
    {"\u201c", "\""}, {"\u201d", "\""}, {"\u2026", ".."}, {"&", "and"}, {"|", "or"}, {"!", "not"}, {"~", "not"}, {"'", "\""}};

static enum token_kind skip_other(struct lexer *l)
{
    struct place at = {l->pos, 1};
    unsigned char first = (unsigned char)l->s[l->pos];
    char help[80], shown[24];
    bool known = false;
    if (first >= 0x80)
        while (at.length < 4 && ((unsigned char)ahead(l, at.length) & 0xc0) == 0x80)
            at.length++;
    for (size_t i = 0; i < sizeof lookalikes / sizeof *lookalikes && !known; i++)
        if (strlen(lookalikes[i].wrong) == at.length && memcmp(l->s + l->pos, lookalikes[i].wrong, at.length) == 0) {
            (void)snprintf(help, sizeof help, "write '%s'", lookalikes[i].right);
            known = true;
        }
    if (!known)
        (void)snprintf(help, sizeof help, "outside strings and comments the language is ASCII");
    if (first < 0x20 || first == 0x7f || (first >= 0x80 && at.length == 1))
        (void)snprintf(shown, sizeof shown, "byte 0x%02x", first);
    else
        (void)snprintf(shown, sizeof shown, "'%.*s'", (int)at.length, l->s + l->pos);
    report_at(l->report, at, NULL, first >= 0x80 || known ? help : NULL, "%s has no place here", shown);
    l->pos += at.length;
    return TOKEN_BAD;
}

static enum token_kind next_kind(struct lexer *l)
{
    enum token_kind kind;
    char c = ahead(l, 0);
    if (l->pos >= l->size)
        return TOKEN_END;
    bool constant = c == '?' && is_letter(ahead(l, 1));
    if (is_letter(c) || constant) {
        for (l->pos++; is_letter(ahead(l, 0)) || is_digit(ahead(l, 0)); l->pos++) {}
        return constant ? TOKEN_CONSTANT : TOKEN_NAME;
    }
    if (is_digit(c)) {
        skip_number(l);
        return TOKEN_NUMBER;
    }
    if (c == '"')
        return skip_string(l, l->pos);
    return skip_punctuation(l, &kind) ? kind : skip_other(l);
}

enum status lex(struct token **out, size_t *n, struct report *r)
{
    struct lexer l = {r, r->text, r->text_size, 0};
    struct token *tokens = NULL, *grown;
    size_t count = 0, room = 0;
    for (;;) {
        skip_space(&l);
        size_t start = l.pos;
        enum token_kind kind = next_kind(&l);
        if (!(grown = mem_grow(tokens, &room, count + 1, sizeof *tokens))) {
            free(tokens);
            return STATUS_MEMORY;
        }
        tokens = grown;
        tokens[count++] = (struct token){kind, {start, l.pos - start}};
        if (kind == TOKEN_END)
            break;
    }
    *out = tokens;
    *n = count;
    return STATUS_OK;
}
