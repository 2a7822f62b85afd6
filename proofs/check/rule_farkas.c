/* Rule farkas: that no point of a box satisfies a disjunct, by cases of units and multipliers (FORMAT.md §3). */
#include "farkas_query.h"
#include <string.h>

/* The case at hand: lo[k] <= z[k] <= hi[k], a[i] <= variable i (inputs, then units) <= b[i]; the lines that the certificate has shown in it. bad: a unit has no value somewhere. empty: some lo[k] > hi[k]. */
struct state { mpq_t *lo, *hi, *a, *b; size_t n_lines; bool bad, empty; };
struct line { size_t unit; bool above; mpq_t slope, constant; };
enum phase { OFF, ON, FREE, SMOOTH };
struct tree { struct query *q; const struct disjunct *d; size_t next; struct line *lines; size_t room, depth; };

static enum phase phase_of(const struct query *q, const struct state *s, size_t k) {
    if (q->p.curve[k] != C_RELU) return SMOOTH;
    return mpq_sgn(s->lo[k]) >= 0 ? ON : mpq_sgn(s->hi[k]) <= 0 ? OFF : FREE;
}

/* What unit k can be. */
static void unit_range(const struct query *q, struct state *s, size_t k) {
    mpq_t *a = &s->a[q->p.n + k], *b = &s->b[q->p.n + k];
    enum phase p = phase_of(q, s, k);
    s->empty = s->empty || mpq_cmp(s->lo[k], s->hi[k]) > 0;
    if (p == SMOOTH && !s->empty) {
        s->bad = s->bad || !curve_range(*a, *b, q->p.curve[k], s->lo[k], s->hi[k], CURVE_BITS);
        return;
    }
    mpq_set_ui(*a, 0, 1);
    mpq_set_ui(*b, 0, 1);
    if (p == ON) mpq_set(*a, s->lo[k]);
    if (p == ON || p == FREE) mpq_set(*b, s->hi[k]);
}

/* Interval arithmetic, unit by unit; `begin`: nothing is known before. */
static void propagate(const struct query *q, struct state *s, size_t from, bool begin) {
    mpq_t t;
    mpq_init(t);
    for (size_t k = from; !s->bad && k < q->p.units; k++) {
        form_extreme(t, &q->p, (const mpq_t *)q->p.z[k], k, (const mpq_t *)s->a, (const mpq_t *)s->b, false);
        if (begin || mpq_cmp(t, s->lo[k]) > 0) mpq_set(s->lo[k], t);
        form_extreme(t, &q->p, (const mpq_t *)q->p.z[k], k, (const mpq_t *)s->a, (const mpq_t *)s->b, true);
        if (begin || mpq_cmp(t, s->hi[k]) < 0) mpq_set(s->hi[k], t);
        unit_range(q, s, k);
    }
    mpq_clear(t);
}

static void vector_copy(mpq_t *out, const mpq_t *in, size_t n) {
    for (size_t i = 0; i < n; i++) mpq_set(out[i], in[i]);
}

static struct state state_copy(const struct query *q, const struct state *from) {
    size_t units = q->p.units, all = q->p.size - 1;
    struct state s = {vector_new(units), vector_new(units), vector_new(all), vector_new(all), from != NULL ? from->n_lines : 0, from != NULL && from->bad, from != NULL && from->empty};
    vector_copy(s.a, (const mpq_t *)(from != NULL ? from->a : q->lo), from != NULL ? all : q->p.n);
    vector_copy(s.b, (const mpq_t *)(from != NULL ? from->b : q->hi), from != NULL ? all : q->p.n);
    if (from != NULL) vector_copy(s.lo, (const mpq_t *)from->lo, units), vector_copy(s.hi, (const mpq_t *)from->hi, units);
    return s;
}

static void state_clear(const struct query *q, struct state *s) {
    vector_free(s->lo, q->p.units);
    vector_free(s->hi, q->p.units);
    vector_free(s->a, q->p.size - 1);
    vector_free(s->b, q->p.size - 1);
}

/* "K" or "K REST": a unit; *s is moved behind it. */
static bool read_unit(struct query *q, const char **s, const char *end, size_t most, size_t *out) {
    const char *p = *s;
    size_t k = 0;
    if (p == end || *p < '0' || *p > '9' || (*p == '0' && p + 1 < end && p[1] >= '0' && p[1] <= '9')) return query_refuse(q, "a number was expected");
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if ((k = 10 * k + (size_t)(*p - '0')) >= most) return query_refuse(q, "nothing has this number");
    *s = p;
    *out = k;
    return k < most ? true : query_refuse(q, "nothing has this number");
}

