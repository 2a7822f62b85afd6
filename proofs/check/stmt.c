#include "stmt.h"
#include <string.h>

static const struct { const char *name; int least, most; } functions[FN_NUMBER] = {
    [FN_LOGITS] = {"logits", 2, 2}, [FN_OUTPUT] = {"output", 2, 2}, [FN_ATTN] = {"attn", 4, 4}, [FN_SCORE] = {"score", 4, 4}, [FN_HEAD_OUT] = {"head_out", 4, 4},
    [FN_RESID_PRE] = {"resid_pre", 3, 3}, [FN_RESID_MID] = {"resid_mid", 3, 3}, [FN_RESID_POST] = {"resid_post", 3, 3},
    [FN_MLP_PRE] = {"mlp_pre", 3, 3}, [FN_MLP_POST] = {"mlp_post", 3, 3}, [FN_NODE] = {"node", 3, 3}, [FN_W] = {"W", 2, 2}, [FN_QK] = {"QK", 3, 3},
    [FN_OV] = {"OV", 3, 3}, [FN_PATCH] = {"patch", 2, 1000}, [FN_ABLATE] = {"ablate", 3, 4}, [FN_HEAD] = {"head", 2, 2}, [FN_MLP] = {"mlp", 1, 1}, [FN_NEURON] = {"neuron", 2, 2},
    [FN_EDGE] = {"edge", 2, 2}, [FN_REPLACE] = {"replace", 2, 1000}, [FN_STEER] = {"steer", 4, 5}, [FN_BLEND] = {"blend", 3, 3}, [FN_BIAS] = {"bias", 1, 1}, [FN_ARGMAX] = {"argmax", 1, 1},
    [FN_ARGMIN] = {"argmin", 1, 1}, [FN_ARGMAXES] = {"argmaxes", 1, 1}, [FN_MAX] = {"max", 1, 1000}, [FN_MIN] = {"min", 1, 1000},
    [FN_SUM] = {"sum", 1, 1}, [FN_MEAN] = {"mean", 1, 1}, [FN_ABS] = {"abs", 1, 1}, [FN_DIST] = {"dist", 3, 3}, [FN_NORM] = {"norm", 2, 2},
    [FN_SORT] = {"sort", 1, 1}, [FN_DISTINCT] = {"distinct", 1, 1}, [FN_CONTAINS] = {"contains", 2, 2}, [FN_LEN] = {"len", 1, 1}, [FN_FOLD] = {"fold", 3, 3},
    [FN_SEQ] = {"seq", 1, 1000}, [FN_ONEHOT] = {"onehot", 2, 2}, [FN_TRANSPOSE] = {"transpose", 1, 1}, [FN_DIAG] = {"diag", 1, 1},
    [FN_DOT] = {"dot", 2, 2}, [FN_MEAN_ROWS] = {"mean_rows", 1, 1}, [FN_EXP] = {"exp", 1, 1}, [FN_SQRT] = {"sqrt", 1, 1}, [FN_SOFTMAX] = {"softmax", 1, 1},
    [FN_LOG] = {"log", 1, 1}, [FN_COS] = {"cos", 1, 1}, [FN_SIN] = {"sin", 1, 1}, [FN_PI] = {"pi", 0, 0}, [FN_LOGSOFTMAX] = {"logsoftmax", 1, 1}, [FN_FOURIER] = {"fourier", 1, 1},
    [FN_ANTISYMMETRIC] = {"antisymmetric", 2, 3}, [FN_GRAM] = {"gram", 1, 2}, [FN_HOSVD] = {"hosvd", 1, 2}, [FN_SINGULAR_VALUES] = {"singular_values", 1, 1}, [FN_EFFECTIVE_RANK] = {"effective_rank", 1, 1},
    [FN_RADIUS] = {"radius", 2, 5}, [FN_FORM] = {"form", 2, 3},
    [FN_EIGENVALUES] = {"eigenvalues", 1, 1}, [FN_INERTIA] = {"inertia", 1, 1}, [FN_RANK] = {"rank", 1, 1}, [FN_EIGENVECTOR] = {"eigenvector", 2, 2}, [FN_TRUNCATE] = {"truncate", 2, 3}, [FN_ROWS] = {"rows", 1, 1}, [FN_BALL] = {"ball", 3, 3}, [FN_BOX] = {"box", 2, 2},
    [FN_INTERVAL] = {"interval", 2, 2}, [FN_REALS] = {"reals", 1, 1}, [FN_ORTHANT] = {"orthant", 1, 1}, [FN_CONE] = {"cone", 1, 1000},
    [FN_DISTANCE] = {"distance", 3, 3}, [FN_FLIP] = {"flip", 3, 3}, [FN_CHANGES] = {"changes", 3, 3}};

