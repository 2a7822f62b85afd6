/* html_explain.c: one input of a bilinear network explained: the input, the nearest other answer, their difference, and what the eigenvectors of the form
 * answer - rival contribute to the margin. Values are rounded for drawing; the point and the angles are exact and certified as far as the captions say. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "proofs/at_binding.h"
#include "proofs/html_basis.h"
#include "proofs/html_report.h"
#include "proofs/picture.h"
#include "verify/radius.h"

#define NEAREST_MOST 256       /* inputs of a network for which the nearest other answer is looked for here */
#define TILES 6
#define PANELS 3               /* for one binding */

/* What is explained: the network on x; other: another input, or NULL, which `what` names; target: the rival asked for, or -1. */
struct panel { struct text *out; struct shape shape; const char *name; const struct net *net; const struct outputs *o; fmpq *x, *other; const char *what; long target;
    fmpq *low, *high; size_t answer, rival; };

static void value_at(fmpq_t out, const struct panel *p, size_t k, const fmpq *x)
{
    size_t n = p->o->n;
    fmpz *X = _fmpz_vec_init((slong)n + 1), *h = _fmpz_vec_init((slong)n + 1);
    fmpq *zero = _fmpq_vec_init((slong)n);
    fmpz_t twice, unit;
    fmpz_init(twice), fmpz_init(unit);
    homogeneous(X, x, zero, n);
    gradient(h, twice, p->o->c + k * p->o->each, X, n);
    fmpz_mul(unit, X, X);
    fmpz_mul_2exp(unit, unit, p->o->scale + 1);
    fmpq_set_fmpz_frac(out, twice, unit);
    fmpz_clear(twice), fmpz_clear(unit);
    _fmpq_vec_clear(zero, (slong)n);
    _fmpz_vec_clear(X, (slong)n + 1), _fmpz_vec_clear(h, (slong)n + 1);
}

/* The first of the largest outputs at x, or of those but `not`. */
static size_t largest(const struct panel *p, const fmpq *x, size_t not)
{
    size_t best = SIZE_MAX;
    fmpq_t y, most;
    fmpq_init(y), fmpq_init(most);
    for (size_t k = 0; k < p->o->width; k++) {
        if (k == not) continue;
        value_at(y, p, k, x);
        if (best != SIZE_MAX && fmpq_cmp(y, most) <= 0) continue;
        best = k;
        fmpq_set(most, y);
    }
    fmpq_clear(y), fmpq_clear(most);
    return best;
}

static double margin_at(const struct panel *p, const fmpq *x)
{
    fmpq_t a, b;
    fmpq_init(a), fmpq_init(b);
    value_at(a, p, p->answer, x);
    value_at(b, p, p->rival, x);
    fmpq_sub(a, a, b);
    double m = ratio(fmpq_numref(a), fmpq_denref(a));
    fmpq_clear(a), fmpq_clear(b);
    return m;
}

/* The nearest input with another answer becomes `other`, when there is one and it is looked for. */
static void nearest(struct panel *p)
{
    size_t n = p->o->n;
    struct radii *store = n <= NEAREST_MOST ? radii_new() : NULL;
    struct diag d;
    fmpq_t lo, hi;
    if (!store) return;
    fmpq_init(lo), fmpq_init(hi);
    diag_init(&d);
    fmpq *u = _fmpq_vec_init((slong)n);
    if (radii_find(lo, hi, store, p->name, p->net, p->x, p->target, p->low, p->high, &d) == STATUS_OK && radii_point(u, store, p->name, n, p->x, p->target, p->low, p->high)) {
        for (size_t i = 0; i < n; i++) fmpq_add(u + i, u + i, p->x + i);
        p->other = u;
        p->what = p->low ? "nearest input of the box with another answer" : "nearest input with another answer";
    } else _fmpq_vec_clear(u, (slong)n);
    diag_clear(&d);
    fmpq_clear(lo), fmpq_clear(hi);
    radii_free(store);
}

static double *doubles(const fmpq *x, size_t n)
{
    double *out = mem_array(n, sizeof *out);
    for (size_t i = 0; out && i < n; i++) out[i] = ratio(fmpq_numref(x + i), fmpq_denref(x + i));
    return out;
}

