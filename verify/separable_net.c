#include "verify/separable_net.h"

#include <string.h>

#include "core/mem.h"
#include "verify/separable_changed.h"

static bool refuse(struct text *why, const char *reason)
{
    text_add(why, reason);
    return false;
}

static const struct node *input_of(const struct net *net, const struct node *x, size_t i)
{
    return i < x->n_inputs ? &net->nodes[x->inputs[i]] : NULL;
}

static bool take_linear(struct part *out, const struct node *x)
{
    if (!x || x->op != OP_LINEAR || x->n_w < 1)
        return false;
    out->present = true;
    out->w = x->w[0];
    out->has_b = x->n_w > 1;
    if (out->has_b)
        out->b = x->w[1];
    return true;
}

/* embed, or embed + position in either order. */
static bool take_residual(struct separable_net *s, const struct node *x)
{
    const struct node *e = x, *p = NULL;
    if (x && x->op == OP_ADD && x->n_inputs == 2) {
        e = input_of(s->net, x, 0);
        p = input_of(s->net, x, 1);
        if (e->op == OP_POSITION) {
            const struct node *swap = e;
            e = p;
            p = swap;
        }
    }
    if (!e || e->op != OP_EMBED || (p && p->op != OP_POSITION))
        return false;
    s->embed = e->w[0].data;
    s->d_model = e->w[0].m;
    s->position = p ? p->w[0].data : NULL;
    return true;
}

/* q, k and v read the residual stream, or the same LayerNorm of it. */
static bool take_source(struct separable_net *s, const struct node *x, size_t resid)
{
    size_t input = x->inputs[0];
    const struct node *from = &s->net->nodes[input];
    if (input == resid)
        return !s->has_ln;
    if (from->op != OP_LAYERNORM || from->inputs[0] != resid)
        return false;
    s->ln_w = from->n_w > 0 ? from->w[0].data : NULL;
    s->ln_b = from->n_w > 1 ? from->w[1].data : NULL;
    return true;
}

static bool take_head(struct separable_net *s, const struct node *heads, size_t head, size_t resid)
{
    const struct net *net = s->net;
    const struct node *o = input_of(net, heads, head);
    if (!take_linear(&s->o, o))
        return false;
    s->o.has_b = heads->n_w > 0;
    if (s->o.has_b)
        s->o.b = heads->w[0];
    const struct node *mix = input_of(net, o, 0);
    if (!mix || mix->op != OP_MIX)
        return false;
    const struct node *pattern = input_of(net, mix, 0), *v = input_of(net, mix, 1);
    s->pattern = mix->inputs[0];
    s->mix = o->inputs[0];
    const struct node *score = pattern->op == OP_SOFTMAX ? input_of(net, pattern, 0) : NULL;
    if (!score || score->op != OP_SCORE)
        return false;
    const struct node *q = input_of(net, score, 0), *k = input_of(net, score, 1);
    if (!take_linear(&s->q, q) || !take_linear(&s->k, k) || !take_linear(&s->v, v))
        return false;
    s->score_d = score->arg[0];
    s->d_head = s->q.w.m;
    s->has_ln = net->nodes[q->inputs[0]].op == OP_LAYERNORM;
    size_t from = q->inputs[0];
    return k->inputs[0] == from && v->inputs[0] == from && take_source(s, q, resid);
}

/* Every head but the first into `more`, then the first one. */
static bool take_heads(struct separable_net *s, const struct node *heads, size_t resid)
{
    for (size_t h = heads->n_inputs; h-- > 0;) {
        if (!take_head(s, heads, h, resid))
            return false;
        if (h > 0)
            s->more[h - 1] = (struct head){ s->q, s->k, s->v, s->o, s->score_d, s->d_head, s->mix };
    }
    s->n_more = heads->n_inputs - 1;
    return true;
}

void separable_head(struct separable_net *out, const struct separable_net *s, size_t k)
{
    const struct head *h = &s->more[k];
    *out = *s;
    out->q = h->q;
    out->k = h->k;
    out->v = h->v;
    out->o = h->o;
    out->score_d = h->score_d;
    out->d_head = h->d_head;
    out->mix = h->mix;
}

