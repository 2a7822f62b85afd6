/* Reverse pass through layernorm and rmsnorm: y = c / sigma (times w, plus b), c = x - mean or x, sigma = sqrt(mean of c^2 + eps).
 * dx_i = (g_i - mean g - y_i mean(g y)) / sigma, g = w dy (rmsnorm: without mean g). c, rc hold y on the enclosure of x. Scalars: 1 / sigma and its
 * radius; the mean's error over the least sigma'; |sigma' - sigma| over the least sigma'. */
#include "models/adjoint_kernel.h"

struct norm { struct row_view x; size_t k; double n, mean, most_mean, size, spread, sigma, widening, common; bool centred; };

static void measure(struct norm *s, const struct adjoint_job *j)
{
    double sum = 0, spread = 0, squares = 0, most = 0, q = 0;
    s->x = adjoint_view(j, j->node->inputs[0], j->row);
    s->k = j->width;
    s->n = (double)s->k;
    s->centred = j->node->op == OP_LAYERNORM;
    s->size = 0;
    for (size_t i = 0; i < s->k; i++) {
        sum += s->x.mid[i];
        s->size += entry_size(s->x, i);
        spread += s->x.rad[i];
        squares += s->x.rad[i] * s->x.rad[i];
        most = fabs(s->x.mid[i]) > most ? fabs(s->x.mid[i]) : most;
    }
    s->mean = s->centred ? sum / s->n : 0;
    for (size_t i = 0; i < s->k; i++) q += (s->x.mid[i] - s->mean) * (s->x.mid[i] - s->mean);
    s->sigma = sqrt(q / s->n + j->a->net->eps);
    s->size = adjoint_up(s->size, s->k);
    s->spread = adjoint_up(spread / s->n, s->k);
    s->most_mean = adjoint_up(s->size / s->n, s->k);
    /* sigma is 1/sqrt(k)-Lipschitz in the Euclidean norm; the second part pays for its own roundings. */
    s->widening = adjoint_up(sqrt(adjoint_up(squares, s->k) / s->n), s->k) + (s->n + 8) * 0x1p-50 * (most + s->sigma) + LOW;
}

/* |c_i| at any point of the enclosure. */
static double centred_size(const struct norm *s, size_t i)
{
    double c = fabs(s->x.mid[i] - s->mean) + s->x.rad[i] + (s->centred ? s->spread + (s->n + 4) * 0x1p-52 * s->most_mean : 0);
    return adjoint_up(c, 4);
}

/* What an execution's sigma' can differ by from the sigma of its own arguments: sum of squares, mean, eps, root. */
static double deviation_error(const struct norm *s, const struct adjoint_job *j, double low, double high)
{
    double u = j->f.u, rq = 0, eps = j->a->net->eps, Q = s->n * high * high;
    for (size_t i = 0; s->centred && i < s->k; i++) {
        double c = centred_size(s, i), a = u * (c + s->common);
        rq += 2 * c * a + (a + s->common) * (a + s->common);
    }
    rq += rounding_factor(s->k, u) * adjoint_up(Q + rq, s->k) + 2 * s->n * j->f.eta;
    rq = adjoint_up(rq, s->k);
    double rt = rq / s->n + steps32(j->f, (Q + rq) / s->n * (1 + 0x1p-40), 1);
    rt += fabs((double)(float)eps - eps);
    rt = adjoint_up(rt + steps32(j->f, (high * high + rt) * (1 + 0x1p-40), 1), 8);
    double left = low * low * (1 - 0x1p-40) - rt, moved = rt / (low + sqrt(left > 0 ? left : 0));
    return left > 0 ? adjoint_up(moved + steps32(j->f, (high + moved) * (1 + 0x1p-40), 1), 8) : INFINITY;
}

/* y on the enclosure of x, by the row kernel in real semantics. */
static void image(const struct adjoint_job *j, struct row_view x)
{
    struct node bare = *j->node;
    bare.n_w = 0;
    struct row_job job = { .net = j->a->net, .node = &bare, .row = j->row, .in = &x, .k_in = j->width, .mid = j->c, .rad = j->rc, .scratch = j->a->scratch };
    row_kernels[bare.op](&job);
}

/* An entry's own roundings: subtraction, quotient (rmsnorm: five), product with w, sum with b. */
static double own_roundings(const struct adjoint_job *j, const struct norm *s, size_t i, double least, double relative)
{
    double y = fabs(j->c[i]) + j->rc[i], off = 0, w = 1;
    if (s->centred) off = j->f.u * (centred_size(s, i) + s->common) / least;
    double all = adjoint_up(y + off + s->common / least + y * relative, 8), local = off + steps32(j->f, all, s->centred ? 2 : 5);
    if (j->node->n_w > 0) {
        w = fabs(j->node->w[0].data[i]);
        local = local * w + steps32(j->f, adjoint_up(w * (all + local), 8), 1);
    }
    if (j->node->n_w > 1) local += steps32(j->f, entry_size(j->own, i), 1);
    return adjoint_up(local, 8);
}

/* With y0, s0 the middles of y and 1 / sigma and e the errors: (e_i - mean e - y_i mean(y e)) / sigma less the same with y0, s0 is at most
 * |1 / sigma - s0| (|e_i - mean e| + |y_i| mean |y e|) + s0 (|y_i - y0_i| mean |y e| + |y0_i| mean |(y - y0) e|). The error of sigma meets y, not y0. */
