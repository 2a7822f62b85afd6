/* From the nodes of the graph, in their order, to the nodes of the network. Only what the output needs is looked at. */
#include "models/onnx_graph.h"

#include <string.h>

#include "core/mem.h"

static const struct onnx_operator *const tables[] = { onnx_shape_operators, onnx_constant_operators, onnx_entry_operators, onnx_matrix_operators, onnx_norm_operators, onnx_window_operators };

static const struct onnx_operator *find_operator(const char *name)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct onnx_operator *row = tables[t]; row->name; row++)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

/* ---- names of values ---- */

static bool is_named(const char *name) { return name && *name; }

static long value_of(const struct onnx *o, const char *name) { return names_find(&o->names, name, strlen(name)); }

/* Index of the value of that name, made without content if it is new. */
static size_t value_named(struct onnx *o, const char *name)
{
    long i = value_of(o, name);
    struct value *grown;

    if (i >= 0 || !onnx_ok(o))
        return i >= 0 ? (size_t)i : 0;
    grown = mem_grow(o->values, &o->value_room, o->n_values + 1, sizeof *grown);
    if (!grown || !names_add(&o->names, name, strlen(name), o->n_values, NULL)) {
        o->values = grown ? grown : o->values;
        onnx_fail(o, STATUS_MEMORY);
        return 0;
    }
    o->values = grown;
    return o->n_values++;
}

bool onnx_read_once(const struct onnx *o, const char *name) { return value_of(o, name) >= 0 && o->uses[value_of(o, name)] == 1 && strcmp(name, o->output) != 0; }

bool onnx_is_read(const struct onnx *o, const char *name) { return is_named(name) && value_of(o, name) >= 0 && o->uses[value_of(o, name)] > 0; }

static void read_initializers(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;

    if (g->n_sparse_initializer)
        onnx_refuse(o, "sparse initializers");
    for (size_t i = 0; i < g->n_initializer && onnx_ok(o); i++) {
        const char *name = g->initializer[i]->name;
        if (!is_named(name))
            onnx_bad(o, "initializer %zu has no name", i);
        else if (value_of(o, name) >= 0)
            onnx_bad(o, "two initializers of the name '%s'", name);
        else
            (void)value_named(o, name);
    }
}

/* Decoded when something reads it: what nothing reads may be of any type. */
static void decode_initializers(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;

    for (size_t i = 0; i < g->n_initializer && onnx_ok(o); i++)
        if (o->uses[i])
            o->values[i] = onnx_tensor(o, g->initializer[i], g->initializer[i]->name);
}

/* ---- which nodes matter ---- */

static void number_values(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;

    for (size_t i = 0; i < g->n_node && onnx_ok(o); i++) {
        for (size_t j = 0; j < g->node[i]->n_input; j++)
            if (is_named(g->node[i]->input[j]))
                (void)value_named(o, g->node[i]->input[j]);
        for (size_t j = 0; j < g->node[i]->n_output; j++)
            if (is_named(g->node[i]->output[j]))
                (void)value_named(o, g->node[i]->output[j]);
    }
    if (onnx_ok(o))
        (void)value_named(o, o->output);
}

/* Node that computes each value, plus 1; 0 for none. */
static size_t *producers(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;
    size_t *producer = onnx_array(o, o->n_values, sizeof *producer);

    for (size_t i = 0; producer && i < g->n_node && onnx_ok(o); i++)
        for (size_t j = 0; j < g->node[i]->n_output; j++) {
            const char *name = g->node[i]->output[j];
            size_t v = is_named(name) ? (size_t)value_of(o, name) : 0;
            if (is_named(name) && (producer[v] || v < g->n_initializer || strcmp(name, o->input) == 0))
                onnx_bad(o, "'%.100s' has a value before node %zu computes it", name, i);
            else if (is_named(name))
                producer[v] = i + 1;
        }
    return producer;
}

