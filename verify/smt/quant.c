/* quant.c: quantifiers, each instance written out; membership; the variables of the claim. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

/* The integers that a set can hold, and when it holds each. */
struct member { long v; const char *when; };
struct members { struct member *m; size_t n; };

static bool room_for(struct smt *m, struct members *out, size_t n)
{
    if (n > SMT_BINDINGS) return smt_fail(m, STATUS_LIMIT, "a set of more than %d elements has no encoding", SMT_BINDINGS);
    out->m = smt_array(m, n, sizeof *out->m);
    return out->m != NULL;
}

static bool whole_ends(struct smt *m, long *lo, long *hi, const struct entry *e)
{
    for (size_t i = 0; i < entry_cases(e); i++) {
        if (!entry_exact(e) || mpz_cmp_ui(mpq_denref(e->lo + i), 1) != 0 || !mpz_fits_sint_p(mpq_numref(e->lo + i)))
            return smt_fail(m, STATUS_UNSUPPORTED, "the end of a range rests on a network");
        long v = mpz_get_si(mpq_numref(e->lo + i));
        *lo = i == 0 || v < *lo ? v : *lo;
        *hi = i == 0 || v > *hi ? v : *hi;
    }
    return true;
}

static bool range_members(struct smt *m, struct members *out, struct entry a, struct entry b)
{
    long lo, hi, x, y;
    if (!whole_ends(m, &lo, &x, &a) || !whole_ends(m, &y, &hi, &b)) return false;
    size_t n = hi >= lo ? (size_t)(hi - lo) + 1 : 0;
    if (!room_for(m, out, n)) return false;
    for (long v = lo; v <= hi; v++) {
        const char *when = truth_and(m, term_compare(m, OPER_LE, a, entry_int(m, v)), term_compare(m, OPER_LE, entry_int(m, v), b));
        if (!is_false(when)) out->m[out->n++] = (struct member){v, when};
    }
    return m->status == STATUS_OK;
}

static bool members_of(struct smt *m, struct members *out, const struct expr *set)
{
    struct entry a, b;
    *out = (struct members){0};
    if (set->form == FORM_RANGE) return sym_scalar(m, &a, smt_eval(m, set->args[0]), set) && sym_scalar(m, &b, smt_eval(m, set->args[1]), set) && range_members(m, out, a, b);
    if (set->form == FORM_SET_CALL && set->function == FUNCTION_ROWS) {
        const struct data_array *x = set->args[0]->name ? statement_data(m->s, set->args[0]->name) : NULL;
        return x ? range_members(m, out, entry_int(m, 0), entry_int(m, (long)x->shape[0] - 1)) : smt_fail(m, STATUS_INPUT, "no data array of this name");
    }
    if (set->form != FORM_LIST) return smt_fail(m, STATUS_UNSUPPORTED, "a set of this kind has no encoding here");
    if (!room_for(m, out, set->n_args)) return false;
    for (size_t i = 0; i < set->n_args; i++) {
        long v;
        if (!smt_int(m, &v, set->args[i])) return false;
        out->m[out->n++] = (struct member){v, "true"};
    }
    return true;
}

const char *smt_member(struct smt *m, const struct expr *x, const struct expr *set)
{
    struct entry v;
    struct members s;
    if (!sym_scalar(m, &v, smt_eval(m, x), x)) return "false";
    if (set->form == FORM_CALL && set->function == FUNCTION_ARGMAXES) return smt_argmax_is(m, smt_eval(m, set->args[0]), v, false);
    if (set->form == FORM_RANGE) {
        struct entry a, b;
        if (!sym_scalar(m, &a, smt_eval(m, set->args[0]), set) || !sym_scalar(m, &b, smt_eval(m, set->args[1]), set)) return "false";
        return truth_and(m, term_compare(m, OPER_LE, a, v), term_compare(m, OPER_LE, v, b));
    }
    if (!members_of(m, &s, set)) return "false";
    const char **same = smt_array(m, s.n, sizeof *same);
    for (size_t i = 0; same && i < s.n; i++) same[i] = truth_and(m, s.m[i].when, term_compare(m, OPER_EQ, v, entry_int(m, s.m[i].v)));
    return same ? truth_any(m, same, s.n) : "false";
}

/* ---- variables of the claim ---- */