static void draw(const struct panel *p, const double *x, bool bright, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void draw(const struct panel *p, const double *x, bool bright, const char *format, ...)
{
    char title[200];
    va_list args;
    va_start(args, format);
    vsnprintf(title, sizeof title, format, args);
    va_end(args);
    vector_add(p->out, x, p->o->n, p->shape, bright, title);
}

struct share { size_t i; double here, there; };

static int by_share(const void *a, const void *b)
{
    const struct share *x = a, *y = b;
    double s = fabs(x->here - x->there) + fabs(x->here), t = fabs(y->here - y->there) + fabs(y->here);
    return (s < t) - (s > t);
}

static double product(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Bars: the first eigenvectors, all others together, the linear terms, the constant. */
static void bars_of(const struct panel *p, const struct share *all, size_t n, size_t shown, const double *rest, bool there)
{
    const char *names[TILES + 3], *const last[] = {"others", "linear", "const"};
    char words[TILES][24];
    double values[TILES + 3] = {0};
    for (size_t i = 0; i < shown; i++) {
        snprintf(words[i], sizeof words[i], "v%zu", all[i].i);
        names[i] = words[i];
        values[i] = there ? all[i].there : all[i].here;
    }
    for (size_t i = shown; i < n; i++) values[shown] += there ? all[i].there : all[i].here;
    for (size_t i = 0; i < 3; i++) names[shown + i] = last[i];
    values[shown + 1] = rest[0], values[shown + 2] = rest[1];
    bars_add(p->out, there ? "what they contribute at the other input" : "what they contribute to the margin at the input", values, shown + 3, SIZE_MAX, "", SIZE_MAX, "", names);
}

/* m: answer - rival times 2^scale */
static void contributions(const struct panel *p, const fmpz *m, const double *x, const double *y)
{
    size_t n = p->o->n, shown = n < TILES ? n : TILES;
    struct drawn_basis b;
    struct share *all = mem_array(n, sizeof *all);
    fmpz_t unit;
    if (!all || !basis_make(&b, m, p->o->scale, n)) {
        free(all);
        return;
    }
    fmpz_init(unit);
    fmpz_one(unit);
    fmpz_mul_2exp(unit, unit, p->o->scale);
    double here[2] = {0, ratio(m, unit)}, there[2] = {0, here[1]};
    for (size_t i = 0; i < n; i++) {
        double s = product(b.V + i * n, x, n), t = y ? product(b.V + i * n, y, n) : s, g = ratio(m + i + 1, unit);
        all[i] = (struct share){i, b.q[i] * s * s, b.q[i] * t * t};
        here[0] += g * x[i];
        if (y) there[0] += g * y[i];
    }
    qsort(all, n, sizeof *all, by_share);
    bars_of(p, all, n, shown, here, false);
    if (y) bars_of(p, all, n, shown, there, true);
    for (size_t i = 0; i < shown; i++) {
        struct text title;
        text_init(&title);
        text_addf(&title, "v%zu: %+.4g", all[i].i, all[i].here);
        if (y) text_addf(&title, " (other input %+.4g)", all[i].there);
        text_add(&title, "; ");
        basis_say(&title, &b, all[i].i);
        if (title.data) vector_add(p->out, b.V + all[i].i * n, n, p->shape, false, title.data);
        text_clear(&title);
    }
    fmpz_clear(unit);
    basis_clear(&b);
    free(all);
}

static void describe(struct panel *p, const double *x, const double *y)
{
    size_t n = p->o->n;
    double distance = 0;
    text_addf(p->out, "<p><b>why</b> ");
    html_add(p->out, p->name);
    text_addf(p->out, " answers %zu here: output %zu leads output %zu by %.6g", p->answer, p->answer, p->rival, margin_at(p, p->x));
    for (size_t i = 0; y && i < n; i++) distance += (y[i] - x[i]) * (y[i] - x[i]);
    if (y) text_addf(p->out, "; the lead is %.3g at the %s, %.6g away", margin_at(p, p->other), p->what, sqrt(distance));
    text_add(p->out, ". The margin is a sum over the eigenvectors v of the form of the difference, eigenvalue times (v . x)<sup>2</sup>, with linear terms and a constant "
             "<span class='soft'>(rounded figures; v0 has the smallest eigenvalue)</span></p>\n<div class='pics'>");
}

static void panel_draw(struct panel *p)
{
    size_t n = p->o->n;
    p->answer = largest(p, p->x, SIZE_MAX);
    if (!p->other) nearest(p);
    p->rival = p->target >= 0 && (size_t)p->target != p->answer ? (size_t)p->target : largest(p, p->other ? p->other : p->x, p->answer);
    if (p->rival == SIZE_MAX) return;
    double *x = doubles(p->x, n), *y = p->other ? doubles(p->other, n) : NULL, *difference = mem_array(n, sizeof *difference);
    fmpz *m = _fmpz_vec_init((slong)p->o->each);
    if (x && difference && (y || !p->other)) {
        describe(p, x, y);
        draw(p, x, true, "the input, answer %zu", p->answer);
        if (y) draw(p, y, true, "%s, answer %zu", p->what, largest(p, p->other, SIZE_MAX));
        for (size_t i = 0; y && i < n; i++) difference[i] = y[i] - x[i];
        if (y) draw(p, difference, false, "their difference");
        _fmpz_vec_sub(m, p->o->c + p->answer * p->o->each, p->o->c + p->rival * p->o->each, (slong)p->o->each);
        contributions(p, m, x, y);
        text_add(p->out, "</div>\n");
    }
    _fmpz_vec_clear(m, (slong)p->o->each);
    free(x), free(y), free(difference);
}

/* ---- what a claim asks ---- */

struct asked { struct text *out; const struct run_record *run; struct at_binding at; size_t drawn; const struct expr *calls[PANELS]; };

static void panel_clear(struct panel *p, size_t n)
{
    fmpq *all[] = {p->x, p->other, p->low, p->high};
    for (size_t i = 0; i < 4; i++)
        if (all[i]) _fmpq_vec_clear(all[i], (slong)n);
}

/* The outputs of the model as polynomials, and the panel on them; takes the vectors. */
static void panel_of(struct asked *a, struct panel p)
{
    struct outputs o = {0};
    struct text why;
    const struct model *model = statement_model(a->at.s, p.name);
    text_init(&why);
    if (model && p.x && model->net.n_ctx == 1 && model->net.width_in && outputs_possible(&model->net, -1, &why) && outputs_make(&o, &model->net, -1) == STATUS_OK && o.width > 1) {
        p.out = a->out, p.net = &model->net, p.o = &o, p.shape = html_shape(a->run, o.n);
        panel_draw(&p);
        a->drawn++;
    }
    text_clear(&why);
    panel_clear(&p, model ? model->net.width_in : 0);
    outputs_clear(&o);
}

static bool again(const struct asked *a, const struct expr *e)
{
    for (size_t i = 0; i < a->drawn; i++)
        if (expr_equal(a->calls[i]->args[0], e->args[0]) && expr_equal(a->calls[i]->args[1], e->args[1])) return true;
    return false;
}

/* output(M, x), radius(M, x), radius(M, x, j), both with a box, flip(M, x, v): at x. */
static bool visit(const struct expr *e, void *context)
{
    struct asked *a = context;
    bool distance = expr_calls(e, FUNCTION_RADIUS);
    if (a->drawn == PANELS || !(distance || expr_calls(e, FUNCTION_OUTPUT) || expr_calls(e, FUNCTION_FLIP)) || e->n_args < 2) return true;
    const struct model *model = e->args[0]->form == FORM_NAME ? statement_model(a->at.s, e->args[0]->name) : NULL;
    if (!model || again(a, e)) return true;
    size_t n = model->net.width_in, one = e->n_args % 2;         /* radius: 2 or 4 arguments without a target, 3 or 5 with one */
    struct panel p = {.name = e->args[0]->name, .x = at_binding_vector(&a->at, e->args[1], n, false), .target = -1};
    struct diag d;
    diag_init(&d);
    if (distance && one && p.x && (!at_binding_knows(&a->at, e->args[2]) || interp_int(&p.target, a->at.in, e->args[2], &d) != STATUS_OK)) p.target = -1;
    diag_clear(&d);
    if (distance && e->n_args > 3 && p.x) {
        p.low = at_binding_vector(&a->at, e->args[2 + one], n, true), p.high = at_binding_vector(&a->at, e->args[3 + one], n, true);
        if (!p.low || !p.high) return panel_clear(&p, n), true;
    }
    a->calls[a->drawn] = e;
    panel_of(a, p);
    return true;
}

static bool same(const fmpq *a, const fmpq *b, size_t n)
{
    size_t i = 0;
    while (i < n && fmpq_equal(a + i, b + i)) i++;
    return i == n;
}

/* A claim of all points of a ball: at its centre, with the point of the counterexample. */
static bool ball(struct asked *a)
{
    struct ball_claim claim;
    struct ball_case c;
    struct text why;
    struct diag d;
    text_init(&why);
    bool is = a->at.s->body == BODY_PROVE && a->at.binds->n > 0 && a->at.b->n_parts + 1 >= a->at.binds->n && ball_claim_of(&claim, a->at.s, &why) && claim.ball->function == FUNCTION_BALL && claim.model->form == FORM_NAME;
    const struct model *model = is ? statement_model(a->at.s, claim.model->name) : NULL;
    text_clear(&why);
    if (!model || !model->net.width_in || ball_case_init(&c, model->net.width_in, model->net.nodes[model->net.output].width) != STATUS_OK) return false;
    size_t n = model->net.width_in;
    diag_init(&d);
    is = ball_case_read(&c, &claim, a->at.in, &d) == STATUS_OK;
    if (is) {
        const char *text = at_binding_text(&a->at, claim.slot);
        struct panel p = {.name = claim.model->name, .x = _fmpq_vec_init((slong)n), .target = -1};
        for (size_t i = 0; i < n; i++) fmpq_add(p.x + i, c.shift + i, c.centre + i);
        if (text && a->at.b->n_parts) {
            p.other = _fmpq_vec_init((slong)n), p.what = "input of the claim";
            bool read = fractions_read(p.other, n, text);
            for (size_t i = 0; i < n; i++) fmpq_add(p.other + i, p.other + i, c.shift + i);
            if (!read || same(p.other, p.x, n)) _fmpq_vec_clear(p.other, (slong)n), p.other = NULL;
        }
        panel_of(a, p);
    }
    ball_case_clear(&c);
    diag_clear(&d);
    return is;
}

void html_explain(struct text *out, const struct run_record *run, const struct result *r, const struct binding *b)
{
    struct asked a = {.out = out, .run = run};
    if (r->statement->semantics != SEMANTICS_REAL || !at_binding_open(&a.at, r->statement, b)) return;
    if (!ball(&a)) (void)expr_walk(r->statement->subject, visit, &a);
    at_binding_close(&a.at);
}
