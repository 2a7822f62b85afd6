/* The engine enumerate against brute force in long double, on small random networks. Values nearer than NEAR to a tie may fall either way. */
#include <unistd.h>
#include "core/mem.h"
#include "tests/models/random_net.h"
#include "tests/verify/claims_text.h"
#include "tests/models/naive.h"
#include "verify/engine.h"

#define NEAR 1e-9L
#define NETS 400
#define CASES_MAX 700

struct world { struct net net; size_t n, vocab; bool norm; char folder[64]; };
/* What brute force says of one binding: a signed margin (> 0: true), or a value. */
typedef long double measure(const struct world *w, const int *t, const int *s);

static size_t argmax_int(const int *t, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (t[i] > t[best]) best = i;
    return best;
}

static long double lead(const long double *v, size_t n, size_t i)
{
    long double margin = INFINITY;
    for (size_t j = 0; j < n; j++)
        if (j != i && v[i] - v[j] < margin) margin = v[i] - v[j];
    return margin;
}

static long node_of(const struct world *w, const char *name)
{
    return net_node(&w->net, name);
}

static long double answers_max(const struct world *w, const int *t, const int *s)
{
    struct naive r;
    (void)s;
    naive_run(&r, &w->net, t, w->n, -1, 0, NULL);
    long double m = lead(naive_row(&r, w->net.output, w->n - 1), w->vocab, (size_t)t[argmax_int(t, w->n)]);
    naive_clear(&r);
    return m;
}

static long double first_beats_last(const struct world *w, const int *t, const int *s)
{
    struct naive r;
    (void)s;
    naive_run(&r, &w->net, t, w->n, -1, 0, NULL);
    const long double *v = naive_row(&r, w->net.output, w->n - 1);
    long double m = v[t[0]] - v[t[w->n - 1]];
    naive_clear(&r);
    return m;
}

static long double mass_on_copies(const struct world *w, const int *t, const int *s)
{
    struct naive r;
    long double sum = 0;
    (void)s;
    naive_run(&r, &w->net, t, w->n, -1, 0, NULL);
    const long double *p = naive_row(&r, (size_t)node_of(w, "blocks.0.attn.hook_pattern.0"), w->n - 1);
    for (size_t i = 0; i < w->n; i++)
        if (t[i] == t[w->n - 1]) sum += p[i];
    naive_clear(&r);
    return sum;
}

static long double moved(const struct world *w, const int *t, const int *s)
{
    struct naive r;
    long double sum = 0;
    (void)s;
    naive_run(&r, &w->net, t, w->n, -1, 0, NULL);
    const long double *a = naive_row(&r, (size_t)node_of(w, "blocks.0.hook_resid_post"), 0), *b = naive_row(&r, (size_t)node_of(w, "hook_embed"), 0);
    for (size_t j = 0; j < naive_width(&r, (size_t)node_of(w, "hook_embed")); j++) sum += fabsl(a[j] - b[j]);
    naive_clear(&r);
    return sum;
}

static long double follows_the_patch(const struct world *w, const int *t, const int *s)
{
    struct naive r, q;
    long node = node_of(w, "blocks.0.attn.hook_result.0");
    naive_run(&r, &w->net, s, w->n, -1, 0, NULL);
    naive_run(&q, &w->net, t, w->n, node, w->n - 1, naive_row(&r, (size_t)node, w->n - 1));
    long double m = lead(naive_row(&q, w->net.output, w->n - 1), w->vocab, (size_t)s[argmax_int(s, w->n)]);
    naive_clear(&r);
    naive_clear(&q);
    return m;
}

