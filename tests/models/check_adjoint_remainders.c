/* Remainders of reverse mode, one by one. In each small network a wide box that is exact meets entries that err, so that one remainder is most of the
 * bound's growth over that of the middle alone. At the corner of the box where errors grow most, |J| e by balls, an error that can happen to first order,
 * grows within a few percent of that: a remainder that is left out, or halved, falls below it. */
#include "tests/models/adjoint_setting.h"

#define MOST 8
#define FAR 0x1p6
/* x: n inputs, of which `at` is a point of the box mid +- rad. y = (FAR + x) - FAR errs; x itself does not. share: the bound grows by at most this multiple. */
struct remainder { const char *what, *tensors, *nodes; size_t n, entry; double mid[MOST], rad[MOST], at[MOST]; bool errs[MOST]; double share; };

static const struct remainder remainders[] = {
    /* p_k (x_k - sum p x): the wide score falls, so p_k and all patterns that err grow together. */
    { "softmax, spread", "tensor A 1\n0\ntensor B 7\n0x1p0 0x1p1 0x1.8p1 0x1p2 0x1.4p2 0x1.8p2 0x1.cp2\n",
      "node a select x A\nnode b select y B\nnode c concat a b\nnode k rowsoftmax c 8\n", 8, 1, { 0, -2 }, { 0x1p-5 }, { -0x1p-5, -2 }, { 0, 1, 1, 1, 1, 1, 1, 1 }, 1.2 },
    /* p v, p = s^2 from an exact wide score, v errs. */
    { "mix, errors of values", "tensor A 1\n0\ntensor B 1\n0x1p0\ntensor C 1\n0x1p1\n",
      "node q select x A\nnode o select x C\nnode v select y B\nnode s score q o 1\nnode p bilinear s s\nnode k mix p v\n", 3, 0, { 1, 0.5, 1 }, { 0.5 }, { 1.5, 0.5, 1 },
      { 0, 1, 0 }, 1.05 },
    /* p v, p = s^2 errs, v is wide. */
    { "mix, errors of patterns", "tensor A 1\n0\ntensor B 1\n0x1p0\ntensor C 1\n0x1p1\n",
      "node v select x A\nnode o select x C\nnode q select y B\nnode s score q o 1\nnode p bilinear s s\nnode k mix p v\n", 3, 0, { 1, 0.5, 1 }, { 2 }, { 3, 0.5, 1 },
      { 0, 1, 0 }, 1.05 },
    /* -y_k y_i / (n sigma): entry i is wide around 0, where this derivative vanishes, and errs. The remainder is layernorm's too. */
    { "rmsnorm, spread", "tensor A 1\n0\ntensor B 1\n0x1p0\n", "node a select y A\nnode b select x B\nnode c concat a b\nnode k rmsnorm c\n", 2, 1, { 0, 1 }, { 0x1p-5 }, { 0x1p-5, 1 },
      { 1, 0 }, 1.1 },
    /* The rival that errs wins or loses against one that is wide. */
    { "maxpool, rivals", "tensor A 1\n0\ntensor B 1\n0x1p0\ntensor I 1 2\n0 0x1p0\n", "node a select x A\nnode b select y B\nnode c concat a b\nnode k maxpool c I\n", 2, 0, { 0.5 }, { 1 }, { -0.5 },
      { 0, 1 }, 1.05 },
};

static void remainder_net(struct net *net, const struct remainder *o)
{
    struct text t = { 0 };
    text_addf(&t, "weightproof-net 1\nreals %zu 1\nmask none\neps %s\n%stensor Y %zu %zu\n", o->n, strstr(o->nodes, "norm") ? "0x1p-20" : "0", o->tensors, o->n, o->n);
    for (size_t i = 0; i < o->n * o->n; i++) text_addf(&t, "%s%s", i % (o->n + 1) ? "0" : "0x1p0", (i + 1) % o->n ? " " : "\n");
    text_addf(&t, "tensor Z %zu\n", o->n);
    for (size_t i = 0; i < o->n; i++) text_addf(&t, "-0x1p6%s", i + 1 < o->n ? " " : "\n");
    text_addf(&t, "node x input\nnode y linear x Y Z\n%soutput k\nend\n", o->nodes);
    ck_assert(!t.failed);
    parse_text(net, t.data);
    text_clear(&t);
}

