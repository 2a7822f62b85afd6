/* Status, memory, text, files, hashing, diagnostics, names, JSON, UTF-8, canonical numbers. */
#include <fcntl.h>
#include <sys/stat.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/names.h"
#include "core/number.h"
#include "core/utf8.h"

START_TEST(status_table_is_complete)
{
    for (int i = STATUS_OK; i <= STATUS_INTERNAL; i++) {
        ck_assert(status_name((enum status)i)[0] != '\0');
        ck_assert_int_eq(status_exit((enum status)i) == 0, i == STATUS_OK);
    }
    ck_assert_int_eq(status_exit((enum status)99), status_exit(STATUS_INTERNAL));
}
END_TEST

START_TEST(memory_grows_and_fails_on_request)
{
    size_t room = 0;
    int *p = mem_grow(NULL, &room, 3, sizeof *p), *q;

    ck_assert(p && room >= 3 && p[2] == 0);
    p[2] = 7;
    q = mem_grow(p, &room, 100, sizeof *p);
    ck_assert(q && room >= 100 && q[2] == 7 && q[99] == 0);
    mem_fail_after(2);
    free(mem_string("first"));
    ck_assert_ptr_null(mem_grow(q, &room, 1000, sizeof *q));
    ck_assert_int_eq(q[2], 7);
    free(q);
    q = mem_array(1, 1);
    ck_assert_ptr_nonnull(q);
    free(q);
    ck_assert_ptr_null(mem_array(SIZE_MAX / 2, 4));
    ck_assert_ptr_null(mem_grow(NULL, &room, SIZE_MAX / 2, 4));
    ck_assert_ptr_nonnull(q = mem_array(0, 4));
    free(q);
}
END_TEST

START_TEST(text_keeps_failing_until_cleared)
{
    struct text t = { 0 };

    text_addf(&t, "%d-%s", 12, "x");
    text_add_n(&t, "yz", 1);
    ck_assert_str_eq(t.data, "12-xy");
    mem_fail_after(1);
    for (int i = 0; i < 20; i++)
        text_add(&t, "more than fits");
    mem_fail_after(-1);
    ck_assert(t.failed);
    text_add(&t, "x");
    ck_assert(t.failed);
    text_clear(&t);
    text_add_double(&t, 1e-5);
    text_add(&t, " ");
    text_add_double(&t, 0.1 + 0.2);
    ck_assert_str_eq(t.data, "1e-05 0.30000000000000004");
    text_clear(&t);
}
END_TEST

START_TEST(suggestions)
{
    static const char *const names[] = { "logits", "argmax", "max", "attn" };

    ck_assert_str_eq(text_suggest("logit", names, 4), "logits");
    ck_assert_str_eq(text_suggest("agrmax", names, 4), "argmax");
    ck_assert_str_eq(text_suggest("atn", names, 4), "attn");
    ck_assert_ptr_null(text_suggest("position", names, 4));
}
END_TEST

/* What is no ordinary file stays what it is. */
static void pipe_is_written_through(const char *path)
{
    struct stat info;
    struct diag d;
    char got[4] = "";

    diag_init(&d);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_NONBLOCK);
    ck_assert_int_ge(reader, 0);
    ck_assert_int_eq(file_write(path, "abc", 3, &d), STATUS_OK);
    ck_assert_int_eq(read(reader, got, 3), 3);
    ck_assert_str_eq(got, "abc");
    ck_assert(stat(path, &info) == 0 && S_ISFIFO(info.st_mode));
    close(reader);
    unlink(path);
    diag_clear(&d);
}

