/* kernel: what rows.c and attention.c share: one row of one node in the making. */
#ifndef WEIGHTPROOF_VERIFY_SMT_KERNEL_H
#define WEIGHTPROOF_VERIFY_SMT_KERNEL_H
#include "verify/smt/smt.h"

struct kernel { struct smt *m; struct smt_site *site; const struct node *x; size_t node, row, width; struct entry *out; };
typedef void kernel_function(struct kernel *k);

const char *kernel_name(const struct kernel *k, size_t e);              /* |M.NODE[row,e]| */
struct entry *kernel_input(const struct kernel *k, size_t i, size_t row);   /* a row of input i of the node */
/* Are the n entries tables over one split (or numbers)? */
bool kernel_one_split(const struct split **split, const struct entry *x, size_t n);

/* attention.c */
kernel_function op_score, op_softmax, op_rowsoftmax, op_bilinear, op_mix;
#endif
