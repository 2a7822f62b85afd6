/* What a statement says of real variables: the region they are in, and numbers and vectors as polynomials in them. */
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial.h"

#define POWER_MOST 4

static bool is_real_set(const struct expr *set)
{
    static const enum function names[] = {FUNCTION_REALS, FUNCTION_ORTHANT, FUNCTION_CONE, FUNCTION_INTERVAL, FUNCTION_BOX};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) found = found || (set->form == FORM_SET_CALL && set->function == names[i]);
    return found;
}

bool poly_claim_of(struct poly_claim *out, const struct statement *s, struct text *why)
{
    const char *no = NULL;
    size_t finite = 0, boxes = 0;
    *out = (struct poly_claim){.predicate = s->subject, .where = s->forall_where, .s = s};
    if (s->body != BODY_PROVE || s->forall.n == 0) no = "the claim is no forall";
    while (!no && finite < s->forall.n && !is_real_set(s->forall.items[finite].set)) finite++;
    for (size_t i = finite; !no && i < s->forall.n; i++) {
        if (!is_real_set(s->forall.items[i].set)) no = "a variable of another set stands behind one in reals(), orthant(), cone(), interval() or box()";
        else boxes += s->forall.items[i].set->function == FUNCTION_BOX;
    }
    if (!no && finite == s->forall.n) no = "no variable is in reals(), orthant(), cone() or interval()";
    if (!no && s->forall.n == 1 && boxes == 1) no = "one variable in a box is for other engines";
    if (!no && s->semantics != SEMANTICS_REAL) no = "only in real semantics: an execution in float32 is no polynomial of its input";
    out->outer = (struct binds){s->forall.items, finite};
    out->bound = s->forall.items + finite;
    out->n_reals = no ? 0 : s->forall.n - finite;
    if (no) text_add(why, no);
    return !no;
}

enum status poly_refuse(struct poly_claim *c, const char *what) { return diag_fail(c->d, STATUS_UNSUPPORTED, "%s", what); }

static bool reads_reals(const struct poly_claim *c, const struct expr *e)
{
    bool reads = false;
    for (size_t i = 0; i < c->n_reals; i++) reads = reads || expr_uses_slot(e, c->bound[i].slot);
    return reads;
}

bool poly_plain(const struct poly_claim *c, const struct expr *e) { return !expr_depends_on_network(e) && !reads_reals(c, e); }

static void drop_atoms(struct poly_claim *c)
{
    for (size_t i = 0; i < c->n_atoms; i++) poly_clear(&c->atoms[i].p);
    c->n_atoms = 0;
}

void poly_region_clear(struct poly_claim *c)
{
    drop_atoms(c);
    for (size_t i = 0; c->reals && i < c->n_reals; i++) polys_clear(&c->reals[i].value);
    free(c->reals);
    c->reals = NULL;
    for (size_t i = 0; i < c->n_variables; i++) fmpq_clear(c->ranges[i].lo), fmpq_clear(c->ranges[i].hi);
    c->n_variables = 0;
}

void poly_claim_clear(struct poly_claim *c)
{
    poly_region_clear(c);
    free(c->ranges);
    free(c->atoms);
    for (size_t i = 0; i < c->n_nets; i++) outputs_clear(&c->nets[i].out);
}

enum status poly_status(struct poly_claim *c, const struct poly *p)
{
    if (p->failed == POLY_MEMORY) return STATUS_MEMORY;
    if (p->failed == POLY_DEGREE) return poly_refuse(c, "a polynomial of degree more than four");
    return p->failed == POLY_SIZE ? poly_refuse(c, "polynomials of more than 4194304 terms") : STATUS_OK;
}

/* ---- the region ---- */

static struct range *new_range(struct poly_claim *c)
{
    struct range *grown = c->n_variables < VARIABLES_MOST ? mem_grow(c->ranges, &c->room_ranges, c->n_variables + 1, sizeof *grown) : NULL;
    if (!grown) return NULL;
    c->ranges = grown;
    struct range *r = &c->ranges[c->n_variables++];
    *r = (struct range){0};
    fmpq_init(r->lo);
    fmpq_init(r->hi);
    return r;
}

