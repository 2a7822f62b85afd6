/* status: did it run. What is known (true, false, unsettled; a verdict) is never a status. */
#ifndef WEIGHTPROOF_CORE_STATUS_H
#define WEIGHTPROOF_CORE_STATUS_H

/* code, name, exit status of the program when it ends because of it */
#define STATUS_TABLE(X)                                                     \
    X(STATUS_OK, "ok", 0)                                                   \
    X(STATUS_INPUT, "bad input", 3)      /* a file, claim or option is wrong; a diagnostic says how */ \
    X(STATUS_IO, "cannot read or write", 3)                                 \
    X(STATUS_MEMORY, "out of memory", 4)                                    \
    X(STATUS_LIMIT, "resource limit", 4) /* size caps, precision caps */     \
    X(STATUS_TIMEOUT, "time is up", 2)   /* deadline or interrupt */         \
    X(STATUS_UNSUPPORTED, "not supported", 2) /* well-formed, but nothing here decides it; a diagnostic says what */ \
    X(STATUS_INTERNAL, "internal error", 4)

enum status {
#define X(code, name, exit_code) code,
    STATUS_TABLE(X)
#undef X
};

#define MUST_USE __attribute__((warn_unused_result))

const char *status_name(enum status s);
int status_exit(enum status s);

#endif
