/* Canonical text of expressions: STATEMENT.md §2. */
#include "core/number.h"
#include "verify/ast.h"

enum { LEVEL_ANY = 0, LEVEL_IFF = 1, LEVEL_IMPLIES = 2, LEVEL_OR = 3, LEVEL_AND = 4, LEVEL_NOT = 5, LEVEL_COMPARE = 6, LEVEL_ADD = 7, LEVEL_MUL = 8,
    LEVEL_NEG = 9, LEVEL_POW = 10, LEVEL_POSTFIX = 11, LEVEL_PRIMARY = 12 };

/* Of an operator: its text, its level, and the levels its operands ask for. */
static const struct { const char *text; int level, left, right; } operators[] = {
    [OPER_NEG] = {"-", LEVEL_NEG, 0, LEVEL_NEG}, [OPER_NOT] = {"not ", LEVEL_NOT, 0, LEVEL_NOT},
    [OPER_ADD] = {" + ", LEVEL_ADD, LEVEL_ADD, LEVEL_MUL}, [OPER_SUB] = {" - ", LEVEL_ADD, LEVEL_ADD, LEVEL_MUL},
    [OPER_MUL] = {" * ", LEVEL_MUL, LEVEL_MUL, LEVEL_NEG}, [OPER_DIV] = {" / ", LEVEL_MUL, LEVEL_MUL, LEVEL_NEG},
    [OPER_MOD] = {" % ", LEVEL_MUL, LEVEL_MUL, LEVEL_NEG}, [OPER_MATMUL] = {" @ ", LEVEL_MUL, LEVEL_MUL, LEVEL_NEG},
    [OPER_POW] = {"^", LEVEL_POW, LEVEL_POSTFIX, LEVEL_NEG}, [OPER_AND] = {" and ", LEVEL_AND, LEVEL_AND, LEVEL_NOT},
    [OPER_OR] = {" or ", LEVEL_OR, LEVEL_OR, LEVEL_AND}, [OPER_IMPLIES] = {" => ", LEVEL_IMPLIES, LEVEL_OR, LEVEL_IMPLIES},
    [OPER_IFF] = {" <=> ", LEVEL_IFF, LEVEL_IFF, LEVEL_IMPLIES}, [OPER_LT] = {" < ", LEVEL_COMPARE, LEVEL_ADD, LEVEL_ADD},
    [OPER_LE] = {" <= ", LEVEL_COMPARE, LEVEL_ADD, LEVEL_ADD}, [OPER_GT] = {" > ", LEVEL_COMPARE, LEVEL_ADD, LEVEL_ADD},
    [OPER_GE] = {" >= ", LEVEL_COMPARE, LEVEL_ADD, LEVEL_ADD}, [OPER_EQ] = {" == ", LEVEL_COMPARE, LEVEL_ADD, LEVEL_ADD},
    [OPER_NE] = {" != ", LEVEL_COMPARE, LEVEL_ADD, LEVEL_ADD}};
static const char *const quant_names[] = {[QUANT_MAX] = "max", [QUANT_MIN] = "min", [QUANT_SUM] = "sum", [QUANT_MEAN] = "mean", [QUANT_ARGMAX] = "argmax",
    [QUANT_ARGMIN] = "argmin", [QUANT_COUNT] = "count", [QUANT_ALL] = "all", [QUANT_ANY] = "any", [QUANT_EXISTS] = "exists"};

const char *oper_text(enum oper o) { return operators[o].text; }

static int level_of(const struct expr *e)
{
    switch (e->form) {
    case FORM_NUMBER: return mpz_cmp_ui(mpq_denref(e->number), 1) != 0 ? LEVEL_MUL : mpq_sgn(e->number) < 0 ? LEVEL_NEG : LEVEL_PRIMARY;
    case FORM_UNARY: case FORM_BINARY: return operators[e->oper].level;
    case FORM_COMPARE: case FORM_IN: return LEVEL_COMPARE;
    case FORM_IF: return LEVEL_ANY;
    case FORM_QUANT: return e->quant == QUANT_EXISTS ? LEVEL_ANY : LEVEL_PRIMARY;
    case FORM_INDEX: case FORM_FIELD: return LEVEL_POSTFIX;
    default: return LEVEL_PRIMARY;
    }
}

static void print_at(struct text *out, const struct expr *e, int level)
{
    bool parens = level_of(e) < level;
    if (parens)
        text_add(out, "(");
    expr_print(out, e);
    if (parens)
        text_add(out, ")");
}

static void print_list(struct text *out, struct expr *const *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            text_add(out, ", ");
        print_at(out, args[i], LEVEL_ANY);
    }
}

void binds_print(struct text *out, const struct binds *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (i)
            text_add(out, ", ");
        text_add(out, b->items[i].name);
        text_add(out, " in ");
        print_at(out, b->items[i].set, LEVEL_ADD);
    }
}

