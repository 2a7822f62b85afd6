/* see symmetric_claim.h. Everything that is not named here is refused. */
#include "symmetric_claim.h"
#include "nodes.h"
#include <string.h>

static bool no(struct claim_walk *w, const char *why) {
    if (w->why == NULL) w->why = why;
    return false;
}

static bool same(struct claim_walk *w, const struct ex *x);

static bool is_sequence(const struct claim_walk *w, const struct ex *x) { return x->kind == EX_VAR && x->number == w->slot; }

static bool in_s(const struct claim_walk *w, int64_t i) {
    for (uint32_t k = 0; k < w->n_at; k++)
        if (w->at[k] == i) return true;
    return false;
}

static bool between(const struct claim_walk *w, int64_t i) { return i >= w->at[0] && i <= w->at[w->n_at - 1]; }

static struct claim_var *variable(struct claim_walk *w, const struct ex *x) {
    for (int i = 0; x->kind == EX_VAR && i < w->n; i++)
        if (w->v[i].slot == x->number) return &w->v[i];
    return NULL;
}

bool whole_position(const struct ex *x, uint32_t len, int64_t *out) {
    const int64_t most = (int64_t)1 << 40;
    int64_t a, b;
    if (x->kind == EX_LIT) return num_int64(x->lit, out) && *out < most && *out > -most;
    if (x->kind == EX_LAST) return *out = (int64_t)len - 1, true;
    if ((x->kind != EX_ADD && x->kind != EX_SUB) || !whole_position(x->k[0], len, &a) || !whole_position(x->k[1], len, &b)) return false;
    *out = x->kind == EX_ADD ? a + b : a - b;
    return *out < most && *out > -most;
}

/* A position outside S, or a variable; rows: of a node, where the mask is causal. may: a variable may run through S. */
static bool position(struct claim_walk *w, const struct ex *x, bool rows, bool may) {
    int64_t i;
    if (whole_position(x, w->len, &i)) {
        if (i < 0 || i >= (int64_t)w->len) return no(w, "a position that the sequence has not");
        return !in_s(w, i) && !(rows && between(w, i)) ? true : no(w, "a position that is named, or lies between them under a causal mask, is read");
    }
    struct claim_var *v = variable(w, x);
    if (v == NULL || !v->positions) return no(w, "a position that is neither a number nor a variable with a set of positions");
    if (v->apart && (!rows || v->clear)) return true;
    if (!v->across || !may || rows) return no(w, "a variable that stands for some of the positions only");
    return v->moved = true;
}

bool stretch_of(const struct ex *x, int slot, uint32_t len, int64_t *lo, int64_t *hi) {
    *lo = 0;
    *hi = (int64_t)len - 1;
    if (x->kind == EX_VAR && x->number == slot) return true;
    if (x->kind != EX_INDEX || x->n != 2 || x->k[0]->kind != EX_VAR || x->k[0]->number != slot || x->k[1]->kind != EX_SLICE) return false;
    const struct ex *s = x->k[1];
    return (s->k[0] == NULL || whole_position(s->k[0], len, lo)) && (s->k[1] == NULL || whole_position(s->k[1], len, hi)) && *lo >= 0 && *hi >= *lo && *hi < (int64_t)len;
}

/* t[a..b] with all of S (1), none of it (0), some of it or something else (-1) */
static int slice_of(const struct claim_walk *w, const struct ex *x) {
    int64_t lo, hi;
    if (is_sequence(w, x)) return 1;
    if (!stretch_of(x, w->slot, w->len, &lo, &hi)) return -1;
    uint32_t inside = 0;
    for (uint32_t k = 0; k < w->n_at; k++) inside += w->at[k] >= lo && w->at[k] <= hi;
    return inside == w->n_at ? 1 : inside == 0 ? 0 : -1;
}

/* ---- networks ---- */

/* How a change names components: whole ones, or positions of them, none of which is in S. */
struct named { bool whole; };

static bool positions(struct claim_walk *w, const struct ex *index, bool rows) {
    int64_t lo = 0, hi = (int64_t)w->len - 1;
    if (index->kind != EX_SLICE) return position(w, index, rows, false);
    if ((index->k[0] != NULL && !whole_position(index->k[0], w->len, &lo)) || (index->k[1] != NULL && !whole_position(index->k[1], w->len, &hi)) || lo < 0 || hi < lo || hi >= (int64_t)w->len)
        return no(w, "rows of a component that are not known");
    for (int64_t i = lo; i <= hi; i++)
        if (in_s(w, i) || (rows && between(w, i))) return no(w, "rows of a component at the positions, or between them under a causal mask");
    return true;
}

