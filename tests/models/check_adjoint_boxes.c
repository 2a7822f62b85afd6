/* Reverse mode on boxes: every operation alone, with inputs as wide as its arguments. Derivatives from the corners lie in their enclosures, errors at
 * the corners are bounded, executions from points of the box stay inside. Then the roundings that only rare arguments show. */
#include "tests/models/adjoint_setting.h"

/* One operation after `input` x (width 6, two rows) as text: tensors T, then nodes, of which k is the output. */
struct operation { const char *tensors, *nodes; };
#define HALVES "tensor A 3\n0 0x1p0 0x1p1\ntensor B 3\n0x1.8p1 0x1p2 0x1.4p2\n"
#define SPLIT "node a select x A\nnode b select x B\n"
#define UNIT "tensor Y 6 6\n0x1p0 0 0 0 0 0\n0 0x1p0 0 0 0 0\n0 0 0x1p0 0 0 0\n0 0 0 0x1p0 0 0\n0 0 0 0 0x1p0 0\n0 0 0 0 0 0x1p0\n" \
             "tensor Z 6\n-0x1p6 -0x1p6 -0x1p6 -0x1p6 -0x1p6 -0x1p6\n"
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

/* moved: the operation reads y = (x - 64) with the roundings of a sum of products of size 64. */
static void operation_net(struct net *net, const struct operation *o, bool moved)
{
    char text[2048], nodes[512];
    size_t n = 0;
    for (const char *c = o->nodes; *c; c++) nodes[n++] = moved && *c == 'x' && (c[1] == ' ' || c[1] == '\n') && c[-1] == ' ' ? 'y' : *c;
    nodes[n] = 0;
    snprintf(text, sizeof text, "weightproof-net 1\nreals 6 2\nmask none\neps %s\n%s%snode x input\n%s%soutput k\nend\n", strstr(o->nodes, "norm") ? "0x1p-10" : "0",
             o->tensors, moved ? UNIT : "", moved ? "node y linear x Y Z\n" : "", nodes);
    parse_text(net, text);
}

/* Inputs are boxes: every run has them, the ball run a point of them. */
struct box { double mid[2][6], rad[2][6], at[2][6]; };
static void set_box(struct setting *s, struct box *x, double most, double offset)
{
    s->e.n = 2;
    run_length(s->run, 2);
    adjoint_run_length(s->adjoint, 2);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 6; j++) {
            x->mid[i][j] = offset + ldexp(floor(ldexp(2 * uniform() - 1, 12)), -12);
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
        operation_net(&net, &operations[o], false);
        setting_new(&s, &net);
        for (int k = 0; k < 60; k++) {
            set_box(&s, &x, k % 3 == 0 ? 0x1p-10 : k % 3 == 1 ? 0x1p-5 : 0.125, 0);
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

/* With J the derivative at a point of the box and e the bounds of the errors of y, |J| e is an error that can happen, to first order. Entry `entry`. */
static void error_is_bounded(struct setting *s, struct box *x, size_t entry)
{
    size_t y = (size_t)net_node(s->net, "y");
    double first_order = 0, unsure, by;
    arb_t a, b;
    const double *of_y[2] = { adjoint_run_error(s->adjoint, y, 0), adjoint_run_error(s->adjoint, y, 1) }, *error = adjoint_run_error(s->adjoint, s->net->output, 1);
    arb_init(a), arb_init(b);
    choose_point(s, x);
    value_on(a, s, x, entry);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 6; j++) {
            double at = x->at[i][j];
            x->at[i][j] += (at < x->mid[i][j] ? 1 : -1) * 0x1p-40;
            value_on(b, s, x, entry);
            arb_sub(b, b, a, 160);
            ball_to_double(&by, &unsure, b);
            first_order += fabs(by) * 0x1p40 * of_y[i][j];
            x->at[i][j] = at;
        }
    arb_clear(a), arb_clear(b);
    ck_assert_msg(first_order * (1 - 1e-6) <= error[entry], "%s: error %g is possible, its bound is %g", op_table[s->net->nodes[s->net->output].op].name, first_order, error[entry]);
    known += isfinite(error[entry]);
}

START_TEST(errors_on_boxes)
{
    known = 0;
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++) {
        struct net net;
        struct setting s;
        struct box x;
        operation_net(&net, &operations[o], true);
        setting_new(&s, &net);
        for (int k = 0; k < 20; k++) {
            set_box(&s, &x, k % 2 ? 0x1p-5 : 0.25, 64);
            for (int c = 0; c < 5; c++) error_is_bounded(&s, &x, below(net.nodes[net.output].width));
        }
        setting_free(&s);
        net_clear(&net);
    }
    ck_assert_uint_gt(known, 1500);
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

int main(void)
{
    Suite *suite = suite_create("adjoint_boxes");
    SRunner *runner = srunner_create(suite);
    TCase *core = tcase_create("Core");
    tcase_set_timeout(core, 200);
    tcase_add_test(core, operations_on_boxes);
    tcase_add_test(core, errors_on_boxes);
    tcase_add_test(core, squares_that_err_alike);
    tcase_add_test(core, jumps_are_enclosed);
    suite_add_tcase(suite, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
