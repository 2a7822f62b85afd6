#include "models/process.h"
#include "verify/parser.h"
#include <string.h>
#include "core/number.h"
#include "verify/verdict.h"

static struct let *parse_let(struct parser *p)
{
    struct let *let = arena_array(p->arena, 1, sizeof *let);
    if (!let || !(let->name = parser_name(p, "a name after 'let'", &let->at)))
        return NULL;
    if (parser_accept(p, TOKEN_OPEN)) {
        do {
            char **names = arena_grow(p->arena, let->params, let->n_params, sizeof *names);
            struct place *places = arena_grow(p->arena, let->param_at, let->n_params, sizeof *places);
            if (!names || !places)
                return NULL;
            let->params = names;
            let->param_at = places;
            if (!(names[let->n_params] = parser_name(p, "the name of a parameter", &places[let->n_params])))
                return NULL;
            let->n_params++;
        } while (parser_accept(p, TOKEN_COMMA));
        if (!parser_expect(p, TOKEN_CLOSE, "',' or ')'"))
            return NULL;
    }
    if (!parser_expect(p, TOKEN_ASSIGN, "'='") || !(let->value = parse_value(p)))
        return NULL;
    return let;
}

/* assuming some of {P, P, ...} */
static bool parse_assuming(struct parser *p, struct claim *c)
{
    struct place at = parser_peek(p, 0)->at;
    p->pos++;
    if (c->assuming) {
        parser_error(p, at, NULL, "put all conditions into one list", "'assuming some of' is given twice");
        return false;
    }
    if (!parser_expect_word(p, "some") || !parser_expect_word(p, "of"))
        return false;
    if (!parser_at(p, TOKEN_OPEN_BRACE)) {
        parser_expected(p, "'{' and the conditions to choose from", "assuming some of {x[0] >= 0, x[1] <= 1}");
        return false;
    }
    at = parser_peek(p, 0)->at;
    if (!(c->assuming = parse_expr(p, 11)))
        return false;
    if (c->assuming->form == FORM_LIST && c->assuming->n_args >= 1 && c->assuming->n_args <= ASSUMING_MOST)
        return true;
    parser_error(p, at, NULL, "assuming some of {x[0] >= 0, x[1] <= 1}", "'assuming some of' takes a list of 1 to 10 conditions");
    return false;
}

static bool parse_clauses(struct parser *p, struct claim *c)
{
    for (;;) {
        while (c->n_clauses && parser_at_word(p, "assuming"))
            if (!parse_assuming(p, c))
                return false;
        bool is_let = parser_accept_word(p, "let");
        if (!is_let && !parser_accept_word(p, "forall"))
            return true;
        struct clause *grown = arena_grow(p->arena, c->clauses, c->n_clauses, sizeof *grown), *x;
        if (!grown)
            return false;
        c->clauses = grown;
        x = &c->clauses[c->n_clauses];
        *x = (struct clause){0};
        if (is_let) {
            if (!(x->let = parse_let(p)))
                return false;
        } else if (!parse_binds(p, &x->binds) || (parser_accept_word(p, "where") && !(x->where = parse_expr(p, 0)))) {
            return false;
        }
        c->n_clauses++;
    }
}

static const struct { const char *word; enum body body; } bodies[] = {{"prove", BODY_PROVE}, {"count", BODY_COUNT}, {"average", BODY_AVERAGE},
    {"minimize", BODY_MINIMIZE}, {"maximize", BODY_MAXIMIZE}, {"list", BODY_LIST}};

static bool parse_at_most(struct parser *p, struct claim *c)
{
    if (!parser_accept_word(p, "at"))
        return true;
    if (!parser_expect_word(p, "most"))
        return false;
    const struct token *number = parser_peek(p, 0);
    unsigned long n = 0;
    for (size_t i = 0; i < number->at.length && number->kind == TOKEN_NUMBER; i++) {
        char d = p->report->text[number->at.offset + i];
        if (d < '0' || d > '9' || n > 1000000000UL) {
            n = 0;
            break;
        }
        n = 10 * n + (unsigned long)(d - '0');
    }
    if (n == 0 || n > 1000000000UL) {
        parser_expected(p, "a whole number from 1 to 1000000000 after 'at most'", NULL);
        return false;
    }
    p->pos++;
    c->has_at_most = true;
    c->at_most = n;
    return true;
}

