/* Types and shapes, and why a well-formed claim cannot be decided today. */
#include <check.h>
#include "verify/idle.h"
#include "claims_text.h"
#include "verify/types.h"

static void fail_with(const struct diag *d, const char *what)
{
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    diag_print(d, f);
    fclose(f);
    ck_abort_msg("%s\n%s", what, out);
}

static const struct { char model; const char *expression, *type; } numbers[] = {
    {'M', "3", "an integer"}, {'M', "1/3", "a rational number"}, {'M', "6/2", "an integer"}, {'M', "0.5", "a rational number"},
    {'M', "t[0]", "an integer"}, {'M', "t[0] / 2", "a rational number"}, {'M', "t[0] % 2", "an integer"}, {'M', "-t[0]", "an integer"},
    {'M', "t[0]^2", "an integer"}, {'M', "t[0]^(0-2)", "a rational number"}, {'M', "2^t[0]", "a rational number"}, {'M', "(1/2)^2", "a rational number"},
    {'M', "max(t)", "an integer"}, {'M', "max(t[0], 1/2)", "a rational number"}, {'M', "max(t[0], logits(M, t)[0, 0])", "a real number"},
    {'M', "sum(t)", "an integer"}, {'M', "mean(t)", "a rational number"}, {'M', "argmax(t)", "an integer"}, {'M', "argmin(t)", "an integer"},
    {'M', "sum{ t[i] : i in 0..3 }", "an integer"}, {'M', "mean{ t[i] : i in 0..3 }", "a rational number"}, {'M', "count{ t[i] == 1 : i in 0..3 }", "an integer"},
    {'M', "if t[0] == 1 then 2 else 1/2", "a rational number"}, {'M', "{1, 2, 3}[t[0] % 3]", "an integer"}, {'M', "{1, 1/2}[0]", "a rational number"},
    {'M', "len(t)", "an integer"}, {'M', "fold({{0, 1}, {1, 0}}, 0, t)", "an integer"}, {'M', "dot(t, t)", "an integer"}, {'M', "dist(1, t, t)", "an integer"}, {'M', "dist(2, t, t)", "a real number"},
    {'M', "norm(inf, logits(M, t)[0])", "a real number"}, {'M', "exp(t[0])", "a real number"}, {'M', "W(M, \"embed.W_E\")[0, 0]", "a rational number"},
    {'M', "attn(M, 0, 0, t)[last, 0]", "a real number"}, {'M', "logits(M, t)[last][0]", "a real number"}, {'M', "abs(-1/2)", "a rational number"},
};
static const struct { char model; const char *expression, *type; } arrays[] = {
    {'M', "t", "an array [4] of integers"}, {'M', "t[1..2]", "an array [2] of integers"}, {'M', "t[1..]", "an array [3] of integers"},
    {'M', "t[..last - 2]", "an array [2] of integers"}, {'M', "t[t[0]..t[1]]", "an array [?] of integers"}, {'M', "seq(t, 1, t[..1])", "an array [7] of integers"},
    {'M', "sort(t)", "an array [4] of integers"}, {'M', "{t, t}", "an array [2, 4] of integers"}, {'M', "onehot(1, 5)", "an array [5] of integers"},
    {'M', "logits(M, t)", "an array [4, 64] of real numbers"}, {'M', "logits(M, t[0..1])", "an array [2, 64] of real numbers"},
    {'M', "logits(M, {1, 2, 3})", "an array [3, 64] of real numbers"}, {'M', "logits(M, t)[last]", "an array [64] of real numbers"},
    {'M', "logits(M, t)[1.., 3]", "an array [3] of real numbers"}, {'M', "attn(M, 0, 0, t)", "an array [4, 4] of real numbers"},
    {'M', "score(M, 0, 0, t)[1]", "an array [4] of real numbers"}, {'M', "resid_pre(M, 0, t)", "an array [4, 32] of real numbers"},
    {'M', "resid_post(M, 0, t)", "an array [4, 32] of real numbers"}, {'M', "head_out(M, 0, 0, t)", "an array [4, 32] of real numbers"},
    {'M', "node(M, \"hook_embed\", t)", "an array [4, 32] of real numbers"}, {'M', "node(M, embed, t)", "an array [4, 32] of real numbers"},
    {'M', "node(M, \"blocks.0.attn.hook_pattern.0\", t)", "an array [4, 4] of real numbers"},
    {'M', "W(M, \"embed.W_E\")", "an array [64, 32] of rational numbers"}, {'M', "W(M, \"blocks.0.attn.W_Q\")", "an array [1, 32, 32] of rational numbers"},
    {'M', "QK(M, 0, 0)", "an array [32, 32] of rational numbers"}, {'M', "OV(M, 0, 0)[0]", "an array [32] of rational numbers"},
    {'M', "transpose(W(M, \"embed.W_E\"))", "an array [32, 64] of rational numbers"}, {'M', "diag(QK(M, 0, 0))", "an array [32] of rational numbers"},
    {'M', "W(M, \"embed.W_E\") @ W(M, \"unembed.W_U\")", "an array [64, 64] of rational numbers"},
    {'M', "logits(M, t)[0] @ W(M, \"embed.W_E\")", "an array [32] of real numbers"}, {'M', "W(M, \"embed.W_E\") @ W(M, \"unembed.W_U\")[.., 0]", "an array [64] of rational numbers"},
    {'M', "mean_rows(logits(M, t))", "an array [4, 64] of real numbers"}, {'M', "softmax(logits(M, t)[0])", "an array [64] of real numbers"},
    {'M', "2 * logits(M, t)[0] - logits(M, t)[1] / 2", "an array [64] of real numbers"}, {'M', "t / 2", "an array [4] of rational numbers"},
    {'S', "mlp_pre(S, 0, t)", "an array [4, 8] of real numbers"}, {'S', "mlp_post(S, 0, t)[0]", "an array [8] of real numbers"},
    {'S', "node(S, mlp(0), t)[0] - resid_mid(S, 0, t)[0]", NULL},
};

