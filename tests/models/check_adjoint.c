/* Tightened float32 enclosures: executions of every kind, also those pushed in the direction of the adjoint, and the true values stay inside; no
 * enclosure is wider than the forward one; deep LayerNorm attention gains an order of magnitude. */
#include "tests/models/adjoint_setting.h"
#include "tests/models/random_graph.h"

/* Of several results of an operation on the same arguments, entry by entry the one that lies farthest in direction `sign`. */
static void push_row(struct execution *e, size_t v, size_t i, const double *sign, size_t width)
{
    float best[WIDTH];
    for (int k = 0; k < 8; k++) {
        execute_row(e, v, i);
        for (size_t j = 0; j < width; j++)
            if (k == 0 || sign[j] * (double)e->rows[v][i][j] > sign[j] * (double)best[j]) best[j] = e->rows[v][i][j];
    }
    memcpy(e->rows[v][i], best, width * sizeof *best);
}

/* An execution in which every operation errs so that one entry of the target grows (or shrinks). */
static void pushed(struct setting *s, size_t target, size_t row, size_t entry, double direction)
{
    double sign[WIDTH], unused[WIDTH];
    for (size_t v = 0; v < s->net->n_nodes; v++)
        for (size_t i = 0; i < s->e.n; i++) {
            bool read = adjoint_run_derivative(s->adjoint, target, row, entry, v, i, sign, unused);
            execute_row(&s->e, v, i);
            for (size_t j = 0; read && j < run_width(s->run, v); j++) sign[j] = sign[j] > 0 ? direction : sign[j] < 0 ? -direction : 0;
            if (read && s->net->nodes[v].width) push_row(&s->e, v, i, sign, run_width(s->run, v));
        }
}

/* The largest share of its radius that the target's error reaches. */
static double reached(struct setting *s, size_t node, size_t row, size_t entry)
{
    const double *mid, *rad;
    adjoint_run_row(s->adjoint, node, row, &mid, &rad);
    return fabs((double)s->e.rows[node][row][entry] - mid[entry]) / rad[entry];
}

static void check_net(const struct net *net, int executions)
{
    struct setting s;
    setting_new(&s, net);
    for (int k = 0; k < 2; k++) {
        random_input(&s);
        for (int x = 0; x < executions; x++) {
            execute(&s.e);
            check_everything(&s);
        }
        pushed(&s, net->output, s.e.n - 1, below(net->nodes[net->output].width), below(2) ? 1 : -1);
        check_everything(&s);
    }
    setting_free(&s);
}

START_TEST(networks_are_enclosed)
{
    known = tighter = 0;
    for (int k = 0; k < 60; k++) {
        struct shape shape = random_shape();
        struct net net;
        shape.scale = k % 3 ? 1 : 0.3;
        random_net(&net, &shape);
        check_net(&net, 4);
        net_clear(&net);
    }
    ck_assert_uint_gt(known, 50000);
    ck_assert_uint_gt(tighter, 5000);
}
END_TEST

START_TEST(graphs_are_enclosed)
{
    known = tighter = 0;
    for (int k = 0; k < 200; k++) {
        struct net net;
        random_graph(&net, k % 3 ? 2 + below(4) : 0, 1 + below(5), 2 + below(5), 1 + below(9));
        check_net(&net, 3);
        net_clear(&net);
    }
    ck_assert_uint_gt(known, 50000);
    ck_assert_uint_gt(tighter, 2000);
}
END_TEST

/* Entry `entry` of the output when row `row` of node `v` is replaced by x, in balls of 256 bits. */
static void value_at(arb_t out, const struct net *net, const struct setting *s, size_t v, size_t row, const double *x, size_t at, size_t entry)
{
    struct ball_run *b;
    size_t width = net->nodes[v].width;
    arb_ptr values = _arb_vec_init((slong)width);
    ck_assert_int_eq(ball_run_new(&b, net, SEMANTICS_REAL, 256), STATUS_OK);
    ck_assert_int_eq(ball_run_patch(b, v, (long)row), STATUS_OK);
    ball_run_tokens(b, s->t, s->e.n);
    for (size_t k = 0; k < width; k++) arb_set_d(values + k, x[k]);
    ball_run_patch_row(b, v, row, values);
    arb_set(out, ball_run_row(b, net->output, at) + entry);
    _arb_vec_clear(values, (slong)width);
    ball_run_free(b);
}

/* f(x) - f(y) lies in the sum of (M +- R)(x - y) for x, y in the enclosure of a row, up to `share` of its radius from the middle. */
static bool difference_is_enclosed(struct setting *s, size_t v, size_t row, double share)
{
    const struct net *net = s->net;
    size_t at = s->e.n - 1, entry = below(net->nodes[net->output].width), width = net->nodes[v].width;
    double M[WIDTH], R[WIDTH], x[WIDTH] = { 0 }, y[WIDTH] = { 0 }, sum = 0, radius = 0;
    const double *mid, *rad;
    arb_t fx, fy;
    if (!adjoint_run_derivative(s->adjoint, net->output, at, entry, v, row, M, R)) return false;
    adjoint_run_row(s->adjoint, v, row, &mid, &rad);
    for (size_t k = 0; k < width; k++) {
        x[k] = mid[k] + share * (2 * uniform() - 1) * rad[k];
        y[k] = mid[k] + share * (2 * uniform() - 1) * rad[k];
        sum += M[k] * (x[k] - y[k]);
        radius += R[k] * fabs(x[k] - y[k]) + 0x1p-48 * fabs(M[k] * (x[k] - y[k]));
    }
    arb_init(fx);
    arb_init(fy);
    value_at(fx, net, s, v, row, x, at, entry);
    value_at(fy, net, s, v, row, y, at, entry);
    arb_sub(fx, fx, fy, 256);
    double difference, unsure;
    ball_to_double(&difference, &unsure, fx);
    arb_clear(fx);
    arb_clear(fy);
    if (!isfinite(radius) || !isfinite(unsure)) return false;
    ck_assert_msg(fabs(difference - sum) <= radius + unsure + 1e-300, "by %s (%s): difference %.17g is not in %.17g +- %g", net->nodes[v].name,
                  op_table[net->nodes[v].op].name, difference, sum, radius);
    return true;
}