static bool parse_body(struct parser *p, struct claim *c)
{
    size_t i = 0, n = sizeof bodies / sizeof *bodies;
    while (i < n && !parser_at_word(p, bodies[i].word))
        i++;
    if (i == n) {
        parser_expected(p, "prove, count, average, minimize, maximize or list",
                parser_at_word(p, "foreach") ? "foreach stands first in a claim"
                : parser_at(p, TOKEN_COLON) && c->n_clauses ? "write prove instead: forall t in D prove P" : NULL);
        return false;
    }
    c->body = bodies[i].body;
    c->body_at = parser_peek(p, 0)->at;
    p->pos++;
    if (c->body != BODY_PROVE) {
        if (!parse_binds(p, &c->binds) || (parser_accept_word(p, "where") && !(c->where = parse_expr(p, 0))) ||
            !parser_expect(p, TOKEN_COLON, "',', 'where' or ':'"))
            return false;
    }
    if (!(c->subject = parse_expr(p, 0)))
        return false;
    return c->body != BODY_LIST || parse_at_most(p, c);
}

static bool parse_under(struct parser *p, struct claim *c)
{
    c->has_semantics = true;
    c->semantics = parser_at_word(p, "float32") ? SEMANTICS_FLOAT32 : SEMANTICS_REAL;
    if (parser_accept_word(p, "real") || parser_accept_word(p, "float32"))
        return true;
    parser_expected(p, "real or float32 after 'under'", NULL);
    return false;
}

static bool parse_timeout(struct parser *p, struct claim *c)
{
    c->has_timeout = true;
    if (!parser_at(p, TOKEN_NUMBER)) {
        parser_expected(p, "a number of seconds after 'timeout'", NULL);
        return false;
    }
    if (!(c->timeout = parse_expr(p, 10)))
        return false;
    if (parser_accept_word(p, "s"))
        return true;
    parser_expected(p, "'s'", "a timeout is in seconds: timeout 10 s");
    return false;
}

static bool parse_verdict(struct parser *p, struct claim *c)
{
    struct place at;
    char *word = parser_name(p, "a verdict after 'expect'", &at), message[160];
    static const char *const words[] = {"proved", "bounded", "refuted", "undecided", "vacuous", "error"};
    if (!word)
        return false;
    c->has_expect = true;
    if (verdict_from_name(&c->expect, word))
        return true;
    const char *near = text_suggest(word, words, 6);
    char help[80];
    (void)snprintf(message, sizeof message, "'%.60s' is no verdict", word);
    (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "");
    parser_error(p, at, NULL, near ? help : "verdicts are proved, bounded, refuted, undecided, vacuous, error", message);
    return false;
}

/* One option; *known false: the word at hand is none. */
static bool parse_option(struct parser *p, struct claim *c, bool *known)
{
    const struct { const char *word; bool given; } options[] = {{"prove", c->prove != NULL || c->body == BODY_PROVE}, {"within", c->within != NULL},
        {"under", c->has_semantics}, {"timeout", c->has_timeout}, {"engine", c->engine != NULL}, {"expect", c->has_expect}, {"because",
                c->because != NULL}};
    size_t i = 0, n = sizeof options / sizeof *options;
    char message[80];
    while (i < n && !parser_at_word(p, options[i].word))
        i++;
    *known = i < n;
    if (!*known)
        return true;
    struct place at = parser_peek(p, 0)->at;
    p->pos++;
    if (options[i].given) {
        (void)snprintf(message, sizeof message, "'%s' is given twice", options[i].word);
        parser_error(p, at, NULL,
                i == 0 && c->body == BODY_PROVE ? "join the two predicates with 'and', or make two claims" : "each option stands at most once", message);
        return false;
    }
    switch (i) {
    case 0: return (c->prove = parse_expr(p, 0)) != NULL;
    case 1: return (c->within = parse_expr(p, 0)) != NULL;
    case 2: return parse_under(p, c);
    case 3: return parse_timeout(p, c);
    case 4: return (c->engine = parser_name(p, "the name of an engine", &c->engine_at)) != NULL;
    case 5: return parse_verdict(p, c);
    default: return (c->because = parser_string(p, "a string after 'because'", NULL)) != NULL;
    }
}