static void typed(char model, const char *expression, const char *format, bool array, const char *type)
{
    char text[600], found[120], header[60] = HEADER_M;
    struct claims c = {0};
    struct diag d;
    diag_init(&d);
    *strchr(header, 'M') = model;
    (void)snprintf(text, sizeof text, format, expression);
    if (claims_from_text(&c, header, text, &d) != STATUS_OK)
        fail_with(&d, expression);
    const struct expr *e = c.statements[0].subject->args[0];
    type_describe(found, sizeof found, &(array ? e->args[0] : e)->type);
    if (type)
        ck_assert_msg(strcmp(found, type) == 0, "%s: %s, not %s", expression, found, type);
    claims_clear(&c);
    diag_clear(&d);
}

START_TEST(each_number)
{
    typed(numbers[_i].model, numbers[_i].expression, "claim c { forall t in tokens[4] of 0..9 prove (%s) >= 0 }\n", false, numbers[_i].type);
}
END_TEST

START_TEST(each_array)
{
    typed(arrays[_i].model, arrays[_i].expression, "claim c { forall t in tokens[4] of 0..9 prove max(%s) >= 0 }\n", true, arrays[_i].type);
}
END_TEST

static const struct { const char *body, *reason; } undecidable[] = {
    {"forall t in D prove log(1 + t[0]) >= 0", NULL},
    {"prove pi > 3", NULL},
    {"forall t in D prove 2 ^ (1/2) > 1", "no rule for powers that are not whole numbers yet"},
    {"forall t in D prove argmin(logits(M, t)[last]) != 0", "no rule for argmin of real numbers yet: take argmax(-v)"},
    {"forall t in D prove argmax{ t[i] : i in 0..3 } == 0", "no rule for argmax{ } yet: take argmax of an array"},
    {"forall x in interval(0, 1) prove x >= 0", NULL},
    {"forall x in ball({0}, 1, l1) prove x[0] >= 0", "no engine for real-valued domains yet"},
    {"forall t in D prove logits(ablate(M, drop = {head(0, 0)}, to = any over D), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(ablate(M, drop = {edge(embed, unembed)}, to = mean over D), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(ablate(M, drop = {unembed}, to = zero), t)[0, 0] > 0", "no rule for ablating unembed, attention scores and patterns yet"},
    {"forall t in D prove logits(ablate(M, drop = {\"blocks.0.attn.hook_pattern.0\"}, to = zero), t)[0, 0] > 0", "no rule for ablating unembed, attention scores and patterns yet"},
    {"forall t in D prove logits(ablate(M, drop = {embed[t[0]..]}, to = mean over D), t)[0, 0] > 0", "no rule yet for a mean or any over a set, or of components, that rests on a variable"},
    {"forall t in D prove logits(ablate(M, drop = {embed}, to = mean over tokens[4] of 0..t[0]), t)[0, 0] > 0", "no rule yet for a mean or any over a set, or of components, that rests on a variable"},
    {"forall t in D prove logits(ablate(ablate(M, drop = {embed}, to = zero), drop = {pos_embed}, to = mean over D), t)[0, 0] > 0", "no rule yet for a mean, or any, of a model that is changed already"},
    {"forall t in D, s in D prove logits(ablate(M, keep = all - {head(0, 0)[last]}, to = from s), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(steer(M, \"hook_embed\"[0], onehot(0, 32), 2), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(steer(M, \"blocks.0.attn.hook_pattern.0\"[0], {1, 0, 0, 0}, 2), t)[0, 0] > 0", "no rule for steering unembed, attention scores and patterns"},
    {"forall t in D prove logits(replace(M, \"embed.W_E\" = 2 * W(M, \"embed.W_E\")), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(replace(M, \"embed.W_E\" = t[0] * W(M, \"embed.W_E\")), t)[0, 0] > 0", "no rule for a tensor that rests on a variable or an activation"},
    {"forall t in D prove logits(replace(ablate(M, drop = {embed}, to = zero), \"embed.W_E\" = W(M, \"embed.W_E\")), t)[0, 0] > 0", "no rule for replace of a model that is changed already: replace first"},
    {"forall t in D prove logits(replace(M, embed[last] = W(M, \"embed.W_E\")[0]), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(replace(M, head(0, 0) = mean over D), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(blend(M, M, 1/2), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(blend(M, M, 1/(1 + t[0])), t)[0, 0] > 0", "no rule for a blend whose share rests on a variable or an activation: foreach makes a claim for each share"},
    {"forall t in D prove logits(blend(M, ablate(M, drop = {embed}, to = zero), 1/2), t)[0, 0] > 0", "no rule for blend of a model that is changed already: blend first"},
    {"forall t in D prove logits(patch(M, head(0, 0) = zero), t)[0, 0] > 0", NULL},
    {"forall t in D prove logits(patch(M, head(0, 0) = zero, embed = zero), t)[0, 0] > 0", "no rule for 'zero' beside other replacements: one ablate, or one patch around another"},
    {"forall t in D prove logits(patch(M, \"blocks.0.attn.hook_pattern.0\"[0] = {1, 0, 0, 0}), t)[0, 0] > 0", "no rule for patching attention scores and patterns yet"},
    {"forall t in D prove t in tokens[4] of 0..3", "no rule for membership of sequences yet"},
    {"forall t in D prove max(sum{ logits(M, t)[i] : i in 0..3 }) >= 0", "no rule for sums of arrays yet"},
    {"forall t in D prove max(t) >= 0", NULL},
};

