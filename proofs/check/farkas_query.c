/* The condition and the predicate of a claim over a box as disjuncts of linear atoms. */
#include "farkas_query.h"
#include "quadratic.h"
#include <string.h>

#define ATOMS_MOST ((size_t)1 << 20)

bool query_refuse(struct query *q, const char *what) { return linear_refuse(&q->l, what); }

static bool is_vector(const struct query *q, const struct ex *x) { return x->kind == EX_VAR && x->number == q->l.slot; }

/* The rows that output(M, x) or node(M, "NAME", x) is, of the one network. */
bool query_rows(struct query *q, const struct ex *x, mpq_t ***row, size_t *width) {
    bool output = is_call(x, FN_OUTPUT), node = is_call(x, FN_NODE);
    if (!output && !node) return query_refuse(q, "not linear in activations of the network");
    if (x->k[0]->kind != EX_MODEL || x->k[0]->number != q->model) return query_refuse(q, "more than one network, or a patched one");
    if (!is_vector(q, x->k[x->n - 1])) return query_refuse(q, "the network reads something else than the vector of the box");
    int at = output ? q->p.net->output : x->k[1]->kind == EX_STRING ? net_find(q->p.net, x->k[1]->name) : -1;
    if (at < 0) return query_refuse(q, "no node of this name");
    *row = q->p.rows[at];
    *width = q->p.net->nodes[at].width;
    return true;
}

static bool index_of(struct query *q, const struct ex *x, size_t width, int64_t *out) {
    *out = (int64_t)width - 1;
    if (x->kind == EX_LAST) return true;
    if (!linear_plain(&q->l, x)) return query_refuse(q, "an index rests on the vector");
    if (!(linear_fresh(&q->l) && eval_int(q->l.e, x, out))) return linear_says(&q->l);
    return *out >= 0 && *out < (int64_t)width ? linear_fresh(&q->l) : query_refuse(q, "index out of range");
}

static bool activation(struct linear *l, const struct ex *x, const mpq_t factor, mpq_t *out) {
    struct query *q = (struct query *)l; /* which begins with it */
    mpq_t **row;
    size_t width = q->p.n;
    int64_t i;
    bool input = is_vector(q, x->k[0]);
    if (!(input || query_rows(q, x->k[0], &row, &width)) || !index_of(q, x->k[1], width, &i)) return false;
    if (input) mpq_add(out[i], out[i], factor);
    else vector_add(out, (const mpq_t *)row[i], factor, q->p.size);
    return true;
}

/* ---- disjuncts ---- */

static struct dnf dnf_of(struct query *q, size_t n, size_t atoms_each) {
    struct dnf a = {arena_get(&q->arena, n ? n : 1, sizeof *a.d), n};
    for (size_t i = 0; i < n; i++) a.d[i] = (struct disjunct){arena_get(&q->arena, atoms_each ? atoms_each : 1, sizeof(size_t)), atoms_each};
    return a;
}

bool dnf_both(struct query *q, const struct dnf *a, const struct dnf *b, struct dnf *out) {
    if (b->n != 0 && a->n > ATOMS_MOST / b->n) return query_refuse(q, "too many disjuncts");
    *out = dnf_of(q, a->n * b->n, 0);
    for (size_t i = 0; i < out->n; i++) {
        const struct disjunct *x = &a->d[i / b->n], *y = &b->d[i % b->n];
        size_t *atom = arena_get(&q->arena, x->n + y->n + 1, sizeof *atom);
        memcpy(atom, x->atom, x->n * sizeof *atom);
        memcpy(atom + x->n, y->atom, y->n * sizeof *atom);
        out->d[i] = (struct disjunct){atom, x->n + y->n};
    }
    return true;
}

static bool either(struct query *q, const struct dnf *a, const struct dnf *b, struct dnf *out) {
    if (a->n + b->n > ATOMS_MOST) return query_refuse(q, "too many disjuncts");
    struct dnf both = {arena_get(&q->arena, a->n + b->n + 1, sizeof *both.d), a->n + b->n};
    memcpy(both.d, a->d, a->n * sizeof *a->d);
    memcpy(both.d + a->n, b->d, b->n * sizeof *b->d);
    *out = both;
    return true;
}

bool dnf_join(struct query *q, bool both, const struct dnf *b, struct dnf *out) {
    struct dnf a = *out;
    return both ? dnf_both(q, &a, b, out) : either(q, &a, b, out);
}

