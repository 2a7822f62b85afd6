#include "proofs/bundle.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/hash.h"
#include "proofs/write.h"

/* One file of the bundle and its line in the MANIFEST (NULL: none). */
static enum status put(struct text *manifest, const char *folder, const char *name, const char *suffix, const char *data, size_t size,
                       struct diag *d) {
    struct text path;
    char sha[SHA256_HEX];
    text_init(&path);
    text_addf(&path, "%s/%s%s", folder, name, suffix);
    enum status s = path.failed ? STATUS_MEMORY : file_write(path.data, data, size, d);
    if (s == STATUS_OK && manifest) {
        sha256_hex(sha, data, size);
        text_addf(manifest, "%s  %s%s\n", sha, name, suffix);
        if (manifest->failed) s = STATUS_MEMORY;
    }
    text_clear(&path);
    return s;
}

static enum status put_text(struct text *manifest, const char *folder, const char *name, const char *suffix, const struct text *t,
                            struct diag *d) {
    if (t->failed) return STATUS_MEMORY;
    return put(manifest, folder, name, suffix, t->data ? t->data : "", t->size, d);
}

static enum status nets(struct text *manifest, const char *folder, const struct claims *c, struct diag *d) {
    enum status s = STATUS_OK;
    for (size_t i = 0; i < c->n_models && s == STATUS_OK; i++) {
        const struct bound_model *m = &c->models[i];
        struct text t;
        if (m->loaded != STATUS_OK) continue;
        text_init(&t);
        s = net_write(&t, &m->model.net);
        if (s == STATUS_OK) s = put_text(manifest, folder, m->name, ".net", &t, d);
        text_clear(&t);
    }
    return s;
}

static enum status arrays(struct text *manifest, const char *folder, const struct claims *c, struct diag *d) {
    enum status s = STATUS_OK;
    for (size_t i = 0; i < c->n_data && s == STATUS_OK; i++) {
        const struct bound_data *x = &c->data[i];
        struct text t;
        if (x->loaded != STATUS_OK) continue;
        text_init(&t);
        s = data_array_write(&t, &x->array);
        if (s == STATUS_OK) s = put_text(manifest, folder, x->name, ".arr", &t, d);
        text_clear(&t);
    }
    return s;
}

enum status bundle_nets(const char *folder, const struct claims *c, struct diag *d) {
    enum status s = nets(NULL, folder, c, d);
    return s == STATUS_OK ? arrays(NULL, folder, c, d) : s;
}

static enum status infos(struct text *manifest, const char *folder, const struct claims *c, struct diag *d) {
    enum status s = STATUS_OK;
    for (size_t i = 0; i < c->n_models && s == STATUS_OK; i++) {
        const struct bound_model *m = &c->models[i];
        struct text t;
        if (m->loaded != STATUS_OK) continue;
        text_init(&t);
        write_info(&t, &m->model, false);
        s = put_text(manifest, folder, m->name, ".info.txt", &t, d);
        text_clear(&t);
    }
    return s;
}

static enum status statement(struct text *manifest, const char *folder, const struct result *x, struct diag *d) {
    enum status s = STATUS_OK;
    if (x->statement->text) s = put(manifest, folder, x->file_label, ".statement", x->statement->text, strlen(x->statement->text), d);
    if (s == STATUS_OK && x->certificate_path) s = put(manifest, folder, x->file_label, ".cert", x->certificate, strlen(x->certificate), d);
    return s;
}

static enum status statements(struct text *manifest, const char *folder, const struct run_record *r, struct diag *d) {
    enum status s = STATUS_OK;
    for (size_t i = 0; i < r->n && s == STATUS_OK; i++) {
        const struct answer *a = r->results[i].answer;
        s = statement(manifest, folder, &r->results[i], d);
        for (size_t k = 0; a && k < a->n_others && s == STATUS_OK; k++) s = statement(manifest, folder, &a->others[k].result, d);
    }
    return s;
}

static bool ends_with(const char *s, size_t n, const char *end) {
    size_t m = strlen(end);
    return n > m && memcmp(s + n - m, end, m) == 0;
}

/* Removes what the MANIFEST names, as far as it is evidence of that run; a model or claim file may be the user's own. */
static enum status remove_evidence(const char *folder, const char *manifest, struct diag *d) {
    for (const char *p = manifest; *p;) {
        size_t n = strcspn(p, "\n"), skip = SHA256_HEX - 1 + 2;
        const char *name = p + skip;
        struct text path;
        bool evidence = n > skip && memchr(name, '/', n - skip) == NULL && (ends_with(p, n, ".cert") || ends_with(p, n, ".statement"));
        text_init(&path);
        if (evidence) text_addf(&path, "%s/%.*s", folder, (int)(n - skip), name);
        bool failed = path.failed || (evidence && access(path.data, F_OK) == 0 && unlink(path.data) != 0);
        text_clear(&path);
        if (failed) return diag_fail(d, STATUS_IO, "cannot remove the certificates of the last run from '%s'", folder);
        p += n + (p[n] == '\n');
    }
    return STATUS_OK;
}

static bool is_empty(const char *folder) {
    DIR *dir = opendir(folder);
    bool empty = dir != NULL;
    for (struct dirent *e; empty && (e = readdir(dir)) != NULL;) empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (dir) closedir(dir);
    return empty;
}

