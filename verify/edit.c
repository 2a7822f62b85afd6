#include "verify/edit.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

bool part_whole(const struct part *p) { return p->reader < 0 && p->entry < 0; }

size_t part_width(const struct net *base, const struct part *p) { return p->entry >= 0 ? 1 : base->nodes[p->node].width; }

int part_compare(const struct part *a, const struct part *b)
{
    if (a->node != b->node) return a->node < b->node ? -1 : 1;
    if (a->reader != b->reader) return a->reader < b->reader ? -1 : 1;
    if (a->entry != b->entry) return a->entry < b->entry ? -1 : 1;
    return a->steer == b->steer ? 0 : a->steer < b->steer ? -1 : 1;
}

/* Length of `blocks.L.mlp.` where the name starts so, else 0. */
static size_t mlp_block(const char *name)
{
    int end = 0;
    (void)sscanf(name, "blocks.%*u.mlp.%n", &end);
    return (size_t)end;
}

/* An MLP reads with every node of its block. */
static bool in_reader(const struct net *net, size_t reader, size_t node)
{
    size_t n = mlp_block(net->nodes[reader].name);
    return node == reader || (n > 0 && strncmp(net->nodes[node].name, net->nodes[reader].name, n) == 0);
}

static bool reads_one_of(const struct node *v, const bool *on)
{
    for (size_t a = 0; a < v->n_inputs; a++)
        if (on[v->inputs[a]]) return true;
    return false;
}

/* Marks the node and what lies on paths from it through sums and norms; true when the reader reads one of these. */
static bool mark_paths(bool *on, const struct net *net, const struct part *p)
{
    static const bool passes[OP_COUNT] = { [OP_ADD] = true, [OP_HEADS] = true, [OP_LAYERNORM] = true, [OP_RMSNORM] = true, [OP_MUL] = true };
    bool read = false;
    bool *mine = mem_array(net->n_nodes, sizeof *mine);
    if (!mine) return false;
    mine[p->node] = true;
    for (size_t v = p->node + 1; v < net->n_nodes; v++) {
        if (!reads_one_of(&net->nodes[v], mine)) continue;
        if (in_reader(net, (size_t)p->reader, v)) read = true;
        else mine[v] = passes[net->nodes[v].op];
    }
    for (size_t v = 0; v < net->n_nodes; v++) on[v] = on[v] || mine[v];
    free(mine);
    return read;
}

enum status edge_exists(bool *out, const struct net *base, const struct part *p)
{
    bool *on = mem_array(base->n_nodes, sizeof *on);
    if (!on) return STATUS_MEMORY;
    *out = mark_paths(on, base, p);
    free(on);
    return STATUS_OK;
}

/* ---- the network in the making ---- */

struct reader { size_t first; bool *on; size_t *copy; };   /* nodes that have a copy for this reader, and where */
struct maker { struct edited *e; struct reader *readers; size_t n_readers, room_nodes, room_tensors, room_parts; enum status status; };

/* One more node with room for inputs; NULL after a failure. */
static struct node *new_node(struct maker *m, const char *base, const char *tail, long number, size_t n_inputs)
{
    struct net *net = &m->e->net;
    char name[300];
    struct node *grown = m->status == STATUS_OK ? mem_grow(net->nodes, &m->room_nodes, net->n_nodes + 1, sizeof *grown) : NULL;
    if (!grown) {
        m->status = STATUS_MEMORY;
        return NULL;
    }
    net->nodes = grown;
    struct node *out = &grown[net->n_nodes++];
    if (*tail) (void)snprintf(name, sizeof name, "%.200s>%s%ld", base, tail, number);   /* a sign that no name of a file has */
    else (void)snprintf(name, sizeof name, "%.200s", base);
    *out = (struct node){ .name = mem_string(name), .inputs = mem_array(n_inputs + 1, sizeof *out->inputs), .n_inputs = n_inputs };
    if (out->name && out->inputs) return out;
    m->status = STATUS_MEMORY;
    return NULL;
}

static void same_operation(struct node *out, const struct node *old)
{
    out->op = old->op;
    memcpy(out->w, old->w, sizeof out->w);
    out->n_w = old->n_w;
    memcpy(out->arg, old->arg, sizeof out->arg);
    out->n_args = old->n_args;
    out->width = old->width;
}

