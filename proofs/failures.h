/* failures: for every refuted claim, count and list, the failing inputs as DIR/NAME.npy (int64, one row a binding, the columns of all
 * binders one after the other) and DIR/NAME.py, the PyTorch lines that replay them; what those cannot read from the model and data files themselves as MODEL.net, DATA.arr. */
#ifndef WEIGHTPROOF_PROOFS_FAILURES_H
#define WEIGHTPROOF_PROOFS_FAILURES_H
#include "proofs/result.h"
#define FAILURES_MAX 100000 /* rows in a file */
enum status failures_write(const char *folder, const struct run_record *r, const struct limits *l, struct diag *d) MUST_USE;
/* The lines for one claim and its rows. */
bool replay_plain(const struct model *m);   /* does the model's file hold every tensor under its own name? */
enum status replay_write(struct text *out, const struct result *r, const struct binding *rows, size_t n, bool complete) MUST_USE;
#endif
