/* PyTorch checkpoints: a zip archive with a pickle of the tensors' descriptions and one member per storage. */
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "core/utf8.h"
#include "models/archive.h"
#include "models/checkpoint.h"
#include "models/decode.h"
#include "models/torch_state.h"

enum { TENSORS_MAX = 100000, MODULES_DEEP = 60 };

struct reader {
    const char *path;
    struct archive *archive;
    char *pickle_owned;
    struct pickle pickle;
    size_t prefix;             /* length of what stands before data.pkl in member names */
    const char *data_pkl;      /* that member's name */
    size_t budget;             /* elements that tensors may still have: aliases cannot multiply without end */
    struct checkpoint *checkpoint; size_t tensor_room;
    const char *choice;        /* which state dict, or NULL */
    struct names seen;         /* names of the tensors */
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

/* A value beside the tensors, in words. */
static const char *describe(const struct pickle *p, size_t value)
{
    static const char *const kinds[] = { "(something else)", "", "", "", "", "(a tuple)", "(a list)", "(a dictionary)", "(a name)", "(a storage)", "(a tensor, not read)", "", "none",
                                         "(a name)", "(an object)", "(bytes)" };

    return torch_is_optimizer(p, value)    ? "(an optimizer's state, not read)"
           : torch_is_module(p, value)     ? "(a module, not read)"
           : torch_holds_tensors(p, value) ? "(a state dict, not read)"
                                           : kinds[p->values[value].kind];
}

static enum status note(struct checkpoint *c, const struct pickle *p, size_t key, size_t value)
{
    const struct pickle_value *k = &p->values[key], *v = &p->values[value];
    struct text name = { 0 }, shown = { 0 };
    enum status s;

    if (k->kind != PICKLE_TEXT || !utf8_is_text(k->text.s, k->text.n))
        return STATUS_OK;
    text_add_n(&name, k->text.s, k->text.n);
    text_add(&shown, describe(p, value));
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

/* Settings with something in them: a dictionary or an object with attributes. */
static bool has_settings(const struct pickle *p, long value)
{
    const struct pickle_list *l = value < 0 ? NULL : pickle_items(p, (size_t)value);

    l = l || value < 0 ? l : pickle_attributes(p, (size_t)value);
    return l && l->n > 0;
}

/* The settings beside the tensors, or in the module that has them, where one of the usual names has some; an empty one says nothing. */
static enum status read_config(struct reader *r, struct checkpoint *c, size_t state)
{
    static const char *const usual[] = { "config", "cfg", "model_config" };
    const struct pickle *p = &r->pickle;
    struct text json = { 0 };
    const char *name = NULL;
    size_t found = 0;

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        long value = pickle_get(p, p->root, usual[i]);
        if (!has_settings(p, value))
            value = pickle_find(p, pickle_attributes(p, state), usual[i]);
        if (!has_settings(p, value) || (size_t)value == state)
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

/* The next tensor of the checkpoint, named prefix + key. */
static enum status add_tensor(struct reader *r, struct checkpoint *c, const char *prefix, size_t key, size_t value)
{
    const struct pickle_value *k = &r->pickle.values[key];
    struct text name = { 0 };
    struct tensor *grown;
    bool old;

    if (k->kind != PICKLE_TEXT || k->text.n == 0 || !utf8_is_text(k->text.s, k->text.n))
        return FAIL(r, "a tensor whose name is not a plain string", r->path);
    if (c->n == TENSORS_MAX)
        return FAIL(r, "more than %d tensors", r->path, TENSORS_MAX);
    grown = mem_grow(c->tensors, &r->tensor_room, c->n + 1, sizeof *grown);
    if (!grown)
        return STATUS_MEMORY;
    c->tensors = grown;
    text_add(&name, prefix);
    text_add_n(&name, k->text.s, k->text.n);
    if (name.failed) {
        text_clear(&name);
        return STATUS_MEMORY;
    }
    grown[c->n++].name = name.data;
    if (!names_add(&r->seen, name.data, name.size, c->n, &old))
        return STATUS_MEMORY;
    return old ? FAIL(r, "two tensors '%s'", r->path, name.data) : read_tensor(r, &grown[c->n - 1], r->pickle.values[value].tensor);
}

/* Buffers that a module registers as not persistent are none of its state dict. */
static bool is_listed(const struct pickle *p, long list, const struct pickle_value *key)
{
    const struct pickle_list *l = list >= 0 && p->values[list].kind == PICKLE_LIST ? &p->values[list].list : NULL;

    for (size_t i = 0; l && i < l->n; i++) {
        const struct pickle_value *v = &p->values[l->items[i]];
        if (v->kind == PICKLE_TEXT && key->kind == PICKLE_TEXT && v->text.n == key->text.n && memcmp(v->text.s, key->text.s, v->text.n) == 0)
            return true;
    }
    return false;
}

static enum status read_module(struct reader *r, struct checkpoint *c, size_t module, const char *prefix, int depth);

static enum status read_part(struct reader *r, struct checkpoint *c, size_t key, size_t value, const char *prefix, int depth)
{
    const struct pickle *p = &r->pickle;
    const struct pickle_value *k = &p->values[key];
    struct text name = { 0 };
    enum status s;

