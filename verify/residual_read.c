/* Expressions of the tokens as terms: comprehensions over constants are written out, what does not read the sequence is a constant. */
#include "verify/residual_read.h"

#include <limits.h>
#include <string.h>

#include "core/mem.h"

#define ITEMS_MOST 65536
#define NEST_MOST 60

struct items { int *v; size_t n, room; };
struct reader { struct features *f; struct residual *r; long last; /* of the axis whose index is read, or -1 */ int depth; };

static int scalar(struct reader *c, const struct expr *e);
static bool vector(struct items *out, struct reader *c, const struct expr *e);

static bool reads(const struct reader *c, const struct expr *e) { return expr_uses_slot(e, c->f->t->slot) || (c->f->alias && expr_uses_slot(e, c->f->alias->slot)); }

static bool add(struct items *l, int term)
{
    if (term == REST_NONE || l->n >= ITEMS_MOST)
        return false;
    int *v = mem_grow(l->v, &l->room, l->n + 1, sizeof *v);
    if (!v)
        return false;
    l->v = v;
    v[l->n++] = term;
    return true;
}

static bool no_last(const struct expr *e, void *context)
{
    (void)context;
    return e->form != FORM_LAST;
}

/* A number or truth without the sequence. */
static int constant(struct reader *c, const struct expr *e)
{
    long v = 0;
    bool truth = false;
    enum status s = STATUS_UNSUPPORTED;
    if (e->type.rank == 0 && e->type.base == BASE_INT)
        s = features_int(&v, c->f, e);
    else if (e->type.rank == 0 && e->type.base == BASE_BOOL)
        s = features_truth(&truth, c->f, e);
    return s != STATUS_OK ? REST_NONE : rest_const(c->r, e->type.base == BASE_BOOL ? truth : v);
}

/* ---- arrays ---- */

static bool tokens(struct items *out, struct reader *c, long from, long to)
{
    for (long i = from; i <= to; i++)
        if (!add(out, rest_token(c->r, (size_t)i)))
            return false;
    return true;
}

/* The sequence that t is an image of. */
static bool copied(struct items *out, struct reader *c)
{
    const struct alias *x = c->f->alias;
    for (size_t j = 0; j < x->n; j++)
        if (!add(out, x->tokens[j].known ? rest_const(c->r, x->tokens[j].value) : rest_token(c->r, x->tokens[j].at)))
            return false;
    return true;
}

static bool index_of(long *out, struct reader *c, const struct expr *e, size_t n)
{
    long before = c->last;
    c->last = (long)n - 1;
    int term = scalar(c, e);
    c->last = before;
    bool good = term != REST_NONE && c->r->terms[term].op == REST_CONST;
    *out = good ? c->r->terms[term].value : 0;
    return good;
}

static bool slice(struct items *out, struct reader *c, const struct expr *e)
{
    struct items base = { 0 };
    const struct expr *s = e->args[1];
    long from = 0, to = 0;
    bool good = e->n_args == 2 && vector(&base, c, e->args[0]);
    to = (long)base.n - 1;
    good = good && (!s->args[0] || index_of(&from, c, s->args[0], base.n)) && (!s->args[1] || index_of(&to, c, s->args[1], base.n));
    good = good && from >= 0 && from <= to && to < (long)base.n;
    for (long i = from; i <= to && good; i++)
        good = add(out, base.v[i]);
    free(base.v);
    return good;
}

/* Integers without the sequence: a table. */
static bool table(struct items *out, struct reader *c, const struct expr *e)
{
    struct interp_array a;
    if (interp_array(&a, c->f->in, e, &c->f->diag) != STATUS_OK)
        return false;
    bool good = a.rank == 1 && a.exact;
    for (size_t i = 0; i < a.n && good; i++)
        good = fmpz_is_one(fmpq_denref(a.exact + i)) && fmpz_fits_si(fmpq_numref(a.exact + i)) && add(out, rest_const(c->r, fmpz_get_si(fmpq_numref(a.exact + i))));
    interp_array_clear(&a);
    return good;
}

/* An entry that may be an error would be passed over where only others are looked at. */
static bool no_errors(const struct reader *c, const struct items *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (c->r->terms[l->v[i]].errs)
            return false;
    return true;
}

