/* eval: the value of every subexpression of a claim at one input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/claims.h"
#include "core/mem.h"
#include "core/text.h"
#include "verify/interp.h"

#define EVAL_BITS 256
#define SHOWN_MAX 400 /* characters of one value */
#define SCOPES_MAX 8

struct evaluation {
    const struct statement *s;
    struct interp *in;
    bool *bound;                          /* by slot */
    const struct binds *scopes[SCOPES_MAX]; size_t n_scopes;
    const struct expr *conditions[SCOPES_MAX]; size_t n_conditions;
    const struct expr *body;              /* the subject without leading `exists` */
    char **lines; size_t n_lines, room;   /* what was printed, to print equal text once */
    struct text out;
};

static void add_scope(struct evaluation *v, const struct binds *b, const struct expr *where) {
    if (v->n_scopes == SCOPES_MAX || b->n == 0) return;
    v->scopes[v->n_scopes++] = b;
    if (where) v->conditions[v->n_conditions++] = where;
}

static void find_scopes(struct evaluation *v) {
    const struct statement *s = v->s;
    if (s->body == BODY_PROVE) add_scope(v, &s->forall, s->forall_where);
    else add_scope(v, &s->binds, s->where);
    v->body = s->subject;
    while (v->body->form == FORM_QUANT && v->body->quant == QUANT_EXISTS) {
        add_scope(v, &v->body->binds, v->body->where);
        v->body = v->body->args[0];
    }
}

static const struct bind *find_binder(const struct evaluation *v, const char *name) {
    for (size_t i = 0; i < v->n_scopes; i++)
        for (size_t k = 0; k < v->scopes[i]->n; k++)
            if (strcmp(v->scopes[i]->items[k].name, name) == 0) return &v->scopes[i]->items[k];
    return NULL;
}

/* Does the set of a binder, as far as it is given by ranges, lists and tokens of them, hold the value? */
static enum status in_numbers(bool *out, struct interp *in, const struct expr *set, long x, struct diag *d) {
    long lo = x, hi = x;
    enum status s = STATUS_OK;
    *out = true;
    if (set->form == FORM_RANGE) {
        s = interp_int(&lo, in, set->args[0], d);
        if (s == STATUS_OK) s = interp_int(&hi, in, set->args[1], d);
        *out = lo <= x && x <= hi;
    } else if (set->form == FORM_SET_CALL && set->function == FUNCTION_ROWS) {
        *out = 0 <= x && x < set->args[0]->type.shape[0];
    } else if (set->form == FORM_LIST) {
        *out = false;
        for (size_t i = 0; i < set->n_args && s == STATUS_OK && !*out; i++) {
            s = interp_int(&lo, in, set->args[i], d);
            *out = s == STATUS_OK && lo == x;
        }
    }
    return s;
}

static enum status check_member(struct evaluation *v, const struct bind *b, const int *values, size_t n, struct diag *d) {
    const struct expr *set = b->set;
    bool power = set->form == FORM_TOKENS_POWER, product = set->form == FORM_TOKENS_PRODUCT, member = true;
    for (size_t i = 0; i < n; i++) {
        const struct expr *numbers = power ? set->args[1] : product && i < set->n_args ? set->args[i] : set;
        struct text t;
        enum status s = in_numbers(&member, v->in, numbers, values[i], d);
        if (s != STATUS_OK) return s;
        if (member) continue;
        text_init(&t);
        expr_print(&t, set);
        s = diag_fail(d, STATUS_INPUT, "%d is not in the set of '%s', %s", values[i], b->name, t.data ? t.data : "");
        text_clear(&t);
        return s;
    }
    return STATUS_OK;
}

/* After everything is bound: a set may rest on an earlier name. */
static enum status check_members(struct evaluation *v, struct diag *d) {
    for (size_t i = 0; i < v->n_scopes; i++)
        for (size_t k = 0; k < v->scopes[i]->n; k++) {
            const struct bind *b = &v->scopes[i]->items[k];
            const int *tokens;
            size_t n;
            bool is_int;
            enum status s = interp_bound(v->in, b->slot, &tokens, &n, &is_int) ? check_member(v, b, tokens, n, d) : STATUS_INTERNAL;
            if (s != STATUS_OK) return s;
        }
    return STATUS_OK;
}

