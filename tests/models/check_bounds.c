/* Bounds on sets of inputs: they contain balls and binary32 executions of inputs of the set, grow with the set, and are nearly as tight as
 * evaluation for a single input. The shapes that they rely on (valleys of gelu, gelu_new, silu) are proved with balls. */
#include <arb_hypgeom.h>
#include "tests/models/execution.h"
#include "tests/models/random_graph.h"
#include "core/mem.h"
#include "models/bounds.h"

#define N 6
struct set { const struct net *net; int tokens[N][8]; size_t count[N]; double lo[N * WIDTH], hi[N * WIDTH]; size_t n; };

static void random_set(struct set *s, size_t most, double radius)
{
    size_t width = s->net->width_in;
    s->n = 1 + below(s->net->n_ctx);
    for (size_t i = 0; i < s->n; i++) {
        s->count[i] = width ? 0 : 1 + below(most < s->net->d_vocab ? most : s->net->d_vocab);
        size_t from = width ? 0 : below(s->net->d_vocab);
        for (size_t k = 0; k < s->count[i]; k++) s->tokens[i][k] = (int)((from + k) % s->net->d_vocab);
        for (size_t j = 0; j < width; j++) {
            double x = 2 * uniform() - 1, r = below(4) ? radius * uniform() : 0;
            s->lo[i * width + j] = (double)(float)(x - r);
            s->hi[i * width + j] = r > 0 ? (double)(float)(x + r) : s->lo[i * width + j];
        }
    }
}

static void give(struct bounds *b, const struct set *s)
{
    const int *tokens[N];
    for (size_t i = 0; i < s->n; i++) tokens[i] = s->tokens[i];
    if (s->net->width_in) bounds_box(b, s->lo, s->hi, s->n);
    else ck_assert_int_eq(bounds_tokens(b, tokens, s->count, s->n), STATUS_OK);
}

/* One input of the set, corners of boxes above all. */
static void pick(int *t, double *given, const struct set *s)
{
    size_t width = s->net->width_in;
    for (size_t i = 0; i < s->n; i++) {
        if (!width) t[i] = s->tokens[i][below(s->count[i])];
        for (size_t j = i * width; j < (i + 1) * width; j++) {
            double x = s->lo[j] + uniform() * (s->hi[j] - s->lo[j]);
            given[j] = below(3) ? s->lo[j] : below(2) ? s->hi[j] : (double)(float)x;
        }
    }
}

static void give_balls(struct ball_run *b, const int *t, const double *given, const struct set *s)
{
    size_t width = s->net->width_in;
    if (width) ball_run_length(b, s->n);
    else ball_run_tokens(b, t, s->n);
    arb_ptr x = _arb_vec_init((slong)width + 1);
    for (size_t i = 0; width && i < s->n; i++) {
        for (size_t j = 0; j < width; j++) arb_set_d(x + j, given[i * width + j]);
        ball_run_input_row(b, i, x);
    }
    _arb_vec_clear(x, (slong)width + 1);
}

static bool unread(const struct net *net, const int *t, size_t node, size_t row, size_t j)
{
    return net->nodes[node].op == OP_SCORE && ((net->causal && j > row) || (net->pad >= 0 && t[j] == net->pad));
}

static size_t known, all;

static void expect_ball(double lo, double hi, arb_srcptr x, const char *where)
{
    all++;
    if (!isfinite(lo)) return;
    known++;
    arb_t a;
    arb_init(a);
    ck_assert_msg(arb_is_finite(x), "%s: no value, but bounded", where);
    arb_set_d(a, lo);
    ck_assert_msg(arb_is_zero(x) ? lo <= 0 : !arb_gt(a, x), "%s: %.17g below %.17g", where, arf_get_d(arb_midref(x), ARF_RND_NEAR), lo);
    arb_set_d(a, hi);
    ck_assert_msg(arb_is_zero(x) ? hi >= 0 : !arb_lt(a, x), "%s: %.17g above %.17g", where, arf_get_d(arb_midref(x), ARF_RND_NEAR), hi);
    arb_clear(a);
}