    if (p->values[value].kind == PICKLE_NONE)
        return STATUS_OK;
    if (k->kind != PICKLE_TEXT || !utf8_is_text(k->text.s, k->text.n) || !torch_is_module(p, value))
        return FAIL(r, "module '%s' has a part that is not a module that can be read as data", r->path, prefix[0] ? prefix : "(the whole)");
    if (depth == MODULES_DEEP)
        return FAIL(r, "modules within modules, %d deep", r->path, MODULES_DEEP);
    text_add(&name, prefix);
    text_add_n(&name, k->text.s, k->text.n);
    text_add(&name, ".");
    s = name.failed ? STATUS_MEMORY : read_module(r, c, value, name.data, depth + 1);
    text_clear(&name);
    return s;
}

/* The tensors of a module and of its parts, by the names that its state dict would have. */
static enum status read_module(struct reader *r, struct checkpoint *c, size_t module, const char *prefix, int depth)
{
    static const char *const own[] = { "_parameters", "_buffers" };
    const struct pickle *p = &r->pickle;
    const struct pickle_list *a = pickle_attributes(p, module), *l;
    long passing = pickle_find(p, a, "_non_persistent_buffers_set"), part;
    enum status s = STATUS_OK;

    for (size_t k = 0; k < 2; k++) {
        part = pickle_find(p, a, own[k]);
        l = part < 0 ? NULL : pickle_items(p, (size_t)part);
        for (size_t i = 0; l && s == STATUS_OK && i + 1 < l->n; i += 2)
            if (p->values[l->items[i + 1]].kind == PICKLE_TENSOR && !(k == 1 && is_listed(p, passing, &p->values[l->items[i]])))
                s = add_tensor(r, c, prefix, l->items[i], l->items[i + 1]);
    }
    part = pickle_find(p, a, "_modules");
    l = part < 0 ? NULL : pickle_items(p, (size_t)part);
    for (size_t i = 0; l && s == STATUS_OK && i + 1 < l->n; i += 2)
        s = read_part(r, c, l->items[i], l->items[i + 1], prefix, depth);
    return s;
}

static enum status note_module(struct checkpoint *c, const struct pickle *p, size_t state)
{
    const struct pickle_class *class = p->values[p->values[state].object->class].kind == PICKLE_CLASS ? &p->values[p->values[state].object->class].class : NULL;
    struct text what = { 0 };
    enum status s = STATUS_MEMORY;

    if (class && utf8_is_text(class->module.s, class->module.n) && utf8_is_text(class->name.s, class->name.n)) {
        text_add_n(&what, class->module.s, class->module.n);
        text_add(&what, ".");
        text_add_n(&what, class->name.s, class->name.n);
    }
    text_add(&what, " (its tensors read as data, nothing executed)");
    if (!what.failed)
        s = checkpoint_add_fact(c, "pickled module", what.data);
    text_clear(&what);
    return s;
}

static enum status read_dictionary(struct reader *r, struct checkpoint *c, size_t state)
{
    const struct pickle *p = &r->pickle;
    const struct pickle_list *l = pickle_items(p, state);
    enum status s = STATUS_OK;

    for (size_t i = 0; l && s == STATUS_OK && i + 1 < l->n; i += 2)
        s = p->values[l->items[i + 1]].kind == PICKLE_TENSOR ? add_tensor(r, c, "", l->items[i], l->items[i + 1]) : note(c, p, l->items[i], l->items[i + 1]);
    return s;
}

static enum status read_state(struct reader *r, struct checkpoint *c, size_t state)
{
    const struct pickle *p = &r->pickle;
    const struct pickle_list *root = pickle_items(p, p->root);
    bool module = torch_is_module(p, state);
    enum status s = module ? note_module(c, p, state) : STATUS_OK;

    if (s == STATUS_OK)
        s = module ? read_module(r, c, state, "", 0) : read_dictionary(r, c, state);
    if (s == STATUS_OK && module)
        s = torch_check_modules(p, state, r->path, r->d);
    if (s == STATUS_OK && module && !(c->modules = torch_describe_modules(p, state)))
        s = STATUS_MEMORY;
    if (s == STATUS_OK && c->n == 0)
        s = FAIL(r, "there are no tensors in the module", r->path);
    for (size_t i = 0; root && s == STATUS_OK && state != p->root && i + 1 < root->n; i += 2)
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
        (s = torch_choose(&state, &r->pickle, r->path, r->choice, r->d)) != STATUS_OK || (s = read_config(r, c, state)) != STATUS_OK)
        return s;
    return read_state(r, c, state);
}

enum status torch_read(struct checkpoint *out, struct archive *a, const char *choice)
{
    /* shared and expanded tensors are normal, a thousandfold of the file is not */
    struct reader r = { .path = a->path, .archive = a, .checkpoint = out, .choice = choice, .d = a->d, .budget = a->size > SIZE_MAX / 128 ? SIZE_MAX : 16 * a->size + 65536 };
    enum status s;

    out->format = "torch";
    s = read_archive(&r, out);
    pickle_clear(&r.pickle);
    names_clear(&r.keys);
    names_clear(&r.seen);
    free(r.pickle_owned);
    free(r.storages);
    return s;
}