/* A heads node reads what its linear nodes read, and their rows only when they are replaced. */
static bool is_part(const struct net *net, size_t v)
{
    for (size_t u = 0; u < net->n_nodes; u++)
        for (size_t a = 0; net->nodes[u].op == OP_HEADS && a < net->nodes[u].n_inputs; a++)
            if (net->nodes[u].inputs[a] == v) return true;
    return false;
}

START_TEST(derivatives_enclose_differences)
{
    size_t compared = 0;
    for (int k = 0; k < 150; k++) {
        struct net net;
        struct setting s;
        if (k % 2) {
            random_graph(&net, 2 + below(4), 1 + below(4), 2 + below(5), 1 + below(7));
        } else {
            struct shape shape = random_shape();
            shape.scale = 0.5;
            random_net(&net, &shape);
        }
        setting_new(&s, &net);
        random_input(&s);
        for (size_t v = 0; v < net.n_nodes; v++)
            if (net.nodes[v].width && !is_part(&net, v) && net.nodes[v].op != OP_EMBED && net.nodes[v].op != OP_POSITION && net.nodes[v].op != OP_CONSTANT)
                compared += difference_is_enclosed(&s, v, below(s.e.n), 0x1p-6);
        setting_free(&s);
        net_clear(&net);
    }
    ck_assert_uint_gt(compared, 200);
}
END_TEST

/* Arguments whose enclosure holds the kink: 1 - 1 under relu, the larger and the smaller of two equal numbers. */
START_TEST(kinks_are_enclosed)
{
    static const char *const tails[] = { "node k relu l\n", "node k max l m\n", "node k min l m\n", "node k maxpool l I\n" };
    for (size_t t = 0; t < sizeof tails / sizeof *tails; t++) {
        char text[1024];
        struct net net;
        struct setting s;
        bool pool = t == 3, pair = t == 1 || t == 2;
        snprintf(text, sizeof text,
                 "weightproof-net 1\ntokens 1 1\nmask causal\neps 0\ntensor A 2 2\n0x1p0 %s\n-0x1p0 %s\ntensor E 1 2\n0x1.4p0 0x1.4p0\n%s%snode e embed E\nnode l linear e A\n%s%s"
                 "output k\nend\n",
                 pool ? "0x1p0" : "0x1p1", pool ? "-0x1p0" : "-0x1p1", pool ? "tensor I 1 2\n0 0x1p0\n" : "", pair ? "tensor J 2\n0x1p0 0\n" : "", pair ? "node m select l J\n" : "",
                 tails[t]);
        parse_text(&net, text);
        setting_new(&s, &net);
        random_input(&s);
        for (int k = 0; k < 20; k++) ck_assert(difference_is_enclosed(&s, (size_t)net_node(&net, "l"), 0, 1));
        setting_free(&s);
        net_clear(&net);
    }
}
END_TEST

/* Two and three layers of LayerNorm attention: at least ten times tighter at the output on average (geometric mean), and executions that are pushed
 * come within a factor of the bound, nearer than random ones. */
START_TEST(deep_attention_gains)
{
    double gain = 0, farthest = 0, usual = 0;
    size_t n = 0;
    for (int k = 0; k < 12; k++) {
        struct shape shape = { .vocab = 5, .n_ctx = 5, .d = 12, .d_head = 6, .heads = 2, .layers = 2 + (size_t)k % 2, .positions = true, .bias = true, .norm = true,
            .norm_affine = true, .activation = "relu", .scale = 1, .causal = k % 3 == 0 };
        struct net net;
        struct setting s;
        const double *mid, *rad, *forward;
        random_net(&net, &shape);
        setting_new(&s, &net);
        random_input(&s);
        size_t row = s.e.n - 1, entry = below(5);
        run_row(s.run, net.output, row, &mid, &forward);
        adjoint_run_row(s.adjoint, net.output, row, &mid, &rad);
        ck_assert(isfinite(rad[entry]));
        if (isfinite(forward[entry])) gain += log(forward[entry] / rad[entry]), n++;
        execute(&s.e);
        usual += reached(&s, net.output, row, entry) / 12;
        pushed(&s, net.output, row, entry, 1);
        check_everything(&s);
        double share = reached(&s, net.output, row, entry);
        farthest = share > farthest ? share : farthest;
        setting_free(&s);
        net_clear(&net);
    }
    if (getenv("MEASURE")) printf("gain %g over %zu, farthest %g of the bound, usual %g\n", exp(gain / (double)n), n, farthest, usual);
    ck_assert_uint_gt(n, 6);
    ck_assert(exp(gain / (double)n) >= 10);
    ck_assert(farthest > usual);
    ck_assert(farthest > 1.0 / 100);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("adjoint");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core");
    tcase_set_timeout(core, 200);
    tcase_add_test(core, networks_are_enclosed);
    tcase_add_test(core, graphs_are_enclosed);
    tcase_add_test(core, derivatives_enclose_differences);
    tcase_add_test(core, kinks_are_enclosed);
    tcase_add_test(core, deep_attention_gains);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
