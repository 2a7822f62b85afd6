#include "models/model.h"

#include <string.h>
#include <sys/stat.h>

#include "core/hash.h"
#include "core/mem.h"
#include "models/checkpoint.h"
#include "models/process.h"
#include "models/family.h"
#include "models/onnx.h"

void model_clear(struct model *m)
{
    for (size_t i = 0; i < m->n_facts; i++) {
        free(m->facts[i].key);
        free(m->facts[i].value);
        free(m->facts[i].how);
    }
    for (size_t i = 0; i < m->n_ignored; i++)
        free(m->ignored[i]);
    free(m->facts);
    free(m->ignored);
    free(m->path);
    free(m->prefix);
    checkpoint_clear(&m->checkpoint);
    net_clear(&m->net);
    *m = (struct model){ 0 };
}

enum status model_add_fact(struct model *m, const char *key, const char *value, const char *how)
{
    size_t n = m->n_facts, room = n;
    bool full = n == 0 || (n >= 8 && (n & (n - 1)) == 0); /* what mem_grow gives: 8, 16, 32, ... */
    struct model_fact *grown = full ? mem_grow(m->facts, &room, n + 1, sizeof *grown) : m->facts;

    if (!grown)
        return STATUS_MEMORY;
    m->facts = grown;
    grown[n] = (struct model_fact){ mem_string(key), mem_string(value), mem_string(how) };
    m->n_facts++;
    return grown[n].key && grown[n].value && grown[n].how ? STATUS_OK : STATUS_MEMORY;
}

/* Loaders may read the data of every tensor, but where only shapes are asked for. */
static enum status need_numbers(struct model *m)
{
    bool ok = true;

    for (size_t i = 0; ok && i < m->checkpoint.n && !m->shapes_only; i++)
        ok = tensor_need(&m->checkpoint.tensors[i]);
    return ok ? STATUS_OK : STATUS_MEMORY;
}

/* Takes the setting state_dict=KEY, which is the reader's and no family's, out of a copy of the options: the choice, NULL without one. */
static const char *take_choice(struct model_options *o, struct setting *room)
{
    const char *choice = NULL;
    size_t n = 0;

    for (size_t i = 0; i < o->n_set; i++)
        if (strcmp(o->set[i].key, "state_dict") == 0)
            choice = o->set[i].value;
        else
            room[n++] = o->set[i];
    o->set = room;
    o->n_set = n;
    return choice;
}

static enum status parse_checkpoint(struct model *m, const char *data, size_t size, const char *choice, struct diag *d)
{
    enum status s = checkpoint_parse_choice(&m->checkpoint, m->path, data, size, choice, d);

    if (s == STATUS_OK && choice && strcmp(m->checkpoint.format, "torch") != 0)
        return diag_fail(d, STATUS_INPUT, "--set state_dict: '%s' is no PyTorch checkpoint, it has no state dicts to choose from", m->path);
    return s;
}

/* A Sequential with another one in it, by the description of modules. */
static bool is_nested(const char *modules)
{
    static const char first[] = "{\"\": {\"class\": \"torch.nn.modules.container.Sequential\"";

    return modules && strncmp(modules, first, sizeof first - 1) == 0 && strstr(modules + sizeof first - 1, first + 6);
}

static enum status build_network(struct model *m, const struct model_options *o, struct diag *d)
{
    struct config config;
    const struct family *family;
    enum status s;

    memcpy(m->file_sha256, m->checkpoint.sha256, sizeof m->file_sha256);
    family = o && o->family ? family_find(o->family) : family_of(&m->checkpoint);
    if (!family)
        return diag_fail(d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s' has tensors of no known family, the first is '%s' "
                         "('weightproof info --families' lists what is known by which names)%s", m->path, m->checkpoint.n ? m->checkpoint.tensors[0].name : "",
                         is_nested(m->checkpoint.modules) ? ": a Sequential inside a Sequential is not read, one with all the parts is" : "");
    if ((s = config_read(&config, m->config_sha256, &m->checkpoint, o, d)) != STATUS_OK)
        return s;
    m->family = family->name;
    m->shapes_only = m->shapes_only && strcmp(family->name, "transformer") == 0;
    if ((s = need_numbers(m)) == STATUS_OK)
        s = family->load(m, &config, d);
    config_clear(&config);
    return s;
}

static enum status load_checkpoint(struct model *m, const char *data, size_t size, const struct model_options *given, struct diag *d)
{
    struct model_options o = given ? *given : (struct model_options){ 0 };
    struct setting *room = mem_array(o.n_set, sizeof *room);
    const char *choice = room ? take_choice(&o, room) : NULL;
    enum status s = room ? parse_checkpoint(m, data, size, choice, d) : STATUS_MEMORY;