START_TEST(each_undecidable)
{
    char text[600];
    struct claims c = {0};
    struct diag d;
    diag_init(&d);
    (void)snprintf(text, sizeof text, "domain D = tokens[4] of 0..9\nclaim c { %s }\n", undecidable[_i].body);
    if (claims_from_text(&c, HEADER_M, text, &d) != STATUS_OK)
        fail_with(&d, text);
    const char *reason = c.statements[0].undecidable;
    if (undecidable[_i].reason)
        ck_assert_msg(reason && strcmp(reason, undecidable[_i].reason) == 0, "%s: %s", text, reason ? reason : "decidable");
    else
        ck_assert_ptr_null(reason);
    claims_clear(&c);
    diag_clear(&d);
}
END_TEST

/* Ablates, and why they change nothing of the last row of logits; NULL: they may. */
#define UNREAD "no row that the claim reads depends on the rows that it changes"
static const struct { const char *ablate, *why; } idle[] = {
    {"drop = {pos_embed}, to = mean over D", "its rows are the same on all sequences"},
    {"drop = {pos_embed[0]} + {edge(pos_embed, head(0, 0).k)}, to = any over D", "its rows are the same on all sequences"},
    {"drop = {\"hook_pos_embed\"}, to = from s", "its rows are the same on all sequences"},
    {"drop = {}, to = zero", "it names no component"},
    {"drop = {pos_embed}, to = zero", NULL},
    {"drop = {pos_embed, embed}, to = mean over D", NULL},
    {"drop = {edge(pos_embed, unembed)}, to = zero", NULL},
    {"drop = all, to = mean over D", NULL},
    {"keep = {embed, head(0, 0)}, to = mean over D", NULL},
    {"keep = {embed, head(0, 0)} + {pos_embed}, to = zero", "it keeps every component"},
    {"keep = {embed, head(0, 0)[last], pos_embed}, to = zero", NULL},
    {"drop = {head(0, 0)[0..2]}, to = zero", UNREAD},
    {"drop = {head(0, 0)[0..last]}, to = zero", NULL},
    {"drop = {edge(embed, head(0, 0).q)[1], head(0, 0)[0], edge(embed, unembed)[2]}, to = value 1", UNREAD},
    {"drop = {edge(embed, head(0, 0).k)[1]}, to = value 1", NULL},
    {"drop = {embed[0]}, to = zero", NULL},
};

