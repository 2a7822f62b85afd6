/* torch_state: which of the dictionaries and modules in a checkpoint's pickle are the model's tensors. */
#ifndef WEIGHTPROOF_MODELS_TORCH_STATE_H
#define WEIGHTPROOF_MODELS_TORCH_STATE_H
#include "models/pickle.h"

/* The value that holds the tensors: a dictionary with a tensor in it (with a matrix, where one has), or a pickled module. choice: the keys that lead to it joined by
 * '.', or NULL: the only one there is, else the one under a usual key ('state_dict', 'model', 'net', ...), else the outermost. An error names the
 * choices. */
enum status torch_choose(size_t *value, const struct pickle *p, const char *path, const char *choice, struct diag *d) MUST_USE;
/* Is it a torch.nn.Module: an object with the dictionaries _parameters, _buffers and _modules? */
bool torch_is_module(const struct pickle *p, size_t value);
/* An optimizer's state: a dictionary with 'state' and 'param_groups'. */
bool torch_is_optimizer(const struct pickle *p, size_t value);
/* Are there tensors with names in it? */
bool torch_holds_tensors(const struct pickle *p, size_t value);
/* A pickled module and its parts as a JSON object: by the path of each ("" is the whole) its class and its attributes that are numbers, words, classes
 * or functions. Owned by the caller; NULL without memory. */
char *torch_describe_modules(const struct pickle *p, size_t module);
/* Refuses, by name, modules whose function is not that of their class and tensors: forward hooks (those of weight_norm and pruning too), a `forward` set on the
 * object, rows of an embedding that are scaled as they are read (max_norm). */
enum status torch_check_modules(const struct pickle *p, size_t module, const char *path, struct diag *d) MUST_USE;
#endif
