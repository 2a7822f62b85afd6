#include <stdio.h>
#include "cli/command.h"

int command_help(const struct arguments *a) {
    if (a->n_positional == 0) {
        program_help();
        return 0;
    }
    const struct command *c = command_find(a->positional[0]);
    if (c) {
        command_usage(c);
        return 0;
    }
    return command_unknown(a->positional[0]);
}
