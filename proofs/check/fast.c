#include "fast_lanes.h"
#include <string.h>

/* A value: an exact integer, a real within rad of mid (both at 2^-32), or a truth value. */
enum ftype { F_INT, F_REAL, F_TRI };
struct fval { enum ftype type; int64_t v, rad; };
#define ONE ((int64_t)1 << 32)
#define INT_MOST ((int64_t)1 << 40)
#define REAL_MOST ((int64_t)1 << 60)

static bool fev(struct fast *f, const struct ex *x, struct fval *out);

void fast_init(struct fast *f, struct eval *e, bool wide) {
    *f = (struct fast){.e = e, .wide = wide};
    f->nets = mem_get(NETS_MOST, sizeof *f->nets); /* never moved: pointers to them are held */
    f->on = mem_get(NETS_MOST, sizeof *f->on);
    f->model = mem_get(NETS_MOST, sizeof *f->model);
    f->source = mem_get(NETS_MOST, sizeof *f->source);
}

void fast_clear(struct fast *f) {
    for (int i = 0; i < f->n_nets; i++) fnet_clear(&f->nets[i]);
    mem_free(f->nets);
    mem_free(f->on);
    mem_free(f->made);
    mem_free(f->model);
    mem_free(f->source);
    *f = (struct fast){0};
}

static bool set_tri(struct fval *out, enum tri t) {
    *out = (struct fval){.type = F_TRI, .v = (int64_t)t};
    return true;
}

static bool set_int(struct fval *out, int64_t v) {
    *out = (struct fval){.type = F_INT, .v = v};
    return v <= INT_MOST && v >= -INT_MOST;
}

static bool set_real(struct fval *out, int64_t v, int64_t rad) {
    *out = (struct fval){.type = F_REAL, .v = v, .rad = rad};
    return v < REAL_MOST && v > -REAL_MOST && rad >= 0 && rad < REAL_MOST;
}

static bool to_real(struct fval *x) {
    if (x->type == F_REAL) return true;
    if (x->type != F_INT || x->v > (1 << 26) || x->v < -(1 << 26)) return false;
    return set_real(x, x->v * ONE, 0);
}

/* a literal: an integer, or a rational rounded down to 2^-32 */
static bool literal(const struct num *q, struct fval *out) {
    int64_t v;
    if (num_int64(q, &v)) return set_int(out, v);
    mpz_t t;
    mpz_init(t);
    mpz_mul_2exp(t, mpq_numref(q->q), 32);
    mpz_fdiv_q(t, t, mpq_denref(q->q));
    bool good = mpz_sizeinbase(t, 2) < 60;
    v = good ? mpz_get_si(t) : 0;
    mpz_clear(t);
    return good && set_real(out, v, 1);
}

bool fast_int(struct fast *f, const struct ex *x, int64_t last, int64_t *out) {
    bool had = f->e->has_last;
    int64_t old = f->e->last;
    struct fval v;
    if (last >= 0) {
        f->e->has_last = true;
        f->e->last = last;
    }
    bool good = fev(f, x, &v) && v.type == F_INT;
    f->e->has_last = had;
    f->e->last = old;
    *out = v.v;
    return good;
}

/* ---- networks ---- */

/* The network of a model expression without its changes; NULL where it is none. */
static const struct net *plain_net(const struct fast *f, const struct ex *model) {
    while (model->kind == EX_CALL && model->n > 0) model = model->k[0];
    return model->kind == EX_MODEL ? model_net(f->e, model->number) : NULL;
}

