/* exchange_claim.c: what a claim tells apart (FORMAT.md §3, Exchangeable tokens 2 and 3). Tokens that some expression tells apart are parted; what no rule reads is refused. */
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "core/text.h"
#include "verify/symmetry.h"

#define USES_MOST 64
#define EVALUATIONS_MOST ((size_t)1 << 18)      /* the checkers stop at 2^20 */

static bool same(struct exchange *x, const struct expr *e);

static bool is_sequence(const struct exchange *x, const struct expr *e)
{
    return e->form == FORM_NAME && e->slot == x->slot;
}

static bool all_same(struct exchange *x, struct expr *const *args, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (args[i] && !same(x, args[i])) return false;
    return true;
}

static struct exchange_var *variable(struct exchange *x, const struct expr *e)
{
    for (size_t i = 0; e->form == FORM_NAME && e->slot >= 0 && i < x->n_vars; i++)
        if (x->vars[i].slot == e->slot) return &x->vars[i];
    return NULL;
}

/* ---- keys: numbers that tokens with equal values share ---- */

struct keyed { char *text; size_t i; };

static int by_text(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : x->i < y->i ? -1 : x->i > y->i;
}

/* The exact value of e as a text; an error, or what is not exact, is like nothing else. */
static bool value_text(char **out, struct exchange *x, const struct expr *e, size_t number)
{
    struct text t;
    struct diag d;
    struct interp_array a = {0};
    enum truth truth;
    enum status s;
    text_init(&t);
    diag_init(&d);
    if (e->type.base == BASE_BOOL) {
        s = interp_truth(&truth, x->in, e, &d);
        if (s == STATUS_OK && truth != TRUTH_UNSETTLED) text_add(&t, truth == TRUTH_TRUE ? "true" : "false");
    } else if ((s = interp_array(&a, x->in, e, &d)) == STATUS_OK && (a.exact || a.n == 0)) {
        for (size_t i = 0; i < a.rank; i++) text_addf(&t, "[%zu]", a.shape[i]);
        for (size_t i = 0; i < a.n; i++) {
            char *number_text = fmpq_get_str(NULL, 10, &a.exact[i]);
            text_addf(&t, " %s", number_text ? number_text : "");
            flint_free(number_text);
        }
    }
    if (s != STATUS_OK || t.size == 0) text_addf(&t, "none %zu", number);
    interp_array_clear(&a);
    diag_clear(&d);
    *out = t.failed || s == STATUS_MEMORY ? NULL : mem_string(t.data);
    text_clear(&t);
    if (!*out) x->status = STATUS_MEMORY;
    return *out != NULL;
}

static void set_equal(struct exchange *x, long v)
{
    for (size_t i = 0; i < x->len; i++) x->equal[i] = (int)v;
    interp_bind_tokens(x->in, x->slot, x->equal, x->len);
}

/* Equal texts have one key; runs: only of neighbours, and keys rise. */
static void keys_of_texts(size_t *keys, struct keyed *k, size_t n, bool runs)
{
    if (!runs) qsort(k, n, sizeof *k, by_text);
    for (size_t i = 0, key = 0; i < n; i++) {
        key += i > 0 && strcmp(k[i - 1].text, k[i].text) != 0;
        keys[k[i].i] = key;
    }
}

static void texts_free(struct keyed *k, size_t n)
{
    for (size_t i = 0; k && i < n; i++) free(k[i].text);
    free(k);
}

/* keys[i] of the value of e when all tokens are v[i], at the values of the variables that are bound. */
static bool value_keys(size_t *keys, struct exchange *x, const struct expr *e, const long *v, size_t n, bool runs)
{
    struct keyed *k = mem_array(n, sizeof *k);
    bool good = k && (x->done += n) <= EVALUATIONS_MOST;
    for (size_t i = 0; good && i < n; i++) {
        set_equal(x, v[i]);
        k[i].i = i;
        good = value_text(&k[i].text, x, e, i);
    }
    if (good) keys_of_texts(keys, k, n, runs);
    texts_free(k, n);
    return good;
}

/* ---- of one token, of one extremum ---- */

struct uses { const struct expr *token[USES_MOST]; size_t n, extrema; enum function function; long lo, hi; bool other; };

static bool all_known(struct exchange *x, const struct expr *e)
{
    if (e->form == FORM_NAME && e->slot >= 0) return variable(x, e) != NULL;
    if (e->form == FORM_QUANT || e->form == FORM_IMAGE) return false;
    for (size_t i = 0; i < e->n_args; i++)
        if (e->args[i] && !all_known(x, e->args[i])) return false;
    return true;
}

