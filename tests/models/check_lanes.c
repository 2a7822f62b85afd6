/* Rows in batches: along walks of sequences they enclose balls, whatever the walk leaves out, changes or comes back to; and batches do serve. */
#include "tests/models/enclosed.h"
#include "tests/models/random_graph.h"
#include "models/lanes.h"
#include "models/rows_kernel.h"

#define N 6
static size_t unknown, compared, batches, nets;
static bool seen[OP_COUNT];

static void expect_enclosed(double mid, double rad, arb_srcptr x, const char *where)
{
    ck_assert_msg(!arb_is_finite(x) == 0 || !isfinite(rad), "%s: known in doubles, not in balls", where);
    compared++;
    if (!isfinite(rad)) {
        unknown++;
        return;
    }
    ck_assert_msg(encloses(mid, rad, x), "%s: %.17g +- %g does not enclose", where, mid, rad);
}

static void compare_row(struct run *r, struct ball_run *b, const struct net *net, size_t node, size_t row)
{
    const double *mid, *rad;
    size_t width = net->nodes[node].width ? net->nodes[node].width : row_sources(net, row, r->n);
    run_row(r, node, row, &mid, &rad);
    for (size_t j = 0; j < width; j++) expect_enclosed(mid[j], rad[j], ball_run_row(b, node, row) + j, net->nodes[node].name);
}

/* Rows of a sequence: the output's at the end, sometimes others; in doubles only where the walk is long. */
static void look(struct run *r, struct ball_run *b, const struct net *net, const int *t, size_t n, bool whole)
{
    const double *mid, *rad;
    run_tokens(r, t, n);
    if (!whole && below(8)) {
        run_row(r, net->output, n - 1, &mid, &rad);
        return;
    }
    ball_run_tokens(b, t, n);
    compare_row(r, b, net, net->output, n - 1);
    for (size_t v = net->n_nodes; v-- > 0;)
        for (size_t i = n; whole && i-- > 0;) compare_row(r, b, net, v, i);
}

/* How a walk goes: which tokens it leaves out, what stays at the end, how often it jumps. */
struct way { bool distinct; size_t skip, fixed, jump; };

static bool repeats(const int *t, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (t[i] == t[j]) return true;
    return false;
}

/* Lexicographic, at most `steps` sequences. */
static void walk(struct run *r, struct ball_run *b, const struct net *net, struct way way, size_t steps)
{
    size_t n = net->n_ctx, moving = n > way.fixed ? n - way.fixed : n;
    int t[N];
    random_tokens(t, n, net->d_vocab);
    for (size_t k = 0; k < steps; k++) {
        size_t i = moving;
        while (i-- > 0) {
            if ((size_t)++t[i] < net->d_vocab) break;
            t[i] = 0;
        }
        if (way.jump && below(way.jump) == 0) random_tokens(t, n, net->d_vocab);
        if (way.distinct && repeats(t, n)) continue;
        if (way.skip && below(way.skip) == 0) continue;
        look(r, b, net, t, way.jump && below(4) == 0 ? 1 + below(n) : n, below(40) == 0);
    }
}

static void warm(struct run *r, const struct net *net)
{
    int t[N];
    for (size_t k = 0; k < 20 * LANES_AFTER && r->sequences < LANES_AFTER; k++) {
        random_tokens(t, net->n_ctx, net->d_vocab);
        run_tokens(r, t, net->n_ctx);
    }
}

static void walk_net(const struct net *net, struct way way)
{
    struct run *r;
    struct ball_run *b;
    ck_assert_int_eq(run_new(&r, net, SEMANTICS_REAL), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&b, net, SEMANTICS_REAL, 128), STATUS_OK);
    warm(r, net);
    walk(r, b, net, way, 220);
    if (r->lanes) batches += r->lanes->tags, nets++;
    for (size_t v = 0; r->lanes && r->lanes->tags > 0 && v < net->n_nodes; v++) seen[net->nodes[v].op] = true;
    run_free(r);
    ball_run_free(b);
}

static void walks(struct way way, size_t n)
{
    unknown = compared = batches = nets = 0;
    for (size_t k = 0; k < n; k++) {
        struct shape s = random_shape();
        struct net net;
        s.vocab = 3 + below(6);
        s.layers = 1 + below(3);
        if (way.distinct) s.n_ctx = 2 + below(2);
        random_net(&net, &s);
        walk_net(&net, way);
        net_clear(&net);
    }
    ck_assert_msg(unknown * 20 < compared, "%zu of %zu unknown", unknown, compared);
    ck_assert_msg(batches > 4 * n && nets > n / 2, "%zu batches, %zu networks", batches, nets);
}

static void were_seen(const enum op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) ck_assert_msg(seen[ops[i]] && lane_kernels[ops[i]], "%s was never in a batch", op_table[ops[i]].name);
}

