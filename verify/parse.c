#include "verify/parser.h"
#include <string.h>
#include "core/number.h"

enum { LEVEL_ANY, LEVEL_IFF, LEVEL_IMPLIES, LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MUL, LEVEL_NEG, LEVEL_POW };

static struct expr *parse_level(struct parser *p, int level);

static struct place span(const struct parser *p, size_t from)
{
    const struct token *last = &p->tokens[p->pos ? p->pos - 1 : 0];
    size_t end = last->at.offset + last->at.length;
    return (struct place){from, end > from ? end - from : 0};
}

static struct expr *node(struct parser *p, enum form form, size_t from)
{
    return expr_new(p->arena, form, span(p, from));
}

bool parse_binds(struct parser *p, struct binds *out)
{
    *out = (struct binds){0};
    do {
        struct bind *grown = arena_grow(p->arena, out->items, out->n, sizeof *grown), *b;
        if (!grown)
            return false;
        out->items = grown;
        b = &out->items[out->n];
        *b = (struct bind){.slot = -1};
        if (!(b->name = parser_variable(p, &b->at)) || !parser_expect_word(p, "in") || !(b->set = parse_set(p)))
            return false;
        out->n++;
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

/* Binders and an optional condition. */
static bool parse_binders(struct parser *p, struct expr *e)
{
    if (!parse_binds(p, &e->binds))
        return false;
    for (size_t i = 0; i < e->binds.n; i++)
        if (!expr_deepen(p->arena, e, e->binds.items[i].set))
            return false;
    return !parser_accept_word(p, "where") || ((e->where = parse_expr(p, LEVEL_ANY)) != NULL && expr_deepen(p->arena, e, e->where));
}

static struct expr *parse_list(struct parser *p, size_t from)
{
    struct expr *e = node(p, FORM_LIST, from), *item;
    if (!e || parser_accept(p, TOKEN_CLOSE_BRACE)) {
        if (e)
            e->at = span(p, from);
        return e;
    }
    if (!(item = parse_expr(p, LEVEL_ANY)) || !expr_add_arg(p->arena, e, item))
        return NULL;
    if (parser_accept(p, TOKEN_COLON)) {
        e->form = FORM_IMAGE;
        if (!parse_binders(p, e))
            return NULL;
    } else {
        while (parser_accept(p, TOKEN_COMMA))
            if (!expr_add_arg(p->arena, e, parse_expr(p, LEVEL_ANY)))
                return NULL;
    }
    if (!parser_expect(p, TOKEN_CLOSE_BRACE, e->form == FORM_LIST ? "',', ':' or '}'" : "'}'"))
        return NULL;
    e->at = span(p, from);
    return e;
}

static const struct { const char *name; enum quant quant; } quants[] = {
    {"max", QUANT_MAX}, {"min", QUANT_MIN}, {"sum", QUANT_SUM}, {"mean", QUANT_MEAN}, {"argmax", QUANT_ARGMAX},
    {"argmin", QUANT_ARGMIN}, {"count", QUANT_COUNT}, {"all", QUANT_ALL}, {"any", QUANT_ANY}};

static struct expr *parse_quant(struct parser *p, size_t from, enum quant quant)
{
    struct expr *e = node(p, FORM_QUANT, from), *body;
    if (!e)
        return NULL;
    e->quant = quant;
    if (!(body = parse_expr(p, LEVEL_ANY)) || !expr_add_arg(p->arena, e, body))
        return NULL;
    if (!parser_at(p, TOKEN_COLON)) {
        parser_expected(p, "':' and what the variable ranges over",
                "max{ E : i in 0..3 } ranges over i; max(a, b) or max({a, b}) takes the largest of a list");
        return NULL;
    }
    p->pos++;
    if (!parse_binders(p, e) || !parser_expect(p, TOKEN_CLOSE_BRACE, "',', 'where' or '}'"))
        return NULL;
    e->at = span(p, from);
    return e;
}

static struct expr *parse_exists(struct parser *p, size_t from)
{
    struct expr *e = node(p, FORM_QUANT, from), *body;
    if (!e)
        return NULL;
    e->quant = QUANT_EXISTS;
    if (!parse_binders(p, e) || !parser_expect(p, TOKEN_COLON, "',', 'where' or ':'") || !(body = parse_expr(p, LEVEL_ANY)) ||
        !expr_add_arg(p->arena, e, body))
        return NULL;
    e->at = span(p, from);
    return e;
}

static struct expr *parse_if(struct parser *p, size_t from)
{
    struct expr *e = node(p, FORM_IF, from);
    if (!e || !expr_add_arg(p->arena, e, parse_expr(p, LEVEL_ANY)) || !parser_expect_word(p, "then") ||
        !expr_add_arg(p->arena, e, parse_expr(p, LEVEL_ANY)) || !parser_expect_word(p, "else") ||
        !expr_add_arg(p->arena, e, parse_expr(p, LEVEL_ANY)))
        return NULL;
    e->at = span(p, from);
    return e;
}

static struct expr *parse_tokens(struct parser *p, size_t from)
{
    struct expr *e;
    p->pos++;
    if (parser_accept(p, TOKEN_OPEN_BRACKET)) {
        if (!(e = node(p, FORM_TOKENS_POWER, from)) || !expr_add_arg(p->arena, e, parse_expr(p, LEVEL_ANY)) ||
            !parser_expect(p, TOKEN_CLOSE_BRACKET, "']'") || !parser_expect_word(p, "of") || !expr_add_arg(p->arena, e, parse_set(p)))
            return NULL;
    } else {
        if (!parser_expect(p, TOKEN_OPEN, "'[' or '('") || !(e = node(p, FORM_TOKENS_PRODUCT, from)))
            return NULL;
        do {
            if (!expr_add_arg(p->arena, e, parse_set(p)))
                return NULL;
        } while (parser_accept(p, TOKEN_COMMA));
        if (!parser_expect(p, TOKEN_CLOSE, "',' or ')'"))
            return NULL;
    }
    e->at = span(p, from);
    return e;
}

/* A set or, where sets may stand beside expressions, an expression of the given level. */
static struct expr *parse_range(struct parser *p, int level)
{
    size_t from = parser_peek(p, 0)->at.offset;
    enum token_kind next = parser_peek(p, 1)->kind;
    if (parser_at_word(p, "tokens") && (next == TOKEN_OPEN || next == TOKEN_OPEN_BRACKET))
        return parse_tokens(p, from);
    struct expr *lo = parse_expr(p, level), *e;
    if (!lo || !parser_accept(p, TOKEN_DOTS))
        return lo;
    if (!(e = node(p, FORM_RANGE, from)) || !expr_add_arg(p->arena, e, lo) || !expr_add_arg(p->arena, e, parse_expr(p, LEVEL_ADD)))
        return NULL;
    e->at = span(p, from);
    return e;
}

struct expr *parse_set(struct parser *p)
{
    return parse_range(p, LEVEL_ADD);
}

struct expr *parse_value(struct parser *p)
{
    return parse_range(p, LEVEL_ANY);
}

/* What may follow `=` in an argument, beside an expression or a set. */
static struct expr *parse_operand(struct parser *p)
{
    static const char *const alone[] = {"zero", "live", "frozen"};
    size_t from = parser_peek(p, 0)->at.offset;
    const char *word = NULL;
    struct expr *e;
    bool over = parser_has(p, parser_peek(p, 1), "over");
    enum token_kind next = parser_peek(p, 1)->kind;
    for (size_t i = 0; i < 3; i++)
        if (parser_at_word(p, alone[i]) && (next == TOKEN_COMMA || next == TOKEN_CLOSE))
            word = alone[i];
    if (over && parser_at_word(p, "mean"))
        word = "mean over";
    else if (over && parser_at_word(p, "any"))
        word = "any over";
    else if (parser_at_word(p, "from") && (next == TOKEN_NAME || next == TOKEN_OPEN_BRACE))
        word = "from";
    else if (parser_at_word(p,
            "value") && (next == TOKEN_NAME || next == TOKEN_NUMBER || next == TOKEN_OPEN || next == TOKEN_OPEN_BRACE || next == TOKEN_MINUS))
        word = "value";
    if (!word)
        return parse_range(p, LEVEL_ANY);
    p->pos += over ? 2 : 1;
    if (!(e = node(p, FORM_KEYWORD, from)) || !(e->name = arena_string(p->arena, word, strlen(word))))
        return NULL;
    if (over && !expr_add_arg(p->arena, e, parse_set(p)))
        return NULL;
    if ((strcmp(word, "from") == 0 || strcmp(word, "value") == 0) && !expr_add_arg(p->arena, e, parse_expr(p, LEVEL_ANY)))
        return NULL;
    e->at = span(p, from);
    return e;
}

static struct expr *parse_argument(struct parser *p)
{
    size_t from = parser_peek(p, 0)->at.offset;
    struct expr *left = parse_range(p, LEVEL_ANY), *e;
    if (!left || !parser_accept(p, TOKEN_ASSIGN))
        return left;
    if (!(e = node(p, FORM_ASSIGN, from)) || !expr_add_arg(p->arena, e, left) || !expr_add_arg(p->arena, e, parse_operand(p)))
        return NULL;
    e->at = span(p, from);
    return e;
}

static struct expr *parse_call(struct parser *p, const struct token *name)
{
    struct expr *e = node(p, FORM_CALL, name->at.offset);
    if (!e || !(e->name = arena_string(p->arena, p->report->text + name->at.offset, name->at.length)))
        return NULL;
    if (!parser_accept(p, TOKEN_CLOSE)) {
        do {
            if (!expr_add_arg(p->arena, e, parse_argument(p)))
                return NULL;
        } while (parser_accept(p, TOKEN_COMMA));
        if (!parser_expect(p, TOKEN_CLOSE, "',' or ')'"))
            return NULL;
    }
    e->at = span(p, name->at.offset);
    return e;
}

static struct expr *parse_number(struct parser *p)
{
    const struct token *t = parser_peek(p, 0);
    struct expr *e = NULL;
    mpq_t q;
    mpq_init(q);
    p->pos++;
    if (!number_from_literal(q, p->report->text + t->at.offset, t->at.length))
        parser_error(p, t->at, NULL, "exponents go to 4096", "number out of range");
    else if (!number_fits(q))
        p->arena->too_large = true;
    else
        e = expr_number(p->arena, t->at, q);
    mpq_clear(q);
    return e;
}

static struct expr *parse_name(struct parser *p)
{
    static const char *const not_operands[] = {"not", "then", "else", "where", "in", "and", "or", "forall", "foreach", "prove", "let"};
    const struct token *t = parser_peek(p, 0);
    for (size_t i = 0; i < sizeof not_operands / sizeof *not_operands; i++)
        if (parser_has(p, t, not_operands[i])) {
            parser_expected(p, "an expression", i == 0 ? "put 'not ...' in parentheses here" : NULL);
            return NULL;
        }
    if (parser_accept_word(p, "if"))
        return parse_if(p, t->at.offset);
    if (parser_accept_word(p, "exists"))
        return parse_exists(p, t->at.offset);
    p->pos++;
    if (parser_accept(p, TOKEN_OPEN))
        return parse_call(p, t);
    if (parser_at(p, TOKEN_OPEN_BRACE))
        for (size_t i = 0; i < sizeof quants / sizeof *quants; i++)
            if (parser_has(p, t, quants[i].name)) {
                p->pos++;
                return parse_quant(p, t->at.offset, quants[i].quant);
            }
    bool last = parser_has(p, t, "last");
    struct expr *e = node(p, last ? FORM_LAST : FORM_NAME, t->at.offset);
    if (e && !last && !(e->name = arena_string(p->arena, p->report->text + t->at.offset, t->at.length)))
        return NULL;
    return e;
}

/* ?c: a constant left open, one in a claim. */
static struct expr *parse_constant(struct parser *p)
{
    const struct token *t = parser_peek(p, 0);
    struct claim *c = p->claim;
    struct expr *e = node(p, FORM_NAME, t->at.offset);
    char label[80];
    p->pos++;
    if (!e || !(e->name = arena_string(p->arena, p->report->text + t->at.offset, t->at.length)))
        return NULL;
    if (c && c->open && strcmp(c->open, e->name) != 0) {
        (void)snprintf(label, sizeof label, "'%.60s' is another one", c->open);
        parser_error(p, t->at, label, "give one of them a value, or make two claims", "a claim leaves at most one constant open");
        return NULL;
    }
    if (!c) {
        parser_error(p, t->at, NULL, "make it a parameter of the let: let f(c) = ..., and write f(?c) in the claim", "a constant is left open in claims only");
        return NULL;
    }
    if (!c->open)
        c->open_at = t->at;
    c->open = e->name;
    return e;
}

static struct expr *parse_primary(struct parser *p)
{
    size_t from = parser_peek(p, 0)->at.offset;
    struct expr *e;
    switch (parser_peek(p, 0)->kind) {
    case TOKEN_NUMBER: return parse_number(p);
    case TOKEN_NAME: return parse_name(p);
    case TOKEN_CONSTANT: return parse_constant(p);
    case TOKEN_STRING: {
        char *text = parser_string(p, "a string", NULL);
        if (!text || !(e = node(p, FORM_STRING, from)))
            return NULL;
        e->name = text;
        return e;
    }
    case TOKEN_OPEN_BRACE:
        p->pos++;
        return parse_list(p, from);
    case TOKEN_OPEN:
        p->pos++;
        if (!(e = parse_expr(p, LEVEL_ANY)) || !parser_expect(p, TOKEN_CLOSE, "')'"))
            return NULL;
        e->at = span(p, from);
        return e;
    default:
        parser_expected(p, "an expression", p->pos && p->tokens[p->pos - 1].kind == TOKEN_PERCENT ? "% is the remainder; 90 percent is 9/10" : NULL);
        return NULL;
    }
}

static bool index_ends(const struct parser *p)
{
    return parser_at(p, TOKEN_COMMA) || parser_at(p, TOKEN_CLOSE_BRACKET);
}

static struct expr *parse_index(struct parser *p)
{
    size_t from = parser_peek(p, 0)->at.offset;
    struct expr *lo = NULL, *hi = NULL, *e;
    if (!parser_at(p, TOKEN_DOTS) && !(lo = parse_expr(p, LEVEL_ANY)))
        return NULL;
    if (!parser_accept(p, TOKEN_DOTS))
        return lo;
    if (!index_ends(p) && !(hi = parse_expr(p, LEVEL_ANY)))
        return NULL;
    if (!(e = node(p, FORM_SLICE, from)) || !(e->args = arena_array(p->arena, 2, sizeof *e->args)))
        return NULL;
    e->args[0] = lo;
    e->args[1] = hi;
    e->n_args = 2;
    return e;
}

static struct expr *parse_postfix(struct parser *p)
{
    size_t from = parser_peek(p, 0)->at.offset;
    struct expr *e = parse_primary(p), *outer;
    while (e && (parser_at(p, TOKEN_OPEN_BRACKET) || parser_at(p, TOKEN_DOT))) {
        bool field = parser_accept(p, TOKEN_DOT);
        if (!(outer = node(p, field ? FORM_FIELD : FORM_INDEX, from)) || !expr_add_arg(p->arena, outer, e))
            return NULL;
        if (field) {
            if (!(outer->name = parser_name(p, "q, k or v", NULL)))
                return NULL;
        } else {
            p->pos++;
            do {
                if (!expr_add_arg(p->arena, outer, parse_index(p)))
                    return NULL;
            } while (parser_accept(p, TOKEN_COMMA));
            if (!parser_expect(p, TOKEN_CLOSE_BRACKET, "',' or ']'"))
                return NULL;
        }
        outer->at = span(p, from);
        e = outer;
    }
    return e;
}

static const struct { enum token_kind kind; const char *word; enum oper oper; int level; } operators[] = {
    {TOKEN_IFF, NULL, OPER_IFF, LEVEL_IFF}, {TOKEN_IMPLIES, NULL, OPER_IMPLIES, LEVEL_IMPLIES}, {TOKEN_NAME, "or", OPER_OR, LEVEL_OR},
    {TOKEN_NAME, "and", OPER_AND, LEVEL_AND}, {TOKEN_LT, NULL, OPER_LT, LEVEL_COMPARE}, {TOKEN_LE, NULL, OPER_LE, LEVEL_COMPARE},
    {TOKEN_GT, NULL, OPER_GT, LEVEL_COMPARE}, {TOKEN_GE, NULL, OPER_GE, LEVEL_COMPARE}, {TOKEN_EQ, NULL, OPER_EQ, LEVEL_COMPARE},
    {TOKEN_NE, NULL, OPER_NE, LEVEL_COMPARE}, {TOKEN_PLUS, NULL, OPER_ADD, LEVEL_ADD}, {TOKEN_MINUS, NULL, OPER_SUB, LEVEL_ADD},
    {TOKEN_STAR, NULL, OPER_MUL, LEVEL_MUL}, {TOKEN_SLASH, NULL, OPER_DIV, LEVEL_MUL}, {TOKEN_PERCENT, NULL, OPER_MOD, LEVEL_MUL},
    {TOKEN_AT, NULL, OPER_MATMUL, LEVEL_MUL}, {TOKEN_CARET, NULL, OPER_POW, LEVEL_POW}};

/* The binary operator of this level at hand, or OPER_NONE. */
static enum oper operator_at(const struct parser *p, int level)
{
    const struct token *t = parser_peek(p, 0);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].level == level && operators[i].kind == t->kind && (!operators[i].word || parser_has(p, t, operators[i].word)))
            return operators[i].oper;
    return OPER_NONE;
}

