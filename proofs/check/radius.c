/* Lines `radius` (FORMAT.md §3): every one is tested here, and what it shows of radius(M, x) is looked up when a claim is evaluated. */
#include "region.h"
#include "words.h"
#include <string.h>

#define CAP_BITS 64 /* a larger distance, or none at all, counts as 2^64 */

struct radius { const char *key; size_t key_size; mpq_t lo, hi; };
struct radii { struct radius *r; size_t n; struct rowpoly out[64]; bool made[64]; };

/* A line while it is tested. */
struct line { const struct binding *b; struct words words; struct fail *f; struct rowpoly *out; size_t n, answer, target; bool all, boxed; mpq_t *x, *zero, *low, *high; struct formroom w; mpz_t unit;
    struct region g; }; /* boxed: low <= x + u <= high */

static bool bad(struct line *l, const char *what) { return fail_at(l->f, l->b->line, "radius: %s", what); }

/* The next field, up to a space. */
static bool word(struct line *l, const char **s, size_t *n) { return words_next(&l->words, s, n) ? true : bad(l, "a field is missing"); }

static bool read_point(struct line *l, const char *s, size_t size, mpq_t *out) { return vector_read(s, size, out, l->n) ? true : bad(l, "not a vector of the network's inputs"); }

/* value of output k at w.X, times a positive number that is the same for all outputs */
static void output_at(struct line *l, size_t k, mpz_t value) {
    for (size_t t = 0; t < l->out->each; t++) mpz_set(l->w.m[t], l->out->c[k * l->out->each + t]);
    form_gradient(&l->w, value);
}

static void find_answer(struct line *l) {
    mpz_t v, best;
    mpz_inits(v, best, NULL);
    form_point(l->w.X, (const mpq_t *)l->x, (const mpq_t *)l->zero, l->n);
    l->answer = 0;
    for (size_t k = 0; k < l->out->width; k++) {
        output_at(l, k, v);
        if (k > 0 && mpz_cmp(v, best) <= 0) continue;
        mpz_set(best, v);
        l->answer = k;
    }
    mpz_clears(v, best, NULL);
}

static bool is_rival(const struct line *l, size_t k) { return k != l->answer && (l->all || k == l->target); }

/* Is a rival at least as large as the answer at x + u? */
static bool overtaken(struct line *l, const mpq_t *u) {
    mpz_t v, best;
    mpz_inits(v, best, NULL);
    form_point(l->w.X, (const mpq_t *)l->x, u, l->n);
    output_at(l, l->answer, best);
    bool found = false;
    for (size_t k = 0; k < l->out->width && !found; k++) {
        if (!is_rival(l, k)) continue;
        output_at(l, k, v);
        found = mpz_cmp(v, best) >= 0;
    }
    mpz_clears(v, best, NULL);
    return found;
}

/* hi: a point within it, or the cap */
static bool upper(struct line *l, const mpq_t hi, const mpq_t cap) {
    const char *s;
    size_t n;
    if (!word(l, &s, &n)) return false;
    if (n == 1 && *s == '-') return mpq_cmp(hi, cap) == 0 ? true : bad(l, "a point is missing");
    mpq_t *u = vector_new(l->n), sum, t;
    mpq_inits(sum, t, NULL);
    bool good = read_point(l, s, n, u);
    for (size_t i = 0; good && i < l->n; i++) {
        mpq_mul(t, u[i], u[i]);
        mpq_add(sum, sum, t);
    }
    mpq_mul(t, hi, hi);
    if (good && mpq_cmp(sum, t) > 0) good = bad(l, "the point is farther than the upper end");
    for (size_t i = 0; good && l->boxed && i < l->n; i++) {
        mpq_add(t, u[i], l->x[i]);
        if (mpq_cmp(t, l->low[i]) < 0 || mpq_cmp(t, l->high[i]) > 0) good = bad(l, "the point is not in the box");
    }
    if (good && !overtaken(l, (const mpq_t *)u)) good = bad(l, "the answer is the same at the point");
    vector_free(u, l->n);
    mpq_clears(sum, t, NULL);
    return good;
}

