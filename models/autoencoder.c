/* Sparse autoencoders and transcoders: features = act((x - b_dec) W_enc + b_enc), result = features W_dec + b (+ x W_skip). Names of SAELens (W_enc [d_in,
 * n], W_dec [n, d_out], b_enc, b_dec, threshold) and of modules (w_enc.weight, encoder.weight [n, d_in], decoder.weight [d_out, n], biases). */
#include <string.h>

#include "models/family.h"
#include "models/reading.h"

static const char *const encoders[] = { "W_enc", "w_enc.weight", "encoder.weight", "enc.weight", NULL };
static const char *const decoders[] = { "W_dec", "w_dec.weight", "decoder.weight", "dec.weight", NULL };
static const char *const encoder_biases[] = { "b_enc", "w_enc.bias", "encoder.bias", "enc.bias", NULL };
static const char *const decoder_biases[] = { "b_dec", "w_dec.bias", "decoder.bias", "dec.bias", "bias", NULL };
static const char *const act_keys[] = { "act", "activation_fn_str", "activation_fn", "activation", NULL };
static const char *const kind_keys[] = { "architecture", NULL };
static const char *const k_keys[] = { "k", NULL };
static const char *const kwargs_keys[] = { "activation_fn_kwargs", NULL };
static const char *const subtract_keys[] = { "apply_b_dec_to_input", NULL };
static const char *const after_keys[] = { "relu_after_topk", NULL };
static const char *const known[] = { "act", "activation_fn_str", "activation_fn", "activation", "architecture", "k", "activation_fn_kwargs", "apply_b_dec_to_input",
                                     "relu_after_topk", "normalize_activations", "rescale_acts_by_decoder_norm", NULL };

static bool any_in(const struct checkpoint *c, const char *const *names)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; names[k]; k++)
            if (strcmp(c->tensors[i].name, names[k]) == 0)
                return true;
    return false;
}

static bool is_one(const struct checkpoint *c) { return any_in(c, encoders) && any_in(c, decoders); }
static bool is_transcoder(const struct checkpoint *c) { return any_in(c, (const char *const[]){ "b_dec_out", "W_skip", NULL }); }
bool autoencoder_recognises(const struct checkpoint *c) { return is_one(c) && !is_transcoder(c); }
bool transcoder_recognises(const struct checkpoint *c) { return is_one(c) && is_transcoder(c); }

enum act { ACT_RELU, ACT_TOPK, ACT_JUMPRELU, ACT_OTHER };
struct autoencoder {
    struct reading *r;
    struct view enc, dec, b_enc, b_dec, b_out, threshold, skip;   /* enc [d_in, n], dec [n, d_out] as the network multiplies */
    bool has_b_enc, has_b_dec, has_b_out, has_skip, subtract, relu_after;
    enum act act; int other; long k;
};

static bool is_module(const char *name) { return strchr(name, '.') != NULL; }

/* enc, dec as [in, out]: modules are [out, in], plain names as the bias's length shows, [in, out] when the matrix is square. */
static enum status matrices(struct autoencoder *a)
{
    const char *e = reading_first(a->r, encoders), *d = reading_first(a->r, decoders), *b = reading_first(a->r, encoder_biases);
    size_t n;
    enum status s;

    if (!e || !d)
        return reading_fail(a->r, "there is no %s (W_enc and W_dec, or encoder.weight and decoder.weight)", e ? "decoder" : "encoder");
    if ((s = reading_take(&a->enc, a->r, e, 2)) != STATUS_OK || (s = reading_take(&a->dec, a->r, d, 2)) != STATUS_OK)
        return s;
    a->has_b_enc = b != NULL;
    if (b && (s = reading_take(&a->b_enc, a->r, b, 1)) != STATUS_OK)
        return s;
    n = b ? a->b_enc.shape[0] : is_module(e) ? a->enc.shape[0] : a->enc.shape[1];
    if (is_module(e) || a->enc.shape[1] != n)
        a->enc = view_transposed(a->enc);
    if (is_module(d) || a->dec.shape[0] != n)
        a->dec = view_transposed(a->dec);
    if (a->enc.shape[1] != n || a->dec.shape[0] != n)
        return reading_fail(a->r, "'%s' is %zu by %zu and '%s' %zu by %zu as they multiply, but there are %zu features", e, a->enc.shape[0], a->enc.shape[1], d,
                            a->dec.shape[0], a->dec.shape[1], n);
    s = reading_fact(a->r, "features", b ? "inferred from the encoder's bias" : "inferred from the encoder's shape", "%zu", n);
    return s == STATUS_OK && !is_module(e) && a->enc.shape[0] == n ? reading_fact(a->r, "layout of W_enc", "assumed, as it is square", "[in, out]") : s;
}

