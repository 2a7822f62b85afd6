#include "certificate.h"
#include <string.h>

const char *const verdict_names[4] = {"proved", "refuted", "bounded", "vacuous"};
const char *const rule_names[RULES] = {"point", "enumerate", "separable", "count", "quadratic", "farkas", "cells", "polynomial"};

struct cursor { const char *at, *end, *s; size_t n; int line; struct arena *a; struct fail *f; };

static bool bad(struct cursor *c, const char *what) { return fail_at(c->f, c->line, "%s", what); }

static bool next_line(struct cursor *c) {
    c->line++;
    const char *nl = c->at < c->end ? memchr(c->at, '\n', (size_t)(c->end - c->at)) : NULL;
    if (nl == NULL) return bad(c, "the file ends too early");
    c->s = c->at;
    c->n = (size_t)(nl - c->at);
    c->at = nl + 1;
    if (c->n == 0) return bad(c, "empty line");
    for (size_t i = 0; i < c->n; i++)
        if (c->s[i] < 32 || c->s[i] > 126) return bad(c, "a byte that is not printable ASCII");
    return true;
}

/* Does the next line start with this word and a space? Then the cursor holds the rest of the line. */
static bool take(struct cursor *c, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) <= n || memcmp(c->at, word, n) != 0 || c->at[n] != ' ') return false;
    if (!next_line(c)) return false;
    c->s += n + 1;
    c->n -= n + 1;
    return true;
}

static bool exactly(struct cursor *c, const char *text) {
    if (!next_line(c)) return false;
    return c->n == strlen(text) && memcmp(c->s, text, c->n) == 0 ? true : fail_at(c->f, c->line, "'%s' expected", text);
}

static bool field(struct cursor *c, char **out) {
    const char *space = memchr(c->s, ' ', c->n);
    size_t n = space != NULL ? (size_t)(space - c->s) : c->n;
    if (n == 0 || (space != NULL && n + 1 == c->n)) return bad(c, "a field is missing");
    *out = arena_text(c->a, c->s, n);
    c->s += space != NULL ? n + 1 : n;
    c->n -= space != NULL ? n + 1 : n;
    return true;
}

static bool is_integer(const char *s, size_t n, bool negative_allowed) {
    if (n > 0 && s[0] == '-') {
        if (!negative_allowed || (n == 2 && s[1] == '0')) return false;
        s++;
        n--;
    }
    if (n == 0 || n > 100000 || (n > 1 && s[0] == '0')) return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return true;
}

static bool read_count(struct cursor *c, mpz_t out) {
    char *s;
    if (!field(c, &s)) return false;
    if (!is_integer(s, strlen(s), false)) return bad(c, "not a non-negative integer");
    mpz_set_str(out, s, 10);
    return true;
}

bool rational_read(mpq_t out, const char *s, size_t n) {
    const char *slash = memchr(s, '/', n);
    size_t top = slash != NULL ? (size_t)(slash - s) : n;
    if (!is_integer(s, top, true) || (slash != NULL && (!is_integer(slash + 1, n - top - 1, false) || slash[1] == '0'))) return false;
    struct buffer text = {0};
    buffer_add(&text, s, n);
    mpq_set_str(out, text.s, 10);
    buffer_clear(&text);
    mpq_t r;
    mpq_init(r);
    mpq_set(r, out);
    mpq_canonicalize(r);
    bool lowest = mpq_equal(r, out) && (slash == NULL || mpz_cmp_ui(mpq_denref(out), 1) != 0);
    mpq_clear(r);
    return lowest;
}

bool rationals_read(const char *s, size_t size, char by, mpq_t *out, size_t n) {
    const char *end = s + size;
    for (size_t i = 0; i < n; i++) {
        const char *stop = memchr(s, by, (size_t)(end - s));
        if ((stop != NULL) != (i + 1 < n)) return false;
        size_t length = (size_t)((stop != NULL ? stop : end) - s);
        if (!rational_read(out[i], s, length)) return false;
        s = stop != NULL ? stop + 1 : end;
    }
    return true;
}

static bool read_rational(struct cursor *c, mpq_t out) {
    char *s;
    if (!field(c, &s)) return false;
    return rational_read(out, s, strlen(s)) ? true : bad(c, "not a canonical number");
}

static bool line_end(struct cursor *c) { return c->n == 0 ? true : bad(c, "the line is too long"); }

