/* layout: which tensor of a checkpoint plays which part in a transformer, whatever its module's author called it (layout.def). */
#ifndef WEIGHTPROOF_MODELS_LAYOUT_H
#define WEIGHTPROOF_MODELS_LAYOUT_H
#include <stddef.h>
#include <stdbool.h>

enum place { WRAPPER, BLOCKS, IN_ATTN, IN_MLP, IN_BLOCK, AT_TOP, N_PLACES };
enum part {
#define PLACE(...)
#define PART(code, ...) PART_##code,
#include "models/layout.def"
#undef PLACE
#undef PART
    N_PARTS
};
struct part_info { enum place place; const char *canonical, *bias, *words; };
extern const struct part_info part_table[N_PARTS];

/* What a tensor's name says: the part, and whether it is the part's weight or its bias; the layer, or -1 at the top. */
struct role { enum part part; bool bias; long layer; bool parameter; /* the name does not end in weight or bias: no module's */ };
/* False for a name of no known part. */
bool role_of(struct role *out, const char *name);
/* Is it a name of a TransformerLens model (embed.W_E, blocks.N.attn.W_Q, ...), taken as it is? */
bool name_is_canonical(const char *name);
/* The layer in a name like blocks.12.attn.W_Q, or -1. */
long block_number(const char *name);
#endif
