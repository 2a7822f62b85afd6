/* Rule farkas: that no point of a box satisfies a disjunct, by cases of units and multipliers (FORMAT.md §3). */
#include "farkas_query.h"
#include <string.h>

/* lo[k] <= z[k] <= hi[k] in the case at hand */
struct state { mpq_t *lo, *hi; };
enum phase { OFF, ON, FREE };
struct tree { struct query *q; const struct disjunct *d; size_t next; };

static enum phase phase_of(const struct state *s, size_t k) { return mpq_sgn(s->lo[k]) >= 0 ? ON : mpq_sgn(s->hi[k]) <= 0 ? OFF : FREE; }

/* The largest (or smallest) value of a form over the box and what the units can be. */
static void extreme(const struct query *q, const struct state *s, const mpq_t *form, size_t units, bool largest, mpq_t out) {
    mpq_t t, zero;
    mpq_inits(t, zero, NULL);
    mpq_set(out, form[q->p.size - 1]);
    for (size_t i = 0; i < q->p.n + units; i++) {
        int sign = mpq_sgn(form[i]);
        if (sign == 0) continue;
        bool upper = (sign > 0) == largest;
        const mpq_t *end;
        if (i < q->p.n) end = (const mpq_t *)(upper ? &q->hi[i] : &q->lo[i]);
        else {
            enum phase p = phase_of(s, i - q->p.n);
            end = (const mpq_t *)(p == OFF ? &zero : upper ? &s->hi[i - q->p.n] : p == ON ? &s->lo[i - q->p.n] : &zero);
        }
        mpq_mul(t, form[i], *end);
        mpq_add(out, out, t);
    }
    mpq_clears(t, zero, NULL);
}

/* Interval arithmetic, unit by unit; `begin`: nothing is known before. */
static void propagate(const struct query *q, struct state *s, size_t from, bool begin) {
    mpq_t t;
    mpq_init(t);
    for (size_t k = from; k < q->p.units; k++) {
        extreme(q, s, (const mpq_t *)q->p.z[k], k, false, t);
        if (begin || mpq_cmp(t, s->lo[k]) > 0) mpq_set(s->lo[k], t);
        extreme(q, s, (const mpq_t *)q->p.z[k], k, true, t);
        if (begin || mpq_cmp(t, s->hi[k]) < 0) mpq_set(s->hi[k], t);
    }
    mpq_clear(t);
}

static struct state state_copy(const struct query *q, const struct state *from) {
    struct state s = {vector_new(q->p.units), vector_new(q->p.units)};
    for (size_t k = 0; from != NULL && k < q->p.units; k++) {
        mpq_set(s.lo[k], from->lo[k]);
        mpq_set(s.hi[k], from->hi[k]);
    }
    return s;
}

static void state_clear(const struct query *q, struct state *s) {
    vector_free(s->lo, q->p.units);
    vector_free(s->hi, q->p.units);
}

/* "K" or "K REST": a unit; *s is moved behind it. */
static bool read_unit(struct query *q, const char **s, const char *end, size_t most, size_t *out) {
    const char *p = *s;
    size_t k = 0;
    if (p == end || *p < '0' || *p > '9' || (*p == '0' && p + 1 < end && p[1] >= '0' && p[1] <= '9')) return query_refuse(q, "a number of a unit or an atom was expected");
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if ((k = 10 * k + (size_t)(*p - '0')) >= most) return query_refuse(q, "no unit or atom of this number");
    *s = p;
    *out = k;
    return k < most ? true : query_refuse(q, "no unit or atom of this number");
}

/* sum += lambda times what the letter names */
static bool add_term(struct tree *t, const struct state *s, char letter, size_t k, mpq_t lambda, mpq_t *sum, bool *strict) {
    struct query *q = t->q;
    size_t unit = q->p.n + k;
    if (letter == 'g') {
        const struct atom *a = &q->atoms[t->d->atom[k]];
        vector_add(sum, (const mpq_t *)a->v, lambda, q->p.size);
        *strict = *strict || (a->strict && mpq_sgn(lambda) > 0);
        return mpq_sgn(lambda) >= 0 ? true : query_refuse(q, "a multiplier is negative");
    }
    enum phase p = phase_of(s, k);
    if (mpq_sgn(lambda) < 0 && !(letter == 'q' && p == ON)) return query_refuse(q, "a multiplier is negative");
    if (letter == 't' && p != FREE) return query_refuse(q, "the line above a unit whose sign is known");
    mpq_t factor;
    mpq_init(factor);
    if (letter == 'q') { /* u - z >= 0 */
        mpq_add(sum[unit], sum[unit], lambda);
        mpq_neg(factor, lambda);
    } else { /* (z - lo) hi / (hi - lo) - u >= 0 */
        mpq_sub(sum[unit], sum[unit], lambda);
        mpq_sub(factor, s->hi[k], s->lo[k]);
        mpq_div(factor, s->hi[k], factor);
        mpq_mul(factor, factor, lambda);
        mpq_t constant;
        mpq_init(constant);
        mpq_mul(constant, factor, s->lo[k]);
        mpq_sub(sum[q->p.size - 1], sum[q->p.size - 1], constant);
        mpq_clear(constant);
    }
    vector_add(sum, (const mpq_t *)q->p.z[k], factor, q->p.size);
    mpq_clear(factor);
    return true;
}