static bool read_word(struct cursor *c, const char *word, const char *const *names, int n, int *out) {
    if (!take(c, word)) return fail_at(c->f, c->line + 1, "line '%s' expected", word);
    for (*out = 0; *out < n; ++*out)
        if (strlen(names[*out]) == c->n && memcmp(names[*out], c->s, c->n) == 0) return true;
    return fail_at(c->f, c->line, "unknown %s", word);
}

static void read_binding(struct cursor *c, const char *word, struct binding *b) {
    if (take(c, word)) *b = (struct binding){c->line, c->s, c->n};
}

/* all lines that start with this word */
static void read_lines(struct cursor *c, const char *word, struct arena *a, struct binding **out, size_t *n) {
    size_t room = 0;
    struct binding one = {0};
    for (read_binding(c, word, &one); one.line != 0; one.line = 0, read_binding(c, word, &one)) {
        if (*n == room) {
            struct binding *old = *out;
            room = 2 * room + 16;
            *out = arena_get(a, room, sizeof *old);
            if (old != NULL) memcpy(*out, old, *n * sizeof *old);
        }
        (*out)[(*n)++] = one;
    }
}

static bool read_numbers(struct cursor *c, struct certificate *x) {
    if (take(c, "number")) {
        x->number_line = c->line;
        if (!read_count(c, x->number[0]) || !read_count(c, x->number[1]) || !line_end(c)) return false;
        if (!take(c, "total")) return fail_at(c->f, c->line + 1, "line 'total' expected");
        x->total_line = c->line;
        if (!read_count(c, x->total[0]) || !read_count(c, x->total[1]) || !line_end(c)) return false;
    }
    if (take(c, "value")) {
        x->value_line = c->line;
        if (!read_rational(c, x->value[0]) || !read_rational(c, x->value[1]) || !line_end(c)) return false;
    }
    read_binding(c, "attains", &x->attains);
    read_binding(c, "witness", &x->witness);
    read_binding(c, "counterexample", &x->counterexample);
    read_lines(c, "item", &x->arena, &x->items, &x->n_items);
    return !c->f->set;
}

static bool read_source(struct cursor *c, struct certificate *x) {
    x->sources = arena_get(&x->arena, 65, sizeof *x->sources);
    while (take(c, "source")) {
        if (x->n_sources == 64) return bad(c, "too many sources");
        struct source *s = &x->sources[x->n_sources++];
        s->line = c->line;
        if (!field(c, &s->model) || !field(c, &s->file_sha256) || !field(c, &s->config_sha256) || !line_end(c)) return false;
        bool config = strcmp(s->config_sha256, "-") == 0 || is_sha256(s->config_sha256, strlen(s->config_sha256));
        if (!is_sha256(s->file_sha256, strlen(s->file_sha256)) || !config) return bad(c, "not a SHA-256");
        size_t room = 0;
        while (take(c, "tensor")) {
            if (s->n == room) {
                struct source_tensor *old = s->t;
                room = 2 * room + 16;
                s->t = arena_get(&x->arena, room, sizeof *old);
                if (old != NULL) memcpy(s->t, old, s->n * sizeof *old);
            }
            struct source_tensor *t = &s->t[s->n++];
            t->line = c->line;
            if (!field(c, &t->name) || !field(c, &t->offset) || !field(c, &t->dtype) || !field(c, &t->shape) || !field(c, &t->strides) || !line_end(c)) return false;
        }
    }
    return !c->f->set;
}

#define BINS_MOST 65535

/* bins B ENTER: 1 <= B <= BINS_MOST, ENTER below 2^126 */
static bool read_count_rule(struct cursor *c, struct count_rule *out) {
    mpz_t bins, enter, high;
    if (!take(c, "bins")) return fail_at(c->f, c->line + 1, "line 'bins' expected");
    mpz_inits(bins, enter, high, NULL);
    bool good = read_count(c, bins) && read_count(c, enter) && line_end(c);
    if (good && (mpz_sgn(bins) == 0 || mpz_cmp_ui(bins, BINS_MOST) > 0 || mpz_sizeinbase(enter, 2) > 126)) good = bad(c, "out of range");
    if (good) {
        mpz_fdiv_q_2exp(high, enter, 64);
        out->bins = (uint32_t)mpz_get_ui(bins);
        out->enter = (unsigned __int128)mpz_get_ui(high) << 64 | mpz_get_ui(enter);
    }
    mpz_clears(bins, enter, high, NULL);
    return good;
}

