/* The network as tables over (position, token): w, C, D (FORMAT.md §3.2), by the same rows as everywhere else: C and D come from runs in which
 * the row of the `mix` node is replaced by a value vector or by 0, so they use nothing but that the output is affine in it. */
#include "separable.h"
#include <string.h>

static enum shape shape_of(struct sep *s, const struct node *x, int at, const unsigned char *shape) {
    enum shape most = SHAPE_TOKEN;
    for (int a = 0; a < x->n_args; a++) {
        if (shape[x->args[a]] == SHAPE_NONE || (shape[x->args[a]] == SHAPE_NORMED && x->op != OP_LINEAR)) return SHAPE_NONE;
        if (shape[x->args[a]] > most) most = (enum shape)shape[x->args[a]];
    }
    switch (x->op) {
    case OP_EMBED:
    case OP_CONSTANT:
    case OP_POSITION: return SHAPE_TOKEN;
    case OP_ADD:
    case OP_LINEAR:
    case OP_HEADS: return most == SHAPE_TOKEN || most >= SHAPE_AFFINE ? most : SHAPE_NONE;
    case OP_SCORE: return most == SHAPE_TOKEN ? SHAPE_SCORE : SHAPE_NONE;
    case OP_SOFTMAX: return most == SHAPE_SCORE ? SHAPE_SOFTMAX : SHAPE_NONE;
    case OP_MIX:
        if (shape[x->args[0]] != SHAPE_SOFTMAX || shape[x->args[1]] != SHAPE_TOKEN || s->heads >= (s->wide ? HEADS_MOST : 1)) return SHAPE_NONE;
        s->head[s->heads++].mix = at;
        return SHAPE_AFFINE;
    case OP_RELU:
        if (most != SHAPE_AFFINE || !s->wide || s->relu >= 0) return most == SHAPE_TOKEN ? SHAPE_TOKEN : SHAPE_NONE;
        s->relu = at;
        return SHAPE_AFTER;
    case OP_LAYERNORM:
        if (most < SHAPE_AFFINE || s->norm >= 0 || x->n_args != 1) return most == SHAPE_TOKEN ? SHAPE_TOKEN : SHAPE_NONE;
        s->norm = at;
        return SHAPE_NORMED;
    case OP_GELU:
    case OP_GELU_NEW:
    case OP_SILU: return most == SHAPE_TOKEN ? SHAPE_TOKEN : SHAPE_NONE;
    default: return SHAPE_NONE;
    }
}

static void roles(const struct net *net, struct head *h) {
    h->softmax = net->nodes[h->mix].args[0];
    h->score = net->nodes[h->softmax].args[0];
    h->q = net->nodes[h->score].args[0];
    h->k = net->nodes[h->score].args[1];
}

/* The fields of the first head become those of another one, and back when it is asked again. */
static void exchange(struct sep *s, int h) {
    struct head *x = &s->head[h], old = {s->mix, s->softmax, s->score, s->q, s->k, s->C, s->w, s->shift, s->keys, s->queries, s->addends};
    s->mix = x->mix, s->softmax = x->softmax, s->score = x->score, s->q = x->q, s->k = x->k, s->C = x->C, s->w = x->w, s->shift = x->shift, s->keys = x->keys, s->queries = x->queries, s->addends = x->addends;
    *x = old;
}

/* FORMAT.md §3.2 names few operations; a network with any other one, with real inputs or with a pad token is refused as a whole. */
static bool plain(const struct net *net, bool changed) {
    for (int i = 0; i < net->n_nodes; i++)
        if (net->nodes[i].op >= OP_INPUT && !(changed && net->nodes[i].op == OP_CONSTANT)) return false;
    return !net->reals && net->pad < 0;
}

