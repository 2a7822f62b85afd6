/* polynomial_program: the semidefinite program behind the weights, in doubles. Nothing here is trusted. */
#ifndef WEIGHTPROOF_VERIFY_POLYNOMIAL_PROGRAM_H
#define WEIGHTPROOF_VERIFY_POLYNOMIAL_PROGRAM_H
#include "verify/polynomial.h"

/* A symmetric matrix of norm 1 by its entries i <= j; `scale` is what it was divided by. */
struct column { long atom, first, second; struct entry { size_t i, j; double v; } *e; size_t n; double scale; };
/* side: 1 and the variables that occur; variable[k]: the number in the region of row k > 0. The first n_atoms columns are atoms. */
struct program { size_t side, *variable; struct column *columns; size_t n, room, n_atoms; bool projected; };
enum status program_make(struct program *g, struct poly_claim *c, const size_t *ids, size_t n) MUST_USE;
void program_clear(struct program *g);
/* x: a weight a column; *t: the smallest eigenvalue that they leave. starts: points that satisfy the atoms on average, when the optimum is not positive. */
enum status program_solve(bool *solved, double *x, double *t, struct starts *starts, const struct program *g, const struct poly_claim *c, const struct limits *l) MUST_USE;
#endif
