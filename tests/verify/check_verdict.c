/* The one place that makes a verdict: exact words, exact line, exit 0, or undecided. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "verify/verdict.h"

#define S "1111111111111111111111111111111111111111111111111111111111111111"
#define C "2222222222222222222222222222222222222222222222222222222222222222"

static enum verdict made(bool exited, int status, const char *output, const char *word) {
    const struct acceptance a = {exited, status, output, strlen(output)};
    const struct claimed c = {word, S, C};
    struct text why;
    text_init(&why);
    enum verdict v = verdict_make(&a, &c, &why);
    ck_assert(v != VERDICT_UNDECIDED || why.size > 0);
    ck_assert_int_eq(v, verdict_make(&a, &c, NULL));
    text_clear(&why);
    return v;
}

START_TEST(accepts) {
    ck_assert_int_eq(made(true, 0, "accepted proved " S " " C "\n", "proved"), VERDICT_PROVED);
    ck_assert_int_eq(made(true, 0, "accepted refuted " S " " C "\n", "refuted"), VERDICT_REFUTED);
    ck_assert_int_eq(made(true, 0, "accepted bounded " S " " C "\n", "bounded"), VERDICT_BOUNDED);
    ck_assert_int_eq(made(true, 0, "accepted vacuous " S " " C "\n", "vacuous"), VERDICT_VACUOUS);
}
END_TEST

START_TEST(refuses) {
    static const char *const outputs[] = {"", "\n", "accepted", "accepted proved " S " " C, "accepted proved " C " " S "\n",
        "accepted refuted " S " " C "\n", "accepted proved " S " " S "\n", " accepted proved " S " " C "\n", "accepted proved  " S " " C "\n",
        "accepted proved " S " " C "\n\n", "accepted proved " S " " C " \n", "accepted proved " S " " C "\r\n",
        "accepted proved " S " " C "\naccepted proved " S " " C "\n", "rejected x\naccepted proved " S " " C "\n", "ACCEPTED proved " S " " C "\n"};
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++)
        ck_assert_int_eq(made(true, 0, outputs[i], "proved"), VERDICT_UNDECIDED);
    ck_assert_int_eq(made(true, 1, "accepted proved " S " " C "\n", "proved"), VERDICT_UNDECIDED);
    ck_assert_int_eq(made(false, 0, "accepted proved " S " " C "\n", "proved"), VERDICT_UNDECIDED);
    ck_assert_int_eq(made(true, 0, "accepted undecided " S " " C "\n", "undecided"), VERDICT_UNDECIDED);
    ck_assert_int_eq(made(true, 0, "accepted error " S " " C "\n", "error"), VERDICT_UNDECIDED);
    ck_assert_int_eq(made(true, 0, "accepted nonsense " S " " C "\n", "nonsense"), VERDICT_UNDECIDED);
    ck_assert_int_eq(made(true, 0, "accepted (null) " S " " C "\n", NULL), VERDICT_UNDECIDED);
}
END_TEST

START_TEST(zero_is_undecided) {
    enum verdict v;
    memset(&v, 0, sizeof v);
    ck_assert_int_eq(v, VERDICT_UNDECIDED);
}
END_TEST

START_TEST(precedence) {
    static const int order[] = {0, 2, 1, 3, 4};
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 5; k++) ck_assert_int_eq(exit_join(order[i], order[k]), order[i > k ? i : k]);
    ck_assert_int_eq(verdict_exit(VERDICT_PROVED), 0);
    ck_assert_int_eq(verdict_exit(VERDICT_REFUTED), 1);
    ck_assert_int_eq(verdict_exit(VERDICT_VACUOUS), 2);
    ck_assert_int_eq(verdict_exit(VERDICT_ERROR), 3);
}
END_TEST

int main(void) {
    Suite *s = suite_create("verdict");
    TCase *t = tcase_create("Core");
    tcase_add_test(t, accepts);
    tcase_add_test(t, refuses);
    tcase_add_test(t, zero_is_undecided);
    tcase_add_test(t, precedence);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
