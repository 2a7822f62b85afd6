#include "nodes.h"
#include <string.h>

const unsigned precision[PRECISIONS] = {64, 128, 256, 512};

void eval_init(struct eval *e, const struct stmt *s) {
    *e = (struct eval){.s = s, .p = precision[0], .next_id = 1};
    e->env = mem_get((size_t)s->n_slots, sizeof *e->env);
}

void eval_clear(struct eval *e) {
    for (size_t i = 0; i < e->pool.n_chunks; i++) {
        for (size_t k = 0; k < e->pool.c[i].n; k++) num_clear(&e->pool.c[i].x[k]);
        mem_free(e->pool.c[i].x);
    }
    mem_free(e->pool.c);
    for (int i = 0; i < RUNS; i++)
        if (e->runs[i].net != NULL) run_clear(&e->runs[i]);
    for (int i = 0; i < e->n_caches; i++) {
        for (size_t k = 0; k < val_size(e->caches[i]); k++) num_clear(&e->caches[i]->x[k]);
        mem_free(e->caches[i]->x);
        mem_free(e->caches[i]);
    }
    means_clear(e);
    forms_clear(e);
    changed_clear(e);
    mem_free(e->env);
    *e = (struct eval){0};
}

void eval_next_id(struct eval *e) { e->next_id = e->next_id == UINT32_MAX ? 1 : e->next_id + 1; }

void eval_reset(struct eval *e) { e->pool.chunk = e->pool.used = 0; }

bool eval_fail(struct eval *e, const char *what) { return fail_at(&e->fail, 0, "%s", what); }

struct num *pool_get(struct eval *e, size_t n) {
    struct pool *p = &e->pool;
    while (p->chunk < p->n_chunks && p->c[p->chunk].n - p->used < n) {
        p->chunk++;
        p->used = 0;
    }
    if (p->chunk == p->n_chunks) {
        size_t size = n > 2048 ? n : 2048;
        p->c = mem_grow(p->c, p->n_chunks, p->n_chunks + 1, sizeof *p->c);
        p->c[p->n_chunks] = (struct chunk){.x = mem_get(size, sizeof(struct num)), .n = size};
        for (size_t i = 0; i < size; i++) num_init(&p->c[p->n_chunks].x[i]);
        p->n_chunks++;
        p->used = 0;
    }
    struct num *x = p->c[p->chunk].x + p->used;
    p->used += n;
    return x;
}

size_t val_size(const struct val *v) {
    size_t n = 1;
    for (int i = 0; i < v->rank; i++) n *= v->d[i];
    return n;
}

void val_array(struct eval *e, struct val *out, int rank, uint32_t d0, uint32_t d1, uint32_t d2) {
    *out = (struct val){.type = V_ARRAY, .rank = rank, .d = {d0, d1, d2}};
    out->x = pool_get(e, val_size(out));
}

static void val_int(struct eval *e, struct val *out, int64_t v) {
    *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    num_set_int(out->x, v);
}

bool val_all_int(const struct val *v) {
    for (size_t i = 0; i < val_size(v); i++)
        if (v->x[i].kind != K_INT) return false;
    return true;
}

bool val_force(struct eval *e, struct val *v) {
    if (v->type != V_TABLE) return true;
    struct val t = *v;
    val_array(e, v, 2, t.d[0], t.d[1], 0);
    for (uint32_t i = 0; i < t.d[0]; i++) {
        const struct num *row = table_row(e, &t, i);
        if (row == NULL) return false;
        for (uint32_t j = 0; j < t.d[1]; j++) {
            if (!table_entry_exists(&t, i, j)) return eval_fail(e, "a score outside the mask");
            num_copy(&v->x[(size_t)i * t.d[1] + j], &row[j]);
        }
    }
    return true;
}

bool need_num(struct eval *e, const struct ex *x, struct val *out) {
    return eval(e, x, out) && (out->type == V_NUM ? true : eval_fail(e, "a number was expected"));
}

bool need_array(struct eval *e, const struct ex *x, struct val *out) {
    return eval(e, x, out) && val_force(e, out) && (out->type == V_ARRAY ? true : eval_fail(e, "an array was expected"));
}

bool need_tri(struct eval *e, const struct ex *x, enum tri *out) {
    struct val v;
    if (!eval(e, x, &v)) return false;
    *out = v.tri;
    return v.type == V_TRI ? true : eval_fail(e, "a truth value was expected");
}

