/* The result of a claim in words, for the lines of verify and the report. */
#include "proofs/changes_shown.h"
#include "proofs/falsehood.h"
#include "proofs/write.h"

static void add_pair(struct text *out, const mpz_t lo, const mpz_t hi) {
    write_integer(out, lo);
    if (mpz_cmp(lo, hi) == 0) return;
    text_add(out, "..");
    write_integer(out, hi);
}

static void add_interval(struct text *out, const struct interval *x, int digits) {
    if (mpq_equal(x->lo, x->hi) && mpz_sizeinbase(mpq_denref(x->lo), 10) <= 4) {
        number_add_text(out, x->lo);
    } else if (mpq_equal(x->lo, x->hi) && mpq_sgn(x->lo) >= 0) {
        write_decimal(out, x->lo, digits, ROUND_DOWN);
        text_add(out, "...");
    } else {
        text_add(out, "[");
        write_decimal(out, x->lo, digits, ROUND_DOWN);
        text_add(out, ", ");
        write_decimal(out, x->hi, digits, ROUND_UP);
        text_add(out, "]");
    }
}

static void add_known(struct text *out, const struct result *r, const char *before, int digits) {
    struct interval x;
    interval_init(&x);
    result_interval(&x, r);
    if (x.has_lo && x.has_hi) {
        text_add(out, before);
        add_interval(out, &x, digits);
    }
    interval_clear(&x);
}

static void add_at(struct text *out, const char *before, const struct binding *b) {
    if (b->n_parts == 0) return;
    text_add(out, before);
    binding_show(out, b);
}

static bool is_exists(const struct expr *e) { return e->form == FORM_QUANT && e->quant == QUANT_EXISTS; }

static void add_prove(struct text *out, const struct result *r) {
    const struct outcome *o = &r->outcome;
    if (r->verdict == VERDICT_REFUTED) {
        if (o->counterexample.n_parts) add_at(out, "counterexample ", &o->counterexample);
        else if (is_exists(r->statement->subject)) text_add(out, "no case makes it true");
        else {
            text_add(out, "it is false");
            falsehood_say(out, r);
        }
    } else if (o->has_value) {
        add_known(out, r, "slack ", 7);
        add_at(out, " at ", o->attains.n_parts ? &o->attains : &o->witness);
    } else if (o->witness.n_parts) {
        add_at(out, "for example ", &o->witness);
    } else {
        text_add(out, "it is true");
    }
}

/* Of a count under float32: how many inputs hold, or do not, whatever the execution; the others are what its interval leaves open. */
static void add_executions(struct text *out, const struct outcome *o) {
    mpz_t n;
    mpz_init(n);
    text_add(out, ": ");
    write_integer(out, o->number_lo);
    text_add(out, " in every execution, ");
    mpz_sub(n, o->total_lo, o->number_hi);
    write_integer(out, n);
    text_add(out, " in none");
    mpz_sub(n, o->number_hi, o->number_lo);
    if (mpz_sgn(n) > 0) {
        text_add(out, ", ");
        write_integer(out, n);
        text_add(out, " not told apart");
    }
    mpz_clear(n);
}

static void add_body(struct text *out, const struct result *r) {
    const struct outcome *o = &r->outcome;
    switch (r->statement->body) {
    case BODY_PROVE: add_prove(out, r); break;
    case BODY_COUNT:
        add_pair(out, o->number_lo, o->number_hi);
        text_add(out, " of ");
        add_pair(out, o->total_lo, o->total_hi);
        add_known(out, r, ", fraction ", 9);
        if (r->statement->semantics == SEMANTICS_FLOAT32 && mpz_cmp(o->total_lo, o->total_hi) == 0) add_executions(out, o);
        break;
    case BODY_AVERAGE: add_known(out, r, "value in ", 12); break;
    case BODY_MINIMIZE:
    case BODY_MAXIMIZE:
        add_known(out, r, "value in ", 12);
        add_at(out, " at ", &o->attains);
        break;
    case BODY_LIST:
        text_addf(out, "%zu found%s", o->n_items, o->items_complete ? ", complete" : ", there may be more");
        if (o->n_items) add_at(out, ", first ", &o->items[0]);
        break;
    }
}

