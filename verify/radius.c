/* radius.c: the store of distances, and how one is found: eigenvectors of each difference of outputs once, then for every input the nearest zero of each,
 * a point just beyond the nearest, tested exactly, and a ball just within it with a multiplier for every difference. */
#include "verify/radius.h"
#include <fmpq_vec.h>
#include <fmpz_vec.h>
#include <math.h>
#include <omp.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/quadratic.h"
#include "verify/spectral.h"

#define NOISE 1e-13        /* of the largest: eigenvalues and gradients below it are taken for 0 */
#define SHORT_BITS 40      /* of the ends of the interval */
#define LARGE 200          /* inputs from which the rivals of one input are worth threads */
#define BALLS_MOST 160     /* inputs for which a multiplier that doubles leave open is tested in balls here */

struct pair { size_t a, b; double *q, *V; };
struct radius_model { char *name; long leaf; struct outputs out; struct pair *pairs; size_t n_pairs, room_pairs; };
struct found { char *key, *rest; unsigned long hash; fmpq_t lo, hi; };
struct radii { struct radius_model *models; size_t n_models, room_models; struct found *found; size_t n_found, room_found; struct spectra *spectra; };

/* One output that the answer is compared with. */
struct rival { size_t k; const struct pair *p; double *gamma, *y, c, distance; fmpz *h; fmpz_t twice; };
/* One input: the answer a, per output its gradient there [width, n + 1] and twice its value, the answer's rivals. */
struct query { struct radii *store; struct radius_model *m; size_t n, a; const fmpq *x; fmpq *zero, *point; fmpz *X, *gradients, *values, *work; struct rival *rivals; size_t n_rivals;
    fmpz_t unit; struct text line; };

struct radii *radii_new(void)
{
    struct radii *r = mem_array(1, sizeof *r);
    if (r && !(r->spectra = spectra_new())) {
        free(r);
        return NULL;
    }
    return r;
}

struct spectra *radii_spectra(const struct radii *r) { return r ? r->spectra : NULL; }

static void shape_clear(struct radius_model *m)
{
    for (size_t i = 0; i < m->n_pairs; i++) free(m->pairs[i].q), free(m->pairs[i].V);
    free(m->pairs);
    free(m->name);
    outputs_clear(&m->out);
}

void radii_free(struct radii *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->n_models; i++) shape_clear(&r->models[i]);
    for (size_t i = 0; i < r->n_found; i++) {
        free(r->found[i].key), free(r->found[i].rest);
        fmpq_clear(r->found[i].lo), fmpq_clear(r->found[i].hi);
    }
    free(r->models);
    free(r->found);
    spectra_free(r->spectra);
    free(r);
}

/* ---- the store; callers hold the lock ---- */

static enum status shape_of(struct radius_model **out, struct radii *r, const char *name, const struct net *net, long leaf)
{
    for (size_t i = 0; i < r->n_models; i++)
        if (r->models[i].leaf == leaf && strcmp(r->models[i].name, name) == 0) {
            *out = &r->models[i];
            return STATUS_OK;
        }
    if (r->n_models == r->room_models && r->n_models) return STATUS_LIMIT;
    if (!r->models && !(r->models = mem_grow(NULL, &r->room_models, 64, sizeof *r->models))) return STATUS_MEMORY;   /* never moved: queries point into it */
    struct radius_model *m = &r->models[r->n_models];
    *m = (struct radius_model){.name = mem_string(name), .leaf = leaf};
    enum status s = m->name ? outputs_make(&m->out, net, leaf) : STATUS_MEMORY;
    if (s == STATUS_OK && !(m->pairs = mem_grow(NULL, &m->room_pairs, m->out.width * m->out.width, sizeof *m->pairs))) s = STATUS_MEMORY;
    if (s != STATUS_OK) {
        shape_clear(m);
        return s;
    }
    r->n_models++;
    *out = m;
    return STATUS_OK;
}

static unsigned long hash_of(const char *s)
{
    unsigned long h = 14695981039346656037UL;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211UL;
    return h;
}

enum status radii_outputs(const struct outputs **out, struct radii *store, const char *model, const struct net *net, long leaf)
{
    struct radius_model *m = NULL;
    enum status s;
#pragma omp critical(radius_store)
    s = shape_of(&m, store, model, net, leaf);
    *out = m ? &m->out : NULL;
    return s;
}