static void some_graph(struct net *net, int k)
{
    random_graph(net, k % 3 ? 2 + below(4) : 0, 1 + below(4), 2 + below(5), 1 + below(7));
}

START_TEST(truth_is_contained)
{
    for (int k = 0; k < 300; k++) {
        struct net net;
        struct bounds *b;
        struct ball_run *r;
        struct set s = {.net = &net};
        int t[8];
        double given[N * WIDTH];
        some_graph(&net, k);
        ck_assert_int_eq(bounds_new(&b, &net, SEMANTICS_REAL), STATUS_OK);
        ck_assert_int_eq(ball_run_new(&r, &net, SEMANTICS_REAL, 100), STATUS_OK);
        for (int i = 0; i < 3; i++) {
            random_set(&s, 3, i ? 0.5 : 0.01);
            give(b, &s);
            for (int x = 0; x < 5; x++) {
                pick(t, given, &s);
                give_balls(r, t, given, &s);
                for (size_t v = 0; v < net.n_nodes; v++)
                    for (size_t row = 0; row < s.n; row++) {
                        const double *lo, *hi;
                        bounds_row(b, v, row, &lo, &hi);
                        for (size_t j = 0; j < bounds_width(b, v); j++)
                            if (!unread(&net, t, v, row, j)) expect_ball(lo[j], hi[j], ball_run_row(r, v, row) + j, op_table[net.nodes[v].op].name);
                    }
            }
        }
        bounds_free(b);
        ball_run_free(r);
        net_clear(&net);
    }
    ck_assert_msg(known * 10 > all * 7, "%zu of %zu known", known, all);
}
END_TEST

static void expect_execution(const struct execution *e, struct bounds *b)
{
    for (size_t v = 0; v < e->net->n_nodes; v++)
        for (size_t row = 0; row < e->n; row++) {
            const double *lo, *hi;
            bounds_row(b, v, row, &lo, &hi);
            for (size_t j = 0; j < bounds_width(b, v); j++) {
                if (unread(e->net, e->t, v, row, j) || !isfinite(lo[j])) continue;
                double x = (double)e->rows[v][row][j];
                known++;
                ck_assert_msg(x >= lo[j] && x <= hi[j], "%s: %.9g not in [%.9g, %.9g]", op_table[e->net->nodes[v].op].name, x, lo[j], hi[j]);
            }
        }
}

START_TEST(executions_are_contained)
{
    known = 0;
    for (int k = 0; k < 200; k++) {
        struct net net;
        struct bounds *b;
        struct set s = {.net = &net};
        int t[8];
        double given[N * WIDTH];
        some_graph(&net, k);
        float (*rows)[8][WIDTH] = calloc(net.n_nodes, sizeof *rows);
        ck_assert_int_eq(bounds_new(&b, &net, SEMANTICS_FLOAT32), STATUS_OK);
        for (int i = 0; i < 3; i++) {
            random_set(&s, i ? 3 : 1, i > 1 ? 0.5 : i ? 1e-6 : 0);
            give(b, &s);
            for (int x = 0; x < 5; x++) {
                pick(t, given, &s);
                struct execution e = {&net, rows, t, s.n, given};
                execute(&e);
                expect_execution(&e, b);
            }
        }
        free(rows);
        bounds_free(b);
        net_clear(&net);
    }
    ck_assert_uint_gt(known, 100000);
}
END_TEST

/* Halves of a set. */
static void shrink(struct set *s)
{
    size_t width = s->net->width_in;
    for (size_t i = 0; i < s->n; i++) {
        if (s->count[i] > 1 && below(2)) s->count[i]--;
        for (size_t j = i * width; j < (i + 1) * width; j++) {
            double m = s->lo[j] / 2 + s->hi[j] / 2;
            if (below(2)) s->lo[j] = m;
            else s->hi[j] = m;
        }
    }
}

