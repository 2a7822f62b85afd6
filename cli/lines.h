/* lines: what verify prints to standard output: one line a claim, one summary line. */
#ifndef WEIGHTPROOF_CLI_LINES_H
#define WEIGHTPROOF_CLI_LINES_H
#include "core/text.h"
#include "proofs/result.h"
void line_result(struct text *out, const struct result *r, bool expect);
void line_summary(struct text *out, const struct run_record *r);
#endif