const char *fn_name(enum fn f) { return functions[f].name; }

static bool resolve_name(struct scope *c, struct ex *x) {
    static const char *const results[] = {"number", "total", "fraction", "value"};
    static const char *const words[] = {"embed", "pos_embed", "unembed", "inf", "l2", "all", "linf"};
    for (int i = c->n - 1; i >= 0; i--)
        if (strcmp(c->bound[i]->name, x->name) == 0) {
            x->kind = EX_VAR;
            x->number = c->bound[i]->slot;
            return true;
        }
    for (int i = 0; i < c->s->n_models; i++)
        if (strcmp(c->s->models[i].name, x->name) == 0) {
            x->kind = EX_MODEL;
            x->number = i;
            return true;
        }
    for (int i = 0; i < c->s->n_data; i++)
        if (strcmp(c->s->data[i].name, x->name) == 0) {
            x->kind = EX_DATA;
            x->number = i;
            return true;
        }
    if (strcmp(x->name, "last") == 0) {
        x->kind = EX_LAST;
        return true;
    }
    for (int i = 0; c->results && i < 4; i++)
        if (strcmp(results[i], x->name) == 0 && (c->s->body == BODY_COUNT) == (i < 3)) {
            x->kind = EX_RESULT;
            x->number = i;
            return true;
        }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], x->name) == 0) {
            x->kind = EX_WORD;
            return true;
        }
    return fail_at(c->f, 0, "statement: unknown name %.60s", x->name);
}

/* Names that no variable and no model may have (STATEMENT.md §2). */
static bool is_word(const char *name) {
    static const char *const words[] = {"max", "min", "sum", "mean", "argmax", "argmin", "count", "all", "any", "embed", "pos_embed", "unembed", "head", "mlp", "neuron",
                                        "bias", "edge", "if", "then", "else", "exists", "where", "in", "not", "and", "or", "forall", "last", "inf", "number", "total", "fraction",
                                        "value", "tokens", "at", "most", "within", "prove"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], name) == 0) return true;
    for (int i = 0; i < FN_NUMBER; i++)
        if (strcmp(functions[i].name, name) == 0) return true;
    return false;
}

static bool name_free(struct scope *c, const char *name) {
    bool taken = is_word(name);
    for (int i = 0; i < c->n; i++) taken = taken || strcmp(c->bound[i]->name, name) == 0;
    for (int i = 0; i < c->s->n_models; i++) taken = taken || strcmp(c->s->models[i].name, name) == 0;
    for (int i = 0; i < c->s->n_data; i++) taken = taken || strcmp(c->s->data[i].name, name) == 0;
    return !taken ? true : fail_at(c->f, 0, "statement: %.60s cannot name a variable here", name);
}

bool resolve_binds(struct scope *c, struct binds *b) {
    for (int i = 0; i < b->n; i++) {
        if (!resolve(c, b->b[i].set) || !name_free(c, b->b[i].name)) return false;
        if (c->n == 64) return fail_at(c->f, 0, "statement: too many variables");
        b->b[i].slot = c->s->n_slots++;
        c->bound[c->n++] = &b->b[i];
    }
    return true;
}

/* drop, keep and to are no variables before the = of an argument. */
bool is_ablate_key(const struct ex *x) {
    return x->kind == EX_NAME && (strcmp(x->name, "drop") == 0 || strcmp(x->name, "keep") == 0 || strcmp(x->name, "to") == 0);
}

/* ln = frozen */
bool is_frozen_pair(const struct ex *x) {
    bool words = x->kind == EX_GIVE && x->k[0]->kind == EX_NAME && x->k[1]->kind == EX_NAME;
    return words && strcmp(x->k[0]->name, "ln") == 0 && strcmp(x->k[1]->name, "frozen") == 0;
}

