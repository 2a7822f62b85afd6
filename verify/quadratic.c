/* quadratic.c: the engine for bilinear networks on balls and boxes (quadratic_cells.c), here on l2 balls. Every form (a difference of outputs) is m(x) = x'Qx + g'x + c with exact coefficients; m > 0
 * on the closed ball exactly when some multiplier lambda >= 0 makes a matrix positive definite (docs/methods.md). This file finds lambda, or a point of
 * the ball where m <= 0; the checker tests the one, and the point is tested exactly here. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/quadratic_solver.h"

#define KEPT 256         /* decompositions of quadratic parts */

static enum status solver_init(struct solver *s, const struct ball_claim *b, const struct net *net, const struct limits *l)
{
    *s = (struct solver){.b = *b, .limits = l, .work = 4e10, .kept = mem_array(KEPT, sizeof *s->kept)};
    text_init(&s->cases);
    struct text why;
    text_init(&why);
    enum status status = outputs_possible(net, -1, &why) ? outputs_make(&s->out, net, -1) : deep_outputs(&s->out, &s->inner, net);
    size_t n = net->width_in, most = s->out.n > n ? s->out.n : n;
    text_clear(&why);
    if (status != STATUS_OK || (status = ball_case_init(&s->c, n, s->out.width)) != STATUS_OK) return status;
    s->X = _fmpz_vec_init((slong)n + 1);
    s->h = _fmpz_vec_init((slong)most + 1);
    s->gradients = _fmpz_vec_init((slong)(s->out.width * (n + 1)));
    s->values = _fmpz_vec_init((slong)s->out.width);
    s->m = _fmpz_vec_init((slong)s->out.each);
    s->point = _fmpq_vec_init((slong)n);
    s->A = mem_array(n * n, sizeof *s->A);
    s->gamma = mem_array(n, sizeof *s->gamma);
    s->g = mem_array(n, sizeof *s->g);
    s->y = mem_array(n, sizeof *s->y);
    s->u = mem_array(n, sizeof *s->u);
    return s->kept && s->A && s->gamma && s->g && s->y && s->u ? STATUS_OK : STATUS_MEMORY;
}

static void solver_clear(struct solver *s)
{
    size_t n = s->c.n, most = s->out.n > n ? s->out.n : n;
    for (size_t i = 0; i < s->n_kept; i++) {
        _fmpq_vec_clear(s->kept[i].v, (slong)s->out.width + 1);
        eigen_clear(&s->kept[i].e);
    }
    free(s->kept);
    if (s->c.shift) ball_case_clear(&s->c);
    if (s->X) {
        _fmpz_vec_clear(s->X, (slong)n + 1);
        _fmpz_vec_clear(s->h, (slong)most + 1);
        _fmpz_vec_clear(s->gradients, (slong)(s->out.width * (n + 1)));
        _fmpz_vec_clear(s->values, (slong)s->out.width);
        _fmpz_vec_clear(s->m, (slong)s->out.each);
        _fmpq_vec_clear(s->point, (slong)n);
    }
    outputs_clear(&s->out);
    outputs_clear(&s->inner);
    free(s->A), free(s->gamma), free(s->g), free(s->y), free(s->u);
    text_clear(&s->cases);
}

/* ---- exact parts ---- */

static void at_centre(struct solver *s)
{
    size_t n = s->c.n;
    homogeneous(s->X, s->c.shift, s->c.centre, n);
    for (size_t j = 0; j < s->out.width; j++) gradient(s->gradients + j * (n + 1), s->values + j, s->out.c + j * s->out.each, s->X, n);
}

void form_scale(fmpz_t out, const struct margin *f, size_t width)
{
    fmpz_one(out);
    for (size_t j = 0; j <= width; j++) fmpz_lcm(out, out, fmpq_denref(f->v + j));
}

static void scaled(fmpz_t out, const fmpq_t x, const fmpz_t scale)
{
    fmpz_divexact(out, scale, fmpq_denref(x));
    fmpz_mul(out, out, fmpq_numref(x));
}

void form_polynomial(struct solver *s, const struct margin *f, const fmpz_t scale)
{
    fmpz_t t;
    fmpz_init(t);
    _fmpz_vec_zero(s->m, (slong)s->out.each);
    for (size_t j = 0; j <= s->out.width; j++) {
        scaled(t, f->v + j, scale);
        if (j < s->out.width) _fmpz_vec_scalar_addmul_fmpz(s->m, s->out.c + j * s->out.each, (slong)s->out.each, t);
        else fmpz_mul_2exp(t, t, s->out.scale), fmpz_add(s->m, s->m, t);
    }
    fmpz_clear(t);
}

