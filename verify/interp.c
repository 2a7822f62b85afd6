/* interp.c: bindings, classes and the dispatch over forms. */
#include "verify/interp_parts.h"
#include "core/mem.h"
#include <limits.h>
#include <stdarg.h>
#include <string.h>

struct variables { const struct interp *in; bool *used; struct text *out; };

static bool add_variable(const struct expr *e, void *context)
{
    struct variables *v = context;
    if (e->form != FORM_NAME || e->slot < 0 || (size_t)e->slot >= v->in->n_slots || !v->used[e->slot]) return true;
    const struct slot *s = &v->in->slots[e->slot];
    v->used[e->slot] = false;
    if (!s->bound) return true;
    text_addf(v->out, "%s%s=", v->out->size ? " " : "", e->name);
    for (size_t i = 0; i < s->n; i++) text_addf(v->out, "%s%d", i ? "," : "", s->tokens[i]);
    return true;
}

/* "t=3,0 k=1": the variables that the value of e rests on. */
static void add_variables(struct text *out, const struct interp *in, const struct expr *e)
{
    bool *used = mem_array(in->n_slots + 1, sizeof *used);
    if (used) {
        expr_free_slots(used, in->n_slots, e);
        (void)expr_walk(e, add_variable, &(struct variables){in, used, out});
    }
    free(used);
}

enum status interp_fail(struct interp *in, const struct expr *e, const char *format, ...)
{
    char line[400];
    struct text label;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const struct claims *file = in->s->file;
    if (!file || !file->source || e->at.length == 0)
        return diag_fail(in->d, STATUS_INPUT, "%s", line);
    struct diag_place place = {file->path, file->source, file->source_size, e->at.offset, e->at.length};
    text_init(&label);
    add_variables(&label, in, e);
    enum status s = diag_at(in->d, STATUS_INPUT, place, label.size ? label.data : NULL, NULL, "%s", line);
    text_clear(&label);
    return s;
}

enum status interp_new(struct interp **out, const struct statement *s, slong prec)
{
    struct interp *in = mem_array(1, sizeof *in);
    if (!in) return STATUS_MEMORY;
    in->s = s;
    in->prec = prec;
    in->names_bias = statement_names_bias(s);
    in->n_ids = s->n_ids;
    in->n_slots = s->n_slots + 1;   /* the last: the variable of a mean over a set */
    in->last = -1;
    in->clock = 1;
    in->by_id = mem_array(in->n_ids, sizeof *in->by_id);
    in->slots = mem_array(in->n_slots, sizeof *in->slots);
    in->data = mem_array(s->n_data, sizeof *in->data);
    if (!in->by_id || !in->slots || !in->data) {
        in->n_slots = 0;
        interp_free(in);
        return STATUS_MEMORY;
    }
    for (size_t i = 0; i < in->n_slots; i++) value_init(&in->slots[i].value);
    for (; in->n_data < s->n_data; in->n_data++) value_init(&in->data[in->n_data]);
    *out = in;
    return STATUS_OK;
}

static void class_free(struct class *c)
{
    value_clear(&c->value);
    walk_free(c->walk);
    free(c->slots);
    free(c);
}

void interp_free(struct interp *in)
{
    if (!in) return;
    for (size_t i = 0; i < in->n_classes; i++) class_free(in->classes[i]);
    for (size_t i = 0; i < in->n_data; i++) value_clear(&in->data[i]);
    free(in->data);
    for (size_t i = 0; i < in->n_sites; i++) site_free(in->sites[i]);
    edits_free(in);
    for (size_t i = 0; i < in->n_slots; i++) {
        value_clear(&in->slots[i].value);
        free(in->slots[i].tokens);
    }
    free(in->classes);
    free(in->sites);
    free(in->slots);
    free(in->by_id);
    free(in);
}

/* An element of a set of sequences must fit the network's int; anything larger is an error where it is used. */
static bool slot_room(struct slot *s, size_t n)
{
    if (n <= s->room && s->tokens) return true;
    int *grown = mem_grow(s->tokens, &s->room, n ? n : 1, sizeof *grown);
    if (!grown) return false;
    s->tokens = grown;
    return true;
}