/* ---- in a box ---- */

/* `split I V` or `leaf ...`, all on the line */
static bool next_words(struct cells *s, const char **text, size_t *size) {
    struct line *l = s->from;
    const char *w;
    size_t n;
    if (!word(l, text, size)) return false;
    for (size_t k = *size == 5 && memcmp(*text, "split", 5) == 0 ? 2 : leaf_numbers(s); k > 0; k--) {
        if (!word(l, &w, &n)) return false;
        *size = (size_t)(w + n - *text);
    }
    return true;
}

/* u in the ball of radius lo, and x + u in the box */
static void region_around(struct line *l, const mpq_t lo) {
    struct region *g = &l->g;
    g->l2 = true;
    mpq_set(g->radius, lo);
    mpq_mul(g->radius2, lo, lo);
    for (size_t i = 0; i < l->n; i++) {
        mpq_sub(g->lo[i], l->low[i], l->x[i]);
        mpq_sub(g->hi[i], l->high[i], l->x[i]);
        if (mpq_cmp(g->hi[i], lo) > 0) mpq_set(g->hi[i], lo);
        mpq_neg(g->radius, lo);
        if (mpq_cmp(g->lo[i], g->radius) < 0) mpq_set(g->lo[i], g->radius);
        mpq_set(g->radius, lo);
    }
}

static void set_form(struct line *l, size_t k) {
    for (size_t t = 0; t < l->out->each; t++) mpz_sub(l->w.m[t], l->out->c[l->answer * l->out->each + t], l->out->c[k * l->out->each + t]);
}

static bool lower_in_box(struct line *l, const mpq_t lo) {
    struct cells s = {next_words, l, "radius", l->b->line, l->f, &l->g, &l->w, (const mpq_t *)l->x, NULL};
    bool good = true;
    region_around(l, lo);
    bool empty = region_is_empty(&l->g);
    for (size_t k = 0; good && !empty && k < l->out->width; k++) {
        if (!is_rival(l, k)) continue;
        set_form(l, k);
        good = cells_show(&s, l->unit);
    }
    return good && l->words.at != l->words.end ? bad(l, "too many cells") : good;
}

/* lo: a multiplier for every rival, in rising order; or 0 */
static bool lower(struct line *l, const mpq_t lo) {
    const char *s;
    size_t n;
    if (mpq_sgn(lo) == 0) return word(l, &s, &n) && n == 1 && *s == '-' && l->words.at == l->words.end ? true : bad(l, "a lower end of 0 has no multipliers");
    if (l->boxed) return lower_in_box(l, lo);
    mpq_t r2, lambda;
    mpq_inits(r2, lambda, NULL);
    mpq_mul(r2, lo, lo);
    bool good = true;
    for (size_t k = 0; good && k < l->out->width; k++) {
        if (!is_rival(l, k)) continue;
        good = word(l, &s, &n);
        if (good && (!rational_read(lambda, s, n) || mpq_sgn(lambda) < 0)) good = bad(l, "not a multiplier");
        if (!good) break;
        set_form(l, k);
        form_point(l->w.X, (const mpq_t *)l->x, (const mpq_t *)l->zero, l->n);
        if (!form_positive(&l->w, l->unit, r2, lambda)) good = fail_at(l->f, l->b->line, "radius: the multiplier of output %zu does not show the answer larger on the ball", k);
    }
    mpq_clears(r2, lambda, NULL);
    return good && l->words.at != l->words.end ? bad(l, "too many multipliers") : good;
}

static bool read_target(struct line *l) {
    const char *s;
    size_t n;
    if (!word(l, &s, &n)) return false;
    l->all = n == 1 && *s == '*';
    l->target = 0;
    for (size_t i = 0; !l->all && i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || n > 9 || (n > 1 && *s == '0')) return bad(l, "'*' or an output expected");
        l->target = 10 * l->target + (size_t)(s[i] - '0');
    }
    return l->all || l->target < l->out->width ? true : bad(l, "no such output");
}