static bool not_positive(int sign, bool strict) { return strict ? sign <= 0 : sign < 0; }

bool fails_at(struct solver *s, const struct margin *f, const fmpq *d)
{
    if (!region_has(&s->c, d)) return false;
    fmpz_t scale, twice;
    size_t n = s->out.n;
    fmpz *X = _fmpz_vec_init((slong)n + 1);
    fmpz_init(scale);
    fmpz_init(twice);
    form_scale(scale, f, s->out.width);
    form_polynomial(s, f, scale);
    if (s->inner.c) {
        fmpq *h = _fmpq_vec_init((slong)n), *zero = _fmpq_vec_init((slong)n);
        deep_row(h, s, d);
        homogeneous(X, h, zero, n);
        _fmpq_vec_clear(h, (slong)n);
        _fmpq_vec_clear(zero, (slong)n);
    } else homogeneous(X, s->c.shift, d, n);
    gradient(s->h, twice, s->m, X, n);
    bool fails = not_positive(fmpz_sgn(twice), f->strict);
    _fmpz_vec_clear(X, (slong)n + 1);
    fmpz_clear(scale);
    fmpz_clear(twice);
    return fails;
}

/* ---- in doubles ---- */

static bool same_quadratic_part(const fmpq *a, const fmpq *b, size_t width)
{
    for (size_t j = 0; j < width; j++)
        if (!fmpq_equal(a + j, b + j)) return false;
    return true;
}

static const struct kept *decompose(struct solver *s, const struct margin *f, const fmpz_t scale)
{
    size_t n = s->out.n, width = s->out.width;
    for (size_t i = 0; i < s->n_kept; i++)
        if (same_quadratic_part(s->kept[i].v, f->v, width)) return &s->kept[i];
    form_polynomial(s, f, scale);
    fmpz_t unit;
    fmpz_init(unit);
    fmpz_mul_2exp(unit, scale, s->out.scale);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) s->A[i * n + j] = s->A[j * n + i] = ratio(s->m + monomial(n, i + 1, j + 1), unit) / (i == j ? 1 : 2);
    fmpz_clear(unit);
    struct eigen e;
    if (!eigen_make(&e, s->A, n)) return NULL;
    struct kept *k = &s->kept[s->n_kept < KEPT ? s->n_kept : KEPT - 1];
    if (s->n_kept < KEPT) s->n_kept++, k->v = _fmpq_vec_init((slong)width + 1);
    else eigen_clear(&k->e);
    for (size_t j = 0; j <= width; j++) fmpq_set(k->v + j, f->v + j);
    k->e = e;
    return k;
}

/* Points near the centre plus u, from few digits to many, a little inside the ball or not; the first at which the form fails. */
static bool find_point(struct solver *s, const struct margin *f, double r)
{
    static const struct { int bits; bool inside; } tries[] = {{8, true}, {14, true}, {24, true}, {2, false}, {10, false}, {24, false}, {48, true}, {48, false}};
    size_t n = s->c.n;
    for (size_t k = 0; k < sizeof tries / sizeof *tries; k++) {
        double step = exp2(floor(log2(r / sqrt((double)n))) - tries[k].bits), shrink = tries[k].inside ? 1 - exp2(-tries[k].bits) : 1;
        for (size_t i = 0; i < n; i++)
            if (!isfinite(step) || !isfinite(s->u[i] / step) || !isfinite(s->u[i])) return false;   /* numbers beyond doubles: nothing is found */
        for (size_t i = 0; i < n; i++) {
            mpq_t x;
            mpq_init(x);
            mpq_set_d(x, round(s->u[i] * shrink / step) * step);
            fmpq_set_mpq(s->point + i, x);
            fmpq_add(s->point + i, s->point + i, s->c.centre + i);
            mpq_clear(x);
        }
        if (fails_at(s, f, s->point)) return true;
    }
    return false;
}

static bool ball_multiplier(struct solver *s, const struct margin *f, const fmpz_t scale, const fmpz *h, const fmpz_t twice, double lambda)
{
    fmpz_t unit;
    fmpz_init(unit);
    fmpz_mul_2exp(unit, scale, s->out.scale);
    form_polynomial(s, f, scale);
    bool holds = multiplier_holds(&(struct around){s->c.n, s->m, h, twice, s->X, unit}, s->c.radius2, lambda);
    fmpz_clear(unit);
    return holds;
}

