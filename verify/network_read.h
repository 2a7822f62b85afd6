/* network_read: how an expression reads a network, as far as its shape tells. The expressions that are returned belong to the one asked about. */
#ifndef WEIGHTPROOF_VERIFY_NETWORK_READ_H
#define WEIGHTPROOF_VERIFY_NETWORK_READ_H
#include <stdbool.h>
#include "verify/ast.h"

/* logits(M, t) or attn(M, 0, 0, t) indexed by a row, and maybe a column (or NULL). */
struct network_read { const struct expr *call, *row, *column; };
bool network_read(struct network_read *out, const struct expr *e);
/* A model, or one with other tensors: replace of tensors and blend, whose networks are made once. */
bool model_is_plain(const struct expr *model);
/* Patches, steers and ablates of a plain model, each to rows of their own (to `any`, or with norms frozen: no). */
bool model_is_changed(const struct expr *model);
/* The first logits or attn in e, or NULL, and its model. */
const struct expr *network_call(const struct expr *e);
const struct expr *model_read(const struct expr *e);
/* Does it read a model with `ablate(..., to = any over S)`? */
bool reads_choices(const struct expr *e);
#endif
