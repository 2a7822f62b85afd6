/* What each verdict asks (FORMAT.md §2). */
#include "separable_average.h"
#include "symmetric.h"
#include <string.h>

void tally_init(struct tally *t) {
    mpz_inits(t->bindings, t->where, t->where_open, t->yes, t->open, NULL);
    t->all = true;
}

void tally_clear(struct tally *t) { mpz_clears(t->bindings, t->where, t->where_open, t->yes, t->open, NULL); }

struct judge { const struct certificate *c; const struct stmt *s; struct eval *e; struct fail *f; mpz_ptr bindings; };

static bool no(struct judge *j, const char *why) { return fail_at(j->f, j->c->verdict_line, "%s", why); }

static bool scan(struct judge *j, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, struct tally *t) {
    bool good, failed;
    if (j->c->rule == RULE_QUADRATIC) good = rule_quadratic(j->c, j->e, t, &failed, j->f);
    else if (j->c->rule == RULE_ENUMERATE) {
        struct symmetry y;
        bool symmetric = has_symmetry(j->c);
        good = (!symmetric || symmetry_check(&y, j->c, j->e, b, where, predicate, j->f)) && rule_enumerate(j->e, b, where, predicate, symmetric ? &y : NULL, need_all, t, j->f);
    }
    else if ((j->c->rule == RULE_SEPARABLE || j->c->rule == RULE_COUNT || j->c->rule == RULE_CELLS) && j->s->n_data > 0) good = fail_at(j->f, j->c->rule_line, "rule %s reads no data array", rule_names[j->c->rule]);
    else if (j->c->rule == RULE_SEPARABLE) good = rule_separable(j->e, b, where, predicate, need_all, (struct way){0}, t, j->f);
    else if (j->c->rule == RULE_CELLS) good = rule_cells(j->c, j->e, b, where, predicate, need_all, t, j->f);
    else if (j->c->rule == RULE_COUNT && !need_all) good = rule_separable(j->e, b, where, predicate, need_all, (struct way){.count = &j->c->count}, t, j->f);
    else good = fail_at(j->f, j->c->rule_line, "rule point does not decide this");
    mpz_set(j->bindings, t->bindings);
    return good;
}

/* truth of x at the variables that are set, refusing errors */
static bool truth(struct judge *j, const struct ex *x, enum tri want, int line, const char *why) {
    j->e->fail.set = false;
    enum tri t = eval_decide(j->e, x);
    if (j->e->fail.set) return fail_at(j->f, line, "%s", j->e->fail.text);
    return t == want ? true : fail_at(j->f, line, "%s%s", why, t == OPEN ? " (unsettled)" : "");
}

static bool antecedents(struct judge *j, const struct ex *p, int line) {
    for (; p->kind == EX_IMPLIES; p = p->k[1])
        if (!truth(j, p->k[0], YES, line, "the antecedent does not hold at the witness")) return false;
    return true;
}

static bool at_point(struct judge *j, const struct binding *b, const struct binds *binds, const struct ex *where, const struct ex *x, enum tri want, const char *why) {
    if (b->line == 0) return no(j, "a binding is missing");
    struct certificate *c = (struct certificate *)(uintptr_t)j->c; /* the arena takes the values */
    bool good = binding_set(j->e, &c->arena, b, binds, j->f) && truth(j, where, YES, b->line, "the condition does not hold there") &&
                (x == NULL || truth(j, x, want, b->line, why));
    return good;
}

static bool prove_universal(struct judge *j) {
    const struct stmt *s = j->s;
    if (s->closed && (j->c->rule == RULE_SEPARABLE || j->c->rule == RULE_CELLS)) return no(j, "this rule needs a binder");
    struct tally t;
    tally_init(&t);
    bool good = scan(j, &s->binds, s->where, s->subject, true, &t);
    if (good && !t.all) good = no(j, "the predicate is not true for every binding");
    if (good && mpz_sgn(t.bindings) == 0 && !(s->closed && j->c->rule == RULE_QUADRATIC)) good = no(j, "the domain is empty");
    tally_clear(&t);
    if (good && !s->closed && j->c->rule == RULE_QUADRATIC) return quadratic_point(j->c, j->e, &j->c->witness, false, j->f);
    good = good && at_point(j, &j->c->witness, &s->binds, s->where, NULL, YES, "") && antecedents(j, s->subject, j->c->witness.line);
    binding_unset(j->e, &s->binds);
    return good;
}

