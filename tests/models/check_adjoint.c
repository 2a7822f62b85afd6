/* Tightened float32 enclosures: executions of every kind, also those pushed in the direction of the adjoint, and the true values stay inside; no
 * enclosure is wider than the forward one; deep LayerNorm attention gains an order of magnitude. */
#include "tests/models/execution.h"
#include "tests/models/random_graph.h"
#include "models/adjoint.h"

struct setting { const struct net *net; struct run *run; struct ball_run *truth; struct adjoint_run *adjoint; struct execution e; int t[8]; double given[8 * WIDTH]; };
static size_t known, tighter;

static void setting_new(struct setting *s, const struct net *net)
{
    memset(s, 0, sizeof *s);
    s->net = net;
    ck_assert_int_eq(run_new(&s->run, net, SEMANTICS_FLOAT32), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&s->truth, net, SEMANTICS_REAL, 160), STATUS_OK);
    ck_assert_int_eq(adjoint_run_new(&s->adjoint, net), STATUS_OK);
    s->e = (struct execution){ net, calloc(net->n_nodes, sizeof *s->e.rows), s->t, 0, s->given };
}

static void setting_free(struct setting *s)
{
    run_free(s->run);
    ball_run_free(s->truth);
    adjoint_run_free(s->adjoint);
    free(s->e.rows);
}

static void set_reals(struct setting *s)
{
    size_t width = s->net->width_in, n = s->e.n;
    double zero[WIDTH] = { 0 };
    arb_ptr x = _arb_vec_init((slong)width);
    random_reals(s->given, n * width);
    run_length(s->run, n);
    ball_run_length(s->truth, n);
    adjoint_run_length(s->adjoint, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < width; j++) arb_set_d(x + j, s->given[i * width + j]);
        run_input_row(s->run, i, s->given + i * width, zero);
        adjoint_run_input_row(s->adjoint, i, s->given + i * width, zero);
        ball_run_input_row(s->truth, i, x);
    }
    _arb_vec_clear(x, (slong)width);
}

static void random_input(struct setting *s)
{
    s->e.n = 1 + below(s->net->n_ctx);
    if (s->net->width_in) {
        set_reals(s);
        return;
    }
    random_tokens(s->t, s->e.n, s->net->d_vocab);
    run_tokens(s->run, s->t, s->e.n);
    ball_run_tokens(s->truth, s->t, s->e.n);
    adjoint_run_tokens(s->adjoint, s->t, s->e.n);
}

static bool is_read(const struct setting *s, size_t v, size_t j) { return s->net->nodes[v].op != OP_SCORE || s->t[j] != s->net->pad; }

static size_t width_of(const struct setting *s, size_t v, size_t i) { return s->net->nodes[v].width ? s->net->nodes[v].width : row_sources(s->net, i, s->e.n); }

/* An execution, and the true value, within the tightened enclosure of a row, which the forward one contains in size. */
static void check_row(struct setting *s, size_t v, size_t i)
{
    const double *mid, *rad, *forward_mid, *forward;
    arb_srcptr truth = ball_run_row(s->truth, v, i);
    adjoint_run_row(s->adjoint, v, i, &mid, &rad);
    run_row(s->run, v, i, &forward_mid, &forward);
    for (size_t j = 0; j < width_of(s, v, i); j++) {
        if (!is_read(s, v, j)) continue;
        float x = s->e.rows[v][i][j];
        ck_assert_msg(!(rad[j] > forward[j]), "%s: radius %g was %g", s->net->nodes[v].name, rad[j], forward[j]);
        if (!isfinite(rad[j])) continue;
        ck_assert_msg(isfinite(x) && fabsl((long double)x - (long double)mid[j]) <= (long double)rad[j], "%s (%s): %.9g outside %.9g +- %g, forward %g",
                      s->net->nodes[v].name, op_table[s->net->nodes[v].op].name, (double)x, mid[j], rad[j], forward[j]);
        double true_mid, true_rad;
        ball_to_double(&true_mid, &true_rad, truth + j);
        ck_assert(!isfinite(true_rad) || fabs(true_mid - mid[j]) <= rad[j] * (1 + 0x1p-30) + true_rad);
        known++;
        tighter += rad[j] < forward[j] / 2;
    }
}

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

