/* Processing is exact: original and processed networks enclose the same numbers at 256 bits, on random networks and on shipped ones. */
#include <check.h>
#include <stdlib.h>
#include "models/process.h"
#include "models/run.h"
#include <string.h>
#include "models/model.h"

#define BITS 256

/* Rows of the outputs overlap, and are narrow enough for that to mean something. shifted: after each row's mean is taken away. */
static void same_outputs(const struct net *a, const struct net *b, bool shifted)
{
    struct ball_run *ra, *rb;
    int tokens[16];
    size_t width = a->nodes[a->output].width;
    arb_t ma, mb;
    arb_init(ma);
    arb_init(mb);
    ck_assert_int_eq(ball_run_new(&ra, a, SEMANTICS_REAL, BITS), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&rb, b, SEMANTICS_REAL, BITS), STATUS_OK);
    for (int trial = 0; trial < 6; trial++) {
        size_t n = 1 + (size_t)rand() % a->n_ctx;
        n = n > 16 ? 16 : n;
        for (size_t i = 0; i < n; i++) tokens[i] = rand() % (int)a->d_vocab;
        ball_run_tokens(ra, tokens, n);
        ball_run_tokens(rb, tokens, n);
        for (size_t i = 0; i < n; i++) {
            arb_srcptr x = ball_run_row(ra, a->output, i), y = ball_run_row(rb, b->output, i);
            for (size_t k = 0; k < width; k++) {
                arb_sub(ma, x + k, y + k, BITS);
                if (shifted) { /* the same shift for every entry */
                    arb_sub(mb, x, y, BITS);
                    arb_sub(ma, ma, mb, BITS);
                }
                ck_assert_msg(arb_contains_zero(ma), "row %zu entry %zu", i, k);
                ck_assert_int_lt(mag_cmp_2exp_si(arb_radref(ma), -150), 0);
            }
        }
    }
    ball_run_free(ra);
    ball_run_free(rb);
    arb_clear(ma);
    arb_clear(mb);
}

