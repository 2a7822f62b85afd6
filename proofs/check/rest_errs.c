/* Is a rest an error for some choice of tokens? A truth is written down that holds wherever it is one, and then contradicted: what follows from it about its parts (all of an `all`, none of
 * an `any` that does not hold) is noted, and one of the parts comes out otherwise. Where no contradiction is found the answer is that it may be. */
#include "rest.h"

static const struct rest *truth(struct rests *r, bool v) { return rest_int(r, v); }
static const struct rest *no(struct rests *r, const struct rest *x) { return rest_of(r, R_NOT, 0, 1, &x); }

static const struct rest *errs(struct rests *r, const struct rest *x);

/* any of its arguments from the first on is */
static const struct rest *arguments_err(struct rests *r, const struct rest *x, uint32_t first) {
    const struct rest *out = truth(r, false);
    for (uint32_t i = first; i < x->n; i++) out = rest_pair(r, R_ANY, out, errs(r, x->k[i]));
    return out;
}

/* A choice that leaves an entry out on one side: where it does. */
static const struct rest *left_out(struct rests *r, const struct rest *x) {
    if (x->op == R_NONE) return truth(r, true);
    if (x->op != R_IF) return truth(r, false);
    return rest_pair(r, R_ANY, rest_pair(r, R_ALL, x->k[0], left_out(r, x->k[1])), rest_pair(r, R_ALL, no(r, x->k[0]), left_out(r, x->k[2])));
}

static const struct rest *extreme_errs(struct rests *r, const struct rest *x) {
    const struct rest *none = truth(r, true);
    for (uint32_t i = 0; i < x->n; i++) none = rest_pair(r, R_ALL, none, left_out(r, x->k[i]));
    return rest_pair(r, R_ANY, arguments_err(r, x, 0), none);
}

/* A truth that holds wherever x is an error; it may hold elsewhere. Conditions that may be errors themselves are not looked into. NULL: too many rests */
static const struct rest *errs(struct rests *r, const struct rest *x) {
    if (!x->errs) return truth(r, false);
    switch (x->op) {
    case R_IF:
        if (x->k[0]->errs) return truth(r, true);
        return rest_pair(r, R_ANY, rest_pair(r, R_ALL, x->k[0], errs(r, x->k[1])), rest_pair(r, R_ALL, no(r, x->k[0]), errs(r, x->k[2])));
    case R_MAX:
    case R_MIN: return extreme_errs(r, x);
    case R_PICK: /* its list is never left, and no entry that it may name is an error */
        for (uint32_t i = 1; i < x->n; i++)
            if (x->k[i]->errs) return truth(r, true);
        return x->k[0]->lo < 0 || x->k[0]->hi >= (int64_t)x->n - 1 ? truth(r, true) : errs(r, x->k[0]);
    default: return truth(r, true);
    }
}

/* ---- the contradiction ---- */

enum { UNKNOWN, HOLDS, FAILS };

/* What follows for x from what is noted of its parts, and of itself if it has none. */
static int follows(const struct rest *x, const unsigned char *noted) {
    if (x->op == R_INT) return x->v != 0 ? HOLDS : FAILS;
    if (x->op == R_NOT) {
        int of = follows(x->k[0], noted);
        return of == UNKNOWN ? UNKNOWN : of == HOLDS ? FAILS : HOLDS;
    }
    if (x->op != R_ALL && x->op != R_ANY) return noted[x->id];
    int settles = x->op == R_ALL ? FAILS : HOLDS, out = x->op == R_ALL ? HOLDS : FAILS;
    for (uint32_t i = 0; i < x->n; i++) {
        int of = follows(x->k[i], noted);
        if (of == settles) return settles;
        if (of == UNKNOWN) out = UNKNOWN;
    }
    return out;
}

/* x is so: notes it of its parts without parts. false: it is noted otherwise */
static bool note(const struct rest *x, int so, unsigned char *noted) {
    if (x->op == R_INT) return (x->v != 0) == (so == HOLDS);
    if (x->op == R_NOT) return note(x->k[0], so == HOLDS ? FAILS : HOLDS, noted);
    if (x->op == R_ALL || x->op == R_ANY) {
        if ((x->op == R_ALL) != (so == HOLDS)) return true; /* one of its parts, it is not known which */
        for (uint32_t i = 0; i < x->n; i++)
            if (!note(x->k[i], so, noted)) return false;
        return true;
    }
    if (noted[x->id] != UNKNOWN) return noted[x->id] == so;
    noted[x->id] = (unsigned char)so;
    return true;
}

/* Does x fail whatever the tokens are? All its parts are looked at with what they say of each other. */
static bool fails(const struct rest *x, size_t n) {
    unsigned char *noted = mem_get(n, 1);
    bool good = !note(x, HOLDS, noted) || follows(x, noted) == FAILS;
    mem_free(noted);
    return good;
}

bool rest_never_errs(struct rests *r, const struct rest *x) {
    const struct rest *e = errs(r, x);
    if (e == NULL) return false;
    if (e->op != R_ANY) return fails(e, r->n);
    for (uint32_t i = 0; i < e->n; i++)
        if (!fails(e->k[i], r->n)) return false;
    return true;
}
