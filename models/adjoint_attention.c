/* Reverse pass through attention: score, softmax, mix, bilinear; rowsoftmax. Facts of patterns and scores stand by allowed source, side by side. */
#include "models/adjoint_kernel.h"

/* Radii of the derivatives (y and q times c, in doubles) times the errors. */
static double score_remainder(const struct adjoint_job *j, struct row_view q, struct row_view y, size_t s, size_t k, double c)
{
    const double *eq = adjoint_error(j, j->node->inputs[0], j->row), *ey = adjoint_error(j, j->node->inputs[1], j->source[s]);
    double sum = 0;
    for (size_t i = 0; i < k; i++) sum += adjoint_up(y.rad[i] * c + 0x1p-50 * fabs(y.mid[i] * c), 4) * eq[i] + adjoint_up(q.rad[i] * c + 0x1p-50 * fabs(q.mid[i] * c), 4) * ey[i];
    return adjoint_up(sum, 4 * k);
}

void prepare_score(const struct adjoint_job *j)
{
    size_t k = j->a->net->nodes[j->node->inputs[0]].width;
    struct row_view q = adjoint_view(j, j->node->inputs[0], j->row);
    double root = sqrt((double)j->node->arg[0]);
    for (size_t s = 0; s < j->sources; s++) {
        struct row_view y = adjoint_view(j, j->node->inputs[1], j->source[s]);
        double size = 0;
        for (size_t i = 0; i < k; i++) size += entry_size(q, i) * entry_size(y, i);
        double error = adjoint_up(rounding_factor(k, j->f.u) * size + 2 * (double)k * j->f.eta, k) / root;
        j->local[s] = adjoint_up(error + steps32(j->f, (size / root + error) * (1 + 0x1p-36), 3), k) + score_remainder(j, q, y, s, k, 1 / root);
    }
    j->scalar[0] = 1 / root;
}

void reverse_score(const struct adjoint_job *j)
{
    size_t k = j->a->net->nodes[j->node->inputs[0]].width, B = j->a->batch;
    struct row_view q = adjoint_view(j, j->node->inputs[0], j->row);
    double *mq, *rq, *mk, *rk, c = j->scalar[0];
    adjoint_of(&mq, &rq, j, j->node->inputs[0], j->row);
    for (size_t s = 0; s < j->sources; s++) {
        struct row_view y = adjoint_view(j, j->node->inputs[1], j->source[s]);
        const double *M = j->M + j->source[s] * B, *R = j->R + j->source[s] * B;
        adjoint_of(&mk, &rk, j, j->node->inputs[1], j->source[s]);
        for (size_t i = 0; i < k; i++) {
            double x = q.mid[i] * c, z = y.mid[i] * c;
            adjoint_send(mq + i * B, rq + i * B, M, R, z, j->wide * adjoint_up(y.rad[i] * c + 0x1p-50 * fabs(z), 4), j->batch);
            adjoint_send(mk + i * B, rk + i * B, M, R, x, j->wide * adjoint_up(q.rad[i] * c + 0x1p-50 * fabs(x), 4), j->batch);
        }
    }
}

void prepare_mix(const struct adjoint_job *j)
{
    struct row_view p = adjoint_view(j, j->node->inputs[0], j->row);
    const double *ep = adjoint_error(j, j->node->inputs[0], j->row);
    double g = rounding_factor(j->sources, j->f.u);
    for (size_t e = 0; e < j->width; e++) {
        double size = 0, rest = 0;
        for (size_t s = 0; s < j->sources; s++) {
            size_t at = j->source[s];
            struct row_view v = adjoint_view(j, j->node->inputs[1], at);
            size += entry_size(p, at) * entry_size(v, e);
            rest += p.rad[at] * adjoint_error(j, j->node->inputs[1], at)[e] + v.rad[e] * ep[at];
        }
        j->local[e] = adjoint_up(g * size + 2 * (double)j->sources * j->f.eta + rest, 4 * j->sources);
    }
}

void reverse_mix(const struct adjoint_job *j)
{
    struct row_view p = adjoint_view(j, j->node->inputs[0], j->row);
    size_t B = j->a->batch;
    double *mp, *rp, *mv, *rv;
    adjoint_of(&mp, &rp, j, j->node->inputs[0], j->row);
    for (size_t s = 0; s < j->sources; s++) {
        size_t at = j->source[s];
        struct row_view v = adjoint_view(j, j->node->inputs[1], at);
        adjoint_of(&mv, &rv, j, j->node->inputs[1], at);
        for (size_t e = 0; e < j->width; e++) {
            adjoint_send(mv + e * B, rv + e * B, j->M + e * B, j->R + e * B, p.mid[at], j->wide * p.rad[at], j->batch);
            adjoint_send(mp + at * B, rp + at * B, j->M + e * B, j->R + e * B, v.mid[e], j->wide * v.rad[e], j->batch);
        }
    }
}