/* From the output backwards: a node is live if something live reads one of its outputs. */
static void mark_live(struct onnx *o, const size_t *producer)
{
    const Onnx__GraphProto *g = o->proto->graph;
    size_t n = 0, *stack = onnx_array(o, g->n_node, sizeof *stack), out = (size_t)value_of(o, o->output);

    if (!onnx_ok(o))
        return;
    o->uses[out] = 1;
    if (producer[out])
        stack[n++] = producer[out] - 1;
    if (n)
        o->live[stack[0]] = true;
    while (n) {
        const Onnx__NodeProto *node = g->node[stack[--n]];
        for (size_t j = 0; j < node->n_input; j++) {
            size_t v = is_named(node->input[j]) ? (size_t)value_of(o, node->input[j]) : 0;
            if (!is_named(node->input[j]))
                continue;
            o->uses[v]++;
            if (producer[v] && !o->live[producer[v] - 1]) {
                o->live[producer[v] - 1] = true;
                stack[n++] = producer[v] - 1;
            }
        }
    }
}

/* Live nodes, each after those it reads: the order of the file where that is one, which it should be and not always is. */
static void order_nodes(struct onnx *o, const size_t *producer)
{
    const Onnx__GraphProto *g = o->proto->graph;
    struct visit { size_t node, input; } *stack = onnx_array(o, g->n_node, sizeof *stack);
    char *state = onnx_array(o, g->n_node, 1); /* 1: begun, 2: placed */

    o->order = onnx_array(o, g->n_node, sizeof *o->order);
    for (size_t i = 0; i < g->n_node && onnx_ok(o); i++) {
        size_t n = 0;
        if (o->live[i] && !state[i]) {
            stack[n++] = (struct visit){ i, 0 };
            state[i] = 1;
        }
        while (n && onnx_ok(o)) {
            struct visit *at = &stack[n - 1];
            const Onnx__NodeProto *node = g->node[at->node];
            const char *name = at->input < node->n_input ? node->input[at->input] : NULL;
            size_t before = is_named(name) ? producer[value_of(o, name)] : 0;
            if (at->input == node->n_input) {
                state[at->node] = 2;
                o->order[o->n_order++] = at->node;
                n--;
            } else if (++at->input, before && state[before - 1] == 1)
                onnx_bad(o, "'%.100s' depends on itself", name);
            else if (before && !state[before - 1]) {
                state[before - 1] = 1;
                stack[n++] = (struct visit){ before - 1, 0 };
            }
        }
    }
}

static void plan(struct onnx *o)
{
    const size_t *producer = producers(o);

    o->uses = onnx_array(o, o->n_values, sizeof *o->uses);
    o->live = onnx_array(o, o->proto->graph->n_node, sizeof *o->live);
    if (onnx_ok(o))
        mark_live(o, producer);
    if (onnx_ok(o))
        order_nodes(o, producer);
}

/* ---- one node ---- */

/* Attributes change what an operator means, so one that is not known is refused; documentation strings are no attributes. */
static void check_attributes(struct onnx *o, const struct call *c, const struct onnx_operator *row)
{
    for (size_t i = 0; i < c->proto->n_attribute && onnx_ok(o); i++) {
        const Onnx__AttributeProto *a = c->proto->attribute[i];
        const char *name = a->name ? a->name : "", *at = strstr(row->attributes, name);
        size_t n = strlen(name);
        if (a->ref_attr_name && *a->ref_attr_name)
            onnx_refuse(o, "attribute '%s' refers to a function's", name);
        else if (n == 0 || strchr(name, ' ') || !at)
            onnx_refuse(o, "unknown attribute '%s'", name);
        for (; onnx_ok(o) && !(at[-1] == ' ' && at[n] == ' ');)
            if (!(at = strstr(at + 1, name)))
                onnx_refuse(o, "unknown attribute '%s'", name);
        for (size_t j = 0; j < i && onnx_ok(o); j++)
            if (c->proto->attribute[j]->name && strcmp(c->proto->attribute[j]->name, name) == 0)
                onnx_bad(o, "attribute '%s' twice", name);
    }
}