static const struct { const char *body; enum body kind; bool distinct_ends, pairs; measure *measure; } table[] = {
    {"count t in D : argmax(logits(M, t)[last]) == max(t)", BODY_COUNT, false, false, answers_max},
    {"count t in D where t[0] != t[last] : logits(M, t)[last, t[0]] > logits(M, t)[last, t[last]]", BODY_COUNT, true, false, first_beats_last},
    {"list t in D where t[0] != t[last] : not logits(M, t)[last][t[0]] <= logits(M, t)[last][t[last]]", BODY_LIST, true, false, first_beats_last},
    {"forall t in D where t[0] != t[last] prove t[0] == t[0] => logits(M, t)[last, t[0]] > logits(M, t)[last, t[last]]", BODY_PROVE, true, false, first_beats_last},
    {"forall t in D prove argmax(logits(M, t)[last]) == t[argmax(t)]", BODY_PROVE, false, false, answers_max},
    {"minimize t in D : logits(M, t)[last, max(t)] - max{ logits(M, t)[last, j] : j in 0..V where j != max(t) }", BODY_MINIMIZE, false, false, answers_max},
    {"maximize t in D : sum{ attn(M, 0, 0, t)[last, i] : i in 0..N where t[i] == t[last] }", BODY_MAXIMIZE, false, false, mass_on_copies},
    {"minimize t in D : min(sum{ attn(M, 0, 0, t)[last][i] : i in 0..N where t[i] == t[last] }, 2)", BODY_MINIMIZE, false, false, mass_on_copies},
    {"average t in D : dist(1, resid_post(M, 0, t)[0], node(M, embed, t)[0])", BODY_AVERAGE, false, false, moved},
    {"average t in D where t[0] != t[last] : norm(1, resid_post(M, 0, t)[0] - node(M, \"hook_embed\", t)[0])", BODY_AVERAGE, true, false, moved},
    {"count t in D, s in D : argmax(logits(patch(M, head(0, 0)[last] = head_out(M, 0, 0, s)[last]~), t)[last]) == max(s)", BODY_COUNT, false, true, follows_the_patch},
};
#define CLAIMS (sizeof table / sizeof *table)

/* Brute force over everything. */
struct truth_of { size_t yes_lo, yes_hi, total, first_false; long double least, most, sum; };

static bool next(int *t, size_t n, size_t vocab)
{
    for (size_t i = n; i-- > 0;) {
        if (++t[i] < (int)vocab) return true;
        t[i] = 0;
    }
    return false;
}

static struct truth_of brute_force(const struct world *w, size_t claim)
{
    struct truth_of b = {0, 0, 0, SIZE_MAX, INFINITY, -INFINITY, 0};
    int ts[16] = {0};
    size_t n = table[claim].pairs ? 2 * w->n : w->n;
    do {
        if (table[claim].distinct_ends && ts[0] == ts[w->n - 1]) continue;
        long double m = table[claim].measure(w, ts, ts + w->n);
        b.yes_lo += m > NEAR;
        b.yes_hi += m > -NEAR;
        if (m < -NEAR && b.first_false == SIZE_MAX) {
            b.first_false = 0;
            for (size_t i = 0; i < n; i++) b.first_false = b.first_false * 10 + (size_t)ts[i];
        }
        b.least = m < b.least ? m : b.least;
        b.most = m > b.most ? m : b.most;
        b.sum += m;
        b.total++;
    } while (next(ts, n, w->vocab));
    return b;
}

static size_t decimal(const struct binding *b)
{
    size_t x = 0;
    for (size_t p = 0; p < b->n_parts; p++)
        for (size_t i = 0; i < b->parts[p].n; i++) x = x * 10 + (size_t)b->parts[p].tokens[i];
    return x;
}

static void expect_value(const struct outcome *o, long double value, const char *body)
{
    double lo = mpq_get_d(o->lo), hi = mpq_get_d(o->hi);
    ck_assert_msg(o->has_value && hi - lo <= 1e-6, "%s: width %g", body, hi - lo);
    ck_assert_msg((long double)lo <= value + NEAR && value - NEAR <= (long double)hi, "%s: %.15Lg not in [%.15g, %.15g]", body, value, lo, hi);
}

