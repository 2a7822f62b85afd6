#include "core/names.h"

#include <stdint.h>
#include <string.h>

#include "core/mem.h"

static size_t hash(const char *s, size_t n)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 29);
}

/* The slot that holds the name, or the empty one where it belongs. room is a power of two and never full. */
static struct names_slot *slot_of(const struct names *s, const char *name, size_t size)
{
    size_t i = hash(name, size) & (s->room - 1);

    while (s->slots[i].name && (s->slots[i].size != size || memcmp(s->slots[i].name, name, size) != 0))
        i = (i + 1) & (s->room - 1);
    return &s->slots[i];
}

static bool names_double(struct names *s)
{
    struct names bigger = { .room = s->room ? s->room * 2 : 64, .n = s->n };

    bigger.slots = mem_array(bigger.room, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < s->room; i++)
        if (s->slots[i].name)
            *slot_of(&bigger, s->slots[i].name, s->slots[i].size) = s->slots[i];
    free(s->slots);
    *s = bigger;
    return true;
}

bool names_add(struct names *s, const char *name, size_t size, size_t index, bool *old)
{
    struct names_slot *slot;

    if (2 * (s->n + 1) > s->room && !names_double(s))
        return false;
    slot = slot_of(s, name, size);
    if (old)
        *old = slot->name != NULL;
    if (!slot->name) {
        *slot = (struct names_slot){ name, size, index };
        s->n++;
    }
    return true;
}

long names_find(const struct names *s, const char *name, size_t size)
{
    const struct names_slot *slot = s->room ? slot_of(s, name, size) : NULL;

    return slot && slot->name ? (long)slot->index : -1;
}

void names_clear(struct names *s)
{
    free(s->slots);
    *s = (struct names){ 0 };
}