void interp_bind_int(struct interp *in, int slot, long v)
{
    struct slot *s = &in->slots[slot];
    if (s->bound && s->is_int && s->value.kind == KIND_INT && s->value.ints[0] == v) return;
    s->bound = slot_room(s, 1) && value_set_int(&s->value, v);
    s->is_int = true;
    s->n = 1;
    if (s->bound) s->tokens[0] = v > INT_MAX ? INT_MAX : v < INT_MIN ? INT_MIN : (int)v;
    s->stamp = ++in->clock;
}

void interp_bind_tokens(struct interp *in, int slot, const int *t, size_t n)
{
    struct slot *s = &in->slots[slot];
    if (s->bound && !s->is_int && s->n == n && memcmp(s->tokens, t, n * sizeof *t) == 0) return;
    size_t shape[1] = {n};
    long *ints = slot_room(s, n) && value_shape(&s->value, 1, shape) ? value_make_ints(&s->value) : NULL;
    s->bound = ints != NULL;
    s->is_int = false;
    s->stamp = ++in->clock;
    if (!s->bound) return;
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        s->tokens[i] = t[i];
        ints[i] = t[i];
    }
}

bool interp_bound(const struct interp *in, int slot, const int **t, size_t *n, bool *is_int)
{
    if (slot < 0 || (size_t)slot >= in->n_slots || !in->slots[slot].bound) return false;
    *t = in->slots[slot].tokens;
    *n = in->slots[slot].n;
    *is_int = in->slots[slot].is_int;
    return true;
}

/* Bound names do not count: equal expressions may call them differently. */
static bool add_hash(const struct expr *e, void *context)
{
    unsigned long *h = context;
    *h = *h * 1099511628211UL + (unsigned long)e->form * 31 + (unsigned long)e->function * 7 + (unsigned long)e->oper + e->n_args * 131;
    if (e->form == FORM_NUMBER && e->has_number) *h = *h * 31 + mpz_get_ui(mpq_numref(e->number)) + 17 * mpz_get_ui(mpq_denref(e->number));
    return true;
}

/* Does `last` in e mean the axis of an index outside e? */
static bool free_last(const struct expr *e)
{
    if (e->form == FORM_LAST) return true;
    if (e->form == FORM_INDEX) return free_last(e->args[0]);
    const struct expr *child;
    for (size_t i = 0; (child = expr_child(e, i)) != NULL; i++)
        if (free_last(child)) return true;
    return false;
}

static bool worth_keeping(const struct expr *e)
{
    bool worth = (e->form == FORM_CALL && !is_network_call(e)) || (e->form == FORM_QUANT && e->quant != QUANT_EXISTS) || e->form == FORM_LIST ||
                 (e->form == FORM_BINARY && e->oper == OPER_MATMUL) || (e->form == FORM_INDEX && e->args[0]->form == FORM_CALL && e->args[0]->function == FUNCTION_W) ||
                 (e->form == FORM_INDEX && e->args[0]->form == FORM_NAME && e->args[0]->slot < 0);
    return worth && !free_last(e);
}

static enum status class_slots(int **out, size_t *n, const struct interp *in, const struct expr *e)
{
    bool *used = mem_array(in->n_slots + 1, sizeof *used);
    int *slots = mem_array(in->n_slots + 1, sizeof *slots);
    if (!used || !slots) {
        free(used);
        free(slots);
        return STATUS_MEMORY;
    }
    expr_free_slots(used, in->n_slots, e);
    *n = 0;
    for (size_t i = 0; i < in->n_slots; i++)
        if (used[i]) slots[(*n)++] = (int)i;
    *out = slots;
    free(used);
    return STATUS_OK;
}

static struct class *class_new(struct interp *in, const struct expr *e, unsigned long hash)
{
    struct class **grown = mem_grow(in->classes, &in->room_classes, in->n_classes + 1, sizeof *grown);
    if (!grown) return NULL;
    in->classes = grown;
    struct class *c = mem_array(1, sizeof *c);
    if (!c) return NULL;
    value_init(&c->value);
    c->e = e;
    c->hash = hash;
    c->memo = worth_keeping(e);
    c->network = expr_depends_on_network(e);
    c->key.node = -1;
    if (class_slots(&c->slots, &c->n_slots, in, e) != STATUS_OK) {
        class_free(c);
        return NULL;
    }
    in->classes[in->n_classes++] = c;
    return c;
}

