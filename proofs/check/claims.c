/* --claims: the claim language read again, down to one closed claim, and held against the statement of a certificate up to the names of its
 * bound variables. lets, params, named domains and foreach values are written out by substitution: a name means what it means where its let
 * stands; a let inside a claim also sees the variables that the claim binds after it. */
#include "claims.h"
#include <string.h>

#define NODES_MOST 2000000
#define DEPTH_MOST 1500
#define FOREACH_MOST 100000
#define LETS_MOST 256

enum entry_kind { ENTRY_VARIABLE, ENTRY_LET, ENTRY_MODEL, ENTRY_VALUE };
struct entry {
    const char *name; enum entry_kind kind; const struct entry *up;
    int id;                                  /* variable */
    const struct ex *body; const struct entry *env; char **params; int n_params; bool late; /* let */
    const struct num *value;                 /* foreach value, param */
};
struct parts { bool has_forall; struct binds binds; struct ex *where, *subject, *prove, *within; bool float32; enum body body; bool has_at_most; uint64_t at_most; };
struct reader {
    struct arena arena; struct parser p; struct fail *f; const struct claims_query *q; const struct stmt *s;
    const struct entry *file, *late; struct entry lets[LETS_MOST]; int n_lets; struct binds foreach; struct parts claim;
    int n_ids, depth; long nodes; int *slot_of; int slot_room;
};

bool claims_option(struct named_option *list, int *n, const char *text) {
    const char *equal = text != NULL ? strchr(text, '=') : NULL;
    if (equal == NULL || equal == text || *n == OPTIONS_MOST) return false;
    list[(*n)++] = (struct named_option){text, (size_t)(equal - text), equal + 1};
    return true;
}

static const char *option_of(const struct named_option *list, int n, const char *name) {
    const char *value = NULL;
    for (int i = 0; i < n; i++)
        if (strlen(name) == list[i].name_n && memcmp(name, list[i].name, list[i].name_n) == 0) value = list[i].value;
    return value;
}

static const struct entry *push(struct reader *r, const struct entry *up, struct entry e) {
    struct entry *x = arena_get(&r->arena, 1, sizeof *x);
    *x = e;
    x->up = up;
    return x;
}

static const struct entry *find(const struct entry *e, const char *name) {
    while (e != NULL && strcmp(e->name, name) != 0) e = e->up;
    return e;
}

/* ---- writing out ---- */

static struct ex *expand(struct reader *r, const struct ex *x, const struct entry *env, const struct entry *late);

/* ln = live is how the language says what a statement means anyway. */
static bool says_ln_live(const struct ex *x) {
    return x != NULL && x->kind == EX_GIVE && x->k[0]->kind == EX_NAME && strcmp(x->k[0]->name, "ln") == 0 && x->k[1]->kind == EX_NAME &&
           strcmp(x->k[1]->name, "live") == 0;
}

static struct ex *expand_list(struct reader *r, struct ex *y, const struct ex *x, const struct entry *env, const struct entry *late) {
    bool patch = x->kind == EX_CALL && strcmp(x->name, "patch") == 0;
    y->k = x->n > 0 ? arena_get(&r->arena, (size_t)x->n, sizeof *y->k) : NULL;
    for (int i = 0; i < x->n; i++) {
        if (patch && says_ln_live(x->k[i])) continue;
        if (x->k[i] != NULL && (y->k[y->n] = expand(r, x->k[i], env, late)) == NULL) return NULL;
        y->n++;
    }
    return y;
}

static struct ex *nothing(struct reader *r, const char *what, const char *name) {
    fail_at(r->f, 0, "claims: %s %.60s", what, name);
    return NULL;
}

static struct ex *literal_of(struct reader *r, const struct num *value) {
    struct ex *y = ex_new(&r->arena, EX_LIT, 0);
    y->lit = lit_new(&r->arena);
    num_set_mpq(y->lit, value->q);
    return y;
}

