/* Transformers from their tensors: what is read, inferred and assumed, settings, and the N-th allocation failing, for every N. Refusals: check_bad.c. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/mem.h"
#include "models/model.h"

/* ---- small models made here ---- */

struct shape { const char *name; size_t rank, size[3]; };

/* Writes a safetensors file of small numbers; config: text of __metadata__["config"] or NULL. */
static void write_model(char *path, const struct shape *shapes, size_t n, const char *config)
{
    struct text header = { 0 }, file = { 0 };
    struct diag d;
    size_t offset = 0;
    float value = 0.25f;

    text_add(&header, "{");
    if (config) {
        text_add(&header, "\"__metadata__\":{\"config\":\"");
        for (const char *s = config; *s; s++)
            text_addf(&header, "%s%c", *s == '"' ? "\\" : "", *s);
        text_add(&header, "\"},");
    }
    for (size_t i = 0; i < n; i++) {
        size_t count = 1;
        text_addf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "", shapes[i].name);
        for (size_t j = 0; j < shapes[i].rank; j++) {
            text_addf(&header, "%s%zu", j ? "," : "", shapes[i].size[j]);
            count *= shapes[i].size[j];
        }
        text_addf(&header, "],\"data_offsets\":[%zu,%zu]}", offset, offset + 4 * count);
        offset += 4 * count;
    }
    text_add(&header, "}");
    for (int i = 0; i < 8; i++)
        text_add_n(&file, (char[]){ (char)(header.size >> 8 * i & 255) }, 1);
    text_add_n(&file, header.data, header.size);
    for (size_t i = 0; i < offset / 4; i++)
        text_add_n(&file, (const char *)&value, 4);
    diag_init(&d);
    close(mkstemp(path));
    ck_assert_int_eq(file_write(path, file.data, file.size, &d), STATUS_OK);
    text_clear(&header);
    text_clear(&file);
}