static void variable(struct poly *p, size_t number, const fmpq_t factor) { poly_term(p, (monomial_key)number << 48, factor); }

static enum status exact(fmpq **v, size_t *n, bool *scalar, struct poly_claim *c, const struct expr *e)
{
    if (!poly_plain(c, e)) return poly_refuse(c, "an exact value was expected beside the real variables");
    enum status s = interp_exact(v, n, scalar, c->in, e, c->d);
    return s == STATUS_UNSUPPORTED ? poly_refuse(c, "a value is not exact, or has two axes") : s;
}

/* Entries x_1 .. x_n that are variables themselves, between lo and hi (where these are given: n numbers, or one). */
static enum status plain_variable(struct real_variable *x, struct poly_claim *c, bool scalar, size_t n, const fmpq *lo, const fmpq *hi)
{
    fmpq_t one;
    x->first = c->n_variables;
    x->count = n;
    if (!polys_make(&x->value, !scalar, n)) return STATUS_MEMORY;
    fmpq_init(one);
    fmpq_one(one);
    for (size_t i = 0; i < n; i++) {
        struct range *r = new_range(c);
        if (!r) return c->n_variables < VARIABLES_MOST ? STATUS_MEMORY : poly_refuse(c, "more than 65000 real variables");
        r->has_lo = lo != NULL;
        r->has_hi = hi != NULL;
        if (lo) fmpq_set(r->lo, lo + i);
        if (hi) fmpq_set(r->hi, hi + i);
        if (lo && hi && fmpq_cmp(lo + i, hi + i) > 0) return diag_fail(c->d, STATUS_INPUT, "a set of reals is empty: an end is above the other");
        variable(&x->value.p[i], c->n_variables, one);
    }
    return STATUS_OK;
}

static enum status whole_space(struct real_variable *x, struct poly_claim *c, const struct expr *set)
{
    long n;
    if (!poly_plain(c, set->args[0])) return poly_refuse(c, "a number of real variables rests on them");
    enum status s = interp_int(&n, c->in, set->args[0], c->d);
    if (s != STATUS_OK) return s;
    if (n < 1 || n > VARIABLES_MOST) return diag_fail(c->d, STATUS_INPUT, "%s(n) takes 1 to %d, not %ld", function_table[set->function].name, VARIABLES_MOST, n);
    fmpq *zeros = set->function == FUNCTION_ORTHANT ? _fmpq_vec_init(n) : NULL;
    s = plain_variable(x, c, false, (size_t)n, zeros, NULL);
    if (zeros) _fmpq_vec_clear(zeros, n);
    return s;
}

/* interval and box */
static enum status between(struct real_variable *x, struct poly_claim *c, const struct expr *set)
{
    fmpq *lo = NULL, *hi = NULL;
    size_t n = 0, m = 0;
    bool a = false, b = false, interval = set->function == FUNCTION_INTERVAL;
    enum status s = exact(&lo, &n, &a, c, set->args[0]);
    if (s == STATUS_OK) s = exact(&hi, &m, &b, c, set->args[1]);
    if (s == STATUS_OK && (n != m || a != b || a != interval || n == 0)) s = poly_refuse(c, interval ? "the ends of an interval are no numbers" : "the corners of a box are no vectors of one length");
    if (s == STATUS_OK) s = plain_variable(x, c, interval, n, lo, hi);
    if (lo) _fmpq_vec_clear(lo, (slong)n);
    if (hi) _fmpq_vec_clear(hi, (slong)m);
    return s;
}

/* Sums of multiples, not negative, of the generators. */
static enum status generated(struct real_variable *x, struct poly_claim *c, const struct expr *set)
{
    enum status s = STATUS_OK;
    x->cone = true;
    x->first = c->n_variables;
    for (size_t k = 0; s == STATUS_OK && k < set->n_args; k++) {
        fmpq *v = NULL;
        size_t n = 0;
        bool scalar = false;
        struct range *r = new_range(c);
        s = r ? exact(&v, &n, &scalar, c, set->args[k]) : STATUS_MEMORY;
        if (s == STATUS_OK && (scalar || n == 0 || (k > 0 && n != x->value.n))) s = poly_refuse(c, "the generators of a cone are vectors of one length");
        if (s == STATUS_OK && k == 0 && !polys_make(&x->value, true, n)) s = STATUS_MEMORY;
        if (s == STATUS_OK) r->has_lo = true, x->count++;
        for (size_t i = 0; s == STATUS_OK && i < n; i++) variable(&x->value.p[i], c->n_variables, v + i);
        if (v) _fmpq_vec_clear(v, (slong)n);
    }
    for (size_t i = 0; s == STATUS_OK && i < x->value.n; i++) {
        poly_tidy(&x->value.p[i]);
        s = poly_status(c, &x->value.p[i]);
    }
    return s;
}

