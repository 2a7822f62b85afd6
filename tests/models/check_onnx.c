/* ONNX files: every model of tests/data/onnx is read, written as .net and read again, and evaluated on the inputs of outputs.txt. What ONNX
 * Runtime answered there must lie in the enclosure of all binary32 executions, in doubles and in balls; the enclosure of the real values must
 * agree with that of the executions, and none of them may be so wide that it says nothing.
 *     check_onnx FOLDER OUTPUTS       the same for other models and answers (tests/peers/onnx_files.py) */
#include <check.h>
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "models/model.h"
#include "models/run.h"

enum { LINES_MAX = 4000 };
static const char *folder = "tests/data/onnx";
static double widest = 1e-4; /* relative radius of an enclosure that says something */
static char *text, *lines[LINES_MAX];
static int n_lines, n_models, first_line[LINES_MAX];

static void read_outputs(const char *path)
{
    struct diag d;
    size_t size;

    diag_init(&d);
    if (file_read(&text, &size, path, 1 << 28, &d) != STATUS_OK)
        diag_print(&d, stderr);
    else
        for (char *s = strtok(text, "\n"); s && n_lines < LINES_MAX; s = strtok(NULL, "\n")) {
            if (strncmp(s, "model ", 6) == 0)
                first_line[n_models++] = n_lines;
            lines[n_lines++] = s;
        }
    diag_clear(&d);
}

static size_t numbers(double *out, size_t room, const char *line)
{
    size_t n = 0;
    char *end;

    for (line = strchr(line, ' '); line && n < room; n++) {
        out[n] = strtod(line, &end);
        if (end == line)
            break;
        line = end;
    }
    return n;
}

static void load(struct model *m, const char *name)
{
    char path[2000];
    struct diag d;

    (void)snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    diag_init(&d);
    if (model_load(m, path, NULL, &d) != STATUS_OK) {
        diag_print(&d, stderr);
        ck_abort_msg("%s", path);
    }
    diag_clear(&d);
}

/* Rows of the output under both semantics, from doubles. */
static void evaluate(struct run *r, const struct net *net, const double *x, size_t n_x)
{
    double *zero = mem_array(n_x, sizeof *zero);
    int tokens[16];

    if (net->width_in) {
        run_length(r, 1);
        run_input_row(r, 0, x, zero);
    } else {
        for (size_t i = 0; i < n_x; i++)
            tokens[i] = (int)x[i];
        run_tokens(r, tokens, n_x);
    }
    free(zero);
}

static void evaluate_ball(struct ball_run *r, const struct net *net, const double *x, size_t n_x)
{
    arb_ptr values = _arb_vec_init((slong)n_x);
    int tokens[16];

    for (size_t i = 0; i < n_x; i++) {
        arb_set_d(values + i, x[i]);
        tokens[i % 16] = (int)x[i];
    }
    if (net->width_in) {
        ball_run_length(r, 1);
        ball_run_input_row(r, 0, values);
    } else
        ball_run_tokens(r, tokens, n_x);
    _arb_vec_clear(values, (slong)n_x);
}