#define RISING_MOST ((size_t)1 << 20)

/* I,J,...: so many integers of at most eight digits, or more, rising */
static bool read_rising(struct cursor *c, const char *s, size_t size, size_t least, uint32_t **out, uint32_t *n_out) {
    size_t n = 1;
    const char *end = s + size;
    for (size_t i = 0; i < size; i++) n += s[i] == ',';
    if (n < least || n > RISING_MOST) return bad(c, least > 1 ? "two or more integers expected" : "integers expected");
    uint32_t *x = *out = arena_get(c->a, n, sizeof *x);
    for (*n_out = 0; *n_out < n; (*n_out)++) {
        const char *comma = memchr(s, ',', (size_t)(end - s)), *stop = comma != NULL ? comma : end;
        if (!is_integer(s, (size_t)(stop - s), false) || stop - s > 8) return bad(c, "not an integer of at most eight digits");
        uint32_t v = 0;
        for (; s < stop; s++) v = 10 * v + (uint32_t)(*s - '0');
        if (*n_out > 0 && v <= x[*n_out - 1]) return bad(c, "the integers do not rise");
        x[*n_out] = v;
        s += comma != NULL;
    }
    return true;
}

/* symmetric I,J,...: two or more positions */
static bool read_symmetric(struct cursor *c, struct certificate *x) {
    if (!take(c, "symmetric")) return !c->f->set;
    x->symmetric_line = c->line;
    return read_rising(c, c->s, c->n, 2, &x->symmetric, &x->n_symmetric);
}

/* exchangeable I,J,... A,B,...: positions, two or more tokens; one line a class */
static bool read_classes(struct cursor *c, struct certificate *x) {
    size_t room = 0;
    while (take(c, "exchangeable")) {
        if (x->n_classes == room) {
            struct token_class *old = x->classes;
            room = 2 * room + 16;
            x->classes = arena_get(c->a, room, sizeof *old);
            if (old != NULL) memcpy(x->classes, old, x->n_classes * sizeof *old);
        }
        struct token_class *k = &x->classes[x->n_classes++];
        const char *space = memchr(c->s, ' ', c->n);
        k->line = c->line;
        if (space == NULL) return bad(c, "positions and tokens expected");
        size_t before = (size_t)(space - c->s);
        if (!read_rising(c, c->s, before, 1, &k->at, &k->n_at) || !read_rising(c, space + 1, c->n - before - 1, 2, &k->token, &k->n)) return false;
    }
    return !c->f->set;
}

static bool read_all(struct cursor *c, const char *text, struct certificate *x) {
    static const char *const answers[] = {"yes", "no"};
    int word;
    if (!exactly(c, "weightproof-certificate 1") || !exactly(c, "statement")) return false;
    while (take(c, "|")) {
        buffer_add(&x->statement, c->s, c->n);
        buffer_puts(&x->statement, "\n");
    }
    if (x->statement.n == 0) return fail_at(c->f, c->line + 1, "no statement");
    if (!read_word(c, "verdict", verdict_names, 4, &word)) return false;
    x->verdict = (enum verdict)word;
    x->verdict_line = c->line;
    if (!read_numbers(c, x)) return false;
    if ((size_t)(c->end - c->at) > 9 && memcmp(c->at, "complete ", 9) == 0) {
        if (!read_word(c, "complete", answers, 2, &word)) return false;
        x->complete = word == 0;
        x->complete_line = c->line;
    }
    if (!read_word(c, "rule", rule_names, RULES, &word)) return false;
    x->rule = (enum rule)word;
    x->rule_line = c->line;
    if (x->rule == RULE_QUADRATIC) read_lines(c, "case", &x->arena, &x->cases, &x->n_cases);
    if (x->rule == RULE_CELLS) read_lines(c, "cell", &x->arena, &x->cases, &x->n_cases);
    if (x->rule == RULE_FARKAS) read_lines(c, "step", &x->arena, &x->steps, &x->n_steps);
    if (x->rule == RULE_POLYNOMIAL) read_lines(c, "sum", &x->arena, &x->sums, &x->n_sums);
    if (x->rule == RULE_POLYNOMIAL) read_lines(c, "cone", &x->arena, &x->cones, &x->n_cones);
    if (x->rule == RULE_COUNT) read_lines(c, "part", &x->arena, &x->count.parts, &x->count.n_parts);
    if (x->rule == RULE_COUNT && !read_count_rule(c, &x->count)) return false;
    if (x->rule == RULE_ENUMERATE && !(read_symmetric(c, x) && read_classes(c, x))) return false;
    if (x->rule == RULE_POINT || x->rule == RULE_ENUMERATE) read_lines(c, "radius", &x->arena, &x->radii, &x->n_radii);
    if (x->rule == RULE_POINT || x->rule == RULE_ENUMERATE) read_lines(c, "changes", &x->arena, &x->changes, &x->n_changes);
    if (!read_source(c, x) || !exactly(c, "end")) return false;
    char hex[65], *sealed;
    sha256_hex(hex, text, (size_t)(c->at - text));
    if (!take(c, "sha256") || !field(c, &sealed) || !line_end(c)) return bad(c, "line 'sha256' expected");
    if (strcmp(hex, sealed) != 0) return bad(c, "the hash does not match the text before it");
    return c->at == c->end ? true : bad(c, "bytes after the end");
}

