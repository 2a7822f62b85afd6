/* Small random networks over every operation, as .net text that goes through the reader. */
#ifndef TESTS_RANDOM_NET_H
#define TESTS_RANDOM_NET_H
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/number.h"
#include "models/net.h"

static unsigned long long random_state = 88172645463325252ULL;
static inline double uniform(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) * 0x1p-53;
}
static inline size_t below(size_t n) { return (size_t)(uniform() * (double)n); }

struct shape { size_t vocab, n_ctx, d, d_head, heads, layers, d_mlp; bool causal, positions, bias, norm, norm_affine; const char *activation; double scale; };

static inline struct shape random_shape(void)
{
    static const char *const acts[] = {"relu", "gelu", "gelu_new", "silu"};
    struct shape s = { .vocab = 2 + below(5), .n_ctx = 1 + below(5), .d = 2 + below(9), .d_head = 1 + below(6), .heads = 1 + below(3), .layers = 1 + below(2),
        .d_mlp = below(3) ? 1 + below(20) : 0, .causal = below(2), .positions = below(3) > 0, .bias = below(2), .norm = below(2), .norm_affine = below(2),
        .activation = acts[below(4)], .scale = below(4) ? 1 : 4 };
    return s;
}

struct pieces { struct text tensors[256]; char names[256][128]; size_t n; struct text nodes; double scale; };

/* One tensor of binary32 numbers; its text is kept until all names are known, for they come sorted. */
static inline void add_tensor(struct pieces *p, const char *name, size_t a, size_t b, size_t c)
{
    struct text *t = &p->tensors[p->n];
    snprintf(p->names[p->n++], 128, "%s", name);
    text_init(t);
    text_addf(t, "tensor %s", name);
    if (a) text_addf(t, " %zu", a);
    if (b) text_addf(t, " %zu", b);
    text_addf(t, " %zu\n", c);
    for (size_t i = 0; i < (a ? a : 1) * (b ? b : 1); i++)
        for (size_t j = 0; j < c; j++) {
            double x = below(12) ? (float)((2 * uniform() - 1) * p->scale) : 0;
            number_add_hex(t, x);
            text_add(t, j + 1 < c ? " " : "\n");
        }
}

static inline void add_attention(struct pieces *p, const struct shape *s, size_t l, const char *x)
{
    char name[64];
    static const char *const part[] = {"Q", "K", "V"}, *const hook[] = {"q", "k", "v"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, 64, "blocks.%zu.attn.W_%s", l, part[i]);
        add_tensor(p, name, s->heads, s->d, s->d_head);
        snprintf(name, 64, "blocks.%zu.attn.b_%s", l, part[i]);
        if (s->bias) add_tensor(p, name, 0, s->heads, s->d_head);
    }
    snprintf(name, 64, "blocks.%zu.attn.W_O", l);
    add_tensor(p, name, s->heads, s->d_head, s->d);
    snprintf(name, 64, "blocks.%zu.attn.b_O", l);
    if (s->bias) add_tensor(p, name, 0, 0, s->d);
    struct text *t = &p->nodes;
    for (size_t h = 0; h < s->heads; h++) {
        for (int i = 0; i < 3; i++) {
            text_addf(t, "node blocks.%zu.attn.hook_%s.%zu linear %s blocks.%zu.attn.W_%s[%zu]", l, hook[i], h, x, l, part[i], h);
            if (s->bias) text_addf(t, " blocks.%zu.attn.b_%s[%zu]", l, part[i], h);
            text_add(t, "\n");
        }
        text_addf(t, "node blocks.%zu.attn.hook_attn_scores.%zu score blocks.%zu.attn.hook_q.%zu blocks.%zu.attn.hook_k.%zu %zu\n", l, h, l, h, l, h, s->d_head);
        text_addf(t, "node blocks.%zu.attn.hook_pattern.%zu softmax blocks.%zu.attn.hook_attn_scores.%zu\n", l, h, l, h);
        text_addf(t, "node blocks.%zu.attn.hook_z.%zu mix blocks.%zu.attn.hook_pattern.%zu blocks.%zu.attn.hook_v.%zu\n", l, h, l, h, l, h);
        text_addf(t, "node blocks.%zu.attn.hook_result.%zu linear blocks.%zu.attn.hook_z.%zu blocks.%zu.attn.W_O[%zu]\n", l, h, l, h, l, h);
    }
    text_addf(t, "node blocks.%zu.hook_attn_out heads", l);
    for (size_t h = 0; h < s->heads; h++) text_addf(t, " blocks.%zu.attn.hook_result.%zu", l, h);
    if (s->bias) text_addf(t, " blocks.%zu.attn.b_O", l);
    text_add(t, "\n");
}

