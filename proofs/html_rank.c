/* html_rank.c: the curve of right answers over the number of eigenvectors kept, where a claim counts rows with argmax(output(truncate(M, k), x)) == answer.
 * Every number comes from enclosures (verify/spectral.h) and is exact or an interval; the numbers that claims ask for are checked besides. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "proofs/html_report.h"
#include "proofs/picture.h"
#include "verify/quadratic.h"
#include "verify/radius.h"
#include "verify/spectral.h"

#define WORK_MOST 4e8          /* rows x outputs x inputs^2 */

/* The comparison: argmax(output(truncate(M, k), x)) with `answer`, equal or not. */
struct cut { const struct expr *call, *answer; bool equal; };

static const struct expr *cut_call(const struct expr *e)
{
    if (!expr_calls(e, FUNCTION_ARGMAX) || e->n_args != 1 || !expr_calls(e->args[0], FUNCTION_OUTPUT) || !expr_calls(e->args[0]->args[0], FUNCTION_TRUNCATE)) return NULL;
    return e->args[0]->args[0]->n_args == 2 ? e->args[0] : NULL;
}

static bool find_cut(struct cut *out, const struct statement *s)
{
    const struct expr *e = s->subject;
    if (s->body != BODY_COUNT || s->semantics != SEMANTICS_REAL || e->form != FORM_COMPARE || e->n_args != 2 || (e->opers[0] != OPER_EQ && e->opers[0] != OPER_NE)) return false;
    out->equal = e->opers[0] == OPER_EQ;
    for (size_t i = 0; i < 2; i++)
        if ((out->call = cut_call(e->args[i]))) {
            out->answer = e->args[1 - i];
            return true;
        }
    return false;
}

/* Is the answer that of the whole network on the same input? */
static bool whole(const struct cut *c)
{
    const struct expr *e = c->answer;
    return expr_calls(e, FUNCTION_ARGMAX) && expr_calls(e->args[0], FUNCTION_OUTPUT) && expr_equal(e->args[0]->args[0], c->call->args[0]->args[0]) && expr_equal(e->args[0]->args[1], c->call->args[1]);
}

/* What the curve is about, all but the rank. */
static void key_of(struct text *out, const struct statement *s, const struct cut *c)
{
    text_addf(out, "%s ", s->name);
    expr_print(out, c->call->args[0]->args[0]), text_add(out, " ");
    expr_print(out, c->call->args[1]), text_add(out, " ");
    expr_print(out, c->answer), text_add(out, " ");
    binds_print(out, &s->binds);
    if (s->where) text_add(out, " "), expr_print(out, s->where);
}

/* The rank of a claim about the same; -1: it is another claim. */
static long rank_of(const struct result *r, const char *key)
{
    struct cut c;
    struct text text;
    mpq_t k;
    long rank = -1;
    if (!find_cut(&c, r->statement)) return -1;
    text_init(&text);
    mpq_init(k);
    key_of(&text, r->statement, &c);
    if (text.data && strcmp(text.data, key) == 0 && expr_constant(k, c.call->args[0]->args[1], -1) && mpz_fits_slong_p(mpq_numref(k))) rank = mpz_get_si(mpq_numref(k));
    mpq_clear(k);
    text_clear(&text);
    return rank;
}

/* y: [width, n + 1] balls, output j with k eigenvectors. -1: output `answer` is not the largest, 1: it is, 0: not known. */
static int right(arb_srcptr y, size_t width, size_t n, size_t k, size_t answer)
{
    int sure = answer < width ? 1 : -1;
    for (size_t j = 0; j < width && sure >= 0; j++) {
        arb_srcptr a = y + answer * (n + 1) + k, b = y + j * (n + 1) + k;
        if (j == answer || arb_gt(a, b)) continue;
        sure = arb_le(a, b) ? -1 : 0;
    }
    return sure;
}

/* Every output of one input at every rank. */
static bool row_outputs(arb_ptr y, struct spectra *store, const struct outputs *o, const fmpq *x)
{
    size_t n = o->n;
    arb_ptr at = _arb_vec_init((slong)n);
    arb_t rest, t;
    bool good = true;
    arb_init(rest), arb_init(t);
    for (size_t i = 0; i < n; i++) arb_set_fmpq(at + i, x + i, SPECTRAL_BITS);
    for (size_t j = 0; good && j < o->width; j++) {
        const struct eigenbasis *basis = spectra_output(store, o, j);
        good = basis && spectral_cuts(y + j * (n + 1), basis, at);
        arb_set_fmpz(rest, o->c + j * o->each);
        for (size_t i = 0; i < n; i++) arb_addmul_fmpz(rest, at + i, o->c + j * o->each + i + 1, SPECTRAL_BITS);
        arb_mul_2exp_si(rest, rest, -(slong)o->scale);
        for (size_t k = 0; good && k <= n; k++) arb_add(y + j * (n + 1) + k, y + j * (n + 1) + k, rest, SPECTRAL_BITS);
    }
    _arb_vec_clear(at, (slong)n);
    arb_clear(rest), arb_clear(t);
    return good;
}

