/* Evaluation of random graphs over the whole operation table: doubles enclose balls and both enclose long doubles; history does not
 * matter; replaced rows; missing rows and inputs are unknown. Inputs are tokens, with or without padding, or real numbers. */
#include "tests/models/enclosed.h"
#include "tests/models/naive.h"
#include "tests/models/random_graph.h"
#include "core/mem.h"
#include "models/rows.h"

#define N 6
static size_t unknown, compared;
struct point { const struct net *net; int t[N]; double given[N * 40]; size_t n; };

static void random_point(struct point *p)
{
    p->n = 1 + below(p->net->n_ctx);
    for (size_t i = p->net->n_ctx; i-- > 0;) {
        if (p->net->width_in) random_reals(p->given + i * p->net->width_in, p->net->width_in);
        else p->t[i] = (int)below(p->net->d_vocab);
        if (below(3) == 0) break;
    }
}

static void give(struct run *r, const struct point *p)
{
    double zero[40] = {0};
    if (p->net->width_in) run_length(r, p->n);
    else run_tokens(r, p->t, p->n);
    for (size_t i = 0; p->net->width_in && i < p->n; i++) run_input_row(r, i, p->given + i * p->net->width_in, zero);
}

static void give_balls(struct ball_run *b, const struct point *p)
{
    size_t width = p->net->width_in;
    if (width) ball_run_length(b, p->n);
    else ball_run_tokens(b, p->t, p->n);
    arb_ptr x = _arb_vec_init((slong)width + 1);
    for (size_t i = 0; width && i < p->n; i++) {
        for (size_t j = 0; j < width; j++) arb_set_d(x + j, p->given[i * width + j]);
        ball_run_input_row(b, i, x);
    }
    _arb_vec_clear(x, (slong)width + 1);
}

static bool excluded(const struct point *p, size_t node, size_t row, size_t j)
{
    return p->net->nodes[node].width == 0 && (j >= row_sources(p->net, row, p->n) || (p->net->pad >= 0 && p->t[j] == p->net->pad));
}

/* The ball within mid +- rad; a long double near it; the finer ball within. */
static void expect_enclosed(double mid, double rad, arb_srcptr x, arb_srcptr finer, long double naive, const char *where)
{
    compared++;
    if (!arb_is_finite(x) || !isfinite(rad)) {
        unknown++;
        ck_assert_msg(arb_is_finite(x) || !isfinite(rad), "%s: known in doubles, not in balls", where);
        return;
    }
    ck_assert_msg(encloses(mid, rad, x), "%s: %.17g +- %g does not enclose", where, mid, rad);
    if (finer) ck_assert_msg(arb_contains(x, finer), "%s: balls", where);
    long double off = fabsl(naive - (long double)mid), slack = (long double)rad * 1.02L + 1e-18L * (1 + fabsl(naive));
    ck_assert_msg(off <= slack, "%s: %.20Lg, not %.17g +- %g", where, naive, mid, rad);
}

static void compare(struct run *r, struct ball_run *b, struct ball_run *finer, const struct point *p, const struct naive *naive)
{
    for (size_t v = p->net->n_nodes; v-- > 0;)
        for (size_t i = 0; i < p->n; i++) {
            const double *mid, *rad;
            run_row(r, v, i, &mid, &rad);
            arb_srcptr x = ball_run_row(b, v, i);
            for (size_t j = 0; j < run_width(r, v); j++) {
                if (excluded(p, v, i, j)) {
                    bool score = p->net->nodes[v].op == OP_SCORE;
                    ck_assert(score ? isinf(rad[j]) && !arb_is_finite(x + j) : mid[j] == 0 && rad[j] == 0 && arb_is_zero(x + j));
                    continue;
                }
                expect_enclosed(mid[j], rad[j], x + j, finer ? ball_run_row(finer, v, i) + j : NULL, naive_row(naive, v, i)[j], op_table[p->net->nodes[v].op].name);
            }
        }
}

static void some_graph(struct net *net, int k)
{
    random_graph(net, k % 3 ? 2 + below(4) : 0, 1 + below(5), 2 + below(5), 1 + below(10));
}

START_TEST(doubles_enclose_balls)
{
    size_t seen[OP_COUNT] = {0};
    for (int k = 0; k < 250; k++) {
        struct net net;
        struct run *r;
        struct ball_run *b, *finer;
        struct point p = {.net = &net};
        some_graph(&net, k);
        for (size_t v = 0; v < net.n_nodes; v++) seen[net.nodes[v].op]++;
        ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_REAL, 128), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&finer, &net, SEMANTICS_REAL, 300), STATUS_OK);
        for (int i = 0; i < 3; i++) {
            struct naive naive;
            random_point(&p);
            run_plain(r, i == 1);
            give(r, &p);
            give_balls(b, &p);
            give_balls(finer, &p);
            if (net.width_in) naive_run_reals(&naive, &net, p.given, p.n);
            else naive_run(&naive, &net, p.t, p.n, -1, 0, NULL);
            compare(r, b, finer, &p, &naive);
            naive_clear(&naive);
        }
        run_free(r);
        ball_run_free(b);
        ball_run_free(finer);
        net_clear(&net);
    }
    ck_assert_msg(unknown * 5 < compared, "%zu of %zu unknown", unknown, compared);
    for (int op = 0; op < OP_COUNT; op++) ck_assert_msg(seen[op] > 0, "%s was never tried", op_table[op].name);
}
END_TEST

