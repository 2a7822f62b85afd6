/* model: a checkpoint with its configuration, turned into a network. */
#ifndef WEIGHTPROOF_MODELS_MODEL_H
#define WEIGHTPROOF_MODELS_MODEL_H
#include "models/net.h"

struct setting { char *key, *value; };     /* KEY=VALUE of --set or of `with { }`; value as JSON scalar text or a bare word */
struct model_options { const char *config_path; /* NULL: metadata, else NAME.config.json beside the file */ const struct setting *set; size_t n_set; const char *family; /* `as`, or NULL */
    unsigned process; /* passes of models/process.h to apply, bit by bit */
    size_t shapes_above; /* read shapes only, no numbers, of files with more bytes than this; 0: of none */ };
struct model_fact { char *key, *value, *how; /* "read from metadata", "inferred from blocks.0.attn.W_Q", "assumed (override with --set KEY=...)" */ };
struct model {
    char *path, file_sha256[65], config_sha256[65]; /* "" without side-car */
    struct checkpoint checkpoint;   /* empty for a .net */
    struct net net;
    unsigned processed;             /* passes that were applied, bit by bit (models/process.h) */
    const char *family;             /* "transformer", "onnx", "net" */
    char *prefix;                   /* what was taken off the name of every tensor of the checkpoint, or NULL */
    struct model_fact *facts; size_t n_facts;      /* what was read, inferred, assumed */
    char **ignored; size_t n_ignored;              /* buffers and tensors not used, by name */
    bool shapes_only;                              /* net: tensors may have no data, sha256 is "" */
};
/* Reads PATH (.safetensors, .pt, .npz, .onnx, .net), finds its configuration, builds the network. STATUS_UNSUPPORTED for a family or format that is
 * known but not read yet (message begins "cannot read this format yet" or "cannot read this family yet"). */
enum status model_load(struct model *out, const char *path, const struct model_options *o, struct diag *d) MUST_USE;
void model_clear(struct model *m);
/* For the families: something that was read, inferred or assumed; copies. */
enum status model_add_fact(struct model *m, const char *key, const char *value, const char *how) MUST_USE;
#endif
