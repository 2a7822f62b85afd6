/* Evaluation: doubles enclose balls, incremental equals fresh, folded agrees with plain, replaced rows, twins, overflow. */
#include "tests/models/enclosed.h"
#include "tests/models/random_net.h"
#include <arb_hypgeom.h>
#include "core/mem.h"
#include "models/rows.h"
#include "models/turn.h"

static size_t unknown, compared;

/* Is the ball within mid +- rad? An infinite radius says nothing; that must be rare (scores beyond 1e12 in doubles). */
static void expect_enclosed(double mid, double rad, arb_srcptr x, const char *where)
{
    ck_assert_msg(arb_is_finite(x), "%s: unknown", where);
    compared++;
    if (!isfinite(rad)) {
        unknown++;
        return;
    }
    ck_assert_msg(encloses(mid, rad, x), "%s: not enclosed", where);
}

/* the row of the outputs */
static void expect_output(struct run *r, struct ball_run *b, const struct net *net, size_t row)
{
    const double *mid, *rad;
    run_row(r, net->output, row, &mid, &rad);
    for (size_t j = 0; j < run_width(r, net->output); j++) expect_enclosed(mid[j], rad[j], ball_run_row(b, net->output, row) + j, "logits");
}

static bool excluded(const struct net *net, size_t node, size_t row, size_t j)
{
    return net->nodes[node].width == 0 && j >= row_sources(net, row, j + 1);
}

static void compare(struct run *r, struct ball_run *b, const struct net *net, size_t n, struct ball_run *finer)
{
    for (size_t v = net->n_nodes; v-- > 0;)
        for (size_t i = 0; i < n; i++) {
            const double *mid, *rad;
            run_row(r, v, i, &mid, &rad);
            arb_srcptr x = ball_run_row(b, v, i);
            for (size_t j = 0; j < run_width(r, v); j++) {
                if (excluded(net, v, i, j)) {
                    bool score = net->nodes[v].op == OP_SCORE;
                    ck_assert(score ? isinf(rad[j]) && !arb_is_finite(x + j) : mid[j] == 0 && rad[j] == 0 && arb_is_zero(x + j));
                    continue;
                }
                expect_enclosed(mid[j], rad[j], x + j, net->nodes[v].name);
                if (finer) ck_assert(arb_contains(x + j, ball_run_row(finer, v, i) + j));
            }
        }
}

START_TEST(doubles_enclose_balls)
{
    for (int k = 0; k < 120; k++) {
        struct shape s = random_shape();
        struct net net;
        struct run *r;
        struct ball_run *b, *finer;
        int t[8];
        random_net(&net, &s);
        ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_REAL, 128), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&finer, &net, SEMANTICS_REAL, 300), STATUS_OK);
        for (int i = 0; i < 4; i++) {
            size_t n = 1 + below(s.n_ctx);
            random_tokens(t, n, s.vocab);
            run_plain(r, i % 2);
            run_tokens(r, t, n);
            ball_run_tokens(b, t, n);
            ball_run_tokens(finer, t, n);
            compare(r, b, &net, n, finer);
        }
        run_free(r);
        ball_run_free(b);
        ball_run_free(finer);
        net_clear(&net);
    }
    ck_assert_msg(unknown * 50 < compared, "%zu of %zu unknown", unknown, compared);
}
END_TEST

/* Attention alone, two or three layers: logits are folded through the values of the layer above. A row of one radius is a folded one. */
START_TEST(folds_of_folds)
{
    size_t folded = 0;
    for (int k = 0; k < 60; k++) {
        struct shape s = random_shape();
        struct net net;
        struct run *r;
        struct ball_run *b;
        int t[8];
        s.d = 8 + below(4);
        s.d_head = 5 + below(3);
        s.layers = 2 + below(2);
        s.d_mlp = 0;
        s.norm = false;
        random_net(&net, &s);
        ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_REAL, 128), STATUS_OK);
        for (int i = 0; i < 12; i++) {
            const double *mid, *rad;
            size_t n = s.n_ctx - below(s.n_ctx) / 2, row = below(n);
            random_tokens(t, n, s.vocab);
            run_tokens(r, t, n);
            ball_run_tokens(b, t, n);
            expect_output(r, b, &net, row);
            run_row(r, net.output, row, &mid, &rad);
            folded += rad[0] == rad[run_width(r, net.output) - 1] && rad[0] > 0 && rad[0] < 1e-6;
        }
        run_free(r);
        ball_run_free(b);
        net_clear(&net);
    }
    ck_assert_msg(folded > 100, "%zu rows were folded", folded);
}
END_TEST