static void find_uses(struct uses *u, struct exchange *x, const struct expr *e)
{
    long lo, hi;
    const struct expr *part;
    if (is_sequence(x, e)) {
        u->other = true;
        return;
    }
    if (e->form == FORM_INDEX && e->n_args == 2 && is_sequence(x, e->args[0]) && e->args[1]->form != FORM_SLICE && all_known(x, e->args[1])) {
        u->other |= u->n == USES_MOST;
        if (u->n < USES_MOST) u->token[u->n++] = e;
        return;
    }
    if ((expr_calls(e, FUNCTION_MAX) || expr_calls(e, FUNCTION_MIN)) && e->n_args == 1 && symmetric_stretch(&lo, &hi, e->args[0], x->slot, x->len)) {
        u->other |= u->extrema > 0 && (u->function != e->function || u->lo != lo || u->hi != hi);
        u->extrema++;
        u->function = e->function;
        u->lo = lo;
        u->hi = hi;
        return;
    }
    for (size_t i = 0; (part = expr_child(e, i)) != NULL; i++) find_uses(u, x, part);
}

/* Parts tokens at position p by the value of e. */
static bool part_token(struct exchange *x, const struct expr *e, size_t p)
{
    if (exchange_parted(x, p)) return true;
    struct grouped *g = &x->at[p];
    size_t *keys = mem_array(g->n, sizeof *keys);
    bool good = keys && value_keys(keys, x, e, g->v, g->n, false) && exchange_part(x, p, keys);
    free(keys);
    return good;
}

/* The position that all these t[E] are; false when they are not one. */
static bool position_of(size_t *out, struct exchange *x, const struct uses *u)
{
    struct diag d;
    bool good = true;
    long first = -1, p = -1;
    diag_init(&d);
    for (size_t i = 0; i < x->len; i++) x->equal[i] = (int)i;
    interp_bind_tokens(x->in, x->slot, x->equal, x->len);
    for (size_t i = 0; good && i < u->n; i++) {
        good = interp_int(&p, x->in, u->token[i], &d) == STATUS_OK && (i == 0 || p == first);
        first = p;
    }
    diag_clear(&d);
    *out = (size_t)p;
    return good && p >= 0 && (size_t)p < x->len;
}

static bool of_token(struct exchange *x, const struct expr *e, const struct uses *u)
{
    size_t p;
    return position_of(&p, x, u) && part_token(x, e, p);
}

static int by_value(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return x < y ? -1 : x > y;
}

/* The tokens of the positions lo..hi, each once, rising; the caller's. */
static long *tokens_of(size_t *n, const struct exchange *x, long lo, long hi)
{
    size_t room = 0, kept = 0;
    for (long i = lo; i <= hi; i++) room += x->at[i].n;
    long *v = mem_array(room, sizeof *v);
    for (long i = lo; v && i <= hi; i++) {
        memcpy(v + kept, x->at[i].v, x->at[i].n * sizeof *v);
        kept += x->at[i].n;
    }
    if (v) qsort(v, kept, sizeof *v, by_value);
    *n = 0;
    for (size_t i = 0; v && i < kept; i++)
        if (i == 0 || v[i] != v[*n - 1]) v[(*n)++] = v[i];
    return v;
}

/* Groups at the positions are parted by the stretches of tokens on which e is constant. */
static bool of_extremum(struct exchange *x, const struct expr *e, const struct uses *u)
{
    size_t n, *keys = NULL, *own = NULL;
    bool parted = true;
    for (long i = u->lo; i <= u->hi; i++) parted = parted && exchange_parted(x, (size_t)i);
    if (parted) return true;
    long *v = tokens_of(&n, x, u->lo, u->hi);
    bool good = v && (keys = mem_array(n, sizeof *keys)) != NULL && (own = mem_array(n, sizeof *own)) != NULL && value_keys(keys, x, e, v, n, true);
    for (long i = u->lo; good && i <= u->hi; i++) {
        const struct grouped *g = &x->at[i];
        for (size_t k = 0, j = 0; k < g->n; k++) {
            while (v[j] < g->v[k]) j++;
            own[k] = keys[j];
        }
        good = exchange_part(x, (size_t)i, own);
    }
    free(v);
    free(keys);
    free(own);
    return good;
}

typedef bool at_setting(struct exchange *x, const struct expr *e, const struct uses *u);

