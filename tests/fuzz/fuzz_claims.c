/* Claim files: any bytes give messages or a canonical text that reads back as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "verify/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);   /* as a file is read: one NUL beyond its size */
    struct text once, twice;
    struct diag d;
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    diag_init(&d);
    text_init(&once);
    text_init(&twice);
    enum status s = claims_parse_only(&once, "input", text, size, &d);
    expect(s == STATUS_OK || d.n > 0);
    if (s == STATUS_OK) {
        expect(claims_parse_only(&twice, "printed", once.data, once.size, &d) == STATUS_OK);
        expect(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    }
    text_clear(&once);
    text_clear(&twice);
    diag_clear(&d);
    free(text);
    return 0;
}
