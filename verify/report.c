#include "verify/report.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 1000   /* longer ones are cut */

static size_t line_of(const struct report *r, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset && i < r->text_size; i++)
        line += r->text[i] == '\n';
    return line;
}

static size_t column_of(const struct report *r, size_t offset)
{
    size_t column = 1;
    while (offset >= column && r->text[offset - column] != '\n')
        column++;
    return column;
}

static bool said_before(const struct report *r, struct place at, const char *text)
{
    size_t line = line_of(r, at.offset), column = column_of(r, at.offset);
    for (size_t i = 0; i < r->diag->n; i++) {
        const struct diag_message *m = &r->diag->messages[i];
        if (m->line == line && m->column == column && m->text && strcmp(m->text, text) == 0)
            return true;
    }
    return false;
}

void report_at(struct report *r, struct place at, const char *label, const char *help, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        text[0] = '\0';
    if (at.offset > r->text_size)
        at = (struct place){r->text_size, 0};
    if (r->status == STATUS_OK)
        r->status = STATUS_INPUT;
    if (r->diag->n >= DIAG_MAX) {
        r->diag->dropped++;
        return;
    }
    if (said_before(r, at, text))
        return;
    struct diag_place where = {r->file, r->text, r->text_size, at.offset, at.length};
    enum status s = diag_at(r->diag, STATUS_INPUT, where, label, help, "%s", text);
    (void)s;
}

void report_memory(struct report *r)
{
    r->status = STATUS_MEMORY;
}
