/* Rule separable (FORMAT.md §3): for every query token q and every final state y of the feature automaton, the sequences that end there (separable_walk.c). Every
 * processor has a share of the query tokens. */
#include "separable_average.h"
#include "shares.h"
#include <stdlib.h>
#include <string.h>

void mpz_add_wide(mpz_t z, wide v) {
    mpz_t t;
    mpz_init_set_ui(t, (unsigned long)(v >> 64));
    mpz_mul_2exp(t, t, 64);
    mpz_add_ui(t, t, (unsigned long)v);
    mpz_add(z, z, t);
    mpz_clear(t);
}

/* rule cells: the lines of the certificate say how */
static bool walk_cell(struct walker *w, uint32_t q, const struct truth *t) {
    if (w->level[0].classes.n < 2) return true;
    bool no = false;
    if (!cells_settle(w, q, t, &no)) return false;
    w->found->yes += w->true_count;
    w->found->open += w->open_count;
    if (w->open_count > 0 || no) w->found->all = false;
    return true;
}

/* The one sequence of a part (rule count). */
static void complete_part(void *walker, const uint32_t *left, uint32_t n_left) {
    struct walker *w = walker;
    for (uint32_t i = 0; i < w->s.n; i++) {
        w->cells[i] = w->parts.cells[i];
        w->tokens[i] = w->s.sets.v[i][w->cells[i] - w->s.at[i]];
    }
    wide yes = w->true_count, no = w->false_count, open = w->open_count;
    walk_complete(w, left, n_left, w->parts.cell.count[ROOT]);
    w->parts.yes += w->true_count - yes; /* they are sequences of the part */
    w->parts.no += w->false_count - no;
    w->parts.left_open += w->open_count - open;
    w->true_count = yes;
    w->false_count = no;
    w->open_count = open;
}

/* tree: of the cell, from 1, or 0 */
static bool walk_parts(struct walker *w, size_t tree) {
    const struct sep *s = &w->s;
    struct leaves lines = {0};
    if (tree > 0) lines = (struct leaves){.line = w->part_lines->line, .n = w->part_lines->n, .next = w->trees.tree[tree - 1].line};
    const struct cell cell = {.level = w->level, .n = s->n, .n_src = s->net->causal ? s->row + 1 : s->n, .at = s->at, .tokens = s->sets.v, .K = w->n_form, .g = w->g, .top = w->top, .radius = w->radius};
    if (w->level[0].classes.n < 2) return true;
    if (!parts_count(&w->parts, &cell, w->form, tree > 0 ? &lines : NULL)) return w->parts.bad != NULL ? fail_at(w->s.fail, w->parts.bad_line, "line 'part': %s", w->parts.bad) : sep_refuse(&w->s, "the tables of sums are too large");
    w->true_count += w->parts.yes;
    w->false_count += w->parts.no;
    w->open_count += w->parts.left_open;
    return true;
}

/* Leaves the forms out that a first look shows to be positive on all sequences; the others, which the caller frees, or NULL: all are left. */
static struct iform *forms_open(struct walker *w, uint32_t q) {
    bool *open = mem_get(w->n_form, sizeof *open);
    struct iform *left = NULL;
    if (look_open(w, q, open)) {
        size_t n = 0;
        left = mem_get(w->n_form, sizeof *left);
        for (size_t k = 0; k < w->n_form; k++)
            if (open[k]) left[n++] = w->form[k];
        w->form = left;
        w->n_form = n;
    }
    mem_free(open);
    return left;
}

static bool fill_terms(struct walker *w, uint32_t q) {
    if (!terms_fill(w, q)) return false;
    mem_free(w->radius);
    w->radius = mem_get(w->n_form, sizeof *w->radius);
    for (size_t k = 0; k < w->n_form; k++) w->radius[k] = (int64_t)w->s.n * w->form[k].radius;
    return true;
}