/* logits(M, t) or attn(M, l, h, t) on a variable or a sequence that is made of such: its network, node and tokens. The base's names of nodes are those of a changed network (edit.c). */
static struct fnet *table_of(struct fast *f, const struct ex *x, int *node, const int64_t **tokens) {
    if (x->kind != EX_CALL || (x->number != FN_LOGITS && x->number != FN_ATTN)) return NULL;
    const struct ex *t = x->k[x->n - 1];
    int64_t n;
    if (f->e->s->float32 && (x->k[0]->kind != EX_MODEL || !plain_net(f, x->k[0]) || !plain_net(f, x->k[0])->all_binary32)) return NULL;
    if (!fast_tokens(f, t, tokens, &n)) return NULL;
    if (!net_takes(plain_net(f, x->k[0]), *tokens, n)) return NULL;
    struct fnet *w = fast_network(f, x->k[0], t, (uint32_t)n);
    if (w == NULL) return NULL;
    if (w->other != NULL && !fast_source(f, w)) return NULL;
    if (t->kind != EX_VAR && !fast_tokens(f, t, tokens, &n)) return NULL; /* its network and the source may have made others */
    const struct net *net = w->net;
    *node = net->output;
    if (x->number == FN_ATTN) {
        int64_t l, h;
        char name[100];
        if (x->k[1]->network || x->k[2]->network || !fast_int(f, x->k[1], -1, &l) || !fast_int(f, x->k[2], -1, &h)) return NULL;
        snprintf(name, sizeof name, "blocks.%lld.attn.hook_pattern.%lld", (long long)l, (long long)h);
        *node = net_find(net, name);
        if (*node < 0) return NULL;
    }
    return w;
}

static const struct frow *row_at(struct fast *f, const struct ex *call, const struct ex *index, uint32_t *width) {
    int node;
    int64_t i;
    const int64_t *tokens;
    bool made = call->k[call->n - 1]->kind != EX_VAR; /* then an index that reads a network may make other tokens */
    struct fnet *w = made && index->network ? NULL : table_of(f, call, &node, &tokens);
    if (w != NULL && w->other != NULL && index->network && f->source[w - f->nets]->kind != EX_VAR) return NULL; /* here, too */
    if (w == NULL || index->kind == EX_SLICE || !fast_int(f, index, (int64_t)w->n - 1, &i) || i < 0 || i >= (int64_t)w->n) return NULL;
    *width = w->net->nodes[node].width == 0 ? w->n : w->net->nodes[node].width;
    if (f->lanes) return node == w->net->output ? lanes_output(w, tokens, (uint32_t)i) : NULL;
    if (node == w->net->output) return fnet_output(w, tokens, (uint32_t)i);
    fnet_tokens(w, tokens);
    return fnet_row(w, node, (uint32_t)i);
}

/* entry at 2^-32: |m| <= 2^54, rad <= 2^44, F <= 90 (below 2^29, at most 2^28 and 50 where rows are not wide) */
static bool entry(const struct frow *r, int64_t j, struct fval *out) {
    int up = 32 - r->F;
    int64_t m = frow_at(r, (uint32_t)j), rad = frow_rad(r, (uint32_t)j);
    if (up > 31 || (up > 0 && (size_of(m) >> (60 - up) != 0 || rad >> (60 - up) != 0))) return false;
    if (up >= 0) return set_real(out, m * ((int64_t)1 << up), rad << up);
    return set_real(out, m >> -up, (rad >> -up) + 2);
}

/* a vector: a row of a network */
static const struct frow *fvector(struct fast *f, const struct ex *x, uint32_t *width) {
    return x->kind == EX_INDEX && x->n == 2 && x->k[0]->kind == EX_CALL ? row_at(f, x->k[0], x->k[1], width) : NULL;
}

static bool literals(const struct ex *list) {
    for (int i = 0; i < list->n; i++)
        if (list->k[i]->kind != EX_LIT) return false;
    return true;
}

