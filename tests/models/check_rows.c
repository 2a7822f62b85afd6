/* Single rows with wide arguments: any point of the argument boxes, corners above all, maps into the result's box. The truth is
 * computed in long double, 2^-40 relative beside radii of 1e-6 and more. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "tests/models/random_net.h"
#include "models/rows.h"

#define K 24
struct box { double mid[K], rad[K]; };

static void random_box(struct box *b, size_t n, double size, double radius)
{
    for (size_t i = 0; i < n; i++) {
        b->mid[i] = size * (2 * uniform() - 1);
        b->rad[i] = below(4) ? radius * uniform() : 0;
    }
}

/* style 0: anywhere; else a corner. */
static void point(long double *x, const struct box *b, size_t n, size_t style)
{
    for (size_t i = 0; i < n; i++) {
        long double t = style ? (below(2) ? 1 : -1) : 2 * (long double)uniform() - 1;
        x[i] = (long double)b->mid[i] + t * (long double)b->rad[i];
    }
}

static void expect_in(const long double *y, const struct box *b, size_t n, const char *where)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(!isfinite(b->rad[i]) || fabsl(y[i] - (long double)b->mid[i]) <= (long double)b->rad[i] + 0x1p-50L,
                      "%s: %.15Lg not in %.15g +- %g", where, y[i], b->mid[i], b->rad[i]);
}

static void true_softmax(long double *p, const long double *s, size_t n)
{
    long double top = s[0], sum = 0;
    for (size_t i = 0; i < n; i++) top = s[i] > top ? s[i] : top;
    for (size_t i = 0; i < n; i++) sum += p[i] = expl(s[i] - top);
    for (size_t i = 0; i < n; i++) p[i] /= sum;
}

static void true_layernorm(long double *y, const long double *x, size_t n, long double eps)
{
    long double mean = 0, q = 0;
    for (size_t i = 0; i < n; i++) mean += x[i];
    mean /= (long double)n;
    for (size_t i = 0; i < n; i++) q += (x[i] - mean) * (x[i] - mean);
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) / sqrtl(q / (long double)n + eps);
}

static long double true_activation(enum op op, long double x)
{
    long double pi = acosl(-1);
    if (op == OP_RELU) return x > 0 ? x : 0;
    if (op == OP_GELU) return x * erfcl(-x / sqrtl(2)) / 2;
    if (op == OP_GELU_NEW) return x * (1 + tanhl(sqrtl(2 / pi) * (x + 0.044715L * x * x * x))) / 2;
    return x / (1 + expl(-x));
}

static struct rounding semantics_of(int k) { return k % 2 ? (struct rounding){FLOAT32_U, FLOAT32_ETA} : (struct rounding){0, 0}; }

START_TEST(layernorm)
{
    for (int k = 0; k < 4000; k++) {
        size_t n = 2 + below(K - 2);
        struct net net = {.eps = k % 3 ? 1e-5 : 0};
        struct node node = {.op = OP_LAYERNORM, .width = n};
        struct box x, y;
        double scratch[2 * K];
        struct row_view in = {x.mid, x.rad};
        struct row_job job = {.net = &net, .node = &node, .in = &in, .mid = y.mid, .rad = y.rad, .scratch = scratch, .f = semantics_of(k)};
        long double at[K], truth[K];
        random_box(&x, n, 2, pow(10, -6 * uniform()));
        row_kernels[OP_LAYERNORM](&job);
        for (size_t i = 0; i < 20; i++) {
            point(at, &x, n, i);
            true_layernorm(truth, at, n, (long double)net.eps);
            expect_in(truth, &y, n, "layernorm");
        }
    }
}
END_TEST

START_TEST(softmax_and_mix)
{
    for (int k = 0; k < 4000; k++) {
        size_t n = 1 + below(7), m = 1 + below(K - 1);
        struct net net = {.eps = 0};
        struct node softmax = {.op = OP_SOFTMAX}, mix = {.op = OP_MIX, .width = m};
        struct box s, p, v[8], z;
        double scratch[4 * K], radius = pow(10, -6 * uniform());
        struct row_view in[9] = {{s.mid, s.rad}};
        struct row_job job = {.net = &net, .node = &softmax, .sources = n, .in = in, .mid = p.mid, .rad = p.rad, .scratch = scratch, .f = semantics_of(k)};
        random_box(&s, n, 6, radius);
        row_kernels[OP_SOFTMAX](&job);
        for (size_t i = 0; i < n; i++) {
            random_box(&v[i], m, 3, radius);
            in[i + 1] = (struct row_view){v[i].mid, v[i].rad};
        }
        in[0] = (struct row_view){p.mid, p.rad};
        job.node = &mix;
        job.is_pattern = true;
        job.mid = z.mid;
        job.rad = z.rad;
        row_kernels[OP_MIX](&job);
        for (size_t i = 0; i < 20; i++) {
            long double at[K], share[K], value[K], truth[K] = {0};
            point(at, &s, n, i);
            true_softmax(share, at, n);
            expect_in(share, &p, n, "softmax");
            for (size_t t = 0; t < n; t++) {
                point(value, &v[t], m, i);
                for (size_t j = 0; j < m; j++) truth[j] += share[t] * value[j];
            }
            expect_in(truth, &z, m, "mix");
        }
    }
}
END_TEST