/* rule quadratic: one point is enough, of a binding of the `forall` or of a case of a closed `all{}` */
static bool refuted_over_ball(struct judge *j) {
    const struct certificate *c = j->c;
    if (!j->s->closed) return c->n_cases == 0 ? quadratic_point(c, j->e, &c->counterexample, true, j->f) : fail_at(j->f, c->cases[0].line, "line 'case' does not belong here");
    struct tally t;
    bool failed = false;
    tally_init(&t);
    bool good = rule_quadratic(c, j->e, &t, &failed, j->f);
    mpz_set(j->bindings, t.bindings);
    tally_clear(&t);
    return good && (failed || no(j, "no case fails"));
}

static bool judge_prove(struct judge *j) {
    const struct certificate *c = j->c;
    const struct stmt *s = j->s;
    const struct ex *x = s->subject;
    bool exists = s->closed && x->kind == EX_EXISTS;
    struct tally t;
    if (c->rule == RULE_FARKAS) return farkas_prove(c, j->e, j->f);
    if (c->rule == RULE_POLYNOMIAL) return rule_polynomial(c, j->e, j->f);
    if (c->verdict == PROVED && c->rule != RULE_POINT) return prove_universal(j);
    if (c->verdict == PROVED)
        return exists ? at_point(j, &c->witness, &x->binds, x->where, x->k[0], YES, "the predicate does not hold there") : no(j, "rule point proves only 'exists'");
    if (c->verdict == REFUTED && c->rule == RULE_POINT) return at_point(j, &c->counterexample, &s->binds, s->where, x, NO, "the predicate does not fail there");
    if (c->rule == RULE_QUADRATIC && c->verdict == REFUTED) return refuted_over_ball(j);
    if (c->verdict == REFUTED && !s->closed) return no(j, "only a counterexample refutes a claim with forall");
    if (c->verdict == REFUTED && c->rule == RULE_ENUMERATE && !has_symmetry(c)) {
        mpz_set_ui(j->bindings, 1);
        return truth(j, x, NO, c->verdict_line, "the predicate is not false");
    }
    if (c->verdict == REFUTED) {
        if (!exists) return no(j, "without evaluating the claim as it stands, only 'exists' is refuted");
        struct ex negation = {.kind = EX_NOT, .k = (struct ex *[]){x->k[0]}, .n = 1, .network = x->k[0]->network};
        tally_init(&t);
        bool good = scan(j, &x->binds, x->where, &negation, true, &t);
        if (good && !t.all) good = no(j, "some binding may satisfy the predicate");
        tally_clear(&t);
        return good;
    }
    if (c->verdict != VACUOUS) return no(j, "this verdict does not fit the claim");
    if (s->closed || (c->rule != RULE_ENUMERATE && c->rule != RULE_QUADRATIC)) return no(j, "vacuous needs a binder and rule enumerate or quadratic");
    tally_init(&t);
    bool good = scan(j, &s->binds, s->where, NULL, false, &t);
    if (good && (mpz_sgn(t.where) != 0 || mpz_sgn(t.where_open) != 0)) good = no(j, "some binding may satisfy the condition");
    tally_clear(&t);
    return good;
}

