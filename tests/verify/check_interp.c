/* What expressions mean: exact numbers, arrays, sets, quantifiers, ties, weights, activations; run-time errors. Tier 0 and 256 bits agree. */
#include <check.h>
#include "core/mem.h"
#include "tests/verify/claims_text.h"
#include "verify/engine.h"

#define T TRUTH_TRUE
#define F TRUTH_FALSE
#define U TRUTH_UNSETTLED
#define ERROR ((enum truth)99)
struct row { const char *text; enum truth expected; };

/* One claim a row; evaluated as a closed predicate. */
static void check_rows(const char *header, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[1200];
        struct claims claims;
        struct diag d;
        diag_init(&d);
        snprintf(text, sizeof text, "claim c { prove %s }\n", rows[i].text);
        enum status status = claims_from_text(&claims, header, text, &d);
        if (status == STATUS_INPUT && rows[i].expected == ERROR) { /* seen by the types already */
            diag_clear(&d);
            continue;
        }
        if (status != STATUS_OK) diag_print(&d, stderr);
        ck_assert_msg(status == STATUS_OK, "%s", rows[i].text);
        const struct statement *s = &claims.statements[0];
        for (slong prec = 0; prec <= 256; prec += 256) {
            struct interp *in;
            enum truth t = U;
            ck_assert_int_eq(interp_new(&in, s, prec), STATUS_OK);
            status = interp_truth(&t, in, s->subject, &d);
            if (rows[i].expected == ERROR) ck_assert_msg(status == STATUS_INPUT && d.n > 0, "%s: no error", rows[i].text);
            else ck_assert_msg(status == STATUS_OK && t == rows[i].expected, "%s: status %d, truth %d (%s)", rows[i].text, (int)status, (int)t, d.n ? d.messages[0].text : "");
            interp_free(in);
            diag_clear(&d);
            diag_init(&d);
        }
        claims_clear(&claims);
        diag_clear(&d);
    }
}

