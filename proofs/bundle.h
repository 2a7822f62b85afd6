/* bundle: a folder that stands alone: networks, statements, certificates, the claim file, what info said, sums, and how to check it all
 * again. The networks are there from the start, because the checker reads them from it. */
#ifndef WEIGHTPROOF_PROOFS_BUNDLE_H
#define WEIGHTPROOF_PROOFS_BUNDLE_H
#include "proofs/result.h"

/* Makes the folder (and its parents) when missing. */
enum status folder_make(const char *path, struct diag *d) MUST_USE;
/* A new folder under $TMPDIR or /tmp; malloc. */
enum status folder_temporary(char **out, struct diag *d) MUST_USE;
/* Removes the folder and the plain files in it. */
void folder_remove(const char *path);

/* STATUS_IO when a file of this path cannot be written: asked before the work is done that it is to hold. */
enum status output_check(const char *path, struct diag *d) MUST_USE;

/* The folder, new or empty, or that of an earlier bundle: its certificates and statements are removed, so that none outlives its run.
 * A folder that holds anything else is refused. */
enum status bundle_open(const char *folder, struct diag *d) MUST_USE;
/* Writes NAME.net of every model and NAME.arr of every data array that is loaded. */
enum status bundle_nets(const char *folder, const struct claims *c, struct diag *d) MUST_USE;
/* Writes everything else; the certificates are there already. */
enum status bundle_finish(const char *folder, const struct run_record *r, struct diag *d) MUST_USE;
#endif
