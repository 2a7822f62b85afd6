#include "core/diag.h"

#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

void diag_init(struct diag *d) { *d = (struct diag){ 0 }; }

static void message_clear(struct diag_message *m)
{
    free(m->file);
    free(m->text);
    free(m->label);
    free(m->help);
    free(m->source);
}

void diag_clear(struct diag *d)
{
    for (size_t i = 0; i < d->n; i++)
        message_clear(&d->messages[i]);
    free(d->messages);
    diag_init(d);
}

/* Optional text: true if there is none, or the copy succeeded. */
static bool copy(char **out, const char *s) { return !s || (*out = mem_string(s)) != NULL; }

static char *format_text(const char *format, va_list args)
{
    va_list again;
    char *s = NULL;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n >= 0 && (s = mem_array((size_t)n + 1, 1)) != NULL)
        (void)vsnprintf(s, (size_t)n + 1, format, args);
    return s;
}

static bool message_place(struct diag_message *m, const struct diag_place *where)
{
    size_t at = where->offset < where->text_size ? where->offset : where->text_size, start = 0, end;

    if (!where->text)
        return true;
    m->line = 1;
    for (size_t i = 0; i < at; i++)
        if (where->text[i] == '\n') {
            m->line++;
            start = i + 1;
        }
    for (end = start; end < where->text_size && where->text[end] != '\n';)
        end++;
    m->column = at - start + 1;
    m->length = where->length;
    m->source = mem_string_n(where->text + start, end - start);
    return m->source != NULL;
}

/* Takes the message over; NULL texts inside it mean that memory ran out before. */
static void diag_keep(struct diag *d, struct diag_message m)
{
    if (d->n < DIAG_MAX && !d->messages)
        d->messages = mem_array(DIAG_MAX, sizeof *d->messages);
    if (d->n < DIAG_MAX && d->messages && m.text) {
        d->messages[d->n++] = m;
        return;
    }
    message_clear(&m);
    d->dropped++;
}

static void diag_add(struct diag *d, struct diag_place where, const char *label, const char *help, const char *format,
                     va_list args)
{
    struct diag_message m = { 0 };

    if (d->n < DIAG_MAX && copy(&m.file, where.file) && copy(&m.label, label) && copy(&m.help, help) &&
        message_place(&m, &where))
        m.text = format_text(format, args);
    diag_keep(d, m);
}

void diag_move(struct diag *to, struct diag *from, const char *prefix)
{
    for (size_t i = 0; i < from->n; i++) {
        struct diag_message m = from->messages[i];
        struct text line;
        text_init(&line);
        text_addf(&line, "%s%s", prefix, m.text);
        free(m.text);
        m.text = line.failed ? NULL : mem_string(line.data);
        text_clear(&line);
        diag_keep(to, m);
    }
    to->dropped += from->dropped;
    free(from->messages);
    diag_init(from);
}

void diag_line(struct text *out, const struct diag_message *m)
{
    text_add(out, m->text);
    if (m->line)
        text_addf(out, " (line %zu:%zu%s%s)", m->line, m->column, m->label ? ", " : "", m->label ? m->label : "");
}

enum status diag_fail(struct diag *d, enum status s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    diag_add(d, (struct diag_place){ .file = NULL }, NULL, NULL, format, args);
    va_end(args);
    return s;
}

enum status diag_at(struct diag *d, enum status s, struct diag_place where, const char *label, const char *help,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    diag_add(d, where, label, help, format, args);
    va_end(args);
    return s;
}

/* Control bytes of a hostile file must not reach a terminal. */
static void put_safe(const char *s, FILE *out)
{
    for (; *s; s++)
        (void)fputc((unsigned char)*s < 0x20 && *s != '\t' && *s != '\n' ? '?' : *s == 0x7f ? '?' : *s, out);
}

static bool continues_character(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

static void print_source(const struct diag_message *m, int gutter, FILE *out)
{
    size_t size = strlen(m->source), from = m->column - 1, to;

    (void)fprintf(out, "%*s |\n%zu | ", gutter, "", m->line);
    put_safe(m->source, out);
    (void)fprintf(out, "\n%*s | ", gutter, "");
    for (size_t i = 0; i < from && i < size; i++)
        if (!continues_character(m->source[i]))
            (void)fputc(m->source[i] == '\t' ? '\t' : ' ', out);
    (void)fputc('^', out);
    to = m->length > size - from ? size : from + m->length;
    for (size_t i = from + 1; i < to; i++)
        if (!continues_character(m->source[i]))
            (void)fputc('^', out);
    if (m->label) {
        (void)fputc(' ', out);
        put_safe(m->label, out);
    }
    (void)fputc('\n', out);
}

static void print_message(const struct diag_message *m, FILE *out)
{
    int gutter = m->line ? snprintf(NULL, 0, "%zu", m->line) : 1;

    (void)fputs("error: ", out);
    put_safe(m->text, out);
    (void)fputc('\n', out);
    if (m->file) {
        (void)fprintf(out, "%*s--> ", gutter, "");
        put_safe(m->file, out);
        if (m->line)
            (void)fprintf(out, ":%zu:%zu", m->line, m->column);
        (void)fputc('\n', out);
    }
    if (m->line && m->source)
        print_source(m, gutter, out);
    if (m->help) {
        (void)fprintf(out, "%*s = help: ", gutter, "");
        put_safe(m->help, out);
        (void)fputc('\n', out);
    }
}

void diag_print(const struct diag *d, FILE *out)
{
    for (size_t i = 0; i < d->n; i++)
        print_message(&d->messages[i], out);
    if (d->dropped)
        (void)fprintf(out, "error: %zu more message%s not shown\n", d->dropped, d->dropped == 1 ? "" : "s");
}