static void read_model(struct model *m, const char *path, unsigned process)
{
    struct diag d;
    struct model_options o = {.process = process};
    diag_init(&d);
    enum status s = model_load(m, path, &o, &d);
    if (s != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    diag_clear(&d);
}

static const char *const paths[] = {"examples/sortlist_v12_n5_s1.pt", "examples/palindrome_v6_n8_s1.pt"};

START_TEST(test_every_set_of_passes)
{
    for (unsigned set = 1; set < 1u << PROCESS_COUNT; set++) {
        struct model plain, processed;
        read_model(&plain, paths[_i], 0);
        read_model(&processed, paths[_i], set);
        same_outputs(&plain.net, &processed.net, set >> PROCESS_CENTER_UNEMBED & 1);
        ck_assert_uint_eq(processed.processed, set);
        ck_assert_str_ne(plain.net.sha256, processed.net.sha256);
        for (size_t v = 0; v < processed.net.n_nodes && set >> PROCESS_FOLD_LN & 1; v++)
            ck_assert(processed.net.nodes[v].op != OP_LAYERNORM || processed.net.nodes[v].n_w == 0);
        model_clear(&plain);
        model_clear(&processed);
    }
}
END_TEST

/* What the passes are for: folded norms have no weights, written rows and logits have mean 0, values have no biases. */
START_TEST(test_what_is_left)
{
    struct model m;
    struct ball_run *r;
    int tokens[] = {3, 1, 4};
    read_model(&m, paths[_i], (1u << PROCESS_COUNT) - 1);
    ck_assert_int_eq(ball_run_new(&r, &m.net, SEMANTICS_REAL, BITS), STATUS_OK);
    ball_run_tokens(r, tokens, 3);
    long centred[] = {net_node(&m.net, "hook_embed"), net_node(&m.net, "blocks.0.hook_attn_out"), net_node(&m.net, "logits")};
    for (size_t c = 0; c < 3; c++) {
        arb_t sum;
        arb_init(sum);
        ck_assert_int_ge(centred[c], 0);
        arb_srcptr row = ball_run_row(r, (size_t)centred[c], 1);
        for (size_t k = 0; k < m.net.nodes[centred[c]].width; k++) arb_add(sum, sum, row + k, BITS);
        ck_assert(arb_contains_zero(sum));
        arb_clear(sum);
    }
    ball_run_free(r);
    long v = net_node(&m.net, "blocks.0.attn.hook_v.0");
    ck_assert_int_ge(v, 0);
    ck_assert_int_eq(m.net.nodes[v].op, OP_LINEAR);
    ck_assert_uint_eq(m.net.nodes[v].n_w, 1);
    model_clear(&m);
}
END_TEST

/* Powers of two as norm weights keep the biases numbers: then no node is added. */
START_TEST(test_numbers_where_they_are_numbers)
{
    static const char text[] = "weightproof-net 1\ntokens 2 1\nmask none\neps 0x1p-17\n"
        "tensor W 2 2\n0x1p0 0x1.8p0\n0x1p1 -0x1p0\ntensor W_U 2 2\n0x1p0 0x1p1\n0x1.8p1 0x1p0\ntensor b 2\n0x1p-1 0x1p0\ntensor w 2\n0x1p1 0x1p-1\n"
        "node x embed W\nnode n layernorm x w b\nnode logits linear n W_U\noutput logits\nend\n";
    struct net net, plain;
    struct diag d;
    struct text done = {0};
    diag_init(&d);
    ck_assert_int_eq(net_parse(&net, "test", text, sizeof text - 1, &d), STATUS_OK);
    ck_assert_int_eq(net_parse(&plain, "test", text, sizeof text - 1, &d), STATUS_OK);
    ck_assert_int_eq(net_process(&net, 1u << PROCESS_FOLD_LN, &done, &d), STATUS_OK);
    ck_assert_uint_eq(net.n_nodes, 3);
    const double *W = net.tensors[net_tensor(&net, "W_U")].data, *b = net.tensors[net_tensor(&net, "b_U")].data;
    ck_assert(W[0] == 2 && W[1] == 4 && W[2] == 1.5 && W[3] == 0.5);
    ck_assert(b[0] == 3.5 && b[1] == 2); /* (1/2, 1) W_U */
    same_outputs(&plain, &net, false);
    text_clear(&done);
    net_clear(&net);
    net_clear(&plain);
    diag_clear(&d);
}
END_TEST

static const struct { const char *nodes; enum process pass; const char *message; } refused[] = {
    {"node n layernorm x w b\nnode y relu n\nnode logits linear y W_U\n", PROCESS_FOLD_LN, "is read by 'y', which is no linear node but 'relu'"},
    {"node n layernorm x w b\nnode y linear n W_U\nnode logits linear y W_U\n", PROCESS_FOLD_LN, "tensor 'W_U' reads 'n' and something else too"},
    {"node y linear x W_U b\nnode z layernorm y w b\nnode logits linear z W\n", PROCESS_FOLD_VALUE_BIASES, "no attention layer of this network has value biases"},
    {"node n layernorm x w b\nnode y add n x\nnode logits linear y W_U\n", PROCESS_CENTER_WRITING, "'x' is read by 'y' ('add'), not by LayerNorms alone"},
};

START_TEST(test_refusals)
{
    char text[1000];
    struct net net;
    struct diag d;
    struct text done = {0};
    diag_init(&d);
    int n = snprintf(text, sizeof text, "weightproof-net 1\ntokens 2 1\nmask none\neps 0x1p-17\ntensor W 2 2\n0x1p0 0x1.8p0\n0x1p1 -0x1p0\n"
        "tensor W_U 2 2\n0x1p0 0x1p1\n0x1.8p1 0x1p0\ntensor b 2\n0x1p-1 0x1p0\ntensor w 2\n0x1p1 0x1p-1\nnode x embed W\n%soutput logits\nend\n", refused[_i].nodes);
    enum status s = net_parse(&net, "test", text, (size_t)n, &d);
    if (s != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    char before[65];
    memcpy(before, net.sha256, 65);
    ck_assert_int_eq(net_process(&net, 1u << refused[_i].pass, &done, &d), STATUS_INPUT);
    ck_assert_ptr_nonnull(strstr(d.messages[0].text, refused[_i].message));
    ck_assert_str_eq(before, net.sha256);
    text_clear(&done);
    net_clear(&net);
    diag_clear(&d);
}
END_TEST

/* Graphs in which a pass that looks at one reader alone would change the function: the outputs stay, or the pass is refused. */
#define FOUR "tensor A 2 2\n0x1p0 -0x1p1\n0x1.8p0 0x1p-1\ntensor B 2 2\n0x1.4p0 0x1p1\n-0x1p0 0x1p0\ntensor E 3 2\n0x1p0 0x1.8p0\n0x1p1 -0x1p0\n-0x1p-1 0x1p0\n"
#define VECTORS "tensor b 2\n0x1p-1 0x1p0\ntensor c 2\n-0x1p2 0x1p0\n"
#define NORM "tokens 3 3\nmask causal\neps 0x1p-17\n"
#define HEADS "tokens 3 3\nmask causal\neps 0\n" FOUR "tensor b 2\n0x1p-1 0x1p0\n" \
    "node x embed E\nnode v linear x A b\nnode s score x x 2\nnode p softmax s\nnode z mix p v\nnode y mix p v\nnode r linear z B\nnode q linear y A\nnode h heads r\n"
/* The new bias of the heads has a name that another node's tensor has. */
#define NAMED "tokens 3 3\nmask causal\neps 0\ntensor A 2 2\n0x1p0 -0x1p1\n0x1.8p0 0x1p-1\ntensor E 3 2\n0x1p0 0x1.8p0\n0x1p1 -0x1p0\n-0x1p-1 0x1p0\n" \
    "tensor W_O 2 2\n0x1.4p0 0x1p1\n-0x1p0 0x1p0\ntensor b_O 2\n0x1p-1 0x1p0\nnode x embed E\nnode c constant b_O\nnode v linear x A b_O\nnode s score x x 2\nnode p softmax s\n" \
    "node z mix p v\nnode r linear z W_O\n"
static const struct { const char *text; enum process pass; const char *message; } shared[] = {
    {NAMED "node h heads r\nnode logits add h c\noutput logits\n", PROCESS_FOLD_VALUE_BIASES, NULL},
    {NAMED "node h heads r b_O\nnode logits add h c\noutput logits\n", PROCESS_FOLD_VALUE_BIASES, NULL},
    {NORM FOUR VECTORS "tensor w 2\n0x1p1 0x1p-1\nnode x embed E\nnode n layernorm x w b\nnode y linear n A c\nnode z linear n A\nnode k linear n B b\n"
     "node logits concat y z k\noutput logits\n", PROCESS_FOLD_LN, NULL},
    {NORM "tensor E 3 2\n0x1p0 0x1.8p0\n0x1p1 -0x1p0\n-0x1p-1 0x1p0\n" "tensor b 2\n0x1p-1 0x1p0\ntensor w 2\n0x1p1 0x1p-1\n"
     "node x embed E\nnode n layernorm x w b\noutput n\n", PROCESS_FOLD_LN, "'n' is the output"},
    {NORM "tensor A 2 2\n0x1p0 -0x1p1\n0x1.8p0 0x1p-1\ntensor E 3 2\n0x1p0 0x1.8p0\n0x1p1 -0x1p0\n-0x1p-1 0x1p0\ntensor w 2\n0x1p1 0x1p-1\n"
     "node x embed E\nnode n rmsnorm x w\nnode y linear n A A[0]\noutput y\n", PROCESS_FOLD_LN, "tensor 'A' reads 'n' and something else too"},
    {HEADS "node logits add h q\noutput logits\n", PROCESS_FOLD_VALUE_BIASES, "no attention layer"},
    {HEADS "node k linear x B\nnode g heads q k\nnode logits add h g\noutput logits\n", PROCESS_FOLD_VALUE_BIASES, "no attention layer"},
    {NORM FOUR "node x embed E\nnode e embed E\nnode r linear e A\nnode h heads r\nnode y add x h\nnode n layernorm y\nnode l linear n B\noutput r\n",
     PROCESS_CENTER_WRITING, NULL},
    {NORM "tensor E 3 3\n0x1p0 0x1p1 0\n0 0x1p0 0\n0x1p0 0x1p0 0\ntensor process.size.3 3\n0x1p0 0x1p1 0x1p2\n"
     "node x embed E\nnode c constant process.size.3\nnode y add x c\nnode n layernorm y\nnode l linear n E\nnode logits mul l c\noutput logits\n", PROCESS_CENTER_UNEMBED,
     "tensor 'process.size.3' of this network has a name that centring needs"},
};

START_TEST(test_shared_parts)
{
    char text[2000];
    struct net net, plain;
    struct diag d;
    struct text done = {0};
    diag_init(&d);
    int n = snprintf(text, sizeof text, "weightproof-net 1\n%send\n", shared[_i].text);
    enum status s = net_parse(&net, "test", text, (size_t)n, &d);
    if (s != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    ck_assert_int_eq(net_parse(&plain, "test", text, (size_t)n, &d), STATUS_OK);
    s = net_process(&net, 1u << shared[_i].pass, &done, &d);
    ck_assert_int_eq(s, shared[_i].message ? STATUS_INPUT : STATUS_OK);
    if (shared[_i].message) ck_assert_ptr_nonnull(strstr(d.messages[0].text, shared[_i].message));
    else ck_assert_str_ne(net.sha256, plain.sha256);
    same_outputs(&plain, &net, false);
    text_clear(&done);
    net_clear(&net);
    net_clear(&plain);
    diag_clear(&d);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("process");
    TCase *t = tcase_create("process");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_every_set_of_passes, 0, 2);
    tcase_add_loop_test(t, test_what_is_left, 0, 2);
    tcase_add_test(t, test_numbers_where_they_are_numbers);
    tcase_add_loop_test(t, test_refusals, 0, sizeof refused / sizeof *refused);
    tcase_add_loop_test(t, test_shared_parts, 0, sizeof shared / sizeof *shared);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
