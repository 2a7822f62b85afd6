#include "num.h"

enum tri tri_not(enum tri a) { return a == OPEN ? OPEN : a == YES ? NO : YES; }
enum tri tri_and(enum tri a, enum tri b) { return a == NO || b == NO ? NO : a == YES && b == YES ? YES : OPEN; }
enum tri tri_or(enum tri a, enum tri b) { return tri_not(tri_and(tri_not(a), tri_not(b))); }

void num_init(struct num *x) {
    x->kind = K_INT;
    x->tag = (struct tag){0};
    mpq_init(x->q);
}

void num_clear(struct num *x) { mpq_clear(x->q); }

struct num *nums_new(size_t n) {
    struct num *x = mem_get(n, sizeof *x);
    for (size_t i = 0; i < n; i++) num_init(&x[i]);
    return x;
}

void nums_free(struct num *x, size_t n) {
    for (size_t i = 0; x != NULL && i < n; i++) num_clear(&x[i]);
    mem_free(x);
}

static void begin(struct num *x, enum kind kind) {
    x->kind = kind;
    x->tag = (struct tag){0};
}

void num_set_int(struct num *x, int64_t v) {
    begin(x, K_INT);
    mpq_set_si(x->q, v, 1);
}

void num_set_mpq(struct num *x, mpq_srcptr q) {
    begin(x, mpz_cmp_ui(mpq_denref(q), 1) == 0 ? K_INT : K_RAT);
    mpq_set(x->q, q);
}

void num_set_dyadic(struct num *x, struct dyadic v) {
    begin(x, K_RAT);
    dyadic_mpq(x->q, v);
}

void num_set_between(struct num *x, mpq_srcptr lo, mpq_srcptr hi, unsigned p) {
    begin(x, K_REAL);
    mpz_mul_2exp(LO(x), mpq_numref(lo), p);
    mpz_fdiv_q(LO(x), LO(x), mpq_denref(lo));
    mpz_mul_2exp(HI(x), mpq_numref(hi), p);
    mpz_cdiv_q(HI(x), HI(x), mpq_denref(hi));
}

void num_copy(struct num *x, const struct num *a) {
    if (x == a) return;
    x->kind = a->kind;
    x->tag = a->tag;
    mpz_set(LO(x), LO(a));
    mpz_set(HI(x), HI(a));
}

void num_to_real(struct num *x, const struct num *a, unsigned p) {
    if (a->kind == K_REAL) {
        num_copy(x, a);
        return;
    }
    mpz_t t;
    mpz_init(t);
    mpz_mul_2exp(t, mpq_numref(a->q), p);
    struct num r;
    num_init(&r);
    r.kind = K_REAL;
    mpz_fdiv_q(LO(&r), t, mpq_denref(a->q));
    mpz_cdiv_q(HI(&r), t, mpq_denref(a->q));
    num_copy(x, &r);
    num_clear(&r);
    mpz_clear(t);
}

bool num_exact(const struct num *a) { return a->kind != K_REAL; }
static enum kind wider(const struct num *a, const struct num *b) { return a->kind > b->kind ? a->kind : b->kind; }

void num_add(struct num *x, const struct num *a, const struct num *b, unsigned p) {
    if (num_exact(a) && num_exact(b)) {
        enum kind kind = wider(a, b);
        mpq_add(x->q, a->q, b->q);
        begin(x, kind);
        return;
    }
    struct num u, v;
    num_init(&u);
    num_init(&v);
    num_to_real(&u, a, p);
    num_to_real(&v, b, p);
    mpz_add(LO(x), LO(&u), LO(&v));
    mpz_add(HI(x), HI(&u), HI(&v));
    begin(x, K_REAL);
    num_clear(&u);
    num_clear(&v);
}

void num_neg(struct num *x, const struct num *a) {
    num_copy(x, a);
    if (num_exact(x)) mpq_neg(x->q, x->q);
    else {
        mpz_neg(LO(x), LO(x));
        mpz_neg(HI(x), HI(x));
        mpz_swap(LO(x), HI(x));
    }
    begin(x, x->kind);
}

bool num_same(const struct num *a, const struct num *b) {
    return a->kind == K_REAL && b->kind == K_REAL && a->tag.run != 0 && a->tag.run == b->tag.run && a->tag.node == b->tag.node &&
           a->tag.row == b->tag.row && a->tag.col == b->tag.col;
}