START_TEST(smaller_sets_have_smaller_bounds)
{
    for (int k = 0; k < 200; k++) {
        struct net net;
        struct bounds *b, *c;
        struct set s = {.net = &net};
        enum semantics sem = k % 2 ? SEMANTICS_REAL : SEMANTICS_FLOAT32;
        some_graph(&net, k);
        ck_assert_int_eq(bounds_new(&b, &net, sem), STATUS_OK);
        ck_assert_int_eq(bounds_new(&c, &net, sem), STATUS_OK);
        random_set(&s, 4, 0.5);
        give(b, &s);
        for (int i = 0; i < 3; i++) {
            shrink(&s);
            give(c, &s);
            for (size_t v = 0; v < net.n_nodes; v++)
                for (size_t row = 0; row < s.n; row++)
                    for (size_t j = 0; j < bounds_width(b, v); j++) {
                        const double *lo, *hi, *lo2, *hi2;
                        bounds_row(b, v, row, &lo, &hi);
                        bounds_row(c, v, row, &lo2, &hi2);
                        double slack = 1e-5 * (1 + (hi[j] - lo[j]));
                        ck_assert_msg(!isfinite(lo[j]) || net.nodes[v].op == OP_SCORE || (lo2[j] >= lo[j] - slack && hi2[j] <= hi[j] + slack),
                                      "%s: [%g, %g] not within [%g, %g]", op_table[net.nodes[v].op].name, lo2[j], hi2[j], lo[j], hi[j]);
                    }
        }
        bounds_free(b);
        bounds_free(c);
        net_clear(&net);
    }
}
END_TEST

