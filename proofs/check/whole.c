/* Sums that are 1 because their terms are the entries of a softmax row (STATEMENT.md §4, "Shares"). */
#include "eval.h"
#include "run.h"
#include "rows.h"

bool next_of_row(struct tag *row, const struct num *x, uint64_t count) {
    if (x->tag.run == 0 || x->tag.col != count) return false;
    if (count == 0) *row = x->tag;
    return x->tag.run == row->run && x->tag.node == row->node && x->tag.row == row->row;
}

bool is_whole_softmax(const struct eval *e, struct tag row, uint64_t n) {
    const struct run *r = NULL;
    for (int i = 0; i < RUNS; i++)
        if (e->runs[i].net != NULL && e->runs[i].id == row.run) r = &e->runs[i];
    int node = (int)row.node - 1;
    if (r == NULL || r->float32 || r->net->nodes[node].op != OP_SOFTMAX || run_patched(r, node, row.row)) return false;
    bool any = false;
    for (uint32_t j = 0; j < r->n; j++) {
        if (!run_allowed(r, row.row, j)) continue;
        if (j >= n) return false;
        any = true;
    }
    return any;
}