static bool resolve_call(struct scope *c, struct ex *x) {
    int f = 0;
    while (f < FN_NUMBER && strcmp(functions[f].name, x->name) != 0) f++;
    if (f == FN_NUMBER) return fail_at(c->f, 0, "statement: no rule for function %.60s", x->name);
    if (x->n < functions[f].least || x->n > functions[f].most) return fail_at(c->f, 0, "statement: wrong number of arguments of %s", x->name);
    x->number = f;
    for (int i = 1; f == FN_ABLATE && i < x->n; i++)
        if (x->k[i]->kind == EX_GIVE && is_ablate_key(x->k[i]->k[0])) x->k[i]->k[0]->kind = EX_WORD;
    bool norms = f == FN_ABLATE || f == FN_PATCH || f == FN_STEER || f == FN_REPLACE;
    if (norms && x->n > 2 && is_frozen_pair(x->k[x->n - 1])) { /* the last argument */
        x->k[x->n - 1]->k[0]->kind = x->k[x->n - 1]->k[1]->kind = EX_WORD;
        x->frozen = true;
    }
    if (f == FN_STEER && (x->n == 5) != x->frozen) return fail_at(c->f, 0, "statement: wrong number of arguments of steer");
    if (f == FN_BIAS) c->s->names_bias = true;
    return true;
}

/* Depth is bounded by the parser's. */
bool resolve(struct scope *c, struct ex *x) {
    int bound = c->n;
    if (x->kind == EX_NAME) {
        if (!resolve_name(c, x)) return false;
        x->constant = x->kind == EX_MODEL || x->kind == EX_DATA || x->kind == EX_WORD;
        x->depth = 1;
        return true;
    }
    if (x->kind == EX_CALL && !resolve_call(c, x)) return false;
    if (x->binds.n > 0 && !resolve_binds(c, &x->binds)) return false;
    if (x->where != NULL && !resolve(c, x->where)) return false;
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL && !resolve(c, x->k[i])) return false;
    x->depth = x->where != NULL ? x->where->depth : 0;
    for (int i = 0; i < x->n; i++) x->depth = x->k[i] != NULL && x->k[i]->depth > x->depth ? x->k[i]->depth : x->depth;
    for (int i = 0; i < x->binds.n; i++) x->depth = x->binds.b[i].set->depth > x->depth ? x->binds.b[i].set->depth : x->depth;
    if (++x->depth > 201) return fail_at(c->f, 0, "statement: nested too deeply");
    x->constant = x->binds.n == 0;
    x->network = (x->kind == EX_CALL && (x->number <= FN_NODE || x->number == FN_RADIUS)) || (x->where != NULL && x->where->network);
    for (int i = 0; i < x->n; i++) x->network = x->network || (x->k[i] != NULL && x->k[i]->network);
    for (int i = 0; i < x->binds.n; i++) x->network = x->network || x->binds.b[i].set->network;
    for (int i = 0; i < x->n; i++) x->constant = x->constant && (x->k[i] == NULL || x->k[i]->constant);
    c->n = bound;
    return true;
}

/* One line of the text at a time. */
struct lines { const char *at, *end; struct fail *f; };

static bool line_starts(const struct lines *l, const char *word) {
    size_t n = strlen(word);
    return (size_t)(l->end - l->at) > n && memcmp(l->at, word, n) == 0;
}

/* Sets the parser to the rest of the line after word, which the line must start with. */
static bool line_parser(struct lines *l, const char *word, struct stmt *s, struct parser *p) {
    if (!line_starts(l, word)) return fail_at(l->f, 0, "statement: line '%s' expected", word);
    const char *nl = memchr(l->at, '\n', (size_t)(l->end - l->at));
    if (nl == NULL) return fail_at(l->f, 0, "statement: no newline at the end");
    *p = (struct parser){.at = l->at + strlen(word), .end = nl, .arena = &s->arena, .f = l->f};
    l->at = nl + 1;
    parser_next(p);
    return !l->f->set;
}

static bool done(struct parser *p) { return p->t == T_END && !p->f->set ? true : fail_at(p->f, 0, "statement: unexpected '%.20s'", p->t == T_END ? "" : p->s); }