bool eval_int(struct eval *e, const struct ex *x, int64_t *out) {
    struct val v;
    if (!need_num(e, x, &v)) return false;
    return num_int64(v.x, out) ? true : eval_fail(e, "an integer was expected");
}

bool val_tri(struct val *out, enum tri t) {
    *out = (struct val){.type = V_TRI, .tri = t};
    return true;
}

/* ---- indices ---- */

static bool index_int(struct eval *e, const struct ex *x, uint32_t size, int64_t *out) {
    bool had = e->has_last;
    int64_t last = e->last;
    e->has_last = true;
    e->last = (int64_t)size - 1;
    bool good = eval_int(e, x, out);
    e->has_last = had;
    e->last = last;
    return good;
}

/* first and number of entries of one index item on an axis of the given size; keep: a slice, the axis stays */
static bool index_range(struct eval *e, const struct ex *x, uint32_t size, uint32_t *first, uint32_t *n, bool *keep) {
    int64_t lo = 0, hi = (int64_t)size - 1;
    *keep = x->kind == EX_SLICE;
    if (*keep) {
        if (x->k[0] != NULL && !index_int(e, x->k[0], size, &lo)) return false;
        if (x->k[1] != NULL && !index_int(e, x->k[1], size, &hi)) return false;
    } else {
        if (!index_int(e, x, size, &lo)) return false;
        hi = lo;
    }
    if (*keep && hi < lo) lo = 0, hi = -1; /* empty */
    if (lo < 0 || hi >= (int64_t)size) return eval_fail(e, "index out of range");
    *first = (uint32_t)lo;
    *n = (uint32_t)(hi - lo + 1);
    return true;
}

static bool table_index(struct eval *e, const struct ex *x, const struct val *t, struct val *out) {
    uint32_t row, col = 0, n, cols = t->d[1];
    bool keep, keep_col = true;
    if (!index_range(e, x->k[1], t->d[0], &row, &n, &keep)) return false;
    if (x->n == 3 && !index_range(e, x->k[2], t->d[1], &col, &cols, &keep_col)) return false;
    if (keep) {
        *out = *t;
        out->type = V_ARRAY;
        if (!keep_col) val_array(e, out, 1, n, 0, 0);
        else val_array(e, out, 2, n, cols, 0);
    } else if (keep_col) val_array(e, out, 1, cols, 0, 0);
    else *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    for (uint32_t i = 0; i < n; i++) {
        const struct num *r = table_row(e, t, row + i);
        if (r == NULL) return false;
        for (uint32_t j = 0; j < cols; j++) {
            if (!table_entry_exists(t, row + i, col + j)) return eval_fail(e, "a score outside the mask");
            num_copy(&out->x[(size_t)i * cols + j], &r[col + j]);
        }
    }
    return true;
}

static bool eval_index(struct eval *e, const struct ex *x, struct val *out) {
    struct val b;
    if (!eval(e, x->k[0], &b)) return false;
    if (b.type != V_ARRAY && b.type != V_TABLE) return eval_fail(e, "only arrays have entries");
    if (x->n - 1 > b.rank) return eval_fail(e, "too many indices");
    if (b.type == V_TABLE) return table_index(e, x, &b, out);
    uint32_t first[3] = {0, 0, 0}, n[3] = {1, 1, 1}, d[3] = {1, 1, 1};
    struct val r = {.type = V_ARRAY};
    for (int i = 0; i < b.rank; i++) {
        bool keep = true;
        d[i] = n[i] = b.d[i];
        if (i + 1 < x->n && !index_range(e, x->k[i + 1], b.d[i], &first[i], &n[i], &keep)) return false;
        if (keep) r.d[r.rank++] = n[i];
    }
    if (r.rank == 0) r.type = V_NUM;
    r.x = pool_get(e, (size_t)n[0] * n[1] * n[2]);
    size_t at = 0;
    for (size_t i = first[0]; i < (size_t)first[0] + n[0]; i++)
        for (size_t j = first[1]; j < (size_t)first[1] + n[1]; j++)
            for (size_t k = first[2]; k < (size_t)first[2] + n[2]; k++) num_copy(&r.x[at++], &b.x[(i * d[1] + j) * d[2] + k]);
    *out = r;
    return true;
}

/* ---- arithmetic ---- */