static bool findex(struct fast *f, const struct ex *x, struct fval *out) {
    const int64_t *s;
    int64_t n, i;
    uint32_t width;
    const struct ex *base = x->k[0];
    const struct frow *r = NULL;
    if (base->kind == EX_LIST && x->n == 2 && literals(base)) { /* an element that is not read may be an error: only numbers are none */
        if (!fast_int(f, x->k[1], base->n - 1, &i) || i < 0 || i >= base->n) return false;
        return fev(f, base->k[i], out) && out->type != F_TRI;
    }
    if (base->kind == EX_CALL && x->n == 3) r = row_at(f, base, x->k[1], &width);
    else if (base->kind == EX_INDEX && x->n == 2 && base->k[0]->kind == EX_CALL) r = fvector(f, base, &width);
    if (r != NULL) return x->k[x->n - 1]->kind != EX_SLICE && fast_int(f, x->k[x->n - 1], (int64_t)width - 1, &i) && i >= 0 && i < (int64_t)width && entry(r, i, out);
    if (base->kind == EX_CALL && base->number == FN_SORT && x->n == 2 && x->k[1]->kind != EX_SLICE) return fast_element(f, base, x->k[1], &i) && set_int(out, i);
    if (x->n != 2 || x->k[1]->kind == EX_SLICE || !fast_sequence(f, base, &s, &n) || !fast_int(f, x->k[1], n - 1, &i) || i < 0 || i >= n) return false;
    return set_int(out, s[i]);
}

/* ---- arithmetic ---- */

static bool arithmetic(struct fast *f, const struct ex *x, struct fval *out) {
    struct fval a, b;
    if (!fev(f, x->k[0], &a) || !fev(f, x->k[1], &b) || a.type == F_TRI || b.type == F_TRI) return false;
    if (x->kind == EX_MOD) {
        if (a.type != F_INT || b.type != F_INT || b.v <= 0) return false;
        int64_t r = a.v % b.v;
        return set_int(out, r < 0 ? r + b.v : r);
    }
    if (a.type == F_INT && b.type == F_INT && x->kind == EX_MUL) {
        __int128 v = (__int128)a.v * b.v;
        return v <= INT_MOST && v >= -INT_MOST && set_int(out, (int64_t)v);
    }
    int sign = x->kind == EX_SUB ? -1 : 1;
    if (a.type == F_INT && b.type == F_INT) return set_int(out, a.v + sign * b.v);
    if (x->kind == EX_MUL) {
        if (a.type == F_INT) {
            struct fval t = a;
            a = b;
            b = t;
        }
        if (b.type != F_INT || b.v > 4096 || b.v < -4096 || a.v > REAL_MOST / 8192 || a.v < -REAL_MOST / 8192 || a.rad > REAL_MOST / 8192) return false;
        return set_real(out, a.v * b.v, a.rad * (b.v < 0 ? -b.v : b.v));
    }
    return to_real(&a) && to_real(&b) && set_real(out, a.v + sign * b.v, a.rad + b.rad);
}

static enum tri less(const struct fval *a, const struct fval *b) { /* both of one type */
    if (a->type == F_INT) return a->v < b->v ? YES : NO;
    int64_t d = b->v - a->v, r = a->rad + b->rad; /* below 2^61 */
    return d > r ? YES : d <= -r ? NO : OPEN;
}

static enum tri row_largest(const struct frow *r, uint32_t n, int64_t i) {
    enum tri all = YES;
    for (uint32_t j = 0; j < n; j++) {
        if ((int64_t)j == i) continue;
        int64_t d = frow_at(r, (uint32_t)i) - frow_at(r, j), both = frow_rad(r, (uint32_t)i) + frow_rad(r, j);
        if (d <= -both) return NO;
        if (d <= both) all = OPEN;
    }
    return all;
}

