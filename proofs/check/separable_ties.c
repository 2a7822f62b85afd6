/* Exact signs of forms at one sequence (FORMAT.md §3.5): Z L = sum_i w_i G_i with G_i rational and w_i = exp(e_i / sqrt(d)), e_i = q . k_i dyadic.
 * Positions with equal e_i form a group. All groups 0: L is exactly 0. All others of one sign: L has it. Else the sum is enclosed.
 * Real semantics without LayerNorm; rows are integers times 2^-scale, and the scale of a node depends on the network only. */
#include "separable.h"
#include <string.h>

struct xrow { mpz_t *x; uint32_t n; mp_bitcnt_t scale; };

/* Rows found so far, by cell: keys, values; by q index and cell: the logits with all attention on the cell, and q . k in x[0] */
struct ties { bool failed; struct xrow *query, *key, *value, *logits, *exponent; size_t cells, pairs; };

static void row_make(struct xrow *r, uint32_t n, mp_bitcnt_t scale) {
    *r = (struct xrow){.x = mem_get(n, sizeof *r->x), .n = n, .scale = scale};
    for (uint32_t j = 0; j < n; j++) mpz_init(r->x[j]);
}

static void row_drop(struct xrow *r) {
    for (uint32_t j = 0; j < r->n; j++) mpz_clear(r->x[j]);
    mem_free(r->x);
    *r = (struct xrow){0};
}

static void rescale(struct xrow *r, mp_bitcnt_t scale) {
    for (uint32_t j = 0; j < r->n; j++) mpz_mul_2exp(r->x[j], r->x[j], scale - r->scale);
    r->scale = scale;
}

/* to += from[0..to->n-1] times 2^-scale */
static void row_add(struct xrow *to, const mpz_t *from, mp_bitcnt_t scale) {
    if (scale > to->scale) rescale(to, scale);
    mpz_t t;
    mpz_init(t);
    for (uint32_t j = 0; j < to->n; j++) {
        mpz_mul_2exp(t, from[j], to->scale - scale);
        mpz_add(to->x[j], to->x[j], t);
    }
    mpz_clear(t);
}

static void row_times(struct xrow *to, const struct xrow *x, const struct weight *w) {
    row_make(to, w->cols, x->scale + w->t->scale);
    for (uint32_t k = 0; k < w->rows; k++)
        for (uint32_t j = 0; j < w->cols; j++) mpz_addmul(to->x[j], x->x[k], w->t->x[w->at + (size_t)k * w->cols + j]);
}

/* One node from the rows of its arguments; false for a node that is not linear. */
static bool node_row(const struct node *x, struct xrow *rows, struct xrow *out, int64_t token, uint32_t position) {
    switch (x->op) {
    case OP_EMBED:
    case OP_POSITION:
        row_make(out, x->width, x->w.t->scale);
        row_add(out, (const mpz_t *)x->w.t->x + x->w.at + (x->op == OP_EMBED ? (size_t)token : position) * x->w.cols, x->w.t->scale);
        return true;
    case OP_LINEAR: row_times(out, &rows[x->args[0]], &x->w); break;
    case OP_ADD:
    case OP_HEADS:
        row_make(out, x->width, 0);
        for (int a = 0; a < x->n_args; a++) row_add(out, (const mpz_t *)rows[x->args[a]].x, rows[x->args[a]].scale);
        break;
    default: return false;
    }
    if (x->op != OP_ADD && x->b.t != NULL) row_add(out, (const mpz_t *)x->b.t->x + x->b.at, x->b.t->scale);
    return true;
}

/* The row of a node at a position with its token, the row of the mix node being `mixed`. */
static bool exact_row(struct sep *s, int target, int64_t token, uint32_t position, const struct xrow *mixed, struct xrow *out) {
    const struct net *net = s->net;
    struct xrow *rows = mem_get((size_t)target + 1, sizeof *rows);
    bool *needed = mem_get((size_t)target + 1, sizeof *needed), good = true;
    needed[target] = true;
    for (int k = target; k >= 0; k--)
        for (int a = 0; needed[k] && k != s->mix && a < net->nodes[k].n_args; a++) needed[net->nodes[k].args[a]] = true;
    for (int k = 0; good && k <= target; k++) {
        if (!needed[k]) continue;
        if (k == s->mix && mixed != NULL) {
            row_make(&rows[k], mixed->n, mixed->scale);
            row_add(&rows[k], (const mpz_t *)mixed->x, mixed->scale);
        } else good = node_row(&net->nodes[k], rows, &rows[k], token, position);
    }
    if (good) {
        *out = rows[target];
        rows[target] = (struct xrow){0};
    }
    for (int k = 0; k <= target; k++) row_drop(&rows[k]);
    mem_free(rows);
    mem_free(needed);
    return good;
}