START_TEST(files_whole_or_not_at_all)
{
    char path[] = "/tmp/weightproof-check-XXXXXX", *data, *beside;
    struct diag d;
    size_t size;
    int fd = mkstemp(path);

    ck_assert(fd >= 0);
    close(fd);
    diag_init(&d);
    ck_assert_int_eq(file_write(path, "abc\0d", 5, &d), STATUS_OK);
    ck_assert_int_eq(file_read(&data, &size, path, 5, &d), STATUS_OK);
    ck_assert(size == 5 && memcmp(data, "abc\0d", 6) == 0);
    free(data);
    ck_assert_int_eq(file_read(&data, &size, path, 4, &d), STATUS_INPUT);
    ck_assert_int_eq(file_write("/nonexistent/x", "a", 1, &d), STATUS_IO);
    unlink(path);
    pipe_is_written_through(path);
    ck_assert_int_eq(file_read(&data, &size, path, 5, &d), STATUS_IO);
    ck_assert_int_eq(file_read(&data, &size, "tests", 5, &d), STATUS_IO);
    ck_assert_int_eq(file_read(&data, &size, "examples/max4_s132.safetensors", 5, &d), STATUS_IO);
    ck_assert_str_eq(d.messages[4].help, "did you mean 'examples/max4_s123.safetensors'?");
    diag_clear(&d);
    ck_assert_str_eq(beside = path_beside("a/b.claims", "c.pt"), "a/c.pt");
    free(beside);
    ck_assert_str_eq(beside = path_beside("b.claims", "c.pt"), "c.pt");
    free(beside);
    ck_assert_str_eq(beside = path_beside("a/b.claims", "/c.pt"), "/c.pt");
    free(beside);
}
END_TEST

START_TEST(sha256_vectors)
{
    char hex[SHA256_HEX];

    sha256_hex(hex, "", 0);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    struct sha256 pieces;
    sha256_begin(&pieces);
    sha256_add(&pieces, "a", 1);
    sha256_add(&pieces, NULL, 0);
    sha256_add(&pieces, "bc", 2);
    sha256_end(hex, &pieces);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(hex, "abc", 3);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

static char *printed(const struct diag *d)
{
    char *out;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    ck_assert_ptr_nonnull(f);
    diag_print(d, f);
    (void)fclose(f);
    return out;
}

START_TEST(diagnostics_show_the_place)
{
    static const char source[] = "claims 1\n\tprove \xc3\xa9 == attn(M, 1)\n";
    struct diag d;
    char *out;

    diag_init(&d);
    ck_assert_int_eq(diag_at(&d, STATUS_INPUT, (struct diag_place){ "a.claims", source, sizeof source - 1, 30, 1 }, "M has 1 layer (0..0)", "use layer 0",
                             "layer %d out of range", 1), STATUS_INPUT);
    ck_assert_int_eq(diag_fail(&d, STATUS_IO, "cannot read '%s'", "\x1b[31mx"), STATUS_IO);
    out = printed(&d);
    ck_assert_str_eq(out, "error: layer 1 out of range\n --> a.claims:2:22\n  |\n2 | \tprove \xc3\xa9 == attn(M, 1)\n  | \t                   ^ M has 1 layer (0..0)\n"
                          "  = help: use layer 0\nerror: cannot read '?[31mx'\n");
    free(out);
    diag_clear(&d);
    for (int i = 0; i < DIAG_MAX + 3; i++)
        ck_assert_int_eq(diag_fail(&d, STATUS_INPUT, "%d", i), STATUS_INPUT);
    ck_assert(d.n == DIAG_MAX && d.dropped == 3);
    diag_clear(&d);
    mem_fail_after(1);
    ck_assert_int_eq(diag_fail(&d, STATUS_INPUT, "x"), STATUS_INPUT);
    mem_fail_after(-1);
    ck_assert(d.n == 0 && d.dropped == 1);
    diag_clear(&d);
}
END_TEST

START_TEST(diagnostics_move_with_their_place)
{
    static const char source[] = "claims 1\nclaim a { prove 1 / 0 > 0 }\n";
    struct diag from, to;
    struct text line;
    char *out;

    diag_init(&from);
    diag_init(&to);
    text_init(&line);
    ck_assert_int_eq(diag_at(&from, STATUS_INPUT, (struct diag_place){ "a.claims", source, sizeof source - 1, 29, 1 }, "k=1", NULL, "division by zero"), STATUS_INPUT);
    diag_line(&line, &from.messages[0]);
    ck_assert_str_eq(line.data, "division by zero (line 2:21, k=1)");
    diag_move(&to, &from, "claim 'a': ");
    ck_assert(from.n == 0 && !from.messages && to.n == 1);
    out = printed(&to);
    ck_assert_str_eq(out, "error: claim 'a': division by zero\n --> a.claims:2:21\n  |\n2 | claim a { prove 1 / 0 > 0 }\n  |                     ^ k=1\n");
    free(out);
    for (int i = 0; i < DIAG_MAX + 3; i++)
        ck_assert_int_eq(diag_fail(&from, STATUS_INPUT, "%d", i), STATUS_INPUT);
    diag_move(&to, &from, "");
    ck_assert(to.n == DIAG_MAX && to.dropped == 4);
    diag_clear(&to);
    text_clear(&line);
}
END_TEST

START_TEST(names_find_what_was_added)
{
    static char keys[1000][8];
    struct names s = { 0 };
    bool old;

    ck_assert_int_eq(names_find(&s, "a", 1), -1);
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%zu", i * 7 % 1000);
        ck_assert(names_add(&s, keys[i], strlen(keys[i]), i, &old) && !old);
    }
    for (size_t i = 0; i < 1000; i++) {
        ck_assert_int_eq(names_find(&s, keys[i], strlen(keys[i])), (long)i);
        ck_assert(names_add(&s, keys[i], strlen(keys[i]), 5, &old) && old);
    }
    ck_assert_int_eq(names_find(&s, "1000", 4), -1);
    names_clear(&s);
}
END_TEST

