#include "models/net.h"

#include <string.h>

#include "core/mem.h"
#include "models/node.h"

size_t tensor_count(const struct tensor *t)
{
    size_t n = 1;

    for (size_t i = 0; i < t->rank; i++)
        n *= t->shape[i];
    return n;
}

void net_clear(struct net *net)
{
    for (size_t i = 0; i < net->n_tensors; i++) {
        free(net->tensors[i].name);
        free(net->tensors[i].data);
    }
    for (size_t i = 0; i < net->n_nodes; i++)
        node_clear(&net->nodes[i]);
    free(net->tensors);
    free(net->nodes);
    *net = (struct net){ 0 };
}

long net_node(const struct net *net, const char *name)
{
    for (size_t i = 0; i < net->n_nodes; i++)
        if (strcmp(net->nodes[i].name, name) == 0)
            return (long)i;
    return -1;
}

long net_tensor(const struct net *net, const char *name)
{
    for (size_t i = 0; i < net->n_tensors; i++)
        if (strcmp(net->tensors[i].name, name) == 0)
            return (long)i;
    return -1;
}

const char *net_not_binary32(const struct net *net)
{
    for (size_t i = 0; i < net->n_tensors; i++) {
        size_t n = net->tensors[i].data ? tensor_count(&net->tensors[i]) : 0; /* undecoded ones are binary32 by their type */
        for (size_t j = 0; j < n; j++) {
            double x = net->tensors[i].data[j];
            /* beyond the range the conversion would be undefined, so ask first */
            if (!(x >= -0x1.fffffep127 && x <= 0x1.fffffep127) || (double)(float)x != x)
                return net->tensors[i].name;
        }
    }
    return NULL;
}

/* blocks.LAYER.SUFFIX, or blocks.LAYER.SUFFIX.HEAD */
static long block_node(const struct net *net, size_t layer, const char *suffix, long head)
{
    char name[100];

    if (head < 0)
        (void)snprintf(name, sizeof name, "blocks.%zu.%s", layer, suffix);
    else
        (void)snprintf(name, sizeof name, "blocks.%zu.%s.%ld", layer, suffix, head);
    return net_node(net, name);
}

size_t net_layers(const struct net *net)
{
    size_t layer = 0;

    while (block_node(net, layer, "hook_resid_post", -1) >= 0 || block_node(net, layer, "attn.hook_pattern", 0) >= 0)
        layer++;
    return layer;
}

size_t net_heads(const struct net *net, size_t layer)
{
    size_t head = 0;

    while (block_node(net, layer, "attn.hook_pattern", (long)head) >= 0)
        head++;
    return head;
}