/* What depends on a surrounding `last` is never shared: the same text means another axis elsewhere. */
static struct class *class_find(struct interp *in, const struct expr *e)
{
    unsigned long hash = 14695981039346656037UL;
    expr_walk(e, add_hash, &hash);
    bool alone = free_last(e);
    for (size_t i = 0; i < in->n_classes; i++) {
        struct class *c = in->classes[i];
        if (c->e == e || (!alone && c->hash == hash && expr_equal(c->e, e))) return c;
    }
    return class_new(in, e, hash);
}

struct class *class_of(struct interp *in, const struct expr *e)
{
    if (e->id >= in->n_ids) return class_find(in, e);
    struct known *known = &in->by_id[e->id];
    if (known->e == e) return known->class;
    struct class *c = class_find(in, e);
    if (c) *known = (struct known){e, c};
    return c;
}

bool class_fresh(const struct interp *in, const int *slots, size_t n, unsigned long stamp)
{
    if (stamp == 0) return false;
    for (size_t i = 0; i < n; i++)
        if (in->slots[slots[i]].stamp > stamp) return false;
    return true;
}

static enum status eval_if(struct value *out, struct interp *in, const struct expr *e)
{
    enum truth t;
    struct value *a, *b;
    enum status s = eval_truth(&t, in, e->args[0]);
    if (s == STATUS_OK && t != TRUTH_FALSE) s = eval(&a, in, e->args[1]);
    if (s != STATUS_OK) return s;
    if (t == TRUTH_TRUE) return value_copy(out, a, in->prec) ? STATUS_OK : STATUS_MEMORY;
    s = eval(&b, in, e->args[2]);
    if (s != STATUS_OK) return s;
    if (t == TRUTH_FALSE) return value_copy(out, b, in->prec) ? STATUS_OK : STATUS_MEMORY;
    return arith_hull(out, in, a, b);
}

static enum status eval_binary(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *a, *b;
    enum status s = eval(&a, in, e->args[0]);
    if (s == STATUS_OK) s = eval(&b, in, e->args[1]);
    if (s != STATUS_OK) return s;
    if (e->oper == OPER_MATMUL) return array_matmul(out, in, e, a, b);
    return arith(out, in, e, e->oper, a, b);
}

static enum status eval_unary(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *a;
    enum status s = eval(&a, in, e->args[0]);
    return s == STATUS_OK ? arith_neg(out, in, a) : s;
}

static enum status eval_call(struct value *out, struct interp *in, const struct expr *e)
{
    if (is_network_call(e)) return network_value(out, in, e);
    if (is_truncated_call(e)) return truncated_value(out, in, e);
    switch (e->function) {
    case FUNCTION_W: case FUNCTION_QK: case FUNCTION_OV: return array_weight(out, in, e);
    case FUNCTION_RADIUS: return radius_value(out, in, e);
    case FUNCTION_DISTANCE: return distance_value(out, in, e);
    case FUNCTION_FLIP: case FUNCTION_CHANGES: return line_value(out, in, e);
    case FUNCTION_SINGULAR_VALUES: case FUNCTION_EFFECTIVE_RANK: return singular_value(out, in, e);
    case FUNCTION_GRAM: case FUNCTION_HOSVD: return gram_value(out, in, e);
    case FUNCTION_LOG: case FUNCTION_COS: case FUNCTION_SIN: case FUNCTION_PI: case FUNCTION_LOGSOFTMAX: case FUNCTION_FOURIER: return circle_value(out, in, e);
    case FUNCTION_FORM: case FUNCTION_ANTISYMMETRIC: return form_value(out, in, e);
    case FUNCTION_EIGENVECTOR: return eigenvector_value(out, in, e);
    case FUNCTION_EIGENVALUES: case FUNCTION_INERTIA: case FUNCTION_RANK: return spectrum_value(out, in, e);
    case FUNCTION_SORT: case FUNCTION_SEQ: case FUNCTION_FOLD: case FUNCTION_ONEHOT: case FUNCTION_TRANSPOSE: case FUNCTION_DIAG: case FUNCTION_MEAN_ROWS: case FUNCTION_LEN:
        return array_call(out, in, e);
    default: return function_call(out, in, e);
    }
}

