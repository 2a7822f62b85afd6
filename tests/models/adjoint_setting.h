/* A network, its runs and one execution on one input; shared by the tests of reverse mode. */
#ifndef TESTS_ADJOINT_SETTING_H
#define TESTS_ADJOINT_SETTING_H
#include "tests/models/execution.h"
#include "tests/models/random_graph.h"
#include "models/adjoint.h"

struct setting { const struct net *net; struct run *run; struct ball_run *truth; struct adjoint_run *adjoint; struct execution e; int t[8]; double given[8 * WIDTH]; };
static size_t known, tighter;

static inline void setting_new(struct setting *s, const struct net *net)
{
    memset(s, 0, sizeof *s);
    s->net = net;
    ck_assert_int_eq(run_new(&s->run, net, SEMANTICS_FLOAT32), STATUS_OK);
    ck_assert_int_eq(ball_run_new(&s->truth, net, SEMANTICS_REAL, 160), STATUS_OK);
    ck_assert_int_eq(adjoint_run_new(&s->adjoint, net), STATUS_OK);
    s->e = (struct execution){ net, calloc(net->n_nodes, sizeof *s->e.rows), s->t, 0, s->given };
}

static inline void setting_free(struct setting *s)
{
    run_free(s->run);
    ball_run_free(s->truth);
    adjoint_run_free(s->adjoint);
    free(s->e.rows);
}

static inline void set_reals(struct setting *s)
{
    size_t width = s->net->width_in, n = s->e.n;
    double zero[WIDTH] = { 0 };
    arb_ptr x = _arb_vec_init((slong)width);
    random_reals(s->given, n * width);
    run_length(s->run, n);
    ball_run_length(s->truth, n);
    adjoint_run_length(s->adjoint, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < width; j++) arb_set_d(x + j, s->given[i * width + j]);
        run_input_row(s->run, i, s->given + i * width, zero);
        adjoint_run_input_row(s->adjoint, i, s->given + i * width, zero);
        ball_run_input_row(s->truth, i, x);
    }
    _arb_vec_clear(x, (slong)width);
}

static inline void random_input(struct setting *s)
{
    s->e.n = 1 + below(s->net->n_ctx);
    if (s->net->width_in) {
        set_reals(s);
        return;
    }
    random_tokens(s->t, s->e.n, s->net->d_vocab);
    run_tokens(s->run, s->t, s->e.n);
    ball_run_tokens(s->truth, s->t, s->e.n);
    adjoint_run_tokens(s->adjoint, s->t, s->e.n);
}

static inline bool is_read(const struct setting *s, size_t v, size_t j) { return s->net->nodes[v].op != OP_SCORE || s->t[j] != s->net->pad; }

static inline size_t width_of(const struct setting *s, size_t v, size_t i) { return s->net->nodes[v].width ? s->net->nodes[v].width : row_sources(s->net, i, s->e.n); }

/* An execution, and the true value, within the tightened enclosure of a row, which the forward one contains in size. */
static inline void check_row(struct setting *s, size_t v, size_t i)
{
    const double *mid, *rad, *forward_mid, *forward;
    arb_srcptr truth = ball_run_row(s->truth, v, i);
    adjoint_run_row(s->adjoint, v, i, &mid, &rad);
    run_row(s->run, v, i, &forward_mid, &forward);
    for (size_t j = 0; j < width_of(s, v, i); j++) {
        if (!is_read(s, v, j)) continue;
        float x = s->e.rows[v][i][j];
        ck_assert_msg(!(rad[j] > forward[j]), "%s: radius %g was %g", s->net->nodes[v].name, rad[j], forward[j]);
        if (!isfinite(rad[j])) continue;
        ck_assert_msg(isfinite(x) && fabsl((long double)x - (long double)mid[j]) <= (long double)rad[j], "%s (%s): %.9g outside %.9g +- %g, forward %g",
                      s->net->nodes[v].name, op_table[s->net->nodes[v].op].name, (double)x, mid[j], rad[j], forward[j]);
        double true_mid, true_rad;
        ball_to_double(&true_mid, &true_rad, truth + j);
        ck_assert(!isfinite(true_rad) || fabs(true_mid - mid[j]) <= rad[j] * (1 + 0x1p-30) + true_rad);
        known++;
        tighter += rad[j] < forward[j] / 2;
    }
}

static inline void check_everything(struct setting *s)
{
    for (size_t v = 0; v < s->net->n_nodes; v++)
        for (size_t i = 0; i < s->e.n; i++) check_row(s, v, i);
}

static inline void parse_text(struct net *net, const char *text)
{
    struct diag d;
    diag_init(&d);
    enum status status = net_parse(net, "text.net", text, strlen(text), &d);
    if (status != STATUS_OK) diag_print(&d, stderr), fprintf(stderr, "%s", text);
    ck_assert_int_eq(status, STATUS_OK);
    diag_clear(&d);
}

#endif
