/* html_report: one self-contained page about a run of `verify`: no script, no outside resource. Verdicts first, then each claim with its
 * evidence and pictures, then the models. Facts come from the run record; pictures are drawn from double-precision activations and say so. */
#ifndef WEIGHTPROOF_PROOFS_HTML_REPORT_H
#define WEIGHTPROOF_PROOFS_HTML_REPORT_H
#include "proofs/picture.h"
#include "proofs/result.h"

enum status html_report_write(const struct run_record *r, const char *path, struct diag *d) MUST_USE;

/* Parts of the page, one file each. */
void html_claim(struct text *out, const struct run_record *run, size_t index);             /* html_claim.c */
void html_input(struct text *out, const struct run_record *run, const struct result *r, const struct binding *b, const char *what); /* html_input.c: one binding, with these pictures: */
void html_scenes(struct text *out, const struct result *r, const struct binding *b);         /* html_scene.c: patterns and logits of the models on the sequences that the claim reads there */
void html_interval(struct text *out, const struct result *r);                               /* html_interval.c: what the interval of a count, an average, an optimum says */
void html_repairs(struct text *out, const struct result *r);                                /* html_input.c: which component repairs it */
void html_model(struct text *out, const struct run_record *run, const struct bound_model *m);                           /* html_model.c */
/* html_forms.c: a histogram of the distances of `radius` that a claim rests on; spectra and eigenvectors of a bilinear network's outputs, or nothing. */
void html_distances(struct text *out, const struct result *r);
void html_forms(struct text *out, const struct run_record *run, const struct net *net);
/* html_explain.c: a bilinear network's answer at the input that a claim has at this binding. html_rank.c: right answers over the rank kept, where a claim counts with truncate. */
void html_explain(struct text *out, const struct run_record *run, const struct result *r, const struct binding *b);
void html_rank(struct text *out, const struct run_record *run, size_t index);
/* html_segment.c: segments between inputs, cut where the answer changes, as the accepted certificate says. */
void html_segments(struct text *out, const struct result *r);
/* Rows and columns of inputs of width n: what --picture says, else a square where there is one of at least 2 x 2. */
struct shape html_shape(const struct run_record *run, size_t n);
/* Token names of a model, NULL when it has no labels. */
const char *const *html_labels(const struct statement *s, const char *model, size_t *n);
#endif
