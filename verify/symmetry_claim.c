/* symmetry_claim.c: expressions that are the same for every order of the tokens at S (FORMAT.md §3, Symmetric positions 3 to 5). What is not named is refused. */
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "verify/symmetry.h"
#include "verify/types.h"

#define SET_MOST 65536

static bool same(struct symmetric *w, const struct expr *e);

static bool is_sequence(const struct symmetric *w, const struct expr *e)
{
    return e->form == FORM_NAME && e->slot == w->slot;
}

/* Is position i between the first and the last of S? */
static bool between(const struct symmetric *w, size_t i)
{
    bool before = false, after = false;
    for (size_t k = 0; k < w->len; k++) {
        before |= w->in_s[k] && k <= i;
        after |= w->in_s[k] && k >= i;
    }
    return before && after;
}

static struct symmetric_var *variable(struct symmetric *w, const struct expr *e)
{
    for (size_t i = 0; e->form == FORM_NAME && e->slot >= 0 && i < w->n; i++)
        if (w->v[i].slot == e->slot) return &w->v[i];
    return NULL;
}

static bool take_away(struct symmetric *w, size_t i)
{
    w->in_s[i] = false;
    w->again = true;
    return false;
}

bool symmetric_whole(long *out, const struct expr *e, long last)
{
    bool sum = e->form == FORM_BINARY && (e->oper == OPER_ADD || e->oper == OPER_SUB);
    if (e->form != FORM_NUMBER && e->form != FORM_LAST && !sum) return false;
    for (size_t i = 0; sum && i < 2; i++)
        if (!symmetric_whole(out, e->args[i], last)) return false;
    return constant_integer(out, e, last);
}

/* rows: of a node under a causal mask. A position that is named leaves S; between two of S, those behind it do. */
static bool named(struct symmetric *w, long i, bool rows)
{
    if (i < 0 || (size_t)i >= w->len) return false;
    if (w->in_s[i]) return take_away(w, (size_t)i);
    if (!rows || !between(w, (size_t)i)) return true;
    for (size_t k = (size_t)i; k < w->len; k++) w->in_s[k] = false;
    w->again = true;
    return false;
}

/* S becomes what the set of a variable has of it, or, where that is fewer than two positions, what it has not. */
static bool restrict_to(struct symmetric *w, const struct expr *set)
{
    long *x;
    size_t n, met = 0;
    if (!symmetric_set(&x, &n, &w->status, set)) return false;
    for (size_t i = 0; i < n; i++) met += w->in_s[x[i]];
    for (size_t i = 0; i < w->len; i++) {
        bool has = false;
        for (size_t k = 0; k < n; k++) has |= x[k] == (long)i;
        w->in_s[i] = w->in_s[i] && has == (met > 1);
    }
    free(x);
    w->again = true;
    return false;
}

static bool position(struct symmetric *w, const struct expr *e, bool rows)
{
    long i;
    if (symmetric_whole(&i, e, (long)w->len - 1)) return named(w, i, rows);
    struct symmetric_var *v = variable(w, e);
    if (!v || !v->positions) return false;
    if (v->apart && (!rows || v->clear)) return true;
    if (rows) return false;
    if (!v->across) return restrict_to(w, v->set);
    return v->moved = true;
}

bool symmetric_stretch(long *lo, long *hi, const struct expr *e, int slot, size_t len)
{
    *lo = 0;
    *hi = (long)len - 1;
    if (e->form == FORM_NAME && e->slot == slot) return true;
    if (e->form != FORM_INDEX || e->n_args != 2 || e->args[0]->form != FORM_NAME || e->args[0]->slot != slot || e->args[1]->form != FORM_SLICE) return false;
    const struct expr *a = e->args[1]->args[0], *b = e->args[1]->args[1];
    return (!a || symmetric_whole(lo, a, (long)len - 1)) && (!b || symmetric_whole(hi, b, (long)len - 1)) && *lo >= 0 && *hi >= *lo && *hi < (long)len;
}