/* |name=v| for each member; exactly one holds. */
static struct entry one_of(struct smt *m, const char *name, const struct members *s)
{
    if (s->n == 1 && is_true(s->m[0].when)) return entry_int(m, s->m[0].v);
    struct split *split = (struct split *)split_new(m, s->n);
    struct entry e = {.table = true, .split = split, .lo = smt_numbers(m, s->n)};
    struct text some;
    if (!split || !e.lo) return (struct entry){.term = "0.0"};
    e.hi = e.lo;
    text_init(&some);
    for (size_t i = 0; i < s->n; i++) {
        split->when[i] = smt_declare(m, smt_format(m, "|%s=%ld|", name, s->m[i].v), "Bool");
        text_addf(&some, " %s", split->when[i]);
        mpq_set_si(e.lo + i, s->m[i].v, 1);
    }
    smt_assert(m, smt_format(m, "(or%s)", smt_keep(m, &some)));
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = i + 1; k < s->n; k++) smt_assert(m, smt_format(m, "(not (and %s %s))", split->when[i], split->when[k]));
    for (size_t i = 0; i < s->n; i++) smt_assert(m, truth_or(m, truth_not(m, split->when[i]), s->m[i].when));
    return e;
}

const struct split *smt_choose(struct smt *m, const char *name, size_t n)
{
    struct members s = {.m = smt_array(m, n, sizeof *s.m), .n = n};
    for (size_t i = 0; s.m && i < n; i++) s.m[i] = (struct member){(long)i, "true"};
    return s.m && n > 1 ? one_of(m, name, &s).split : NULL;
}

static const struct sym *token_sequence(struct smt *m, const char *name, const struct expr *set)
{
    long n = (long)set->n_args;
    bool power = set->form == FORM_TOKENS_POWER;
    struct members s;
    if (power && !smt_int(m, &n, set->args[0])) return NULL;
    if (n < 0 || n > 100000) {
        smt_fail(m, STATUS_LIMIT, "sequences of %ld tokens have no encoding", n);
        return NULL;
    }
    struct sym *out = sym_new(m, 1, (const size_t[]){(size_t)n});
    for (long i = 0; out && i < n && m->status == STATUS_OK; i++)
        if (members_of(m, &s, power ? set->args[1] : set->args[i])) {
            if (s.n == 0) smt_assert(m, "false");
            out->e[i] = s.n ? one_of(m, smt_format(m, "%s[%ld]", name, i), &s) : entry_int(m, 0);
        }
    return out;
}

static bool bind_one(struct smt *m, const struct bind *b)
{
    const struct expr *set = b->set;
    const struct sym *value = NULL;
    struct members s;
    bool real = set->form == FORM_SET_CALL && set->function != FUNCTION_ROWS;
    if (set->form == FORM_TOKENS_POWER || set->form == FORM_TOKENS_PRODUCT) value = token_sequence(m, b->name, set);
    else if (real) value = real_variable(m, b);
    else if (set->form == FORM_IMAGE) {
        if (!smt_bind(m, &set->binds, false)) return false;
        if (set->where) smt_assert(m, smt_truth(m, set->where));
        value = smt_eval(m, set->args[0]);
    } else if (members_of(m, &s, set)) {
        if (s.n == 0) smt_assert(m, "false");
        value = sym_entry(m, s.n ? one_of(m, b->name, &s) : entry_int(m, 0));
    }
    if (m->status != STATUS_OK || !value) return false;
    m->slots[b->slot] = value;
    return true;
}

bool smt_bind(struct smt *m, const struct binds *b, bool report)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct expr *set = b->items[i].set;
        struct text t;
        text_init(&t);
        expr_print(&t, set);
        smt_comment(m, "%s in %s", b->items[i].name, t.data ? t.data : "");
        text_clear(&t);
        if (!bind_one(m, &b->items[i])) return false;
        struct smt_variable *grown = report ? mem_grow(m->variables, &m->room_variables, m->n_variables + 1, sizeof *grown) : NULL;
        if (!report) continue;
        if (!grown) return smt_fail(m, STATUS_MEMORY, "out of memory");
        m->variables = grown;
        const struct sym *value = m->slots[b->items[i].slot];
        m->variables[m->n_variables++] = (struct smt_variable){.name = b->items[i].name, .is_int = value->rank == 0, .value = value,
            .real = set->form == FORM_SET_CALL && set->function != FUNCTION_ROWS};
    }
    return true;
}

/* ---- quantifiers of finite sets: every instance ---- */

