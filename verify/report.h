/* report: messages about a claim file. Each place and text is said once, however many statements a claim gives.
 * Borrows everything; nothing to release. */
#ifndef WEIGHTPROOF_VERIFY_REPORT_H
#define WEIGHTPROOF_VERIFY_REPORT_H
#include "core/diag.h"
#include "verify/ast.h"

struct report { struct diag *diag; const char *file, *text; size_t text_size; enum status status; /* STATUS_OK until something is wrong */ };
/* label and help may be NULL. */
void report_at(struct report *r, struct place at, const char *label, const char *help, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void report_memory(struct report *r);
#endif