/* The `prove` line against intervals, or the width of them. */
static bool judge_intervals(struct judge *j, const struct span r[4]) {
    const struct stmt *s = j->s;
    enum tri t;
    if (s->prove != NULL) {
        if (!prove_line(s->prove, r, &t, j->f)) return false;
        if (j->c->verdict == PROVED) return t == YES ? true : no(j, "the prove line is not true for every number in the intervals");
        if (j->c->verdict == REFUTED) return t == NO ? true : no(j, "the prove line is not false for every number in the intervals");
        return no(j, "bounded is not a verdict for a claim with a prove line");
    }
    if (j->c->verdict != BOUNDED) return no(j, "without a prove line the verdict is bounded");
    const struct span *x = s->body == BODY_COUNT ? &r[RESULT_FRACTION] : &r[RESULT_VALUE];
    if (s->body == BODY_COUNT && mpq_equal(r[RESULT_NUMBER].lo, r[RESULT_NUMBER].hi) && mpq_equal(r[RESULT_TOTAL].lo, r[RESULT_TOTAL].hi)) return true;
    if (s->body == BODY_COUNT && s->within == NULL) return no(j, "the count is not exact");
    mpq_t width, most;
    mpq_inits(width, most, NULL);
    mpq_sub(width, x->hi, x->lo);
    if (s->within != NULL) mpq_set(most, s->within->q);
    else mpq_set_ui(most, 1, 1000000);
    bool narrow = mpq_cmp(width, most) <= 0;
    mpq_clears(width, most, NULL);
    return narrow ? true : no(j, "the interval is wider than 'within' allows");
}

static void spans_init(struct span r[4]) {
    for (int i = 0; i < 4; i++) mpq_inits(r[i].lo, r[i].hi, NULL);
}

static void spans_clear(struct span r[4]) {
    for (int i = 0; i < 4; i++) mpq_clears(r[i].lo, r[i].hi, NULL);
}

/* [lo, lo + extra] inside [c[0], c[1]] */
static bool inside(const mpz_t lo, const mpz_t extra, const mpz_t c[2]) {
    mpz_t hi;
    mpz_init(hi);
    mpz_add(hi, lo, extra);
    bool good = mpz_cmp(c[0], lo) <= 0 && mpz_cmp(hi, c[1]) <= 0;
    mpz_clear(hi);
    return good;
}

static bool judge_count(struct judge *j) {
    const struct certificate *c = j->c;
    const struct stmt *s = j->s;
    if (c->number_line == 0) return no(j, "line 'number' is missing");
    struct tally t;
    tally_init(&t);
    bool good = scan(j, &s->binds, s->where, s->subject, false, &t);
    if (good && !inside(t.yes, t.open, c->number)) good = fail_at(j->f, c->number_line, "the number is not in this interval");
    if (good && !inside(t.where, t.where_open, c->total)) good = fail_at(j->f, c->total_line, "the total is not in this interval");
    tally_clear(&t);
    if (!good) return false;
    if (c->verdict == VACUOUS) return mpz_sgn(c->total[1]) == 0 && mpz_sgn(c->number[1]) == 0 ? true : no(j, "the number and the total are not 0");
    if (mpz_sgn(c->total[0]) == 0) return no(j, "the total may be 0");
    struct span r[4];
    spans_init(r);
    mpz_set(mpq_numref(r[RESULT_NUMBER].lo), c->number[0]);
    mpz_set(mpq_numref(r[RESULT_NUMBER].hi), c->number[1]);
    mpz_set(mpq_numref(r[RESULT_TOTAL].lo), c->total[0]);
    mpz_set(mpq_numref(r[RESULT_TOTAL].hi), c->total[1]);
    mpq_div(r[RESULT_FRACTION].lo, r[RESULT_NUMBER].lo, r[RESULT_TOTAL].hi);
    mpq_div(r[RESULT_FRACTION].hi, r[RESULT_NUMBER].hi, r[RESULT_TOTAL].lo);
    if (mpq_cmp_ui(r[RESULT_FRACTION].hi, 1, 1) > 0) mpq_set_ui(r[RESULT_FRACTION].hi, 1, 1);
    if (mpq_cmp_ui(r[RESULT_FRACTION].lo, 1, 1) > 0) mpq_set_ui(r[RESULT_FRACTION].lo, 1, 1);
    good = judge_intervals(j, r);
    spans_clear(r);
    return good;
}

static bool no_binding(struct judge *j) {
    if (j->c->rule != RULE_ENUMERATE) return fail_at(j->f, j->c->rule_line, "vacuous needs rule enumerate");
    struct tally t;
    tally_init(&t);
    bool good = scan(j, &j->s->binds, j->s->where, NULL, false, &t);
    if (good && (mpz_sgn(t.where) != 0 || mpz_sgn(t.where_open) != 0)) good = no(j, "some binding may satisfy the condition");
    tally_clear(&t);
    return good;
}