static bool parse_claim(struct parser *p, struct claim *c)
{
    bool known = true;
    if (!(c->name = parser_name(p, "the name of the claim", &c->at)))
        return false;
    if (parser_at(p, TOKEN_STRING) && !(c->title = parser_string(p, "a title", NULL)))
        return false;
    if (!parser_expect(p, TOKEN_OPEN_BRACE, "'{'"))
        return false;
    if (parser_accept_word(p, "foreach")) {
        if (!parse_binds(p, &c->foreach))
            return false;
        if (parser_at_word(p, "where")) {
            parser_expected(p, "let, forall or the claim's body", "put the condition into the set: foreach a in { a : a in 0..9 where a != 3 }");
            return false;
        }
    }
    if (!parse_clauses(p, c) || !parse_body(p, c))
        return false;
    while (known)
        if (!parse_option(p, c, &known))
            return false;
    if (c->open && c->assuming) {
        parser_error(p, c->open_at, NULL, "make two claims", "a claim leaves a constant open, or conditions, not both");
        return false;
    }
    if (parser_accept(p, TOKEN_CLOSE_BRACE))
        return true;
    parser_expected(p, "an operator, an option (prove, within, under, timeout, engine, expect, because) or '}'",
                    parser_at(p, TOKEN_ASSIGN) ? "equality is ==" : parser_at_word(p, "let") || parser_at_word(p,
                            "forall") ? "let and forall stand before the body" : NULL);
    return false;
}

/* 64 hexadecimal digits, as a string or bare: bare ones are read from the text, whatever tokens they were cut into. */
static char *parse_sha256(struct parser *p, struct place *at)
{
    size_t from = parser_peek(p, 0)->at.offset, n = 0;
    const char *s = p->report->text;
    bool quoted = parser_at(p, TOKEN_STRING);
    from += quoted ? 1 : 0;
    while (from + n < p->report->text_size && strchr("0123456789abcdef", s[from + n]) && s[from + n])
        n++;
    *at = (struct place){from, n ? n : 1};
    if (n != 64) {
        parser_error(p, *at, NULL, NULL, "sha256 takes 64 lower-case hexadecimal digits");
        return NULL;
    }
    while (parser_peek(p, 0)->at.offset < from + n && !parser_at(p, TOKEN_END))
        p->pos++;
    if (quoted && parser_peek(p, 0)->at.offset < from + n + 1)
        p->pos++;
    return arena_string(p->arena, s + from, n);
}

/* A number with or without sign, or a string. */
static struct expr *parse_literal(struct parser *p)
{
    struct expr *e;
    struct place at = parser_peek(p, 0)->at;
    if (!(e = parse_expr(p, 7)) || e->form == FORM_NUMBER || e->form == FORM_STRING)
        return e;
    parser_error(p, at, NULL, NULL, "expected a number or a string");
    return NULL;
}

/* The value of a setting: a decimal with or without sign, a word, or a string. */
static bool parse_setting(struct parser *p, struct key_value *x)
{
    size_t from = parser_peek(p, 0)->at.offset;
    x->quoted = parser_at(p, TOKEN_STRING);
    if (x->quoted)
        return (x->text = parser_string(p, "a value", NULL)) != NULL;
    if (!parser_at(p, TOKEN_NAME))
        (void)parser_accept(p, TOKEN_MINUS);
    const struct token *t = parser_peek(p, 0);
    if (t->kind != TOKEN_NUMBER && t->kind != TOKEN_NAME) {
        parser_expected(p, "a number, a word or a string", NULL);
        return false;
    }
    p->pos++;
    return (x->text = arena_string(p->arena, p->report->text + from, t->at.offset + t->at.length - from)) != NULL;
}

static bool parse_with(struct parser *p, struct decl *d)
{
    if (!parser_expect(p, TOKEN_OPEN_BRACE, "'{'"))
        return false;
    do {
        struct key_value *grown = arena_grow(p->arena, d->with, d->n_with, sizeof *grown), *x;
        if (!grown)
            return false;
        d->with = grown;
        x = &d->with[d->n_with];
        if (!(x->key = parser_name(p, "a key of the configuration", &x->at)) || !parser_expect(p, TOKEN_ASSIGN, "'='") ||
            !parse_setting(p, x))
            return false;
        d->n_with++;
    } while (parser_accept(p, TOKEN_COMMA));
    return parser_expect(p, TOKEN_CLOSE_BRACE, "',' or '}'");
}

