#include "models/pickle.h"

#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "models/pickle_machine.h"

static void value_clear(struct pickle_value *v)
{
    if (v->kind == PICKLE_TUPLE || v->kind == PICKLE_LIST || v->kind == PICKLE_DICT)
        free(v->list.items);
    else if (v->kind == PICKLE_STORAGE)
        free(v->storage);
    else if (v->kind == PICKLE_OBJECT) {
        free(v->object->items.items);
        free(v->object);
    }
    else if (v->kind == PICKLE_TENSOR)
        free(v->tensor);
}

void pickle_clear(struct pickle *p)
{
    for (size_t i = 0; i < p->n; i++)
        value_clear(&p->values[i]);
    free(p->values);
    *p = (struct pickle){ 0 };
}

const struct pickle_list *pickle_items(const struct pickle *p, size_t value)
{
    const struct pickle_value *v = &p->values[value];

    return v->kind == PICKLE_DICT ? &v->list : v->kind == PICKLE_OBJECT && v->object->items.n ? &v->object->items : NULL;
}

/* A state is a dictionary, or a pair whose first part is one (the second holds __slots__). */
const struct pickle_list *pickle_attributes(const struct pickle *p, size_t value)
{
    const struct pickle_value *v = &p->values[value], *state;

    if (v->kind != PICKLE_OBJECT || v->object->state == PICKLE_NO_VALUE)
        return NULL;
    state = &p->values[v->object->state];
    if (state->kind == PICKLE_TUPLE && state->list.n == 2)
        state = &p->values[state->list.items[p->values[state->list.items[0]].kind != PICKLE_DICT]];
    return state->kind == PICKLE_DICT ? &state->list : NULL;
}

long pickle_find(const struct pickle *p, const struct pickle_list *l, const char *key)
{
    for (size_t i = 0; l && i + 1 < l->n; i += 2) {
        const struct pickle_value *k = &p->values[l->items[i]];
        if (k->kind == PICKLE_TEXT && k->text.n == strlen(key) && memcmp(k->text.s, key, k->text.n) == 0)
            return (long)l->items[i + 1];
    }
    return -1;
}

long pickle_get(const struct pickle *p, size_t dict, const char *key) { return pickle_find(p, pickle_items(p, dict), key); }

enum status machine_fail(struct machine *m, const char *format, ...)
{
    char what[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return diag_fail(m->d, STATUS_INPUT, "cannot read '%s': offset %zu: %s", m->path, (size_t)(m->op - m->start), what);
}

static enum status push_index(struct machine *m, size_t value)
{
    size_t *grown = mem_grow(m->stack, &m->stack_room, m->depth + 1, sizeof *grown);

    if (!grown)
        return STATUS_MEMORY;
    m->stack = grown;
    m->stack[m->depth++] = value;
    return STATUS_OK;
}

/* Takes over what v owns, also on failure. */
enum status machine_push(struct machine *m, struct pickle_value v)
{
    struct pickle_value *grown = mem_grow(m->p.values, &m->p.room, m->p.n + 1, sizeof *grown);

    if (!grown) {
        value_clear(&v);
        return STATUS_MEMORY;
    }
    m->p.values = grown;
    m->p.values[m->p.n++] = v;
    return push_index(m, m->p.n - 1);
}

/* ---- bytes ---- */

static enum status take(struct machine *m, const char **out, size_t n)
{
    *out = m->at;
    if ((size_t)(m->end - m->at) < n)
        return machine_fail(m, "the pickle ends in the middle of an instruction");
    m->at += n;
    return STATUS_OK;
}

/* Little-endian unsigned integer of n <= 8 bytes. */
static enum status take_size(struct machine *m, size_t *out, size_t n)
{
    const char *p;
    enum status s = take(m, &p, n);

    *out = 0;
    for (size_t i = s == STATUS_OK ? n : 0; i-- > 0;)
        *out = *out << 8 | (unsigned char)p[i];
    return s;
}

static enum status take_line(struct machine *m, struct pickle_text *out)
{
    const char *e = memchr(m->at, '\n', (size_t)(m->end - m->at));

