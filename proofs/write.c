#include "proofs/write.h"
#include <math.h>
#include <mpfr.h>
#include <stdio.h>
#include <string.h>
#include "proofs/interval.h"

void write_decimal(struct text *out, const mpq_t q, int digits, enum direction way) {
    char room[64];
    mpfr_t x;
    if (mpz_cmp_ui(mpq_denref(q), 1) == 0 && mpz_sizeinbase(mpq_numref(q), 10) <= (size_t)digits) {
        mpz_get_str(room, 10, mpq_numref(q));
        text_add(out, room);
        return;
    }
    mpfr_init2(x, 256);
    mpfr_set_q(x, q, way == ROUND_DOWN ? MPFR_RNDD : MPFR_RNDU);
    int n = mpfr_snprintf(room, sizeof room, way == ROUND_DOWN ? "%.*RDg" : "%.*RUg", digits, x);
    text_add(out, n > 0 && n < (int)sizeof room ? room : "nan");
    mpfr_clear(x);
}

void write_double(struct text *out, const mpq_t q, enum direction way) {
    mpfr_t x;
    mpfr_init2(x, 53);
    mpfr_set_q(x, q, way == ROUND_DOWN ? MPFR_RNDD : MPFR_RNDU);
    double v = mpfr_get_d(x, way == ROUND_DOWN ? MPFR_RNDD : MPFR_RNDU);
    mpfr_clear(x);
    if (isinf(v)) {
        text_add(out, "null");
        return;
    }
    char room[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(room, sizeof room, "%.*g", digits, v);
        if (strtod(room, NULL) == v) break;
    }
    text_add(out, room);
}

/* Length of the UTF-8 character at s, 0 if it is none. */
static size_t utf8_length(const unsigned char *s) {
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
    return n;
}

void write_json_string(struct text *out, const char *s) {
    if (!s) {
        text_add(out, "null");
        return;
    }
    text_add(out, "\"");
    while (*s) {
        size_t n = utf8_length((const unsigned char *)s);
        if (n == 0) text_add(out, "\\ufffd");
        else if (n > 1) text_add_n(out, s, n);
        else if (*s == '"' || *s == '\\') text_addf(out, "\\%c", *s);
        else if (*s == '\n') text_add(out, "\\n");
        else if ((unsigned char)*s < 0x20 || *s == 0x7f) text_addf(out, "\\u%04x", (unsigned)*s);
        else text_add_n(out, s, 1);
        s += n ? n : 1;
    }
    text_add(out, "\"");
}

void write_integer(struct text *out, const mpz_t z) {
    mpq_t q;
    mpq_init(q);
    mpq_set_z(q, z);
    number_add_text(out, q);
    mpq_clear(q);
}

void write_orbits(struct text *out, const struct outcome *o, const char *after) {
    if (!o->orbits) return;
    text_addf(out, "%llu orbits for ", (unsigned long long)o->orbits);
    write_integer(out, o->cases);
    text_addf(out, " bindings%s", after);
}

void write_json_mpz(struct text *out, const mpz_t z) {
    text_add(out, "\"");
    write_integer(out, z);
    text_add(out, "\"");
}

/* A real vector as an array of exact numbers in text. */
static void write_json_vector(struct text *out, const char *vector) {
    text_add(out, "[");
    for (const char *p = vector; *p;) {
        size_t n = strcspn(p, ",");
        text_add(out, p == vector ? "\"" : ", \"");
        text_add_n(out, p, n);
        text_add(out, "\"");
        p += n + (p[n] == ',');
    }
    text_add(out, "]");
}

void write_json_binding(struct text *out, const struct binding *b) {
    text_add(out, "{");
    for (size_t i = 0; i < b->n_parts; i++) {
        text_addf(out, "%s\"%s\": ", i ? ", " : "", b->parts[i].name);
        if (b->parts[i].vector) {
            write_json_vector(out, b->parts[i].vector);
            continue;
        }
        if (!b->parts[i].is_int) text_add(out, "[");
        for (size_t k = 0; k < b->parts[i].n; k++) text_addf(out, "%s%d", k ? ", " : "", b->parts[i].tokens[k]);
        if (!b->parts[i].is_int) text_add(out, "]");
    }
    text_add(out, "}");
}

/* q times 10^n is an integer for the least n there is, if any up to 40. */
void write_short(struct text *out, const mpq_t q) {
    mpq_t x;
    mpz_t whole;
    int places = 0;
    mpq_init(x);
    mpz_init(whole);
    mpq_set(x, q);
    for (; mpz_cmp_ui(mpq_denref(x), 1) != 0 && places <= 40; places++) {
        mpz_mul_ui(mpq_numref(x), mpq_numref(x), 10);
        mpq_canonicalize(x);
    }
    if (places > 40 || mpz_sizeinbase(mpq_numref(x), 10) > 40) number_add_text(out, q);
    else {
        char digits[64];
        mpz_abs(whole, mpq_numref(x));
        mpz_get_str(digits, 10, whole);
        size_t n = strlen(digits), before = n > (size_t)places ? n - (size_t)places : 0;
        text_addf(out, "%s%.*s%s", mpq_sgn(q) < 0 ? "-" : "", before ? (int)before : 1, before ? digits : "0", places ? "." : "");
        for (size_t i = n; places && i < (size_t)places; i++) text_add(out, "0");
        text_add(out, digits + before);
    }
    mpz_clear(whole);
    mpq_clear(x);
}

void interval_init(struct interval *x) {
    mpq_inits(x->lo, x->hi, NULL);
    x->has_lo = x->has_hi = false;
}

void interval_clear(struct interval *x) { mpq_clears(x->lo, x->hi, NULL); }

void result_interval(struct interval *x, const struct result *r) {
    const struct outcome *o = &r->outcome;
    enum body body = r->statement->body;
    x->has_lo = x->has_hi = false;
    if (r->answer && r->answer->opening->constant) {   /* the two values of a constant left open */
        const struct answer *a = r->answer;
        bool rising = mpq_cmp(a->holds, a->fails) < 0;
        x->has_lo = x->has_hi = a->has_holds && a->has_fails;
        mpq_set(x->lo, rising ? a->holds : a->fails);
        mpq_set(x->hi, rising ? a->fails : a->holds);
        return;
    }
    if (o->proposal == PROPOSAL_VACUOUS || body == BODY_LIST) return;
    if (body == BODY_COUNT) {
        if (o->proposal != PROPOSAL_INTERVAL || mpz_sgn(o->total_lo) <= 0) return;
        outcome_fraction(x->lo, x->hi, o);
        x->has_lo = x->has_hi = true;
        return;
    }
    x->has_lo = o->has_value || o->has_lo;
    x->has_hi = o->has_value || o->has_hi;
    mpq_set(x->lo, o->lo);
    mpq_set(x->hi, o->hi);
}
