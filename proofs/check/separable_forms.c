/* The predicate with the query token and the features fixed, as linear forms in logits and attention (FORMAT.md §3.4). */
#include "separable_forms.h"

static bool sym(struct compile *c, const struct ex *x, struct sval *out);

/* ---- leaves: logits(M, t)[r, e], attn(M, 0, 0, t)[r, i] ---- */

static const struct ex *vector_of(const struct ex *x) { /* logits(M, t)[r] without an entry: the call */
    return x->kind == EX_INDEX && x->n == 2 && x->k[0]->kind == EX_CALL && x->k[0]->number <= FN_NODE ? x->k[0] : NULL;
}

static bool entry_now(struct compile *c, const struct ex *x, uint32_t size, int64_t *out) {
    struct eval *e = c->s->e;
    e->has_last = true;
    e->last = (int64_t)size - 1;
    bool good = !x->network && eval_int(e, x, out) && *out >= 0 && *out < (int64_t)size;
    e->has_last = false;
    return good ? true : sep_refuse(c->s, "an index of the network is not known");
}

/* Twins, columns with equal weights and bias, are one logit: the first of them stands for all. */
static uint32_t same_logit(const struct sep *s, int64_t j) {
    const uint32_t *twin = s->e->s->float32 ? NULL : s->net->nodes[s->net->output].twin;
    return twin != NULL ? twin[j] : (uint32_t)j;
}

/* f has `by` times the attention to position i besides; outside the mask that is 0. */
static void attention_to(struct compile *c, struct lf *f, uint32_t i, int by) {
    const struct sep *s = c->s;
    if (s->net->causal && i > s->row) return;
    if (f->beta == NULL) f->beta = forms_zeros(c, s->at[s->n]);
    for (uint32_t k = s->at[i]; k < s->at[i + 1]; k++) num_set_int(&f->beta[k], by);
}

static bool leaf(struct compile *c, const struct ex *x, struct sval *out) {
    struct sep *s = c->s;
    const struct ex *call = x->n == 3 ? x->k[0] : x->n == 2 && x->k[0]->kind == EX_INDEX ? vector_of(x->k[0]) : NULL, *entry = x->k[x->n - 1];
    int64_t i;
    if (call == NULL || call->kind != EX_CALL || entry->kind == EX_SLICE) return forms_refuse(c);
    if (!entry_now(c, entry, call->number == FN_LOGITS ? s->n_out : s->n, &i)) return false;
    forms_new(c, out, S_FORMS, 1);
    if (call->number == FN_LOGITS) {
        out->f[0].alpha = forms_zeros(c, s->n_out);
        num_set_int(&out->f[0].alpha[same_logit(s, i)], 1);
    } else attention_to(c, &out->f[0], (uint32_t)i, 1);
    return true;
}

/* ---- comprehensions ---- */

struct sym_fold { struct compile *c; const struct ex *x; struct sval acc; bool started, good; };

static bool where_now(struct compile *c, const struct ex *where, bool *in) {
    struct val v = {.type = V_TRI, .tri = YES};
    if (where != NULL && (where->network || !eval(c->s->e, where, &v) || v.type != V_TRI || v.tri == OPEN)) return forms_refuse(c);
    *in = v.tri == YES;
    return true;
}

static bool sym_step(struct eval *e, void *arg) {
    (void)e;
    struct sym_fold *f = arg;
    struct sval v, t;
    bool in;
    f->good = where_now(f->c, f->x->where, &in);
    if (!f->good || !in) return f->good;
    int q = f->x->kind == EX_EXISTS ? Q_ANY : f->x->number;
    f->good = sym(f->c, f->x->k[0], &v);
    if (!f->good) return false;
    if (q == Q_ALL || q == Q_ANY) {
        f->good = forms_combine(f->c, q == Q_ALL ? EX_AND : EX_OR, &f->acc, &v, &t);
        f->acc = t;
    } else if (q == Q_MAX || q == Q_MIN) f->good = forms_join(f->c, &f->acc, &v, q == Q_MAX ? 1 : -1);
    else {
        f->good = forms_of_number(f->c, &v) && (!f->started || forms_sum(f->c, &f->acc, &v, 1, &t));
        f->acc = f->started ? t : v;
    }
    f->started = true;
    return f->good;
}

/* Own tokens of the binder of a sum: the coefficient of p at position i and token a is that of p_i in the body with t[i] = a;
 * nothing else may stand in the body. */