/* argmax(row) == argmax(row), or == an integer */
static bool argmaxes(struct fast *f, const struct ex *a, const struct ex *b, enum tri *out) {
    bool left = a->kind == EX_CALL && a->number == FN_ARGMAX && a->network, right = b->kind == EX_CALL && b->number == FN_ARGMAX && b->network;
    uint32_t n, m;
    int64_t i = 0;
    if (!left || !right) {
        const struct frow *r = fvector(f, left ? a->k[0] : b->k[0], &n);
        if (r == NULL || !fast_int(f, left ? b : a, -1, &i) || i < 0 || i >= (int64_t)n) return false;
        *out = row_largest(r, n, i);
        return true;
    }
    const struct frow *r = fvector(f, a->k[0], &n);
    if (r == NULL) return false;
    for (uint32_t j = 1; j < n; j++)
        if (frow_at(r, j) > frow_at(r, (uint32_t)i)) i = j;
    if (row_largest(r, n, i) != YES) return false;
    const struct frow *s = fvector(f, b->k[0], &m);
    if (s == NULL) return false;
    *out = i < (int64_t)m ? row_largest(s, m, i) : NO;
    return true;
}

static bool comparison(struct fast *f, const struct ex *x, struct fval *out) {
    enum tri all = YES, t = OPEN;
    for (int i = 1; i < x->n && all != NO; i++) {
        const struct ex *l = x->k[i - 1], *r = x->k[i];
        enum cmp op = (enum cmp)x->ops[i - 1];
        bool largest = (l->kind == EX_CALL && l->number == FN_ARGMAX && l->network) || (r->kind == EX_CALL && r->number == FN_ARGMAX && r->network);
        struct fval a, b;
        if (largest) {
            if ((op != CMP_EQ && op != CMP_NE) || !argmaxes(f, l, r, &t)) return false;
            if (op == CMP_NE) t = tri_not(t);
        } else {
            if (!fev(f, l, &a) || !fev(f, r, &b) || a.type == F_TRI || b.type == F_TRI) return false;
            if (a.type != b.type && (!to_real(&a) || !to_real(&b))) return false;
            enum tri lt = less(&a, &b), gt = less(&b, &a);
            if (op == CMP_LT) t = lt;
            else if (op == CMP_LE) t = tri_not(gt);
            else if (op == CMP_GT) t = gt;
            else if (op == CMP_GE) t = tri_not(lt);
            else t = op == CMP_EQ ? tri_and(tri_not(lt), tri_not(gt)) : tri_or(lt, gt);
        }
        all = tri_and(all, t);
    }
    return set_tri(out, all);
}

static bool connective(struct fast *f, const struct ex *x, struct fval *out) {
    struct fval a, b;
    if (!fev(f, x->k[0], &a) || a.type != F_TRI) return false;
    enum tri p = (enum tri)a.v;
    if (x->kind == EX_NOT) return set_tri(out, tri_not(p));
    if (x->kind == EX_AND && p == NO) return set_tri(out, NO);
    if (x->kind == EX_OR && p == YES) return set_tri(out, YES);
    if (x->kind == EX_IMPLIES && p == NO) return set_tri(out, YES);
    if (!fev(f, x->k[1], &b) || b.type != F_TRI) return false;
    enum tri q = (enum tri)b.v;
    if (x->kind == EX_AND) return set_tri(out, tri_and(p, q));
    if (x->kind == EX_OR) return set_tri(out, tri_or(p, q));
    if (x->kind == EX_IMPLIES) return set_tri(out, tri_or(tri_not(p), q));
    return set_tri(out, p == OPEN || q == OPEN ? OPEN : p == q ? YES : NO);
}

/* ---- comprehensions over ranges ---- */

struct ffold { const struct ex *x; int q; struct fval acc; bool empty; };

