/* run: one network on token sequences, evaluated row by row on demand, in double with certified radii. A row (node, position) is kept
 * until a token that it depends on changes, so that walking sequences in lexicographic order shares prefixes by itself.
 * real: |value - mid| <= rad for the true value. float32: the same for every execution of NETWORK.md §5 as well.
 * An infinite or NaN radius means "not known"; callers compare so that it fails. One run belongs to one thread. */
#ifndef WEIGHTPROOF_MODELS_RUN_H
#define WEIGHTPROOF_MODELS_RUN_H
#include <arb.h>
#include "models/net.h"
#include "core/number.h"

enum semantics { SEMANTICS_REAL, SEMANTICS_FLOAT32 };
struct run;
/* net must outlive the run. STATUS_UNSUPPORTED: float32 and a tensor that is not binary32 (net_not_binary32 names it). */
enum status run_new(struct run **out, const struct net *net, enum semantics s) MUST_USE;
void run_free(struct run *r);
/* Replace row `row` (or all rows: -1) of a node wherever it is read. Rows are given anew for each sequence by run_patch_row;
 * one that is not given is unknown. run_tokens comes after it. */
enum status run_patch(struct run *r, size_t node, long row) MUST_USE;
void run_patch_row(struct run *r, size_t node, size_t row, const double *mid, const double *rad);  /* after run_tokens; copies */
/* n in 1..n_ctx, tokens in range (checked by the caller). Cheap: compares with the tokens before. */
void run_tokens(struct run *r, const int *tokens, size_t n);
/* Networks over reals: run_length(r, n), n in 1..n_ctx, in place of run_tokens, and every row below n by run_input_row, mid and rad
 * [width_in] (copied; under float32 the points within are binary32 numbers). Rows given before stay; one that never was is unknown. */
void run_length(struct run *r, size_t n);
void run_input_row(struct run *r, size_t row, const double *mid, const double *rad);
/* Row of a node; arrays of node_width doubles (n for score, softmax, bilinear; entries not allowed by the mask have radius +inf in a score,
 * are 0 with radius 0 in the others). Valid until the next call that changes tokens or patches. */
void run_row(struct run *r, size_t node, size_t row, const double **mid, const double **rad);
size_t run_width(const struct run *r, size_t node);
/* Switches the precomputed tables of folded attention off (tests compare the two ways). */
void run_plain(struct run *r, bool plain);

/* The same in balls of a given precision, without incremental state: the referee for near ties, `run`, `eval`. */
struct ball_run;
enum status ball_run_new(struct ball_run **out, const struct net *net, enum semantics s, slong prec) MUST_USE;
void ball_run_free(struct ball_run *r);
enum status ball_run_patch(struct ball_run *r, size_t node, long row) MUST_USE;
void ball_run_patch_row(struct ball_run *r, size_t node, size_t row, arb_srcptr values);
void ball_run_tokens(struct ball_run *r, const int *tokens, size_t n);
void ball_run_length(struct ball_run *r, size_t n);                               /* as run_length, run_input_row */
void ball_run_input_row(struct ball_run *r, size_t row, arb_srcptr values);
arb_srcptr ball_run_row(struct ball_run *r, size_t node, size_t row);
/* Are entries i and j of a node the same number on every input (twin columns of its linear map)? */
bool net_twins(const struct net *net, size_t node, size_t i, size_t j);
/* What a row (node, i) depends on: nothing but i; token i; tokens 0..i; all tokens and their number; those and the replaced rows. */
enum reach { REACH_NOTHING, REACH_TOKEN, REACH_PREFIX, REACH_ALL, REACH_ANY, REACH_COUNT };
enum reach node_reach(const struct net *net, size_t node, enum reach inputs /* the furthest of them */);
void net_reach(enum reach *out /* [n_nodes] */, const struct net *net);
/* The tokens *first <= j < *end of a sequence of n that a row of such a node depends on. */
void reach_range(size_t *first, size_t *end, enum reach r, size_t row, size_t n);
#endif