/* The same for other interventions, and for those of models that are changed already. */
static const struct { const char *model, *why; } idle_models[] = {
    {"steer(M, embed, onehot(0, 32), 0)", "it adds 0 times the vector"},
    {"steer(M, embed, onehot(0, 32), 1)", NULL},
    {"patch(M, embed[last] = node(M, embed, t)[last])", "its rows are put back where they are"},
    {"patch(M, embed = node(M, embed, t), head(0, 0) = node(M, head(0, 0), t))", "its rows are put back where they are"},
    {"patch(M, embed[last] = node(M, embed, t)[0])", NULL},
    {"patch(M, embed[last] = node(M, embed, s)[last])", NULL},
    {"patch(M, head(0, 0) = node(M, embed, t))", NULL},
    {"patch(ablate(M, drop = {embed}, to = zero), embed = node(M, embed, t))", NULL},
    {"replace(M, \"embed.W_E\" = W(M, \"embed.W_E\"))", "its tensors are replaced by themselves"},
    {"replace(M, \"embed.W_E\" = 2 * W(M, \"embed.W_E\"))", NULL},
    {"ablate(ablate(M, drop = {embed}, to = zero), drop = {}, to = zero)", "it names no component"},
    {"steer(ablate(M, drop = {pos_embed}, to = mean over D), embed, onehot(0, 32), 2)", "its rows are the same on all sequences"},
    {"patch(M, head(0, 0)[1] = W(M, \"pos_embed.W_pos\")[0])", UNREAD},
    {"steer(M, edge(embed, unembed)[0], onehot(0, 32), 2)", UNREAD},
    {"steer(ablate(M, drop = {head(0, 0)[2]}, to = from s), embed, onehot(0, 32), 2)", UNREAD},
    {"ablate(patch(M, pos_embed = node(M, embed, t)), drop = {pos_embed}, to = from s)", NULL},
};

START_TEST(each_idle)
{
    char text[600];
    struct claims c = {0};
    struct diag d;
    struct text found;
    diag_init(&d);
    text_init(&found);
    size_t n = sizeof idle / sizeof *idle, i = (size_t)_i;
    const char *why = i < n ? idle[i].why : idle_models[i - n].why;
    (void)snprintf(text, sizeof text, "domain D = tokens[4] of 0..2\nclaim c { forall t in D, s in D prove logits(%s%s%s, t)[last, 0] > 0 }\n", i < n ? "ablate(M, " : "",
                   i < n ? idle[i].ablate : idle_models[i - n].model, i < n ? ")" : "");
    if (claims_from_text(&c, HEADER_M, text, &d) != STATUS_OK)
        fail_with(&d, text);
    ck_assert(statement_idle(&found, &c.statements[0]));
    if (why)
        ck_assert_msg(found.size && strstr(found.data, why), "%s: %s", text, found.size ? found.data : "nothing found");
    else
        ck_assert_msg(found.size == 0, "%s: %s", text, found.data);
    text_clear(&found);
    claims_clear(&c);
    diag_clear(&d);
}
END_TEST

