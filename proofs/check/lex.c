/* Tokens of a statement (STATEMENT.md §2), and of a claim file. */
#include "stmt.h"
#include <string.h>

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static int hex_digit(char c) { return digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/* 12, 0.25, 1e-6, 0x1.8p-3: the digits, then a power of ten or two. At most 25,000 digits and an exponent of at most 4,096. */
static void lex_number(struct parser *p) {
    bool hex = p->at[0] == '0' && p->end - p->at > 2 && p->at[1] == 'x';
    struct num *v = lit_new(p->arena);
    long scale = 0, exponent = 0;
    const char *q = p->at + (hex ? 2 : 0);
    bool point = false;
    for (; q < p->end && q - p->at < 25000; q++) {
        int d = hex ? hex_digit(*q) : digit(*q) ? *q - '0' : -1;
        if (*q == '.' && !point && q + 1 < p->end && (hex ? hex_digit(q[1]) >= 0 : digit(q[1]))) {
            point = true;
            continue;
        }
        if (d < 0) break;
        mpz_mul_ui(mpq_numref(v->q), mpq_numref(v->q), hex ? 16 : 10);
        mpz_add_ui(mpq_numref(v->q), mpq_numref(v->q), (unsigned long)d);
        if (point) scale += hex ? 4 : 1;
    }
    if (q < p->end && (hex ? *q == 'p' : *q == 'e' || *q == 'E')) {
        const char *e = q + 1;
        bool minus = e < p->end && *e == '-';
        if (e < p->end && (*e == '-' || *e == '+')) e++;
        if (e < p->end && digit(*e)) {
            for (; e < p->end && digit(*e) && exponent <= 4096; e++) exponent = 10 * exponent + (*e - '0');
            if (exponent > 4096) p->t = T_BAD;
            if (minus) exponent = -exponent;
            q = e;
        }
    }
    exponent -= scale;
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, hex ? 2 : 10, (unsigned long)(exponent < 0 ? -exponent : exponent));
    if (exponent < 0) mpz_set(mpq_denref(v->q), power);
    else mpz_mul(mpq_numref(v->q), mpq_numref(v->q), power);
    mpz_clear(power);
    mpq_canonicalize(v->q);
    num_set_mpq(v, v->q);
    p->value = v;
    p->len = (size_t)(q - p->at);
}

/* A string with its quotes, 0 when it does not end. In a claim file \" and \\ stand for " and \ and a string ends on its line; its text is
 * kept as written: no name that is looked up contains either. */
static size_t string_length(const struct parser *p) {
    for (const char *q = p->at + 1; q < p->end && !(p->claims && (*q == '\n' || *q == '\r')); q++) {
        if (*q == '"') return (size_t)(q - p->at) + 1;
        if (p->claims && *q == '\\' && ++q == p->end) return 0;
    }
    return 0;
}

void parser_next(struct parser *p) {
    static const char *const symbols[] = {"<=>", "..", "<=", ">=", "==", "!=", "=>", "+", "-", "*", "/", "%", "@", "^", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", "."};
    while (p->at < p->end && (*p->at == ' ' || (p->claims && (*p->at == '\n' || *p->at == '\t' || *p->at == '\r' || *p->at == '#')))) {
        if (*p->at == '#') while (p->at < p->end && *p->at != '\n') p->at++;
        else p->at++;
    }
    p->s = p->at;
    p->len = 0;
    if (p->at == p->end) {
        p->t = T_END;
        return;
    }
    char c = *p->at;
    p->t = T_BAD;
    if (p->raw && (digit(c) || letter(c))) {
        p->t = T_NAME;
        while (p->at + p->len < p->end && (letter(p->at[p->len]) || digit(p->at[p->len]))) p->len++;
    } else if (p->claims && c == '?' && p->end - p->at > 1 && letter(p->at[1])) { /* a constant left open */
        p->t = T_NAME;
        for (p->len = 2; p->at + p->len < p->end && (letter(p->at[p->len]) || digit(p->at[p->len])); p->len++) {}
    } else if (digit(c)) {
        p->t = T_NUMBER;
        lex_number(p);
    } else if (letter(c)) {
        p->t = T_NAME;
        while (p->at + p->len < p->end && (letter(p->at[p->len]) || digit(p->at[p->len]))) p->len++;
    } else if (c == '"') {
        p->len = string_length(p);
        if (p->len > 0) p->t = T_STRING;
    } else {
        for (size_t i = 0; i < sizeof symbols / sizeof *symbols && p->t == T_BAD; i++) {
            size_t n = strlen(symbols[i]);
            if ((size_t)(p->end - p->at) >= n && memcmp(p->at, symbols[i], n) == 0) {
                p->t = T_SYMBOL;
                p->len = n;
            }
        }
    }
    if (p->t == T_BAD) fail_at(p->f, 0, "statement: unexpected character '%c'", c);
    p->at += p->len;
    p->raw = p->claims && p->t == T_NAME && p->len == 6 && memcmp(p->s, "sha256", 6) == 0;
}

bool parser_is(const struct parser *p, const char *text) {
    return (p->t == T_SYMBOL || p->t == T_NAME) && p->len == strlen(text) && memcmp(p->s, text, p->len) == 0;
}

bool parser_take(struct parser *p, const char *text) {
    if (!parser_is(p, text)) return false;
    parser_next(p);
    return true;
}

bool parser_want(struct parser *p, const char *text) {
    if (parser_take(p, text)) return true;
    return fail_at(p->f, 0, "statement: '%s' expected near '%.20s'", text, p->t == T_END ? "the end" : p->s);
}