enum status poly_region(struct poly_claim *c)
{
    enum status s = STATUS_OK;
    poly_region_clear(c);
    if (!(c->reals = mem_array(c->n_reals, sizeof *c->reals))) return STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < c->n_reals; i++) {
        const struct expr *set = c->bound[i].set;
        struct real_variable *x = &c->reals[i];
        x->bind = &c->bound[i];
        s = set->function == FUNCTION_CONE ? generated(x, c, set) : set->function == FUNCTION_REALS || set->function == FUNCTION_ORTHANT ? whole_space(x, c, set) : between(x, c, set);
    }
    return s;
}

/* ---- values ---- */

static enum status finish(struct poly_claim *c, struct polys *v)
{
    enum status s = STATUS_OK;
    for (size_t i = 0; i < v->n && s == STATUS_OK; i++) {
        poly_tidy(&v->p[i]);
        s = poly_status(c, &v->p[i]);
    }
    return s;
}

static enum status constants(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    fmpq *v = NULL;
    size_t n = 0;
    bool scalar = false;
    enum status s = exact(&v, &n, &scalar, c, e);
    if (s == STATUS_OK && !polys_make(out, !scalar, n)) s = STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < n; i++) poly_term(&out->p[i], 0, v + i);
    if (v) _fmpq_vec_clear(v, (slong)n);
    return s == STATUS_OK ? finish(c, out) : s;
}

static enum status copied(struct polys *out, const struct poly *p, bool vector, size_t n)
{
    fmpq_t one;
    if (!polys_make(out, vector, n)) return STATUS_MEMORY;
    fmpq_init(one);
    fmpq_one(one);
    for (size_t i = 0; i < n; i++) poly_add(&out->p[i], p + i, one), poly_tidy(&out->p[i]);
    return STATUS_OK;
}

static enum status outputs_of(const struct outputs **out, struct poly_claim *c, const struct expr *e)
{
    struct text why;
    if (e->form != FORM_NAME) return poly_refuse(c, "the network is not a model of the file");
    for (size_t i = 0; i < c->n_nets; i++)
        if (strcmp(c->nets[i].model, e->name) == 0) {
            *out = &c->nets[i].out;
            return STATUS_OK;
        }
    const struct model *m = statement_model(c->s, e->name);
    if (!m || c->n_nets == sizeof c->nets / sizeof *c->nets) return poly_refuse(c, m ? "more than 16 networks" : "a model is not loaded");
    text_init(&why);
    enum status s = outputs_possible(&m->net, -1, &why) ? STATUS_OK : poly_refuse(c, why.data ? why.data : "");
    text_clear(&why);
    if (s == STATUS_OK) s = outputs_make(&c->nets[c->n_nets].out, &m->net, -1);
    if (s != STATUS_OK) return s;
    c->nets[c->n_nets].model = e->name;
    *out = &c->nets[c->n_nets++].out;
    return STATUS_OK;
}

