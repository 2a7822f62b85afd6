/* interp_line.c: bilinear networks along a line and on average, exactly: distance, flip, changes. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/interp_parts.h"
#include "verify/quadratic.h"
#include "verify/radius.h"
#include "verify/roots.h"

static enum status outputs_of(const struct outputs **o, struct interp *in, const struct expr *e, const struct expr *name)
{
    const struct model *model = statement_model(in->s, name->name);
    if (!model || !in->s->radii) return interp_fail(in, e, "no network for this model");
    return radii_outputs(o, in->s->radii, name->name, &model->net, -1, false);
}

/* ---- distance ---- */

/* Coefficient `at` of output k of a, less that of b. */
static void difference(fmpq_t out, const struct outputs *a, const struct outputs *b, size_t k, size_t at)
{
    fmpq_t t;
    fmpq_init(t);
    fmpz_set(fmpq_numref(out), a->c + k * a->each + at);
    fmpz_one(fmpq_denref(out));
    fmpq_div_2exp(out, out, a->scale);
    fmpz_set(fmpq_numref(t), b->c + k * b->each + at);
    fmpq_div_2exp(t, t, b->scale);
    fmpq_sub(out, out, t);
    fmpq_clear(t);
}

/* Mean square of x'Ax + g'x + c (docs/methods.md): Gaussian 2 tr A^2 + (tr A)^2 + |g|^2 + 2 c tr A + c^2, on the sphere the parts of degree four over n (n + 2), of two over n. */
static void mean_square(fmpq_t out, const struct outputs *a, const struct outputs *b, size_t k, bool sphere)
{
    size_t n = a->n;
    fmpq_t x, c, four, two, trace;
    fmpq_init(x), fmpq_init(c), fmpq_init(four), fmpq_init(two), fmpq_init(trace);
    difference(c, a, b, k, 0);
    for (size_t i = 1; i <= n; i++)
        for (size_t j = i; j <= n; j++) {
            difference(x, a, b, k, monomial(n, i, j));
            if (i == j) fmpq_add(trace, trace, x);
            fmpq_mul(x, x, x);
            if (i == j) fmpq_add(x, x, x);
            fmpq_add(four, four, x);            /* 2 tr A^2: of 2 A_ij^2 counted twice beside the diagonal, where the coefficient is 2 A_ij */
        }
    fmpq_addmul(four, trace, trace);
    for (size_t i = 1; i <= n; i++) {
        difference(x, a, b, k, monomial(n, 0, i));
        fmpq_addmul(two, x, x);
    }
    fmpq_mul(x, c, trace);
    fmpq_add(two, two, x);
    fmpq_add(two, two, x);
    if (sphere) {
        fmpz_t f;
        fmpz_init_set_ui(f, n);
        fmpq_div_fmpz(two, two, f);
        fmpz_mul_ui(f, f, n + 2);
        fmpq_div_fmpz(four, four, f);
        fmpz_clear(f);
    }
    fmpq_add(out, four, two);
    fmpq_addmul(out, c, c);
    fmpq_clear(x), fmpq_clear(c), fmpq_clear(four), fmpq_clear(two), fmpq_clear(trace);
}

enum status distance_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct outputs *a = NULL, *b = NULL;
    enum status s = outputs_of(&a, in, e, e->args[0]);
    if (s == STATUS_OK) s = outputs_of(&b, in, e, e->args[1]);
    if (s == STATUS_OK) s = outputs_of(&a, in, e, e->args[0]);      /* the store may have moved */
    if (s != STATUS_OK) return s;
    if (a->n != b->n || a->width != b->width) return interp_fail(in, e, "distance is of two networks with as many inputs and outputs");
    fmpz *num = value_shape(out, 1, &a->width) ? value_make_exact(out) : NULL;
    if (!num) return STATUS_MEMORY;
    fmpq *v = _fmpq_vec_init((slong)a->width);
    fmpz_one(out->den);
    for (size_t k = 0; k < a->width; k++) {
        mean_square(v + k, a, b, k, strcmp(e->args[2]->name, "sphere") == 0);
        fmpz_lcm(out->den, out->den, fmpq_denref(v + k));
    }
    for (size_t k = 0; k < a->width; k++) {
        fmpz_divexact(num + k, out->den, fmpq_denref(v + k));
        fmpz_mul(num + k, num + k, fmpq_numref(v + k));
    }
    _fmpq_vec_clear(v, (slong)a->width);
    return STATUS_OK;
}

/* ---- along a line ---- */

/* The least s >= 0 at which another output is as large as the answer at s = 0; false: none. */
static bool first_flip(struct root *best, const fmpq *q, size_t width)
{
    struct root zero, two[2];
    size_t answer = 0;
    bool found = false;
    fmpq *d = _fmpq_vec_init(3);
    root_init(&zero), root_init(&two[0]), root_init(&two[1]);
    for (size_t k = 1; k < width; k++)
        if (fmpq_cmp(q + 3 * k, q + 3 * answer) > 0) answer = k;
    for (size_t k = 0; k < width; k++) {
        if (k == answer) continue;
        difference_on_line(d, q + 3 * answer, q + 3 * k);
        bool always = fmpq_is_zero(d) && fmpq_is_zero(d + 1) && fmpq_is_zero(d + 2);
        int n = always ? 1 : roots_of(two, d);
        if (always) root_copy(&two[0], &zero);
        for (int m = 0; m < n; m++) {
            if (root_compare(&two[m], &zero) < 0 || (found && root_compare(&two[m], best) >= 0)) continue;
            root_copy(best, &two[m]);
            found = true;
        }
    }
    root_clear(&zero), root_clear(&two[0]), root_clear(&two[1]);
    _fmpq_vec_clear(d, 3);
    return found;
}

