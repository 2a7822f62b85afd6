/* PyTorch checkpoints: the same tensors as in the safetensors file written beside them; sources that lead to the bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "models/checkpoint.h"
#include "models/decode.h"
#include "core/text.h"

static const char *const pairs[] = { "dtypes", "nested", "parameters", "protocol_4", "protocol_5", "strided", "buffers", "no_checksums",
                                     "module", "module_protocol_5", "module_beside_optimizer", "losses_beside", "ordered", "typed" };

static void read_checkpoint(struct checkpoint *c, const char *name, const char *extension)
{
    char path[200];
    struct diag d;
    enum status s;

    (void)snprintf(path, sizeof path, "tests/data/torch/%s.%s", name, extension);
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

START_TEST(same_as_safetensors)
{
    struct checkpoint a, b;

    read_checkpoint(&a, pairs[_i], "pt");
    read_checkpoint(&b, pairs[_i], "safetensors");
    ck_assert_str_eq(a.format, "torch");
    ck_assert_uint_eq(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) {
        struct tensor *x = &a.tensors[i], *y = find(&b, x->name);
        ck_assert(x->rank == y->rank && memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) == 0);
        ck_assert_int_eq(x->source.dtype, y->source.dtype);
        ck_assert(tensor_count(x) == 0 || tensor_entry(x, tensor_count(x) / 2) == tensor_entry(y, tensor_count(x) / 2));
        ck_assert(tensor_need(x) && tensor_need(y));
        for (size_t j = 0; j < tensor_count(x); j++)
            ck_assert(x->data[j] == y->data[j] && tensor_entry(x, j) == x->data[j]);
    }
    checkpoint_clear(&a);
    checkpoint_clear(&b);
}
END_TEST

/* Decoding the bytes of the outer file at offset and strides gives the values again. */
static void follow_source(const char *path)
{
    struct checkpoint c;
    struct diag d;
    char *data;
    size_t size;

    diag_init(&d);
    ck_assert_int_eq(checkpoint_read(&c, path, &d), STATUS_OK);
    ck_assert_int_eq(file_read(&data, &size, path, 1 << 24, &d), STATUS_OK);
    for (size_t i = 0; i < c.n; i++) {
        struct tensor t = c.tensors[i];
        ck_assert_msg(t.source.bound, "%s", t.name);
        t.data = NULL;
        ck_assert_int_eq(tensor_decode(&t, (const unsigned char *)data + t.source.offset, path, &d), STATUS_OK);
        for (size_t j = 0; j < tensor_count(&t); j++)
            ck_assert(t.data[j] == tensor_entry(&c.tensors[i], j));
        free(t.data);
    }
    free(data);
    checkpoint_clear(&c);
}

START_TEST(sources_lead_to_the_bytes)
{
    follow_source("tests/data/torch/strided.pt");
    follow_source("tests/data/torch/dtypes.pt");
    follow_source("tests/data/torch/strided.safetensors");
    follow_source("examples/palindrome_v6_n8_s1.pt");
    follow_source("examples/modadd29.safetensors");
}
END_TEST

/* Values of a key stated beside the tensors. */
static const char *fact(const struct checkpoint *c, const char *key)
{
    for (size_t i = 0; i < c->n_facts; i++)
        if (strcmp(c->facts[i].key, key) == 0)
            return c->facts[i].value;
    return "";
}

START_TEST(a_module_is_read_as_data)
{
    struct checkpoint c;

    read_checkpoint(&c, "module_beside_optimizer", "pt");
    ck_assert_str_eq(fact(&c, "pickled module"), "torch.nn.parallel.data_parallel.DataParallel (its tensors read as data, nothing executed)");
    ck_assert_str_eq(fact(&c, "optimizer"), "(an optimizer's state, not read)");
    ck_assert_str_eq(fact(&c, "epoch"), "7");
    ck_assert_str_eq(fact(&c, "loss"), "0.25");
    ck_assert_str_eq(fact(&c, "losses"), "(something else)");
    checkpoint_clear(&c);
}
END_TEST

static enum status read_choice(struct checkpoint *c, const char *path, const char *choice, char **data, struct diag *d)
{
    size_t size;

    ck_assert_int_eq(file_read(data, &size, path, 1 << 24, d), STATUS_OK);
    return checkpoint_parse_choice(c, path, *data, size, choice, d);
}

START_TEST(a_state_dict_is_chosen)
{
    static const char path[] = "tests/data/torch/chosen.pt";
    struct checkpoint c;
    struct diag d;
    char *data;

    diag_init(&d);
    ck_assert_int_eq(read_choice(&c, path, "runs.1", &data, &d), STATUS_OK);
    ck_assert(c.n == 1 && tensor_count(&c.tensors[0]) == 2 && tensor_entry(&c.tensors[0], 1) == 1);
    checkpoint_clear(&c);
    free(data);
    ck_assert_int_eq(read_choice(&c, path, NULL, &data, &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[0].text, "cannot read 'tests/data/torch/chosen.pt': more than one state dict in it ('G', 'runs.0', 'runs.1'): say which with --set state_dict=KEY");
    diag_clear(&d);
    free(data);
    ck_assert_int_eq(read_choice(&c, path, "D", &data, &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[0].text, "cannot read 'tests/data/torch/chosen.pt': there is no state dict 'D' in it, there is 'G', 'runs.0', 'runs.1'");
    diag_clear(&d);
    free(data);
    ck_assert_int_eq(read_choice(&c, "tests/data/torch/ordered.pt", "D", &data, &d), STATUS_INPUT);
    ck_assert_str_eq(d.messages[0].text, "cannot read 'tests/data/torch/ordered.pt': there is no state dict 'D' in it, only the file as a whole is one");
    diag_clear(&d);
    free(data);
}
END_TEST

START_TEST(what_stands_beside_the_state_dict_is_noted)
{
    struct checkpoint c;
    bool epoch = false;

    read_checkpoint(&c, "nested", "pt");
    ck_assert_uint_eq(c.n, 2);
    for (size_t i = 0; i < c.n_facts; i++)
        epoch |= strcmp(c.facts[i].key, "epoch") == 0 && strcmp(c.facts[i].value, "3") == 0;
    ck_assert(epoch);
    checkpoint_clear(&c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("torch");
    TCase *core = tcase_create("Core");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_add_loop_test(core, same_as_safetensors, 0, sizeof pairs / sizeof *pairs);
    tcase_add_test(core, sources_lead_to_the_bytes);
    tcase_add_test(core, a_module_is_read_as_data);
    tcase_add_test(core, a_state_dict_is_chosen);
    tcase_add_test(core, what_stands_beside_the_state_dict_is_noted);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
