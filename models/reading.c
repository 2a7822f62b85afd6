/* Declared in models/reading.h. */
#include "models/reading.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/transformer.h"

const struct tensor *reading_find(const struct reading *r, const char *name)
{
    long i = names_find(&r->index, name, strlen(name));

    return i < 0 ? NULL : &r->model->checkpoint.tensors[i];
}

const char *reading_first(const struct reading *r, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        if (reading_find(r, names[i]))
            return names[i];
    return NULL;
}

static void add_list(struct text *out, const char *format, va_list args)
{
    char line[600];

    (void)vsnprintf(line, sizeof line, format, args);
    text_add(out, line);
}

enum status reading_fail(struct reading *r, const char *format, ...)
{
    struct text what = { 0 };
    enum status s;
    va_list args;

    va_start(args, format);
    add_list(&what, format, args);
    va_end(args);
    s = what.failed ? STATUS_MEMORY : diag_fail(r->d, STATUS_INPUT, "cannot read '%s': %s", r->model->checkpoint.path, what.data);
    text_clear(&what);
    return s;
}

enum status reading_ask(struct reading *r, const char *format, ...)
{
    va_list args;

    text_add(&r->questions, r->questions.size ? "; " : "");
    va_start(args, format);
    add_list(&r->questions, format, args);
    va_end(args);
    return r->questions.failed ? STATUS_MEMORY : STATUS_OK;
}

enum status reading_fact(struct reading *r, const char *key, const char *how, const char *format, ...)
{
    struct text value = { 0 };
    enum status s;
    va_list args;

    va_start(args, format);
    add_list(&value, format, args);
    va_end(args);
    s = value.failed ? STATUS_MEMORY : model_add_fact(r->model, key, value.data, how);
    text_clear(&value);
    return s;
}

enum status reading_take(struct view *out, struct reading *r, const char *name, size_t rank)
{
    const struct tensor *t = reading_find(r, name);

    if (!t)
        return reading_fail(r, "tensor '%s' is missing", name);
    if (t->rank == 0 || t->rank > 3)
        return reading_fail(r, "tensor '%s' has rank %zu, rank %zu is needed", name, t->rank, rank);
    r->used[t - r->model->checkpoint.tensors] = true;
    *out = view_of(t);
    if (rank == 1 && t->rank == 2 && t->shape[0] == 1)
        *out = view_slice(*out, 0);
    if (out->rank != rank)
        return reading_fail(r, "tensor '%s' has rank %zu, rank %zu is needed", name, t->rank, rank);
    for (size_t i = 0; i < rank; i++)
        if (out->shape[i] == 0 || out->shape[i] > 2147483647)
            return reading_fail(r, "tensor '%s' has a dimension of size %zu", name, out->shape[i]);
    return STATUS_OK;
}

enum status reading_take_shape(struct view *out, struct reading *r, const char *name, size_t rank, const size_t *shape, const char *meaning)
{
    struct text found = { 0 }, needed = { 0 };
    enum status s = reading_take(out, r, name, rank);

    if (s != STATUS_OK || memcmp(out->shape, shape, rank * sizeof *shape) == 0)
        return s;
    shape_add(&found, out->shape, rank);
    shape_add(&needed, shape, rank);
    s = found.failed || needed.failed ? STATUS_MEMORY
                                      : reading_fail(r, "tensor '%s' has shape %s, %s is needed (%s)", name, found.data, needed.data, meaning);
    text_clear(&found);
    text_clear(&needed);
    return s;
}

/* The key that is set; --set before the file, the family's own name before the others. */
static const char *set_key(const struct reading *r, const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++)
        if (cJSON_GetObjectItemCaseSensitive(r->config->set, keys[i]))
            return keys[i];
    for (size_t i = 0; keys[i]; i++)
        if (cJSON_GetObjectItemCaseSensitive(r->config->file, keys[i]))
            return keys[i];
    return keys[0];
}

const cJSON *reading_value(const char **how, struct reading *r, const char *const *keys)
{
    return config_find(r->config, set_key(r, keys), how);
}

enum status reading_word(const char **out, const char **how, struct reading *r, const char *const *keys)
{
    return config_word(out, how, r->config, set_key(r, keys), r->d);
}

enum status reading_number(double *out, const char **how, struct reading *r, const char *const *keys)
{
    return config_number(out, how, r->config, set_key(r, keys), r->d);
}

enum status reading_count(long *out, const char **how, struct reading *r, const char *const *keys)
{
    return config_int(out, how, r->config, set_key(r, keys), 0, 0, r->d);
}