/* The outputs at y: sum of coefficients times products of two entries, the constant 1 before them. */
static enum status output(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    const struct outputs *o = NULL;
    struct polys y = {0};
    struct poly one = {0}, product = {0};
    fmpq_t f;
    fmpq_init(f);
    fmpq_one(f);
    poly_term(&one, 0, f);
    enum status s = outputs_of(&o, c, e->args[0]);
    if (s == STATUS_OK) s = poly_read(&y, c, e->args[1]);
    if (s == STATUS_OK && (!y.vector || y.n != o->n)) s = poly_refuse(c, "a vector has not the length of the network's input");
    if (s == STATUS_OK && !polys_make(out, true, o->width)) s = STATUS_MEMORY;
    for (size_t u = 0; s == STATUS_OK && u <= o->n; u++)
        for (size_t v = u; s == STATUS_OK && v <= o->n; v++) {
            size_t at = monomial(o->n, u, v);
            bool any = false;
            for (size_t k = 0; k < o->width; k++) any = any || !fmpz_is_zero(o->c + k * o->each + at);
            if (!any) continue;
            poly_times(&product, u ? &y.p[u - 1] : &one, v ? &y.p[v - 1] : &one);
            poly_tidy(&product);
            s = poly_status(c, &product);
            for (size_t k = 0; k < o->width; k++) {
                fmpz_set(fmpq_numref(f), o->c + k * o->each + at);
                fmpz_one(fmpq_denref(f));
                fmpq_div_2exp(f, f, o->scale);
                poly_add(&out->p[k], &product, f);
            }
            poly_clear(&product);
        }
    poly_clear(&one);
    polys_clear(&y);
    fmpq_clear(f);
    return s == STATUS_OK ? finish(c, out) : s;
}

/* a + b, a - b, a b; a number times a vector */
static enum status combined(struct polys *out, struct poly_claim *c, enum oper o, const struct polys *a, const struct polys *b)
{
    fmpq_t f;
    bool product = o == OPER_MUL, fits = product ? !(a->vector && b->vector) : a->vector == b->vector && a->n == b->n;
    if (!fits) return poly_refuse(c, "vectors of different lengths, or a product of vectors: dot(a, b)");
    if (!polys_make(out, a->vector || b->vector, a->vector ? a->n : b->n)) return STATUS_MEMORY;
    fmpq_init(f);
    for (size_t i = 0; i < out->n; i++) {
        const struct poly *x = &a->p[a->vector ? i : 0], *y = &b->p[b->vector ? i : 0];
        fmpq_one(f);
        if (product) poly_times(&out->p[i], x, y);
        else poly_add(&out->p[i], x, f);
        if (o == OPER_SUB) fmpq_neg(f, f);
        if (!product) poly_add(&out->p[i], y, f);
    }
    fmpq_clear(f);
    return finish(c, out);
}

static enum status scaled(struct polys *out, struct poly_claim *c, const struct expr *e, const struct expr *by, bool inverse)
{
    struct polys a = {0};
    fmpq *v = NULL;
    size_t n = 0;
    bool scalar = true;
    fmpq_t f;
    fmpq_init(f);
    fmpq_set_si(f, -1, 1);
    enum status s = by ? exact(&v, &n, &scalar, c, by) : STATUS_OK;
    if (s == STATUS_OK && !scalar) s = poly_refuse(c, "division by something that is no number");
    if (s == STATUS_OK && v) fmpq_set(f, v);
    if (s == STATUS_OK && inverse && fmpq_is_zero(f)) s = diag_fail(c->d, STATUS_INPUT, "division by 0");
    if (s == STATUS_OK && inverse) fmpq_inv(f, f);
    if (s == STATUS_OK) s = poly_read(&a, c, e);
    if (s == STATUS_OK && !polys_make(out, a.vector, a.n)) s = STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < a.n; i++) poly_add(&out->p[i], &a.p[i], f);
    if (v) _fmpq_vec_clear(v, (slong)n);
    polys_clear(&a);
    fmpq_clear(f);
    return s == STATUS_OK ? finish(c, out) : s;
}

static enum status power(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    struct polys base = {0}, next;
    long n = -1;
    enum status s = poly_plain(c, e->args[1]) ? interp_int(&n, c->in, e->args[1], c->d) : STATUS_OK;
    if (s == STATUS_OK && (n < 1 || n > POWER_MOST)) s = poly_refuse(c, "an exponent that is not 1, 2, 3 or 4");
    if (s == STATUS_OK) s = poly_read(&base, c, e->args[0]);
    if (s == STATUS_OK) s = copied(out, base.p, base.vector, base.n);
    for (long i = 1; s == STATUS_OK && i < n; i++) {
        s = combined(&next, c, OPER_MUL, out, &base);
        polys_clear(out);
        *out = next;
    }
    polys_clear(&base);
    return s;
}