static bool joined(struct items *out, struct reader *c, struct expr *const *args, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (args[i]->type.rank == 0 ? !add(out, scalar(c, args[i])) : !vector(out, c, args[i]))
            return false;
    return true;
}

static bool sorted(struct items *out, struct reader *c, const struct expr *e)
{
    struct items all = { 0 };
    bool good = vector(&all, c, e);
    for (size_t k = 0; k < all.n && good; k++)
        good = add(out, rest_make(c->r, REST_RANK, (long)k, all.v, all.n));
    free(all.v);
    return good;
}

static bool vector(struct items *out, struct reader *c, const struct expr *e)
{
    if (e->type.rank != 1 || c->depth > NEST_MOST)
        return false;
    if (expr_is_slot(e, c->f->t->slot))
        return tokens(out, c, 0, (long)c->f->t->n - 1);
    if (c->f->alias && expr_is_slot(e, c->f->alias->slot))
        return copied(out, c);
    if (!reads(c, e))
        return table(out, c, e);
    c->depth++;
    bool good = false;
    if (e->form == FORM_LIST || expr_calls(e, FUNCTION_SEQ))
        good = joined(out, c, e->args, e->n_args) && no_errors(c, out);
    else if (e->form == FORM_INDEX && e->args[1]->form == FORM_SLICE)
        good = slice(out, c, e);
    else if (expr_calls(e, FUNCTION_SORT))
        good = sorted(out, c, e->args[0]);
    c->depth--;
    return good;
}

/* ---- comprehensions ---- */

struct written { struct reader *c; const struct expr *e; struct items items; bool good; };

/* One instance; a condition hides what is behind it. */
static enum status write_instance(void *context)
{
    struct written *w = context;
    struct reader *c = w->c;
    struct residual *r = c->r;
    enum quant q = w->e->quant;
    int where = w->e->where ? scalar(c, w->e->where) : rest_const(r, 1), body = REST_NONE, out;
    if (where == REST_NONE)
        return STATUS_UNSUPPORTED;
    if (r->terms[where].op == REST_CONST && r->terms[where].value == 0)
        return STATUS_OK;
    body = scalar(c, w->e->args[0]);
    if (q == QUANT_MAX || q == QUANT_MIN)
        out = rest_if(r, where, body, rest_nothing(r));
    else if (q == QUANT_ALL)
        out = rest_then(r, false, rest_not(r, where), body);
    else if (q == QUANT_SUM)
        out = rest_if(r, where, body, rest_const(r, 0));
    else
        out = rest_then(r, true, where, body);
    return add(&w->items, out) ? STATUS_OK : STATUS_UNSUPPORTED;
}

/* Left to right: a later one that may be an error counts only while nothing is settled. */
static int joined_truths(struct reader *c, const struct items *l, bool and)
{
    struct residual *r = c->r;
    if (no_errors(c, l))
        return rest_make(r, and ? REST_AND : REST_OR, 0, l->v, l->n);
    int out = rest_const(r, and);
    for (size_t i = l->n; i-- > 0;)
        out = and ? rest_if(r, l->v[i], out, rest_const(r, 0)) : rest_if(r, l->v[i], rest_const(r, 1), out);
    return out;
}

static int comprehension(struct reader *c, const struct expr *e)
{
    struct written w = { .c = c, .e = e };
    int out = REST_NONE;
    for (size_t i = 0; i < e->binds.n; i++)
        if (reads(c, e->binds.items[i].set))
            return REST_NONE;
    if (features_each(c->f, &e->binds, 0, write_instance, &w) == STATUS_OK)
        switch (e->quant) {
        case QUANT_MAX: out = rest_make(c->r, REST_MAX, 0, w.items.v, w.items.n); break;
        case QUANT_MIN: out = rest_make(c->r, REST_MIN, 0, w.items.v, w.items.n); break;
        case QUANT_SUM: case QUANT_COUNT: out = rest_make(c->r, REST_ADD, 0, w.items.v, w.items.n); break;
        case QUANT_ALL: out = joined_truths(c, &w.items, true); break;
        case QUANT_ANY: case QUANT_EXISTS: out = joined_truths(c, &w.items, false); break;
        default: break;
        }
    free(w.items.v);
    return out;
}

/* ---- functions ---- */