static void expect_outcome(const struct outcome *o, const struct truth_of *b, size_t claim)
{
    const char *body = table[claim].body;
    size_t yes = mpz_get_ui(o->number_lo);
    if (b->total == 0) {
        ck_assert_msg(o->proposal == PROPOSAL_VACUOUS, "%s", body);
        return;
    }
    switch (table[claim].kind) {
    case BODY_COUNT:
        ck_assert_msg(o->proposal == PROPOSAL_INTERVAL && mpz_cmp(o->number_lo, o->number_hi) <= 0, "%s", body);
        ck_assert_msg(b->yes_lo <= mpz_get_ui(o->number_hi) && yes <= b->yes_hi, "%s: %zu, not %zu..%zu", body, yes, b->yes_lo, b->yes_hi);
        ck_assert_uint_eq(mpz_get_ui(o->total_lo), b->total);
        break;
    case BODY_LIST:
        ck_assert_msg(b->yes_lo <= o->n_items && o->n_items <= b->yes_hi, "%s", body);
        for (size_t i = 0; i + 1 < o->n_items; i++) ck_assert_int_lt(binding_compare(&o->items[i], &o->items[i + 1]), 0);
        break;
    case BODY_PROVE:
        if (o->proposal == PROPOSAL_FALSE) ck_assert_msg(b->first_false == SIZE_MAX || decimal(&o->counterexample) <= b->first_false, "%s", body);
        else if (o->proposal == PROPOSAL_TRUE) ck_assert_msg(b->first_false == SIZE_MAX && o->witness.n_parts > 0, "%s", body);
        else ck_assert_msg(b->yes_lo < b->yes_hi, "%s: %s", body, o->reason);
        break;
    case BODY_MINIMIZE: expect_value(o, b->least, body); break;
    case BODY_MAXIMIZE: expect_value(o, b->most, body); break;
    case BODY_AVERAGE: expect_value(o, b->sum / (long double)b->total, body); break;
    }
}

static void write_file(const char *folder, const char *name, const char *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, size, f), size);
    ck_assert_int_eq(fclose(f), 0);
}

/* Body with V and N after a dot replaced by the largest token and position, and ~ by what a patch says where there is LayerNorm. */
static void add_body(struct text *out, const char *body, const struct world *w)
{
    for (; *body; body++) {
        bool number = body[0] == '.' && (body[1] == 'V' || body[1] == 'N');
        if (*body == '~') text_add(out, w->norm ? ", ln = live" : "");
        else text_add_n(out, body, 1);
        if (number) text_addf(out, "%zu", (*++body == 'V' ? w->vocab : w->n) - 1);
    }
}

static void write_world(struct world *w)
{
    struct text net, claims;
    text_init(&net);
    text_init(&claims);
    ck_assert_int_eq(net_write(&net, &w->net), STATUS_OK);
    write_file(w->folder, "m.net", net.data, net.size);
    text_addf(&claims, "claims 1\nmodel M = \"m.net\"\ndomain D = tokens[%zu] of 0..%zu\n", w->n, w->vocab - 1);
    for (size_t i = 0; i < CLAIMS; i++) {
        text_addf(&claims, "claim c%zu { ", i);
        add_body(&claims, table[i].body, w);
        text_add(&claims, " }\n");
    }
    write_file(w->folder, "c.claims", claims.data, claims.size);
    text_clear(&net);
    text_clear(&claims);
}

