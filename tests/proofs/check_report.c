/* The HTML report stands alone, escapes what it quotes and is whole, whatever the verdicts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "core/text.h"
#include "proofs/html_report.h"
#include "proofs/judge.h"
#include "verify/verdict.h"

static const char source[] =
    "claims 1\nmodel M = \"examples/max4_s123.safetensors\"\nmodel Lost = \"lost\"\ndomain D = tokens[2] of 0..3\n"
    "claim good \"a <b> & 'c'\" { forall t in D prove logits(M, t)[last, 0] < 1000 because \"x < y\" }\n"
    "claim bad { forall t in D prove argmax(logits(M, t)[last]) == 0 }\n"
    "claim open { count t in D : argmax(logits(M, t)[last]) == 1 }\n"
    "claim empty { forall t in D where t[0] > 9 prove argmax(logits(M, t)[last]) == 0 }\n"
    "claim unread { count t in D : argmax(logits(Lost, t)[last]) == 1 }\n";
static const enum verdict verdicts[] = {VERDICT_PROVED, VERDICT_REFUTED, VERDICT_UNDECIDED, VERDICT_VACUOUS, VERDICT_UNDECIDED};
#define N 5

/* The page of five claims; the verdicts are set here, as no checker is asked. */
static char *page_of_all(void) {
    char path[] = "/tmp/check_report.XXXXXX", *page = NULL;
    int fd = mkstemp(path);
    struct claims c = {0};
    struct claims_options options = {0};
    struct result results[N];
    struct diag d;
    size_t size = 0;
    ck_assert_int_ge(fd, 0);
    diag_init(&d);
    char *here = realpath("examples/max4_s123.safetensors", NULL);
    char *lost = realpath("tests/bad/other/model.gguf", NULL);
    const struct setting models[] = {{"M", here}, {"Lost", lost}};
    options.models = models;
    options.n_models = 2;
    ck_assert_int_eq(file_write(path, source, sizeof source - 1, &d), STATUS_OK);
    ck_assert_int_eq(claims_read(&c, path, &options, &d), STATUS_OK);
    ck_assert_uint_eq(c.n_statements, N);
    for (size_t i = 0; i < N; i++) {
        judge_skip(&results[i], &c.statements[i], "a reason <with> marks");
        results[i].verdict = verdicts[i];
    }
    const struct run_record record = {.claims = &c, .results = results, .n = N};
    ck_assert_int_eq(html_report_write(&record, path, &d), STATUS_OK);
    ck_assert_int_eq(file_read(&page, &size, path, (size_t)1 << 26, &d), STATUS_OK);
    ck_assert_uint_eq(strlen(page), size);
    for (size_t i = 0; i < N; i++) result_clear(&results[i]);
    claims_clear(&c);
    diag_clear(&d);
    free(here);
    free(lost);
    (void)remove(path);
    return page;
}

START_TEST(stands_alone) {
    char *page = page_of_all();
    static const char *const never[] = {"<script", "http://", "https://", "<link", "src='/", "url("};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) ck_assert_msg(!strstr(page, never[i]), "the page holds %s", never[i]);
    free(page);
}
END_TEST

START_TEST(escapes) {
    char *page = page_of_all();
    static const char *const never[] = {"a <b>", "<with>", "x < y"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) ck_assert_msg(!strstr(page, never[i]), "the page holds %s", never[i]);
    ck_assert_ptr_nonnull(strstr(page, "a &lt;b&gt; &amp;"));
    ck_assert_ptr_nonnull(strstr(page, "&lt;with&gt;"));
    free(page);
}
END_TEST

START_TEST(is_whole) {
    char *page = page_of_all();
    size_t size = strlen(page);
    static const char *const names[N] = {"good", "bad", "open", "empty", "unread"};
    for (size_t i = 0; i < N; i++) {
        char heading[64];
        snprintf(heading, sizeof heading, "<h3>%s — %s</h3>", names[i], verdict_name(verdicts[i]));
        ck_assert_msg(strstr(page, heading) != NULL, "no %s", heading);
    }
    ck_assert_ptr_nonnull(strstr(page, "</style>"));
    ck_assert_str_eq(page + size - 15, "</body></html>\n");
    free(page);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report");
    TCase *t = tcase_create("report");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, stands_alone);
    tcase_add_test(t, escapes);
    tcase_add_test(t, is_whole);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