static void same_rows(struct run *r, const struct point *p, enum semantics sem)
{
    struct run *fresh;
    ck_assert_int_eq(run_new(&fresh, p->net, sem), STATUS_OK);
    give(fresh, p);
    for (int k = 0; k < 8; k++) {
        size_t v = k ? below(p->net->n_nodes) : p->net->output, i = below(p->n);
        const double *m, *e, *m2, *e2;
        run_row(r, v, i, &m, &e);
        run_row(fresh, v, i, &m2, &e2);
        size_t bytes = run_width(r, v) * sizeof(double);
        ck_assert_msg(memcmp(m, m2, bytes) == 0 && memcmp(e, e2, bytes) == 0, "node %zu (%s) row %zu", v, op_table[p->net->nodes[v].op].name, i);
    }
    run_free(fresh);
}

START_TEST(history_does_not_matter)
{
    for (int k = 0; k < 150; k++) {
        struct net net;
        struct run *r;
        struct point p = {.net = &net};
        enum semantics sem = k % 4 ? SEMANTICS_REAL : SEMANTICS_FLOAT32;
        some_graph(&net, k);
        ck_assert_int_eq(run_new(&r, &net, sem), STATUS_OK);
        for (int i = 0; i < 20; i++) {
            random_point(&p);
            give(r, &p);
            same_rows(r, &p, sem);
        }
        run_free(r);
        net_clear(&net);
    }
}
END_TEST

/* Rows of a node replaced by given numbers: doubles within balls. */
static void check_patch(const struct net *net)
{
    struct run *r;
    struct ball_run *b;
    struct point p = {.net = net};
    size_t v = below(net->n_nodes);
    long row = below(2) ? -1 : (long)below(net->n_ctx);
    ck_assert_int_eq(run_new(&r, net, SEMANTICS_REAL), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&b, net, SEMANTICS_REAL, 128), STATUS_OK);
    ck_assert_int_eq(run_patch(r, v, row), STATUS_OK);
    ck_assert_int_eq(ball_run_patch(b, v, row), STATUS_OK);
    for (int k = 0; k < 4; k++) {
        random_point(&p);
        give(r, &p);
        give_balls(b, &p);
        size_t width = run_width(r, v);
        arb_ptr x = _arb_vec_init((slong)width);
        for (size_t i = 0; i < p.n; i++) {
            double mid[64], rad[64] = {0};
            for (size_t j = 0; j < width; j++) {
                bool off = excluded(&p, v, i, j);
                mid[j] = off ? 0 : uniform();
                rad[j] = off && net->nodes[v].op == OP_SCORE ? INFINITY : 0;
                arb_set_d(x + j, mid[j]);
                if (rad[j] > 0) arb_zero_pm_inf(x + j);
            }
            run_patch_row(r, v, i, mid, rad);
            ball_run_patch_row(b, v, i, x);
        }
        for (size_t u = 0; u < net->n_nodes; u++)
            for (size_t i = 0; i < p.n; i++) {
                const double *mid, *rad;
                run_row(r, u, i, &mid, &rad);
                arb_srcptr y = ball_run_row(b, u, i);
                for (size_t j = 0; j < run_width(r, u); j++) {
                    if (excluded(&p, u, i, j) || !arb_is_finite(y + j)) continue;
                    expect_enclosed(mid[j], rad[j], y + j, NULL, (long double)arf_get_d(arb_midref(y + j), ARF_RND_NEAR), op_table[net->nodes[u].op].name);
                }
            }
        _arb_vec_clear(x, (slong)width);
    }
    run_free(r);
    ball_run_free(b);
}

START_TEST(replaced_rows)
{
    for (int k = 0; k < 150; k++) {
        struct net net;
        some_graph(&net, k);
        check_patch(&net);
        net_clear(&net);
    }
}
END_TEST