static enum status offsets(struct autoencoder *a)
{
    const char *b = reading_first(a->r, decoder_biases);
    enum status s = STATUS_OK;

    a->has_b_dec = b != NULL;
    a->has_b_out = reading_find(a->r, "b_dec_out") != NULL;
    a->has_skip = reading_find(a->r, "W_skip") != NULL;
    if (b)
        s = reading_take(&a->b_dec, a->r, b, 1);
    if (s == STATUS_OK && a->has_b_out)
        s = reading_take_shape(&a->b_out, a->r, "b_dec_out", 1, &a->dec.shape[1], "d_out");
    else if (s == STATUS_OK && b)
        s = reading_take_shape(&a->b_dec, a->r, b, 1, &a->dec.shape[1], "d_out");
    if (s == STATUS_OK && a->has_skip)
        s = reading_take_shape(&a->skip, a->r, "W_skip", 2, (size_t[]){ a->dec.shape[1], a->enc.shape[0] }, "d_out, d_in");
    return s;
}

/* Is b_dec taken off the input? */
static enum status subtraction(struct autoencoder *a)
{
    const char *how;
    int stated;
    enum status s = reading_bool(&stated, &how, a->r, subtract_keys);

    if (s != STATUS_OK || !a->has_b_dec)
        return s;
    if (a->b_dec.shape[0] != a->enc.shape[0]) {
        if (stated == 1)
            return reading_fail(a->r, "apply_b_dec_to_input is true (%s), but the bias has %zu entries and the input %zu", how, a->b_dec.shape[0], a->enc.shape[0]);
        return reading_fact(a->r, "apply_b_dec_to_input", "inferred from the length of the bias", "false");
    }
    if (stated < 0)
        return reading_ask(a->r, "the tensors do not tell whether the decoder's bias is taken off the input: say --set apply_b_dec_to_input=true or false");
    a->subtract = stated == 1;
    return reading_fact(a->r, "apply_b_dec_to_input", how, "%s", a->subtract ? "true" : "false");
}

static enum status number_kept(struct autoencoder *a, bool saelens)
{
    const char *how;
    const cJSON *kwargs = reading_value(&how, a->r, kwargs_keys), *inside = cJSON_GetObjectItemCaseSensitive(kwargs, "k");
    int after;
    enum status s;

    if (inside && cJSON_IsNumber(inside) && inside->valuedouble >= 1 && inside->valuedouble <= 2147483647 && inside->valuedouble == (double)(long)inside->valuedouble)
        a->k = (long)inside->valuedouble;
    else if ((s = reading_count(&a->k, &how, a->r, k_keys)) != STATUS_OK)
        return s;
    if (a->k < 0)
        return reading_ask(a->r, "the tensors do not tell how many features topk keeps: say --set k=K");
    if (a->k < 1 || (size_t)a->k > a->enc.shape[1])
        return reading_fail(a->r, "k is %ld (%s), 1 to %zu are possible", a->k, how, a->enc.shape[1]);
    if ((s = reading_fact(a->r, "k", how, "%ld", a->k)) != STATUS_OK || (s = reading_bool(&after, &how, a->r, after_keys)) != STATUS_OK)
        return s;
    if (after < 0 && !saelens)
        return reading_ask(a->r, "the tensors do not tell whether what topk keeps is cut off at 0: say --set relu_after_topk=true or false");
    a->relu_after = after != 0;
    return reading_fact(a->r, "relu_after_topk", after < 0 ? "by the definition of SAELens (override with --set relu_after_topk=false)" : how, "%s", a->relu_after ? "true" : "false");
}

static enum status activation(struct autoencoder *a)
{
    const char *how, *kind_how, *word, *kind;
    bool threshold = reading_find(a->r, "threshold") != NULL;
    enum status s = reading_word(&word, &how, a->r, act_keys);

    if (s != STATUS_OK || (s = reading_word(&kind, &kind_how, a->r, kind_keys)) != STATUS_OK)
        return s;
    if (kind && (strcmp(kind, "gated") == 0 || strcmp(kind, "batchtopk") == 0))
        return diag_fail(a->r->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': architecture is %s (%s)", a->r->model->checkpoint.path, kind, kind_how);
    if (threshold) {
        a->act = ACT_JUMPRELU;
        if ((s = reading_take_shape(&a->threshold, a->r, "threshold", 1, &a->enc.shape[1], "features")) != STATUS_OK)
            return s;
        return reading_fact(a->r, "act", "inferred from the tensor 'threshold'", "jumprelu");
    }
    if (!word && kind && strcmp(kind, "topk") == 0)
        word = kind, how = kind_how;
    else if (!word && kind && strcmp(kind, "standard") == 0)
        word = "relu", how = kind_how;
    if (!word)
        return reading_ask(a->r, "the tensors do not tell the activation: say --set act=relu, or act=topk with k=K");
    if (strcmp(word, "jumprelu") == 0)
        return reading_fail(a->r, "act is jumprelu (%s), but there is no tensor 'threshold'", how);
    if ((s = reading_fact(a->r, "act", how, "%s", word)) != STATUS_OK)
        return s;
    if (strcmp(word, "topk") == 0) {
        a->act = ACT_TOPK;
        return number_kept(a, kind || cJSON_GetObjectItemCaseSensitive(a->r->config->file, "activation_fn_str"));
    }
    a->act = ACT_OTHER;
    return reading_activation_word(&a->other, a->r, "act", word, how);
}

/* Settings that change the function in ways that nothing here knows. */
static enum status switches(struct reading *r)
{
    static const char *const normalize[] = { "normalize_activations", NULL }, *const rescale[] = { "rescale_acts_by_decoder_norm", NULL };
    const char *how;
    const cJSON *value = reading_value(&how, r, normalize);

