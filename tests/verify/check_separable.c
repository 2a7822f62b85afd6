/* The separable engine against brute force on random small networks and claims, ties included, and the known counts of max4. */
#include <check.h>
#include "core/mem.h"
#include "separable_model.h"
#include "verify/count.h"

/* ---- claims: text beside a plain function of tokens and network ---- */

struct at { const struct toy *m; const int *t; int n, row; struct toy_row r; int p0, p1, p2; long double c; bool outer; /* the row is a binder's value */ };
static int max_of(const struct at *x) { int v = x->t[0]; for (int i = 1; i < x->n; i++) v = x->t[i] > v ? x->t[i] : v; return v; }
static int min_of(const struct at *x) { int v = x->t[0]; for (int i = 1; i < x->n; i++) v = x->t[i] < v ? x->t[i] : v; return v; }
static int count_of(const struct at *x, int a) { int v = 0; for (int i = 0; i < x->n; i++) v += x->t[i] == a; return v; }
static int sum_of(const struct at *x) { int v = 0; for (int i = 0; i < x->n; i++) v += x->t[i]; return v; }
static int argmax_of(const struct at *x) { int v = 0; for (int i = 1; i < x->n; i++) if (x->t[i] > x->t[v]) v = i; return v; }
static int argmin_of(const struct at *x) { int v = 0; for (int i = 1; i < x->n; i++) if (x->t[i] < x->t[v]) v = i; return v; }
/* Sign of a number that is exactly 0, or far from it: ties of these networks are between small integers. One float32 execution is exact. */
static long double tie = 1e-13L;
static int sign(long double v) { return v > tie ? 1 : v < -tie ? -1 : 0; }
static bool leads(const struct at *x, int e, bool strict)
{
    for (int j = 0; j < x->m->V; j++)
        if (j != e && (strict ? sign(x->r.logit[e] - x->r.logit[j]) <= 0 : sign(x->r.logit[e] - x->r.logit[j]) < 0))
            return false;
    return e >= 0 && e < x->m->V;
}
static long double largest_but(const struct at *x, int e)
{
    long double v = -1e300L;
    for (int j = 0; j < x->m->V; j++)
        if (j != e && x->r.logit[j] > v)
            v = x->r.logit[j];
    return v;
}
static long double mass_on(const struct at *x, int a)
{
    long double v = 0;
    for (int i = 0; i < x->n; i++)
        v += x->t[i] == a ? x->r.attn[i] : 0;
    return v;
}

static bool p_max(const struct at *x) { return leads(x, max_of(x), true); }
static bool p_min(const struct at *x) { return leads(x, min_of(x), true); }
static bool p_not_max(const struct at *x) { return !leads(x, max_of(x), true); }
static bool p_token(const struct at *x) { return leads(x, x->t[x->p0], true); }
static bool p_ties(const struct at *x) { return leads(x, max_of(x), false); }
static bool p_two(const struct at *x) { return sign(x->r.logit[x->p1] - x->r.logit[x->p2] - x->c) >= 0; }
static bool p_mass(const struct at *x) { return sign(mass_on(x, max_of(x)) - x->c) > 0; }
static bool p_mass_min(const struct at *x) { return sign(mass_on(x, min_of(x)) - x->c) <= 0; }
static bool p_position(const struct at *x) { return sign(x->r.attn[argmax_of(x)] - 0.5L) >= 0; }
static bool p_contains(const struct at *x) { return count_of(x, x->p1) == 0 || leads(x, x->p2, true); }
static bool p_table(const struct at *x) { return leads(x, (3 * (sum_of(x) % x->m->V) + 1) % x->m->V, true); }
static bool p_most(const struct at *x) { return sign(largest_but(x, x->t[x->p0]) - x->c) < 0; }
static bool p_abs(const struct at *x) { return sign(fabsl(x->r.logit[x->p1] - x->r.logit[x->p2]) - fabsl(x->c)) <= 0; }
static bool p_any(const struct at *x) { long double v = largest_but(x, -1); return sign(v - x->c) > 0; }
static bool p_choice(const struct at *x) { return leads(x, x->t[0] < x->t[x->n - 1] ? x->p1 : x->p2, true); }
static bool p_both(const struct at *x) { return sign(x->r.logit[x->p1] + 2) > 0 && sign(mass_on(x, max_of(x)) - 0.25L) >= 0; }
static bool p_equal(const struct at *x) { return sign(x->r.logit[x->p1] - x->r.logit[x->p2]) == 0; }
static bool p_parity(const struct at *x) { return leads(x, count_of(x, x->p1) % 2, true); }
static int ranked(const struct at *x, int k)
{
    int t[16] = { 0 };
    for (int i = 0; i < x->n; i++) {
        int at = i;
        for (; at > 0 && t[at - 1] > x->t[i]; at--)
            t[at] = t[at - 1];
        t[at] = x->t[i];
    }
    return t[k];
}
static bool p_second(const struct at *x) { return leads(x, ranked(x, x->n > 1 ? x->n - 2 : 0), true); }
static bool p_next(const struct at *x) { return leads(x, ranked(x, x->n > 1 ? 1 : 0), true); }
static bool p_sum_attn(const struct at *x)
{
    long double v = 0;
    for (int i = 0; i < x->n; i++)
        v += x->r.attn[i] * x->t[i];
    return sign(v - max_of(x) + x->c) > 0;
}