/* Node v of the base once more; r: with the copies of a reader where there are some. copy: it is one of them itself. */
static size_t put_copy(struct maker *m, size_t v, const struct reader *r, bool copy)
{
    const struct net *clean = m->e->clean;
    const struct node *old = &m->e->base->nodes[v];
    bool frozen = clean && (old->op == OP_LAYERNORM || old->op == OP_RMSNORM);
    struct node *out = new_node(m, old->name, copy ? "r" : "", copy ? (long)r->first : 0, old->n_inputs + frozen);
    if (!out) return 0;
    same_operation(out, old);
    for (size_t a = 0; a < old->n_inputs; a++) {
        size_t u = old->inputs[a];
        out->inputs[a] = r && r->on[u] ? r->copy[u] : m->e->place[u];
    }
    if (frozen) {
        long kept = net_node(clean, m->e->base->nodes[old->inputs[0]].name);
        if (kept < 0) m->status = STATUS_INTERNAL;
        else out->inputs[old->n_inputs] = (size_t)kept;
    }
    return m->e->net.n_nodes - 1;
}

/* The clean network's nodes, at the same places. */
static void put_clean(struct maker *m)
{
    const struct net *clean = m->e->clean;
    size_t shift = m->e->n_borrowed ? m->e->base->n_tensors : 0;
    for (size_t v = 0; clean && v < clean->n_nodes && m->status == STATUS_OK; v++) {
        const struct node *old = &clean->nodes[v];
        struct node *out = new_node(m, old->name, "u", 0, old->n_inputs);
        if (!out) return;
        same_operation(out, old);
        for (size_t a = 0; a < old->n_inputs; a++) out->inputs[a] = old->inputs[a];
        for (size_t k = 0; k < out->n_w; k++) out->w[k].tensor += shift;
    }
}

/* A node of n entries that reads a vector, which becomes a tensor of the edited network: numbers NULL: zeros. NULL after a failure. */
static struct node *vector_node(struct maker *m, const char *base, const char *tail, long number, const double *numbers, size_t n)
{
    struct net *net = &m->e->net;
    struct node *out = new_node(m, base, tail, number, 1);
    struct tensor *grown = out ? mem_grow(net->tensors, &m->room_tensors, net->n_tensors + 1, sizeof *grown) : NULL;
    if (!grown) {
        m->status = STATUS_MEMORY;
        return NULL;
    }
    net->tensors = grown;
    struct tensor *t = &grown[net->n_tensors++];
    *t = (struct tensor){ .name = mem_string(out->name), .rank = 1, .shape = { n }, .data = mem_array(n, sizeof(double)) };
    if (!t->name || !t->data) {
        m->status = STATUS_MEMORY;
        return NULL;
    }
    if (numbers) memcpy(t->data, numbers, n * sizeof *numbers);
    out->w[0] = (struct weight){ .tensor = net->n_tensors - 1, .slice = -1, .k = 1, .m = n, .data = t->data };
    out->n_w = 1;
    out->width = n;
    return out;
}

static size_t put_select(struct maker *m, const char *base, const char *tail, long number, size_t from, const double *index, size_t n)
{
    struct node *out = vector_node(m, base, tail, number, index, n);
    if (!out) return 0;
    out->op = OP_SELECT;
    out->inputs[0] = from;
    return m->e->net.n_nodes - 1;
}

/* `add AT S` for every steer of the part (node, reader, entry) that stands at `at`, S a row of zeros until it is given. Returns what is read then. */
static size_t put_steers(struct maker *m, size_t v, long reader, long entry, size_t at)
{
    struct edited *e = m->e;
    const char *name = e->base->nodes[v].name;
    for (size_t i = 0; i < e->n_parts && m->status == STATUS_OK; i++) {
        struct part *p = &e->parts[i];
        if (p->node != v || p->reader != reader || p->entry != entry || p->steer == 0) continue;
        size_t width = part_width(e->base, p);
        struct node *zero = vector_node(m, name, "s", (long)i, NULL, width);
        if (!zero) return 0;
        zero->op = OP_CONSTANT;
        zero->n_inputs = 0;
        p->at = e->net.n_nodes - 1;
        struct node *sum = new_node(m, name, "t", (long)i, 2);
        if (!sum) return 0;
        sum->op = OP_ADD;
        sum->width = width;
        sum->inputs[0] = at;
        sum->inputs[1] = p->at;
        at = e->net.n_nodes - 1;
    }
    return at;
}

static bool is_neuron(const struct part *p, size_t v) { return p->node == v && p->entry >= 0 && p->steer == 0; }

