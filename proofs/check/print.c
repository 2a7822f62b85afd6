/* Canonical printer (STATEMENT.md §2). */
#include "stmt.h"
#include <string.h>

static int level_of(const struct ex *x) {
    switch (x->kind) {
    case EX_LIT: return mpz_cmp_ui(mpq_denref(x->lit->q), 1) != 0 ? 8 : mpq_sgn(x->lit->q) < 0 ? 9 : 12;
    case EX_IF:
    case EX_EXISTS: return 0;
    case EX_IFF: return 1;
    case EX_IMPLIES: return 2;
    case EX_OR: return 3;
    case EX_AND: return 4;
    case EX_NOT: return 5;
    case EX_CMP:
    case EX_IN: return 6;
    case EX_ADD:
    case EX_SUB: return 7;
    case EX_MUL:
    case EX_DIV:
    case EX_MOD:
    case EX_MATMUL: return 8;
    case EX_NEG: return 9;
    case EX_POW: return 10;
    case EX_INDEX:
    case EX_FIELD: return 11;
    default: return 12;
    }
}

static const char *const cmp_text[] = {" < ", " <= ", " > ", " >= ", " == ", " != "};

static const char *operator_text(enum ex_kind kind) {
    switch (kind) {
    case EX_IFF: return " <=> ";
    case EX_IMPLIES: return " => ";
    case EX_OR: return " or ";
    case EX_AND: return " and ";
    case EX_ADD: return " + ";
    case EX_SUB: return " - ";
    case EX_MUL: return " * ";
    case EX_DIV: return " / ";
    case EX_MOD: return " % ";
    case EX_MATMUL: return " @ ";
    default: return "^";
    }
}

static void print_list(struct buffer *b, struct ex *const *k, int n) {
    for (int i = 0; i < n; i++) {
        if (i > 0) buffer_puts(b, ", ");
        print_ex(b, k[i], 0);
    }
}

static void print_binds(struct buffer *b, const struct binds *x, const struct ex *where) {
    for (int i = 0; i < x->n; i++) {
        if (i > 0) buffer_puts(b, ", ");
        buffer_puts(b, x->b[i].name);
        buffer_puts(b, " in ");
        print_ex(b, x->b[i].set, 0);
    }
    if (where != NULL) {
        buffer_puts(b, " where ");
        print_ex(b, where, 0);
    }
}

static void print_lit(struct buffer *b, const struct num *v) {
    char *s = mem_get(mpz_sizeinbase(mpq_numref(v->q), 10) + mpz_sizeinbase(mpq_denref(v->q), 10) + 4, 1);
    mpq_get_str(s, 10, v->q);
    buffer_puts(b, s);
    mem_free(s);
}

static void print_comprehension(struct buffer *b, const struct ex *x) {
    buffer_puts(b, "{");
    print_ex(b, x->k[0], 0);
    buffer_puts(b, " : ");
    print_binds(b, &x->binds, x->where);
    buffer_puts(b, "}");
}

static void print_index(struct buffer *b, const struct ex *x) {
    print_ex(b, x->k[0], 11);
    buffer_puts(b, "[");
    print_list(b, x->k + 1, x->n - 1);
    buffer_puts(b, "]");
}

static void print_set(struct buffer *b, const struct ex *x) {
    if (x->kind == EX_RANGE || x->kind == EX_SLICE) {
        if (x->k[0] != NULL) print_ex(b, x->k[0], 7);
        buffer_puts(b, "..");
        if (x->k[1] != NULL) print_ex(b, x->k[1], 7);
    } else if (x->kind == EX_TOKENS) {
        char head[40];
        snprintf(head, sizeof head, "tokens[%d] of ", x->number);
        buffer_puts(b, head);
        print_ex(b, x->k[0], 0);
    } else {
        buffer_puts(b, "tokens(");
        print_list(b, x->k, x->n);
        buffer_puts(b, ")");
    }
}

static void print_branching(struct buffer *b, const struct ex *x) {
    if (x->kind == EX_EXISTS) {
        buffer_puts(b, "exists ");
        print_binds(b, &x->binds, x->where);
        buffer_puts(b, " : ");
        print_ex(b, x->k[0], 0);
        return;
    }
    static const char *const words[] = {"if ", " then ", " else "};
    for (int i = 0; i < 3; i++) {
        buffer_puts(b, words[i]);
        print_ex(b, x->k[i], 0);
    }
}

/* Levels that the two operands ask for. */
static void operand_levels(const struct ex *x, int *left, int *right) {
    int level = level_of(x);
    *left = *right = level;
    if (x->kind == EX_POW) *left = 11, *right = 9;
    else if (x->kind == EX_IMPLIES) *left = 3;
    else *right = level + 1;
}

static void print_target(struct buffer *b, const struct ex *x) {
    static const char *const words[] = {"zero", "value ", "from ", "mean over ", "any over "};
    buffer_puts(b, words[x->number]);
    if (x->binds.n > 0) print_ex(b, x->binds.b[0].set, 0);
    else if (x->n > 0) print_ex(b, x->k[0], 0);
}

