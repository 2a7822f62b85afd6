/* Expression parser (STATEMENT.md §2). */
#include "stmt.h"
#include <string.h>

#define DEEPEST 200 /* levels of nesting; an operator of a chain counts as one */

static struct ex *wrong(struct parser *p, const char *what) {
    fail_at(p->f, 0, "statement: %s near '%.20s'", what, p->t == T_END ? "the end" : p->s);
    return NULL;
}

struct ex *ex_new(struct arena *a, enum ex_kind kind, int n) {
    struct ex *x = arena_get(a, 1, sizeof *x);
    x->kind = kind;
    x->n = n;
    x->k = n > 0 ? arena_get(a, (size_t)n, sizeof *x->k) : NULL;
    return x;
}

struct lit { struct num v; struct lit *next; };

struct num *lit_new(struct arena *a) {
    struct lit *x = arena_get(a, 1, sizeof *x);
    num_init(&x->v);
    x->next = a->lits;
    a->lits = x;
    return &x->v;
}

void lits_clear(struct arena *a) {
    for (struct lit *x = a->lits; x != NULL; x = x->next) num_clear(&x->v);
    a->lits = NULL;
}

static bool is_lit(const struct ex *x) { return x->kind == EX_LIT; }

static struct ex *literal(struct arena *a, mpq_srcptr q) {
    struct ex *x = ex_new(a, EX_LIT, 0);
    x->lit = lit_new(a);
    num_set_mpq(x->lit, q);
    return x;
}

/* LIT ^ LIT: an integer exponent of at most 4096 in size, result of at most a million bits; otherwise it stays an expression */
static bool power(mpq_ptr out, mpq_srcptr base, mpq_srcptr e) {
    if (mpz_cmp_ui(mpq_denref(e), 1) != 0 || mpz_cmpabs_ui(mpq_numref(e), 4096) > 0) return false;
    long n = mpz_get_si(mpq_numref(e));
    unsigned long m = (unsigned long)(n < 0 ? -n : n);
    if (n < 0 && mpq_sgn(base) == 0) return false;
    if ((mpz_sizeinbase(mpq_numref(base), 2) + mpz_sizeinbase(mpq_denref(base), 2)) * m > 1000000) return false;
    mpz_pow_ui(mpq_numref(out), mpq_numref(base), m);
    mpz_pow_ui(mpq_denref(out), mpq_denref(base), m);
    if (n < 0) mpq_inv(out, out);
    return true;
}

struct ex *ex_binary(struct arena *a, enum ex_kind kind, struct ex *l, struct ex *r) {
    if (is_lit(l) && is_lit(r) && (kind == EX_POW || (kind == EX_DIV && mpq_sgn(r->lit->q) != 0))) {
        mpq_t q;
        mpq_init(q);
        bool done = true;
        if (kind == EX_DIV) mpq_div(q, l->lit->q, r->lit->q);
        else done = power(q, l->lit->q, r->lit->q);
        struct ex *x = done ? literal(a, q) : NULL;
        mpq_clear(q);
        if (done) return x;
    }
    struct ex *x = ex_new(a, kind, 2);
    x->k[0] = l;
    x->k[1] = r;
    return x;
}

/* - LIT is a literal */
bool fold_unary(struct arena *a, struct ex *x, struct ex **out) {
    if (!is_lit(x)) return false;
    mpq_t q;
    mpq_init(q);
    mpq_neg(q, x->lit->q);
    *out = literal(a, q);
    mpq_clear(q);
    return true;
}

/* Grows x->k by one. */
static void append(struct parser *p, struct ex *x, struct ex *y) {
    if ((x->n & (x->n - 1)) == 0) {
        struct ex **k = arena_get(p->arena, x->n == 0 ? 1 : 2 * (size_t)x->n, sizeof *k);
        if (x->n > 0) memcpy(k, x->k, (size_t)x->n * sizeof *k);
        x->k = k;
    }
    x->k[x->n++] = y;
}

