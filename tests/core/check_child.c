/* Children: captured output, bounded time, every way to end told apart. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/child.h"

static struct child ran(const char *script, double seconds, volatile int *stop) {
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const struct child_limits l = {seconds, (size_t)1 << 30, stop};
    struct child c;
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(child_run(&c, argv, &l, &d), STATUS_OK);
    diag_clear(&d);
    return c;
}

static void ends(const char *script, enum child_end end, int number) {
    struct child c = ran(script, 1, NULL);
    ck_assert_int_eq(c.end, end);
    if (end == CHILD_EXITED || end == CHILD_SIGNALLED) ck_assert_int_eq(c.number, number);
    child_clear(&c);
}

START_TEST(ways_to_end) {
    ends("exit 0", CHILD_EXITED, 0);
    ends("exit 3", CHILD_EXITED, 3);
    ends("kill -KILL $$", CHILD_SIGNALLED, SIGKILL);
    ends("kill -SEGV $$", CHILD_SIGNALLED, SIGSEGV);
    ends("exec sleep 30", CHILD_TIMED_OUT, 0);
    ends("exec >&- 2>&-; exec sleep 30", CHILD_TIMED_OUT, 0);
    ends("sleep 30 & exit 0", CHILD_TIMED_OUT, 0); /* someone still holds the output */
    ends("exec yes", CHILD_TALKED_TOO_MUCH, 0);
    ends("exec yes >&2", CHILD_TALKED_TOO_MUCH, 0);
}
END_TEST

START_TEST(output) {
    struct child c = ran("echo one; echo two >&2; printf three", 5, NULL);
    ck_assert_int_eq(c.end, CHILD_EXITED);
    ck_assert_str_eq(c.output.data, "one\nthree");
    ck_assert_str_eq(c.errors.data, "two\n");
    child_clear(&c);
}
END_TEST

START_TEST(no_input_and_own_group) {
    struct child c = ran("cat; ulimit -c", 5, NULL);
    ck_assert_str_eq(c.output.data, "0\n");
    child_clear(&c);
}
END_TEST

START_TEST(missing) {
    const char *const argv[] = {"/nonexistent/checker", NULL};
    const struct child_limits l = {1, 0, NULL};
    struct child c;
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(child_run(&c, argv, &l, &d), STATUS_OK);
    ck_assert_int_eq(c.end, CHILD_MISSING);
    child_clear(&c);
    diag_clear(&d);
}
END_TEST

START_TEST(stopped) {
    volatile int stop = 1;
    struct child c = ran("exec sleep 30", 20, &stop);
    ck_assert_int_eq(c.end, CHILD_INTERRUPTED);
    child_clear(&c);
}
END_TEST

START_TEST(memory_is_bounded) {
    struct child c = ran("ulimit -v", 5, NULL);
    ck_assert_str_eq(c.output.data, "1048576\n");
    child_clear(&c);
}
END_TEST

int main(void) {
    Suite *s = suite_create("child");
    TCase *t = tcase_create("Core");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, ways_to_end);
    tcase_add_test(t, output);
    tcase_add_test(t, no_input_and_own_group);
    tcase_add_test(t, missing);
    tcase_add_test(t, stopped);
    tcase_add_test(t, memory_is_bounded);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
