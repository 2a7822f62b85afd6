#include "proofs/png.h"
#include <string.h>
#include <zlib.h>
#include "core/mem.h"

struct bytes { uint8_t *data; size_t size; };

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24); p[1] = (uint8_t)(v >> 16); p[2] = (uint8_t)(v >> 8); p[3] = (uint8_t)v;
}

/* One chunk: length, kind, data, CRC of kind and data (PNG specification, 5.3). */
static void chunk(struct bytes *out, const char kind[4], const uint8_t *data, size_t size)
{
    uint8_t *p = out->data + out->size;
    put32(p, (uint32_t)size);
    memcpy(p + 4, kind, 4);
    if (size) memcpy(p + 8, data, size);
    put32(p + 8 + size, (uint32_t)crc32(0, p + 4, (uInt)(size + 4)));
    out->size += size + 12;
}

static void base64(struct text *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16 | (i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0) | (i + 2 < size ? data[i + 2] : 0);
        char four[4] = { digits[v >> 18], digits[v >> 12 & 63], i + 1 < size ? digits[v >> 6 & 63] : '=', i + 2 < size ? digits[v & 63] : '=' };
        text_add_n(out, four, 4);
    }
}

void png_add(struct text *out, const uint8_t *rgb, size_t width, size_t height)
{
    size_t raw_size = height * (3 * width + 1);
    uLongf packed_size = compressBound((uLong)raw_size);
    uint8_t *raw = mem_array(raw_size, 1), *packed = mem_array(packed_size, 1);
    struct bytes file = { mem_array(packed_size + 100, 1), 0 };
    if (!raw || !packed || !file.data) { out->failed = true; goto done; }
    for (size_t i = 0; i < height; i++)           /* every line starts with its filter: none */
        memcpy(raw + i * (3 * width + 1) + 1, rgb + 3 * i * width, 3 * width);
    if (compress(packed, &packed_size, raw, (uLong)raw_size) != Z_OK) { out->failed = true; goto done; }
    memcpy(file.data, "\x89PNG\r\n\x1a\n", 8);
    file.size = 8;
    uint8_t head[13] = { [8] = 8, [9] = 2 };      /* 8 bits a channel, RGB */
    put32(head, (uint32_t)width);
    put32(head + 4, (uint32_t)height);
    chunk(&file, "IHDR", head, sizeof head);
    chunk(&file, "IDAT", packed, packed_size);
    chunk(&file, "IEND", NULL, 0);
    text_add(out, "data:image/png;base64,");
    base64(out, file.data, file.size);
done:
    free(raw);
    free(packed);
    free(file.data);
}
