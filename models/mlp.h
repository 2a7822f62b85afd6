/* mlp: chains of linear layers and norms with numbered names (torch.nn.Sequential, ModuleList, fc1 fc2 ..., W1 b1 ...), of real inputs or after an embedding
 * of tokens. mlp_names.c reads the names, mlp_class.c what a pickled module says of its parts, mlp_act.c the activations, mlp_tokens.c the embedding; mlp.c the
 * shapes and settings, and builds the graph. */
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
struct mlp_chain {
    struct mlp_module *modules; size_t n;
    bool by_module;                          /* the numbers count modules without tensors too */
    const char *embed; long embed_number;    /* the table of tokens before them, or NULL; its number, -1 for a name of its own */
};
/* The chain of a checkpoint in order. False: its names are of another kind (or no memory: *failed). */
bool mlp_chain_read(struct mlp_chain *out, const struct checkpoint *c, bool *failed);
void mlp_chain_clear(struct mlp_chain *c);

struct mlp {
    struct reading *r; struct mlp_chain c;
    int *act;                                /* after module i, before module i + 1 */
    double eps; const char *eps_how;
    cJSON *modules;                          /* checkpoint.modules, or NULL */
};
/* mlp_act.c: fills act; noted questions, STATUS_INPUT for a word that is none. */
enum status mlp_activations(struct mlp *k) MUST_USE;
/* Between two modules, may there be one without tensors? */
bool mlp_has_gap(const struct mlp_chain *c, size_t i);

/* mlp_class.c. How a class is read. */
enum mlp_role { ROLE_UNKNOWN, ROLE_PASS /* changes nothing: Dropout, Flatten, Identity */, ROLE_ACTIVATION, ROLE_LAYER /* has tensors */ };
struct mlp_class { const char *name; const cJSON *attributes; enum mlp_role role; char word[48]; /* of an activation */ };
/* The module at that path; false without one, or without a description of modules. */
bool mlp_class_of(struct mlp_class *out, const struct mlp *k, const char *path);
/* Path of a module from its tensor's name ("net.2" for net.2.weight), and of the module of that number beside it. */
struct node_name mlp_path(const char *tensor);
struct node_name mlp_path_beside(const char *tensor, long number);
/* A Sequential at `path` that is a part of another one is refused: what stands beside it there would be left out. */
enum status mlp_check_around(struct mlp *k, const char *path) MUST_USE;
/* Is the chain all that a torch.nn.Sequential applies, one module after the other? */
bool mlp_is_sequential(const struct mlp *k);
/* Holds the classes of the modules with tensors against the kinds that were taken from their shapes. */
enum status mlp_check_classes(struct mlp *k) MUST_USE;
/* "module '1' is of class torch.nn.ELU, which is not read"; why: the reason where the class alone is none, or NULL. */
enum status mlp_refuse_class(struct mlp *k, const char *path, const struct mlp_class *class, const char *why) MUST_USE;
/* The norms of a pickled module that have another eps than the first are refused: one is read. */
enum status mlp_check_eps(struct mlp *k) MUST_USE;

/* mlp_tokens.c: is the first module a table of tokens? Takes it out of the chain. */
enum status mlp_find_table(struct mlp *k) MUST_USE;
/* The embedded tokens as one row (or each position's row), and the settings that say so. Another question may be noted instead. */
enum status mlp_embed(struct mlp *k, size_t *x) MUST_USE;
extern const char *const mlp_combine_keys[], *const mlp_input_keys[], *const mlp_context_keys[];
#endif