static struct ex *expand_let(struct reader *r, const struct entry *e, const struct ex *call, const struct entry *env, const struct entry *late) {
    const struct entry *inner = e->env;
    if (call->kind == EX_CALL && call->n != e->n_params) return nothing(r, "wrong number of arguments of", e->name);
    for (int i = 0; i < e->n_params; i++)   /* an argument keeps the meaning of the place of the call */
        inner = push(r, inner, (struct entry){.name = e->params[i], .kind = ENTRY_LET, .body = call->k[i], .env = env, .late = late != NULL});
    return expand(r, e->body, inner, e->late ? r->late : NULL);
}

static struct ex *expand_name(struct reader *r, const struct ex *x, const struct entry *env, const struct entry *late) {
    static const char *const words[] = {"embed", "pos_embed", "inf"}, *const results[] = {"number", "total", "fraction", "value"};
    const struct entry *e = find(env, x->name);
    if (e == NULL && late != NULL) e = find(late, x->name);
    struct ex *y = ex_new(&r->arena, EX_VAR, 0);
    y->name = x->name;
    if (e != NULL && e->kind == ENTRY_LET) return e->n_params == 0 ? expand_let(r, e, x, env, late) : nothing(r, "arguments are missing after", x->name);
    if (e != NULL && e->kind == ENTRY_VALUE) return literal_of(r, e->value);
    if (e != NULL) {
        y->kind = e->kind == ENTRY_MODEL ? EX_MODEL : EX_VAR;
        y->number = e->id;
        return y;
    }
    if (strcmp(x->name, "last") == 0) return y->kind = EX_LAST, y;
    for (int i = 0; i < 3; i++)
        if (strcmp(x->name, words[i]) == 0) return y->kind = EX_WORD, y;
    for (int i = 0; i < 4; i++)
        if (strcmp(x->name, results[i]) == 0) return y->kind = EX_RESULT, y->number = i, y;
    return nothing(r, "unknown name", x->name);
}

static bool expand_binds(struct reader *r, struct binds *out, const struct binds *b, const struct entry **env, const struct entry *late) {
    out->n = b->n;
    out->b = arena_get(&r->arena, (size_t)b->n, sizeof *out->b);
    for (int i = 0; i < b->n; i++) {
        out->b[i] = (struct bind){.name = b->b[i].name, .slot = r->n_ids++};
        if ((out->b[i].set = expand(r, b->b[i].set, *env, late)) == NULL) return false;
        *env = push(r, *env, (struct entry){.name = b->b[i].name, .kind = ENTRY_VARIABLE, .id = out->b[i].slot});
    }
    return true;
}

static struct ex *expand_node(struct reader *r, const struct ex *x, const struct entry *env, const struct entry *late) {
    struct ex *y = ex_new(&r->arena, x->kind, 0);
    const struct entry *e = x->kind == EX_CALL ? find(env, x->name) : NULL;
    if (x->kind == EX_NAME) return expand_name(r, x, env, late);
    while (e != NULL && (e->kind != ENTRY_LET || e->n_params == 0)) e = find(e->up, x->name);
    if (e != NULL) return expand_let(r, e, x, env, late);
    y->number = x->number;
    y->name = x->name;
    y->lit = x->lit;
    y->ops = x->ops;
    if (x->binds.n > 0 && !expand_binds(r, &y->binds, &x->binds, &env, late)) return NULL;
    if (x->where != NULL && (y->where = expand(r, x->where, env, late)) == NULL) return NULL;
    if (expand_list(r, y, x, env, late) == NULL) return NULL;
    struct ex *folded;
    if (y->kind == EX_NEG && fold_unary(&r->arena, y->k[0], &folded)) return folded;
    return y->kind == EX_DIV || y->kind == EX_POW ? ex_binary(&r->arena, y->kind, y->k[0], y->k[1]) : y;
}