static bool settle_forms(struct walker *w, uint32_t q, size_t tree) {
    if (!fill_terms(w, q)) return false;
    if (w->parts.B > 0) return walk_parts(w, tree);
    walk_count(w);
    return true;
}

/* The certificate's lines for the final state y and those that follow it: the number of the first such tree, from 1, or 0. */
static size_t tree_of(const struct walker *w, size_t y, const size_t *follows) {
    size_t first = 0;
    for (size_t x = y + 1; w->tree != NULL && x > 0; x = follows[x - 1])
        if (w->tree[x - 1] > 0 && (first == 0 || w->tree[x - 1] < first)) first = w->tree[x - 1];
    return first;
}

/* The final state in which a sequence ends, from 1; 0: in none with query token q. */
static size_t ends_in(const struct walker *w, const int64_t *tokens, uint32_t q) {
    const struct sep *s = &w->s;
    int32_t x = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t m = s->at[i + 1] - s->at[i], t = 0;
        while (t < m && s->sets.v[i][t] != tokens[i]) t++;
        if (t == m || (i == s->row && t != q)) return 0;
        x = w->next[i][(size_t)x * m + t];
        if (x < 0) return 0;
    }
    return (size_t)x + 1;
}

static void find_trees(struct walker *w, uint32_t q) {
    mem_free(w->tree);
    w->tree = NULL;
    if (w->trees.n == 0) return;
    w->tree = mem_get(w->states[w->s.n].n, sizeof *w->tree);
    for (size_t k = w->trees.n; k-- > 0;) {
        size_t y = ends_in(w, w->trees.tree[k].tokens, q);
        if (y > 0) w->tree[y - 1] = k + 1;
    }
}

/* y and those that follow it: the final states with this truth */
static bool walk_states(struct walker *w, uint32_t q, size_t y, const size_t *follows, const struct truth *t) {
    w->form = t->form;
    w->n_form = t->n;
    w->negated = t->negated;
    w->true_count = w->false_count = w->open_count = 0;
    states_minimise(w, y, follows);
    if (w->leaves != NULL) return walk_cell(w, q, t);
    if (w->average != NULL && t->n == 1) return average_add(w->average, &w->s, w->level, q, t->form, 1);
    terms_scale(w, q);
    if (w->average != NULL) return fill_terms(w, q) && average_least(w->average, w, q);
    struct iform *open = w->parts.B == 0 ? forms_open(w, q) : NULL;
    bool good = true;
    if (open != NULL && w->n_form == 0) w->true_count = w->level[0].count[1];
    else good = settle_forms(w, q, tree_of(w, y, follows));
    mem_free(open);
    if (!good) return false;
    wide yes = w->negated ? w->false_count : w->true_count, no = w->negated ? w->true_count : w->false_count;
    w->found->yes += yes;
    w->found->open += w->open_count;
    if (no > 0 || w->open_count > 0) w->found->all = false;
    return true;
}

/* tokens: the sequence that led to the final state y first */
static void first_sequence(struct walker *w, size_t y) {
    const struct sep *s = &w->s;
    for (uint32_t i = s->n; i-- > 0;) {
        uint32_t m = s->at[i + 1] - s->at[i];
        size_t by = w->reached[i + 1][y];
        w->tokens[i] = s->sets.v[i][by % m];
        y = by / m;
    }
}

