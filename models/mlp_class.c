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

bool mlp_is_sequential(const struct mlp *k)
{
    const struct mlp_module *m = &k->c.modules[0];
    struct node_name path = mlp_path(m->weight ? m->weight : m->mean);
    char *dot = strrchr(path.s, '.');
    struct mlp_class c;

    if (!k->c.by_module || k->c.modules[k->c.n - 1].number == LONG_MAX)
        return false;
    *(dot ? dot : path.s) = '\0';
    return mlp_class_of(&c, k, path.s) && strcmp(c.name, sequential) == 0;
}

enum status mlp_refuse_class(struct mlp *k, const char *path, const struct mlp_class *class)
{
    return diag_fail(k->r->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': module '%s' is of class %.100s, which is not read (Linear, Embedding, Flatten, Dropout, "
                     "Identity, BatchNorm1d, LayerNorm, RMSNorm, ReLU, LeakyReLU, GELU, SiLU, Tanh, Sigmoid and Softmax over the last axis are)",
                     k->r->model->checkpoint.path, path, class->name);
}

static bool fits(const char *class, const struct mlp_module *m)
{
    static const char *const endings[] = { [MLP_LINEAR] = "Linear", [MLP_BATCHNORM] = ".BatchNorm1d", [MLP_LAYERNORM] = ".LayerNorm", [MLP_RMSNORM] = ".RMSNorm" };
    size_t n = strlen(class), e = strlen(endings[m->kind]);

    return n >= e && strcmp(class + n - e, endings[m->kind]) == 0;
}

enum status mlp_check_classes(struct mlp *k)
{
    enum status s = STATUS_OK;

    for (size_t i = 0; s == STATUS_OK && i < k->c.n; i++) {
        const struct mlp_module *m = &k->c.modules[i];
        struct node_name path = mlp_path(m->weight ? m->weight : m->mean);
        struct mlp_class c;
        if (!mlp_class_of(&c, k, path.s) || fits(c.name, m))
            continue;
        if (strncmp(c.name, "torch.", 6) == 0)
            s = mlp_refuse_class(k, path.s, &c);
        else
            s = reading_fact(k->r, path.s, "assumed by the shapes of its tensors", "a %s, its class is %.100s",
                             m->kind == MLP_LINEAR ? "linear layer" : m->kind == MLP_BATCHNORM ? "BatchNorm1d" : m->kind == MLP_LAYERNORM ? "LayerNorm" : "RMSNorm", c.name);
    }
    return s;
}
