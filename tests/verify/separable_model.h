/* Random one-layer, one-head networks for tests: as .net text, and as a plain evaluator in long double that shares nothing with the program. */
#ifndef TESTS_VERIFY_SEPARABLE_MODEL_H
#define TESTS_VERIFY_SEPARABLE_MODEL_H
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/number.h"
#include "core/text.h"

#define VMAX 8
#define NMAX 6
#define DMAX 5
struct toy {
    int V, n_ctx, d, h; bool causal, bias, position, ln, ln_affine, whole; /* whole: small integers as weights, ties are common */
    double E[VMAX][DMAX], P[NMAX][DMAX], lw[DMAX], lb[DMAX], Q[DMAX][DMAX], K[DMAX][DMAX], Vm[DMAX][DMAX], O[DMAX][DMAX], U[DMAX][VMAX];
    double bQ[DMAX], bK[DMAX], bV[DMAX], bO[DMAX], bU[VMAX];
};
static unsigned long long toy_state = 88172645463325252ULL;
static inline unsigned toy_bits(void)
{
    toy_state ^= toy_state << 13;
    toy_state ^= toy_state >> 7;
    toy_state ^= toy_state << 17;
    return (unsigned)(toy_state >> 33);
}
static inline int toy_int(int lo, int hi) { return lo + (int)(toy_bits() % (unsigned)(hi - lo + 1)); }
static inline bool toy_chance(int percent) { return toy_int(0, 99) < percent; }
static inline double toy_weight(const struct toy *m, double size)
{
    double sum = 0;
    if (m->whole)
        return toy_chance(40) ? 0 : toy_int(-2, 2);
    for (int i = 0; i < 4; i++)
        sum += (double)toy_bits() / 0x1p31 - 0.5;
    return (double)(float)(sum * 1.7 * size);
}
#define TOY_FILL(x, rows, cols, size) do { for (int i_ = 0; i_ < (rows); i_++) for (int j_ = 0; j_ < (cols); j_++) (x)[i_][j_] = toy_weight(m, size); } while (0)
#define TOY_FILL1(x, n, size) do { for (int i_ = 0; i_ < (n); i_++) (x)[i_] = toy_weight(m, size); } while (0)

static inline void toy_random(struct toy *m)
{
    memset(m, 0, sizeof *m);
    m->V = toy_int(2, 7);
    m->n_ctx = toy_int(1, 5);
    if (m->V > 5 && m->n_ctx > 4)
        m->n_ctx = 4;
    m->d = toy_int(1, 4);
    m->h = toy_chance(50) ? 4 : toy_int(1, 4);
    m->causal = toy_chance(50);
    m->bias = toy_chance(50);
    m->position = toy_chance(60);
    m->ln = toy_chance(30);
    m->ln_affine = toy_chance(50);
    m->whole = toy_chance(45);
    if (m->whole)
        m->ln = m->ln && toy_chance(20);
    TOY_FILL(m->E, m->V, m->d, 1.5);
    TOY_FILL(m->P, m->n_ctx, m->d, 0.7);
    TOY_FILL(m->Q, m->d, m->h, 1);
    TOY_FILL(m->K, m->d, m->h, 1);
    TOY_FILL(m->Vm, m->d, m->h, 1);
    TOY_FILL(m->O, m->h, m->d, 1);
    TOY_FILL(m->U, m->d, m->V, 1);
    if (m->whole && toy_chance(50))
        memset(m->Q, 0, sizeof m->Q);
    if (toy_chance(10))
        for (int i = 0; i < m->d; i++)
            m->U[i][0] = m->U[i][m->V - 1];
    TOY_FILL1(m->lw, m->d, 1);
    TOY_FILL1(m->lb, m->d, 1);
    TOY_FILL1(m->bQ, m->h, 1);
    TOY_FILL1(m->bK, m->h, 1);
    TOY_FILL1(m->bV, m->h, 1);
    TOY_FILL1(m->bO, m->d, 1);
    TOY_FILL1(m->bU, m->V, 1);
    if (toy_chance(50))
        m->bU[0] = m->bU[m->V - 1];
}

static inline void toy_tensor(struct text *t, const char *name, const double *x, int rank3, int rows, int cols, int stride)
{
    text_addf(t, "tensor %s%s", name, rank3 ? " 1" : "");
    if (rows > 0)
        text_addf(t, " %d", rows);
    text_addf(t, " %d\n", cols);
    for (int i = 0; i < (rows > 0 ? rows : 1); i++) {
        for (int j = 0; j < cols; j++) {
            if (j)
                text_add(t, " ");
            number_add_hex(t, x[i * stride + j]);
        }
        text_add(t, "\n");
    }
}

