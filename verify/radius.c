/* radius.c: the store of distances. One is found from the eigenvectors of each difference of outputs, once, and for every input the nearest zero of each:
 * radius_query.c, radius_ball.c, in a box radius_box.c. */
#include "verify/radius.h"
#include <string.h>
#include "core/mem.h"
#include "verify/radius_query.h"
#include "verify/spectral.h"

struct found { char *key, *rest; unsigned long hash; fmpq_t lo, hi; };
struct noted { char *key, *rest; };
struct radii { struct radius_model *models; size_t n_models, room_models; struct found *found; size_t n_found, room_found; struct noted *changes; size_t n_changes, room_changes; bool noting; struct spectra *spectra; };

struct radii *radii_new(void)
{
    struct radii *r = mem_array(1, sizeof *r);
    if (r && !(r->spectra = spectra_new())) {
        free(r);
        return NULL;
    }
    return r;
}

struct spectra *radii_spectra(const struct radii *r) { return r ? r->spectra : NULL; }

static void shape_clear(struct radius_model *m)
{
    for (size_t i = 0; i < m->n_pairs; i++) eigen_clear(&m->pairs[i].e);
    free(m->pairs);
    free(m->name);
    outputs_clear(&m->out);
}

void radii_free(struct radii *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->n_models; i++) shape_clear(&r->models[i]);
    for (size_t i = 0; i < r->n_found; i++) {
        free(r->found[i].key), free(r->found[i].rest);
        fmpq_clear(r->found[i].lo), fmpq_clear(r->found[i].hi);
    }
    for (size_t i = 0; i < r->n_changes; i++) free(r->changes[i].key), free(r->changes[i].rest);
    free(r->models);
    free(r->found);
    free(r->changes);
    spectra_free(r->spectra);
    free(r);
}

/* ---- the store; callers hold the lock ---- */

static enum status shape_of(struct radius_model **out, struct radii *r, const char *name, const struct net *net, long leaf, bool turned)
{
    for (size_t i = 0; i < r->n_models; i++)
        if (r->models[i].leaf == leaf && r->models[i].turned == turned && strcmp(r->models[i].name, name) == 0) {
            *out = &r->models[i];
            return STATUS_OK;
        }
    if (r->n_models == r->room_models && r->n_models) return STATUS_LIMIT;
    if (!r->models && !(r->models = mem_grow(NULL, &r->room_models, 64, sizeof *r->models))) return STATUS_MEMORY;   /* never moved: queries point into it */
    struct radius_model *m = &r->models[r->n_models];
    *m = (struct radius_model){.name = mem_string(name), .leaf = leaf, .turned = turned};
    enum status s = m->name ? (turned ? outputs_turned : outputs_make)(&m->out, net, leaf) : STATUS_MEMORY;
    if (s == STATUS_OK && !(m->pairs = mem_grow(NULL, &m->room_pairs, m->out.width * m->out.width, sizeof *m->pairs))) s = STATUS_MEMORY;
    if (s != STATUS_OK) {
        shape_clear(m);
        return s;
    }
    r->n_models++;
    *out = m;
    return STATUS_OK;
}

static unsigned long hash_of(const char *s)
{
    unsigned long h = 14695981039346656037UL;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211UL;
    return h;
}

enum status radii_outputs(const struct outputs **out, struct radii *store, const char *model, const struct net *net, long leaf, bool turned)
{
    struct radius_model *m = NULL;
    enum status s;
#pragma omp critical(radius_store)
    s = shape_of(&m, store, model, net, leaf, turned);
    *out = m ? &m->out : NULL;
    return s;
}

static const struct found *find(const struct radii *r, const char *key)
{
    unsigned long h = hash_of(key);
    for (size_t i = 0; i < r->n_found; i++)
        if (r->found[i].hash == h && strcmp(r->found[i].key, key) == 0) return &r->found[i];
    return NULL;
}