/* "model NAME SHA256" or "data NAME SHA256" */
static bool read_named(struct lines *l, struct stmt *s, const char *word, char **name, char sha256[65]) {
    struct parser p;
    if (!line_parser(l, word, s, &p)) return false;
    if (p.t != T_NAME) return fail_at(l->f, 0, "statement: %sname expected", word);
    *name = arena_text(&s->arena, p.s, p.len);
    if (p.end - p.at != 65 || !is_sha256(p.at + 1, 64)) return fail_at(l->f, 0, "statement: %shash expected", word);
    memcpy(sha256, p.at + 1, 64);
    if (is_word(*name)) return fail_at(l->f, 0, "statement: %.60s cannot name a %s", *name, word);
    for (int i = 0; i < s->n_models; i++)
        if (strcmp(s->models[i].name, *name) == 0) return fail_at(l->f, 0, "statement: model named twice");
    for (int i = 0; i < s->n_data; i++)
        if (strcmp(s->data[i].name, *name) == 0) return fail_at(l->f, 0, "statement: data named twice");
    return true;
}

static bool read_models(struct lines *l, struct stmt *s) {
    s->models = arena_get(&s->arena, 64, sizeof *s->models);
    s->data = arena_get(&s->arena, 64, sizeof *s->data);
    while (line_starts(l, "model ")) {
        if (s->n_models == 64) return fail_at(l->f, 0, "statement: too many models");
        struct model_name *x = &s->models[s->n_models];
        if (!read_named(l, s, "model ", &x->name, x->sha256)) return false;
        s->n_models++;
    }
    while (line_starts(l, "data ")) {
        if (s->n_data == 64) return fail_at(l->f, 0, "statement: too many data arrays");
        struct data_name *x = &s->data[s->n_data];
        if (!read_named(l, s, "data ", &x->name, x->sha256)) return false;
        s->n_data++;
    }
    return true;
}

static bool at_most(struct parser *p, struct stmt *s) {
    if (s->body != BODY_LIST || !parser_take(p, "at")) return true;
    int64_t v;
    if (!parser_want(p, "most")) return false;
    if (p->t != T_NUMBER || !num_int64(p->value, &v)) return fail_at(p->f, 0, "statement: 'at most' needs an integer");
    s->has_at_most = true;
    s->at_most = (uint64_t)v;
    parser_next(p);
    return true;
}

static bool read_body(struct lines *l, struct stmt *s) {
    static const char *const bodies[] = {"", "count ", "average ", "minimize ", "maximize ", "list "};
    struct scope scope = {.s = s, .f = l->f};
    struct parser p;
    s->body = BODY_PROVE;
    for (int i = BODY_COUNT; i <= BODY_LIST; i++)
        if (line_starts(l, bodies[i])) s->body = (enum body)i;
    s->closed = s->body == BODY_PROVE && !line_starts(l, "forall ");
    if (!s->closed) {
        if (!line_parser(l, s->body == BODY_PROVE ? "forall " : bodies[s->body], s, &p) || !parse_binds(&p, &s->binds)) return false;
        if (parser_take(&p, "where") && (s->where = parse_expression(&p, 0)) == NULL) return false;
        if (!resolve_binds(&scope, &s->binds) || (s->where != NULL && !resolve(&scope, s->where))) return false;
    }
    if (s->body == BODY_PROVE) {
        if (!s->closed && !done(&p)) return false;
        if (!line_parser(l, "prove ", s, &p)) return false;
    } else if (!parser_want(&p, ":")) return false;
    if ((s->subject = parse_expression(&p, 0)) == NULL) return false;
    return at_most(&p, s) && done(&p) && resolve(&scope, s->subject);
}

static bool read_rest(struct lines *l, struct stmt *s) {
    struct parser p;
    bool optional = s->body != BODY_PROVE && s->body != BODY_LIST;
    if (optional && line_starts(l, "within ")) {
        if (!line_parser(l, "within ", s, &p)) return false;
        struct ex *x = parse_expression(&p, 0);
        if (x == NULL || !done(&p)) return false;
        if (x->kind != EX_LIT || mpq_sgn(x->lit->q) < 0) return fail_at(l->f, 0, "statement: within needs a number >= 0");
        s->within = x->lit;
    }
    if (optional && line_starts(l, "prove ")) {
        struct scope scope = {.s = s, .results = true, .f = l->f};
        if (!line_parser(l, "prove ", s, &p) || (s->prove = parse_expression(&p, 0)) == NULL || !done(&p) || !resolve(&scope, s->prove)) return false;
    }
    return l->at == l->end ? true : fail_at(l->f, 0, "statement: unexpected line at its end");
}