static void parse(struct net *net, const char *text)
{
    struct diag d;
    diag_init(&d);
    enum status s = net_parse(net, "inline.net", text, strlen(text), &d);
    if (s != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
}

static void expect_unknown(const struct net *net, struct run *r, struct ball_run *b, const char *name, bool all)
{
    const double *mid, *rad;
    size_t v = (size_t)net_node(net, name);
    run_row(r, v, 0, &mid, &rad);
    for (size_t j = 0; j < (all ? net->nodes[v].width : 1); j++) ck_assert_msg(!isfinite(rad[j]) && !arb_is_finite(ball_run_row(b, v, 0) + j), "%s", name);
}

/* What has no value, and an input that was not given. */
START_TEST(no_value_is_unknown)
{
    struct net net;
    struct run *r;
    struct ball_run *b;
    double given[2] = {0, -1}, zero[2] = {0}, wide[2] = {1e9, 1e9};
    arb_ptr x = _arb_vec_init(2);
    parse(&net, "weightproof-net 1\nreals 2 3\nmask causal\neps 0\ntensor O 2\n0 0\nnode x input\nnode y row x 1\nnode z constant O\nnode q div x z\n"
                "node s sqrt x\nnode d sub x x\nnode e div x d\nnode n rmsnorm z\nnode t topk x 1\nnode w exp x\nnode h tanh x\nnode m max x z\noutput x\nend\n");
    ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_REAL, 128), STATUS_OK);
    run_length(r, 1);
    ball_run_length(b, 1);
    for (size_t v = 0; v < net.n_nodes; v++)
        if (strcmp(net.nodes[v].name, "z") != 0) expect_unknown(&net, r, b, net.nodes[v].name, true);
    run_input_row(r, 0, given, zero);
    arb_set_d(x + 1, -1);
    ball_run_input_row(b, 0, x);
    expect_unknown(&net, r, b, "y", true);
    expect_unknown(&net, r, b, "q", true);
    expect_unknown(&net, r, b, "e", true);
    expect_unknown(&net, r, b, "n", true);
    const double *mid, *rad;
    run_row(r, (size_t)net_node(&net, "s"), 0, &mid, &rad);
    ck_assert(mid[0] == 0 && rad[0] == 0 && !isfinite(rad[1]) && !arb_is_finite(ball_run_row(b, (size_t)net_node(&net, "s"), 0) + 1));
    run_row(r, (size_t)net_node(&net, "t"), 0, &mid, &rad);
    ck_assert(mid[0] == 0 && mid[1] == 0 && rad[0] == 0 && rad[1] == 0);
    /* wide inputs: bounded functions stay bounded, exp says that it does not know */
    run_input_row(r, 0, zero, wide);
    run_row(r, (size_t)net_node(&net, "h"), 0, &mid, &rad);
    ck_assert(mid[0] - rad[0] >= -1.001 && mid[0] + rad[0] <= 1.001);
    run_row(r, (size_t)net_node(&net, "w"), 0, &mid, &rad);
    ck_assert(!isfinite(rad[0]));
    _arb_vec_clear(x, 2);
    run_free(r);
    ball_run_free(b);
    net_clear(&net);
}
END_TEST

/* Saturated functions are tight, and a square is not negative. */
START_TEST(tight)
{
    struct net net;
    struct run *r;
    double mid[3] = {40, -40, 0}, rad[3] = {1, 1, 0.5};
    const double *m, *e;
    parse(&net, "weightproof-net 1\nreals 3 1\nmask none\neps 0\nnode x input\nnode t tanh x\nnode s sigmoid x\nnode f erf x\nnode q mul x x\nnode d div x x\noutput x\nend\n");
    ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
    run_length(r, 1);
    run_input_row(r, 0, mid, rad);
    for (int k = 1; k <= 3; k++) {
        run_row(r, (size_t)k, 0, &m, &e);
        ck_assert(e[0] < 1e-13 && e[1] < 1e-13 && m[0] > 1 - 1e-13);
    }
    run_row(r, 4, 0, &m, &e);
    ck_assert(m[2] - e[2] >= 0 && m[2] + e[2] <= 0.25 + 1e-9);
    run_row(r, 5, 0, &m, &e);
    ck_assert(m[0] == 1 && e[0] == 0 && !isfinite(e[2]));
    run_free(r);
    net_clear(&net);
}
END_TEST

START_TEST(memory_may_end)
{
    struct net net;
    random_graph(&net, 0, 3, 4, 8);
    for (long n = 1; n < 100000; n++) {
        struct run *r = NULL;
        struct ball_run *b = NULL;
        mem_fail_after(n);
        enum status status = run_new(&r, &net, SEMANTICS_REAL);
        if (status == STATUS_OK) status = ball_run_new(&b, &net, SEMANTICS_REAL, 64);
        mem_fail_after(-1);
        ck_assert(status == STATUS_OK || status == STATUS_MEMORY);
        run_free(r);
        ball_run_free(b);
        if (status == STATUS_OK) break;
    }
    net_clear(&net);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("graph");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits");
    tcase_set_timeout(core, 60);
    tcase_add_test(core, doubles_enclose_balls);
    tcase_add_test(core, history_does_not_matter);
    tcase_add_test(core, replaced_rows);
    tcase_add_test(core, tight);
    suite_add_tcase(s, core);
    tcase_add_test(limits, no_value_is_unknown);
    tcase_add_test(limits, memory_may_end);
    suite_add_tcase(s, limits);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