/* h, twice: gradient and twice the value of the form at the centre, times unit and powers of X[0] */
static void form_at_centre(struct solver *s, const struct margin *f, const fmpz_t scale, fmpz_t twice)
{
    size_t n = s->c.n;
    fmpz_t t;
    fmpz_init(t);
    _fmpz_vec_zero(s->h, (slong)n + 1);
    fmpz_zero(twice);
    for (size_t j = 0; j <= s->out.width; j++) {
        scaled(t, f->v + j, scale);
        if (j < s->out.width) {
            _fmpz_vec_scalar_addmul_fmpz(s->h, s->gradients + j * (n + 1), (slong)n + 1, t);
            fmpz_addmul(twice, s->values + j, t);
            continue;
        }
        fmpz_mul_2exp(t, t, s->out.scale + 1);
        fmpz_mul(t, t, s->X);
        fmpz_addmul(twice, t, s->X);
    }
    fmpz_clear(t);
}

struct local { double c, r, size; };

/* gamma, c, r of the form around the centre, in the basis of its eigenvectors; size: of the terms that make its value */
static struct local localise(struct solver *s, const struct kept *k, const fmpz_t scale, const fmpz_t twice)
{
    size_t n = s->c.n;
    fmpz_t unit, t;
    fmpz_init(unit);
    fmpz_init(t);
    fmpz_mul_2exp(unit, scale, s->out.scale);
    fmpz_mul(unit, unit, s->X);
    for (size_t i = 0; i < n; i++) s->g[i] = ratio(s->h + i + 1, unit);
    fmpz_mul(t, unit, s->X);
    struct local l = {.c = ratio(twice, t) / 2, .r = sqrt(ratio(fmpq_numref(s->c.radius2), fmpq_denref(s->c.radius2)))};
    l.size = fabs(l.c);
    eigen_into(s->gamma, &k->e, s->g);
    for (size_t i = 0; i < n; i++) l.size += fabs(s->gamma[i]) * l.r + fabs(k->e.q[i]) * l.r * l.r;
    fmpz_clear(unit);
    fmpz_clear(t);
    return l;
}

/* Decides one form. HOLDS: *lambda is its multiplier; FAILS: s->point is in the ball. */
static enum status one_form(enum answer *out, double *lambda, struct solver *s, const struct margin *f)
{
    size_t n = s->c.n;
    fmpz_t scale, twice;
    fmpz_init(scale);
    fmpz_init(twice);
    *out = OPEN;
    form_scale(scale, f, s->out.width);
    const struct kept *k = decompose(s, f, scale);
    form_at_centre(s, f, scale, twice);
    if (k && not_positive(fmpz_sgn(twice), f->strict)) {
        for (size_t i = 0; i < n; i++) fmpq_set(s->point + i, s->c.centre + i);
        *out = FAILS;
    } else if (k) {
        struct local l = localise(s, k, scale, twice);
        struct region m = region_minimum(s->y, k->e.q, s->gamma, l.c, l.r, n);
        double w = m.value / (2 * l.r * l.r);      /* the dual loses at most r^2 a unit: half its value is left within w */
        if (m.value > UNCLEAR * l.size) {
            *lambda = short_between(m.lambda, w);
            *out = isfinite(*lambda) && *lambda >= 0 ? HOLDS : OPEN;
        } else {
            eigen_back(s->u, &k->e, s->y);
            fmpz *h = _fmpz_vec_init((slong)n + 1);
            _fmpz_vec_set(h, s->h, (slong)n + 1);
            *lambda = m.lambda;
            if (find_point(s, f, l.r)) *out = FAILS;
            else if (isfinite(m.lambda) && m.lambda >= 0 && ball_multiplier(s, f, scale, h, twice, m.lambda)) *out = HOLDS;
            _fmpz_vec_clear(h, (slong)n + 1);
        }
    }
    fmpz_clear(scale);
    fmpz_clear(twice);
    return k ? STATUS_OK : STATUS_MEMORY;
}

/* ---- cases ---- */

/* A whole l2 ball: one multiplier a form, into line. */
static enum status ball_decide(enum answer *out, struct text *line, struct solver *s)
{
    enum status status = STATUS_OK;
    *out = HOLDS;
    at_centre(s);
    for (size_t i = 0; i < s->c.n_forms && *out != FAILS && status == STATUS_OK; i++) {
        enum answer here;
        double lambda;
        status = one_form(&here, &lambda, s, &s->c.forms[i]);
        if (here == FAILS) *out = FAILS;
        else if (here == OPEN) *out = OPEN;
        else {
            mpq_t x;
            mpq_init(x);
            mpq_set_d(x, lambda);
            text_add(line, " ");
            number_add_text(line, x);
            mpq_clear(x);
        }
    }
    return status;
}

