/* Numbers: literals, balls, and the double kernels against Arb. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/number.h"
#include "core/diag.h"

static unsigned long long state = 88172645463325252ULL;
static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53;
}
static double spread(double lo, double hi) { return lo + (hi - lo) * uniform(); }
/* Any size: mostly ordinary, sometimes huge, tiny or zero. */
static double wild(void)
{
    double x = spread(-1, 1);
    if (uniform() < 0.05) return 0;
    if (uniform() < 0.1) return ldexp(x, (int)spread(-1070, 400));
    return ldexp(x, (int)spread(-20, 20));
}

static bool encloses(double mid, double rad, const arb_t x)
{
    arb_t d;
    arf_t r;
    arb_init(d);
    arf_init(r);
    arf_set_d(r, mid);
    arb_sub_arf(d, x, r, ARF_PREC_EXACT);
    arb_get_abs_ubound_arf(r, d, 60);
    bool ok = !isfinite(rad) || arf_cmpabs_d(r, rad) <= 0;
    arb_clear(d);
    arf_clear(r);
    return ok;
}

START_TEST(literals)
{
    static const struct { const char *text, *value; } good[] = {
        {"0", "0"}, {"12", "12"}, {"0.25", "1/4"}, {"1e-6", "1/1000000"}, {"2.5e2", "250"}, {"0x1.8p-3", "3/16"}, {"0xff", "255"},
        {"-3", "-3"}, {"1E3", "1000"}, {"0x1p4", "16"}, {"0.1", "1/10"}, {"1e+2", "100"},
    };
    static const char *const bad[] = {"", "-", ".", ".5", "1.", "1e", "1e+", "1e5000", "0x", "0x.8", "1x", "1..2", "1.2.3", "nan", "inf", "1 ", "0x1p", "0x1pz", "1e99999999999999999999"};
    mpq_t q;
    mpq_init(q);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct text t;
        text_init(&t);
        ck_assert(number_from_literal(q, good[i].text, strlen(good[i].text)));
        number_add_text(&t, q);
        ck_assert_str_eq(t.data, good[i].value);
        text_clear(&t);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_msg(!number_from_literal(q, bad[i], strlen(bad[i])), "%s", bad[i]);
    number_set_double(q, -0.375);
    ck_assert(mpq_cmp_si(q, -3, 8) == 0);
    mpq_clear(q);
}
END_TEST

START_TEST(ends_are_outside)
{
    arb_t x;
    mpq_t q, lo, hi, width;
    arb_init(x);
    mpq_inits(q, lo, hi, width, NULL);
    for (int i = 0; i < 2000; i++) {
        double m = wild(), mid, rad;
        number_set_double(q, m);
        mpz_add_ui(mpq_denref(q), mpq_denref(q), 2);
        mpq_canonicalize(q);
        ball_set_number(x, q, 60);
        ball_ends(lo, hi, x, 40);
        ck_assert(mpq_cmp(lo, q) <= 0 && mpq_cmp(q, hi) <= 0);
        mpq_sub(width, hi, lo);
        ck_assert(mpz_sizeinbase(mpq_denref(lo), 2) <= 41);
        ball_to_double(&mid, &rad, x);
        ck_assert(encloses(mid, rad, x));
    }
    arb_zero_pm_inf(x);
    double mid, rad;
    ball_to_double(&mid, &rad, x);
    ck_assert(isinf(rad));
    arb_clear(x);
    mpq_clears(q, lo, hi, width, NULL);
}
END_TEST

START_TEST(up_is_up)
{
    mpq_t a, b, c, d;
    mpq_inits(a, b, c, d, NULL);
    for (int i = 0; i < 20000; i++) {
        double x = wild(), y = wild();
        number_set_double(a, x);
        number_set_double(b, y);
        mpq_add(c, a, b);
        number_set_double(d, up_add(x, y));
        ck_assert(mpq_cmp(d, c) >= 0);
        mpq_mul(c, a, b);
        if (!isfinite(up_mul(x, y))) continue;
        number_set_double(d, up_mul(x, y));
        ck_assert(mpq_cmp(d, c) >= 0);
    }
    mpq_clears(a, b, c, d, NULL);
}
END_TEST

/* 2^-50 is the claim of docs/methods.md; the largest error seen is far below. */
static void check_exp(double lo, double hi, int n)
{
    double x[8], rx[8], y[8], ry[8];
    arb_t b;
    arb_init(b);
    for (int i = 0; i < n; i++) {
        size_t m = 1 + (size_t)(7.99 * uniform());
        for (size_t k = 0; k < m; k++) {
            x[k] = spread(lo, hi);
            rx[k] = i % 2 ? 0 : ldexp(uniform(), (int)spread(-60, 2));
        }
        kernel_exp(y, ry, x, rx, m);
        for (size_t k = 0; k < m; k++) {
            arb_set_d(b, x[k]);
            arb_exp(b, b, 80);
            if (i % 2) {
                ck_assert_msg(encloses(y[k], ry[k], b), "exp(%a) = %a", x[k], y[k]);
                if (x[k] > -700 && x[k] < 707) ck_assert_msg(encloses(y[k], y[k] * 0x1p-50, b), "exp(%a) = %a", x[k], y[k]);
                continue;
            }
            double sides[2] = {x[k] - rx[k], x[k] + rx[k]};
            for (int s = 0; s < 2; s++) {
                if (fabs(sides[s] - x[k]) > rx[k]) continue;
                arb_set_d(b, sides[s]);
                arb_exp(b, b, 80);
                ck_assert_msg(encloses(y[k], ry[k], b), "exp(%a +- %a) = %a", x[k], rx[k], y[k]);
            }
        }
    }
    arb_clear(b);
}

