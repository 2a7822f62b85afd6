/* A whole claim file, canonical: declarations in order, one option a line. */
#include "verify/syntax.h"

static void print_quoted(struct text *out, const char *s)
{
    const struct expr e = {.form = FORM_STRING, .name = (char *)(uintptr_t)s};
    expr_print(out, &e);
}

static void print_let(struct text *out, const struct let *let)
{
    text_add(out, "let ");
    text_add(out, let->name);
    for (size_t i = 0; i < let->n_params; i++) {
        text_add(out, i ? ", " : "(");
        text_add(out, let->params[i]);
    }
    text_add(out, let->n_params ? ") = " : " = ");
    expr_print(out, let->value);
    text_add(out, "\n");
}

static void print_binders(struct text *out, const struct binds *b, const struct expr *where)
{
    binds_print(out, b);
    if (where) {
        text_add(out, " where ");
        expr_print(out, where);
    }
}

static void print_body(struct text *out, const struct claim *c)
{
    static const char *const words[] = {"prove ", "count ", "average ", "minimize ", "maximize ", "list "};
    text_add(out, "  ");
    text_add(out, words[c->body]);
    if (c->body != BODY_PROVE) {
        print_binders(out, &c->binds, c->where);
        text_add(out, " : ");
    }
    expr_print(out, c->subject);
    if (c->has_at_most)
        text_addf(out, " at most %lu", c->at_most);
    text_add(out, "\n");
}

static void print_option(struct text *out, const char *word, const struct expr *e, const char *after)
{
    if (!e)
        return;
    text_addf(out, "  %s ", word);
    expr_print(out, e);
    text_add(out, after);
    text_add(out, "\n");
}

static void print_claim(struct text *out, const struct claim *c)
{
    text_addf(out, "claim %s ", c->name);
    if (c->title) {
        print_quoted(out, c->title);
        text_add(out, " ");
    }
    text_add(out, "{\n");
    if (c->foreach.n) {
        text_add(out, "  foreach ");
        binds_print(out, &c->foreach);
        text_add(out, "\n");
    }
    for (size_t i = 0; i < c->n_clauses; i++) {
        text_add(out, "  ");
        if (c->clauses[i].let) {
            print_let(out, c->clauses[i].let);
        } else {
            text_add(out, "forall ");
            print_binders(out, &c->clauses[i].binds, c->clauses[i].where);
            text_add(out, "\n");
        }
    }
    if (c->assuming) {
        text_add(out, "  assuming some of ");
        expr_print(out, c->assuming);
        text_add(out, "\n");
    }
    print_body(out, c);
    print_option(out, "within", c->within, "");
    print_option(out, "prove", c->prove, "");
    if (c->has_semantics)
        text_add(out, c->semantics == SEMANTICS_REAL ? "  under real\n" : "  under float32\n");
    print_option(out, "timeout", c->timeout, " s");
    if (c->engine)
        text_addf(out, "  engine %s\n", c->engine);
    if (c->has_expect)
        text_addf(out, "  expect %s\n", verdict_name(c->expect));
    if (c->because) {
        text_add(out, "  because ");
        print_quoted(out, c->because);
        text_add(out, "\n");
    }
    text_add(out, "}\n");
}

static void print_file_decl(struct text *out, const struct decl *d)
{
    static const char *const words[] = {"model", "data", "labels"};
    text_addf(out, "%s %s = ", words[d->kind], d->name);
    print_quoted(out, d->file);
    if (d->member) {
        text_add(out, "[");
        print_quoted(out, d->member);
        text_add(out, "]");
    }
    if (d->family)
        text_addf(out, " as %s", d->family);
    if (d->config) {
        text_add(out, " config ");
        print_quoted(out, d->config);
    }
    for (size_t i = 0; i < d->n_process; i++)
        text_addf(out, "%s%s", i ? ", " : " process ", d->process[i]);
    for (size_t i = 0; i < d->n_with; i++) {
        text_addf(out, "%s%s = ", i ? ", " : " with {", d->with[i].key);
        if (d->with[i].quoted)
            print_quoted(out, d->with[i].text);
        else
            text_add(out, d->with[i].text);
    }
    if (d->n_with)
        text_add(out, "}");
    if (d->sha256)
        text_addf(out, " sha256 \"%s\"", d->sha256);
    text_add(out, "\n");
}

void syntax_print(struct text *out, const struct syntax *s)
{
    text_add(out, "claims 1\n");
    for (size_t i = 0; i < s->n; i++) {
        const struct decl *d = &s->decls[i];
        if (d->kind == DECL_LET) {
            print_let(out, d->let);
        } else if (d->kind == DECL_CLAIM) {
            print_claim(out, d->claim);
        } else if (d->kind == DECL_PARAM || d->kind == DECL_DOMAIN) {
            text_addf(out, "%s %s = ", d->kind == DECL_PARAM ? "param" : "domain", d->name);
            expr_print(out, d->value);
            text_add(out, "\n");
        } else {
            print_file_decl(out, d);
        }
    }
}

enum status claims_parse_only(struct text *canonical, const char *name, const char *text, size_t size, struct diag *d)
{
    struct report r = {d, name, text, size, STATUS_OK};
    struct arena a;
    struct syntax syntax;
    arena_init(&a);
    enum status s = syntax_parse(&syntax, &a, &r);
    if (s == STATUS_OK && canonical) {
        syntax_print(canonical, &syntax);
        s = canonical->failed ? STATUS_MEMORY : s;
    }
    arena_clear(&a);
    return s;
}
