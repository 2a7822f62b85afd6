/* The public door: versions, messages, words. */
#include "proofs/api.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"

const char *weightproof_version(void) { return WEIGHTPROOF_VERSION; }

char *api_messages(const struct diag *d, enum status s) {
    char *data = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&data, &size);
    if (!f) return NULL;
    diag_print(d, f);
    if (d->n == 0 && s != STATUS_OK) fprintf(f, "error: %s\n", status_name(s));
    if (fclose(f) == 0) return data;
    free(data);
    return NULL;
}

enum status api_settings(struct setting **out, struct weightproof_words words, const char *what, struct diag *d) {
    size_t size = words.n * sizeof **out;
    *out = NULL;
    if (words.n == 0) return STATUS_OK;
    for (size_t i = 0; i < words.n; i++) {
        const char *equals = strchr(words.words[i], '=');
        if (!equals || equals == words.words[i]) return diag_fail(d, STATUS_INPUT, "%s '%s' is not NAME=VALUE", what, words.words[i]);
        size += strlen(words.words[i]) + 1;
    }
    struct setting *settings = mem_array(size, 1);
    if (!settings) return STATUS_MEMORY;
    char *text = (char *)(settings + words.n);
    for (size_t i = 0; i < words.n; i++) {
        size_t n = strlen(words.words[i]) + 1;
        memcpy(text, words.words[i], n);
        char *equals = strchr(text, '=');
        *equals = '\0';
        settings[i] = (struct setting){text, equals + 1};
        text += n;
    }
    *out = settings;
    return STATUS_OK;
}
