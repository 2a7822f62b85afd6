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
    {"t in { u : u in tokens[4] of 0..3 where distinct(u) }", 24, true, 144},
    {"t in { u : p in 0..1, u in tokens[4] of 0..3 where distinct(u[0..2]) and u[last] == u[p] }", 48, true, 288},
};

/* Conditions that are asked early; the bindings that satisfy them; whether some are left out without being met. */
static const struct { const char *binds, *where; long bindings; bool early; } conditions[] = {
    {"t in tokens[4] of 0..2", "distinct(t)", 0, true},
    {"t in tokens[3] of 0..3", "distinct(t[1..])", 48, true},
    {"p in 0..2, t in tokens[4] of 0..2", "distinct(t[0..2]) and t[last] == t[p]", 18, true},
    {"t in tokens[4] of 0..2, p in 0..2", "distinct(t[0..2]) and t[3] == t[p]", 18, true},
    {"t in tokens[3] of 0..3, u in tokens[2] of 0..2", "u[0] < u[1] and t[0] == 3", 48, true},
    {"t in tokens(1..3, {5, 2}, 0..3)", "t[0] + 1 > t[2] - 1 and 2 <= t[1] < t[0] + 2", 11, true},
    {"t in tokens[3] of 0..3", "t[0] == t[1] and max(t) > 2 and t[1] != t[2]", 6, true},
    {"t in tokens[3] of 0..3", "max(t) > 2 and t[0] == t[1]", 7, false},
    {"t in tokens[3] of 0..3", "t[0] == t[1] or t[1] == t[2]", 28, false},
    {"p in 1..3, t in tokens[3] of 0..p", "t[0] == p and t[1] != p", 20, true},
};

struct seen { long n, sum; struct binding *all; size_t room; };

static long total(const struct binding *b)
{
    long sum = 0;
    for (size_t p = 0; p < b->n_parts; p++)
        for (size_t i = 0; i < b->parts[p].n; i++) sum += b->parts[p].tokens[i];
    return sum;
}

static bool satisfies(struct interp *in, const struct expr *where, struct diag *d)
{
    enum truth t = TRUTH_TRUE;
    if (where) ck_assert_int_eq(interp_truth(&t, in, where, d), STATUS_OK);
    return t == TRUTH_TRUE;
}

/* where, early: of the bindings for which it is true; *met counts those that the walk came by. */
static void collect_where(struct seen *seen, const struct statement *s, unsigned long from, unsigned long to, unsigned long *size, bool *flat, const struct expr *where, bool early, long *met)
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
    walk_condition(w, early ? where : NULL);
    for (;;) {
        ck_assert_int_eq(walk_next(&more, w, &d), STATUS_OK);
        if (!more) break;
        ++*met;
        if (!satisfies(in, where, &d)) continue;
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

static void collect(struct seen *seen, const struct statement *s, unsigned long from, unsigned long to, unsigned long *size, bool *flat)
{
    long met = 0;
    collect_where(seen, s, from, to, size, flat, NULL, false, &met);
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

static void same_bindings(const char *binds, const struct seen *a, const struct seen *b)
{
    ck_assert_msg(a->n == b->n, "%s: %ld and %ld bindings", binds, a->n, b->n);
    for (long i = 0; i < a->n; i++) ck_assert_int_eq(binding_compare(&a->all[i], &b->all[i]), 0);
}

START_TEST(conditions_leave_out_nothing_else)
{
    const char *binds = conditions[_i].binds;
    char text[300];
    struct claims claims;
    struct diag d;
    diag_init(&d);
    snprintf(text, sizeof text, "claim c { count %s where %s : 0 == 0 }\n", binds, conditions[_i].where);
    ck_assert_msg(claims_from_text(&claims, HEADER_M, text, &d) == STATUS_OK, "%s: %s", binds, d.n ? d.messages[0].text : "");
    const struct statement *s = &claims.statements[0];
    unsigned long size = 0, unused;
    bool flat;
    long all = 0, met = 0, in_steps = 0;
    struct seen late = {.all = calloc(200, sizeof *late.all)}, early = {.all = calloc(200, sizeof *early.all)};
    collect_where(&late, s, 0, 1000000, &size, &flat, s->where, false, &all);
    collect_where(&early, s, 0, 1000000, &size, &flat, s->where, true, &met);
    ck_assert_msg(late.n == conditions[_i].bindings, "%s: %ld bindings", binds, late.n);
    same_bindings(binds, &late, &early);
    ck_assert_msg(conditions[_i].early ? met < all : met == all, "%s: %ld of %ld met", binds, met, all);
    for (unsigned long step = 1; step <= 7; step += 3) {
        struct seen parts = {.all = calloc(200, sizeof *parts.all)};
        for (unsigned long from = 0; from < size; from += step) collect_where(&parts, s, from, from + step, &unused, &flat, s->where, true, &in_steps);
        same_bindings(binds, &late, &parts);
        forget(&parts);
    }
    forget(&late);
    forget(&early);
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
    tcase_add_loop_test(c, conditions_leave_out_nothing_else, 0, (int)(sizeof conditions / sizeof *conditions));
    tcase_add_test(c, huge_domain);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
