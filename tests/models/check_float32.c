/* float32 semantics: binary32 executions with random order, grouping, fusing and library errors stay within both enclosures. */
#include "tests/models/random_net.h"
#include "models/rows.h"

/* One execution of a network, as free as NETWORK.md §5 allows, choosing at random. Rows of every node, float [n_nodes][n_ctx][64]. */
#define WIDTH 64
struct execution { const struct net *net; float (*rows)[8][WIDTH]; const int *t; size_t n; };

/* 4 ulp away from the truth, or flushed. */
static float library(double truth)
{
    float y = (float)truth;
    for (size_t k = below(4); k > 0; k--) y = nextafterf(y, uniform() < 0.5 ? -INFINITY : INFINITY);
    return fabsf(y) < 0x1p-126f && below(2) ? 0 : y;
}

struct sum { float a[300], b[300]; bool product[300]; size_t n; };
static void add_product(struct sum *s, float a, float b) { s->a[s->n] = a, s->b[s->n] = b, s->product[s->n++] = true; }
static void add_plain(struct sum *s, float a) { s->a[s->n] = a, s->product[s->n++] = false; }

/* Takes two parts of the sum and makes them one, until one is left: any order, any grouping, products fused or not. */
static float total(struct sum *s)
{
    bool in_order = below(2);
    if (s->n == 0) return 0;
    while (s->n > 1) {
        size_t i = in_order ? 0 : below(s->n), j = in_order ? 1 : (i + 1 + below(s->n - 1)) % s->n;
        if (!s->product[i] && s->product[j] && below(2)) s->a[i] = fmaf(s->a[j], s->b[j], s->a[i]);
        else {
            float x = s->product[i] ? s->a[i] * s->b[i] : s->a[i], y = s->product[j] ? s->a[j] * s->b[j] : s->a[j];
            s->a[i] = x + y;
        }
        s->product[i] = false;
        s->n--;
        size_t gap = in_order ? j : s->n;
        for (; in_order && gap < s->n; gap++) s->a[gap] = s->a[gap + 1], s->b[gap] = s->b[gap + 1], s->product[gap] = s->product[gap + 1];
        if (!in_order) s->a[j] = s->a[s->n], s->b[j] = s->b[s->n], s->product[j] = s->product[s->n];
    }
    return s->product[0] ? s->a[0] * s->b[0] : s->a[0];
}

static void execute_heads(float *y, const struct execution *e, const struct node *v, size_t i)
{
    for (size_t j = 0; j < v->width; j++) {
        struct sum s = {.n = 0};
        for (size_t a = 0; a < v->n_inputs; a++) {
            const struct node *u = &e->net->nodes[v->inputs[a]];
            for (size_t k = 0; k < u->w[0].k; k++) add_product(&s, e->rows[u->inputs[0]][i][k], (float)u->w[0].data[k * u->w[0].m + j]);
        }
        if (v->n_w) add_plain(&s, (float)v->w[0].data[j]);
        y[j] = total(&s);
    }
}

static void execute_softmax(float *y, const float *x, size_t n)
{
    float top = x[0], e[8];
    struct sum s = {.n = 0};
    bool reciprocal = below(2);
    for (size_t j = 0; j < n; j++) top = x[j] > top ? x[j] : top;
    for (size_t j = 0; j < n; j++) {
        float shifted = x[j] - top;
        e[j] = library(exp((double)shifted));
        add_plain(&s, e[j]);
    }
    float sum = total(&s);
    for (size_t j = 0; j < n; j++) y[j] = reciprocal ? e[j] * (1 / sum) : e[j] / sum;
}

static void execute_layernorm(float *y, const float *x, const struct execution *e, const struct node *v)
{
    float k = (float)v->width, c[WIDTH], eps = (float)e->net->eps;
    struct sum s = {.n = 0}, q = {.n = 0};
    bool reciprocal = below(2);
    for (size_t j = 0; j < v->width; j++) add_plain(&s, x[j]);
    float mean = total(&s) / k;
    for (size_t j = 0; j < v->width; j++) {
        c[j] = x[j] - mean;
        add_product(&q, c[j], c[j]);
    }
    float var = total(&q) / k, shifted = var + eps, root = sqrtf(shifted);
    for (size_t j = 0; j < v->width; j++) {
        y[j] = reciprocal ? c[j] * (1 / root) : c[j] / root;
        if (!v->n_w) continue;
        float w = (float)v->w[0].data[j], b = (float)v->w[1].data[j], product = y[j] * w;
        y[j] = below(2) ? fmaf(y[j], w, b) : product + b;
    }
}