static bool own_sum_position(struct compile *c, const struct ex *x, uint32_t i, struct lf *acc) {
    struct sep *s = c->s;
    s->own_value = (struct val){.type = V_NUM, .x = forms_zeros(c, 1)};
    for (int k = 0; k < s->n_own; k++)
        if (s->own_slot[k] == x->binds.b[0].slot) s->own[k]->cache = &s->own_value;
    for (uint32_t cell = s->at[i]; cell < s->at[i + 1]; cell++) {
        bool in;
        struct sval v;
        num_set_int(s->own_value.x, s->sets.v[i][cell - s->at[i]]);
        if (!where_now(c, x->where, &in)) return false;
        if (!in) continue;
        if (!sym(c, x->k[0], &v) || !forms_of_number(c, &v)) return false;
        if (v.n != 1 || mpq_sgn(v.f[0].c->q) != 0) return forms_refuse(c);
        for (uint32_t j = 0; v.f[0].alpha != NULL && j < s->n_out; j++)
            if (mpq_sgn(v.f[0].alpha[j].q) != 0) return forms_refuse(c);
        for (uint32_t k = 0; v.f[0].beta != NULL && k < s->at[s->n]; k++)
            if ((k < s->at[i] || k >= s->at[i + 1]) && mpq_sgn(v.f[0].beta[k].q) != 0) return forms_refuse(c);
        if (v.f[0].beta != NULL) num_copy(&acc->beta[cell], &v.f[0].beta[cell]);
    }
    return true;
}

static bool own_sum(struct compile *c, const struct ex *x, struct sval *out) {
    struct sep *s = c->s;
    int64_t *positions;
    size_t n;
    int slot = x->binds.b[0].slot;
    if (x->binds.b[0].set->network || !eval_set_values(s->e, x->binds.b[0].set, &positions, &n)) return forms_refuse(c);
    forms_new(c, out, S_FORMS, 1);
    out->f[0].beta = forms_zeros(c, s->at[s->n]);
    const struct val outer = s->own_value; /* of a sum around this one */
    bool good = sep_distinct(s, positions, n);
    for (size_t k = 0; good && k < n; k++) {
        good = positions[k] >= 0 && positions[k] < (int64_t)s->n ? true : forms_refuse(c);
        s->e->env[slot] = (struct var){.set = true, .v = positions[k]};
        good = good && own_sum_position(c, x, (uint32_t)positions[k], &out->f[0]);
    }
    s->e->env[slot].set = false;
    for (int k = 0; k < s->n_own; k++)
        if (s->own_slot[k] == slot) s->own[k]->cache = NULL;
    s->own_value = outer;
    mem_free(positions);
    return good;
}

static bool comprehension(struct compile *c, const struct ex *x, struct sval *out) {
    int q = x->kind == EX_EXISTS ? Q_ANY : x->number;
    if (q == Q_MEAN || q == Q_COUNT || q == Q_ARGMAX || q == Q_ARGMIN) return forms_refuse(c);
    for (int k = 0; k < c->s->n_own; k++)
        if (q == Q_SUM && x->binds.n == 1 && c->s->own_slot[k] == x->binds.b[0].slot) return own_sum(c, x, out);
    struct sym_fold f = {.c = c, .x = x, .good = true};
    if (q == Q_ALL || q == Q_ANY) forms_constant(&f.acc, q == Q_ALL ? YES : NO);
    else forms_new(c, &f.acc, S_FORMS, q == Q_SUM ? 1 : 0);
    if (!eval_each(c->s->e, &x->binds, sym_step, &f) && (!f.good || c->s->e->fail.set)) return forms_refuse(c);
    if (!f.started && (q == Q_MAX || q == Q_MIN)) return sep_refuse(c->s, "max or min over nothing");
    *out = f.acc;
    return true;
}

/* max(a, b, ...), min(a, b, ...), max(logits(M, t)[r]) */
static bool extreme(struct compile *c, const struct ex *x, struct sval *out) {
    int sense = x->number == FN_MAX || x->number == FN_ABS ? 1 : -1;
    if (x->number == FN_ABS) { /* max(x, -x) */
        struct sval v, minus;
        if (!sym(c, x->k[0], &v) || !forms_of_number(c, &v) || v.n != 1) return forms_refuse(c);
        forms_scale(c, &v, forms_number(c, -1), &minus);
        forms_new(c, out, S_FORMS, 0);
        return forms_join(c, out, &v, sense) && forms_join(c, out, &minus, sense);
    }
    if (x->number != FN_MAX && x->number != FN_MIN) return forms_refuse(c);
    forms_new(c, out, S_FORMS, 0);
    const struct ex *v = x->n == 1 ? vector_of(x->k[0]) : NULL;
    if (x->n == 1 && (v == NULL || v->number != FN_LOGITS)) return forms_refuse(c);
    for (int i = 0; x->n > 1 && i < x->n; i++) {
        struct sval a;
        if (!sym(c, x->k[i], &a) || !forms_join(c, out, &a, sense)) return false;
    }
    if (v == NULL) return true;
    forms_new(c, out, S_FORMS, c->s->n_out);
    out->sense = c->s->n_out > 1 ? sense : 0;
    for (uint32_t j = 0; j < c->s->n_out; j++) {
        out->f[j].alpha = forms_zeros(c, c->s->n_out);
        num_set_int(&out->f[j].alpha[same_logit(c->s, j)], 1);
    }
    return true;
}

