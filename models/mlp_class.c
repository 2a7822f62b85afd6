/* What a pickled module says of its parts. Its forward pass is code and is not read: a torch.nn.Sequential applies its parts in order by definition, of any
 * other class it is an assumption, which is said. Declared in models/mlp.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "models/mlp.h"

static const struct { const char *class; enum mlp_role role; const char *word; } classes[] = {
    { "torch.nn.modules.linear.Linear", ROLE_LAYER, "" }, { "torch.nn.modules.linear.NonDynamicallyQuantizableLinear", ROLE_LAYER, "" },
    { "torch.nn.modules.sparse.Embedding", ROLE_LAYER, "" }, { "torch.nn.modules.batchnorm.BatchNorm1d", ROLE_LAYER, "" },
    { "torch.nn.modules.normalization.LayerNorm", ROLE_LAYER, "" }, { "torch.nn.modules.normalization.RMSNorm", ROLE_LAYER, "" },
    { "torch.nn.modules.linear.Identity", ROLE_PASS, "" }, { "torch.nn.modules.flatten.Flatten", ROLE_PASS, "" }, { "torch.nn.modules.dropout.Dropout", ROLE_PASS, "" },
    { "torch.nn.modules.dropout.Dropout1d", ROLE_PASS, "" }, { "torch.nn.modules.dropout.AlphaDropout", ROLE_PASS, "" },
    { "torch.nn.modules.activation.ReLU", ROLE_ACTIVATION, "relu" }, { "torch.nn.modules.activation.GELU", ROLE_ACTIVATION, "gelu" },
    { "torch.nn.modules.activation.SiLU", ROLE_ACTIVATION, "silu" }, { "torch.nn.modules.activation.Tanh", ROLE_ACTIVATION, "tanh" },
    { "torch.nn.modules.activation.Sigmoid", ROLE_ACTIVATION, "sigmoid" }, { "torch.nn.modules.activation.LeakyReLU", ROLE_ACTIVATION, "leaky_relu" },
    { "torch.nn.modules.activation.Softmax", ROLE_ACTIVATION, "softmax" },
};
static const char sequential[] = "torch.nn.modules.container.Sequential";

/* The attributes may make another function of it. */
static void set_word(struct mlp_class *c, const char *word)
{
    const cJSON *tanh_kind = cJSON_GetObjectItemCaseSensitive(c->attributes, "approximate"), *slope = cJSON_GetObjectItemCaseSensitive(c->attributes, "negative_slope"),
                *dim = cJSON_GetObjectItemCaseSensitive(c->attributes, "dim");

    (void)snprintf(c->word, sizeof c->word, "%s", word);
    if (strcmp(word, "gelu") == 0 && cJSON_IsString(tanh_kind) && strcmp(tanh_kind->valuestring, "tanh") == 0)
        (void)snprintf(c->word, sizeof c->word, "gelu_new");
    for (int digits = 1; strcmp(word, "leaky_relu") == 0 && cJSON_IsNumber(slope) && digits <= 17; digits++) {
        (void)snprintf(c->word, sizeof c->word, "leaky_relu(%.*g)", digits, slope->valuedouble);
        if (strtod(c->word + strlen("leaky_relu("), NULL) == slope->valuedouble)
            break;
    }
    if ((strcmp(word, "leaky_relu") == 0 && !cJSON_IsNumber(slope)) ||
        (strcmp(word, "softmax") == 0 && !(cJSON_IsNumber(dim) && (dim->valuedouble == -1 || dim->valuedouble == 1))))
        c->role = ROLE_UNKNOWN;
}

bool mlp_class_of(struct mlp_class *out, const struct mlp *k, const char *path)
{
    const cJSON *attributes = cJSON_GetObjectItemCaseSensitive(k->modules, path);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(attributes, "class"));

    *out = (struct mlp_class){ .name = name, .attributes = attributes };
    for (size_t i = 0; name && i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].class, name) == 0) {
            out->role = classes[i].role;
            if (out->role == ROLE_ACTIVATION)
                set_word(out, classes[i].word);
        }
    return name != NULL;
}

struct node_name mlp_path(const char *tensor)
{
    const char *dot = strrchr(tensor, '.');

    return node_named("%.*s", dot ? (int)(dot - tensor) : 0, tensor);
}

struct node_name mlp_path_beside(const char *tensor, long number)
{
    struct node_name path = mlp_path(tensor);
    const char *dot = strrchr(path.s, '.');

    return node_named("%.*s%ld", dot ? (int)(dot + 1 - path.s) : 0, path.s, number);
}

/* Path without its last part; "" for the whole. */
static struct node_name around(const char *path)
{
    const char *dot = strrchr(path, '.');

    return node_named("%.*s", dot ? (int)(dot - path) : 0, path);
}

/* Are the parts of the module at `path` named 0, 1, 2, ... in this order? Only then do numbers tell the order of a Sequential. */
static bool is_numbered(const struct mlp *k, const char *path)
{
    size_t n = strlen(path);
    long next = 0;
    const cJSON *entry;

    cJSON_ArrayForEach(entry, k->modules)
    {
        const char *name = entry->string, *part = n ? name + n + 1 : name;
        if ((n && (strncmp(name, path, n) != 0 || name[n] != '.')) || !part[0] || strchr(part, '.'))
            continue;
        if (strcmp(part, node_named("%ld", next++).s) != 0)
            return false;
    }
    return true;
}

bool mlp_is_sequential(const struct mlp *k)
{
    const struct mlp_module *m = &k->c.modules[0];
    struct node_name path = around(mlp_path(m->weight ? m->weight : m->mean).s);
    struct mlp_class c;

    if (!k->c.by_module || k->c.modules[k->c.n - 1].number == LONG_MAX)
        return false;
    return mlp_class_of(&c, k, path.s) && strcmp(c.name, sequential) == 0 && is_numbered(k, path.s);
}