static bool same_column(const struct part *u, size_t i, size_t j)
{
    for (size_t r = 0; r < u->w.k; r++)
        if (u->w.data[r * u->w.m + i] != u->w.data[r * u->w.m + j])
            return false;
    return !u->has_b || u->b.data[i] == u->b.data[j];
}

/* x + relu(x in) out, in either order: *post becomes x. */
static bool take_mlp(struct separable_net *s, const struct node **post)
{
    const struct net *net = s->net;
    for (size_t side = 0; side < 2; side++) {
        const struct node *out = input_of(net, *post, side), *act = out->op == OP_LINEAR ? input_of(net, out, 0) : NULL;
        const struct node *in = act && act->op == OP_RELU ? input_of(net, act, 0) : NULL;
        if (!in || in->op != OP_LINEAR || in->inputs[0] != (*post)->inputs[1 - side])
            continue;
        s->mlp = take_linear(&s->in, in) && take_linear(&s->out, out);
        *post = &net->nodes[in->inputs[0]];
        return s->mlp;
    }
    return false;
}

/* The matrix [u | in] and its biases: all that is read of a row after the attention. */
static bool join_columns(struct separable_net *s)
{
    s->columns = s->u;
    s->units = s->mlp ? s->in.w.m : 0;
    if (s->norm)
        s->columns.w.m += s->units + s->rests;
    if (s->norm || !s->mlp)
        return true;
    size_t k = s->u.w.k, m = s->u.w.m, h = s->in.w.m, J = m + h;
    s->own_w = mem_array(k * J, sizeof *s->own_w);
    s->own_b = mem_array(J, sizeof *s->own_b);
    if (!s->own_w || !s->own_b)
        return false;
    for (size_t i = 0; i < k; i++) {
        memcpy(s->own_w + i * J, s->u.w.data + i * m, m * sizeof *s->own_w);
        memcpy(s->own_w + i * J + m, s->in.w.data + i * h, h * sizeof *s->own_w);
    }
    if (s->u.has_b)
        memcpy(s->own_b, s->u.b.data, m * sizeof *s->own_b);
    if (s->in.has_b)
        memcpy(s->own_b + m, s->in.b.data, h * sizeof *s->own_b);
    s->columns = (struct part){ .present = true, .has_b = true };
    s->columns.w.k = k;
    s->columns.w.m = s->columns.b.m = J;
    s->columns.b.k = 1;
    s->columns.w.data = s->own_w;
    s->columns.b.data = s->own_b;
    return true;
}

bool separable_recognise(struct separable_net *out, const struct net *net, bool wide, struct text *why)
{
    memset(out, 0, sizeof *out);
    out->net = net;
    const struct node *u = &net->nodes[net->output];
    if (net->width_in)
        return refuse(why, "the network reads real numbers");
    if (net->pad >= 0)
        return refuse(why, "the network has a padding token");
    if (!take_linear(&out->u, u))
        return refuse(why, "the network does not end in a linear read-out");
    const struct node *post = input_of(net, u, 0);
    if (post->op == OP_LAYERNORM && post->n_inputs == 1) {
        out->norm = true;
        out->norm_w = post->n_w > 0 ? post->w[0].data : NULL;
        out->norm_b = post->n_w > 1 ? post->w[1].data : NULL;
        post = input_of(net, post, 0);
    }
    if (out->norm && !(net->eps > 0))
        return refuse(why, "the network has a final LayerNorm whose eps is 0");
    if (post->op != OP_ADD || post->n_inputs != 2)
        return refuse(why, "the network is more than one attention layer");
    if (wide)
        take_mlp(out, &post);
    if (post->op != OP_ADD || post->n_inputs != 2)
        return refuse(why, "the network is more than one attention layer with an MLP of relus");
    size_t attn = post->inputs[1], resid = post->inputs[0];
    if (net->nodes[attn].op != OP_HEADS) {
        attn = post->inputs[0];
        resid = post->inputs[1];
    }
    if (net->nodes[attn].op != OP_HEADS)
        return refuse(why, wide ? "the network is not one attention layer with an MLP of relus" : "the network has an MLP after its attention layer");
    if (!take_residual(out, &net->nodes[resid]))
        return refuse(why, "the network has more than one layer");
    if (net->nodes[attn].n_inputs < 1 || net->nodes[attn].n_inputs > (wide ? HEADS_MOST : 1))
        return refuse(why, wide ? "the network has more than four heads" : "the network has more than one head");
    if (!take_heads(out, &net->nodes[attn], resid))
        return refuse(why, "the attention layer has an unusual graph");
    out->resid = resid;
    out->attn_out = attn;
    out->n_out = out->u.w.m;
    out->rests = out->norm && wide ? out->d_model : 0;
    out->twin = mem_array(out->n_out, sizeof *out->twin);
    if (!join_columns(out) || !out->twin)
        return refuse(why, "out of memory");
    for (size_t j = 0; j < out->n_out; j++)
        for (size_t i = 0; i <= j; i++)
            if (i == j || same_column(&out->u, i, j)) {
                out->twin[j] = i;
                break;
            }
    return true;
}

