/* PyTorch checkpoints: a zip archive with a pickle of the tensors' descriptions and one member per storage. */
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "core/utf8.h"
#include "models/archive.h"
#include "models/checkpoint.h"
#include "models/decode.h"
#include "models/pickle.h"

struct reader {
    const char *path;
    struct archive *archive;
    char *pickle_owned;
    struct pickle pickle;
    size_t prefix;             /* length of what stands before data.pkl in member names */
    const char *data_pkl;      /* that member's name */
    size_t budget;             /* elements that tensors may still have: aliases cannot multiply without end */
    struct checkpoint *checkpoint;
    struct names keys;         /* of the storages read so far, with their place in the next */
    struct storage { const char *bytes; size_t offset; } *storages; size_t room;
    struct diag *d;
};

#define FAIL(r, ...) diag_fail((r)->d, STATUS_INPUT, "cannot read '%s': " __VA_ARGS__)

static enum status fail_help(const char *path, const char *what, const char *help, struct diag *d)
{
    return diag_at(d, STATUS_INPUT, (struct diag_place){ .file = NULL }, NULL, help, "cannot read '%s': %s", path, what);
}

static bool ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && strcmp(s + n - m, suffix) == 0;
}

enum status torch_refuse(const char *path, const char *data, size_t size, struct diag *d)
{
    static const char magic[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    static const char help[] = "where you trust the file, write a new one with torch.save(torch.load('old.pt'), 'new.pt')";

    if (size >= 262 && memcmp(data + 257, "ustar", 5) == 0)
        return fail_help(path, "a tar archive as PyTorch wrote before version 0.1.10, only zip archives are read", help, d);
    if (size >= 14 && memcmp(data + 2, magic, sizeof magic - 1) == 0)
        return fail_help(path, "a checkpoint as PyTorch wrote before version 1.6, only zip archives are read", help, d);
    return fail_help(path, "a plain pickle, not a PyTorch checkpoint", "write the tensors with torch.save(model.state_dict(), 'state.pt')", d);
}

/* Finds NAME/data.pkl and refuses what is a zip archive of another kind. */
static enum status find_pickle(struct reader *r, size_t *member)
{
    long found = -1;

    for (size_t i = 0; i < r->archive->n; i++) {
        const char *name = archive_name(r->archive, i);
        if (ends(name, "/constants.pkl") || strcmp(name, "constants.pkl") == 0)
            return fail_help(r->path, "a TorchScript program, a state dict is needed", "write one with torch.save(torch.jit.load('x.pt').state_dict(), 'state.pt')", r->d);
        if (!ends(name, "/data.pkl") && strcmp(name, "data.pkl") != 0)
            continue;
        if (found >= 0)
            return FAIL(r, "two zip members '%s' and '%s'", r->path, archive_name(r->archive, (size_t)found), name);
        found = (long)i;
    }
    if (found < 0)
        return FAIL(r, "a zip archive without data.pkl, not a PyTorch checkpoint", r->path);
    *member = (size_t)found;
    r->data_pkl = archive_name(r->archive, *member);
    r->prefix = strlen(r->data_pkl) - strlen("data.pkl");
    return STATUS_OK;
}

/* Number of the member PREFIX + name; -1 none, -2 no memory. */
static long find_beside(const struct reader *r, const char *folder, struct pickle_text name)
{
    struct text full = { 0 };
    long member = -2;

    text_add_n(&full, r->data_pkl, r->prefix);
    text_add(&full, folder);
    text_add_n(&full, name.s, name.n);
    if (!full.failed)
        member = archive_find(r->archive, full.data);
    text_clear(&full);
    return member;
}

static enum status check_byteorder(struct reader *r)
{
    long member = find_beside(r, "", (struct pickle_text){ "byteorder", 9 });
    const char *bytes;
    char *owned;
    size_t offset, size;
    bool little;
    enum status s;

    if (member < 0)
        return member == -2 ? STATUS_MEMORY : STATUS_OK;
    size = archive_size(r->archive, (size_t)member);
    if ((s = archive_read(&bytes, &owned, &offset, r->archive, (size_t)member)) != STATUS_OK)
        return s;
    little = size == 6 && memcmp(bytes, "little", 6) == 0;
    free(owned);
    return little ? STATUS_OK : FAIL(r, "its byte order is not little-endian", r->path);
}

static bool holds_tensors(const struct pickle *p, size_t dict)
{
    const struct pickle_list *l = &p->values[dict].list;

    for (size_t i = 0; p->values[dict].kind == PICKLE_DICT && i + 1 < l->n; i += 2)
        if (p->values[l->items[i + 1]].kind == PICKLE_TENSOR)
            return true;
    return false;
}

/* The dictionary with the tensors: the whole, or under one of the usual names. */
static enum status find_state(struct reader *r, size_t *out)
{
    static const char *const usual[] = { "state_dict", "model", "model_state_dict" };
    const struct pickle *p = &r->pickle;
    long found = -1;