static struct ex *expand(struct reader *r, const struct ex *x, const struct entry *env, const struct entry *late) {
    if (r->f->set) return NULL;
    if (r->depth >= DEPTH_MOST || ++r->nodes > NODES_MOST) return nothing(r, "too large when lets are written out:", r->q->only);
    r->depth++;
    struct ex *y = expand_node(r, x, env, late);
    r->depth--;
    return y;
}

/* ---- the file ---- */

static bool bad(struct reader *r, const char *what) { return fail_at(r->f, 0, "claims: %s near '%.20s'", what, r->p.t == T_END ? "the end" : r->p.s); }

static char *take_name(struct reader *r) {
    if (r->p.t != T_NAME) {
        bad(r, "a name was expected");
        return NULL;
    }
    char *name = arena_text(&r->arena, r->p.s, r->p.len);
    parser_next(&r->p);
    return name;
}

static bool at_declaration(const struct parser *p) {
    static const char *const words[] = {"model", "data", "labels", "param", "domain", "let", "claim"};
    for (int i = 0; i < 7; i++)
        if (parser_is(p, words[i])) return true;
    return p->t == T_END;
}

/* The options of a model or of data say how the prover reads a file; hashes are raw text. */
static bool skip_declaration(struct reader *r) {
    while (!r->f->set && !at_declaration(&r->p)) {
        if (parser_is(&r->p, "sha256")) {
            while (r->p.at < r->p.end && *r->p.at == ' ') r->p.at++;
            for (int i = 0; i < 64 && r->p.at < r->p.end && *r->p.at != '\n'; i++) r->p.at++;
        }
        parser_next(&r->p);
    }
    return !r->f->set;
}

static bool read_model(struct reader *r) {
    struct reader *const c = r;
    char *name = take_name(r), hex[65], *bytes;
    const char *net = NULL;
    size_t n;
    if (name == NULL || !parser_want(&r->p, "=")) return false;
    if (r->p.t != T_STRING) return bad(r, "the name of a file was expected");
    r->file = push(r, r->file, (struct entry){.name = name, .kind = ENTRY_MODEL});
    net = option_of(c->q->models, c->q->n_models, name);
    if (net != NULL) {
        if (!file_read(&bytes, &n, net, (size_t)1 << 31)) return fail_at(r->f, 0, "claims: cannot read %.200s", net);
        sha256_hex(hex, bytes, n);
        mem_free(bytes);
        for (int i = 0; i < r->s->n_models; i++)
            if (strcmp(r->s->models[i].name, name) == 0 && strcmp(r->s->models[i].sha256, hex) != 0)
                return fail_at(r->f, 0, "claims: model %.60s of the certificate is not %.200s", name, net);
    }
    return skip_declaration(r);
}

static bool read_param(struct reader *r) {
    char *name = take_name(r);
    if (name == NULL || !parser_want(&r->p, "=")) return false;
    struct ex *x = parse_expression(&r->p, 7);
    const char *given = option_of(r->q->params, r->q->n_params, name);
    if (x != NULL && given != NULL) {
        struct parser p = {.at = given, .end = given + strlen(given), .arena = &r->arena, .f = r->f, .claims = true};
        parser_next(&p);
        x = parse_expression(&p, 7);
        if (x != NULL && p.t != T_END) return fail_at(r->f, 0, "claims: --param %.60s is no number", name);
    }
    if (x == NULL || x->kind != EX_LIT) return fail_at(r->f, 0, "claims: param %.60s is no number", name);
    r->file = push(r, r->file, (struct entry){.name = name, .kind = ENTRY_VALUE, .value = x->lit});
    return true;
}