void separable_net_clear(struct separable_net *s)
{
    free(s->twin);
    free(s->own_w);
    free(s->own_b);
    memset(s, 0, sizeof *s);
}

static void mat_set_doubles(arb_mat_t out, const double *x)
{
    size_t m = (size_t)arb_mat_ncols(out);
    for (slong i = 0; i < arb_mat_nrows(out); i++)
        for (size_t j = 0; j < m; j++)
            arb_set_d(arb_mat_entry(out, i, (slong)j), x[(size_t)i * m + j]);
}

/* out = x W (+ b), row by row. arb_dot keeps exact sums only up to its precision; the exact tables add term by term. */
void separable_linear(arb_mat_t out, const arb_mat_t x, const struct part *p, bool bias, slong prec)
{
    slong k = arb_mat_ncols(x), m = arb_mat_ncols(out);
    arb_mat_t T;
    arb_mat_init(T, m, k);
    for (slong i = 0; i < k; i++)
        for (slong j = 0; j < m; j++)
            arb_set_d(arb_mat_entry(T, j, i), p->w.data[i * m + j]);
    for (slong i = 0; i < arb_mat_nrows(x); i++)
        for (slong j = 0; j < m; j++) {
            arb_ptr y = arb_mat_entry(out, i, j);
            arb_zero(y);
            if (bias && p->has_b)
                arb_set_d(y, p->b.data[j]);
            if (prec != ARF_PREC_EXACT)
                arb_dot(y, y, 0, arb_mat_entry(x, i, 0), 1, arb_mat_entry(T, j, 0), 1, k, prec);
            else
                for (slong h = 0; h < k; h++)
                    arb_addmul(y, arb_mat_entry(x, i, h), arb_mat_entry(T, j, h), prec);
        }
    arb_mat_clear(T);
}

void separable_centre(arb_ptr x, slong d, slong prec)
{
    arb_t mean;
    arb_init(mean);
    for (slong c = 0; c < d; c++)
        arb_add(mean, mean, x + c, prec);
    arb_div_si(mean, mean, d, prec);
    for (slong c = 0; c < d; c++)
        arb_sub(x + c, x + c, mean, prec);
    arb_clear(mean);
}

static void layernorm_row(arb_ptr x, const struct separable_net *s, slong prec)
{
    slong d = (slong)s->d_model;
    arb_t v, var;
    arb_init(v);
    arb_init(var);
    separable_centre(x, d, prec);
    for (slong c = 0; c < d; c++)
        arb_addmul(var, x + c, x + c, prec);
    arb_div_si(var, var, d, prec);
    arb_set_d(v, s->net->eps);
    arb_add(var, var, v, prec);
    arb_rsqrt(var, var, prec);
    for (slong c = 0; c < d; c++) {
        arb_mul(x + c, x + c, var, prec);
        if (s->ln_w) {
            arb_set_d(v, s->ln_w[c]);
            arb_mul(x + c, x + c, v, prec);
        }
        if (s->ln_b) {
            arb_set_d(v, s->ln_b[c]);
            arb_add(x + c, x + c, v, prec);
        }
    }
    arb_clear(v);
    arb_clear(var);
}

/* Rows of y = x_i(a) W (+ b) for every source: from the rows of embedding and position when x is their sum, else row by row. */
struct sources { arb_mat_t e, p; bool split; };

