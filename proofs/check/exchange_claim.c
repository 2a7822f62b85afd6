/* Is a claim the same for all sequences that are alike, whose tokens are of the same classes (FORMAT.md §3, Exchangeable tokens 2 and 3)? Everything that is not named here is refused. */
#include "nodes.h"
#include "symmetric.h"
#include "symmetric_claim.h"
#include <string.h>

#define EVALUATIONS_MOST ((uint64_t)1 << 20)
#define VARIABLES_MOST 64
#define USES_MOST 64

/* A variable, and the values of its set where that rests on no variable (else v is NULL). */
struct known { int slot; int64_t *v; size_t n; };
/* equal: len tokens, made equal for evaluations. */
struct alike { struct eval *e; const struct symmetry *y; const struct certificate *c; const struct domain *d; int64_t *equal; struct known v[VARIABLES_MOST]; int n; uint64_t done; const char *why; };

static bool no(struct alike *w, const char *why) {
    if (w->why == NULL) w->why = why;
    return false;
}

static bool same(struct alike *w, const struct ex *x);

static bool is_sequence(const struct alike *w, const struct ex *x) { return x->kind == EX_VAR && x->number == w->y->slot; }

static bool is_call(const struct ex *x, enum fn f) { return x->kind == EX_CALL && x->number == (int)f; }

static bool all_same(struct alike *w, struct ex *const *k, int n) {
    for (int i = 0; i < n; i++)
        if (k[i] != NULL && !same(w, k[i])) return false;
    return true;
}

/* ---- of one token, of one extremum ---- */

/* How an expression uses t. other: in another way than t[E] with E of known variables, and max or min of a stretch. */
struct uses { const struct ex *token[USES_MOST]; int n, extrema, function; int64_t lo, hi; bool other; };

static int known_variable(const struct alike *w, const struct ex *x) {
    for (int i = 0; x->kind == EX_VAR && i < w->n; i++)
        if (w->v[i].slot == x->number) return i;
    return -1;
}

/* Are all variables of x known ones, bound outside of what is looked at? Then it does not read t either. */
static bool all_known(const struct alike *w, const struct ex *x) {
    if (x->kind == EX_VAR) return known_variable(w, x) >= 0;
    if (x->binds.n > 0 || x->where != NULL) return false;
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL && !all_known(w, x->k[i])) return false;
    return true;
}

static void find_uses(const struct alike *w, const struct ex *x, struct uses *u) {
    int64_t lo, hi;
    if (is_sequence(w, x)) {
        u->other = true;
        return;
    }
    if (x->kind == EX_INDEX && x->n == 2 && is_sequence(w, x->k[0]) && x->k[1]->kind != EX_SLICE && all_known(w, x->k[1])) {
        u->other = u->other || u->n == USES_MOST;
        if (u->n < USES_MOST) u->token[u->n++] = x;
        return;
    }
    if ((is_call(x, FN_MAX) || is_call(x, FN_MIN)) && x->n == 1 && stretch_of(x->k[0], w->y->slot, w->y->len, &lo, &hi)) {
        u->other = u->other || (u->extrema > 0 && (u->function != x->number || u->lo != lo || u->hi != hi));
        u->extrema++;
        u->function = x->number;
        u->lo = lo;
        u->hi = hi;
        return;
    }
    for (int i = 0; i < x->binds.n; i++) find_uses(w, x->binds.b[i].set, u);
    if (x->where != NULL) find_uses(w, x->where, u);
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL) find_uses(w, x->k[i], u);
}

/* Which of the known variables are in x. */
static void find_variables(const struct alike *w, const struct ex *x, bool *in) {
    int v = known_variable(w, x);
    if (v >= 0) in[v] = true;
    for (int i = 0; i < x->binds.n; i++) find_variables(w, x->binds.b[i].set, in);
    if (x->where != NULL) find_variables(w, x->where, in);
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL) find_variables(w, x->k[i], in);
}

static void set_equal(struct alike *w, int64_t v) {
    for (uint32_t i = 0; i < w->y->len; i++) w->equal[i] = v;
    w->e->env[w->y->slot] = (struct var){.set = true, .seq = true, .s = w->equal, .n = w->y->len};
}