static bool is_predicate(const struct expr *e)
{
    switch (e->form) {
    case FORM_COMPARE: case FORM_IN: return true;
    case FORM_UNARY: return e->oper == OPER_NOT;
    case FORM_BINARY: return e->oper == OPER_AND || e->oper == OPER_OR || e->oper == OPER_IMPLIES || e->oper == OPER_IFF;
    case FORM_QUANT: return e->quant == QUANT_ALL || e->quant == QUANT_ANY || e->quant == QUANT_EXISTS;
    case FORM_CALL: return e->function == FUNCTION_DISTINCT || e->function == FUNCTION_CONTAINS;
    default: return false;
    }
}

static enum status eval_form(struct value *out, struct interp *in, const struct expr *e)
{
    enum truth t;
    if (is_predicate(e)) {
        enum status s = eval_truth(&t, in, e);
        if (s == STATUS_OK) value_set_truth(out, t);
        return s;
    }
    switch (e->form) {
    case FORM_NUMBER: return value_set_number(out, e->number) ? STATUS_OK : STATUS_MEMORY;
    case FORM_LAST:
        if (in->last < 0) return interp_fail(in, e, "'last' outside an index");
        return value_set_int(out, in->last) ? STATUS_OK : STATUS_MEMORY;
    case FORM_UNARY: return eval_unary(out, in, e);
    case FORM_BINARY: return eval_binary(out, in, e);
    case FORM_IF: return eval_if(out, in, e);
    case FORM_QUANT: return quant_value(out, in, e);
    case FORM_CALL: return eval_call(out, in, e);
    case FORM_LIST: return array_list(out, in, e);
    case FORM_INDEX: return is_network_call(e->args[0]) ? network_index(out, in, e) : array_index(out, in, e);
    default: return interp_fail(in, e, "no rule for this form as a value");
    }
}

enum status eval(struct value **out, struct interp *in, const struct expr *e)
{
    if (e->form == FORM_NAME && e->slot < 0 && in->n_data) return data_value(out, in, e);
    if (e->form == FORM_NAME) {
        if (e->slot < 0 || (size_t)e->slot >= in->n_slots || !in->slots[e->slot].bound) return interp_fail(in, e, "'%s' has no value here", e->name ? e->name : "?");
        *out = &in->slots[e->slot].value;
        return STATUS_OK;
    }
    struct class *c = class_of(in, e);
    if (!c) return STATUS_MEMORY;
    *out = &c->value;
    if (e->form == FORM_NUMBER && c->stamp) return STATUS_OK;
    if (c->memo && class_fresh(in, c->slots, c->n_slots, c->stamp)) return STATUS_OK;
    c->stamp = 0;
    enum status s = eval_form(&c->value, in, c->e);
    if (s == STATUS_OK) c->stamp = in->clock;
    return s;
}

enum status eval_int(long *out, bool *known, struct interp *in, const struct expr *e)
{
    struct value *v;
    *known = false;
    enum status s = eval(&v, in, e);
    if (s != STATUS_OK || v->kind == KIND_UNKNOWN) return s;
    if (v->kind == KIND_EXACT && v->rank == 0) value_simplify(v);
    if (v->kind != KIND_INT || v->rank != 0) return interp_fail(in, e, "not an integer");
    *out = v->ints[0];
    *known = true;
    return STATUS_OK;
}

enum status interp_truth(enum truth *out, struct interp *in, const struct expr *e, struct diag *d)
{
    in->d = d;
    return eval_truth(out, in, e);
}