static void collect_inputs(struct onnx *o, struct call *c)
{
    c->n_in = c->proto->n_input;
    while (c->n_in && !is_named(c->proto->input[c->n_in - 1]))
        c->n_in--;
    c->in = onnx_array(o, c->n_in, sizeof *c->in);
    for (size_t i = 0; i < c->n_in && onnx_ok(o); i++)
        if (is_named(c->proto->input[i])) {
            c->in[i] = o->values[value_of(o, c->proto->input[i])];
            if (c->in[i].kind == VALUE_NONE)
                onnx_bad(o, "its input '%s' is computed by no node", c->proto->input[i]);
        }
}

static void store_outputs(struct onnx *o, const struct call *c)
{
    for (size_t i = 0; i < c->n_out && onnx_ok(o); i++) {
        struct value *v;
        if (!is_named(c->proto->output[i]))
            continue;
        v = &o->values[value_of(o, c->proto->output[i])];
        if (c->out[i].kind == VALUE_NONE && onnx_is_read(o, c->proto->output[i]))
            onnx_refuse(o, "its output %zu ('%s') is read", i, c->proto->output[i]);
        else
            *v = c->out[i];
    }
}

/* First output that has a name: nodes are named after it. */
static const char *name_after(const Onnx__NodeProto *n)
{
    for (size_t i = 0; i < n->n_output; i++)
        if (is_named(n->output[i]))
            return n->output[i];
    return "";
}

static void lower(struct onnx *o, const Onnx__NodeProto *proto)
{
    struct call c = { .proto = proto, .name = name_after(proto), .n_out = proto->n_output };
    const char *type = proto->op_type ? proto->op_type : "";
    const struct onnx_operator *row = find_operator(type);

    c.label = onnx_string(o, "node '%.100s' (%.60s)", is_named(proto->name) ? proto->name : c.name, type);
    o->call = &c;
    if (is_named(proto->domain) && strcmp(proto->domain, "ai.onnx") != 0)
        onnx_refuse(o, "an operator of the domain '%.100s'", proto->domain);
    else if (!row)
        onnx_refuse(o, "this operator is not among those that are read");
    if (onnx_ok(o))
        check_attributes(o, &c, row);
    collect_inputs(o, &c);
    c.out = onnx_array(o, c.n_out, sizeof *c.out);
    if (onnx_ok(o) && (c.n_in < row->least || c.n_in > row->most))
        onnx_bad(o, "%zu inputs, where %s %zu are right", c.n_in, c.n_in < row->least ? "at least" : "at most", c.n_in < row->least ? row->least : row->most);
    if (onnx_ok(o) && !onnx_integers(o, &c))
        row->lower(o, &c);
    c.name = name_after(proto);
    store_outputs(o, &c);
    o->call = NULL;
}

/* ---- input and output of the graph ---- */

/* Value of KEY in --set KEY=VALUE. */
static const char *setting(const struct onnx *o, const char *key)
{
    for (size_t i = 0; o->options && i < o->options->n_set; i++)
        if (strcmp(o->options->set[i].key, key) == 0)
            return o->options->set[i].value;
    return NULL;
}

static void fact(struct onnx *o, const char *key, const char *value, const char *how)
{
    if (onnx_ok(o))
        onnx_fail(o, model_add_fact(o->model, key, value, how));
}

/* The size of a dimension that the file leaves open: what the user says, else 1 if it is the first one (the batch). */
static size_t open_dimension(struct onnx *o, const char *input, size_t axis, const char *name)
{
    const char *said = is_named(name) ? setting(o, name) : NULL;
    const char *key = is_named(name) ? onnx_string(o, "dimension '%.100s'", name) : onnx_string(o, "dimension %zu of '%.100s'", axis, input);
    char *end = NULL;
    long n = said ? strtol(said, &end, 10) : axis == 0;

    if (said && (n < 1 || *end || n > (long)ONNX_ENTRIES))
        onnx_bad(o, "the size '%.40s' for dimension '%.100s' is no number", said, name);
    else if (n < 1 && is_named(name))
        onnx_refuse(o, "dimension %zu ('%.100s') of input '%.100s' has no size; say it with --set '%.100s=NUMBER'", axis, name, input, name);
    else if (n < 1)
        onnx_refuse(o, "dimension %zu of input '%.100s' has no size", axis, input);
    fact(o, key, onnx_string(o, "%ld", n), said ? "as set" : "assumed: a batch of one");
    return onnx_ok(o) ? (size_t)n : 0;
}