/* Of a model that cannot be read yet only shapes are not checked. */
START_TEST(unread_model)
{
    struct claims c = {0};
    struct diag d;
    char *cwd = realpath("tests/data/claims/unread.gguf", NULL), text[5000];
    diag_init(&d);
    (void)snprintf(text, sizeof text, "claims 1\nmodel N = \"%s\"\nclaim c { forall t in tokens[99] of 0..9 prove attn(N, 7, 3, t)[last, 50] > 0 }\n", cwd);
    ck_assert_int_eq(claims_from_text(&c, "", text, &d), STATUS_OK);
    ck_assert_ptr_null(c.statements[0].text);
    ck_assert(strncmp(c.statements[0].undecidable, "cannot read this format yet", 27) == 0);
    ck_assert_ptr_null(statement_model(&c.statements[0], "N"));
    claims_clear(&c);
    (void)snprintf(text, sizeof text, "claims 1\nmodel N = \"%s\"\nclaim c { forall t in tokens[99] of 0..9 prove attn(N, 7, t)[last, 50] > 0 }\n", cwd);
    ck_assert_int_eq(claims_from_text(&c, "", text, &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[0].text, "'attn' takes 4 arguments, not 3");
    free(cwd);
    diag_clear(&d);
}
END_TEST

START_TEST(manual_has_every_function)
{
    char *manual = NULL, call[80];
    size_t size;
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(file_read(&manual, &size, "docs/claims.md", 1 << 20, &d), STATUS_OK);
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        (void)snprintf(call, sizeof call, "%s(", function_table[i].name);
        ck_assert_msg(strstr(manual, call), "docs/claims.md does not say how to call %s", function_table[i].name);
    }
    free(manual);
    diag_clear(&d);
}
END_TEST

START_TEST(given_options)
{
    struct setting model = {"M", "examples/max4_s123.safetensors"}, param = {"K", "5"}, wrong = {"L", "5"}, far = {"K", "2 + 2"};
    enum semantics float32 = SEMANTICS_FLOAT32;
    const char *only = "c";
    struct claims_options o = {.models = &model, .n_models = 1, .params = &param, .n_params = 1, .only = &only, .n_only = 1, .semantics = &float32};
    struct claims c = {0};
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(claims_read(&c, "tests/data/claims/options.claims", &o, &d), STATUS_OK);
    ck_assert_uint_eq(c.n_statements, 1);
    ck_assert_ptr_nonnull(strstr(c.statements[0].text, "\nsemantics float32\nprove 5 >= 0\n"));
    claims_clear(&c);
    o.params = &wrong;
    ck_assert_int_eq(claims_read(&c, "tests/data/claims/options.claims", &o, &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[0].text, "--param 'L': tests/data/claims/options.claims has no such name");
    o.params = &far;
    diag_clear(&d);
    ck_assert_int_eq(claims_read(&c, "tests/data/claims/options.claims", &o, &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[0].text, "expected a number or a string");
    ck_assert_str_eq(d.messages[0].file, "--param K");
    diag_clear(&d);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("types");
    TCase *t = tcase_create("Core");
    tcase_add_loop_test(t, each_number, 0, (int)(sizeof numbers / sizeof *numbers));
    tcase_add_loop_test(t, each_array, 0, (int)(sizeof arrays / sizeof *arrays));
    tcase_add_loop_test(t, each_undecidable, 0, (int)(sizeof undecidable / sizeof *undecidable));
    tcase_add_loop_test(t, each_idle, 0, (int)(sizeof idle / sizeof *idle + sizeof idle_models / sizeof *idle_models));
    tcase_add_test(t, unread_model);
    tcase_add_test(t, manual_has_every_function);
    tcase_add_test(t, given_options);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