static void add_remainder(const struct adjoint_job *j, bool centred)
{
    const double *e = adjoint_error(j, j->node->inputs[0], j->row);
    double mean = 0, all = 0, spread = 0, n = (double)j->width;
    for (size_t i = 0; i < j->width; i++) {
        mean += centred ? e[i] : 0;
        all += (fabs(j->c[i]) + j->rc[i]) * e[i];
        spread += j->rc[i] * e[i];
    }
    mean = adjoint_up(mean / n, j->width), all = adjoint_up(all / n, j->width), spread = adjoint_up(spread / n, j->width);
    for (size_t i = 0; i < j->width; i++) {
        double y = fabs(j->c[i]), w = j->node->n_w ? fabs(j->node->w[0].data[i]) : 1;
        double rest = j->scalar[1] * (e[i] + mean + (y + j->rc[i]) * all) + j->scalar[0] * (j->rc[i] * all + y * spread) + j->rc[i] * j->scalar[3];
        j->local[i] = adjoint_up(j->local[i] + w * rest, 16);
    }
}

static void prepare_norm(const struct adjoint_job *j)
{
    struct norm s;
    measure(&s, j);
    double off = s.centred ? (s.n - 1) * j->f.u * s.size / s.n : 0;
    s.common = s.centred ? adjoint_up(off + steps32(j->f, (s.most_mean + off) * (1 + 0x1p-40), 1), 8) : 0;
    double low = s.sigma - s.widening, high = s.sigma + s.widening, error = deviation_error(&s, j, low, high), least = (low - error) * (1 - 0x1p-40);
    if (!(low > 0x1p-60) || !(least > 0x1p-60) || !(high < 0x1p60)) {
        *j->cut = 1;
        return;
    }
    image(j, s.x);
    adjoint_hull(&j->scalar[0], &j->scalar[1], 1 / high * (1 - 0x1p-50), 1 / low * (1 + 0x1p-50));
    j->scalar[2] = adjoint_up(s.common / least, 4);
    j->scalar[3] = adjoint_up(error / least, 4);
    for (size_t i = 0; i < s.k; i++) j->local[i] = own_roundings(j, &s, i, least, j->scalar[3]);
    add_remainder(j, s.centred);
}

/* Sums over the row of g and of g y: midpoints s[0], s[2], radii s[1], s[3], for entry b of the batch. */
static void row_sums(double s[4], const struct adjoint_job *j, size_t b)
{
    double n = (double)j->width, size[2] = { 0, 0 };
    s[0] = s[1] = s[2] = s[3] = 0;
    for (size_t i = 0; i < j->width; i++) {
        double w = j->node->n_w ? j->node->w[0].data[i] : 1, g = w * j->M[i * j->a->batch + b], r = fabs(w) * j->R[i * j->a->batch + b];
        double y = fabs(j->c[i]);
        s[0] += g;
        s[1] += r;
        s[2] += g * j->c[i];
        s[3] += r * (y + j->wide * j->rc[i]) + fabs(g) * j->wide * j->rc[i];
        size[0] += fabs(g);
        size[1] += fabs(g) * y;
    }
    s[1] = adjoint_up(s[1] + (n + 4) * 0x1p-52 * size[0], j->width);
    s[3] = adjoint_up(s[3] + (n + 4) * 0x1p-52 * size[1], j->width);
}

static void reverse_norm(const struct adjoint_job *j)
{
    size_t B = j->a->batch;
    double *m, *r, n = (double)j->width;
    bool centred = j->node->op == OP_LAYERNORM;
    adjoint_of(&m, &r, j, j->node->inputs[0], j->row);
    for (size_t b = 0; b < j->batch; b++) {
        double s[4];
        row_sums(s, j, b);
        j->a->bound[b] += (fabs(s[0]) + s[1]) * j->scalar[2] + (fabs(s[2]) + s[3]) * j->scalar[3];
        double mean = centred ? s[0] / n : 0, rmean = centred ? s[1] / n : 0, slope = s[2] / n, rslope = s[3] / n;
        for (size_t i = 0; i < j->width; i++) {
            double w = j->node->n_w ? j->node->w[0].data[i] : 1, g = w * j->M[i * B + b], y = j->c[i];
            double ry = j->wide * j->rc[i], x = (g - mean) - y * slope, rx = fabs(w) * j->R[i * B + b] + rmean + (fabs(y) + ry) * rslope + ry * fabs(slope);
            rx = adjoint_up(rx + 0x1p-49 * (fabs(g) + fabs(mean) + fabs(y * slope)), 8);
            adjoint_send(&m[i * B + b], &r[i * B + b], &x, &rx, j->scalar[0], j->wide * j->scalar[1], 1);
        }
    }
}

void prepare_layernorm(const struct adjoint_job *j) { prepare_norm(j); }
void prepare_rmsnorm(const struct adjoint_job *j) { prepare_norm(j); }
void reverse_layernorm(const struct adjoint_job *j) { reverse_norm(j); }
void reverse_rmsnorm(const struct adjoint_job *j) { reverse_norm(j); }