static void add_input(struct onnx *o, const Onnx__ValueInfoProto *info)
{
    const Onnx__TensorTypeProto *type = info->type ? info->type->tensor_type : NULL;
    struct value v = { .type = type ? type->elem_type : 0 };
    size_t dims[ONNX_RANK];
    int64_t *positions;

    if (!type || !type->shape) {
        onnx_bad(o, "input '%s' has no type and shape", info->name);
        return;
    }
    if (v.type != ONNX_FLOAT && v.type != ONNX_INT64 && v.type != ONNX_INT32)
        onnx_refuse(o, "input '%s' has elements %s; FLOAT, and INT64 and INT32 for tokens, are read", info->name, onnx_type_name(v.type) ? onnx_type_name(v.type) : "of no type");
    if (type->shape->n_dim > ONNX_RANK)
        onnx_refuse(o, "input '%s' has %zu dimensions, at most %d are read", info->name, type->shape->n_dim, ONNX_RANK);
    for (size_t i = 0; i < type->shape->n_dim && onnx_ok(o); i++) {
        const Onnx__Dimension *dim = type->shape->dim[i];
        dims[i] = dim->has_dim_value && dim->dim_value > 0 ? (size_t)dim->dim_value : open_dimension(o, info->name, i, dim->dim_param);
    }
    if (!onnx_ok(o) || !onnx_set_shape(o, &v, type->shape->n_dim, dims))
        return;
    o->net.n_ctx = 1;
    if (v.type == ONNX_FLOAT) {
        v.kind = VALUE_NODE;
        o->net.width_in = v.count;
        v.node = onnx_node(o, (struct part){ .name = info->name, .op = OP_INPUT });
    } else {
        v.kind = VALUE_TOKENS;
        o->net.n_ctx = v.count;
        v.ints = positions = onnx_array(o, v.count, sizeof *positions);
        for (size_t i = 0; positions && i < v.count; i++)
            positions[i] = (int64_t)i;
    }
    fact(o, "input", onnx_string(o, "%.100s %s", info->name, onnx_shape_text(o, v.rank, v.dims)), v.kind == VALUE_TOKENS ? "tokens, row-major" : "numbers, row-major");
    o->values[value_of(o, info->name)] = v;
}

/* Inputs that are no initializers (before version 4 of the representation those are inputs too): one at most. */
static void find_input(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;
    const Onnx__ValueInfoProto *found = NULL;

    for (size_t i = 0; i < g->n_input && onnx_ok(o); i++) {
        const char *name = g->input[i]->name;
        long v = is_named(name) ? value_of(o, name) : -1;
        if (!is_named(name))
            onnx_bad(o, "input %zu has no name", i);
        else if (v >= 0 && (size_t)v < g->n_initializer)
            continue;
        else if (found)
            onnx_refuse(o, "several inputs, '%.100s' and '%.100s'; one is read", found->name, name);
        else
            found = g->input[i];
    }
    if (onnx_ok(o) && !found)
        onnx_refuse(o, "the graph has no input");
    if (onnx_ok(o))
        (void)value_named(o, o->input = found->name);
}

static const Onnx__ValueInfoProto *graph_input(const struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;
    size_t i = 0;

    while (strcmp(g->input[i]->name ? g->input[i]->name : "", o->input) != 0)
        i++;
    return g->input[i];
}

