#include "core/json.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/names.h"
#include "core/utf8.h"

enum { JSON_DEPTH = 64, JSON_NUMBER = 60 /* cJSON cuts longer ones */ };

struct scan { const char *start, *p, *end; enum json_numbers numbers; int depth; struct json_fault *fault; };

static enum status __attribute__((format(printf, 3, 4))) fault(struct scan *s, const char *at, const char *format, ...)
{
    va_list args;

    s->fault->offset = (size_t)(at - s->start);
    va_start(args, format);
    (void)vsnprintf(s->fault->what, sizeof s->fault->what, format, args);
    va_end(args);
    return STATUS_INPUT;
}

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static char peek(const struct scan *s) { return s->p < s->end ? *s->p : '\0'; }

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits at p, or -1. */
static long hex4(const struct scan *s, const char *p)
{
    long v = 0;

    if (s->end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int h = hex_value(p[i]);
        if (h < 0)
            return -1;
        v = 16 * v + h;
    }
    return v;
}

static size_t put_utf8(char *out, uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* One escape at s->p (on the backslash); its bytes go to *out if that is not NULL. */
static enum status scan_escape(struct scan *s, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = s->p++, *known;
    long c, low;
    char bytes[4];
    size_t n;

    if (s->p < s->end && *s->p != '\0' && (known = strchr(from, *s->p)) != NULL) {
        s->p++;
        if (out)
            *(*out)++ = to[known - from];
        return STATUS_OK;
    }
    if (peek(s) != 'u' || (c = hex4(s, s->p + 1)) < 0)
        return fault(s, at, "unknown escape in a string");
    s->p += 5;
    if (c >= 0xd800 && c < 0xdc00) {
        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' || (low = hex4(s, s->p + 2)) < 0xdc00 || low >= 0xe000)
            return fault(s, at, "half of a surrogate pair in a string");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        s->p += 6;
    } else if (c >= 0xdc00 && c < 0xe000)
        return fault(s, at, "half of a surrogate pair in a string");
    if (c == 0)
        return fault(s, at, "a zero byte in a string");
    n = put_utf8(bytes, (uint32_t)c);
    for (size_t i = 0; out && i < n; i++)
        *(*out)++ = bytes[i];
    return STATUS_OK;
}

/* A string at s->p; out: NULL, or room for the decoded bytes (never more than in the text). */
static enum status scan_string(struct scan *s, char *out, size_t *size)
{
    const char *at = s->p;
    char *w = out;

    if (peek(s) != '"')
        return fault(s, s->p, "a string in double quotes expected");
    for (s->p++; s->p < s->end && *s->p != '"';) {
        size_t n = utf8_length(s->p, s->end);
        if (*s->p == '\\') {
            enum status e = scan_escape(s, out ? &w : NULL);
            if (e != STATUS_OK)
                return e;
            continue;
        }
        if (n == 0)
            return fault(s, s->p, "byte 0x%02x is not UTF-8", (unsigned)(unsigned char)*s->p);
        if ((unsigned char)*s->p < 0x20)
            return fault(s, s->p, "control byte 0x%02x in a string", (unsigned)(unsigned char)*s->p);
        for (size_t i = 0; out && i < n; i++)
            *w++ = s->p[i];
        s->p += n;
    }
    if (s->p == s->end)
        return fault(s, at, "a string without end");
    s->p++;
    if (size)
        *size = (size_t)(w - out);
    return STATUS_OK;
}

static size_t digits(struct scan *s)
{
    const char *from = s->p;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - from);
}

/* An integer of at most 2^53, as binary64 holds it exactly. */
static bool is_count(const char *p, const char *end)
{
    uint64_t v = 0;

    if (end - p > 16)
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        v = 10 * v + (uint64_t)(*p - '0');
    }
    return v <= (uint64_t)1 << 53;
}

static enum status scan_number(struct scan *s)
{
    const char *at = s->p, *whole;
    size_t n;

    if (peek(s) == '-')
        s->p++;
    whole = s->p;
    n = digits(s);
    if (n == 0 || (n > 1 && *whole == '0'))
        return fault(s, at, "malformed number");
    if (peek(s) == '.') {
        s->p++;
        if (digits(s) == 0)
            return fault(s, at, "malformed number");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->p++;
        if (peek(s) == '+' || peek(s) == '-')
            s->p++;
        if (digits(s) == 0)
            return fault(s, at, "malformed number");
    }
    if (s->p - at > JSON_NUMBER)
        return fault(s, at, "a number of more than %d characters", (int)JSON_NUMBER);
    if (s->numbers == JSON_COUNTS && !is_count(at, s->p))
        return fault(s, at, "'%.*s' where an integer from 0 to 2^53 is needed", s->p - at > 40 ? 40 : (int)(s->p - at), at);
    return STATUS_OK;
}