/* The condition and the predicate at a final state, once for every tuple of feature values. */
static bool truth_of(struct walker *w, const struct ex *where, size_t y, size_t *id) {
    struct sep *s = &w->s;
    const int64_t *state = w->states[s->n].key + y * w->states[s->n].width;
    size_t n = w->seen.n;
    int64_t value[FEATURES_MOST + 1] = {0}; /* states of one value, as of the second largest token, have one truth */
    for (int k = 0; k < s->n_f; k++) value[k] = feature_value(&s->f[k], state[k]);
    w->seen.width = (size_t)s->n_f + 1;
    *id = table_add(&w->seen, value);
    if (*id < n) return true;
    if (n % 256 == 0) {
        w->truth = mem_grow(w->truth, n, n + 256, sizeof *w->truth);
        w->where = mem_grow(w->where, n, n + 256, sizeof *w->where);
    }
    eval_reset(w->e);
    bool good = true;
    first_sequence(w, y);
    w->e->env[s->slot] = (struct var){.set = true, .seq = true, .s = w->tokens, .n = s->n};
    good = s->image == NULL || sep_in_image(s, w->tokens);
    for (int k = 0; good && k < s->n_f; k++) good = feature_finish(s, &s->f[k], state[k]);
    w->e->env[s->slot].set = false;
    struct val v = {.type = V_TRI, .tri = YES};
    good = good && (where == NULL || (eval(w->e, where, &v) && v.type == V_TRI && v.tri != OPEN));
    w->where[*id] = v.tri;
    w->truth[*id] = (struct truth){.constant = true, .value = NO};
    if (good && v.tri == YES) good = w->average != NULL ? sep_compile_value(s, w->predicate, &w->arena, w->parts.B > 0, &w->truth[*id]) : sep_compile(s, w->predicate, &w->arena, &w->truth[*id]);
    sep_release(s);
    eval_reset(w->e);
    return good ? true : sep_refuse(s, "the condition");
}

static bool same_truth(const struct walker *w, const struct truth *a, const struct truth *b) {
    if (a->constant || b->constant || a->negated != b->negated || a->n != b->n) return false;
    for (size_t k = 0; k < a->n; k++)
        if (!form_same(&w->s, &a->form[k], &b->form[k])) return false;
    return true;
}

/* the same values of the predicate's features */
static bool same_features(const struct walker *w, const int64_t *a, const int64_t *b) {
    for (int k = w->n_where; k < w->s.n_f; k++)
        if (feature_value(&w->s.f[k], a[k]) != feature_value(&w->s.f[k], b[k])) return false;
    return true;
}

static bool same_cell(const struct walker *w, const size_t *id, size_t x, size_t y) {
    const struct table *final = &w->states[w->s.n];
    if (w->leaves != NULL) return same_features(w, final->key + x * final->width, final->key + y * final->width);
    return same_truth(w, &w->truth[id[x]], &w->truth[id[y]]);
}

/* Lists of the final states on which the condition is true and the predicate the same forms (rule cells: the same features): first[x] and follows[x] are x + 1, or 0 at the end. */
static size_t *group(const struct walker *w, const size_t *id, size_t *follows) {
    size_t n = w->states[w->s.n].n, n_reps = 0;
    size_t *first = mem_get(n, sizeof *first), *rep = mem_get(n, sizeof *rep), *of_id = mem_get(w->seen.n, sizeof *of_id);
    for (size_t y = 0; y < n; y++) {
        if (w->where[id[y]] != YES || w->truth[id[y]].constant) continue;
        for (size_t r = 0; r < n_reps && of_id[id[y]] == 0; r++)
            if (same_cell(w, id, rep[r], y)) of_id[id[y]] = rep[r] + 1;
        if (of_id[id[y]] == 0) {
            rep[n_reps++] = y;
            of_id[id[y]] = y + 1;
        }
        size_t r = of_id[id[y]] - 1;
        follows[y] = first[r];
        first[r] = y + 1;
    }
    mem_free(rep);
    mem_free(of_id);
    return first;
}