    if (!e)
        return machine_fail(m, "the pickle ends in the middle of an instruction");
    *out = (struct pickle_text){ m->at, (size_t)(e - m->at) };
    m->at = e + 1;
    return STATUS_OK;
}

/* ---- the stack ---- */

static enum status underflow(struct machine *m) { return machine_fail(m, "an instruction finds too few values on the stack"); }

/* The value n below the top (0: the top); a mark is no value. */
static enum status peek(struct machine *m, size_t n, size_t *out)
{
    *out = 0;
    if (m->depth <= n)
        return underflow(m);
    for (size_t i = 0; i <= n; i++)
        if (m->p.values[m->stack[m->depth - 1 - i]].kind == PICKLE_MARK)
            return underflow(m);
    *out = m->stack[m->depth - 1 - n];
    return STATUS_OK;
}

/* Position of the topmost mark on the stack. */
static enum status find_mark(struct machine *m, size_t *out)
{
    *out = 0;
    for (size_t i = m->depth; i-- > 0;)
        if (m->p.values[m->stack[i]].kind == PICKLE_MARK) {
            *out = i;
            return STATUS_OK;
        }
    return machine_fail(m, "an instruction finds no mark on the stack");
}

static enum status push_container(struct machine *m, enum pickle_kind kind, size_t from)
{
    struct pickle_value v = { .kind = kind };
    size_t n = m->depth - from;

    v.list.n = v.list.room = n;
    if (n) {
        if (!(v.list.items = mem_array(n, sizeof *v.list.items)))
            return STATUS_MEMORY;
        memcpy(v.list.items, m->stack + from, n * sizeof *v.list.items);
    }
    m->depth = from;
    return machine_push(m, v);
}

static enum status append(struct machine *m, size_t container, size_t from)
{
    struct pickle_value *v = &m->p.values[container];
    struct pickle_list *l = v->kind == PICKLE_OBJECT ? &v->object->items : &v->list;
    size_t n = m->depth - from, *grown = mem_grow(l->items, &l->room, l->n + n, sizeof *grown);

    if (!grown)
        return STATUS_MEMORY;
    l->items = grown;
    if (n)
        memcpy(l->items + l->n, m->stack + from, n * sizeof *grown);
    l->n += n;
    return STATUS_OK;
}

/* ---- the instructions ---- */

static enum status op_proto(struct machine *m)
{
    size_t version;
    enum status s = take_size(m, &version, 1);

    return s != STATUS_OK || version <= 5 ? s : machine_fail(m, "pickle protocol %zu, 2 to 5 are read", version);
}

static enum status op_frame(struct machine *m)
{
    size_t size;
    enum status s = take_size(m, &size, 8);

    return s != STATUS_OK || size <= (size_t)(m->end - m->at) ? s : machine_fail(m, "a frame reaches beyond the pickle");
}

static enum status op_stop(struct machine *m)
{
    enum status s = peek(m, 0, &m->p.root);

    m->stopped = true;
    if (s == STATUS_OK && (m->depth != 1 || m->at != m->end))
        return machine_fail(m, m->depth != 1 ? "values are left on the stack" : "bytes after the end of the pickle");
    return s;
}

static enum status op_mark(struct machine *m) { return machine_push(m, (struct pickle_value){ .kind = PICKLE_MARK }); }
static enum status op_none(struct machine *m) { return machine_push(m, (struct pickle_value){ .kind = PICKLE_NONE }); }

static enum status op_bool(struct machine *m)
{
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_BOOL, .integer = (unsigned char)*m->op == 0x88 });
}

static enum status push_int(struct machine *m, long long v) { return machine_push(m, (struct pickle_value){ .kind = PICKLE_INT, .integer = v }); }

static enum status op_binint(struct machine *m)
{
    size_t v, n = *m->op == 'J' ? 4 : *m->op == 'M' ? 2 : 1;
    enum status s = take_size(m, &v, n);

    return s != STATUS_OK ? s : push_int(m, n == 4 ? (long long)(int32_t)v : (long long)v);
}

static enum status op_long1(struct machine *m)
{
    size_t n, v;
    enum status s = take_size(m, &n, *m->op == '\x8a' ? 1 : 4);
    const char *skip;