/* minimize: LO <= value everywhere, value <= HI at `attains`; maximize mirrored */
static bool judge_optimum(struct judge *j, bool minimize) {
    const struct certificate *c = j->c;
    const struct stmt *s = j->s;
    struct num end[2];
    struct ex lit[2] = {{.kind = EX_LIT}, {.kind = EX_LIT}}, *operands[2][2];
    unsigned char ops[2][2] = {{CMP_GE}, {CMP_LE}};
    struct ex claim[2];
    for (int i = 0; i < 2; i++) {
        num_init(&end[i]);
        num_set_mpq(&end[i], c->value[i]);
        lit[i].lit = &end[i];
        operands[i][0] = s->subject;
        operands[i][1] = &lit[i];
        claim[i] = (struct ex){.kind = EX_CMP, .n = 2, .k = operands[i], .ops = ops[i], .network = s->subject->network};
    }
    struct tally t;
    tally_init(&t);
    bool box = c->rule == RULE_FARKAS, good = mpq_cmp(c->value[0], c->value[1]) <= 0 ? true : fail_at(j->f, c->value_line, "the ends of the interval are in the wrong order");
    if (box) good = good && farkas_optimum(c, j->e, &claim[minimize ? 0 : 1], &claim[minimize ? 1 : 0], j->f);
    else good = good && scan(j, &s->binds, s->where, &claim[minimize ? 0 : 1], true, &t);
    if (good && !box && !t.all) good = fail_at(j->f, c->value_line, "some binding may lie beyond the bound");
    tally_clear(&t);
    if (!box) good = good && at_point(j, &c->attains, &s->binds, s->where, &claim[minimize ? 1 : 0], YES, "the value there is not within the interval");
    binding_unset(j->e, &s->binds);
    for (int i = 0; i < 2; i++) num_clear(&end[i]);
    return good;
}

/* [LO, HI] of the certificate holds the numbers from a / n to b / n */
static bool mean_inside(struct judge *j, mpq_ptr a, mpq_ptr b, const mpz_t n) {
    mpq_t count;
    mpq_init(count);
    mpq_set_z(count, n);
    mpq_div(a, a, count);
    mpq_div(b, b, count);
    mpq_clear(count);
    return mpq_cmp(j->c->value[0], a) <= 0 && mpq_cmp(b, j->c->value[1]) <= 0 ? true : fail_at(j->f, j->c->value_line, "the mean is not in this interval");
}

/* of `if P then a else b`: (a - b) number + b total, over total */
static bool average_of_count(struct judge *j) {
    const struct stmt *s = j->s;
    struct tally t;
    mpq_t step, ends[2];
    tally_init(&t);
    mpq_inits(step, ends[0], ends[1], NULL);
    bool good = scan(j, &s->binds, s->where, s->subject->k[0], false, &t);
    if (good && mpz_sgn(t.where_open) != 0) good = no(j, "the condition of an average is unsettled");
    if (good && mpz_sgn(t.where) == 0) good = no(j, "no binding satisfies the condition");
    mpq_srcptr b = s->subject->k[2]->lit->q;
    mpq_sub(step, s->subject->k[1]->lit->q, b);
    for (int end = 0; good && end < 2; end++) {
        if (end == 1) mpz_add(t.yes, t.yes, t.open);
        mpq_t part;
        mpq_init(part);
        mpq_set_z(ends[end], t.yes);
        mpq_mul(ends[end], ends[end], step);
        mpq_set_z(part, t.where);
        mpq_mul(part, part, b);
        mpq_add(ends[end], ends[end], part);
        mpq_clear(part);
    }
    int low = mpq_cmp(ends[0], ends[1]) <= 0 ? 0 : 1;
    good = good && mean_inside(j, ends[low], ends[1 - low], t.where);
    mpq_clears(step, ends[0], ends[1], NULL);
    tally_clear(&t);
    return good;
}