/* t[a..b] with all of S: 1; none of it: 0; otherwise -1, and what is outside leaves S */
static int slice_of(struct symmetric *w, const struct expr *e)
{
    long lo, hi;
    if (is_sequence(w, e)) return 1;
    if (!symmetric_stretch(&lo, &hi, e, w->slot, w->len)) return -1;
    size_t inside = 0, all = 0;
    for (size_t k = 0; k < w->len; k++) {
        all += w->in_s[k];
        inside += w->in_s[k] && (long)k >= lo && (long)k <= hi;
    }
    if (inside == all || inside == 0) return inside == all;
    for (size_t k = 0; k < w->len; k++) w->in_s[k] = w->in_s[k] && (long)k >= lo && (long)k <= hi;
    w->again = true;
    return -1;
}

/* ---- networks ---- */

static bool no_variable(const struct expr *e, void *context)
{
    (void)context;
    return !(e->form == FORM_NAME && e->slot >= 0) && e->form != FORM_INDEX;
}

/* Rows of a component: none in S, as for reads. */
static bool rows_named(struct symmetric *w, const struct expr *index, bool causal)
{
    long lo = 0, hi = (long)w->len - 1;
    if (index->form != FORM_SLICE) {
        struct symmetric_var *v = variable(w, index);
        return (!v || v->apart) && position(w, index, causal);
    }
    if ((index->args[0] && !symmetric_whole(&lo, index->args[0], hi)) || (index->args[1] && !symmetric_whole(&hi, index->args[1], (long)w->len - 1)) || lo < 0 || hi < lo) return false;
    for (long i = lo; i <= hi; i++)
        if (!named(w, i, causal)) return false;
    return true;
}

/* whole: some component is named without rows. */
static bool components(bool *whole, struct symmetric *w, const struct expr *e, bool causal)
{
    bool inner;
    switch (e->form) {
    case FORM_INDEX: return e->n_args == 2 && e->args[0]->form != FORM_INDEX && components(&inner, w, e->args[0], causal) && rows_named(w, e->args[1], causal);
    case FORM_LIST: case FORM_BINARY:
        for (size_t i = 0; i < e->n_args; i++)
            if (!components(whole, w, e->args[i], causal)) return false;
        return true;
    case FORM_IMAGE: return components(whole, w, e->args[0], causal);
    case FORM_NAME: case FORM_STRING: case FORM_CALL: return *whole = true;
    default: return false;
    }
}

static bool looks_at_no_run(const struct expr *e, void *context)
{
    (void)context;
    bool elsewhere = e->form == FORM_KEYWORD && (strcmp(e->name, "from") == 0 || strcmp(e->name, "mean over") == 0 || strcmp(e->name, "any over") == 0);
    return !elsewhere && !(e->form == FORM_CALL && function_reads_network(e->function));
}

bool symmetric_without_runs(const struct expr *model)
{
    return expr_walk(model, looks_at_no_run, NULL);
}

static bool ablates_alike(struct symmetric *w, const struct expr *m, bool causal)
{
    bool whole = false, equal = false, drops = false;
    for (size_t i = 1; i < m->n_args; i++) {
        if (expr_is_frozen(m->args[i])) continue;
        const struct expr *a = m->args[i], *value = a->form == FORM_ASSIGN ? a->args[1] : NULL;
        if (!value || !a->args[0]->name) return false;
        if (value->form == FORM_KEYWORD) equal = strcmp(value->name, "zero") == 0 || (strcmp(value->name, "value") == 0 && value->args[0]->form == FORM_NUMBER);
        else if (!components(&whole, w, value, causal)) return false;
        else drops = strcmp(a->args[0]->name, "drop") == 0;
    }
    return equal || (drops && !whole);
}

