/* NumPy's files: the same numbers as in the safetensors file written beside them; arrays by name; sources that lead to the bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "core/text.h"
#include "models/decode.h"
#include "models/npy.h"

#define FOLDER "tests/data/npy/"
static const char *const archives[] = { FOLDER "stored.npz", FOLDER "deflated.npz", FOLDER "versions.npz" };
static const char *const singles[] = { "f4_big", "fortran", "scalar" };

static void read_checkpoint(struct checkpoint *c, const char *path)
{
    struct diag d;
    enum status s;

    diag_init(&d);
    s = checkpoint_read(c, path, &d);
    diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    diag_clear(&d);
}

static struct tensor *find(const struct checkpoint *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return &c->tensors[i];
    ck_abort_msg("%s", name);
    return NULL;
}

static void same(struct tensor *x, struct tensor *y)
{
    ck_assert(tensor_need(x) && tensor_need(y));
    ck_assert(x->rank == y->rank && memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) == 0);
    ck_assert_int_eq(x->source.dtype, y->source.dtype);
    for (size_t i = 0; i < tensor_count(x); i++)
        ck_assert_msg(x->data[i] == y->data[i], "%s [%zu]", x->name, i);
}

START_TEST(same_as_safetensors)
{
    struct checkpoint a, b;

    read_checkpoint(&a, archives[_i]);
    read_checkpoint(&b, FOLDER "arrays.safetensors");
    ck_assert_str_eq(a.format, "npz");
    ck_assert_uint_eq(a.n, b.n);
    for (size_t i = 0; i < a.n; i++)
        same(&a.tensors[i], find(&b, a.tensors[i].name));
    checkpoint_clear(&a);
    checkpoint_clear(&b);
}
END_TEST

START_TEST(a_file_of_one_array)
{
    struct checkpoint a, b;
    char path[100];

    (void)snprintf(path, sizeof path, FOLDER "%s.npy", singles[_i]);
    read_checkpoint(&a, path);
    read_checkpoint(&b, FOLDER "arrays.safetensors");
    ck_assert_str_eq(a.format, "npy");
    ck_assert_uint_eq(a.n, 1);
    same(&a.tensors[0], find(&b, singles[_i]));
    checkpoint_clear(&a);
    checkpoint_clear(&b);
}
END_TEST

START_TEST(strings_are_facts)
{
    struct checkpoint c;

    read_checkpoint(&c, archives[0]);
    ck_assert_uint_eq(c.n_facts, 1);
    ck_assert_str_eq(c.facts[0].key, "note");
    ck_assert_str_eq(c.facts[0].value, "two words: \u00e9\u20ac");
    ck_assert_str_eq(c.config, "{\"seed\": 3}");
    checkpoint_clear(&c);
}
END_TEST

/* Little-endian numbers that are not compressed stand in the file as the source says; the others are not bound. */
START_TEST(sources_lead_to_the_bytes)
{
    struct checkpoint c;
    struct diag d;
    size_t size, bound = 0;
    char *data;

    diag_init(&d);
    read_checkpoint(&c, archives[_i]);
    ck_assert_int_eq(file_read(&data, &size, archives[_i], 1 << 20, &d), STATUS_OK);
    for (size_t i = 0; i < c.n; i++) {
        struct tensor t = c.tensors[i];
        ck_assert(!(t.source.bound && t.source.big_endian));
        if (!t.source.bound)
            continue;
        bound++;
        t.data = NULL;
        ck_assert_int_eq(tensor_decode(&t, (const unsigned char *)data + t.source.offset, "x", &d), STATUS_OK);
        same(&t, &c.tensors[i]);
        free(t.data);
    }
    ck_assert(_i == 1 ? bound < c.n / 2 : bound > c.n / 2);
    free(data);
    checkpoint_clear(&c);
}
END_TEST