enum status mlp_check_around(struct mlp *k, const char *path)
{
    struct mlp_class c, outer;

    if (!mlp_class_of(&c, k, path) || !mlp_class_of(&outer, k, around(path).s) || strcmp(outer.name, sequential) != 0)
        return STATUS_OK;
    return mlp_refuse_class(k, path, &c, NULL);
}

static bool is_torch(const char *class) { return strncmp(class, "torch.", 6) == 0; }

static bool is_false(const struct mlp_class *c, const char *key) { return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(c->attributes, key)); }

/* Why a module is not read although others of its class are, or NULL. */
static const char *reason(const struct mlp_class *c)
{
    if (!is_torch(c->name))
        return "its code is not read, only torch.nn's own classes are known";
    if (strcmp(c->name, sequential) == 0)
        return "a Sequential inside a Sequential is not read, one with all the parts is";
    if (is_false(c, "elementwise_affine"))
        return "without a weight (elementwise_affine=False) it is not read";
    if (is_false(c, "track_running_stats"))
        return "without running statistics its outputs depend on the other inputs of a batch";
    if (strcmp(c->name, "torch.nn.modules.activation.Softmax") == 0)
        return "over another axis than the last (dim=-1) it is not read";
    return c->role == ROLE_LAYER ? "with tensors of these shapes, at this place, it is not read" : NULL;
}

enum status mlp_refuse_class(struct mlp *k, const char *path, const struct mlp_class *class, const char *why)
{
    const char *file = k->r->model->checkpoint.path;

    why = why ? why : reason(class);
    if (why)
        return diag_fail(k->r->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': module '%s' is of class %.100s: %s", file, path, class->name, why);
    return diag_fail(k->r->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': module '%s' is of class %.100s, which is not read (Linear, Embedding, Flatten, Dropout, "
                     "Identity, BatchNorm1d, LayerNorm, RMSNorm, ReLU, LeakyReLU, GELU, SiLU, Tanh, Sigmoid and Softmax over the last axis are)", file, path, class->name);
}

static const char layer_norm[] = "torch.nn.modules.normalization.LayerNorm", rms_norm[] = "torch.nn.modules.normalization.RMSNorm";

static bool fits(const char *class, enum mlp_kind kind)
{
    static const char *const exact[] = { [MLP_LINEAR] = "torch.nn.modules.linear.Linear", [MLP_BATCHNORM] = "torch.nn.modules.batchnorm.BatchNorm1d",
                                         [MLP_LAYERNORM] = layer_norm, [MLP_RMSNORM] = rms_norm };

    return strcmp(class, exact[kind]) == 0 || (kind == MLP_LINEAR && strcmp(class, "torch.nn.modules.linear.NonDynamicallyQuantizableLinear") == 0);
}

/* Tensors that stand in an object of another class than torch.nn's: as a module that class has code of its own; as W1, b1 they belong to the class around. */
static enum status other_class(struct mlp *k, const char *path, const struct mlp_class *c, bool raw, const char *kind)
{
    if (!raw || is_torch(c->name))
        return mlp_refuse_class(k, path, c, NULL);
    return reading_fact(k->r, path[0] ? path : "(the whole)", "assumed by the shapes of its tensors", "%s, its class is %.100s", kind, c->name);
}

static enum status check_table(struct mlp *k)
{
    const char *name = k->c.embed, *dot = name ? strrchr(name, '.') : NULL;
    struct node_name path = mlp_path(name ? name : "");
    struct mlp_class c;

    if (!name || !mlp_class_of(&c, k, path.s) || strcmp(c.name, "torch.nn.modules.sparse.Embedding") == 0)
        return STATUS_OK;
    return other_class(k, path.s, &c, strcmp(dot ? dot + 1 : name, "weight") != 0, "an embedding");
}

enum status mlp_check_classes(struct mlp *k)
{
    static const char *const kinds[] = { [MLP_LINEAR] = "a linear layer", [MLP_BATCHNORM] = "a BatchNorm1d", [MLP_LAYERNORM] = "a LayerNorm", [MLP_RMSNORM] = "an RMSNorm" };
    enum status s = check_table(k);

    for (size_t i = 0; s == STATUS_OK && i < k->c.n; i++) {
        struct mlp_module *m = &k->c.modules[i];
        struct node_name path = mlp_path(m->weight ? m->weight : m->mean);
        struct mlp_class c;
        if (!mlp_class_of(&c, k, path.s))
            continue;
        if (m->kind == MLP_RMSNORM && strcmp(c.name, layer_norm) == 0)
            m->kind = MLP_LAYERNORM; /* bias=False */
        if (!fits(c.name, m->kind))
            s = other_class(k, path.s, &c, m->raw, kinds[m->kind]);
    }
    return s;
}

enum status mlp_check_eps(struct mlp *k)
{
    double first = 0;
    bool any = false;

    for (size_t i = 0; i < k->c.n; i++) {
        const struct mlp_module *m = &k->c.modules[i];
        struct node_name path = mlp_path(m->weight ? m->weight : m->mean);
        struct mlp_class c;
        const cJSON *eps;
        double value;
        if (m->kind == MLP_LINEAR || !mlp_class_of(&c, k, path.s))
            continue;
        eps = cJSON_GetObjectItemCaseSensitive(c.attributes, "eps");
        value = cJSON_IsNumber(eps) ? eps->valuedouble : CONFIG_RMS_EPS;
        if (any && !(value == first))
            return mlp_refuse_class(k, path.s, &c, "its eps is not that of the norms before it, only one for all is read (--set eps=NUMBER takes that one for all)");
        first = value;
        any = true;
    }
    return STATUS_OK;
}