/* The first place of the largest (smallest): of v_i n + (n - 1 - i), or v_i n + i, the remainder. */
static int place(struct reader *c, const struct items *l, bool max)
{
    struct residual *r = c->r;
    struct items keyed = { 0 };
    long n = (long)l->n;
    bool good = n > 0;
    for (long i = 0; i < n && good; i++) {
        int scaled = rest_two(r, REST_MUL, l->v[i], rest_const(r, n));
        good = add(&keyed, rest_two(r, REST_ADD, scaled, rest_const(r, max ? n - 1 - i : i)));
    }
    int best = good ? rest_make(r, max ? REST_MAX : REST_MIN, 0, keyed.v, keyed.n) : REST_NONE, at = best == REST_NONE ? best : rest_make(r, REST_MOD, n, &best, 1);
    free(keyed.v);
    return at == REST_NONE || !max ? at : rest_two(r, REST_ADD, rest_const(r, n - 1), rest_two(r, REST_MUL, at, rest_const(r, -1)));
}

static int pairs_differ(struct reader *c, const struct items *l)
{
    struct items all = { 0 };
    bool good = true;
    for (size_t i = 0; i < l->n && good; i++)
        for (size_t k = i + 1; k < l->n && good; k++)
            good = add(&all, rest_not(c->r, rest_two(c->r, REST_EQ, l->v[i], l->v[k])));
    int out = good ? rest_make(c->r, REST_AND, 0, all.v, all.n) : REST_NONE;
    free(all.v);
    return out;
}

static int some_equal(struct reader *c, const struct items *l, int wanted)
{
    struct items all = { 0 };
    bool good = wanted != REST_NONE;
    for (size_t i = 0; i < l->n && good; i++)
        good = add(&all, rest_two(c->r, REST_EQ, l->v[i], wanted));
    int out = good ? rest_make(c->r, REST_OR, 0, all.v, all.n) : REST_NONE;
    free(all.v);
    return out;
}

/* fold(TABLE, s, t): the state is TABLE[s][token], token after token. */
static int folded(struct reader *c, const struct expr *e)
{
    struct interp_array a;
    struct items l = { 0 };
    if (reads(c, e->args[0]) || interp_array(&a, c->f->in, e->args[0], &c->f->diag) != STATUS_OK)
        return REST_NONE;
    bool good = a.rank == 2 && a.exact && vector(&l, c, e->args[2]);
    long *v = mem_array(a.n + 1, sizeof *v), width = (long)a.shape[1];
    int state = good && v ? scalar(c, e->args[1]) : REST_NONE;
    for (size_t i = 0; i < a.n && state != REST_NONE; i++) {
        if (!fmpz_fits_si(fmpq_numref(a.exact + i)) || !fmpz_is_one(fmpq_denref(a.exact + i)))
            state = REST_NONE;
        else
            v[i] = fmpz_get_si(fmpq_numref(a.exact + i));
    }
    for (size_t i = 0; i < l.n && state != REST_NONE; i++) {
        const struct rest *t = &c->r->terms[l.v[i]];
        if (t->lo < 0 || t->hi >= width)
            state = REST_NONE;      /* a token outside the table: an error that another engine names */
        else
            state = rest_lookup(c->r, rest_two(c->r, REST_ADD, rest_two(c->r, REST_MUL, state, rest_const(c->r, width)), l.v[i]), v, a.n);
    }
    free(v);
    free(l.v);
    interp_array_clear(&a);
    return state;
}

static int call_of(struct reader *c, const struct expr *e, struct items *l)
{
    struct residual *r = c->r;
    switch (e->function) {
    case FUNCTION_MAX: return rest_make(r, REST_MAX, 0, l->v, l->n);
    case FUNCTION_MIN: return rest_make(r, REST_MIN, 0, l->v, l->n);
    case FUNCTION_SUM: return rest_make(r, REST_ADD, 0, l->v, l->n);
    case FUNCTION_ARGMAX: return place(c, l, true);
    case FUNCTION_ARGMIN: return place(c, l, false);
    case FUNCTION_DISTINCT: return pairs_differ(c, l);
    case FUNCTION_CONTAINS: return some_equal(c, l, scalar(c, e->args[1]));
    case FUNCTION_LEN: return rest_const(r, (long)l->n);
    default: return REST_NONE;
    }
}

