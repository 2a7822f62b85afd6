/* see memo.h */
#include <stdlib.h>
#include <string.h>
#include "models/memo.h"
#include "core/mem.h"

#define SEQUENCES_MAX ((size_t)1 << 22)
#define BYTES_MAX ((size_t)128 << 20)
#define CHUNK 256
enum { NEVER, SEEN, STORED };

/* Of one row and length: at[s] is NEVER, SEEN, or STORED + the number of a stored row; s counts the sequences in base vocab. Stored rows do not move. */
struct memo { size_t n, row, width, size, asked, n_stored; uint32_t *at; double **chunk; size_t n_chunks, room; };

void memo_free(struct memo *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->n_chunks; i++) free(m->chunk[i]);
    free(m->chunk);
    free(m->at);
    free(m);
}

static struct memo *memo_new(size_t n, size_t vocab, size_t row, size_t width)
{
    size_t size = 1;
    struct memo *m = mem_array(1, sizeof *m);
    if (!m) return NULL;
    for (size_t i = 0; i < n && size <= SEQUENCES_MAX; i++) size = vocab > SEQUENCES_MAX ? SEQUENCES_MAX + 1 : size * vocab;
    *m = (struct memo){ .n = n, .row = row, .width = width, .size = size };
    if (size <= SEQUENCES_MAX) m->at = mem_array(size, sizeof *m->at);
    return m;
}

static double *stored(const struct memo *m, size_t k)
{
    return m->chunk[k / CHUNK] + k % CHUNK * 2 * m->width;
}

const double *memo_find(struct memo **memo, const int *tokens, size_t n, size_t vocab, size_t row, size_t width, bool *wanted)
{
    *wanted = false;
    if (!*memo) *memo = memo_new(n, vocab, row, width);
    struct memo *m = *memo;
    if (!m || !m->at || m->n != n || m->row != row || m->width != width) return NULL;   /* of the first row and length that are asked for */
    size_t s = 0;
    for (size_t i = 0; i < n; i++) s = s * vocab + (size_t)tokens[i];
    if (m->at[s] >= STORED) return stored(m, m->at[s] - STORED);
    *wanted = m->at[s] == SEEN && m->n_stored < BYTES_MAX / (2 * width * sizeof(double));
    m->at[s] = SEEN;
    m->asked = s;
    return NULL;
}

void memo_keep(struct memo *m, const double *mid, const double *rad)
{
    if (m->n_stored / CHUNK == m->n_chunks) {
        double **grown = mem_grow(m->chunk, &m->room, m->n_chunks + 1, sizeof *grown);
        if (!grown) return;
        m->chunk = grown;
        if (!(m->chunk[m->n_chunks] = mem_array(2 * CHUNK * m->width, sizeof(double)))) return;
        m->n_chunks++;
    }
    double *to = stored(m, m->n_stored);
    memcpy(to, mid, m->width * sizeof *to);
    memcpy(to + m->width, rad, m->width * sizeof *to);
    m->at[m->asked] = STORED + (uint32_t)m->n_stored++;
}