static bool same_shape(const struct val *a, const struct val *b) { return a->rank == b->rank && memcmp(a->d, b->d, (size_t)a->rank * sizeof *a->d) == 0; }

static void like(struct eval *e, struct val *out, const struct val *a) {
    *out = *a;
    out->x = pool_get(e, val_size(a));
}

static bool number_or_array(struct eval *e, const struct ex *x, struct val *v) {
    if (!eval(e, x, v) || !val_force(e, v)) return false;
    return v->type != V_TRI ? true : eval_fail(e, "a number was expected");
}

static bool remainder_of(struct eval *e, const struct val *a, const struct val *b, struct val *out) {
    if (a->type != V_NUM || b->type != V_NUM || a->x->kind != K_INT || b->x->kind != K_INT) return eval_fail(e, "% needs integers");
    if (mpq_sgn(b->x->q) <= 0) return eval_fail(e, "% needs a positive divisor");
    val_int(e, out, 0);
    mpz_fdiv_r(mpq_numref(out->x->q), mpq_numref(a->x->q), mpq_numref(b->x->q));
    return true;
}

static bool eval_arithmetic(struct eval *e, const struct ex *x, struct val *out) {
    struct val a, b;
    if (!number_or_array(e, x->k[0], &a) || !number_or_array(e, x->k[1], &b)) return false;
    if (x->kind == EX_MOD) return remainder_of(e, &a, &b, out);
    if (x->kind == EX_MATMUL) return mat_mul(e, &a, &b, out);
    bool sums = x->kind == EX_ADD || x->kind == EX_SUB;
    if (sums ? a.type != b.type || !same_shape(&a, &b) : (b.type == V_ARRAY && (x->kind == EX_DIV || a.type == V_ARRAY))) return eval_fail(e, "shapes do not fit");
    like(e, out, a.type == V_ARRAY ? &a : &b);
    for (size_t i = 0; i < val_size(out); i++) {
        const struct num *u = &a.x[a.type == V_ARRAY ? i : 0], *v = &b.x[b.type == V_ARRAY ? i : 0];
        if (x->kind == EX_ADD) num_add(&out->x[i], u, v, e->p);
        else if (x->kind == EX_SUB) num_sub(&out->x[i], u, v, e->p);
        else if (x->kind == EX_MUL) num_mul(&out->x[i], u, v, e->p);
        else if (!num_div(&out->x[i], u, v, e->p)) return eval_fail(e, "division by something not proved non-zero");
    }
    return true;
}

static bool eval_neg(struct eval *e, const struct ex *x, struct val *out) {
    struct val a;
    if (!number_or_array(e, x->k[0], &a)) return false;
    like(e, out, &a);
    for (size_t i = 0; i < val_size(&a); i++) num_neg(&out->x[i], &a.x[i]);
    return true;
}

static bool eval_pow(struct eval *e, const struct ex *x, struct val *out) {
    struct val a;
    int64_t n;
    if (!need_num(e, x->k[0], &a) || !eval_int(e, x->k[1], &n)) return false;
    if (n > 4096 || n < -4096) return eval_fail(e, "exponent too large");
    val_int(e, out, 1);
    for (int64_t i = 0; i < (n < 0 ? -n : n); i++) {
        num_mul(out->x, out->x, a.x, e->p);
        if (mpz_sizeinbase(LO(out->x), 2) + mpz_sizeinbase(HI(out->x), 2) > 4000000) return eval_fail(e, "power too large");
    }
    struct val one;
    val_int(e, &one, 1);
    if (n < 0 && !num_div(out->x, one.x, out->x, e->p)) return eval_fail(e, "division by something not proved non-zero");
    if (n < 0 && out->x->kind == K_INT) out->x->kind = K_RAT;
    return true;
}

/* ---- comprehensions ---- */

struct fold { const struct ex *x; enum tri tri; struct num *acc; int64_t count; bool empty, mixed; struct tag row; }; /* mixed: no entries of one row in order */

static bool fold_truth(struct eval *e, struct fold *f, enum tri where) {
    enum tri t;
    if (!need_tri(e, f->x->k[0], &t)) return false;
    if (f->x->number == Q_ALL) f->tri = tri_and(f->tri, tri_or(tri_not(where), t));
    else if (f->x->number == Q_ANY) f->tri = tri_or(f->tri, tri_and(where, t));
    else {
        t = tri_and(where, t);
        if (t == OPEN) return eval_fail(e, "a count inside an expression is unsettled");
        f->count += t == YES;
        return true;
    }
    return f->tri != (f->x->number == Q_ALL ? NO : YES); /* decided: stop */
}

