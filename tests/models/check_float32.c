/* float32 semantics: binary32 executions with random order, grouping, fusing and library errors stay within both enclosures. */
#include "tests/models/execution.h"
#include "tests/models/random_graph.h"

static size_t known;

static void expect_within(float x, double mid, double rad, arb_srcptr ball, const char *where)
{
    arb_t exact;
    if (!isfinite(x)) {
        ck_assert_msg(!isfinite(rad) && !arb_is_finite(ball), "%s: no value, but enclosed", where);
        return;
    }
    arb_init(exact);
    arb_set_d(exact, (double)x);
    ck_assert_msg(arb_contains(ball, exact) || !arb_is_finite(ball), "%s: %.9g outside ball %.9g +- %g", where, (double)x,
                  arf_get_d(arb_midref(ball), ARF_RND_NEAR), mag_get_d(arb_radref(ball)));
    if (isfinite(rad)) {
        ck_assert_msg(fabsl((long double)x - (long double)mid) <= (long double)rad, "%s: %.9g outside %.9g +- %g", where, (double)x, mid, rad);
        known++;
    }
    arb_clear(exact);
}

static void check_execution(const struct execution *e, struct run *r, struct ball_run *b)
{
    for (size_t v = 0; v < e->net->n_nodes; v++)
        for (size_t i = 0; i < e->n; i++) {
            const double *mid, *rad;
            run_row(r, v, i, &mid, &rad);
            size_t width = e->net->nodes[v].width ? e->net->nodes[v].width : row_sources(e->net, i, e->n);
            for (size_t j = 0; j < width; j++)
                if (e->net->nodes[v].op != OP_SCORE || e->t[j] != e->net->pad) expect_within(e->rows[v][i][j], mid[j], rad[j], ball_run_row(b, v, i) + j, e->net->nodes[v].name);
        }
}

/* Tokens, or rows of reals: into e, r and b. */
static void random_input(struct execution *e, int *t, double *given, struct run *r, struct ball_run *b)
{
    size_t width = e->net->width_in;
    e->n = 1 + below(e->net->n_ctx);
    if (width == 0) {
        random_tokens(t, e->n, e->net->d_vocab);
        run_tokens(r, t, e->n);
        ball_run_tokens(b, t, e->n);
        return;
    }
    double zero[WIDTH] = {0};
    arb_ptr x = _arb_vec_init((slong)width);
    random_reals(given, e->n * width);
    run_length(r, e->n);
    ball_run_length(b, e->n);
    for (size_t i = 0; i < e->n; i++) {
        for (size_t j = 0; j < width; j++) arb_set_d(x + j, given[i * width + j]);
        run_input_row(r, i, given + i * width, zero);
        ball_run_input_row(b, i, x);
    }
    _arb_vec_clear(x, (slong)width);
}

static void check_net(const struct net *net, int executions)
{
    struct run *r;
    struct ball_run *b;
    int t[8];
    double given[8 * WIDTH];
    float (*rows)[8][WIDTH] = calloc(net->n_nodes, sizeof *rows);
    ck_assert_int_eq(run_new(&r, net, SEMANTICS_FLOAT32), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&b, net, SEMANTICS_FLOAT32, 64), STATUS_OK);
    for (int k = 0; k < 3; k++) {
        struct execution e = {net, rows, t, 0, given};
        random_input(&e, t, given, r, b);
        for (int x = 0; x < executions; x++) {
            execute(&e);
            check_execution(&e, r, b);
        }
    }
    run_free(r);
    ball_run_free(b);
    free(rows);
}

START_TEST(executions_are_enclosed)
{
    for (int k = 0; k < 250; k++) {
        struct shape s = random_shape();
        struct net net;
        s.layers = 1 + (k % 5 == 0);
        s.scale = k % 3 ? 1 : 0.3;
        random_net(&net, &s);
        check_net(&net, 6);
        net_clear(&net);
    }
    ck_assert_uint_gt(known, 100000);
}
END_TEST

START_TEST(executions_of_graphs_are_enclosed)
{
    known = 0;
    for (int k = 0; k < 240; k++) {
        struct net net;
        random_graph(&net, k % 3 ? 2 + below(4) : 0, 1 + below(5), 2 + below(5), 1 + below(9));
        check_net(&net, 5);
        net_clear(&net);
    }
    ck_assert_uint_gt(known, 100000);
}
END_TEST

/* The real value is enclosed as well. */
START_TEST(truth_is_enclosed)
{
    for (int k = 0; k < 60; k++) {
        struct shape s = random_shape();
        struct net net;
        struct run *r;
        struct ball_run *b, *truth;
        int t[8];
        random_net(&net, &s);
        ck_assert_int_eq(run_new(&r, &net, SEMANTICS_FLOAT32), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_FLOAT32, 64), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&truth, &net, SEMANTICS_REAL, 200), STATUS_OK);
        random_tokens(t, s.n_ctx, s.vocab);
        run_tokens(r, t, s.n_ctx);
        ball_run_tokens(b, t, s.n_ctx);
        ball_run_tokens(truth, t, s.n_ctx);
        const double *mid, *rad;
        run_row(r, net.output, 0, &mid, &rad);
        for (size_t j = 0; j < s.vocab; j++) {
            arb_srcptr x = ball_run_row(truth, net.output, 0) + j, y = ball_run_row(b, net.output, 0) + j;
            ck_assert(!arb_is_finite(y) || arb_contains(y, x));
            ck_assert(!isfinite(rad[j]) || fabs(arf_get_d(arb_midref(x), ARF_RND_NEAR) - mid[j]) <= rad[j]);
        }
        run_free(r);
        ball_run_free(b);
        ball_run_free(truth);
        net_clear(&net);
    }
}
END_TEST

/* Numbers that binary32 cannot hold are refused, and so are sums that could overflow in it. */
START_TEST(overflow_is_unknown)
{
    static const char text[] = "weightproof-net 1\ntokens 1 1\nmask causal\neps 0\ntensor E 1 2\n0x1p100 0x1p0\ntensor U 2 1\n0x1p26\n0x1p0\n"
                               "node e embed E\nnode l linear e U\noutput l\nend\n";
    struct net net;
    struct diag d;
    struct run *r;
    struct ball_run *b;
    int t[1] = {0};
    const double *mid, *rad;
    diag_init(&d);
    ck_assert_int_eq(net_parse(&net, "inline.net", text, sizeof text - 1, &d), STATUS_OK);
    ck_assert_int_eq(run_new(&r, &net, SEMANTICS_FLOAT32), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_FLOAT32, 64), STATUS_OK);
    run_tokens(r, t, 1);
    ball_run_tokens(b, t, 1);
    run_row(r, 1, 0, &mid, &rad);
    ck_assert(!isfinite(rad[0]) && !arb_is_finite(ball_run_row(b, 1, 0)));
    run_free(r);
    ball_run_free(b);
    net_clear(&net);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("float32");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core");
    tcase_set_timeout(core, 200);
    tcase_add_test(core, executions_are_enclosed);
    tcase_add_test(core, executions_of_graphs_are_enclosed);
    tcase_add_test(core, truth_is_enclosed);
    tcase_add_test(core, overflow_is_unknown);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
