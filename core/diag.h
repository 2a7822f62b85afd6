/* diag: messages with a place. A function that returns STATUS_INPUT, STATUS_IO or STATUS_UNSUPPORTED has added at
 * least one message to the diag it was given. The diag owns copies of everything. */
#ifndef WEIGHTPROOF_CORE_DIAG_H
#define WEIGHTPROOF_CORE_DIAG_H
#include <stddef.h>
#include <stdio.h>
#include "core/status.h"

struct diag_message {
    char *file;   /* as the user named it, or NULL */
    size_t line, column, length; /* 1-based; line 0: no source position; column in bytes, printed with tabs kept */
    char *text;   /* lower case, no full stop, what is wrong first */
    char *label;  /* what stands beside the caret, or NULL */
    char *help;   /* "help: ..." line, or NULL */
    char *source; /* the source line, or NULL */
};
struct diag { struct diag_message *messages; size_t n; size_t dropped; /* beyond DIAG_MAX */ };
#define DIAG_MAX 20

void diag_init(struct diag *d);
void diag_clear(struct diag *d);
/* Plain message without a position ("cannot read 'x.pt': offset 312: ..."). Returns s, so that
 * `return diag_fail(d, STATUS_INPUT, ...)` reads well. Never fails: without memory the message is dropped and counted. */
enum status diag_fail(struct diag *d, enum status s, const char *format, ...) __attribute__((format(printf, 3, 4))) MUST_USE;
/* Message at a place of a source text (text may be NULL). label, help may be NULL. */
struct diag_place { const char *file; const char *text; size_t text_size; size_t offset, length; };
enum status diag_at(struct diag *d, enum status s, struct diag_place where, const char *label, const char *help,
                    const char *format, ...) __attribute__((format(printf, 6, 7))) MUST_USE;
/* Moves every message of `from` behind those of `to`, with what they know of their place, and PREFIX before the text. */
void diag_move(struct diag *to, struct diag *from, const char *prefix);
/* "text (line 4:57, label)" of one message, on one line; what is not known is left out. */
struct text;
void diag_line(struct text *out, const struct diag_message *m);
/* Prints all messages in the form of docs/claims.md (error: ..., --> file:line:column, source line, caret). */
void diag_print(const struct diag *d, FILE *out);

#endif