static bool fold(struct fast *f, struct ffold *a) {
    struct fval v;
    enum tri where = YES;
    if (a->x->where != NULL) {
        if (!fev(f, a->x->where, &v) || v.type != F_TRI || v.v == OPEN) return false;
        where = (enum tri)v.v;
    }
    if (where == NO) return true;
    if (!fev(f, a->x->k[0], &v) || (v.type == F_TRI) != (a->q >= Q_COUNT)) return false;
    if (a->q == Q_ALL) return set_tri(&a->acc, tri_and((enum tri)a->acc.v, (enum tri)v.v));
    if (a->q == Q_ANY) return set_tri(&a->acc, tri_or((enum tri)a->acc.v, (enum tri)v.v));
    if (a->q == Q_COUNT) return v.v != OPEN && set_int(&a->acc, a->acc.v + (v.v == YES));
    if (a->empty) {
        a->empty = false;
        a->acc = v;
        return true;
    }
    if (v.type != a->acc.type && (!to_real(&v) || !to_real(&a->acc))) return false;
    if (a->q == Q_SUM) return v.type == F_INT ? set_int(&a->acc, a->acc.v + v.v) : set_real(&a->acc, a->acc.v + v.v, a->acc.rad + v.rad);
    /* |max(x, y) - max(x', y')| <= max of the radii */
    if (a->q == Q_MAX ? v.v > a->acc.v : v.v < a->acc.v) a->acc.v = v.v;
    if (v.rad > a->acc.rad) a->acc.rad = v.rad;
    return true;
}

static bool fold_from(struct fast *f, struct ffold *a, int i) {
    if (i == a->x->binds.n) return fold(f, a);
    const struct bind *b = &a->x->binds.b[i];
    int64_t lo, hi;
    if (b->set->kind != EX_RANGE || !fast_int(f, b->set->k[0], -1, &lo) || !fast_int(f, b->set->k[1], -1, &hi) || hi - lo > 100000) return false;
    bool good = true;
    for (int64_t v = lo; good && v <= hi; v++) {
        f->e->env[b->slot] = (struct var){.set = true, .v = v};
        good = fold_from(f, a, i + 1);
        if (a->q == Q_ALL && a->acc.v == NO) break; /* settled, like in eval.c */
        if (a->q == Q_ANY && a->acc.v == YES) break;
    }
    f->e->env[b->slot].set = false;
    return good;
}

static bool comprehension(struct fast *f, const struct ex *x, struct fval *out) {
    struct ffold a = {.x = x, .q = x->kind == EX_EXISTS ? Q_ANY : x->number, .empty = true};
    if (a.q == Q_MEAN || a.q == Q_ARGMAX || a.q == Q_ARGMIN) return false;
    if (a.q == Q_ALL || a.q == Q_ANY) set_tri(&a.acc, a.q == Q_ALL ? YES : NO);
    else set_int(&a.acc, 0);
    if (a.q == Q_SUM) a.empty = false;
    if (!fold_from(f, &a, 0) || (a.empty && (a.q == Q_MAX || a.q == Q_MIN))) return false;
    *out = a.acc;
    return true;
}

/* ---- functions of a sequence ---- */

/* fold(TABLE, s, t) with a small table of literals */
static bool fold_call(struct fast *f, const struct ex *x, struct fval *out) {
    const struct ex *table = x->k[0];
    const int64_t *t;
    int64_t n, state;
    if (table->kind != EX_LIST || table->n == 0 || table->n > 256 || !fast_int(f, x->k[1], -1, &state) || !fast_sequence(f, x->k[2], &t, &n)) return false;
    for (int i = 0; i < table->n; i++) {
        const struct ex *row = table->k[i];
        if (row->kind != EX_LIST || row->n != table->k[0]->n || row->n > 256) return false;
        for (int j = 0; j < row->n; j++)
            if (row->k[j]->kind != EX_LIT) return false;
    }
    for (int64_t i = 0; i < n; i++)
        if (state < 0 || state >= table->n || t[i] < 0 || t[i] >= table->k[0]->n || !fast_int(f, table->k[state]->k[t[i]], -1, &state)) return false;
    return set_int(out, state);
}