static enum status binary(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    struct polys a = {0}, b = {0};
    if (e->oper == OPER_DIV) return scaled(out, c, e->args[0], e->args[1], true);
    if (e->oper == OPER_POW) return power(out, c, e);
    if (e->oper != OPER_ADD && e->oper != OPER_SUB && e->oper != OPER_MUL) return poly_refuse(c, "an operation on real variables other than + - * / ^");
    enum status s = poly_read(&a, c, e->args[0]);
    if (s == STATUS_OK) s = poly_read(&b, c, e->args[1]);
    if (s == STATUS_OK) s = combined(out, c, e->oper, &a, &b);
    polys_clear(&a);
    polys_clear(&b);
    return s;
}

static enum status indexed(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    struct polys a = {0};
    if (e->n_args != 2 || (e->args[1]->form != FORM_LAST && !poly_plain(c, e->args[1]))) return poly_refuse(c, "an index rests on the real variables, or there are two");
    enum status s = poly_read(&a, c, e->args[0]);
    long i = (long)a.n - 1;
    if (s == STATUS_OK && !a.vector) s = poly_refuse(c, "an index of a number");
    if (s == STATUS_OK && e->args[1]->form != FORM_LAST) s = interp_int(&i, c->in, e->args[1], c->d);
    if (s == STATUS_OK && (i < 0 || i >= (long)a.n)) s = diag_fail(c->d, STATUS_INPUT, "index out of range: there are %zu entries", a.n);
    if (s == STATUS_OK) s = copied(out, a.p + i, false, 1);
    polys_clear(&a);
    return s;
}

static enum status listed(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    fmpq_t one;
    if (!polys_make(out, true, e->n_args)) return STATUS_MEMORY;
    fmpq_init(one);
    fmpq_one(one);
    enum status s = STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && i < e->n_args; i++) {
        struct polys a = {0};
        s = poly_read(&a, c, e->args[i]);
        if (s == STATUS_OK && a.vector) s = poly_refuse(c, "a list of vectors");
        if (s == STATUS_OK) poly_add(&out->p[i], &a.p[0], one);
        polys_clear(&a);
    }
    return s == STATUS_OK ? finish(c, out) : s;
}

/* dot(a, b), and the sum of the entries of a */
static enum status summed(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    struct polys a = {0}, b = {0};
    fmpq_t one;
    fmpq_init(one);
    fmpq_one(one);
    enum status s = poly_read(&a, c, e->args[0]);
    if (s == STATUS_OK && e->n_args == 2) s = poly_read(&b, c, e->args[1]);
    if (s == STATUS_OK && (!a.vector || (e->n_args == 2 && b.n != a.n))) s = poly_refuse(c, "vectors of one length were expected");
    if (s == STATUS_OK && !polys_make(out, false, 1)) s = STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < a.n; i++) {
        if (e->n_args == 2) poly_times(out->p, &a.p[i], &b.p[i]);
        else poly_add(out->p, &a.p[i], one);
    }
    polys_clear(&a);
    polys_clear(&b);
    return s == STATUS_OK ? finish(c, out) : s;
}

enum status poly_read(struct polys *out, struct poly_claim *c, const struct expr *e)
{
    *out = (struct polys){0};
    if (poly_plain(c, e)) return constants(out, c, e);
    for (size_t i = 0; e->form == FORM_NAME && i < c->n_reals; i++)
        if (c->bound[i].slot == e->slot) return copied(out, c->reals[i].value.p, c->reals[i].value.vector, c->reals[i].value.n);
    if (e->form == FORM_UNARY && e->oper == OPER_NEG) return scaled(out, c, e->args[0], NULL, false);
    if (e->form == FORM_BINARY) return binary(out, c, e);
    if (e->form == FORM_INDEX) return indexed(out, c, e);
    if (e->form == FORM_LIST) return listed(out, c, e);
    if (expr_calls(e, FUNCTION_OUTPUT)) return output(out, c, e);
    if (expr_calls(e, FUNCTION_DOT) || expr_calls(e, FUNCTION_SUM)) return summed(out, c, e);
    return poly_refuse(c, "real variables stand in something else than output(), + - * / ^, lists, indices, sum() and dot()");
}