enum status reading_bool(int *out, const char **how, struct reading *r, const char *const *keys)
{
    return config_bool(out, how, r->config, set_key(r, keys), r->d);
}

const char activation_words[] = "relu, leaky_relu(SLOPE), gelu, gelu_new, silu, tanh, sigmoid, softmax, square or none";
static const struct { const char *word; int act; } activations[] = {
    { "relu", OP_RELU },       { "gelu", OP_GELU },       { "gelu_new", OP_GELU_NEW }, { "gelu_tanh", OP_GELU_NEW }, { "gelu_pytorch_tanh", OP_GELU_NEW },
    { "silu", OP_SILU },       { "swish", OP_SILU },      { "tanh", OP_TANH },         { "sigmoid", OP_SIGMOID },    { "square", ACTIVATION_SQUARE },
    { "none", ACTIVATION_NONE }, { "identity", ACTIVATION_NONE }, { "linear", ACTIVATION_NONE }, { "softmax", ACTIVATION_SOFTMAX },
};

/* leaky_relu(0.01) */
static bool leaky_word(int *out, struct reading *r, const char *word)
{
    static const char name[] = "leaky_relu(";
    char *end;
    double slope;
    size_t i = 0;

    if (strncmp(word, name, sizeof name - 1) != 0)
        return false;
    slope = strtod(word + sizeof name - 1, &end);
    if (end == word + sizeof name - 1 || strcmp(end, ")") != 0 || !(fabs(slope) < 1e30))
        return false;
    while (i < r->n_slopes && r->slopes[i] != slope)
        i++;
    if (i == READING_SLOPES)
        return false;
    r->slopes[i] = slope;
    r->n_slopes += i == r->n_slopes;
    *out = (int)(ACTIVATION_LEAKY + i);
    return true;
}

enum status reading_activation_word(int *out, struct reading *r, const char *key, const char *word, const char *how)
{
    char lower[24];
    size_t n = strlen(word);

    for (size_t i = 0; i <= n && i < sizeof lower; i++)
        lower[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] + 32) : word[i];
    for (size_t i = 0; n < sizeof lower && i < sizeof activations / sizeof *activations; i++)
        if (strcmp(lower, activations[i].word) == 0) {
            *out = activations[i].act;
            return STATUS_OK;
        }
    if (leaky_word(out, r, word))
        return STATUS_OK;
    return reading_fail(r, "%s is '%.60s' (%s), %s is needed", key, word, how, activation_words);
}

/* max(x, 0) + slope min(x, 0), the slope as a sum of binary32 numbers. */
static size_t leaky(struct reading *r, const char *name, double slope, size_t x)
{
    struct netbuild *b = &r->b;
    size_t width = netbuild_width(b, x), zero = netbuild_constant(b, node_named("%s.zero", name).s, netbuild_fill(b, node_named("%s.zeros", name).s, 0, width)), terms[4];
    size_t below = netbuild_two(b, node_named("%s.negative", name).s, OP_MIN, x, zero), n = 0;
    double parts[3];

    terms[n++] = netbuild_two(b, node_named("%s.positive", name).s, OP_MAX, x, zero);
    for (size_t i = 0, many = reading_split(parts, slope); i < many; i++) {
        size_t part = netbuild_constant(b, node_named("%s.slope.%zu", name, i).s, netbuild_fill(b, node_named("%s.slopes.%zu", name, i).s, parts[i], width));
        terms[n++] = netbuild_two(b, node_named("%s.leak.%zu", name, i).s, OP_MUL, below, part);
    }
    return netbuild_add(b, (struct netbuild_node){ .name = name, .op = OP_ADD, .inputs = terms, .n_inputs = n });
}

size_t reading_activate(struct reading *r, const char *name, int act, size_t x)
{
    if (act == (int)ACTIVATION_NONE)
        return x;
    if (act == (int)ACTIVATION_SQUARE)
        return netbuild_two(&r->b, name, OP_MUL, x, x);
    if (act == (int)ACTIVATION_SOFTMAX)
        return netbuild_add(&r->b, (struct netbuild_node){ .name = name, .op = OP_ROWSOFTMAX, .inputs = &x, .n_inputs = 1, .arg = { netbuild_width(&r->b, x) }, .n_args = 1 });
    if (act >= (int)ACTIVATION_LEAKY)
        return leaky(r, name, r->slopes[act - (int)ACTIVATION_LEAKY], x);
    return netbuild_one(&r->b, name, (enum op)act, x);
}