/* A settled truth, or exact numbers. */
static bool is_exact(const struct val *v) {
    if (v->type == V_TRI) return v->tri != OPEN;
    if (v->type == V_TABLE) return false;
    for (size_t i = 0; i < val_size(v); i++)
        if (!num_exact(&v->x[i])) return false;
    return true;
}

static bool equal_values(const struct val *a, const struct val *b) {
    if (a->type != b->type) return false;
    if (a->type == V_TRI) return a->tri == b->tri;
    if (a->type == V_ARRAY && (a->rank != b->rank || memcmp(a->d, b->d, (size_t)a->rank * sizeof *a->d) != 0)) return false;
    for (size_t i = 0; i < val_size(a); i++)
        if (a->x[i].kind != b->x[i].kind || mpq_equal(a->x[i].q, b->x[i].q) == 0) return false;
    return true;
}

/* One value for all of these tokens, at the values of the variables that are set? An error is none. */
static bool one_value(struct alike *w, const struct ex *x, const int64_t *token, size_t n) {
    struct val first, v;
    bool good = true;
    size_t chunk = w->e->pool.chunk, used = w->e->pool.used, chunk_first = 0, used_first = 0;
    for (size_t i = 0; good && i < n; i++) {
        set_equal(w, token[i]);
        good = ++w->done <= EVALUATIONS_MOST && eval(w->e, x, i == 0 ? &first : &v) && is_exact(i == 0 ? &first : &v) && (i == 0 || equal_values(&first, &v));
        if (i == 0) chunk_first = w->e->pool.chunk, used_first = w->e->pool.used;
        w->e->pool.chunk = chunk_first;
        w->e->pool.used = used_first;
    }
    w->e->pool.chunk = chunk;
    w->e->pool.used = used;
    w->e->env[w->y->slot].set = false;
    w->e->fail.set = false;
    return good;
}

/* The position that all of these t[E] are, or -1 */
static int64_t position_of(struct alike *w, const struct uses *u) {
    int64_t p = -1, q;
    size_t chunk = w->e->pool.chunk, used = w->e->pool.used;
    for (uint32_t i = 0; i < w->y->len; i++) w->equal[i] = i;
    w->e->env[w->y->slot] = (struct var){.set = true, .seq = true, .s = w->equal, .n = w->y->len};
    for (int i = 0; i < u->n; i++) {
        bool good = eval_int(w->e, u->token[i], &q) && (i == 0 || p == q);
        p = good ? q : -1;
        if (!good) break;
    }
    w->e->env[w->y->slot].set = false;
    w->e->fail.set = false;
    w->e->pool.chunk = chunk;
    w->e->pool.used = used;
    return p;
}

static bool of_token(struct alike *w, const struct ex *x, const struct uses *u) {
    int64_t p = position_of(w, u);
    bool good = p >= 0 && p < (int64_t)w->y->len;
    for (size_t k = 0; good && k < w->y->members[p].n; k++) good = one_value(w, x, w->y->members[p].of[k].v, w->y->members[p].of[k].n);
    return good;
}

static bool meets(const struct token_class *k, int64_t lo, int64_t hi) {
    for (uint32_t i = 0; i < k->n_at; i++)
        if (k->at[i] >= lo && k->at[i] <= hi) return true;
    return false;
}

/* If max(T) is m on t and m' > m on t', alike, then m' stands where t has a member of its class that is at most m: both lie between least and largest token of a line. */
static bool of_extremum(struct alike *w, const struct ex *x, const struct uses *u) {
    const struct product *p = &w->d->p;
    size_t room = 0;
    int64_t last = p->shared ? u->lo : u->hi;
    for (int64_t i = u->lo; i <= last; i++) room += p->size[i];
    int64_t *between = mem_get(room + 1, sizeof *between);
    bool good = true;
    for (size_t line = 0; good && line < w->c->n_classes; line++) {
        const struct token_class *k = &w->c->classes[line];
        size_t n = 0;
        for (int64_t i = u->lo; i <= last && meets(k, u->lo, u->hi); i++)
            for (size_t j = 0; j < p->size[i]; j++)
                if (p->v[i][j] >= k->token[0] && p->v[i][j] <= k->token[k->n - 1]) between[n++] = p->v[i][j];
        good = one_value(w, x, between, n);
    }
    mem_free(between);
    return good;
}

