/* weightproof: the program. Reading order: commands.def, options.def, command.h, then one file per command. */
#include <stdio.h>
#include <string.h>
#include "cli/command.h"

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "error: no command; 'weightproof help' lists them\n");
        return status_exit(STATUS_INPUT);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        program_help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("weightproof %s\n", WEIGHTPROOF_VERSION);
        return 0;
    }
    const struct command *c = command_find(argv[1]);
    if (!c) return command_unknown(argv[1]);
    struct arguments a;
    struct diag d;
    diag_init(&d);
    enum status s = arguments_parse(&a, c, argc - 2, argv + 2, &d);
    int code = 0;
    if (s != STATUS_OK) code = command_fail(s, &d);
    else if (argument_given(&a, OPTION_HELP)) command_usage(c);
    else code = c->run(&a);
    arguments_clear(&a);
    diag_clear(&d);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "error: cannot write to standard output\n");
        return code > 3 ? code : status_exit(STATUS_IO);
    }
    return code;
}