static bool parse_process(struct parser *p, struct decl *d)
{
    do {
        char **grown = arena_grow(p->arena, d->process, d->n_process, sizeof *grown), help[80];
        struct place at;
        bool known = false;
        if (!grown)
            return false;
        d->process = grown;
        if (!(grown[d->n_process] = parser_name(p, "a step of processing", &at)))
            return false;
        known = process_find(grown[d->n_process]) >= 0;
        if (!known) {
            const char *near = text_suggest(grown[d->n_process], process_names, PROCESS_COUNT);
            (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "");
            parser_error(p, at, NULL, near ? help : "process takes fold_ln, center_writing, center_unembed, fold_value_biases",
                    "unknown step of processing");
            return false;
        }
        d->n_process++;
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

static bool parse_model_option(struct parser *p, struct decl *d, bool *known)
{
    if (parser_accept_word(p, "as"))
        return (d->family = parser_name(p, "the name of a family", &d->family_at)) != NULL;
    if (parser_accept_word(p, "config"))
        return (d->config = parser_string(p, "a file name in quotes", &d->config_at)) != NULL;
    if (parser_accept_word(p, "sha256"))
        return (d->sha256 = parse_sha256(p, &d->sha256_at)) != NULL;
    if (parser_accept_word(p, "process"))
        return parse_process(p, d);
    if (parser_accept_word(p, "with"))
        return parse_with(p, d);
    *known = false;
    return true;
}

static bool parse_file_decl(struct parser *p, struct decl *d)
{
    bool known = d->kind == DECL_MODEL;
    if (!parser_expect(p, TOKEN_ASSIGN, "'='") || !(d->file = parser_string(p, "a file name in quotes", &d->file_at)))
        return false;
    while (known)
        if (!parse_model_option(p, d, &known))
            return false;
    if (d->kind == DECL_DATA && parser_accept(p, TOKEN_OPEN_BRACKET) &&
        (!(d->member = parser_string(p, "the name of an array in quotes", NULL)) || !parser_expect(p, TOKEN_CLOSE_BRACKET, "']'")))
        return false;
    return d->kind != DECL_DATA || !parser_accept_word(p, "sha256") || (d->sha256 = parse_sha256(p, &d->sha256_at)) != NULL;
}

static const struct { const char *word; enum decl_kind kind; const char *named; } declarations[] = {
    {"model", DECL_MODEL, "the name of the model"}, {"data", DECL_DATA, "the name of the data"}, {"labels", DECL_LABELS, "the name of a model"},
    {"param", DECL_PARAM, "the name of the parameter"}, {"domain", DECL_DOMAIN, "the name of the domain"}, {"let", DECL_LET, NULL},
            {"claim", DECL_CLAIM, NULL}};
#define N_DECLARATIONS (sizeof declarations / sizeof *declarations)

static bool parse_decl(struct parser *p, struct decl *d, size_t which)
{
    p->pos++;
    d->kind = declarations[which].kind;
    if (d->kind == DECL_LET) {
        if (!(d->let = parse_let(p)))
            return false;
        d->name = d->let->name;
        d->at = d->let->at;
        return true;
    }
    if (d->kind == DECL_CLAIM) {
        p->claim = d->claim = arena_array(p->arena, 1, sizeof *d->claim);
        bool read = d->claim && parse_claim(p, d->claim);
        p->claim = NULL;
        if (!read)
            return false;
        d->name = d->claim->name;
        d->at = d->claim->at;
        return true;
    }
    d->name = d->kind == DECL_MODEL || d->kind == DECL_DATA ? parser_variable(p, &d->at) : parser_name(p, declarations[which].named, &d->at);
    if (!d->name)
        return false;
    if (d->kind == DECL_MODEL || d->kind == DECL_DATA || d->kind == DECL_LABELS)
        return parse_file_decl(p, d);
    return parser_expect(p, TOKEN_ASSIGN, "'='") && (d->value = d->kind == DECL_PARAM ? parse_literal(p) : parse_set(p)) != NULL;
}

static size_t declaration_at(const struct parser *p)
{
    size_t i = 0;
    while (i < N_DECLARATIONS && !parser_at_word(p, declarations[i].word))
        i++;
    return i;
}

/* After an error: on to the next declaration. A `let` inside a claim is none, so braces are counted from where the declaration began. */
static void recover(struct parser *p, size_t start)
{
    int depth = 0;
    for (size_t i = start; i < p->pos && i < p->n; i++)
        depth += p->tokens[i].kind == TOKEN_OPEN_BRACE ? 1 : p->tokens[i].kind == TOKEN_CLOSE_BRACE ? -1 : 0;
    if (p->pos == start)
        p->pos++;
    while (!parser_at(p, TOKEN_END)) {
        size_t which = declaration_at(p);
        /* A claim or model begins a line of its own wherever it stands: the brace before it was forgotten. */
        bool at_line_start = p->pos && p->report->text[parser_peek(p, 0)->at.offset ? parser_peek(p, 0)->at.offset - 1 : 0] == '\n';
        if (which < N_DECLARATIONS && (depth <= 0 || (at_line_start && declarations[which].kind != DECL_LET)))
            break;
        depth += parser_at(p, TOKEN_OPEN_BRACE) ? 1 : parser_at(p, TOKEN_CLOSE_BRACE) ? -1 : 0;
        p->pos++;
    }
    p->said = false;
    p->arena->too_large = p->arena->too_deep = false;
}

static bool parse_version(struct parser *p)
{
    const struct token *t = parser_peek(p, 1);
    if (!parser_at_word(p, "claims") || t->kind != TOKEN_NUMBER) {
        parser_error(p, parser_peek(p, 0)->at, NULL, "the first line of a claim file is: claims 1", "the file does not say its version");
        return false;
    }
    if (t->at.length != 1 || p->report->text[t->at.offset] != '1') {
        parser_error(p, t->at, NULL, "this program reads: claims 1", "unknown version of the claim language");
        return false;
    }
    p->pos += 2;
    return true;
}

static void unknown_declaration(struct parser *p)
{
    static const char *const words[] = {"model", "data", "labels", "param", "domain", "let", "claim"};
    const struct token *t = parser_peek(p, 0);
    char name[40], help[80];
    (void)snprintf(name, sizeof name, "%.*s", t->at.length < 39 ? (int)t->at.length : 39, p->report->text + t->at.offset);
    const char *near = t->kind == TOKEN_NAME ? text_suggest(name, words, 7) : NULL;
    (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "");
    parser_expected(p, "model, data, labels, param, domain, let or claim", near ? help : NULL);
}

enum status syntax_parse(struct syntax *out, struct arena *a, struct report *r)
{
    struct token *tokens = NULL;
    size_t n = 0;
    enum status s = lex(&tokens, &n, r);
    struct parser p = {.arena = a, .report = r, .tokens = tokens, .n = n};
    *out = (struct syntax){0};
    if (s != STATUS_OK)
        return s;
    if (!parse_version(&p))
        goto done;
    while (!parser_at(&p, TOKEN_END) && !a->failed) {
        size_t start = p.pos, which = declaration_at(&p);
        struct decl *grown = arena_grow(a, out->decls, out->n, sizeof *grown);
        if (!grown)
            break;
        if (out->n == DECLS_MAX) {
            parser_error(&p, parser_peek(&p, 0)->at, NULL, NULL, "more than 20,000 declarations");
            out->incomplete = true;
            break;
        }
        out->decls = grown;
        out->decls[out->n] = (struct decl){0};
        if (which == N_DECLARATIONS)
            unknown_declaration(&p);
        if (which < N_DECLARATIONS && parse_decl(&p, &out->decls[out->n], which))
            out->n++;
        else {
            out->incomplete = out->incomplete || which + 1 < N_DECLARATIONS;
            recover(&p, start);
        }
    }
done:
    free(tokens);
    return a->failed ? STATUS_MEMORY : r->status;
}

enum status syntax_parse_literal(struct expr **out, struct arena *a, struct report *r)
{
    struct token *tokens = NULL;
    size_t n = 0;
    enum status s = lex(&tokens, &n, r);
    struct parser p = {.arena = a, .report = r, .tokens = tokens, .n = n};
    if (s != STATUS_OK)
        return s;
    *out = parse_literal(&p);
    if (*out && !parser_at(&p, TOKEN_END))
        parser_expected(&p, "nothing more", NULL);
    free(tokens);
    return a->failed ? STATUS_MEMORY : r->status;
}