/* sum += factor (z_k - at) */
static void add_argument(struct query *q, size_t k, const mpq_t factor, const mpq_t at, mpq_t *sum) {
    mpq_t t;
    mpq_init(t);
    vector_add(sum, (const mpq_t *)q->p.z[k], factor, q->p.size);
    mpq_mul(t, factor, at);
    mpq_sub(sum[q->p.size - 1], sum[q->p.size - 1], t);
    mpq_clear(t);
}

/* lambda (u - z), or lambda ((z - lo) hi / (hi - lo) - u) */
static void add_relu(struct query *q, const struct state *s, size_t k, bool above, const mpq_t lambda, mpq_t *sum) {
    size_t unit = q->p.n + k;
    mpq_t factor, zero;
    mpq_inits(factor, zero, NULL);
    if (above) {
        mpq_sub(sum[unit], sum[unit], lambda);
        mpq_sub(factor, s->hi[k], s->lo[k]);
        mpq_div(factor, s->hi[k], factor);
        mpq_mul(factor, factor, lambda);
        add_argument(q, k, factor, s->lo[k], sum);
    } else {
        mpq_add(sum[unit], sum[unit], lambda);
        mpq_neg(factor, lambda);
        add_argument(q, k, factor, zero, sum);
    }
    mpq_clears(factor, zero, NULL);
}

/* lambda (u - slope z - constant), or its opposite for a line above */
static void add_line(struct query *q, const struct line *x, const mpq_t lambda, mpq_t *sum) {
    mpq_t w, t;
    mpq_inits(w, t, NULL);
    if (x->above) mpq_neg(w, lambda);
    else mpq_set(w, lambda);
    mpq_add(sum[q->p.n + x->unit], sum[q->p.n + x->unit], w);
    mpq_mul(t, w, x->constant);
    mpq_sub(sum[q->p.size - 1], sum[q->p.size - 1], t);
    mpq_mul(t, w, x->slope);
    mpq_neg(t, t);
    vector_add(sum, (const mpq_t *)q->p.z[x->unit], t, q->p.size);
    mpq_clears(w, t, NULL);
}

/* sum += lambda times what the letter names */
static bool add_term(struct tree *t, const struct state *s, char letter, size_t k, mpq_t lambda, mpq_t *sum, bool *strict) {
    struct query *q = t->q;
    bool of_unit = letter != 'g' && letter != 'l';
    enum phase p = of_unit ? phase_of(q, s, k) : OFF;
    if (mpq_sgn(lambda) < 0 && !(letter == 'q' && p == ON)) return query_refuse(q, "a multiplier is negative");
    if ((letter == 'q' || letter == 't') && p == SMOOTH) return query_refuse(q, "a term of max(0, z) for a unit that is another function");
    if (letter == 't' && p != FREE) return query_refuse(q, "the line above a unit whose sign is known");
    if (letter == 'g') {
        const struct atom *a = &q->atoms[t->d->atom[k]];
        vector_add(sum, (const mpq_t *)a->v, lambda, q->p.size);
        *strict = *strict || (a->strict && mpq_sgn(lambda) > 0);
    } else if (letter == 'l') add_line(q, &t->lines[k], lambda, sum);
    else if (letter == 'a') add_argument(q, k, lambda, s->lo[k], sum);
    else if (letter == 'b') {
        mpq_neg(lambda, lambda);
        add_argument(q, k, lambda, s->hi[k], sum);
    } else add_relu(q, s, k, letter == 't', lambda, sum);
    return true;
}

/* Terms, each after a space. Their sum, added to sum, is at least 0 (more if strict) where the case is, and must be below that everywhere. */
static bool contradiction(struct tree *t, const struct state *s, const char *at, const char *end, mpq_t *sum, bool strict) {
    struct query *q = t->q;
    mpq_t lambda;
    if (s->bad) return query_refuse(q, "a unit has no value somewhere in the case");
    mpq_init(lambda);
    bool good = true;
    while (good && at < end) {
        size_t k = 0;
        char letter = end - at > 3 && at[0] == ' ' ? at[1] : ' ';
        if (memchr("gqtabl", letter, 6) == NULL) good = query_refuse(q, "a term was expected");
        at += 2;
        good = good && read_unit(q, &at, end, letter == 'g' ? t->d->n : letter == 'l' ? s->n_lines : q->p.units, &k);
        if (good && (at == end || *at++ != ':')) good = query_refuse(q, "a term was expected");
        const char *space = good ? memchr(at, ' ', (size_t)(end - at)) : NULL, *stop = space != NULL ? space : end;
        if (good && !rational_read(lambda, at, (size_t)(stop - at))) good = query_refuse(q, "a multiplier is not a canonical number");
        good = good && add_term(t, s, letter, k, lambda, sum, &strict);
        at = stop;
    }
    if (good) {
        form_extreme(lambda, &q->p, (const mpq_t *)sum, q->p.units, (const mpq_t *)s->a, (const mpq_t *)s->b, true);
        good = mpq_sgn(lambda) < 0 || (mpq_sgn(lambda) == 0 && strict) ? true : query_refuse(q, "the multipliers show no contradiction");
    }
    mpq_clear(lambda);
    return good;
}

