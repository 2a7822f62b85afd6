/* child: runs one program with its output captured and its memory and time bounded. */
#ifndef WEIGHTPROOF_CORE_CHILD_H
#define WEIGHTPROOF_CORE_CHILD_H
#include <stdbool.h>
#include "core/text.h"

struct child_limits { double seconds; size_t memory; volatile int *stop; }; /* memory: bytes of address space, 0: not bounded; stop may be NULL */
enum child_end { CHILD_EXITED, CHILD_SIGNALLED, CHILD_TIMED_OUT, CHILD_INTERRUPTED, CHILD_TALKED_TOO_MUCH, CHILD_MISSING };
struct child { enum child_end end; int number; /* exit status or signal */ struct text output, errors; };
#define CHILD_OUTPUT_MAX ((size_t)1 << 20) /* of each stream */

/* argv[0] is the path. The child dies with this process. STATUS_OK: out says how it ended. */
enum status child_run(struct child *out, const char *const *argv, const struct child_limits *l, struct diag *d) MUST_USE;
/* Told every tenth of a second or so how long the child has run. */
struct child_watch { void (*waiting)(void *context, double seconds); void *context; };
enum status child_watched(struct child *out, const char *const *argv, const struct child_limits *l, const struct child_watch *watch /* or NULL */, struct diag *d) MUST_USE;
void child_clear(struct child *c);
#endif