enum status bundle_open(const char *folder, struct diag *d) {
    struct text path;
    char *manifest = NULL;
    size_t size;
    enum status s = folder_make(folder, d);
    if (s != STATUS_OK || is_empty(folder)) return s;
    text_init(&path);
    text_addf(&path, "%s/MANIFEST", folder);
    if (path.failed) s = STATUS_MEMORY;
    else if (access(path.data, F_OK) != 0) s = diag_fail(d, STATUS_IO, "the folder '%s' is not empty and holds no bundle of certificates; name a new one", folder);
    else s = file_read(&manifest, &size, path.data, (size_t)1 << 28, d);
    if (s == STATUS_OK) s = remove_evidence(folder, manifest, d);
    if (s == STATUS_OK && unlink(path.data) != 0) s = diag_fail(d, STATUS_IO, "cannot remove '%s'", path.data);
    free(manifest);
    text_clear(&path);
    return s;
}

/* Name of the claim file in the bundle. */
static const char *claims_name(const struct claims *c) {
    const char *slash = strrchr(c->path, '/');
    return slash ? slash + 1 : c->path;
}

/* The lines that hold the certificates against the claim file, with the parameters of the run. */
static void replay_claim(struct text *t, const struct run_record *r, const struct result *x, const char *constant, mpq_srcptr value) {
    const struct statement *s = x->statement;
    if (!x->certificate_path) return;
    text_addf(t, "    weightproof-check --claims %s --only %s", claims_name(r->claims), s->name);
    for (size_t k = 0; k < r->n_options; k++)
        if (strcmp(r->options[k].name, "param") == 0) text_addf(t, " --param '%s'", r->options[k].value);
    if (constant) {
        text_addf(t, " --param '?%s=", constant);
        number_add_text(t, value);
        text_add(t, "'");
    }
    for (size_t k = 0; k < s->n_models; k++) {
        const char *name = r->claims->models[s->models[k]].name;
        text_addf(t, " --model %s=%s.net", name, name);
    }
    for (size_t k = 0; k < s->n_data; k++) {
        const char *name = r->claims->data[s->data[k]].name;
        text_addf(t, " --data %s=%s.arr", name, name);
    }
    text_addf(t, " %s.cert\n", x->file_label);
}

static void replay_claims(struct text *t, const struct run_record *r) {
    for (size_t i = 0; i < r->n; i++) {
        const struct answer *a = r->results[i].answer;
        const char *constant = a ? a->opening->constant : NULL;
        replay_claim(t, r, &r->results[i], constant, a ? a->holds : NULL);
        for (size_t k = 0; a && k < a->n_others; k++) replay_claim(t, r, &a->others[k].result, constant, a->others[k].value);
    }
}

static bool replay_check(struct text *t, const struct result *x) {
    if (!x->certificate_path) return false;
    text_addf(t, "    weightproof-check --expect %s %s.cert\n", verdict_name(result_certified(x)), x->file_label);
    return true;
}

static void replay(struct text *t, const struct run_record *r) {
    bool any = false;
    text_add(t, "# How to check this folder again\n\nThe sums of all files:\n\n    sha256sum -c MANIFEST\n\n"
                "Every certificate, by the independent checker (`make weightproof-check` needs a C compiler and GMP only):\n\n");
    for (size_t i = 0; i < r->n; i++) {
        const struct answer *a = r->results[i].answer;
        any = replay_check(t, &r->results[i]) || any;
        for (size_t k = 0; a && k < a->n_others; k++) any = replay_check(t, &a->others[k].result) || any;
    }
    if (!any) text_add(t, "    (this run has no accepted certificate)\n");
    text_add(t, "\nThe checker finds the networks (`.net`) and data arrays (`.arr`) beside the certificates by their SHA-256 and prints the statement that it accepted.\n"
                "With the claim file it also confirms, with a parser of its own, that the certificate is about that claim:\n\n");
    replay_claims(t, r);
    text_add(t, "\nThat a `.net` holds the tensors of a model file, byte for byte:\n\n");
    for (size_t i = 0; i < r->claims->n_models; i++) {
        const struct bound_model *m = &r->claims->models[i];
        const char *slash = m->path ? strrchr(m->path, '/') : NULL;
        if (m->loaded != STATUS_OK || m->model.checkpoint.n == 0) continue;
        text_addf(t, "    weightproof-check --source %s CERT    # %s, sha256 %s\n", slash ? slash + 1 : m->path, m->name, m->model.file_sha256);
    }
    text_add(t, "\n| claim | verdict | evidence | statement |\n|---|---|---|---|\n");
    for (size_t i = 0; i < r->n; i++) {
        const struct result *x = &r->results[i];
        text_addf(t, "| %s | %s | %s | %.16s |\n", x->label, verdict_name(x->verdict), evidence_name(x->evidence),
                  x->statement->text ? x->statement->sha256 : "-");
    }
}

enum status bundle_finish(const char *folder, const struct run_record *r, struct diag *d) {
    struct text manifest, t;
    text_init(&manifest);
    text_init(&t);
    enum status s = nets(&manifest, folder, r->claims, d);
    if (s == STATUS_OK) s = arrays(&manifest, folder, r->claims, d);
    if (s == STATUS_OK) s = infos(&manifest, folder, r->claims, d);
    if (s == STATUS_OK) s = statements(&manifest, folder, r, d);
    if (s == STATUS_OK) s = put(&manifest, folder, claims_name(r->claims), "", r->claims->source, r->claims->source_size, d);
    if (s == STATUS_OK) {
        replay(&t, r);
        s = put_text(&manifest, folder, "REPLAY.md", "", &t, d);
    }
    if (s == STATUS_OK) s = put_text(NULL, folder, "MANIFEST", "", &manifest, d);
    text_clear(&manifest);
    text_clear(&t);
    return s;
}