static bool average_of_form(struct judge *j) {
    struct average a;
    struct tally t;
    if (j->c->rule == RULE_COUNT && ((j->c->count.bins != 1 && j->s->float32) || j->c->count.n_parts > 0)) return fail_at(j->f, j->c->rule_line, "an average of a minimum or maximum has no line 'part', and under float32 'bins 1 ENTER'");
    tally_init(&t);
    average_init(&a);
    bool good = rule_separable(j->e, &j->s->binds, j->s->where, j->s->subject, false, (struct way){.average = &a, .count = j->c->rule == RULE_COUNT ? &j->c->count : NULL}, &t, j->f);
    mpz_set(j->bindings, t.bindings);
    if (good && mpz_sgn(t.where) == 0) good = no(j, "no binding satisfies the condition");
    mpq_t ends[2];
    for (int end = 0; end < 2; end++) {
        mpq_init(ends[end]);
        mpq_set_z(ends[end], a.sum[end]);
        mpq_div_2exp(ends[end], ends[end], MEAN_BITS);
    }
    good = good && mean_inside(j, ends[0], ends[1], t.where);
    mpq_clears(ends[0], ends[1], NULL);
    average_clear(&a);
    tally_clear(&t);
    return good;
}

static bool judge_average(struct judge *j) {
    const struct certificate *c = j->c;
    const struct stmt *s = j->s;
    const struct ex *x = s->subject;
    if (c->rule == RULE_ENUMERATE) {
        struct symmetry y;
        bool symmetric = has_symmetry(c);
        return (!symmetric || symmetry_check(&y, c, j->e, &s->binds, s->where, x, j->f)) && rule_average(j->e, &s->binds, s->where, x, symmetric ? &y : NULL, c->value[0], c->value[1], j->bindings, j->f);
    }
    if (c->rule != RULE_SEPARABLE && c->rule != RULE_COUNT) return fail_at(j->f, c->rule_line, "an average needs rule enumerate, separable or count");
    if (s->n_data > 0) return fail_at(j->f, c->rule_line, "rule %s reads no data array", rule_names[c->rule]);
    if (x->kind == EX_IF && x->k[0]->network && x->k[1]->kind == EX_LIT && x->k[2]->kind == EX_LIT) return average_of_count(j);
    return average_of_form(j);
}

static bool judge_value(struct judge *j) {
    const struct certificate *c = j->c;
    const struct stmt *s = j->s;
    if (c->verdict == VACUOUS) return c->rule == RULE_FARKAS ? farkas_optimum(c, j->e, NULL, NULL, j->f) : no_binding(j);
    if (c->value_line == 0) return no(j, "line 'value' is missing");
    bool good;
    if (s->body == BODY_AVERAGE) {
        good = judge_average(j);
    } else good = judge_optimum(j, s->body == BODY_MINIMIZE);
    if (!good) return false;
    struct span r[4];
    spans_init(r);
    mpq_set(r[RESULT_VALUE].lo, c->value[0]);
    mpq_set(r[RESULT_VALUE].hi, c->value[1]);
    good = judge_intervals(j, r);
    spans_clear(r);
    return good;
}

/* values of all binders in order: negative, zero, positive as a is before, equal to, after b */
static int order(const struct var *a, const struct var *b, int n) {
    for (int i = 0; i < n; i++) {
        uint32_t na = a[i].seq ? a[i].n : 1, nb = b[i].seq ? b[i].n : 1;
        for (uint32_t k = 0; k < na && k < nb; k++) {
            int64_t x = a[i].seq ? a[i].s[k] : a[i].v, y = b[i].seq ? b[i].s[k] : b[i].v;
            if (x != y) return x < y ? -1 : 1;
        }
        if (na != nb) return na < nb ? -1 : 1;
    }
    return 0;
}

static bool judge_items(struct judge *j) {
    const struct stmt *s = j->s;
    struct var before[64];
    bool good = true;
    for (size_t i = 0; good && i < j->c->n_items; i++) {
        good = at_point(j, &j->c->items[i], &s->binds, s->where, s->subject, YES, "the predicate does not hold there");
        struct var now[64];
        for (int k = 0; k < s->binds.n; k++) now[k] = j->e->env[s->binds.b[k].slot];
        if (good && i > 0 && order(before, now, s->binds.n) >= 0) good = fail_at(j->f, j->c->items[i].line, "items are not in order, or one stands twice");
        memcpy(before, now, sizeof now);
        binding_unset(j->e, &s->binds);
    }
    return good;
}