static void sources_init(struct sources *x, const struct separable_net *s, size_t n_src, slong prec)
{
    slong V = (slong)s->net->d_vocab, d = (slong)s->d_model, n = (slong)n_src;
    x->split = !s->has_ln && s->position;
    if (x->split || (!s->has_ln && !s->position)) {
        arb_mat_init(x->e, V, d);
        mat_set_doubles(x->e, s->embed);
        arb_mat_init(x->p, x->split ? n : 0, d);
        if (x->split)
            mat_set_doubles(x->p, s->position);
        return;
    }
    arb_mat_init(x->p, 0, d);
    arb_mat_init(x->e, n * V, d);
    arb_t p;
    arb_init(p);
    for (slong i = 0; i < n; i++)
        for (slong a = 0; a < V; a++) {
            arb_ptr row = arb_mat_entry(x->e, i * V + a, 0);
            for (slong c = 0; c < d; c++) {
                arb_set_d(row + c, s->embed[a * d + c]);
                arb_set_d(p, s->position ? s->position[i * d + c] : 0);
                arb_add(row + c, row + c, p, ARF_PREC_EXACT);
            }
            layernorm_row(row, s, prec);
        }
    arb_clear(p);
}

static void sources_clear(struct sources *x)
{
    arb_mat_clear(x->e);
    arb_mat_clear(x->p);
}

/* ye, yp: the images of x->e (with biases) and x->p. out: [n_src * V, m]. */
static void sources_combine(arb_mat_t out, const struct sources *x, const arb_mat_t ye, const arb_mat_t yp, slong V, slong prec)
{
    slong rows = arb_mat_nrows(out), m = arb_mat_ncols(out);
    bool whole = arb_mat_nrows(ye) == rows && !x->split;
    for (slong r = 0; r < rows; r++)
        for (slong j = 0; j < m; j++) {
            arb_ptr y = arb_mat_entry(out, r, j);
            arb_set(y, arb_mat_entry(ye, whole ? r : r % V, j));
            if (x->split)
                arb_add(y, y, arb_mat_entry(yp, r / V, j), prec);
        }
}

static void sources_linear(arb_mat_t out, const struct sources *x, const struct part *w, slong V, slong prec)
{
    slong m = arb_mat_ncols(out);
    arb_mat_t ye, yp;
    arb_mat_init(ye, arb_mat_nrows(x->e), m);
    arb_mat_init(yp, arb_mat_nrows(x->p), m);
    separable_linear(ye, x->e, w, true, prec);
    separable_linear(yp, x->p, w, false, prec);
    sources_combine(out, x, ye, yp, V, prec);
    arb_mat_clear(ye);
    arb_mat_clear(yp);
}

static void fill_C(struct ball_tables *t, const struct sources *x, const struct separable_net *s)
{
    slong prec = t->prec, J = (slong)t->J, d = (slong)s->d_model, h = (slong)s->v.w.m;
    struct part o = s->o;
    arb_mat_t ye, yp;
    arb_mat_init(ye, arb_mat_nrows(x->e), J);
    arb_mat_init(yp, arb_mat_nrows(x->p), J);
    for (int part = 0; part < 2; part++) {
        slong rows = part ? arb_mat_nrows(x->p) : arb_mat_nrows(x->e);
        arb_mat_t z, r;
        arb_mat_init(z, rows, h);
        arb_mat_init(r, rows, d);
        separable_linear(z, part ? x->p : x->e, &s->v, part == 0, prec);
        separable_linear(r, z, &o, false, prec);
        if (s->norm)
            separable_normed(part ? yp : ye, r, NULL, s, false, prec);
        else
            separable_linear(part ? yp : ye, r, &s->columns, false, prec);
        arb_mat_clear(z);
        arb_mat_clear(r);
    }
    sources_combine(t->C, x, ye, yp, (slong)t->V, prec);
    arb_mat_clear(ye);
    arb_mat_clear(yp);
}

/* The bias that the MLP adds to the rows reaches the logits, and not what its relus read. */
static void add_out_bias(struct ball_tables *t, const struct separable_net *s)
{
    arb_t b, u;
    arb_init(b);
    arb_init(u);
    for (slong j = 0; j < (slong)s->n_out; j++)
        for (size_t c = 0; c < s->d_model; c++) {
            arb_set_d(b, s->out.b.data[c]);
            arb_set_d(u, s->u.w.data[c * s->n_out + (size_t)j]);
            arb_mul(b, b, u, ARF_PREC_EXACT);
            for (slong a = 0; a < (slong)t->V; a++)
                arb_add(arb_mat_entry(t->D, a, j), arb_mat_entry(t->D, a, j), b, t->prec);
        }
    arb_clear(b);
    arb_clear(u);
}

