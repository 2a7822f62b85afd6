/* curve: the functions of one variable that units of rule farkas apply (FORMAT.md §3): values rounded to multiples of 2^-bits, ranges, lines below and above. */
#ifndef CHECK_CURVE_H
#define CHECK_CURVE_H
#include "net.h"
#include <gmp.h>

enum curve { C_RELU, C_SQUARE, C_RECIPROCAL, C_RECIPROCAL_ROOT, C_EXP, C_SQRT, C_ERF, C_TANH, C_SIGMOID, C_GELU, C_GELU_NEW, C_SILU };
enum curve curve_of(enum op op);   /* of a smooth entrywise operation; else C_RELU */
/* a <= f(z) <= b for z in [lo, hi]; false: f is not defined there, exp of more than 64, or no enclosure is narrow enough */
bool curve_range(mpq_t a, mpq_t b, enum curve f, const mpq_t lo, const mpq_t hi, unsigned bits);
/* Does bisection show f(z) >= slope z + constant (above: <=) on [lo, hi]? */
bool curve_line(enum curve f, const mpq_t lo, const mpq_t hi, const mpq_t slope, const mpq_t constant, bool above);
#define CURVE_BITS 32
#endif
