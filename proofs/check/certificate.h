/* certificate: strict reader of FORMAT.md §1. */
#ifndef CHECK_CERTIFICATE_H
#define CHECK_CERTIFICATE_H
#include "eval.h"

enum verdict { PROVED, REFUTED, BOUNDED, VACUOUS };
enum rule { RULE_POINT, RULE_ENUMERATE, RULE_SEPARABLE, RULE_COUNT, RULE_QUADRATIC, RULE_FARKAS, RULE_CELLS, RULE_POLYNOMIAL, RULES };
extern const char *const verdict_names[4], *const rule_names[RULES];

/* parameters of rule count */
struct binding;
struct count_rule { uint32_t bins; unsigned __int128 enter; struct binding *parts; size_t n_parts; /* what follows the word `part` */ };

/* A binding as text; its values are read against the binders it is for. line 0: absent. */
struct binding { int line; const char *s; size_t n; };
struct source_tensor { int line; char *name, *offset, *dtype, *shape, *strides; };
struct source { int line; char *model, *file_sha256, *config_sha256; struct source_tensor *t; size_t n; };

/* line `exchangeable`: tokens that are one class at some positions; both rise */
struct token_class { int line; uint32_t *at, n_at, *token, n; };

struct certificate {
    struct arena arena;
    struct buffer statement;
    enum verdict verdict; int verdict_line;
    mpz_t number[2], total[2]; int number_line, total_line;
    mpq_t value[2]; int value_line;
    struct binding attains, witness, counterexample, *items; size_t n_items;
    int complete_line; bool complete;
    enum rule rule; int rule_line;
    struct binding *steps; size_t n_steps; /* rule farkas: what follows the word `step` */
    struct binding *cases; size_t n_cases; /* rules quadratic and cells: what follows the word `case`, `cell` */
    struct binding *sums; size_t n_sums;   /* rule polynomial: what follows the word `sum` */
    struct binding *cones; size_t n_cones; /* rule polynomial: what follows the word `cone` */
    struct count_rule count;
    struct binding *radii; size_t n_radii; /* rules point and enumerate: what follows the word `radius` */
    struct binding *changes; size_t n_changes; /* likewise, the word `changes` */
    uint32_t *symmetric, n_symmetric; int symmetric_line; /* rule enumerate: positions; line 0: none */
    struct token_class *classes; size_t n_classes;
    struct source *sources; size_t n_sources;
    char sha256[65];
};
bool rational_read(mpq_t out, const char *s, size_t n); /* a canonical number: integer, or p/q in lowest terms with q > 1 */
bool rationals_read(const char *s, size_t size, char by, mpq_t *out, size_t n); /* exactly n of them, separated by that character */
bool certificate_read(struct certificate *out, const char *text, size_t n, struct fail *f);
void certificate_clear(struct certificate *c);

/* Sets the variables of binds in e->env from the text; every value must be in its set. The memory is the arena's. */
bool binding_set(struct eval *e, struct arena *a, const struct binding *b, const struct binds *binds, struct fail *f);
void binding_unset(struct eval *e, const struct binds *binds);

/* judge.c: FORMAT.md §2. bindings: number of bindings met, or -1 when the rule needs only some. */
bool judge(const struct certificate *c, struct eval *e, mpz_t bindings, struct fail *f);

/* What a rule found over all bindings. where: condition true; yes: condition and predicate true; open: that, unsettled.
 * all: the predicate is true wherever the condition is not false. */
struct tally { mpz_t bindings, where, where_open, yes, open; bool all; };
void tally_init(struct tally *t);
void tally_clear(struct tally *t);
/* need_all: may stop as soon as all is false. predicate may be NULL (true). */
/* symmetry: of the lines `symmetric` and `exchangeable`, or NULL (symmetric.h) */
struct symmetry;
bool rule_enumerate(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, const struct symmetry *symmetry, bool need_all, struct tally *t, struct fail *f);
bool rule_average(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *value, const struct symmetry *symmetry, const mpq_t lo, const mpq_t hi, mpz_t bindings, struct fail *f);
/* count: rule count; leaves: rule cells; none of them: rule separable. average: predicate is a value, whose sum over the bindings is added there. */
struct leaves;
struct average;
struct way { const struct count_rule *count; struct leaves *leaves; struct average *average; };
bool rule_separable(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, struct way way, struct tally *t, struct fail *f);

/* rule_cells.c: like rule_separable, with the lines `cell` of the certificate */
bool rule_cells(const struct certificate *c, struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, struct tally *t, struct fail *f);

/* farkas_verdict.c: whole verdicts over a box. Of an optimum: the claim that every value is within the certified end, and that the value at `attains` is. */
bool farkas_prove(const struct certificate *c, struct eval *e, struct fail *f);
bool farkas_optimum(const struct certificate *c, struct eval *e, const struct ex *bound, const struct ex *attained, struct fail *f);

/* rule_polynomial.c: the whole verdict. */
bool rule_polynomial(const struct certificate *c, struct eval *e, struct fail *f);

/* rule_quadratic.c. tally as above; failed: a binding whose condition is true has a point at which the predicate is false. */
bool rule_quadratic(const struct certificate *c, struct eval *e, struct tally *t, bool *failed, struct fail *f);
/* The binding of a `forall` whose last variable is in a ball: values in their sets, condition true; and, for a counterexample, the predicate false. */
bool quadratic_point(const struct certificate *c, struct eval *e, const struct binding *b, bool counterexample, struct fail *f);

/* radius.c: tests every line `radius` and keeps what they say in e->radii (radii_clear). */
bool radii_check(const struct certificate *c, struct eval *e, struct fail *f);
void radii_clear(struct eval *e);
/* changes.c: tests every line `changes`. */
bool changes_check(const struct certificate *c, struct eval *e, struct fail *f);

/* prove.c: a `prove` line over number, total, fraction or value, each known by rational ends */
struct span { mpq_t lo, hi; };
bool prove_line(const struct ex *x, const struct span results[4], enum tri *out, struct fail *f);

/* source.c */
bool source_structure(const struct certificate *c, const struct stmt *s, struct fail *f);
bool source_check(const struct certificate *c, const struct stmt *s, const char *file, size_t n, const char *sha256, bool *bound, bool *named, bool *compared, struct fail *f);
#endif