static bool cell_row(struct sep *s, struct xrow *kept, int node, uint32_t i, uint32_t cell) {
    return kept[cell].x != NULL || exact_row(s, node, s->sets.v[i][cell - s->at[i]], i, NULL, &kept[cell]);
}

/* logits and exponent of query q with source `cell` at position i */
static bool pair_rows(struct sep *s, struct ties *t, uint32_t q, uint32_t i, uint32_t cell) {
    size_t at = (size_t)q * t->cells + cell;
    uint32_t own = s->at[s->row] + q;
    if (t->logits[at].x != NULL) return true;
    if (!cell_row(s, t->query, s->q, s->row, own) || !cell_row(s, t->key, s->k, i, cell) || !cell_row(s, t->value, s->net->nodes[s->mix].args[1], i, cell)) return false;
    const struct xrow *a = &t->query[own], *b = &t->key[cell];
    row_drop(&t->exponent[at]);
    row_make(&t->exponent[at], 1, a->scale + b->scale);
    for (uint32_t j = 0; j < a->n; j++) mpz_addmul(t->exponent[at].x[0], a->x[j], b->x[j]);
    return exact_row(s, s->net->output, s->sets.v[s->row][q], s->row, &t->value[cell], &t->logits[at]);
}

static struct ties *ties_of(struct sep *s) {
    if (s->ties != NULL) return s->ties;
    struct ties *t = s->ties = mem_get(1, sizeof *t);
    t->cells = s->at[s->n];
    t->pairs = t->cells * (s->at[s->row + 1] - s->at[s->row]);
    t->query = mem_get(t->cells, sizeof *t->query);
    t->key = mem_get(t->cells, sizeof *t->key);
    t->value = mem_get(t->cells, sizeof *t->value);
    t->logits = mem_get(t->pairs, sizeof *t->logits);
    t->exponent = mem_get(t->pairs, sizeof *t->exponent);
    return t;
}

static void rows_free(struct xrow *rows, size_t n) {
    for (size_t i = 0; i < n; i++) row_drop(&rows[i]);
    mem_free(rows);
}

void sep_ties_clear(struct sep *s) {
    struct ties *t = s->ties;
    if (t == NULL) return;
    struct xrow *by_cell[] = {t->query, t->key, t->value};
    for (int k = 0; k < 3; k++) rows_free(by_cell[k], t->cells);
    rows_free(t->logits, t->pairs);
    rows_free(t->exponent, t->pairs);
    mem_free(t);
    s->ties = NULL;
}

/* ---- forms without rounding ---- */

void form_keep(const struct sep *s, struct iform *f, const struct num *c, const struct num *beta, const mpz_t by) {
    f->n_exact = beta != NULL ? s->at[s->n] + 1 : 1;
    f->exact = mem_get(f->n_exact, sizeof *f->exact);
    mpq_t m;
    mpq_init(m);
    mpq_set_z(m, by);
    for (uint32_t k = 0; k < f->n_exact; k++) {
        mpq_init(f->exact[k]);
        mpq_mul(f->exact[k], k == 0 ? c->q : beta[k - 1].q, m);
    }
    mpq_clear(m);
}

bool form_same(const struct sep *s, const struct iform *f, const struct iform *g) {
    size_t cells = s->at[s->n];
    if (f->c != g->c || f->n != g->n || f->radius != g->radius || f->error != g->error || f->strict != g->strict || f->times != g->times || f->normed != g->normed || f->n_exact != g->n_exact) return false;
    if ((f->beta == NULL) != (g->beta == NULL) || (f->exact == NULL) != (g->exact == NULL)) return false;
    if (f->n > 0 && (memcmp(f->alpha, g->alpha, f->n * sizeof *f->alpha) != 0 || memcmp(f->j, g->j, f->n * sizeof *f->j) != 0)) return false;
    if (f->beta != NULL && memcmp(f->beta, g->beta, cells * sizeof *f->beta) != 0) return false;
    for (uint32_t k = 0; f->exact != NULL && k < f->n_exact; k++)
        if (!mpq_equal(f->exact[k], g->exact[k])) return false;
    return true;
}

void forms_drop(struct truth *t) {
    for (size_t i = 0; i < t->n; i++) {
        for (uint32_t k = 0; t->form[i].exact != NULL && k < t->form[i].n_exact; k++) mpq_clear(t->form[i].exact[k]);
        mem_free(t->form[i].exact);
        t->form[i].exact = NULL;
    }
}

/* ---- signs ---- */

/* Groups of positions: g[k] is the sum of their G, exponent[k] one of their equal exponents. */
struct groups { mpq_t *g; const struct xrow **exponent; uint32_t n; };