/* A region of one point, or none: the forms there, exactly. */
static enum answer point_decide(struct solver *s)
{
    for (size_t i = 0; i < s->c.n; i++) fmpq_set(s->point + i, s->c.lo + i);
    for (size_t i = 0; i < s->c.n_forms; i++)
        if (fails_at(s, &s->c.forms[i], s->point)) return FAILS;
    return HOLDS;
}

/* Decides the case at hand and writes its lines. look: is it empty, where it is not seen to have a point? */
static enum status one_case(enum answer *out, struct solver *s, bool look)
{
    struct text line;
    bool point = region_is_point(&s->c), ball = point || (region_is_ball(&s->c) && !s->inner.c);
    enum status status = STATUS_OK;
    text_init(&line);
    text_add(&line, ball ? "case hold" : "case hold\n");
    if (point) *out = point_decide(s);
    else status = ball ? ball_decide(out, &line, s) : region_decide(out, &line, s);
    if (status != STATUS_OK) {
        text_clear(&line);
        return status;
    }
    if (*out == HOLDS && !ball) line.size--;       /* its end of line comes below */
    if (s->c.n_limits && (*out == OPEN || (*out == HOLDS && look)) && !region_point(s)) {
        struct text empty;
        text_init(&empty);
        if (region_empty(&empty, &s->c)) {
            *out = EMPTY;
            text_clear(&line);
            line = empty;
        } else text_clear(&empty);
    }
    if (*out == HOLDS || *out == EMPTY) text_add_n(&s->cases, line.data, line.size);
    else if (*out == OPEN) text_add(&s->cases, "case open");
    else text_add(&s->cases, "case fail "), fractions_add_text(&s->cases, s->point, s->c.n);
    text_add(&s->cases, "\n");
    bool failed = line.failed || s->cases.failed;
    text_clear(&line);
    return failed ? STATUS_MEMORY : status;
}

struct counts { unsigned long cases, where, where_open, yes, open, fails; bool all, witness; };

/* The binding of the outer variables and the vector. */
static enum status bind(struct binding *out, const struct solver *s, struct interp *in, const fmpq *vector)
{
    struct text t;
    text_init(&t);
    fractions_add_text(&t, vector, s->c.n);
    enum status status = binding_read(out, &s->b.outer, in);
    if (status == STATUS_OK) status = t.failed ? STATUS_MEMORY : binding_add_vector(out, s->b.vector, t.data);
    text_clear(&t);
    return status;
}

/* The truth of the parts of the condition that do not read the vector. */
static enum status outer_truth(enum truth *out, const struct solver *s, struct tiers *tiers, const struct expr *e, struct diag *d)
{
    enum truth right = TRUTH_TRUE;
    *out = TRUTH_TRUE;
    if (!expr_uses_slot(e, s->b.slot)) return tiers_truth(out, tiers, e, d);
    if (e->form != FORM_BINARY || e->oper != OPER_AND) return STATUS_OK;
    enum status status = outer_truth(out, s, tiers, e->args[0], d);
    if (status != STATUS_OK || *out == TRUTH_FALSE) return status;
    status = outer_truth(&right, s, tiers, e->args[1], d);
    if (right != TRUTH_TRUE) *out = right == TRUTH_FALSE ? right : TRUTH_UNSETTLED;
    return status;
}

static enum status each_case(struct counts *n, struct outcome *out, struct solver *s, const struct statement *st, struct tiers *tiers, struct diag *d)
{
    enum truth where = TRUTH_TRUE;
    enum answer a = OPEN;
    bool universal = st->body == BODY_PROVE && st->forall.n > 0;
    enum status status = s->b.where ? outer_truth(&where, s, tiers, s->b.where, d) : STATUS_OK;
    n->cases++;
    if (status != STATUS_OK || where == TRUTH_FALSE) return status;
    n->where += where == TRUTH_TRUE;
    n->where_open += where == TRUTH_UNSETTLED;
    if (st->body == BODY_PROVE && n->fails) text_add(&s->cases, "case open\n");
    else {
        status = ball_case_read(&s->c, &s->b, tiers_fast(tiers), d);
        if (status == STATUS_OK) status = one_case(&a, s, universal && !n->witness);
    }
    if (status != STATUS_OK) return status;
    if (a == EMPTY && universal) {                 /* the condition is false for every vector */
        n->where -= where == TRUTH_TRUE;
        n->where_open -= where == TRUTH_UNSETTLED;
        return STATUS_OK;
    }
    if (a == EMPTY) a = HOLDS;
    n->yes += where == TRUTH_TRUE && a == HOLDS;
    n->open += a == OPEN || (a == HOLDS && where != TRUTH_TRUE);
    n->all = n->all && a == HOLDS;
    if (a == FAILS && where == TRUTH_TRUE && n->fails++ == 0 && universal) status = bind(&out->counterexample, s, tiers_fast(tiers), s->point);
    if (status == STATUS_OK && universal && where == TRUTH_TRUE && !n->witness && (n->witness = region_point(s))) status = bind(&out->witness, s, tiers_fast(tiers), s->point);
    return status;
}