/* Beside node v an entry of its own for every neuron; the readers of v read all entries put together. */
static void put_neurons(struct maker *m, size_t v)
{
    struct edited *e = m->e;
    const struct node *old = &e->base->nodes[v];
    size_t count = 0;
    for (size_t i = 0; i < e->n_parts; i++) count += is_neuron(&e->parts[i], v);
    double *index = count ? mem_array(old->width, sizeof *index) : NULL;
    size_t *read = count ? mem_array(count, sizeof *read) : NULL;
    if (count && (!index || !read)) m->status = STATUS_MEMORY;
    if (!index || !read) {
        free(index);
        free(read);
        return;
    }
    for (size_t j = 0; j < old->width; j++) index[j] = (double)j;
    size_t next = 0;
    for (size_t i = 0; i < e->n_parts && m->status == STATUS_OK; i++) {
        struct part *p = &e->parts[i];
        if (!is_neuron(p, v)) continue;
        p->at = put_select(m, old->name, "n", p->entry, e->own[v], &(double){ (double)p->entry }, 1);
        read[next] = put_steers(m, v, -1, p->entry, p->at);
        index[p->entry] = (double)(old->width + next++);
    }
    struct node *both = new_node(m, old->name, "c", 0, count + 1);
    if (both) {
        both->op = OP_CONCAT;
        both->width = old->width + count;
        both->inputs[0] = e->place[v];
        memcpy(both->inputs + 1, read, count * sizeof *read);
        e->place[v] = put_select(m, old->name, "j", 0, e->net.n_nodes - 1, index, old->width);
    }
    free(index);
    free(read);
}

static void put_node(struct maker *m, size_t v)
{
    struct edited *e = m->e;
    const struct reader *mine = NULL;
    for (size_t r = 0; r < m->n_readers; r++)
        if (in_reader(e->base, m->readers[r].first, v)) mine = &m->readers[r];
    e->own[v] = put_copy(m, v, mine, false);
    e->place[v] = put_steers(m, v, -1, -1, e->own[v]);
    for (size_t r = 0; r < m->n_readers && m->status == STATUS_OK; r++) {
        long first = (long)m->readers[r].first;
        if (!m->readers[r].on[v]) continue;
        size_t copy = put_copy(m, v, &m->readers[r], true);
        for (size_t i = 0; i < e->n_parts; i++)
            if (e->parts[i].node == v && e->parts[i].reader == first && e->parts[i].steer == 0) e->parts[i].at = copy;
        m->readers[r].copy[v] = put_steers(m, v, first, -1, copy);
    }
    if (m->status == STATUS_OK) put_neurons(m, v);
}

