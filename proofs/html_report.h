/* html_report: one self-contained page about a run of `verify`: no script, no outside resource. Verdicts first, then each claim with its
 * evidence and pictures, then the models. Facts come from the run record; pictures are drawn from double-precision activations and say so. */
#ifndef WEIGHTPROOF_PROOFS_HTML_REPORT_H
#define WEIGHTPROOF_PROOFS_HTML_REPORT_H
#include "proofs/result.h"

enum status html_report_write(const struct run_record *r, const char *path, struct diag *d) MUST_USE;

/* Parts of the page, one file each. */
void html_claim(struct text *out, const struct run_record *run, size_t index);             /* html_claim.c */
void html_input(struct text *out, const struct result *r, const struct binding *b, const char *what); /* html_input.c: patterns and logits on one binding */
void html_repairs(struct text *out, const struct result *r);                                /* html_input.c: which component repairs it */
void html_model(struct text *out, const struct bound_model *m);                             /* html_model.c */
/* html_forms.c: a histogram of the distances of `radius` that a claim rests on; spectra and eigenvectors of a bilinear network's outputs, or nothing. */
void html_distances(struct text *out, const struct result *r);
void html_forms(struct text *out, const struct net *net);
/* Token names of a model, NULL when it has no labels. */
const char *const *html_labels(const struct statement *s, const char *model, size_t *n);
#endif