static enum status keep(struct radii *r, const char *key, const char *rest, const fmpq_t lo, const fmpq_t hi)
{
    if (find(r, key)) return STATUS_OK;       /* another thread was faster; what it found is as good */
    struct found *grown = mem_grow(r->found, &r->room_found, r->n_found + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    r->found = grown;
    struct found *f = &grown[r->n_found];
    f->key = mem_string(key);
    f->rest = mem_string(rest);
    f->hash = hash_of(key);
    if (!f->key || !f->rest) {
        free(f->key), free(f->rest);
        return STATUS_MEMORY;
    }
    fmpq_init(f->lo);
    fmpq_init(f->hi);
    fmpq_set(f->lo, lo);
    fmpq_set(f->hi, hi);
    r->n_found++;
    return STATUS_OK;
}

static void key_add(struct text *key, const char *model, size_t n, const fmpq *x, long target, const fmpq *low, const fmpq *high)
{
    text_addf(key, "%s ", model);
    if (target < 0) text_add(key, "* ");
    else text_addf(key, "%ld ", target);
    fractions_add_text(key, x, n);
    if (low) text_add(key, " in "), fractions_add_text(key, low, n), text_add(key, " "), fractions_add_text(key, high, n);
}

bool radii_point(fmpq *u, const struct radii *r, const char *model, size_t n, const fmpq *x, long target, const fmpq *low, const fmpq *high)
{
    struct text key;
    text_init(&key);
    key_add(&key, model, n, x, target, low, high);
    const struct found *f = key.failed ? NULL : find(r, key.data);
    const char *at = f ? f->rest : NULL;
    text_clear(&key);
    for (int skip = 0; at && skip < 3; skip++) at = (at = strchr(at, ' ')) ? at + 1 : NULL;       /* " LO HI U ..." */
    return at && fractions_read(u, n, at);
}

enum status radii_find(fmpq_t lo, fmpq_t hi, struct radii *store, const char *model, const struct net *net, const fmpq *x, long target, const fmpq *low, const fmpq *high, struct diag *d)
{
    struct text key, rest;
    struct radius_model *m = NULL;
    const struct found *f;
    enum status s;
    text_init(&key);
    text_init(&rest);
    key_add(&key, model, net->width_in, x, target, low, high);
    if (key.failed) return STATUS_MEMORY;
#pragma omp critical(radius_store)
    {
        s = shape_of(&m, store, model, net, -1, false);
        if ((f = find(store, key.data))) fmpq_set(lo, f->lo), fmpq_set(hi, f->hi);
    }
    if (s == STATUS_OK && !f) {
        struct query q;
        s = query_init(&q, m, x);
        q.low = low, q.high = high;
        if (s == STATUS_OK) s = rivals_make(&q, target, d);
        if (s == STATUS_OK) s = low ? box_solve(&rest, lo, hi, &q) : ball_solve(&rest, lo, hi, &q);
        query_clear(&q);
#pragma omp critical(radius_store)
        if (s == STATUS_OK) s = keep(store, key.data, rest.data, lo, hi);
    }
    text_clear(&key);
    text_clear(&rest);
    return s;
}

/* ---- changes along segments, in the order of their keys ---- */

/* The place of the key, or where it belongs. */
static size_t place_of(const struct radii *r, const char *key)
{
    size_t lo = 0, hi = r->n_changes;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(r->changes[mid].key, key) < 0) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static enum status insert(struct radii *r, const char *key, const char *rest)
{
    size_t at = place_of(r, key);
    if (at < r->n_changes && strcmp(r->changes[at].key, key) == 0) return STATUS_OK;
    struct noted *grown = mem_grow(r->changes, &r->room_changes, r->n_changes + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    r->changes = grown;
    struct noted x = {mem_string(key), mem_string(rest)};
    if (!x.key || !x.rest) {
        free(x.key), free(x.rest);
        return STATUS_MEMORY;
    }
    memmove(grown + at + 1, grown + at, (r->n_changes++ - at) * sizeof *grown);
    grown[at] = x;
    return STATUS_OK;
}

void radii_note_changes(struct radii *r, bool on) { r->noting = on; }

bool radii_notes_changes(const struct radii *r) { return r->noting; }

enum status radii_keep_changes(struct radii *r, const char *key, const char *rest)
{
    enum status s;
#pragma omp critical(radius_store)
    s = insert(r, key, rest);
    return s;
}

const char *radii_changes(const struct radii *r, const char *key)
{
    size_t at = r ? place_of(r, key) : 0;
    return r && at < r->n_changes && strcmp(r->changes[at].key, key) == 0 ? r->changes[at].rest : NULL;
}

static int by_key(const void *a, const void *b) { return strcmp(((const struct found *)a)->key, ((const struct found *)b)->key); }

enum status radii_lines(struct text *out, struct radii *r)
{
    if (r && r->n_found) qsort(r->found, r->n_found, sizeof *r->found, by_key);
    for (size_t i = 0; r && i < r->n_found; i++) text_addf(out, "radius %s", r->found[i].key), text_add(out, r->found[i].rest), text_add(out, "\n");
    for (size_t i = 0; r && i < r->n_changes; i++) text_addf(out, "changes %s", r->changes[i].key), text_add(out, r->changes[i].rest), text_add(out, "\n");
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}

size_t radii_count(const struct radii *r) { return r ? r->n_found : 0; }

double radii_upper(const struct radii *r, size_t i) { return ratio(fmpq_numref(r->found[i].hi), fmpq_denref(r->found[i].hi)); }