/* One input: as tight as its evaluation, but for a small factor. */
START_TEST(single_inputs_are_tight)
{
    double wide = 0, cases = 0;
    for (int k = 0; k < 200; k++) {
        struct net net;
        struct bounds *b;
        struct run *r;
        struct set s = {.net = &net};
        double zero[WIDTH] = {0};
        int t[8];
        double given[N * WIDTH];
        enum semantics sem = k % 2 ? SEMANTICS_REAL : SEMANTICS_FLOAT32;
        some_graph(&net, k);
        ck_assert_int_eq(bounds_new(&b, &net, sem), STATUS_OK);
        ck_assert_int_eq(run_new(&r, &net, sem), STATUS_OK);
        random_set(&s, 1, 0);
        give(b, &s);
        pick(t, given, &s);
        if (net.width_in) run_length(r, s.n);
        else run_tokens(r, t, s.n);
        for (size_t i = 0; net.width_in && i < s.n; i++) run_input_row(r, i, given + i * net.width_in, zero);
        for (size_t row = 0; row < s.n; row++) {
            const double *lo, *hi, *mid, *rad;
            bounds_row(b, net.output, row, &lo, &hi);
            run_row(r, net.output, row, &mid, &rad);
            for (size_t j = 0; j < bounds_width(b, net.output); j++) {
                if (!(rad[j] < 1e-4)) continue;
                cases++;
                wide += !(hi[j] - lo[j] <= 20 * rad[j] + 1e-12 * (1 + fabs(mid[j])));
            }
        }
        bounds_free(b);
        run_free(r);
        net_clear(&net);
    }
    ck_assert_msg(cases > 500 && wide * 20 < cases, "%g of %g much wider", wide, cases);
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

static void expect_range(struct bounds *b, const struct net *net, const char *name, size_t j, double least, double most)
{
    const double *lo, *hi;
    bounds_row(b, (size_t)net_node(net, name), 0, &lo, &hi);
    ck_assert_msg(lo[j] <= least && hi[j] >= most && least - lo[j] < 1e-9 && hi[j] - most < 1e-9, "%s[%zu]: [%.17g, %.17g]", name, j, lo[j], hi[j]);
}

/* Ranges that are known exactly. */
START_TEST(ranges_are_exact)
{
    struct net net;
    struct bounds *b;
    double lo[3] = {-1, -1, -1}, hi[3] = {1, 1, 1}, e = exp(2);
    parse(&net, "weightproof-net 1\nreals 3 1\nmask none\neps 0\ntensor T 3\n0 0x1p-1 -0x1p-1\nnode x input\nnode s rowsoftmax x 3\nnode q mul x x\nnode g gelu x\nnode j jumprelu x T\n"
                "node t tanh x\nnode m max x q\nnode d sub x x\nnode n rmsnorm x\nnode r sqrt q\nnode f score x x 3\nnode a softmax f\nnode z mix a x\noutput x\nend\n");
    ck_assert_int_eq(bounds_new(&b, &net, SEMANTICS_REAL), STATUS_OK);
    bounds_box(b, lo, hi, 1);
    expect_range(b, &net, "s", 0, 1 / (1 + 2 * e), e / (e + 2));
    expect_range(b, &net, "q", 1, 0, 1);
    expect_range(b, &net, "t", 1, -tanh(1), tanh(1));
    expect_range(b, &net, "j", 1, 0, 1);
    expect_range(b, &net, "j", 2, -0.5, 1);
    expect_range(b, &net, "m", 0, 0, 1);
    expect_range(b, &net, "r", 0, 0, 1);
    expect_range(b, &net, "z", 0, -1, 1);
    const double *l, *h;
    bounds_row(b, (size_t)net_node(&net, "g"), 0, &l, &h);
    ck_assert(l[0] < -0.16997 && l[0] > -0.16998 && h[0] > 0.8413 && h[0] < 0.8414);
    bounds_free(b);
    net_clear(&net);
    /* a normalised entry is at most the root of the others' number, of all with rmsnorm */
    lo[0] = 3, hi[0] = 1e6;
    parse(&net, "weightproof-net 1\nreals 3 1\nmask none\neps 0x1p-10\nnode x input\nnode n layernorm x\nnode m rmsnorm x\noutput n\nend\n");
    ck_assert_int_eq(bounds_new(&b, &net, SEMANTICS_REAL), STATUS_OK);
    bounds_box(b, lo, hi, 1);
    bounds_row(b, 1, 0, &l, &h);
    ck_assert_msg(h[0] <= sqrt(2) * (1 + 1e-9) && l[0] > 0.5, "[%g, %g]", l[0], h[0]);
    bounds_row(b, 2, 0, &l, &h);
    ck_assert(h[0] <= sqrt(3) * (1 + 1e-9) && l[0] > 1);
    bounds_free(b);
    net_clear(&net);
}
END_TEST

/* Derivatives of x s(t), s = 1/(1 + exp(-t)), and of x Phi(x). */
static void derivative(arb_t out, enum op op, const arb_t x)
{
    arb_t s, t, c;
    arb_init(s);
    arb_init(t);
    arb_init(c);
    if (op == OP_GELU) {
        arb_sqrt_ui(c, 2, 80);
        arb_div(t, x, c, 80);
        arb_neg(t, t);
        arb_hypgeom_erfc(s, t, 80);
        arb_mul_2exp_si(s, s, -1);
        arb_sqr(t, t, 80);
        arb_neg(t, t);
        arb_exp(t, t, 80);
        arb_const_pi(c, 80);
        arb_mul_2exp_si(c, c, 1);
        arb_rsqrt(c, c, 80);
        arb_mul(t, t, c, 80);
        arb_mul(t, t, x, 80);
        arb_add(out, s, t, 80);
    } else {
        arb_one(c);      /* c = t', t */
        arb_set(t, x);
        if (op == OP_GELU_NEW) {
            arb_t root, cube;
            arb_init(root);
            arb_init(cube);
            arb_const_pi(root, 80);
            arb_ui_div(root, 8, root, 80);
            arb_sqrt(root, root, 80);
            arb_sqr(cube, x, 80);
            arb_mul_ui(c, cube, 3 * 44715, 80);
            arb_div_ui(c, c, 1000000, 80);
            arb_add_ui(c, c, 1, 80);
            arb_mul(c, c, root, 80);
            arb_mul(cube, cube, x, 80);
            arb_mul_ui(cube, cube, 44715, 80);
            arb_div_ui(cube, cube, 1000000, 80);
            arb_add(t, x, cube, 80);
            arb_mul(t, t, root, 80);
            arb_clear(root);
            arb_clear(cube);
        }
        arb_neg(t, t);
        arb_exp(t, t, 80);
        arb_add_ui(t, t, 1, 80);
        arb_inv(s, t, 80);                /* s (1 + x t' (1 - s)) */
        arb_sub_ui(t, s, 1, 80);
        arb_neg(t, t);
        arb_mul(t, t, x, 80);
        arb_mul(t, t, c, 80);
        arb_add_ui(t, t, 1, 80);
        arb_mul(out, s, t, 80);
    }
    arb_clear(s);
    arb_clear(t);
    arb_clear(c);
}

/* Has the derivative the sign everywhere on [a, b]? Or (sign 0) is the function above `least` there? */
static bool holds(enum op op, double a, double b, int sign, double least, int depth)
{
    arb_t x, d, l;
    arb_init(x);
    arb_init(d);
    arb_init(l);
    arb_set_d(x, a);
    arb_set_d(d, b);
    arb_union(x, x, d, 80);
    arb_set_d(l, least);
    if (sign) derivative(d, op, x);
    else ball_activation(d, op, x, 80);
    bool yes = sign > 0 ? arb_is_positive(d) : sign < 0 ? arb_is_negative(d) : arb_gt(d, l);
    arb_clear(x);
    arb_clear(d);
    arb_clear(l);
    if (yes || depth == 0) return yes;
    double m = a / 2 + b / 2;
    return holds(op, a, m, sign, least, depth - 1) && holds(op, m, b, sign, least, depth - 1);
}

/* Beyond -16 and 16 it is seen on paper (docs/methods.md). The numbers are those of models/bounds_entries.c. */
START_TEST(valleys)
{
    static const struct { enum op op; double from, to, least; } v[] = {
        {OP_GELU, -0.7528, -0.7508, -0.169972}, {OP_GELU_NEW, -0.7535, -0.7515, -0.170041}, {OP_SILU, -1.2795, -1.2775, -0.278465}};
    for (int i = 0; i < 3; i++) {
        for (int k = -16; k < 0; k++)
            ck_assert_msg(holds(v[i].op, k, k + 1 < v[i].from ? k + 1 : v[i].from, -1, 0, 22) || k >= v[i].from, "%s falls to %g", op_table[v[i].op].name, v[i].from);
        ck_assert(holds(v[i].op, v[i].to, 16, 1, 0, 22));
        ck_assert(holds(v[i].op, v[i].from, v[i].to, 0, v[i].least, 22));
    }
}
END_TEST

START_TEST(memory_may_end)
{
    struct net net;
    struct set s = {.net = &net};
    random_graph(&net, 3, 3, 4, 8);
    random_set(&s, 2, 0);
    const int *tokens[N];
    for (size_t i = 0; i < s.n; i++) tokens[i] = s.tokens[i];
    for (long n = 1; n < 100000; n++) {
        struct bounds *b = NULL;
        const double *lo, *hi;
        mem_fail_after(n);
        enum status status = bounds_new(&b, &net, SEMANTICS_REAL);
        if (status == STATUS_OK) status = bounds_tokens(b, tokens, s.count, s.n);
        if (status == STATUS_OK) bounds_row(b, net.output, 0, &lo, &hi);
        mem_fail_after(-1);
        ck_assert(status == STATUS_OK || status == STATUS_MEMORY);
        bounds_free(b);
        if (status == STATUS_OK) break;
    }
    net_clear(&net);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bounds");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits");
    tcase_set_timeout(core, 200);
    tcase_add_test(core, truth_is_contained);
    tcase_add_test(core, executions_are_contained);
    tcase_add_test(core, smaller_sets_have_smaller_bounds);
    tcase_add_test(core, single_inputs_are_tight);
    tcase_add_test(core, ranges_are_exact);
    tcase_add_test(core, valleys);
    suite_add_tcase(s, core);
    tcase_add_test(limits, memory_may_end);
    suite_add_tcase(s, limits);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