    if (s != STATUS_OK)
        return s;
    if (n > 8)
        return (s = take(m, &skip, n)) != STATUS_OK ? s : machine_push(m, (struct pickle_value){ .kind = PICKLE_OPAQUE });
    if ((s = take_size(m, &v, n)) != STATUS_OK)
        return s;
    if (n && n < 8 && v >> (8 * n - 1))
        v |= SIZE_MAX << 8 * n; /* two's complement */
    return push_int(m, (long long)v);
}

static enum status op_binfloat(struct machine *m)
{
    const char *p;
    uint64_t bits = 0;
    double x;
    enum status s = take(m, &p, 8);

    for (int i = 0; s == STATUS_OK && i < 8; i++)
        bits = bits << 8 | (unsigned char)p[i];
    memcpy(&x, &bits, sizeof x);
    return s != STATUS_OK ? s : machine_push(m, (struct pickle_value){ .kind = PICKLE_FLOAT, .number = x });
}

/* Text or bytes with a length of 1, 4 or 8 bytes before it. */
static enum status op_text(struct machine *m)
{
    unsigned char op = (unsigned char)*m->op;
    size_t n, width = op == 0x8c || op == 'U' || op == 'C' ? 1 : op == 0x8d || op == 0x8e || op == 0x96 ? 8 : 4;
    enum status s = take_size(m, &n, width);
    struct pickle_value v = { .kind = op == 0x8c || op == 0x8d || op == 'X' || op == 'U' || op == 'T' ? PICKLE_TEXT : PICKLE_BYTES };
    const char *p;

    if (s != STATUS_OK || (s = take(m, &p, n)) != STATUS_OK)
        return s;
    v.text = (struct pickle_text){ p, n };
    return machine_push(m, v);
}

static enum status op_empty(struct machine *m)
{
    return push_container(m, *m->op == ')' ? PICKLE_TUPLE : *m->op == '}' ? PICKLE_DICT : PICKLE_LIST, m->depth); /* a set is a list here */
}

static enum status op_tuple(struct machine *m)
{
    size_t n = (size_t)((unsigned char)*m->op - 0x84), from, ignored;
    enum status s = *m->op == 't' ? find_mark(m, &from) : peek(m, n - 1, &ignored);

    if (s != STATUS_OK)
        return s;
    if (*m->op != 't')
        return push_container(m, PICKLE_TUPLE, m->depth - n);
    /* the mark goes, the values stay */
    memmove(m->stack + from, m->stack + from + 1, (m->depth - from - 1) * sizeof *m->stack);
    m->depth--;
    return push_container(m, PICKLE_TUPLE, from);
}

/* Adds the values from a stack position on to the container below them, and drops the stack to that container. */
static enum status extend(struct machine *m, size_t from, size_t below, enum pickle_kind kind)
{
    size_t container = below < m->depth ? m->stack[below] : 0;
    enum status s;

    if (below < m->depth && m->p.values[container].kind == PICKLE_OPAQUE) {
        m->depth = below + 1; /* the items of something that is of no interest */
        return STATUS_OK;
    }
    if (below < m->depth && m->p.values[container].kind == PICKLE_OBJECT && kind != PICKLE_DICT) {
        m->depth = below + 1;
        return STATUS_OK;
    }
    if (below >= m->depth || (m->p.values[container].kind != kind && m->p.values[container].kind != PICKLE_OBJECT))
        return machine_fail(m, "items are added to something that is not a %s", kind == PICKLE_DICT ? "dictionary" : "list");
    if (kind == PICKLE_DICT && (m->depth - from) % 2)
        return machine_fail(m, "a key without a value");
    s = append(m, container, from);
    m->depth = below + 1;
    return s;
}

static enum status op_add_one(struct machine *m)
{
    size_t n = *m->op == 'a' ? 1 : 2, container;
    enum status s = peek(m, n, &container);

    return s != STATUS_OK ? s : extend(m, m->depth - n, m->depth - n - 1, n == 1 ? PICKLE_LIST : PICKLE_DICT);
}

static enum status op_add_many(struct machine *m)
{
    size_t mark;
    enum status s = find_mark(m, &mark);

    if (s != STATUS_OK)
        return s;
    return mark == 0 ? underflow(m) : extend(m, mark + 1, mark - 1, *m->op == 'u' ? PICKLE_DICT : PICKLE_LIST);
}