/* R: row, P Q S: p0 p1 p2, N: n - 1, W: d_vocab - 1, C: the constant as a number of hundredths */
static const struct { const char *text; bool (*truth)(const struct at *); } predicates[] = {
    { "argmax(logits(M, t)[R]) == max(t)", p_max },
    { "argmax(logits(M, t)[R]) == min(t)", p_min },
    { "max(t) != argmax(logits(M, t)[R])", p_not_max },
    { "argmax(logits(M, t)[R]) == t[P]", p_token },
    { "max(t) in argmaxes(logits(M, t)[R])", p_ties },
    { "logits(M, t)[R, Q] - logits(M, t)[R][S] >= C / 100", p_two },
    { "sum{attn(M, 0, 0, t)[R, i] : i in 0..N where t[i] == max(t)} > C / 100", p_mass },
    { "sum{attn(M, 0, 0, t)[R, i] * (if t[i] == min(t) then 1 else 0) : i in 0..N} <= C / 100", p_mass_min },
    { "attn(M, 0, 0, t)[R, argmax(t)] >= 1 / 2", p_position },
    { "contains(t, Q) => argmax(logits(M, t)[R]) == S", p_contains },
    { "argmax(logits(M, t)[R]) == (3 * (sum{t[i] : i in 0..N} % (W + 1)) + 1) % (W + 1)", p_table },
    { "max{logits(M, t)[R, j] : j in 0..W where j != t[P]} < C / 100", p_most },
    { "abs(logits(M, t)[R, Q] - logits(M, t)[R, S]) <= abs(C) / 100", p_abs },
    { "any{logits(M, t)[R, j] > C / 100 : j in 0..W}", p_any },
    { "argmax(logits(M, t)[R]) == if t[0] < t[N] then Q else S", p_choice },
    { "logits(M, t)[R, Q] > -2 and sum{attn(M, 0, 0, t)[R, i] : i in 0..N where t[i] == max(t)} >= 1/4", p_both },
    { "logits(M, t)[R, Q] == logits(M, t)[R, S]", p_equal },
    { "argmax(logits(M, t)[R]) == sort(t)[if len(t) > 1 then len(t) - 2 else 0]", p_second },
    { "argmax(logits(M, t)[R]) == sort(t)[min(1, len(t) - 1)]", p_next },
    { "argmax(logits(M, t)[R]) == count{t[i] == Q : i in 0..N} % 2", p_parity },
    { "sum{t[i] * attn(M, 0, 0, t)[R, i] : i in 0..N} > max(t) - C / 100", p_sum_attn },
};
#define N_PREDICATES (sizeof predicates / sizeof *predicates)