static void print_inner(struct buffer *b, const struct ex *x) {
    int left, right;
    switch (x->kind) {
    case EX_LIT: print_lit(b, x->lit); return;
    case EX_NAME:
    case EX_VAR:
    case EX_MODEL:
    case EX_DATA:
    case EX_WORD:
    case EX_RESULT:
    case EX_LAST: buffer_puts(b, x->name); return;
    case EX_STRING:
        buffer_puts(b, "\"");
        buffer_puts(b, x->name);
        buffer_puts(b, "\"");
        return;
    case EX_IF:
    case EX_EXISTS: print_branching(b, x); return;
    case EX_NOT:
        buffer_puts(b, "not ");
        print_ex(b, x->k[0], 5);
        return;
    case EX_NEG:
        buffer_puts(b, "-");
        print_ex(b, x->k[0], 9);
        return;
    case EX_CMP:
        for (int i = 0; i < x->n; i++) {
            if (i > 0) buffer_puts(b, cmp_text[x->ops[i - 1]]);
            print_ex(b, x->k[i], 7);
        }
        return;
    case EX_IN:
        print_ex(b, x->k[0], 7);
        buffer_puts(b, " in ");
        print_ex(b, x->k[1], 0);
        return;
    case EX_INDEX: print_index(b, x); return;
    case EX_FIELD:
        print_ex(b, x->k[0], 11);
        buffer_puts(b, ".");
        buffer_puts(b, x->name);
        return;
    case EX_CALL:
        buffer_puts(b, x->name);
        buffer_puts(b, "(");
        print_list(b, x->k, x->n);
        buffer_puts(b, ")");
        return;
    case EX_GIVE:
        print_ex(b, x->k[0], 0);
        buffer_puts(b, " = ");
        print_ex(b, x->k[1], 0);
        return;
    case EX_TARGET: print_target(b, x); return;
    case EX_LIST:
        buffer_puts(b, "{");
        print_list(b, x->k, x->n);
        buffer_puts(b, "}");
        return;
    case EX_QUANT: buffer_puts(b, x->name); print_comprehension(b, x); return;
    case EX_IMAGE: print_comprehension(b, x); return;
    case EX_RANGE:
    case EX_SLICE:
    case EX_TOKENS:
    case EX_PRODUCT: print_set(b, x); return;
    default: break;
    }
    operand_levels(x, &left, &right);
    print_ex(b, x->k[0], left);
    buffer_puts(b, operator_text(x->kind));
    print_ex(b, x->k[1], right);
}

void print_ex(struct buffer *b, const struct ex *x, int level) {
    bool parentheses = level_of(x) < level;
    if (parentheses) buffer_puts(b, "(");
    print_inner(b, x);
    if (parentheses) buffer_puts(b, ")");
}

static void line_binds(struct buffer *b, const char *word, const struct stmt *s) {
    buffer_puts(b, word);
    print_binds(b, &s->binds, s->where);
}

void print_stmt(struct buffer *b, const struct stmt *s) {
    static const char *const bodies[] = {"prove ", "count ", "average ", "minimize ", "maximize ", "list "};
    char number[40];
    buffer_puts(b, "weightproof-statement 1\n");
    for (int i = 0; i < s->n_models; i++) {
        buffer_puts(b, "model ");
        buffer_puts(b, s->models[i].name);
        buffer_puts(b, " ");
        buffer_puts(b, s->models[i].sha256);
        buffer_puts(b, "\n");
    }
    for (int i = 0; i < s->n_data; i++) {
        buffer_puts(b, "data ");
        buffer_puts(b, s->data[i].name);
        buffer_puts(b, " ");
        buffer_puts(b, s->data[i].sha256);
        buffer_puts(b, "\n");
    }
    buffer_puts(b, s->float32 ? "semantics float32\n" : "semantics real\n");
    if (s->body == BODY_PROVE) {
        if (!s->closed) {
            line_binds(b, "forall ", s);
            buffer_puts(b, "\n");
        }
        buffer_puts(b, "prove ");
    } else {
        line_binds(b, bodies[s->body], s);
        buffer_puts(b, " : ");
    }
    print_ex(b, s->subject, 0);
    if (s->has_at_most) {
        snprintf(number, sizeof number, " at most %llu", (unsigned long long)s->at_most);
        buffer_puts(b, number);
    }
    buffer_puts(b, "\n");
    if (s->within != NULL) {
        buffer_puts(b, "within ");
        print_lit(b, s->within);
        buffer_puts(b, "\n");
    }
    if (s->prove != NULL) {
        buffer_puts(b, "prove ");
        print_ex(b, s->prove, 0);
        buffer_puts(b, "\n");
    }
}

bool same_text(const struct ex *a, const struct ex *b) {
    struct buffer x = {0}, y = {0};
    print_ex(&x, a, 0);
    print_ex(&y, b, 0);
    bool same = x.n == y.n && memcmp(x.s, y.s, x.n) == 0;
    buffer_clear(&x);
    buffer_clear(&y);
    return same;
}