/* Without a causal mask the last attention is computed by one query for all sources (turn.h), on the network as it stands in balls. */
START_TEST(turned_attention)
{
    size_t many = 0;
    for (int k = 0; k < 60; k++) {
        struct shape s = random_shape();
        struct net net;
        struct run *r;
        struct ball_run *b;
        struct turned *turned;
        int t[8];
        s.causal = k % 6 == 0;
        s.layers = 1 + below(3);
        random_net(&net, &s);
        ck_assert_int_eq(turned_new(&turned, &net), STATUS_OK);
        ck_assert(!s.causal || !turned);
        many += turned != NULL;
        turned_free(turned);
        ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_REAL, 128), STATUS_OK);
        for (int i = 0; i < 6; i++) {
            size_t n = 1 + below(s.n_ctx);
            random_tokens(t, n, s.vocab);
            run_tokens(r, t, n);
            ball_run_tokens(b, t, n);
            for (size_t row = 0; row < n; row++) expect_output(r, b, &net, row);
        }
        run_free(r);
        ball_run_free(b);
        net_clear(&net);
    }
    ck_assert_msg(many > 15, "%zu networks were turned", many);
}
END_TEST

/* The same sequence in a run with a history and in a new one. */
static void same_rows(struct run *r, const struct net *net, enum semantics sem, const int *t, size_t n)
{
    struct run *fresh;
    ck_assert_int_eq(run_new(&fresh, net, sem), STATUS_OK);
    run_tokens(fresh, t, n);
    for (int k = 0; k < 6; k++) {
        size_t v = k ? below(net->n_nodes) : net->output, i = below(n);
        const double *m, *e, *m2, *e2;
        run_row(r, v, i, &m, &e);
        run_row(fresh, v, i, &m2, &e2);
        size_t bytes = run_width(r, v) * sizeof(double);
        ck_assert_uint_eq(run_width(r, v), run_width(fresh, v));
        ck_assert(memcmp(m, m2, bytes) == 0 && memcmp(e, e2, bytes) == 0);
    }
    run_free(fresh);
}

START_TEST(history_does_not_matter)
{
    for (int k = 0; k < 60; k++) {
        struct shape s = random_shape();
        struct net net;
        struct run *r;
        int t[8] = {0};
        enum semantics sem = k % 3 ? SEMANTICS_REAL : SEMANTICS_FLOAT32;
        random_net(&net, &s);
        ck_assert_int_eq(run_new(&r, &net, sem), STATUS_OK);
        for (int i = 0; i < 25; i++) {
            size_t n = below(3) ? s.n_ctx : 1 + below(s.n_ctx);
            for (size_t j = s.n_ctx; j-- > 0;) {
                t[j] = (int)below(s.vocab);
                if (below(2)) break;
            }
            run_tokens(r, t, n);
            same_rows(r, &net, sem, t, n);
        }
        run_free(r);
        net_clear(&net);
    }
}
END_TEST