static enum status propose(struct outcome *out, const struct counts *n, struct solver *s, const struct statement *st)
{
    char line[160];
    bool universal = st->body == BODY_PROVE && st->forall.n > 0;
    out->rule = "quadratic";
    mpz_set_ui(out->cases, n->cases);
    if (st->body == BODY_COUNT) {
        mpz_set_ui(out->number_lo, n->yes);
        mpz_set_ui(out->number_hi, n->yes + n->open);
        mpz_set_ui(out->total_lo, n->where);
        mpz_set_ui(out->total_hi, n->where + n->where_open);
        out->proposal = n->where + n->where_open ? PROPOSAL_INTERVAL : PROPOSAL_VACUOUS;
    } else if (n->fails) out->proposal = PROPOSAL_FALSE;
    else if (universal && n->where + n->where_open == 0) out->proposal = PROPOSAL_VACUOUS;
    else if (n->all && (!universal || n->witness)) out->proposal = PROPOSAL_TRUE;
    else {
        if (n->all) snprintf(line, sizeof line, "no vector that meets the condition was found");
        else snprintf(line, sizeof line, "%lu of %lu cases lie too close to a tie to be decided", n->open, n->cases);
        out->reason = mem_string(line);
    }
    if (out->proposal == PROPOSAL_NONE || (universal && n->fails)) return STATUS_OK;
    out->evidence = mem_string(s->cases.data ? s->cases.data : "");
    return out->evidence ? STATUS_OK : STATUS_MEMORY;
}

static enum status all_cases(struct outcome *out, struct solver *s, const struct statement *st, const struct limits *l, struct diag *d)
{
    struct tiers *tiers = NULL;
    struct walk *w = NULL;
    struct counts n = {.all = true};
    bool more = true, universal = st->body == BODY_PROVE && st->forall.n > 0;
    enum status status = tiers_new(&tiers, st);
    if (status == STATUS_OK) status = walk_new(&w, &s->b.outer, tiers_fast(tiers), d);
    while (status == STATUS_OK && more && !(universal && n.fails)) {
        status = walk_next(&more, w, d);
        if (status == STATUS_OK && more) status = each_case(&n, out, s, st, tiers, d);
        if (status == STATUS_OK && more && limits_expired(l)) status = STATUS_TIMEOUT;
    }
    if (status == STATUS_OK) status = propose(out, &n, s, st);
    walk_free(w);
    tiers_free(tiers);
    return status;
}

static const struct net *net_of(const struct statement *s, const struct ball_claim *b)
{
    const struct model *m = statement_model(s, b->model->name);
    return m ? &m->net : NULL;
}

static bool quadratic_takes(const struct statement *s, struct text *why)
{
    struct ball_claim b;
    if (s->undecidable || !s->text) {
        text_add(why, s->undecidable ? s->undecidable : "the statement is not complete");
        return false;
    }
    if (!ball_claim_of(&b, s, why)) return false;
    if (!net_of(s, &b)) {
        text_add(why, "a model is not loaded");
        return false;
    }
    return deep_node(net_of(s, &b)) >= 0 || outputs_possible(net_of(s, &b), -1, why);
}

static double quadratic_cost(const struct statement *s)
{
    (void)s;
    return 2e6;   /* no other engine takes a ball; boxes of piecewise linear networks are rather for bound */
}

static enum status quadratic_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct ball_claim b;
    struct text why;
    struct solver solver = {0};
    text_init(&why);
    enum status status = ball_claim_of(&b, s, &why) && net_of(s, &b) ? solver_init(&solver, &b, net_of(s, &b), l) : STATUS_INTERNAL;
    if (status == STATUS_OK) status = all_cases(out, &solver, s, l, d);
    solver_clear(&solver);
    text_clear(&why);
    return status;
}

const struct engine engine_quadratic = {"quadratic", "bilinear networks on balls and boxes: multipliers for each difference of outputs", quadratic_takes, quadratic_cost, quadratic_decide, false};
