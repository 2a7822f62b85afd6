/* changes_shown.c: the intervals of answer changes that stand in an accepted certificate, in words and as JSON. */
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "proofs/at_binding.h"
#include "proofs/changes_shown.h"
#include "proofs/write.h"
#include "verify/quadratic.h"
#include "verify/radius.h"
#include "verify/roots.h"

#define SAID 4           /* changes of one segment in a line */

struct search { struct at_binding at; struct changes_shown *out; size_t n; };

/* Evaluates each call once more, with the store taking notes. */
static bool note(const struct expr *e, void *context)
{
    struct search *f = context;
    struct diag d;
    long changes;
    if (!expr_calls(e, FUNCTION_CHANGES) || e->args[0]->form != FORM_NAME || f->n == CHANGES_SHOWN || !at_binding_knows(&f->at, e)) return true;
    diag_init(&d);
    if (interp_int(&changes, f->at.in, e, &d) == STATUS_OK) f->n++;
    diag_clear(&d);
    return true;
}

void changes_note(const struct statement *s, const struct outcome *o, bool refuted)
{
    struct search f = {0};
    if (!s->radii || !at_binding_open(&f.at, s, outcome_binding(o, s->body, refuted))) return;
    radii_note_changes(s->radii, true);
    (void)expr_walk(s->subject, note, &f);
    radii_note_changes(s->radii, false);
    at_binding_close(&f.at);
}

static void keep(struct search *f, const char *key, const char *rest)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->out[i].key, key) == 0) return;
    struct changes_shown c = {mem_string(key), mem_string(rest)};
    if (c.key && c.rest) f->out[f->n++] = c;
    else free(c.key), free(c.rest);
}

static bool visit(const struct expr *e, void *context)
{
    struct search *f = context;
    if (!expr_calls(e, FUNCTION_CHANGES) || e->args[0]->form != FORM_NAME || f->n == CHANGES_SHOWN) return true;
    const struct model *model = statement_model(f->at.s, e->args[0]->name);
    size_t n = model ? model->net.width_in : 0;
    fmpq *x = n ? at_binding_vector(&f->at, e->args[1], n, false) : NULL, *y = x ? at_binding_vector(&f->at, e->args[2], n, false) : NULL;
    if (y) {
        struct text key;
        text_init(&key);
        changes_key(&key, e->args[0]->name, x, y, n);
        const char *rest = key.failed ? NULL : radii_changes(f->at.s->radii, key.data);
        if (rest) keep(f, key.data, rest);
        text_clear(&key);
    }
    if (x) _fmpq_vec_clear(x, (slong)n);
    if (y) _fmpq_vec_clear(y, (slong)n);
    return true;
}

size_t result_changes(struct changes_shown out[CHANGES_SHOWN], const struct result *r)
{
    struct search f = {.out = out};
    const char *rule = r->outcome.rule;
    if (r->evidence == EVIDENCE_NONE || !rule || (strcmp(rule, "point") != 0 && strcmp(rule, "enumerate") != 0)) return 0;
    if (!r->statement->radii || !at_binding_open(&f.at, r->statement, outcome_binding(&r->outcome, r->statement->body, r->verdict == VERDICT_REFUTED))) return 0;
    (void)expr_walk(r->statement->subject, visit, &f);
    at_binding_close(&f.at);
    return f.n;
}

void changes_shown_clear(struct changes_shown *c, size_t n)
{
    for (size_t i = 0; i < n; i++) free(c[i].key), free(c[i].rest);
}

/* The next word, and what comes behind it. */
static const char *word(const char **at, size_t *n)
{
    const char *s = *at + strspn(*at, " ");
    *n = strcspn(s, " ");
    *at = s + *n;
    return s;
}

static void set_number(mpq_t q, const char *s, size_t n)
{
    char *copy = mem_array(n + 1, 1);
    if (copy) memcpy(copy, s, n);
    if (!copy || mpq_set_str(q, copy, 10) != 0) mpq_set_ui(q, 0, 1);
    free(copy);
}

/* " A LO HI A LO HI A" */
static void say_one(struct text *out, const char *rest)
{
    size_t n, m, k, told = 0;
    mpq_t lo, hi;
    mpq_inits(lo, hi, NULL);
    const char *answer = word(&rest, &n);
    while (*rest) {
        const char *a = word(&rest, &m), *b = word(&rest, &k);
        set_number(lo, a, m), set_number(hi, b, k);
        const char *next = word(&rest, &m);
        if (told < SAID) {
            text_addf(out, "%s%.*s -> %.*s at s in [", told ? ", " : "", (int)n, answer, (int)m, next);
            write_decimal(out, lo, 9, ROUND_DOWN);
            text_add(out, ", ");
            write_decimal(out, hi, 9, ROUND_UP);
            text_add(out, "]");
        }
        told++;
        answer = next, n = m;
    }
    if (told > SAID) text_addf(out, ", and %zu more", told - SAID);
    if (told == 0) text_addf(out, "%.*s all the way", (int)n, answer);
    mpq_clears(lo, hi, NULL);
}

void changes_say(struct text *out, const struct result *r)
{
    struct changes_shown c[CHANGES_SHOWN];
    size_t n = result_changes(c, r);
    for (size_t i = 0; i < n; i++) {
        text_add(out, "; answers ");
        say_one(out, c[i].rest);
    }
    changes_shown_clear(c, n);
}

/* Comma-separated numbers, or outputs joined by +, as an array; texts: in quotes. */
static void add_array(struct text *out, const char *s, size_t n, char by, bool texts)
{
    text_add(out, "[");
    for (size_t i = 0; i < n;) {
        size_t k = i;
        while (k < n && s[k] != by) k++;
        text_addf(out, texts ? "%s\"%.*s\"" : "%s%.*s", i ? ", " : "", (int)(k - i), s + i);
        i = k + 1;
    }
    text_add(out, "]");
}

static void json_one(struct text *out, const struct changes_shown *c)
{
    const char *at = c->key, *rest = c->rest, *s;
    size_t n;
    struct text places;
    text_init(&places);
    s = word(&at, &n);
    text_addf(out, "\n      {\"model\": \"%.*s\", \"from\": ", (int)n, s);
    s = word(&at, &n);
    add_array(out, s, n, ',', true);
    text_add(out, ", \"to\": ");
    s = word(&at, &n);
    add_array(out, s, n, ',', true);
    text_add(out, ", \"answers\": [");
    s = word(&rest, &n);
    add_array(out, s, n, '+', false);
    for (bool first = true; *rest; first = false) {
        s = word(&rest, &n);
        text_addf(&places, "%s[\"%.*s\", ", first ? "" : ", ", (int)n, s);
        s = word(&rest, &n);
        text_addf(&places, "\"%.*s\"]", (int)n, s);
        s = word(&rest, &n);
        text_add(out, ", ");
        add_array(out, s, n, '+', false);
    }
    text_addf(out, "], \"at\": [%s]}", places.data ? places.data : "");
    text_clear(&places);
}

void changes_json(struct text *out, const struct result *r)
{
    struct changes_shown c[CHANGES_SHOWN];
    size_t n = result_changes(c, r);
    if (n) text_add(out, ",\n     \"changes\": [");
    for (size_t i = 0; i < n; i++) {
        if (i) text_add(out, ",");
        json_one(out, &c[i]);
    }
    if (n) text_add(out, "]");
    changes_shown_clear(c, n);
}