static bool each_setting(struct exchange *x, const bool *in, size_t from, at_setting *f, const struct expr *e, const struct uses *u)
{
    while (from < x->n_vars && !in[x->vars[from].slot]) from++;
    if (from == x->n_vars) return ++x->done <= EVALUATIONS_MOST && f(x, e, u);
    const struct exchange_var *v = &x->vars[from];
    for (size_t i = 0; v->v && i < v->n; i++) {
        interp_bind_int(x->in, v->slot, v->v[i]);
        if (!each_setting(x, in, from + 1, f, e, u)) return false;
    }
    return v->v != NULL;
}

/* At all values of the variables in e. */
static bool at_settings(struct exchange *x, at_setting *f, const struct expr *e, const struct uses *u)
{
    bool *in = mem_array(x->s->n_slots + 1, sizeof *in);
    if (!in) return x->status = STATUS_MEMORY, false;
    expr_free_slots(in, x->s->n_slots, e);
    bool good = each_setting(x, in, 0, f, e, u);
    free(in);
    return good;
}

static bool of_one(struct exchange *x, const struct expr *e)
{
    struct uses u = {.other = false};
    enum base base = e->type.base;
    if ((base != BASE_BOOL && base != BASE_INT && base != BASE_EXACT) || expr_depends_on_network(e)) return false;
    find_uses(&u, x, e);
    if (u.other || (u.n > 0) == (u.extrema > 0)) return false;
    return at_settings(x, u.n > 0 ? of_token : of_extremum, e, &u);
}

/* ---- runs ---- */

static bool is_copy(struct exchange *x, const struct expr *e)
{
    if (is_sequence(x, e)) return true;
    if (e->form == FORM_INDEX && is_sequence(x, e->args[0])) return all_same(x, e->args + 1, e->n_args - 1);
    if (e->form != FORM_LIST && !expr_calls(e, FUNCTION_SEQ)) return same(x, e);
    for (size_t i = 0; i < e->n_args; i++)
        if (!is_copy(x, e->args[i])) return false;
    return true;
}

/* exchange_nets has seen the model's network. */
static bool run_same(struct exchange *x, const struct expr *e)
{
    const struct expr *t = e->args[e->n_args - 1];
    if (e->function == FUNCTION_OUTPUT || e->function == FUNCTION_RADIUS) return false;
    if (x->s->semantics == SEMANTICS_FLOAT32 && (!is_sequence(x, t) || !symmetric_without_runs(e->args[0]))) return false;
    for (size_t i = 1; i + 1 < e->n_args; i++)
        if (e->args[i]->form != FORM_STRING && !same(x, e->args[i])) return false;
    return is_copy(x, t);
}

/* ---- functions ---- */

/* e is contains(T, E): the value of E is told apart. */
static bool part_contained(struct exchange *x, const struct expr *e, const struct uses *u)
{
    struct diag d;
    long c;
    diag_init(&d);
    bool good = interp_int(&c, x->in, e->args[1], &d) == STATUS_OK;
    diag_clear(&d);
    for (long i = u->lo; good && i <= u->hi; i++) {
        const struct grouped *g = &x->at[i];
        size_t *keys = mem_array(g->n, sizeof *keys);
        for (size_t k = 0; keys && k < g->n; k++) keys[k] = g->v[k] == c;
        good = keys && exchange_part(x, (size_t)i, keys);
        free(keys);
    }
    return good;
}

static bool contains_same(struct exchange *x, const struct expr *e, const struct uses *stretch)
{
    return !expr_uses_slot(e->args[1], x->slot) && !expr_depends_on_network(e->args[1]) && at_settings(x, part_contained, e, stretch);
}

/* The column of a table for token v as a text; of one that is not there, like no other. */
static char *column_text(const struct interp_array *a, long v, size_t number)
{
    struct text t;
    text_init(&t);
    bool inside = v >= 0 && (size_t)v < a->shape[1];
    if (!inside) text_addf(&t, "none %zu", number);
    for (size_t i = 0; inside && i < a->shape[0]; i++) {
        char *entry = fmpq_get_str(NULL, 10, &a->exact[i * a->shape[1] + (size_t)v]);
        text_addf(&t, " %s", entry ? entry : "");
        flint_free(entry);
    }
    char *out = t.failed ? NULL : mem_string(t.data);
    text_clear(&t);
    return out;
}

