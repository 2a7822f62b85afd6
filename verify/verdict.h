/* verdict: the one place that makes a verdict, and the one that turns verdicts into the exit status. A verdict other than undecided and
 * error is made from what the independent checker said, never from what an engine proposes. */
#ifndef WEIGHTPROOF_VERIFY_VERDICT_H
#define WEIGHTPROOF_VERIFY_VERDICT_H
#include "core/text.h"
#include "verify/statement.h"

/* How the checker's process ended and everything it printed to standard output when told to be quiet. */
struct acceptance { bool exited; int exit_status; const char *output; size_t output_size; };
/* What must have been accepted. verdict: the word that was proposed. */
struct claimed { const char *verdict, *statement_sha256, *certificate_sha256; };

/* The verdict: exited with 0 and printed exactly one line, `accepted VERDICT STATEMENT_SHA256 CERTIFICATE_SHA256`, with exactly these
 * words; else VERDICT_UNDECIDED, and why (may be NULL) says what was wrong. */
enum verdict verdict_make(const struct acceptance *a, const struct claimed *c, struct text *why);

/* Of a constant left open: BOUNDED when the claim was accepted as proved for one value and as refuted for another, and these are at most `within` apart; else UNDECIDED. */
enum verdict verdict_between(enum verdict holds, enum verdict fails, const mpq_t holds_at, const mpq_t fails_at, const mpq_t within);

/* Exit status so far joined with one more, by the precedence 4, 3, 1, 2, 0. */
int exit_join(int so_far, int more);
int verdict_exit(enum verdict v);
/* Inverse of verdict_name; false for an unknown word. */
bool verdict_from_name(enum verdict *out, const char *name);
#endif