size_t reading_split(double parts[3], double x)
{
    size_t n = 0;

    do {
        parts[n] = (double)(float)x;
        x -= parts[n++]; /* exact: the bits of x that the part has not */
    } while (x != 0 && n < 3);
    return n;
}

static bool is_counter(const char *name)
{
    static const char last[] = "num_batches_tracked";
    size_t n = strlen(name);

    return n >= sizeof last - 1 && strcmp(name + n - (sizeof last - 1), last) == 0;
}

static enum status leftover_tensors(struct reading *r)
{
    const struct checkpoint *c = &r->model->checkpoint;
    const char *first = NULL;
    struct text list = { 0 };
    size_t n = 0;
    enum status s = STATUS_OK;

    r->model->ignored = mem_array(c->n, sizeof *r->model->ignored);
    if (!r->model->ignored)
        return STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < c->n; i++) {
        const char *name = c->tensors[i].name;
        if (r->used[i])
            continue;
        if (!is_counter(name) && !config_leaves_out(r->config, name)) {
            first = first ? first : name;
            text_addf(&list, "%s%s", n++ ? "," : "", name);
        } else if (!(r->model->ignored[r->model->n_ignored] = mem_string(name)))
            s = STATUS_MEMORY;
        else
            r->model->n_ignored++;
    }
    if (s == STATUS_OK && n)
        s = list.failed ? STATUS_MEMORY
                        : reading_fail(r, "%zu tensor(s) without a place in a model of family '%s', the first is '%s' (--set ignore=%.300s leaves them out)", n,
                                       r->model->family, first, list.data);
    text_clear(&list);
    return s;
}

static bool is_known(const char *key, const char *const *known)
{
    for (size_t i = 0; known[i]; i++)
        if (strcmp(known[i], key) == 0)
            return true;
    return false;
}

static enum status stated_fact(struct reading *r, const cJSON *entry)
{
    char *shown = cJSON_PrintUnformatted(entry);
    enum status s = shown ? reading_fact(r, entry->string, "stated by the file", "%s", cJSON_IsString(entry) ? entry->valuestring : shown) : STATUS_MEMORY;

    cJSON_free(shown);
    return s;
}

/* Keys that the family does not read are passed over, and said; from the command line they are mistakes. */
static enum status leftover_keys(struct reading *r, const char *const *known)
{
    const cJSON *entry;
    size_t n = 0;

    while (known[n])
        n++;
    cJSON_ArrayForEach(entry, r->config->set)
    {
        const char *near;
        if (is_known(entry->string, known) || strcmp(entry->string, "ignore") == 0)
            continue;
        near = text_suggest(entry->string, known, n);
        return near ? diag_fail(r->d, STATUS_INPUT, "--set %s: unknown setting of family '%s', did you mean %s?", entry->string, r->model->family, near)
                    : diag_fail(r->d, STATUS_INPUT, "--set %s: unknown setting of family '%s'", entry->string, r->model->family);
    }
    cJSON_ArrayForEach(entry, r->config->file)
    {
        enum status s = is_known(entry->string, known) ? STATUS_OK : stated_fact(r, entry);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

enum status reading_done(struct reading *r, size_t output, const char *const *known)
{
    enum status s;

    if (r->questions.size)
        return diag_fail(r->d, STATUS_INPUT, "cannot read '%s': %s", r->model->checkpoint.path, r->questions.data);
    if ((s = leftover_tensors(r)) != STATUS_OK || (s = leftover_keys(r, known)) != STATUS_OK)
        return s;
    return netbuild_finish(&r->model->net, &r->b, output);
}

static enum status load(struct reading *r, reading_build *build)
{
    const struct checkpoint *c = &r->model->checkpoint;

    r->used = mem_array(c->n, sizeof *r->used);
    if (!r->used)
        return STATUS_MEMORY;
    for (size_t i = 0; i < c->n; i++)
        if (!names_add(&r->index, c->tensors[i].name, strlen(c->tensors[i].name), i, NULL))
            return STATUS_MEMORY;
    return build(r);
}

enum status reading_load(struct model *m, const struct config *c, const char *family, reading_build *build, struct diag *d)
{
    struct reading r = { .model = m, .config = c, .d = d, .b = { .d = d, .net = { .n_ctx = 1, .pad = -1 } } };
    enum status s;

    m->family = family;
    s = load(&r, build);
    names_clear(&r.index);
    free(r.used);
    text_clear(&r.questions);
    net_clear(&r.b.net);
    return s;
}
