/* separable_net: a one-layer, one-head network read at one row, as tables over (query token, source position, source token)
 * (docs/methods.md, "one attention layer is separable"). With query token q = t[row] and sources i < n_src,
 *     logit_j = D[q][j] + sum_i p_i C[i][t_i][j],  p_i = w_i / sum w,  w_i = exp(score(q, i, t_i)).
 * With a LayerNorm before the unembedding that is the numerator N_j, and logit_j = N_j / sigma + kappa_j, sigma = sqrt(var + eps).
 * Tables are kept as balls; the double tables have a radius a cell. Everything is owned by its struct. */
#ifndef WEIGHTPROOF_VERIFY_SEPARABLE_NET_H
#define WEIGHTPROOF_VERIFY_SEPARABLE_NET_H
#include <arb.h>
#include <arb_mat.h>
#include <gmp.h>
#include <stdbool.h>
#include "core/text.h"
#include "models/net.h"

struct part { bool present; struct weight w, b; bool has_b; };   /* a linear node's matrix and bias */
/* A head beside the first. */
struct head { struct part q, k, v, o; size_t score_d, d_head, mix; };
#define HEADS_MOST 4
/* The roles of the weights; points into the net. */
struct separable_net {
    const struct net *net;
    const double *embed, *position;      /* [d_vocab, d_model]; [>= n_ctx, d_model] or NULL */
    size_t d_model, d_head, n_out, score_d;
    bool has_ln; const double *ln_w, *ln_b;
    struct part q, k, v, o, u;           /* o: W_O and the bias of `heads`; u: unembedding */
    struct head more[HEADS_MOST - 1]; size_t n_more;   /* only where the caller allows it */
    bool mlp; struct part in, out;       /* rows + relu(rows in) out follow the attention */
    size_t units;                        /* of the MLP, 0 without one */
    bool norm; const double *norm_w, *norm_b;   /* the final LayerNorm */
    size_t rests;                        /* wide, with that: d_model further columns, the centred row that it divides by sigma */
    struct part columns;                 /* [u | in]: what is read of the rows after the attention; u alone without an MLP (under norm only its size counts, with rests) */
    double *own_w, *own_b;               /* of columns, owned */
    size_t pattern, resid, attn_out, mix; /* nodes; mix: of the (first) head */
    const struct changed *changed;       /* rows are replaced: tables come from runs (separable_changed.h); not owned */
    size_t *twin;                        /* [n_out] first column of the unembedding that is equal; owned */
};
/* false with the reason in words when the network has another shape. wide: several heads, and an MLP of relus behind them, are taken. */
bool separable_recognise(struct separable_net *out, const struct net *net, bool wide, struct text *why);
/* The same network with head k of `more` in place of the first; for ball_tables_init, whose D is then not to be used. */
void separable_head(struct separable_net *out, const struct separable_net *s, size_t k);
/* kappa_j, exactly. */
void separable_kappa(mpq_t out, const struct separable_net *s, size_t j);
void separable_net_clear(struct separable_net *s);
/* out = x W (+ b), row by row. */
void separable_linear(arb_mat_t out, const arb_mat_t x, const struct part *p, bool bias, slong prec);
/* A row of d entries less their mean. */
void separable_centre(arb_ptr x, slong d, slong prec);
/* Under a final LayerNorm: numerators and, of wide networks, centred rows, from the rows x + more (NULL: x); what the relus read from x. */
void separable_normed(arb_mat_t out, const arb_mat_t x, const double *more, const struct separable_net *s, bool bias, slong prec);

/* Balls of `prec` bits (ARF_PREC_EXACT: exact, only without LayerNorm). */
struct ball_tables {
    slong prec;
    size_t row, n_src, V, J, d_head;     /* J: columns; with an MLP the logits without what the relus add, then what the relus read */
    arb_mat_t q;      /* [V, d_head]: query of token a at the row */
    arb_mat_t k;      /* [n_src * V, d_head] */
    arb_mat_t C;      /* [n_src * V, J] */
    arb_mat_t D;      /* [V, J] */
    arb_t scale;      /* 1 / sqrt(d) */
};
void ball_tables_init(struct ball_tables *t, const struct separable_net *net, size_t row, size_t n_src, slong prec);
void ball_tables_clear(struct ball_tables *t);
/* q . k, not yet divided by sqrt(d). */
void ball_tables_dot(arb_t out, const struct ball_tables *t, size_t q, size_t i, size_t a);

struct double_tables {
    size_t n_src, V, J;
    double *C, *C_rad;       /* [n_src * V, J] */
    double *D, *D_rad;       /* [V, J] */
    double *C_max, *C_maxrad; /* [n_src * V]: largest |C| and radius of a row */
    double *D_max, *D_maxrad; /* [V] */
    double *w, *w_rad;       /* [V, n_src, V]: exp(score - shift of the query token) */
    double *score_max;       /* [V]: the shift */
    const unsigned char *used;
};
/* used: [n_src * V], which (position, token) may occur; query tokens are those used at the row. STATUS_UNSUPPORTED when a table entry is not finite. */
enum status double_tables_init(struct double_tables *out, const struct ball_tables *t, const unsigned char *used, int threads) MUST_USE;
void double_tables_clear(struct double_tables *t);
#endif