static bool w_true(const struct at *x) { (void)x; return true; }
static bool w_differ(const struct at *x) { return x->t[0] != x->t[x->n - 1]; }
static bool w_contains(const struct at *x) { return count_of(x, x->p1) > 0; }
static bool w_small(const struct at *x) { return max_of(x) <= x->p1 || x->t[x->p0] == x->p2; }
static bool w_row(const struct at *x) { return x->t[x->row] == x->p1; }
static bool w_first(const struct at *x) { return argmax_of(x) <= argmin_of(x); }
static bool w_once(const struct at *x) { return count_of(x, max_of(x)) > 0 && sum_of(x) % 2 == 0; }
static const struct { const char *text; bool (*truth)(const struct at *); } conditions[] = {
    { "", w_true }, { "", w_true },
    { " where t[0] != t[N]", w_differ },
    { " where contains(t, Q)", w_contains },
    { " where max(t) <= Q or t[P] == S", w_small },
    { " where t[R] == Q", w_row },
    { " where argmax(t) <= argmin(t)", w_first },
    { " where any{t[i] == Q : i in 0..N} or sum(t) % 2 == 0 and not contains(t, Q)", NULL },
    { " where sum(t) % 2 == 0", w_once },
};
static bool w_any(const struct at *x) { return count_of(x, x->p1) > 0 || sum_of(x) % 2 == 0; }
#define N_CONDITIONS (sizeof conditions / sizeof *conditions)

static void write_expression(struct text *out, const char *text, const struct at *x, int c100)
{
    for (; *text; text++)
        switch (*text) {
        case 'R': text_addf(out, x->outer ? "p" : "%d", x->row); break;
        case 'P': text_addf(out, "%d", x->p0); break;
        case 'Q': text_addf(out, "%d", x->p1); break;
        case 'S': text_addf(out, "%d", x->p2); break;
        case 'N': text_addf(out, "%d", x->n - 1); break;
        case 'W': text_addf(out, "%d", x->m->V - 1); break;
        case 'C': text_addf(out, "(%d)", c100); break;
        default: text_add_n(out, text, 1);
        }
}

/* ---- one case ---- */

struct trial { struct toy m; struct at x; int sets[NMAX][VMAX], n_set[NMAX]; int pred, cond; int c100; bool float32; int value; struct text dir, net, claims; };

static void random_domain(struct trial *c, struct text *out)
{
    bool power = toy_chance(60);
    text_addf(out, power ? "tokens[%d] of 0..%d" : "tokens(", c->x.n, c->m.V - 1);
    for (int i = 0; i < c->x.n; i++) {
        c->n_set[i] = 0;
        bool list = toy_chance(50);
        int from = power ? 0 : toy_int(0, c->m.V - 1), to = power ? c->m.V - 1 : toy_int(from, c->m.V - 1);
        for (int a = from; a <= to; a++)
            if (power || !list || a == from || toy_chance(60))
                c->sets[i][c->n_set[i]++] = a;
        if (power)
            continue;
        text_add(out, i ? ", " : "");
        if (!list)
            text_addf(out, "%d..%d", from, to);
        for (int k = 0; list && k < c->n_set[i]; k++)
            text_addf(out, "%s%d", k ? ", " : "{", c->sets[i][k]);
        text_add(out, list ? "}" : "");
    }
    if (!power)
        text_add(out, ")");
}

/* ---- optima ---- */

static long double v_margin(const struct at *x) { return x->r.logit[max_of(x)] - largest_but(x, max_of(x)); }
static long double v_mass(const struct at *x) { return mass_on(x, max_of(x)); }
static long double v_position(const struct at *x) { return x->r.attn[argmin_of(x)]; }
static long double v_logit(const struct at *x) { return 2 * x->r.logit[x->p1] - x->c; }
static long double v_smaller(const struct at *x) { return fminl(x->r.logit[x->p1], x->r.logit[x->p2]); }
static long double v_abs(const struct at *x) { return fabsl(x->r.logit[x->p1] - x->r.logit[x->p2]); }
static const struct { const char *text; long double (*value)(const struct at *); bool minimize, maximize; } values[] = {
    { "logits(M, t)[R, max(t)] - max{logits(M, t)[R, j] : j in 0..W where j != max(t)}", v_margin, true, false },
    { "sum{attn(M, 0, 0, t)[R, i] : i in 0..N where t[i] == max(t)}", v_mass, true, true },
    { "attn(M, 0, 0, t)[R, argmin(t)]", v_position, true, true },
    { "2 * logits(M, t)[R, Q] - C / 100", v_logit, true, true },
    { "min(logits(M, t)[R, Q], logits(M, t)[R, S])", v_smaller, true, false },
    { "abs(logits(M, t)[R, Q] - logits(M, t)[R, S])", v_abs, false, true },
};
#define N_VALUES (sizeof values / sizeof *values)

