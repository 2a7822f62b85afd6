/* claims_text: a claim file from a string, for tests. Models M, P and S are those of examples/, N, A, G and data X and Y those of
 * tests/data/claims, whatever file the text names. */
#ifndef TESTS_VERIFY_CLAIMS_TEXT_H
#define TESTS_VERIFY_CLAIMS_TEXT_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "verify/statement.h"

/* Reads it through a temporary file; `header` declares the models. */
static inline enum status claims_from_text(struct claims *out, const char *header, const char *text, struct diag *d)
{
    static struct setting models[] = {{"M", "examples/max4_s123.safetensors"}, {"P", "examples/palindrome_v6_n8_s1.pt"}, {"S", "examples/cumsum12_s1.pt"},
            {"N", "tests/data/claims/three.net"}, {"A", "tests/data/claims/auto.net"}, {"G", "tests/data/claims/rows.net"}};
    static struct setting data[] = {{"X", "tests/data/claims/x.arr"}, {"Y", "tests/data/claims/y.arr"}};
    struct setting used[6];
    char path[] = "/tmp/check_claims_XXXXXX";
    size_t n = 0;
    for (size_t i = 0; i < 6; i++) {
        char line[] = "model M ";
        line[6] = models[i].key[0];
        if (strstr(header, line))
            used[n++] = models[i];
    }
    struct claims_options o = {.models = used, .n_models = n, .data = data, .n_data = strstr(header, "data X") ? 2 : 0};
    int file = mkstemp(path);
    FILE *f = file < 0 ? NULL : fdopen(file, "w");
    if (!f)
        return STATUS_IO;
    fputs(header, f);
    fputs(text, f);
    fclose(f);
    enum status s = claims_read(out, path, &o, d);
    unlink(path);
    return s;
}
#define HEADER_M "claims 1\nmodel M = \"m\"\n"
#define HEADER_DATA "claims 1\nmodel M = \"m\"\ndata X = \"x\"\ndata Y = \"y\"\n"
#define HEADER_REAL HEADER_DATA "model N = \"n\"\nmodel A = \"a\"\nmodel G = \"g\"\n"
#define HEADER_P "claims 1\nmodel P = \"p\"\n"
#define HEADER_S "claims 1\nmodel S = \"s\"\n"
#endif
