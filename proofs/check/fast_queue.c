/* see fast_queue.h */
#include "fast_queue.h"
#include "fast_lanes.h"
#include <string.h>

void queue_init(struct queue *q, struct eval *e, const struct binds *b) {
    *q = (struct queue){.e = e, .b = b};
    q->differing = mem_get((size_t)b->n, sizeof *q->differing);
    q->vars = mem_get((size_t)WAITING_MOST * (size_t)b->n, sizeof *q->vars);
    q->at = mem_get((size_t)WAITING_MOST * (size_t)b->n, sizeof *q->at);
    q->holds = mem_get(WAITING_MOST, sizeof *q->holds);
}

void queue_clear(struct queue *q) {
    void *all[] = {q->differing, q->vars, q->at, q->holds, q->tokens};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    *q = (struct queue){0};
}

static const struct var *now(const struct queue *q, int i) { return &q->e->env[q->b->b[i].slot]; }

/* Is a sequence another one than that of the binding before? */
static bool differs(const struct queue *q, int i) {
    const struct var *v = now(q, i);
    size_t k = (size_t)(q->n - 1) * (size_t)q->b->n + (size_t)i;
    return q->n == 0 || v->n != q->vars[k].n || memcmp(v->s, q->tokens + q->at[k], v->n * sizeof *v->s) != 0;
}

bool queue_fits(const struct queue *q) {
    for (int i = 0; i < q->b->n; i++)
        if (now(q, i)->seq && q->differing[i] == LANES && differs(q, i)) return false;
    return q->n < WAITING_MOST;
}

void queue_add(struct queue *q, bool holds) {
    for (int i = 0; i < q->b->n; i++) {
        const struct var *v = now(q, i);
        size_t k = (size_t)q->n * (size_t)q->b->n + (size_t)i;
        q->vars[k] = *v;
        if (!v->seq) continue;
        q->differing[i] += q->n == 0 || differs(q, i);
        if (q->room - q->n_tokens < v->n) {
            q->tokens = mem_grow(q->tokens, q->n_tokens, 2 * q->room + v->n, sizeof *q->tokens);
            q->room = 2 * q->room + v->n;
        }
        memcpy(q->tokens + q->n_tokens, v->s, v->n * sizeof *v->s);
        q->at[k] = q->n_tokens;
        q->n_tokens += v->n;
    }
    q->holds[q->n++] = holds;
}

bool queue_take(struct queue *q, uint32_t k) {
    for (int i = 0; i < q->b->n; i++) {
        size_t at = (size_t)k * (size_t)q->b->n + (size_t)i;
        struct var *v = &q->e->env[q->b->b[i].slot];
        *v = q->vars[at];
        if (v->seq) v->s = q->tokens + q->at[at];
    }
    return q->holds[k];
}

/* The sequences of a binder, neighbours that are equal once. */
static uint32_t sequences(const struct queue *q, int i, uint32_t n, const int64_t *s[LANES]) {
    uint32_t many = 0;
    for (uint32_t k = 0; k < q->n; k++) {
        size_t at = (size_t)k * (size_t)q->b->n + (size_t)i;
        const int64_t *t = q->tokens + q->at[at];
        if (!q->vars[at].seq || q->vars[at].n != n) return 0;
        if (many > 0 && memcmp(s[many - 1], t, n * sizeof *t) == 0) continue;
        if (many == LANES) return 0;
        s[many++] = t;
    }
    return many;
}

void queue_batch(struct queue *q, struct fast *f) {
    const int64_t *s[LANES];
    for (int k = 0; k < f->n_nets; k++)
        for (int i = 0; i < q->b->n; i++)
            if (f->nets[k].net != NULL && f->on[k]->kind == EX_VAR && f->on[k]->number == q->b->b[i].slot) (void)lanes_set(&f->nets[k], s, sequences(q, i, f->nets[k].n, s));
}

void queue_forget(struct queue *q) {
    q->n = 0;
    q->n_tokens = 0;
    memset(q->differing, 0, (size_t)q->b->n * sizeof *q->differing);
}