static const struct found *find(const struct radii *r, const char *key)
{
    unsigned long h = hash_of(key);
    for (size_t i = 0; i < r->n_found; i++)
        if (r->found[i].hash == h && strcmp(r->found[i].key, key) == 0) return &r->found[i];
    return NULL;
}

static const struct pair *find_pair(const struct radius_model *m, size_t a, size_t b)
{
    for (size_t i = 0; i < m->n_pairs; i++)
        if (m->pairs[i].a == a && m->pairs[i].b == b) return &m->pairs[i];
    return NULL;
}

static enum status keep(struct radii *r, const char *key, const char *rest, const fmpq_t lo, const fmpq_t hi)
{
    if (find(r, key)) return STATUS_OK;       /* another thread was faster; what it found is as good */
    struct found *grown = mem_grow(r->found, &r->room_found, r->n_found + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    r->found = grown;
    struct found *f = &grown[r->n_found];
    f->key = mem_string(key);
    f->rest = mem_string(rest);
    f->hash = hash_of(key);
    if (!f->key || !f->rest) {
        free(f->key), free(f->rest);
        return STATUS_MEMORY;
    }
    fmpq_init(f->lo);
    fmpq_init(f->hi);
    fmpq_set(f->lo, lo);
    fmpq_set(f->hi, hi);
    r->n_found++;
    return STATUS_OK;
}

/* ---- numbers ---- */

static void set_double(fmpq_t out, double x)
{
    mpq_t q;
    mpq_init(q);
    mpq_set_d(q, x);
    fmpq_set_mpq(out, q);
    mpq_clear(q);
}

/* x cut to SHORT_BITS bits, down */
static double shortened(double x)
{
    int e;
    double m = frexp(x, &e);
    return ldexp(floor(ldexp(m, SHORT_BITS)), e - SHORT_BITS);
}

/* ---- the answer and its rivals ---- */

static enum status decompose(const struct pair **out, struct query *q, size_t k)
{
    struct radius_model *m = q->m;
    size_t n = q->n;
#pragma omp critical(radius_store)
    *out = find_pair(m, q->a, k);
    if (*out) return STATUS_OK;
    double *A = mem_array(n * n, sizeof *A), *values = mem_array(n, sizeof *values), *V = mem_array(n * n, sizeof *V);
    fmpz_t t, unit;
    fmpz_init(t);
    fmpz_init(unit);
    fmpz_one(unit);
    fmpz_mul_2exp(unit, unit, m->out.scale);
    for (size_t i = 0; A && i < n; i++)
        for (size_t j = i; j < n; j++) {
            size_t at = monomial(n, i + 1, j + 1);
            fmpz_sub(t, m->out.c + q->a * m->out.each + at, m->out.c + k * m->out.each + at);
            A[i * n + j] = A[j * n + i] = ratio(t, unit) / (i == j ? 1 : 2);
        }
    fmpz_clear(t);
    fmpz_clear(unit);
    if (A && values && V && symmetric_eigen(values, V, A, n)) {
        double size = 0;
        for (size_t i = 0; i < n; i++) size = fmax(size, fabs(values[i]));
        for (size_t i = 0; i < n; i++)
            if (fabs(values[i]) < NOISE * size) values[i] = 0;
#pragma omp critical(radius_store)
        {
            *out = find_pair(m, q->a, k);
            if (!*out) {
                m->pairs[m->n_pairs] = (struct pair){q->a, k, values, V};
                *out = &m->pairs[m->n_pairs++];
                values = V = NULL;
            }
        }
    }
    free(A), free(values), free(V);
    return *out ? STATUS_OK : STATUS_MEMORY;
}

/* The form answer - rival around x, exactly and in doubles. */
static enum status rival_make(struct rival *r, struct query *q, size_t k)
{
    size_t n = q->n;
    r->k = k;
    fmpz_init(r->twice);
    r->h = _fmpz_vec_init((slong)n + 1);
    r->gamma = mem_array(n, 2 * sizeof *r->gamma);
    if (!r->gamma) return STATUS_MEMORY;
    r->y = r->gamma + n;
    enum status s = decompose(&r->p, q, k);
    if (s != STATUS_OK) return s;
    _fmpz_vec_sub(r->h, q->gradients + q->a * (n + 1), q->gradients + k * (n + 1), (slong)n + 1);
    fmpz_sub(r->twice, q->values + q->a, q->values + k);
    fmpz_t unit;
    double largest = 0, *g = r->y;
    fmpz_init(unit);
    fmpz_mul(unit, q->unit, q->X);
    for (size_t i = 0; i < n; i++) g[i] = ratio(r->h + i + 1, unit), largest = fmax(largest, fabs(g[i]));
    fmpz_mul(unit, unit, q->X);
    r->c = ratio(r->twice, unit) / 2;
    fmpz_clear(unit);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) sum += r->p->V[j * n + i] * g[j];
        r->gamma[i] = fabs(sum) < NOISE * largest ? 0 : sum;
    }
    r->distance = !(r->c > 0) ? 0 : nearest_zero(r->y, &(struct spectral){r->p->q, r->gamma, r->c, n});
    return STATUS_OK;
}