bool certificate_read(struct certificate *out, const char *text, size_t n, struct fail *f) {
    *out = (struct certificate){0};
    for (int i = 0; i < 2; i++) {
        mpz_inits(out->number[i], out->total[i], NULL);
        mpq_init(out->value[i]);
    }
    sha256_hex(out->sha256, text, n);
    struct cursor c = {.at = text, .end = text + n, .a = &out->arena, .f = f};
    if (read_all(&c, text, out)) return true;
    certificate_clear(out);
    return false;
}

void certificate_clear(struct certificate *c) {
    for (int i = 0; i < 2; i++) {
        mpz_clears(c->number[i], c->total[i], NULL);
        mpq_clear(c->value[i]);
    }
    buffer_clear(&c->statement);
    arena_free(&c->arena);
}

/* ---- bindings ---- */

static bool read_value(struct arena *a, const char *s, size_t n, struct var *v) {
    size_t commas = 0;
    for (size_t i = 0; i < n; i++) commas += s[i] == ',';
    *v = (struct var){.set = true, .seq = commas > 0};
    if (commas == 1 && s[n - 1] == ',') n--; /* a sequence of one token */
    int64_t *t = arena_get(a, commas + 1, sizeof *t);
    const char *end = s + n;
    for (;;) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        const char *stop = comma != NULL ? comma : end;
        if (!is_integer(s, (size_t)(stop - s), true) || stop - s > 18) return false;
        bool minus = *s == '-';
        int64_t x = 0;
        for (const char *p = s + minus; p < stop; p++) x = 10 * x + (*p - '0');
        t[v->n++] = minus ? -x : x;
        if (comma == NULL) break;
        s = comma + 1;
    }
    v->v = t[0];
    v->s = t;
    return true;
}

bool binding_set(struct eval *e, struct arena *a, const struct binding *b, const struct binds *binds, struct fail *f) {
    if (binds->n == 0) return b->n == 1 && b->s[0] == '-' ? true : fail_at(f, b->line, "'-' expected: there are no variables");
    const char *s = b->s, *end = b->s + b->n;
    for (int i = 0; i < binds->n; i++) {
        const struct bind *x = &binds->b[i];
        size_t name = strlen(x->name);
        const char *space = memchr(s, ' ', (size_t)(end - s));
        const char *stop = space != NULL ? space : end;
        if ((space != NULL) != (i + 1 < binds->n) || (size_t)(stop - s) < name + 2 || memcmp(s, x->name, name) != 0 || s[name] != '=')
            return fail_at(f, b->line, "a value of %.60s was expected", x->name);
        struct var v;
        if (!read_value(a, s + name + 1, (size_t)(stop - s) - name - 1, &v)) return fail_at(f, b->line, "not a value of %.60s", x->name);
        e->fail.set = false;
        e->p = precision[PRECISIONS - 1];
        enum tri in = eval_member(e, x->set, &v);
        eval_reset(e);
        if (in != YES) return fail_at(f, b->line, "the value of %.60s is not in its set", x->name);
        e->env[x->slot] = v;
        s = stop + 1;
    }
    return true;
}

void binding_unset(struct eval *e, const struct binds *binds) {
    for (int i = 0; i < binds->n; i++) e->env[binds->b[i].slot].set = false;
}