static struct expr *parse_comparison(struct parser *p, struct expr *first, size_t from)
{
    struct expr *e = NULL;
    enum oper oper;
    if (parser_accept_word(p, "in")) {
        if (!(e = node(p, FORM_IN, from)) || !expr_add_arg(p->arena, e, first) || !expr_add_arg(p->arena, e, parse_set(p)))
            return NULL;
    } else {
        if (operator_at(p, LEVEL_COMPARE) == OPER_NONE)
            return first;
        if (!(e = node(p, FORM_COMPARE, from)) || !expr_add_arg(p->arena, e, first))
            return NULL;
        while ((oper = operator_at(p, LEVEL_COMPARE)) != OPER_NONE) {
            enum oper *grown = arena_grow(p->arena, e->opers, e->n_args - 1, sizeof *grown);
            if (!grown)
                return NULL;
            e->opers = grown;
            e->opers[e->n_args - 1] = oper;
            p->pos++;
            if (!expr_add_arg(p->arena, e, parse_level(p, LEVEL_ADD)))
                return NULL;
        }
    }
    e->at = span(p, from);
    return e;
}

/* The left operand of the operators of this level. */
static struct expr *parse_operand_of(struct parser *p, int level, size_t from)
{
    if (level == LEVEL_NOT && parser_accept_word(p, "not")) {
        struct expr *x = parse_expr(p, LEVEL_NOT);
        return expr_unary(p->arena, span(p, from), OPER_NOT, x);
    }
    if (level == LEVEL_NEG && parser_accept(p, TOKEN_MINUS)) {
        struct expr *x = parse_expr(p, LEVEL_NEG);
        return expr_unary(p->arena, span(p, from), OPER_NEG, x);
    }
    return level >= LEVEL_POW ? parse_postfix(p) : parse_level(p, level + 1);
}