static bool one_query(struct walker *w, const struct ex *where, uint32_t q) {
    struct sep *s = &w->s;
    if (!sep_weights(s, q)) return false;
    if (w->relaxed != NULL) return relaxed_query(w, q);
    w->kept_of = 1;
    if (!states_build(w, q)) return false;
    struct table *final = &w->states[s->n];
    size_t *id = mem_get(final->n, sizeof *id), *follows = mem_get(final->n, sizeof *follows), *first = NULL;
    bool good = true;
    w->found->bindings += w->left_out;
    for (size_t y = 0; good && y < final->n; y++) {
        good = truth_of(w, where, y, &id[y]);
        if (!good) break;
        w->found->bindings += w->paths[y];
        if (w->where[id[y]] != YES) continue;
        w->found->where += w->paths[y];
        const struct truth *t = &w->truth[id[y]];
        if (t->constant && t->value == YES) w->found->yes += w->paths[y];
        else if (t->constant) w->found->all = false;
    }
    if (good) first = group(w, id, follows);
    if (good) find_trees(w, q);
    for (size_t y = 0; good && y < final->n && !(w->need_all && !w->found->all); y++)
        if (first[y] > 0) good = walk_states(w, q, first[y] - 1, follows, &w->truth[id[y]]);
    mem_free(id);
    mem_free(follows);
    mem_free(first);
    return good;
}

static void walker_clear(struct walker *w) {
    relaxed_clear(w);
    parts_clear(&w->parts);
    trees_clear(&w->trees);
    kept_clear(w);
    for (uint32_t i = 0; i <= w->s.n; i++) {
        if (w->states != NULL) table_clear(&w->states[i]);
        if (w->next != NULL) mem_free(w->next[i]);
        if (w->reached != NULL) mem_free(w->reached[i]);
        if (w->level == NULL) continue;
        table_clear(&w->level[i].classes);
        mem_free(w->level[i].count);
        mem_free(w->level[i].least);
        mem_free(w->level[i].most);
        mem_free(w->level[i].sign);
    }
    sep_release(&w->s);
    for (int k = 0; k < w->s.n_f; k++) {
        mem_free(w->s.f[k].g);
        mem_free(w->s.f[k].use);
    }
    for (size_t i = 0; w->truth != NULL && i < w->seen.n; i++) forms_drop(&w->truth[i]);
    sep_ties_clear(&w->s);
    sep_changes_clear(&w->s);
    rests_clear(&w->s.rests);
    sep_tables_clear(&w->s);
    look_clear(&w->look);
    together_clear(&w->together);
    table_clear(&w->seen);
    if (w->top != w->g) mem_free(w->top);
    void *all[] = {w->tree, w->states, w->next, w->reached, w->alike, w->level, w->paths, w->truth, w->where, w->g, w->sign, w->before, w->radius, w->tokens, w->cells, w->s.at, w->s.shape, w->weight, w->live};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    product_clear(&w->s.sets);
    mem_free(w->s.copied);
    arena_free(&w->arena);
}

#define STATES_MOST ((size_t)1 << 22) /* transitions of a level */

/* One value of the binders beside t. */
struct outer { struct way way; const struct bind *t, *source; /* what an image t is made of, or t */ struct ex *where, *predicate; bool need_all; struct tally *tally; struct fail *fail; bool good; };

static void walker_room(struct walker *w) {
    const struct sep *s = &w->s;
    w->states = mem_get((size_t)s->n + 1, sizeof *w->states);
    w->next = mem_get((size_t)s->n + 1, sizeof *w->next);
    w->reached = mem_get((size_t)s->n + 1, sizeof *w->reached);
    w->alike = mem_get(s->n, sizeof *w->alike);
    w->level = mem_get((size_t)s->n + 1, sizeof *w->level);
    w->tokens = mem_get(s->n, sizeof *w->tokens);
    w->cells = mem_get(s->n, sizeof *w->cells);
    w->weight = mem_get(s->at[s->n], sizeof *w->weight);
    w->live = mem_get(s->at[s->n], sizeof *w->live);
}

static uint32_t queries(const struct sep *s) { return s->at[s->row + 1] - s->at[s->row]; }