    if (value && !cJSON_IsNull(value) && !cJSON_IsFalse(value) && !(cJSON_IsString(value) && strcmp(value->valuestring, "none") == 0))
        return diag_fail(r->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': normalize_activations is not none (%s)", r->model->checkpoint.path, how);
    value = reading_value(&how, r, rescale);
    if (value && !cJSON_IsNull(value) && !cJSON_IsFalse(value))
        return diag_fail(r->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': rescale_acts_by_decoder_norm is not false (%s)", r->model->checkpoint.path, how);
    return STATUS_OK;
}

static size_t features(struct autoencoder *a, size_t pre)
{
    struct netbuild *b = &a->r->b;
    struct netbuild_node post = { .name = "encoder.post", .inputs = &pre, .n_inputs = 1 };
    bool below = false;
    size_t x;

    if (a->act == ACT_OTHER)
        return reading_activate(a->r, "encoder.post", a->other, pre);
    if (a->act == ACT_TOPK) {
        post.op = OP_TOPK;
        post.arg[0] = (size_t)a->k;
        post.n_args = 1;
        below = a->relu_after;
    } else {
        post.op = OP_JUMPRELU;
        post.weights[0] = netbuild_cut(b, "encoder.threshold", a->threshold);
        post.n_weights = 1;
        for (size_t i = 0; b->status == STATUS_OK && i < a->enc.shape[1]; i++)
            below |= !(b->net.tensors[post.weights[0]].data[i] >= 0);
    }
    if (below)
        post.name = "encoder.kept";
    x = netbuild_add(b, post);
    return below ? netbuild_one(b, "encoder.post", OP_RELU, x) : x;
}

static size_t graph(struct autoencoder *a)
{
    struct netbuild *b = &a->r->b;
    const struct view *bias = a->has_b_out ? &a->b_out : a->has_b_dec ? &a->b_dec : NULL;
    size_t x, in, b_dec = NETBUILD_NONE, b_enc = NETBUILD_NONE, b_out;

    b->net.width_in = a->enc.shape[0];
    x = in = netbuild_input(b);
    if (a->has_b_dec && (a->subtract || !a->has_b_out))
        b_dec = netbuild_cut(b, "decoder.b", a->b_dec);
    if (a->subtract)
        in = netbuild_two(b, "encoder.in", OP_SUB, x, netbuild_constant(b, "encoder.offset", b_dec));
    if (a->has_b_enc)
        b_enc = netbuild_cut(b, "encoder.b", a->b_enc);
    in = features(a, netbuild_linear(b, "encoder.pre", in, netbuild_cut(b, "encoder.W", a->enc), b_enc));
    b_out = a->has_b_out ? netbuild_cut(b, "decoder.b_out", *bias) : b_dec;
    in = netbuild_linear(b, a->has_skip ? "decoder" : "output", in, netbuild_cut(b, "decoder.W", a->dec), b_out);
    if (!a->has_skip)
        return in;
    x = netbuild_linear(b, "skip", x, netbuild_cut(b, "skip.W", view_transposed(a->skip)), NETBUILD_NONE);
    return netbuild_two(b, "output", OP_ADD, in, x);
}

static enum status build(struct reading *r)
{
    struct autoencoder a = { .r = r, .k = -1 };
    enum status s;

    if ((s = switches(r)) != STATUS_OK || (s = matrices(&a)) != STATUS_OK || (s = offsets(&a)) != STATUS_OK || (s = subtraction(&a)) != STATUS_OK ||
        (s = activation(&a)) != STATUS_OK)
        return s;
    return reading_done(r, r->questions.size ? 0 : graph(&a), known);
}

enum status autoencoder_load(struct model *m, const struct config *c, struct diag *d) { return reading_load(m, c, "autoencoder", build, d); }
enum status transcoder_load(struct model *m, const struct config *c, struct diag *d) { return reading_load(m, c, "transcoder", build, d); }
