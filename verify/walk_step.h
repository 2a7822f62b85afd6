/* One binder of a walk (walk.c): its set, and where in it the walk stands. */
#ifndef WEIGHTPROOF_VERIFY_WALK_STEP_H
#define WEIGHTPROOF_VERIFY_WALK_STEP_H
#include "verify/interp_parts.h"
#include "verify/prune.h"

typedef unsigned __int128 index_t;
#define INDEX_MAX ((index_t)1 << 126)
index_t index_mul(index_t a, index_t b);     /* at most INDEX_MAX */

struct elements { long *values; size_t n, room; size_t *start; size_t n_start, room_start; bool sequences; };

enum step_kind { STEP_RANGE, STEP_ELEMENTS, STEP_SEQUENCE, STEP_TEST, STEP_ASSIGN };
struct step {
    enum step_kind kind;
    int slot;
    const struct expr *e;        /* set, condition or value */
    bool closed;                 /* depends on no name: read once for all */
    bool varies;                 /* depends on names that this walk binds: read anew at every entry */
    bool loaded, prefix;         /* prefix: counted by the walk's index */
    long lo, hi, at;             /* RANGE */
    struct elements *lists; size_t n_lists;   /* ELEMENTS: one; SEQUENCE: one, or one a position */
    size_t k, *digit; int *tokens; size_t room;
    index_t size;                /* SEQUENCE: how many, at most INDEX_MAX */
    struct prune prune;          /* SEQUENCE: what its tokens have to satisfy, as far as it is known beforehand */
    bool whole;                  /* that is all that the walk's condition says */
};

bool is_range(const struct expr *set);       /* a..b or rows(X) */
void step_clear(struct step *p);
/* Reads the set of a generator: a range, elements, or sequences. */
enum status step_load(struct step *p, struct interp *in) MUST_USE;
/* Of a loaded generator: how many it has, at most INDEX_MAX, and the place where it stands. */
index_t step_size(const struct step *p);
index_t step_index(const struct step *p);
/* Places it at an index below its size. */
void step_seek(struct step *p, index_t at);
/* This sequence, or the next one, that passes the tests; before position `from` they are passed. */
bool sequence_admit(struct step *p, size_t from);
bool step_next(struct step *p);
/* Binds the slot of a generator to where it stands. */
enum status step_bind(struct step *p, struct interp *in) MUST_USE;
enum status bind_element(struct interp *in, int slot, const struct elements *x, size_t i) MUST_USE;
#endif