static void rival_clear(struct rival *r, size_t n)
{
    if (!r->h) return;
    fmpz_clear(r->twice);
    _fmpz_vec_clear(r->h, (slong)n + 1);
    free(r->gamma);
}

static enum status query_init(struct query *q, struct radii *store, struct radius_model *m, const fmpq *x)
{
    size_t n = m->out.n, width = m->out.width;
    *q = (struct query){.store = store, .m = m, .n = n, .x = x};
    text_init(&q->line);
    fmpz_init(q->unit);
    fmpz_one(q->unit);
    fmpz_mul_2exp(q->unit, q->unit, m->out.scale);
    q->zero = _fmpq_vec_init((slong)n);
    q->point = _fmpq_vec_init((slong)n);
    q->X = _fmpz_vec_init((slong)n + 1);
    q->work = _fmpz_vec_init((slong)n + 1);
    q->gradients = _fmpz_vec_init((slong)(width * (n + 1)));
    q->values = _fmpz_vec_init((slong)width);
    q->rivals = mem_array(width, sizeof *q->rivals);
    homogeneous(q->X, x, q->zero, n);
    for (size_t j = 0; j < width; j++) {
        gradient(q->gradients + j * (n + 1), q->values + j, m->out.c + j * m->out.each, q->X, n);
        if (fmpz_cmp(q->values + j, q->values + q->a) > 0) q->a = j;
    }
    return q->rivals ? STATUS_OK : STATUS_MEMORY;
}

static void query_clear(struct query *q)
{
    size_t n = q->n, width = q->m->out.width;
    for (size_t i = 0; q->rivals && i < width; i++) rival_clear(&q->rivals[i], n);
    free(q->rivals);
    _fmpq_vec_clear(q->zero, (slong)n);
    _fmpq_vec_clear(q->point, (slong)n);
    _fmpz_vec_clear(q->X, (slong)n + 1);
    _fmpz_vec_clear(q->work, (slong)n + 1);
    _fmpz_vec_clear(q->gradients, (slong)(width * (n + 1)));
    _fmpz_vec_clear(q->values, (slong)width);
    fmpz_clear(q->unit);
    text_clear(&q->line);
}

/* ---- above: a point ---- */

/* Is output k at least the answer at x + q->point? Exactly. */
static bool overtakes(struct query *q, size_t k)
{
    fmpz_t a, b;
    fmpz *X = _fmpz_vec_init((slong)q->n + 1);
    fmpz_init(a);
    fmpz_init(b);
    homogeneous(X, q->x, q->point, q->n);
    gradient(q->work, a, q->m->out.c + q->a * q->m->out.each, X, q->n);
    gradient(q->work, b, q->m->out.c + k * q->m->out.each, X, q->n);
    bool yes = fmpz_cmp(b, a) >= 0;
    fmpz_clear(a);
    fmpz_clear(b);
    _fmpz_vec_clear(X, (slong)q->n + 1);
    return yes;
}

/* A short number that is not below the length of q->point. */
static void length_above(fmpq_t out, const struct query *q)
{
    fmpq_t sum, square;
    fmpq_init(sum);
    fmpq_init(square);
    for (size_t i = 0; i < q->n; i++) fmpq_addmul(sum, q->point + i, q->point + i);
    double d = sqrt(ratio(fmpq_numref(sum), fmpq_denref(sum)));
    fmpq_zero(out);
    if (fmpq_is_zero(sum)) d = 0;
    for (double room = exp2(-SHORT_BITS); !fmpq_is_zero(sum); room *= 2) {
        set_double(out, shortened(d * (1 + room)));
        fmpq_mul(square, out, out);
        if (fmpq_cmp(square, sum) >= 0) break;
    }
    fmpq_clear(sum);
    fmpq_clear(square);
}

