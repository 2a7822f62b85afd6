/* command: the command table and the arguments of one call. A command returns the exit status of the program; it prints results to
 * standard output and diagnostics to standard error. Arguments point into argv. */
#ifndef WEIGHTPROOF_CLI_COMMAND_H
#define WEIGHTPROOF_CLI_COMMAND_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/diag.h"
#include "models/model.h"

enum option {
#define OPTION(code, ...) OPTION_##code,
#include "cli/options.def"
#undef OPTION
    OPTION_COUNT
};
struct option_info { const char *name; char letter; const char *argument; bool repeat; const char *meaning; };
extern const struct option_info option_table[OPTION_COUNT];

struct command;
struct arguments {
    const struct command *command;
    const char **values[OPTION_COUNT]; size_t n_values[OPTION_COUNT]; /* an option without argument: n_values 1, value "" */
    const char **positional; size_t n_positional;
    const char **room;                                                /* owns the arrays above */
};
struct command {
    const char *name, *positional; size_t least, most;
    uint64_t options;                                                 /* bit o: takes option o; help is always taken */
    const char *summary;
    int (*run)(const struct arguments *a);
};
#define COMMAND(function, ...) int command_##function(const struct arguments *a);
#include "cli/commands.def"
#undef COMMAND
extern const struct command command_table[]; extern const size_t n_commands;
const struct command *command_find(const char *name);
const char *command_suggest(const char *wrong);

/* STATUS_INPUT with a message for an unknown option, a missing or unasked argument, an option given twice, too few or many files. */
enum status arguments_parse(struct arguments *out, const struct command *c, int argc, char **argv, struct diag *d) MUST_USE;
void arguments_clear(struct arguments *a);
bool argument_given(const struct arguments *a, enum option o);
const char *argument_value(const struct arguments *a, enum option o);          /* NULL when not given */
/* A number in [lo, hi]; *out stays when the option is not given. */
enum status argument_number(double *out, const struct arguments *a, enum option o, double lo, double hi, struct diag *d) MUST_USE;
enum status argument_count(unsigned long *out, const struct arguments *a, enum option o, unsigned long lo, unsigned long hi, struct diag *d) MUST_USE;
/* KEY=VALUE options as settings. *out is malloc'd (one block with its strings), freed by free(). */
enum status argument_settings(struct setting **out, size_t *n, const struct arguments *a, enum option o, struct diag *d) MUST_USE;

void command_usage(const struct command *c);                                   /* to standard output */
int command_unknown(const char *name);                                         /* message with a suggestion; the exit status */
void program_help(void);
/* Prints the diagnostics and gives the exit status. */
int command_fail(enum status s, const struct diag *d);
/* What a file is by its first bytes; FILE_OTHER too when it cannot be read. */
enum file_kind { FILE_OTHER, FILE_CLAIMS, FILE_MODEL, FILE_ARRAY };
enum file_kind command_file_kind(const char *path);
/* The MODEL of a command with its --config and --set. */
enum status command_model(struct model *out, const struct arguments *a, const char *path, struct diag *d) MUST_USE;
/* Likewise, but of files over 16 MB only the shapes: model_options.shapes_above. */
enum status command_shapes(struct model *out, const struct arguments *a, const char *path, struct diag *d) MUST_USE;
/* Writes to the path, or to standard output for "-" or NULL. */
enum status command_write(const char *path, const char *data, size_t size, struct diag *d) MUST_USE;
/* "3,1,4,1" as tokens in 0..limit-1 (limit 0: any int); *out malloc'd. */
enum status tokens_parse(int **out, size_t *n, const char *s, size_t limit, struct diag *d) MUST_USE;
#endif
