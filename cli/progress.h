/* progress: one line on standard error, only on a terminal, rewritten a few times a second. Called from any one thread at a time. */
#ifndef WEIGHTPROOF_CLI_PROGRESS_H
#define WEIGHTPROOF_CLI_PROGRESS_H
#include <stdbool.h>
struct progress { bool shown, on; const char *claim; double start, last; };
void progress_init(struct progress *p, bool quiet);
void progress_claim(struct progress *p, const char *claim);
void progress_report(void *context, const char *what, double done, const char *more); /* for struct limits */
void progress_clear(struct progress *p);  /* wipes the line, before something is printed */
#endif
