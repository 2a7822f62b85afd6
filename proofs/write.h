/* write: small pieces of text that the lines, the JSON, the bundle and the report share. */
#ifndef WEIGHTPROOF_PROOFS_WRITE_H
#define WEIGHTPROOF_PROOFS_WRITE_H
#include <gmp.h>
#include "core/text.h"
#include "proofs/result.h"

enum direction { ROUND_DOWN, ROUND_UP };
/* Decimal with that many significant digits, rounded in the direction; an integer that fits is written exactly. */
void write_decimal(struct text *out, const mpq_t q, int digits, enum direction way);
void write_integer(struct text *out, const mpz_t z);
/* A decimal when the number is one of at most 40 digits, else p/q. */
void write_short(struct text *out, const mpq_t q);
/* Shortest text of a double that is not above (not below) q, which reads back as that double; null when there is none but an infinity. */
void write_double(struct text *out, const mpq_t q, enum direction way);
/* JSON string with its quotes; NULL is null. Bytes that are no UTF-8 become U+FFFD. */
void write_json_string(struct text *out, const char *s);
void write_json_mpz(struct text *out, const mpz_t z);       /* as a string */
void write_json_binding(struct text *out, const struct binding *b); /* {"t": [3, 1], "a": 2} */
/* The interval that a result reports: the fraction of a count, the value, the slack of a prove. An end that is not known has no value:
 * an unfinished search knows one end at most. Certified when the verdict has evidence, except that a slack is the prover's own. */
struct interval { mpq_t lo, hi; bool has_lo, has_hi; };
void interval_init(struct interval *x);
void interval_clear(struct interval *x);
void result_interval(struct interval *x, const struct result *r);
/* The result in words, the same for the lines and the report: what was found, or why not. */
void write_result(struct text *out, const struct result *r);
/* "N orbits for M bindings", and what is to stand behind it; nothing where each binding was evaluated for itself. */
void write_orbits(struct text *out, const struct outcome *o, const char *after);

/* What `info` says about a model. */
/* all_ranks: ranks of matrices of any size (slow). */
void write_info(struct text *out, const struct model *m, bool all_ranks);
/* info_forms.c: of a network with small bilinear outputs, the share of the interaction tensor (squares of its entries) that is antisymmetric. false: there is none. */
bool invisible_share(double *share, const struct net *net);
void write_info_json(struct text *out, const struct model *m, bool all_ranks);
#endif
