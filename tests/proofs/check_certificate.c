/* Certificates as FORMAT.md writes them, and the truth of prove lines over intervals. The statements name no model, so that every number
 * is known without running anything. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/hash.h"
#include "proofs/certificate.h"
#include "proofs/interval.h"

static struct claims claims;
static char path[] = "/tmp/check-certificate-XXXXXX";

/* One claim with this body, read from a file. */
static const struct statement *statement(const char *body) {
    struct claims_options o = {0};
    struct diag d;
    diag_init(&d);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "claims 1\nclaim c { %s }\n", body);
    fclose(f);
    enum status s = claims_read(&claims, path, &o, &d);
    if (s != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(s, STATUS_OK);
    ck_assert_uint_eq(claims.n_statements, 1);
    diag_clear(&d);
    return &claims.statements[0];
}

static void set_up(void) {
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void tear_down(void) { unlink(path); }

static void set_count(struct outcome *o, long lo, long hi, long total_lo, long total_hi) {
    outcome_init(o);
    o->proposal = PROPOSAL_INTERVAL;
    o->rule = "enumerate";
    mpz_set_si(o->number_lo, lo);
    mpz_set_si(o->number_hi, hi);
    mpz_set_si(o->total_lo, total_lo);
    mpz_set_si(o->total_hi, total_hi);
}

static const struct { const char *prove; long lo, hi, total_lo, total_hi; enum truth truth; } counts[] = {
    {"fraction >= 1/2", 6, 6, 10, 10, TRUTH_TRUE},
    {"fraction > 6/10", 6, 6, 10, 10, TRUTH_FALSE},
    {"fraction >= 6/10", 6, 6, 10, 10, TRUTH_TRUE},
    {"fraction == 3/5", 6, 6, 10, 10, TRUTH_TRUE},
    {"fraction == 3/5", 6, 7, 10, 10, TRUTH_UNSETTLED},
    {"fraction >= 1/2", 4, 6, 10, 10, TRUTH_UNSETTLED},
    {"fraction >= 1/2", 4, 4, 8, 10, TRUTH_UNSETTLED},
    {"fraction <= 1", 9, 10, 9, 10, TRUTH_TRUE},
    {"number == 6 and total == 10", 6, 6, 10, 10, TRUTH_TRUE},
    {"number == 6 and total == 11", 6, 7, 10, 10, TRUTH_FALSE},
    {"number == 5 or total == 10", 6, 7, 10, 10, TRUTH_TRUE},
    {"number != 6", 6, 6, 10, 10, TRUTH_FALSE},
    {"number != 6", 6, 7, 10, 10, TRUTH_UNSETTLED},
    {"not number < 6", 6, 7, 10, 10, TRUTH_TRUE},
    {"4 < number <= 7", 6, 7, 10, 10, TRUTH_TRUE},
    {"7 < number <= 9", 6, 7, 10, 10, TRUTH_FALSE},
    {"total - number <= 4", 6, 7, 10, 10, TRUTH_TRUE},
    {"total - number < 4", 6, 7, 10, 10, TRUTH_UNSETTLED},
    {"2 * number >= total", 6, 7, 10, 10, TRUTH_TRUE},
    {"-number <= -6", 6, 7, 10, 10, TRUTH_TRUE},
    {"number / total >= 3/5", 6, 7, 10, 10, TRUTH_TRUE},
    {"number > 100 => total > 100", 6, 7, 10, 10, TRUTH_TRUE},
    {"number > 5 <=> total > 100", 6, 7, 10, 10, TRUTH_FALSE},
};

START_TEST(prove_lines) {
    struct outcome o;
    char body[200];
    snprintf(body, sizeof body, "count a in 0..9 : a > 3 prove %s", counts[_i].prove);
    const struct statement *s = statement(body);
    set_count(&o, counts[_i].lo, counts[_i].hi, counts[_i].total_lo, counts[_i].total_hi);
    ck_assert_int_eq(prove_over(s, &o), counts[_i].truth);
    const char *verdict = certificate_verdict(s, &o);
    if (counts[_i].truth == TRUTH_UNSETTLED) ck_assert_ptr_null(verdict);
    else ck_assert_str_eq(verdict, counts[_i].truth == TRUTH_TRUE ? "proved" : "refuted");
    outcome_clear(&o);
    claims_clear(&claims);
}
END_TEST

START_TEST(counts_without_prove) {
    struct outcome o;
    const struct statement *s = statement("count a in 0..9 : a > 3");
    set_count(&o, 6, 6, 10, 10);
    ck_assert_str_eq(certificate_verdict(s, &o), "bounded");
    mpz_set_si(o.number_hi, 7);
    ck_assert_ptr_null(certificate_verdict(s, &o));
    o.proposal = PROPOSAL_NONE;
    ck_assert_ptr_null(certificate_verdict(s, &o));
    o.proposal = PROPOSAL_TRUE;
    ck_assert_ptr_null(certificate_verdict(s, &o));
    o.proposal = PROPOSAL_VACUOUS;
    ck_assert_str_eq(certificate_verdict(s, &o), "vacuous");
    o.rule = NULL;
    ck_assert_ptr_null(certificate_verdict(s, &o));
    outcome_clear(&o);
    claims_clear(&claims);
    s = statement("count a in 0..9 : a > 3 within 1/5");
    set_count(&o, 6, 8, 10, 10);
    ck_assert_str_eq(certificate_verdict(s, &o), "bounded");
    mpz_set_si(o.number_hi, 9);
    ck_assert_ptr_null(certificate_verdict(s, &o));
    outcome_clear(&o);
    claims_clear(&claims);
}
END_TEST

static void sealed(const struct text *t, const char *body) {
    char sha[SHA256_HEX], line[100];
    const char *last = strstr(t->data, "sha256 ");
    ck_assert_ptr_nonnull(last);
    sha256_hex(sha, t->data, (size_t)(last - t->data));
    snprintf(line, sizeof line, "sha256 %s\n", sha);
    ck_assert_str_eq(last, line);
    ck_assert_msg(strstr(t->data, body) != NULL, "%s\nhas no part\n%s", t->data, body);
}

START_TEST(whole_text) {
    struct outcome o;
    struct text t;
    struct diag d;
    const struct statement *s = statement("count a in 0..9 : a > 3 prove number == 6");
    text_init(&t);
    diag_init(&d);
    set_count(&o, 6, 6, 10, 10);
    ck_assert_int_eq(certificate_write(&t, s, &o, &d), STATUS_OK);
    sealed(&t, "weightproof-certificate 1\nstatement\n| weightproof-statement 1\n| semantics real\n| count a in 0..9 : a > 3\n"
               "| prove number == 6\nverdict proved\nnumber 6 6\ntotal 10 10\nrule enumerate\nend\nsha256 ");
    text_clear(&t);
    o.proposal = PROPOSAL_VACUOUS;
    ck_assert_int_eq(certificate_write(&t, s, &o, &d), STATUS_OK);
    sealed(&t, "verdict vacuous\nnumber 0 0\ntotal 0 0\nrule enumerate\nend\n");
    text_clear(&t);
    o.proposal = PROPOSAL_NONE;
    ck_assert_int_eq(certificate_write(&t, s, &o, &d), STATUS_INTERNAL);
    text_clear(&t);
    outcome_clear(&o);
    diag_clear(&d);
    claims_clear(&claims);
}
END_TEST

START_TEST(values) {
    struct outcome o;
    struct text t;
    struct diag d;
    const struct statement *s = statement("minimize a in 0..9 : a / 3");
    text_init(&t);
    diag_init(&d);
    outcome_init(&o);
    o.proposal = PROPOSAL_INTERVAL;
    o.rule = "enumerate";
    ck_assert_ptr_null(certificate_verdict(s, &o));
    o.has_value = true;
    mpq_set_si(o.lo, -1, 3);
    mpq_set_si(o.hi, 0, 1);
    ck_assert_ptr_null(certificate_verdict(s, &o));
    mpq_set_si(o.lo, -1, 1000000);
    ck_assert_str_eq(certificate_verdict(s, &o), "bounded");
    ck_assert_int_eq(certificate_write(&t, s, &o, &d), STATUS_OK);
    sealed(&t, "verdict bounded\nvalue -1/1000000 0\nattains -\nrule enumerate\nend\n");
    text_clear(&t);
    mpq_set_si(o.lo, -2, 1000000);
    ck_assert_ptr_null(certificate_verdict(s, &o));
    outcome_clear(&o);
    diag_clear(&d);
    claims_clear(&claims);
}
END_TEST

int main(void) {
    Suite *s = suite_create("certificate");
    TCase *t = tcase_create("Core");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, prove_lines, 0, (int)(sizeof counts / sizeof counts[0]));
    tcase_add_test(t, counts_without_prove);
    tcase_add_test(t, whole_text);
    tcase_add_test(t, values);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