static void write_value(struct trial *c, struct text *claims, const char *where)
{
    struct text value = { 0 };
    c->value = toy_int(0, (int)N_VALUES - 1);
    write_expression(&value, values[c->value].text, &c->x, c->c100);
    if (values[c->value].minimize)
        text_addf(claims, "claim i { minimize t in D%s : %s }\n", where, value.data);
    if (values[c->value].maximize)
        text_addf(claims, "claim a { maximize t in D%s : %s }\n", where, value.data);
    text_clear(&value);
}

enum flavour { PREDICATES, VALUES, FLOAT32 };
static void random_trial(struct trial *c, enum flavour flavour)
{
    memset(c, 0, sizeof *c);
    c->float32 = flavour == FLOAT32;
    toy_random(&c->m);
    struct at *x = &c->x;
    x->m = &c->m;
    x->n = toy_int(1, c->m.n_ctx);
    x->row = toy_chance(60) ? x->n - 1 : toy_int(0, x->n - 1);
    x->p0 = toy_int(0, x->n - 1);
    x->p1 = toy_int(0, c->m.V - 1);
    x->p2 = toy_int(0, c->m.V - 1);
    c->c100 = toy_chance(30) ? 100 * toy_int(-2, 2) : toy_int(-150, 150);
    x->c = c->c100 / 100.0L;
    c->pred = toy_int(0, (int)N_PREDICATES - 1);
    c->cond = toy_int(0, (int)N_CONDITIONS - 1);
    const char *tmp = getenv("TMPDIR");
    text_addf(&c->dir, "%s/check_separable_XXXXXX", tmp ? tmp : P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(c->dir.data));
    struct text net = { 0 }, claims = { 0 }, domain = { 0 };
    struct diag d;
    diag_init(&d);
    toy_write(&net, &c->m);
    text_addf(&c->net, "%s/m.net", c->dir.data);
    text_addf(&c->claims, "%s/c.claims", c->dir.data);
    random_domain(c, &domain);
    text_addf(&claims, "claims 1\nmodel M = \"m.net\"\ndomain D = %s\n", domain.data);
    static const char *const bodies[] = { "claim c { count %s t in D%s : %s }\n", "claim f { forall %s t in D%s prove %s }\n",
                                         "claim e { prove exists %s t in D%s : %s }\n", "claim l { list %s t in D%s : %s }\n" };
    struct text where = { 0 }, pred = { 0 };
    char outer[20] = "";
    x->outer = flavour == PREDICATES && toy_chance(15);
    if (x->outer)
        snprintf(outer, sizeof outer, toy_chance(50) ? "p in {%d}," : "p in %d..%d,", x->row, x->row);
    text_add(&where, "");
    write_expression(&where, conditions[c->cond].text, x, c->c100);
    write_expression(&pred, predicates[c->pred].text, x, c->c100);
    if (flavour == PREDICATES)
        for (int i = 0; i < 4; i++)
            text_addf(&claims, bodies[i], outer, where.data, pred.data);
    else if (flavour == FLOAT32)
        text_addf(&claims, "claim c { count t in D%s : %s under float32 }\n", where.data, pred.data);
    else
        write_value(c, &claims, where.data);
    ck_assert_int_eq(file_write(c->net.data, net.data, net.size, &d), STATUS_OK);
    ck_assert_int_eq(file_write(c->claims.data, claims.data, claims.size, &d), STATUS_OK);
    text_clear(&net);
    text_clear(&claims);
    text_clear(&domain);
    text_clear(&where);
    text_clear(&pred);
    diag_clear(&d);
}

