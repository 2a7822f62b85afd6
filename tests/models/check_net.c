/* Canonical networks: reading and writing are inverse, the table of operations is complete, every byte counts. Refusals: check_bad.c. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "core/mem.h"
#include "models/model.h"

static const char *const models[] = { "examples/max4_s123.safetensors", "examples/modadd29.safetensors", "examples/backdoor_max4_v32_s1.pt",
                                      "examples/palindrome_v6_n8_s1.pt", "examples/sortlist_v12_n5_s1.pt", "examples/induction_v16_n8_s1.pt",
                                      "examples/cumsum12_s1.pt" };

static void load(struct model *m, const char *path)
{
    struct diag d;
    enum status s;

    diag_init(&d);
    s = model_load(m, path, NULL, &d);
    diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    diag_clear(&d);
}

/* The hash made in pieces is that of the text; reading shapes only gives the same graph without numbers. */
START_TEST(identity_and_shapes)
{
    struct model_options shapes = { .shapes_above = 1 };
    struct text text = { 0 };
    struct model m, s;
    struct diag d;
    char hex[SHA256_HEX];

    diag_init(&d);
    load(&m, models[_i]);
    ck_assert_int_eq(net_write(&text, &m.net), STATUS_OK);
    sha256_hex(hex, text.data, text.size);
    ck_assert_str_eq(hex, m.net.sha256);
    ck_assert_int_eq(model_load(&s, models[_i], &shapes, &d), STATUS_OK);
    ck_assert_str_eq(s.file_sha256, m.file_sha256);
    ck_assert_str_eq(s.net.sha256, "");
    ck_assert_uint_eq(s.net.n_tensors, m.net.n_tensors);
    ck_assert_uint_eq(s.net.n_nodes, m.net.n_nodes);
    ck_assert_ptr_null(net_not_binary32(&s.net));
    for (size_t i = 0; i < m.net.n_nodes; i++)
        ck_assert(strcmp(s.net.nodes[i].name, m.net.nodes[i].name) == 0 && s.net.nodes[i].width == m.net.nodes[i].width);
    for (size_t i = 0; i < m.net.n_tensors; i++) {
        struct tensor *x = &m.net.tensors[i], *y = &s.net.tensors[i];
        ck_assert_ptr_null(y->data);
        ck_assert(tensor_need(y) && memcmp(x->data, y->data, tensor_count(x) * sizeof *x->data) == 0);
    }
    text_clear(&text);
    model_clear(&m);
    model_clear(&s);
}
END_TEST

START_TEST(operations_are_complete)
{
    char *page, name[40];
    struct diag d;
    size_t size;

    diag_init(&d);
    ck_assert_int_eq(file_read(&page, &size, "proofs/NETWORK.md", 1 << 20, &d), STATUS_OK);
    for (int i = 0; i < OP_COUNT; i++) {
        ck_assert(op_table[i].name && op_table[i].meaning[0]);
        (void)snprintf(name, sizeof name, "`%s ", op_table[i].name);
        bool found = strstr(page, name);
        (void)snprintf(name, sizeof name, "| `%s` |", op_table[i].name);
        ck_assert_msg(found || strstr(page, name), "NETWORK.md has no row for %s", name);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(op_table[i].name, op_table[j].name);
    }
    free(page);
}
END_TEST