void prepare_bilinear(const struct adjoint_job *j)
{
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row), y = adjoint_view(j, j->node->inputs[1], j->row);
    const double *ex = adjoint_error(j, j->node->inputs[0], j->row), *ey = adjoint_error(j, j->node->inputs[1], j->row);
    for (size_t s = 0; s < j->sources; s++) {
        size_t at = j->source[s];
        j->local[s] = adjoint_up(steps32(j->f, entry_size(j->own, at), 1) + y.rad[at] * ex[at] + x.rad[at] * ey[at], 4);
    }
}

void reverse_bilinear(const struct adjoint_job *j)
{
    struct row_view in[2] = { adjoint_view(j, j->node->inputs[0], j->row), adjoint_view(j, j->node->inputs[1], j->row) };
    size_t B = j->a->batch;
    double *m, *r;
    for (size_t a = 0; a < 2; a++) {
        adjoint_of(&m, &r, j, j->node->inputs[a], j->row);
        for (size_t s = 0; s < j->sources; s++) {
            size_t at = j->source[s];
            adjoint_send(m + at * B, r + at * B, j->M + at * B, j->R + at * B, in[1 - a].mid[at], j->wide * in[1 - a].rad[at], j->batch);
        }
    }
}

/* Facts of one softmax: eta_i bounds what rounding and the library's exp do to the logarithm of an exponential; p +- rp is the pattern wherever the
 * scores are in their enclosures and moved by eta. share: roundings of the sum; local: of the quotient, and flushed results. */
struct group { double *p, *rp, *eta, *local; };

static double sum_error(const struct adjoint_job *j, size_t n) { return adjoint_up((double)(n > 1 ? n - 1 : 0) * j->f.u * (1 + 0x1p-8), 4); }

/* With m the middle of p, x_k the errors of the scores and eta: |p_k (x_k - sum p_i x_i) - m_k (x_k - sum m_i x_i)| is at most
 * |p_k - m_k| (|x_k| + max |x|) + m_k sum |p_i - m_i| |x_i|, as sum p = 1. The factor of the row's sum meets p, not m. */
static void softmax_remainder(const struct adjoint_job *j, struct group g, const double *error, size_t n)
{
    double most = 0, spread = 0, factor = sum_error(j, n);
    for (size_t i = 0; i < n; i++) {
        double x = adjoint_up(error[i] + g.eta[i], 1);
        most = x <= most ? most : x;
        spread += g.rp[i] * x;
    }
    spread = adjoint_up(spread, 2 * n);
    for (size_t i = 0; i < n; i++) g.local[i] = adjoint_up(g.local[i] + g.rp[i] * (error[i] + g.eta[i] + most + factor) + fabs(g.p[i]) * spread, 8);
}

static bool softmax_facts(const struct adjoint_job *j, struct group g, const double *s, const double *r, const double *error, size_t n)
{
    double top = s[0], widest = 0, u = j->f.u, *wide = j->a->work + 2 * j->a->widest;
    for (size_t i = 0; i < n; i++) {
        top = s[i] > top ? s[i] : top;
        widest = r[i] <= widest ? widest : r[i];
    }
    for (size_t i = 0; i < n; i++) {
        double x = u * (fabs(s[i] - top) + r[i] + widest) * (1 + 0x1p-40), e = adjoint_up((x + x * x) * (1 + 8 * u) + 8 * u, 4);
        if (!(e <= 0.25)) return false;
        g.eta[i] = adjoint_up(e + e * e, 4);
        wide[i] = adjoint_up(r[i] + g.eta[i], 4);
    }
    struct row_view in = { s, wide };
    struct row_job job = { .net = j->a->net, .node = j->node, .row = j->row, .sources = n, .in = &in, .k_in = n, .mid = g.p, .rad = g.rp, .scratch = j->a->scratch };
    row_softmax(&job);
    for (size_t i = 0; i < n; i++) {
        double most = g.p[i] + g.rp[i] < 1 ? g.p[i] + g.rp[i] : 1;
        g.local[i] = adjoint_up(steps32(j->f, most, 2) * (1 + 0x1p-8) + (double)(n + 2) * 0x1p-122, 4);
    }
    softmax_remainder(j, g, error, n);
    return (double)n * u < 0x1p-9;
}

