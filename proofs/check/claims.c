/* The claim file: declarations and one claim's body. What they stand for is in claims_expand.c. */
#include "claims_expand.h"
#include <string.h>

bool claims_option(struct named_option *list, int *n, const char *text) {
    const char *equal = text != NULL ? strchr(text, '=') : NULL;
    if (equal == NULL || equal == text || *n == OPTIONS_MOST) return false;
    list[(*n)++] = (struct named_option){text, (size_t)(equal - text), equal + 1};
    return true;
}

static const char *option_value(const struct named_option *list, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (list[i].name_n == strlen(name) && memcmp(list[i].name, name, list[i].name_n) == 0) return list[i].value;
    return NULL;
}

static bool wrong(struct parser *p, const char *what) {
    int line = 1;
    for (const char *s = p->s; s > p->begin; s--) line += s[-1] == '\n';
    p->f->set = false;
    return fail_at(p->f, 0, "claim file: line %d: %s", line, what);
}

static char *take_name(struct parser *p) {
    if (p->t != T_NAME) {
        wrong(p, "a name was expected");
        return NULL;
    }
    char *s = arena_text(p->arena, p->s, p->len);
    parser_next(p);
    return s;
}

static char *take_string(struct parser *p) {
    if (p->t != T_STRING) {
        wrong(p, "a string was expected");
        return NULL;
    }
    char *s = arena_text(p->arena, p->s + 1, p->len - 2);
    parser_next(p);
    return s;
}