/* Of whole components, the same everywhere, or of rows at other positions. */
static bool changes_alike(struct symmetric *w, const struct expr *m, bool causal)
{
    bool whole = false;
    if (w->s->semantics == SEMANTICS_FLOAT32 && !symmetric_without_runs(m)) return false;
    if (m->function == FUNCTION_STEER) return components(&whole, w, m->args[1], causal);
    if (m->function == FUNCTION_ABLATE) return ablates_alike(w, m, causal);
    for (size_t i = 1; i < m->n_args; i++)
        if (!expr_is_frozen(m->args[i]) && (m->args[i]->form != FORM_ASSIGN || !components(&whole, w, m->args[i]->args[0], causal))) return false;
    return !whole;
}

bool symmetric_closed(const struct statement *s, const struct expr *e)
{
    bool *used = mem_array(s->n_slots + 1, sizeof *used), any = !used;
    if (used) expr_free_slots(used, s->n_slots, e);
    for (size_t i = 0; used && i < s->n_slots; i++) any |= used[i];
    free(used);
    return !any;
}

/* Its variables are numbers; t is none of them. */
static bool numbers_only(const struct expr *e, void *context)
{
    struct symmetric *w = context;
    struct symmetric_var *v = variable(w, e);
    if (v) v->number = true;
    return !is_sequence(w, e);
}

static const struct net *network(struct symmetric *w, const struct expr *model)
{
    const struct net *net = NULL, *clean = NULL;
    struct diag d;
    if (!expr_walk(model, numbers_only, w)) return NULL;
    diag_init(&d);
    enum status s = interp_networks(&net, &clean, w->in, model, &d);
    diag_clear(&d);
    if (s != STATUS_OK || !net) return NULL;
    for (const struct expr *m = model; expr_patches(m); m = m->args[0])
        if (!changes_alike(w, m, net->causal)) return NULL;
    return symmetric_net(w, net) && (!clean || symmetric_net(w, clean)) ? net : NULL;
}

static bool is_read(const struct expr *e)
{
    return e->form == FORM_CALL && function_reads_network(e->function) && e->function != FUNCTION_RADIUS;
}

/* F(M, ..., t)[row, entry] */
static bool read_node(struct symmetric *w, const struct expr *call, const struct expr *row, const struct expr *entry)
{
    bool attention = call->function == FUNCTION_ATTN || call->function == FUNCTION_SCORE, node = call->function == FUNCTION_NODE;
    if (!is_sequence(w, call->args[call->n_args - 1])) return false;
    const struct net *net = network(w, call->args[0]);
    if (!net) return false;
    if (node && call->args[1]->form == FORM_STRING) {
        long v = net_node(net, call->args[1]->name);
        if (v < 0) return false;
        attention = net->nodes[v].width == 0;
    } else if (node && !expr_walk(call->args[1], no_variable, NULL))
        return false;
    for (size_t i = 1; !node && i + 1 < call->n_args; i++)
        if (!same(w, call->args[i])) return false;
    if (row->form == FORM_SLICE || !position(w, row, net->causal)) return false;
    if (!attention) return !entry || same(w, entry);
    return entry && entry->form != FORM_SLICE && position(w, entry, false);
}

/* ---- expressions ---- */

static bool all_same(struct symmetric *w, struct expr *const *args, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (args[i] && !same(w, args[i])) return false;
    return true;
}

static bool index_same(struct symmetric *w, const struct expr *e)
{
    const struct expr *base = e->args[0];
    if (is_sequence(w, base)) {
        if (e->n_args != 2) return false;
        return e->args[1]->form == FORM_SLICE ? slice_of(w, e) == 0 : position(w, e->args[1], false);
    }
    if (is_read(base)) return (e->n_args == 2 || e->n_args == 3) && read_node(w, base, e->args[1], e->n_args == 3 ? e->args[2] : NULL);
    bool twice = base->form == FORM_INDEX && base->n_args == 2 && is_read(base->args[0]) && e->n_args == 2;
    return twice ? read_node(w, base->args[0], base->args[1], e->args[1]) : all_same(w, e->args, e->n_args);
}

