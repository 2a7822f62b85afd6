/* adjoint_run: enclosures of float32 executions that keep the correlation between entries. What an execution errs by at one entry is the sum, over
 * the operations before it, of what an operation adds times the derivative of the entry by that operation's result. Derivatives are those of the
 * midpoints, taken in reverse mode; what an operation adds is its rounding and the remainder of its linearisation on the enclosures. The forward enclosure (run.h) of a row that is wide beside its entries is tightened so before later rows are
 * computed from it. docs/methods.md, "Errors by reverse mode", is the proof.
 * As a run under float32 (|value - mid| <= rad for the true value and every execution), and rad never exceeds the forward radius from the same
 * inputs. One adjoint_run belongs to one thread. */
#ifndef WEIGHTPROOF_MODELS_ADJOINT_H
#define WEIGHTPROOF_MODELS_ADJOINT_H
#include "models/run.h"

struct adjoint_run;
/* net must outlive it. Status as run_new under float32. */
enum status adjoint_run_new(struct adjoint_run **out, const struct net *net) MUST_USE;
void adjoint_run_free(struct adjoint_run *a);
void adjoint_run_tokens(struct adjoint_run *a, const int *tokens, size_t n);                      /* as run_tokens */
void adjoint_run_length(struct adjoint_run *a, size_t n);                                          /* as run_length */
void adjoint_run_input_row(struct adjoint_run *a, size_t row, const double *mid, const double *rad); /* as run_input_row */
/* As run_row. Valid until the next call. */
void adjoint_run_row(struct adjoint_run *a, size_t node, size_t row, const double **mid, const double **rad);
/* Tokens, or n rows of width_in numbers, each rounded to binary32 (unknown where it has no finite one). */
enum status adjoint_run_input(struct adjoint_run *a, const int *tokens, const double *rows, size_t n) MUST_USE;
/* The smaller of a ball that encloses an entry and its tightened enclosure. */
void adjoint_run_ball(arb_t out, struct adjoint_run *a, size_t node, size_t row, size_t entry, const arb_t ball);
/* [width]: bounds of |execution - true value| of the row's entries. NULL: the network is too large for reverse mode. Valid until the input changes. */
const double *adjoint_run_error(struct adjoint_run *a, size_t node, size_t row);
/* Enclosures mid +- rad of the derivatives of entry `entry` of row `row` by the entries of node `from`, row `from_row`, [width]: every difference of two
 * values that the entry takes when that row moves inside its enclosure is a sum of such derivatives times the differences. False: the row is not read. */
bool adjoint_run_derivative(struct adjoint_run *a, size_t node, size_t row, size_t entry, size_t from, size_t from_row, double *mid, double *rad);
#endif