static void add_found(struct text *out, const struct result *r) {
    add_body(out, r);
    changes_say(out, r);
}

/* What the prover has, when nothing was accepted: both ends, or the one that what it found gives. */
static void add_unchecked(struct text *out, const struct result *r) {
    const struct outcome *o = &r->outcome;
    struct interval x;
    interval_init(&x);
    result_interval(&x, r);
    if (r->statement->body == BODY_LIST && o->n_items) {
        text_addf(out, "; found so far, not checked: %zu", o->n_items);
        add_at(out, ", first ", &o->items[0]);
    } else if (x.has_lo && x.has_hi) {
        text_add(out, "; the prover's interval, not checked: ");
        add_interval(out, &x, 9);
    } else if (x.has_lo || x.has_hi) {
        text_addf(out, "; found so far, not checked: %s %s ", r->statement->body == BODY_PROVE ? "slack" : "value", x.has_lo ? ">=" : "<=");
        write_decimal(out, x.has_lo ? x.lo : x.hi, 9, x.has_lo ? ROUND_DOWN : ROUND_UP);
        add_at(out, " at ", &o->attains);
    }
    interval_clear(&x);
}

/* Exactly, when that is short. */
static void add_number(struct text *out, const mpq_t q) {
    if (mpz_sizeinbase(mpq_denref(q), 10) + mpz_sizeinbase(mpq_numref(q), 10) <= 40) write_short(out, q);
    else write_decimal(out, q, 12, ROUND_DOWN);
}

/* A constant left open: where it holds and where it fails. */
static void add_constant(struct text *out, const struct result *r, const char *name) {
    const struct answer *a = r->answer;
    text_addf(out, "holds at %s = ", name);
    add_number(out, a->holds);
    text_addf(out, ", fails at %s = ", name);
    add_number(out, a->fails);
    if (a->n_others == 0) return;
    const struct outcome *o = &a->others[0].result.outcome;
    if (o->counterexample.n_parts) add_at(out, ", counterexample ", &o->counterexample);
    else add_at(out, ", by ", &o->attains);
}

/* Conditions: those that are needed. */
static void add_conditions(struct text *out, const struct result *r) {
    const struct answer *a = r->answer;
    const struct opening *open = a->opening;
    size_t n = 0;
    for (size_t i = 0; i < open->n_conditions; i++)
        if (a->kept[i]) text_addf(out, "%s%s", n++ ? "; " : "holds assuming ", open->conditions[i]);
    if (n == 0) text_addf(out, "holds under none of the %zu conditions", open->n_conditions);
    else text_addf(out, " (%zu of %zu conditions; without any one of these it fails)", n, open->n_conditions);
}

static void add_answer(struct text *out, const struct result *r) {
    const struct answer *a = r->answer;
    if (r->verdict == VERDICT_BOUNDED) add_constant(out, r, a->opening->constant);
    else if (r->verdict == VERDICT_PROVED) add_conditions(out, r);
    else if (r->verdict == VERDICT_REFUTED) {
        text_add(out, "it fails under all conditions: ");
        add_found(out, r);
    }
    if (r->verdict != VERDICT_UNDECIDED) return;
    text_add(out, r->reason ? r->reason : "no reason given");
    if (!a->has_holds) return;
    text_add(out, "; found so far: ");
    add_constant(out, r, a->opening->constant);
}

void write_result(struct text *out, const struct result *r) {
    if (r->answer && r->verdict != VERDICT_VACUOUS && r->verdict != VERDICT_ERROR) {
        add_answer(out, r);
        return;
    }
    switch (r->verdict) {
    case VERDICT_VACUOUS: text_add(out, "no case satisfies the conditions"); break;
    case VERDICT_UNDECIDED:
        text_add(out, r->reason ? r->reason : "no reason given");
        add_unchecked(out, r);
        break;
    case VERDICT_ERROR: text_add(out, r->reason ? r->reason : "no reason given"); break;
    default: add_found(out, r);
    }
}