static struct expr *parse_level(struct parser *p, int level)
{
    size_t from = parser_peek(p, 0)->at.offset;
    struct expr *e = parse_operand_of(p, level, from);
    enum oper oper;
    if (!e || level == LEVEL_ANY || level == LEVEL_NOT || level == LEVEL_NEG)
        return e;
    if (level == LEVEL_COMPARE)
        return parse_comparison(p, e, from);
    while (e && (oper = operator_at(p, level)) != OPER_NONE) {
        p->pos++;
        bool to_the_right = level == LEVEL_POW || level == LEVEL_IMPLIES;
        struct expr *y = to_the_right ? parse_expr(p, level == LEVEL_POW ? LEVEL_NEG : level) : parse_level(p, level + 1);
        e = expr_binary(p->arena, span(p, from), oper, e, y);
    }
    return e;
}

struct expr *parse_expr(struct parser *p, int level)
{
    struct expr *e = NULL;
    struct place at = parser_peek(p, 0)->at;
    if (++p->depth > PARSE_MAX_DEPTH)
        p->arena->too_deep = true;
    else
        e = parse_level(p, level);
    p->depth--;
    if (p->arena->too_deep && !p->said)
        parser_error(p, at, NULL, "expressions nest at most 200 deep; a sum of many terms is sum{ ... : i in ... }", "expression nested too deep");
    if (p->arena->too_large && !p->said)
        parser_error(p, span(p, at.offset), NULL, "numbers have at most 65,536 bits", "number out of range");
    return e;
}