static bool components(struct claim_walk *w, const struct ex *x, bool rows, struct named *n) {
    switch (x->kind) {
    case EX_INDEX: {
        struct named inner = {false};
        return x->n == 2 && x->k[0]->kind != EX_INDEX && components(w, x->k[0], rows, &inner) && positions(w, x->k[1], rows);
    }
    case EX_LIST: case EX_ADD: case EX_SUB:
        for (int i = 0; i < x->n; i++)
            if (!components(w, x->k[i], rows, n)) return false;
        return true;
    case EX_IMAGE: return components(w, x->k[0], rows, n);
    case EX_WORD: case EX_STRING: case EX_CALL: n->whole = true; return true;
    default: return no(w, "components that are not known");
    }
}

static bool is_call(const struct ex *x, enum fn f) { return x->kind == EX_CALL && x->number == (int)f; }

/* Does a model look at runs? */
static bool looks_at_runs(const struct ex *m) {
    if (m->network || (m->kind == EX_TARGET && m->number != TARGET_ZERO && m->number != TARGET_VALUE)) return true;
    for (int i = 0; i < m->n; i++)
        if (m->k[i] != NULL && looks_at_runs(m->k[i])) return true;
    return false;
}

/* Its variables are numbers; t is none of them. */
static bool numbers_only(struct claim_walk *w, const struct ex *m) {
    if (is_sequence(w, m)) return no(w, "a model that rests on the sequence");
    struct claim_var *v = variable(w, m);
    if (v != NULL) v->number = true;
    for (int i = 0; i < m->binds.n; i++)
        if (!numbers_only(w, m->binds.b[i].set)) return false;
    for (int i = 0; i < m->n; i++)
        if (m->k[i] != NULL && !numbers_only(w, m->k[i])) return false;
    return m->where == NULL || numbers_only(w, m->where);
}

static bool ablates_alike(struct claim_walk *w, const struct ex *m, bool rows) {
    struct named n = {false};
    bool alike = false, drops = false;
    for (int i = 1; i < m->n - m->frozen; i++) {
        const struct ex *value = m->k[i]->kind == EX_GIVE ? m->k[i]->k[1] : NULL;
        if (value == NULL) return no(w, "an ablate that is not known");
        if (value->kind == EX_TARGET) alike = value->number == TARGET_ZERO || (value->number == TARGET_VALUE && value->n == 1 && value->k[0]->kind == EX_LIT);
        else if (!components(w, value, rows, &n)) return false;
        else drops = m->k[i]->k[0]->kind == EX_WORD && m->k[i]->k[0]->name != NULL && strcmp(m->k[i]->k[0]->name, "drop") == 0;
    }
    return alike || (drops && !n.whole) ? true : no(w, "an ablate of whole components, and not to zero or a number");
}

/* A change that treats the positions alike: of whole components, the same everywhere, or of rows at other positions. */
static bool changes_alike(struct claim_walk *w, const struct ex *m, bool rows) {
    struct named n = {false};
    if (w->e->s->float32 && looks_at_runs(m)) return no(w, "under float32, a model changed by runs");
    if (is_call(m, FN_STEER)) return components(w, m->k[1], rows, &n);
    if (is_call(m, FN_ABLATE)) return ablates_alike(w, m, rows);
    for (int i = 1; i < m->n - m->frozen; i++)
        if (m->k[i]->kind != EX_GIVE || !components(w, m->k[i]->k[0], rows, &n)) return no(w, "a patch that is not known");
    return !n.whole ? true : no(w, "a patch of all rows");
}

/* The network that a read is of, without its changes; its nodes are permuted with the positions. */
static const struct net *network(struct claim_walk *w, const struct ex *model) {
    if (!numbers_only(w, model)) return NULL;
    const struct net *net = base_net(w->e, model), *clean = is_frozen(model) ? clean_net(w->e, model) : net;
    if (net == NULL || clean == NULL) return no(w, "a model that cannot be made"), NULL;
    for (const struct ex *m = model; is_change(m); m = m->k[0])
        if (!changes_alike(w, m, net->causal)) return NULL;
    const char *why = net_asymmetry(net, w->at, w->n_at);
    if (why == NULL && clean != net) why = net_asymmetry(clean, w->at, w->n_at);
    return why == NULL && w->len <= net->ctx ? net : (no(w, why != NULL ? why : "the sequence is longer than the context"), NULL);
}