    if (p->values[p->root].kind == PICKLE_TENSOR)
        return FAIL(r, "a single tensor, a dictionary of named tensors is needed", r->path);
    if (p->values[p->root].kind != PICKLE_DICT)
        return FAIL(r, "a value that is not a dictionary of named tensors", r->path);
    if (holds_tensors(p, p->root)) {
        *out = p->root;
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        long value = pickle_get(p, p->root, usual[i]);
        if (value < 0 || !holds_tensors(p, (size_t)value))
            continue;
        if (found >= 0)
            return FAIL(r, "more than one state dict in it ('state_dict', 'model', 'model_state_dict')", r->path);
        found = value;
    }
    if (found < 0)
        return FAIL(r, "there are no tensors in it, also not under 'state_dict' or 'model'", r->path);
    *out = (size_t)found;
    return STATUS_OK;
}

/* A value beside the tensors, in words. */
static enum status note(struct checkpoint *c, const struct pickle *p, size_t key, size_t value)
{
    static const char *const kinds[] = { "(something else)", "", "", "", "", "(a tuple)", "(a list)", "(a dictionary)", "(a name)", "(a storage)", "(a tensor)", "", "none" };
    const struct pickle_value *k = &p->values[key], *v = &p->values[value];
    struct text name = { 0 }, shown = { 0 };
    enum status s;

    if (k->kind != PICKLE_TEXT || !utf8_is_text(k->text.s, k->text.n))
        return STATUS_OK;
    text_add_n(&name, k->text.s, k->text.n);
    text_add(&shown, kinds[v->kind]);
    if (v->kind == PICKLE_BOOL)
        text_add(&shown, v->integer ? "true" : "false");
    else if (v->kind == PICKLE_INT)
        text_addf(&shown, "%lld", v->integer);
    else if (v->kind == PICKLE_FLOAT)
        text_add_double(&shown, v->number);
    else if (v->kind == PICKLE_TEXT && utf8_is_text(v->text.s, v->text.n))
        text_add_n(&shown, v->text.s, v->text.n);
    s = name.failed || shown.failed ? STATUS_MEMORY : checkpoint_add_fact(c, name.data, shown.data);
    text_clear(&name);
    text_clear(&shown);
    return s;
}

/* The dictionary of settings beside the tensors, where one of the usual names has one; an empty one says nothing. */
static enum status read_config(struct reader *r, struct checkpoint *c)
{
    static const char *const usual[] = { "config", "cfg", "model_config" };
    const struct pickle *p = &r->pickle;
    struct text json = { 0 };
    const char *name = NULL;
    size_t found = 0;

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        long value = pickle_get(p, p->root, usual[i]);
        if (value < 0 || p->values[value].kind != PICKLE_DICT || p->values[value].list.n == 0)
            continue;
        if (name)
            return FAIL(r, "two configurations in it, '%s' and '%s'", r->path, name, usual[i]);
        name = usual[i];
        found = (size_t)value;
    }
    if (name && !pickle_json(&json, p, found) && !json.failed) {
        text_clear(&json);
        return FAIL(r, "its entry '%s' is not a dictionary of settings", r->path, name);
    }
    if (json.failed) {
        text_clear(&json);
        return STATUS_MEMORY;
    }
    c->config = json.data;
    return STATUS_OK;
}

/* The bytes of a storage, read when its first tensor is. */
static enum status load_storage(struct storage *out, struct reader *r, const struct tensor *t, const struct pickle_storage *storage)
{
    long member, old = names_find(&r->keys, storage->key.s, storage->key.n);
    struct storage *grown, new = { 0 };
    size_t bytes, n = r->keys.n;
    char *owned;
    enum status s;

    member = find_beside(r, "data/", storage->key);
    if (member < 0)
        return member == -2 ? STATUS_MEMORY
                            : FAIL(r, "tensor '%s': there is no zip member '%.*sdata/%.*s'", r->path, t->name, (int)r->prefix, r->data_pkl, (int)storage->key.n, storage->key.s);
    bytes = archive_size(r->archive, (size_t)member);
    if (bytes % dtype_size(storage->dtype) || bytes / dtype_size(storage->dtype) != storage->numel)
        return FAIL(r, "tensor '%s': its storage has %zu elements of %s, zip member '%s' %zu bytes", r->path, t->name, storage->numel, dtype_name(storage->dtype),
                    archive_name(r->archive, (size_t)member), bytes);
    if (old >= 0) {
        *out = r->storages[old];
        return STATUS_OK;
    }
    if ((s = archive_read(&new.bytes, &owned, &new.offset, r->archive, (size_t)member)) != STATUS_OK || (owned && (s = checkpoint_keep(r->checkpoint, owned)) != STATUS_OK))
        return s;
    grown = mem_grow(r->storages, &r->room, n + 1, sizeof *grown);
    if (!grown)
        return STATUS_MEMORY;
    r->storages = grown;
    *out = grown[n] = new;
    return names_add(&r->keys, storage->key.s, storage->key.n, n, NULL) ? STATUS_OK : STATUS_MEMORY;
}

