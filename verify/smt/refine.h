/* refine: lemmas for a document, found by asking Z3: at the arguments that enclosed functions have in its models, further points (smooth_lemma). */
#ifndef WEIGHTPROOF_VERIFY_SMT_REFINE_H
#define WEIGHTPROOF_VERIFY_SMT_REFINE_H
#include "verify/smt/smt.h"
#include "verify/smt/solver.h"

/* After smt_write. At most `rounds` models; ends when there is none, or none that asks for a lemma. What was found stands in the document, printed anew; said: in words, for a reader.
 * STATUS_UNSUPPORTED: there is no Z3 that will do. */
enum status smt_refine(struct smt_document *out, struct text *said, struct smt *m, size_t rounds, const struct limits *l) MUST_USE;
#endif