static bool near_enough(const struct query *q, double most)
{
    fmpq_t sum;
    fmpq_init(sum);
    for (size_t i = 0; i < q->n; i++) fmpq_addmul(sum, q->point + i, q->point + i);
    bool near = sqrt(ratio(fmpq_numref(sum), fmpq_denref(sum))) <= most;
    fmpq_clear(sum);
    return near;
}

static bool usable(double distance) { return distance > 0x1p-900 && distance < exp2(RADIUS_CAP_BITS - 1); }

/* Points a little beyond the nearest zero, from close to far, and at it, rounded, where an output only touches the answer's; the first that is tested to be good. */
static bool point_beyond(struct query *q, const struct rival *r)
{
    static const struct { double beyond, grid; } tries[] = {{1e-10, 1e-10}, {1e-9, 1e-9}, {1e-8, 1e-8}, {1e-7, 1e-7}, {0, 1e-3}, {0, 1e-9}, {1e-5, 1e-5}, {1e-3, 1e-3}, {1e-1, 1e-1}};
    size_t n = q->n;
    double *u = mem_array(n, sizeof *u);
    if (!u) return false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) u[i] += r->p->V[i * n + j] * r->y[j];
    bool found = false;
    for (size_t k = 0; !found && k < sizeof tries / sizeof *tries; k++) {
        double step = exp2(floor(log2(r->distance / sqrt((double)n) * tries[k].grid / 64)));
        for (size_t i = 0; i < n; i++) {
            double z = round(u[i] * (1 + tries[k].beyond) / step) * step;
            if (!isfinite(z)) goto done;
            set_double(q->point + i, z);
        }
        found = near_enough(q, r->distance * (1 + 2 * tries[k].beyond + 1e-7)) && overtakes(q, r->k);
    }
done:
    free(u);
    return found;
}

/* Without biases all outputs are 0 at 0: u = -x. */
static bool point_at_origin(struct query *q, const struct rival *r)
{
    for (size_t i = 0; i < q->n; i++) fmpq_neg(q->point + i, q->x + i);
    return overtakes(q, r->k);
}

/* ---- below: a ball ---- */

/* The multipliers of all rivals on the ball of this radius, into q->line. */
static bool ball_holds(struct query *q, double radius)
{
    fmpq_t r2;
    struct text t;
    bool good = true;
    text_init(&t);
    fmpq_init(r2);
    set_double(r2, radius);
    fmpq_mul(r2, r2, r2);
    fmpz *m = _fmpz_vec_init((slong)q->m->out.each);
    for (size_t i = 0; good && i < q->n_rivals; i++) {
        const struct rival *r = &q->rivals[i];
        double room;
        bool clear;
        double lambda = ball_lambda(&(struct spectral){r->p->q, r->gamma, r->c, q->n}, radius, &room, &clear);
        good = lambda >= 0 && isfinite(lambda);
        if (good && clear && room > 0) lambda = short_between(lambda, room);
        if (good && !clear) {
            _fmpz_vec_sub(m, q->m->out.c + q->a * q->m->out.each, q->m->out.c + r->k * q->m->out.each, (slong)q->m->out.each);
            good = q->n <= BALLS_MOST && multiplier_holds(&(struct around){q->n, m, r->h, r->twice, q->X, q->unit}, r2, lambda);
        }
        if (!good || !isfinite(lambda)) {
            good = false;
            break;
        }
        fmpq_t l;
        fmpq_init(l);
        set_double(l, lambda);
        text_add(&t, " ");
        fraction_add_text(&t, l);
        fmpq_clear(l);
    }
    if (good) text_add(&q->line, t.data ? t.data : "");
    _fmpz_vec_clear(m, (slong)q->m->out.each);
    fmpq_clear(r2);
    q->line.failed = q->line.failed || t.failed;
    text_clear(&t);
    return good;
}

static double ball_within(struct query *q, double distance)
{
    static const double within[] = {1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1e-2, 0.5}, far[] = {64, 32, 16, 8, 4, 0, -4, -10};
    if (usable(distance))
        for (size_t k = 0; k < sizeof within / sizeof *within; k++) {
            double radius = shortened(distance * (1 - within[k]));
            if (radius > 0 && ball_holds(q, radius)) return radius;
        }
    for (size_t k = 0; !usable(distance) && k < sizeof far / sizeof *far; k++)
        if (ball_holds(q, exp2(far[k]))) return exp2(far[k]);
    text_add(&q->line, " -");
    return 0;
}

/* ---- one query ---- */