static void value_on(arb_t out, struct setting *s, const double *at, size_t entry)
{
    arb_ptr row = _arb_vec_init(MOST);
    ball_run_length(s->truth, 1);
    for (size_t j = 0; j < s->net->width_in; j++) arb_set_d(row + j, at[j]);
    ball_run_input_row(s->truth, 0, row);
    arb_set(out, ball_run_row(s->truth, s->net->output, 0) + entry);
    _arb_vec_clear(row, MOST);
}

/* |J| e at the point, e the bounds of the errors of y where it is read. */
static double possible_error(struct setting *s, const struct remainder *o, const double *point, const double *of_y)
{
    double sum = 0, by, unsure, at[MOST];
    arb_t a, b;
    arb_init(a), arb_init(b);
    memcpy(at, point, sizeof at);
    value_on(a, s, at, o->entry);
    for (size_t j = 0; j < o->n; j++) {
        if (!o->errs[j]) continue;
        at[j] += 0x1p-40;
        value_on(b, s, at, o->entry);
        arb_sub(b, b, a, 160);
        ball_to_double(&by, &unsure, b);
        sum += fabs(by) * 0x1p40 * of_y[j];
        at[j] = point[j];
    }
    arb_clear(a), arb_clear(b);
    return sum;
}

/* Bounds of the errors of y and of the entry on the box (share 1) or at its middle (share 0). The middle and the corner moved by FAR where y is read. */
static const double *give_box(double *error, struct setting *s, const struct remainder *o, double share, double *mid, double *point)
{
    double rad[MOST];
    s->e.n = 1;
    run_length(s->run, 1);
    adjoint_run_length(s->adjoint, 1);
    for (size_t j = 0; j < o->n; j++) {
        mid[j] = o->mid[j] + (o->errs[j] ? FAR : 0);
        point[j] = s->given[j] = o->at[j] + (o->errs[j] ? FAR : 0);
        rad[j] = share * o->rad[j];
    }
    run_input_row(s->run, 0, mid, rad);
    adjoint_run_input_row(s->adjoint, 0, mid, rad);
    const double *of_y = adjoint_run_error(s->adjoint, (size_t)net_node(s->net, "y"), 0);
    *error = adjoint_run_error(s->adjoint, s->net->output, 0)[o->entry];
    return of_y;
}

START_TEST(remainders_are_needed)
{
    const struct remainder *o = &remainders[_i];
    struct net net;
    struct setting s;
    double mid[MOST] = { 0 }, point[MOST] = { 0 }, middle, error;
    arb_t unused;
    remainder_net(&net, o);
    setting_new(&s, &net);
    double at_middle = possible_error(&s, o, mid, give_box(&middle, &s, o, 0, mid, point));
    double possible = possible_error(&s, o, point, give_box(&error, &s, o, 1, mid, point)), grown = error - middle, needed = possible - at_middle;
    if (getenv("MEASURE")) printf("%s: %g of %g, growth %g of %g, %g\n", o->what, possible, error, needed, grown, grown / needed);
    ck_assert_msg(needed > 0 && needed * (1 - 1e-6) <= grown, "%s: an error can grow by %g, its bound by %g", o->what, needed, grown);
    ck_assert_msg(possible * (1 - 1e-6) <= error && grown <= o->share * needed, "%s: the bound grows by %g, which is far from %g", o->what, grown, needed);
    arb_init(unused);
    value_on(unused, &s, point, 0);
    arb_clear(unused);
    for (int k = 0; k < 50; k++) {
        execute(&s.e);
        check_everything(&s);
    }
    setting_free(&s);
    net_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("adjoint_remainders");
    SRunner *runner = srunner_create(suite);
    TCase *core = tcase_create("Core");
    tcase_set_timeout(core, 100);
    tcase_add_loop_test(core, remainders_are_needed, 0, sizeof remainders / sizeof *remainders);
    suite_add_tcase(suite, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