static void expect_array(const char *path, const char *name, size_t rank, double first)
{
    struct array a;
    struct diag d;
    char sha256[65];

    diag_init(&d);
    ck_assert_int_eq(array_read(&a, sha256, path, name, &d), STATUS_OK);
    ck_assert_uint_eq(a.rank, rank);
    ck_assert(a.data[0] == first);
    ck_assert_uint_eq(strlen(sha256), 64);
    array_clear(&a);
}

START_TEST(arrays_for_claims)
{
    expect_array(FOLDER "scalar.npy", NULL, 0, 2.5);
    expect_array(FOLDER "stored.npz", "scalar", 0, 2.5);
    expect_array(FOLDER "deflated.npz", "u2_big", 1, 0);
    expect_array(FOLDER "fortran.npy", NULL, 3, 0);
    expect_array(FOLDER "arrays.safetensors", "i1_little", 1, -128);
}
END_TEST

static const struct { const char *path, *name, *message; } wrong[] = {
    { FOLDER "stored.npz", NULL, "cannot read '" FOLDER "stored.npz': 30 arrays in it, say which one as in \"" FOLDER "stored.npz\"[\"f2_little\"]: 'f2_little', 'f2_big', "
      "'f4_little', 'f4_big', 'f8_little', 'f8_big', 'i1_little', 'i1_big', ... (30 in all)" },
    { FOLDER "scalar.npy", "x", "cannot read '" FOLDER "scalar.npy': there is no array 'x' in it, there is 'scalar'" },
    { "tests/bad/numpy/weight_nan.npz", "b", "cannot read 'tests/bad/numpy/weight_nan.npz': tensor 'b': entry [1] is not a number (NaN)" },
    { FOLDER "none.npy", NULL, "cannot read '" FOLDER "none.npy': there is no such file" },
};

START_TEST(arrays_that_are_not_there)
{
    struct array a = { 0 };
    struct diag d;
    char sha256[65];

    diag_init(&d);
    ck_assert_int_ne(array_read(&a, sha256, wrong[_i].path, wrong[_i].name, &d), STATUS_OK);
    ck_assert_uint_eq(d.n, 1);
    ck_assert_str_eq(d.messages[0].text, wrong[_i].message);
    ck_assert_ptr_null(a.data);
    diag_clear(&d);
}
END_TEST

/* Every shorter file and every one with another byte in the header is read or refused with a message. */
START_TEST(truncated_or_changed)
{
    struct diag d;
    size_t size;
    char *data;

    diag_init(&d);
    ck_assert_int_eq(file_read(&data, &size, FOLDER "fortran.npy", 1 << 20, &d), STATUS_OK);
    for (size_t n = 0; n < size; n++) {
        struct checkpoint c;
        ck_assert_int_eq(checkpoint_parse(&c, "x.npy", data, n, &d), STATUS_INPUT);
        diag_clear(&d);
    }
    for (size_t i = 0; i < 128; i++) {
        struct checkpoint c = { 0 };
        char old = data[i];
        data[i] = (char)(old ^ 0x10);
        ck_assert((checkpoint_parse(&c, "x.npy", data, size, &d) == STATUS_OK) == (d.n == 0));
        checkpoint_clear(&c);
        diag_clear(&d);
        data[i] = old;
    }
    free(data);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("npy");
    TCase *core = tcase_create("Core"), *errors = tcase_create("Errors");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_add_loop_test(core, same_as_safetensors, 0, sizeof archives / sizeof *archives);
    tcase_add_loop_test(core, a_file_of_one_array, 0, sizeof singles / sizeof *singles);
    tcase_add_test(core, strings_are_facts);
    tcase_add_loop_test(core, sources_lead_to_the_bytes, 0, sizeof archives / sizeof *archives);
    tcase_add_test(core, arrays_for_claims);
    tcase_add_loop_test(errors, arrays_that_are_not_there, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(errors, truncated_or_changed);
    suite_add_tcase(s, core);
    suite_add_tcase(s, errors);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
