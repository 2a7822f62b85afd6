/* replay_file: the lines of a replay script (replay.c) that read data arrays and canonical networks. */
#ifndef WEIGHTPROOF_PROOFS_REPLAY_FILE_H
#define WEIGHTPROOF_PROOFS_REPLAY_FILE_H
#include "core/text.h"
#include "verify/statement.h"

/* The functions read_net and read_array, as far as they are called. */
void replay_readers(struct text *out, bool nets, bool arrays);
/* NAME = the array, in float64. */
void replay_data(struct text *out, const struct bound_data *x);
bool replay_needs_array(const struct bound_data *x);   /* through read_array */
/* W_NAME = the tensors of the .net, for models whose file does not hold them under their own names; NAME.net stands beside the script. */
void replay_net(struct text *out, const struct bound_model *b, size_t index);
#endif