/* The one output, or the one that is chosen. */
static const Onnx__ValueInfoProto *find_output(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;
    const char *chosen = setting(o, "output");
    const Onnx__ValueInfoProto *found = NULL;

    for (size_t i = 0; i < g->n_output && onnx_ok(o); i++) {
        if (!is_named(g->output[i]->name))
            onnx_bad(o, "output %zu has no name", i);
        else if (chosen ? strcmp(chosen, g->output[i]->name) == 0 : !found)
            found = g->output[i];
        else if (!chosen)
            onnx_refuse(o, "several outputs, '%.100s' and '%.100s'; choose one with --set output=NAME", found->name, g->output[i]->name);
    }
    if (onnx_ok(o) && !found && chosen)
        onnx_bad(o, "no output '%.100s'", chosen);
    else if (onnx_ok(o) && !found)
        onnx_bad(o, "the graph has no output");
    if (onnx_ok(o))
        o->output = found->name;
    return found;
}

/* Shape that the file declares for the output, where it says sizes; 0 for those it leaves open. */
static size_t declared_entries(struct onnx *o, const Onnx__TensorShapeProto *shape, const size_t *dims, const char **text)
{
    size_t list[ONNX_RANK] = { 0 }, n = 1;

    for (size_t i = 0; i < shape->n_dim && i < ONNX_RANK; i++) {
        bool said = shape->dim[i]->has_dim_value && shape->dim[i]->dim_value > 0;
        list[i] = said ? (size_t)shape->dim[i]->dim_value : dims[i];
        if (__builtin_mul_overflow(n, list[i], &n))
            n = SIZE_MAX;
    }
    *text = onnx_shape_text(o, shape->n_dim < ONNX_RANK ? shape->n_dim : ONNX_RANK, list);
    return n;
}

/* What the file says of the output's shape should be what its nodes give; another order of as many entries is said, as it changes nothing. */
static void check_output(struct onnx *o, const Onnx__ValueInfoProto *info, const struct value *v)
{
    const Onnx__TensorShapeProto *shape = info->type && info->type->tensor_type ? info->type->tensor_type->shape : NULL;
    const char *text = "";

    if (v->kind == VALUE_NONE)
        onnx_bad(o, "output '%.100s' is computed by no node", o->output);
    else if (v->kind == VALUE_INTS || v->kind == VALUE_TOKENS)
        onnx_refuse(o, "output '%.100s' holds integers, not numbers that are computed", o->output);
    if (!onnx_ok(o) || !shape)
        return;
    bool same = shape->n_dim == v->rank;
    for (size_t i = 0; i < shape->n_dim && same; i++)
        same = !shape->dim[i]->has_dim_value || shape->dim[i]->dim_value <= 0 || (size_t)shape->dim[i]->dim_value == v->dims[i];
    if (same)
        return;
    if (declared_entries(o, shape, v->dims, &text) != v->count || shape->n_dim > ONNX_RANK)
        onnx_bad(o, "output '%.100s' is declared with shape %s, its nodes give %s", o->output, text, onnx_shape_text(o, v->rank, v->dims));
    else
        fact(o, "declared output", text, "stated by the file; its nodes give another shape");
}

/* ---- the whole ---- */

static void check_settings(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;

    for (size_t i = 0; o->options && i < o->options->n_set && onnx_ok(o); i++) {
        const char *key = o->options->set[i].key;
        bool known = strcmp(key, "output") == 0;
        for (size_t j = 0; j < g->n_input && !known; j++) {
            const Onnx__TypeProto *type = g->input[j]->type;
            const Onnx__TensorShapeProto *shape = type && type->tensor_type ? type->tensor_type->shape : NULL;
            for (size_t a = 0; shape && a < shape->n_dim && !known; a++)
                known = shape->dim[a]->dim_param && strcmp(shape->dim[a]->dim_param, key) == 0;
        }
        if (!known)
            onnx_bad(o, "unknown setting '%.100s'; an ONNX file has 'output' and its named dimensions", key);
    }
}

static size_t live_nodes(const struct onnx *o, const char *type)
{
    const Onnx__GraphProto *g = o->proto->graph;
    size_t n = 0;

    for (size_t i = 0; i < g->n_node; i++)
        n += o->live[i] && g->node[i]->op_type && strcmp(g->node[i]->op_type, type) == 0;
    return n;
}

