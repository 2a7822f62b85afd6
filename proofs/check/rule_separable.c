#include "certificate.h"
bool rule_separable(struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, bool need_all, struct tally *t, struct fail *f) {
    (void)e; (void)b; (void)where; (void)predicate; (void)need_all; (void)t;
    return fail_at(f, 0, "rule separable does not take this claim");
}