static const struct row numbers[] = {
    {"1/3 + 1/6 == 1/2", T}, {"0.1 + 0.2 == 0.3", T}, {"2^10 == 1024 and 2^-2 == 0.25", T}, {"(1/2)^3 == 1/8", T}, {"(2/3)^-2 == 9/4", T},
    {"-7 % 3 == 2", T}, {"7 % 3 == 1", T}, {"9223372036854775807 + 1 > 9223372036854775807", T},
    {"9223372036854775807 * 9223372036854775807 == 9223372036854775807 ^ 2", T}, {"1e-6 * 1000000 == 1", T}, {"0x1.8p-3 == 3/16", T},
    {"1 < 2 < 3 and not 1 < 3 < 3", T}, {"1 == 1 == 1", T}, {"3 - 2 - 1 == 0", T}, {"2 ^ 3 ^ 2 == 512", T}, {"-2 ^ 2 == -4", T},
    {"abs(-3) == 3 and abs(1/2 - 1) == 1/2", T}, {"max(1, 5/2, 2) == 5/2 and min(1, -1) == -1", T}, {"6 / 4 == 3/2", T}, {"(1 / 3) * 3 == 1", T},
    {"if 1 < 2 then 1 < 3 else 1 / (1 - 1) == 0", T}, {"1 > 2 => 1 / (2 - 2) == 0", T}, {"1 < 2 or 1 / (2 - 2) == 0", T}, {"not (1 > 2 and 1 / (2 - 2) == 0)", T},
    {"1 < 2 <=> 2 < 3", T}, {"1 / (2 - 2) == 0", ERROR}, {"1 % (1 - 1) == 0", ERROR}, {"sqrt(2) ^ 2 < 2.0000001 and sqrt(2) > 1.41421356", T},
    {"sqrt(-1) == 0", ERROR}, {"exp(0) > 0.999999 and exp(1) < 2.71828183 and exp(1) > 2.71828182", T}, {"exp(1) - exp(1) == 0", T}, {"sqrt(2) == sqrt(2)", T},
};
static const struct row arrays[] = {
    {"{1, 2, 3}[1] == 2", T}, {"{1, 2, 3}[last] == 3", T}, {"{{1, 2}, {3, 4}}[1, 0] == 3", T}, {"{{1, 2}, {3, 4}}[1][0] == 3", T}, {"{1, 2, 3}[3] == 0", ERROR},
    {"{1, 2, 3}[{5, 1}[last]] == 2", T}, {"{1, 2, 3, 4}[last - {0, 1}[last]] == 3", T}, {"sum({1, 2, 3}[0..1]) == 3", T}, {"sum({1, 2, 3}[1..]) == 5", T}, {"len({1, 2, 3}[..]) == 3", T},
    {"sum({1, 2, 3}[2..1]) == 0", T}, {"len({1, 2, 3}) == 3", T}, {"max({1, 7, 3}) == 7 and min({4, 2}) == 2", T}, {"mean({1, 2}) == 3/2", T}, {"sum({1/2, 1/3}) == 5/6", T},
    {"argmax({1, 7, 7}) == 1 and argmin({3, 1, 1}) == 1", T}, {"sort({3, 1, 2})[0] == 1 and sort({3, 1, 2})[2] == 3", T}, {"distinct({1, 2, 3})", T}, {"distinct({1, 2, 1})", F},
    {"contains({1, 2}, 2) and not contains({1, 2}, 3)", T}, {"seq(1, {2, 3}, 4)[2] == 3 and len(seq(1, {2, 3}, 4)) == 4", T}, {"fold({{0, 1}, {1, 0}}, 0, {1, 0, 1, 1}) == 1 and fold({{0, 1, 1}, {1, 1, 0}}, 1, {0, 2, 2}) == 1", T}, {"onehot(1, 3)[1] == 1 and sum(onehot(1, 3)) == 1", T},
    {"transpose({{1, 2}, {3, 4}})[0, 1] == 3", T}, {"sum(diag({{1, 2}, {3, 4}})) == 5", T}, {"mean_rows({{1, 2}, {3, 6}})[1, 0] == 2", T}, {"mean_rows({{1, 2}, {3, 6}})[0, 1] == 4", T},
    {"dot({1, 2}, {3, 4}) == 11", T}, {"({{1, 2}, {3, 4}} @ {{1, 0}, {1, 1}})[1, 0] == 7", T}, {"({{1, 2}, {3, 4}} @ {1, 1})[1] == 7", T}, {"({1, 1} @ {{1, 2}, {3, 4}})[1] == 6", T},
    {"dist(inf, {1, 2}, {4, 0}) == 3 and dist(1, {1, 2}, {4, 0}) == 5", T}, {"norm(2, {3, 4}) <= 5.0000001 and norm(2, {3, 4}) >= 4.9999999", T}, {"({1, 2} + {3, 4})[1] == 6 and (2 * {1, 2})[1] == 4", T},
    {"({1, 2} / 4)[0] == 1/4", T}, {"softmax({0, 0})[0] < 0.500001 and softmax({0, 0})[1] > 0.499999", T}, {"argmax({1/2, 1/3}) == 0", T}, {"argmax({1/2, 1/2}) == 0", F}, {"argmax({1/2, 1/2}) != 0", T},
    {"0 in argmaxes({1/2, 1/2}) and 1 in argmaxes({1/2, 1/2})", T}, {"argmax({1/2, 1/3}) == argmax({2/3, 1/3})", T}, {"argmax({1/2, 1/2}) == argmax({1/2, 1/2})", F},
};
static const struct row sets[] = {
    {"3 in 1..5 and not 6 in 1..5", T}, {"3 in {1, 3}", T}, {"4 in {2 * i : i in 0..3 where i != 1}", T}, {"2 in {2 * i : i in 0..3 where i != 1}", F}, {"all{ i < 4 : i in 0..3 }", T},
    {"any{ i == 2 : i in 0..3 }", T}, {"sum{ i : i in 0..3 } == 6", T}, {"sum{ i : i in 0..3 where i > 5 } == 0", T}, {"max{ i : i in 0..3 where i > 5 } == 0", ERROR},
    {"count{ i != j : i in 0..2, j in 0..2 } == 6", T}, {"count{ i < j : j in 0..4, i in 0..j } == 10", T}, {"mean{ i : i in 1..4 } == 5/2", T}, {"min{ i * i - 4 * i : i in 0..4 } == -4", T},
    {"sum{ t[0] * 10 + t[1] : t in tokens[2] of 0..1 } == 22", T}, {"count{ t[0] < t[1] : t in tokens(0..2, {1, 2}) } == 3", T}, {"exists t in tokens[3] of 0..2 where distinct(t) : t[0] > t[1] and t[1] > t[2]", T},
    {"exists t in tokens[2] of 0..2 : t[0] + t[1] == 5", F}, {"count{ t[2] == 1 : t in { seq(a, sort(a)) : a in tokens[2] of 0..1 } } == 1", T},
    {"all{ i == 9 : i in 3..2 }", T}, {"any{ i == i : i in 3..2 }", F}, {"count{ a < b : a in {5, 1}, b in {2, 7} } == 3", T},
    {"count{ t[0] == t[1] : t in { u : p in 0..1, u in tokens[2] of 0..2 where u[p] == 0 } } == 2", T}, {"all{ x == 1 / (x - 1) : x in {1} where x != 1 }", T},
    {"sum{ max{ i * j : j in 0..i } : i in 0..3 } == 14", T}, {"all{ {10, 20, 30}[i] == 10 * (i + 1) : i in 0..2 }", T}, {"sum{ t[last] : t in tokens[2] of {4, 6} } == 20", T},
};
static const struct row weights[] = {
    {"W(M, \"embed.W_E\")[0, 0] == W(M, \"embed.W_E\")[0][0]", T}, {"len(W(M, \"embed.W_E\")) == 64 and len(OV(M, 0, 0)) == 32", T},
    {"OV(M, 0, 0)[3, 5] == sum{ W(M, \"blocks.0.attn.W_V\")[0, 3, k] * W(M, \"blocks.0.attn.W_O\")[0, k, 5] : k in 0..31 }", T},
    {"QK(M, 0, 0)[3, 5] == sum{ W(M, \"blocks.0.attn.W_Q\")[0, 3, k] * W(M, \"blocks.0.attn.W_K\")[0, 5, k] : k in 0..31 }", T},
    {"sum(mean_rows(W(M, \"pos_embed.W_pos\"))[2]) == sum(W(M, \"pos_embed.W_pos\")) / 4", T},
    {"all{ (W(M, \"embed.W_E\") @ OV(M, 0, 0) @ W(M, \"unembed.W_U\"))[a, a] > (W(M, \"embed.W_E\") @ OV(M, 0, 0) @ W(M, \"unembed.W_U\"))[a, b] : a in 7..63, b in 0..63 where b != a }", T},
};
/* X is {{1/2, 1, -2}, {1/4, 3, 4}, {1, 1, 1}, {2, the double nearest 1/10, 0}}, Y is {0, 2, 1, 0}. */
static const struct row data[] = {
    {"len(X) == 4 and len(X[0]) == 3 and len(Y) == 4", T}, {"X[1, 0] == 1/4 and X[1][2] == 4 and X[0, last] == -2", T}, {"X[3, 1] == 0.1", F},
    {"X[3, 1] == 0x1.999999999999ap-4", T}, {"sum(X[0]) == -1/2 and max(X[1]) == 4 and mean(X[2]) == 1", T}, {"sum(X[0] + 2 * X[2]) == 11/2 and sum(X[0] - X[1] / 2) == -33/8", T},
    {"argmax(X[0]) == 1 and argmax(X[1]) == 2", T}, {"argmax(X[2]) == 0 or argmax(X[2]) == 1 or argmax(X[2]) == 2", F}, {"argmax(X[2]) != 0", T}, {"argmax(Y) == 1 and argmin(Y) == 0", T},
    {"count{ argmax(X[r]) == Y[r] : r in rows(X) } == 2", T}, {"all{ Y[r] % 3 == Y[r] : r in rows(Y) }", T}, {"sum{ Y[r] : r in rows(X) where Y[r] != 1 } == 2", T},
    {"sum({1, 1, 1, 1} @ X) == sum(X)", T}, {"(X @ {1, 0, 0})[1] == 1/4 and sum(transpose(X)[2]) == 3", T}, {"sum(X[0..1, 1]) == 4 and len(X[1..2]) == 2 and sum(X[.., 0]) == 15/4", T},
    {"3 in rows(X) and not 4 in rows(X) and not -1 in rows(X)", T}, {"count{ x == 2 : x in { Y[r] : r in rows(Y) } } == 1", T}, {"max{ X[r, Y[r]] : r in rows(X) } == 4", T},
    {"X[Y[1] + Y[1], 0] == 0", ERROR}, {"X[0, Y[1] + 1] == 0", ERROR}, {"Y[sum{ Y[r] : r in rows(X) } + 1] == 0", ERROR}, {"1 / X[3, 2] == 0", ERROR},
    {"distinct(Y)", F}, {"contains(X[0], -2) and sort(X[1])[2] == 4", T}, {"dot(X[0], X[1]) == -39/8 and dist(1, X[0], X[2]) == 7/2", T}, {"norm(2, X[2]) > 1.732 and norm(2, X[2]) < 1.7321", T},
    {"argmax(logits(M, {Y[1], Y[2]})[last]) == argmax(logits(M, {2, 1})[last])", T}, {"logits(M, Y[1..2])[last, 3] == logits(M, {2, 1})[last, 3]", T},
};
/* N reads a vector of 3 and is bilinear, A one of 32 (an autoencoder), G a matrix of 1 to 4 rows of 3 (attention). */
static const struct row real_inputs[] = {
    {"len(output(N, X[0])) == 3 and len(node(N, \"both\", X[0])) == 4 and len(output(A, W(M, \"embed.W_E\")[5])) == 32", T},
    {"all{ abs(node(N, \"left\", X[0])[j] - sum{ X[0, i] * W(N, \"L\")[i, j] : i in 0..2 }) <= 1e-12 : j in 0..3 }", T},
    {"all{ abs(output(N, X[r])[j] - sum{ dot(X[r], transpose(W(N, \"L\"))[k]) * dot(X[r], transpose(W(N, \"R\"))[k]) * W(N, \"P\")[k, j] : k in 0..3 } - W(N, \"b\")[j]) <= 1e-9 : r in rows(X), j in 0..2 }", T},
    {"output(N, 2 * X[1] - X[1])[0] == output(N, X[1])[0] and output(N, {1, 1, 1})[last] == output(N, X[2])[2]", T}, {"output(N, X[1])[0] == output(N, X[2])[0]", F},
    {"dist(inf, output(N, -X[0]), output(N, X[0])) <= 1e-12", T}, {"output(N, X[0])[3] > 0", ERROR}, {"output(N, X[0])[0, 0] > 0", ERROR}, {"output(N, X[4])[0] > 0", ERROR},
    {"output(N, X[sum(Y) + 1])[0] > 0", ERROR}, {"output(N, {1, 2})[0] > 0", ERROR}, {"output(N, X)[0, 0] > 0", ERROR}, {"output(N, 1)[0] > 0", ERROR}, {"logits(N, X[0])[0] > 0", ERROR},
    {"output(M, {1, 2})[0, 0] > 0", ERROR}, {"output(G, X[0])[0] > 0", ERROR}, {"output(N, {X[0]})[0, 1] == output(N, X[0])[1]", T}, {"len(output(N, {X[0]})) == 1", T},
    {"len(output(G, X)) == 4 and len(output(G, {X[0]})[0]) == 2", T}, {"output(G, X[0..1])[0, 1] == output(G, {X[0], X[1]})[0, 1]", T}, {"abs(output(G, X[0..1])[0, 1] - output(G, X)[0, 1]) <= 1e-12", T},
    {"output(G, {X[0], X[1], X[2], X[3], X[0]})[0, 0] > 0", ERROR}, {"output(G, X[1..0])[0, 0] > 0", ERROR}, {"abs(sum(attn(G, 0, 0, X)[last]) - 1) <= 1e-12 and attn(G, 0, 0, X)[1, 2] == 0", T},
    {"dist(inf, output(A, resid_post(M, 0, {5, 6})[1]), node(A, \"code\", node(M, \"blocks.0.hook_resid_post\", {5, 6})[1]) @ W(A, \"D\")) <= 1e-9", T},
    {"abs(logits(patch(M, \"blocks.0.hook_resid_post\"[last] = output(A, resid_post(M, 0, {5, 6})[1])), {5, 6})[1, 3] - dot(output(A, resid_post(M, 0, {5, 6})[1]), transpose(W(M, \"unembed.W_U\"))[3])) <= 1e-6", T},
    {"dist(inf, output(patch(N, \"both\" = node(N, \"both\", X[0])), X[1]), output(N, X[0])) <= 1e-12", T}, {"dist(inf, output(patch(N, \"both\"[0] = {0, 0, 0, 0}), X[1]), W(N, \"b\")) <= 1e-12", T},
    {"output(patch(N, \"both\" = {0, 0, 0}), X[1])[0] > 0", ERROR},
    {"output(N, if output(N, X[0])[0] > 0 then X[0] else X[1])[0] > 0 <=> (if output(N, X[0])[0] > 0 then output(N, X[0])[0] > 0 else output(N, X[1])[0] > 0)", T},
};
static const struct row networks[] = {
    {"sum(attn(M, 0, 0, {1, 2, 3, 4})[last]) <= 1.0000001 and sum(attn(M, 0, 0, {1, 2, 3, 4})[last]) >= 0.9999999", T}, {"attn(M, 0, 0, {1, 2, 3, 4})[1, 2] == 0", T},
    {"score(M, 0, 0, {1, 2, 3, 4})[1, 2] > 0", ERROR}, {"score(M, 0, 0, {1, 2, 3, 4})[2, 1] < 1000", T}, {"logits(M, {1, 64})[last, 0] > 0", ERROR}, {"logits(M, {1, 2, 3, 4, 5})[last, 0] > 0", ERROR},
    {"logits(M, {3, 1, 2, 9})[last, 9] > logits(M, {3, 1, 2, 9})[last, 1]", T}, {"argmax(logits(M, {3, 1, 2, 9})[last]) == 9", T}, {"argmax(logits(M, {3, 40, 2, 9})[3]) == 40", T},
    {"logits(M, {3, 1, 2, 9})[last, 9] == logits(M, seq(3, 1, 2, 9))[last, 9]", T}, {"logits(M, {3, 1, 2})[1, 4] - logits(M, {3, 1, 2})[1, 4] >= 0", T}, {"logits(M, {3, 1})[1, 4] >= logits(M, {3, 1})[last][4]", T},
    {"dist(2, resid_post(M, 0, {5, 6})[1], resid_pre(M, 0, {5, 6})[1] + head_out(M, 0, 0, {5, 6})[1]) <= 1e-9", T}, {"node(M, \"hook_embed\", {7})[0, 3] == W(M, \"embed.W_E\")[7, 3]", T},
    {"dist(inf, node(M, head(0, 0), {5, 6})[1], head_out(M, 0, 0, {5, 6})[1]) <= 0", T},
    {"argmax(logits(patch(M, head(0, 0)[last] = head_out(M, 0, 0, {3, 40, 2, 9})[last]), {3, 1, 2, 9})[last]) == 40", T},
    {"dist(inf, logits(patch(M, embed = node(M, embed, {1, 2})), {3, 4})[1], logits(M, {1, 2})[1]) <= 1e-9", T}, {"dist(inf, logits(patch(M, embed[0..0] = node(M, embed, {1, 2})[0..0]), {3, 2})[1], logits(M, {1, 2})[1]) <= 1e-9", T},
    {"logits(patch(M, head(0, 0) = head_out(M, 0, 0, {1, 2})), {3, 4, 5})[last, 0] > 0", ERROR},
    {"sum{ attn(M, 0, 0, {5, 6, 7, 8})[i, j] : i in 0..3, j in 0..3 } >= 3.999999", T}, {"max(logits(M, {1, 2})[last]) == max{ logits(M, {1, 2})[last, j] : j in 0..63 }", T},
    {"max{ logits(M, {1, 2})[last, j] : j in 0..63 } >= logits(M, {1, 2})[last, 2]", T},
};