#define DEPTH_MOST 4096 /* cuts and splits inside each other */

static bool steps(struct tree *t, struct state *s);

/* " V" or " V REST": a number; *s is moved behind it. */
static bool read_number(struct query *q, const char **s, const char *end, mpq_t out) {
    const char *at = *s;
    if (at == end || *at++ != ' ') return query_refuse(q, "a number was expected");
    const char *space = memchr(at, ' ', (size_t)(end - at)), *stop = space != NULL ? space : end;
    *s = stop;
    return rational_read(out, at, (size_t)(stop - at)) || query_refuse(q, "not a canonical number");
}

/* After an end of input k, or a bound of unit k, was set. A case that was bad before knows nothing of the units behind the one without a value. */
static void narrowed(const struct query *q, struct state *s, bool input, size_t k) {
    bool begin = s->bad;
    s->bad = false;
    if (!input) unit_range(q, s, k);
    propagate(q, s, input ? 0 : k + 1, begin);
}

/* "K V TERMS": V bounds z[K], or the input K, from below (or above), since the terms contradict the opposite. */
static bool bound(struct tree *t, struct state *s, const char *at, const char *end, bool input, bool low) {
    struct query *q = t->q;
    size_t k;
    mpq_t v, one;
    if (!read_unit(q, &at, end, input ? q->p.n : q->p.units, &k)) return false;
    mpq_inits(v, one, NULL);
    mpq_t *sum = vector_new(q->p.size);
    bool good = read_number(q, &at, end, v);
    mpq_set_si(one, low ? -1 : 1, 1); /* v - z > 0, or z - v > 0 */
    if (input) mpq_set(sum[k], one);
    else vector_add(sum, (const mpq_t *)q->p.z[k], one, q->p.size);
    if (low) mpq_add(sum[q->p.size - 1], sum[q->p.size - 1], v);
    else mpq_sub(sum[q->p.size - 1], sum[q->p.size - 1], v);
    good = good && contradiction(t, s, at, end, sum, true);
    mpq_t *ends = input ? (low ? s->a : s->b) : low ? s->lo : s->hi;
    if (good && (low ? mpq_cmp(v, ends[k]) > 0 : mpq_cmp(v, ends[k]) < 0)) mpq_set(ends[k], v);
    if (good) narrowed(q, s, input, k);
    vector_free(sum, q->p.size);
    mpq_clears(v, one, NULL);
    return good;
}

/* The steps that follow are for the case with the end narrowed to v (z of a unit, or input k), and after them those for the other side. */
static bool divide(struct tree *t, struct state *s, bool input, size_t k, const mpq_t v) {
    struct query *q = t->q;
    if (t->depth == DEPTH_MOST) return query_refuse(q, "more than 4,096 cuts and splits inside each other");
    struct state below = state_copy(q, s);
    mpq_set(input ? below.b[k] : below.hi[k], v);
    mpq_set(input ? s->a[k] : s->lo[k], v);
    narrowed(q, &below, input, k);
    t->depth++;
    bool good = steps(t, &below);
    t->depth--;
    state_clear(q, &below);
    narrowed(q, s, input, k);
    return good;
}