/* A let or, as a set, a domain; where it stands is for the caller to say. */
static bool read_let(struct reader *r, struct entry *out, bool set) {
    char *params[64];
    struct entry e = {.kind = ENTRY_LET};
    if ((e.name = take_name(r)) == NULL) return false;
    if (!set && parser_take(&r->p, "(")) {
        do {
            if (e.n_params == 64 || (params[e.n_params++] = take_name(r)) == NULL) return bad(r, "a parameter was expected");
        } while (parser_take(&r->p, ","));
        if (!parser_want(&r->p, ")")) return false;
        e.params = arena_get(&r->arena, 64, sizeof *params);
        memcpy(e.params, params, (size_t)e.n_params * sizeof *params);
    }
    if (!parser_want(&r->p, "=") || (e.body = set ? parse_set(&r->p) : parse_expression(&r->p, 0)) == NULL) return false;
    *out = e;
    return true;
}

static const struct entry *push_let(struct reader *r, const struct entry *env, struct entry let, bool of_claim) {
    let.env = env;
    let.late = of_claim;
    return push(r, env, let);
}

static bool skip_claim(struct reader *r) {
    int depth = 0;
    if (r->p.t == T_STRING) parser_next(&r->p);
    do {
        if (r->p.t == T_END) return bad(r, "'}' expected");
        depth += parser_is(&r->p, "{") - parser_is(&r->p, "}");
        parser_next(&r->p);
    } while (depth > 0 && !r->f->set);
    return !r->f->set;
}

static bool both(struct reader *r, struct ex **where, struct ex *more) {
    if (more == NULL) return false;
    *where = *where == NULL ? more : ex_binary(&r->arena, EX_AND, *where, more);
    return true;
}

static bool read_binders(struct reader *r, struct parts *c) {
    struct binds b, joined;
    if (!parse_binds(&r->p, &b)) return false;
    joined.n = c->binds.n + b.n;
    joined.b = arena_get(&r->arena, (size_t)joined.n, sizeof *joined.b);
    if (c->binds.n > 0) memcpy(joined.b, c->binds.b, (size_t)c->binds.n * sizeof *joined.b);
    memcpy(joined.b + c->binds.n, b.b, (size_t)b.n * sizeof *b.b);
    c->binds = joined;
    return !parser_take(&r->p, "where") || both(r, &c->where, parse_expression(&r->p, 0));
}

static bool read_option(struct reader *r, struct parts *c) {
    struct parser *p = &r->p;
    if (parser_take(p, "prove")) return (c->prove = parse_expression(p, 0)) != NULL;
    if (parser_take(p, "within")) return (c->within = parse_expression(p, 0)) != NULL;
    if (parser_take(p, "under")) {
        c->float32 = parser_is(p, "float32");
        return (c->float32 || parser_is(p, "real")) ? (parser_next(p), true) : bad(r, "real or float32 expected");
    }
    if (parser_take(p, "timeout")) return parser_next(p), parser_next(p), true;
    if (parser_take(p, "engine") || parser_take(p, "expect") || parser_take(p, "because")) return parser_next(p), true;
    return bad(r, "an option or '}' expected");
}

static bool read_subject(struct reader *r, struct parts *c) {
    static const char *const words[] = {"prove", "count", "average", "minimize", "maximize", "list"};
    int body = 0;
    while (body < 6 && !parser_is(&r->p, words[body])) body++;
    if (body == 6) return bad(r, "prove, count, average, minimize, maximize or list expected");
    parser_next(&r->p);
    c->body = (enum body)body;
    if (body != BODY_PROVE && (c->has_forall || !read_binders(r, c) || !parser_want(&r->p, ":"))) return bad(r, "binders and ':' expected");
    if ((c->subject = parse_expression(&r->p, 0)) == NULL) return false;
    if (body == BODY_LIST && parser_take(&r->p, "at")) {
        int64_t v;
        if (!parser_want(&r->p, "most") || r->p.t != T_NUMBER || !num_int64(r->p.value, &v)) return bad(r, "a number was expected");
        c->has_at_most = true;
        c->at_most = (uint64_t)v;
        parser_next(&r->p);
    }
    return true;
}