static bool listed(enum function f, const enum function *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == f) return true;
    return false;
}

bool symmetric_function(enum function f)
{
    static const enum function of_parts[] = {FUNCTION_ARGMAX, FUNCTION_ARGMIN, FUNCTION_ARGMAXES, FUNCTION_MAX, FUNCTION_MIN, FUNCTION_SUM, FUNCTION_MEAN, FUNCTION_ABS, FUNCTION_DIST,
        FUNCTION_NORM, FUNCTION_SORT, FUNCTION_DISTINCT, FUNCTION_CONTAINS, FUNCTION_LEN, FUNCTION_SEQ, FUNCTION_ONEHOT, FUNCTION_TRANSPOSE, FUNCTION_DIAG, FUNCTION_DOT,
        FUNCTION_MEAN_ROWS, FUNCTION_EXP, FUNCTION_SQRT, FUNCTION_SOFTMAX, FUNCTION_LOG, FUNCTION_COS, FUNCTION_SIN, FUNCTION_LOGSOFTMAX, FUNCTION_FOLD};
    return listed(f, of_parts, sizeof of_parts / sizeof *of_parts);
}

static bool call_same(struct symmetric *w, const struct expr *e)
{
    static const enum function of_sequence[] = {FUNCTION_MAX, FUNCTION_MIN, FUNCTION_SUM, FUNCTION_MEAN, FUNCTION_SORT, FUNCTION_DISTINCT, FUNCTION_CONTAINS, FUNCTION_LEN};
    static const enum function weights[] = {FUNCTION_W, FUNCTION_QK, FUNCTION_OV};
    if (listed(e->function, weights, sizeof weights / sizeof *weights)) return symmetric_closed(w->s, e->args[0]) && all_same(w, e->args + 1, e->n_args - 1);
    if (e->n_args > 0 && listed(e->function, of_sequence, sizeof of_sequence / sizeof *of_sequence) && slice_of(w, e->args[0]) == 1) return all_same(w, e->args + 1, e->n_args - 1);
    return symmetric_function(e->function) && all_same(w, e->args, e->n_args);
}

/* Numbers over variables and tokens that cannot be an error. */
static bool harmless(struct symmetric *w, const struct expr *e)
{
    static const enum function of_sequence[] = {FUNCTION_MAX, FUNCTION_MIN, FUNCTION_SUM, FUNCTION_LEN, FUNCTION_CONTAINS};
    switch (e->form) {
    case FORM_NUMBER: return true;
    case FORM_NAME: return e->slot >= 0 && !is_sequence(w, e);
    case FORM_INDEX: return e->n_args == 2 && is_sequence(w, e->args[0]) && e->args[1]->form != FORM_SLICE;
    case FORM_CALL:
        if (e->function == FUNCTION_ABS) break;
        if (!listed(e->function, of_sequence, sizeof of_sequence / sizeof *of_sequence)) return false;
        return slice_of(w, e->args[0]) == 1 && (e->n_args == 1 || (e->n_args == 2 && harmless(w, e->args[1])));
    case FORM_BINARY:
        if (e->oper == OPER_DIV || e->oper == OPER_MOD || e->oper == OPER_MATMUL || e->oper == OPER_POW) return false;
        break;
    case FORM_UNARY: case FORM_COMPARE: case FORM_IF: break;
    default: return false;
    }
    for (size_t i = 0; i < e->n_args; i++)
        if (!harmless(w, e->args[i])) return false;
    return true;
}

