/* checkpoint: what the readers of single formats share. */
#ifndef WEIGHTPROOF_MODELS_CHECKPOINT_H
#define WEIGHTPROOF_MODELS_CHECKPOINT_H
#include "core/names.h"
#include "models/tensor.h"

/* The readers: fill an empty checkpoint from the bytes of a file; on failure the caller clears it. The tensors' sources point into these
 * bytes, which must outlive the checkpoint, or become its own as c->file. */
enum status safetensors_parse(struct checkpoint *out, const char *path, const char *data, size_t size, struct diag *d) MUST_USE;
struct archive;
/* choice: which of several state dicts, or NULL (torch_state.h). */
enum status torch_read(struct checkpoint *out, struct archive *a, const char *choice) MUST_USE;
/* Files from before the zip format, or not from PyTorch: always an error. */
enum status torch_refuse(const char *path, const char *data, size_t size, struct diag *d) MUST_USE;
/* Any format, by content. */
enum status checkpoint_parse(struct checkpoint *out, const char *path, const char *data, size_t size, struct diag *d) MUST_USE;
/* Likewise, with a choice among the state dicts of a PyTorch file; NULL for none. */
enum status checkpoint_parse_choice(struct checkpoint *out, const char *path, const char *data, size_t size, const char *choice, struct diag *d) MUST_USE;
/* Takes over memory that sources point into (malloc), also on failure. */
enum status checkpoint_keep(struct checkpoint *c, char *bytes) MUST_USE;
/* Adds a metadata string; copies. */
enum status checkpoint_add_fact(struct checkpoint *c, const char *key, const char *value) MUST_USE;
#define CHECKPOINT_LIMIT ((size_t)8 << 30)
#endif