/* "K" of max(0, z), "K V" of another function: a unit; "I V": an input */
static bool split(struct tree *t, struct state *s, const char *at, const char *end, bool input) {
    struct query *q = t->q;
    size_t k;
    mpq_t v;
    if (!read_unit(q, &at, end, input ? q->p.n : q->p.units, &k)) return false;
    enum phase p = input ? SMOOTH : phase_of(q, s, k);
    mpq_init(v);
    bool good = p != SMOOTH || read_number(q, &at, end, v);
    if (good && at != end) good = query_refuse(q, "text after the number of a unit or of a cut");
    if (good && p != SMOOTH && p != FREE) good = query_refuse(q, "a split of a unit whose sign is known");
    if (good && p == SMOOTH && (mpq_cmp(v, input ? s->a[k] : s->lo[k]) < 0 || mpq_cmp(v, input ? s->b[k] : s->hi[k]) > 0)) good = query_refuse(q, "a cut outside of the case");
    if (good && !input && s->bad) good = query_refuse(q, "a unit has no value somewhere in the case");
    good = good && divide(t, s, input, k, v);
    mpq_clear(v);
    return good;
}

/* "K S C": S z + C is below (or above) unit K everywhere in the case, and one line more that terms may name. */
static bool line(struct tree *t, struct state *s, const char *at, const char *end, bool above) {
    struct query *q = t->q;
    size_t k;
    if (!read_unit(q, &at, end, q->p.units, &k)) return false;
    if (phase_of(q, s, k) != SMOOTH || s->bad) return query_refuse(q, "a line of a unit that is max(0, z), or that has no value somewhere in the case");
    if (s->n_lines == t->room) {
        t->lines = mem_grow(t->lines, t->room, 2 * t->room + 16, sizeof *t->lines);
        for (size_t i = t->room; i < 2 * t->room + 16; i++) mpq_inits(t->lines[i].slope, t->lines[i].constant, NULL);
        t->room = 2 * t->room + 16;
    }
    struct line *x = &t->lines[s->n_lines];
    x->unit = k;
    x->above = above;
    if (!read_number(q, &at, end, x->slope) || !read_number(q, &at, end, x->constant)) return false;
    if (at != end) return query_refuse(q, "text after a line");
    s->n_lines++;
    return curve_line(q->p.curve[k], s->lo[k], s->hi[k], x->slope, x->constant, above) || query_refuse(q, "the line is not shown to be on that side of the unit's function");
}

/* The steps of one case, to its leaf. */
static bool steps(struct tree *t, struct state *s) {
    struct query *q = t->q;
    for (;;) {
        if (t->next == q->c->n_steps) return query_refuse(q, "a line 'step' is missing");
        const struct binding *x = &q->c->steps[t->next++];
        const char *end = x->s + x->n;
        q->l.line = x->line;
        if (x->n >= 4 && memcmp(x->s, "leaf", 4) == 0) {
            mpq_t *sum = vector_new(q->p.size);
            bool good = contradiction(t, s, x->s + 4, end, sum, false);
            vector_free(sum, q->p.size);
            return good;
        }
        bool good;
        if (x->n > 6 && memcmp(x->s, "split ", 6) == 0) good = split(t, s, x->s + 6, end, false);
        else if (x->n > 4 && memcmp(x->s, "cut ", 4) == 0) good = split(t, s, x->s + 4, end, true);
        else if (x->n > 4 && memcmp(x->s, "low ", 4) == 0) good = bound(t, s, x->s + 4, end, false, true);
        else if (x->n > 5 && memcmp(x->s, "high ", 5) == 0) good = bound(t, s, x->s + 5, end, false, false);
        else if (x->n > 6 && memcmp(x->s, "least ", 6) == 0) good = bound(t, s, x->s + 6, end, true, true);
        else if (x->n > 5 && memcmp(x->s, "most ", 5) == 0) good = bound(t, s, x->s + 5, end, true, false);
        else if (x->n > 6 && memcmp(x->s, "below ", 6) == 0) good = line(t, s, x->s + 6, end, false);
        else if (x->n > 6 && memcmp(x->s, "above ", 6) == 0) good = line(t, s, x->s + 6, end, true);
        else good = query_refuse(q, "'leaf', 'split', 'cut', 'low', 'high', 'least', 'most', 'below' or 'above' expected");
        if (!good) return false;
    }
}

bool query_nowhere(struct query *q, const struct dnf *d, size_t *next) {
    struct tree t = {.q = q, .next = *next};
    struct state root = state_copy(q, NULL);
    propagate(q, &root, 0, true);
    bool good = true;
    for (size_t i = 0; good && i < d->n; i++) {
        struct state s = state_copy(q, &root);
        t.d = &d->d[i];
        good = steps(&t, &s);
        state_clear(q, &s);
    }
    state_clear(q, &root);
    for (size_t i = 0; i < t.room; i++) mpq_clears(t.lines[i].slope, t.lines[i].constant, NULL);
    mem_free(t.lines);
    *next = t.next;
    return good;
}