/* A share of the query tokens: every parts-th of them. */
struct work { struct walker *w; const struct ex *where; };
static bool query_share(uint32_t part, uint32_t parts, void *arg, void *result) {
    const struct work *x = arg;
    struct walker *w = x->w;
    struct found *f = w->found = result;
    f->ran = f->all = true;
    if (w->average != NULL) average_begin(w->average);
    for (uint32_t q = part; f->ran && q < queries(&w->s) && !(w->need_all && !f->all); q += parts) f->ran = one_query(w, x->where, q);
    f->too_many = w->s.too_many;
    if (w->average != NULL) f->ran = average_export(w->average, f->sum) && f->ran;
    if (!f->ran) f->line = w->s.fail->set ? w->s.fail->line : 0;
    if (!f->ran) memcpy(f->why, w->s.fail->set ? w->s.fail->text : w->e->fail.text, sizeof f->why);
    return f->ran && !(w->need_all && !f->all);
}

/* Small domains, and the lines of a certificate, are met by this process alone. */
#define ALONE 10000

static uint32_t n_shares(const struct walker *w) {
    uint32_t most = shares_of_machine();
    if (w->leaves != NULL || (uint64_t)queries(&w->s) * w->s.at[w->s.n] < ALONE) return 1;
    return most < queries(&w->s) ? most : queries(&w->s);
}

static bool all_queries(struct walker *w, const struct ex *where, struct tally *t) {
    struct found r[SHARES_MOST];
    bool have[SHARES_MOST], stopped;
    struct work x = {w, where};
    uint32_t parts = n_shares(w);
    memset(r, 0, sizeof r);
    if (!shares_run(parts, query_share, &x, r, have, sizeof *r, &stopped)) return fail_at(w->s.fail, 0, "a process with a share of the sequences ended early");
    for (uint32_t i = 0; i < parts; i++) { /* nothing is counted before all of them are read: the caller may try again */
        if (!have[i] || r[i].ran) continue;
        w->s.too_many = r[i].too_many;
        return fail_at(w->s.fail, r[i].line, "%s", r[i].why);
    }
    for (uint32_t i = 0; i < parts; i++) {
        if (!have[i]) continue;
        mpz_add_wide(t->bindings, r[i].bindings);
        mpz_add_wide(t->where, r[i].where);
        mpz_add_wide(t->yes, r[i].yes);
        mpz_add_wide(t->open, r[i].open);
        if (w->average != NULL) average_gather(w->average, r[i].sum);
        t->all = t->all && r[i].all;
    }
    return true;
}

/* GUARDED: what is left of the whole condition is a feature, and sequences for which it is false end at once; else its parts are features. FEW: there is no condition, and only few states are followed; RELAXED: by relaxed automata */
enum plan { GUARDED, PARTS, FEW, RELAXED };

/* *again: that took too many states, or RELAXED did not settle it */
static bool try_domain(struct eval *e, struct outer *o, enum plan plan, bool *again) {
    struct walker *w = mem_get(1, sizeof *w);
    w->e = e;
    w->s = (struct sep){.e = e, .slot = o->t->slot, .source = -1, .guard = -1, .fail = o->fail};
    w->predicate = o->predicate;
    w->need_all = o->need_all;
    w->states_most = STATES_MOST;
    const struct count_rule *count = o->way.count;
    if (count != NULL) w->parts = (struct parts){.B = count->bins, .enter = count->enter, .complete = complete_part, .arg = w};
    struct sep *s = &w->s;
    s->wide = o->way.leaves != NULL;
    w->leaves = o->way.leaves;
    w->average = o->way.average;
    bool good = sep_positions(s, o->t, o->source, w->leaves != NULL);
    s->whole = plan == RELAXED;
    bool guards = good && plan == GUARDED && o->where != NULL && sep_guard(s, o->where);
    good = good && (o->where == NULL || guards || sep_collect(s, o->where, -1));
    w->n_where = s->n_f;
    good = good && (o->predicate == NULL || sep_collect(s, o->predicate, -1));
    if (good && !s->has_row) good = sep_refuse(s, "nothing of a network in it");
    if (good) walker_room(w);
    *again = good && ((plan == FEW && !states_few(w)) || (plan == RELAXED && !relaxed_start(w)));
    good = good && !*again && sep_tables(s);
    const struct leaves parts = {.line = count != NULL ? count->parts : NULL, .n = count != NULL ? count->n_parts : 0};
    w->part_lines = &parts;
    good = good && trees_read(&w->trees, &parts, s->n, o->fail);
    good = good && all_queries(w, o->where, o->tally);
    *again = *again || (!good && ((guards && s->too_many) || plan == RELAXED));
    walker_clear(w);
    mem_free(w);
    return good;
}