bool num_identical(const struct num *a, const struct num *b) {
    if (a->kind != b->kind || mpz_cmp(LO(a), LO(b)) != 0 || mpz_cmp(HI(a), HI(b)) != 0) return false;
    if (num_exact(a)) return true;
    return a->tag.run != 0 || b->tag.run != 0 ? num_same(a, b) : mpz_cmp(LO(a), HI(a)) == 0;
}

void num_sub(struct num *x, const struct num *a, const struct num *b, unsigned p) {
    if (num_same(a, b)) {
        begin(x, K_REAL); /* exactly 0, still of real type */
        mpz_set_ui(LO(x), 0);
        mpz_set_ui(HI(x), 0);
        return;
    }
    struct num c;
    num_init(&c);
    num_neg(&c, b);
    num_add(x, a, &c, p);
    num_clear(&c);
}

/* Of the products (or other candidates) c[0..n-1], given with scale 2^s too much, the least rounded down and the largest rounded up. */
static void set_hull(struct num *x, mpz_t *c, int n, mp_bitcnt_t s) {
    int least = 0, most = 0;
    for (int i = 1; i < n; i++) {
        if (mpz_cmp(c[i], c[least]) < 0) least = i;
        if (mpz_cmp(c[i], c[most]) > 0) most = i;
    }
    mpz_fdiv_q_2exp(LO(x), c[least], s);
    mpz_cdiv_q_2exp(HI(x), c[most], s);
    begin(x, K_REAL);
}

/* a real times an exact q: the two ends times q, rounded outward; q keeps or swaps their order by its sign */
static void scale_by(struct num *x, const struct num *a, mpq_srcptr q) {
    mpz_t lo, hi;
    mpz_inits(lo, hi, NULL);
    mpz_mul(lo, LO(a), mpq_numref(q));
    mpz_mul(hi, HI(a), mpq_numref(q));
    if (mpq_sgn(q) < 0) mpz_swap(lo, hi);
    mpz_t den;
    mpz_init_set(den, mpq_denref(q));
    mpz_fdiv_q(LO(x), lo, den);
    mpz_cdiv_q(HI(x), hi, den);
    begin(x, K_REAL);
    mpz_clears(lo, hi, den, NULL);
}

void num_mul(struct num *x, const struct num *a, const struct num *b, unsigned p) {
    if (num_exact(a) && num_exact(b)) {
        enum kind kind = wider(a, b);
        mpq_mul(x->q, a->q, b->q);
        begin(x, kind);
    } else if (num_exact(a)) scale_by(x, b, a->q);
    else if (num_exact(b)) scale_by(x, a, b->q);
    else {
        mpz_t c[4];
        for (int i = 0; i < 4; i++) mpz_init(c[i]);
        mpz_mul(c[0], LO(a), LO(b));
        mpz_mul(c[1], LO(a), HI(b));
        mpz_mul(c[2], HI(a), LO(b));
        mpz_mul(c[3], HI(a), HI(b));
        set_hull(x, c, 4, p);
        for (int i = 0; i < 4; i++) mpz_clear(c[i]);
    }
}

static bool has_zero(const struct num *a) { return num_exact(a) ? mpq_sgn(a->q) == 0 : mpz_sgn(LO(a)) <= 0 && mpz_sgn(HI(a)) >= 0; }

bool num_div(struct num *x, const struct num *a, const struct num *b, unsigned p) {
    if (has_zero(b)) return false;
    if (num_exact(b)) {
        mpq_t r;
        mpq_init(r);
        mpq_inv(r, b->q);
        if (num_exact(a)) {
            mpq_mul(x->q, a->q, r);
            begin(x, K_RAT);
        } else scale_by(x, a, r);
        mpq_clear(r);
        return true;
    }
    struct num u;
    num_init(&u);
    num_to_real(&u, a, p);
    mpz_t f[4], c[4]; /* floors and ceilings of the four quotients of ends */
    for (int i = 0; i < 4; i++) {
        mpz_inits(f[i], c[i], NULL);
        mpz_mul_2exp(f[i], i < 2 ? LO(&u) : HI(&u), p);
        mpz_cdiv_q(c[i], f[i], i % 2 == 0 ? LO(b) : HI(b));
        mpz_fdiv_q(f[i], f[i], i % 2 == 0 ? LO(b) : HI(b));
    }
    mpz_set(LO(x), f[0]);
    mpz_set(HI(x), c[0]);
    for (int i = 0; i < 4; i++) {
        if (mpz_cmp(f[i], LO(x)) < 0) mpz_set(LO(x), f[i]);
        if (mpz_cmp(c[i], HI(x)) > 0) mpz_set(HI(x), c[i]);
        mpz_clears(f[i], c[i], NULL);
    }
    begin(x, K_REAL);
    num_clear(&u);
    return true;
}