mpq_t *dnf_atom(struct query *q, bool strict, struct dnf *out) {
    if (q->n_atoms >= ATOMS_MOST) {
        query_refuse(q, "too many atoms");
        return NULL;
    }
    if (q->n_atoms == q->room) {
        q->atoms = mem_grow(q->atoms, q->room, 2 * q->room + 16, sizeof *q->atoms);
        q->room = 2 * q->room + 16;
    }
    q->atoms[q->n_atoms] = (struct atom){vector_new(q->p.size), strict};
    *out = dnf_of(q, 1, 1);
    out->d[0].atom[0] = q->n_atoms;
    return q->atoms[q->n_atoms++].v;
}

static bool pair(struct query *q, enum cmp o, const struct ex *a, const struct ex *b, bool positive, struct dnf *out) {
    static const enum cmp opposite[] = {[CMP_LT] = CMP_GE, [CMP_LE] = CMP_GT, [CMP_GT] = CMP_LE, [CMP_GE] = CMP_LT, [CMP_EQ] = CMP_NE, [CMP_NE] = CMP_EQ};
    struct dnf other;
    if (!positive) o = opposite[o];
    if (o == CMP_EQ || o == CMP_NE) {
        bool strict = o == CMP_NE;
        return side_difference(q, a, b, false, strict, out) && side_difference(q, a, b, true, strict, &other) && dnf_join(q, !strict, &other, out);
    }
    return side_difference(q, a, b, o == CMP_LT || o == CMP_LE, o == CMP_LT || o == CMP_GT, out);
}

/* A truth of its own: one empty disjunct, or none. */
struct dnf dnf_truth(struct query *q, bool truth) { return dnf_of(q, truth ? 1 : 0, 0); }

static bool chain(struct query *q, const struct ex *x, bool positive, struct dnf *out) {
    struct dnf one;
    *out = dnf_truth(q, positive);
    for (int i = 0; i + 1 < x->n; i++)
        if (!pair(q, (enum cmp)x->ops[i], x->k[i], x->k[i + 1], positive, &one) || !dnf_join(q, positive, &one, out)) return false;
    return true;
}

/* entry i above, or not below, every other one */
static bool largest(struct query *q, const struct ex *rows, const struct ex *which, bool strict, bool positive, struct dnf *out) {
    mpq_t **row, one, minus;
    size_t width;
    int64_t i;
    if (!query_rows(q, rows, &row, &width) || !index_of(q, which, width, &i)) return false;
    mpq_inits(one, minus, NULL);
    mpq_set_si(one, positive ? 1 : -1, 1);
    mpq_neg(minus, one);
    *out = dnf_truth(q, positive);
    bool good = true;
    for (int64_t j = 0; good && j < (int64_t)width; j++) {
        struct dnf d;
        if (j == i) continue;
        mpq_t *v = dnf_atom(q, strict == positive, &d);
        if (v == NULL) {
            good = false;
            break;
        }
        vector_add(v, (const mpq_t *)row[i], one, q->p.size);
        vector_add(v, (const mpq_t *)row[j], minus, q->p.size);
        good = dnf_join(q, positive, &d, out);
    }
    mpq_clears(one, minus, NULL);
    return good;
}

struct every { struct query *q; const struct ex *x; bool positive, both; struct dnf *out; };

static bool every_step(struct eval *e, void *arg) {
    struct every *a = arg;
    struct dnf one;
    enum tri t = eval_decide(e, a->x->where);
    if (e->fail.set) return linear_says(&a->q->l);
    if (t == OPEN) return query_refuse(a->q, "the condition of a quantifier is unsettled");
    return t == NO || (query_dnf(a->q, a->x->k[0], a->positive, &one) && dnf_join(a->q, a->both, &one, a->out));
}

static bool quantifier(struct query *q, const struct ex *x, bool positive, struct dnf *out) {
    bool all = x->kind == EX_QUANT && x->number == Q_ALL;
    struct every a = {q, x, positive, all == positive, out};
    if (x->where != NULL && !linear_plain(&q->l, x->where)) return query_refuse(q, "the condition of a quantifier reads the vector");
    *out = dnf_truth(q, a.both);
    bool good = eval_each(q->l.e, &x->binds, every_step, &a);
    return good || q->l.f->set ? good : linear_says(&q->l);
}

static bool known(struct query *q, const struct ex *x, bool positive, struct dnf *out) {
    linear_fresh(&q->l);
    enum tri t = eval_decide(q->l.e, x);
    if (q->l.e->fail.set) return linear_says(&q->l);
    if (t == OPEN) return query_refuse(q, "a condition is unsettled");
    *out = dnf_truth(q, (t == YES) == positive);
    return linear_fresh(&q->l);
}

