#include "base.h"
#include <gmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool fail_at(struct fail *f, int line, const char *format, ...) {
    if (f->set) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    f->set = true;
    f->line = line;
    return false;
}

struct block { struct block *next; size_t used, size; max_align_t data[]; };

void *mem_get(size_t n, size_t size) {
    if (size != 0 && n > SIZE_MAX / 2 / size) out_of_memory();
    void *p = calloc(n * size + 1, 1);
    if (p == NULL) out_of_memory();
    return p;
}

void *mem_grow(void *p, size_t old_n, size_t new_n, size_t size) {
    void *q = mem_get(new_n, size);
    if (old_n > 0) memcpy(q, p, old_n * size);
    free(p);
    return q;
}

void mem_free(void *p) { free(p); }

void *arena_get(struct arena *a, size_t n, size_t size) {
    if (size != 0 && n > SIZE_MAX / 4 / size) out_of_memory();
    size_t bytes = (n * size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (a->blocks == NULL || a->blocks->size - a->blocks->used < bytes) {
        size_t room = bytes > 65536 ? bytes : 65536;
        struct block *b = mem_get(1, sizeof *b + room);
        *b = (struct block){.next = a->blocks, .used = 0, .size = room};
        a->blocks = b;
    }
    char *p = (char *)a->blocks->data + a->blocks->used;
    a->blocks->used += bytes;
    return p;
}

char *arena_text(struct arena *a, const char *s, size_t n) {
    char *p = arena_get(a, n + 1, 1);
    memcpy(p, s, n);
    return p;
}

void arena_free(struct arena *a) {
    while (a->blocks != NULL) {
        struct block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

void buffer_add(struct buffer *b, const char *s, size_t n) {
    if (b->room - b->n < n + 1) {
        size_t room = 2 * b->room + n + 64;
        b->s = mem_grow(b->s, b->n, room, 1);
        b->room = room;
    }
    memcpy(b->s + b->n, s, n);
    b->n += n;
    b->s[b->n] = 0;
}

void buffer_puts(struct buffer *b, const char *s) { buffer_add(b, s, strlen(s)); }

void buffer_clear(struct buffer *b) {
    free(b->s);
    *b = (struct buffer){0};
}

bool file_read(char **out, size_t *n, const char *path, size_t most) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) return false;
    struct buffer b = {0};
    char part[65536];
    size_t got;
    while ((got = fread(part, 1, sizeof part, f)) > 0 && b.n <= most) buffer_add(&b, part, got);
    bool good = !ferror(f) && b.n <= most;
    fclose(f);
    if (!good) {
        buffer_clear(&b);
        return false;
    }
    buffer_add(&b, "", 0);
    *out = b.s;
    *n = b.n;
    return true;
}

bool is_sha256(const char *s, size_t n) {
    if (n != 64) return false;
    for (size_t i = 0; i < n; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f'))) return false;
    return true;
}
