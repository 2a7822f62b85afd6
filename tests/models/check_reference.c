/* PyTorch's outputs for the trained models: the float32 ones lie in the float32 enclosures, the float64 ones within the error of a
 * binary64 execution (the same analysis with its unit roundoff) of the real ones. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "models/model.h"
#include "models/runstate.h"

/* loose: two layers of LayerNorm, whose float32 radii are so wide that some say nothing. */
static const struct { const char *model, *reference; bool loose; } cases[] = {
    {"examples/max4_s123.safetensors", "tests/data/max4_s123.reference.bin", false},
    {"examples/max4_s123_int8.safetensors", "tests/data/max4_s123_int8.reference.bin", false},
    {"examples/max5_s50.safetensors", "tests/data/max5_s50.reference.bin", false},
    {"tests/data/max10_s50.safetensors", "tests/data/max10_s50.reference.bin", false},
    {"examples/modadd29.safetensors", "tests/data/modadd29.reference.bin", false},
    {"examples/cumsum12_s1.pt", "tests/data/cumsum12_s1.reference.bin", false},
    {"examples/induction_v16_n8_s1.pt", "tests/data/induction_v16_n8_s1.reference.bin", false},
    {"examples/palindrome_v6_n8_s1.pt", "tests/data/palindrome_v6_n8_s1.reference.bin", true},
    {"examples/sortlist_v12_n5_s1.pt", "tests/data/sortlist_v12_n5_s1.reference.bin", false},
    {"examples/backdoor_max4_v32_s1.pt", "tests/data/backdoor_max4_v32_s1.reference.bin", false},
};

struct reference { char *data; int32_t shape[3]; const int32_t *tokens; const float *low; const char *high; };

static void read_reference(struct reference *f, const char *path)
{
    struct diag d;
    size_t size;
    diag_init(&d);
    ck_assert_int_eq(file_read(&f->data, &size, path, 1 << 20, &d), STATUS_OK);
    ck_assert(size > 20 && memcmp(f->data, "WPREF1\0", 8) == 0);
    memcpy(f->shape, f->data + 8, 12);
    size_t inputs = (size_t)f->shape[0] * (size_t)f->shape[1], logits = inputs * (size_t)f->shape[2];
    ck_assert_uint_eq(size, 20 + 4 * inputs + 12 * logits);
    f->tokens = (const int32_t *)(const void *)(f->data + 20);
    f->low = (const float *)(const void *)(f->data + 20 + 4 * inputs);
    f->high = f->data + 20 + 4 * inputs + 4 * logits;
}

static double high_at(const struct reference *f, size_t at)
{
    double x;
    memcpy(&x, f->high + 8 * at, 8);
    return x;
}

struct three { struct run *real, *f32, *f64; struct ball_run *ball; };

static void check_logits(const struct reference *f, const struct three *r, const struct net *net, size_t base, size_t row, size_t *known)
{
    const double *mid, *rad, *mid32, *rad32, *mid64, *rad64;
    size_t V = (size_t)f->shape[2];
    run_row(r->real, net->output, row, &mid, &rad);
    run_row(r->f32, net->output, row, &mid32, &rad32);
    run_row(r->f64, net->output, row, &mid64, &rad64);
    arb_srcptr ball = ball_run_row(r->ball, net->output, row);
    for (size_t j = 0; j < V; j++) {
        double low = (double)f->low[base + j], high = high_at(f, base + j);
        arb_t x;
        arb_init(x);
        arb_set_d(x, low);
        ck_assert_msg(!isfinite(rad32[j]) || fabs(low - mid32[j]) <= rad32[j], "float32: %.9g, not %.9g +- %g", low, mid32[j], rad32[j]);
        ck_assert(!arb_is_finite(ball + j) || arb_contains(ball + j, x));
        ck_assert(rad64[j] < 1e-4 && rad[j] < 1e-4);
        ck_assert_msg(fabs(high - mid64[j]) <= rad64[j], "float64: %.17g, not %.17g +- %g", high, mid64[j], rad64[j]);
        ck_assert(fabs(high - mid[j]) <= rad[j] + rad64[j]);
        *known += isfinite(rad32[j]) && rad32[j] < 5;
        arb_clear(x);
    }
}

START_TEST(outputs_of_pytorch)
{
    struct model m;
    struct diag d;
    struct reference f;
    struct three r;
    int t[16];
    size_t known = 0;
    diag_init(&d);
    enum status s = model_load(&m, cases[_i].model, NULL, &d);
    if (s != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    read_reference(&f, cases[_i].reference);
    ck_assert_int_eq(run_new(&r.real, &m.net, SEMANTICS_REAL), STATUS_OK);
    ck_assert_int_eq(run_new(&r.f32, &m.net, SEMANTICS_FLOAT32), STATUS_OK);
    ck_assert_int_eq(run_new(&r.f64, &m.net, SEMANTICS_REAL), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&r.ball, &m.net, SEMANTICS_FLOAT32, 64), STATUS_OK);
    r.f64->f = (struct rounding){0x1p-53, 0x1p-1074};
    run_plain(r.f64, true);
    size_t n = (size_t)f.shape[1];
    for (size_t k = 0; k < (size_t)f.shape[0]; k++) {
        for (size_t i = 0; i < n; i++) t[i] = f.tokens[k * n + i];
        run_tokens(r.real, t, n);
        run_tokens(r.f32, t, n);
        run_tokens(r.f64, t, n);
        ball_run_tokens(r.ball, t, n);
        for (size_t i = 0; i < n; i++) check_logits(&f, &r, &m.net, (k * n + i) * (size_t)f.shape[2], i, &known);
    }
    size_t all = (size_t)f.shape[0] * n * (size_t)f.shape[2];
    ck_assert_msg(cases[_i].loose || known == all, "%zu of %zu float32 radii say something", known, all);
    run_free(r.real);
    run_free(r.f32);
    run_free(r.f64);
    ball_run_free(r.ball);
    free(f.data);
    model_clear(&m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reference");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core");
    tcase_set_timeout(core, 60);
    tcase_add_loop_test(core, outputs_of_pytorch, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
