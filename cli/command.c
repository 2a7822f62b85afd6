#include "cli/command.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models/process.h"
#include "core/text.h"
#include "models/data_array.h"

const struct option_info option_table[OPTION_COUNT] = {
#define OPTION(code, name, letter, argument, repeat, meaning) {name, letter, argument, repeat, meaning},
#include "cli/options.def"
#undef OPTION
};

const struct command command_table[] = {
#define O(code) (UINT64_C(1) << OPTION_##code)
#define COMMAND(function, name, positional, least, most, options, summary) \
    {name, positional, least, most, (options) | O(HELP), summary, command_##function},
#include "cli/commands.def"
#undef COMMAND
#undef O
};
const size_t n_commands = sizeof command_table / sizeof command_table[0];

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(command_table[i].name, name) == 0) return &command_table[i];
    return NULL;
}

const char *command_suggest(const char *wrong) {
    const char *names[sizeof command_table / sizeof command_table[0]];
    for (size_t i = 0; i < n_commands; i++) names[i] = command_table[i].name;
    return text_suggest(wrong, names, n_commands);
}

static void print_option(const struct option_info *o) {
    char left[64];
    const char *gap = o->argument ? " " : "", *argument = o->argument ? o->argument : "";
    if (o->letter) snprintf(left, sizeof left, "-%c, --%s%s%s", o->letter, o->name, gap, argument);
    else snprintf(left, sizeof left, "--%s%s%s", o->name, gap, argument);
    printf("  %-26s %s%s\n", left, o->meaning, o->repeat ? " (may be repeated)" : "");
}

void command_usage(const struct command *c) {
    printf("usage: weightproof %s%s%s%s\n\n%s\n\noptions:\n", c->name, c->positional[0] ? " " : "", c->positional,
           c->options ? " [OPTION]..." : "", c->summary);
    for (size_t o = 0; o < OPTION_COUNT; o++)
        if (c->options >> o & 1) print_option(&option_table[o]);
}

void program_help(void) {
    printf("usage: weightproof COMMAND [ARGUMENT]...\n\n"
           "proves or refutes claims about the mechanism inside small transformers\n\ncommands:\n");
    for (size_t i = 0; i < n_commands; i++)
        printf("  %-8s %-12s %s\n", command_table[i].name, command_table[i].positional, command_table[i].summary);
    printf("\nweightproof COMMAND --help lists the options of a command; weightproof --version prints the version\n"
           "exit status of verify: 0 all proved or bounded, 1 one refuted, 2 one undecided or vacuous, 3 bad input, 4 resources\n");
}

int command_unknown(const char *name) {
    const char *near = command_suggest(name);
    if (near) fprintf(stderr, "error: unknown command '%s'; did you mean '%s'?\n", name, near);
    else fprintf(stderr, "error: unknown command '%s'; 'weightproof help' lists them\n", name);
    return status_exit(STATUS_INPUT);
}

int command_fail(enum status s, const struct diag *d) {
    diag_print(d, stderr);
    if (d->n == 0) fprintf(stderr, "error: %s\n", status_name(s));
    return status_exit(s);
}

enum file_kind command_file_kind(const char *path) {
    char head[19] = "";
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head - 1, f) : 0;
    if (f) fclose(f);
    if (strncmp(head, "claims ", 7) == 0) return FILE_CLAIMS;
    if (data_array_is_text(head, n) || (n > 6 && memcmp(head, "\x93NUMPY", 6) == 0)) return FILE_ARRAY;
    bool zip = n > 4 && memcmp(head, "PK\3\4", 4) == 0, pickle = n > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
    bool safetensors = n > 9 && head[7] == '\0' && head[8] == '{', net = strncmp(head, "weightproof-net ", 16) == 0;
    return zip || pickle || safetensors || net ? FILE_MODEL : FILE_OTHER;
}

/* --process STEP, repeated or STEP,STEP. */
static enum status process_steps(unsigned *out, const struct arguments *a, struct diag *d) {
    for (size_t i = 0; i < a->n_values[OPTION_PROCESS]; i++)
        for (const char *at = a->values[OPTION_PROCESS][i]; *at;) {
            size_t n = strcspn(at, ",");
            char name[40];
            (void)snprintf(name, sizeof name, "%.*s", (int)(n < 39 ? n : 39), at);
            if (process_find(name) < 0)
                return diag_fail(d, STATUS_INPUT, "--process '%s': the steps are fold_ln, fold_value_biases, center_writing, center_unembed", name);
            *out |= 1u << process_find(name);
            at += n + (at[n] == ',');
        }
    return STATUS_OK;
}

static enum status load(struct model *out, const struct arguments *a, const char *path, size_t shapes_above, struct diag *d) {
    struct setting *set = NULL;
    struct model_options o = {.shapes_above = shapes_above};
    if (command_file_kind(path) == FILE_CLAIMS)
        return diag_fail(d, STATUS_INPUT, "'%s' is a claim file, %s takes a model file; 'weightproof verify %s' decides it", path, a->command->name, path);
    if (command_file_kind(path) == FILE_ARRAY)
        return diag_fail(d, STATUS_INPUT, "'%s' is a data array, %s takes a model file", path, a->command->name);
    enum status s = argument_settings(&set, &o.n_set, a, OPTION_SET, d);
    if (s == STATUS_OK) s = process_steps(&o.process, a, d);
    o.set = set;
    o.config_path = argument_value(a, OPTION_CONFIG);
    if (s == STATUS_OK) s = model_load(out, path, &o, d);
    free(set);
    return s;
}

enum status command_model(struct model *out, const struct arguments *a, const char *path, struct diag *d) { return load(out, a, path, 0, d); }

enum status command_shapes(struct model *out, const struct arguments *a, const char *path, struct diag *d) {
    return load(out, a, path, (size_t)16 << 20, d);
}

enum status command_write(const char *path, const char *data, size_t size, struct diag *d) {
    if (path && strcmp(path, "-") != 0) return file_write(path, data, size, d);
    if (fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0) return STATUS_OK;
    return diag_fail(d, STATUS_IO, "cannot write to standard output");
}