/* ---- comparisons ---- */

static const struct ex *argmax_of(const struct ex *x) { return x->kind == EX_CALL && x->number == FN_ARGMAX && x->network ? x->k[0] : NULL; }

/* the entry is larger (strict) than every other, or at least every other */
static bool argmax_equals(struct compile *c, const struct ex *vector, const struct ex *index, bool strict, struct sval *out) {
    struct sep *s = c->s;
    const struct ex *call = vector_of(vector);
    int64_t e;
    if (call == NULL || (call->number != FN_LOGITS && call->number != FN_ATTN) || index->network || !eval_int(s->e, index, &e)) return forms_refuse(c);
    const uint32_t width = call->number == FN_ATTN ? s->n : s->n_out;
    if (e < 0 || e >= (int64_t)width) { /* no entry, so not the largest */
        forms_constant(out, NO);
        return true;
    }
    forms_new(c, out, S_TRUTH, width - 1);
    for (uint32_t j = 0, k = 0; j < width; j++) {
        if ((int64_t)j == e) continue;
        if (call->number == FN_ATTN) {
            attention_to(c, &out->f[k], (uint32_t)e, 1);
            attention_to(c, &out->f[k], j, -1);
        } else {
            out->f[k].alpha = forms_zeros(c, s->n_out);
            num_set_int(&out->f[k].alpha[same_logit(s, e)], 1);
            struct num *rival = &out->f[k].alpha[same_logit(s, j)];
            num_set_int(rival, same_logit(s, e) == same_logit(s, j) ? 0 : -1);
        }
        out->strict[k++] = strict;
    }
    forms_simplify(c, out);
    return true;
}

static bool pair(struct compile *c, const struct ex *x, const struct ex *y, enum cmp op, struct sval *out) {
    if (argmax_of(x) != NULL || argmax_of(y) != NULL) {
        if (op != CMP_EQ && op != CMP_NE) return forms_refuse(c);
        if (!(argmax_of(x) != NULL ? argmax_equals(c, argmax_of(x), y, true, out) : argmax_equals(c, argmax_of(y), x, true, out))) return false;
        if (op == CMP_NE) forms_negate(out);
        return true;
    }
    struct sval a, b, d;
    if (!sym(c, x, &a) || !sym(c, y, &b)) return false;
    if (a.kind == S_NUM && b.kind == S_NUM && a.x->kind != K_REAL && b.x->kind != K_REAL) {
        int k = mpq_cmp(a.x->q, b.x->q);
        bool t = op == CMP_LT ? k < 0 : op == CMP_LE ? k <= 0 : op == CMP_GT ? k > 0 : op == CMP_GE ? k >= 0 : op == CMP_EQ ? k == 0 : k != 0;
        forms_constant(out, t ? YES : NO);
        return true;
    }
    if (!forms_of_number(c, &a) || !forms_of_number(c, &b)) return forms_refuse(c);
    if (op == CMP_EQ || op == CMP_NE) { /* both >= and <= */
        struct sval ge, le;
        if (!forms_sum(c, &a, &b, -1, &d) || !forms_positive(c, &d, false, &ge) || !forms_sum(c, &b, &a, -1, &d) || !forms_positive(c, &d, false, &le) || !forms_conjunction(c, &ge, &le, out)) return forms_refuse(c);
        if (op == CMP_NE) forms_negate(out);
        return true;
    }
    bool less = op == CMP_LT || op == CMP_LE;
    return forms_sum(c, less ? &b : &a, less ? &a : &b, -1, &d) && forms_positive(c, &d, op == CMP_LT || op == CMP_GT, out);
}

static bool chain(struct compile *c, const struct ex *x, struct sval *out) {
    forms_constant(out, YES);
    for (int i = 1; i < x->n; i++) {
        struct sval t, r;
        if (!pair(c, x->k[i - 1], x->k[i], (enum cmp)x->ops[i - 1], &t) || !forms_conjunction(c, out, &t, &r)) return false;
        *out = r;
    }
    return true;
}

