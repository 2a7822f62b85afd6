#include "models/process.h"

#include <string.h>

#include "models/process_pass.h"

const char *const process_names[PROCESS_COUNT] = {
#define X(code, name) [code] = name,
    PROCESS_TABLE(X)
#undef X
};

static enum status (*const passes[PROCESS_COUNT])(struct net *net, struct text *done, struct diag *d) = {
    [PROCESS_FOLD_LN] = process_fold_ln,
    [PROCESS_FOLD_VALUE_BIASES] = process_fold_value_biases,
    [PROCESS_CENTER_WRITING] = process_center_writing,
    [PROCESS_CENTER_UNEMBED] = process_center_unembed,
};

int process_find(const char *name)
{
    for (int p = 0; p < PROCESS_COUNT; p++)
        if (strcmp(name, process_names[p]) == 0)
            return p;
    return -1;
}

enum status net_process(struct net *net, unsigned set, struct text *done, struct diag *d)
{
    for (int p = 0; p < PROCESS_COUNT; p++) {
        if (!(set >> p & 1))
            continue;
        text_add(done, done->size ? "; " : "");
        enum status s = passes[p](net, done, d);
        if (s != STATUS_OK)
            return s;
    }
    return done->failed ? STATUS_MEMORY : STATUS_OK;
}