/* Terms, each after a space. Their sum, added to sum, is at least 0 (more if strict) where the case is, and must be below that everywhere. */
static bool contradiction(struct tree *t, const struct state *s, const char *at, const char *end, mpq_t *sum, bool strict) {
    struct query *q = t->q;
    mpq_t lambda;
    mpq_init(lambda);
    bool good = true;
    while (good && at < end) {
        size_t k = 0;
        char letter = end - at > 3 && at[0] == ' ' ? at[1] : ' ';
        if (letter != 'g' && letter != 'q' && letter != 't') good = query_refuse(q, "a term was expected");
        at += 2;
        good = good && read_unit(q, &at, end, letter == 'g' ? t->d->n : q->p.units, &k);
        if (good && (at == end || *at++ != ':')) good = query_refuse(q, "a term was expected");
        const char *space = good ? memchr(at, ' ', (size_t)(end - at)) : NULL, *stop = space != NULL ? space : end;
        if (good && !rational_read(lambda, at, (size_t)(stop - at))) good = query_refuse(q, "a multiplier is not a canonical number");
        good = good && add_term(t, s, letter, k, lambda, sum, &strict);
        at = stop;
    }
    if (good) {
        extreme(q, s, (const mpq_t *)sum, q->p.units, true, lambda);
        good = mpq_sgn(lambda) < 0 || (mpq_sgn(lambda) == 0 && strict) ? true : query_refuse(q, "the multipliers show no contradiction");
    }
    mpq_clear(lambda);
    return good;
}

/* "K V TERMS": V bounds z[K] from below (or above), since the terms contradict the opposite. */
static bool bound(struct tree *t, struct state *s, const char *at, const char *end, bool low) {
    struct query *q = t->q;
    size_t k;
    mpq_t v, one;
    if (!read_unit(q, &at, end, q->p.units, &k)) return false;
    if (at == end || *at++ != ' ') return query_refuse(q, "a bound was expected");
    const char *space = memchr(at, ' ', (size_t)(end - at)), *stop = space != NULL ? space : end;
    mpq_inits(v, one, NULL);
    mpq_t *sum = vector_new(q->p.size);
    bool good = rational_read(v, at, (size_t)(stop - at)) || query_refuse(q, "a bound is not a canonical number");
    mpq_set_si(one, low ? -1 : 1, 1);
    vector_add(sum, (const mpq_t *)q->p.z[k], one, q->p.size); /* v - z > 0, or z - v > 0 */
    if (low) mpq_add(sum[q->p.size - 1], sum[q->p.size - 1], v);
    else mpq_sub(sum[q->p.size - 1], sum[q->p.size - 1], v);
    good = good && contradiction(t, s, stop, end, sum, true);
    if (good && low && mpq_cmp(v, s->lo[k]) > 0) mpq_set(s->lo[k], v);
    if (good && !low && mpq_cmp(v, s->hi[k]) < 0) mpq_set(s->hi[k], v);
    if (good) propagate(q, s, k + 1, false);
    vector_free(sum, q->p.size);
    mpq_clears(v, one, NULL);
    return good;
}

static bool steps(struct tree *t, struct state *s);

static bool split(struct tree *t, struct state *s, const char *at, const char *end) {
    struct query *q = t->q;
    size_t k;
    if (!read_unit(q, &at, end, q->p.units, &k)) return false;
    if (at != end) return query_refuse(q, "text after the number of a unit");
    if (phase_of(s, k) != FREE) return query_refuse(q, "a split of a unit whose sign is known");
    struct state off = state_copy(q, s);
    mpq_set_ui(off.hi[k], 0, 1);
    propagate(q, &off, k + 1, false);
    bool good = steps(t, &off);
    state_clear(q, &off);
    mpq_set_ui(s->lo[k], 0, 1);
    propagate(q, s, k + 1, false);
    return good;
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
        if (x->n > 6 && memcmp(x->s, "split ", 6) == 0) good = split(t, s, x->s + 6, end);
        else if (x->n > 4 && memcmp(x->s, "low ", 4) == 0) good = bound(t, s, x->s + 4, end, true);
        else if (x->n > 5 && memcmp(x->s, "high ", 5) == 0) good = bound(t, s, x->s + 5, end, false);
        else good = query_refuse(q, "'leaf', 'split', 'low' or 'high' expected");
        if (!good) return false;
    }
}

bool query_nowhere(struct query *q, const struct dnf *d) {
    struct tree t = {.q = q};
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
    if (good && t.next != q->c->n_steps) good = fail_at(q->l.f, q->c->steps[t.next].line, "a line 'step' too many");
    return good;
}