struct instances { struct smt *m; const struct expr *e; smt_each *each; void *context; size_t n; };

static bool add_instance(struct instances *x, const char *when)
{
    struct smt *m = x->m;
    if (x->e->where) when = truth_and(m, when, smt_truth(m, x->e->where));
    if (m->status != STATUS_OK || is_false(when)) return m->status == STATUS_OK;
    if (x->n++ == SMT_BINDINGS) return smt_fail(m, STATUS_LIMIT, "a quantifier over more than %d elements has no encoding: bind its variable in front, by forall, exists or count, where elements are choices", SMT_BINDINGS);
    return x->each(x->context, when) && m->status == STATUS_OK;
}

static bool instances_from(struct instances *x, size_t binder, const char *when);

static bool each_sequence(struct instances *x, size_t binder, const char *when, const struct members *sets, struct sym *value, size_t at)
{
    struct smt *m = x->m;
    if (at == value->n) {
        struct sym *copy = sym_new(m, 1, value->shape);
        if (!copy) return false;
        memcpy(copy->e, value->e, value->n * sizeof *value->e);
        m->slots[x->e->binds.items[binder].slot] = copy;
        return instances_from(x, binder + 1, when);
    }
    for (size_t i = 0; i < sets[at].n; i++) {
        value->e[at] = entry_int(m, sets[at].m[i].v);
        if (!each_sequence(x, binder, truth_and(m, when, sets[at].m[i].when), sets, value, at + 1)) return false;
    }
    return true;
}

static bool sequences(struct instances *x, size_t binder, const char *when, const struct expr *set)
{
    struct smt *m = x->m;
    long n = (long)set->n_args;
    bool power = set->form == FORM_TOKENS_POWER;
    if (power && !smt_int(m, &n, set->args[0])) return false;
    if (n < 0 || n > 64) return smt_fail(m, STATUS_LIMIT, "a quantifier over sequences of %ld tokens has no encoding", n);
    struct members *sets = smt_array(m, (size_t)n, sizeof *sets);
    struct sym *value = sym_new(m, 1, (const size_t[]){(size_t)n});
    for (long i = 0; sets && i < n; i++)
        if (!members_of(m, &sets[i], power ? set->args[1] : set->args[i])) return false;
    return sets && value && each_sequence(x, binder, when, sets, value, 0);
}

/* One element of an image set: its value is bound, the other binders follow. */
struct image { struct instances *x; size_t binder; const struct bind *b; const char *when; };

static bool each_of_image(void *context, const char *when)
{
    struct image *i = context;
    struct smt *m = i->x->m;
    const struct sym *value = smt_eval(m, i->b->set->args[0]);
    if (m->status != STATUS_OK) return false;
    m->slots[i->b->slot] = value;
    return instances_from(i->x, i->binder + 1, truth_and(m, i->when, when));
}

static bool instances_from(struct instances *x, size_t binder, const char *when)
{
    struct smt *m = x->m;
    struct members s;
    if (binder == x->e->binds.n) return add_instance(x, when);
    const struct bind *b = &x->e->binds.items[binder];
    bool good = true;
    m->concrete[b->slot] = true;
    if (b->set->form == FORM_TOKENS_POWER || b->set->form == FORM_TOKENS_PRODUCT) good = sequences(x, binder, when, b->set);
    else if (b->set->form == FORM_IMAGE) good = smt_instances(m, b->set, each_of_image, &(struct image){x, binder, b, when});
    else {
        good = members_of(m, &s, b->set);
        for (size_t i = 0; good && i < s.n; i++) {
            m->slots[b->slot] = sym_entry(m, entry_int(m, s.m[i].v));
            good = instances_from(x, binder + 1, truth_and(m, when, s.m[i].when));
        }
    }
    m->concrete[b->slot] = false;
    return good;
}

bool smt_instances(struct smt *m, const struct expr *e, smt_each *each, void *context)
{
    struct instances x = {.m = m, .e = e, .each = each, .context = context};
    return instances_from(&x, 0, "true");
}

/* What a quantifier ranges over: the body's value and when it counts. */
struct all { struct smt *m; const struct expr *e; const struct sym **value; const char **when; size_t n, room; };