static void compare(const char *name, const struct net *net, const double *x, size_t n_x, const double *y, size_t n_y)
{
    struct run *real, *single;
    struct ball_run *balls, *executions;
    const double *mid, *rad, *mid32, *rad32;
    size_t last = net->n_ctx - 1;

    ck_assert_uint_eq(n_x, net->width_in ? net->width_in : net->n_ctx);
    ck_assert_uint_eq(n_y, net->nodes[net->output].width);
    ck_assert(run_new(&real, net, SEMANTICS_REAL) == STATUS_OK && run_new(&single, net, SEMANTICS_FLOAT32) == STATUS_OK);
    ck_assert(ball_run_new(&balls, net, SEMANTICS_REAL, 128) == STATUS_OK && ball_run_new(&executions, net, SEMANTICS_FLOAT32, 128) == STATUS_OK);
    evaluate(real, net, x, n_x);
    evaluate(single, net, x, n_x);
    evaluate_ball(balls, net, x, n_x);
    evaluate_ball(executions, net, x, n_x);
    run_row(real, net->output, last, &mid, &rad);
    run_row(single, net->output, last, &mid32, &rad32);
    arb_srcptr exact = ball_run_row(balls, net->output, last), all = ball_run_row(executions, net->output, last);
    for (size_t i = 0; i < n_y; i++) {
        arb_t point;
        arb_init(point);
        arb_set_d(point, y[i]);
        ck_assert_msg(fabs(y[i] - mid32[i]) <= rad32[i], "%s: entry %zu: %a is not %a +/- %g", name, i, y[i], mid32[i], rad32[i]);
        ck_assert_msg(arb_contains(all + i, point), "%s: entry %zu: %a is outside the ball", name, i, y[i]);
        ck_assert_msg(rad32[i] <= widest * (1 + fabs(y[i])), "%s: entry %zu: radius %g", name, i, rad32[i]);
        ck_assert_msg(fabs(y[i] - mid[i]) <= 1e-4 * (1 + fabs(y[i])), "%s: entry %zu: %g is far from the real value %g", name, i, y[i], mid[i]);
        ck_assert_msg(rad[i] <= 1e-9 * (1 + fabs(y[i])), "%s: entry %zu: radius %g over the reals", name, i, rad[i]);
        ck_assert(arf_cmpabs_2exp_si(arb_midref(exact + i), 100) < 0 && mag_cmp_2exp_si(arb_radref(exact + i), -60) < 0);
        arb_set_d(point, mid[i]);
        mag_set_d(arb_radref(point), rad[i]);
        ck_assert(arb_overlaps(exact + i, point) && arb_contains(all + i, exact + i));
        arb_clear(point);
    }
    run_free(real);
    run_free(single);
    ball_run_free(balls);
    ball_run_free(executions);
}

START_TEST(answers_are_enclosed)
{
    const char *name = lines[first_line[_i]] + 6;
    static double x[4096], y[4096];
    struct model m = { 0 };
    int pairs = 0;

    load(&m, name);
    ck_assert_str_eq(m.family, "onnx");
    ck_assert_uint_eq(strlen(m.file_sha256), 64);
    for (int l = first_line[_i] + 1; l + 1 < n_lines && strncmp(lines[l], "input", 5) == 0; l += 2, pairs++) {
        size_t n_x = numbers(x, 4096, lines[l]), n_y = numbers(y, 4096, lines[l + 1]);
        compare(name, &m.net, x, n_x, y, n_y);
    }
    ck_assert_int_ge(pairs, 4);
    model_clear(&m);
}
END_TEST

