/* Data arrays: canonical text both ways on random arrays, types, hashes; each file of tests/bad/array is refused (check_bad has the messages). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "core/mem.h"
#include "models/data_array.h"

static void fill(struct data_array *a, unsigned seed)
{
    srand(seed);
    *a = (struct data_array){ .rank = 1 + (size_t)rand() % 3 };
    for (size_t i = 0; i < a->rank; i++)
        a->shape[i] = 1 + (size_t)rand() % 5;
    a->data = mem_array(data_array_count(a), sizeof *a->data);
    for (size_t i = 0; i < data_array_count(a); i++) {
        double x = ldexp((double)(rand() % 2000001 - 1000000), seed % 3 == 0 ? 0 : rand() % 2000 - 1050);
        a->data[i] = rand() % 8 == 0 || !isfinite(x) ? 0 : x;
    }
}

START_TEST(written_and_read)
{
    struct data_array a, b;
    struct text t, again;
    struct diag d;
    char sha[SHA256_HEX];

    fill(&a, (unsigned)_i);
    diag_init(&d);
    text_init(&t);
    text_init(&again);
    ck_assert_int_eq(data_array_write(&t, &a), STATUS_OK);
    ck_assert(data_array_is_text(t.data, t.size));
    ck_assert_int_eq(data_array_parse(&b, "a.arr", t.data, t.size, &d), STATUS_OK);
    ck_assert_uint_eq(b.rank, a.rank);
    ck_assert_mem_eq(b.shape, a.shape, a.rank * sizeof *a.shape);
    for (size_t i = 0; i < data_array_count(&a); i++)
        ck_assert(a.data[i] == b.data[i]);
    ck_assert_int_eq(b.whole, data_array_whole(a.data, data_array_count(&a)));
    if (_i % 3 == 0)
        ck_assert(b.whole);
    sha256_hex(sha, t.data, t.size);
    ck_assert_str_eq(sha, b.sha256);
    ck_assert_int_eq(data_array_write(&again, &b), STATUS_OK);
    ck_assert_str_eq(t.data, again.data);
    data_array_clear(&a);
    data_array_clear(&b);
    text_clear(&t);
    text_clear(&again);
    diag_clear(&d);
}
END_TEST

/* Every byte changed to every one of a few others: read as something that writes back to the changed text, or refused with one message. */
START_TEST(one_byte_changed)
{
    static const char text[] = "weightproof-array 1\nshape 2 2\n0x1p0 0\n-0x1.8p1 0x1p-3\nend\n", others[] = "0 1\n-.px2ae\r\x80";
    for (size_t at = 0; at + 1 < sizeof text; at++)
        for (size_t k = 0; k + 1 < sizeof others; k++) {
            char changed[sizeof text];
            struct data_array a;
            struct text t;
            struct diag d;
            memcpy(changed, text, sizeof text);
            changed[at] = others[k];
            diag_init(&d);
            text_init(&t);
            if (data_array_parse(&a, "a.arr", changed, sizeof text - 1, &d) == STATUS_OK) {
                ck_assert_int_eq(data_array_write(&t, &a), STATUS_OK);
                ck_assert_str_eq(t.data, changed);
                data_array_clear(&a);
            } else
                ck_assert_uint_eq(d.n, 1);
            text_clear(&t);
            diag_clear(&d);
        }
}
END_TEST

START_TEST(without_memory)
{
    for (long n = 0, s = STATUS_MEMORY; s == STATUS_MEMORY; n++) {
        struct data_array a = { 0 };
        struct diag d;
        diag_init(&d);
        mem_fail_after(n);
        s = data_array_read(&a, "tests/data/claims/x.arr", NULL, &d);
        mem_fail_after(-1);
        ck_assert(s == STATUS_OK || (s == STATUS_MEMORY && a.data == NULL));
        data_array_clear(&a);
        diag_clear(&d);
        ck_assert_int_lt(n, 100);
    }
}
END_TEST

START_TEST(member_of_text)
{
    struct data_array a;
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(data_array_read(&a, "tests/data/claims/x.arr", "direction", &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[0].text, "cannot read 'tests/data/claims/x.arr': a .arr file is one array and has no member 'direction'");
    diag_clear(&d);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("data arrays");
    TCase *core = tcase_create("Core"), *errors = tcase_create("Errors");
    SRunner *runner = srunner_create(s);

    tcase_add_loop_test(core, written_and_read, 0, 60);
    tcase_add_test(errors, one_byte_changed);
    tcase_add_test(errors, without_memory);
    tcase_add_test(errors, member_of_text);
    suite_add_tcase(s, core);
    suite_add_tcase(s, errors);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