static bool one_domain(struct eval *e, void *arg) {
    struct outer *o = arg;
    const struct fail said = *o->fail;
    const size_t line = o->way.leaves != NULL ? o->way.leaves->next : 0;
    bool again = true, relaxed = o->need_all && !e->s->float32 && o->where == NULL && o->t == o->source && o->way.leaves == NULL && o->way.count == NULL && o->way.average == NULL;
    static const enum plan plans[2][3] = {{GUARDED, PARTS, PARTS}, {FEW, RELAXED, PARTS}};
    for (int k = 0; again && k < (relaxed ? 3 : 2); k++) {
        *o->fail = said;
        e->fail.set = false;
        if (o->way.leaves != NULL) o->way.leaves->next = line;
        o->good = try_domain(e, o, plans[relaxed][k], &again);
    }
    return o->good && !(o->need_all && !o->tally->all);
}

/* The binders beside the sequence, those of an image at its place. */
static bool split_binders(struct outer *o, struct binds *others, const struct binds *b, int nest) {
    for (int i = 0; i < b->n; i++) {
        const struct bind *x = &b->b[i];
        bool sequence = x->set->kind == EX_TOKENS || x->set->kind == EX_PRODUCT, image = x->set->kind == EX_IMAGE && nest == 0;
        if ((sequence && o->source != NULL) || (image && o->t != NULL)) return fail_at(o->fail, 0, "rule separable does not take this claim: two sequences");
        if (sequence) o->source = x;
        if (image || (sequence && nest == 0)) o->t = x;
        if (image && !split_binders(o, others, &x->set->binds, 1)) return false;
        if (image && o->source == NULL) return fail_at(o->fail, 0, "rule separable does not take this claim: an image that is not one of sequences");
        if (image || sequence) continue;
        if (others->n == 64) return fail_at(o->fail, 0, "rule separable does not take this claim: too many binders");
        others->b[others->n++] = *x;
    }
    return true;
}

bool rule_separable(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, struct way way, struct tally *t, struct fail *f) {
    struct bind rest[64];
    struct binds others = {.b = rest};
    struct outer o = {.way = way, .need_all = need_all, .tally = t, .fail = f, .good = true};
    if (!split_binders(&o, &others, b, 0)) return false;
    if (o.t == NULL) return fail_at(f, 0, "rule separable does not take this claim: no sequence");
    if (way.leaves != NULL && e->s->float32) return fail_at(f, 0, "rule cells takes real semantics only");
    /* where and predicate are only changed in their cache, and given back as they were */
    o.where = (struct ex *)(uintptr_t)where;
    o.predicate = (struct ex *)(uintptr_t)predicate;
    struct ex implies = {.kind = EX_IMPLIES, .n = 2, .k = (struct ex *[]){o.where, o.predicate}, .network = true};
    if (where != NULL && where->network) { /* only for "true wherever the condition is not false" */
        if (!need_all || predicate == NULL) return fail_at(f, 0, "rule separable does not take this claim: a condition on the network");
        o.where = NULL;
        o.predicate = &implies;
    }
    e->fail.set = false;
    e->p = precision[0];
    if (!eval_each(e, &others, one_domain, &o) && (e->fail.set || !o.good)) return fail_at(f, 0, "%s", e->fail.text);
    return o.good;
}