/* Executions of binary32 from exact scores with the library at its worst: 4 ulp up for one entry, down for the others, small ones flushed. */
START_TEST(softmax_executions)
{
    for (int k = 0; k < 4000; k++) {
        size_t n = 2 + below(6), up = below(n);
        struct net net = {.eps = 0};
        struct node softmax = {.op = OP_SOFTMAX};
        struct box s, p;
        double scratch[4 * K];
        struct row_view in = {s.mid, s.rad};
        struct row_job job = {.net = &net, .node = &softmax, .sources = n, .in = &in, .mid = p.mid, .rad = p.rad, .scratch = scratch, .f = semantics_of(1)};
        float top = -INFINITY, e[K], sum = 0;
        for (size_t i = 0; i < n; i++) {
            s.mid[i] = (double)(float)(k % 2 ? 6 * uniform() : i ? -86 - 3 * uniform() : 0);
            s.rad[i] = 0;
            top = (float)s.mid[i] > top ? (float)s.mid[i] : top;
        }
        row_kernels[OP_SOFTMAX](&job);
        for (size_t i = 0; i < n; i++) {
            float x = (float)s.mid[i] - top;
            e[i] = (float)exp((double)x);
            for (int ulp = 0; ulp < 3; ulp++) e[i] = nextafterf(e[i], i == up ? INFINITY : 0);
            if (e[i] < 0x1p-126f) e[i] = 0;
            sum += e[i];
        }
        for (size_t i = 0; i < n; i++) {
            double share = (double)(e[i] / sum);
            ck_assert_msg(fabs(share - p.mid[i]) <= p.rad[i], "%.9g not in %.9g +- %g", share, p.mid[i], p.rad[i]);
        }
    }
}
END_TEST

START_TEST(activations)
{
    for (int k = 0; k < 4000; k++) {
        enum op op = (enum op)(OP_RELU + k % 4);
        struct node node = {.op = op, .width = K};
        struct net net = {.eps = 0};
        struct box x, y;
        struct row_view in = {x.mid, x.rad};
        struct row_job job = {.net = &net, .node = &node, .in = &in, .mid = y.mid, .rad = y.rad, .f = semantics_of(k / 4)};
        random_box(&x, K, k % 7 ? 6 : 60, pow(10, -6 * uniform()));
        row_kernels[op](&job);
        for (size_t i = 0; i < 6; i++) {
            long double at[K], truth[K];
            point(at, &x, K, i);
            for (size_t j = 0; j < K; j++) truth[j] = true_activation(op, at[j]);
            expect_in(truth, &y, K, op_table[op].name);
        }
    }
}
END_TEST

/* Far arguments of the smooth activations say something finite and right. */
START_TEST(far_activations)
{
    static const double far[] = {1e3, -1e3, 1e6, -1e6, 1e150, -1e150, 0, 1e-300, -1e-310};
    enum { N = sizeof far / sizeof *far };
    for (enum op op = OP_GELU; op <= OP_SILU; op++) {
        struct node node = {.op = op, .width = N};
        struct net net = {.eps = 0};
        double zero[N] = {0};
        struct box y;
        struct row_view in = {far, zero};
        struct row_job job = {.net = &net, .node = &node, .in = &in, .mid = y.mid, .rad = y.rad};
        row_kernels[op](&job);
        for (size_t i = 0; i < N; i++) {
            double truth = far[i] > 100 ? far[i] : far[i] < -100 ? 0 : far[i] / 2;
            ck_assert_msg(fabs(y.mid[i] - truth) <= y.rad[i] && y.rad[i] <= 1e-12 * fabs(far[i]) + 1e-200, "%s(%g) = %g +- %g", op_table[op].name, far[i], y.mid[i], y.rad[i]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rows");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core"), *limits = tcase_create("Limits");
    tcase_set_timeout(core, 60);
    tcase_add_test(core, layernorm);
    tcase_add_test(core, softmax_and_mix);
    tcase_add_test(core, softmax_executions);
    tcase_add_test(core, activations);
    suite_add_tcase(s, core);
    tcase_add_test(limits, far_activations);
    suite_add_tcase(s, limits);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