static bool understand(struct sep *s) {
    const struct net *net = s->net;
    if (!plain(net, s->n_changes > 0)) return sep_refuse(s, "the network has operations, inputs or a mask that it does not know");
    unsigned char *shape = s->shape = mem_get((size_t)net->n_nodes, sizeof *shape);
    s->relu = s->norm = -1;
    for (int i = 0; i < net->n_nodes; i++) shape[i] = (unsigned char)shape_of(s, &net->nodes[i], i, shape);
    bool good = s->heads > 0 && (shape[net->output] >= SHAPE_AFFINE || shape[net->output] == SHAPE_TOKEN);
    if (good) {
        s->units = s->relu >= 0 ? net->nodes[s->relu].width : 0;
        for (int h = 0; h < s->heads; h++) {
            roles(net, &s->head[h]);
            s->mixes[h] = s->head[h].mix;
        }
        exchange(s, 0);
        s->n_out = net->nodes[net->output].width;
        if (shape[net->output] != SHAPE_NORMED) s->norm = -1;
        s->n_centred = s->norm >= 0 && s->wide ? net->nodes[s->norm].width : 0;
        s->cols = s->n_out + s->units + s->n_centred;
        if (s->norm >= 0 && (s->e->s->float32 || s->n_changes > 0)) return sep_refuse(s, "a final LayerNorm under float32, or of a model with changed rows");
        if (s->has_attn && net_find(net, "blocks.0.attn.hook_pattern.0") != s->softmax) good = false;
    }
    return good ? true : sep_refuse(s, "the network is not one layer with one head, linear after it");
}

/* x without its last `drop` bits, within one unit of what is left, if the enclosure is that narrow and the result below 2^most */
static bool to_fixed(const struct num *x, mp_bitcnt_t drop, unsigned most, int64_t *out) {
    mpz_t lo, hi;
    mpz_inits(lo, hi, NULL);
    mpz_fdiv_q_2exp(lo, LO(x), drop);
    mpz_cdiv_q_2exp(hi, HI(x), drop);
    bool good = mpz_sizeinbase(lo, 2) <= most && mpz_sizeinbase(hi, 2) <= most;
    *out = good ? mpz_get_si(lo) : 0;
    mpz_sub(hi, hi, lo);
    good = good && mpz_cmp_ui(hi, 2) <= 0; /* lo, lo + 1 and, when an end falls on a unit, one more: rounded below */
    if (mpz_cmp_ui(hi, 2) == 0) (*out)++;
    mpz_clears(lo, hi, NULL);
    return good;
}

void sep_run(struct sep *s, struct run *r, int64_t token, bool float32) {
    int64_t *t = mem_get(s->n, sizeof *t);
    for (uint32_t i = 0; i < s->n; i++) t[i] = token;
    run_init(r, s->net, float32, TABLE_P, 0, t, s->n); /* 0: numbers of different runs are never taken for the same */
    mem_free(t);
    sep_add_changes(s, r);
}

static void copy_row(struct num *to, const struct num *from, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) num_copy(&to[i], &from[i]);
}

/* the row r of a node is 0 */
static void silence(const struct sep *s, struct run *r, int node) {
    uint32_t width = s->net->nodes[node].width;
    struct num *zero = nums_new(width), exact;
    num_init(&exact);
    for (uint32_t j = 0; j < width; j++) num_to_real(&zero[j], &exact, TABLE_P);
    run_add_patch(r, node, (int)s->row, (int)s->row, width, zero);
    num_clear(&exact);
    nums_free(zero, width);
}

/* The row of the output, or its numerators with what the LayerNorm centres behind the units. */
static bool outputs_of_run(struct sep *s, struct run *r, struct num *out) {
    if (s->norm >= 0) return sep_numerators(s, r, out);
    const struct num *row = run_row(r, s->net->output, s->row, s->fail);
    if (row != NULL) copy_row(out, row, s->n_out);
    return row != NULL;
}

/* on a constant sequence with the row r of the mix node replaced by z and those of the other heads by 0: the output, with 0 for the relus, and then what the relus read */
static bool columns_with(struct sep *s, int64_t token, const struct num *z, struct num *out) {
    struct run r;
    sep_run(s, &r, token, false);
    run_add_patch(&r, s->mix, (int)s->row, (int)s->row, s->net->nodes[s->mix].width, z);
    for (int h = 0; h < s->heads; h++)
        if (s->mixes[h] != s->mix) silence(s, &r, s->mixes[h]);
    if (s->relu >= 0) silence(s, &r, s->relu);
    sep_add_changes(s, &r); /* a row that the model replaces stays as it is, whatever the head gives */
    bool good = outputs_of_run(s, &r, out);
    if (good && s->relu >= 0) {
        const struct num *row = run_row(&r, s->net->nodes[s->relu].args[0], s->row, s->fail);
        good = row != NULL;
        if (good) copy_row(out + s->n_out, row, s->units);
    }
    run_clear(&r);
    return good;
}