static enum status find_readers(struct maker *m)
{
    const struct edited *e = m->e;
    m->readers = mem_array(e->n_parts + 1, sizeof *m->readers);
    if (!m->readers) return STATUS_MEMORY;
    for (size_t i = 0; i < e->n_parts; i++) {
        size_t r = 0;
        if (e->parts[i].reader < 0) continue;
        while (r < m->n_readers && (long)m->readers[r].first != e->parts[i].reader) r++;
        if (r == m->n_readers) {
            m->readers[m->n_readers++] = (struct reader){ (size_t)e->parts[i].reader, mem_array(e->base->n_nodes, sizeof(bool)), mem_array(e->base->n_nodes, sizeof(size_t)) };
            if (!m->readers[r].on || !m->readers[r].copy) return STATUS_MEMORY;
        }
        if (!mark_paths(m->readers[r].on, e->base, &e->parts[i])) return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

static void add_part(struct maker *m, struct part p)
{
    struct edited *e = m->e;
    for (size_t i = 0; i < e->n_parts; i++)
        if (part_compare(&e->parts[i], &p) == 0) return;
    struct part *grown = mem_grow(e->parts, &m->room_parts, e->n_parts + 1, sizeof *grown);
    if (!grown) {
        m->status = STATUS_MEMORY;
        return;
    }
    e->parts = grown;
    e->parts[e->n_parts++] = p;
}

/* What is on the way of an edge is a part too: when a whole node is changed, so is what the reader reads of it. So it is with neurons and
 * edges of a node that is steered. */
static void imply_parts(struct maker *m)
{
    struct edited *e = m->e;
    for (size_t r = 0; r < m->n_readers; r++)
        for (size_t v = 0; v < e->base->n_nodes; v++)
            if (m->readers[r].on[v]) add_part(m, (struct part){ .node = v, .reader = (long)m->readers[r].first, .entry = -1 });
    for (size_t i = 0; i < e->n_asked; i++)
        for (size_t k = 0, n = e->n_parts; k < n && e->asked[i].steer && part_whole(&e->asked[i]); k++) {
            const struct part *q = &e->parts[k];
            if (q->node == e->asked[i].node && q->steer == 0) add_part(m, (struct part){ .node = q->node, .reader = q->reader, .entry = q->entry, .steer = e->asked[i].steer });
        }
}

static enum status make(struct maker *m)
{
    struct edited *e = m->e;
    const struct net *base = e->base;
    e->net = *base;
    e->net.nodes = NULL;
    e->net.n_nodes = 0;
    e->n_borrowed = e->clean && e->clean->tensors != base->tensors ? e->clean->n_tensors : 0;
    e->net.tensors = mem_array(base->n_tensors + e->n_borrowed + 1, sizeof *e->net.tensors);
    e->net.n_tensors = 0;
    e->net.sha256[0] = '\0';
    e->place = mem_array(base->n_nodes, sizeof *e->place);
    e->own = mem_array(base->n_nodes, sizeof *e->own);
    if (!e->net.tensors || !e->place || !e->own) return STATUS_MEMORY;
    if (base->n_tensors) memcpy(e->net.tensors, base->tensors, base->n_tensors * sizeof *base->tensors);
    if (e->n_borrowed) memcpy(e->net.tensors + base->n_tensors, e->clean->tensors, e->n_borrowed * sizeof *base->tensors);
    e->net.n_tensors = base->n_tensors + e->n_borrowed;
    m->room_tensors = e->net.n_tensors + 1;
    m->status = find_readers(m);
    if (m->status == STATUS_OK) imply_parts(m);
    if (m->status == STATUS_OK) put_clean(m);
    for (size_t v = 0; v < base->n_nodes && m->status == STATUS_OK; v++) put_node(m, v);
    if (m->status == STATUS_OK) e->net.output = e->place[base->output];
    return m->status;
}

enum status edited_new(struct edited **out, const struct net *base, const struct net *clean, const struct part *parts, size_t n_parts)
{
    struct maker m = { .e = mem_array(1, sizeof *m.e) };
    if (!m.e) return STATUS_MEMORY;
    m.e->base = base;
    m.e->clean = clean;
    m.e->parts = mem_array(n_parts + 1, sizeof *parts);
    m.e->asked = mem_array(n_parts + 1, sizeof *parts);
    m.room_parts = n_parts + 1;
    enum status s = STATUS_MEMORY;
    if (m.e->parts && m.e->asked) {
        if (n_parts) memcpy(m.e->parts, parts, n_parts * sizeof *parts);
        if (n_parts) memcpy(m.e->asked, parts, n_parts * sizeof *parts);
        m.e->n_parts = m.e->n_asked = n_parts;
        s = make(&m);
    }
    for (size_t r = 0; r < m.n_readers; r++) {
        free(m.readers[r].on);
        free(m.readers[r].copy);
    }
    free(m.readers);
    if (s == STATUS_OK) *out = m.e;
    else edited_free(m.e);
    return s;
}

void edited_free(struct edited *e)
{
    if (!e) return;
    for (size_t v = 0; v < e->net.n_nodes && e->net.nodes; v++) {
        free(e->net.nodes[v].name);
        free(e->net.nodes[v].inputs);
    }
    for (size_t i = e->base->n_tensors + e->n_borrowed; i < e->net.n_tensors; i++) {
        free(e->net.tensors[i].name);
        free(e->net.tensors[i].data);
    }
    free(e->net.nodes);
    free(e->net.tensors);
    free(e->parts);
    free(e->asked);
    free(e->place);
    free(e->own);
    free(e);
}

/* ---- other numbers in tensors ---- */

enum status retensored_new(struct retensored **out, const struct net *base, double **numbers)
{
    struct retensored *r = mem_array(1, sizeof *r);
    struct tensor *tensors = mem_array(base->n_tensors + 1, sizeof *tensors);
    struct node *nodes = mem_array(base->n_nodes + 1, sizeof *nodes);
    if (!r || !tensors || !nodes) {
        for (size_t k = 0; k < base->n_tensors; k++) free(numbers[k]);
        free(numbers);
        free(r);
        free(tensors);
        free(nodes);
        return STATUS_MEMORY;
    }
    r->net = *base;
    r->net.sha256[0] = '\0';
    r->numbers = numbers;
    if (base->n_tensors) memcpy(tensors, base->tensors, base->n_tensors * sizeof *tensors);
    if (base->n_nodes) memcpy(nodes, base->nodes, base->n_nodes * sizeof *nodes);
    for (size_t k = 0; k < base->n_tensors; k++)
        if (numbers[k]) tensors[k].data = numbers[k];
    for (size_t v = 0; v < base->n_nodes; v++)
        for (size_t k = 0; k < nodes[v].n_w; k++) {
            struct weight *w = &nodes[v].w[k];
            w->data = tensors[w->tensor].data + (w->data - base->tensors[w->tensor].data);
        }
    r->net.tensors = tensors;
    r->net.nodes = nodes;
    *out = r;
    return STATUS_OK;
}

void retensored_free(struct retensored *r)
{
    if (!r) return;
    for (size_t k = 0; k < r->net.n_tensors; k++) free(r->numbers[k]);
    free(r->numbers);
    free(r->net.tensors);
    free(r->net.nodes);
    free(r);
}