/* p + sign sqrt(r), or 2^64 where it is larger. */
static void root_ball(arb_t y, const struct root *x, slong prec)
{
    arb_t p;
    arb_init(p);
    arb_set_fmpq(y, &x->r, prec + 20);
    arb_sqrt(y, y, prec + 20);
    if (x->sign < 0) arb_neg(y, y);
    arb_set_fmpq(p, &x->p, prec + 20);
    arb_add(y, y, p, prec);
    arb_one(p);
    arb_mul_2exp_si(p, p, RADIUS_CAP_BITS);
    arb_min(y, y, p, prec);
    arb_clear(p);
}

static enum status set_rational(struct value *out, const fmpq_t x)
{
    fmpz *num = value_shape(out, 0, NULL) ? value_make_exact(out) : NULL;
    if (!num) return STATUS_MEMORY;
    fmpz_set(num, fmpq_numref(x));
    fmpz_set(out->den, fmpq_denref(x));
    return STATUS_OK;
}

/* A rational root is that number, exactly. */
static enum status set_flip(struct value *out, struct interp *in, const fmpq *q, size_t width)
{
    struct root x;
    fmpq_t cap;
    root_init(&x);
    fmpq_init(cap);
    fmpq_one(cap);
    fmpq_mul_2exp(cap, cap, RADIUS_CAP_BITS);
    enum status s;
    if (!first_flip(&x, q, width)) s = set_rational(out, cap);
    else if (x.sign == 0) s = set_rational(out, fmpq_cmp(&x.p, cap) < 0 ? &x.p : cap);
    else {
        arb_t y;
        arb_init(y);
        root_ball(y, &x, in->prec ? in->prec : 128);
        s = set_balls(out, in, y, 0, 1);
        arb_clear(y);
    }
    fmpq_clear(cap);
    root_clear(&x);
    return s;
}

static enum status exact_vector(fmpq **out, size_t n, struct interp *in, const struct expr *e)
{
    size_t size = 0;
    bool scalar = false;
    enum status s = interp_exact(out, &size, &scalar, in, e, in->d);
    return s == STATUS_UNSUPPORTED || (s == STATUS_OK && (scalar || size != n)) ? interp_fail(in, e, "a vector of %zu exact numbers was expected", n) : s;
}

void changes_key(struct text *out, const char *model, const fmpq *x, const fmpq *y, size_t n)
{
    text_addf(out, "%s ", model);
    fractions_add_text(out, x, n);
    text_add(out, " ");
    fractions_add_text(out, y, n);
}

/* v: the other end of the segment. Where the changes are is kept for the certificate, when it asks. */
static enum status set_changes(struct value *out, struct interp *in, const struct outputs *o, const char *model, const fmpq *x, fmpq *v)
{
    struct text key, line;
    long changes = 0;
    text_init(&key);
    text_init(&line);
    bool note = radii_notes_changes(in->s->radii);
    if (note) changes_key(&key, model, x, v, o->n);
    for (size_t i = 0; i < o->n; i++) fmpq_sub(v + i, v + i, x + i);
    fmpq *q = outputs_on_line(o, x, v);
    enum status s = count_changes(&changes, note ? &line : NULL, q, o->width);
    if (s == STATUS_OK && note) s = key.failed || line.failed ? STATUS_MEMORY : radii_keep_changes(in->s->radii, key.data, line.data);
    if (s == STATUS_OK) s = value_set_int(out, changes) ? STATUS_OK : STATUS_MEMORY;
    _fmpq_vec_clear(q, (slong)(3 * o->width));
    text_clear(&key);
    text_clear(&line);
    return s;
}

/* flip(N, x, v), changes(N, x, y) */
enum status line_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct outputs *o = NULL;
    fmpq *x = NULL, *v = NULL;
    enum status s = outputs_of(&o, in, e, e->args[0]);
    size_t n = s == STATUS_OK ? o->n : 0;
    if (s == STATUS_OK) s = exact_vector(&x, n, in, e->args[1]);
    if (s == STATUS_OK) s = exact_vector(&v, n, in, e->args[2]);
    if (s == STATUS_OK) s = outputs_of(&o, in, e, e->args[0]);
    if (s == STATUS_OK && e->function == FUNCTION_CHANGES) s = set_changes(out, in, o, e->args[0]->name, x, v);
    else if (s == STATUS_OK) {
        fmpq *q = outputs_on_line(o, x, v);
        s = set_flip(out, in, q, o->width);
        _fmpq_vec_clear(q, (slong)(3 * o->width));
    }
    if (x) _fmpq_vec_clear(x, (slong)n);
    if (v) _fmpq_vec_clear(v, (slong)n);
    return s;
}