/* M: the output with one relu at 1, less that with all at 0; the rows of the mix nodes are 0 */
static bool unit_effects(struct sep *s, uint32_t width) {
    struct num *zero = nums_new(width), *one = nums_new(s->units), *base = nums_new(s->cols), *with = nums_new(s->cols), diff;
    num_init(&diff);
    for (uint32_t u = 0; u < s->units; u++) num_to_real(&one[u], &diff, TABLE_P);
    s->M = mem_get((size_t)s->units * s->n_out, sizeof *s->M);
    s->R = mem_get((size_t)s->units * s->n_centred, sizeof *s->R);
    int64_t token = s->sets.v[s->row][0];
    bool good = columns_with(s, token, zero, base);
    for (uint32_t u = 0; good && u < s->units; u++) {
        struct run r;
        sep_run(s, &r, token, false);
        num_set_int(&diff, 1);
        num_to_real(&one[u], &diff, TABLE_P);
        for (int h = 0; h < s->heads; h++) silence(s, &r, s->mixes[h]);
        run_add_patch(&r, s->relu, (int)s->row, (int)s->row, s->units, one);
        sep_add_changes(s, &r);
        num_set_int(&diff, 0);
        num_to_real(&one[u], &diff, TABLE_P);
        good = outputs_of_run(s, &r, with);
        for (uint32_t j = 0; good && j < s->cols; j++) {
            if (j >= s->n_out && j < s->n_out + s->units) continue;
            num_sub(&diff, &with[j], &base[j], TABLE_P);
            good = to_fixed(&diff, TABLE_P - SEP_BITS, SEP_BITS + 12, j < s->n_out ? &s->M[(size_t)u * s->n_out + j] : &s->R[(size_t)u * s->n_centred + j - s->n_out - s->units]);
        }
        run_clear(&r);
    }
    num_clear(&diff);
    nums_free(zero, width);
    nums_free(one, s->units);
    nums_free(base, s->cols);
    nums_free(with, s->cols);
    return good;
}

/* Rows of the key and value nodes of a head at every cell, and of the query node at row r: one run a cell. NULL: not wanted. */
static bool cell_rows(struct sep *s, bool float32, struct num *keys, struct num *values, struct num *queries) {
    const int node[3] = {s->k, s->net->nodes[s->mix].args[1], s->q};
    struct num *out[3] = {keys, values, queries};
    bool good = true;
    for (uint32_t i = 0; good && i < s->n; i++)
        for (uint32_t c = s->at[i]; good && c < s->at[i + 1]; c++) {
            struct run r;
            sep_run(s, &r, s->sets.v[i][c - s->at[i]], float32);
            for (int k = 0; good && k < 3; k++) {
                if (out[k] == NULL || (k == 2 && i != s->row)) continue;
                uint32_t width = s->net->nodes[node[k]].width, at = k == 2 ? c - s->at[i] : c;
                const struct num *row = run_row(&r, node[k], i, s->fail);
                good = row != NULL;
                if (good) copy_row(out[k] + (size_t)at * width, row, width);
            }
            run_clear(&r);
        }
    return good;
}

/* What a row z of the mix node adds to the columns: out = columns with z, less those with 0 */
static bool added_by(struct sep *s, const struct num *z, const struct num *base, struct num *out) {
    bool good = columns_with(s, s->sets.v[s->row][0], z, out);
    for (uint32_t j = 0; good && j < s->cols; j++) num_sub(&out[j], &out[j], &base[j], TABLE_P);
    return good;
}

static bool fixed_columns(const struct sep *s, const struct num *x, int64_t *out) {
    for (uint32_t j = 0; j < s->cols; j++)
        if (!to_fixed(&x[j], TABLE_P - SEP_BITS, SEP_BITS + 12, &out[j])) return false;
    return true;
}

/* C of every cell from those of its token's and its position's parts: what is added is linear in the row */
static bool values_by_addends(struct sep *s, const struct addends *x, const struct num *base) {
    struct num *token = nums_new((size_t)x->n_tokens * s->cols), *place = nums_new(s->cols), *row = nums_new(s->cols);
    bool good = true;
    for (uint32_t a = 0; good && a < x->n_tokens; a++) good = added_by(s, x->token_row + (size_t)a * x->width, base, token + (size_t)a * s->cols);
    for (uint32_t i = 0; good && i < s->n; i++) {
        good = added_by(s, x->place_row + (size_t)i * x->width, base, place);
        for (uint32_t c = s->at[i]; good && c < s->at[i + 1]; c++) {
            for (uint32_t j = 0; j < s->cols; j++) num_add(&row[j], &token[(size_t)x->token[c] * s->cols + j], &place[j], TABLE_P);
            good = fixed_columns(s, row, s->C + (size_t)c * s->cols);
        }
    }
    nums_free(token, (size_t)x->n_tokens * s->cols);
    nums_free(place, s->cols);
    nums_free(row, s->cols);
    return good;
}

