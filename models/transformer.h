/* transformer: models of tokens (or of real vectors) with attention. Three steps: transformer_views gives the tensors their canonical names and
 * axes, whatever the file's layout; transformer_infer reads the sizes and holds them against the configuration, transformer_settings what
 * sizes do not tell; transformer_build writes the graph of NETWORK.md §4. */
#ifndef WEIGHTPROOF_MODELS_TRANSFORMER_H
#define WEIGHTPROOF_MODELS_TRANSFORMER_H
#include "core/names.h"
#include "models/family.h"

enum norm { NORM_NONE, NORM_LN, NORM_LNPRE, NORM_RMS, NORM_RMSPRE };
enum positions { POSITIONS_NONE, POSITIONS_STANDARD, POSITIONS_SHORTFORMER, POSITIONS_ROTARY };
enum activation { ACT_RELU, ACT_GELU, ACT_GELU_NEW, ACT_SILU, ACT_TANH, ACT_SIGMOID, ACT_SOLU, ACT_SOLU_LN, ACT_RELU2, ACT_NONE };

/* A tensor of the network as all or part of a tensor of the file: t has the canonical name and shape, and a source that begins and steps where they
 * say; t.data stays NULL. */
struct canonical { struct tensor t; const struct tensor *from; };
/* One axis of a view: which axis of the file's tensor it runs along, how many entries, how far apart. */
struct axis { size_t axis, size, step; };

struct layer { size_t heads, groups /* of keys and values */, d_head, d_value, d_mlp; /* 0: no MLP */ bool gated; size_t score_d; };
struct transformer {
    size_t d_vocab, d_vocab_out, n_ctx, d_model, n_layers;
    size_t width_in;           /* inputs are rows of so many real numbers; 0: tokens */
    struct layer *layers;
    enum positions positions;
    bool has_W_pos, causal, norm_first, parallel, bilinear_attention;
    long pad;
    enum norm norm, final_norm;
    enum activation act;
    double eps;
    double score_divisor, score_factor, out_scale; /* beside score_d; NaN: none */
    struct { size_t dim; double base; bool adjacent; } rotary;
    struct model *model;       /* checkpoint in, facts and net out */
    const struct config *config;
    struct canonical *views; size_t n_views, room;
    bool foreign;              /* the file's names are not the canonical ones */
    struct names index;        /* views by canonical name */
    bool *used;                /* per view */
    struct text questions;     /* settings that nothing tells, in words */
    struct diag *d;
};

/* transformer_names.c: takes a prefix of every tensor's name (`module.`) off, and says so. */
enum status transformer_strip_prefix(struct model *m, struct diag *d) MUST_USE;
/* transformer_views.c, transformer_layout.c: fills views and index. */
enum status transformer_views(struct transformer *t) MUST_USE;
enum status transformer_layout(struct transformer *t) MUST_USE;
void transformer_views_clear(struct transformer *t);
/* Adds a view; offset: first entry along the axis `along` of the file's tensor. */
enum status transformer_add_view(struct transformer *t, const char *name, const struct tensor *from, size_t along, size_t offset, const struct axis *axes, size_t rank) MUST_USE;
/* The view as a tensor of its own. Where only shapes are asked for, numbers that are binary32 by their type stay undecoded. */
enum status canonical_fill(struct tensor *out, const struct canonical *v, bool shapes_only) MUST_USE;
/* The view of that canonical name, or NULL; and its name for messages: the file's, when that is another. */
const struct tensor *transformer_tensor(const struct transformer *t, const char *name);
const char *transformer_shown(const struct transformer *t, const struct tensor *x);
/* Marks as used. */
void transformer_use(struct transformer *t, const struct tensor *x);

/* A tensor of the given shape; it may be absent if optional. Marks it as used. */
enum status transformer_needs(struct transformer *t, const char *name, bool optional, size_t rank, const size_t *shape, const char *meaning) MUST_USE;

/* The steps (transformer_infer.c, transformer_settings.c, transformer_keys.c, transformer_build.c). */
enum status transformer_infer(struct transformer *t) MUST_USE;
enum status transformer_switches(struct transformer *t) MUST_USE;   /* refuses settings that change the function in ways nothing here knows */
enum status transformer_settings(struct transformer *t) MUST_USE;   /* what shapes do not tell */
enum status transformer_norms(struct transformer *t) MUST_USE;      /* the part of it about norms */
/* eps, if there are norms; inner: there is one in the MLP. */
enum status transformer_epsilon(struct transformer *t, bool inner) MUST_USE;
enum status transformer_attention(struct transformer *t) MUST_USE;  /* the part of it about positions, mask and scale */
enum status transformer_leftovers(struct transformer *t) MUST_USE;  /* tensors and configuration keys that nothing read */
enum status transformer_keys(struct transformer *t) MUST_USE;       /* the keys of these */
bool transformer_configured(const struct transformer *t);           /* is there a configuration with a key that is read here? */
/* "cannot read this family yet", for a setting that is known. */
enum status transformer_not_yet(struct transformer *t, const char *key, const char *value, const char *how) MUST_USE;
/* Notes what only the user can say; transformer_settings reports all of it at once. */
enum status transformer_ask(struct transformer *t, const char *question) MUST_USE;
/* Fact of a setting that was found (how), or assumed (NULL). */
enum status transformer_fact(struct transformer *t, const char *key, const char *value, const char *how, const char *alternative) MUST_USE;
enum status transformer_unknown_word(struct transformer *t, const char *key, const char *word, const char *how, const char *allowed) MUST_USE;
enum status transformer_build(struct transformer *t) MUST_USE;
#endif