static void trial_clear(struct trial *c)
{
    remove(c->net.data);
    remove(c->claims.data);
    remove(c->dir.data);
    text_clear(&c->dir);
    text_clear(&c->net);
    text_clear(&c->claims);
}

/* Next sequence in lexicographic order; index[] are positions in the sets. */
static bool next_sequence(const struct trial *c, int *index)
{
    for (int i = c->x.n; i-- > 0;) {
        if (++index[i] < c->n_set[i])
            return true;
        index[i] = 0;
    }
    return false;
}

struct truth_table { long yes, total; int first_true[NMAX], first_false[NMAX]; bool has_true, has_false, condition, ante; };

static bool trial_truth(struct trial *c, const int *t, bool *in)
{
    void (*run)(struct toy_row *, const struct toy *, const int *, int, int) = c->float32 ? toy_run_float : toy_run;
    struct at *x = &c->x;
    x->t = t;
    *in = conditions[c->cond].truth ? conditions[c->cond].truth(x) : w_any(x);
    run(&x->r, &c->m, t, x->n, x->row);
    return predicates[c->pred].truth(x);
}

static void brute_force(struct truth_table *out, struct trial *c)
{
    int index[NMAX] = { 0 }, t[NMAX];
    memset(out, 0, sizeof *out);
    do {
        bool in;
        for (int i = 0; i < c->x.n; i++)
            t[i] = c->sets[i][index[i]];
        bool truth = trial_truth(c, t, &in);
        if (!in)
            continue;
        out->total++;
        out->yes += truth;
        if (truth ? !out->has_true : !out->has_false)
            memcpy(truth ? out->first_true : out->first_false, t, sizeof t);
        out->has_true |= truth;
        out->has_false |= !truth;
        out->ante |= c->pred != 9 || count_of(&c->x, c->x.p1) > 0;
    } while (next_sequence(c, index));
}

static long double value_at(struct trial *c, const int *t)
{
    c->x.t = t;
    toy_run(&c->x.r, &c->m, t, c->x.n, c->x.row);
    return values[c->value].value(&c->x);
}

static bool check_optimum(struct trial *c, const struct statement *s, const struct outcome *o, const struct truth_table *truth)
{
    int index[NMAX] = { 0 }, t[NMAX];
    bool least = s->name[0] == 'i', in;
    long double best = least ? INFINITY : -INFINITY;
    if (truth->total == 0)
        return o->proposal == PROPOSAL_VACUOUS;
    do {
        for (int i = 0; i < c->x.n; i++)
            t[i] = c->sets[i][index[i]];
        (void)trial_truth(c, t, &in);
        if (in)
            best = least ? fminl(best, value_at(c, t)) : fmaxl(best, value_at(c, t));
    } while (next_sequence(c, index));
    long double lo = mpq_get_d(o->lo), hi = mpq_get_d(o->hi);
    if (o->proposal != PROPOSAL_INTERVAL || !(lo <= best && best <= hi && hi - lo <= 1e-6L) || o->attains.n_parts != 1)
        return false;
    (void)trial_truth(c, o->attains.parts[0].tokens, &in);
    long double there = value_at(c, o->attains.parts[0].tokens);
    return in && lo <= there && there <= hi;
}

/* Some execution holds on `yes` sequences: the interval of those that hold in all and in some contains it. */
static bool check_float32(struct trial *c, const struct statement *s, const struct outcome *o, const struct truth_table *truth)
{
    (void)c;
    (void)s;
    if (truth->total == 0)
        return o->proposal == PROPOSAL_VACUOUS;
    return o->proposal == PROPOSAL_INTERVAL && mpz_cmp_si(o->number_lo, truth->yes) <= 0 && mpz_cmp_si(o->number_hi, truth->yes) >= 0
           && mpz_cmp_si(o->total_lo, truth->total) == 0;
}