static bool binary(struct compile *c, const struct ex *x, struct sval *out) {
    struct sval a, b;
    if (!sym(c, x->k[0], &a) || !sym(c, x->k[1], &b)) return false;
    if (x->kind == EX_ADD || x->kind == EX_SUB) return forms_of_number(c, &a) && forms_of_number(c, &b) && forms_sum(c, &a, &b, x->kind == EX_ADD ? 1 : -1, out);
    if (x->kind == EX_AND || x->kind == EX_OR || x->kind == EX_IMPLIES || x->kind == EX_IFF) return forms_combine(c, x->kind, &a, &b, out);
    struct sval *number = b.kind == S_NUM ? &b : &a, *other = number == &b ? &a : &b;
    if (number->kind != S_NUM || number->x->kind == K_REAL || (x->kind == EX_DIV && number == &a) || !forms_of_number(c, other)) return forms_refuse(c);
    struct num *by = forms_number(c, 1);
    if (x->kind == EX_MUL) num_copy(by, number->x);
    else if (x->kind != EX_DIV || !num_div(by, by, number->x, 64)) return forms_refuse(c);
    forms_scale(c, other, by, out);
    return true;
}

static bool plain(struct compile *c, const struct ex *x, struct sval *out) {
    struct val v;
    if (!eval(c->s->e, x, &v) || v.type == V_ARRAY || v.type == V_TABLE) return sep_refuse(c->s, "an expression without a value");
    if (v.type == V_TRI) forms_constant(out, v.tri);
    else *out = (struct sval){.kind = S_NUM, .x = v.x};
    return true;
}

/* Depth is bounded by the parser's. */
static bool sym(struct compile *c, const struct ex *x, struct sval *out) {
    struct sval a;
    if (!x->network) return plain(c, x, out);
    switch (x->kind) {
    case EX_INDEX: return leaf(c, x, out);
    case EX_CALL: return extreme(c, x, out);
    case EX_QUANT:
    case EX_EXISTS: return comprehension(c, x, out);
    case EX_CMP: return chain(c, x, out);
    case EX_IN:
        if (x->k[1]->kind != EX_CALL || x->k[1]->number != FN_ARGMAXES) return forms_refuse(c);
        return argmax_equals(c, x->k[1]->k[0], x->k[0], false, out);
    case EX_NOT:
        if (!sym(c, x->k[0], out) || (out->kind != S_TRI && out->kind != S_TRUTH)) return forms_refuse(c);
        forms_negate(out);
        return true;
    case EX_NEG:
        if (!sym(c, x->k[0], &a) || !forms_of_number(c, &a)) return forms_refuse(c);
        forms_scale(c, &a, forms_number(c, -1), out);
        return true;
    case EX_IF:
        if (x->k[0]->network || !plain(c, x->k[0], &a) || a.kind != S_TRI || a.tri == OPEN) return forms_refuse(c);
        return sym(c, x->k[a.tri == YES ? 1 : 2], out);
    case EX_ADD:
    case EX_SUB:
    case EX_MUL:
    case EX_DIV:
    case EX_AND:
    case EX_OR:
    case EX_IMPLIES:
    case EX_IFF: return binary(c, x, out);
    default: return forms_refuse(c);
    }
}

/* The features' values are where eval() finds them. */
bool sep_compile(struct sep *s, const struct ex *predicate, struct arena *a, struct truth *out) {
    struct compile c = {.s = s, .a = a};
    struct sval v;
    if (predicate == NULL) forms_constant(&v, YES);
    else if (!sym(&c, predicate, &v)) return sep_refuse(s, "the predicate");
    return forms_finish(&c, &v, out);
}

bool sep_compile_value(struct sep *s, const struct ex *value, struct arena *a, bool several, struct truth *out) {
    struct compile c = {.s = s, .a = a};
    struct sval v;
    if (!sym(&c, value, &v) || !forms_of_number(&c, &v)) return sep_refuse(s, "the value");
    if (v.n != 1 && !several) return sep_refuse(s, "an average of a minimum or a maximum of network values");
    if (v.n == 0) return sep_refuse(s, "max or min over nothing");
    for (size_t i = 0; i < v.n; i++)
        if (s->norm >= 0 && v.f[i].alpha != NULL) return sep_refuse(s, "an average of logits behind a final LayerNorm");
    *out = (struct truth){.negated = v.n > 1 && v.sense > 0, .form = arena_get(a, v.n, sizeof *out->form)};
    mpz_t times; /* all forms of a value have one factor */
    mpz_init_set_ui(times, 1);
    for (size_t i = 0; i < v.n; i++) form_denominators(s, &v.f[i], times);
    bool good = true;
    for (size_t i = 0; good && i < v.n; i++) good = form_integer(&c, &v.f[i], times, false, &out->form[out->n++]);
    mpz_clear(times);
    return good;
}