static bool values_by_cells(struct sep *s, const struct num *v, uint32_t width, const struct num *base) {
    struct num *row = nums_new(s->cols);
    bool good = true;
    for (uint32_t c = 0; good && c < s->at[s->n]; c++) good = added_by(s, v + (size_t)c * width, base, row) && fixed_columns(s, row, s->C + (size_t)c * s->cols);
    nums_free(row, s->cols);
    return good;
}

static bool direct_and_values(struct sep *s, const struct num *v, uint32_t width) {
    uint32_t nq = s->at[s->row + 1] - s->at[s->row];
    struct num *zero = nums_new(width), *base = nums_new(s->cols), *row = nums_new(s->cols);
    struct addends parts;
    bool good = true;
    for (uint32_t k = 0; good && k < nq; k++) {
        good = columns_with(s, s->sets.v[s->row][k], zero, row) && fixed_columns(s, row, s->D + (size_t)k * s->cols);
        if (good && k == 0) copy_row(base, row, s->cols);
    }
    good = good && (addends_of(&parts, s, v, width) ? values_by_addends(s, &parts, base) : values_by_cells(s, v, width, base));
    addends_clear(&parts);
    nums_free(zero, width);
    nums_free(base, s->cols);
    nums_free(row, s->cols);
    return good;
}

/* h_i of every cell of query k, with u times the spread of the scores, the largest upper end less the smallest lower end */
static bool exponent_errors(struct sep *s, uint32_t k, struct num *score, uint32_t least, const struct num *largest) {
    mpz_t spread;
    mpz_init(spread);
    mpz_sub(spread, HI(largest), LO(&score[least]));
    mpz_cdiv_q_2exp(spread, spread, TABLE_P - SEP_BITS + 24);
    bool good = mpz_sizeinbase(spread, 2) < 40;
    for (uint32_t c = 0; good && c < s->at[s->n]; c++) {
        int64_t *h = &s->h[(size_t)k * s->at[s->n] + c];
        if (score[c].kind != K_REAL) continue; /* forbidden by the mask */
        good = sep_float32_score(&score[c], h);
        *h += mpz_get_si(spread) + 1;
        good = good && *h < (int64_t)1 << (SEP_BITS - 2);
    }
    mpz_clear(spread);
    return good ? true : sep_refuse(s, "float32: scores too uncertain");
}

/* exp(x) at 2^-p, with p as small as 60 bits of the result allow (e^-40 > 2^-58); bits of x beyond p are rounded outwards */
static bool exp_cut(struct num *x, unsigned *p) {
    mpz_t whole;
    mpz_init(whole);
    mpz_fdiv_q_2exp(whole, LO(x), TABLE_P);
    *p = mpz_cmp_si(whole, -40) >= 0 ? TABLE_P / 2 : TABLE_P;
    mpz_clear(whole);
    mpz_fdiv_q_2exp(LO(x), LO(x), TABLE_P - *p);
    mpz_cdiv_q_2exp(HI(x), HI(x), TABLE_P - *p);
    x->tag = (struct tag){0};
    return num_exp(x, x, *p);
}

/* w of the cell at `at`, from e at 2^-p */
static bool set_weight(struct sep *s, const struct num *e, unsigned p, size_t at) {
    mp_bitcnt_t bits = mpz_sizeinbase(HI(e), 2), drop = bits > 60 ? bits - 60 : 0;
    s->shift[at] = (int)drop + 60 - (int)p;
    return to_fixed(e, drop, 61, &s->w[at]);
}

/* The scores of query k with every cell that may be a source; c: the largest upper end of those that are; least: the cell with the smallest */
static bool scores_of(struct sep *s, struct run *r, uint32_t k, struct num *score, struct num *c, uint32_t *least) {
    uint32_t width = s->net->nodes[s->k].width;
    bool good = true, any = false;
    for (uint32_t i = 0; good && i < s->n; i++)
        for (uint32_t x = s->at[i]; good && x < s->at[i + 1] && run_allowed(r, s->row, i); x++) {
            if (!sep_source(s, k, x)) continue; /* at position r the token is q itself */
            good = run_score(r, &s->net->nodes[s->score], &score[x], s->queries + (size_t)k * width, s->keys + (size_t)x * width, s->fail);
            if (good && (!any || mpz_cmp(HI(&score[x]), HI(c)) > 0)) num_copy(c, &score[x]);
            if (good && (!any || mpz_cmp(LO(&score[x]), LO(&score[*least])) < 0)) *least = x;
            any = true;
        }
    return good;
}

