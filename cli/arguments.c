/* Reading argv against the option table. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "cli/command.h"
#include "core/mem.h"
#include "core/text.h"

static enum status unknown_option(const struct command *c, const char *word, size_t n, struct diag *d) {
    const char *names[OPTION_COUNT];
    size_t n_names = 0;
    char wrong[64];
    for (size_t o = 0; o < OPTION_COUNT; o++)
        if (c->options >> o & 1) names[n_names++] = option_table[o].name;
    snprintf(wrong, sizeof wrong, "%.*s", (int)(n < 60 ? n : 60), word);
    const char *near = text_suggest(wrong, names, n_names);
    if (near) return diag_fail(d, STATUS_INPUT, "unknown option '--%s' of %s; did you mean '--%s'?", wrong, c->name, near);
    return diag_fail(d, STATUS_INPUT, "unknown option '--%s' of %s; 'weightproof %s --help' lists them", wrong, c->name, c->name);
}

static size_t find_long(const struct command *c, const char *name, size_t n) {
    for (size_t o = 0; o < OPTION_COUNT; o++)
        if ((c->options >> o & 1) && strlen(option_table[o].name) == n && memcmp(option_table[o].name, name, n) == 0) return o;
    return OPTION_COUNT;
}

static size_t find_short(const struct command *c, char letter) {
    for (size_t o = 0; o < OPTION_COUNT; o++)
        if ((c->options >> o & 1) && option_table[o].letter == letter) return o;
    return OPTION_COUNT;
}

static enum status take_value(struct arguments *a, size_t o, const char *value, struct diag *d) {
    if (a->n_values[o] > 0 && !option_table[o].repeat)
        return diag_fail(d, STATUS_INPUT, "option '--%s' is given twice", option_table[o].name);
    a->values[o][a->n_values[o]++] = value;
    return STATUS_OK;
}

/* One word that starts with '-': its option, and where its value is. *i moves on when the value is the next word. */
static enum status take_option(struct arguments *a, int argc, char **argv, int *i, struct diag *d) {
    const char *word = argv[*i], *equals = NULL;
    size_t o;
    if (word[1] == '-') {
        equals = strchr(word, '=');
        size_t n = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
        o = find_long(a->command, word + 2, n);
        if (o == OPTION_COUNT) return unknown_option(a->command, word + 2, n, d);
    } else {
        o = word[2] == '\0' ? find_short(a->command, word[1]) : OPTION_COUNT;
        if (o == OPTION_COUNT) return diag_fail(d, STATUS_INPUT, "unknown option '%s' of %s", word, a->command->name);
    }
    const struct option_info *info = &option_table[o];
    if (!info->argument) {
        if (equals) return diag_fail(d, STATUS_INPUT, "option '--%s' takes no argument", info->name);
        return take_value(a, o, "", d);
    }
    if (equals) return take_value(a, o, equals + 1, d);
    if (*i + 1 >= argc) return diag_fail(d, STATUS_INPUT, "option '--%s' needs an argument: %s", info->name, info->argument);
    return take_value(a, o, argv[++*i], d);
}

enum status arguments_parse(struct arguments *out, const struct command *c, int argc, char **argv, struct diag *d) {
    size_t each = (size_t)argc + 1;
    bool only_files = false;
    memset(out, 0, sizeof *out);
    out->command = c;
    out->room = mem_array(each * (OPTION_COUNT + 1), sizeof *out->room);
    if (!out->room) return STATUS_MEMORY;
    for (size_t o = 0; o < OPTION_COUNT; o++) out->values[o] = out->room + o * each;
    out->positional = out->room + OPTION_COUNT * each;
    for (int i = 0; i < argc; i++) {
        if (!only_files && strcmp(argv[i], "--") == 0) {
            only_files = true;
        } else if (!only_files && argv[i][0] == '-' && argv[i][1] != '\0') {
            enum status s = take_option(out, argc, argv, &i, d);
            if (s != STATUS_OK) return s;
        } else {
            out->positional[out->n_positional++] = argv[i];
        }
    }
    if (out->n_values[OPTION_HELP] > 0) return STATUS_OK;
    if (out->n_positional < c->least) return diag_fail(d, STATUS_INPUT, "%s needs %s", c->name, c->positional);
    if (out->n_positional > c->most)
        return diag_fail(d, STATUS_INPUT, "unexpected argument '%s' of %s", out->positional[c->most], c->name);
    return STATUS_OK;
}