/* attention: entries of the node's rows belong to positions */
static bool reads_attention(struct claim_walk *w, const struct net *net, const struct ex *call, bool *attention) {
    *attention = call->number == FN_ATTN || call->number == FN_SCORE;
    if (call->number != FN_NODE) return true;
    if (call->k[1]->kind != EX_STRING) return call->k[1]->constant && !call->k[1]->network ? true : no(w, "a node that rests on a variable");
    int v = net_find(net, call->k[1]->name);
    if (v < 0) return no(w, "a node that the network has not");
    *attention = net->nodes[v].width == 0;
    return true;
}

static bool is_read(const struct ex *x) { return x->kind == EX_CALL && x->number <= FN_NODE; }

/* F(M, ..., t)[row, entry] */
static bool read(struct claim_walk *w, const struct ex *call, const struct ex *row, const struct ex *entry) {
    bool attention;
    if (!is_sequence(w, call->k[call->n - 1])) return no(w, "a run on something else than the sequence");
    const struct net *net = network(w, call->k[0]);
    if (net == NULL || !reads_attention(w, net, call, &attention)) return false;
    for (int i = 1; call->number != FN_NODE && i + 1 < call->n; i++)
        if (!same(w, call->k[i])) return false;
    if (row->kind == EX_SLICE || !position(w, row, net->causal, true)) return no(w, "rows of a node that are moved");
    if (!attention) return entry == NULL || same(w, entry);
    return entry != NULL && entry->kind != EX_SLICE ? position(w, entry, false, true) : no(w, "a whole row of attention");
}

/* ---- expressions ---- */

static bool all_same(struct claim_walk *w, struct ex *const *k, int n) {
    for (int i = 0; i < n; i++)
        if (k[i] != NULL && !same(w, k[i])) return false;
    return true;
}

static bool index_same(struct claim_walk *w, const struct ex *x) {
    const struct ex *base = x->k[0];
    if (is_sequence(w, base)) {
        if (x->n != 2) return no(w, "an index of a sequence");
        if (x->k[1]->kind != EX_SLICE) return position(w, x->k[1], false, true);
        return slice_of(w, x) == 0 ? true : no(w, "a slice with some of the positions");
    }
    if (is_read(base)) return (x->n == 2 || x->n == 3) ? read(w, base, x->k[1], x->n == 3 ? x->k[2] : NULL) : no(w, "an index of a node");
    if (base->kind == EX_INDEX && base->n == 2 && is_read(base->k[0]) && x->n == 2) return read(w, base->k[0], base->k[1], x->k[1]);
    return all_same(w, x->k, x->n);
}

static const bool of_sequence[FN_NUMBER] = {[FN_MAX] = true, [FN_MIN] = true, [FN_SUM] = true, [FN_MEAN] = true, [FN_SORT] = true, [FN_DISTINCT] = true, [FN_CONTAINS] = true, [FN_LEN] = true};
static const bool of_parts[FN_NUMBER] = {[FN_ARGMAX] = true, [FN_ARGMIN] = true, [FN_ARGMAXES] = true, [FN_MAX] = true, [FN_MIN] = true, [FN_SUM] = true, [FN_MEAN] = true, [FN_ABS] = true,
    [FN_DIST] = true, [FN_NORM] = true, [FN_SORT] = true, [FN_DISTINCT] = true, [FN_CONTAINS] = true, [FN_LEN] = true, [FN_SEQ] = true, [FN_ONEHOT] = true, [FN_TRANSPOSE] = true, [FN_DIAG] = true,
    [FN_DOT] = true, [FN_MEAN_ROWS] = true, [FN_EXP] = true, [FN_SQRT] = true, [FN_SOFTMAX] = true, [FN_LOG] = true, [FN_COS] = true, [FN_SIN] = true, [FN_LOGSOFTMAX] = true, [FN_FOLD] = true};

bool is_function_of_parts(int fn) { return of_parts[fn]; }

static bool call_same(struct claim_walk *w, const struct ex *x) {
    if (x->number == FN_W || x->number == FN_QK || x->number == FN_OV) return stmt_closed(w->e->s, x->k[0]) ? all_same(w, x->k + 1, x->n - 1) : no(w, "a model that rests on a variable");
    if (x->n > 0 && of_sequence[x->number] && slice_of(w, x->k[0]) == 1) return all_same(w, x->k + 1, x->n - 1);
    return of_parts[x->number] ? all_same(w, x->k, x->n) : no(w, "a function that may tell positions apart");
}