/* Replaces a row by one of another sequence, in doubles and in balls. */
static void check_patch(const struct net *net, const struct shape *s)
{
    struct run *r;
    struct ball_run *b;
    int t[8];
    size_t v = below(net->n_nodes);
    long row = below(2) ? -1 : (long)below(s->n_ctx);
    ck_assert_int_eq(run_new(&r, net, SEMANTICS_REAL), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&b, net, SEMANTICS_REAL, 128), STATUS_OK);
    ck_assert_int_eq(run_patch(r, v, row), STATUS_OK);
    ck_assert_int_eq(ball_run_patch(b, v, row), STATUS_OK);
    for (int k = 0; k < 6; k++) {
        random_tokens(t, s->n_ctx, s->vocab);
        run_tokens(r, t, s->n_ctx);
        ball_run_tokens(b, t, s->n_ctx);
        size_t width = run_width(r, v);
        arb_ptr x = _arb_vec_init((slong)width);
        for (size_t i = 0; i < s->n_ctx; i++) {
            double mid[64], rad[64] = {0};
            for (size_t j = 0; j < width; j++) {
                bool off = excluded(net, v, i, j);
                mid[j] = off ? 0 : uniform();
                rad[j] = off && net->nodes[v].op == OP_SCORE ? INFINITY : 0;
                arb_set_d(x + j, mid[j]);
                if (rad[j] > 0) arb_zero_pm_inf(x + j);
            }
            run_patch_row(r, v, i, mid, rad);
            ball_run_patch_row(b, v, i, x);
        }
        compare(r, b, net, s->n_ctx, NULL);
        _arb_vec_clear(x, (slong)width);
    }
    /* Not given for this sequence: unknown, in both. */
    t[0] = (t[0] + 1) % (int)s->vocab;
    run_tokens(r, t, s->n_ctx);
    ball_run_tokens(b, t, s->n_ctx);
    const double *mid, *rad;
    run_row(r, v, row < 0 ? 0 : (size_t)row, &mid, &rad);
    ck_assert(isinf(rad[0]) && !arb_is_finite(ball_run_row(b, v, row < 0 ? 0 : (size_t)row)));
    run_free(r);
    ball_run_free(b);
}

START_TEST(replaced_rows)
{
    for (int k = 0; k < 80; k++) {
        struct shape s = random_shape();
        struct net net;
        random_net(&net, &s);
        check_patch(&net, &s);
        net_clear(&net);
    }
    ck_assert_msg(unknown * 50 < compared, "%zu of %zu unknown", unknown, compared);
}
END_TEST

/* |f'| <= 77/64 for the three smooth activations, by balls of width 1/256 over [-16, 16]. */
static void derivative(arb_t out, enum op op, const arb_t x)
{
    arb_t a, b, c;
    arb_init(a);
    arb_init(b);
    arb_init(c);
    if (op == OP_GELU) {            /* Phi(x) + x phi(x) */
        arb_sqrt_ui(a, 2, 60);
        arb_div(a, x, a, 60);
        arb_neg(a, a);
        arb_hypgeom_erfc(b, a, 60);
        arb_mul_2exp_si(b, b, -1);
        arb_sqr(a, a, 60);
        arb_neg(a, a);
        arb_exp(a, a, 60);
        arb_const_pi(c, 60);
        arb_mul_2exp_si(c, c, 1);
        arb_sqrt(c, c, 60);
        arb_div(a, a, c, 60);
        arb_addmul(b, a, x, 60);
        arb_set(out, b);
    } else {                        /* s + x t' s (1 - s), s = 1 / (1 + exp(-t)) */
        arb_set(a, x);
        arb_one(b);
        if (op == OP_GELU_NEW) {
            arb_const_pi(c, 60);
            arb_ui_div(c, 8, c, 60);
            arb_sqrt(c, c, 60);
            arb_sqr(b, x, 60);
            arb_mul_ui(b, b, 3 * 44715, 60);
            arb_div_ui(b, b, 1000000, 60);
            arb_add_ui(b, b, 1, 60);
            arb_mul(b, b, c, 60);
            arb_pow_ui(a, x, 3, 60);
            arb_mul_ui(a, a, 44715, 60);
            arb_div_ui(a, a, 1000000, 60);
            arb_add(a, a, x, 60);
            arb_mul(a, a, c, 60);
        }
        arb_neg(a, a);
        arb_exp(a, a, 60);
        arb_add_ui(a, a, 1, 60);
        arb_inv(a, a, 60);
        arb_mul(b, b, x, 60);
        arb_sub_ui(c, a, 1, 60);
        arb_neg(c, c);
        arb_mul(b, b, a, 60);
        arb_mul(b, b, c, 60);
        arb_add(out, a, b, 60);
    }
    arb_clear(a);
    arb_clear(b);
    arb_clear(c);
}

