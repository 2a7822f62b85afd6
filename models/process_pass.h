/* The passes of process.h, one function each: *net becomes the processed network, done gets what was done, without a line end. */
#ifndef WEIGHTPROOF_MODELS_PROCESS_PASS_H
#define WEIGHTPROOF_MODELS_PROCESS_PASS_H
#include "models/rewrite.h"

enum status process_fold_ln(struct net *net, struct text *done, struct diag *d) MUST_USE;
enum status process_fold_value_biases(struct net *net, struct text *done, struct diag *d) MUST_USE;
enum status process_center_writing(struct net *net, struct text *done, struct diag *d) MUST_USE;
enum status process_center_unembed(struct net *net, struct text *done, struct diag *d) MUST_USE;
/* "blocks.0.attn.W_Q" -> "blocks.0.attn.b_Q": what a bias of that matrix is called; a name without W_ gets .bias behind it. */
struct node_name process_bias_name(const char *matrix);
#endif