static void group_add(struct groups *b, const struct iform *f, const struct xrow *logits, const struct xrow *exponent, uint32_t cell) {
    mpq_t g;
    mpq_init(g);
    for (uint32_t a = 0; a < f->n; a++) {
        const mpz_t *x = (const mpz_t *)&logits->x[f->j[a]];
        if (f->alpha[a] >= 0) mpz_addmul_ui(mpq_numref(g), *x, (unsigned long)f->alpha[a]);
        else mpz_submul_ui(mpq_numref(g), *x, (unsigned long)-f->alpha[a]);
    }
    mpq_div_2exp(g, g, logits->scale);
    mpq_add(g, g, f->exact[0]);
    if (f->n_exact > 1) mpq_add(g, g, f->exact[1 + cell]);
    uint32_t k = 0;
    while (k < b->n && mpz_cmp(b->exponent[k]->x[0], exponent->x[0]) != 0) k++;
    b->exponent[k] = exponent;
    if (k == b->n) mpq_init(b->g[b->n++]);
    mpq_add(b->g[k], b->g[k], g);
    mpq_clear(g);
}

/* sum of exp((e_k - e) / sqrt(d)) g_k at p bits, e the largest exponent of a group that is not 0: 1, -1, or 2 (not clear) */
static int enclosed_sign(const struct sep *s, const struct groups *b, unsigned p) {
    const struct xrow *most = NULL;
    for (uint32_t k = 0; k < b->n; k++)
        if (mpq_sgn(b->g[k]) != 0 && (most == NULL || mpz_cmp(b->exponent[k]->x[0], most->x[0]) > 0)) most = b->exponent[k];
    struct num root, sum, x, g;
    num_init(&root), num_init(&sum), num_init(&x), num_init(&g);
    mpq_t e;
    mpq_init(e);
    num_set_int(&g, s->net->nodes[s->score].d[0]);
    bool good = num_sqrt(&root, &g, p);
    num_set_int(&sum, 0);
    for (uint32_t k = 0; good && k < b->n; k++) {
        if (mpq_sgn(b->g[k]) == 0) continue;
        mpq_set_ui(e, 0, 1);
        mpz_sub(mpq_numref(e), b->exponent[k]->x[0], most->x[0]);
        mpq_div_2exp(e, e, most->scale);
        num_set_mpq(&x, e);
        num_set_mpq(&g, b->g[k]);
        good = num_div(&x, &x, &root, p) && num_exp(&x, &x, p);
        num_mul(&g, &g, &x, p);
        num_add(&sum, &sum, &g, p);
    }
    num_set_int(&x, 0);
    int sign = !good ? 2 : num_lt(&x, &sum, p) == YES ? 1 : num_lt(&sum, &x, p) == YES ? -1 : 2;
    mpq_clear(e);
    num_clear(&root), num_clear(&sum), num_clear(&x), num_clear(&g);
    return sign;
}

/* A form of attention alone whose factors here are all 0, as of the mass on two sets of positions that are one: exactly 0, whatever the weights are. */
static bool nothing_at(const struct sep *s, const struct iform *f, const uint32_t *cells) {
    bool nothing = f->exact != NULL && f->n == 0 && !f->normed;
    mpq_t g;
    mpq_init(g);
    for (uint32_t i = 0; nothing && i < (s->net->causal ? s->row + 1 : s->n); i++) {
        mpq_set(g, f->exact[0]);
        if (f->n_exact > 1) mpq_add(g, g, f->exact[1 + cells[i]]);
        nothing = mpq_sgn(g) == 0;
    }
    mpq_clear(g);
    return nothing;
}

int sep_sign(struct sep *s, const struct iform *f, const uint32_t *cells) {
    if (nothing_at(s, f, cells)) return 0;
    struct ties *t = f->exact != NULL && s->n_changes == 0 && s->norm < 0 ? ties_of(s) : NULL;
    if (t == NULL || t->failed) return 2;
    struct groups b = {.g = mem_get(s->n, sizeof *b.g), .exponent = mem_get(s->n, sizeof *b.exponent)};
    uint32_t q = cells[s->row] - s->at[s->row];
    int sign = 0;
    for (uint32_t i = 0; !t->failed && i < (s->net->causal ? s->row + 1 : s->n); i++) {
        t->failed = !pair_rows(s, t, q, i, cells[i]);
        size_t at = (size_t)q * t->cells + cells[i];
        if (!t->failed) group_add(&b, f, &t->logits[at], &t->exponent[at], cells[i]);
    }
    for (uint32_t k = 0; k < b.n && sign != 2; k++) {
        int g = mpq_sgn(b.g[k]);
        if (g != 0) sign = sign == 0 || sign == g ? g : 2;
    }
    for (int k = 0; !t->failed && sign == 2 && k < PRECISIONS; k++) sign = enclosed_sign(s, &b, precision[k]);
    if (t->failed) sign = 2;
    for (uint32_t k = 0; k < b.n; k++) mpq_clear(b.g[k]);
    mem_free(b.g);
    mem_free(b.exponent);
    return sign;
}