static bool ends(struct line *l, struct radius *r) {
    const char *s;
    size_t n;
    mpq_t cap;
    if (!word(l, &s, &n) || !rational_read(r->lo, s, n) || !word(l, &s, &n) || !rational_read(r->hi, s, n)) return bad(l, "two ends expected");
    mpq_init(cap);
    mpz_setbit(mpq_numref(cap), CAP_BITS);
    bool ordered = mpq_sgn(r->lo) >= 0 && mpq_cmp(r->lo, r->hi) <= 0 && mpq_cmp(r->hi, cap) <= 0;
    bool good = ordered ? upper(l, r->hi, cap) && lower(l, r->lo) : bad(l, "the ends are not in order");
    mpq_clear(cap);
    return good;
}

static bool test_line(struct line *l, struct radius *r) {
    const char *s;
    size_t n;
    if (!read_target(l) || !word(l, &s, &n) || !read_point(l, s, n, l->x)) return false;
    l->boxed = l->words.end - l->words.at > 3 && memcmp(l->words.at, "in ", 3) == 0;
    if (l->boxed && !(word(l, &s, &n) && word(l, &s, &n) && read_point(l, s, n, l->low) && word(l, &s, &n) && read_point(l, s, n, l->high))) return false;
    for (size_t i = 0; l->boxed && i < l->n; i++)
        if (mpq_cmp(l->low[i], l->high[i]) > 0) return bad(l, "the box is empty");
    r->key = l->b->s;
    r->key_size = (size_t)(s + n - l->b->s);
    find_answer(l);
    if (l->out->width < 2) return bad(l, "a network of one output has no other answer");
    if (!l->all && l->target == l->answer) return bad(l, "the output is the answer itself");
    return ends(l, r);
}

static bool one_line(struct radii *all, struct eval *e, const struct binding *b, struct radius *r, struct fail *f) {
    struct line l = {.b = b, .words = {b->s, b->s + b->n}, .f = f};
    const char *s;
    size_t n;
    if (!word(&l, &s, &n)) return false;
    int model = model_named(e->s, s, n);
    if (model < 0 || e->s->models[model].net == NULL) return bad(&l, "no such model");
    const struct net *net = e->s->models[model].net;
    l.out = &all->out[model];
    bool made = all->made[model];
    all->made[model] = true;
    if (!made && !net_rowpoly(l.out, net, -1, f)) return false;
    l.n = net->in_width;
    l.x = vector_new(l.n);
    l.zero = vector_new(l.n);
    l.low = vector_new(l.n);
    l.high = vector_new(l.n);
    region_init(&l.g, l.n);
    formroom_init(&l.w, l.n);
    mpz_init(l.unit);
    mpz_setbit(l.unit, l.out->scale);
    bool good = test_line(&l, r);
    vector_free(l.x, l.n);
    vector_free(l.zero, l.n);
    vector_free(l.low, l.n);
    vector_free(l.high, l.n);
    region_clear(&l.g);
    formroom_clear(&l.w);
    mpz_clear(l.unit);
    return good;
}

bool radii_check(const struct certificate *c, struct eval *e, struct fail *f) {
    struct radii *all = e->radii = mem_get(1, sizeof *all);
    if (c->n_radii > 0 && e->s->float32) return fail_at(f, c->radii[0].line, "radius: real semantics only");
    all->r = mem_get(c->n_radii, sizeof *all->r);
    for (size_t i = 0; i < c->n_radii; i++) {
        struct radius *r = &all->r[all->n++];
        mpq_inits(r->lo, r->hi, NULL);
        if (!one_line(all, e, &c->radii[i], r, f)) return false;
        if (i > 0 && compare_bytes(r[-1].key, r[-1].key_size, r->key, r->key_size) >= 0) return fail_at(f, c->radii[i].line, "radius: lines are not in order, or one stands twice");
    }
    return true;
}