/* "Relu 2, Gemm 3" */
static void operator_fact(struct onnx *o)
{
    struct text list = { 0 };

    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct onnx_operator *row = tables[t]; row->name; row++)
            if (live_nodes(o, row->name))
                text_addf(&list, "%s%s %zu", list.size ? ", " : "", row->name, live_nodes(o, row->name));
    if (list.failed)
        onnx_fail(o, STATUS_MEMORY);
    fact(o, "operators", list.data ? list.data : "none", "those that the output needs");
    text_clear(&list);
}

static int by_name(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Tensors by name, and the nodes follow them. The numbers stay where they are. */
static void sort_tensors(struct onnx *o)
{
    struct names index = { 0 };

    const char **old = onnx_array(o, o->net.n_tensors, sizeof *old);
    for (size_t i = 0; old && i < o->net.n_tensors; i++)
        old[i] = o->net.tensors[i].name;
    if (o->net.n_tensors)
        qsort(o->net.tensors, o->net.n_tensors, sizeof *o->net.tensors, by_name);
    for (size_t i = 0; i < o->net.n_tensors && onnx_ok(o); i++)
        if (!names_add(&index, o->net.tensors[i].name, strlen(o->net.tensors[i].name), i, NULL))
            onnx_fail(o, STATUS_MEMORY);
    for (size_t v = 0; v < o->net.n_nodes && onnx_ok(o); v++)
        for (size_t w = 0; w < o->net.nodes[v].n_w; w++) {
            const char *name = old[o->net.nodes[v].w[w].tensor];
            o->net.nodes[v].w[w].tensor = (size_t)names_find(&index, name, strlen(name));
        }
    names_clear(&index);
}

static void file_facts(struct onnx *o)
{
    const char *producer = o->proto->producer_name, *version = o->proto->producer_version;

    fact(o, "opset", onnx_string(o, "%ld", o->opset), "read from the file");
    fact(o, "ir_version", onnx_string(o, "%lld", (long long)o->proto->ir_version), "read from the file");
    if (is_named(producer))
        fact(o, "producer", onnx_string(o, "%.100s%s%.40s", producer, is_named(version) ? " " : "", is_named(version) ? version : ""), "stated by the file");
}

static void finish_net(struct onnx *o, const Onnx__ValueInfoProto *output)
{
    struct value *v = &o->values[value_of(o, o->output)];
    struct text why = { 0 };

    check_output(o, output, v);
    if (onnx_ok(o))
        o->net.output = onnx_as_node(o, v);
    if (onnx_ok(o) && !o->net.width_in && !o->net.d_vocab)
        onnx_refuse(o, "the tokens of input '%.100s' choose no rows of a table", o->input);
    sort_tensors(o);
    if (onnx_ok(o) && !net_resolve(&o->net, &why))
        onnx_fail(o, why.failed ? STATUS_MEMORY : diag_fail(o->d, STATUS_INTERNAL, "cannot read '%s': %s", o->path, why.data));
    text_clear(&why);
    fact(o, "output", onnx_string(o, "%.100s %s", o->output, onnx_shape_text(o, v->rank, v->dims)), "row-major");
    if (onnx_ok(o))
        operator_fact(o);
    if (o->n_renamed)
        fact(o, "names", onnx_string(o, "%zu", o->n_renamed), "written with letters, digits, _ and . only");
}

void onnx_run_graph(struct onnx *o)
{
    const Onnx__GraphProto *g = o->proto->graph;
    const Onnx__ValueInfoProto *output;

    file_facts(o);
    check_settings(o);
    read_initializers(o);
    output = find_output(o);
    if (onnx_ok(o))
        find_input(o);
    if (onnx_ok(o))
        number_values(o);
    if (onnx_ok(o))
        plan(o);
    if (onnx_ok(o))
        decode_initializers(o);
    if (onnx_ok(o))
        add_input(o, graph_input(o));
    for (size_t i = 0; i < o->n_order && onnx_ok(o); i++)
        lower(o, g->node[o->order[i]]);
    if (onnx_ok(o))
        finish_net(o, output);
}