    if (s == STATUS_OK && choice)
        s = model_add_fact(m, "state_dict", choice, "given by --set");
    if (s == STATUS_OK)
        s = build_network(m, &o, d);
    free(room);
    return s;
}

static enum status load_net(struct model *m, const char *data, size_t size, const struct model_options *o, struct diag *d)
{
    if (o && (o->config_path || o->n_set || o->family))
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': a .net file holds the whole network and takes no configuration", m->path);
    m->family = "net";
    sha256_hex(m->file_sha256, data, size);
    return net_parse(&m->net, m->path, data, size, d);
}

static enum status load_onnx(struct model *m, const char *data, size_t size, const struct model_options *o, struct diag *d)
{
    if (o && o->family && strcmp(o->family, "onnx") != 0)
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': an ONNX file is of the family 'onnx', not '%s'", m->path, o->family);
    sha256_hex(m->file_sha256, data, size);
    m->shapes_only = false;
    return onnx_load(m, data, size, o, d);
}

/* A folder as libraries of models write it: the one file of weights in it. *out: the path of the file, or a copy of `path` for what is no folder. */
static enum status file_in_folder(char **out, const char *path, struct diag *d)
{
    static const char *const usual[] = { "model.safetensors", "pytorch_model.bin", "model.pt", "model.pth" }, *const parts[] = { "model.safetensors.index.json", "pytorch_model.bin.index.json" };
    struct stat info;
    size_t n = strlen(path);

    *out = NULL;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return (*out = mem_string(path)) ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < 6; i++) {
        struct text t = { 0 };
        text_addf(&t, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", i < 4 ? usual[i] : parts[i - 4]);
        if (t.failed) {
            text_clear(&t);
            return STATUS_MEMORY;
        }
        if (stat(t.data, &info) == 0 && S_ISREG(info.st_mode)) {
            *out = t.data;
            return i < 4 ? STATUS_OK : diag_fail(d, STATUS_UNSUPPORTED, "cannot read this format yet: '%s' lists weights in several files (save_pretrained with a larger max_shard_size writes one)", t.data);
        }
        text_clear(&t);
    }
    return diag_fail(d, STATUS_INPUT, "cannot read '%s': a folder without model.safetensors or pytorch_model.bin", path);
}

static enum status load_file(struct model *m, const char *path, const struct model_options *o, struct diag *d)
{
    static const char magic[] = "weightproof-net ";
    char *data;
    size_t size;
    enum status s;

    if ((s = file_read(&data, &size, path, CHECKPOINT_LIMIT, d)) != STATUS_OK)
        return s;
    m->path = mem_string(path);
    m->shapes_only = o && o->shapes_above && size > o->shapes_above;
    if (!m->path)
        s = STATUS_MEMORY;
    else if ((size >= sizeof magic - 1 && memcmp(data, magic, sizeof magic - 1) == 0) || (strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".net") == 0))
        s = load_net(m, data, size, o, d);
    else if (onnx_looks_like(path, data, size) || (o && o->family && strcmp(o->family, "onnx") == 0))
        s = load_onnx(m, data, size, o, d);
    else
        s = load_checkpoint(m, data, size, o, d);
    if (m->checkpoint.path)
        m->checkpoint.file = data; /* the tensors point into it */
    else
        free(data);
    return s;
}

static enum status load(struct model *m, const char *path, const struct model_options *o, struct diag *d)
{
    char *file = NULL;
    enum status s = family_check(o ? o->family : NULL, d);

    if (s == STATUS_OK)
        s = file_in_folder(&file, path, d);
    if (s == STATUS_OK)
        s = load_file(m, file, o, d);
    free(file);
    return s;
}

/* The passes that were asked for, each with a fact that says what it did. */
static enum status process(struct model *m, unsigned set, struct diag *d)
{
    enum status s = STATUS_OK;

    if (set && m->shapes_only)
        return diag_fail(d, STATUS_INPUT, "cannot process '%s': only its shapes were read", m->path);
    for (int p = 0; p < PROCESS_COUNT && s == STATUS_OK; p++) {
        struct text done = { 0 };
        if (!(set >> p & 1))
            continue;
        s = net_process(&m->net, 1u << p, &done, d);
        if (s == STATUS_OK)
            s = model_add_fact(m, process_names[p], done.data, "process: asked for, exact");
        text_clear(&done);
    }
    m->processed = set;
    return s;
}

enum status model_load(struct model *out, const char *path, const struct model_options *o, struct diag *d)
{
    struct model m = { 0 };
    enum status s = load(&m, path, o, d);

    if (s == STATUS_OK && o && o->process)
        s = process(&m, o->process, d);
    if (s == STATUS_OK)
        *out = m;
    else
        model_clear(&m);
    return s;
}
