/* solver: Z3 at arm's length. Its program is run as a child on a document; nothing of it is linked. Found by the variable WEIGHTPROOF_Z3, or as z3 on the PATH. */
#ifndef WEIGHTPROOF_VERIFY_SMT_SOLVER_H
#define WEIGHTPROOF_VERIFY_SMT_SOLVER_H
#include "verify/engine.h"

enum solver_word { SOLVER_UNKNOWN, SOLVER_SAT, SOLVER_UNSAT };
/* values: what stands after the word, of (get-value ...); reason: why it does not know. */
struct solver_answer { enum solver_word word; char *values, *reason; };
/* The version, as "5.4.1"; NULL: there is none that will do, and why says so. Asked once. */
const char *solver_version(struct text *why);
/* STATUS_TIMEOUT when the deadline comes first. */
enum status solver_ask(struct solver_answer *out, const char *document, const struct limits *l, struct diag *d) MUST_USE;
void solver_answer_clear(struct solver_answer *a);
#endif