static void check_everything(struct setting *s)
{
    for (size_t v = 0; v < s->net->n_nodes; v++)
        for (size_t i = 0; i < s->e.n; i++) check_row(s, v, i);
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

static void parse_text(struct net *net, const char *text)
{
    struct diag d;
    diag_init(&d);
    enum status status = net_parse(net, "text.net", text, strlen(text), &d);
    if (status != STATUS_OK) diag_print(&d, stderr), fprintf(stderr, "%s", text);
    ck_assert_int_eq(status, STATUS_OK);
    diag_clear(&d);
}

/* One operation after `input` x (width 6, two rows) as text: tensors T, then nodes, of which k is the output. */
struct operation { const char *tensors, *nodes; };
#define HALVES "tensor A 3\n0 0x1p0 0x1p1\ntensor B 3\n0x1.8p1 0x1p2 0x1.4p2\n"
#define SPLIT "node a select x A\nnode b select x B\n"
static const struct operation operations[] = {
    { "", "node k layernorm x\n" },
    { "", "node k rmsnorm x\n" },
    { "tensor W 6\n0x1p0 -0x1p1 0x1p-1 0x1.8p0 0x1p0 -0x1p0\n", "node k rmsnorm x W\n" },
    { "", "node k rowsoftmax x 6\n" },
    { "", "node k rowsoftmax x 3\n" },
    { HALVES, SPLIT "node k mul a b\n" },
    { "", "node k mul x x\n" },
    { HALVES, SPLIT "node e exp b\nnode k div a e\n" },
    { HALVES, SPLIT "node k matmul a b 1 1 3 1\n" },
    { HALVES, SPLIT "node k matmul a b 1 3 1 3\n" },
    { HALVES, SPLIT "node k max a b\n" },
    { HALVES, SPLIT "node s score a b 3\nnode p softmax s\nnode k mix p b\n" },
    { HALVES, SPLIT "node s score a b 3\nnode p bilinear s s\nnode k mix p b\n" },
    { HALVES "tensor D 6 2\n0 0\n0 0\n0 0\n0 0\n0 0\n0 0\n", SPLIT "node z linear x D\nnode s score z z 2\nnode p softmax s\nnode k mix p b\n" },
    { "", "node k gelu x\n" },
    { "", "node k gelu_new x\n" },
    { "", "node k silu x\n" },
    { "", "node k tanh x\n" },
    { "", "node k sigmoid x\n" },
    { "", "node k erf x\n" },
    { "", "node e exp x\nnode k sqrt e\n" },
};

static void operation_net(struct net *net, const struct operation *o)
{
    char text[1024];
    snprintf(text, sizeof text, "weightproof-net 1\nreals 6 2\nmask none\neps %s\n%snode x input\n%soutput k\nend\n", strstr(o->nodes, "norm") ? "0x1p-10" : "0",
             o->tensors, o->nodes);
    parse_text(net, text);
}

/* Inputs are boxes: every run has them, the ball run a point of them. */
struct box { double mid[2][6], rad[2][6], at[2][6]; };
static void set_box(struct setting *s, struct box *x, double most)
{
    s->e.n = 2;
    run_length(s->run, 2);
    adjoint_run_length(s->adjoint, 2);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 6; j++) {
            x->mid[i][j] = ldexp(floor(ldexp(2 * uniform() - 1, 12)), -12);
            x->rad[i][j] = ldexp(floor(ldexp(most * uniform(), 16)), -16);
        }
        run_input_row(s->run, i, x->mid[i], x->rad[i]);
        adjoint_run_input_row(s->adjoint, i, x->mid[i], x->rad[i]);
    }
}

/* A corner; mostly, or a point inside. */
static void choose_point(struct setting *s, struct box *x)
{
    bool corner = below(4);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 6; j++) {
            double t = corner ? (below(2) ? 1 : -1) : ldexp((double)below(257), -7) - 1;
            x->at[i][j] = s->given[i * 6 + j] = (double)(float)(x->mid[i][j] + t * x->rad[i][j]);
        }
}

static void value_on(arb_t out, struct setting *s, const struct box *x, size_t entry)
{
    arb_ptr row = _arb_vec_init(6);
    ball_run_length(s->truth, 2);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 6; j++) arb_set_d(row + j, x->at[i][j]);
        ball_run_input_row(s->truth, i, row);
    }
    arb_set(out, ball_run_row(s->truth, s->net->output, 1) + entry);
    _arb_vec_clear(row, 6);
}

/* From a corner of the box to a point close by, one entry or all of them: the difference lies in the enclosure of the derivatives. */
static void corner_is_enclosed(struct setting *s, struct box *x, size_t entry)
{
    double M[WIDTH], R[WIDTH], step[6] = { 0 }, sum = 0, radius = 0, difference, unsure;
    size_t row = below(2), only = below(9);
    arb_t a, b;
    if (!adjoint_run_derivative(s->adjoint, s->net->output, 1, entry, 0, row, M, R)) return;
    arb_init(a), arb_init(b);
    choose_point(s, x);
    value_on(a, s, x, entry);
    for (size_t j = 0; j < 6; j++) {
        if (only >= 6 || only == j) step[j] = (x->mid[row][j] - x->at[row][j]) * 0x1p-10;
        x->at[row][j] += step[j];
        sum += M[j] * step[j];
        radius += R[j] * fabs(step[j]) + 0x1p-40 * fabs(M[j] * step[j]);
    }
    value_on(b, s, x, entry);
    arb_sub(b, b, a, 160);
    ball_to_double(&difference, &unsure, b);
    arb_clear(a), arb_clear(b);
    ck_assert_msg(isfinite(radius), "%s: no derivative", op_table[s->net->nodes[s->net->output].op].name);
    ck_assert_msg(fabs(difference - sum) <= radius + unsure + 1e-40, "%s: difference %.17g is not in %.17g +- %g", op_table[s->net->nodes[s->net->output].op].name, difference, sum,
                  radius);
    known++;
}