static float execute_activation(enum op op, float x)
{
    if (op == OP_RELU) return x > 0 ? x : 0;
    if (op == OP_SILU) {
        float e = library(exp(-(double)x)), d = 1 + e;
        return x / d;
    }
    float inner, half = 0.5f;
    if (op == OP_GELU) {
        float a = below(2) ? x / (float)sqrt(2) : x * (1 / (float)sqrt(2));
        inner = library(erf((double)a));
    } else {
        float square = x * x, cube = below(2) ? square * x : library((double)x * x * x), scaled = 0.044715f * cube, sum = x + scaled;
        float z = (float)sqrt(2 / acos(-1)) * sum;
        inner = library(tanh((double)z));
    }
    float one = 1 + inner, hx = half * x, y = x * one;
    return below(2) ? hx * one : y / 2;
}

static float execute_score(const struct execution *e, const struct node *v, size_t i, size_t j)
{
    struct sum s = {.n = 0};
    float root = (float)sqrt((double)v->arg[0]), inverse = 1 / root;
    for (size_t k = 0; k < e->net->nodes[v->inputs[0]].width; k++) add_product(&s, e->rows[v->inputs[0]][i][k], e->rows[v->inputs[1]][j][k]);
    float dot = total(&s);
    return below(2) ? dot / root : dot * inverse;
}

static void execute_row(struct execution *e, size_t node, size_t i)
{
    const struct node *v = &e->net->nodes[node];
    const struct weight *w = v->w;
    float *y = e->rows[node][i], (*in)[8][WIDTH] = v->n_inputs ? &e->rows[v->inputs[0]] : NULL;
    size_t sources = row_sources(e->net, i, e->n);
    if (v->op == OP_HEADS) execute_heads(y, e, v, i);
    if (v->op == OP_SOFTMAX) execute_softmax(y, (*in)[i], sources);
    if (v->op == OP_LAYERNORM) execute_layernorm(y, (*in)[i], e, v);
    for (size_t j = 0; v->op == OP_SCORE && j < sources; j++) y[j] = execute_score(e, v, i, j);
    for (size_t j = 0; j < v->width; j++) {
        struct sum s = {.n = 0};
        if (v->op == OP_EMBED) y[j] = (float)w[0].data[(size_t)e->t[i] * v->width + j];
        if (v->op == OP_POSITION) y[j] = (float)w[0].data[i * v->width + j];
        if (v->op >= OP_RELU) y[j] = execute_activation(v->op, (*in)[i][j]);
        for (size_t a = 0; v->op == OP_ADD && a < v->n_inputs; a++) add_plain(&s, e->rows[v->inputs[a]][i][j]);
        for (size_t k = 0; v->op == OP_LINEAR && k < w[0].k; k++) add_product(&s, (*in)[i][k], (float)w[0].data[k * w[0].m + j]);
        if (v->op == OP_LINEAR && v->n_w > 1) add_plain(&s, (float)w[1].data[j]);
        for (size_t k = 0; v->op == OP_MIX && k < sources; k++) add_product(&s, (*in)[i][k], e->rows[v->inputs[1]][k][j]);
        if (v->op == OP_ADD || v->op == OP_LINEAR || v->op == OP_MIX) y[j] = total(&s);
    }
}

static size_t known;

static void expect_within(float x, double mid, double rad, arb_srcptr ball, const char *where)
{
    arb_t exact;
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
                expect_within(e->rows[v][i][j], mid[j], rad[j], ball_run_row(b, v, i) + j, e->net->nodes[v].name);
        }
}

static void check_net(const struct net *net, size_t vocab, int executions)
{
    struct run *r;
    struct ball_run *b;
    int t[8];
    float (*rows)[8][WIDTH] = calloc(net->n_nodes, sizeof *rows);
    ck_assert_int_eq(run_new(&r, net, SEMANTICS_FLOAT32), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&b, net, SEMANTICS_FLOAT32, 64), STATUS_OK);
    for (int k = 0; k < 3; k++) {
        struct execution e = {net, rows, t, 1 + below(net->n_ctx)};
        random_tokens(t, e.n, vocab);
        run_tokens(r, t, e.n);
        ball_run_tokens(b, t, e.n);
        for (int x = 0; x < executions; x++) {
            for (size_t v = 0; v < net->n_nodes; v++)
                for (size_t i = 0; i < e.n; i++) execute_row(&e, v, i);
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
        check_net(&net, s.vocab, 6);
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
    tcase_set_timeout(core, 60);
    tcase_add_test(core, executions_are_enclosed);
    tcase_add_test(core, truth_is_enclosed);
    tcase_add_test(core, overflow_is_unknown);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