static inline void toy_write(struct text *t, const struct toy *m)
{
    text_addf(t, "weightproof-net 1\ntokens %d %d\nmask %s\neps %s\n", m->V, m->n_ctx, m->causal ? "causal" : "none", m->ln ? "0x1p-16" : "0");
    if (m->bias) {
        toy_tensor(t, "blocks.0.attn.W_K", m->K[0], 1, m->d, m->h, DMAX);
        toy_tensor(t, "blocks.0.attn.W_O", m->O[0], 1, m->h, m->d, DMAX);
        toy_tensor(t, "blocks.0.attn.W_Q", m->Q[0], 1, m->d, m->h, DMAX);
        toy_tensor(t, "blocks.0.attn.W_V", m->Vm[0], 1, m->d, m->h, DMAX);
        toy_tensor(t, "blocks.0.attn.b_K", m->bK, 1, 0, m->h, 0);
        toy_tensor(t, "blocks.0.attn.b_O", m->bO, 0, 0, m->d, 0);
        toy_tensor(t, "blocks.0.attn.b_Q", m->bQ, 1, 0, m->h, 0);
        toy_tensor(t, "blocks.0.attn.b_V", m->bV, 1, 0, m->h, 0);
    } else {
        toy_tensor(t, "blocks.0.attn.W_K", m->K[0], 1, m->d, m->h, DMAX);
        toy_tensor(t, "blocks.0.attn.W_O", m->O[0], 1, m->h, m->d, DMAX);
        toy_tensor(t, "blocks.0.attn.W_Q", m->Q[0], 1, m->d, m->h, DMAX);
        toy_tensor(t, "blocks.0.attn.W_V", m->Vm[0], 1, m->d, m->h, DMAX);
    }
    if (m->ln && m->ln_affine) {
        toy_tensor(t, "blocks.0.ln1.b", m->lb, 0, 0, m->d, 0);
        toy_tensor(t, "blocks.0.ln1.w", m->lw, 0, 0, m->d, 0);
    }
    toy_tensor(t, "embed.W_E", m->E[0], 0, m->V, m->d, DMAX);
    if (m->position)
        toy_tensor(t, "pos_embed.W_pos", m->P[0], 0, m->n_ctx, m->d, DMAX);
    toy_tensor(t, "unembed.W_U", m->U[0], 0, m->d, m->V, VMAX);
    if (m->bias)
        toy_tensor(t, "unembed.b_U", m->bU, 0, 0, m->V, 0);
    const char *resid = m->position ? "blocks.0.hook_resid_pre" : "hook_embed", *x = m->ln ? "blocks.0.ln1.hook_normalized" : resid;
    text_add(t, "node hook_embed embed embed.W_E\n");
    if (m->position)
        text_add(t, "node hook_pos_embed position pos_embed.W_pos\nnode blocks.0.hook_resid_pre add hook_embed hook_pos_embed\n");
    if (m->ln)
        text_addf(t, "node blocks.0.ln1.hook_normalized layernorm %s%s\n", resid, m->ln_affine ? " blocks.0.ln1.w blocks.0.ln1.b" : "");
    for (const char *c = "qkv"; *c; c++)
        text_addf(t, m->bias ? "node blocks.0.attn.hook_%c.0 linear %s blocks.0.attn.W_%c[0] blocks.0.attn.b_%c[0]\n"
                             : "node blocks.0.attn.hook_%c.0 linear %s blocks.0.attn.W_%c[0]\n", *c, x, *c - 32, *c - 32);
    text_addf(t, "node blocks.0.attn.hook_attn_scores.0 score blocks.0.attn.hook_q.0 blocks.0.attn.hook_k.0 %d\n", m->h);
    text_add(t, "node blocks.0.attn.hook_pattern.0 softmax blocks.0.attn.hook_attn_scores.0\n"
                "node blocks.0.attn.hook_z.0 mix blocks.0.attn.hook_pattern.0 blocks.0.attn.hook_v.0\n"
                "node blocks.0.attn.hook_result.0 linear blocks.0.attn.hook_z.0 blocks.0.attn.W_O[0]\n");
    text_addf(t, "node blocks.0.hook_attn_out heads blocks.0.attn.hook_result.0%s\n", m->bias ? " blocks.0.attn.b_O" : "");
    text_addf(t, "node blocks.0.hook_resid_post add %s blocks.0.hook_attn_out\n", resid);
    text_addf(t, "node logits linear blocks.0.hook_resid_post unembed.W_U%s\noutput logits\nend\n", m->bias ? " unembed.b_U" : "");
}

struct toy_row { long double logit[VMAX], attn[NMAX], Z; };

static inline void toy_source(const struct toy *m, int a, int i, long double *raw, long double *x)
{
    long double mean = 0, var = 0;
    for (int c = 0; c < m->d; c++)
        raw[c] = x[c] = (long double)m->E[a][c] + (m->position ? (long double)m->P[i][c] : 0);
    if (!m->ln)
        return;
    for (int c = 0; c < m->d; c++)
        mean += raw[c] / m->d;
    for (int c = 0; c < m->d; c++)
        var += (raw[c] - mean) * (raw[c] - mean) / m->d;
    for (int c = 0; c < m->d; c++) {
        x[c] = (raw[c] - mean) / sqrtl(var + 0x1p-16L);
        if (m->ln_affine)
            x[c] = x[c] * m->lw[c] + m->lb[c];
    }
}