START_TEST(whole_products)
{
    static const enum op ops[] = { OP_ADD, OP_HEADS, OP_LINEAR, OP_LAYERNORM, OP_SCORE, OP_SOFTMAX, OP_MIX, OP_RELU, OP_GELU, OP_GELU_NEW, OP_SILU };
    walks((struct way){ 0 }, 40);
    were_seen(ops, sizeof ops / sizeof *ops);
}
END_TEST
START_TEST(distinct_tokens) { walks((struct way){ .distinct = true }, 25); }
END_TEST
START_TEST(left_out) { walks((struct way){ .skip = 3 }, 25); }
END_TEST
START_TEST(fixed_ends) { walks((struct way){ .fixed = 1 }, 25); }
END_TEST
START_TEST(jumps_and_lengths) { walks((struct way){ .jump = 12 }, 25); }
END_TEST

/* The whole operation table: networks with an operation that has no kernel go without batches. */
START_TEST(any_graph)
{
    static const enum op ops[] = { OP_MUL, OP_RMSNORM };
    unknown = compared = batches = nets = 0;
    for (int k = 0; k < 400; k++) {
        struct net net;
        random_graph(&net, 3 + below(4), 2 + below(4), 2 + below(5), 1 + below(4));
        if (net.pad < 0) walk_net(&net, (struct way){ .skip = 5 });
        net_clear(&net);
    }
    ck_assert_msg(unknown * 5 < compared, "%zu of %zu unknown", unknown, compared);
    were_seen(ops, sizeof ops / sizeof *ops);
}
END_TEST

/* Where nothing that was foreseen comes, batches end for a while. */
START_TEST(waste_is_noticed)
{
    struct shape s = { .vocab = 40, .n_ctx = 3, .d = 4, .d_head = 2, .heads = 1, .layers = 2, .d_mlp = 4, .causal = true, .positions = true, .norm = true, .activation = "relu", .scale = 1 };
    struct net net;
    struct run *r;
    const double *mid, *rad;
    random_net(&net, &s);
    ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
    warm(r, &net);
    ck_assert(r->lanes);
    for (int k = 0; k < 40; k++)
        for (int x = 0; x < 40; x++) {
            run_tokens(r, (int[]){ k % 5, k, x }, 3);
            if (k < 2 || x == k) run_row(r, net.output, 2, &mid, &rad);
        }
    for (int k = 0; k < 6000 && !r->lanes->pause; k++) {
        run_tokens(r, (int[]){ k / 40 % 40, k % 40, 3 + (k & 1) }, 3);
        run_row(r, net.output, 2, &mid, &rad);
        run_tokens(r, (int[]){ k / 40 % 40, k % 40, 39 }, 3);
    }
    ck_assert(r->lanes->pause > 0);
    run_free(r);
    net_clear(&net);
}
END_TEST

/* Four at a time or one by one: the same values, with errors that one bound covers. */
START_TEST(gelu_by_fours)
{
    enum { MANY = 4003 };
    static double x[MANY], none[MANY], mid[MANY], rad[MANY], y[MANY];
    struct node node = { .op = OP_GELU, .width = MANY };
    struct row_view in = { x, none };
    struct row_job job = { .node = &node, .in = &in, .mid = mid, .rad = rad };
    const double edges[] = { 0, -0.0, 8.5, -8.5, 8.5000001, -8.5000001, 1e300, -1e300, INFINITY, -INFINITY, NAN, 0x1p-1060, 1.0 / 64, -1.0 / 64 };
    for (size_t i = 0; i < MANY; i++) x[i] = i < sizeof edges / sizeof *edges ? edges[i] : (2 * uniform() - 1) * (i % 3 ? 10 : 0.1);
    row_kernels[OP_GELU](&job);
    gelu_values(y, x, MANY);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_msg(y[i] == mid[i] || (isnan(y[i]) && isnan(mid[i])), "gelu of %.17g: %.17g, not %.17g", x[i], y[i], mid[i]);
        ck_assert(!isfinite(mid[i]) || rad[i] <= gelu_error(fabs(x[i]), fabs(y[i])));
    }
    for (size_t n = 0; n < 9; n++) {
        y[n] = 7;
        gelu_values(y, x + 20, n);
        ck_assert(y[n] == 7 && (n == 0 || y[n - 1] == mid[19 + n]));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lanes");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core");
    tcase_set_timeout(core, 60);
    tcase_add_test(core, whole_products);
    tcase_add_test(core, distinct_tokens);
    tcase_add_test(core, left_out);
    tcase_add_test(core, fixed_ends);
    tcase_add_test(core, jumps_and_lengths);
    tcase_add_test(core, any_graph);
    tcase_add_test(core, waste_is_noticed);
    tcase_add_test(core, gelu_by_fours);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