/* What is asked at every setting of some variables. */
struct ask { bool (*f)(struct alike *w, const struct ex *x, const struct uses *u); const struct ex *x; const struct uses *u; };

static bool each_setting(struct alike *w, const bool *in, int from, const struct ask *a) {
    while (from < w->n && !in[from]) from++;
    if (from == w->n) return ++w->done <= EVALUATIONS_MOST && a->f(w, a->x, a->u);
    const struct known *v = &w->v[from];
    bool good = v->v != NULL;
    for (size_t i = 0; good && i < v->n; i++) {
        w->e->env[v->slot] = (struct var){.set = true, .v = v->v[i]};
        good = each_setting(w, in, from + 1, a);
    }
    w->e->env[v->slot].set = false;
    return good;
}

static bool at_settings(struct alike *w, const struct ask *a) {
    bool in[VARIABLES_MOST] = {false};
    find_variables(w, a->x, in);
    return each_setting(w, in, 0, a);
}

static bool of_one(struct alike *w, const struct ex *x) {
    struct uses u = {.other = false};
    if (x->network) return false;
    find_uses(w, x, &u);
    if (u.other || (u.n > 0) == (u.extrema > 0)) return false;
    return at_settings(w, &(struct ask){u.n > 0 ? of_token : of_extremum, x, &u});
}

/* ---- runs ---- */

static bool embeds_alike(struct alike *w, const struct net *net) {
    for (size_t line = 0; line < w->c->n_classes; line++) {
        const struct token_class *k = &w->c->classes[line];
        if (k->token[k->n - 1] >= net->vocab) return no(w, "a token that the network has not");
        for (uint32_t i = 0; i < k->n; i++)
            if (k->token[i] == net->pad) return no(w, "the token of padding");
        for (int v = 0; v < net->n_nodes; v++) {
            const struct weight *m = &net->nodes[v].w;
            if (net->nodes[v].op != OP_EMBED) continue;
            const struct dyadic *first = m->t->v + m->at + (size_t)k->token[0] * m->cols;
            for (uint32_t i = 1; i < k->n; i++) {
                const struct dyadic *row = m->t->v + m->at + (size_t)k->token[i] * m->cols;
                for (uint32_t j = 0; j < m->cols; j++)
                    if (row[j].m != first[j].m || row[j].e != first[j].e) return no(w, "tokens whose rows of the embedding are different");
            }
        }
    }
    return true;
}

static bool reads_sequence(const struct alike *w, const struct ex *x) {
    bool found = is_sequence(w, x) || (x->where != NULL && reads_sequence(w, x->where));
    for (int i = 0; !found && i < x->binds.n; i++) found = reads_sequence(w, x->binds.b[i].set);
    for (int i = 0; !found && i < x->n; i++) found = x->k[i] != NULL && reads_sequence(w, x->k[i]);
    return found;
}

/* Does a model look at runs on other sequences? */
static bool looks_elsewhere(const struct ex *x) {
    bool found = x->kind == EX_TARGET && x->number != TARGET_ZERO && x->number != TARGET_VALUE;
    for (int i = 0; !found && i < x->n; i++) found = x->k[i] != NULL && looks_elsewhere(x->k[i]);
    return found;
}

/* t, tokens of it, lists of such */
static bool is_copy(struct alike *w, const struct ex *x) {
    if (is_sequence(w, x)) return true;
    if (x->kind == EX_INDEX && is_sequence(w, x->k[0])) return all_same(w, x->k + 1, x->n - 1);
    if (x->kind != EX_LIST && !is_call(x, FN_SEQ)) return same(w, x);
    for (int i = 0; i < x->n; i++)
        if (!is_copy(w, x->k[i])) return false;
    return true;
}

