/* prune.c: see prune.h. */
#include "verify/prune.h"
#include <stdlib.h>
#include "core/mem.h"
#include "verify/interp_parts.h"

#define SMALL (1L << 40)
#define CHAIN 8

struct reader { struct prune *p; const struct interp *in; int slot; long n; const bool *stands; };

static bool is_small(long v)
{
    return v > -SMALL && v < SMALL;
}

/* An integer that names no token: literals, variables, `last` in an index, sums and differences. */
static bool read_number(long *out, const struct reader *r, const struct expr *e, bool in_index)
{
    long a, b;
    if (e->form == FORM_NUMBER) {
        bool integer = mpz_cmp_ui(mpq_denref(e->number), 1) == 0 && mpz_fits_slong_p(mpq_numref(e->number));
        *out = integer ? mpz_get_si(mpq_numref(e->number)) : 0;
        return integer && is_small(*out);
    }
    if (e->form == FORM_LAST && in_index) {
        *out = r->n - 1;
        return true;
    }
    if (e->form == FORM_NAME && e->slot >= 0 && (size_t)e->slot < r->in->n_slots && e->slot != r->slot && r->stands[e->slot]) {
        const struct slot *s = &r->in->slots[e->slot];
        if (!s->bound || !s->is_int || s->value.kind != KIND_INT || s->value.n != 1) return false;
        *out = s->value.ints[0];
        return is_small(*out);
    }
    if (e->form != FORM_BINARY || (e->oper != OPER_ADD && e->oper != OPER_SUB)) return false;
    if (!read_number(&a, r, e->args[0], in_index) || !read_number(&b, r, e->args[1], in_index)) return false;
    *out = e->oper == OPER_ADD ? a + b : a - b;
    return is_small(*out);
}

static bool is_sequence(const struct reader *r, const struct expr *e)
{
    return e->form == FORM_NAME && e->slot == r->slot;
}

/* t[i], an integer, or t[i] with an integer added or taken away. */
static bool read_term(struct token_term *out, const struct reader *r, const struct expr *e)
{
    struct token_term a, b;
    *out = (struct token_term){.at = -1};
    if (read_number(&out->value, r, e, false)) return true;
    if (e->form == FORM_INDEX && e->n_args == 2 && is_sequence(r, e->args[0])) {
        out->value = 0;
        return e->args[1]->form != FORM_SLICE && read_number(&out->at, r, e->args[1], true) && out->at >= 0 && out->at < r->n;
    }
    if (e->form != FORM_BINARY || (e->oper != OPER_ADD && e->oper != OPER_SUB)) return false;
    if (!read_term(&a, r, e->args[0]) || !read_term(&b, r, e->args[1]) || a.at < 0 || b.at >= 0) return false;
    *out = (struct token_term){a.at, e->oper == OPER_ADD ? a.value + b.value : a.value - b.value};
    return is_small(out->value);
}

static enum status add(struct prune *p, struct token_test test)
{
    struct token_test *grown = mem_grow(p->tests, &p->room, p->n + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    p->tests = grown;
    p->tests[p->n++] = test;
    return STATUS_OK;
}

static enum status take_chain(bool *taken, struct reader *r, const struct expr *e)
{
    struct token_term terms[CHAIN];
    enum status s = STATUS_OK;
    *taken = false;
    if (e->n_args > CHAIN) return STATUS_OK;
    for (size_t i = 0; i < e->n_args; i++)
        if (!read_term(&terms[i], r, e->args[i])) return STATUS_OK;
    *taken = true;
    for (size_t i = 0; i + 1 < e->n_args && s == STATUS_OK; i++) {
        long depth = terms[i].at > terms[i + 1].at ? terms[i].at : terms[i + 1].at;
        s = add(r->p, (struct token_test){.depth = depth > 0 ? (size_t)depth : 0, .oper = e->opers[i], .a = terms[i], .b = terms[i + 1]});
    }
    return s;
}

/* distinct(t), distinct(t[a..b]) */
static enum status take_distinct(bool *taken, struct reader *r, const struct expr *e)
{
    long lo = 0, hi = r->n - 1;
    const struct expr *of = e->args[0];
    enum status s = STATUS_OK;
    *taken = false;
    if (!is_sequence(r, of)) {
        if (of->form != FORM_INDEX || of->n_args != 2 || !is_sequence(r, of->args[0]) || of->args[1]->form != FORM_SLICE) return STATUS_OK;
        const struct expr *from = of->args[1]->args[0], *to = of->args[1]->args[1];
        if ((from && !read_number(&lo, r, from, true)) || (to && !read_number(&hi, r, to, true)) || lo < 0 || hi >= r->n || hi < lo) return STATUS_OK;
    }
    *taken = true;
    for (long d = lo + 1; d <= hi && s == STATUS_OK; d++) s = add(r->p, (struct token_test){.depth = (size_t)d, .from = (size_t)lo, .distinct = true});
    return s;
}

static enum status take(bool *taken, struct reader *r, const struct expr *e)
{
    *taken = false;
    if (e->form == FORM_BINARY && e->oper == OPER_AND) {
        enum status s = take(taken, r, e->args[0]);
        return s == STATUS_OK && *taken ? take(taken, r, e->args[1]) : s;
    }
    if (e->form == FORM_COMPARE) return take_chain(taken, r, e);
    return e->form == FORM_CALL && e->function == FUNCTION_DISTINCT ? take_distinct(taken, r, e) : STATUS_OK;
}

enum status prune_add(bool *whole, struct prune *p, const struct interp *in, const struct expr *where, int slot, size_t n, const bool *stands)
{
    struct reader r = {p, in, slot, (long)n, stands};
    return take(whole, &r, where);
}

enum status prune_order(struct prune *p, size_t before, size_t after)
{
    return add(p, (struct token_test){.depth = after, .oper = OPER_LE, .a = {(long)before, 0}, .b = {(long)after, 0}});
}

static int by_depth(const void *a, const void *b)
{
    const struct token_test *x = a, *y = b;
    return x->depth < y->depth ? -1 : x->depth > y->depth;
}

void prune_sort(struct prune *p)
{
    if (p->n > 1) qsort(p->tests, p->n, sizeof *p->tests, by_depth);
}

void prune_clear(struct prune *p)
{
    free(p->tests);
    *p = (struct prune){0};
}

static bool holds(const struct token_test *x, const int *t)
{
    long a = (x->a.at >= 0 ? t[x->a.at] : 0) + x->a.value, b = (x->b.at >= 0 ? t[x->b.at] : 0) + x->b.value;
    for (size_t i = x->from; x->distinct && i < x->depth; i++)
        if (t[i] == t[x->depth]) return false;
    if (x->distinct) return true;
    switch (x->oper) {
    case OPER_LT: return a < b;
    case OPER_LE: return a <= b;
    case OPER_GT: return a > b;
    case OPER_GE: return a >= b;
    case OPER_EQ: return a == b;
    case OPER_NE: return a != b;
    default: return true;
    }
}

size_t prune_fails(const struct prune *p, const int *t, size_t from, size_t n)
{
    size_t i = 0;
    while (i < p->n && p->tests[i].depth < from) i++;
    for (; i < p->n; i++)
        if (!holds(&p->tests[i], t)) return p->tests[i].depth;
    return n;
}