static const struct { const char *text; enum json_numbers numbers; bool good; } json_cases[] = {
    { "{}", JSON_COUNTS, true }, { " [1, 2.5e-3, -0, true, null, \"\\u00e9\\ud83d\\ude00\\n\"] ", JSON_ANY_NUMBER, true },
    { "{\"a\":{\"a\":1},\"b\":[{\"a\":1}]}", JSON_COUNTS, true }, { "9007199254740992", JSON_COUNTS, true }, { "\"\xf0\x9f\x98\x80\"", JSON_ANY_NUMBER, true },
    { "", JSON_ANY_NUMBER, false }, { "9007199254740993", JSON_COUNTS, false }, { "1.0", JSON_COUNTS, false }, { "-1", JSON_COUNTS, false },
    { "01", JSON_ANY_NUMBER, false }, { "1.", JSON_ANY_NUMBER, false }, { ".5", JSON_ANY_NUMBER, false }, { "+1", JSON_ANY_NUMBER, false },
    { "1e", JSON_ANY_NUMBER, false }, { "nan", JSON_ANY_NUMBER, false }, { "{\"a\":1,}", JSON_ANY_NUMBER, false }, { "[1,]", JSON_ANY_NUMBER, false },
    { "{\"a\" 1}", JSON_ANY_NUMBER, false }, { "{a:1}", JSON_ANY_NUMBER, false }, { "{\"a\":1,\"\\u0061\":2}", JSON_ANY_NUMBER, false }, { "\"\\x\"", JSON_ANY_NUMBER, false },
    { "\"\\ude00\"", JSON_ANY_NUMBER, false }, { "\"\\ud83d\"", JSON_ANY_NUMBER, false }, { "\"\\ud83dx\"", JSON_ANY_NUMBER, false }, { "\"a", JSON_ANY_NUMBER, false },
    { "\"\t\"", JSON_ANY_NUMBER, false }, { "\"\xc0\xaf\"", JSON_ANY_NUMBER, false }, { "\"\xed\xa0\x80\"", JSON_ANY_NUMBER, false }, { "\xef\xbb\xbf{}", JSON_ANY_NUMBER, false },
    { "{} {}", JSON_ANY_NUMBER, false }, { "'a'", JSON_ANY_NUMBER, false }, { "// x\n1", JSON_ANY_NUMBER, false },
};

