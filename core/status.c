#include "core/status.h"

#include <stddef.h>

static const struct { const char *name; int exit_code; } status_rows[] = {
#define X(code, name, exit_code) [code] = { name, exit_code },
    STATUS_TABLE(X)
#undef X
};

static size_t status_index(enum status s)
{
    size_t i = (size_t)s;
    return i < sizeof status_rows / sizeof *status_rows ? i : (size_t)STATUS_INTERNAL;
}

const char *status_name(enum status s) { return status_rows[status_index(s)].name; }

int status_exit(enum status s) { return status_rows[status_index(s)].exit_code; }
