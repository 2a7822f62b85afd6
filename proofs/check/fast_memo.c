/* Rows of the output of a network on sequences that were met before: in claims about pairs every sequence is met once for each other one. A row is copied when its sequence is met
 * the second time, so that claims about single sequences cost a mark each. */
#include "fast.h"
#include <string.h>

#define SEQUENCES_MOST ((size_t)1 << 22)
#define BYTES_MOST ((size_t)128 << 20)
enum { NEVER, SEEN, STORED };

/* Of one row: at[s] is NEVER, SEEN, or STORED + the number of a stored row; s counts the sequences in base vocab. Stored rows do not move. */
struct fmemo { uint32_t row, width; size_t size; uint32_t *at; struct frow **stored; size_t n_stored, room; };

void fmemo_free(struct fmemo *m) {
    if (m == NULL) return;
    for (size_t i = 0; i < m->n_stored; i++) {
        mem_free(m->stored[i]->m);
        mem_free(m->stored[i]->wide);
        mem_free(m->stored[i]->r);
        mem_free(m->stored[i]);
    }
    mem_free(m->stored);
    mem_free(m->at);
    mem_free(m);
}

static struct fmemo *fmemo_new(const struct fnet *w, uint32_t row) {
    struct fmemo *m = mem_get(1, sizeof *m);
    m->row = row;
    m->width = w->net->nodes[w->net->output].width;
    m->size = 1;
    for (uint32_t i = 0; i < w->n && m->size <= SEQUENCES_MOST; i++) m->size *= w->net->vocab; /* below 2^22 2^32 */
    if (m->size <= SEQUENCES_MOST) m->at = mem_get(m->size, sizeof *m->at);
    return m;
}

static int32_t *entries(const int32_t *from, uint32_t n) {
    int32_t *to = mem_get(n, sizeof *to);
    memcpy(to, from, n * sizeof *to);
    return to;
}

static struct frow *copy(struct fmemo *m, const struct frow *r) {
    if (m->n_stored >= BYTES_MOST / (2 * m->width * sizeof(int32_t) + sizeof *r)) return NULL;
    if (m->n_stored == m->room) {
        m->stored = mem_grow(m->stored, m->room, 2 * m->room + 64, sizeof *m->stored);
        m->room = 2 * m->room + 64;
    }
    struct frow *to = mem_get(1, sizeof *to);
    *to = *r;
    to->m = r->m != NULL ? entries(r->m, m->width) : NULL;
    if (r->wide != NULL) {
        to->wide = mem_get(m->width, sizeof *to->wide);
        memcpy(to->wide, r->wide, m->width * sizeof *to->wide);
    }
    to->r = r->r != NULL ? entries(r->r, m->width) : NULL;
    to->exact = to->size = NULL;          /* for sums inside the network */
    return m->stored[m->n_stored++] = to;
}

struct frow *fnet_output(struct fnet *w, const int64_t *tokens, uint32_t row) {
    int node = w->net->output;
    bool remembers = w->other == NULL && !w->token_only[node] && w->net->nodes[node].width > 0; /* rows of other runs rest on two sequences */
    if (remembers && w->memo == NULL) w->memo = fmemo_new(w, row);
    struct fmemo *m = w->memo;
    if (!remembers || m->at == NULL || m->row != row) { /* of the first row that is asked for */
        fnet_tokens(w, tokens);
        return fnet_row(w, node, row);
    }
    size_t s = 0;
    for (uint32_t i = 0; i < w->n; i++) s = s * w->net->vocab + (size_t)tokens[i];
    if (m->at[s] >= STORED) return m->stored[m->at[s] - STORED];
    fnet_tokens(w, tokens);
    struct frow *r = fnet_row(w, node, row), *kept = r != NULL && m->at[s] == SEEN ? copy(m, r) : NULL;
    m->at[s] = kept != NULL ? STORED + (uint32_t)m->n_stored - 1 : SEEN;
    return r;
}