/* Every operation alone on boxes as wide as its arguments: derivatives from the corners, executions from points of the box. */
START_TEST(operations_on_boxes)
{
    known = tighter = 0;
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++) {
        struct net net;
        struct setting s;
        struct box x;
        operation_net(&net, &operations[o]);
        setting_new(&s, &net);
        for (int k = 0; k < 60; k++) {
            set_box(&s, &x, k % 3 == 0 ? 0x1p-10 : k % 3 == 1 ? 0x1p-5 : 0.125);
            for (int c = 0; c < 10; c++) corner_is_enclosed(&s, &x, below(net.nodes[net.output].width));
            for (int c = 0; c < 4; c++) {
                arb_t unused;
                arb_init(unused);
                choose_point(&s, &x);
                value_on(unused, &s, &x, 0);
                execute(&s.e);
                check_everything(&s);
                arb_clear(unused);
            }
        }
        setting_free(&s);
        net_clear(&net);
    }
    ck_assert_uint_gt(known, 10000);
}
END_TEST

static void set_exactly(struct setting *s, const double *x, size_t width)
{
    double zero[WIDTH] = { 0 };
    arb_ptr row = _arb_vec_init((slong)width);
    s->e.n = 1;
    run_length(s->run, 1);
    adjoint_run_length(s->adjoint, 1);
    ball_run_length(s->truth, 1);
    for (size_t j = 0; j < width; j++) arb_set_d(row + j, s->given[j] = x[j]);
    run_input_row(s->run, 0, x, zero);
    adjoint_run_input_row(s->adjoint, 0, x, zero);
    ball_run_input_row(s->truth, 0, row);
    _arb_vec_clear(row, (slong)width);
}

/* 48 squares of one size are added one after the other: every addition of a binade errs by the same amount, and so all of sigma. */
START_TEST(squares_that_err_alike)
{
    struct net net;
    struct setting s;
    double x[48];
    parse_text(&net, "weightproof-net 1\nreals 48 1\nmask none\neps 0x1p-20\nnode x input\nnode k rmsnorm x\noutput k\nend\n");
    setting_new(&s, &net);
    for (int k = 0; k < 100; k++) {
        double size = (double)(float)(0.5 + uniform());
        for (size_t j = 0; j < 48; j++) x[j] = below(2) ? size : -size;
        set_exactly(&s, x, 48);
        for (int e = 0; e < 4; e++) {
            execute(&s.e);
            check_everything(&s);
        }
    }
    setting_free(&s);
    net_clear(&net);
}
END_TEST

static void add_numbers(struct text *t, double a, double b)
{
    number_add_hex(t, a);
    text_add(t, " ");
    number_add_hex(t, b);
    text_add(t, "\n");
}

/* jumprelu at its threshold, topk with two rivals: an execution's argument and the true one may lie on different sides. */
START_TEST(jumps_are_enclosed)
{
    for (int k = 0; k < 200; k++) {
        struct text t = { 0 };
        struct net net;
        struct setting s;
        double a[3], b[3], x[3], sum = 0;
        text_add(&t, "weightproof-net 1\nreals 3 1\nmask none\neps 0\ntensor A 3 2\n");
        for (int i = 0; i < 3; i++) {
            x[i] = (double)(float)uniform();
            a[i] = b[i] = (double)(float)(1 + uniform());
            if (i == 1 && k % 4 < 2) b[i] = (double)nextafterf((float)a[i], 3);
            sum += a[i] * x[i];
            add_numbers(&t, a[i], b[i]);
        }
        if (k % 2) text_add(&t, "tensor T 2\n"), add_numbers(&t, (double)(float)sum, (double)(float)sum);
        text_addf(&t, "node x input\nnode l linear x A\nnode k %s\noutput k\nend\n", k % 2 ? "jumprelu l T" : "topk l 1");
        parse_text(&net, t.data);
        setting_new(&s, &net);
        set_exactly(&s, x, 3);
        for (int e = 0; e < 8; e++) {
            execute(&s.e);
            check_everything(&s);
        }
        setting_free(&s);
        net_clear(&net);
        text_clear(&t);
    }
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
    tcase_add_test(core, operations_on_boxes);
    tcase_add_test(core, squares_that_err_alike);
    tcase_add_test(core, jumps_are_enclosed);
    tcase_add_test(core, kinks_are_enclosed);
    tcase_add_test(core, deep_attention_gains);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
