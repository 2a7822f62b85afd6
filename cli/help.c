/* help: the command list, the options of a command, the completion script. All from the tables. */
#include <stdio.h>
#include "cli/command.h"

static void print_completion(void) {
    printf("# weightproof: completion for bash; source it, or put it into bash-completion's folder\n"
           "_weightproof() {\n    local word=${COMP_WORDS[COMP_CWORD]} words=\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < n_commands; i++) {
        printf("    %s) words=\"", command_table[i].name);
        for (size_t o = 0, n = 0; o < OPTION_COUNT; o++)
            if (command_table[i].options >> o & 1) printf("%s--%s", n++ ? " " : "", option_table[o].name);
        printf("\" ;;\n");
    }
    printf("    esac\n    if [ \"$COMP_CWORD\" = 1 ]; then words=\"");
    for (size_t i = 0; i < n_commands; i++) printf("%s%s", i ? " " : "", command_table[i].name);
    printf("\"; fi\n    case $word in\n    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
           "    *) if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$word\")); else COMPREPLY=($(compgen -f -- \"$word\")); fi ;;\n"
           "    esac\n}\ncomplete -F _weightproof weightproof\n");
}

int command_help(const struct arguments *a) {
    if (argument_given(a, OPTION_COMPLETION)) {
        print_completion();
        return 0;
    }
    if (a->n_positional == 0) {
        program_help();
        return 0;
    }
    const struct command *c = command_find(a->positional[0]);
    if (!c) return command_unknown(a->positional[0]);
    command_usage(c);
    return 0;
}