static bool part_columns(struct exchange *x, const struct interp_array *a, size_t at)
{
    const struct grouped *g = &x->at[at];
    struct keyed *k = mem_array(g->n, sizeof *k);
    size_t *keys = mem_array(g->n, sizeof *keys);
    bool good = k && keys;
    for (size_t i = 0; good && i < g->n; i++) {
        k[i] = (struct keyed){column_text(a, g->v[i], i), i};
        good = k[i].text != NULL;
    }
    if (good) keys_of_texts(keys, k, g->n, false);
    else x->status = STATUS_MEMORY;
    good = good && exchange_part(x, at, keys);
    texts_free(k, g->n);
    free(keys);
    return good;
}

static bool fold_same(struct exchange *x, const struct expr *e, const struct uses *stretch)
{
    struct interp_array a = {0};
    struct diag d;
    if (!symmetric_closed(x->s, e->args[0]) || expr_depends_on_network(e->args[0]) || !same(x, e->args[1])) return false;
    diag_init(&d);
    bool good = interp_array(&a, x->in, e->args[0], &d) == STATUS_OK && a.exact && a.rank == 2;
    for (long i = stretch->lo; good && i <= stretch->hi; i++) good = exchange_parted(x, (size_t)i) || part_columns(x, &a, (size_t)i);
    interp_array_clear(&a);
    diag_clear(&d);
    return good;
}

static bool call_same(struct exchange *x, const struct expr *e)
{
    struct uses stretch = {.other = false};
    if (function_reads_network(e->function)) return run_same(x, e);
    if (e->function == FUNCTION_W || e->function == FUNCTION_QK || e->function == FUNCTION_OV) return !expr_uses_slot(e->args[0], x->slot) && all_same(x, e->args + 1, e->n_args - 1);
    if (e->function == FUNCTION_LEN) return is_copy(x, e->args[0]);
    bool contains = e->function == FUNCTION_CONTAINS, fold = e->function == FUNCTION_FOLD;
    if ((contains || fold) && symmetric_stretch(&stretch.lo, &stretch.hi, e->args[contains ? 0 : 2], x->slot, x->len)) return contains ? contains_same(x, e, &stretch) : fold_same(x, e, &stretch);
    return (symmetric_function(e->function) || e->function == FUNCTION_FOURIER) && all_same(x, e->args, e->n_args);
}

/* ---- expressions ---- */

bool exchange_add_var(struct exchange *x, const struct bind *b)
{
    if (x->n_vars == sizeof x->vars / sizeof *x->vars) return false;
    struct exchange_var *v = &x->vars[x->n_vars++];
    *v = (struct exchange_var){.slot = b->slot};
    (void)symmetric_set(&v->v, &v->n, &x->status, b->set);
    return x->status == STATUS_OK;
}

static bool comprehension_same(struct exchange *x, const struct expr *e)
{
    size_t first = x->n_vars;
    bool good = e->quant != QUANT_ARGMAX && e->quant != QUANT_ARGMIN;
    for (size_t i = 0; good && i < e->binds.n; i++) {
        const struct bind *b = &e->binds.items[i];
        good = (b->set->form == FORM_RANGE || b->set->form == FORM_LIST) && all_same(x, b->set->args, b->set->n_args) && exchange_add_var(x, b);
    }
    good = good && same(x, e->args[0]) && (!e->where || same(x, e->where));
    while (x->n_vars > first) free(x->vars[--x->n_vars].v);
    return good;
}

static bool same(struct exchange *x, const struct expr *e)
{
    long lo, hi;
    bool free_of_runs = x->s->semantics != SEMANTICS_FLOAT32 || !expr_depends_on_network(e);
    if (free_of_runs && symmetric_closed(x->s, e)) return true;
    if (of_one(x, e)) return true;
    if (x->status != STATUS_OK) return false;
    if (symmetric_stretch(&lo, &hi, e, x->slot, x->len)) return exchange_part_all(x, (size_t)lo, (size_t)hi), true;
    switch (e->form) {
    case FORM_NUMBER: case FORM_LAST: return true;
    case FORM_NAME: return e->slot >= 0;
    case FORM_UNARY: case FORM_BINARY: case FORM_COMPARE: case FORM_IN: case FORM_IF: case FORM_LIST: case FORM_SLICE: case FORM_RANGE: return all_same(x, e->args, e->n_args);
    case FORM_INDEX: return !is_sequence(x, e->args[0]) && all_same(x, e->args, e->n_args);
    case FORM_CALL: return call_same(x, e);
    case FORM_QUANT: return comprehension_same(x, e);
    default: return false;
    }
}

bool exchange_expr(struct exchange *x, const struct expr *e)
{
    return same(x, e);
}