/* The doubles of gelu, gelu_new and silu against balls of 128 bits: everywhere, close to 0, and between and at the ends of gelu's cells. */
static double argument(int i)
{
    double u = uniform();
    switch (i % 5) {
    case 0: return 20 * u;
    case 1: return ldexp(u, -(i % 1000));
    case 2: return (floor(280 * u) + 0.5) / 32;
    case 3: return (u > 0 ? 1 : -1) * nextafter(8.5, i % 2 ? 0 : 10);
    default: return 2 * u;
    }
}

START_TEST(smooth_kernels)
{
    enum { N = 3000 };
    static double x[N], none[N], mid[N], rad[N];
    arb_t b, v;
    arb_init(b);
    arb_init(v);
    for (enum op op = OP_GELU; op <= OP_SILU; op++) {
        struct node node = { .op = op, .width = N };
        struct row_view in = { x, none };
        struct row_job job = { .node = &node, .in = &in, .mid = mid, .rad = rad };
        for (int i = 0; i < N; i++) x[i] = argument(i);
        row_kernels[op](&job);
        for (int i = 0; i < N; i++) {
            arb_set_d(b, x[i]);
            ball_value(v, op, b, 128);
            arb_set_d(b, mid[i]);
            mag_set_d(arb_radref(b), rad[i]);
            ck_assert_msg(arb_contains(b, v), "operation %d of %.17g: %.17g +- %g", op, x[i], mid[i], rad[i]);
            ck_assert_msg(rad[i] <= 0x1p-47 * fabs(x[i]) + 0x1p-52, "operation %d of %.17g is +- %g", op, x[i], rad[i]);
        }
    }
    arb_clear(b);
    arb_clear(v);
}
END_TEST

START_TEST(derivatives_are_bounded)
{
    arb_t x, d;
    arb_init(x);
    arb_init(d);
    for (int i = -64 * 64; i < 64 * 64; i++)
        for (enum op op = OP_GELU; op <= OP_SILU; op++) {
            arb_set_d(x, (i + 0.5) / 256);
            mag_set_ui_2exp_si(arb_radref(x), 1, -9);
            derivative(d, op, x);
            arb_abs(d, d);
            arb_mul_ui(d, d, 64, 60);
            arb_sub_ui(d, d, 77, 60);
            ck_assert_msg(arb_is_nonpositive(d), "%s near %g", op_table[op].name, i / 256.0);
        }
    arb_clear(x);
    arb_clear(d);
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

START_TEST(twins)
{
    struct net net;
    parse(&net, "weightproof-net 1\ntokens 2 2\nmask causal\neps 0\ntensor E 2 2\n0x1p0 0x1p1\n0x1p1 0x1p0\n"
                "tensor U 2 3\n0x1p0 0x1p0 0x1p1\n0x1p1 0x1p1 0x1p1\ntensor c 3\n0x1p0 0x1p0 0x1p0\nnode e embed E\nnode l linear e U c\nnode r relu l\noutput r\nend\n");
    size_t out = net.output;
    ck_assert(net_twins(&net, out, 0, 1) && net_twins(&net, out, 2, 2));
    ck_assert(!net_twins(&net, out, 0, 2) && !net_twins(&net, out, 0, 7));
    net_clear(&net);
}
END_TEST

/* A network whose values overflow, and one whose variance is zero: radii say so, nothing else does. */
START_TEST(unknown_is_said)
{
    struct net net;
    struct run *r;
    int t[1] = {0};
    const double *mid, *rad;
    parse(&net, "weightproof-net 1\ntokens 1 1\nmask causal\neps 0\ntensor E 1 2\n0x1p700 0x1p700\ntensor U 2 1\n0x1p700\n-0x1p700\n"
                "node e embed E\nnode n layernorm e\nnode m linear n U\nnode l linear e U\nnode r relu l\noutput r\nend\n");
    ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
    run_tokens(r, t, 1);
    for (size_t v = 1; v < net.n_nodes; v++) {
        run_row(r, v, 0, &mid, &rad);
        ck_assert_msg(!isfinite(rad[0]), "%s", net.nodes[v].name);
    }
    run_free(r);
    struct ball_run *b;
    ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_REAL, 128), STATUS_OK);
    ball_run_tokens(b, t, 1);
    ck_assert(!arb_is_finite(ball_run_row(b, 1, 0)) && !arb_is_finite(ball_run_row(b, 2, 0)) && arb_is_zero(ball_run_row(b, 3, 0)));
    ball_run_free(b);
    ck_assert_int_eq(run_new(&r, &net, SEMANTICS_FLOAT32), STATUS_UNSUPPORTED);
    ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_FLOAT32, 64), STATUS_UNSUPPORTED);
    net_clear(&net);
}
END_TEST