static bool add_value(void *context, const char *when)
{
    struct all *x = context;
    struct smt *m = x->m;
    if (x->n == x->room) {
        size_t room = x->room ? 2 * x->room : 16;
        const struct sym **value = smt_array(m, room, sizeof *value);
        const char **whens = smt_array(m, room, sizeof *whens);
        if (!value || !whens) return false;
        if (x->n) memcpy(value, x->value, x->n * sizeof *value), memcpy(whens, x->when, x->n * sizeof *whens);
        x->value = value, x->when = whens, x->room = room;
    }
    struct smt_path path = {when, m->path};
    m->path = &path;
    x->value[x->n] = smt_eval(m, x->e->args[0]);
    m->path = path.before;
    x->when[x->n++] = when;
    return m->status == STATUS_OK;
}

static const struct sym *truths(struct all *x, bool all)
{
    const char **parts = smt_array(x->m, x->n, sizeof *parts);
    for (size_t i = 0; parts && i < x->n; i++) {
        const char *t = x->value[i]->is_truth ? x->value[i]->truth : "false";
        parts[i] = all ? truth_or(x->m, truth_not(x->m, x->when[i]), t) : truth_and(x->m, x->when[i], t);
    }
    return parts ? sym_truth(x->m, all ? truth_all(x->m, parts, x->n) : truth_any(x->m, parts, x->n)) : NULL;
}

static const struct sym *total(struct all *x, enum quant q)
{
    struct smt *m = x->m;
    struct entry sum = entry_int(m, 0), count = sum, one = entry_int(m, 1), zero = sum;
    for (size_t i = 0; i < x->n && m->status == STATUS_OK; i++) {
        const struct sym *v = x->value[i];
        const char *when = q == QUANT_COUNT ? truth_and(m, x->when[i], v->is_truth ? v->truth : "false") : x->when[i];
        if (q != QUANT_COUNT && (v->is_truth || v->rank != 0)) smt_fail(m, STATUS_UNSUPPORTED, "a sum of arrays has no encoding");
        else if (q != QUANT_COUNT) sum = term_add(m, sum, term_if(m, when, v->e[0], zero), false);
        if (q != QUANT_SUM) count = term_add(m, count, term_if(m, when, one, zero), false);
    }
    return sym_entry(m, q == QUANT_COUNT ? count : q == QUANT_SUM ? sum : term_div(m, sum, count));
}

/* The largest (smallest) of the instances that count; one must. Of tables: a table; else a list of alternatives. */
static const struct sym *extremum(struct all *x, bool min)
{
    struct smt *m = x->m;
    struct entry out = entry_int(m, 0), *of = smt_array(m, x->n, sizeof *of);
    const char *some = "false";
    bool tables = true;
    for (size_t i = 0; of && i < x->n && m->status == STATUS_OK; i++) {
        const struct sym *v = x->value[i];
        if (v->is_truth || v->rank != 0) smt_fail(m, STATUS_UNSUPPORTED, "a maximum of arrays has no encoding");
        else of[i] = v->e[0], tables = tables && v->e[0].table;
    }
    for (size_t i = 0; of && i < x->n && m->status == STATUS_OK; i++) {
        if (tables && is_false(some)) out = of[i];
        else if (tables) {
            const char *beats = term_compare(m, min ? OPER_LT : OPER_GT, of[i], out);
            out = is_true(x->when[i]) && is_true(some) ? term_max(m, out, of[i], min) : term_if(m, truth_and(m, x->when[i], truth_or(m, truth_not(m, some), beats)), of[i], out);
        }
        some = truth_or(m, some, x->when[i]);
    }
    smt_require(m, some);
    if (!tables && m->status == STATUS_OK) out = x->n == 1 ? of[0] : extreme_new(m, min, of, x->when, x->n);
    return sym_entry(m, out);
}

const struct sym *smt_quant(struct smt *m, const struct expr *e)
{
    struct all x = {.m = m, .e = e};
    if (!smt_instances(m, e, add_value, &x)) return NULL;
    switch (e->quant) {
    case QUANT_ALL: return truths(&x, true);
    case QUANT_ANY: case QUANT_EXISTS: return truths(&x, false);
    case QUANT_MAX: case QUANT_MIN: return extremum(&x, e->quant == QUANT_MIN);
    case QUANT_COUNT: case QUANT_SUM: case QUANT_MEAN: return total(&x, e->quant);
    default: smt_fail(m, STATUS_UNSUPPORTED, "%s{} has no encoding: take argmax of an array", e->quant == QUANT_ARGMAX ? "argmax" : "argmin"); return NULL;
    }
}