static int call(struct reader *c, const struct expr *e)
{
    struct items l = { 0 };
    if (e->function == FUNCTION_FOLD)
        return folded(c, e);
    if (e->function == FUNCTION_ABS) {
        int x = scalar(c, e->args[0]), minus = x == REST_NONE ? x : rest_two(c->r, REST_MUL, x, rest_const(c->r, -1));
        return rest_two(c->r, REST_MAX, x, minus);
    }
    bool several = (e->function == FUNCTION_MAX || e->function == FUNCTION_MIN) && e->n_args > 1;
    bool good = several ? joined(&l, c, e->args, e->n_args) : vector(&l, c, e->args[0]);
    int out = good ? call_of(c, e, &l) : REST_NONE;
    free(l.v);
    return out;
}

/* ---- operators ---- */

static int compare(struct reader *c, enum oper oper, int a, int b)
{
    struct residual *r = c->r;
    if (a == REST_NONE || b == REST_NONE)
        return REST_NONE;
    switch (oper) {
    case OPER_LT: return rest_two(r, REST_LESS, a, b);
    case OPER_GT: return rest_two(r, REST_LESS, b, a);
    case OPER_LE: return rest_not(r, rest_two(r, REST_LESS, b, a));
    case OPER_GE: return rest_not(r, rest_two(r, REST_LESS, a, b));
    case OPER_EQ: return rest_two(r, REST_EQ, a, b);
    case OPER_NE: return rest_not(r, rest_two(r, REST_EQ, a, b));
    default: return REST_NONE;
    }
}

static int chain(struct reader *c, const struct expr *e)
{
    int right = REST_NONE;
    struct items links = { 0 };
    bool good = true;
    for (size_t i = 0; i < e->n_args && good; i++) {
        int left = right;
        right = e->args[i]->type.rank == 0 ? scalar(c, e->args[i]) : REST_NONE;
        good = right != REST_NONE && (i == 0 || add(&links, compare(c, e->opers[i - 1], left, right)));
    }
    int out = good ? joined_truths(c, &links, true) : REST_NONE;
    free(links.v);
    return out;
}

static int binary(struct reader *c, const struct expr *e)
{
    struct residual *r = c->r;
    int a = scalar(c, e->args[0]), b = a == REST_NONE ? a : scalar(c, e->args[1]);
    if (b == REST_NONE)
        return b;
    switch (e->oper) {
    case OPER_ADD: return rest_two(r, REST_ADD, a, b);
    case OPER_SUB: return rest_two(r, REST_ADD, a, rest_two(r, REST_MUL, b, rest_const(r, -1)));
    case OPER_MUL: return rest_two(r, REST_MUL, a, b);
    case OPER_MOD: return r->terms[b].op == REST_CONST && r->terms[b].value > 0 ? rest_make(r, REST_MOD, r->terms[b].value, &a, 1) : REST_NONE;
    case OPER_AND: return rest_then(r, true, a, b);
    case OPER_OR: return rest_then(r, false, a, b);
    case OPER_IMPLIES: return rest_then(r, false, rest_not(r, a), b);
    case OPER_IFF: return rest_two(r, REST_EQ, a, b);
    default: return REST_NONE;
    }
}

/* E in a..b, E in {...} */
static int member(struct reader *c, const struct expr *e)
{
    const struct expr *set = e->args[1];
    struct items l = { 0 };
    int x = scalar(c, e->args[0]), out = REST_NONE;
    if (x == REST_NONE)
        return x;
    if (set->form == FORM_RANGE) {
        int from = scalar(c, set->args[0]), to = scalar(c, set->args[1]);
        if (from == REST_NONE || to == REST_NONE || c->r->terms[from].errs || c->r->terms[to].errs)
            return REST_NONE;
        return rest_two(c->r, REST_AND, compare(c, OPER_LE, from, x), compare(c, OPER_LE, x, to));
    }
    if (set->form == FORM_LIST && joined(&l, c, set->args, set->n_args) && no_errors(c, &l))
        out = some_equal(c, &l, x);
    free(l.v);
    return out;
}