static bool read_all(struct lines *l, struct stmt *s) {
    static const char head[] = "weightproof-statement 1\n";
    if ((size_t)(l->end - l->at) < sizeof head || memcmp(l->at, head, sizeof head - 1) != 0) return fail_at(l->f, 0, "statement: unknown first line");
    l->at += sizeof head - 1;
    if (!read_models(l, s)) return false;
    struct parser p;
    if (!line_parser(l, "semantics ", s, &p)) return false;
    s->float32 = parser_is(&p, "float32");
    if (!s->float32 && !parser_is(&p, "real")) return fail_at(l->f, 0, "statement: unknown semantics");
    parser_next(&p);
    return done(&p) && read_body(l, s) && read_rest(l, s);
}

/* The next model (or data array) that is named for the first time must be the next of its list. The walk is in the order of the text. */
struct seen { int models, data; };
static bool in_order(const struct ex *x, struct seen *seen);

static bool binds_in_order(const struct ex *x, struct seen *seen) {
    for (int i = 0; i < x->binds.n; i++)
        if (!in_order(x->binds.b[i].set, seen)) return false;
    return x->where == NULL || in_order(x->where, seen);
}

static bool next_of(int number, int *seen) {
    if (number > *seen) return false;
    if (number == *seen) ++*seen;
    return true;
}

static bool in_order(const struct ex *x, struct seen *seen) {
    if (x->kind == EX_MODEL) return next_of(x->number, &seen->models);
    if (x->kind == EX_DATA) return next_of(x->number, &seen->data);
    bool binds_first = x->kind == EX_EXISTS;
    if (binds_first && !binds_in_order(x, seen)) return false;
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL && !in_order(x->k[i], seen)) return false;
    return binds_first || binds_in_order(x, seen);
}

static bool check_models(const struct stmt *s, struct fail *f) {
    struct seen seen = {0, 0};
    bool good = true;
    for (int i = 0; i < s->binds.n; i++) good = good && in_order(s->binds.b[i].set, &seen);
    good = good && (s->where == NULL || in_order(s->where, &seen)) && in_order(s->subject, &seen);
    good = good && (s->prove == NULL || in_order(s->prove, &seen));
    return good && seen.models == s->n_models && seen.data == s->n_data ? true : fail_at(f, 0, "statement: models or data are not listed in the order in which they are named");
}

bool stmt_read(struct stmt *out, const char *text, size_t n, struct fail *f) {
    struct stmt s = {0};
    struct lines l = {.at = text, .end = text + n, .f = f};
    struct buffer b = {0};
    bool good = read_all(&l, &s) && check_models(&s, f);
    if (good) {
        print_stmt(&b, &s);
        if (b.n != n || memcmp(b.s, text, n) != 0) good = fail_at(f, 0, "statement: not in canonical form");
        buffer_clear(&b);
    }
    sha256_hex(s.sha256, text, n);
    if (!good) stmt_clear(&s);
    else *out = s;
    return good;
}

void stmt_clear(struct stmt *s) {
    lits_clear(&s->arena);
    arena_free(&s->arena);
    *s = (struct stmt){0};
}

static bool is_closed(const struct ex *x, bool in_index, unsigned char *inner) {
    if (x->kind == EX_LAST) return in_index;
    if (x->kind == EX_VAR) return inner[x->number];
    bool closed = true;
    for (int i = 0; i < x->binds.n; i++) {
        closed = closed && is_closed(x->binds.b[i].set, in_index, inner);
        inner[x->binds.b[i].slot] = 1;
    }
    closed = closed && (x->where == NULL || is_closed(x->where, in_index, inner));
    for (int i = 0; closed && i < x->n; i++) closed = x->k[i] == NULL || is_closed(x->k[i], in_index || (x->kind == EX_INDEX && i > 0), inner);
    return closed;
}

bool stmt_closed(const struct stmt *s, const struct ex *x) {
    unsigned char *inner = mem_get((size_t)s->n_slots + 1, 1);
    bool closed = is_closed(x, false, inner);
    mem_free(inner);
    return closed;
}