static bool run_same(struct alike *w, const struct ex *x) {
    const struct ex *model = x->k[0];
    if (x->number == FN_OUTPUT || reads_sequence(w, model)) return no(w, "a model that rests on the sequence, or reads real numbers");
    const struct net *net = base_net(w->e, model);
    if (net == NULL || net->reals) return no(w, "a model that cannot be made, or reads no tokens");
    const struct net *clean = is_frozen(model) ? clean_net(w->e, model) : net;
    if (clean == NULL || !embeds_alike(w, net) || (clean != net && !embeds_alike(w, clean))) return no(w, "a model that cannot be made");
    if (w->e->s->float32 && (!is_sequence(w, x->k[x->n - 1]) || model->network || looks_elsewhere(model))) return no(w, "under float32, a run on another sequence");
    for (int i = 1; i + 1 < x->n; i++)
        if (x->k[i]->kind != EX_STRING && !same(w, x->k[i])) return false;
    return is_copy(w, x->k[x->n - 1]);
}

/* ---- functions ---- */

static bool is_member(const struct symmetry *y, int64_t lo, int64_t hi, int64_t v) {
    for (int64_t i = lo; i <= hi; i++)
        for (size_t k = 0; k < y->members[i].n; k++)
            for (size_t j = 0; y->members[i].of[k].n > 1 && j < y->members[i].of[k].n; j++)
                if (y->members[i].of[k].v[j] == v) return true;
    return false;
}

/* x is contains(T, E) */
static bool names_no_member(struct alike *w, const struct ex *x, const struct uses *u) {
    int64_t v;
    bool good = eval_int(w->e, x->k[1], &v) && !is_member(w->y, u->lo, u->hi, v);
    w->e->fail.set = false;
    return good;
}

static bool contains_same(struct alike *w, const struct ex *x, const struct uses *stretch) {
    struct uses u = {.other = false};
    find_uses(w, x->k[1], &u);
    if (u.other || u.n > 0 || u.extrema > 0 || x->k[1]->network) return no(w, "`contains` of something that is not known");
    return at_settings(w, &(struct ask){names_no_member, x, stretch}) ? true : no(w, "`contains` of one token of a class");
}

static bool equal_columns(const struct val *table, const struct members *m) {
    for (size_t j = 0; m->n > 1 && j < m->n; j++) {
        if (m->v[j] >= table->d[1]) return false;
        for (uint32_t i = 0; i < table->d[0]; i++) {
            const struct num *row = table->x + (size_t)i * table->d[1];
            if (row[m->v[j]].kind != row[m->v[0]].kind || mpq_equal(row[m->v[j]].q, row[m->v[0]].q) == 0) return false;
        }
    }
    return true;
}

static bool fold_same(struct alike *w, const struct ex *x, const struct uses *stretch) {
    struct val table;
    if (!stmt_closed(w->e->s, x->k[0]) || x->k[0]->network || !same(w, x->k[1])) return no(w, "a `fold` by something that is not known");
    bool good = need_array(w->e, x->k[0], &table) && table.rank == 2 && is_exact(&table);
    for (int64_t i = stretch->lo; good && i <= stretch->hi; i++)
        for (size_t k = 0; good && k < w->y->members[i].n; k++) good = equal_columns(&table, &w->y->members[i].of[k]);
    w->e->fail.set = false;
    return good ? true : no(w, "a `fold` that tells tokens of a class apart");
}

static bool call_same(struct alike *w, const struct ex *x) {
    struct uses stretch = {.other = false};
    if (x->number <= FN_NODE) return run_same(w, x);
    if (x->number == FN_W || x->number == FN_QK || x->number == FN_OV) return !reads_sequence(w, x->k[0]) ? all_same(w, x->k + 1, x->n - 1) : no(w, "a model that rests on the sequence");
    if (x->number == FN_LEN) return is_copy(w, x->k[0]);
    bool contains = x->number == FN_CONTAINS, fold = x->number == FN_FOLD;
    if ((contains || fold) && stretch_of(x->k[contains ? 0 : 2], w->y->slot, w->y->len, &stretch.lo, &stretch.hi)) return contains ? contains_same(w, x, &stretch) : fold_same(w, x, &stretch);
    return is_function_of_parts(x->number) || x->number == FN_FOURIER ? all_same(w, x->k, x->n) : no(w, "a function that may tell tokens apart");
}