#define BASE { "embed.W_E", 2, { 5, 4 } }, { "pos_embed.W_pos", 2, { 3, 4 } }, { "unembed.W_U", 2, { 4, 6 } }
#define ATTENTION(l, H, dh) { "blocks." #l ".attn.W_Q", 3, { H, 4, dh } }, { "blocks." #l ".attn.W_K", 3, { H, 4, dh } }, \
        { "blocks." #l ".attn.W_V", 3, { H, 4, dh } }, { "blocks." #l ".attn.W_O", 3, { H, dh, 4 } }
#define NORM(name) { name ".w", 1, { 4 } }, { name ".b", 1, { 4 } }

static const struct shape plain[] = { BASE, ATTENTION(0, 2, 2) };
static const struct shape deep[] = { BASE, ATTENTION(0, 1, 4), ATTENTION(1, 2, 2), NORM("blocks.0.ln1"), NORM("blocks.1.ln1"), NORM("blocks.0.ln2"),
    NORM("blocks.1.ln2"), NORM("ln_final"), { "blocks.0.mlp.W_in", 2, { 4, 8 } }, { "blocks.0.mlp.W_out", 2, { 8, 4 } }, { "blocks.1.mlp.W_in", 2, { 4, 8 } },
    { "blocks.1.mlp.W_out", 2, { 8, 4 } }, { "blocks.1.mlp.b_in", 1, { 8 } }, { "blocks.0.attn.b_Q", 2, { 1, 4 } }, { "blocks.0.attn.mask", 2, { 3, 3 } },
    { "blocks.1.attn.IGNORE", 0, { 0 } }, { "unembed.b_U", 1, { 6 } } };
#define COUNT(a) (sizeof(a) / sizeof *(a))

static enum status load_shapes(struct model *m, struct diag *d, const struct shape *shapes, size_t n, const char *config, const struct setting *set, size_t n_set)
{
    char path[] = "/tmp/weightproof-model-XXXXXX";
    struct model_options o = { .set = set, .n_set = n_set };
    enum status s;

    write_model(path, shapes, n, config);
    diag_init(d);
    s = model_load(m, path, &o, d);
    unlink(path);
    return s;
}

static const struct model_fact *fact(const struct model *m, const char *key)
{
    for (size_t i = 0; i < m->n_facts; i++)
        if (strcmp(m->facts[i].key, key) == 0)
            return &m->facts[i];
    ck_abort_msg("no fact %s", key);
    return NULL;
}

static void fact_is(const struct model *m, const char *key, const char *value, const char *how)
{
    ck_assert_str_eq(fact(m, key)->value, value);
    ck_assert_str_eq(fact(m, key)->how, how);
}

/* The line of a node in the written network. */
static void line_is(const struct model *m, const char *line)
{
    struct text t = { 0 };

    ck_assert_int_eq(net_write(&t, &m->net), STATUS_OK);
    ck_assert_msg(strstr(t.data, line), "no line: %s", line);
    text_clear(&t);
}

START_TEST(shapes_tell)
{
    struct model m;
    struct diag d;

    ck_assert_int_eq(load_shapes(&m, &d, plain, COUNT(plain), "{\"n_layers\": 1, \"normalization_type\": null, \"d_mlp\": null, \"d_vocab_out\": -1, \"seed\": 7, \"task\": \"none\", "
                                    "\"d_modl\": 4, \"logit_scale\": 1, \"window_size\": null, \"glow\": true, \"gone\": null, \"shine\": [1], \"device\": \"cpu\"}", NULL, 0), STATUS_OK);
    fact_is(&m, "n_layers", "1", "read from metadata");
    fact_is(&m, "d_vocab", "5", "inferred from the shape of embed.W_E");
    fact_is(&m, "d_vocab_out", "6", "inferred from the shape of unembed.W_U");
    fact_is(&m, "n_heads", "2", "inferred from the shape of blocks.0.attn.W_Q");
    fact_is(&m, "attn_only", "true", "inferred from the names of the tensors");
    fact_is(&m, "attention_dir", "causal", "assumed (override with --set attention_dir=bidirectional)");
    fact_is(&m, "normalization_type", "null", "read from metadata");
    fact_is(&m, "seed", "7", "stated by the file");
    fact_is(&m, "d_modl", "4", "assumed to change nothing: an unknown key, did you mean d_model?");
    fact_is(&m, "other keys", "glow, shine", "assumed to change nothing: unknown keys");
    fact_is(&m, "library's keys", "device", "stated by the file, about other things than the function");
    ck_assert(m.net.d_vocab == 5 && m.net.n_ctx == 3 && m.net.causal && m.net.eps == 0);
    line_is(&m, "\nnode blocks.0.hook_attn_out heads blocks.0.attn.hook_result.0 blocks.0.attn.hook_result.1\n");
    line_is(&m, "\nnode logits linear blocks.0.hook_resid_post unembed.W_U\n");
    model_clear(&m);
    diag_clear(&d);
}
END_TEST

START_TEST(deep_model)
{
    static const struct setting set[] = { { (char *)(size_t)"act_fn", (char *)(size_t)"gelu_new" }, { (char *)(size_t)"attention_dir", (char *)(size_t)"bidirectional" } };
    struct model m;
    struct diag d;
    enum status s = load_shapes(&m, &d, deep, COUNT(deep), NULL, set, 2);

    diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    fact_is(&m, "act_fn", "gelu_new", "given by --set");
    fact_is(&m, "n_heads", "[1, 2]", "inferred from the shape of blocks.0.attn.W_Q");
    fact_is(&m, "normalization_type", "LN", "inferred from the names of the tensors");
    fact_is(&m, "eps", "1e-05", "assumed (override with --set eps=NUMBER)");
    ck_assert(m.n_ignored == 2 && !m.net.causal && m.net.eps == 1e-5);
    ck_assert_str_eq(m.ignored[0], "blocks.0.attn.mask");
    line_is(&m, "\nnode blocks.0.attn.hook_q.0 linear blocks.0.ln1.hook_normalized blocks.0.attn.W_Q[0] blocks.0.attn.b_Q[0]\n");
    line_is(&m, "\nnode blocks.0.attn.hook_attn_scores.0 score blocks.0.attn.hook_q.0 blocks.0.attn.hook_k.0 4\n");
    line_is(&m, "\nnode blocks.1.mlp.hook_pre linear blocks.1.ln2.hook_normalized blocks.1.mlp.W_in blocks.1.mlp.b_in\n");
    line_is(&m, "\nnode blocks.1.mlp.hook_post gelu_new blocks.1.mlp.hook_pre\n");
    line_is(&m, "\nnode blocks.1.hook_resid_post add blocks.1.hook_resid_mid blocks.1.hook_mlp_out\n");
    line_is(&m, "\nnode logits linear ln_final.hook_normalized unembed.W_U unembed.b_U\n");
    model_clear(&m);
    diag_clear(&d);
}
END_TEST

START_TEST(without_positions)
{
    static const struct setting set[] = { { (char *)(size_t)"n_ctx", (char *)(size_t)"7" }, { (char *)(size_t)"normalization_type", (char *)(size_t)"null" } };
    static const struct shape shapes[] = { { "embed.W_E", 2, { 5, 4 } }, { "unembed.W_U", 2, { 4, 6 } }, ATTENTION(0, 2, 2) };
    struct model m;
    struct diag d;

    ck_assert_int_eq(load_shapes(&m, &d, shapes, COUNT(shapes), NULL, set, 2), STATUS_OK);
    ck_assert_uint_eq(m.net.n_ctx, 7);
    fact_is(&m, "positional_embedding_type", "none", "assumed, as there is no 'pos_embed.W_pos'");
    line_is(&m, "\nnode blocks.0.hook_resid_post add hook_embed blocks.0.hook_attn_out\n");
    ck_assert_int_eq(net_node(&m.net, "blocks.0.hook_resid_pre"), -1);
    model_clear(&m);
    diag_clear(&d);
}
END_TEST

static const struct { const char *key, *value, *message; } settings[] = {
    { "n_layer", "2", "n_layers is 2 (given by --set), but the last tensors are those of block 0" },
    { "n_leyers", "1", "--set n_leyers: unknown setting, did you mean n_layers?" },
    { "layer_norm_eps", "small", "eps is \"small\" (given by --set), a number is needed" },
    { "seed", "1", "--set seed: unknown setting" },
    { "logit_scale", "2", "logit_scale is 2 (given by --set)" },
    { "colour", "red", "--set colour: unknown setting" },
    { "d_model", "8", "d_model is 8 (given by --set), but 4 by the shape of 'embed.W_E'" },
    { "n_ctx", "4", "n_ctx is 4 (given by --set), but 3 by the shape of 'pos_embed.W_pos'" },
    { "normalization_type", "RMS", "tensor 'blocks.0.ln1.w' is missing" },
    { "positional_embedding_type", "rotary", "positional_embedding_type is rotary (given by --set)" },
    { "gated_mlp", "true", "gated_mlp is true (given by --set)" },
};

START_TEST(wrong_settings)
{
    struct setting set = { (char *)(size_t)settings[_i].key, (char *)(size_t)settings[_i].value };
    struct model m;
    struct diag d;

    ck_assert_int_ne(load_shapes(&m, &d, plain, COUNT(plain), "{\"n_layers\": 1, \"normalization_type\": null}", &set, 1), STATUS_OK);
    ck_assert_uint_eq(d.n, 1);
    ck_assert_msg(strstr(d.messages[0].text, settings[_i].message), "%s", d.messages[0].text);
    diag_clear(&d);
}
END_TEST

START_TEST(settings_that_help)
{
    static const struct setting shorter = { (char *)(size_t)"n_ctx", (char *)(size_t)"2" };
    static const struct setting ignore = { (char *)(size_t)"ignore", (char *)(size_t)"extra,blocks.0.attn.more" };
    static const struct setting twice[] = { { (char *)(size_t)"ignore", (char *)(size_t)"extra" }, { (char *)(size_t)"ignore", (char *)(size_t)"blocks.0.attn.more" } };
    static const struct shape extra[] = { BASE, ATTENTION(0, 2, 2), { "extra", 1, { 3 } }, { "blocks.0.attn.more", 1, { 3 } } };
    struct model m;
    struct diag d;

    ck_assert_int_eq(load_shapes(&m, &d, plain, COUNT(plain), "{\"n_ctx\": 3, \"normalization_type\": null}", &shorter, 1), STATUS_OK);
    ck_assert_uint_eq(m.net.n_ctx, 2);
    model_clear(&m);
    ck_assert_int_eq(load_shapes(&m, &d, extra, COUNT(extra), "{\"n_layers\": 1, \"normalization_type\": null}", &ignore, 1), STATUS_OK);
    ck_assert_uint_eq(m.n_ignored, 2);
    model_clear(&m);
    ck_assert_int_eq(load_shapes(&m, &d, extra, COUNT(extra), "{\"n_layers\": 1, \"normalization_type\": null}", twice, 2), STATUS_OK);
    ck_assert_uint_eq(m.n_ignored, 2);
    model_clear(&m);
    ck_assert_int_eq(load_shapes(&m, &d, extra, COUNT(extra), "{\"n_layers\": 1, \"normalization_type\": null}", NULL, 0), STATUS_INPUT);
    ck_assert_ptr_nonnull(strstr(d.messages[0].text, "2 tensors have no place in this transformer, the first is 'extra' (--set ignore=extra,blocks.0.attn.more leaves them out)"));
    diag_clear(&d);
}
END_TEST

START_TEST(families)
{
    struct model_options o = { .family = "conv" };
    struct model m;
    struct diag d;

    diag_init(&d);
    ck_assert_int_eq(model_load(&m, "examples/max4_s123.safetensors", &o, &d), STATUS_UNSUPPORTED);
    ck_assert_str_eq(d.messages[0].text, "cannot read this family yet: 'conv'");
    o.family = "transfomer";
    ck_assert_int_eq(model_load(&m, "examples/max4_s123.safetensors", &o, &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[1].text, "unknown family 'transfomer', did you mean 'transformer'?");
    o.family = "transformer";
    ck_assert_int_eq(model_load(&m, "examples/max4_s123.safetensors", &o, &d), STATUS_OK);
    ck_assert_str_eq(m.family, "transformer");
    model_clear(&m);
    diag_clear(&d);
}
END_TEST

START_TEST(configuration_from_a_named_file)
{
    struct model_options o = { .config_path = "examples/backdoor_max4_v32_s1.config.json" };
    struct model m;
    struct diag d;

    diag_init(&d);
    ck_assert_int_eq(model_load(&m, "examples/backdoor_max4_v32_s1.pt", &o, &d), STATUS_OK);
    fact_is(&m, "d_head", "32", "read from backdoor_max4_v32_s1.config.json");
    ck_assert_str_eq(m.config_sha256, "c6fe23408b3cc81661f45717387f7e578cb686b753096f2fea3ddbb423642c13");
    model_clear(&m);
    o.config_path = "examples/cumsum12_s1.config.json";
    ck_assert_int_eq(model_load(&m, "examples/backdoor_max4_v32_s1.pt", &o, &d), STATUS_INPUT);
    o.config_path = "examples/nothing.json";
    ck_assert_int_eq(model_load(&m, "examples/backdoor_max4_v32_s1.pt", &o, &d), STATUS_IO);
    diag_clear(&d);
}
END_TEST

START_TEST(configuration_inside_a_checkpoint)
{
    static const char *const paths[] = { "tests/data/torch/own_config.pt", "tests/data/torch/wrapped.pt" };
    struct model_options o = { .config_path = NULL };
    char sha256[2][65];
    struct model m;
    struct diag d;

    diag_init(&d);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(model_load(&m, paths[i], &o, &d), STATUS_OK);
        fact_is(&m, "act_fn", "relu", "read from the file's own configuration");
        fact_is(&m, "eps", "0.5", "read from the file's own configuration");
        fact_is(&m, "attention_dir", "bidirectional", "read from the file's own configuration");
        fact_is(&m, "task", "a \"quoted\" one", "stated by the file");
        fact_is(&m, "blocks.0.attn.b_K", "0", "assumed, as the tensor is absent");
        if (i)
            fact_is(&m, "tensor names", "module._orig_mod.", "a prefix of all, taken off");
        ck_assert_uint_eq(m.n_ignored, (size_t)i);
        memcpy(sha256[i], m.net.sha256, sizeof sha256[i]);
        model_clear(&m);
    }
    ck_assert_str_eq(sha256[0], sha256[1]);
    ck_assert_int_eq(model_load(&m, "tests/data/torch/half_wrapped.pt", &o, &d), STATUS_INPUT);
    ck_assert_ptr_nonnull(strstr(d.messages[0].text, "'embed.W_E' has the prefix 'module._orig_mod.', tensor 'other' has not"));
    diag_clear(&d);
}
END_TEST

/* ---- the N-th allocation fails, for every N ---- */

static void *json_malloc(size_t n) { return mem_array(n, 1); }
static const char *const small_models[] = { "tests/data/torch/nested.pt", "examples/max4_s123.safetensors", "tests/data/small.net", "examples/backdoor_max4_v32_s1.pt", "tests/data/torch/wrapped.pt" };

START_TEST(every_allocation_may_fail)
{
    cJSON_Hooks hooks = { .malloc_fn = json_malloc, .free_fn = free };
    enum status s = STATUS_MEMORY, good;
    struct model m;
    struct diag d;
    long n = 0;

    cJSON_InitHooks(&hooks);
    diag_init(&d);
    good = model_load(&m, small_models[_i], NULL, &d);
    if (good == STATUS_OK)
        model_clear(&m);
    for (n = 1; s != good || d.dropped; n++) {
        diag_clear(&d);
        mem_fail_after(n);
        s = model_load(&m, small_models[_i], NULL, &d);
        mem_fail_after(-1);
        if (s == STATUS_OK)
            model_clear(&m);
        else
            ck_assert_msg(s == STATUS_MEMORY || s == good, "allocation %ld: %s", n, status_name(s));
        ck_assert_int_lt(n, 10000);
    }
    ck_assert_int_gt(n, 20);
    diag_clear(&d);
    cJSON_InitHooks(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("family");
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits"), *errors = tcase_create("Errors");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_set_timeout(limits, 60);
    tcase_add_test(core, shapes_tell);
    tcase_add_test(core, deep_model);
    tcase_add_test(core, without_positions);
    tcase_add_test(core, settings_that_help);
    tcase_add_test(core, configuration_from_a_named_file);
    tcase_add_test(core, configuration_inside_a_checkpoint);
    tcase_add_loop_test(errors, wrong_settings, 0, COUNT(settings));
    tcase_add_test(errors, families);
    tcase_add_loop_test(limits, every_allocation_may_fail, 0, COUNT(small_models));
    suite_add_tcase(s, core);
    suite_add_tcase(s, errors);
    suite_add_tcase(s, limits);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