/* w = exp(score - c_q) with one exact c_q, the first head's largest score of query q: the factor exp(-c_q) is common to numerators and Z, and to all heads */
static bool weights_of(struct sep *s, int head, uint32_t k) {
    uint32_t cells = s->at[s->n], least = 0;
    struct num *score = nums_new(cells), c;
    struct run r;
    bool float32 = s->e->s->float32;
    sep_run(s, &r, s->sets.v[0][0], float32);
    num_init(&c);
    bool good = scores_of(s, &r, k, score, &c, &least);
    if (good && float32) good = exponent_errors(s, k, score, least, &c);
    c.tag = (struct tag){0};
    mpz_set(LO(&c), HI(&c));
    if (head == 0) num_copy(&s->most[k], &c);
    else num_copy(&c, &s->most[k]);
    for (uint32_t x = 0; good && x < cells; x++) {
        if (score[x].kind != K_REAL) continue;
        unsigned p;
        num_sub(&score[x], &score[x], &c, TABLE_P);
        good = exp_cut(&score[x], &p) && set_weight(s, &score[x], p, (size_t)k * cells + x);
    }
    num_clear(&c);
    run_clear(&r);
    nums_free(score, cells);
    return good;
}

/* e = exp(score - c) of n rows with query k; c: `less`, or if NULL the largest score's upper end; p: fractional bits of each. false: some are too small for that */
static bool exps_of(struct sep *s, struct run *r, uint32_t k, const struct num *rows, uint32_t n, const struct num *less, struct num *e, unsigned *p, struct num *c) {
    uint32_t width = s->addends.width;
    bool good = true;
    for (uint32_t i = 0; good && i < n; i++) {
        good = run_score(r, &s->net->nodes[s->score], &e[i], s->queries + (size_t)k * width, rows + (size_t)i * width, s->fail);
        if (good && less == NULL && (i == 0 || mpz_cmp(HI(&e[i]), HI(c)) > 0)) num_copy(c, &e[i]);
    }
    if (less != NULL) num_copy(c, less);
    c->tag = (struct tag){0};
    mpz_set(LO(c), HI(c));
    for (uint32_t i = 0; good && i < n; i++) {
        num_sub(&e[i], &e[i], c, TABLE_P);
        good = exp_cut(&e[i], &p[i]) && mpz_sgn(LO(&e[i])) > 0 && mpz_sizeinbase(LO(&e[i]), 2) >= 70; /* products have 60 good bits */
    }
    return good;
}

/* The same where keys are sums of a token's and a position's: so are scores, and exponentials are products; c_q is the sum of the two largest. false: weights_of is to do it */
static bool weights_by_addends(struct sep *s, int head, uint32_t k) {
    const struct addends *x = &s->addends;
    uint32_t cells = s->at[s->n], T = x->n_tokens, N = s->n;
    struct num *token = nums_new(T), *place = nums_new(N), c, d, product;
    unsigned *p = mem_get(T, sizeof *p), *o = mem_get(N, sizeof *o);
    struct run r;
    sep_run(s, &r, s->sets.v[0][0], false);
    num_init(&c), num_init(&d), num_init(&product);
    bool good = exps_of(s, &r, k, x->place_row, N, NULL, place, o, &d);
    if (head > 0) num_sub(&c, &s->most[k], &d, TABLE_P); /* what is left of c_q */
    good = good && exps_of(s, &r, k, x->token_row, T, head > 0 ? &c : NULL, token, p, &c);
    if (good && head == 0) num_add(&s->most[k], &c, &d, TABLE_P);
    product.kind = K_REAL;
    for (uint32_t i = 0; good && i < N && run_allowed(&r, s->row, i); i++)
        for (uint32_t y = s->at[i]; good && y < s->at[i + 1]; y++) {
            uint32_t a = x->token[y];
            if (!sep_source(s, k, y)) continue;
            mpz_mul(LO(&product), LO(&token[a]), LO(&place[i])); /* of numbers that are not negative */
            mpz_mul(HI(&product), HI(&token[a]), HI(&place[i]));
            good = set_weight(s, &product, p[a] + o[i], (size_t)k * cells + y);
        }
    num_clear(&c), num_clear(&d), num_clear(&product);
    run_clear(&r);
    nums_free(token, T);
    nums_free(place, N);
    mem_free(p);
    mem_free(o);
    return good;
}