/* ---- expressions ---- */

/* The values of a set are e's to make; the caller's to free. */
static bool push(struct alike *w, const struct bind *b) {
    if (w->n == VARIABLES_MOST) return no(w, "too many variables");
    struct known *k = &w->v[w->n++];
    *k = (struct known){.slot = b->slot};
    if (stmt_closed(w->e->s, b->set) && !b->set->network && !eval_set_values(w->e, b->set, &k->v, &k->n)) return no(w, "a set that cannot be made");
    return true;
}

static void pop_to(struct alike *w, int n) {
    while (w->n > n) mem_free(w->v[--w->n].v);
}

static bool comprehension_same(struct alike *w, const struct ex *x) {
    int first = w->n;
    bool good = true;
    for (int i = 0; good && i < x->binds.n; i++) {
        const struct bind *b = &x->binds.b[i];
        good = b->set->kind == EX_RANGE || b->set->kind == EX_LIST ? true : no(w, "a comprehension over another set than a..b or {...}");
        good = good && all_same(w, b->set->k, b->set->n) && push(w, b);
    }
    good = good && same(w, x->k[0]) && (x->where == NULL || same(w, x->where));
    pop_to(w, first);
    return good;
}

/* t or t[a..b] without classes of two members */
static bool is_unclassed(const struct alike *w, const struct ex *x) {
    int64_t lo, hi;
    bool good = stretch_of(x, w->y->slot, w->y->len, &lo, &hi);
    for (int64_t i = lo; good && i <= hi; i++)
        for (size_t k = 0; k < w->y->members[i].n; k++) good = good && w->y->members[i].of[k].n == 1;
    return good;
}

static bool same(struct alike *w, const struct ex *x) {
    if (stmt_closed(w->e->s, x) && !(w->e->s->float32 && x->network)) return true;
    if (of_one(w, x) || is_unclassed(w, x)) return true;
    switch (x->kind) {
    case EX_LIT: case EX_LAST: return true;
    case EX_VAR: return is_sequence(w, x) ? no(w, "the sequence itself") : true;
    case EX_INDEX: return is_sequence(w, x->k[0]) ? no(w, "a token by itself") : all_same(w, x->k, x->n);
    case EX_IF: case EX_IFF: case EX_IMPLIES: case EX_OR: case EX_AND: case EX_NOT: case EX_CMP: case EX_IN: case EX_ADD: case EX_SUB: case EX_MUL: case EX_DIV: case EX_MOD:
    case EX_MATMUL: case EX_NEG: case EX_POW: case EX_SLICE: case EX_LIST: case EX_RANGE: return all_same(w, x->k, x->n);
    case EX_CALL: return call_same(w, x);
    case EX_QUANT: case EX_EXISTS: return comprehension_same(w, x);
    default: return no(w, "something that may tell tokens apart");
    }
}

bool exchange_check(const struct symmetry *y, const struct certificate *c, struct eval *e, const struct binds *b, const struct domain *d, const struct ex *where, const struct ex *predicate, struct fail *f) {
    struct alike w = {.e = e, .y = y, .c = c, .d = d, .equal = mem_get((size_t)y->len + 1, sizeof *w.equal)};
    bool good = true;
    for (int i = 0; good && i < b->n; i++) good = b->b[i].slot == y->slot || push(&w, &b->b[i]);
    good = good && (where == NULL || same(&w, where)) && (predicate == NULL || same(&w, predicate));
    if (!good) fail_at(f, c->classes[0].line, "exchangeable: %s", e->fail.set ? e->fail.text : w.why != NULL ? w.why : "something that may tell tokens apart");
    pop_to(&w, 0);
    mem_free(w.equal);
    return good;
}