enum status interp_real(arb_t out, struct interp *in, const struct expr *e, struct diag *d)
{
    struct value *v;
    in->d = d;
    enum status s = eval(&v, in, e);
    if (s != STATUS_OK) return s;
    if (v->kind == KIND_UNKNOWN) {
        arb_zero_pm_inf(out);
        return STATUS_OK;
    }
    if (v->kind == KIND_TRUTH || v->rank != 0) return interp_fail(in, e, "not a number");
    if (v->kind == KIND_INT) arb_set_si(out, v->ints[0]);
    else if (v->kind == KIND_EXACT) arb_fmpz_div_fmpz(out, v->num, v->den, in->prec ? in->prec : 128);
    else if (in->prec) arb_set(out, v->balls);
    else {
        arb_set_d(out, v->mid[0]);
        mag_t r;
        mag_init(r);
        mag_set_d(r, v->rad[0] >= 0 ? v->rad[0] : __builtin_inf());
        mag_add(arb_radref(out), arb_radref(out), r);
        mag_clear(r);
    }
    return STATUS_OK;
}

enum status interp_double(double *mid, double *rad, struct interp *in, const struct expr *e, struct diag *d)
{
    struct value *v;
    in->d = d;
    enum status s = eval(&v, in, e);
    if (s != STATUS_OK) return s;
    *mid = 0;
    *rad = __builtin_inf();
    if (v->kind == KIND_UNKNOWN) return STATUS_OK;
    if (v->kind == KIND_TRUTH || v->rank != 0) return interp_fail(in, e, "not a number");
    if (!value_as_real(v, in->prec)) return STATUS_MEMORY;
    if (in->prec) ball_to_double(mid, rad, v->balls);
    else {
        *mid = v->mid[0];
        *rad = v->rad[0];
    }
    return STATUS_OK;
}

enum status interp_int(long *out, struct interp *in, const struct expr *e, struct diag *d)
{
    bool known;
    in->d = d;
    enum status s = eval_int(out, &known, in, e);
    if (s == STATUS_OK && !known) return interp_fail(in, e, "the value rests on a condition that is not settled");
    return s;
}

enum status interp_exact(fmpq **out, size_t *n, bool *scalar, struct interp *in, const struct expr *e, struct diag *d)
{
    struct value *v;
    in->d = d;
    enum status s = eval(&v, in, e);
    if (s != STATUS_OK) return s;
    if ((v->kind != KIND_INT && v->kind != KIND_EXACT) || v->rank > 1) return STATUS_UNSUPPORTED;
    *out = _fmpq_vec_init((slong)v->n);
    *n = v->n;
    *scalar = v->rank == 0;
    for (size_t i = 0; i < v->n; i++) {
        if (v->kind == KIND_INT) fmpq_set_si(*out + i, v->ints[i], 1);
        else {
            fmpq_set_fmpz_frac(*out + i, v->num + i, v->den);
        }
    }
    return STATUS_OK;
}

enum status interp_array(struct interp_array *out, struct interp *in, const struct expr *e, struct diag *d)
{
    struct value *v;
    memset(out, 0, sizeof *out);
    in->d = d;
    enum status s = eval(&v, in, e);
    if (s != STATUS_OK) return s;
    if (v->kind == KIND_TRUTH || v->kind == KIND_UNKNOWN || (v->kind == KIND_REAL && !in->prec)) return diag_fail(d, STATUS_UNSUPPORTED, "a constant whose value is not known");
    out->rank = v->rank;
    out->n = v->n;
    memcpy(out->shape, v->shape, sizeof out->shape);
    if (v->kind == KIND_REAL) {
        out->balls = _arb_vec_init((slong)v->n);
        _arb_vec_set(out->balls, v->balls, (slong)v->n);
        return STATUS_OK;
    }
    out->exact = _fmpq_vec_init((slong)v->n);
    for (size_t i = 0; i < v->n; i++) {
        if (v->kind == KIND_INT) fmpq_set_si(out->exact + i, v->ints[i], 1);
        else fmpq_set_fmpz_frac(out->exact + i, v->num + i, v->den);
    }
    return STATUS_OK;
}

void interp_array_clear(struct interp_array *a)
{
    if (a->exact) _fmpq_vec_clear(a->exact, (slong)a->n);
    if (a->balls) _arb_vec_clear(a->balls, (slong)a->n);
    memset(a, 0, sizeof *a);
}