static enum status scan_value(struct scan *s);

static enum status scan_array(struct scan *s)
{
    s->p++;
    skip_space(s);
    if (peek(s) == ']') {
        s->p++;
        return STATUS_OK;
    }
    for (;;) {
        enum status e = scan_value(s);
        if (e != STATUS_OK)
            return e;
        skip_space(s);
        if (peek(s) == ']') {
            s->p++;
            return STATUS_OK;
        }
        if (peek(s) != ',')
            return fault(s, s->p, "',' or ']' expected");
        s->p++;
    }
}

/* One key, remembered decoded in keys[]; refused if it was there before. */
static enum status scan_key(struct scan *s, struct names *seen, char ***keys, size_t *room)
{
    const char *at = s->p, *quote = s->p;
    char *key, **grown;
    size_t size;
    bool old;
    enum status e = scan_string(s, NULL, NULL);

    if (e != STATUS_OK)
        return e;
    grown = mem_grow(*keys, room, seen->n + 1, sizeof *grown);
    if (!grown)
        return STATUS_MEMORY;
    *keys = grown;
    if (!(key = mem_array((size_t)(s->p - quote), 1)))
        return STATUS_MEMORY;
    s->p = quote;
    e = scan_string(s, key, &size);
    if (e == STATUS_OK && !names_add(seen, key, size, seen->n, &old))
        e = STATUS_MEMORY;
    if (e == STATUS_OK && old)
        e = fault(s, at, "duplicate key '%.*s'", size > 200 ? 200 : (int)size, key);
    if (e == STATUS_OK)
        grown[seen->n - 1] = key;
    else
        free(key);
    return e;
}

static enum status scan_members(struct scan *s, struct names *seen, char ***keys, size_t *room)
{
    for (;;) {
        enum status e;
        skip_space(s);
        if ((e = scan_key(s, seen, keys, room)) != STATUS_OK)
            return e;
        skip_space(s);
        if (peek(s) != ':')
            return fault(s, s->p, "':' expected after a key");
        s->p++;
        if ((e = scan_value(s)) != STATUS_OK)
            return e;
        skip_space(s);
        if (peek(s) == '}') {
            s->p++;
            return STATUS_OK;
        }
        if (peek(s) != ',')
            return fault(s, s->p, "',' or '}' expected");
        s->p++;
    }
}

static enum status scan_object(struct scan *s)
{
    struct names seen = { 0 };
    char **keys = NULL;
    size_t room = 0;
    enum status e;

    s->p++;
    skip_space(s);
    if (peek(s) == '}') {
        s->p++;
        return STATUS_OK;
    }
    e = scan_members(s, &seen, &keys, &room);
    for (size_t i = 0; i < seen.n; i++)
        free(keys[i]);
    free(keys);
    names_clear(&seen);
    return e;
}

static bool scan_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

static enum status scan_value(struct scan *s)
{
    enum status e;

    skip_space(s);
    if (s->p == s->end)
        return fault(s, s->p, "the text ends in the middle");
    if (s->depth == JSON_DEPTH)
        return fault(s, s->p, "nested deeper than %d", (int)JSON_DEPTH);
    s->depth++;
    if (*s->p == '{')
        e = scan_object(s);
    else if (*s->p == '[')
        e = scan_array(s);
    else if (*s->p == '"')
        e = scan_string(s, NULL, NULL);
    else if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
        e = scan_number(s);
    else if (scan_word(s, "true") || scan_word(s, "false") || scan_word(s, "null"))
        e = STATUS_OK;
    else
        e = fault(s, s->p, "a value expected");
    s->depth--;
    return e;
}

enum status json_check(const char *text, size_t size, enum json_numbers numbers, struct json_fault *f)
{
    struct scan s = { .start = text, .p = text, .end = text + size, .numbers = numbers, .fault = f };
    enum status e = scan_value(&s);

    if (e != STATUS_OK)
        return e;
    skip_space(&s);
    return s.p == s.end ? STATUS_OK : fault(&s, s.p, "bytes after the end of the value");
}