static bool call(struct fast *f, const struct ex *x, struct fval *out) {
    const int64_t *s;
    int64_t n, best = 0, a;
    if (x->n == 0) return false;
    if (x->number == FN_FOLD) return fold_call(f, x, out);
    if (x->number == FN_ABS) {
        if (!fev(f, x->k[0], out) || out->type == F_TRI) return false;
        if (out->v < 0) out->v = -out->v;
        return true;
    }
    if (!fast_sequence(f, x->k[0], &s, &n)) return false;
    if (x->number == FN_LEN) return set_int(out, n);
    if (x->number == FN_CONTAINS) {
        if (!fast_int(f, x->k[1], -1, &a)) return false;
        for (int64_t i = 0; i < n; i++)
            if (s[i] == a) return set_tri(out, YES);
        return set_tri(out, NO);
    }
    if (x->number == FN_DISTINCT) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++)
                if (s[i] == s[j]) return set_tri(out, NO);
        return set_tri(out, YES);
    }
    if (n == 0 || x->n != 1) return false;
    int64_t sum = 0;
    bool low = x->number == FN_MIN || x->number == FN_ARGMIN;
    for (int64_t i = 0; i < n; i++) {
        if (s[i] > INT_MOST / 4096 || s[i] < -INT_MOST / 4096) return false;
        sum += s[i];
        if (low ? s[i] < s[best] : s[i] > s[best]) best = i;
    }
    if (x->number == FN_SUM) return set_int(out, sum);
    if (x->number == FN_MAX || x->number == FN_MIN) return set_int(out, s[best]);
    return (x->number == FN_ARGMAX || x->number == FN_ARGMIN) && set_int(out, best);
}

static bool fif(struct fast *f, const struct ex *x, struct fval *out) {
    struct fval c;
    if (!fev(f, x->k[0], &c) || c.type != F_TRI || c.v == OPEN) return false;
    return fev(f, x->k[c.v == YES ? 1 : 2], out);
}

/* false: not for this evaluator. Depth is bounded by the parser's. */
static bool fev(struct fast *f, const struct ex *x, struct fval *out) {
    const struct var *v;
    *out = (struct fval){0};
    switch (x->kind) {
    case EX_LIT: return literal(x->lit, out);
    case EX_LAST: return f->e->has_last && set_int(out, f->e->last);
    case EX_VAR: v = &f->e->env[x->number]; return v->set && !v->seq && set_int(out, v->v);
    case EX_IF: return fif(f, x, out);
    case EX_NOT:
    case EX_AND:
    case EX_OR:
    case EX_IMPLIES:
    case EX_IFF: return connective(f, x, out);
    case EX_CMP: return comparison(f, x, out);
    case EX_ADD:
    case EX_SUB:
    case EX_MUL:
    case EX_MOD: return arithmetic(f, x, out);
    case EX_NEG:
        if (!fev(f, x->k[0], out) || out->type == F_TRI) return false;
        out->v = -out->v;
        return true;
    case EX_INDEX: return findex(f, x, out);
    case EX_CALL: return call(f, x, out);
    case EX_QUANT:
    case EX_EXISTS: return comprehension(f, x, out);
    default: return false;
    }
}

enum tri fast_decide(struct fast *f, const struct ex *x) {
    struct fval v;
    if (x == NULL) return YES;
    f->e->has_last = false;
    if (!fev(f, x, &v) || v.type != F_TRI) return OPEN;
    return (enum tri)v.v;
}

bool fast_value(struct fast *f, const struct ex *x, unsigned p, struct num *out) {
    struct fval v;
    f->e->has_last = false;
    if (!fev(f, x, &v) || v.type == F_TRI) return false;
    num_set_int(out, v.v);
    if (v.type == F_INT) return true;
    mpq_t end[2];
    for (int i = 0; i < 2; i++) {
        mpq_init(end[i]);
        mpq_set_si(end[i], i == 0 ? v.v - v.rad : v.v + v.rad, 1); /* below 2^61 */
        mpq_div_2exp(end[i], end[i], 32);
    }
    num_set_between(out, end[0], end[1], p);
    mpq_clears(end[0], end[1], NULL);
    return true;
}
