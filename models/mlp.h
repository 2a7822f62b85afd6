/* mlp: chains of linear layers and norms with numbered names (torch.nn.Sequential, ModuleList, fc1 fc2 ..., W1 b1 ...). mlp_names.c reads the
 * names, mlp.c the shapes and settings and builds the graph. */
#ifndef WEIGHTPROOF_MODELS_MLP_H
#define WEIGHTPROOF_MODELS_MLP_H
#include "models/reading.h"

enum mlp_kind { MLP_LINEAR, MLP_BATCHNORM, MLP_LAYERNORM, MLP_RMSNORM };
struct mlp_module {
    const char *weight, *bias, *mean, *var;  /* names in the checkpoint, NULL when absent */
    long number;                             /* in its name; LONG_MAX for a last layer with a name of its own */
    enum mlp_kind kind;
    bool transposed;                         /* [in, out] by its name (kernel) */
    bool raw;                                /* W1, b1: the name tells nothing about the order of the axes */
};
struct mlp_chain { struct mlp_module *modules; size_t n; bool by_module; /* the numbers count modules without tensors too */ };
/* The chain of a checkpoint in order. False: its names are of another kind (or no memory: *failed). */
bool mlp_chain_read(struct mlp_chain *out, const struct checkpoint *c, bool *failed);
void mlp_chain_clear(struct mlp_chain *c);
#endif