START_TEST(numbers_are_exact) { check_rows(HEADER_M, numbers, sizeof numbers / sizeof *numbers); } END_TEST
START_TEST(arrays_and_functions) { check_rows(HEADER_M, arrays, sizeof arrays / sizeof *arrays); } END_TEST
START_TEST(sets_and_quantifiers) { check_rows(HEADER_M, sets, sizeof sets / sizeof *sets); } END_TEST
START_TEST(weights_are_exact) { check_rows(HEADER_M, weights, sizeof weights / sizeof *weights); } END_TEST
START_TEST(data_are_exact) { check_rows(HEADER_DATA, data, sizeof data / sizeof *data); } END_TEST
START_TEST(rows_of_real_numbers) { check_rows(HEADER_REAL, real_inputs, sizeof real_inputs / sizeof *real_inputs); } END_TEST
START_TEST(activations) { check_rows(HEADER_M, networks, sizeof networks / sizeof *networks); } END_TEST

/* The N-th allocation fails, for every N: an error, never an answer. */
START_TEST(without_memory)
{
    struct claims claims;
    struct diag d;
    diag_init(&d);
    ck_assert_int_eq(claims_from_text(&claims, HEADER_M, "claim c { prove exists t in { seq(a, sort(a)) : a in tokens[2] of {20, 40} } : argmax(logits(M, t)[last]) == max{ t[i] : i in {0, 3} } }\n", &d), STATUS_OK);
    for (long k = 0; k < 400; k++) {
        struct tiers *tiers = NULL;
        enum truth t = U;
        mem_fail_after(k);
        enum status s = tiers_new(&tiers, &claims.statements[0]);
        if (s == STATUS_OK) s = tiers_truth(&t, tiers, claims.statements[0].subject, &d);
        mem_fail_after(-1);
        ck_assert_msg(s == STATUS_OK ? t == T : t == U || s != STATUS_OK, "allocation %ld: status %d", k, (int)s);
        tiers_free(tiers);
        diag_clear(&d);
        diag_init(&d);
    }
    claims_clear(&claims);
    diag_clear(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interp");
    TCase *c = tcase_create("Core");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, numbers_are_exact);
    tcase_add_test(c, arrays_and_functions);
    tcase_add_test(c, sets_and_quantifiers);
    tcase_add_test(c, weights_are_exact);
    tcase_add_test(c, data_are_exact);
    tcase_add_test(c, rows_of_real_numbers);
    tcase_add_test(c, activations);
    tcase_add_test(c, without_memory);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