static enum status push_global(struct machine *m, struct pickle_text module, struct pickle_text name)
{
    struct pickle_value v = { .kind = PICKLE_GLOBAL };
    enum status s = pickle_global_find(&v.global, m, module, name);

    if (s != STATUS_OK || v.global)
        return s != STATUS_OK ? s : machine_push(m, v);
    v = (struct pickle_value){ .kind = PICKLE_CLASS, .class = { module, name } };
    s = machine_push(m, v);
    if (s == STATUS_OK && m->p.class == PICKLE_NO_VALUE) {
        m->p.class = m->p.n - 1;
        m->p.class_offset = (size_t)(m->op - m->start);
    }
    return s;
}

static enum status op_global(struct machine *m)
{
    struct pickle_text module, name;
    enum status s = take_line(m, &module);

    if (s != STATUS_OK || (s = take_line(m, &name)) != STATUS_OK)
        return s;
    return push_global(m, module, name);
}

static enum status op_stack_global(struct machine *m)
{
    size_t name, module;
    enum status s = peek(m, 0, &name);

    if (s != STATUS_OK || (s = peek(m, 1, &module)) != STATUS_OK)
        return s;
    if (m->p.values[name].kind != PICKLE_TEXT || m->p.values[module].kind != PICKLE_TEXT)
        return machine_fail(m, "a global whose name is not a string");
    m->depth -= 2;
    return push_global(m, m->p.values[module].text, m->p.values[name].text);
}

/* Calls the value `callee` with a tuple: a constructor of the table, or a class, whose objects are inert. */
static enum status call(struct machine *m, size_t callee, size_t args, bool is_class)
{
    enum pickle_kind kind = m->p.values[callee].kind;

    if ((kind != PICKLE_GLOBAL && kind != PICKLE_CLASS) || m->p.values[args].kind != PICKLE_TUPLE)
        return machine_fail(m, "something is called that is not a known constructor");
    if (kind == PICKLE_CLASS)
        return pickle_object(m, callee, is_class);
    return pickle_call(m, m->p.values[callee].global, &m->p.values[args].list);
}

static enum status op_reduce(struct machine *m)
{
    size_t args, callee;
    enum status s = peek(m, 0, &args);

    if (s != STATUS_OK || (s = peek(m, 1, &callee)) != STATUS_OK)
        return s;
    m->depth -= 2;
    return call(m, callee, args, *m->op != 'R');
}

/* Class, arguments, keyword arguments. */
static enum status op_newobj_ex(struct machine *m)
{
    size_t args, callee;
    enum status s = peek(m, 1, &args);

    if (s != STATUS_OK || (s = peek(m, 2, &callee)) != STATUS_OK)
        return s;
    m->depth -= 3;
    return call(m, callee, args, true);
}

/* An object's attributes. Those of a dictionary (its _metadata), of a tensor, of what is of no interest say nothing about values and are dropped. */
static enum status op_build(struct machine *m)
{
    size_t state, object;
    enum status s = peek(m, 0, &state);
    enum pickle_kind kind;

    if (s != STATUS_OK || (s = peek(m, 1, &object)) != STATUS_OK)
        return s;
    kind = m->p.values[object].kind;
    if (kind == PICKLE_OBJECT)
        m->p.values[object].object->state = state;
    else if (kind == PICKLE_TEXT)
        pickle_set_dtype(m, object, state);
    else if (kind != PICKLE_DICT && kind != PICKLE_OPAQUE && kind != PICKLE_TENSOR)
        return machine_fail(m, "attributes are set on something that has none");
    m->depth--;
    return STATUS_OK;
}

/* Drops the topmost value, or everything down to the mark. */
static enum status op_pop(struct machine *m)
{
    size_t mark;
    enum status s = STATUS_OK;

    if (*m->op == '0' && m->depth > 0)
        m->depth--;
    else if (*m->op == '0')
        return underflow(m);
    else if ((s = find_mark(m, &mark)) == STATUS_OK)
        m->depth = mark;
    return s;
}

static enum status op_frozen_set(struct machine *m)
{
    size_t mark;
    enum status s = find_mark(m, &mark);

    if (s != STATUS_OK)
        return s;
    m->depth = mark;
    return machine_push(m, (struct pickle_value){ .kind = PICKLE_OPAQUE });
}

