/* opening.c: claims that leave a constant or some conditions open: a template, and statements with the gap filled. */
#include <string.h>
#include "core/mem.h"
#include "verify/elaborate.h"

struct instance { struct arena arena; struct statement s; };

const struct scope *bind_value(struct elaborator *e, const struct scope *env, const char *name, mpq_srcptr value, struct place at)
{
    mpq_t q;
    mpq_init(q);
    mpq_set(q, value);
    const struct expr *x = expr_number(e->arena, at, q);
    mpq_clear(q);
    return x ? scope_add(e->arena, (struct scope){.up = env, .name = name, .kind = SCOPE_VALUE, .slot = -1, .expr = x}) : NULL;
}

/* A copy of the elaborator that outlives the reading of the file: of its options it keeps what statements need. */
static struct elaborator *kept(const struct elaborator *e)
{
    struct elaborator *k = arena_array(e->arena, 1, sizeof *k);
    struct claims_options *o = arena_array(e->arena, 1, sizeof *o);
    if (!k || !o)
        return NULL;
    *k = *e;
    k->options = o;
    if (e->options->semantics && (o->semantics = arena_array(e->arena, 1, sizeof *o->semantics)))
        *o->semantics = *e->options->semantics;
    k->report = NULL;
    return k;
}

/* The conditions as a reader may know them: as written. */
static bool take_conditions(struct opening *open, const struct elaborator *e)
{
    const struct expr *list = e->claim->assuming;
    open->n_conditions = list ? list->n_args : 0;
    if (!(open->conditions = arena_array(e->arena, open->n_conditions, sizeof *open->conditions)))
        return false;
    for (size_t i = 0; i < open->n_conditions; i++) {
        struct text t;
        text_init(&t);
        expr_print(&t, list->args[i]);
        open->conditions[i] = t.failed ? NULL : arena_string(e->arena, t.data, t.size);
        text_clear(&t);
        if (!open->conditions[i])
            return false;
    }
    return true;
}

/* Is the constant alone on one side of what is proved? That says where to look for it; nothing rests on it. */
static void take_side(struct opening *open, const struct claim *c)
{
    const struct expr *e = c->prove ? c->prove : c->subject;
    if (e->form != FORM_COMPARE || e->n_args != 2)
        return;
    for (size_t k = 0; k < 2; k++) {
        const struct expr *other = e->args[1 - k];
        bool less = e->opers[0] == OPER_LT || e->opers[0] == OPER_LE, more = e->opers[0] == OPER_GT || e->opers[0] == OPER_GE;
        if ((!less && !more) || e->args[k]->form != FORM_NAME || strcmp(e->args[k]->name, c->open) != 0)
            continue;
        open->side = less == (k == 0) ? 1 : -1;
        open->beside = c->prove && other->form == FORM_NAME ? other->name : NULL;
    }
}

/* The template is typed with 1/2 for the constant, or with all conditions. */
void statement_open(struct elaborator *e, const struct scope *env)
{
    const struct claim *c = e->claim;
    struct opening *open = arena_array(e->arena, 1, sizeof *open);
    size_t before = e->claims->n_statements;
    const struct scope *inner = env;
    mpq_t half;
    const struct expr *given = c->open ? param_given(e, c->open) : NULL;
    mpq_init(half);
    mpq_set_ui(half, 1, 2);
    if (given && given->form == FORM_NUMBER)
        mpq_set(half, given->number);
    if (c->open)
        inner = bind_value(e, env, c->open, half, c->open_at);
    mpq_clear(half);
    if (given && inner) {       /* --param closes it */
        if (given->form == FORM_NUMBER)
            statement_make(e, inner);
        else
            report_at(e->report, c->open_at, NULL, "--param '?c=1/2'", "the constant left open takes a number");
        return;
    }
    if (!open || (c->open && !inner) || !take_conditions(open, e) || !(open->e = kept(e)))
        return;
    if (c->open && (c->body == BODY_LIST || (c->body != BODY_PROVE && !c->prove))) {
        report_at(e->report, c->open_at, NULL, "prove value >= ?c", "a constant is left open in what is proved, and this claim proves nothing");
        return;
    }
    open->env = env;
    open->constant = c->open ? c->open + 1 : NULL;
    if (c->open)
        take_side(open, c);
    statement_make(e, inner);
    if (e->claims->n_statements == before)
        return;
    struct statement *s = &e->claims->statements[before];
    mpq_init(open->within);
    if (c->within)
        mpq_set(open->within, s->within);
    else
        mpq_set_ui(open->within, 1, 1000000);
    s->open = open;
    s->text = NULL;
    s->sha256[0] = 0;
}

enum status statement_close(struct instance **out, const struct statement *open, mpq_srcptr value, const bool *conditions, struct diag *d)
{
    const struct opening *o = open->open;
    struct report report = {d, open->file->path, open->file->source, open->file->source_size, STATUS_OK};
    struct elaborator e = *o->e;
    struct instance *i = *out = mem_array(1, sizeof *i);
    if (!i)
        return STATUS_MEMORY;
    arena_init(&i->arena);
    e.arena = &i->arena;
    e.report = &report;
    e.claims = (struct claims *)(uintptr_t)open->file;      /* models and data are read; no statement is added */
    e.assumed = conditions;
    mpq_init(i->s.within);
    const struct scope *env = value ? bind_value(&e, o->env, e.claim->open, value, e.claim->open_at) : o->env;
    if (env || !value) {
        mpq_clear(i->s.within);
        statement_build(&i->s, &e, env);
    }
    i->s.file = open->file;
    bool is_value = open->body == BODY_AVERAGE || open->body == BODY_MINIMIZE || open->body == BODY_MAXIMIZE;
    if (value && (i->s.has_within || is_value)) {            /* narrower than the ends of the constant have to be */
        mpq_div_2exp(i->s.within, o->within, 2);
        i->s.has_within = true;
    }
    enum status s = i->arena.failed ? STATUS_MEMORY : report.status;
    if (s != STATUS_OK) {
        instance_free(i);
        *out = NULL;
    }
    return s;
}

const struct statement *instance_statement(const struct instance *i) { return &i->s; }

void instance_free(struct instance *i)
{
    if (!i)
        return;
    statement_done(&i->s);
    arena_clear(&i->arena);
    free(i);
}