/* Adds one row to the numbers at least and at most; false when the row says nothing exact. */
static bool add_row(double *least, double *most, const struct statement *s, const struct cut *c, const struct outputs *o, struct interp *in, arb_ptr y, struct diag *d)
{
    fmpq *x = NULL;
    size_t size = 0;
    bool scalar = false;
    long answer = -1;
    bool good = interp_exact(&x, &size, &scalar, in, c->call->args[1], d) == STATUS_OK && !scalar && size == o->n && row_outputs(y, radii_spectra(s->radii), o, x);
    if (good && !whole(c)) good = interp_int(&answer, in, c->answer, d) == STATUS_OK && answer >= 0;
    for (size_t j = 0; good && whole(c) && j < o->width; j++)
        if (right(y, o->width, o->n, o->n, j) > 0) answer = (long)j;
    for (size_t k = 0; good && k <= o->n; k++) {
        int sure = answer < 0 ? 0 : right(y, o->width, o->n, k, (size_t)answer);
        least[k] += sure > 0;
        most[k] += sure >= 0;
    }
    if (x) _fmpq_vec_clear(x, (slong)size);
    return good;
}

/* All rows: false when one of them cannot be told or it would take too long. */
static bool all_rows(double *least, double *most, double *total, const struct statement *s, const struct cut *c, const struct outputs *o)
{
    struct interp *in = NULL;
    struct walk *w = NULL;
    struct diag d;
    arb_ptr y = _arb_vec_init((slong)(o->width * (o->n + 1)));
    bool more = true, open = false;
    double work = (double)o->width * (double)o->n * (double)o->n;
    diag_init(&d);
    bool good = interp_new(&in, s, 0) == STATUS_OK && walk_new(&w, &s->binds, in, &d) == STATUS_OK;
    while (good) {
        good = walk_next_where(&more, &open, w, s->where, &d) == STATUS_OK && !open && *total * work <= WORK_MOST;
        if (!good || !more) break;
        good = add_row(least, most, s, c, o, in, y, &d);
        *total += 1;
    }
    walk_free(w);
    interp_free(in);
    diag_clear(&d);
    _arb_vec_clear(y, (slong)(o->width * (o->n + 1)));
    return good && *total > 0;
}

static void draw(struct text *out, const struct run_record *run, const char *key, const struct cut *c, const struct curve *found)
{
    bool *sure = mem_array(found->n, sizeof *sure);
    struct curve curve = *found;
    struct text title;
    for (size_t i = 0; sure && i < run->n; i++) {
        long k = rank_of(&run->results[i], key);
        if (k >= 0 && (size_t)k < found->n && run->results[i].evidence != EVIDENCE_NONE) sure[k] = true;
    }
    text_init(&title);
    text_addf(&title, "%s among %.0f rows, over the eigenvectors that each output keeps (filled: checked with a certificate)", whole(c) ? "answers that stay what they were" : "answers that are as asked", found->total);
    curve.sure = sure, curve.title = title.data ? title.data : "", curve.axis = "eigenvectors kept";
    text_add(out, "<div class='pics'>");
    curve_add(out, &curve);
    text_add(out, "</div>\n");
    text_clear(&title);
    free(sure);
}

void html_rank(struct text *out, const struct run_record *run, size_t index)
{
    const struct result *r = &run->results[index];
    const struct statement *s = r->statement;
    const struct outputs *o = NULL;
    struct cut c;
    struct text key;
    if (!s->radii || !find_cut(&c, s) || r->evidence == EVIDENCE_NONE || (expr_depends_on_network(c.answer) && !whole(&c))) return;
    const char *name = c.call->args[0]->args[0]->name;
    const struct model *model = statement_model(s, name);
    text_init(&key);
    key_of(&key, s, &c);
    bool first = key.data && model && radii_outputs(&o, s->radii, name, &model->net, -1, false) == STATUS_OK;
    for (size_t i = 0; first && i < index; i++) first = rank_of(&run->results[i], key.data) < 0 || run->results[i].evidence == EVIDENCE_NONE;
    if (first) {
        double *least = mem_array(o->n + 1, sizeof *least), *most = mem_array(o->n + 1, sizeof *most), total = 0;
        if (least && most && all_rows(least, most, &total, s, &c, o)) draw(out, run, key.data, &c, &(struct curve){.least = least, .most = most, .n = o->n + 1, .total = total});
        free(least), free(most);
    }
    text_clear(&key);
}