static enum status op_persistent(struct machine *m)
{
    size_t id;
    enum status s = peek(m, 0, &id);

    if (s != STATUS_OK)
        return s;
    m->depth--;
    return pickle_persistent(m, id);
}

static enum status op_put(struct machine *m)
{
    unsigned char op = (unsigned char)*m->op;
    size_t slot = m->n_memo, value, *grown;
    enum status s = peek(m, 0, &value);

    if (s != STATUS_OK || (op != 0x94 && (s = take_size(m, &slot, op == 'q' ? 1 : 4)) != STATUS_OK))
        return s;
    /* one instruction fills one slot, so a slot beyond the size is no honest one */
    if (slot >= (size_t)(m->end - m->start))
        return machine_fail(m, "memo slot %zu is out of range", slot);
    grown = mem_grow(m->memo, &m->memo_room, slot + 1, sizeof *grown);
    if (!grown)
        return STATUS_MEMORY;
    m->memo = grown;
    m->memo[slot] = value + 1;
    if (slot >= m->n_memo)
        m->n_memo = slot + 1;
    return STATUS_OK;
}

static enum status op_get(struct machine *m)
{
    size_t slot;
    enum status s = take_size(m, &slot, *m->op == 'h' ? 1 : 4);

    if (s != STATUS_OK)
        return s;
    if (slot >= m->n_memo || m->memo[slot] == 0)
        return machine_fail(m, "memo slot %zu is empty", slot);
    return push_index(m, m->memo[slot] - 1);
}

static const struct { unsigned char code; enum status (*run)(struct machine *m); } instructions[] = {
    { 0x80, op_proto },   { 0x95, op_frame },   { '.', op_stop },       { '(', op_mark },       { 'N', op_none },
    { 0x88, op_bool },    { 0x89, op_bool },    { 'J', op_binint },     { 'K', op_binint },     { 'M', op_binint },
    { 0x8a, op_long1 },   { 'G', op_binfloat }, { 'X', op_text },       { 0x8c, op_text },      { 0x8d, op_text },
    { 'U', op_text },     { 'T', op_text },     { 'B', op_text },       { 'C', op_text },       { 0x8e, op_text },
    { ')', op_empty },    { ']', op_empty },    { '}', op_empty },      { 't', op_tuple },      { 0x85, op_tuple },
    { 0x86, op_tuple },   { 0x87, op_tuple },   { 'a', op_add_one },    { 's', op_add_one },    { 'e', op_add_many },
    { 'u', op_add_many }, { 'c', op_global },   { 0x93, op_stack_global }, { 'R', op_reduce },  { 'b', op_build },
    { 0x81, op_reduce },  { 'Q', op_persistent }, { 'q', op_put },      { 'r', op_put },        { 0x94, op_put },
    { 'h', op_get },      { 'j', op_get },        { 0x92, op_newobj_ex }, { 0x8b, op_long1 },    { 0x8f, op_empty },
    { 0x90, op_add_many }, { 0x91, op_frozen_set }, { '0', op_pop },     { '1', op_pop },       { 0x96, op_text },
};

static enum status step(struct machine *m)
{
    m->op = m->at;
    if (m->at == m->end)
        return machine_fail(m, "the pickle has no end");
    m->at++;
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
        if (instructions[i].code == (unsigned char)*m->op)
            return instructions[i].run(m);
    return machine_fail(m, "instruction 0x%02x is none that a state dict needs", (unsigned)(unsigned char)*m->op);
}

enum status pickle_parse(struct pickle *out, const char *path, const char *data, size_t size, struct diag *d)
{
    struct machine m = { .p.class = PICKLE_NO_VALUE, .start = data, .at = data, .end = data + size, .path = path, .d = d };
    enum status s = size > PICKLE_LIMIT ? diag_fail(d, STATUS_INPUT, "cannot read '%s': a pickle of %zu bytes, the limit is %zu", path, size, PICKLE_LIMIT)
                                        : STATUS_OK;

    while (s == STATUS_OK && !m.stopped)
        s = step(&m);
    free(m.stack);
    free(m.memo);
    if (s == STATUS_OK)
        *out = m.p;
    else
        pickle_clear(&m.p);
    return s;
}
