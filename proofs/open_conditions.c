/* open_conditions.c: conditions left open. One after the other is taken away where the claim is still proved without it; of those that stay, the claim is refuted without any. */
#include "proofs/open.h"
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"

struct choice { struct result *r; const struct judge *j; struct instance_result best; bool *kept; size_t n; };

/* The claim without condition i (n: with all that are kept). */
static bool without(struct instance_result *x, struct choice *c, size_t i) {
    bool was = i < c->n && c->kept[i];
    if (i < c->n) c->kept[i] = false;
    bool go = open_try(x, c->r, c->j, NULL, c->kept);
    if (i < c->n) c->kept[i] = was;
    x->condition = i;
    return go;
}

/* Under all conditions it is not proved: that is the answer. */
static void end_early(struct choice *c, struct instance_result *x) {
    enum verdict v = x->result.verdict;
    result_reason(c->r, x->result.reason);
    if (v == VERDICT_REFUTED || v == VERDICT_VACUOUS) {
        open_take(c->r, x, c->j);
        c->r->verdict = v;
    } else
        open_clear(x);
}

static bool drop(struct choice *c) {
    for (size_t i = 0; i < c->n; i++) {
        struct instance_result x = {0};
        if (!without(&x, c, i)) {
            open_clear(&x);
            return false;
        }
        if (x.result.verdict == VERDICT_PROVED) {
            open_clear(&c->best);
            c->best = x;
            c->kept[i] = false;
        } else
            open_clear(&x);
    }
    return true;
}

/* Every one that is kept is needed: a counterexample without it. */
static bool needed(struct choice *c) {
    for (size_t i = 0; i < c->n; i++) {
        struct instance_result x = {0};
        char word[32];
        if (!c->kept[i]) continue;
        bool go = without(&x, c, i);
        if (go && x.result.verdict != VERDICT_REFUTED) {
            struct text t;
            text_init(&t);
            text_addf(&t, "whether it holds without condition %zu is undecided%s%s", i + 1, x.result.reason ? ": " : "", x.result.reason ? x.result.reason : "");
            result_reason(c->r, t.failed ? status_name(STATUS_MEMORY) : t.data);
            text_clear(&t);
            go = false;
        }
        (void)snprintf(word, sizeof word, "without.%zu", i + 1);
        if (go && open_add(c->r, &x, word, c->j) != STATUS_OK) {
            c->r->status = STATUS_MEMORY;
            go = false;
        }
        open_clear(&x);
        if (!go) return false;
    }
    return true;
}

void judge_conditions(struct result *r, const struct judge *j, struct diag *d) {
    struct choice c = {.r = r, .j = j, .n = r->statement->open->n_conditions};
    struct answer *a = r->answer = mem_array(1, sizeof *r->answer);
    (void)d;
    if (a) {
        mpq_inits(a->holds, a->fails, NULL);
        a->opening = r->statement->open;
    }
    if (!a || !(c.kept = a->kept = mem_array(c.n, sizeof *a->kept))) {
        r->status = STATUS_MEMORY;
        return;
    }
    for (size_t i = 0; i < c.n; i++) c.kept[i] = true;
    if (!without(&c.best, &c, c.n)) open_clear(&c.best);
    else if (c.best.result.verdict != VERDICT_PROVED) end_early(&c, &c.best);
    else if (drop(&c) && needed(&c)) {
        enum verdict v = c.best.result.verdict;
        open_take(r, &c.best, j);
        r->verdict = v;
    }
    open_clear(&c.best);
}