static enum status read_tensor(struct reader *r, struct tensor *t, const struct pickle_tensor *from)
{
    size_t count, bytes, start = from->offset * dtype_size(from->storage.dtype);
    struct storage storage = { 0 };
    enum status s;

    t->rank = from->rank;
    t->source.dtype = from->storage.dtype;
    memcpy(t->shape, from->shape, sizeof t->shape);
    memcpy(t->source.strides, from->strides, sizeof t->source.strides);
    if (!tensor_bytes(&count, &bytes, t) || count > r->budget)
        return FAIL(r, "tensor '%s' has far more elements than the file has data for", r->path, t->name);
    r->budget -= count;
    if ((s = load_storage(&storage, r, t, &from->storage)) != STATUS_OK)
        return s;
    t->source.bound = storage.offset != SIZE_MAX;
    t->source.offset = t->source.bound ? storage.offset + start : 0;
    return tensor_view(t, (const unsigned char *)storage.bytes + (count ? start : 0), r->path, r->d);
}

static enum status read_entry(struct reader *r, struct checkpoint *c, struct names *seen, size_t key, size_t value)
{
    const struct pickle *p = &r->pickle;
    const struct pickle_value *k = &p->values[key], *v = &p->values[value];
    struct tensor *t = &c->tensors[c->n];
    bool old;

    if (v->kind != PICKLE_TENSOR)
        return note(c, p, key, value);
    if (k->kind != PICKLE_TEXT || k->text.n == 0 || !utf8_is_text(k->text.s, k->text.n))
        return FAIL(r, "a tensor whose name is not a plain string", r->path);
    if (!(t->name = mem_string_n(k->text.s, k->text.n)))
        return STATUS_MEMORY;
    c->n++;
    if (!names_add(seen, k->text.s, k->text.n, c->n, &old))
        return STATUS_MEMORY;
    return old ? FAIL(r, "two tensors '%s'", r->path, t->name) : read_tensor(r, t, v->tensor);
}

static enum status read_state(struct reader *r, struct checkpoint *c, size_t state)
{
    const struct pickle *p = &r->pickle;
    const struct pickle_list *l = &p->values[state].list, *root = &p->values[p->root].list;
    struct names seen = { 0 };
    enum status s = STATUS_OK;

    c->tensors = mem_array(l->n / 2, sizeof *c->tensors);
    if (!c->tensors)
        return STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i + 1 < l->n; i += 2)
        s = read_entry(r, c, &seen, l->items[i], l->items[i + 1]);
    names_clear(&seen);
    for (size_t i = 0; s == STATUS_OK && state != p->root && i + 1 < root->n; i += 2)
        if (root->items[i + 1] != state)
            s = note(c, p, root->items[i], root->items[i + 1]);
    return s;
}

static enum status read_archive(struct reader *r, struct checkpoint *c)
{
    size_t member = 0, offset, state = 0;
    const char *bytes;
    enum status s;

    if ((s = find_pickle(r, &member)) != STATUS_OK || (s = check_byteorder(r)) != STATUS_OK)
        return s;
    if (archive_size(r->archive, member) > PICKLE_LIMIT)
        return FAIL(r, "a pickle of %zu bytes, the limit is %zu", r->path, archive_size(r->archive, member), PICKLE_LIMIT);
    if ((s = archive_read(&bytes, &r->pickle_owned, &offset, r->archive, member)) != STATUS_OK ||
        (s = pickle_parse(&r->pickle, r->path, bytes, archive_size(r->archive, member), r->d)) != STATUS_OK ||
        (s = find_state(r, &state)) != STATUS_OK || (s = read_config(r, c)) != STATUS_OK)
        return s;
    return read_state(r, c, state);
}

enum status torch_read(struct checkpoint *out, struct archive *a)
{
    /* shared and expanded tensors are normal, a thousandfold of the file is not */
    struct reader r = { .path = a->path, .archive = a, .checkpoint = out, .d = a->d, .budget = a->size > SIZE_MAX / 128 ? SIZE_MAX : 16 * a->size + 65536 };
    enum status s;

    out->format = "torch";
    s = read_archive(&r, out);
    pickle_clear(&r.pickle);
    names_clear(&r.keys);
    free(r.pickle_owned);
    free(r.storages);
    return s;
}