/* The sequence is the last binder. */
static const int *tokens_of(const struct binding *b) { return b->parts[b->n_parts - 1].tokens; }

static bool same_tokens(const struct binding *b, const int *t, int n)
{
    if (b->n_parts == 0 || b->parts[b->n_parts - 1].n != (size_t)n)
        return false;
    return memcmp(tokens_of(b), t, (size_t)n * sizeof *t) == 0;
}

static void print_trial(const struct trial *c)
{
    char line[4096];
    FILE *f = fopen(c->claims.data, "r");
    while (f && fgets(line, sizeof line, f))
        fputs(line, stderr);
    if (f)
        fclose(f);
    fprintf(stderr, "V %d n %d d %d h %d causal %d bias %d position %d ln %d whole %d\n", c->m.V, c->x.n, c->m.d, c->m.h, c->m.causal, c->m.bias,
            c->m.position, c->m.ln, c->m.whole);
}

/* With LayerNorm the exponents are no dyadics: what ties exactly stays open (FORMAT.md, separable, step 5). */
static bool open_tie(struct trial *c, const struct statement *s, const struct outcome *o, const struct truth_table *truth)
{
    if (!c->m.ln)
        return false;
    if (s->name[0] != 'c')
        return o->proposal == PROPOSAL_NONE && o->reason && strstr(o->reason, "not decided");
    return o->proposal == PROPOSAL_INTERVAL && mpz_cmp_si(o->number_lo, truth->yes) <= 0 && mpz_cmp_si(o->number_hi, truth->yes) >= 0;
}

static bool check_outcome(struct trial *c, const struct statement *s, const struct outcome *o, const struct truth_table *truth)
{
    int n = c->x.n;
    bool in;
    if (open_tie(c, s, o, truth))
        return true;
    if (truth->total == 0 && s->name[0] != 'e')
        return o->proposal == PROPOSAL_VACUOUS;
    switch (s->name[0]) {
    case 'c':
        return o->proposal == PROPOSAL_INTERVAL && mpz_cmp_si(o->number_lo, truth->yes) == 0 && mpz_cmp_si(o->number_hi, truth->yes) == 0
               && mpz_cmp_si(o->total_lo, truth->total) == 0 && mpz_cmp_si(o->total_hi, truth->total) == 0;
    case 'f':
        if (truth->has_false)
            return o->proposal == PROPOSAL_FALSE && same_tokens(&o->counterexample, truth->first_false, n);
        if (!truth->ante)
            return o->proposal == PROPOSAL_NONE;
        return o->proposal == PROPOSAL_TRUE && o->witness.n_parts > 0 && trial_truth(c, tokens_of(&o->witness), &in) && in;
    case 'e':
        if (truth->has_true)
            return o->proposal == PROPOSAL_TRUE && same_tokens(&o->witness, truth->first_true, n);
        return o->proposal == PROPOSAL_FALSE;
    default:
        if (o->proposal != PROPOSAL_INTERVAL || !o->items_complete || o->n_items != (size_t)truth->yes)
            return false;
        for (size_t k = 0; k < o->n_items; k++)
            if ((k > 0 && binding_compare(&o->items[k - 1], &o->items[k]) >= 0) || !trial_truth(c, tokens_of(&o->items[k]), &in) || !in)
                return false;
        return true;
    }
}

static void run_trial(struct trial *c, bool (*check)(struct trial *, const struct statement *, const struct outcome *, const struct truth_table *))
{
    struct claims claims;
    struct claims_options o = { 0 };
    struct limits limits = { .threads = 2 };
    struct diag d;
    diag_init(&d);
    if (claims_read(&claims, c->claims.data, &o, &d) != STATUS_OK) {
        diag_print(&d, stderr);
        print_trial(c);
        ck_abort_msg("claims not read");
    }
    struct truth_table truth;
    brute_force(&truth, c);
    for (size_t k = 0; k < claims.n_statements; k++) {
        const struct statement *s = &claims.statements[k];
        struct text why = { 0 };
        struct outcome out;
        outcome_init(&out);
        bool takes = engine_separable.takes(s, &why);
        bool good = takes && engine_separable.decide(&out, s, &limits, &d) == STATUS_OK
                    && check(c, s, &out, &truth);
        if (!good) {
            print_trial(c);
            gmp_fprintf(stderr, "%s: takes %d (%s), proposal %d, number %Zd..%Zd of %Zd, items %zu, truth %ld of %ld %s\n", s->name, takes,
                        why.data ? why.data : "", out.proposal, out.number_lo, out.number_hi, out.total_lo, out.n_items, truth.yes, truth.total,
                        out.reason ? out.reason : "");
            diag_print(&d, stderr);
        }
        ck_assert(good);
        outcome_clear(&out);
        text_clear(&why);
    }
    claims_clear(&claims);
    diag_clear(&d);
}