static bool fold_step(struct eval *e, void *arg) {
    struct fold *f = arg;
    size_t chunk = e->pool.chunk, used = e->pool.used;
    enum tri where = YES;
    struct val v;
    bool more = true;
    if (f->x->where != NULL && !need_tri(e, f->x->where, &where)) return false;
    if (where == NO) goto done;
    if (f->x->number >= Q_COUNT) {
        more = fold_truth(e, f, where);
        goto done;
    }
    if (where == OPEN) return eval_fail(e, "the condition of a comprehension is unsettled");
    if (!need_num(e, f->x->k[0], &v)) return false;
    f->mixed = f->mixed || !next_of_row(&f->row, v.x, (uint64_t)f->count);
    f->count++;
    if (f->empty && f->x->number != Q_SUM && f->x->number != Q_MEAN) num_copy(f->acc, v.x);
    else if (f->x->number == Q_MAX) num_max(f->acc, f->acc, v.x, e->p);
    else if (f->x->number == Q_MIN) num_min(f->acc, f->acc, v.x, e->p);
    else num_add(f->acc, f->acc, v.x, e->p);
    f->empty = false;
done:
    e->pool.chunk = chunk; /* the accumulator is older than this mark */
    e->pool.used = used;
    return more;
}

static bool eval_quant(struct eval *e, const struct ex *x, struct val *out) {
    if (x->number == Q_ARGMAX || x->number == Q_ARGMIN) return eval_fail(e, "no rule for argmax or argmin of a comprehension");
    struct fold f = {.x = x, .tri = x->number == Q_ALL ? YES : NO, .empty = true, .acc = pool_get(e, 1)};
    num_set_int(f.acc, 0);
    if (!eval_each(e, &x->binds, fold_step, &f) && e->fail.set) return false;
    if (x->number == Q_ALL || x->number == Q_ANY) return val_tri(out, f.tri);
    if (x->number == Q_COUNT) {
        val_int(e, out, f.count);
        return true;
    }
    if (f.empty && x->number != Q_SUM) return eval_fail(e, "max, min or mean over nothing");
    *out = (struct val){.type = V_NUM, .x = f.acc};
    if (x->number == Q_SUM && !f.mixed && f.count > 0 && is_whole_softmax(e, f.row, (uint64_t)f.count)) num_set_int(f.acc, 1);
    struct val n;
    val_int(e, &n, f.count);
    return x->number == Q_MEAN ? num_div(f.acc, f.acc, n.x, e->p) : true;
}

static bool exists_step(struct eval *e, void *arg) {
    struct fold *f = arg;
    size_t chunk = e->pool.chunk, used = e->pool.used;
    enum tri where = YES, t = NO;
    if (f->x->where != NULL && !need_tri(e, f->x->where, &where)) return false;
    if (where != NO && !need_tri(e, f->x->k[0], &t)) return false;
    f->tri = tri_or(f->tri, tri_and(where, t));
    e->pool.chunk = chunk;
    e->pool.used = used;
    return f->tri != YES;
}

static bool eval_exists(struct eval *e, const struct ex *x, struct val *out) {
    struct fold f = {.x = x, .tri = NO};
    if (!eval_each(e, &x->binds, exists_step, &f) && e->fail.set) return false;
    return val_tri(out, f.tri);
}

/* ---- leaves ---- */

static bool eval_var(struct eval *e, const struct ex *x, struct val *out) {
    const struct var *v = &e->env[x->number];
    if (!v->set) return eval_fail(e, "a variable has no value");
    if (!v->seq) {
        val_int(e, out, v->v);
        return true;
    }
    val_array(e, out, 1, v->n, 0, 0);
    for (uint32_t i = 0; i < v->n; i++) num_set_int(&out->x[i], v->s[i]);
    return true;
}

/* the numbers of the array itself: nothing changes the numbers of a value in place */
static bool eval_data(struct eval *e, const struct ex *x, struct val *out) {
    const struct array *a = e->s->data[x->number].array;
    if (a == NULL) return eval_fail(e, "a data array is missing");
    *out = (struct val){.type = V_ARRAY, .rank = a->rank, .d = {a->d[0], a->d[1], a->d[2]}, .x = a->x};
    return true;
}