static enum status bind_all(struct evaluation *v, const struct setting *at, size_t n, struct diag *d) {
    for (size_t i = 0; i < n; i++) {
        const struct bind *b = find_binder(v, at[i].key);
        int *values = NULL;
        size_t count = 0;
        if (!b) {
            bool chosen = false;
            for (size_t k = 0; k < v->s->n_foreach; k++) chosen = chosen || strcmp(v->s->foreach[k].name, at[i].key) == 0;
            if (chosen) continue;
            return diag_fail(d, STATUS_INPUT, "claim '%s' has no variable '%s'", v->s->name, at[i].key);
        }
        enum status s = tokens_parse(&values, &count, at[i].value, 0, d);
        if (s != STATUS_OK) return s;
        const struct type *element = b->set->type.element;
        if (element && element->rank == 1 && element->shape[0] >= 0 && (size_t)element->shape[0] != count) {
            free(values);
            return diag_fail(d, STATUS_INPUT, "variable '%s' has %ld tokens, not %zu", b->name, element->shape[0], count);
        }
        bool sequence = element ? element->rank > 0 : count > 1;
        if (sequence) interp_bind_tokens(v->in, b->slot, values, count);
        else if (count == 1) interp_bind_int(v->in, b->slot, values[0]);
        else s = diag_fail(d, STATUS_INPUT, "variable '%s' is one number, not %zu", b->name, count);
        v->bound[b->slot] = true;
        free(values);
        if (s != STATUS_OK) return s;
    }
    for (size_t i = 0; i < v->n_scopes; i++)
        for (size_t k = 0; k < v->scopes[i]->n; k++)
            if (!v->bound[v->scopes[i]->items[k].slot])
                return diag_fail(d, STATUS_INPUT, "variable '%s' has no value; give it with --at %s=V,...", v->scopes[i]->items[k].name,
                                 v->scopes[i]->items[k].name);
    return STATUS_OK;
}

static bool has_value(const struct expr *e) {
    switch (e->form) {
    case FORM_NUMBER: case FORM_STRING: case FORM_LAST: case FORM_SLICE: case FORM_ASSIGN: case FORM_KEYWORD: case FORM_RANGE:
    case FORM_TOKENS_POWER: case FORM_TOKENS_PRODUCT: case FORM_IMAGE: case FORM_SET_CALL:
        return false;
    default:
        return e->type.base == BASE_INT || e->type.base == BASE_EXACT || e->type.base == BASE_REAL || e->type.base == BASE_BOOL;
    }
}

static bool closed_here(const struct evaluation *v, const struct expr *e) {
    size_t n = v->s->n_slots;
    bool closed = true, *used = mem_array(n, sizeof *used);
    if (!used) return false;
    expr_free_slots(used, n, e);
    for (size_t i = 0; i < n; i++) closed = closed && (!used[i] || v->bound[i]);
    free(used);
    return closed;
}

/* Remembers the text; true the first time. */
static bool first_time(struct evaluation *v, const char *text) {
    for (size_t i = 0; i < v->n_lines; i++)
        if (strcmp(v->lines[i], text) == 0) return false;
    char **grown = mem_grow(v->lines, &v->room, v->n_lines + 1, sizeof *v->lines);
    if (!grown) return false;
    v->lines = grown;
    v->lines[v->n_lines] = mem_string(text);
    if (!v->lines[v->n_lines]) return false;
    v->n_lines++;
    return true;
}

static void show(struct evaluation *v, const struct expr *e) {
    struct text text, shown;
    struct diag d;
    text_init(&text);
    text_init(&shown);
    diag_init(&d);
    expr_print(&text, e);
    if (text.failed || !first_time(v, text.data)) goto done;
    enum status s = interp_show(&shown, v->in, e, &d);
    text_addf(&v->out, "%s = ", text.data);
    if (s != STATUS_OK) text_addf(&v->out, "no value: %s\n", d.n ? d.messages[0].text : status_name(s));
    else if (shown.size > SHOWN_MAX) text_addf(&v->out, "%.*s ... (%zu characters more)\n", SHOWN_MAX, shown.data, shown.size - SHOWN_MAX);
    else text_addf(&v->out, "%s\n", shown.data ? shown.data : "");
done:
    text_clear(&text);
    text_clear(&shown);
    diag_clear(&d);
}

/* Parts before the whole. */
static void show_all(struct evaluation *v, const struct expr *e) {
    if (e->form == FORM_STRING || e->form == FORM_NUMBER) return;
    for (size_t i = 0;; i++) {
        const struct expr *child = expr_child(e, i);
        if (!child) break;
        show_all(v, child);
    }
    if (has_value(e) && closed_here(v, e)) show(v, e);
}