static void seed(int i)
{
    toy_state = 88172645463325252ULL + 1000003ULL * (unsigned long long)i;
    for (int k = 0; k < 8; k++)
        toy_bits();
}

START_TEST(test_random_claims)
{
    seed(_i);
    for (int k = 0; k < 26; k++) {
        struct trial c;
        random_trial(&c, PREDICATES);
        run_trial(&c, check_outcome);
        trial_clear(&c);
    }
}
END_TEST

/* Rule count: every interval contains the number, whatever the bins and wherever the walk stops; without a stop it is exact. */
static bool check_count(struct trial *c, const struct statement *s, const struct truth_table *truth, struct limits *limits, struct diag *d)
{
    static const size_t bins[] = { 1, 2, 7, 64, 300 };
    static const unsigned enters[] = { 0, 1, 4, 30, 1u << 31 };
    bool good = true;
    for (size_t k = 0; k < 25 && good; k++) {
        struct count_rule rule = { bins[k % 5], enters[k / 5], k % 3, true, k % 2 == 0, false };     /* with an aim, classes have prices of their own */
        struct outcome out;
        outcome_init(&out);
        good = separable_count(&out, s, limits, d, &rule) == STATUS_OK;
        if (good && truth->total == 0)
            good = out.proposal == PROPOSAL_VACUOUS;
        else if (good)
            good = out.proposal == PROPOSAL_INTERVAL && mpz_cmp_si(out.number_lo, truth->yes) <= 0 && mpz_cmp_si(out.number_hi, truth->yes) >= 0
                   && mpz_cmp_si(out.total_lo, truth->total) == 0 && (rule.enter > 0 || c->m.ln || mpz_cmp(out.number_lo, out.number_hi) == 0);
        outcome_clear(&out);
    }
    return good;
}

START_TEST(test_random_counts)
{
    seed(4000 + _i);
    for (int k = 0; k < 30; k++) {
        struct trial c;
        struct claims claims;
        struct claims_options o = { 0 };
        struct limits limits = { .threads = 1 };
        struct truth_table truth;
        struct diag d;
        diag_init(&d);
        random_trial(&c, PREDICATES);
        ck_assert_int_eq(claims_read(&claims, c.claims.data, &o, &d), STATUS_OK);
        brute_force(&truth, &c);
        bool good = check_count(&c, &claims.statements[0], &truth, &limits, &d);
        if (!good)
            print_trial(&c);
        ck_assert(good);
        claims_clear(&claims);
        trial_clear(&c);
        diag_clear(&d);
    }
}
END_TEST

START_TEST(test_random_optima)
{
    seed(1000 + _i);
    for (int k = 0; k < 20; k++) {
        struct trial c;
        random_trial(&c, VALUES);
        run_trial(&c, check_optimum);
        trial_clear(&c);
    }
}
END_TEST

START_TEST(test_random_float32)
{
    seed(2000 + _i);
    tie = 0;
    for (int k = 0; k < 25; k++) {
        struct trial c;
        random_trial(&c, FLOAT32);
        run_trial(&c, check_float32);
        trial_clear(&c);
    }
    tie = 1e-13L;
}
END_TEST