/* Entry of a sequence or a list. */
static int entry(struct reader *c, const struct expr *e)
{
    struct items l = { 0 };
    if (e->n_args != 2 || e->args[1]->form == FORM_SLICE || !vector(&l, c, e->args[0]))
        return free(l.v), REST_NONE;
    long before = c->last;
    c->last = (long)l.n - 1;
    int index = scalar(c, e->args[1]), out = REST_NONE;
    c->last = before;
    bool constants = true;
    for (size_t i = 0; i < l.n; i++)
        constants = constants && c->r->terms[l.v[i]].op == REST_CONST;
    if (constants) {
        long *v = mem_array(l.n + 1, sizeof *v);
        for (size_t i = 0; v && i < l.n; i++)
            v[i] = c->r->terms[l.v[i]].value;
        out = v ? rest_lookup(c->r, index, v, l.n) : REST_NONE;
        free(v);
    } else if (index != REST_NONE) {
        int *args = mem_array(l.n + 1, sizeof *args);
        if (args) {
            args[0] = index;
            memcpy(args + 1, l.v, l.n * sizeof *args);
            out = rest_make(c->r, REST_AT, 0, args, l.n + 1);
        }
        free(args);
    }
    free(l.v);
    return out;
}

static int scalar(struct reader *c, const struct expr *e)
{
    int out = REST_NONE, a;
    if (e->form == FORM_LAST)
        return c->last < 0 ? REST_NONE : rest_const(c->r, c->last);
    if (expr_depends_on_network(e) || c->depth > NEST_MOST)
        return REST_NONE;
    if (!reads(c, e) && (e->form == FORM_NUMBER || expr_walk(e, no_last, NULL)))
        return constant(c, e);
    c->depth++;
    switch (e->form) {
    case FORM_UNARY:
        a = scalar(c, e->args[0]);
        out = a == REST_NONE ? a : e->oper == OPER_NOT ? rest_not(c->r, a) : e->oper == OPER_NEG ? rest_two(c->r, REST_MUL, a, rest_const(c->r, -1)) : REST_NONE;
        break;
    case FORM_BINARY: out = binary(c, e); break;
    case FORM_COMPARE: out = chain(c, e); break;
    case FORM_IN: out = member(c, e); break;
    case FORM_IF:
        a = scalar(c, e->args[0]);
        out = a == REST_NONE ? a : rest_if(c->r, a, scalar(c, e->args[1]), scalar(c, e->args[2]));
        break;
    case FORM_QUANT: out = comprehension(c, e); break;
    case FORM_CALL: out = call(c, e); break;
    case FORM_INDEX: out = entry(c, e); break;
    default: break;
    }
    c->depth--;
    return out;
}

static enum status read_status(const struct features *f, bool good) { return f->terms.failed == STATUS_MEMORY ? STATUS_MEMORY : good ? STATUS_OK : STATUS_UNSUPPORTED; }

enum status residual_read(int *out, struct features *f, const struct expr *e)
{
    struct reader c = { .f = f, .r = &f->terms, .last = -1 };
    if (e->type.rank != 0 || (e->type.base != BASE_INT && e->type.base != BASE_BOOL))
        return STATUS_UNSUPPORTED;
    *out = scalar(&c, e);
    return read_status(f, *out != REST_NONE);
}

enum status residual_sequence(int **out, size_t *n, struct features *f, const struct expr *e)
{
    struct reader c = { .f = f, .r = &f->terms, .last = -1 };
    struct items l = { 0 };
    bool good = vector(&l, &c, e);
    *out = l.v;
    *n = l.n;
    return read_status(f, good);
}

enum status residual_image(int *out, struct features *f, const struct expr *image)
{
    struct reader c = { .f = f, .r = &f->terms, .last = -1 };
    struct items l = { 0 }, all = { 0 };
    bool good = vector(&l, &c, image->args[0]) && l.n == f->t->n;
    for (size_t i = 0; i < l.n && good; i++)
        good = add(&all, rest_two(c.r, REST_EQ, rest_token(c.r, i), l.v[i]));
    int term = good && image->where ? scalar(&c, image->where) : rest_const(c.r, 1);
    *out = good && term != REST_NONE ? rest_then(c.r, true, joined_truths(&c, &all, true), term) : REST_NONE;
    free(l.v);
    free(all.v);
    return read_status(f, *out != REST_NONE);
}