static void print_binders(struct text *out, const struct expr *e)
{
    binds_print(out, &e->binds);
    if (e->where) {
        text_add(out, " where ");
        print_at(out, e->where, LEVEL_ANY);
    }
}

static void print_quant(struct text *out, const struct expr *e)
{
    if (e->form == FORM_QUANT)
        text_add(out, quant_names[e->quant]);
    if (e->form == FORM_QUANT && e->quant == QUANT_EXISTS) {
        text_add(out, " ");
        print_binders(out, e);
        text_add(out, " : ");
        print_at(out, e->args[0], LEVEL_ANY);
        return;
    }
    text_add(out, "{");
    print_at(out, e->args[0], LEVEL_ANY);
    text_add(out, " : ");
    print_binders(out, e);
    text_add(out, "}");
}

static void print_string(struct text *out, const char *s)
{
    text_add(out, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_add(out, "\\");
        text_add_n(out, s, 1);
    }
    text_add(out, "\"");
}

static void print_operators(struct text *out, const struct expr *e)
{
    if (e->form == FORM_UNARY) {
        text_add(out, operators[e->oper].text);
        print_at(out, e->args[0], operators[e->oper].right);
        return;
    }
    print_at(out, e->args[0], operators[e->form == FORM_COMPARE ? e->opers[0] : e->oper].left);
    for (size_t i = 1; i < e->n_args; i++) {
        enum oper oper = e->form == FORM_COMPARE ? e->opers[i - 1] : e->oper;
        text_add(out, operators[oper].text);
        print_at(out, e->args[i], operators[oper].right);
    }
}

static void print_between(struct text *out, const struct expr *e)
{
    if (e->args[0])
        print_at(out, e->args[0], LEVEL_ADD);
    text_add(out, "..");
    if (e->args[1])
        print_at(out, e->args[1], LEVEL_ADD);
}

static void print_call(struct text *out, const struct expr *e)
{
    text_add(out, e->function < FUNCTION_COUNT ? function_table[e->function].name : e->name);
    text_add(out, "(");
    print_list(out, e->args, e->n_args);
    text_add(out, ")");
}

static void print_keyword(struct text *out, const struct expr *e)
{
    text_add(out, e->name);
    if (e->n_args) {
        text_add(out, " ");
        print_at(out, e->args[0], LEVEL_ANY);
    }
}

static void print_if(struct text *out, const struct expr *e)
{
    static const char *const words[] = {"if ", " then ", " else "};
    for (size_t i = 0; i < 3; i++) {
        text_add(out, words[i]);
        print_at(out, e->args[i], LEVEL_ANY);
    }
}

static void print_bracketed(struct text *out, const struct expr *e)
{
    if (e->form == FORM_INDEX) {
        print_at(out, e->args[0], LEVEL_POSTFIX);
        text_add(out, "[");
        print_list(out, e->args + 1, e->n_args - 1);
        text_add(out, "]");
    } else if (e->form == FORM_TOKENS_POWER) {
        text_add(out, "tokens[");
        print_at(out, e->args[0], LEVEL_ANY);
        text_add(out, "] of ");
        print_at(out, e->args[1], LEVEL_ADD);
    } else {
        text_add(out, e->form == FORM_LIST ? "{" : "tokens(");
        print_list(out, e->args, e->n_args);
        text_add(out, e->form == FORM_LIST ? "}" : ")");
    }
}

void expr_print(struct text *out, const struct expr *e)
{
    switch (e->form) {
    case FORM_NUMBER: number_add_text(out, e->number); break;
    case FORM_STRING: print_string(out, e->name); break;
    case FORM_NAME: text_add(out, e->name); break;
    case FORM_LAST: text_add(out, "last"); break;
    case FORM_UNARY: case FORM_BINARY: case FORM_COMPARE: print_operators(out, e); break;
    case FORM_IN:
        print_at(out, e->args[0], LEVEL_ADD);
        text_add(out, " in ");
        print_at(out, e->args[1], LEVEL_ADD);
        break;
    case FORM_IF: print_if(out, e); break;
    case FORM_QUANT: case FORM_IMAGE: print_quant(out, e); break;
    case FORM_CALL: case FORM_SET_CALL: print_call(out, e); break;
    case FORM_INDEX: case FORM_TOKENS_POWER: case FORM_TOKENS_PRODUCT: case FORM_LIST: print_bracketed(out, e); break;
    case FORM_SLICE: case FORM_RANGE: print_between(out, e); break;
    case FORM_FIELD:
        print_at(out, e->args[0], LEVEL_POSTFIX);
        text_add(out, ".");
        text_add(out, e->name);
        break;
    case FORM_ASSIGN:
        print_at(out, e->args[0], LEVEL_ANY);
        text_add(out, " = ");
        print_at(out, e->args[1], LEVEL_ANY);
        break;
    case FORM_KEYWORD: print_keyword(out, e); break;
    }
}