static bool judge_list(struct judge *j) {
    const struct certificate *c = j->c;
    const struct stmt *s = j->s;
    if (c->verdict == VACUOUS) return no_binding(j);
    if (c->verdict != BOUNDED) return no(j, "the verdict of a list is bounded");
    if (c->complete_line == 0) return no(j, "line 'complete' is missing");
    if (s->has_at_most && c->n_items > s->at_most) return fail_at(j->f, c->complete_line, "more items than 'at most'");
    if (!judge_items(j)) return false;
    if (!c->complete) {
        if (c->rule != RULE_POINT) return fail_at(j->f, c->rule_line, "an incomplete list needs rule point");
        return s->has_at_most && s->at_most == c->n_items && c->n_items > 0 ? true : fail_at(j->f, c->complete_line, "'at most' is not the number of items");
    }
    struct tally t;
    tally_init(&t);
    bool good = scan(j, &s->binds, s->where, s->subject, false, &t);
    if (good && (mpz_sgn(t.open) != 0 || mpz_cmp_ui(t.yes, c->n_items) != 0)) good = fail_at(j->f, c->complete_line, "the list is not complete");
    if (good && mpz_sgn(t.where) == 0 && mpz_sgn(t.where_open) == 0) good = no(j, "no binding satisfies the condition: vacuous");
    tally_clear(&t);
    return good;
}

/* Lines stand only where they belong: which ones a body and verdict have. */
static bool judge_lines(struct judge *j) {
    const struct certificate *c = j->c;
    enum body b = j->s->body;
    bool vacuous = c->verdict == VACUOUS, optimum = b == BODY_MINIMIZE || b == BODY_MAXIMIZE;
    const struct { int line; bool belongs; const char *name; } lines[] = {
        {c->number_line, b == BODY_COUNT, "number"}, {c->value_line, (b == BODY_AVERAGE || optimum) && !vacuous, "value"},
        {c->attains.line, optimum && !vacuous, "attains"}, {c->witness.line, b == BODY_PROVE && c->verdict == PROVED, "witness"},
        {c->counterexample.line, b == BODY_PROVE && c->verdict == REFUTED && (c->rule == RULE_POINT || ((c->rule == RULE_QUADRATIC || c->rule == RULE_FARKAS || c->rule == RULE_POLYNOMIAL) && !j->s->closed)), "counterexample"},
        {c->complete_line, b == BODY_LIST && !vacuous, "complete"}};
    if (c->symmetric_line > 0 && b == BODY_LIST) return fail_at(j->f, c->symmetric_line, "line 'symmetric' does not belong to a list");
    if (c->n_classes > 0 && b == BODY_LIST) return fail_at(j->f, c->classes[0].line, "line 'exchangeable' does not belong to a list");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].line != 0 && !lines[i].belongs) return fail_at(j->f, lines[i].line, "line '%s' does not belong here", lines[i].name);
        if (lines[i].line == 0 && lines[i].belongs) return no(j, "a line is missing");
    }
    if (c->n_items > 0 && (b != BODY_LIST || vacuous)) return fail_at(j->f, c->items[0].line, "line 'item' does not belong here");
    return true;
}

bool judge(const struct certificate *c, struct eval *e, mpz_t bindings, struct fail *f) {
    struct judge j = {.c = c, .s = e->s, .e = e, .f = f, .bindings = bindings};
    mpz_set_si(bindings, -1);
    if (!judge_lines(&j)) return false;
    if (c->rule == RULE_COUNT && e->s->body != BODY_COUNT && e->s->body != BODY_AVERAGE) return fail_at(f, c->rule_line, "rule count only counts");
    if (c->rule == RULE_FARKAS && (e->s->body == BODY_COUNT || e->s->body == BODY_LIST || e->s->body == BODY_AVERAGE)) return fail_at(f, c->rule_line, "rule farkas proves, refutes and bounds optima");
    if (c->rule == RULE_POLYNOMIAL && e->s->body != BODY_PROVE) return fail_at(f, c->rule_line, "rule polynomial only proves and refutes");
    switch (e->s->body) {
    case BODY_PROVE: return judge_prove(&j);
    case BODY_COUNT: return judge_count(&j);
    case BODY_LIST: return judge_list(&j);
    default: return judge_value(&j);
    }
}