/* sum p_j A_j around c = sum of the midpoints times A: as the p_j add up to 1, only what differs from c meets their radii; of the midpoints' sum that is
 * true but for `off`. For entry b; A_i at at[i]. */
struct centre { double c, rest, radius, slack; };

static struct centre centre_of(const struct adjoint_job *j, struct group g, const size_t *at, size_t n, size_t b, double off)
{
    struct centre t = { 0, 0, 0, 0 };
    size_t B = j->a->batch;
    for (size_t i = 0; i < n; i++) t.c += g.p[i] * j->M[at[i] * B + b];
    for (size_t i = 0; i < n; i++) {
        double from = j->M[at[i] * B + b] - t.c, rp = j->wide * g.rp[i], size = fabs(g.p[i]) + rp;
        t.rest += g.p[i] * from;
        t.radius += rp * fabs(from) + size * j->R[at[i] * B + b];
        t.slack += size * (fabs(j->M[at[i] * B + b]) + fabs(t.c));
    }
    t.slack = adjoint_up(((double)n + 8) * 0x1p-51 * t.slack, n);
    t.radius = adjoint_up(t.radius + t.slack + off * fabs(t.c), n);
    return t;
}

/* |sum of the midpoints - 1| */
static double missing(struct group g, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += g.p[i];
    return adjoint_up(fabs(sum - 1) + (double)n * 0x1p-50, 4);
}

static void reverse_group(const struct adjoint_job *j, struct group g, double *m, double *r, const size_t *at, size_t n)
{
    size_t B = j->a->batch;
    double factor = sum_error(j, n), off = missing(g, n);
    for (size_t b = 0; b < j->batch; b++) {
        struct centre t = centre_of(j, g, at, n, b, off);
        j->a->bound[b] += (fabs(t.c + t.rest) + t.radius + 0x1p-50 * fabs(t.c)) * factor;
        for (size_t i = 0; i < n; i++) {
            double M = j->M[at[i] * B + b], from = (M - t.c) - t.rest, rfrom = j->R[at[i] * B + b] + t.radius + 0x1p-50 * (fabs(M) + fabs(t.c)), rp = j->wide * g.rp[i];
            double x = g.p[i] * from, rx = adjoint_up(g.p[i] * rfrom + rp * (fabs(from) + rfrom) + 0x1p-50 * fabs(x), 8);
            j->a->bound[b] += (fabs(x) + rx) * g.eta[i];
            adjoint_send(&m[at[i] * B + b], &r[at[i] * B + b], &x, &rx, 1, 0, 1);
        }
    }
}

void prepare_softmax(const struct adjoint_job *j)
{
    struct row_view in = adjoint_view(j, j->node->inputs[0], j->row);
    const double *error = adjoint_error(j, j->node->inputs[0], j->row);
    double *s = j->a->work, *r = s + j->a->widest, *e = s + 3 * j->a->widest;
    for (size_t i = 0; i < j->sources; i++) {
        s[i] = in.mid[j->source[i]];
        r[i] = in.rad[j->source[i]];
        e[i] = error[j->source[i]];
    }
    if (j->sources && !softmax_facts(j, (struct group){ j->c, j->rc, j->d, j->local }, s, r, e, j->sources)) *j->cut = 1;
}

void reverse_softmax(const struct adjoint_job *j)
{
    double *m, *r;
    if (j->sources == 0) return;
    adjoint_of(&m, &r, j, j->node->inputs[0], j->row);
    reverse_group(j, (struct group){ j->c, j->rc, j->d, j->local }, m, r, j->source, j->sources);
}

static struct group group_at(const struct adjoint_job *j, size_t from) { return (struct group){ j->c + from, j->rc + from, j->d + from, j->local + from }; }

void prepare_rowsoftmax(const struct adjoint_job *j)
{
    struct row_view in = adjoint_view(j, j->node->inputs[0], j->row);
    const double *error = adjoint_error(j, j->node->inputs[0], j->row);
    size_t g = j->node->arg[0];
    for (size_t from = 0; from < j->width; from += g)
        if (!softmax_facts(j, group_at(j, from), in.mid + from, in.rad + from, error + from, g)) *j->cut = 1;
}

void reverse_rowsoftmax(const struct adjoint_job *j)
{
    size_t g = j->node->arg[0];
    double *m, *r;
    adjoint_of(&m, &r, j, j->node->inputs[0], j->row);
    for (size_t from = 0; from < j->width; from += g) reverse_group(j, group_at(j, from), m, r, j->a->order + from, g);
}
