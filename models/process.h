/* process: exact weight processing as passes over a network's graph, after TransformerLens's process_weights_. Each pass is an identity of the
 * real numbers (docs/methods.md, "Processing"):
 *
 *   fold_ln             a norm's weights go into the matrices that read it, its biases into their biases
 *   fold_value_biases   b_V W_O of every head goes into b_O: a row of an attention pattern adds up to 1
 *   center_writing      what is written to a residual stream that only LayerNorms read loses its mean over d_model
 *   center_unembed      every position's logits lose their mean: differences of logits, and so every argmax, stay
 *
 * A new weight is a number where it is one exactly (a binary64 number, found in rational arithmetic), else the pass writes it as nodes of the
 * graph that compute it; nothing is ever rounded. */
#ifndef WEIGHTPROOF_MODELS_PROCESS_H
#define WEIGHTPROOF_MODELS_PROCESS_H
#include "models/net.h"

#define PROCESS_TABLE(X) X(PROCESS_CENTER_WRITING, "center_writing") X(PROCESS_CENTER_UNEMBED, "center_unembed") \
    X(PROCESS_FOLD_LN, "fold_ln") X(PROCESS_FOLD_VALUE_BIASES, "fold_value_biases")
enum process {
#define X(code, name) code,
    PROCESS_TABLE(X)
#undef X
    PROCESS_COUNT
};
extern const char *const process_names[PROCESS_COUNT];
/* Index in the table, or -1. */
int process_find(const char *name);

/* Applies the passes of the set (bit p: pass p), in the order of the table, whatever the order in which they were named. On success *net is the
 * processed network and done says what was done ("3 norms; 2 biases as numbers, 0 parts as nodes"), passes separated by "; ". STATUS_INPUT: a pass does not hold on
 * this network (a residual stream that something else than a LayerNorm reads, a tensor that two nodes share, no norm): the message says
 * which; *net is as it was. */
enum status net_process(struct net *net, unsigned set, struct text *done, struct diag *d) MUST_USE;
#endif