static inline void toy_map(long double *y, const long double *x, const double *W, int k, int n, int stride, const double *b)
{
    for (int j = 0; j < n; j++) {
        y[j] = b ? b[j] : 0;
        for (int i = 0; i < k; i++)
            y[j] += x[i] * W[i * stride + j];
    }
}

static inline void toy_run(struct toy_row *out, const struct toy *m, const int *t, int n, int row)
{
    long double raw[DMAX], x[DMAX], q[DMAX], k[DMAX], v[NMAX][DMAX], s[NMAX], z[DMAX] = { 0 }, r[DMAX], last[DMAX], top = -1e300L;
    int sources = m->causal ? row + 1 : n;
    memset(out, 0, sizeof *out);
    toy_source(m, t[row], row, last, x);
    toy_map(q, x, m->Q[0], m->d, m->h, DMAX, m->bias ? m->bQ : NULL);
    for (int i = 0; i < sources; i++) {
        toy_source(m, t[i], i, raw, x);
        toy_map(k, x, m->K[0], m->d, m->h, DMAX, m->bias ? m->bK : NULL);
        toy_map(v[i], x, m->Vm[0], m->d, m->h, DMAX, m->bias ? m->bV : NULL);
        s[i] = 0;
        for (int c = 0; c < m->h; c++)
            s[i] += q[c] * k[c];
        s[i] /= sqrtl(m->h);
        top = s[i] > top ? s[i] : top;
    }
    for (int i = 0; i < sources; i++)
        out->Z += out->attn[i] = expl(s[i] - top);
    for (int i = 0; i < sources; i++) {
        out->attn[i] /= out->Z;
        for (int c = 0; c < m->h; c++)
            z[c] += out->attn[i] * v[i][c];
    }
    toy_map(r, z, m->O[0], m->h, m->d, DMAX, m->bias ? m->bO : NULL);
    for (int c = 0; c < m->d; c++)
        r[c] += last[c];
    toy_map(out->logit, r, m->U[0], m->d, m->V, VMAX, m->bias ? m->bU : NULL);
}

/* The same in binary32: one of the executions that float32 claims are about. */
static inline void toy_source_float(const struct toy *m, int a, int i, float *raw, float *x)
{
    float mean = 0, var = 0;
    for (int c = 0; c < m->d; c++)
        raw[c] = x[c] = (float)m->E[a][c] + (m->position ? (float)m->P[i][c] : 0);
    if (!m->ln)
        return;
    for (int c = 0; c < m->d; c++)
        mean += raw[c];
    mean /= (float)m->d;
    for (int c = 0; c < m->d; c++)
        var += (raw[c] - mean) * (raw[c] - mean);
    var /= (float)m->d;
    for (int c = 0; c < m->d; c++) {
        x[c] = (raw[c] - mean) / sqrtf(var + 0x1p-16f);
        if (m->ln_affine)
            x[c] = x[c] * (float)m->lw[c] + (float)m->lb[c];
    }
}

static inline void toy_map_float(float *y, const float *x, const double *W, int k, int n, int stride, const double *b)
{
    for (int j = 0; j < n; j++) {
        y[j] = 0;
        for (int i = 0; i < k; i++)
            y[j] += x[i] * (float)W[i * stride + j];
        y[j] += b ? (float)b[j] : 0;
    }
}

static inline void toy_run_float(struct toy_row *out, const struct toy *m, const int *t, int n, int row)
{
    float raw[DMAX], x[DMAX], q[DMAX], k[DMAX], v[NMAX][DMAX], s[NMAX], z[DMAX] = { 0 }, r[DMAX], last[DMAX], top = -1e30f, p[NMAX], Z = 0;
    int sources = m->causal ? row + 1 : n;
    memset(out, 0, sizeof *out);
    toy_source_float(m, t[row], row, last, x);
    toy_map_float(q, x, m->Q[0], m->d, m->h, DMAX, m->bias ? m->bQ : NULL);
    for (int i = 0; i < sources; i++) {
        toy_source_float(m, t[i], i, raw, x);
        toy_map_float(k, x, m->K[0], m->d, m->h, DMAX, m->bias ? m->bK : NULL);
        toy_map_float(v[i], x, m->Vm[0], m->d, m->h, DMAX, m->bias ? m->bV : NULL);
        s[i] = 0;
        for (int c = 0; c < m->h; c++)
            s[i] += q[c] * k[c];
        s[i] /= sqrtf((float)m->h);
        top = s[i] > top ? s[i] : top;
    }
    for (int i = 0; i < sources; i++)
        Z += p[i] = expf(s[i] - top);
    for (int i = 0; i < sources; i++) {
        out->attn[i] = p[i] /= Z;
        for (int c = 0; c < m->h; c++)
            z[c] += p[i] * v[i][c];
    }
    toy_map_float(r, z, m->O[0], m->h, m->d, DMAX, m->bias ? m->bO : NULL);
    for (int c = 0; c < m->d; c++)
        r[c] += last[c];
    float logit[VMAX];
    toy_map_float(logit, r, m->U[0], m->d, m->V, VMAX, m->bias ? m->bU : NULL);
    for (int j = 0; j < m->V; j++)
        out->logit[j] = logit[j];
}
#endif
