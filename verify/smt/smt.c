/* smt.c: the document and its truths. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

enum status smt_init(struct smt *m, const struct statement *s, struct diag *d)
{
    memset(m, 0, sizeof *m);
    m->s = s;
    m->d = d;
    m->last = -1;
    m->required = "true";
    arena_init(&m->arena);
    text_init(&m->out);
    m->slots = mem_array(s->n_slots, sizeof *m->slots);
    m->concrete = mem_array(s->n_slots, sizeof *m->concrete);
    m->status = m->slots && m->concrete ? interp_new(&m->in, s, 0) : STATUS_MEMORY;
    return m->status;
}

void smt_clear(struct smt *m)
{
    for (size_t i = 0; i < m->n_numbers; i++) {
        for (size_t k = 0; k < m->numbers[i].n; k++) mpq_clear(m->numbers[i].q + k);
        free(m->numbers[i].q);
    }
    free(m->numbers);
    for (size_t i = 0; i < m->n_sites; i++) {
        bounds_free(m->sites[i]->bounds);
        adjoint_run_free(m->sites[i]->executions);
        free(m->sites[i]->patches);
        free(m->sites[i]->choices);
    }
    for (size_t i = 0; i < m->n_edits; i++) edited_free(m->edits[i]);
    free(m->functions);
    free(m->edits);
    free(m->sites);
    interp_free(m->interps[0]);
    interp_free(m->interps[1]);
    free(m->errors);
    free(m->splits);
    free(m->place);
    free(m->variables);
    free(m->slots);
    free(m->concrete);
    interp_free(m->in);
    text_clear(&m->out);
    arena_clear(&m->arena);
}

bool smt_fail(struct smt *m, enum status s, const char *format, ...)
{
    char line[300];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (m->status == STATUS_OK) m->status = s == STATUS_MEMORY ? s : diag_fail(m->d, s, "%s", line);
    return false;
}

void *smt_array(struct smt *m, size_t n, size_t size)
{
    void *p = arena_array(&m->arena, n ? n : 1, size);
    if (!p) smt_fail(m, STATUS_MEMORY, "out of memory");
    return p;
}

mpq_ptr smt_numbers(struct smt *m, size_t n)
{
    void *grown = mem_grow(m->numbers, &m->room_numbers, m->n_numbers + 1, sizeof *m->numbers);
    mpq_ptr q = grown ? mem_array(n, sizeof *q) : NULL;
    if (grown) m->numbers = grown;
    if (!q) {
        smt_fail(m, STATUS_MEMORY, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) mpq_init(q + i);
    m->numbers[m->n_numbers].q = q;
    m->numbers[m->n_numbers++].n = n;
    return q;
}

const char *smt_format(struct smt *m, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *kept = n >= 0 ? smt_array(m, (size_t)n + 1, 1) : NULL;
    if (kept) (void)vsnprintf(kept, (size_t)n + 1, format, again);
    va_end(again);
    return kept ? kept : "";
}

const char *smt_keep(struct smt *m, struct text *t)
{
    const char *kept = t->failed ? NULL : arena_string(&m->arena, t->data ? t->data : "", t->size);
    if (!kept) smt_fail(m, STATUS_MEMORY, "out of memory");
    text_clear(t);
    return kept ? kept : "";
}

void smt_comment(struct smt *m, const char *format, ...)
{
    char line[600];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_addf(&m->out, "; %s\n", line);
}

const char *smt_fresh(struct smt *m, const char *hint) { return smt_format(m, "|%.200s#%zu|", hint, ++m->fresh); }

const char *smt_define(struct smt *m, const char *name, const char *sort, const char *term)
{
    if (!name) name = smt_fresh(m, strcmp(sort, "Bool") == 0 ? "p" : "v");
    text_addf(&m->out, "(define-fun %s () %s ", name, sort);
    text_add(&m->out, term);
    text_add(&m->out, ")\n");
    return name;
}

const char *smt_declare(struct smt *m, const char *name, const char *sort)
{
    text_addf(&m->out, "(declare-const %s %s)\n", name, sort);
    return name;
}

void smt_assert(struct smt *m, const char *truth)
{
    if (is_true(truth)) return;
    text_add(&m->out, "(assert ");
    text_add(&m->out, truth);
    text_add(&m->out, ")\n");
}

void smt_require(struct smt *m, const char *truth)
{
    for (const struct smt_path *p = m->path; p; p = p->before) truth = truth_or(m, truth_not(m, p->when), truth);
    m->required = truth_and(m, m->required, truth);
}

static void add_integer(struct text *out, const mpz_t z)
{
    mpq_t q;
    mpq_init(q);
    mpz_abs(mpq_numref(q), z);
    number_add_text(out, q);
    text_add(out, ".0");
    mpq_clear(q);
}

void smt_number(struct text *out, const mpq_t q)
{
    if (mpq_sgn(q) < 0) text_add(out, "(- ");
    bool whole = mpz_cmp_ui(mpq_denref(q), 1) == 0;
    if (!whole) text_add(out, "(/ ");
    add_integer(out, mpq_numref(q));
    if (!whole) {
        text_add(out, " ");
        add_integer(out, mpq_denref(q));
        text_add(out, ")");
    }
    if (mpq_sgn(q) < 0) text_add(out, ")");
}

const char *smt_constant(struct smt *m, const mpq_t q)
{
    struct text t;
    text_init(&t);
    smt_number(&t, q);
    return smt_keep(m, &t);
}

/* ---- truths ---- */

bool is_true(const char *t) { return strcmp(t, "true") == 0; }

bool is_false(const char *t) { return strcmp(t, "false") == 0; }

const char *truth_of(bool b) { return b ? "true" : "false"; }

/* A long truth gets a name, so that it is written once. */
static const char *named(struct smt *m, struct text *t)
{
    const char *term = smt_keep(m, t);
    return strlen(term) > 60 ? smt_define(m, NULL, "Bool", term) : term;
}

const char *truth_not(struct smt *m, const char *a)
{
    if (is_true(a) || is_false(a)) return truth_of(is_false(a));
    if (strncmp(a, "(not ", 5) == 0) {
        const char *inner = arena_string(&m->arena, a + 5, strlen(a) - 6);
        return inner ? inner : "";
    }
    struct text t;
    text_init(&t);
    text_addf(&t, "(not ");
    text_add(&t, a);
    text_add(&t, ")");
    return smt_keep(m, &t);
}

static const char *joined(struct smt *m, const char *const *t, size_t n, bool all)
{
    const char *only = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (all ? is_false(t[i]) : is_true(t[i])) return truth_of(!all);
        if (all ? is_true(t[i]) : is_false(t[i])) continue;
        only = t[i];
        kept++;
    }
    if (kept == 0) return truth_of(all);
    if (kept == 1) return only;
    struct text out;
    text_init(&out);
    text_add(&out, all ? "(and" : "(or");
    for (size_t i = 0; i < n; i++) {
        if (is_true(t[i]) || is_false(t[i])) continue;
        text_add(&out, " ");
        text_add(&out, t[i]);
    }
    text_add(&out, ")");
    return named(m, &out);
}

const char *truth_all(struct smt *m, const char *const *t, size_t n) { return joined(m, t, n, true); }

const char *truth_any(struct smt *m, const char *const *t, size_t n) { return joined(m, t, n, false); }

const char *truth_and(struct smt *m, const char *a, const char *b) { return joined(m, (const char *const[]){a, b}, 2, true); }

const char *truth_or(struct smt *m, const char *a, const char *b) { return joined(m, (const char *const[]){a, b}, 2, false); }