/* which: -1 min, 1 max, 0 hull, end by end */
static void pick(struct num *x, const struct num *a, const struct num *b, int which, unsigned p) {
    if (num_exact(a) && num_exact(b) && (which != 0 || mpq_equal(a->q, b->q))) {
        enum kind kind = wider(a, b);
        bool first = which * mpq_cmp(a->q, b->q) >= 0;
        num_copy(x, first ? a : b);
        x->kind = kind;
        return;
    }
    struct num u, v;
    num_init(&u);
    num_init(&v);
    num_to_real(&u, a, p);
    num_to_real(&v, b, p);
    bool lo_first = which > 0 ? mpz_cmp(LO(&u), LO(&v)) >= 0 : mpz_cmp(LO(&u), LO(&v)) <= 0;
    bool hi_first = which < 0 ? mpz_cmp(HI(&u), HI(&v)) <= 0 : mpz_cmp(HI(&u), HI(&v)) >= 0;
    mpz_set(LO(x), lo_first ? LO(&u) : LO(&v));
    mpz_set(HI(x), hi_first ? HI(&u) : HI(&v));
    begin(x, K_REAL);
    const bool u_it_is = which > 0 ? mpz_cmp(LO(&u), HI(&v)) >= 0 : mpz_cmp(HI(&u), LO(&v)) <= 0, v_it_is = which > 0 ? mpz_cmp(LO(&v), HI(&u)) >= 0 : mpz_cmp(HI(&v), LO(&u)) <= 0;
    if (num_same(&u, &v) || (which != 0 && u_it_is)) x->tag = u.tag;
    else if (which != 0 && v_it_is) x->tag = v.tag;
    num_clear(&u);
    num_clear(&v);
}

void num_max(struct num *x, const struct num *a, const struct num *b, unsigned p) { pick(x, a, b, 1, p); }
void num_min(struct num *x, const struct num *a, const struct num *b, unsigned p) { pick(x, a, b, -1, p); }
void num_hull(struct num *x, const struct num *a, const struct num *b, unsigned p) { pick(x, a, b, 0, p); }

void num_abs(struct num *x, const struct num *a, unsigned p) {
    struct num minus;
    num_init(&minus);
    num_neg(&minus, a);
    num_max(x, a, &minus, p);
    if (x->kind == K_REAL && mpz_sgn(LO(x)) < 0) mpz_set_ui(LO(x), 0);
    num_clear(&minus);
}

void num_square(struct num *x, const struct num *a, unsigned p) {
    struct num m;
    num_init(&m);
    num_abs(&m, a, p);
    num_mul(x, &m, &m, p);
    num_clear(&m);
}

/* Reals of one end are compared exactly; an exact number is enclosed at 2^-p first, which can only turn an answer into OPEN. */
enum tri num_lt(const struct num *a, const struct num *b, unsigned p) {
    if (num_exact(a) && num_exact(b)) return mpq_cmp(a->q, b->q) < 0 ? YES : NO;
    if (num_same(a, b)) return NO;
    struct num u, v;
    num_init(&u);
    num_init(&v);
    num_to_real(&u, a, p);
    num_to_real(&v, b, p);
    enum tri r = mpz_cmp(HI(&u), LO(&v)) < 0 ? YES : mpz_cmp(LO(&u), HI(&v)) >= 0 ? NO : OPEN;
    num_clear(&u);
    num_clear(&v);
    return r;
}

enum tri num_le(const struct num *a, const struct num *b, unsigned p) { return tri_not(num_lt(b, a, p)); }
enum tri num_eq(const struct num *a, const struct num *b, unsigned p) { return tri_and(num_le(a, b, p), num_le(b, a, p)); }

bool num_int64(const struct num *a, int64_t *v) {
    if (a->kind != K_INT || !mpz_fits_slong_p(mpq_numref(a->q))) return false;
    *v = mpz_get_si(mpq_numref(a->q));
    return true;
}