static enum status rivals_make(struct query *q, long target, struct diag *d)
{
    size_t width = q->m->out.width;
    if (target >= (long)width) return diag_fail(d, STATUS_INPUT, "radius: output %ld of a network of %zu", target, width);
    if (target == (long)q->a) return diag_fail(d, STATUS_INPUT, "radius: output %ld is the answer itself there", target);
    if (width < 2) return diag_fail(d, STATUS_INPUT, "radius: a network of one output has no other answer");
    for (size_t k = 0; k < width; k++) {
        if (k == q->a || (target >= 0 && (long)k != target)) continue;
        q->rivals[q->n_rivals++].k = k;
    }
    enum status status = STATUS_OK;
#pragma omp parallel for schedule(dynamic) if (q->n >= LARGE && !omp_in_parallel())
    for (size_t i = 0; i < q->n_rivals; i++) {
        enum status s = rival_make(&q->rivals[i], q, q->rivals[i].k);
        if (omp_get_thread_num() != 0) flint_cleanup();
#pragma omp critical(radius_status)
        if (s != STATUS_OK) status = s;
    }
    return status;
}

static bool tied(const struct query *q)
{
    bool any = false;
    for (size_t i = 0; i < q->n_rivals; i++) any = any || fmpz_is_zero(q->rivals[i].twice);
    return any;
}

/* " LO HI AT L ..." into rest, for what follows the key in the line. */
static enum status solve(struct text *rest, fmpq_t lo, fmpq_t hi, struct query *q)
{
    const struct rival *near = &q->rivals[0];
    bool tie = tied(q), point = tie;
    for (size_t i = 1; i < q->n_rivals; i++)
        if (q->rivals[i].distance < near->distance) near = &q->rivals[i];
    if (!tie) point = (usable(near->distance) && point_beyond(q, near)) || point_at_origin(q, near);
    fmpq_zero(lo);
    fmpq_zero(hi);
    if (point) length_above(hi, q);
    else set_double(hi, exp2(RADIUS_CAP_BITS));
    double ball = tie ? 0 : ball_within(q, near->distance);
    if (tie) text_add(&q->line, " -");
    set_double(lo, ball);
    text_add(rest, " ");
    fraction_add_text(rest, lo);
    text_add(rest, " ");
    fraction_add_text(rest, hi);
    text_add(rest, " ");
    if (point) fractions_add_text(rest, q->point, q->n);
    else text_add(rest, "-");
    text_add(rest, q->line.data ? q->line.data : "");
    return rest->failed || q->line.failed ? STATUS_MEMORY : STATUS_OK;
}

enum status radii_find(fmpq_t lo, fmpq_t hi, struct radii *store, const char *model, const struct net *net, const fmpq *x, long target, struct diag *d)
{
    struct text key, rest;
    struct radius_model *m = NULL;
    const struct found *f;
    enum status s;
    text_init(&key);
    text_init(&rest);
    text_addf(&key, "%s ", model);
    if (target < 0) text_add(&key, "* ");
    else text_addf(&key, "%ld ", target);
    fractions_add_text(&key, x, net->width_in);
    if (key.failed) return STATUS_MEMORY;
#pragma omp critical(radius_store)
    {
        s = shape_of(&m, store, model, net, -1);
        if ((f = find(store, key.data))) fmpq_set(lo, f->lo), fmpq_set(hi, f->hi);
    }
    if (s == STATUS_OK && !f) {
        struct query q;
        s = query_init(&q, store, m, x);
        if (s == STATUS_OK) s = rivals_make(&q, target, d);
        if (s == STATUS_OK) s = solve(&rest, lo, hi, &q);
        query_clear(&q);
#pragma omp critical(radius_store)
        if (s == STATUS_OK) s = keep(store, key.data, rest.data, lo, hi);
    }
    text_clear(&key);
    text_clear(&rest);
    return s;
}

static int by_key(const void *a, const void *b) { return strcmp(((const struct found *)a)->key, ((const struct found *)b)->key); }

enum status radii_lines(struct text *out, struct radii *r)
{
    if (r && r->n_found) qsort(r->found, r->n_found, sizeof *r->found, by_key);
    for (size_t i = 0; r && i < r->n_found; i++) text_addf(out, "radius %s", r->found[i].key), text_add(out, r->found[i].rest), text_add(out, "\n");
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}

size_t radii_count(const struct radii *r) { return r ? r->n_found : 0; }

double radii_upper(const struct radii *r, size_t i) { return ratio(fmpq_numref(r->found[i].hi), fmpq_denref(r->found[i].hi)); }