static bool read_claim(struct reader *r) {
    struct parts *c = &r->claim;
    if (r->p.t == T_STRING) parser_next(&r->p);
    if (!parser_want(&r->p, "{")) return false;
    if (parser_take(&r->p, "foreach") && !parse_binds(&r->p, &r->foreach)) return false;
    for (;;) {
        if (parser_take(&r->p, "let")) {
            if (r->n_lets == LETS_MOST || !read_let(r, &r->lets[r->n_lets++], false)) return bad(r, "a let was expected");
        } else if (parser_take(&r->p, "forall")) {
            c->has_forall = true;
            if (!read_binders(r, c)) return false;
        } else break;
    }
    if (!read_subject(r, c)) return false;
    while (!parser_take(&r->p, "}"))
        if (!read_option(r, c)) return false;
    return true;
}

/* ---- comparison, up to the names of bound variables ---- */

static bool same(struct reader *r, const struct ex *a, const struct ex *b);

static bool same_binds(struct reader *r, const struct binds *a, const struct binds *b) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++) {
        if (!same(r, a->b[i].set, b->b[i].set)) return false;
        r->slot_of = a->b[i].slot < r->slot_room ? r->slot_of : mem_grow(r->slot_of, (size_t)r->slot_room, 2 * (size_t)a->b[i].slot + 64, sizeof *r->slot_of);
        if (a->b[i].slot >= r->slot_room) r->slot_room = 2 * a->b[i].slot + 64;
        r->slot_of[a->b[i].slot] = b->b[i].slot;
    }
    return true;
}

static bool same_name(const char *a, const char *b) { return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0; }

/* a: written out here; b: of the certificate, whose depth the parser bounds. */
static bool same(struct reader *r, const struct ex *a, const struct ex *b) {
    if (a == NULL || b == NULL) return a == b;
    if (a->kind != b->kind || a->n != b->n) return false;
    if (a->kind == EX_VAR) return r->slot_of[a->number] == b->number;
    if (a->kind == EX_LIT) return mpq_equal(a->lit->q, b->lit->q) != 0;
    if (a->kind == EX_RESULT || a->kind == EX_TOKENS || a->kind == EX_QUANT) {
        if (a->number != b->number) return false;
    } else if (!same_name(a->name, b->name)) return false;
    if (a->kind == EX_CMP && memcmp(a->ops, b->ops, (size_t)a->n - 1) != 0) return false;
    if (!same_binds(r, &a->binds, &b->binds) || !same(r, a->where, b->where)) return false;
    for (int i = 0; i < a->n; i++)
        if (!same(r, a->k[i], b->k[i])) return false;
    return true;
}

static bool same_claim(struct reader *r, const struct entry *env) {
    const struct parts *c = &r->claim;
    const struct stmt *s = r->s;
    struct parts x = *c;
    for (int i = 0; i < r->n_lets; i++) env = push_let(r, env, r->lets[i], true);
    const struct entry *inside = env;
    if (c->body != s->body || c->float32 != s->float32 || c->has_at_most != s->has_at_most || (c->has_at_most && c->at_most != s->at_most)) return false;
    if ((c->body == BODY_PROVE && c->has_forall == s->closed) || (c->prove == NULL) != (s->prove == NULL) || (c->within == NULL) != (s->within == NULL)) return false;
    r->late = NULL;
    if (!expand_binds(r, &x.binds, &c->binds, &inside, NULL)) return false;
    r->late = inside;
    if (c->where != NULL && (x.where = expand(r, c->where, inside, NULL)) == NULL) return false;
    if ((x.subject = expand(r, c->subject, inside, NULL)) == NULL) return false;
    if (c->prove != NULL && (x.prove = expand(r, c->prove, env, NULL)) == NULL) return false;
    if (c->within != NULL && ((x.within = expand(r, c->within, env, NULL)) == NULL || x.within->kind != EX_LIT || !mpq_equal(x.within->lit->q, s->within->q))) return false;
    return same_binds(r, &x.binds, &s->binds) && same(r, x.where, s->where) && same(r, x.subject, s->subject) && same(r, x.prove, s->prove);
}

