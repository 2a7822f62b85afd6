/* walk: every binding once, in lexicographic order, however the index range is split; sets that depend on earlier names; images. */
#include <check.h>
#include "tests/verify/claims_text.h"
#include "verify/engine.h"

/* Binders, the number of bindings, whether the walk can be split down to single bindings, and the sum of all bound integers. */
static const struct { const char *binds; long bindings; bool flat; long sum; } table[] = {
    {"a in 0..4", 5, true, 10},
    {"a in 3..2", 0, true, 0},
    {"a in -2..2", 5, true, 0},
    {"a in {7, 1}, b in 0..2", 6, true, 30},
    {"a in 0..3, b in 0..a", 10, false, 30},
    {"t in tokens[3] of 0..2", 27, true, 81},
    {"t in tokens(0..1, {5}, {2, 9})", 4, true, 44},
    {"t in tokens[2] of 0..3, i in 0..1", 32, true, 112},
    {"a in 0..2, t in tokens(0..a, {a})", 6, false, 20},
    {"t in { seq(l, 3, sort(l)) : l in tokens[2] of 0..2 }", 9, true, 63},
    {"t in { u : p in 0..1, u in tokens[3] of 0..1 where u[2] == u[p] }", 8, true, 12},
    {"t in { v : v in tokens[2] of 0..4 where v[0] < v[1] }, a in 0..t[0]", 20, false, 110},
};

struct seen { long n, sum; struct binding *all; size_t room; };

static long total(const struct binding *b)
{
    long sum = 0;
    for (size_t p = 0; p < b->n_parts; p++)
        for (size_t i = 0; i < b->parts[p].n; i++) sum += b->parts[p].tokens[i];
    return sum;
}

static void collect(struct seen *seen, const struct statement *s, unsigned long from, unsigned long to, unsigned long *size, bool *flat)
{
    struct interp *in;
    struct walk *w;
    struct diag d;
    mpz_t x, y;
    bool more;
    diag_init(&d);
    mpz_init(x);
    mpz_init(y);
    ck_assert_int_eq(interp_new(&in, s, 0), STATUS_OK);
    ck_assert_int_eq(walk_new(&w, &s->binds, in, &d), STATUS_OK);
    walk_size(x, w);
    *size = mpz_get_ui(x);
    *flat = walk_is_flat(w);
    mpz_set_ui(x, from);
    mpz_set_ui(y, to);
    walk_range(w, x, y);
    for (;;) {
        ck_assert_int_eq(walk_next(&more, w, &d), STATUS_OK);
        if (!more) break;
        struct binding b = {0};
        ck_assert_int_eq(binding_read(&b, &s->binds, in), STATUS_OK);
        ck_assert_int_lt(seen->n, 200);
        seen->sum += total(&b);
        seen->all[seen->n++] = b;
    }
    ck_assert_int_eq(walk_next(&more, w, &d), STATUS_OK);
    ck_assert(!more);
    walk_free(w);
    interp_free(in);
    mpz_clear(x);
    mpz_clear(y);
    diag_clear(&d);
}

static void forget(struct seen *seen)
{
    for (long i = 0; i < seen->n; i++) binding_clear(&seen->all[i]);
    free(seen->all);
}

START_TEST(every_binding_once)
{
    const char *binds = table[_i].binds;
    char text[300];
    struct claims claims;
    struct diag d;
    diag_init(&d);
    snprintf(text, sizeof text, "claim c { count %s : 0 == 0 }\n", binds);
    ck_assert_msg(claims_from_text(&claims, HEADER_M, text, &d) == STATUS_OK, "%s: %s", binds, d.n ? d.messages[0].text : "");
    const struct statement *s = &claims.statements[0];
    unsigned long size = 0, unused;
    bool flat, same;
    struct seen whole = {.all = calloc(200, sizeof *whole.all)};
    collect(&whole, s, 0, 1000000, &size, &flat);
    ck_assert_msg(whole.n == table[_i].bindings, "%s: %ld bindings", binds, whole.n);
    ck_assert_msg(whole.sum == table[_i].sum, "%s: sum %ld", binds, whole.sum);
    ck_assert_msg(flat == table[_i].flat, "%s: flat %d", binds, flat);
    for (unsigned long step = 1; step <= 5; step += 2) {
        struct seen parts = {.all = calloc(200, sizeof *parts.all)};
        for (unsigned long from = 0; from < size; from += step) collect(&parts, s, from, from + step, &unused, &same);
        ck_assert_msg(parts.n == whole.n, "%s: %ld bindings in steps of %lu", binds, parts.n, step);
        for (long i = 0; i < parts.n; i++) ck_assert_int_eq(binding_compare(&parts.all[i], &whole.all[i]), 0);
        forget(&parts);
    }
    forget(&whole);
    claims_clear(&claims);
    diag_clear(&d);
}
END_TEST

/* A domain whose size no integer type holds can still be entered. */
START_TEST(huge_domain)
{
    struct claims claims;
    struct interp *in;
    struct walk *w;
    struct diag d;
    mpz_t size;
    bool more;
    diag_init(&d);
    mpz_init(size);
    ck_assert_int_eq(claims_from_text(&claims, HEADER_M, "claim c { count a in tokens[40] of 0..63 : a[0] == 0 }\n", &d), STATUS_OK);
    const struct statement *s = &claims.statements[0];
    ck_assert_int_eq(interp_new(&in, s, 0), STATUS_OK);
    ck_assert_int_eq(walk_new(&w, &s->binds, in, &d), STATUS_OK);
    walk_size(size, w);
    ck_assert_uint_ge(mpz_sizeinbase(size, 2), 126);
    ck_assert_int_eq(walk_next(&more, w, &d), STATUS_OK);
    ck_assert(more);
    walk_free(w);
    interp_free(in);
    struct text why;
    text_init(&why);
    ck_assert(!engine_enumerate.takes(s, &why));
    ck_assert_msg(strstr(why.data, "2^40") != NULL, "%s", why.data);
    text_clear(&why);
    claims_clear(&claims);
    mpz_clear(size);
    diag_clear(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("walk");
    TCase *c = tcase_create("Core");
    tcase_add_loop_test(c, every_binding_once, 0, (int)(sizeof table / sizeof *table));
    tcase_add_test(c, huge_domain);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