static void remove_world(const struct world *w)
{
    char path[128];
    snprintf(path, sizeof path, "%s/m.net", w->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/c.claims", w->folder);
    unlink(path);
    rmdir(w->folder);
}

static void decide(struct outcome *o, const struct statement *s, int threads)
{
    struct limits l = {.threads = threads};
    struct diag d;
    struct text why;
    diag_init(&d);
    text_init(&why);
    ck_assert_msg(engine_enumerate.takes(s, &why), "%s", why.data);
    outcome_init(o);
    enum status status = engine_enumerate.decide(o, s, &l, &d);
    if (status != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(status, STATUS_OK);
    text_clear(&why);
    diag_clear(&d);
}

/* One thread and three say the same, word for word. */
static void expect_same(const struct outcome *a, const struct outcome *b)
{
    ck_assert_int_eq(a->proposal, b->proposal);
    ck_assert(mpz_cmp(a->number_lo, b->number_lo) == 0 && mpz_cmp(a->number_hi, b->number_hi) == 0);
    ck_assert(mpq_equal(a->lo, b->lo) && mpq_equal(a->hi, b->hi));
    ck_assert(a->n_items == b->n_items);
    ck_assert_int_eq(binding_compare(&a->counterexample, &b->counterexample), 0);
    ck_assert_int_eq(binding_compare(&a->attains, &b->attains), 0);
    ck_assert_int_eq(binding_compare(&a->witness, &b->witness), 0);
}

static void check_world(struct world *w)
{
    char path[128];
    struct claims claims;
    struct claims_options options = {0};
    struct diag d;
    diag_init(&d);
    snprintf(path, sizeof path, "%s/c.claims", w->folder);
    enum status status = claims_read(&claims, path, &options, &d);
    if (status != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(status, STATUS_OK);
    for (size_t i = 0; i < CLAIMS; i++) {
        struct outcome one, three;
        struct truth_of b = brute_force(w, i);
        decide(&one, &claims.statements[i], 1);
        decide(&three, &claims.statements[i], 3);
        expect_outcome(&one, &b, i);
        expect_same(&one, &three);
        outcome_clear(&one);
        outcome_clear(&three);
    }
    claims_clear(&claims);
    diag_clear(&d);
}

START_TEST(random_networks)
{
    for (int k = 0; k < NETS; k++) {
        struct world w = {.folder = "/tmp/check_enumerate_XXXXXX"};
        struct shape s = random_shape();
        s.vocab = 2 + below(3);
        size_t pairs = 1;
        do w.n = 1 + below(s.n_ctx);
        while (w.n > 3);
        w.vocab = s.vocab;
        w.norm = s.norm;
        for (size_t i = 0; i < 2 * w.n; i++) pairs *= s.vocab;
        if (pairs > CASES_MAX) continue;
        random_net(&w.net, &s);
        ck_assert_ptr_nonnull(mkdtemp(w.folder));
        write_world(&w);
        check_world(&w);
        remove_world(&w);
        net_clear(&w.net);
    }
}
END_TEST

/* The N-th allocation fails, for every N: an error, or the right answer. */
START_TEST(without_memory)
{
    struct claims claims;
    struct diag d;
    diag_init(&d);
    const char *text = "claim c { list t in { seq(a, 63) : a in tokens[2] of {20, 40} } : argmax(logits(M, t)[last]) == 63 at most 3 }\n";
    ck_assert_int_eq(claims_from_text(&claims, HEADER_M, text, &d), STATUS_OK);
    for (long k = 0; k < 600; k++) {
        struct outcome o;
        struct limits l = {.threads = 1};
        outcome_init(&o);
        mem_fail_after(k);
        enum status s = engine_enumerate.decide(&o, &claims.statements[0], &l, &d);
        mem_fail_after(-1);
        ck_assert_msg(s == STATUS_OK ? o.n_items == 3 : s == STATUS_MEMORY, "allocation %ld: %s", k, status_name(s));
        outcome_clear(&o);
        diag_clear(&d);
        diag_init(&d);
    }
    claims_clear(&claims);
    diag_clear(&d);
}
END_TEST

/* A deadline that has passed, or no patience with what takes long: what is known so far, and never a verdict. */
START_TEST(time_is_up)
{
    struct claims claims;
    struct diag d;
    diag_init(&d);
    const char *text = "claim a { count t in tokens[4] of 0..63 : argmax(logits(M, t)[last]) == max(t) }\nclaim b { forall t in tokens[4] of 20..63 prove argmax(logits(M, t)[last]) == 64 - 1 or max(t) < 64 }\n";
    ck_assert_int_eq(claims_from_text(&claims, HEADER_M, text, &d), STATUS_OK);
    for (size_t i = 0; i < 4; i++) {
        struct outcome o;
        struct limits l = {.threads = 2, .deadline = i < 2 ? 1e-3 : 0, .patience = 1e-9};
        outcome_init(&o);
        ck_assert_int_eq(engine_enumerate.decide(&o, &claims.statements[i % 2], &l, &d), STATUS_TIMEOUT);
        ck_assert(o.proposal != PROPOSAL_TRUE && o.proposal != PROPOSAL_FALSE && o.reason);
        ck_assert_ptr_nonnull(strstr(o.reason, i < 2 ? "time is up" : "given up"));
        outcome_clear(&o);
    }
    claims_clear(&claims);
    diag_clear(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("enumerate");
    TCase *c = tcase_create("Core");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, random_networks);
    tcase_add_test(c, without_memory);
    tcase_add_test(c, time_is_up);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
