/* Every bad model file gives its exact message and status (tests/bad/expected.tsv: file, status, message). */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "models/data_array.h"
#include "models/model.h"

static char *table, *lines[1000];
static int n_lines;

static void read_table(void)
{
    struct diag d;
    size_t size;

    diag_init(&d);
    if (file_read(&table, &size, "tests/bad/expected.tsv", 1 << 20, &d) != STATUS_OK)
        diag_print(&d, stderr);
    else
        for (char *s = strtok(table, "\n"); s && n_lines < 1000; s = strtok(NULL, "\n"))
            lines[n_lines++] = s;
    diag_clear(&d);
}

START_TEST(exact_message)
{
    char line[2000], path[2100], *status, *message;
    struct model m = { 0 };
    struct data_array a = { 0 };
    struct diag d;
    enum status s;

    (void)snprintf(line, sizeof line, "%s", lines[_i]);
    status = strchr(line, '\t');
    ck_assert_ptr_nonnull(status);
    *status++ = '\0';
    message = strchr(status, '\t');
    ck_assert_ptr_nonnull(message);
    *message++ = '\0';
    (void)snprintf(path, sizeof path, "tests/bad/%s", line);
    diag_init(&d);
    bool array = strncmp(line, "array/", 6) == 0;
    s = array ? data_array_read(&a, path, NULL, &d) : model_load(&m, path, NULL, &d);
    ck_assert_str_eq(status_name(s), status);
    ck_assert(d.n == 1 && d.dropped == 0);
    ck_assert_str_eq(d.messages[0].text, message);
    ck_assert(m.net.nodes == NULL && m.checkpoint.tensors == NULL && a.data == NULL);
    diag_clear(&d);
}
END_TEST

START_TEST(table_is_long_enough) { ck_assert_int_ge(n_lines, 200); }
END_TEST

int main(void)
{
    Suite *s = suite_create("bad files");
    TCase *errors = tcase_create("Errors");
    SRunner *runner = srunner_create(s);
    int failed;

    read_table();
    tcase_add_test(errors, table_is_long_enough);
    tcase_add_loop_test(errors, exact_message, 0, n_lines);
    suite_add_tcase(s, errors);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free(table);
    return failed != 0;
}
