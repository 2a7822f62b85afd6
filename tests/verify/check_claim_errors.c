/* Every file of tests/bad/claims gives exactly the messages in the .expected beside it, and no statement. */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "core/text.h"
#include "verify/statement.h"

static char *messages(const char *path)
{
    struct claims c = {0};
    struct diag d;
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    diag_init(&d);
    enum status s = claims_read(&c, path, NULL, &d);
    ck_assert_msg(s == STATUS_INPUT, "%s: %s", path, status_name(s));
    ck_assert_msg(c.n_statements == 0, "%s: gave statements", path);
    diag_print(&d, f);
    fclose(f);
    diag_clear(&d);
    return out;
}

START_TEST(each_file)
{
    glob_t found;
    ck_assert_int_eq(glob("tests/bad/claims/*.claims", 0, NULL, &found), 0);
    ck_assert_uint_ge(found.gl_pathc, 40);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char expected_path[300], *expected = NULL, *got = messages(found.gl_pathv[i]);
        size_t size = 0, n = strlen(found.gl_pathv[i]) - strlen(".claims");
        struct diag d;
        diag_init(&d);
        (void)snprintf(expected_path, sizeof expected_path, "%.*s.expected", (int)n, found.gl_pathv[i]);
        ck_assert_int_eq(file_read(&expected, &size, expected_path, 1 << 20, &d), STATUS_OK);
        ck_assert_msg(strcmp(got, expected) == 0, "%s\n--- got\n%s--- expected\n%s", found.gl_pathv[i], got, expected);
        free(expected);
        free(got);
        diag_clear(&d);
    }
    globfree(&found);
}
END_TEST

START_TEST(no_file)
{
    struct claims c = {0};
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(claims_read(&c, "tests/bad/claims/nowhere", NULL, &d), STATUS_IO);
    ck_assert_uint_eq(d.n, 1);
    diag_clear(&d);
}
END_TEST

/* The N-th allocation fails, for every N: out of memory, or what is missing was only a message. */
static void sweep(const char *path, const char *good)
{
    for (long n = 1; n < 100000; n++) {
        struct claims c = {0};
        struct diag d;
        diag_init(&d);
        mem_fail_after(n);
        enum status s = claims_read(&c, path, NULL, &d);
        mem_fail_after(-1);
        bool same = s == STATUS_OK && c.n_statements && strcmp(c.statements[0].text, good) == 0;
        ck_assert_msg(s == STATUS_MEMORY || s == STATUS_INPUT || same, "%s: allocation %ld: %s", path, n, status_name(s));
        claims_clear(&c);
        if (same && d.n == 0) {
            /* Later allocations do not exist: the whole was read without the failure. */
            diag_clear(&d);
            return;
        }
        diag_clear(&d);
    }
    ck_abort_msg("the sweep does not end");
}

START_TEST(allocations)
{
    struct claims c = {0};
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(claims_read(&c, "tests/data/claims/small.claims", NULL, &d), STATUS_OK);
    char *good = mem_string(c.statements[0].text);
    claims_clear(&c);
    diag_clear(&d);
    sweep("tests/data/claims/small.claims", good);
    free(good);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("claim_errors");
    TCase *t = tcase_create("Errors");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, each_file);
    tcase_add_test(t, no_file);
    tcase_add_test(t, allocations);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