bool query_dnf(struct query *q, const struct ex *x, bool positive, struct dnf *out) {
    struct dnf b;
    if (x == NULL) {
        *out = dnf_truth(q, positive);
        return true;
    }
    if (linear_plain(&q->l, x)) return known(q, x, positive, out);
    switch (x->kind) {
    case EX_NOT: return query_dnf(q, x->k[0], !positive, out);
    case EX_AND: case EX_OR: return query_dnf(q, x->k[0], positive, out) && query_dnf(q, x->k[1], positive, &b) && dnf_join(q, (x->kind == EX_AND) == positive, &b, out);
    case EX_IMPLIES: return query_dnf(q, x->k[0], !positive, out) && query_dnf(q, x->k[1], positive, &b) && dnf_join(q, !positive, &b, out);
    case EX_CMP:
        for (int side = 0; x->n == 2 && (x->ops[0] == CMP_EQ || x->ops[0] == CMP_NE) && side < 2; side++)
            if (is_call(x->k[side], FN_ARGMAX)) return largest(q, x->k[side]->k[0], x->k[1 - side], true, positive == (x->ops[0] == CMP_EQ), out);
        return chain(q, x, positive, out);
    case EX_IN: return is_call(x->k[1], FN_ARGMAXES) ? largest(q, x->k[1]->k[0], x->k[0], false, positive, out) : query_refuse(q, "membership of another kind");
    case EX_QUANT: return x->number == Q_ALL || x->number == Q_ANY ? quantifier(q, x, positive, out) : query_refuse(q, "a predicate of another kind");
    case EX_EXISTS: return quantifier(q, x, positive, out);
    default: return query_refuse(q, "a predicate of another kind");
    }
}

bool dnf_holds(const struct query *q, const struct dnf *a, const mpq_t *v) {
    mpq_t t;
    bool some = false;
    mpq_init(t);
    for (size_t i = 0; !some && i < a->n; i++) {
        bool all = true;
        for (size_t k = 0; all && k < a->d[i].n; k++) {
            const struct atom *x = &q->atoms[a->d[i].atom[k]];
            form_extreme(t, &q->p, (const mpq_t *)x->v, q->p.units, v, v + q->p.size, false);
            all = x->strict ? mpq_sgn(t) > 0 : mpq_sgn(t) >= 0;
        }
        some = all;
    }
    mpq_clear(t);
    return some;
}

/* ---- the statement ---- */

/* the network of the first activation that reads the vector */
static int model_of(const struct query *q, const struct ex *x) {
    int found = -1;
    if (x == NULL) return -1;
    if ((is_call(x, FN_OUTPUT) || is_call(x, FN_NODE)) && x->k[0]->kind == EX_MODEL && mentions(x->k[x->n - 1], q->l.slot)) return x->k[0]->number;
    for (int i = 0; found < 0 && i < x->n; i++) found = model_of(q, x->k[i]);
    return found;
}

bool query_begin(struct query *q, const struct certificate *c, struct eval *e, const struct binds *b, const struct ex *where, const struct ex *subject, struct fail *f) {
    const struct stmt *s = e->s;
    *q = (struct query){.l = {.rule = "farkas", .linear_in = "activations of the network", .e = e, .f = f, .line = c->rule_line, .entry = activation, .other = side_choice}, .c = c};
    if (s->float32) return query_refuse(q, "real semantics only");
    if (b->n < 1) return query_refuse(q, "no variable");
    q->box = b->b[b->n - 1].set;
    q->l.slot = b->b[b->n - 1].slot;
    if (!is_call(q->box, FN_BOX)) return query_refuse(q, "the last variable is not in a box");
    q->model = model_of(q, subject);
    if (q->model < 0) q->model = model_of(q, where);
    if (q->model < 0) return query_refuse(q, "no activation of a network that reads the vector");
    if (s->models[q->model].net == NULL) return query_refuse(q, "a network is missing");
    if (!pieces_make(&q->p, s->models[q->model].net, f)) return false;
    q->l.constant = q->p.size - 1;
    q->lo = vector_new(q->p.n);
    q->hi = vector_new(q->p.n);
    if (!linear_vector(&q->l, q->box->k[0], q->lo, q->p.n, false) || !linear_vector(&q->l, q->box->k[1], q->hi, q->p.n, false)) return false;
    for (size_t i = 0; i < q->p.n; i++)
        if (mpq_cmp(q->lo[i], q->hi[i]) > 0) return query_refuse(q, "the box is empty");
    return true;
}

void query_end(struct query *q) {
    for (size_t i = 0; i < q->n_atoms; i++) vector_free(q->atoms[i].v, q->p.size);
    mem_free(q->atoms);
    for (size_t i = 0; i < q->n_vectors; i++) vector_free(q->vectors[i], q->p.size);
    mem_free(q->vectors);
    if (q->lo != NULL) vector_free(q->lo, q->p.n);
    if (q->hi != NULL) vector_free(q->hi, q->p.n);
    pieces_clear(&q->p);
    arena_free(&q->arena);
}