/* Every choice of the foreach values from the i-th on. */
static bool some_value(struct reader *r, const struct entry *env, int i, long *tried) {
    if (r->f->set || ++*tried > FOREACH_MOST) return false;
    if (i == r->foreach.n) return same_claim(r, env);
    const struct bind *b = &r->foreach.b[i];
    struct ex *set = expand(r, b->set, env, NULL);
    if (set == NULL) return false;
    if (set->kind == EX_LIST) {
        for (int k = 0; k < set->n; k++)
            if (set->k[k]->kind == EX_LIT && some_value(r, push(r, env, (struct entry){.name = b->name, .kind = ENTRY_VALUE, .value = set->k[k]->lit}), i + 1, tried)) return true;
        return false;
    }
    int64_t lo, hi;
    if (set->kind != EX_RANGE || set->k[0]->kind != EX_LIT || set->k[1]->kind != EX_LIT || !num_int64(set->k[0]->lit, &lo) || !num_int64(set->k[1]->lit, &hi)) return false;
    for (int64_t v = lo; v <= hi && *tried <= FOREACH_MOST && !r->f->set; v++) {
        struct num *value = lit_new(&r->arena);
        mpq_t q;
        mpq_init(q);
        mpq_set_si(q, v, 1);
        num_set_mpq(value, q);
        mpq_clear(q);
        if (some_value(r, push(r, env, (struct entry){.name = b->name, .kind = ENTRY_VALUE, .value = value}), i + 1, tried)) return true;
    }
    return false;
}

static bool read_file(struct reader *r, const struct entry **env) {
    bool found = false;
    if (!parser_want(&r->p, "claims") || r->p.t != T_NUMBER) return bad(r, "the first line must be 'claims 1'");
    parser_next(&r->p);
    while (r->p.t != T_END && !r->f->set) {
        if (parser_take(&r->p, "model")) { if (!read_model(r)) return false; }
        else if (parser_take(&r->p, "param")) { if (!read_param(r)) return false; }
        else if (parser_is(&r->p, "let") || parser_is(&r->p, "domain")) {
            struct entry let;
            bool set = parser_is(&r->p, "domain");
            parser_next(&r->p);
            if (!read_let(r, &let, set)) return false;
            r->file = push_let(r, r->file, let, false);
        }
        else if (parser_is(&r->p, "data") || parser_is(&r->p, "labels")) { parser_next(&r->p); if (!skip_declaration(r)) return false; }
        else if (!parser_take(&r->p, "claim")) return bad(r, "a declaration was expected");
        else {
            char *name = take_name(r);
            if (name == NULL) return false;
            if (strcmp(name, r->q->only) != 0) { if (!skip_claim(r)) return false; continue; }
            found = true;
            *env = r->file;
            if (!read_claim(r)) return false;
        }
    }
    return found ? !r->f->set : fail_at(r->f, 0, "claims: no claim %.60s in the file", r->q->only);
}

bool claims_match(const struct claims_query *q, const struct stmt *s, const char *text, bool *readable, struct fail *f) {
    char *bytes;
    size_t n;
    long tried = 0;
    (void)text;
    *readable = false;
    if (!file_read(&bytes, &n, q->path, (size_t)1 << 24)) return fail_at(f, 0, "claims: cannot read %.200s", q->path);
    struct reader r = {.f = f, .q = q, .s = s};
    const struct entry *env = NULL;
    r.p = (struct parser){.at = bytes, .end = bytes + n, .arena = &r.arena, .f = f, .claims = true};
    parser_next(&r.p);
    bool good = read_file(&r, &env);
    *readable = good;
    if (good && !some_value(&r, env, 0, &tried)) good = f->set ? false : fail_at(f, 0, "the statement is not claim %.60s of the claim file", q->only);
    mem_free(r.slot_of);
    mem_free(bytes);
    lits_clear(&r.arena);
    arena_free(&r.arena);
    return good;
}
