/* How a problem is made (separable_problem.c): what its parts share. */
#ifndef WEIGHTPROOF_VERIFY_SEPARABLE_BUILD_H
#define WEIGHTPROOF_VERIFY_SEPARABLE_BUILD_H
#include "core/hash.h"
#include "verify/lines.h"
#include "verify/separable.h"

struct builder {
    struct problem *p; const struct expr *where, *subject; struct problem_options o; struct text *why;
    struct features f; struct scanner scan;
    int *group_of, *class_of_group; size_t n_groups; size_t *first_of_group;
    char (*keys)[SHA256_HEX]; size_t room_keys, room_classes;
};

/* separable_classes.c: final states of the scan with the same lines are a class. The class of a decision, which becomes one if there is none; `d` is taken. */
enum status find_class(int *out, struct builder *b, struct decision *d) MUST_USE;
enum status value_of(struct decision *d, struct linear *l, const struct builder *b) MUST_USE;
enum status norm_lines(struct decision *d, const struct builder *b) MUST_USE;
enum status exact_classes(struct builder *b) MUST_USE;

/* separable_problem.c. whole: expressions without networks are features as they are, not their parts. */
enum status read_features(struct builder *b, struct interp *in, bool guarded, bool whole) MUST_USE;
enum status scan_all(struct builder *b) MUST_USE;
void forget_why(struct text *why);

/* separable_relaxing.c: values of one feature with the same lines are a class, whose automaton accepts others too. */
#define RELAXED_FROM 1024      /* states behind a position that are followed one by one, where there is a choice */
bool may_relax(const struct builder *b);
enum status relaxed_feature(struct builder *b) MUST_USE;
enum status relaxed_classes(struct builder *b) MUST_USE;
#endif