static void show_slack(struct evaluation *v) {
    arb_t x;
    struct diag d;
    if (v->body->type.base != BASE_BOOL) return;
    arb_init(x);
    diag_init(&d);
    if (interp_slack(x, v->in, v->body, &d) == STATUS_OK && arb_is_finite(x)) {
        char *s = arb_get_str(x, 15, 0);
        text_addf(&v->out, "slack = %s\n", s ? s : "?");
        flint_free(s);
    }
    diag_clear(&d);
    arb_clear(x);
}

static enum status evaluate(struct text *out, const struct statement *s, const struct setting *at, size_t n_at, struct diag *d) {
    struct evaluation v = {.s = s};
    text_init(&v.out);
    if (s->undecidable || !s->text)
        return diag_fail(d, STATUS_UNSUPPORTED, "claim '%s' has no value: %s", s->name, s->undecidable ? s->undecidable : "a model could not be loaded");
    find_scopes(&v);
    v.bound = mem_array(s->n_slots, sizeof *v.bound);
    enum status status = v.bound ? interp_new(&v.in, s, EVAL_BITS) : STATUS_MEMORY;
    if (status == STATUS_OK) status = bind_all(&v, at, n_at, d);
    if (status == STATUS_OK) status = check_members(&v, d);
    if (status == STATUS_OK) {
        for (size_t i = 0; i < v.n_conditions; i++) show_all(&v, v.conditions[i]);
        show_all(&v, v.body);
        show_slack(&v);
        if (v.out.failed) status = STATUS_MEMORY;
        else if (v.out.data) text_add(out, v.out.data);
    }
    interp_free(v.in);
    for (size_t i = 0; i < v.n_lines; i++) free(v.lines[i]);
    free(v.lines);
    free(v.bound);
    text_clear(&v.out);
    return status;
}

/* Does --at name this value of foreach (or none)? */
static bool chosen(const struct statement *s, const struct setting *at, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s->n_foreach; k++) {
            mpq_t q;
            mpq_init(q);
            bool same = strcmp(s->foreach[k].name, at[i].key) != 0 ||
                        (number_from_literal(q, at[i].value, strlen(at[i].value)) && mpq_equal(q, s->foreach[k].value));
            mpq_clear(q);
            if (!same) return false;
        }
    return true;
}

/* The one statement that --at chooses. */
static enum status choose(size_t *out, const struct claims *c, const struct setting *at, size_t n_at, struct diag *d) {
    const struct statement *first = &c->statements[0];
    struct text t;
    size_t n = 0;
    for (size_t i = c->n_statements; i-- > 0;)
        if (chosen(&c->statements[i], at, n_at)) {
            *out = i;
            n++;
        }
    if (n == 0) return diag_fail(d, STATUS_INPUT, "claim '%s' has no such value of foreach", first->name);
    if (n == 1) return STATUS_OK;
    text_init(&t);
    for (size_t k = 0; k < first->n_foreach; k++) {
        text_addf(&t, " --at %s=", first->foreach[k].name);
        number_add_text(&t, first->foreach[k].value);
    }
    enum status s = diag_fail(d, STATUS_INPUT, "claim '%s' stands for %zu values of foreach; choose one, as with%s", first->name, n, t.data ? t.data : " --at");
    text_clear(&t);
    return s;
}

int command_eval(const struct arguments *a) {
    struct claims c = {0};
    struct setting *at = NULL;
    size_t n_at = 0, pick = 0;
    struct diag d;
    struct text t;
    bool read = false;
    diag_init(&d);
    text_init(&t);
    enum status s = STATUS_OK;
    if (a->n_values[OPTION_ONLY] != 1) s = diag_fail(&d, STATUS_INPUT, "eval needs --only NAME, once");
    if (s == STATUS_OK) s = argument_settings(&at, &n_at, a, OPTION_AT, &d);
    if (s == STATUS_OK) s = command_claims(&c, a, &d);
    if (s != STATUS_OK) goto done;
    read = true;
    s = choose(&pick, &c, at, n_at, &d);
    if (s == STATUS_OK) s = command_closed(&c.statements[pick], &d);
    if (s == STATUS_OK) s = evaluate(&t, &c.statements[pick], at, n_at, &d);
    if (s == STATUS_OK) s = t.failed ? STATUS_MEMORY : command_write(NULL, t.data ? t.data : "", t.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (read) claims_clear(&c);
    free(at);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