static bool eval_list(struct eval *e, const struct ex *x, struct val *out) {
    *out = (struct val){.type = V_ARRAY, .rank = 1, .d = {(uint32_t)x->n}};
    for (int i = 0; i < x->n; i++) {
        struct val v;
        if (!number_or_array(e, x->k[i], &v)) return false;
        if (i == 0) {
            if (v.rank > 2) return eval_fail(e, "too many axes");
            out->rank = v.rank + 1;
            memcpy(out->d + 1, v.d, 2 * sizeof *v.d);
            out->x = pool_get(e, val_size(out));
        } else if (v.rank != out->rank - 1 || memcmp(v.d, out->d + 1, (size_t)v.rank * sizeof *v.d) != 0) return eval_fail(e, "shapes do not fit");
        for (size_t k = 0; k < val_size(&v); k++) num_copy(&out->x[(size_t)i * val_size(&v) + k], &v.x[k]);
    }
    return true;
}

static bool eval_fresh(struct eval *e, const struct ex *x, struct val *out) {
    switch (x->kind) {
    case EX_LIT:
        *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
        num_copy(out->x, x->lit);
        return true;
    case EX_VAR: return eval_var(e, x, out);
    case EX_DATA: return eval_data(e, x, out);
    case EX_LAST:
        if (!e->has_last) return eval_fail(e, "'last' outside an index");
        val_int(e, out, e->last);
        return true;
    case EX_IF: return eval_if(e, x, out);
    case EX_NOT:
    case EX_AND:
    case EX_OR:
    case EX_IMPLIES:
    case EX_IFF: return eval_connective(e, x, out);
    case EX_CMP: return eval_cmp(e, x, out);
    case EX_IN: return eval_in(e, x, out);
    case EX_ADD:
    case EX_SUB:
    case EX_MUL:
    case EX_DIV:
    case EX_MOD:
    case EX_MATMUL: return eval_arithmetic(e, x, out);
    case EX_NEG: return eval_neg(e, x, out);
    case EX_POW: return eval_pow(e, x, out);
    case EX_INDEX: return eval_index(e, x, out);
    case EX_CALL: return eval_call(e, x, out);
    case EX_LIST: return eval_list(e, x, out);
    case EX_QUANT: return eval_quant(e, x, out);
    case EX_EXISTS: return eval_exists(e, x, out);
    default: return eval_fail(e, "an expression was expected");
    }
}

/* A constant array is computed once; only values without enclosures are kept, so they do not depend on the precision. */
static void keep(struct eval *e, struct ex *x, const struct val *v) {
    if (v->type != V_ARRAY || e->n_caches == 256) return;
    for (size_t i = 0; i < val_size(v); i++)
        if (v->x[i].kind == K_REAL) return;
    struct val *c = mem_get(1, sizeof *c);
    *c = *v;
    c->x = mem_get(val_size(v), sizeof *c->x);
    for (size_t i = 0; i < val_size(v); i++) {
        num_init(&c->x[i]);
        num_copy(&c->x[i], &v->x[i]);
    }
    e->caches[e->n_caches++] = c;
    x->cache = c;
}

bool eval(struct eval *e, const struct ex *x, struct val *out) {
    if (e->fail.set) return false;
    if (x->cache != NULL) {
        *out = *(struct val *)x->cache;
        return true;
    }
    if (!eval_fresh(e, x, out)) return eval_fail(e, "not defined");
    if (x->constant && x->kind != EX_LIT && x->kind != EX_DATA) keep(e, (struct ex *)(uintptr_t)x, out);
    return true;
}

/* ---- at growing precision ---- */

enum tri eval_decide(struct eval *e, const struct ex *x) {
    enum tri t = OPEN;
    if (x == NULL) return YES;
    for (int i = 0; i < PRECISIONS && t == OPEN; i++) {
        e->p = precision[i];
        e->fail.set = false;
        eval_reset(e);
        if (!need_tri(e, x, &t)) t = OPEN;
    }
    eval_reset(e);
    return t;
}

bool eval_value(struct eval *e, const struct ex *x, unsigned p, struct num *out) {
    struct val v;
    e->p = p;
    e->fail.set = false;
    eval_reset(e);
    bool good = need_num(e, x, &v);
    if (good) num_copy(out, v.x);
    eval_reset(e);
    return good;
}