static bool declaration(const struct parser *p) {
    static const char *const words[] = {"model", "data", "labels", "param", "domain", "let", "claim"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (parser_is(p, words[i])) return true;
    return p->t == T_END;
}

/* what a model says about reading its file (as, config, with, ...) does not change the statement */
static bool skip_rest(struct parser *p) {
    int depth = 0;
    while (!p->f->set && p->t != T_END && (depth > 0 || !declaration(p))) {
        if (parser_is(p, "{")) depth++;
        if (parser_is(p, "}")) depth--;
        parser_next(p);
    }
    return !p->f->set;
}

/* an expression, or a range */
static struct ex *expression_or_set(struct parser *p) {
    struct ex *x = parse_expression(p, 0);
    if (x == NULL || !parser_take(p, "..")) return x;
    struct ex *r = ex_new(p->arena, EX_RANGE, 2);
    r->k[0] = x;
    return (r->k[1] = parse_expression(p, 7)) == NULL ? NULL : r;
}

static bool read_let(struct parser *p, struct frame *f) {
    struct def *d = def_new(p->arena, f, D_LET, take_name(p));
    if (d->name == NULL) return false;
    if (parser_take(p, "(")) {
        d->is_function = true;
        do {
            if (d->n_params == PARAMS_MOST) return wrong(p, "too many parameters");
            if ((d->params[d->n_params++] = take_name(p)) == NULL) return false;
        } while (parser_take(p, ","));
        if (!parser_want(p, ")")) return false;
    }
    return parser_want(p, "=") && (d->x = expression_or_set(p)) != NULL;
}

/* A parameter given on the command line is read like a literal of the file. */
static bool read_param(struct parser *p, struct frame *f, const struct claims_query *q) {
    struct def *d = def_new(p->arena, f, D_LET, take_name(p));
    if (d->name == NULL || !parser_want(p, "=") || (d->x = parse_expression(p, 0)) == NULL) return false;
    const char *value = option_value(q->params, q->n_params, d->name);
    if (value == NULL) return true;
    if (d->x->kind == EX_STRING) {
        d->x = ex_new(p->arena, EX_STRING, 0);
        d->x->name = arena_text(p->arena, value, strlen(value));
        return true;
    }
    struct parser own = {.begin = value, .at = value, .end = value + strlen(value), .arena = p->arena, .f = p->f};
    parser_next(&own);
    d->x = parse_expression(&own, 0);
    return d->x != NULL && own.t == T_END ? true : wrong(p, "--param is not a number");
}

static bool read_declaration(struct parser *p, struct frame *f, const struct claims_query *q) {
    if (parser_take(p, "model") || parser_is(p, "data")) {
        bool model = !parser_take(p, "data");
        struct def *d = def_new(p->arena, f, model ? D_MODEL : D_DATA, take_name(p));
        if (d->name == NULL || !parser_want(p, "=") || (d->path = take_string(p)) == NULL) return false;
        return skip_rest(p);
    }
    if (parser_take(p, "labels")) return take_name(p) != NULL && parser_want(p, "=") && take_string(p) != NULL;
    if (parser_take(p, "param")) return read_param(p, f, q);
    if (parser_take(p, "let")) return read_let(p, f);
    if (!parser_take(p, "domain")) return wrong(p, "a declaration was expected");
    struct def *d = def_new(p->arena, f, D_LET, take_name(p));
    return d->name != NULL && parser_want(p, "=") && (d->x = parse_set(p)) != NULL;
}

static bool skip_claim(struct parser *p) {
    int depth = 0;
    do {
        if (parser_is(p, "{")) depth++;
        if (parser_is(p, "}")) depth--;
        if (p->t == T_END || p->f->set) return wrong(p, "the file ends inside a claim");
        parser_next(p);
    } while (depth > 0);
    return true;
}

static bool binds_where(struct parser *p, struct binds *b, struct ex **where) {
    *where = NULL;
    if (!parse_binds(p, b)) return false;
    return !parser_take(p, "where") || (*where = parse_expression(p, 0)) != NULL;
}

static bool read_option(struct parser *p, struct claim *c) {
    if (parser_take(p, "prove")) return (c->prove = parse_expression(p, 0)) != NULL;
    if (parser_take(p, "within")) return (c->within = parse_expression(p, 0)) != NULL;
    if (parser_take(p, "under")) {
        c->float32 = parser_is(p, "float32");
        return take_name(p) != NULL;
    }
    if (parser_take(p, "timeout")) {
        parser_next(p);
        return parser_want(p, "s");
    }
    if (parser_take(p, "engine") || parser_take(p, "expect")) return take_name(p) != NULL;
    if (parser_take(p, "because")) return take_string(p) != NULL;
    return wrong(p, "an option of a claim was expected");
}

/* assuming some of {P, P, ...} */
static bool read_assuming(struct parser *p, struct claim *c) {
    parser_next(p);
    if (!parser_want(p, "some") || !parser_want(p, "of")) return false;
    if (!parser_is(p, "{") || (c->assuming = parse_expression(p, 0)) == NULL) return wrong(p, "a list of conditions was expected");
    return (c->assuming->kind == EX_LIST && c->assuming->n <= ASSUMING_MOST) || wrong(p, "a list of at most 10 conditions was expected");
}

/* Values that --param gives to constants left open. */
static bool take_constants(struct parser *p, struct frame *f, const struct claims_query *q) {
    for (int i = 0; i < q->n_params; i++) {
        const struct named_option *o = &q->params[i];
        if (o->name[0] != '?') continue;
        struct def *d = def_new(p->arena, f, D_LET, arena_text(p->arena, o->name, o->name_n));
        struct parser own = {.begin = o->value, .at = o->value, .end = o->value + strlen(o->value), .arena = p->arena, .f = p->f};
        parser_next(&own);
        d->scope = f;
        if ((d->x = parse_expression(&own, 0)) == NULL || own.t != T_END) return wrong(p, "--param is not a number");
    }
    return true;
}

static bool read_claim(struct parser *p, struct claim *c) {
    static const char *const bodies[] = {"prove", "count", "average", "minimize", "maximize", "list"};
    if (p->t == T_STRING) parser_next(p);
    if (!parser_want(p, "{")) return false;
    if (parser_take(p, "foreach") && !parse_binds(p, &c->foreach)) return false;
    while (parser_is(p, "let") || parser_is(p, "forall") || parser_is(p, "assuming")) {
        if (parser_is(p, "assuming")) {
            if (!read_assuming(p, c)) return false;
            continue;
        }
        if (parser_take(p, "let")) {
            if (!read_let(p, c->scope)) return false;
            continue;
        }
        parser_next(p);
        if (c->n_groups == GROUPS_MOST) return wrong(p, "too many forall");
        if (!binds_where(p, &c->group[c->n_groups], &c->where[c->n_groups])) return false;
        c->n_groups++;
    }
    int body = 0;
    while (body < 6 && !parser_take(p, bodies[body])) body++;
    if (body == 6) return wrong(p, "a body was expected");
    c->body = (enum body)body;
    if (body != BODY_PROVE) {
        if (!binds_where(p, &c->group[0], &c->where[0]) || !parser_want(p, ":")) return false;
        c->n_groups = 1;
    }
    if ((c->subject = parse_expression(p, 0)) == NULL) return false;
    if (body == BODY_LIST && parser_take(p, "at")) {
        int64_t n;
        if (!parser_want(p, "most") || p->t != T_NUMBER || !num_int64(p->value, &n)) return wrong(p, "'at most' needs an integer");
        c->has_at_most = true;
        c->at_most = (uint64_t)n;
        parser_next(p);
    }
    while (!parser_is(p, "}"))
        if (!read_option(p, c)) return false;
    return true;
}

/* All declarations of the file, and the claim of that name. */
static bool read_file(struct parser *p, const struct claims_query *q, struct frame *file, struct claim *c, bool *found) {
    parser_next(p);
    if (!parser_want(p, "claims") || p->t != T_NUMBER) return wrong(p, "'claims 1' expected");
    parser_next(p);
    while (!p->f->set && p->t != T_END) {
        if (!parser_take(p, "claim")) {
            if (!read_declaration(p, file, q)) return false;
            continue;
        }
        char *name = take_name(p);
        if (name == NULL) return false;
        if (strcmp(name, q->only) != 0) {
            if (p->t == T_STRING) parser_next(p);
            if (!skip_claim(p)) return false;
            continue;
        }
        if (*found) return wrong(p, "two claims of this name");
        *found = true;
        if (!read_claim(p, c) || !parser_want(p, "}")) return false;
    }
    return !p->f->set;
}

/* The file that a model or data array is in: that of --model NAME=NET or --data NAME=ARR, or what the claim file names, when that ends in `ending`. */
static bool given_file(const struct claims_query *q, const struct def *d, char path[4096], struct fail *f) {
    bool model = d->kind == D_MODEL;
    const char *given = model ? option_value(q->models, q->n_models, d->name) : option_value(q->data, q->n_data, d->name), *slash = strrchr(q->path, '/');
    size_t n = strlen(d->path);
    if (given == NULL && (n < 4 || strcmp(d->path + n - 4, model ? ".net" : ".arr") != 0))
        return fail_at(f, 0, model ? "which network model %.60s is must be said: --model %.60s=NET" : "which array data %.60s is must be said: --data %.60s=ARR", d->name, d->name);
    if (given != NULL) snprintf(path, 4096, "%s", given);
    else snprintf(path, 4096, "%.*s%s", d->path[0] == '/' || slash == NULL ? 0 : (int)(slash - q->path) + 1, q->path, d->path);
    return true;
}

static bool file_hash(const struct claims_query *q, const struct frame *file, enum def_kind kind, const char *name, char sha256[65], struct fail *f) {
    char path[4096], *text;
    size_t n;
    const struct def *d = file->first;
    while (d != NULL && !(d->kind == kind && strcmp(d->name, name) == 0)) d = d->next;
    if (d == NULL) return fail_at(f, 0, "unknown model or data %.60s", name);
    if (!given_file(q, d, path, f)) return false;
    if (!file_read(&text, &n, path, NET_MOST)) return fail_at(f, 0, "cannot read %s '%.200s'", kind == D_MODEL ? "network" : "array", path);
    sha256_hex(sha256, text, n);
    mem_free(text);
    return true;
}

static bool set_hashes(const struct claims_query *q, const struct frame *file, const struct stmt *s, struct fail *f) {
    for (int i = 0; i < s->n_models; i++)
        if (!file_hash(q, file, D_MODEL, s->models[i].name, s->models[i].sha256, f)) return false;
    for (int i = 0; i < s->n_data; i++)
        if (!file_hash(q, file, D_DATA, s->data[i].name, s->data[i].sha256, f)) return false;
    return true;
}

/* The arrays of the claim file that can be read, for the sets of foreach; one that cannot be read has no array. */
static void read_data(const struct claims_query *q, const struct frame *file, struct arena *a, struct claim *c) {
    c->data = arena_get(a, 64, sizeof *c->data);
    for (const struct def *d = file->first; d != NULL && c->n_data < 64 && c->foreach.n > 0; d = d->next) {
        char path[4096], *text;
        size_t n;
        struct fail no = {0};
        struct array *x = arena_get(a, 1, sizeof *x);
        if (d->kind != D_DATA) continue;
        c->data[c->n_data] = (struct data_name){.name = d->name};
        if (given_file(q, d, path, &no) && file_read(&text, &n, path, NET_MOST)) {
            if (array_read(x, text, n, &no)) c->data[c->n_data].array = x;
            mem_free(text);
        }
        c->n_data++;
    }
}

static void clear_data(struct claim *c) {
    for (int i = 0; i < c->n_data; i++)
        if (c->data[i].array != NULL) array_clear((struct array *)(uintptr_t)c->data[i].array);
}

struct matching { const struct claims_query *q; const struct frame *file; const char *text; bool same; struct fail *f; };

static bool one_statement(const struct stmt *s, void *arg) {
    struct matching *m = arg;
    if (!set_hashes(m->q, m->file, s, m->f)) return false;
    struct buffer b = {0};
    print_stmt(&b, s);
    m->same = m->same || strcmp(b.s, m->text) == 0;
    buffer_clear(&b);
    return !m->same;
}

bool claims_match(const struct claims_query *q, const struct stmt *s, const char *text, bool *readable, struct fail *f) {
    (void)s;
    char *file_text;
    size_t n;
    *readable = file_read(&file_text, &n, q->path, (size_t)1 << 22);
    if (!*readable) return fail_at(f, 0, "cannot read claim file '%.200s'", q->path);
    struct arena a = {0};
    struct frame file = {0}, scope = {.up = &file};
    struct claim *c = mem_get(1, sizeof *c);
    c->scope = &scope;
    struct parser p = {.begin = file_text, .at = file_text, .end = file_text + n, .arena = &a, .f = f, .claims = true};
    bool found = false, good = read_file(&p, q, &file, c, &found);
    good = good && take_constants(&p, &scope, q);
    if (good && !found) good = fail_at(f, 0, "the claim file has no claim %.100s", q->only);
    struct matching m = {.q = q, .file = &file, .text = text, .f = f};
    if (good) read_data(q, &file, &a, c);
    if (good) claim_statements(c, &file, &a, one_statement, &m, f);
    if (good && !m.same) good = fail_at(f, 0, "the statement is not what claim %.100s stands for", q->only);
    clear_data(c);
    lits_clear(&a);
    arena_free(&a);
    mem_free(c);
    mem_free(file_text);
    return good;
}