static bool is_reserved(const struct parser *p) {
    static const char *const words[] = {"if", "then", "else", "exists", "where", "in", "of", "not", "and", "or"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (parser_is(p, words[i])) return true;
    return false;
}

bool parse_binds(struct parser *p, struct binds *out) {
    struct bind b[64];
    int n = 0;
    do {
        if (n == 64 || p->t != T_NAME || is_reserved(p)) return wrong(p, "a variable was expected") != NULL;
        b[n] = (struct bind){.name = arena_text(p->arena, p->s, p->len), .slot = -1};
        parser_next(p);
        if (!parser_want(p, "in") || (b[n].set = parse_set(p)) == NULL) return false;
        n++;
    } while (parser_take(p, ","));
    out->n = n;
    out->b = arena_get(p->arena, (size_t)n, sizeof *b);
    memcpy(out->b, b, (size_t)n * sizeof *b);
    return true;
}

static bool binds_where(struct parser *p, struct ex *x) {
    if (!parse_binds(p, &x->binds)) return false;
    if (parser_take(p, "where") && (x->where = parse_expression(p, 0)) == NULL) return false;
    return true;
}

/* after '{': a list, or a comprehension when a ':' follows the first element */
static struct ex *braces(struct parser *p, enum ex_kind comprehension, bool list_allowed) {
    struct ex *x = ex_new(p->arena, EX_LIST, 0);
    if (list_allowed && parser_take(p, "}")) return x;
    do {
        struct ex *e = parse_expression(p, 0);
        if (e == NULL) return NULL;
        append(p, x, e);
        if (x->n == 1 && parser_take(p, ":")) {
            x->kind = comprehension;
            if (!binds_where(p, x)) return NULL;
            return parser_want(p, "}") ? x : NULL;
        }
    } while (parser_take(p, ","));
    if (!list_allowed) return wrong(p, "':' expected");
    return parser_want(p, "}") ? x : NULL;
}

static struct ex *tokens(struct parser *p) {
    if (parser_take(p, "[")) {
        int64_t n;
        if (p->claims) { /* a claim file may compute the length: k[1] */
            struct ex *x = ex_new(p->arena, EX_TOKENS, 2);
            if ((x->k[1] = parse_expression(p, 0)) == NULL || !parser_want(p, "]") || !parser_want(p, "of")) return NULL;
            return (x->k[0] = parse_set(p)) == NULL ? NULL : x;
        }
        if (p->t != T_NUMBER || !num_int64(p->value, &n) || n < 0 || n > 1000000) return wrong(p, "a length was expected");
        parser_next(p);
        struct ex *x = ex_new(p->arena, EX_TOKENS, 1);
        x->number = (int)n;
        if (!parser_want(p, "]") || !parser_want(p, "of") || (x->k[0] = parse_set(p)) == NULL) return NULL;
        return x;
    }
    struct ex *x = ex_new(p->arena, EX_PRODUCT, 0);
    if (!parser_want(p, "(")) return NULL;
    do {
        struct ex *s = parse_set(p);
        if (s == NULL) return NULL;
        append(p, x, s);
    } while (parser_take(p, ","));
    return parser_want(p, ")") ? x : NULL;
}

struct ex *parse_set(struct parser *p) {
    struct ex *lo = parse_expression(p, 7);
    if (lo == NULL || !parser_take(p, "..")) return lo;
    struct ex *x = ex_new(p->arena, EX_RANGE, 2);
    x->k[0] = lo;
    x->k[1] = parse_expression(p, 7);
    return x->k[1] == NULL ? NULL : x;
}

static struct ex *condition(struct parser *p) {
    struct ex *x = ex_new(p->arena, EX_IF, 3);
    if ((x->k[0] = parse_expression(p, 0)) == NULL || !parser_want(p, "then")) return NULL;
    if ((x->k[1] = parse_expression(p, 0)) == NULL || !parser_want(p, "else")) return NULL;
    return (x->k[2] = parse_expression(p, 0)) == NULL ? NULL : x;
}

static struct ex *existence(struct parser *p) {
    struct ex *x = ex_new(p->arena, EX_EXISTS, 1);
    if (!binds_where(p, x) || !parser_want(p, ":")) return NULL;
    return (x->k[0] = parse_expression(p, 0)) == NULL ? NULL : x;
}

/* zero, value E, from E, mean over SET, any over SET after the = of an argument; NULL without failing when it is none of them */
static struct ex *target(struct parser *p) {
    static const char *const words[] = {"zero", "value", "from", "mean", "any"};
    struct parser next = *p;
    int k = 0;
    if (p->t != T_NAME) return NULL;
    while (k < 5 && !parser_is(p, words[k])) k++;
    if (k == 5) return NULL;
    parser_next(&next);
    bool name = next.t == T_NAME, brace = parser_is(&next, "{");
    bool meant = k == TARGET_ZERO ? parser_is(&next, ",") || parser_is(&next, ")") : k == TARGET_FROM ? name || brace : k >= TARGET_MEAN ? parser_is(&next, "over")
                 : name || brace || next.t == T_NUMBER || parser_is(&next, "(") || parser_is(&next, "-");
    if (!meant) return NULL;
    struct ex *x = ex_new(p->arena, EX_TARGET, k == TARGET_VALUE || k == TARGET_FROM), *set;
    x->number = k;
    parser_next(p);
    if (x->n == 1) x->k[0] = parse_expression(p, 0);
    if (k < TARGET_MEAN) return x;
    parser_next(p);
    if ((set = parse_set(p)) == NULL) return x;
    x->binds = (struct binds){.b = arena_get(p->arena, 1, sizeof(struct bind)), .n = 1};
    x->binds.b[0] = (struct bind){.name = arena_text(p->arena, "", 0), .slot = -1, .set = set};
    return x;
}

static struct ex *call(struct parser *p, char *name) {
    struct ex *x = ex_new(p->arena, EX_CALL, 0);
    x->name = name;
    if (parser_take(p, ")")) return x;
    do {
        struct ex *e = parse_expression(p, 0);
        if (e == NULL) return NULL;
        if (parser_take(p, "=")) {
            struct ex *give = ex_new(p->arena, EX_GIVE, 2);
            give->k[0] = e;
            give->k[1] = target(p);
            if (p->f->set || (give->k[1] == NULL && (give->k[1] = parse_expression(p, 0)) == NULL)) return NULL;
            e = give;
        }
        append(p, x, e);
    } while (parser_take(p, ","));
    return parser_want(p, ")") ? x : NULL;
}

static int quantifier(const char *name) {
    static const char *const names[] = {"max", "min", "sum", "mean", "argmax", "argmin", "count", "all", "any"};
    for (int i = 0; i < 9; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

static struct ex *named(struct parser *p) {
    if (parser_take(p, "if")) return condition(p);
    if (parser_take(p, "exists")) return existence(p);
    if (parser_is(p, "tokens")) {
        parser_next(p);
        return tokens(p);
    }
    if (is_reserved(p)) return wrong(p, "an expression was expected");
    char *name = arena_text(p->arena, p->s, p->len);
    parser_next(p);
    if (parser_take(p, "(")) return call(p, name);
    if (quantifier(name) >= 0 && parser_take(p, "{")) {
        struct ex *x = braces(p, EX_QUANT, false);
        if (x != NULL) x->number = quantifier(name);
        if (x != NULL) x->name = name;
        return x;
    }
    struct ex *x = ex_new(p->arena, EX_NAME, 0);
    x->name = name;
    return x;
}

static struct ex *primary(struct parser *p) {
    struct ex *x = NULL;
    if (p->t == T_NUMBER) {
        x = ex_new(p->arena, EX_LIT, 0);
        x->lit = p->value;
        parser_next(p);
    } else if (p->t == T_STRING) {
        x = ex_new(p->arena, EX_STRING, 0);
        x->name = arena_text(p->arena, p->s + 1, p->len - 2);
        parser_next(p);
    } else if (p->t == T_NAME) return named(p);
    else if (parser_take(p, "(")) {
        x = parse_expression(p, 0);
        if (x == NULL || !parser_want(p, ")")) return NULL;
    } else if (parser_take(p, "{")) return braces(p, EX_IMAGE, true);
    else return wrong(p, "an expression was expected");
    return x;
}

static struct ex *index_item(struct parser *p) {
    struct ex *lo = NULL;
    if (!parser_is(p, "..")) {
        lo = parse_expression(p, 0);
        if (lo == NULL || !parser_is(p, "..")) return lo;
    }
    parser_next(p);
    struct ex *x = ex_new(p->arena, EX_SLICE, 2);
    x->k[0] = lo;
    if (parser_is(p, "]") || parser_is(p, ",")) return x;
    return (x->k[1] = parse_expression(p, 0)) == NULL ? NULL : x;
}

/* what a head reads: .q, .k, .v */
static struct ex *field(struct parser *p, struct ex *of) {
    if (!parser_is(p, "q") && !parser_is(p, "k") && !parser_is(p, "v")) return wrong(p, "q, k or v was expected");
    struct ex *x = ex_new(p->arena, EX_FIELD, 1);
    x->k[0] = of;
    x->name = arena_text(p->arena, p->s, p->len);
    parser_next(p);
    return x;
}

static struct ex *postfix(struct parser *p) {
    struct ex *x = primary(p);
    int depth = 0;
    while (x != NULL && (parser_is(p, "[") || parser_is(p, "."))) {
        if (++depth > DEEPEST) return wrong(p, "nested too deeply");
        if (parser_take(p, ".")) {
            if ((x = field(p, x)) == NULL) return NULL;
            continue;
        }
        parser_next(p);
        struct ex *y = ex_new(p->arena, EX_INDEX, 0);
        append(p, y, x);
        do {
            struct ex *i = index_item(p);
            if (i == NULL) return NULL;
            append(p, y, i);
        } while (parser_take(p, ","));
        if (!parser_want(p, "]")) return NULL;
        x = y;
    }
    return x;
}

static int cmp_operator(const struct parser *p) {
    static const char *const names[] = {"<", "<=", ">", ">=", "==", "!="};
    for (int i = 0; i < 6; i++)
        if (p->t == T_SYMBOL && parser_is(p, names[i])) return i;
    return -1;
}

static struct ex *comparison(struct parser *p, struct ex *left) {
    if (parser_take(p, "in")) {
        struct ex *x = ex_new(p->arena, EX_IN, 2);
        x->k[0] = left;
        return (x->k[1] = parse_set(p)) == NULL ? NULL : x;
    }
    int op = cmp_operator(p);
    if (op < 0) return left;
    struct ex *x = ex_new(p->arena, EX_CMP, 0);
    unsigned char ops[64];
    append(p, x, left);
    for (; op >= 0; op = cmp_operator(p)) {
        if (x->n == 64) return wrong(p, "chain too long");
        ops[x->n - 1] = (unsigned char)op;
        parser_next(p);
        struct ex *right = parse_expression(p, 7);
        if (right == NULL) return NULL;
        append(p, x, right);
    }
    x->ops = arena_get(p->arena, (size_t)x->n, 1);
    memcpy(x->ops, ops, (size_t)x->n - 1);
    return x;
}

static enum ex_kind binary_operator(const struct parser *p, int level) {
    static const struct { const char *text; int level; enum ex_kind kind; } table[] = {
        {"<=>", 1, EX_IFF}, {"=>", 2, EX_IMPLIES}, {"or", 3, EX_OR}, {"and", 4, EX_AND}, {"+", 7, EX_ADD}, {"-", 7, EX_SUB},
        {"*", 8, EX_MUL}, {"/", 8, EX_DIV}, {"%", 8, EX_MOD}, {"@", 8, EX_MATMUL}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].level == level && parser_is(p, table[i].text)) return table[i].kind;
    return EX_LIT;
}

static struct ex *prefix(struct parser *p, enum ex_kind kind, int level) {
    struct ex *y = parse_expression(p, level), *x;
    if (y == NULL) return NULL;
    if (kind == EX_NEG && fold_unary(p->arena, y, &x)) return x;
    x = ex_new(p->arena, kind, 1);
    x->k[0] = y;
    return x;
}

static struct ex *at_level(struct parser *p, int level) {
    if (level <= 5 && parser_is(p, "not")) {
        if (level < 5) goto binary;
        parser_next(p);
        return prefix(p, EX_NOT, 5);
    }
    if (level == 9) {
        if (parser_take(p, "-")) return prefix(p, EX_NEG, 9);
        struct ex *x = postfix(p);
        if (x == NULL || !parser_take(p, "^")) return x;
        struct ex *e = parse_expression(p, 9);
        return e == NULL ? NULL : ex_binary(p->arena, EX_POW, x, e);
    }
    if (level == 5 || level == 6) {
        struct ex *x = parse_expression(p, 7);
        return x == NULL ? NULL : comparison(p, x);
    }
binary:;
    struct ex *x = parse_expression(p, level + 1);
    enum ex_kind kind;
    int chain = 0;
    while (x != NULL && (kind = binary_operator(p, level)) != EX_LIT) {
        if (++chain > DEEPEST) return wrong(p, "nested too deeply");
        parser_next(p);
        struct ex *y = parse_expression(p, level == 2 ? 2 : level + 1);
        x = y == NULL ? NULL : ex_binary(p->arena, kind, x, y);
    }
    return x;
}

/* Levels of STATEMENT.md §2; 0 is handled by the words if and exists, which may start any operand. */
struct ex *parse_expression(struct parser *p, int level) {
    if (p->depth > 12 * DEEPEST) return wrong(p, "nested too deeply");
    p->depth++;
    struct ex *x = p->f->set ? NULL : at_level(p, level == 0 ? 1 : level);
    p->depth--;
    if (x != NULL && x->kind == EX_LIT && mpz_sizeinbase(mpq_numref(x->lit->q), 2) > 65536) return wrong(p, "number too large");
    if (x != NULL && x->kind == EX_LIT && mpz_sizeinbase(mpq_denref(x->lit->q), 2) > 65536) return wrong(p, "number too large");
    return x;
}
