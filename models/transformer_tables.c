/* Tensors of a transformer that its file does not hold as they are needed: tables of rotary positions, scales. Declared in models/transformer_graph.h. */
#include <arb.h>
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/transformer_graph.h"

/* The binary32 number nearest to x, or false if the ball does not tell which one that is. */
static bool nearest(double *out, const arb_t x)
{
    arf_t lo, hi;
    bool same;

    arf_init(lo);
    arf_init(hi);
    arb_get_lbound_arf(lo, x, 200);
    arb_get_ubound_arf(hi, x, 200);
    arf_set_round(lo, lo, 24, ARF_RND_NEAR);
    arf_set_round(hi, hi, 24, ARF_RND_NEAR);
    same = arf_equal(lo, hi);
    *out = arf_get_d(lo, ARF_RND_NEAR);
    arf_clear(lo);
    arf_clear(hi);
    return same;
}

/* Cosine and sine of pos * base^(-2k/R), each rounded once. The angle is irrational except at 0, so some precision tells. */
static bool rotation(double *cosine, double *sine, size_t pos, size_t k, size_t R, double base)
{
    arb_t angle, share, c, s;
    bool known = false;

    arb_init(angle);
    arb_init(share);
    arb_init(c);
    arb_init(s);
    for (slong prec = 128; prec <= 2048 && !known; prec *= 2) {
        arb_set_si(share, -2 * (slong)k);
        arb_div_ui(share, share, R, prec);
        arb_set_d(angle, base);
        arb_pow(angle, angle, share, prec);
        arb_mul_ui(angle, angle, pos, prec);
        arb_sin_cos(s, c, angle, prec);
        known = nearest(cosine, c) && nearest(sine, s);
    }
    arb_clear(angle);
    arb_clear(share);
    arb_clear(c);
    arb_clear(s);
    return known;
}

/* Entry e of a rotated vector is turned with entry partner(e); its sine enters with the sign. */
static size_t partner(const struct transformer *t, size_t e)
{
    size_t half = t->rotary.dim / 2;

    if (e >= t->rotary.dim)
        return e;
    return t->rotary.adjacent ? e ^ 1 : e < half ? e + half : e - half;
}

static double sign(const struct transformer *t, size_t e) { return t->rotary.adjacent ? (e & 1 ? 1 : -1) : e < t->rotary.dim / 2 ? -1 : 1; }
static size_t frequency(const struct transformer *t, size_t e) { return t->rotary.adjacent ? e / 2 : e % (t->rotary.dim / 2); }

static enum status computed(struct builder *b, double *cosines, double *sines)
{
    const struct transformer *t = b->t;
    size_t d = t->layers[0].d_head;

    for (size_t i = 0; i < t->n_ctx; i++)
        for (size_t e = 0; e < t->rotary.dim; e++) {
            double s;
            if (!rotation(&cosines[i * d + e], &s, i, frequency(t, e), t->rotary.dim, t->rotary.base))
                return diag_fail(t->d, STATUS_LIMIT, "cannot read '%s': the rotary table's entry [%zu, %zu] is not decided at 2048 bits", t->model->checkpoint.path, i, e);
            sines[i * d + e] = sign(t, e) * s + 0.0;
        }
    return STATUS_OK;
}

/* One of the file's tables, which must be the same in every layer. */
static enum status read_table(struct builder *b, struct tensor *out, const char *suffix)
{
    const struct transformer *t = b->t;
    enum status s = STATUS_OK;

    for (size_t l = 0; s == STATUS_OK && l < t->n_layers; l++) {
        struct node_name name = node_named("blocks.%zu.attn.%s", l, suffix);
        const struct tensor *x = transformer_tensor(t, name.s);
        struct tensor other = { 0 };
        if (!x || x->rank != 2 || x->shape[1] != t->rotary.dim || x->shape[0] < t->n_ctx)
            return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' is missing or not [at least %zu, %zu] (n_ctx, rotary_dim)", t->model->checkpoint.path,
                             name.s, t->n_ctx, t->rotary.dim);
        s = canonical_fill(l ? &other : out, (const struct canonical *)(const void *)x, false);
        if (s == STATUS_OK && l && memcmp(other.data, out->data, t->n_ctx * t->rotary.dim * sizeof *out->data) != 0)
            s = diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': '%s' differs from the table of block 0", t->model->checkpoint.path, name.s);
        free(other.name);
        free(other.data);
    }
    return s;
}

static enum status copied(struct builder *b, double *cosines, double *sines)
{
    const struct transformer *t = b->t;
    struct tensor c = { 0 }, s = { 0 };
    size_t d = t->layers[0].d_head, R = t->rotary.dim;
    enum status status = read_table(b, &c, "rotary_cos");

    if (status == STATUS_OK)
        status = read_table(b, &s, "rotary_sin");
    for (size_t i = 0; status == STATUS_OK && i < t->n_ctx; i++)
        for (size_t e = 0; e < R; e++) {
            cosines[i * d + e] = c.data[i * R + e];
            sines[i * d + e] = sign(t, e) * s.data[i * R + e] + 0.0;
        }
    free(c.name);
    free(c.data);
    free(s.name);
    free(s.data);
    return status;
}

/* rotary.cos and rotary.sin [n_ctx, d_head], the sign in the sines, 1 and 0 beyond rotary_dim; rotary.swap [d_head]. */
static enum status rotary(struct builder *b)
{
    const struct transformer *t = b->t;
    size_t d = t->layers[0].d_head;
    double *cosines = mem_array(t->n_ctx * d, sizeof *cosines), *sines = mem_array(t->n_ctx * d, sizeof *sines), *swap = mem_array(d, sizeof *swap);
    enum status s = cosines && sines && swap ? STATUS_OK : STATUS_MEMORY;

    for (size_t e = 0; s == STATUS_OK && e < d; e++) {
        swap[e] = (double)partner(t, e);
        for (size_t i = 0; e >= t->rotary.dim && i < t->n_ctx; i++)
            cosines[i * d + e] = 1;
    }
    if (s == STATUS_OK)
        s = transformer_tensor(t, "blocks.0.attn.rotary_sin") ? copied(b, cosines, sines) : computed(b, cosines, sines);
    if (s == STATUS_OK) {
        (void)netbuild_matrix(&b->b, "rotary.cos", cosines, t->n_ctx, d);
        (void)netbuild_matrix(&b->b, "rotary.sin", sines, t->n_ctx, d);
        (void)netbuild_vector(&b->b, "rotary.swap", swap, d);
    }
    free(cosines);
    free(sines);
    free(swap);
    return s;
}

void transformer_tables(struct builder *b)
{
    const struct transformer *t = b->t;
    double scale = isnan(t->score_divisor) ? t->score_factor : t->score_divisor;

    if (b->b.status == STATUS_OK && t->positions == POSITIONS_ROTARY)
        b->b.status = rotary(b);
    if (!isnan(t->out_scale))
        (void)netbuild_fill(&b->b, "attn_out_scale", t->out_scale, t->d_model);
    for (size_t l = 0; !isnan(scale) && l < t->n_layers; l++)
        (void)netbuild_fill(&b->b, node_named("blocks.%zu.attn.scale", l).s, scale, t->layers[l].d_head);
}
