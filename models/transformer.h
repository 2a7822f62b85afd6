/* transformer: models with TransformerLens key names. Two steps: transformer_infer reads the sizes from the tensors and holds them against the
 * configuration; transformer_build writes the graph of NETWORK.md §4. */
#ifndef WEIGHTPROOF_MODELS_TRANSFORMER_H
#define WEIGHTPROOF_MODELS_TRANSFORMER_H
#include "core/names.h"
#include "models/family.h"

struct layer { size_t heads, d_head, d_value, d_mlp; /* 0: no MLP */ };
struct transformer {
    size_t d_vocab, d_vocab_out, n_ctx, d_model, n_layers;
    struct layer *layers;
    bool positions, causal, layernorm;
    enum op act;
    double eps;
    struct model *model;       /* checkpoint in, facts and net out */
    const struct config *config;
    struct names index;        /* tensors of the checkpoint */
    bool *used;                /* per tensor of the checkpoint */
    struct text questions;     /* settings that nothing tells, in words */
    struct diag *d;
};

/* Takes a prefix of every tensor's name (`module.`) off, and says so. */
enum status transformer_strip_prefix(struct model *m, struct diag *d) MUST_USE;
/* The steps (transformer_infer.c, transformer_settings.c, transformer_keys.c, transformer_build.c). */
enum status transformer_infer(struct transformer *t) MUST_USE;
enum status transformer_switches(struct transformer *t) MUST_USE;   /* refuses settings that change the function in ways nothing here knows */
enum status transformer_settings(struct transformer *t) MUST_USE;   /* what shapes do not tell */
enum status transformer_leftovers(struct transformer *t) MUST_USE;  /* tensors and configuration keys that nothing read */
enum status transformer_keys(struct transformer *t) MUST_USE;       /* the keys of these */
bool transformer_configured(const struct transformer *t);           /* is there a configuration with a key that is read here? */
/* "cannot read this family yet", for a setting that is known. */
enum status transformer_not_yet(struct transformer *t, const char *key, const char *value, const char *how) MUST_USE;
/* Notes what only the user can say; transformer_settings reports all of it at once. */
enum status transformer_ask(struct transformer *t, const char *question) MUST_USE;
enum status transformer_build(struct transformer *t) MUST_USE;
/* Tensor of the checkpoint, or NULL. */
const struct tensor *transformer_tensor(const struct transformer *t, const char *name);
#endif