/* Numbers that cannot be an error, over variables and tokens: of them any order may be looked at until it is settled. */
static bool harmless(const struct claim_walk *w, const struct ex *x) {
    switch (x->kind) {
    case EX_LIT: return true;
    case EX_VAR: return !is_sequence(w, x);
    case EX_INDEX: return x->n == 2 && is_sequence(w, x->k[0]) && x->k[1]->kind != EX_SLICE;
    case EX_CALL:
        if (x->number == FN_ABS) break;
        if (x->number != FN_MAX && x->number != FN_MIN && x->number != FN_SUM && x->number != FN_LEN && x->number != FN_CONTAINS) return false;
        return slice_of(w, x->k[0]) == 1 && (x->n == 1 || (x->n == 2 && harmless(w, x->k[1])));
    case EX_IF: case EX_IFF: case EX_IMPLIES: case EX_OR: case EX_AND: case EX_NOT: case EX_CMP: case EX_ADD: case EX_SUB: case EX_MUL: case EX_NEG: break;
    default: return false;
    }
    for (int i = 0; i < x->n; i++)
        if (!harmless(w, x->k[i])) return false;
    return true;
}

static bool classify(struct claim_walk *w, struct claim_var *v, const struct ex *set) {
    int64_t *x;
    size_t n;
    if (!stmt_closed(w->e->s, set) || set->network) return true;
    if (!eval_set_values(w->e, set, &x, &n)) return no(w, "a set that cannot be made");
    v->positions = v->apart = v->clear = true;
    uint32_t met = 0;
    for (size_t i = 0; i < n; i++) {
        v->positions = v->positions && x[i] >= 0 && x[i] < (int64_t)w->len;
        v->apart = v->apart && !in_s(w, x[i]);
        v->clear = v->clear && !between(w, x[i]);
        met += in_s(w, x[i]);
    }
    v->across = met == w->n_at;
    mem_free(x);
    return true;
}

static bool comprehension_same(struct claim_walk *w, const struct ex *x) {
    int first = w->n;
    bool settles = x->kind == EX_EXISTS || x->number == Q_ALL || x->number == Q_ANY, moved = false;
    if (x->kind == EX_QUANT && (x->number == Q_ARGMAX || x->number == Q_ARGMIN)) return no(w, "argmax{} or argmin{}");
    for (int i = 0; i < x->binds.n; i++) {
        const struct bind *b = &x->binds.b[i];
        if (b->set->kind != EX_RANGE && b->set->kind != EX_LIST) return no(w, "a comprehension over another set than a..b or {...}");
        if (!all_same(w, b->set->k, b->set->n)) return false;
        if (w->n == (int)(sizeof w->v / sizeof *w->v)) return no(w, "too many variables");
        w->v[w->n] = (struct claim_var){.slot = b->slot};
        if (!classify(w, &w->v[w->n], b->set)) return false;
        w->n++;
    }
    if (!same(w, x->k[0]) || (x->where != NULL && !same(w, x->where))) return false;
    for (int i = first; i < w->n; i++) {
        if (w->v[i].moved && w->v[i].number) return no(w, "a variable that is a position and a number");
        moved = moved || w->v[i].moved;
    }
    w->n = first;
    if (!moved || !settles) return true;
    return harmless(w, x->k[0]) && (x->where == NULL || harmless(w, x->where)) ? true : no(w, "all{}, any{} or exists over the positions of something that may be an error");
}

static bool same(struct claim_walk *w, const struct ex *x) {
    if (!x->network && stmt_closed(w->e->s, x)) return true;
    struct claim_var *v = variable(w, x);
    switch (x->kind) {
    case EX_LIT: case EX_LAST: return true;
    case EX_VAR:
        if (v != NULL) v->number = true;
        return is_sequence(w, x) ? no(w, "the sequence itself") : true;
    case EX_IF: case EX_IFF: case EX_IMPLIES: case EX_OR: case EX_AND: case EX_NOT: case EX_CMP: case EX_IN: case EX_ADD: case EX_SUB: case EX_MUL: case EX_DIV: case EX_MOD:
    case EX_MATMUL: case EX_NEG: case EX_POW: case EX_SLICE: case EX_LIST: case EX_RANGE: return all_same(w, x->k, x->n);
    case EX_INDEX: return index_same(w, x);
    case EX_CALL: return call_same(w, x);
    case EX_QUANT: case EX_EXISTS: return comprehension_same(w, x);
    default: return no(w, "something that may tell positions apart");
    }
}

bool claim_symmetric(struct claim_walk *w, const struct ex *x) { return x == NULL || same(w, x); }