/* What is unknown stays unknown through every operation after it, in both arithmetics. */
START_TEST(unknown_spreads)
{
    struct shape s = random_shape();
    struct net net;
    struct run *r;
    struct ball_run *b;
    int t[8] = {0};
    const double *mid, *rad;
    for (int k = 0; k < 40; k++) {
        s = random_shape();
        random_net(&net, &s);
        long embed = net_node(&net, "hook_embed");
        ck_assert_int_eq(run_new(&r, &net, SEMANTICS_REAL), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&b, &net, SEMANTICS_REAL, 64), STATUS_OK);
        ck_assert_int_eq(run_patch(r, (size_t)embed, 0), STATUS_OK);
        ck_assert_int_eq(ball_run_patch(b, (size_t)embed, 0), STATUS_OK);
        run_tokens(r, t, s.n_ctx);
        ball_run_tokens(b, t, s.n_ctx);
        for (size_t v = (size_t)embed; v < net.n_nodes; v++) {
            run_row(r, v, 0, &mid, &rad);
            for (size_t j = 0; j < net.nodes[v].width; j++) {
                bool known = arb_is_finite(ball_run_row(b, v, 0) + j);
                ck_assert_msg(!isfinite(rad[j]) || known, "%s", net.nodes[v].name);
            }
        }
        run_row(r, net.output, 0, &mid, &rad);
        ck_assert(!isfinite(rad[0]) && !arb_is_finite(ball_run_row(b, net.output, 0)));
        run_free(r);
        ball_run_free(b);
        net_clear(&net);
    }
}
END_TEST

START_TEST(memory_may_end)
{
    struct shape s = random_shape();
    struct net net;
    random_net(&net, &s);
    for (long n = 1; n < 100000; n++) {
        struct run *r = NULL;
        struct ball_run *b = NULL;
        int t[8] = {0};
        mem_fail_after(n);
        enum status status = run_new(&r, &net, SEMANTICS_REAL);
        if (status == STATUS_OK) {
            const double *mid, *rad;
            run_tokens(r, t, s.n_ctx);
            run_row(r, net.output, s.n_ctx - 1, &mid, &rad);
            ck_assert(isfinite(rad[0]));
            status = ball_run_new(&b, &net, SEMANTICS_REAL, 64);
        }
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
    Suite *s = suite_create("run");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits");
    tcase_set_timeout(core, 60);
    tcase_add_test(core, doubles_enclose_balls);
    tcase_add_test(core, folds_of_folds);
    tcase_add_test(core, turned_attention);
    tcase_add_test(core, history_does_not_matter);
    tcase_add_test(core, replaced_rows);
    tcase_add_test(core, derivatives_are_bounded);
    tcase_add_test(core, smooth_kernels);
    tcase_add_test(core, twins);
    suite_add_tcase(s, core);
    tcase_add_test(limits, unknown_is_said);
    tcase_add_test(limits, unknown_spreads);
    tcase_add_test(limits, memory_may_end);
    suite_add_tcase(s, limits);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