void arguments_clear(struct arguments *a) {
    free(a->room);
    memset(a, 0, sizeof *a);
}

bool argument_given(const struct arguments *a, enum option o) { return a->n_values[o] > 0; }

const char *argument_value(const struct arguments *a, enum option o) {
    return a->n_values[o] > 0 ? a->values[o][a->n_values[o] - 1] : NULL;
}

enum status argument_number(double *out, const struct arguments *a, enum option o, double lo, double hi, struct diag *d) {
    const char *s = argument_value(a, o);
    char *end = NULL;
    if (!s) return STATUS_OK;
    double x = strtod(s, &end);
    if (end == s || *end != '\0' || !(x >= lo && x <= hi))
        return diag_fail(d, STATUS_INPUT, "option '--%s' needs a number from %g to %g, not '%s'", option_table[o].name, lo, hi, s);
    *out = x;
    return STATUS_OK;
}

enum status argument_count(unsigned long *out, const struct arguments *a, enum option o, unsigned long lo, unsigned long hi, struct diag *d) {
    const char *s = argument_value(a, o);
    char *end = NULL;
    if (!s) return STATUS_OK;
    errno = 0;
    unsigned long x = strtoul(s, &end, 10);
    if (s[0] < '0' || s[0] > '9' || *end != '\0' || errno != 0 || x < lo || x > hi)
        return diag_fail(d, STATUS_INPUT, "option '--%s' needs a whole number from %lu to %lu, not '%s'", option_table[o].name, lo, hi, s);
    *out = x;
    return STATUS_OK;
}

enum status argument_settings(struct setting **out, size_t *n, const struct arguments *a, enum option o, struct diag *d) {
    size_t count = a->n_values[o], bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += strlen(a->values[o][i]) + 1;
    struct setting *list = mem_array(count * sizeof *list + bytes + 1, 1);
    if (!list) return STATUS_MEMORY;
    char *room = (char *)(list + count);
    for (size_t i = 0; i < count; i++) {
        const char *value = a->values[o][i], *equals = strchr(value, '=');
        size_t size = strlen(value) + 1;
        if (!equals || equals == value) {
            free(list);
            return diag_fail(d, STATUS_INPUT, "option '--%s' needs %s, not '%s'", option_table[o].name, option_table[o].argument, value);
        }
        memcpy(room, value, size);
        list[i].key = room;
        list[i].value = room + (equals - value) + 1;
        room[equals - value] = '\0';
        room += size;
    }
    *out = list;
    *n = count;
    return STATUS_OK;
}

enum status tokens_parse(int **out, size_t *n, const char *s, size_t limit, struct diag *d) {
    size_t room = 0, count = 0;
    int *list = NULL;
    const char *p = s;
    enum status status = STATUS_INPUT;
    do {
        char *end = NULL;
        long v = strtol(p, &end, 10);
        int *grown = mem_grow(list, &room, count + 1, sizeof *list);
        if (!grown) {
            status = STATUS_MEMORY;
            goto done;
        }
        list = grown;
        if (end == p || (*end != ',' && *end != '\0')) {
            status = diag_fail(d, STATUS_INPUT, "cannot read '%s': expected integers separated by commas", s);
            goto done;
        }
        if (v > INT_MAX || v < INT_MIN || (limit > 0 && (v < 0 || (size_t)v >= limit))) {
            if (limit > 0) status = diag_fail(d, STATUS_INPUT, "token %ld is out of range: this model has tokens 0..%zu", v, limit - 1);
            else status = diag_fail(d, STATUS_INPUT, "value %ld is out of range", v);
            goto done;
        }
        list[count++] = (int)v;
        p = end + (*end == ',' && end[1] != '\0');
        if (*end == ',' && end[1] == '\0') p = end + 1;
    } while (*p != '\0');
    *out = list;
    *n = count;
    return STATUS_OK;
done:
    free(list);
    return status;
}
