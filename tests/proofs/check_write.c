/* Numbers and strings as the JSON and the lines show them: outward, and escaped. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "include/weightproof.h"
#include "proofs/write.h"

static const struct { const char *in, *out; } strings[] = {
    {"", "\"\""}, {"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""}, {"line\nend\t", "\"line\\nend\\u0009\""}, {"\x01\x7f", "\"\\u0001\\u007f\""},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82\""},
    {"\xff", "\"\\ufffd\""}, {"\xc3", "\"\\ufffd\""}, {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, {"\xc0\x80", "\"\\ufffd\\ufffd\""},
    {NULL, "null"},
};

START_TEST(json_strings) {
    struct text t;
    text_init(&t);
    write_json_string(&t, strings[_i].in);
    ck_assert_str_eq(t.data, strings[_i].out);
    text_clear(&t);
}
END_TEST

START_TEST(doubles_are_outward) {
    mpq_t q, back;
    mpq_inits(q, back, NULL);
    for (long n = -50; n <= 50; n++)
        for (unsigned long d = 1; d <= 21; d++) {
            struct text lo, hi;
            text_init(&lo);
            text_init(&hi);
            mpq_set_si(q, n, d);
            mpq_canonicalize(q);
            write_double(&lo, q, ROUND_DOWN);
            write_double(&hi, q, ROUND_UP);
            mpq_set_d(back, strtod(lo.data, NULL));
            ck_assert_int_le(mpq_cmp(back, q), 0);
            mpq_set_d(back, strtod(hi.data, NULL));
            ck_assert_int_ge(mpq_cmp(back, q), 0);
            ck_assert(strtod(hi.data, NULL) - strtod(lo.data, NULL) <= 1e-14);
            text_clear(&lo);
            text_clear(&hi);
        }
    struct text far;     /* 2^1024, beyond doubles on one side */
    text_init(&far);
    mpq_set_ui(q, 1, 1);
    mpq_mul_2exp(q, q, 1024);
    write_double(&far, q, ROUND_UP);
    text_add(&far, " ");
    write_double(&far, q, ROUND_DOWN);
    ck_assert_str_eq(far.data, "null 1.7976931348623157e+308");
    text_clear(&far);
    mpq_clears(q, back, NULL);
}
END_TEST

START_TEST(decimals_are_outward) {
    mpq_t q;
    struct text t;
    mpq_init(q);
    text_init(&t);
    mpq_set_si(q, 2, 3);
    write_decimal(&t, q, 4, ROUND_DOWN);
    text_add(&t, " ");
    write_decimal(&t, q, 4, ROUND_UP);
    text_add(&t, " ");
    mpq_neg(q, q);
    write_decimal(&t, q, 4, ROUND_DOWN);
    text_add(&t, " ");
    write_decimal(&t, q, 4, ROUND_UP);
    text_add(&t, " ");
    mpq_set_si(q, 1234, 1);
    write_decimal(&t, q, 4, ROUND_UP);
    ck_assert_str_eq(t.data, "0.6666 0.6667 -0.6667 -0.6666 1234");
    text_clear(&t);
    mpq_clear(q);
}
END_TEST

START_TEST(public_door) {
    const struct weightproof_options o = {.checker = "/nonexistent/weightproof-check"};
    weightproof_run *run = weightproof_verify("examples/max4.claims", &o);
    ck_assert_ptr_nonnull(run);
    ck_assert_uint_gt(weightproof_run_count(run), 0);
    for (size_t i = 0; i < weightproof_run_count(run); i++) {
        ck_assert_str_eq(weightproof_run_verdict(run, i), "undecided");
        ck_assert_str_eq(weightproof_run_evidence(run, i), "none");
        ck_assert_ptr_nonnull(weightproof_run_reason(run, i));
    }
    ck_assert_int_eq(weightproof_run_status(run), 2);
    ck_assert_ptr_nonnull(strstr(weightproof_run_json(run), "\"schema\": 1"));
    ck_assert_ptr_null(weightproof_run_name(run, weightproof_run_count(run)));
    weightproof_run_free(run);
    run = weightproof_verify("no such file", NULL);
    ck_assert_int_eq(weightproof_run_status(run), 3);
    ck_assert_ptr_nonnull(strstr(weightproof_run_errors(run), "error: cannot read"));
    weightproof_run_free(run);
    weightproof_model *m = weightproof_model_read("examples/max4_s123.safetensors", NULL);
    ck_assert_str_eq(weightproof_model_errors(m), "");
    ck_assert_uint_eq(strlen(weightproof_model_net_sha256(m)), 64);
    ck_assert_int_eq(strncmp(weightproof_model_net(m), "weightproof-net 1\n", 18), 0);
    weightproof_model_free(m);
    m = weightproof_model_read("no such file", NULL);
    ck_assert_ptr_null(weightproof_model_info(m));
    ck_assert_int_ne(weightproof_model_errors(m)[0], 0);
    weightproof_model_free(m);
    weightproof_run_free(NULL);
    weightproof_model_free(NULL);
}
END_TEST

int main(void) {
    Suite *s = suite_create("write");
    TCase *t = tcase_create("Core");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, json_strings, 0, (int)(sizeof strings / sizeof strings[0]));
    tcase_add_test(t, doubles_are_outward);
    tcase_add_test(t, decimals_are_outward);
    tcase_add_test(t, public_door);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
