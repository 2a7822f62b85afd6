/* safetensors: what must be accepted, and the values of every dtype. Refusals: check_bad.c. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/text.h"
#include "models/checkpoint.h"

/* A file with the given header text and data. */
static enum status parse(struct checkpoint *c, const char *header, const void *data, size_t size)
{
    static char file[200000];
    size_t n = strlen(header);
    struct diag d;
    enum status s;

    for (int i = 0; i < 8; i++)
        file[i] = (char)(n >> 8 * i & 255);
    memcpy(file + 8, header, n);
    if (size)
        memcpy(file + 8 + n, data, size);
    diag_init(&d);
    s = checkpoint_parse(c, "test.safetensors", file, 8 + n + size, &d);
    diag_print(&d, stderr);
    diag_clear(&d);
    return s;
}

static const struct { const char *dtype, *bytes; size_t size; double value; } values[] = {
    { "F64", "\0\0\0\0\0\0\xf8\xbf", 8, -1.5 }, { "F64", "\1\0\0\0\0\0\0\0", 8, 0x1p-1074 }, { "F32", "\0\0\xc0\x3f", 4, 1.5 }, { "F32", "\1\0\0\0", 4, 0x1p-149 },
    { "F16", "\0\x3c", 2, 1 }, { "F16", "\1\0", 2, 0x1p-24 }, { "F16", "\xff\x7b", 2, 65504 }, { "F16", "\0\xc0", 2, -2 }, { "F16", "\xff\x03", 2, 1023 * 0x1p-24 },
    { "BF16", "\x80\x3f", 2, 1 }, { "BF16", "\1\0", 2, 0x1p-133 }, { "BF16", "\x7f\x7f", 2, 0x1.fep127 },
    { "I64", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, -1 }, { "I64", "\0\0\0\0\0\0\0\x80", 8, -0x1p63 }, { "I32", "\0\0\0\x80", 4, -0x1p31 }, { "I16", "\xff\x7f", 2, 32767 },
    { "I8", "\x80", 1, -128 }, { "U8", "\xff", 1, 255 }, { "BOOL", "\1", 1, 1 },
};

START_TEST(dtypes_are_exact)
{
    char header[200];
    struct checkpoint c;

    (void)snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,%zu]}}", values[_i].dtype, values[_i].size);
    ck_assert_int_eq(parse(&c, header, values[_i].bytes, values[_i].size), STATUS_OK);
    ck_assert(tensor_entry(&c.tensors[0], 0) == values[_i].value);
    checkpoint_clear(&c);
}
END_TEST

/* All finite halves against the definition. */
START_TEST(all_halves)
{
    static unsigned char bytes[2 * 63488];
    struct checkpoint c;
    size_t n = 0;

    for (unsigned v = 0; v < 65536; v++)
        if ((v >> 10 & 31) != 31) {
            bytes[n++] = (unsigned char)(v & 255);
            bytes[n++] = (unsigned char)(v >> 8);
        }
    ck_assert_int_eq(parse(&c, "{\"a\":{\"dtype\":\"F16\",\"shape\":[63488],\"data_offsets\":[0,126976]}}", bytes, n), STATUS_OK);
    for (size_t i = 0; i < n / 2; i++) {
        unsigned v = (unsigned)bytes[2 * i] | (unsigned)bytes[2 * i + 1] << 8, e = v >> 10 & 31;
        double x = ((v & 1023) + (e ? 1024 : 0)) * pow(2, (double)(e ? e : 1) - 25);
        ck_assert(tensor_entry(&c.tensors[0], i) == (v >> 15 ? -x : x));
    }
    checkpoint_clear(&c);
}
END_TEST

static const char *const accepted[] = {
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[0,4]}}",
    " \n\t{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}  \n",
    "{\"__metadata__\":null,\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
    "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[3,4]},\"a\":{\"shape\":[3],\"data_offsets\":[0,3],\"dtype\":\"U8\"}}",
    "{\"z\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[2,2]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
    "\"b\":{\"dtype\":\"I16\",\"shape\":[],\"data_offsets\":[2,4]}}",
};

START_TEST(odd_but_right)
{
    struct checkpoint c;

    ck_assert_int_eq(parse(&c, accepted[_i], "\1\2\3\4", 4), STATUS_OK);
    ck_assert(c.tensors[0].source.bound && c.tensors[0].source.offset == 8 + strlen(accepted[_i]));
    checkpoint_clear(&c);
}
END_TEST

START_TEST(metadata_is_kept)
{
    struct checkpoint c;

    ck_assert_int_eq(parse(&c, "{\"__metadata__\":{\"config\":\"{}\",\"task\":\"max\"},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", "\1", 1), STATUS_OK);
    ck_assert_str_eq(c.config, "{}");
    ck_assert(c.n_facts == 1 && strcmp(c.facts[0].key, "task") == 0 && strcmp(c.facts[0].value, "max") == 0);
    checkpoint_clear(&c);
}
END_TEST

/* No prefix of a good file is a good file, and none crashes. */
START_TEST(every_truncation_is_refused)
{
    struct checkpoint c;
    struct diag d;
    char *data;
    size_t size;

    diag_init(&d);
    ck_assert_int_eq(file_read(&data, &size, "tests/data/torch/strided.safetensors", 1 << 20, &d), STATUS_OK);
    for (size_t n = 0; n < size; n++) {
        ck_assert_int_eq(checkpoint_parse(&c, "x.safetensors", data, n, &d), STATUS_INPUT);
        diag_clear(&d);
    }
    free(data);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("safetensors");
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_add_loop_test(core, dtypes_are_exact, 0, sizeof values / sizeof *values);
    tcase_add_test(core, all_halves);
    tcase_add_test(core, metadata_is_kept);
    tcase_add_loop_test(limits, odd_but_right, 0, sizeof accepted / sizeof *accepted);
    tcase_add_test(limits, every_truncation_is_refused);
    suite_add_tcase(s, core);
    suite_add_tcase(s, limits);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