void radii_clear(struct eval *e) {
    struct radii *all = e->radii;
    if (all == NULL) return;
    for (size_t i = 0; i < all->n; i++) mpq_clears(all->r[i].lo, all->r[i].hi, NULL);
    for (int i = 0; i < 64; i++)
        if (all->made[i]) rowpoly_clear(&all->out[i]);
    mem_free(all->r);
    mem_free(all);
    e->radii = NULL;
}

/* ---- radius(M, x), radius(M, x, j) ---- */

static void add_rational(struct buffer *b, mpq_srcptr x) {
    mpq_t q;
    mpq_init(q);
    mpq_set(q, x);
    mpq_canonicalize(q);
    char *s = mpq_get_str(NULL, 10, q);
    buffer_puts(b, s);
    void (*release)(void *, size_t);
    mp_get_memory_functions(NULL, NULL, &release);
    release(s, strlen(s) + 1);
    mpq_clear(q);
}

static const struct radius *look_up(const struct radii *all, const char *key, size_t n) {
    size_t lo = 0, hi = all != NULL ? all->n : 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = compare_bytes(all->r[mid].key, all->r[mid].key_size, key, n);
        if (c == 0) return &all->r[mid];
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

/* An exact vector of n entries, or a number that stands for n equal ones where that is allowed; n = 0: any length, which is returned there. */
static bool add_vector(struct eval *e, const struct ex *x, uint32_t *n, bool number_allowed, struct buffer *key) {
    struct val v;
    if (!eval(e, x, &v)) return false;
    bool number = number_allowed && v.type == V_NUM;
    if (!number && !need_array(e, x, &v)) return false;
    if (!number && (v.rank != 1 || (*n > 0 && v.d[0] != *n))) return eval_fail(e, "radius needs vectors of one length");
    if (!number) *n = v.d[0];
    for (uint32_t i = 0; i < *n; i++) {
        const struct num *a = &v.x[number ? 0 : i];
        if (!num_exact(a)) return eval_fail(e, "radius needs vectors of exact numbers");
        if (i > 0) buffer_puts(key, ",");
        add_rational(key, a->q);
    }
    if (*n == 1) buffer_puts(key, ",");
    return true;
}

/* MODEL J X, and with a box behind it: in A B */
static bool radius_key(struct eval *e, const struct ex *x, struct buffer *key) {
    int64_t target = -1;
    uint32_t n = 0;
    char number[32];
    bool one = x->n % 2 == 1;
    if (x->k[0]->kind != EX_MODEL) return eval_fail(e, "radius needs a network");
    if (one && (!eval_int(e, x->k[2], &target) || target < 0)) return eval_fail(e, "the third argument of radius is an output");
    buffer_puts(key, e->s->models[x->k[0]->number].name);
    if (one) snprintf(number, sizeof number, " %lld ", (long long)target);
    buffer_puts(key, one ? number : " * ");
    if (!add_vector(e, x->k[1], &n, false, key)) return false;
    if (x->n < 4) return true;
    buffer_puts(key, " in ");
    if (!add_vector(e, x->k[2 + one], &n, true, key)) return false;
    buffer_puts(key, " ");
    return add_vector(e, x->k[3 + one], &n, true, key);
}

bool eval_radius(struct eval *e, const struct ex *x, struct val *out) {
    struct buffer key = {0};
    if (e->s->float32) return eval_fail(e, "radius is of the real function of a network");
    bool good = radius_key(e, x, &key);
    const struct radius *r = good ? look_up(e->radii, key.s, key.n) : NULL;
    buffer_clear(&key);
    if (!good) return false;
    if (r == NULL) return eval_fail(e, "no line 'radius' for a value that the claim reads");
    *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    num_set_between(out->x, r->lo, r->hi, e->p);
    return true;
}