START_TEST(writing_and_reading_are_inverse)
{
    struct model m;
    struct net again;
    struct text a = { 0 }, b = { 0 };
    struct diag d;

    load(&m, models[_i]);
    diag_init(&d);
    ck_assert_int_eq(net_write(&a, &m.net), STATUS_OK);
    ck_assert_int_eq(net_parse(&again, "a.net", a.data, a.size, &d), STATUS_OK);
    ck_assert_str_eq(again.sha256, m.net.sha256);
    ck_assert_int_eq(net_write(&b, &again), STATUS_OK);
    ck_assert(a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
    for (size_t i = 0; i < m.net.n_nodes; i++) {
        const struct node *x = &m.net.nodes[i], *y = &again.nodes[i];
        ck_assert(x->op == y->op && x->width == y->width && x->n_args == y->n_args && x->arg[0] == y->arg[0] && x->n_inputs == y->n_inputs && x->n_w == y->n_w);
        for (size_t j = 0; j < x->n_inputs; j++)
            ck_assert(x->inputs[j] == y->inputs[j] && x->inputs[j] < i);
        for (size_t j = 0; j < x->n_w; j++)
            ck_assert(x->w[j].k == y->w[j].k && x->w[j].m == y->w[j].m && memcmp(x->w[j].data, y->w[j].data, x->w[j].k * x->w[j].m * sizeof(double)) == 0);
    }
    text_clear(&a);
    text_clear(&b);
    net_clear(&again);
    model_clear(&m);
}
END_TEST

START_TEST(structure_by_names)
{
    struct model m;

    load(&m, "examples/palindrome_v6_n8_s1.pt");
    ck_assert_uint_eq(net_layers(&m.net), 2);
    ck_assert_uint_eq(net_heads(&m.net, 1), 2);
    ck_assert_uint_eq(net_heads(&m.net, 2), 0);
    ck_assert(!m.net.causal && m.net.eps == 1e-5);
    ck_assert_str_eq(m.net.nodes[m.net.output].name, "logits");
    ck_assert_int_eq(net_node(&m.net, "nothing"), -1);
    ck_assert_int_ge(net_node(&m.net, "blocks.1.attn.hook_z.1"), 0);
    ck_assert_int_ge(net_tensor(&m.net, "ln_final.w"), 0);
    ck_assert_ptr_null(net_not_binary32(&m.net));
    m.net.tensors[3].data[0] = 0.1;
    ck_assert_str_eq(net_not_binary32(&m.net), m.net.tensors[3].name);
    m.net.tensors[3].data[0] = 0x1p200;
    ck_assert_str_eq(net_not_binary32(&m.net), m.net.tensors[3].name);
    m.net.tensors[3].data[0] = 0x1p-149;
    ck_assert_ptr_null(net_not_binary32(&m.net));
    model_clear(&m);
}
END_TEST

static const char small[] =
    "weightproof-net 1\ntokens 2 2\nmask none\neps 0x1p-10\ntensor E 2 2\n0x1p0 0\n0 -0x1.8p1\ntensor U 2 2\n0x1p0 0x1p-2\n0 0x1p0\n"
    "tensor V 1 2 2\n0x1p0 0\n0 0x1p0\ntensor b 2\n0x1p0 0\nnode x embed E\nnode m layernorm x\nnode n layernorm x b V_row\nnode q linear m V[0]\n"
    "node s score q q 2\nnode p softmax s\nnode z mix p q\nnode r linear z V[0]\nnode y heads r b\nnode w add x y n\nnode g gelu_new w\nnode h silu g\n"
    "node k gelu h\nnode l relu k\nnode logits linear l U b\noutput logits\nend\n";
static const char later[] =
    "weightproof-net 1\nreals 4 3\nmask causal\neps 0x1p-10\ntensor I 2\n0x1p0 0\ntensor J 1 1\n0x1.8p1\ntensor T 4\n0x1p0 0 0 -0x1p0\nnode x input\n"
    "node a row x 2\nnode b select x I\nnode c concat b b\nnode d constant T\nnode e sub c d\nnode f mul e e\nnode g div f d\nnode h max f g\nnode i min f h\n"
    "node k exp i\nnode l sqrt f\nnode m erf l\nnode n tanh m\nnode o sigmoid n\nnode p jumprelu o T\nnode q topk p 3\nnode r rowsoftmax q 2\n"
    "node s maxpool r J\nnode t matmul x c 1 2 2 2\nnode u rmsnorm t T\nnode v rmsnorm u\nnode w score v u 4\nnode y bilinear w w\nnode z mix y a\noutput z\nend\n";
static const char padded[] = "weightproof-net 1\ntokens 2 2\nmask none pad 1\neps 0\ntensor E 2 1\n0\n0x1p0\nnode e embed E\noutput e\nend\n";

/* Text in, the same text out. */
START_TEST(later_operations_parse)
{
    const char *text = _i ? padded : later;
    struct text again = { 0 };
    struct net net;
    struct diag d;

    diag_init(&d);
    enum status s = net_parse(&net, "later.net", text, strlen(text), &d);
    diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    ck_assert_int_eq(net_write(&again, &net), STATUS_OK);
    ck_assert_str_eq(again.data, text);
    ck_assert(net.pad == (_i ? 1 : -1) && net.width_in == (_i ? 0 : 4) && net.d_vocab == (_i ? 2 : 0));
    text_clear(&again);
    net_clear(&net);
    for (size_t n = 0; n < strlen(text); n++) ck_assert_int_eq(net_parse(&net, "later.net", text, n, &d), STATUS_INPUT);
    diag_clear(&d);
}
END_TEST

START_TEST(all_operations_parse)
{
    struct text t = { 0 }, again = { 0 };
    const char *hole = strstr(small, "V_row");
    struct net net;
    struct diag d;

    diag_init(&d);
    text_add_n(&t, small, (size_t)(hole - small));
    text_add(&t, "b"); /* the same vector twice is fine */
    text_add(&t, hole + 5);
    ck_assert_int_eq(net_parse(&net, "small.net", t.data, t.size, &d), STATUS_OK);
    ck_assert_int_eq(net_write(&again, &net), STATUS_OK);
    ck_assert_str_eq(again.data, t.data);
    ck_assert_uint_eq(net.nodes[net_node(&net, "p")].width, 0);
    net_clear(&net);
    /* every prefix is refused, every changed byte refused or another network */
    for (size_t n = 0; n < t.size; n++) {
        char kept = t.data[n];
        ck_assert_int_eq(net_parse(&net, "small.net", t.data, n, &d), STATUS_INPUT);
        t.data[n] = (char)(kept ^ 1);
        if (net_parse(&net, "small.net", t.data, t.size, &d) == STATUS_OK) {
            text_clear(&again);
            ck_assert_int_eq(net_write(&again, &net), STATUS_OK);
            ck_assert_str_eq(again.data, t.data);
            net_clear(&net);
        }
        t.data[n] = kept;
        diag_clear(&d);
    }
    text_clear(&again);
    text_clear(&t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("net");
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_add_loop_test(core, identity_and_shapes, 0, sizeof models / sizeof *models);
    tcase_add_test(core, operations_are_complete);
    tcase_add_loop_test(core, writing_and_reading_are_inverse, 0, sizeof models / sizeof *models);
    tcase_add_test(core, structure_by_names);
    tcase_add_test(limits, all_operations_parse);
    tcase_add_loop_test(limits, later_operations_parse, 0, 2);
    suite_add_tcase(s, core);
    suite_add_tcase(s, limits);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