static inline void add_mlp(struct pieces *p, const struct shape *s, size_t l, const char *x)
{
    char name[64];
    snprintf(name, 64, "blocks.%zu.mlp.W_in", l);
    add_tensor(p, name, 0, s->d, s->d_mlp);
    snprintf(name, 64, "blocks.%zu.mlp.b_in", l);
    add_tensor(p, name, 0, 0, s->d_mlp);
    snprintf(name, 64, "blocks.%zu.mlp.W_out", l);
    add_tensor(p, name, 0, s->d_mlp, s->d);
    snprintf(name, 64, "blocks.%zu.mlp.b_out", l);
    if (s->bias) add_tensor(p, name, 0, 0, s->d);
    text_addf(&p->nodes, "node blocks.%zu.mlp.hook_pre linear %s blocks.%zu.mlp.W_in blocks.%zu.mlp.b_in\n", l, x, l, l);
    text_addf(&p->nodes, "node blocks.%zu.mlp.hook_post %s blocks.%zu.mlp.hook_pre\n", l, s->activation, l);
    text_addf(&p->nodes, "node blocks.%zu.hook_mlp_out linear blocks.%zu.mlp.hook_post blocks.%zu.mlp.W_out", l, l, l);
    if (s->bias) text_addf(&p->nodes, " blocks.%zu.mlp.b_out", l);
    text_add(&p->nodes, "\n");
}

/* Name of the node to read on, after a LayerNorm where there is one. */
static inline void add_norm(struct pieces *p, const struct shape *s, char *x, const char *node, const char *weights)
{
    char name[128];
    if (!s->norm) return;
    text_addf(&p->nodes, "node %s layernorm %s", node, x);
    for (int i = 0; s->norm_affine && i < 2; i++) {
        snprintf(name, 128, "%s.%s", weights, i ? "b" : "w");
        add_tensor(p, name, 0, 0, s->d);
        text_addf(&p->nodes, " %s", name);
    }
    text_add(&p->nodes, "\n");
    snprintf(x, 64, "%s", node);
}

static inline void add_layer(struct pieces *p, const struct shape *s, size_t l, char *residual)
{
    char x[64], node[64], weights[64];
    snprintf(x, 64, "%s", residual);
    snprintf(node, 64, "blocks.%zu.ln1.hook_normalized", l);
    snprintf(weights, 64, "blocks.%zu.ln1", l);
    add_norm(p, s, x, node, weights);
    add_attention(p, s, l, x);
    const char *what = s->d_mlp ? "mid" : "post";
    text_addf(&p->nodes, "node blocks.%zu.hook_resid_%s add %s blocks.%zu.hook_attn_out\n", l, what, residual, l);
    snprintf(residual, 64, "blocks.%zu.hook_resid_%s", l, what);
    if (!s->d_mlp) return;
    snprintf(x, 64, "%s", residual);
    snprintf(node, 64, "blocks.%zu.ln2.hook_normalized", l);
    snprintf(weights, 64, "blocks.%zu.ln2", l);
    add_norm(p, s, x, node, weights);
    add_mlp(p, s, l, x);
    text_addf(&p->nodes, "node blocks.%zu.hook_resid_post add %s blocks.%zu.hook_mlp_out\n", l, residual, l);
    snprintf(residual, 64, "blocks.%zu.hook_resid_post", l);
}

static inline void write_sorted(struct text *out, struct pieces *p)
{
    for (size_t round = 0; round < p->n; round++) {
        size_t least = p->n;
        for (size_t i = 0; i < p->n; i++)
            if (p->names[i][0] && (least == p->n || strcmp(p->names[i], p->names[least]) < 0)) least = i;
        text_add(out, p->tensors[least].data);
        text_clear(&p->tensors[least]);
        p->names[least][0] = 0;
    }
}

static inline void random_net(struct net *net, const struct shape *s)
{
    static struct pieces p;
    char residual[64] = "hook_embed";
    struct text out;
    struct diag d;
    memset(&p, 0, sizeof p);
    p.scale = s->scale;
    text_init(&p.nodes);
    text_init(&out);
    diag_init(&d);
    add_tensor(&p, "embed.W_E", 0, s->vocab, s->d);
    text_add(&p.nodes, "node hook_embed embed embed.W_E\n");
    if (s->positions) {
        add_tensor(&p, "pos_embed.W_pos", 0, s->n_ctx, s->d);
        text_add(&p.nodes, "node hook_pos_embed position pos_embed.W_pos\nnode blocks.0.hook_resid_pre add hook_embed hook_pos_embed\n");
        snprintf(residual, 64, "blocks.0.hook_resid_pre");
    }
    for (size_t l = 0; l < s->layers; l++) add_layer(&p, s, l, residual);
    add_norm(&p, s, residual, "ln_final.hook_normalized", "ln_final");
    add_tensor(&p, "unembed.W_U", 0, s->d, s->vocab);
    text_addf(&p.nodes, "node logits linear %s unembed.W_U\n", residual);
    text_addf(&out, "weightproof-net 1\ntokens %zu %zu\nmask %s\neps ", s->vocab, s->n_ctx, s->causal ? "causal" : "none");
    number_add_hex(&out, s->norm ? 1e-5 : 0);
    text_add(&out, "\n");
    write_sorted(&out, &p);
    text_add(&out, p.nodes.data);
    text_add(&out, "output logits\nend\n");
    text_clear(&p.nodes);
    enum status status = net_parse(net, "random.net", out.data, out.size, &d);
    if (status != STATUS_OK) diag_print(&d, stderr);
    ck_assert_int_eq(status, STATUS_OK);
    text_clear(&out);
    diag_clear(&d);
}

static inline void random_tokens(int *t, size_t n, size_t vocab)
{
    for (size_t i = 0; i < n; i++) t[i] = (int)below(vocab);
}
#endif