bool symmetric_set(long **out, size_t *n, enum status *status, const struct expr *set)
{
    long lo, hi;
    *out = NULL;
    if (set->form == FORM_RANGE) {
        if (!constant_integer(&lo, set->args[0], -1) || !constant_integer(&hi, set->args[1], -1) || lo < -(1L << 30) || hi > 1L << 30 || hi - lo >= SET_MOST) return false;
        *n = hi < lo ? 0 : (size_t)(hi - lo) + 1;
    } else if (set->form == FORM_LIST)
        *n = set->n_args;
    else
        return false;
    long *v = mem_array(*n + 1, sizeof *v);
    if (!v) return *status = STATUS_MEMORY, false;
    for (size_t i = 0; i < *n; i++) {
        v[i] = lo + (long)i;
        if (set->form == FORM_RANGE || constant_integer(&v[i], set->args[i], -1)) continue;
        free(v);
        return false;
    }
    *out = v;
    return true;
}

static void classify(struct symmetric *w, struct symmetric_var *v, const struct expr *set)
{
    long *x;
    size_t n, met = 0, all = 0;
    if (!symmetric_set(&x, &n, &w->status, set)) return;
    v->positions = v->apart = v->clear = true;
    for (size_t i = 0; i < n && v->positions; i++) {
        v->positions = x[i] >= 0 && x[i] < (long)w->len;
        if (!v->positions) break;
        met += w->in_s[x[i]];
        v->apart = v->apart && !w->in_s[x[i]];
        v->clear = v->clear && !between(w, (size_t)x[i]);
    }
    for (size_t i = 0; i < w->len; i++) all += w->in_s[i];
    v->across = v->positions && met == all;
    free(x);
}

static bool comprehension_same(struct symmetric *w, const struct expr *e)
{
    size_t first = w->n;
    bool settles = e->quant == QUANT_EXISTS || e->quant == QUANT_ALL || e->quant == QUANT_ANY, moved = false;
    if (e->quant == QUANT_ARGMAX || e->quant == QUANT_ARGMIN) return false;
    for (size_t i = 0; i < e->binds.n; i++) {
        const struct bind *b = &e->binds.items[i];
        if ((b->set->form != FORM_RANGE && b->set->form != FORM_LIST) || !all_same(w, b->set->args, b->set->n_args) || w->n == sizeof w->v / sizeof *w->v) return false;
        w->v[w->n] = (struct symmetric_var){.slot = b->slot, .set = b->set};
        classify(w, &w->v[w->n++], b->set);
    }
    if (!same(w, e->args[0]) || (e->where && !same(w, e->where))) return false;
    for (size_t i = first; i < w->n; i++) {
        if (w->v[i].moved && w->v[i].number) return false;
        moved |= w->v[i].moved;
    }
    w->n = first;
    return !moved || !settles || (harmless(w, e->args[0]) && (!e->where || harmless(w, e->where)));
}

static bool is_plain(const struct expr *e, void *context)
{
    (void)context;
    return !(e->form == FORM_NAME && e->slot >= 0) && e->form != FORM_LAST && e->form != FORM_QUANT && e->form != FORM_IMAGE;
}

static bool same(struct symmetric *w, const struct expr *e)
{
    struct symmetric_var *v = variable(w, e);
    if (expr_walk(e, is_plain, NULL) && !expr_depends_on_network(e)) return true;
    switch (e->form) {
    case FORM_NUMBER: case FORM_LAST: return true;
    case FORM_NAME:
        if (v) v->number = true;
        return e->slot >= 0 && !is_sequence(w, e);
    case FORM_UNARY: case FORM_BINARY: case FORM_COMPARE: case FORM_IN: case FORM_IF: case FORM_LIST: case FORM_SLICE: case FORM_RANGE: return all_same(w, e->args, e->n_args);
    case FORM_INDEX: return index_same(w, e);
    case FORM_CALL: return call_same(w, e);
    case FORM_QUANT: return comprehension_same(w, e);
    default: return false;
    }
}

bool symmetric_expr(struct symmetric *w, const struct expr *e)
{
    return !e || same(w, e);
}