START_TEST(json_grammar)
{
    struct json_fault fault = { 0 };
    enum status s = json_check(json_cases[_i].text, strlen(json_cases[_i].text), json_cases[_i].numbers, &fault);

    ck_assert_int_eq(s, json_cases[_i].good ? STATUS_OK : STATUS_INPUT);
    ck_assert(json_cases[_i].good || fault.what[0]);
}
END_TEST

static void round_trip(double x)
{
    struct text t = { 0 };
    double y;

    number_add_hex(&t, x);
    ck_assert(!t.failed && number_from_hex(&y, t.data, t.size) && y == x);
    ck_assert(strtod(t.data, NULL) == x);
    text_clear(&t);
}

START_TEST(canonical_numbers_round_trip)
{
    uint64_t state = 1;

    round_trip(0x1p-1074);
    round_trip(0x1.fffffffffffffp-1023);
    round_trip(-0x1.fffffffffffffp1023);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits;
        double x;
        state = state * 6364136223846793005u + 1442695040888963407u;
        bits = state ^ state >> 29;
        if (i % 3 == 0)
            bits &= 0xffffff0000000000u; /* few digits */
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x))
            round_trip(x);
    }
}
END_TEST

START_TEST(canonical_numbers_are_strict)
{
    static const char *const bad[] = { "", "-", "00", "-0", "1", "0x1", "0x1p", "0x1p-", "0x1p+1", "0x1p00", "0x1p01", "0x1p-0", "0x1p1024", "0x1p-1075", "0x1.p0", "0x1.0p0",
                                       "0x1.80p0", "0x1.Ap0", "0X1p0", "0x1P0", "0x0p0", "0x2p0", "0x1.12345678901234p0", "0x1.8p-1074", "0x1.fffffffffffffp-1023x", "0x1p1 ",
                                       " 0x1p1", "+0x1p1", "0x1.8", "inf", "nan", "0x1p99999999999" };
    struct text t = { 0 };
    double x;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!number_from_hex(&x, bad[i], strlen(bad[i])), "%s", bad[i]);
    ck_assert(number_from_hex(&x, "0", 1) && x == 0 && !signbit(x));
    ck_assert(number_from_hex(&x, "-0x1.8p-1", 9) && x == -0.75);
    number_add_hex(&t, -0.0);
    ck_assert_str_eq(t.data, "0");
    number_add_hex(&t, (double)INFINITY);
    ck_assert(t.failed);
    text_clear(&t);
}
END_TEST

START_TEST(utf8_text)
{
    ck_assert(utf8_is_text("a\xc3\xa9", 3) && utf8_is_text("", 0));
    ck_assert(!utf8_is_text("\xc3", 1) && !utf8_is_text("a\0", 2) && !utf8_is_text("\x1b", 1) && !utf8_is_text("\xf5\x80\x80\x80", 4));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("core");
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits"), *errors = tcase_create("Errors");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_add_test(core, status_table_is_complete);
    tcase_add_test(core, suggestions);
    tcase_add_test(core, files_whole_or_not_at_all);
    tcase_add_test(core, sha256_vectors);
    tcase_add_test(core, diagnostics_show_the_place);
    tcase_add_test(core, diagnostics_move_with_their_place);
    tcase_add_test(core, names_find_what_was_added);
    tcase_add_test(core, canonical_numbers_round_trip);
    tcase_add_test(core, utf8_text);
    tcase_add_test(limits, memory_grows_and_fails_on_request);
    tcase_add_test(limits, text_keeps_failing_until_cleared);
    tcase_add_test(errors, canonical_numbers_are_strict);
    tcase_add_loop_test(errors, json_grammar, 0, sizeof json_cases / sizeof *json_cases);
    suite_add_tcase(s, core);
    suite_add_tcase(s, limits);
    suite_add_tcase(s, errors);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