static void fill_D(struct ball_tables *t, const struct separable_net *s)
{
    slong d = (slong)s->d_model, V = (slong)t->V;
    arb_mat_t x;
    arb_t p;
    arb_mat_init(x, V, d);
    arb_init(p);
    for (slong a = 0; a < V; a++)
        for (slong c = 0; c < d; c++) {
            arb_ptr y = arb_mat_entry(x, a, c);
            arb_set_d(y, s->embed[a * d + c]);
            if (s->position) {
                arb_set_d(p, s->position[(slong)t->row * d + c]);
                arb_add(y, y, p, ARF_PREC_EXACT);
            }
            if (s->o.has_b) {
                arb_set_d(p, s->o.b.data[c]);
                arb_add(y, y, p, ARF_PREC_EXACT);
            }
        }
    if (s->norm)
        separable_normed(t->D, x, s->mlp && s->out.has_b ? s->out.b.data : NULL, s, true, t->prec);
    else
        separable_linear(t->D, x, &s->columns, true, t->prec);
    if (!s->norm && s->mlp && s->out.has_b)
        add_out_bias(t, s);
    arb_mat_clear(x);
    arb_clear(p);
}

static void fill_q(struct ball_tables *t, const struct separable_net *s)
{
    slong d = (slong)s->d_model, V = (slong)t->V;
    arb_mat_t x;
    arb_t p;
    arb_mat_init(x, V, d);
    arb_init(p);
    for (slong a = 0; a < V; a++) {
        for (slong c = 0; c < d; c++) {
            arb_set_d(arb_mat_entry(x, a, c), s->embed[a * d + c]);
            arb_set_d(p, s->position ? s->position[(slong)t->row * d + c] : 0);
            arb_add(arb_mat_entry(x, a, c), arb_mat_entry(x, a, c), p, ARF_PREC_EXACT);
        }
        if (s->has_ln)
            layernorm_row(arb_mat_entry(x, a, 0), s, t->prec);
    }
    separable_linear(t->q, x, &s->q, true, t->prec);
    arb_mat_clear(x);
    arb_clear(p);
}

void ball_tables_init(struct ball_tables *t, const struct separable_net *net, size_t row, size_t n_src, slong prec)
{
    size_t V = net->net->d_vocab;
    *t = (struct ball_tables){ .prec = prec, .row = row, .n_src = n_src, .V = V, .J = net->columns.w.m, .d_head = net->d_head };
    arb_mat_init(t->q, (slong)V, (slong)net->d_head);
    arb_mat_init(t->k, (slong)(n_src * V), (slong)net->d_head);
    arb_mat_init(t->C, (slong)(n_src * V), (slong)t->J);
    arb_mat_init(t->D, (slong)V, (slong)t->J);
    arb_init(t->scale);
    arb_set_ui(t->scale, net->score_d);
    arb_rsqrt(t->scale, t->scale, prec == ARF_PREC_EXACT ? 64 : prec);
    if (net->changed) {
        changed_tables(t, net);
        return;
    }
    struct sources x;
    sources_init(&x, net, n_src, prec);
    sources_linear(t->k, &x, &net->k, (slong)V, prec);
    fill_C(t, &x, net);
    sources_clear(&x);
    fill_D(t, net);
    fill_q(t, net);
}

void ball_tables_clear(struct ball_tables *t)
{
    arb_mat_clear(t->q);
    arb_mat_clear(t->k);
    arb_mat_clear(t->C);
    arb_mat_clear(t->D);
    arb_clear(t->scale);
}

void ball_tables_dot(arb_t out, const struct ball_tables *t, size_t q, size_t i, size_t a)
{
    arb_srcptr x = arb_mat_entry(t->q, (slong)q, 0), y = arb_mat_entry(t->k, (slong)(i * t->V + a), 0);
    arb_zero(out);
    if (t->prec != ARF_PREC_EXACT) {
        arb_dot(out, NULL, 0, x, 1, y, 1, (slong)t->d_head, t->prec);
        return;
    }
    for (size_t h = 0; h < t->d_head; h++)
        arb_addmul(out, x + h, y + h, ARF_PREC_EXACT);
}