/* D, C and the rows behind w of the head whose nodes are s->mix ... s->k; D is the same for all */
static bool head_tables(struct sep *s) {
    uint32_t cells = s->at[s->n], nq = s->at[s->row + 1] - s->at[s->row], width = s->net->nodes[s->k].width, value_width = s->net->nodes[s->mix].width;
    bool float32 = s->e->s->float32;
    s->C = mem_get((size_t)cells * s->cols, sizeof *s->C);
    s->w = mem_get((size_t)nq * cells, sizeof *s->w);
    s->shift = mem_get((size_t)nq * cells, sizeof *s->shift);
    s->keys = nums_new((size_t)cells * width);
    s->queries = nums_new((size_t)nq * width);
    struct num *values = nums_new((size_t)cells * value_width);
    bool good = cell_rows(s, float32, s->keys, float32 ? NULL : values, s->queries);
    good = good && (!float32 || cell_rows(s, false, NULL, values, NULL)) && direct_and_values(s, values, value_width);
    if (float32) good = good && cell_rows(s, true, NULL, values, NULL) && sep_float32_logits(s, values);
    else if (good) (void)addends_of(&s->addends, s, s->keys, width);
    nums_free(values, (size_t)cells * value_width);
    return good;
}

bool sep_source(const struct sep *s, uint32_t q, uint32_t cell) {
    if (s->net->causal && cell >= s->at[s->row + 1]) return false;
    return cell < s->at[s->row] || cell >= s->at[s->row + 1] || cell - s->at[s->row] == q;
}

bool sep_tables(struct sep *s) {
    if (!sep_changes(s) || !understand(s)) return false;
    uint32_t cells = s->at[s->n], nq = s->at[s->row + 1] - s->at[s->row];
    if (s->n > s->net->ctx) return sep_refuse(s, "the sequence is longer than the context");
    for (uint32_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->sets.size[i]; k++)
            if (s->sets.v[i][k] < 0 || s->sets.v[i][k] >= (int64_t)s->net->vocab) return sep_refuse(s, "a token outside the vocabulary");
    if ((uint64_t)cells * nq > 4000000 || (uint64_t)cells * s->cols > 16000000) return sep_refuse(s, "tables too large");
    bool float32 = s->e->s->float32;
    if (float32 && !s->net->all_binary32) return sep_refuse(s, "a weight is not a binary32 number");
    if (float32) s->h = mem_get((size_t)nq * cells, sizeof *s->h);
    s->D = mem_get((size_t)nq * s->cols, sizeof *s->D);
    s->most = nums_new(nq);
    bool good = sep_norm(s);
    for (int h = 0; good && h < s->heads; h++) {
        if (h > 0) exchange(s, h);
        good = head_tables(s);
        if (h > 0) exchange(s, h);
    }
    good = good && (s->relu < 0 || unit_effects(s, s->net->nodes[s->mix].width));
    return good ? true : sep_refuse(s, "a table cannot be enclosed");
}

bool sep_weights(struct sep *s, uint32_t q) {
    bool good = true;
    for (int h = 0; good && h < s->heads; h++) {
        if (h > 0) exchange(s, h);
        good = (s->addends.good && weights_by_addends(s, h, q)) || weights_of(s, h, q);
        if (h > 0) exchange(s, h);
    }
    return good ? true : sep_refuse(s, "a table cannot be enclosed");
}

static void head_clear(struct sep *s) {
    uint32_t nq = s->at[s->row + 1] - s->at[s->row], width = s->net->nodes[s->k].width;
    if (s->keys != NULL) nums_free(s->keys, (size_t)s->at[s->n] * width);
    if (s->queries != NULL) nums_free(s->queries, (size_t)nq * width);
    addends_clear(&s->addends);
    mem_free(s->C);
    mem_free(s->w);
    mem_free(s->shift);
}

void sep_tables_clear(struct sep *s) {
    if (s->most != NULL) nums_free(s->most, s->at[s->row + 1] - s->at[s->row]);
    for (int h = 0; s->D != NULL && h < s->heads; h++) {
        if (h > 0) exchange(s, h);
        head_clear(s);
        if (h > 0) exchange(s, h);
    }
    cells_columns_clear(s);
    mem_free(s->D);
    mem_free(s->h);
    mem_free(s->M);
    mem_free(s->R);
    sep_norm_clear(s);
}