START_TEST(written_and_read_again)
{
    const char *name = lines[first_line[_i]] + 6;
    struct text a = { 0 }, b = { 0 };
    struct net again = { 0 };
    struct model m = { 0 };
    struct diag d;

    load(&m, name);
    diag_init(&d);
    ck_assert(net_write(&a, &m.net) == STATUS_OK && !a.failed);
    ck_assert_msg(net_parse(&again, "a.net", a.data, a.size, &d) == STATUS_OK, "%s: %s", name, d.n ? d.messages[0].text : "");
    ck_assert(net_write(&b, &again) == STATUS_OK && a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
    ck_assert_str_eq(again.sha256, m.net.sha256);
    text_clear(&a);
    text_clear(&b);
    diag_clear(&d);
    net_clear(&again);
    model_clear(&m);
}
END_TEST

/* Whichever allocation fails, the answer is "out of memory" and nothing is left behind. */
START_TEST(every_allocation_may_fail)
{
    static const char *const names[] = { "cnn", "tokens_attention", "layernorm_whole" };
    char path[300];

    (void)snprintf(path, sizeof path, "tests/data/onnx/%s.onnx", names[_i]);
    for (long n = 1;; n++) {
        struct model m = { 0 };
        struct diag d;
        diag_init(&d);
        mem_fail_after(n);
        enum status s = model_load(&m, path, NULL, &d);
        mem_fail_after(-1);
        diag_clear(&d);
        if (s == STATUS_OK) {
            model_clear(&m);
            ck_assert_int_gt(n, 100);
            break;
        }
        ck_assert_msg(s == STATUS_MEMORY, "allocation %ld: %s", n, status_name(s));
        ck_assert(m.net.nodes == NULL && m.path == NULL);
    }
}
END_TEST

/* Settings: a chosen output, a dimension that is said; and what is wrong with them. */
static const struct { const char *model; struct setting set; const char *config, *family, *message; } settings[] = {
    { "onnx/two_outputs", { (char[]){ "output" }, (char[]){ "y" } }, NULL, NULL, NULL },
    { "onnx/two_outputs", { (char[]){ "output" }, (char[]){ "z" } }, NULL, NULL, "no output 'z'" },
    { "onnx/input_length_open", { (char[]){ "length" }, (char[]){ "2" } }, NULL, NULL, NULL },
    { "onnx/input_length_open", { (char[]){ "length" }, (char[]){ "two" } }, NULL, NULL, "the size 'two' for dimension 'length' is no number" },
    { "onnx/input_length_open", { (char[]){ "N" }, (char[]){ "0" } }, NULL, NULL, "the size '0' for dimension 'N' is no number" },
    { "onnx/input_length_open", { (char[]){ "width" }, (char[]){ "2" } }, NULL, NULL, "unknown setting 'width'; an ONNX file has 'output' and its named dimensions" },
    { "onnx/two_outputs", { NULL, NULL }, "x.json", NULL, "an ONNX file takes no configuration" },
    { "onnx/two_outputs", { NULL, NULL }, NULL, "transformer", "an ONNX file is of the family 'onnx', not 'transformer'" },
    { "other/text.txt", { NULL, NULL }, NULL, "onnx", "not an ONNX file, or cut short: the bytes are no protobuf message of a model" },
};

START_TEST(settings_are_read)
{
    struct model_options o = { .config_path = settings[_i].config, .set = &settings[_i].set, .n_set = settings[_i].set.key != NULL, .family = settings[_i].family };
    char path[300], expected[700];
    struct model m = { 0 };
    struct diag d;

    (void)snprintf(path, sizeof path, "tests/bad/%s%s", settings[_i].model, strncmp(settings[_i].model, "onnx", 4) == 0 ? ".onnx" : "");
    diag_init(&d);
    enum status s = model_load(&m, path, &o, &d);
    if (settings[_i].message) {
        (void)snprintf(expected, sizeof expected, "cannot read '%s': %s", path, settings[_i].message);
        ck_assert(s == STATUS_INPUT && d.n == 1);
        ck_assert_str_eq(d.messages[0].text, expected);
    } else {
        ck_assert_msg(s == STATUS_OK, "%s: %s", path, d.n ? d.messages[0].text : "");
        ck_assert_uint_eq(m.net.nodes[m.net.output].width, 2);
        ck_assert_uint_eq(m.net.width_in, 2);
    }
    model_clear(&m);
    diag_clear(&d);
}
END_TEST

START_TEST(every_model_has_answers)
{
    glob_t files;

    ck_assert_int_eq(glob("tests/data/onnx/*.onnx", 0, NULL, &files), 0);
    ck_assert_int_eq((int)files.gl_pathc, n_models);
    ck_assert_int_ge(n_models, 150);
    globfree(&files);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("onnx");
    TCase *core = tcase_create("Core"), *errors = tcase_create("Errors");
    SRunner *runner = srunner_create(s);
    int failed;

    if (argc == 3) { /* large models: float32 enclosures may be wide or say nothing, those over the reals may not */
        folder = argv[1];
        widest = (double)INFINITY;
    } else {
        tcase_add_test(core, every_model_has_answers);
        tcase_add_loop_test(errors, every_allocation_may_fail, 0, 3);
        tcase_add_loop_test(errors, settings_are_read, 0, (int)(sizeof settings / sizeof *settings));
    }
    read_outputs(argc == 3 ? argv[2] : "tests/data/onnx/outputs.txt");
    tcase_set_timeout(core, 60);
    tcase_add_loop_test(core, answers_are_enclosed, 0, n_models);
    tcase_add_loop_test(core, written_and_read_again, 0, n_models);
    suite_add_tcase(s, core);
    suite_add_tcase(s, errors);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free(text);
    return failed != 0;
}