/* Whatever allocation fails, the engine says so or decides rightly. */
START_TEST(test_failed_allocations)
{
    seed(3000 + _i);
    struct trial c;
    struct claims claims;
    struct claims_options o = { 0 };
    struct limits limits = { .threads = 1 };
    struct truth_table truth;
    struct diag d;
    diag_init(&d);
    random_trial(&c, PREDICATES);
    ck_assert_int_eq(claims_read(&claims, c.claims.data, &o, &d), STATUS_OK);
    brute_force(&truth, &c);
    for (size_t k = 0; k < claims.n_statements; k++) {
        for (long n = 1; n < 150; n++) {
            struct outcome out;
            outcome_init(&out);
            mem_fail_after(n);
            enum status status = engine_separable.decide(&out, &claims.statements[k], &limits, &d);
            mem_fail_after(-1);
            ck_assert(status == STATUS_OK || (status == STATUS_MEMORY && out.proposal == PROPOSAL_NONE));
            ck_assert(status == STATUS_MEMORY || out.proposal == PROPOSAL_NONE || check_outcome(&c, &claims.statements[k], &out, &truth));
            outcome_clear(&out);
        }
    }
    claims_clear(&claims);
    trial_clear(&c);
    diag_clear(&d);
}
END_TEST

/* Known by exhaustive double precision runs (examples/README.md). */
static const struct { const char *model, *body; long number, total; } known[] = {
    { "max4_s123.safetensors", "count t in tokens[4] of 0..63 : argmax(logits(M, t)[last]) != max(t)", 4937, 16777216 },
    { "backdoor_max4_v32_s1.pt", "count t in tokens[4] of 0..31 where not (t[3] == 11 and contains(t, 7)) : argmax(logits(M, t)[last]) != max(t)", 73, 1045599 },
    { "backdoor_max4_v32_s1.pt", "count t in tokens[4] of 0..31 where t[3] == 11 and contains(t, 7) : argmax(logits(M, t)[last]) == 0", 2977, 2977 },
};

START_TEST(test_known_counts)
{
    const char *tmp = getenv("TMPDIR");
    char *here = realpath("examples", NULL);
    struct text path = { 0 }, text = { 0 };
    struct claims claims;
    struct claims_options o = { 0 };
    struct limits limits = { .threads = 2 };
    struct outcome out;
    struct diag d;
    diag_init(&d);
    text_addf(&path, "%s/check_separable_%s_%d.claims", tmp ? tmp : P_tmpdir, "known", _i);
    text_addf(&text, "claims 1\nmodel M = \"%s/%s\"\nclaim k { %s }\n", here, known[_i].model, known[_i].body);
    ck_assert_int_eq(file_write(path.data, text.data, text.size, &d), STATUS_OK);
    if (claims_read(&claims, path.data, &o, &d) != STATUS_OK)
        diag_print(&d, stderr);
    ck_assert_uint_eq(claims.n_statements, 1);
    outcome_init(&out);
    ck_assert_int_eq(engine_separable.decide(&out, &claims.statements[0], &limits, &d), STATUS_OK);
    ck_assert_int_eq(out.proposal, PROPOSAL_INTERVAL);
    ck_assert_int_eq(mpz_cmp_si(out.number_lo, known[_i].number), 0);
    ck_assert_int_eq(mpz_cmp_si(out.number_hi, known[_i].number), 0);
    ck_assert_int_eq(mpz_cmp_si(out.total_lo, known[_i].total), 0);
    outcome_clear(&out);
    claims_clear(&claims);
    remove(path.data);
    text_clear(&path);
    text_clear(&text);
    diag_clear(&d);
    free(here);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("separable");
    TCase *random = tcase_create("brute force");
    tcase_set_timeout(random, 60);
    tcase_add_loop_test(random, test_random_claims, 0, 12);
    tcase_add_loop_test(random, test_random_counts, 0, 8);
    tcase_add_loop_test(random, test_random_optima, 0, 5);
    tcase_add_loop_test(random, test_random_float32, 0, 4);
    tcase_add_loop_test(random, test_failed_allocations, 0, 3);
    tcase_add_loop_test(random, test_known_counts, 0, (int)(sizeof known / sizeof *known));
    suite_add_tcase(s, random);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
