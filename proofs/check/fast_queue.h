/* fast_queue: bindings that wait, so that rows of their sequences are made together (fast_lanes.h). */
#ifndef CHECK_FAST_QUEUE_H
#define CHECK_FAST_QUEUE_H
#include "fast.h"

#define WAITING_MOST 256
/* vars: [WAITING_MOST * b->n], where s of a sequence is NULL and its entries stand in tokens from `at` on; differing: by binder, how many sequences there are where neighbours that are equal count as one. */
struct queue { struct eval *e; const struct binds *b; uint32_t n, *differing; struct var *vars; size_t *at; bool *holds; int64_t *tokens; size_t n_tokens, room; };

void queue_init(struct queue *q, struct eval *e, const struct binds *b);
void queue_clear(struct queue *q);
bool queue_fits(const struct queue *q);                       /* the binding of now too */
void queue_add(struct queue *q, bool holds);                  /* the binding of now */
bool queue_take(struct queue *q, uint32_t k);                 /* becomes the binding of now; returns its `holds` */
void queue_batch(struct queue *q, struct fast *f);            /* the networks of f on sequences of binders get theirs as a batch */
void queue_forget(struct queue *q);                           /* all that wait */
#endif
