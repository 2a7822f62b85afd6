/* Reads the data arrays that a claim file names. */
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/elaborate.h"

static void check_sha256(struct elaborator *e, const struct decl *d, const struct data_array *a)
{
    char label[100];
    if (!d->sha256 || strcmp(d->sha256, a->file_sha256) == 0)
        return;
    (void)snprintf(label, sizeof label, "it has %s", a->file_sha256);
    report_at(e->report, d->sha256_at, label, NULL, "'%s' is not the file with this SHA-256", d->file);
}

static enum status bind_one(struct elaborator *e, const struct decl *d, struct bound_data *b)
{
    struct diag said;
    b->name = d->name;
    b->member = d->member;
    b->loaded = STATUS_UNSUPPORTED;
    if (!(b->path = file_path(e, d, e->options->data, e->options->n_data)))
        return STATUS_MEMORY;
    diag_init(&said);
    enum status s = data_array_read(&b->array, b->path, d->member, &said);
    b->loaded = s == STATUS_OK ? STATUS_OK : STATUS_UNSUPPORTED;
    if (s == STATUS_OK)
        check_sha256(e, d, &b->array);
    else if (s == STATUS_UNSUPPORTED)
        b->reason = arena_string(e->arena, said.n ? said.messages[0].text : "cannot read this format yet", said.n ? strlen(said.messages[0].text) : 27);
    else if (s == STATUS_INPUT || s == STATUS_IO)
        pass_on_messages(e, d, b->path, &said, s);
    diag_clear(&said);
    return s == STATUS_MEMORY || s == STATUS_INTERNAL || s == STATUS_LIMIT ? s : STATUS_OK;
}

enum status data_bind(struct elaborator *e)
{
    struct claims *c = e->claims;
    size_t n = 0;
    for (size_t i = 0; i < e->syntax->n; i++)
        n += e->syntax->decls[i].kind == DECL_DATA;
    if (!(c->data = mem_array(n, sizeof *c->data)))
        return STATUS_MEMORY;
    for (size_t i = 0; i < e->syntax->n; i++) {
        if (e->syntax->decls[i].kind != DECL_DATA)
            continue;
        enum status s = bind_one(e, &e->syntax->decls[i], &c->data[c->n_data++]);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}