START_TEST(exponential)
{
    check_exp(-1, 1, 60000);
    check_exp(-40, 0, 120000);
    check_exp(-800, 800, 120000);
    check_exp(-0x1p-20, 0x1p-20, 20000);
    double x[6] = {INFINITY, -INFINITY, NAN, 1, 800, -800}, r[6] = {0, 0, 0, NAN, 0, 5}, y[6], ry[6];
    kernel_exp(y, ry, x, r, 6);
    ck_assert(!isfinite(ry[0]) && !isfinite(ry[2]) && !isfinite(ry[3]) && !isfinite(ry[4]) && !isfinite(ry[5]));
    ck_assert(y[1] >= 0 && y[1] <= ry[1]);
}
END_TEST

/* Every corner that the radii allow is in the enclosure, so is the sum of absolute values in any case. */
static void check_linear(size_t k, size_t m, struct rounding f, bool bias)
{
    double *x = calloc(k, 8), *rx = calloc(k, 8), *W = calloc(k * m, 8), *b = calloc(m, 8), *y = calloc(m, 8), *ry = calloc(m, 8);
    mpq_t sum, p, q;
    arb_t ball;
    mpq_inits(sum, p, q, NULL);
    arb_init(ball);
    for (size_t i = 0; i < k; i++) {
        x[i] = wild();
        rx[i] = fabs(x[i]) * uniform() * 0x1p-30;
    }
    for (size_t i = 0; i < k * m; i++) W[i] = wild();
    for (size_t j = 0; j < m; j++) b[j] = wild();
    kernel_linear(y, ry, x, rx, W, bias ? b : NULL, k, m, f);
    for (size_t j = 0; j < m; j++) {
        number_set_double(sum, bias ? b[j] : 0);
        for (size_t i = 0; i < k; i++) {
            double at = (i ^ j) & 1 ? x[i] + rx[i] * 0.99 : W[i * m + j] > 0 ? x[i] - rx[i] * 0.99 : x[i] + rx[i] * 0.99;
            if (rx[i] == 0) at = x[i];
            number_set_double(p, at);
            number_set_double(q, W[i * m + j]);
            mpq_mul(p, p, q);
            mpq_add(sum, sum, p);
        }
        ball_set_number(ball, sum, 3000);
        ck_assert_msg(encloses(y[j], ry[j], ball), "column %zu of %zux%zu", j, k, m);
    }
    free(x);
    free(rx);
    free(W);
    free(b);
    free(y);
    free(ry);
    mpq_clears(sum, p, q, NULL);
    arb_clear(ball);
}

START_TEST(linear)
{
    for (int i = 0; i < 300; i++) {
        size_t k = 1 + (size_t)spread(0, 40), m = 1 + (size_t)spread(0, 40);
        check_linear(k, m, (struct rounding){0, 0}, i % 2);
    }
    check_linear(700, 3, (struct rounding){0, 0}, true);
    check_linear(30, 9, (struct rounding){FLOAT32_U, FLOAT32_ETA}, true);
}
END_TEST

START_TEST(dot)
{
    mpq_t sum, p, q;
    arb_t ball;
    mpq_inits(sum, p, q, NULL);
    arb_init(ball);
    for (int i = 0; i < 2000; i++) {
        double x[50], y[50], rx[50], ry[50], s, rs;
        size_t k = 1 + (size_t)spread(0, 49);
        mpq_set_ui(sum, 0, 1);
        for (size_t j = 0; j < k; j++) {
            x[j] = wild();
            y[j] = wild();
            rx[j] = i % 3 ? 0 : fabs(x[j]) * 0x1p-35 * uniform();
            ry[j] = i % 3 ? 0 : fabs(y[j]) * 0x1p-35 * uniform();
            number_set_double(p, rx[j] > 0 ? x[j] + rx[j] * 0.99 : x[j]);
            number_set_double(q, ry[j] > 0 ? y[j] - ry[j] * 0.99 : y[j]);
            mpq_mul(p, p, q);
            mpq_add(sum, sum, p);
        }
        kernel_dot(&s, &rs, x, rx, y, ry, k, (struct rounding){0, 0});
        ball_set_number(ball, sum, 3000);
        ck_assert(encloses(s, rs, ball));
    }
    mpq_clears(sum, p, q, NULL);
    arb_clear(ball);
}
END_TEST

START_TEST(overflow_is_unknown)
{
    double x[2] = {1e200, 1e200}, z[2] = {0, 0}, W[2] = {1e200, -1e200}, y, r;
    kernel_linear(&y, &r, x, z, W, NULL, 2, 1, (struct rounding){0, 0});
    ck_assert(!isfinite(r));
    kernel_dot(&y, &r, x, z, W, z, 2, (struct rounding){0, 0});
    ck_assert(!isfinite(r));
    double big[2] = {0x1p100, 1}, V[2] = {0x1p40, 1};
    kernel_linear(&y, &r, big, z, V, NULL, 2, 1, (struct rounding){FLOAT32_U, FLOAT32_ETA});
    ck_assert(!isfinite(r));
    double w = 3, rows[1] = {NAN};
    const double *list[1] = {rows};
    kernel_combine(&y, z, &w, list, 1, 1);
    ck_assert(!isfinite(y));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("number");
    TCase *core = tcase_create("Core");
    SRunner *runner = srunner_create(s);
    tcase_set_timeout(core, 60);
    tcase_add_test(core, literals);
    tcase_add_test(core, ends_are_outside);
    tcase_add_test(core, up_is_up);
    tcase_add_test(core, exponential);
    tcase_add_test(core, linear);
    tcase_add_test(core, dot);
    suite_add_tcase(s, core);
    TCase *errors = tcase_create("Errors");
    tcase_add_test(errors, overflow_is_unknown);
    suite_add_tcase(s, errors);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
